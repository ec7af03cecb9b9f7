//! Databases for tests: SQLite in a folder of its own, or a database of its own in the PostgreSQL cluster that
//! `BANGBAN_TEST_POSTGRES_URL` names (`scripts/postgres.sh start`).

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, any::install_default_drivers};

use crate::Database;

/// Where tests find PostgreSQL.
pub const POSTGRES_URL: &str = "BANGBAN_TEST_POSTGRES_URL";

/// A database that exists as long as this value.
pub struct TestDatabase {
    /// Its address.
    pub database: Database,
    /// PostgreSQL: the address of the cluster's own database, and the name of ours.
    cluster: Option<(String, String)>,
    _dir: tempfile::TempDir,
}

impl TestDatabase {
    /// A new SQLite file.
    ///
    /// # Panics
    /// Without a folder for temporary files.
    #[must_use]
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let database = Database { dir: dir.path().to_owned(), ..Database::default() };
        Self { database, cluster: None, _dir: dir }
    }

    /// A new database in the cluster that `BANGBAN_TEST_POSTGRES_URL` names.
    ///
    /// # Panics
    /// If there is none: a test that was skipped would look like one that passed.
    pub async fn postgres() -> Self {
        let cluster = std::env::var(POSTGRES_URL)
            .unwrap_or_else(|_| panic!("{POSTGRES_URL} is not set; run: eval \"$(scripts/postgres.sh env)\""));
        Self::in_cluster(cluster).await
    }

    /// A new database in the cluster with this address.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn in_cluster(cluster: String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bangban_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        execute(&cluster, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        execute(&cluster, &format!("CREATE DATABASE {name}")).await;
        let dir = tempfile::tempdir().expect("a temporary folder");
        let url = with_name(&cluster, &name);
        let database = Database { url, dir: dir.path().to_owned(), ..Database::default() };
        Self { database, cluster: Some((cluster, name)), _dir: dir }
    }

    /// Carries out a statement beside the store.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn execute(&self, sql: &str) {
        execute(&self.url(), sql).await;
    }

    /// The first column of the first row.
    ///
    /// # Panics
    /// If the database refuses or there is none.
    pub async fn number(&self, sql: &str) -> i64 {
        let mut connection = connect(&self.url()).await;
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("a number")
    }

    /// Numbers that a statement gives, one in each row.
    ///
    /// # Panics
    /// If the database refuses or there is none.
    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        let mut connection = connect(&self.url()).await;
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("numbers")
    }

    /// Its address for `sqlx`.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.cluster {
            Some(_) => self.database.url.clone(),
            None => format!("sqlite://{}?mode=rwc", self.database.dir.join("bangban.db").display()),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((cluster, name)) = self.cluster.take() else { return };
        // Dropping cannot wait on the test's own runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                // The cluster may have been stopped before.
                if let Ok(mut connection) = AnyConnection::connect(&cluster).await {
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    drop(sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await);
                }
            });
        });
        drop(dropped.join());
    }
}

async fn connect(url: &str) -> AnyConnection {
    install_default_drivers();
    AnyConnection::connect(url).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

async fn execute(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The address of another database in the same cluster.
fn with_name(url: &str, name: &str) -> String {
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let cut = before.rfind('/').unwrap_or(before.len());
    format!("{}/{name}?{query}", &before[..cut])
}

/// A PostgreSQL cluster of its own, for tests that stop or kill it.
pub struct Cluster {
    dir: PathBuf,
    /// Its address.
    pub url: String,
}

impl Cluster {
    /// Makes and starts one; takes some seconds.
    ///
    /// # Panics
    /// If PostgreSQL cannot be started.
    #[must_use]
    pub fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bangban-cluster-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        let url = script(&dir, "start");
        Self { dir, url }
    }

    /// Starts it again after [`Cluster::kill`].
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        script(&self.dir, "start");
    }

    /// `kill -9` for all its processes, as when the machine loses them.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&self) {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("a running PostgreSQL");
        let postmaster = file.lines().next().expect("a process id").to_owned();
        let children = children_of(&postmaster);
        // The postmaster first, so that it does not restart the others.
        for process in std::iter::once(&postmaster).chain(&children) {
            drop(Command::new("kill").args(["-9", process]).status());
        }
        while std::iter::once(&postmaster).chain(&children).any(|process| is_alive(process)) {
            std::thread::yield_now();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        script(&self.dir, "stop");
    }
}

fn script(dir: &Path, what: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres.sh");
    let done = Command::new(script).arg(what).env("BANGBAN_POSTGRES_DIR", dir).output().expect("scripts/postgres.sh");
    assert!(done.status.success(), "scripts/postgres.sh {what}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// State and parent from `/proc/PID/stat`; zombies count as gone.
fn status(process: &str) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

fn is_alive(process: &str) -> bool {
    status(process).is_some_and(|(state, _)| state != "Z")
}

fn children_of(parent: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| status(name).is_some_and(|(_, of)| of == parent)).collect()
}
