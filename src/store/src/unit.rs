//! What one commit changes.

use std::{borrow::Cow, sync::Arc};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp, history,
    ledger::Promised,
    words::{AgentStatus, BotTurn, ReceiptState, SlaStep, Stage},
};

use serde_json::value::RawValue;

use crate::{
    ActionChange, AlertChange, Audit, BotChange, CallChange, CitizenRow, ContinuationChange, ConversationRow,
    CorrectionRow, FileChange, GuideChange, HelperChange, KnowledgeChange, Lane, LearningChange, LedgerRow,
    OutboxChange, PrivacyChange, QualityChange, ReceiptRow, RecordChange, RowsOf, StaffChange, StaffRow, StoreError,
    TaskChange, WindowChange,
};

/// Entries, changes and log lines that belong together: all or nothing. Changes are carried out before entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit {
    /// Rows.
    pub changes: Vec<Change>,
    /// Threads.
    pub entries: Vec<NewEntry>,
    /// Event log.
    pub events: Vec<Event>,
}

impl Unit {
    /// PostgreSQL cannot store U+0000 in a text; neither may SQLite, so that both take the same. Bodies are JSON, in which
    /// it is written as an escape.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for entry in &self.entries {
            without_nul("clientId", entry.client_id.as_deref())?;
        }
        for change in &self.changes {
            match change {
                Change::Citizen(row) => {
                    without_nul("name", Some(&row.name))?;
                    without_nul("level", Some(&row.level))?;
                    without_nul("phone", row.phone.as_deref())?;
                }
                Change::Staff(row) => staff_without_nul(row)?,
                Change::Account(StaffChange::Edited { row, .. }) => staff_without_nul(row)?,
                Change::Account(StaffChange::Began(row, _)) => without_nul("User-Agent", Some(&row.device))?,
                Change::Account(StaffChange::Locked { login, .. }) => without_nul("login", Some(login))?,
                Change::NewConversation(row) | Change::Conversation(row) => {
                    without_nul("item", row.item.as_deref())?;
                    without_nul("comment", row.comment.as_deref())?;
                }
                Change::Draft { text, .. } => without_nul("text", Some(text))?,
                Change::File(FileChange::New(row) | FileChange::Ready(row)) => without_nul("name", Some(&row.name))?,
                Change::File(FileChange::Attach { client_id, .. }) => without_nul("clientId", Some(client_id))?,
                Change::Records(records) => {
                    for record in records {
                        without_nul("id", Some(&record.id))?;
                    }
                }
                Change::Audit(audit) => {
                    without_nul("id", Some(&audit.subject))?;
                    without_nul("reason", audit.reason.as_deref())?;
                }
                Change::Correction(row) => without_nul("reason", Some(&row.reason))?,
                Change::Alert(AlertChange::Raise(row)) => without_nul("text", row.text.as_deref())?,
                Change::Alert(AlertChange::Acknowledge(_, Some(one))) => without_nul("note", Some(&one.note))?,
                Change::Privacy(PrivacyChange::Erasure(row)) => without_nul("reason", Some(&row.reason))?,
                Change::Quality(QualityChange::Step(row)) => {
                    without_nul("summary", row.summary.as_deref())?;
                    without_nul("reason", row.appeal.as_deref())?;
                    without_nul("reason", row.decision.as_deref())?;
                }
                Change::Task(change) => {
                    change.texts().into_iter().try_for_each(|(field, text)| without_nul(field, Some(text)))?;
                }
                Change::Outbox(OutboxChange::Template(row)) => without_nul("text", Some(&row.text))?,
                Change::Knowledge(change) => {
                    change.texts().try_for_each(|(field, text)| without_nul(field, Some(text)))?;
                }
                Change::Guide(change) => without_nul("reason", change.reason())?,
                Change::Learning(change) => {
                    change.texts().into_iter().try_for_each(|(field, text)| without_nul(field, Some(text)))?;
                }
                Change::Bot(change) => {
                    change.texts().into_iter().try_for_each(|(field, text)| without_nul(field, Some(text)))?;
                }
                // Made by the server.
                Change::Clock(_)
                | Change::Step { .. }
                | Change::StrikeBreach { .. }
                | Change::Left { .. }
                | Change::Read { .. }
                | Change::Status { .. }
                | Change::Receipt(_)
                | Change::ReceiptSettled { .. }
                | Change::ReceiptReminded { .. }
                | Change::Privacy(_)
                | Change::Claim { .. }
                | Change::Alert(_)
                | Change::Helper(_)
                | Change::Action(_)
                | Change::Window(_)
                | Change::Call(_)
                | Change::Figures(_)
                | Change::Outbox(_)
                | Change::AgentLog(_)
                | Change::Quality(QualityChange::Draw { .. })
                | Change::Continuation(_)
                | Change::Account(_)
                | Change::File(FileChange::Drop(_) | FileChange::Forget(_)) => {}
            }
        }
        Ok(())
    }
}

fn staff_without_nul(row: &StaffRow) -> Result<(), StoreError> {
    without_nul("login", Some(&row.login))?;
    without_nul("name", Some(&row.name))?;
    without_nul("unit", row.unit.as_deref())?;
    row.grants.iter().try_for_each(|grant| without_nul("grants", grant.unit.as_deref()))?;
    row.teams.iter().try_for_each(|one| without_nul("teams", Some(&one.team)))
}

fn without_nul(field: &'static str, text: Option<&str>) -> Result<(), StoreError> {
    match text {
        Some(text) if text.contains('\0') => Err(StoreError::Nul { field }),
        _ => Ok(()),
    }
}

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Author {
    /// The citizen of the conversation.
    Citizen,
    /// 小申.
    Bot,
    /// The server.
    System,
    /// A member of staff.
    Agent(AgentId),
}

impl Author {
    /// As rows and the audit log write it.
    #[must_use]
    pub fn text(self) -> Cow<'static, str> {
        match self {
            Self::Citizen => "citizen".into(),
            Self::Bot => "bot".into(),
            Self::System => "system".into(),
            Self::Agent(id) => id.to_string().into(),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "citizen" => Some(Self::Citizen),
            "bot" => Some(Self::Bot),
            "system" => Some(Self::System),
            _ => text.parse().ok().map(Self::Agent),
        }
    }
}

/// JSON that the server wrote. Kept as text, so that it is serialised once: for the row and for every socket.
#[derive(Debug, Clone)]
pub struct Json(pub Box<RawValue>);

impl Json {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// An entry that gets its number from the writer.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Conversation.
    pub conversation: ConversationId,
    /// Lane.
    pub lane: Lane,
    /// When the frame was read.
    pub at: Timestamp,
    /// Who.
    pub author: Author,
    /// The sender's id: an entry of the same author with the same one is not written again.
    pub client_id: Option<String>,
    /// Who, as the protocol writes it.
    pub from: Json,
    /// What, as the protocol writes it.
    pub body: Json,
    /// As staff other than the author see it, if that differs. Not stored: whoever reads the row masks again.
    pub masked: Option<Json>,
    /// Write it only if the conversation is in this stage at commit (the bot is silent once a human was asked).
    pub only_in: Option<Stage>,
    /// Write it only if the previous entry of this unit was written (the bot does not answer a duplicate twice).
    pub follows: bool,
    /// A human's response: stops the open clock of the conversation, and the log says so.
    pub answers: bool,
    /// The bot's reply to a question in scope: the log says so.
    pub turn: Option<BotTurn>,
    /// The knowledge entry that the bot answers with: what is asked most is counted from these.
    pub about: Option<String>,
    /// The bot's reply to what was only rude: that it was is counted, and nothing of whose it was.
    pub rude: bool,
    /// What is promised to the citizen who wrote it, if it turns out that an answer is owed.
    pub owes: Option<Arc<Promised>>,
}

/// A change of rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Inserts or updates.
    Citizen(CitizenRow),
    /// Inserts or updates an account as a whole; a known one keeps its status, second factor and lock.
    Staff(StaffRow),
    /// Accounts and sessions of staff. [`StaffChange::Edited`] is refused with [`StoreError::StaffOutdated`] or
    /// [`StoreError::LoginTaken`].
    Account(StaffChange),
    /// Inserts a new one.
    NewConversation(ConversationRow),
    /// Updates all but numbers and read positions.
    Conversation(ConversationRow),
    /// A new clock.
    Clock(LedgerRow),
    /// A step was reached at this instant.
    Step {
        /// Conversation.
        conversation: ConversationId,
        /// Clock.
        no: u32,
        /// Which.
        step: SlaStep,
        /// When.
        at: Timestamp,
    },
    /// A reported breach is none: the reply had been read in time.
    StrikeBreach {
        /// Conversation.
        conversation: ConversationId,
        /// Clock.
        no: u32,
    },
    /// The citizen left without a human response.
    Left {
        /// Conversation.
        conversation: ConversationId,
        /// Clock.
        no: u32,
        /// When.
        at: Timestamp,
    },
    /// Read positions only grow.
    Read {
        /// Conversation.
        conversation: ConversationId,
        /// The agents' position, else the citizen's.
        by_agent: bool,
        /// Up to where.
        seq: u64,
    },
    /// Replaces or, with an empty text, removes.
    Draft {
        /// Whose.
        agent: AgentId,
        /// Conversation.
        conversation: ConversationId,
        /// Text.
        text: String,
        /// When.
        at: Timestamp,
    },
    /// An agent's status.
    Status {
        /// Who.
        agent: AgentId,
        /// What.
        status: AgentStatus,
        /// When.
        at: Timestamp,
    },
    /// What is deleted because its time is over or its person asked for it.
    Privacy(PrivacyChange),
    /// A receipt.
    Receipt(ReceiptRow),
    /// What has become of an open receipt.
    ReceiptSettled {
        /// Whose.
        conversation: ConversationId,
        /// Text.
        receipt: String,
        /// `Done` or `Cancelled`.
        state: ReceiptState,
        /// When.
        at: Timestamp,
    },
    /// Team and citizen were reminded of the slot of an open receipt, or it has another slot, of which they were not.
    ReceiptReminded {
        /// Whose.
        conversation: ConversationId,
        /// Text.
        receipt: String,
        /// When.
        at: Option<Timestamp>,
    },
    /// An uploaded file.
    File(FileChange),
    /// What a visitor has asked and sent belongs to the citizen who they turned out to be: conversations and files change
    /// their owner; ways to second devices end; the visitor's row stays and says whose it is.
    Claim {
        /// Whose it was.
        visitor: CitizenId,
        /// Whose it is.
        citizen: CitizenId,
        /// The visitor's conversations.
        conversations: Vec<ConversationId>,
        /// When.
        at: Timestamp,
    },
    /// A way to a second device.
    Continuation(ContinuationChange),
    /// A correction of a row of the ledger, to be shown beside it; what counts says [`history::Event::Corrected`].
    Correction(CorrectionRow),
    /// Administered things. Refused as a whole with [`StoreError::Outdated`] if one of them has changed meanwhile.
    Records(Vec<RecordChange>),
    /// Who is in a thread beside its agent.
    Helper(HelperChange),
    /// An alert of supervisors.
    Alert(AlertChange),
    /// A line of the audit log.
    Audit(Audit),
    /// Rows of the figures, written anew from the event log.
    Figures(RowsOf),
    /// Draws and inspections of conversations.
    Quality(QualityChange),
    /// Tasks with deadlines, and policies.
    Task(TaskChange),
    /// What is to be told.
    Outbox(OutboxChange),
    /// Entries of the knowledge base and review points.
    Knowledge(KnowledgeChange),
    /// Guided dialogues.
    Guide(GuideChange),
    /// What 小申 decides by.
    Bot(BotChange),
    /// What conversations teach.
    Learning(LearningChange),
    /// Actions that a citizen confirmed.
    Action(ActionChange),
    /// Virtual windows and consents.
    Window(WindowChange),
    /// Three-way calls.
    Call(CallChange),
    /// Agents' lines of the event log with their ids, written anew as rows of the figures.
    AgentLog(Vec<(String, Event)>),
}

impl Change {
    /// Rows that it writes, about: how much the log of the database grows by it.
    pub(crate) const fn rows(&self) -> usize {
        match self {
            // Each has its state and its history.
            Self::Records(changes) => 2 * changes.len(),
            Self::Figures(repair) => repair.conversations.len() + repair.rows.len(),
            Self::AgentLog(lines) => lines.len(),
            Self::Claim { conversations, .. } => 1 + conversations.len(),
            Self::Privacy(change) => change.rows(),
            Self::Learning(change) => change.rows(),
            _ => 1,
        }
    }
}

/// A line of the event log; the writer gives it its id, in commit order within a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Conversation, if it concerns one.
    pub conversation: Option<ConversationId>,
    /// When.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Author,
    /// What happened, and why.
    pub what: history::Event,
}

impl NewEntry {
    /// The column `body`.
    pub(crate) fn text(&self) -> String {
        let (from, body) = (self.from.as_str(), self.body.as_str());
        let mut text = String::with_capacity(from.len() + body.len() + 18);
        for part in ["{\"from\":", from, ",\"body\":", body, "}"] {
            text += part;
        }
        text
    }
}

/// What became of an entry of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// New, under this number.
    New {
        /// Number.
        seq: u64,
        /// It stopped the conversation's clock.
        answered: bool,
    },
    /// Was there before.
    Duplicate {
        /// First number.
        seq: u64,
        /// First instant.
        at: Timestamp,
    },
    /// A condition (`only_in`, `follows`) did not hold.
    Skipped,
}

/// Result of a unit: one [`Written`] per entry, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// In the order of [`Unit::entries`].
    pub entries: Vec<Written>,
    /// What became of next responses, in the order of the entries.
    pub owed: Vec<Owed>,
}

/// A next response that began or ended with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// Position of the entry in its unit.
    pub entry: usize,
    /// Number of the promise within the conversation.
    pub no: u32,
    /// It began; else it is over.
    pub is_open: bool,
}

/// A new entry that is durable now.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Number.
    pub seq: u64,
    /// The entry.
    pub entry: NewEntry,
    /// It stopped the conversation's clock.
    pub answered: bool,
    /// A next response began or ended with it.
    pub owed: Option<Owed>,
}
