//! The whole crate against telephones: by hand over sockets, where every message matters, and real ones (`sipp`, `baresip`).

mod calls_in;
mod calls_out;
mod desk;
mod hostile;
mod peer;
mod real;
mod registering;
mod torture;
mod within;
