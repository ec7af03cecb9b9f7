//! The life of sessions: what is accepted, in which order, and how it ends.

use bangban_domain::{Timestamp, words::CitizenKind};
use bangban_server::{auth::Auth, config::Config};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::{MaybeTlsStream, tungstenite::Message};

use crate::support::{Client, Server, Stalled, client_ids, send, typing};

/// So that pipelines of these tests are not what is limited.
const UNLIMITED: (&str, &str) = ("BANGBAN__LIMITS__CITIZEN_BURST", "1000");

#[tokio::test]
async fn a_bad_hello_is_answered_and_closed_with_the_code_that_says_what_to_do() {
    let server = Server::demo().await;
    let mut config = Config::load(None).unwrap();
    config.data.dir = server.dir.path().to_owned();
    let portal = Auth::new(&config, std::sync::Arc::default()).unwrap();
    let expired = portal.portal_token("u", "张伟", CitizenKind::Person, None, None, Timestamp(1_000)).unwrap();
    let good = server.citizen_token("demo-citizen-1").await;
    let hello = |token: &Value, protocol: u32| json!({ "type": "hello", "token": token, "protocol": protocol });
    for (body, error, code) in [
        (hello(&json!("nonsense"), 1), "unauthenticated", 4500),
        (json!({ "type": "finish", "conversation": "cv_00000000000000000000000000000001" }), "unauthenticated", 4500),
        (json!({ "type": "hello" }), "bad_request", 4500),
        (hello(&json!(expired), 1), "token_expired", 4501),
        (hello(&good, 2), "unsupported_protocol", 4502),
    ] {
        let mut client = Client::connect(&server.address).await;
        assert_eq!(client.refused(body.clone()).await["code"], error, "{body}");
        assert_eq!(client.close_code().await, Some(code), "{body}");
    }
    let mut client = Client::connect(&server.address).await;
    client.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(client.close_code().await, Some(4502));
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_answered_and_the_connection_lives_on() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let long = json!({ "ref": 77, "body": send(&id, "l", &"办".repeat(22_000)) }).to_string();
    assert!(long.len() > 64 * 1024);
    citizen.send_text(&long).await;
    let answer = citizen.answer().await;
    assert_eq!((&answer["ref"], &answer["error"]["code"]), (&json!(77), &json!("too_large")));
    citizen.send_text(&"x".repeat(64 * 1024 + 1)).await;
    let answer = citizen.answer().await;
    assert_eq!((&answer["ref"], &answer["error"]["code"]), (&json!(0), &json!("too_large")));
    citizen.ok(send(&id, "a", "还在吗")).await;

    // The header of a frame of 1 MiB and a byte.
    let MaybeTlsStream::Plain(stream) = citizen.socket.get_mut() else { panic!("no TLS here") };
    stream.write_all(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 9, 9, 9, 9]).await.unwrap();
    assert_eq!(citizen.close_code().await, Some(4502));
}

#[tokio::test]
async fn ten_frames_that_are_none_end_the_connection_each_answered() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    for n in 0..10 {
        citizen.send_text(&format!("{{\"ref\":{n}}}")).await;
    }
    for n in 0..10 {
        let answer = citizen.answer().await;
        assert_eq!((&answer["ref"], &answer["error"]["field"]), (&json!(n), &json!("body")));
    }
    assert_eq!(citizen.close_code().await, Some(4502));
}

#[tokio::test]
async fn messages_overlap_and_keep_their_order() {
    let server = Server::start(&["--demo"], &[UNLIMITED]).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let expected: Vec<String> = (0..200).map(|n| format!("m{n}")).collect();
    let sends = expected.iter().map(|name| send(&id, name, "一句话"));
    let numbers = citizen.pipeline(sends).await;
    let mut last = 0;
    for number in numbers {
        let answer = citizen.answer().await;
        let seq = answer["ok"]["seq"].as_u64().unwrap_or_else(|| panic!("{answer}"));
        assert!(answer["ref"] == json!(number) && seq > last, "{answer} after {last}");
        last = seq;
    }
    let topic = format!("conversation:{id}");
    let mut said = Vec::new();
    let mut before = last + 10;
    while said.len() < 200 {
        let page = json!({ "type": "load_earlier", "conversation": id, "before": before });
        let page = citizen.ok(page).await;
        before = page["entries"][0]["seq"].as_u64().unwrap();
        said.splice(0..0, client_ids(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(said, expected);
    citizen.subscribe(&topic).await;
}

#[tokio::test]
async fn whoever_hangs_up_hears_how_the_call_ended_before_the_answer() {
    let server = Server::start(&["--demo"], &[UNLIMITED]).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    // As often as it takes to meet both within one turn of the session.
    for n in 0..40 {
        let opened = citizen.ok(json!({ "type": "call", "act": { "type": "start", "conversation": id } })).await;
        let call = opened["call"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned();
        citizen.subscribe(&format!("call:{call}")).await;
        let hang_up = json!({ "type": "call", "act": { "type": "hang_up", "call": call } });
        let number = citizen.pipeline([hang_up]).await[0];
        let mut has_ended = false;
        loop {
            let frame = citizen.frame().await;
            has_ended |= frame["body"]["view"]["state"] == "ended";
            if frame["ref"] == json!(number) {
                assert!(frame["ok"].is_object() && has_ended, "call {n}: {frame}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn while_a_message_is_being_stored_the_connection_reads_and_hears_on() {
    let server = Server::start(&["--demo"], &[UNLIMITED]).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let topic = format!("conversation:{id}");
    citizen.subscribe(&topic).await;
    let mut other_tab = server.citizen().await;
    other_tab.subscribe(&topic).await;

    let stalled = Stalled::begin(&server).await;
    let sends: Vec<_> = (0..31).map(|n| send(&id, &format!("m{n}"), "一句话")).collect();
    let unanswered = citizen.pipeline(sends).await;
    // Reads on: the answer comes before those of the messages.
    citizen.ok(typing(&id, true)).await;
    // Hears on.
    other_tab.event("typing", |event| event["body"]["type"] == "typing").await;
    other_tab.ok(typing(&id, false)).await;

    // The thirty-second may wait too; what follows it is not read before one of them is done.
    let mut more = citizen.pipeline([send(&id, "m31", "一句话"), typing(&id, true)]).await;
    let beyond = more.pop().unwrap();
    other_tab.ok(json!({ "type": "unsubscribe", "topic": topic })).await;
    stalled.end().await;
    let mut answered = Vec::new();
    for _ in 0..33 {
        let answer = citizen.answer().await;
        assert!(answer["ok"].is_object(), "{answer}");
        answered.push(u32::try_from(answer["ref"].as_u64().unwrap()).unwrap());
    }
    assert_ne!(answered[0], beyond, "32 in flight, not more");
    answered.retain(|number| *number != beyond);
    assert_eq!(answered, [unanswered, more].concat());
}

#[tokio::test]
async fn what_follows_a_message_sees_it_and_what_follows_an_order_comes_after_it() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    let me = agent.welcome["me"]["id"].as_str().unwrap().to_owned();
    let offer = agent.subscribe(&format!("agent:{me}")).await["view"]["offer"]["id"].clone();
    let steps = [
        json!({ "type": "accept_offer", "offer": offer }),
        send(&id, "x", "您好，我来帮您"),
        json!({ "type": "close", "conversation": id, "outcome": "solved" }),
        json!({ "type": "subscribe", "topic": format!("conversation:{id}") }),
    ];
    let numbers = agent.pipeline(steps).await;
    let mut thread = Value::Null;
    for number in numbers {
        let answer = agent.answer().await;
        assert!(answer["ref"] == json!(number) && answer["ok"].is_object(), "{answer}");
        thread = answer["ok"]["snapshot"].clone();
    }
    let kinds: Vec<_> = thread["entries"].as_array().unwrap().iter().map(|entry| &entry["body"]["type"]).collect();
    assert_eq!(kinds, ["bot_greeting", "human_requested", "agent_joined", "text", "closed"]);
}

#[tokio::test]
async fn what_was_read_is_carried_out_although_the_page_has_gone() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let stalled = Stalled::begin(&server).await;
    citizen.pipeline((0..5).map(|n| send(&id, &format!("m{n}"), "一句话"))).await;
    citizen.ok(typing(&id, true)).await;
    drop(citizen);
    stalled.end().await;
    let mut supervisor = server.staff("super1").await;
    let thread = supervisor.subscribe(&format!("conversation:{id}")).await;
    let said: Vec<_> = client_ids(&thread).into_iter().map(str::to_owned).collect();
    for name in (0..5).map(|n| format!("m{n}")).filter(|name| !said.contains(name)) {
        supervisor.event(&name, |event| event["body"]["entry"]["clientId"] == name.as_str()).await;
    }
}

#[tokio::test]
async fn twenty_messages_at_once_are_taken_and_more_are_refused_until_later() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let mut other_tab = server.citizen().await;
    citizen.pipeline((0..60).map(|n| send(&id, &format!("m{n}"), "快"))).await;
    let mut taken = 0;
    for _ in 0..60 {
        let answer = citizen.answer().await;
        if answer["ok"].is_object() {
            taken += 1;
        } else {
            assert_eq!(
                (&answer["error"]["code"], &answer["error"]["retryable"]),
                (&json!("rate_limited"), &json!(true))
            );
        }
    }
    // One was for opening; one a second comes back while this runs.
    assert!((19..=30).contains(&taken), "{taken}");
    assert_eq!(other_tab.refused(send(&id, "o", "快")).await["code"], "rate_limited", "one person, two tabs");
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
}

#[tokio::test]
async fn the_citizen_s_presence_follows_their_pages() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let topic = format!("conversation:{id}");
    let mut supervisor = server.staff("super1").await;
    assert_eq!(supervisor.subscribe(&topic).await["view"]["citizenOnline"], false);
    let presence =
        |online: bool| move |event: &Value| event["body"] == json!({ "type": "citizen_presence", "online": online });
    assert_eq!(citizen.subscribe(&topic).await["view"]["citizenOnline"], true);
    supervisor.event("there", presence(true)).await;
    assert_eq!(supervisor.subscribe(&topic).await["view"]["citizenOnline"], true);
    // Cut off, without a word.
    drop(citizen);
    supervisor.event("gone", presence(false)).await;
    assert_eq!(supervisor.subscribe(&topic).await["view"]["citizenOnline"], false);

    let mut citizen = server.citizen().await;
    citizen.subscribe(&topic).await;
    supervisor.event("there again", presence(true)).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let view = supervisor.event("waits", |event| event["body"]["view"]["stage"] == "waiting").await;
    assert_eq!(view["body"]["view"]["citizenOnline"], true, "in views too");
    citizen.ok(json!({ "type": "unsubscribe", "topic": topic })).await;
    supervisor.event("left", presence(false)).await;
}

#[tokio::test]
async fn an_agent_hears_a_conversation_as_long_as_they_serve_it() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let topic = format!("conversation:{id}");
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut first = server.staff("agent1001").await;
    first.accept().await;
    first.subscribe(&topic).await;
    first.subscribe(&format!("notes:{id}")).await;
    citizen.ok(send(&id, "before", "你们听得到")).await;
    first.event("said", |event| event["body"]["entry"]["clientId"] == "before").await;

    let mut second = server.staff("agent1002").await;
    let second_id = second.welcome["me"]["id"].clone();
    let to = json!({ "type": "agent", "agent": second_id });
    first.ok(json!({ "type": "transfer", "conversation": id, "to": to, "note": "" })).await;
    second.accept().await;
    first.event("handed over", |event| event["body"]["view"]["agent"]["id"] == second_id).await;
    second.subscribe(&topic).await;
    citizen.ok(send(&id, "after", "只说给您听")).await;
    second.event("said", |event| event["body"]["entry"]["clientId"] == "after").await;
    // Published to all at once, so it would be here before this answer.
    assert_eq!(first.refused(json!({ "type": "subscribe", "topic": topic })).await["code"], "forbidden");
    assert!(first.heard().iter().all(|event| !event.to_string().contains("只说给您听")));
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_ended_and_the_others_do_not_wait_for_it() {
    let server = Server::start(&["--demo"], &[UNLIMITED, ("BANGBAN__LIMITS__SOCKET_QUEUE", "4")]).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let topic = format!("conversation:{id}");
    let mut slow = server.citizen().await;
    slow.subscribe(&topic).await;
    let mut supervisor = server.staff("super1").await;
    supervisor.subscribe(&topic).await;
    // Messages of 12 KB, until the buffers between the two are full and its queue of four too.
    let long = "办".repeat(4_000);
    let is_gone = |event: &Value| event["body"] == json!({ "type": "citizen_presence", "online": false });
    let mut n = 0;
    while !supervisor.heard().iter().any(is_gone) {
        assert!(n < 2_000, "24 MB are in no buffer");
        citizen.ok(send(&id, &format!("m{n}"), &long)).await;
        supervisor.event("said", |event| event["body"]["entry"]["clientId"] == format!("m{n}").as_str()).await;
        n += 1;
    }
    assert!(n > 4);
    while let Some(Ok(_)) = slow.socket.next().await {}
}
