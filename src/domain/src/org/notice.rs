//! What citizens are told before they ask, and what agents have ready to say.

use serde::{Deserialize, Serialize};

use super::{Invalid, MAX_NAME, MAX_TEXT, code, line, lines, set};
use crate::{Timestamp, words::words};

words! {
    /// How urgent a notice is.
    NoticeLevel {
        /// Good to know.
        Info = "info",
        /// Something is not as usual.
        Warning = "warning",
        /// Something does not work.
        Outage = "outage",
    }
}

/// Shown in the widget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notice {
    /// The words.
    pub text: String,
    /// In English; empty: as `text`.
    #[serde(default)]
    pub text_en: String,
    /// How urgent.
    pub level: NoticeLevel,
    /// Codes of the items that it is about.
    #[serde(default)]
    pub items: Vec<String>,
    /// Codes of the teams that it is about; with `items` empty too: everybody is told.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Shown from then on.
    pub from: Timestamp,
    /// No more from then on; `None`: until it is removed.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Code of the unit that says it; `None`: the city.
    #[serde(default)]
    pub unit: Option<String>,
    /// As long as it is shown, humans of the teams that it is about do not answer (an emergency closure); who has asked
    /// before is still answered (rule 1).
    #[serde(default)]
    pub closes: bool,
}

impl Notice {
    /// Longest notice: it stands above a chat.
    const LONGEST: usize = 500;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        lines("text", &self.text, 1, Self::LONGEST)?;
        lines("textEn", &self.text_en, 0, 2 * Self::LONGEST)?;
        for (field, codes) in [("items", &self.items), ("teams", &self.teams)] {
            set(field, codes)?;
            for (n, one) in codes.iter().enumerate() {
                code(&format!("{field}[{n}]"), one)?;
            }
        }
        if self.to.is_some_and(|to| to <= self.from) {
            return Err(Invalid::new("to", "must be later than from"));
        }
        if self.closes && !self.items.is_empty() {
            return Err(Invalid::new("closes", "closes teams, so no items can be named"));
        }
        self.unit.as_ref().map_or(Ok(()), |unit| code("unit", unit))
    }

    /// Is it shown at this instant?
    #[must_use]
    pub fn is_shown(&self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

/// A prepared text; its code is what agents type after `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CannedAnswer {
    /// What it is about.
    pub title: String,
    /// The words.
    pub text: String,
    /// Codes of the teams that have it; empty: all of the unit.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Code of the unit that owns it; `None`: the city.
    #[serde(default)]
    pub unit: Option<String>,
}

impl CannedAnswer {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("title", &self.title, 1, MAX_NAME)?;
        lines("text", &self.text, 1, MAX_TEXT)?;
        set("teams", &self.teams)?;
        for (n, one) in self.teams.iter().enumerate() {
            code(&format!("teams[{n}]"), one)?;
        }
        self.unit.as_ref().map_or(Ok(()), |unit| code("unit", unit))
    }
}
