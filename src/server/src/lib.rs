//! The world around the core: sessions, the desk that owns the router, configuration, time, tokens.

pub mod app;
pub mod auth;
pub mod bot;
pub mod calendar;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod desk;
pub mod files;
pub mod http;
pub mod hub;
pub mod load;
pub mod masking;
pub mod organisation;
pub mod privacy;
pub mod recompute;
pub mod session;
pub mod simulate;
pub mod staff;
pub mod staffing;
pub mod telemetry;
pub mod throttle;
pub mod tls;
pub mod user;
pub mod watch;
pub mod word_check;
