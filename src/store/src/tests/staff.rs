//! Accounts and sessions of staff, on both databases.

use bangban_domain::{
    AgentId, StaffSessionId, Timestamp,
    rights::Grant,
    words::{AgentStatus, Role, SessionEnd, SignIn},
};

use super::open;
use crate::{Change, Membership, SessionRow, StaffChange, StaffRow, Store, StoreError, Unit, testing::TestDatabase};

on_both! {
    an_account_comes_back_as_it_was_written,
    of_two_administrators_the_second_is_told_and_no_staff_number_is_given_twice,
    password_and_second_factor_change_apart_from_the_rest,
    a_session_is_found_by_its_refresh_token_until_it_is_forgotten,
    what_others_have_to_hear_of_is_counted,
}

const ME: AgentId = AgentId::new(1);

fn account() -> StaffRow {
    StaffRow {
        unit: Some("xuhui".to_owned()),
        grants: vec![
            Grant { role: Role::Agent, unit: Some("xuhui".to_owned()), items: Vec::new() },
            Grant { role: Role::Editor, unit: None, items: vec!["passport".to_owned(), "residence-permit".to_owned()] },
        ],
        capacity: 3,
        teams: vec![Membership::new("residence"), Membership { team: "social".to_owned(), level: 5 }],
        skills: vec!["手语".to_owned()],
        languages: vec!["en".to_owned(), "ja".to_owned()],
        ..StaffRow::new(ME, "agent1001", "李敏")
    }
}

async fn commit(store: &Store, changes: impl IntoIterator<Item = StaffChange>) -> Result<(), StoreError> {
    let changes = changes.into_iter().map(Change::Account).collect();
    store.commit(Unit { changes, ..Unit::default() }).await.map(|_| ())
}

fn edited(row: &StaffRow, from: u64) -> StaffChange {
    StaffChange::Edited { row: Box::new(row.clone()), from }
}

async fn read(store: &Store) -> StaffRow {
    store.staff().await.unwrap().into_iter().find(|row| row.id == ME).unwrap()
}

async fn an_account_comes_back_as_it_was_written(db: TestDatabase) {
    let (store, _) = open(&db).await;
    commit(&store, [edited(&account(), 0)]).await.unwrap();
    assert_eq!(read(&store).await, account());
    let changed = StaffRow {
        version: 2,
        name: "李敏敏".to_owned(),
        unit: None,
        grants: vec![Grant { role: Role::Supervisor, unit: None, items: Vec::new() }],
        teams: Vec::new(),
        is_active: false,
        ..account()
    };
    commit(&store, [edited(&changed, 1)]).await.unwrap();
    assert_eq!(read(&store).await, changed);
    store.close().await;
    let (store, _) = open(&db).await;
    assert_eq!(read(&store).await, changed);
}

async fn of_two_administrators_the_second_is_told_and_no_staff_number_is_given_twice(db: TestDatabase) {
    let (store, _) = open(&db).await;
    commit(&store, [edited(&account(), 0)]).await.unwrap();
    let first = StaffRow { version: 2, capacity: 4, ..account() };
    let second = StaffRow { version: 2, capacity: 5, ..account() };
    commit(&store, [edited(&first, 1)]).await.unwrap();
    assert!(matches!(commit(&store, [edited(&second, 1)]).await, Err(StoreError::StaffOutdated(ME))));
    assert_eq!(read(&store).await, first);
    let other = StaffRow { id: AgentId::new(2), ..account() };
    assert!(matches!(commit(&store, [edited(&other, 0)]).await, Err(StoreError::LoginTaken)));
    assert_eq!(store.staff().await.unwrap().len(), 1);
    let nul = StaffRow { name: "a\0b".to_owned(), ..other };
    assert!(matches!(commit(&store, [edited(&nul, 0)]).await, Err(StoreError::Nul { field: "name" })));
}

async fn password_and_second_factor_change_apart_from_the_rest(db: TestDatabase) {
    let (store, _) = open(&db).await;
    commit(&store, [edited(&account(), 0)]).await.unwrap();
    let status = Change::Status { agent: ME, status: AgentStatus::Break, at: Timestamp(5) };
    store.commit(Unit { changes: vec![status], ..Unit::default() }).await.unwrap();
    commit(
        &store,
        [
            StaffChange::Password { agent: ME, hash: "new".to_owned(), must_change: true },
            StaffChange::Totp {
                agent: ME,
                secret: Some("sealed".to_owned()),
                recovery: vec!["a".to_owned(), "b".to_owned()],
                step: 7,
            },
            StaffChange::Locked { login: "agent1001".to_owned(), until: Timestamp(99) },
        ],
    )
    .await
    .unwrap();
    let expected = StaffRow {
        password_hash: "new".to_owned(),
        must_change: true,
        totp: Some("sealed".to_owned()),
        totp_step: 7,
        status: AgentStatus::Break,
        locked_until: Timestamp(99),
        ..account()
    };
    assert_eq!(read(&store).await, expected);
    // An administrator's change touches none of it.
    commit(&store, [edited(&StaffRow { version: 2, capacity: 1, ..account() }, 1)]).await.unwrap();
    assert_eq!(read(&store).await, StaffRow { version: 2, capacity: 1, ..expected });
    commit(&store, [StaffChange::TotpUsed { agent: ME, step: 9 }, StaffChange::TotpUsed { agent: ME, step: 8 }])
        .await
        .unwrap();
    assert_eq!(read(&store).await.totp_step, 9, "it only grows");
    let has = async |hash| store.has_recovery(ME, hash).await.unwrap();
    assert!(has("a").await && !has("c").await && !store.has_recovery(AgentId::new(2), "a").await.unwrap());
    let used = StaffChange::RecoveryUsed { agent: ME, hash: "a".to_owned(), at: Timestamp(5) };
    commit(&store, [used]).await.unwrap();
    assert!(!has("a").await && has("b").await);
    assert_eq!(store.recoveries_left(ME).await.unwrap(), 1);
    commit(&store, [StaffChange::Totp { agent: ME, secret: None, recovery: Vec::new(), step: 0 }]).await.unwrap();
    assert_eq!((read(&store).await.totp, store.recoveries_left(ME).await.unwrap()), (None, 0));
}

async fn a_session_is_found_by_its_refresh_token_until_it_is_forgotten(db: TestDatabase) {
    let (store, _) = open(&db).await;
    commit(&store, [edited(&account(), 0)]).await.unwrap();
    let session = SessionRow {
        id: StaffSessionId::new(3),
        agent: ME,
        way: SignIn::Password,
        began_at: Timestamp(1_000),
        seen_at: Timestamp(1_000),
        ends_at: Timestamp(9_000),
        device: "Firefox".to_owned(),
        address: "192.0.2.1".to_owned(),
        ended: None,
    };
    commit(&store, [StaffChange::Began(Box::new(session.clone()), "one".to_owned())]).await.unwrap();
    let find = async |hash| store.session_of_refresh(hash).await.unwrap();
    assert_eq!(find("one").await, Some((session.clone(), None)));
    assert_eq!(find("two").await, None);
    let renewed = |used: &str, next: &str, at| StaffChange::Renewed {
        session: session.id,
        at: Timestamp(at),
        address: "192.0.2.2".to_owned(),
        used: used.to_owned(),
        next: next.to_owned(),
    };
    commit(&store, [renewed("one", "two", 2_000)]).await.unwrap();
    commit(&store, [renewed("one", "three", 2_500)]).await.unwrap();
    let (row, used_at) = find("one").await.unwrap();
    assert_eq!((row.seen_at, row.address.as_str()), (Timestamp(2_500), "192.0.2.2"));
    assert_eq!(used_at, Some(Timestamp(2_000)), "the first use counts");
    assert_eq!(find("three").await.unwrap().1, None);
    let open = async |now| store.open_sessions(Timestamp(now)).await.unwrap().len();
    assert_eq!((open(8_999).await, open(9_000).await), (1, 0));
    let ended = StaffChange::Ended { session: session.id, at: Timestamp(3_000), why: SessionEnd::Replayed };
    let again = StaffChange::Ended { session: session.id, at: Timestamp(4_000), why: SessionEnd::LoggedOut };
    commit(&store, [ended, again]).await.unwrap();
    assert_eq!(find("three").await.unwrap().0.ended, Some((Timestamp(3_000), SessionEnd::Replayed)));
    assert_eq!(open(3_000).await, 0);
    commit(&store, [StaffChange::Forget(Timestamp(3_000))]).await.unwrap();
    assert!(find("three").await.is_some());
    commit(&store, [StaffChange::Forget(Timestamp(3_001))]).await.unwrap();
    assert!(find("one").await.is_none() && find("three").await.is_none());
}

async fn what_others_have_to_hear_of_is_counted(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let counted = async || store.account_changes().await.unwrap();
    assert_eq!(counted().await, 0);
    commit(&store, [edited(&account(), 0)]).await.unwrap();
    let session = SessionRow {
        id: StaffSessionId::new(3),
        agent: ME,
        way: SignIn::Password,
        began_at: Timestamp(1_000),
        seen_at: Timestamp(1_000),
        ends_at: Timestamp(9_000),
        device: "Firefox".to_owned(),
        address: "192.0.2.1".to_owned(),
        ended: None,
    };
    commit(&store, [StaffChange::Began(Box::new(session.clone()), "one".to_owned())]).await.unwrap();
    assert_eq!(counted().await, 2);
    // Of an hour of work with many renewals nobody has to read anything again.
    let renewed = StaffChange::Renewed {
        session: session.id,
        at: Timestamp(2_000),
        address: "192.0.2.1".to_owned(),
        used: "one".to_owned(),
        next: "two".to_owned(),
    };
    commit(&store, [renewed, StaffChange::Forget(Timestamp(1))]).await.unwrap();
    assert_eq!(counted().await, 2);
    let ended = StaffChange::Ended { session: session.id, at: Timestamp(3_000), why: SessionEnd::Revoked };
    commit(&store, [ended, StaffChange::Locked { login: "agent1001".to_owned(), until: Timestamp(5_000) }])
        .await
        .unwrap();
    assert_eq!(counted().await, 4);
    // A change that is refused has not happened.
    assert!(commit(&store, [edited(&account(), 7)]).await.is_err());
    assert_eq!(counted().await, 4);
}
