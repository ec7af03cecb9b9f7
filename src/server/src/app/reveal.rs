//! One masked thing, shown to one person who says why. Who asked, for what and why stands in the audit log before the
//! answer leaves; the value does not.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use bangban_domain::{
    AgentId, Timestamp, conversation,
    privacy::mask,
    rights::Action,
    time::{MINUTE, Millis},
    words::Stage,
};
use bangban_protocol::{
    ActionOutcome, ConversationView, ErrorCode, MaskedField, Reveal, Revealed, ThreadBody, WireError,
};
use bangban_store::{Audit, Author, Change, ConversationRow, Lane, Unit};

use super::{App, forbidden, invalid, not_found, store_error, thread_entry};
use crate::{
    auth::{Principal, Staff},
    privacy::json,
    staff::At,
    throttle::{Buckets, Rate},
};

/// Shortest and longest reason.
const LEAST_REASON: usize = 4;
const MAX_REASON: usize = 200;

/// So long a page shows it.
const SHOWN: Millis = MINUTE;

/// How often one member of staff may ask.
pub struct Reveals {
    buckets: Mutex<Buckets<AgentId>>,
    /// Seconds for one more: the buckets are filled by one a second of a time that goes slower by this factor.
    seconds: i64,
}

impl Reveals {
    /// So many at once, then one in so many seconds.
    #[must_use]
    pub fn new(burst: u32, seconds: u32) -> Self {
        let buckets = Mutex::new(Buckets::new(Rate { burst, per_second: 1 }));
        Self { buckets, seconds: seconds.max(1).into() }
    }

    fn take(&self, who: AgentId, now: Timestamp) -> Result<(), WireError> {
        let slow = Timestamp(now.0.div_euclid(self.seconds));
        // A bucket is whole after every call, so a panic elsewhere has not harmed it.
        let may = self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(slow, who, false);
        if may { Ok(()) } else { Err(WireError::new(ErrorCode::RateLimited, "too much was revealed lately, wait")) }
    }
}

/// A reason that somebody has to give, as it goes into the audit log: whatever is personal in it is masked.
///
/// # Errors
/// Names the field.
pub fn reason(text: &str) -> Result<String, WireError> {
    let text = conversation::text("reason", text, MAX_REASON).map_err(invalid)?;
    if text.chars().count() < LEAST_REASON {
        return Err(WireError::field("reason", format!("must have at least {LEAST_REASON} characters")));
    }
    Ok(mask(text).into_owned())
}

impl App {
    /// Shows what was asked for, to the agent who serves the conversation or to one who may reveal in its unit.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `rate_limited`, or the field that is wrong.
    pub async fn reveal(&self, who: &Principal, wanted: &Reveal, address: IpAddr) -> Result<Revealed, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        let reason = reason(&wanted.reason)?;
        let (row, view) = self.readable(who, wanted.conversation).await?;
        let serves = view.agent.as_ref().is_some_and(|agent| agent.id == staff.id)
            && matches!(view.stage, Stage::Serving | Stage::WrapUp);
        if !serves && !self.may_reveal(staff, &row) {
            return Err(forbidden());
        }
        let now = self.clock.now();
        self.reveals.take(staff.id, now)?;
        let (text, detail) = match (wanted.seq, wanted.note, wanted.field) {
            (Some(seq), None, None) => {
                (self.entry_text(&row, Lane::Public, seq, "seq").await?, serde_json::json!({ "seq": seq }))
            }
            (None, Some(seq), None) => {
                (self.entry_text(&row, Lane::Notes, seq, "note").await?, serde_json::json!({ "note": seq }))
            }
            (None, None, Some(field)) => (self.field(&row, field).await?, serde_json::json!({ "field": field })),
            _ => return Err(WireError::field("seq", "exactly one of seq, note and field")),
        };
        let line = Audit {
            at: now,
            actor: Author::Agent(staff.id),
            action: "data.reveal",
            kind: "conversation".to_owned(),
            subject: row.id.to_string(),
            unit: self.unit_of(&row),
            reason: Some(reason),
            address: Some(address.to_string()),
            detail: json(&detail),
        };
        // First the line, then the answer.
        let unit = Unit { changes: vec![Change::Audit(line)], ..Unit::default() };
        self.store.commit(unit).await.map_err(store_error)?;
        metrics::counter!("bangban_reveals_total").increment(1);
        tracing::info!(agent = %staff.id, conversation = %row.id, "masked data is shown");
        Ok(Revealed { text, until: now + SHOWN })
    }

    fn may_reveal(&self, staff: &Staff, row: &ConversationRow) -> bool {
        let unit = self.unit_of(row);
        self.may(staff, Action::Reveal, At { unit: unit.as_deref(), item: row.item.as_deref() })
    }

    /// Code of the unit that a conversation belongs to.
    fn unit_of(&self, row: &ConversationRow) -> Option<String> {
        self.rights.unit_of_team(&row.team)
    }

    /// A member of staff who may do one of these in the whole city.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn require_city<'a>(&self, who: &'a Principal, actions: &[Action]) -> Result<&'a Staff, WireError> {
        match who {
            Principal::Staff(staff) if actions.iter().any(|action| self.may(staff, *action, At::CITY)) => Ok(staff),
            Principal::Staff(_) | Principal::Citizen(_) => Err(forbidden()),
        }
    }

    /// A member of staff who may do it in at least one unit.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn require_anywhere<'a>(&self, who: &'a Principal, action: Action) -> Result<&'a Staff, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        self.require_somewhere(staff, action).map(|()| staff)
    }

    /// Whoever looks into a conversation that is not theirs leaves a line; the agent who serves or served it does their work.
    ///
    /// # Errors
    /// Whatever the store says; then nothing may be shown.
    pub(super) async fn tell_look(
        &self,
        staff: &Staff,
        row: &ConversationRow,
        view: &ConversationView,
        action: &'static str,
        detail: serde_json::Value,
    ) -> Result<(), WireError> {
        if view.agent.as_ref().is_some_and(|agent| agent.id == staff.id) {
            return Ok(());
        }
        let line = self.look_line(staff, row, action, &detail);
        let unit = Unit { changes: vec![Change::Audit(line)], ..Unit::default() };
        self.store.commit(unit).await.map(drop).map_err(store_error)
    }

    /// The line of the audit log on what somebody does with another's conversation.
    pub(super) fn look_line(
        &self,
        staff: &Staff,
        row: &ConversationRow,
        action: &'static str,
        detail: &serde_json::Value,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(staff.id),
            action,
            kind: "conversation".to_owned(),
            subject: row.id.to_string(),
            unit: self.unit_of(row),
            reason: None,
            address: None,
            detail: json(detail),
        }
    }

    async fn entry_text(
        &self,
        row: &ConversationRow,
        lane: Lane,
        seq: u64,
        field: &'static str,
    ) -> Result<String, WireError> {
        let none = || WireError { field: Some(field.to_owned()), ..not_found() };
        let before = seq.checked_sub(1).ok_or_else(none)?;
        let found = self.store.entries_after(row.id, lane, before, 1).await.map_err(store_error)?;
        let entry = found.into_iter().find(|entry| entry.seq == seq).ok_or_else(none)?;
        match thread_entry(entry)?.body {
            ThreadBody::Text { text, .. }
            | ThreadBody::Note { text }
            | ThreadBody::Flag { text, .. }
            | ThreadBody::TransferNote { text, .. } => Ok(text),
            ThreadBody::Image { name, .. } | ThreadBody::File { name, .. } => Ok(name),
            ThreadBody::ActionEnded { outcome: ActionOutcome::Progress { case }, .. } => Ok(case.note),
            _ => Err(WireError::field(field, "nothing of it is masked")),
        }
    }

    async fn field(&self, row: &ConversationRow, field: MaskedField) -> Result<String, WireError> {
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?.ok_or_else(not_found)?;
        let value = match field {
            MaskedField::Name => Some(citizen.name).filter(|name| !name.is_empty()),
            MaskedField::Phone => row.call_back_phone.clone().or(citizen.phone),
        };
        let none = || WireError { field: Some("field".to_owned()), ..WireError::new(ErrorCode::NotFound, "not known") };
        value.ok_or_else(none)
    }
}
