//! Log-in, and bodies that are none.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn five_wrong_passwords_lock_a_staff_number_and_say_when_to_come_back() {
    let server = Server::demo().await;
    let attempt = async |login: &str, password: &str| {
        server.post("/api/staff/login", &json!({ "login": login, "password": password }).to_string()).await
    };
    for n in 1..=5 {
        let refused = attempt("agent1001", &format!("guess {n}")).await;
        assert_eq!((refused.status, refused.header("retry-after")), (401, ""), "wrong password {n}");
    }
    // The right one too: who guesses must not learn that they have it.
    let locked = attempt("agent1001", "bangban-demo").await;
    assert_eq!(locked.status, 429);
    let error = &locked.json()["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("rate_limited"), &json!(true)));
    let seconds: u32 = locked.header("retry-after").parse().unwrap();
    assert!((800..=900).contains(&seconds), "{seconds}");
    assert_eq!(attempt("agent1002", "bangban-demo").await.status, 200, "others are not concerned");
}

#[tokio::test]
async fn a_whole_office_may_log_in_at_once_from_one_address() {
    let server = Server::start(&["--demo", "--load-agents", "60"], &[]).await;
    let logins = (1..=60).map(|n| {
        let body = json!({ "login": format!("load-agent-{n}"), "password": "bangban-demo" }).to_string();
        let server = &server;
        async move { server.post("/api/staff/login", &body).await.status }
    });
    assert_eq!(futures_util::future::join_all(logins).await, [200; 60]);
    let page = server.get("/").await;
    assert!(!page.text().contains("load-agent-"), "accounts of the load program are not advertised");
}

#[tokio::test]
async fn a_forwarded_address_is_believed_from_a_trusted_proxy_only() {
    let few = ("BANGBAN__AUTH__WRONG_PER_ADDRESS", "2");
    let trusting = ("BANGBAN__HTTP__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
    let others = ("BANGBAN__HTTP__TRUSTED_PROXIES", r#"["192.0.2.1", "10.0.0.0/8"]"#);
    let standard = ("BANGBAN__HTTP__FORWARDED_HEADER", "forwarded");
    for (settings, header, expected) in [
        (vec![few], "X-Forwarded-For: 198.51.100.", 429),
        (vec![few, others], "X-Forwarded-For: 198.51.100.", 429),
        (vec![few, trusting], "X-Forwarded-For: 198.51.100.", 401),
        // What the client says itself, left of what the proxy has written.
        (vec![few, trusting], "X-Forwarded-For: 1.1.1.1, 198.51.100.", 401),
        (vec![few, trusting, standard], "X-Forwarded-For: 198.51.100.", 429),
        (vec![few, trusting, standard], "Forwarded: for=198.51.100.", 401),
    ] {
        let server = Server::start(&["--demo"], &settings).await;
        let mut last = 0;
        for n in 0..3 {
            let body = json!({ "login": format!("nobody{n}"), "password": "x" }).to_string();
            last = server.exchange(&format!("POST /api/staff/login\n{header}{n}"), &body).await.status;
        }
        assert_eq!(last, expected, "{settings:?} {header}");
    }
}

#[tokio::test]
async fn a_bad_body_is_refused_in_our_form_and_the_field_is_named() {
    let server = Server::demo().await;
    let long = format!(r#"{{"login":"a","password":"{}"}}"#, "x".repeat(201));
    let huge = format!(r#"{{"login":"a","password":"{}"}}"#, "x".repeat(5000));
    for (path, body, status, field) in [
        ("/api/staff/login", "login=agent1001", 400, "body"),
        ("/api/staff/login", "[]", 400, "body"),
        ("/api/staff/login", r#"{"password":"x"}"#, 400, "login"),
        ("/api/staff/login", r#"{"login":"agent1001"}"#, 400, "password"),
        ("/api/staff/login", r#"{"login":7,"password":"x"}"#, 400, "login"),
        ("/api/staff/login", r#"{"login":"  ","password":"x"}"#, 400, "login"),
        ("/api/staff/login", r#"{"login":"agent1001","password":""}"#, 400, "password"),
        ("/api/staff/login", &long, 400, "password"),
        ("/api/staff/login", &huge, 413, "body"),
        ("/api/demo/token", r#"{"citizen":"somebody"}"#, 400, "citizen"),
        ("/api/demo/token", "{}", 400, "citizen"),
    ] {
        let reply = server.post(path, body).await;
        assert_eq!((reply.status, &reply.json()["error"]["field"]), (status, &json!(field)), "{body:.60}");
        assert!(!reply.text().contains("xxx"), "the password is not repeated");
    }
    let plain = server.get("/ws").await;
    assert_eq!((plain.status, &plain.json()["error"]["code"]), (426, &json!("bad_request")));
}
