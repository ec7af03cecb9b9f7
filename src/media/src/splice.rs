//! One outgoing stream made of whatever its source is now: numbers and timestamps go on without a jump when the source
//! comes back with another connection, or is somebody else. Each leg of a viewer has one, so a leg is negotiated once.

use std::time::{Duration, Instant};

/// Where the source's packet goes in the outgoing stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) timestamp: u32,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// Of the source's first packet.
    from: Place,
    /// Of ours.
    to: Place,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    place: Place,
    at: Instant,
}

#[derive(Debug)]
pub(crate) struct Splice {
    /// Ticks of the timestamp a second.
    clock: u32,
    anchor: Option<Anchor>,
    last: Option<Last>,
}

impl Splice {
    pub(crate) const fn new(clock: u32) -> Self {
        Self { clock, anchor: None, last: None }
    }

    /// What comes next is another source, or one that was away.
    pub(crate) const fn cut(&mut self) {
        self.anchor = None;
    }

    /// `None`: older than what the stream began with.
    pub(crate) fn place(&mut self, now: Instant, number: u64, timestamp: u32) -> Option<Place> {
        let from = Place { number, timestamp };
        let anchor = *self.anchor.get_or_insert_with(|| Anchor { from, to: next(self.last, now, self.clock) });
        let number = anchor.to.number + number.checked_sub(anchor.from.number)?;
        let timestamp = anchor.to.timestamp.wrapping_add(timestamp.wrapping_sub(anchor.from.timestamp));
        let place = Place { number, timestamp };
        if self.last.is_none_or(|last| last.place.number < number) {
            self.last = Some(Last { place, at: now });
        }
        Some(place)
    }
}

/// The first place after what was sent, as much later as it is.
fn next(last: Option<Last>, now: Instant, clock: u32) -> Place {
    let Some(last) = last else { return Place { number: 1, timestamp: 0 } };
    // At least one tick, and one frame at most for what follows at once.
    let gap = now.saturating_duration_since(last.at).max(Duration::from_millis(1));
    let ticks = gap.as_micros() * u128::from(clock) / 1_000_000;
    let ticks = u32::try_from(ticks % (1 << 32)).unwrap_or(u32::MAX);
    Place { number: last.place.number + 1, timestamp: last.place.timestamp.wrapping_add(ticks) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stream_begins_with_one_and_keeps_gaps_and_order() {
        let (mut splice, now) = (Splice::new(90_000), crate::clock::now());
        let mut place = |number, timestamp| splice.place(now, number, timestamp);
        assert_eq!(place(70_000, 500), Some(Place { number: 1, timestamp: 0 }));
        assert_eq!(place(70_003, 3_500), Some(Place { number: 4, timestamp: 3_000 }));
        assert_eq!(place(70_001, 1_500), Some(Place { number: 2, timestamp: 1_000 }), "a late one keeps its place");
        assert_eq!(place(69_999, 0), None);
    }

    #[test]
    fn another_source_follows_without_a_jump() {
        let (mut splice, now) = (Splice::new(90_000), crate::clock::now());
        splice.place(now, 10, 1_000);
        splice.place(now, 11, 4_000);
        splice.cut();
        let later = now + Duration::from_secs(2);
        assert_eq!(splice.place(later, 5, 4_000_000_000), Some(Place { number: 3, timestamp: 183_000 }));
        assert_eq!(splice.place(later, 6, 4_000_003_000), Some(Place { number: 4, timestamp: 186_000 }));
    }

    proptest! {
        /// Numbers of the source in order give numbers in order, never twice the same, across any cuts.
        #[test]
        fn numbers_only_grow(steps in proptest::collection::vec((1u64..4, any::<bool>(), any::<u32>()), 1..200)) {
            let (mut splice, now) = (Splice::new(48_000), crate::clock::now());
            let (mut number, mut last) = (1_000_000, 0);
            for (step, is_cut, other) in steps {
                number += step;
                if is_cut {
                    splice.cut();
                    number = u64::from(other);
                }
                let place = splice.place(now, number, other).unwrap();
                prop_assert!(place.number > last);
                last = place.number;
            }
        }
    }
}
