//! Virtual windows over real sockets: a page that is cut off and comes back, the media port, and a server without one.

use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, Server};

/// A browser's offer of one voice.
fn offer() -> String {
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\n"
    )
}

/// A citizen who is served, and who serves them.
async fn served(server: &Server) -> (Client, Client, String) {
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    (citizen, agent, id)
}

fn away(event: &Value) -> Option<bool> {
    let seats = event["body"]["view"]["seats"].as_array()?;
    seats.iter().find(|seat| seat["seat"] == "citizen").and_then(|seat| seat["isAway"].as_bool())
}

#[tokio::test]
async fn a_page_that_is_cut_off_comes_back_to_its_seat_and_connects_anew() {
    let settings = [("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"), ("BANGBAN__MEDIA__LISTEN", "127.0.0.1:0")];
    let mut server = Server::start(&["--demo"], &settings).await;
    let (mut citizen, mut agent, id) = served(&server).await;
    let window = agent.ok(json!({ "type": "ask_window", "conversation": id, "origin": "conversation" })).await;
    let window = window["window"].as_str().unwrap().to_owned();
    let topic = format!("window:{window}");
    let text = &citizen.subscribe(&topic).await["view"]["texts"][0];
    assert_eq!(text["purpose"], "window");
    let consent = json!({ "type": "consent", "window": window, "purpose": "window", "text": text["id"], "version": text["version"] });
    citizen.ok(consent).await;
    agent.subscribe(&topic).await;
    let sit = |seat: &str| json!({ "type": "take_seat", "window": window, "seat": seat });
    let seated = citizen.ok(sit("citizen")).await;
    assert_eq!(
        (&seated["resumed"], &seated["policy"], &seated["iceServers"]),
        (&json!(false), &json!("all"), &json!([]))
    );
    agent.ok(sit("agent")).await;
    let connect = json!({ "type": "connect_window", "window": window, "sdp": offer(), "lines": [{ "mid": "0", "medium": "voice" }] });
    let answer = citizen.ok(connect.clone()).await["sdp"].as_str().unwrap().to_owned();
    assert!(answer.contains(" 127.0.0.1 "), "{answer}");
    let is_live = |event: &Value| event["body"]["view"]["state"] == "live";
    agent.event("live", is_live).await;

    drop(citizen);
    agent.event("the citizen is away", |event| away(event) == Some(true)).await;
    let mut citizen = server.citizen().await;
    let again = citizen.ok(sit("citizen")).await;
    assert_eq!((&again["resumed"], &again["participant"]), (&json!(true), &seated["participant"]));
    agent.event("the citizen is back", |event| away(event) == Some(false)).await;
    citizen.ok(connect).await;
    let metrics = server.metrics().await;
    assert!(metrics.contains("bangban_media{what=\"peers\"} 1\n"), "{metrics}");
    agent.ok(json!({ "type": "end_window", "window": window })).await;
    let is_over = |event: &Value| event["body"]["entry"]["body"]["type"] == "window_ended";
    agent.subscribe(&format!("conversation:{id}")).await;
    let over = json!({ "type": "take_seat", "window": window, "seat": "citizen" });
    assert_eq!(citizen.refused(over).await["code"], "not_found");
    let thread = citizen.subscribe(&format!("conversation:{id}")).await;
    let ended = thread["entries"].as_array().unwrap().iter().any(|entry| entry["body"]["type"] == "window_ended");
    assert!(ended || tokio::time::timeout(PATIENCE, citizen.event("the end", is_over)).await.is_ok());
}

#[tokio::test]
async fn a_server_without_windows_says_so() {
    let server = Server::start(&["--demo"], &[("BANGBAN__MEDIA__ENABLED", "false")]).await;
    let (mut citizen, _agent, id) = served(&server).await;
    let ask = json!({ "type": "ask_window", "conversation": id, "origin": "conversation" });
    assert_eq!(citizen.refused(ask).await["code"], "not_found");
}
