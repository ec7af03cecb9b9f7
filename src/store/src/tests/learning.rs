//! What conversations teach, on both databases.

use bangban_domain::{AgentId, ConversationId, Timestamp, learning::LabelKind, words::Stage};

use super::{conversation, message, open, seed};
use crate::{
    Author, Change, ConversationRow, LabelQuery, LabelRow, LearningChange, PrivacyChange, RegressionRow, Store, Unit,
    testing::TestDatabase,
};

on_both! {
    labels_are_there_once_until_an_editor_takes_them_and_go_with_their_thread,
    a_question_is_in_the_regression_set_once_for_an_entry,
}

/// A conversation that was closed then, with a message.
async fn closed(store: &Store, n: u128, at: i64) -> ConversationId {
    seed(store, n).await;
    let entries = vec![message(n, Author::Citizen, "a")];
    let row = ConversationRow { stage: Stage::Closed, closed_at: Some(Timestamp(at)), ..conversation(n) };
    store.commit(Unit { entries, ..Unit::default() }).await.unwrap();
    put(store, vec![Change::Conversation(row)]).await;
    ConversationId::new(n)
}

async fn put(store: &Store, changes: Vec<Change>) {
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
}

fn label(conversation: ConversationId, seq: u64, kind: LabelKind, unit: &str) -> LabelRow {
    LabelRow {
        conversation,
        seq,
        kind,
        question: format!("问题 {seq}"),
        item: Some("residence-permit".to_owned()),
        unit: unit.to_owned(),
        entry: (kind != LabelKind::NotFound).then(|| "kb-1".to_owned()),
        revision: (kind != LabelKind::NotFound).then_some(2),
        at: Timestamp(1_000 + i64::try_from(seq).unwrap()),
        taken_at: None,
    }
}

async fn labels_are_there_once_until_an_editor_takes_them_and_go_with_their_thread(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let one = closed(&store, 1, 5_000).await;
    let two = closed(&store, 2, 6_000).await;
    let from = |at| (Timestamp(at), "");
    assert_eq!(store.closed_after(from(0), 9).await.unwrap(), [(one, Timestamp(5_000)), (two, Timestamp(6_000))]);
    assert_eq!(store.closed_after((Timestamp(5_000), &one.to_string()), 9).await.unwrap().len(), 1);
    assert_eq!(store.closed_after(from(0), 1).await.unwrap().len(), 1);

    let not_found = label(one, 3, LabelKind::NotFound, "police");
    let sent = label(one, 5, LabelKind::Sent, "police");
    let unsolved = label(two, 2, LabelKind::Unsolved, "tax");
    let learnt = |labels: &[&LabelRow], until| {
        let labels = labels.iter().map(|one| (*one).clone()).collect();
        Change::Learning(LearningChange::Learnt { labels, until: Timestamp(until) })
    };
    put(&store, vec![learnt(&[&not_found, &sent, &unsolved], 6_000)]).await;
    // Again, and by somebody who is behind: nothing changes.
    let other = LabelRow { question: "别的".to_owned(), ..not_found.clone() };
    put(&store, vec![learnt(&[&other], 5_000)]).await;
    assert_eq!(store.learnt_until().await.unwrap(), Timestamp(6_000));
    assert_eq!(store.label(one, 3).await.unwrap(), Some(not_found.clone()));
    assert_eq!(store.label(one, 4).await.unwrap(), None);

    let query = |units: Option<&[&str]>, since, kinds: &[LabelKind]| LabelQuery {
        units: units.map(|units| units.iter().map(|unit| (*unit).to_owned()).collect()),
        since: Timestamp(since),
        kinds: kinds.to_vec(),
        is_open: true,
    };
    let bad = [LabelKind::NotFound, LabelKind::Unsolved];
    let all = store.labels(&query(None, 0, &bad), 9).await.unwrap();
    assert_eq!(all, [not_found.clone(), unsolved.clone()], "the newest first");
    assert_eq!(store.labels(&query(Some(&["tax"]), 0, &bad), 9).await.unwrap(), std::slice::from_ref(&unsolved));
    assert_eq!(store.labels(&query(Some(&["health"]), 0, &bad), 9).await.unwrap(), []);
    assert_eq!(store.labels(&query(None, 1_003, &bad), 9).await.unwrap(), std::slice::from_ref(&not_found));
    assert_eq!(store.labels(&query(None, 0, &[LabelKind::Sent]), 9).await.unwrap(), std::slice::from_ref(&sent));
    // An unsolved one is no wording that the entry answers.
    assert_eq!(store.learnt_wordings("kb-1", 9).await.unwrap(), ["问题 5"]);

    let taken = LearningChange::Taken { labels: vec![(one, 3)], at: Timestamp(7_000) };
    put(&store, vec![Change::Learning(taken)]).await;
    assert_eq!(store.labels(&query(None, 0, &bad), 9).await.unwrap(), [unsolved]);
    let taken = LabelRow { taken_at: Some(Timestamp(7_000)), ..not_found };
    assert_eq!(store.label(one, 3).await.unwrap(), Some(taken.clone()));
    let all = LabelQuery { is_open: false, ..query(None, 0, &[LabelKind::NotFound]) };
    assert_eq!(store.labels(&all, 9).await.unwrap(), std::slice::from_ref(&taken));
    assert_eq!(store.labels_of(one).await.unwrap(), [taken, sent]);

    let threads = PrivacyChange::Threads { conversations: vec![two], at: Timestamp(8_000) };
    put(&store, vec![Change::Privacy(threads)]).await;
    assert_eq!(store.label(two, 2).await.unwrap(), None);
    assert_eq!(store.closed_after(from(0), 9).await.unwrap(), [(one, Timestamp(5_000))], "there is nothing to read");
    store.close().await;
}

async fn a_question_is_in_the_regression_set_once_for_an_entry(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let row = |id: &str, entry: &str, at| RegressionRow {
        id: id.to_owned(),
        question: "居住证丢了怎么办".to_owned(),
        entry: entry.to_owned(),
        item: None,
        is_learnt: id == "rq-2",
        made_at: Timestamp(at),
        made_by: AgentId::new(1),
    };
    let keep = |row: &RegressionRow| Change::Learning(LearningChange::Keep(Box::new(row.clone())));
    let (one, two) = (row("rq-1", "kb-1", 1), row("rq-2", "kb-2", 2));
    put(&store, vec![keep(&one), keep(&two), keep(&row("rq-3", "kb-1", 3))]).await;
    assert_eq!(store.regression_set(None, 9).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(store.regression_set(Some("kb-1"), 9).await.unwrap(), [one]);
    put(&store, vec![Change::Learning(LearningChange::Drop("rq-1".to_owned()))]).await;
    assert_eq!(store.regression_set(None, 9).await.unwrap(), [two]);
    store.close().await;
}
