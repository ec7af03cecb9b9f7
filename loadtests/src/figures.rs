//! Latencies, whole: every sample is kept until the end, so a percentile is exact.

use std::time::Duration;

/// Samples in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Takes one.
    pub(crate) fn add(&mut self, span: Duration) {
        self.0.push(u32::try_from(span.as_micros()).unwrap_or(u32::MAX));
    }

    /// The value that `share` (0..=1) of the samples do not exceed, in milliseconds; `None` without samples.
    pub(crate) fn percentile_ms(&mut self, share: f64) -> Option<f64> {
        self.0.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.clamp(1, self.0.len().max(1)) - 1).map(|us| f64::from(*us) / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile_ms(0.5), None);
        for ms in (1..=100).rev() {
            latencies.add(Duration::from_millis(ms));
        }
        let at = |share| latencies.percentile_ms(share);
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(at), [Some(1.0), Some(50.0), Some(99.0), Some(100.0)]);
    }
}
