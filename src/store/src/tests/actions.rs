//! Actions on both databases.

use bangban_domain::{
    ActionId, CitizenId, ConversationId, Timestamp,
    action::{ActionKind, ActionState, Walk},
    words::Stage,
};

use super::{conversation, open, seed};
use crate::{
    ActionChange, ActionRow, Change, ConversationRow, PrivacyChange, Store, StoreError, Unit, testing::TestDatabase,
};

on_both! {
    of_two_who_confirm_the_same_entry_one_is_refused,
    an_action_is_settled_once_and_looked_up_until_then,
    actions_go_when_their_person_is_erased,
}

fn confirmed(id: u128, asked_seq: u64, at: i64) -> ActionRow {
    ActionRow {
        id: ActionId::new(id),
        conversation: ConversationId::new(1),
        asked_seq,
        citizen: CitizenId::new(7),
        walk: Walk::begin(ActionKind::Book, "passport", "护照", "huangpu"),
        state: ActionState::Acting,
        confirmed_at: Timestamp(at),
        due_at: Timestamp(at + 10),
        looks: 0,
        settled_at: None,
    }
}

async fn change(store: &Store, change: ActionChange) -> Result<(), StoreError> {
    store.commit(Unit { changes: vec![Change::Action(change)], ..Unit::default() }).await.map(drop)
}

async fn of_two_who_confirm_the_same_entry_one_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let (one, other) = (confirmed(1, 5, 100), confirmed(2, 5, 101));
    let both = [one.clone(), other].map(|row| change(&store, ActionChange::Confirmed(Box::new(row))));
    let [first, second] = both;
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok());
    assert!(matches!(second, Err(StoreError::ActionOutdated(id)) if id == ActionId::new(2)));
    assert_eq!(store.action(one.id).await.unwrap(), Some(one));
    assert_eq!(store.action(ActionId::new(2)).await.unwrap(), None);
    change(&store, ActionChange::Confirmed(Box::new(confirmed(3, 6, 200)))).await.unwrap();
    for (since, n) in [(99, 2), (100, 1), (200, 0)] {
        assert_eq!(store.actions_since(CitizenId::new(7), Timestamp(since)).await.unwrap(), n, "since {since}");
    }
    assert_eq!(store.actions_since(CitizenId::new(8), Timestamp(0)).await.unwrap(), 0);
    store.close().await;
}

async fn an_action_is_settled_once_and_looked_up_until_then(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let row = confirmed(1, 5, 100);
    change(&store, ActionChange::Confirmed(Box::new(row.clone()))).await.unwrap();
    assert_eq!(store.next_action().await.unwrap(), Some(Timestamp(110)));
    assert!(store.actions_due(Timestamp(109), 9).await.unwrap().is_empty());
    assert_eq!(store.actions_due(Timestamp(110), 9).await.unwrap(), std::slice::from_ref(&row));
    let looked = ActionChange::Looked { id: row.id, state: ActionState::Unknown, due_at: Timestamp(150) };
    change(&store, looked.clone()).await.unwrap();
    let unknown = ActionRow { state: ActionState::Unknown, due_at: Timestamp(150), looks: 1, ..row.clone() };
    assert_eq!(store.actions_due(Timestamp(150), 9).await.unwrap(), std::slice::from_ref(&unknown));
    let settled = |at| ActionChange::Settled { id: row.id, state: ActionState::Done, at: Timestamp(at) };
    change(&store, settled(160)).await.unwrap();
    for late in [settled(170), looked] {
        assert!(matches!(change(&store, late).await, Err(StoreError::ActionOutdated(_))));
    }
    let done = ActionRow { state: ActionState::Done, settled_at: Some(Timestamp(160)), ..unknown };
    assert_eq!(store.action(row.id).await.unwrap(), Some(done));
    assert_eq!(store.next_action().await.unwrap(), None);
    store.close().await;
}

async fn actions_go_when_their_person_is_erased(db: TestDatabase) {
    let (store, _) = open(&db).await;
    for (n, row) in [(1, confirmed(1, 5, 100)), (2, confirmed(2, 5, 100))] {
        seed(&store, n).await;
        let closed = ConversationRow { stage: Stage::Closed, closed_at: Some(Timestamp(900)), ..conversation(n) };
        let row = ActionRow { conversation: ConversationId::new(n), citizen: closed.citizen, ..row };
        let changes = vec![Change::Conversation(closed), Change::Action(ActionChange::Confirmed(Box::new(row)))];
        store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    }
    let erase = PrivacyChange::Erase {
        citizen: conversation(1).citizen,
        into: CitizenId::new(99),
        conversations: vec![ConversationId::new(1), ConversationId::new(2)],
        at: Timestamp(1_000),
    };
    store.commit(Unit { changes: vec![Change::Privacy(erase)], ..Unit::default() }).await.unwrap();
    assert_eq!(db.number("SELECT COUNT(*) FROM action").await, 0);
    store.close().await;
}
