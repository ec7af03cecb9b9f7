//! SQL, and nothing else: migrations, row types, reads, and the one writer that groups what waits into one commit.
//!
//! Every change of the product is a [`Unit`]: entries of threads, changes of rows, lines of the event log. A unit is
//! carried out wholly or not at all, and [`Store::commit`] returns only when it is durable. Units that wait together
//! share one transaction and one flush to the disk. Committed entries are handed to the publisher in commit order, before
//! anybody is told that the commit succeeded.
//!
//! SQLite and PostgreSQL run the same SQL text and migrations through `sqlx::Any`; what differs stands in `place`. See
//! docs/storage.md.

mod action;
mod alert;
mod archive;
mod arrivals;
mod audit;
mod batch;
mod bot;
mod call;
mod call_figures;
mod change;
mod checkpoint;
mod continuation;
mod error;
mod figures;
mod files;
mod find;
mod guide;
mod heads;
mod history;
mod knowledge;
mod knowledge_files;
mod lane;
mod learning;
mod ledger;
mod migrate;
mod outbox;
mod pace;
mod past;
mod place;
mod privacy;
mod quality;
mod read;
mod record;
mod row;
mod sql;
mod staff;
mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod unit;
mod window;
mod writer;

use std::sync::Arc;

use sqlx::AnyPool;

pub use action::{ActionChange, ActionRow};
pub use alert::{Acknowledged, AlertChange, AlertFilter, AlertRow, HelperChange};
pub use archive::Archive;
pub use arrivals::{Arrivals, HALF_HOUR};
pub use audit::{Audit, AuditFilter, AuditRow, Chain, PRUNE, Pruned};
pub use bot::{BotChange, ThresholdRow, WordRow};
pub use call::{CallBackRow, CallChange, KeptCall, OwedCallBack, OwedTask, PastCall};
pub use call_figures::{CallLeg, CallPlace, RequestPlace};
pub use continuation::{ContinuationChange, ContinuationRow};
pub use error::StoreError;
pub use figures::{RowQuery, RowsOf, Scope, Selection};
pub use files::{FileChange, FileOwner, FileRow, Uploaded};
pub use find::Wanted;
pub use guide::{GuideChange, GuideRevision, GuideRow};
pub use knowledge::{
    KnowledgeChange, KnowledgeCount, KnowledgeEntry, KnowledgeQuery, KnowledgeRevision, PointRow, SourceRow, WriteBack,
    WrittenBack,
};
pub use knowledge_files::{KnowledgeFile, KnowledgeFileChange};
pub use learning::{LabelQuery, LabelRow, LearningChange, RegressionRow};
pub use ledger::{CorrectionRow, LedgerOf, PromiseRow, SlotRow, Verdict};
pub use migrate::{Migration, check, migrate};
pub use outbox::{OutboxChange, OutboxQuery, OutboxRow, TemplateRow};
pub use place::Database;
pub use privacy::{Due, ErasureRow, ErasureState, Overdue, PrivacyChange, RunRow};
pub use quality::{InspectionQuery, InspectionRow, QualityChange, ScoreCount};
pub use record::{RecordChange, RecordRow, RecordVersion};
pub use row::*;
pub use staff::{Membership, SessionRow, StaffChange, StaffRow};
pub use task::{OnTimeCount, PolicyRow, TaskChange, TaskEventRow, TaskQuery, TaskRow};
pub use unit::*;
pub use window::{WindowChange, WindowRow};
pub use writer::{Counts, Ended, Publisher};

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: AnyPool,
    writer: writer::Writer,
    epoch: u32,
}

impl Store {
    /// Opens or creates the database, refuses if another process owns it, migrates, and starts the writer.
    ///
    /// `queue` bounds the units that may wait; `publisher` gets every committed batch in order.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Locked`], [`StoreError::Folder`], [`StoreError::Unavailable`],
    /// [`StoreError::NotDurable`], and whatever the database says.
    pub async fn open(database: &Database, queue: usize, publisher: Publisher) -> Result<Self, StoreError> {
        let place = Arc::new(place::Place::try_from(database)?);
        let lock = place.lock_file()?;
        let mut connection = place.connect().await?;
        place.lock(&mut connection).await?;
        migrate::run(&mut connection).await?;
        let health = Arc::new(lane::Health::new(place.engine.lanes()));
        let lanes = lane::Lane::take_over(Arc::clone(&place), Arc::clone(&health), connection, &node()).await?;
        let checkpoints = match place.engine {
            place::Engine::Sqlite => checkpoint::Checkpoints::connect(&place).await?,
            place::Engine::Postgres => checkpoint::Checkpoints::none(),
        };
        let readers = place.readers().await?;
        let epoch = lanes.iter().map(lane::Lane::epoch).max().unwrap_or_default();
        let epoch = u32::try_from(epoch)
            .map_err(|_| StoreError::Corrupt { table: "lease", what: format!("the epoch {epoch} is none") })?;
        let writer = writer::Writer::start(lanes, health, checkpoints, lock, queue, publisher);
        Ok(Self { readers, writer, epoch })
    }

    /// How often the database has been taken over by a process, this time included: no two processes that ever wrote to it
    /// have the same.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Carries out a unit; returns when it is durable and published.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::UnknownConversation`], [`StoreError::Nul`],
    /// [`StoreError::Unavailable`], [`StoreError::Full`], [`StoreError::NotOwner`], [`StoreError::Database`]. After an
    /// error other than [`StoreError::Unknown`] nothing of the unit was done.
    pub async fn commit(&self, unit: Unit) -> Result<Committed, StoreError> {
        self.enqueue(unit)?.await
    }

    /// Hands a unit over without waiting. Units are carried out in the order in which they were handed over; the future
    /// ends as [`Store::commit`] does, and dropping it takes nothing back.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::Closed`]; then nothing was handed over.
    pub fn enqueue(
        &self,
        unit: Unit,
    ) -> Result<impl Future<Output = Result<Committed, StoreError>> + Send + use<>, StoreError> {
        let result = self.writer.enqueue(unit)?;
        Ok(async move { result.await.unwrap_or(Err(StoreError::Closed)) })
    }

    /// Units that wait for the writer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// As [`Store::commit`], but waits for room in a full queue: for an owner that has a bounded mailbox of its own and
    /// would have to forget what it has decided.
    ///
    /// # Errors
    /// As [`Store::commit`], but never [`StoreError::Busy`].
    pub async fn commit_in_turn(&self, unit: Unit) -> Result<Committed, StoreError> {
        self.writer.commit_in_turn(unit).await
    }

    /// What the writer has done since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.writer.counts()
    }

    /// Returns when nothing can be committed any more, other than by [`Store::close`]; the process should end.
    pub async fn ended(&self) -> Ended {
        self.writer.ended().await
    }

    /// Lets the writer finish what waits, then closes the connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

/// This process, for people who wonder who owns the database.
fn node() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("process {} on {}", std::process::id(), if host.is_empty() { "an unnamed host" } else { host.trim() })
}

#[cfg(test)]
mod tests;
