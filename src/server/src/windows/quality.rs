//! How well it goes: a light for each seat, and what is remembered of a window when it is over.

use std::{collections::BTreeMap, time::Duration};

use bangban_domain::window::{Medium, Seat};
use bangban_media::{LegQuality, Quality};
use bangban_protocol::QualityLight;
use bangban_store::Json;
use serde::Serialize;

use crate::privacy::json;

/// Share of lost packets from which on one notices something, and from which on it disturbs. Pictures are repaired by asking
/// again, which at 2 % costs a few frames a second; a voice with 10 % loses syllables in spite of Opus' own repair.
const LOSS: (f32, f32) = (0.02, 0.10);
/// There and back. ITU-T G.114: up to 150 ms one way most people notice nothing, beyond 400 ms it is not acceptable.
const ROUND_TRIP: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(800));

/// The worst of what was measured.
pub(super) fn light(quality: &Quality) -> QualityLight {
    let legs = quality.sends.iter().chain(&quality.receives);
    let loss = legs.filter_map(|leg| leg.loss).chain(quality.loss).fold(0.0, f32::max);
    let round_trip = quality.round_trip.unwrap_or_default();
    if loss >= LOSS.1 || round_trip >= ROUND_TRIP.1 {
        QualityLight::Poor
    } else if loss >= LOSS.0 || round_trip >= ROUND_TRIP.0 {
        QualityLight::Fair
    } else {
        QualityLight::Good
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Sends,
    Receives,
}

/// What was measured on one seat.
#[derive(Debug, Default)]
struct Tally {
    lights: [u32; 3],
    legs: BTreeMap<(Direction, Medium), Leg>,
}

#[derive(Debug, Default)]
struct Leg {
    samples: u32,
    bitrate: u64,
    loss: Mean,
    round_trip: Mean,
    repeats: u64,
    key_frames: u64,
}

/// Of what somebody has said.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
    worst: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
        self.worst = self.worst.max(value);
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// Of all seats of a window, since it began.
#[derive(Debug, Default)]
pub(super) struct Record(BTreeMap<Seat, Tally>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatRecord {
    seat: Seat,
    /// How often each light was measured.
    good: u32,
    fair: u32,
    poor: u32,
    legs: Vec<LegRecord>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LegRecord {
    direction: Direction,
    medium: Medium,
    samples: u32,
    /// Bits a second.
    bitrate: u64,
    loss: Option<f64>,
    worst_loss: Option<f64>,
    round_trip_ms: Option<f64>,
    worst_round_trip_ms: Option<f64>,
    repeats: u64,
    key_frames: u64,
}

impl Record {
    pub(super) fn add(&mut self, seat: Seat, quality: &Quality) {
        let tally = self.0.entry(seat).or_default();
        tally.lights[light(quality) as usize] += 1;
        let sides = [(Direction::Sends, &quality.sends), (Direction::Receives, &quality.receives)];
        for (direction, legs) in sides {
            for LegQuality { medium, bitrate, loss, round_trip, nacks, key_frames, .. } in legs {
                let leg = tally.legs.entry((direction, *medium)).or_default();
                leg.samples += 1;
                leg.bitrate += bitrate;
                if let Some(loss) = loss {
                    leg.loss.add(f64::from(*loss));
                }
                if let Some(span) = round_trip {
                    leg.round_trip.add(span.as_secs_f64() * 1_000.0);
                }
                leg.repeats += nacks;
                leg.key_frames += key_frames;
            }
        }
    }

    /// For the window's row; no more than a few numbers for each seat.
    pub(super) fn written(&self) -> Json {
        let rounded = |value: Option<f64>| value.map(|value| (value * 1_000.0).round() / 1_000.0);
        let worst = |mean: &Mean| rounded((mean.count > 0).then_some(mean.worst));
        let leg = |((direction, medium), leg): (&(Direction, Medium), &Leg)| LegRecord {
            direction: *direction,
            medium: *medium,
            samples: leg.samples,
            bitrate: leg.bitrate / u64::from(leg.samples.max(1)),
            loss: rounded(leg.loss.mean()),
            worst_loss: worst(&leg.loss),
            round_trip_ms: rounded(leg.round_trip.mean()),
            worst_round_trip_ms: worst(&leg.round_trip),
            repeats: leg.repeats,
            key_frames: leg.key_frames,
        };
        let seats = self.0.iter().map(|(seat, tally)| {
            let [good, fair, poor] = tally.lights;
            SeatRecord { seat: *seat, good, fair, poor, legs: tally.legs.iter().map(leg).collect() }
        });
        json(&serde_json::json!({ "seats": seats.collect::<Vec<_>>() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(loss: f32, ms: u64) -> Quality {
        let leg = LegQuality {
            participant: None,
            medium: Medium::Voice,
            bitrate: 32_000,
            loss: Some(loss),
            jitter: None,
            round_trip: Some(Duration::from_millis(ms)),
            nacks: 2,
            key_frames: 0,
        };
        Quality { sends: vec![leg], receives: Vec::new(), round_trip: Some(Duration::from_millis(ms)), loss: None }
    }

    #[test]
    fn the_worst_measure_gives_the_light() {
        for (loss, ms, expected) in [
            (0.0, 0, QualityLight::Good),
            (0.019, 299, QualityLight::Good),
            (0.02, 0, QualityLight::Fair),
            (0.0, 300, QualityLight::Fair),
            (0.099, 799, QualityLight::Fair),
            (0.1, 0, QualityLight::Poor),
            (0.0, 800, QualityLight::Poor),
        ] {
            assert_eq!(light(&measured(loss, ms)), expected, "{loss} {ms}");
        }
        assert_eq!(light(&Quality::default()), QualityLight::Good, "nobody complains");
    }

    #[test]
    fn what_is_remembered_are_means_and_the_worst() {
        let mut record = Record::default();
        record.add(Seat::Citizen, &measured(0.0, 100));
        record.add(Seat::Citizen, &measured(0.3, 200));
        let written: serde_json::Value = serde_json::from_str(record.written().as_str()).unwrap();
        let seat = &written["seats"][0];
        assert_eq!(
            (seat["seat"].as_str(), seat["good"].as_u64(), seat["poor"].as_u64()),
            (Some("citizen"), Some(1), Some(1))
        );
        let leg = &seat["legs"][0];
        assert_eq!(
            (leg["bitrate"].as_u64(), leg["samples"].as_u64(), leg["repeats"].as_u64()),
            (Some(32_000), Some(2), Some(4))
        );
        assert_eq!((leg["loss"].as_f64(), leg["worstLoss"].as_f64()), (Some(0.15), Some(0.3)));
        assert_eq!((leg["roundTripMs"].as_f64(), leg["worstRoundTripMs"].as_f64()), (Some(150.0), Some(200.0)));
    }
}
