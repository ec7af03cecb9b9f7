//! Accounts of staff over the network: log-in in steps, sessions, what an administrator's change does at once.

use bangban_server::staff::{Totp, step_at};
use serde_json::{Value, json};

use crate::support::{Client, Reply, Server, send};

pub(crate) const UNLIMITED: [(&str, &str); 3] = [
    ("BANGBAN__LIMITS__ADDRESS__LOGIN__BURST", "0"),
    ("BANGBAN__LIMITS__ADDRESS__API__BURST", "0"),
    ("BANGBAN__LIMITS__STAFF_BURST", "1000"),
];

/// What `Set-Cookie` gives, as it is sent back.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

impl Server {
    pub(crate) async fn log_in(&self, login: &str, password: &str) -> Reply {
        self.post("/api/staff/login", &json!({ "login": login, "password": password }).to_string()).await
    }

    pub(crate) async fn token(&self, login: &str) -> String {
        let reply = self.log_in(login, "bangban-demo").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["token"].as_str().unwrap().to_owned()
    }

    /// A request of one who is logged in.
    pub(crate) async fn as_staff(&self, token: &str, request: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{request}\nAuthorization: Bearer {token}\nContent-Type: application/json");
        self.exchange(&head, &body).await
    }

    /// The account, as an administrator sees it.
    pub(crate) async fn account(&self, admin: &str, login: &str) -> Value {
        let reply = self.as_staff(admin, &format!("GET /api/admin/staff?q={login}"), &Value::Null).await;
        let found = reply.json()["staff"].as_array().unwrap().iter().find(|row| row["login"] == login).cloned();
        found.unwrap_or_else(|| panic!("{login}: {}", reply.text()))
    }
}

/// What `PUT` takes of what `GET` gives, with a change.
pub(crate) fn changed(account: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let fields = ["login", "name", "unit", "grants", "teams", "skills", "languages", "capacity", "isActive"];
    let mut body: Value = fields.iter().map(|field| ((*field).to_owned(), account[*field].clone())).collect();
    change(&mut body);
    json!({ "version": account["version"], "body": body })
}

#[tokio::test]
async fn a_session_is_renewed_by_its_cookie_and_a_socket_goes_on_with_the_next_token() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let reply = server.log_in("agent1001", "bangban-demo").await;
    let set = reply.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/api/staff/session", "Max-Age=7200"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "plain HTTP");
    let mut client = Client::open(&server.address, &reply.json()["token"]).await;
    let renew = |cookie: String, more: &str| format!("POST /api/staff/session/renew\nCookie: {cookie}{more}");
    let renewed = server.exchange(&renew(cookie(&reply), ""), "").await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert_ne!(cookie(&renewed), cookie(&reply));
    client.ok(json!({ "type": "renew", "token": renewed.json()["token"] })).await;
    // Another one's token, or another session's of the same, is not for this connection.
    for login in ["agent1002", "agent1001"] {
        let other = server.token(login).await;
        let refused = client.refused(json!({ "type": "renew", "token": other })).await;
        assert_eq!(refused["code"], "unauthenticated", "{login}");
    }
    let foreign = server.exchange(&renew(cookie(&renewed), "\nOrigin: https://evil.example"), "").await;
    assert_eq!((foreign.status, foreign.json()["error"]["field"].clone()), (403, json!("Origin")));
    assert_eq!(server.exchange(&renew("bangban_staff=nonsense".to_owned(), ""), "").await.status, 401);
    assert_eq!(server.exchange("POST /api/staff/session/renew", "").await.status, 401);
    // Log-out ends the session for its socket too, at once.
    let end = server.exchange(&format!("POST /api/staff/session/end\nCookie: {}", cookie(&renewed)), "").await;
    assert_eq!(end.status, 204);
    assert!(end.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(client.close_code().await, Some(4503));
    assert_eq!(server.exchange(&renew(cookie(&renewed), ""), "").await.status, 401);
    let over = server.as_staff(renewed.json()["token"].as_str().unwrap(), "GET /api/staff/account", &Value::Null).await;
    assert_eq!(over.status, 401);
}

#[tokio::test]
async fn devices_are_listed_and_ended_and_a_new_password_ends_the_others() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let (mine, other) = (server.token("agent1001").await, server.token("agent1001").await);
    let mut socket = Client::open(&server.address, &json!(other)).await;
    let list = server.as_staff(&mine, "GET /api/staff/account/sessions", &Value::Null).await.json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.iter().filter(|one| one["current"] == true).count(), 1, "{list}");
    assert_eq!(sessions[0]["address"], "127.0.0.1");
    let of_other = sessions.iter().find(|one| one["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    let stranger = server.token("agent1002").await;
    let end = format!("DELETE /api/staff/account/sessions/{of_other}");
    assert_eq!(server.as_staff(&stranger, &end, &Value::Null).await.status, 404);
    assert_eq!(server.as_staff(&mine, &end, &Value::Null).await.status, 204);
    assert_eq!(socket.close_code().await, Some(4503));
    let third = server.token("agent1001").await;
    let change = async |old: &str, new: &str| {
        server.as_staff(&mine, "POST /api/staff/account/password", &json!({ "old": old, "new": new })).await
    };
    for (old, new, status, field) in [
        ("wrong", "Blau-39-Fenster", 403, "old"),
        ("bangban-demo", "short", 400, "new"),
        ("bangban-demo", "passwordpassword", 400, "new"),
        ("bangban-demo", "agent1001agent1001", 400, "new"),
        ("bangban-demo", "bangban-demo", 400, "new"),
    ] {
        let reply = change(old, new).await;
        assert_eq!((reply.status, reply.json()["error"]["field"].clone()), (status, json!(field)), "{new}");
    }
    assert_eq!(change("bangban-demo", "Blau-39-Fenster").await.status, 204);
    assert_eq!(server.as_staff(&third, "GET /api/staff/account", &Value::Null).await.status, 401);
    assert_eq!(server.as_staff(&mine, "GET /api/staff/account", &Value::Null).await.status, 200);
    assert_eq!(server.log_in("agent1001", "bangban-demo").await.status, 401);
    assert_eq!(server.log_in("agent1001", "Blau-39-Fenster").await.status, 200);
}

#[tokio::test]
async fn a_new_account_logs_in_by_its_one_time_password_which_it_has_to_change() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let admin = server.token("admin1").await;
    let body = json!({ "login": "agent2001", "name": "新同事", "unit": null,
        "grants": [{ "role": "agent", "unit": null, "items": [] }], "teams": [{ "team": "residence", "level": 2 }],
        "skills": ["手语"], "languages": [], "capacity": 2, "isActive": true });
    let made = server.as_staff(&admin, "POST /api/admin/staff", &json!({ "body": body })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let password = made.json()["password"].as_str().unwrap().to_owned();
    let step = server.log_in("agent2001", &password).await;
    assert_eq!((step.status, step.json()["needs"].clone()), (202, json!("password")));
    assert!(step.header("set-cookie").is_empty(), "not logged in yet");
    let challenge = step.json()["challenge"].clone();
    let choose = async |challenge: &Value, password: &str| {
        let body = json!({ "challenge": challenge, "password": password }).to_string();
        server.post("/api/staff/login/password", &body).await
    };
    assert_eq!(choose(&challenge, "passwordpassword").await.status, 400);
    assert_eq!(choose(&challenge, &password).await.status, 400, "the same again");
    assert_eq!(choose(&json!("nonsense"), "Blau-39-Fenster").await.status, 401);
    let elsewhere = json!({ "challenge": challenge, "password": "Blau-39-Fenster" }).to_string();
    let other_browser = "POST /api/staff/login/password\nContent-Type: application/json\nUser-Agent: other";
    assert_eq!(server.exchange(other_browser, &elsewhere).await.status, 401, "another browser");
    let done = choose(&challenge, "Blau-39-Fenster").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(choose(&challenge, "Rot-40-Fenster!").await.status, 401, "good once");
    // The desk knows the new colleague without a restart.
    let mut client = Client::open(&server.address, &done.json()["token"]).await;
    let me = client.welcome["me"]["id"].as_str().unwrap().to_owned();
    let desk = client.subscribe(&format!("agent:{me}")).await;
    assert_eq!(desk["view"]["teams"], json!([{ "code": "residence", "name": "居住与户籍" }]));
    let taken = server.as_staff(&admin, "POST /api/admin/staff", &json!({ "body": body })).await;
    assert_eq!((taken.status, taken.json()["error"]["field"].clone()), (400, json!("body.login")));
}

#[tokio::test]
async fn the_second_factor_is_asked_for_and_its_guesses_lock_the_staff_number() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let token = server.token("super1").await;
    let begin = async |password: &str| {
        server.as_staff(&token, "POST /api/staff/account/totp", &json!({ "password": password })).await
    };
    assert_eq!(begin("wrong").await.status, 403);
    let offer = begin("bangban-demo").await.json();
    let uri = offer["uri"].as_str().unwrap();
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(offer["secret"], secret);
    let totp = Totp::new(unbase32(secret));
    let now = || step_at(bangban_server::clock::Clock::system().now());
    let confirm = async |code: &str| {
        let body = json!({ "pending": offer["pending"], "code": code });
        server.as_staff(&token, "POST /api/staff/account/totp/confirm", &body).await
    };
    assert_eq!(confirm("000000").await.status, 400);
    // The step before, so that the present one is still unused.
    let step = now();
    let on = confirm(&totp.code(step - 1)).await;
    assert_eq!(on.status, 200, "{}", on.text());
    let recovery: Vec<String> = serde_json::from_value(on.json()["recovery"].clone()).unwrap();
    let password = async || {
        let reply = server.log_in("super1", "bangban-demo").await;
        assert_eq!((reply.status, reply.json()["needs"].clone()), (202, json!("totp")));
        reply.json()["challenge"].clone()
    };
    let show = async |challenge: &Value, code: &str| {
        let body = json!({ "challenge": challenge, "code": code }).to_string();
        server.post("/api/staff/login/code", &body).await
    };
    let challenge = password().await;
    let code = totp.code(now());
    assert_eq!(show(&challenge, &code).await.status, 200);
    assert_eq!(show(&challenge, &code).await.status, 401, "a second time");
    let again = password().await;
    assert_eq!(show(&again, &code).await.status, 401, "a second time, in another log-in");
    assert_eq!(show(&again, &recovery[0]).await.status, 200);
    let again = password().await;
    assert_eq!(show(&again, &recovery[0]).await.status, 401);
    // The right password between them does not wash wrong codes away.
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let reply = server.log_in("super1", "bangban-demo").await;
        if reply.status != 202 {
            statuses.push(reply.status);
            break;
        }
        statuses.push(show(&reply.json()["challenge"], "000000").await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let admin = server.token("admin1").await;
    let locked = server.account(&admin, "super1").await;
    assert!(locked["lockedUntil"].is_number(), "{locked}");
    let id = locked["id"].as_str().unwrap();
    assert_eq!(server.as_staff(&admin, &format!("POST /api/admin/staff/{id}/unlock"), &Value::Null).await.status, 204);
    password().await;
    assert_eq!(
        server.as_staff(&admin, &format!("POST /api/admin/staff/{id}/totp/reset"), &Value::Null).await.status,
        204
    );
    assert_eq!(server.log_in("super1", "bangban-demo").await.status, 200, "without a code again");
    assert_eq!(server.as_staff(&token, "GET /api/staff/account", &Value::Null).await.status, 401, "its sessions ended");
}

fn unbase32(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for sign in text.bytes() {
        let value = if sign.is_ascii_digit() { sign - b'2' + 26 } else { sign - b'A' };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_sets_one_up_at_the_log_in() {
    let settings = [&UNLIMITED[..], &[("BANGBAN__AUTH__TOTP_REQUIRED", "[\"admin\"]")]].concat();
    let server = Server::start(&["--demo"], &settings).await;
    let reply = server.log_in("admin1", "bangban-demo").await;
    assert_eq!((reply.status, reply.json()["needs"].clone()), (202, json!("enrol")));
    let challenge = reply.json()["challenge"].clone();
    let offer = server.post("/api/staff/login/enrol", &json!({ "challenge": challenge }).to_string()).await.json();
    let totp = Totp::new(unbase32(offer["secret"].as_str().unwrap()));
    let step = step_at(bangban_server::clock::Clock::system().now());
    let confirm = |code: &str| json!({ "challenge": challenge, "pending": offer["pending"], "code": code }).to_string();
    assert_eq!(server.post("/api/staff/login/enrol/confirm", &confirm("000000")).await.status, 401);
    let done = server.post("/api/staff/login/enrol/confirm", &confirm(&totp.code(step))).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["recovery"].as_array().unwrap().len(), 10);
    let token = done.json()["login"]["token"].as_str().unwrap().to_owned();
    let off = server.as_staff(&token, "POST /api/staff/account/totp/off", &json!({ "password": "bangban-demo" })).await;
    assert_eq!(off.status, 403, "the role needs it");
    assert_eq!(server.log_in("agent1001", "bangban-demo").await.status, 200, "others do not");
}

#[tokio::test]
async fn a_closed_account_is_out_at_once_and_whom_it_served_goes_to_a_colleague() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let admin = server.token("admin1").await;
    let mut first = server.staff("agent1001").await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    first.accept().await;
    first.ok(send(&id, "a", "您好")).await;
    let mut second = server.staff("agent1007").await;
    let account = server.account(&admin, "agent1001").await;
    let put = format!("PUT /api/admin/staff/{}", account["id"].as_str().unwrap());
    let closed = changed(&account, |body| body["isActive"] = json!(false));
    let reply = server.as_staff(&admin, &put, &closed).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(first.close_code().await, Some(4503));
    second.accept().await;
    second.ok(send(&id, "b", "我来继续为您服务")).await;
    assert_eq!(server.log_in("agent1001", "bangban-demo").await.status, 401);
    assert_eq!(server.as_staff(&admin, &put, &closed).await.status, 409, "another version");
    // It may come back.
    let account = server.account(&admin, "agent1001").await;
    let opened = changed(&account, |body| body["isActive"] = json!(true));
    assert_eq!(server.as_staff(&admin, &put, &opened).await.status, 200);
    server.staff("agent1001").await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_what_is_heard_by_it() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let admin = server.token("admin1").await;
    let mut watcher = server.staff("super1").await;
    watcher.subscribe("board").await;
    let account = server.account(&admin, "super1").await;
    let put = format!("PUT /api/admin/staff/{}", account["id"].as_str().unwrap());
    let moved = changed(&account, |body| {
        body["grants"] = json!([{ "role": "supervisor", "unit": "huangpu", "items": [] }]);
    });
    let reply = server.as_staff(&admin, &put, &moved).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(watcher.close_code().await, Some(4003), "come again");
    let mut watcher = server.staff("super1").await;
    let refused = watcher.refused(json!({ "type": "subscribe", "topic": "board" })).await;
    assert_eq!(refused["code"], "forbidden");
    let board = watcher.subscribe("board:huangpu").await;
    assert_eq!(board["view"]["total"]["staffed"], 0, "none of the city's teams");
    let refused = watcher.refused(json!({ "type": "subscribe", "topic": "board:xuhui" })).await;
    assert_eq!(refused["code"], "forbidden");
    // The last administrator stays, and nobody makes more of themselves.
    let me = server.account(&admin, "admin1").await;
    let put = format!("PUT /api/admin/staff/{}", me["id"].as_str().unwrap());
    for change in [
        changed(&me, |body| body["grants"] = json!([])),
        changed(&me, |body| body["isActive"] = json!(false)),
        changed(&me, |body| {
            body["grants"].as_array_mut().unwrap().push(json!({ "role": "supervisor", "unit": null, "items": [] }));
        }),
    ] {
        assert_eq!(server.as_staff(&admin, &put, &change).await.status, 403, "{change}");
    }
}
