//! What is kept of calls: plain rows, from which the figures are counted. A row is written when it begins and again whenever
//! it changes, in place of the one with the same key. Nothing of them is personal but by way of an id; the caller's number
//! never comes here.

use super::{
    io::{About, LegId, Party},
    vocabulary::{
        CallEnd, CallOrigin, CallPart, Cause, DeclineReason, Disposition, LegEnd, Order, RequestEnd, WrapUpEnd,
    },
};
use crate::{AgentId, CallId, ConversationId, TeamId, Timestamp};

/// One row, new or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// By call.
    Call(CallRow),
    /// By call and number.
    Request(RequestRow),
    /// By leg.
    Attempt(AttemptRow),
    /// By leg.
    Leg(LegRow),
    /// By call, agent and begin.
    WrapUp(WrapUpRow),
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRow {
    /// Which.
    pub call: CallId,
    /// Where from.
    pub origin: CallOrigin,
    /// The conversation that it is part of.
    pub conversation: Option<ConversationId>,
    /// Whose queue.
    pub team: TeamId,
    /// Code of the item, as far as it is known.
    pub item: Option<String>,
    /// First priority (rule 5).
    pub is_first: bool,
    /// It rang here, or was begun here.
    pub began_at: Timestamp,
    /// Somebody spoke with the caller.
    pub answered_at: Option<Timestamp>,
    /// The first operator.
    pub operator: Option<AgentId>,
    /// 1 to 5, by the keys of the telephone.
    pub stars: Option<u8>,
    /// It is over.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub because: Option<CallEnd>,
}

/// A request for a professional: what the connect rate counts (rule 6). A second try is a second request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// In which call.
    pub call: CallId,
    /// 1, 2, ... in the call.
    pub number: u32,
    /// [`CallPart::Professional`], or [`CallPart::Guest`] when a professional was there already: no three-way request.
    pub part: CallPart,
    /// Who asked; `None`: the direct line.
    pub by: Option<AgentId>,
    /// About what.
    pub about: About,
    /// How they were rung.
    pub order: Order,
    /// How many candidates there were.
    pub candidates: u32,
    /// When.
    pub asked_at: Timestamp,
    /// The leg that answered.
    pub answered_by: Option<LegId>,
    /// In which round: 1 is the first attempt.
    pub answered_round: Option<u32>,
    /// When it was decided.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub result: Option<RequestEnd>,
}

/// One attempt to reach one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Which leg it was to become.
    pub leg: LegId,
    /// As what.
    pub part: CallPart,
    /// Whom; `None`: the caller.
    pub party: Option<Party>,
    /// For which request of the call; `None`: operators, supervisors, the caller.
    pub request: Option<u32>,
    /// Of a request, which round: candidates that are rung at the same moment are of one.
    pub round: u32,
    /// We began to ring.
    pub rung_at: Timestamp,
    /// The other side said that it rings.
    pub ringing_at: Option<Timestamp>,
    /// It was decided.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub cause: Option<Cause>,
    /// Of [`Cause::Declined`]: why, if they said so.
    pub declined: Option<DeclineReason>,
}

/// Somebody's presence in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegRow {
    /// Which.
    pub leg: LegId,
    /// As what; of who took over, as what at the end.
    pub part: CallPart,
    /// Who; `None`: the caller.
    pub party: Option<Party>,
    /// From.
    pub joined_at: Timestamp,
    /// To.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub because: Option<LegEnd>,
}

/// What an operator does after a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrapUpRow {
    /// After which.
    pub call: CallId,
    /// Who.
    pub agent: AgentId,
    /// Since when.
    pub began_at: Timestamp,
    /// Until then they are asked for nothing else.
    pub until: Timestamp,
    /// It was done.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub end: Option<WrapUpEnd>,
    /// What the call was.
    pub disposition: Option<Disposition>,
}
