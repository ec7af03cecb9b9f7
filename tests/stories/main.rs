//! Stories against the real binary over real sockets, by the public protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod desk;
mod input;
mod minute;
mod network;
mod restart;
mod tabs;
