//! How well an index does on questions whose right entry is known, and what is fitted by such questions.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Decision, Index, MAX_OPTIONS, Model, Thresholds, fit::Logistic, rank::Weights, text};

/// Bins of the expected calibration error.
const BINS: usize = 10;
/// An entry further down than this is not found.
const DEEPEST: usize = 10;
/// How strongly a calibrator fitted by a few hundred questions is pulled towards one that knows nothing.
const RIDGE: f64 = 3.0;
/// Out of scope at most this share of the fitting half may be answered.
const OUT_OF_SCOPE: f64 = 0.01;
/// Answers of the fitting half are right at least this often.
const PRECISION: f64 = 0.95;
/// The level of answers keeps this part of the way to 1 from the surest question out of scope: a few dozen say little about how
/// sure the next one may seem.
const DISTANCE: f64 = 0.3;
/// With fewer questions out of scope than this nobody knows that one in a hundred is answered (none of 300: below 1 % with 95 %
/// confidence); then nothing is answered below [`CAUTIOUS`].
const ENOUGH_OUTSIDE: usize = 300;
/// See [`ENOUGH_OUTSIDE`]. What is not answered is asked back, so that little is lost.
const CAUTIOUS: f64 = 0.9;
/// Asking back is worth it where the right entry is among the options at least this often.
const WORTH_ASKING: f64 = 0.2;
/// So many questions around a level say how often.
const WINDOW: usize = 15;

/// A question and what is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// As it was asked.
    pub question: String,
    /// The right entry; `None`: out of scope.
    pub entry: Option<String>,
}

/// The half of a set that a question belongs to. All questions of an entry are in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// For fitting.
    Dev,
    /// For judging.
    Test,
}

/// By entry; a question out of scope by itself.
#[must_use]
pub fn half_of(case: &Case) -> Half {
    let key = case.entry.as_ref().unwrap_or(&case.question);
    // The high bits of the hash are the well mixed ones.
    if text::term(&[key]) >> 63 == 0 { Half::Dev } else { Half::Test }
}

/// The figures of `bangban bot eval`; docs/bot.md has the definition of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// In scope: the right entry came first.
    pub recall_at_1: f64,
    /// In scope: it was among the first three.
    pub recall_at_3: f64,
    /// In scope: mean of 1 / place, 0 beyond the tenth.
    pub mrr: f64,
    /// Expected calibration error of "the first entry is right", all questions.
    pub ece: f64,
    /// In scope: the greatest share that could be answered with 95 % of all answers right, those out of scope among them.
    pub coverage_at_95: f64,
    /// The same with 90 %.
    pub coverage_at_90: f64,
    /// In scope: answered rightly, or asked back with the right entry among the options.
    pub resolved_with_clarify: f64,
    /// Out of scope: answered all the same.
    pub oos_answered: f64,
    /// Of the time that a question takes.
    pub p50_ms: f64,
    /// Of the time that a question takes.
    pub p99_ms: f64,
}

/// One question as it went.
struct Judged {
    in_scope: bool,
    place: Option<usize>,
    confidence: f64,
    answered: bool,
    is_right: bool,
    resolved: bool,
    millis: f64,
}

impl Figures {
    /// Of these questions. `clock`: milliseconds of one core's work so far.
    #[must_use]
    pub fn of<'a>(index: &Index, cases: impl IntoIterator<Item = &'a Case>, mut clock: impl FnMut() -> f64) -> Self {
        let judged: Vec<Judged> = cases.into_iter().map(|case| judge(index, case, &mut clock)).collect();
        let inside: Vec<&Judged> = judged.iter().filter(|one| one.in_scope).collect();
        let within = |places: usize| {
            share(inside.iter().filter(|one| one.place.is_some_and(|at| at < places)).count(), inside.len())
        };
        let outside = judged.iter().filter(|one| !one.in_scope);
        let reciprocal: f64 = inside.iter().filter_map(|one| one.place).map(|at| 1.0 / crate::count(at + 1)).sum();
        let mut millis: Vec<f64> = judged.iter().map(|one| one.millis).collect();
        millis.sort_by(f64::total_cmp);
        let part = |percent: usize| millis.get((millis.len().max(1) - 1) * percent / 100).copied().unwrap_or(0.0);
        Self {
            recall_at_1: within(1),
            recall_at_3: within(3),
            mrr: reciprocal / crate::count(inside.len().max(1)),
            ece: calibration_error(&judged),
            coverage_at_95: coverage(&judged, 0.95),
            coverage_at_90: coverage(&judged, 0.9),
            resolved_with_clarify: share(inside.iter().filter(|one| one.resolved).count(), inside.len()),
            oos_answered: share(outside.clone().filter(|one| one.answered).count(), outside.count()),
            p50_ms: part(50),
            p99_ms: part(99),
        }
    }
}

fn judge(index: &Index, case: &Case, clock: &mut impl FnMut() -> f64) -> Judged {
    let begun = clock();
    let decision = index.decide(&case.question, None);
    let millis = clock() - begun;
    let hits = index.search(&case.question, None, DEEPEST);
    let id = |hit: &crate::Hit| hit.entry_in(index).map(|entry| &entry.id);
    let place = hits.iter().position(|hit| case.entry.is_some() && id(hit) == case.entry.as_ref());
    let (answered, resolved) = match &decision {
        Decision::Answer { entry, .. } => (true, case.entry.as_ref() == Some(entry)),
        Decision::Clarify { options } => (false, case.entry.as_ref().is_some_and(|entry| options.contains(entry))),
        _ => (false, false),
    };
    Judged {
        in_scope: case.entry.is_some(),
        place,
        confidence: hits.first().map_or(0.0, |hit| hit.confidence),
        answered,
        is_right: place == Some(0),
        resolved,
        millis,
    }
}

fn share(part: usize, whole: usize) -> f64 {
    crate::count(part) / crate::count(whole.max(1))
}

fn calibration_error(judged: &[Judged]) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=BINS")]
    let bin = |one: &&Judged| ((one.confidence * crate::count(BINS)) as usize).min(BINS - 1);
    let mut bins: BTreeMap<usize, Vec<&Judged>> = BTreeMap::new();
    for one in judged {
        bins.entry(bin(&one)).or_default().push(one);
    }
    let off = |bin: &Vec<&Judged>| {
        let said: f64 = bin.iter().map(|one| one.confidence).sum();
        (said - crate::count(bin.iter().filter(|one| one.is_right).count())).abs()
    };
    bins.values().map(off).sum::<f64>() / crate::count(judged.len().max(1))
}

fn coverage(judged: &[Judged], precision: f64) -> f64 {
    let mut order: Vec<&Judged> = judged.iter().collect();
    order.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let inside = order.iter().filter(|one| one.in_scope).count();
    let (mut right, mut covered, mut best) = (0, 0, 0);
    for (at, one) in order.iter().enumerate() {
        right += usize::from(one.is_right);
        covered += usize::from(one.in_scope);
        // Those of one confidence are answered together.
        let is_last = order.get(at + 1).is_none_or(|next| next.confidence < one.confidence);
        if is_last && share(right, at + 1) >= precision {
            best = covered;
        }
    }
    share(best, inside)
}

/// The index's weights with calibrator and thresholds fitted by these questions, under a new version. Ranker and order of the
/// hits stay.
#[must_use]
pub fn fit<'a>(index: &Index, cases: impl IntoIterator<Item = &'a Case> + Clone, version: &str) -> Model {
    let lessons = cases.clone().into_iter().flat_map(|case| {
        let of = index.calibration(&case.question, false, None);
        of.into_iter().map(|(entry, inputs)| (inputs, Some(&entry.id) == case.entry.as_ref())).collect::<Vec<_>>()
    });
    let calibrator = Logistic::fit(&lessons.collect::<Vec<_>>(), RIDGE);
    let weights = Weights { ranker: index.model().weights.ranker.clone(), calibrator };
    let model = Model { weights, thresholds: index.model().thresholds.clone() };
    let thresholds = fit_thresholds(&index.clone().with_model(Arc::new(model.clone())), cases, version);
    Model { thresholds, ..model }
}

/// Thresholds for the index's weights by these questions, under a new version.
#[must_use]
pub fn fit_thresholds<'a>(index: &Index, cases: impl IntoIterator<Item = &'a Case>, version: &str) -> Thresholds {
    let open = Thresholds { version: version.to_owned(), answer: 0.0, clarify: 0.0, approve: None };
    let fitted = index.clone().with_model(Arc::new(Model { thresholds: open, ..index.model().clone() }));
    let mut seen: Vec<Seen> = cases
        .into_iter()
        .map(|case| {
            let hits = fitted.search(&case.question, None, MAX_OPTIONS);
            let is = |hit: &crate::Hit| hit.entry_in(&fitted).map(|entry| &entry.id) == case.entry.as_ref();
            let in_scope = case.entry.is_some();
            // What the rules of subject and action hold back is no answer.
            let answered = matches!(fitted.decide(&case.question, None), Decision::Answer { .. });
            let first = hits.first();
            Seen {
                sure: first.map_or(0.0, |hit| hit.confidence),
                is_outside: !in_scope,
                answered,
                is_right: in_scope && first.is_some_and(is),
                is_offered: in_scope && hits.iter().any(is),
            }
        })
        .collect();
    seen.sort_by(|a, b| b.sure.total_cmp(&a.sure));
    let answer = answer_at(&seen);
    let clarify = clarify_at(&seen).min(answer);
    // Whether people check, and how much, is a deployment's choice and no matter of data: it only stays between the two.
    let approve = index.model().thresholds.approve.map(|level| level.clamp(clarify, answer));
    Thresholds { version: version.to_owned(), answer, clarify, approve }
}

/// A question of the fitting half, as it would go if every level led to an answer.
struct Seen {
    sure: f64,
    is_outside: bool,
    answered: bool,
    is_right: bool,
    is_offered: bool,
}

/// The lowest level above which answers are right often enough, and none out of scope is near; surest first.
fn answer_at(seen: &[Seen]) -> f64 {
    let outside = seen.iter().filter(|one| one.is_outside).count();
    let (mut answers, mut right, mut wrong) = (0, 0, 0);
    let mut level = 0.95;
    for one in seen.iter().filter(|one| one.answered) {
        answers += 1;
        right += usize::from(one.is_right);
        wrong += usize::from(one.is_outside);
        if share(wrong, outside) > OUT_OF_SCOPE {
            break;
        }
        if share(right, answers) >= PRECISION {
            level = one.sure;
        }
    }
    // One in a hundred may be answered: the surest of the others counts.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small part of a number of questions"
    )]
    let excused = (crate::count(outside) * OUT_OF_SCOPE) as usize;
    let strangers = seen.iter().filter(|one| one.is_outside && one.answered).map(|one| one.sure);
    let surest = strangers.skip(excused).fold(0.0, f64::max);
    let floor = if outside < ENOUGH_OUTSIDE { CAUTIOUS } else { 0.0 };
    level.max(surest + DISTANCE * (1.0 - surest)).max(floor)
}

/// The level below which the right entry is too seldom among the options.
fn clarify_at(seen: &[Seen]) -> f64 {
    let windows = seen.windows(WINDOW.min(seen.len().max(1)));
    let mut worth = windows
        .rev()
        .filter(|part| share(part.iter().filter(|one| one.is_offered).count(), part.len()) >= WORTH_ASKING);
    worth.next().and_then(|part| part.last()).map_or(0.25, |one| one.sure)
}
