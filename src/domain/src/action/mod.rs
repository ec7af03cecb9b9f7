//! Actions (DOMAIN rule 4; docs/actions.md): what 小申 does for a citizen at the systems of the offices: an appointment in a
//! hall is made, changed or cancelled, the progress of a case is looked up, an application is begun.
//!
//! ```text
//!   collecting ──► confirming ──► acting ──► done | failed
//!       │  ▲            │            │  ▲
//!       │  └───back─────┤            ▼  │ (looked up by its key)
//!       └──► left ◄─────┘          unknown ──► done | failed
//! ```
//!
//! *Collecting* and *confirming* are a [`Walk`]: a value of the choices so far, which the thread carries. What the offices
//! offer comes in as [`Found`]; what is missing goes out as [`Need`]. Only what changes something is confirmed. From the
//! confirmation on a row is the truth ([`ActionState`]), and [`after`] says what follows from what was learned of it.

mod intent;
mod outcome;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};

pub use intent::wanted;
pub use outcome::{Learned, SEND_WITHIN, Then, UNCLEAR_AFTER, after};
pub use walk::{Chosen, Found, MAX_OPTIONS, Need, Next, Refusal, Walk};

use crate::{Timestamp, words::words};

words! {
    /// What is done.
    ActionKind {
        /// 预约: an appointment is made.
        Book = "book",
        /// 改约: an appointment gets another time.
        Change = "change",
        /// 取消预约: an appointment is cancelled.
        Cancel = "cancel",
        /// 查进度: how far a case is.
        Progress = "progress",
        /// 去申请: where an application begins.
        Apply = "apply",
    }
}

impl ActionKind {
    /// Does it concern somebody in person, who therefore has to be known?
    #[must_use]
    pub const fn is_personal(self) -> bool {
        !matches!(self, Self::Apply)
    }
}

words! {
    /// What is asked.
    ActionAsk {
        /// Which of one's appointments.
        Appointment = "appointment",
        /// Which hall.
        Hall = "hall",
        /// Which day.
        Date = "date",
        /// Which time of the day.
        Time = "time",
        /// Which of one's cases.
        Case = "case",
    }
}

words! {
    /// What a citizen does in an action.
    ActionStepKind {
        /// Chooses one of the options.
        Choose = "choose",
        /// Takes the last choice back.
        Back = "back",
        /// 确认: it shall be done.
        Confirm = "confirm",
        /// 取消: nothing is done.
        Leave = "leave",
    }
}

words! {
    /// Where an action stands that was confirmed.
    ActionState {
        /// The office was asked, or is about to be.
        Acting = "acting",
        /// It has not said what became of it, and the citizen has been told so.
        Unknown = "unknown",
        /// Done.
        Done = "done",
        /// Not done, or nobody can say.
        Failed = "failed",
    }
}

words! {
    /// Why nothing was done. The interface owns the wording, and what to do next.
    ActionFailure {
        /// Nobody has said who the citizen is.
        SignIn = "sign_in",
        /// The item has no such action, or none any more.
        NotOffered = "not_offered",
        /// No hall has a free time.
        NoOpenings = "no_openings",
        /// The citizen has no appointment.
        NoAppointments = "no_appointments",
        /// The citizen has no case.
        NoCases = "no_cases",
        /// Somebody else has taken the time.
        OpeningGone = "opening_gone",
        /// The citizen has an appointment for the item.
        AlreadyBooked = "already_booked",
        /// It is too late to change or cancel it.
        TooLate = "too_late",
        /// The office does not know it, or not as the citizen's.
        NotFound = "not_found",
        /// The citizen has done it too often today.
        Limit = "limit",
        /// The office does not want it.
        Refused = "refused",
        /// The office is not reached. Nothing was done.
        Unavailable = "unavailable",
        /// It never arrived. Nothing was done.
        NotDone = "not_done",
        /// Nobody can say whether it was done.
        Unclear = "unclear",
    }
}

/// A free time in a hall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// What the office calls it.
    pub code: String,
    /// Code of the hall.
    pub hall: String,
    /// Its name.
    pub hall_name: String,
    /// Where it is.
    pub address: String,
    /// Code of its district; may be empty.
    pub district: String,
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// So many more it takes.
    pub left: u32,
}

/// An appointment of a citizen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// What the office calls it.
    pub code: String,
    /// What the citizen shows there.
    pub number: String,
    /// Code of the item.
    pub item: String,
    /// Its name.
    pub item_name: String,
    /// Code of the hall.
    pub hall: String,
    /// Its name.
    pub hall_name: String,
    /// Where it is.
    pub address: String,
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
}

/// A case of a citizen, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CaseProgress {
    /// What the office calls it.
    pub number: String,
    /// Code of the item.
    pub item: String,
    /// Its name.
    pub item_name: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The step that it is at, as people read it.
    pub step: String,
    /// When it is promised.
    pub due_at: Option<Timestamp>,
    /// What the office has to say to the citizen; may be empty, and may be personal.
    pub note: String,
}

/// Something that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ActionOption {
    /// Its code.
    pub code: String,
    /// In every language the same: a name, a number, `2026-12-01`, `09:00-10:00`.
    pub label: String,
    /// Of a time: its begin, by which an interface can say it better.
    pub at: Option<Timestamp>,
    /// Of a time or a day: so many more there are.
    pub left: Option<u32>,
}

/// A field of something from outside that cannot be taken, in the contract's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing, too long, or holds what is no plain text")]
pub struct BadField(pub &'static str);

/// Longest code and number.
const MAX_CODE: usize = 64;

/// Longest name and address.
const MAX_NAME: usize = 120;

/// Longest note at a case.
const MAX_NOTE: usize = 500;

fn code(field: &'static str, text: &str) -> Result<(), BadField> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | ':');
    let is_code = !text.is_empty() && text.len() <= MAX_CODE && text.chars().all(is_plain);
    if is_code { Ok(()) } else { Err(BadField(field)) }
}

/// Whoever sends markup does not keep the contract, and nothing else of it is believed.
fn line(field: &'static str, text: &str, least: usize, most: usize) -> Result<(), BadField> {
    let is_plain = !text.chars().any(|letter| letter.is_control() || matches!(letter, '<' | '>'));
    let length = text.trim().chars().count();
    if is_plain && (least..=most).contains(&length) { Ok(()) } else { Err(BadField(field)) }
}

impl Opening {
    /// Looks at what came from outside.
    ///
    /// # Errors
    /// The first field that cannot be taken; the same holds for those below.
    pub fn check(&self) -> Result<(), BadField> {
        code("code", &self.code)?;
        code("hall", &self.hall)?;
        line("hallName", &self.hall_name, 1, MAX_NAME)?;
        line("address", &self.address, 0, MAX_NAME)?;
        line("district", &self.district, 0, MAX_CODE)?;
        if self.ends_at > self.starts_at { Ok(()) } else { Err(BadField("endsAt")) }
    }
}

impl Appointment {
    /// See [`Opening::check`].
    ///
    /// # Errors
    /// See there.
    pub fn check(&self) -> Result<(), BadField> {
        code("code", &self.code)?;
        code("number", &self.number)?;
        code("item", &self.item)?;
        line("itemName", &self.item_name, 1, MAX_NAME)?;
        code("hall", &self.hall)?;
        line("hallName", &self.hall_name, 1, MAX_NAME)?;
        line("address", &self.address, 0, MAX_NAME)?;
        if self.ends_at > self.starts_at { Ok(()) } else { Err(BadField("endsAt")) }
    }
}

impl CaseProgress {
    /// See [`Opening::check`].
    ///
    /// # Errors
    /// See there.
    pub fn check(&self) -> Result<(), BadField> {
        code("number", &self.number)?;
        code("item", &self.item)?;
        line("itemName", &self.item_name, 1, MAX_NAME)?;
        line("step", &self.step, 1, MAX_NAME)?;
        line("note", &self.note, 0, MAX_NOTE)
    }
}
