//! Speed of the writer: N senders, each with its own conversation, each waiting for its commit before it sends again.
//!
//! `cargo bench -p bangban-store --features testing -- [--on sqlite,postgres] [--senders 1,64,500] [--seconds 5]`.
//! CPU time is from `/proc`: this process's (senders and writer together), and PostgreSQL's beside it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement: it reads the clock and may fail")]

use std::{
    fs,
    time::{Duration, Instant},
};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp,
    words::{Channel, CitizenKind, Stage},
};
use bangban_store::{
    Author, Change, CitizenRow, ConversationRow, Json, Lane, NewEntry, Store, Unit, Written, testing::TestDatabase,
};
use serde_json::value::RawValue;

/// A message as the server stores it, about 200 bytes together.
const FROM: &str = r#"{"type":"citizen"}"#;
const BODY: &str = r#"{"type":"text","text":"您好，我想办理居住证，请问需要带哪些材料？我住在徐汇区，房东说可以配合提供租赁合同备案。"}"#;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).map_or_else(|| default.to_owned(), Clone::clone)
    };
    let senders: Vec<u64> = value("--senders", "1,64,500").split(',').map(|n| n.parse().unwrap()).collect();
    let seconds = value("--seconds", "5").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for engine in value("--on", "sqlite,postgres").split(',') {
        for n in &senders {
            runtime.block_on(async {
                let db = match engine {
                    "sqlite" => TestDatabase::sqlite(),
                    _ => TestDatabase::postgres().await,
                };
                measure(engine, &db, *n, Duration::from_secs(seconds)).await;
            });
        }
    }
}

async fn measure(engine: &str, db: &TestDatabase, senders: u64, time: Duration) {
    let store = Store::open(&db.database, 8192, Box::new(|_| {})).await.unwrap();
    let postmaster = match engine {
        "sqlite" => None,
        _ => {
            let sql = "SELECT CAST(split_part(pg_read_file('postmaster.pid'), chr(10), 1) AS BIGINT)";
            Some(db.number(sql).await.to_string())
        }
    };
    let citizen = CitizenRow {
        id: CitizenId::new(1),
        name: "张伟".to_owned(),
        kind: CitizenKind::Person,
        level: "L3".to_owned(),
        phone: None,
        credit_code: None,
        language: None,
        anonymous: false,
        seen_at: Timestamp(0),
    };
    let mut changes = vec![Change::Citizen(citizen)];
    changes.extend((0..senders).map(|n| Change::NewConversation(conversation(n))));
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();

    let began = Instant::now();
    let (cpu, before) = (cpu_seconds("self"), store.counts());
    let theirs = || postmaster.as_deref().map_or(0.0, cpu_of_family);
    let database = theirs();
    let tasks: Vec<_> = (0..senders).map(|n| tokio::spawn(send(store.clone(), n, began + time))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let (wall, cpu, database) = (began.elapsed().as_secs_f64(), cpu_seconds("self") - cpu, theirs() - database);
    let batches = store.counts().transactions - before.transactions;
    waits.sort_unstable();
    let count = waits.len();
    let at = |part: f64| waits[((count - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{engine:8} {senders:5} senders {:8.0} committed/s  {:5.1} per batch  {:6.1} + {:5.1} µs CPU/message  \
         p50 {:7.2} ms  p99 {:7.2} ms  max {:7.1} ms",
        count as f64 / wall,
        count as f64 / batches as f64,
        cpu * 1e6 / count as f64,
        database * 1e6 / count as f64,
        at(0.5),
        at(0.99),
        at(1.0),
    );
    store.close().await;
}

async fn send(store: Store, n: u64, until: Instant) -> Vec<Duration> {
    let mut waits = Vec::new();
    let mut at = Instant::now();
    while at < until {
        let seq = waits.len() as u64 + 1;
        let author = if seq.is_multiple_of(2) { Author::Agent(AgentId::new(3)) } else { Author::Citizen };
        let entry = NewEntry {
            conversation: conversation_id(n),
            lane: Lane::Public,
            at: Timestamp(1_700_000_000_000),
            author,
            client_id: Some(format!("{n:08x}-5d1c-4c7e-9b42-{seq:012x}")),
            from: json(FROM),
            body: json(BODY),
            masked: None,
            only_in: None,
            follows: false,
            turn: None,
            about: None,
            rude: false,
            owes: None,
            answers: matches!(author, Author::Agent(_)),
        };
        let done = store.commit(Unit { entries: vec![entry], ..Unit::default() }).await.unwrap();
        assert_eq!(done.entries, [Written::New { seq, answered: false }]);
        let now = Instant::now();
        waits.push(now - at);
        at = now;
    }
    waits
}

fn json(text: &str) -> Json {
    Json(RawValue::from_string(text.to_owned()).unwrap())
}

fn conversation_id(n: u64) -> ConversationId {
    ConversationId::new((u128::from(n) << 64) | 0x8ddd_eeee_ffff_0001)
}

fn conversation(n: u64) -> ConversationRow {
    ConversationRow {
        id: conversation_id(n),
        citizen: CitizenId::new(1),
        item: Some("residence-permit".to_owned()),
        team: "residence".to_owned(),
        channel: Channel::Pc,
        hall: None,
        ticket: None,
        stage: Stage::Serving,
        agent: Some(AgentId::new(3)),
        outcome: None,
        stars: None,
        comment: None,
        opened_at: Timestamp(1_000),
        closed_at: None,
        clock_no: 0,
        slot: None,
        call_back_phone: None,
        citizen_read: 0,
        agent_read: 0,
        head_start: 0,
        at_head: false,
        last_agent: None,
    }
}

/// A field of `/proc/PID/stat`, counted after the name; none if the process has gone.
fn field(process: &str, n: usize) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(n)?.parse().ok()
}

/// User and system time of a process so far; the kernel counts in hundredths of a second.
fn cpu_seconds(process: &str) -> f64 {
    (field(process, 11).unwrap_or(0.0) + field(process, 12).unwrap_or(0.0)) / 100.0
}

/// With all children, also those that have ended.
fn cpu_of_family(parent: &str) -> f64 {
    let ended = (field(parent, 13).unwrap_or(0.0) + field(parent, 14).unwrap_or(0.0)) / 100.0;
    let of: f64 = parent.parse().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let children: f64 =
        processes.filter(|process| field(process, 1) == Some(of)).map(|child| cpu_seconds(&child)).sum();
    cpu_seconds(parent) + ended + children
}
