//! Visitors, second devices, receipts and foreign pages: against the real binary.

use serde_json::{Value, json};

use crate::support::{Client, Reply, Server, send};

const ANONYMOUS: &str = "/api/citizen/anonymous";
const CONTINUE: &str = "/api/citizen/continue";
const RECEIPT: &str = "/api/citizen/receipt";

impl Server {
    async fn visitor(&self) -> Value {
        let reply = self.post(ANONYMOUS, "").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["token"].clone()
    }

    async fn post_as(&self, path: &str, token: &Value, body: &Value) -> Reply {
        let head =
            format!("POST {path}\nContent-Type: application/json\nAuthorization: Bearer {}", token.as_str().unwrap());
        self.exchange(&head, &body.to_string()).await
    }

    async fn ask(&self, path: &str, body: Value) -> Reply {
        self.post(path, &body.to_string()).await
    }
}

/// Status, code and field of a refusal.
fn refusal(reply: &Reply) -> (u16, String, Option<String>) {
    let error = &reply.json()["error"];
    let text = |key: &str| error[key].as_str().map(str::to_owned);
    (reply.status, text("code").unwrap_or_default(), text("field"))
}

fn expected(status: u16, code: &str, field: Option<&str>) -> (u16, String, Option<String>) {
    (status, code.to_owned(), field.map(str::to_owned))
}

#[tokio::test]
async fn without_configuration_nobody_is_anonymous() {
    let server = Server::start(&[], &[]).await;
    assert_eq!(server.get("/api/config").await.json()["anonymous"], json!(false));
    assert_eq!(refusal(&server.post(ANONYMOUS, "").await), expected(403, "forbidden", None));

    let server = Server::start(&[], &[("BANGBAN__CITIZEN__ANONYMOUS", "true")]).await;
    assert_eq!(server.get("/api/config").await.json()["anonymous"], json!(true));
    let client = Client::open(&server.address, &server.visitor().await).await;
    assert_eq!(client.welcome["me"]["anonymous"], json!(true));
    assert_eq!(client.welcome["conversations"], json!([]));
}

#[tokio::test]
async fn identities_are_few_for_one_address_and_a_renewal_is_none() {
    let few = ("BANGBAN__CITIZEN__ANONYMOUS_PER_HOUR", "3");
    let server = Server::start(&["--demo"], &[few]).await;
    let token = server.visitor().await;
    for _ in 0..2 {
        server.visitor().await;
    }
    let refused = server.post(ANONYMOUS, "").await;
    assert_eq!(refusal(&refused), expected(429, "rate_limited", None));
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((3_000..=3_600).contains(&wait), "{wait}");

    let me = |token: &Value| {
        let (token, address) = (token.clone(), server.address.clone());
        async move { Client::open(&address, &token).await.welcome["me"]["id"].clone() }
    };
    let renewed = server.post_as(ANONYMOUS, &token, &json!({})).await;
    assert_eq!(renewed.status, 200);
    assert_eq!(me(&renewed.json()["token"]).await, me(&token).await);
    let citizen = server.citizen_token("demo-citizen-1").await;
    assert_eq!(refusal(&server.post_as(ANONYMOUS, &citizen, &json!({})).await), expected(403, "forbidden", None));

    let hall = ("BANGBAN__CITIZEN__HALL_ADDRESSES", "[\"127.0.0.1\"]");
    let server = Server::start(&["--demo"], &[few, hall]).await;
    for _ in 0..8 {
        server.visitor().await;
    }
}

#[tokio::test]
async fn a_visitor_may_do_less() {
    let quota = ("BANGBAN__CITIZEN__ANONYMOUS_FILES_PER_HOUR", "2");
    let server = Server::start(&["--demo"], &[quota]).await;
    let token = server.visitor().await;
    let mut visitor = Client::open(&server.address, &token).await;
    let conversation = visitor.open_conversation().await;
    let begin = async |kind: &str, name: &str| {
        let encode = |text: &str| {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            STANDARD.encode(text)
        };
        let said = [("conversation", conversation.as_str()), ("kind", kind), ("name", name), ("duration", "1000")];
        let pairs: Vec<_> = said.iter().map(|(key, text)| format!("{key} {}", encode(text))).collect();
        let head = format!(
            "POST /api/files\nTus-Resumable: 1.0.0\nUpload-Length: 10\nUpload-Metadata: {}\nAuthorization: Bearer {}",
            pairs.join(","),
            token.as_str().unwrap()
        );
        server.exchange(&head, "").await
    };
    for (kind, name) in [("file", "a.pdf"), ("voice", "a.webm")] {
        assert_eq!(refusal(&begin(kind, name).await), expected(403, "forbidden", Some("kind")), "{kind}");
    }
    for _ in 0..2 {
        assert_eq!(begin("image", "a.png").await.status, 201);
    }
    assert_eq!(refusal(&begin("image", "a.png").await), expected(429, "quota_used", None));

    // Others' conversations are not there, as for any citizen.
    let mut other = Client::open(&server.address, &server.visitor().await).await;
    let refused = other.refused(json!({ "type": "subscribe", "topic": format!("conversation:{conversation}") })).await;
    assert_eq!(refused["code"], "not_found");

    let numbers = visitor.pipeline((0..12).map(|n| send(&conversation, &format!("m{n}"), "在吗"))).await;
    let mut limited = 0;
    for _ in &numbers {
        limited += u32::from(visitor.answer().await["error"]["code"] == "rate_limited");
    }
    // Eight at once, of which opening the conversation was one.
    assert!((4..=5).contains(&limited), "{limited}");
}

/// Citizens' routes answer our own pages, listed portals and programs; and no answer may be read by a foreign page.
#[tokio::test]
async fn foreign_pages_can_neither_call_nor_read_what_citizens_use() {
    let portals = ("BANGBAN__HTTP__PORTAL_ORIGINS", "[\"https://portal.example\"]");
    let server = Server::start(&["--demo"], &[portals]).await;
    let own = format!("http://{}", server.address);
    let upload = "/api/files/fl_00000000000000000000000000000001";
    let finish = format!("{upload}/finish");
    for (method, path) in [
        ("POST", ANONYMOUS),
        ("POST", CONTINUE),
        ("POST", RECEIPT),
        ("POST", "/api/files"),
        ("HEAD", upload),
        ("PATCH", upload),
        ("DELETE", upload),
        ("POST", &finish),
    ] {
        for (origin, is_foreign) in [
            (Some(own.as_str()), false),
            (Some("https://portal.example"), false),
            (None, false),
            (Some("https://evil.example"), true),
            (Some("https://portal.example.evil"), true),
            (Some("null"), true),
            (Some("*"), true),
        ] {
            let header = origin.map(|origin| format!("\nOrigin: {origin}")).unwrap_or_default();
            let head = format!("{method} {path}\nContent-Type: application/json\nTus-Resumable: 1.0.0{header}");
            let reply = server.exchange(&head, "").await;
            assert_eq!(reply.status == 403, is_foreign, "{method} {path} from {origin:?}: {}", reply.status);
            if is_foreign && method != "HEAD" {
                assert_eq!(refusal(&reply), expected(403, "forbidden", Some("Origin")), "{method} {path}");
            }
            assert_eq!(reply.header("access-control-allow-origin"), "", "{method} {path} from {origin:?}");
        }
        let asks = format!("OPTIONS {path}\nOrigin: https://evil.example\nAccess-Control-Request-Method: {method}");
        let preflight = server.exchange(&asks, "").await;
        for name in ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"] {
            assert_eq!(preflight.header(name), "", "{path}: {name}");
        }
    }
    // Who may frame: the widget by the listed portals, the receipt page by nobody.
    let policy = async |path: &str| server.get(path).await.header("content-security-policy").to_owned();
    if server.get("/widget.html").await.status == 200 {
        assert!(policy("/widget.html").await.ends_with("frame-ancestors 'self' https://portal.example"));
    }
    assert!(policy("/receipt.html").await.ends_with("frame-ancestors 'none'"));
    for path in [ANONYMOUS, "/api/config"] {
        assert!(policy(path).await.ends_with("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn a_code_moves_the_conversation_to_a_second_device_which_can_be_sent_away() {
    let server = Server::demo().await;
    let mut first = server.citizen().await;
    let conversation = first.open_conversation().await;
    first.ok(send(&conversation, "m1", "居住证怎么办")).await;
    let made = first.ok(json!({ "type": "continue_elsewhere", "conversation": conversation })).await;
    let way = made["continuation"].as_str().unwrap();
    let topic = format!("continuation:{way}");
    assert_eq!(first.subscribe(&topic).await["view"]["redeemedAt"], Value::Null);
    assert!(!server.log().contains(made["code"].as_str().unwrap()));

    for (body, field) in [(json!({}), "code"), (json!({ "code": "" }), "code"), (json!({ "code": 7 }), "code")] {
        let reply = server.ask(CONTINUE, body.clone()).await;
        assert_eq!(refusal(&reply), expected(400, "bad_request", Some(field)), "{body}");
    }
    let reply = server.ask(CONTINUE, json!({ "code": made["code"] })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
    let redeemed = reply.json();
    assert_eq!(redeemed["conversation"], json!(conversation));
    for code in ["code", "short"] {
        let again = server.ask(CONTINUE, json!({ "code": made[code] })).await;
        assert_eq!(refusal(&again), expected(404, "not_found", Some("code")), "{code}");
    }
    let told = first.event("used", |event| event["topic"] == json!(topic)).await;
    assert!(told["body"]["view"]["redeemedAt"].is_number());

    let mut phone = Client::open(&server.address, &redeemed["token"]).await;
    assert_eq!(phone.welcome["me"]["id"], first.welcome["me"]["id"]);
    assert_eq!(phone.welcome["me"]["continuation"], json!(way));
    let thread = phone.subscribe(&format!("conversation:{conversation}")).await;
    assert!(thread["entries"].as_array().unwrap().iter().any(|entry| entry["body"]["text"] == "居住证怎么办"));
    // Both see what either writes.
    first.subscribe(&format!("conversation:{conversation}")).await;
    phone.ok(send(&conversation, "p1", "我在手机上")).await;
    first.event("from the phone", |event| event["body"]["entry"]["clientId"] == "p1").await;

    first.ok(json!({ "type": "revoke_continuation", "continuation": way })).await;
    assert_eq!(phone.close_code().await, Some(4500));
    let mut again = Client::connect(&server.address).await;
    let hello = json!({ "type": "hello", "token": redeemed["token"], "protocol": 1 });
    assert_eq!(again.refused(hello).await["code"], "unauthenticated");
}

#[tokio::test]
async fn wrong_codes_lock_the_address_and_not_the_right_one_of_another() {
    let server = Server::start(&["--demo"], &[("BANGBAN__HTTP__TRUSTED_PROXIES", "[\"127.0.0.1\"]")]).await;
    let mut first = server.citizen().await;
    let conversation = first.open_conversation().await;
    let made = first.ok(json!({ "type": "continue_elsewhere", "conversation": conversation })).await;
    let from = async |address: &str, code: &Value| {
        let head = format!("POST {CONTINUE}\nContent-Type: application/json\nX-Forwarded-For: {address}");
        server.exchange(&head, &json!({ "code": code }).to_string()).await
    };
    for n in 0..10 {
        let code = json!(format!("ABCDEFG{}", n % 8 + 2));
        assert_eq!(from("198.51.100.1", &code).await.status, 404, "{n}");
    }
    let locked = from("198.51.100.1", &made["short"]).await;
    assert_eq!(refusal(&locked), expected(429, "rate_limited", None), "the right one too");
    assert!(!locked.header("retry-after").is_empty());
    assert_eq!(from("198.51.100.2", &made["short"]).await.status, 200);
}

/// A server at night, with a message that was left; its receipt number.
async fn with_receipt(settings: &[(&str, &str)]) -> (Server, Client, String) {
    let never = ("BANGBAN__SERVICE__HOURS", "calendar");
    let nights = ("BANGBAN__SERVICE__PERIODS", closed_now());
    let all = [settings, &[never, nights]].concat();
    let server = Server::start(&["--demo"], &all).await;
    let mut citizen = server.citizen().await;
    let conversation = citizen.open_conversation().await;
    let offer = citizen.ok(json!({ "type": "request_human", "conversation": conversation })).await;
    let left = citizen
        .ok(json!({
            "type": "leave_message", "conversation": conversation, "clientId": "l1", "text": "居住证怎么办",
            "phone": "13800138001", "slot": offer["slots"][0]["startsAt"],
        }))
        .await;
    let number = left["receipt"].as_str().unwrap().to_owned();
    (server, citizen, number)
}

/// Opening hours that do not contain this moment, whenever the test runs.
fn closed_now() -> &'static str {
    let hour = (jiff::Timestamp::now().as_second() / 3_600 + 8) % 24;
    if hour < 12 { "[\"13:00-20:00\"]" } else { "[\"06:00-10:00\"]" }
}

#[tokio::test]
async fn a_call_back_is_moved_and_taken_back_by_its_receipt_and_wrong_proofs_are_counted() {
    let few = [("BANGBAN__SERVICE__SLOT_CAPACITY", "1"), ("BANGBAN__CITIZEN__WRONG_PER_RECEIPT", "2")];
    let (server, _citizen, number) = with_receipt(&few).await;
    let proof = json!({ "receipt": number, "phoneEnd": "8001" });
    let with_slot = |slot: &Value| json!({ "receipt": number, "phoneEnd": "8001", "slot": slot });
    let view = server.ask(RECEIPT, proof.clone()).await.json();
    assert_eq!((&view["mayCancel"], &view["remindedAt"]), (&json!(true), &Value::Null));
    let (own, wanted) = (view["slot"]["startsAt"].clone(), view["slots"][1].clone());
    let mv = format!("{RECEIPT}/move");
    for (slot, code) in [(json!(1_000), "slot_past"), (json!(own.as_i64().unwrap() + 1), "bad_request")] {
        let refused = server.ask(&mv, with_slot(&slot)).await;
        assert_eq!(refusal(&refused), expected(if code == "slot_past" { 409 } else { 400 }, code, Some("slot")));
    }
    // Somebody else has the place by now.
    let mut other = Client::open(&server.address, &server.citizen_token("demo-citizen-2").await).await;
    let conversation = other.open_conversation().await;
    other
        .ok(json!({
            "type": "leave_message", "conversation": conversation, "clientId": "l1", "text": "请回电",
            "phone": "13900139000", "slot": wanted["startsAt"],
        }))
        .await;
    let full = server.ask(&mv, with_slot(&wanted["startsAt"])).await;
    assert_eq!(refusal(&full), expected(409, "slot_full", Some("slot")));
    let free = server.ask(RECEIPT, proof.clone()).await.json()["slots"][0].clone();
    let moved = server.ask(&mv, with_slot(&free["startsAt"])).await;
    assert_eq!((moved.status, &moved.json()["slot"]), (200, &free), "{}", moved.text());

    let cancel = format!("{RECEIPT}/cancel");
    for path in [&mv, &cancel] {
        let wrong = json!({ "receipt": number, "phoneEnd": "0000", "slot": own });
        let wrong = if path == &cancel { json!({ "receipt": number, "phoneEnd": "0000" }) } else { wrong };
        assert_eq!(refusal(&server.ask(path, wrong).await), expected(404, "not_found", None), "{path}");
    }
    let locked = server.ask(&cancel, proof.clone()).await;
    assert_eq!(
        refusal(&locked),
        expected(429, "rate_limited", None),
        "wrong proofs count, whatever they were meant for"
    );
    // A token is no guess.
    let token = server.citizen_token("demo-citizen-1").await;
    for _ in 0..2 {
        let cancelled = server.post_as(&cancel, &token, &json!({ "receipt": number })).await;
        assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &json!("cancelled")), "{}", cancelled.text());
    }
    let over = server.post_as(&mv, &token, &json!({ "receipt": number, "slot": free["startsAt"] })).await;
    assert_eq!(refusal(&over), expected(409, "invalid_stage", None));
    let stranger = server.citizen_token("demo-citizen-2").await;
    let reply = server.post_as(&cancel, &stranger, &json!({ "receipt": number })).await;
    assert_eq!(refusal(&reply), expected(404, "not_found", None));
}

#[tokio::test]
async fn a_receipt_opens_to_its_owner_and_nobody_learns_whether_another_exists() {
    let (server, _citizen, number) = with_receipt(&[]).await;
    let own = server.ask(RECEIPT, json!({ "receipt": number.to_lowercase(), "phoneEnd": "8001" })).await;
    assert_eq!(own.status, 200, "{}", own.text());
    let view = own.json();
    assert_eq!(
        (&view["state"], &view["receipt"], &view["itemName"]),
        (&json!("open"), &json!(number), &json!("居住证办理"))
    );
    assert!(view["slot"]["startsAt"].is_number());
    // Nothing of the person.
    for secret in ["13800138001", "张伟", "居住证怎么办"] {
        assert!(!own.text().contains(secret), "{secret}");
    }
    let wrong = server.ask(RECEIPT, json!({ "receipt": number, "phoneEnd": "8002" })).await;
    let none = server.ask(RECEIPT, json!({ "receipt": "SH20200101-0001", "phoneEnd": "8001" })).await;
    assert_eq!((wrong.status, &wrong.body), (none.status, &none.body), "the same to the byte");
    assert_eq!(refusal(&wrong), expected(404, "not_found", None));

    let token = server.citizen_token("demo-citizen-1").await;
    assert_eq!(server.post_as(RECEIPT, &token, &json!({ "receipt": number })).await.status, 200);
    let other = server.citizen_token("demo-citizen-2").await;
    assert_eq!(server.post_as(RECEIPT, &other, &json!({ "receipt": number })).await.body, none.body);

    for (body, field) in [
        (json!({ "phoneEnd": "8001" }), "receipt"),
        (json!({ "receipt": "", "phoneEnd": "8001" }), "receipt"),
        (json!({ "receipt": "SH'; --", "phoneEnd": "8001" }), "receipt"),
        (json!({ "receipt": "SH\u{0}1", "phoneEnd": "8001" }), "receipt"),
        (json!({ "receipt": "x".repeat(33), "phoneEnd": "8001" }), "receipt"),
        (json!({ "receipt": number }), "phoneEnd"),
        (json!({ "receipt": number, "phoneEnd": "800" }), "phoneEnd"),
        (json!({ "receipt": number, "phoneEnd": "80a1" }), "phoneEnd"),
        (json!({ "receipt": number, "phoneEnd": 8001 }), "phoneEnd"),
    ] {
        assert_eq!(
            refusal(&server.ask(RECEIPT, body.clone()).await),
            expected(400, "bad_request", Some(field)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn wrong_proofs_lock_a_number_whether_it_exists_or_not_but_not_its_owner() {
    let many = [("BANGBAN__CITIZEN__WRONG_PER_ADDRESS", "100"), ("BANGBAN__CITIZEN__WRONG_PER_RECEIPT", "3")];
    let (server, _citizen, number) = with_receipt(&many).await;
    for receipt in [number.as_str(), "SH20200101-0001"] {
        for n in 0..3 {
            let reply = server.ask(RECEIPT, json!({ "receipt": receipt, "phoneEnd": format!("000{n}") })).await;
            assert_eq!(reply.status, 404, "{receipt} {n}");
        }
        let locked = server.ask(RECEIPT, json!({ "receipt": receipt, "phoneEnd": "8001" })).await;
        assert_eq!(refusal(&locked), expected(429, "rate_limited", None), "{receipt}");
    }
    let token = server.citizen_token("demo-citizen-1").await;
    assert_eq!(server.post_as(RECEIPT, &token, &json!({ "receipt": number })).await.status, 200);

    let few = [("BANGBAN__CITIZEN__WRONG_PER_ADDRESS", "4")];
    let (server, _citizen, number) = with_receipt(&few).await;
    for n in 0..4 {
        let guess = json!({ "receipt": format!("SH20200101-000{n}"), "phoneEnd": "0000" });
        assert_eq!(server.ask(RECEIPT, guess).await.status, 404);
    }
    let locked = server.ask(RECEIPT, json!({ "receipt": number, "phoneEnd": "8001" })).await;
    assert_eq!(locked.status, 429, "the address has guessed at others");
}

#[tokio::test]
async fn a_visitor_who_logs_in_takes_the_conversation_along_and_ends_as_a_visitor() {
    let server = Server::demo().await;
    let visitor_token = server.visitor().await;
    let mut visitor = Client::open(&server.address, &visitor_token).await;
    let conversation = visitor.open_conversation().await;
    visitor.ok(send(&conversation, "v1", "居住证怎么办")).await;

    let mut me = server.citizen().await;
    let topic = format!("conversation:{conversation}");
    assert_eq!(me.refused(json!({ "type": "subscribe", "topic": topic })).await["code"], "not_found");
    let claimed = me.ok(json!({ "type": "claim_visitor", "visitor": visitor_token })).await;
    assert_eq!(claimed["conversations"], json!(1));
    assert_eq!(visitor.close_code().await, Some(4500));
    let thread = me.subscribe(&topic).await;
    assert!(thread["entries"].as_array().unwrap().iter().any(|entry| entry["clientId"] == "v1"));
    assert_eq!(server.post_as(ANONYMOUS, &visitor_token, &json!({})).await.status, 401);
    assert!(!server.log().contains(visitor_token.as_str().unwrap()));
}

#[tokio::test]
async fn a_token_whose_credit_code_is_none_is_refused_and_the_log_says_which_claim() {
    let server = Server::demo().await;
    let secret = std::fs::read_to_string(server.dir.path().join("portal.secret")).unwrap();
    let sign = |code: &str| {
        let claims = json!({
            "aud": "bangban:citizen", "sub": "e9", "name": "某某有限公司", "kind": "enterprise", "level": "L4",
            "credit_code": code, "language": "en", "exp": jiff::Timestamp::now().as_second() + 600,
        });
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        json!(jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap())
    };
    let good = Client::open(&server.address, &sign("91110000100010433L")).await;
    assert_eq!((&good.welcome["me"]["language"], &good.welcome["me"]["kind"]), (&json!("en"), &json!("enterprise")));

    let mut bad = Client::connect(&server.address).await;
    let hello = json!({ "type": "hello", "token": sign("91110000100010433M"), "protocol": 1 });
    assert_eq!(bad.refused(hello).await["code"], "unauthenticated");
    let log = server.log();
    assert!(log.contains("credit_code") && log.contains("must be a unified social credit code"), "{log}");
    assert!(!log.contains("91110000100010433M") && !log.contains("某某有限公司"), "{log}");
}
