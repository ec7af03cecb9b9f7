//! What a saved entry has to do with those that are like it: the same question again, or another answer to it.

use super::{Content, answer_key};
use crate::{Timestamp, org::Audience, words::words};

/// Questions that are one question with at least this probability are, whatever their words. The search says how probable it
/// is, best of all ways in which the entry is asked; 1 is word for word. How often that is right: docs/knowledge.md.
const SAME_QUESTION: f64 = 0.8;

/// ... and with at least this one they are worth a look.
const LIKE_QUESTION: f64 = 0.6;

words! {
    /// What two entries have to do with each other.
    Kinship {
        /// Nearly the same question with the same answer: one of them is too many.
        Duplicate = "duplicate",
        /// Nearly the same question with another answer, for the same item, district, people and time: both cannot hold.
        Contradiction = "contradiction",
        /// A question that is near.
        Near = "near",
    }
}

/// Where, for whom and when an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Codes of items; empty: about none.
    pub items: &'a [String],
    /// Codes of districts; empty: everywhere.
    pub districts: &'a [String],
    /// Whom it is for.
    pub audience: Audience,
    /// Begin; `None`: at once.
    pub from: Option<Timestamp>,
    /// End; `None`: open.
    pub to: Option<Timestamp>,
}

impl<'a> From<&'a Content> for Scope<'a> {
    fn from(content: &'a Content) -> Self {
        Self {
            items: &content.items,
            districts: &content.districts,
            audience: content.audience,
            from: content.valid_from,
            to: content.valid_to,
        }
    }
}

/// Is there somebody, somewhere, at some time, for whom both hold? Answers about no item meet only each other: the general
/// answer beside a particular one is no contradiction. Local detail is no contradiction to anything: it adds.
#[must_use]
pub fn overlaps(a: Scope<'_>, b: Scope<'_>) -> bool {
    let meet = |a: &[String], b: &[String]| a.iter().any(|one| b.contains(one));
    let items = if a.items.is_empty() || b.items.is_empty() {
        a.items.is_empty() && b.items.is_empty()
    } else {
        meet(a.items, b.items)
    };
    let districts = a.districts.is_empty() || b.districts.is_empty() || meet(a.districts, b.districts);
    let audience = a.audience == Audience::Both || b.audience == Audience::Both || a.audience == b.audience;
    let ends_before = |a: Scope<'_>, b: Scope<'_>| a.to.zip(b.from).is_some_and(|(to, from)| to <= from);
    items && districts && audience && !ends_before(a, b) && !ends_before(b, a)
}

/// What an entry has to do with one whose question is `likeness` (0 to 1) like its own; `None`: nothing.
#[must_use]
pub fn kinship(content: &Content, other: &Content, likeness: f64) -> Option<Kinship> {
    let is_meeting = overlaps(content.into(), other.into());
    if likeness >= SAME_QUESTION && is_meeting && content.base.is_none() && other.base.is_none() {
        let is_same = answer_key(&content.answer) == answer_key(&other.answer);
        return Some(if is_same { Kinship::Duplicate } else { Kinship::Contradiction });
    }
    (likeness >= LIKE_QUESTION).then_some(Kinship::Near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::content::tests::content;

    fn about(item: &str, answer: &str) -> Content {
        Content { items: vec![item.to_owned()], ..content("居住证丢了怎么办", answer) }
    }

    #[test]
    fn another_answer_to_the_same_question_is_a_contradiction_only_where_both_hold() {
        let (a, b) = (about("permit", "先挂失再补领。"), about("permit", "不用挂失，直接补领。"));
        assert_eq!(kinship(&a, &b, 0.9), Some(Kinship::Contradiction));
        assert_eq!(kinship(&a, &about("permit", "先挂失，再补领"), 0.9), Some(Kinship::Duplicate));
        assert_eq!(kinship(&a, &about("passport", "不用挂失。"), 0.9), Some(Kinship::Near), "another item");
        let xuhui = Content { districts: vec!["xuhui".to_owned()], ..b.clone() };
        let huangpu = Content { districts: vec!["huangpu".to_owned()], ..a.clone() };
        assert_eq!(kinship(&a, &xuhui, 0.9), Some(Kinship::Contradiction), "the whole city has Xuhui in it");
        assert_eq!(kinship(&huangpu, &xuhui, 0.9), Some(Kinship::Near));
        let person = Content { audience: Audience::Person, ..a.clone() };
        assert_eq!(
            kinship(&person, &Content { audience: Audience::Enterprise, ..b.clone() }, 0.9),
            Some(Kinship::Near)
        );
        let until = Content { valid_to: Some(Timestamp(100)), ..a.clone() };
        assert_eq!(
            kinship(&until, &Content { valid_from: Some(Timestamp(100)), ..b.clone() }, 0.9),
            Some(Kinship::Near)
        );
        let overlap = Content { valid_from: Some(Timestamp(99)), ..b };
        assert_eq!(kinship(&until, &overlap, 0.9), Some(Kinship::Contradiction));
        let detail = Content { base: Some("kb-1".to_owned()), ..xuhui };
        assert_eq!(kinship(&a, &detail, 0.9), Some(Kinship::Near), "detail adds");
    }

    #[test]
    fn what_is_less_alike_is_near_or_nothing() {
        let (a, b) = (about("permit", "甲"), about("permit", "乙"));
        assert_eq!(kinship(&a, &b, 0.79), Some(Kinship::Near));
        assert_eq!(kinship(&a, &b, 0.6), Some(Kinship::Near));
        assert_eq!(kinship(&a, &b, 0.59), None);
    }
}
