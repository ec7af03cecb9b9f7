//! How the library is driven.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use str0m::{
    Event as RtcEvent, Input, Output, Rtc,
    net::{Protocol, Receive},
    rtp::RtpPacket,
};

use crate::{counters::count, stun};

/// The library is not asked more often than this, whatever it wishes.
const RESOLUTION: Duration = Duration::from_micros(200);

/// Where a browser is reached: from where it last sent pictures or sound, or said last that this way be used; both from an
/// address that was believed by a signed request.
///
/// The library alone goes by the priorities of all ways that were ever nominated (is 0.12.0, ICE lite), and believes in the
/// best one until 15 s without a request have passed. A browser that has lost its best way sends over the next one after
/// 4 s; answers and pictures that go where it listens no more would be lost for the rest of that time.
#[derive(Debug, Default)]
pub(crate) struct Way {
    to: Option<SocketAddr>,
}

impl Way {
    /// A datagram was taken from there.
    pub(crate) fn heard(&mut self, source: SocketAddr, bytes: &[u8]) {
        if stun::nominates(bytes) {
            self.to = Some(source);
        }
    }

    /// STUN is answered to whoever asked.
    fn of(&self, destination: SocketAddr, bytes: &[u8]) -> SocketAddr {
        if stun::is_stun(bytes) { destination } else { self.to.unwrap_or(destination) }
    }
}

/// Everything that the library has to say now, and when it wants to be asked again; `None`: it has given up. `from`: where the
/// datagram came from that it has just been handed.
pub(crate) fn drain(
    rtc: &mut Rtc,
    now: Instant,
    (way, from): (&mut Way, Option<SocketAddr>),
    outgoing: &mut Vec<(SocketAddr, Vec<u8>)>,
    packets: &mut Vec<RtpPacket>,
    noted: &mut Vec<RtcEvent>,
) -> Option<Instant> {
    let mut is_woken = false;
    loop {
        match rtc.poll_output().ok()? {
            Output::Timeout(at) if at <= now && !is_woken => {
                is_woken = true;
                rtc.handle_input(Input::Timeout(now)).ok()?;
            }
            Output::Timeout(at) => return Some(at.max(now + RESOLUTION)),
            Output::Transmit(datagram) => {
                outgoing.push((way.of(datagram.destination, &datagram.contents), datagram.contents.into()));
            }
            Output::Event(RtcEvent::RtpPacket(packet)) => {
                // Its signature was right.
                way.to = from.or(way.to);
                packets.push(packet);
            }
            Output::Event(event) => noted.push(event),
        }
    }
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It was looked at. One that says nothing is the sender's matter.
    Taken,
    /// It is of no kind that browsers send.
    Unknown,
    /// It is from an address that was not believed yet, and not signed as a request for this connection is.
    Forged,
    /// The library has panicked: the connection is to be closed.
    Failed,
}

/// Hands a datagram to a connection. From an address that is not known to be its own only a request whose signature is right
/// is taken; the address may be believed then.
pub(crate) fn hand_in(
    rtc: &mut Rtc,
    panics: &AtomicU64,
    now: Instant,
    (source, destination): (SocketAddr, SocketAddr),
    bytes: &[u8],
    is_known: bool,
) -> Handed {
    let Ok(contents) = bytes.try_into() else { return Handed::Unknown };
    let input = Input::Receive(now, Receive { proto: Protocol::Udp, source, destination, contents });
    // For a request the library looks at the signature.
    if !is_known && !guarded(panics, || rtc.accepts(&input)).unwrap_or(false) {
        return Handed::Forged;
    }
    match guarded(panics, || rtc.handle_input(input).is_ok()) {
        Some(true | false) => Handed::Taken,
        None => Handed::Failed,
    }
}

/// What browsers send goes through much code that is not ours. If it panics, one connection is closed and all others of
/// the thread go on. `None`: it did.
pub(crate) fn guarded<T>(panics: &AtomicU64, call: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    if result.is_err() {
        count(panics);
    }
    result.ok()
}

/// What the library makes of a description that a browser sent; `None`: it cannot be agreed to. If the library panics over
/// it, nothing is known of the connection any more, and it is over.
pub(crate) fn agreed<T>(panics: &AtomicU64, rtc: &mut Rtc, call: impl FnOnce(&mut Rtc) -> Option<T>) -> Option<T> {
    let made = guarded(panics, || call(rtc));
    if made.is_none() {
        rtc.disconnect();
    }
    made.flatten()
}
