//! Stories against the real binary over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

use std::{path::Path, process::Stdio, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    child: Child,
    address: String,
}

impl Server {
    async fn start(dir: &Path, hours: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bangban"))
            .args(["serve", "--demo"])
            .env("BANGBAN__HTTP__LISTEN", "127.0.0.1:0")
            .env("BANGBAN__DATA__DIR", dir)
            .env("BANGBAN__SERVICE__HOURS", hours)
            // Stories speak faster than people.
            .env("BANGBAN__LIMITS__CITIZEN_BURST", "1000")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        timeout(PATIENCE, out.read_line(&mut line)).await.unwrap().unwrap();
        let address = line.split_once("ws://").unwrap().1.trim().trim_end_matches("/ws").to_owned();
        Self { child, address }
    }

    async fn kill_9(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer[9..12].parse().unwrap();
        (status, serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null))
    }

    async fn citizen(&self) -> Client {
        let (_, reply) = self.post("/api/demo/token", json!({ "citizen": "demo-citizen-1" })).await;
        Client::open(&self.address, &reply["token"]).await
    }

    async fn staff(&self, login: &str) -> Client {
        let (status, reply) =
            self.post("/api/staff/login", json!({ "login": login, "password": "bangban-demo" })).await;
        assert_eq!(status, 200, "{reply}");
        Client::open(&self.address, &reply["token"]).await
    }
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u32,
    events: Vec<Value>,
    welcome: Value,
}

impl Client {
    async fn open(address: &str, token: &Value) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await.unwrap();
        let mut client = Self { socket, next: 0, events: Vec::new(), welcome: Value::Null };
        client.welcome = client.ok(json!({ "type": "hello", "token": token, "protocol": 1 })).await;
        client
    }

    async fn frame(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("a frame in time").unwrap().unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn request(&mut self, body: Value) -> Value {
        self.next += 1;
        let request = json!({ "ref": self.next, "body": body }).to_string();
        self.socket.send(Message::text(request)).await.unwrap();
        loop {
            let frame = self.frame().await;
            if frame["ref"] == json!(self.next) {
                return frame;
            }
            self.events.push(frame);
        }
    }

    async fn ok(&mut self, body: Value) -> Value {
        let frame = self.request(body.clone()).await;
        assert!(frame["ok"].is_object(), "{body} -> {frame}");
        frame["ok"].clone()
    }

    async fn refused(&mut self, body: Value) -> Value {
        let frame = self.request(body.clone()).await;
        assert!(frame["error"].is_object(), "{body} -> {frame}");
        frame["error"].clone()
    }

    /// The first event, received already or still to come, for which `wanted` holds.
    async fn event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
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

    async fn subscribe(&mut self, topic: &str) -> Value {
        self.ok(json!({ "type": "subscribe", "topic": topic })).await["snapshot"].clone()
    }

    /// Accepts the offer that is open or comes.
    async fn accept(&mut self) {
        let me = self.welcome["me"]["id"].as_str().unwrap().to_owned();
        let snapshot = self.subscribe(&format!("agent:{me}")).await;
        let offer = if snapshot["view"]["offer"].is_object() {
            snapshot["view"]["offer"].clone()
        } else {
            self.event("offer", |event| event["body"]["view"]["offer"].is_object()).await["body"]["view"]["offer"]
                .clone()
        };
        assert_eq!(offer["citizenName"], "张*", "masked");
        self.ok(json!({ "type": "accept_offer", "offer": offer["id"] })).await;
    }
}

fn kinds(entries: &Value) -> Vec<&str> {
    entries.as_array().unwrap().iter().map(|entry| entry["body"]["type"].as_str().unwrap()).collect()
}

async fn open(citizen: &mut Client) -> String {
    let opened = citizen.ok(json!({ "type": "open_conversation", "item": "residence-permit", "channel": "pc" })).await;
    opened["conversation"].as_str().unwrap().to_owned()
}

fn send(conversation: &str, client_id: &str, text: &str) -> Value {
    json!({ "type": "send", "conversation": conversation, "clientId": client_id, "text": text })
}

#[tokio::test]
async fn one_citizen_one_minute() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "always").await;
    let mut board = server.staff("super1").await;
    board.subscribe("board").await;
    let mut citizen = server.citizen().await;
    let id = open(&mut citizen).await;
    assert_eq!(open(&mut citizen).await, id, "two tabs get the same conversation");
    citizen.subscribe(&format!("conversation:{id}")).await;

    citizen.ok(send(&id, "a", "居住证怎么办理，需要什么材料？")).await;
    let answer = citizen.event("answer", |event| event["body"]["entry"]["body"]["type"] == "bot_answer").await;
    assert!(answer["body"]["entry"]["body"]["source"].as_str().is_some_and(|source| !source.is_empty()));
    assert_eq!(citizen.ok(send(&id, "a", "居住证怎么办理，需要什么材料？")).await["seq"], 2, "said once");

    let human = json!({ "type": "request_human", "conversation": id });
    let due = citizen.ok(human.clone()).await["dueAt"].clone();
    assert_eq!(citizen.ok(human).await["dueAt"], due, "asking twice does not restart the clock");
    board.event("somebody waits", |event| event["body"]["view"]["total"]["waiting"] == 1).await;

    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    let notes = agent.subscribe(&format!("notes:{id}")).await;
    assert_eq!(notes["context"]["phone"], "138****8001");
    agent.subscribe(&format!("conversation:{id}")).await;
    agent.ok(json!({ "type": "note", "conversation": id, "clientId": "n", "text": "only for us" })).await;
    agent.ok(send(&id, "x", "您好，请问您在上海住了多久？")).await;
    let said = citizen.event("reply", |event| event["body"]["entry"]["clientId"] == "x").await;
    assert_eq!(said["body"]["entry"]["from"]["name"], "李敏");
    board
        .event("a hit", |event| {
            let total = &event["body"]["view"]["total"];
            total["todayHits"] == 1 && total["todayDecided"] == 1 && total["serving"] == 1 && total["waiting"] == 0
        })
        .await;

    let close = json!({ "type": "close", "conversation": id, "outcome": "solved" });
    agent.ok(close).await;
    citizen.ok(json!({ "type": "rate", "conversation": id, "stars": 5 })).await;
    let thread = citizen.subscribe(&format!("conversation:{id}")).await;
    let expected = ["bot_greeting", "text", "bot_answer", "human_requested", "agent_joined", "text", "closed", "rated"];
    assert_eq!(kinds(&thread["entries"]), expected);
    assert_eq!(thread["view"]["stars"], 5);
    assert!(citizen.events.iter().all(|event| !event.to_string().contains("only for us")), "notes stay inside");
}

#[tokio::test]
async fn killed_in_the_middle_nothing_is_lost_or_twice_and_the_clock_stands_where_it_stood() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "always").await;
    let mut citizen = server.citizen().await;
    let id = open(&mut citizen).await;
    let due = citizen.ok(json!({ "type": "request_human", "conversation": id })).await["dueAt"].clone();
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    for n in 0..20 {
        citizen.ok(send(&id, &format!("m{n}"), &format!("第{n}句"))).await;
    }
    server.kill_9().await;

    let server = Server::start(dir.path(), "always").await;
    let mut citizen = server.citizen().await;
    assert_eq!(citizen.welcome["conversations"][0]["id"], json!(id));
    // The client cannot know whether the last one arrived, and says it again.
    citizen.ok(send(&id, "m19", "第19句")).await;
    let thread = citizen.subscribe(&format!("conversation:{id}")).await;
    let said: Vec<_> = thread["entries"].as_array().unwrap().iter().filter_map(|e| e["clientId"].as_str()).collect();
    assert_eq!(said, (0..20).map(|n| format!("m{n}")).collect::<Vec<_>>());
    assert_eq!((&thread["view"]["clock"]["dueAt"], &thread["view"]["stage"]), (&due, &json!("serving")));
    let mut agent = server.staff("agent1001").await;
    agent.subscribe(&format!("conversation:{id}")).await;
    agent.ok(send(&id, "x", "我还在")).await;
}

/// As `make run` does it: a debug build, whose router checks its invariants.
#[tokio::test]
async fn a_server_that_was_down_while_a_promise_broke_starts_and_says_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "always").await;
    let mut citizen = server.citizen().await;
    let id = open(&mut citizen).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    server.kill_9().await;

    // Two minutes pass, told by the row: nobody waits for them.
    sqlx::any::install_default_drivers();
    let file = format!("sqlite://{}", dir.path().join("bangban.db").display());
    let rows = sqlx::AnyPool::connect(&file).await.unwrap();
    let sql = "UPDATE ledger SET asked_at = asked_at - 120000, due_at = due_at - 120000";
    sqlx::query(sql).execute(&rows).await.unwrap();

    let server = Server::start(dir.path(), "always").await;
    let mut board = server.staff("super1").await;
    let total = board.subscribe("board").await["view"].clone();
    assert_eq!((&total["total"]["waiting"], &total["total"]["todayHits"]), (&json!(1), &json!(0)), "{total}");
    assert_eq!(total["atRisk"][0]["clock"]["step"], "breached", "{total}");
    let sql = "SELECT COUNT(*) FROM event WHERE kind = 'stepped' AND detail LIKE '%breached%'";
    let breaches: i64 = sqlx::query_scalar(sql).fetch_one(&rows).await.unwrap();
    assert_eq!(breaches, 1);
}

#[tokio::test]
async fn out_of_hours_a_message_gets_a_receipt_and_a_slot() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "never").await;
    let mut citizen = server.citizen().await;
    let id = open(&mut citizen).await;
    let closed = citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    assert_eq!((&closed["type"], closed["slots"].as_array().unwrap().len()), (&json!("out_of_hours"), 8));
    let message = |phone: &str| {
        let slot = &closed["slots"][0]["startsAt"];
        json!({ "type": "leave_message", "conversation": id, "clientId": "m", "text": "请回电", "phone": phone, "slot": slot })
    };
    assert_eq!(citizen.refused(message("12")).await["field"], "phone");
    let left = citizen.ok(message("13800138000")).await;
    assert!(left["receipt"].as_str().unwrap().starts_with("SH20"), "{left}");
    assert_eq!(left["slot"], closed["slots"][0]);
}

#[tokio::test]
async fn bad_input_gets_a_clear_error_and_disturbs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "always").await;
    let mut citizen = server.citizen().await;
    let id = open(&mut citizen).await;
    let item = json!({ "type": "open_conversation", "item": "no-such-item", "channel": "pc" });
    assert_eq!(citizen.refused(item).await["code"], "unknown_item");
    let long = citizen.refused(send(&id, "l", &"办".repeat(4001))).await;
    assert_eq!((&long["code"], &long["field"]), (&json!("bad_request"), &json!("text")));
    assert_eq!(citizen.refused(json!({ "type": "dance" })).await["code"], "bad_request");
    let forbidden = [
        json!({ "type": "subscribe", "topic": "board" }),
        json!({ "type": "subscribe", "topic": format!("notes:{id}") }),
        json!({ "type": "set_status", "status": "break" }),
        json!({ "type": "close", "conversation": id, "outcome": "solved" }),
    ];
    for command in forbidden {
        assert_eq!(citizen.refused(command.clone()).await["code"], "forbidden", "{command}");
    }
    let mut stranger = server.staff("agent1003").await;
    assert_eq!(stranger.refused(send(&id, "s", "?")).await["code"], "forbidden");
    let topic = json!({ "type": "subscribe", "topic": format!("conversation:{id}") });
    assert_eq!(stranger.refused(topic).await["code"], "forbidden");
    let (status, error) = server.post("/api/staff/login", json!({ "login": "agent1001", "password": "x" })).await;
    assert_eq!((status, &error["error"]["code"]), (401, &json!("unauthenticated")));

    let second = Command::new(env!("CARGO_BIN_EXE_bangban"))
        .args(["serve"])
        .env("BANGBAN__HTTP__LISTEN", "127.0.0.1:0")
        .env("BANGBAN__DATA__DIR", dir.path())
        .output();
    let second = timeout(PATIENCE, second).await.unwrap().unwrap();
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && message.contains("in use by another process (data.dir)"), "{message}");
    let port = Command::new(env!("CARGO_BIN_EXE_bangban"))
        .args(["serve"])
        .env("BANGBAN__HTTP__LISTEN", &server.address)
        .env("BANGBAN__DATA__DIR", tempfile::tempdir().unwrap().path())
        .output();
    let message = String::from_utf8_lossy(&timeout(PATIENCE, port).await.unwrap().unwrap().stderr).into_owned();
    assert!(message.contains(&format!("cannot listen on {} (http.listen)", server.address)), "{message}");
    citizen.ok(send(&id, "after", "还在吗")).await;
}
