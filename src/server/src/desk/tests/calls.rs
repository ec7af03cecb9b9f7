//! Calls in the whole server: queue, rules, rows, threads and what each side hears, with pages that come and go. The sound
//! is the real mixer's; nobody sends any.

use bangban_domain::{
    CallId,
    call::{CallDeed, CallEnd, CallOrigin, CallPart, Cause, Disposition, Goal, RequestEnd, Standing},
};
use bangban_protocol::{CallAct, CallPlace, CallState, CallView, CallWho, CallsView, RingView};

use super::{windows::Page, *};

/// What a browser offers (one line of sound, A-law).
const OFFER: &str = "v=0\r\n\
o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n\
s=-\r\n\
t=0 0\r\n\
a=group:BUNDLE 0\r\n\
a=msid-semantic: WMS\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n\
c=IN IP4 0.0.0.0\r\n\
a=rtcp:9 IN IP4 0.0.0.0\r\n\
a=ice-ufrag:Yx3t\r\n\
a=ice-pwd:6d9y8YwJZQk2nq0V1a8d3uAf\r\n\
a=ice-options:trickle\r\n\
a=fingerprint:sha-256 1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09:1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09\r\n\
a=setup:actpass\r\n\
a=mid:0\r\n\
a=sendrecv\r\n\
a=msid:- mic\r\n\
a=rtcp-mux\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=ssrc:3735928559 cname:page\r\n";

mod hands;
mod owed;

pub(super) const fn act(act: CallAct) -> Command {
    Command::Call { act }
}

fn sdp() -> String {
    OFFER.to_owned()
}

impl House {
    /// Lets calls and desk hear of each other.
    pub(super) async fn calls_settle(&self) {
        for _ in 0..4 {
            let page = self.page(agent(1));
            let nothing = act(CallAct::Rings { call: CallId::new(0) });
            assert_eq!(self.may_not(&page, nothing).await.0, ErrorCode::NotFound);
            self.app.hub.close(&page.socket);
            self.settle().await;
        }
    }

    async fn wait(&self, ms: i64) {
        self.advance(ms).await;
        self.calls_settle().await;
    }

    /// A page that listens to what concerns its person.
    async fn phone(&self, who: Principal) -> Page {
        let page = self.page(who);
        self.must(&page, Command::Subscribe { topic: Topic::Calls, after: None }).await;
        page
    }

    async fn mine(&self, page: &Page) -> CallsView {
        match self.must(page, Command::Subscribe { topic: Topic::Calls, after: None }).await {
            Answer::Subscribed { snapshot, .. } => match *snapshot {
                Snapshot::Calls { view } => *view,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn rings(&self, page: &Page) -> Vec<RingView> {
        self.calls_settle().await;
        self.mine(page).await.rings
    }

    async fn call_view(&self, page: &Page, call: CallId) -> CallView {
        self.calls_settle().await;
        match self.must(page, Command::Subscribe { topic: Topic::Call(call), after: None }).await {
            Answer::Subscribed { snapshot, .. } => match *snapshot {
                Snapshot::Call { view } => *view,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn start(&self, page: &Page, conversation: ConversationId) -> CallId {
        match self.must(page, act(CallAct::Start { conversation })).await {
            Answer::CallOpened { call } => call,
            other => panic!("{other:?}"),
        }
    }

    async fn takes(&self, page: &Page, call: CallId) {
        self.must(page, act(CallAct::Rings { call })).await;
        let answer = self.must(page, act(CallAct::Answer { call, sdp: sdp() })).await;
        assert!(matches!(answer, Answer::CallSound { .. }), "{answer:?}");
        self.calls_settle().await;
    }
}

/// Citizen 1 speaks with agent 1 from their pages.
pub(super) struct Talk {
    pub(super) house: House,
    pub(super) conversation: ConversationId,
    pub(super) call: CallId,
    pub(super) citizen: Page,
    pub(super) agent: Page,
}

impl Talk {
    pub(super) async fn open() -> Self {
        let house = House::open(at(9, 0, 0), HoursKey::Always).await;
        house.come(1).await;
        let [citizen, agent] = [house.phone(citizen(1)).await, house.phone(agent(1)).await];
        let conversation = house.converse(&super::citizen(1), "residence-permit").await;
        let call = house.start(&citizen, conversation).await;
        let connected = house.must(&citizen, act(CallAct::Connect { call, sdp: sdp() })).await;
        assert!(matches!(connected, Answer::CallSound { .. }), "{connected:?}");
        house.accept(1).await;
        let rings = house.rings(&agent).await;
        assert_eq!(rings.iter().map(|ring| (ring.call, ring.part)).collect::<Vec<_>>(), [(call, CallPart::Operator)]);
        house.takes(&agent, call).await;
        Self { house, conversation, call, citizen, agent }
    }
}

#[tokio::test]
async fn a_citizen_speaks_from_the_page_with_the_agent_whom_the_queue_finds() {
    let Talk { house, conversation, call, citizen, agent } = Talk::open().await;
    let view = house.call_view(&agent, call).await;
    assert_eq!(
        (view.state, view.origin, view.standing),
        (CallState::Talking, CallOrigin::Browser, Some(Standing::Operator))
    );
    let legs: Vec<_> = view.legs.iter().map(|leg| (leg.leg, leg.part, leg.place, leg.is_away)).collect();
    assert_eq!(
        legs,
        [(1, CallPart::Caller, CallPlace::Bridge, false), (2, CallPart::Operator, CallPlace::Bridge, false)]
    );
    assert_eq!((view.caller.as_str(), view.mine), ("张*", Some(2)));
    assert!(view.may.contains(&CallDeed::Request) && !view.may.contains(&CallDeed::TakeOver));
    let theirs = house.call_view(&citizen, call).await;
    assert_eq!((theirs.caller.as_str(), theirs.mine, theirs.may), ("", Some(1), Vec::new()));

    // The first response is the call that was answered (rule 1), and it takes the whole agent.
    let seen = house.view(conversation).await;
    assert_eq!(seen.clock.and_then(|clock| clock.answered_at), Some(house.now()));
    assert_eq!(seen.call.map(|brief| (brief.call, brief.state)), Some((call, CallState::Talking)));
    house.ask(&super::citizen(2), "residence-permit").await;
    assert!(house.desk(1).await.offer.is_none(), "who speaks is offered nobody");

    house.wait(61_500).await;
    house.must(&citizen, act(CallAct::HangUp { call })).await;
    house.calls_settle().await;
    let bodies = house.bodies(conversation).await;
    let ended = bodies.iter().find_map(|body| match body {
        ThreadBody::CallEnded { because, talk_seconds, .. } => Some((*because, *talk_seconds)),
        _ => None,
    });
    assert_eq!(ended, Some((CallEnd::CallerHungUp, 61)));
    assert!(bodies.iter().any(|body| matches!(body, ThreadBody::CallAnswered { .. })));
    assert_eq!(house.stage(conversation).await, Stage::Serving, "the conversation goes on in writing");
    assert_eq!(house.view(conversation).await.call, None);
    let mine = house.mine(&agent).await;
    assert_eq!(mine.wrap_ups.iter().map(|one| one.call).collect::<Vec<_>>(), [call]);
    let done =
        CallAct::WrapUp {
            call, disposition: Disposition::Solved, note: "已告知材料".to_owned(), work_order: None
        };
    house.must(&agent, act(done)).await;
    assert_eq!(house.mine(&agent).await.wrap_ups, []);
    let rows = house.app.store.archive().calls_of(CitizenId::new(1)).await.unwrap();
    assert_eq!((rows.len(), rows[0].row.because), (1, Some(CallEnd::CallerHungUp)));
    assert_eq!(rows[0].notes.iter().map(|note| note.1.as_str()).collect::<Vec<_>>(), ["已告知材料"]);
}

#[tokio::test]
async fn who_does_not_come_to_the_telephone_gives_the_conversation_back_with_its_clock() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let [caller, agent1] = [house.phone(citizen(1)).await, house.phone(agent(1)).await];
    let conversation = house.converse(&citizen(1), "residence-permit").await;
    let call = house.start(&caller, conversation).await;
    house.must(&caller, act(CallAct::Connect { call, sdp: sdp() })).await;
    house.accept(1).await;
    let due_at = house.view(conversation).await.clock.map(|clock| clock.due_at);
    assert_eq!(house.rings(&agent1).await.len(), 1);
    house.must(&agent1, act(CallAct::Rings { call })).await;
    house.wait(19_999).await;
    assert_eq!(house.stage(conversation).await, Stage::Serving);
    let agent2 = house.phone(agent(2)).await;
    house.come(2).await;
    house.wait(1).await;
    assert_eq!(house.rings(&agent1).await, [], "20 s are over (rule 6)");
    house.accept(2).await;
    assert_eq!(house.view(conversation).await.clock.map(|clock| clock.due_at), due_at, "the clock never restarts");
    assert_eq!(house.rings(&agent2).await.len(), 1);
    house.takes(&agent2, call).await;
    let view = house.call_view(&agent2, call).await;
    assert_eq!(view.state, CallState::Talking);
    let attempts = house.app.store.attempts_of(call, false).await.unwrap();
    let causes: Vec<_> = attempts.iter().map(|one| one.cause).collect();
    assert_eq!(causes, [Some(Cause::NoAnswer), Some(Cause::Answered)]);
}

#[tokio::test]
async fn a_page_that_does_not_show_its_ring_is_passed_over_after_2_s() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let [caller, agent1] = [house.phone(citizen(1)).await, house.phone(agent(1)).await];
    let conversation = house.converse(&citizen(1), "residence-permit").await;
    let call = house.start(&caller, conversation).await;
    house.must(&caller, act(CallAct::Connect { call, sdp: sdp() })).await;
    house.accept(1).await;
    assert_eq!(house.rings(&agent1).await.len(), 1);
    house.wait(1_999).await;
    assert_eq!(house.rings(&agent1).await.len(), 1);
    house.wait(1).await;
    assert_eq!(house.rings(&agent1).await, []);
    let attempts = house.app.store.attempts_of(call, false).await.unwrap();
    assert_eq!(attempts[0].cause, Some(Cause::NoProgress));
}

#[tokio::test]
async fn a_caller_who_never_connects_or_loses_the_page_is_gone_after_20_s() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    let caller = house.phone(citizen(1)).await;
    let conversation = house.converse(&citizen(1), "residence-permit").await;
    let call = house.start(&caller, conversation).await;
    house.wait(19_999).await;
    assert_eq!(house.call_view(&caller, call).await.state, CallState::Waiting);
    house.wait(1).await;
    assert_eq!(house.may_not(&caller, act(CallAct::Connect { call, sdp: sdp() })).await.0, ErrorCode::NotFound);

    let call = house.start(&caller, conversation).await;
    house.must(&caller, act(CallAct::Connect { call, sdp: sdp() })).await;
    house.app.hub.close(&caller.socket);
    house.app.left(&caller.socket);
    house.calls_settle().await;
    let again = house.phone(citizen(1)).await;
    house.wait(19_999).await;
    house.must(&again, act(CallAct::Connect { call, sdp: sdp() })).await;
    house.wait(60_000).await;
    assert_eq!(house.call_view(&again, call).await.state, CallState::Waiting, "who comes back keeps the leg");
}

#[tokio::test]
async fn a_professional_is_consulted_joins_and_is_left_with_the_caller() {
    let Talk { house, conversation, call, citizen, agent } = Talk::open().await;
    house.come(2).await;
    let professional = house.phone(super::agent(2)).await;
    let who = CallWho::Agent { agent: AgentId::new(2) };
    house.must(&agent, act(CallAct::Request { call, who, goal: Goal::Consult, at_once: false })).await;
    let rings = house.rings(&professional).await;
    assert_eq!(rings.iter().map(|ring| ring.part).collect::<Vec<_>>(), [CallPart::Professional]);
    assert_eq!(rings[0].by.as_ref().map(|by| by.id), Some(AgentId::new(1)));
    house.takes(&professional, call).await;
    let view = house.call_view(&agent, call).await;
    let places: Vec<_> = view.legs.iter().map(|leg| leg.place).collect();
    assert_eq!(places, [CallPlace::Hold, CallPlace::Aside, CallPlace::Aside]);
    assert_eq!(view.requests[0].result, Some(RequestEnd::Reached));
    // The caller does not see who speaks aside.
    assert_eq!(house.call_view(&citizen, call).await.legs.len(), 1);

    house.must(&agent, act(CallAct::Merge { call })).await;
    let view = house.call_view(&professional, call).await;
    assert!(view.legs.iter().all(|leg| leg.place == CallPlace::Bridge));
    assert_eq!(house.may_not(&professional, act(CallAct::Merge { call })).await.0, ErrorCode::Forbidden);
    house.must(&agent, act(CallAct::Mute { call, leg: 3, muted: true })).await;
    assert!(house.call_view(&agent, call).await.legs[2].is_muted);
    house.must(&agent, act(CallAct::Mute { call, leg: 3, muted: false })).await;

    house.must(&agent, act(CallAct::Leave { call })).await;
    let view = house.call_view(&professional, call).await;
    assert_eq!(view.legs.iter().map(|leg| leg.part).collect::<Vec<_>>(), [CallPart::Caller, CallPart::Professional]);
    let mine = house.mine(&agent).await;
    assert_eq!((mine.left.as_slice(), mine.wrap_ups.len()), ([call].as_slice(), 1));
    house.must(&citizen, act(CallAct::HangUp { call })).await;
    house.calls_settle().await;
    assert_eq!(house.view(conversation).await.call, None);
}

#[tokio::test]
async fn strangers_learn_nothing_and_each_part_has_its_rights() {
    let Talk { house, conversation, call, citizen, agent } = Talk::open().await;
    let stranger = house.phone(super::citizen(9)).await;
    let look = Command::Subscribe { topic: Topic::Call(call), after: None };
    assert_eq!(house.may_not(&stranger, look.clone()).await.0, ErrorCode::NotFound);
    assert_eq!(house.may_not(&stranger, act(CallAct::Start { conversation })).await.0, ErrorCode::NotFound);
    assert_eq!(house.may_not(&stranger, act(CallAct::HangUp { call })).await.0, ErrorCode::NotFound);
    let colleague = house.phone(super::agent(4)).await;
    assert_eq!(house.may_not(&colleague, look.clone()).await.0, ErrorCode::Forbidden);
    for asked in [
        CallAct::End { call },
        CallAct::Merge { call },
        CallAct::Supervise { call, mode: bangban_domain::call::Supervision::Listen },
        CallAct::Hold { call, leg: 1 },
    ] {
        let what = format!("{asked:?}");
        assert_eq!(house.may_not(&colleague, act(asked)).await.0, ErrorCode::Forbidden, "{what}");
    }
    assert_eq!(house.may_not(&agent, act(CallAct::Start { conversation })).await.0, ErrorCode::Forbidden);
    assert_eq!(house.may_not(&citizen, act(CallAct::End { call })).await.0, ErrorCode::Forbidden);
    let bad = CallAct::Connect { call, sdp: "v=0".to_owned() };
    assert_eq!(house.may_not(&citizen, act(bad)).await, (ErrorCode::BadRequest, Some("sdp".to_owned())));
    let digits = CallAct::Dial { call, leg: 1, digits: "1".to_owned() };
    assert_eq!(house.may_not(&agent, act(digits)).await, (ErrorCode::BadRequest, Some("leg".to_owned())));
    let hall =
        Command::OpenConversation { item: None, district: None, channel: Channel::Call, hall: None, ticket: None };
    assert_eq!(house.may_not(&citizen, hall).await, (ErrorCode::BadRequest, Some("channel".to_owned())));

    // A supervisor looks on, and what they do is written down.
    let watcher = house.phone(supervisor()).await;
    let view = house.call_view(&watcher, call).await;
    assert_eq!(view.standing, Some(Standing::Supervisor));
    assert_eq!(house.mine(&watcher).await.live.iter().map(|one| one.call).collect::<Vec<_>>(), [call]);
    house.must(&watcher, act(CallAct::End { call })).await;
    house.calls_settle().await;
    let rows = house.app.store.archive().calls_of(CitizenId::new(1)).await.unwrap();
    assert_eq!(rows[0].row.because, Some(CallEnd::EndedBySupervisor));
}

#[tokio::test]
async fn out_of_hours_nobody_is_called() {
    let house = House::open(at(3, 0, 0), HoursKey::Calendar).await;
    let caller = house.phone(citizen(1)).await;
    let conversation = house.converse(&citizen(1), "residence-permit").await;
    let told = house.must(&caller, act(CallAct::Start { conversation })).await;
    assert!(matches!(told, Answer::OutOfHours { .. }), "{told:?}");
}

#[tokio::test]
async fn a_restart_ends_the_call_and_it_is_to_be_called_back_now() {
    let Talk { house, conversation, call, citizen, agent } = Talk::open().await;
    drop((citizen, agent));
    let house = house.restart().await;
    house.calls_settle().await;
    let rows = house.app.store.archive().calls_of(CitizenId::new(1)).await.unwrap();
    assert_eq!(rows[0].row.because, Some(CallEnd::NodeLost));
    house.come(1).await;
    let agent = house.phone(super::agent(1)).await;
    let mine = house.mine(&agent).await;
    assert_eq!(mine.owed.len(), 1);
    assert_eq!((mine.owed[0].call, mine.owed[0].is_mine, mine.owed[0].due_at), (call, true, house.now()));
    assert_eq!(house.stage(conversation).await, Stage::Serving);
    // Reached again, nothing is owed any more.
    let citizen = house.phone(super::citizen(1)).await;
    let back = CallAct::CallBack { call, to: bangban_protocol::CallTo::Browser };
    let Answer::CallOpened { call: again } = house.must(&agent, act(back)).await else { panic!("no call") };
    house.takes(&agent, again).await;
    assert_eq!(house.rings(&citizen).await.len(), 1);
    house.takes(&citizen, again).await;
    assert_eq!(house.mine(&agent).await.owed, []);
    assert_eq!(house.call_view(&agent, again).await.state, CallState::Talking);
}
