//! The world around the core: configuration, time, tokens.
//!
//! Being built: sessions, the desk that owns the router and the pages follow.

pub mod app;
pub mod auth;
pub mod bot;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod desk;
pub mod hub;
