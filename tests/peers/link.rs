//! A way of UDP between a browser and the server on which media packets can be lost, each n-th of a stream.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bangban_tests::Way;
use tokio::{net::UdpSocket, task::AbortHandle};

/// The largest datagram.
const LARGEST: usize = 2_048;

#[derive(Debug, Default)]
struct Plan {
    /// Each so manieth media packet of a stream is lost: to the server, to the browser.
    lose: [Option<u32>; 2],
    /// Media packets of each stream.
    seen: HashMap<(usize, u32), u32>,
    /// Stream and number of what was lost.
    lost: [Vec<(u32, u16)>; 2],
}

/// A way that the browser takes for the server itself.
pub(crate) struct Link {
    /// Where the browser sends to.
    pub(crate) address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    running: AbortHandle,
}

impl Link {
    /// Loses nothing yet.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let running = tokio::spawn(carry(front, back, server, Arc::clone(&plan))).abort_handle();
        Self { address, plan, running }
    }

    pub(crate) fn lose(&self, way: Way, each: u32) {
        self.plan.lock().unwrap().lose[way as usize] = Some(each);
    }

    /// Everything passes from now on.
    pub(crate) fn pass(&self) {
        self.plan.lock().unwrap().lose = [None; 2];
    }

    /// Streams and numbers of the packets that were lost on this way.
    pub(crate) fn lost(&self, way: Way) -> Vec<(u32, u16)> {
        self.plan.lock().unwrap().lost[way as usize].clone()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Plan {
    fn loses(&mut self, way: Way, datagram: &[u8]) -> bool {
        let (Some(each), Some(packet)) = (self.lose[way as usize], media(datagram)) else { return false };
        let seen = self.seen.entry((way as usize, packet.0)).or_default();
        *seen += 1;
        let is_lost = seen.is_multiple_of(each);
        if is_lost {
            self.lost[way as usize].push(packet);
        }
        is_lost
    }
}

/// Stream and number of a media packet; both stand in the open. Everything else on the port (STUN, DTLS, RTCP) is none
/// (RFC 7983; RFC 5761, 4).
fn media(datagram: &[u8]) -> Option<(u32, u16)> {
    let is_media = (128..192).contains(datagram.first()?) && !(64..96).contains(&(datagram.get(1)? & 0x7f));
    let number = u16::from_be_bytes(*datagram.get(2..4)?.first_chunk()?);
    let stream = u32::from_be_bytes(*datagram.get(8..12)?.first_chunk()?);
    is_media.then_some((stream, number))
}

async fn carry(front: UdpSocket, back: UdpSocket, server: SocketAddr, plan: Arc<Mutex<Plan>>) {
    let (mut from_browser, mut from_server) = ([0; LARGEST], [0; LARGEST]);
    let mut browser = None;
    loop {
        tokio::select! {
            Ok((length, source)) = front.recv_from(&mut from_browser) => {
                browser = Some(source);
                let datagram = &from_browser[..length];
                let is_lost = plan.lock().unwrap().loses(Way::ToServer, datagram);
                if !is_lost {
                    back.send_to(datagram, server).await.unwrap();
                }
            }
            Ok((length, _)) = back.recv_from(&mut from_server) => {
                let datagram = &from_server[..length];
                let is_lost = plan.lock().unwrap().loses(Way::ToClient, datagram);
                if let Some(browser) = browser.filter(|_| !is_lost) {
                    // One that has closed its connection hears nothing any more.
                    front.send_to(datagram, browser).await.ok();
                }
            }
        }
    }
}

#[test]
fn only_media_packets_are_lost_and_those_by_their_count() {
    let packet = |kind: u8, number: u8| [128, kind, 0, number, 0, 0, 0, 0, 0, 0, 0, 7];
    let mut plan = Plan { lose: [Some(3), None], ..Plan::default() };
    for number in 1..=9 {
        assert!(!plan.loses(Way::ToServer, &packet(200, number)), "RTCP");
        assert!(!plan.loses(Way::ToServer, &[22; 40]), "DTLS");
        assert!(!plan.loses(Way::ToClient, &packet(96, number)), "the other way");
        assert_eq!(plan.loses(Way::ToServer, &packet(96, number)), number % 3 == 0);
    }
    assert_eq!(plan.lost, [vec![(7, 3), (7, 6), (7, 9)], vec![]]);
}
