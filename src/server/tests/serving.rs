//! The HTTP side and the life of sessions, against the real binary over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

use std::{collections::HashMap, path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    _child: Child,
    address: String,
    _out: BufReader<ChildStdout>,
    _dir: tempfile::TempDir,
}

impl Server {
    async fn start(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bangban"))
            .arg("serve")
            .args(arguments)
            .env("BANGBAN__HTTP__LISTEN", "127.0.0.1:0")
            .env("BANGBAN__DATA__DIR", dir.path())
            .env("BANGBAN__SERVICE__HOURS", "always")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        timeout(PATIENCE, out.read_line(&mut line)).await.unwrap().unwrap();
        let address = line.split_once("ws://").unwrap().1.trim().trim_end_matches("/ws").to_owned();
        Self { _child: child, address, _out: out, _dir: dir }
    }

    async fn demo() -> Self {
        Self::start(&["--demo"], &[]).await
    }

    /// Sends `head` (request line and headers, without `Host`) and `body`.
    async fn exchange(&self, head: &str, body: &str) -> Reply {
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let headers: String = headers.lines().map(|header| format!("{header}\r\n")).collect();
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{line} HTTP/1.1\r\n{host}{headers}{length}Connection: close\r\n\r\n{body}");
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        Reply::parse(&answer)
    }

    async fn get(&self, path: &str) -> Reply {
        self.exchange(&format!("GET {path}"), "").await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        self.exchange(&format!("POST {path}\nContent-Type: application/json"), body).await
    }
}

struct Reply {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers: HashMap<_, _> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut body = bytes[end + 4..].to_vec();
        if headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
            body = unchunked(&body);
        }
        Self { status, headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 2 + length + 2..];
    }
}

fn dist(name: &str) -> Option<Vec<u8>> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-agent/dist").join(name)).ok()
}

#[tokio::test]
async fn the_landing_page_leads_everywhere_and_names_the_accounts_in_the_demo_only() {
    let demo = Server::demo().await;
    let page = demo.exchange("GET /\nAccept: text/html", "").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for part in ["/demo-portal.html", "/widget.html", "/console", "/board", "agent1001", "super1", "bangban-demo"] {
        assert!(page.text().contains(part), "{part} is missing");
    }
    assert!(!page.text().contains("{{"));

    let real = Server::start(&[], &[]).await;
    let page = real.get("/").await;
    for part in ["/demo-portal.html", "agent1001", "bangban-demo", "{{"] {
        assert!(!page.text().contains(part), "{part} outside the demo");
    }
    assert!(page.text().contains("/console"));
    assert_eq!(real.get("/demo-portal.html").await.status, 404);
    assert_eq!(real.post("/api/demo/token", r#"{"citizen":"demo-citizen-1"}"#).await.status, 404);
}

#[tokio::test]
async fn the_pages_are_those_of_the_web_build_and_without_one_the_answer_says_what_to_do() {
    let server = Server::demo().await;
    for (path, file) in [
        ("/widget.html", "widget.html"),
        ("/console", "console.html"),
        ("/console.html", "console.html"),
        ("/board", "board.html"),
        ("/board.html", "board.html"),
        ("/bangban.js", "bangban.js"),
        ("/demo-portal.html", "demo-portal.html"),
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
        assert_eq!((packed.status, packed.header("content-encoding")), (200, "gzip"), "{path}");
        assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < built.len(), "{path}");
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
async fn a_forwarded_address_is_believed_from_a_trusted_proxy_only() {
    let few = ("BANGBAN__AUTH__WRONG_PER_ADDRESS", "2");
    let trusting = ("BANGBAN__HTTP__TRUST_FORWARDED", "true");
    for (settings, expected) in [(vec![few], 429), (vec![few, trusting], 401)] {
        let server = Server::start(&["--demo"], &settings).await;
        let mut last = 0;
        for n in 0..3 {
            let head = format!("POST /api/staff/login\nX-Forwarded-For: 198.51.100.{n}");
            let body = json!({ "login": format!("nobody{n}"), "password": "x" }).to_string();
            last = server.exchange(&head, &body).await.status;
        }
        assert_eq!(last, expected, "{settings:?}");
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
