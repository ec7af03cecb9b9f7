//! Rows of uploaded files, on both databases.

use bangban_domain::{
    CitizenId, ConversationId, FileId, Timestamp,
    time::HOUR,
    words::{FileKind, FileState},
};

use super::{message, open, seed};
use crate::{
    Author, Change, FileChange, FileOwner, FileRow, Lane, Store, StoreError, Unit, Uploaded, Written,
    testing::TestDatabase,
};

on_both! {
    a_file_goes_from_its_first_byte_to_the_message_that_carries_it,
    a_message_and_its_file_are_kept_together_or_not_at_all,
    what_nobody_sent_in_time_is_found_and_what_was_sent_is_never_dropped,
    an_hour_of_uploads_is_counted_for_each_person,
    a_name_that_postgresql_cannot_store_is_refused,
}

const ME: FileOwner = FileOwner::Citizen(CitizenId::new(1));

fn file(n: u128) -> FileRow {
    FileRow {
        id: FileId::new(n),
        conversation: ConversationId::new(7),
        owner: ME,
        kind: FileKind::Image,
        name: "居住证.png".to_owned(),
        mime: String::new(),
        size: 2_000,
        state: FileState::Uploading,
        sides: None,
        duration_ms: None,
        made_at: Timestamp(1_000),
        kept_until: Timestamp(5_000),
        attached_as: None,
    }
}

fn ready(n: u128) -> FileRow {
    FileRow {
        name: "居住证.jpg".to_owned(),
        mime: "image/jpeg".to_owned(),
        size: 1_900,
        sides: Some((640, 480)),
        kept_until: Timestamp(9_000),
        state: FileState::Ready,
        ..file(n)
    }
}

async fn change(store: &Store, changes: impl IntoIterator<Item = FileChange>) {
    let changes = changes.into_iter().map(Change::File).collect();
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
}

/// A message that carries the file.
fn carrying(n: u128, client_id: &str) -> Unit {
    let attach = FileChange::Attach { file: FileId::new(n), client_id: client_id.to_owned() };
    let entries = vec![message(7, Author::Citizen, client_id)];
    Unit { changes: vec![Change::File(attach)], entries, ..Unit::default() }
}

async fn a_file_goes_from_its_first_byte_to_the_message_that_carries_it(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let voice = FileRow { kind: FileKind::Voice, duration_ms: Some(4_200), ..file(2) };
    change(&store, [FileChange::New(file(1)), FileChange::New(voice.clone())]).await;
    assert_eq!(store.file(FileId::new(1)).await.unwrap(), Some(file(1)));
    assert_eq!(store.file(FileId::new(2)).await.unwrap(), Some(voice));
    assert_eq!(store.file(FileId::new(3)).await.unwrap(), None);

    change(&store, [FileChange::Ready(ready(1))]).await;
    assert_eq!(store.file(FileId::new(1)).await.unwrap(), Some(ready(1)));
    // A second check of the same upload changes nothing.
    change(&store, [FileChange::Ready(FileRow { name: "other.jpg".to_owned(), ..ready(1) })]).await;
    assert_eq!(store.file(FileId::new(1)).await.unwrap().unwrap().name, "居住证.jpg");

    store.commit(carrying(1, "m1")).await.unwrap();
    let attached = store.file(FileId::new(1)).await.unwrap().unwrap();
    assert_eq!(attached.attached_as.as_deref(), Some("m1"));
}

async fn a_message_and_its_file_are_kept_together_or_not_at_all(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    change(&store, [1, 2, 3].map(|n| FileChange::New(file(n)))).await;
    change(&store, [FileChange::Ready(ready(1)), FileChange::Ready(ready(2)), FileChange::Drop(FileId::new(2))]).await;

    let first = store.commit(carrying(1, "m1")).await.unwrap();
    assert_eq!(first.entries, [Written::New { seq: 1, answered: false }]);
    // The page did not hear it and says it again.
    let again = store.commit(carrying(1, "m1")).await.unwrap();
    assert_eq!(again.entries, [Written::Duplicate { seq: 1, at: Timestamp(2_000) }]);

    for (n, client_id, why) in
        [(1, "m2", "sent before"), (2, "m3", "dropped"), (3, "m4", "not ready"), (4, "m5", "none")]
    {
        let refused = store.commit(carrying(n, client_id)).await.unwrap_err();
        assert!(matches!(refused, StoreError::FileGone(id) if id == FileId::new(n)), "{why}: {refused}");
        assert!(!refused.is_retryable());
    }
    let rows = store.entries_after(ConversationId::new(7), Lane::Public, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);

    // Another page uploaded it too: one message carries one file.
    change(&store, [FileChange::New(file(5)), FileChange::Ready(ready(5))]).await;
    assert!(matches!(store.commit(carrying(5, "m1")).await.unwrap_err(), StoreError::FileGone(_)));
    let sent = store.file_sent_as(ConversationId::new(7), ME, "m1").await.unwrap();
    assert_eq!(sent.map(|row| row.id), Some(FileId::new(1)));
    assert_eq!(store.file_sent_as(ConversationId::new(7), ME, "m9").await.unwrap(), None);
}

async fn what_nobody_sent_in_time_is_found_and_what_was_sent_is_never_dropped(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    change(&store, [1, 2, 3].map(|n| FileChange::New(file(n)))).await;
    change(&store, [FileChange::Ready(ready(1)), FileChange::Ready(ready(2))]).await;
    store.commit(carrying(1, "m1")).await.unwrap();
    let abandoned = async |now: i64| -> Vec<FileId> {
        store.abandoned_files(Timestamp(now), 10).await.unwrap().iter().map(|row| row.id).collect()
    };
    assert_eq!(abandoned(4_999).await, []);
    assert_eq!(abandoned(5_000).await, [FileId::new(3)], "not finished");
    assert_eq!(abandoned(9_000).await, [FileId::new(3), FileId::new(2)], "finished, not sent");

    let all = [1, 2, 3].map(FileId::new);
    change(&store, all.map(FileChange::Drop)).await;
    change(&store, all.map(FileChange::Forget)).await;
    assert_eq!(store.file(all[0]).await.unwrap().unwrap().state, FileState::Ready);
    assert_eq!((store.file(all[1]).await.unwrap(), store.file(all[2]).await.unwrap()), (None, None));
}

async fn an_hour_of_uploads_is_counted_for_each_person(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let other = FileOwner::Citizen(CitizenId::new(2));
    let at = |n: u128, at: i64, owner| FileChange::New(FileRow { made_at: Timestamp(at), owner, ..file(n) });
    change(&store, [at(1, 0, ME), at(2, 1, ME), at(3, HOUR, ME), at(4, HOUR, other), FileChange::Drop(FileId::new(2))])
        .await;
    let counted = |owner| store.uploaded(owner, Timestamp(HOUR), HOUR);
    assert_eq!(counted(ME).await.unwrap(), Uploaded { files: 2, bytes: 4_000 }, "a cancelled one counts too");
    assert_eq!(counted(other).await.unwrap(), Uploaded { files: 1, bytes: 2_000 });
    let nobody = FileOwner::Citizen(CitizenId::new(3));
    assert_eq!(counted(nobody).await.unwrap(), Uploaded { files: 0, bytes: 0 });
}

async fn a_name_that_postgresql_cannot_store_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 7).await;
    let changes = vec![Change::File(FileChange::New(FileRow { name: "a\0b.pdf".to_owned(), ..file(1) }))];
    let refused = store.commit(Unit { changes, ..Unit::default() }).await.unwrap_err();
    assert!(matches!(refused, StoreError::Nul { field: "name" }), "{refused}");
}
