//! What one turn has decided so far: the unit to be made durable, and whom it concerns.

use std::collections::BTreeSet;

use bangban_domain::{AgentId, ConversationId, TeamId, Timestamp, history, words::SlaStep};
use bangban_protocol::{Party, ThreadBody};
use bangban_store::{Author, Event, Json, Lane, NewEntry, Unit};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::masking::masked_body;

/// See the module.
pub(super) struct Batch {
    pub(super) unit: Unit,
    /// Who causes what is being decided; the server itself when time does.
    pub(super) actor: Author,
    /// Conversations whose row changes.
    pub(super) rows: BTreeSet<ConversationId>,
    /// Conversations whose view changes.
    pub(super) views: BTreeSet<ConversationId>,
    /// Agents whose own desk changes: offer, conversations, status.
    pub(super) agents: BTreeSet<AgentId>,
    /// Teams whose queue changes.
    pub(super) queues: BTreeSet<TeamId>,
    /// Steps of clocks, for the metrics.
    pub(super) steps: Vec<SlaStep>,
    /// In which nothing is owed any more.
    pub(super) over: Vec<ConversationId>,
    /// What was counted today is not what it was.
    pub(super) recount: bool,
    /// Has an alert changed?
    pub(super) alerts: bool,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            unit: Unit::default(),
            actor: Author::System,
            rows: BTreeSet::new(),
            views: BTreeSet::new(),
            agents: BTreeSet::new(),
            queues: BTreeSet::new(),
            steps: Vec::new(),
            over: Vec::new(),
            recount: false,
            alerts: false,
        }
    }

    /// Does anything change that anybody sees?
    pub(super) fn is_seen(&self) -> bool {
        !(self.views.is_empty() && self.agents.is_empty() && self.queues.is_empty())
    }

    /// The conversation's row and view change.
    pub(super) fn touch(&mut self, conversation: ConversationId) {
        self.rows.insert(conversation);
        self.views.insert(conversation);
    }

    /// An entry of the server in the shared lane.
    pub(super) fn say(&mut self, conversation: ConversationId, at: Timestamp, body: ThreadBody) {
        self.unit.entries.push(entry(conversation, Lane::Public, at, Author::System, &Party::System, &body));
    }

    /// An entry of the server in the private lane.
    pub(super) fn note(&mut self, conversation: ConversationId, at: Timestamp, body: ThreadBody) {
        self.unit.entries.push(entry(conversation, Lane::Notes, at, Author::System, &Party::System, &body));
    }

    /// A line of the event log, caused by [`Batch::actor`].
    pub(super) fn log(&mut self, conversation: impl Into<Option<ConversationId>>, at: Timestamp, what: history::Event) {
        self.log_as(self.actor, conversation, at, what);
    }

    /// A line of the event log.
    pub(super) fn log_as(
        &mut self,
        actor: Author,
        conversation: impl Into<Option<ConversationId>>,
        at: Timestamp,
        what: history::Event,
    ) {
        self.unit.events.push(Event { conversation: conversation.into(), at, actor, what });
    }
}

/// An entry as it is stored.
#[must_use]
pub fn entry(
    conversation: ConversationId,
    lane: Lane,
    at: Timestamp,
    author: Author,
    from: &Party,
    body: &ThreadBody,
) -> NewEntry {
    NewEntry {
        conversation,
        lane,
        at,
        author,
        client_id: None,
        from: json(from),
        body: json(body),
        masked: masked_body(from, body).as_ref().map(json),
        only_in: None,
        follows: false,
        turn: None,
        about: None,
        rude: false,
        owes: None,
        answers: false,
    }
}

pub(super) fn json(value: &impl Serialize) -> Json {
    Json(to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an entry cannot be written as JSON");
        RawValue::NULL.to_owned()
    }))
}
