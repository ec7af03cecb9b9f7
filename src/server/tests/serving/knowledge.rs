//! The knowledge base over REST and in conversations: four eyes, what 小申 answers from, and answers that agents write back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    support::{Client, Desk, Server, refusal, refused, send},
    sweep::newcomer,
};

async fn post(desk: &Desk<'_>, path: &str, body: &Value) -> Value {
    let reply = desk.ask("POST", path, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

fn content(question: &str, answer: &str) -> Value {
    json!({ "question": question, "answer": answer, "items": ["residence-permit"], "audience": "person",
        "source": "上海市公安局", "clause": "第三条" })
}

async fn step(desk: &Desk<'_>, entry: &Value, step: &str) -> Value {
    let path = format!("/api/knowledge/entries/{}/steps", entry["line"]["id"].as_str().unwrap());
    post(desk, &path, &json!({ "version": entry["line"]["version"], "step": step, "reason": "需要补充依据" })).await
}

/// What 小申 says to a question, in a conversation of its own.
async fn asked(server: &Server, question: &str) -> Value {
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let sent = citizen.ok(send(&id, &format!("q{number}"), question)).await;
    let after = sent["seq"].as_u64().unwrap();
    let said = citizen
        .event("the bot's answer", |event| {
            event["body"]["entry"]["seq"].as_u64() > Some(after) && event["body"]["entry"]["from"]["type"] == "bot"
        })
        .await;
    said["body"]["entry"]["body"].clone()
}

/// Asks again and again until 小申 says it, at most a second long.
async fn answered(server: &Server, question: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let said = asked(server, question).await;
        if is_wanted(&said) {
            return said;
        }
        // Each question has its own connection and log-in, which count too; the promise is a second.
        assert!(begin.elapsed() < Duration::from_secs(3), "{said}");
    }
}

const QUESTION: &str = "量子居住证签注失败代码七七怎么处理";

#[tokio::test]
async fn an_entry_is_written_by_one_and_published_by_another_and_the_bot_says_it_at_once() {
    let server = Server::demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let second = Desk { server: &server, token: newcomer(&server, &admin, "editor2", "editor", "sh").await };
    let agent = Desk::of(&server, "agent1001").await;

    // Whoever does not keep the knowledge base makes no entry; what is wrong is named.
    let new = json!({ "unit": "police", "content": content(QUESTION, "请 **重新签注**，详见[指南](https://gaj.sh.gov.cn/a)。") });
    assert_eq!(agent.ask("POST", "/api/knowledge/entries", &new.to_string()).await.status, 403);
    assert_eq!(agent.ask("GET", "/api/knowledge/entries", "").await.status, 403);
    for (spoil, field) in [
        (json!({ "unit": "tax" }), "content.items[0]"),
        (json!({ "unit": "nowhere" }), "unit"),
        (json!({ "content": content(QUESTION, "见 https://evil.example/") }), "content.answer"),
        (json!({ "content": content("？", "请重新签注。") }), "content.question"),
        (json!({ "task": "" }), "task"),
    ] {
        let mut wrong = new.clone();
        wrong.as_object_mut().unwrap().extend(spoil.as_object().unwrap().clone());
        let reply = editor.ask("POST", "/api/knowledge/entries", &wrong.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{wrong}");
    }
    let draft = post(&editor, "/api/knowledge/entries", &new).await;
    assert_eq!((&draft["line"]["state"], &draft["line"]["version"]), (&json!("draft"), &json!(1)));
    let submitted = step(&editor, &draft, "submit").await;
    assert_eq!(submitted["ownWork"], json!(true));

    // Four eyes, and nobody overwrites what somebody else has done.
    let path = format!("/api/knowledge/entries/{}/steps", draft["line"]["id"].as_str().unwrap());
    let own = json!({ "version": submitted["line"]["version"], "step": "publish" });
    let reply = editor.ask("POST", &path, &own.to_string()).await;
    assert_eq!(refusal(&reply), refused(403, "forbidden", "step"));
    let stale = json!({ "version": 1, "step": "publish" });
    assert_eq!(refusal(&second.ask("POST", &path, &stale.to_string()).await), refused(409, "outdated", ""));
    assert_eq!(asked(&server, QUESTION).await["type"], "bot_hand_over", "a draft is nobody's answer");

    let published = step(&second, &submitted, "publish").await;
    assert_eq!((&published["line"]["state"], &published["line"]["inForce"]), (&json!("published"), &json!(1)));
    let said = answered(&server, QUESTION, |said| said["type"] == "bot_answer").await;
    assert_eq!((&said["entry"], &said["revision"]), (&published["line"]["id"], &json!(1)));
    assert_eq!(said["source"], "上海市公安局 第三条");
    assert!(said["since"].is_i64() && said.get("unreviewed").is_none(), "{said}");

    // The next revision holds only when it is published too; the history has both, and the old one can come back.
    let next = json!({ "version": published["line"]["version"], "content": content(QUESTION, "请到窗口处理。") });
    let id = published["line"]["id"].as_str().unwrap();
    let saved = editor.ask("PUT", &format!("/api/knowledge/entries/{id}/draft"), &next.to_string()).await.json();
    assert_eq!((&saved["line"]["state"], &saved["line"]["open"]), (&json!("published"), &json!("draft")));
    let waiting = step(&editor, &saved, "submit").await;
    let rejected = step(&second, &waiting, "reject").await;
    assert_eq!(rejected["revisions"][0]["reason"], "需要补充依据");
    let published = step(&second, &step(&editor, &rejected, "submit").await, "publish").await;
    answered(&server, QUESTION, |said| said["revision"] == 2 && said["text"] == "请到窗口处理。").await;
    let restore = json!({ "version": published["line"]["version"], "step": "restore", "revision": 1 });
    let restored = post(&editor, &path, &restore).await;
    assert_eq!((&restored["revisions"][0]["no"], &restored["revisions"][0]["state"]), (&json!(3), &json!("draft")));
    assert!(restored["revisions"][0]["content"]["answer"].as_str().unwrap().contains("重新签注"));

    // Retired: said no more.
    step(&second, &restored, "retire").await;
    answered(&server, QUESTION, |said| said["type"] != "bot_answer").await;

    // Each step is a line, without what was written.
    let auditor = Desk::of(&server, "auditor1").await;
    let lines = auditor.get("/api/admin/audit?action=knowledge&limit=50").await;
    let text = lines.to_string();
    for action in ["make", "save", "submit", "reject", "publish", "restore", "retire"] {
        assert!(text.contains(&format!("knowledge.{action}")), "{action}");
    }
    assert!(!text.contains("签注"), "{text}");
}

#[tokio::test]
async fn a_duplicate_or_contradiction_is_shown_to_whoever_saves() {
    let server = Server::demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let check = async |content: Value| post(&editor, "/api/knowledge/check", &json!({ "content": content })).await;
    let known = editor.get("/api/knowledge/entries/kb-residence-permit-lost").await;
    let mut same = known["revisions"][0]["content"].clone();
    let duplicate = check(same.clone()).await;
    assert_eq!(duplicate[0]["entry"], "kb-residence-permit-lost");
    assert_eq!(duplicate[0]["kinship"], "duplicate");
    same["answer"] = json!("不用挂失，直接补领，三天领证。");
    assert_eq!(check(same.clone()).await[0]["kinship"], "contradiction");
    same["items"] = json!(["id-card"]);
    assert_ne!(check(same).await[0]["kinship"], "contradiction", "about something else");
    assert_eq!(check(content("完全无关的量子退相干问题", "没有。")).await, json!([]));
}

/// Serves a citizen's question by hand and closes it, with the answer written back.
async fn served(server: &Server, agent: &mut Client, citizen: &str, question: &str, answer: &str) -> Value {
    let mut client = Client::open(&server.address, &server.citizen_token(citizen).await).await;
    let id = client.open_conversation().await;
    client.ok(send(&id, "q", question)).await;
    client.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    agent.ok(send(&id, &format!("a-{citizen}"), answer)).await;
    let write_back = json!({ "question": question, "answer": answer });
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "solved", "writeBack": write_back })).await
}

#[tokio::test]
async fn an_answer_is_written_back_without_its_person_and_the_bot_has_it_after_the_review() {
    let server = Server::demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let mut agent = server.staff("agent1001").await;
    let mine = Desk::of(&server, "agent1001").await;
    let answer = "张伟您好，失败代码七七请带身份证310101199007129567到窗口，电话13800138001，受理编号SH20261124001。";
    served(&server, &mut agent, "demo-citizen-1", &format!("我叫张伟，{QUESTION}"), answer).await;
    served(&server, &mut agent, "demo-citizen-2", QUESTION, answer).await;

    // One candidate with two sources; nothing of a person in it.
    let queue = editor.get("/api/knowledge/entries?open=in_review").await;
    assert_eq!(queue["entries"].as_array().unwrap().len(), 1, "{queue}");
    let candidate = queue["entries"][0].clone();
    assert_eq!((&candidate["state"], &candidate["sources"]), (&json!("in_review"), &json!(2)));
    assert_eq!((&candidate["origin"], &candidate["unit"]), (&json!("write_back"), &json!("police")));
    let id = candidate["id"].as_str().unwrap();
    let view = editor.get(&format!("/api/knowledge/entries/{id}")).await;
    let text = view.to_string();
    for secret in ["张伟", "310101199007129567", "13800138001", "SH20261124001"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert_eq!(view["mayReview"], json!(true));

    // Agents find it at once, marked; 小申 does not say it, and the agent sees that it waits.
    let begin = Instant::now();
    let hit = loop {
        let found =
            agent.ok(json!({ "type": "search_knowledge", "query": QUESTION, "item": "residence-permit" })).await;
        let hits = found["hits"].as_array().unwrap().clone();
        if let Some(hit) = hits.into_iter().find(|hit| hit["entry"] == *id) {
            break hit;
        }
        assert!(begin.elapsed() < Duration::from_secs(1), "{found}");
    };
    assert_eq!(hit["mark"], "waiting");
    assert!(!hit["matched"].as_array().unwrap().is_empty());
    assert_eq!(asked(&server, QUESTION).await["type"], "bot_hand_over");
    assert_eq!(mine.get("/api/knowledge/written-back").await["answers"][0]["state"], "in_review");

    step(&editor, &view, "publish").await;
    let said = answered(&server, QUESTION, |said| said["type"] == "bot_answer").await;
    assert_eq!(said["entry"], *id);
    assert_eq!(mine.get("/api/knowledge/written-back").await["answers"][1]["state"], "published");

    // Only what solved it is written back, and only by who served.
    let mut client = server.citizen().await;
    let other = client.open_about("id-card").await;
    let close = |outcome: &str| {
        json!({ "type": "close", "conversation": other, "outcome": outcome,
            "writeBack": { "question": "怎么办", "answer": "在线办" } })
    };
    assert_eq!(agent.refused(close("unsolved")).await["field"], "writeBack");
    assert_eq!(agent.refused(close("solved")).await["code"], "forbidden");
}

#[tokio::test]
async fn a_unit_may_let_the_bot_say_at_once_what_is_written_back_with_a_mark() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let unit = admin.get("/api/admin/records/unit/police").await;
    let mut body = unit["body"].clone();
    body["answersAtOnce"] = json!(true);
    admin.made("unit/police", unit["version"].as_u64().unwrap(), &body).await;
    let mut agent = server.staff("agent1001").await;
    served(&server, &mut agent, "demo-citizen-1", QUESTION, "请到窗口重新签注。").await;
    let said = answered(&server, QUESTION, |said| said["type"] == "bot_answer").await;
    assert_eq!((&said["unreviewed"], &said["text"]), (&json!(true), &json!("请到窗口重新签注。")));
}

#[tokio::test]
async fn a_district_adds_its_detail_to_the_citys_answer() {
    let server = Server::demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let second = Desk { server: &server, token: newcomer(&server, &admin, "editor2", "editor", "xuhui").await };
    let mut detail = content("居住证丢失了怎么补办？", "徐汇区可到南宁路969号办理。");
    detail["base"] = json!("kb-residence-permit-lost");
    detail["districts"] = json!(["xuhui"]);
    let refused_city = json!({ "unit": "police", "content": detail });
    let reply = editor.ask("POST", "/api/knowledge/entries", &refused_city.to_string()).await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "unit"));
    let made = post(&second, "/api/knowledge/entries", &json!({ "unit": "xuhui", "content": detail })).await;
    let submitted = step(&second, &made, "submit").await;
    step(&editor, &submitted, "publish").await;
    let question = "居住证丢失了怎么补办";
    let said = answered(&server, &format!("徐汇{question}"), |said| said["detail"].is_object()).await;
    assert_eq!((&said["entry"], &said["detail"]["district"]), (&json!("kb-residence-permit-lost"), &json!("徐汇区")));
    assert_eq!(asked(&server, question).await.get("detail"), None, "nobody has named a district");
}
