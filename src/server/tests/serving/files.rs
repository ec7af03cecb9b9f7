//! Files, from the first byte to the thread and out again: against the real binary.

use std::{io::Cursor, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use image::{ImageFormat, Rgb, RgbImage};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::bytes::Bytes;

use crate::{
    staff::{UNLIMITED, changed},
    support::{Client, Server, client_ids, send},
};

/// REST in the name of one person.
pub(crate) struct Person {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Person {
    fn new(server: &Server, token: &Value) -> Self {
        let token = token.as_str().unwrap().to_owned();
        Self { http: reqwest::Client::new(), base: format!("http://{}", server.address), token }
    }

    pub(crate) async fn citizen(server: &Server, code: &str) -> (Self, Client) {
        let token = server.citizen_token(code).await;
        (Self::new(server, &token), Client::open(&server.address, &token).await)
    }

    async fn staff(server: &Server, login: &str) -> (Self, Client) {
        let body = json!({ "login": login, "password": "bangban-demo" }).to_string();
        let token = server.post("/api/staff/login", &body).await.json()["token"].clone();
        (Self::new(server, &token), Client::open(&server.address, &token).await)
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, String)], body: impl Into<Body>) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.bearer_auth(&self.token).header("Tus-Resumable", "1.0.0");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.body(body).send().await.unwrap()
    }

    async fn begin(&self, said: &[(&str, &str)], size: usize) -> Response {
        let pairs: Vec<_> = said.iter().map(|(key, text)| format!("{key} {}", BASE64.encode(text))).collect();
        let headers = [("Upload-Length", size.to_string()), ("Upload-Metadata", pairs.join(","))];
        self.ask(Method::POST, "/api/files", &headers, "").await
    }

    /// Begins; gives the path of the upload.
    async fn begun(&self, conversation: &str, kind: &str, name: &str, size: usize) -> String {
        let said = [("conversation", conversation), ("kind", kind), ("name", name), ("duration", "4200")];
        let reply = self.begin(&said, size).await;
        assert_eq!(reply.status(), StatusCode::CREATED, "{}", reply.text().await.unwrap());
        reply.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn append(&self, path: &str, from: usize, bytes: impl Into<Body>) -> Response {
        let headers =
            [("Upload-Offset", from.to_string()), ("Content-Type", "application/offset+octet-stream".to_owned())];
        self.ask(Method::PATCH, path, &headers, bytes).await
    }

    async fn offset(&self, path: &str) -> usize {
        let reply = self.ask(Method::HEAD, path, &[], "").await;
        assert_eq!(reply.status(), StatusCode::OK);
        reply.headers()["upload-offset"].to_str().unwrap().parse().unwrap()
    }

    async fn finish(&self, path: &str) -> Response {
        self.ask(Method::POST, &format!("{path}/finish"), &[], "").await
    }

    /// All the way; gives what `finish` says.
    async fn upload(&self, conversation: &str, kind: &str, name: &str, bytes: &[u8]) -> Response {
        let path = self.begun(conversation, kind, name, bytes.len()).await;
        let sent = self.append(&path, 0, bytes.to_vec()).await;
        assert_eq!(sent.status(), StatusCode::NO_CONTENT, "{}", sent.text().await.unwrap());
        self.finish(&path).await
    }

    pub(crate) async fn uploaded(&self, conversation: &str, kind: &str, name: &str, bytes: &[u8]) -> String {
        let reply = self.upload(conversation, kind, name, bytes).await;
        assert_eq!(reply.status(), StatusCode::OK);
        reply.json::<Value>().await.unwrap()["file"].as_str().unwrap().to_owned()
    }

    /// Without a token, as a browser asks for a picture.
    pub(crate) async fn fetch(&self, url: &str) -> Response {
        self.http.get(format!("{}{url}", self.base)).send().await.unwrap()
    }
}

pub(crate) fn send_file(conversation: &str, client_id: &str, file: &str) -> Value {
    json!({ "type": "send_file", "conversation": conversation, "clientId": client_id, "file": file })
}

fn open_files(conversation: &str, file: &str) -> Value {
    json!({ "type": "open_files", "conversation": conversation, "files": [file] })
}

/// The address of a file for the one who asks, and of its thumbnail.
pub(crate) async fn links(client: &mut Client, conversation: &str, file: &str) -> (String, Option<String>) {
    let link = client.ok(open_files(conversation, file)).await["files"][0].clone();
    (link["url"].as_str().unwrap().to_owned(), link["thumb"].as_str().map(str::to_owned))
}

/// Code and field of a refusal over REST.
async fn refusal(reply: Response) -> (u16, String, String) {
    let status = reply.status().as_u16();
    let error = reply.json::<Value>().await.unwrap()["error"].clone();
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("field"))
}

fn refused(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

/// Green, `width` x `height`.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, Rgb([10, 160, 60])).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

pub(crate) const PDF: &[u8] = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n";

fn kinds(snapshot: &Value) -> Vec<&str> {
    let entries = snapshot["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["body"]["type"].as_str().unwrap()).collect()
}

/// The conversation of `citizen`, served by `agent1001`.
async fn served(server: &Server, citizen: &mut Client) -> (String, Person, Client) {
    let id = citizen.open_conversation().await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let (person, mut agent) = Person::staff(server, "agent1001").await;
    agent.accept().await;
    (id, person, agent)
}

#[tokio::test]
async fn a_picture_travels_from_the_citizen_to_the_agent_s_eyes() {
    let server = Server::demo().await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let (id, _, mut agent) = served(&server, &mut citizen).await;
    agent.subscribe(&format!("conversation:{id}")).await;

    let picture = png(1_600, 900);
    let reply = me.upload(&id, "image", "身份证 正面.jpeg", &picture).await;
    let view: Value = reply.json().await.unwrap();
    assert_eq!(
        (&view["name"], &view["width"], &view["height"]),
        (&json!("身份证 正面.png"), &json!(1_600), &json!(900))
    );
    let file = view["file"].as_str().unwrap();

    let first = citizen.ok(send_file(&id, "f1", file)).await;
    assert_eq!(citizen.ok(send_file(&id, "f1", file)).await, first, "said twice, there once");
    // Another page of mine has uploaded the same message's file too.
    let again = me.uploaded(&id, "image", "身份证 正面.jpeg", &picture).await;
    assert_eq!(citizen.ok(send_file(&id, "f1", &again)).await, first);
    let refusal = citizen.refused(send_file(&id, "f2", file)).await;
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("not_found"), &json!("file")), "one message only");

    let heard = agent.event("picture", |event| event["body"]["entry"]["clientId"] == "f1").await;
    let body = &heard["body"]["entry"]["body"];
    assert_eq!((&body["type"], &body["file"], &body["width"]), (&json!("image"), &json!(file), &json!(1_600)));
    assert_eq!(heard["seq"], first["seq"]);

    let (url, thumb) = links(&mut agent, &id, file).await;
    let thumb = me.fetch(&thumb.unwrap()).await;
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-disposition", "attachment; filename*=UTF-8''%E8%BA%AB%E4%BB%BD%E8%AF%81%20%E6%AD%A3%E9%9D%A2.jpg"),
    ] {
        assert_eq!(thumb.headers()[name], value);
    }
    assert!(thumb.headers()["cache-control"].to_str().unwrap().starts_with("private, max-age="));
    let small =
        image::load_from_memory_with_format(&thumb.bytes().await.unwrap(), ImageFormat::Jpeg).unwrap().to_rgb8();
    assert_eq!(small.dimensions(), (480, 270));
    let [r, g, b] = small.get_pixel(240, 135).0;
    assert!(r < 40 && g > 130 && b < 90, "{r} {g} {b}");
    let whole = me.fetch(&url).await;
    assert_eq!(whole.headers()["content-type"], "image/png");
    let whole = image::load_from_memory(&whole.bytes().await.unwrap()).unwrap();
    assert_eq!((whole.width(), whole.height()), (1_600, 900));
    let log = server.log();
    assert!(log.contains(file) && !log.contains("身份证"), "{log}");
}

#[tokio::test]
async fn an_agent_s_file_is_a_first_response_and_a_player_gets_parts() {
    let server = Server::demo().await;
    let (_, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let (id, agent, mut socket) = served(&server, &mut citizen).await;
    let file = agent.uploaded(&id, "file", "办事指南.pdf", PDF).await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    socket.ok(send_file(&id, "g", &file)).await;
    let event = citizen.event("answered", |event| event["body"]["view"]["clock"]["answeredAt"].is_number()).await;
    assert_eq!(event["body"]["view"]["stage"], "serving");

    let (url, thumb) = links(&mut citizen, &id, &file).await;
    assert_eq!(thumb, None);
    let whole = agent.fetch(&url).await;
    assert_eq!(whole.headers()["content-type"], "application/octet-stream", "never shown inline");
    assert_eq!(whole.bytes().await.unwrap(), PDF);
    for (range, status, expected) in [
        ("bytes=0-3", 206, Some("bytes 0-3/51")),
        ("bytes=45-", 206, Some("bytes 45-50/51")),
        ("bytes=-6", 206, Some("bytes 45-50/51")),
        ("bytes=9000-", 200, None),
    ] {
        let part = agent.http.get(format!("{}{url}", agent.base)).header("Range", range).send().await.unwrap();
        assert_eq!(part.status().as_u16(), status, "{range}");
        assert_eq!(part.headers().get("content-range").map(|value| value.to_str().unwrap()), expected, "{range}");
    }
}

#[tokio::test]
async fn only_who_has_a_part_in_the_conversation_may_upload_send_and_see() {
    let server = Server::demo().await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let (id, agent, mut agent_socket) = served(&server, &mut citizen).await;
    let (stranger, mut stranger_socket) = Person::citizen(&server, "demo-citizen-2").await;
    let (colleague, mut colleague_socket) = Person::staff(&server, "agent1003").await;
    let (supervisor, mut supervisor_socket) = Person::staff(&server, "super1").await;

    // Upload.
    let said = [("conversation", id.as_str()), ("kind", "image"), ("name", "a.png")];
    for (who, person, status) in
        [("stranger", &stranger, 404), ("colleague", &colleague, 403), ("supervisor", &supervisor, 403)]
    {
        assert_eq!(person.begin(&said, 9).await.status().as_u16(), status, "{who}");
    }
    let mut nobody = Person::new(&server, &json!("nonsense"));
    assert_eq!(refusal(nobody.begin(&said, 9).await).await, refused(401, "unauthenticated", ""));
    nobody.token = me.token.clone();

    // The upload is its owner's.
    let bytes = png(40, 30);
    let path = me.begun(&id, "image", "a.png", bytes.len()).await;
    for other in [&stranger, &agent, &supervisor] {
        assert_eq!(other.append(&path, 0, bytes.clone()).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(other.ask(Method::HEAD, &path, &[], "").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(other.ask(Method::DELETE, &path, &[], "").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(other.finish(&path).await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(me.append(&path, 0, bytes).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(me.finish(&path).await.status(), StatusCode::OK);
    let file = path.rsplit('/').next().unwrap().to_owned();

    // Send: by its owner, where it was uploaded for.
    assert_eq!(agent_socket.refused(send_file(&id, "x", &file)).await["code"], "not_found");
    let open = json!({ "type": "open_conversation", "channel": "pc" });
    let elsewhere = citizen.ok(open).await["conversation"].as_str().unwrap().to_owned();
    assert_eq!(citizen.refused(send_file(&elsewhere, "x", &file)).await["field"], "file");

    // See: before it was sent only its owner, then whoever may read the thread.
    assert_eq!(agent_socket.ok(open_files(&id, &file)).await["files"], json!([]));
    links(&mut citizen, &id, &file).await;
    citizen.ok(send_file(&id, "x", &file)).await;
    assert_eq!(stranger_socket.refused(open_files(&id, &file)).await["code"], "not_found");
    assert_eq!(colleague_socket.refused(open_files(&id, &file)).await["code"], "forbidden");
    assert_eq!(citizen.ok(open_files(&elsewhere, &file)).await["files"], json!([]), "another thread");
    let (mine, _) = links(&mut citizen, &id, &file).await;
    let (theirs, _) = links(&mut agent_socket, &id, &file).await;
    links(&mut supervisor_socket, &id, &file).await;
    assert_ne!(mine, theirs, "each their own address");

    // Addresses are good for what was signed only.
    assert_eq!(me.fetch(&mine).await.status(), StatusCode::OK);
    let until = mine.split_once("until=").unwrap().1.split_once('&').unwrap().0;
    for forged in [
        mine.replace("/original?", "/thumb?"),
        mine.replace(until, "9999999999999"),
        mine.replace("viewer=ct_", "viewer=ag_"),
        format!("{}{}", &mine[..mine.len() - 1], if mine.ends_with('0') { '1' } else { '0' }),
    ] {
        assert_eq!(refusal(me.fetch(&forged).await).await, refused(403, "forbidden", "sign"), "{forged}");
    }
    let bare = mine.split_once('?').unwrap().0;
    assert_eq!(refusal(me.fetch(bare).await).await, refused(400, "bad_request", "viewer"));
    let sent = me.ask(Method::DELETE, &path, &[], "").await;
    assert_eq!(refusal(sent).await, refused(409, "invalid_stage", ""), "what was sent stays");
}

#[tokio::test]
async fn an_address_ends_with_the_right_to_read_the_conversation() {
    let server = Server::start(&["--demo"], &UNLIMITED).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let (id, _, mut first) = served(&server, &mut citizen).await;
    let picture = me.uploaded(&id, "image", "a.png", &png(40, 30)).await;
    citizen.ok(send_file(&id, "f", &picture)).await;
    let (_, mut next) = Person::staff(&server, "agent1002").await;
    let (_, mut supervisor) = Person::staff(&server, "super1").await;
    let mine = links(&mut citizen, &id, &picture).await;
    let of_first = links(&mut first, &id, &picture).await;
    let of_supervisor = links(&mut supervisor, &id, &picture).await;
    let status = async |(whole, thumb): &(String, Option<String>)| {
        let (whole, thumb) = (me.fetch(whole).await.status(), me.fetch(thumb.as_ref().unwrap()).await.status());
        assert_eq!(whole, thumb);
        whole.as_u16()
    };
    assert_eq!(status(&of_first).await, 200);

    let colleague = next.welcome["me"]["id"].clone();
    let to = json!({ "type": "agent", "agent": colleague });
    first.ok(json!({ "type": "transfer", "conversation": id, "to": to })).await;
    assert_eq!(status(&of_first).await, 200, "not accepted yet");
    next.accept().await;
    assert_eq!(status(&of_first).await, 403, "handed on");
    assert_eq!(refusal(me.fetch(&of_first.0).await).await, refused(403, "forbidden", ""));
    let of_next = links(&mut next, &id, &picture).await;
    assert_eq!(status(&of_next).await, 200);

    let admin = server.token("admin1").await;
    let change = async |login: &str, change: fn(&mut Value)| {
        let account = server.account(&admin, login).await;
        let put = format!("PUT /api/admin/staff/{}", account["id"].as_str().unwrap());
        let reply = server.as_staff(&admin, &put, &changed(&account, change)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    assert_eq!(status(&of_supervisor).await, 200);
    let elsewhere = |body: &mut Value| body["grants"] = json!([{ "role": "supervisor", "unit": "xuhui", "items": [] }]);
    change("super1", elsewhere).await;
    assert_eq!(status(&of_supervisor).await, 403, "supervises another unit");

    // Whoever served it to the end may look at it again, as long as there is an account.
    next.ok(json!({ "type": "close", "conversation": id, "outcome": "solved" })).await;
    assert_eq!(status(&of_next).await, 200);
    change("agent1002", |body| body["isActive"] = json!(false)).await;
    assert_eq!(status(&of_next).await, 403, "the account is closed");
    assert_eq!(status(&mine).await, 200, "the citizen's own");
}

#[tokio::test]
async fn what_lies_is_too_large_or_is_a_bomb_is_refused_by_name_and_deleted() {
    let settings = [("BANGBAN__FILES__IMAGE_MIB", "1"), ("BANGBAN__FILES__IMAGE_MEGAPIXELS", "1")];
    let server = Server::start(&["--demo"], &settings).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    let begin = async |kind: &str, name: &str, size: usize, duration: &str| {
        let said = [("conversation", id.as_str()), ("kind", kind), ("name", name), ("duration", duration)];
        refusal(me.begin(&said, size).await).await
    };
    assert_eq!(begin("image", "a.png", (1 << 20) + 1, "0").await, refused(413, "too_large", "size"));
    assert_eq!(begin("file", "a.pdf", 0, "0").await, refused(400, "bad_request", "size"));
    assert_eq!(begin("file", "a.exe", 9, "0").await, refused(415, "unsupported_file", "name"));
    assert_eq!(begin("file", "..", 9, "0").await, refused(400, "bad_request", "name"));
    assert_eq!(begin("film", "a.mp4", 9, "0").await, refused(400, "bad_request", "kind"));
    assert_eq!(begin("voice", "a.webm", 9, "62000").await, refused(413, "too_large", "duration"));
    assert_eq!(begin("voice", "a.webm", 9, "soon").await, refused(400, "bad_request", "duration"));
    let no_name = [("conversation", id.as_str()), ("kind", "image")];
    assert_eq!(refusal(me.begin(&no_name, 9).await).await, refused(400, "bad_request", "name"));

    let (large, whole) = (png(1_001, 1_000), png(300, 300));
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    for (kind, name, bytes, expected) in [
        ("image", "a.png", &large[..], refused(413, "too_large", "content")),
        ("image", "a.png", svg, refused(415, "unsupported_file", "content")),
        ("image", "a.png", &whole[..whole.len() / 2], refused(415, "unsupported_file", "content")),
        (
            "file",
            "a.pdf",
            b"MZ\x90\0 This program cannot be run in DOS mode",
            refused(415, "unsupported_file", "content"),
        ),
        ("voice", "a.webm", PDF, refused(415, "unsupported_file", "content")),
    ] {
        let path = me.begun(&id, kind, name, bytes.len()).await;
        me.append(&path, 0, bytes.to_vec()).await;
        assert_eq!(refusal(me.finish(&path).await).await, expected, "{kind} {name}");
        assert_eq!(me.finish(&path).await.status(), StatusCode::NOT_FOUND, "deleted");
    }
    assert_eq!(in_folder(&server.dir.path().join("uploads")), 0);

    // More bytes than announced.
    let path = me.begun(&id, "file", "a.txt", 3).await;
    assert_eq!(refusal(me.append(&path, 0, "four").await).await, refused(413, "too_large", "body"));
    // tus says which version and type.
    let plain = me.http.patch(format!("{}{path}", me.base)).bearer_auth(&me.token).body("x").send().await.unwrap();
    assert_eq!((plain.status().as_u16(), plain.headers()["tus-version"].to_str().unwrap()), (412, "1.0.0"));
    let typed = me.ask(Method::PATCH, &path, &[("Upload-Offset", "0".to_owned())], "x").await;
    assert_eq!(typed.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let options = me.ask(Method::OPTIONS, "/api/files", &[], "").await;
    assert_eq!(options.headers()["tus-extension"], "creation,expiration,termination");
}

/// Files in a folder, at any depth.
fn in_folder(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap());
    entries.map(|entry| if entry.file_type().unwrap().is_dir() { in_folder(&entry.path()) } else { 1 }).sum()
}

#[tokio::test]
async fn an_upload_goes_on_after_a_cut_and_after_a_killed_server() {
    // It asks often how far it is.
    let patient = [("BANGBAN__LIMITS__CITIZEN_BURST", "10000")];
    let server = Server::start(&["--demo"], &patient).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    let bytes: Vec<u8> = std::iter::repeat_n(PDF, 20_000).flatten().copied().collect();
    let path = me.begun(&id, "file", "长.pdf", bytes.len()).await;

    // The network is cut in the middle of a request: the sender says that more comes, and goes.
    let (mut sender, body) = tokio::io::duplex(1 << 16);
    let stream = tokio_util::io::ReaderStream::new(body);
    let request = {
        let me = Person { http: me.http.clone(), base: me.base.clone(), token: me.token.clone() };
        let path = path.clone();
        tokio::spawn(async move { me.append(&path, 0, Body::wrap_stream(stream)).await })
    };
    tokio::io::AsyncWriteExt::write_all(&mut sender, &bytes[..300_000]).await.unwrap();
    while me.offset(&path).await < 200_000 {}
    request.abort();
    drop(sender);
    // The server notices, and what came is there; until then another request has to wait.
    let offset = loop {
        let offset = me.offset(&path).await;
        let next = me.append(&path, offset, bytes[offset..offset + 1_000].to_vec()).await;
        match next.status() {
            StatusCode::NO_CONTENT => break offset + 1_000,
            other => assert!(matches!(other.as_u16(), 409 | 503), "{other}"),
        }
    };
    assert_eq!(refusal(me.append(&path, 7, "x").await).await, refused(409, "invalid_stage", "Upload-Offset"));
    assert_eq!(refusal(me.finish(&path).await).await, refused(409, "invalid_stage", ""), "not whole yet");

    let dir = server.killed().await;
    let server = Server::start_in(dir, &["--demo"], &patient).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    assert_eq!(me.offset(&path).await, offset, "what was acknowledged is there");
    assert_eq!(me.append(&path, offset, bytes[offset..].to_vec()).await.status(), StatusCode::NO_CONTENT);
    let file = me.finish(&path).await.json::<Value>().await.unwrap()["file"].as_str().unwrap().to_owned();
    assert_eq!(me.finish(&path).await.status(), StatusCode::OK, "may be said twice");
    citizen.ok(send_file(&id, "f", &file)).await;
    let (url, _) = links(&mut citizen, &id, &file).await;
    assert_eq!(me.fetch(&url).await.bytes().await.unwrap(), bytes);
    assert_eq!(in_folder(&server.dir.path().join("uploads")), 0);
}

#[tokio::test]
async fn the_scanner_lets_in_keeps_out_and_when_it_is_away_lets_wait() {
    let dir = tempfile::tempdir().unwrap();
    let scanner = dir.path().join("scan.sh");
    // Like clamdscan: 0 clean, 1 found, 2 trouble. The test's own signature, so that no real scanner minds this file.
    let script = "#!/bin/sh\n[ -e \"$(dirname \"$0\")/away\" ] && exit 2\ngrep -q VIRUS \"$1\" && exit 1\nexit 0\n";
    std::fs::write(&scanner, script).unwrap();
    let command = json!(["sh", scanner.to_str().unwrap()]).to_string();
    let server = Server::start(&["--demo"], &[("BANGBAN__FILES__SCAN_COMMAND", &command)]).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;

    me.uploaded(&id, "file", "clean.txt", b"harmless").await;
    let infected = me.upload(&id, "file", "张伟.txt", b"a VIRUS inside").await;
    assert_eq!(refusal(infected).await, refused(422, "infected", ""));
    assert_eq!(in_folder(&server.dir.path().join("uploads")), 0, "deleted");
    assert_eq!(in_folder(&server.dir.path().join("files")), 1);

    let away = dir.path().join("away");
    std::fs::write(&away, "").unwrap();
    let path = me.begun(&id, "file", "later.txt", 8).await;
    me.append(&path, 0, "harmless").await;
    for _ in 0..2 {
        let reply = me.finish(&path).await;
        let error = reply.json::<Value>().await.unwrap()["error"].clone();
        assert_eq!((&error["code"], &error["retryable"]), (&json!("busy"), &json!(true)));
    }
    std::fs::remove_file(&away).unwrap();
    assert_eq!(me.finish(&path).await.status(), StatusCode::OK);
    assert!(!server.log().contains("张伟"), "{}", server.log());
    assert!(server.log().contains("scanner failed"));
}

#[tokio::test]
async fn texts_and_files_keep_their_order_and_the_bot_says_that_it_cannot_see() {
    let server = Server::demo().await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    let one = me.uploaded(&id, "image", "1.png", &png(20, 20)).await;
    let two = me.uploaded(&id, "file", "2.csv", "姓名,年龄\n".as_bytes()).await;
    let steps = [
        send(&id, "a", "居住证怎么办"),
        send_file(&id, "b", &one),
        send(&id, "c", "材料如上"),
        send_file(&id, "d", &two),
        send(&id, "e", "谢谢"),
    ];
    for _ in citizen.pipeline(steps).await {
        let answer = citizen.answer().await;
        assert!(answer["ok"].is_object(), "{answer}");
    }
    let thread = citizen.subscribe(&format!("conversation:{id}")).await;
    assert_eq!(client_ids(&thread), ["a", "b", "c", "d", "e"]);
    let entries = thread["entries"].as_array().unwrap();
    let after = entries.iter().position(|entry| entry["clientId"] == "b").unwrap() + 1;
    let said = &entries[after]["body"];
    assert_eq!((&said["type"], &said["reason"]), (&json!("bot_hand_over"), &json!("cannot_see")));
    assert_eq!(kinds(&thread).iter().filter(|kind| **kind == "file").count(), 1);

    // Sending a file into a closed conversation opens it again, like a text.
    citizen.ok(json!({ "type": "finish", "conversation": id })).await;
    let three = me.uploaded(&id, "image", "3.png", &png(20, 20)).await;
    citizen.ok(send_file(&id, "f", &three)).await;
    let thread = citizen.subscribe(&format!("conversation:{id}")).await;
    assert!(kinds(&thread).contains(&"reopened"), "{thread}");
}

#[tokio::test]
async fn an_hour_s_quota_counts_cancelled_uploads_too() {
    let settings = [("BANGBAN__FILES__CITIZEN_FILES_PER_HOUR", "3"), ("BANGBAN__FILES__CITIZEN_MIB_PER_HOUR", "1")];
    let server = Server::start(&["--demo"], &settings).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let (id, agent, _) = served(&server, &mut citizen).await;
    let said = [("conversation", id.as_str()), ("kind", "file"), ("name", "a.txt")];
    assert_eq!(refusal(me.begin(&said, (1 << 20) + 1).await).await, refused(429, "quota_used", ""), "bytes");
    for _ in 0..3 {
        let path = me.begun(&id, "file", "a.txt", 3).await;
        me.append(&path, 0, "abc").await;
        assert_eq!(me.ask(Method::DELETE, &path, &[], "").await.status(), StatusCode::NO_CONTENT);
        assert_eq!(me.ask(Method::HEAD, &path, &[], "").await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(refusal(me.begin(&said, 3).await).await, refused(429, "quota_used", ""), "number");
    assert_eq!(in_folder(&server.dir.path().join("uploads")), 0);
    agent.begun(&id, "file", "a.txt", 3).await;
}

#[tokio::test]
async fn requests_are_limited_like_commands_that_write_nothing() {
    let server = Server::start(&["--demo"], &[("BANGBAN__LIMITS__CITIZEN_BURST", "2")]).await;
    let (me, _) = Person::citizen(&server, "demo-citizen-1").await;
    let mut answers = Vec::new();
    for _ in 0..60 {
        answers.push(me.ask(Method::HEAD, "/api/files/fl_1", &[], "").await.status().as_u16());
    }
    assert!(answers.starts_with(&[404; 20]) && answers.contains(&429), "{answers:?}");
}

/// A server that speaks S3, with one bucket in a folder.
async fn s3(dir: &Path) -> String {
    use hyper_util::{
        rt::{TokioExecutor, TokioIo},
        server::conn::auto::Builder,
    };
    std::fs::create_dir(dir.join("bangban")).unwrap();
    let mut service = s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir).unwrap());
    service.set_auth(s3s::auth::SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = Builder::new(TokioExecutor::new());
                server.serve_connection(TokioIo::new(socket), service).await.ok();
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn files_are_kept_in_a_bucket_and_a_wrong_key_lets_wait() {
    let bucket = tempfile::tempdir().unwrap();
    let endpoint = s3(bucket.path()).await;
    let settings = |secret: &'static str| {
        [
            ("BANGBAN__FILES__STORE", "s3"),
            ("BANGBAN__FILES__S3_ENDPOINT", endpoint.as_str()),
            ("BANGBAN__FILES__S3_BUCKET", "bangban"),
            ("BANGBAN__FILES__S3_ACCESS_KEY", "key"),
            ("BANGBAN__FILES__S3_SECRET_KEY", secret),
        ]
    };
    let server = Server::start(&["--demo"], &settings("wrong")).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    let id = citizen.open_conversation().await;
    let path = me.begun(&id, "file", "a.pdf", PDF.len()).await;
    me.append(&path, 0, PDF).await;
    assert_eq!(refusal(me.finish(&path).await).await, refused(503, "busy", ""));
    assert!(!server.log().contains("secret"), "{}", server.log());

    let dir = server.killed().await;
    let server = Server::start_in(dir, &["--demo"], &settings("secret")).await;
    let (me, mut citizen) = Person::citizen(&server, "demo-citizen-1").await;
    assert_eq!(me.finish(&path).await.status(), StatusCode::OK, "kept until then");
    let file = path.rsplit('/').next().unwrap().to_owned();
    citizen.ok(send_file(&id, "f", &file)).await;
    let (url, _) = links(&mut citizen, &id, &file).await;
    assert_eq!(me.fetch(&url).await.bytes().await.unwrap(), Bytes::from_static(PDF));
    let part = me.http.get(format!("{}{url}", me.base)).header("Range", "bytes=1-3").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap()), (206, Bytes::from_static(b"PDF")));
    assert!(bucket.path().join(format!("bangban/{id}/{file}/original")).is_file());
    assert_eq!(in_folder(&server.dir.path().join("files")), 0);

    // In several parts.
    let long = "办事指南\n".repeat(1_000_000).into_bytes();
    assert!(long.len() > 10 << 20);
    let text = me.uploaded(&id, "file", "长.txt", &long).await;
    let (url, _) = links(&mut citizen, &id, &text).await;
    assert!(me.fetch(&url).await.bytes().await.unwrap() == long);

    let picture = me.uploaded(&id, "image", "a.png", &png(600, 600)).await;
    citizen.ok(send_file(&id, "g", &picture)).await;
    let (_, thumb) = links(&mut citizen, &id, &picture).await;
    let thumb = me.fetch(&thumb.unwrap()).await.bytes().await.unwrap();
    assert_eq!(image::load_from_memory(&thumb).unwrap().width(), 480);
}
