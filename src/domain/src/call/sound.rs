//! How the legs of calls sound: what the mixer counts of each every 5 s becomes a light while the call lasts, and one record
//! when the leg is over. The record is what the figures of sound are counted from.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{figures::Rate, io::LegId, vocabulary::CallPart};
use crate::{
    Timestamp,
    time::{MINUTE, Millis},
    words::words,
};

/// More lost than this, per mille, and one notices it. What is made up in its place is not heard as a gap up to there.
pub const FAIR_LOSS: u64 = 20;
/// More than this, and it disturbs: syllables are missing.
pub const POOR_LOSS: u64 = 80;
/// The mixer tells the last of a leg within some ticks; who has not heard of it by then will not.
const LAST_WORDS: Millis = MINUTE;

words! {
    /// How a leg sounds.
    Light {
        /// Nobody notices anything.
        Good = "good",
        /// One notices, and can go on.
        Fair = "fair",
        /// It disturbs.
        Poor = "poor",
    }
}

/// What was counted of a leg since the last time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    /// Packets that came.
    pub received: u32,
    /// Packets that did not.
    pub lost: u32,
    /// Packets that came when their time was over.
    pub late: u32,
    /// Frames of 20 ms that were made up.
    pub concealed: u32,
    /// Ticks of the mixer that began 5 ms late or more.
    pub late_ticks: u32,
    /// Interarrival jitter (RFC 3550, 6.4.1).
    pub jitter: Duration,
    /// There and back; `None`: not known.
    pub round_trip: Option<Duration>,
    /// What the other side says is lost of what we send, 0 to 1; `None`: not known.
    pub peer_loss: Option<f32>,
}

impl Sample {
    const fn loss(&self) -> Rate {
        Rate { hits: self.lost as u64, of: self.lost as u64 + self.received as u64 }
    }

    fn peer_loss_per_mille(&self) -> Option<u64> {
        self.peer_loss.map(|loss| (loss.clamp(0.0, 1.0) * 1_000.0).round() as u64)
    }

    /// The worse of both directions.
    #[must_use]
    pub fn light(&self) -> Light {
        let loss = self.loss();
        let is_over = |limit| loss.hits * 1_000 > loss.of * limit || self.peer_loss_per_mille() > Some(limit);
        if is_over(POOR_LOSS) {
            Light::Poor
        } else if is_over(FAIR_LOSS) {
            Light::Fair
        } else {
            Light::Good
        }
    }

    /// Has anything come or been said? Of a leg that is on hold, or never spoke, there is nothing to judge.
    const fn says_something(&self) -> bool {
        self.received > 0 || self.lost > 0 || self.peer_loss.is_some()
    }
}

/// Values of many samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The largest.
    pub worst: u64,
}

impl Spread {
    const fn add(&mut self, value: u64) {
        self.count += 1;
        self.sum += value;
        if value > self.worst {
            self.worst = value;
        }
    }

    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.worst = self.worst.max(other.worst);
    }

    /// Rounded; `None`: there are none.
    #[must_use]
    pub fn mean(&self) -> Option<u64> {
        (self.count > 0).then(|| (self.sum + self.count / 2) / self.count)
    }
}

/// How a leg has sounded, or several together. As JSON it is in the leg's row: what is added here later is missing there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LegSound {
    /// Packets that came.
    pub received: u64,
    /// Packets that did not.
    pub lost: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    /// Frames of 20 ms that were made up.
    pub concealed: u64,
    /// Ticks of the mixer that began 5 ms late or more.
    pub late_ticks: u64,
    /// How often it was measured: every 5 s, unless nothing came.
    pub samples: u64,
    /// How often one noticed something.
    pub fair: u64,
    /// How often it disturbed.
    pub poor: u64,
    /// Loss of the worst 5 s, per mille.
    pub worst_loss: u64,
    /// Interarrival jitter, in microseconds.
    pub jitter: Spread,
    /// There and back, in microseconds.
    pub round_trip: Spread,
    /// What the other side said was lost of what we sent, per mille.
    pub peer_loss: Spread,
}

impl LegSound {
    /// What was counted since the last time.
    pub fn add(&mut self, sample: &Sample) {
        self.received += u64::from(sample.received);
        self.lost += u64::from(sample.lost);
        self.late += u64::from(sample.late);
        self.concealed += u64::from(sample.concealed);
        self.late_ticks += u64::from(sample.late_ticks);
        if !sample.says_something() {
            return;
        }
        self.samples += 1;
        match sample.light() {
            Light::Good => {}
            Light::Fair => self.fair += 1,
            Light::Poor => self.poor += 1,
        }
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let loss = sample.loss();
        if let Some(permille) = (loss.hits * 1_000).checked_div(loss.of) {
            self.worst_loss = self.worst_loss.max(permille);
            self.jitter.add(micros(sample.jitter));
        }
        if let Some(time) = sample.round_trip {
            self.round_trip.add(micros(time));
        }
        if let Some(loss) = sample.peer_loss_per_mille() {
            self.peer_loss.add(loss);
        }
    }

    /// Another leg.
    pub fn join(&mut self, other: &Self) {
        self.received += other.received;
        self.lost += other.lost;
        self.late += other.late;
        self.concealed += other.concealed;
        self.late_ticks += other.late_ticks;
        self.samples += other.samples;
        self.fair += other.fair;
        self.poor += other.poor;
        self.worst_loss = self.worst_loss.max(other.worst_loss);
        self.jitter.join(&other.jitter);
        self.round_trip.join(&other.round_trip);
        self.peer_loss.join(&other.peer_loss);
    }

    /// Packets that did not come / that were sent.
    #[must_use]
    pub const fn loss(&self) -> Rate {
        Rate { hits: self.lost, of: self.lost + self.received }
    }

    /// How bad it was, for a list with the worst first.
    #[must_use]
    pub fn badness(&self) -> Badness {
        let loss = self.loss();
        Badness {
            poor: self.poor,
            worst_loss: self.worst_loss,
            loss: (loss.hits * 1_000).checked_div(loss.of).unwrap_or_default(),
            peer_loss: self.peer_loss.mean().unwrap_or_default(),
        }
    }
}

words! {
    /// In which order legs are listed.
    LegOrder {
        /// Who sounded worst first.
        Worst = "worst",
        /// The latest call first.
        Latest = "latest",
    }
}

/// How badly a leg sounded; the larger, the worse. What counts first stands first: how often it disturbed, how bad it was at the
/// worst, how much was missing of all that was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Badness {
    /// Times of 5 s in which it disturbed.
    pub poor: u64,
    /// Loss of the worst 5 s, per mille.
    pub worst_loss: u64,
    /// Loss of the whole leg, per mille.
    pub loss: u64,
    /// Mean of what the other side said was lost of what we sent, per mille.
    pub peer_loss: u64,
}

/// A leg that is over and was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardLeg {
    /// Which.
    pub leg: LegId,
    /// As what.
    pub part: CallPart,
    /// How.
    pub sound: LegSound,
}

/// Sound of the legs of one part, for the figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Legs that disturbed for 5 s at least / legs that were measured.
    pub disturbed: Rate,
    /// All of them together.
    pub sound: LegSound,
}

/// One more leg, for who reads them page by page.
pub fn add_heard(found: &mut BTreeMap<CallPart, Heard>, leg: &HeardLeg) {
    if leg.sound.samples > 0 {
        let heard = found.entry(leg.part).or_default();
        heard.disturbed.add(leg.sound.poor > 0);
        heard.sound.join(&leg.sound);
    }
}

/// One leg that is measured.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    sound: LegSound,
    ended_at: Option<Timestamp>,
    is_last: bool,
}

impl Measured {
    fn said(&self) -> Option<LegSound> {
        (self.sound != LegSound::default()).then_some(self.sound)
    }
}

/// The legs that are measured now, from their first sample to their last. A leg's end and its last sample come in any order.
#[derive(Debug, Clone, Default)]
pub struct Sounds(BTreeMap<LegId, Measured>);

impl Sounds {
    /// What was counted of a leg that has a row; `is_last`: nothing more comes. What its row is to say, if it is over and
    /// there is anything to say.
    pub fn add(&mut self, leg: LegId, sample: &Sample, is_last: bool, has_row: bool) -> Option<LegSound> {
        if !has_row && !self.0.contains_key(&leg) {
            return None;
        }
        let measured = self.0.entry(leg).or_default();
        measured.sound.add(sample);
        measured.is_last |= is_last;
        let found = *measured;
        found.ended_at?;
        if found.is_last {
            self.0.remove(&leg);
        }
        found.said()
    }

    /// A leg is over, told once. What its row is to say, as far as it is known: the last 5 s may follow.
    pub fn end(&mut self, now: Timestamp, leg: LegId) -> Option<LegSound> {
        self.0.retain(|_, other| other.ended_at.is_none_or(|at| now.since(at) < LAST_WORDS));
        let measured = self.0.entry(leg).or_default();
        measured.ended_at = Some(now);
        let found = *measured;
        if found.is_last {
            self.0.remove(&leg);
        }
        found.said()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallId;

    const LEG: LegId = LegId { call: CallId::new(1), no: 2 };

    fn sample(received: u32, lost: u32) -> Sample {
        Sample { received, lost, ..Sample::default() }
    }

    #[test]
    fn more_than_20_per_mille_is_noticed_and_more_than_80_disturbs_in_either_direction() {
        let heard = |loss| Sample { peer_loss: Some(loss), ..sample(250, 0) };
        for (sample, light) in [
            (sample(980, 20), Light::Good),
            (sample(979, 21), Light::Fair),
            (sample(920, 80), Light::Fair),
            (sample(919, 81), Light::Poor),
            (heard(0.020), Light::Good),
            (heard(0.021), Light::Fair),
            (heard(0.080), Light::Fair),
            (heard(0.081), Light::Poor),
            (Sample { peer_loss: Some(0.5), ..sample(1_000, 0) }, Light::Poor),
            (Sample::default(), Light::Good),
        ] {
            assert_eq!(sample.light(), light, "{sample:?}");
        }
    }

    #[test]
    fn the_worst_disturbed_most_often_then_most_at_one_time_then_altogether() {
        let peer = |sum| Spread { count: 1, sum, worst: sum };
        let leg = |poor, worst_loss, lost, heard| LegSound {
            received: 1_000 - lost,
            lost,
            samples: 9,
            poor,
            worst_loss,
            peer_loss: peer(heard),
            ..LegSound::default()
        };
        let from_worst = [
            leg(2, 81, 10, 0),
            leg(1, 500, 10, 0),
            leg(1, 90, 30, 0),
            leg(1, 90, 20, 9),
            leg(1, 90, 20, 8),
            leg(0, 80, 70, 70),
            LegSound::default(),
        ];
        assert!(from_worst.is_sorted_by(|one, next| one.badness() > next.badness()));
        assert_eq!(leg(1, 90, 25, 8).badness(), Badness { poor: 1, worst_loss: 90, loss: 25, peer_loss: 8 });
        assert_eq!(LegSound::default().badness(), Badness::default(), "of nothing nothing is lost");
    }

    /// Counted by hand.
    #[test]
    fn a_record_is_the_sum_the_means_and_the_worst() {
        let ms = Duration::from_millis;
        let mut sound = LegSound::default();
        sound.add(&Sample { jitter: ms(2), round_trip: Some(ms(40)), late: 1, concealed: 3, ..sample(240, 10) });
        sound.add(&Sample { jitter: ms(9), round_trip: Some(ms(90)), late_ticks: 2, ..sample(200, 50) });
        sound.add(&Sample { jitter: ms(1), peer_loss: Some(0.03), ..sample(250, 0) });
        // On hold: nothing came.
        sound.add(&Sample { jitter: ms(1), late_ticks: 1, ..Sample::default() });
        let spread = |count, sum, worst| Spread { count, sum, worst };
        let wanted = LegSound {
            received: 690,
            lost: 60,
            late: 1,
            concealed: 3,
            late_ticks: 3,
            samples: 3,
            fair: 2,
            poor: 1,
            worst_loss: 200,
            jitter: spread(3, 12_000, 9_000),
            round_trip: spread(2, 130_000, 90_000),
            peer_loss: spread(1, 30, 30),
        };
        assert_eq!(sound, wanted);
        assert_eq!((sound.loss(), sound.jitter.mean()), (Rate { hits: 60, of: 750 }, Some(4_000)));
        assert_eq!(Spread::default().mean(), None);
        let mut both = sound;
        both.join(&sound);
        assert_eq!((both.lost, both.samples, both.jitter), (120, 6, spread(6, 24_000, 9_000)));
    }

    #[test]
    fn a_record_comes_back_from_its_row_and_an_older_one_too() {
        let mut sound = LegSound::default();
        sound.add(&Sample { jitter: Duration::from_micros(1_500), ..sample(9, 1) });
        let text = serde_json::to_string(&sound).unwrap();
        assert_eq!(serde_json::from_str::<LegSound>(&text).unwrap(), sound);
        assert!(text.contains(r#""worstLoss":100"#), "{text}");
        let older: LegSound = serde_json::from_str(r#"{"received":9,"lost":1}"#).unwrap();
        assert_eq!((older.received, older.loss()), (9, Rate { hits: 1, of: 10 }));
    }

    #[test]
    fn the_end_of_a_leg_and_its_last_words_come_in_any_order() {
        let (mut sounds, now) = (Sounds::default(), Timestamp(0));
        let whole = |sounds: &mut Sounds| {
            assert_eq!(sounds.add(LEG, &sample(250, 0), false, true), None, "it is not over");
        };
        // The end first.
        whole(&mut sounds);
        assert_eq!(sounds.end(now, LEG).map(|sound| sound.received), Some(250));
        assert_eq!(
            sounds.add(LEG, &sample(10, 5), true, false).map(|sound| sound.loss()),
            Some(Rate { hits: 5, of: 265 })
        );
        assert!(sounds.0.is_empty());
        // The last words first.
        whole(&mut sounds);
        assert_eq!(sounds.add(LEG, &sample(10, 5), true, true), None);
        assert_eq!(sounds.end(now, LEG).map(|sound| sound.received), Some(260));
        assert!(sounds.0.is_empty());
        // Shorter than 5 s: only the last words.
        assert_eq!(sounds.end(now, LEG), None);
        assert_eq!(sounds.add(LEG, &sample(99, 1), true, false).map(|sound| sound.received), Some(99));
        assert!(sounds.0.is_empty());
        // On hold from its beginning to its end.
        assert_eq!(sounds.end(now, LEG), None);
        assert_eq!(sounds.add(LEG, &Sample::default(), true, false), None);
        assert!(sounds.0.is_empty());
        // Rung and never there: it has no row.
        assert_eq!(sounds.add(LEG, &sample(1, 0), true, false), None);
        assert!(sounds.0.is_empty());
    }

    #[test]
    fn who_never_says_their_last_is_forgotten_after_a_minute() {
        let mut sounds = Sounds::default();
        let other = |no| LegId { no, ..LEG };
        assert_eq!(sounds.end(Timestamp(0), other(1)), None);
        sounds.end(Timestamp(59_999), other(2));
        assert_eq!(sounds.0.len(), 2);
        sounds.end(Timestamp(60_000), other(3));
        assert_eq!(sounds.0.keys().map(|leg| leg.no).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn figures_are_by_part_and_of_legs_that_were_measured() {
        let mut found = BTreeMap::new();
        let mut add = |no, part, samples: &[Sample]| {
            let mut sound = LegSound::default();
            samples.iter().for_each(|sample| sound.add(sample));
            add_heard(&mut found, &HeardLeg { leg: LegId { no, ..LEG }, part, sound });
        };
        add(1, CallPart::Caller, &[sample(225, 25), sample(250, 0)]);
        add(1, CallPart::Caller, &[sample(250, 0)]);
        add(2, CallPart::Operator, &[sample(250, 0)]);
        add(3, CallPart::Professional, &[Sample::default()]);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [CallPart::Caller, CallPart::Operator]);
        let callers = found[&CallPart::Caller];
        assert_eq!((callers.disturbed, callers.sound.loss()), (Rate { hits: 1, of: 2 }, Rate { hits: 25, of: 750 }));
        assert_eq!(found[&CallPart::Operator].disturbed, Rate { hits: 0, of: 1 });
    }
}
