//! What operations see, and what they must not.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Server, send};

/// Samples by name with labels, e.g. `bangban_sessions{kind="agent"}`.
fn samples(text: &str) -> HashMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, value)| (name, value.parse().unwrap())).collect()
}

#[tokio::test]
async fn the_metrics_count_what_happened_and_have_an_address_of_their_own() {
    let settings = [("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"), ("BANGBAN__LIMITS__CITIZEN_BURST", "1000")];
    let mut server = Server::start(&["--demo"], &settings).await;
    assert_eq!(server.get("/metrics").await.status, 404, "not on the public address");
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.subscribe(&format!("conversation:{id}")).await;
    let mut agent = server.staff("agent1001").await;
    let _board = server.staff("super1").await;
    agent.refused(json!({ "type": "close", "conversation": id, "outcome": "solved" })).await;
    let wrong = r#"{"login":"agent1001","password":"x"}"#;
    assert_eq!(server.post("/api/staff/login", wrong).await.status, 401);
    // Each of the 160 messages makes two entries and an answer.
    for round in 0..5 {
        citizen.pipeline((0..32).map(|n| send(&id, &format!("m{round}-{n}"), "一句话"))).await;
        for _ in 0..32 {
            assert!(citizen.answer().await["ok"].is_object());
        }
    }

    let text = server.metrics().await;
    let samples = samples(&text);
    let of = |name: &str| samples.get(name).copied().unwrap_or_else(|| panic!("{name} is missing:\n{text}"));
    for (name, expected) in [
        (r#"bangban_sessions{kind="citizen"}"#, 1.0),
        (r#"bangban_sessions{kind="agent"}"#, 1.0),
        (r#"bangban_sessions{kind="watcher"}"#, 1.0),
        (r#"bangban_commands_total{command="send",result="ok"}"#, 160.0),
        (r#"bangban_commands_total{command="close",result="forbidden"}"#, 1.0),
        (r#"bangban_logins_total{result="ok"}"#, 2.0),
        (r#"bangban_logins_total{result="wrong"}"#, 1.0),
        ("bangban_commit_seconds_count", 160.0),
        ("bangban_desk_mailbox", 0.0),
        ("bangban_writer_queue", 0.0),
    ] {
        assert_eq!(of(name), expected, "{name}");
    }
    let (incoming, outgoing, flushes) =
        (of("bangban_frames_in_total"), of("bangban_frames_out_total"), of("bangban_flushes_total"));
    assert!(incoming >= 163.0 && outgoing >= 480.0, "{incoming} in, {outgoing} out");
    assert!(flushes * 2.0 < outgoing, "{flushes} flushes for {outgoing} frames: what is there together goes together");
}

#[tokio::test]
async fn a_minute_that_nobody_keeps_shows_in_the_metrics_step_by_step() {
    let settings = [
        ("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"),
        ("BANGBAN__SLA__WARN_SECONDS", "1"),
        ("BANGBAN__SLA__ALERT_SECONDS", "2"),
        ("BANGBAN__SLA__BREACH_SECONDS", "3"),
    ];
    let mut server = Server::start(&["--demo"], &settings).await;
    let mut board = server.staff("super1").await;
    board.subscribe("board").await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    board.event("breached", |event| event["body"]["view"]["atRisk"][0]["clock"]["step"] == "breached").await;
    let text = server.metrics().await;
    let samples = samples(&text);
    for step in ["warned", "alerted", "breached"] {
        let name = format!("bangban_sla_steps_total{{step=\"{step}\"}}");
        assert_eq!(samples.get(name.as_str()), Some(&1.0), "{name}:\n{text}");
    }
}

#[tokio::test]
async fn the_log_names_commands_and_ids_and_never_what_was_said_or_by_whom() {
    // As much as can be asked for.
    for level in ["debug", "trace"] {
        let server =
            Server::start(&["--demo"], &[("BANGBAN__LOG__FORMAT", "json"), ("BANGBAN__LOG__LEVEL", level)]).await;
        let mut citizen = server.citizen().await;
        let id = citizen.open_conversation().await;
        citizen.subscribe(&format!("conversation:{id}")).await;
        citizen.ok(send(&id, "c1", "我的身份证号是310101199001011234")).await;
        citizen.refused(json!({ "type": "rate", "conversation": id, "stars": 1, "comment": "不满意的话" })).await;
        citizen.send_text(r#"{"ref":9,"body":{"type":"泄露的类型"}}"#).await;
        citizen.answer().await;
        citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
        let mut agent = server.staff("agent1001").await;
        agent.accept().await;
        agent.subscribe(&format!("notes:{id}")).await;
        agent.ok(json!({ "type": "note", "conversation": id, "clientId": "n", "text": "内部备注一则" })).await;
        agent.ok(send(&id, "a1", "您的电话是13800138001吗")).await;
        let wrong = r#"{"login":"agent1002","password":"猜错的口令"}"#;
        assert_eq!(server.post("/api/staff/login", wrong).await.status, 401);

        let log = server.log();
        let private = [
            "310101199001011234",
            "不满意的话",
            "泄露的类型",
            "内部备注",
            "13800138001",
            "猜错的口令",
            "bangban-demo",
            "张伟",
            "李敏",
            "eyJ",
        ];
        for text in private {
            assert!(!log.contains(text), "{level}: {text} is in the log");
        }
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let principal = citizen.welcome["me"]["id"].clone();
        let sent =
            lines.iter().find(|line| line["message"] == "carried out" && line["span"]["command"] == "send").unwrap();
        let span = &sent["span"];
        assert_eq!((&span["conversation"], &span["principal"]), (&json!(id), &principal), "{sent}");
        assert!(span["ref"].is_number(), "{sent}");
        let refused =
            lines.iter().find(|line| line["message"] == "refused" && line["span"]["command"] == "rate").unwrap();
        assert_eq!(refused["code"], "invalid_stage");
    }
}
