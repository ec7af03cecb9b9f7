//! How much somebody takes on, and when: weights of conversations and hours of duty.

use super::*;

impl Desk {
    /// Agent 1 serves conversations 1 to `n`, all answered.
    fn busy(capacity: u32, n: u128) -> Self {
        let mut desk = Self::with_agents(&[capacity]);
        for n in 1..=n {
            desk.ask(0, n);
            desk.accept(0, 1);
            desk.ok(0, Input::HumanReplied { conversation: cv(n), at: at(0) });
        }
        desk
    }

    fn spoken(&mut self, ms: i64, n: u128, when: i64) -> Vec<Effect> {
        self.ok(ms, Input::Spoken { conversation: cv(n), at: at(when) })
    }

    fn load(&self) -> (u32, u32) {
        let read = self.router.agent(ag(1)).unwrap();
        (read.load, read.serving)
    }
}

fn questions(effects: &[Effect]) -> Vec<ConversationId> {
    let asked = |effect: &Effect| match effect {
        Effect::AskIfSilent { conversation } => Some(*conversation),
        _ => None,
    };
    effects.iter().filter_map(asked).collect()
}

#[test]
fn two_idle_conversations_make_room_for_one_more_after_three_minutes() {
    let mut desk = Desk::busy(2, 2);
    desk.ask(179_000, 3);
    assert_eq!(questions(&desk.tick(179_999)), []);
    assert_eq!(questions(&desk.tick(180_000)), [cv(1), cv(2)]);
    assert_eq!(desk.load(), (2, 2), "not before it is known");
    // The second one has written meanwhile.
    desk.spoken(180_000, 1, 0);
    desk.spoken(180_000, 2, 100_000);
    assert_eq!((desk.load(), desk.place(3)), ((2, 2), Place::Waiting), "a place and a half are two");
    assert_eq!(questions(&desk.tick(279_999)), []);
    assert_eq!(questions(&desk.tick(280_000)), [cv(2)]);
    desk.spoken(280_000, 2, 100_000);
    assert_eq!((desk.load(), desk.offered_to(3)), ((1, 2), Some(ag(1))));
}

#[test]
fn an_idle_one_that_wakes_up_takes_its_place_back_and_the_offer_goes_to_somebody_else() {
    let mut desk = Desk::busy(2, 2);
    desk.ask(180_000, 3);
    for n in 1..=2 {
        desk.spoken(180_000, n, 0);
    }
    let offer = desk.offer_of(1);
    let effects = desk.spoken(180_500, 1, 180_500);
    let reason = OfferEnd::AgentUnavailable;
    assert!(effects.contains(&Effect::OfferEnded { offer, conversation: cv(3), agent: ag(1), reason, others: 0 }));
    assert_eq!((desk.load(), desk.place(3)), ((2, 2), Place::Waiting));
    assert_eq!(desk.router.position(cv(3)), Some(1), "at the head");
}

#[test]
fn nobody_serves_more_than_two_beyond_their_capacity_however_idle_they_are() {
    let mut desk = Desk::busy(4, 4);
    let mut now = 0;
    for n in 5..=7 {
        now += 180_000;
        desk.ask(now, n);
        for served in 1..n {
            desk.spoken(now, served, now - 180_000);
        }
        if n < 7 {
            desk.accept(now, 1);
            desk.ok(now, Input::HumanReplied { conversation: cv(n), at: at(now) });
        }
    }
    assert_eq!((desk.load(), desk.place(7)), ((3, 6), Place::Waiting), "three places of four, six people");
}

#[test]
fn what_is_owed_an_answer_or_only_an_outcome_is_never_idle() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(0, 1);
    assert_eq!(questions(&desk.tick(180_000)), [cv(1)]);
    desk.spoken(180_000, 1, 0);
    assert_eq!(desk.load(), (1, 1), "nobody has answered yet");
    let mut desk = Desk::busy(1, 1);
    desk.ok(1_000, Input::CitizenFinished { conversation: cv(1) });
    desk.spoken(400_000, 1, 1_000);
    assert_eq!(desk.load(), (1, 1), "wrap-up is load");
}

#[test]
fn a_call_or_window_takes_the_whole_agent_from_its_begin_to_its_end() {
    let mut desk = Desk::busy(3, 1);
    desk.ok(1, Input::ExclusiveChanged { conversation: cv(1), is_exclusive: true });
    desk.ask(2, 2);
    assert_eq!((desk.load(), desk.place(2)), ((3, 1), Place::Waiting));
    assert_eq!(questions(&desk.tick(500_000)), [], "a talk is not silent");
    desk.ok(500_000, Input::ExclusiveChanged { conversation: cv(1), is_exclusive: false });
    assert_eq!((desk.load(), desk.offered_to(2)), ((1, 1), Some(ag(1))));
}

#[test]
fn who_needs_a_whole_agent_is_offered_to_who_serves_nobody() {
    let whole = Demand { is_exclusive: true, ..Demand::default() };
    let mut desk = Desk::with_agents(&[3]);
    desk.ask(0, 1);
    desk.accept(0, 1);
    desk.ok(1, Input::HumanRequested { conversation: cv(2), team: TEAM, at: at(1), demand: whole });
    assert_eq!(desk.place(2), Place::Waiting);
    desk.ask(2, 3);
    assert_eq!(desk.offered_to(3), Some(ag(1)), "who needs one place is not held up");
    desk.accept(2, 1);
    for n in [1, 3] {
        desk.ok(3, Input::Closed { conversation: cv(n) });
    }
    desk.accept(4, 1);
    assert_eq!((desk.place(2), desk.load()), (Place::Serving { agent: ag(1), transfer: None }, (3, 1)));
}

const SHIFT: (i64, i64) = (1_000, 100_000);

fn on_shift(capacities: &[u32]) -> Desk {
    let mut desk = Desk::with_agents(capacities);
    let spans = vec![(at(-90_000), at(-80_000)), (at(SHIFT.0), at(SHIFT.1))];
    desk.ok(0, Input::DutyKnown { agent: ag(1), spans: Some(spans) });
    desk
}

#[test]
fn nobody_is_asked_before_their_duty_begins() {
    let mut desk = on_shift(&[1]);
    desk.ask(0, 1);
    desk.tick(999);
    assert_eq!(desk.place(1), Place::Waiting);
    assert!(!desk.router.agent(ag(1)).unwrap().is_free);
    desk.tick(1_000);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    assert!(desk.router.agent(ag(1)).unwrap().is_on_duty);
}

#[test]
fn the_end_of_a_shift_brings_nobody_new_takes_nobody_away_and_strands_nobody_who_asked_before() {
    let mut desk = on_shift(&[2]);
    desk.ask(2_000, 1);
    desk.accept(2_000, 1);
    desk.ask(99_997, 2);
    desk.ask(99_998, 3);
    desk.ask(99_999, 4);
    assert_eq!(desk.offered_to(2), Some(ag(1)));
    desk.tick(100_000);
    assert_eq!(desk.place(1), Place::Serving { agent: ag(1), transfer: None });
    assert_eq!(desk.offered_to(2), Some(ag(1)), "asked before, offered before");
    desk.accept(100_001, 1);
    desk.ask(100_000, 5);
    for (closed, next) in [(1, 3), (2, 4)] {
        desk.ok(100_010, Input::Closed { conversation: cv(closed) });
        assert_eq!(desk.offered_to(next), Some(ag(1)), "who asked before the end");
        desk.accept(100_011, 1);
    }
    desk.ok(100_020, Input::Closed { conversation: cv(3) });
    desk.ok(100_020, Input::Closed { conversation: cv(4) });
    assert_eq!((desk.place(5), desk.load()), (Place::Waiting, (0, 0)), "who asked after it is the next shift's");
    // One who is on duty is asked before one who is not, for those who asked before.
    desk.join(100_030, 2, 1, vec![TEAM]);
    assert_eq!(desk.offered_to(5), Some(ag(2)));
}

#[test]
fn who_was_given_back_after_the_end_of_a_shift_may_be_asked_of_who_has_not_gone_yet() {
    let mut desk = on_shift(&[1]);
    desk.join(2_000, 2, 1, vec![TEAM]);
    desk.ok(3_000, Input::StatusChosen { agent: ag(1), status: AgentStatus::Break });
    desk.ask(90_000, 1);
    desk.accept(90_001, 2);
    desk.ok(101_000, Input::StatusChosen { agent: ag(1), status: AgentStatus::Online });
    desk.ok(102_000, Input::StatusChosen { agent: ag(2), status: AgentStatus::Offline });
    assert_eq!(desk.offered_to(1), Some(ag(1)), "asked at 90 s, the shift ended at 100 s");
}

#[test]
fn a_roster_that_changes_holds_at_once() {
    let mut desk = on_shift(&[1]);
    desk.ask(2_000, 1);
    let offer = desk.offer_of(1);
    let effects = desk.ok(3_000, Input::DutyKnown { agent: ag(1), spans: Some(Vec::new()) });
    let reason = OfferEnd::AgentUnavailable;
    assert!(effects.contains(&Effect::OfferEnded { offer, conversation: cv(1), agent: ag(1), reason, others: 0 }));
    desk.ok(4_000, Input::DutyKnown { agent: ag(1), spans: None });
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    assert_eq!(desk.refused(5_000, Input::DutyKnown { agent: ag(9), spans: None }), Refusal::UnknownAgent(ag(9)));
}
