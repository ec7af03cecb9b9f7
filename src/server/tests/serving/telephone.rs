//! Calls by telephone through the whole server: the city's exchange, desk phones, queue, rows, figures, log. The telephones are
//! real (`baresip`, `sipp`); who hears whom is told by tones.

use std::{fs, net::SocketAddr, path::Path};

use bangban_phones::{Baresip, Exchange, Sipp, free_port, level, wav};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};
use tokio::time::{sleep, timeout};

use crate::support::{Client, Desk, PATIENCE, Server, Stalled, exchange};

/// What each says.
const CALLER: f64 = 440.0;
const OPERATOR: f64 = 800.0;
const PROFESSIONAL: f64 = 1_330.0;
const VOICES: [f64; 3] = [CALLER, OPERATOR, PROFESSIONAL];
/// What the server plays, in place of its own recordings.
const MUSIC: f64 = 300.0;
const NOBODY_REACHED: f64 = 560.0;
const RATE: f64 = 620.0;
const PROMPTS: [(&str, Option<f64>, usize); 7] = [
    ("recorded", None, 100),
    ("operator_comes", None, 100),
    ("thanks", None, 100),
    ("no_operators", None, 100),
    ("nobody_reached", Some(NOBODY_REACHED), 4_000),
    ("rate", Some(RATE), 4_000),
    // Whole periods: it goes round without a break.
    ("music", Some(MUSIC), 2_000),
];
const CALLERS_NUMBER: &str = "13800138000";
const PASSWORD: &str = "desk-phone-secret";
/// Of numbers that are tried one after the other.
const NUMBERS: [&str; 4] = ["02160009101", "02160009102", "02160009103", "02160009104"];

/// A server with the city's exchange as its trunk and a telephone for the demo's operator.
struct House {
    server: Server,
    sip: SocketAddr,
    metrics: String,
    exchange: Exchange,
    /// Prompts and passwords.
    _files: tempfile::TempDir,
}

fn keys(files: &Path) {
    for (name, tone, milliseconds) in PROMPTS {
        fs::write(files.join(format!("{name}.wav")), wav(tone, milliseconds)).unwrap();
    }
    fs::write(files.join("phones.json"), json!({ "oper1": PASSWORD }).to_string()).unwrap();
}

impl House {
    async fn open(more: &[(&str, &str)]) -> Self {
        let files = tempfile::tempdir().unwrap();
        keys(files.path());
        let exchange = Exchange::start().await;
        let sip = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let metrics = format!("127.0.0.1:{}", free_port());
        let text = |name: &str| files.path().join(name).display().to_string();
        let trunks = format!(r#"[{{name="city",address="{}",sources=["127.0.0.1/32"]}}]"#, exchange.at);
        let (prompts, phones) = (files.path().display().to_string(), text("phones.json"));
        let listen = sip.to_string();
        let mut settings = vec![
            ("BANGBAN__HTTP__METRICS_LISTEN", &*metrics),
            ("BANGBAN__LOG__LEVEL", "debug"),
            ("BANGBAN__CALLS__LISTEN", "127.0.0.1"),
            ("BANGBAN__CALLS__PROMPTS", &prompts),
            ("BANGBAN__TELEPHONY__ENABLED", "true"),
            ("BANGBAN__TELEPHONY__LISTEN", &listen),
            ("BANGBAN__TELEPHONY__NUMBER", "\"12345\""),
            ("BANGBAN__TELEPHONY__TRUNKS", &trunks),
            ("BANGBAN__TELEPHONY__PHONES", "[\"127.0.0.1/32\"]"),
            ("BANGBAN__TELEPHONY__PHONES_FILE", &phones),
            // All of it is on this machine.
            ("BANGBAN__TELEPHONY__T1_MS", "100"),
        ];
        settings.extend(more);
        let server = Server::start(&["--demo"], &settings).await;
        Self { server, sip, metrics, exchange, _files: files }
    }

    /// Somebody at home.
    async fn caller(&self) -> Baresip {
        let phone = Baresip::answering(CALLERS_NUMBER, Some(CALLER), "PCMA").await;
        phone.command("dial", &format!("sip:12345@{}", self.sip)).await;
        phone
    }

    /// The demo's operator at their page, with a telephone on the desk.
    async fn operator(&self) -> (Client, Baresip) {
        let mut page = self.server.staff("oper1").await;
        page.subscribe("calls").await;
        let phone = Baresip::registered("oper1", PASSWORD, self.sip, Some(OPERATOR), "PCMU").await;
        page.event("a telephone", |event| event["body"]["view"]["hasTelephone"] == true).await;
        (page, phone)
    }

    /// The operator's page takes the caller whom the queue offers, and the operator picks up; gives the call.
    async fn talks(&self, page: &mut Client) -> String {
        page.accept().await;
        let in_it = |event: &Value| event["body"]["view"]["mine"][0].is_string();
        let call = page.event("a call", in_it).await["body"]["view"]["mine"][0].as_str().unwrap().to_owned();
        until(page, &call, "they talk", |view| view["state"] == "talking").await;
        call
    }

    async fn metric(&self, what: &str) -> u64 {
        let page = exchange(&self.metrics, "GET /metrics", "").await;
        let begin = format!("bangban_calls{{what=\"{what}\"}} ");
        let line = page.text().lines().find_map(|line| line.strip_prefix(&begin).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {what}")).parse().unwrap()
    }

    /// Nothing of any call is left: no leg, port, call, dialog.
    async fn is_empty(&self) {
        for what in ["legs", "conferences", "telephone_calls", "telephone_dialogs", "ports_in_use"] {
            let empty = async {
                while self.metric(what).await > 0 {
                    sleep(std::time::Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, empty).await.unwrap_or_else(|_| panic!("{what} are left"));
        }
    }

    async fn rows(&self, sql: &'static str) -> Vec<Vec<Option<String>>> {
        let url = format!("sqlite://{}", self.server.dir.path().join("bangban.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let rows = sqlx::query(sql).fetch_all(&mut database).await.unwrap();
        let texts = |row: &sqlx::sqlite::SqliteRow| (0..row.len()).map(|at| row.get::<Option<String>, _>(at)).collect();
        rows.iter().map(texts).collect()
    }

    /// Waits until these rows are there.
    async fn comes_to(&self, sql: &'static str, wanted: &[&[&str]]) {
        let wanted: Vec<Vec<Option<String>>> = wanted
            .iter()
            .map(|row| row.iter().map(|text| Some((*text).to_owned()).filter(|text| text != "-")).collect())
            .collect();
        let mut last = Vec::new();
        let there = async {
            loop {
                last = self.rows(sql).await;
                if last == wanted {
                    return;
                }
                sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        if timeout(PATIENCE, there).await.is_err() {
            panic!("{sql}: {last:?} instead of {wanted:?}");
        }
    }

    /// Nobody's number or secret is in the log, though it says as much as is useful.
    fn log_is_clean(&self) {
        let log = self.server.log();
        assert!(log.lines().count() > 10, "it says something");
        for text in [CALLERS_NUMBER, PASSWORD, "0216000", "Digest", "INVITE sip", "c=IN", "User-Agent"] {
            let line = log.lines().find(|line| line.contains(text)).unwrap_or_default();
            assert!(line.is_empty(), "{text} is in the log: {line}");
        }
    }
}

fn act(act: Value) -> Value {
    json!({ "type": "call", "act": act })
}

/// Waits until the call is seen so.
async fn until(page: &mut Client, call: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let topic = format!("call:{call}");
    let snapshot = page.subscribe(&topic).await;
    let (view, version) = (snapshot["view"].clone(), snapshot["view"]["version"].as_i64());
    if is_so(&view) {
        return view;
    }
    let is_it = |event: &Value| {
        let view = &event["body"]["view"];
        event["topic"] == json!(topic) && view["version"].as_i64() > version && is_so(view)
    };
    page.event(what, is_it).await["body"]["view"].clone()
}

/// Who of the three hears whom.
async fn hear(what: &str, phones: &[(&Baresip, &[f64])]) {
    for (phone, tones) in phones {
        let others: Vec<f64> = VOICES.into_iter().filter(|tone| !tones.contains(tone)).collect();
        phone.hears_exactly(what, tones, &others).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_an_operator_and_a_professional_speak_by_telephone() {
    let house = House::open(&[("BANGBAN__CALLS__RING_SECONDS", "5")]).await;
    let admin = Desk::of(&house.server, "admin1").await;
    for (number, rank) in NUMBERS.iter().zip([10, 20, 30, 40]) {
        let body = json!({ "label": format!("窗口{rank}"), "number": number, "unit": "sports", "rank": rank });
        admin.made(&format!("transfer_number/sports-{rank}"), 0, &body).await;
    }
    // Busy, rings for ever, is nowhere, answers.
    let busy = Sipp::start("busy", None, &["-m", "1"]).listens().await;
    let never = Sipp::start("no_answer", None, &["-m", "1"]).listens().await;
    let professional = Baresip::answering(NUMBERS[3], Some(PROFESSIONAL), "PCMA").await;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], free_port()));
    for (number, at) in NUMBERS.iter().zip([busy.at, never.at, nowhere, professional.at]) {
        house.exchange.route(number, at);
    }

    let (mut page, operator) = house.operator().await;
    let caller = house.caller().await;
    caller.hears_exactly("while they wait", &[MUSIC], &[OPERATOR, PROFESSIONAL]).await;
    let call = house.talks(&mut page).await;
    hear("two talk", &[(&caller, &[OPERATOR]), (&operator, &[CALLER])]).await;

    let who = json!({ "type": "department", "department": "sports" });
    page.ok(act(json!({ "type": "request", "call": call, "who": who, "goal": "consult" }))).await;
    let view = until(&mut page, &call, "one of four answers", |view| view["requests"][0]["result"] == "reached").await;
    let attempts = view["requests"][0]["attempts"].as_array().unwrap();
    let causes: Vec<&str> = attempts.iter().map(|one| one["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["busy", "no_answer", "no_progress", "answered"]);
    busy.went_well().await;
    never.went_well().await;

    hear("a private consultation", &[(&operator, &[PROFESSIONAL]), (&professional, &[OPERATOR])]).await;
    caller.hears_exactly("who is on hold", &[MUSIC], &VOICES).await;
    let asked_at = caller.so_far().unwrap().len();
    page.ok(act(json!({ "type": "merge", "call": call }))).await;
    // To the last moment before.
    let held = caller.so_far().unwrap();
    for second in held[asked_at - 8_000..asked_at].chunks(4_000) {
        assert!(VOICES.iter().all(|voice| level(second, *voice) < -50.0), "somebody is heard by who is on hold");
    }
    hear(
        "three talk",
        &[
            (&caller, &[OPERATOR, PROFESSIONAL]),
            (&operator, &[CALLER, PROFESSIONAL]),
            (&professional, &[CALLER, OPERATOR]),
        ],
    )
    .await;
    page.ok(act(json!({ "type": "leave", "call": call }))).await;
    hear("the operator has left", &[(&caller, &[PROFESSIONAL]), (&professional, &[CALLER])]).await;
    page.event("a wrap-up", |event| event["body"]["view"]["wrapUps"][0]["call"] == json!(call)).await;
    page.ok(act(json!({ "type": "wrap_up", "call": call, "disposition": "put_through" }))).await;
    caller.command("hangup", "").await;

    house
        .comes_to("SELECT origin, because, CAST(stars AS TEXT) FROM phone_call", &[&["hotline", "caller_hung_up", "-"]])
        .await;
    house
        .comes_to(
            "SELECT part, CAST(round AS TEXT), cause FROM call_attempt ORDER BY leg",
            &[
                &["operator", "1", "answered"],
                &["professional", "1", "busy"],
                &["professional", "2", "no_answer"],
                &["professional", "3", "no_progress"],
                &["professional", "4", "answered"],
            ],
        )
        .await;
    house
        .comes_to(
            "SELECT part, because FROM call_leg ORDER BY leg",
            &[&["caller", "hung_up"], &["operator", "released"], &["professional", "released"]],
        )
        .await;
    house.comes_to("SELECT department, result FROM call_request", &[&["sports", "reached"]]).await;
    house.comes_to("SELECT disposition, how FROM call_wrap_up", &[&["put_through", "done"]]).await;
    house.comes_to("SELECT channel, stage, outcome FROM conversation", &[&["call", "closed", "solved"]]).await;
    house.is_empty().await;
    house.log_is_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_presses_a_key_and_it_counts_as_the_rating() {
    let house = House::open(&[]).await;
    let (mut page, operator) = house.operator().await;
    let caller = house.caller().await;
    let call = house.talks(&mut page).await;
    hear("two talk", &[(&caller, &[OPERATOR]), (&operator, &[CALLER])]).await;
    operator.command("hangup", "").await;
    caller.hears_exactly("the question", &[RATE], &[OPERATOR]).await;
    // One that says nothing, then the answer: both as events of RTP (RFC 4733).
    caller.command("sndcode", "9").await;
    caller.command("sndcode", "4").await;
    house.comes_to("SELECT because, CAST(stars AS TEXT) FROM phone_call", &[&["completed", "4"]]).await;
    page.ok(act(json!({ "type": "wrap_up", "call": call, "disposition": "solved" }))).await;
    house.comes_to("SELECT stage, outcome, CAST(stars AS TEXT) FROM conversation", &[&["closed", "solved", "4"]]).await;
    house.is_empty().await;
    let leader = Desk::of(&house.server, "leader1").await;
    let now = leader.get("/api/figures/scope").await["now"].as_i64().unwrap();
    let day = |ms: i64| {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap();
        jiff::tz::Offset::constant(8).to_datetime(at).date().to_string()
    };
    let days = format!("from={}&to={}", day(now - 86_400_000), day(now + 86_400_000));
    let figures = leader.get(&format!("/api/figures?{days}")).await;
    let rating = &figures["total"]["rating"];
    assert_eq!((&rating["of"], &rating["sum"]), (&json!(1), &json!(4)), "{figures}");
    house.log_is_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_or_is_reached_by_nobody_is_told_so_and_called_back() {
    let house = House::open(&[]).await;
    // Nobody is there yet: they wait, hear music, and go.
    let caller = house.caller().await;
    caller.hears_exactly("while they wait", &[MUSIC], &VOICES).await;
    caller.command("hangup", "").await;
    house.comes_to("SELECT because FROM phone_call", &[&["abandoned"]]).await;
    house.comes_to("SELECT channel, stage, outcome FROM conversation", &[&["call", "closed", "abandoned"]]).await;
    drop(caller);

    // Given up before it was answered: while nothing can be written down, nothing is.
    let stalled = Stalled::begin(&house.server).await;
    let gives_up = Sipp::start("gives_up", Some(house.sip), &["-m", "1"]);
    gives_up.went_well().await;
    stalled.end().await;
    house.comes_to("SELECT because FROM phone_call ORDER BY began_at", &[&["abandoned"], &["abandoned"]]).await;

    // Put through to a department where nobody is: told so, and the operator comes back.
    let busy = Sipp::start("busy", None, &["-m", "1"]).listens().await;
    house.exchange.route(NUMBERS[0], busy.at);
    let (mut page, operator) = house.operator().await;
    let caller = house.caller().await;
    let call = house.talks(&mut page).await;
    hear("two talk", &[(&caller, &[OPERATOR]), (&operator, &[CALLER])]).await;
    let who = json!({ "type": "number", "number": NUMBERS[0], "department": "sports" });
    page.ok(act(json!({ "type": "request", "call": call, "who": who, "goal": "put_through" }))).await;
    busy.went_well().await;
    caller.hears_exactly("nobody was reached", &[NOBODY_REACHED], &[CALLER, PROFESSIONAL]).await;
    hear("the operator is back", &[(&caller, &[OPERATOR]), (&operator, &[CALLER])]).await;
    let owed = |event: &Value| event["body"]["view"]["owed"][0]["department"] == "sports";
    page.event("somebody is to be called back", owed).await;
    let due = "SELECT department, CAST(due_at - owed_at AS TEXT) FROM call_back WHERE settled_at IS NULL";
    house.comes_to(due, &[&["sports", "86400000"]]).await;
    caller.command("hangup", "").await;
    let causes = "SELECT part, cause FROM call_attempt ORDER BY rung_at, leg";
    house.comes_to(causes, &[&["operator", "answered"], &["professional", "busy"], &["operator", "answered"]]).await;
    house.is_empty().await;
    house.log_is_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_there_is_room_for_are_told_to_come_back_later() {
    let house = House::open(&[("BANGBAN__CALLS__MOST_CALLS", "1"), ("BANGBAN__CALLS__RETRY_AFTER_SECONDS", "7")]).await;
    let caller = house.caller().await;
    caller.hears_exactly("while they wait", &[MUSIC], &VOICES).await;
    Sipp::start("refused", Some(house.sip), &["-m", "3"]).went_well().await;
    house.comes_to("SELECT because FROM phone_call", &[&["-"]]).await;
    house.comes_to("SELECT channel, outcome FROM conversation", &[&["call", "-"]]).await;
    caller.command("hangup", "").await;
    house.comes_to("SELECT because FROM phone_call", &[&["abandoned"]]).await;
    // There is room again.
    Sipp::start("caller", Some(house.sip), &["-m", "1"]).went_well().await;
    house.comes_to("SELECT because FROM phone_call ORDER BY began_at", &[&["abandoned"], &["abandoned"]]).await;
    house.is_empty().await;
    house.log_is_clean();
}
