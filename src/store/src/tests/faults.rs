//! What happens when the database goes away, hangs, refuses or is taken over.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    proxy::{Mode, Proxy},
    *,
};
use crate::{Ended, place::Limits, testing::Cluster};

/// A unit that cannot be recognised when it is repeated.
fn anonymous() -> Unit {
    one(NewEntry { client_id: None, ..message(7, Author::System, "") })
}

async fn behind_proxy() -> (TestDatabase, Proxy, Store, Log) {
    behind_proxy_with(Limits::default()).await
}

async fn behind_proxy_with(limits: Limits) -> (TestDatabase, Proxy, Store, Log) {
    let db = TestDatabase::postgres().await;
    let proxy = Proxy::start(&db).await;
    let log = Log::default();
    let seen = Arc::clone(&log);
    let publisher = Box::new(move |batch: &[Published]| {
        seen.lock().unwrap().extend(batch.iter().map(|one| (one.entry.conversation, one.seq)));
    });
    let database = crate::Database { limits, ..proxy.database(&db) };
    let store = Store::open(&database, 64, publisher).await.unwrap();
    seed(&store, 7).await;
    seed(&store, 8).await;
    (db, proxy, store, log)
}

async fn seqs(store: &Store) -> Vec<u64> {
    let rows = store.entries_after(ConversationId::new(7), Lane::Public, 0, 1_000).await.unwrap();
    rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_again_and_not_repeated() {
    let (_db, proxy, store, log) = behind_proxy().await;
    proxy.set(Mode::CutAfterCommit);
    assert_eq!(store.commit(anonymous()).await.unwrap().entries, [Written::New { seq: 1, answered: false }]);
    assert_eq!(store.commit(anonymous()).await.unwrap().entries, [Written::New { seq: 2, answered: false }]);
    assert_eq!(seqs(&store).await, [1, 2]);
    assert_eq!(log.lock().unwrap().len(), 2, "published once each");
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_done_again() {
    let (_db, proxy, store, log) = behind_proxy().await;
    proxy.set(Mode::CutBeforeCommit);
    assert_eq!(store.commit(anonymous()).await.unwrap().entries, [Written::New { seq: 1, answered: false }]);
    assert_eq!(seqs(&store).await, [1]);
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn while_the_database_is_away_units_are_refused_and_the_open_commit_waits_for_its_outcome() {
    let (_db, proxy, store, log) = behind_proxy().await;
    proxy.set(Mode::GoneAfterCommit);
    let open = tokio::spawn({
        let store = store.clone();
        async move { store.commit(anonymous()).await }
    });
    proxy.cut.notified().await;
    for n in [7, 8, 7, 8] {
        // Of the same conversation, which has to wait for the open commit, and of another one.
        let refused = store.commit(one(message(n, Author::Citizen, "refused"))).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)) && refused.is_retryable(), "{refused}");
    }
    assert!(!open.is_finished(), "nobody is told what is not known");
    assert!(log.lock().unwrap().is_empty());
    proxy.set(Mode::Pass);
    assert_eq!(open.await.unwrap().unwrap().entries, [Written::New { seq: 1, answered: false }]);
    assert_eq!(log.lock().unwrap().len(), 1);
    assert_eq!(seqs(&store).await, [1], "of what was refused nothing is there");
    assert_eq!(store.commit(anonymous()).await.unwrap().entries, [Written::New { seq: 2, answered: false }]);
}

#[tokio::test]
async fn a_store_that_closes_while_the_outcome_is_open_says_so() {
    let (_db, proxy, store, log) = behind_proxy().await;
    proxy.set(Mode::GoneAfterCommit);
    let open = tokio::spawn({
        let store = store.clone();
        async move { store.commit(one(message(7, Author::Citizen, "a"))).await }
    });
    proxy.cut.notified().await;
    store.close().await;
    let unknown = open.await.unwrap().unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown) && unknown.is_retryable());
    assert!(log.lock().unwrap().is_empty());

    // The client repeats it and gets the first answer.
    proxy.set(Mode::Pass);
    let store = Store::open(&proxy.database(&_db), 64, Box::new(|_| {})).await.unwrap();
    let again = store.commit(one(message(7, Author::Citizen, "a"))).await.unwrap();
    assert_eq!(again.entries, [Written::Duplicate { seq: 1, at: Timestamp(2_000) }]);
}

/// A connection on which nothing arrives any more, as when a cable was pulled, is given up after this.
const PATIENCE: Limits = Limits { patience: Some(Duration::from_millis(500)), pages: None, log: None };

#[tokio::test]
async fn a_connection_that_hangs_ends_in_refusals_and_the_store_goes_on_when_there_is_another() {
    let (_db, proxy, store, log) = behind_proxy_with(PATIENCE).await;
    proxy.set(Mode::Hang);
    let refused = store.commit(one(message(7, Author::Citizen, "a"))).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)) && refused.is_retryable(), "{refused}");
    // All lanes are found to hang sooner or later, and nobody waits for ever meanwhile.
    for n in [7, 8, 7, 8] {
        let refused = store.commit(one(message(n, Author::Citizen, "b"))).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    }
    assert!(log.lock().unwrap().is_empty());
    proxy.set(Mode::Pass);
    proxy.cut_all();
    // As a client would: again, until the writer is connected.
    let done = loop {
        match store.commit(one(message(7, Author::Citizen, "a"))).await {
            Ok(done) => break done,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(done.entries, [Written::New { seq: 1, answered: false }], "of what was refused nothing is there");
    assert_eq!(seqs(&store).await, [1]);
}

#[tokio::test]
async fn a_commit_that_hangs_is_found_again_and_not_repeated() {
    let (_db, proxy, store, log) = behind_proxy_with(PATIENCE).await;
    proxy.set(Mode::HangAfterCommit);
    let open = tokio::spawn({
        let store = store.clone();
        async move { store.commit(anonymous()).await }
    });
    proxy.cut.notified().await;
    assert_eq!(open.await.unwrap().unwrap().entries, [Written::New { seq: 1, answered: false }]);
    assert_eq!(log.lock().unwrap().len(), 1, "published once");
    assert_eq!(seqs(&store).await, [1]);
}

#[tokio::test]
async fn a_quiet_store_does_not_notice_that_the_database_was_restarted() {
    let cluster = Cluster::start();
    let db = TestDatabase::in_cluster(cluster.url.clone()).await;
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    cluster.kill();
    cluster.start_again();
    assert_eq!(store.commit(anonymous()).await.unwrap().entries, [Written::New { seq: 1, answered: false }]);
}

/// Client ids with the number that was acknowledged, in the order of sending.
type Acknowledged = Vec<(String, u64)>;

/// Sends until told to stop; repeats what was refused under the same client id.
async fn send(store: Store, n: u128, enough: watch::Receiver<bool>, count: watch::Sender<u64>) -> Acknowledged {
    let mut acknowledged = Vec::new();
    while !*enough.borrow() {
        let client_id = format!("c{n}-{}", acknowledged.len());
        let seq = loop {
            match store.commit(one(message(n, Author::Citizen, &client_id))).await {
                Ok(done) => match done.entries[..] {
                    [Written::New { seq, .. } | Written::Duplicate { seq, .. }] => break seq,
                    ref other => panic!("{other:?}"),
                },
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
            // As a client would: not at once.
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        acknowledged.push((client_id, seq));
        count.send_modify(|count| *count += 1);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_killed_in_the_middle_of_commits_loses_doubles_and_reorders_nothing() {
    const SENDERS: u128 = 40;
    let cluster = Cluster::start();
    let db = TestDatabase::in_cluster(cluster.url.clone()).await;
    let (store, log) = open(&db).await;
    for n in 1..=SENDERS {
        seed(&store, n).await;
    }
    let (stop, enough) = watch::channel(false);
    let (count, mut counted) = watch::channel(0_u64);
    let senders: Vec<_> =
        (1..=SENDERS).map(|n| tokio::spawn(send(store.clone(), n, enough.clone(), count.clone()))).collect();
    for round in 1..=3 {
        let more = *counted.borrow() + 400;
        counted.wait_for(|count| *count >= more).await.unwrap();
        tokio::task::block_in_place(|| {
            cluster.kill();
            cluster.start_again();
        });
        assert!(!store.counts().eq(&crate::Counts::default()), "round {round}");
    }
    let more = *counted.borrow() + 400;
    counted.wait_for(|count| *count >= more).await.unwrap();
    stop.send_replace(true);

    for (n, sender) in (1..=SENDERS).zip(senders) {
        let acknowledged = sender.await.unwrap();
        let id = ConversationId::new(n);
        let rows = store.entries_after(id, Lane::Public, 0, 100_000).await.unwrap();
        let there: Acknowledged = rows.into_iter().map(|row| (row.client_id.unwrap(), row.seq)).collect();
        assert_eq!(there, acknowledged, "each once, under the number that was acknowledged, in the order of sending");
        assert_eq!(there.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), (1..=there.len() as u64).collect::<Vec<_>>());
        let published = log.lock().unwrap().iter().filter(|(of, _)| *of == id).map(|(_, seq)| *seq).collect::<Vec<_>>();
        assert_eq!(published, (1..=there.len() as u64).collect::<Vec<_>>(), "published once each, in order");
    }
}

async fn another_owner_ends_this_one(db: TestDatabase) {
    let (store, log) = open(&db).await;
    seed(&store, 7).await;
    // What a second server does when it takes over.
    db.execute("UPDATE lease SET epoch = epoch + 1").await;
    let refused = store.commit(anonymous()).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotOwner), "{refused}");
    assert_eq!(store.ended().await, Ended::Deposed);
    let still = store.commit(anonymous()).await.unwrap_err();
    assert!(matches!(still, StoreError::NotOwner), "for good: {still}");
    assert!(seqs(&store).await.is_empty() && log.lock().unwrap().is_empty());
    store.close().await;
}

on_both! {
    another_owner_ends_this_one,
}

#[tokio::test]
async fn who_lost_its_connections_to_a_second_server_writes_nothing_more() {
    let db = TestDatabase::postgres().await;
    let (first, _) = open(&db).await;
    seed(&first, 7).await;
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    let (second, _) = open(&db).await;
    let refused = first.commit(anonymous()).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotOwner), "{refused}");
    assert_eq!(first.ended().await, Ended::Deposed);
    assert_eq!(second.commit(anonymous()).await.unwrap().entries, [Written::New { seq: 1, answered: false }]);
}

#[tokio::test]
async fn a_postgresql_that_does_not_flush_is_refused_by_setting() {
    let db = TestDatabase::postgres().await;
    db.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
    )
    .await;
    let refused = Store::open(&db.database, 1, Box::new(|_| {})).await.err().unwrap().to_string();
    assert_eq!(refused, "synchronous_commit is off, not on: acknowledged messages would not be durable");
    let refused = crate::check(&db.database).await.unwrap_err().to_string();
    assert!(refused.starts_with("synchronous_commit is off"), "{refused}");
}

#[tokio::test]
async fn the_writing_connection_of_sqlite_flushes_every_commit() {
    let db = TestDatabase::sqlite();
    let place = crate::place::Place::try_from(&db.database).unwrap();
    let mut connection = place.connect().await.unwrap();
    let pragma = |sql| sqlx::query_scalar::<_, i64>(sql);
    assert_eq!(pragma("PRAGMA synchronous").fetch_one(&mut connection).await.unwrap(), 2);
}

#[tokio::test]
async fn a_full_disk_refuses_loses_nothing_and_is_forgotten_when_there_is_room() {
    let db = TestDatabase::sqlite();
    let (store, _) = open(&db).await;
    store.close().await;
    // A megabyte that somebody will delete.
    db.execute("CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(1000000))").await;
    let pages = db.number("PRAGMA page_count").await;
    let database =
        crate::Database { limits: Limits { pages: Some(pages + 30), ..Default::default() }, ..db.database.clone() };
    let store = Store::open(&database, 64, Box::new(|_| {})).await.unwrap();
    seed(&store, 7).await;

    let long = raw(&format!("\"{}\"", "x".repeat(5_000)));
    let mut acknowledged = 0;
    let refused = loop {
        let entry = NewEntry { body: long.clone(), ..message(7, Author::Citizen, &format!("m{acknowledged}")) };
        match store.commit(one(entry)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)) && refused.is_retryable(), "{refused}");
    assert!(acknowledged > 0);
    assert_eq!(seqs(&store).await, (1..=acknowledged).collect::<Vec<_>>(), "what was acknowledged is there, no more");

    db.execute("DROP TABLE ballast").await;
    let entry = NewEntry { body: long, ..message(7, Author::Citizen, &format!("m{acknowledged}")) };
    // The connection is made anew after it was full.
    let written = loop {
        match store.commit(one(entry.clone())).await {
            Ok(done) => break done.entries,
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(written, [Written::New { seq: acknowledged + 1, answered: false }]);
}

#[tokio::test]
async fn a_writer_that_fails_says_so_instead_of_refusing_for_ever() {
    let db = TestDatabase::sqlite();
    let publisher = Box::new(|batch: &[Published]| assert!(batch.is_empty(), "the test's publisher fails"));
    let store = Store::open(&db.database, 16, publisher).await.unwrap();
    seed(&store, 1).await;
    let lost = store.commit(one(message(1, Author::Citizen, "a"))).await;
    assert!(matches!(lost, Err(StoreError::Closed)), "{lost:?}");
    assert_eq!(store.ended().await, Ended::Failed);
}
