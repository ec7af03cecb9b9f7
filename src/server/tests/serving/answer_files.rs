//! Pictures and documents of answers: who brings them, who sees them, and what is no file of an answer.

use axum::http::StatusCode;
use reqwest::Response;
use serde_json::{Value, json};

use crate::{
    files::{PDF, png},
    knowledge::{Asker, content, demo, is_answer, post, step},
    support::{Desk, Server, refusal, refused},
    sweep::newcomer,
};

/// Sends bytes as a file of an answer.
async fn add(desk: &Desk<'_>, query: &str, bytes: &[u8]) -> Response {
    let address = format!("http://{}/api/knowledge/files?{query}", desk.server.address);
    let request = reqwest::Client::new().post(address).bearer_auth(&desk.token);
    request.body(bytes.to_vec()).send().await.unwrap()
}

async fn added(desk: &Desk<'_>, query: &str, bytes: &[u8]) -> Value {
    let reply = add(desk, query, bytes).await;
    assert_eq!(reply.status(), StatusCode::OK, "{}", reply.text().await.unwrap());
    reply.json().await.unwrap()
}

async fn fetch(server: &Server, token: Option<&str>, file: &str, variant: &str) -> Response {
    let mut request = reqwest::Client::new().get(format!("http://{}/files/answers/{file}/{variant}", server.address));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

const QUESTION: &str = "量子居住证样张是什么样子";

#[tokio::test]
async fn a_picture_is_its_editors_until_its_answer_holds_and_then_everybodys_until_that_is_retired() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let second = Desk { server: &server, token: newcomer(&server, &admin, "editor2", "editor", "sh").await };
    let foreign = newcomer(&server, &admin, "editor3", "editor", "huangpu").await;
    let agent = Desk::of(&server, "agent1001").await;
    let citizen = server.citizen_token("demo-citizen-1").await.as_str().unwrap().to_owned();

    let file = added(&editor, "kind=image&name=..%2F%E6%A0%B7%E5%BC%A0.jpg", &png(1_600, 900)).await;
    let id = file["file"].as_str().unwrap().to_owned();
    assert_eq!((&file["name"], &file["kind"]), (&json!("样张.png"), &json!("image")), "what it is, not what it says");
    assert_eq!((&file["width"], &file["height"]), (&json!(1_600), &json!(900)));
    let form = added(&editor, "kind=file&name=%E8%A1%A8.pdf", PDF).await;
    let answer = format!("请看 ![样张正面]({id})，填写[申请表]({})。", form["file"].as_str().unwrap());
    let new = json!({ "unit": "police", "content": content(QUESTION, &answer) });
    // Nobody but its uploader has it before it stands in an entry.
    assert_eq!(fetch(&server, Some(&second.token), &id, "thumb").await.status(), 404);
    let draft = post(&editor, "/api/knowledge/entries", &new).await;
    assert_eq!(draft["revisions"][0]["content"]["files"], json!([file, form]));

    for (who, status) in [
        (None, 404),
        (Some(&citizen), 404),
        (Some(&agent.token), 404),
        (Some(&foreign), 404),
        (Some(&second.token), 200),
        (Some(&editor.token), 200),
    ] {
        assert_eq!(fetch(&server, who.map(String::as_str), &id, "original").await.status(), status, "{who:?}");
    }
    assert_eq!(fetch(&server, Some("nonsense"), &id, "original").await.status(), 401);
    let shown = fetch(&server, Some(&editor.token), &id, "original").await;
    assert_eq!(shown.headers()["cache-control"], "private, no-store");

    let submitted = step(&editor, &draft, "submit").await;
    assert_eq!(fetch(&server, None, &id, "original").await.status(), 404, "it waits for a second person");
    let published = step(&second, &submitted, "publish").await;
    let thumb = fetch(&server, None, &id, "thumb").await;
    assert_eq!((thumb.status().as_u16(), &thumb.headers()["content-type"]), (200, &"image/jpeg".parse().unwrap()));
    let shown = fetch(&server, None, &id, "original").await;
    for (header, value) in [
        ("cache-control", "public, max-age=3600"),
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(shown.headers()[header], value);
    }
    let pixels = image::load_from_memory(&shown.bytes().await.unwrap()).unwrap();
    assert_eq!((pixels.width(), pixels.height()), (1_600, 900));
    let saved = fetch(&server, None, form["file"].as_str().unwrap(), "original").await;
    assert_eq!(saved.headers()["content-type"], "application/octet-stream");
    assert_eq!(saved.bytes().await.unwrap(), PDF);

    // Whoever is answered is told what comes with it; so is the agent who looks for it.
    let said = Asker::new(&server).await.until(QUESTION, is_answer).await;
    assert_eq!(said["files"], json!([file, form]));
    let mut desk = server.staff("agent1001").await;
    let found = desk.ok(json!({ "type": "search_knowledge", "query": QUESTION })).await;
    assert_eq!(found["hits"][0]["files"], json!([file, form]));
    assert_eq!(found["hits"][0]["answer"], "请看 （见图：样张正面），填写申请表。");

    // Later revisions without it leave it where it was said; retired, it is nobody's but the editors'.
    let entry = published["line"]["id"].as_str().unwrap();
    let next = json!({ "version": published["line"]["version"], "content": content(QUESTION, "样张已取消。") });
    let saved = editor.ask("PUT", &format!("/api/knowledge/entries/{entry}/draft"), &next.to_string()).await.json();
    let published = step(&second, &step(&editor, &saved, "submit").await, "publish").await;
    assert_eq!(fetch(&server, None, &id, "original").await.status(), 200);
    step(&second, &published, "retire").await;
    assert_eq!(fetch(&server, None, &id, "original").await.status(), 404);
    assert_eq!(fetch(&server, Some(&editor.token), &id, "original").await.status(), 200);

    // The log says which file and how large, and not how it is called.
    let audit = Desk { server: &server, token: admin };
    let lines = audit.get("/api/admin/audit?action=knowledge.file").await;
    assert_eq!(lines["lines"].as_array().unwrap().len(), 2);
    let text = lines.to_string() + &server.log();
    assert!(text.contains(&id) && !text.contains("样张"), "{text}");
}

#[tokio::test]
async fn what_is_no_picture_and_no_file_of_ones_own_is_named_and_refused() {
    let server = demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let foreign = Desk { server: &server, token: newcomer(&server, &admin, "editor3", "editor", "huangpu").await };
    let agent = Desk::of(&server, "agent1001").await;
    assert_eq!(add(&agent, "kind=file&name=a.pdf", PDF).await.status(), 403);
    for (query, bytes, expected) in [
        ("kind=image&name=a.png", &b"<html><script>1</script></html>"[..], (415, "unsupported_file", "content")),
        ("kind=image&name=a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", (415, "unsupported_file", "content")),
        ("kind=file&name=a.exe", PDF, (415, "unsupported_file", "name")),
        ("kind=file&name=a.docx", PDF, (415, "unsupported_file", "content")),
        ("kind=file&name=a.pdf", b"", (400, "bad_request", "Content-Length")),
        ("kind=file&name=..%2F", PDF, (400, "bad_request", "name")),
        ("kind=voice&name=a.webm", PDF, (400, "bad_request", "kind")),
        ("kind=file", PDF, (400, "bad_request", "name")),
    ] {
        let reply = add(&editor, query, bytes).await;
        let status = reply.status().as_u16();
        let error = reply.json::<Value>().await.unwrap()["error"].clone();
        let told = (status, error["code"].as_str().unwrap(), error["field"].as_str().unwrap_or_default());
        assert_eq!(told, expected, "{query}");
    }

    let theirs = added(&foreign, "kind=image&name=a.png", &png(40, 40)).await["file"].as_str().unwrap().to_owned();
    let form = added(&editor, "kind=file&name=a.pdf", PDF).await["file"].as_str().unwrap().to_owned();
    let own = added(&editor, "kind=image&name=a.png", &png(40, 40)).await["file"].as_str().unwrap().to_owned();
    let unknown = format!("fl_{}", "0".repeat(32));
    for answer in [
        format!("![图]({theirs})"),
        format!("[表]({unknown})"),
        format!("![表]({form})"),
        format!("![]({own})"),
        format!("![图](/files/answers/{own}/original)"),
        "![图](https://www.sh.gov.cn/a.png)".to_owned(),
    ] {
        let new = json!({ "unit": "police", "content": content(QUESTION, &answer) });
        let reply = editor.ask("POST", "/api/knowledge/entries", &new.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", "content.answer"), "{answer}");
        // In a file too, by row.
        let line = json!({ "question": QUESTION, "answer": answer, "item": "residence-permit" }).to_string();
        let path = "/api/knowledge/import?format=jsonl&dryRun=true&skipBad=false";
        let report = editor.ask("POST", path, &line).await.json();
        assert_eq!((&report["bad"][0]["row"], &report["bad"][0]["field"]), (&json!(1), &json!("answer")), "{report}");
    }
    // What a client says of files counts for nothing.
    let mut lying = content(QUESTION, "没有图片。");
    lying["files"] = json!([{ "file": theirs, "kind": "image", "name": "a.png", "size": 1 }]);
    let made = post(&editor, "/api/knowledge/entries", &json!({ "unit": "police", "content": lying })).await;
    assert_eq!(made["revisions"][0]["content"]["files"], json!([]));
    // A file names its own: exported, imported, nothing has changed.
    let answer = format!("![图]({own})，[表]({form})");
    let new = json!({ "unit": "police", "content": content("量子居住证附件", &answer) });
    post(&editor, "/api/knowledge/entries", &new).await;
    let exported = editor.ask("GET", "/api/knowledge/export?format=jsonl", "").await;
    let line = exported.text().lines().find(|line| line.contains(&own)).unwrap().to_owned();
    let report = editor.ask("POST", "/api/knowledge/import?format=jsonl&dryRun=true&skipBad=false", &line).await.json();
    assert_eq!((&report["unchanged"], &report["badRows"]), (&json!(1), &json!(0)), "{report}");
}
