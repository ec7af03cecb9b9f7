//! A Redis of one's own, for tests of this and other crates.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]
#![expect(clippy::expect_used, reason = "says what to install")]

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::Redis;

/// Runs until it is dropped; forgets everything when it is killed.
pub struct RedisServer {
    child: Child,
    dir: TempDir,
    port: u16,
    options: Vec<String>,
}

impl RedisServer {
    /// Answers when this returns.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more options on its command line.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = options.iter().map(ToString::to_string).collect();
        let server = Self { child: spawn(&dir, port, &options), dir, port, options };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        server
    }

    /// Where it is; the channel is `test`.
    #[must_use]
    pub fn address(&self) -> Redis {
        let url = format!("redis://127.0.0.1:{}/", self.port);
        Redis { url, channel: "test".to_owned(), ..Redis::default() }
    }

    /// As a power failure does.
    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Connections stay open, and nothing passes.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Whatever happened to it.
    pub fn go_on(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            self.child = spawn(&self.dir, self.port, &self.options);
        } else {
            self.signal("CONT");
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(dir: &TempDir, port: u16, options: &Vec<String>) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(dir.path()).args(options).stdout(Stdio::null());
    command.spawn().expect("redis-server, of the Debian package of that name")
}
