//! When the next batch may go: under load, batches keep a distance, so that they are larger and the transaction, its
//! statements and its flush are shared by more messages. Whoever is alone never waits.

use std::time::Duration;

use tokio::time::Instant;

/// Batches under load begin so far apart: what a message waits at most for it.
const DISTANCE: Duration = Duration::from_millis(2);

/// So many units within [`DISTANCE`] are load. One after the other, each waiting for the disk, there are never so many.
const LOAD: usize = 16;

/// See the module.
pub(crate) struct Pace {
    /// Begin of the span that is counted, and the units in it.
    since: Instant,
    units: usize,
    is_loaded: bool,
}

impl Pace {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { since: now, units: 0, is_loaded: false }
    }

    /// A batch of so many units goes.
    pub(crate) fn count(&mut self, now: Instant, units: usize) {
        if now >= self.since + DISTANCE {
            // A quiet moment ends it.
            self.is_loaded = self.units >= LOAD && now < self.since + 2 * DISTANCE;
            self.since = now;
            self.units = 0;
        }
        self.units += units;
    }

    /// Until when a batch that could still grow should wait, if it should.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        let next = self.since + DISTANCE;
        (self.is_loaded && now < next).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_load_waits_and_never_for_long() {
        let begin = Instant::now();
        let at = |micros: u64| begin + Duration::from_micros(micros);
        let mut pace = Pace::new(begin);
        // One after the other, as fast as a disk is.
        for n in 0..100 {
            pace.count(at(n * 200), 1);
            assert_eq!(pace.wait(at(n * 200 + 150)), None, "{n}");
        }
        // Many senders: from the second span on, batches keep their distance.
        pace.count(at(20_000), 20);
        assert_eq!(pace.wait(at(20_300)), None);
        pace.count(at(22_000), 20);
        assert_eq!(pace.wait(at(22_300)), Some(at(24_000)));
        assert_eq!(pace.wait(at(24_000)), None);
        pace.count(at(24_500), 3);
        assert_eq!(pace.wait(at(24_600)), Some(at(26_500)), "after a span of load");
        pace.count(at(26_500), 3);
        assert_eq!(pace.wait(at(26_600)), None, "after a span of few");
        // After a pause nobody waits, however many there were before.
        pace.count(at(30_000), 300);
        pace.count(at(90_000), 1);
        assert_eq!(pace.wait(at(90_001)), None);
    }
}
