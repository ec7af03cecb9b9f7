//! The HTTP side and the life of sessions, against the real binary over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod admin;
mod files;
mod limits;
mod login;
mod pages;
mod sessions;
mod stopping;
mod support;
mod telemetry;
mod tls;
mod word_list;
