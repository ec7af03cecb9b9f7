//! What goes into the calls and what comes out: plain data, comparable in tests.

use std::fmt;

use super::{
    rows::{AttemptRow, CallRow, LegRow, RequestRow, Row, WrapUpRow},
    vocabulary::{
        CallDeed, CallEnd, CallOrigin, CallPart, Cause, DeclineReason, Disposition, Failure, Goal, Order, Prompt,
        Sound, Standing, Supervision,
    },
};
use crate::{
    AgentId, CallId, ConversationId, TeamId, Timestamp,
    conversation::telephone,
    time::{DAY, HOUR, Millis, SECOND},
};

/// Numbers of the rules; the defaults are ours where DOMAIN gives none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long one party is rung: 20 s (rule 6).
    pub ring: Millis,
    /// Who says nothing at all for 2 s is passed over: a dead address gives no error.
    pub no_progress: Millis,
    /// In order, but the next candidate is rung beside one who has been rung for so long (15 s is usual); `None`: never.
    pub parallel_after: Option<Millis>,
    /// So many are rung at once at most: 8.
    pub most_at_once: usize,
    /// A page that comes back within 20 s keeps its leg.
    pub resume: Millis,
    /// A professional who hangs up so soon after the operator left them with the caller has the operator rung back: 30 s.
    pub ring_back_within: Millis,
    /// Unreached callers are answered within 24 h (rule 6).
    pub call_back_within: Millis,
    /// How long the caller is waited for to press a key: 15 s.
    pub rating: Millis,
    /// A last prompt is over after 20 s at the latest.
    pub farewell: Millis,
    /// How long an operator may wrap up: 60 s.
    pub wrap_up: Millis,
    /// How long a call may be: 4 h.
    pub longest: Millis,
    /// Calls at once on this node; `None`: as many as come.
    pub most_calls: Option<usize>,
    /// Who may talk in one call beside supervisors, those who are rung not counted: 4.
    pub most_talkers: usize,
    /// Supervisors in one call: 2.
    pub most_supervisors: usize,
    /// Requests of one call: 30.
    pub most_requests: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ring: 20 * SECOND,
            no_progress: 2 * SECOND,
            parallel_after: None,
            most_at_once: 8,
            resume: 20 * SECOND,
            ring_back_within: 30 * SECOND,
            call_back_within: DAY,
            rating: 15 * SECOND,
            farewell: 20 * SECOND,
            wrap_up: 60 * SECOND,
            longest: 4 * HOUR,
            most_calls: None,
            most_talkers: 4,
            most_supervisors: 2,
            most_requests: 30,
        }
    }
}

/// Most candidates of one request.
pub const MAX_CANDIDATES: usize = 50;

/// Most keys that are pressed by one command.
pub const MAX_DIGITS: usize = 32;

/// One leg of one call; a number is never used twice in a call. In rows and logs `cl_…/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId {
    /// Of which call.
    pub call: CallId,
    /// 1, 2, ...
    pub no: u16,
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.call, self.no)
    }
}

/// A telephone number. Never shown by `Debug`, so that no log has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(String);

impl Number {
    /// As somebody writes it: 5 to 20 digits; blanks, `+` and `-` may stand in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        telephone("number", text).ok().map(|number| Self(number.replace('-', "")))
    }

    /// What is dialled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(***)")
    }
}

/// Somebody of the staff's side who can be rung.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A member of staff, on whatever they have: desk phone or browser.
    Agent(AgentId),
    /// A department's telephone.
    Number(Number),
}

impl Party {
    /// The member of staff.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Agent(agent) => Some(*agent),
            Self::Number(_) => None,
        }
    }
}

/// What a request is about: by this the figures are told apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// Code of the item.
    pub item: Option<String>,
    /// Code of the unit that owns it.
    pub department: String,
}

/// Who is to be rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// About what.
    pub about: About,
    /// On duty by the roster and connected, and the item's numbers, in order. Nobody: then nobody is reached.
    pub candidates: Vec<Party>,
    /// How.
    pub order: Order,
}

/// What somebody in a call wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Have somebody rung.
    Request {
        /// Whom.
        plan: Plan,
        /// What for. [`Goal::Direct`] nobody asks for: it is how a call comes in.
        goal: Goal,
    },
    /// Stop ringing them.
    StopRequest,
    /// Who talks aside or is on hold, and the caller: all talk with each other.
    Merge,
    /// From the caller to who is consulted, or back.
    Swap,
    /// Leave the others talking. While somebody is being rung: put the caller through to them.
    Leave,
    /// Be rung, and take part again.
    Return {
        /// Those who came in the meantime are let go.
        takes_back: bool,
    },
    /// Somebody hears music, and is not heard.
    Hold(LegId),
    /// ... no longer.
    Resume(LegId),
    /// Silence somebody, perhaps oneself, or no longer.
    Mute {
        /// Whom.
        leg: LegId,
        /// From now on?
        is_muted: bool,
    },
    /// Be heard by one colleague only; `None`: by all again.
    WhisperTo(Option<LegId>),
    /// Take somebody out.
    Drop(LegId),
    /// Press keys towards somebody's telephone system.
    Dial {
        /// Whose.
        leg: LegId,
        /// `0`-`9`, `*`, `#`.
        digits: String,
    },
    /// Go on in writing.
    OpenThread,
    /// Go on in a virtual window.
    OpenWindow,
    /// End it for all.
    End,
    /// Listen, whisper or join in.
    Supervise(Supervision),
    /// Lead the call from now on.
    TakeOver,
}

impl Command {
    /// The right that it needs; to silence oneself is another one than to silence others.
    #[must_use]
    pub const fn deed(&self, is_about_self: bool) -> CallDeed {
        match self {
            Self::Request { .. } | Self::StopRequest => CallDeed::Request,
            Self::Merge | Self::Swap | Self::Hold(_) | Self::Resume(_) => CallDeed::Arrange,
            Self::Leave => CallDeed::Leave,
            Self::Return { .. } => CallDeed::Return,
            Self::Mute { .. } if is_about_self => CallDeed::MuteSelf,
            Self::Mute { .. } => CallDeed::Silence,
            Self::WhisperTo(_) => CallDeed::Whisper,
            Self::Drop(_) => CallDeed::Drop,
            Self::Dial { .. } => CallDeed::Dial,
            Self::OpenThread | Self::OpenWindow => CallDeed::Continue,
            Self::End => CallDeed::End,
            Self::Supervise(_) => CallDeed::Supervise,
            Self::TakeOver => CallDeed::TakeOver,
        }
    }
}

/// What a row says of a call that has not ended. Sound cannot be kept: a call whose node dies is over, and what is kept is
/// what is needed to say so truthfully and to call back at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The call.
    pub call: CallRow,
    /// Those of its requests that were not decided.
    pub requests: Vec<RequestRow>,
    /// Those of its attempts that were not decided.
    pub attempts: Vec<AttemptRow>,
    /// Those of its legs that stood.
    pub legs: Vec<LegRow>,
    /// The router looked for an operator.
    pub is_asked: bool,
    /// It was over but for a prompt: nobody is to be called back.
    pub is_closing: Option<CallEnd>,
}

/// What can happen to calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The node takes no new calls any more.
    Draining,
    /// A caller is there: a telephone rang the hotline, or a browser speaks. Their leg is number 1.
    Arrived {
        /// Its id, which the caller of this made unique.
        call: CallId,
        /// From where.
        origin: CallOrigin,
        /// CallPart of which conversation.
        conversation: Option<ConversationId>,
        /// Whose queue.
        team: TeamId,
        /// The item, if the menu or the number says it.
        item: Option<String>,
        /// First priority (rule 5)?
        is_first: bool,
        /// The item has a direct line: whom it leads to.
        direct: Option<Plan>,
    },
    /// A member of staff has a citizen rung: themselves first, then the citizen.
    Placed {
        /// Its id.
        call: CallId,
        /// [`CallOrigin::CallMe`] or [`CallOrigin::CallBack`].
        origin: CallOrigin,
        /// CallPart of which conversation.
        conversation: Option<ConversationId>,
        /// Whose queue.
        team: TeamId,
        /// The item.
        item: Option<String>,
        /// Who.
        by: AgentId,
    },
    /// An operator has accepted a call for which [`Effect::AskOperator`] was told.
    OperatorFound {
        /// Which.
        call: CallId,
        /// Who.
        agent: AgentId,
    },
    /// No operator will come at this hour.
    OperatorsClosed {
        /// To which.
        call: CallId,
    },
    /// The call is part of a conversation from now on.
    ConversationKnown {
        /// Which.
        call: CallId,
        /// Of which.
        conversation: ConversationId,
    },
    /// The other side says that it rings, or is at least there.
    Ringing(LegId),
    /// Who was rung is there.
    Answered(LegId),
    /// Who was rung will not come.
    Failed(LegId, Failure),
    /// Who was rung does not want to come, and says why.
    Declined(LegId, DeclineReason),
    /// Somebody hung up.
    HungUp(LegId),
    /// Nothing is heard of somebody's sound any more (RTP), or their telephone does not answer to us (session timer).
    MediaLost(LegId),
    /// The page of a leg in a browser has gone, perhaps only reloading.
    ConnectionLost(LegId),
    /// It is there again.
    Reattached(LegId),
    /// Somebody's telephone has put us on hold, or goes on.
    PeerHeld(LegId, bool),
    /// Somebody has pressed a key.
    Digit(LegId, char),
    /// Somebody was heard speaking.
    Heard(LegId),
    /// What was played to somebody is over.
    PromptEnded(LegId),
    /// A telephone asks for a transfer (SIP REFER); taken from the operator's only.
    Referred {
        /// Whose.
        leg: LegId,
        /// To whom.
        plan: Plan,
    },
    /// A telephone is not registered any more: who is being rung there cannot be. A call that stands goes on.
    RegistrationGone(AgentId),
    /// Somebody wants something.
    Commanded {
        /// In which call.
        call: CallId,
        /// Who.
        by: AgentId,
        /// May they watch the calls of this place? (See [`crate::rights`].)
        supervises: bool,
        /// What.
        command: Command,
    },
    /// The operator says what the call was.
    WrappedUp {
        /// Which.
        call: CallId,
        /// Who.
        by: AgentId,
        /// What.
        disposition: Disposition,
    },
    /// Start of the server, or the end of another node: a call that had not ended.
    Restored(Kept),
    /// Start of the server, or the end of another node: a wrap-up that had not ended.
    WrapUpRestored(WrapUpRow),
}

/// What somebody hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ear {
    /// Who.
    pub leg: LegId,
    /// Whom, in order; never themselves.
    pub hears: Vec<LegId>,
    /// What, if nobody.
    pub sound: Sound,
}

/// What the world has to do or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// To be durable before it is told.
    Save(Row),
    /// The caller's telephone is to be answered; they hear us from now on.
    Accept(LegId),
    /// Ring somebody.
    Ring {
        /// Which leg it will be.
        leg: LegId,
        /// As what.
        part: CallPart,
        /// Whom; `None`: the caller.
        party: Option<Party>,
    },
    /// Ring them no more. The leg is not known here any more; if it is answered nevertheless, it is hung up.
    Cancel {
        /// Which.
        leg: LegId,
        /// Why; `Elsewhere` is told to the telephone (RFC 3326), which then shows no missed call.
        because: Cause,
    },
    /// Hang up. The leg is not known here any more.
    HangUp(LegId),
    /// Who hears whom from now on: all legs of the call that are there. Nobody else hears anything.
    MixChanged {
        /// Where.
        call: CallId,
        /// By leg.
        ears: Vec<Ear>,
    },
    /// To be played to somebody, over whatever else they hear.
    Play {
        /// To whom.
        leg: LegId,
        /// What.
        prompt: Prompt,
    },
    /// Press keys towards somebody's telephone system (RFC 4733).
    Dial {
        /// Whose.
        leg: LegId,
        /// Which.
        digits: String,
    },
    /// The router is to find an operator; answered by [`Input::OperatorFound`] or [`Input::OperatorsClosed`].
    AskOperator {
        /// For which call.
        call: CallId,
        /// Whose queue.
        team: TeamId,
        /// First priority (rule 5)?
        is_first: bool,
        /// They were waited for once already: at the head of the queue, with the old clock (rule 1).
        is_again: bool,
        /// Who accepted, and could not be rung.
        missed_by: Option<AgentId>,
    },
    /// None is needed any more.
    StopAsking(CallId),
    /// Nobody was reached: a task to call back.
    CallBackOwed {
        /// From which call.
        call: CallId,
        /// Which request; `None`: for an operator.
        request: Option<u32>,
        /// About what.
        about: Option<About>,
        /// By then (rule 6).
        due_at: Timestamp,
    },
    /// Somebody was reached after all: that task is done.
    CallBackSettled {
        /// Of which call.
        call: CallId,
        /// Which request.
        request: u32,
    },
    /// The node died in the middle of a call: to be called back now.
    CallBackNow {
        /// Which call.
        call: CallId,
        /// By whom, best.
        agent: Option<AgentId>,
    },
    /// The call is to have a thread.
    ThreadWanted {
        /// Which.
        call: CallId,
        /// By whom.
        by: AgentId,
    },
    /// The call is to have a virtual window, by a code that is told in it.
    WindowWanted {
        /// Which.
        call: CallId,
        /// By whom.
        by: AgentId,
    },
    /// Citizen and staff of a conversation speak by telephone, or not any more; see
    /// [`crate::window::Input::CallChanged`].
    InCallChanged {
        /// Which conversation.
        conversation: ConversationId,
        /// Do they?
        is_in_call: bool,
    },
    /// The caller has rated (rule 13).
    Rated {
        /// Which call.
        call: CallId,
        /// 1 to 5.
        stars: u8,
    },
    /// It is over; its id means nothing here any more but to those who wrap up.
    Ended {
        /// Which.
        call: CallId,
        /// Why.
        because: CallEnd,
        /// The instant of the rule, not the instant of noticing.
        at: Timestamp,
    },
}

/// Why something is impossible now. It has then changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Never heard of, or it has ended.
    #[error("call {0} is not open")]
    NotOpen(CallId),
    /// The id is used.
    #[error("call {0} is known already")]
    KnownAlready(CallId),
    /// One conversation has one call at a time.
    #[error("the conversation has call {0}")]
    HasOne(CallId),
    /// As many as this node may have.
    #[error("there is no room for another call now")]
    Full,
    /// The node is about to stop.
    #[error("this node takes no new calls")]
    Draining,
    /// Not in this state.
    #[error("not possible now")]
    WrongState,
    /// They have nothing to do with the call.
    #[error("not in this call")]
    NotYours,
    /// What they are in the call does not allow it.
    #[error("as {0} one may not: {1}")]
    NotAllowed(Standing, CallDeed),
    /// No such leg stands in this call.
    #[error("leg {0} is not there")]
    NoLeg(LegId),
    /// It is not meant for this one.
    #[error("not for leg {0}")]
    NotForLeg(LegId),
    /// The others would be left alone.
    #[error("nobody else is there")]
    NobodyElse,
    /// Somebody is being rung already.
    #[error("somebody is being rung already")]
    Requesting,
    /// They speak in a call, or wrap one up.
    #[error("{0} is busy")]
    Busy(AgentId),
    /// As many as may be.
    #[error("too many")]
    TooMany,
    /// Not what keys have.
    #[error("digits must be 1 to 32 of 0-9, * and #")]
    BadDigits,
    /// They have nothing to wrap up there.
    #[error("no wrap-up is open")]
    NoWrapUp,
}
