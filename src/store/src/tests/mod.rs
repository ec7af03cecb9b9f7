use std::sync::{Arc, Mutex};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp, history,
    ledger::{Promise, Promised, Terms},
    words::{Channel, CitizenKind, ReceiptState, SlaStep, Stage},
};

use serde_json::value::RawValue;

use crate::{
    Author, Change, CitizenRow, ConversationRow, Event, Json, Lane, LedgerRow, NewEntry, Published, ReceiptRow, Store,
    StoreError, Unit, Written, testing::TestDatabase,
};

type Log = Arc<Mutex<Vec<(ConversationId, u64)>>>;

async fn open(db: &TestDatabase) -> (Store, Log) {
    let log = Log::default();
    let seen = Arc::clone(&log);
    let publisher = Box::new(move |batch: &[Published]| {
        seen.lock().unwrap().extend(batch.iter().map(|one| (one.entry.conversation, one.seq)));
    });
    (Store::open(&db.database, 4096, publisher).await.unwrap(), log)
}

/// Runs each test on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::TestDatabase::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::TestDatabase::postgres().await).await;
            })*
        }
    };
}

mod actions;
mod administration;
mod alerts;
mod arrivals;
mod bot;
mod call_figures;
mod calls;
mod citizens;
mod faults;
mod figures;
mod files;
mod find;
mod guides;
mod knowledge;
mod knowledge_files;
mod learning;
mod privacy;
mod proxy;
mod quality;
mod staff;
mod tasks;
mod thread;
mod windows;

on_both! {
    a_thousand_concurrent_messages_are_numbered_without_gap_and_published_in_order,
    a_repeated_client_id_gets_the_first_number_even_within_one_batch_and_after_reopening,
    the_last_thousand_client_ids_of_each_lane_are_known_after_reopening,
    lanes_are_numbered_apart,
    the_bot_is_silent_once_a_human_was_asked_and_never_answers_a_duplicate,
    the_first_human_reply_stops_the_clock_once,
    a_message_after_the_first_response_is_owed_an_answer_in_its_own_transaction,
    a_receipt_is_settled_once,
    receipts_of_an_older_database_get_their_states,
    a_bad_unit_is_refused_whole_and_disturbs_no_other,
    a_reply_and_a_farewell_in_one_batch_count_in_their_order,
    units_over_several_conversations_keep_their_order_in_each_of_them,
    many_concurrent_units_share_few_transactions,
    every_body_comes_back_as_it_was,
    the_character_that_postgresql_cannot_store_is_refused_by_field,
    a_second_server_on_the_database_is_refused_by_name,
    a_full_queue_answers_busy_and_a_closed_store_closed,
    units_are_carried_out_as_they_were_handed_over_and_whoever_hangs_up_takes_nothing_back,
}

fn conversation(n: u128) -> ConversationRow {
    ConversationRow {
        id: ConversationId::new(n),
        citizen: CitizenId::new(1),
        item: Some("residence-permit".to_owned()),
        team: "residence".to_owned(),
        channel: Channel::Pc,
        hall: None,
        ticket: None,
        stage: Stage::Bot,
        agent: None,
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

fn message(n: u128, author: Author, client_id: &str) -> NewEntry {
    NewEntry {
        conversation: ConversationId::new(n),
        lane: Lane::Public,
        at: Timestamp(2_000),
        author,
        client_id: Some(client_id.to_owned()),
        from: raw("null"),
        body: raw("{}"),
        masked: None,
        only_in: None,
        follows: false,
        turn: None,
        about: None,
        owes: None,
        answers: matches!(author, Author::Agent(_)),
    }
}

fn raw(json: &str) -> Json {
    Json(RawValue::from_string(json.to_owned()).unwrap())
}

async fn seed(store: &Store, n: u128) {
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
    let changes = vec![Change::Citizen(citizen), Change::NewConversation(conversation(n))];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
}

fn one(entry: NewEntry) -> Unit {
    Unit { entries: vec![entry], ..Unit::default() }
}

async fn a_thousand_concurrent_messages_are_numbered_without_gap_and_published_in_order(db: TestDatabase) {
    let (store, log) = open(&db).await;
    seed(&store, 7).await;
    let sends: Vec<_> = (0..1_000)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(one(message(7, Author::Citizen, &format!("m{i}")))).await.unwrap() })
        })
        .collect();
    for send in sends {
        send.await.unwrap();
    }
    let rows = store.entries_after(ConversationId::new(7), Lane::Public, 0, 2_000).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=1_000).collect::<Vec<_>>());
    let published: Vec<u64> = log.lock().unwrap().iter().map(|(_, seq)| *seq).collect();
    assert_eq!(published, (1..=1_000).collect::<Vec<_>>());
}

async fn a_repeated_client_id_gets_the_first_number_even_within_one_batch_and_after_reopening(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let twice =
        Unit { entries: vec![message(7, Author::Citizen, "a"), message(7, Author::Citizen, "a")], ..Unit::default() };
    let done = store.commit(twice).await.unwrap();
    let again = Written::Duplicate { seq: 1, at: Timestamp(2_000) };
    assert_eq!(done.entries, [Written::New { seq: 1, answered: false }, again]);
    store.close().await;

    let (store, log) = open(&db).await;
    assert_eq!(store.commit(one(message(7, Author::Citizen, "a"))).await.unwrap().entries, [again]);
    // The same id by another author is another message.
    let other = store.commit(one(message(7, Author::Agent(AgentId::new(3)), "a"))).await.unwrap();
    assert_eq!(other.entries, [Written::New { seq: 2, answered: false }]);
    assert_eq!(log.lock().unwrap().len(), 1);
}

async fn the_last_thousand_client_ids_of_each_lane_are_known_after_reopening(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let agent = Author::Agent(AgentId::new(3));
    let note = |id: &str| NewEntry { lane: Lane::Notes, ..message(7, agent, id) };
    let said = |n: u64| message(7, Author::Citizen, &format!("m{n}"));
    let entries = (1..=3_000).map(said).chain((1..=1_100).map(|n| note(&format!("n{n}"))));
    store.commit(Unit { entries: entries.collect(), ..Unit::default() }).await.unwrap();
    store.close().await;

    let (store, _) = open(&db).await;
    let again = |seq| vec![Written::Duplicate { seq, at: Timestamp(2_000) }];
    for n in [3_000, 2_500, 3_000 - 1_023] {
        assert_eq!(store.commit(one(said(n))).await.unwrap().entries, again(n), "{n}");
    }
    for n in [1_100, 1_100 - 1_023] {
        assert_eq!(store.commit(one(note(&format!("n{n}")))).await.unwrap().entries, again(n), "{n}");
    }
}

async fn lanes_are_numbered_apart(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    store.commit(one(message(7, Author::Citizen, "a"))).await.unwrap();
    let note = NewEntry { lane: Lane::Notes, ..message(7, Author::Agent(AgentId::new(3)), "n") };
    assert_eq!(store.commit(one(note)).await.unwrap().entries, [Written::New { seq: 1, answered: false }]);
    let next = store.commit(one(message(7, Author::Citizen, "b"))).await.unwrap();
    assert_eq!(next.entries, [Written::New { seq: 2, answered: false }]);
}

async fn the_bot_is_silent_once_a_human_was_asked_and_never_answers_a_duplicate(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let question = |id: &str| {
        let bot = NewEntry { client_id: None, only_in: Some(Stage::Bot), follows: true, ..message(7, Author::Bot, "") };
        Unit { entries: vec![message(7, Author::Citizen, id), bot], ..Unit::default() }
    };
    let first = store.commit(question("a")).await.unwrap();
    assert_eq!(first.entries[1], Written::New { seq: 2, answered: false });
    assert_eq!(store.commit(question("a")).await.unwrap().entries[1], Written::Skipped);

    let waiting = ConversationRow { stage: Stage::Waiting, ..conversation(7) };
    store.commit(Unit { changes: vec![Change::Conversation(waiting)], ..Unit::default() }).await.unwrap();
    let asked = store.commit(question("b")).await.unwrap();
    assert_eq!(asked.entries, [Written::New { seq: 3, answered: false }, Written::Skipped]);
}

async fn the_first_human_reply_stops_the_clock_once(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let clock = LedgerRow {
        conversation: ConversationId::new(7),
        no: 1,
        promise: Promise::FirstResponse,
        policy: None,
        team: "residence".to_owned(),
        asked_at: Timestamp(1_000),
        due_at: Timestamp(61_000),
        step: SlaStep::Running,
        breached_at: None,
        answered_at: None,
        left_at: None,
    };
    let row = ConversationRow { stage: Stage::Serving, clock_no: 1, ..conversation(7) };
    let changes = vec![Change::Conversation(row), Change::Clock(clock)];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();

    let agent = Author::Agent(AgentId::new(3));
    let citizen = store.commit(one(message(7, Author::Citizen, "c"))).await.unwrap();
    assert_eq!(citizen.entries, [Written::New { seq: 1, answered: false }]);
    let first = store.commit(one(message(7, agent, "x"))).await.unwrap();
    assert_eq!(first.entries, [Written::New { seq: 2, answered: true }]);
    let second = store.commit(one(NewEntry { at: Timestamp(9_000), ..message(7, agent, "y") })).await.unwrap();
    assert_eq!(second.entries, [Written::New { seq: 3, answered: false }]);
    let row = store.last_clock(ConversationId::new(7)).await.unwrap().unwrap();
    assert_eq!((row.answered_at, row.due_at), (Some(Timestamp(2_000)), Timestamp(61_000)));
    // The log says so too, once.
    let what = history::Event::Answered { no: 1, at: Timestamp(2_000), by: AgentId::new(3) };
    let logged = Event { conversation: Some(ConversationId::new(7)), at: Timestamp(2_000), actor: agent, what };
    assert_eq!(store.events_of(ConversationId::new(7)).await.unwrap(), [logged]);
}

async fn a_message_after_the_first_response_is_owed_an_answer_in_its_own_transaction(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let id = ConversationId::new(7);
    let clock = LedgerRow {
        conversation: id,
        no: 1,
        promise: Promise::FirstResponse,
        policy: None,
        team: "residence".to_owned(),
        asked_at: Timestamp(1_000),
        due_at: Timestamp(61_000),
        step: SlaStep::Running,
        breached_at: None,
        answered_at: None,
        left_at: None,
    };
    let row = ConversationRow { stage: Stage::Serving, clock_no: 1, ..conversation(7) };
    let opened = history::Event::Opened {
        citizen: row.citizen,
        item: row.item.clone(),
        team: row.team.clone(),
        channel: row.channel,
        hall: None,
        ticket: None,
    };
    let log = |at, what| Event { conversation: Some(id), at: Timestamp(at), actor: Author::System, what };
    let changes = vec![Change::Conversation(row.clone()), Change::Clock(clock)];
    store.commit(Unit { changes, events: vec![log(1_000, opened)], ..Unit::default() }).await.unwrap();

    let said = |author, client: &str, at: i64| {
        let served = vec![(Timestamp(at), Timestamp(at + 180_000))];
        let terms = Terms { span: 180_000, policy: None, served, steps: Vec::new() };
        let promised = Promised { team: row.team.clone(), item: row.item.clone(), channel: row.channel, terms };
        let owes = (author == Author::Citizen).then(|| Arc::new(promised));
        one(NewEntry { at: Timestamp(at), owes, ..message(7, author, client) })
    };
    let agent = Author::Agent(AgentId::new(3));
    let commit = async |author, client: &str, at: i64| {
        let done = store.commit(said(author, client, at)).await.unwrap();
        done.owed.first().map(|owed| (owed.no, owed.is_open))
    };
    assert_eq!(commit(Author::Citizen, "a", 1_500).await, None, "the first response is the other clock's");
    assert_eq!(commit(agent, "b", 2_000).await, None);
    assert_eq!(commit(Author::Citizen, "c", 3_000).await, Some((1, true)));
    assert_eq!(commit(Author::Citizen, "d", 4_000).await, None);
    assert_eq!(commit(Author::Citizen, "c", 5_000).await, None, "said again, because the answer was lost");
    assert_eq!(commit(agent, "e", 2_999).await, None, "read before it was asked");
    // The next writer has to find out the same from the rows.
    store.close().await;
    let (store, _) = open(&db).await;
    let open_now = store.open_promises().await.unwrap();
    assert_eq!(
        open_now.iter().map(|(id, one)| (*id, one.no, one.asked_at)).collect::<Vec<_>>(),
        [(id, 1, Timestamp(3_000))]
    );
    let commit = async |author, client: &str, at: i64| {
        let done = store.commit(said(author, client, at)).await.unwrap();
        done.owed.first().map(|owed| (owed.no, owed.is_open))
    };
    assert_eq!(commit(Author::Citizen, "f", 6_000).await, None, "it runs already");
    assert_eq!(commit(agent, "g", 7_000).await, Some((1, false)));
    store.close().await;
    let (store, _) = open(&db).await;
    let commit = async |author, client: &str, at: i64| {
        let done = store.commit(said(author, client, at)).await.unwrap();
        done.owed.first().map(|owed| (owed.no, owed.is_open))
    };
    assert_eq!(commit(Author::Citizen, "h", 6_999).await, None, "answered, although it is written later");
    assert_eq!(commit(Author::Citizen, "i", 8_000).await, Some((2, true)));
    let closed =
        history::Event::Closed { outcome: bangban_domain::words::Outcome::Solved, hand_on: None, receipt: None };
    let row = ConversationRow { stage: Stage::Closed, ..row };
    let changes = vec![Change::Conversation(row)];
    store.commit(Unit { changes, events: vec![log(9_000, closed)], ..Unit::default() }).await.unwrap();
    assert_eq!(store.open_promises().await.unwrap(), []);
    let rows: Vec<_> = store.promises_of(id).await.unwrap().rows.into_iter().skip(1).collect();
    let told: Vec<_> = rows.iter().map(|row| (row.no, row.asked_at, row.answered_at, row.left_at)).collect();
    let at = |ms| Some(Timestamp(ms));
    assert_eq!(told, [(1, Timestamp(3_000), at(7_000), None), (2, Timestamp(8_000), None, at(9_000))]);
}

async fn a_receipt_is_settled_once(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let open = ReceiptRow {
        receipt: "SH20261124-0001".to_owned(),
        conversation: ConversationId::new(7),
        hand_on: None,
        made_at: Timestamp(5),
        state: ReceiptState::Open,
        settled_at: None,
        reminded_at: None,
    };
    let settle = |state, at| Change::ReceiptSettled {
        conversation: ConversationId::new(7),
        receipt: "SH20261124-0001".to_owned(),
        state,
        at: Timestamp(at),
    };
    store.commit(Unit { changes: vec![Change::Receipt(open.clone())], ..Unit::default() }).await.unwrap();
    assert_eq!(store.open_receipts().await.unwrap(), std::slice::from_ref(&open));
    let reminded = |at| Change::ReceiptReminded {
        conversation: ConversationId::new(7),
        receipt: "SH20261124-0001".to_owned(),
        at,
    };
    for at in [Some(Timestamp(6)), None, Some(Timestamp(7))] {
        store.commit(Unit { changes: vec![reminded(at)], ..Unit::default() }).await.unwrap();
        assert_eq!(store.open_receipts().await.unwrap()[0].reminded_at, at);
    }
    let open = ReceiptRow { reminded_at: Some(Timestamp(7)), ..open };
    let changes = vec![settle(ReceiptState::Done, 9), settle(ReceiptState::Cancelled, 10)];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let done = ReceiptRow { state: ReceiptState::Done, settled_at: Some(Timestamp(9)), ..open };
    assert_eq!(store.receipts_of(ConversationId::new(7)).await.unwrap(), [done]);
    assert_eq!(store.open_receipts().await.unwrap(), []);
}

/// A database of the first version, then this program: the states of its receipts follow from its conversations.
async fn receipts_of_an_older_database_get_their_states(db: TestDatabase) {
    sqlx::any::install_default_drivers();
    let old = sqlx::AnyPool::connect(&db.url()).await.unwrap();
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.migrations = migrator.iter().filter(|one| one.version == 1).cloned().collect::<Vec<_>>().into();
    migrator.run(&old).await.unwrap();
    sqlx::query("INSERT INTO citizen (id, name, kind, level, seen_at) VALUES ('c', '', 'person', '', 0)")
        .execute(&old)
        .await
        .unwrap();
    for (n, stage, agent, kind) in [
        (1, "closed", Some("ag_1"), "message"),
        (2, "closed", None, "message"),
        (3, "bot", None, "message"),
        (4, "call_back", None, "message"),
        (5, "closed", Some("ag_1"), "hand_on"),
    ] {
        let id = ConversationId::new(n).to_string();
        sqlx::query(
            "INSERT INTO conversation (id, citizen, team, channel, stage, agent, opened_at, closed_at, clock_no, \
             last_seq, last_note_seq, citizen_read, agent_read) VALUES ($1, 'c', 't', 'pc', $2, $3, 0, 70, 0, 0, 0, 0, 0)",
        )
        .bind(id.clone())
        .bind(stage)
        .bind(agent)
        .execute(&old)
        .await
        .unwrap();
        let hand_on = (kind == "hand_on").then_some("petition");
        sqlx::query("INSERT INTO receipt (receipt, conversation, kind, hand_on, made_at) VALUES ($1, $2, $3, $4, 50)")
            .bind(format!("r{n}"))
            .bind(id)
            .bind(kind)
            .bind(hand_on)
            .execute(&old)
            .await
            .unwrap();
    }
    old.close().await;

    let (store, _) = open(&db).await;
    let mut states = Vec::new();
    for n in 1..=5 {
        let row = store.receipts_of(ConversationId::new(n)).await.unwrap().remove(0);
        states.push((row.state.as_str(), row.settled_at.map(|at| at.0)));
    }
    assert_eq!(
        states,
        [("done", Some(70)), ("cancelled", Some(70)), ("cancelled", None), ("open", None), ("done", Some(50))]
    );
}

async fn a_bad_unit_is_refused_whole_and_disturbs_no_other(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let what = history::Event::AgentMissing { agent: AgentId::new(3), lost: true };
    let event = Event { conversation: None, at: Timestamp(1), actor: Author::System, what };
    let unknown = Unit { events: vec![event], ..one(message(99, Author::Citizen, "a")) };
    // A second conversation with the same id breaks the primary key in the middle of a batch.
    let clash = Unit { changes: vec![Change::NewConversation(conversation(7))], ..Unit::default() };
    let (good, unknown, clash) =
        tokio::join!(store.commit(one(message(7, Author::Citizen, "a"))), store.commit(unknown), store.commit(clash));
    assert_eq!(good.unwrap().entries, [Written::New { seq: 1, answered: false }]);
    assert!(matches!(unknown, Err(StoreError::UnknownConversation(id)) if id == ConversationId::new(99)));
    assert!(matches!(clash, Err(StoreError::Database(_))));
    let left = sqlx::query("SELECT id FROM event").fetch_all(&store.readers).await.unwrap();
    assert!(left.is_empty(), "nothing of a refused unit stays");
}

async fn a_second_server_on_the_database_is_refused_by_name(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let second = Store::open(&db.database, 1, Box::new(|_| {})).await;
    let message = second.err().unwrap().to_string();
    let (name, holder) = match db.database.url.as_str() {
        "" => ("bangban.db", "another process (data.dir)".to_owned()),
        _ => ("bangban_test_", format!("process {} on", std::process::id())),
    };
    assert!(message.contains(name) && message.contains(&format!("is in use by {holder}")), "{message}");
    store.close().await;
    open(&db).await;
}

async fn a_full_queue_answers_busy_and_a_closed_store_closed(db: TestDatabase) {
    let store = Store::open(&db.database, 1, Box::new(|_| {})).await.unwrap();
    seed(&store, 7).await;
    let commits = (0..50).map(|i| store.commit(one(message(7, Author::Citizen, &format!("m{i}")))));
    let results = futures_util::future::join_all(commits).await;
    let written = results.iter().filter(|result| result.is_ok()).count();
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(StoreError::Busy))));
    assert!((1..50).contains(&written), "{written}");
    let rows = store.entries_after(ConversationId::new(7), Lane::Public, 0, 100).await.unwrap();
    assert_eq!(rows.len(), written, "what was not acknowledged was not written");
    store.close().await;
    let late = store.commit(one(message(7, Author::Citizen, "late"))).await;
    assert!(matches!(late, Err(StoreError::Closed)));
}

async fn a_reply_and_a_farewell_in_one_batch_count_in_their_order(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let clock = LedgerRow {
        conversation: ConversationId::new(7),
        no: 1,
        promise: Promise::FirstResponse,
        policy: None,
        team: "residence".to_owned(),
        asked_at: Timestamp(1_000),
        due_at: Timestamp(61_000),
        step: SlaStep::Running,
        breached_at: None,
        answered_at: None,
        left_at: None,
    };
    let row = ConversationRow { stage: Stage::Serving, clock_no: 1, ..conversation(7) };
    let asked = Unit { changes: vec![Change::Conversation(row), Change::Clock(clock)], ..Unit::default() };
    let left = Change::Left { conversation: ConversationId::new(7), no: 1, at: Timestamp(3_000) };
    let reply = one(message(7, Author::Agent(AgentId::new(3)), "x"));
    let before = store.counts().transactions;
    let (asked, reply, left) = tokio::join!(
        store.commit(asked),
        store.commit(reply),
        store.commit(Unit { changes: vec![left], ..Unit::default() })
    );
    assert_eq!(reply.unwrap().entries, [Written::New { seq: 1, answered: true }]);
    assert!(asked.is_ok() && left.is_ok());
    assert_eq!(store.counts().transactions - before, 1);
    let row = store.last_clock(ConversationId::new(7)).await.unwrap().unwrap();
    assert_eq!(
        (row.answered_at, row.left_at),
        (Some(Timestamp(2_000)), None),
        "who was answered did not leave unanswered"
    );
}

async fn units_over_several_conversations_keep_their_order_in_each_of_them(db: TestDatabase) {
    const CONVERSATIONS: u128 = 12;
    let (store, _) = open(&db).await;
    for n in 1..=CONVERSATIONS {
        seed(&store, n).await;
    }
    // Unit i writes to one, two or three conversations; a fixed pattern without a common period.
    let touched = |i: u128| -> Vec<u128> {
        let mut of: Vec<u128> = (0..=i % 3).map(|k| (i * i + k * (i + 5)) % CONVERSATIONS + 1).collect();
        of.dedup();
        of
    };
    let units = (0..600_u128).map(|i| {
        let entries = touched(i).into_iter().map(|n| NewEntry {
            client_id: None,
            body: raw(&i.to_string()),
            ..message(n, Author::System, "")
        });
        store.commit(Unit { entries: entries.collect(), ..Unit::default() })
    });
    for done in futures_util::future::join_all(units).await {
        done.unwrap();
    }
    for n in 1..=CONVERSATIONS {
        let rows = store.entries_after(ConversationId::new(n), Lane::Public, 0, 1_000).await.unwrap();
        let expected: Vec<String> =
            (0..600).flat_map(|i| touched(i).into_iter().filter(|of| *of == n).map(move |_| i.to_string())).collect();
        let there: Vec<String> = rows.iter().map(|row| row.body.clone()).collect();
        let expected = expected.iter().map(|i| format!("{{\"from\":null,\"body\":{i}}}")).collect::<Vec<_>>();
        assert_eq!(there, expected, "conversation {n}");
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=expected.len() as u64).collect::<Vec<_>>());
    }
}

async fn many_concurrent_units_share_few_transactions(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let before = store.counts();
    let units = (0..1_000).map(|i| store.commit(one(message(7, Author::Citizen, &format!("m{i}")))));
    assert!(futures_util::future::join_all(units).await.iter().all(Result::is_ok));
    let after = store.counts();
    assert_eq!((after.units - before.units, after.entries - before.entries), (1_000, 1_000));
    // One flush to the disk each; that a commit flushes is checked when the connection is made.
    let transactions = after.transactions - before.transactions;
    assert!((1..=10).contains(&transactions), "{transactions}");
}

async fn every_body_comes_back_as_it_was(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let bodies = [
        r#"{"from":{"type":"citizen"},"body":{"type":"text","text":"居住证"}}"#,
        r#"{"b":"\"quoted\" \\ \u0000 \ud83d\ude00 😀","a":1.0e5,"a":-0,"n":null}"#,
        r#"["order", 1,  [ ] , "spaces kept"]"#,
        r#""'); DROP TABLE entry; --""#,
    ];
    let entries =
        bodies.iter().map(|body| NewEntry { client_id: None, body: raw(body), ..message(7, Author::Bot, "") });
    store.commit(Unit { entries: entries.collect(), ..Unit::default() }).await.unwrap();
    let rows = store.entries_after(ConversationId::new(7), Lane::Public, 0, 10).await.unwrap();
    let there: Vec<&str> = rows.iter().map(|row| row.body.as_str()).collect();
    assert_eq!(there, bodies.map(|body| format!("{{\"from\":null,\"body\":{body}}}")));
}

async fn the_character_that_postgresql_cannot_store_is_refused_by_field(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let refused = store.commit(one(message(7, Author::Citizen, "a\0b"))).await.unwrap_err();
    assert_eq!(refused.to_string(), "clientId must not contain the character U+0000");
    let draft = Change::Draft {
        agent: AgentId::new(3),
        conversation: ConversationId::new(7),
        text: "\0".to_owned(),
        at: Timestamp(1),
    };
    let refused = store.commit(Unit { changes: vec![draft], ..Unit::default() }).await.unwrap_err();
    assert_eq!(refused.to_string(), "text must not contain the character U+0000");
}

async fn units_are_carried_out_as_they_were_handed_over_and_whoever_hangs_up_takes_nothing_back(db: TestDatabase) {
    let (store, log) = open(&db).await;
    seed(&store, 7).await;
    for n in 0..20 {
        drop(store.enqueue(one(message(7, Author::Citizen, &format!("m{n}")))).unwrap());
    }
    let last = store.enqueue(one(message(7, Author::Citizen, "last"))).unwrap().await.unwrap();
    assert_eq!(last.entries, [Written::New { seq: 21, answered: false }]);
    let rows = store.entries_after(ConversationId::new(7), Lane::Public, 0, 100).await.unwrap();
    let said: Vec<_> = rows.into_iter().filter_map(|row| row.client_id).collect();
    let expected: Vec<_> = (0..20).map(|n| format!("m{n}")).chain(["last".to_owned()]).collect();
    assert_eq!(said, expected);
    assert_eq!(log.lock().unwrap().len(), 21);
}
