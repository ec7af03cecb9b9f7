//! Alerts: one per cause, and the history by every condition, page by page, on both databases.

use bangban_domain::{AgentId, AlertId, ConversationId, Timestamp, alert::AlertKind};

use super::{open, seed};
use crate::{
    Acknowledged, AlertChange, AlertFilter, AlertRow, Change, PrivacyChange, StaffRow, Store, StoreError, Unit,
    testing::TestDatabase,
};

on_both! {
    a_cause_is_told_once_and_never_again,
    the_history_is_filtered_and_has_pages,
}

fn row(n: u128, kind: AlertKind, unit: Option<&str>) -> AlertRow {
    AlertRow {
        id: AlertId::new(n),
        kind,
        cause: format!("{kind}:{n}"),
        conversation: Some(ConversationId::new(1)),
        agent: None,
        team: None,
        unit: unit.map(str::to_owned),
        item: None,
        amount: 0,
        reason: None,
        text: Some("话".to_owned()),
        raised_at: Timestamp(100),
        acknowledged: None,
        cleared_at: None,
    }
}

async fn write(store: &Store, changes: impl IntoIterator<Item = AlertChange>) -> Result<(), StoreError> {
    let changes = changes.into_iter().map(Change::Alert).collect();
    store.commit(Unit { changes, ..Unit::default() }).await.map(drop)
}

async fn a_cause_is_told_once_and_never_again(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let first = row(1, AlertKind::Flag, None);
    let again = AlertRow { id: AlertId::new(2), cause: first.cause.clone(), ..first.clone() };
    write(&store, [AlertChange::Raise(first.clone())]).await.unwrap();
    write(&store, [AlertChange::Raise(again.clone())]).await.unwrap();
    assert_eq!(store.open_alerts().await.unwrap(), std::slice::from_ref(&first));
    write(&store, [AlertChange::Clear(first.id, Timestamp(200))]).await.unwrap();
    write(&store, [AlertChange::Clear(first.id, Timestamp(300)), AlertChange::Raise(again)]).await.unwrap();
    assert_eq!(store.open_alerts().await.unwrap(), [], "over, and not told again");
    assert_eq!(store.alert(first.id).await.unwrap().unwrap().cleared_at, Some(Timestamp(200)), "over once");
    let bad = AlertRow { text: Some("\0".to_owned()), ..row(3, AlertKind::Flag, None) };
    assert!(matches!(write(&store, [AlertChange::Raise(bad)]).await, Err(StoreError::Nul { field: "text" })));
}

async fn the_history_is_filtered_and_has_pages(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    store
        .commit(Unit {
            changes: vec![Change::Staff(StaffRow::new(AgentId::new(7), "super1", "吴督导"))],
            ..Unit::default()
        })
        .await
        .unwrap();
    let rows = [
        row(1, AlertKind::Flag, Some("xuhui")),
        row(2, AlertKind::Coverage, Some("huangpu")),
        row(3, AlertKind::Flag, None),
        AlertRow { raised_at: Timestamp(300), ..row(4, AlertKind::Flag, Some("xuhui")) },
    ];
    write(&store, rows.into_iter().map(AlertChange::Raise)).await.unwrap();
    let seen = Acknowledged { by: AgentId::new(7), at: Timestamp(150), note: "去了".to_owned() };
    write(&store, [AlertChange::Acknowledge(AlertId::new(1), Some(seen.clone()))]).await.unwrap();
    assert_eq!(store.alert(AlertId::new(1)).await.unwrap().unwrap().acknowledged, Some(seen));
    let all = || AlertFilter {
        from: Timestamp(0),
        to: Timestamp(1_000),
        before: None,
        kind: None,
        by: None,
        unseen: false,
        units: None,
    };
    let units = |codes: &[&str]| Some(codes.iter().map(|code| (*code).to_owned()).collect());
    for (what, filter, expected) in [
        ("all", all(), &[4, 3, 2, 1][..]),
        ("since", AlertFilter { from: Timestamp(200), ..all() }, &[4]),
        ("until", AlertFilter { to: Timestamp(300), ..all() }, &[3, 2, 1]),
        ("kind", AlertFilter { kind: Some(AlertKind::Coverage), ..all() }, &[2]),
        ("by", AlertFilter { by: Some(AgentId::new(7)), ..all() }, &[1]),
        ("unseen", AlertFilter { unseen: true, ..all() }, &[4, 3, 2]),
        ("unit", AlertFilter { units: units(&["xuhui"]), ..all() }, &[4, 1]),
        ("units", AlertFilter { units: units(&["xuhui", "huangpu", "x"]), ..all() }, &[4, 2, 1]),
        ("no unit", AlertFilter { units: units(&[]), ..all() }, &[]),
        ("next", AlertFilter { before: Some((Timestamp(100), AlertId::new(3))), ..all() }, &[2, 1]),
    ] {
        let found: Vec<u128> = store.alerts(&filter, 10).await.unwrap().iter().map(|row| row.id.raw()).collect();
        assert_eq!(found, expected, "{what}");
    }
    assert_eq!(store.alerts(&all(), 2).await.unwrap().len(), 2);
    // Taken back.
    write(&store, [AlertChange::Acknowledge(AlertId::new(1), None)]).await.unwrap();
    assert_eq!(store.alert(AlertId::new(1)).await.unwrap().unwrap().acknowledged, None);
    // The words go with the thread, the alert stays.
    let gone = PrivacyChange::Threads { conversations: vec![ConversationId::new(1)], at: Timestamp(900) };
    let closed = crate::ConversationRow { stage: bangban_domain::words::Stage::Closed, ..super::conversation(1) };
    let changes = vec![Change::Conversation(closed), Change::Privacy(gone)];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    assert!(store.alerts(&all(), 10).await.unwrap().iter().all(|row| row.text.is_none()));
}
