//! Personal data after the conversation: how long it is kept, who gets it, how it goes (docs/privacy.md).

mod page;
pub mod people;
pub mod retention;
mod zip;

use aws_lc_rs::digest::{SHA256, digest};
use bangban_store::Json;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

pub use retention::Retention;

/// SHA-256 in hexadecimal digits. Of an id in a proof: enough to show that something was deleted, not enough to know what.
pub(crate) fn hashed(bytes: impl AsRef<[u8]>) -> String {
    digest(&SHA256, bytes.as_ref()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As a row keeps it.
pub(crate) fn json(value: &impl Serialize) -> Json {
    Json(to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a report cannot be written as JSON");
        RawValue::NULL.to_owned()
    }))
}
