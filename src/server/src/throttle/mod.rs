//! How often somebody may try. Pure: time is an argument, and what is remembered is bounded.

mod bucket;
mod login;
mod tally;

pub use bucket::{Buckets, Rate};
pub use login::{Address, LoginPolicy, LoginThrottle, TooMany};
pub use tally::Tally;
