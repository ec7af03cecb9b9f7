//! Bad input gets a clear error that names the cause, and disturbs nobody.

use std::path::Path;

use bangban_domain::words::{AgentStatus, Channel, Outcome};
use bangban_protocol::{Command, ErrorCode, Topic};
use bangban_tests::{Engine, PATIENCE, TestServer, bangban, send};
use serde_json::json;
use tokio::{process, time::timeout};

on_both!(bad_input_gets_a_clear_error_and_disturbs_nobody,);

async fn bad_input_gets_a_clear_error_and_disturbs_nobody(on: Engine) {
    let server = TestServer::start(on).await;
    let mut citizen = server.citizen("demo-citizen-1").await;
    let id = citizen.open().await;
    let item = Command::OpenConversation {
        item: Some("no-such-item".to_owned()),
        district: None,
        channel: Channel::Pc,
        hall: None,
        ticket: None,
    };
    assert_eq!(citizen.refused(item).await.code, ErrorCode::UnknownItem);
    let long = citizen.refused(send(id, "l", &"办".repeat(4001))).await;
    assert_eq!((long.code, long.field.as_deref()), (ErrorCode::BadRequest, Some("text")));
    assert_eq!(citizen.raw(json!({ "type": "dance" })).await.unwrap_err().code, ErrorCode::BadRequest);
    let forbidden = [
        Command::Subscribe { topic: Topic::Board, after: None },
        Command::Subscribe { topic: Topic::Notes(id), after: None },
        Command::SetStatus { status: AgentStatus::Break },
        Command::Close { conversation: id, outcome: Outcome::Solved, hand_on: None, no_answer: None, write_back: None },
    ];
    for command in forbidden {
        let what = format!("{command:?}");
        assert_eq!(citizen.refused(command).await.code, ErrorCode::Forbidden, "{what}");
    }
    let mut stranger = server.staff("agent1003").await;
    assert_eq!(stranger.refused(send(id, "s", "?")).await.code, ErrorCode::Forbidden);
    let topic = Command::Subscribe { topic: Topic::Conversation(id), after: None };
    assert_eq!(stranger.refused(topic).await.code, ErrorCode::Forbidden);
    assert!(server.log_in("agent1001", "x").await.is_err());

    // A second server on the same rows is refused by name, with the key that decides.
    let (data, url) = (server.folder(), server.database.database.url.as_str());
    let message = refused_start("127.0.0.1:0", data, url).await;
    let key = match on {
        Engine::Sqlite => "data.dir",
        Engine::Postgres => "data.url",
    };
    assert!(message.contains("in use by") && message.contains(key), "{message}");
    let elsewhere = tempfile::tempdir().unwrap();
    let address = server.address.to_string();
    let message = refused_start(&address, elsewhere.path(), "").await;
    assert!(message.contains(&format!("cannot listen on {address} (http.listen)")), "{message}");
    citizen.say(id, "after", "还在吗").await;
}

/// What a server says that cannot start.
async fn refused_start(listen: &str, data: &Path, url: &str) -> String {
    let started = process::Command::new(bangban())
        .arg("serve")
        .env("BANGBAN__HTTP__LISTEN", listen)
        .env("BANGBAN__DATA__DIR", data)
        .env("BANGBAN__DATA__URL", url)
        .kill_on_drop(true)
        .output();
    let ended = timeout(PATIENCE, started).await.expect("it does not start").unwrap();
    assert!(!ended.status.success());
    String::from_utf8(ended.stderr).unwrap()
}
