//! Review points (审查要点): one rule by which a condition or a material of an item is checked. Structured, so that guided
//! questions and the pre-review of materials (rules 18 and 19) can use them.

use serde::{Deserialize, Serialize};

use crate::{
    org::{Directory, Invalid, code, line, lines},
    words::words,
};

/// Most review points of an item.
pub const MAX_POINTS: usize = 300;

/// Longest name of what is checked.
const MAX_SUBJECT: usize = 200;

/// Longest rule.
const MAX_RULE: usize = 1_000;

words! {
    /// What a review point checks.
    PointSubject {
        /// 条件: whether somebody may apply.
        Condition = "condition",
        /// 材料: whether a document is as it has to be.
        Material = "material",
    }
}

/// A review point of an item, or of one situation of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewPoint {
    /// Code of the item.
    pub item: String,
    /// Code of its situation; empty: all.
    #[serde(default)]
    pub situation: String,
    /// What is checked.
    pub subject: PointSubject,
    /// Name of the condition or material.
    pub name: String,
    /// The rule that it is checked against.
    pub rule: String,
    /// The document that the rule stands in, with its clause.
    pub source: String,
}

impl ReviewPoint {
    /// Looks at its fields and at what they refer to.
    ///
    /// # Errors
    /// [`Invalid`] names the first field that cannot be taken.
    pub fn check(&self, directory: &Directory) -> Result<(), Invalid> {
        code("item", &self.item)?;
        let item = directory.item(&self.item).ok_or_else(|| Invalid::new("item", "is no item"))?;
        if !self.situation.is_empty() && !item.situations.iter().any(|one| one.code == self.situation) {
            return Err(Invalid::new("situation", "is no situation of the item"));
        }
        line("name", &self.name, 1, MAX_SUBJECT)?;
        lines("rule", &self.rule, 1, MAX_RULE)?;
        line("source", &self.source, 1, MAX_SUBJECT)
    }
}
