//! The server with its database, its clock and its clients' links, and how each of them is harmed.

use std::{net::SocketAddr, path::Path, process, time::Duration};

use bangban_bus::testing::RedisServer;
use bangban_domain::ConversationId;
use bangban_protocol::{Answer, Command, Snapshot, Topic};
use bangban_store::testing::{Cluster, TestDatabase};
use bangban_tests::{Client, Engine, FaultProxy, PATIENCE, TestServer};
use sqlx::{AnyConnection, Connection as _};
use tokio::{
    task::{JoinSet, block_in_place},
    time::{Instant, sleep},
};

/// Debian's library that answers a process's question for the time.
const FALSE_CLOCKS: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

/// The library, if it is installed.
pub(crate) fn false_clock() -> Option<&'static str> {
    FALSE_CLOCKS.into_iter().find(|path| Path::new(path).exists())
}

/// What the faults work on.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) cluster: Option<Cluster>,
    /// What carries events between nodes.
    pub(crate) redis: RedisServer,
    /// What the false clock is told.
    clock: std::path::PathBuf,
}

impl World {
    /// `clock`: a file for the false clock, outside the server's folder.
    pub(crate) async fn start(on: Engine, clock: std::path::PathBuf) -> Self {
        let cluster = match on {
            Engine::Sqlite => None,
            // Of our own: it is killed.
            Engine::Postgres => Some(block_in_place(Cluster::start)),
        };
        let database = match &cluster {
            Some(cluster) => TestDatabase::in_cluster(cluster.url.clone()).await,
            None => TestDatabase::sqlite(),
        };
        let redis = block_in_place(RedisServer::start);
        let bus = redis.address().url;
        std::fs::write(&clock, "+0\n").unwrap();
        let file = clock.display().to_string();
        let mut settings = vec![
            ("BANGBAN__BUS__URL", bus.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
            // A step of the wall clock is not one of the monotonic clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_CACHE_DURATION", "1"),
        ];
        settings.extend(false_clock().map(|library| ("LD_PRELOAD", library)));
        let server = TestServer::over(database, &settings).await;
        Self { server, cluster, redis, clock }
    }

    /// The machine's clock is so many seconds off from now on.
    pub(crate) fn set_clock(&self, seconds: i64) {
        // Whole at once: the library may read it at any moment.
        let fresh = self.clock.with_extension("new");
        std::fs::write(&fresh, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(fresh, &self.clock).unwrap();
    }

    /// `None`: as much as the disk has.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let arguments = [format!("--pid={}", self.server.pid()), format!("--fsize={limit}:")];
        assert!(process::Command::new("prlimit").args(arguments).status().unwrap().success(), "prlimit");
    }

    /// The end of the server's log, without what only repeats that a request failed.
    pub(crate) fn log(&self) -> String {
        let log = self.server.log();
        let telling: Vec<&str> = log.lines().filter(|line| !line.contains("a request failed")).collect();
        telling[telling.len().saturating_sub(40)..].join("\n")
    }

    fn own_cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("only a server on PostgreSQL is dealt this fault")
    }

    /// All processes of PostgreSQL are killed, and it starts again after a while.
    pub(crate) async fn kill_database(&self, away: Duration) {
        block_in_place(|| self.own_cluster().kill());
        sleep(away).await;
        block_in_place(|| self.own_cluster().start_again());
    }

    /// PostgreSQL ends in order, and starts again after a while.
    pub(crate) async fn stop_database(&self, away: Duration) {
        self.database_script("halt");
        sleep(away).await;
        block_in_place(|| self.own_cluster().start_again());
    }

    fn database_script(&self, what: &str) {
        let (_, dir) = self.own_cluster().url.split_once("host=").expect("a socket's folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres.sh");
        let done = block_in_place(|| process::Command::new(script).arg(what).env("BANGBAN_POSTGRES_DIR", dir).status());
        assert!(done.unwrap().success(), "scripts/postgres.sh {what}");
    }

    /// PostgreSQL's processes that write for the server: they hold its advisory lock or have written by its leases.
    pub(crate) async fn writers(&self) -> Vec<u32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' \
                   AND datname = current_database() AND pid <> pg_backend_pid()";
        let mut rows = AnyConnection::connect(&self.server.database.url()).await.unwrap();
        let found: Vec<i32> = sqlx::query_scalar(sql).fetch_all(&mut rows).await.unwrap();
        found.into_iter().map(|pid| u32::try_from(pid).unwrap()).collect()
    }

    /// What the database itself says of its durability; see [`crate::flushes::Flushes`].
    pub(crate) async fn synchronous(&self, on: Engine) -> String {
        if on == Engine::Sqlite {
            return "checked at start".to_owned();
        }
        let sql = "SELECT current_setting('synchronous_commit') || ', fsync ' || current_setting('fsync')";
        let mut rows = AnyConnection::connect(&self.server.database.url()).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut rows).await.unwrap()
    }

    /// So many citizens stand when the server is killed; all come back at once and resume. Gives the time from the
    /// server's return until the last one has resumed.
    pub(crate) async fn crowd(&mut self, count: usize) -> Duration {
        let address = self.server.address;
        let mut standing: Vec<(Client, String, ConversationId)> = Vec::with_capacity(count);
        while standing.len() < count {
            let mut coming = JoinSet::new();
            for n in standing.len()..count.min(standing.len() + 50) {
                let token = self.server.citizen_token(&format!("load-citizen-{}", 1_000_000 + n)).await;
                coming.spawn(async move {
                    let mut client = Client::connect(address, &token).await;
                    let id = client.open().await;
                    client.join(id, None).await;
                    (client, token, id)
                });
            }
            standing.extend(coming.join_all().await);
        }
        self.server.kill_9().await;
        self.server.restart().await;
        let back = Instant::now();
        let mut coming = JoinSet::new();
        for (_, token, id) in standing {
            coming.spawn(async move {
                // As clients do: again, where the server has no room yet.
                while !has_resumed(address, &token, id).await {
                    assert!(back.elapsed() < PATIENCE * 4, "the server does not take a crowd");
                    sleep(Duration::from_millis(50)).await;
                }
            });
        }
        coming.join_all().await;
        back.elapsed()
    }
}

/// One attempt to come back, with nothing missed.
async fn has_resumed(address: SocketAddr, token: &str, id: ConversationId) -> bool {
    let Ok(mut client) = Client::try_connect(address, token).await else { return false };
    let topic = Topic::Conversation(id);
    let Ok(reference) = client.post(Command::Subscribe { topic, after: Some(1) }).await else { return false };
    match client.answer(reference).await {
        Ok(Ok(Answer::Subscribed { snapshot, .. })) => {
            let Snapshot::Conversation { entries, reset, .. } = *snapshot else { panic!("not a thread") };
            assert_eq!((entries, reset), (Vec::new(), false), "the greeting was all");
            true
        }
        Ok(Err(error)) => {
            assert!(error.retryable, "{error}");
            false
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => false,
    }
}

/// A link of a client.
pub(crate) async fn link(server: &TestServer) -> FaultProxy {
    FaultProxy::to(server.address).await
}
