//! A likely answer that a person checks before the citizen gets it (docs/bot.md, "Checked by a person").

use bangban_domain::learning::LabelKind;
use bangban_protocol::{Decided, HandOverPacket, HandOverReason, ThresholdPut};
use bangban_store::LabelQuery;

use super::*;
use crate::app::Keeper;

/// The demo is .9 to .99 sure of what is meant, and answers it as shipped.
const LIKELY: &str = "居住证丢了咋办";

/// Position of `editor1` among the demo's staff.
const EDITOR: u128 = 64;

const MEANT: &str = "kb-residence-permit-lost";

impl House {
    /// From now on 小申 answers only what is asked word for word, and what it is so sure of is checked by a person.
    async fn checks_from(&self, version: u64, approve: Option<f64>) {
        let Principal::Staff(editor) = staff(EDITOR, Role::Editor) else { return };
        let who = Keeper { staff: &editor, address: "test" };
        let (basis, reason) = ("test".to_owned(), "test".to_owned());
        let put = ThresholdPut { version, answer: 0.9999, clarify: 0.05, approve, basis, reason };
        self.app.put_thresholds(&who, put).await.unwrap();
    }

    /// What 小申 says to one who asks this in a conversation of their own.
    async fn asked(&mut self, n: u128) -> (ConversationId, ThreadBody) {
        let who = citizen(n);
        let id = self.converse(&who, "residence-permit").await;
        self.say(&who, id, LIKELY).await;
        let said = self.thread(id).await.1.into_iter().rev().find(|one| one.from == bangban_protocol::Party::Bot);
        (id, said.unwrap().body)
    }

    async fn packet(&self, n: u128, id: ConversationId) -> HandOverPacket {
        match self.snapshot(&agent(n), Topic::Notes(id)).await.1 {
            Snapshot::Notes { context, .. } => context.packet.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn labels(&self) -> Vec<(LabelKind, String, Option<String>)> {
        let Principal::Staff(editor) = staff(EDITOR, Role::Editor) else { return Vec::new() };
        // The page of open questions reads the threads that were closed.
        self.app.question_clusters(&editor).await.unwrap();
        let query = LabelQuery { units: None, since: Timestamp(0), kinds: LabelKind::ALL.to_vec(), is_open: false };
        let rows = self.app.store.labels(&query, 10).await.unwrap();
        rows.into_iter().map(|row| (row.kind, row.question, row.entry)).collect()
    }
}

fn proposed(body: &ThreadBody) -> Option<(&str, &Decided)> {
    match body {
        ThreadBody::BotHandOver {
            reason: HandOverReason::Approval,
            opens_at: None,
            decided: Some(decided),
            proposed: Some(option),
        } => Some((option.entry.as_str(), decided)),
        _ => None,
    }
}

const fn is_asked_back(body: &ThreadBody) -> bool {
    matches!(body, ThreadBody::BotClarify { .. })
}

#[tokio::test]
async fn a_likely_answer_is_checked_within_the_minute_and_sent_as_the_agents_message() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.checks_from(0, Some(0.9)).await;
    house.come(1).await;
    let (id, said) = house.asked(1).await;
    let (entry, decided) = proposed(&said).unwrap_or_else(|| panic!("{said:?}"));
    assert_eq!((entry, decided.thresholds), (MEANT, 1));
    assert!((0.9..0.9999).contains(&decided.probability), "{decided:?}");
    // Rule 1: as for any request.
    assert_eq!(house.app.store.ledger_of(id).await.unwrap()[0].due_at, Timestamp(at(10, 1, 0)));
    assert_eq!(house.stage(id).await, Stage::Offered);
    assert_eq!(house.accept(1).await, id);
    let ready = house.packet(1, id).await;
    assert_eq!((ready.reason, ready.question.as_deref()), (Some(HandOverReason::Approval), Some(LIKELY)));
    let ready = ready.proposed.unwrap();
    assert_eq!((ready.hit.entry.as_str(), ready.probability), (MEANT, decided.probability));
    house.advance_to(at(10, 0, 59)).await;
    let text = ready.hit.answer.clone();
    let entry = Some(ready.hit.entry.clone());
    let send = Command::Send { conversation: id, client_id: "p".to_owned(), text: text.clone(), entry };
    house.ok(&agent(1), send).await;
    house.settle().await;
    let row = &house.app.store.ledger_of(id).await.unwrap()[0];
    assert_eq!(row.answered_at, Some(Timestamp(at(10, 0, 59))), "a human's first response");
    let last = house.bodies(id).await.pop().unwrap();
    assert!(
        matches!(&last, ThreadBody::Text { text: said, entry: Some(entry), .. } if *said == text && entry == MEANT)
    );
    assert_eq!(house.packet(1, id).await.proposed, None, "answered");
    house.close(1, id, Outcome::Solved).await;
    assert_eq!(house.labels().await, [(LabelKind::Sent, LIKELY.to_owned(), Some(MEANT.to_owned()))]);
}

#[tokio::test]
async fn where_nobody_is_there_to_check_the_citizen_is_asked_back_as_without() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.come(1).await;
    house.checks_from(0, None).await;
    assert!(is_asked_back(&house.asked(1).await.1), "off");
    house.checks_from(1, Some(0.995)).await;
    assert!(is_asked_back(&house.asked(2).await.1), "less sure than that");
    house.checks_from(2, Some(0.9)).await;
    assert!(proposed(&house.asked(3).await.1).is_some());
    house.ok(&agent(1), Command::SetStatus { status: AgentStatus::Break }).await;
    assert!(is_asked_back(&house.asked(4).await.1), "on a break");
    house.ok(&agent(1), Command::SetStatus { status: AgentStatus::Online }).await;
    assert!(proposed(&house.asked(5).await.1).is_some());
    house.go(1).await;
    house.advance(25_000).await;
    assert!(is_asked_back(&house.asked(6).await.1), "gone");
    // Of another team only.
    house.come(4).await;
    assert!(is_asked_back(&house.asked(7).await.1), "cannot serve it");
    house.come(2).await;
    assert!(proposed(&house.asked(8).await.1).is_some());
}

#[tokio::test]
async fn out_of_hours_the_citizen_is_asked_back_also_while_somebody_is_still_there() {
    let mut house = House::open(at(16, 59, 59), HoursKey::Calendar).await;
    house.checks_from(0, Some(0.9)).await;
    // Their duty ends at 17:30.
    house.come(2).await;
    assert!(proposed(&house.asked(1).await.1).is_some());
    house.advance_to(at(17, 0, 0)).await;
    assert!(house.desk(2).await.on_duty);
    assert!(is_asked_back(&house.asked(2).await.1));
}

#[tokio::test]
async fn what_does_not_fit_is_put_aside_once_by_who_serves_and_teaches_that_nothing_was_found() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.checks_from(0, Some(0.9)).await;
    house.come(1).await;
    let (id, said) = house.asked(1).await;
    assert!(proposed(&said).is_some(), "{said:?}");
    let on = house.thread(id).await.1.iter().find(|one| one.body == said).unwrap().seq;
    let reject =
        |client_id: &str, on| Command::RejectProposed { conversation: id, client_id: client_id.to_owned(), on };
    assert_eq!(house.refused(&agent(1), reject("early", on)).await, ErrorCode::Forbidden, "nobody serves it yet");
    house.accept(1).await;
    for (who, wanted) in [(agent(2), ErrorCode::Forbidden), (citizen(1), ErrorCode::Forbidden)] {
        assert_eq!(house.refused(&who, reject("x", on)).await, wanted);
    }
    assert_eq!(house.refused(&agent(1), reject("x", on + 1)).await, ErrorCode::Outdated);
    let before = house.bodies(id).await;
    let Answer::Sent { seq, .. } = house.ok(&agent(1), reject("r", on)).await else { panic!("taken down") };
    // The same once more is the same one; another one comes too late.
    assert!(matches!(house.ok(&agent(1), reject("r", on)).await, Answer::Sent { seq: same, .. } if same == seq));
    assert_eq!(house.refused(&agent(1), reject("again", on)).await, ErrorCode::Outdated);
    assert_eq!(house.bodies(id).await, before, "nothing is sent, and the citizen reads nothing of it");
    let packet = house.packet(1, id).await;
    assert_eq!((packet.reason, packet.proposed), (Some(HandOverReason::Approval), None));
    let house = house.restart().await;
    house.come(1).await;
    assert_eq!(house.packet(1, id).await.proposed, None, "also after a restart");
    house.close(1, id, Outcome::Unsolved).await;
    assert_eq!(house.labels().await, [(LabelKind::NotFound, LIKELY.to_owned(), None)]);
}
