//! Why the store could not do it. What a caller needs to know of a refusal is whether the same unit may succeed later
//! ([`StoreError::is_retryable`]), and that nothing of it was done: only [`StoreError::Unknown`] does not say so.

use bangban_domain::{ActionId, AgentId, CitizenId, ConversationId, FileId, org::Kind};

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be used.
    #[error("data.url: {0}")]
    Url(String),
    /// Another process owns the database.
    #[error("the database {database} is in use by {holder} ({key}); one server at a time may write to it")]
    Locked {
        /// Which.
        database: String,
        /// Who.
        holder: String,
        /// The configuration key.
        key: &'static str,
    },
    /// The folder or the lock file cannot be written.
    #[error("cannot use the data folder {path} (data.dir): {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be reached or cannot write now; nothing was done.
    #[error("the database does not serve: {0}")]
    Unavailable(String),
    /// There is no room for more; nothing was done.
    #[error("the database has no room: {0}")]
    Full(String),
    /// The connection was lost during the commit and the outcome could not be learned before the store was closed.
    /// Repeated with the same client ids the unit gives the first answer.
    #[error("the connection was lost during the commit; repeat it with the same client ids")]
    Unknown,
    /// Another process has taken the database over: this one must not write any more.
    #[error("another server has taken over the database; this one has stopped writing")]
    NotOwner,
    /// The database refused.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// A migration failed.
    #[error("migration of the database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database would not keep what it acknowledges.
    #[error("{setting} is {found}, not {wanted}: acknowledged messages would not be durable")]
    NotDurable {
        /// The setting of the database.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// The database cannot hold every text.
    #[error("server_encoding is {0}, not UTF8: Chinese text could not be stored")]
    Encoding(String),
    /// A text holds the character that PostgreSQL cannot store.
    #[error("{field} must not contain the character U+0000")]
    Nul {
        /// The field, in the protocol's spelling.
        field: &'static str,
    },
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
    UnknownConversation(ConversationId),
    /// The unit sends a file that is not ready, was given up, or is sent already; nothing was done.
    #[error("file {0} cannot be sent")]
    FileGone(FileId),
    /// The one-time code was used or taken back, or its time is over; nothing was done.
    #[error("the code cannot be used any more")]
    CodeGone,
    /// Somebody else has changed the record meanwhile, or made one of this code; nothing was done.
    #[error("{kind} {id} has another version")]
    Outdated {
        /// Kind.
        kind: Kind,
        /// Code.
        id: String,
    },
    /// The person has a conversation that is not closed, or a new one; nothing was done.
    #[error("{0} has a conversation that is not closed")]
    StillOpen(CitizenId),
    /// Somebody else has drawn or inspected it meanwhile; nothing was done.
    #[error("somebody else has drawn or inspected it meanwhile")]
    QualityOutdated,
    /// Somebody else has taken a step of the task meanwhile, or it is not owed any more; nothing was done.
    #[error("somebody else has changed the task meanwhile")]
    TaskOutdated,
    /// Somebody else has changed the template meanwhile, or the message is not given up; nothing was done.
    #[error("somebody else has changed it meanwhile")]
    OutboxOutdated,
    /// The entry was confirmed before, or the action is over; nothing was done.
    #[error("action {0} is over or was confirmed before")]
    ActionOutdated(ActionId),
    /// Somebody else has changed the entry or the review point meanwhile; nothing was done.
    #[error("somebody else has changed {0} meanwhile")]
    KnowledgeOutdated(String),
    /// There is no database at this address.
    #[error("there is no database at {0} (data.dir)")]
    Missing(String),
    /// Somebody else has changed the account meanwhile; nothing was done.
    #[error("account {0} has another version")]
    StaffOutdated(AgentId),
    /// Another account has this staff number; nothing was done.
    #[error("another account has this staff number")]
    LoginTaken,
    /// More work waits than the writer's queue holds; nothing was done, try again.
    #[error("the writer's queue is full")]
    Busy,
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// May the same unit succeed a moment later?
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_) | Self::Unknown | Self::NotOwner | Self::Busy)
    }

    /// Does it concern the database as a whole, so that no other unit of the batch would do better? Then a copy for
    /// each of them.
    pub(crate) fn for_all(&self) -> Option<Self> {
        match self {
            Self::Unavailable(why) => Some(Self::Unavailable(why.clone())),
            Self::Full(why) => Some(Self::Full(why.clone())),
            Self::Unknown => Some(Self::Unknown),
            Self::NotOwner => Some(Self::NotOwner),
            Self::Closed => Some(Self::Closed),
            _ => None,
        }
    }

    /// The outcome of a `COMMIT` that ended with this error: did the database itself say that it was not carried out?
    pub(crate) fn denies_commit(error: &sqlx::Error) -> bool {
        let sqlx::Error::Database(inner) = error else { return false };
        match inner.code().as_deref() {
            // SQLite: no room, or somebody else writes. Anything else (an I/O error) may have happened after the write.
            Some(code) if code.len() < 5 => matches!(sqlite_primary(code), 5 | 6 | 13),
            // PostgreSQL: told to end while it committed, or says itself that it does not know.
            Some(code) => !code.starts_with("57P") && !code.starts_with("08") && code != "40003",
            None => false,
        }
    }
}

/// SQLite's primary result code of an extended one.
fn sqlite_primary(code: &str) -> i64 {
    code.parse::<i64>().unwrap_or(0) & 0xff
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        let code = match &error {
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | WorkerCrashed => return Self::Unavailable(error.to_string()),
            PoolClosed => return Self::Closed,
            Database(inner) => inner.code().map(|code| code.into_owned()).unwrap_or_default(),
            _ => return Self::Database(error),
        };
        if code.len() < 5 {
            return match sqlite_primary(&code) {
                13 => Self::Full(error.to_string()),
                // Busy, locked, read-only, I/O error, cannot open.
                5 | 6 | 8 | 10 | 14 => Self::Unavailable(error.to_string()),
                _ => Self::Database(error),
            };
        }
        match code.as_str() {
            "53100" => Self::Full(error.to_string()),
            // Cancelled, I/O error, read-only (a standby), serialisation, deadlock, lock not available.
            "57014" | "58030" | "25006" | "40001" | "40P01" | "55P03" => Self::Unavailable(error.to_string()),
            // No connection, no resources, shutting down or starting up.
            code if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Database(error),
        }
    }
}
