//! How much strangers may ask of us: messages by source, calls in a second, calls at once. Without I/O and clock; bounded.

use std::{collections::HashMap, net::IpAddr, time::Instant};

/// Sources that are remembered; beyond that, new ones are dropped until old ones have been quiet.
const MAX_SOURCES: usize = 4096;

/// So many in a second on average, and so many at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    left: f64,
    per_second: f64,
    most: f64,
    filled_at: Instant,
}

impl Bucket {
    /// Full.
    pub(crate) fn new(now: Instant, per_second: u32, most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { left: most, per_second: f64::from(per_second), most, filled_at: now }
    }

    /// May there be another one?
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.most);
        self.filled_at = self.filled_at.max(now);
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.most
    }
}

/// Messages of each source.
pub(crate) struct Sources {
    by_ip: HashMap<IpAddr, Bucket>,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self { by_ip: HashMap::new() }
    }

    /// May another message of this source be read? `per_second` on average, twice as many at once.
    pub(crate) fn admit(&mut self, now: Instant, ip: IpAddr, per_second: u32) -> bool {
        if !self.by_ip.contains_key(&ip) && self.by_ip.len() == MAX_SOURCES {
            self.by_ip.retain(|_, bucket| !bucket.is_full(now));
            if self.by_ip.len() == MAX_SOURCES {
                return false;
            }
        }
        let new = Bucket::new(now, per_second, per_second.saturating_mul(2));
        self.by_ip.entry(ip).or_insert(new).take(now)
    }
}

/// Whether there is room for one more call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// We are about to stop.
    Draining,
    /// As many calls as may be.
    Calls,
    /// As many new ones in this second as may be.
    Rate,
}

impl NoRoom {
    /// For logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Calls => "calls",
            Self::Rate => "rate",
        }
    }
}

/// The door for new calls from outside.
pub(crate) struct Door {
    rate: Bucket,
    most: usize,
    is_closed: bool,
}

impl Door {
    pub(crate) fn new(now: Instant, per_second: u32, most: usize) -> Self {
        Self { rate: Bucket::new(now, per_second, per_second.saturating_mul(2)), most, is_closed: false }
    }

    /// No new calls from now on.
    pub(crate) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// May another call come in, beside `calls`?
    ///
    /// # Errors
    /// Why not: 503.
    pub(crate) fn admit(&mut self, now: Instant, calls: usize) -> Result<(), NoRoom> {
        if self.is_closed {
            return Err(NoRoom::Draining);
        }
        if calls >= self.most {
            return Err(NoRoom::Calls);
        }
        if self.rate.take(now) { Ok(()) } else { Err(NoRoom::Rate) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::now;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn twice_a_seconds_messages_may_come_at_once_and_then_one_every_10_ms_of_100() {
        let (began, mut sources) = (now(), Sources::new());
        let taken = (0..300).filter(|_| sources.admit(began, ip(1), 100)).count();
        assert_eq!(taken, 200);
        assert!(!sources.admit(began + Duration::from_millis(9), ip(1), 100));
        assert!(sources.admit(began + Duration::from_millis(11), ip(1), 100));
        // Another source has its own.
        assert!(sources.admit(began, ip(2), 100));
    }

    #[test]
    fn more_sources_than_are_remembered_are_dropped_until_others_are_quiet() {
        let (began, mut sources) = (now(), Sources::new());
        for n in 0..4096 {
            assert!(sources.admit(began, ip(n), 10));
        }
        assert!(!sources.admit(began, ip(9_999), 10));
        assert!(sources.admit(began, ip(17), 10));
        assert!(sources.admit(began + Duration::from_millis(200), ip(9_999), 10));
    }

    #[test]
    fn the_501st_call_of_500_and_the_1001st_at_once_find_no_room() {
        let began = now();
        let mut door = Door::new(began, 500, 500);
        assert_eq!(door.admit(began, 499), Ok(()));
        assert_eq!(door.admit(began, 500), Err(NoRoom::Calls));
        let taken = (0..2_000).filter(|_| door.admit(began, 0).is_ok()).count();
        assert_eq!(taken, 999);
        assert_eq!(door.admit(began, 0), Err(NoRoom::Rate));
        assert_eq!(door.admit(began + Duration::from_millis(3), 0), Ok(()));
        door.close();
        assert_eq!(door.admit(began + Duration::from_secs(9), 0), Err(NoRoom::Draining));
    }
}
