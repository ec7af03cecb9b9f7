//! Links that stall, break and crawl.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bangban_domain::{ConversationId, Timestamp};
use bangban_protocol::{Answer, EventBody, ThreadEntry, close_code};
use bangban_tests::{Client, Engine, FaultProxy, TestServer, Way, send, texts};

on_both!(
    a_link_that_stalls_one_way_is_given_up_and_everything_comes_once_in_order,
    a_link_that_is_cut_in_the_middle_of_two_hundred_messages_delivers_each_once_in_order,
    over_a_slow_link_the_order_holds_and_the_clock_starts_when_the_server_reads,
    a_page_that_takes_nothing_is_let_go_and_resumes_without_a_gap,
);

/// A citizen behind a link, served by an agent who is not; both have joined.
async fn pair(server: &TestServer, link: &FaultProxy) -> (Client, Client, ConversationId) {
    let token = server.citizen_token("demo-citizen-1").await;
    let mut citizen = Client::connect(link.address, &token).await;
    let mut agent = server.staff("agent1001").await;
    let id = citizen.open().await;
    citizen.request_human(id).await;
    agent.accept().await;
    agent.join(id, None).await;
    citizen.join(id, None).await;
    (citizen, agent, id)
}

/// The last position of a thread.
fn last(thread: &[ThreadEntry]) -> u64 {
    thread.last().unwrap().seq
}

/// Numbered sentences.
fn sentences(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("第 {n} 句")).collect()
}

/// Now, as the server's clock has it: both read the same machine's.
#[expect(clippy::disallowed_methods, reason = "compared with what the server stamped")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

async fn a_link_that_stalls_one_way_is_given_up_and_everything_comes_once_in_order(on: Engine) {
    let server = TestServer::start(on).await;
    let link = FaultProxy::to(server.address).await;
    let (mut citizen, mut agent, id) = pair(&server, &link).await;
    let (_, mut thread) = citizen.join(id, None).await;
    for (n, text) in sentences(0..5).iter().enumerate() {
        agent.say(id, &format!("a{n}"), text).await;
        thread.push(citizen.entry("a message", |entry| Some(entry.clone())).await);
    }

    link.stall(Way::ToClient);
    for (n, text) in sentences(5..25).iter().enumerate() {
        agent.say(id, &format!("a{}", n + 5), text).await;
    }
    // The way to the server is open: the message arrives, its answer does not.
    citizen.post(send(id, "c0", "您还在吗")).await.unwrap();
    agent.entry("the question", |entry| (entry.client_id.as_deref() == Some("c0")).then_some(())).await;
    // The page hears nothing, gives the link up and comes again.
    link.cut();
    link.pass();
    assert_eq!(citizen.end().await.0, None);
    let came = std::iter::from_fn(|| citizen.heard()).find(|event| matches!(event.body, EventBody::Entry { .. }));
    assert_eq!(came, None, "nothing came while the link stalled");

    let mut citizen = Client::connect(link.address, &server.citizen_token("demo-citizen-1").await).await;
    let (_, missed) = citizen.join(id, Some(last(&thread))).await;
    assert_eq!(missed.first().unwrap().seq, last(&thread) + 1);
    thread.extend(missed);
    citizen.say(id, "c0", "您还在吗").await;
    let said = [sentences(0..25), vec!["您还在吗".to_owned()]].concat();
    assert_eq!(texts(&thread), said);
    assert_eq!(thread, agent.whole_thread(id).await);
}

async fn a_link_that_is_cut_in_the_middle_of_two_hundred_messages_delivers_each_once_in_order(on: Engine) {
    for (way, bytes) in [(Way::ToServer, 5_000), (Way::ToServer, 20_000), (Way::ToClient, 7_777)] {
        let server = TestServer::start(on).await;
        let link = FaultProxy::to(server.address).await;
        let (mut citizen, mut agent, id) = pair(&server, &link).await;
        let said = sentences(0..200);
        link.cut_after(way, bytes);
        let mut posted = 0;
        while posted < said.len() && citizen.post(send(id, &format!("c{posted}"), &said[posted])).await.is_ok() {
            posted += 1;
        }
        citizen.end().await;
        let mut promised = 0;
        while let Some((_, answer)) = citizen.answered() {
            assert!(matches!(answer, Ok(Answer::Sent { .. })), "{answer:?}");
            promised += 1;
        }
        assert!(promised < 200, "the cut came too late");

        // The outbox: everything without an answer is sent again, in order.
        let mut citizen = Client::connect(link.address, &server.citizen_token("demo-citizen-1").await).await;
        let mut references = Vec::new();
        for (n, text) in said.iter().enumerate().skip(promised) {
            references.push(citizen.post(send(id, &format!("c{n}"), text)).await.unwrap());
        }
        for reference in references {
            assert!(matches!(citizen.answer(reference).await.unwrap(), Ok(Answer::Sent { .. })));
        }
        let thread = agent.whole_thread(id).await;
        assert_eq!(texts(&thread), said, "{way:?} after {bytes} bytes, {promised} promised");
        assert_eq!(last(&thread), thread.len() as u64);
    }
}

async fn over_a_slow_link_the_order_holds_and_the_clock_starts_when_the_server_reads(on: Engine) {
    const LATE: i64 = 300;
    let server = TestServer::start(on).await;
    let link = FaultProxy::to(server.address).await;
    let mut citizen = Client::connect(link.address, &server.citizen_token("demo-citizen-1").await).await;
    let id = citizen.open().await;
    link.delay(Duration::from_millis(LATE.unsigned_abs()));

    let sent_at = now();
    let mut references = Vec::new();
    for (n, text) in sentences(0..10).iter().enumerate() {
        references.push(citizen.post(send(id, &format!("c{n}"), text)).await.unwrap());
    }
    let mut read_at = Vec::new();
    for reference in references {
        match citizen.answer(reference).await.unwrap() {
            Ok(Answer::Sent { at, .. }) => read_at.push(at),
            other => panic!("{other:?}"),
        }
    }
    let answered_at = now();
    assert!(read_at.is_sorted());
    // Late on the way there and on the way back; a millisecond may be lost to rounding.
    assert!(read_at[0].since(sent_at) >= LATE - 1, "{read_at:?}, sent {sent_at:?}");
    assert!(answered_at.since(read_at[0]) >= LATE - 1, "{read_at:?}, answered {answered_at:?}");

    let asked_at = now();
    let due_at = citizen.request_human(id).await;
    let answered_at = now();
    let read_at = due_at - 60_000;
    assert!(read_at.since(asked_at) >= LATE - 1 && answered_at.since(read_at) >= LATE - 1, "{read_at:?}");
    link.pass();
    let (_, thread) = citizen.join(id, None).await;
    assert_eq!(texts(&thread), sentences(0..10));
}

async fn a_page_that_takes_nothing_is_let_go_and_resumes_without_a_gap(on: Engine) {
    let server = TestServer::with(on, &[("BANGBAN__LIMITS__SOCKET_QUEUE", "16")]).await;
    let link = FaultProxy::to(server.address).await;
    let (mut citizen, mut agent, id) = pair(&server, &link).await;
    let (_, mut thread) = citizen.join(id, None).await;
    link.stall(Way::ToClient);
    // The kernel's buffers take a few megabytes before the server's queue fills.
    let text = "办".repeat(4_000);
    let mut count = 0;
    let mut is_gone = false;
    while !is_gone {
        assert!(count < 2_000, "the server keeps a page that takes nothing");
        agent.say(id, &format!("a{count}"), &text).await;
        count += 1;
        while let Some(event) = agent.heard() {
            is_gone |= event.body == EventBody::CitizenPresence { online: false };
        }
    }
    link.pass();
    let gone = citizen.end().await;
    // Whether the code still gets through depends on how long the page goes on taking nothing.
    assert!([None, Some(close_code::TOO_SLOW)].contains(&gone.0), "{gone:?}");
    let heard = std::iter::from_fn(|| citizen.heard());
    thread.extend(heard.filter_map(|event| match event.body {
        EventBody::Entry { entry } => Some(entry),
        _ => None,
    }));

    let mut citizen = Client::connect(link.address, &server.citizen_token("demo-citizen-1").await).await;
    let (_, missed) = citizen.join(id, Some(last(&thread))).await;
    thread.extend(missed);
    assert_eq!(thread, agent.whole_thread(id).await);
    assert_eq!(texts(&thread).len(), count);
}
