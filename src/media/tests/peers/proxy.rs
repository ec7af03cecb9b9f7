//! A bad way between a browser and the server: from a switch on, every n-th datagram of each direction is lost.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use tokio::{net::UdpSocket, task::JoinHandle};

/// For one browser.
pub struct Proxy {
    pub address: SocketAddr,
    every: Arc<AtomicU32>,
    lost: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        let (every, lost) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn(carry(front, server, Arc::clone(&every), Arc::clone(&lost)));
        Self { address, every, lost, task }
    }

    /// Loses every `n`-th datagram from now on; 0: none; 1: all.
    pub fn lose_every(&self, n: u32) {
        self.every.store(n, Ordering::Relaxed);
    }

    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(front: UdpSocket, server: SocketAddr, every: Arc<AtomicU32>, lost: Arc<AtomicU64>) {
    // What comes from the browser goes out by a socket of its own, as through a router.
    let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut browser = None;
    let mut counts = HashMap::from([(true, 0u32), (false, 0)]);
    let (mut up, mut down) = (vec![0; 65_535], vec![0; 65_535]);
    loop {
        let (is_up, length) = tokio::select! {
            Ok((length, from)) = front.recv_from(&mut up) => {
                browser = Some(from);
                (true, length)
            }
            Ok((length, _)) = back.recv_from(&mut down) => (false, length),
        };
        let count = counts.get_mut(&is_up).unwrap();
        *count += 1;
        let every = every.load(Ordering::Relaxed);
        if every > 0 && *count % every == 0 {
            lost.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        // A datagram that cannot be sent is lost, as anywhere.
        if is_up {
            back.send_to(&up[..length], server).await.ok();
        } else if let Some(browser) = browser {
            front.send_to(&down[..length], browser).await.ok();
        }
    }
}
