//! What threads teach, and how what was learnt is put together: without I/O.

use std::collections::BTreeMap;

use bangban_domain::{
    learning::{LabelKind, Said},
    task::normalised,
};
use bangban_protocol::{BotPhrase, Decided, HandOverReason, Party, RegressionResult, ThreadBody, ThreadEntry};
use bangban_search::{Decision, Index, Words, small_talk};
use bangban_store::{LabelRow, RegressionRow};

/// Questions are one cluster from this cosine on: measured on 4 326 titles of citizens' messages.
const ALIKE: f32 = 0.82;

/// What of a thread's entry teaches something.
#[must_use]
pub fn said(entry: &ThreadEntry) -> Option<Said<'_>> {
    let in_context = |decided: &Option<Decided>| decided.as_ref().is_some_and(|by| by.context.is_some());
    Some(match (&entry.from, &entry.body) {
        (Party::Citizen, ThreadBody::Text { text, .. }) if small_talk(text).is_none() => Said::Asked(text),
        (Party::Bot, ThreadBody::BotAnswer { entry, question, revision, decided, .. }) => {
            Said::Answered { entry, question, revision: *revision, in_context: in_context(decided) }
        }
        (Party::Bot, ThreadBody::BotClarify { options, .. }) => {
            Said::Offered(options.iter().map(|option| option.entry.as_str()).collect())
        }
        // Whoever asks for a person instead of choosing meant none of what was offered.
        (Party::Citizen, ThreadBody::OptionsRefused { .. }) | (_, ThreadBody::HumanRequested { .. }) => Said::Refused,
        (Party::Bot, ThreadBody::BotHandOver { reason, .. }) => match reason {
            HandOverReason::NotFound | HandOverReason::NotUnderstood => Said::Unknown,
            HandOverReason::Approval => Said::Proposed,
            HandOverReason::WantsPerson
            | HandOverReason::Emergency
            | HandOverReason::Complaint
            | HandOverReason::Blocked => Said::NoQuestion,
            // About a file, not about what was asked before.
            HandOverReason::CannotSee => return None,
        },
        // What was only rude.
        (Party::Bot, ThreadBody::BotSays { phrase: BotPhrase::Polite } | ThreadBody::ActionsOffered { .. }) => {
            Said::NoQuestion
        }
        (_, ThreadBody::BotFeedback { answer, solved }) => Said::Judged { answer: *answer, solved: *solved },
        (Party::Agent { .. }, ThreadBody::Text { entry: Some(entry), revision, .. }) => {
            Said::Sent { entry, revision: *revision }
        }
        _ => return None,
    })
}

/// A wording that was used, and by which labels.
struct Wording<'a> {
    question: &'a str,
    members: Vec<usize>,
}

/// Labels whose questions ask the same about the same item, as positions in the list; those that were asked most first, of
/// equal ones those that were asked last.
#[must_use]
pub fn clusters(words: &Words, labels: &[LabelRow]) -> Vec<Vec<usize>> {
    let last = |members: &[usize]| members.iter().map(|at| labels[*at].at).max();
    let by_weight = |a: &[usize], b: &[usize]| b.len().cmp(&a.len()).then(last(b).cmp(&last(a))).then(a.cmp(b));
    let mut wordings: BTreeMap<(Option<&str>, String), Wording<'_>> = BTreeMap::new();
    for (at, label) in labels.iter().enumerate() {
        let key = (label.item.as_deref(), normalised(&label.question));
        let wording = wordings.entry(key).or_insert_with(|| Wording { question: &label.question, members: Vec::new() });
        wording.members.push(at);
    }
    let mut by_item: BTreeMap<Option<&str>, Vec<Wording<'_>>> = BTreeMap::new();
    for ((item, _), wording) in wordings {
        by_item.entry(item).or_default().push(wording);
    }
    let mut found: Vec<Vec<usize>> = Vec::new();
    for mut wordings in by_item.into_values() {
        wordings.sort_by(|a, b| by_weight(&a.members, &b.members));
        let texts: Vec<&str> = wordings.iter().map(|wording| wording.question).collect();
        let mut of_first: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (first, wording) in words.alike(&texts, ALIKE).into_iter().zip(&wordings) {
            of_first.entry(first).or_default().extend(&wording.members);
        }
        found.extend(of_first.into_values());
    }
    for members in &mut found {
        members.sort_unstable();
    }
    found.sort_by(|a, b| by_weight(a, b));
    found
}

/// The different wordings of some labels, the most frequent first.
#[must_use]
pub fn wordings<'a>(labels: impl IntoIterator<Item = &'a LabelRow>) -> Vec<(&'a str, u32)> {
    let mut counted: Vec<(String, &str, u32)> = Vec::new();
    for label in labels {
        let key = normalised(&label.question);
        match counted.iter_mut().find(|(known, ..)| *known == key) {
            Some((_, _, count)) => *count += 1,
            None => counted.push((key, &label.question, 1)),
        }
    }
    // Stable: of equal ones the one that was asked last stands first.
    counted.sort_by_key(|one| std::cmp::Reverse(one.2));
    counted.into_iter().map(|(_, question, count)| (question, count)).collect()
}

/// How many labels say it.
#[must_use]
pub fn count<'a>(labels: impl IntoIterator<Item = &'a LabelRow>, kind: LabelKind) -> u32 {
    u32::try_from(labels.into_iter().filter(|label| label.kind == kind).count()).unwrap_or(u32::MAX)
}

/// How an index answers a question of the regression set.
#[must_use]
pub fn result(index: &Index, row: &RegressionRow) -> RegressionResult {
    if index.entry(&row.entry).is_none() {
        return RegressionResult::NoEntry;
    }
    match index.decide(&row.question, row.item.as_deref()) {
        Decision::Answer { entry, .. } if entry == row.entry => RegressionResult::Right,
        Decision::Clarify { options } if options.contains(&row.entry) => RegressionResult::Offered,
        Decision::Answer { .. } | Decision::Clarify { .. } => RegressionResult::Wrong,
        Decision::Greeting | Decision::HandOver { .. } => RegressionResult::Nothing,
    }
}

/// The questions that one index answers rightly and the other does not, with what that one makes of them.
#[must_use]
pub fn lowered<'a>(
    set: &'a [RegressionRow],
    before: &Index,
    after: &Index,
) -> Vec<(&'a RegressionRow, RegressionResult)> {
    let is_right = |row: &&RegressionRow| result(before, row) == RegressionResult::Right;
    let after =
        |row: &'a RegressionRow| Some((row, result(after, row))).filter(|(_, now)| *now != RegressionResult::Right);
    set.iter().filter(is_right).filter_map(after).collect()
}

#[cfg(test)]
mod tests {
    use bangban_domain::{AgentId, ConversationId, Timestamp};
    use bangban_search::Entry;

    use super::*;

    fn label(n: u64, question: &str, item: Option<&str>) -> LabelRow {
        LabelRow {
            conversation: ConversationId::new(n.into()),
            seq: 1,
            kind: LabelKind::NotFound,
            question: question.to_owned(),
            item: item.map(str::to_owned),
            unit: "sh".to_owned(),
            entry: None,
            revision: None,
            at: Timestamp(i64::try_from(n).unwrap()),
            taken_at: None,
        }
    }

    #[test]
    fn questions_that_ask_the_same_about_the_same_item_are_one_cluster() {
        let labels = [
            label(1, "量子居住证丢了怎么办", Some("residence-permit")),
            label(2, "护照办理要多少钱", None),
            label(3, "请问量子居住证丢了怎么办？", Some("residence-permit")),
            label(4, "量子居住证丢了咋办", Some("residence-permit")),
            label(5, "量子居住证丢了怎么办", None),
        ];
        let found = clusters(&Words::default(), &labels);
        assert_eq!(found.first().unwrap(), &[0, 2, 3], "{found:?}");
        assert_eq!(found.len(), 3, "another item and another question stand apart: {found:?}");
        assert_eq!(found[1], [4], "the last one asked first");
        let words = wordings(found[0].iter().map(|at| &labels[*at]));
        assert_eq!(words.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(wordings(&labels)[0], ("量子居住证丢了怎么办", 2), "the most frequent first");
        assert_eq!(clusters(&Words::default(), &[]), Vec::<Vec<usize>>::new());
    }

    fn entry(id: &str, question: &str) -> Entry {
        Entry { id: id.to_owned(), question: question.to_owned(), audience: "both".to_owned(), ..Entry::default() }
    }

    #[test]
    fn a_question_that_another_entry_takes_is_told_and_one_that_was_wrong_before_is_not() {
        let row = |question: &str, entry: &str| RegressionRow {
            id: question.to_owned(),
            question: question.to_owned(),
            entry: entry.to_owned(),
            item: None,
            is_learnt: false,
            made_at: Timestamp(0),
            made_by: AgentId::new(1),
        };
        let set = [row("居住证丢了怎么办", "kb-lost"), row("量子退相干时间", "kb-lost"), row("护照多少钱", "kb-gone")];
        let before = Index::build(vec![entry("kb-lost", "居住证丢了怎么办"), entry("kb-fee", "护照办理收费标准")]);
        assert_eq!(result(&before, &set[0]), RegressionResult::Right);
        assert_eq!(result(&before, &set[2]), RegressionResult::NoEntry);
        // The same question in another entry: which one is meant cannot be told any more.
        let after = before.changed(vec![entry("kb-new", "居住证丢了怎么办")], &[]);
        let worse = lowered(&set, &before, &after);
        assert_eq!(worse.iter().map(|(row, _)| row.id.as_str()).collect::<Vec<_>>(), ["居住证丢了怎么办"]);
        let same = before.changed(vec![entry("kb-other", "医保卡怎么激活")], &[]);
        assert_eq!(lowered(&set, &before, &same), []);
    }
}
