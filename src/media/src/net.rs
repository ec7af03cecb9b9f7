//! The UDP socket of one media thread: many datagrams a call in (recvmmsg, GRO) and, to the same browser, out (GSO).

use std::{
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::counters::{Cells, add, count};

/// A burst of a hundred windows for some ten milliseconds. The system gives what it allows (`net.core.rmem_max`).
const BUFFER: usize = 4 * 1024 * 1024;
/// The largest thing that is received at once.
const LARGEST: usize = 65_535;

pub(crate) struct Net {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
    joined: Vec<u8>,
}

impl Net {
    /// `is_shared`: several sockets have this port, and the system spreads what comes.
    pub(crate) fn bind(address: SocketAddr, is_shared: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_port(is_shared)?;
        // Less than that works too, and drops sooner.
        socket.set_recv_buffer_size(BUFFER).or_else(|_| socket.set_recv_buffer_size(BUFFER / 16))?;
        socket.set_send_buffer_size(BUFFER).or_else(|_| socket.set_send_buffer_size(BUFFER / 16))?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let buffers = (0..BATCH_SIZE).map(|_| vec![0; LARGEST]).collect();
        Ok(Self { socket, state, buffers, metas: vec![RecvMeta::default(); BATCH_SIZE], joined: Vec::new() })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Until something comes, here or in the mailbox, or the time is over.
    pub(crate) fn wait(&self, mailbox: &impl std::os::fd::AsFd, at_most: Duration) {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(mailbox, PollFlags::IN)];
        let at_most = rustix::event::Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        // A signal wakes too, which does no harm.
        poll(&mut fds, Some(&at_most)).ok();
    }

    /// All that waits, up to a batch; how many datagrams that were.
    pub(crate) fn receive(&mut self, cells: &Cells, mut take: impl FnMut(SocketAddr, &[u8])) -> usize {
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let received = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.metas);
        // What the network says about one of those whom we sent to is not this one's matter.
        let Ok(received) = received else { return 0 };
        let mut datagrams = 0;
        for (meta, buffer) in self.metas.iter().zip(&self.buffers).take(received) {
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                take(canonical(meta.addr), datagram);
                datagrams += 1;
            }
        }
        add(&cells.received, datagrams);
        usize::try_from(datagrams).unwrap_or(usize::MAX)
    }

    /// Sends all; what is for the same browser and of the same size in one call.
    pub(crate) fn send(&mut self, outgoing: &mut Vec<(SocketAddr, Vec<u8>)>, cells: &Cells) {
        // Stable: the order towards each browser is kept.
        outgoing.sort_by_key(|(destination, _)| *destination);
        let most = self.state.max_gso_segments().max(1);
        let mut rest = &outgoing[..];
        while let Some(((destination, first), _)) = rest.split_first() {
            let size = first.len();
            let fits = |(to, next): &&(SocketAddr, Vec<u8>)| to == destination && next.len() == size;
            let room = (LARGEST / size.max(1)).clamp(1, most);
            let count_of = rest.iter().take(room).take_while(fits).count();
            let (batch, others) = rest.split_at(count_of.max(1));
            rest = others;
            let (contents, segment_size) = if batch.len() == 1 {
                (first.as_slice(), None)
            } else {
                self.joined.clear();
                batch.iter().for_each(|(_, datagram)| self.joined.extend_from_slice(datagram));
                (self.joined.as_slice(), Some(size))
            };
            let transmit = Transmit { destination: *destination, ecn: None, contents, segment_size, src_ip: None };
            match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
                Ok(()) => add(&cells.sent, u64::try_from(batch.len()).unwrap_or(0)),
                // A full buffer is a loss like any other on the way: it is asked for again.
                Err(_) => batch.iter().for_each(|_| count(&cells.unsent)),
            }
        }
        outgoing.clear();
    }
}

/// An IPv4 browser on a socket that hears both has an IPv4 address.
const fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
