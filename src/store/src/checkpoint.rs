//! SQLite's checkpoints: what was committed to the log (`-wal`) is copied into the database file from a connection of
//! their own, so that no commit waits for it.
//!
//! A checkpoint beside running commits cannot come to an end, because the log grows meanwhile; and only when all of it was
//! copied, and no reader reads in it, can the next commit begin the log anew. If the log has become long, the writer
//! therefore stands still for one checkpoint, which has little left to copy and waits for readers a moment. Should a
//! reader take longer than that, the log grows on and the next checkpoint tries again. A checkpoint that is slower than the
//! writer is waited for, so that a slow disk makes commits slow and not the log long.

use std::time::Duration;

use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::{AnyConnection, Row as _};

use crate::{StoreError, place::Place};

/// Work between two checkpoints, in pages that the log has grown by at most, and the length from which the writer stands
/// still: about 32 MiB and 128 MiB.
pub(crate) const LIMITS: (u64, i64) = (8_192, 32_768);

/// While a checkpoint runs, so many times the work between two of them may be done.
const AHEAD: u64 = 16;

/// The longest wait for readers. The writer waits as long.
const READERS: Duration = Duration::from_millis(100);

/// When to copy, and the connection for it while it does not copy.
pub(crate) struct Checkpoints {
    connection: Option<AnyConnection>,
    work: u64,
    is_running: bool,
    is_long: bool,
    limits: (u64, i64),
}

/// What a checkpoint ended with: the pages of the log, and how many of them are copied.
#[derive(Debug, Clone, Copy)]
struct Copied {
    log: i64,
    copied: i64,
}

/// A running checkpoint and its connection.
pub(crate) type Running = BoxFuture<'static, Finished>;

/// A checkpoint that has ended.
pub(crate) struct Finished {
    connection: AnyConnection,
    result: Result<Copied, sqlx::Error>,
}

impl Checkpoints {
    /// For databases that do it themselves: never.
    pub(crate) const fn none() -> Self {
        Self { connection: None, work: 0, is_running: false, is_long: false, limits: LIMITS }
    }

    pub(crate) async fn connect(place: &Place) -> Result<Self, StoreError> {
        let mut connection = place.connect().await?;
        let sql = sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {}", READERS.as_millis()));
        sqlx::query(sql).execute(&mut connection).await?;
        Ok(Self { connection: Some(connection), limits: place.log_limits(), ..Self::none() })
    }

    /// Pages that a batch has changed, at most.
    pub(crate) const fn count(&mut self, pages: u64) {
        self.work += pages;
    }

    /// Must the writer stand still for the next one, or for the one that runs?
    pub(crate) const fn must_wait(&self) -> bool {
        self.is_long || self.is_running && self.work > AHEAD * self.limits.0
    }

    /// Starts one if it is time.
    pub(crate) fn start(&mut self) -> Option<Running> {
        if self.work < self.limits.0 && !self.is_long {
            return None;
        }
        let mut connection = self.connection.take()?;
        self.work = 0;
        self.is_running = true;
        let sql = if self.is_long { "PRAGMA wal_checkpoint(RESTART)" } else { "PRAGMA wal_checkpoint(PASSIVE)" };
        let running = async move {
            let row = sqlx::query(sql).fetch_one(&mut connection).await;
            let result = row.and_then(|row| Ok(Copied { log: row.try_get(1)?, copied: row.try_get(2)? }));
            Finished { connection, result }
        };
        Some(running.boxed())
    }

    pub(crate) fn done(&mut self, Finished { connection, result }: Finished) {
        self.connection = Some(connection);
        self.is_running = false;
        match result {
            // `log` is its length when the copying began: what was committed meanwhile is not copied either. If even standing
            // still did not help, somebody reads for long: later.
            Ok(Copied { log, copied }) => {
                let is_whole = copied == log && self.work == 0;
                self.is_long = !self.is_long && !is_whole && log > self.limits.1;
            }
            Err(error) => {
                tracing::warn!(%error, "the log of the database could not be copied into it");
                self.is_long = false;
            }
        }
    }
}
