//! A link that can be broken: a TCP proxy on loopback that the test controls.
//!
//! ```text
//! client ──read──> (due time, bytes) ──hold while stalled──> write ──> server     and the same the other way
//! ```
//! What is read is kept in a short queue, so that a stalled way pushes back: first this proxy's queue fills, then the
//! kernel's buffers, then the other side cannot write any more.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::AbortHandle,
    time::{Instant, sleep_until},
};

/// Bytes that are moved at once.
const PIECE: usize = 4096;

/// Pieces that wait in one way of one connection.
const PIECES: usize = 4;

/// Of the sockets towards the server, in bytes: small, so that a client who takes nothing is felt by the server early.
const RECEIVE_BUFFER: u32 = 4096;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// What the link does.
#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    /// Connections that began under a smaller number are cut.
    cuts: u64,
    /// Connections that began under a smaller number pass nothing on any more, and stand.
    strandings: u64,
    /// Ways that pass nothing on: to server, to client.
    stalled: [bool; 2],
    /// Every piece is this late, both ways.
    delay: Duration,
    /// Bytes that still pass before the connection is cut: to server, to client.
    left: [Option<u64>; 2],
}

/// A link to a server. New connections fail while the server is down, as they would without it.
pub struct FaultProxy {
    /// Where clients connect.
    pub address: SocketAddr,
    plan: Arc<watch::Sender<Plan>>,
    accepting: AbortHandle,
}

impl FaultProxy {
    /// A link that passes everything.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(watch::Sender::new(Plan::default()));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&plan))).abort_handle();
        Self { address, plan, accepting }
    }

    /// Ends stalls, delays and a cut that is still to come.
    pub fn pass(&self) {
        self.plan.send_modify(|plan| *plan = Plan { cuts: plan.cuts, strandings: plan.strandings, ..Plan::default() });
    }

    /// The connections that there are pass nothing on any more, as behind a router that forgot them: nobody is told. New
    /// ones pass.
    pub fn strand(&self) {
        self.plan
            .send_modify(|plan| *plan = Plan { cuts: plan.cuts, strandings: plan.strandings + 1, ..Plan::default() });
    }

    /// Cuts every connection, both ways at once. New ones pass.
    pub fn cut(&self) {
        self.plan.send_modify(|plan| plan.cuts += 1);
    }

    /// One way passes nothing on, and nobody is told; the connection stands.
    pub fn stall(&self, way: Way) {
        self.plan.send_modify(|plan| plan.stalled[way as usize] = true);
    }

    /// Everything comes so much later, in order.
    pub fn delay(&self, span: Duration) {
        self.plan.send_modify(|plan| plan.delay = span);
    }

    /// Cuts the connection once so many more bytes have passed this way; the piece is cut in the middle.
    pub fn cut_after(&self, way: Way, bytes: u64) {
        self.plan.send_modify(|plan| plan.left[way as usize] = Some(bytes));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, plan: Arc<watch::Sender<Plan>>) {
    while let Ok((client, _)) = listener.accept().await {
        let plan = Arc::clone(&plan);
        tokio::spawn(async move {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
            if let Ok(server) = socket.connect(server).await {
                carry(client, server, &plan).await;
            }
        });
    }
}

/// Until one side ends it or the plan does.
async fn carry(client: TcpStream, server: TcpStream, plan: &watch::Sender<Plan>) {
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let Plan { cuts, strandings, .. } = *plan.borrow();
    let mut changes = plan.subscribe();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // When one side has closed, the other learns of it by the end of its stream and closes too.
    let both = async {
        tokio::join!(
            pump(from_client, to_server, Way::ToServer, strandings, plan),
            pump(from_server, to_client, Way::ToClient, strandings, plan)
        )
    };
    tokio::select! {
        // Before anything passes that a stall has held until now.
        biased;
        _ = changes.wait_for(|plan| plan.cuts > cuts) => {}
        _ = both => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, strandings: u64, plan: &watch::Sender<Plan>) {
    let (queue, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let read = async move {
        loop {
            let mut piece = vec![0; PIECE];
            match from.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(length) => piece.truncate(length),
            }
            let due = Instant::now() + plan.borrow().delay;
            if queue.send((due, piece)).await.is_err() {
                break;
            }
        }
        // What was read is still passed on.
        drop(queue);
        std::future::pending::<()>().await;
    };
    let write = async {
        let mut changes = plan.subscribe();
        while let Some((due, mut piece)) = waiting.recv().await {
            sleep_until(due).await;
            if changes.wait_for(|plan| plan.strandings == strandings && !plan.stalled[way as usize]).await.is_err() {
                break;
            }
            let is_last = spend(plan, way, &mut piece);
            let is_written = to.write_all(&piece).await.is_ok();
            if is_last {
                plan.send_modify(|plan| plan.cuts += 1);
            }
            if is_last || !is_written {
                break;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}

/// Takes the piece from the bytes that are left before the cut, if there is one; shortens it and says so if it is the last.
fn spend(plan: &watch::Sender<Plan>, way: Way, piece: &mut Vec<u8>) -> bool {
    let mut is_last = false;
    plan.send_if_modified(|plan| {
        let left = &mut plan.left[way as usize];
        if let Some(bytes) = *left {
            let length = piece.len() as u64;
            is_last = length >= bytes;
            *left = if is_last { None } else { Some(bytes - length) };
            piece.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        // Nobody waits for this.
        false
    });
    is_last
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use tokio::time::timeout;

    use super::*;
    use crate::PATIENCE;

    /// A server that sends back what it gets, and a client's connection to it through a proxy.
    async fn echo() -> (FaultProxy, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::to(listener.local_addr().unwrap()).await;
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.into_split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let client = TcpStream::connect(proxy.address).await.unwrap();
        (proxy, client)
    }

    async fn soon<T>(future: impl Future<Output = T>) -> T {
        timeout(PATIENCE, future).await.expect("in time")
    }

    async fn read(client: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        soon(client.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_stalled_way_holds_everything_until_it_passes_again() {
        let (proxy, mut client) = echo().await;
        client.write_all(b"one").await.unwrap();
        assert_eq!(read(&mut client, 3).await, b"one");
        for way in [Way::ToServer, Way::ToClient] {
            proxy.stall(way);
            client.write_all(b"two").await.unwrap();
            assert!(timeout(Duration::from_millis(50), client.read_u8()).await.is_err(), "{way:?}");
            proxy.pass();
            assert_eq!(read(&mut client, 3).await, b"two");
        }
    }

    #[tokio::test]
    async fn a_cut_ends_the_connection_and_the_next_one_passes() {
        let (proxy, mut client) = echo().await;
        // What the proxy has not yet taken up cannot be cut.
        client.write_all(b"once").await.unwrap();
        assert_eq!(read(&mut client, 4).await, b"once");
        proxy.cut();
        assert!(soon(client.read_u8()).await.is_err());
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        client.write_all(b"again").await.unwrap();
        assert_eq!(read(&mut client, 5).await, b"again");
    }

    #[tokio::test]
    async fn a_cut_comes_after_exactly_so_many_bytes() {
        for way in [Way::ToServer, Way::ToClient] {
            let (proxy, mut client) = echo().await;
            proxy.cut_after(way, 7);
            client.write_all(b"0123456789").await.unwrap();
            let mut got = Vec::new();
            drop(soon(client.read_to_end(&mut got)).await);
            // What was on its way back when the cut came is lost too.
            assert!(got.len() <= 7 && b"0123456".starts_with(&got), "{way:?}: {got:?}");
            if way == Way::ToClient {
                assert_eq!(got, b"0123456");
            }
        }
    }

    #[tokio::test]
    async fn a_delayed_piece_is_late_and_in_order() {
        let (proxy, mut client) = echo().await;
        proxy.delay(Duration::from_millis(40));
        let began = Instant::now();
        for piece in [b"a", b"b", b"c"] {
            client.write_all(piece).await.unwrap();
        }
        assert_eq!(read(&mut client, 3).await, b"abc");
        assert!(began.elapsed() >= Duration::from_millis(80), "late on both ways");
    }
}
