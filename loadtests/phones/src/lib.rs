//! Telephones of tests and of the load program: [`Baresip`] (package baresip-core) and [`Sipp`] (sip-tester), which others have
//! written, each a process that ends with its guard; [`Extension`], a light telephone of our own, when there are to be many;
//! and [`Exchange`], which stands for the city's exchange where a call goes by its number.
//!
//! Who hears whom is told by tones: each says one, and [`level`] finds it in what another has heard.

mod baresip;
mod exchange;
mod extension;
mod message;
mod sipp;
mod tone;

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    process::Child,
    time::Duration,
};

pub use baresip::Baresip;
pub use exchange::Exchange;
pub use extension::Extension;
pub use sipp::{Sipp, Tally};
pub use tone::{last_second, level, wav};

/// Sound a second: 8 kHz.
const RATE: usize = 8_000;
/// Nothing that is waited for takes longer; a machine with much to do is slow.
const SOON: Duration = Duration::from_secs(15);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A port of this machine that is free by UDP and TCP, as is the next.
///
/// # Panics
/// If the machine has none.
#[must_use]
pub fn free_port() -> u16 {
    loop {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if port < 65_000 && is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}

/// A process that is ended by its id when the guard goes.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
