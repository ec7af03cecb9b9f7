//! What goes into the windows and what comes out: plain data, comparable in tests.

use std::fmt;

use super::{
    browse::{FieldRef, FormContext},
    ink::{InkChange, Point, Stroke},
    vocabulary::{
        CodeEndedBecause, Deed, EndedBecause, FieldKind, Medium, Origin, ProposalEndedBecause, Purpose, Seat,
        UnseatedBecause,
    },
};
use crate::{
    AgentId, CitizenId, ConversationId, FileId, ParticipantId, Timestamp, WindowId,
    time::{MINUTE, Millis, SECOND},
};

/// Numbers of the rules; the defaults are ours where DOMAIN gives none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Windows that may be agreed upon or live at once on this node; `None`: as many as come. What waits for an answer
    /// costs nothing and is not counted; when it is agreed upon and there is no place, that is refused.
    pub most_live: Option<usize>,
    /// How long who is asked may think: 60 s.
    pub answer: Millis,
    /// How long after everybody agreed both sides may take to come: 60 s.
    pub come: Millis,
    /// A connection that comes back within 20 s is the same participant on the same seat.
    pub resume: Millis,
    /// A live window in which one side is away for 60 s ends; as with a lost agent (DOMAIN rule 2).
    pub alone: Millis,
    /// How long a code is good: 10 min.
    pub code: Millis,
    /// Wrong codes that may come from one source ...: 5
    pub wrong_codes: u32,
    /// ... within 15 min.
    pub wrong_codes_within: Millis,
    /// How long before its time a booked window opens its door: 5 min.
    pub early: Millis,
    /// How long after its time it stands open: 15 min.
    pub late: Millis,
    /// How long a proposed value stands: 2 min.
    pub proposal: Millis,
    /// Pictures of one window that may be put into the thread: 30.
    pub most_snapshots: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            most_live: None,
            answer: 60 * SECOND,
            come: 60 * SECOND,
            resume: 20 * SECOND,
            alone: 60 * SECOND,
            code: 10 * MINUTE,
            wrong_codes: 5,
            wrong_codes_within: 15 * MINUTE,
            early: 5 * MINUTE,
            late: 15 * MINUTE,
            proposal: 2 * MINUTE,
            most_snapshots: 30,
        }
    }
}

/// Somebody, before they sit anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    /// Who is helped.
    Citizen(CitizenId),
    /// A member of staff.
    Staff(AgentId),
}

/// One connection of one page. The caller numbers them, so that the late end of an old one does not unseat a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection(pub u64);

/// Where a code is entered from: whatever the caller takes for one client (a digest of address or session).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(pub u128);

/// Six digits. Never shown by `Debug`, so that no log has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(u32);

impl Code {
    /// How many there are; the caller rolls one of them.
    pub const COUNT: u32 = 1_000_000;

    /// The code with this number, which is below [`Code::COUNT`].
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// As somebody types it: six digits, with white space between them if they like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_code.then(|| digits.parse().ok()).flatten().and_then(Self::new)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(******)")
    }
}

/// Which wording of which text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentText {
    /// Id of the text.
    pub id: String,
    /// Its version.
    pub version: u32,
}

/// That a citizen agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// To what.
    pub purpose: Purpose,
    /// As it was worded.
    pub text: ConsentText,
    /// When.
    pub at: Timestamp,
}

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its time is to come.
    Booked {
        /// When.
        at: Timestamp,
    },
    /// Not everybody has said yes.
    Asked {
        /// Until then.
        until: Timestamp,
    },
    /// Everybody has; who comes may sit down.
    Consented {
        /// Until then both sides are there, or it ends.
        until: Timestamp,
    },
    /// Citizen and clerk see each other.
    Live {
        /// Since when.
        since: Timestamp,
    },
}

/// What a row says of a window that has not ended: enough to go on after a restart, or on another node. Ink, proposals and
/// open codes are not kept: a page draws, proposes and asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Where from.
    pub origin: Origin,
    /// Who may take it back before it is live.
    pub asked_by: Person,
    /// Where it stands.
    pub state: State,
    /// Who is helped; `None`: whoever enters the code.
    pub citizen: Option<CitizenId>,
    /// Who serves.
    pub agent: AgentId,
    /// Has the agent said yes?
    pub agent_agrees: bool,
    /// Who was asked in.
    pub invited: Option<AgentId>,
    /// What the citizen has agreed to.
    pub consents: Vec<Consent>,
    /// Who sits where.
    pub seats: Vec<(Seat, ParticipantId, Person)>,
    /// Pictures that are in the thread.
    pub snapshots: u32,
    /// The same people are in a telephone call.
    pub is_in_call: bool,
}

/// What can happen to windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The text that citizens agree to from now on. What they agreed to before holds.
    TextPublished {
        /// For what.
        purpose: Purpose,
        /// Which.
        text: ConsentText,
    },
    /// The node takes no new windows any more.
    Draining,
    /// Somebody wants a window in a conversation that is served.
    Asked {
        /// Its id, which the caller made unique.
        window: WindowId,
        /// In which conversation.
        conversation: ConversationId,
        /// From where.
        origin: Origin,
        /// Who asks: the citizen, or the agent who serves.
        by: Person,
        /// Whose conversation it is; `None`: somebody who will enter a code.
        citizen: Option<CitizenId>,
        /// Who serves it.
        agent: AgentId,
    },
    /// A time was agreed upon. The caller asks nobody's consent before it has come.
    Booked {
        /// Its id.
        window: WindowId,
        /// In which conversation.
        conversation: ConversationId,
        /// Who booked it: the citizen, or the agent who serves.
        by: Person,
        /// Whose conversation it is.
        citizen: CitizenId,
        /// Who will serve it; see [`Input::HandedOver`].
        agent: AgentId,
        /// When.
        at: Timestamp,
    },
    /// The agent wants a code to tell.
    CodeMade {
        /// For which window.
        window: WindowId,
        /// Who.
        by: Person,
        /// Rolled by the caller; [`Refusal::CodeTaken`]: roll again.
        code: Code,
    },
    /// Somebody has typed a code.
    CodeEntered {
        /// What.
        code: Code,
        /// From where.
        source: Source,
        /// Who they are from now on.
        citizen: CitizenId,
    },
    /// The agent answers the citizen's question, or the citizen says no. (The citizen's yes is [`Input::Consented`].)
    Answered {
        /// Which.
        window: WindowId,
        /// Who.
        by: Person,
        /// Yes?
        accepts: bool,
    },
    /// Whoever has asked, or booked, takes it back before it is live.
    Cancelled {
        /// Which.
        window: WindowId,
        /// Who.
        by: Person,
    },
    /// The citizen agrees to something.
    Consented {
        /// In which window.
        window: WindowId,
        /// Who.
        by: Person,
        /// To what.
        purpose: Purpose,
        /// To which wording.
        text: ConsentText,
    },
    /// The citizen does not agree any more.
    ConsentWithdrawn {
        /// In which window.
        window: WindowId,
        /// Who.
        by: Person,
        /// To what.
        purpose: Purpose,
    },
    /// The agent asks a second clerk in.
    Invited {
        /// Where to.
        window: WindowId,
        /// By whom.
        by: Person,
        /// Whom.
        who: AgentId,
    },
    /// A page sits down, or comes back.
    Joined {
        /// Where.
        window: WindowId,
        /// Who.
        who: Person,
        /// On which seat.
        seat: Seat,
        /// An id that the caller made unique; whoever comes back keeps the old one.
        participant: ParticipantId,
        /// Of which connection.
        connection: Connection,
        /// May they watch the conversations of this place? (See [`crate::rights`].) Only the supervisor's seat asks.
        supervises: bool,
    },
    /// A connection has gone.
    ConnectionLost {
        /// Where.
        window: WindowId,
        /// Which.
        connection: Connection,
    },
    /// Somebody leaves. When the citizen does, or the last clerk, the window ends.
    Left {
        /// Which window.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
    },
    /// A second clerk is shown out, and is not asked in any more.
    Removed {
        /// Which window.
        window: WindowId,
        /// By whom.
        by: ParticipantId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Somebody ends it for all.
    Ended {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
    },
    /// The conversation is another agent's now.
    HandedOver {
        /// Which conversation.
        conversation: ConversationId,
        /// Whose.
        agent: AgentId,
    },
    /// The conversation was closed.
    ConversationClosed {
        /// Which.
        conversation: ConversationId,
    },
    /// The same people speak by telephone, or not any more: meanwhile nobody's voice goes through the window.
    CallChanged {
        /// In which conversation.
        conversation: ConversationId,
        /// Do they?
        is_in_call: bool,
    },
    /// Somebody wants to be seen or heard, or not any more.
    Published {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// By what.
        medium: Medium,
        /// From now on?
        is_on: bool,
    },
    /// Somebody points at a place of the picture.
    Pointed {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// Where.
        at: Point,
    },
    /// Somebody draws.
    Drawn {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// Number of the stroke among theirs; the same one as before goes on.
        number: u32,
        /// What.
        stroke: Stroke,
    },
    /// Somebody takes their newest stroke back.
    Undone {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
    },
    /// Somebody wipes everything away.
    Cleared {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
    },
    /// Somebody holds the picture, or lets it go on.
    Frozen {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// Held from now on?
        is_frozen: bool,
    },
    /// Somebody puts the picture into the thread.
    SnapshotTaken {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// The picture, uploaded.
        file: FileId,
    },
    /// The citizen lets the page be seen, or not any more.
    BrowseChanged {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// From now on?
        is_on: bool,
    },
    /// The page says where in the form the citizen is.
    FormSeen {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// Where.
        context: FormContext,
    },
    /// A clerk points at a field.
    Highlighted {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// Which field.
        field: FieldRef,
    },
    /// A clerk proposes a value. The value itself goes past here: it may be personal, and decides nothing.
    Proposed {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// For which field.
        field: FieldRef,
        /// What stands there.
        kind: FieldKind,
    },
    /// The citizen takes it over, or does not.
    ProposalAnswered {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// Number of the proposal.
        proposal: u32,
        /// Takes it?
        accepts: bool,
    },
    /// Somebody wants to press, sign, pay or show their face through the window: refused to all but the citizen.
    Bound {
        /// Which window.
        window: WindowId,
        /// Who.
        by: ParticipantId,
        /// What stands there.
        kind: FieldKind,
    },
    /// Start of the server, or the end of another node: a window as its row says. Everybody's connection is gone since
    /// now. Comes before any other input about it.
    Restored {
        /// Which.
        window: WindowId,
        /// What the row says.
        kept: Kept,
    },
}

/// What the world has to do or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A window stands here now, or has just begun.
    Changed {
        /// Which.
        window: WindowId,
        /// Where.
        state: State,
    },
    /// It is over; its id means nothing here any more.
    Ended {
        /// Which.
        window: WindowId,
        /// Why.
        because: EndedBecause,
        /// The instant of the rule, not the instant of noticing.
        at: Timestamp,
    },
    /// The agent's side has said yes.
    AgentAgreed {
        /// Which.
        window: WindowId,
        /// Who.
        agent: AgentId,
    },
    /// To be stored before anything flows.
    ConsentGiven {
        /// In which window.
        window: WindowId,
        /// What.
        consent: Consent,
    },
    /// It does not hold any more.
    ConsentEnded {
        /// In which window.
        window: WindowId,
        /// What.
        purpose: Purpose,
        /// When.
        at: Timestamp,
    },
    /// A code is good.
    CodeOpened {
        /// For which window.
        window: WindowId,
        /// Until when.
        until: Timestamp,
    },
    /// A code is good no more.
    CodeEnded {
        /// Of which window.
        window: WindowId,
        /// Why.
        because: CodeEndedBecause,
    },
    /// The citizen's seat is theirs who entered the code.
    CitizenKnown {
        /// Of which window.
        window: WindowId,
        /// Whose.
        citizen: CitizenId,
    },
    /// Somebody was asked in, or (`None`) nobody is any more.
    InvitationChanged {
        /// Where to.
        window: WindowId,
        /// Who.
        who: Option<AgentId>,
    },
    /// Another agent serves it now.
    AgentChanged {
        /// Which window.
        window: WindowId,
        /// Who.
        agent: AgentId,
    },
    /// Somebody sits.
    Seated {
        /// Where.
        window: WindowId,
        /// Which id holds.
        participant: ParticipantId,
        /// Which seat.
        seat: Seat,
        /// Who.
        who: Person,
        /// By which connection.
        connection: Connection,
        /// They have come back: everything that was theirs is.
        is_resumed: bool,
    },
    /// This connection is nobody's any more: the same person came with another one.
    ConnectionReplaced {
        /// Where.
        window: WindowId,
        /// Which.
        connection: Connection,
    },
    /// Somebody's connection has gone; their seat is kept.
    Suspended {
        /// Where.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody sits no more; what they published has ended too.
    Unseated {
        /// Where.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
        /// Why.
        because: UnseatedBecause,
    },
    /// Something of somebody is to be forwarded to all others who sit there, or not any more.
    MediaChanged {
        /// Where.
        window: WindowId,
        /// Whose.
        participant: ParticipantId,
        /// What.
        medium: Medium,
        /// From now on?
        is_on: bool,
    },
    /// To be told to all who sit there.
    InkChanged {
        /// Where.
        window: WindowId,
        /// On which picture.
        picture: u32,
        /// By whom.
        by: ParticipantId,
        /// What.
        change: InkChange,
    },
    /// There is another picture, or it is held, or goes on. A new one has no strokes.
    PictureChanged {
        /// Where.
        window: WindowId,
        /// Its number.
        picture: u32,
        /// Is it held?
        is_frozen: bool,
    },
    /// A picture belongs into the thread.
    SnapshotKept {
        /// Of which window.
        window: WindowId,
        /// Who took it.
        by: ParticipantId,
        /// The picture.
        file: FileId,
    },
    /// The page of the citizen is seen, or not any more.
    BrowseChanged {
        /// Where.
        window: WindowId,
        /// From now on?
        is_on: bool,
    },
    /// Where in the form the citizen is: for clerks.
    FormChanged {
        /// Where.
        window: WindowId,
        /// What.
        context: FormContext,
    },
    /// To be shown to the citizen.
    Highlighted {
        /// Where.
        window: WindowId,
        /// By whom.
        by: ParticipantId,
        /// Which field.
        field: FieldRef,
    },
    /// To be shown to the citizen, with the value.
    Proposed {
        /// Where.
        window: WindowId,
        /// By whom.
        by: ParticipantId,
        /// Its number.
        proposal: u32,
        /// For which field.
        field: FieldRef,
    },
    /// A proposal is no more.
    ProposalEnded {
        /// Where.
        window: WindowId,
        /// Which.
        proposal: u32,
        /// Why.
        because: ProposalEndedBecause,
    },
    /// The citizen may: the page goes on with it.
    BindingAllowed {
        /// Where.
        window: WindowId,
        /// What.
        kind: FieldKind,
    },
}

/// Why something is impossible now. It has then changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Never heard of, or it has ended.
    #[error("window {0} is not open")]
    NotOpen(WindowId),
    /// The id is used.
    #[error("window {0} is known already")]
    KnownAlready(WindowId),
    /// One conversation has one window at a time.
    #[error("the conversation has window {0}")]
    HasOne(WindowId),
    /// As many as this node may have.
    #[error("there is no room for another window now")]
    Full,
    /// The node is about to stop.
    #[error("this node takes no new windows")]
    Draining,
    /// Only the citizen or the agent of the conversation may.
    #[error("only who takes part in the conversation may")]
    NotYours,
    /// Not in this state.
    #[error("not possible now")]
    WrongState,
    /// The time lies in the past.
    #[error("the time has passed")]
    TimePassed,
    /// The wording has changed, or there is none.
    #[error("the text is not the present one")]
    OutdatedText,
    /// The citizen has not agreed to it.
    #[error("needs the citizen's consent: {0}")]
    NoConsent(Purpose),
    /// Another window has this code.
    #[error("the code is taken")]
    CodeTaken,
    /// No window has it.
    #[error("the code is not good")]
    WrongCode,
    /// Too many wrong ones from there.
    #[error("too many wrong codes")]
    TooManyCodes {
        /// When the next may be tried.
        until: Timestamp,
    },
    /// Somebody else sits there.
    #[error("the seat {0} is taken")]
    SeatTaken(Seat),
    /// Nobody of that id sits there.
    #[error("{0} does not sit in this window")]
    NotSeated(ParticipantId),
    /// Who sits there may not.
    #[error("the seat {0} may not: {1}")]
    NotAllowed(Seat, Deed),
    /// Somebody else shares their screen.
    #[error("somebody shares their screen already")]
    ScreenTaken,
    /// They speak by telephone.
    #[error("voices go by telephone now")]
    InCall,
    /// Nothing is shown on which one could.
    #[error("there is no picture")]
    NoPicture,
    /// The page is not seen.
    #[error("the page is not seen")]
    NotBrowsing,
    /// Only the citizen themselves.
    #[error("only the citizen: {0}")]
    OnlyCitizen(FieldKind),
    /// Faster than anybody draws or points.
    #[error("too fast")]
    TooFast,
    /// Larger than any stroke, name or list is.
    #[error("too large")]
    TooLarge,
    /// An older stroke cannot be continued.
    #[error("the stroke is older than the newest")]
    StaleStroke,
    /// No such proposal stands.
    #[error("proposal {0} is not open")]
    ProposalGone(u32),
    /// As many as may be.
    #[error("too many")]
    TooMany,
}
