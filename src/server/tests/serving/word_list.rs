//! Words that staff must not write to citizens.

use serde_json::json;

use crate::support::{PATIENCE, Server, send};

#[tokio::test]
async fn a_listed_word_reaches_no_citizen_and_no_log_and_the_list_may_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("words.txt");
    std::fs::write(&path, "保证办成\n").unwrap();
    let settings = [("BANGBAN__SERVICE__WORD_LIST", path.to_str().unwrap()), ("BANGBAN__LOG__LEVEL", "trace")];
    let server = Server::start(&["--demo"], &settings).await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(send(&id, "c1", "你们保证办成吗")).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;

    let refused = agent.refused(send(&id, "a1", "我 保-证 办成")).await;
    assert_eq!(
        (&refused["code"], &refused["field"], &refused["detail"], &refused["retryable"]),
        (&json!("listed_word"), &json!("text"), &json!("保证办成"), &json!(false))
    );
    agent.ok(json!({ "type": "note", "conversation": id, "clientId": "n1", "text": "他要我保证办成" })).await;
    agent.ok(json!({ "type": "save_draft", "conversation": id, "text": "保证办成" })).await;
    agent.ok(send(&id, "a1", "我尽力")).await;
    assert!(!server.log().contains("保"), "{}", server.log());

    // A list that is none leaves the old one; a new one is taken.
    std::fs::write(&path, b"\xff").unwrap();
    until(&server, "the new word list cannot be used").await;
    assert_eq!(agent.refused(send(&id, "a2", "保证办成")).await["code"], "listed_word");
    std::fs::write(&path, "尽力\n").unwrap();
    until(&server, "a new word list").await;
    agent.ok(send(&id, "a3", "保证办成")).await;
    assert_eq!(agent.refused(send(&id, "a4", "尽 力")).await["detail"], "尽力");
}

/// Waits for a line of the log.
async fn until(server: &Server, line: &str) {
    let patience = tokio::time::Instant::now() + 2 * PATIENCE;
    while !server.log().contains(line) {
        assert!(tokio::time::Instant::now() < patience, "no {line:?} in {}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
