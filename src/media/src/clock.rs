//! The one place where media threads read the time. It is monotonic and never leaves the process; the rules of windows
//! have their own clock (`bangban_domain::window`).

use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "media threads are shells: their core takes the time as an argument")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
