//! Alerts: once per cause, across restarts, seen and acted on by those whom the unit belongs to.

use bangban_domain::alert::{AlertKind, FlagReason};
use bangban_protocol::AlertsView;

use super::*;

impl House {
    async fn rail(&self, who: &Principal, topic: Topic) -> AlertsView {
        match self.snapshot(who, topic).await.1 {
            Snapshot::Alerts { view } => view,
            other => panic!("{other:?}"),
        }
    }

    /// What is open in the city about conversations and agents, in the order of the rail.
    async fn alerts(&self) -> Vec<AlertKind> {
        let view = self.rail(&supervisor(), Topic::Alerts).await;
        let of_team = |kind: &AlertKind| bangban_domain::alert::OF_TEAMS.contains(kind);
        view.open.iter().map(|alert| alert.kind).filter(|kind| !of_team(kind)).collect()
    }

    /// Of all that was ever raised about the conversation.
    async fn raised(&self, id: ConversationId) -> Vec<(AlertKind, bool)> {
        let everything = bangban_store::AlertFilter {
            from: Timestamp(0),
            to: Timestamp(i64::MAX),
            before: None,
            kind: None,
            by: None,
            unseen: false,
            units: None,
        };
        let rows = self.app.store.alerts(&everything, 1_000).await.unwrap();
        let rows = rows.iter().rev().filter(|row| row.conversation == Some(id));
        rows.map(|row| (row.kind, row.cleared_at.is_some())).collect()
    }
}

#[tokio::test]
async fn a_clock_is_told_at_45_s_and_at_its_end_and_the_answer_ends_it() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.advance(44_999).await;
    house.advance(200).await;
    assert_eq!(house.alerts().await, [AlertKind::FirstResponse], "at 45 s");
    let alert = house.rail(&supervisor(), Topic::Alerts).await.open.remove(0);
    assert_eq!((alert.conversation, alert.citizen_name.as_deref()), (Some(id), Some("张*")));
    assert_eq!(alert.unit.as_deref(), Some("police"));

    house.advance(15_000).await;
    assert_eq!(house.alerts().await, [AlertKind::FirstResponseBreached], "one of a clock at a time");
    let house_again = house.restart().await;
    house = house_again;
    house.advance(200).await;
    assert_eq!(house.alerts().await, [AlertKind::FirstResponseBreached], "not twice");
    house.come(1).await;
    house.accept(1).await;
    house.say(&agent(1), id, "您好").await;
    house.advance(200).await;
    assert_eq!(house.alerts().await, []);
    let both = [(AlertKind::FirstResponse, true), (AlertKind::FirstResponseBreached, true)];
    assert_eq!(house.raised(id).await, both);
}

#[tokio::test]
async fn a_reply_that_a_restart_came_between_ends_the_alert() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    house.advance(45_000).await;
    assert_eq!(house.raised(id).await, [(AlertKind::FirstResponse, false)]);
    // Durable, and the desk has not heard of it yet.
    let message = house.message(id, "您好");
    house.ok(&agent(1), message).await;
    let house = house.restart().await;
    assert_eq!(house.raised(id).await, [(AlertKind::FirstResponse, true)]);
}

#[tokio::test]
async fn a_call_back_that_nobody_answers_is_an_alert_of_its_own() {
    let house = House::open(at(17, 30, 0), HoursKey::Calendar).await;
    let id = house.converse(&citizen(1), "residence-permit").await;
    let Answer::OutOfHours { slots, .. } = house.ok(&citizen(1), Command::RequestHuman { conversation: id }).await
    else {
        panic!("in service hours")
    };
    let (client_id, text, phone) = ("l".to_owned(), "请回电".to_owned(), "13800138000".to_owned());
    let slot = slots[0].starts_at;
    house.ok(&citizen(1), Command::LeaveMessage { conversation: id, client_id, text, phone, slot }).await;
    house.advance_to(slot.0 + 60_000).await;
    assert_eq!(house.raised(id).await, [(AlertKind::FirstResponse, true), (AlertKind::CallBackMissed, false)]);
}

#[tokio::test]
async fn an_agent_who_is_lost_with_people_is_an_alert_until_they_come_back() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    house.go(1).await;
    house.advance(60_000).await;
    house.advance(200).await;
    assert_eq!(house.alerts().await, [], "served nobody");
    house.come(1).await;
    house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    house.go(1).await;
    house.advance(20_000).await;
    house.advance(200).await;
    assert_eq!(house.alerts().await, [AlertKind::AgentLost]);
    house.come(1).await;
    house.advance(200).await;
    assert_eq!(house.alerts().await, []);
}

#[tokio::test]
async fn a_flag_is_seen_acknowledged_taken_back_and_lowered() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    let raise = |text: &str| Command::RaiseFlag { conversation: id, reason: FlagReason::Upset, text: text.to_owned() };
    assert_eq!(house.refused(&agent(1), raise("")).await, ErrorCode::Forbidden, "not served yet");
    house.accept(1).await;
    assert_eq!(house.refused(&agent(2), raise("")).await, ErrorCode::Forbidden, "not theirs");
    house.ok(&agent(1), raise("市民 13800138001 情绪激动")).await;
    house.ok(&agent(1), raise("再来一次")).await;
    house.advance(200).await;
    let rail = house.rail(&supervisor(), Topic::Alerts).await;
    let flag = rail.open.iter().find(|alert| alert.kind == AlertKind::Flag).unwrap();
    assert_eq!(flag.text.as_deref(), Some("市民 138****8001 情绪激动"), "masked");
    assert_eq!(house.raised(id).await.len(), 1);

    let alert = flag.id;
    let note = "马上来".to_owned();
    assert_eq!(
        house.refused(&agent(1), Command::AcknowledgeAlert { alert, note: note.clone() }).await,
        ErrorCode::Forbidden
    );
    house.ok(&supervisor(), Command::AcknowledgeAlert { alert, note }).await;
    house.advance(200).await;
    let seen = house.desk(1).await.conversations[0].flag.clone().unwrap();
    assert_eq!(seen.seen_by.as_deref(), Some("吴督导"), "the agent sees that help is coming");
    let house = house.restart().await;
    let rail = house.rail(&supervisor(), Topic::Alerts).await;
    let flag = rail.open.iter().find(|one| one.id == alert).unwrap();
    assert_eq!(flag.acknowledged.as_ref().unwrap().note, "马上来", "survives a restart");
    house.ok(&supervisor(), Command::ReopenAlert { alert }).await;
    house.advance(200).await;
    let rail = house.rail(&supervisor(), Topic::Alerts).await;
    assert!(rail.open.iter().find(|one| one.id == alert).unwrap().acknowledged.is_none());

    house.ok(&supervisor(), Command::LowerFlag { conversation: id }).await;
    house.advance(200).await;
    assert_eq!(house.alerts().await, []);
    let gone = Command::AcknowledgeAlert { alert, note: String::new() };
    assert_eq!(house.refused(&supervisor(), gone).await, ErrorCode::NotFound);
    // Nothing of it stands where the citizen reads.
    let bodies = house.bodies(id).await;
    assert!(!bodies.iter().any(|body| matches!(body, ThreadBody::Flag { .. } | ThreadBody::Note { .. })));
}

#[tokio::test]
async fn a_team_is_told_when_nobody_is_there_for_its_items_and_when_its_queue_is_long() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let of = async |house: &House, kind: AlertKind| {
        let view = house.rail(&supervisor(), Topic::Alerts).await;
        view.open.into_iter().filter(|alert| alert.kind == kind).find(|one| one.team.as_deref() == Some("residence"))
    };
    house.settle().await;
    house.advance(59_000).await;
    assert_eq!(of(&house, AlertKind::Coverage).await, None);
    house.advance(6_000).await;
    house.advance(200).await;
    let hole = of(&house, AlertKind::Coverage).await.unwrap();
    assert!(hole.amount > 0, "how many items: {}", hole.amount);
    house.come(1).await;
    house.advance(5_000).await;
    house.advance(200).await;
    assert_eq!(of(&house, AlertKind::Coverage).await, None, "somebody is there");

    for n in 1..=31 {
        house.ask(&citizen(n), "residence-permit").await;
    }
    house.advance(5_000).await;
    house.advance(200).await;
    let full = of(&house, AlertKind::QueueFull).await.unwrap();
    assert!(full.amount >= 30, "how many wait: {}", full.amount);
    house.advance(180_000).await;
    house.advance(200).await;
    assert!(of(&house, AlertKind::LongestWait).await.unwrap().amount >= 180_000);
}

#[tokio::test]
async fn a_unit_sees_its_own_alerts_and_no_others() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    house.ok(&agent(1), Command::RaiseFlag { conversation: id, reason: FlagReason::Other, text: String::new() }).await;
    house.advance(200).await;
    let of = async |unit: &str| {
        let view = house.rail(&supervisor(), Topic::AlertsOf(unit.parse().unwrap())).await;
        (view.open.iter().filter(|alert| alert.kind == AlertKind::Flag).count(), view.total, view.unseen)
    };
    let (flags, total, unseen) = of("police").await;
    assert_eq!((flags, unseen), (1, total));
    assert_eq!(of("huangpu").await.0, 0);
}
