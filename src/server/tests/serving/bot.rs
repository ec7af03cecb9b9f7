//! 小申 in conversations: what it decides by, when it steps aside, what follows on what was said, and what is suggested.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    support::{Client, Desk, Server, refusal, refused, send},
    sweep::newcomer,
};

/// A demo in which people answer at any time, and many questions may be asked in a second.
async fn demo() -> Server {
    let limits = ["CITIZEN_BURST", "CITIZEN_PER_SECOND", "STAFF_BURST", "STAFF_PER_SECOND"];
    let names = limits.map(|limit| format!("BANGBAN__LIMITS__{limit}"));
    let mut settings: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1000")).collect();
    settings.push(("BANGBAN__SERVICE__HOURS", "always"));
    Server::start(&["--demo"], &settings).await
}

/// Somebody who talks to 小申 on the page of no item.
pub(crate) struct Asker {
    pub(crate) client: Client,
    pub(crate) id: String,
    sent: u32,
}

impl Asker {
    pub(crate) async fn new(server: &Server, open: Value) -> Self {
        Self::of(server.citizen().await, open).await
    }

    pub(crate) async fn of(mut client: Client, open: Value) -> Self {
        let id = client.ok(open).await["conversation"].as_str().unwrap().to_owned();
        client.subscribe(&format!("conversation:{id}")).await;
        Self { client, id, sent: 0 }
    }

    /// What 小申 says to it: the entry.
    async fn tell(&mut self, command: Value) -> Value {
        let sent = self.client.ok(command).await;
        let after = sent["seq"].as_u64().unwrap();
        let is_next = |event: &Value| {
            let entry = &event["body"]["entry"];
            entry["seq"].as_u64() > Some(after) && entry["from"]["type"] == "bot"
        };
        self.client.event("what 小申 says", is_next).await["body"]["entry"].clone()
    }

    pub(crate) async fn ask(&mut self, text: &str) -> Value {
        self.sent += 1;
        let question = send(&self.id, &format!("q{}", self.sent), text);
        self.tell(question).await
    }

    async fn refuse(&mut self, entry: &Value) -> Value {
        self.sent += 1;
        let refusal = self.refusal(&format!("r{}", self.sent), &entry["seq"]);
        self.tell(refusal).await
    }

    fn refusal(&self, client_id: &str, on: &Value) -> Value {
        json!({ "type": "refuse_options", "conversation": self.id, "clientId": client_id, "on": on })
    }

    /// Everything that the thread says now, as its kinds.
    async fn kinds(&mut self) -> Vec<String> {
        let topic = format!("conversation:{}", self.id);
        let entries = self.client.subscribe(&topic).await["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["body"]["type"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn open() -> Value {
    json!({ "type": "open_conversation", "channel": "pc" })
}

/// Near several entries, and word for word in none: asked back, by [`unsure`].
const VAGUE: [&str; 3] = ["证件遗失怎么补办", "证件到期怎么换", "到期了怎么换证"];

/// From now on 小申 answers only what is asked word for word, and asks back otherwise, whatever the weights say.
async fn unsure(server: &Server) {
    let editor = Desk::of(server, "editor1").await;
    let put = json!({ "version": 0, "answer": 0.9999, "clarify": 0.01, "basis": "test", "reason": "test" });
    let reply = editor.ask("POST", "/api/bot/thresholds", &put.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn after_two_clarifications_in_vain_a_person_comes_with_what_was_tried() {
    let server = demo().await;
    unsure(&server).await;
    let mut asker = Asker::new(&server, open()).await;
    let known = asker.ask("身份证丢了怎么补领？").await;
    assert_eq!(known["body"]["entry"], "kb-id-card-lost", "{known}");
    assert_eq!(known["body"]["decided"]["thresholds"], 1);
    let first = asker.ask(VAGUE[0]).await;
    assert_eq!(first["body"]["type"], "bot_clarify", "{first}");
    assert!(first["body"]["options"][0]["probability"].as_f64().unwrap() > 0.0, "{first}");
    let again = asker.refuse(&first).await;
    assert_eq!(again["body"], json!({ "type": "bot_says", "phrase": "ask_again" }));
    // What is refused already, and what never was a clarification.
    for on in [&first["seq"], &known["seq"], &json!(999)] {
        let late = asker.refusal("late", on);
        let refusal = asker.client.refused(late).await;
        assert_eq!((&refusal["code"], &refusal["field"]), (&json!("outdated"), &json!("on")));
    }
    let second = asker.ask(VAGUE[1]).await;
    assert_eq!(second["body"]["type"], "bot_clarify", "{second}");
    let over = asker.refuse(&second).await;
    assert_eq!((&over["body"]["type"], &over["body"]["reason"]), (&json!("bot_hand_over"), &json!("not_understood")));
    let kinds = asker.kinds().await;
    assert!(kinds.iter().any(|kind| kind == "human_requested"), "at once: {kinds:?}");
    // The same refusal once more is the same one.
    let count = kinds.len();
    let once_more = asker.refusal(&format!("r{}", asker.sent), &second["seq"]);
    assert!(asker.client.request(once_more).await["error"].is_object() || asker.kinds().await.len() == count);

    let mut agent = server.staff("agent1001").await;
    agent.ok(json!({ "type": "set_status", "status": "online" })).await;
    agent.accept().await;
    let notes = agent.subscribe(&format!("notes:{}", asker.id)).await;
    let packet = &notes["context"]["packet"];
    assert_eq!((&packet["reason"], &packet["failed"]), (&json!("not_understood"), &json!(2)), "{packet}");
    assert_eq!(packet["question"], VAGUE[1]);
    assert_eq!(packet["tried"], json!([{ "entry": "kb-id-card-lost", "question": "身份证丢了怎么补领？" }]));
    let shown = packet["shown"].as_array().unwrap();
    assert!(shown.len() >= 2 && shown.iter().all(|one| one["probability"].is_number()), "{shown:?}");
    assert!(shown.iter().all(|one| one["chosen"] == false));
}

#[tokio::test]
async fn a_question_that_would_be_asked_back_a_third_time_goes_to_a_person_and_an_answer_begins_anew() {
    let server = demo().await;
    unsure(&server).await;
    let mut asker = Asker::new(&server, open()).await;
    asker.ask(VAGUE[0]).await;
    let second = asker.ask(VAGUE[1]).await;
    assert_eq!(second["body"]["type"], "bot_clarify");
    // One is chosen: answered, and the count begins anew.
    let chosen = &second["body"]["options"][0]["entry"];
    let choice = json!({ "type": "choose_entry", "conversation": asker.id, "clientId": "c", "entry": chosen });
    assert_eq!(asker.tell(choice).await["body"]["entry"], *chosen);
    for vague in [VAGUE[0], VAGUE[1]] {
        assert_eq!(asker.ask(vague).await["body"]["type"], "bot_clarify", "{vague}");
    }
    assert_eq!(asker.ask(VAGUE[2]).await["body"]["reason"], "not_understood");
}

#[tokio::test]
async fn danger_goes_over_at_once_in_a_clarification_and_in_a_guided_dialogue() {
    let server = demo().await;
    unsure(&server).await;
    let mut asker =
        Asker::new(&server, json!({ "type": "open_conversation", "channel": "pc", "item": "residence-permit" })).await;
    let start = json!({ "type": "start_guide", "conversation": asker.id, "clientId": "g", "item": "residence-permit" });
    assert_eq!(asker.tell(start).await["body"]["type"], "guide_asked");
    assert_eq!(asker.ask("家里着火了").await["body"]["reason"], "emergency");
    assert!(asker.kinds().await.iter().any(|kind| kind == "human_requested"));
    let mut other = Asker::new(&server, open()).await;
    assert_eq!(other.ask(VAGUE[0]).await["body"]["type"], "bot_clarify");
    assert_eq!(other.ask("我要投诉").await["body"]["reason"], "complaint");
    assert!(other.kinds().await.iter().any(|kind| kind == "human_requested"));
}

#[tokio::test]
async fn what_follows_on_an_answer_is_about_it_also_after_the_power_went() {
    let server = demo().await;
    let mut asker = Asker::new(&server, open()).await;
    let alone = asker.ask("那丢了呢").await;
    assert_ne!(alone["body"]["entry"], "kb-residence-permit-lost", "{alone}");
    assert_eq!(asker.ask("居住证怎么办理，需要什么材料？").await["body"]["entry"], "kb-residence-permit-apply");
    let id = asker.id.clone();
    drop(asker);
    let dir = server.killed().await;
    let server = Server::start_in(dir, &["--demo"], &[("BANGBAN__SERVICE__HOURS", "always")]).await;
    let mut client = server.citizen().await;
    client.subscribe(&format!("conversation:{id}")).await;
    let mut asker = Asker { client, id, sent: 10 };
    let said = asker.ask("那丢了呢").await;
    let offered = said["body"]["options"]
        .as_array()
        .is_some_and(|options| options.iter().any(|option| option["entry"] == "kb-residence-permit-lost"));
    assert!(said["body"]["entry"] == "kb-residence-permit-lost" || offered, "{said}");
    assert_eq!(said["body"]["decided"]["context"], "kb-residence-permit-apply", "{said}");
}

#[tokio::test]
async fn questions_are_suggested_while_one_types_and_nothing_of_it_is_kept() {
    let server = demo().await;
    let mut asker = Asker::new(&server, open()).await;
    let typed = |id: &str, text: &str| json!({ "type": "suggest", "conversation": id, "text": text });
    let before = asker.kinds().await;
    let secret = "居住证丢了我住在幸福路七弄";
    for (text, some) in [("居住证", true), ("居", false), ("", false), ("身份证丢", true), (secret, true)] {
        let typed = typed(&asker.id, text);
        let began = Instant::now();
        let options = asker.client.ok(typed).await["options"].clone();
        let took = began.elapsed();
        assert_eq!(!options.as_array().unwrap().is_empty(), some, "{text}: {options}");
        assert!(options.as_array().unwrap().len() <= 5);
        assert!(took.as_millis() < 500, "{took:?}: a development build on a busy machine");
    }
    let id = asker.id.clone();
    assert_eq!(asker.kinds().await, before, "nothing was written");
    assert!(!server.log().contains("幸福路"), "nor logged");
    // Of others, and of staff.
    let mut stranger = Client::open(&server.address, &server.citizen_token("demo-citizen-2").await).await;
    assert_eq!(stranger.refused(typed(&id, "居住证")).await["code"], "not_found");
    let mut agent = server.staff("agent1001").await;
    assert_eq!(agent.refused(typed(&id, "居住证")).await["code"], "forbidden");
}

#[tokio::test]
async fn thresholds_hold_at_once_are_versions_and_go_back() {
    let server = demo().await;
    let admin = server.token("admin1").await;
    let editor = Desk::of(&server, "editor1").await;
    let path = "/api/bot/thresholds";
    let shown = editor.get(path).await;
    assert_eq!((shown["versions"].as_array().unwrap().len(), &shown["versions"][0]["version"]), (1, &json!(0)));
    let put = |version: u64, answer: f64, clarify: f64| json!({ "version": version, "answer": answer, "clarify": clarify, "basis": "一周标注", "reason": "更谨慎" });
    for (body, field) in [
        (put(0, 0.2, 0.3), "answer"),
        (put(0, 0.9, 1.3), "clarify"),
        (json!({ "version": 0, "answer": 0.9, "clarify": 0.3, "basis": " ", "reason": "x" }), "basis"),
        (json!({ "version": 0, "answer": 0.9, "clarify": 0.3, "basis": "x", "reason": "" }), "reason"),
    ] {
        let reply = editor.ask("POST", path, &body.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{body}");
    }
    // Of a district, and of no knowledge base.
    let district = newcomer(&server, &admin, "h-editor", "editor", "huangpu").await;
    let reply = server.as_staff(&district, &format!("POST {path}"), &put(0, 0.9, 0.3)).await;
    assert_eq!(reply.status, 403, "{}", reply.text());

    let mut asker = Asker::new(&server, open()).await;
    let said = asker.ask("居住证丢了咋办").await;
    assert_eq!(said["body"]["type"], "bot_answer", "{said}");
    let set = editor.ask("POST", path, &put(0, 0.9999, 0.05).to_string()).await.json();
    assert_eq!(
        (&set["versions"][0]["version"], &set["versions"][0]["changedBy"]),
        (&json!(1), &set["versions"][0]["changedBy"])
    );
    assert!(!set["versions"][0]["changedBy"].as_str().unwrap().is_empty());
    let strictly = asker.ask("居住证丢了咋办").await;
    assert_eq!(
        (&strictly["body"]["type"], &strictly["body"]["decided"]["thresholds"]),
        (&json!("bot_clarify"), &json!(1))
    );
    // Whoever was slower is told so.
    let late = editor.ask("POST", path, &put(0, 0.8, 0.3).to_string()).await;
    assert_eq!(late.status, 409, "{}", late.text());
    let back = json!({ "version": 1, "to": 0, "reason": "不好" });
    let rolled = editor.ask("POST", &format!("{path}/rollback"), &back.to_string()).await.json();
    assert_eq!((&rolled["versions"][0]["version"], &rolled["versions"][0]["copyOf"]), (&json!(2), &json!(0)));
    let none = json!({ "version": 2, "to": 77, "reason": "不好" });
    let reply = editor.ask("POST", &format!("{path}/rollback"), &none.to_string()).await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "to"));
    let mut fresh =
        Asker::new(&server, json!({ "type": "open_conversation", "channel": "pc", "item": "id-card" })).await;
    let again = fresh.ask("居住证丢了咋办").await;
    assert_eq!((&again["body"]["type"], &again["body"]["decided"]["thresholds"]), (&json!("bot_answer"), &json!(2)));
    let lines = server.as_staff(&admin, "GET /api/admin/audit?action=bot.", &Value::Null).await.json();
    let actions: Vec<&str> =
        lines["lines"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["bot.thresholds_back", "bot.thresholds"], "{lines}");
}

#[tokio::test]
async fn a_word_that_is_added_is_understood_at_once_and_one_that_is_taken_out_no_more() {
    let server = demo().await;
    let admin = server.token("admin1").await;
    let editor = Desk::of(&server, "editor1").await;
    let path = "/api/bot/words";
    let shown = editor.get(path).await;
    assert!(shown["total"].as_u64().unwrap() > 500 && shown["mayChange"] == true, "{}", shown["total"]);
    let mut asker = Asker::new(&server, open()).await;
    let question = "小蓝卡怎么办理，需要什么材料？";
    let sure = |entry: &Value| entry["body"]["decided"]["probability"].as_f64().unwrap();
    let before = sure(&asker.ask(question).await);
    let began = Instant::now();
    let put = json!({ "word": "小蓝卡", "readsAs": "居住证" }).to_string();
    let reply = editor.ask("PUT", path, &put).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let took = began.elapsed();
    let listed = reply.json();
    assert_eq!((&listed["words"][0]["word"], &listed["words"][0]["shipped"]), (&json!("小蓝卡"), &Value::Null));
    let understood = asker.ask(question).await;
    assert!(sure(&understood) > before + 0.2, "{before}, after {took:?}: {understood}");
    assert!(took.as_millis() < 3_000, "{took:?}: a development build on a busy machine");
    for (body, field) in [
        (json!({ "word": " ", "readsAs": "居住证" }), "word"),
        (json!({ "word": "小蓝卡", "readsAs": "小蓝卡" }), "readsAs"),
        (json!({ "word": "卡".repeat(21), "readsAs": "居住证" }), "word"),
    ] {
        let reply = editor.ask("PUT", path, &body.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{body}");
    }
    let gone = editor.ask("DELETE", &format!("{path}?word=%E5%B0%8F%E8%93%9D%E5%8D%A1"), "").await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    assert_eq!(editor.ask("DELETE", &format!("{path}?word=%E5%B0%8F%E8%93%9D%E5%8D%A1"), "").await.status, 404);
    assert!((sure(&asker.ask(question).await) - before).abs() < 1e-9);

    let file = "# 方言\n小蓝卡\t居住证\n侬\t你\n";
    let imported = editor.ask("POST", &format!("{path}/import"), file).await;
    assert_eq!(imported.json(), json!({ "changed": 1, "same": 1 }), "{}", imported.text());
    assert!(sure(&asker.ask(question).await) > before + 0.2);
    let bad = editor.ask("POST", &format!("{path}/import"), "小蓝卡\t居住证\n只有一个词\n").await;
    assert_eq!(refusal(&bad), refused(400, "bad_request", "body"));
    assert!(bad.text().contains("line 2"), "{}", bad.text());
    // One of the program's list is taken out, and comes back by an import of what it says.
    let shipped = format!("{path}?word=%E4%BE%AC");
    assert_eq!(editor.ask("DELETE", &shipped, "").await.status, 204);
    assert_eq!(editor.get(&format!("{path}?q=%E4%BE%AC")).await["words"][0]["readsAs"], Value::Null);
    assert_eq!(editor.ask("DELETE", &shipped, "").await.status, 404);
    assert_eq!(editor.ask("POST", &format!("{path}/import"), "侬\t你\n").await.json()["changed"], 1);

    let district = newcomer(&server, &admin, "h-editor", "editor", "huangpu").await;
    for (method, body) in [("PUT", put.as_str()), ("DELETE", "")] {
        let path = if method == "DELETE" { shipped.clone() } else { path.to_owned() };
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        let reply = server.as_staff(&district, &format!("{method} {path}"), &body).await;
        assert_eq!(reply.status, 403, "{method}: {}", reply.text());
    }
}

#[tokio::test]
async fn what_holds_in_the_pages_district_is_answered_there_and_an_unknown_district_is_refused() {
    let server = demo().await;
    let mut client = server.citizen().await;
    let open = |district: &str| json!({ "type": "open_conversation", "channel": "pc", "item": "residence-permit", "district": district });
    let refusal = client.refused(open("atlantis")).await;
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("bad_request"), &json!("district")));
    let id = client.ok(open("xuhui")).await["conversation"].as_str().unwrap().to_owned();
    let greeting = client.subscribe(&format!("conversation:{id}")).await["entries"][0]["body"].clone();
    assert_eq!(greeting["district"], "xuhui", "{greeting}");
}

#[tokio::test]
async fn what_is_only_rude_is_counted_by_day_and_says_nothing_of_anybody() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    assert_eq!(editor.get("/api/bot/rude").await, json!({ "days": [], "total": 0 }));
    let mut asker = Asker::new(&server, open()).await;
    let polite = asker.ask("他妈的").await;
    assert_eq!(polite["body"], json!({ "type": "bot_says", "phrase": "polite" }), "{polite}");
    // The same once more, by its id, and what is a question all the same.
    let again = send(&asker.id, "q1", "他妈的");
    asker.client.ok(again).await;
    asker.ask("他妈的居住证丢了怎么补办").await;
    let counted = editor.get("/api/bot/rude").await;
    assert_eq!(counted["total"], 1, "{counted}");
    let days = counted["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["messages"], days[0].as_object().unwrap().len()), (1, &json!(1), 2), "{counted}");
    let agent = Desk::of(&server, "agent1001").await;
    assert_eq!(agent.ask("GET", "/api/bot/rude", "").await.status, 403);
}
