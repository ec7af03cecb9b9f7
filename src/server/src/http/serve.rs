//! Connections: from the socket, through TLS if there is any, to the routes. Our own loop and not axum's, because nothing
//! there ends a client that never finishes its handshake or its first line.
//!
//! ```text
//! accepted ──TLS?──► handshake ──► head ──► answer ──► head ... ──► closed
//!                        │ 10 s      │ 20 s, also between two requests
//!                        └──► closed ◄┘
//!                                        answer ──► WebSocket: the session's from now on
//! ```
//! What reads a body has a limit of its own: `input.rs` for small ones, the uploads for theirs. What a client does not
//! take ends with the kernel's patience ([`UNACKNOWLEDGED`]).

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service as _;

use super::client::Peer;
use crate::tls::Certificates;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For a TLS handshake.
    handshake: Duration,
    /// For a request's head, after the connection or the answer before it.
    head: Duration,
}

const PATIENCE: Patience = Patience { handshake: Duration::from_secs(10), head: Duration::from_secs(20) };

/// A head is not longer, in bytes; ours have less than 2 KiB.
const LONGEST_HEAD: usize = 32 * 1024;

/// What we sent and the other side has not taken is waited for so long.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

/// When there are no more files to open, or no more memory.
const BREATH: Duration = Duration::from_secs(1);

/// Serves until `stopping`; then takes no more connections, lets those that are at a request finish it, and ends. Those
/// that have become WebSockets are not waited for here.
pub async fn serve(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    routes: Router,
    stopping: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                prepare(&stream);
                let (certificates, routes, stopping) = (certificates.clone(), routes.clone(), stopping.clone());
                connections.spawn(connection(stream, address, certificates, routes, stopping, PATIENCE));
            }
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection went before it came"),
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

async fn connection<S>(
    stream: S,
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    routes: Router,
    stopping: CancellationToken,
    patience: Patience,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(certificates) = certificates else {
        return talk(stream, Peer { address, is_tls: false }, routes, stopping, patience).await;
    };
    // Boxed: of a handshake nothing shall be left in the task.
    let shaken = Box::pin(timeout(patience.handshake, certificates.acceptor().accept(stream)));
    let shaken = tokio::select! {
        () = stopping.cancelled() => return,
        shaken = shaken => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => talk(stream, Peer { address, is_tls: true }, routes, stopping, patience).await,
        Ok(Err(error)) => {
            counter!("bangban_handshakes_failed_total").increment(1);
            tracing::debug!(%error, "a TLS handshake failed");
        }
        Err(_) => {
            counter!("bangban_handshakes_failed_total").increment(1);
            tracing::debug!("a TLS handshake took too long");
        }
    }
}

fn prepare(stream: &TcpStream) {
    // A reply must not wait for the next one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED)) {
        tracing::debug!(%error, "no TCP_USER_TIMEOUT");
    }
}

async fn talk<S>(stream: S, peer: Peer, routes: Router, stopping: CancellationToken, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        // Always ready.
        routes.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(2 * LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        time::Instant,
    };

    use super::*;
    use crate::tls::tests::certificates;

    const SHORT: Patience = Patience { handshake: Duration::from_millis(300), head: Duration::from_millis(300) };

    /// Nothing takes that long, on however busy a machine.
    const NEVER: Duration = Duration::from_secs(20);

    /// The client's end of a connection.
    fn connected(
        certificates: Option<Arc<Certificates>>,
        stopping: &CancellationToken,
        patience: Patience,
    ) -> DuplexStream {
        let (client, server) = duplex(64 * 1024);
        let routes = Router::new().route("/", get(|| async { "here" }));
        let address = "198.51.100.7:9".parse().unwrap();
        tokio::spawn(connection(server, address, certificates, routes, stopping.clone(), patience));
        client
    }

    /// Everything until the server closes, and after how long it does.
    async fn read_to_end(client: &mut DuplexStream) -> (String, Duration) {
        let began = Instant::now();
        let mut all = Vec::new();
        timeout(NEVER, client.read_to_end(&mut all)).await.expect("an end").unwrap();
        (String::from_utf8_lossy(&all).into_owned(), began.elapsed())
    }

    #[tokio::test]
    async fn who_never_finishes_a_head_is_not_waited_for_however_slowly_it_drips() {
        for first in ["", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            let mut client = connected(None, &CancellationToken::new(), SHORT);
            client.write_all(first.as_bytes()).await.unwrap();
            let (answer, time) = read_to_end(&mut client).await;
            assert!(!answer.contains("here") && time >= SHORT.head, "{first:?}: {answer} after {time:?}");
        }
        let mut client = connected(None, &CancellationToken::new(), SHORT);
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        let began = Instant::now();
        while client.write_all(b"a: b\r\n").await.is_ok() {
            assert!(began.elapsed() < NEVER, "it drips on");
            sleep(Duration::from_millis(20)).await;
        }
        assert!(began.elapsed() >= SHORT.head - Duration::from_millis(20));
    }

    #[tokio::test]
    async fn an_idle_connection_may_ask_again_for_a_while_and_is_closed_then() {
        let patience = Patience { head: Duration::from_secs(1), ..SHORT };
        let mut client = connected(None, &CancellationToken::new(), patience);
        for _ in 0..3 {
            client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            sleep(Duration::from_millis(400)).await;
        }
        let (answers, _) = read_to_end(&mut client).await;
        assert_eq!(answers.matches("here").count(), 3, "asked again after more than a second in all");
    }

    #[tokio::test]
    async fn a_handshake_that_never_ends_is_not_waited_for() {
        // Nothing, and the begin of a ClientHello.
        for first in [b"".as_slice(), &[22, 3, 1, 2, 0, 1, 0]] {
            let mut client = connected(Some(Arc::new(certificates())), &CancellationToken::new(), SHORT);
            client.write_all(first).await.unwrap();
            let (_, time) = read_to_end(&mut client).await;
            assert!(time >= SHORT.handshake, "{first:?}: {time:?}");
        }
    }

    #[tokio::test]
    async fn a_head_that_is_too_long_is_said_to_be() {
        let mut client = connected(None, &CancellationToken::new(), PATIENCE);
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "x".repeat(LONGEST_HEAD + 1_000));
        client.write_all(head.as_bytes()).await.unwrap();
        let (answer, _) = read_to_end(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }

    #[tokio::test]
    async fn when_the_server_stops_idle_connections_end_at_once() {
        let stopping = CancellationToken::new();
        let patience = Patience { handshake: NEVER, head: NEVER };
        let mut idle = connected(None, &stopping, patience);
        let mut shaking = connected(Some(Arc::new(certificates())), &stopping, patience);
        stopping.cancel();
        assert_eq!(read_to_end(&mut idle).await.0, "");
        assert_eq!(read_to_end(&mut shaking).await.0, "");
    }
}
