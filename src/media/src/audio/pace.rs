//! How often a telephone's socket is looked into in one tick. A telephone sends a packet in each; to be told by the system
//! that there is no other is a third of all that reading costs, and says the same nearly every time.

/// Ticks after which all that waits is read in any case (200 ms): a telephone whose clock is faster than ours gains one
/// packet in some minutes, and what waits in a socket is a delay that no jitter buffer sees.
const LOOK_EVERY: u64 = 10;
/// Datagrams of one telephone in one tick; what is more is a flood, and waits until the system drops it.
const AT_ONCE: usize = 16;

/// What a look into the socket has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing waits.
    Nothing,
    /// The telephone's own packet, with a frame of sound or more.
    Frame,
    /// Less than a frame, something that is not its own, or an error of what was sent before: there may be more.
    Other,
}

/// Of one socket.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// No frame came in the last tick: what comes now may be two.
    is_behind: bool,
}

impl Pace {
    /// Looks as often as it takes in this tick. `is_turn`: until nothing waits, whatever comes.
    pub(crate) fn look(&mut self, is_turn: bool, mut look: impl FnMut() -> Look) {
        let is_thorough = is_turn || self.is_behind;
        self.is_behind = true;
        for n in 0..AT_ONCE {
            match look() {
                Look::Nothing => return,
                Look::Frame => {
                    self.is_behind = false;
                    if n == 0 && !is_thorough {
                        return;
                    }
                }
                Look::Other => {}
            }
        }
    }
}

/// Is it the turn of the socket of this port? Spread, so that not all are looked at in the same tick.
pub(crate) const fn is_turn(tick: u64, port: u16) -> bool {
    // Ports of RTP are even.
    (tick + port as u64 / 2).is_multiple_of(LOOK_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket in which the sizes of what waits are.
    #[derive(Default)]
    struct Socket {
        waiting: std::collections::VecDeque<Look>,
        pace: Pace,
        tick: u64,
        looks: usize,
        frames: usize,
    }

    impl Socket {
        /// A tick in which so much has come; how many frames were read.
        fn tick(&mut self, came: &[Look]) -> usize {
            self.waiting.extend(came);
            let before = self.frames;
            let (waiting, looks, frames) = (&mut self.waiting, &mut self.looks, &mut self.frames);
            self.pace.look(is_turn(self.tick, 20_000), || {
                *looks += 1;
                let found = waiting.pop_front().unwrap_or(Look::Nothing);
                *frames += usize::from(found == Look::Frame);
                found
            });
            self.tick += 1;
            self.frames - before
        }
    }

    #[test]
    fn who_sends_a_frame_in_each_tick_is_looked_at_eleven_times_in_ten_ticks() {
        let mut socket = Socket::default();
        for _ in 0..1_000 {
            assert_eq!(socket.tick(&[Look::Frame]), 1);
        }
        assert_eq!(socket.looks, 1_100);
    }

    #[test]
    fn what_comes_in_pairs_after_a_pause_is_read_in_pairs() {
        let mut socket = Socket::default();
        for n in 0..1_000 {
            let came: &[Look] = if n % 2 == 0 { &[] } else { &[Look::Frame, Look::Frame] };
            assert_eq!(socket.tick(came), came.len(), "{n}");
        }
        // Packets of 40 ms.
        for n in 0..1_000 {
            let came: &[Look] = if n % 2 == 0 { &[] } else { &[Look::Frame] };
            assert_eq!(socket.tick(came), came.len(), "{n}");
        }
    }

    #[test]
    fn less_than_a_frame_keys_and_strangers_have_something_behind_them() {
        let mut socket = Socket::default();
        for _ in 0..1_000 {
            // 10 ms each, or a key beside the sound, or somebody else's before it.
            assert_eq!(socket.tick(&[Look::Other, Look::Other]), 0);
            assert!(socket.waiting.is_empty());
        }
        for _ in 0..1_000 {
            assert_eq!(socket.tick(&[Look::Other, Look::Frame]), 1);
            assert!(socket.waiting.is_empty());
        }
    }

    #[test]
    fn a_faster_clock_leaves_nothing_for_longer_than_200_ms() {
        let mut socket = Socket::default();
        let mut waited = 0;
        for n in 1..=10_000_u64 {
            let came: &[Look] = if n % 100 == 0 { &[Look::Frame, Look::Frame] } else { &[Look::Frame] };
            assert!(socket.tick(came) >= 1);
            waited = if socket.waiting.is_empty() { 0 } else { waited + 1 };
            assert!(waited < 10 && socket.waiting.len() <= 1, "{n}: {waited}");
        }
    }

    #[test]
    fn a_flood_is_read_up_to_16_and_the_turns_are_spread() {
        let mut socket = Socket::default();
        socket.tick(&[Look::Other; 100]);
        assert_eq!((socket.looks, socket.waiting.len()), (16, 84));
        for tick in 0..10 {
            let turns = (0..1_000).filter(|n| is_turn(tick, 20_000 + 2 * n)).count();
            assert_eq!(turns, 100, "{tick}");
        }
    }
}
