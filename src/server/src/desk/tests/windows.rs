//! Virtual windows in the whole server: rules, rows, threads and what each side hears, with pages that come and go.

use bangban_domain::{
    ParticipantId, WindowId,
    window::{EndedBecause, FieldKind, Medium, Origin, Purpose, Seat},
};
use bangban_protocol::{EventBody, FormContext, Frame, InkChange, MediaLine, Point, Stroke, WindowState, WindowView};

use super::*;
use crate::hub::Socket;

mod clerks;
mod media;

/// Somebody's page with its connection.
pub(super) struct Page {
    pub(super) who: Principal,
    pub(super) socket: Arc<Socket>,
    pub(super) heard: Vec<EventBody>,
}

impl House {
    pub(super) fn page(&self, who: Principal) -> Page {
        let member = match &who {
            Principal::Citizen(_) => Member::Citizen,
            Principal::Staff(staff) => Member::Agent(staff.id),
        };
        Page { who, socket: self.app.hub.open(member, 1_000), heard: Vec::new() }
    }

    pub(super) async fn does(&self, page: &Page, command: Command) -> Result<Answer, WireError> {
        match self.app.begin(&Arc::new(page.who.clone()), &page.socket, self.now(), command) {
            Begun::Done(answer) => answer,
            Begun::Reading(first) => first.await?.await,
            Begun::HandedOver(rest) | Begun::Alone(rest) => rest.await,
        }
    }

    pub(super) async fn must(&self, page: &Page, command: Command) -> Answer {
        let what = format!("{command:?}");
        self.does(page, command).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    pub(super) async fn may_not(&self, page: &Page, command: Command) -> (ErrorCode, Option<String>) {
        let what = format!("{command:?}");
        match self.does(page, command).await {
            Ok(answer) => panic!("{what}: {answer:?}"),
            Err(error) => (error.code, error.field),
        }
    }

    /// The page is closed, or its connection is lost.
    async fn gone(&self, page: Page) {
        self.app.hub.close(&page.socket);
        self.app.left(&page.socket);
        self.windows_settle().await;
    }

    /// Lets windows and desk hear of each other.
    async fn windows_settle(&self) {
        for _ in 0..2 {
            let page = self.page(agent(1));
            let nothing = Command::AnswerWindow { window: WindowId::new(0), accepts: true };
            assert_eq!(self.may_not(&page, nothing).await.0, ErrorCode::NotFound);
            self.app.hub.close(&page.socket);
            self.settle().await;
        }
    }

    async fn pass(&self, ms: i64) {
        self.advance(ms).await;
        self.windows_settle().await;
    }

    async fn look(&self, page: &Page, window: WindowId) -> WindowView {
        match self.must(page, Command::Subscribe { topic: Topic::Window(window), after: None }).await {
            Answer::Subscribed { snapshot, .. } => match *snapshot {
                Snapshot::Window { view, .. } => *view,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn sit(&self, page: &Page, window: WindowId, seat: Seat) -> (ParticipantId, bool) {
        match self.must(page, Command::TakeSeat { window, seat }).await {
            Answer::Seated { participant, resumed, .. } => (participant, resumed),
            other => panic!("{other:?}"),
        }
    }

    async fn agree(&self, page: &Page, window: WindowId, purpose: Purpose) {
        let text = purpose.as_str().to_owned();
        self.must(page, Command::Consent { window, purpose, text, version: 1 }).await;
    }

    async fn ask_window(&self, page: &Page, conversation: ConversationId, origin: Origin) -> WindowId {
        match self.must(page, Command::AskWindow { conversation, origin }).await {
            Answer::OpenedWindow { window } => window,
            other => panic!("{other:?}"),
        }
    }

    /// How the window of a conversation ended, by its thread.
    async fn end_of(&self, conversation: ConversationId) -> Option<(EndedBecause, u32)> {
        self.bodies(conversation).await.into_iter().rev().find_map(|body| match body {
            ThreadBody::WindowEnded { because, live_seconds, .. } => Some((because, live_seconds)),
            _ => None,
        })
    }
}

impl Page {
    pub(super) fn listen(&mut self) -> Vec<EventBody> {
        let (frames, _) = self.socket.take();
        let bodies = frames.iter().filter_map(|frame| match serde_json::from_str(frame).unwrap() {
            Frame::Event { body, .. } => Some(body),
            _ => None,
        });
        let bodies: Vec<EventBody> = bodies.collect();
        self.heard.extend(bodies.iter().cloned());
        bodies
    }

    /// The last view that came.
    fn view(&mut self) -> WindowView {
        self.listen();
        let views = self.heard.iter().rev().find_map(|body| match body {
            EventBody::Window { view } => Some(view.as_ref().clone()),
            _ => None,
        });
        views.expect("a view")
    }
}

/// A window that is live between citizen 1 and agent 1.
struct Live {
    house: House,
    conversation: ConversationId,
    window: WindowId,
    citizen: Page,
    agent: Page,
    ids: [ParticipantId; 2],
}

impl Live {
    async fn open() -> Self {
        let house = House::open(at(9, 0, 0), HoursKey::Always).await;
        house.come(1).await;
        house.ask(&citizen(1), "residence-permit").await;
        let conversation = house.accept(1).await;
        let [citizen, agent] = [house.page(citizen(1)), house.page(agent(1))];
        let window = house.ask_window(&agent, conversation, Origin::Conversation).await;
        for page in [&citizen, &agent] {
            assert_eq!(house.look(page, window).await.state, WindowState::Asked);
        }
        house.agree(&citizen, window, Purpose::Window).await;
        let ids = [house.sit(&citizen, window, Seat::Citizen).await.0, house.sit(&agent, window, Seat::Agent).await.0];
        house.windows_settle().await;
        Self { house, conversation, window, citizen, agent, ids }
    }

    async fn show_page(&self) {
        self.house.agree(&self.citizen, self.window, Purpose::CoBrowse).await;
        self.house.must(&self.citizen, Command::Browse { window: self.window, on: true }).await;
    }
}

const FRAMES: &str = r#"[{"type":3,"data":{"source":1}}]"#;

fn frames(window: WindowId, frames: &str) -> Command {
    Command::SendFrames { window, page: 1, frames: frames.to_owned() }
}

#[tokio::test]
async fn asked_agreed_live_and_over_as_both_sides_and_the_thread_see_it() {
    let Live { house, conversation, window, mut citizen, mut agent, ids } = Live::open().await;
    let view = agent.view();
    assert_eq!((view.state, view.live_since), (WindowState::Live, Some(house.now())));
    let seats: Vec<_> = view.seats.iter().map(|seat| (seat.participant, seat.seat, seat.is_me)).collect();
    assert_eq!(seats, [(ids[0], Seat::Citizen, false), (ids[1], Seat::Agent, true)]);
    assert_eq!(view.seats[0].name, "张*");
    let theirs = citizen.view();
    assert_eq!((theirs.seats[0].name.as_str(), theirs.seats[0].is_me), ("", true));
    assert_eq!(theirs.consents.iter().map(|consent| consent.purpose).collect::<Vec<_>>(), [Purpose::Window]);
    assert_eq!(theirs.texts.len(), 3);
    let brief = house.view(conversation).await.window.expect("the conversation says it");
    assert_eq!((brief.window, brief.state), (window, WindowState::Live));
    // It takes the whole agent: nobody else is offered to them.
    house.ask(&super::citizen(2), "residence-permit").await;
    assert!(house.desk(1).await.offer.is_none());

    house.pass(61_500).await;
    house.must(&citizen, Command::LeaveWindow { window }).await;
    assert_eq!(agent.view().ended_because, Some(EndedBecause::CitizenLeft));
    assert_eq!(citizen.view().state, WindowState::Ended);
    assert_eq!(house.end_of(conversation).await, Some((EndedBecause::CitizenLeft, 61)));
    house.windows_settle().await;
    assert_eq!(house.view(conversation).await.window, None);
    assert_eq!(house.stage(conversation).await, Stage::Serving, "the conversation goes on");
    assert!(house.desk(1).await.offer.is_some(), "the agent has room again");
    assert_eq!(house.may_not(&agent, Command::TakeSeat { window, seat: Seat::Agent }).await.0, ErrorCode::NotFound);
    let rows = house.app.store.archive().windows_of(CitizenId::new(1)).await.unwrap();
    assert_eq!((rows.len(), rows[0].because), (1, Some(EndedBecause::CitizenLeft)));
    assert_eq!(rows[0].consents.len(), 1);
}

#[tokio::test]
async fn without_the_citizens_consent_nobody_sits_and_nothing_flows() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    house.ask(&citizen(1), "residence-permit").await;
    let conversation = house.accept(1).await;
    let [me, agent] = [house.page(citizen(1)), house.page(agent(1))];
    let window = house.ask_window(&agent, conversation, Origin::Conversation).await;
    let seat = |seat| Command::TakeSeat { window, seat };
    for (page, seat) in [(&agent, seat(Seat::Agent)), (&me, seat(Seat::Citizen))] {
        assert_eq!(house.may_not(page, seat).await.0, ErrorCode::InvalidStage);
    }
    let connect = || Command::ConnectWindow { window, sdp: "v=0".to_owned(), lines: Vec::new() };
    for page in [&agent, &me] {
        assert_eq!(house.may_not(page, connect()).await.0, ErrorCode::Forbidden);
    }
    let old = Command::Consent { window, purpose: Purpose::Window, text: "window".to_owned(), version: 0 };
    assert_eq!(house.may_not(&me, old).await, (ErrorCode::Outdated, Some("text".to_owned())));
    let theirs = Command::Consent { window, purpose: Purpose::Window, text: "window".to_owned(), version: 1 };
    assert_eq!(house.may_not(&agent, theirs).await.0, ErrorCode::Forbidden);
    house.must(&me, Command::AnswerWindow { window, accepts: false }).await;
    assert_eq!(house.end_of(conversation).await, Some((EndedBecause::Declined, 0)));
    assert_eq!(house.app.windows.counted().iter().find(|(name, _)| *name == "peers"), Some(&("peers", 0)));

    // And who is asked and says nothing is not waited for.
    let window = house.ask_window(&me, conversation, Origin::Conversation).await;
    house.pass(59_999).await;
    assert_eq!(house.look(&agent, window).await.state, WindowState::Asked);
    house.pass(1).await;
    assert_eq!(house.end_of(conversation).await, Some((EndedBecause::NotAnswered, 0)));
}

#[tokio::test]
async fn a_screen_and_a_page_have_consents_of_their_own_that_can_be_taken_back() {
    let Live { house, window, mut agent, citizen, .. } = Live::open().await;
    let screen = |on| Command::Publish { window, medium: Medium::Screen, on };
    let no_consent = (ErrorCode::Forbidden, Some("purpose".to_owned()));
    assert_eq!(house.may_not(&citizen, screen(true)).await, no_consent);
    assert_eq!(house.may_not(&citizen, Command::Browse { window, on: true }).await, no_consent);
    house.agree(&citizen, window, Purpose::Screen).await;
    house.must(&citizen, screen(true)).await;
    assert_eq!(agent.view().seats[0].media, [Medium::Screen]);
    assert_eq!(house.may_not(&agent, screen(true)).await.0, ErrorCode::InvalidStage, "one screen at a time");
    house.must(&citizen, Command::WithdrawConsent { window, purpose: Purpose::Screen }).await;
    assert_eq!(agent.view().seats[0].media, []);
    house.agree(&citizen, window, Purpose::CoBrowse).await;
    house.must(&citizen, Command::Browse { window, on: true }).await;
    house.must(&citizen, Command::WithdrawConsent { window, purpose: Purpose::CoBrowse }).await;
    assert!(!agent.view().is_browsing);
    assert_eq!(house.may_not(&citizen, frames(window, FRAMES)).await.0, ErrorCode::InvalidStage);
    house.must(&citizen, Command::WithdrawConsent { window, purpose: Purpose::Window }).await;
    assert_eq!(agent.view().ended_because, Some(EndedBecause::ConsentWithdrawn));
    let row = house.app.store.archive().windows_of(CitizenId::new(1)).await.unwrap().remove(0);
    assert!(row.consents.iter().all(|(_, taken_back)| taken_back.is_some()), "{:?}", row.consents);
    assert_eq!(row.consents.len(), 3);
}

#[tokio::test]
async fn whoever_comes_back_within_20_s_is_the_same_with_their_ink() {
    let Live { house, window, citizen, agent, ids, .. } = Live::open().await;
    house.must(&agent, Command::Publish { window, medium: Medium::Screen, on: true }).await;
    let stroke = Stroke::Pen { points: vec![Point { x: 1, y: 2 }] };
    house.must(&citizen, Command::Draw { window, number: 1, stroke: stroke.clone() }).await;
    house.gone(citizen).await;
    house.pass(19_999).await;
    let mut back = house.page(super::citizen(1));
    let Answer::Subscribed { snapshot, .. } =
        house.must(&back, Command::Subscribe { topic: Topic::Window(window), after: None }).await
    else {
        panic!("a snapshot");
    };
    let Snapshot::Window { view, strokes } = *snapshot else { panic!("of a window") };
    assert!(view.seats[0].is_away);
    assert_eq!(strokes.iter().map(|one| (one.by, one.stroke.clone())).collect::<Vec<_>>(), [(ids[0], stroke)]);
    assert_eq!(house.sit(&back, window, Seat::Citizen).await, (ids[0], true));
    assert!(!back.view().seats[0].is_away);

    // A second page of theirs takes the seat over, and the first hears it.
    let second = house.page(super::citizen(1));
    assert_eq!(house.sit(&second, window, Seat::Citizen).await, (ids[0], true));
    assert!(back.listen().contains(&EventBody::WindowReplaced { window }));
    let point = Command::Point { window, at: Point { x: 1, y: 1 } };
    assert_eq!(house.may_not(&back, point.clone()).await.0, ErrorCode::Forbidden);
    house.must(&second, point).await;
    house.gone(back).await;
    assert!(!house.look(&second, window).await.seats[0].is_away, "the end of the old page unseats nobody");
    house.gone(second).await;
    house.pass(20_000).await;
    let late = house.page(super::citizen(1));
    let (id, is_resumed) = house.sit(&late, window, Seat::Citizen).await;
    assert!(id != ids[0] && !is_resumed);
}

#[tokio::test]
async fn a_window_ends_when_one_side_is_alone_for_a_minute_and_with_its_conversation() {
    let Live { house, conversation, citizen, agent, .. } = Live::open().await;
    house.gone(agent).await;
    house.pass(59_999).await;
    assert_eq!(house.end_of(conversation).await, None);
    house.pass(1).await;
    assert_eq!(house.end_of(conversation).await, Some((EndedBecause::StaffLost, 60)));

    let again = house.page(super::agent(1));
    let window = house.ask_window(&again, conversation, Origin::Conversation).await;
    house.agree(&citizen, window, Purpose::Window).await;
    house.sit(&citizen, window, Seat::Citizen).await;
    house.sit(&again, window, Seat::Agent).await;
    house.close(1, conversation, Outcome::Solved).await;
    house.windows_settle().await;
    assert_eq!(house.end_of(conversation).await, Some((EndedBecause::ConversationClosed, 0)));
}

#[tokio::test]
async fn a_window_goes_over_to_the_agent_who_serves_now() {
    let Live { house, conversation, window, mut citizen, agent, .. } = Live::open().await;
    house.app.welcome(&supervisor(), 5).await.unwrap();
    let boss = house.page(supervisor());
    house.must(&boss, Command::TakeOver { conversation }).await;
    house.windows_settle().await;
    let view = citizen.view();
    assert_eq!((view.agent.id, view.state, view.seats.len()), (AgentId::new(7), WindowState::Live, 1));
    assert_eq!(house.may_not(&agent, Command::TakeSeat { window, seat: Seat::Agent }).await.0, ErrorCode::Forbidden);
    house.sit(&boss, window, Seat::Agent).await;
    assert_eq!(citizen.view().seats.len(), 2);
    house.pass(60_000).await;
    assert_eq!(house.end_of(conversation).await, None, "nobody is alone");
}

#[tokio::test]
async fn somebody_on_the_telephone_takes_the_citizens_seat_by_a_code_once() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    house.ask(&citizen(1), "residence-permit").await;
    let conversation = house.accept(1).await;
    let [agent, mut caller, stranger] = [house.page(agent(1)), house.page(citizen(5)), house.page(citizen(6))];
    let mine = house.page(citizen(1));
    let code_for = Command::AskWindow { conversation, origin: Origin::Code };
    assert_eq!(house.may_not(&mine, code_for).await, (ErrorCode::BadRequest, Some("origin".to_owned())));
    let window = house.ask_window(&agent, conversation, Origin::Code).await;
    let Answer::WindowCode { code, until } = house.must(&agent, Command::MakeWindowCode { window }).await else {
        panic!("a code");
    };
    assert_eq!((code.len(), until), (6, house.now() + 600_000));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let enter = |code: &str| Command::EnterWindowCode { code: code.to_owned() };
    for n in 0..5 {
        let refused = (ErrorCode::NotFound, Some("code".to_owned()));
        assert_eq!(house.may_not(&stranger, enter(wrong)).await, refused, "{n}");
    }
    assert_eq!(house.may_not(&stranger, enter(&code)).await.0, ErrorCode::RateLimited, "the right one too");
    assert_eq!(house.may_not(&caller, enter("12345")).await, (ErrorCode::BadRequest, Some("code".to_owned())));
    let entered = house.must(&caller, enter(&code)).await;
    assert_eq!(entered, Answer::OpenedWindow { window });
    assert_eq!(house.may_not(&mine, enter(&code)).await.0, ErrorCode::NotFound, "once");
    let topic = Command::Subscribe { topic: Topic::Window(window), after: None };
    assert_eq!(house.may_not(&mine, topic).await.0, ErrorCode::NotFound, "it is the caller's now");
    house.look(&caller, window).await;
    house.agree(&caller, window, Purpose::Window).await;
    house.sit(&caller, window, Seat::Citizen).await;
    house.sit(&agent, window, Seat::Agent).await;
    assert_eq!(caller.view().state, WindowState::Live);
    assert_eq!(house.app.store.archive().windows_of(CitizenId::new(5)).await.unwrap().len(), 1);
    let audit = house.app.store.audit_before(u64::MAX, 20).await.unwrap();
    let line = audit.iter().find(|row| row.action == "window.code").expect("it is in the audit log");
    assert!(!line.detail.contains(&code) && line.subject == conversation.to_string(), "{line:?}");
}

#[tokio::test]
async fn a_restart_in_the_middle_keeps_seats_and_consent() {
    let Live { house, conversation, window, ids, .. } = Live::open().await;
    let house = house.restart().await;
    house.windows_settle().await;
    let [me, agent] = [house.page(citizen(1)), house.page(agent(1))];
    let view = house.look(&me, window).await;
    assert_eq!(view.state, WindowState::Live);
    assert!(view.seats.iter().all(|seat| seat.is_away), "{:?}", view.seats);
    assert_eq!(view.consents.len(), 1);
    house.pass(19_999).await;
    assert_eq!(house.sit(&me, window, Seat::Citizen).await, (ids[0], true));
    assert_eq!(house.sit(&agent, window, Seat::Agent).await, (ids[1], true));
    assert_eq!(house.view(conversation).await.window.map(|brief| brief.state), Some(WindowState::Live));
    // Nobody comes after the next one.
    let house = house.restart().await;
    house.pass(60_000).await;
    assert_eq!(house.end_of(conversation).await.map(|(because, _)| because), Some(EndedBecause::CitizenLost));
}

#[tokio::test]
async fn a_window_that_is_not_durable_is_none() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    house.ask(&citizen(1), "residence-permit").await;
    let conversation = house.accept(1).await;
    let agent = house.page(agent(1));
    house.app.store.close().await;
    let ask = Command::AskWindow { conversation, origin: Origin::Conversation };
    let refused = house.does(&agent, ask).await.unwrap_err();
    assert!(refused.retryable, "{refused}");
    assert_eq!(house.app.shared.windows.brief(conversation), None);
}

#[tokio::test]
async fn pieces_of_a_page_go_to_clerks_who_sit_there_and_numbers_in_them_to_nobody() {
    let mut live = Live::open().await;
    live.show_page().await;
    let Live { house, window, citizen, agent, .. } = &mut live;
    let window = *window;
    citizen.listen();
    house.must(citizen, frames(window, FRAMES)).await;
    let got = |page: &mut Page| page.listen().into_iter().any(|body| matches!(body, EventBody::Frames { .. }));
    assert!(got(agent) && !got(citizen));
    let telling = FRAMES.replace("1}", r#""电话13800138001"}"#);
    assert_eq!(
        house.may_not(citizen, frames(window, &telling)).await,
        (ErrorCode::BadRequest, Some("frames".to_owned()))
    );
    assert_eq!(house.may_not(citizen, frames(window, "{}")).await, (ErrorCode::BadRequest, Some("frames".to_owned())));
    assert_eq!(house.may_not(agent, frames(window, FRAMES)).await.0, ErrorCode::Forbidden);
    assert!(!got(agent));
    // Who comes later is sent the whole page: it is asked for.
    let boss = house.page(supervisor());
    house.look(&boss, window).await;
    assert!(!citizen.listen().contains(&EventBody::FramesWanted {}), "who only looks on does not see the page");
    house.sit(&boss, window, Seat::Supervisor).await;
    assert!(!citizen.listen().contains(&EventBody::FramesWanted {}), "nor who sits there to listen");
    let second = house.page(super::agent(2));
    house.must(agent, Command::InviteToWindow { window, agent: AgentId::new(2) }).await;
    house.sit(&second, window, Seat::SecondClerk).await;
    assert!(citizen.listen().contains(&EventBody::FramesWanted {}));
    let audit = house.app.store.audit_before(u64::MAX, 20).await.unwrap();
    assert!(audit.iter().any(|row| row.action == "window.watch"));
    // A flood is stopped, and the window goes on.
    let large = format!("[\"{}\"]", "x".repeat(250_000));
    let mut passed = 0;
    while house.does(citizen, frames(window, &large)).await.is_ok() {
        passed += 1;
    }
    assert_eq!(passed, 16, "4 MiB at once");
    house.must(citizen, Command::SeeForm { window, context: context("2") }).await;
    let seen = agent.view();
    assert_eq!((seen.form, seen.form_item.as_deref()), (Some(context("2")), Some("居住证办理")));
    assert_eq!((citizen.view().form, citizen.view().form_item), (None, None));
}

fn context(step: &str) -> FormContext {
    FormContext { item: Some("residence-permit".to_owned()), step: step.to_owned(), field: None, error: None }
}

#[tokio::test]
async fn a_clerk_points_and_proposes_and_only_the_citizen_binds() {
    let mut live = Live::open().await;
    live.show_page().await;
    let Live { house, window, citizen, agent, ids, conversation } = &mut live;
    let window = *window;
    let highlight = Command::Highlight { window, field: "name".to_owned(), note: Some("请填全名".to_owned()) };
    house.must(agent, highlight.clone()).await;
    let seen = EventBody::Highlighted { by: ids[1], field: "name".to_owned(), note: Some("请填全名".to_owned()) };
    assert!(citizen.listen().contains(&seen));
    assert_eq!(house.may_not(citizen, highlight).await.0, ErrorCode::Forbidden);
    let propose = |kind, value: &str| Command::Propose {
        window,
        field: "address".to_owned(),
        kind,
        value: value.to_owned(),
        note: None,
    };
    for kind in [FieldKind::Secret, FieldKind::Submit, FieldKind::Sign, FieldKind::Pay, FieldKind::Face] {
        let refused = (ErrorCode::Forbidden, Some("kind".to_owned()));
        assert_eq!(house.may_not(agent, propose(kind, "x")).await, refused, "{kind}");
        assert_eq!(house.may_not(agent, Command::Bind { window, kind }).await, refused, "{kind}");
        house.must(citizen, Command::Bind { window, kind }).await;
    }
    let long = "长".repeat(1_001);
    assert_eq!(house.may_not(agent, propose(FieldKind::Text, &long)).await.1.as_deref(), Some("value"));
    house.must(agent, propose(FieldKind::Text, "漕溪北路1号")).await;
    let stands = citizen.view().proposals;
    assert_eq!((stands.len(), stands[0].value.as_str()), (1, "漕溪北路1号"));
    let boss = house.page(supervisor());
    assert_eq!(house.look(&boss, window).await.proposals, [], "a value is for those who need it");
    let answer = Command::AnswerProposal { window, proposal: stands[0].proposal, accepts: true };
    assert_eq!(house.may_not(agent, answer.clone()).await.0, ErrorCode::Forbidden);
    house.must(citizen, answer.clone()).await;
    assert_eq!(house.may_not(citizen, answer).await, (ErrorCode::NotFound, Some("proposal".to_owned())));
    assert_eq!(agent.view().proposals, []);
    // Neither the rows nor the thread ever had it.
    let row = house.app.store.open_windows().await.unwrap();
    assert!(!format!("{row:?}{:?}", house.bodies(*conversation).await).contains("漕溪北路"));
}

#[tokio::test]
async fn a_second_clerk_is_asked_in_and_shown_out() {
    let Live { house, window, mut citizen, mut agent, .. } = Live::open().await;
    let mut second = house.page(super::agent(2));
    house.must(&second, Command::Subscribe { topic: Topic::Agent(AgentId::new(2)), after: None }).await;
    let look = Command::Subscribe { topic: Topic::Window(window), after: None };
    assert_eq!(house.may_not(&second, look.clone()).await.0, ErrorCode::Forbidden);
    let invite = |agent| Command::InviteToWindow { window, agent: AgentId::new(agent) };
    assert_eq!(house.may_not(&agent, invite(99)).await, (ErrorCode::NotFound, Some("agent".to_owned())));
    house.must(&agent, invite(2)).await;
    assert!(
        second.listen().iter().any(|body| matches!(body, EventBody::WindowInvited { window: w, .. } if *w == window))
    );
    house.must(&second, look).await;
    let (id, _) = house.sit(&second, window, Seat::SecondClerk).await;
    assert_eq!(citizen.view().seats.len(), 3);
    let remove = Command::RemoveFromWindow { window, participant: id };
    assert_eq!(house.may_not(&citizen, remove.clone()).await.0, ErrorCode::Forbidden);
    house.must(&agent, remove).await;
    assert_eq!(agent.view().seats.len(), 2);
    second.listen();
    house.must(&citizen, Command::Publish { window, medium: Medium::Voice, on: true }).await;
    assert_eq!(second.listen(), [], "looking on has ended with the invitation");
    assert!(agent.view().seats[0].media.contains(&Medium::Voice));
}

#[tokio::test]
async fn ink_reaches_all_in_order_and_a_flood_only_its_author() {
    let Live { house, window, mut citizen, agent, ids, .. } = Live::open().await;
    house.must(&agent, Command::Publish { window, medium: Medium::Screen, on: true }).await;
    citizen.listen();
    let draw = |number, x| Command::Draw { window, number, stroke: Stroke::Pen { points: vec![Point { x, y: 0 }] } };
    for (number, x) in [(1, 1), (1, 2), (2, 3)] {
        house.must(&agent, draw(number, x)).await;
    }
    house.must(&agent, Command::UndoInk { window }).await;
    let inked = citizen.listen().into_iter().filter_map(|body| match body {
        EventBody::Inked { by, change, .. } if by == ids[1] => Some(change),
        _ => None,
    });
    let inked: Vec<_> = inked.collect();
    assert_eq!(inked.len(), 4);
    assert_eq!(inked[3], InkChange::Undone { number: 2 });
    let empty = Command::Draw { window, number: 9, stroke: Stroke::Pen { points: Vec::new() } };
    assert_eq!(house.may_not(&agent, empty).await.0, ErrorCode::BadRequest);
    let mut refused = None;
    for _ in 0..200 {
        if let Err(error) = house.does(&agent, Command::Point { window, at: Point { x: 1, y: 1 } }).await {
            refused = Some(error.code);
        }
    }
    assert_eq!(refused, Some(ErrorCode::RateLimited));
    house.must(&citizen, Command::Point { window, at: Point { x: 1, y: 1 } }).await;
}

#[tokio::test]
async fn descriptions_that_are_none_are_refused_by_their_field_and_good_ones_answered() {
    let Live { house, window, citizen, .. } = Live::open().await;
    let connect = |sdp: String, lines| Command::ConnectWindow { window, sdp, lines };
    let line = |mid: &str, medium| MediaLine { mid: mid.to_owned(), medium };
    for (sdp, expected) in [
        ("hello".to_owned(), ErrorCode::BadRequest),
        (format!("v=0\r\n{}", "a=x\r\n".repeat(20_000)), ErrorCode::TooLarge),
        (offer() + &"a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(10_000), ErrorCode::TooLarge),
    ] {
        assert_eq!(house.may_not(&citizen, connect(sdp, Vec::new())).await, (expected, Some("sdp".to_owned())));
    }
    let wrong = vec![line("7", Medium::Voice)];
    assert_eq!(
        house.may_not(&citizen, connect(offer(), wrong)).await,
        (ErrorCode::BadRequest, Some("lines".to_owned()))
    );
    let again = Command::RestartWindowLink { window, sdp: offer(), lines: Vec::new() };
    assert_eq!(house.may_not(&citizen, again).await.0, ErrorCode::InvalidStage, "there is no connection yet");
    let Answer::WindowAnswer { sdp } = house.must(&citizen, connect(offer(), vec![line("0", Medium::Voice)])).await
    else {
        panic!("an answer");
    };
    assert!(sdp.starts_with("v=0") && sdp.contains("a=candidate:"), "{sdp}");
    let stale = Command::AnswerWindowOffer { window, number: 9, sdp: offer() };
    assert_eq!(house.may_not(&citizen, stale).await, (ErrorCode::Outdated, Some("number".to_owned())));
}

/// As a browser writes it, with one voice.
fn offer() -> String {
    let fingerprint = vec!["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\n"
    )
}

#[tokio::test]
async fn strangers_and_other_windows_ids_open_nothing() {
    let Live { house, window, ids, .. } = Live::open().await;
    for who in [citizen(9), agent(3)] {
        let page = house.page(who);
        let expected =
            if matches!(page.who, Principal::Citizen(_)) { ErrorCode::NotFound } else { ErrorCode::Forbidden };
        for command in [
            Command::Subscribe { topic: Topic::Window(window), after: None },
            Command::TakeSeat { window, seat: Seat::Citizen },
            Command::TakeSeat { window, seat: Seat::Supervisor },
            Command::AnswerWindow { window, accepts: false },
            Command::CancelWindow { window },
            Command::MakeWindowCode { window },
        ] {
            let what = format!("{command:?}");
            assert_eq!(house.may_not(&page, command).await.0, expected, "{what}");
        }
        for command in [
            Command::EndWindow { window },
            Command::LeaveWindow { window },
            Command::Publish { window, medium: Medium::Voice, on: true },
            Command::RemoveFromWindow { window, participant: ids[0] },
            Command::ClearInk { window },
        ] {
            let what = format!("{command:?}");
            assert_eq!(house.may_not(&page, command).await.0, ErrorCode::Forbidden, "{what}");
        }
        let nothing = Command::EndWindow { window: WindowId::new(1) };
        assert_eq!(house.may_not(&page, nothing).await.0, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn a_booked_window_opens_its_door_five_minutes_before() {
    let house = House::open(at(9, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    house.ask(&citizen(1), "residence-permit").await;
    let conversation = house.accept(1).await;
    let me = house.page(citizen(1));
    let book = |at: i64| Command::BookWindow { conversation, at: Timestamp(at) };
    assert_eq!(house.may_not(&me, book(at(9, 0, 0))).await, (ErrorCode::BadRequest, Some("at".to_owned())));
    let far = at(9, 0, 0) + 31 * 86_400_000;
    assert_eq!(house.may_not(&me, book(far)).await, (ErrorCode::BadRequest, Some("at".to_owned())));
    let Answer::OpenedWindow { window } = house.must(&me, book(at(9, 30, 0))).await else { panic!("a window") };
    house.windows_settle().await;
    let brief = house.view(conversation).await.window.unwrap();
    assert_eq!((brief.state, brief.at), (WindowState::Booked, Some(Timestamp(at(9, 30, 0)))));
    let expected = ThreadBody::WindowBooked { window, at: Timestamp(at(9, 30, 0)) };
    assert!(house.bodies(conversation).await.contains(&expected));
    house.pass(25 * 60_000 - 1).await;
    assert_eq!(house.look(&me, window).await.state, WindowState::Booked);
    house.pass(1).await;
    assert_eq!(house.look(&me, window).await.state, WindowState::Asked);
    house.must(&me, Command::CancelWindow { window }).await;
    assert_eq!(house.end_of(conversation).await, Some((EndedBecause::Cancelled, 0)));
}
