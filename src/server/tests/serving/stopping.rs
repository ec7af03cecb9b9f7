//! The end of the server.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Client, PATIENCE, Server, Stalled, client_ids, send, typing};

#[tokio::test]
async fn a_server_that_is_told_to_stop_finishes_what_it_has_accepted_and_says_come_back() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let mut silent = Client::connect(&server.address).await;
    let mut agent = server.staff("agent1001").await;
    // A request that has begun before the signal and ends after it.
    let mut probe = TcpStream::connect(&server.address).await.unwrap();
    probe.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n").await.unwrap();

    let stalled = Stalled::begin(&server).await;
    let sends = citizen.pipeline((0..5).map(|n| send(&id, &format!("m{n}"), "停之前"))).await;
    // Answered, so the five were read.
    citizen.ok(typing(&id, true)).await;
    server.terminate();
    assert_eq!(agent.close_code().await, Some(4000));
    assert_eq!(silent.close_code().await, Some(4000), "before hello too");
    let nobody_new = async { while TcpStream::connect(&server.address).await.is_ok() {} };
    timeout(PATIENCE, nobody_new).await.expect("the port is closed");
    probe.write_all(b"\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, probe.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");

    stalled.end().await;
    for number in sends {
        let answer = citizen.answer().await;
        assert!(answer["ref"] == json!(number) && answer["ok"]["seq"].is_number(), "{answer}");
    }
    assert_eq!(citizen.close_code().await, Some(4000));
    let (status, dir) = server.ended().await;
    assert!(status.success(), "{status}");

    let server = Server::start_in(dir, &["--demo"], &[]).await;
    let mut citizen = server.citizen().await;
    let thread = citizen.subscribe(&format!("conversation:{id}")).await;
    assert_eq!(client_ids(&thread), ["m0", "m1", "m2", "m3", "m4"]);
}

#[tokio::test]
async fn a_store_that_never_comes_back_does_not_keep_the_server_from_ending_in_time() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let stalled = Stalled::begin(&server).await;
    citizen.pipeline([send(&id, "m", "停之前")]).await;
    citizen.ok(typing(&id, true)).await;
    server.terminate();
    // `ended` waits 10 s at most.
    let (status, _) = server.ended().await;
    assert!(status.success(), "{status}");
    stalled.end().await;
}
