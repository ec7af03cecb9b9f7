//! What goes into the router and what comes out: plain data, comparable in tests.

use super::demand::{Demand, IDLE_AFTER, Plan, Profile, Ring};
use crate::{
    AgentId, ConversationId, OfferId, TeamId, Timestamp,
    time::{Millis, SECOND},
    words::{AgentStatus, OfferEnd, QueuedBecause, SlaStep},
};

/// Numbers of the rules; the defaults are DOMAIN's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long one agent may think about an offer: 15 s.
    pub offer: Millis,
    /// Length of the break that a missed offer puts an agent on: 30 s.
    pub missed_break: Millis,
    /// First-response steps after the request (rule 1): 30 s.
    pub warn: Millis,
    /// 45 s.
    pub alert: Millis,
    /// 60 s; this is the promise itself, `due_at = asked_at + breach`.
    pub breach: Millis,
    /// A disconnected agent is suspect after 20 s: no offers; conversations still owed their first response go back to
    /// the head of the queue (rule 2).
    pub suspect: Millis,
    /// ... and lost after 60 s: all their conversations go back.
    pub lost: Millis,
    /// From so much waiting on, a request is shown to several agents at once: 40 s.
    pub parallel_after: Millis,
    /// How many: 3. The first who accepts serves.
    pub parallel: u8,
    /// For so long only agents are asked who have the needed skills, language and level: 30 s.
    pub needs_for: Millis,
    /// How long who served the same matter before may think about the first offer: 8 s, then it is anybody's.
    pub preferred: Millis,
    /// A conversation in which nobody writes for so long takes half a place: 3 min.
    pub idle_after: Millis,
    /// However many are idle, nobody serves more than this beyond their capacity: 2.
    pub beyond_capacity: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            offer: 15 * SECOND,
            missed_break: 30 * SECOND,
            warn: 30 * SECOND,
            alert: 45 * SECOND,
            breach: 60 * SECOND,
            suspect: 20 * SECOND,
            lost: 60 * SECOND,
            parallel_after: 40 * SECOND,
            parallel: 3,
            needs_for: 30 * SECOND,
            preferred: 8 * SECOND,
            idle_after: IDLE_AFTER,
            beyond_capacity: 2,
        }
    }
}

/// What differs from team to team; a clock keeps the steps that it began with (rule 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// See [`Settings::warn`].
    pub warn: Millis,
    /// See [`Settings::alert`].
    pub alert: Millis,
    /// See [`Settings::breach`].
    pub breach: Millis,
    /// See [`Settings::offer`].
    pub offer: Millis,
    /// See [`Settings::parallel_after`].
    pub parallel_after: Millis,
    /// See [`Settings::parallel`].
    pub parallel: u8,
    /// From so much waiting on, everybody who could take the request is asked at once.
    pub all_after: Option<Millis>,
    /// See [`Settings::needs_for`].
    pub needs_for: Millis,
}

impl Settings {
    /// What holds for a team that has nothing of its own.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        Policy {
            warn: self.warn,
            alert: self.alert,
            breach: self.breach,
            offer: self.offer,
            parallel_after: self.parallel_after,
            parallel: self.parallel,
            all_after: None,
            needs_for: self.needs_for,
        }
    }
}

/// The clock of rule 1 as a fact: it is created once per request and never restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The citizen asked, or the call-back slot began.
    pub asked_at: Timestamp,
    /// `asked_at` + 60 s, or what else the team promises.
    pub due_at: Timestamp,
    /// The first human response.
    pub answered_at: Option<Timestamp>,
    /// The citizen left without one.
    pub left_at: Option<Timestamp>,
    /// The last step reported.
    pub step: SlaStep,
}

impl Clock {
    /// A clock that starts at `asked_at`, of a promise of this length.
    #[must_use]
    pub fn start(asked_at: Timestamp, breach: Millis) -> Self {
        let due_at = asked_at + breach;
        Self { asked_at, due_at, answered_at: None, left_at: None, step: SlaStep::Running }
    }

    /// Is a first response still owed?
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.answered_at.is_none() && self.left_at.is_none()
    }
}

/// Whom a transfer goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One colleague, who is asked even when full but not when away.
    Agent(AgentId),
    /// Whoever of the team is free first.
    Team(TeamId),
}

/// What can happen to the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A team exists, or its policy has changed: for clocks that begin and offers that are made from now on.
    TeamKnown {
        /// Which; those before it exist too.
        team: TeamId,
        /// What holds for it.
        policy: Policy,
        /// Who else is asked for its queue, in order.
        rings: Vec<Ring>,
    },
    /// What holds for the requests that name this plan, instead of what holds for their team: for clocks that begin and
    /// offers that are made from now on.
    PlanKnown {
        /// Which.
        plan: Plan,
        /// What holds for it.
        policy: Policy,
        /// Who else is asked, in order.
        rings: Vec<Ring>,
    },
    /// An agent exists (start of the server, change of the account). A known agent's profile is replaced: an offer that
    /// they could not be made any more is withdrawn, what they serve they keep.
    AgentKnown {
        /// Who.
        agent: AgentId,
        /// What they may be asked.
        profile: Profile,
        /// The status they chose last; a known agent's status is kept.
        status: AgentStatus,
    },
    /// When an agent is on duty: begins and ends, in order, without overlap. Outside of it they are asked only for those
    /// who asked before it ended, so that the end of a shift strands nobody, and what they serve stays with them.
    DutyKnown {
        /// Who.
        agent: AgentId,
        /// `None`: in no roster, on duty whenever they say so.
        spans: Option<Vec<(Timestamp, Timestamp)>>,
    },
    /// The agent answers citizens no more (the account was closed, or has other rights): what they serve goes back to the
    /// head of its queues at once, and nothing is offered to them until they are known again.
    AgentLeft {
        /// Who.
        agent: AgentId,
    },
    /// The agent has at least one connected console.
    AgentConnected {
        /// Who.
        agent: AgentId,
    },
    /// The agent's last console has gone.
    AgentDisconnected {
        /// Who.
        agent: AgentId,
    },
    /// The agent chose a status. `Break` keeps their conversations. `Offline` is the end of a shift: those that are
    /// still owed their first response go back to the head of the queue at once, the others stay with the agent while
    /// they are connected, so that nobody is interrupted, and go back like any lost agent's when they are not (rule 2).
    StatusChosen {
        /// Who.
        agent: AgentId,
        /// What.
        status: AgentStatus,
    },
    /// A citizen asked for a human in service hours, or a call-back's slot began; the clock starts at `at`.
    HumanRequested {
        /// Which.
        conversation: ConversationId,
        /// Where it goes.
        team: TeamId,
        /// When the frame was read (at most a little before `now`).
        at: Timestamp,
        /// Of whom.
        demand: Demand,
    },
    /// A call-back is promised: it enters the queue of `team` at `at` by itself, as if `HumanRequested` then.
    CallBackPromised {
        /// Which.
        conversation: ConversationId,
        /// Where it goes.
        team: TeamId,
        /// Begin of the slot.
        at: Timestamp,
        /// Of whom. A head start means nothing: it was given a time.
        demand: Demand,
    },
    /// A promised call-back that is still to come gets another time. One step, so that it has exactly one place at every
    /// moment.
    CallBackMoved {
        /// Which.
        conversation: ConversationId,
        /// Begin of the new slot.
        at: Timestamp,
    },
    /// The citizen does not want a human any more (waiting or offered only).
    RequestCancelled {
        /// Which.
        conversation: ConversationId,
    },
    /// The citizen is done with the agent who serves; the agent still owes the outcome and keeps it until `Closed`, so it
    /// counts as load. Without a first response yet, the citizen has left.
    CitizenFinished {
        /// Which.
        conversation: ConversationId,
    },
    /// A reply of an agent is durable; it was read at `at`. One that was read before the present clock began answered
    /// an earlier one and changes nothing.
    HumanReplied {
        /// Which.
        conversation: ConversationId,
        /// When the frame was read.
        at: Timestamp,
    },
    /// Somebody wrote in a conversation that is served; the last time was at `at`. The answer to [`Effect::AskIfSilent`],
    /// and the end of [`super::Weight::Idle`].
    Spoken {
        /// Which.
        conversation: ConversationId,
        /// When.
        at: Timestamp,
    },
    /// A window or a call began or ended within a conversation that is served.
    ExclusiveChanged {
        /// Which.
        conversation: ConversationId,
        /// Does it take the whole agent from now on?
        is_exclusive: bool,
    },
    /// An agent speaks in a call, or writes down what one was: they are offered nobody meanwhile, whoever serves its
    /// conversation. What they serve and what a colleague hands to them by name is theirs to decide.
    InCallChanged {
        /// Who.
        agent: AgentId,
        /// From now on, or no more?
        is_in_call: bool,
    },
    /// The agent takes the offer.
    OfferAccepted {
        /// Who.
        agent: AgentId,
        /// Which.
        offer: OfferId,
    },
    /// The agent does not take it. No break; the same conversation is not offered to them again while others could.
    OfferDeclined {
        /// Who.
        agent: AgentId,
        /// Which.
        offer: OfferId,
    },
    /// Who serves it accepted a call and could not be rung: back to the head of the queue with its clock, and not to them
    /// while others could.
    GivenBack {
        /// Which.
        conversation: ConversationId,
        /// Who serves it.
        agent: AgentId,
    },
    /// The serving agent asks somebody else to take over; it stays with them until then.
    TransferRequested {
        /// Which.
        conversation: ConversationId,
        /// The serving agent.
        by: AgentId,
        /// To whom.
        to: Target,
    },
    /// The serving agent takes the transfer back.
    TransferCancelled {
        /// Which.
        conversation: ConversationId,
        /// The serving agent.
        by: AgentId,
    },
    /// A supervisor puts a conversation that waits or is served on an agent's desk, now. Its clock runs on. Whoever is not
    /// there, or whose shift is over, cannot be given anybody.
    AssignmentForced {
        /// Which.
        conversation: ConversationId,
        /// Whose desk.
        agent: AgentId,
        /// Even if they are full or on a break.
        beyond: bool,
    },
    /// Closed, from whatever stage. Unknown conversations are ignored (bot-only ones are never known here).
    Closed {
        /// Which.
        conversation: ConversationId,
    },
    /// Start of the server: a conversation as its rows say. Comes before any other input about it.
    Restored {
        /// Which.
        conversation: ConversationId,
        /// Where it belongs.
        team: TeamId,
        /// Its clock, unchanged.
        clock: Clock,
        /// Who serves it; `None`: it waits (an offer that was open is void).
        agent: Option<AgentId>,
        /// As it was.
        demand: Demand,
        /// It waits at the head of the queue: it was taken from an agent, or missed by one.
        at_head: bool,
    },
}

/// What the world has to do or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The conversation stands in the queue (new, or again).
    Queued {
        /// Which.
        conversation: ConversationId,
        /// Where.
        team: TeamId,
        /// Its clock.
        clock: Clock,
        /// Why.
        because: QueuedBecause,
        /// The agent whom it was taken from, when it came back.
        taken_from: Option<AgentId>,
    },
    /// Ask this agent.
    Offered {
        /// The offer.
        offer: OfferId,
        /// Which conversation.
        conversation: ConversationId,
        /// Whom.
        agent: AgentId,
        /// Until when.
        expires_at: Timestamp,
        /// Who hands it on, when it is a transfer.
        transfer_by: Option<AgentId>,
    },
    /// Do not ask any more.
    OfferEnded {
        /// The offer.
        offer: OfferId,
        /// Which conversation.
        conversation: ConversationId,
        /// Whom it was made to.
        agent: AgentId,
        /// Why.
        reason: OfferEnd,
        /// Agents who are still being asked.
        others: usize,
    },
    /// One more ring may be asked; its place in line is kept.
    Widened {
        /// Which conversation.
        conversation: ConversationId,
        /// 1, 2, ...
        ring: u8,
    },
    /// Has anybody written since? To be answered by [`Input::Spoken`] with the last time; without an answer it keeps its
    /// weight.
    AskIfSilent {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// The agent serves it now.
    Assigned {
        /// The accepted offer; of a forced assignment one that was never made.
        offer: OfferId,
        /// Which conversation.
        conversation: ConversationId,
        /// Who.
        agent: AgentId,
        /// Team under which it is served.
        team: TeamId,
        /// Who served it before, when it was a transfer.
        transfer_by: Option<AgentId>,
    },
    /// A transfer ended without a taker; it stays with `by`.
    TransferEnded {
        /// Which conversation.
        conversation: ConversationId,
        /// Who serves on.
        by: AgentId,
        /// Why.
        reason: OfferEnd,
    },
    /// A step of the first-response clock was reached, once each and never early.
    Stepped {
        /// Which conversation.
        conversation: ConversationId,
        /// Which step; `Warned`, `Alerted` or `Breached`.
        step: SlaStep,
        /// The instant of the step by the rule, not the instant of noticing.
        at: Timestamp,
    },
    /// The clock stopped. If a reply read in time was committed after the breach was reported, `at <= due_at` says that
    /// it is a hit (rule 1) and the breach is to be struck.
    Answered {
        /// Which conversation.
        conversation: ConversationId,
        /// When the reply was read.
        at: Timestamp,
        /// Was a breach reported before that now is none?
        strikes_breach: bool,
    },
    /// The request was cancelled, or the citizen finished or the conversation was closed, before a first response.
    Left {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// The agent's status is now this: chosen, or a short break after a missed offer and its end.
    StatusChanged {
        /// Who.
        agent: AgentId,
        /// What.
        status: AgentStatus,
        /// End of a short break.
        until: Option<Timestamp>,
    },
    /// By the roster the agent's duty has begun, or is over.
    DutyChanged {
        /// Who.
        agent: AgentId,
        /// Has it begun?
        is_on: bool,
    },
    /// The agent was gone for too long: suspect (20 s) or lost (60 s). Reconnecting heals both.
    AgentMissing {
        /// Who.
        agent: AgentId,
        /// 60 s are over?
        lost: bool,
    },
}

/// An input that is impossible in the present state; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such agent.
    #[error("unknown agent {0}")]
    UnknownAgent(AgentId),
    /// The router does not have this conversation.
    #[error("conversation {0} is neither waiting nor served")]
    UnknownConversation(ConversationId),
    /// No such team.
    #[error("unknown team {0:?}")]
    UnknownTeam(TeamId),
    /// It already waits or is served.
    #[error("conversation {0} is already waiting or served")]
    AlreadyRouted(ConversationId),
    /// The offer was answered, withdrawn or missed, or was made to somebody else.
    #[error("offer {0} is not open")]
    OfferGone(OfferId),
    /// Only who serves it may do this.
    #[error("conversation {0} is not served by this agent")]
    NotServing(ConversationId),
    /// A transfer is pending, or none is.
    #[error("conversation {0} is in the wrong state of transfer")]
    WrongTransfer(ConversationId),
    /// The agent is full, or on a break; with a reason it is possible.
    #[error("agent {0} is full or on a break")]
    Full(AgentId),
    /// The colleague is away, or is the one who asks.
    #[error("agent {0} cannot be asked now")]
    CannotBeAsked(AgentId),
}
