//! Telephones of tests and of the load program: [`Baresip`] (package baresip-core) and [`Sipp`] (sip-tester), which others have
//! written, each a process that ends with its guard; [`Extension`], a light telephone of our own, when there are to be many;
//! and [`Exchange`], which stands for the city's exchange where a call goes by its number.
//!
//! Who hears whom is told by tones: each says one, and [`level`] finds it in what another has heard.

mod baresip;
mod exchange;
mod extension;
mod message;
mod ports;
mod sipp;
mod tone;

use std::{process::Child, time::Duration};

pub use baresip::Baresip;
pub use exchange::Exchange;
pub use extension::Extension;
pub use ports::free_port;
pub use sipp::{Sipp, Tally};
pub use tone::{last_second, level, wav};

/// Sound a second: 8 kHz.
const RATE: usize = 8_000;
/// Nothing that is waited for takes longer; a machine with much to do is slow.
const SOON: Duration = Duration::from_secs(15);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A process that is ended by its id when the guard goes.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
