//! Official answers in other words: at a peer that speaks chat completions, well or badly. Whatever it does, what is said is official or
//! says the same, nobody waits longer than is configured, and nothing of what was asked or said is in the log.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, time::Instant};

use crate::{
    bot::{Asker, open},
    support::{Client, Desk, Server, send},
};

const ENTRY: &str = "kb-id-card-lost";

const QUESTION: &str = "身份证丢了怎么补领";

/// The demo's answer in everyday words.
const GOOD: &str = "身份证丢失的，请您尽快申报挂失并申请补领。您可以在“随申办”按提示办理，或者持户口簿、社保卡等能证明身份的证件，去就近公安派出所或受理点办理。外省市户籍\
                    居民同样可以在本市受理点申请异地补领。丢失补领和损坏换领的工本费是每证四十元。法定制发时限是60日内，实际领证时间以受理回执为准，急用的话可以同时申请临时\
                    居民身份证。";

/// What the peer does.
#[derive(Clone)]
enum Does {
    Says(String),
    /// It is cut off in the middle.
    Cut(String),
    Fails(StatusCode),
    /// This, as JSON.
    Sends(&'static str),
    /// No end.
    Floods,
    /// Answers with [`GOOD`] when it is told to.
    Waits,
}

#[derive(Clone)]
struct Peer {
    address: String,
    does: Arc<Mutex<Does>>,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    asked: Arc<Notify>,
    go: Arc<Notify>,
}

fn completion(text: &str, reason: &str) -> Response {
    let message = json!({ "role": "assistant", "content": text });
    let choices = json!([{ "index": 0, "message": message, "finish_reason": reason }]);
    Json(json!({ "id": "c1", "object": "chat.completion", "choices": choices })).into_response()
}

async fn complete(State(peer): State<Peer>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let token = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    peer.requests.lock().unwrap().push((token, body));
    peer.asked.notify_one();
    let does = peer.does.lock().unwrap().clone();
    let json = [(header::CONTENT_TYPE, "application/json")];
    match does {
        Does::Says(text) => completion(&text, "stop"),
        Does::Cut(text) => completion(&text, "length"),
        Does::Fails(status) => status.into_response(),
        Does::Sends(text) => (json, text).into_response(),
        Does::Floods => {
            let flood = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 16 * 1024]));
            (json, Body::from_stream(flood)).into_response()
        }
        Does::Waits => {
            peer.go.notified().await;
            completion(GOOD, "stop")
        }
    }
}

impl Peer {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Self {
            address: listener.local_addr().unwrap().to_string(),
            does: Arc::new(Mutex::new(Does::Says(GOOD.to_owned()))),
            requests: Arc::default(),
            asked: Arc::default(),
            go: Arc::default(),
        };
        let routes = Router::new().route("/v1/chat/completions", post(complete)).with_state(peer.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        peer
    }

    async fn server(&self, settings: &[(&'static str, &str)]) -> Server {
        let url = format!("http://{}/v1", self.address);
        let own = [
            ("BANGBAN__CONNECTORS__REPHRASE__URL", url.as_str()),
            ("BANGBAN__CONNECTORS__REPHRASE__TOKEN", "words-secret"),
            ("BANGBAN__CONNECTORS__REPHRASE__MODEL", "words-1"),
            ("BANGBAN__NOTIFY__ALLOW", "[\"127.0.0.1\"]"),
            ("BANGBAN__LIMITS__CITIZEN_BURST", "1000"),
            ("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"),
        ];
        Server::start(&["--demo"], &[&own[..], settings].concat()).await
    }

    fn will(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

#[tokio::test]
async fn other_words_are_said_beside_the_official_wording_and_whoever_keeps_it_sees_both() {
    let peer = Peer::open().await;
    let mut server = peer.server(&[]).await;
    let mut asker = Asker::new(&server, open()).await;
    let answer = asker.ask(&format!("{QUESTION}？我电话13800138000")).await;
    let body = &answer["body"];
    assert_eq!(body["entry"], ENTRY, "{answer}");
    assert_eq!(body["rephrased"], json!({ "text": GOOD, "by": "words-1" }));
    let official = body["text"].as_str().unwrap().to_owned();
    assert!(official.contains("每证 40 元") && body["revision"].is_u64() && body["since"].is_i64(), "{body}");
    assert!(body["source"].as_str().unwrap().contains("公安局"), "it carries its source: {body}");
    // What went out: the published text, and the question without what tells who asks.
    let (token, sent) = peer.requests.lock().unwrap()[0].clone();
    assert_eq!(
        (token.as_str(), &sent["model"], &sent["stream"]),
        ("Bearer words-secret", &json!("words-1"), &json!(false))
    );
    let wanted = sent["messages"][1]["content"].as_str().unwrap();
    assert!(wanted.contains(&official) && wanted.contains(QUESTION), "{wanted}");
    assert!(!sent.to_string().contains("138001"), "{sent}");
    // What they chose by its official question is said in the official words, and a clarification is no answer.
    let chosen = json!({ "type": "choose_entry", "conversation": asker.id, "clientId": "c1", "entry": ENTRY });
    asker.client.ok(chosen).await;
    assert_eq!(asker.ask("谢谢").await["body"]["type"], "bot_says");
    assert_eq!(asker.ask("着火了").await["body"]["reason"], "emergency");
    assert_eq!(peer.asked(), 1);
    let why = Desk::of(&server, "super1").await;
    let why = why.get(&format!("/api/bot/why?conversation={}&seq={}", asker.id, answer["seq"])).await;
    assert_eq!(why["said"], json!({ "official": official, "text": GOOD, "by": "words-1" }));
    let metrics = server.metrics().await;
    assert!(metrics.contains("bangban_rephrase_total{result=\"said\"} 1"), "{metrics}");
    for secret in ["words-secret", "工本费", "补领", "13800138000"] {
        assert!(!server.log().contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn words_that_say_something_else_and_peers_that_fail_leave_the_official_wording() {
    let peer = Peer::open().await;
    let mut server = peer.server(&[("BANGBAN__CONNECTORS__REPHRASE__MILLISECONDS", "300")]).await;
    let mut asker = Asker::new(&server, open()).await;
    let other = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        Does::Says(GOOD.replacen(from, to, 1))
    };
    let wrong = [
        (other("四十元", "14 元"), "number"),
        (other("60日", "60个工作日"), "number"),
        (other("派出所", "浦东新区派出所"), "name"),
        (other("可以在", "不可以在"), "negation"),
        (other("请您尽快", "请您尽快 https://example.com/fast "), "link"),
        (Does::Says(format!("{GOOD}我保证当天办好。")), "promise"),
        (Does::Says(format!("{GOOD}<script>alert(1)</script>")), "markup"),
        (Does::Says("好的，全部免费，无需任何材料，直接来就能拿证。".repeat(6)), "name"),
        (Does::Cut(GOOD.to_owned()), "broken"),
        (Does::Sends("{\"choices\": []}"), "broken"),
    ];
    for (n, (does, _)) in wrong.iter().enumerate() {
        peer.will(does.clone());
        // What a citizen writes does not make it say otherwise either.
        let answer = asker.ask(QUESTION).await;
        assert_eq!((&answer["body"]["entry"], &answer["body"]["rephrased"]), (&json!(ENTRY), &Value::Null), "{n}");
        assert_eq!(peer.asked(), n + 1);
    }
    // Five failures in a row, of which the last takes as long as it may.
    let failures = [
        Does::Fails(StatusCode::INTERNAL_SERVER_ERROR),
        Does::Sends("no JSON, 身份证"),
        Does::Floods,
        Does::Fails(StatusCode::TOO_MANY_REQUESTS),
        Does::Waits,
    ];
    for does in failures {
        peer.will(does);
        let began = Instant::now();
        assert_eq!(asker.ask(QUESTION).await["body"]["rephrased"], Value::Null);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
    let before = peer.asked();
    assert_eq!(before, wrong.len() + 5);
    peer.will(Does::Says(GOOD.to_owned()));
    let answer = asker.ask(QUESTION).await;
    assert_eq!((&answer["body"]["entry"], &answer["body"]["rephrased"]), (&json!(ENTRY), &Value::Null));
    assert_eq!(peer.asked(), before, "it is left alone");
    let metrics = server.metrics().await;
    let count = |reason: &str| wrong.iter().filter(|(_, one)| *one == reason).count();
    for (reason, expected) in [
        ("number", 2),
        ("name", 2),
        ("negation", 1),
        ("link", 1),
        ("promise", 1),
        ("markup", 1),
        ("broken", count("broken") + 2),
        ("status", 2),
        ("unreached", 1),
        ("left_alone", 1),
    ] {
        let line = format!("bangban_rephrase_total{{result=\"{reason}\"}} {expected}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    assert!(server.log().contains("the other one differs"), "{}", server.log());
    for secret in ["words-secret", "工本费", "补领", "当天办好"] {
        assert!(!server.log().contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn whoever_finds_no_place_has_the_official_wording_at_once() {
    let peer = Peer::open().await;
    let settings =
        [("BANGBAN__CONNECTORS__REPHRASE__AT_ONCE", "1"), ("BANGBAN__CONNECTORS__REPHRASE__MILLISECONDS", "5000")];
    let server = peer.server(&settings).await;
    peer.will(Does::Waits);
    let mut first = Asker::new(&server, open()).await;
    let other = Client::open(&server.address, &server.citizen_token("demo-citizen-2").await).await;
    let mut second = Asker::of(other, open()).await;
    let asking = send(&first.id, "q1", QUESTION);
    let held = tokio::spawn(async move {
        let sent = first.client.ok(asking).await;
        let is_next = |event: &Value| event["body"]["entry"]["seq"].as_u64() > sent["seq"].as_u64();
        first.client.event("an answer", is_next).await["body"]["entry"].clone()
    });
    peer.asked.notified().await;
    assert_eq!(second.ask(QUESTION).await["body"]["rephrased"], Value::Null);
    assert!(!held.is_finished(), "the first one waits still");
    peer.go.notify_one();
    assert_eq!(held.await.unwrap()["body"]["rephrased"]["text"], GOOD);
}
