//! Since when an agent has their status: told by the rows of the timeline, so that a restart forgets nothing.

use super::*;

#[tokio::test]
async fn since_when_an_agent_has_their_status_is_known_after_a_restart() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    for n in [1, 2] {
        house.come(n).await;
    }
    house.advance(7_000).await;
    house.ok(&agent(1), Command::SetStatus { status: AgentStatus::Break }).await;
    let chosen = house.now();
    house.advance(20_000).await;
    // Agent 2 is the only one who can be asked, and misses it: 30 s of break, in the middle of which the server restarts.
    house.ask(&citizen(1), "residence-permit").await;
    house.advance(15_000).await;
    assert_eq!(house.desk(2).await.status, AgentStatus::Break);
    house.hand.advance(10_000);
    let house = house.restart().await;
    let restarted = house.now();
    let (one, two, three) = (house.desk(1).await, house.desk(2).await, house.desk(3).await);
    assert_eq!((one.status, one.status_since), (AgentStatus::Break, Some(chosen)));
    assert_eq!((two.status, two.status_since), (AgentStatus::Online, Some(restarted)), "a start ends the short break");
    assert_eq!(three.status_since, None, "never chosen");
}
