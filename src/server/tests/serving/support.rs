//! A server of one's own, a plain HTTP client, and a client of the protocol.

use std::{collections::HashMap, fs::File, process::Stdio, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) address: String,
    /// Its data; the log is in `log`.
    pub(crate) dir: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments, settings).await
    }

    pub(crate) async fn start_in(dir: tempfile::TempDir, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bangban"))
            .arg("serve")
            .args(arguments)
            .env("BANGBAN__HTTP__LISTEN", "127.0.0.1:0")
            .env("BANGBAN__DATA__DIR", dir.path())
            .env("BANGBAN__SERVICE__HOURS", "always")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        timeout(PATIENCE, out.read_line(&mut line)).await.unwrap().unwrap();
        let log = || std::fs::read_to_string(dir.path().join("log")).unwrap();
        let (_, address) = line.split_once("://").unwrap_or_else(|| panic!("no address: {line}{}", log()));
        let address = address.trim().trim_end_matches("/ws").to_owned();
        Self { child, out, address, dir }
    }

    pub(crate) async fn demo() -> Self {
        Self::start(&["--demo"], &[]).await
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// The metrics, from the address that the greeting says.
    pub(crate) async fn metrics(&mut self) -> String {
        let mut line = String::new();
        while !line.trim_start().starts_with("metrics") {
            line.clear();
            assert!(timeout(PATIENCE, self.out.read_line(&mut line)).await.unwrap().unwrap() > 0, "no metrics line");
        }
        let address = line.trim().split_once("http://").unwrap().1.trim_end_matches("/metrics").to_owned();
        let reply = exchange(&address, "GET /metrics", "").await;
        assert_eq!(reply.status, 200);
        reply.text().to_owned()
    }

    /// What a service manager sends first.
    pub(crate) fn terminate(&self) {
        let number = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &number]).status().unwrap().success());
    }

    /// Ends it as a loss of the machine's power does; gives back its data.
    pub(crate) async fn killed(mut self) -> tempfile::TempDir {
        self.child.kill().await.unwrap();
        self.dir
    }

    /// Ends it as a service manager does; gives what it has written to standard output since that was read last, and all
    /// of standard error, to its last word.
    pub(crate) async fn outputs(mut self) -> (String, String) {
        self.terminate();
        let mut out = String::new();
        timeout(PATIENCE, self.out.read_to_string(&mut out)).await.expect("it ends in time").unwrap();
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap();
        (out, self.log())
    }

    /// Waits until it has ended; gives back its data.
    pub(crate) async fn ended(mut self) -> (std::process::ExitStatus, tempfile::TempDir) {
        (timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap(), self.dir)
    }

    pub(crate) async fn citizen_token(&self, code: &str) -> Value {
        self.post("/api/demo/token", &json!({ "citizen": code }).to_string()).await.json()["token"].clone()
    }

    pub(crate) async fn citizen(&self) -> Client {
        Client::open(&self.address, &self.citizen_token("demo-citizen-1").await).await
    }

    pub(crate) async fn staff(&self, login: &str) -> Client {
        let body = json!({ "login": login, "password": "bangban-demo" }).to_string();
        let reply = self.post("/api/staff/login", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        Client::open(&self.address, &reply.json()["token"]).await
    }

    /// Sends `head` (request line and headers, without `Host`) and `body`.
    pub(crate) async fn exchange(&self, head: &str, body: &str) -> Reply {
        exchange(&self.address, head, body).await
    }
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.exchange(&format!("GET {path}"), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.exchange(&format!("POST {path}\nContent-Type: application/json"), body).await
    }
}

pub(crate) async fn exchange(address: &str, head: &str, body: &str) -> Reply {
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|header| format!("{header}\r\n")).collect();
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request = format!("{line} HTTP/1.1\r\n{host}{headers}{length}Connection: close\r\n\r\n{body}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    Reply::parse(&answer)
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
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

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
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

/// Somebody of the staff who is logged in, and works with the administration's interface.
pub(crate) struct Desk<'a> {
    pub(crate) server: &'a Server,
    pub(crate) token: String,
}

impl<'a> Desk<'a> {
    pub(crate) async fn of(server: &'a Server, login: &str) -> Self {
        let body = json!({ "login": login, "password": "bangban-demo" }).to_string();
        let reply = server.post("/api/staff/login", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        Self { server, token: reply.json()["token"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let head = format!("{method} {path}\nAuthorization: Bearer {}\nContent-Type: application/json", self.token);
        self.server.exchange(&head, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.ask("GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    pub(crate) async fn put(&self, path: &str, version: u64, body: &Value) -> Reply {
        let change = json!({ "version": version, "body": body, "reason": "测试" }).to_string();
        self.ask("PUT", &format!("/api/admin/records/{path}"), &change).await
    }

    /// Puts, and gives the record.
    pub(crate) async fn made(&self, path: &str, version: u64, body: &Value) -> Value {
        let reply = self.put(path, version, body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }
}

/// Status, code and field of a refusal.
pub(crate) fn refusal(reply: &Reply) -> (u16, String, String) {
    let error = &reply.json()["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (reply.status, text("code"), text("field"))
}

pub(crate) fn refused(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u32,
    events: Vec<Value>,
    /// Every text frame that came, as it came.
    pub(crate) wire: String,
    pub(crate) welcome: Value,
}

impl Client {
    /// Connected, nothing said.
    pub(crate) async fn connect(address: &str) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await.unwrap();
        Self { socket, next: 0, events: Vec::new(), wire: String::new(), welcome: Value::Null }
    }

    pub(crate) async fn open(address: &str, token: &Value) -> Self {
        let mut client = Self::connect(address).await;
        client.welcome = client.ok(json!({ "type": "hello", "token": token, "protocol": 1 })).await;
        client
    }

    /// Sends requests in one go, without waiting for answers; gives their numbers.
    pub(crate) async fn pipeline(&mut self, bodies: impl IntoIterator<Item = Value>) -> Vec<u32> {
        let mut numbers = Vec::new();
        for body in bodies {
            self.next += 1;
            numbers.push(self.next);
            let request = json!({ "ref": self.next, "body": body }).to_string();
            self.socket.feed(Message::text(request)).await.unwrap();
        }
        self.socket.flush().await.unwrap();
        numbers
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("a frame in time").unwrap().unwrap();
            if let Message::Text(text) = message {
                self.wire += &text;
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next answer to any request.
    pub(crate) async fn answer(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["ref"].is_number() {
                return frame;
            }
            self.events.push(frame);
        }
    }

    pub(crate) async fn request(&mut self, body: Value) -> Value {
        let number = self.pipeline([body]).await[0];
        loop {
            let answer = self.answer().await;
            if answer["ref"] == json!(number) {
                return answer;
            }
        }
    }

    pub(crate) async fn ok(&mut self, body: Value) -> Value {
        let frame = self.request(body.clone()).await;
        assert!(frame["ok"].is_object(), "{body} -> {frame}");
        frame["ok"].clone()
    }

    pub(crate) async fn refused(&mut self, body: Value) -> Value {
        let frame = self.request(body.clone()).await;
        assert!(frame["error"].is_object(), "{body} -> {frame}");
        frame["error"].clone()
    }

    /// The first event, received already or still to come, for which `wanted` holds.
    pub(crate) async fn event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.events.iter().position(&wanted) {
            return self.events.remove(found);
        }
        loop {
            let frame = timeout(PATIENCE, self.frame()).await.unwrap_or_else(|_| panic!("no event: {what}"));
            if wanted(&frame) {
                return frame;
            }
            self.events.push(frame);
        }
    }

    /// Everything heard so far that nobody has asked for.
    pub(crate) fn heard(&self) -> &[Value] {
        &self.events
    }

    pub(crate) async fn subscribe(&mut self, topic: &str) -> Value {
        self.ok(json!({ "type": "subscribe", "topic": topic })).await["snapshot"].clone()
    }

    pub(crate) async fn open_conversation(&mut self) -> String {
        self.open_about("residence-permit").await
    }

    pub(crate) async fn open_about(&mut self, item: &str) -> String {
        let command = json!({ "type": "open_conversation", "item": item, "channel": "pc" });
        self.ok(command).await["conversation"].as_str().unwrap().to_owned()
    }

    /// Accepts the offer that is open or comes.
    pub(crate) async fn accept(&mut self) {
        let me = self.welcome["me"]["id"].as_str().unwrap().to_owned();
        let snapshot = self.subscribe(&format!("agent:{me}")).await;
        let mut offer = snapshot["view"]["offer"].clone();
        if !offer.is_object() {
            let event = self.event("offer", |event| event["body"]["view"]["offer"].is_object()).await;
            offer = event["body"]["view"]["offer"].clone();
        }
        self.ok(json!({ "type": "accept_offer", "offer": offer["id"] })).await;
    }

    /// Reads to the end; gives the close code.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("an end in time") {
                Some(Ok(Message::Close(frame))) => return frame.map(|CloseFrame { code, .. }| code.into()),
                Some(Ok(Message::Text(text))) => self.events.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}

pub(crate) fn send(conversation: &str, client_id: &str, text: &str) -> Value {
    json!({ "type": "send", "conversation": conversation, "clientId": client_id, "text": text })
}

pub(crate) fn typing(conversation: &str, typing: bool) -> Value {
    json!({ "type": "typing", "conversation": conversation, "typing": typing })
}

/// The client ids of a thread, in its order.
pub(crate) fn client_ids(snapshot: &Value) -> Vec<&str> {
    snapshot["entries"].as_array().unwrap().iter().filter_map(|entry| entry["clientId"].as_str()).collect()
}

/// Rows of what no route makes, while no server runs on the data.
pub(crate) async fn rows_into(dir: &std::path::Path, statements: &[String]) {
    let url = format!("sqlite://{}", dir.join("bangban.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// Another process that writes to the database: nothing is committed while it holds its lock.
pub(crate) struct Stalled(sqlx::SqliteConnection);

impl Stalled {
    pub(crate) async fn begin(server: &Server) -> Self {
        let url = format!("sqlite://{}", server.dir.path().join("bangban.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        Self(connection)
    }

    pub(crate) async fn end(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
    }
}
