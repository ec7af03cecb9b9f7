//! Ports for telephones: even ones with the next, each pair used by one leg, and left alone for 2 s afterwards so that what
//! still comes for the last leg does not reach the next.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::clock;

/// How long a pair rests.
pub(crate) const REST: Duration = Duration::from_secs(2);
/// Half a second of what a telephone sends, and room for a flood that is not read.
const BUFFER: usize = 64 * 1024;
/// Pairs that may be tried for one leg: another program, or another node on this machine, may have some. A try takes microseconds.
const TRIES: usize = 512;
/// Expedited forwarding (RFC 3246): routers that know classes let sound pass.
const EXPEDITED: u32 = 0xb8;

#[derive(Debug)]
struct State {
    /// In the order in which they became free.
    free: VecDeque<u16>,
    /// Since when they rest.
    resting: VecDeque<(Instant, u16)>,
    used: usize,
}

impl State {
    fn take(&mut self, now: Instant) -> Option<u16> {
        while self.resting.front().is_some_and(|(since, _)| now >= *since + REST) {
            self.free.extend(self.resting.pop_front().map(|(_, port)| port));
        }
        let port = self.free.pop_front()?;
        self.used += 1;
        Some(port)
    }

    fn give_back(&mut self, now: Instant, port: u16) {
        self.used -= 1;
        self.resting.push_back((now, port));
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Ports {
    bind: IpAddr,
    state: Mutex<State>,
}

/// A pair that is used.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) port: u16,
    ports: Arc<Ports>,
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.ports.lock().give_back(clock::now(), self.port);
    }
}

impl Ports {
    /// `None`: there is no pair in the range.
    pub(crate) fn new(bind: IpAddr, range: &RangeInclusive<u16>) -> Option<Arc<Self>> {
        let free: VecDeque<u16> =
            range.clone().filter(|port| port.is_multiple_of(2) && *port > 0 && *port < *range.end()).collect();
        if free.is_empty() {
            return None;
        }
        Some(Arc::new(Self { bind, state: Mutex::new(State { free, resting: VecDeque::new(), used: 0 }) }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pair with its sockets; `None`: none is free.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Pair> {
        for _ in 0..TRIES {
            let port = self.lock().take(clock::now())?;
            match self.bind_pair(port) {
                Ok((rtp, rtcp)) => return Some(Pair { rtp, rtcp, port, ports: Arc::clone(self) }),
                // Another program has it; perhaps not for ever.
                Err(_) => self.lock().give_back(clock::now(), port),
            }
        }
        None
    }

    fn bind_pair(&self, port: u16) -> io::Result<(UdpSocket, UdpSocket)> {
        let open = |port| {
            let address = SocketAddr::new(self.bind, port);
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            socket.set_recv_buffer_size(BUFFER)?;
            // A wish: what it cannot be, it is not.
            if address.is_ipv4() {
                socket.set_tos_v4(EXPEDITED).ok()
            } else {
                socket.set_tclass_v6(EXPEDITED).ok()
            };
            socket.bind(&address.into())?;
            io::Result::Ok(UdpSocket::from(socket))
        };
        Ok((open(port)?, open(port + 1)?))
    }

    /// Pairs that legs have.
    pub(crate) fn in_use(&self) -> usize {
        self.lock().used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_even_and_whole() {
        let ports = |range| Ports::new(IpAddr::from([127, 0, 0, 1]), &range).map(|ports| ports.lock().free.clone());
        assert_eq!(ports(20_001..=20_006), Some(VecDeque::from([20_002, 20_004])), "20007 is not ours");
        assert_eq!(ports(20_000..=20_003), Some(VecDeque::from([20_000, 20_002])));
        assert_eq!(ports(20_001..=20_002), None);
        assert_eq!(ports(65_534..=65_535), Some(VecDeque::from([65_534])));
        assert_eq!(ports(0..=1), None);
    }

    #[test]
    fn a_pair_rests_for_2_s() {
        let mut state = State { free: VecDeque::from([2, 4]), resting: VecDeque::new(), used: 0 };
        let now = clock::now();
        assert_eq!((state.take(now), state.take(now), state.take(now)), (Some(2), Some(4), None));
        state.give_back(now, 4);
        assert_eq!((state.used, state.resting.len()), (1, 1));
        assert_eq!(state.take(now + Duration::from_millis(1_999)), None);
        assert_eq!(state.take(now + REST), Some(4));
    }

    #[test]
    fn what_another_program_has_is_passed_over_and_what_is_dropped_is_counted() {
        // As many as another node with the same range would have; the last pair is free.
        let mut pairs: Vec<u16> = (0..=40).map(|_| bangban_phones::free_port()).collect();
        pairs.sort_unstable();
        let (first, port) = (pairs[0], pairs.pop().unwrap());
        let _taken: Vec<UdpSocket> = pairs.iter().map(|port| UdpSocket::bind(("127.0.0.1", *port)).unwrap()).collect();
        let ports = Ports::new(IpAddr::from([127, 0, 0, 1]), &(first..=port + 1)).unwrap();
        let pair = ports.open().unwrap();
        assert_eq!(pair.port, port);
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), port + 1);
        assert_eq!(ports.in_use(), 1, "the others rest");
        assert!(ports.open().is_none());
        drop(pair);
        assert_eq!(ports.in_use(), 0);
    }
}
