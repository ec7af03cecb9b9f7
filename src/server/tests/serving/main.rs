//! The HTTP side and the life of sessions, against the real binary over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod actions;
mod admin;
mod answer_files;
mod bot;
mod calendar;
mod citizens;
mod departments;
mod figures;
mod files;
mod find;
mod guides;
mod knowledge;
mod learning;
mod limits;
mod login;
mod oidc;
mod pages;
mod privacy;
mod quality;
mod rephrase;
mod sessions;
mod speech;
mod staff;
mod staffing;
mod stopping;
mod support;
mod sweep;
mod telemetry;
mod telephone;
mod tls;
mod windows;
mod word_list;
