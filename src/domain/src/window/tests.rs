//! Every number of the rules, one millisecond before and at it; every right; every refusal.

use super::*;
use crate::{AgentId, CitizenId, FileId};

const T0: i64 = 1_000_000;
const WINDOW: WindowId = WindowId::new(1);
const CASE: ConversationId = ConversationId::new(2);
const CITIZEN: CitizenId = CitizenId::new(3);
const AGENT: AgentId = AgentId::new(4);
const CLERK: AgentId = AgentId::new(5);
const BOSS: AgentId = AgentId::new(6);
const ME: Person = Person::Citizen(CITIZEN);
const HER: Person = Person::Staff(AGENT);

/// Ids of participants as [`Table::sit`] gives them.
const CITIZEN_SEAT: ParticipantId = ParticipantId::new(100);
const AGENT_SEAT: ParticipantId = ParticipantId::new(101);
const CLERK_SEAT: ParticipantId = ParticipantId::new(102);
const BOSS_SEAT: ParticipantId = ParticipantId::new(103);

fn at(ms: i64) -> Timestamp {
    Timestamp(T0 + ms)
}

fn text(version: u32) -> ConsentText {
    ConsentText { id: "window".to_owned(), version }
}

fn code(number: u32) -> Code {
    Code::new(number).unwrap()
}

struct Table {
    windows: Windows,
}

impl Table {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut table = Self { windows: Windows::new(settings) };
        for purpose in Purpose::ALL {
            table.ok(0, Input::TextPublished { purpose: *purpose, text: text(1) });
        }
        table
    }

    /// Citizen and agent are there at 0 ms.
    fn live() -> Self {
        let mut table = Self::new();
        table.ask(0, HER);
        table.consent(0, Purpose::Window);
        table.sit(0, ME, Seat::Citizen, CITIZEN_SEAT, 1);
        table.sit(0, HER, Seat::Agent, AGENT_SEAT, 2);
        assert_eq!(table.state(), Some(State::Live { since: at(0) }));
        table
    }

    /// All four seats are taken.
    fn full() -> Self {
        let mut table = Self::live();
        table.ok(0, Input::Invited { window: WINDOW, by: HER, who: CLERK });
        table.sit(0, Person::Staff(CLERK), Seat::SecondClerk, CLERK_SEAT, 3);
        table.sit(0, Person::Staff(BOSS), Seat::Supervisor, BOSS_SEAT, 4);
        table
    }

    /// ... and the citizen's screen and page are seen.
    fn shared() -> Self {
        let mut table = Self::full();
        table.consent(0, Purpose::Screen);
        table.consent(0, Purpose::CoBrowse);
        table.publish(0, CITIZEN_SEAT, Medium::Screen);
        table.ok(0, Input::BrowseChanged { window: WINDOW, by: CITIZEN_SEAT, is_on: true });
        table
    }

    fn ok(&mut self, ms: i64, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.windows.handle(at(ms), input, &mut out).unwrap();
        out
    }

    fn refused(&mut self, ms: i64, input: Input) -> Refusal {
        let mut out = Vec::new();
        let refusal = self.windows.handle(at(ms), input, &mut out).unwrap_err();
        assert_eq!(out, [], "a refusal does nothing");
        refusal
    }

    fn tick(&mut self, ms: i64) -> Vec<Effect> {
        self.ok(ms, Input::Tick)
    }

    fn ask(&mut self, ms: i64, by: Person) -> Vec<Effect> {
        let asked = asked(by);
        self.ok(ms, asked)
    }

    fn consent(&mut self, ms: i64, purpose: Purpose) -> Vec<Effect> {
        self.ok(ms, Input::Consented { window: WINDOW, by: ME, purpose, text: text(1) })
    }

    fn sit(&mut self, ms: i64, who: Person, seat: Seat, participant: ParticipantId, connection: u64) -> Vec<Effect> {
        self.ok(ms, join(who, seat, participant, connection))
    }

    fn publish(&mut self, ms: i64, by: ParticipantId, medium: Medium) -> Vec<Effect> {
        self.ok(ms, Input::Published { window: WINDOW, by, medium, is_on: true })
    }

    fn state(&self) -> Option<State> {
        self.windows.state(WINDOW)
    }

    fn on_seat(&self, seat: Seat) -> Option<Seated> {
        self.windows.seated(WINDOW).find(|one| one.seat == seat)
    }
}

fn asked(by: Person) -> Input {
    Input::Asked {
        window: WINDOW,
        conversation: CASE,
        origin: Origin::Conversation,
        by,
        citizen: Some(CITIZEN),
        agent: AGENT,
    }
}

fn join(who: Person, seat: Seat, participant: ParticipantId, connection: u64) -> Input {
    let connection = Connection(connection);
    Input::Joined { window: WINDOW, who, seat, participant, connection, supervises: who == Person::Staff(BOSS) }
}

fn ended(effects: &[Effect]) -> Option<(EndedBecause, Timestamp)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Ended { because, at, .. } => Some((*because, *at)),
        _ => None,
    })
}

// --- life --------------------------------------------------------------------------------------------------------

#[test]
fn a_window_is_asked_for_consented_to_live_and_over() {
    let mut table = Table::new();
    assert_eq!(
        table.ask(0, HER),
        [
            Effect::Changed { window: WINDOW, state: State::Asked { until: at(60_000) } },
            Effect::AgentAgreed { window: WINDOW, agent: AGENT },
        ]
    );
    let consent = Consent { purpose: Purpose::Window, text: text(1), at: at(5_000) };
    assert_eq!(
        table.consent(5_000, Purpose::Window),
        [
            Effect::ConsentGiven { window: WINDOW, consent },
            Effect::Changed { window: WINDOW, state: State::Consented { until: at(65_000) } },
        ]
    );
    table.sit(6_000, HER, Seat::Agent, AGENT_SEAT, 2);
    let effects = table.sit(7_000, ME, Seat::Citizen, CITIZEN_SEAT, 1);
    assert_eq!(effects.last(), Some(&Effect::Changed { window: WINDOW, state: State::Live { since: at(7_000) } }));
    let effects = table.ok(9_000, Input::Ended { window: WINDOW, by: CITIZEN_SEAT });
    assert_eq!(ended(&effects), Some((EndedBecause::CitizenLeft, at(9_000))));
    assert_eq!((table.state(), table.windows.running(), table.windows.next_deadline()), (None, 0, None));
    assert_eq!(table.refused(9_001, join(ME, Seat::Citizen, CITIZEN_SEAT, 1)), Refusal::NotOpen(WINDOW));
}

#[test]
fn when_the_citizen_asks_the_agent_answers() {
    let mut table = Table::new();
    table.ask(0, ME);
    table.consent(0, Purpose::Window);
    assert_eq!(table.state(), Some(State::Asked { until: at(60_000) }));
    table.ok(1_000, Input::Answered { window: WINDOW, by: HER, accepts: true });
    assert_eq!(table.state(), Some(State::Consented { until: at(61_000) }));
}

#[test]
fn who_is_asked_may_think_for_60_seconds() {
    for by in [ME, HER] {
        let mut table = Table::new();
        table.ask(0, by);
        assert_eq!(ended(&table.tick(59_999)), None);
        assert_eq!(table.windows.next_deadline(), Some(at(60_000)));
        assert_eq!(ended(&table.tick(60_000)), Some((EndedBecause::NotAnswered, at(60_000))));
    }
}

#[test]
fn who_is_asked_may_say_no_and_who_asked_may_take_it_back() {
    for (by, input, because) in [
        (HER, Input::Answered { window: WINDOW, by: ME, accepts: false }, EndedBecause::Declined),
        (ME, Input::Answered { window: WINDOW, by: HER, accepts: false }, EndedBecause::Declined),
        (HER, Input::Cancelled { window: WINDOW, by: HER }, EndedBecause::Cancelled),
        (ME, Input::Cancelled { window: WINDOW, by: ME }, EndedBecause::Cancelled),
    ] {
        let mut table = Table::new();
        table.ask(0, by);
        assert_eq!(ended(&table.ok(1, input)), Some((because, at(1))));
    }
}

#[test]
fn only_who_takes_part_in_the_conversation_asks_answers_agrees_or_takes_back() {
    let (other, stranger) = (Person::Citizen(CitizenId::new(9)), Person::Staff(AgentId::new(9)));
    for who in [other, stranger] {
        let mut table = Table::new();
        assert_eq!(table.refused(0, asked(who)), Refusal::NotYours);
        table.ask(0, ME);
        let purpose = Purpose::Window;
        for input in [
            Input::Answered { window: WINDOW, by: who, accepts: true },
            Input::Cancelled { window: WINDOW, by: who },
            Input::Consented { window: WINDOW, by: who, purpose, text: text(1) },
            Input::ConsentWithdrawn { window: WINDOW, by: who, purpose },
            Input::Invited { window: WINDOW, by: who, who: CLERK },
            Input::CodeMade { window: WINDOW, by: who, code: code(1) },
        ] {
            assert_eq!(table.refused(0, input), Refusal::NotYours);
        }
    }
}

#[test]
fn the_agent_cannot_agree_for_the_citizen_nor_the_other_way_round() {
    let mut table = Table::new();
    table.ask(0, ME);
    let consent = Input::Consented { window: WINDOW, by: HER, purpose: Purpose::Window, text: text(1) };
    assert_eq!(table.refused(0, consent), Refusal::NotYours);
    let yes = Input::Answered { window: WINDOW, by: ME, accepts: true };
    assert_eq!(table.refused(0, yes), Refusal::NoConsent(Purpose::Window));
}

#[test]
fn both_sides_have_60_seconds_to_come() {
    let mut table = Table::new();
    table.ask(0, HER);
    table.consent(10_000, Purpose::Window);
    table.sit(11_000, HER, Seat::Agent, AGENT_SEAT, 2);
    assert_eq!(ended(&table.tick(69_999)), None);
    assert_eq!(ended(&table.tick(70_000)), Some((EndedBecause::NobodyCame, at(70_000))));
}

#[test]
fn a_conversation_has_one_window_at_a_time_and_goes_on_after_it() {
    let mut table = Table::live();
    let second = |window| Input::Asked {
        window: WindowId::new(window),
        conversation: CASE,
        origin: Origin::Conversation,
        by: ME,
        citizen: Some(CITIZEN),
        agent: AGENT,
    };
    assert_eq!(table.refused(1, second(7)), Refusal::HasOne(WINDOW));
    assert_eq!(table.refused(1, second(1)), Refusal::KnownAlready(WINDOW));
    table.ok(2, Input::Ended { window: WINDOW, by: AGENT_SEAT });
    assert_eq!(table.windows.of(CASE), None);
    table.ok(3, second(7));
    assert_eq!(table.windows.of(CASE), Some(WindowId::new(7)));
}

#[test]
fn closing_the_conversation_ends_its_window_and_conversations_without_one_are_ignored() {
    let mut table = Table::live();
    assert_eq!(table.ok(1, Input::ConversationClosed { conversation: ConversationId::new(8) }), []);
    let effects = table.ok(2, Input::ConversationClosed { conversation: CASE });
    assert_eq!(ended(&effects), Some((EndedBecause::ConversationClosed, at(2))));
}

// --- booking and codes -------------------------------------------------------------------------------------------

fn booked(ms: i64) -> Input {
    Input::Booked { window: WINDOW, conversation: CASE, by: ME, citizen: CITIZEN, agent: AGENT, at: at(ms) }
}

#[test]
fn a_booked_window_opens_5_minutes_before_its_time_and_stands_open_15_minutes_after_it() {
    let mut table = Table::new();
    table.ok(0, booked(3_600_000));
    let early = Input::Consented { window: WINDOW, by: ME, purpose: Purpose::Window, text: text(1) };
    assert_eq!(table.refused(3_299_999, early), Refusal::WrongState);
    assert_eq!(table.state(), Some(State::Booked { at: at(3_600_000) }));
    table.tick(3_300_000);
    assert_eq!(table.state(), Some(State::Asked { until: at(4_500_000) }));
    assert_eq!(ended(&table.tick(4_499_999)), None);
    assert_eq!(ended(&table.tick(4_500_000)), Some((EndedBecause::NobodyCame, at(4_500_000))));
}

#[test]
fn a_booked_window_needs_both_sides_and_either_may_take_it_back() {
    let mut table = Table::new();
    table.ok(0, booked(60_000));
    // It is less than five minutes away, so its door is open.
    assert_eq!(table.state(), Some(State::Asked { until: at(960_000) }));
    table.consent(1, Purpose::Window);
    assert!(matches!(table.state(), Some(State::Asked { .. })));
    table.ok(2, Input::Answered { window: WINDOW, by: HER, accepts: true });
    assert!(matches!(table.state(), Some(State::Consented { .. })));
    for by in [ME, HER] {
        let mut table = Table::new();
        table.ok(0, booked(3_600_000));
        let effects = table.ok(1, Input::Cancelled { window: WINDOW, by });
        assert_eq!(ended(&effects), Some((EndedBecause::Cancelled, at(1))));
    }
}

#[test]
fn what_is_booked_lies_ahead() {
    let mut table = Table::new();
    assert_eq!(table.refused(10, booked(10)), Refusal::TimePassed);
    table.ok(10, booked(11));
}

/// The agent speaks with somebody by telephone.
fn by_code() -> Table {
    let mut table = Table::new();
    let origin = Origin::Code;
    table.ok(0, Input::Asked { window: WINDOW, conversation: CASE, origin, by: HER, citizen: None, agent: AGENT });
    table.ok(0, Input::CodeMade { window: WINDOW, by: HER, code: code(123_456) });
    table
}

fn enter(number: u32, source: u128) -> Input {
    Input::CodeEntered { code: code(number), source: Source(source), citizen: CITIZEN }
}

#[test]
fn a_code_gives_the_citizens_seat_once() {
    let mut table = by_code();
    let effects = table.ok(1_000, enter(123_456, 1));
    assert_eq!(
        effects,
        [
            Effect::CodeEnded { window: WINDOW, because: CodeEndedBecause::Used },
            Effect::CitizenKnown { window: WINDOW, citizen: CITIZEN },
            Effect::Changed { window: WINDOW, state: State::Asked { until: at(61_000) } },
        ]
    );
    assert_eq!(table.refused(1_001, enter(123_456, 2)), Refusal::WrongCode);
    table.consent(2_000, Purpose::Window);
    table.sit(2_000, ME, Seat::Citizen, CITIZEN_SEAT, 1);
    let again = Input::CodeMade { window: WINDOW, by: HER, code: code(7) };
    assert_eq!(table.refused(3_000, again), Refusal::WrongState);
}

#[test]
fn a_code_is_good_for_10_minutes() {
    assert!(matches!(by_code().ok(599_999, enter(123_456, 1))[..], [Effect::CodeEnded { .. }, ..]));
    let mut table = by_code();
    let effects = table.tick(600_000);
    assert_eq!(effects[0], Effect::CodeEnded { window: WINDOW, because: CodeEndedBecause::Expired });
    assert_eq!(ended(&effects), Some((EndedBecause::NotAnswered, at(600_000))));
    assert_eq!(table.refused(600_001, enter(123_456, 1)), Refusal::WrongCode);
}

#[test]
fn five_wrong_codes_within_15_minutes_are_all_that_a_source_has() {
    let mut table = by_code();
    for n in 0..5 {
        assert_eq!(table.refused(i64::from(n), enter(n, 1)), Refusal::WrongCode);
    }
    // Even the right one: otherwise a refusal would say which are wrong.
    let until = at(900_000);
    assert_eq!(table.refused(10, enter(123_456, 1)), Refusal::TooManyCodes { until });
    table.ok(11, enter(123_456, 2));
    // The window itself is over by then.
    table.tick(899_998);
    assert_eq!(table.refused(899_999, enter(9, 1)), Refusal::TooManyCodes { until });
    assert_eq!(table.refused(900_000, enter(9, 1)), Refusal::WrongCode);
}

#[test]
fn a_new_code_replaces_the_old_one_and_no_two_windows_have_the_same() {
    let mut table = by_code();
    let (other, origin) = (WindowId::new(20), Origin::Code);
    let conversation = ConversationId::new(21);
    table.ok(0, Input::Asked { window: other, conversation, origin, by: HER, citizen: None, agent: AGENT });
    let same = Input::CodeMade { window: other, by: HER, code: code(123_456) };
    assert_eq!(table.refused(0, same.clone()), Refusal::CodeTaken);
    let effects = table.ok(1, Input::CodeMade { window: WINDOW, by: HER, code: code(5) });
    assert_eq!(effects[0], Effect::CodeEnded { window: WINDOW, because: CodeEndedBecause::Replaced });
    assert_eq!(table.refused(2, enter(123_456, 1)), Refusal::WrongCode);
    table.ok(3, same);
    table.ok(4, Input::Cancelled { window: other, by: HER });
    assert_eq!(table.refused(5, enter(123_456, 1)), Refusal::WrongCode);
}

#[test]
fn codes_are_six_digits_and_no_log_shows_them() {
    for (input, expected) in [
        ("012345", Some("012345")),
        (" 123 456 ", Some("123456")),
        ("12345", None),
        ("1234567", None),
        ("12345a", None),
        ("+12345", None),
        ("", None),
    ] {
        assert_eq!(Code::parse(input).map(|code| code.to_string()).as_deref(), expected, "{input:?}");
    }
    assert_eq!((Code::new(1_000_000), Code::new(999_999)), (None, Code::parse("999999")));
    assert!(!format!("{:?}", enter(123_456, 1)).contains("123456"));
}

// --- consent -----------------------------------------------------------------------------------------------------

#[test]
fn only_the_present_text_can_be_agreed_to_and_what_was_agreed_to_holds() {
    let mut table = Table::new();
    table.ask(0, HER);
    let say = |version| Input::Consented { window: WINDOW, by: ME, purpose: Purpose::Window, text: text(version) };
    assert_eq!(table.refused(0, say(2)), Refusal::OutdatedText);
    table.ok(1, Input::TextPublished { purpose: Purpose::Window, text: text(2) });
    assert_eq!(table.refused(1, say(1)), Refusal::OutdatedText);
    table.ok(2, say(2));
    assert_eq!(table.ok(3, say(2)), [], "the second yes to the same text is none");
    table.ok(4, Input::TextPublished { purpose: Purpose::Window, text: text(3) });
    table.sit(5, ME, Seat::Citizen, CITIZEN_SEAT, 1);
    let consents = table.windows.kept(WINDOW).unwrap().consents;
    assert_eq!(consents, [Consent { purpose: Purpose::Window, text: text(2), at: at(2) }]);
}

#[test]
fn nobody_sits_before_everybody_has_agreed() {
    let mut table = Table::new();
    table.ask(0, HER);
    for (who, seat) in [(ME, Seat::Citizen), (HER, Seat::Agent), (Person::Staff(BOSS), Seat::Supervisor)] {
        assert_eq!(table.refused(1, join(who, seat, CITIZEN_SEAT, 1)), Refusal::WrongState);
    }
}

#[test]
fn camera_and_voice_screen_and_page_are_agreed_to_one_by_one() {
    let mut table = Table::live();
    table.publish(1, CITIZEN_SEAT, Medium::Camera);
    table.publish(1, CITIZEN_SEAT, Medium::Voice);
    let screen = Input::Published { window: WINDOW, by: CITIZEN_SEAT, medium: Medium::Screen, is_on: true };
    assert_eq!(table.refused(2, screen.clone()), Refusal::NoConsent(Purpose::Screen));
    let page = Input::BrowseChanged { window: WINDOW, by: CITIZEN_SEAT, is_on: true };
    table.consent(3, Purpose::Screen);
    table.ok(4, screen);
    assert_eq!(table.refused(5, page.clone()), Refusal::NoConsent(Purpose::CoBrowse));
    table.consent(6, Purpose::CoBrowse);
    table.ok(7, page);
}

#[test]
fn an_agent_shares_their_own_screen_without_the_citizens_consent() {
    let mut table = Table::live();
    assert_eq!(
        table.publish(1, AGENT_SEAT, Medium::Screen)[0],
        Effect::MediaChanged { window: WINDOW, participant: AGENT_SEAT, medium: Medium::Screen, is_on: true }
    );
}

#[test]
fn a_consent_that_is_taken_back_ends_what_it_was_for() {
    let withdraw = |purpose| Input::ConsentWithdrawn { window: WINDOW, by: ME, purpose };
    let mut table = Table::shared();
    table.publish(1, CITIZEN_SEAT, Medium::Camera);
    let effects = table.ok(2, withdraw(Purpose::Screen));
    let stopped =
        Effect::MediaChanged { window: WINDOW, participant: CITIZEN_SEAT, medium: Medium::Screen, is_on: false };
    assert_eq!(effects[..2], [Effect::ConsentEnded { window: WINDOW, purpose: Purpose::Screen, at: at(2) }, stopped]);
    let effects = table.ok(3, withdraw(Purpose::CoBrowse));
    assert!(effects.contains(&Effect::BrowseChanged { window: WINDOW, is_on: false }));
    assert_eq!(table.on_seat(Seat::Citizen).unwrap().media, [Medium::Camera]);
    assert_eq!(table.refused(4, withdraw(Purpose::CoBrowse)), Refusal::NoConsent(Purpose::CoBrowse));
    assert_eq!(ended(&table.ok(5, withdraw(Purpose::Window))), Some((EndedBecause::ConsentWithdrawn, at(5))));
}

// --- seats -------------------------------------------------------------------------------------------------------

#[test]
fn seats_are_for_those_whose_they_are() {
    let mut table = Table::live();
    let (me, clerk, boss) = (CitizenId::new(9), Person::Staff(CLERK), Person::Staff(BOSS));
    for (who, seat) in [
        (Person::Citizen(me), Seat::Citizen),
        (HER, Seat::Citizen),
        (ME, Seat::Agent),
        (clerk, Seat::Agent),
        (clerk, Seat::SecondClerk),
        (clerk, Seat::Supervisor),
        (ME, Seat::Supervisor),
        (HER, Seat::Supervisor),
    ] {
        assert_eq!(table.refused(1, join(who, seat, CLERK_SEAT, 9)), Refusal::NotYours, "{who:?} on {seat}");
    }
    table.ok(2, Input::Invited { window: WINDOW, by: HER, who: CLERK });
    table.sit(3, clerk, Seat::SecondClerk, CLERK_SEAT, 3);
    table.sit(3, boss, Seat::Supervisor, BOSS_SEAT, 4);
    // One person, one seat; one seat, one person.
    let as_boss = Input::Joined {
        window: WINDOW,
        who: clerk,
        seat: Seat::Supervisor,
        participant: ParticipantId::new(7),
        connection: Connection(9),
        supervises: true,
    };
    assert_eq!(table.refused(4, as_boss), Refusal::NotYours);
    let second = Input::Joined {
        window: WINDOW,
        who: Person::Staff(AgentId::new(77)),
        seat: Seat::Supervisor,
        participant: ParticipantId::new(7),
        connection: Connection(9),
        supervises: true,
    };
    assert_eq!(table.refused(4, second), Refusal::SeatTaken(Seat::Supervisor));
    let another = Input::Invited { window: WINDOW, by: HER, who: AgentId::new(78) };
    assert_eq!(table.refused(4, another), Refusal::SeatTaken(Seat::SecondClerk));
}

#[test]
fn who_comes_back_within_20_seconds_is_the_same_participant() {
    let mut table = Table::live();
    let until = at(20_100);
    let lost = Input::ConnectionLost { window: WINDOW, connection: Connection(1) };
    assert_eq!(table.ok(100, lost), [Effect::Suspended { window: WINDOW, participant: CITIZEN_SEAT, until }]);
    let effects = table.sit(20_099, ME, Seat::Citizen, ParticipantId::new(55), 9);
    let (seat, who, connection) = (Seat::Citizen, ME, Connection(9));
    assert_eq!(
        effects,
        [Effect::Seated { window: WINDOW, participant: CITIZEN_SEAT, seat, who, connection, is_resumed: true }]
    );
    assert_eq!(table.state(), Some(State::Live { since: at(0) }));
}

#[test]
fn who_comes_back_after_20_seconds_is_a_new_one_on_the_same_seat() {
    let mut table = Table::live();
    table.publish(0, CITIZEN_SEAT, Medium::Camera);
    table.ok(0, Input::ConnectionLost { window: WINDOW, connection: Connection(1) });
    assert_eq!(table.tick(19_999), []);
    let (participant, medium) = (CITIZEN_SEAT, Medium::Camera);
    assert_eq!(
        table.tick(20_000),
        [
            Effect::MediaChanged { window: WINDOW, participant, medium, is_on: false },
            Effect::Unseated { window: WINDOW, participant, because: UnseatedBecause::Lost },
        ]
    );
    table.sit(20_001, ME, Seat::Citizen, ParticipantId::new(55), 9);
    assert_eq!(table.on_seat(Seat::Citizen).unwrap().participant, ParticipantId::new(55));
    assert_eq!(ended(&table.tick(100_000)), None);
}

#[test]
fn a_window_with_one_side_away_for_60_seconds_is_over() {
    for (connection, because) in [(1, EndedBecause::CitizenLost), (2, EndedBecause::StaffLost)] {
        let mut table = Table::live();
        table.ok(1_000, Input::ConnectionLost { window: WINDOW, connection: Connection(connection) });
        assert_eq!(ended(&table.tick(60_999)), None);
        assert_eq!(ended(&table.tick(61_000)), Some((because, at(61_000))));
    }
}

#[test]
fn waking_late_tells_each_instant_of_the_rule() {
    let mut table = Table::live();
    table.ok(0, Input::ConnectionLost { window: WINDOW, connection: Connection(1) });
    let effects = table.tick(3_600_000);
    assert_eq!(ended(&effects), Some((EndedBecause::CitizenLost, at(60_000))));
}

#[test]
fn a_second_page_takes_the_seat_over_and_the_end_of_the_first_means_nothing() {
    let mut table = Table::live();
    let effects = table.sit(1, ME, Seat::Citizen, ParticipantId::new(55), 9);
    assert_eq!(effects[0], Effect::ConnectionReplaced { window: WINDOW, connection: Connection(1) });
    assert_eq!(table.ok(2, Input::ConnectionLost { window: WINDOW, connection: Connection(1) }), []);
    let seated = table.on_seat(Seat::Citizen).unwrap();
    assert_eq!((seated.participant, seated.connection), (CITIZEN_SEAT, Some(Connection(9))));
}

#[test]
fn with_a_second_clerk_the_agent_may_go_and_the_last_clerk_ends_it() {
    let mut table = Table::full();
    let left = |participant| Input::Left { window: WINDOW, participant };
    assert_eq!(ended(&table.ok(1, left(BOSS_SEAT))), None);
    assert_eq!(ended(&table.ok(2, left(AGENT_SEAT))), None);
    assert_eq!(ended(&table.tick(120_000)), None, "citizen and second clerk go on");
    assert_eq!(ended(&table.ok(120_001, left(CLERK_SEAT))), Some((EndedBecause::StaffLeft, at(120_001))));
    let mut table = Table::full();
    assert_eq!(ended(&table.ok(1, left(CITIZEN_SEAT))), Some((EndedBecause::CitizenLeft, at(1))));
}

#[test]
fn the_agent_and_the_supervisor_show_a_second_clerk_out_and_nobody_else() {
    for by in [AGENT_SEAT, BOSS_SEAT] {
        let mut table = Table::full();
        let remove = |participant| Input::Removed { window: WINDOW, by, participant };
        assert!(matches!(table.refused(1, remove(CITIZEN_SEAT)), Refusal::NotAllowed(_, Deed::Remove)));
        table.ok(2, remove(CLERK_SEAT));
        assert_eq!(table.refused(3, join(Person::Staff(CLERK), Seat::SecondClerk, CLERK_SEAT, 3)), Refusal::NotYours);
    }
}

#[test]
fn a_conversation_that_is_handed_on_keeps_its_window() {
    let mut table = Table::full();
    let effects = table.ok(1_000, Input::HandedOver { conversation: CASE, agent: CLERK });
    let because = UnseatedBecause::HandedOver;
    assert!(effects.contains(&Effect::Unseated { window: WINDOW, participant: AGENT_SEAT, because }));
    assert!(effects.contains(&Effect::Unseated { window: WINDOW, participant: CLERK_SEAT, because }));
    assert_eq!(table.refused(1_001, join(HER, Seat::Agent, AGENT_SEAT, 2)), Refusal::NotYours);
    table.sit(2_000, Person::Staff(CLERK), Seat::Agent, ParticipantId::new(60), 6);
    assert_eq!(table.state(), Some(State::Live { since: at(0) }));
    assert_eq!(ended(&table.tick(200_000)), None);
    assert_eq!(table.ok(200_001, Input::HandedOver { conversation: CASE, agent: CLERK }), []);
}

#[test]
fn an_open_question_goes_on_to_the_next_agent() {
    let mut table = Table::new();
    table.ask(0, ME);
    table.consent(1, Purpose::Window);
    table.ok(50_000, Input::HandedOver { conversation: CASE, agent: CLERK });
    assert_eq!(table.state(), Some(State::Asked { until: at(110_000) }));
    let yes = |by| Input::Answered { window: WINDOW, by, accepts: true };
    assert_eq!(table.refused(50_001, yes(HER)), Refusal::NotYours);
    table.ok(50_002, yes(Person::Staff(CLERK)));
    assert!(matches!(table.state(), Some(State::Consented { .. })));
}

// --- rights ------------------------------------------------------------------------------------------------------

#[test]
fn who_may_do_what() {
    let table = [
        (
            Seat::Citizen,
            "show_face speak share_screen point draw clear freeze snapshot browse answer_proposal bind end",
        ),
        (
            Seat::Agent,
            "show_face speak share_screen point draw clear freeze snapshot highlight propose invite remove make_code end",
        ),
        (Seat::SecondClerk, "show_face speak share_screen point draw freeze snapshot highlight propose"),
        (Seat::Supervisor, "remove end"),
    ];
    for (seat, expected) in table {
        let allowed: Vec<_> = Deed::ALL.iter().filter(|deed| seat.allows(**deed)).map(|deed| deed.as_str()).collect();
        assert_eq!(allowed.join(" "), expected, "{seat}");
    }
}

fn deeds(by: ParticipantId) -> Vec<(Deed, Input)> {
    let (window, field) = (WINDOW, FieldRef("name".to_owned()));
    let on = |medium: Medium| (medium.deed(), Input::Published { window, by, medium, is_on: true });
    let point = Point { x: 0, y: u16::MAX };
    vec![
        on(Medium::Camera),
        on(Medium::Voice),
        on(Medium::Screen),
        (Deed::Point, Input::Pointed { window, by, at: point }),
        (Deed::Draw, Input::Drawn { window, by, number: 1, stroke: Stroke::Box(point, point) }),
        (Deed::Draw, Input::Undone { window, by }),
        (Deed::Clear, Input::Cleared { window, by }),
        (Deed::Freeze, Input::Frozen { window, by, is_frozen: true }),
        (Deed::Snapshot, Input::SnapshotTaken { window, by, file: FileId::new(1) }),
        (Deed::Browse, Input::FormSeen { window, by, context: FormContext::default() }),
        (Deed::Highlight, Input::Highlighted { window, by, field: field.clone() }),
        (Deed::Propose, Input::Proposed { window, by, field, kind: FieldKind::Text }),
        (Deed::AnswerProposal, Input::ProposalAnswered { window, by, proposal: 9, accepts: true }),
        (Deed::Browse, Input::BrowseChanged { window, by, is_on: true }),
        (Deed::End, Input::Ended { window, by }),
    ]
}

#[test]
fn what_a_seat_does_not_allow_is_refused_by_name() {
    for (seat, by) in [
        (Seat::Citizen, CITIZEN_SEAT),
        (Seat::Agent, AGENT_SEAT),
        (Seat::SecondClerk, CLERK_SEAT),
        (Seat::Supervisor, BOSS_SEAT),
    ] {
        for (deed, input) in deeds(by) {
            let mut table = Table::shared();
            let result = table.windows.handle(at(1), input, &mut Vec::new());
            let is_refused = result == Err(Refusal::NotAllowed(seat, deed));
            assert_eq!(is_refused, !seat.allows(deed), "{seat} {deed}: {result:?}");
        }
    }
}

#[test]
fn who_does_not_sit_there_does_nothing() {
    let stranger = ParticipantId::new(999);
    for (_, input) in deeds(stranger) {
        assert_eq!(Table::shared().refused(1, input), Refusal::NotSeated(stranger));
    }
}

#[test]
fn what_binds_or_identifies_is_the_citizens_alone() {
    for kind in FieldKind::ALL.iter().copied() {
        let mut table = Table::shared();
        let bind = |by| Input::Bound { window: WINDOW, by, kind };
        for by in [AGENT_SEAT, CLERK_SEAT, BOSS_SEAT] {
            assert_eq!(table.refused(1, bind(by)), Refusal::OnlyCitizen(kind), "{kind}");
        }
        assert_eq!(table.ok(2, bind(CITIZEN_SEAT)), [Effect::BindingAllowed { window: WINDOW, kind }]);
        let field = FieldRef("f".to_owned());
        let result = table.windows.handle(
            at(3),
            Input::Proposed { window: WINDOW, by: AGENT_SEAT, field, kind },
            &mut Vec::new(),
        );
        let is_plain = matches!(kind, FieldKind::Text | FieldKind::Choice);
        assert_eq!(result, if is_plain { Ok(()) } else { Err(Refusal::OnlyCitizen(kind)) });
    }
}

#[test]
fn one_screen_at_a_time() {
    let mut table = Table::shared();
    let share = |by, is_on| Input::Published { window: WINDOW, by, medium: Medium::Screen, is_on };
    assert_eq!(table.refused(1, share(AGENT_SEAT, true)), Refusal::ScreenTaken);
    assert_eq!(table.ok(2, share(CITIZEN_SEAT, true)), [], "it is shared already");
    table.ok(3, share(CITIZEN_SEAT, false));
    table.ok(4, share(AGENT_SEAT, true));
}

#[test]
fn while_they_speak_by_telephone_no_voice_goes_through_the_window() {
    let mut table = Table::live();
    table.publish(0, CITIZEN_SEAT, Medium::Voice);
    table.publish(0, AGENT_SEAT, Medium::Voice);
    let effects = table.ok(1, Input::CallChanged { conversation: CASE, is_in_call: true });
    let off = |participant| Effect::MediaChanged { window: WINDOW, participant, medium: Medium::Voice, is_on: false };
    assert_eq!(effects, [off(CITIZEN_SEAT), off(AGENT_SEAT)]);
    let speak = Input::Published { window: WINDOW, by: AGENT_SEAT, medium: Medium::Voice, is_on: true };
    assert_eq!(table.refused(2, speak.clone()), Refusal::InCall);
    table.ok(3, Input::CallChanged { conversation: CASE, is_in_call: false });
    table.ok(4, speak);
}

// --- ink ---------------------------------------------------------------------------------------------------------

fn pen(number: u32, points: usize) -> Input {
    let stroke = Stroke::Pen(vec![Point { x: 1, y: 2 }; points]);
    Input::Drawn { window: WINDOW, by: AGENT_SEAT, number, stroke }
}

#[test]
fn there_is_nothing_to_draw_on_until_something_is_shared() {
    let mut table = Table::live();
    assert_eq!(table.refused(1, pen(1, 1)), Refusal::NoPicture);
    table.publish(2, AGENT_SEAT, Medium::Screen);
    table.ok(3, pen(1, 1));
}

#[test]
fn a_stroke_grows_by_256_points_up_to_4096() {
    let mut table = Table::shared();
    assert_eq!(table.refused(0, pen(1, 0)), Refusal::TooLarge);
    assert_eq!(table.refused(0, pen(1, 257)), Refusal::TooLarge);
    for n in 0..16 {
        table.ok(n * 100, pen(1, 256));
    }
    assert_eq!(table.refused(5_000, pen(1, 1)), Refusal::TooLarge);
    let strokes: Vec<_> = table.windows.strokes(WINDOW).cloned().collect();
    assert!(matches!(&strokes[..], [Standing { stroke: Stroke::Pen(points), .. }] if points.len() == 4_096));
}

#[test]
fn two_hundred_strokes_stand_and_the_oldest_makes_room() {
    let mut table = Table::shared();
    for n in 1..=201 {
        table.ok(i64::from(n) * 100, pen(n, 1));
    }
    let numbers: Vec<_> = table.windows.strokes(WINDOW).map(|one| one.number).collect();
    assert_eq!((numbers.len(), numbers[0]), (200, 2));
}

#[test]
fn undo_takes_ones_own_newest_stroke_and_it_does_not_come_again() {
    let mut table = Table::shared();
    table.ok(0, pen(1, 1));
    table.ok(100, pen(2, 1));
    let theirs = Stroke::Box(Point { x: 0, y: 0 }, Point { x: 9, y: 9 });
    table.ok(200, Input::Drawn { window: WINDOW, by: CITIZEN_SEAT, number: 1, stroke: theirs });
    let change = InkChange::Undone { number: 2 };
    let (_, picture) = (0, table.windows.picture(WINDOW).unwrap().0);
    assert_eq!(
        table.ok(300, Input::Undone { window: WINDOW, by: AGENT_SEAT }),
        [Effect::InkChanged { window: WINDOW, picture, by: AGENT_SEAT, change }]
    );
    assert_eq!(table.refused(400, pen(2, 1)), Refusal::StaleStroke);
    assert_eq!(table.refused(500, pen(1, 1)), Refusal::StaleStroke);
    table.ok(600, Input::Undone { window: WINDOW, by: AGENT_SEAT });
    assert_eq!(table.ok(700, Input::Undone { window: WINDOW, by: AGENT_SEAT }), [], "nothing left of theirs");
    assert_eq!(table.windows.strokes(WINDOW).count(), 1);
    table.ok(800, Input::Cleared { window: WINDOW, by: AGENT_SEAT });
    assert_eq!(table.windows.strokes(WINDOW).count(), 0);
}

#[test]
fn sixty_a_second_and_120_at_once_is_no_flood() {
    let mut table = Table::shared();
    let point = |by| Input::Pointed { window: WINDOW, by, at: Point { x: 1, y: 1 } };
    for _ in 0..120 {
        table.ok(0, point(AGENT_SEAT));
    }
    assert_eq!(table.refused(0, point(AGENT_SEAT)), Refusal::TooFast);
    assert_eq!(table.refused(16, point(AGENT_SEAT)), Refusal::TooFast);
    table.ok(17, point(AGENT_SEAT));
    table.ok(17, point(CITIZEN_SEAT));
    // An hour's rest saves up no more than 120.
    for _ in 0..120 {
        table.ok(3_600_000, point(AGENT_SEAT));
    }
    assert_eq!(table.refused(3_600_000, point(AGENT_SEAT)), Refusal::TooFast);
}

#[test]
fn ink_belongs_to_the_picture_that_it_was_drawn_on() {
    let mut table = Table::shared();
    table.ok(0, pen(1, 1));
    let (first, _) = table.windows.picture(WINDOW).unwrap();
    let freeze = |is_frozen| Input::Frozen { window: WINDOW, by: AGENT_SEAT, is_frozen };
    let held = Effect::PictureChanged { window: WINDOW, picture: first, is_frozen: true };
    assert_eq!(table.ok(100, freeze(true)), [held]);
    assert_eq!(table.windows.strokes(WINDOW).count(), 1, "what is drawn stays on what is held");
    assert_eq!(table.ok(150, freeze(true)), []);
    let goes_on = Effect::PictureChanged { window: WINDOW, picture: first + 1, is_frozen: false };
    assert_eq!(table.ok(200, freeze(false)), [goes_on]);
    assert_eq!(table.windows.strokes(WINDOW).count(), 0);
    table.ok(300, pen(2, 1));
    table.ok(400, Input::Published { window: WINDOW, by: CITIZEN_SEAT, medium: Medium::Screen, is_on: false });
    assert_eq!(table.windows.strokes(WINDOW).count(), 0);
}

#[test]
fn ink_is_still_there_for_who_comes_back() {
    let mut table = Table::shared();
    table.ok(0, pen(1, 3));
    table.ok(1_000, Input::ConnectionLost { window: WINDOW, connection: Connection(2) });
    table.sit(10_000, HER, Seat::Agent, ParticipantId::new(55), 12);
    assert_eq!(table.windows.strokes(WINDOW).map(|one| one.by).collect::<Vec<_>>(), [AGENT_SEAT]);
    table.ok(10_001, pen(1, 3));
}

#[test]
fn thirty_pictures_of_a_window_go_into_the_thread() {
    let mut table = Table::shared();
    let take =
        |n: i64| Input::SnapshotTaken { window: WINDOW, by: AGENT_SEAT, file: FileId::new(n.unsigned_abs().into()) };
    for n in 0..30 {
        assert!(matches!(table.ok(n * 100, take(n))[..], [Effect::SnapshotKept { .. }]));
    }
    assert_eq!(table.refused(10_000, take(31)), Refusal::TooMany);
}

// --- co-browse ---------------------------------------------------------------------------------------------------

fn on_step(step: &str) -> Input {
    let context = FormContext {
        item: Some("residence-permit".to_owned()),
        step: step.to_owned(),
        field: Some(FieldRef("address".to_owned())),
        error: None,
    };
    Input::FormSeen { window: WINDOW, by: CITIZEN_SEAT, context }
}

fn propose() -> Input {
    let field = FieldRef("address".to_owned());
    Input::Proposed { window: WINDOW, by: AGENT_SEAT, field, kind: FieldKind::Text }
}

#[test]
fn a_proposed_value_is_the_citizens_to_take() {
    let mut table = Table::shared();
    table.ok(0, on_step("1"));
    let field = FieldRef("address".to_owned());
    let proposed = Effect::Proposed { window: WINDOW, by: AGENT_SEAT, proposal: 1, field };
    assert_eq!(table.ok(1, propose()), [proposed]);
    let answer = |proposal, accepts| Input::ProposalAnswered { window: WINDOW, by: CITIZEN_SEAT, proposal, accepts };
    let over = |because| Effect::ProposalEnded { window: WINDOW, proposal: 1, because };
    assert_eq!(table.ok(2, answer(1, true)), [over(ProposalEndedBecause::Accepted)]);
    assert_eq!(table.refused(3, answer(1, true)), Refusal::ProposalGone(1));
    table.ok(4, propose());
    table.ok(5, answer(2, false));
}

#[test]
fn a_proposal_stands_for_2_minutes_or_until_the_page_changes() {
    let mut table = Table::shared();
    table.ok(0, on_step("1"));
    table.ok(1_000, propose());
    assert_eq!(table.tick(120_999), []);
    let over = |proposal, because| Effect::ProposalEnded { window: WINDOW, proposal, because };
    assert_eq!(table.tick(121_000), [over(1, ProposalEndedBecause::Expired)]);
    table.ok(122_000, propose());
    assert!(!table.ok(123_000, on_step("1")).contains(&over(2, ProposalEndedBecause::PageChanged)));
    assert_eq!(table.ok(124_000, on_step("2"))[0], over(2, ProposalEndedBecause::PageChanged));
}

#[test]
fn ten_proposals_stand_at_once() {
    let mut table = Table::shared();
    for n in 0..10 {
        table.ok(n * 200, propose());
    }
    assert_eq!(table.refused(5_000, propose()), Refusal::TooMany);
}

#[test]
fn names_have_128_characters_at_most_and_ten_hints_a_second_are_enough() {
    let mut table = Table::shared();
    let point_at = |length: usize| {
        let field = FieldRef("办".repeat(length));
        Input::Highlighted { window: WINDOW, by: AGENT_SEAT, field }
    };
    assert_eq!(table.refused(0, point_at(0)), Refusal::TooLarge);
    assert_eq!(table.refused(1_000, point_at(129)), Refusal::TooLarge);
    table.ok(2_000, point_at(128));
    let long = "办".repeat(129);
    let seen = |context| Input::FormSeen { window: WINDOW, by: CITIZEN_SEAT, context };
    for context in [
        FormContext { item: Some(long.clone()), ..FormContext::default() },
        FormContext { step: long.clone(), ..FormContext::default() },
        FormContext { field: Some(FieldRef(long.clone())), ..FormContext::default() },
        FormContext { error: Some(long), ..FormContext::default() },
    ] {
        assert_eq!(table.refused(3_000, seen(context)), Refusal::TooLarge);
    }
    for _ in 0..20 {
        table.ok(10_000, point_at(1));
    }
    assert_eq!(table.refused(10_000, point_at(1)), Refusal::TooFast);
    assert_eq!(table.refused(10_099, point_at(1)), Refusal::TooFast);
    table.ok(10_100, point_at(1));
}

#[test]
fn nobody_points_into_a_page_that_is_not_seen() {
    let mut table = Table::live();
    assert_eq!(table.refused(0, propose()), Refusal::NotBrowsing);
    assert_eq!(table.refused(0, on_step("1")), Refusal::NotBrowsing);
    assert_eq!(table.windows.form(WINDOW), None);
}

// --- limits, restart ---------------------------------------------------------------------------------------------

#[test]
fn a_full_node_agrees_to_no_more_windows_until_one_ends() {
    let mut table = Table::with(Settings { most_live: Some(1), ..Settings::default() });
    table.ask(0, HER);
    table.consent(0, Purpose::Window);
    let (window, conversation, citizen) = (WindowId::new(50), ConversationId::new(51), CitizenId::new(52));
    let (origin, by) = (Origin::Kiosk, Person::Citizen(citizen));
    table.ok(1, Input::Asked { window, conversation, origin, by, citizen: Some(citizen), agent: AGENT });
    table.ok(1, Input::Consented { window, by, purpose: Purpose::Window, text: text(1) });
    let yes = Input::Answered { window, by: HER, accepts: true };
    assert_eq!(table.refused(2, yes.clone()), Refusal::Full);
    table.ok(3, Input::Cancelled { window: WINDOW, by: HER });
    table.ok(4, yes);
    assert_eq!(table.windows.running(), 1);
    // The other way round: the citizen agrees last.
    table.ask(5, HER);
    let agree = Input::Consented { window: WINDOW, by: ME, purpose: Purpose::Window, text: text(1) };
    assert_eq!(table.refused(6, agree), Refusal::Full);
}

#[test]
fn a_node_that_drains_keeps_its_windows_and_takes_no_new_ones() {
    let mut table = Table::live();
    table.ok(1, Input::Draining);
    let (window, conversation) = (WindowId::new(50), ConversationId::new(51));
    let origin = Origin::Hall;
    let input = Input::Asked { window, conversation, origin, by: HER, citizen: Some(CITIZEN), agent: AGENT };
    assert_eq!(table.refused(2, input), Refusal::Draining);
    table.publish(3, CITIZEN_SEAT, Medium::Camera);
}

#[test]
fn after_a_restart_everybody_finds_their_seat_again() {
    let mut table = Table::shared();
    table.publish(1, CITIZEN_SEAT, Medium::Camera);
    let kept = table.windows.kept(WINDOW).unwrap();
    let mut table = Table::new();
    table.ok(10_000, Input::Restored { window: WINDOW, kept: kept.clone() });
    assert_eq!(table.windows.kept(WINDOW), Some(kept));
    table.sit(29_999, ME, Seat::Citizen, ParticipantId::new(55), 21);
    assert_eq!(table.on_seat(Seat::Citizen).unwrap().participant, CITIZEN_SEAT);
    assert_eq!(table.on_seat(Seat::Citizen).unwrap().media, [], "what was shown is to be shown again");
    table.tick(30_000);
    assert_eq!(table.on_seat(Seat::Agent), None, "who did not come within 20 s");
    table.publish(30_001, CITIZEN_SEAT, Medium::Screen);
    assert_eq!(ended(&table.tick(70_000)), Some((EndedBecause::StaffLost, at(70_000))));
}
