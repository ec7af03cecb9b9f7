//! Pictures and documents of answers, on both databases.

use bangban_domain::{
    AgentId, FileId, Timestamp,
    knowledge::{FileUse, OpenState, RevisionState, UNUSED_FILE_KEPT},
    time::HOUR,
    words::{FileKind, FileState},
};

use super::{
    knowledge::{entry, put, write},
    open,
};
use crate::{
    KnowledgeChange, KnowledgeFile, KnowledgeFileChange, KnowledgeRevision, Store, StoreError, Uploaded,
    testing::TestDatabase,
};

on_both! {
    a_file_that_a_revision_has_is_never_given_up_and_any_other_when_its_time_is_over,
    a_revision_does_not_get_a_file_that_is_not_there,
    who_may_see_a_file_is_told_by_the_revisions_that_have_it,
}

const EDITOR: AgentId = AgentId::new(1);

fn picture(n: u128, at: i64) -> KnowledgeFile {
    KnowledgeFile {
        id: FileId::new(n),
        owner: EDITOR,
        kind: FileKind::Image,
        name: "样张.png".to_owned(),
        mime: String::new(),
        size: 300,
        state: FileState::Uploading,
        sides: None,
        made_at: Timestamp(at),
        kept_until: Timestamp(at) + UNUSED_FILE_KEPT,
    }
}

async fn change(store: &Store, change: KnowledgeFileChange) {
    put(store, KnowledgeChange::File(change)).await.unwrap();
}

async fn stored(store: &Store, n: u128, at: i64) -> KnowledgeFile {
    let row = picture(n, at);
    change(store, KnowledgeFileChange::New(row.clone())).await;
    let ready = KnowledgeFile {
        mime: "image/png".to_owned(),
        size: 290,
        state: FileState::Ready,
        sides: Some((640, 480)),
        ..row
    };
    change(store, KnowledgeFileChange::Ready(ready.clone())).await;
    ready
}

fn with(files: &[&KnowledgeFile], revision: &KnowledgeRevision) -> KnowledgeRevision {
    let mut revision = revision.clone();
    revision.content.files = files.iter().map(|file| file.answer_file()).collect();
    revision
}

async fn a_file_that_a_revision_has_is_never_given_up_and_any_other_when_its_time_is_over(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let (kept, other) = (stored(&store, 1, 0).await, stored(&store, 2, 0).await);
    assert_eq!(store.knowledge_file(kept.id).await.unwrap(), Some(kept.clone()));
    let both = Uploaded { files: 2, bytes: 580 };
    assert_eq!(store.uploaded_for_answers(EDITOR, Timestamp(HOUR - 1), HOUR).await.unwrap(), both);
    assert_eq!(store.uploaded_for_answers(EDITOR, Timestamp(HOUR), HOUR).await.unwrap().files, 0);

    let (mut one, revision) = entry("kb-1", 100);
    write(&store, &one, &with(&[&kept], &revision)).await.unwrap();
    let (over, soon) = (Timestamp(0) + UNUSED_FILE_KEPT, Timestamp(UNUSED_FILE_KEPT - 1));
    assert_eq!(store.unused_knowledge_files(soon, 9).await.unwrap(), []);
    assert_eq!(store.unused_knowledge_files(over, 9).await.unwrap(), std::slice::from_ref(&other));
    for file in [&kept, &other] {
        change(&store, KnowledgeFileChange::Drop(file.id)).await;
        change(&store, KnowledgeFileChange::Forget(file.id)).await;
    }
    assert_eq!(store.knowledge_file(kept.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(store.knowledge_file(other.id).await.unwrap(), None);

    // Taken out of the draft long after the upload: it can come back for a while.
    one.head.version += 1;
    let saved_at = Timestamp(900_000_000);
    write(&store, &one, &KnowledgeRevision { saved_at, ..revision.clone() }).await.unwrap();
    let kept_until = saved_at + UNUSED_FILE_KEPT;
    assert_eq!(store.unused_knowledge_files(kept_until - 1, 9).await.unwrap(), []);
    assert_eq!(store.unused_knowledge_files(kept_until, 9).await.unwrap(), [KnowledgeFile { kept_until, ..kept }]);
    store.close().await;
}

async fn a_revision_does_not_get_a_file_that_is_not_there(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let coming = picture(1, 0);
    change(&store, KnowledgeFileChange::New(coming.clone())).await;
    let gone = stored(&store, 2, 0).await;
    change(&store, KnowledgeFileChange::Drop(gone.id)).await;
    let (one, revision) = entry("kb-1", 100);
    for file in [&coming, &gone, &picture(3, 0)] {
        let refused = write(&store, &one, &with(&[file], &revision)).await.unwrap_err();
        assert!(matches!(refused, StoreError::FileGone(id) if id == file.id), "{refused}");
    }
    assert_eq!(store.knowledge_entry("kb-1").await.unwrap(), None, "nothing of it is written");
    store.close().await;
}

async fn who_may_see_a_file_is_told_by_the_revisions_that_have_it(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let file = stored(&store, 1, 0).await;
    let (mut one, revision) = entry("kb-1", 100);
    let mut revision = with(&[&file], &revision);
    revision.content.valid_from = Some(Timestamp(900));
    write(&store, &one, &revision).await.unwrap();
    let mut expected = FileUse {
        entry: "kb-1".to_owned(),
        unit: "police".to_owned(),
        retired_at: None,
        state: RevisionState::Draft,
        decided_at: None,
        valid_from: Some(Timestamp(900)),
    };
    assert_eq!(store.knowledge_file_uses(file.id).await.unwrap(), [expected.clone()]);

    one.head.version += 1;
    (one.head.open, one.head.retired_at) = (Some((1, OpenState::InReview)), Some(Timestamp(700)));
    (revision.state, revision.decided_at) = (RevisionState::Published, Some(Timestamp(500)));
    write(&store, &one, &revision).await.unwrap();
    expected = FileUse {
        state: RevisionState::Published,
        decided_at: Some(Timestamp(500)),
        retired_at: Some(Timestamp(700)),
        ..expected
    };
    assert_eq!(store.knowledge_file_uses(file.id).await.unwrap(), [expected]);
    assert_eq!(store.knowledge_file_uses(FileId::new(2)).await.unwrap(), []);
    store.close().await;
}
