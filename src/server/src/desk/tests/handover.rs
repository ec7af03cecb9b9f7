//! No interruption (rule 2): the end of duty, lunch and a server that stops strand nobody, at whatever step they come.

use bangban_protocol::TransferTarget;

use super::*;

/// Half past eleven: lunch.
const LUNCH: i64 = at(11, 30, 0);

impl House {
    /// Everybody who works in the morning.
    async fn with_agents(start: i64, agents: &[u128]) -> Self {
        let house = Self::open(start, HoursKey::Calendar).await;
        for n in agents {
            house.come(*n).await;
        }
        house
    }

    async fn is_on_desk(&self, n: u128, id: ConversationId) -> bool {
        self.desk(n).await.conversations.iter().any(|one| one.id == id)
    }

    /// Stops, starts, and lets the same people come back.
    async fn restarted(self, agents: &[u128]) -> Self {
        let house = self.restart().await;
        for n in agents {
            house.come(*n).await;
        }
        house.settle().await;
        house
    }
}

#[tokio::test]
async fn the_last_agent_leaves_while_a_citizen_types_and_nothing_is_lost() {
    for restarts in [false, true] {
        let mut house = House::with_agents(at(10, 0, 0), &[1]).await;
        let id = house.ask(&citizen(1), "residence-permit").await;
        house.accept(1).await;
        house.say(&agent(1), id, "您好").await;
        house.ok(&citizen(1), Command::Typing { conversation: id, typing: true }).await;
        house.go(1).await;
        house.say(&citizen(1), id, "我还有一个问题").await;
        if restarts {
            house = house.restarted(&[]).await;
        }
        house.advance(60_001).await;
        assert_eq!(house.stage(id).await, Stage::Waiting, "nobody is there, and nobody is closed");
        house.say(&citizen(1), id, "还在吗").await;
        // Whoever comes finds the whole thread, at the head of the queue.
        house.come(2).await;
        house.settle().await;
        assert_eq!(house.accept(2).await, id);
        let said = house.bodies(id).await;
        let texts: Vec<_> = said
            .iter()
            .filter_map(|body| if let ThreadBody::Text { text, .. } = body { Some(text.as_str()) } else { None })
            .collect();
        assert_eq!(texts[texts.len() - 3..], ["您好", "我还有一个问题", "还在吗"]);
    }
}

#[tokio::test]
async fn a_transfer_that_crosses_a_reply_in_the_same_millisecond_loses_neither() {
    let mut house = House::with_agents(at(10, 0, 0), &[1, 2]).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    let asked = house.now();
    house.settle().await;
    let server = if house.desk(1).await.offer.is_some() { 1 } else { 2 };
    let next = 3 - server;
    house.accept(server).await;
    house.advance(20_000).await;
    let to = TransferTarget::Agent { agent: AgentId::new(next) };
    house.ok(&agent(server), Command::Transfer { conversation: id, to, note: "请跟进".to_owned() }).await;
    let offer = house.desk(next).await.offer.unwrap();
    let reply = house.message(id, "马上为您办理");
    // The colleague accepts while the reply is on its way to the writer.
    let (from, to) = (agent(server), agent(next));
    let (said, taken) =
        tokio::join!(house.give(&from, reply), house.give(&to, Command::AcceptOffer { offer: offer.id }));
    said.unwrap();
    taken.unwrap();
    house.settle().await;
    assert!(house.is_on_desk(next, id).await && !house.is_on_desk(server, id).await);
    let clock = house.view(id).await.clock.unwrap();
    assert_eq!((clock.asked_at, clock.answered_at), (asked, Some(asked + 20_000)), "it is the first response");
    let house = house.restarted(&[1, 2]).await;
    assert_eq!(house.view(id).await.clock.unwrap().answered_at, Some(asked + 20_000));
    assert!(house.is_on_desk(next, id).await);
}

#[tokio::test]
async fn lunch_that_begins_at_whatever_step_strands_nobody_over_a_restart_too() {
    for restarts in [false, true] {
        // Waiting: nobody was there when it was asked, half a minute before lunch.
        let mut house = House::with_agents(LUNCH - 30_000, &[]).await;
        let waiting = house.ask(&citizen(1), "residence-permit").await;
        house.advance_to(LUNCH + 1_000).await;
        if restarts {
            house = house.restarted(&[]).await;
        }
        assert_eq!(house.stage(waiting).await, Stage::Waiting);
        house.come(1).await;
        house.settle().await;
        assert_eq!(house.accept(1).await, waiting, "is owed its minute although it is lunch");
        house.say(&agent(1), waiting, "您好").await;

        // Offered: the offer stands over the begin of lunch.
        let mut house = House::with_agents(LUNCH - 5_000, &[1]).await;
        let offered = house.ask(&citizen(1), "residence-permit").await;
        house.advance_to(LUNCH + 1_000).await;
        if restarts {
            house = house.restarted(&[1]).await;
        }
        assert_eq!(house.accept(1).await, offered);
        let clock = house.view(offered).await.clock.unwrap();
        assert_eq!(clock.due_at, Timestamp(LUNCH - 5_000 + 60_000), "the clock is the same");

        // Serving: it goes on.
        let mut house = House::with_agents(LUNCH - 5_000, &[1]).await;
        let serving = house.ask(&citizen(1), "residence-permit").await;
        house.accept(1).await;
        house.say(&agent(1), serving, "您好").await;
        house.advance_to(LUNCH + 60_000).await;
        if restarts {
            house = house.restarted(&[1]).await;
        }
        assert!(house.is_on_desk(1, serving).await);
        house.say(&citizen(1), serving, "请继续").await;
        house.say(&agent(1), serving, "好的").await;
        house.close(1, serving, Outcome::Solved).await;
        // Who asks now is promised a slot after lunch.
        let late = house.converse(&citizen(2), "residence-permit").await;
        let answer = house.ok(&citizen(2), Command::RequestHuman { conversation: late }).await;
        let Answer::OutOfHours { slots, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(slots[0].starts_at, Timestamp(at(13, 30, 0)));
    }
}

#[tokio::test]
async fn an_agent_hears_when_the_duty_ends_and_until_when_it_was_after_that() {
    let mut house = House::with_agents(at(10, 0, 0), &[1]).await;
    let ends = Some(Timestamp(at(16, 30, 0)));
    let view = house.desk(1).await;
    assert_eq!((view.duty_ends_at, view.remind_at), (ends, Some(Timestamp(at(16, 25, 0)))));
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    house.say(&agent(1), id, "您好").await;
    house.advance_to(at(16, 30, 0)).await;
    let view = house.desk(1).await;
    assert_eq!((view.on_duty, view.duty_ends_at), (false, ends), "over, and the conversation is still there");
    assert_eq!(view.conversations.len(), 1, "it drains");
    let house = house.restarted(&[1]).await;
    assert_eq!(house.desk(1).await.duty_ends_at, ends);
}
