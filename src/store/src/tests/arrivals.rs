//! What a team's staff is planned by, on both databases.

use bangban_domain::{ConversationId, Timestamp, ledger::Promise, words::SlaStep};

use super::{conversation, open, seed};
use crate::{Change, HALF_HOUR, LedgerRow, Unit, testing::TestDatabase};

on_both! { requests_are_counted_by_half_hours_with_what_was_waited }

async fn requests_are_counted_by_half_hours_with_what_was_waited(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let mut changes = vec![Change::NewConversation(conversation(2))];
    let asked =
        [(1, 0), (1, HALF_HOUR - 1), (1, HALF_HOUR), (1, 5 * HALF_HOUR), (2, 5 * HALF_HOUR + 1), (2, 9 * HALF_HOUR)];
    for (no, (n, at)) in (1..).zip(asked) {
        changes.push(Change::Clock(LedgerRow {
            conversation: ConversationId::new(n),
            no,
            team: "residence".to_owned(),
            asked_at: Timestamp(at),
            due_at: Timestamp(at + 60_000),
            step: SlaStep::Running,
            breached_at: None,
            answered_at: None,
            left_at: None,
            promise: Promise::FirstResponse,
            policy: None,
        }));
    }
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    for sql in [
        "UPDATE ledger SET answered_at = asked_at + 10000 WHERE no = 1",
        "UPDATE ledger SET left_at = asked_at + 50000 WHERE no = 2",
        // Left, and answered nevertheless before that was known.
        "UPDATE ledger SET answered_at = asked_at + 1000, left_at = asked_at + 2000 WHERE no = 3",
        "UPDATE ledger SET left_at = asked_at + 7000, outcome = 'abuse' WHERE no = 4",
    ] {
        db.execute(sql).await;
    }
    let found = store.arrivals("residence", Timestamp(0), Timestamp(9 * HALF_HOUR)).await.unwrap();
    let half_hours: Vec<_> = found.half_hours.iter().map(|(at, count)| (at.0 / HALF_HOUR, *count)).collect();
    assert_eq!(half_hours, [(0, 2), (1, 1), (5, 1)], "without abuse, and what comes later");
    assert_eq!((found.settled, found.lost, found.waited), (3, 1, 61_000));
    assert_eq!((found.services, found.served), (0, 0));
    assert!(store.arrivals("medical", Timestamp(0), Timestamp(9 * HALF_HOUR)).await.unwrap().half_hours.is_empty());
}
