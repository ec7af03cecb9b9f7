//! What conversations teach: questions without an answer as clusters, what editors make of them, and the regression set that a
//! publication must not lower.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    knowledge::{Asker, content, demo, is_answer, post, step},
    support::{Desk, PATIENCE, Server, refusal, refused, send},
    sweep::newcomer,
};

const QUESTION: &str = "量子居住证签注失败代码七七怎么处理";

/// A citizen asks what nobody knows, says their number, is helped by nobody, and it is closed.
async fn asked_in_vain(server: &Server, code: &str, question: &str) {
    let mut citizen = crate::support::Client::open(&server.address, &server.citizen_token(code).await).await;
    let open = json!({ "type": "open_conversation", "item": "residence-permit", "channel": "pc" });
    let id = citizen.ok(open).await["conversation"].as_str().unwrap().to_owned();
    citizen.subscribe(&format!("conversation:{id}")).await;
    citizen.ok(send(&id, "q1", question)).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    agent.ok(send(&id, "a1", "抱歉，暂时无法答复。")).await;
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "unsolved" })).await;
}

async fn clusters(editor: &Desk<'_>) -> Vec<Value> {
    editor.get("/api/learning/clusters").await["clusters"].as_array().unwrap().clone()
}

/// The cluster that has the question, when as many have asked it.
async fn cluster(editor: &Desk<'_>, question: &str, count: u64) -> Value {
    let begin = Instant::now();
    loop {
        let all = clusters(editor).await;
        let is_it = |one: &&Value| one["notFound"] == count && one.to_string().contains(question);
        if let Some(found) = all.iter().find(is_it) {
            return found.clone();
        }
        assert!(begin.elapsed() < PATIENCE, "{all:?}");
    }
}

#[tokio::test]
async fn questions_without_an_answer_are_joined_and_become_a_task_or_wordings_of_an_entry() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let foreign = Desk { server: &server, token: newcomer(&server, &admin, "editor3", "editor", "huangpu").await };
    asked_in_vain(&server, "demo-citizen-1", &format!("{QUESTION}，我的电话13800138001")).await;
    asked_in_vain(&server, "demo-citizen-2", &format!("请问{QUESTION}，我的电话13900139002？")).await;
    let found = cluster(&editor, "签注失败", 2).await;
    assert_eq!((&found["item"], &found["unit"]), (&json!("residence-permit"), &json!("police")));
    assert!(!found.to_string().contains("138001"), "{found}");
    assert!(clusters(&foreign).await.is_empty(), "another unit's");

    // Not by others, and nothing wrong.
    let order = |what: Value| json!({ "labels": found["labels"], "use": what }).to_string();
    let gap = order(json!({ "type": "gap", "question": QUESTION }));
    assert_eq!(
        refusal(&foreign.ask("POST", "/api/learning/clusters", &gap).await),
        refused(404, "not_found", "labels[0]")
    );
    let empty = order(json!({ "type": "gap", "question": "" }));
    assert_eq!(
        refusal(&editor.ask("POST", "/api/learning/clusters", &empty).await),
        refused(400, "bad_request", "use.question")
    );
    let nowhere = order(json!({ "type": "similar", "entry": "kb-none", "questions": [QUESTION] }));
    assert_eq!(
        refusal(&editor.ask("POST", "/api/learning/clusters", &nowhere).await),
        refused(400, "bad_request", "use.entry")
    );
    assert_eq!(clusters(&editor).await.len(), 1);

    let used = post(&editor, "/api/learning/clusters", &serde_json::from_str(&gap).unwrap()).await;
    let task = editor.get(&format!("/api/tasks/{}", used["task"].as_str().unwrap())).await;
    assert_eq!((&task["task"]["question"], &task["task"]["askers"]), (&json!(QUESTION), &json!(2)));
    assert!(clusters(&editor).await.is_empty(), "something was made of it");

    // Another question is one more wording of an entry.
    let other = "量子居住证要几天才能到手呀";
    asked_in_vain(&server, "demo-citizen-1", other).await;
    let found = cluster(&editor, other, 1).await;
    let entry = "kb-residence-permit-lost";
    let similar =
        json!({ "labels": found["labels"], "use": { "type": "similar", "entry": entry, "questions": [other] } });
    assert_eq!(post(&editor, "/api/learning/clusters", &similar).await["entry"], entry);
    let view = editor.get(&format!("/api/knowledge/entries/{entry}")).await;
    let draft = &view["revisions"][0];
    assert_eq!(draft["state"], "draft");
    assert!(draft["content"]["similar"].as_array().unwrap().contains(&json!(other)), "{draft}");
}

#[tokio::test]
async fn a_publication_that_would_answer_a_kept_question_worse_needs_a_reason() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let second = Desk { server: &server, token: newcomer(&server, &admin, "editor2", "editor", "sh").await };
    let mut asker = Asker::new(&server).await;
    let make = async |question: &str, answer: &str| {
        let new = json!({ "unit": "police", "content": content(question, answer) });
        let made = post(&editor, "/api/knowledge/entries", &new).await;
        step(&editor, &made, "submit").await
    };
    let right = step(&second, &make(QUESTION, "请到窗口重新签注。").await, "publish").await;
    let right = right["line"]["id"].as_str().unwrap().to_owned();
    asker.until(QUESTION, is_answer).await;

    for (new, field) in [
        (json!({ "question": "", "entry": right }), "question"),
        (json!({ "question": QUESTION, "entry": "kb-none" }), "entry"),
        (json!({ "question": QUESTION, "entry": right, "item": "none" }), "item"),
    ] {
        let reply = editor.ask("POST", "/api/learning/regression", &new.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{new}");
    }
    let new = json!({ "question": QUESTION, "entry": right }).to_string();
    assert_eq!(editor.ask("POST", "/api/learning/regression", &new).await.status, 204);
    let set = editor.get("/api/learning/regression").await;
    assert_eq!((set["kept"].as_array().unwrap().len(), &set["kept"][0]["result"]), (1, &json!("right")));

    // The same question in another entry: which one is meant cannot be told any more.
    let waiting = make(QUESTION, "不用处理。").await;
    let id = waiting["line"]["id"].as_str().unwrap().to_owned();
    let steps = format!("/api/knowledge/entries/{id}/steps");
    let worse = second.get(&format!("/api/knowledge/entries/{id}/lowered")).await;
    assert_eq!((worse.as_array().unwrap().len(), &worse[0]["entry"]), (1, &json!(right)), "{worse}");
    let publish = json!({ "version": waiting["line"]["version"], "step": "publish" });
    let reply = second.ask("POST", &steps, &publish.to_string()).await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "reason"));
    assert!(is_answer(&asker.ask(QUESTION).await), "nothing has changed");
    let mut anyway = publish.clone();
    anyway["reason"] = json!("旧口径本月作废");
    post(&second, &steps, &anyway).await;
    asker.until(QUESTION, |said| !is_answer(said)).await;
    let audit = Desk { server: &server, token: admin };
    let lines = audit.get("/api/admin/audit?action=knowledge.lowered").await;
    assert_eq!((&lines["lines"][0]["reason"], &lines["lines"][0]["subject"]), (&json!("旧口径本月作废"), &json!(id)));
    assert_eq!(lines["lines"][0]["detail"]["questions"], json!([set["kept"][0]["id"]]));

    // As a file, and back.
    let file = editor.ask("GET", "/api/learning/regression/export", "").await;
    let line: Value = serde_json::from_str(file.text()).unwrap();
    assert_eq!(line, json!({ "q": QUESTION, "e": right }));
    let import = async |text: &str| {
        let head = "POST /api/learning/regression/import\nContent-Type: application/octet-stream";
        server.exchange(&format!("{head}\nAuthorization: Bearer {}", editor.token), text).await
    };
    let more =
        format!("{}\n\n{}\n", file.text().trim(), json!({ "q": "居住证掉了怎么整", "e": "kb-residence-permit-lost" }));
    assert_eq!(import(&more).await.json(), json!({ "added": 1, "same": 1 }));
    assert_eq!(import(&more).await.json(), json!({ "added": 0, "same": 2 }));
    for wrong in
        [r#"{"q":"居住证"}"#, r#"{"q":"居住证","e":"kb-none"}"#, r#"{"q":"？","e":"kb-residence-permit-lost"}"#]
    {
        let reply = import(&format!("\n{wrong}")).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", "body"), "{wrong}");
        assert!(reply.text().contains("line 2: "), "{}", reply.text());
    }
    // What is wrong already stands in no way, and what is not in the set any more either.
    let kept = set["kept"][0]["id"].as_str().unwrap();
    assert_eq!(editor.ask("DELETE", &format!("/api/learning/regression/{kept}"), "").await.status, 204);
    assert_eq!(editor.ask("DELETE", &format!("/api/learning/regression/{kept}"), "").await.status, 404);
    assert_eq!(editor.get("/api/learning/regression").await["kept"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_right_becomes_a_kept_question_and_a_wording_of_its_entry_and_is_in_the_copy_of_ones_data() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    citizen.ok(send(&id, "q1", QUESTION)).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    let sent = json!({ "type": "send", "conversation": id, "clientId": "a1", "text": "请补办。", "entry": "kb-residence-permit-lost" });
    agent.ok(sent).await;
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "solved" })).await;
    let begin = Instant::now();
    let shown = loop {
        let page = editor.get("/api/learning/regression").await;
        match page["shownRight"].as_array().unwrap().first() {
            Some(shown) => break shown.clone(),
            None => assert!(begin.elapsed() < PATIENCE, "{page}"),
        }
    };
    assert_eq!((&shown["question"], &shown["count"]), (&json!(QUESTION), &json!(1)));
    assert_eq!(shown["entry"], "kb-residence-permit-lost");
    let view = editor.get("/api/knowledge/entries/kb-residence-permit-lost").await;
    assert!(view["suggested"].as_array().unwrap().contains(&json!(QUESTION)), "{}", view["suggested"]);
    let keep = json!({ "question": QUESTION, "entry": shown["entry"], "labels": shown["labels"] }).to_string();
    assert_eq!(editor.ask("POST", "/api/learning/regression", &keep).await.status, 204);
    let page = editor.get("/api/learning/regression").await;
    assert_eq!((&page["kept"][0]["isLearnt"], &page["shownRight"]), (&json!(true), &json!([])));
    let admin = Desk { server: &server, token: server.token("admin1").await };
    let me = citizen.welcome["me"]["id"].as_str().unwrap();
    let copy = admin
        .ask("POST", &format!("/api/admin/citizens/{me}/export"), &json!({ "reason": "本人申请" }).to_string())
        .await;
    let text = String::from_utf8_lossy(&copy.body);
    assert!(text.contains("\"sent\"") && text.contains("\"labels\""), "labels are the person's too");
}

#[tokio::test]
async fn a_refit_by_too_few_labels_changes_nothing_and_is_the_citys_reviewers() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let agent = Desk::of(&server, "agent1001").await;
    assert_eq!(agent.ask("POST", "/api/bot/thresholds/refit", "").await.status, 403);
    let done = editor.ask("POST", "/api/bot/thresholds/refit", "").await.json();
    assert_eq!(done, json!({ "outcome": "too_few", "questions": 0, "needed": 200, "lowered": 0, "figures": null }));
    assert_eq!(editor.get("/api/bot/thresholds").await["versions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn why_something_was_said_is_told_to_who_reads_it_and_the_knowledge_base_without_personal_data() {
    let server = demo().await;
    let mut citizen = server.citizen().await;
    let open = json!({ "type": "open_conversation", "item": "residence-permit", "channel": "pc" });
    let id = citizen.ok(open).await["conversation"].as_str().unwrap().to_owned();
    let topic = format!("conversation:{id}");
    citizen.subscribe(&topic).await;
    citizen.ok(send(&id, "q1", "我电话13800138001，居住证丢失了怎么补办？")).await;
    let entries = citizen.subscribe(&topic).await["entries"].as_array().unwrap().clone();
    let said =
        entries.iter().find(|one| ["bot_answer", "bot_clarify"].contains(&one["body"]["type"].as_str().unwrap()));
    let seq = said.unwrap()["seq"].as_u64().unwrap();
    let path = |seq: u64| format!("/api/bot/why?conversation={id}&seq={seq}");
    let supervisor = Desk::of(&server, "super1").await;
    let why = supervisor.get(&path(seq)).await;
    assert_eq!((&why["masked"], &why["itemName"]), (&json!(true), &json!("居住证办理")), "{why}");
    assert!(!why.to_string().contains("13800138001"), "{why}");
    assert_eq!(why["then"]["thresholds"], 0);
    let hit = &why["hits"][0];
    assert_eq!(hit["entry"], "kb-residence-permit-lost", "{why}");
    assert!(hit["probability"].as_f64().unwrap() > 0.0 && hit["byCharacters"].as_f64().unwrap() > 0.0, "{hit}");
    assert_eq!(hit["features"].as_array().unwrap().len(), 24);
    // What is no decision, who does not read the conversation, and who does not read the knowledge base.
    assert_eq!(refusal(&supervisor.ask("GET", &path(1), "").await), refused(404, "not_found", "seq"));
    assert_eq!(refusal(&supervisor.ask("GET", &path(999), "").await), refused(404, "not_found", "seq"));
    let editor = Desk::of(&server, "editor1").await;
    assert!([403, 404].contains(&editor.ask("GET", &path(seq), "").await.status));
    let agent = Desk::of(&server, "agent1001").await;
    assert_eq!(agent.ask("GET", &path(seq), "").await.status, 403);
    let audit = Desk::of(&server, "auditor1").await;
    let lines = audit.get("/api/admin/audit?action=conversation.read").await;
    let lines = lines["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["detail"]["seq"] == seq && line["subject"] == id), "{lines:?}");

    // Any question, of which nothing is kept.
    let tried = post(&editor, "/api/bot/why", &json!({ "question": "居住证丢失了怎么补办？" })).await;
    assert_eq!((&tried["decision"], &tried["hits"][0]["band"]), (&json!("answer"), &json!("answer")));
    let by_words = post(&editor, "/api/bot/why", &json!({ "question": "转人工" })).await;
    assert_eq!(by_words["decision"], "by_words");
    for (wrong, field) in
        [(json!({ "question": "" }), "question"), (json!({ "question": "居住证", "item": "x" }), "item")]
    {
        let reply = editor.ask("POST", "/api/bot/why", &wrong.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field));
    }
}

/// Labels as threads give them, of a conversation that is not closed: each entry of the demo asked in the words of everyday, and solved;
/// and half as many questions that nobody answers.
async fn labelled(server: &Server, conversation: &str, at: i64) -> usize {
    use sqlx::Connection as _;
    let entries = include_str!("../../../../config/demo/entries.json");
    let entries: Vec<Value> = serde_json::from_str(entries).unwrap();
    let file = server.dir.path().join("bangban.db");
    let mut rows = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut labels = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let question = entry["question"].as_str().unwrap().trim_end_matches('？');
        labels.push(("solved", format!("侬好，{question}，我想问问清楚"), entry["id"].as_str()));
        if n % 2 == 0 {
            labels.push(("not_found", format!("第{n}路公交车末班车几点"), None));
        }
    }
    let mut all = rows.begin().await.unwrap();
    for (n, (kind, question, entry)) in labels.iter().enumerate() {
        let sql = "INSERT INTO label (conversation, seq, kind, question, unit, entry, at) VALUES ($1, $2, $3, $4, 'sh', $5, $6)";
        let row = sqlx::query(sql).bind(conversation).bind(1_000 + i64::try_from(n).unwrap()).bind(kind).bind(question);
        row.bind(*entry).bind(at).execute(&mut *all).await.unwrap();
    }
    all.commit().await.unwrap();
    labels.len()
}

#[tokio::test]
async fn a_refit_by_labels_makes_a_version_that_holds_at_once_and_can_be_taken_back() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let refit = async || {
        let reply = editor.ask("POST", "/api/bot/thresholds/refit", "").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    };
    let shipped = editor.get("/api/bot/thresholds").await["versions"][0].clone();
    assert_eq!(shipped["version"], 0);
    let few = refit().await;
    assert_eq!((&few["outcome"], &few["needed"], &few["figures"]), (&json!("too_few"), &json!(200), &Value::Null));
    assert_eq!(editor.get("/api/bot/thresholds").await["versions"].as_array().unwrap().len(), 1, "and no version");

    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let at = citizen.ok(send(&id, "q1", "你好")).await["at"].as_i64().unwrap();
    let labels = labelled(&server, &id, at).await;
    assert!(labels >= 200, "{labels}");
    let done = refit().await;
    assert_eq!(done["outcome"], "fitted", "{done}");
    assert!(done["questions"].as_u64() >= Some(200), "{done}");
    let ece = |side: &str| done["figures"][side]["ece"].as_f64().unwrap();
    assert!(ece("after") < ece("before"), "{done}");
    let holds = editor.get("/api/bot/thresholds").await["versions"][0].clone();
    assert_eq!(
        (&holds["version"], &holds["basis"], &holds["figures"]),
        (&json!(1), &json!("labels"), &done["figures"])
    );
    let limits = |one: &Value| (one["answer"].as_f64().unwrap(), one["clarify"].as_f64().unwrap());
    assert_ne!(limits(&holds), limits(&shipped), "other thresholds");
    // 小申 decides by it, and says so.
    let question = json!({ "question": "居住证丢了咋办", "item": null });
    let tried = async || post(&editor, "/api/bot/why", &question).await;
    let by_labels = tried().await;
    assert_eq!((&by_labels["thresholds"], by_labels["answer"].as_f64()), (&json!(1), Some(limits(&holds).0)));
    // By what it made nothing is left to be better by.
    assert_eq!(refit().await["outcome"], "not_better");

    let back = json!({ "version": 1, "to": 0, "reason": "试一下" });
    let list = post(&editor, "/api/bot/thresholds/rollback", &back).await;
    let newest = &list["versions"][0];
    assert_eq!((&newest["version"], &newest["copyOf"], &newest["figures"]), (&json!(2), &json!(0), &Value::Null));
    assert_eq!(limits(newest), limits(&shipped));
    let by_weights = tried().await;
    assert_eq!(by_weights["thresholds"], 2);
    // The first may be as sure as anything can be by both.
    let sure = |view: &Value| {
        let hits = view["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["probability"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_ne!(sure(&by_weights), sure(&by_labels), "with the calibrator of the weights again");
}
