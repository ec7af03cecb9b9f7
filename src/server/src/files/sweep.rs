//! Deletes what nobody has finished or sent in time, and files of answers that no revision has. Each step may be repeated, so a stop in the middle loses nothing and
//! leaves nothing behind: first the row says that the file has gone, unless a message carries it, then its bytes are
//! deleted, then the row.

use std::sync::Arc;

use bangban_domain::{FileId, time::MINUTE, words::FileState};
use bangban_store::{Change, FileChange, FileRow, Unit};
use metrics::counter;
use tokio_util::sync::CancellationToken;

use super::Files;

/// So often.
const PAUSE: i64 = 10 * MINUTE;

/// So many at once.
const BATCH: u32 = 200;

/// Sweeps until the server stops.
pub(super) async fn run(files: Arc<Files>, stopping: CancellationToken) {
    loop {
        match files.sweep().await {
            Ok(0) => {}
            Ok(deleted) => {
                counter!("bangban_files_swept_total").increment(deleted);
                tracing::info!(deleted, "files that nobody has sent are deleted");
            }
            Err(error) => tracing::error!(%error, "files that nobody has sent could not be deleted, later again"),
        }
        let next = files.clock.now() + PAUSE;
        tokio::select! {
            () = stopping.cancelled() => return,
            () = files.clock.sleep_until(next) => {}
        }
    }
}

impl Files {
    /// Deletes what is due; says how many.
    ///
    /// # Errors
    /// If something was left, to be tried again.
    pub async fn sweep(&self) -> anyhow::Result<u64> {
        let mut deleted = 0;
        loop {
            let due = self.store.abandoned_files(self.clock.now(), BATCH).await?;
            let found = due.len();
            for row in due {
                deleted += u64::from(self.delete(&row).await?);
            }
            if found < BATCH as usize {
                break;
            }
        }
        deleted += self.sweep_answers(BATCH).await?;
        // Stored, but the server ended before it could remove the upload.
        for id in self.uploads.all().await? {
            let is_coming = self.store.file(id).await?.is_some_and(|row| row.state == FileState::Uploading);
            if let (false, Some(_mine)) = (is_coming, self.uploads.take(id)) {
                self.uploads.remove(id).await?;
            }
        }
        Ok(deleted)
    }

    /// One of them; not one that is being written to at this moment, nor one that was sent meanwhile.
    async fn delete(&self, row: &FileRow) -> anyhow::Result<bool> {
        let Some(_mine) = self.uploads.take(row.id) else { return Ok(false) };
        self.drop_file(row.id).await?;
        let has_gone = self.store.file(row.id).await?.is_some_and(|row| row.state == FileState::Gone);
        if has_gone {
            self.remove_bytes(row).await?;
            let changes = vec![Change::File(FileChange::Forget(row.id))];
            self.store.commit(Unit { changes, ..Unit::default() }).await?;
        }
        Ok(has_gone)
    }

    /// Marks it as gone, unless a message carries it.
    pub(super) async fn drop_file(&self, id: FileId) -> Result<(), bangban_store::StoreError> {
        let changes = vec![Change::File(FileChange::Drop(id))];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map(drop)
    }

    /// Of one that has gone.
    pub(super) async fn remove_bytes(&self, row: &FileRow) -> anyhow::Result<()> {
        self.uploads.remove(row.id).await?;
        self.objects.delete((row.conversation.into(), row.id)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::{
        CitizenId, ConversationId, Timestamp,
        time::HOUR,
        words::{Channel, CitizenKind, FileKind, Stage},
    };
    use bangban_store::{CitizenRow, ConversationRow, FileOwner, Store};
    use futures_util::stream;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::{clock::Clock, config::Config, files::Announced};

    const ME: FileOwner = FileOwner::Citizen(CitizenId::new(1));
    const HERE: ConversationId = ConversationId::new(7);

    async fn store(config: &Config) -> Store {
        let store = Store::open(&config.database(), 64, Box::new(|_| {})).await.unwrap();
        let citizen = CitizenRow {
            id: CitizenId::new(1),
            name: "张伟".to_owned(),
            kind: CitizenKind::Person,
            level: "L3".to_owned(),
            phone: None,
            credit_code: None,
            language: None,
            anonymous: false,
            seen_at: Timestamp(0),
        };
        let conversation = ConversationRow {
            id: HERE,
            citizen: citizen.id,
            item: None,
            team: "general".to_owned(),
            channel: Channel::Pc,
            hall: None,
            ticket: None,
            stage: Stage::Bot,
            agent: None,
            outcome: None,
            stars: None,
            comment: None,
            opened_at: Timestamp(0),
            closed_at: None,
            clock_no: 0,
            slot: None,
            call_back_phone: None,
            citizen_read: 0,
            agent_read: 0,
            head_start: 0,
            at_head: false,
            last_agent: None,
        };
        let changes = vec![Change::Citizen(citizen), Change::NewConversation(conversation)];
        store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
        store
    }

    /// An upload of the text with so many of its bytes there.
    async fn begun(files: &Arc<Files>, text: &'static str, there: usize) -> FileId {
        let announced = Announced {
            conversation: HERE,
            kind: FileKind::File,
            name: "a.txt".to_owned(),
            size: text.len() as u64,
            duration_ms: None,
        };
        let id = files.begin(ME, false, announced).await.unwrap().id;
        let bytes = stream::iter([Ok::<_, ()>(text[..there].into())]);
        files.append(ME, id, 0, bytes).await.unwrap();
        id
    }

    fn count(dir: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }

    #[tokio::test]
    async fn what_nobody_finishes_or_sends_in_a_day_is_deleted_and_what_was_sent_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.data.dir = dir.path().to_owned();
        let store = store(&config).await;
        let (clock, hand) = Clock::manual(Timestamp(1_000));
        let stopping = CancellationToken::new();
        let files = Files::new(&config, clock, store.clone(), stopping.clone(), TaskTracker::new()).unwrap();
        let files = Arc::new(files);

        let unfinished = begun(&files, "half", 2).await;
        let unsent = begun(&files, "whole", 5).await;
        let sent = begun(&files, "message", 7).await;
        files.finish(ME, sent).await.unwrap();
        let attach = FileChange::Attach { file: sent, client_id: "m".to_owned() };
        store.commit(Unit { changes: vec![Change::File(attach)], ..Unit::default() }).await.unwrap();
        hand.advance(HOUR);
        files.finish(ME, unsent).await.unwrap();
        // A crash before the bytes of a stored upload were removed.
        std::fs::write(dir.path().join("uploads").join(sent.to_string()), "message").unwrap();

        hand.advance(23 * HOUR - 1);
        files.sweep().await.unwrap();
        let is_there = async |id| store.file(id).await.unwrap().is_some();
        assert!(is_there(unfinished).await, "not a millisecond too early");
        assert_eq!(count(&dir.path().join("uploads")), 1, "the rest of the crash is gone");
        // While somebody is at it, it is not taken away.
        let writing = files.uploads.take(unfinished);
        hand.advance(1);
        assert_eq!(files.sweep().await.unwrap(), 0);
        drop(writing);
        assert_eq!(files.sweep().await.unwrap(), 1);
        assert!(!is_there(unfinished).await && is_there(unsent).await && is_there(sent).await);
        assert_eq!((count(&dir.path().join("uploads")), count(&dir.path().join("files"))), (0, 2));

        // By itself, from now on.
        tokio::spawn(run(Arc::clone(&files), stopping.clone()));
        hand.advance(HOUR);
        while is_there(unsent).await {
            tokio::task::yield_now().await;
        }
        assert!(is_there(sent).await);
        let (row, part) = files.open(sent, crate::files::Variant::Original, None).await.unwrap().unwrap();
        assert_eq!((row.attached_as.as_deref(), part.whole), (Some("m"), 7));
        assert_eq!(count(&dir.path().join("files")), 1);
        stopping.cancel();
        store.close().await;
    }
}
