//! What conversations are inspected by (质检): score cards, and plans that say which conversations are drawn. A card is
//! worth 100 points; an inspection names the version of the card that it was made by.

use serde::{Deserialize, Serialize};

use super::{Invalid, MAX_NAME, code, line, set};
use crate::{AgentId, words::words};

/// Points of a whole card (百分制).
pub const FULL: u32 = 100;

/// Questions of one card.
const MOST_QUESTIONS: usize = 50;

/// Longest question.
const MAX_QUESTION: usize = 300;

/// Most conversations of one stratum and week.
const MOST_DRAWN: u32 = 500;

/// One question of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// What it belongs to, e.g. 首次响应; neighbours with the same words are shown under one heading.
    pub section: String,
    /// The heading in English; empty: as `section`.
    #[serde(default)]
    pub section_en: String,
    /// What is asked.
    pub text: String,
    /// In English; empty: as `text`.
    #[serde(default)]
    pub text_en: String,
    /// Points if it is done well.
    pub points: u32,
    /// With no point here the whole conversation has none (一票否决).
    #[serde(default)]
    pub fatal: bool,
}

/// 评分卡.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreCard {
    /// Name.
    pub name: String,
    /// In English; empty: as `name`.
    #[serde(default)]
    pub name_en: String,
    /// Code of the unit that owns it; `None`: the city.
    #[serde(default)]
    pub unit: Option<String>,
    /// In the order in which they are asked; their points make 100.
    pub questions: Vec<Question>,
}

impl ScoreCard {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("name", &self.name, 1, MAX_NAME)?;
        line("nameEn", &self.name_en, 0, MAX_NAME)?;
        if !(1..=MOST_QUESTIONS).contains(&self.questions.len()) {
            return Err(Invalid::new("questions", format!("must be 1 to {MOST_QUESTIONS}")));
        }
        for (n, question) in self.questions.iter().enumerate() {
            let field = |name: &str| format!("questions[{n}].{name}");
            line(&field("section"), &question.section, 1, MAX_NAME)?;
            line(&field("sectionEn"), &question.section_en, 0, MAX_NAME)?;
            line(&field("text"), &question.text, 1, MAX_QUESTION)?;
            line(&field("textEn"), &question.text_en, 0, MAX_QUESTION)?;
            if !(1..=FULL).contains(&question.points) {
                return Err(Invalid::new(field("points"), format!("must be 1 to {FULL}")));
            }
        }
        let sum: u32 = self.questions.iter().map(|question| question.points).sum();
        if sum != FULL {
            return Err(Invalid::new("questions", format!("have {sum} points together, not {FULL}")));
        }
        self.unit.as_ref().map_or(Ok(()), |unit| code("unit", unit))
    }
}

words! {
    /// Of what a plan draws its number.
    DrawnPer {
        /// All that it is about, together.
        Plan = "plan",
        /// Each team.
        Team = "team",
        /// Each agent.
        Agent = "agent",
    }
}

/// 抽样方案: what is drawn of a week's closed conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SamplePlan {
    /// Name.
    pub name: String,
    /// Code of the card by which is inspected.
    pub card: String,
    /// Code of the unit whose teams, and those below, it is about; `None`: the city.
    #[serde(default)]
    pub unit: Option<String>,
    /// Only these teams; empty: all of the unit.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Only these agents; empty: all.
    #[serde(default)]
    pub agents: Vec<AgentId>,
    /// Of what the number is counted.
    pub per: DrawnPer,
    /// So many at random; or `percent`.
    #[serde(default)]
    pub count: Option<u32>,
    /// This share at random, at least one.
    #[serde(default)]
    pub percent: Option<u32>,
    /// With the same seed the same are drawn.
    pub seed: u32,
    /// All with one or two stars, too.
    #[serde(default)]
    pub bad_reviews: bool,
    /// All whose first response came too late, too.
    #[serde(default)]
    pub breaches: bool,
    /// All that were handed on more than twice, too.
    #[serde(default)]
    pub transfers: bool,
    /// Drawn every week; else by hand only.
    #[serde(default)]
    pub weekly: bool,
}

impl SamplePlan {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("name", &self.name, 1, MAX_NAME)?;
        code("card", &self.card)?;
        set("teams", &self.teams)?;
        for (n, one) in self.teams.iter().enumerate() {
            code(&format!("teams[{n}]"), one)?;
        }
        set("agents", &self.agents)?;
        match (self.count, self.percent) {
            (Some(_), Some(_)) => return Err(Invalid::new("percent", "either a number or a percentage")),
            (None, None) => return Err(Invalid::new("count", "a number or a percentage is needed")),
            (Some(count), None) if count > MOST_DRAWN => {
                return Err(Invalid::new("count", format!("must be 0 to {MOST_DRAWN}")));
            }
            (None, Some(percent)) if !(1..=100).contains(&percent) => {
                return Err(Invalid::new("percent", "must be 1 to 100"));
            }
            _ => {}
        }
        self.unit.as_ref().map_or(Ok(()), |unit| code("unit", unit))
    }
}
