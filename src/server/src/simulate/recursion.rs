//! What must come out for one queue, first come first served, without any router: each starts when they have come and
//! somebody is free (Kiefer and Wolfowitz 1955). And the same with one agent who is as fast as all together (Lindley 1952),
//! whose mean is known exactly.

use std::{cmp::Reverse, collections::BinaryHeap};

use bangban_domain::{Timestamp, time::Millis};

use super::{
    engine::Fate,
    traffic::{Ask, Traffic},
};

/// What becomes of everybody.
#[must_use]
pub fn first_come_first_served(traffic: &Traffic, agents: u32) -> Vec<Fate> {
    let mut free_at: BinaryHeap<Reverse<Timestamp>> = (0..agents).map(|_| Reverse(Timestamp(i64::MIN))).collect();
    let mut handles = traffic.handles.iter();
    let serve = |ask: &Ask| {
        let starts_at = free_at.peek().map_or(ask.at, |Reverse(free)| ask.at.max(*free));
        let waits = starts_at.since(ask.at);
        if let Some(patience) = ask.patience.filter(|patience| waits > *patience) {
            return Fate::Left(patience);
        }
        free_at.pop();
        free_at.push(Reverse(starts_at + handles.next().copied().unwrap_or(0)));
        Fate::Served(waits)
    };
    traffic.asks.iter().map(serve).collect()
}

/// Waits in milliseconds before one agent who is as fast as so many.
pub(super) fn one_fast_agent(traffic: &Traffic, agents: u32) -> impl Iterator<Item = f64> + '_ {
    let (mut wait, mut before, mut work) = (0.0_f64, None, 0.0);
    traffic.asks.iter().zip(&traffic.handles).map(move |(ask, handle): (&Ask, &Millis)| {
        let gap = before.replace(ask.at).map_or(0, |before: Timestamp| ask.at.since(before));
        wait = (wait + work - gap as f64).max(0.0);
        work = *handle as f64 / f64::from(agents);
        wait
    })
}

#[cfg(test)]
mod tests {
    use bangban_domain::TeamId;

    use super::*;

    fn traffic(asks: &[(i64, Option<i64>)], handles: &[i64]) -> Traffic {
        let ask = |(at, patience): &(i64, Option<i64>)| Ask {
            at: Timestamp(*at),
            team: TeamId(0),
            patience: *patience,
            is_first: false,
        };
        Traffic { asks: asks.iter().map(ask).collect(), handles: handles.to_vec() }
    }

    #[test]
    fn by_hand() {
        let all = [(0, None), (1, None), (2, None), (3, Some(5)), (3, Some(6)), (20, None)];
        let traffic = traffic(&all, &[10, 10, 5, 7, 4]);
        let fates = first_come_first_served(&traffic, 2);
        // 0 and 1 at once, 2 at 10; at 11 the next is free: who would wait 5 has left at 8, and at 9 the other.
        assert_eq!(
            fates,
            [Fate::Served(0), Fate::Served(0), Fate::Served(8), Fate::Left(5), Fate::Left(6), Fate::Served(0)]
        );
        let one: Vec<f64> = one_fast_agent(&traffic, 2).collect();
        assert_eq!(one[..4], [0.0, 4.0, 8.0, 9.5]);
    }
}
