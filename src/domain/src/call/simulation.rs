//! Seeded random people and telephones in calls, with faults, against a shadow model that believes only the effects. A failure
//! names its seed. The same suite runs over deliberately broken calls and must catch each of them.
//!
//! The laws, after every single input:
//! - a leg begins by being rung or by arriving and ends once; none stands after the end of its call, none rings for longer
//!   than 20 s;
//! - an attempt has one final cause, a request one result, and both have one when their call is over;
//! - the caller hears nobody who is aside or on hold, nobody who whispers, nobody who was consulted and not put through;
//!   whom they hear hears them;
//! - only the caller's own going, a command, or somebody who hangs up ends a call; a failure never does;
//! - a caller is with somebody, or somebody is rung for them, or the router is asked, or they are told good-bye;
//! - nobody is rung who speaks elsewhere;
//! - no more calls than the limit says; the next deadline lies ahead;
//! - when everybody has hung up, nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::TeamId;

const SEQUENCES: u64 = 10_000;
const EVENTS: u32 = 40;
const LONG_SEEDS: u64 = 20;
const LONG_EVENTS: u32 = 2_000;
const MOST: usize = 3;
const RING: i64 = 20_000;

/// Operators, professionals and a supervisor.
const STAFF: u128 = 8;
const BOSS: AgentId = AgentId::new(STAFF);

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

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stand {
    Rung { at: Timestamp },
    Here,
}

#[derive(Debug, Clone)]
struct ShadowLeg {
    part: CallPart,
    party: Option<Party>,
    stand: Stand,
}

#[derive(Debug, Default)]
struct Shadow {
    legs: BTreeMap<u16, ShadowLeg>,
    /// With their causes.
    attempts: BTreeMap<u16, Option<Cause>>,
    requests: BTreeMap<u32, Option<RequestEnd>>,
    is_asked: bool,
    are_operators_closed: bool,
    /// Told good-bye.
    is_closing: bool,
    /// Who is rung now is to be consulted.
    consults: bool,
    /// Who was consulted and not put through.
    private: BTreeSet<u16>,
}

impl Shadow {
    fn with(&self, part: CallPart) -> Option<u16> {
        let is_here = |leg: &ShadowLeg| leg.part == part && leg.stand == Stand::Here;
        self.legs.iter().find(|(_, leg)| is_here(leg)).map(|(no, _)| *no)
    }
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition { return Err(format!($($message)+)); }
    };
}

struct Simulation {
    calls: Calls,
    fault: Option<Fault>,
    now: Timestamp,
    dice: Dice,
    next: u128,
    shadow: BTreeMap<CallId, Shadow>,
    /// Legs that once were.
    stale: Vec<LegId>,
    seen: BTreeSet<&'static str>,
}

fn settings() -> Settings {
    Settings { most_calls: Some(MOST), parallel_after: Some(15_000), most_at_once: 3, ..Settings::default() }
}

impl Simulation {
    fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut calls = Calls::new(settings());
        calls.fault = fault;
        Self {
            calls,
            fault,
            now: Timestamp(1_000_000),
            dice: Dice(seed),
            next: 0,
            shadow: BTreeMap::new(),
            stale: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    fn run(seed: u64, events: u32, fault: Option<Fault>) -> Verdict {
        let mut simulation = Self::new(seed, fault);
        for event in 0..events {
            simulation.step().map_err(|what| format!("seed {seed}, event {event}: {what}"))?;
        }
        simulation.everybody_hangs_up().map_err(|what| format!("seed {seed}, at the end: {what}"))
    }

    fn step(&mut self) -> Verdict {
        if self.dice.roll(400) == 0 {
            return self.restart();
        }
        let span = self.dice.pick(&[0, 0, 0, 0, 0, 1, 100, 500, 500, 1_000, 2_000, 5_000, 15_000, 25_000, 61_000]);
        self.now = self.now + span;
        let input = self.event();
        self.feed(input)?;
        self.check()
    }

    // --- what happens -----------------------------------------------------------------------------------------

    fn agent(&mut self) -> AgentId {
        AgentId::new(u128::from(self.dice.roll(8)) + 1)
    }

    fn party(&mut self) -> Party {
        if self.dice.half() {
            return Party::Agent(self.agent());
        }
        Party::Number(Number::parse(&format!("0211234{}", self.dice.roll(9))).unwrap())
    }

    fn plan(&mut self) -> Plan {
        let about = About { item: self.dice.half().then(|| "permit".to_owned()), department: "hrss".to_owned() };
        let order = self.dice.pick(Order::ALL);
        let candidates = (0..self.dice.roll(5)).map(|_| self.party()).collect();
        Plan { about, candidates, order }
    }

    fn call(&mut self) -> Option<CallId> {
        let calls: Vec<CallId> = self.calls.calls().collect();
        (!calls.is_empty()).then(|| self.dice.pick(&calls))
    }

    fn event(&mut self) -> Input {
        let Some(call) = self.call().filter(|_| self.dice.roll(12) > 0) else { return self.begin() };
        match self.dice.roll(20) {
            0..=3 if self.shadow[&call].is_asked => Input::OperatorFound { call, agent: self.agent() },
            0..=9 => self.leg_event(call),
            10..=17 => self.command(call),
            18 => {
                let conversation = ConversationId::new(u128::from(self.dice.roll(4)) + 500);
                let by = self.agent();
                match self.dice.roll(6) {
                    0 => Input::ConversationKnown { call, conversation },
                    1 => Input::RegistrationGone(by),
                    2 if self.dice.roll(8) == 0 => Input::OperatorsClosed { call },
                    3 if !self.stale.is_empty() => {
                        let leg = self.dice.pick(&self.stale.clone());
                        self.dice.pick(&[Input::Answered(leg), Input::HungUp(leg), Input::Failed(leg, Failure::Busy)])
                    }
                    _ => Input::WrappedUp { call, by, disposition: Disposition::Solved },
                }
            }
            _ => Input::Tick,
        }
    }

    fn begin(&mut self) -> Input {
        self.next += 1;
        let (call, team) = (CallId::new(self.next), TeamId(1));
        let conversation = self.dice.half().then(|| ConversationId::new(self.next + 1_000));
        if self.dice.roll(4) == 0 {
            let by = self.agent();
            return Input::Placed { call, origin: CallOrigin::CallMe, conversation, team, item: None, by };
        }
        let direct = (self.dice.roll(3) == 0).then(|| self.plan());
        let is_first = self.dice.half();
        Input::Arrived { call, origin: CallOrigin::Hotline, conversation, team, item: None, is_first, direct }
    }

    fn leg_event(&mut self, call: CallId) -> Input {
        let legs: Vec<(u16, ShadowLeg)> = self.shadow[&call].legs.clone().into_iter().collect();
        if legs.is_empty() {
            return Input::Tick;
        }
        let (no, one) = self.dice.pick(&legs);
        let leg = LegId { call, no };
        if self.shadow[&call].is_closing && self.dice.half() {
            return Input::Digit(leg, self.dice.pick(&['1', '5', '9']));
        }
        match (&one.stand, self.dice.roll(24)) {
            (Stand::Rung { .. }, 0..=15) => Input::Answered(leg),
            (Stand::Rung { .. }, 16..=19) => Input::Ringing(leg),
            (Stand::Rung { .. }, 20) => Input::HungUp(leg),
            (Stand::Rung { .. }, _) => Input::Failed(leg, self.dice.pick(Failure::ALL)),
            (Stand::Here, 0) => Input::HungUp(leg),
            (Stand::Here, 1) => Input::MediaLost(leg),
            (Stand::Here, 2) => Input::ConnectionLost(leg),
            (Stand::Here, 3..=4) => Input::Reattached(leg),
            (Stand::Here, 5) => Input::PeerHeld(leg, self.dice.half()),
            (Stand::Here, 6) => Input::Digit(leg, self.dice.pick(&['1', '5', '9'])),
            (Stand::Here, 7) => Input::PromptEnded(leg),
            (Stand::Here, 8) if self.dice.roll(4) == 0 => Input::Referred { leg, plan: self.plan() },
            (Stand::Here, _) => Input::Heard(leg),
        }
    }

    fn command(&mut self, call: CallId) -> Input {
        let shadow = &self.shadow[&call];
        let operator = shadow.with(CallPart::Operator).and_then(|no| shadow.legs[&no].party.as_ref()?.agent());
        // Mostly about third parties, and sometimes about nobody.
        let thirds = shadow.legs.iter().filter(|(_, one)| matches!(one.part, CallPart::Professional | CallPart::Guest));
        let thirds: Vec<u16> = thirds.map(|(no, _)| *no).collect();
        let legs: Vec<u16> = shadow.legs.keys().chain(&thirds).chain(&thirds).copied().chain([99]).collect();
        let leg = LegId { call, no: self.dice.pick(&legs) };
        let by = match self.dice.roll(8) {
            0..=4 => operator.unwrap_or(AgentId::new(1)),
            5..=6 => BOSS,
            _ => self.agent(),
        };
        let watches = by == BOSS && operator != Some(BOSS) && self.dice.roll(4) > 0;
        let command = match self.dice.roll(24) {
            _ if watches => Command::Supervise(self.dice.pick(Supervision::ALL)),
            0..=5 => Command::Request {
                plan: self.plan(),
                goal: self.dice.pick(&[Goal::Consult, Goal::Consult, Goal::Join, Goal::PutThrough]),
            },
            6 => Command::StopRequest,
            7 => Command::Merge,
            8 => Command::Swap,
            9..=10 => Command::Leave,
            11..=12 => Command::Return { takes_back: self.dice.half() },
            13 => Command::Hold(leg),
            14 => Command::Resume(leg),
            15 => Command::Mute { leg, is_muted: self.dice.half() },
            16 => Command::WhisperTo((self.dice.roll(4) > 0).then_some(leg)),
            17 => Command::Drop(leg),
            18 => Command::Dial { leg, digits: "1".to_owned() },
            19..=21 => Command::Supervise(self.dice.pick(Supervision::ALL)),
            22 => Command::TakeOver,
            _ if self.dice.roll(3) == 0 => Command::End,
            _ => Command::OpenWindow,
        };
        Input::Commanded { call, by, supervises: by == BOSS, command }
    }

    /// The node dies, and another one reads what was kept.
    fn restart(&mut self) -> Verdict {
        self.seen.insert("restart");
        let all: Vec<CallId> = self.calls.calls().collect();
        let kept: Vec<Kept> = all.into_iter().filter_map(|call| self.calls.kept(call)).collect();
        let wrap_ups: Vec<WrapUpRow> = self.calls.wrap_ups().cloned().collect();
        for shadow in self.shadow.values_mut() {
            // Telephones notice by themselves.
            shadow.legs.clear();
        }
        self.calls = Calls::new(settings());
        self.calls.fault = self.fault;
        for kept in kept {
            self.feed(Input::Restored(kept))?;
        }
        for row in wrap_ups {
            self.feed(Input::WrapUpRestored(row))?;
        }
        ensure!(self.shadow.is_empty(), "a call stands over a restart");
        self.check()
    }

    fn everybody_hangs_up(&mut self) -> Verdict {
        while let Some((call, no)) = self.any_leg() {
            let leg = LegId { call, no };
            match self.shadow[&call].legs[&no].stand {
                Stand::Rung { .. } => self.feed(Input::Failed(leg, Failure::Declined))?,
                Stand::Here => self.feed(Input::HungUp(leg))?,
            }
            self.check()?;
        }
        self.now = self.now + 60_000;
        self.feed(Input::Tick)?;
        ensure!(self.shadow.is_empty(), "calls are left: {:?}", self.shadow);
        ensure!(self.calls.next_deadline().is_none(), "something is waited for");
        ensure!((1..=STAFF).all(|agent| !self.calls.is_busy(AgentId::new(agent))), "somebody is busy");
        Ok(())
    }

    /// The caller's first, because without a caller there is no call.
    fn any_leg(&self) -> Option<(CallId, u16)> {
        let (call, shadow) = self.shadow.first_key_value()?;
        let no = shadow.with(CallPart::Caller).or_else(|| shadow.legs.keys().next().copied())?;
        Some((*call, no))
    }

    // --- what is believed -------------------------------------------------------------------------------------

    /// A refusal is fine (stale commands are part of the traffic), wrong effects are not.
    fn feed(&mut self, input: Input) -> Verdict {
        let mut out = Vec::new();
        let before = self.now;
        // What time brings is told apart from what the input does.
        self.calls.handle(before, Input::Tick, &mut out).map_err(|refusal| refusal.to_string())?;
        for effect in out.drain(..) {
            self.believe(&effect, &Input::Tick)?;
        }
        let is_taken = self.calls.handle(before, input.clone(), &mut out).is_ok();
        if is_taken {
            self.expect(&input);
        }
        for effect in out {
            self.believe(&effect, &input)?;
        }
        Ok(())
    }

    /// What no effect says, the input itself does.
    fn expect(&mut self, input: &Input) {
        match input {
            Input::OperatorFound { call, .. } => {
                if let Some(shadow) = self.shadow.get_mut(call) {
                    shadow.is_asked = false;
                }
            }
            Input::OperatorsClosed { call } => {
                if let Some(shadow) = self.shadow.get_mut(call) {
                    (shadow.is_asked, shadow.are_operators_closed) = (false, true);
                }
            }
            Input::HungUp(leg) | Input::Referred { leg, .. } => {
                if let Some(shadow) = self.shadow.get_mut(&leg.call)
                    && shadow.with(CallPart::Operator) == Some(leg.no)
                {
                    shadow.private.clear();
                }
            }
            Input::Commanded { call, command, .. } => {
                let Some(shadow) = self.shadow.get_mut(call) else { return };
                match command {
                    Command::Request { goal, .. } => {
                        shadow.consults = *goal == Goal::Consult;
                        if *goal == Goal::PutThrough {
                            shadow.private.clear();
                        }
                    }
                    Command::Merge | Command::Leave => shadow.private.clear(),
                    Command::Resume(leg) => {
                        // To the operator, wherever they are.
                        shadow.private.remove(&leg.no);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn known(&mut self, call: CallId) -> Result<&mut Shadow, String> {
        self.shadow.get_mut(&call).ok_or_else(|| format!("an effect of {call}, which is not open"))
    }

    fn believe_row(&mut self, row: &Row, input: &Input) -> Verdict {
        let now = self.now;
        match row {
            Row::Call(row) => {
                self.shadow.entry(row.call).or_default();
                ensure!(row.ended_at.is_some() == row.because.is_some(), "{}: over without a reason", row.call);
            }
            Row::Request(row) => {
                let shadow = self.known(row.call)?;
                let before = shadow.requests.insert(row.number, row.result);
                ensure!(before.is_none_or(|before| before.is_none()), "request {} is decided twice", row.number);
                if row.result == Some(RequestEnd::Reached)
                    && let Some(leg) = row.answered_by
                    && shadow.consults
                    && shadow.with(CallPart::Operator).is_some()
                {
                    shadow.private.insert(leg.no);
                    self.seen.insert("consult");
                }
            }
            Row::Attempt(row) => {
                ensure!(row.ended_at.is_none_or(|at| at <= now), "{} is decided in the future", row.leg);
                let shadow = self.known(row.leg.call)?;
                let before = shadow.attempts.insert(row.leg.no, row.cause);
                ensure!(before.is_none_or(|before| before.is_none()), "{} has two causes", row.leg);
                let is_rung = shadow.legs.get(&row.leg.no).is_some_and(|leg| leg.stand != Stand::Here);
                let own_end = match input {
                    Input::Failed(leg, _) | Input::HungUp(leg) => *leg == row.leg,
                    _ => false,
                };
                match row.cause {
                    None | Some(Cause::Answered) => {}
                    Some(cause) => {
                        ensure!(!is_rung || own_end, "{} rings on: {cause}", row.leg);
                        shadow.legs.remove(&row.leg.no);
                    }
                }
            }
            Row::Leg(row) => {
                let shadow = self.known(row.leg.call)?;
                let (no, part, party) = (row.leg.no, row.part, row.party.clone());
                match row.because {
                    None => {
                        shadow.legs.insert(no, ShadowLeg { part, party, stand: Stand::Here });
                    }
                    Some(because) => {
                        let was_here = shadow.legs.remove(&no).is_some();
                        ensure!(
                            was_here == (because == LegEnd::HungUp),
                            "{}: ended as {because}, not hung up",
                            row.leg
                        );
                        shadow.private.remove(&no);
                        shadow.consults &= part != CallPart::Operator;
                        self.stale.push(row.leg);
                    }
                }
            }
            Row::WrapUp(row) => ensure!(row.ended_at.is_none_or(|at| at <= now), "a wrap-up ends in the future"),
        }
        Ok(())
    }

    fn believe(&mut self, effect: &Effect, input: &Input) -> Verdict {
        let now = self.now;
        match effect {
            Effect::Save(row) => self.believe_row(row, input)?,
            Effect::Ring { leg, part, party } => {
                let agent = party.as_ref().and_then(Party::agent);
                let speaks = |shadow: &Shadow| shadow.legs.values().any(|one| one.party == *party);
                ensure!(agent.is_none() || !self.shadow.values().any(speaks), "{agent:?} is rung and speaks elsewhere");
                let one = ShadowLeg { part: *part, party: party.clone(), stand: Stand::Rung { at: now } };
                let before = self.known(leg.call)?.legs.insert(leg.no, one);
                ensure!(before.is_none(), "{leg} is rung twice");
            }
            Effect::Cancel { leg, because } => {
                let one = self.known(leg.call)?.legs.remove(&leg.no);
                ensure!(one.is_some_and(|one| one.stand != Stand::Here), "{leg} is cancelled and not rung");
                ensure!(*because != Cause::Answered, "{leg} is cancelled as answered");
                self.stale.push(*leg);
            }
            Effect::HangUp(leg) => {
                let shadow = self.shadow.get_mut(&leg.call);
                let one = shadow.and_then(|shadow| shadow.legs.remove(&leg.no));
                let is_stray = *input == Input::Answered(*leg);
                ensure!(one.is_some_and(|one| one.stand == Stand::Here) || is_stray, "{leg} is hung up and not there");
            }
            Effect::MixChanged { call, ears } => {
                let shadow = self.known(*call)?;
                for ear in ears {
                    let is_here = |leg: &LegId| shadow.legs.get(&leg.no).is_some_and(|one| one.stand == Stand::Here);
                    ensure!(is_here(&ear.leg), "{} hears and is not there", ear.leg);
                    ensure!(ear.hears.iter().all(is_here), "{} hears somebody who is not there", ear.leg);
                    ensure!(!ear.hears.contains(&ear.leg), "{} hears themselves", ear.leg);
                }
            }
            Effect::Play { leg, prompt } => {
                let shadow = self.known(leg.call)?;
                ensure!(shadow.legs.contains_key(&leg.no), "{leg} is told something and is not there");
                match prompt {
                    Prompt::Rate => {
                        let is_meant = is_an_end(input);
                        ensure!(is_meant, "{leg} is asked how it was after {input:?}");
                        shadow.is_closing = true;
                        self.seen.insert("rating");
                    }
                    Prompt::NoOperators => {
                        ensure!(shadow.are_operators_closed, "no operators: nobody has said so");
                        shadow.is_closing = true;
                        self.seen.insert("no operators");
                    }
                    Prompt::Recorded
                    | Prompt::JoinTone
                    | Prompt::LeaveTone
                    | Prompt::NobodyReached
                    | Prompt::OperatorComes
                    | Prompt::Thanks => {}
                }
            }
            Effect::AskOperator { call, .. } => {
                let shadow = self.known(*call)?;
                ensure!(!shadow.is_asked, "{call}: an operator is asked for twice");
                shadow.is_asked = true;
            }
            Effect::StopAsking(call) => {
                let shadow = self.known(*call)?;
                ensure!(shadow.is_asked, "{call}: nobody was asked for");
                shadow.is_asked = false;
            }
            Effect::Rated { call, .. } => {
                ensure!(self.known(*call)?.is_closing, "{call} is rated before its end");
                self.seen.insert("rated");
            }
            Effect::CallBackOwed { due_at, .. } => ensure!(*due_at == now + 86_400_000 || *input == Input::Tick, "due"),
            Effect::Accept(_)
            | Effect::Dial { .. }
            | Effect::CallBackSettled { .. }
            | Effect::CallBackNow { .. }
            | Effect::ThreadWanted { .. }
            | Effect::WindowWanted { .. }
            | Effect::InCallChanged { .. } => {}
            Effect::Ended { call, because, .. } => self.believe_end(*call, *because, input)?,
        }
        Ok(())
    }

    fn believe_end(&mut self, call: CallId, because: CallEnd, input: &Input) -> Verdict {
        let shadow = self.shadow.remove(&call).ok_or("ended twice")?;
        ensure!(shadow.legs.is_empty(), "{call} is over, and there are {:?}", shadow.legs);
        ensure!(!shadow.is_asked, "{call} is over, and an operator is asked for");
        ensure!(shadow.attempts.values().all(Option::is_some), "{call} is over, an attempt is not");
        ensure!(shadow.requests.values().all(Option::is_some), "{call} is over, a request is not");
        self.seen.insert(because.as_str());
        let is_meant = match because {
            CallEnd::Completed => shadow.is_closing || is_an_end(input),
            CallEnd::NoOperators => shadow.is_closing,
            CallEnd::Abandoned | CallEnd::CallerHungUp => matches!(input, Input::HungUp(_)),
            // A page that did not come back, too.
            CallEnd::CallerLost => matches!(input, Input::MediaLost(_) | Input::Tick),
            // Nobody was on the line yet.
            CallEnd::NotReached => true,
            CallEnd::EndedBySupervisor => matches!(input, Input::Commanded { supervises: true, .. }),
            CallEnd::TooLong => *input == Input::Tick,
            CallEnd::NodeLost => matches!(input, Input::Restored(_)),
        };
        ensure!(is_meant, "{call} ends as {because} after {input:?}");
        Ok(())
    }

    fn check(&mut self) -> Verdict {
        let now = self.now;
        for (call, shadow) in &self.shadow {
            for (no, leg) in &shadow.legs {
                if let Stand::Rung { at } = leg.stand {
                    ensure!(at + RING > now, "{call}/{no} rings for ever");
                }
            }
            let Some(caller) = shadow.with(CallPart::Caller) else { continue };
            let present: Vec<Present> = self.calls.present(*call).collect();
            ensure!(
                present.len() == shadow.legs.values().filter(|leg| leg.stand == Stand::Here).count(),
                "{call}: legs"
            );
            let staff = |(no, leg): (&u16, &ShadowLeg)| match (&leg.stand, leg.part) {
                (Stand::Rung { .. }, part) => part != CallPart::Supervisor,
                (Stand::Here, CallPart::Operator) => true,
                (Stand::Here, CallPart::Professional | CallPart::Guest) => !shadow.private.contains(no),
                (Stand::Here, CallPart::Caller | CallPart::Supervisor) => false,
            };
            let is_seen_to = shadow.is_asked || shadow.is_closing || shadow.legs.iter().any(staff);
            ensure!(is_seen_to, "{call}: the caller is alone, and nobody comes: {shadow:?}");
            let mix = self.calls.mix(*call);
            let hears = |no: u16| mix.iter().filter(move |ear| ear.leg.no == no).flat_map(|ear| &ear.hears);
            let is_muted = present.iter().any(|one| one.leg.no == caller && one.is_muted);
            for other in hears(caller) {
                let one = present.iter().find(|one| one.leg == *other).ok_or("nobody")?;
                ensure!(one.place == Place::Bridge, "the caller hears {other}, who is {:?}", one.place);
                ensure!(one.whispers_to.is_none(), "the caller hears {other} whisper");
                ensure!(!shadow.private.contains(&other.no), "the caller hears {other}, who was only consulted");
                let is_mutual = hears(other.no).any(|heard| heard.no == caller);
                ensure!(is_mutual || is_muted, "the caller hears {other}, who does not hear them");
            }
            for no in &shadow.private {
                ensure!(!hears(*no).any(|heard| heard.no == caller), "{no} was only consulted, and hears the caller");
            }
            let thirds = present.iter().filter(|one| matches!(one.part, CallPart::Professional | CallPart::Guest));
            let count = thirds.count();
            ensure!(count <= 2, "{call}: {count} third parties");
            for (what, is_so) in [
                ("four", count == 2 && shadow.with(CallPart::Operator).is_some()),
                ("whispered", present.iter().any(|one| one.whispers_to.is_some())),
                ("listened", shadow.with(CallPart::Supervisor).is_some()),
                ("left", count > 0 && shadow.with(CallPart::Operator).is_none() && !hears(caller).next().is_none()),
                ("swapped", present.iter().any(|one| one.place == Place::Hold && shadow.private.contains(&one.leg.no))),
            ] {
                if is_so {
                    self.seen.insert(what);
                }
            }
        }
        let running = self.calls.calls().len();
        ensure!(running <= MOST, "{running} calls, {MOST} may be");
        ensure!(self.calls.next_deadline().is_none_or(|at| at > now), "the next deadline lies behind");
        Ok(())
    }
}

/// Somebody meant it: a command, or a receiver that was put down. A failure does not.
const fn is_an_end(input: &Input) -> bool {
    matches!(input, Input::HungUp(_) | Input::Commanded { command: Command::End, .. })
}

#[test]
fn the_laws_hold_for_10_000_random_sequences() {
    for seed in 0..SEQUENCES {
        Simulation::run(seed, EVENTS, None).unwrap();
    }
}

#[test]
fn the_laws_hold_for_long_days() {
    for seed in 0..LONG_SEEDS {
        Simulation::run(seed, LONG_EVENTS, None).unwrap();
    }
}

/// The random people do what people do: otherwise the laws would hold for want of anything happening.
#[test]
fn random_people_get_everywhere() {
    let mut seen = BTreeSet::new();
    for seed in 0..LONG_SEEDS {
        let mut simulation = Simulation::new(seed, None);
        for _ in 0..LONG_EVENTS {
            simulation.step().unwrap();
        }
        seen.extend(simulation.seen);
    }
    let mut all = vec![
        "consult",
        "four",
        "left",
        "listened",
        "no operators",
        "rated",
        "rating",
        "restart",
        "swapped",
        "whispered",
    ];
    let ends = CallEnd::ALL.iter().filter(|because| **because != CallEnd::TooLong);
    all.extend(ends.map(|because| because.as_str()));
    all.sort_unstable();
    seen.remove(CallEnd::TooLong.as_str());
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

/// Caught by a law of the simulation, or by the core's own check of its invariants (a panic).
fn is_caught(fault: Fault) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let run = |seed| std::panic::catch_unwind(|| Simulation::run(seed, LONG_EVENTS, Some(fault)));
    let caught = (0..LONG_SEEDS).any(|seed| !matches!(run(seed), Ok(Ok(()))));
    std::panic::set_hook(hook);
    caught
}

#[test]
fn calls_whose_caller_hears_a_consultation_are_caught() {
    assert!(is_caught(Fault::LeakyConsult));
}

#[test]
fn calls_whose_caller_hears_a_whisper_are_caught() {
    assert!(is_caught(Fault::LoudWhisper));
}

#[test]
fn calls_that_ring_on_beside_who_answers_are_caught() {
    assert!(is_caught(Fault::ForgottenLosers));
}

#[test]
fn calls_that_decide_an_attempt_twice_are_caught() {
    assert!(is_caught(Fault::TwoCauses));
}

#[test]
fn calls_that_end_with_a_lost_professional_are_caught() {
    assert!(is_caught(Fault::CallerDropped));
}

#[test]
fn calls_that_leave_a_caller_alone_are_caught() {
    assert!(is_caught(Fault::StrandedCaller));
}

#[test]
fn calls_that_leave_a_leg_behind_are_caught() {
    assert!(is_caught(Fault::ForgottenLeg));
}

#[test]
fn calls_that_ring_who_speaks_elsewhere_are_caught() {
    assert!(is_caught(Fault::RingsBusy));
}

#[test]
fn calls_that_ring_for_ever_are_caught() {
    assert!(is_caught(Fault::ForgottenDeadline));
}

#[test]
fn calls_without_a_limit_are_caught() {
    assert!(is_caught(Fault::NoLimit));
}
