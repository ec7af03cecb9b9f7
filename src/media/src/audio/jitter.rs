//! Packets that come when they like, frames that are taken every 20 ms: a ring of samples by RTP timestamp, so packets of
//! any length, out of order, twice or with pauses are all the same to it.
//!
//! Play-out begins 40 ms behind the first packet. What stalls is made up for 60 ms (the last frame back and forth, fading),
//! and played that much later from then on; a longer pause begins anew. More than 140 ms that wait are shortened at once;
//! more than is needed for 5 s, in the next frame that is quiet.

use super::{Codec, FRAME, g711, rtp::MAX_PAYLOAD};

/// 512 ms.
const RING: usize = 4_096;
/// How far play-out is behind the first packet: 40 ms.
const TARGET: i64 = 2 * FRAME as i64;
/// More than this that waits is shortened: 140 ms.
const MOST: i64 = 7 * FRAME as i64;
/// A stream that jumps back so far is another one: 1 s.
const JUMP: i64 = 50 * FRAME as i64;
/// Frames that are made up in a row: 60 ms.
const MOST_CONCEALED: u32 = 3;
/// So many packets in a row that come too late are a stream that has become slower.
const MOST_LATE: u32 = 3;
/// Frames after which it is known what is needed: 5 s.
const WATCHED: u32 = 250;
/// A frame without a sample above this (-42 dBFS) may be left out unheard.
const QUIET: u16 = 256;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Played {
    /// What somebody said, at least partly.
    Sound,
    /// Made up.
    Concealed,
    /// Nothing is there: silence.
    Nothing,
}

/// Counted since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Packets whose time was over.
    pub(crate) late: u32,
    /// Frames that were made up.
    pub(crate) concealed: u32,
    /// Frames that were left out.
    pub(crate) shortened: u32,
    /// Times that play-out began anew within a stream.
    pub(crate) resynchronised: u32,
}

pub(crate) struct Jitter {
    samples: Box<[i16; RING]>,
    is_there: Box<[bool; RING]>,
    /// A timestamp and where it is, as of the newest packet; `None`: nothing plays.
    anchor: Option<(u32, i64)>,
    /// Where play-out is.
    read: i64,
    /// Where the first packet begins.
    begin: i64,
    /// Where the newest packet ends.
    write: i64,
    last: [i16; FRAME],
    /// Frames that were made up since the last real one.
    concealed: u32,
    /// Packets too late since the last that was not.
    late: u32,
    /// The sender has said that it pauses.
    is_pausing: bool,
    /// The least that waited after a frame was taken, and for how many frames that was watched.
    least: i64,
    watched: u32,
    has_surplus: bool,
    counts: Counts,
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            samples: Box::new([0; RING]),
            is_there: Box::new([false; RING]),
            anchor: None,
            read: 0,
            begin: 0,
            write: 0,
            last: [0; FRAME],
            concealed: 0,
            late: 0,
            is_pausing: false,
            least: i64::MAX,
            watched: 0,
            has_surplus: false,
            counts: Counts::default(),
        }
    }
}

impl Jitter {
    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Samples that wait.
    #[cfg(test)]
    fn depth(&self) -> i64 {
        if self.anchor.is_none() { 0 } else { (self.write - self.read).max(0) }
    }

    /// What comes next is another stream.
    pub(crate) fn restart(&mut self) {
        self.anchor = None;
        self.is_there.fill(false);
    }

    /// The sender pauses (comfort noise, RFC 3389): what follows is not missing.
    pub(crate) const fn pause(&mut self) {
        self.is_pausing = true;
    }

    /// A packet of sound.
    pub(crate) fn put(&mut self, timestamp: u32, codec: Codec, payload: &[u8]) {
        let payload = &payload[..payload.len().min(MAX_PAYLOAD)];
        let length = payload.len() as i64;
        let at = match self.anchor {
            // Timestamps turn over; what is newer by more than half of them is older.
            Some((known, at)) => at + i64::from(timestamp.wrapping_sub(known).cast_signed()),
            None => self.start(timestamp, JUMP),
        };
        let is_elsewhere = at + length > self.read + RING as i64 || at + length < self.read - JUMP;
        let at = if is_elsewhere {
            self.counts.resynchronised += 1;
            self.start(timestamp, JUMP)
        } else {
            at
        };
        self.is_pausing = false;
        if at + length <= self.read {
            self.counts.late += 1;
            self.late += 1;
            if self.late < MOST_LATE {
                return;
            }
            self.counts.resynchronised += 1;
            self.start(timestamp, at);
        }
        self.late = 0;
        let mut decoded = [0; MAX_PAYLOAD];
        let decoded = &mut decoded[..payload.len()];
        g711::decode(codec, payload, decoded);
        // What of it is too late already.
        let skipped = (self.read - at).clamp(0, length);
        self.store(at + skipped, &decoded[skipped as usize..]);
        if at + length > self.write {
            self.write = at + length;
            self.anchor = Some((timestamp, at));
        }
    }

    /// Where the first packet of what begins now is to be.
    fn start(&mut self, timestamp: u32, at: i64) -> i64 {
        self.is_there.fill(false);
        self.anchor = Some((timestamp, at));
        self.read = at - TARGET;
        self.begin = at;
        self.write = at;
        self.late = 0;
        self.concealed = 0;
        self.watch_anew();
        at
    }

    const fn watch_anew(&mut self) {
        self.least = i64::MAX;
        self.watched = 0;
        self.has_surplus = false;
    }

    fn store(&mut self, at: i64, samples: &[i16]) {
        let from = at.rem_euclid(RING as i64) as usize;
        let (first, second) = samples.split_at(samples.len().min(RING - from));
        self.samples[from..from + first.len()].copy_from_slice(first);
        self.is_there[from..from + first.len()].fill(true);
        self.samples[..second.len()].copy_from_slice(second);
        self.is_there[..second.len()].fill(true);
    }

    /// The next frame.
    pub(crate) fn take(&mut self, frame: &mut [i16; FRAME]) -> Played {
        if self.anchor.is_none() {
            frame.fill(0);
            return Played::Nothing;
        }
        if self.write - self.read > MOST {
            self.shorten();
        }
        if self.write <= self.read {
            return self.starve(frame);
        }
        let mut missing = self.fetch(frame);
        if self.has_surplus && frame.iter().all(|sample| sample.unsigned_abs() < QUIET) {
            missing = self.fetch(frame);
            self.counts.shortened += 1;
            self.watch_anew();
        }
        self.watch();
        if missing == FRAME && self.read <= self.begin {
            return Played::Nothing;
        }
        if missing == FRAME {
            return self.conceal(frame);
        }
        self.concealed = 0;
        self.last = *frame;
        Played::Sound
    }

    /// Nothing waits: the sender stalls, or pauses, or has gone.
    fn starve(&mut self, frame: &mut [i16; FRAME]) -> Played {
        if self.is_pausing || self.concealed == MOST_CONCEALED {
            self.restart();
            frame.fill(0);
            return Played::Nothing;
        }
        // Play-out waits, so that what comes late is in time.
        self.conceal(frame)
    }

    /// The last frame again, backwards and forwards so that no step is heard, fading to nothing within 60 ms.
    fn conceal(&mut self, frame: &mut [i16; FRAME]) -> Played {
        if self.concealed >= MOST_CONCEALED {
            frame.fill(0);
            self.counts.concealed += 1;
            return Played::Concealed;
        }
        let whole = (MOST_CONCEALED as usize * FRAME) as i32;
        let done = (self.concealed as usize * FRAME) as i32;
        for (n, sample) in frame.iter_mut().enumerate() {
            let from = if self.concealed.is_multiple_of(2) { FRAME - 1 - n } else { n };
            *sample = (i32::from(self.last[from]) * (whole - done - n as i32) / whole) as i16;
        }
        self.concealed += 1;
        self.counts.concealed += 1;
        Played::Concealed
    }

    fn shorten(&mut self) {
        self.fetch(&mut [0; FRAME]);
        self.counts.shortened += 1;
        self.watch_anew();
    }

    /// Does more wait than is needed?
    fn watch(&mut self) {
        self.least = self.least.min(self.write - self.read);
        self.watched += 1;
        if self.watched == WATCHED {
            self.has_surplus = self.least >= TARGET + FRAME as i64;
            self.least = i64::MAX;
            self.watched = 0;
        }
    }

    /// Moves a frame out, silence where nothing is; how many samples are missing.
    fn fetch(&mut self, frame: &mut [i16; FRAME]) -> usize {
        let from = self.read.rem_euclid(RING as i64) as usize;
        let (first, second) = frame.split_at_mut(FRAME.min(RING - from));
        let mut missing = 0;
        for (part, at) in [(first, from), (second, 0)] {
            let is_there = &mut self.is_there[at..at + part.len()];
            part.copy_from_slice(&self.samples[at..at + part.len()]);
            if is_there.iter().all(|is_there| *is_there) {
                is_there.fill(false);
                continue;
            }
            for (sample, is_there) in part.iter_mut().zip(is_there) {
                if !std::mem::take(is_there) {
                    *sample = 0;
                    missing += 1;
                }
            }
        }
        self.read += FRAME as i64;
        missing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The code of a sample that says which frame it is of.
    fn payload(n: u32, length: usize) -> Vec<u8> {
        let mut codes = vec![0; length];
        let samples: Vec<i16> = (0..length).map(|_| level(n)).collect();
        g711::encode(Codec::Pcma, &samples, &mut codes);
        codes
    }

    /// Far enough apart to be told from each other after A-law, and never quiet.
    fn level(n: u32) -> i16 {
        1_000 + (n % 20) as i16 * 1_500
    }

    fn is_level(sample: i16, n: u32) -> bool {
        (i32::from(sample) - i32::from(level(n))).abs() <= i32::from(level(n)) / 16
    }

    struct Line {
        jitter: Jitter,
        frame: [i16; FRAME],
    }

    impl Line {
        fn new() -> Self {
            Self { jitter: Jitter::default(), frame: [0; FRAME] }
        }

        /// Packet `n` of 20 ms.
        fn put(&mut self, n: u32) {
            // Turns over within any test.
            let timestamp = u32::MAX.wrapping_sub(1_000).wrapping_add(n * FRAME as u32);
            self.jitter.put(timestamp, Codec::Pcma, &payload(n, FRAME));
        }

        fn take(&mut self) -> Played {
            self.jitter.take(&mut self.frame)
        }

        fn hears(&mut self, n: u32) -> bool {
            self.take() == Played::Sound && self.frame.iter().all(|sample| is_level(*sample, n))
        }
    }

    #[test]
    fn it_plays_40_ms_later_and_then_everything_once_in_order() {
        let mut line = Line::new();
        assert_eq!(line.take(), Played::Nothing, "before the first packet");
        for n in 0..100 {
            line.put(n);
            match n {
                0 | 1 => assert_eq!(line.take(), Played::Nothing, "{n}"),
                _ => assert!(line.hears(n - 2), "{n}"),
            }
        }
        assert_eq!(line.jitter.counts(), Counts::default());
        assert_eq!(line.jitter.depth(), 2 * FRAME as i64);
    }

    #[test]
    fn packets_of_10_to_60_ms_twice_and_short_ones_out_of_order_are_all_the_same() {
        for length in [80, 160, 240, 480] {
            let mut jitter = Jitter::default();
            let mut heard = Vec::new();
            for sent in 0..4_800 / length {
                // Those that 40 ms suffice for come in pairs swapped.
                let n = if length <= FRAME { sent ^ 1 } else { sent };
                for _ in 0..2 {
                    jitter.put((n * length) as u32, Codec::Pcmu, &vec![n as u8; length]);
                }
                let mut frame = [0; FRAME];
                while heard.len() + FRAME <= (sent + 1) * length {
                    jitter.take(&mut frame);
                    heard.extend(frame);
                }
            }
            let mut wanted = vec![0; 4_800];
            for (n, part) in wanted.chunks_mut(length).enumerate() {
                g711::decode(Codec::Pcmu, &vec![n as u8; length], part);
            }
            assert!(heard.windows(4_000).any(|part| part == &wanted[..4_000]), "{length}");
            assert_eq!(jitter.counts(), Counts::default(), "{length}");
        }
    }

    #[test]
    fn one_that_is_lost_is_made_up_and_fades_over_60_ms() {
        let mut line = Line::new();
        for n in 0..10 {
            line.put(n);
            line.take();
        }
        // 10 to 13 are lost: four frames.
        let mut peaks = Vec::new();
        for n in 14..24 {
            line.put(n);
            let played = line.take();
            peaks.push((played, line.frame.iter().copied().max().unwrap()));
        }
        let made_up: Vec<_> = peaks.iter().filter(|(played, _)| *played == Played::Concealed).collect();
        assert_eq!(made_up.len(), 4);
        assert_eq!(line.jitter.counts().concealed, 4);
        assert!(made_up.windows(2).all(|pair| pair[1].1 < pair[0].1), "{peaks:?}");
        assert_eq!(made_up[3].1, 0, "{peaks:?}");
        // The last of it is half way down in the middle of the third frame.
        assert!(made_up[2].1 <= level(9) / 3 + 200, "{peaks:?}");
    }

    #[test]
    fn what_is_made_up_goes_on_without_a_step() {
        let mut jitter = Jitter::default();
        let tone = |at: usize| (8_000.0 * (at as f64 * 0.3).sin()) as i16;
        let mut frame = [0; FRAME];
        let mut heard = Vec::new();
        for n in 0..12 {
            let samples: Vec<i16> = (0..FRAME).map(|i| tone(n * FRAME + i)).collect();
            let mut codes = [0; FRAME];
            g711::encode(Codec::Pcma, &samples, &mut codes);
            if n != 8 {
                jitter.put((n * FRAME) as u32, Codec::Pcma, &codes);
            }
            jitter.take(&mut frame);
            heard.extend(frame);
        }
        // Frame 8 is taken at tick 10; the largest step of the tone itself is 2 400.
        let edge = 10 * FRAME;
        assert_eq!(jitter.counts().concealed, 1);
        assert!((i32::from(heard[edge]) - i32::from(heard[edge - 1])).abs() < 2_500);
    }

    #[test]
    fn a_stall_of_60_ms_loses_nothing() {
        let mut line = Line::new();
        for n in 0..10 {
            line.put(n);
            line.take();
        }
        // Two frames wait; they are played, three are made up.
        let during: Vec<_> = (0..5).map(|_| line.take()).collect();
        assert_eq!(during[..2], [Played::Sound; 2]);
        assert_eq!(during[2..], [Played::Concealed; 3]);
        for n in 10..16 {
            line.put(n);
        }
        for n in 10..16 {
            assert!(line.hears(n), "{n}");
        }
        assert_eq!(line.jitter.counts().late, 0);
    }

    #[test]
    fn a_pause_begins_anew_and_one_that_was_told_is_not_made_up() {
        let mut line = Line::new();
        for n in 0..10 {
            line.put(n);
            line.take();
        }
        let after: Vec<_> = (0..20).map(|_| line.take()).collect();
        assert_eq!(after.iter().filter(|played| **played == Played::Concealed).count(), 3);
        assert_eq!(after[5..], [Played::Nothing; 15]);
        line.put(5_000);
        assert_eq!([line.take(), line.take()], [Played::Nothing; 2], "40 ms");
        assert!(line.hears(5_000));
        line.put(5_001);
        line.jitter.pause();
        assert!(line.hears(5_001));
        assert_eq!([line.take(), line.take()], [Played::Nothing; 2]);
        assert_eq!(line.jitter.counts().concealed, 3, "none for the pause that was told");
    }

    #[test]
    fn more_than_140_ms_that_wait_are_shortened() {
        let mut line = Line::new();
        (0..7).for_each(|n| line.put(n));
        // With the 40 ms in front that is 180 ms.
        assert_eq!(line.jitter.depth(), 9 * FRAME as i64);
        line.take();
        line.take();
        assert_eq!(line.jitter.counts().shortened, 1);
        let mut line = Line::new();
        (0..5).for_each(|n| line.put(n));
        assert_eq!(line.jitter.depth(), 7 * FRAME as i64);
        line.take();
        assert_eq!(line.jitter.counts().shortened, 0, "140 ms are not more than 140 ms");
    }

    #[test]
    fn a_sender_whose_clock_is_faster_is_shortened_and_a_slower_one_goes_on() {
        // 1 % is far more than clocks differ by.
        for (faster, slower) in [(100, 101), (101, 100)] {
            let mut line = Line::new();
            let (mut sent, mut silent_for, mut longest) = (0, 0, 0);
            for tick in 1..=20_000u32 {
                while sent * faster < tick * slower {
                    line.put(sent);
                    sent += 1;
                }
                silent_for = if line.take() == Played::Nothing { silent_for + 1 } else { 0 };
                longest = longest.max(silent_for);
            }
            let counts = line.jitter.counts();
            assert!(longest <= 2, "{longest} frames of silence at {faster}:{slower}");
            assert!(line.jitter.depth() <= MOST);
            if faster < slower {
                assert!((150..=210).contains(&counts.shortened), "{counts:?}");
            } else {
                assert!((150..=210).contains(&counts.concealed), "{counts:?}");
            }
        }
    }

    #[test]
    fn delay_that_a_stall_has_made_goes_away_while_nobody_speaks() {
        let mut line = Line::new();
        let quiet = |line: &mut Line, n: u32| {
            line.jitter.put(n * FRAME as u32, Codec::Pcma, &[0xd5; FRAME]);
        };
        (0..10).for_each(|n| {
            quiet(&mut line, n);
            line.take();
        });
        (0..5).for_each(|_| {
            line.take();
        });
        (10..15).for_each(|n| quiet(&mut line, n));
        assert_eq!(line.jitter.depth(), 5 * FRAME as i64);
        for n in 15..1_015 {
            quiet(&mut line, n);
            line.take();
        }
        assert_eq!(line.jitter.depth(), 2 * FRAME as i64, "as at the beginning");
    }

    #[test]
    fn one_late_packet_is_left_out_and_three_in_a_row_are_a_slower_stream() {
        let mut line = Line::new();
        for n in 0..10 {
            line.put(n);
            line.take();
        }
        line.put(2);
        line.put(3);
        assert_eq!(line.jitter.counts().late, 2);
        line.put(10);
        assert!(line.hears(8));
        // The other side has lost 100 ms, and its timestamps say nothing of it.
        (0..3).for_each(|n| line.put(n + 4));
        assert_eq!(line.jitter.counts(), Counts { late: 5, resynchronised: 1, ..Counts::default() });
        assert_eq!([line.take(), line.take()], [Played::Nothing; 2]);
        assert!(line.hears(6));
    }

    #[test]
    fn another_timestamp_begins_anew() {
        let mut line = Line::new();
        for n in 0..10 {
            line.put(n);
            line.take();
        }
        line.put(100_000);
        assert_eq!(line.jitter.counts().resynchronised, 1);
        line.put(100_001);
        line.put(100_002);
        assert_eq!([line.take(), line.take()], [Played::Nothing; 2]);
        assert!(line.hears(100_000));
    }

    proptest! {
        /// Whatever comes: never a panic, never more than the ring, and a steady stream afterwards is heard whole.
        #[test]
        fn no_stream_harms(steps in proptest::collection::vec((any::<u32>(), 0usize..1_000, 0u32..6), 0..100)) {
            let mut jitter = Jitter::default();
            let mut frame = [0; FRAME];
            let mut timestamp = 0u32;
            for (jump, length, kind) in steps {
                timestamp = match kind {
                    0 => jump,
                    1 => timestamp.wrapping_sub(jump % 2_000),
                    _ => timestamp.wrapping_add(160),
                };
                jitter.put(timestamp, Codec::Pcma, &vec![1; length]);
                prop_assert!(jitter.depth() <= RING as i64);
                if kind != 5 {
                    jitter.take(&mut frame);
                }
            }
            let mut sound = 0;
            for n in 0..100u32 {
                jitter.put(1_000_000 + n * 160, Codec::Pcma, &[1; FRAME]);
                sound += u32::from(jitter.take(&mut frame) == Played::Sound);
            }
            prop_assert!(sound >= 90, "{}", sound);
        }
    }
}
