//! Weights and thresholds: what `weights/model.json` has, and what a deployment fits for itself.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::{Band, rank::Weights};

static BUILT_IN: LazyLock<Arc<Model>> = LazyLock::new(|| {
    let read = serde_json::from_str(include_str!("../weights/model.json"));
    #[expect(clippy::expect_used, reason = "part of the program, and read by its tests")]
    Arc::new(read.expect("weights/model.json is whole"))
});

/// How a question becomes a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Ranker and calibrator.
    pub weights: Weights,
    /// From a probability to a decision.
    pub thresholds: Thresholds,
}

/// From a probability to a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// What this set of weights and thresholds is called.
    pub version: String,
    /// At or above this the best entry may be answered outright.
    pub answer: f64,
    /// At or above this, when there is no outright answer, the citizen is asked which entry was meant; below it a person takes
    /// over.
    pub clarify: f64,
    /// Between the two: at or above this what would be asked back is proposed to a person who checks it, where one is there;
    /// `None`: nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<f64>,
}

impl Thresholds {
    /// What a probability leads to.
    #[must_use]
    pub fn band(&self, probability: f64) -> Band {
        match probability {
            p if p >= self.answer => Band::Answer,
            p if self.approve.is_some_and(|level| p >= level) => Band::Approve,
            p if p >= self.clarify => Band::Clarify,
            _ => Band::HandOver,
        }
    }
}

impl Model {
    /// The shipped one.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&BUILT_IN)
    }
}
