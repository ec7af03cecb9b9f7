//! Through whose hands a call goes: who speaks is offered nobody, the conversation follows who leads the call, and who
//! declines says why.

use bangban_domain::call::{DeclineReason, Supervision};

use super::*;
use crate::{
    auth::Citizen,
    desk::{Actor, Order},
};

impl Talk {
    /// Agent 2 is rung as a professional.
    async fn consult(&self) -> Page {
        let Self { house, call, agent, .. } = self;
        house.come(2).await;
        let professional = house.phone(super::agent(2)).await;
        let who = CallWho::Agent { agent: AgentId::new(2) };
        house.must(agent, act(CallAct::Request { call: *call, who, goal: Goal::Consult, at_once: false })).await;
        assert_eq!(house.rings(&professional).await.len(), 1);
        professional
    }
}

impl House {
    /// A caller of the hotline, but for the telephone: agent 1 has them on the line.
    async fn hotline(&self) -> (ConversationId, CallId, Page, Page) {
        self.come(1).await;
        let [caller, agent] = [self.phone(citizen(1)).await, self.phone(agent(1)).await];
        let Principal::Citizen(who) = citizen(1) else { panic!("a citizen") };
        let give = async |order| {
            let actor = Actor::Citizen(Citizen::clone(&who));
            self.app.desk.give(actor, self.now(), order).await.unwrap()
        };
        let item = Some("residence-permit".to_owned());
        let opened = give(Order::Open { item, district: None, channel: Channel::Call, visit: None }).await;
        let Answer::Opened { conversation } = opened else { panic!("{opened:?}") };
        give(Order::RequestHuman(conversation)).await;
        let call = self.start(&caller, conversation).await;
        self.must(&caller, act(CallAct::Connect { call, sdp: sdp() })).await;
        self.accept(1).await;
        assert_eq!(self.rings(&agent).await.len(), 1);
        self.takes(&agent, call).await;
        (conversation, call, caller, agent)
    }

    /// Who serves a conversation: by its row, by the router, and of its first response by the ledger.
    async fn serves(&self, conversation: ConversationId) -> (Option<AgentId>, Option<AgentId>) {
        self.calls_settle().await;
        let row = self.app.store.conversation(conversation).await.unwrap().unwrap();
        let view = self.view(conversation).await;
        (row.agent, view.agent.map(|agent| agent.id))
    }
}

#[tokio::test]
async fn a_professional_who_speaks_is_offered_no_chat_until_they_have_hung_up() {
    let talk = Talk::open().await;
    let professional = talk.consult().await;
    let Talk { house, call, .. } = &talk;
    house.takes(&professional, *call).await;
    let waiting = house.ask(&super::citizen(2), "social-query").await;
    house.calls_settle().await;
    assert_eq!(house.stage(waiting).await, Stage::Waiting);
    assert_eq!(house.desk(2).await.offer, None);
    house.must(&professional, act(CallAct::HangUp { call: *call })).await;
    house.calls_settle().await;
    assert_eq!(house.desk(2).await.offer.map(|offer| offer.conversation), Some(waiting));
}

#[tokio::test]
async fn an_operator_is_offered_nobody_while_they_wrap_up_and_after_a_restart_of_the_desk_neither() {
    let talk = Talk::open().await;
    let Talk { house, conversation, call, citizen, agent } = &talk;
    house.must(citizen, act(CallAct::HangUp { call: *call })).await;
    house.calls_settle().await;
    house.close(1, *conversation, Outcome::Solved).await;
    let waiting = house.ask(&super::citizen(2), "residence-permit").await;
    house.calls_settle().await;
    assert_eq!(house.stage(waiting).await, Stage::Waiting);
    house.wait(59_000).await;
    assert_eq!(house.stage(waiting).await, Stage::Waiting);
    let (disposition, note) = (Disposition::Solved, String::new());
    house.must(agent, act(CallAct::WrapUp { call: *call, disposition, note, work_order: None })).await;
    house.calls_settle().await;
    assert_eq!(house.desk(1).await.offer.map(|offer| offer.conversation), Some(waiting));

    // The time of a wrap-up that nobody ends is over after 60 s; over a restart it goes on.
    let talk = Talk::open().await;
    talk.house.must(&talk.citizen, act(CallAct::HangUp { call: talk.call })).await;
    talk.house.calls_settle().await;
    talk.house.close(1, talk.conversation, Outcome::Solved).await;
    let house = talk.house.restart().await;
    house.come(1).await;
    let waiting = house.ask(&super::citizen(2), "residence-permit").await;
    house.calls_settle().await;
    assert_eq!(house.stage(waiting).await, Stage::Waiting);
    house.wait(59_999).await;
    assert_eq!(house.stage(waiting).await, Stage::Waiting);
    house.wait(1).await;
    assert_eq!(house.desk(1).await.offer.map(|offer| offer.conversation), Some(waiting));
}

#[tokio::test]
async fn an_open_offer_goes_to_the_next_one_when_its_agent_takes_a_call() {
    let talk = Talk::open().await;
    let professional = talk.consult().await;
    let Talk { house, call, .. } = &talk;
    let waiting = house.ask(&super::citizen(2), "social-query").await;
    assert_eq!(house.desk(2).await.offer.map(|offer| offer.conversation), Some(waiting), "they are only rung");
    house.takes(&professional, *call).await;
    assert_eq!(house.desk(2).await.offer, None);
    house.come(3).await;
    assert_eq!(house.desk(3).await.offer.map(|offer| offer.conversation), Some(waiting));
}

#[tokio::test]
async fn the_hotlines_conversation_goes_with_its_call_to_the_supervisor_who_takes_over() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    let (conversation, call, caller, first) = house.hotline().await;
    let clock = house.view(conversation).await.clock;
    assert_eq!(house.serves(conversation).await, (Some(AgentId::new(1)), Some(AgentId::new(1))));
    house.app.welcome(&supervisor(), 5).await.unwrap();
    let watcher = house.phone(supervisor()).await;
    house.must(&watcher, act(CallAct::Supervise { call, mode: Supervision::Listen })).await;
    assert_eq!(house.rings(&watcher).await.len(), 1);
    house.takes(&watcher, call).await;
    assert_eq!(house.serves(conversation).await.0, Some(AgentId::new(1)), "who only listens serves nobody");
    house.must(&watcher, act(CallAct::TakeOver { call })).await;
    assert_eq!(house.serves(conversation).await, (Some(AgentId::new(7)), Some(AgentId::new(7))));
    assert_eq!(house.view(conversation).await.clock, clock, "the clock never restarts");
    assert_eq!((house.desk(1).await.conversations.len(), house.desk(7).await.conversations.len()), (0, 1));
    let bodies = house.bodies(conversation).await;
    let moved =
        bodies.iter().any(|body| matches!(body, ThreadBody::Transferred { from_name, .. } if from_name == "李敏"));
    assert!(moved, "{bodies:?}");

    // Agent 1 wraps up, and is free for others; the end of the call is the supervisor's to wrap up.
    let mine = house.mine(&first).await;
    assert_eq!(mine.wrap_ups.iter().map(|one| one.call).collect::<Vec<_>>(), [call]);
    house.must(&caller, act(CallAct::HangUp { call })).await;
    house.calls_settle().await;
    assert_eq!(house.stage(conversation).await, Stage::WrapUp);
    assert_eq!(house.serves(conversation).await.0, Some(AgentId::new(7)));
    house.wait(60_000).await;
    assert_eq!(house.stage(conversation).await, Stage::Closed, "nobody said in 60 s what it was");
}

#[tokio::test]
async fn who_left_the_others_talking_owes_nothing_once_a_supervisor_leads_the_call() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    let (conversation, call, _caller, first) = house.hotline().await;
    house.come(2).await;
    let professional = house.phone(agent(2)).await;
    let who = CallWho::Agent { agent: AgentId::new(2) };
    house.must(&first, act(CallAct::Request { call, who, goal: Goal::Join, at_once: false })).await;
    assert_eq!(house.rings(&professional).await.len(), 1);
    house.takes(&professional, call).await;
    house.must(&first, act(CallAct::Leave { call })).await;
    house.calls_settle().await;
    assert_eq!(house.stage(conversation).await, Stage::WrapUp);
    house.app.welcome(&supervisor(), 5).await.unwrap();
    let watcher = house.phone(supervisor()).await;
    house.must(&watcher, act(CallAct::Supervise { call, mode: Supervision::Barge })).await;
    assert_eq!(house.rings(&watcher).await.len(), 1);
    house.takes(&watcher, call).await;
    house.must(&watcher, act(CallAct::TakeOver { call })).await;
    assert_eq!(house.serves(conversation).await.0, Some(AgentId::new(7)));
    house.wait(60_000).await;
    assert_eq!(house.stage(conversation).await, Stage::WrapUp, "the first operator's wrap-up closes it no more");
}

#[tokio::test]
async fn who_declines_says_why_and_whoever_asked_sees_it() {
    let talk = Talk::open().await;
    let Talk { house, call, agent, .. } = &talk;
    for (reason, seen) in [(Some(DeclineReason::NotMine), Some(DeclineReason::NotMine)), (None, None)] {
        let professional = talk.consult().await;
        house.must(&professional, act(CallAct::Rings { call: *call })).await;
        house.must(&professional, act(CallAct::Decline { call: *call, reason })).await;
        let view = house.call_view(agent, *call).await;
        let attempts = &view.requests.last().unwrap().attempts;
        assert_eq!((attempts[0].cause, attempts[0].declined), (Some(Cause::Declined), seen));
        let rows = house.app.store.attempts_of(*call, false).await.unwrap();
        let last = rows.last().unwrap();
        assert_eq!((last.cause, last.declined), (Some(Cause::Declined), seen), "in the rows that are counted");
    }
}
