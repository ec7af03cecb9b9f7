//! Virtual windows of the real binary, with browsers that are played by the crate `webrtc`: an implementation of ICE, DTLS,
//! SRTP, NACK and RTX that shares nothing with the server's (`str0m`). They come by the public protocol, publish real VP8 and
//! numbered voices, and what the others receive is compared with what was sent, byte by byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod browser;
mod call;
mod flow;
mod hostile;
mod link;
mod loss;
mod many;
mod page;
mod picture;
mod scene;
