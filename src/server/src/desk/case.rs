//! The open conversations in the desk's memory.

use std::collections::{BTreeSet, HashMap};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, TeamId, Timestamp,
    ledger::{PolicyRef, Promise},
    privacy::mask,
    routing::{Clock, Plan},
    words::{CitizenKind, Language, SlaStep, Stage},
};
use bangban_protocol::{ClockView, ConversationView, PersonView, Slot, ThreadBody};
use bangban_store::{ConversationRow, LedgerRow};
use serde::Deserialize;

use super::owner::Owner;
use crate::catalogue::Catalogue;

/// What the desk knows of a conversation beside the router.
pub(super) struct Case {
    pub(super) row: ConversationRow,
    /// As staff see it.
    pub(super) citizen_name: String,
    pub(super) citizen_kind: CitizenKind,
    /// The citizen's, if the portal gave one.
    pub(super) language: Option<Language>,
    pub(super) clock: Option<Clock>,
    /// A pending transfer: to whom, and what was written.
    pub(super) transfer: Option<(String, String)>,
    /// What the citizen wrote last before a human was asked, at most 80 characters.
    pub(super) last_text: Option<String>,
    /// What holds for its requests instead of what holds for its team, as it was when the last one was made.
    pub(super) plan: Option<Plan>,
    /// The receipt whose promise still stands.
    pub(super) receipt: Option<String>,
    /// Supervisors in the thread beside who serves.
    pub(super) helpers: BTreeSet<AgentId>,
    /// Its place in a team's queue, as it was shown last.
    pub(super) position: Option<(TeamId, u32)>,
    pub(super) version: u64,
}

impl Case {
    pub(super) fn new(row: ConversationRow, (citizen_name, citizen_kind): (String, CitizenKind)) -> Self {
        Self {
            row,
            citizen_name,
            citizen_kind,
            language: None,
            clock: None,
            transfer: None,
            last_text: None,
            plan: None,
            receipt: None,
            helpers: BTreeSet::new(),
            position: None,
            version: 0,
        }
    }

    /// The row of a clock that begins.
    pub(super) fn ledger(&self, clock: &Clock, promise: Promise, policy: Option<PolicyRef>) -> LedgerRow {
        LedgerRow {
            conversation: self.row.id,
            no: self.row.clock_no,
            promise,
            policy,
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

/// Conversations that are not closed, and those that were brought back for one order; found by id and by citizen.
#[derive(Default)]
pub(super) struct Cases {
    by_id: HashMap<ConversationId, Case>,
    by_citizen: HashMap<CitizenId, BTreeSet<ConversationId>>,
}

impl Cases {
    pub(super) fn insert(&mut self, case: Case) {
        self.by_citizen.entry(case.row.citizen).or_default().insert(case.row.id);
        self.by_id.insert(case.row.id, case);
    }

    pub(super) fn get(&self, id: ConversationId) -> Option<&Case> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConversationId) -> Option<&mut Case> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn contains(&self, id: ConversationId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ConversationId> + '_ {
        self.by_id.keys().copied()
    }

    /// The newest open conversation of a citizen on an item.
    pub(super) fn open_of(&self, citizen: CitizenId, item: Option<&str>) -> Option<ConversationId> {
        let own = self.by_citizen.get(&citizen)?.iter().rev().filter_map(|id| self.by_id.get(id));
        let mut open = own.filter(|case| case.row.stage != Stage::Closed && case.row.item.as_deref() == item);
        open.next().map(|case| case.row.id)
    }

    /// A citizen's conversations that are here.
    pub(super) fn of(&self, citizen: CitizenId) -> BTreeSet<ConversationId> {
        self.by_citizen.get(&citizen).cloned().unwrap_or_default()
    }

    /// All that is here of one person is another's.
    pub(super) fn claim(&mut self, visitor: CitizenId, citizen: CitizenId, person: &(String, CitizenKind)) {
        for id in self.by_citizen.remove(&visitor).unwrap_or_default() {
            self.by_citizen.entry(citizen).or_default().insert(id);
            if let Some(case) = self.by_id.get_mut(&id) {
                case.row.citizen = citizen;
                (case.citizen_name, case.citizen_kind) = person.clone();
            }
        }
    }

    /// Forgets a conversation if it is closed: rating and reopening bring it back from its row.
    pub(super) fn drop_closed(&mut self, id: ConversationId) {
        let Some(case) = self.by_id.get(&id).filter(|case| case.row.stage == Stage::Closed) else { return };
        let citizen = case.row.citizen;
        self.by_id.remove(&id);
        if let Some(own) = self.by_citizen.get_mut(&citizen) {
            own.remove(&id);
            if own.is_empty() {
                self.by_citizen.remove(&citizen);
            }
        }
    }
}

pub(super) fn clock_of(row: &LedgerRow) -> Clock {
    Clock {
        asked_at: row.asked_at,
        due_at: row.due_at,
        answered_at: row.answered_at,
        left_at: row.left_at,
        step: row.step,
    }
}

pub(super) fn clock_view(clock: &Clock) -> ClockView {
    ClockView { asked_at: clock.asked_at, due_at: clock.due_at, answered_at: clock.answered_at, step: clock.step }
}

/// The begin of a text as staff see it. Masked first: half a number would not be recognised.
pub(super) fn preview(text: &str) -> String {
    mask(text).chars().take(80).collect()
}

/// The text of a stored entry, masked and shortened, if it has one; of a file its name, of a voice message its length.
pub(super) fn text_of(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Stored {
        body: ThreadBody,
    }
    match serde_json::from_str::<Stored>(body).ok()?.body {
        ThreadBody::Text { text, .. } => Some(preview(&text)),
        ThreadBody::Image { name, .. } | ThreadBody::File { name, .. } => Some(mask(&name).into_owned()),
        ThreadBody::Voice { duration_ms, .. } => {
            let seconds = duration_ms.saturating_add(500) / 1_000;
            Some(format!("♪ {}:{:02}", seconds / 60, seconds % 60))
        }
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
        item_name: catalogue.item_name(row.item.as_deref()),
        team: row.team.clone(),
        team_name: catalogue
            .team_at(catalogue.team_or_general(&row.team))
            .map(|team| team.name.clone())
            .unwrap_or_default(),
        opened_at: row.opened_at,
        clock: clock.map(clock_view),
        position: None,
        agent: row.agent.zip(agent_name).map(|(id, name)| PersonView { id, name }),
        outcome: row.outcome,
        stars: row.stars,
        slot: row.slot.map(slot),
        helpers: Vec::new(),
        citizen_read: row.citizen_read,
        agent_read: row.agent_read,
        citizen_online: false,
        window: None,
        call: None,
    }
}

impl Owner {
    /// The state beside the thread.
    pub(super) fn view(&self, id: ConversationId) -> Option<ConversationView> {
        let case = self.cases.get(id)?;
        let name = case.row.agent.and_then(|agent| self.name_of(agent));
        let view = view_of(&case.row, case.clock.as_ref(), &self.world.catalogue, name);
        let person = |id: &AgentId| PersonView { id: *id, name: self.name_of(*id).unwrap_or_default() };
        let helpers = case.helpers.iter().map(person).collect();
        Some(ConversationView {
            version: case.version,
            position: case.position.map(|(_, place)| place),
            helpers,
            ..view
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_is_told_in_a_line() {
        let file = "fl_00000000000000000000000000000001";
        for (body, expected) in [
            (r#"{"type":"text","text":"你好"}"#.to_owned(), Some("你好")),
            (
                format!(r#"{{"type":"text","text":"{}13800138001，谢谢"}}"#, "请".repeat(75)),
                Some(&format!("{}138**", "请".repeat(75))),
            ),
            (
                format!(r#"{{"type":"file","file":"{file}","name":"13800138001.pdf","size":1}}"#),
                Some("138****8001.pdf"),
            ),
            (
                format!(r#"{{"type":"image","file":"{file}","name":"a.png","size":1,"width":1,"height":1}}"#),
                Some("a.png"),
            ),
            (format!(r#"{{"type":"voice","file":"{file}","size":1,"durationMs":61001}}"#), Some("♪ 1:01")),
            (r#"{"type":"finished"}"#.to_owned(), None),
        ] {
            assert_eq!(
                text_of(&format!(r#"{{"from":{{"type":"citizen"}},"body":{body}}}"#)).as_deref(),
                expected,
                "{body}"
            );
        }
    }
}
