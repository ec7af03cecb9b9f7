//! Figures over REST and by command: who may count what, rows behind numbers, files, history, agents' days, and the
//! recomputation beside a running server.

use std::process::Output;

use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio::process::Command;

use crate::support::{Client, Server, send};

struct Desk<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Desk<'a> {
    async fn of(server: &'a Server, login: &str) -> Desk<'a> {
        let body = json!({ "login": login, "password": "bangban-demo" }).to_string();
        let reply = server.post("/api/staff/login", &body).await;
        assert_eq!(reply.status, 200, "{login}: {}", reply.text());
        Self { server, token: reply.json()["token"].as_str().unwrap().to_owned() }
    }

    async fn raw(&self, path: &str) -> (u16, Vec<u8>) {
        let head = format!("GET {path}\nAuthorization: Bearer {}", self.token);
        let reply = self.server.exchange(&head, "").await;
        (reply.status, reply.body)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.raw(path).await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// Status, and the field that a refusal names.
    async fn refused(&self, path: &str) -> (u16, String) {
        let (status, body) = self.raw(path).await;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, body["error"]["field"].as_str().unwrap_or_default().to_owned())
    }
}

/// Today in Shanghai, as the server sees it, and the days around it: a story may cross midnight.
async fn days(desk: &Desk<'_>) -> String {
    let now = desk.get("/api/figures/scope").await["now"].as_i64().unwrap();
    let day = |ms: i64| {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap();
        jiff::tz::Offset::constant(8).to_datetime(at).date().to_string()
    };
    format!("from={}&to={}", day(now - 86_400_000), day(now + 86_400_000))
}

async fn converse(server: &Server, agent: &mut Client, code: &str, outcome: &Value) -> String {
    let mut citizen = Client::open(&server.address, &server.citizen_token(code).await).await;
    let id = citizen.open_conversation().await;
    citizen.ok(send(&id, "q", "居住证怎么办理，需要什么材料？")).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    agent.ok(send(&id, &format!("a-{code}"), "请带身份证")).await;
    let mut close = json!({ "type": "close", "conversation": id });
    close.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
    agent.ok(close).await;
    id
}

/// One solved, one out of scope.
async fn day(server: &Server) -> [String; 2] {
    let mut agent = server.staff("agent1001").await;
    let solved = converse(server, &mut agent, "demo-citizen-1", &json!({ "outcome": "solved" })).await;
    let out = json!({ "outcome": "out_of_scope", "handOn": "legal_advice" });
    [solved, converse(server, &mut agent, "demo-citizen-2", &out).await]
}

#[tokio::test]
async fn numbers_open_to_their_rows_and_each_sees_what_is_theirs() {
    let server = Server::demo().await;
    let [solved, out] = day(&server).await;
    let supervisor = Desk::of(&server, "super1").await;
    let days = days(&supervisor).await;
    let view = supervisor.get(&format!("/api/figures?{days}&by=team")).await;
    let number = |figure: &str, part: &str| view["total"][figure][part].as_u64().unwrap_or_default();
    assert_eq!([number("human_resolution", "hits"), number("human_resolution", "of")], [1, 1]);
    assert_eq!([number("within_minute", "hits"), number("within_minute", "of")], [1, 1], "out of scope is in no rate");
    assert_eq!([number("out_of_scope", "of"), number("conversations", "of"), number("requests", "of")], [1, 2, 1]);
    assert!(view["total"]["wait"]["p99"].as_i64().unwrap() >= 1_000, "whole seconds begun: {view}");
    assert_eq!(view["lines"].as_array().unwrap().len(), 1);

    let rows = supervisor.get(&format!("/api/figures/rows?{days}&figure=conversations&limit=1")).await;
    assert_eq!((&rows["count"], rows["rows"].as_array().unwrap().len()), (&json!(2), 1));
    let next = rows["next"].as_str().unwrap();
    let more = supervisor.get(&format!("/api/figures/rows?{days}&figure=conversations&limit=1&after={next}")).await;
    assert_eq!(more["rows"][0]["conversation"], out);
    let hits = supervisor.get(&format!("/api/figures/rows?{days}&figure=human_resolution&part=hits")).await;
    assert_eq!((&hits["rows"][0]["conversation"], &hits["rows"][0]["hit"]), (&json!(solved), &json!(true)));

    let history = supervisor.get(&format!("/api/figures/history/{solved}")).await;
    let kinds: Vec<&str> =
        history["lines"].as_array().unwrap().iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["opened", "bot_replied", "queued", "offered", "assigned", "answered", "closed"]);
    assert!(!history.to_string().contains("ct_"), "whose it is, is no figure: {history}");
    let audit = Desk::of(&server, "auditor1").await.get("/api/admin/audit?action=figures.history").await;
    assert_eq!(audit["lines"][0]["subject"], solved);

    // An agent sees their own work, and of others that there is none.
    let own = Desk::of(&server, "agent1001").await;
    let mine = own.get(&format!("/api/figures?{days}")).await;
    assert_eq!((&mine["own"], &mine["total"]["human_resolution"]["of"]), (&json!(true), &json!(1)));
    assert_eq!(own.raw(&format!("/api/figures/history/{solved}")).await.0, 200);
    let ledger = supervisor.get(&format!("/api/ledger/{solved}")).await;
    assert_eq!((&ledger["rows"][0]["promise"], &ledger["canCorrect"]), (&json!("first_response"), &json!(true)));
    let theirs = own.get(&format!("/api/ledger/{solved}")).await;
    assert_eq!((&theirs["rows"], &theirs["canCorrect"]), (&ledger["rows"], &json!(false)));
    let other = Desk::of(&server, "agent1002").await;
    assert_eq!(other.get(&format!("/api/figures?{days}")).await["total"], json!({}));
    assert_eq!(other.refused(&format!("/api/figures/history/{solved}")).await.0, 404);
    assert_eq!(other.refused(&format!("/api/ledger/{solved}")).await.0, 404);
    let scope = own.get("/api/figures/scope").await;
    let somebody = supervisor.get("/api/figures/scope").await["agents"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!([scope["teams"].as_array().unwrap().len(), scope["agents"].as_array().unwrap().len()], [0, 0]);
    assert_eq!(own.refused(&format!("/api/figures?{days}&agent={somebody}")).await, (403, "agent".to_owned()));
    for login in ["editor1"] {
        assert_eq!(Desk::of(&server, login).await.refused(&format!("/api/figures?{days}")).await.0, 403, "{login}");
    }
    for login in ["leader1", "auditor1", "admin1"] {
        let seen = Desk::of(&server, login).await.get(&format!("/api/figures?{days}")).await;
        assert_eq!(seen["total"], view["total"], "{login}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = Server::demo().await;
    let desk = Desk::of(&server, "super1").await;
    let days = "from=2026-11-01&to=2026-11-30";
    for (path, expected) in [
        ("/api/figures?from=2026-11-02&to=2026-11-01".to_owned(), (400, "to")),
        ("/api/figures?from=2020-01-01&to=2026-11-01".to_owned(), (400, "to")),
        ("/api/figures?from=1000-01-01&to=1000-01-02".to_owned(), (400, "to")),
        ("/api/figures?from=today&to=2026-11-01".to_owned(), (400, "from")),
        (format!("/api/figures?{days}&unit=nowhere"), (404, "unit")),
        (format!("/api/figures?{days}&item=%00"), (400, "item")),
        (format!("/api/figures?{days}&by=colour"), (400, "by")),
        (format!("/api/figures/rows?{days}&figure=luck"), (400, "figure")),
        (format!("/api/figures/rows?{days}"), (400, "figure")),
        (format!("/api/figures/rows?{days}&figure=wait&limit=0"), (400, "limit")),
        (format!("/api/figures/rows?{days}&figure=wait&after=x"), (400, "after")),
        (format!("/api/figures/rows?{days}&figure=wait&after=1.%00"), (400, "after")),
        (format!("/api/figures/rows/export?{days}&figure=wait&format=pdf"), (400, "format")),
        (format!("/api/figures/agents?{days}"), (400, "to")),
        ("/api/figures/history/cv_00000000000000000000000000000009".to_owned(), (404, "")),
    ] {
        assert_eq!(desk.refused(&path).await, (expected.0, expected.1.to_owned()), "{path}");
    }
    assert_eq!(desk.get(&format!("/api/figures?{days}")).await["total"], json!({}), "nothing happened then");
}

#[tokio::test]
async fn files_have_every_row_and_leave_a_line_and_a_day_has_its_sums() {
    let server = Server::demo().await;
    day(&server).await;
    let desk = Desk::of(&server, "super1").await;
    let days = days(&desk).await;
    let (status, csv) = desk.raw(&format!("/api/figures/rows/export?{days}&figure=conversations&format=csv")).await;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!((status, csv.lines().count()), (200, 3), "{csv}");
    assert!(csv.starts_with("\u{feff}计入时间,"), "{csv}");
    let (status, book) = desk.raw(&format!("/api/figures/rows/export?{days}&figure=wait&format=xlsx")).await;
    assert_eq!((status, &book[..2]), (200, &b"PK"[..]));
    let audit = Desk::of(&server, "auditor1").await.get("/api/admin/audit?action=figures.export").await;
    assert_eq!(audit["lines"].as_array().unwrap().len(), 2);
    assert_eq!(audit["lines"][1]["detail"]["more"]["rows"], 2);

    let now = desk.get("/api/figures/scope").await["now"].as_i64().unwrap();
    let at = jiff::Timestamp::from_millisecond(now).unwrap();
    let today = jiff::tz::Offset::constant(8).to_datetime(at).date();
    let found = desk.get(&format!("/api/figures/agents?from={today}&to={today}")).await;
    let of = |name: &str| {
        let all = found["agents"].as_array().unwrap();
        all.iter().find(|agent| agent["name"] == name).cloned().unwrap()
    };
    let agent = of("李敏");
    assert_eq!(agent["services"].as_array().unwrap().len(), 2, "{agent}");
    assert!(agent["sums"]["online"].as_i64().unwrap() > 0 && agent["serving"].as_i64().unwrap() > 0, "{agent}");
    let sums: i64 = agent["sums"].as_object().unwrap().values().map(|ms| ms.as_i64().unwrap()).sum();
    assert_eq!(sums, found["to"].as_i64().unwrap() - found["from"].as_i64().unwrap(), "the sums are the day so far");
}

async fn recompute(server: &Server, arguments: &[&str], token: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bangban"))
        .args(["figures", "recompute"])
        .args(arguments)
        .env("BANGBAN__DATA__DIR", server.dir.path())
        .env("BANGBAN_TOKEN", token)
        .output()
        .await
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn recomputing_beside_the_server_finds_what_was_changed_and_repairs_it() {
    let server = Server::demo().await;
    day(&server).await;
    let token = Desk::of(&server, "super1").await.token;
    let live = format!("http://{}", server.address);
    let sound = recompute(&server, &["--live", &live], &token).await;
    assert!(sound.status.success(), "{}", said(&sound));
    assert!(said(&sound).starts_with("2 conversations told again from the log"), "{}", said(&sound));

    server.terminate();
    let (_, dir) = server.ended().await;
    let file = dir.path().join("bangban.db");
    sqlx::any::install_default_drivers();
    let mut rows = sqlx::AnyConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    for sql in ["UPDATE ledger SET outcome = NULL", "DELETE FROM figure_episode WHERE outcome = 'solved'"] {
        sqlx::query(sql).execute(&mut rows).await.unwrap();
    }
    rows.close().await.unwrap();
    let server = Server::start_in(dir, &["--demo"], &[]).await;
    let broken = recompute(&server, &[], "").await;
    assert_eq!(broken.status.code(), Some(1));
    let told = said(&broken);
    assert!(told.contains("stored is nothing") && told.contains("human_resolution of team residence"), "{told}");

    let locked = recompute(&server, &["--repair"], "").await;
    assert!(!locked.status.success() && said(&locked).contains("in use by"), "{}", said(&locked));
    server.terminate();
    let (_, dir) = server.ended().await;
    let repaired = Command::new(env!("CARGO_BIN_EXE_bangban"))
        .args(["figures", "recompute", "--repair"])
        .env("BANGBAN__DATA__DIR", dir.path())
        .output()
        .await
        .unwrap();
    assert!(
        repaired.status.success() && said(&repaired).contains("2 conversations written anew"),
        "{}",
        said(&repaired)
    );
    let server = Server::start_in(dir, &["--demo"], &[]).await;
    let again = recompute(&server, &[], "").await;
    assert!(again.status.success(), "{}", said(&again));
}
