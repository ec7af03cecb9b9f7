//! What 小申 decides by, as it is kept (docs/bot.md): thresholds and words.

use bangban_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The thresholds that hold and their history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ThresholdList {
    /// The newest first; the first one holds. The last one, version 0, came with the weights.
    pub versions: Vec<ThresholdView>,
    /// Version of the weights.
    pub model: String,
    /// May you change them?
    pub may_change: bool,
}

/// A version of the thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ThresholdView {
    /// 0: came with the weights.
    pub version: u64,
    /// At or above this the best entry may be answered outright.
    pub answer: f64,
    /// At or above this the citizen is asked back; below it a person takes over.
    pub clarify: f64,
    /// Between the two: at or above this a person checks the answer before it is given, where one is there; null: nobody does.
    pub approve: Option<f64>,
    /// From which data.
    pub basis: String,
    /// Why.
    pub reason: String,
    /// The version that it went back to.
    pub copy_of: Option<u64>,
    /// Who; empty: came with the weights.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<Timestamp>,
    /// Fitted by labels, with a calibrator of its own: how well both did; null: set by hand, or came with the weights.
    pub figures: Option<RefitFigures>,
}

/// How well 小申 decides on one half of the labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RefitSide {
    /// Expected calibration error: how far probability and truth are apart, 0 to 1.
    pub ece: f64,
    /// In scope: answered rightly, or asked back with the right entry among the options.
    pub resolved: f64,
    /// Nothing was right: answered all the same.
    pub oos_answered: f64,
}

/// Calibrator and thresholds fitted by one half of the labels, and judged by the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RefitFigures {
    /// Questions of the half that they were fitted by.
    pub fitted_by: u32,
    /// Questions of the half that judged.
    pub judged_by: u32,
    /// What held, on the half that judged.
    pub before: RefitSide,
    /// What was fitted, on the same half.
    pub after: RefitSide,
}

/// What became of a refit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum RefitOutcome {
    /// A new version holds.
    Fitted,
    /// There are too few questions whose right entry is known.
    TooFew,
    /// Probabilities would not be truer, or more would be answered that has no answer.
    NotBetter,
    /// It would answer questions of the regression set worse.
    Lowers,
}

/// A refit of calibrator and thresholds by labels.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Refitted {
    /// What became of it.
    pub outcome: RefitOutcome,
    /// Questions that labels say something of.
    pub questions: u32,
    /// So many are needed.
    pub needed: u32,
    /// Questions of the regression set that it would answer worse.
    pub lowered: u32,
    /// Before and after; null: too few.
    pub figures: Option<RefitFigures>,
}

/// Why a message is answered as it is (docs/bot.md).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WhyView {
    /// The message, without personal data.
    pub question: String,
    /// Something was taken out of it: what is shown is of the rest.
    pub masked: bool,
    /// The message in one spelling, with words replaced by those that say the same.
    pub read_as: String,
    /// Its words.
    pub words: Vec<String>,
    /// Name of the item that was a boost.
    pub item_name: Option<String>,
    /// Name of the district in which entries had to hold.
    pub district_name: Option<String>,
    /// The question of the entry that was answered before and was weighed too.
    pub context: Option<String>,
    /// Version of the weights that hold now.
    pub model: String,
    /// Version of the thresholds that hold now.
    pub thresholds: u64,
    /// At or above this an entry may be answered.
    pub answer: f64,
    /// At or above this the citizen is asked back.
    pub clarify: f64,
    /// At or above this a person checks the answer first, where one is there; null: nobody does.
    pub approve: Option<f64>,
    /// What is decided now.
    pub decision: WhyDecision,
    /// The nearest entries, best first, at most five.
    pub hits: Vec<WhyHit>,
    /// What was decided then; null: nothing was said, or it was kept without.
    pub then: Option<crate::Decided>,
    /// What was said in other words then; null: the official wording, or nothing, was said.
    pub said: Option<SaidOtherwise>,
}

/// An answer that was said in other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct SaidOtherwise {
    /// The official wording, as it was published then.
    pub official: String,
    /// What was said.
    pub text: String,
    /// The model that wrote it.
    pub by: String,
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum WhyDecision {
    /// The best entry is answered.
    Answer,
    /// A person checks the best entry's answer before it is given, where one is there; else the citizen is asked.
    Approve,
    /// The citizen is asked which entry is meant.
    Clarify,
    /// Nothing is near enough.
    NotFound,
    /// The words alone decide: a greeting, danger, a complaint, a wish for a person.
    ByWords,
}

/// One of the nearest entries.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WhyHit {
    /// Id.
    pub entry: String,
    /// Its question.
    pub question: String,
    /// That of its wordings which was nearest.
    pub row: String,
    /// BM25 of words; 0: this channel did not propose it.
    pub by_words: f64,
    /// BM25 of characters.
    pub by_characters: f64,
    /// BM25 of sounds.
    pub by_sounds: f64,
    /// What the ranker measured.
    pub features: Vec<WhyFeature>,
    /// Of the ranker.
    pub log_odds: f64,
    /// Calibrated.
    pub probability: f64,
    /// What this probability alone leads to.
    pub band: WhyDecision,
}

/// What the ranker measured of a wording.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct WhyFeature {
    /// Name.
    pub name: String,
    /// How much.
    pub value: f64,
}

/// A question that is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct WhyTry {
    /// 1..=200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub question: String,
    /// The page's item.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub item: Option<String>,
}

/// New thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct ThresholdPut {
    /// The version that holds: refused with `outdated` if it is another one.
    pub version: u64,
    /// Above `clarify`, at most 1.
    #[schema(minimum = 0, maximum = 1)]
    pub answer: f64,
    /// At least 0.
    #[schema(minimum = 0, maximum = 1)]
    pub clarify: f64,
    /// From `clarify` to `answer`; null: nobody checks answers.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub approve: Option<f64>,
    /// From which data; 1..=200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub basis: String,
    /// Why; 1..=500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Back to an earlier version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct ThresholdBack {
    /// The version that holds.
    pub version: u64,
    /// The version to go back to; 0: what came with the weights.
    pub to: u64,
    /// Why; 1..=500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Messages to 小申 that were only rude. Nothing is kept of who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RudeMessages {
    /// Days of Shanghai with at least one, the newest first, of the last 30 days.
    pub days: Vec<RudeDay>,
    /// In these days.
    pub total: u32,
}

/// How many messages of a day were only rude.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RudeDay {
    /// e.g. `2026-11-24`.
    pub day: String,
    /// How many.
    pub messages: u32,
}

/// A page of the list of words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WordList {
    /// By word, at most 200 of those that were looked for; first those that differ from the program's list.
    pub words: Vec<WordView>,
    /// How many were found.
    pub found: u32,
    /// How many there are.
    pub total: u32,
    /// May you change it?
    pub may_change: bool,
}

/// A word and what is read instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WordView {
    /// The word.
    pub word: String,
    /// What is read instead; `-`: nothing. Null: taken out, so it is read as it stands.
    pub reads_as: Option<String>,
    /// What the program's list has for it; null: it does not have the word.
    pub shipped: Option<String>,
    /// Who has changed it; empty: it is as the program's list has it.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<Timestamp>,
}

/// A word as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WordPut {
    /// 1..=20 characters.
    #[schema(min_length = 1, max_length = 20)]
    pub word: String,
    /// 1..=20 characters; `-`: it says nothing.
    #[schema(min_length = 1, max_length = 20)]
    pub reads_as: String,
}

/// What an import of words did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct WordsImported {
    /// New or read otherwise than before.
    pub changed: u32,
    /// As they were.
    pub same: u32,
}
