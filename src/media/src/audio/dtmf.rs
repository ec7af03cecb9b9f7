//! Keys: as events beside the sound (RFC 4733), and as tones in it (ITU-T Q.23) where the other side does not take events.

use std::f32::consts::TAU;

use bangban_domain::call::MAX_DIGITS;

use super::{FRAME, RATE};

/// The events of keys (RFC 4733, section 3.2), by number.
const KEYS: &[u8; 16] = b"0123456789*#ABCD";
/// How long a key is pressed: 100 ms.
const PRESSED: u8 = 5;
/// Between two keys: 100 ms.
const PAUSE: u8 = 5;
/// The end is said three times (RFC 4733, 2.5.1.4).
const ENDS: u8 = 3;
/// -10 dBm0.
const VOLUME: u8 = 10;

/// The key of an event.
const fn key(event: u8) -> Option<char> {
    if (event as usize) < KEYS.len() { Some(KEYS[event as usize] as char) } else { None }
}

/// The event of a key.
fn event(key: char) -> Option<u8> {
    KEYS.iter().position(|known| char::from(*known) == key.to_ascii_uppercase()).map(|n| n as u8)
}

/// Keys that come as events. Each is told once, whichever of its packets come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Receiver {
    /// Stream and timestamp of the last one, which all its packets have. Some exchanges send keys in a stream of their own.
    last: Option<(u32, u32)>,
}

impl Receiver {
    pub(crate) fn take(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let event = *payload.get(..4)?.first()?;
        // An old one that came late is not pressed again.
        let is_old = |(stream, last): (u32, u32)| stream == ssrc && timestamp.wrapping_sub(last).cast_signed() <= 0;
        if self.last.is_some_and(is_old) {
            return None;
        }
        let key = key(event)?;
        self.last = Some((ssrc, timestamp));
        Some(key)
    }
}

/// What is to be sent in a tick instead of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) payload: [u8; 4],
    /// Samples since the key was pressed: so much is its timestamp behind that of the sound.
    pub(crate) since: u32,
    pub(crate) is_first: bool,
}

/// Keys that are being pressed, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender {
    keys: [u8; MAX_DIGITS],
    begin: usize,
    count: usize,
    /// Ticks since the first of them was pressed.
    tick: u8,
}

impl Sender {
    /// Keys that there is room for wait; how many did not find any. What is no key is left out.
    pub(crate) fn press(&mut self, keys: &str) -> usize {
        let mut left_out = 0;
        for event in keys.chars().filter_map(event) {
            if self.count == MAX_DIGITS {
                left_out += 1;
                continue;
            }
            self.keys[(self.begin + self.count) % MAX_DIGITS] = event;
            self.count += 1;
        }
        left_out
    }

    pub(crate) const fn is_pressing(&self) -> bool {
        self.count > 0
    }

    /// Goes on by a tick: the key, and how many ticks ago it was pressed.
    fn step(&mut self) -> Option<(u8, u8)> {
        if self.count == 0 {
            return None;
        }
        let now = (self.keys[self.begin], self.tick);
        self.tick += 1;
        if self.tick == PRESSED + ENDS.max(PAUSE) {
            self.begin = (self.begin + 1) % MAX_DIGITS;
            self.count -= 1;
            self.tick = 0;
        }
        Some(now)
    }

    /// As an event; `None`: sound.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let (event, tick) = self.step()?;
        if tick >= PRESSED + ENDS - 1 {
            return None;
        }
        let duration = u16::from(tick.min(PRESSED - 1) + 1) * FRAME as u16;
        let end = if tick >= PRESSED - 1 { 0x80 } else { 0 };
        let [high, low] = duration.to_be_bytes();
        let payload = [event, end | VOLUME, high, low];
        Some(Event { payload, since: u32::from(tick) * FRAME as u32, is_first: tick == 0 })
    }

    /// As a tone over the sound; `false`: nothing is pressed now.
    pub(crate) fn next_tone(&mut self, frame: &mut [i16; FRAME]) -> bool {
        let Some((event, tick)) = self.step().filter(|(_, tick)| *tick < PRESSED) else { return false };
        let (low, high) = pair(event);
        for (n, sample) in (usize::from(tick) * FRAME..).zip(frame) {
            let at = n as f32 * TAU / RATE as f32;
            *sample = (4_000.0 * (at * low).sin() + 5_000.0 * (at * high).sin()) as i16;
        }
        true
    }
}

/// Row and column, in Hz.
const fn pair(event: u8) -> (f32, f32) {
    let (row, column) = match event {
        0 => (3, 1),
        1..=9 => ((event - 1) / 3, (event - 1) % 3),
        10 => (3, 0),
        11 => (3, 2),
        _ => ((event - 12) % 4, 3),
    };
    let low = match row {
        0 => 697.0,
        1 => 770.0,
        2 => 852.0,
        _ => 941.0,
    };
    let high = match column {
        0 => 1_209.0,
        1 => 1_336.0,
        2 => 1_477.0,
        _ => 1_633.0,
    };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_heard_once_whichever_of_its_packets_come() {
        let mut receiver = Receiver::default();
        // The first packet is lost, then the middle and the ends.
        assert_eq!(receiver.take(1, 1_000, &[5, 10, 1, 64]), Some('5'));
        assert_eq!(receiver.take(1, 1_000, &[5, 0x8a, 3, 32]), None);
        assert_eq!(receiver.take(1, 1_000, &[5, 0x8a, 3, 32]), None);
        assert_eq!(receiver.take(1, 2_600, &[11, 0x8a, 3, 32]), Some('#'), "only its end has come");
        assert_eq!(receiver.take(1, 2_600, &[11, 0x8a, 3, 32]), None);
        assert_eq!(receiver.take(1, 1_000, &[5, 0x8a, 3, 32]), None, "late");
        assert_eq!(receiver.take(1, 9_000, &[16, 0, 0, 0]), None, "a hook flash is no key");
        assert_eq!(receiver.take(1, 9_000, &[5, 0, 0]), None, "too short");
        assert_eq!(receiver.take(2, 10, &[0, 0, 0, 0]), Some('0'), "another stream has other timestamps");
        assert_eq!(receiver.take(2, 10, &[0, 0, 0, 0]), None);
    }

    #[test]
    fn every_key_there_and_back() {
        let mut sender = Sender::default();
        let keys = "0123456789*#ABCD";
        assert_eq!(sender.press(&keys.replace('5', " 5- ")), 0);
        let mut receiver = Receiver::default();
        let mut heard = String::new();
        for tick in 0..16 * 10u32 {
            assert!(sender.is_pressing());
            if let Some(event) = sender.next_event() {
                heard.extend(receiver.take(1, tick * 160 - event.since, &event.payload));
            }
        }
        assert_eq!(heard, keys);
        assert!(!sender.is_pressing() && sender.next_event().is_none());
    }

    #[test]
    fn a_key_takes_100_ms_ends_three_times_and_is_followed_by_a_pause() {
        let mut sender = Sender::default();
        sender.press("7");
        let sent: Vec<_> = (0..10).map(|_| sender.next_event()).collect();
        let payloads: Vec<_> = sent.iter().flatten().map(|event| event.payload).collect();
        assert_eq!(
            payloads,
            [
                [7, 10, 0, 160],
                [7, 10, 1, 64],
                [7, 10, 1, 224],
                [7, 10, 2, 128],
                [7, 0x8a, 3, 32],
                [7, 0x8a, 3, 32],
                [7, 0x8a, 3, 32],
            ]
        );
        assert_eq!(sent.iter().flatten().filter(|event| event.is_first).count(), 1);
        assert!(sent[7..].iter().all(Option::is_none));
    }

    #[test]
    fn more_than_32_keys_do_not_wait() {
        let mut sender = Sender::default();
        assert_eq!(sender.press(&"1".repeat(33)), 1);
        assert_eq!(sender.press("x"), 0);
    }

    #[test]
    fn tones_are_those_of_the_standard() {
        let wanted = [('1', 697.0, 1_209.0), ('0', 941.0, 1_336.0), ('#', 941.0, 1_477.0), ('D', 941.0, 1_633.0)];
        for (key, low, high) in wanted {
            let mut sender = Sender::default();
            sender.press(&key.to_string());
            let mut heard = Vec::new();
            for _ in 0..10 {
                let mut frame = [0; FRAME];
                let is_tone = sender.next_tone(&mut frame);
                assert_eq!(is_tone, frame != [0; FRAME]);
                heard.extend(frame);
            }
            let heard = &heard[..5 * FRAME];
            for tone in [697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0, 1_633.0] {
                let level = crate::audio::tone::level(heard, tone);
                assert_eq!(level > -25.0, tone == low || tone == high, "{key} {tone}: {level}");
            }
        }
    }
}
