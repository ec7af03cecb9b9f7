//! Finds the official answer to a citizen's question.
//!
//! Purpose: an in-memory index of knowledge entries. Three BM25 channels (words, characters, fuzzy sounds) and an embedding
//! table propose rows, a logistic ranker orders them, and a calibrator turns the best into a probability that decides between
//! answering, asking back and handing over to a person.
//!
//! Invariants: an [`Index`] never changes; [`Index::changed`] gives another one that shares the unchanged part. A request for a
//! person, an emergency or a complaint is recognised before the index is consulted and is never answered from it; equal input
//! gives equal output.
//!
//! Deliberately absent: files, clocks, and learning by itself: weights come from `weights/` or from whoever fits them.

mod best;
mod channel;
mod eval;
mod fit;
mod intent;
mod lexicon;
mod lists;
mod meaning;
mod model;
mod phonebook;
mod rank;
mod segment;
pub mod sets;
mod subject;
mod table;
mod text;
mod words;

#[cfg(test)]
mod demo_tests;
#[cfg(test)]
mod figures_tests;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use eval::{Case, Figures, Half, fit, fit_thresholds, half_of};
pub use fit::Logistic;
pub use intent::{SmallTalk, is_only_rude, small_talk};
pub use lexicon::parse as parse_words;
pub use model::{Model, Thresholds};
pub use phonebook::Phonebook;
pub use rank::{FEATURE_COUNT, FEATURES, Weights};
pub use words::Words;

use lexicon::Lexicon;
use rank::{Candidate, Question};
use segment::Segment;
use subject::Subjects;

/// What the page's own item adds to the log odds of its entries: mild, so that a clear question about another item still wins.
const ITEM_BOOST: f64 = 1.5;
/// Never ask the citizen to choose between more entries than this.
const MAX_OPTIONS: usize = 3;
/// One entry is meant: where the second seems at least as likely as not, the first is not answered, however sure it seems.
const RIVAL: f64 = 0.5;
/// Beside the best option others are shown down to this share of its confidence.
const OPTION_SHARE: f64 = 0.05;
/// A delta longer than this is worth a new snapshot.
const LONG_DELTA: usize = 2_000;

/// One official answer with the questions that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Codes of the districts where it holds; none: everywhere.
    #[serde(default)]
    pub districts: Vec<String>,
    /// The instant since which it holds.
    #[serde(default)]
    pub from: Option<i64>,
    /// The instant at which it ends to hold.
    #[serde(default)]
    pub until: Option<i64>,
}

/// What is not looked at in the first place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only this item.
    pub item: Option<&'a str>,
    /// Only what holds in this district.
    pub district: Option<&'a str>,
    /// Only what is for these, `person` or `enterprise`.
    pub audience: Option<&'a str>,
    /// Only what holds at this instant.
    pub at: Option<i64>,
    /// All but this entry: whoever looks for what is like it would find it first, and nothing else as sure.
    pub without: Option<&'a str>,
}

impl Filter<'_> {
    fn allows(&self, entry: &Entry) -> bool {
        let here = |district: &str| entry.districts.is_empty() || entry.districts.iter().any(|own| own == district);
        let now = |at: i64| entry.from.is_none_or(|from| from <= at) && entry.until.is_none_or(|until| at < until);
        self.item.is_none_or(|item| item == entry.item)
            && self.district.is_none_or(here)
            && self.audience.is_none_or(|audience| entry.audience == audience || entry.audience == "both")
            && self.at.is_none_or(now)
            && self.without.is_none_or(|without| entry.id != without)
    }
}

/// One search result; valid only for the index that produced it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Position of the entry in its index.
    pub entry: usize,
    /// Log odds of the entry's best row, raised when the entry belongs to the page's item.
    pub score: f64,
    /// How sure the index is that this entry is meant, 0..1.
    pub confidence: f64,
}

impl Hit {
    /// The entry behind this hit, or `None` when the hit came from a different index.
    #[must_use]
    pub fn entry_in<'a>(&self, index: &'a Index) -> Option<&'a Entry> {
        index.at(self.entry)
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

/// A decision, and what was weighed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// What to do.
    pub decision: Decision,
    /// The nearest entries, best first, with how sure the index is of each; none where the words alone decided.
    pub nearest: Vec<(String, f64)>,
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

/// What the index made of a message: for the page that says why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The message in one spelling.
    pub text: String,
    /// The same with words replaced by those that say the same.
    pub read_as: String,
    /// Its words.
    pub words: Vec<String>,
    /// Which weights and thresholds.
    pub version: String,
    /// The nearest entries, best first.
    pub hits: Vec<ExplainedHit>,
}

/// One of the nearest entries.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedHit {
    /// Which entry.
    pub entry: String,
    /// Its question that was nearest.
    pub row: String,
    /// BM25 of words, characters and sounds; 0 where that channel did not propose the row.
    pub channels: [f32; 3],
    /// By name.
    pub features: Vec<(&'static str, f32)>,
    /// Of the ranker.
    pub log_odds: f64,
    /// Calibrated.
    pub probability: f64,
    /// What this probability leads to.
    pub band: Band,
}

/// What a probability leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Band {
    /// The answer is given.
    Answer,
    /// A person checks the answer before it is given; where none is there, the citizen is asked what was meant.
    Approve,
    /// The citizen is asked what was meant.
    Clarify,
    /// A person takes over.
    HandOver,
}

/// Searchable entries: a snapshot and what has changed since.
#[derive(Clone)]
pub struct Index {
    base: Arc<Segment>,
    delta: Arc<Segment>,
    /// Positions in the snapshot that hold no more.
    gone: Arc<BTreeSet<u32>>,
    subjects: Arc<Subjects>,
    lexicon: Option<Arc<Lexicon>>,
    model: Arc<Model>,
}

/// An entry's best row among those that were looked at.
struct Best {
    entry: usize,
    candidate: Candidate,
    is_exact: bool,
    score: f64,
    confidence: f64,
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
        // Nothing to find: then the weights are not read either.
        let lexicon = (!entries.is_empty()).then(Lexicon::built_in);
        Self::assemble(entries, names, lexicon)
    }

    fn assemble(entries: Vec<Entry>, names: &[(String, String)], lexicon: Option<Arc<Lexicon>>) -> Self {
        let mut subjects = Subjects::collect(names);
        let read = |entry: &Entry, text: &str| subjects.read(&entry.item, text);
        let base = lexicon.as_ref().map(|lexicon| Segment::build(entries, lexicon, None, read)).unwrap_or_default();
        let subjects = subjects.finish();
        Self {
            base: Arc::new(base),
            delta: Arc::default(),
            gone: Arc::default(),
            subjects: Arc::new(subjects),
            lexicon,
            model: Model::built_in(),
        }
    }

    /// The same with other weights and thresholds.
    #[must_use]
    pub fn with_model(self, model: Arc<Model>) -> Self {
        Self { model, ..self }
    }

    /// Weights and thresholds.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The same with some entries added or replaced, and others gone: a matter of milliseconds, whatever the size.
    #[must_use]
    pub fn changed(&self, put: Vec<Entry>, removed: &[String]) -> Self {
        let mut gone = (*self.gone).clone();
        let replaced = put.iter().map(|entry| &entry.id);
        let all: BTreeSet<&String> = removed.iter().chain(replaced).collect();
        gone.extend(all.iter().filter_map(|id| self.base.by_id.get(id.as_str())));
        let kept = self.delta.entries.iter().filter(|entry| !all.contains(&entry.id)).cloned();
        let entries: Vec<Entry> = kept.chain(put.iter().cloned()).collect();
        let lexicon = self.lexicon.clone().unwrap_or_else(Lexicon::built_in);
        let delta = Segment::build(entries, &lexicon, Some(&self.base), |_, _| {});
        Self { delta: Arc::new(delta), gone: Arc::new(gone), lexicon: Some(lexicon), ..self.clone() }
    }

    /// The same made of exactly these entries: by [`Index::changed`] where few differ, else anew.
    #[must_use]
    pub fn updated(&self, entries: Vec<Entry>, names: &[(String, String)]) -> Self {
        let known: HashMap<&str, &Entry> = self.entries().map(|entry| (entry.id.as_str(), entry)).collect();
        let stays: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let removed: Vec<String> = known.keys().filter(|id| !stays.contains(*id)).map(|id| (*id).to_owned()).collect();
        let differs = |entry: &&Entry| known.get(entry.id.as_str()).is_none_or(|old| *old != *entry);
        let put: Vec<Entry> = entries.iter().filter(differs).cloned().collect();
        let size = self.delta.entries.len() + put.len() + removed.len() + self.gone.len();
        if size > LONG_DELTA.min(self.base.entries.len() / 10) {
            let lexicon = self.lexicon.clone().or_else(|| (!entries.is_empty()).then(Lexicon::built_in));
            return Self::assemble(entries, names, lexicon).with_model(Arc::clone(&self.model));
        }
        if put.is_empty() && removed.is_empty() { self.clone() } else { self.changed(put, &removed) }
    }

    /// All entries that hold.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let base = (0..).zip(&self.base.entries).filter(|(position, _)| !self.gone.contains(position));
        base.map(|(_, entry)| entry).chain(&self.delta.entries)
    }

    fn at(&self, position: usize) -> Option<&Entry> {
        let size = self.base.entries.len();
        if position < size { self.base.entries.get(position) } else { self.delta.entries.get(position - size) }
    }

    fn position(&self, segment: usize, entry: u32) -> usize {
        entry as usize + if segment == 0 { 0 } else { self.base.entries.len() }
    }

    const fn segments(&self) -> [&Arc<Segment>; 2] {
        [&self.base, &self.delta]
    }

    /// The entry with this id.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        let new = self.delta.by_id.get(id).and_then(|position| self.delta.entries.get(*position as usize));
        let old = || self.base.by_id.get(id).filter(|position| !self.gone.contains(position));
        new.or_else(|| self.base.entries.get(*old()? as usize))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.base.entries.len() - self.gone.len() + self.delta.entries.len()
    }

    /// Whether there is nothing to find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries nearest to the query, best first. `item` (the page's item) is a mild boost, never a filter.
    #[must_use]
    pub fn search(&self, query: &str, item: Option<&str>, limit: usize) -> Vec<Hit> {
        self.search_within(query, item, &Filter::default(), limit)
    }

    /// As [`Index::search`], among those that the filter allows.
    #[must_use]
    pub fn search_within(&self, query: &str, item: Option<&str>, filter: &Filter<'_>, limit: usize) -> Vec<Hit> {
        let best = self.nearest(&text::normalise(query), item, |_, entry| filter.allows(entry));
        let hit = |best: Best| Hit { entry: best.entry, score: best.score, confidence: best.confidence };
        best.into_iter().take(limit).map(hit).collect()
    }

    /// Each entry's best row for normalised text, best first. `allows`: whole text of a row, and its entry.
    fn nearest(&self, whole: &str, item: Option<&str>, allows: impl Fn(u64, &Entry) -> bool) -> Vec<Best> {
        let text = intent::without_greeting(whole);
        let Some(lexicon) = self.lexicon.as_ref().filter(|_| !text.is_empty()) else { return Vec::new() };
        let segments = self.segments().map(|segment| &**segment);
        // "收到" before a question is a greeting, and may be the begin of one.
        let exact = [whole, &text].map(|text| text::term(&[text]));
        let question = Question::of(text, lexicon, segments);
        let is_allowed = |segment: usize, row: usize| {
            let own = segments[segment];
            let Some(row) = own.rows.get(row) else { return false };
            let is_there = segment == 1 || !self.gone.contains(&row.entry);
            is_there && own.entries.get(row.entry as usize).is_some_and(|entry| allows(row.exact, entry))
        };
        let mut best: Vec<Best> = Vec::new();
        for candidate in question.candidates(segments, lexicon, &self.model.weights.ranker, &is_allowed) {
            let row = segments[candidate.segment].rows.get(candidate.row);
            let Some(row) = row else { continue };
            let entry = self.position(candidate.segment, row.entry);
            let is_own = item.is_some_and(|item| self.at(entry).is_some_and(|entry| entry.item == item));
            let score = candidate.log_odds + if is_own { ITEM_BOOST } else { 0.0 };
            let one = Best { entry, is_exact: exact.contains(&row.exact), score, confidence: 0.0, candidate };
            match best.iter_mut().find(|other| other.entry == entry) {
                Some(other) if (one.is_exact, one.score) > (other.is_exact, other.score) => *other = one,
                Some(_) => {}
                None => best.push(one),
            }
        }
        best.sort_by(|a, b| b.is_exact.cmp(&a.is_exact).then(b.score.total_cmp(&a.score)).then(a.entry.cmp(&b.entry)));
        let scores: Vec<f64> = best.iter().map(|one| one.score).collect();
        let mut most = 1.0_f64;
        for (place, one) in best.iter_mut().enumerate() {
            let other = scores.get(usize::from(place == 0)).copied().unwrap_or(-8.0);
            let inputs = rank::calibrated(&one.candidate, one.score, other);
            let sure = if one.is_exact { 1.0 } else { self.model.weights.calibrator.probability(&inputs).min(0.99) };
            most = most.min(sure);
            one.confidence = most;
        }
        best
    }

    /// Decides what to do with a citizen's message on the page of `item`.
    #[must_use]
    pub fn decide(&self, query: &str, item: Option<&str>) -> Decision {
        self.decide_within(query, item, &Filter::default())
    }

    /// As [`Index::decide`], among those entries that the filter allows.
    #[must_use]
    pub fn decide_within(&self, query: &str, item: Option<&str>, filter: &Filter<'_>) -> Decision {
        self.weigh(query, item, filter).decision
    }

    /// As [`Index::decide_within`], with what was weighed.
    #[must_use]
    pub fn weigh(&self, query: &str, item: Option<&str>, filter: &Filter<'_>) -> Weighed {
        let by_words = |decision| Weighed { decision, nearest: Vec::new() };
        let normalised = text::normalise(query);
        if let Some(reason) = intent::hand_over(&normalised) {
            return by_words(Decision::HandOver { reason });
        }
        if intent::is_greeting(&normalised) {
            return by_words(Decision::Greeting);
        }
        let hits = self.search_within(query, item, filter, MAX_OPTIONS);
        let near = |hit: &Hit| Some((hit.entry_in(self)?.id.clone(), hit.confidence));
        Weighed { decision: self.decide_by(&normalised, &hits), nearest: hits.iter().filter_map(near).collect() }
    }

    fn decide_by(&self, normalised: &str, hits: &[Hit]) -> Decision {
        let Thresholds { answer, clarify, .. } = self.model.thresholds;
        let id = |hit: &Hit| hit.entry_in(self).map(|entry| entry.id.clone());
        // A row repeated word for word beats every other row, but not another entry that has the same row.
        let is_exact = hits.first().is_some_and(|hit| hit.confidence >= 1.0);
        let rival = if is_exact { 1.0 } else { RIVAL };
        let is_alone = hits.get(1).is_none_or(|second| second.confidence < rival);
        match hits.first() {
            Some(hit) if hit.confidence >= answer && is_alone && self.may_answer(normalised, hit) => {
                id(hit).map(|entry| Decision::Answer { entry, confidence: hit.confidence })
            }
            Some(hit) if hit.confidence >= clarify => {
                let shown = hits.iter().filter(|other| other.confidence >= hit.confidence * OPTION_SHARE);
                Some(Decision::Clarify { options: shown.filter_map(id).collect() })
            }
            _ => None,
        }
        .unwrap_or(Decision::HandOver { reason: HandOverReason::NotFound })
    }

    /// A row repeated word for word may always answer; others only what is about the same thing and the same action.
    fn may_answer(&self, query: &str, hit: &Hit) -> bool {
        let Some(entry) = hit.entry_in(self) else { return false };
        hit.confidence >= 1.0 || self.subjects.allow(query, entry) || self.allows_own_words(query, entry)
    }

    /// A word that a deployment has added names the same thing as what it is read as; of the program's list the weights and
    /// thresholds were made without that.
    fn allows_own_words(&self, query: &str, entry: &Entry) -> bool {
        let own = self.lexicon.as_ref().filter(|lexicon| !lexicon.is_built_in());
        own.is_some_and(|lexicon| self.subjects.allow(&lexicon.canonical(query), entry))
    }

    /// Why a message is answered as it is.
    #[must_use]
    pub fn explain(&self, query: &str, item: Option<&str>, limit: usize) -> Explanation {
        self.explain_within(query, item, &Filter::default(), limit)
    }

    /// As [`Index::explain`], among those entries that the filter allows.
    #[must_use]
    pub fn explain_within(&self, query: &str, item: Option<&str>, filter: &Filter<'_>, limit: usize) -> Explanation {
        let whole = text::normalise(query);
        let text = intent::without_greeting(&whole);
        let read_as = self.lexicon.as_ref().map(|lexicon| lexicon.canonical(&text)).unwrap_or_default();
        let words = self.lexicon.iter().flat_map(|lexicon| lexicon.words(&read_as)).map(str::to_owned).collect();
        let hit = |best: Best| {
            let segment = self.segments()[best.candidate.segment];
            let entry = self.at(best.entry)?;
            let row = segment.rows.get(best.candidate.row)?;
            let mut questions = std::iter::once(&entry.question).chain(&entry.similar);
            let question = questions.find(|one| text::term(&[&text::normalise(one)]) == row.exact)?;
            Some(ExplainedHit {
                entry: entry.id.clone(),
                row: question.clone(),
                channels: best.candidate.scores,
                features: FEATURES.into_iter().zip(best.candidate.features).collect(),
                log_odds: best.score,
                probability: best.confidence,
                band: self.model.thresholds.band(best.confidence),
            })
        };
        let hits = self.nearest(&whole, item, |_, entry| filter.allows(entry));
        let hits = hits.into_iter().take(limit).filter_map(hit).collect();
        Explanation { text, read_as, words, version: self.model.thresholds.version.clone(), hits }
    }

    /// What the ranker is fitted by: of each row that was looked at its entry and its features. Rows that say just what the
    /// question says are left out, and the entry `without`.
    #[must_use]
    pub fn lesson(&self, query: &str, without: Option<&str>) -> Vec<(&Entry, Vec<f64>)> {
        let Some(lexicon) = &self.lexicon else { return Vec::new() };
        let segments = self.segments().map(|segment| &**segment);
        let text = intent::without_greeting(&text::normalise(query));
        let exact = text::term(&[&text]);
        let question = Question::of(text, lexicon, segments);
        let allows = |segment: usize, row: usize| {
            let row = segments[segment].rows.get(row);
            let entry = row.and_then(|row| self.at(self.position(segment, row.entry)));
            row.is_some_and(|row| row.exact != exact) && entry.is_some_and(|entry| Some(entry.id.as_str()) != without)
        };
        let found = question.candidates(segments, lexicon, &self.model.weights.ranker, &allows);
        let of = |one: &Candidate| {
            let row = segments[one.segment].rows.get(one.row)?;
            Some((self.at(self.position(one.segment, row.entry))?, one.features.map(f64::from).to_vec()))
        };
        found.iter().filter_map(of).collect()
    }

    /// What the calibrator is fitted by: the first entries and what it reads of each. `leave_out` as in [`Index::lesson`].
    #[must_use]
    pub fn calibration(&self, query: &str, leave_out: bool, without: Option<&str>) -> Vec<(&Entry, Vec<f64>)> {
        let text = text::normalise(query);
        let exact = text::term(&[&text]);
        let allows = |row: u64, entry: &Entry| !(leave_out && row == exact) && Some(entry.id.as_str()) != without;
        let best = self.nearest(&text, None, allows);
        let of = |(place, one): (usize, &Best)| {
            let other = best.get(usize::from(place == 0)).map_or(-8.0, |other| other.score);
            Some((self.at(one.entry)?, rank::calibrated(&one.candidate, one.score, other)))
        };
        best.iter().take(MAX_OPTIONS).enumerate().filter_map(of).collect()
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

#[expect(clippy::cast_precision_loss, reason = "row and entry counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
