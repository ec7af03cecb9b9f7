//! So many within a span, for each who asks: for what is rare, such as making an identity. Each one is remembered until it
//! is older than the span.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use bangban_domain::{Timestamp, time::Millis};

/// See the module.
#[derive(Debug)]
pub struct Tally<K> {
    most: u32,
    span: Millis,
    taken: HashMap<K, VecDeque<Timestamp>>,
    /// Those without any in the span are thrown out when there are so many.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1_024;

impl<K: Hash + Eq> Tally<K> {
    /// Nobody has taken any yet.
    #[must_use]
    pub fn new(most: u32, span: Millis) -> Self {
        Self { most, span, taken: HashMap::new(), sweep_at: FIRST_SWEEP }
    }

    /// Takes one.
    ///
    /// # Errors
    /// For how long there is none.
    pub fn take(&mut self, now: Timestamp, key: K) -> Result<(), Millis> {
        if self.taken.len() >= self.sweep_at {
            self.sweep(now);
        }
        let span = self.span;
        let taken = self.taken.entry(key).or_default();
        taken.retain(|at| now.since(*at) < span);
        match taken.front() {
            Some(first) if taken.len() >= self.most as usize => Err(span - now.since(*first)),
            _ => {
                taken.push_back(now);
                Ok(())
            }
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        let span = self.span;
        self.taken.retain(|_, taken| taken.back().is_some_and(|last| now.since(*last) < span));
        // Twice what is in use, so that sweeping costs a constant for each that comes.
        self.sweep_at = (2 * self.taken.len()).max(FIRST_SWEEP);
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::time::HOUR;

    use super::*;

    const BEGIN: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn three_in_any_hour_and_no_fourth() {
        let mut tally = Tally::new(3, HOUR);
        for (later, key, expected) in [
            (0, "a", Ok(())),
            (10, "a", Ok(())),
            (20, "a", Ok(())),
            (30, "a", Err(HOUR - 30)),
            (30, "b", Ok(())),
            (HOUR - 1, "a", Err(1)),
            (HOUR, "a", Ok(())),
            (HOUR, "a", Err(10)),
        ] {
            assert_eq!(tally.take(BEGIN + later, key), expected, "{key} {later}");
        }
    }

    #[test]
    fn only_who_has_taken_lately_is_remembered() {
        let mut tally = Tally::new(1, 100);
        for n in 0..10_000_u32 {
            assert_eq!(tally.take(BEGIN + i64::from(n), n), Ok(()));
            assert!(tally.taken.len() <= FIRST_SWEEP, "{n}");
        }
    }
}
