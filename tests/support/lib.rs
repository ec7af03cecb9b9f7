//! What whole-server tests stand on: the real binary on a port and in a folder of its own, a client of the protocol, a link
//! that can be broken in every way, and the board counted again from the rows.
//!
//! Nothing here waits for a time to pass in order to see what happens: tests wait for events, answers or rows, and a limit
//! ends a wait that would never end.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on shall say where")]

mod binary;
mod client;
mod proxy;
mod recount;
mod rows;
mod server;

use std::time::Duration;

pub use binary::bangban;
pub use client::{Client, Event, Gone, kinds, send, texts};
pub use proxy::{FaultProxy, Way};
pub use recount::Recount;
pub use rows::{Kept, Rows};
pub use server::{Engine, TestServer};

/// The limit of every wait. Long, because the machine may be busy with other things; no test lasts so long that passes.
pub const PATIENCE: Duration = Duration::from_secs(30);
