//! Every number of the rules, one millisecond before and at it; every right; every way through a call.

use super::*;
use crate::TeamId;

const T0: i64 = 1_000_000;
const CALL: CallId = CallId::new(1);
const CASE: ConversationId = ConversationId::new(2);
const TEAM: TeamId = TeamId(3);
const OPERATOR: AgentId = AgentId::new(10);
const OTHER: AgentId = AgentId::new(11);
const PRO: AgentId = AgentId::new(12);
const GUEST: AgentId = AgentId::new(13);
const BOSS: AgentId = AgentId::new(14);

/// Legs as [`Table::talking`] and [`Table::three`] give them.
const CALLER: LegId = leg(1);
const OP: LegId = leg(2);
const THIRD: LegId = leg(3);

const fn leg(no: u16) -> LegId {
    LegId { call: CALL, no }
}

fn at(ms: i64) -> Timestamp {
    Timestamp(T0 + ms)
}

fn number(last: u32) -> Party {
    Party::Number(Number::parse(&format!("0211234{last}")).unwrap())
}

fn about() -> About {
    About { item: Some("permit".to_owned()), department: "hrss".to_owned() }
}

fn plan(candidates: &[Party]) -> Plan {
    Plan { about: about(), candidates: candidates.to_vec(), order: Order::InOrder }
}

fn pro() -> Plan {
    plan(&[Party::Agent(PRO)])
}

fn arrived(direct: Option<Plan>) -> Input {
    Input::Arrived {
        call: CALL,
        origin: CallOrigin::Hotline,
        conversation: None,
        team: TEAM,
        item: None,
        is_first: true,
        direct,
    }
}

fn request(plan: Plan, goal: Goal) -> Command {
    Command::Request { plan, goal }
}

struct Table {
    calls: Calls,
}

impl Table {
    fn with(settings: Settings) -> Self {
        Self { calls: Calls::new(settings) }
    }

    /// A caller waits since 0 ms.
    fn waiting() -> Self {
        let mut table = Self::with(Settings::default());
        table.ok(0, arrived(None));
        table
    }

    /// ... and speaks with an operator since 0 ms.
    fn talking() -> Self {
        let mut table = Self::waiting();
        table.seat(0, OPERATOR, OP);
        table
    }

    /// ... and with a professional too.
    fn three() -> Self {
        let mut table = Self::talking();
        table.get(0, request(pro(), Goal::Join));
        table.ok(0, Input::Answered(THIRD));
        table
    }

    /// ... the caller hears music, the others talk aside.
    fn consulting() -> Self {
        let mut table = Self::talking();
        table.get(0, request(pro(), Goal::Consult));
        table.ok(0, Input::Answered(THIRD));
        table
    }

    /// Caller and professional alone.
    fn left() -> Self {
        let mut table = Self::three();
        table.get(0, Command::Leave);
        table
    }

    fn seat(&mut self, ms: i64, agent: AgentId, leg: LegId) {
        self.ok(ms, Input::OperatorFound { call: CALL, agent });
        self.ok(ms, Input::Answered(leg));
    }

    fn ok(&mut self, ms: i64, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.calls.handle(at(ms), input, &mut out).unwrap();
        out
    }

    fn refused(&mut self, ms: i64, input: Input) -> Refusal {
        let mut out = Vec::new();
        let refusal = self.calls.handle(at(ms), input, &mut out).unwrap_err();
        assert_eq!(out, [], "a refusal does nothing");
        refusal
    }

    fn tick(&mut self, ms: i64) -> Vec<Effect> {
        self.ok(ms, Input::Tick)
    }

    /// The operator does it.
    fn get(&mut self, ms: i64, command: Command) -> Vec<Effect> {
        self.ok(ms, by(OPERATOR, command))
    }

    fn boss(&mut self, ms: i64, command: Command) -> Vec<Effect> {
        self.ok(ms, Input::Commanded { call: CALL, by: BOSS, supervises: true, command })
    }

    /// Who hears whom, by numbers of legs.
    fn hears(&self) -> Vec<(u16, Vec<u16>)> {
        let ears = self.calls.mix(CALL).iter();
        ears.map(|ear| (ear.leg.no, ear.hears.iter().map(|leg| leg.no).collect())).collect()
    }

    fn sound(&self, leg: LegId) -> Sound {
        self.calls.mix(CALL).iter().find(|ear| ear.leg == leg).unwrap().sound
    }

    fn parts(&self) -> Vec<(u16, CallPart)> {
        self.calls.present(CALL).map(|one| (one.leg.no, one.part)).collect()
    }
}

fn by(agent: AgentId, command: Command) -> Input {
    Input::Commanded { call: CALL, by: agent, supervises: false, command }
}

fn ended(effects: &[Effect]) -> Option<(CallEnd, Timestamp)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Ended { because, at, .. } => Some((*because, *at)),
        _ => None,
    })
}

/// What has become of attempts, by numbers of legs.
fn causes(effects: &[Effect]) -> Vec<(u16, Cause)> {
    let decided = effects.iter().filter_map(|effect| match effect {
        Effect::Save(Row::Attempt(row)) => Some((row.leg.no, row.cause?)),
        _ => None,
    });
    decided.collect()
}

fn rung(effects: &[Effect]) -> Vec<u16> {
    let rung = effects.iter().filter_map(|effect| match effect {
        Effect::Ring { leg, .. } => Some(leg.no),
        _ => None,
    });
    rung.collect()
}

fn asks(effects: &[Effect]) -> Vec<bool> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::AskOperator { is_again, .. } => Some(*is_again),
        _ => None,
    });
    asked.collect()
}

fn decided(effects: &[Effect]) -> Option<RequestEnd> {
    effects.iter().find_map(|effect| match effect {
        Effect::Save(Row::Request(row)) => row.result,
        _ => None,
    })
}

fn is_played(effects: &[Effect], leg: LegId, prompt: Prompt) -> bool {
    effects.contains(&Effect::Play { leg, prompt })
}

// --- the way through --------------------------------------------------------------------------------------------

#[test]
fn a_caller_is_answered_waits_with_music_and_is_joined_by_an_operator() {
    let mut table = Table::with(Settings::default());
    let effects = table.ok(0, arrived(None));
    let asked = Effect::AskOperator { call: CALL, team: TEAM, is_first: true, is_again: false, missed_by: None };
    assert!(effects.contains(&Effect::Accept(CALLER)) && effects.contains(&asked), "{effects:?}");
    assert!(is_played(&effects, CALLER, Prompt::Recorded));
    assert_eq!((table.hears(), table.sound(CALLER)), (vec![(1, vec![])], Sound::Music));
    let effects = table.ok(4_000, Input::OperatorFound { call: CALL, agent: OPERATOR });
    let ring = Effect::Ring { leg: OP, part: CallPart::Operator, party: Some(Party::Agent(OPERATOR)) };
    assert!(effects.contains(&ring));
    assert_eq!(table.calls.row(CALL).unwrap().answered_at, None, "ringing is no answer");
    let effects = table.ok(5_500, Input::Answered(OP));
    assert_eq!(causes(&effects), [(2, Cause::Answered)]);
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])]);
    let row = table.calls.row(CALL).unwrap();
    assert_eq!((row.answered_at, row.operator), (Some(at(5_500)), Some(OPERATOR)));
}

#[test]
fn in_a_consultation_the_caller_hears_music_and_nothing_else() {
    let mut table = Table::talking();
    let effects = table.get(0, request(pro(), Goal::Consult));
    assert_eq!(rung(&effects), [3]);
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])], "the operator stays with the caller while it rings");
    let effects = table.ok(1_500, Input::Answered(THIRD));
    assert_eq!(decided(&effects), Some(RequestEnd::Reached));
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![3]), (3, vec![2])]);
    assert_eq!(table.sound(CALLER), Sound::Music);
}

#[test]
fn a_consultation_is_merged_swapped_dropped_or_handed_over() {
    let all = vec![(1, vec![2, 3]), (2, vec![1, 3]), (3, vec![1, 2])];
    let aside = vec![(1, vec![]), (2, vec![3]), (3, vec![2])];
    let mut table = Table::consulting();
    let effects = table.get(1, Command::Merge);
    assert_eq!(table.hears(), all, "{effects:?}");
    assert_eq!(table.refused(2, by(OPERATOR, Command::Merge)), Refusal::WrongState);

    let mut table = Table::consulting();
    table.get(1, Command::Swap);
    assert_eq!((table.hears(), table.sound(THIRD)), (vec![(1, vec![2]), (2, vec![1]), (3, vec![])], Sound::Music));
    table.get(2, Command::Swap);
    assert_eq!(table.hears(), aside, "and back");
    table.get(3, Command::Swap);
    table.get(4, Command::Merge);
    assert_eq!(table.hears(), all);
    assert_eq!(table.refused(5, by(OPERATOR, Command::Swap)), Refusal::WrongState, "nobody is apart");

    let mut table = Table::consulting();
    let effects = table.get(1, Command::Drop(THIRD));
    assert!(effects.contains(&Effect::HangUp(THIRD)));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])], "the operator is with the caller again");

    for goes in [by(OPERATOR, Command::Leave), Input::HungUp(OP)] {
        let mut table = Table::consulting();
        table.ok(1, goes);
        assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])], "handed over");
    }
}

#[test]
fn held_is_alone_with_music_and_nobody_hears_them() {
    let mut table = Table::three();
    table.get(1, Command::Hold(CALLER));
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![3]), (3, vec![2])]);
    table.get(2, Command::Resume(CALLER));
    table.get(3, Command::Hold(THIRD));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1]), (3, vec![])]);
    assert_eq!(table.refused(4, by(OPERATOR, Command::Resume(CALLER))), Refusal::WrongState, "not held");
    table.get(4, Command::Swap);
    assert_eq!(table.refused(5, by(OPERATOR, Command::Resume(CALLER))), Refusal::WrongState, "to whom?");
    table.get(6, Command::Hold(THIRD));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1]), (3, vec![])], "nobody is left aside alone");
    table.get(7, Command::Hold(OP));
    assert_eq!((table.hears(), table.sound(OP)), (vec![(1, vec![]), (2, vec![]), (3, vec![])], Sound::Music));
    table.get(8, Command::Resume(OP));
    assert_eq!(table.refused(9, by(OPERATOR, Command::Hold(leg(9)))), Refusal::NoLeg(leg(9)));
}

#[test]
fn who_is_muted_hears_and_who_whispers_is_heard_by_one() {
    let mut table = Table::three();
    table.get(1, Command::Mute { leg: OP, is_muted: true });
    assert_eq!(table.hears(), [(1, vec![3]), (2, vec![1, 3]), (3, vec![1])]);
    table.get(2, Command::Mute { leg: OP, is_muted: false });
    table.get(3, Command::WhisperTo(Some(THIRD)));
    assert_eq!(table.hears(), [(1, vec![3]), (2, vec![1, 3]), (3, vec![1, 2])]);
    table.ok(4, by(PRO, Command::WhisperTo(Some(OP))));
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![1, 3]), (3, vec![1, 2])]);
    assert_eq!(table.sound(CALLER), Sound::Silence, "they are there, and say nothing to the caller");
    for (to, refusal) in
        [(CALLER, Refusal::NotForLeg(CALLER)), (OP, Refusal::NotForLeg(OP)), (leg(9), Refusal::NoLeg(leg(9)))]
    {
        assert_eq!(table.refused(5, by(OPERATOR, Command::WhisperTo(Some(to)))), refusal);
    }
    // Whoever it was for has gone: it is for nobody then, not for all.
    table.ok(6, Input::HungUp(THIRD));
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![1])]);
    table.get(7, Command::WhisperTo(None));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])]);
}

#[test]
fn a_telephone_that_holds_us_is_neither_heard_nor_told_anything() {
    let mut table = Table::three();
    table.ok(1, Input::PeerHeld(THIRD, true));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])]);
    table.ok(2, Input::PeerHeld(THIRD, false));
    assert_eq!(table.hears().len(), 3);
}

#[test]
fn a_fourth_party_is_consulted_while_the_others_talk_on() {
    let mut table = Table::three();
    let effects = table.get(1, request(plan(&[Party::Agent(GUEST)]), Goal::Consult));
    let saved = effects.iter().find_map(|effect| match effect {
        Effect::Save(Row::Request(row)) => Some((row.number, row.part)),
        _ => None,
    });
    assert_eq!(saved, Some((2, CallPart::Guest)), "no three-way request");
    table.ok(2, Input::Answered(leg(4)));
    assert_eq!(table.hears(), [(1, vec![3]), (2, vec![4]), (3, vec![1]), (4, vec![2])]);
    table.get(3, Command::Merge);
    assert_eq!(table.hears().iter().map(|(_, hears)| hears.len()).collect::<Vec<_>>(), [3; 4]);
    assert_eq!(table.refused(4, by(OPERATOR, request(plan(&[number(1)]), Goal::Join))), Refusal::TooMany, "four talk");
}

#[test]
fn whoever_joins_a_consultation_joins_the_operator_not_the_caller() {
    let mut table = Table::consulting();
    table.get(1, request(plan(&[Party::Agent(GUEST)]), Goal::Join));
    table.ok(2, Input::Answered(leg(4)));
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![3, 4]), (3, vec![2, 4]), (4, vec![2, 3])]);
    table.get(3, Command::Drop(THIRD));
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![4]), (4, vec![2])], "the consultation goes on with the other");
}

// --- ringing ----------------------------------------------------------------------------------------------------

#[test]
fn who_says_nothing_is_passed_over_after_2_seconds_and_who_rings_after_20() {
    let mut table = Table::talking();
    table.get(0, request(plan(&[number(1), number(2)]), Goal::Join));
    assert_eq!((table.tick(1_999), table.calls.next_deadline()), (vec![], Some(at(2_000))));
    let effects = table.tick(2_000);
    assert_eq!((causes(&effects), rung(&effects)), (vec![(3, Cause::NoProgress)], vec![4]));
    assert!(effects.contains(&Effect::Cancel { leg: leg(3), because: Cause::NoProgress }));
    table.ok(2_500, Input::Ringing(leg(4)));
    assert_eq!(table.tick(21_999), []);
    let effects = table.tick(22_000);
    assert_eq!((causes(&effects), decided(&effects)), (vec![(4, Cause::NoAnswer)], Some(RequestEnd::NobodyReached)));
}

#[test]
fn a_request_goes_on_past_who_is_busy_declines_or_is_not_there() {
    let mut table = Table::talking();
    table.get(0, request(plan(&[number(1), number(2), number(3), number(4)]), Goal::Join));
    for (no, failure, cause) in [
        (3, Failure::Busy, Cause::Busy),
        (4, Failure::Declined, Cause::Declined),
        (5, Failure::Unreachable, Cause::Unreachable),
    ] {
        let effects = table.ok(0, Input::Failed(leg(no), failure));
        assert_eq!((causes(&effects), rung(&effects)), (vec![(no, cause)], vec![no + 1]));
    }
    let effects = table.ok(1_900, Input::Answered(leg(6)));
    let row = effects.iter().find_map(|effect| match effect {
        Effect::Save(Row::Request(row)) => Some(row.clone()),
        _ => None,
    });
    let row = row.unwrap();
    assert_eq!((row.answered_by, row.answered_round, row.candidates), (Some(leg(6)), Some(4), 4));
    assert_eq!((row.asked_at, row.ended_at, row.result), (at(0), Some(at(1_900)), Some(RequestEnd::Reached)));
}

#[test]
fn the_next_candidate_is_rung_beside_at_15_seconds_if_that_is_wanted() {
    let settings = Settings { parallel_after: Some(15_000), ..Settings::default() };
    let mut table = Table::with(settings);
    table.ok(0, arrived(None));
    table.seat(0, OPERATOR, OP);
    table.get(0, request(plan(&[number(1), number(2), number(3)]), Goal::Join));
    table.ok(0, Input::Ringing(leg(3)));
    assert!(rung(&table.tick(14_999)).is_empty());
    let effects = table.tick(15_000);
    assert_eq!((rung(&effects), causes(&effects)), (vec![4], vec![]), "the first one goes on ringing");
    table.ok(15_000, Input::Ringing(leg(4)));
    let effects = table.tick(20_000);
    assert_eq!((causes(&effects), rung(&effects)), (vec![(3, Cause::NoAnswer)], vec![]), "one is being rung");
    assert!(rung(&table.tick(29_999)).is_empty());
    assert_eq!(rung(&table.tick(30_000)), [5]);
    let effects = table.ok(31_000, Input::Answered(leg(4)));
    assert_eq!(causes(&effects), [(4, Cause::Answered), (5, Cause::Elsewhere)]);
}

#[test]
fn of_those_who_are_rung_at_once_one_is_put_through_and_a_late_answer_is_hung_up() {
    let mut table = Table::talking();
    let all: Vec<Party> = (0..10).map(number).collect();
    let effects = table.get(0, request(Plan { order: Order::AtOnce, ..plan(&all) }, Goal::Join));
    assert_eq!(rung(&effects), [3, 4, 5, 6, 7, 8, 9, 10], "eight at once");
    assert_eq!(rung(&table.ok(1_000, Input::Failed(leg(4), Failure::Busy))), [11]);
    let effects = table.ok(1_500, Input::Answered(leg(6)));
    assert_eq!(causes(&effects).iter().filter(|(_, cause)| *cause == Cause::Elsewhere).count(), 7);
    assert_eq!(table.ok(1_501, Input::Answered(leg(7))), [Effect::HangUp(leg(7))]);
    assert_eq!(table.ok(1_502, Input::Failed(leg(8), Failure::Broken)), [], "late news");
    assert_eq!(table.parts(), [(1, CallPart::Caller), (2, CallPart::Operator), (6, CallPart::Professional)]);
}

#[test]
fn rounds_are_counted_by_when_candidates_are_rung() {
    for (order, answering, round) in [(Order::AtOnce, 5, 1), (Order::InOrder, 5, 3)] {
        let mut table = Table::talking();
        table.get(0, request(Plan { order, ..plan(&[number(1), number(2), number(3)]) }, Goal::Join));
        table.ok(0, Input::Failed(leg(3), Failure::Busy));
        table.ok(0, Input::Failed(leg(4), Failure::Busy));
        let effects = table.ok(9, Input::Answered(leg(answering)));
        let found = effects.iter().find_map(|effect| match effect {
            Effect::Save(Row::Request(row)) => row.answered_round,
            _ => None,
        });
        assert_eq!(found, Some(round), "{order}");
    }
}

#[test]
fn who_speaks_in_another_call_or_wraps_one_up_is_busy_without_being_rung() {
    let mut table = Table::three();
    let second = CallId::new(7);
    let there = |no| LegId { call: second, no };
    let Input::Arrived { origin, team, .. } = arrived(None) else { unreachable!() };
    let input = Input::Arrived {
        call: second,
        origin,
        conversation: None,
        team,
        item: None,
        is_first: false,
        direct: Some(plan(&[Party::Agent(PRO), number(1)])),
    };
    let effects = table.ok(1, input);
    let rung: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Ring { .. })).collect();
    assert_eq!((causes(&effects), rung.len()), (vec![(2, Cause::Busy)], 1));
    let found = Input::OperatorFound { call: second, agent: OPERATOR };
    assert_eq!(table.refused(2, found.clone()), Refusal::Busy(OPERATOR));
    table.get(3, Command::Leave);
    assert_eq!(table.refused(4, found.clone()), Refusal::Busy(OPERATOR), "wraps up");
    table.ok(5, Input::WrappedUp { call: CALL, by: OPERATOR, disposition: Disposition::PutThrough });
    table.ok(6, found);
    table.ok(7, Input::Answered(there(4)));
    assert_eq!(table.calls.present(second).count(), 2);
}

#[test]
fn a_telephone_that_is_not_registered_any_more_is_passed_over_at_once() {
    let mut table = Table::talking();
    table.get(0, request(plan(&[Party::Agent(PRO), number(1)]), Goal::Join));
    let effects = table.ok(500, Input::RegistrationGone(PRO));
    assert_eq!((causes(&effects), rung(&effects)), (vec![(3, Cause::Unreachable)], vec![4]));
    assert_eq!(table.ok(600, Input::RegistrationGone(OPERATOR)), [], "a call that stands goes on");
}

#[test]
fn an_operator_stops_a_request() {
    let mut table = Table::talking();
    assert_eq!(table.refused(0, by(OPERATOR, Command::StopRequest)), Refusal::WrongState);
    table.get(0, request(pro(), Goal::Join));
    assert_eq!(table.refused(1, by(OPERATOR, request(pro(), Goal::Join))), Refusal::Requesting);
    let effects = table.get(2, Command::StopRequest);
    assert_eq!((causes(&effects), decided(&effects)), (vec![(3, Cause::Cancelled)], Some(RequestEnd::Cancelled)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::CallBackOwed { .. })));
}

#[test]
fn when_nobody_is_reached_a_call_back_is_owed_in_24_hours_until_somebody_is() {
    let mut table = Table::talking();
    let effects = table.get(0, request(plan(&[]), Goal::Join));
    let owed = Effect::CallBackOwed { call: CALL, request: Some(1), about: Some(about()), due_at: at(86_400_000) };
    assert!(effects.contains(&owed), "{effects:?}");
    assert!(!is_played(&effects, CALLER, Prompt::NobodyReached), "the operator is there to say it");
    let elsewhere = About { item: None, department: "tax".to_owned() };
    table.get(1, request(Plan { about: elsewhere, ..plan(&[number(1)]) }, Goal::Join));
    let effects = table.ok(2, Input::Answered(leg(3)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::CallBackSettled { .. })), "another matter");
    table.get(3, request(plan(&[number(2)]), Goal::Join));
    let effects = table.ok(4, Input::Answered(leg(4)));
    assert!(effects.contains(&Effect::CallBackSettled { call: CALL, request: 1 }));
}

// --- operators come and go --------------------------------------------------------------------------------------

#[test]
fn an_operator_who_does_not_answer_is_told_to_the_router_and_another_is_asked() {
    let mut table = Table::waiting();
    table.ok(0, Input::OperatorFound { call: CALL, agent: OPERATOR });
    table.ok(0, Input::Ringing(OP));
    assert!(asks(&table.tick(19_999)).is_empty());
    let effects = table.tick(20_000);
    let asked =
        Effect::AskOperator { call: CALL, team: TEAM, is_first: true, is_again: true, missed_by: Some(OPERATOR) };
    assert!(effects.contains(&asked), "{effects:?}");
    table.seat(21_000, OTHER, leg(3));
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])]);
    assert_eq!(table.refused(21_001, Input::OperatorFound { call: CALL, agent: GUEST }), Refusal::WrongState);
}

#[test]
fn nobody_is_closed_for_waiting() {
    let mut table = Table::waiting();
    let almost = Settings::default().longest - 1;
    assert_eq!(table.tick(almost), []);
    assert_eq!(
        ended(&table.tick(almost + 1)),
        Some((CallEnd::TooLong, at(almost + 1))),
        "but for the end of all calls"
    );
}

#[test]
fn an_operator_who_reloads_keeps_the_leg_for_20_seconds() {
    let mut table = Table::talking();
    table.ok(0, Input::ConnectionLost(OP));
    assert_eq!((table.hears(), table.sound(CALLER)), (vec![(1, vec![])], Sound::Music));
    table.tick(19_999);
    table.ok(19_999, Input::Reattached(OP));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])], "the same leg");
    table.ok(20_000, Input::ConnectionLost(OP));
    assert!(asks(&table.tick(39_999)).is_empty());
    let effects = table.tick(40_000);
    assert_eq!(asks(&effects), [true], "another one, at the head of the queue");
    assert!(is_played(&effects, CALLER, Prompt::OperatorComes) && effects.contains(&Effect::HangUp(OP)));
    assert_eq!(table.ok(40_001, Input::Reattached(OP)), [], "too late");
}

#[test]
fn an_operator_who_is_lost_leaves_caller_and_professional_talking() {
    let mut table = Table::three();
    let effects = table.ok(1, Input::MediaLost(OP));
    assert_eq!((table.hears(), asks(&effects)), (vec![(1, vec![3]), (3, vec![1])], vec![]));
}

#[test]
fn who_was_consulted_by_an_operator_who_is_lost_is_not_put_through() {
    let mut table = Table::consulting();
    let effects = table.ok(1, Input::MediaLost(OP));
    assert_eq!((table.hears(), asks(&effects)), (vec![(1, vec![]), (3, vec![])], vec![true]));
    assert_eq!((table.sound(CALLER), table.sound(THIRD)), (Sound::Music, Sound::Music));
    table.seat(2, OTHER, leg(4));
    assert_eq!(table.hears(), [(1, vec![4]), (3, vec![]), (4, vec![1])], "the new one speaks with the caller first");
    table.ok(3, by(OTHER, Command::Swap));
    assert_eq!(table.hears(), [(1, vec![]), (3, vec![4]), (4, vec![3])]);
}

#[test]
fn whoever_answers_after_the_operator_is_lost_talks_with_the_caller() {
    let mut table = Table::talking();
    table.get(0, request(pro(), Goal::Consult));
    let effects = table.ok(1, Input::MediaLost(OP));
    assert_eq!((asks(&effects), table.sound(CALLER)), (vec![], Sound::Ringback));
    table.ok(2, Input::Answered(THIRD));
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])]);
}

#[test]
fn nobody_leaves_a_caller_alone() {
    let mut table = Table::talking();
    assert_eq!(table.refused(1, by(OPERATOR, Command::Leave)), Refusal::NobodyElse);
    let effects = table.ok(2, Input::HungUp(OP));
    assert!(is_played(&effects, CALLER, Prompt::Rate), "whoever hangs up alone with the caller is done");
}

#[test]
fn a_professional_who_hangs_up_within_30_seconds_has_the_operator_rung_back() {
    for (ms, is_rung) in [(29_999, true), (30_000, false)] {
        let mut table = Table::left();
        let effects = table.ok(ms, Input::HungUp(THIRD));
        assert_eq!(rung(&effects) == [4], is_rung, "{ms}");
        assert_eq!(is_played(&effects, CALLER, Prompt::OperatorComes), is_rung);
        assert_eq!(is_played(&effects, CALLER, Prompt::Rate), !is_rung);
    }
}

#[test]
fn a_professional_who_is_lost_has_the_operator_rung_back_and_then_another_one_asked() {
    let mut table = Table::left();
    let effects = table.ok(600_000, Input::MediaLost(THIRD));
    assert_eq!((rung(&effects), asks(&effects)), (vec![4], vec![]));
    table.ok(600_000, Input::Ringing(leg(4)));
    assert!(asks(&table.tick(619_999)).is_empty());
    assert_eq!(asks(&table.tick(620_000)), [true]);
    // While they wrap up another call they are not rung at all.
    let mut table = Table::left();
    table.ok(1, Input::WrappedUp { call: CALL, by: OPERATOR, disposition: Disposition::PutThrough });
    assert_eq!(table.calls.wrap_ups().count(), 0);
    let elsewhere = WrapUpRow {
        call: CallId::new(7),
        agent: OPERATOR,
        began_at: at(0),
        until: at(900_000),
        ended_at: None,
        end: None,
        disposition: None,
    };
    table.ok(2, Input::WrapUpRestored(elsewhere));
    let effects = table.ok(3, Input::MediaLost(THIRD));
    assert_eq!((rung(&effects), asks(&effects)), (vec![], vec![true]));
}

#[test]
fn a_caller_is_put_through_at_once_and_the_operator_rung_back_when_nobody_is_reached() {
    let mut table = Table::talking();
    let effects = table.get(0, request(pro(), Goal::PutThrough));
    assert!(effects.contains(&Effect::HangUp(OP)));
    assert_eq!((table.hears(), table.sound(CALLER)), (vec![(1, vec![])], Sound::Ringback));
    let effects = table.ok(1, Input::Failed(THIRD, Failure::Busy));
    assert!(is_played(&effects, CALLER, Prompt::NobodyReached), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CallBackOwed { request: Some(1), .. })));
    assert_eq!(rung(&effects), [4], "the operator is rung back");
    table.ok(2, Input::Answered(leg(4)));
    assert_eq!(table.hears(), [(1, vec![4]), (4, vec![1])]);
}

#[test]
fn who_is_put_through_and_lost_soon_after_has_the_operator_rung_back_by_the_time_of_the_answer() {
    let mut table = Table::talking();
    table.get(0, request(pro(), Goal::PutThrough));
    table.ok(0, Input::Ringing(THIRD));
    table.ok(19_000, Input::Answered(THIRD));
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])]);
    assert_eq!(rung(&table.ok(48_999, Input::HungUp(THIRD))), [4]);
}

#[test]
fn leaving_while_somebody_is_rung_puts_the_caller_through() {
    let mut table = Table::talking();
    table.get(0, request(pro(), Goal::Consult));
    table.get(1, Command::Leave);
    table.ok(2, Input::Answered(THIRD));
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])]);
}

#[test]
fn an_operator_returns_or_takes_the_call_back() {
    let mut table = Table::left();
    assert_eq!(rung(&table.get(1_000, Command::Return { takes_back: false })), [4]);
    assert_eq!(table.refused(1_001, by(OPERATOR, Command::Return { takes_back: false })), Refusal::WrongState);
    let effects = table.ok(2_000, Input::Answered(leg(4)));
    assert_eq!(table.hears(), [(1, vec![3, 4]), (3, vec![1, 4]), (4, vec![1, 3])]);
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::Save(Row::WrapUp(row)) => row.end,
        _ => None,
    });
    assert_eq!(ended, Some(WrapUpEnd::Returned));

    let mut table = Table::left();
    table.get(1_000, Command::Return { takes_back: true });
    assert_eq!(table.hears().len(), 2, "nobody is let go before they are there");
    let effects = table.ok(2_000, Input::Answered(leg(4)));
    assert!(effects.contains(&Effect::HangUp(THIRD)));
    assert_eq!(table.hears(), [(1, vec![4]), (4, vec![1])]);

    // While the caller is being put through: whoever is rung is let go at once.
    let mut table = Table::talking();
    table.get(0, request(pro(), Goal::PutThrough));
    let effects = table.get(1, Command::Return { takes_back: true });
    assert_eq!((causes(&effects), rung(&effects)), (vec![(3, Cause::Cancelled)], vec![4]));
    let effects = table.ok(2, Input::Failed(leg(4), Failure::Declined));
    assert_eq!(asks(&effects), [true], "not there either: another one is asked");
}

#[test]
fn who_returns_while_somebody_is_rung_is_joined_by_them() {
    let mut table = Table::talking();
    table.get(0, request(pro(), Goal::PutThrough));
    table.get(1, Command::Return { takes_back: false });
    table.ok(2, Input::Answered(leg(4)));
    table.ok(3, Input::Answered(THIRD));
    assert_eq!(table.hears(), [(1, vec![3, 4]), (3, vec![1, 4]), (4, vec![1, 3])]);
}

#[test]
fn without_operators_at_this_hour_the_caller_is_told_and_owed_a_call_back() {
    let mut table = Table::waiting();
    let effects = table.ok(0, Input::OperatorsClosed { call: CALL });
    assert!(is_played(&effects, CALLER, Prompt::NoOperators), "{effects:?}");
    let owed = Effect::CallBackOwed { call: CALL, request: None, about: None, due_at: at(86_400_000) };
    assert!(effects.contains(&owed));
    assert_eq!(ended(&table.tick(19_999)), None);
    assert_eq!(ended(&table.tick(20_000)), Some((CallEnd::NoOperators, at(20_000))));
    let mut table = Table::waiting();
    table.ok(0, Input::OperatorsClosed { call: CALL });
    let effects = table.ok(7_000, Input::PromptEnded(CALLER));
    assert_eq!(ended(&effects), Some((CallEnd::NoOperators, at(7_000))));
    let mut table = Table::talking();
    assert_eq!(table.refused(1, Input::OperatorsClosed { call: CALL }), Refusal::WrongState);
}

#[test]
fn a_telephone_puts_through_only_if_it_is_the_operators() {
    let mut table = Table::three();
    let refer = |leg| Input::Referred { leg, plan: plan(&[number(1)]) };
    assert_eq!(table.refused(1, refer(THIRD)), Refusal::NotForLeg(THIRD));
    assert_eq!(table.refused(1, refer(CALLER)), Refusal::NotForLeg(CALLER));
    let effects = table.ok(2, refer(OP));
    assert!(effects.contains(&Effect::HangUp(OP)) && rung(&effects) == [4]);
}

// --- 三方直转 -----------------------------------------------------------------------------------------------------

#[test]
fn on_a_direct_line_the_operator_listens_until_both_talk() {
    let mut table = Table::with(Settings::default());
    let effects = table.ok(0, arrived(Some(pro())));
    assert_eq!((rung(&effects), asks(&effects)), (vec![2], vec![false]), "both at once");
    assert_eq!(table.sound(CALLER), Sound::Ringback);
    table.seat(100, OPERATOR, leg(3));
    assert_eq!(table.hears(), [(1, vec![]), (3, vec![1])], "the operator hears and is not heard");
    assert_eq!(table.sound(CALLER), Sound::Ringback);
    table.ok(200, Input::Heard(CALLER));
    table.ok(1_000, Input::Answered(leg(2)));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1]), (3, vec![1, 2])]);
    assert_eq!(table.calls.row(CALL).unwrap().answered_at, Some(at(1_000)));
    table.ok(1_500, Input::Heard(leg(2)));
    assert_eq!(table.parts().len(), 3, "what the caller said before the professional came is no talk");
    let effects = table.ok(2_000, Input::Heard(CALLER));
    assert!(effects.contains(&Effect::HangUp(leg(3))));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])]);
}

#[test]
fn an_operator_is_not_needed_any_more_once_both_talk() {
    for (found, cancelled) in [(false, vec![]), (true, vec![(3, Cause::Cancelled)])] {
        let mut table = Table::with(Settings::default());
        table.ok(0, arrived(Some(pro())));
        if found {
            table.ok(1, Input::OperatorFound { call: CALL, agent: OPERATOR });
        }
        table.ok(2, Input::Answered(leg(2)));
        table.ok(3, Input::Heard(leg(2)));
        let effects = table.ok(4, Input::Heard(CALLER));
        assert_eq!(causes(&effects), cancelled);
        assert_eq!(effects.contains(&Effect::StopAsking(CALL)), !found);
        let effects = table.ok(50_000, Input::HungUp(leg(2)));
        assert!(is_played(&effects, CALLER, Prompt::Rate));
    }
}

#[test]
fn an_operator_who_speaks_on_a_direct_line_stays() {
    let mut table = Table::with(Settings::default());
    table.ok(0, arrived(Some(pro())));
    table.seat(1, OPERATOR, leg(3));
    table.ok(2, Input::Answered(leg(2)));
    table.get(3, Command::Mute { leg: leg(3), is_muted: false });
    table.ok(4, Input::Heard(leg(2)));
    table.ok(5, Input::Heard(CALLER));
    assert_eq!(table.hears(), [(1, vec![2, 3]), (2, vec![1, 3]), (3, vec![1, 2])]);
}

#[test]
fn a_direct_line_on_which_nobody_is_reached_is_an_ordinary_call() {
    let mut table = Table::with(Settings::default());
    table.ok(0, arrived(Some(pro())));
    table.seat(1, OPERATOR, leg(3));
    let effects = table.ok(2, Input::Failed(leg(2), Failure::Busy));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CallBackOwed { .. })));
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])], "the operator speaks now");
    // Without one, the caller is told and waits on.
    let mut table = Table::with(Settings::default());
    let effects = table.ok(0, arrived(Some(plan(&[]))));
    assert!(is_played(&effects, CALLER, Prompt::NobodyReached));
    assert_eq!((table.sound(CALLER), asks(&effects)), (Sound::Music, vec![false]));
    // A professional who goes before both have talked leaves an ordinary call too.
    let mut table = Table::with(Settings::default());
    table.ok(0, arrived(Some(pro())));
    table.seat(1, OPERATOR, leg(3));
    table.ok(2, Input::Answered(leg(2)));
    table.ok(3, Input::HungUp(leg(2)));
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1])]);
}

// --- the end ----------------------------------------------------------------------------------------------------

#[test]
fn a_caller_who_hangs_up_ends_everything() {
    let mut table = Table::waiting();
    assert_eq!(ended(&table.ok(9_000, Input::HungUp(CALLER))), Some((CallEnd::Abandoned, at(9_000))));
    assert_eq!((table.calls.next_deadline(), table.calls.calls().len()), (None, 0));
    let mut table = Table::three();
    table.get(1, request(plan(&[number(1)]), Goal::Join));
    let effects = table.ok(2, Input::HungUp(CALLER));
    assert_eq!((ended(&effects).unwrap().0, causes(&effects)), (CallEnd::CallerHungUp, vec![(4, Cause::CallerGone)]));
    assert_eq!(decided(&effects), Some(RequestEnd::CallerGone));
    assert!(effects.contains(&Effect::HangUp(OP)) && effects.contains(&Effect::HangUp(THIRD)));
    assert!(!effects.contains(&Effect::HangUp(CALLER)), "they did it themselves");
    let mut table = Table::talking();
    assert_eq!(ended(&table.ok(1, Input::MediaLost(CALLER))).unwrap().0, CallEnd::CallerLost);
    assert_eq!(table.ok(2, Input::Answered(leg(2))), [Effect::HangUp(OP)], "nothing of it stands");
    assert_eq!(table.refused(3, by(OPERATOR, Command::End)), Refusal::NotOpen(CALL));
}

#[test]
fn a_caller_rates_with_1_to_5_within_15_seconds() {
    let mut table = Table::talking();
    let effects = table.get(0, Command::End);
    assert!(is_played(&effects, CALLER, Prompt::Rate) && effects.contains(&Effect::HangUp(OP)));
    for digit in ['0', '6', '*'] {
        assert_eq!(table.ok(1, Input::Digit(CALLER, digit)), []);
    }
    let effects = table.ok(14_999, Input::Digit(CALLER, '2'));
    assert!(effects.contains(&Effect::Rated { call: CALL, stars: 2 }) && is_played(&effects, CALLER, Prompt::Thanks));
    assert_eq!(table.ok(15_000, Input::Digit(CALLER, '5')), [], "once");
    assert_eq!(ended(&table.tick(34_998)), None);
    let effects = table.tick(34_999);
    assert_eq!(ended(&effects), Some((CallEnd::Completed, at(34_999))));
    let stars = effects.iter().find_map(|effect| match effect {
        Effect::Save(Row::Call(row)) => row.stars,
        _ => None,
    });
    assert_eq!(stars, Some(2));

    let mut table = Table::talking();
    table.get(0, Command::End);
    assert_eq!(ended(&table.ok(1, Input::PromptEnded(CALLER))), None, "the question waits for its answer");
    assert_eq!(ended(&table.tick(14_999)), None);
    assert_eq!(ended(&table.tick(15_000)), Some((CallEnd::Completed, at(15_000))));
    let mut table = Table::talking();
    assert_eq!(table.ok(1, Input::Digit(CALLER, '3')), [], "not asked yet");
    table.get(2, Command::End);
    assert_eq!(ended(&table.ok(3, Input::HungUp(CALLER))).unwrap().0, CallEnd::Completed, "as it was ending already");
}

#[test]
fn an_operator_wraps_up_for_60_seconds() {
    let ends = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Save(Row::WrapUp(row)) => Some((row.end, row.disposition)),
            _ => None,
        })
    };
    let mut table = Table::left();
    assert!(table.calls.is_busy(OPERATOR));
    assert_eq!(ends(&table.tick(59_999)), None);
    assert_eq!(ends(&table.tick(60_000)), Some((Some(WrapUpEnd::TimedOut), None)));
    assert!(!table.calls.is_busy(OPERATOR));
    let wrap_up = |by| Input::WrappedUp { call: CALL, by, disposition: Disposition::WorkOrder };
    assert_eq!(table.refused(60_001, wrap_up(OPERATOR)), Refusal::NoWrapUp);
    let mut table = Table::left();
    assert_eq!(table.refused(1, wrap_up(PRO)), Refusal::NoWrapUp);
    let done = Some((Some(WrapUpEnd::Done), Some(Disposition::WorkOrder)));
    assert_eq!(ends(&table.ok(1, wrap_up(OPERATOR))), done);
}

// --- placed calls -----------------------------------------------------------------------------------------------

fn placed() -> Input {
    Input::Placed {
        call: CALL,
        origin: CallOrigin::CallMe,
        conversation: Some(CASE),
        team: TEAM,
        item: None,
        by: OPERATOR,
    }
}

#[test]
fn a_placed_call_rings_the_member_of_staff_then_the_citizen() {
    let mut table = Table::with(Settings::default());
    assert_eq!(rung(&table.ok(0, placed())), [1]);
    assert_eq!(table.calls.of(CASE), Some(CALL));
    let effects = table.ok(1_000, Input::Answered(leg(1)));
    assert!(effects.contains(&Effect::Ring { leg: leg(2), part: CallPart::Caller, party: None }), "{effects:?}");
    assert_eq!(table.sound(leg(1)), Sound::Ringback);
    let effects = table.ok(2_000, Input::Answered(leg(2)));
    assert!(effects.contains(&Effect::InCallChanged { conversation: CASE, is_in_call: true }));
    assert!(is_played(&effects, leg(2), Prompt::Recorded));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])]);
    let effects = table.ok(3_000, Input::HungUp(leg(2)));
    assert!(effects.contains(&Effect::InCallChanged { conversation: CASE, is_in_call: false }));
    assert_eq!(table.calls.of(CASE), None);
}

#[test]
fn a_placed_call_ends_when_either_side_is_not_reached() {
    for (input, answered) in [
        (Input::Failed(leg(1), Failure::Declined), false),
        (Input::Failed(leg(2), Failure::Busy), true),
        (Input::HungUp(leg(1)), true),
        (by(OPERATOR, Command::End), true),
    ] {
        let mut table = Table::with(Settings::default());
        table.ok(0, placed());
        if answered {
            table.ok(1, Input::Answered(leg(1)));
        }
        assert_eq!(
            ended(&table.ok(2, input.clone())).map(|(because, _)| because),
            Some(CallEnd::NotReached),
            "{input:?}"
        );
    }
}

#[test]
fn a_conversation_has_one_call_at_a_time_and_a_call_gets_a_thread_once() {
    let mut table = Table::talking();
    assert_eq!(table.get(1, Command::OpenThread), [Effect::ThreadWanted { call: CALL, by: OPERATOR }]);
    assert_eq!(table.get(1, Command::OpenWindow), [Effect::WindowWanted { call: CALL, by: OPERATOR }]);
    let known = Input::ConversationKnown { call: CALL, conversation: CASE };
    let effects = table.ok(2, known.clone());
    assert!(effects.contains(&Effect::InCallChanged { conversation: CASE, is_in_call: true }));
    assert_eq!(table.refused(3, known), Refusal::HasOne(CALL));
    assert_eq!(table.refused(3, by(OPERATOR, Command::OpenThread)), Refusal::WrongState);
    let second = match placed() {
        Input::Placed { origin, conversation, team, item, .. } => {
            Input::Placed { call: CallId::new(9), origin, conversation, team, item, by: OTHER }
        }
        other => other,
    };
    assert_eq!(table.refused(4, second), Refusal::HasOne(CALL));
}

// --- supervisors ------------------------------------------------------------------------------------------------

#[test]
fn a_supervisor_hears_what_the_operator_hears_and_is_heard_as_they_chose() {
    let mut table = Table::consulting();
    table.boss(1, Command::Supervise(Supervision::Listen));
    let effects = table.ok(2, Input::Answered(leg(4)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Play { .. })), "no tone");
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![3]), (3, vec![2]), (4, vec![2, 3])]);
    table.get(3, Command::Swap);
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1]), (3, vec![]), (4, vec![1, 2])]);
    table.boss(4, Command::Supervise(Supervision::Whisper));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1, 4]), (3, vec![]), (4, vec![1, 2])]);
    table.boss(5, Command::Supervise(Supervision::Barge));
    assert_eq!(table.hears(), [(1, vec![2, 4]), (2, vec![1, 4]), (3, vec![]), (4, vec![1, 2])]);
    table.get(6, Command::Swap);
    assert_eq!(table.hears(), [(1, vec![]), (2, vec![3, 4]), (3, vec![2, 4]), (4, vec![2, 3])], "still not the caller");
}

#[test]
fn a_whisper_to_an_operator_who_leaves_is_for_nobody() {
    let mut table = Table::three();
    table.boss(1, Command::Supervise(Supervision::Whisper));
    table.ok(2, Input::Answered(leg(4)));
    table.get(3, Command::Leave);
    assert_eq!(table.hears(), [(1, vec![3]), (3, vec![1]), (4, vec![1, 3])]);
    let whisper =
        Input::Commanded { call: CALL, by: BOSS, supervises: true, command: Command::Supervise(Supervision::Whisper) };
    assert_eq!(table.refused(4, whisper), Refusal::NobodyElse);
}

#[test]
fn a_supervisor_takes_over_where_the_operator_was() {
    let mut table = Table::consulting();
    let take_over = || Input::Commanded { call: CALL, by: BOSS, supervises: true, command: Command::TakeOver };
    assert_eq!(table.refused(1, take_over()), Refusal::WrongState, "whoever takes over listens first");
    table.boss(1, Command::Supervise(Supervision::Whisper));
    table.ok(2, Input::Answered(leg(4)));
    let effects = table.ok(3, take_over());
    assert!(effects.contains(&Effect::HangUp(OP)));
    assert_eq!(table.hears(), [(1, vec![]), (3, vec![4]), (4, vec![3])]);
    assert_eq!(table.parts(), [(1, CallPart::Caller), (3, CallPart::Professional), (4, CallPart::Operator)]);
    assert!(table.calls.is_busy(OPERATOR), "wraps up");
    table.ok(4, by(BOSS, Command::Merge));
    assert_eq!(table.hears().len(), 3);
    // Of a caller who waits.
    let mut table = Table::waiting();
    table.boss(1, Command::Supervise(Supervision::Listen));
    table.ok(2, Input::Answered(leg(2)));
    assert!(table.boss(3, Command::TakeOver).contains(&Effect::StopAsking(CALL)));
    assert_eq!(table.hears(), [(1, vec![2]), (2, vec![1])]);
}

#[test]
fn a_supervisor_ends_a_call_for_all() {
    let mut table = Table::three();
    let effects = table.boss(1, Command::End);
    assert_eq!(ended(&effects), Some((CallEnd::EndedBySupervisor, at(1))));
    let hung_up = effects.iter().filter(|effect| matches!(effect, Effect::HangUp(_))).count();
    assert_eq!(hung_up, 3);
}

// --- rights and limits ------------------------------------------------------------------------------------------

#[test]
fn who_may_do_what() {
    use Standing::{FormerOperator, Guest, Operator, Professional, Supervisor};
    for (deed, allowed) in [
        (CallDeed::Request, &[Operator][..]),
        (CallDeed::Arrange, &[Operator]),
        (CallDeed::Drop, &[Operator]),
        (CallDeed::Silence, &[Operator]),
        (CallDeed::MuteSelf, &[Operator, Professional, Guest]),
        (CallDeed::Whisper, &[Operator, Professional, Guest]),
        (CallDeed::Dial, &[Operator]),
        (CallDeed::Leave, &[Operator]),
        (CallDeed::Return, &[FormerOperator]),
        (CallDeed::Continue, &[Operator, Professional]),
        (CallDeed::End, &[Operator, Supervisor]),
        (CallDeed::Supervise, &[Supervisor]),
        (CallDeed::TakeOver, &[Supervisor]),
    ] {
        for standing in Standing::ALL {
            assert_eq!(standing.allows(deed), allowed.contains(standing), "{standing} {deed}");
        }
    }
    assert_eq!(CallDeed::ALL.len(), 13, "every right is in the table");
}

#[test]
fn every_command_asks_for_its_right() {
    for (command, deed) in [
        (request(pro(), Goal::Join), CallDeed::Request),
        (Command::StopRequest, CallDeed::Request),
        (Command::Merge, CallDeed::Arrange),
        (Command::Swap, CallDeed::Arrange),
        (Command::Hold(CALLER), CallDeed::Arrange),
        (Command::Resume(CALLER), CallDeed::Arrange),
        (Command::Drop(OP), CallDeed::Drop),
        (Command::Mute { leg: CALLER, is_muted: true }, CallDeed::Silence),
        (Command::Dial { leg: OP, digits: "1".to_owned() }, CallDeed::Dial),
        (Command::Leave, CallDeed::Leave),
        (Command::Return { takes_back: true }, CallDeed::Return),
        (Command::End, CallDeed::End),
        (Command::Supervise(Supervision::Barge), CallDeed::Supervise),
        (Command::TakeOver, CallDeed::TakeOver),
    ] {
        let mut table = Table::three();
        assert_eq!(
            table.refused(1, by(PRO, command.clone())),
            Refusal::NotAllowed(Standing::Professional, deed),
            "{command:?}"
        );
        assert_eq!(table.refused(1, by(OTHER, command)), Refusal::NotYours, "who is not in the call");
    }
    let mut table = Table::three();
    table.ok(1, by(PRO, Command::Mute { leg: THIRD, is_muted: true }));
    table.ok(1, by(PRO, Command::OpenWindow));
    let supervised = Input::Commanded { call: CALL, by: OPERATOR, supervises: true, command: Command::TakeOver };
    assert_eq!(table.refused(2, supervised), Refusal::NotAllowed(Standing::Operator, CallDeed::TakeOver));
}

#[test]
fn a_direct_line_is_nobodys_command_and_the_caller_is_never_dropped() {
    let mut table = Table::three();
    assert_eq!(table.refused(1, by(OPERATOR, request(pro(), Goal::Direct))), Refusal::WrongState);
    for target in [CALLER, OP] {
        assert_eq!(table.refused(1, by(OPERATOR, Command::Drop(target))), Refusal::NotForLeg(target));
    }
    table.boss(2, Command::Supervise(Supervision::Listen));
    table.ok(3, Input::Answered(leg(4)));
    for command in [Command::Drop(leg(4)), Command::Hold(leg(4)), Command::Mute { leg: leg(4), is_muted: true }] {
        assert_eq!(table.refused(4, by(OPERATOR, command)), Refusal::NotForLeg(leg(4)), "a supervisor is not arranged");
    }
}

#[test]
fn keys_are_pressed_towards_third_parties_only() {
    let mut table = Table::three();
    let dial = |leg, digits: &str| by(OPERATOR, Command::Dial { leg, digits: digits.to_owned() });
    let most = "1".repeat(MAX_DIGITS);
    for digits in ["1", "*#0", &most] {
        assert_eq!(table.ok(1, dial(THIRD, digits)), [Effect::Dial { leg: THIRD, digits: digits.to_owned() }]);
    }
    for digits in ["", "1a", "1 2", &format!("{most}1")] {
        assert_eq!(table.refused(1, dial(THIRD, digits)), Refusal::BadDigits);
    }
    assert_eq!(table.refused(1, dial(CALLER, "1")), Refusal::NotForLeg(CALLER));
}

#[test]
fn there_are_limits() {
    let mut table = Table::with(Settings { most_calls: Some(1), ..Settings::default() });
    table.ok(0, arrived(None));
    assert_eq!(table.refused(0, arrived(None)), Refusal::KnownAlready(CALL));
    let second = match arrived(None) {
        Input::Arrived { origin, conversation, team, item, is_first, direct, .. } => {
            Input::Arrived { call: CallId::new(9), origin, conversation, team, item, is_first, direct }
        }
        other => other,
    };
    assert_eq!(table.refused(0, second.clone()), Refusal::Full);
    table.ok(1, Input::HungUp(CALLER));
    table.ok(2, second);
    let mut table = Table::waiting();
    table.ok(1, Input::Draining);
    let late = match placed() {
        Input::Placed { origin, conversation, team, item, by, .. } => {
            Input::Placed { call: CallId::new(9), origin, conversation, team, item, by }
        }
        other => other,
    };
    assert_eq!(table.refused(2, late), Refusal::Draining);
    table.seat(3, OPERATOR, OP);
    // Candidates.
    let many = |n: usize| plan(&vec![number(1); n]);
    assert_eq!(table.refused(4, by(OPERATOR, request(many(MAX_CANDIDATES + 1), Goal::Join))), Refusal::TooMany);
    let mut table = Table::with(Settings::default());
    assert_eq!(table.refused(0, arrived(Some(many(MAX_CANDIDATES + 1)))), Refusal::TooMany);
    table.ok(0, arrived(Some(many(MAX_CANDIDATES))));
    // Requests.
    let mut table = Table::talking();
    for n in 0..30 {
        table.get(n, request(plan(&[]), Goal::Join));
    }
    assert_eq!(table.refused(31, by(OPERATOR, request(plan(&[]), Goal::Join))), Refusal::TooMany);
    // Supervisors.
    let mut table = Table::talking();
    let listen = |by| {
        let command = Command::Supervise(Supervision::Listen);
        Input::Commanded { call: CALL, by, supervises: true, command }
    };
    table.ok(1, listen(BOSS));
    table.ok(1, listen(OTHER));
    assert_eq!(table.refused(1, listen(BOSS)), Refusal::Busy(BOSS), "is being rung");
    assert_eq!(table.refused(1, listen(GUEST)), Refusal::TooMany);
}

// --- restart ----------------------------------------------------------------------------------------------------

#[test]
fn a_call_whose_node_died_is_ended_truthfully_and_called_back_at_once() {
    let mut table = Table::three();
    table.get(1, request(plan(&[number(1)]), Goal::Join));
    let kept = table.calls.kept(CALL).unwrap();
    assert_eq!((kept.requests.len(), kept.attempts.len(), kept.legs.len()), (1, 1, 3));
    let mut other = Table::with(Settings::default());
    let effects = other.ok(60_000, Input::Restored(kept));
    assert_eq!((causes(&effects), decided(&effects)), (vec![(4, Cause::NodeLost)], Some(RequestEnd::NodeLost)));
    assert_eq!(ended(&effects), Some((CallEnd::NodeLost, at(60_000))));
    assert_eq!(effects.last(), Some(&Effect::CallBackNow { call: CALL, agent: Some(OPERATOR) }));
    let legs = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Save(Row::Leg(row)) if row.because == Some(LegEnd::NodeLost)));
    assert_eq!((legs.count(), other.calls.calls().len()), (3, 0));
}

#[test]
fn a_call_that_was_only_being_rated_or_had_no_caller_yet_is_not_called_back() {
    let mut table = Table::talking();
    table.get(1, Command::End);
    let mut other = Table::with(Settings::default());
    let effects = other.ok(2, Input::Restored(table.calls.kept(CALL).unwrap()));
    assert_eq!(ended(&effects).unwrap().0, CallEnd::Completed);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::CallBackNow { .. })));
    let mut table = Table::with(Settings::default());
    table.ok(0, placed());
    let effects = other.ok(3, Input::Restored(table.calls.kept(CALL).unwrap()));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::CallBackNow { .. })));
}

#[test]
fn a_wrap_up_goes_on_after_a_restart() {
    let table = Table::left();
    let row = table.calls.wrap_ups().next().cloned().unwrap();
    let mut other = Table::with(Settings::default());
    other.ok(30_000, Input::WrapUpRestored(row));
    assert_eq!(other.calls.next_deadline(), Some(at(60_000)));
    assert!(other.calls.is_busy(OPERATOR));
    assert_eq!(table.calls.next_deadline(), Some(at(60_000)), "as if nothing had been");
}

// --- words ------------------------------------------------------------------------------------------------------

#[test]
fn final_statuses_of_sip_have_their_causes() {
    for (statuses, failure) in [
        (&[486, 600][..], Failure::Busy),
        (&[603, 607], Failure::Declined),
        (&[408], Failure::NoAnswer),
        (&[404, 410, 480, 484, 604], Failure::Unreachable),
        (&[503, 504], Failure::Congested),
        (&[400, 403, 487, 488, 500, 606, 302, 0, u16::MAX], Failure::Broken),
    ] {
        for status in statuses {
            assert_eq!(Failure::of_sip(*status), failure, "{status}");
        }
    }
    for failure in Failure::ALL {
        assert_eq!(failure.cause().as_str(), failure.as_str());
    }
}

#[test]
fn a_number_is_cleaned_and_never_logged() {
    let number = Number::parse("021-1234 5678").unwrap();
    assert_eq!((number.as_str(), format!("{number:?}").as_str()), ("02112345678", "Number(***)"));
    for text in ["", "1234", "0211234x", "0123456789012345678901"] {
        assert_eq!(Number::parse(text), None, "{text}");
    }
    let logged = format!("{:?}", request(plan(&[Party::Number(number)]), Goal::Join));
    assert!(!logged.contains("0211"), "{logged}");
}

#[test]
fn legs_are_named_after_their_call() {
    assert_eq!(OP.to_string(), format!("{CALL}/2"));
}
