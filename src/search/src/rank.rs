//! Which rows are looked at for a question, what is measured of each, and how much that is worth.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use crate::{
    channel::{Asked, Channel, Scratch, inverse_frequency},
    fit::Logistic,
    lexicon::Lexicon,
    meaning::Meaning,
    segment::{Analysis, COMPARED, Row, Segment},
};

/// Rows that each channel proposes.
const PROPOSED: usize = 40;
/// Rows of all channels that are looked at.
const KEPT: usize = 25;
/// Rows that the vectors propose.
const NEAREST: usize = 20;

/// What is measured of a row for a question, by name: the order of the ranker's weights.
pub const FEATURES: [&str; FEATURE_COUNT] = [
    "gram_coverage_of_question",
    "gram_coverage_of_row",
    "gram_likeness",
    "sound_coverage_of_question",
    "sound_likeness",
    "common_subsequence",
    "length_ratio",
    "other_digits",
    "other_negation",
    "action_missing",
    "action_extra",
    "word_score",
    "gram_score",
    "question_length",
    "cosine",
    "meaning_of_question",
    "meaning_of_row",
    "siblings",
    "below_best_gram_coverage",
    "below_best_gram_likeness",
    "below_best_common_subsequence",
    "below_best_gram_score",
    "below_best_cosine",
    "below_best_meaning",
];

/// How many there are.
pub const FEATURE_COUNT: usize = 24;

/// Which of the features says how many of the entry's other rows are near.
const SIBLINGS: usize = 17;

/// The features that are also given as what they lack to the best of the question's rows.
const RELATIVE: [(usize, usize); 6] = [(18, 0), (19, 2), (20, 5), (21, 12), (22, 14), (23, 15)];

/// What the calibrator reads beside log odds and margin: gram likeness, coverage of the question, cosine, meaning.
const CALIBRATED: [usize; 4] = [2, 0, 14, 15];

/// The weights of ranker and calibrator. The shipped ones are made by `make bot-weights`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Log odds that a row's entry is meant.
    pub ranker: Logistic,
    /// From those to a probability.
    pub calibrator: Logistic,
}

/// A row that was looked at.
pub(crate) struct Candidate {
    /// 0: the snapshot, 1: what has changed since.
    pub(crate) segment: usize,
    pub(crate) row: usize,
    /// BM25 of words, characters, sounds; 0 where the channel did not propose it.
    pub(crate) scores: [f32; 3],
    pub(crate) features: [f32; FEATURE_COUNT],
    pub(crate) log_odds: f64,
}

impl Candidate {
    /// Of which nothing is measured yet.
    const fn at(segment: usize, row: usize) -> Self {
        Self { segment, row, scores: [0.0; 3], features: [0.0; FEATURE_COUNT], log_odds: 0.0 }
    }
}

/// A question as it is looked for.
pub(crate) struct Question {
    pub(crate) analysis: Analysis,
    pub(crate) words: Vec<Asked>,
    pub(crate) grams: Vec<Asked>,
    pub(crate) sounds: Vec<Asked>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

fn asked(terms: &[u64], segments: [&Segment; 2], channel: fn(&Segment) -> &Channel) -> Vec<Asked> {
    let rows = segments.iter().map(|segment| segment.rows.len()).sum();
    let mut terms = terms.to_vec();
    terms.sort_unstable();
    terms.dedup();
    let of = |term: u64| {
        let found = segments.iter().map(|segment| channel(segment).found(term)).sum();
        Asked { term, found: u32::try_from(found).unwrap_or(u32::MAX), idf: inverse_frequency(rows, found) }
    };
    let mut asked: Vec<Asked> = terms.into_iter().map(of).collect();
    asked.sort_by_key(|one| (one.found, one.term));
    asked
}

#[expect(clippy::cast_precision_loss, reason = "an average")]
fn average(segments: [&Segment; 2], channel: fn(&Segment) -> &Channel) -> f32 {
    let total: u64 = segments.iter().map(|segment| channel(segment).total()).sum();
    let rows: usize = segments.iter().map(|segment| channel(segment).rows()).sum();
    (total as f32 / rows.max(1) as f32).max(1.0)
}

const CHANNELS: [fn(&Segment) -> &Channel; 3] = [|one| &one.words, |one| &one.grams, |one| &one.sounds];

impl Question {
    pub(crate) fn of(text: String, lexicon: &Lexicon, segments: [&Segment; 2]) -> Self {
        let analysis = Analysis::of(text, lexicon);
        Self {
            words: asked(&analysis.words, segments, CHANNELS[0]),
            grams: asked(&analysis.grams, segments, CHANNELS[1]),
            sounds: asked(&analysis.sounds, segments, CHANNELS[2]),
            analysis,
        }
    }

    /// The rows worth looking at, measured and weighed. `allows`: segment and row.
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    pub(crate) fn candidates(
        &self,
        segments: [&Segment; 2],
        lexicon: &Lexicon,
        ranker: &Logistic,
        allows: &dyn Fn(usize, usize) -> bool,
    ) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let mut keep = |segment: usize, row: usize, channel: Option<(usize, f32)>| {
            let at = found.iter().position(|one| (one.segment, one.row) == (segment, row)).unwrap_or_else(|| {
                found.push(Candidate::at(segment, row));
                found.len() - 1
            });
            if let Some((channel, score)) = channel {
                found[at].scores[channel] = score;
            }
        };
        SCRATCH.with_borrow_mut(|scratch| {
            for (number, channel) in CHANNELS.into_iter().enumerate() {
                let average = average(segments, channel);
                let terms = [&self.words, &self.grams, &self.sounds][number];
                for (at, segment) in segments.iter().enumerate() {
                    let best = channel(segment).best(terms, average, PROPOSED, scratch, |row| allows(at, row));
                    for (row, score) in best {
                        keep(at, row as usize, Some((number, score)));
                    }
                }
            }
        });
        let most: [f32; 3] = [0, 1, 2].map(|channel| found.iter().map(|one| one.scores[channel]).fold(1e-6, f32::max));
        // Sounds confirm more often than they find.
        let worth = |one: &Candidate| one.scores[0] / most[0] + one.scores[1] / most[1] + 0.5 * one.scores[2] / most[2];
        found.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then((a.segment, a.row).cmp(&(b.segment, b.row))));
        found.truncate(KEPT);
        for (at, segment) in segments.iter().enumerate() {
            for (row, _) in segment.directions.nearest(&self.analysis.direction, NEAREST, |row| allows(at, row)) {
                if !found.iter().any(|one| (one.segment, one.row) == (at, row)) {
                    found.push(Candidate::at(at, row));
                }
            }
        }
        let view = View::of(self, segments);
        let mut meaning = Meaning::new(&self.analysis.tokens, &lexicon.table);
        for one in &mut found {
            let segment = segments[one.segment];
            if let Some(row) = segment.rows.get(one.row) {
                let cosine = segment.directions.cosine(one.row, &self.analysis.direction);
                one.features = view.measure(self, one, segment, row, cosine, &mut meaning);
            }
        }
        // Several ways to ask one entry that are all near say more than one.
        let entry = |one: &Candidate| segments[one.segment].rows.get(one.row).map(|row| (one.segment, row.entry));
        let entries: Vec<_> = found.iter().map(entry).collect();
        for (one, own) in found.iter_mut().zip(&entries) {
            let others = entries.iter().filter(|entry| *entry == own).count() - 1;
            let all =
                own.and_then(|(segment, entry)| Some(segments[segment].entries.get(entry as usize)?.similar.len()));
            one.features[SIBLINGS] = others as f32 / all.unwrap_or(0).max(1) as f32;
        }
        for (relative, absolute) in RELATIVE {
            let best = found.iter().map(|one| one.features[absolute]).fold(f32::MIN, f32::max);
            for one in &mut found {
                one.features[relative] = one.features[absolute] - best;
            }
        }
        for one in &mut found {
            one.log_odds = ranker.log_odds(&one.features.map(f64::from));
        }
        found
    }
}

/// What is the same for all rows of a question.
struct View {
    /// Weights of the question's terms by their number, in order; for each segment.
    grams: [Vec<(u32, f32)>; 2],
    sounds: [Vec<(u32, f32)>; 2],
    gram_weight: f32,
    sound_weight: f32,
}

impl View {
    fn of(question: &Question, segments: [&Segment; 2]) -> Self {
        let by_number = |terms: &[Asked], channel: fn(&Segment) -> &Channel| {
            segments.map(|segment| {
                let mut known: Vec<(u32, f32)> =
                    terms.iter().filter_map(|asked| Some((channel(segment).id(asked.term)?, asked.idf))).collect();
                known.sort_unstable_by_key(|(id, _)| *id);
                known
            })
        };
        let weight = |terms: &[Asked]| terms.iter().map(|asked| asked.idf).sum::<f32>().max(1e-3);
        Self {
            grams: by_number(&question.grams, CHANNELS[1]),
            sounds: by_number(&question.sounds, CHANNELS[2]),
            gram_weight: weight(&question.grams),
            sound_weight: weight(&question.sounds),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths of texts")]
    fn measure(
        &self,
        question: &Question,
        one: &Candidate,
        segment: &Segment,
        row: &Row,
        cosine: f32,
        meaning: &mut Meaning<'_>,
    ) -> [f32; FEATURE_COUNT] {
        let asked = &question.analysis;
        let grams = shared(&self.grams[one.segment], segment.row_grams.of(one.row));
        let sounds = shared(&self.sounds[one.segment], segment.row_sounds.of(one.row));
        let units = segment.row_units.of(one.row);
        let (mine, its) = (asked.units.len() as f32, units.len() as f32);
        let (size, other) = (asked.size.max(1) as f32, f32::from(row.size.max(1)));
        let [of_question, of_row] = meaning.shares(segment.row_tokens.of(one.row));
        let flag = |is: bool| f32::from(u8::from(is));
        let mut features = [0.0; FEATURE_COUNT];
        features[..17].copy_from_slice(&[
            grams / self.gram_weight,
            grams / row.gram_weight.max(1e-3),
            grams / (self.gram_weight + row.gram_weight - grams).max(1e-3),
            sounds / self.sound_weight,
            sounds / (self.sound_weight + row.sound_weight - sounds).max(1e-3),
            2.0 * common(&asked.units, units) as f32 / (mine + its).max(1.0),
            size.min(other) / size.max(other),
            flag(asked.digits != row.digits),
            flag(asked.is_negated != row.is_negated),
            flag(asked.actions & !row.actions != 0),
            flag(row.actions & !asked.actions != 0),
            one.scores[0] / self.gram_weight,
            one.scores[1] / self.gram_weight,
            mine / 40.0,
            cosine,
            of_question,
            of_row,
        ]);
        features
    }
}

/// Weight of the terms that both have; both in order.
fn shared(question: &[(u32, f32)], row: &[u32]) -> f32 {
    let mut rest = row;
    let mut sum = 0.0;
    for (id, weight) in question {
        let at = rest.partition_point(|other| other < id);
        rest = &rest[at..];
        if rest.first() == Some(id) {
            sum += weight;
        }
    }
    sum
}

/// Length of the longest common subsequence of texts of at most [`COMPARED`] units, by the bits of a number: a bit of `grows` that is
/// 0 says that the length grows by one at this unit of `a` (Crochemore and others 2001, "A fast and practical bit-vector algorithm").
fn common(a: &[u32], b: &[u32]) -> u32 {
    const { assert!(COMPARED < 64, "a bit a unit") };
    let mut grows = u64::MAX;
    for y in b {
        let same = a.iter().rev().fold(0, |bits, x| bits << 1 | u64::from(x == y));
        let kept = grows & same;
        grows = grows.wrapping_add(kept) | (grows - kept);
    }
    (!grows & ((1 << a.len()) - 1)).count_ones()
}

/// What the calibrator reads of an entry's best row: its log odds, how far they are above those of the best other entry, and
/// features.
pub(crate) fn calibrated(best: &Candidate, score: f64, other: f64) -> Vec<f64> {
    let features = CALIBRATED.map(|at| f64::from(best.features[at]));
    [score, (score - other).clamp(-8.0, 8.0)].into_iter().chain(features).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_common_subsequence_is_that_of_a_table() {
        let by_table = |a: &[u32], b: &[u32]| {
            let mut lengths = vec![vec![0; b.len() + 1]; a.len() + 1];
            for (i, x) in a.iter().enumerate() {
                for (j, y) in b.iter().enumerate() {
                    lengths[i + 1][j + 1] =
                        if x == y { lengths[i][j] + 1 } else { lengths[i][j + 1].max(lengths[i + 1][j]) };
                }
            }
            lengths[a.len()][b.len()]
        };
        let text =
            |n: u32, size: u32| -> Vec<u32> { (0..size).map(|at| (at * at + n * at * 7 + n / 3) % 11).collect() };
        for n in 0..400 {
            let (a, b) = (text(n, n % 41), text(n * 13 + 5, 40 - n % 37));
            assert_eq!(common(&a, &b), by_table(&a, &b), "{a:?} {b:?}");
        }
        assert_eq!(common(&[1; COMPARED], &[1; COMPARED]), 40);
    }
}
