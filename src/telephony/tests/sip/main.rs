//! The whole crate against telephones: by hand over sockets, where every message matters, and real ones (`sipp`, `baresip`).

mod desk;
mod peer;

mod calls_in;
mod calls_out;
mod registering;
