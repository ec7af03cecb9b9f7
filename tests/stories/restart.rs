//! The server is killed and started again.

use std::collections::HashMap;

use bangban_domain::{
    ConversationId, Timestamp,
    words::{SlaStep, Stage},
};
use bangban_protocol::{Answer, Command, Snapshot, Topic};
use bangban_tests::{Client, Engine, PATIENCE, TestServer, send, texts};
use futures_util::future::select_all;
use tokio::{sync::watch, task::JoinSet, time::timeout};

on_both!(
    killed_in_the_middle_nothing_is_lost_or_twice_and_the_clock_stands_where_it_stood,
    killed_under_the_traffic_of_several_pairs_every_promise_is_kept_once_and_in_order,
    a_server_that_was_down_while_a_promise_broke_starts_and_says_so_once,
);

async fn killed_in_the_middle_nothing_is_lost_or_twice_and_the_clock_stands_where_it_stood(on: Engine) {
    let mut server = TestServer::start(on).await;
    let mut citizen = server.citizen("demo-citizen-1").await;
    let id = citizen.open().await;
    let due_at = citizen.request_human(id).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    let said: Vec<String> = (0..20).map(|n| format!("第{n}句")).collect();
    for (n, text) in said.iter().enumerate() {
        citizen.say(id, &format!("m{n}"), text).await;
    }
    server.kill_9().await;

    server.restart().await;
    let mut citizen = server.citizen("demo-citizen-1").await;
    assert_eq!(citizen.conversations.iter().map(|mine| mine.id).collect::<Vec<_>>(), [id]);
    // The client cannot know whether the last one arrived, and says it again.
    citizen.say(id, "m19", &said[19]).await;
    let (view, thread) = citizen.join(id, None).await;
    assert_eq!(texts(&thread), said);
    assert_eq!((view.clock.unwrap().due_at, view.stage), (due_at, Stage::Serving));
    let mut agent = server.staff("agent1001").await;
    agent.join(id, None).await;
    agent.say(id, "x", "我还在").await;
}

/// What a speaker was promised: position and text by client id.
type Promised = HashMap<String, (u64, String)>;

/// Speaks until the connection breaks; up to 8 messages wait for their answers. Says what was promised, and how many
/// messages were sent.
async fn speak(mut client: Client, id: ConversationId, letter: char, count: watch::Sender<u32>) -> (Promised, u32) {
    let (mut promised, mut sent) = (Promised::new(), 0);
    let mut texts = HashMap::new();
    loop {
        while texts.len() < 8 {
            let (client_id, text) = (format!("{letter}{sent}"), format!("{letter} 说第 {sent} 句"));
            let Ok(reference) = client.post(send(id, &client_id, &text)).await else { return (promised, sent) };
            texts.insert(reference, (client_id, text));
            sent += 1;
        }
        if client.turn().await.is_err() {
            return (promised, sent);
        }
        while let Some((reference, answer)) = client.answered() {
            // An agent who was not asked has asked for their desk too.
            let Some((client_id, text)) = texts.remove(&reference) else { continue };
            let Ok(Answer::Sent { seq, .. }) = answer else { panic!("{client_id}: {answer:?}") };
            promised.insert(client_id, (seq, text));
            count.send_modify(|count| *count += 1);
        }
        while client.heard().is_some() {}
    }
}

async fn killed_under_the_traffic_of_several_pairs_every_promise_is_kept_once_and_in_order(on: Engine) {
    const PAIRS: usize = 5;
    let mut server = TestServer::start(on).await;
    let mut agents = Vec::new();
    for n in 1..=PAIRS {
        agents.push(server.staff(&format!("load-agent-{n}")).await);
    }
    let mut speaking = JoinSet::new();
    let (count, mut promises) = watch::channel(0);
    let mut due: Vec<(ConversationId, Timestamp)> = Vec::new();
    for n in 0..PAIRS {
        let mut citizen = server.citizen(&format!("load-citizen-{n}")).await;
        let id = citizen.open().await;
        due.push((id, citizen.request_human(id).await));
        citizen.join(id, None).await;
        // Whoever is asked.
        let asked = agents.iter_mut().map(|agent| Box::pin(agent.offer()));
        let (offer, place, _) = select_all(asked).await;
        assert_eq!(offer.conversation, id);
        let mut agent = agents.remove(place);
        agent.ok(Command::AcceptOffer { offer: offer.id }).await;
        agent.join(id, None).await;
        for (client, letter) in [(citizen, 'c'), (agent, 'a')] {
            let count = count.clone();
            speaking.spawn(async move { (n, letter, speak(client, id, letter, count).await) });
        }
    }
    timeout(PATIENCE, promises.wait_for(|count| *count >= 400)).await.expect("traffic").unwrap();
    server.kill_9().await;
    let spoken = speaking.join_all().await;

    server.restart().await;
    for (n, (id, due_at)) in due.into_iter().enumerate() {
        let mut citizen = server.citizen(&format!("load-citizen-{n}")).await;
        let (view, _) = citizen.join(id, None).await;
        assert_eq!((view.clock.unwrap().due_at, view.stage), (due_at, Stage::Serving));
        let thread = citizen.whole_thread(id).await;
        let seqs: Vec<u64> = thread.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=thread.len() as u64).collect::<Vec<_>>(), "without gaps");
        for (_, letter, (promised, sent)) in spoken.iter().filter(|(pair, ..)| *pair == n) {
            // What was sent and not promised may be there or not, but nothing is there twice or in another order.
            let said: Vec<&str> = texts(&thread).into_iter().filter(|text| text.starts_with(*letter)).collect();
            assert!(said.len() >= promised.len() && said.len() <= *sent as usize);
            let in_order: Vec<String> = (0..said.len()).map(|n| format!("{letter} 说第 {n} 句")).collect();
            assert_eq!(said, in_order);
            for (client_id, (seq, _)) in promised {
                let entry = &thread[usize::try_from(*seq - 1).unwrap()];
                assert_eq!(entry.client_id.as_ref(), Some(client_id), "promised at {seq}");
            }
        }
    }
}

/// As `make run` does it: a debug build, whose router checks its invariants.
async fn a_server_that_was_down_while_a_promise_broke_starts_and_says_so_once(on: Engine) {
    let mut server = TestServer::start(on).await;
    let mut citizen = server.citizen("demo-citizen-1").await;
    let id = citizen.open().await;
    citizen.request_human(id).await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    server.kill_9().await;

    // Two minutes pass, told by the row: nobody waits for them.
    let earlier = "UPDATE ledger SET asked_at = asked_at - 120000, due_at = due_at - 120000";
    server.database.execute(earlier).await;

    server.restart().await;
    let mut board = server.staff("super1").await;
    let (_, Snapshot::Board { view }) = board.subscribe(Topic::Board, None).await else { panic!("no board") };
    assert_eq!((view.total.waiting, view.total.today_hits), (1, 0));
    assert_eq!(view.at_risk[0].clock.step, SlaStep::Breached);
    // The whole event says the instant of the rule; the kind is a column.
    let breaches = "SELECT COUNT(*) FROM event WHERE kind = 'stepped' AND detail LIKE '%\"breached\"%'";
    assert_eq!(server.database.number(breaches).await, 1);
}
