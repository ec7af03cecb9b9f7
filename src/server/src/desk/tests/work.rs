//! How much an order costs, in work that is counted and not in time: it must not grow with the staff or with what is
//! open elsewhere.

use std::sync::atomic::Ordering;

use super::*;
use bangban_protocol::{EventBody, Frame};

use crate::{catalogue::Catalogue, desk::BUILT};

/// 120 agents in the demo's teams, 3 conversations each at most; 480 people, 120 of whom wait.
async fn big_house() -> House {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let teams: Vec<String> = Catalogue::demo().unwrap().teams().map(|team| team.code.clone()).collect();
    let staff = (101..=220_u128).map(|n| {
        let team = |n: u128| teams[n as usize % teams.len()].clone();
        Change::Staff(StaffRow {
            capacity: 3,
            teams: [team(n), team(n + 1)].map(Membership::new).into(),
            ..StaffRow::new(AgentId::new(n), format!("big{n}"), format!("坐席{n}")).with_role(Role::Agent)
        })
    });
    house.app.store.commit(Unit { changes: staff.collect(), ..Unit::default() }).await.unwrap();
    let house = house.restart().await;
    for n in 101..=220 {
        house.app.welcome(&agent(n), 5).await.unwrap();
    }
    house.settle().await;
    let items = ["residence-permit", "social-query", "medical-claim", "fund-rent", "invoice", "dog-license"];
    for n in 0..480 {
        house.ask(&citizen(n + 1), items[n as usize % 6]).await;
        for agent in 101..=220 {
            if n % 40 == 39 {
                while house.desk(agent).await.offer.is_some() {
                    house.accept(agent).await;
                }
            }
        }
    }
    house.advance(1_000).await;
    house
}

#[tokio::test]
async fn an_order_builds_the_views_of_those_concerned_and_the_others_follow_in_100_ms() {
    let house = big_house().await;
    let served = house.desk(150).await.conversations;
    assert_eq!(served.len(), 3, "everybody is busy");
    assert_eq!(house.desk(150).await.colleagues.len(), 20);

    // The first change after a pause is seen by all; what comes within 100 ms of it waits.
    house.close(150, served[0].id, Outcome::Solved).await;
    BUILT.store(0, Ordering::Relaxed);
    house.accept(150).await;
    house.close(150, served[1].id, Outcome::Solved).await;
    house.accept(150).await;
    let built = BUILT.swap(0, Ordering::Relaxed);
    assert_eq!(built, 3, "three orders, one agent concerned by each");
    let stale = house.desk(151).await.waiting;
    house.advance(99).await;
    assert_eq!((BUILT.load(Ordering::Relaxed), house.desk(151).await.waiting), (0, stale));
    house.advance(1).await;
    let built = BUILT.swap(0, Ordering::Relaxed);
    assert!((1..=120).contains(&built), "{built} views for one flush");
    assert_ne!(house.desk(151).await.waiting, stale);
    house.advance(1_000).await;
    assert_eq!(BUILT.load(Ordering::Relaxed), 0, "nothing changes, nothing is built");
}

#[tokio::test]
async fn places_in_the_queue_follow_within_half_a_second_and_each_agent_counts_their_own_views() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(house.ask(&citizen(n), "residence-permit").await);
    }
    house.advance(500).await;
    house.advance(500).await;
    house.ok(&citizen(1), Command::CancelRequest { conversation: ids[0] }).await;
    house.ok(&citizen(2), Command::CancelRequest { conversation: ids[1] }).await;
    assert_eq!(house.view(ids[2]).await.position, Some(2), "one flush went at once, the next one waits");
    house.advance(500).await;
    assert_eq!(house.view(ids[2]).await.position, Some(1));

    let topic = Topic::Agent(AgentId::new(1));
    let (before, _) = house.snapshot(&agent(1), topic).await;
    house.ok(&agent(1), Command::SetStatus { status: AgentStatus::Break }).await;
    assert_eq!(house.snapshot(&agent(1), topic).await.0, before + 1, "no gap between one view and the next");
}

#[tokio::test]
async fn what_is_told_of_the_others_adds_up_to_what_a_desk_shows() {
    let house = big_house().await;
    let topic = Topic::Agent(AgentId::new(151));
    let mut kept = house.desk(151).await;
    let socket = house.app.hub.open(Member::Agent(AgentId::new(151)), 64);
    assert!(house.app.hub.join(&socket, topic));
    let (mut parts, mut changed) = (0, (false, false));
    let seen: Vec<u128> =
        (101..=220).filter(|n| kept.colleagues.iter().any(|one| one.id == AgentId::new(*n))).take(3).collect();
    for n in seen {
        let served = house.desk(n).await.conversations;
        house.close(n, served[0].id, Outcome::Solved).await;
        house.accept(n).await;
        house.advance(1_000).await;
        house.ok(&agent(n), Command::SetStatus { status: AgentStatus::Break }).await;
        house.advance(1_000).await;
        let (frames, ended) = socket.take();
        assert!(ended.is_none());
        for frame in frames {
            let Frame::Event { body, .. } = serde_json::from_str(&frame).unwrap() else { panic!("{frame}") };
            match body {
                EventBody::Agent { view } => kept = view,
                EventBody::AgentSurroundings { waiting, colleagues, call_backs } => {
                    parts += 1;
                    changed = (changed.0 || waiting != kept.waiting, changed.1 || colleagues.is_some());
                    kept.waiting = waiting;
                    kept.colleagues = colleagues.unwrap_or(kept.colleagues);
                    kept.call_backs = call_backs.unwrap_or(kept.call_backs);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(kept, house.desk(151).await);
    }
    assert!(parts > 0 && changed == (true, true), "{parts} {changed:?}");
    house.app.hub.close(&socket);
}
