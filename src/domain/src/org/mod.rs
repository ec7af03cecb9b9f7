//! What is administered: units, teams, duty, items, policies. Plain data with its checks; [`Directory`] is all of it at one
//! moment and knows how the parts refer to each other. Each kind's type is the JSON that rows and the REST interface carry.

mod coverage;
mod directory;
mod item;
mod keeping;
mod notice;
mod opening;
mod policy;
mod priority;
mod quality;
mod reach;
mod rings;
mod shift;
#[cfg(test)]
mod tests;
mod transfer;
mod unit;
mod week;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use coverage::{Coverage, Hole, coverage};
pub use directory::{CITY, Directory, GENERAL, Problem};
pub use item::{Audience, Item, Number, Situation};
pub use keeping::{BlockedVisitor, LegalHold, Retention};
pub use notice::{CannedAnswer, Notice, NoticeLevel};
pub use opening::{CalendarYear, SpecialHours};
pub use policy::{PolicyStep, SlaPolicy};
pub use priority::is_first;
pub use quality::{DrawnPer, FULL, Question, SamplePlan, ScoreCard};
pub use rings::{Helpers, neighbours};
pub use shift::{Duty, Shift};
pub(crate) use transfer::digits;
pub use transfer::{TransferNumber, USUAL_RANK};
pub use unit::{ServiceHours, Team, Unit, UnitKind};
pub use week::{Day, Week, week};

use crate::{Timestamp, privacy::Data, rights::Action, words::words};

words! {
    /// Kind of an administered record.
    Kind {
        /// City, district, department or office.
        Unit = "unit",
        /// 技能组 with its queue.
        Team = "team",
        /// Duty of one member of staff in the roster.
        Shift = "shift",
        /// 事项.
        Item = "item",
        /// What is promised by when, and what its steps cause.
        SlaPolicy = "sla_policy",
        /// What citizens are told in the widget before they ask.
        Notice = "notice",
        /// A prepared text for agents.
        CannedAnswer = "canned_answer",
        /// A visitor who may not ask for humans for a while.
        BlockedVisitor = "blocked_visitor",
        /// How long a class of data is kept.
        Retention = "retention",
        /// What must not be deleted, whatever its age.
        LegalHold = "legal_hold",
        /// Holidays and make-up days of a year.
        CalendarYear = "calendar_year",
        /// Hours of single dates.
        SpecialHours = "special_hours",
        /// Questions by which conversations are inspected.
        ScoreCard = "score_card",
        /// Which conversations are drawn for inspection.
        SamplePlan = "sample_plan",
        /// A telephone of a department that calls are put through to.
        TransferNumber = "transfer_number",
    }
}

impl Kind {
    /// The right to change records of this kind.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::Unit | Self::Team | Self::CalendarYear | Self::SpecialHours => Action::ManageUnits,
            Self::Shift | Self::TransferNumber => Action::ManageRoster,
            Self::Item => Action::ManageItems,
            Self::SlaPolicy => Action::ManagePolicies,
            Self::Notice | Self::CannedAnswer => Action::ManageNotices,
            Self::BlockedVisitor => Action::BlockVisitors,
            Self::Retention | Self::LegalHold => Action::ManageRetention,
            Self::ScoreCard | Self::SamplePlan => Action::Inspect,
        }
    }
}

/// A value that cannot be taken, by the name of its field, e.g. `hours.periods[1]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// Which; empty: the whole.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Longest name.
pub const MAX_NAME: usize = 100;

/// Longest text that people read.
pub const MAX_TEXT: usize = 4_000;

/// Most parts of a list.
pub const MAX_LIST: usize = 500;

/// A text of one line, `least..=most` characters, without blanks around it.
pub(crate) fn line(field: &str, text: &str, least: usize, most: usize) -> Result<(), Invalid> {
    if text.contains(char::is_control) {
        return Err(Invalid::new(field, "must be one line without control characters"));
    }
    length(field, text, least, most)
}

/// A text that may have lines.
pub(crate) fn lines(field: &str, text: &str, least: usize, most: usize) -> Result<(), Invalid> {
    if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
        return Err(Invalid::new(field, "must not have control characters"));
    }
    length(field, text, least, most)
}

fn length(field: &str, text: &str, least: usize, most: usize) -> Result<(), Invalid> {
    let problem = match text.chars().count() {
        n if n < least && least > 1 => format!("must have at least {least} characters"),
        n if n < least => "must not be empty".to_owned(),
        n if n > most => format!("must have at most {most} characters"),
        _ if text.trim() != text => "must not begin or end with a blank".to_owned(),
        _ => return Ok(()),
    };
    Err(Invalid::new(field, problem))
}

/// A list that is not too long and names nothing twice.
pub(crate) fn set<T: PartialEq>(field: &str, list: &[T]) -> Result<(), Invalid> {
    if list.len() > MAX_LIST {
        return Err(Invalid::new(field, format!("must have at most {MAX_LIST} parts")));
    }
    let twice = |(n, one): (usize, &T)| list[..n].contains(one).then_some(n);
    match list.iter().enumerate().find_map(twice) {
        Some(n) => Err(Invalid::new(format!("{field}[{n}]"), "is named twice")),
        None => Ok(()),
    }
}

/// A code: 1..=64 small letters, digits, `-`, `_` and `.`; what else a kind takes, it says itself.
pub(crate) fn code(field: &str, text: &str) -> Result<(), Invalid> {
    let is_code = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte));
    if is_code {
        return Ok(());
    }
    Err(Invalid::new(field, "must be 1 to 64 small letters, digits, \"-\", \"_\" or \".\""))
}

macro_rules! bodies {
    ($($kind:ident,)+) => {
        /// What a record says.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "RecordBody", export_to = "protocol.ts"))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RecordBody))]
        #[serde(untagged)]
        pub enum Body {
            $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind($kind),)+
        }

        impl Body {
            /// Which kind it is of.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)+ }
            }

            /// Reads one of a kind.
            ///
            /// # Errors
            /// The deserialiser's.
            pub fn read<'de, D: serde::Deserializer<'de>>(kind: Kind, from: D) -> Result<Self, D::Error> {
                match kind { $(Kind::$kind => $kind::deserialize(from).map(Self::$kind),)+ }
            }

            /// Looks at everything that can be judged without the other records.
            ///
            /// # Errors
            /// [`Invalid`] names the first field that cannot be taken.
            pub fn check(&self) -> Result<(), Invalid> {
                match self { $(Self::$kind(body) => body.check(),)+ }
            }
        }
    };
}

bodies! {
Unit, Team, Shift, Item, SlaPolicy, Notice, CannedAnswer, BlockedVisitor, Retention, LegalHold, CalendarYear,
SpecialHours, ScoreCard, SamplePlan, TransferNumber, }

/// An administered record at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Code, unique within its kind.
    pub id: String,
    /// Number within its kind, never used twice. A team's is its [`crate::TeamId`].
    pub no: u64,
    /// 1, 2, ...
    pub version: u64,
    /// Last change.
    pub changed_at: Timestamp,
    /// What it says.
    pub body: Body,
}

impl Record {
    /// Has it this word (in small letters) in its code or in what people read of it?
    #[must_use]
    pub fn speaks_of(&self, word: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(word);
        let says = match &self.body {
            Body::Unit(unit) => has(&unit.name),
            Body::Team(team) => has(&team.name) || has(&team.name_en),
            Body::Shift(shift) => has(&shift.team) || has(&shift.note) || shift.agent.to_string() == word,
            Body::Item(item) => has(&item.name) || has(&item.name_en) || item.aliases.iter().any(|alias| has(alias)),
            Body::SlaPolicy(policy) => has(&policy.name),
            Body::Notice(notice) => has(&notice.text) || has(&notice.text_en),
            Body::CannedAnswer(answer) => has(&answer.title) || has(&answer.text),
            Body::BlockedVisitor(visitor) => has(&visitor.reason) || visitor.citizen.to_string() == word,
            Body::Retention(retention) => has(&retention.note),
            Body::LegalHold(hold) => has(&hold.reason) || hold.subject == word,
            Body::CalendarYear(year) => has(&year.source),
            Body::SpecialHours(special) => has(&special.note) || special.teams.iter().any(|team| team == word),
            Body::ScoreCard(card) => has(&card.name) || has(&card.name_en),
            Body::SamplePlan(plan) => has(&plan.name),
            Body::TransferNumber(number) => {
                let is_dialled = word.len() >= 3
                    && String::from_utf8_lossy(&digits(&number.number).collect::<Vec<_>>()).contains(word);
                has(&number.label)
                    || has(&number.number)
                    || has(&number.note)
                    || number.unit == word
                    || is_dialled
                    || number.items.iter().any(|item| item == word)
            }
        };
        says || has(&self.id)
    }
}

/// Is it a code that a record of this kind may have?
///
/// # Errors
/// [`Invalid`] for the field `id`.
pub fn check_id(kind: Kind, id: &str) -> Result<(), Invalid> {
    match kind {
        // Typed by people after a slash, in whatever language they think.
        Kind::CannedAnswer => {
            let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
            if (1..=32).contains(&id.chars().count()) && id.chars().all(is_word) {
                return Ok(());
            }
            Err(Invalid::new("id", "must be 1 to 32 letters, digits, \"-\" or \"_\""))
        }
        Kind::Retention if Data::parse(id).is_none() => {
            let known: Vec<&str> = Data::ALL.iter().map(|data| data.as_str()).collect();
            Err(Invalid::new("id", format!("must be one of {}", known.join(", "))))
        }
        Kind::CalendarYear if opening::year_of(id).is_none() => {
            Err(Invalid::new("id", "must be a year, e.g. \"2027\""))
        }
        _ => code("id", id),
    }
}

/// Shared, because most of a directory is the same in the next one.
type Shared = Arc<Record>;
