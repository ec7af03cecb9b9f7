//! Two pages of one citizen.

use bangban_domain::ConversationId;
use bangban_protocol::{Answer, EventBody, ThreadEntry};
use bangban_tests::{Client, Engine, TestServer, send};

on_both!(two_tabs_of_one_citizen_agree,);

/// Reads until the tab knows so many entries of the thread.
async fn know(tab: &mut Client, thread: &mut Vec<ThreadEntry>, count: usize) {
    while thread.len() < count {
        let entry = tab.entry("an entry", |entry| Some(entry.clone())).await;
        thread.push(entry);
    }
}

/// Says 40 things without waiting in between.
async fn chatter(tab: &mut Client, id: ConversationId, name: &str) -> Vec<u64> {
    let mut references = Vec::new();
    for n in 0..40 {
        references.push(tab.post(send(id, &format!("{name}{n}"), &format!("{name} {n}"))).await.unwrap());
    }
    let mut seqs = Vec::new();
    for reference in references {
        match tab.answer(reference).await.unwrap() {
            Ok(Answer::Sent { seq, .. }) => seqs.push(seq),
            other => panic!("{other:?}"),
        }
    }
    seqs
}

async fn two_tabs_of_one_citizen_agree(on: Engine) {
    let server = TestServer::start(on).await;
    let mut agent = server.staff("agent1001").await;
    let mut one = server.citizen("demo-citizen-1").await;
    let mut two = server.citizen("demo-citizen-1").await;
    let id = one.open().await;
    assert_eq!(two.open().await, id, "the same conversation");
    let (_, mut first) = one.join(id, None).await;
    let (_, mut second) = two.join(id, None).await;
    let due_at = one.request_human(id).await;
    assert_eq!(two.request_human(id).await, due_at, "the same promise");
    agent.accept().await;
    let before = agent.join(id, None).await.1.len();

    // Both at the same time, and the agent.
    let (a, b, c) =
        tokio::join!(chatter(&mut one, id, "one"), chatter(&mut two, id, "two"), chatter(&mut agent, id, "agent"));
    for seqs in [&a, &b, &c] {
        assert!(seqs.is_sorted(), "each in the order of sending: {seqs:?}");
    }
    let mut all: Vec<u64> = [a, b, c].concat();
    all.sort_unstable();
    let before = before as u64;
    assert_eq!(all, (before + 1..=before + 120).collect::<Vec<_>>(), "every position once");
    let count = usize::try_from(before).unwrap() + 120;
    know(&mut one, &mut first, count).await;
    know(&mut two, &mut second, count).await;
    assert_eq!(first, second);
    assert_eq!(first, one.whole_thread(id).await);

    // A message that one tab said is repeated by the other, which has the same outbox after a reload.
    let sent = one.say(id, "again", "说一遍").await;
    assert_eq!(two.say(id, "again", "说一遍").await, sent);
    know(&mut two, &mut second, count + 1).await;
    two.refute("once only", |event| match &event.body {
        EventBody::Entry { entry } => Some(entry.clone()),
        _ => None,
    })
    .await;
}
