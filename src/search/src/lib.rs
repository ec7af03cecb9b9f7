//! Finds the official answer to a citizen's question.
//!
//! Purpose: an immutable, in-memory index of knowledge entries, scored by BM25 over character 1-grams and 2-grams, with
//! a confidence in 0..1 that decides between answering, asking back and handing over to a person.
//!
//! Invariants: an [`Index`] never changes after [`Index::build`]; a request for a person, an emergency or a complaint is
//! recognised before the index is consulted and is never answered from it; equal input gives equal output.
//!
//! Deliberately absent: I/O, clocks, word segmentation, and learning from use.

mod intent;
mod subject;
mod text;

#[cfg(test)]
mod demo_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use subject::Subjects;

/// BM25 term-frequency saturation.
const K1: f64 = 1.2;
/// BM25 length normalisation.
const B: f64 = 0.75;
/// Weight of grams that say "how" or "where" rather than what about; they stay useful between entries of one item.
const STOP_WEIGHT: f64 = 0.15;
/// Single characters carry less meaning than pairs.
const UNIGRAM_WEIGHT: f64 = 0.5;
/// A pair that no row knows is mostly another way of putting it, so it counts less than an unknown character, which
/// tends to belong to another subject.
const UNKNOWN_PAIR_WEIGHT: f64 = 0.2;
/// A row must share this much (in grams of unknown rarity) before its confidence counts in full: shared words of asking
/// are no evidence of a shared subject.
const EVIDENCE_GRAMS: f64 = 1.2;
/// Boost for entries of the page's own item: mild, so that a clear question about another item still wins.
const ITEM_BOOST: f64 = 1.1;
/// Share of the normalised BM25 score in the confidence; the two coverages make up the rest.
const SCORE_SHARE: f64 = 0.35;
/// Share of "how much of the query the row explains".
const QUERY_COVERAGE_SHARE: f64 = 0.4;
/// Share of "how much of the row the query mentions".
const ROW_COVERAGE_SHARE: f64 = 0.25;
/// A best hit may be this close (relative) to the runner-up before its confidence suffers.
const CLEAR_MARGIN: f64 = 0.2;
/// The confidence kept by a best hit that ties with its runner-up.
const TIE_FACTOR: f64 = 0.75;
/// At or above this the best entry may be answered outright.
const ANSWER_AT: f64 = 0.4;
/// An answer must beat its runner-up by this share of its own confidence; closer than that, asking back is safer than
/// guessing between two entries of one item.
const ANSWER_MARGIN: f64 = 0.2;
/// At or above this (when there is no outright answer) the citizen is asked which entry was meant; below it a person takes over.
const CLARIFY_AT: f64 = 0.22;
/// Never ask the citizen to choose between more entries than this.
const MAX_OPTIONS: usize = 3;

/// One official answer with the questions that lead to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Stable identifier, unique within an index.
    pub id: String,
    /// The question in its official wording.
    pub question: String,
    /// Other ways in which citizens ask it.
    pub similar: Vec<String>,
    /// The approved answer; not searched, so that a long answer does not attract unrelated questions.
    pub answer: String,
    /// Code of the service item.
    pub item: String,
    /// The department that owns the answer.
    pub department: String,
    /// `person`, `enterprise` or `both`.
    pub audience: String,
    /// The document or office that the answer rests on.
    pub source: String,
}

/// One search result; valid only for the index that produced it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Position of the entry in its index.
    pub entry: usize,
    /// BM25 score of the entry's best row, boosted when the entry belongs to the page's item.
    pub score: f64,
    /// How sure the index is that this entry is meant, 0..1.
    pub confidence: f64,
}

impl Hit {
    /// The entry behind this hit, or `None` when the hit came from a different index.
    #[must_use]
    pub fn entry_in<'a>(&self, index: &'a Index) -> Option<&'a Entry> {
        index.entries.get(self.entry)
    }
}

/// What to do with a citizen's message.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The citizen only said hello or thanks.
    Greeting,
    /// Give this entry's answer.
    Answer {
        /// The entry's id.
        entry: String,
        /// How sure the index is, 0..1.
        confidence: f64,
    },
    /// Ask which of these was meant.
    Clarify {
        /// One to three entry ids, best first.
        options: Vec<String>,
    },
    /// A person takes over.
    HandOver {
        /// Why.
        reason: HandOverReason,
    },
}

/// Why the bot steps aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverReason {
    /// The citizen asked for a human.
    WantsPerson,
    /// Danger to life or property.
    Emergency,
    /// A complaint, a report or a legal step.
    Complaint,
    /// Nothing in the index is close enough.
    NotFound,
}

/// One question or similar question as it is matched.
struct Row {
    entry: usize,
    text: String,
    length: f64,
    weight: f64,
}

/// An immutable snapshot of searchable entries.
pub struct Index {
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    rows: Vec<Row>,
    postings: HashMap<String, Vec<(usize, f64)>>,
    idf: HashMap<String, f64>,
    unknown_idf: f64,
    average_length: f64,
    subjects: Subjects,
}

impl Index {
    /// Builds the index. When an id occurs twice, the last entry is the one found by [`Index::entry`].
    #[must_use]
    pub fn build(entries: Vec<Entry>) -> Self {
        Self::with_names(entries, &[])
    }

    /// As [`Index::build`], knowing what items are called: pairs of item code and a name or alias of it.
    #[must_use]
    pub fn with_names(entries: Vec<Entry>, names: &[(String, String)]) -> Self {
        let mut rows = Vec::new();
        let mut postings: HashMap<String, Vec<(usize, f64)>> = HashMap::new();
        let mut entry_counts: HashMap<String, usize> = HashMap::new();
        let mut row_grams = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            let mut seen = HashSet::new();
            for question in std::iter::once(&entry.question).chain(&entry.similar) {
                let text = text::normalise(question);
                let grams = text::grams(&text);
                for (gram, count) in &grams {
                    postings.entry(gram.clone()).or_default().push((rows.len(), *count));
                    seen.insert(gram.clone());
                }
                rows.push(Row { entry: position, text, length: grams.values().sum(), weight: 0.0 });
                row_grams.push(grams);
            }
            for gram in seen {
                *entry_counts.entry(gram).or_default() += 1;
            }
        }
        let total = count(entries.len());
        let idf: HashMap<String, f64> = entry_counts
            .into_iter()
            .map(|(gram, found)| {
                let value = inverse_frequency(total, count(found)) * gram_weight(&gram);
                (gram, value)
            })
            .collect();
        for (row, grams) in rows.iter_mut().zip(&row_grams) {
            row.weight = grams.keys().filter_map(|gram| idf.get(gram)).sum();
        }
        let average_length = rows.iter().map(|row| row.length).sum::<f64>() / count(rows.len().max(1));
        let names: Vec<_> = names.iter().map(|(item, name)| (item.clone(), text::normalise(name))).collect();
        let texts: Vec<_> =
            rows.iter().map(|row| (row.entry, entries[row.entry].item.as_str(), row.text.as_str())).collect();
        let subjects = Subjects::build(&texts, &names);
        let by_id = entries.iter().enumerate().map(|(position, entry)| (entry.id.clone(), position)).collect();
        Self {
            by_id,
            rows,
            postings,
            idf,
            unknown_idf: inverse_frequency(total, 0.5),
            average_length: average_length.max(1.0),
            subjects,
            entries,
        }
    }

    /// The entry with this id.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).and_then(|position| self.entries.get(*position))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries nearest to the query, best first. `item` (the page's item) is a mild boost, never a filter.
    #[must_use]
    pub fn search(&self, query: &str, item: Option<&str>, limit: usize) -> Vec<Hit> {
        let query = intent::without_greeting(&text::normalise(query));
        let grams = text::grams(&query);
        let query_length: f64 = grams.values().sum();
        let mut query_weight = 0.0;
        let mut self_score = 0.0;
        // Per row: BM25 score and the weight of the shared grams.
        let mut found: HashMap<usize, (f64, f64)> = HashMap::new();
        for (gram, occurrences) in &grams {
            let idf = self.weight_of(gram);
            query_weight += idf;
            self_score += idf * self.saturation(*occurrences, query_length);
            for &(row, tf) in self.postings.get(gram).into_iter().flatten() {
                let Some(length) = self.rows.get(row).map(|row| row.length) else {
                    continue;
                };
                let slot = found.entry(row).or_default();
                slot.0 += idf * self.saturation(tf, length);
                slot.1 += idf;
            }
        }
        let mut best: BTreeMap<usize, Hit> = BTreeMap::new();
        for (position, (score, shared)) in found {
            let Some(row) = self.rows.get(position) else {
                continue;
            };
            let mut confidence = SCORE_SHARE * ratio(score, self_score)
                + QUERY_COVERAGE_SHARE * ratio(shared, query_weight)
                + ROW_COVERAGE_SHARE * ratio(shared, row.weight);
            confidence *= ratio(shared, EVIDENCE_GRAMS * self.unknown_idf);
            let mut score = score;
            if item.is_some_and(|item| self.entries.get(row.entry).is_some_and(|e| e.item == item)) {
                score *= ITEM_BOOST;
                confidence *= ITEM_BOOST;
            }
            let hit =
                Hit { entry: row.entry, score, confidence: if row.text == query { 1.0 } else { confidence.min(0.99) } };
            let slot = best.entry(row.entry).or_insert_with(|| hit.clone());
            if hit.confidence > slot.confidence {
                *slot = hit;
            }
        }
        let mut hits: Vec<Hit> = best.into_values().collect();
        hits.sort_by(|a, b| {
            b.confidence.total_cmp(&a.confidence).then(b.score.total_cmp(&a.score)).then(a.entry.cmp(&b.entry))
        });
        discount_close_race(&mut hits);
        hits.truncate(limit);
        hits
    }

    /// Decides what to do with a citizen's message on the page of `item`.
    #[must_use]
    pub fn decide(&self, query: &str, item: Option<&str>) -> Decision {
        let normalised = text::normalise(query);
        if let Some(reason) = intent::hand_over(&normalised) {
            return Decision::HandOver { reason };
        }
        if intent::is_greeting(&normalised) {
            return Decision::Greeting;
        }
        let hits = self.search(query, item, MAX_OPTIONS);
        let id = |hit: &Hit| hit.entry_in(self).map(|entry| entry.id.clone());
        match hits.first() {
            Some(hit) if is_clear_winner(hit, hits.get(1)) && self.may_answer(&normalised, hit) => {
                id(hit).map(|entry| Decision::Answer { entry, confidence: hit.confidence })
            }
            Some(hit) if hit.confidence >= CLARIFY_AT => Some(Decision::Clarify {
                options: hits.iter().filter(|other| other.confidence >= CLARIFY_AT).filter_map(id).collect(),
            }),
            _ => None,
        }
        .unwrap_or(Decision::HandOver { reason: HandOverReason::NotFound })
    }

    /// A row repeated word for word may always answer; others only what is about the same thing and the same action.
    fn may_answer(&self, query: &str, hit: &Hit) -> bool {
        let item = hit.entry_in(self).map(|entry| entry.item.as_str());
        hit.confidence >= 1.0 || item.is_some_and(|item| self.subjects.allow(query, hit.entry, item))
    }

    /// Grams that no entry knows count against a match: they are what an out-of-scope question is made of.
    fn weight_of(&self, gram: &str) -> f64 {
        self.idf.get(gram).copied().unwrap_or_else(|| {
            let known = if text::is_pair(gram) { UNKNOWN_PAIR_WEIGHT } else { 1.0 };
            self.unknown_idf * gram_weight(gram) * known
        })
    }

    fn saturation(&self, tf: f64, length: f64) -> f64 {
        tf * (K1 + 1.0) / (tf + K1 * (1.0 - B + B * length / self.average_length))
    }
}

/// Whether the best hit is sure and alone enough to be answered. A row repeated word for word beats every other row,
/// but not another entry that has the same row.
fn is_clear_winner(best: &Hit, runner_up: Option<&Hit>) -> bool {
    let is_alone = runner_up.is_none_or(|second| {
        let is_exact = best.confidence >= 1.0 && second.confidence < 1.0;
        is_exact || relative_margin(best, second) >= ANSWER_MARGIN
    });
    best.confidence >= ANSWER_AT && is_alone
}

fn relative_margin(best: &Hit, second: &Hit) -> f64 {
    ratio(best.confidence - second.confidence, best.confidence)
}

/// Lowers the confidence of a best hit that barely beats its runner-up; the order of the hits is kept.
fn discount_close_race(hits: &mut [Hit]) {
    let [first, rest @ ..] = hits else { return };
    let Some(second) = rest.first() else { return };
    if first.confidence >= 1.0 || first.confidence <= 0.0 {
        return;
    }
    let margin = relative_margin(first, second);
    let factor = TIE_FACTOR + (1.0 - TIE_FACTOR) * (margin / CLEAR_MARGIN).min(1.0);
    for hit in hits {
        hit.confidence *= factor;
    }
}

/// Where a text shows what it has in common with a query, as begins and ends in UTF-16 units: what pages count letters in. Only
/// pairs of letters count that are about a subject.
#[must_use]
pub fn matched(query: &str, text: &str) -> Vec<[u32; 2]> {
    let query = text::normalise(query);
    let letters: Vec<char> = text.chars().collect();
    let mut is_marked = vec![false; letters.len()];
    for (at, pair) in letters.windows(2).enumerate() {
        let pair = text::normalise(&pair.iter().collect::<String>());
        if pair.chars().count() == 2 && !text::is_stop(&pair) && query.contains(&pair) {
            // 怎么补: only 补 says what about.
            for place in [at, at + 1] {
                is_marked[place] |= !text::is_stop(&letters[place].to_string());
            }
        }
    }
    let mut ranges: Vec<[u32; 2]> = Vec::new();
    let mut place = 0;
    for (letter, is_marked) in letters.iter().zip(is_marked) {
        let end = place + if letter.len_utf16() == 2 { 2 } else { 1 };
        match ranges.last_mut() {
            _ if !is_marked => {}
            Some(last) if last[1] == place => last[1] = end,
            _ => ranges.push([place, end]),
        }
        place = end;
    }
    ranges
}

fn inverse_frequency(total: f64, found: f64) -> f64 {
    (1.0 + (total - found + 0.5).max(0.0) / (found + 0.5)).ln()
}

fn gram_weight(gram: &str) -> f64 {
    let size = if text::is_pair(gram) { 1.0 } else { UNIGRAM_WEIGHT };
    if text::is_stop(gram) { size * STOP_WEIGHT } else { size }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "row and entry counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
