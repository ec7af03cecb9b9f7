//! Guided dialogues on both databases.

use bangban_domain::{
    AgentId, Timestamp,
    guide::{Choice, Fit, Guide, GuideAbout, Question, Situation},
    knowledge::{Head, Origin, RevisionState, Step},
};

use super::open;
use crate::{Change, GuideChange, GuideRevision, GuideRow, Store, StoreError, Unit, testing::TestDatabase};

on_both! {
    of_two_who_take_a_step_of_a_guide_one_is_refused,
    what_is_in_force_is_read_anew_only_after_a_change,
}

const AUTHOR: AgentId = AgentId::new(1);
const REVIEWER: AgentId = AgentId::new(2);
const PUBLISH: Step = Step::Publish { from: None, to: None };

fn content(name: &str) -> Guide {
    let choice = |code: &str| Choice {
        code: code.to_owned(),
        label: code.to_owned(),
        words: vec!["首次\u{0}申领".to_owned()],
        districts: Vec::new(),
    };
    let situation = |code: &str| Situation {
        code: code.to_owned(),
        name: format!("{name} {code}"),
        of: String::new(),
        fits: vec![Fit { question: "what".to_owned(), choices: vec![code.to_owned()] }],
        conditions: Vec::new(),
        materials: Vec::new(),
        place: "窗口".to_owned(),
        duration: "当场".to_owned(),
        cost: "不收费".to_owned(),
        link: String::new(),
        source: "办事指南".to_owned(),
    };
    Guide {
        questions: vec![Question {
            code: "what".to_owned(),
            text: "办什么？".to_owned(),
            help: String::new(),
            about: GuideAbout::Other,
            choices: vec![choice("first"), choice("lost")],
        }],
        situations: vec![situation("first"), situation("lost")],
    }
}

fn draft(item: &str, at: i64) -> (GuideRow, GuideRevision) {
    let (at, item) = (Timestamp(at), item.to_owned());
    let head = Head::new(item.clone(), String::new());
    let revision = GuideRevision {
        item,
        no: 1,
        state: RevisionState::Draft,
        content: content("一"),
        authors: vec![AUTHOR],
        reviewer: None,
        reason: None,
        made_at: at,
        saved_at: at,
        submitted_at: None,
        decided_at: None,
    };
    (GuideRow { head, origin: Origin::Editor, created_at: at, changed_at: at }, revision)
}

async fn put(store: &Store, guide: &GuideRow, revision: Option<&GuideRevision>) -> Result<(), StoreError> {
    let change = GuideChange { guide: Box::new(guide.clone()), revision: revision.cloned().map(Box::new) };
    store.commit(Unit { changes: vec![Change::Guide(change)], ..Unit::default() }).await.map(drop)
}

/// Takes a step and writes it.
async fn step(store: &Store, (guide, revision): &mut (GuideRow, GuideRevision), step: Step, at: i64) {
    let (head, after) = guide.head.step(step, REVIEWER, &[AUTHOR], Timestamp(at)).unwrap();
    let of_revision = after.map(|(no, state)| (revision.no, revision.state) = (no, state));
    *guide = GuideRow { head, changed_at: Timestamp(at), ..guide.clone() };
    put(store, guide, of_revision.map(|()| &*revision)).await.unwrap();
}

async fn of_two_who_take_a_step_of_a_guide_one_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let mut one = draft("passport", 100);
    put(&store, &one.0, Some(&one.1)).await.unwrap();
    assert!(
        matches!(put(&store, &one.0, Some(&one.1)).await, Err(StoreError::KnowledgeOutdated(id)) if id == "passport")
    );
    step(&store, &mut one, Step::Submit, 101).await;
    assert!(matches!(put(&store, &one.0, None).await, Err(StoreError::KnowledgeOutdated(_))));
    let (guide, mut revision) = one.clone();
    assert_eq!(store.guide("passport").await.unwrap(), Some(guide.clone()));
    assert_eq!(store.guide_revision("passport", 1).await.unwrap(), Some(revision.clone()), "with every character");
    assert_eq!((store.guide("other").await.unwrap(), store.guide_revision("other", 1).await.unwrap()), (None, None));
    assert_eq!(store.guides().await.unwrap(), std::slice::from_ref(&guide));
    revision.reason = Some("不全\u{0}".to_owned());
    let refused = put(&store, &guide, Some(&revision)).await;
    assert!(matches!(refused, Err(StoreError::Nul { field: "reason" })));
}

async fn what_is_in_force_is_read_anew_only_after_a_change(db: TestDatabase) {
    let (store, _) = open(&db).await;
    assert_eq!(store.guides_in_force(None).await.unwrap(), Some((0, Vec::new())));
    assert_eq!(store.guides_in_force(Some(0)).await.unwrap(), None);
    let mut one = draft("passport", 100);
    put(&store, &one.0, Some(&one.1)).await.unwrap();
    step(&store, &mut one, Step::Submit, 101).await;
    let (count, none) = store.guides_in_force(Some(0)).await.unwrap().unwrap();
    assert_eq!((count, none), (2, Vec::new()), "nobody has reviewed it");
    step(&store, &mut one, PUBLISH, 102).await;
    let first = one.clone();
    assert_eq!(store.guides_in_force(Some(2)).await.unwrap(), Some((3, vec![first.clone()])));
    // The next draft leaves the published one in force.
    step(&store, &mut one, Step::Save, 103).await;
    one.1.content = content("二");
    let (_, found) = store.guides_in_force(Some(3)).await.unwrap().unwrap();
    assert_eq!(found[0].1, first.1);
    assert_eq!(store.guide_revisions("passport").await.unwrap().iter().map(|one| one.no).collect::<Vec<_>>(), [2, 1]);
    step(&store, &mut one, Step::Submit, 104).await;
    step(&store, &mut one, PUBLISH, 105).await;
    let (count, found) = store.guides_in_force(Some(4)).await.unwrap().unwrap();
    assert_eq!((count, found[0].1.no, found[0].0.head.live.unwrap().from), (6, 2, Timestamp(105)));
    assert_eq!(store.guides_in_force(Some(6)).await.unwrap(), None);
    step(&store, &mut one, Step::Retire(Timestamp(106)), 106).await;
    assert_eq!(store.guides_in_force(Some(6)).await.unwrap(), Some((7, Vec::new())));
}
