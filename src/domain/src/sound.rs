//! What a page may send to have speech recognised: WAV, PCM of 16 bits, one channel.

use crate::time::{Millis, SECOND};

/// Shortest and longest speech; a page stops a moment late.
pub const LEAST_SPEECH: Millis = 300;
/// See [`LEAST_SPEECH`].
pub const MOST_SPEECH: Millis = 61 * SECOND;

/// Why it is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSound {
    /// Something else.
    #[error("must be WAV: PCM, 16 bits, one channel, 8 to 48 kHz")]
    NotWav,
    /// Too short or too long.
    #[error("must have 0.3 to 60 seconds")]
    Length,
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let part = bytes.get(at..at.checked_add(length)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Length of the speech.
///
/// # Errors
/// [`BadSound`].
pub fn speech_length(bytes: &[u8]) -> Result<Millis, BadSound> {
    let length = wav_length(bytes).ok_or(BadSound::NotWav)?;
    if (LEAST_SPEECH..=MOST_SPEECH).contains(&length) { Ok(length) } else { Err(BadSound::Length) }
}

fn wav_length(bytes: &[u8]) -> Option<Millis> {
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut rate) = (12_usize, None);
    loop {
        let name = bytes.get(at..at.checked_add(4)?)?;
        let size = number(bytes, at + 4, 4)?;
        let body = at + 8;
        if name == b"fmt " {
            let facts = [(0, 2), (2, 2), (14, 2)].map(|(place, length)| number(bytes, body + place, length));
            let found = number(bytes, body + 4, 4)?;
            if size < 16 || facts != [Some(1), Some(1), Some(16)] || !(8_000..=48_000).contains(&found) {
                return None;
            }
            rate = Some(found);
        } else if name == b"data" {
            // As long as it says, and not a byte more than came.
            if bytes.len().checked_sub(body)? < size {
                return None;
            }
            return Millis::try_from(size / 2 * 1_000 / rate?).ok();
        }
        // Parts begin at even places.
        at = body.checked_add(size)?.checked_add(size % 2)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn wav(rate: u32, channels: u16, samples: usize) -> Vec<u8> {
        let size = u32::try_from(samples * 2).unwrap();
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((size + 36).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend([1_u16.to_le_bytes(), channels.to_le_bytes()].concat());
        bytes.extend([rate.to_le_bytes(), (rate * 2).to_le_bytes()].concat());
        bytes.extend([2_u16.to_le_bytes(), 16_u16.to_le_bytes()].concat());
        bytes.extend(b"data");
        bytes.extend(size.to_le_bytes());
        bytes.extend(vec![0; samples * 2]);
        bytes
    }

    #[test]
    fn speech_is_measured_and_what_is_none_is_refused() {
        assert_eq!(speech_length(&wav(16_000, 1, 16_000)), Ok(1_000));
        assert_eq!(speech_length(&wav(8_000, 1, 4_000)), Ok(500));
        assert_eq!(speech_length(&wav(16_000, 1, 4_799)), Err(BadSound::Length));
        assert_eq!(speech_length(&wav(16_000, 1, 4_800)), Ok(300));
        assert_eq!(speech_length(&wav(16_000, 1, 976_000)), Ok(61_000));
        assert_eq!(speech_length(&wav(16_000, 1, 976_100)), Err(BadSound::Length));
        assert_eq!(speech_length(&wav(16_000, 2, 16_000)), Err(BadSound::NotWav));
        assert_eq!(speech_length(&wav(4_000, 1, 16_000)), Err(BadSound::NotWav));
        let mut cut = wav(16_000, 1, 16_000);
        cut.pop();
        assert_eq!(speech_length(&cut), Err(BadSound::NotWav), "it says more than came");
        assert_eq!(speech_length(b"<html>"), Err(BadSound::NotWav));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_looked_at_without_harm(bytes in vec(any::<u8>(), 0..200), place in 0_usize..60, byte: u8) {
            let _ = speech_length(&bytes);
            let mut bent = wav(16_000, 1, 16_000);
            if let Some(one) = bent.get_mut(place) {
                *one = byte;
            }
            if let Ok(length) = speech_length(&bent) {
                prop_assert!((LEAST_SPEECH..=MOST_SPEECH).contains(&length));
            }
        }
    }
}
