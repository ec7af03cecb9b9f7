//! The knowledge base over REST and in conversations: four eyes, what 小申 answers from, and answers that agents write back.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    support::{Client, Desk, PATIENCE, Server, refusal, refused, send},
    sweep::newcomer,
};

pub(crate) async fn post(desk: &Desk<'_>, path: &str, body: &Value) -> Value {
    let reply = desk.ask("POST", path, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

pub(crate) fn content(question: &str, answer: &str) -> Value {
    json!({ "question": question, "answer": answer, "items": ["residence-permit"], "audience": "person",
        "source": "上海市公安局", "clause": "第三条" })
}

pub(crate) async fn step(desk: &Desk<'_>, entry: &Value, step: &str) -> Value {
    let path = format!("/api/knowledge/entries/{}/steps", entry["line"]["id"].as_str().unwrap());
    post(desk, &path, &json!({ "version": entry["line"]["version"], "step": step, "reason": "需要补充依据" })).await
}

/// The demo, in which many questions may be asked in a second.
pub(crate) async fn demo() -> Server {
    let limits = ["CITIZEN_BURST", "CITIZEN_PER_SECOND", "STAFF_BURST", "STAFF_PER_SECOND"];
    let names = limits.map(|limit| format!("BANGBAN__LIMITS__{limit}"));
    let settings: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1000")).collect();
    Server::start(&["--demo"], &settings).await
}

/// Somebody who asks 小申.
pub(crate) struct Asker {
    client: Client,
    conversation: String,
    asked: u32,
}

impl Asker {
    pub(crate) async fn new(server: &Server) -> Self {
        let mut client = Client::open(&server.address, &server.citizen_token("demo-enterprise-1").await).await;
        let conversation = client.open_conversation().await;
        client.subscribe(&format!("conversation:{conversation}")).await;
        Self { client, conversation, asked: 0 }
    }

    /// What 小申 says to a question.
    pub(crate) async fn ask(&mut self, question: &str) -> Value {
        self.asked += 1;
        let sent = self.client.ok(send(&self.conversation, &format!("q{}", self.asked), question)).await;
        let after = sent["seq"].as_u64().unwrap();
        let is_answer = |event: &Value| {
            let entry = &event["body"]["entry"];
            entry["seq"].as_u64() > Some(after) && entry["from"]["type"] == "bot"
        };
        self.client.event("the bot's answer", is_answer).await["body"]["entry"]["body"].clone()
    }

    /// Asks again and again until 小申 says it. On a quiet machine that is within a second of the change, also in a development
    /// build; this one may be busy with other tests.
    pub(crate) async fn until(&mut self, question: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let said = self.ask(question).await;
            if is_wanted(&said) {
                return said;
            }
            assert!(begin.elapsed() < PATIENCE, "{said}");
        }
    }
}

pub(crate) fn is_answer(said: &Value) -> bool {
    said["type"] == "bot_answer"
}

const QUESTION: &str = "量子居住证签注失败代码七七怎么处理";

#[tokio::test]
async fn an_entry_is_written_by_one_and_published_by_another_and_the_bot_says_it_at_once() {
    let server = demo().await;
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
    let mut asker = Asker::new(&server).await;
    assert!(!is_answer(&asker.ask(QUESTION).await), "a draft is nobody's answer");

    let published = step(&second, &submitted, "publish").await;
    assert_eq!((&published["line"]["state"], &published["line"]["inForce"]), (&json!("published"), &json!(1)));
    let said = asker.until(QUESTION, is_answer).await;
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
    asker.until(QUESTION, |said| said["revision"] == 2 && said["text"] == "请到窗口处理。").await;
    let restore = json!({ "version": published["line"]["version"], "step": "restore", "revision": 1 });
    let restored = post(&editor, &path, &restore).await;
    assert_eq!((&restored["revisions"][0]["no"], &restored["revisions"][0]["state"]), (&json!(3), &json!("draft")));
    assert!(restored["revisions"][0]["content"]["answer"].as_str().unwrap().contains("重新签注"));

    // What a revision changes is compared by the server.
    let changes = async |query: &str| editor.get(&format!("/api/knowledge/entries/{id}/changes?{query}")).await;
    let pieces = changes("to=3&from=2").await["changes"].clone();
    assert_eq!(pieces[0]["field"], "answer");
    assert_eq!(changes("to=3&from=1").await["changes"], json!([]), "it says what the first one said");
    assert_eq!(changes("to=1").await["changes"][0]["pieces"], json!([{ "kind": "new", "text": QUESTION }]));
    let none = editor.ask("GET", &format!("/api/knowledge/entries/{id}/changes?to=1&from=9"), "").await;
    assert_eq!(refusal(&none), refused(404, "not_found", "from"));

    // Retired: said no more.
    step(&second, &restored, "retire").await;
    asker.until(QUESTION, |said| !is_answer(said)).await;

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
    let server = demo().await;
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
    // Asked while somebody writes: what cannot be saved yet is nothing wrong.
    assert_eq!(check(content("", "见 https://evil.example/")).await, json!([]));
}

/// Serves a citizen's question by hand and closes it, with the answer written back: the conversation.
async fn served(server: &Server, agent: &mut Client, citizen: &str, question: &str, answer: &str) -> String {
    let mut client = Client::open(&server.address, &server.citizen_token(citizen).await).await;
    let id = client.open_conversation().await;
    client.ok(send(&id, "q", question)).await;
    client.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    agent.ok(send(&id, &format!("a-{citizen}"), answer)).await;
    let write_back = json!({ "question": question, "answer": answer });
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "solved", "writeBack": write_back })).await;
    id
}

/// What 小申 told a citizen in a conversation that was closed: the question and the answer.
async fn told(server: &Server, citizen: &str, conversation: &str) -> (Value, Value) {
    let mut client = Client::open(&server.address, &server.citizen_token(citizen).await).await;
    let snapshot = client.subscribe(&format!("conversation:{conversation}")).await;
    let is_found = |entry: &Value| entry["body"]["type"] == "answer_found";
    let entries = snapshot["entries"].as_array().unwrap().clone();
    let found = match entries.iter().find(|entry| is_found(entry)) {
        Some(found) => found.clone(),
        None => client.event("the notice", |event| is_found(&event["body"]["entry"])).await["body"]["entry"].clone(),
    };
    let follows = |entry: &Value| entry["seq"].as_u64() == found["seq"].as_u64().map(|seq| seq + 1);
    let answer = match entries.iter().find(|entry| follows(entry)) {
        Some(answer) => answer.clone(),
        None => client.event("the answer", |event| follows(&event["body"]["entry"])).await["body"]["entry"].clone(),
    };
    (found["body"]["question"].clone(), answer["body"].clone())
}

/// What a member of staff was told, the newest first.
async fn notices(desk: &Desk<'_>) -> Vec<String> {
    let page = desk.get("/api/messages/mine").await;
    page["messages"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_answer_is_written_back_without_its_person_and_the_bot_has_it_after_the_review() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let mut agent = server.staff("agent1001").await;
    let mine = Desk::of(&server, "agent1001").await;
    let answer = "张伟您好，失败代码七七请带身份证310101199007129567到窗口，电话13800138001，受理编号SH20261124001。";
    let first = served(&server, &mut agent, "demo-citizen-1", &format!("我叫张伟，{QUESTION}"), answer).await;
    let second = served(&server, &mut agent, "demo-citizen-2", QUESTION, answer).await;

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
        assert!(begin.elapsed() < PATIENCE, "{found}");
    };
    assert_eq!(hit["mark"], "waiting");
    assert!(!hit["matched"].as_array().unwrap().is_empty());
    let mut asker = Asker::new(&server).await;
    assert!(!is_answer(&asker.ask(QUESTION).await));
    assert_eq!(mine.get("/api/knowledge/written-back").await["answers"][0]["state"], "in_review");

    // Sent back, corrected and published: its author is told each time, and those whom it answered once.
    let back = step(&editor, &view, "reject").await;
    step(&editor, &step(&editor, &back, "submit").await, "publish").await;
    let said = asker.until(QUESTION, is_answer).await;
    assert_eq!(said["entry"], *id);
    assert_eq!(mine.get("/api/knowledge/written-back").await["answers"][1]["state"], "published");
    let [published, sent_back] = <[String; 2]>::try_from(notices(&mine).await).unwrap();
    assert!(published.contains("已审核发布"), "{published}");
    assert!(sent_back.contains("退回") && sent_back.contains("需要补充依据"), "{sent_back}");
    for (citizen, conversation) in [("demo-citizen-1", &first), ("demo-citizen-2", &second)] {
        let (question, answer) = told(&server, citizen, conversation).await;
        assert!(question.as_str().unwrap().ends_with(QUESTION), "as they asked it: {question}");
        assert_eq!((&answer["type"], &answer["entry"]), (&json!("bot_answer"), &said["entry"]));
    }
    let sink = Desk::of(&server, "admin1").await.get("/api/messages?channel=thread").await;
    assert_eq!(sink["messages"].as_array().unwrap().len(), 2, "each once: {sink}");

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
async fn a_question_that_nobody_could_answer_is_done_when_another_agents_answer_to_it_is_published() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let mut agent = server.staff("agent1001").await;
    let mut client = Client::open(&server.address, &server.citizen_token("demo-citizen-1").await).await;
    let unknown = client.open_conversation().await;
    client.ok(send(&unknown, "q", QUESTION)).await;
    client.ok(json!({ "type": "request_human", "conversation": unknown })).await;
    agent.accept().await;
    agent.ok(send(&unknown, "a", "我帮您转给业务部门")).await;
    let no_answer = format!("请问{QUESTION}？");
    agent.ok(json!({ "type": "close", "conversation": unknown, "outcome": "unsolved", "noAnswer": no_answer })).await;
    served(&server, &mut agent, "demo-citizen-2", QUESTION, "请到窗口重新签注。").await;
    let candidate = editor.get("/api/knowledge/entries?open=in_review").await["entries"][0].clone();
    let view = editor.get(&format!("/api/knowledge/entries/{}", candidate["id"].as_str().unwrap())).await;
    step(&editor, &view, "publish").await;
    let tasks = editor.get("/api/tasks").await;
    assert_eq!((&tasks["tasks"][0]["state"], &tasks["tasks"][0]["entry"]), (&json!("done"), &candidate["id"]));
    let (question, answer) = told(&server, "demo-citizen-1", &unknown).await;
    assert_eq!((&question, &answer["text"]), (&json!(no_answer), &json!("请到窗口重新签注。")));
}

#[tokio::test]
async fn three_citizens_whom_an_answer_did_not_help_make_one_correction_task_of_the_revision() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let (question, entry) = ("居住证丢失了怎么补办？", "kb-residence-permit-lost");
    let mut last = String::new();
    let mut doubt = async |citizen: &str| {
        let mut client = Client::open(&server.address, &server.citizen_token(citizen).await).await;
        let id = client.open_conversation().await;
        client.subscribe(&format!("conversation:{id}")).await;
        client.ok(send(&id, "q", question)).await;
        let said = client.event("the answer", |event| event["body"]["entry"]["body"]["type"] == "bot_answer").await;
        assert_eq!(said["body"]["entry"]["body"]["entry"], entry);
        let judged =
            json!({ "type": "bot_feedback", "conversation": id, "seq": said["body"]["entry"]["seq"], "solved": false });
        // Said twice it is one voice.
        client.ok(judged.clone()).await;
        client.ok(judged).await;
        last = id;
    };
    doubt("demo-citizen-1").await;
    doubt("demo-citizen-2").await;
    assert_eq!(editor.get("/api/tasks").await["tasks"], json!([]), "two may have meant something else");
    doubt("demo-enterprise-1").await;
    let task = editor.get("/api/tasks").await["tasks"][0].clone();
    assert_eq!((&task["kind"], &task["entry"], &task["revision"]), (&json!("correction"), &json!(entry), &json!(1)));
    assert_eq!((&task["askers"], &task["question"]), (&json!(3), &json!(question)));

    // What an agent says of the same revision joins it.
    let agent = Desk::of(&server, "agent1001").await;
    let wrong = json!({ "entry": entry, "text": "办理地点已经变更" }).to_string();
    assert_eq!(agent.ask("POST", "/api/tasks/corrections", &wrong).await.status, 204);
    let tasks = editor.get("/api/tasks").await;
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 1, "{tasks}");

    // Corrected: those who were not helped are told.
    let known = editor.get(&format!("/api/knowledge/entries/{entry}")).await;
    let mut content = known["revisions"][0]["content"].clone();
    content["answer"] = json!("先挂失，再到任意社区事务受理服务中心补领。");
    let draft = json!({ "version": known["line"]["version"], "content": content, "task": task["id"] });
    let saved = editor.ask("PUT", &format!("/api/knowledge/entries/{entry}/draft"), &draft.to_string()).await.json();
    let submitted = step(&editor, &saved, "submit").await;
    step(&Desk::of(&server, "super1").await, &submitted, "publish").await;
    let (asked, answer) = told(&server, "demo-enterprise-1", &last).await;
    assert_eq!((&asked, &answer["revision"]), (&json!(question), &json!(2)));
    assert_eq!(editor.get("/api/tasks").await["tasks"][0]["state"], "done");
}

#[tokio::test]
async fn a_unit_may_let_the_bot_say_at_once_what_is_written_back_with_a_mark() {
    let server = demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let unit = admin.get("/api/admin/records/unit/police").await;
    let mut body = unit["body"].clone();
    body["answersAtOnce"] = json!(true);
    admin.made("unit/police", unit["version"].as_u64().unwrap(), &body).await;
    let mut agent = server.staff("agent1001").await;
    served(&server, &mut agent, "demo-citizen-1", QUESTION, "请到窗口重新签注。").await;
    let said = Asker::new(&server).await.until(QUESTION, is_answer).await;
    assert_eq!((&said["unreviewed"], &said["text"]), (&json!(true), &json!("请到窗口重新签注。")));
}

#[tokio::test]
async fn a_district_adds_its_detail_to_the_citys_answer() {
    let server = demo().await;
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
    let mut asker = Asker::new(&server).await;
    let said = asker.until(&format!("徐汇{question}"), |said| said["detail"].is_object()).await;
    assert_eq!((&said["entry"], &said["detail"]["district"]), (&json!("kb-residence-permit-lost"), &json!("徐汇区")));
    assert_eq!(asker.ask(question).await["detail"]["district"], "徐汇区", "it was named before");
    let elsewhere = asker.ask(&format!("浦东{question}")).await;
    assert_eq!((&elsewhere["entry"], elsewhere.get("detail")), (&json!("kb-residence-permit-lost"), None));
}

#[tokio::test]
async fn review_points_are_kept_by_the_items_department_in_an_order() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let tax = Desk { server: &server, token: newcomer(&server, &admin, "editor3", "editor", "tax").await };
    let point = |item: &str, rule: &str| json!({ "item": item, "subject": "material", "name": "居民身份证", "rule": rule, "source": "《居住证暂行条例》第九条" });
    let put = |version: u64, place: u32, point: Value| json!({ "version": version, "place": place, "point": point });
    let path = "/api/knowledge/points";
    let second = post(&editor, path, &put(0, 2, point("residence-permit", "照片清晰"))).await;
    post(&editor, path, &put(0, 1, point("residence-permit", "在有效期内"))).await;
    for (body, field) in [
        (put(0, 1, point("no-such-item", "在有效期内")), "point.item"),
        (put(0, 1, point("residence-permit", "")), "point.rule"),
        (put(3, 1, point("residence-permit", "在有效期内")), "version"),
    ] {
        let reply = editor.ask("POST", path, &body.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{body}");
    }
    let of = async |desk: &Desk<'_>| desk.get(&format!("{path}?item=residence-permit")).await;
    let rules = |list: &Value| {
        let points = list["points"].as_array().unwrap();
        points.iter().map(|one| one["point"]["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rules(&of(&editor).await), ["在有效期内", "照片清晰"]);

    // Others read; only the item's department and whoever stands above it changes.
    let others = of(&tax).await;
    assert_eq!((rules(&others).len(), &others["mayEdit"]), (2, &json!(false)));
    let one = format!("{path}/{}", second["id"].as_str().unwrap());
    let change = put(1, 0, point("residence-permit", "照片清晰，无遮挡")).to_string();
    assert_eq!(tax.ask("PUT", &one, &change).await.status, 404);
    assert_eq!(editor.ask("PUT", &one, &change).await.status, 200);
    assert_eq!(refusal(&editor.ask("PUT", &one, &change).await), refused(409, "outdated", ""));
    assert_eq!(rules(&of(&editor).await), ["照片清晰，无遮挡", "在有效期内"]);
    assert_eq!(editor.ask("DELETE", &format!("{one}?version=1"), "").await.status, 409);
    assert_eq!(editor.ask("DELETE", &format!("{one}?version=2"), "").await.status, 204);
    assert_eq!(rules(&of(&editor).await), ["在有效期内"]);

    // The same as a file: what was exported changes nothing, what is wrong is named, and a row without an id is new.
    let import = async |desk: &Desk<'_>, options: &str, file: &str| {
        let head = format!("POST {path}/import?{options}\nAuthorization: Bearer {}", desk.token);
        let head = format!("{head}\nContent-Type: application/octet-stream");
        desk.server.exchange(&head, file).await
    };
    let file = editor.ask("GET", &format!("{path}/export?format=csv&item=residence-permit"), "").await;
    let again = import(&editor, "format=csv", file.text()).await.json();
    assert_eq!((&again["unchanged"], &again["new"], &again["imported"]), (&json!(1), &json!(0), &json!(true)));
    let lines = format!(
        "{}\n{}\n",
        json!({ "item": "居住证办理", "subject": "条件", "name": "居住满半年", "rule": "以登记为准", "source": "条例" }),
        json!({ "item": "residence-permit", "subject": "material", "name": "照片", "rule": "", "source": "条例" }),
    );
    let dry = import(&editor, "format=jsonl&dryRun=true", &lines).await.json();
    assert_eq!((&dry["new"], &dry["bad"][0]["row"], &dry["bad"][0]["field"]), (&json!(1), &json!(2), &json!("rule")));
    let others = import(&tax, "format=jsonl&skipBad=true", &lines).await.json();
    assert_eq!((&others["badRows"], &others["new"]), (&json!(2), &json!(0)), "not their item");
    let done = import(&editor, "format=jsonl&skipBad=true", &lines).await.json();
    assert_eq!((&done["new"], &done["imported"]), (&json!(1), &json!(true)));
    assert_eq!(rules(&of(&editor).await), ["在有效期内", "以登记为准"], "after the others");
}
