//! How often somebody may try. Pure: time is an argument, and what is remembered is bounded.

mod bucket;
mod login;

pub use bucket::{Buckets, Rate};
pub use login::{Address, LoginPolicy, LoginThrottle, TooMany};
