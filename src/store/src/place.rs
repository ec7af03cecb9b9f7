//! Where the database is, and how a connection to it begins. This file and the named functions at its end are all that
//! differs between SQLite and PostgreSQL.

use std::{borrow::Cow, fs, path::PathBuf, time::Duration};

use sqlx::{
    AnyConnection, AnyPool, Connection as _, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
};
use tokio::time::timeout;

use crate::{StoreError, checkpoint};

/// A connection that takes longer to come is as good as none.
const CONNECT: Duration = Duration::from_secs(5);

/// "bangban" in ASCII: the advisory lock of the process that writes.
const ADVISORY_LOCK: i64 = 0x0062_616e_6762_616e;

/// The configuration section `[data]`.
#[derive(Clone, Default)]
pub struct Database {
    /// Empty: the SQLite file `bangban.db` in `dir`. `postgres://user@host:port/name`: PostgreSQL.
    pub url: String,
    /// PostgreSQL's password, if it is not in `url`, in `PGPASSWORD` or in `~/.pgpass`.
    pub password: String,
    /// Folder of the SQLite file.
    pub dir: PathBuf,
    /// What tests make smaller.
    #[cfg(test)]
    pub(crate) limits: Limits,
}

/// Limits that a test cannot wait for.
#[cfg(test)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// SQLite has no room beyond.
    pub(crate) pages: Option<i64>,
    /// Instead of [`Engine::patience`].
    pub(crate) patience: Option<Duration>,
    /// Instead of what `checkpoint` waits for: see [`Place::log_limits`].
    pub(crate) log: Option<(u64, i64)>,
}

impl Database {
    /// Can it be an address?
    ///
    /// # Errors
    /// [`StoreError::Url`].
    pub fn validate(&self) -> Result<(), StoreError> {
        Place::try_from(self).map(drop)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("Database").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A [`Database`] that was understood.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) options: AnyConnectOptions,
    /// For messages: no password.
    pub(crate) shown: String,
    /// The SQLite file.
    pub(crate) file: PathBuf,
    #[cfg(test)]
    limits: Limits,
}

impl TryFrom<&Database> for Place {
    type Error = StoreError;

    fn try_from(database: &Database) -> Result<Self, StoreError> {
        install_default_drivers();
        let file = database.dir.join("bangban.db");
        if database.url.is_empty() {
            let shown = file.display().to_string();
            let options = format!("sqlite://{shown}?mode=rwc").parse()?;
            return Ok(Self {
                engine: Engine::Sqlite,
                options,
                shown,
                file,
                #[cfg(test)]
                limits: database.limits,
            });
        }
        if !database.url.starts_with("postgres://") && !database.url.starts_with("postgresql://") {
            return Err(StoreError::Url("must be empty (SQLite) or begin with postgres://".to_owned()));
        }
        let mut options: AnyConnectOptions =
            database.url.parse().map_err(|error: sqlx::Error| StoreError::Url(error.to_string()))?;
        let url = &mut options.database_url;
        let shown = format!("{}{}", url.host_str().unwrap_or("localhost"), url.path());
        if !database.password.is_empty() && url.set_password(Some(&database.password)).is_err() {
            return Err(StoreError::Url("data.password needs a url with a host name".to_owned()));
        }
        Ok(Self {
            engine: Engine::Postgres,
            options,
            shown,
            file,
            #[cfg(test)]
            limits: database.limits,
        })
    }
}

impl Place {
    /// A connection that may write, checked to be durable.
    pub(crate) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let connecting = timeout(CONNECT, AnyConnection::connect_with(&self.options)).await;
        let mut connection =
            connecting.map_err(|_| self.unreachable("no answer within 5 s"))?.map_err(
                |error| match StoreError::from(error) {
                    StoreError::Unavailable(why) => self.unreachable(&why),
                    other => other,
                },
            )?;
        self.apply_settings(&mut connection, true).await?;
        self.check_durable(&mut connection).await?;
        #[cfg(test)]
        if let Some(pages) = self.limits.pages {
            let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            sqlx::query(sql).execute(&mut connection).await?;
        }
        Ok(connection)
    }

    /// See [`Engine::patience`].
    pub(crate) fn patience(&self) -> Duration {
        #[cfg(test)]
        if let Some(patience) = self.limits.patience {
            return patience;
        }
        self.engine.patience()
    }

    /// SQLite's log, in pages: how much is written between two checkpoints, and from what length on the writer waits.
    pub(crate) fn log_limits(&self) -> (u64, i64) {
        #[cfg(test)]
        if let Some(limits) = self.limits.log {
            return limits;
        }
        checkpoint::LIMITS
    }

    fn unreachable(&self, why: &str) -> StoreError {
        let key = match self.engine {
            Engine::Sqlite => "data.dir",
            Engine::Postgres => "data.url",
        };
        StoreError::Unavailable(format!("{} cannot be reached ({key}): {why}", self.shown))
    }

    /// SQLite: is there a file yet? PostgreSQL: connecting will tell.
    pub(crate) fn is_there(&self) -> bool {
        self.engine == Engine::Postgres || self.file.exists()
    }

    /// Connections that can only read.
    pub(crate) async fn readers(&self) -> Result<AnyPool, StoreError> {
        let place = self.clone();
        let pool = AnyPoolOptions::new()
            .max_connections(match self.engine {
                Engine::Sqlite => 4,
                Engine::Postgres => 8,
            })
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(CONNECT)
            .after_connect(move |connection, _| {
                let place = place.clone();
                Box::pin(async move { place.apply_settings(connection, false).await })
            });
        Ok(pool.connect_with(self.options.clone()).await?)
    }

    async fn apply_settings(&self, connection: &mut AnyConnection, writes: bool) -> Result<(), sqlx::Error> {
        let settings: &[&'static str] = match (self.engine, writes) {
            (Engine::Sqlite, true) => &[
                "PRAGMA busy_timeout = 5000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                "PRAGMA cache_size = -16000",
                // See `checkpoint`; should that fail, the log ends somewhere.
                "PRAGMA wal_autocheckpoint = 65536",
            ],
            (Engine::Sqlite, false) => {
                &["PRAGMA busy_timeout = 5000", "PRAGMA cache_size = -8000", "PRAGMA query_only = ON"]
            }
            // A dead process's locks must not outlive it for hours.
            (Engine::Postgres, true) => &[
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
                "SET tcp_keepalives_idle = 5",
                "SET tcp_keepalives_interval = 2",
                "SET tcp_keepalives_count = 3",
                "SET idle_in_transaction_session_timeout = '20s'",
                // The writer finds every row by its key. A plan made while the tables were empty must not stay.
                "SET enable_seqscan = off",
                "SET enable_hashjoin = off",
                "SET enable_mergejoin = off",
            ],
            (Engine::Postgres, false) => &["SET default_transaction_read_only = on"],
        };
        for setting in settings {
            sqlx::query(*setting).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn check_durable(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        match self.engine {
            Engine::Sqlite => {
                let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await?;
                let found = synchronous.to_string();
                durable("PRAGMA synchronous", found, "2 (FULL)", synchronous == 2)
            }
            Engine::Postgres => {
                let sql = "SELECT current_setting('synchronous_commit') AS flushed, current_setting('fsync') AS synced, \
                           current_setting('server_encoding') AS encoding";
                let row = sqlx::query(sql).fetch_one(connection).await?;
                let (flushed, synced, encoding): (String, String, String) =
                    (row.try_get("flushed")?, row.try_get("synced")?, row.try_get("encoding")?);
                let is_on = matches!(flushed.as_str(), "on" | "remote_apply");
                durable("synchronous_commit", flushed, "on", is_on)?;
                let is_synced = synced == "on";
                durable("fsync", synced, "on", is_synced)?;
                if encoding == "UTF8" { Ok(()) } else { Err(StoreError::Encoding(encoding)) }
            }
        }
    }

    /// Keeps other processes from opening the database to write, as long as the returned value and the connection live.
    ///
    /// SQLite: a lock on a file beside the database, released by the kernel however the process dies. PostgreSQL: an
    /// advisory lock of the session, released with it.
    pub(crate) async fn lock(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        if self.engine == Engine::Sqlite {
            // The file is locked before anything is opened: see `lock_file`.
            return Ok(());
        }
        // A process that was killed a moment ago may still have a transaction on its way.
        sqlx::query("SET lock_timeout = '2s'").execute(&mut *connection).await?;
        let locked =
            sqlx::query("SELECT pg_advisory_lock($1)").bind(ADVISORY_LOCK).execute(&mut *connection).await.map(drop);
        sqlx::query("SET lock_timeout = 0").execute(&mut *connection).await?;
        match locked {
            Ok(()) => return Ok(()),
            Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "55P03") => {}
            Err(other) => return Err(other.into()),
        }
        let sql = "SELECT node FROM lease WHERE name = 'writer/0'";
        // The holder may not have come as far as making the table.
        let node: Option<String> = sqlx::query_scalar(sql).fetch_optional(connection).await.unwrap_or_default();
        Err(StoreError::Locked {
            database: self.shown.clone(),
            holder: node.unwrap_or_else(|| "another process".to_owned()),
            key: "data.url",
        })
    }

    /// SQLite's part of [`Place::lock`].
    pub(crate) fn lock_file(&self) -> Result<Option<fs::File>, StoreError> {
        if self.engine == Engine::Postgres {
            return Ok(None);
        }
        let dir = self.file.with_file_name("");
        let folder = |source| StoreError::Folder { path: dir.display().to_string(), source };
        fs::create_dir_all(&dir).map_err(folder)?;
        let path = self.file.with_extension("lock");
        let lock = fs::OpenOptions::new().create(true).append(true).open(path).map_err(folder)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked {
                database: self.shown.clone(),
                holder: "another process".to_owned(),
                key: "data.dir",
            }),
            Err(fs::TryLockError::Error(source)) => Err(folder(source)),
        }
    }
}

fn durable(setting: &'static str, found: String, wanted: &'static str, is_good: bool) -> Result<(), StoreError> {
    if is_good { Ok(()) } else { Err(StoreError::NotDurable { setting, found, wanted }) }
}

impl Engine {
    /// Connections that commit at the same time: SQLite can have one, PostgreSQL gains by a second (while one waits for
    /// the disk, the other one works).
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 2,
        }
    }

    /// How rows are inserted. SQLite would keep a copy of every page that a statement over many rows changes, so that it
    /// can take back that statement alone; with `OR FAIL` it does not. Whoever fails rolls the transaction back.
    pub(crate) const fn insert_into(self) -> &'static str {
        match self {
            Self::Sqlite => "INSERT OR FAIL INTO ",
            Self::Postgres => "INSERT INTO ",
        }
    }

    /// A parameter of a statement over many rows. SQLite looks a numbered one up in a list, which for thousands of them
    /// takes longer than all else; there they are taken in their order.
    pub(crate) fn placeholder(self, number: usize) -> Cow<'static, str> {
        match self {
            Self::Sqlite => "?".into(),
            Self::Postgres => format!("${number}").into(),
        }
    }

    /// The last committed batch of a lane. PostgreSQL waits for a transaction of a lost connection that may still be
    /// committing; in SQLite a lost connection has no transaction any more.
    pub(crate) const fn last_batch(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT batch, epoch FROM lease WHERE name = $1",
            Self::Postgres => "SELECT batch, epoch FROM lease WHERE name = $1 FOR UPDATE",
        }
    }

    /// How long one batch may take before its connection is given up. SQLite has no connection that could be lost.
    const fn patience(self) -> Duration {
        match self {
            Self::Sqlite => Duration::MAX,
            Self::Postgres => Duration::from_secs(15),
        }
    }
}
