//! Pictures and documents of answers of the knowledge base: the same checks as for files in conversations, in one request,
//! because editors sit at a desk. Who may is decided by `App`.

use std::sync::Arc;

use axum::body::Bytes;
use bangban_domain::{
    AgentId, FileId,
    knowledge::UNUSED_FILE_KEPT,
    words::{FileKind, FileState},
};
use bangban_protocol::{ErrorCode, WireError};
use bangban_store::{Change, FileOwner, KnowledgeChange, KnowledgeFile, KnowledgeFileChange, Unit};
use futures_util::Stream;
use metrics::counter;
use object_store::GetRange;

use super::{Ended, Files, Folder, Part, QUOTA_SPAN, Variant, busy_upload, disk_error, store_error, too_large};

fn change(change: KnowledgeFileChange) -> Change {
    Change::Knowledge(KnowledgeChange::File(change))
}

impl Files {
    /// Takes in a file of `size` bytes. `told` is written together with the row that says that it is there. Goes on to the
    /// end although its client has gone.
    ///
    /// # Errors
    /// What is wrong with the file, by field; `quota_used`; `busy` if it may be tried again.
    pub async fn add_answer_file<E: Send + 'static>(
        self: &Arc<Self>,
        owner: AgentId,
        (kind, name, size): (FileKind, String, u64),
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        told: impl FnOnce(&KnowledgeFile) -> Change + Send + 'static,
    ) -> Result<KnowledgeFile, WireError> {
        let name = self.check_announced(kind, &name, size)?;
        let now = self.clock.now();
        let row = KnowledgeFile {
            id: FileId::new(crate::desk::new_id()),
            owner,
            kind,
            name,
            mime: String::new(),
            size,
            state: FileState::Uploading,
            sides: None,
            made_at: now,
            kept_until: now + UNUSED_FILE_KEPT,
        };
        {
            let _turn = self.stripe(FileOwner::Staff(owner)).lock().await;
            let used = self.store.uploaded_for_answers(owner, now, QUOTA_SPAN).await.map_err(store_error)?;
            Self::check_used(self.staff, used, size)?;
            self.put(vec![change(KnowledgeFileChange::New(row.clone()))]).await?;
        }
        let files = Arc::clone(self);
        self.to_the_end(async move {
            let taken = files.take_in(&row, bytes, told).await;
            if taken.is_err() {
                files.give_up_answer_file(&row).await;
            }
            let result = if taken.is_ok() { "ready" } else { "refused" };
            counter!("bangban_files_total", "kind" => row.kind.as_str(), "result" => result).increment(1);
            taken
        })
        .await
    }

    async fn take_in<E: Send>(
        &self,
        row: &KnowledgeFile,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
        told: impl FnOnce(&KnowledgeFile) -> Change + Send,
    ) -> Result<KnowledgeFile, WireError> {
        let mine = self.uploads.take(row.id).ok_or_else(busy_upload)?;
        let (came, ended) = tokio::select! {
            () = self.stopping.cancelled() => return Err(WireError::new(ErrorCode::Busy, "the server stops")),
            appended = mine.append(0, row.size, bytes) => appended.map_err(disk_error)?,
        };
        counter!("bangban_file_bytes_in_total").increment(came);
        match ended {
            Ended::TooMuch => return Err(too_large("body", format!("more bytes than the {} of its length", row.size))),
            Ended::Whole if came == row.size => {}
            Ended::Whole | Ended::Cut => return Err(WireError::new(ErrorCode::Busy, "the bytes stopped coming")),
        }
        let stored = self.store_checked((Folder::Answers, row.id), row.kind, &row.name, mine.path()).await?;
        let ready = KnowledgeFile {
            name: stored.name,
            mime: stored.mime.to_owned(),
            size: stored.size.unwrap_or(row.size),
            sides: stored.sides,
            state: FileState::Ready,
            ..row.clone()
        };
        self.put(vec![change(KnowledgeFileChange::Ready(ready.clone())), told(&ready)]).await?;
        // The sweeper removes it if this fails.
        self.uploads.remove(row.id).await.ok();
        tracing::info!(file = %row.id, kind = %row.kind, size = ready.size, "a file of answers is stored");
        Ok(ready)
    }

    async fn put(&self, changes: Vec<Change>) -> Result<(), WireError> {
        self.store.commit(Unit { changes, ..Unit::default() }).await.map(drop).map_err(store_error)
    }

    /// What cannot be deleted now is the sweeper's, when its time is over.
    async fn give_up_answer_file(&self, row: &KnowledgeFile) {
        let dropped = self.put(vec![change(KnowledgeFileChange::Drop(row.id))]).await;
        if let (Err(error), _) | (_, Err(error)) = (dropped, self.remove_answer_bytes(row.id).await) {
            tracing::warn!(file = %row.id, ?error, "a refused file of answers is left for later");
        }
    }

    async fn remove_answer_bytes(&self, id: FileId) -> Result<(), WireError> {
        self.uploads.remove(id).await.map_err(disk_error)?;
        self.objects.delete((Folder::Answers, id)).await
    }

    /// The bytes of a file that is there; `None`: deleted.
    ///
    /// # Errors
    /// `busy` if the object store does not serve.
    pub async fn open_answer_file(
        &self,
        id: FileId,
        variant: Variant,
        range: Option<GetRange>,
    ) -> Result<Option<Part>, WireError> {
        self.objects.get((Folder::Answers, id), variant, range).await
    }

    /// Deletes those that no revision has and whose time is over: first the row says so, unless a revision has it now, then
    /// the bytes go, then the row.
    pub(super) async fn sweep_answers(&self, batch: u32) -> anyhow::Result<u64> {
        let mut deleted = 0;
        loop {
            let due = self.store.unused_knowledge_files(self.clock.now(), batch).await?;
            for row in &due {
                let changes = vec![change(KnowledgeFileChange::Drop(row.id))];
                self.store.commit(Unit { changes, ..Unit::default() }).await?;
                let is_gone = self.store.knowledge_file(row.id).await?.is_some_and(|row| row.state == FileState::Gone);
                if is_gone {
                    self.remove_answer_bytes(row.id).await?;
                    let changes = vec![change(KnowledgeFileChange::Forget(row.id))];
                    self.store.commit(Unit { changes, ..Unit::default() }).await?;
                    deleted += 1;
                }
            }
            if due.len() < batch as usize {
                return Ok(deleted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::Timestamp;
    use bangban_store::{Audit, Author, Store};
    use futures_util::stream;
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    use super::*;
    use crate::{clock::Clock, config::Config};

    const EDITOR: AgentId = AgentId::new(1);

    fn told(file: &KnowledgeFile) -> Change {
        Change::Audit(Audit {
            at: Timestamp(0),
            actor: Author::Agent(EDITOR),
            action: "knowledge.file",
            kind: "answer_file".to_owned(),
            subject: file.id.to_string(),
            unit: None,
            reason: None,
            address: None,
            detail: crate::privacy::json(&serde_json::json!({})),
        })
    }

    async fn add(files: &Arc<Files>, name: &str, text: &'static str, size: u64) -> Result<KnowledgeFile, WireError> {
        let bytes = stream::iter([Ok::<_, ()>(Bytes::from_static(text.as_bytes()))]);
        files.add_answer_file(EDITOR, (FileKind::File, name.to_owned(), size), bytes, told).await
    }

    fn count(dir: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }

    #[tokio::test]
    async fn what_no_revision_has_is_deleted_after_a_week_and_what_is_refused_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.data.dir = dir.path().to_owned();
        let store = Store::open(&config.database(), 64, Box::new(|_| {})).await.unwrap();
        let (clock, hand) = Clock::manual(Timestamp(1_000));
        let files = Files::new(&config, clock, store.clone(), CancellationToken::new(), TaskTracker::new()).unwrap();
        let files = Arc::new(files);
        let bytes_there = || (count(&dir.path().join("uploads")), count(&dir.path().join("files")));

        for (name, size, code) in [
            // Not what it says, cut short, longer than it said.
            ("a.pdf", 5, ErrorCode::UnsupportedFile),
            ("a.txt", 6, ErrorCode::Busy),
            ("a.txt", 4, ErrorCode::TooLarge),
        ] {
            assert_eq!(add(&files, name, "whole", size).await.unwrap_err().code, code, "{name} {size}");
            assert_eq!(bytes_there(), (0, 0));
        }
        let file = add(&files, "a.txt", "whole", 5).await.unwrap();
        assert_eq!(bytes_there(), (0, 1));
        hand.advance(UNUSED_FILE_KEPT - 1);
        files.sweep().await.unwrap();
        assert!(files.open_answer_file(file.id, Variant::Original, None).await.unwrap().is_some(), "not too early");
        hand.advance(1);
        files.sweep().await.unwrap();
        assert_eq!((bytes_there(), store.knowledge_file(file.id).await.unwrap()), ((0, 0), None));
        store.close().await;
    }
}
