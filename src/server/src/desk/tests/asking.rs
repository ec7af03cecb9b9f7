//! Who is asked for whom, through the real desk and its rows: what the router decides by must be there again after a
//! restart.

use bangban_domain::words::{Language, OfferEnd};
use bangban_protocol::PersonView;

use super::*;

fn enterprise(n: u128) -> Principal {
    let Principal::Citizen(mut boss) = citizen(n) else { unreachable!() };
    boss.kind = CitizenKind::Enterprise;
    boss.credit_code = Some("91110000100010433L".to_owned());
    Principal::Citizen(boss)
}

impl House {
    async fn set(&self, n: u128, status: AgentStatus) {
        self.ok(&agent(n), Command::SetStatus { status }).await;
    }

    async fn places(&self, ids: &[ConversationId]) -> Vec<Option<u32>> {
        let mut places = Vec::new();
        for id in ids {
            places.push(self.view(*id).await.position);
        }
        places
    }

    async fn offered(&self, n: u128) -> Option<ConversationId> {
        self.desk(n).await.offer.map(|offer| offer.conversation)
    }
}

#[tokio::test]
async fn an_enterprise_stands_before_who_has_waited_less_than_a_minute_longer_over_a_restart_too() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    // For both, a hot policy.
    let item = "residence-points";
    let long = house.ask(&citizen(1), item).await;
    house.advance(1_000).await;
    let short = house.ask(&citizen(2), item).await;
    house.advance(60_000).await;
    let first = house.ask(&enterprise(3), item).await;
    // Without its code nobody vouches for it; and a private matter stands in line like a private person's.
    let Principal::Citizen(mut unknown) = enterprise(4) else { unreachable!() };
    unknown.credit_code = None;
    house.advance(10).await;
    let unknown = house.ask(&Principal::Citizen(unknown), item).await;
    house.advance(10).await;
    let private = house.ask(&enterprise(5), "residence-permit").await;
    house.advance(500).await;
    let all = [long, first, short, unknown, private];
    // The second one asked exactly a head start before: whose id is smaller goes first.
    let (short_place, first_place) = if short < first { (2, 3) } else { (3, 2) };
    let expected = [1, first_place, short_place, 4, 5].map(Some);
    assert_eq!(house.places(&all).await, expected);
    let house = house.restart().await;
    house.advance(500).await;
    assert_eq!(house.places(&all).await, expected);
}

#[tokio::test]
async fn who_was_missed_stands_at_the_head_over_a_restart_too() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(2).await;
    let older = house.ask(&citizen(1), "residence-permit").await;
    let offer = house.desk(2).await.offer.unwrap().id;
    house.ok(&agent(2), Command::DeclineOffer { offer }).await;
    house.advance(1_000).await;
    let missed = house.ask(&citizen(2), "residence-permit").await;
    assert_eq!(house.offered(2).await, Some(missed));
    house.set(2, AgentStatus::Break).await;
    house.advance(500).await;
    assert_eq!(house.places(&[missed, older]).await, [Some(1), Some(2)]);
    let house = house.restart().await;
    house.advance(500).await;
    assert_eq!(house.places(&[missed, older]).await, [Some(1), Some(2)]);
}

#[tokio::test]
async fn who_served_the_matter_before_is_asked_first_and_for_eight_seconds() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(2).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.accept(2).await;
    house.close(2, id, Outcome::Solved).await;
    house.advance(60_000).await;
    let house = house.restart().await;
    // Has rested longer, and would be asked for anybody else.
    house.come(12).await;
    house.advance(1_000).await;
    house.come(2).await;
    house.ok(&citizen(1), Command::RequestHuman { conversation: id }).await;
    assert_eq!((house.offered(2).await, house.offered(12).await), (Some(id), None));
    house.advance(7_999).await;
    assert_eq!(house.offered(2).await, Some(id));
    house.advance(1).await;
    assert_eq!((house.offered(2).await, house.offered(12).await), (None, Some(id)));
}

#[tokio::test]
async fn after_40_seconds_several_consoles_ring_and_all_but_the_first_are_told() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.advance(41_000).await;
    for n in [2, 9, 12, 13] {
        house.come(n).await;
    }
    assert_eq!(
        (house.offered(2).await, house.offered(9).await, house.offered(12).await, house.offered(13).await),
        (Some(id), Some(id), Some(id), None)
    );
    let late = house.desk(2).await.offer.unwrap().id;
    // One who says no leaves the others' offers as they are.
    let offer = house.desk(9).await.offer.unwrap().id;
    house.ok(&agent(9), Command::DeclineOffer { offer }).await;
    assert_eq!((house.stage(id).await, house.offered(13).await), (Stage::Offered, Some(id)));
    house.accept(12).await;
    assert_eq!(house.refused(&agent(2), Command::AcceptOffer { offer: late }).await, ErrorCode::OfferGone);
    for n in [2, 13] {
        let desk = house.desk(n).await;
        assert_eq!((desk.offer, desk.last_offer_end.unwrap().reason), (None, OfferEnd::Taken), "agent {n}");
        assert_eq!(desk.status, AgentStatus::Online, "no blame");
    }
    let view = house.view(id).await;
    assert_eq!((view.stage, view.agent.map(|PersonView { id, .. }| id)), (Stage::Serving, Some(AgentId::new(12))));
}

#[tokio::test]
async fn the_general_team_helps_after_35_seconds_and_it_stays_the_other_teams_matter() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    // Enterprise and general.
    house.come(6).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.advance(34_999).await;
    assert_eq!(house.offered(6).await, None);
    house.advance(1).await;
    assert_eq!(house.offered(6).await, Some(id));
    house.accept(6).await;
    assert_eq!(house.view(id).await.team, "residence");
}

#[tokio::test]
async fn a_silent_conversation_takes_half_a_place_until_somebody_writes_over_a_restart_too() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(2).await;
    let mut served = Vec::new();
    for n in 1..=3 {
        served.push(house.ask(&citizen(n), "residence-permit").await);
        house.accept(2).await;
        house.say(&agent(2), served[served.len() - 1], "您好").await;
    }
    house.advance(100_000).await;
    house.say(&citizen(3), served[2], "还在").await;
    let waits = house.ask(&citizen(4), "residence-permit").await;
    house.advance(79_999).await;
    assert_eq!(house.offered(2).await, None, "three of three places are taken");
    house.advance(1).await;
    assert_eq!(house.offered(2).await, Some(waits), "two halves are one");
    let mut house = house.restart().await;
    house.come(2).await;
    house.settle().await;
    assert_eq!(house.offered(2).await, Some(waits), "as before");
    house.say(&citizen(1), served[0], "请问好了吗").await;
    assert_eq!(house.offered(2).await, None, "three and a half are more than three");
}

#[tokio::test]
async fn who_speaks_english_is_asked_for_who_speaks_nothing_else_while_there_is_such_a_colleague() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let mut row = house.app.store.staff().await.unwrap().into_iter().find(|row| row.id == AgentId::new(12)).unwrap();
    row.languages = vec!["en".to_owned()];
    house.app.store.commit(Unit { changes: vec![Change::Staff(row)], ..Unit::default() }).await.unwrap();
    let house = house.restart().await;
    house.come(2).await;
    let Principal::Citizen(mut guest) = citizen(1) else { unreachable!() };
    guest.language = Some(Language::English);
    let id = house.ask(&Principal::Citizen(guest.clone()), "residence-permit").await;
    let other = house.ask(&citizen(2), "residence-permit").await;
    assert_eq!(house.offered(2).await, Some(other), "who needs no English is not held up");
    house.accept(2).await;
    house.come(12).await;
    assert_eq!(house.offered(12).await, Some(id));
    // In a team in which nobody speaks it nobody waits for somebody who does.
    house.come(3).await;
    guest.id = CitizenId::new(3);
    let id = house.ask(&Principal::Citizen(guest), "medical-claim").await;
    assert_eq!(house.offered(3).await, Some(id));
}
