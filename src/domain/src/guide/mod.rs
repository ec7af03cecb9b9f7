//! Guided dialogue (问答式引导; DOMAIN rule 18): the questions of one item that lead to a situation, and what is to be
//! known of that situation.
//!
//! A situation says of the questions that it depends on which choices fit it; what it does not mention does not matter to
//! it. The situations that fit every answer so far are the *candidates*. The next question is the first one in the guide's
//! order by which the candidates still differ, so nothing is asked that decides nothing, and the editor decides what is asked
//! first. A walk ends when nothing separates the candidates any more: in one situation, or, where a question was skipped,
//! in the list of those that remain.
//!
//! The walk is a value of the answers and of nothing else, so the thread can carry it. [`Guide::check`] looks at every way
//! through the guide: a choice that would fit no situation, and situations that no question tells apart, are never published.

mod check;
mod checklist;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};

pub use check::{MAX_CHOICES, MAX_QUESTIONS, MAX_SITUATIONS};
pub use checklist::{Checklist, ChecklistLine};
pub use walk::{Fact, Facts, Given, Next, Refusal, Walk};

use crate::words::words;

words! {
    /// What a question is about: the answer may be known.
    GuideAbout {
        /// Whom it is for: the choices are `person` and `enterprise`, and the citizen's token knows.
        Audience = "audience",
        /// Where: choices name districts, and the question or the team of the conversation may tell.
        District = "district",
        /// Something else.
        Other = "other",
    }
}

/// One answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "GuideChoice", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = GuideChoice))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choice {
    /// Unique within the question.
    pub code: String,
    /// As the citizen reads it.
    pub label: String,
    /// What a citizen says who means it: a question that has one of these words has been answered.
    #[serde(default)]
    pub words: Vec<String>,
    /// Of a question about the district: codes of those that it stands for; none: all that no other choice names.
    #[serde(default)]
    pub districts: Vec<String>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "GuideQuestion", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = GuideQuestion))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// Unique within the guide.
    pub code: String,
    /// As the citizen reads it.
    pub text: String,
    /// How to find out, in a sentence or two; may be empty.
    #[serde(default)]
    pub help: String,
    /// What it is about.
    pub about: GuideAbout,
    /// Its answers, in their order.
    pub choices: Vec<Choice>,
}

/// Which answers to a question fit a situation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "GuideFit", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = GuideFit))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fit {
    /// Code of the question.
    pub question: String,
    /// Codes of its choices.
    pub choices: Vec<String>,
}

/// A document that is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "GuideMaterial", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = GuideMaterial))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Material {
    /// Its name.
    pub name: String,
    /// Original or copy, who issues it; may be empty.
    #[serde(default)]
    pub note: String,
}

/// 情形: where a walk may end, and what is to be known then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "GuideSituation", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = GuideSituation))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Situation {
    /// Unique within the guide.
    pub code: String,
    /// As the citizen reads it.
    pub name: String,
    /// Code of the item's situation whose review points count beside those of the whole item; empty: none.
    #[serde(default)]
    pub of: String,
    /// Which answers fit it; a question that is not here does not matter to it.
    #[serde(default)]
    pub fits: Vec<Fit>,
    /// Conditions, one sentence each, beside those of the review points.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Documents, beside those of the review points.
    #[serde(default)]
    pub materials: Vec<Material>,
    /// Where it is done.
    #[serde(rename = "where")]
    pub place: String,
    /// How long it takes.
    pub duration: String,
    /// What it costs.
    pub cost: String,
    /// Where to go on, `https://….gov.cn`; may be empty.
    #[serde(default)]
    pub link: String,
    /// The document or office that it rests on.
    pub source: String,
}

/// What a revision of a guide says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "GuideContent", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = GuideContent))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guide {
    /// In the order in which they are asked.
    pub questions: Vec<Question>,
    /// Where it may end.
    pub situations: Vec<Situation>,
}
