//! What the media threads have counted, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($(#[$all:meta])* { $($(#[$doc:meta])* $name:ident,)+ }) => {
        /// Counted by one media thread, read by anybody.
        #[derive(Debug, Default)]
        pub(crate) struct Cells {
            $(pub(crate) $name: std::sync::atomic::AtomicU64,)+
        }

        $(#[$all])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counters {
            /// With their names, for a page of metrics.
            #[must_use]
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }

            pub(crate) fn add(&mut self, cells: &Cells) {
                $(self.$name += cells.$name.load(std::sync::atomic::Ordering::Relaxed);)+
            }
        }
    };
}

pub(crate) use counters;

counters! {
    /// What all media threads have counted since they began; `peers` and `windows`: how many there are now.
    {
        /// Windows with somebody in them.
        windows,
        /// Connections.
        peers,
        /// Datagrams read.
        received,
        /// Datagrams written.
        sent,
        /// Datagrams that the system would not take.
        unsent,
        /// Media packets given to one viewer each.
        forwarded,
        /// Media packets of what may not be seen or heard.
        withheld,
        /// Key frames asked for.
        key_frames_asked,
        /// Datagrams of nobody: no address that we know, no request for somebody here.
        stray,
        /// Requests for somebody here whose signature was wrong.
        forged,
        /// Datagrams of nobody that were not looked at, because too many came from their address.
        over_budget,
        /// Datagrams that came to one media thread and belong to another.
        handed_over,
        /// Offers and answers that were refused.
        refused,
        /// Connections that never came up, did not come back or broke a rule.
        failed,
        /// Events of quality that nobody took in time.
        untold,
        /// Faults of the library that one connection was closed for.
        panics,
    }
}

pub(crate) fn count(cell: &AtomicU64) {
    add(cell, 1);
}

pub(crate) fn add(cell: &AtomicU64, n: u64) {
    cell.fetch_add(n, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up() {
        let (first, second) = (Cells::default(), Cells::default());
        add(&first.stray, 2);
        count(&second.stray);
        let mut all = Counters::default();
        all.add(&first);
        all.add(&second);
        assert_eq!(all.named().into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>(), [("stray", 3)]);
    }
}
