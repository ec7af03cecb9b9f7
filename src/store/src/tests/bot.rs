//! What 小申 decides by, and what it was asked, on both databases.

use bangban_domain::{AgentId, Timestamp};

use super::{message, open, seed};
use crate::{
    Author, BotChange, Change, NewEntry, Store, StoreError, ThresholdRow, Unit, WordRow, testing::TestDatabase,
};

on_both! {
    of_two_who_set_thresholds_one_is_refused,
    words_are_replaced_and_dropped_and_others_see_that,
    an_answer_is_counted_once_and_only_if_it_was_given,
    what_was_only_rude_is_counted_once_by_the_day_of_shanghai,
}

const WHO: Author = Author::Agent(AgentId::new(1));

fn version(version: u64, answer: f64) -> ThresholdRow {
    ThresholdRow {
        version,
        answer,
        clarify: 0.25,
        approve: None,
        basis: "2026-11 一周的标注".to_owned(),
        reason: "试运行".to_owned(),
        copy_of: None,
        calibrator: None,
        figures: None,
        changed_by: WHO,
        changed_at: Timestamp(100 + i64::try_from(version).unwrap()),
    }
}

async fn put(store: &Store, change: BotChange) -> Result<(), StoreError> {
    store.commit(Unit { changes: vec![Change::Bot(change)], ..Unit::default() }).await.map(drop)
}

async fn of_two_who_set_thresholds_one_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    assert_eq!(store.bot_settings(None).await.unwrap(), Some((0, None, Vec::new())));
    assert_eq!(store.bot_settings(Some(0)).await.unwrap(), None);
    put(&store, BotChange::Thresholds(version(1, 0.9))).await.unwrap();
    for late in [1, 3] {
        let refused = put(&store, BotChange::Thresholds(version(late, 0.5))).await;
        assert!(matches!(refused, Err(StoreError::KnowledgeOutdated(_))), "{late}");
    }
    let (calibrator, figures) = (Some("{\"bias\":0}".to_owned()), Some("{}".to_owned()));
    let back = ThresholdRow { copy_of: Some(0), calibrator, figures, approve: Some(0.625), ..version(2, 0.85) };
    put(&store, BotChange::Thresholds(back.clone())).await.unwrap();
    assert_eq!(store.thresholds().await.unwrap(), [back.clone(), version(1, 0.9)]);
    assert_eq!(store.threshold(1).await.unwrap(), Some(version(1, 0.9)));
    assert_eq!(store.threshold(9).await.unwrap(), None);
    assert_eq!(store.bot_settings(Some(1)).await.unwrap(), Some((2, Some(back), Vec::new())));
    let nul = ThresholdRow { reason: "不\u{0}".to_owned(), ..version(3, 0.5) };
    let refused = put(&store, BotChange::Thresholds(nul)).await;
    assert!(matches!(refused, Err(StoreError::Nul { field: "reason" })));
}

async fn words_are_replaced_and_dropped_and_others_see_that(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let row = |word: &str, reads_as: Option<&str>| WordRow {
        word: word.to_owned(),
        reads_as: reads_as.map(str::to_owned),
        changed_by: WHO,
        changed_at: Timestamp(7),
    };
    put(&store, BotChange::Words(vec![row("交金", Some("缴费")), row("侬", None)])).await.unwrap();
    put(&store, BotChange::Words(vec![row("交金", Some("社保"))])).await.unwrap();
    let mut words = store.words().await.unwrap();
    words.sort_by(|a, b| a.reads_as.cmp(&b.reads_as));
    assert_eq!(words, [row("侬", None), row("交金", Some("社保"))]);
    put(&store, BotChange::DropWords(vec!["侬".to_owned(), "没有".to_owned()])).await.unwrap();
    let (count, holds, words) = store.bot_settings(Some(2)).await.unwrap().unwrap();
    assert_eq!((count, holds, words), (3, None, vec![row("交金", Some("社保"))]));
}

async fn what_was_only_rude_is_counted_once_by_the_day_of_shanghai(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let rude = async |at: i64, client: &str| {
        let said = message(7, Author::Citizen, client);
        let reply =
            NewEntry { at: Timestamp(at), client_id: None, follows: true, rude: true, ..message(7, Author::Bot, "") };
        store.commit(Unit { entries: vec![said, reply], ..Unit::default() }).await.unwrap();
    };
    // 23:59:59.999 and 00:00 in Shanghai are two days.
    let midnight = 20_000 * 86_400_000 - 8 * 3_600_000;
    rude(midnight - 1, "a").await;
    rude(midnight, "b").await;
    rude(midnight + 1, "b").await;
    rude(midnight + 2, "c").await;
    let counts = async |since| store.rude_since(Timestamp(since)).await.unwrap();
    assert_eq!(counts(0).await, [(20_000, 2), (19_999, 1)]);
    assert_eq!(counts(midnight + 1).await, [(20_000, 1)]);
    put(&store, BotChange::ForgetRude(Timestamp(midnight))).await.unwrap();
    assert_eq!(counts(0).await, [(20_000, 2)]);
}

async fn an_answer_is_counted_once_and_only_if_it_was_given(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let asked = async |at: i64, client: &str, entry: &str| {
        let question = message(7, Author::Citizen, client);
        let about = Some(entry.to_owned());
        let answer =
            NewEntry { at: Timestamp(at), client_id: None, follows: true, about, ..message(7, Author::Bot, "") };
        store.commit(Unit { entries: vec![question, answer], ..Unit::default() }).await.unwrap();
    };
    asked(1_000, "a", "kb-1").await;
    // Sent once more: the first answer stands.
    asked(1_500, "a", "kb-1").await;
    asked(2_000, "b", "kb-2").await;
    asked(3_000, "c", "kb-2").await;
    let counts = async |since| store.asked_since(Timestamp(since), 10).await.unwrap();
    assert_eq!(counts(0).await, [("kb-2".to_owned(), 2), ("kb-1".to_owned(), 1)]);
    assert_eq!(counts(1_001).await, [("kb-2".to_owned(), 2)]);
    put(&store, BotChange::ForgetAsked(Timestamp(2_001))).await.unwrap();
    assert_eq!(counts(0).await, [("kb-2".to_owned(), 1)]);
}
