//! The desk: the one owner of the router. Orders wait in a bounded mailbox; all that wait are decided together, their
//! effects become one unit of the store, and only when it is durable are they answered and published. If the unit fails,
//! every order of it is refused and the core is rebuilt from the rows, the same way as at start; until that succeeds
//! nothing is decided.
//!
//! Beside the mailbox stand [`Notices`]: what the desk must never miss, however full the mailbox is.

mod adopt;
mod alerts;
mod asking;
mod batch;
mod board;
mod call_backs;
mod calls;
pub(crate) mod case;
mod correcting;
mod effects;
mod flush;
mod intervene;
mod notices;
mod orders;
mod owed;
mod owner;
mod silence;
#[cfg(test)]
mod tests;
mod units;
mod views;

use std::sync::Arc;

use bangban_domain::{
    AgentId, AlertId, CitizenId, ConversationId, OfferId, Timestamp,
    alert::FlagReason,
    citizen::HallVisit,
    words::{AgentStatus, Channel, HandOnChannel, Outcome},
};
use bangban_protocol::{
    AgentView, AlertsView, Answer, BoardView, ColleagueView, ConversationView, ErrorCode, Topic, TransferTarget,
    WireError,
};
use bangban_store::{Store, StoreError, TaskChange, TaskRow, WriteBack};
use dashmap::DashMap;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    auth::{Citizen, Staff},
    catalogue::Catalogue,
    clock::Clock,
    hub::Hub,
    organisation::Organisation,
    staff::Rights,
    windows::News,
};
pub(crate) use alerts::alert_view;
pub use batch::entry;
pub(crate) use board::ROSTER_AHEAD;
pub(crate) use case::view_of;
pub use correcting::Correction;
pub use notices::Notices;
use owner::Owner;

/// Who gives an order.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A citizen.
    Citizen(Citizen),
    /// Whoever has proven that a receipt is theirs, by its number and the telephone that was left with it: acts for its
    /// citizen, on that promise and nothing else.
    Holder(CitizenId),
    /// A member of staff.
    Staff(Staff),
    /// The server itself.
    System,
}

/// What the desk can be asked to do.
#[derive(Debug, Clone)]
pub enum Order {
    /// See `Command::OpenConversation`.
    Open {
        /// Item code, known to the catalogue.
        item: Option<String>,
        /// Code of the district that the page is about, known to the directory.
        district: Option<String>,
        /// Where from.
        channel: Channel,
        /// Where in a service hall; checked.
        visit: Option<HallVisit>,
    },
    /// See `Command::ClaimVisitor`; the visitor's token was checked.
    Claim {
        /// Whose conversations become the citizen's.
        visitor: CitizenId,
    },
    /// The citizen writes to a closed conversation within 7 days.
    Reopen(ConversationId),
    /// See `Command::RequestHuman`.
    RequestHuman(ConversationId),
    /// See `Command::CancelRequest`.
    CancelRequest(ConversationId),
    /// See `Command::LeaveMessage`.
    LeaveMessage {
        /// Which.
        conversation: ConversationId,
        /// Made by the client.
        client_id: String,
        /// Checked.
        text: String,
        /// Checked.
        phone: String,
        /// Begin.
        slot: Timestamp,
    },
    /// See `Command::CallBackSlots`.
    CallBackSlots(ConversationId),
    /// See `Command::MoveCallBack`.
    MoveCallBack {
        /// Which.
        conversation: ConversationId,
        /// By its receipt; `None`: the promise that stands.
        receipt: Option<String>,
        /// Begin.
        slot: Timestamp,
    },
    /// A promised call-back is not wanted any more.
    CancelCallBack {
        /// Which.
        conversation: ConversationId,
        /// Its receipt.
        receipt: String,
    },
    /// See `Command::BotFeedback`.
    Feedback {
        /// Which.
        conversation: ConversationId,
        /// Position of the answer.
        answer: u64,
        /// The verdict.
        solved: bool,
        /// A citizen's voice against the entry that was answered with.
        doubt: Option<Box<TaskChange>>,
    },
    /// See `Command::Finish`.
    Finish(ConversationId),
    /// See `Command::Rate`.
    Rate {
        /// Which.
        conversation: ConversationId,
        /// 1..=5.
        stars: u8,
        /// Checked.
        comment: String,
    },
    /// See `Command::SetStatus`.
    Status(AgentStatus),
    /// See `Command::AcceptOffer`.
    Accept(OfferId),
    /// See `Command::DeclineOffer`.
    Decline(OfferId),
    /// See `Command::Transfer`.
    Transfer {
        /// Which.
        conversation: ConversationId,
        /// To whom.
        to: TransferTarget,
        /// Checked.
        note: String,
    },
    /// See `Command::CancelTransfer`.
    CancelTransfer(ConversationId),
    /// A row of the ledger is corrected.
    Correct(Correction),
    /// See `Command::Close`.
    Close {
        /// Which.
        conversation: ConversationId,
        /// How.
        outcome: Outcome,
        /// Out of scope: where to.
        hand_on: Option<HandOnChannel>,
        /// The task that a question without an answer becomes, in the same unit.
        gap: Option<Box<TaskRow>>,
        /// The answer that solved it, for the knowledge base.
        write_back: Option<Box<WriteBack>>,
    },
    /// See `Command::RaiseFlag`.
    RaiseFlag {
        /// Which.
        conversation: ConversationId,
        /// Why.
        reason: FlagReason,
        /// Checked.
        text: String,
    },
    /// See `Command::LowerFlag`.
    LowerFlag(ConversationId),
    /// See `Command::JoinConversation` and `LeaveConversation`.
    Join {
        /// Which.
        conversation: ConversationId,
        /// Does one come?
        joined: bool,
    },
    /// See `Command::TakeOver`.
    TakeOver(ConversationId),
    /// See `Command::Assign`.
    Assign {
        /// Which.
        conversation: ConversationId,
        /// Whose desk.
        agent: AgentId,
        /// Checked.
        reason: String,
    },
    /// See `Command::SetAgentStatus`.
    StatusOf {
        /// Whose.
        agent: AgentId,
        /// What.
        status: AgentStatus,
        /// Checked.
        reason: String,
    },
    /// See `Command::AcknowledgeAlert`; without a note, `Command::ReopenAlert`.
    Acknowledge {
        /// Which.
        alert: AlertId,
        /// Checked.
        note: Option<String>,
    },
}

struct Envelope {
    who: Actor,
    at: Timestamp,
    order: Order,
    reply: oneshot::Sender<Result<Answer, WireError>>,
}

/// What sessions may know of a conversation without asking the desk.
#[derive(Debug, Clone)]
pub struct Live {
    /// Whose.
    pub citizen: CitizenId,
    /// Where from.
    pub channel: Channel,
    /// The state that both sides see.
    pub view: ConversationView,
}

/// State that the desk publishes and sessions read.
#[derive(Default)]
pub struct Shared {
    /// Conversations that are not closed.
    pub live: DashMap<ConversationId, Live>,
    /// Desks of agents, with the position of their topic.
    pub agents: DashMap<AgentId, (u64, AgentView)>,
    /// Agents with a console, as their colleagues see them.
    pub colleagues: DashMap<AgentId, ColleagueView>,
    /// Boards, with the positions of their topics: the city's, and those that somebody looks at.
    pub boards: DashMap<Topic, (u64, BoardView)>,
    /// Open alerts, with the positions of their topics, as the boards.
    pub alerts: DashMap<Topic, (u64, AlertsView)>,
    /// Windows of conversations, and what their owner has to hear.
    pub windows: News,
    /// Calls of conversations, and what their owner has to hear.
    pub calls: crate::calls::News,
}

/// The way to the desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    mailbox: mpsc::Sender<Envelope>,
}

/// What the desk needs of the world.
pub struct World {
    /// Time.
    pub clock: Clock,
    /// What is administered.
    pub organisation: Arc<Organisation>,
    /// Of it, what holds in this turn.
    pub catalogue: Arc<Catalogue>,
    /// Rows.
    pub store: Store,
    /// Sockets.
    pub hub: Arc<Hub>,
    /// What sessions read.
    pub shared: Arc<Shared>,
    /// What the store and sessions tell the desk.
    pub notices: Arc<Notices>,
    /// Accounts, and what they may do.
    pub rights: Arc<Rights>,
}

impl Desk {
    /// Rebuilds the core from the rows and starts.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn start(world: World, mailbox: usize) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(mailbox);
        let mut owner = Owner::new(world);
        owner.rebuild().await?;
        tokio::spawn(owner.run(receiver));
        Ok(Self { mailbox: sender })
    }

    /// Orders that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mailbox.max_capacity() - self.mailbox.capacity()
    }

    /// Gives an order and waits until it is durable.
    ///
    /// # Errors
    /// A refusal; `busy` if the mailbox is full.
    pub async fn give(&self, who: Actor, at: Timestamp, order: Order) -> Result<Answer, WireError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.try_send(Envelope { who, at, order, reply }).map_err(|_| busy())?;
        answer.await.unwrap_or_else(|_| Err(busy()))
    }
}

fn busy() -> WireError {
    WireError::new(ErrorCode::Busy, "the desk is at its limit")
}

/// How many views of agents were built, for the tests that count work.
#[cfg(test)]
static BUILT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Sorts by time, unique across nodes.
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub(crate) fn new_id() -> u128 {
    Uuid::now_v7().as_u128()
}

fn internal(error: &StoreError) -> WireError {
    if error.is_retryable() {
        return WireError::new(ErrorCode::Busy, error.to_string());
    }
    tracing::error!(%error, "the store refused");
    WireError::new(ErrorCode::Internal, "the server could not store it")
}
