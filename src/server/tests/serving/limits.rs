//! How much one address and one person may ask, over real sockets.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Error};

use crate::{
    staff::UNLIMITED,
    support::{Client, Reply, Server},
};

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back_and_counted() {
    let settings = [
        ("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"),
        ("BANGBAN__HTTP__TRUSTED_PROXIES", r#"["127.0.0.1"]"#),
        ("BANGBAN__LIMITS__ADDRESS__API__BURST", "2"),
        ("BANGBAN__LIMITS__ADDRESS__API__PER_SECOND", "1"),
        ("BANGBAN__LIMITS__ADDRESS__LOGIN__BURST", "0"),
    ];
    let mut server = Server::start(&["--demo"], &settings).await;
    let ask = async |path: &str, from: &str| {
        server.exchange(&format!("POST {path}\nX-Forwarded-For: {from}"), r#"{"citizen":"demo-citizen-1"}"#).await
    };
    for expected in [200, 200, 429] {
        let reply = ask("/api/demo/token", "2001:db8::1").await;
        assert_eq!(reply.status, expected);
        if expected == 429 {
            assert_eq!(reply.header("retry-after"), "1");
            let error = &reply.json()["error"];
            assert_eq!((&error["code"], &error["retryable"]), (&json!("rate_limited"), &json!(true)));
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
        }
    }
    assert_eq!(ask("/api/demo/token", "2001:db8::2").await.status, 429, "the same network");
    assert_eq!(ask("/api/demo/token", "198.51.100.7").await.status, 200, "another address");
    for _ in 0..10 {
        assert_eq!(ask("/api/staff/login", "2001:db8::1").await.status, 400, "another class, without a limit");
    }
    assert_eq!(server.get("/").await.status, 200, "another class");
    let metrics = server.metrics().await;
    assert!(metrics.contains(r#"bangban_limited_total{by="address",class="api"} 2"#), "{metrics}");
}

#[tokio::test]
async fn a_person_who_asks_too_often_over_http_is_told_when_to_come_back_and_may_still_speak() {
    let settings = [("BANGBAN__LIMITS__CITIZEN_BURST", "1"), ("BANGBAN__LIMITS__CITIZEN_PER_SECOND", "1")];
    let server = Server::start(&["--demo"], &settings).await;
    let token = server.citizen_token("demo-citizen-1").await;
    let ask = async || {
        let head = format!(
            "HEAD /api/files/fl_00000000000000000000000000000001\nTus-Resumable: 1.0.0\nAuthorization: Bearer {}",
            token.as_str().unwrap()
        );
        server.exchange(&head, "").await
    };
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let reply = ask().await;
        if reply.status == 429 {
            assert_eq!(reply.header("retry-after"), "1");
        }
        statuses.push(reply.status);
    }
    // Ten at once, ten a second.
    assert!(statuses[..10].iter().all(|status| *status == 404), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let mut citizen = Client::open(&server.address, &token).await;
    citizen.open_conversation().await;
}

#[tokio::test]
async fn an_address_has_so_many_web_sockets_open_and_not_more() {
    let server = Server::start(&["--demo"], &[("BANGBAN__LIMITS__OPEN_SOCKETS", "2")]).await;
    let first = server.citizen().await;
    let _second = server.citizen().await;
    let refused = connect_async(format!("ws://{}/ws", server.address)).await.unwrap_err();
    let Error::Http(response) = refused else { panic!("{refused}") };
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "10");
    let body: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
    assert_eq!(body["error"]["code"], "rate_limited");
    drop(first);
    // The server learns of it when it reads the end.
    let patience = tokio::time::Instant::now() + crate::support::PATIENCE;
    while connect_async(format!("ws://{}/ws", server.address)).await.is_err() {
        assert!(tokio::time::Instant::now() < patience, "the place is not given back");
        tokio::task::yield_now().await;
    }
}

/// The numbers of docs/operations.md, each at its limit and one byte above it.
#[tokio::test]
async fn a_body_has_so_many_bytes_and_not_one_more() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let admin = server.token("admin1").await;
    let refused = |reply: &Reply| (reply.status == 413).then(|| reply.json()["error"]["field"].clone());
    let too_long = Some(json!("body"));
    // Blanks around JSON mean nothing; what is in it is wrong, which is another refusal than its length.
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    for (request, limit) in [("POST /api/staff/login", 4 << 10), ("PUT /api/admin/records/notice/long", 256 << 10)] {
        let head = format!("{request}\nContent-Type: application/json\nAuthorization: Bearer {admin}");
        assert_eq!(server.exchange(&head, &padded(limit)).await.status, 400, "{request}");
        assert_eq!(refused(&server.exchange(&head, &padded(limit + 1)).await), too_long, "{request}");
    }
    let import = format!("POST /api/admin/items/import?format=csv&dryRun=true\nAuthorization: Bearer {admin}");
    let table = |bytes: usize| format!("nonsense{}", "\n".repeat(bytes - 8));
    assert_eq!(server.exchange(&import, &table(64 << 20)).await.status, 400);
    assert_eq!(refused(&server.exchange(&import, &table((64 << 20) + 1)).await), too_long);

    let mut citizen = server.citizen().await;
    let conversation = citizen.open_conversation().await;
    let token = server.citizen_token("demo-citizen-1").await;
    let encode = |text: &str| STANDARD.encode(text);
    for (kind, name, mib) in [("image", "a.png", 10), ("file", "a.pdf", 20), ("voice", "a.webm", 5)] {
        for (more, status) in [(0, 201), (1, 413)] {
            let said = [("conversation", conversation.as_str()), ("kind", kind), ("name", name), ("duration", "1000")];
            let pairs: Vec<_> = said.iter().map(|(key, text)| format!("{key} {}", encode(text))).collect();
            let head = format!(
                "POST /api/files\nTus-Resumable: 1.0.0\nUpload-Length: {}\nUpload-Metadata: {}\n\
                 Authorization: Bearer {}",
                (mib << 20) + more,
                pairs.join(","),
                token.as_str().unwrap()
            );
            let reply = server.exchange(&head, "").await;
            assert_eq!(reply.status, status, "{kind}: {}", reply.text());
        }
    }
}
