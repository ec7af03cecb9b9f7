//! Whatever the network sends: nothing panics, nothing is left over, and the call beside it goes on.

use bangban_telephony::{Event, Order};
use tokio::io::AsyncWriteExt;

use crate::{
    desk::Desk,
    peer::{Peer, sdp},
    torture::MESSAGES,
};

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).expect("small")
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.below(most);
        (0..len).map(|_| (self.next() & 0xff) as u8).collect()
    }
}

/// A call that stands while `storm` sends; afterwards it is asked for life, hung up, and nothing is left.
async fn beside_a_call(storm: impl AsyncFnOnce(&mut Desk, &mut Peer)) {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = Peer::new("127.0.0.2", desk.address()).await;
    let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    peer.answered(&mut dialog).await;

    let mut other = Peer::new("127.0.0.2", desk.address()).await;
    storm(&mut desk, &mut other).await;

    peer.within(&mut dialog, "OPTIONS", "", "").await;
    peer.status_of(200, "OPTIONS").await;
    peer.within(&mut dialog, "BYE", "", "").await;
    peer.status_of(200, "BYE").await;
    desk.expect(Event::HungUp(leg)).await;
    // Those that a message of the storm has begun are refused, and all others never began.
    let storm: Vec<_> = desk.others();
    for event in storm {
        match event {
            Event::Invited { invite, .. } => {
                desk.order(Order::Refuse { invite, because: bangban_telephony::Refusal::Busy });
            }
            other => panic!("{other:?}"),
        }
    }
    desk.is_empty().await;
    assert_eq!(desk.telephony.counters().panics, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_torture_messages_of_rfc_4475_harm_nobody() {
    beside_a_call(async |desk, peer| {
        for (n, (name, message)) in MESSAGES.iter().enumerate() {
            peer.send_bytes(message).await;
            // Answered after it: it was read, and what reads is alive.
            peer.options().await;
            assert!(desk.telephony.counters().panics == 0, "{n} {name}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_random_datagrams_harm_nobody() {
    beside_a_call(async |desk, peer| {
        let mut dice = Dice(1);
        for n in 0..10_000 {
            let datagram = match dice.below(3) {
                // Noise.
                0 => dice.bytes(600),
                // A message with some bytes changed, cut, or doubled.
                kind => {
                    let (_, message) = MESSAGES[dice.below(MESSAGES.len())];
                    let mut message = message.to_vec();
                    for _ in 0..=dice.below(12) {
                        let at = dice.below(message.len());
                        message[at] = (dice.next() & 0xff) as u8;
                    }
                    if kind == 2 {
                        message.truncate(dice.below(message.len()).max(1));
                    }
                    message
                }
            };
            peer.send_bytes(&datagram).await;
            if n % 50 == 0 {
                peer.options().await;
            }
        }
        peer.options().await;
        let counters = desk.telephony.counters();
        assert!(counters.unreadable > 3_000, "{counters:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_send_nonsense_or_nothing_harm_nobody() {
    beside_a_call(async |desk, peer| {
        let mut dice = Dice(2);
        let mut open = Vec::new();
        for n in 0..100 {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind("127.0.0.2:0".parse().expect("an address")).expect("a port");
            let Ok(mut stream) = socket.connect(desk.address()).await else { continue };
            let huge = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 18446744073709551615\r\n\r\n";
            let bytes = if n % 4 == 0 { huge.to_vec() } else { dice.bytes(4_000) };
            // It may be closed already: 64 from one address.
            let _ = stream.write_all(&bytes).await;
            open.push(stream);
        }
        drop(open);
        peer.options().await;
    })
    .await;
}
