//! What we sound ourselves: ring-back, the tones of coming and going, music for who waits. Computed once, no recordings.

use std::{f32::consts::TAU, sync::LazyLock};

use super::{FRAME, RATE};

/// China's ring-back tone (YD/T 1088): 450 Hz, 1 s on, 4 s off. At -16 dBFS.
static RINGBACK: LazyLock<Vec<i16>> = LazyLock::new(|| {
    let mut samples = tone(&[(450.0, 1.0)], 5_200.0);
    samples.resize(5 * RATE as usize, 0);
    samples
});

/// Somebody has come: upwards.
static JOIN: LazyLock<Vec<i16>> = LazyLock::new(|| tone(&[(660.0, 0.1), (880.0, 0.16)], 5_000.0));
/// Somebody has gone: downwards.
static LEAVE: LazyLock<Vec<i16>> = LazyLock::new(|| tone(&[(880.0, 0.1), (660.0, 0.16)], 5_000.0));

/// Eight bars in the pentatonic scale, in half tones above a' = 440 Hz, by quarters of 0.6 s; our own.
const MELODY: [i8; 32] =
    [-2, 0, 3, 5, 7, 5, 3, 0, -2, -5, -2, 0, 3, 0, -2, -5, 3, 5, 7, 10, 12, 10, 7, 5, 3, 5, 3, 0, -2, 0, -2, -9];
/// One a bar, below.
const BASS: [i8; 8] = [-14, -9, -14, -17, -9, -5, -9, -14];
const QUARTER: usize = 6 * RATE as usize / 10;
const MELODY_LENGTH: usize = MELODY.len() * QUARTER;

/// For who waits: 19.2 s that go round without a seam, mean -25 dBFS.
static MUSIC: LazyLock<Vec<i16>> = LazyLock::new(|| {
    let mut whole = vec![0.0; MELODY_LENGTH];
    for (n, half_tones) in MELODY.iter().enumerate() {
        pluck(&mut whole, n * QUARTER, *half_tones, 4_600.0, 0.9);
    }
    for (n, half_tones) in BASS.iter().enumerate() {
        pluck(&mut whole, n * 4 * QUARTER, *half_tones, 3_800.0, 1.8);
        pluck(&mut whole, (n * 4 + 2) * QUARTER, *half_tones + 7, 2_300.0, 1.2);
    }
    whole.iter().map(|sample| sample.clamp(-16_000.0, 16_000.0) as i16).collect()
});

pub(crate) fn ringback() -> &'static [i16] {
    &RINGBACK
}

pub(crate) fn join() -> &'static [i16] {
    &JOIN
}

pub(crate) fn leave() -> &'static [i16] {
    &LEAVE
}

pub(crate) fn music() -> &'static [i16] {
    &MUSIC
}

/// Tones (Hz, seconds) one after the other, each swelling and fading for 8 ms.
fn tone(parts: &[(f32, f32)], peak: f32) -> Vec<i16> {
    let edge = RATE as f32 * 0.008;
    let samples = parts.iter().flat_map(|(hertz, seconds)| {
        let length = (seconds * RATE as f32) as usize;
        (0..length).map(move |n| {
            let swell = (n.min(length - 1 - n) as f32 / edge).min(1.0);
            (peak * swell * (n as f32 * TAU * hertz / RATE as f32).sin()) as i16
        })
    });
    let mut samples: Vec<i16> = samples.collect();
    samples.resize(samples.len().next_multiple_of(FRAME), 0);
    samples
}

/// A string that is plucked and dies away, round the end of the whole.
fn pluck(whole: &mut [f32], at: usize, half_tones: i8, peak: f32, seconds: f32) {
    let hertz = 440.0 * 2.0_f32.powf(f32::from(half_tones) / 12.0);
    let length = (RATE as f32 * seconds * 1.5) as usize;
    for n in 0..length {
        let time = n as f32 / RATE as f32;
        let swell = (time / 0.012).min(1.0);
        let fade = (-time * 3.5 / seconds).exp() * (1.0 - n as f32 / length as f32);
        let string = (TAU * hertz * time).sin()
            + 0.35 * (2.0 * TAU * hertz * time).sin()
            + 0.12 * (3.0 * TAU * hertz * time).sin();
        whole[(at + n) % MELODY_LENGTH] += peak * swell * fade * string;
    }
}

/// How loud a tone is in what is heard (Goertzel), in dBFS: 0 is a sine of full height.
#[cfg(test)]
pub(crate) fn level(heard: &[i16], hertz: f32) -> f32 {
    let turn = f64::from(TAU * hertz / RATE as f32);
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in heard.iter().enumerate() {
        // Hann's window keeps a loud neighbour out.
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / heard.len() as f64).cos();
        let (sin, cos) = (turn * n as f64).sin_cos();
        real += f64::from(*sample) * window * cos;
        imaginary += f64::from(*sample) * window * sin;
    }
    let peak = real.hypot(imaginary) * 4.0 / heard.len().max(1) as f64;
    (20.0 * (peak / 32_768.0).max(1e-9).log10()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_back_is_450_hz_for_1_s_of_5() {
        let tone = ringback();
        assert_eq!(tone.len(), 40_000);
        let on = level(&tone[..8_000], 450.0);
        assert!((-17.0..-15.0).contains(&on), "{on}");
        assert!(level(&tone[..8_000], 440.0) < on - 40.0);
        assert!(tone[8_000..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn coming_goes_up_and_going_down() {
        let half = |samples: &[i16], hertz| level(&samples[..800], hertz);
        assert!(half(join(), 660.0) > half(join(), 880.0) + 20.0);
        assert!(half(leave(), 880.0) > half(leave(), 660.0) + 20.0);
        assert!(join().len().is_multiple_of(FRAME) && leave().len().is_multiple_of(FRAME));
    }

    #[test]
    fn music_is_soft_never_silent_for_long_and_has_no_seam() {
        let music = music();
        assert!(music.len().is_multiple_of(FRAME));
        let mean = |samples: &[i16]| {
            let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            10.0 * (sum / samples.len() as f64 / 32_768.0_f64.powi(2)).log10()
        };
        let whole = mean(music);
        assert!((-28.0..-20.0).contains(&whole), "{whole}");
        assert!(music.chunks(4_000).all(|part| mean(part) > -45.0));
        let step = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs();
        let largest = music.windows(2).map(|pair| step(pair[0], pair[1])).max().unwrap();
        assert!(step(music[0], music[music.len() - 1]) <= largest);
        assert!(music.iter().all(|sample| sample.unsigned_abs() < 16_000), "nothing is cut off");
    }

    #[test]
    fn a_level_is_that_of_a_sine() {
        let sine: Vec<i16> =
            (0..8_000).map(|n| (8_231.0 * (n as f32 * TAU * 440.0 / RATE as f32).sin()) as i16).collect();
        assert!((level(&sine, 440.0) + 12.0).abs() < 0.1);
        assert!(level(&sine, 800.0) < -80.0);
    }
}
