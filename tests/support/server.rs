//! The real binary, in a folder of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use bangban_protocol::{ErrorCode, LoginReply, WireError};
use bangban_store::testing::TestDatabase;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use crate::{Client, PATIENCE, bangban};

/// Lines of the log that are shown when a test fails.
const LOG_LINES: usize = 30;

/// Room for every test; what the limits themselves do is tested at the server.
const LIMITS: [&str; 4] = ["CITIZEN_BURST", "CITIZEN_PER_SECOND", "STAFF_BURST", "STAFF_PER_SECOND"];

/// Which database a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in the server's folder.
    Sqlite,
    /// A database of its own in the cluster that `BANGBAN_TEST_POSTGRES_URL` names.
    Postgres,
}

impl Engine {
    /// A new, empty database.
    pub async fn database(self) -> TestDatabase {
        match self {
            Self::Sqlite => TestDatabase::sqlite(),
            Self::Postgres => TestDatabase::postgres().await,
        }
    }
}

/// A running server.
pub struct TestServer {
    child: Option<Child>,
    /// Where it listens; the same after a restart.
    pub address: SocketAddr,
    /// Where its metrics are, if it was started with `BANGBAN__HTTP__METRICS_LISTEN`.
    metrics: Option<SocketAddr>,
    /// Where its rows are.
    pub database: TestDatabase,
    settings: Vec<(String, String)>,
}

impl TestServer {
    /// A demo server whose humans answer round the clock, with 8 agents `load-agent-1` and so on beside the demo's own.
    pub async fn start(on: Engine) -> Self {
        Self::with(on, &[]).await
    }

    /// The same with some environment variables, e.g. `("BANGBAN__SLA__OFFER_SECONDS", "2")`.
    pub async fn with(on: Engine, settings: &[(&str, &str)]) -> Self {
        Self::over(on.database().await, settings).await
    }

    /// The same over this database.
    pub async fn over(database: TestDatabase, settings: &[(&str, &str)]) -> Self {
        let hours = ("BANGBAN__SERVICE__HOURS".to_owned(), "always".to_owned());
        let limits = LIMITS.map(|name| (format!("BANGBAN__LIMITS__{name}"), "1000000".to_owned()));
        let asked = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = [hours].into_iter().chain(limits).chain(asked).collect();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child: None, address, metrics: None, database, settings };
        server.restart().await;
        server
    }

    /// As `kill -9`: it gets no chance to finish anything.
    pub async fn kill_9(&mut self) {
        self.child.take().expect("it runs").kill().await.unwrap();
    }

    /// As a service manager ends it: SIGTERM, and it finishes what it has read.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().expect("it runs");
        let ended = timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap();
        assert!(ended.success(), "{ended}{}", self.log());
    }

    /// Sends a signal, e.g. `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success(), "kill -{name}");
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Starts it on the same data, and on the same port if it had one.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        // A disk that is full shall be an error to the server, as it is in life, and not the signal of a process's limit.
        let mut child = Command::new("sh")
            .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
            .arg(bangban())
            .args(["serve", "--demo", "--load-agents", "8"])
            .env("BANGBAN__HTTP__LISTEN", self.address.to_string())
            .env("BANGBAN__DATA__DIR", self.folder())
            .env("BANGBAN__DATA__URL", &self.database.database.url)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        timeout(PATIENCE, out.read_line(&mut line)).await.expect("a server that starts").unwrap();
        let (_, rest) = line.split_once("ws://").unwrap_or_else(|| panic!("no address: {line}{}", self.log()));
        self.address = rest.trim().trim_end_matches("/ws").parse().unwrap();
        if self.settings.iter().any(|(name, _)| name == "BANGBAN__HTTP__METRICS_LISTEN") {
            while !line.trim_start().starts_with("metrics") {
                line.clear();
                let read = timeout(PATIENCE, out.read_line(&mut line)).await.expect("a greeting").unwrap();
                assert!(read > 0, "no metrics: {}", self.log());
            }
            let (_, address) = line.trim().split_once("http://").unwrap();
            self.metrics = Some(address.trim_end_matches("/metrics").parse().unwrap());
        }
        self.child = Some(child);
    }

    /// The folder with everything that it keeps.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.database.database.dir
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("log")
    }

    /// What it has written to its log since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    /// A POST with a JSON body: status and JSON of the answer.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        let (status, answer) = exchange(self.address, &format!("POST {path}"), &headers, &body).await;
        (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
    }

    /// Its metrics, as they are now.
    pub async fn metrics(&self) -> String {
        let address = self.metrics.expect("started with BANGBAN__HTTP__METRICS_LISTEN");
        let (status, text) = exchange(address, "GET /metrics", "", "").await;
        assert_eq!(status, 200, "{text}");
        text
    }

    /// The token of a demo citizen.
    pub async fn citizen_token(&self, code: &str) -> String {
        let (status, reply) = self.post("/api/demo/token", &json!({ "citizen": code })).await;
        assert_eq!(status, 200, "{reply}");
        reply["token"].as_str().unwrap().to_owned()
    }

    /// The token of a member of staff.
    pub async fn staff_token(&self, login: &str) -> String {
        self.log_in(login, "bangban-demo").await.unwrap().token
    }

    /// Logs a member of staff in.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<LoginReply, WireError> {
        let (status, reply) = self.post("/api/staff/login", &json!({ "login": login, "password": password })).await;
        if status == 200 {
            return Ok(serde_json::from_value(reply).unwrap());
        }
        let refusal: WireError = serde_json::from_value(reply["error"].clone()).unwrap();
        assert_eq!((status, refusal.code), (401, ErrorCode::Unauthenticated), "{reply}");
        Err(refusal)
    }

    /// A demo citizen who is connected.
    pub async fn citizen(&self, code: &str) -> Client {
        Client::connect(self.address, &self.citizen_token(code).await).await
    }

    /// A member of staff who is connected.
    pub async fn staff(&self, login: &str) -> Client {
        Client::connect(self.address, &self.staff_token(login).await).await
    }
}

/// One request on a connection of its own: status and body.
async fn exchange(address: SocketAddr, request: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- end of the server's log");
            lines[lines.len().saturating_sub(LOG_LINES)..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}
