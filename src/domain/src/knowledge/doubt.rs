//! When citizens' voices say that an answer may be wrong. One 👎 says little: the question may have been another one, or the
//! answer right and unwelcome. The rules give no number; these are ours.

use crate::{
    Timestamp,
    time::{DAY, Millis},
};

/// So many different citizens whom the same revision of an answer did not help ...
pub const DOUBTS: usize = 3;

/// ... within this time make a correction task of it.
pub const DOUBT_SPAN: Millis = 30 * DAY;

/// Do these voices, one for each citizen, make a correction task? Those before `settled` (the end of the last correction task
/// about the same revision) were judged already.
#[must_use]
pub fn is_doubted(voices: impl IntoIterator<Item = Timestamp>, settled: Option<Timestamp>, now: Timestamp) -> bool {
    let counts = |at: &Timestamp| *at > now - DOUBT_SPAN && settled.is_none_or(|settled| *at > settled);
    voices.into_iter().filter(counts).count() >= DOUBTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_citizens_within_thirty_days_make_a_task_and_what_was_judged_counts_no_more() {
        let now = Timestamp(100 * DAY);
        let voices = |days: [i64; 3]| days.map(|days| now - days * DAY);
        assert!(is_doubted(voices([0, 10, 29]), None, now));
        assert!(!is_doubted(voices([0, 10, 30]), None, now), "the oldest is out of the time");
        assert!(!is_doubted([now, now], None, now));
        assert!(!is_doubted(voices([0, 10, 20]), Some(now - 20 * DAY), now), "two since it was judged");
        assert!(is_doubted(voices([0, 10, 19]), Some(now - 20 * DAY), now));
    }
}
