//! Seeded random people in windows, with faults, against a shadow model that believes only the effects. A failure names its
//! seed. The same suite runs over deliberately broken windows and must catch each of them.
//!
//! The laws, after every single input:
//! - a window stands where the effects say; none stands longer than its rule allows;
//! - nobody sits, and nothing flows, before the citizen's consent and the agent's yes; nobody sits twice;
//! - a screen or a page is seen only while the consent to it holds, one screen at a time, no voice in a call;
//! - who comes back within 20 s is the same participant, who comes later is another one, and the end of a connection that
//!   was replaced means nothing;
//! - a code makes one person the citizen;
//! - what is drawn is there, and only on the picture that it was drawn on;
//! - nobody but the citizen binds the citizen;
//! - no more windows run than the limit says; the next deadline lies ahead.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{AgentId, CitizenId, FileId};

const STEPS: u32 = 2_000;
const SEEDS: u64 = 60;
const CASES: u64 = 5;
const MOST: usize = 3;

/// SplitMix64: small, seeded, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn half(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let sides = u64::try_from(from.len()).unwrap();
        from[usize::try_from(self.roll(sides)).unwrap()].clone()
    }
}

#[derive(Debug, Clone)]
struct Sitting {
    participant: ParticipantId,
    who: Person,
    connection: Option<Connection>,
    /// The seat is kept until then.
    until: Option<Timestamp>,
    media: BTreeSet<Medium>,
}

#[derive(Debug, Clone)]
struct Shadow {
    conversation: ConversationId,
    state: State,
    agreed: bool,
    consents: BTreeSet<Purpose>,
    citizens_known: u32,
    seats: BTreeMap<Seat, Sitting>,
    alone_since: Option<Timestamp>,
    is_in_call: bool,
    picture: u32,
    is_page_seen: bool,
    strokes: Vec<(ParticipantId, u32)>,
}

impl Shadow {
    fn is_running(&self) -> bool {
        matches!(self.state, State::Consented { .. } | State::Live { .. })
    }

    fn seat_of(&self, participant: ParticipantId) -> Result<Seat, String> {
        let found = self.seats.iter().find(|(_, one)| one.participant == participant);
        found.map(|(seat, _)| *seat).ok_or_else(|| format!("{participant} does not sit"))
    }

    fn is_complete(&self) -> bool {
        let is_here = |seat| self.seats.get(&seat).is_some_and(|one: &Sitting| one.connection.is_some());
        is_here(Seat::Citizen) && (is_here(Seat::Agent) || is_here(Seat::SecondClerk))
    }
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition { return Err(format!($($message)+)); }
    };
}

struct Simulation {
    windows: Windows,
    fault: Option<Fault>,
    now: Timestamp,
    dice: Dice,
    next: u64,
    shadow: BTreeMap<WindowId, Shadow>,
    /// Connections that somebody once had.
    connections: Vec<(WindowId, Connection)>,
}

fn settings() -> Settings {
    Settings { most_live: Some(MOST), ..Settings::default() }
}

fn citizen(case: u64) -> CitizenId {
    CitizenId::new(u128::from(case) + 1_000)
}

fn text() -> ConsentText {
    ConsentText { id: "t".to_owned(), version: 1 }
}

impl Simulation {
    fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut simulation = Self {
            windows: Windows::new(settings()),
            fault,
            now: Timestamp(1_000_000),
            dice: Dice(seed),
            next: 0,
            shadow: BTreeMap::new(),
            connections: Vec::new(),
        };
        simulation.start();
        simulation
    }

    fn start(&mut self) {
        self.windows = Windows::new(settings());
        self.windows.fault = self.fault;
        for purpose in Purpose::ALL {
            let input = Input::TextPublished { purpose: *purpose, text: text() };
            self.windows.handle(self.now, input, &mut Vec::new()).unwrap();
        }
    }

    fn run(seed: u64, fault: Option<Fault>) -> Verdict {
        let mut simulation = Self::new(seed, fault);
        for step in 0..STEPS {
            simulation.step().map_err(|law| format!("seed {seed}, step {step}: {law}"))?;
        }
        Ok(())
    }

    fn step(&mut self) -> Verdict {
        let span = match self.dice.roll(40) {
            0 => 700_000,
            1..=3 => 30_000,
            4..=14 => 4_000,
            _ => 300,
        };
        self.now = self.now + i64::try_from(self.dice.roll(span)).unwrap();
        if self.dice.roll(300) == 0 {
            return self.restart();
        }
        let input = self.any_input();
        self.feed(&input).and_then(|()| self.check()).map_err(|law| format!("after {input:?}: {law}"))
    }

    /// A new core from what the rows say. What was due while it was down is due now.
    fn restart(&mut self) -> Verdict {
        self.feed(&Input::Tick)?;
        let rows: Vec<_> = self.shadow.keys().map(|id| (*id, self.windows.kept(*id).unwrap())).collect();
        self.start();
        for shadow in self.shadow.values_mut() {
            for one in shadow.seats.values_mut() {
                (one.connection, one.until) = (None, Some(self.now + 20_000));
                one.media.clear();
            }
            shadow.alone_since = matches!(shadow.state, State::Live { .. }).then_some(self.now);
            if let State::Consented { .. } = shadow.state {
                shadow.state = State::Consented { until: self.now + 60_000 };
            }
            (shadow.picture, shadow.is_page_seen) = (0, false);
            shadow.strokes.clear();
        }
        for (window, kept) in rows {
            self.feed(&Input::Restored { window, kept })?;
        }
        self.check()
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn any_agent(&mut self) -> AgentId {
        AgentId::new(u128::from(self.dice.roll(3)) + 1)
    }

    fn any_person(&mut self, case: u64) -> Person {
        if self.dice.half() { Person::Citizen(citizen(case)) } else { Person::Staff(self.any_agent()) }
    }

    fn any_input(&mut self) -> Input {
        let case = self.dice.roll(CASES);
        let conversation = ConversationId::new(u128::from(case) + 1);
        let Some(window) = self.windows.of(conversation) else { return self.opening(case, conversation) };
        let shadow = self.shadow[&window].clone();
        match self.dice.roll(10) {
            0 => self.before(window, case),
            1 => self.change_of_case(conversation),
            _ if shadow.seats.is_empty() || self.dice.roll(5) == 0 => self.coming(window, case, &shadow),
            _ => self.doing(window, &shadow),
        }
    }

    fn opening(&mut self, case: u64, conversation: ConversationId) -> Input {
        let window = WindowId::new(u128::from(self.fresh()));
        let agent = self.any_agent();
        let (me, by) = (citizen(case), Person::Staff(agent));
        match self.dice.roll(4) {
            0 => {
                let at = self.now + i64::try_from(self.dice.roll(900_000)).unwrap() - 10_000;
                Input::Booked { window, conversation, by, citizen: me, agent, at }
            }
            1 => Input::Asked { window, conversation, origin: Origin::Code, by, citizen: None, agent },
            2 => {
                let by = Person::Citizen(me);
                Input::Asked { window, conversation, origin: Origin::Kiosk, by, citizen: Some(me), agent }
            }
            _ => Input::Asked { window, conversation, origin: Origin::Conversation, by, citizen: Some(me), agent },
        }
    }

    /// What leads to a window; also what comes too late or from somebody else.
    fn before(&mut self, window: WindowId, case: u64) -> Input {
        let by = self.any_person(case);
        let purpose = self.dice.pick(Purpose::ALL);
        match self.dice.roll(12) {
            0 => Input::Answered { window, by, accepts: false },
            1 => Input::Cancelled { window, by },
            2 => Input::ConsentWithdrawn { window, by: Person::Citizen(citizen(case)), purpose },
            3..=4 => {
                let code = Code::new(u32::try_from(self.dice.roll(8)).unwrap()).unwrap();
                Input::CodeMade { window, by, code }
            }
            5..=6 => {
                let code = Code::new(u32::try_from(self.dice.roll(9)).unwrap()).unwrap();
                let source = Source(u128::from(self.dice.roll(20)));
                Input::CodeEntered { code, source, citizen: citizen(case) }
            }
            _ => Input::Consented { window, by: Person::Citizen(citizen(case)), purpose, text: text() },
        }
    }

    fn change_of_case(&mut self, conversation: ConversationId) -> Input {
        match self.dice.roll(12) {
            0 => Input::ConversationClosed { conversation },
            1..=3 => Input::HandedOver { conversation, agent: self.any_agent() },
            4..=6 => Input::CallChanged { conversation, is_in_call: self.dice.half() },
            _ => Input::Tick,
        }
    }

    fn coming(&mut self, window: WindowId, case: u64, shadow: &Shadow) -> Input {
        let kept = self.windows.kept(window).unwrap();
        if !shadow.is_running() {
            let by = Person::Staff(kept.agent);
            return match self.dice.roll(4) {
                0..=1 => Input::Answered { window, by, accepts: true },
                _ => {
                    let (by, purpose) = (Person::Citizen(citizen(case)), Purpose::Window);
                    Input::Consented { window, by, purpose, text: text() }
                }
            };
        }
        if self.dice.roll(8) == 0 {
            return Input::Invited { window, by: Person::Staff(kept.agent), who: self.any_agent() };
        }
        let seat = self.dice.pick(Seat::ALL);
        let who = match seat {
            Seat::Citizen => Person::Citizen(kept.citizen.unwrap_or(citizen(case))),
            Seat::Agent => Person::Staff(kept.agent),
            Seat::SecondClerk => Person::Staff(kept.invited.unwrap_or(AgentId::new(9))),
            Seat::Supervisor => Person::Staff(self.any_agent()),
        };
        let participant = ParticipantId::new(u128::from(self.fresh()));
        let connection = Connection(self.fresh());
        self.connections.push((window, connection));
        Input::Joined { window, who, seat, participant, connection, supervises: self.dice.half() }
    }

    fn doing(&mut self, window: WindowId, shadow: &Shadow) -> Input {
        let sitting: Vec<_> = shadow.seats.values().cloned().collect();
        let by = self.dice.pick(&sitting).participant;
        let (number, length) = (u32::try_from(self.dice.roll(6)).unwrap(), usize::try_from(self.dice.roll(3)).unwrap());
        let point = Point { x: 1, y: 2 };
        let field = FieldRef("f".to_owned());
        let kind = self.dice.pick(FieldKind::ALL);
        match self.dice.roll(30) {
            0 => Input::Ended { window, by },
            1 => Input::Left { window, participant: by },
            2 => Input::Removed { window, by, participant: self.dice.pick(&sitting).participant },
            3..=5 => {
                // Now and then one that was replaced long ago.
                let known: Vec<_> = self.connections.iter().filter(|(other, _)| *other == window).collect();
                let connection = known.get(known.len().saturating_sub(1 + length)).map_or(Connection(0), |one| one.1);
                Input::ConnectionLost { window, connection }
            }
            6..=12 => {
                let (medium, is_on) = (self.dice.pick(Medium::ALL), self.dice.roll(4) > 0);
                Input::Published { window, by, medium, is_on }
            }
            13 => Input::Pointed { window, by, at: point },
            14..=18 => {
                let is_pen = self.dice.half();
                let stroke = if is_pen { Stroke::Pen(vec![point; length]) } else { Stroke::Box(point, point) };
                Input::Drawn { window, by, number, stroke }
            }
            19 => Input::Undone { window, by },
            20 => Input::Cleared { window, by },
            21 => Input::Frozen { window, by, is_frozen: self.dice.half() },
            22 => Input::SnapshotTaken { window, by, file: FileId::new(1) },
            23..=24 => Input::BrowseChanged { window, by, is_on: self.dice.roll(3) > 0 },
            25 => {
                let context = FormContext { step: number.to_string(), ..FormContext::default() };
                Input::FormSeen { window, by, context }
            }
            26 => Input::Highlighted { window, by, field },
            27 => Input::Proposed { window, by, field, kind },
            28 => Input::ProposalAnswered { window, by, proposal: number, accepts: self.dice.half() },
            _ => Input::Bound { window, by, kind },
        }
    }

    /// A refusal is fine (stale commands are part of the traffic), wrong effects are not.
    fn feed(&mut self, input: &Input) -> Verdict {
        let mut out = Vec::new();
        let result = self.windows.handle(self.now, input.clone(), &mut out);
        for effect in &out {
            self.believe(effect, input)?;
        }
        // What no effect says, the input itself does.
        if let (Input::CallChanged { conversation, is_in_call }, true) = (input, result.is_ok())
            && let Some(shadow) = self.shadow.values_mut().find(|one| one.conversation == *conversation)
        {
            shadow.is_in_call = *is_in_call;
        }
        // What became of those who are there is known once everything is told.
        for shadow in self.shadow.values_mut() {
            let is_live = matches!(shadow.state, State::Live { .. });
            let since = shadow.alone_since.unwrap_or(self.now);
            shadow.alone_since = (is_live && !shadow.is_complete()).then_some(since);
        }
        Ok(())
    }

    fn known(&mut self, window: WindowId) -> Result<&mut Shadow, String> {
        self.shadow.get_mut(&window).ok_or_else(|| format!("an effect of {window}, which is not open"))
    }

    fn believe(&mut self, effect: &Effect, input: &Input) -> Verdict {
        let now = self.now;
        match effect {
            Effect::Changed { window, state } => {
                if let Some(shadow) = self.shadow.get_mut(window) {
                    shadow.state = *state;
                    let has_consent = shadow.consents.contains(&Purpose::Window);
                    ensure!(!shadow.is_running() || (shadow.agreed && has_consent), "{window} runs without a yes");
                    return Ok(());
                }
                let (Input::Asked { conversation, .. } | Input::Booked { conversation, .. }) = *input else {
                    return Err(format!("{window} out of nothing"));
                };
                let shadow = Shadow {
                    conversation,
                    state: *state,
                    agreed: false,
                    consents: BTreeSet::new(),
                    citizens_known: 0,
                    seats: BTreeMap::new(),
                    alone_since: None,
                    is_in_call: false,
                    picture: 0,
                    is_page_seen: false,
                    strokes: Vec::new(),
                };
                self.shadow.insert(*window, shadow);
            }
            Effect::Ended { window, at, .. } => {
                let shadow = self.known(*window)?;
                ensure!(*at <= now, "{window} ends in the future");
                ensure!(shadow.seats.is_empty(), "{window} ends and somebody sits");
                self.shadow.remove(window);
            }
            Effect::AgentAgreed { window, .. } => self.known(*window)?.agreed = true,
            Effect::ConsentGiven { window, consent } => {
                self.known(*window)?.consents.insert(consent.purpose);
            }
            Effect::ConsentEnded { window, purpose, .. } => {
                self.known(*window)?.consents.remove(purpose);
            }
            Effect::CodeOpened { .. } | Effect::CodeEnded { .. } | Effect::InvitationChanged { .. } => {}
            Effect::CitizenKnown { window, .. } => {
                let shadow = self.known(*window)?;
                shadow.citizens_known += 1;
                ensure!(shadow.citizens_known == 1, "{window}: a code was good twice");
            }
            Effect::AgentChanged { window, .. } => {
                let shadow = self.known(*window)?;
                // Nobody has agreed for the new one; what runs goes on.
                shadow.agreed &= shadow.is_running();
            }
            Effect::Seated { window, participant, seat, who, connection, is_resumed } => {
                let shadow = self.known(*window)?;
                ensure!(shadow.is_running(), "{who:?} sits before everybody has agreed");
                let old = shadow.seats.get(seat).cloned();
                ensure!(old.is_some() == *is_resumed, "{participant}: come back or not?");
                if let Some(old) = &old {
                    ensure!(old.who == *who, "{who:?} sits on somebody else's seat");
                    ensure!(old.participant == *participant, "{participant} was {} before", old.participant);
                }
                let media = old.map(|old| old.media).unwrap_or_default();
                let (connection, until) = (Some(*connection), None);
                let sitting = Sitting { participant: *participant, who: *who, connection, until, media };
                shadow.seats.insert(*seat, sitting);
            }
            Effect::ConnectionReplaced { .. } => {}
            Effect::Suspended { window, participant, until } => {
                let Input::ConnectionLost { connection, .. } = input else {
                    return Err(format!("{participant} suspended without a reason"));
                };
                let shadow = self.known(*window)?;
                let seat = shadow.seat_of(*participant)?;
                let one = shadow.seats.get_mut(&seat).ok_or("nobody")?;
                ensure!(one.connection == Some(*connection), "{participant} suspended by an old connection");
                (one.connection, one.until) = (None, Some(*until));
            }
            Effect::Unseated { window, participant, because } => {
                let shadow = self.known(*window)?;
                let seat = shadow.seat_of(*participant)?;
                let one = shadow.seats.remove(&seat).ok_or("nobody")?;
                let is_lost = one.until.is_some_and(|until| until <= now);
                ensure!((*because == UnseatedBecause::Lost) <= is_lost, "{participant} lost before their time");
                ensure!(one.media.is_empty(), "{participant} is gone and still shows {:?}", one.media);
            }
            Effect::MediaChanged { window, participant, medium, is_on } => {
                let shadow = self.known(*window)?;
                let seat = shadow.seat_of(*participant)?;
                let one = shadow.seats.get_mut(&seat).ok_or("nobody")?;
                let changes = if *is_on { one.media.insert(*medium) } else { one.media.remove(medium) };
                ensure!(changes, "{participant} {medium}: nothing has changed");
            }
            Effect::InkChanged { window, picture, by, change } => {
                let shadow = self.known(*window)?;
                ensure!(*picture == shadow.picture, "ink on picture {picture}, there is {}", shadow.picture);
                match change {
                    InkChange::Pointed(_) => {}
                    InkChange::Drawn { number, .. } => {
                        if !shadow.strokes.contains(&(*by, *number)) {
                            shadow.strokes.push((*by, *number));
                        }
                    }
                    InkChange::Undone { number } => {
                        let newest = shadow.strokes.iter().rposition(|(author, _)| author == by);
                        let gone = newest.map(|position| shadow.strokes.remove(position));
                        ensure!(gone == Some((*by, *number)), "{by} took {number} back, not the newest");
                    }
                    InkChange::Cleared => shadow.strokes.clear(),
                }
            }
            Effect::PictureChanged { window, picture, .. } => {
                let shadow = self.known(*window)?;
                if *picture != shadow.picture {
                    ensure!(*picture > shadow.picture, "pictures are counted upwards");
                    shadow.picture = *picture;
                    shadow.strokes.clear();
                }
            }
            Effect::BrowseChanged { window, is_on } => self.known(*window)?.is_page_seen = *is_on,
            Effect::SnapshotKept { .. } | Effect::FormChanged { .. } | Effect::ProposalEnded { .. } => {}
            Effect::Highlighted { window, by, .. } => {
                let seat = self.known(*window)?.seat_of(*by)?;
                ensure!(matches!(seat, Seat::Agent | Seat::SecondClerk), "{seat} points at fields");
            }
            Effect::Proposed { window, by, .. } => {
                let seat = self.known(*window)?.seat_of(*by)?;
                let Input::Proposed { kind, .. } = input else { return Err("a proposal of nobody".to_owned()) };
                ensure!(matches!(seat, Seat::Agent | Seat::SecondClerk), "{seat} proposes");
                ensure!(matches!(kind, FieldKind::Text | FieldKind::Choice), "a proposal for {kind}");
            }
            Effect::BindingAllowed { window, .. } => {
                let Input::Bound { by, .. } = input else { return Err("bound by nobody".to_owned()) };
                let seat = self.known(*window)?.seat_of(*by)?;
                ensure!(seat == Seat::Citizen, "{seat} binds the citizen");
            }
        }
        Ok(())
    }

    fn check(&self) -> Verdict {
        let now = self.now;
        for (window, shadow) in &self.shadow {
            ensure!(self.windows.state(*window) == Some(shadow.state), "{window} is not {:?}", shadow.state);
            let ends = match shadow.state {
                State::Booked { at } => Some(at - 300_000),
                State::Asked { until } | State::Consented { until } => Some(until),
                State::Live { .. } => shadow.alone_since.map(|since| since + 60_000),
            };
            ensure!(ends.is_none_or(|at| at > now), "{window} stands {:?} after its time", shadow.state);
            let screens = shadow.seats.values().filter(|one| one.media.contains(&Medium::Screen)).count();
            ensure!(screens <= 1, "{window}: {screens} screens");
            for (seat, one) in &shadow.seats {
                ensure!(shadow.is_running(), "{window}: {seat} is taken in {:?}", shadow.state);
                ensure!(one.until.is_none_or(|until| until > now), "{seat} kept for who does not come back");
                let voice = one.media.contains(&Medium::Voice);
                ensure!(!(voice && shadow.is_in_call), "{window}: a voice beside the call");
                ensure!(*seat != Seat::Supervisor || one.media.is_empty(), "a supervisor shows something");
                let times = shadow.seats.values().filter(|other| other.who == one.who).count();
                ensure!(times == 1, "{:?} sits {times} times", one.who);
            }
            let citizen = shadow.seats.get(&Seat::Citizen);
            let shows = citizen.is_some_and(|one| one.media.contains(&Medium::Screen));
            ensure!(!shows || shadow.consents.contains(&Purpose::Screen), "a screen without consent");
            ensure!(!shadow.is_page_seen || shadow.consents.contains(&Purpose::CoBrowse), "a page without consent");
            let strokes: Vec<_> = self.windows.strokes(*window).map(|one| (one.by, one.number)).collect();
            ensure!(strokes == shadow.strokes, "{window}: strokes {strokes:?}, told {:?}", shadow.strokes);
            ensure!(strokes.is_empty() || shows || screens == 1 || shadow.is_page_seen, "ink on nothing");
        }
        let running = self.shadow.values().filter(|shadow| shadow.is_running()).count();
        ensure!(running <= MOST, "{running} windows run, {MOST} may");
        ensure!(self.windows.next_deadline().is_none_or(|at| at > now), "the next deadline lies behind");
        Ok(())
    }
}

#[test]
fn the_laws_hold_for_random_people_with_faults() {
    for seed in 0..SEEDS {
        Simulation::run(seed, None).unwrap();
    }
}

/// The random people do what people do: otherwise the laws would hold for want of anything happening.
#[test]
fn random_people_get_everywhere() {
    let mut seen = BTreeSet::new();
    for seed in 0..10 {
        let mut simulation = Simulation::new(seed, None);
        for _ in 0..STEPS {
            simulation.step().unwrap();
            for shadow in simulation.shadow.values() {
                seen.insert(match shadow.state {
                    State::Booked { .. } => "booked",
                    State::Asked { .. } => "asked",
                    State::Consented { .. } => "consented",
                    State::Live { .. } => "live",
                });
                seen.extend((shadow.seats.len() == 4).then_some("full"));
                seen.extend((shadow.citizens_known == 1).then_some("by code"));
                seen.extend((!shadow.strokes.is_empty()).then_some("ink"));
                seen.extend(shadow.is_page_seen.then_some("page"));
                seen.extend(shadow.is_in_call.then_some("call"));
            }
        }
    }
    let all = ["asked", "booked", "by code", "call", "consented", "full", "ink", "live", "page"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

/// Caught by a law of the simulation, or by the core's own check of its invariants (a panic).
fn is_caught(fault: Fault) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught =
        (0..SEEDS).any(|seed| !matches!(std::panic::catch_unwind(|| Simulation::run(seed, Some(fault))), Ok(Ok(()))));
    std::panic::set_hook(hook);
    caught
}

#[test]
fn windows_that_take_who_comes_back_for_somebody_else_are_caught() {
    assert!(is_caught(Fault::NewParticipant));
}

#[test]
fn windows_that_unseat_by_an_old_connection_are_caught() {
    assert!(is_caught(Fault::StaleConnection));
}

#[test]
fn windows_that_go_on_without_consent_are_caught() {
    assert!(is_caught(Fault::ForgottenConsent));
}

#[test]
fn windows_whose_codes_are_good_twice_are_caught() {
    assert!(is_caught(Fault::CodeTwice));
}

#[test]
fn windows_that_stand_for_ever_are_caught() {
    assert!(is_caught(Fault::ForgottenDeadline));
}

#[test]
fn windows_without_a_limit_are_caught() {
    assert!(is_caught(Fault::NoLimit));
}
