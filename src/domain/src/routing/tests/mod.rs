//! Every number of the rules, one millisecond before and at it.

use super::*;
use crate::words::SlaStep::{Alerted, Breached, Warned};

mod asking;
mod calls;
mod staffing;

const T0: i64 = 1_000_000;
const TEAM: TeamId = TeamId(0);
const OTHER: TeamId = TeamId(1);

fn at(ms: i64) -> Timestamp {
    Timestamp(T0 + ms)
}

fn cv(n: u128) -> ConversationId {
    ConversationId::new(n)
}

fn ag(n: u128) -> AgentId {
    AgentId::new(n)
}

struct Desk {
    router: Router,
}

impl Desk {
    fn new() -> Self {
        Self { router: Router::new(1, Settings::default(), 2) }
    }

    /// Agents 1.. of team 0, online and connected at 0 ms, with this capacity.
    fn with_agents(capacities: &[u32]) -> Self {
        let mut desk = Self::new();
        for (n, capacity) in (1..).zip(capacities) {
            desk.join(0, n, *capacity, vec![TEAM]);
        }
        desk
    }

    fn join(&mut self, ms: i64, n: u128, capacity: u32, teams: Vec<TeamId>) {
        self.ok(
            ms,
            Input::AgentKnown { agent: ag(n), profile: Profile::plain(teams, capacity), status: AgentStatus::Online },
        );
        self.ok(ms, Input::AgentConnected { agent: ag(n) });
    }

    fn ok(&mut self, ms: i64, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.router.handle(at(ms), input, &mut out).unwrap();
        out
    }

    fn refused(&mut self, ms: i64, input: Input) -> Refusal {
        self.router.handle(at(ms), input, &mut Vec::new()).unwrap_err()
    }

    fn tick(&mut self, ms: i64) -> Vec<Effect> {
        self.ok(ms, Input::Tick)
    }

    fn ask(&mut self, ms: i64, n: u128) -> Vec<Effect> {
        self.ok(ms, Input::HumanRequested { conversation: cv(n), team: TEAM, at: at(ms), demand: Demand::default() })
    }

    fn offer_of(&self, n: u128) -> OfferId {
        self.router.agent(ag(n)).unwrap().offer.expect("an open offer").id
    }

    fn accept(&mut self, ms: i64, n: u128) -> Vec<Effect> {
        let offer = self.offer_of(n);
        self.ok(ms, Input::OfferAccepted { agent: ag(n), offer })
    }

    fn place(&self, n: u128) -> Place {
        self.router.conversation(cv(n)).unwrap().place
    }

    fn offered_to(&self, n: u128) -> Option<AgentId> {
        match self.place(n) {
            Place::Offered { agent, .. } => Some(agent),
            Place::Waiting | Place::Serving { .. } => None,
        }
    }
}

fn steps(effects: &[Effect]) -> Vec<(SlaStep, Timestamp)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Stepped { step, at, .. } => Some((*step, *at)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_clock_warns_at_30_alerts_at_45_and_breaches_at_60_seconds_once_each() {
    let mut desk = Desk::new();
    desk.ask(0, 1);
    assert_eq!(desk.router.next_deadline(), Some(at(30_000)));
    for (before, step, due) in [(29_999, Warned, 30_000), (44_999, Alerted, 45_000), (59_999, Breached, 60_000)] {
        assert_eq!(steps(&desk.tick(before)), []);
        assert_eq!(steps(&desk.tick(due)), [(step, at(due))]);
        assert_eq!(steps(&desk.tick(due)), []);
    }
    assert_eq!(desk.router.next_deadline(), None, "nothing more to wait for");
}

#[test]
fn waking_late_reports_every_step_with_the_instant_of_the_rule() {
    let mut desk = Desk::new();
    desk.ask(0, 1);
    assert_eq!(steps(&desk.tick(7_200_000)), [(Warned, at(30_000)), (Alerted, at(45_000)), (Breached, at(60_000))]);
}

#[test]
fn an_offer_stands_for_15_seconds_then_the_agent_is_on_a_30_second_break_and_the_next_is_asked() {
    let mut desk = Desk::with_agents(&[1, 1]);
    desk.ask(0, 1);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    let missed = desk.offer_of(1);
    assert_eq!(desk.tick(14_999), []);
    let effects = desk.tick(15_000);
    assert!(effects.contains(&Effect::StatusChanged {
        agent: ag(1),
        status: AgentStatus::Break,
        until: Some(at(45_000))
    }));
    assert!(effects.contains(&Effect::OfferEnded {
        offer: missed,
        conversation: cv(1),
        agent: ag(1),
        reason: OfferEnd::Missed,
        others: 0
    }));
    assert_eq!(desk.offered_to(1), Some(ag(2)));
    assert_eq!(desk.refused(15_001, Input::OfferAccepted { agent: ag(1), offer: missed }), Refusal::OfferGone(missed));
    desk.accept(15_002, 2);
    desk.tick(44_999);
    assert!(!desk.router.agent(ag(1)).unwrap().is_free);
    desk.tick(45_000);
    assert!(desk.router.agent(ag(1)).unwrap().is_free);
}

#[test]
fn an_offer_accepted_at_14_999_is_taken() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    let offer = desk.offer_of(1);
    assert_eq!(
        desk.accept(14_999, 1),
        [Effect::Assigned { offer, conversation: cv(1), agent: ag(1), team: TEAM, transfer_by: None }]
    );
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
}

#[test]
fn a_missed_conversation_goes_before_those_who_asked_earlier() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.ask(1_000, 2);
    desk.tick(15_000);
    assert_eq!(desk.router.queue(TEAM).collect::<Vec<_>>(), [cv(1), cv(2)]);
    desk.tick(45_000);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
}

#[test]
fn the_oldest_is_served_first_across_the_teams_of_whoever_becomes_free() {
    let mut desk = Desk::new();
    desk.ok(0, Input::HumanRequested { conversation: cv(9), team: OTHER, at: at(0), demand: Demand::default() });
    desk.ask(1, 1);
    desk.ask(2, 2);
    desk.join(10, 1, 3, vec![TEAM, OTHER]);
    for expected in [9, 1, 2] {
        assert_eq!(desk.router.agent(ag(1)).unwrap().offer.unwrap().conversation, cv(expected));
        desk.accept(20, 1);
    }
    assert_eq!(desk.router.agent(ag(1)).unwrap().load, 3);
}

#[test]
fn nobody_gets_an_offer_above_capacity_and_closing_brings_the_next_one_at_once() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ask(2, 2);
    assert_eq!(desk.place(2), Place::Waiting);
    desk.ok(3, Input::HumanReplied { conversation: cv(1), at: at(3) });
    desk.ok(5, Input::Closed { conversation: cv(1) });
    assert_eq!(desk.offered_to(2), Some(ag(1)));
}

#[test]
fn the_least_loaded_is_asked_and_among_them_who_has_rested_longest() {
    let mut desk = Desk::new();
    desk.join(0, 1, 2, vec![TEAM]);
    desk.join(5, 2, 2, vec![TEAM]);
    desk.join(9, 3, 2, vec![TEAM]);
    for (ms, conversation, expected) in [(10, 1, 1), (20, 2, 2), (30, 3, 3), (40, 4, 1)] {
        desk.ask(ms, conversation);
        assert_eq!(desk.offered_to(conversation), Some(ag(expected)), "conversation {conversation}");
        desk.accept(ms + 1, expected);
    }
}

#[test]
fn an_offer_is_withdrawn_without_blame_when_the_agent_pauses_and_the_next_is_asked() {
    for status in [AgentStatus::Break, AgentStatus::Offline] {
        let mut desk = Desk::with_agents(&[1, 1]);
        desk.ask(0, 1);
        let offer = desk.offer_of(1);
        let effects = desk.ok(5, Input::StatusChosen { agent: ag(1), status });
        assert!(effects.contains(&Effect::OfferEnded {
            offer,
            conversation: cv(1),
            agent: ag(1),
            reason: OfferEnd::AgentUnavailable,
            others: 0
        }));
        assert_eq!(desk.offered_to(1), Some(ag(2)));
    }
}

#[test]
fn who_declined_is_asked_again_only_after_15_seconds_and_only_if_nobody_else_took_it() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    let offer = desk.offer_of(1);
    desk.ok(1_000, Input::OfferDeclined { agent: ag(1), offer });
    assert_eq!(desk.place(1), Place::Waiting);
    assert!(desk.router.agent(ag(1)).unwrap().is_free, "declining is no break");
    desk.tick(15_999);
    assert_eq!(desk.place(1), Place::Waiting);
    desk.tick(16_000);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
}

#[test]
fn a_lost_agent_gives_back_the_unanswered_at_20_and_all_at_60_seconds() {
    let mut desk = Desk::with_agents(&[2]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ok(2, Input::HumanReplied { conversation: cv(1), at: at(2) });
    desk.ask(3, 2);
    desk.accept(4, 1);
    desk.ok(1_000, Input::AgentDisconnected { agent: ag(1) });
    desk.tick(20_999);
    assert_eq!(desk.place(2), Place::Serving { agent: ag(1), transfer: None });
    let effects = desk.tick(21_000);
    assert!(effects.contains(&Effect::AgentMissing { agent: ag(1), lost: false }));
    assert_eq!((desk.place(1), desk.place(2)), (Place::Serving { agent: ag(1), transfer: None }, Place::Waiting));
    desk.tick(60_999);
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
    let effects = desk.tick(61_000);
    assert!(effects.contains(&Effect::AgentMissing { agent: ag(1), lost: true }));
    assert_eq!(desk.place(1), Place::Waiting);
    let clock = desk.router.conversation(cv(2)).unwrap().clock;
    assert_eq!((clock.asked_at, clock.due_at), (at(3), at(60_003)), "the clock never restarts");
}

#[test]
fn reloading_the_console_is_no_loss() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ok(2, Input::AgentDisconnected { agent: ag(1) });
    desk.ok(20_001, Input::AgentConnected { agent: ag(1) });
    desk.tick(200_000);
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
}

#[test]
fn a_reply_read_at_59_990_and_known_at_60_020_is_a_hit_and_strikes_the_breach() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    let effects = desk.ok(60_020, Input::HumanReplied { conversation: cv(1), at: at(59_990) });
    assert_eq!(steps(&effects).last(), Some(&(Breached, at(60_000))));
    let answered = Effect::Answered { conversation: cv(1), at: at(59_990), strikes_breach: true };
    assert_eq!(effects.last(), Some(&answered));
    let late = desk.ok(60_030, Input::HumanReplied { conversation: cv(1), at: at(60_030) });
    assert_eq!(late, [], "only the first response counts");
}

#[test]
fn a_transfer_stays_with_its_agent_until_accepted_and_keeps_the_clock() {
    let mut desk = Desk::with_agents(&[1, 1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    let clock = desk.router.conversation(cv(1)).unwrap().clock;
    let to = Target::Agent(ag(2));
    desk.ok(10, Input::TransferRequested { conversation: cv(1), by: ag(1), to });
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: Some(to) });
    let offer = desk.offer_of(2);
    let effects = desk.ok(20, Input::OfferDeclined { agent: ag(2), offer });
    assert!(effects.contains(&Effect::TransferEnded { conversation: cv(1), by: ag(1), reason: OfferEnd::Declined }));
    desk.ok(30, Input::TransferRequested { conversation: cv(1), by: ag(1), to });
    desk.accept(40, 2);
    assert_eq!(desk.place(1), Place::Serving { agent: ag(2), transfer: None });
    assert_eq!(desk.router.conversation(cv(1)).unwrap().clock, clock);
    assert!(desk.router.agent(ag(1)).unwrap().is_free);
}

#[test]
fn a_colleague_who_is_handed_several_is_asked_for_one_after_the_other() {
    let to = Target::Agent(ag(2));
    let asked = |desk: &Desk| desk.router.agent(ag(2)).unwrap().offer.map(|offer| offer.conversation);
    let transfer = |n| Input::TransferRequested { conversation: cv(n), by: ag(1), to };
    let shift_change = || {
        let mut desk = Desk::with_agents(&[4, 1]);
        desk.ok(0, Input::StatusChosen { agent: ag(2), status: AgentStatus::Break });
        for n in 1..=4 {
            desk.ask(0, n);
            desk.accept(1, 1);
        }
        desk.ok(5, Input::StatusChosen { agent: ag(2), status: AgentStatus::Online });
        for n in 1..=4 {
            desk.ok(10, transfer(n));
        }
        assert_eq!(asked(&desk), Some(cv(1)), "the first is offered at once");
        desk
    };

    // Accepted, declined, taken back, closed by their own agent: the next one follows. Beyond capacity, as a colleague may.
    let mut desk = shift_change();
    desk.accept(20, 2);
    assert_eq!(asked(&desk), Some(cv(2)));
    desk.ok(21, Input::TransferCancelled { conversation: cv(3), by: ag(1) });
    let offer = desk.offer_of(2);
    let effects = desk.ok(30, Input::OfferDeclined { agent: ag(2), offer });
    assert!(effects.contains(&Effect::TransferEnded { conversation: cv(2), by: ag(1), reason: OfferEnd::Declined }));
    assert_eq!(asked(&desk), Some(cv(4)), "the third was taken back");
    desk.accept(40, 2);
    assert_eq!(
        [1, 2, 3, 4].map(|n| matches!(desk.place(n), Place::Serving { agent, .. } if agent == ag(2))),
        [true, false, false, true]
    );

    // Somebody who waits for their first response comes before those who are served.
    let mut desk = Desk::with_agents(&[2, 3]);
    desk.ok(0, Input::StatusChosen { agent: ag(2), status: AgentStatus::Break });
    for n in 1..=2 {
        desk.ask(0, n);
        desk.accept(1, 1);
    }
    desk.ok(5, Input::StatusChosen { agent: ag(2), status: AgentStatus::Online });
    desk.ok(10, transfer(1));
    desk.ok(10, transfer(2));
    desk.ok(12, Input::StatusChosen { agent: ag(1), status: AgentStatus::Break });
    desk.ask(15, 3);
    desk.accept(20, 2);
    assert_eq!(asked(&desk), Some(cv(3)));
    desk.accept(30, 2);
    assert_eq!(asked(&desk), Some(cv(2)));

    // Whoever goes away is asked for none of them.
    for away in [Input::StatusChosen { agent: ag(2), status: AgentStatus::Break }, Input::AgentLeft { agent: ag(2) }] {
        let mut desk = shift_change();
        let effects = desk.ok(20, away);
        for n in 1..=4 {
            let ended = Effect::TransferEnded { conversation: cv(n), by: ag(1), reason: OfferEnd::AgentUnavailable };
            assert_eq!(effects.iter().filter(|effect| **effect == ended).count(), 1, "{n}");
            assert_eq!(desk.place(n), Place::Serving { agent: ag(1), transfer: None });
        }
    }
}

#[test]
fn a_transfer_to_a_team_waits_for_it_and_can_be_taken_back() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ok(10, Input::TransferRequested { conversation: cv(1), by: ag(1), to: Target::Team(OTHER) });
    desk.ok(20, Input::TransferCancelled { conversation: cv(1), by: ag(1) });
    desk.join(30, 2, 1, vec![OTHER]);
    assert_eq!(desk.router.agent(ag(2)).unwrap().offer, None);
    desk.ok(40, Input::TransferRequested { conversation: cv(1), by: ag(1), to: Target::Team(OTHER) });
    desk.accept(50, 2);
    assert_eq!(desk.router.conversation(cv(1)).unwrap().team, OTHER);
}

#[test]
fn what_is_impossible_is_refused_and_changes_nothing() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    let refusals = [
        (
            Input::HumanRequested { conversation: cv(1), team: TEAM, at: at(5), demand: Demand::default() },
            Refusal::AlreadyRouted(cv(1)),
        ),
        (
            Input::HumanRequested { conversation: cv(2), team: TeamId(7), at: at(5), demand: Demand::default() },
            Refusal::UnknownTeam(TeamId(7)),
        ),
        (Input::AgentConnected { agent: ag(8) }, Refusal::UnknownAgent(ag(8))),
        (Input::HumanReplied { conversation: cv(8), at: at(5) }, Refusal::UnknownConversation(cv(8))),
        (Input::RequestCancelled { conversation: cv(8) }, Refusal::UnknownConversation(cv(8))),
        (
            Input::TransferRequested { conversation: cv(1), by: ag(1), to: Target::Team(OTHER) },
            Refusal::NotServing(cv(1)),
        ),
    ];
    let before = format!("{:?}", desk.router.conversation(cv(1)));
    for (input, refusal) in refusals {
        assert_eq!(desk.refused(5, input), refusal);
    }
    assert_eq!(format!("{:?}", desk.router.conversation(cv(1))), before);
}

#[test]
fn a_breach_whose_reply_was_in_time_is_struck_after_a_restart_too() {
    let mut desk = Desk::with_agents(&[1]);
    let clock = |answered| Clock {
        asked_at: at(0),
        due_at: at(60_000),
        answered_at: Some(at(answered)),
        left_at: None,
        step: Breached,
    };
    let restored = |n, answered| Input::Restored {
        conversation: cv(n),
        team: TEAM,
        clock: clock(answered),
        agent: Some(ag(1)),
        demand: Demand::default(),
        at_head: false,
    };
    let struck = Effect::Answered { conversation: cv(1), at: at(60_000), strikes_breach: true };
    assert_eq!(desk.ok(70_000, restored(1, 60_000)), [struck]);
    assert_eq!(desk.ok(70_000, restored(2, 60_001)), [], "late stays late");
}

#[test]
fn what_is_due_when_it_comes_is_done_at_once() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ok(500, Input::CallBackPromised { conversation: cv(1), team: TEAM, at: at(500), demand: Demand::default() });
    assert_eq!(desk.offered_to(1), Some(ag(1)), "its slot begins right now");
    let late = desk.ok(
        31_000,
        Input::HumanRequested { conversation: cv(2), team: TEAM, at: at(1_000), demand: Demand::default() },
    );
    assert_eq!(steps(&late).last(), Some(&(Warned, at(31_000))), "read 30 s ago");
    assert!(desk.router.next_deadline().is_some_and(|due| due > at(31_000)));
}

#[test]
fn a_call_back_enters_the_queue_at_its_slot_with_its_own_minute() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ok(0, Input::CallBackPromised { conversation: cv(1), team: TEAM, at: at(500_000), demand: Demand::default() });
    assert_eq!(desk.router.call_backs(TEAM), 1);
    assert_eq!([499_999, 500_000, 500_001].map(|ms| desk.router.call_backs_at(TEAM, at(ms))), [0, 1, 0]);
    assert_eq!(desk.tick(499_999), []);
    desk.tick(500_000);
    let routed = desk.router.conversation(cv(1)).unwrap();
    assert_eq!((routed.clock.asked_at, routed.clock.due_at), (at(500_000), at(560_000)));
    assert_eq!((desk.offered_to(1), desk.router.call_backs(TEAM)), (Some(ag(1)), 0));
}

#[test]
fn a_call_back_that_is_moved_has_one_place_and_comes_at_its_new_time_only() {
    let mut desk = Desk::with_agents(&[1]);
    let promise = |at| Input::CallBackPromised { conversation: cv(1), team: TEAM, at, demand: Demand::default() };
    let moved = |at| Input::CallBackMoved { conversation: cv(1), at };
    assert_eq!(desk.refused(0, moved(at(500_000))), Refusal::UnknownConversation(cv(1)), "nothing was promised");
    desk.ok(0, promise(at(500_000)));
    desk.ok(1, moved(at(700_000)));
    assert_eq!([500_000, 700_000].map(|ms| desk.router.call_backs_at(TEAM, at(ms))), [0, 1]);
    assert_eq!(desk.router.call_backs(TEAM), 1);
    assert_eq!(desk.tick(500_000), []);
    desk.tick(700_000);
    assert_eq!(desk.router.conversation(cv(1)).unwrap().clock.asked_at, at(700_000));
    assert_eq!(desk.refused(700_000, moved(at(900_000))), Refusal::UnknownConversation(cv(1)), "it has come");
    assert_eq!(desk.router.call_backs(TEAM), 0);
}

#[test]
fn a_cancelled_request_frees_the_agent_and_is_counted_as_left() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.ask(1, 2);
    let effects = desk.ok(5, Input::RequestCancelled { conversation: cv(1) });
    assert!(effects.contains(&Effect::Left { conversation: cv(1) }));
    assert_eq!(desk.offered_to(2), Some(ag(1)));
}

#[test]
fn after_a_restart_the_clock_stands_where_it_stood_and_the_agent_has_time_to_come_back() {
    let mut desk = Desk::new();
    desk.ok(0, Input::AgentKnown { agent: ag(1), profile: Profile::plain(vec![TEAM], 2), status: AgentStatus::Online });
    let waiting = Clock { asked_at: at(-35_000), due_at: at(25_000), answered_at: None, left_at: None, step: Warned };
    let served = Clock {
        asked_at: at(-90_000),
        due_at: at(-30_000),
        answered_at: Some(at(-80_000)),
        left_at: None,
        step: Warned,
    };
    desk.ok(
        0,
        Input::Restored {
            conversation: cv(1),
            team: TEAM,
            clock: waiting,
            agent: None,
            demand: Demand::default(),
            at_head: false,
        },
    );
    desk.ok(
        0,
        Input::Restored {
            conversation: cv(2),
            team: TEAM,
            clock: served,
            agent: Some(ag(1)),
            demand: Demand::default(),
            at_head: false,
        },
    );
    assert_eq!(steps(&desk.tick(9_999)), []);
    assert_eq!(steps(&desk.tick(10_000)), [(Alerted, at(10_000))]);
    desk.ok(12_000, Input::AgentConnected { agent: ag(1) });
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    assert_eq!(desk.place(2), Place::Serving { agent: ag(1), transfer: None });
}

#[test]
fn a_clock_that_ran_out_while_the_server_was_down_takes_its_steps_at_the_restart_each_once() {
    let mut desk = Desk::new();
    desk.ok(0, Input::AgentKnown { agent: ag(1), profile: Profile::plain(vec![TEAM], 2), status: AgentStatus::Online });
    let waiting = Clock { asked_at: at(-120_000), due_at: at(-60_000), answered_at: None, left_at: None, step: Warned };
    let accepted =
        Clock { asked_at: at(-50_000), due_at: at(10_000), answered_at: None, left_at: None, step: SlaStep::Running };
    let first = desk.ok(
        0,
        Input::Restored {
            conversation: cv(1),
            team: TEAM,
            clock: waiting,
            agent: None,
            demand: Demand::default(),
            at_head: false,
        },
    );
    assert_eq!(steps(&first), [(Alerted, at(-75_000)), (Breached, at(-60_000))]);
    let second = desk.ok(
        0,
        Input::Restored {
            conversation: cv(2),
            team: TEAM,
            clock: accepted,
            agent: Some(ag(1)),
            demand: Demand::default(),
            at_head: false,
        },
    );
    assert_eq!(steps(&second), [(Warned, at(-20_000)), (Alerted, at(-5_000))]);
    assert_eq!(steps(&desk.tick(10_000)), [(Breached, at(10_000))]);
}

#[test]
fn an_offer_accepted_at_15_000_is_gone_and_one_accepted_twice_is_taken_once() {
    let mut desk = Desk::with_agents(&[1, 1]);
    desk.ask(0, 1);
    let late = desk.offer_of(1);
    assert_eq!(desk.refused(15_000, Input::OfferAccepted { agent: ag(1), offer: late }), Refusal::OfferGone(late));
    assert_eq!(desk.offered_to(1), Some(ag(2)), "the next one is being asked");
    let offer = desk.offer_of(2);
    desk.ok(15_001, Input::OfferAccepted { agent: ag(2), offer });
    assert_eq!(desk.refused(15_001, Input::OfferAccepted { agent: ag(2), offer }), Refusal::OfferGone(offer));
    assert_eq!(desk.router.agent(ag(2)).unwrap().load, 1);
}

#[test]
fn the_end_of_a_shift_gives_back_who_is_still_owed_an_answer_at_once_and_interrupts_nobody() {
    let mut desk = Desk::with_agents(&[2, 2]);
    for n in [1, 2] {
        desk.ask(0, n);
    }
    desk.accept(1, 1);
    desk.accept(1, 2);
    desk.ok(2, Input::HumanReplied { conversation: cv(1), at: at(2) });
    desk.ask(3, 3);
    desk.accept(4, 1);
    let effects = desk.ok(5, Input::StatusChosen { agent: ag(1), status: AgentStatus::Offline });
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Queued { conversation, because: QueuedBecause::AgentOffline, taken_from, .. }
            if *conversation == cv(3) && *taken_from == Some(ag(1))
    )));
    assert_eq!(desk.offered_to(3), Some(ag(2)), "the next one is asked at the same instant");
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None }, "in the middle of a talk");
    // Whoever is gone with the console goes the way of a lost agent.
    desk.ok(10, Input::AgentDisconnected { agent: ag(1) });
    desk.tick(60_009);
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
    desk.tick(60_010);
    assert_ne!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
}

#[test]
fn a_citizen_who_finishes_before_an_answer_has_left_and_the_outcome_that_is_owed_counts_as_load() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ask(2, 2);
    let effects = desk.ok(29_999, Input::CitizenFinished { conversation: cv(1) });
    assert_eq!(effects, [Effect::Left { conversation: cv(1) }]);
    assert_eq!(desk.router.conversation(cv(1)).unwrap().clock.left_at, Some(at(29_999)));
    let later = desk.tick(70_000);
    let of_1 = later.iter().filter(|e| matches!(e, Effect::Stepped { conversation, .. } if *conversation == cv(1)));
    assert_eq!(of_1.count(), 0, "nothing is owed any more");
    assert_eq!(desk.ok(70_001, Input::HumanReplied { conversation: cv(1), at: at(70_001) }), []);
    assert_eq!(desk.place(2), Place::Waiting, "the agent is full until the outcome is written");
    // ... but one that was on its way when they left is a human response: the store has taken it.
    let crossed = desk.ok(70_001, Input::HumanReplied { conversation: cv(1), at: at(29_990) });
    assert_eq!(crossed, [Effect::Answered { conversation: cv(1), at: at(29_990), strikes_breach: false }]);
    let closing = desk.ok(70_002, Input::Closed { conversation: cv(1) });
    assert!(!closing.contains(&Effect::Left { conversation: cv(1) }), "left once");
    assert_eq!(desk.offered_to(2), Some(ag(1)));
    assert_eq!(desk.refused(70_003, Input::CitizenFinished { conversation: cv(2) }), Refusal::NotServing(cv(2)));
}

#[test]
fn a_reply_that_crosses_a_transfer_is_a_human_response_and_one_of_before_the_request_is_none() {
    let mut desk = Desk::with_agents(&[1, 1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ok(10, Input::TransferRequested { conversation: cv(1), by: ag(1), to: Target::Agent(ag(2)) });
    desk.accept(20, 2);
    let effects = desk.ok(25, Input::HumanReplied { conversation: cv(1), at: at(15) });
    assert_eq!(effects, [Effect::Answered { conversation: cv(1), at: at(15), strikes_breach: false }]);
    desk.ok(30, Input::Closed { conversation: cv(1) });
    desk.ask(40, 1);
    assert_eq!(desk.ok(41, Input::HumanReplied { conversation: cv(1), at: at(39) }), []);
    assert_eq!(desk.router.conversation(cv(1)).unwrap().clock.answered_at, None);
}

#[test]
fn a_call_back_stands_between_those_who_asked_before_and_after_its_slot() {
    let mut desk = Desk::new();
    desk.ok(0, Input::CallBackPromised { conversation: cv(5), team: TEAM, at: at(500_000), demand: Demand::default() });
    desk.ask(499_999, 1);
    desk.ask(500_001, 2);
    assert_eq!(desk.router.queue(TEAM).collect::<Vec<_>>(), [cv(1), cv(5), cv(2)]);
    let due = |n| desk.router.conversation(cv(n)).unwrap().clock.due_at;
    assert_eq!([due(1), due(5), due(2)], [at(559_999), at(560_000), at(560_001)]);
    assert_eq!([1, 5, 2].map(|n| desk.router.position(cv(n))), [Some(1), Some(2), Some(3)]);
    assert_eq!((desk.router.waiting(TEAM), desk.router.waiting(OTHER), desk.router.position(cv(9))), (3, 0, None));
}

#[test]
fn who_asks_again_after_taking_it_back_gets_a_new_clock() {
    let mut desk = Desk::new();
    desk.ask(0, 1);
    desk.tick(31_000);
    desk.ok(31_000, Input::RequestCancelled { conversation: cv(1) });
    desk.ask(40_000, 1);
    assert_eq!(steps(&desk.tick(69_999)), []);
    assert_eq!(steps(&desk.tick(70_000)), [(Warned, at(70_000))]);
}

#[test]
fn closing_what_is_being_handed_on_withdraws_the_offer_to_the_colleague() {
    for to in [Target::Agent(ag(2)), Target::Team(TEAM)] {
        let mut desk = Desk::with_agents(&[1, 1]);
        desk.ask(0, 1);
        desk.accept(1, 1);
        desk.ok(10, Input::TransferRequested { conversation: cv(1), by: ag(1), to });
        let offer = desk.offer_of(2);
        let effects = desk.ok(20, Input::Closed { conversation: cv(1) });
        let reason = OfferEnd::ConversationGone;
        assert!(
            effects.contains(&Effect::OfferEnded { offer, conversation: cv(1), agent: ag(2), reason, others: 0 }),
            "{to:?}"
        );
        assert!(desk.router.agent(ag(1)).unwrap().is_free && desk.router.agent(ag(2)).unwrap().is_free);
    }
}

const SLOW: Policy = Policy {
    warn: 60_000,
    alert: 90_000,
    breach: 120_000,
    offer: 20_000,
    parallel_after: 40_000,
    parallel: 3,
    all_after: None,
    needs_for: 30_000,
};

#[test]
fn a_team_has_steps_of_its_own_and_a_running_clock_keeps_those_that_it_began_with() {
    let mut desk = Desk::new();
    desk.ok(0, Input::TeamKnown { team: OTHER, policy: SLOW, rings: Vec::new() });
    desk.ask(0, 1);
    desk.ok(0, Input::HumanRequested { conversation: cv(2), team: OTHER, at: at(0), demand: Demand::default() });
    // While both run, the policies are exchanged.
    desk.ok(1_000, Input::TeamKnown { team: TEAM, policy: SLOW, rings: Vec::new() });
    desk.ok(1_000, Input::TeamKnown { team: OTHER, policy: Settings::default().policy(), rings: Vec::new() });
    for (before, step, due, conversation) in [
        (29_999, Warned, 30_000, 1),
        (44_999, Alerted, 45_000, 1),
        (59_999, Breached, 60_000, 1),
        (59_999, Warned, 60_000, 2),
        (89_999, Alerted, 90_000, 2),
        (119_999, Breached, 120_000, 2),
    ] {
        let told = |effects: &[Effect]| {
            effects.contains(&Effect::Stepped { conversation: cv(conversation), step, at: at(due) })
        };
        assert!(!told(&desk.tick(before)), "{step} of {conversation} early");
        // Two of them fall on the same instant.
        let reached = desk.router.conversation(cv(conversation)).unwrap().clock.step >= step;
        assert!(told(&desk.tick(due)) || reached, "{step} of {conversation} forgotten");
        assert_eq!(desk.router.conversation(cv(conversation)).unwrap().clock.step, step);
    }
    // The next one asks under the new policy.
    desk.ask(200_000, 3);
    assert_eq!(desk.router.conversation(cv(3)).unwrap().clock.due_at, at(320_000));
    assert_eq!(steps(&desk.tick(259_999)), []);
    assert_eq!(steps(&desk.tick(260_000)), [(Warned, at(260_000))]);
}

#[test]
fn a_clock_that_ran_over_a_restart_keeps_its_promise_whatever_the_policy_is_now() {
    let clock = Clock { step: SlaStep::Running, ..Clock::start(at(0), 40_000) };
    let mut desk = Desk::new();
    desk.ok(0, Input::TeamKnown { team: TEAM, policy: SLOW, rings: Vec::new() });
    desk.ok(
        0,
        Input::Restored {
            conversation: cv(1),
            team: TEAM,
            clock,
            agent: None,
            demand: Demand::default(),
            at_head: false,
        },
    );
    assert_eq!(steps(&desk.tick(39_999)), []);
    assert_eq!(steps(&desk.tick(40_000)), [(Warned, at(40_000)), (Alerted, at(40_000)), (Breached, at(40_000))]);
}

#[test]
fn an_offer_stands_as_long_as_the_team_says() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ok(0, Input::TeamKnown { team: TEAM, policy: SLOW, rings: Vec::new() });
    desk.ask(0, 1);
    assert_eq!(desk.tick(19_999), []);
    assert!(!desk.tick(20_000).is_empty());
    assert_eq!(desk.offered_to(1), None);
}

#[test]
fn an_agent_who_leaves_the_team_loses_its_offer_and_keeps_what_they_serve() {
    let mut desk = Desk::with_agents(&[2, 2]);
    desk.ask(0, 1);
    desk.accept(10, 1);
    desk.ask(20, 2);
    desk.ok(
        30,
        Input::AgentKnown { agent: ag(2), profile: Profile::plain(vec![OTHER], 2), status: AgentStatus::Online },
    );
    assert_eq!(desk.offered_to(2), Some(ag(1)), "the one who stays is asked");
    desk.ok(
        40,
        Input::AgentKnown { agent: ag(1), profile: Profile::plain(vec![TEAM], 1), status: AgentStatus::Online },
    );
    assert_eq!(desk.offered_to(2), None, "no room any more");
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
    desk.ok(
        50,
        Input::AgentKnown { agent: ag(2), profile: Profile::plain(vec![TEAM], 2), status: AgentStatus::Online },
    );
    assert_eq!(desk.offered_to(2), Some(ag(2)), "back in the team, asked at once");
}

#[test]
fn a_new_team_can_be_asked_at_once() {
    let mut desk = Desk::new();
    let new = TeamId(7);
    let asked = |conversation| Input::HumanRequested { conversation, team: new, at: at(0), demand: Demand::default() };
    assert_eq!(desk.refused(0, asked(cv(1))), Refusal::UnknownTeam(new));
    desk.ok(0, Input::TeamKnown { team: new, policy: SLOW, rings: Vec::new() });
    desk.ok(0, asked(cv(1)));
    assert_eq!(desk.router.conversation(cv(1)).unwrap().clock.due_at, at(120_000));
}

#[test]
fn one_who_answers_citizens_no_more_gives_everything_back_at_once() {
    let mut desk = Desk::with_agents(&[3, 1]);
    desk.ok(0, Input::StatusChosen { agent: ag(2), status: AgentStatus::Break });
    for n in 1..=3 {
        desk.ask(0, n);
        if n < 3 {
            desk.accept(0, 1);
        }
    }
    desk.ok(5, Input::HumanReplied { conversation: cv(1), at: at(5) });
    let open = desk.offer_of(1);
    let out = desk.ok(10, Input::AgentLeft { agent: ag(1) });
    assert!(out.contains(&Effect::OfferEnded {
        offer: open,
        conversation: cv(3),
        agent: ag(1),
        reason: OfferEnd::AgentUnavailable,
        others: 0
    }));
    let back: Vec<_> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Queued { conversation, because: QueuedBecause::AgentOffline, taken_from: Some(from), .. } => {
                Some((*conversation, *from))
            }
            _ => None,
        })
        .collect();
    assert_eq!(back.len(), 2, "{out:?}");
    assert!(back.contains(&(cv(1), ag(1))) && back.contains(&(cv(2), ag(1))), "the answered one too");
    assert!(!desk.router.agent(ag(1)).unwrap().is_connected);
    // Nothing is offered to them, whatever they still say; the next one gets it.
    desk.ok(11, Input::AgentConnected { agent: ag(1) });
    assert!(
        desk.ok(12, Input::StatusChosen { agent: ag(1), status: AgentStatus::Online })
            .iter()
            .all(|effect| !matches!(effect, Effect::Offered { .. }))
    );
    let out = desk.ok(13, Input::StatusChosen { agent: ag(2), status: AgentStatus::Online });
    assert!(out.iter().any(|effect| matches!(effect, Effect::Offered { agent, .. } if *agent == ag(2))), "{out:?}");
    assert_eq!(desk.refused(14, Input::AgentLeft { agent: ag(9) }), Refusal::UnknownAgent(ag(9)));
    // Known again, they start anew.
    desk.ok(
        20,
        Input::AgentKnown { agent: ag(1), profile: Profile::plain(vec![TEAM], 3), status: AgentStatus::Online },
    );
    assert!(desk.router.agent(ag(1)).unwrap().offer.is_some());
}
