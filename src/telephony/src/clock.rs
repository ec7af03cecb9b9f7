//! The one place where this crate reads the time. It is monotonic and never leaves the process; the rules of calls have
//! their own clock (`bangban_domain::call`).

use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the shells around SIP: what decides takes the time as an argument")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
