//! Actions: made, changed and cancelled at the demo's office; who may; what an office may not do to us; and that nothing is
//! done twice when a reply is lost or the server dies.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::support::{Client, Desk, Server, send};

/// A test is quicker than a citizen.
const QUICK: [(&str, &str); 1] = [("BANGBAN__LIMITS__CITIZEN_BURST", "1000")];

const ITEM: &str = "residence-permit";

fn start(conversation: &str, client_id: &str, kind: &str) -> Value {
    json!({ "type": "start_action", "conversation": conversation, "clientId": client_id, "kind": kind, "item": ITEM })
}

fn step(conversation: &str, client_id: &str, on: &Value, step: &str, choice: Option<&Value>) -> Value {
    let mut step =
        json!({ "type": "action_step", "conversation": conversation, "clientId": client_id, "on": on, "step": step });
    if let Some(choice) = choice {
        step["choice"] = choice.clone();
    }
    step
}

async fn thread(client: &mut Client, conversation: &str) -> Vec<Value> {
    client.subscribe(&format!("conversation:{conversation}")).await["entries"].as_array().unwrap().clone()
}

/// The last entry of 小申 in an action.
async fn stands(client: &mut Client, conversation: &str) -> Value {
    let entries = thread(client, conversation).await;
    let is_action = |entry: &&Value| {
        entry["body"]["type"].as_str().is_some_and(|kind| kind.starts_with("action_")) && entry["from"]["type"] == "bot"
    };
    entries.iter().rfind(is_action).unwrap_or_else(|| panic!("no action in {entries:?}")).clone()
}

/// The next entry of 小申 after a position that says how an action ended.
async fn ending(client: &mut Client, after: &Value) -> Value {
    let is_end = |event: &Value| {
        let entry = &event["body"]["entry"];
        entry["body"]["type"] == "action_ended" && entry["seq"].as_u64() > after.as_u64()
    };
    client.event("an end", is_end).await["body"]["entry"].clone()
}

/// Chooses the `n`th option of what is asked, until it is to be confirmed.
async fn choose_until_confirm(client: &mut Client, id: &str, prefix: &str, picks: &[usize]) -> Value {
    for (n, pick) in picks.iter().enumerate() {
        let asked = stands(client, id).await;
        assert_eq!(asked["body"]["type"], "action_asked", "{asked}");
        let choice = &asked["body"]["options"][*pick]["code"];
        client.ok(step(id, &format!("{prefix}{n}"), &asked["seq"], "choose", Some(choice))).await;
    }
    let confirm = stands(client, id).await;
    assert_eq!(confirm["body"]["type"], "action_confirm", "{confirm}");
    confirm
}

async fn confirmed(client: &mut Client, id: &str, client_id: &str, confirm: &Value) -> Value {
    client.ok(step(id, client_id, &confirm["seq"], "confirm", None)).await;
    ending(client, &confirm["seq"]).await
}

#[tokio::test]
async fn an_appointment_is_made_changed_and_cancelled_and_every_step_stands_in_the_thread() {
    let server = Server::start(&["--demo"], &QUICK).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let greeting = thread(&mut citizen, &id).await[0]["body"].clone();
    assert_eq!(greeting["actions"]["kinds"], json!(["book", "progress", "apply"]), "{greeting}");
    citizen.ok(send(&id, "q", "我要预约")).await;
    let offered = thread(&mut citizen, &id).await.last().unwrap()["body"].clone();
    assert_eq!(
        offered,
        json!({ "type": "actions_offered",
        "offers": [{ "item": ITEM, "itemName": "居住证办理", "kinds": ["book"] }] })
    );

    citizen.ok(start(&id, "a0", "book")).await;
    let halls = stands(&mut citizen, &id).await;
    assert_eq!(halls["body"]["ask"], "hall");
    // The same start once more is the same start; what is no option is refused by its field, and so is another place.
    citizen.ok(start(&id, "a0", "book")).await;
    let count = thread(&mut citizen, &id).await.len();
    for (command, field) in [
        (step(&id, "x", &halls["seq"], "choose", Some(&json!("moon"))), "choice"),
        (step(&id, "x", &halls["seq"], "choose", None), "choice"),
        (step(&id, "x", &json!(1), "back", None), "on"),
    ] {
        assert_eq!(citizen.refused(command).await["field"], field);
    }
    for command in [step(&id, "x", &halls["seq"], "confirm", None), step(&id, "x", &halls["seq"], "back", None)] {
        assert_eq!(citizen.refused(command).await["code"], "invalid_stage");
    }
    assert_eq!(thread(&mut citizen, &id).await.len(), count, "nothing refused was written");

    let confirm = choose_until_confirm(&mut citizen, &id, "b", &[0, 0, 1]).await;
    let opening = confirm["body"]["walk"]["opening"].clone();
    let end = confirmed(&mut citizen, &id, "c0", &confirm).await;
    let booked = end["body"]["outcome"]["appointment"].clone();
    assert_eq!((&end["body"]["outcome"]["type"], &booked["startsAt"]), (&json!("done"), &opening["startsAt"]), "{end}");
    // Confirmed again, under the same id and under another: nothing more is done.
    citizen.ok(step(&id, "c0", &confirm["seq"], "confirm", None)).await;
    assert_eq!(citizen.refused(step(&id, "c1", &confirm["seq"], "confirm", None)).await["code"], "outdated");

    citizen.ok(start(&id, "d0", "change")).await;
    let confirm = choose_until_confirm(&mut citizen, &id, "e", &[1, 0]).await;
    assert_eq!(confirm["body"]["walk"]["appointment"], booked, "the only one was not asked for");
    let end = confirmed(&mut citizen, &id, "f0", &confirm).await;
    let changed = end["body"]["outcome"]["appointment"].clone();
    assert_eq!(changed["number"], booked["number"], "{end}");
    assert_ne!(changed["startsAt"], booked["startsAt"]);

    // A second appointment for the same matter: the office says no, in a word that people are told.
    citizen.ok(start(&id, "g0", "book")).await;
    let confirm = choose_until_confirm(&mut citizen, &id, "h", &[0, 0, 0]).await;
    let end = confirmed(&mut citizen, &id, "i0", &confirm).await;
    assert_eq!(end["body"]["outcome"], json!({ "type": "failed", "reason": "already_booked" }));

    // What the office has done survives its end.
    drop(citizen);
    let dir = server.killed().await;
    let server = Server::start_in(dir, &["--demo"], &QUICK).await;
    let mut citizen = server.citizen().await;
    citizen.ok(start(&id, "j0", "cancel")).await;
    let confirm = stands(&mut citizen, &id).await;
    assert_eq!(confirm["body"]["walk"]["appointment"], changed);
    let left = citizen.ok(step(&id, "j1", &confirm["seq"], "leave", None)).await;
    assert!(left["seq"].is_number());
    citizen.ok(start(&id, "j2", "cancel")).await;
    let confirm = stands(&mut citizen, &id).await;
    let end = confirmed(&mut citizen, &id, "k0", &confirm).await;
    assert_eq!(end["body"]["outcome"], json!({ "type": "done", "appointment": changed }));
    citizen.ok(start(&id, "l0", "cancel")).await;
    let end = stands(&mut citizen, &id).await;
    assert_eq!(end["body"]["outcome"], json!({ "type": "failed", "reason": "no_appointments" }));

    let auditor = Desk::of(&server, "auditor1").await;
    let lines = auditor.get("/api/admin/audit?kind=action").await;
    let actions: Vec<&str> =
        lines["lines"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    let done = ["action.done", "action.confirm"];
    let expected = [done, ["action.failed", "action.confirm"], done, done].concat();
    assert_eq!(actions, expected);
    assert!(!lines.to_string().contains("张伟") && !server.log().contains("13800138001"), "ids only");
}

#[tokio::test]
async fn progress_and_the_begin_of_an_application_are_told_without_a_confirmation() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(start(&id, "a0", "progress")).await;
    let end = stands(&mut citizen, &id).await;
    assert_eq!(end["body"]["outcome"]["case"]["step"], "审查中（演示）", "{end}");
    // The codes that a guided dialogue has found out go along; nothing of the person does.
    citizen.ok(json!({ "type": "start_guide", "conversation": id, "clientId": "g0", "item": ITEM })).await;
    let asked = thread(&mut citizen, &id).await.last().unwrap()["seq"].clone();
    citizen
        .ok(json!({ "type": "guide_step", "conversation": id, "clientId": "g1", "on": asked, "step": "answer",
            "choice": "lost" }))
        .await;
    citizen.ok(start(&id, "a1", "apply")).await;
    let end = stands(&mut citizen, &id).await;
    let url = end["body"]["outcome"]["url"].as_str().unwrap();
    assert_eq!(url, "https://zwdt.sh.gov.cn/govPortals/index.do?item=residence-permit&situation=lost");
    let unknown =
        json!({ "type": "start_action", "conversation": id, "clientId": "x", "kind": "book", "item": "moon" });
    assert_eq!(citizen.refused(unknown).await["field"], "item");
    let missing = json!({ "type": "start_action", "conversation": id, "clientId": "x", "kind": "book" });
    assert_eq!(citizen.refused(missing).await["field"], "item");
}

#[tokio::test]
async fn only_its_citizen_acts_and_only_who_is_known_and_whoever_takes_over_sees_what_was_chosen() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(start(&id, "a0", "book")).await;
    let asked = stands(&mut citizen, &id).await;
    let mut stranger = Client::open(&server.address, &server.citizen_token("demo-citizen-2").await).await;
    let mut agent = server.staff("agent1001").await;
    for command in [start(&id, "x", "book"), step(&id, "x", &asked["seq"], "leave", None)] {
        assert_eq!(stranger.refused(command.clone()).await["code"], "not_found");
        assert_eq!(agent.refused(command).await["code"], "forbidden");
    }
    // Somebody else's appointment is not theirs to change or to see.
    let confirm = choose_until_confirm(&mut citizen, &id, "b", &[0, 0, 0]).await;
    confirmed(&mut citizen, &id, "c0", &confirm).await;
    let theirs = stranger.open_conversation().await;
    stranger.ok(start(&theirs, "s0", "cancel")).await;
    let end = stands(&mut stranger, &theirs).await;
    assert_eq!(end["body"]["outcome"]["reason"], "no_appointments");

    citizen.ok(start(&id, "d0", "change")).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    let seen = stands(&mut agent, &id).await;
    assert_eq!(seen["body"]["walk"]["appointment"]["item"], ITEM, "{seen}");
    // Still the citizen's own to go on with, beside the agent, and no human's response.
    assert_eq!(agent.refused(step(&id, "x", &seen["seq"], "leave", None)).await["code"], "forbidden");
    citizen.ok(step(&id, "d1", &seen["seq"], "leave", None)).await;
    assert_eq!(stands(&mut agent, &id).await["body"]["outcome"]["type"], "left");
    let view = citizen.subscribe(&format!("conversation:{id}")).await["view"].clone();
    assert!(view["clock"]["answeredAt"].is_null(), "{view}");

    // A visitor is told to log in, and nothing is asked of the office.
    let visitor = server.post("/api/citizen/anonymous", "").await.json();
    let mut visitor = Client::open(&server.address, &visitor["token"]).await;
    let own = visitor.open_conversation().await;
    for (n, kind) in ["book", "change", "cancel", "progress"].into_iter().enumerate() {
        visitor.ok(start(&own, &format!("v{n}"), kind)).await;
        let end = stands(&mut visitor, &own).await;
        assert_eq!(end["body"]["outcome"], json!({ "type": "failed", "reason": "sign_in" }), "{kind}");
    }
    visitor.ok(start(&own, "v9", "apply")).await;
    assert_eq!(stands(&mut visitor, &own).await["body"]["outcome"]["type"], "link");
}

/// What an office of a test does with a request.
#[derive(Clone)]
enum Does {
    /// Answers so.
    Says(u16, &'static str, String),
    /// Carries it out, and hangs up.
    ActsAndHangsUp,
    /// Says nothing.
    Silent,
    /// As it should.
    Right,
}

/// An office of the test's own, which counts what it carries out.
#[derive(Clone)]
struct Office {
    address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    acts: Does,
    finds: Does,
    asked: Does,
    /// Answers by key.
    keys: HashMap<String, Value>,
    /// Requests to act.
    requests: Vec<Value>,
}

fn appointment() -> Value {
    json!({ "code": "ap1", "number": "N1", "item": ITEM, "itemName": "居住证办理", "hall": "h1", "hallName": "大厅",
        "address": "", "startsAt": "2999-01-02T09:00:00+08:00", "endsAt": "2999-01-02T10:00:00+08:00" })
}

impl Office {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (acts, finds, asked) = (Does::Right, Does::Right, Does::Right);
        let state = State { acts, finds, asked, keys: HashMap::new(), requests: Vec::new() };
        let office = Self { address, state: Arc::new(Mutex::new(state)) };
        let own = office.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(own.clone().serve(stream));
            }
        });
        office
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// How many different actions it has carried out.
    fn done(&self) -> usize {
        self.state.lock().unwrap().keys.len()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BANGBAN__CONNECTORS__ACTIONS__URL", format!("http://{}/v1", self.address)),
            ("BANGBAN__CONNECTORS__ACTIONS__TOKEN", "office-secret".to_owned()),
            ("BANGBAN__CONNECTORS__ACTIONS__SECONDS", "1".to_owned()),
            ("BANGBAN__NOTIFY__ALLOW", "[\"127.0.0.1\"]".to_owned()),
        ]
    }

    async fn server(&self) -> Server {
        self.server_in(tempfile::tempdir().unwrap()).await
    }

    async fn server_in(&self, dir: tempfile::TempDir) -> Server {
        let settings = self.settings();
        let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        Server::start_in(dir, &["--demo"], &settings).await
    }

    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut line, mut length, mut key, mut is_ours) = (String::new(), 0, String::new(), false);
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            loop {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap(),
                    "idempotency-key" => key = value.to_owned(),
                    "authorization" => is_ours = value == "Bearer office-secret",
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            assert!(is_ours, "{path}");
            let body: Value = serde_json::from_slice(&body).unwrap();
            let right = self.right(&path, &key, &body);
            let does = {
                let state = self.state.lock().unwrap();
                match path.as_str() {
                    "/v1/actions" => state.acts.clone(),
                    "/v1/actions/find" => state.finds.clone(),
                    "/v1/openings/find" => state.asked.clone(),
                    _ => Does::Right,
                }
            };
            let (status, kind, text) = match does {
                Does::Right => (200, "application/json", right().to_string()),
                Does::Says(status, kind, text) => (status, kind, text),
                Does::ActsAndHangsUp => {
                    right();
                    return;
                }
                Does::Silent => {
                    std::future::pending::<()>().await;
                    return;
                }
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nLocation: http://10.0.0.1/\r\n\r\n{text}",
                text.len()
            );
            if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// What keeps the contract; done when it is called.
    fn right<'a>(&'a self, path: &'a str, key: &'a str, body: &'a Value) -> impl Fn() -> Value + 'a {
        move || match path {
            "/v1/items/find" => json!({ "items": [{ "item": ITEM, "book": true, "progress": true }] }),
            "/v1/openings/find" => json!({ "openings": [{ "code": "o1", "hall": "h1", "hallName": "大厅",
                "startsAt": "2999-01-02T09:00:00+08:00", "endsAt": "2999-01-02T10:00:00+08:00", "left": 1 }] }),
            "/v1/appointments/find" => json!({ "appointments": [] }),
            "/v1/cases/find" => json!({ "cases": [{ "number": "C1", "item": ITEM, "itemName": "居住证办理",
                "acceptedAt": "2026-11-01T09:00:00+08:00", "step": "审查", "note": "请致电 13912345678 补正" }] }),
            "/v1/actions" => {
                let mut state = self.state.lock().unwrap();
                state.requests.push(body.clone());
                let done = json!({ "state": "done", "appointment": appointment() });
                state.keys.entry(key.to_owned()).or_insert(done).clone()
            }
            _ => {
                let key = body["key"].as_str().unwrap();
                self.state.lock().unwrap().keys.get(key).cloned().unwrap_or_else(|| json!({ "state": "unknown" }))
            }
        }
    }
}

async fn to_confirm(server: &Server) -> (Client, String, Value) {
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(start(&id, "a0", "book")).await;
    let confirm = choose_until_confirm(&mut citizen, &id, "b", &[0, 0]).await;
    (citizen, id, confirm)
}

#[tokio::test]
async fn an_office_that_acts_and_hangs_up_has_made_exactly_one_appointment() {
    let office = Office::open().await;
    let server = office.server().await;
    let (mut citizen, id, confirm) = to_confirm(&server).await;
    office.set(|state| state.acts = Does::ActsAndHangsUp);
    let unknown = confirmed(&mut citizen, &id, "c0", &confirm).await;
    assert_eq!(unknown["body"]["outcome"]["type"], "unknown");
    // It is looked up by its key, not done again.
    let end = ending(&mut citizen, &unknown["seq"]).await;
    assert_eq!(end["body"]["outcome"]["appointment"]["number"], "N1", "{end}");
    assert_eq!(office.done(), 1);
    let sent = office.state.lock().unwrap().requests.clone();
    assert_eq!(sent.len(), 1, "asked once: {sent:?}");
    assert_eq!((&sent[0]["opening"], &sent[0]["person"]["name"]), (&json!("o1"), &json!("张伟")));
}

#[tokio::test]
async fn a_server_that_is_killed_between_call_and_reply_asks_what_became_of_it() {
    let office = Office::open().await;
    let server = office.server().await;
    let (mut citizen, id, confirm) = to_confirm(&server).await;
    // Two die in the middle: of one the office has heard, of the other it has not.
    office.set(|state| {
        state.acts = Does::Silent;
        state.finds = Does::Silent;
    });
    citizen.ok(step(&id, "c0", &confirm["seq"], "confirm", None)).await;
    let dir = server.killed().await;
    assert_eq!(office.done(), 0, "it has never heard of it");
    office.set(|state| {
        state.acts = Does::ActsAndHangsUp;
        state.finds = Does::Right;
    });
    let server = office.server_in(dir).await;
    let mut citizen = server.citizen().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    let mut end = stands(&mut citizen, &id).await;
    while end["body"]["outcome"]["type"] != "done" {
        end = ending(&mut citizen, &end["seq"]).await;
    }
    assert_eq!(end["body"]["outcome"]["appointment"]["number"], "N1");
    assert_eq!(office.done(), 1, "sent again under its key, and lost once more");
    let ends = thread(&mut citizen, &id).await;
    let done = ends.iter().filter(|entry| entry["body"]["outcome"]["type"] == "done").count();
    assert_eq!(done, 1, "told once");
}

#[tokio::test]
async fn what_does_not_keep_the_contract_is_no_answer_and_nothing_of_it_is_shown() {
    let office = Office::open().await;
    let server = office.server().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let opening = |name: &str| {
        json!({ "openings": [{ "code": "o1", "hall": "h1", "hallName": name,
            "startsAt": "2999-01-02T09:00:00+08:00", "endsAt": "2999-01-02T10:00:00+08:00", "left": 1 }] })
        .to_string()
    };
    let bad = [
        Does::Says(200, "text/html", "<h1>come in</h1>".to_owned()),
        Does::Says(200, "application/json", "<h1>come in</h1>".to_owned()),
        Does::Says(200, "application/json", format!("{{\"openings\":[],\"x\":\"{}\"}}", "x".repeat(300_000))),
        Does::Says(302, "application/json", opening("大厅")),
        Does::Says(200, "application/json", opening("<b>大厅</b>")),
    ];
    for (n, does) in bad.into_iter().enumerate() {
        office.set(|state| state.asked = does);
        citizen.ok(start(&id, &format!("a{n}"), "book")).await;
        let end = stands(&mut citizen, &id).await;
        assert_eq!(end["body"]["outcome"], json!({ "type": "failed", "reason": "unavailable" }), "{n}");
        if n == 2 {
            // One that answers in between is not left alone.
            citizen.ok(start(&id, "p", "progress")).await;
        }
    }
    assert!(!citizen.wire.contains("come in") && !citizen.wire.contains("<b>"));
    // What an office notes at a case is the citizen's own: they read it, and staff see it masked.
    assert!(citizen.wire.contains("13912345678"));
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    thread(&mut agent, &id).await;
    assert!(agent.wire.contains("139****5678") && !agent.wire.contains("13912345678"));
    assert!(!server.log().contains("13912345678"));
}

#[tokio::test]
async fn what_is_refused_is_not_done_and_an_answer_about_something_else_is_none() {
    let office = Office::open().await;
    let server = office.server().await;
    let (mut citizen, id, confirm) = to_confirm(&server).await;
    let says = |text: Value| Does::Says(200, "application/json", text.to_string());
    office.set(|state| state.acts = says(json!({ "state": "failed", "reason": "<script>" })));
    let end = confirmed(&mut citizen, &id, "c0", &confirm).await;
    assert_eq!(end["body"]["outcome"], json!({ "type": "failed", "reason": "refused" }));
    let mut other = appointment();
    other["startsAt"] = json!("2999-01-02T09:30:00+08:00");
    office.set(|state| state.acts = says(json!({ "state": "done", "appointment": other })));
    citizen.ok(start(&id, "d0", "book")).await;
    let confirm = choose_until_confirm(&mut citizen, &id, "e", &[0, 0]).await;
    let end = confirmed(&mut citizen, &id, "f0", &confirm).await;
    assert_eq!(end["body"]["outcome"]["type"], "unknown", "nobody has asked for half past nine");
}

#[tokio::test]
async fn a_citizen_may_do_so_much_in_a_day() {
    let server = Server::start(&["--demo"], &[("BANGBAN__CONNECTORS__ACTIONS__PER_DAY", "1")]).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(start(&id, "a0", "book")).await;
    let confirm = choose_until_confirm(&mut citizen, &id, "b", &[0, 0, 0]).await;
    assert_eq!(confirmed(&mut citizen, &id, "c0", &confirm).await["body"]["outcome"]["type"], "done");
    citizen.ok(start(&id, "d0", "cancel")).await;
    let confirm = stands(&mut citizen, &id).await;
    citizen.ok(step(&id, "d1", &confirm["seq"], "confirm", None)).await;
    let end = stands(&mut citizen, &id).await;
    assert_eq!(end["body"]["outcome"], json!({ "type": "failed", "reason": "limit" }));
}
