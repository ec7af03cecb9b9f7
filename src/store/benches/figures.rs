//! How long a month of figures takes: what the page asks for when it opens one. Rows are made by SQL, as many as
//! `CONVERSATIONS` says, over `MONTHS` months.
//!
//! `CONVERSATIONS=1000000 MONTHS=12 cargo bench --workspace --bench figures`

use std::env;

use bangban_domain::{
    Timestamp,
    figures::{By, Figure, Kind, Part},
    time::DAY,
};
use bangban_store::{RowQuery, Selection, Store, testing::TestDatabase};
use tokio::time::Instant;

/// 2026-11-01 in Shanghai.
const FROM: i64 = 1_793_462_400_000;

fn number(name: &str, otherwise: i64) -> i64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Conversation `i` began at `t`. Waits, outcomes and the rest follow from `i` by remainders, so that both databases have the
/// same rows.
fn statements(conversations: i64, months: i64) -> Vec<String> {
    let span = months * 30 * DAY;
    let first = FROM - (months - 1) * 30 * DAY;
    let made = format!(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}), \
         c (i, id, t, team, item, channel, agent) AS (SELECT i, 'cv_' || SUBSTR(CAST(1000000000 + i AS TEXT), 2) || \
         '00000000000000000000000', {first} + i * {span} / {conversations}, \
         'team' || CAST(i % 23 AS TEXT), 'item' || CAST(i % 521 AS TEXT), \
         CASE i % 5 WHEN 0 THEN 'mobile' WHEN 1 THEN 'kiosk' ELSE 'pc' END, \
         'ag_' || SUBSTR(CAST(1000000000 + i % 499 AS TEXT), 2) || '00000000000000000000000' FROM n)",
        conversations - 1
    );
    let into = |table: &str, rest: &str| format!("INSERT INTO {table} {made} SELECT {rest} FROM c");
    vec![
        "INSERT INTO citizen (id, name, kind, level, seen_at) VALUES ('ct_1', '', 'person', '', 0)".to_owned(),
        into(
            "conversation (id, no, citizen, item, team, channel, stage, opened_at, clock_no, seq_floor, note_seq_floor, \
             citizen_read, agent_read)",
            "id, i + 1, 'ct_1', item, team, channel, 'closed', t, 1, 0, 0, 0, 0",
        ),
        into(
            "ledger (conversation, no, team, asked_at, due_at, step, answered_at, answered_by, left_at, item, channel, outcome)",
            "id, 1, team, t + 60000, t + 120000, 'running', CASE WHEN i % 11 > 0 THEN t + 60000 + i * 37 % 70000 END, \
             CASE WHEN i % 11 > 0 THEN agent END, CASE WHEN i % 11 = 0 THEN t + 60000 + i * 41 % 90000 END, item, channel, \
             CASE i % 17 WHEN 0 THEN 'out_of_scope' WHEN 1 THEN 'unsolved' ELSE 'solved' END",
        ),
        into(
            "figure_episode (conversation, no, team, item, channel, agent, clock_no, began_at, human_at, served_at, closed_at, \
             outcome, stars, rated_at)",
            "id, 1, team, item, channel, agent, 1, t, t + 60000, CASE WHEN i % 11 > 0 THEN t + 65000 END, t + 600000, \
             CASE i % 17 WHEN 0 THEN 'out_of_scope' WHEN 1 THEN 'unsolved' ELSE 'solved' END, \
             CASE WHEN i % 3 = 0 THEN 1 + i % 5 END, CASE WHEN i % 3 = 0 THEN t + 700000 END",
        ),
        into(
            "figure_offer (offer, conversation, request, team, item, channel, agent, offered_at, first_at, is_transfer, \
             ended_at, result, served_until)",
            "'of_' || id, id, 1, team, item, channel, agent, t + 60100, t + 60100, 0, t + 60100 + i * 31 % 15000, \
             CASE WHEN i % 9 = 0 THEN 'missed' ELSE 'accepted' END, t + 600000",
        ),
        // Three turns each, half a minute apart.
        format!(
            "INSERT INTO promise (thread, no, conversation, team, item, channel, asked_at, due_at, terms, answered_at, \
             answered_by, outcome) {made}, turn (no) AS (VALUES (1), (2), (3)) \
             SELECT i + 1, turn.no, id, team, item, channel, t + 90000 + turn.no * 30000, t + 270000 + turn.no * 30000, '{{}}', \
             CASE WHEN i % 13 > 0 THEN t + 90000 + turn.no * 30000 + (i + turn.no) * 43 % 200000 END, agent, \
             CASE i % 17 WHEN 0 THEN 'out_of_scope' WHEN 1 THEN 'unsolved' ELSE 'solved' END FROM c, turn ORDER BY 7"
        ),
        into(
            "figure_visit (conversation, no, team, item, channel, began_at, last_at, questions, last_turn, human_at)",
            "id, 1, team, item, channel, t, t + 30000, 2, CASE WHEN i % 4 = 0 THEN 'not_found' ELSE 'answered' END, \
             CASE WHEN i % 2 = 0 THEN t + 60000 END",
        ),
    ]
}

async fn measure(name: &str, db: &TestDatabase, conversations: i64, months: i64) {
    let store = Store::open(&db.database, 64, Box::new(|_| {})).await.expect("a store");
    let began = Instant::now();
    for sql in statements(conversations, months) {
        db.execute(&sql).await;
    }
    db.execute("ANALYZE").await;
    println!("{name}: {conversations} conversations over {months} months, made in {:.1?}", began.elapsed());
    let archive = store.archive();
    let (month, before) = (
        Selection::all(Timestamp(FROM), Timestamp(FROM + 30 * DAY)),
        Selection::all(Timestamp(FROM - 30 * DAY), Timestamp(FROM)),
    );
    let now = Timestamp(FROM + 40 * DAY);
    for by in [By::Team, By::Day, By::Item, By::Agent, By::Hour] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            let (apart, _) = futures_util::future::try_join(
                archive.figures(Kind::ALL, &month, by, now),
                archive.figures(Kind::ALL, &before, By::Nothing, now),
            )
            .await
            .expect("figures");
            times.push(began.elapsed());
            let requests: u64 = apart.values().filter_map(|line| line.get(&Figure::Requests)).map(|one| one.of).sum();
            assert!(requests > 0, "nothing was counted");
        }
        times.sort();
        println!(
            "{name}: a month and the one before, by {by}: {} ms (median of 5), {} ms (slowest)",
            times[2].as_millis(),
            times[4].as_millis()
        );
    }
    let query = RowQuery {
        definition: Figure::WithinMinute.definition(),
        part: Part::Rest,
        selection: &month,
        after: Some((Timestamp(FROM + 29 * DAY), String::new())),
        limit: 50,
    };
    let began = Instant::now();
    let rows = archive.figure_rows(&query, now).await.expect("rows");
    println!("{name}: a page of {} rows near the end of the month: {:.1?}", rows.len(), began.elapsed());
    store.close().await;
}

fn main() {
    // `cargo test --benches` runs this too, and is not here to measure.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (conversations, months) = (number("CONVERSATIONS", 200_000), number("MONTHS", 1));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        measure("SQLite", &TestDatabase::sqlite(), conversations, months).await;
        if env::var(bangban_store::testing::POSTGRES_URL).is_ok() {
            measure("PostgreSQL", &TestDatabase::postgres().await, conversations, months).await;
        }
    });
}
