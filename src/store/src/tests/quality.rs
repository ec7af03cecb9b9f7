//! Draws and inspections, on both databases.

use bangban_domain::{
    AgentId, ConversationId, InspectionId, OfferId, Timestamp,
    history::Event as What,
    ledger::Promise,
    quality::{DrawReason, InspectionState},
    words::{Outcome, QueuedBecause, SlaStep, Stage},
};

use super::{conversation, open, raw, seed};
use crate::{
    Author, Change, ConversationRow, Event, InspectionQuery, InspectionRow, LedgerRow, PrivacyChange, QualityChange,
    ScoreCount, Store, StoreError, Unit, testing::TestDatabase,
};

on_both! {
    a_week_of_a_plan_is_drawn_once_and_no_conversation_twice,
    of_two_who_take_a_step_from_the_same_version_one_is_refused,
    lists_and_results_are_of_the_teams_agents_states_and_days_that_are_asked_for,
    what_is_written_goes_with_the_thread_and_the_scores_stay,
    what_may_be_drawn_was_closed_by_an_agent_in_the_week_or_rated_badly_in_it,
}

fn row(n: u128) -> InspectionRow {
    InspectionRow {
        id: InspectionId::new(n),
        plan: "weekly".to_owned(),
        week: "2026-11-23".to_owned(),
        reason: DrawReason::Random,
        conversation: ConversationId::new(n),
        team: "residence".to_owned(),
        agent: AgentId::new(1),
        closed_at: Timestamp(500),
        drawn_at: Timestamp(1_000),
        card: "card".to_owned(),
        card_version: 3,
        version: 1,
        state: InspectionState::Open,
        inspector: None,
        points: None,
        remarks: None,
        summary: None,
        score: None,
        submitted_at: None,
        appeal_until: None,
        appeal: None,
        appealed_at: None,
        decider: None,
        decided_points: None,
        decision: None,
        decided_score: None,
        decided_at: None,
    }
}

/// As after an inspection.
fn submitted(n: u128, score: u32, at: i64) -> InspectionRow {
    InspectionRow {
        version: 2,
        state: InspectionState::Submitted,
        inspector: Some(AgentId::new(9)),
        points: Some(raw("[60,40]")),
        remarks: Some(raw(r#"[{"comment":"好","seq":2},{"comment":"","seq":null}]"#)),
        summary: Some("总体良好".to_owned()),
        score: Some(score),
        submitted_at: Some(Timestamp(at)),
        appeal_until: Some(Timestamp(at + 100)),
        ..row(n)
    }
}

fn draw(no: u32, inspections: Vec<InspectionRow>) -> QualityChange {
    let (plan, week) = ("weekly".to_owned(), "2026-11-23".to_owned());
    QualityChange::Draw { plan, week, no, at: Timestamp(1_000), actor: Author::System, inspections }
}

async fn put(store: &Store, change: QualityChange) -> Result<(), StoreError> {
    store.commit(Unit { changes: vec![Change::Quality(change)], ..Unit::default() }).await.map(drop)
}

async fn step(store: &Store, row: InspectionRow) -> Result<(), StoreError> {
    put(store, QualityChange::Step(Box::new(row))).await
}

async fn a_week_of_a_plan_is_drawn_once_and_no_conversation_twice(db: TestDatabase) {
    let (store, _) = open(&db).await;
    assert_eq!(store.draws("weekly", "2026-11-23").await.unwrap(), (1, false));
    put(&store, draw(0, vec![row(1), row(2)])).await.unwrap();
    assert_eq!(store.draws("weekly", "2026-11-23").await.unwrap(), (1, true));
    assert!(matches!(put(&store, draw(0, vec![row(3)])).await, Err(StoreError::QualityOutdated)));
    // By hand, but one of them is drawn already: nothing of it is done.
    let again = InspectionRow { id: InspectionId::new(22), ..row(2) };
    assert!(matches!(put(&store, draw(1, vec![row(4), again])).await, Err(StoreError::QualityOutdated)));
    assert_eq!(store.draws("weekly", "2026-11-23").await.unwrap(), (1, true));
    put(&store, draw(1, vec![row(4)])).await.unwrap();
    assert_eq!(store.draws("weekly", "2026-11-23").await.unwrap(), (2, true));
    // After a restart too.
    store.close().await;
    let (store, _) = open(&db).await;
    assert!(matches!(put(&store, draw(0, Vec::new())).await, Err(StoreError::QualityOutdated)));
    let all = store.inspections(&InspectionQuery::default(), 10).await.unwrap();
    assert_eq!(all, [row(4), row(2), row(1)]);
}

async fn of_two_who_take_a_step_from_the_same_version_one_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    put(&store, draw(0, vec![row(1)])).await.unwrap();
    let (first, second) = tokio::join!(step(&store, submitted(1, 100, 2_000)), step(&store, submitted(1, 50, 2_001)));
    assert_eq!([first.is_ok(), second.is_ok()], [true, false]);
    assert_eq!(store.inspection(InspectionId::new(1)).await.unwrap(), Some(submitted(1, 100, 2_000)));
    let decided = InspectionRow {
        version: 3,
        state: InspectionState::Decided,
        appeal: Some("不同意".to_owned()),
        appealed_at: Some(Timestamp(2_050)),
        decider: Some(AgentId::new(8)),
        decided_points: Some(raw("[60,30]")),
        decision: Some("维持".to_owned()),
        decided_score: Some(90),
        decided_at: Some(Timestamp(2_060)),
        ..submitted(1, 100, 2_000)
    };
    step(&store, decided.clone()).await.unwrap();
    assert_eq!(store.inspection(InspectionId::new(1)).await.unwrap(), Some(decided));
    assert_eq!(store.inspection(InspectionId::new(2)).await.unwrap(), None);
}

async fn lists_and_results_are_of_the_teams_agents_states_and_days_that_are_asked_for(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let medical = InspectionRow { team: "medical".to_owned(), reason: DrawReason::BadReview, ..row(3) };
    let other = InspectionRow { agent: AgentId::new(2), drawn_at: Timestamp(1_001), ..row(4) };
    put(&store, draw(0, vec![row(1), row(2), medical.clone(), other])).await.unwrap();
    step(&store, submitted(1, 100, 2_000)).await.unwrap();
    step(&store, submitted(2, 80, 3_000)).await.unwrap();
    let third = InspectionRow { team: medical.team.clone(), ..submitted(3, 0, 2_500) };
    step(&store, third).await.unwrap();
    let query = InspectionQuery::default;
    let agent = |n| Some(AgentId::new(n));
    for (what, wanted, expected) in [
        ("all, the newest first", query(), &[4, 3, 2, 1][..]),
        ("team", InspectionQuery { teams: Some(vec!["residence".to_owned()]), ..query() }, &[4, 2, 1]),
        ("no team", InspectionQuery { teams: Some(Vec::new()), ..query() }, &[]),
        ("agent", InspectionQuery { agent: agent(2), ..query() }, &[4]),
        ("not mine", InspectionQuery { not_agent: agent(1), ..query() }, &[4]),
        ("open", InspectionQuery { state: Some(InspectionState::Open), ..query() }, &[4]),
        ("submitted", InspectionQuery { is_submitted: true, ..query() }, &[3, 2, 1]),
        ("days", InspectionQuery { from: Some(Timestamp(2_500)), to: Some(Timestamp(3_000)), ..query() }, &[3]),
        ("page", InspectionQuery { before: Some((Timestamp(1_000), InspectionId::new(3))), ..query() }, &[2, 1]),
    ] {
        let found = store.inspections(&wanted, 10).await.unwrap();
        let expected: Vec<InspectionId> = expected.iter().map(|n| InspectionId::new(*n)).collect();
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{what}");
    }
    let counted = |team: &str, is_random, score| ScoreCount {
        team: team.to_owned(),
        agent: AgentId::new(1),
        is_random,
        score,
        count: 1,
    };
    let (begin, end) = (Timestamp(0), Timestamp(9_999));
    let all = store.score_counts(None, begin, end).await.unwrap();
    // The third was picked for its bad review.
    assert_eq!(all, [counted("medical", false, 0), counted("residence", true, 80), counted("residence", true, 100)]);
    let some = store.score_counts(Some(&["residence".to_owned()]), begin, Timestamp(3_000)).await.unwrap();
    assert_eq!(some, [counted("residence", true, 100)]);
}

async fn what_is_written_goes_with_the_thread_and_the_scores_stay(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let mut rows = vec![Change::NewConversation(conversation(2))];
    rows.extend((1..=2).map(|n| {
        let closed_at = Some(Timestamp(900));
        Change::Conversation(ConversationRow { stage: Stage::Closed, closed_at, ..conversation(n) })
    }));
    store.commit(Unit { changes: rows, ..Unit::default() }).await.unwrap();
    put(&store, draw(0, vec![row(1), row(2)])).await.unwrap();
    step(&store, submitted(1, 100, 2_000)).await.unwrap();
    let conversations = vec![ConversationId::new(1), ConversationId::new(2)];
    let change = Change::Privacy(PrivacyChange::Threads { conversations, at: Timestamp(5_000) });
    store.commit(Unit { changes: vec![change], ..Unit::default() }).await.unwrap();
    let left = InspectionRow { version: 3, remarks: None, summary: None, ..submitted(1, 100, 2_000) };
    assert_eq!(store.inspections(&InspectionQuery::default(), 10).await.unwrap(), [left]);
}

/// A conversation from its opening to its closing, as the desk would log it.
fn life(n: u128, opened: i64, closed: i64, with_agent: bool, late: bool) -> Unit {
    let id = ConversationId::new(n);
    let (residence, agent) = ("residence".to_owned(), AgentId::new(1));
    let log = |at, what| Event { conversation: Some(id), at: Timestamp(at), actor: Author::System, what };
    let row = ConversationRow { opened_at: Timestamp(opened), ..conversation(n) };
    let (citizen, item, channel) = (row.citizen, row.item.clone(), row.channel);
    let (asked_at, due_at) = (Timestamp(opened + 1), Timestamp(opened + 2));
    let clock = LedgerRow {
        conversation: id,
        no: 1,
        team: residence.clone(),
        asked_at,
        due_at,
        step: SlaStep::Running,
        breached_at: None,
        answered_at: None,
        left_at: None,
        promise: Promise::FirstResponse,
        policy: None,
    };
    let mut changes = vec![Change::NewConversation(row), Change::Clock(clock)];
    if late {
        changes.push(Change::Step { conversation: id, no: 1, step: SlaStep::Breached, at: due_at });
    }
    let opened_as = What::Opened { citizen, item, team: residence.clone(), channel, hall: None, ticket: None };
    let queued = What::Queued {
        because: QueuedBecause::Asked,
        no: 1,
        team: residence.clone(),
        asked_at,
        due_at,
        taken_from: None,
    };
    let mut events = vec![log(opened, opened_as), log(opened + 1, queued)];
    if with_agent {
        let offer = OfferId::new(n);
        let expires_at = Timestamp(opened + 15_000);
        events.push(log(opened + 1, What::Offered { offer, agent, expires_at, transfer_by: None }));
        events.push(log(opened + 2, What::Assigned { offer, agent, team: residence, transfer_by: None }));
    }
    let outcome = if with_agent { Outcome::Solved } else { Outcome::Abandoned };
    events.push(log(closed, What::Closed { outcome, hand_on: None, receipt: None }));
    Unit { changes, events, ..Unit::default() }
}

async fn what_may_be_drawn_was_closed_by_an_agent_in_the_week_or_rated_badly_in_it(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 99).await;
    for unit in [
        life(1, 100, 1_000, true, false),
        life(2, 100, 1_999, true, true),
        // Nobody served it.
        life(3, 100, 1_500, false, true),
        life(4, 100, 2_000, true, false),
        // Closed before, rated in the week: badly, and not.
        life(5, 100, 900, true, true),
        life(6, 100, 900, true, false),
        // Drawn already.
        life(7, 100, 1_200, true, false),
    ] {
        store.commit(unit).await.unwrap();
    }
    for (n, stars) in [(2, 1), (5, 2), (6, 3)] {
        let (conversation, at) = (Some(ConversationId::new(n)), Timestamp(1_999));
        let rated = Event { conversation, at, actor: Author::System, what: What::Rated { stars } };
        store.commit(Unit { events: vec![rated], ..Unit::default() }).await.unwrap();
    }
    put(&store, draw(0, vec![row(7)])).await.unwrap();
    let found = store.inspectable("weekly", Timestamp(1_000), Timestamp(2_000)).await.unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|(one, closed)| (one.conversation.raw(), one.stars, one.is_breach, one.is_of_week, closed.0))
        .collect();
    let expected = [(1, None, false, true, 1_000), (2, Some(1), true, true, 1_999), (5, Some(2), true, false, 900)];
    assert_eq!(shown, expected);
    assert!(found.iter().all(|(one, _)| one.agent == AgentId::new(1) && one.team == "residence" && one.transfers == 0));
    let others = store.inspectable("another", Timestamp(1_000), Timestamp(2_000)).await.unwrap();
    assert_eq!(others.len(), 4, "drawn by one plan, it may be drawn by another");
}
