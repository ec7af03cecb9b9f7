//! Being written.
pub mod io;
