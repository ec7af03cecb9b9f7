//! Personal data after the conversation: how long it is kept, who gets it, how it goes (docs/privacy.md).

mod page;
pub mod people;
pub mod retention;
mod reveal;

use aws_lc_rs::digest::{SHA256, digest};
use bangban_store::Json;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

pub use people::Package;
pub use retention::Retention;
pub use reveal::{Revealed, Reveals, Wanted};

/// An id in a proof: enough to show that something was deleted, not enough to know what.
fn hashed(id: &str) -> String {
    digest(&SHA256, id.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As a row keeps it.
fn json(value: &impl Serialize) -> Json {
    Json(to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a report cannot be written as JSON");
        RawValue::NULL.to_owned()
    }))
}
