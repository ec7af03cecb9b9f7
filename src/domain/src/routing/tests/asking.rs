//! Who is asked next: rings, needs, the agent who knows the matter, several at once, priority.

use super::*;

const CITY: TeamId = TeamId(2);
const GENERAL: TeamId = TeamId(3);
const ENGLISH: u64 = 1;

fn rings() -> Vec<Ring> {
    vec![
        Ring { after: 15_000, teams: vec![OTHER] },
        Ring { after: 25_000, teams: vec![CITY, OTHER] },
        Ring { after: 35_000, teams: vec![GENERAL] },
    ]
}

/// Nobody is asked twice at once, so that rings are seen alone.
fn alone() -> Policy {
    Policy { parallel: 1, ..Settings::default().policy() }
}

impl Desk {
    fn with_rings() -> Self {
        let mut desk = Self { router: Router::new(1, Settings::default(), 4) };
        desk.ok(0, Input::TeamKnown { team: TEAM, policy: alone(), rings: rings() });
        desk
    }

    fn ask_with(&mut self, ms: i64, n: u128, demand: Demand) -> Vec<Effect> {
        self.ok(ms, Input::HumanRequested { conversation: cv(n), team: TEAM, at: at(ms), demand })
    }

    fn join_as(&mut self, ms: i64, n: u128, profile: Profile) {
        self.ok(ms, Input::AgentKnown { agent: ag(n), profile, status: AgentStatus::Online });
        self.ok(ms, Input::AgentConnected { agent: ag(n) });
    }

    fn asked(&self, n: u128) -> Vec<AgentId> {
        self.router.asked(cv(n)).collect()
    }
}

fn widened(effects: &[Effect]) -> Vec<u8> {
    let ring = |effect: &Effect| match effect {
        Effect::Widened { ring, .. } => Some(*ring),
        _ => None,
    };
    effects.iter().filter_map(ring).collect()
}

#[test]
fn further_teams_are_asked_one_ring_after_the_other_and_the_nearest_first() {
    for (ring, team, before, due) in
        [(1, OTHER, 14_999, 15_000), (2, CITY, 24_999, 25_000), (3, GENERAL, 34_999, 35_000)]
    {
        let mut desk = Desk::with_rings();
        desk.join(0, 1, 1, vec![team]);
        desk.ask(0, 1);
        desk.tick(before);
        assert_eq!(desk.place(1), Place::Waiting, "{team:?} was asked before its time");
        assert!(widened(&desk.tick(due)).contains(&ring));
        assert_eq!(desk.offered_to(1), Some(ag(1)), "{team:?}");
        assert_eq!(desk.router.conversation(cv(1)).unwrap().rings, ring);
    }
    // All are free when the last ring is reached: the own team is asked.
    let mut desk = Desk::with_rings();
    desk.ask(0, 1);
    desk.tick(36_000);
    for (n, team) in [(4, GENERAL), (3, CITY), (2, OTHER), (1, TEAM)] {
        desk.ok(
            36_000,
            Input::AgentKnown { agent: ag(n), profile: Profile::plain([team], 1), status: AgentStatus::Break },
        );
        desk.ok(36_000, Input::AgentConnected { agent: ag(n) });
    }
    desk.ok(36_001, Input::StatusChosen { agent: ag(4), status: AgentStatus::Online });
    let offer = desk.offer_of(4);
    for n in 1..=3 {
        desk.ok(36_002, Input::StatusChosen { agent: ag(n), status: AgentStatus::Online });
    }
    desk.ok(36_003, Input::OfferDeclined { agent: ag(4), offer });
    assert_eq!(desk.offered_to(1), Some(ag(1)), "the own team before further ones");
    for (asked, next) in [(1, 2), (2, 3)] {
        let offer = desk.offer_of(asked);
        desk.ok(36_004, Input::OfferDeclined { agent: ag(asked), offer });
        assert_eq!(desk.offered_to(1), Some(ag(next)));
    }
}

#[test]
fn whoever_is_shown_to_another_team_keeps_their_place_in_line_there() {
    let mut desk = Desk::with_rings();
    desk.ask(0, 1);
    desk.ok(
        10_000,
        Input::HumanRequested { conversation: cv(2), team: OTHER, at: at(10_000), demand: Demand::default() },
    );
    // Of an agent of the other team: at 14 s only their own, at 15 s the older one of the first team.
    desk.tick(14_999);
    let mut early = Desk::with_rings();
    early.ask(0, 1);
    early.ok(
        10_000,
        Input::HumanRequested { conversation: cv(2), team: OTHER, at: at(10_000), demand: Demand::default() },
    );
    early.join(14_999, 1, 1, vec![OTHER]);
    assert_eq!(early.offered_to(2), Some(ag(1)));
    desk.join(15_000, 1, 1, vec![OTHER]);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    assert_eq!(desk.router.queue(TEAM).collect::<Vec<_>>(), [cv(1)], "the place is in its own line");
    assert_eq!(desk.router.queue(OTHER).collect::<Vec<_>>(), [cv(2)]);
    let effects = desk.accept(15_001, 1);
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Assigned { team, .. } if *team == TEAM)),
        "its own team's matter, whoever helps"
    );
}

#[test]
fn a_running_clock_keeps_its_rings_when_they_are_administered() {
    let mut desk = Desk::with_rings();
    desk.join(0, 1, 1, vec![OTHER]);
    desk.ask(0, 1);
    desk.ok(1_000, Input::TeamKnown { team: TEAM, policy: alone(), rings: Vec::new() });
    desk.ask(1_000, 2);
    desk.tick(15_000);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    desk.tick(60_000);
    assert_eq!(desk.router.conversation(cv(2)).unwrap().rings, 0);
}

#[test]
fn after_a_restart_the_rings_that_were_reached_are_reached_and_said_no_second_time() {
    let mut desk = Desk::with_rings();
    desk.join(0, 1, 1, vec![OTHER]);
    let clock = Clock::start(at(-16_000), 60_000);
    let restored = Input::Restored {
        conversation: cv(1),
        team: TEAM,
        clock,
        agent: None,
        demand: Demand::default(),
        at_head: false,
    };
    let effects = desk.ok(0, restored);
    assert!(widened(&effects).is_empty());
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    assert_eq!(widened(&desk.tick(9_000)), [2], "25 s after the request");
}

#[test]
fn language_skill_and_level_are_kept_for_30_seconds_then_anybody_is_better_than_nobody() {
    let needs = Ability { skills: ENGLISH, level: 4 };
    for (skills, level, can) in [(ENGLISH, 4, true), (ENGLISH | 2, 5, true), (ENGLISH, 3, false), (2, 5, false)] {
        let mut desk = Desk::new();
        desk.join_as(0, 1, Profile { teams: vec![(TEAM, level)], skills, capacity: 1 });
        desk.ask_with(0, 1, Demand { needs, ..Demand::default() });
        assert_eq!(desk.offered_to(1), can.then_some(ag(1)), "skills {skills}, level {level}");
        desk.tick(29_999);
        if !can {
            assert_eq!(desk.place(1), Place::Waiting);
            // Who needs nothing in particular is not held up.
            desk.ask(29_999, 2);
            assert_eq!(desk.offered_to(2), Some(ag(1)));
            let offer = desk.offer_of(1);
            desk.ok(29_999, Input::OfferDeclined { agent: ag(1), offer });
            desk.tick(30_000);
            assert_eq!(desk.offered_to(1), Some(ag(1)));
        }
    }
}

#[test]
fn among_equally_loaded_the_higher_level_is_asked_first() {
    let mut desk = Desk::new();
    for (n, level) in [(1, 2), (2, 5), (3, 3)] {
        desk.join_as(0, n, Profile { teams: vec![(TEAM, level)], skills: 0, capacity: 2 });
    }
    for (conversation, expected) in [(1, 2), (2, 3), (3, 1), (4, 2)] {
        desk.ask(1, conversation);
        assert_eq!(desk.offered_to(conversation), Some(ag(expected)), "conversation {conversation}");
        desk.accept(1, expected);
    }
}

#[test]
fn who_served_the_same_matter_is_asked_first_while_free_and_for_a_few_seconds_only() {
    let demand = Demand { preferred: Some(ag(2)), ..Demand::default() };
    let mut desk = Desk::with_agents(&[1, 1]);
    let effects = desk.ask_with(0, 1, demand);
    assert_eq!(desk.offered_to(1), Some(ag(2)), "although 1 has rested as long");
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Offered { expires_at, .. } if *expires_at == at(8_000)))
    );
    desk.tick(7_999);
    assert_eq!(desk.offered_to(1), Some(ag(2)));
    desk.tick(8_000);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
    // Busy: nobody waits for them.
    let mut desk = Desk::with_agents(&[1, 1]);
    desk.ask_with(0, 1, demand);
    desk.accept(1, 2);
    desk.ask_with(2, 2, demand);
    assert_eq!(desk.offered_to(2), Some(ag(1)));
    // In none of the teams any more: not asked.
    let mut desk = Desk::with_agents(&[1]);
    desk.join(0, 2, 1, vec![OTHER]);
    desk.ask_with(1, 1, demand);
    assert_eq!(desk.offered_to(1), Some(ag(1)));
}

#[test]
fn from_40_seconds_on_three_are_asked_at_once_the_first_serves_and_the_others_are_told() {
    let mut desk = Desk::with_agents(&[1, 1, 1, 1]);
    for n in 1..=4 {
        desk.ok(0, Input::StatusChosen { agent: ag(n), status: AgentStatus::Break });
    }
    desk.ask(0, 1);
    for n in 1..=4 {
        desk.ok(26_000, Input::StatusChosen { agent: ag(n), status: AgentStatus::Online });
    }
    desk.tick(39_999);
    assert_eq!(desk.asked(1), [ag(1)]);
    desk.tick(40_000);
    assert_eq!(desk.asked(1), [1, 2, 3].map(ag));
    assert!(desk.router.agent(ag(4)).unwrap().is_free, "three, not all");
    // One says no: the fourth is asked in their place.
    let offer = desk.offer_of(3);
    desk.ok(40_001, Input::OfferDeclined { agent: ag(3), offer });
    assert_eq!(desk.asked(1), [1, 2, 4].map(ag));
    let (late, other) = (desk.offer_of(1), desk.offer_of(4));
    let effects = desk.accept(40_002, 2);
    assert!(matches!(effects[0], Effect::Assigned { agent, .. } if agent == ag(2)));
    for (offer, agent, others) in [(late, ag(1), 1), (other, ag(4), 0)] {
        let told = Effect::OfferEnded { offer, conversation: cv(1), agent, reason: OfferEnd::Taken, others };
        assert!(effects.contains(&told), "{effects:?}");
    }
    assert_eq!(desk.refused(40_002, Input::OfferAccepted { agent: ag(1), offer: late }), Refusal::OfferGone(late));
    assert_eq!(desk.place(1), Place::Serving { agent: ag(2), transfer: None });
    assert_eq!([1, 3, 4].map(|n| desk.router.agent(ag(n)).unwrap().load), [0, 0, 0]);
    assert!([1, 3, 4].iter().all(|n| desk.router.agent(ag(*n)).unwrap().is_free), "no blame, no break");
}

#[test]
fn a_second_look_comes_after_everybody_at_whom_nobody_looks() {
    let mut desk = Desk::new();
    desk.ask(0, 1);
    desk.ask(39_000, 2);
    desk.join(41_000, 1, 1, vec![TEAM]);
    assert_eq!(desk.asked(1), [ag(1)], "the older one");
    desk.join(41_001, 2, 1, vec![TEAM]);
    assert_eq!(desk.asked(2), [ag(2)], "not a second one for the older");
    desk.join(41_002, 3, 1, vec![TEAM]);
    assert_eq!(desk.asked(1), [1, 3].map(ag), "now there is nobody else");
}

#[test]
fn all_who_look_at_a_conversation_that_goes_are_told() {
    let mut desk = Desk::with_agents(&[1, 1, 1]);
    for n in 1..=3 {
        desk.ok(0, Input::StatusChosen { agent: ag(n), status: AgentStatus::Break });
    }
    desk.ask(0, 1);
    for n in 1..=3 {
        desk.ok(41_000, Input::StatusChosen { agent: ag(n), status: AgentStatus::Online });
    }
    assert_eq!(desk.asked(1).len(), 3);
    let effects = desk.ok(41_001, Input::RequestCancelled { conversation: cv(1) });
    let told =
        effects.iter().filter(|effect| matches!(effect, Effect::OfferEnded { reason: OfferEnd::ConversationGone, .. }));
    assert_eq!(told.count(), 3);
    assert!((1..=3).all(|n| desk.router.agent(ag(n)).unwrap().is_free));
}

const FIRST: Demand = Demand {
    head_start: 60_000,
    needs: Ability { skills: 0, level: 0 },
    preferred: None,
    is_exclusive: false,
    plan: None,
};

#[test]
fn first_priority_overtakes_who_waits_less_than_the_head_start_longer_and_nobody_else() {
    for (asked_at, is_overtaken) in [(59_999, true), (60_000, true), (60_001, false)] {
        let mut desk = Desk::new();
        desk.ask(0, 5);
        desk.ask_with(asked_at, 1, FIRST);
        let expected = if is_overtaken { [cv(1), cv(5)] } else { [cv(5), cv(1)] };
        assert_eq!(desk.router.queue(TEAM).collect::<Vec<_>>(), expected, "{asked_at}");
        let routed = desk.router.conversation(cv(1)).unwrap();
        assert_eq!(routed.clock.due_at, at(asked_at + 60_000), "the promise is the same");
    }
}

#[test]
fn who_was_given_a_time_comes_at_that_time_whoever_they_are() {
    let mut desk = Desk::new();
    desk.ok(0, Input::CallBackPromised { conversation: cv(1), team: TEAM, at: at(100_000), demand: FIRST });
    desk.ask(99_000, 2);
    desk.tick(100_000);
    assert_eq!(desk.router.queue(TEAM).collect::<Vec<_>>(), [cv(2), cv(1)]);
}

#[test]
fn a_plan_holds_for_the_requests_that_name_it_and_for_no_other() {
    let plan = Plan { policy: 3, team: TEAM };
    let quick = Policy { warn: 5_000, alert: 10_000, breach: 20_000, offer: 4_000, ..alone() };
    let mut desk = Desk::with_rings();
    let early = vec![Ring { after: 2_000, teams: vec![OTHER] }];
    desk.ok(0, Input::PlanKnown { plan, policy: quick, rings: early });
    desk.ask(0, 1);
    desk.ask_with(0, 2, Demand { plan: Some(plan), ..Demand::default() });
    let due = |desk: &Desk, n| desk.router.conversation(cv(n)).unwrap().clock.due_at;
    assert_eq!((due(&desk, 1), due(&desk, 2)), (at(60_000), at(20_000)));
    assert!(widened(&desk.tick(1_999)).is_empty());
    assert_eq!(widened(&desk.tick(2_000)), [1]);
    // Changed while it runs: for the next one.
    desk.ok(3_000, Input::PlanKnown { plan, policy: alone(), rings: rings() });
    assert_eq!(steps(&desk.tick(4_999)), []);
    assert_eq!(steps(&desk.tick(5_000)), [(SlaStep::Warned, at(5_000))]);
    desk.ask_with(6_000, 3, Demand { plan: Some(plan), ..Demand::default() });
    assert_eq!(due(&desk, 3), at(66_000));
    // A plan that nobody has told of: as the team's.
    desk.ask_with(6_000, 4, Demand { plan: Some(Plan { policy: 4, team: TEAM }), ..Demand::default() });
    assert_eq!(due(&desk, 4), at(66_000));
}

#[test]
fn everybody_is_asked_at_once_from_the_instant_that_the_policy_says() {
    let mut desk = Desk::with_rings();
    let policy = Policy { all_after: Some(50_000), parallel_after: 40_000, parallel: 2, offer: 60_000, ..alone() };
    desk.ok(0, Input::TeamKnown { team: TEAM, policy, rings: Vec::new() });
    for n in 1..=5 {
        desk.join(0, n, 1, vec![TEAM]);
    }
    desk.ask(0, 1);
    for (ms, asked) in [(0, 1), (39_999, 1), (40_000, 2), (49_999, 2), (50_000, 5)] {
        desk.tick(ms);
        assert_eq!(desk.asked(1).len(), asked, "at {ms} ms");
    }
}
