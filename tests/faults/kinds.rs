//! What goes wrong.

use std::time::Duration;

use bangban_tests::{Engine, Way};

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Kind {
    /// `kill -9` of the server, and a start on the same data.
    ServerKilled,
    /// SIGTERM and a start.
    ServerRestarted,
    /// SIGSTOP and SIGCONT of the server.
    ServerAsleep,
    /// The server's files may not grow for a while (`RLIMIT_FSIZE`, with its signal ignored: writes fail).
    DiskFull,
    /// The machine's clock steps while the server runs.
    ClockStepped,
    /// It steps while the server is down.
    ClockSteppedOverRestart,
    /// A link is cut both ways at once.
    Cut,
    /// A link is cut in the middle of a frame.
    CutInFrame,
    /// One way of a link passes nothing for a while.
    Stalled,
    /// Neither way does, and the connection never comes back: the client gives it up, the server is not told.
    HalfOpen,
    /// A link becomes slow.
    Delayed,
    /// A client reads slowly.
    SlowReader,
    /// A client does nothing for a while and keeps its connection.
    ClientAsleep,
    /// A second tab of a citizen comes, speaks and goes.
    SecondTab,
    /// `kill -9` of PostgreSQL and all its processes, and a start.
    DatabaseKilled,
    /// PostgreSQL is stopped in order, and started after a while.
    DatabaseStopped,
    /// PostgreSQL is restarted in order.
    DatabaseRestarted,
    /// `kill -9` of Redis, and a start.
    RedisKilled,
    /// Redis answers nothing for a while, and its connections stand.
    RedisAsleep,
    /// Many connections stand when the server is killed, and all come back at once.
    Crowd,
}

impl Kind {
    pub(crate) const ALL: [Self; 20] = [
        Self::ServerKilled,
        Self::ServerRestarted,
        Self::ServerAsleep,
        Self::DiskFull,
        Self::ClockStepped,
        Self::ClockSteppedOverRestart,
        Self::Cut,
        Self::CutInFrame,
        Self::Stalled,
        Self::HalfOpen,
        Self::Delayed,
        Self::SlowReader,
        Self::ClientAsleep,
        Self::SecondTab,
        Self::DatabaseKilled,
        Self::DatabaseStopped,
        Self::DatabaseRestarted,
        Self::RedisKilled,
        Self::RedisAsleep,
        Self::Crowd,
    ];

    const fn is_possible(self, on: Engine, has_false_clock: bool) -> bool {
        match self {
            Self::DatabaseKilled | Self::DatabaseStopped | Self::DatabaseRestarted => matches!(on, Engine::Postgres),
            // PostgreSQL's files are not the server's.
            Self::DiskFull => matches!(on, Engine::Sqlite),
            Self::ClockStepped | Self::ClockSteppedOverRestart => has_false_clock,
            _ => true,
        }
    }
}

/// The sequence of faults of a seed: every kind once, shuffled, then every kind again but the crowd, which comes once.
pub(crate) struct Deck {
    random: fastrand::Rng,
    kinds: Vec<Kind>,
    left: Vec<Kind>,
}

impl Deck {
    /// `only`: these, as far as they are possible.
    pub(crate) fn new(seed: u64, on: Engine, has_false_clock: bool, only: &[Kind]) -> Self {
        let kinds = only.iter().copied().filter(|kind| kind.is_possible(on, has_false_clock)).collect();
        Self { random: fastrand::Rng::with_seed(seed), kinds, left: Vec::new() }
    }

    pub(crate) fn next(&mut self) -> Kind {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
            self.random.shuffle(&mut self.left);
            if self.kinds.len() > 1 {
                self.kinds.retain(|kind| *kind != Kind::Crowd);
            }
        }
        self.left.pop().expect("it was filled")
    }

    /// One of so many.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.random.usize(..count)
    }

    pub(crate) fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.u64(range))
    }

    pub(crate) fn seconds(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.random.i64(range)
    }

    pub(crate) fn way(&mut self) -> Way {
        if self.random.bool() { Way::ToServer } else { Way::ToClient }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_again_and_every_kind_comes() {
        let run = |seed| {
            let mut deck = Deck::new(seed, Engine::Sqlite, true, &Kind::ALL);
            (0..40).map(|_| (deck.next(), deck.below(7))).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let kinds = |on, has_clock| {
            let mut deck = Deck::new(3, on, has_clock, &Kind::ALL);
            let mut kinds: Vec<Kind> = (0..200).map(|_| deck.next()).collect();
            assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Crowd).count(), 1);
            kinds.sort_unstable();
            kinds.dedup();
            kinds.len()
        };
        assert_eq!(
            [kinds(Engine::Sqlite, true), kinds(Engine::Postgres, true), kinds(Engine::Postgres, false)],
            [17, 19, 17]
        );
    }
}
