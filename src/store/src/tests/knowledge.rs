//! Entries, what is written back, review points, on both databases.

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    knowledge::{Content, EntryState, Head, OpenState, Origin, PointSubject, ReviewPoint, RevisionState, Step},
    org::Audience,
};

use super::open;
use crate::{
    Change, KnowledgeChange, KnowledgeEntry, KnowledgeQuery, KnowledgeRevision, PointRow, Store, StoreError, Unit,
    WriteBack, testing::TestDatabase,
};

on_both! {
    of_two_who_take_a_step_from_the_same_version_one_is_refused,
    ten_closings_with_the_same_answer_are_one_candidate_with_ten_sources,
    a_list_says_of_each_state_what_the_rules_say,
    lists_are_of_the_units_items_words_and_pages_that_are_asked_for,
    who_keeps_entries_in_memory_reads_only_what_has_changed,
    review_points_are_of_an_item_and_changed_from_the_version_that_is_there,
}

const EDITOR: AgentId = AgentId::new(1);
const REVIEWER: AgentId = AgentId::new(2);

fn content(question: &str, answer: &str) -> Content {
    Content {
        question: question.to_owned(),
        similar: vec!["别的问法".to_owned()],
        answer: answer.to_owned(),
        spoken: String::new(),
        items: vec!["residence-permit".to_owned()],
        situations: Vec::new(),
        districts: Vec::new(),
        audience: Audience::Person,
        source: "上海市公安局".to_owned(),
        clause: String::new(),
        valid_from: None,
        valid_to: None,
        supersedes: None,
        base: None,
        files: Vec::new(),
    }
}

pub(super) fn entry(id: &str, at: i64) -> (KnowledgeEntry, KnowledgeRevision) {
    let said = content(&format!("问题 {id}"), &format!("答复 {id}"));
    let entry = KnowledgeEntry {
        head: Head::new(id.to_owned(), "police".to_owned()),
        origin: Origin::Editor,
        question: said.question.clone(),
        items: said.items.clone(),
        sources: 0,
        created_at: Timestamp(at),
        changed_at: Timestamp(at),
    };
    let revision = KnowledgeRevision {
        entry: id.to_owned(),
        no: 1,
        state: RevisionState::Draft,
        content: said,
        authors: vec![EDITOR],
        reviewer: None,
        reason: None,
        task: Some("gt_1".to_owned()),
        made_at: Timestamp(at),
        saved_at: Timestamp(at),
        submitted_at: None,
        decided_at: None,
    };
    (entry, revision)
}

pub(super) async fn put(store: &Store, change: KnowledgeChange) -> Result<(), StoreError> {
    store.commit(Unit { changes: vec![Change::Knowledge(change)], ..Unit::default() }).await.map(drop)
}

pub(super) async fn write(
    store: &Store,
    entry: &KnowledgeEntry,
    revision: &KnowledgeRevision,
) -> Result<(), StoreError> {
    let shown = Box::new(revision.content.clone());
    let revision = Some(Box::new(revision.clone()));
    put(store, KnowledgeChange::Step { entry: Box::new(entry.clone()), revision, shown }).await
}

/// Takes the steps, one commit each.
async fn steps(store: &Store, id: &str, at: i64, steps: &[Step]) -> KnowledgeEntry {
    let (mut one, mut revision) = entry(id, at);
    write(store, &one, &revision).await.unwrap();
    for (step, n) in steps.iter().zip(1..) {
        let now = Timestamp(at + n);
        let (head, after) = one.head.step(*step, REVIEWER, &[EDITOR], now).unwrap();
        if let Some((no, state)) = after {
            (revision.no, revision.state) = (no, state);
        }
        one = KnowledgeEntry { head, changed_at: now, ..one };
        write(store, &one, &revision).await.unwrap();
    }
    one
}

const PUBLISH: Step = Step::Publish { from: None, to: None };

async fn of_two_who_take_a_step_from_the_same_version_one_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let (one, revision) = entry("kb-1", 100);
    write(&store, &one, &revision).await.unwrap();
    assert!(matches!(write(&store, &one, &revision).await, Err(StoreError::KnowledgeOutdated(id)) if id == "kb-1"));
    let (head, _) = one.head.step(Step::Submit, EDITOR, &[EDITOR], Timestamp(101)).unwrap();
    let submitted = KnowledgeEntry { head, changed_at: Timestamp(101), ..one };
    let waiting = KnowledgeRevision { state: RevisionState::InReview, submitted_at: Some(Timestamp(101)), ..revision };
    write(&store, &submitted, &waiting).await.unwrap();
    assert!(matches!(write(&store, &submitted, &waiting).await, Err(StoreError::KnowledgeOutdated(_))));
    assert_eq!(store.knowledge_entry("kb-1").await.unwrap(), Some(submitted));
    assert_eq!(store.knowledge_revision("kb-1", 1).await.unwrap(), Some(waiting.clone()));
    assert_eq!(store.knowledge_revisions("kb-1").await.unwrap(), [waiting]);
    assert_eq!(store.knowledge_entry("kb-2").await.unwrap(), None);
}

fn write_back(n: u128, answer: &str) -> KnowledgeChange {
    KnowledgeChange::WriteBack(Box::new(WriteBack {
        id: format!("kb-wb{n}"),
        unit: "police".to_owned(),
        content: content(&format!("第 {n} 次怎么问"), answer),
        conversation: ConversationId::new(n),
        agent: AgentId::new(10 + n % 2),
        at: Timestamp(1_000 + i64::try_from(n).unwrap()),
    }))
}

async fn ten_closings_with_the_same_answer_are_one_candidate_with_ten_sources(db: TestDatabase) {
    let (store, _) = open(&db).await;
    // At the same time, and typed a little differently.
    let answers = ["请先挂失，再补领。", "请先挂失,再补领", " 请先挂失， 再补领！ "];
    let closings = (1..=10).map(|n: u128| put(&store, write_back(n, answers[n as usize % 3])));
    for done in futures_util::future::join_all(closings).await {
        done.unwrap();
    }
    let all = store.knowledge(&KnowledgeQuery::default(), 50).await.unwrap();
    let [candidate] = &all[..] else { panic!("{all:?}") };
    assert_eq!((candidate.sources, candidate.origin), (10, Origin::WriteBack));
    assert_eq!(candidate.head.state(Timestamp(2_000)), EntryState::InReview);
    let sources = store.knowledge_sources(&candidate.head.id, 50).await.unwrap();
    assert_eq!(
        sources.iter().map(|one| one.conversation.raw()).collect::<Vec<_>>(),
        (1..=10).rev().collect::<Vec<_>>()
    );
    // The same conversation once more is no further source; another answer, or about something else, is another candidate.
    put(&store, write_back(10, answers[0])).await.unwrap();
    put(&store, write_back(11, "不用挂失。")).await.unwrap();
    let KnowledgeChange::WriteBack(mut other) = write_back(12, answers[0]) else { unreachable!() };
    other.content.items.clear();
    put(&store, KnowledgeChange::WriteBack(other)).await.unwrap();
    let mut counts: Vec<u32> =
        store.knowledge(&KnowledgeQuery::default(), 50).await.unwrap().iter().map(|one| one.sources).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 10]);
    let mine = store.written_back(AgentId::new(10), None, 3).await.unwrap();
    assert_eq!(mine.iter().map(|one| one.source.conversation.raw()).collect::<Vec<_>>(), [12, 10, 8]);
    let last = mine.last().map(|one| (one.source.at, one.source.conversation));
    let rest = store.written_back(AgentId::new(10), last, 50).await.unwrap();
    assert_eq!(rest.iter().map(|one| one.source.conversation.raw()).collect::<Vec<_>>(), [6, 4, 2]);
}

async fn a_list_says_of_each_state_what_the_rules_say(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let scheduled = Step::Publish { from: Some(Timestamp(5_000)), to: Some(Timestamp(6_000)) };
    let until = Step::Publish { from: None, to: Some(Timestamp(4_000)) };
    let histories: [&[Step]; 9] = [
        &[],
        &[Step::Submit],
        &[Step::Submit, PUBLISH],
        &[Step::Submit, scheduled],
        &[Step::Submit, until],
        &[Step::Submit, PUBLISH, Step::Save, Step::Submit, scheduled],
        &[Step::Submit, until, Step::Save, Step::Submit, scheduled],
        &[Step::Submit, PUBLISH, Step::Retire(Timestamp(4_500))],
        &[Step::Discard],
    ];
    let mut heads = Vec::new();
    for (history, n) in histories.iter().zip(1..) {
        heads.push(steps(&store, &format!("kb-{n}"), 100 * n, history).await.head);
    }
    for at in [1_500, 3_999, 4_000, 4_500, 4_999, 5_000, 5_999, 6_000].map(Timestamp) {
        for state in EntryState::ALL.iter().copied() {
            let query = KnowledgeQuery { state: Some((state, at)), ..KnowledgeQuery::default() };
            let mut found: Vec<String> =
                store.knowledge(&query, 50).await.unwrap().into_iter().map(|one| one.head.id).collect();
            found.sort_unstable();
            let expected: Vec<String> =
                heads.iter().filter(|head| head.state(at) == state).map(|head| head.id.clone()).collect();
            assert_eq!(found, expected, "{state} at {at:?}");
        }
        let counts = store.knowledge_counts(None, at).await.unwrap();
        assert_eq!(counts.iter().map(|one| one.entries).sum::<u64>(), 9);
        for one in counts {
            let expected = heads.iter().filter(|head| head.state(at) == one.state).count();
            assert_eq!((one.unit.as_str(), one.entries), ("police", expected as u64), "{} at {at:?}", one.state);
        }
    }
    let counts = store.knowledge_counts(Some(&["xuhui".to_owned()]), Timestamp(1)).await.unwrap();
    assert!(counts.is_empty());
}

async fn lists_are_of_the_units_items_words_and_pages_that_are_asked_for(db: TestDatabase) {
    let (store, _) = open(&db).await;
    for n in 1..=5 {
        steps(&store, &format!("kb-{n}"), 100 * n, &[]).await;
    }
    let ids = async |query: KnowledgeQuery, limit| -> Vec<String> {
        store.knowledge(&query, limit).await.unwrap().into_iter().map(|one| one.head.id).collect()
    };
    let all = KnowledgeQuery::default;
    assert_eq!(ids(all(), 2).await, ["kb-5", "kb-4"]);
    let before = Some((Timestamp(400), "kb-4".to_owned()));
    assert_eq!(ids(KnowledgeQuery { before, ..all() }, 50).await, ["kb-3", "kb-2", "kb-1"]);
    let words = |words: &[&str]| KnowledgeQuery { words: words.iter().map(|one| (*one).to_owned()).collect(), ..all() };
    assert_eq!(ids(words(&["答复", "kb-3"]), 50).await, ["kb-3"]);
    assert!(ids(words(&["%"]), 50).await.is_empty(), "a sign of the pattern is a sign");
    let item = |item: &str| KnowledgeQuery { item: Some(item.to_owned()), ..all() };
    assert_eq!(ids(item("residence-permit"), 50).await.len(), 5);
    assert!(ids(item("residence"), 50).await.is_empty());
    let units = |unit: &str| KnowledgeQuery { units: Some(vec![unit.to_owned()]), ..all() };
    assert_eq!((ids(units("police"), 50).await.len(), ids(units("tax"), 50).await.len()), (5, 0));
    steps(&store, "kb-6", 600, &[Step::Submit]).await;
    let open = KnowledgeQuery { open: Some(OpenState::InReview), ..all() };
    assert_eq!(ids(open, 50).await, ["kb-6"]);
    let origin = KnowledgeQuery { origin: Some(Origin::WriteBack), ..all() };
    assert!(ids(origin, 50).await.is_empty());
}

async fn who_keeps_entries_in_memory_reads_only_what_has_changed(db: TestDatabase) {
    let (store, _) = open(&db).await;
    assert_eq!(store.knowledge_changed(0).await.unwrap(), (0, Vec::new()));
    steps(&store, "kb-1", 100, &[Step::Submit, PUBLISH]).await;
    steps(&store, "kb-2", 200, &[]).await;
    let (count, all) = store.knowledge_changed(0).await.unwrap();
    let seen = |all: &[(KnowledgeEntry, Vec<KnowledgeRevision>)]| {
        let one = |(entry, revisions): &(KnowledgeEntry, Vec<KnowledgeRevision>)| {
            (entry.head.id.clone(), revisions.iter().map(|one| one.no).collect::<Vec<_>>())
        };
        all.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(seen(&all), [("kb-1".to_owned(), vec![1]), ("kb-2".to_owned(), vec![])], "a draft is nobody's business");
    assert_eq!(store.knowledge_changed(count).await.unwrap(), (count, Vec::new()));
    put(&store, write_back(1, "请先挂失。")).await.unwrap();
    let (next, changed) = store.knowledge_changed(count).await.unwrap();
    assert!(next > count);
    assert_eq!(seen(&changed), [("kb-wb1".to_owned(), vec![1])], "a candidate is visible at once");
}

async fn review_points_are_of_an_item_and_changed_from_the_version_that_is_there(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let point = |id: &str, place: u32, version: u64| PointRow {
        id: id.to_owned(),
        version,
        place,
        point: ReviewPoint {
            item: "residence-permit".to_owned(),
            situation: String::new(),
            subject: PointSubject::Material,
            name: "居民身份证".to_owned(),
            rule: "在有效期内".to_owned(),
            source: "《居住证暂行条例》第九条".to_owned(),
        },
        changed_at: Timestamp(100),
        changed_by: EDITOR,
    };
    for row in [point("rp-2", 2, 1), point("rp-1", 1, 1)] {
        put(&store, KnowledgeChange::Point(Box::new(row))).await.unwrap();
    }
    let again = put(&store, KnowledgeChange::Point(Box::new(point("rp-1", 9, 1)))).await;
    assert!(matches!(again, Err(StoreError::KnowledgeOutdated(_))));
    put(&store, KnowledgeChange::Point(Box::new(point("rp-1", 3, 2)))).await.unwrap();
    let list = store.review_points("residence-permit", 10).await.unwrap();
    assert_eq!(list, [point("rp-2", 2, 1), point("rp-1", 3, 2)]);
    let drop_it = |version| KnowledgeChange::DropPoint { id: "rp-2".to_owned(), version };
    assert!(matches!(put(&store, drop_it(7)).await, Err(StoreError::KnowledgeOutdated(_))));
    put(&store, drop_it(1)).await.unwrap();
    assert_eq!(store.review_point("rp-2").await.unwrap(), None);
    assert_eq!(store.all_review_points("", 10).await.unwrap(), [point("rp-1", 3, 2)]);
}
