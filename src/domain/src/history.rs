//! What happened to a conversation, one event per transition, and the state that follows from its events.
//!
//! Every event is written in the transaction of the change that it describes, so a conversation's rows can be had again
//! from its log: [`History::replay`] must equal them (the server's tests drive the real desk and compare). Events carry
//! ids, codes and numbers; never a name, a telephone number or a text that a person wrote.
//!
//! An event says what has become so, not what was asked for. Three parts of a row are not in the log, because they are
//! no transitions or are personal: read positions, the telephone for a call-back, the words of a rating.

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, CitizenId, ContinuationId, OfferId, Timestamp,
    alert::{FlagReason, Intervention},
    conversation::may_pass,
    ledger::{Promise, Terms},
    words::{
        AgentStatus, BotTurn, Channel, HandOnChannel, OfferEnd, Outcome, QueuedBecause, ReceiptState, SlaStep, Stage,
    },
};

/// One event. Rows keep the tag in a column of its own; see [`Event::kind`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Event {
    /// A conversation began, with the bot.
    Opened {
        /// Whose.
        citizen: CitizenId,
        /// Item code.
        item: Option<String>,
        /// Code of the team that it would go to.
        team: String,
        /// Where from.
        channel: Channel,
        /// Code of the service hall, if from one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hall: Option<String>,
        /// Number of the queue ticket there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<String>,
    },
    /// An anonymous visitor has proven to be a citizen: the conversation is theirs now.
    Claimed {
        /// Whose it was.
        visitor: CitizenId,
        /// Whose it is.
        citizen: CitizenId,
    },
    /// A one-time code was made, by which a second device of the citizen may go on.
    ContinuationMade {
        /// Which.
        continuation: ContinuationId,
    },
    /// The code was used.
    ContinuationRedeemed {
        /// Which.
        continuation: ContinuationId,
    },
    /// The code or, after its use, the second device's right was taken back.
    ContinuationRevoked {
        /// Which.
        continuation: ContinuationId,
    },
    /// The bot was asked a question in scope. No transition, but what its figures are counted from.
    BotReplied {
        /// What it made of it.
        turn: BotTurn,
    },
    /// The citizen judged an answer of the bot.
    BotJudged {
        /// Position of the answer in the thread.
        answer: u64,
        /// The verdict.
        solved: bool,
    },
    /// It stands in the queue. A `no` that the log does not know begins a clock.
    Queued {
        /// Why.
        because: QueuedBecause,
        /// Number of the clock within the conversation, from 1.
        no: u32,
        /// Team code.
        team: String,
        /// Begin of the minute.
        asked_at: Timestamp,
        /// Its end.
        due_at: Timestamp,
        /// Whose desk it was taken from.
        taken_from: Option<AgentId>,
    },
    /// One agent was asked, perhaps beside others.
    Offered {
        /// The offer.
        offer: OfferId,
        /// Who.
        agent: AgentId,
        /// Until when.
        expires_at: Timestamp,
        /// Who hands it on, when it is a transfer.
        transfer_by: Option<AgentId>,
    },
    /// It has waited so long that the teams of one more ring may be asked.
    Widened {
        /// 1, 2, ...
        ring: u8,
    },
    /// The agent is not asked any more, and has not accepted.
    OfferEnded {
        /// The offer.
        offer: OfferId,
        /// Who.
        agent: AgentId,
        /// Why.
        reason: OfferEnd,
    },
    /// An agent serves it now.
    Assigned {
        /// The accepted offer.
        offer: OfferId,
        /// Who.
        agent: AgentId,
        /// Code of the team under which it is served.
        team: String,
        /// Who served it before, when it was a transfer.
        transfer_by: Option<AgentId>,
    },
    /// The serving agent asked for somebody to take over.
    TransferRequested {
        /// Who asks.
        by: AgentId,
        /// One colleague ...
        to_agent: Option<AgentId>,
        /// ... or a team's code.
        to_team: Option<String>,
    },
    /// A transfer ended without a taker.
    TransferEnded {
        /// Who serves on.
        by: AgentId,
        /// Why.
        reason: OfferEnd,
    },
    /// A step of the first-response clock was reached.
    Stepped {
        /// Which clock.
        no: u32,
        /// Which step.
        step: SlaStep,
        /// The instant of the rule.
        at: Timestamp,
    },
    /// The first human response.
    Answered {
        /// Which clock.
        no: u32,
        /// When its frame was read.
        at: Timestamp,
        /// By whom.
        by: AgentId,
    },
    /// A breach had been reported, but the reply turned out to have been read in time.
    BreachStruck {
        /// Which clock.
        no: u32,
    },
    /// The citizen wrote in a conversation that a human serves and had their answer before anything followed from it. Nearly
    /// every turn of a lively conversation is one, so it is one line, written with the answer.
    ReplyKept {
        /// Number of the promise within the conversation, from 1.
        no: u32,
        /// Code of the team whose promise it was.
        team: String,
        /// When the citizen's frame was read.
        asked_at: Timestamp,
        /// When the answer was due.
        due_at: Timestamp,
        /// When the answer's frame was read.
        at: Timestamp,
        /// By whom.
        by: AgentId,
    },
    /// The citizen wrote in a conversation that a human serves and an answer is owed. Written when something follows from it
    /// for the first time: a step, an end without an answer, other terms.
    ReplyOwed {
        /// Number of the promise within the conversation, from 1.
        no: u32,
        /// Code of the team whose promise it is; `None` in old logs: the one that served it then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        /// When the frame was read.
        asked_at: Timestamp,
        /// What was promised.
        terms: Box<Terms>,
    },
    /// A step of it was reached.
    ReplyStepped {
        /// Which promise.
        no: u32,
        /// Which step, from 1.
        step: u32,
        /// The instant of the rule.
        at: Timestamp,
    },
    /// A human answered.
    Replied {
        /// Which promise.
        no: u32,
        /// When the frame was read.
        at: Timestamp,
        /// By whom.
        by: AgentId,
    },
    /// It is not owed any more: the citizen is done, or it was closed.
    ReplyReleased {
        /// Which promise.
        no: u32,
        /// When.
        at: Timestamp,
    },
    /// A year's holidays were published, and what was due in it is due at another time.
    ReplyMoved {
        /// Which promise.
        no: u32,
        /// When it was due before.
        before: Timestamp,
        /// What holds now.
        terms: Box<Terms>,
    },
    /// A row of the ledger was corrected; the reason stands beside it and in the audit log.
    Corrected {
        /// Of what.
        promise: Promise,
        /// Which one.
        no: u32,
        /// What counts from now on: the answer's instant ...
        answered_at: Option<Timestamp>,
        /// ... or that it is in no figure. With neither the measured value counts again.
        excused: bool,
    },
    /// The citizen left before a human response.
    Left {
        /// Which clock.
        no: u32,
        /// When.
        at: Timestamp,
    },
    /// The citizen went back to the bot.
    RequestCancelled {},
    /// A message was left, to be answered at a call-back.
    MessageLeft {
        /// The receipt.
        receipt: String,
        /// Begin of the slot.
        starts_at: Timestamp,
        /// Its end.
        ends_at: Timestamp,
    },
    /// The citizen chose another time for the promised call-back.
    CallBackMoved {
        /// The receipt.
        receipt: String,
        /// Begin of the new slot.
        starts_at: Timestamp,
        /// Its end.
        ends_at: Timestamp,
    },
    /// The slot is near: team and citizen were reminded of it.
    CallBackReminded {
        /// The receipt.
        receipt: String,
        /// Begin of the slot.
        starts_at: Timestamp,
    },
    /// The promise of a receipt was kept, or taken back.
    ReceiptSettled {
        /// The receipt.
        receipt: String,
        /// `Done` or `Cancelled`.
        state: ReceiptState,
    },
    /// The citizen is done; the agent still owes the outcome.
    Finished {},
    /// Over.
    Closed {
        /// How.
        outcome: Outcome,
        /// Out of scope: where it was handed on to ...
        hand_on: Option<HandOnChannel>,
        /// ... and under which receipt.
        receipt: Option<String>,
    },
    /// The citizen wrote again within 7 days.
    Reopened {},
    /// The citizen rated it.
    Rated {
        /// 1..=5.
        stars: u8,
    },
    /// The agent who serves it asks for help.
    FlagRaised {
        /// Who.
        by: AgentId,
        /// Why.
        reason: FlagReason,
    },
    /// Help is needed no more.
    FlagLowered {
        /// Who says so.
        by: AgentId,
    },
    /// A supervisor acted on it.
    Intervened {
        /// Who.
        by: AgentId,
        /// How.
        what: Intervention,
    },
    /// An agent's status changed; of no conversation.
    StatusChanged {
        /// Who.
        agent: AgentId,
        /// To what.
        status: AgentStatus,
        /// End of the short break that a missed offer costs.
        until: Option<Timestamp>,
    },
    /// An agent's first console came or the last one went; of no conversation.
    PresenceChanged {
        /// Who.
        agent: AgentId,
        /// Is there a console?
        connected: bool,
    },
    /// An agent was gone for 20 s (suspect) or 60 s (lost); of no conversation.
    AgentMissing {
        /// Who.
        agent: AgentId,
        /// Are 60 s over?
        lost: bool,
    },
}

impl Event {
    /// The tag, as rows carry it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Claimed { .. } => "claimed",
            Self::ContinuationMade { .. } => "continuation_made",
            Self::ContinuationRedeemed { .. } => "continuation_redeemed",
            Self::ContinuationRevoked { .. } => "continuation_revoked",
            Self::BotReplied { .. } => "bot_replied",
            Self::BotJudged { .. } => "bot_judged",
            Self::Queued { .. } => "queued",
            Self::Offered { .. } => "offered",
            Self::Widened { .. } => "widened",
            Self::OfferEnded { .. } => "offer_ended",
            Self::Assigned { .. } => "assigned",
            Self::TransferRequested { .. } => "transfer_requested",
            Self::TransferEnded { .. } => "transfer_ended",
            Self::Stepped { .. } => "stepped",
            Self::Answered { .. } => "answered",
            Self::BreachStruck { .. } => "breach_struck",
            Self::ReplyKept { .. } => "reply_kept",
            Self::ReplyOwed { .. } => "reply_owed",
            Self::ReplyStepped { .. } => "reply_stepped",
            Self::Replied { .. } => "replied",
            Self::ReplyReleased { .. } => "reply_released",
            Self::ReplyMoved { .. } => "reply_moved",
            Self::Corrected { .. } => "corrected",
            Self::Left { .. } => "left",
            Self::RequestCancelled {} => "request_cancelled",
            Self::MessageLeft { .. } => "message_left",
            Self::CallBackMoved { .. } => "call_back_moved",
            Self::CallBackReminded { .. } => "call_back_reminded",
            Self::ReceiptSettled { .. } => "receipt_settled",
            Self::Finished {} => "finished",
            Self::Closed { .. } => "closed",
            Self::Reopened {} => "reopened",
            Self::Rated { .. } => "rated",
            Self::FlagRaised { .. } => "flag_raised",
            Self::FlagLowered { .. } => "flag_lowered",
            Self::Intervened { .. } => "intervened",
            Self::StatusChanged { .. } => "status_changed",
            Self::PresenceChanged { .. } => "presence_changed",
            Self::AgentMissing { .. } => "agent_missing",
        }
    }
}

/// One request for a human, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastClock {
    /// Code of the team that it was asked of.
    pub team: String,
    /// Begin of the minute.
    pub asked_at: Timestamp,
    /// Its end.
    pub due_at: Timestamp,
    /// Last step.
    pub step: SlaStep,
    /// When it breached, if it did.
    pub breached_at: Option<Timestamp>,
    /// First human response.
    pub answered_at: Option<Timestamp>,
    /// Left without one.
    pub left_at: Option<Timestamp>,
    /// See [`Correction`].
    pub correction: Option<Correction>,
}

/// What a correction has made of a row: the measured value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// What was measured.
    pub measured_at: Option<Timestamp>,
    /// It is in no figure.
    pub is_excused: bool,
}

impl Correction {
    /// Makes one of what stands there and of what is said; `None`: what was measured counts again.
    fn correct(
        answered_at: &mut Option<Timestamp>,
        known: Option<Self>,
        said: Option<Timestamp>,
        is_excused: bool,
    ) -> Option<Self> {
        let measured_at = known.map_or(*answered_at, |known| known.measured_at);
        *answered_at = said.or(measured_at);
        (is_excused || said.is_some()).then_some(Self { measured_at, is_excused })
    }
}

/// A next response, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastReply {
    /// The first unanswered message was read.
    pub asked_at: Timestamp,
    /// When the answer was due.
    pub due_at: Timestamp,
    /// How many steps were reached.
    pub step: u32,
    /// The answer.
    pub answered_at: Option<Timestamp>,
    /// Not owed any more.
    pub left_at: Option<Timestamp>,
    /// See [`Correction`].
    pub correction: Option<Correction>,
}

/// A receipt, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastReceipt {
    /// Text.
    pub receipt: String,
    /// Out of scope: where to. `None`: a message left out of hours.
    pub hand_on: Option<HandOnChannel>,
    /// When it was made.
    pub made_at: Timestamp,
    /// What has become of it.
    pub state: ReceiptState,
    /// Since when it is no longer open.
    pub settled_at: Option<Timestamp>,
    /// When team and citizen were reminded of the slot that holds now.
    pub reminded_at: Option<Timestamp>,
}

/// A conversation, as its events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whose.
    pub citizen: CitizenId,
    /// Item code.
    pub item: Option<String>,
    /// Team code.
    pub team: String,
    /// Where from.
    pub channel: Channel,
    /// Code of the service hall, if from one.
    pub hall: Option<String>,
    /// Number of the queue ticket there.
    pub ticket: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// Who serves or served last.
    pub agent: Option<AgentId>,
    /// When closed: how.
    pub outcome: Option<Outcome>,
    /// Rating.
    pub stars: Option<u8>,
    /// Begin.
    pub opened_at: Timestamp,
    /// End.
    pub closed_at: Option<Timestamp>,
    /// Promised call-back, begin and end.
    pub slot: Option<(Timestamp, Timestamp)>,
    /// Clock `no` is at `no - 1`.
    pub clocks: Vec<PastClock>,
    /// Next response `no` is at `no - 1`.
    pub replies: Vec<PastReply>,
    /// In order of making.
    pub receipts: Vec<PastReceipt>,
    /// Open offers of one that waits.
    asked: Vec<OfferId>,
}

/// A log that cannot be a conversation's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The first event is another one than [`Event::Opened`], or it came twice.
    #[error("event {0}: opened comes first, and once")]
    Opening(usize),
    /// A transition that the chart of [`crate::conversation`] does not have.
    #[error("event {event}: {kind} cannot lead from {from} to {to}")]
    Transition {
        /// Position in the log, from 0.
        event: usize,
        /// Its tag.
        kind: &'static str,
        /// Stage before.
        from: Stage,
        /// Stage after.
        to: Stage,
    },
    /// A clock or receipt that does not exist, or an event of no conversation.
    #[error("event {0}: speaks of what is not there")]
    Unknown(usize),
}

impl History {
    /// The state after all events of one conversation, in the order of the log.
    ///
    /// # Errors
    /// [`ReplayError`] names the event that cannot be.
    pub fn replay<'a>(events: impl IntoIterator<Item = (Timestamp, &'a Event)>) -> Result<Self, ReplayError> {
        let mut events = events.into_iter().enumerate();
        let Some((_, (at, Event::Opened { citizen, item, team, channel, hall, ticket }))) = events.next() else {
            return Err(ReplayError::Opening(0));
        };
        let mut history = Self {
            citizen: *citizen,
            item: item.clone(),
            team: team.clone(),
            channel: *channel,
            hall: hall.clone(),
            ticket: ticket.clone(),
            stage: Stage::Bot,
            agent: None,
            outcome: None,
            stars: None,
            opened_at: at,
            closed_at: None,
            slot: None,
            clocks: Vec::new(),
            replies: Vec::new(),
            receipts: Vec::new(),
            asked: Vec::new(),
        };
        for (position, (at, event)) in events {
            history.apply(position, at, event)?;
        }
        Ok(history)
    }

    fn pass(&mut self, event: usize, kind: &'static str, to: Stage) -> Result<(), ReplayError> {
        if self.stage != to && !may_pass(self.stage, to) {
            return Err(ReplayError::Transition { event, kind, from: self.stage, to });
        }
        self.stage = to;
        Ok(())
    }

    fn clock(&mut self, event: usize, no: u32) -> Result<&mut PastClock, ReplayError> {
        let position = usize::try_from(no).ok().and_then(|no| no.checked_sub(1));
        position.and_then(|position| self.clocks.get_mut(position)).ok_or(ReplayError::Unknown(event))
    }

    fn reply(&mut self, event: usize, no: u32) -> Result<&mut PastReply, ReplayError> {
        let position = usize::try_from(no).ok().and_then(|no| no.checked_sub(1));
        position.and_then(|position| self.replies.get_mut(position)).ok_or(ReplayError::Unknown(event))
    }

    fn receipt(&mut self, event: usize, receipt: &str) -> Result<&mut PastReceipt, ReplayError> {
        self.receipts.iter_mut().find(|known| known.receipt == receipt).ok_or(ReplayError::Unknown(event))
    }

    fn owe(
        &mut self,
        event: usize,
        no: u32,
        asked_at: Timestamp,
        due_at: Timestamp,
    ) -> Result<&mut PastReply, ReplayError> {
        if self.replies.len() + 1 != no as usize {
            return Err(ReplayError::Unknown(event));
        }
        self.replies.push(PastReply { asked_at, due_at, step: 0, answered_at: None, left_at: None, correction: None });
        self.reply(event, no)
    }

    fn correct(
        &mut self,
        event: usize,
        (promise, no): (Promise, u32),
        (said, excused): (Option<Timestamp>, bool),
    ) -> Result<(), ReplayError> {
        let (answered_at, correction) = match promise {
            Promise::FirstResponse | Promise::CallBack => {
                let clock = self.clock(event, no)?;
                (&mut clock.answered_at, &mut clock.correction)
            }
            Promise::NextResponse => {
                let reply = self.reply(event, no)?;
                (&mut reply.answered_at, &mut reply.correction)
            }
        };
        *correction = Correction::correct(answered_at, *correction, said, excused);
        Ok(())
    }

    fn apply(&mut self, position: usize, at: Timestamp, event: &Event) -> Result<(), ReplayError> {
        match event {
            Event::Opened { .. } => return Err(ReplayError::Opening(position)),
            Event::Claimed { citizen, .. } => self.citizen = *citizen,
            Event::BotReplied { .. }
            | Event::BotJudged { .. }
            | Event::TransferRequested { .. }
            | Event::TransferEnded { .. }
            | Event::FlagRaised { .. }
            | Event::FlagLowered { .. }
            | Event::Intervened { .. }
            | Event::ContinuationMade { .. }
            | Event::ContinuationRedeemed { .. }
            | Event::ContinuationRevoked { .. } => {}
            Event::Queued { because, no, team, asked_at, due_at, .. } => {
                self.pass(position, event.kind(), Stage::Waiting)?;
                // What was offered before a restart is void.
                self.asked.clear();
                self.agent = None;
                self.team.clone_from(team);
                if *because == QueuedBecause::Asked {
                    self.slot = None;
                }
                if self.clocks.len() + 1 == *no as usize {
                    self.clocks.push(PastClock {
                        team: team.clone(),
                        asked_at: *asked_at,
                        due_at: *due_at,
                        step: SlaStep::Running,
                        breached_at: None,
                        answered_at: None,
                        left_at: None,
                        correction: None,
                    });
                }
                self.clock(position, *no)?;
            }
            Event::Offered { offer, transfer_by, .. } => {
                if transfer_by.is_none() {
                    self.pass(position, event.kind(), Stage::Offered)?;
                    self.asked.push(*offer);
                }
            }
            Event::OfferEnded { offer, .. } => {
                self.asked.retain(|open| open != offer);
                if self.stage == Stage::Offered && self.asked.is_empty() {
                    self.stage = Stage::Waiting;
                }
            }
            Event::Widened { .. } => {}
            Event::Assigned { agent, team, .. } => {
                if self.stage != Stage::WrapUp {
                    self.pass(position, event.kind(), Stage::Serving)?;
                }
                self.agent = Some(*agent);
                self.team.clone_from(team);
            }
            Event::Stepped { no, step, at } => {
                let clock = self.clock(position, *no)?;
                clock.step = *step;
                if *step == SlaStep::Breached {
                    clock.breached_at = Some(*at);
                }
            }
            Event::Answered { no, at, .. } => self.clock(position, *no)?.answered_at = Some(*at),
            Event::BreachStruck { no } => {
                let clock = self.clock(position, *no)?;
                clock.step = SlaStep::Alerted;
                clock.breached_at = None;
            }
            Event::ReplyKept { no, asked_at, due_at, at, .. } => {
                self.owe(position, *no, *asked_at, *due_at)?.answered_at = Some(*at);
            }
            Event::ReplyOwed { no, asked_at, terms, .. } => {
                self.owe(position, *no, *asked_at, terms.due_at())?;
            }
            Event::ReplyStepped { no, step, .. } => self.reply(position, *no)?.step = *step,
            Event::Replied { no, at, .. } => self.reply(position, *no)?.answered_at = Some(*at),
            Event::ReplyReleased { no, at } => self.reply(position, *no)?.left_at = Some(*at),
            Event::ReplyMoved { no, terms, .. } => self.reply(position, *no)?.due_at = terms.due_at(),
            Event::Corrected { promise, no, answered_at, excused } => {
                self.correct(position, (*promise, *no), (*answered_at, *excused))?;
            }
            Event::Left { no, at } => {
                let clock = self.clock(position, *no)?;
                if clock.answered_at.is_none() {
                    clock.left_at = Some(*at);
                }
            }
            Event::RequestCancelled {} => {
                self.pass(position, event.kind(), Stage::Bot)?;
                self.slot = None;
            }
            Event::MessageLeft { receipt, starts_at, ends_at } => {
                self.pass(position, event.kind(), Stage::CallBack)?;
                self.slot = Some((*starts_at, *ends_at));
                self.receipts.push(PastReceipt {
                    receipt: receipt.clone(),
                    hand_on: None,
                    made_at: at,
                    state: ReceiptState::Open,
                    settled_at: None,
                    reminded_at: None,
                });
            }
            Event::CallBackMoved { receipt, starts_at, ends_at } => {
                if self.stage != Stage::CallBack {
                    return Err(ReplayError::Unknown(position));
                }
                self.slot = Some((*starts_at, *ends_at));
                self.receipt(position, receipt)?.reminded_at = None;
            }
            Event::CallBackReminded { receipt, .. } => self.receipt(position, receipt)?.reminded_at = Some(at),
            Event::ReceiptSettled { receipt, state } => {
                let known = self.receipt(position, receipt)?;
                known.state = *state;
                known.settled_at = Some(at);
            }
            Event::Finished {} => self.pass(position, event.kind(), Stage::WrapUp)?,
            Event::Closed { outcome, hand_on, receipt } => {
                self.pass(position, event.kind(), Stage::Closed)?;
                self.outcome = Some(*outcome);
                self.closed_at = Some(at);
                self.receipts.extend(receipt.iter().map(|receipt| PastReceipt {
                    receipt: receipt.clone(),
                    hand_on: *hand_on,
                    made_at: at,
                    state: ReceiptState::Done,
                    settled_at: Some(at),
                    reminded_at: None,
                }));
            }
            Event::Reopened {} => {
                self.pass(position, event.kind(), Stage::Bot)?;
                self.agent = None;
                self.outcome = None;
                self.closed_at = None;
                self.slot = None;
            }
            Event::Rated { stars } => self.stars = Some(*stars),
            Event::StatusChanged { .. } | Event::PresenceChanged { .. } | Event::AgentMissing { .. } => {
                return Err(ReplayError::Unknown(position));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: AgentId = AgentId::new(7);
    const OFFER: OfferId = OfferId::new(9);

    fn opened() -> Event {
        Event::Opened {
            citizen: CitizenId::new(1),
            item: Some("dog-license".to_owned()),
            team: "general".to_owned(),
            channel: Channel::Counter,
            hall: Some("pudong-1".to_owned()),
            ticket: Some("A12".to_owned()),
        }
    }

    fn queued(no: u32, at: i64, because: QueuedBecause, taken_from: Option<AgentId>) -> Event {
        let (asked_at, due_at) = (Timestamp(at), Timestamp(at + 60_000));
        Event::Queued { because, no, team: "general".to_owned(), asked_at, due_at, taken_from }
    }

    fn offered() -> Event {
        Event::Offered { offer: OFFER, agent: AGENT, expires_at: Timestamp(15_000), transfer_by: None }
    }

    fn assigned() -> Event {
        Event::Assigned { offer: OFFER, agent: AGENT, team: "general".to_owned(), transfer_by: None }
    }

    fn terms(from: i64) -> Box<Terms> {
        let served = vec![(Timestamp(from), Timestamp(from + 3_000))];
        Box::new(Terms { span: 3_000, policy: None, served, steps: Vec::new() })
    }

    fn owed(no: u32, at: i64) -> Event {
        Event::ReplyOwed { no, team: None, asked_at: Timestamp(at), terms: terms(at) }
    }

    fn corrected(promise: Promise, no: u32, answered_at: Option<i64>, excused: bool) -> Event {
        Event::Corrected { promise, no, answered_at: answered_at.map(Timestamp), excused }
    }

    fn replay(events: &[(i64, Event)]) -> Result<History, ReplayError> {
        History::replay(events.iter().map(|(at, event)| (Timestamp(*at), event)))
    }

    /// One of each, in an order that a conversation could have.
    fn a_long_life() -> Vec<(i64, Event)> {
        let reminded =
            |receipt: &str, at| Event::CallBackReminded { receipt: receipt.to_owned(), starts_at: Timestamp(at) };
        let settled = |receipt: &str, state| Event::ReceiptSettled { receipt: receipt.to_owned(), state };
        vec![
            (0, opened()),
            (1, Event::Claimed { visitor: CitizenId::new(1), citizen: CitizenId::new(2) }),
            (1, Event::ContinuationMade { continuation: ContinuationId::new(5) }),
            (1, Event::ContinuationRedeemed { continuation: ContinuationId::new(5) }),
            (1, Event::ContinuationRevoked { continuation: ContinuationId::new(5) }),
            (1, Event::BotReplied { turn: BotTurn::Answered }),
            (1, Event::BotJudged { answer: 3, solved: false }),
            (2, Event::MessageLeft { receipt: "SH1".to_owned(), starts_at: Timestamp(50), ends_at: Timestamp(60) }),
            (3, reminded("SH1", 50)),
            (4, Event::CallBackMoved { receipt: "SH1".to_owned(), starts_at: Timestamp(100), ends_at: Timestamp(200) }),
            (95, reminded("SH1", 100)),
            (100, queued(1, 100, QueuedBecause::CallBackDue, None)),
            (101, offered()),
            (200, Event::Widened { ring: 1 }),
            (15_101, Event::OfferEnded { offer: OFFER, agent: AGENT, reason: OfferEnd::Missed }),
            (15_102, Event::RequestCancelled {}),
            (15_102, Event::Left { no: 1, at: Timestamp(15_102) }),
            (15_102, settled("SH1", ReceiptState::Cancelled)),
            (20_000, queued(2, 20_000, QueuedBecause::Asked, None)),
            (20_001, offered()),
            (20_002, assigned()),
            (20_003, Event::TransferRequested { by: AGENT, to_agent: None, to_team: Some("social".to_owned()) }),
            (20_004, Event::TransferEnded { by: AGENT, reason: OfferEnd::TransferCancelled }),
            (80_000, Event::Stepped { no: 2, step: SlaStep::Breached, at: Timestamp(80_000) }),
            (80_001, Event::Answered { no: 2, at: Timestamp(79_999), by: AGENT }),
            (80_001, Event::BreachStruck { no: 2 }),
            (81_000, owed(1, 81_000)),
            (82_000, Event::ReplyMoved { no: 1, before: Timestamp(84_000), terms: terms(82_000) }),
            (84_500, Event::ReplyStepped { no: 1, step: 1, at: Timestamp(84_500) }),
            (85_500, Event::Replied { no: 1, at: Timestamp(85_500), by: AGENT }),
            (
                85_900,
                Event::ReplyKept {
                    no: 2,
                    team: "general".to_owned(),
                    asked_at: Timestamp(85_600),
                    due_at: Timestamp(88_600),
                    at: Timestamp(85_900),
                    by: AGENT,
                },
            ),
            (86_000, owed(3, 86_000)),
            (90_000, Event::ReplyReleased { no: 3, at: Timestamp(90_000) }),
            (90_000, Event::Finished {}),
            (
                91_000,
                Event::Closed {
                    outcome: Outcome::OutOfScope,
                    hand_on: Some(HandOnChannel::Petition),
                    receipt: Some("ZB2".to_owned()),
                },
            ),
            (91_500, corrected(Promise::NextResponse, 1, Some(83_000), false)),
            (91_600, corrected(Promise::FirstResponse, 2, None, true)),
            (92_000, Event::Rated { stars: 4 }),
            (93_000, Event::Reopened {}),
        ]
    }

    #[test]
    fn a_life_is_replayed_with_its_clocks_and_receipts() {
        let history = replay(&a_long_life()).unwrap();
        assert_eq!((history.stage, history.agent, history.outcome), (Stage::Bot, None, None));
        assert_eq!(history.citizen, CitizenId::new(2), "a visitor who has logged in");
        assert_eq!((history.hall.as_deref(), history.ticket.as_deref()), (Some("pudong-1"), Some("A12")));
        assert_eq!((history.slot, history.closed_at, history.stars), (None, None, Some(4)));
        let clocks: Vec<_> = history
            .clocks
            .iter()
            .map(|clock| (clock.asked_at.0, clock.step, clock.breached_at, clock.answered_at, clock.left_at))
            .collect();
        assert_eq!(
            clocks,
            [
                (100, SlaStep::Running, None, None, Some(Timestamp(15_102))),
                (20_000, SlaStep::Alerted, None, Some(Timestamp(79_999)), None),
            ]
        );
        assert_eq!(
            history.clocks[1].correction,
            Some(Correction { measured_at: Some(Timestamp(79_999)), is_excused: true })
        );
        let reply = PastReply {
            asked_at: Timestamp(81_000),
            due_at: Timestamp(85_000),
            step: 1,
            answered_at: Some(Timestamp(83_000)),
            left_at: None,
            correction: Some(Correction { measured_at: Some(Timestamp(85_500)), is_excused: false }),
        };
        let kept = PastReply {
            asked_at: Timestamp(85_600),
            due_at: Timestamp(88_600),
            step: 0,
            answered_at: Some(Timestamp(85_900)),
            left_at: None,
            correction: None,
        };
        let released = PastReply {
            asked_at: Timestamp(86_000),
            due_at: Timestamp(89_000),
            step: 0,
            answered_at: None,
            left_at: Some(Timestamp(90_000)),
            correction: None,
        };
        assert_eq!(history.replies, [reply, kept, released], "corrected, with what was measured beside it");
        let receipts: Vec<_> = history
            .receipts
            .iter()
            .map(|one| {
                let instants = (one.settled_at.map(|at| at.0), one.reminded_at.map(|at| at.0));
                (one.receipt.as_str(), one.hand_on, one.state, instants)
            })
            .collect();
        assert_eq!(
            receipts,
            [
                ("SH1", None, ReceiptState::Cancelled, (Some(15_102), Some(95))),
                ("ZB2", Some(HandOnChannel::Petition), ReceiptState::Done, (Some(91_000), None)),
            ]
        );
    }

    #[test]
    fn an_answer_before_the_leaving_counts_and_one_clock_survives_a_lost_agent() {
        let life = [
            (0, opened()),
            (1, queued(1, 1, QueuedBecause::Asked, None)),
            (2, offered()),
            (3, assigned()),
            (4, queued(1, 1, QueuedBecause::AgentSuspect, Some(AGENT))),
            (5, Event::Answered { no: 1, at: Timestamp(4), by: AGENT }),
            (6, Event::Left { no: 1, at: Timestamp(6) }),
        ];
        let history = replay(&life).unwrap();
        assert_eq!(history.clocks.len(), 1, "the clock never restarts");
        assert_eq!((history.clocks[0].answered_at, history.clocks[0].left_at), (Some(Timestamp(4)), None));
        assert_eq!((history.stage, history.agent), (Stage::Waiting, None));
    }

    #[test]
    fn a_correction_that_is_taken_back_leaves_what_was_measured() {
        let life = [
            (0, opened()),
            (1, queued(1, 1, QueuedBecause::Asked, None)),
            (5, Event::Left { no: 1, at: Timestamp(5) }),
            (6, corrected(Promise::FirstResponse, 1, Some(3), false)),
            (7, corrected(Promise::FirstResponse, 1, Some(4), false)),
            (8, corrected(Promise::FirstResponse, 1, None, false)),
        ];
        let before = replay(&life[..5]).unwrap();
        assert_eq!(before.clocks[0].answered_at, Some(Timestamp(4)));
        assert_eq!(before.clocks[0].correction, Some(Correction { measured_at: None, is_excused: false }));
        let after = replay(&life).unwrap();
        assert_eq!((after.clocks[0].answered_at, after.clocks[0].correction), (None, None));
    }

    #[test]
    fn a_log_that_cannot_be_is_refused_with_the_event_that_is_wrong() {
        assert_eq!(replay(&[]), Err(ReplayError::Opening(0)));
        assert_eq!(replay(&[(0, offered())]), Err(ReplayError::Opening(0)));
        assert_eq!(replay(&[(0, opened()), (1, opened())]), Err(ReplayError::Opening(1)));
        let jump = ReplayError::Transition { event: 1, kind: "assigned", from: Stage::Bot, to: Stage::Serving };
        assert_eq!(jump.to_string(), "event 1: assigned cannot lead from bot to serving");
        assert_eq!(replay(&[(0, opened()), (1, assigned())]), Err(jump));
        for unknown in [
            Event::Left { no: 1, at: Timestamp(1) },
            Event::Left { no: 0, at: Timestamp(1) },
            queued(2, 1, QueuedBecause::Asked, None),
            Event::ReceiptSettled { receipt: "SH9".to_owned(), state: ReceiptState::Done },
            Event::AgentMissing { agent: AGENT, lost: true },
            owed(2, 1),
            Event::CallBackReminded { receipt: "SH9".to_owned(), starts_at: Timestamp(1) },
            Event::CallBackMoved { receipt: "SH9".to_owned(), starts_at: Timestamp(1), ends_at: Timestamp(2) },
            Event::Replied { no: 1, at: Timestamp(1), by: AGENT },
            corrected(Promise::CallBack, 1, None, true),
        ] {
            assert_eq!(replay(&[(0, opened()), (1, unknown)]), Err(ReplayError::Unknown(1)));
        }
    }

    #[test]
    fn every_event_has_the_same_tag_in_rows_and_in_json_and_survives_a_round_trip() {
        let mut all: Vec<Event> = a_long_life().into_iter().map(|(_, event)| event).collect();
        all.push(Event::StatusChanged { agent: AGENT, status: AgentStatus::Break, until: Some(Timestamp(5)) });
        all.push(Event::PresenceChanged { agent: AGENT, connected: true });
        all.push(Event::AgentMissing { agent: AGENT, lost: false });
        let kinds: std::collections::BTreeSet<&str> = all.iter().map(Event::kind).collect();
        assert_eq!(kinds.len(), 37, "one of each");
        for event in all {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["kind"], event.kind());
            assert!(json["detail"].is_object(), "{json}");
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }
}
