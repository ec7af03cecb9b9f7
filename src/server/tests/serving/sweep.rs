//! Who may what: every REST route, every topic and every command, by every role, in the own unit and a foreign one, by
//! citizens, and by nobody. The tables below are written by hand; a route that stands in no table fails the test, and so
//! does one that is described and asked for by nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    staff::{UNLIMITED, changed},
    support::{Client, Reply, Server, send},
};

const ROLES: [&str; 8] = ["agent", "professional", "operator", "supervisor", "editor", "leader", "auditor", "admin"];

/// Somebody with a token, or without.
struct Person {
    /// `agent` (in the city), `agent in huangpu` (a district), `agent in police` (where the team `residence` belongs),
    /// `citizen`, `stranger`, `nobody`, `expired`.
    name: String,
    token: Option<String>,
}

impl Person {
    fn role(&self) -> Option<&str> {
        let name = self.name.split(" in ").next().unwrap();
        ROLES.into_iter().find(|role| *role == name)
    }

    fn is_in(&self, unit: &str) -> bool {
        self.is_city() || self.name.ends_with(&format!(" in {unit}"))
    }

    fn is_city(&self) -> bool {
        self.role().is_some() && !self.name.contains(" in ")
    }
}

/// The demo's account of a role.
fn login_of(role: &str) -> &'static str {
    match role {
        "agent" => "agent1002",
        "professional" => "prof1",
        "operator" => "oper1",
        "supervisor" => "super1",
        "editor" => "editor1",
        "leader" => "leader1",
        "auditor" => "auditor1",
        _ => "admin1",
    }
}

/// A new account in a unit with one role there, logged in.
pub(crate) async fn newcomer(server: &Server, admin: &str, login: &str, role: &str, unit: &str) -> String {
    let body = json!({ "login": login, "name": "新同事", "unit": unit,
        "grants": [{ "role": role, "unit": unit, "items": [] }], "teams": [], "skills": [], "languages": [],
        "capacity": 1, "isActive": true });
    let made = server.as_staff(admin, "POST /api/admin/staff", &json!({ "body": body })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let step = server.log_in(login, made.json()["password"].as_str().unwrap()).await;
    let choice = json!({ "challenge": step.json()["challenge"], "password": "Blau-39-Fenster" }).to_string();
    let done = server.post("/api/staff/login/password", &choice).await;
    assert_eq!(done.status, 200, "{}", done.text());
    done.json()["token"].as_str().unwrap().to_owned()
}

async fn everybody(server: &Server) -> Vec<Person> {
    let admin = server.token("admin1").await;
    let mut people = Vec::new();
    for role in ROLES {
        people.push(Person { name: role.to_owned(), token: Some(server.token(login_of(role)).await) });
        for unit in ["huangpu", "police"] {
            let token = newcomer(server, &admin, &format!("{unit}-{role}"), role, unit).await;
            people.push(Person { name: format!("{role} in {unit}"), token: Some(token) });
        }
    }
    for (name, code) in [("citizen", "demo-citizen-1"), ("stranger", "demo-citizen-2")] {
        let token = server.citizen_token(code).await.as_str().unwrap().to_owned();
        people.push(Person { name: name.to_owned(), token: Some(token) });
    }
    // A session that has ended: what is left of its token.
    let over = server.log_in("agent1003", "bangban-demo").await;
    let cookie = over.header("set-cookie").split(';').next().unwrap().to_owned();
    server.exchange(&format!("POST /api/staff/session/end\nCookie: {cookie}"), "").await;
    let token = over.json()["token"].as_str().unwrap().to_owned();
    people.push(Person { name: "expired".to_owned(), token: Some(token) });
    people.push(Person { name: "nobody".to_owned(), token: None });
    people
}

/// Who a route is for.
#[derive(Clone, Copy)]
enum For {
    /// Says nothing of anybody, or asks for a proof of its own in the request.
    Everybody,
    /// Whoever has a token; what they name has to be theirs.
    AnyToken,
    /// Citizens, about themselves.
    Citizens,
    /// A member of staff, about themselves.
    Staff,
    /// Staff with one of these roles, of whom those of a unit may do it to what is there only.
    Roles(&'static [&'static str]),
    /// Staff with one of these roles in the whole city.
    City(&'static [&'static str]),
    /// Staff with one of these roles anywhere, who get what they may see of it.
    Lists(&'static [&'static str]),
}

/// Who counts.
const COUNTS: &[&str] = &["agent", "professional", "operator", "supervisor", "leader", "auditor", "admin"];

/// Who plans a team's staff.
const PLANS: &[&str] = &["supervisor", "leader", "auditor", "admin"];

/// Who reads the administration.
const READS: &[&str] = &["supervisor", "editor", "auditor", "admin"];

/// Who reads the tasks of the knowledge base.
const TASKS: &[&str] = &["supervisor", "editor", "leader", "auditor", "admin"];

/// Routes by hand. `{}` is an account in the city or in huangpu.
const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/", For::Everybody),
    ("GET", "/ws", For::Everybody),
    ("GET", "/healthz", For::Everybody),
    ("GET", "/readyz", For::Everybody),
    ("GET", "/api/config", For::Everybody),
    ("GET", "/api/openapi.json", For::Everybody),
    ("GET", "/api/docs", For::Everybody),
    ("POST", "/api/demo/token", For::Everybody),
    ("GET", "/api/staff/login/options", For::Everybody),
    ("POST", "/api/staff/login", For::Everybody),
    ("POST", "/api/staff/login/code", For::Everybody),
    ("POST", "/api/staff/login/password", For::Everybody),
    ("POST", "/api/staff/login/enrol", For::Everybody),
    ("POST", "/api/staff/login/enrol/confirm", For::Everybody),
    ("GET", "/api/staff/oidc/start", For::Everybody),
    ("GET", "/api/staff/oidc/callback", For::Everybody),
    ("POST", "/api/staff/session/renew", For::Everybody),
    ("POST", "/api/staff/session/end", For::Everybody),
    ("OPTIONS", "/api/files", For::Everybody),
    ("GET", "/files/{id}/{variant}", For::Everybody),
    ("GET", "/files/answers/{id}/{variant}", For::Everybody),
    ("POST", "/api/files", For::AnyToken),
    ("HEAD", "/api/files/{id}", For::AnyToken),
    ("PATCH", "/api/files/{id}", For::AnyToken),
    ("DELETE", "/api/files/{id}", For::AnyToken),
    ("POST", "/api/files/{id}/finish", For::AnyToken),
    ("GET", "/api/staff/account", For::Staff),
    ("POST", "/api/staff/account/password", For::Staff),
    ("POST", "/api/staff/account/totp", For::Staff),
    ("POST", "/api/staff/account/totp/confirm", For::Staff),
    ("POST", "/api/staff/account/totp/off", For::Staff),
    ("GET", "/api/staff/account/sessions", For::Staff),
    ("DELETE", "/api/staff/account/sessions/{id}", For::Staff),
    ("GET", "/api/admin/staff", For::Roles(&["supervisor", "editor", "auditor", "admin"])),
    ("POST", "/api/admin/staff", For::Roles(&["admin"])),
    ("GET", "/api/admin/staff/{id}", For::Roles(&["supervisor", "editor", "auditor", "admin"])),
    ("PUT", "/api/admin/staff/{id}", For::Roles(&["admin"])),
    ("POST", "/api/admin/staff/{id}/password", For::Roles(&["admin"])),
    ("POST", "/api/admin/staff/{id}/totp/reset", For::Roles(&["admin"])),
    ("POST", "/api/admin/staff/{id}/unlock", For::Roles(&["admin"])),
    ("GET", "/api/admin/staff/{id}/sessions", For::Roles(&["admin"])),
    ("DELETE", "/api/admin/staff/{id}/sessions", For::Roles(&["admin"])),
    ("DELETE", "/api/admin/staff/{id}/sessions/{session}", For::Roles(&["admin"])),
    ("GET", "/api/admin/me", For::Staff),
    // The demo's team `residence`, which belongs to a unit of the city.
    ("GET", "/api/admin/records/{kind}", For::Lists(&["supervisor", "editor", "auditor", "admin"])),
    ("GET", "/api/admin/records/{kind}/{id}", For::Roles(&["supervisor", "editor", "auditor", "admin"])),
    ("GET", "/api/admin/records/{kind}/{id}/versions", For::Roles(&["supervisor", "editor", "auditor", "admin"])),
    ("PUT", "/api/admin/records/{kind}/{id}", For::Roles(&["admin"])),
    ("DELETE", "/api/admin/records/{kind}/{id}", For::Roles(&["admin"])),
    ("GET", "/api/admin/alerts", For::Lists(&["supervisor", "leader", "auditor", "admin"])),
    ("POST", "/api/admin/conversations/find", For::Lists(&["supervisor"])),
    // Of none: who may read one is shown in find.rs.
    ("GET", "/api/admin/conversations/{id}", For::Staff),
    ("GET", "/api/admin/roster", For::Roles(&["supervisor", "editor", "auditor", "admin"])),
    // Of `police`: its teams and its items.
    ("GET", "/api/admin/duty", For::Roles(&["supervisor", "editor", "auditor", "admin"])),
    ("POST", "/api/admin/duty/copy", For::Roles(&["supervisor", "admin"])),
    ("GET", "/api/admin/duty/holes", For::Lists(&["supervisor", "editor", "auditor", "admin"])),
    ("POST", "/api/admin/numbers/import", For::Lists(&["supervisor", "admin"])),
    ("GET", "/api/admin/numbers/export", For::Lists(&["supervisor", "editor", "auditor", "admin"])),
    // Whoever faces citizens puts them through.
    (
        "GET",
        "/api/calls/directory",
        For::Lists(&["agent", "professional", "operator", "supervisor", "editor", "auditor", "admin"]),
    ),
    ("POST", "/api/admin/items/import", For::Lists(&["editor", "admin"])),
    ("GET", "/api/admin/items/export", For::Lists(&["supervisor", "editor", "auditor", "admin"])),
    ("POST", "/api/citizen/anonymous", For::Everybody),
    ("POST", "/api/citizen/continue", For::Everybody),
    ("POST", "/api/citizen/speech", For::Citizens),
    ("POST", "/api/citizen/receipt", For::Everybody),
    ("POST", "/api/citizen/receipt/cancel", For::Everybody),
    ("POST", "/api/citizen/receipt/move", For::Everybody),
    ("POST", "/api/staff/reveal", For::Staff),
    ("GET", "/api/admin/audit", For::Lists(&["auditor", "admin"])),
    ("GET", "/api/admin/audit/export", For::Lists(&["auditor", "admin"])),
    ("GET", "/api/admin/audit/verify", For::City(&["auditor", "admin"])),
    ("GET", "/api/admin/retention/runs", For::City(&["auditor", "admin"])),
    ("POST", "/api/admin/retention/runs", For::City(&["admin"])),
    ("GET", "/api/admin/erasures", For::City(&["auditor", "admin"])),
    ("POST", "/api/admin/citizens/find", For::City(&["admin"])),
    ("POST", "/api/admin/citizens/{id}/export", For::City(&["admin"])),
    ("POST", "/api/admin/citizens/{id}/erase", For::City(&["admin"])),
    ("POST", "/api/admin/citizens/{id}/erase/confirm", For::City(&["admin"])),
    ("POST", "/api/admin/citizens/{id}/erase/refuse", For::City(&["admin"])),
    // Whoever watches counts what their units did; whoever serves, their own work.
    ("GET", "/api/figures", For::Lists(COUNTS)),
    ("GET", "/api/figures/scope", For::Lists(COUNTS)),
    ("GET", "/api/figures/rows", For::Lists(COUNTS)),
    ("GET", "/api/figures/rows/export", For::Lists(COUNTS)),
    ("GET", "/api/figures/agents", For::Lists(COUNTS)),
    ("GET", "/api/figures/agents/export", For::Lists(COUNTS)),
    ("GET", "/api/figures/calls", For::Lists(&["supervisor", "leader", "auditor", "admin"])),
    ("GET", "/api/figures/calls/rows", For::Lists(&["supervisor", "leader", "auditor", "admin"])),
    ("GET", "/api/figures/calls/rows/export", For::Lists(&["supervisor", "leader", "auditor", "admin"])),
    ("GET", "/api/figures/calls/legs", For::Lists(&["supervisor", "leader", "auditor", "admin"])),
    ("GET", "/api/figures/calls/legs/export", For::Lists(&["supervisor", "leader", "auditor", "admin"])),
    // Of a conversation that one may not see nobody is told that it exists.
    ("GET", "/api/figures/history/{id}", For::Staff),
    ("GET", "/api/ledger/{id}", For::Staff),
    ("POST", "/api/ledger/{id}/corrections", For::Staff),
    ("GET", "/api/figures/live", For::City(&["supervisor", "leader", "auditor", "admin"])),
    // Of an inspection that one may not see nobody is told that it exists; each step is shown in quality.rs.
    ("GET", "/api/quality/inspections", For::Lists(&["supervisor"])),
    ("GET", "/api/quality/mine", For::Staff),
    ("GET", "/api/quality/inspections/{id}", For::Staff),
    ("GET", "/api/quality/inspections/{id}/thread", For::Staff),
    ("PUT", "/api/quality/inspections/{id}", For::Staff),
    ("POST", "/api/quality/inspections/{id}/submit", For::Staff),
    ("POST", "/api/quality/inspections/{id}/appeal", For::Staff),
    ("POST", "/api/quality/inspections/{id}/decide", For::Staff),
    ("POST", "/api/quality/plans/{plan}/draw", For::Staff),
    ("GET", "/api/quality/results", For::Lists(&["supervisor"])),
    ("GET", "/api/quality/results/export", For::Lists(&["supervisor"])),
    // Of the team `residence`.
    ("GET", "/api/staffing/history", For::Roles(PLANS)),
    ("GET", "/api/staffing/run", For::Lists(PLANS)),
    ("DELETE", "/api/staffing/run", For::Lists(PLANS)),
    // Of a team that the body does not say; who may is shown in staffing.rs.
    ("POST", "/api/staffing/run", For::Staff),
    // Drafts are seen by who keeps the knowledge base or reads the administration; each step is shown in knowledge.rs.
    ("GET", "/api/knowledge/entries", For::Lists(READS)),
    ("POST", "/api/knowledge/entries", For::Lists(&["editor"])),
    ("GET", "/api/knowledge/entries/{id}", For::Staff),
    ("GET", "/api/knowledge/entries/{id}/changes", For::Staff),
    ("PUT", "/api/knowledge/entries/{id}/draft", For::Staff),
    ("POST", "/api/knowledge/entries/{id}/steps", For::Staff),
    ("POST", "/api/knowledge/check", For::Lists(&["editor"])),
    ("GET", "/api/knowledge/counts", For::Lists(READS)),
    ("GET", "/api/knowledge/written-back", For::Staff),
    ("POST", "/api/knowledge/import", For::Lists(&["editor"])),
    ("GET", "/api/knowledge/export", For::Lists(READS)),
    ("POST", "/api/knowledge/files", For::Lists(&["editor"])),
    ("GET", "/api/knowledge/points", For::Lists(READS)),
    ("POST", "/api/knowledge/points", For::Staff),
    ("POST", "/api/knowledge/points/import", For::Lists(&["editor"])),
    ("GET", "/api/knowledge/points/export", For::Lists(READS)),
    ("PUT", "/api/knowledge/points/{id}", For::Staff),
    ("DELETE", "/api/knowledge/points/{id}", For::Staff),
    // Who may take which step is shown in guides.rs.
    ("GET", "/api/knowledge/guides", For::Lists(READS)),
    ("GET", "/api/knowledge/guides/{item}", For::Staff),
    ("PUT", "/api/knowledge/guides/{item}/draft", For::Staff),
    ("POST", "/api/knowledge/guides/{item}/steps", For::Staff),
    ("POST", "/api/knowledge/guides/{item}/preview", For::Staff),
    // Thresholds are the city's reviewers', words the city's editors'; shown in bot.rs.
    ("GET", "/api/bot/thresholds", For::Lists(READS)),
    ("POST", "/api/bot/thresholds", For::Staff),
    ("POST", "/api/bot/thresholds/rollback", For::Staff),
    ("GET", "/api/bot/rude", For::Lists(READS)),
    ("GET", "/api/bot/words", For::Lists(READS)),
    ("PUT", "/api/bot/words", For::Staff),
    ("DELETE", "/api/bot/words", For::Staff),
    ("POST", "/api/bot/words/import", For::City(&["editor"])),
    ("POST", "/api/bot/thresholds/refit", For::City(&["supervisor", "editor"])),
    // Of a conversation that one may not see nobody is told that it exists.
    ("GET", "/api/bot/why", For::Staff),
    ("POST", "/api/bot/why", For::Lists(READS)),
    ("GET", "/api/learning/clusters", For::Lists(READS)),
    ("POST", "/api/learning/clusters", For::Staff),
    ("GET", "/api/learning/regression", For::Lists(READS)),
    ("POST", "/api/learning/regression", For::Staff),
    ("DELETE", "/api/learning/regression/{id}", For::Staff),
    ("GET", "/api/learning/regression/export", For::Lists(READS)),
    ("POST", "/api/learning/regression/import", For::Lists(&["editor"])),
    ("GET", "/api/knowledge/entries/{id}/lowered", For::Staff),
    // Of a task that one may not see nobody is told that it exists.
    ("GET", "/api/tasks", For::Lists(TASKS)),
    ("GET", "/api/tasks/on-time", For::Lists(TASKS)),
    ("GET", "/api/tasks/{id}", For::Staff),
    ("POST", "/api/tasks/{id}/step", For::Staff),
    ("POST", "/api/tasks/{id}/reassign", For::Staff),
    ("POST", "/api/tasks/corrections", For::Staff),
    ("GET", "/api/policies", For::Lists(TASKS)),
    ("POST", "/api/policies", For::Staff),
    ("GET", "/api/messages", For::City(&["admin"])),
    ("GET", "/api/messages/mine", For::Staff),
    ("POST", "/api/messages/{id}/replay", For::Staff),
    ("GET", "/api/templates", For::City(&["admin"])),
    ("PUT", "/api/templates", For::Staff),
    ("GET", "/api/citizen/channels", For::Citizens),
    ("PUT", "/api/citizen/channels", For::Citizens),
    ("GET", "/api/admin/coverage", For::Lists(&["supervisor", "editor", "leader", "auditor", "admin"])),
];

const NO_ID: &str = "00000000000000000000000000000000";

async fn ask(server: &Server, who: &Person, method: &str, path: &str, body: &Value) -> Reply {
    let mut head = format!("{method} {path}\nContent-Type: application/json\nTus-Resumable: 1.0.0\nUpload-Offset: 0");
    if path == "/api/files" {
        head += "\nUpload-Length: 5\nUpload-Metadata: conversation ";
        head += &base64(&format!("cv_{NO_ID}"));
        head += &format!(",kind {},name {}", base64("file"), base64("a.pdf"));
    }
    if method == "PATCH" {
        head = head.replace("application/json", "application/offset+octet-stream");
    }
    if let Some(token) = &who.token {
        head += &format!("\nAuthorization: Bearer {token}");
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.exchange(&head, &body).await
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn entry() -> Value {
    json!({ "question": "怎么办", "answer": "在线办。", "audience": "both", "source": "条例" })
}

/// A body that is refused for nothing else than who sends it, or for being wrong behind the question who sends it.
fn body_for(method: &str, path: &str, account: &Value, record: &Value, n: usize) -> Value {
    match (method, path) {
        ("POST", "/api/admin/staff") => {
            let made = changed(account, |body| {
                body["login"] = json!(format!("sweep-{n}"));
                body["teams"] = json!([]);
            });
            json!({ "body": made["body"] })
        }
        ("PUT", "/api/admin/staff/{id}") => changed(account, |_| {}),
        ("POST", "/api/staff/account/password") => json!({ "old": "not-the-password", "new": "Gelb-41-Fenster" }),
        ("POST", "/api/staff/account/totp" | "/api/staff/account/totp/off") => {
            json!({ "password": "not-the-password" })
        }
        ("POST", "/api/staff/account/totp/confirm") => json!({ "pending": "x", "code": "000000" }),
        // As it is: nothing changes.
        ("PUT", "/api/admin/records/{kind}/{id}") => json!({ "version": record["version"], "body": record["body"] }),
        // Nobody has a duty of a single day there: nothing changes.
        ("POST", "/api/admin/duty/copy") => json!({ "teams": ["residence"], "from": "2020-01-06", "to": "2020-01-13" }),
        ("POST", "/api/admin/conversations/find") => json!({}),
        ("POST", "/api/admin/citizens/find") => json!({ "q": "ct_00000000000000000000000000000000" }),
        ("POST", _) if path.starts_with("/api/admin/citizens") => json!({ "reason": "本人申请" }),
        ("POST", "/api/staff/reveal") => {
            json!({ "conversation": format!("cv_{NO_ID}"), "seq": 1, "reason": "核对身份信息" })
        }
        ("POST", "/api/ledger/{id}/corrections") => {
            json!({ "promise": "first_response", "no": 1, "verdict": "excused", "reason": "系统故障" })
        }
        // Right as far as who may; of no unit.
        ("POST", "/api/knowledge/entries") => json!({ "unit": "nowhere", "content": entry() }),
        ("POST", "/api/knowledge/files") => json!("a text"),
        ("POST", "/api/bot/why") => json!({ "question": "居住证怎么办" }),
        ("POST", "/api/knowledge/check") => json!({ "content": entry() }),
        ("PUT", "/api/citizen/channels") => json!({ "sms": true, "portal": true }),
        ("POST", "/api/demo/token") => json!({ "citizen": "demo-citizen-1" }),
        ("POST", _) if path.starts_with("/api/staff/login") => json!({}),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn every_route_is_for_those_that_the_table_says_and_for_nobody_else() {
    let server = Server::start(
        &["--demo"],
        &[
            &UNLIMITED[..],
            &[("BANGBAN__AUTH__WRONG_PER_LOGIN", "10000"), ("BANGBAN__AUTH__WRONG_PER_ADDRESS", "10000")],
        ]
        .concat(),
    )
    .await;
    let described = server.get("/api/openapi.json").await.json();
    let paths = described["paths"].as_object().unwrap();
    let routes: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods
                .filter(|key| !["parameters", "summary", "description"].contains(&key.as_str()))
                .map(|method| (method.to_ascii_uppercase(), path.clone()))
        })
        .collect();
    let table: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let missing: Vec<_> = routes.difference(&table).collect();
    assert!(missing.is_empty(), "these routes stand in no table: {missing:?}");
    let gone: Vec<_> = table.difference(&routes).collect();
    assert!(gone.is_empty(), "these stand in the table and are served by nobody: {gone:?}");

    let people = everybody(&server).await;
    let admin = people.iter().find(|one| one.name == "admin").unwrap().token.clone().unwrap();
    // Dummies, to which anything may be done.
    newcomer(&server, &admin, "h-dummy", "agent", "huangpu").await;
    let record = server.as_staff(&admin, "GET /api/admin/records/team/residence", &Value::Null).await.json();
    let mut differences = Vec::new();
    let mut asked = 0;
    for (method, path, what) in ROUTES {
        for who in &people {
            for (place, login) in [("city", "agent1060"), ("huangpu", "h-dummy")] {
                if !path.starts_with("/api/admin/staff") && place == "huangpu" {
                    continue;
                }
                asked += 1;
                let account = server.account(&admin, login).await;
                let id = account["id"].as_str().unwrap();
                let filled = if path.starts_with("/api/admin/staff") {
                    path.replace("{id}", id).replace("{session}", &format!("ss_{NO_ID}"))
                } else if path.starts_with("/api/admin/records") {
                    // Removed as another version than it has: nothing happens.
                    let path = path.replace("{kind}", "team").replace("{id}", "residence");
                    if *method == "DELETE" { path + "?version=99" } else { path }
                } else if *path == "/api/admin/roster" {
                    format!("{path}?team=residence&from=2026-11-23")
                } else if *path == "/api/admin/duty" {
                    format!("{path}?unit=police&from=2026-11-23")
                } else if *path == "/api/admin/duty/holes" {
                    format!("{path}?from=2026-11-23")
                } else if *path == "/api/calls/directory" {
                    format!("{path}?q=shbx")
                } else if path.starts_with("/api/figures") {
                    let has_figure = path.contains("/rows") && !path.contains("/calls");
                    let figure = if has_figure { "&figure=wait" } else { "" };
                    let format = if path.ends_with("/export") { "&format=csv" } else { "" };
                    match *path {
                        "/api/figures/scope" | "/api/figures/live" => (*path).to_owned(),
                        "/api/figures/history/{id}" => path.replace("{id}", &format!("cv_{NO_ID}")),
                        _ => format!("{path}?from=2026-11-01&to=2026-11-01{figure}{format}"),
                    }
                } else if path.starts_with("/api/ledger") {
                    path.replace("{id}", &format!("cv_{NO_ID}"))
                } else if *path == "/api/staffing/history" {
                    format!("{path}?team=residence&from=2026-11-02&to=2026-11-29")
                } else if path.starts_with("/api/quality/results") {
                    let format = if path.ends_with("/export") { "&format=csv" } else { "" };
                    format!("{path}?from=2026-11-01&to=2026-11-01{format}")
                } else if *path == "/api/knowledge/points" && *method == "GET" {
                    format!("{path}?item=residence-permit")
                } else if *path == "/api/tasks/on-time" {
                    format!("{path}?from=2026-11-01&to=2026-11-01")
                } else if *path == "/api/knowledge/files" {
                    format!("{path}?kind=file&name=a.txt")
                } else if path.starts_with("/api/knowledge/") && path.ends_with("/export") {
                    format!("{path}?format=jsonl")
                } else if path.ends_with("/import") {
                    format!("{path}?format=csv&dryRun=true&skipBad=false")
                } else if path.starts_with("/api/admin/numbers")
                    || path.starts_with("/api/admin/items")
                    || path.starts_with("/api/admin/audit/export")
                {
                    format!("{path}?format=csv")
                } else if path.starts_with("/api/admin/citizens") {
                    path.replace("{id}", &format!("ct_{NO_ID}"))
                } else if path.contains("sessions") {
                    path.replace("{id}", &format!("ss_{NO_ID}"))
                } else {
                    path.replace("{id}", &format!("fl_{NO_ID}"))
                        .replace("{variant}", "original")
                        .replace("{plan}", "none")
                        .replace("{item}", "residence-permit")
                };
                let body = body_for(method, path, &account, &record, asked);
                let reply = ask(&server, who, method, &filled, &body).await;
                let has_token = !["nobody", "expired"].contains(&who.name.as_str());
                let is_in_reach = if place == "huangpu" { who.is_in("huangpu") } else { who.is_city() };
                let is_list = (*method, *path) == ("GET", "/api/admin/staff");
                let expected: &[u16] = match (*what, who.role()) {
                    (For::Everybody, _) if path.starts_with("/files/answers/") => &[401, 404],
                    (For::Everybody, _) if path.starts_with("/files/") => &[400, 403],
                    (For::Everybody, _) if *path == "/api/staff/session/renew" => &[401],
                    (For::Everybody, _) if *path == "/ws" => &[426],
                    // The pages need not be built for this.
                    (For::Everybody, _) if *path == "/api/docs" => &[200, 503],
                    (For::Everybody, _) if path.starts_with("/api/citizen/") => &[200, 400, 401, 403, 404],
                    (For::Everybody, _) => &[200, 204, 303, 400, 404],
                    _ if !has_token => &[401],
                    (For::AnyToken, _) => &[404],
                    // No sound.
                    (For::Citizens, None) if path.ends_with("/speech") => &[415],
                    (For::Citizens, None) => &[200],
                    (For::Citizens, Some(_)) => &[403],
                    (For::Staff, Some(_))
                        if path.ends_with("totp") || path.ends_with("off") || path.ends_with("password") =>
                    {
                        // The proof in the body is wrong; that is asked after who asks.
                        &[403]
                    }
                    (For::Staff, Some(_)) => &[200, 400, 404],
                    (For::Staff | For::Roles(_) | For::Lists(_) | For::City(_), None) => &[403],
                    // Of nobody's data.
                    (For::City(roles), Some(role)) if roles.contains(&role) && who.is_city() => &[200, 404, 409],
                    (For::City(_), Some(_)) => &[403],
                    (For::Lists(roles), Some(role)) if roles.contains(&role) => &[200, 400],
                    (For::Lists(_), Some(_)) => &[403],
                    (For::Roles(roles), Some(role))
                        if path.starts_with("/api/admin/records")
                            || path.starts_with("/api/admin/duty")
                            || ["/api/admin/roster", "/api/staffing/history"].contains(path) =>
                    {
                        match (roles.contains(&role) && who.is_in("police"), *method) {
                            (true, "DELETE") => &[409],
                            (true, _) => &[200],
                            (false, _) => &[403, 404],
                        }
                    }
                    (For::Roles(roles), Some(role)) if roles.contains(&role) && (is_list || is_in_reach) => {
                        if path.ends_with("{session}") { &[404] } else { &[200, 201, 204] }
                    }
                    (For::Roles(_), Some(_)) => &[403, 404],
                };
                if !expected.contains(&reply.status) {
                    differences.push(format!("{method} {path} ({place}) by {}: {}", who.name, reply.status));
                }
                if is_list && reply.status == 200 {
                    let seen: BTreeSet<_> = reply.json()["staff"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|row| row["unit"].as_str().unwrap_or("city").to_owned())
                        .collect();
                    if !who.is_city() && seen.iter().any(|unit| !who.name.ends_with(unit)) {
                        differences.push(format!("{} sees accounts of {seen:?}", who.name));
                    }
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} of {asked}:\n{}", differences.len(), differences.join("\n"));
    assert!(asked > 2_000, "{asked}");
}

/// Names of all commands, as the generated types have them.
fn known_commands() -> BTreeSet<String> {
    let types = include_str!("../../../../web-agent/src/generated/protocol.ts");
    let (_, rest) = types.split_once("export type Command = ").unwrap();
    let (union, _) = rest.split_once("export type ").unwrap();
    // Types of parts, such as `{ "type": "team" }` of a transfer, have names of their own.
    let names = union.split("{ \"type\": \"").skip(1).map(|part| part.split('"').next().unwrap().to_owned());
    names.collect()
}

/// What a refusal to somebody who has no part in it may be called.
const DENIED: [&str; 2] = ["forbidden", "not_found"];

#[tokio::test]
async fn every_topic_and_command_is_for_those_that_the_table_says_and_for_nobody_else() {
    // An offer that stands through all of it, and a citizen who may try everything.
    let patient = [("BANGBAN__SLA__OFFER_SECONDS", "3600"), ("BANGBAN__LIMITS__CITIZEN_BURST", "1000")];
    let server = Server::start(&["--demo"], &[&UNLIMITED[..], &patient].concat()).await;
    let people = everybody(&server).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut serving = server.staff("agent1001").await;
    serving.accept().await;
    serving.ok(send(&id, "first", "您好")).await;
    let server_agent = serving.welcome["me"]["id"].as_str().unwrap().to_owned();
    // One more of the same citizen, which may be finished.
    let other = json!({ "type": "open_conversation", "item": "passport", "channel": "pc" });
    let other = citizen.ok(other).await["conversation"].as_str().unwrap().to_owned();
    let way = citizen.ok(json!({ "type": "continue_elsewhere", "conversation": id })).await["continuation"].clone();
    // And one of somebody else, which only this agent is offered, and whose visitor may be blocked.
    let mut enterprise = Client::open(&server.address, &server.citizen_token("demo-enterprise-1").await).await;
    let offered = enterprise.open_conversation().await;
    enterprise.ok(json!({ "type": "request_human", "conversation": offered })).await;
    let is_offer = |event: &Value| event["body"]["view"]["offer"]["conversation"] == json!(offered);
    let offer = serving.event("offer", is_offer).await["body"]["view"]["offer"]["id"].clone();
    let until = 4_102_444_800_000_i64;
    let tomorrow = citizen.welcome["now"].as_i64().unwrap() + 86_400_000;
    let window = json!({ "type": "book_window", "conversation": id, "at": tomorrow });
    let window = serving.ok(window).await["window"].clone();
    let call = format!("cl_{NO_ID}");
    // An alert of the police's unit.
    serving.ok(json!({ "type": "raise_flag", "conversation": id, "reason": "upset" })).await;
    let mut watching = server.staff("super1").await;
    let is_flag = |alert: &Value| alert["kind"] == "flag";
    let rail = watching.subscribe("alerts").await;
    let alert = match rail["view"]["open"].as_array().unwrap().iter().find(|alert| is_flag(alert)) {
        Some(alert) => alert["id"].clone(),
        None => {
            let has_flag =
                |event: &Value| event["body"]["view"]["open"].as_array().is_some_and(|open| open.iter().any(is_flag));
            let event = watching.event("flag", has_flag).await;
            event["body"]["view"]["open"].as_array().unwrap().iter().find(|alert| is_flag(alert)).unwrap()["id"].clone()
        }
    };

    // Of the team `residence`, which belongs to the police's unit.
    let supervisor = |who: &Person| who.role() == Some("supervisor") && who.is_in("police");
    let watches =
        |who: &Person| who.is_city() && ["supervisor", "leader", "auditor", "admin"].contains(&who.role().unwrap());
    let mut differences = Vec::new();
    let mut commands = BTreeSet::new();
    let mut asked = 0;
    for who in people.iter().filter(|who| !["nobody", "expired"].contains(&who.name.as_str())) {
        let mut client = Client::open(&server.address, &json!(who.token)).await;
        let me = client.welcome["me"]["id"].as_str().unwrap().to_owned();
        let role = who.role();
        let looks = role.is_some_and(|role| ["supervisor", "leader", "auditor", "admin"].contains(&role));
        let owner = who.name == "citizen";
        let has_desk = role.is_some_and(|role| ["agent", "professional", "operator", "supervisor"].contains(&role));
        let conversation = json!(id);
        let expected: BTreeMap<String, (Value, bool)> = [
            ("conversation", json!({ "type": "subscribe", "topic": format!("conversation:{id}") }), owner || supervisor(who)),
            ("notes", json!({ "type": "subscribe", "topic": format!("notes:{id}") }), supervisor(who)),
            ("another's desk", json!({ "type": "subscribe", "topic": format!("agent:{server_agent}") }), watches(who)),
            ("own desk", json!({ "type": "subscribe", "topic": format!("agent:{me}") }), has_desk),
            ("board", json!({ "type": "subscribe", "topic": "board" }), watches(who)),
            ("board of huangpu", json!({ "type": "subscribe", "topic": "board:huangpu" }), looks && who.is_in("huangpu")),
            ("board of the police", json!({ "type": "subscribe", "topic": "board:police" }), looks && who.is_in("police")),
            ("board of xuhui", json!({ "type": "subscribe", "topic": "board:xuhui" }), watches(who)),
            ("alerts", json!({ "type": "subscribe", "topic": "alerts" }), watches(who)),
            ("alerts of huangpu", json!({ "type": "subscribe", "topic": "alerts:huangpu" }), looks && who.is_in("huangpu")),
            ("alerts of the police", json!({ "type": "subscribe", "topic": "alerts:police" }), looks && who.is_in("police")),
            ("acknowledge", json!({ "type": "acknowledge_alert", "alert": alert }), supervisor(who)),
            ("acknowledge no more", json!({ "type": "reopen_alert", "alert": alert }), supervisor(who)),
            ("assign", json!({ "type": "assign", "conversation": conversation, "agent": server_agent }), supervisor(who) && who.is_city()),
            ("set another's status", json!({ "type": "set_agent_status", "agent": server_agent, "status": "online", "reason": "试" }), supervisor(who) && who.is_city()),
            // A supervisor would get it: of them it is asked about one that nobody waits in.
            ("take over", json!({ "type": "take_over", "conversation": if supervisor(who) { json!(other) } else { conversation.clone() } }), false),
            // Last: whoever is in the thread may write there.
            ("zz join", json!({ "type": "join_conversation", "conversation": conversation }), supervisor(who)),
            ("zz leave", json!({ "type": "leave_conversation", "conversation": conversation }), supervisor(who)),
            ("agents of a team", json!({ "type": "list_agents", "team": "residence" }), looks && who.is_in("police")),
            ("raise a flag", json!({ "type": "raise_flag", "conversation": conversation, "reason": "upset" }), false),
            // Of one without a flag: nothing happens.
            ("lower a flag", json!({ "type": "lower_flag", "conversation": offered }), supervisor(who)),
            ("session", json!({ "type": "subscribe", "topic": "session" }), false),
            ("topic of notices", json!({ "type": "subscribe", "topic": "notices" }), true),
            ("way to a second device", json!({ "type": "subscribe", "topic": format!("continuation:{}", way.as_str().unwrap()) }), owner),
            ("leave a topic", json!({ "type": "unsubscribe", "topic": "notices" }), true),
            ("send", send(&id, "x", "插话"), owner),
            ("typing", json!({ "type": "typing", "conversation": conversation, "typing": true }), owner),
            ("read", json!({ "type": "read", "conversation": conversation, "seq": 1 }), owner),
            ("earlier", json!({ "type": "load_earlier", "conversation": conversation, "before": 9 }), owner || supervisor(who)),
            ("files", json!({ "type": "open_files", "conversation": conversation, "files": [] }), owner || supervisor(who)),
            ("send_file", json!({ "type": "send_file", "conversation": conversation, "clientId": "f", "file": format!("fl_{NO_ID}") }), false),
            ("note", json!({ "type": "note", "conversation": conversation, "clientId": "n", "text": "备注" }), supervisor(who)),
            ("put a proposed answer aside", json!({ "type": "reject_proposed", "conversation": conversation, "clientId": "j", "on": 1 }), false),
            ("draft", json!({ "type": "save_draft", "conversation": conversation, "text": "草稿" }), false),
            ("transfer", json!({ "type": "transfer", "conversation": conversation, "to": { "type": "team", "team": "social" } }), false),
            ("cancel transfer", json!({ "type": "cancel_transfer", "conversation": conversation }), false),
            ("close", json!({ "type": "close", "conversation": conversation, "outcome": "solved" }), false),
            ("accept", json!({ "type": "accept_offer", "offer": offer }), false),
            ("decline", json!({ "type": "decline_offer", "offer": offer }), false),
            ("colleagues", json!({ "type": "find_colleagues" }), role.is_some()),
            ("prepared texts", json!({ "type": "list_canned_answers" }), role.is_some()),
            ("notices", json!({ "type": "list_notices" }), true),
            ("block", json!({ "type": "block_visitor", "conversation": offered, "reason": "多次辱骂帮办员", "until": until }), supervisor(who)),
            ("finish", json!({ "type": "finish", "conversation": other }), owner),
            ("leave a message", json!({ "type": "leave_message", "conversation": conversation, "clientId": "l", "text": "请回电", "phone": "13800138001", "slot": until }), false),
            ("call-back slots", json!({ "type": "call_back_slots", "conversation": conversation }), false),
            ("move a call-back", json!({ "type": "move_call_back", "conversation": conversation, "slot": until }), false),
            ("past", json!({ "type": "past_conversations" }), role.is_none()),
            ("past behind another's", json!({ "type": "past_conversations", "before": conversation }), owner),
            ("continue elsewhere", json!({ "type": "continue_elsewhere", "conversation": other }), owner),
            ("take back a second device", json!({ "type": "revoke_continuation", "continuation": way }), owner),
            ("claim", json!({ "type": "claim_visitor", "visitor": "x" }), false),
            ("status", json!({ "type": "set_status", "status": "break" }), has_desk),
            ("knowledge", json!({ "type": "search_knowledge", "query": "居住证" }), role.is_some()),
            ("open", json!({ "type": "open_conversation", "channel": "pc" }), role.is_none()),
            ("cancel request", json!({ "type": "cancel_request", "conversation": conversation }), false),
            ("request human", json!({ "type": "request_human", "conversation": conversation }), owner),
            ("choose", json!({ "type": "choose_entry", "conversation": conversation, "clientId": "c", "entry": "none" }), false),
            ("refuse what was offered", json!({ "type": "refuse_options", "conversation": conversation, "clientId": "r", "on": 1 }), false),
            ("be suggested something", json!({ "type": "suggest", "conversation": conversation, "text": "居住证" }), owner),
            ("begin a guide", json!({ "type": "start_guide", "conversation": conversation, "clientId": "g", "item": "residence-permit" }), owner),
            // Of what is no entry of one.
            ("step in a guide", json!({ "type": "guide_step", "conversation": conversation, "clientId": "h", "on": 1, "step": "skip" }), false),
            ("begin an action", json!({ "type": "start_action", "conversation": conversation, "clientId": "i", "kind": "book", "item": "residence-permit" }), owner),
            // Of what is no entry of one.
            ("step in an action", json!({ "type": "action_step", "conversation": conversation, "clientId": "k", "on": 1, "step": "confirm" }), false),
            ("judge", json!({ "type": "bot_feedback", "conversation": conversation, "seq": 1, "solved": true }), false),
            ("rate", json!({ "type": "rate", "conversation": conversation, "stars": 5 }), false),
            // Booked for tomorrow: nobody sits there.
            ("window", json!({ "type": "subscribe", "topic": format!("window:{}", window.as_str().unwrap()) }), owner || supervisor(who)),
            ("ask for a window", json!({ "type": "ask_window", "conversation": conversation, "origin": "conversation" }), false),
            ("book a window", json!({ "type": "book_window", "conversation": conversation, "at": until }), false),
            ("answer a window", json!({ "type": "answer_window", "window": window, "accepts": true }), false),
            ("cancel a window", json!({ "type": "cancel_window", "window": format!("wn_{NO_ID}") }), false),
            ("consent", json!({ "type": "consent", "window": window, "purpose": "window", "text": "window", "version": 1 }), false),
            ("withdraw consent", json!({ "type": "withdraw_consent", "window": window, "purpose": "window" }), false),
            ("make a code", json!({ "type": "make_window_code", "window": window }), false),
            ("enter a code", json!({ "type": "enter_window_code", "code": "123456" }), false),
            ("invite", json!({ "type": "invite_to_window", "window": window, "agent": server_agent }), false),
            ("look at the network", json!({ "type": "check_window", "window": window }), owner || supervisor(who)),
            ("take the citizen's seat", json!({ "type": "take_seat", "window": window, "seat": "citizen" }), false),
            ("take the agent's seat", json!({ "type": "take_seat", "window": window, "seat": "agent" }), false),
            ("connect", json!({ "type": "connect_window", "window": window, "sdp": "v=0", "lines": [] }), false),
            ("restart a link", json!({ "type": "restart_window_link", "window": window, "sdp": "v=0", "lines": [] }), false),
            ("answer an offer", json!({ "type": "answer_window_offer", "window": window, "number": 1, "sdp": "v=0" }), false),
            ("publish", json!({ "type": "publish", "window": window, "medium": "camera", "on": true }), false),
            ("leave a window", json!({ "type": "leave_window", "window": window }), false),
            ("end a window", json!({ "type": "end_window", "window": window }), false),
            ("show out", json!({ "type": "remove_from_window", "window": window, "participant": format!("pt_{NO_ID}") }), false),
            ("point", json!({ "type": "point", "window": window, "at": { "x": 1, "y": 1 } }), false),
            ("draw", json!({ "type": "draw", "window": window, "number": 1, "stroke": { "type": "box", "from": { "x": 1, "y": 1 }, "to": { "x": 2, "y": 2 } } }), false),
            ("undo ink", json!({ "type": "undo_ink", "window": window }), false),
            ("clear ink", json!({ "type": "clear_ink", "window": window }), false),
            ("freeze", json!({ "type": "freeze_window", "window": window, "frozen": true }), false),
            ("keep a picture", json!({ "type": "keep_snapshot", "window": window, "file": format!("fl_{NO_ID}") }), false),
            ("show a page", json!({ "type": "browse", "window": window, "on": true }), false),
            ("send a page", json!({ "type": "send_frames", "window": window, "page": 1, "frames": "[]" }), false),
            ("say where one is", json!({ "type": "see_form", "window": window, "context": { "step": "1" } }), false),
            ("highlight", json!({ "type": "highlight", "window": window, "field": "name" }), false),
            ("propose", json!({ "type": "propose", "window": window, "field": "name", "kind": "text", "value": "x" }), false),
            ("answer a proposal", json!({ "type": "answer_proposal", "window": window, "proposal": 1, "accepts": true }), false),
            ("bind", json!({ "type": "bind", "window": window, "kind": "submit" }), false),
            ("calls", json!({ "type": "subscribe", "topic": "calls" }), true),
            // Of none that stands: who may what in one that does is tested with the calls.
            ("call", json!({ "type": "subscribe", "topic": format!("call:{call}") }), false),
            ("call: place", json!({ "type": "call", "act": { "type": "place", "conversation": conversation, "to": { "type": "browser" } } }), false),
            ("call: start", json!({ "type": "call", "act": { "type": "start", "conversation": format!("cv_{NO_ID}") } }), false),
            ("call: call back", json!({ "type": "call", "act": { "type": "call_back", "call": call, "to": { "type": "left" } } }), false),
            ("call: rings", json!({ "type": "call", "act": { "type": "rings", "call": call } }), false),
            ("call: prepare", json!({ "type": "call", "act": { "type": "prepare", "call": call } }), false),
            ("call: answer", json!({ "type": "call", "act": { "type": "answer", "call": call, "sdp": "v=0" } }), false),
            ("call: decline", json!({ "type": "call", "act": { "type": "decline", "call": call } }), false),
            ("call: connect", json!({ "type": "call", "act": { "type": "connect", "call": call, "sdp": "v=0" } }), false),
            ("call: hang up", json!({ "type": "call", "act": { "type": "hang_up", "call": call } }), false),
            ("call: request", json!({ "type": "call", "act": { "type": "request", "call": call, "who": { "type": "item", "item": "residence-permit" }, "goal": "consult" } }), false),
            ("call: stop request", json!({ "type": "call", "act": { "type": "stop_request", "call": call } }), false),
            ("call: merge", json!({ "type": "call", "act": { "type": "merge", "call": call } }), false),
            ("call: swap", json!({ "type": "call", "act": { "type": "swap", "call": call } }), false),
            ("call: leave", json!({ "type": "call", "act": { "type": "leave", "call": call } }), false),
            ("call: return", json!({ "type": "call", "act": { "type": "return", "call": call } }), false),
            ("call: hold", json!({ "type": "call", "act": { "type": "hold", "call": call, "leg": 1 } }), false),
            ("call: resume", json!({ "type": "call", "act": { "type": "resume", "call": call, "leg": 1 } }), false),
            ("call: mute", json!({ "type": "call", "act": { "type": "mute", "call": call, "leg": 1, "muted": true } }), false),
            ("call: whisper", json!({ "type": "call", "act": { "type": "whisper", "call": call } }), false),
            ("call: drop", json!({ "type": "call", "act": { "type": "drop", "call": call, "leg": 1 } }), false),
            ("call: dial", json!({ "type": "call", "act": { "type": "dial", "call": call, "leg": 1, "digits": "1" } }), false),
            ("call: open window", json!({ "type": "call", "act": { "type": "open_window", "call": call } }), false),
            ("call: end", json!({ "type": "call", "act": { "type": "end", "call": call } }), false),
            ("call: wrap up", json!({ "type": "call", "act": { "type": "wrap_up", "call": call, "disposition": "solved" } }), false),
            ("call: supervise", json!({ "type": "call", "act": { "type": "supervise", "call": call, "mode": "listen" } }), false),
            ("call: take over", json!({ "type": "call", "act": { "type": "take_over", "call": call } }), false),
            ("hello", json!({ "type": "hello", "token": "x", "protocol": 1 }), false),
            ("renew", json!({ "type": "renew", "token": "x" }), false),
        ]
        .into_iter()
        .map(|(name, body, allowed)| (name.to_owned(), (body, allowed)))
        .collect();
        for (name, (body, is_allowed)) in &expected {
            asked += 1;
            let answer = client.request(body.clone()).await;
            let code = answer["error"]["code"].as_str().unwrap_or("ok").to_owned();
            let is_fine = if *is_allowed {
                code == "ok"
            } else {
                // The owner's refusals are about the stage or the words; nobody else is let so far.
                DENIED.contains(&code.as_str())
                    || (owner && ["invalid_stage", "bad_request"].contains(&code.as_str()))
                    || (["hello", "renew"].contains(&name.as_str()) && code != "ok")
                    || (role.is_some() && name == "send_file" && code == "bad_request")
                    // Another's offer is as good as none.
                    || (["accept", "decline"].contains(&name.as_str()) && code == "offer_gone")
                    // They may, with a visitor's token.
                    || (role.is_none() && name == "claim" && code == "bad_request")
                    // A citizen has no desk: that is no name of a topic.
                    || (role.is_none() && name == "own desk" && code == "bad_request")
            };
            if !is_fine {
                differences.push(format!("{name} by {}: {code}", who.name));
            }
        }
        commands.extend(expected.values().map(|(body, _)| body["type"].as_str().unwrap().to_owned()));
        client.socket.close(None).await.unwrap();
    }
    assert_eq!(commands, known_commands(), "asked for here, known to the protocol");
    for (name, token) in [
        ("nobody", json!("nonsense")),
        ("expired", json!(people.iter().find(|who| who.name == "expired").unwrap().token)),
    ] {
        let mut client = Client::connect(&server.address).await;
        let refused = client.refused(json!({ "type": "hello", "token": token, "protocol": 1 })).await;
        assert_eq!(
            (refused["code"].clone(), client.close_code().await),
            (json!("unauthenticated"), Some(4500)),
            "{name}"
        );
    }
    assert!(differences.is_empty(), "{} of {asked}:\n{}", differences.len(), differences.join("\n"));
    assert!(asked > 1_100, "{asked}");
    // The offer was nobody else's, and still stands.
    serving.ok(json!({ "type": "accept_offer", "offer": offer })).await;
    // Nothing of all that has reached the thread, except the owner's own words, and the guide and the action that they have begun.
    let thread = serving.subscribe(&format!("conversation:{id}")).await;
    let said: Vec<&str> =
        thread["entries"].as_array().unwrap().iter().filter_map(|entry| entry["clientId"].as_str()).collect();
    assert_eq!(said, ["first", "g", "i", "x"]);
}
