//! Administered records and the audit log, on both databases.

use bangban_domain::{AgentId, Timestamp, org::Kind};
use serde_json::value::RawValue;

use super::open;
use crate::{
    Audit, Author, Chain, Change, Json, RecordChange, RecordRow, Store, StoreError, Unit, testing::TestDatabase,
};

on_both! {
    a_record_keeps_its_number_and_every_state_that_it_had,
    whoever_comes_second_is_refused_and_takes_nothing_with_them,
    a_line_that_was_changed_or_taken_out_is_found,
    many_at_once_are_numbered_without_a_gap,
    what_has_changed_since_is_found_by_its_count,
    a_thousand_records_of_one_unit_are_written_in_few_statements,
}

fn json(text: &str) -> Json {
    Json(RawValue::from_string(text.to_owned()).unwrap())
}

fn change(id: &str, from: u64, body: Option<&str>) -> RecordChange {
    RecordChange {
        kind: Kind::Unit,
        id: id.to_owned(),
        from,
        unit: Some("sh".to_owned()),
        body: body.map(json),
        at: Timestamp(1_000 + i64::try_from(from).unwrap()),
        actor: Author::Agent(AgentId::new(1)),
    }
}

fn audit(subject: &str) -> Audit {
    Audit {
        at: Timestamp(5_000),
        actor: Author::Agent(AgentId::new(1)),
        action: "record.change",
        kind: "unit".to_owned(),
        subject: subject.to_owned(),
        unit: None,
        reason: Some("机构调整".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        detail: json(r#"{"before":null,"after":{"name":"徐汇区"}}"#),
    }
}

async fn commit(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    store.commit(Unit { changes, ..Unit::default() }).await.map(drop)
}

async fn a_record_keeps_its_number_and_every_state_that_it_had(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let made = vec![change("xuhui", 0, Some(r#"{"name":"徐汇"}"#)), change("huangpu", 0, Some("{}"))];
    commit(&store, vec![Change::Records(made)]).await.unwrap();
    commit(&store, vec![Change::Records(vec![change("xuhui", 1, Some(r#"{"name":"徐汇区"}"#))])]).await.unwrap();
    let rows = store.records(Kind::Unit).await.unwrap();
    let expected = RecordRow {
        kind: Kind::Unit,
        id: "xuhui".to_owned(),
        no: 0,
        version: 2,
        unit: Some("sh".to_owned()),
        body: r#"{"name":"徐汇区"}"#.to_owned(),
        changed_at: Timestamp(1_001),
    };
    assert_eq!((rows.len(), &rows[0], rows[1].no), (2, &expected, 1));

    commit(&store, vec![Change::Records(vec![change("xuhui", 2, None)])]).await.unwrap();
    assert_eq!(store.records(Kind::Unit).await.unwrap().len(), 1);
    // It comes back as itself, and a new one gets a new number.
    let again = vec![change("xuhui", 0, Some("{}")), change("jingan", 0, Some("{}"))];
    commit(&store, vec![Change::Records(again)]).await.unwrap();
    let numbers: Vec<_> =
        store.records(Kind::Unit).await.unwrap().into_iter().map(|row| (row.id, row.no, row.version)).collect();
    assert_eq!(numbers, [("xuhui".to_owned(), 0, 4), ("huangpu".to_owned(), 1, 1), ("jingan".to_owned(), 2, 1)]);
    let versions = store.record_versions(Kind::Unit, "xuhui").await.unwrap();
    let states: Vec<_> = versions.iter().map(|state| (state.version, state.body.as_deref())).collect();
    assert_eq!(
        states,
        [(4, Some("{}")), (3, None), (2, Some(r#"{"name":"徐汇区"}"#)), (1, Some(r#"{"name":"徐汇"}"#))]
    );
    assert_eq!(versions[3].actor, Author::Agent(AgentId::new(1)));
    assert!(store.records(Kind::Team).await.unwrap().is_empty());
}

async fn whoever_comes_second_is_refused_and_takes_nothing_with_them(db: TestDatabase) {
    let (store, _) = open(&db).await;
    commit(&store, vec![Change::Records(vec![change("xuhui", 0, Some("{}"))])]).await.unwrap();
    for from in [0, 2] {
        let both = vec![change("huangpu", 0, Some("{}")), change("xuhui", from, Some("{}"))];
        let refused = commit(&store, vec![Change::Records(both), Change::Audit(audit("xuhui"))]).await;
        let is_outdated = matches!(&refused, Err(StoreError::Outdated { kind: Kind::Unit, id }) if id == "xuhui");
        assert!(is_outdated, "{from}: {refused:?}");
    }
    assert_eq!(store.records(Kind::Unit).await.unwrap().len(), 1);
    assert_eq!(store.verify_audit().await.unwrap(), Chain::Whole { lines: 0, last: String::new() });
}

async fn a_line_that_was_changed_or_taken_out_is_found(db: TestDatabase) {
    let (store, _) = open(&db).await;
    for subject in ["a", "b", "c", "d"] {
        commit(&store, vec![Change::Audit(audit(subject))]).await.unwrap();
    }
    let Chain::Whole { lines: 4, last } = store.verify_audit().await.unwrap() else { panic!("broken") };
    let newest = store.audit_before(u64::MAX, 2).await.unwrap();
    assert_eq!((newest.len(), newest[0].no, &newest[0].hash), (2, 4, &last));
    assert_eq!(store.audit_before(3, 10).await.unwrap()[0].subject, "b");

    db.execute("UPDATE audit SET reason = NULL WHERE no = 2").await;
    assert_eq!(store.verify_audit().await.unwrap(), Chain::Broken { no: 2 });
    db.execute("UPDATE audit SET reason = '机构调整' WHERE no = 2").await;
    assert_eq!(store.verify_audit().await.unwrap(), Chain::Whole { lines: 4, last });
    // Moved into the next field.
    db.execute("UPDATE audit SET kind = 'unitc', subject = '' WHERE no = 3").await;
    assert_eq!(store.verify_audit().await.unwrap(), Chain::Broken { no: 3 });
    db.execute("DELETE FROM audit WHERE no = 1").await;
    assert_eq!(store.verify_audit().await.unwrap(), Chain::Broken { no: 1 });
}

async fn many_at_once_are_numbered_without_a_gap(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let mut tasks = Vec::new();
    for n in 0..50 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let record = change(&format!("u{n}"), 0, Some("{}"));
            commit(&store, vec![Change::Records(vec![record]), Change::Audit(audit(&format!("u{n}")))]).await
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let numbers: Vec<u64> = store.records(Kind::Unit).await.unwrap().iter().map(|row| row.no).collect();
    assert_eq!(numbers, (0..50).collect::<Vec<u64>>());
    assert!(matches!(store.verify_audit().await.unwrap(), Chain::Whole { lines: 50, .. }));
}

async fn what_has_changed_since_is_found_by_its_count(db: TestDatabase) {
    let (store, _) = open(&db).await;
    assert!(store.change_counts().await.unwrap().is_empty());
    commit(&store, vec![Change::Records(vec![change("a", 0, Some("{}")), change("b", 0, Some("{}"))])]).await.unwrap();
    commit(&store, vec![Change::Records(vec![change("b", 1, Some(r#"{"n":2}"#))])]).await.unwrap();
    let before = store.change_counts().await.unwrap()["unit"];
    assert_eq!(before, 2, "one more for each unit");
    commit(&store, vec![Change::Records(vec![change("a", 1, None), change("c", 0, Some("{}"))])]).await.unwrap();
    let changed = async |since| {
        let mut rows = store.records_changed(Kind::Unit, since).await.unwrap();
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        rows.into_iter().map(|(id, row)| (id, row.map(|row| row.version))).collect::<Vec<_>>()
    };
    let text = |id: &str| id.to_owned();
    assert_eq!(changed(before).await, [(text("a"), None), (text("c"), Some(1))]);
    assert_eq!(changed(0).await, [(text("a"), None), (text("b"), Some(2)), (text("c"), Some(1))]);
    assert_eq!(changed(before + 1).await, []);
    assert!(store.records_changed(Kind::Team, 0).await.unwrap().is_empty());
}

async fn a_thousand_records_of_one_unit_are_written_in_few_statements(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let ids: Vec<String> = (0..1_000).map(|n| format!("u{n}")).collect();
    let all = |from, body: &str| ids.iter().map(|id| change(id, from, Some(body))).collect();
    commit(&store, vec![Change::Records(all(0, "{}"))]).await.unwrap();
    commit(&store, vec![Change::Records(all(1, r#"{"n":2}"#))]).await.unwrap();
    let rows = store.records(Kind::Unit).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| (&row.id, row.no, row.version, row.body.as_str())).collect();
    let expected: Vec<_> = ids.iter().zip(0..).map(|(id, no)| (id, no, 2, r#"{"n":2}"#)).collect();
    assert_eq!(found, expected);
    // The last one is outdated: not one of them is written.
    let mut late: Vec<RecordChange> = all(2, "{}");
    late[999].from = 1;
    assert!(matches!(commit(&store, vec![Change::Records(late)]).await, Err(StoreError::Outdated { .. })));
    assert!(store.records(Kind::Unit).await.unwrap().iter().all(|row| row.version == 2));
    // One record may change twice within a unit; the last state counts.
    let twice = vec![change("u0", 2, Some("{}")), change("u0", 3, None), change("u0", 0, Some(r#"{"n":5}"#))];
    commit(&store, vec![Change::Records(twice)]).await.unwrap();
    let row = &store.records(Kind::Unit).await.unwrap()[0];
    assert_eq!((row.version, row.body.as_str()), (5, r#"{"n":5}"#));
}
