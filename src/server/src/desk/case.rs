//! One open conversation in the desk's memory.

use bangban_domain::{
    ConversationId, Timestamp,
    conversation::masked_name,
    routing::Clock,
    words::{CitizenKind, SlaStep},
};
use bangban_protocol::{ClockView, ConversationView, PersonView, Slot, ThreadBody};
use bangban_store::{ConversationRow, LedgerRow};
use serde::Deserialize;

use super::Owner;
use crate::catalogue::Catalogue;

/// What the desk knows of a conversation beside the router.
pub(super) struct Case {
    pub(super) row: ConversationRow,
    /// As staff see it.
    pub(super) citizen_name: String,
    pub(super) citizen_kind: CitizenKind,
    pub(super) clock: Option<Clock>,
    /// A pending transfer: to whom, and what was written.
    pub(super) transfer: Option<(String, String)>,
    /// What the citizen wrote last before a human was asked, at most 80 characters.
    pub(super) last_text: Option<String>,
    pub(super) position: Option<u32>,
    pub(super) version: u64,
}

impl Case {
    pub(super) fn new(
        row: ConversationRow,
        name: &str,
        kind: CitizenKind,
        clock: Option<Clock>,
        last_text: Option<String>,
    ) -> Self {
        let citizen_name = masked_name(name, kind);
        Self { row, citizen_name, citizen_kind: kind, clock, transfer: None, last_text, position: None, version: 0 }
    }

    pub(super) fn ledger(&self, clock: &Clock) -> LedgerRow {
        LedgerRow {
            conversation: self.row.id,
            no: self.row.clock_no,
            team: self.row.team.clone(),
            asked_at: clock.asked_at,
            due_at: clock.due_at,
            step: SlaStep::Running,
            breached_at: None,
            answered_at: None,
            left_at: None,
        }
    }
}

pub(super) fn clock_view(clock: &Clock) -> ClockView {
    ClockView { asked_at: clock.asked_at, due_at: clock.due_at, answered_at: clock.answered_at, step: clock.step }
}

/// The text of a stored entry, shortened, if it has one.
pub(super) fn text_of(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Stored {
        body: ThreadBody,
    }
    match serde_json::from_str::<Stored>(body).ok()?.body {
        ThreadBody::Text { text, .. } => Some(text.chars().take(80).collect()),
        _ => None,
    }
}

pub(super) const fn slot((starts_at, ends_at): (Timestamp, Timestamp)) -> Slot {
    Slot { starts_at, ends_at }
}

/// The state beside the thread, from the row and what else is known.
pub(crate) fn view_of(
    row: &ConversationRow,
    clock: Option<&Clock>,
    catalogue: &Catalogue,
    agent_name: Option<String>,
) -> ConversationView {
    ConversationView {
        id: row.id,
        version: 0,
        stage: row.stage,
        item: row.item.clone(),
        item_name: row.item.as_deref().and_then(|code| catalogue.item(code)).map(|item| item.name.clone()),
        team_name: catalogue
            .team(&row.team)
            .and_then(|team| catalogue.team_at(team))
            .map(|team| team.name.clone())
            .unwrap_or_default(),
        opened_at: row.opened_at,
        clock: clock.map(clock_view),
        position: None,
        agent: row.agent.zip(agent_name).map(|(id, name)| PersonView { id, name }),
        outcome: row.outcome,
        stars: row.stars,
        slot: row.slot.map(slot),
        citizen_read: row.citizen_read,
        agent_read: row.agent_read,
        citizen_online: false,
    }
}

impl Owner {
    /// The state beside the thread.
    pub(super) fn view(&self, id: ConversationId) -> Option<ConversationView> {
        let case = self.cases.get(&id)?;
        let name = case.row.agent.and_then(|agent| self.staff.get(&agent)).map(|member| member.name.clone());
        let view = view_of(&case.row, case.clock.as_ref(), &self.world.catalogue, name);
        Some(ConversationView { version: case.version, position: case.position, ..view })
    }
}
