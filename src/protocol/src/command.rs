//! What a client may ask for. Who may is written at each command; the server checks it.

use bangban_domain::{
    AgentId, AlertId, ContinuationId, ConversationId, FileId, OfferId, ParticipantId, Timestamp, WindowId,
    action::{ActionKind, ActionStepKind},
    alert::FlagReason,
    window::{FieldKind, Medium, Origin, Purpose, Seat},
    words::{AgentStatus, Channel, HandOnChannel, Outcome},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CallAct, FormContext, GuideStepKind, Identity, MediaLine, Point, Stroke, Topic, WriteBackDraft};

/// Body of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Command {
    // --- everybody ---------------------------------------------------------------------------------------------
    /// First request of a connection, within 10 s.
    Hello {
        /// A portal token, one of `POST /api/citizen/anonymous` or `/continue` (citizen), or of `POST /api/staff/login`.
        token: String,
        /// [`crate::VERSION`].
        protocol: u32,
    },
    /// The same member of staff with the next token of the same session: the connection goes on until that one expires.
    Renew {
        /// From `POST /api/staff/session/renew`.
        token: String,
    },
    /// Joins a topic. Joining is the authorisation check.
    Subscribe {
        /// The topic.
        topic: Topic,
        /// Resume: the last position that the client has. Threads then answer with only what is newer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        after: Option<u64>,
    },
    /// Leaves a topic.
    Unsubscribe {
        /// The topic.
        topic: Topic,
    },
    /// Appends a message to a conversation's thread; citizen of it, or agent who serves it.
    Send {
        /// The conversation.
        conversation: ConversationId,
        /// Made by the client once per message (at most 64 characters): a repetition is recognised by it.
        client_id: String,
        /// 1..=4000 characters.
        text: String,
        /// Agent only: the knowledge entry whose answer this is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        entry: Option<String>,
    },
    /// Appends a message that carries an uploaded file (docs/files.md); whoever may `send`, and only the uploader.
    SendFile {
        /// The conversation that it was uploaded for.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// A finished file that no other message carries.
        file: FileId,
    },
    /// Addresses of files in a thread that one may read, good for some minutes.
    OpenFiles {
        /// The conversation.
        conversation: ConversationId,
        /// At most 50.
        files: Vec<FileId>,
    },
    /// I am typing (true) or stopped (false). Not kept; sent at most once in 3 s.
    Typing {
        /// The conversation.
        conversation: ConversationId,
        /// Still typing?
        typing: bool,
    },
    /// I have seen everything up to `seq`.
    Read {
        /// The conversation.
        conversation: ConversationId,
        /// Last position seen.
        seq: u64,
    },
    /// Older part of a thread that one may read.
    LoadEarlier {
        /// The conversation.
        conversation: ConversationId,
        /// Entries before this position, at most 100.
        before: u64,
    },

    /// The notices that are in force, most urgent first. Whoever listens to the topic `notices` hears when to ask again.
    ListNotices {
        /// Citizen: the item that they ask about. An agent gets those of their teams.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        item: Option<String>,
    },

    // --- citizen -----------------------------------------------------------------------------------------------
    /// Opens a conversation, or finds the open one on the same item (two tabs get the same).
    OpenConversation {
        /// Code of the service item that the page is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        item: Option<String>,
        /// Code of the district that the page is about: what holds there is answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        district: Option<String>,
        /// Where from.
        channel: Channel,
        /// Code of the service hall; with channel `kiosk` or `counter`, and only there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        hall: Option<String>,
        /// Number of the queue ticket there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        ticket: Option<String>,
    },
    /// 我的咨询: one's own conversations, newest first, 20 at once.
    PastConversations {
        /// Those that come after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        before: Option<ConversationId>,
    },
    /// A one-time code, by which a second device goes on with this conversation as the same citizen. An earlier code for
    /// the conversation that was not used ends.
    ContinueElsewhere {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Takes back a code or, after its use, the second device's right.
    RevokeContinuation {
        /// Which.
        continuation: ContinuationId,
    },
    /// What I asked as an anonymous visitor on this device becomes mine; portal's citizens only. The visitor's token ends.
    ClaimVisitor {
        /// The proof that it was me: the visitor's token.
        visitor: String,
    },
    /// Chooses one of the questions that 小申 offered (`bot_clarify`), or a suggested one.
    ChooseEntry {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// The knowledge entry.
        entry: String,
    },
    /// None of the questions that 小申 offered is meant. Refused with `outdated` unless it is the last clarification and stands.
    RefuseOptions {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// Position of the `bot_clarify`.
        on: u64,
    },
    /// Published questions near what one is typing, while 小申 has the conversation. Neither kept nor logged.
    Suggest {
        /// The conversation.
        conversation: ConversationId,
        /// What stands in the field so far; 2..=60 characters, else there are none.
        text: String,
    },
    /// Begins a guided dialogue (docs/guide.md); the citizen, or the agent who serves them, for them.
    StartGuide {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// Code of the item.
        item: String,
    },
    /// A step in a guided dialogue; its citizen only.
    GuideStep {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// Position of the entry that it answers: the last one of 小申 in the dialogue. Refused with `outdated` if that is
        /// another one.
        on: u64,
        /// What.
        step: GuideStepKind,
        /// With `answer`: code of the choice, or of one of several situations.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        choice: Option<String>,
    },
    /// Begins an action (docs/actions.md); its citizen only. What concerns somebody in person ends at once, with a way to sign
    /// in, if nobody has said who they are.
    StartAction {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// What.
        kind: ActionKind,
        /// Code of the item; needed with `book` and `apply`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        item: Option<String>,
    },
    /// A step in an action; its citizen only. `confirm` is carried out once, however often and by however many pages it is
    /// sent.
    ActionStep {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// Position of the entry that it answers: the last one of 小申 in the action. Refused with `outdated` if that is
        /// another one.
        on: u64,
        /// What.
        step: ActionStepKind,
        /// With `choose`: code of the option.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        choice: Option<String>,
    },
    /// Was 小申's answer the solution? `true` closes a bot-only conversation as solved by bot.
    BotFeedback {
        /// The conversation.
        conversation: ConversationId,
        /// Position of the answer.
        seq: u64,
        /// The verdict.
        solved: bool,
    },
    /// A human, please. Possible at any moment before a human serves.
    RequestHuman {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Not any more; back to 小申.
    CancelRequest {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Out of hours: a message for a human, answered at `slot`.
    LeaveMessage {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// What the matter is; 1..=1000 characters.
        text: String,
        /// Telephone to call back; 5..=20 digits, `+` and `-`.
        phone: String,
        /// Start of a slot from `out_of_hours`.
        slot: Timestamp,
    },
    /// The times to which a promised call-back may be moved.
    CallBackSlots {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Another time for a promised call-back whose slot has not begun. To take it back: `cancel_request`.
    MoveCallBack {
        /// The conversation.
        conversation: ConversationId,
        /// Start of a slot from `call_back_slots`.
        slot: Timestamp,
    },
    /// The citizen is done: bot-only → closed, with a human → wrap-up.
    Finish {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Rates a closed conversation that a human served; may be changed within 7 days.
    Rate {
        /// The conversation.
        conversation: ConversationId,
        /// 1 非常不满意 .. 5 非常满意.
        stars: u8,
        /// At most 500 characters.
        #[serde(default)]
        comment: String,
    },

    // --- agent -------------------------------------------------------------------------------------------------
    /// Chooses one's own status.
    SetStatus {
        /// The choice.
        status: AgentStatus,
    },
    /// Takes the offered conversation.
    AcceptOffer {
        /// The offer.
        offer: OfferId,
    },
    /// Lets the next agent have it.
    DeclineOffer {
        /// The offer.
        offer: OfferId,
    },
    /// Writes a private note; agent who serves, or supervisor.
    Note {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// 1..=4000 characters.
        text: String,
    },
    /// Puts aside the answer that 小申 proposed (`bot_hand_over` with `approval`); agent who serves. Nothing is sent. Refused with
    /// `outdated` if it does not stand any more: somebody has answered, or put it aside.
    RejectProposed {
        /// The conversation.
        conversation: ConversationId,
        /// As in `send`.
        client_id: String,
        /// Position of the `bot_hand_over`.
        on: u64,
    },
    /// Keeps the unsent text on the server; empty removes it.
    SaveDraft {
        /// The conversation.
        conversation: ConversationId,
        /// At most 4000 characters.
        text: String,
    },
    /// Searches the knowledge base.
    SearchKnowledge {
        /// What for.
        query: String,
        /// Prefers entries of this item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        item: Option<String>,
    },
    /// The prepared texts of one's teams.
    ListCannedAnswers {},
    /// Keeps the conversation's citizen from asking for humans for a while; the agent who serves it, or a supervisor. Of
    /// one whose rights do not include that it becomes a proposal, which a supervisor grants or not.
    BlockVisitor {
        /// The conversation.
        conversation: ConversationId,
        /// Why; 1..=500 characters, for staff only.
        reason: String,
        /// They may ask again from then on; absent: not until somebody lifts it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        until: Option<Timestamp>,
    },
    /// Hands the conversation to a colleague or team; it stays here until somebody accepts.
    Transfer {
        /// The conversation.
        conversation: ConversationId,
        /// To whom.
        to: TransferTarget,
        /// What the next one should know (a private note); may be empty.
        #[serde(default)]
        note: String,
    },
    /// Finds colleagues for a transfer among all who are connected: the agent's view has only some of a big staff.
    FindColleagues {
        /// Part of the name; empty: all.
        #[serde(default)]
        query: String,
        /// Code of a team that they belong to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        team: Option<String>,
    },
    /// Takes a transfer back that nobody has accepted yet.
    CancelTransfer {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Asks the supervisors for help with a conversation that one serves; once raised, nothing.
    RaiseFlag {
        /// The conversation.
        conversation: ConversationId,
        /// Why.
        reason: FlagReason,
        /// At most 500 characters.
        #[serde(default)]
        text: String,
    },
    /// Help is needed no more; the agent who serves it, or a supervisor within their units.
    LowerFlag {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Ends the conversation.
    Close {
        /// The conversation.
        conversation: ConversationId,
        /// How it ended: `solved`, `unsolved`, `abandoned`, `left_message`, `out_of_scope` or `abuse`.
        outcome: Outcome,
        /// With `out_of_scope`: where to; gives the citizen a receipt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        hand_on: Option<HandOnChannel>,
        /// With `unsolved` or `left_message`: neither the bot nor I know the answer to this question. It becomes a task of the
        /// unit that owns the item, and whoever asked is told the answer (rule 9).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        no_answer: Option<String>,
        /// With `solved`: the answer goes into the knowledge base, as a candidate that its owner reviews (rule 10).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        write_back: Option<WriteBackDraft>,
    },

    // --- supervisor, within their units ------------------------------------------------------------------------
    /// Comes into the thread of a conversation that somebody serves, as oneself: the citizen is told, and what one sends
    /// from now on is a human's response. Whoever only reads subscribes, whoever speaks to the agent alone writes a note.
    JoinConversation {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Goes out of it again.
    LeaveConversation {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Serves a conversation oneself that waits, or that somebody else serves; its clock runs on.
    TakeOver {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Puts a conversation that waits, or that somebody else serves, on an agent's desk; its clock runs on. Refused with
    /// `full` without a reason if they are full or on a break, always if they are not there.
    Assign {
        /// The conversation.
        conversation: ConversationId,
        /// Whose desk.
        agent: AgentId,
        /// Why, at most 500 characters; the agent reads it.
        #[serde(default)]
        reason: String,
    },
    /// Sets an agent's status.
    SetAgentStatus {
        /// Whose.
        agent: AgentId,
        /// What.
        status: AgentStatus,
        /// Why, 1..=500 characters; the agent reads it.
        reason: String,
    },
    /// The agents of a team that one watches: their status, and what they serve, masked.
    ListAgents {
        /// Code of the team.
        team: String,
    },
    /// Takes note of an open alert; everybody who sees it sees that.
    AcknowledgeAlert {
        /// Which.
        alert: AlertId,
        /// What one does about it; at most 500 characters.
        #[serde(default)]
        note: String,
    },
    /// Takes that back.
    ReopenAlert {
        /// Which.
        alert: AlertId,
    },

    // --- three-way calls (docs/calls.md) -------------------------------------------------------------------------
    /// Does something with a call; who may what is written there.
    Call {
        /// What.
        act: CallAct,
    },

    // --- virtual windows (docs/windows.md); what a seat may do is written there ----------------------------------
    /// A window in a conversation that is served; its citizen, or the agent who serves it, who has said yes with it.
    AskWindow {
        /// The conversation.
        conversation: ConversationId,
        /// From where; `code`: the agent only, for somebody who will enter a code.
        origin: Origin,
    },
    /// A window at a later time; who may ask for one.
    BookWindow {
        /// The conversation.
        conversation: ConversationId,
        /// When; within 30 days.
        at: Timestamp,
    },
    /// The agent's yes or no, or the citizen's no. (Their yes is `consent` to the purpose `window`.)
    AnswerWindow {
        /// The window.
        window: WindowId,
        /// Yes?
        accepts: bool,
    },
    /// Whoever asked for it takes it back before it is live; of a booked one, both sides may.
    CancelWindow {
        /// The window.
        window: WindowId,
    },
    /// The citizen agrees to a text as it stands now; refused with `outdated` if there is a newer one.
    Consent {
        /// In which window.
        window: WindowId,
        /// To what.
        purpose: Purpose,
        /// Id of the text.
        text: String,
        /// Its version.
        version: u32,
    },
    /// The citizen does not agree any more. What it was for ends at once.
    WithdrawConsent {
        /// In which window.
        window: WindowId,
        /// To what.
        purpose: Purpose,
    },
    /// A code to tell somebody, by which they take the citizen's seat; the agent who serves. An earlier one ends.
    MakeWindowCode {
        /// The window, asked for with origin `code`.
        window: WindowId,
    },
    /// A citizen has been told a code, and types it.
    EnterWindowCode {
        /// Six digits.
        code: String,
    },
    /// Asks a second clerk in; the agent who serves.
    InviteToWindow {
        /// The window.
        window: WindowId,
        /// Whom.
        agent: AgentId,
    },
    /// Asks for what it takes to see, before one sits down, whether pictures and voices will come through; for whoever may
    /// listen to the window.
    CheckWindow {
        /// The window.
        window: WindowId,
    },
    /// Sits down, or comes back within 20 s; possible once everybody has agreed.
    TakeSeat {
        /// The window.
        window: WindowId,
        /// Which seat.
        seat: Seat,
    },
    /// One's media connection: the first description, or that of a new connection after a reload.
    ConnectWindow {
        /// The window.
        window: WindowId,
        /// The offer; at most 64 KiB with its frame.
        sdp: String,
        /// What one publishes on which line.
        lines: Vec<MediaLine>,
    },
    /// On the connection that one has: after a change of network, or with other lines.
    RestartWindowLink {
        /// The window.
        window: WindowId,
        /// The offer.
        sdp: String,
        /// As in `connect_window`.
        lines: Vec<MediaLine>,
    },
    /// Answers the event `window_offer`.
    AnswerWindowOffer {
        /// The window.
        window: WindowId,
        /// Of the offer.
        number: u32,
        /// The answer.
        sdp: String,
    },
    /// Lets the others see or hear something, or not any more.
    Publish {
        /// The window.
        window: WindowId,
        /// What.
        medium: Medium,
        /// From now on?
        on: bool,
    },
    /// Leaves one's seat. When the citizen does, or the last clerk, the window ends.
    LeaveWindow {
        /// The window.
        window: WindowId,
    },
    /// Ends it for all.
    EndWindow {
        /// The window.
        window: WindowId,
    },
    /// Shows the second clerk out.
    RemoveFromWindow {
        /// The window.
        window: WindowId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Points at a place of the picture; at most 30 a second.
    Point {
        /// The window.
        window: WindowId,
        /// Where.
        at: Point,
    },
    /// Draws.
    Draw {
        /// The window.
        window: WindowId,
        /// Grows with every stroke of one's own; the same number goes on with a pen, or moves a box.
        number: u32,
        /// What.
        stroke: Stroke,
    },
    /// Takes one's own newest stroke back.
    UndoInk {
        /// The window.
        window: WindowId,
    },
    /// Wipes all strokes away.
    ClearInk {
        /// The window.
        window: WindowId,
    },
    /// Holds the picture, or lets it go on.
    FreezeWindow {
        /// The window.
        window: WindowId,
        /// Held from now on?
        frozen: bool,
    },
    /// Puts a picture, uploaded for the conversation before, into the thread.
    KeepSnapshot {
        /// The window.
        window: WindowId,
        /// The picture; only its uploader.
        file: FileId,
    },
    /// The citizen lets the page be seen that they fill in, or not any more.
    Browse {
        /// The window.
        window: WindowId,
        /// From now on?
        on: bool,
    },
    /// A piece of that page. A piece in which something personal is found is dropped, and refused with the field `frames`.
    SendFrames {
        /// The window.
        window: WindowId,
        /// Counts the loads of the page.
        page: u32,
        /// A JSON array of events of rrweb; at most 256 KiB.
        frames: String,
    },
    /// Where in the form the citizen is.
    SeeForm {
        /// The window.
        window: WindowId,
        /// Where.
        context: FormContext,
    },
    /// A clerk points at a field of the citizen's page.
    Highlight {
        /// The window.
        window: WindowId,
        /// Which; 1..=128 characters.
        field: String,
        /// At most 200 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        note: Option<String>,
    },
    /// A clerk proposes a value, which the citizen takes over or not. It is neither kept nor logged.
    Propose {
        /// The window.
        window: WindowId,
        /// For which field.
        field: String,
        /// What stands there, as the page says; only `text` and `choice` take proposals.
        kind: FieldKind,
        /// At most 1000 characters.
        value: String,
        /// At most 200 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        note: Option<String>,
    },
    /// The citizen takes a proposed value over, or does not.
    AnswerProposal {
        /// The window.
        window: WindowId,
        /// Its number.
        proposal: u32,
        /// Takes it?
        accepts: bool,
    },
    /// Presses, signs, pays, shows the face: the citizen only, whoever asks.
    Bind {
        /// The window.
        window: WindowId,
        /// What stands there.
        kind: FieldKind,
    },
}

/// Whom a transfer goes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TransferTarget {
    /// One colleague.
    Agent {
        /// Who.
        agent: AgentId,
    },
    /// Whoever of a team is free first.
    Team {
        /// Team code.
        team: String,
    },
}

/// Body of `POST /api/staff/login`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Login {
    /// Staff number.
    #[schema(min_length = 1, max_length = 64)]
    pub login: String,
    /// In the clear, over TLS.
    #[schema(min_length = 1, max_length = 200)]
    pub password: String,
}

/// Success of `POST /api/staff/login`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LoginReply {
    /// For `hello`.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who it is for.
    pub me: Identity,
}
