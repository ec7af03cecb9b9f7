//! Pages, headers, and the door of the WebSocket.

use std::path::Path;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{PATIENCE, Server};

fn dist(name: &str) -> Option<Vec<u8>> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-agent/dist").join(name)).ok()
}

#[tokio::test]
async fn the_landing_page_leads_everywhere_and_names_the_accounts_in_the_demo_only() {
    let demo = Server::demo().await;
    let page = demo.exchange("GET /\nAccept: text/html", "").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for part in [
        "/demo-portal.html",
        "/widget.html",
        "/receipt.html",
        "/console",
        "/board",
        "channel=kiosk",
        "agent1001",
        "super1",
        "bangban-demo",
    ] {
        assert!(page.text().contains(part), "{part} is missing");
    }
    assert!(!page.text().contains("{{"));

    let real = Server::start(&[], &[]).await;
    let page = real.get("/").await;
    for part in ["/demo-portal.html", "channel=kiosk", "agent1001", "bangban-demo", "{{"] {
        assert!(!page.text().contains(part), "{part} outside the demo");
    }
    assert!(page.text().contains("/console"));
    for path in ["/demo-portal.html", "/demo-form.html"] {
        assert_eq!(real.get(path).await.status, 404, "{path}");
    }
    assert_eq!(real.post("/api/demo/token", r#"{"citizen":"demo-citizen-1"}"#).await.status, 404);
}

#[tokio::test]
async fn the_pages_are_those_of_the_web_build_and_without_one_the_answer_says_what_to_do() {
    let server = Server::demo().await;
    for (path, file) in [
        ("/widget.html", "widget.html"),
        ("/receipt.html", "receipt.html"),
        ("/console", "console.html"),
        ("/console.html", "console.html"),
        ("/board", "board.html"),
        ("/board.html", "board.html"),
        ("/replay.html", "replay.html"),
        ("/bangban.js", "bangban.js"),
        ("/bangban-browse.js", "bangban-browse.js"),
        ("/demo-portal.html", "demo-portal.html"),
        ("/demo-form.html", "demo-form.html"),
    ] {
        let reply = server.get(path).await;
        let Some(built) = dist(file) else {
            assert_eq!(reply.status, 503, "{path}");
            assert!(reply.text().contains("run: make web"), "{path}: {}", reply.text());
            continue;
        };
        assert_eq!((reply.status, reply.body == built), (200, true), "{path}");
        assert_eq!(reply.header("cache-control"), "no-cache", "{path}");
        assert!(reply.header("content-type").ends_with("; charset=utf-8"), "{path}");
        let known = server.exchange(&format!("GET {path}\nIf-None-Match: {}", reply.header("etag")), "").await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        let packed = server.exchange(&format!("GET {path}\nAccept-Encoding: gzip"), "").await;
        assert_eq!((packed.status, packed.header("vary")), (200, "accept-encoding"), "{path}");
        if built.len() < 1024 {
            assert_eq!((packed.header("content-encoding"), packed.body == built), ("", true), "{path}");
        } else {
            assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
            assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < built.len(), "{path}");
        }
    }
    for hidden in
        ["/.vite/manifest.json", "/../../../etc/passwd", "/%2e%2e/Cargo.toml", "/assets/../.vite/manifest.json"]
    {
        assert_eq!(server.get(hidden).await.status, 404, "{hidden}");
    }
}

#[tokio::test]
async fn whatever_does_not_exist_is_said_in_the_asker_s_form() {
    let server = Server::demo().await;
    let program = server.get("/api/nothing").await;
    assert_eq!((program.status, program.json()["error"]["code"].clone()), (404, json!("not_found")));
    let person = server.exchange("GET /nothing\nAccept: text/html,*/*", "").await;
    assert_eq!((person.status, person.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(person.text().contains("页面不存在"));
    let method = server.get("/api/staff/login").await;
    assert_eq!((method.status, method.json()["error"]["code"].clone()), (405, json!("bad_request")));
    assert_eq!(server.post("/nothing", "{}").await.status, 404);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::demo().await;
    for path in ["/", "/console", "/api/config", "/healthz", "/nothing"] {
        let reply = server.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
        assert!(reply.header("permissions-policy").contains("camera=(self)"), "{path}");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn a_socket_from_a_foreign_page_is_refused() {
    let listed = ("BANGBAN__HTTP__PORTAL_ORIGINS", r#"["https://portal.example"]"#);
    let server = Server::start(&["--demo"], &[listed]).await;
    // By hand, because `exchange` says `Connection: close`.
    let answer = async |header: String| {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{header}\r\n\r\n",
            server.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    for header in [
        "User-Agent: a program".to_owned(),
        format!("Origin: http://{}", server.address),
        "Origin: https://portal.example".to_owned(),
    ] {
        let opened = answer(header.clone()).await;
        assert!(opened.starts_with("HTTP/1.1 101"), "{header}: {opened}");
    }
    let refused = answer("Origin: https://evil.example".to_owned()).await;
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains(r#""field":"Origin""#), "{refused}");
}
