//! Who speaks: by the energy of each frame, with a beginning that a click does not make and an end that a breath does not.

use super::FRAME;

/// -40 dBFS (of a full square wave), mean square.
const LOUD: i64 = 328 * 328;
/// So many loud frames in a row are speech: 100 ms.
const BEGIN: u8 = 5;
/// So many quiet ones are its end: 600 ms.
const END: u8 = 30;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Begun,
    Ended,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Talk {
    is_talking: bool,
    /// Frames in a row that speak for a change.
    run: u8,
}

impl Talk {
    /// What somebody has said in the last 20 ms.
    pub(crate) fn hear(&mut self, frame: &[i16; FRAME]) -> Option<Edge> {
        let energy: i64 = frame.iter().map(|sample| i64::from(*sample) * i64::from(*sample)).sum();
        self.note(energy > LOUD * FRAME as i64)
    }

    /// Nothing came.
    pub(crate) fn hear_nothing(&mut self) -> Option<Edge> {
        self.note(false)
    }

    fn note(&mut self, is_loud: bool) -> Option<Edge> {
        if is_loud == self.is_talking {
            self.run = 0;
            return None;
        }
        self.run += 1;
        let enough = if is_loud { BEGIN } else { END };
        if self.run < enough {
            return None;
        }
        *self = Self { is_talking: is_loud, run: 0 };
        Some(if is_loud { Edge::Begun } else { Edge::Ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: [i16; FRAME] = [328; FRAME];
    const LOUD: [i16; FRAME] = [-329; FRAME];

    #[test]
    fn speech_begins_after_100_ms_and_ends_after_600() {
        let mut talk = Talk::default();
        for _ in 0..4 {
            assert_eq!(talk.hear(&LOUD), None);
        }
        assert_eq!(talk.hear(&LOUD), Some(Edge::Begun));
        for _ in 0..29 {
            assert_eq!(talk.hear_nothing(), None);
        }
        assert_eq!(talk.hear(&QUIET), Some(Edge::Ended));
    }

    #[test]
    fn a_click_is_no_speech_and_a_breath_no_end() {
        let mut talk = Talk::default();
        for n in 0..100 {
            assert_eq!(talk.hear(if n % 5 == 0 { &QUIET } else { &LOUD }), None);
        }
        assert!((0..5).any(|_| talk.hear(&LOUD).is_some()));
        for n in 0..100 {
            assert_eq!(talk.hear(if n % 30 == 0 { &LOUD } else { &QUIET }), None, "{n}");
        }
    }
}
