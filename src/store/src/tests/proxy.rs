//! A proxy that harms connections to PostgreSQL.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{Notify, watch},
};

use crate::testing::TestDatabase;

/// What the proxy does with connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Pass,
    /// Cuts a connection that commits, before the server hears of it.
    CutBeforeCommit,
    /// Cuts a connection that commits, after the server has done it and before the client hears of it.
    CutAfterCommit,
    /// As above, and after that nobody is connected or can connect any more.
    GoneAfterCommit,
    /// Nothing passes any more, and nobody is told; so too on new connections.
    Hang,
    /// The server does a commit, and its connection hangs before the client hears of it; others pass.
    HangAfterCommit,
}

/// A proxy in front of PostgreSQL that understands one thing of its protocol: the commit.
pub(super) struct Proxy {
    mode: Arc<AtomicU8>,
    /// A connection was cut at its commit.
    pub(super) cut: Arc<Notify>,
    /// Rises when all connections shall end.
    generation: watch::Sender<u32>,
    url: String,
}

const COMMIT: &[u8] = b"COMMIT\0";

impl Proxy {
    pub(super) async fn start(db: &TestDatabase) -> Self {
        let (before, dir) = db.database.url.split_once("?host=").unwrap();
        let socket = format!("{dir}/.s.PGSQL.5432");
        let name = before.rsplit('/').next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://postgres@127.0.0.1:{port}/{name}?sslmode=disable");
        let proxy = Self {
            mode: Arc::new(AtomicU8::new(Mode::Pass as u8)),
            cut: Arc::default(),
            generation: watch::channel(0).0,
            url,
        };
        let (mode, cut, generation) = (Arc::clone(&proxy.mode), Arc::clone(&proxy.cut), proxy.generation.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A server that is gone closes what comes.
                if mode.load(Ordering::SeqCst) == Mode::GoneAfterCommit as u8 && *generation.borrow() > 0 {
                    continue;
                }
                let (mode, cut, generation) = (Arc::clone(&mode), Arc::clone(&cut), generation.clone());
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(async move {
                    let mut ended = generation.subscribe();
                    tokio::select! {
                        () = pass(client, server, &mode, &cut, &generation) => {}
                        _ = ended.changed() => {}
                    }
                });
            }
        });
        proxy
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// Ends all connections.
    pub(super) fn cut_all(&self) {
        self.generation.send_modify(|n| *n += 1);
    }

    pub(super) fn database(&self, db: &TestDatabase) -> crate::Database {
        crate::Database { url: self.url.clone(), ..db.database.clone() }
    }
}

/// Keeps both ends open and hears nothing.
async fn hang(_client: TcpStream, _server: UnixStream) {
    std::future::pending::<()>().await;
}

async fn pass(
    mut client: TcpStream,
    mut server: UnixStream,
    mode: &AtomicU8,
    cut: &Notify,
    generation: &watch::Sender<u32>,
) {
    let (mut asked, mut answered) = ([0; 65_536], [0; 65_536]);
    loop {
        tokio::select! {
            n = client.read(&mut asked) => {
                let n = n.unwrap_or(0);
                let commits = asked[..n].windows(COMMIT.len()).any(|window| window == COMMIT);
                let now = mode.load(Ordering::SeqCst);
                if now == Mode::Hang as u8 {
                    return hang(client, server).await;
                }
                if n == 0 {
                    return;
                }
                if commits && now != Mode::Pass as u8 {
                    if now != Mode::CutBeforeCommit as u8 {
                        server.write_all(&asked[..n]).await.unwrap();
                        // The answer has come: it is committed.
                        assert!(server.read(&mut answered).await.unwrap() > 0);
                    }
                    if now == Mode::GoneAfterCommit as u8 {
                        generation.send_modify(|n| *n += 1);
                    } else {
                        mode.store(Mode::Pass as u8, Ordering::SeqCst);
                    }
                    cut.notify_one();
                    if now == Mode::HangAfterCommit as u8 {
                        return hang(client, server).await;
                    }
                    return;
                }
                server.write_all(&asked[..n]).await.unwrap();
            }
            n = server.read(&mut answered) => {
                let n = n.unwrap_or(0);
                if n == 0 || client.write_all(&answered[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}
