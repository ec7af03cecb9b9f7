//! Calibrator and thresholds by what citizens and agents did with answers: a pure function of the index, the labels and the
//! regression set (docs/bot.md, "Learning").
//!
//! Half of the questions fit, the other half judges; all questions of an entry are in one half. What is fitted is taken only if
//! probabilities are truer on the half that judges, no more is answered there that has no answer, and no question of the
//! regression set is answered worse.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bangban_domain::{learning::LabelKind, task::normalised};
use bangban_protocol::{RefitFigures, RefitOutcome, RefitSide};
use bangban_search::{Case, Figures, Half, Index, Model, fit, half_of};
use bangban_store::{LabelRow, RegressionRow};

use crate::learning::lowered;

/// With fewer questions a calibrator says more of chance than of them.
pub const LEAST: usize = 200;

/// Of these in each half at least.
const LEAST_OF_HALF: usize = 50;

/// So much of what has no answer may be answered at any time.
const OUT_OF_SCOPE: f64 = 0.01;

/// What a refit comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Refit {
    /// May it be taken?
    pub outcome: RefitOutcome,
    /// Questions of which labels say something.
    pub questions: usize,
    /// Questions of the regression set that it would answer worse.
    pub lowered: usize,
    /// Before and after.
    pub figures: Option<RefitFigures>,
    /// With [`RefitOutcome::Fitted`]: what is to hold.
    pub model: Option<Model>,
}

/// Questions with the entry that is right by most labels; where no label says that one is, with none. What an entry says word for
/// word is left out: it is answered whatever the calibrator says.
#[must_use]
pub fn cases(index: &Index, labels: &[LabelRow]) -> Vec<Case> {
    let mut asked: BTreeMap<String, (&str, BTreeMap<&str, usize>)> = BTreeMap::new();
    for label in labels {
        let (_, right) = asked.entry(normalised(&label.question)).or_insert((&label.question, BTreeMap::new()));
        let is_right = match label.kind {
            LabelKind::Solved | LabelKind::Chosen | LabelKind::Sent => true,
            LabelKind::NotFound | LabelKind::Unsolved => false,
        };
        if let Some(entry) = label.entry.as_deref().filter(|_| is_right) {
            *right.entry(entry).or_default() += 1;
        }
    }
    let case = |(question, right): (&str, BTreeMap<&str, usize>)| {
        let was_right = !right.is_empty();
        let there = right.into_iter().filter(|(entry, _)| index.entry(entry).is_some());
        let entry = there.max_by_key(|(entry, count)| (*count, std::cmp::Reverse(*entry))).map(|(entry, _)| entry);
        // Its entry does not hold any more: nobody knows what is right now.
        let is_known = entry.is_some() || !was_right;
        let is_word_for_word = index.search(question, None, 1).first().is_some_and(|hit| hit.confidence >= 1.0);
        (is_known && !is_word_for_word).then(|| Case { question: question.to_owned(), entry: entry.map(str::to_owned) })
    };
    asked.into_values().filter_map(case).collect()
}

/// Fits, and says whether it may be taken.
#[must_use]
pub fn refit(index: &Index, labels: &[LabelRow], set: &[RegressionRow]) -> Refit {
    let cases = cases(index, labels);
    let (dev, test): (Vec<Case>, Vec<Case>) = cases.iter().cloned().partition(|case| half_of(case) == Half::Dev);
    let refused = |outcome, figures, lowered| Refit { outcome, questions: cases.len(), lowered, figures, model: None };
    let in_scope: BTreeSet<bool> = cases.iter().map(|case| case.entry.is_some()).collect();
    if cases.len() < LEAST || dev.len().min(test.len()) < LEAST_OF_HALF || !in_scope.contains(&true) {
        return refused(RefitOutcome::TooFew, None, 0);
    }
    let version = index.model().thresholds.version.clone();
    let model = fit(index, &dev, &version);
    let fitted = index.clone().with_model(Arc::new(model.clone()));
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let figures = RefitFigures {
        fitted_by: count(dev.len()),
        judged_by: count(test.len()),
        before: side(index, &test),
        after: side(&fitted, &test),
    };
    let RefitFigures { before, after, .. } = figures;
    if after.ece >= before.ece || after.oos_answered > before.oos_answered.max(OUT_OF_SCOPE) {
        return refused(RefitOutcome::NotBetter, Some(figures), 0);
    }
    let lowered = lowered(set, index, &fitted).len();
    if lowered > 0 {
        return refused(RefitOutcome::Lowers, Some(figures), lowered);
    }
    Refit { model: Some(model), ..refused(RefitOutcome::Fitted, Some(figures), 0) }
}

fn side(index: &Index, cases: &[Case]) -> RefitSide {
    // How long it takes is measured elsewhere.
    let Figures { ece, resolved_with_clarify, oos_answered, .. } = Figures::of(index, cases, || 0.0);
    RefitSide { ece, resolved: resolved_with_clarify, oos_answered }
}

#[cfg(test)]
mod tests {
    use bangban_domain::{AgentId, ConversationId, Timestamp};

    use super::*;
    use crate::catalogue::Catalogue;

    fn label(n: usize, kind: LabelKind, question: &str, entry: Option<&str>) -> LabelRow {
        LabelRow {
            conversation: ConversationId::new(n as u128),
            seq: 1,
            kind,
            question: question.to_owned(),
            item: None,
            unit: "sh".to_owned(),
            entry: entry.map(str::to_owned),
            revision: None,
            at: Timestamp(0),
            taken_at: None,
        }
    }

    /// Each entry of the demo asked in the words of everyday, and solved; and as many questions that nobody answers.
    fn labels(index: &Index, every: usize) -> Vec<LabelRow> {
        let mut labels = Vec::new();
        for (n, entry) in index.entries().enumerate() {
            let question = format!("侬好，{}，我想问问清楚", entry.question.trim_end_matches('？'));
            labels.push(label(2 * n, LabelKind::Solved, &question, Some(&entry.id)));
            if n % every == 0 {
                labels.push(label(2 * n + 1, LabelKind::NotFound, &format!("第{n}路公交车末班车几点"), None));
            }
        }
        labels
    }

    #[test]
    fn a_question_has_the_entry_that_most_labels_say_and_none_where_none_does() {
        let catalogue = Catalogue::demo().unwrap();
        let index = catalogue.index();
        let lost = "kb-residence-permit-lost";
        let found = cases(
            index,
            &[
                label(1, LabelKind::Sent, "居住证掉了怎么整", Some("kb-residence-permit-apply")),
                label(2, LabelKind::Solved, "居住证掉了怎么整？", Some(lost)),
                label(3, LabelKind::Chosen, "居住证掉了怎么整", Some(lost)),
                label(4, LabelKind::NotFound, "居住证掉了怎么整", None),
                label(5, LabelKind::Unsolved, "公交车末班车几点", Some(lost)),
                // Its entry is gone, and what an entry says itself.
                label(6, LabelKind::Solved, "从前有个说法", Some("kb-gone")),
                label(7, LabelKind::Solved, "居住证丢失了怎么补办？", Some(lost)),
            ],
        );
        let case = |question: &str, entry: Option<&str>| Case {
            question: question.to_owned(),
            entry: entry.map(str::to_owned),
        };
        assert_eq!(found, [case("公交车末班车几点", None), case("居住证掉了怎么整", Some(lost))]);
    }

    #[test]
    fn labels_make_probabilities_truer_and_too_few_of_them_make_nothing() {
        let catalogue = Catalogue::demo().unwrap();
        let index = catalogue.index();
        let labels = labels(index, 2);
        let few = refit(index, &labels[..LEAST / 2], &[]);
        assert_eq!((few.outcome, few.model, few.figures), (RefitOutcome::TooFew, None, None));
        let done = refit(index, &labels, &[]);
        let RefitFigures { fitted_by, judged_by, before, after } = done.figures.unwrap();
        assert!(fitted_by as usize >= LEAST_OF_HALF && judged_by as usize >= LEAST_OF_HALF);
        assert_eq!(done.outcome, RefitOutcome::Fitted, "{before:?} {after:?}");
        assert!(after.ece < before.ece, "{before:?} {after:?}");
        let model = done.model.unwrap();
        assert_ne!(model.weights.calibrator, index.model().weights.calibrator);
        assert_eq!(model.weights.ranker, index.model().weights.ranker, "the order of the hits stays");
        // Once more, by what it made: nothing is left to be better by.
        let again = refit(&index.clone().with_model(Arc::new(model)), &labels, &[]);
        assert_eq!(again.outcome, RefitOutcome::NotBetter);
    }

    #[test]
    fn what_the_regression_set_would_lose_stands_in_the_way() {
        let catalogue = Catalogue::demo().unwrap();
        // Answers at half a probability: what labels allow is less.
        let bold = Model {
            thresholds: bangban_search::Thresholds { answer: 0.3, ..Model::built_in().thresholds.clone() },
            ..Model::clone(&Model::built_in())
        };
        let index = catalogue.index().clone().with_model(Arc::new(bold));
        let labels = labels(&index, 2);
        // Half said, which seems less likely than what is said in full.
        let kept = index.entries().filter_map(|entry| {
            let length = entry.question.chars().count();
            let question: String = entry.question.chars().take(length * 2 / 3).collect();
            let is_right = matches!(
                index.decide(&question, None),
                bangban_search::Decision::Answer { entry: found, .. } if found == entry.id
            );
            is_right.then(|| RegressionRow {
                id: entry.id.clone(),
                question,
                entry: entry.id.clone(),
                item: None,
                is_learnt: true,
                made_at: Timestamp(0),
                made_by: AgentId::new(1),
            })
        });
        let set: Vec<RegressionRow> = kept.collect();
        assert!(!set.is_empty());
        let done = refit(&index, &labels, &set);
        assert_eq!((done.outcome, done.model), (RefitOutcome::Lowers, None), "{:?}", done.figures);
        assert!(done.lowered > 0 && done.figures.is_some());
    }
}
