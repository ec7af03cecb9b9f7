//! The small thread table: what an older database had in it, and SQLite's log under load.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use bangban_domain::org::Kind;
use serde_json::value::to_raw_value;
use sqlx::{AnyConnection, Connection as _};

use super::*;
use crate::place::Limits;

on_both! {
    threads_of_an_older_database_are_all_there_and_go_on,
    a_migration_waits_for_no_running_server_and_takes_nothing_from_it,
}

/// The first three migrations, as an older program has run them.
async fn older(db: &TestDatabase) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let mut old = AnyConnection::connect(&db.url()).await.unwrap();
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.migrations = migrator.iter().filter(|one| one.version <= 3).cloned().collect::<Vec<_>>().into();
    migrator.run_direct(None, &mut old, false).await.unwrap();
    old
}

/// What the older program wrote: conversation, lane, number, author, client id.
const OLDER: [(u128, i64, i64, &str, Option<&str>); 7] = [
    (1, 0, 1, "citizen", Some("a")),
    (1, 0, 2, "bot", None),
    // The same client id of somebody else.
    (1, 0, 3, "ag_00000000000000000000000000000003", Some("a")),
    (1, 1, 1, "ag_00000000000000000000000000000003", Some("n")),
    (2, 0, 1, "citizen", Some("a")),
    (2, 0, 2, "citizen", Some("b")),
    // Entries before this one were deleted.
    (3, 0, 9, "citizen", Some("a")),
];

async fn threads_of_an_older_database_are_all_there_and_go_on(db: TestDatabase) {
    let mut old = older(&db).await;
    sqlx::query("INSERT INTO citizen (id, name, kind, level, seen_at) VALUES ($1, '', 'person', '', 0)")
        .bind(CitizenId::new(1).to_string())
        .execute(&mut old)
        .await
        .unwrap();
    // The fourth has no thread, and its thread's floor is all that is left of the fifth.
    for (n, floor) in [(3, 0), (1, 0), (4, 0), (2, 0), (5, 70)] {
        sqlx::query(
            "INSERT INTO conversation (id, citizen, team, channel, stage, opened_at, clock_no, seq_floor, \
             note_seq_floor, citizen_read, agent_read) VALUES ($1, $2, 't', 'pc', 'bot', 0, 0, $3, 0, 0, 0)",
        )
        .bind(ConversationId::new(n).to_string())
        .bind(CitizenId::new(1).to_string())
        .bind(floor)
        .execute(&mut old)
        .await
        .unwrap();
    }
    for (n, (conversation, lane, seq, author, client_id)) in (0..).zip(OLDER) {
        sqlx::query(
            "INSERT INTO entry (conversation, lane, seq, at, author, client_id, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(ConversationId::new(conversation).to_string())
        .bind(lane)
        .bind(seq)
        .bind(100 + n)
        .bind(author)
        .bind(client_id)
        .bind(format!("{{\"n\":{n}}}"))
        .execute(&mut old)
        .await
        .unwrap();
    }
    old.close().await.unwrap();

    let (store, _) = open(&db).await;
    assert_eq!(db.number("SELECT COUNT(*) FROM entry").await, 7);
    for (n, (conversation, lane, seq, _, client_id)) in (0..).zip(OLDER) {
        let lane = if lane == 0 { Lane::Public } else { Lane::Notes };
        let after = u64::try_from(seq).unwrap() - 1;
        let rows = store.entries_after(ConversationId::new(conversation), lane, after, 1).await.unwrap();
        let expected = (after + 1, Timestamp(100 + n), client_id.map(str::to_owned), format!("{{\"n\":{n}}}"));
        assert_eq!(
            rows.into_iter().map(|row| (row.seq, row.at, row.client_id, row.body)).next(),
            Some(expected),
            "{n}"
        );
    }
    // A client that repeats what the older program acknowledged gets the old answer; others get the next number.
    let again = async |entry| store.commit(one(entry)).await.unwrap().entries.remove(0);
    let agent = Author::Agent(AgentId::new(3));
    let duplicate = |seq, at| Written::Duplicate { seq, at: Timestamp(at) };
    let new = |seq| Written::New { seq, answered: false };
    assert_eq!(again(message(1, Author::Citizen, "a")).await, duplicate(1, 100));
    assert_eq!(again(message(1, agent, "a")).await, duplicate(3, 102));
    assert_eq!(again(message(2, Author::Citizen, "b")).await, duplicate(2, 105));
    assert_eq!(again(message(1, agent, "b")).await, new(4));
    assert_eq!(again(NewEntry { lane: Lane::Notes, ..message(1, agent, "c") }).await, new(2));
    assert_eq!(again(message(3, Author::Citizen, "b")).await, new(10));
    assert_eq!(again(message(4, Author::Citizen, "a")).await, new(1));
    assert_eq!(again(message(5, Author::Citizen, "a")).await, new(71));
    // A new conversation has a thread of its own.
    seed(&store, 6).await;
    assert_eq!(again(message(6, Author::Citizen, "a")).await, new(1));
    assert_eq!(db.number("SELECT COUNT(DISTINCT no) FROM conversation WHERE no > 0").await, 6);
}

async fn a_migration_waits_for_no_running_server_and_takes_nothing_from_it(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let refused = crate::migrate(&db.database, false).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    assert!(crate::migrate(&db.database, true).await.unwrap().iter().all(|one| one.was_applied), "looking is allowed");
    store.close().await;
    crate::migrate(&db.database, false).await.unwrap();
}

/// Length of SQLite's log in pages of the database.
fn log_pages(dir: &Path) -> u64 {
    std::fs::metadata(dir.join("bangban.db-wal")).unwrap().len() / 4_096
}

const CONVERSATIONS: u128 = 60;

/// Some hundred pages.
async fn write_much(store: &Store, round: u32) {
    let entries = (1..=CONVERSATIONS).map(|n| message(n, Author::Citizen, &format!("m{round}")));
    let done = futures_util::future::join_all(entries.map(|entry| store.commit(one(entry)))).await;
    assert!(done.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_sqlite_stays_short_while_others_read_and_after_somebody_read_for_long() {
    let db = TestDatabase::sqlite();
    let limits = Limits { log: Some((200, 400)), ..Limits::default() };
    let store = Store::open(&crate::Database { limits, ..db.database.clone() }, 4_096, Box::new(|_| {})).await.unwrap();
    for n in 1..=CONVERSATIONS {
        seed(&store, n).await;
    }
    // Readers that come and go all the time.
    let enough = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (1..=2)
        .map(|n| {
            let (store, enough) = (store.clone(), Arc::clone(&enough));
            tokio::spawn(async move {
                while !enough.load(Ordering::Relaxed) {
                    store.entries_after(ConversationId::new(n), Lane::Public, 0, 100).await.unwrap();
                }
            })
        })
        .collect();
    let mut longest = 0;
    for round in 0..60 {
        write_much(&store, round).await;
        longest = longest.max(log_pages(&db.database.dir));
    }
    // Limits, and what one more batch and the work until the next attempts add.
    assert!(longest < 2_000, "{longest}");

    // Somebody reads for long: the log cannot begin anew, and nobody is refused for it.
    let mut reader = AnyConnection::connect(&db.url()).await.unwrap();
    let mut snapshot = reader.begin().await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM entry").fetch_one(&mut *snapshot).await.unwrap();
    let mut round = 60;
    while log_pages(&db.database.dir) < longest + 1_000 {
        write_much(&store, round).await;
        round += 1;
    }
    snapshot.rollback().await.unwrap();
    let length = log_pages(&db.database.dir);
    for _ in 0..40 {
        write_much(&store, round).await;
        round += 1;
    }
    // The file keeps its length; that it did not grow by what was written means that the log began anew.
    assert!(log_pages(&db.database.dir) < length + 1_000, "{} after {length}", log_pages(&db.database.dir));
    enough.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    let there = store.entries_after(ConversationId::new(1), Lane::Public, 0, 10_000).await.unwrap();
    assert_eq!(there.len(), usize::try_from(round).unwrap(), "all that was acknowledged is there");
}

#[tokio::test]
async fn the_log_of_sqlite_stays_short_while_a_large_table_is_imported() {
    let db = TestDatabase::sqlite();
    let limits = Limits { log: Some((200, 400)), ..Limits::default() };
    let store = Store::open(&crate::Database { limits, ..db.database.clone() }, 4_096, Box::new(|_| {})).await.unwrap();
    let mut longest = 0;
    for part in 0..60 {
        let record = |n: u32| crate::RecordChange {
            kind: Kind::Item,
            id: format!("item-{part}-{n}"),
            from: 0,
            unit: None,
            body: Some(crate::Json(to_raw_value(&"名".repeat(200)).unwrap())),
            at: Timestamp(0),
            actor: Author::System,
        };
        let changes = vec![crate::Change::Records((0..100).map(record).collect())];
        store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
        longest = longest.max(log_pages(&db.database.dir));
    }
    // Without an end it would be as long as all that was written: 60 parts of about 60 pages. The slowest disk lets nine parts
    // through while one copy is made.
    assert!(longest < 1_500, "{longest}");
    assert_eq!(store.records(Kind::Item).await.unwrap().len(), 6_000);
}
