//! Token buckets: a burst at once, then so many a second. A full bucket is the same as none, so that only those are kept
//! who have asked for something within the time that a bucket takes to fill; and of those at most [`REMEMBERED`].

use std::{collections::HashMap, hash::Hash};

use bangban_domain::{Timestamp, time::Millis};
use serde::Deserialize;

/// A thousandth of a token, so that a fill of one a second is one every millisecond.
type Thousandths = i64;

/// One command that writes costs this much.
const TOKEN: Thousandths = 1_000;

/// How many commands at once, and how many a second after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Size of the bucket.
    pub burst: u32,
    /// Fill.
    pub per_second: u32,
}

impl Rate {
    fn size(self) -> Thousandths {
        Thousandths::from(self.burst) * TOKEN
    }

    fn fill(self, span: Millis) -> Thousandths {
        Thousandths::from(self.per_second).saturating_mul(span.max(0))
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: Thousandths,
    at: Timestamp,
}

/// One bucket for each who asks.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    buckets: HashMap<K, Bucket>,
    /// Full ones are thrown out when there are so many.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1_024;

/// At most so many are remembered. Beyond, those that have the most left are forgotten: whoever has used theirs up has to
/// stay, and to push one out takes tens of thousands who have used up more.
const REMEMBERED: usize = 100_000;

impl<K: Hash + Eq> Buckets<K> {
    /// All are full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new(), sweep_at: FIRST_SWEEP }
    }

    /// Takes a token, or with `tenth` a tenth of one. False, and nothing taken, if there is not enough.
    pub fn take(&mut self, now: Timestamp, key: K, tenth: bool) -> bool {
        self.take_or_wait(now, key, tenth).is_ok()
    }

    /// The same; if there is not enough, says after which time there would be.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take_or_wait(&mut self, now: Timestamp, key: K, tenth: bool) -> Result<(), Millis> {
        if self.buckets.len() >= self.sweep_at {
            self.sweep(now);
        }
        let rate = self.rate;
        let bucket = self.buckets.entry(key).or_insert(Bucket { left: rate.size(), at: now });
        bucket.left = bucket.left.saturating_add(rate.fill(now.since(bucket.at))).min(rate.size());
        bucket.at = bucket.at.max(now);
        let price = if tenth { TOKEN / 10 } else { TOKEN };
        if bucket.left >= price {
            bucket.left -= price;
            return Ok(());
        }
        // A thousandth a millisecond for each token a second; a fill of nothing never gives any.
        let fill = Thousandths::from(rate.per_second).max(1);
        Err((price - bucket.left + fill - 1) / fill)
    }

    fn sweep(&mut self, now: Timestamp) {
        let rate = self.rate;
        self.buckets.retain(|_, bucket| bucket.left.saturating_add(rate.fill(now.since(bucket.at))) < rate.size());
        // So much room at once that this is not done for every one who comes.
        if self.buckets.len() > REMEMBERED / 10 * 9 {
            let mut left: Vec<Thousandths> = self.buckets.values().map(|bucket| bucket.left).collect();
            let (_, &mut most, _) = left.select_nth_unstable(REMEMBERED / 10 * 8);
            self.buckets.retain(|_, bucket| bucket.left < most);
        }
        // Twice what is in use, so that sweeping costs a constant for each that comes.
        self.sweep_at = (2 * self.buckets.len()).clamp(FIRST_SWEEP, REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp(1_800_000_000_000);

    fn buckets() -> Buckets<u32> {
        Buckets::new(Rate { burst: 20, per_second: 1 })
    }

    #[test]
    fn twenty_at_once_then_one_a_second() {
        let mut buckets = buckets();
        for n in 0..20 {
            assert!(buckets.take(BEGIN, 1, false), "{n}");
        }
        for (later, expected) in
            [(0, false), (999, false), (1_000, true), (1_000, false), (1_999, false), (2_000, true)]
        {
            assert_eq!(buckets.take(BEGIN + later, 1, false), expected, "{later} ms later");
        }
        assert!(buckets.take(BEGIN, 2, false), "each has their own");
    }

    #[test]
    fn an_hour_of_silence_gives_twenty_and_not_more() {
        let mut buckets = buckets();
        buckets.take(BEGIN, 1, false);
        let later = BEGIN + 3_600_000;
        assert_eq!((0..100).filter(|_| buckets.take(later, 1, false)).count(), 20);
    }

    #[test]
    fn a_light_command_costs_a_tenth() {
        let mut buckets = buckets();
        assert_eq!((0..1_000).filter(|_| buckets.take(BEGIN, 1, true)).count(), 200);
        assert!(!buckets.take(BEGIN + 99, 1, true));
        assert!(buckets.take(BEGIN + 100, 1, true));
    }

    #[test]
    fn a_clock_that_stands_gives_nothing_and_one_that_steps_back_takes_nothing() {
        let mut buckets = buckets();
        for _ in 0..20 {
            buckets.take(BEGIN, 1, false);
        }
        assert!(!buckets.take(BEGIN + -5_000, 1, false));
        assert!(!buckets.take(BEGIN + 999, 1, false));
        assert!(buckets.take(BEGIN + 1_000, 1, false));
    }

    #[test]
    fn who_is_refused_learns_when_to_come_back() {
        let mut buckets = Buckets::new(Rate { burst: 2, per_second: 3 });
        assert_eq!(buckets.take_or_wait(BEGIN, 1, false), Ok(()));
        assert_eq!(buckets.take_or_wait(BEGIN, 1, false), Ok(()));
        assert_eq!(buckets.take_or_wait(BEGIN, 1, false), Err(334));
        assert_eq!(buckets.take_or_wait(BEGIN + 333, 1, false), Err(1));
        assert_eq!(buckets.take_or_wait(BEGIN + 334, 1, false), Ok(()));
    }

    #[test]
    fn a_flood_of_many_is_not_remembered_whole_and_washes_nobody_clean() {
        let mut buckets = Buckets::new(Rate { burst: 20, per_second: 1 });
        while buckets.take(BEGIN, 0, false) {}
        for n in 1..=300_000_u32 {
            // Nobody's bucket fills meanwhile.
            assert!(buckets.take(BEGIN, n, false));
            assert!(buckets.buckets.len() <= REMEMBERED, "{n}");
        }
        assert!(!buckets.take(BEGIN, 0, false), "still used up");
    }

    #[test]
    fn only_who_has_asked_lately_is_remembered() {
        let mut buckets = buckets();
        for n in 0..100_000_u32 {
            // 100 a second; a bucket with one token less is full after one.
            assert!(buckets.take(BEGIN + i64::from(n) * 10, n, false));
            assert!(buckets.buckets.len() <= FIRST_SWEEP, "{n}");
        }
    }
}
