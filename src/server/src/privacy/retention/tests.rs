use bangban_domain::{
    CitizenId, ConversationId, NoticeId,
    task::OutboxState,
    words::{Channel, CitizenKind, FileKind, Outcome, Stage},
};
use bangban_store::{AuditFilter, CitizenRow, ConversationRow, FileOwner, Lane, OutboxChange, OutboxQuery, OutboxRow};
use futures_util::stream;
use sqlx::Connection as _;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    clock::ManualClock,
    config::Config,
    files::{Announced, Variant},
};

/// 2026-11-28 00:00 in Shanghai.
const MIDNIGHT: Timestamp = Timestamp(1_795_795_200_000);
const ME: CitizenId = CitizenId::new(1);

struct World {
    dir: tempfile::TempDir,
    store: Store,
    files: Arc<Files>,
    hand: ManualClock,
    retention: Arc<Retention>,
    stopping: CancellationToken,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.data.dir = dir.path().to_owned();
        let store = Store::open(&config.database(), 64, Box::new(|_| {})).await.unwrap();
        let (clock, hand) = Clock::manual(MIDNIGHT);
        let stopping = CancellationToken::new();
        let files = Files::start(&config, clock.clone(), store.clone(), stopping.clone(), TaskTracker::new()).unwrap();
        let keys = config.privacy.clone();
        let retention = Retention::new(store.clone(), Arc::clone(&files), clock, keys, stopping.clone());
        Self { dir, store, files, hand, retention: Arc::new(retention), stopping }
    }

    /// A legal hold, as administration makes it.
    async fn hold(&self, subject: &str) {
        let url = format!("sqlite://{}", self.dir.path().join("bangban.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let body = format!(r#"{{"subject":"{subject}","reason":"诉讼"}}"#);
        let sql = "INSERT INTO record (kind, id, no, version, unit, body, changed_at) \
                   VALUES ('legal_hold', $1, (SELECT COUNT(*) FROM record), 1, NULL, $2, 0)";
        sqlx::query(sql).bind(subject).bind(body).execute(&mut connection).await.unwrap();
    }

    /// Conversations of one citizen that were closed so many days ago.
    async fn closed(&self, ids: std::ops::Range<u128>, days: i64) {
        let citizen = CitizenRow {
            id: ME,
            name: "张伟".to_owned(),
            kind: CitizenKind::Person,
            level: "L3".to_owned(),
            phone: Some("13800138001".to_owned()),
            credit_code: None,
            language: None,
            anonymous: false,
            seen_at: MIDNIGHT,
        };
        let mut changes = vec![Change::Citizen(citizen)];
        for id in ids {
            let row = ConversationRow {
                id: ConversationId::new(id),
                citizen: ME,
                item: None,
                team: "general".to_owned(),
                channel: Channel::Pc,
                hall: None,
                ticket: None,
                stage: Stage::Closed,
                agent: None,
                outcome: Some(Outcome::Solved),
                stars: None,
                comment: None,
                opened_at: MIDNIGHT - (days + 1) * DAY,
                closed_at: Some(MIDNIGHT - days * DAY),
                clock_no: 0,
                slot: None,
                call_back_phone: None,
                citizen_read: 0,
                agent_read: 0,
                head_start: 0,
                at_head: false,
                last_agent: None,
            };
            changes.push(Change::NewConversation(ConversationRow { stage: Stage::Bot, ..row.clone() }));
            changes.push(Change::Conversation(row));
        }
        self.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    }

    async fn proofs(&self) -> Vec<serde_json::Value> {
        let filter = AuditFilter { action: "retention.delete".to_owned(), ..AuditFilter::default() };
        let lines = self.store.archive().audit(&filter, u64::MAX, 100).await.unwrap();
        lines.iter().rev().map(|line| serde_json::from_str(&line.detail).unwrap()).collect()
    }

    async fn run(&self) -> (RunRow, Report) {
        let row = self.retention.run(Author::System).await.unwrap();
        let report = report(&row);
        (row, report)
    }

    async fn end(self) {
        self.stopping.cancel();
        self.store.close().await;
    }
}

fn report(row: &RunRow) -> Report {
    serde_json::from_str(row.report.as_str()).unwrap()
}

#[tokio::test]
async fn a_run_takes_what_is_due_nothing_under_hold_and_proves_every_batch() {
    let world = World::new().await;
    world.closed(1..131, 1_096).await;
    world.closed(200..203, 1_094).await;
    world.hold(&ConversationId::new(5).to_string()).await;
    let dry = world.retention.preview().await.unwrap();
    assert_eq!((dry[&Data::Threads].deleted, dry[&Data::Threads].held), (129, 1));
    let (run, threads) = world.run().await;
    let threads = &threads[&Data::Threads];
    assert_eq!((run.no, run.finished_at, run.cause.as_str()), (1, Some(MIDNIGHT), "schedule"));
    assert_eq!((threads.days, threads.deleted, threads.held), (1_095, 129, 1));
    let proofs = world.proofs().await;
    let counts: Vec<u64> = proofs.iter().map(|proof| proof["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [99, 30], "batches of a hundred, one of them held");
    let ids = proofs.iter().flat_map(|proof| proof["ids"].as_array().unwrap());
    let ids: Vec<&str> = ids.filter_map(|id| id.as_str()).collect();
    assert!(ids.contains(&hashed(ConversationId::new(1).to_string()).as_str()));
    assert!(!ids.contains(&hashed(ConversationId::new(5).to_string()).as_str()));
    assert!(matches!(world.store.verify_audit().await.unwrap(), Chain::Whole { lines: 2, .. }));
    // Nothing is due twice, and a citizen's hold holds all of theirs.
    let (again, threads) = world.run().await;
    assert_eq!((again.no, threads[&Data::Threads].deleted, threads[&Data::Threads].held), (2, 0, 1));
    world.hold(&ME.to_string()).await;
    world.hand.advance(2 * DAY);
    let (_, threads) = world.run().await;
    assert_eq!((threads[&Data::Threads].deleted, threads[&Data::Threads].held), (0, 4));
    world.end().await;
}

#[tokio::test]
async fn files_go_with_their_bytes_and_so_do_old_lines_of_the_log() {
    let world = World::new().await;
    world.closed(1..2, 20).await;
    let (owner, conversation) = (FileOwner::Citizen(ME), ConversationId::new(1));
    let name = "a.txt".to_owned();
    let announced = Announced { conversation, kind: FileKind::File, name, size: 5, duration_ms: None };
    let file = world.files.begin(owner, false, announced).await.unwrap().id;
    world.files.append(owner, file, 0, stream::iter([Ok::<_, ()>("hello".into())])).await.unwrap();
    world.files.finish(owner, file).await.unwrap();
    let attach = bangban_store::FileChange::Attach { file, client_id: "f".to_owned() };
    let old = Audit {
        at: MIDNIGHT,
        actor: Author::System,
        action: "test.old",
        kind: "test".to_owned(),
        subject: "1".to_owned(),
        unit: None,
        reason: None,
        address: None,
        detail: json(&1),
    };
    let changes = vec![Change::File(attach), Change::Audit(old)];
    world.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    world.hand.advance(365 * DAY);
    world.run().await;
    assert!(world.files.open(file, Variant::Original, None).await.unwrap().is_some(), "not a day too early");
    world.hand.advance(DAY);
    assert_eq!(world.run().await.1[&Data::Files].deleted, 1);
    assert!(world.store.file(file).await.unwrap().is_none(), "the row is gone");
    let bytes = std::fs::read_dir(world.dir.path().join("files").join(conversation.to_string()).join(file.to_string()));
    assert_eq!(bytes.map_or(0, Iterator::count), 0, "the bytes are gone");
    assert!(world.store.entries_after(conversation, Lane::Public, 0, 9).await.unwrap().is_empty());
    // Three years later the first lines of the log go too, and the rest still proves itself.
    world.hand.advance(800 * DAY);
    assert!(world.run().await.1[&Data::Audit].deleted >= 1);
    assert!(matches!(world.store.verify_audit().await.unwrap(), Chain::Whole { .. }));
    world.end().await;
}

#[tokio::test]
async fn what_was_told_goes_when_its_time_is_over_and_what_waits_stays() {
    let world = World::new().await;
    world.closed(1..2, 400).await;
    let conversation = ConversationId::new(1).to_string();
    let told = |n: u128, addressee: &str, settled_at: Option<Timestamp>| {
        let message = bangban_domain::task::MessageKind::TaskHalf;
        let row = OutboxRow::waiting(NoticeId::new(n), message, format!("task/{n}"), MIDNIGHT - 400 * DAY);
        let state = if settled_at.is_some() { OutboxState::Sent } else { OutboxState::Waiting };
        let row = OutboxRow { addressee: addressee.to_owned(), detail: json(&1), state, settled_at, ..row };
        Change::Outbox(OutboxChange::Put(Box::new(row)))
    };
    let changes = vec![
        told(1, "unit/sh", Some(MIDNIGHT - 366 * DAY)),
        told(2, &conversation, Some(MIDNIGHT - 366 * DAY)),
        told(3, "unit/sh", Some(MIDNIGHT - 364 * DAY)),
        told(4, "unit/sh", None),
    ];
    world.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    // Who holds the citizen holds what was told them.
    world.hold(&ME.to_string()).await;
    let (_, report) = world.run().await;
    let messages = &report[&Data::Messages];
    assert_eq!((messages.days, messages.deleted, messages.held), (365, 1, 1));
    let proofs = world.proofs().await;
    let proof = proofs.iter().find(|proof| proof["ids"][0] == hashed(NoticeId::new(1).to_string()).as_str()).unwrap();
    assert_eq!((&proof["class"], &proof["count"]), (&"personal".into(), &1.into()));
    let left = world.store.outbox(&OutboxQuery::default(), 9).await.unwrap();
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [4, 3, 2].map(NoticeId::new));
    world.end().await;
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_gone_on_with_and_the_next_comes_at_three() {
    let world = World::new().await;
    world.closed(1..4, 2_000).await;
    let part = Part { days: 1_095, before: MIDNIGHT, deleted: 40, held: 0 };
    let half = RunRow {
        no: 7,
        started_at: MIDNIGHT - DAY,
        finished_at: None,
        cause: "schedule".to_owned(),
        report: json(&Report::from([(Data::Threads, part)])),
    };
    let changes = vec![Change::Privacy(PrivacyChange::Run(half))];
    world.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let daily = Arc::clone(&world.retention);
    let task = tokio::spawn(async move { daily.daily().await });
    let finished = async |no: u64| {
        let found = async {
            loop {
                let runs = world.store.archive().retention_runs(1).await.unwrap();
                if let Some(run) = runs.into_iter().find(|run| run.no == no && run.finished_at.is_some()) {
                    return run;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), found).await.expect("a run in time")
    };
    let run = finished(7).await;
    assert_eq!((report(&run)[&Data::Threads].deleted, run.started_at), (43, MIDNIGHT - DAY));
    world.hand.advance(3 * HOUR);
    let run = finished(8).await;
    assert_eq!((run.started_at, report(&run)[&Data::Threads].deleted), (MIDNIGHT + 3 * HOUR, 0));
    world.stopping.cancel();
    task.await.unwrap();
    world.end().await;
}
