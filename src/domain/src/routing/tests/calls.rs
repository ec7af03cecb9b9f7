//! Who accepted a call and does not come to the telephone, and who speaks in one that is about nothing on their desk.

use super::*;

#[test]
fn who_is_not_there_gives_it_back_to_the_head_with_its_clock_and_is_asked_after_all_others() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ask(10, 2);
    desk.join(20, 2, 1, vec![TEAM]);
    // Agent 2 has the second one by now.
    desk.accept(21, 2);
    let effects = desk.ok(20_001, Input::GivenBack { conversation: cv(1), agent: ag(1) });
    let clock = desk.router.conversation(cv(1)).unwrap().clock;
    assert_eq!((clock.asked_at, clock.due_at), (at(0), at(60_000)), "the clock never restarts");
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Queued { conversation, because: QueuedBecause::AgentNotThere, taken_from, .. }
            if *conversation == cv(1) && *taken_from == Some(ag(1))
    )));
    assert_eq!(desk.place(1), Place::Waiting, "they are not asked at once");
    // A new one comes behind it, and agent 1 may have that.
    desk.ask(20_002, 3);
    assert_eq!(desk.offered_to(3), Some(ag(1)));
    desk.ok(20_003, Input::Closed { conversation: cv(3) });
    // Whoever else is there is asked for it first.
    desk.join(20_004, 3, 1, vec![TEAM]);
    assert_eq!(desk.offered_to(1), Some(ag(3)));
}

#[test]
fn nobody_is_stranded_when_only_the_one_who_was_not_there_is_left() {
    let mut desk = Desk::with_agents(&[1]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    desk.ok(20_001, Input::GivenBack { conversation: cv(1), agent: ag(1) });
    desk.tick(35_000);
    assert_eq!(desk.place(1), Place::Waiting);
    desk.tick(35_001);
    assert_eq!(desk.offered_to(1), Some(ag(1)), "asked again after 15 s");
}

#[test]
fn only_who_serves_it_gives_it_back() {
    let mut desk = Desk::with_agents(&[1, 1]);
    desk.ask(0, 1);
    let given = |agent| Input::GivenBack { conversation: cv(1), agent };
    assert_eq!(desk.refused(1, given(ag(1))), Refusal::NotServing(cv(1)));
    desk.accept(2, 1);
    assert_eq!(desk.refused(3, given(ag(2))), Refusal::NotServing(cv(1)));
    assert_eq!(
        desk.refused(4, Input::GivenBack { conversation: cv(9), agent: ag(1) }),
        Refusal::UnknownConversation(cv(9))
    );
}

#[test]
fn who_speaks_in_a_call_is_offered_nobody_until_it_is_wrapped_up() {
    let mut desk = Desk::with_agents(&[3, 1]);
    desk.ok(0, Input::StatusChosen { agent: ag(2), status: AgentStatus::Break });
    desk.ask(1, 1);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    // An offer that is open when they begin to speak is made to the next one.
    desk.ok(2, Input::StatusChosen { agent: ag(2), status: AgentStatus::Online });
    let effects = desk.ok(3, Input::InCallChanged { agent: ag(1), is_in_call: true });
    let ended = |effect: &Effect| matches!(effect, Effect::OfferEnded { agent, reason: OfferEnd::AgentUnavailable, .. } if *agent == ag(1));
    assert!(effects.iter().any(ended), "{effects:?}");
    assert_eq!(desk.offered_to(1), Some(ag(2)));
    desk.accept(4, 2);
    desk.ask(5, 2);
    assert_eq!(desk.place(2), Place::Waiting);
    let read = desk.router.agent(ag(1)).unwrap();
    assert_eq!((read.load, read.serving, read.is_free), (3, 0, false), "shown as full");
    assert_eq!(desk.ok(6, Input::InCallChanged { agent: ag(1), is_in_call: true }), [], "said twice");
    desk.ok(59_000, Input::InCallChanged { agent: ag(1), is_in_call: false });
    assert_eq!(desk.offered_to(2), Some(ag(1)));
    let unknown = Input::InCallChanged { agent: ag(9), is_in_call: true };
    assert_eq!(desk.refused(59_001, unknown), Refusal::UnknownAgent(ag(9)));
}

#[test]
fn who_speaks_in_a_call_keeps_what_they_serve_and_may_be_asked_by_name() {
    let mut desk = Desk::with_agents(&[2, 2]);
    desk.ask(0, 1);
    desk.accept(1, 1);
    let serving = desk.router.serving(ag(1)).count();
    desk.ok(2, Input::InCallChanged { agent: ag(1), is_in_call: true });
    assert_eq!((desk.router.serving(ag(1)).count(), serving), (1, 1));
    desk.ask(3, 2);
    desk.accept(4, 2);
    desk.ok(5, Input::TransferRequested { conversation: cv(2), by: ag(2), to: Target::Agent(ag(1)) });
    assert_eq!(desk.offer_of(1), desk.router.agent(ag(1)).unwrap().offer.unwrap().id);
    desk.accept(6, 1);
    assert_eq!(desk.place(2), Place::Serving { agent: ag(1), transfer: None });
}
