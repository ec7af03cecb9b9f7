//! Agents who leave, hand over and hand on.

use bangban_domain::{
    ConversationId,
    words::{AgentStatus, HandOnChannel, Outcome, Stage},
};
use bangban_protocol::{Answer, Command, EventBody, Identity, OfferView, ThreadBody, ThreadEntry, TransferTarget};
use bangban_tests::{Client, Engine, Recount, TestServer, kinds};

on_both!(
    an_agent_who_is_gone_gives_back_who_is_owed_a_reply_and_a_reload_is_no_loss,
    after_a_reload_the_agent_serves_on,
    a_transfer_is_declined_then_accepted_and_the_clock_goes_on,
    out_of_scope_is_handed_on_with_a_receipt,
);

/// A minute's patience made short: an agent who is gone for a second is suspect, for two seconds lost.
const SHORT: [(&str, &str); 2] = [("BANGBAN__SLA__SUSPECT_SECONDS", "1"), ("BANGBAN__SLA__LOST_SECONDS", "2")];

fn left(entry: &ThreadEntry) -> Option<String> {
    match &entry.body {
        ThreadBody::AgentLeft { name } => Some(name.clone()),
        _ => None,
    }
}

/// A citizen who has asked for a human.
async fn waiting(server: &TestServer, code: &str) -> (Client, ConversationId) {
    let mut citizen = server.citizen(code).await;
    let id = citizen.open().await;
    citizen.join(id, None).await;
    citizen.request_human(id).await;
    (citizen, id)
}

fn offered(desk: &Client, offer: &OfferView) -> String {
    let Identity::Staff { name, .. } = &desk.me else { panic!("not an agent") };
    format!("{name} is offered {}", offer.conversation)
}

async fn an_agent_who_is_gone_gives_back_who_is_owed_a_reply_and_a_reload_is_no_loss(on: Engine) {
    let server = TestServer::with(on, &SHORT).await;
    let (mut first, one) = waiting(&server, "demo-citizen-1").await;
    let mut gone = server.staff("agent1001").await;
    gone.accept().await;
    let (mut second, two) = waiting(&server, "demo-citizen-2").await;
    gone.accept().await;
    gone.join(two, None).await;
    gone.say(two, "a", "您好").await;
    let (mut third, three) = waiting(&server, "demo-enterprise-1").await;
    gone.ok(Command::SetStatus { status: AgentStatus::Break }).await;

    // A reload: gone, and there again before it counts.
    drop(gone);
    let gone = server.staff("agent1001").await;
    // Then for good. Whoever is owed the first reply comes to the head of the queue, before one who asked later.
    drop(gone);
    assert_eq!(first.entry("back in the queue", left).await, "李敏");
    let mut next = server.staff("agent1002").await;
    let offer = next.offer().await;
    assert_eq!(offer.conversation, one, "{}", offered(&next, &offer));
    next.ok(Command::AcceptOffer { offer: offer.id }).await;
    // The other one had its first reply and waits for the agent until the agent is lost; whether that is before the
    // third one is accepted, the machine decides.
    let mut rest = [next.accept().await.conversation, next.accept().await.conversation];
    assert_eq!(second.entry("given back", left).await, "李敏");
    rest.sort_unstable();
    assert_eq!(rest, [two.min(three), two.max(three)]);
    for (citizen, id, times) in [(&mut first, one, 1), (&mut second, two, 1), (&mut third, three, 0)] {
        let (view, thread) = citizen.join(id, None).await;
        assert_eq!(thread.iter().filter_map(left).count(), times, "the reload gave nothing back");
        assert_eq!(view.stage, Stage::Serving);
    }
}

async fn after_a_reload_the_agent_serves_on(on: Engine) {
    let server = TestServer::with(on, &SHORT).await;
    let (mut citizen, id) = waiting(&server, "demo-citizen-1").await;
    let mut agent = server.staff("agent1001").await;
    agent.accept().await;
    drop(agent);
    let mut agent = server.staff("agent1001").await;
    // Somebody who went after the reload is given up: more time has passed than would have made the first one suspect.
    let (mut other, _) = waiting(&server, "demo-citizen-2").await;
    agent.ok(Command::SetStatus { status: AgentStatus::Break }).await;
    let mut colleague = server.staff("agent1002").await;
    colleague.accept().await;
    drop(colleague);
    other.entry("given back", left).await;
    citizen
        .refute("a reload is no loss", |event| match &event.body {
            EventBody::Entry { entry } => left(entry),
            _ => None,
        })
        .await;
    agent.join(id, None).await;
    agent.say(id, "a", "我还在").await;
}

async fn a_transfer_is_declined_then_accepted_and_the_clock_goes_on(on: Engine) {
    let server = TestServer::start(on).await;
    let mut rows = Recount::of(&server).await;
    let mut board = server.staff("super1").await;
    let (mut citizen, id) = waiting(&server, "demo-citizen-1").await;
    let mut from = server.staff("agent1001").await;
    rows.sees(&from);
    let due_at = from.accept().await.clock.due_at;
    from.join(id, None).await;
    let mut to = server.staff("agent1003").await;
    rows.sees(&to);
    let Identity::Staff { id: target, .. } = to.me else { panic!("not an agent") };
    let transfer = Command::Transfer {
        conversation: id,
        to: TransferTarget::Agent { agent: target },
        note: "请帮忙看一下社保".to_owned(),
    };

    from.ok(transfer.clone()).await;
    let offer = to.offer().await;
    assert_eq!((offer.conversation, offer.clock.due_at), (id, due_at));
    assert_eq!(
        (offer.transfer_from.as_deref(), offer.transfer_note.as_deref()),
        (Some("李敏"), Some("请帮忙看一下社保"))
    );
    rows.agrees_with(&mut board, "a transfer is offered").await;
    to.ok(Command::DeclineOffer { offer: offer.id }).await;
    rows.agrees_with(&mut board, "declined").await;
    from.say(id, "a", "您好，我再找同事").await;
    rows.agrees_with(&mut board, "the one before goes on").await;

    from.ok(transfer).await;
    let again = to.event("offered again", |event| match &event.body {
        EventBody::Agent { view } => view.offer.clone().filter(|again| again.id != offer.id),
        _ => None,
    });
    let again = again.await;
    to.ok(Command::AcceptOffer { offer: again.id }).await;
    let names = citizen.entry("handed over", |entry| match &entry.body {
        ThreadBody::Transferred { from_name, name, .. } => Some((from_name.clone(), name.clone())),
        _ => None,
    });
    assert_eq!(names.await, ("李敏".to_owned(), "陈静".to_owned()));
    to.join(id, None).await;
    to.say(id, "b", "您好，我来帮您").await;
    assert!(from.ask(bangban_tests::send(id, "late", "我也说一句")).await.is_err(), "no longer theirs");
    let view = rows.agrees_with(&mut board, "accepted").await;
    assert_eq!((view.total.serving, view.total.today_hits), (1, 1), "one clock, answered once");
}

async fn out_of_scope_is_handed_on_with_a_receipt(on: Engine) {
    let server = TestServer::start(on).await;
    let mut rows = Recount::of(&server).await;
    let mut board = server.staff("super1").await;
    let (mut citizen, id) = waiting(&server, "demo-citizen-1").await;
    let mut agent = server.staff("agent1001").await;
    rows.sees(&agent);
    agent.accept().await;
    agent.join(id, None).await;
    agent.say(id, "a", "这需要法律咨询").await;
    let close = |hand_on| Command::Close {
        conversation: id,
        outcome: Outcome::OutOfScope,
        hand_on,
        no_answer: None,
        write_back: None,
    };
    assert_eq!(agent.refused(close(None)).await.field.as_deref(), Some("handOn"));
    let Answer::Closed { receipt } = agent.ok(close(Some(HandOnChannel::LegalAdvice))).await else { panic!("open") };
    let receipt = receipt.expect("a receipt");
    assert!(receipt.starts_with("ZB20"), "{receipt}");
    rows.agrees_with(&mut board, "handed on").await;
    let (view, thread) = citizen.join(id, None).await;
    assert_eq!(view.outcome, Some(Outcome::OutOfScope));
    let Some(ThreadEntry { body: ThreadBody::Closed { hand_on, receipt: told, .. }, .. }) = thread.last() else {
        panic!("{:?}", kinds(&thread))
    };
    assert_eq!((*hand_on, told.as_deref()), (Some(HandOnChannel::LegalAdvice), Some(receipt.as_str())));
}
