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

/// A TLS handshake is over within this time.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A request's head is there within this time after the connection, or the answer before it.
const HEAD: Duration = Duration::from_secs(20);

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
                connections.spawn(connection(stream, address, certificates, routes, stopping));
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
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(certificates) = certificates else {
        return talk(stream, Peer { address, is_tls: false }, routes, stopping).await;
    };
    // Boxed: of a handshake nothing shall be left in the task.
    let shaken = Box::pin(timeout(HANDSHAKE, certificates.acceptor().accept(stream)));
    let shaken = tokio::select! {
        () = stopping.cancelled() => return,
        shaken = shaken => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => talk(stream, Peer { address, is_tls: true }, routes, stopping).await,
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

async fn talk<S>(stream: S, peer: Peer, routes: Router, stopping: CancellationToken)
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
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
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

    /// The client's end of a connection.
    fn connected(certificates: Option<Arc<Certificates>>, stopping: &CancellationToken) -> DuplexStream {
        let (client, server) = duplex(64 * 1024);
        let routes = Router::new().route("/", get(|| async { "here" }));
        let address = "198.51.100.7:9".parse().unwrap();
        tokio::spawn(connection(server, address, certificates, routes, stopping.clone()));
        client
    }

    /// Everything until the server closes, and after how many seconds it does.
    async fn read_to_end(client: &mut DuplexStream) -> (String, u64) {
        let began = Instant::now();
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        (String::from_utf8_lossy(&all).into_owned(), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_finishes_a_head_is_not_waited_for_however_slowly_it_drips() {
        for first in ["", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            let mut client = connected(None, &CancellationToken::new());
            client.write_all(first.as_bytes()).await.unwrap();
            assert_eq!(read_to_end(&mut client).await.1, HEAD.as_secs(), "{first:?}");
        }
        let mut client = connected(None, &CancellationToken::new());
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        let began = Instant::now();
        while client.write_all(b"a: b\r\n").await.is_ok() {
            assert!(began.elapsed() <= HEAD + Duration::from_secs(2), "it drips on");
            sleep(Duration::from_secs(1)).await;
        }
        assert!(began.elapsed() >= HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_may_ask_again_for_a_while_and_is_closed_then() {
        let mut client = connected(None, &CancellationToken::new());
        for _ in 0..3 {
            client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            sleep(HEAD - Duration::from_secs(1)).await;
        }
        let (answers, seconds) = read_to_end(&mut client).await;
        assert_eq!((answers.matches("here").count(), seconds), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_never_ends_is_not_waited_for() {
        // The begin of a ClientHello, and nothing.
        for first in [b"".as_slice(), &[22, 3, 1, 2, 0, 1, 0]] {
            let mut client = connected(Some(Arc::new(certificates())), &CancellationToken::new());
            client.write_all(first).await.unwrap();
            assert_eq!(read_to_end(&mut client).await.1, HANDSHAKE.as_secs(), "{first:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_too_long_is_said_to_be() {
        let mut client = connected(None, &CancellationToken::new());
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "x".repeat(LONGEST_HEAD));
        client.write_all(head.as_bytes()).await.unwrap();
        let (answer, seconds) = read_to_end(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 431 ") && seconds == 0, "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_server_stops_idle_connections_end_at_once() {
        let stopping = CancellationToken::new();
        let mut idle = connected(None, &stopping);
        let mut shaking = connected(Some(Arc::new(certificates())), &stopping);
        sleep(Duration::from_secs(1)).await;
        stopping.cancel();
        assert_eq!(read_to_end(&mut idle).await, (String::new(), 0));
        assert_eq!(read_to_end(&mut shaking).await, (String::new(), 0));
    }
}
