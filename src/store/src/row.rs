//! Rows as values.

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp,
    ledger::{PolicyRef, Promise},
    time::Millis,
    words::{Channel, CitizenKind, HandOnChannel, Language, Outcome, ReceiptState, SlaStep, Stage},
};

/// A person or enterprise, as the portal's last token described them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitizenRow {
    /// Id.
    pub id: CitizenId,
    /// Full name; interfaces of staff show it masked.
    pub name: String,
    /// Person or enterprise.
    pub kind: CitizenKind,
    /// Real-name level.
    pub level: String,
    /// Telephone, if the portal gave one.
    pub phone: Option<String>,
    /// Unified social credit code of an enterprise.
    pub credit_code: Option<String>,
    /// Language, if the portal gave one.
    pub language: Option<Language>,
    /// Nobody has said who they are.
    pub anonymous: bool,
    /// Last token.
    pub seen_at: Timestamp,
}

/// A conversation beside its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// Id.
    pub id: ConversationId,
    /// Whose.
    pub citizen: CitizenId,
    /// Item code.
    pub item: Option<String>,
    /// Team code.
    pub team: String,
    /// Where from.
    pub channel: Channel,
    /// In a service hall: its code.
    pub hall: Option<String>,
    /// Number of the queue ticket there.
    pub ticket: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// Who serves or served last.
    pub agent: Option<AgentId>,
    /// When closed: how.
    pub outcome: Option<Outcome>,
    /// Rating 1..=5.
    pub stars: Option<u8>,
    /// Words of the rating.
    pub comment: Option<String>,
    /// Begin.
    pub opened_at: Timestamp,
    /// End.
    pub closed_at: Option<Timestamp>,
    /// Number of the last clock, 0 for none.
    pub clock_no: u32,
    /// Promised call-back, begin and end.
    pub slot: Option<(Timestamp, Timestamp)>,
    /// Telephone for it.
    pub call_back_phone: Option<String>,
    /// Read position of the citizen.
    pub citizen_read: u64,
    /// Read position of the agents.
    pub agent_read: u64,
    /// Head start of the last clock's priority.
    pub head_start: Millis,
    /// It waits at the head of its queue.
    pub at_head: bool,
    /// Who served it last, before it was continued too.
    pub last_agent: Option<AgentId>,
}

/// One request for a human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Conversation.
    pub conversation: ConversationId,
    /// 1, 2, ... within the conversation.
    pub no: u32,
    /// A first response, or a call-back in its slot.
    pub promise: Promise,
    /// By which policy; `None`: the configuration's.
    pub policy: Option<PolicyRef>,
    /// Team code.
    pub team: String,
    /// Begin of the minute.
    pub asked_at: Timestamp,
    /// Its end.
    pub due_at: Timestamp,
    /// Last step.
    pub step: SlaStep,
    /// Breach, if any.
    pub breached_at: Option<Timestamp>,
    /// First human response.
    pub answered_at: Option<Timestamp>,
    /// Left without one.
    pub left_at: Option<Timestamp>,
}

/// Lane of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Shared by citizen and agent.
    Public,
    /// Private notes of staff.
    Notes,
}

impl Lane {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Public => 0,
            Self::Notes => 1,
        }
    }

    /// Position in the pair of [`crate::Store::last_numbers`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Public => 0,
            Self::Notes => 1,
        }
    }
}

/// A thread entry as stored; `body` is JSON that the server wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Number in its lane.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Made by the sender.
    pub client_id: Option<String>,
    /// JSON.
    pub body: String,
}

/// A receipt that a citizen can quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Text, unique.
    pub receipt: String,
    /// Conversation.
    pub conversation: ConversationId,
    /// Out of scope: where to. `None`: a message left out of hours.
    pub hand_on: Option<HandOnChannel>,
    /// When.
    pub made_at: Timestamp,
    /// What has become of it.
    pub state: ReceiptState,
    /// Since when it is no longer open.
    pub settled_at: Option<Timestamp>,
    /// When team and citizen were reminded of its slot.
    pub reminded_at: Option<Timestamp>,
}
