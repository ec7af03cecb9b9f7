//! Tones: said, and found again.

use std::f64::consts::TAU;

use crate::RATE;

/// So many milliseconds of a sine at -12 dBFS as a WAV, or of silence.
///
/// # Panics
/// If it is longer than a WAV may be.
#[must_use]
pub fn wav(tone: Option<f64>, milliseconds: usize) -> Vec<u8> {
    let samples = RATE * milliseconds / 1_000;
    let mut bytes = b"RIFF".to_vec();
    let size = u32::try_from(samples * 2).expect("small");
    bytes.extend((size + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    for n in 0..samples {
        let angle = tone.map_or(0.0, |hertz| TAU * hertz * n as f64 / RATE as f64);
        bytes.extend(((angle.sin() * 32_767.0 * 0.251_19) as i16).to_le_bytes());
    }
    bytes
}

/// How loud a tone is in some sound, in dB below the loudest sine (Goertzel's algorithm under a Hann window, so that other tones
/// beside it do not pass for it).
#[must_use]
pub fn level(samples: &[i16], hertz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hertz / RATE as f64).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * n as f64 / samples.len() as f64).cos();
        let zero = f64::from(*sample) / 32_768.0 * window + coefficient * one - two;
        (two, one) = (one, zero);
    }
    let power = one * one + two * two - coefficient * one * two;
    // The window takes half of it.
    20.0 * (4.0 * power.max(0.0).sqrt() / samples.len() as f64).max(1e-9).log10()
}

/// The second that ends half a second before the end.
///
/// # Panics
/// If it is not as long.
#[must_use]
pub fn last_second(samples: &[i16]) -> &[i16] {
    let end = samples.len().checked_sub(RATE / 2).expect("it was heard long enough");
    &samples[end.checked_sub(RATE).expect("it was heard long enough")..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_at_its_level_and_nowhere_else() {
        let bytes = wav(Some(440.0), 1_000);
        let samples: Vec<i16> = bytes[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        assert!((level(&samples, 440.0) + 12.0).abs() < 0.1, "{}", level(&samples, 440.0));
        for other in [425.0, 800.0, 1_330.0] {
            assert!(level(&samples, other) < -80.0, "{other}: {}", level(&samples, other));
        }
    }
}
