//! Logistic regression by Newton's method: small enough to fit in process, from labels of the deployment's own questions.

use serde::{Deserialize, Serialize};

const STEPS: usize = 25;
const ENOUGH: f64 = 1e-8;

/// A weight an input, and a bias.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Log odds where all inputs are 0.
    pub bias: f64,
    /// What each input adds to the log odds.
    pub weights: Vec<f64>,
}

impl Logistic {
    /// The most likely weights of examples, pulled towards 0 by `ridge` on inputs of unit variance.
    #[must_use]
    pub fn fit(examples: &[(Vec<f64>, bool)], ridge: f64) -> Self {
        let size = examples.first().map_or(0, |(inputs, _)| inputs.len());
        let n = crate::count(examples.len().max(1));
        let mean: Vec<f64> = (0..size).map(|at| examples.iter().map(|(x, _)| x[at]).sum::<f64>() / n).collect();
        let spread: Vec<f64> = (0..size)
            .map(|at| (examples.iter().map(|(x, _)| (x[at] - mean[at]).powi(2)).sum::<f64>() / n).sqrt())
            .map(|spread| if spread > 1e-9 { spread } else { f64::INFINITY })
            .collect();
        // The last of the weights is the bias.
        let mut weights = vec![0.0; size + 1];
        let standard = |x: &[f64]| -> Vec<f64> {
            let scaled = x.iter().zip(mean.iter().zip(&spread)).map(|(x, (mean, spread))| (x - mean) / spread);
            scaled.chain([1.0]).collect()
        };
        let scaled: Vec<(Vec<f64>, f64)> =
            examples.iter().map(|(x, right)| (standard(x), if *right { 1.0 } else { 0.0 })).collect();
        for _ in 0..STEPS {
            let mut slope = vec![0.0; size + 1];
            let mut curve = vec![vec![0.0; size + 1]; size + 1];
            for (x, right) in &scaled {
                let p = logistic(x.iter().zip(&weights).map(|(x, w)| x * w).sum());
                let bend = (p * (1.0 - p)).max(1e-9);
                for (at, a) in x.iter().enumerate() {
                    slope[at] += (right - p) * a;
                    for (to, b) in x.iter().enumerate().take(at + 1) {
                        curve[at][to] += bend * a * b;
                    }
                }
            }
            for at in 0..=size {
                let pull = if at == size { 1e-6 } else { ridge };
                slope[at] -= pull * weights[at];
                curve[at][at] += pull;
            }
            let step = solve(curve, slope);
            for (weight, step) in weights.iter_mut().zip(&step) {
                *weight += step;
            }
            if step.iter().all(|step| step.abs() < ENOUGH) {
                break;
            }
        }
        let bias = weights.pop().unwrap_or(0.0);
        let weights: Vec<f64> = weights.iter().zip(&spread).map(|(weight, spread)| weight / spread).collect();
        let shift: f64 = weights.iter().zip(&mean).map(|(weight, mean)| weight * mean).sum();
        Self { bias: bias - shift, weights }
    }

    /// Log odds.
    #[must_use]
    pub fn log_odds(&self, inputs: &[f64]) -> f64 {
        self.bias + inputs.iter().zip(&self.weights).map(|(x, w)| x * w).sum::<f64>()
    }

    /// 0..1.
    #[must_use]
    pub fn probability(&self, inputs: &[f64]) -> f64 {
        logistic(self.log_odds(inputs))
    }
}

pub(crate) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Cholesky; `curve` is symmetric and positive, its lower half is read.
fn solve(mut curve: Vec<Vec<f64>>, slope: Vec<f64>) -> Vec<f64> {
    let n = slope.len();
    for at in 0..n {
        for to in 0..=at {
            let inner: f64 = (0..to).map(|k| curve[at][k] * curve[to][k]).sum();
            let rest = curve[at][to] - inner;
            curve[at][to] = if at == to { rest.max(1e-12).sqrt() } else { rest / curve[to][to] };
        }
    }
    let mut out = slope;
    for at in 0..n {
        let inner: f64 = (0..at).map(|k| curve[at][k] * out[k]).sum();
        out[at] = (out[at] - inner) / curve[at][at];
    }
    for at in (0..n).rev() {
        let inner: f64 = (at + 1..n).map(|k| curve[k][at] * out[k]).sum();
        out[at] = (out[at] - inner) / curve[at][at];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_weights_that_made_the_labels() {
        // Labels drawn by a fixed sequence from known odds: x counts twice, y once the other way.
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(1_u32 << 31)
        };
        let examples: Vec<(Vec<f64>, bool)> = (0..20_000)
            .map(|_| {
                let (x, y) = (next() * 4.0 - 2.0, next() * 4.0 - 2.0);
                (vec![x, y, 7.0], next() < logistic(2.0 * x - y + 0.5))
            })
            .collect();
        let found = Logistic::fit(&examples, 1.0);
        assert!((found.weights[0] - 2.0).abs() < 0.1, "{found:?}");
        assert!((found.weights[1] + 1.0).abs() < 0.1, "{found:?}");
        assert!(found.weights[2].abs() < 1e-9, "an input that never changes says nothing: {found:?}");
        assert!((found.bias - 0.5).abs() < 0.1, "{found:?}");
    }
}
