//! Supervisors act on the work of others: what the agent, the citizen, the history and the audit log learn of it.

use bangban_domain::{alert::Intervention, history};

use super::*;

impl House {
    /// What supervisors did, by the conversation's history.
    async fn interventions(&self, id: ConversationId) -> Vec<Intervention> {
        let events = self.app.store.events_of(id).await.unwrap();
        let what = events.iter().filter_map(|event| match event.what {
            history::Event::Intervened { by, what } => {
                assert_eq!(by, AgentId::new(7));
                Some(what)
            }
            _ => None,
        });
        what.filter(|what| *what != Intervention::Monitored).collect()
    }

    /// Lines of the audit log of this action.
    async fn audited(&self, action: &str) -> Vec<(String, Option<String>)> {
        let rows = self.app.store.audit_before(u64::MAX, 1_000).await.unwrap();
        rows.into_iter().filter(|row| row.action == action).map(|row| (row.subject, row.reason)).collect()
    }

    async fn served(&self, n: u128) -> ConversationId {
        self.come(n).await;
        let id = self.ask(&citizen(1), "residence-permit").await;
        assert_eq!(self.accept(n).await, id);
        id
    }

    /// The supervisor has a console.
    async fn supervisor_comes(&self) {
        self.app.welcome(&supervisor(), 5).await.unwrap();
    }
}

#[tokio::test]
async fn a_supervisor_joins_writes_as_a_human_and_goes_and_the_citizen_is_told() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.served(1).await;
    let early = house.message(id, "插话");
    assert_eq!(house.refused(&supervisor(), early).await, ErrorCode::Forbidden, "not in it yet");
    assert_eq!(house.refused(&agent(2), Command::JoinConversation { conversation: id }).await, ErrorCode::Forbidden);
    house.ok(&supervisor(), Command::JoinConversation { conversation: id }).await;
    house.ok(&supervisor(), Command::JoinConversation { conversation: id }).await;
    assert_eq!(house.view(id).await.helpers.len(), 1);
    let mut house = house.restart().await;
    house.come(1).await;
    assert_eq!(house.view(id).await.helpers.len(), 1, "over a restart too");
    house.advance(30_000).await;
    house.say(&supervisor(), id, "您好，我是值班长").await;
    let clock = house.view(id).await.clock.unwrap();
    assert_eq!(clock.answered_at, Some(house.now()), "a human's response by rule 1");
    assert_eq!(house.view(id).await.agent.unwrap().id, AgentId::new(1), "the agent serves on");
    house.ok(&supervisor(), Command::Read { conversation: id, seq: 9 }).await;
    assert_eq!(house.view(id).await.agent_read, 0, "only who serves has read");
    house.ok(&supervisor(), Command::LeaveConversation { conversation: id }).await;
    let late = house.message(id, "还在吗");
    assert_eq!(house.refused(&supervisor(), late).await, ErrorCode::Forbidden);
    let told: Vec<ThreadBody> = house.bodies(id).await;
    assert!(told.contains(&ThreadBody::SupervisorJoined { agent: AgentId::new(7), name: "吴督导".to_owned() }));
    assert!(told.contains(&ThreadBody::SupervisorLeft { name: "吴督导".to_owned() }));
    assert_eq!(house.interventions(id).await, [Intervention::Joined, Intervention::Left]);
    assert_eq!(house.audited("conversation.join").await, [(id.to_string(), None)]);
}

#[tokio::test]
async fn whoever_helps_goes_with_the_end_of_the_conversation() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.served(1).await;
    house.ok(&supervisor(), Command::JoinConversation { conversation: id }).await;
    house.close(1, id, Outcome::Solved).await;
    assert_eq!(house.app.store.helpers().await.unwrap(), []);
    assert_eq!(
        house.refused(&supervisor(), Command::JoinConversation { conversation: id }).await,
        ErrorCode::NotFound,
        "it is over"
    );
}

#[tokio::test]
async fn a_whisper_is_read_by_the_agent_and_never_by_the_citizen() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.served(1).await;
    house.say(&agent(1), id, "您好").await;
    let whisper = "悄悄话：先安抚";
    let note = |text: &str| Command::Note { conversation: id, client_id: "w".to_owned(), text: text.to_owned() };
    house.ok(&supervisor(), note(whisper)).await;
    assert_eq!(house.interventions(id).await, [Intervention::Whispered]);
    assert_eq!(house.audited("conversation.whisper").await.len(), 1);
    let (_, Snapshot::Notes { entries, .. }) = house.snapshot(&agent(1), Topic::Notes(id)).await else {
        panic!("notes")
    };
    assert_eq!(entries.last().unwrap().body, ThreadBody::Note { text: whisper.to_owned() });
    // By the bytes of everything that the citizen can ask for.
    let whole = house.ok(&citizen(1), Command::Subscribe { topic: Topic::Conversation(id), after: None }).await;
    let earlier = house.ok(&citizen(1), Command::LoadEarlier { conversation: id, before: u64::MAX }).await;
    let past = house.ok(&citizen(1), Command::PastConversations { before: None }).await;
    for answer in [whole, earlier, past] {
        let bytes = serde_json::to_string(&answer).unwrap();
        assert!(!bytes.contains("悄悄话"), "{bytes}");
    }
    let denied = Command::Subscribe { topic: Topic::Notes(id), after: None };
    assert_eq!(house.refused(&citizen(1), denied).await, ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_supervisor_takes_over_and_the_clock_runs_on() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.served(1).await;
    let before = house.view(id).await.clock.unwrap();
    let take = Command::TakeOver { conversation: id };
    assert_eq!(house.refused(&agent(2), take.clone()).await, ErrorCode::Forbidden);
    assert_eq!(house.refused(&supervisor(), take.clone()).await, ErrorCode::InvalidStage, "without a console");
    house.supervisor_comes().await;
    house.advance(20_000).await;
    house.ok(&supervisor(), take).await;
    let view = house.view(id).await;
    assert_eq!((view.agent.unwrap().id, view.clock.unwrap()), (AgentId::new(7), before), "the same clock");
    let told = house.desk(1).await.told.unwrap();
    assert_eq!((told.what, told.by.as_str(), told.conversation), (Intervention::TookOver, "吴督导", Some(id)));
    assert_eq!(house.desk(1).await.conversations, []);
    assert!(matches!(house.bodies(id).await.last(), Some(ThreadBody::Transferred { name, .. }) if name == "吴督导"));
    house.say(&supervisor(), id, "您好，我接手").await;
    let closed =
        Command::Close { conversation: id, outcome: Outcome::Solved, hand_on: None, no_answer: None, write_back: None };
    house.ok(&supervisor(), closed).await;
    assert_eq!(house.stage(id).await, Stage::Closed);
    assert_eq!(house.interventions(id).await, [Intervention::TookOver]);
}

#[tokio::test]
async fn a_supervisor_is_never_offered_anybody_and_counts_as_no_staff() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.supervisor_comes().await;
    house.ask(&citizen(1), "residence-permit").await;
    house.advance(90_000).await;
    house.advance(200).await;
    assert_eq!(house.desk(7).await.offer, None);
    assert_eq!(house.board().await.total.staffed, 0);
}

#[tokio::test]
async fn somebody_who_waits_is_put_on_a_desk_and_with_a_reason_on_a_full_one() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    let assign =
        |n: u128, reason: &str| Command::Assign { conversation: id, agent: AgentId::new(n), reason: reason.to_owned() };
    assert_eq!(house.refused(&supervisor(), assign(1, "")).await, ErrorCode::InvalidStage, "not there");
    assert_eq!(house.refused(&supervisor(), assign(999, "")).await, ErrorCode::NotFound);
    // 3 is of other teams, and full.
    house.come(3).await;
    for n in 2..=4 {
        house.ask(&citizen(n), "social-query").await;
        house.accept(3).await;
    }
    assert_eq!(house.refused(&agent(3), assign(3, "")).await, ErrorCode::Forbidden);
    assert_eq!(house.refused(&supervisor(), assign(3, "")).await, ErrorCode::AgentFull);
    assert_eq!(house.stage(id).await, Stage::Waiting, "nothing has changed");
    house.ok(&supervisor(), assign(3, "只有她会手语")).await;
    let desk = house.desk(3).await;
    assert_eq!(desk.conversations.len(), 4);
    let told = desk.told.unwrap();
    assert_eq!(
        (told.what, told.reason.as_str(), told.to.as_deref()),
        (Intervention::Assigned, "只有她会手语", Some("陈静"))
    );
    assert_eq!(house.audited("conversation.assign").await, [(id.to_string(), Some("只有她会手语".to_owned()))]);
    house.ok(&agent(3), Command::SetStatus { status: AgentStatus::Offline }).await;
    let again = house.ask(&citizen(9), "residence-permit").await;
    let off = Command::Assign { conversation: again, agent: AgentId::new(3), reason: "急".to_owned() };
    assert_eq!(house.refused(&supervisor(), off).await, ErrorCode::InvalidStage, "the shift is over");
}

#[tokio::test]
async fn a_supervisor_sets_an_agents_status_and_the_agent_reads_why() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let set = |reason: &str| Command::SetAgentStatus {
        agent: AgentId::new(1),
        status: AgentStatus::Break,
        reason: reason.to_owned(),
    };
    assert_eq!(house.refused(&agent(2), set("午休")).await, ErrorCode::Forbidden);
    assert_eq!(house.refused(&supervisor(), set(" ")).await, ErrorCode::BadRequest, "a reason is owed");
    house.ok(&supervisor(), set("连续作业两小时，请休息")).await;
    let desk = house.desk(1).await;
    assert_eq!(desk.status, AgentStatus::Break);
    let told = desk.told.unwrap();
    assert_eq!((told.what, told.status), (Intervention::StatusSet, Some(AgentStatus::Break)));
    assert_eq!(told.reason, "连续作业两小时，请休息");
    assert_eq!(house.audited("agent.status").await.len(), 1);
}

#[tokio::test]
async fn the_agent_sees_who_reads_along_and_the_citizen_does_not() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.served(1).await;
    let socket = house.app.hub.open(Member::Watcher(AgentId::new(7)), 64);
    assert!(house.app.hub.join(&socket, Topic::Conversation(id)));
    let (_, Snapshot::Notes { monitors, .. }) = house.snapshot(&agent(1), Topic::Notes(id)).await else {
        panic!("notes")
    };
    assert!(monitors.iter().any(|one| one.name == "吴督导"), "{monitors:?}");
    let seen = house.ok(&citizen(1), Command::Subscribe { topic: Topic::Conversation(id), after: None }).await;
    assert!(!serde_json::to_string(&seen).unwrap().contains("督导"));
    house.app.hub.close(&socket);
    let (_, Snapshot::Notes { monitors, .. }) = house.snapshot(&agent(1), Topic::Notes(id)).await else {
        panic!("notes")
    };
    assert!(!monitors.iter().any(|one| one.name == "吴督导"));
}
