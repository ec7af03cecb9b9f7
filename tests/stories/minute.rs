//! One citizen, one minute; and the same out of hours. After every step the board equals the rows.

use bangban_domain::words::{CitizenKind, Outcome, Stage};
use bangban_protocol::{Answer, Command, EventBody, Snapshot, ThreadBody, Topic};
use bangban_tests::{Engine, Recount, TestServer, kinds, send};

on_both!(
    one_citizen_one_minute,
    who_leaves_and_who_pauses_is_counted_as_what_they_are,
    out_of_hours_a_message_gets_a_receipt_and_a_slot,
);

async fn one_citizen_one_minute(on: Engine) {
    let server = TestServer::start(on).await;
    let mut rows = Recount::of(&server).await;
    let mut board = server.staff("super1").await;
    rows.agrees_with(&mut board, "nobody is there").await;

    let mut citizen = server.citizen("demo-citizen-1").await;
    let id = citizen.open().await;
    let (_, greeting) = citizen.join(id, None).await;
    assert_eq!(kinds(&greeting), ["bot_greeting"]);

    let question = "居住证怎么办理，需要什么材料？";
    assert_eq!(citizen.say(id, "a", question).await, 2);
    let source = citizen
        .entry("the bot's answer", |entry| match &entry.body {
            ThreadBody::BotAnswer { source, .. } => Some(source.clone()),
            _ => None,
        })
        .await;
    assert!(!source.is_empty(), "who is responsible");
    assert_eq!(citizen.say(id, "a", question).await, 2, "said once");
    rows.agrees_with(&mut board, "the bot answered").await;

    let due_at = citizen.request_human(id).await;
    assert_eq!(citizen.request_human(id).await, due_at, "asking twice does not restart the clock");
    let view = rows.agrees_with(&mut board, "a human is asked for").await;
    assert_eq!((view.total.waiting, view.total.staffed), (1, 0));

    let mut agent = server.staff("agent1001").await;
    rows.sees(&agent);
    let offer = agent.offer().await;
    assert_eq!((offer.citizen_name.as_str(), offer.citizen_kind), ("张*", CitizenKind::Person), "masked");
    assert_eq!((offer.clock.due_at, offer.last_text.as_deref()), (due_at, Some(question)));
    let view = rows.agrees_with(&mut board, "offered").await;
    assert_eq!((view.total.waiting, view.total.free), (1, 1));

    agent.ok(Command::AcceptOffer { offer: offer.id }).await;
    let view = rows.agrees_with(&mut board, "accepted, not answered yet").await;
    assert_eq!((view.total.waiting, view.total.serving), (1, 1));

    let (_, Snapshot::Notes { context, .. }) = agent.subscribe(Topic::Notes(id), None).await else { panic!("notes") };
    assert_eq!(context.phone.as_deref(), Some("138****8001"));
    agent.join(id, None).await;
    let note = Command::Note { conversation: id, client_id: "n".to_owned(), text: "only for us".to_owned() };
    agent.ok(note).await;
    agent.say(id, "x", "您好，请问您在上海住了多久？").await;
    let said = citizen.entry("the reply", |entry| (entry.client_id.as_deref() == Some("x")).then(|| entry.clone()));
    assert!(matches!(said.await.from, bangban_protocol::Party::Agent { name, .. } if name == "李敏"));
    let view = rows.agrees_with(&mut board, "answered").await;
    assert_eq!((view.total.waiting, view.total.today_hits, view.total.today_decided), (0, 1, 1));

    citizen.say(id, "b", "三年了").await;
    citizen.ok(Command::Finish { conversation: id }).await;
    let view = rows.agrees_with(&mut board, "the citizen is done").await;
    assert_eq!(view.total.serving, 1, "the agent still owes the outcome");

    agent
        .ok(Command::Close {
            conversation: id,
            outcome: Outcome::Solved,
            hand_on: None,
            no_answer: None,
            write_back: None,
        })
        .await;
    let view = rows.agrees_with(&mut board, "closed").await;
    assert_eq!((view.total.serving, view.total.free), (0, 1));

    citizen.ok(Command::Rate { conversation: id, stars: 5, comment: String::new() }).await;
    rows.agrees_with(&mut board, "rated").await;
    let (view, thread) = citizen.join(id, None).await;
    let expected = [
        "bot_greeting",
        "text",
        "bot_answer",
        "human_requested",
        "agent_joined",
        "text",
        "text",
        "finished",
        "closed",
        "rated",
    ];
    assert_eq!(kinds(&thread), expected);
    assert_eq!((view.stars, view.stage, view.outcome), (Some(5), Stage::Closed, Some(Outcome::Solved)));
    citizen
        .refute("notes stay inside", |event| match (&event.topic, &event.body) {
            (Topic::Notes(_), _) => Some(event.clone()),
            (_, EventBody::Entry { entry }) if matches!(entry.body, ThreadBody::Note { .. }) => Some(event.clone()),
            _ => None,
        })
        .await;
}

async fn who_leaves_and_who_pauses_is_counted_as_what_they_are(on: Engine) {
    let server = TestServer::start(on).await;
    let mut rows = Recount::of(&server).await;
    let mut board = server.staff("super1").await;
    let mut citizens = [server.citizen("demo-citizen-1").await, server.citizen("demo-enterprise-1").await];
    for citizen in &mut citizens {
        let id = citizen.open().await;
        citizen.request_human(id).await;
    }
    let view = rows.agrees_with(&mut board, "two wait").await;
    assert_eq!(view.total.waiting, 2);

    let id = citizens[0].open().await;
    citizens[0].ok(Command::CancelRequest { conversation: id }).await;
    let view = rows.agrees_with(&mut board, "one went back to the bot within the minute").await;
    assert_eq!((view.total.waiting, view.total.today_short_abandons, view.total.today_decided), (1, 1, 0));

    let mut agents = [server.staff("agent1001").await, server.staff("agent1005").await];
    agents.iter().for_each(|agent| rows.sees(agent));
    let view = rows.agrees_with(&mut board, "two agents of three teams").await;
    assert_eq!((view.total.staffed, view.teams.iter().map(|team| team.line.staffed).sum::<u32>()), (2, 4));

    let status = bangban_domain::words::AgentStatus::Break;
    agents[1].ok(Command::SetStatus { status }).await;
    let view = rows.agrees_with(&mut board, "a break").await;
    assert_eq!((view.total.free, view.total.on_break), (1, 1));

    agents[0].accept().await;
    // Three at once make an agent of capacity 3 busy.
    citizens[0].request_human(id).await;
    agents[0].accept().await;
    let mut third = server.citizen("demo-citizen-2").await;
    let id = third.open().await;
    third.request_human(id).await;
    agents[0].accept().await;
    let view = rows.agrees_with(&mut board, "full").await;
    assert_eq!((view.total.free, view.total.busy, view.total.serving, view.total.waiting), (0, 1, 3, 3));
}

async fn out_of_hours_a_message_gets_a_receipt_and_a_slot(on: Engine) {
    let server = TestServer::with(on, &[("BANGBAN__SERVICE__HOURS", "never")]).await;
    let mut rows = Recount::of(&server).await;
    let mut board = server.staff("super1").await;
    let mut citizen = server.citizen("demo-citizen-1").await;
    let id = citizen.open().await;
    let Answer::OutOfHours { slots, .. } = citizen.ok(Command::RequestHuman { conversation: id }).await else {
        panic!("nobody is there")
    };
    assert_eq!(slots.len(), 8);
    let message = |phone: &str| Command::LeaveMessage {
        conversation: id,
        client_id: "m".to_owned(),
        text: "请回电".to_owned(),
        phone: phone.to_owned(),
        slot: slots[0].starts_at,
    };
    assert_eq!(citizen.refused(message("12")).await.field.as_deref(), Some("phone"));
    let Answer::MessageLeft { receipt, slot } = citizen.ok(message("13800138000")).await else { panic!("not left") };
    assert!(receipt.starts_with("SH20"), "{receipt}");
    assert_eq!(slot, slots[0]);
    let view = rows.agrees_with(&mut board, "a call-back is promised").await;
    assert_eq!((view.total.call_backs, view.total.waiting, view.in_service), (1, 0, false));
    citizen.ok(send(id, "late", "再补充一句")).await;
    rows.agrees_with(&mut board, "something added").await;
}
