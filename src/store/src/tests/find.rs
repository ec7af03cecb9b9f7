//! Conversations are found by every condition, page by page, on both databases.

use bangban_domain::{AgentId, ConversationId, Timestamp, words::Outcome};

use super::{conversation, message, open, raw, seed};
use crate::{Author, Change, ConversationRow, NewEntry, Store, Unit, Wanted, testing::TestDatabase};

on_both! {
    each_condition_leaves_out_what_does_not_fit,
    pages_have_no_gap_and_no_repetition_even_within_one_millisecond,
}

fn everything() -> Wanted {
    Wanted {
        from: Timestamp(0),
        to: Timestamp(1_000_000),
        before: None,
        teams: None,
        item: None,
        agent: None,
        outcome: None,
        stars_at_most: None,
        word: None,
    }
}

fn said(n: u128, client_id: &str, text: &str) -> NewEntry {
    let body = serde_json::json!({ "type": "text", "text": text }).to_string();
    NewEntry { body: raw(&body), ..message(n, Author::Citizen, client_id) }
}

async fn found(store: &Store, wanted: Wanted) -> Vec<u128> {
    let rows = store.find_conversations(&wanted, 100).await.unwrap();
    (1..=9).filter(|n| rows.iter().any(|row| row.id == ConversationId::new(*n))).collect()
}

async fn each_condition_leaves_out_what_does_not_fit(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let agent = Some(AgentId::new(7));
    let rows = [
        ConversationRow { team: "medical".to_owned(), item: None, opened_at: Timestamp(2_000), ..conversation(2) },
        ConversationRow { agent, outcome: Some(Outcome::Solved), stars: Some(2), ..conversation(3) },
        ConversationRow { agent, outcome: Some(Outcome::Unsolved), stars: Some(5), ..conversation(4) },
    ];
    for row in rows {
        let changes = vec![Change::NewConversation(row.clone()), Change::Conversation(row)];
        store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    }
    for (n, text) in [(1, "居住证 100%_OK"), (2, "他说\"Hello\"\\"), (3, "text"), (4, "居住证")] {
        store.commit(Unit { entries: vec![said(n, "a", text)], ..Unit::default() }).await.unwrap();
    }
    let all = everything;
    let teams = |codes: &[&str]| Some(codes.iter().map(|code| (*code).to_owned()).collect());
    let word = |word: &str| Some(word.to_owned());
    for (what, wanted, expected) in [
        ("all", all(), &[1, 2, 3, 4][..]),
        ("since", Wanted { from: Timestamp(2_000), ..all() }, &[2]),
        ("until", Wanted { to: Timestamp(2_000), ..all() }, &[1, 3, 4]),
        ("team", Wanted { teams: teams(&["medical"]), ..all() }, &[2]),
        ("teams", Wanted { teams: teams(&["medical", "residence", "x"]), ..all() }, &[1, 2, 3, 4]),
        ("no team", Wanted { teams: teams(&[]), ..all() }, &[]),
        ("item", Wanted { item: word("residence-permit"), ..all() }, &[1, 3, 4]),
        ("agent", Wanted { agent, ..all() }, &[3, 4]),
        ("outcome", Wanted { outcome: Some(Outcome::Solved), ..all() }, &[3]),
        ("stars", Wanted { stars_at_most: Some(2), ..all() }, &[3]),
        ("word", Wanted { word: word("居住证"), ..all() }, &[1, 4]),
        ("case", Wanted { word: word("100%_ok"), ..all() }, &[1]),
        ("no pattern", Wanted { word: word("100__ok"), ..all() }, &[]),
        ("quotes", Wanted { word: word("说\"hello\"\\"), ..all() }, &[2]),
        ("word and agent", Wanted { word: word("居住证"), agent, ..all() }, &[4]),
    ] {
        assert_eq!(found(&store, wanted).await, expected, "{what}");
    }
    let entries = store.entries_with(ConversationId::new(1), "居住证", 5).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1]);
}

async fn pages_have_no_gap_and_no_repetition_even_within_one_millisecond(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let rows = (2..=7).zip([10, 20, 20, 20, 20, 30]);
    let rows = rows.map(|(n, at)| ConversationRow { opened_at: Timestamp(at), ..conversation(n) });
    let changes = rows.map(Change::NewConversation).collect();
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let mut seen = Vec::new();
    let mut wanted = everything();
    loop {
        let page = store.find_conversations(&wanted, 2).await.unwrap();
        seen.extend(page.iter().map(|row| row.id));
        let Some(last) = page.last() else { break };
        wanted.before = Some((last.opened_at, last.id));
    }
    assert_eq!(seen, [1, 7, 6, 5, 4, 3, 2].map(ConversationId::new), "the first one was opened at 1 000");
}
