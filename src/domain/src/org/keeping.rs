//! How long data is kept, what must stay, and who may not ask.

use serde::{Deserialize, Serialize};

use super::{Invalid, MAX_NAME, code, line, lines};
use crate::{CitizenId, ConversationId, Timestamp};

/// Longest reason and remark.
const MAX_REASON: usize = 500;

/// How long a class of data is kept; its code is the word of the class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retention {
    /// Days after the end of what it belongs to.
    pub days: u32,
    /// Why so long, e.g. the law that says so.
    #[serde(default)]
    pub note: String,
}

impl Retention {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if !(1..=36_500).contains(&self.days) {
            return Err(Invalid::new("days", "must be 1 to 36500"));
        }
        lines("note", &self.note, 0, MAX_REASON)
    }
}

/// What must not be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalHold {
    /// Id of a citizen (`ct_..`) or conversation (`cv_..`).
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Holds no more from then on; `None`: until it is removed.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl LegalHold {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.subject.parse::<CitizenId>().is_err() && self.subject.parse::<ConversationId>().is_err() {
            return Err(Invalid::new("subject", "must be the id of a citizen (ct_..) or of a conversation (cv_..)"));
        }
        lines("reason", &self.reason, 1, MAX_REASON)
    }
}

/// A visitor who may not ask for humans. The bot still answers them, and whoever serves them goes on to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockedVisitor {
    /// Who.
    pub citizen: CitizenId,
    /// Why.
    pub reason: String,
    /// May ask again from then on; `None`: not until it is removed.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Code of the unit for whose teams it holds; `None`: for all of the city.
    #[serde(default)]
    pub unit: Option<String>,
    /// What staff may see of the name, e.g. `张*`.
    #[serde(default)]
    pub name: String,
    /// The conversation because of which.
    #[serde(default)]
    pub conversation: Option<ConversationId>,
    /// Only what an agent proposes: it holds nothing until somebody who may takes this away.
    #[serde(default)]
    pub is_proposed: bool,
}

impl BlockedVisitor {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        lines("reason", &self.reason, 1, MAX_REASON)?;
        line("name", &self.name, 0, MAX_NAME)?;
        self.unit.as_ref().map_or(Ok(()), |unit| code("unit", unit))
    }

    /// Does it hold at this instant?
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        !self.is_proposed && self.until.is_none_or(|until| at < until)
    }
}
