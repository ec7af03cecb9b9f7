//! SQL, and nothing else: migrations, row types, reads, and the one writer that groups what waits into one commit.
//!
//! Every change of the product is a [`Unit`]: entries of threads, changes of rows, lines of the event log. A unit is
//! carried out wholly or not at all, and [`Store::commit`] returns only when it is durable (`synchronous = FULL`).
//! Units that wait together share one transaction and one fsync. Committed entries are handed to the publisher in
//! commit order, before anybody is told that the commit succeeded.
//!
//! SQL text stays in the subset that SQLite and PostgreSQL share, through `sqlx::Any`.

mod read;
mod row;
mod unit;
mod writer;

use std::{fs, path::Path, time::Duration};

use sqlx::{
    AnyPool,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
};

pub use row::*;
pub use unit::*;
pub use writer::Publisher;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file.
    #[error("the database file {0} is in use by another process (data.dir)")]
    Locked(String),
    /// The folder or the lock file cannot be written.
    #[error("cannot use the data folder {path} (data.dir): {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("migration of the database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// SQLite does not promise durability.
    #[error("PRAGMA synchronous is {0}, not 2 (FULL): acknowledged messages would not be durable")]
    NotDurable(i64),
    /// A row holds what no version of the program writes.
    #[error("row of {table}: {what}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The unit speaks of a conversation that does not exist.
    #[error("conversation {0} does not exist")]
    UnknownConversation(bangban_domain::ConversationId),
    /// More work waits than the writer's queue holds; nothing was done, try again.
    #[error("the writer's queue is full")]
    Busy,
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: AnyPool,
    writer: writer::Writer,
}

impl Store {
    /// Opens or creates `dir/bangban.db`, refuses a second process on the same file, migrates, and starts the writer.
    ///
    /// `queue` bounds the units that may wait; `publisher` gets every committed batch in order.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Folder`], and whatever the database says.
    pub async fn open(dir: &Path, queue: usize, publisher: Publisher) -> Result<Self, StoreError> {
        install_default_drivers();
        let folder = |source| StoreError::Folder { path: dir.display().to_string(), source };
        fs::create_dir_all(dir).map_err(folder)?;
        let file = dir.join("bangban.db");
        let lock = fs::OpenOptions::new().create(true).append(true).open(dir.join("bangban.lock")).map_err(folder)?;
        // Held as long as the writer lives; the kernel releases it when the process dies, however it dies.
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked(file.display().to_string())),
            Err(fs::TryLockError::Error(source)) => return Err(folder(source)),
        }

        let url = format!("sqlite://{}?mode=rwc", file.display());
        let options: AnyConnectOptions = url.parse()?;
        let one = pool(1).connect_with(options.clone()).await.map_err(locked(&file))?;
        sqlx::migrate!("../../migrations").run(&one).await?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&one).await?;
        if synchronous != 2 {
            return Err(StoreError::NotDurable(synchronous));
        }
        let readers = pool(4).connect_with(options).await?;
        let writer = writer::Writer::start(one, lock, queue, publisher);
        Ok(Self { readers, writer })
    }

    /// Carries out a unit; returns when it is durable and published.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::UnknownConversation`], [`StoreError::Database`]. After
    /// an error nothing of the unit was done.
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

    /// Lets the writer finish what waits, then closes the file.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

fn locked(file: &Path) -> impl Fn(sqlx::Error) -> StoreError {
    let file = file.display().to_string();
    move |error| match &error {
        sqlx::Error::Database(inner) if inner.message().contains("locked") => StoreError::Locked(file.clone()),
        _ => StoreError::Database(error),
    }
}

/// Connections with our pragmas. `FULL` costs one fsync per batch and is what an acknowledgement promises.
fn pool(size: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(size)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(10))
        .after_connect(|connection, _| {
            Box::pin(async move {
                for pragma in [
                    "PRAGMA busy_timeout = 5000",
                    "PRAGMA journal_mode = WAL",
                    "PRAGMA synchronous = FULL",
                    "PRAGMA foreign_keys = ON",
                    "PRAGMA cache_size = -8000",
                ] {
                    sqlx::query(pragma).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
}

#[cfg(test)]
mod tests;
