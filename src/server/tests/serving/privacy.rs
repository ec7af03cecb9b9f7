//! What leaves the server for whom, by the bytes on the wire; reveal; the audit log; one person's data; the server's own log.

use serde_json::{Value, json};

use crate::{
    files::{PDF, Person, links, send_file},
    support::{Client, Server, send},
};

/// Made up; the check digits are right. What is written, and what staff see of it.
const IDENTITY: (&str, &str) = ("310101199003078512", "310***********8512");
const PHONE: (&str, &str) = ("13912345678", "139****5678");
const CARD: (&str, &str) = ("6222021234567890128", "6222 **** **** 0128");
const EMAIL: (&str, &str) = ("zhangwei@163.com", "z***@163.com");
const ADDRESS: (&str, &str) = ("漕溪北路398号1203室", "上海市徐汇区***");
const NOTE_PHONE: (&str, &str) = ("13798765432", "137****5432");
const REPLY_PHONE: (&str, &str) = ("13611112222", "136****2222");
const TRANSFER_PHONE: (&str, &str) = ("13522223333", "135****3333");
const FILE_PHONE: (&str, &str) = ("13433334444", "134****4444");

/// REST as a member of staff.
struct Desk<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Desk<'a> {
    async fn of(server: &'a Server, login: &str) -> Desk<'a> {
        let body = json!({ "login": login, "password": "bangban-demo" }).to_string();
        let reply = server.post("/api/staff/login", &body).await;
        assert_eq!(reply.status, 200, "{login}: {}", reply.text());
        Self { server, token: reply.json()["token"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, line: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{line}\nAuthorization: Bearer {}\nContent-Type: application/json", self.token);
        let reply = self.server.exchange(&head, &body).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    async fn reveal(&self, conversation: &str, what: Value, reason: &str) -> (u16, Value) {
        let mut body = json!({ "conversation": conversation, "reason": reason });
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        self.ask("POST /api/staff/reveal", &body).await
    }
}

#[tokio::test]
async fn staff_get_masked_bytes_and_the_citizen_what_was_written() {
    let server = Server::start(&["--demo"], &[("BANGBAN__LIMITS__CITIZEN_BURST", "1000")]).await;
    let (person, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    // Before the agent looks: the snapshot and the offer's preview.
    let first = format!("我是张伟，身份证{}，电话{}", IDENTITY.0, PHONE.0);
    citizen.ok(send(&id, "c1", &first)).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let (mut agent, mut supervisor) = (server.staff("agent1001").await, server.staff("super1").await);
    agent.accept().await;
    let heard = serde_json::to_string(agent.heard()).unwrap() + &agent.wire;
    assert!(heard.contains(IDENTITY.1), "the offer's preview: {heard}");
    let snapshot = agent.subscribe(&format!("conversation:{id}")).await;
    let masked = format!("我是张伟，身份证{}，电话{}", IDENTITY.1, PHONE.1);
    let entry = snapshot["entries"].as_array().unwrap().iter().find(|one| one["from"]["type"] == "citizen").unwrap();
    assert_eq!((&entry["body"]["text"], &entry["masked"]), (&json!(masked), &json!(true)));
    let context = agent.subscribe(&format!("notes:{id}")).await["context"].clone();
    assert_eq!((&context["citizenName"], &context["phone"]), (&json!("张*"), &json!("138****8001")));
    for topic in ["conversation", "notes"] {
        supervisor.subscribe(&format!("{topic}:{id}")).await;
    }
    let auditor = Desk::of(&server, "auditor1").await;
    let (_, page) = auditor.ask("GET /api/admin/audit?action=conversation.read", &Value::Null).await;
    assert_eq!(page["lines"].as_array().unwrap().len(), 1, "the supervisor looked, the agent serves: {page}");
    assert_eq!(page["lines"][0]["actorName"], "吴督导");
    // Live, from both sides, in both lanes.
    let more = format!("卡号{}，邮箱{}，住上海市徐汇区{}", CARD.0, EMAIL.0, ADDRESS.0);
    citizen.ok(send(&id, "c2", &more)).await;
    agent.ok(send(&id, "a1", &format!("请打{}", REPLY_PHONE.0))).await;
    let note = format!("市民另一个号码{}", NOTE_PHONE.0);
    agent.ok(json!({ "type": "note", "conversation": id, "clientId": "n1", "text": note })).await;
    let file = person.uploaded(&id, "file", &format!("{}的证明.pdf", FILE_PHONE.0), PDF).await;
    citizen.ok(send_file(&id, "c3", &file)).await;
    citizen.ok(send(&id, "end", "完了")).await;
    for reader in [&mut citizen, &mut agent, &mut supervisor] {
        reader.event("the last message", |event| event["body"]["entry"]["clientId"] == "end").await;
    }
    // A draft is its author's.
    let draft = format!("草稿 {}", REPLY_PHONE.0);
    agent.ok(json!({ "type": "save_draft", "conversation": id, "text": draft })).await;
    assert_eq!(agent.subscribe(&format!("notes:{id}")).await["draft"], json!(draft));
    // A colleague sees the transfer's note in the offer.
    let mut colleague = server.staff("agent1002").await;
    let target = colleague.welcome["me"]["id"].clone();
    let me = target.as_str().unwrap().to_owned();
    colleague.subscribe(&format!("agent:{me}")).await;
    let to = json!({ "type": "agent", "agent": target });
    let note = format!("回电{}", TRANSFER_PHONE.0);
    agent.ok(json!({ "type": "transfer", "conversation": id, "to": to, "note": note })).await;
    let offer = colleague.event("offer", |event| event["body"]["view"]["offer"].is_object()).await;
    assert_eq!(offer["body"]["view"]["offer"]["transferNote"], json!(format!("回电{}", TRANSFER_PHONE.1)));
    // Older parts of the thread.
    for reader in [&mut citizen, &mut agent, &mut supervisor] {
        reader.ok(json!({ "type": "load_earlier", "conversation": id, "before": 1_000 })).await;
    }
    // The file's name, in the address's answer.
    let (of_agent, _) = links(&mut agent, &id, &file).await;
    let (of_citizen, _) = links(&mut citizen, &id, &file).await;
    let name = |reply: reqwest::Response| reply.headers()["content-disposition"].to_str().unwrap().to_owned();
    let (agents, citizens) = (name(person.fetch(&of_agent).await), name(person.fetch(&of_citizen).await));
    assert!(agents.contains("134%2A%2A%2A%2A4444") && !agents.contains(FILE_PHONE.0), "{agents}");
    assert!(citizens.contains(FILE_PHONE.0), "{citizens}");

    let says = |client: &Client, text: &str| client.wire.contains(text);
    for (clear, masked) in [IDENTITY, PHONE, CARD, EMAIL, ADDRESS, FILE_PHONE] {
        assert!(says(&citizen, clear) && !says(&citizen, masked), "the citizen sees {clear}");
        assert!(says(&agent, masked) && !says(&agent, clear), "the agent sees {masked}, not {clear}");
        assert!(says(&supervisor, masked) && !says(&supervisor, clear), "the supervisor sees {masked}, not {clear}");
    }
    // What the agent wrote: as typed to its author and to the citizen, masked to others; notes are nothing for citizens.
    assert!(says(&citizen, REPLY_PHONE.0) && says(&agent, REPLY_PHONE.0) && !says(&agent, REPLY_PHONE.1));
    assert!(
        says(&agent, NOTE_PHONE.0)
            && says(&agent, TRANSFER_PHONE.0)
            && !says(&citizen, NOTE_PHONE.0)
            && !says(&citizen, TRANSFER_PHONE.0)
    );
    for (clear, masked) in [REPLY_PHONE, NOTE_PHONE, TRANSFER_PHONE] {
        assert!(says(&supervisor, masked) && !says(&supervisor, clear), "{clear}");
    }
    assert!(!says(&colleague, TRANSFER_PHONE.0));
}

#[tokio::test]
async fn a_reveal_needs_a_right_and_a_reason_and_leaves_a_line() {
    let server = Server::start(&["--demo"], &[("BANGBAN__PRIVACY__REVEAL_BURST", "7")]).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let text = format!("电话{}", PHONE.0);
    let seq = citizen.ok(send(&id, "c1", &text)).await["seq"].as_u64().unwrap();
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    let (desk, other) = (Desk::of(&server, "agent1001").await, Desk::of(&server, "agent1003").await);
    let message = json!({ "seq": seq });
    for (what, reason, status, field) in [
        (message.clone(), "核对", 400, "reason"),
        (json!({}), "核对办事人身份", 400, "seq"),
        (json!({ "seq": seq, "field": "phone" }), "核对办事人身份", 400, "seq"),
        (json!({ "seq": 99 }), "核对办事人身份", 404, "seq"),
        (json!({ "seq": 0 }), "核对办事人身份", 404, "seq"),
    ] {
        let (got, body) = desk.reveal(&id, what.clone(), reason).await;
        assert_eq!((got, &body["error"]["field"]), (status, &json!(field)), "{what} {reason}: {body}");
    }
    assert_eq!(other.reveal(&id, message.clone(), "核对办事人身份").await.0, 403, "not theirs");
    let citizens =
        Desk { server: &server, token: server.citizen_token("demo-citizen-1").await.as_str().unwrap().to_owned() };
    assert_eq!(citizens.reveal(&id, message.clone(), "核对办事人身份").await.0, 403);
    // The reason is kept without what is personal in it.
    let (status, shown) = desk.reveal(&id, message.clone(), &format!("核对 {}", PHONE.0)).await;
    assert_eq!((status, &shown["text"]), (200, &json!(text)));
    for (field, value) in [("name", "张伟"), ("phone", "13800138001")] {
        let (status, shown) = desk.reveal(&id, json!({ "field": field }), "回电联系办事人").await;
        assert_eq!((status, &shown["text"]), (200, &json!(value)));
    }
    // Four of the seven were spent on what is not there or not one thing.
    assert_eq!(desk.reveal(&id, message.clone(), "回电联系办事人").await.0, 429);
    assert_eq!(
        Desk::of(&server, "super1").await.reveal(&id, message, "处理投诉").await.0,
        200,
        "who may read the unit's"
    );

    let auditor = Desk::of(&server, "auditor1").await;
    let (status, page) = auditor.ask("GET /api/admin/audit?action=data.reveal", &Value::Null).await;
    assert_eq!(status, 200, "{page}");
    let lines = page["lines"].as_array().unwrap();
    let told: Vec<_> = lines.iter().rev().map(|line| (&line["detail"], line["reason"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            (&json!({ "seq": seq }), "核对 139****5678"),
            (&json!({ "field": "name" }), "回电联系办事人"),
            (&json!({ "field": "phone" }), "回电联系办事人"),
            (&json!({ "seq": seq }), "处理投诉"),
        ]
    );
    assert!(lines.iter().all(|line| line["subject"] == json!(id) && line["kind"] == "conversation"));
    assert_eq!(lines[3]["actorName"], "李敏");
    let everything = page.to_string();
    for value in [PHONE.0, "13800138001", "张伟"] {
        assert!(!everything.contains(value), "{value}: {everything}");
    }
}

#[tokio::test]
async fn the_audit_log_is_read_exported_and_verified() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let seq = citizen.ok(send(&id, "c1", "电话13912345678")).await["seq"].clone();
    let supervisor = Desk::of(&server, "super1").await;
    for reason in ["核对办事人身份", "=1+1 公式"] {
        assert_eq!(supervisor.reveal(&id, json!({ "seq": seq }), reason).await.0, 200);
    }
    for login in ["agent1001", "super1"] {
        let desk = Desk::of(&server, login).await;
        for path in
            ["/api/admin/audit", "/api/admin/audit/export", "/api/admin/audit/verify", "/api/admin/retention/runs"]
        {
            assert_eq!(desk.ask(&format!("GET {path}"), &Value::Null).await.0, 403, "{login} {path}");
        }
    }
    let auditor = Desk::of(&server, "auditor1").await;
    let (_, page) = auditor.ask("GET /api/admin/audit?limit=1&kind=conversation", &Value::Null).await;
    assert_eq!((page["lines"].as_array().unwrap().len(), page["lines"][0]["reason"].as_str()), (1, Some("=1+1 公式")));
    let next = page["next"].as_u64().unwrap();
    let path = format!("GET /api/admin/audit?limit=1&kind=conversation&before={next}");
    let (_, page) = auditor.ask(&path, &Value::Null).await;
    assert_eq!(page["lines"][0]["reason"], "核对办事人身份");
    let (status, refused) = auditor.ask("GET /api/admin/audit?limit=201", &Value::Null).await;
    assert_eq!((status, &refused["error"]["field"]), (400, &json!("limit")));

    let (status, verified) = auditor.ask("GET /api/admin/audit/verify", &Value::Null).await;
    assert_eq!((status, &verified["whole"]), (200, &json!(true)));
    let head =
        format!("GET /api/admin/audit/export?format=csv&kind=conversation\nAuthorization: Bearer {}", auditor.token);
    let reply = server.exchange(&head, "").await;
    assert_eq!((reply.status, reply.text().lines().count()), (200, 3));
    assert!(reply.text().contains("\"'=1+1 公式\""), "{}", reply.text());
    let (_, page) = auditor.ask("GET /api/admin/audit?action=audit.export", &Value::Null).await;
    assert_eq!(page["lines"][0]["detail"]["lines"], 2, "the export is a line itself");
    // Beside the running server: whole, with a hash that was written down, and not with another one.
    let last = verified["last"].as_str().unwrap();
    let verify = async |expect: &str| {
        let done = tokio::process::Command::new(env!("CARGO_BIN_EXE_bangban"))
            .args(["audit", "verify", "--expect", expect])
            .env("BANGBAN__DATA__DIR", server.dir.path())
            .output()
            .await
            .unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
        )
    };
    let (code, said) = verify(last).await;
    assert!(code == Some(0) && said.contains("every one fits"), "{said}");
    let (code, said) = verify(&"0".repeat(64)).await;
    assert!(code == Some(1) && said.contains("cut off"), "{said}");
}

#[tokio::test]
async fn a_person_s_data_is_handed_out_and_erased_by_two() {
    let server = Server::demo().await;
    let (person, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    citizen.ok(send(&id, "c1", &format!("<b>电话</b>{}", PHONE.0))).await;
    let file = person.uploaded(&id, "file", "证明.pdf", PDF).await;
    citizen.ok(send_file(&id, "c2", &file)).await;
    let me = citizen.welcome["me"]["id"].as_str().unwrap().to_owned();
    let (one, two) = (Desk::of(&server, "admin1").await, Desk::of(&server, "admin2").await);
    for q in [me.as_str(), id.as_str(), "13800138001"] {
        let (status, found) = one.ask("POST /api/admin/citizens/find", &json!({ "q": q })).await;
        assert_eq!(status, 200, "{found}");
        let view = &found["people"][0];
        assert_eq!(
            (&view["id"], &view["name"], &view["phone"]),
            (&json!(me), &json!("张*"), &json!("138****8001")),
            "{q}"
        );
        assert_eq!((&view["conversations"], &view["open"]), (&json!(1), &json!(1)));
    }
    let (status, refused) = one.ask("POST /api/admin/citizens/find", &json!({ "q": "张伟" })).await;
    assert_eq!((status, &refused["error"]["field"]), (400, &json!("q")), "a name finds too many");
    let supervisor = Desk::of(&server, "super1").await;
    assert_eq!(supervisor.ask("POST /api/admin/citizens/find", &json!({ "q": me })).await.0, 403);

    // Everything, in an archive that other programs can read.
    let path = format!("POST /api/admin/citizens/{me}/export");
    let head = format!("{path}\nAuthorization: Bearer {}\nContent-Type: application/json", one.token);
    let reply = server.exchange(&head, &json!({ "reason": "本人申请查阅" }).to_string()).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/zip"));
    let zip = server.dir.path().join("export.zip");
    std::fs::write(&zip, &reply.body).unwrap();
    let listed = std::process::Command::new("python3").args(["-m", "zipfile", "-t"]).arg(&zip).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8_lossy(&reply.body);
    for part in
        ["person.json", "index.html", "proof.json", &format!("conversations/{id}.json"), &format!("{file}-证明.pdf")]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("张伟") && text.contains(PHONE.0) && text.contains("&lt;b&gt;电话&lt;/b&gt;"));

    // Not while a conversation is open; not by one alone.
    let erase = format!("POST /api/admin/citizens/{me}/erase");
    let why = json!({ "reason": "本人申请删除" });
    let (status, refused) = one.ask(&erase, &why).await;
    assert_eq!((status, &refused["error"]["field"]), (409, &json!("conversations")), "{refused}");
    citizen.ok(json!({ "type": "finish", "conversation": id })).await;
    let (status, asked) = one.ask(&erase, &why).await;
    assert_eq!((status, &asked["state"]), (202, &json!("asked")), "{asked}");
    assert_eq!(one.ask(&format!("{erase}/confirm"), &why).await.0, 403, "the one who asked");
    let (status, done) = two.ask(&format!("{erase}/confirm"), &json!({ "reason": "已核对申请" })).await;
    assert_eq!((status, &done["state"]), (200, &json!("done")), "{done}");
    assert_eq!(done["proof"]["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(two.ask("POST /api/admin/citizens/find", &json!({ "q": me })).await.1["people"], json!([]));
    // Nothing of it is left, in no table and no file; the skeleton is there.
    let (_, verified) = Desk::of(&server, "auditor1").await.ask("GET /api/admin/audit/verify", &Value::Null).await;
    assert_eq!(verified["whole"], json!(true));
    server.terminate();
    let (_, dir) = server.ended().await;
    // A member of the demo staff has a name that begins like that.
    let dump = dump(&dir.path().join("bangban.db")).await.replace("张伟民", "");
    for gone in ["张伟", PHONE.0, "13800138001", "证明.pdf"] {
        assert!(!dump.contains(gone), "{gone} is left");
    }
    assert!(dump.contains(&id), "the skeleton stays for the figures");
    let files = std::fs::read_dir(dir.path().join("files")).unwrap();
    assert_eq!(files.flat_map(|one| walk(&one.unwrap().path())).count(), 0, "no bytes");
}

fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    std::fs::read_dir(path).unwrap().flat_map(|one| walk(&one.unwrap().path())).collect()
}

/// All rows of all tables as text.
async fn dump(path: &std::path::Path) -> String {
    use sqlx::{Connection as _, Row as _};
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let tables =
        sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let mut text = String::new();
    for table in tables {
        let name: String = table.get(0);
        let columns = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{name}')")));
        let columns = columns.fetch_all(&mut connection).await.unwrap();
        let columns: Vec<String> =
            columns.iter().map(|row| format!("COALESCE(CAST({} AS TEXT), '')", row.get::<String, _>(0))).collect();
        let sql = format!("SELECT {} FROM {name}", columns.join(" || '|' || "));
        for row in sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap() {
            text += row.get::<&str, _>(0);
            text.push('\n');
        }
    }
    text
}

/// A busy session: names, telephones and ids in every field, in what succeeds and in what is refused.
#[tokio::test]
async fn the_log_the_output_and_the_metrics_hold_no_personal_data() {
    let settings = [
        ("BANGBAN__LOG__LEVEL", "trace"),
        ("BANGBAN__LOG__FORMAT", "json"),
        ("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"),
        ("BANGBAN__LIMITS__CITIZEN_BURST", "1000"),
    ];
    let mut server = Server::start(&["--demo"], &settings).await;
    let secret = format!("{} {} {} {}", IDENTITY.0, PHONE.0, CARD.0, EMAIL.0);
    let (person, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    citizen.ok(send(&id, "c1", &secret)).await;
    let file = person.uploaded(&id, "file", &format!("{}.pdf", PHONE.0), PDF).await;
    citizen.ok(send_file(&id, "c2", &file)).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    for topic in ["conversation", "notes"] {
        agent.subscribe(&format!("{topic}:{id}")).await;
    }
    agent.ok(send(&id, "a1", &secret)).await;
    agent.ok(json!({ "type": "note", "conversation": id, "clientId": "n1", "text": secret })).await;
    agent.ok(json!({ "type": "save_draft", "conversation": id, "text": secret })).await;
    agent.ok(json!({ "type": "search_knowledge", "query": secret })).await;
    agent.ok(json!({ "type": "find_colleagues", "query": "张伟" })).await;
    // Refusals, with the same in every field.
    for body in [
        json!({ "type": "open_conversation", "item": secret, "channel": "pc" }),
        json!({ "type": "choose_entry", "conversation": id, "clientId": "c9", "entry": PHONE.0 }),
        json!({ "type": "leave_message", "conversation": id, "clientId": "c9", "text": secret, "phone": EMAIL.0, "slot": 1 }),
        json!({ "type": "rate", "conversation": id, "stars": 9, "comment": secret }),
        json!({ "type": "send", "conversation": id, "clientId": secret.repeat(2), "text": "x" }),
        json!({ "type": "subscribe", "topic": PHONE.0 }),
        json!({ "type": IDENTITY.0 }),
    ] {
        citizen.refused(body).await;
    }
    citizen.send_text(&format!("{{\"ref\":1,\"body\":{secret}")).await;
    citizen.answer().await;
    for (path, body) in [
        ("/api/staff/login", json!({ "login": PHONE.0, "password": secret })),
        ("/api/demo/token", json!({ "citizen": secret })),
        ("/api/staff/reveal", json!({ "conversation": secret, "reason": secret })),
    ] {
        assert!(server.post(path, &body.to_string()).await.status >= 400);
    }
    let (desk, admin) = (Desk::of(&server, "agent1001").await, Desk::of(&server, "admin1").await);
    assert_eq!(desk.reveal(&id, json!({ "field": "phone" }), &secret).await.0, 200);
    assert_eq!(desk.reveal(&id, json!({ "field": secret }), &secret).await.0, 400);
    for q in ["13800138001", PHONE.0, EMAIL.0, "张伟"] {
        admin.ask("POST /api/admin/citizens/find", &json!({ "q": q })).await;
    }
    admin.ask(&format!("GET /api/admin/audit?subject={}", PHONE.0), &Value::Null).await;
    server.get(&format!("/api/{}", PHONE.0)).await;
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "solved" })).await;
    citizen.ok(json!({ "type": "rate", "conversation": id, "stars": 1, "comment": secret })).await;

    let metrics = server.metrics().await;
    assert!(metrics.contains("bangban_reveals_total 1"), "{metrics}");
    let (out, log) = server.outputs().await;
    assert!(log.contains(&id), "the log tells what happened");
    assert_eq!(out, "", "the greeting is all that goes to standard output");
    for (where_, text) in [("log", &log), ("metrics", &metrics)] {
        for private in
            [IDENTITY.0, PHONE.0, CARD.0, EMAIL.0, "zhangwei", "张伟", "李敏", "13800138001", "bangban-demo", "eyJ"]
        {
            let found = text.lines().find(|line| line.contains(private));
            assert!(found.is_none(), "{private} is in the {where_}: {}", found.unwrap_or_default());
        }
    }
}

#[tokio::test]
async fn what_a_supervisor_said_to_the_agent_alone_is_named_in_an_export_and_not_handed_out() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let me = citizen.welcome["me"]["id"].as_str().unwrap().to_owned();
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    agent.ok(json!({ "type": "note", "conversation": id, "clientId": "n1", "text": "已核对户口本" })).await;
    let flag = json!({ "type": "raise_flag", "conversation": id, "reason": "difficult", "text": "需要上级确认" });
    agent.ok(flag).await;
    let mut supervisor = server.staff("super1").await;
    let whisper = json!({ "type": "note", "conversation": id, "clientId": "n2", "text": "语气放缓一些" });
    supervisor.ok(whisper).await;

    let admin = Desk::of(&server, "admin1").await;
    let head = format!(
        "POST /api/admin/citizens/{me}/export\nAuthorization: Bearer {}\nContent-Type: application/json",
        admin.token
    );
    let reply = server.exchange(&head, &json!({ "reason": "本人申请查阅" }).to_string()).await;
    assert_eq!(reply.status, 200);
    let text = String::from_utf8_lossy(&reply.body);
    assert!(
        text.contains("已核对户口本") && text.contains("需要上级确认"),
        "what was recorded about the person is theirs"
    );
    assert!(!text.contains("语气放缓一些"), "a direction to the agent is not");
    assert!(text.contains("\"reason\": \"direction_to_staff\"") || text.contains("\"reason\":\"direction_to_staff\""));
    assert!(text.contains("另有 1 条值班长对工作人员的工作指示未随附"), "the person is told that there is one");
}
