//! SQLite's checkpoints: what was committed to the log (`-wal`) is copied into the database file from a connection of
//! their own, so that no commit waits for it.
//!
//! A checkpoint beside running commits cannot come to an end, because the log grows meanwhile; and only when all of it was
//! copied can the next commit begin the log anew. If the log has become long, the writer therefore waits for one
//! checkpoint, which has little left to do.

use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::{AnyConnection, Row as _};

use crate::{StoreError, place::Place};

/// Work between two checkpoints, in pages that the log has grown by at most: about 32 MiB.
const WORK: u64 = 8_192;

/// A log of so many pages is long: about 128 MiB.
const LONG: i64 = 32_768;

/// When to copy, and the connection for it while it does not copy.
pub(crate) struct Checkpoints {
    connection: Option<AnyConnection>,
    work: u64,
    is_long: bool,
}

/// A running checkpoint: the connection, and the pages of the log if it is not copied to its end.
pub(crate) type Running = BoxFuture<'static, (AnyConnection, Result<i64, sqlx::Error>)>;

impl Checkpoints {
    /// For databases that do it themselves: never.
    pub(crate) const fn none() -> Self {
        Self { connection: None, work: 0, is_long: false }
    }

    pub(crate) async fn connect(place: &Place) -> Result<Self, StoreError> {
        Ok(Self { connection: Some(place.connect().await?), work: 0, is_long: false })
    }

    /// Pages that a batch has changed, at most.
    pub(crate) const fn count(&mut self, pages: u64) {
        self.work += pages;
    }

    /// Must the writer stand still for the next one?
    pub(crate) const fn must_wait(&self) -> bool {
        self.is_long
    }

    /// Starts one if it is time.
    pub(crate) fn start(&mut self) -> Option<Running> {
        if self.work < WORK && !self.is_long {
            return None;
        }
        let mut connection = self.connection.take()?;
        self.work = 0;
        let running = async move {
            let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut connection).await;
            let left = row.and_then(|row| {
                let (log, copied): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
                Ok(if copied < log { log } else { 0 })
            });
            (connection, left)
        };
        Some(running.boxed())
    }

    pub(crate) fn done(&mut self, (connection, left): (AnyConnection, Result<i64, sqlx::Error>)) {
        self.connection = Some(connection);
        match left {
            // If even standing still did not help, somebody reads for long: later.
            Ok(pages) => self.is_long = pages > LONG && !self.is_long,
            Err(error) => {
                tracing::warn!(%error, "the log of the database could not be copied into it");
                self.is_long = false;
            }
        }
    }
}
