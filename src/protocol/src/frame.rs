//! The envelopes.

use bangban_domain::{CallId, ContinuationId, ConversationId, ParticipantId, Timestamp, WindowId};
use serde::{Deserialize, Serialize};

use crate::{
    BotOption, CannedAnswerView, ColleagueView, Command, EventBody, FileLink, IcePolicy, IceServer, Identity,
    KnowledgeHit, MyConversation, MyPast, NoticeView, Slot, Snapshot, TeamAgentView, ThreadEntry, Topic, WireError,
};

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Request {
    /// Chosen by the client, unique among its unanswered requests; the reply carries it.
    #[serde(rename = "ref")]
    pub reference: u32,
    /// What to do.
    pub body: Command,
}

/// What the server sends.
#[expect(clippy::large_enum_variant, reason = "made, serialised and dropped; never kept in numbers")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(untagged)]
pub enum Frame {
    /// The request was carried out and, where it changes anything, is durable.
    Reply {
        /// The request's `ref`.
        #[serde(rename = "ref")]
        reference: u32,
        /// The result.
        ok: Answer,
    },
    /// The request was refused; nothing was changed.
    Failure {
        /// The request's `ref`; 0 when the frame had no readable one.
        #[serde(rename = "ref")]
        reference: u32,
        /// Why.
        error: WireError,
    },
    /// Something happened on a topic.
    Event {
        /// Where.
        topic: Topic,
        /// Which life of the topic's counter `seq` belongs to; a changed epoch means: subscribe anew.
        epoch: u64,
        /// Position on the topic, gapless. Absent for what is not kept (typing, presence, ...).
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        seq: Option<u64>,
        /// What.
        body: EventBody,
    },
}

/// Successful results, one for each kind of request that has something to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Answer {
    /// Carried out; nothing more to tell.
    Done,
    /// Answer to `hello`.
    Welcome {
        /// Who the token says you are.
        me: Identity,
        /// The server's clock, to correct countdowns on a machine with a wrong one.
        now: Timestamp,
        /// Seconds between `tick` events; a client that hears nothing for three of them has lost the link.
        tick_seconds: u32,
        /// A citizen's conversations of the last 7 days and all that are open, newest first. Empty for staff, whose
        /// list is the `agent` topic.
        conversations: Vec<MyConversation>,
    },
    /// Answer to `subscribe`.
    Subscribed {
        /// The topic.
        topic: Topic,
        /// See [`Frame::Event`].
        epoch: u64,
        /// The position that the snapshot stands at: the next event has `seq + 1`.
        seq: u64,
        /// The state at that position.
        snapshot: Box<Snapshot>,
    },
    /// Answer to `open_conversation`.
    Opened {
        /// The new conversation, or the open one of the same citizen on the same item.
        conversation: ConversationId,
    },
    /// Answer to `past_conversations`.
    PastConversations {
        /// Newest first.
        conversations: Vec<MyPast>,
        /// Are there more after these?
        more: bool,
    },
    /// Answer to `continue_elsewhere`. The codes are told here and nowhere else.
    ContinueCode {
        /// To take it back, and to hear by the topic `continuation:ID` when it is used.
        continuation: ContinuationId,
        /// For a picture: goes behind `/widget.html#continue=`.
        code: String,
        /// To be typed, e.g. `7KQX-29MD`.
        short: String,
        /// Neither can be used then.
        expires_at: Timestamp,
    },
    /// Answer to `claim_visitor`.
    Claimed {
        /// How many conversations came over.
        conversations: u32,
    },
    /// Answer to `send`, `send_file` and `note`: durable under this number. A repeated client id gets the first number again.
    Sent {
        /// Position in the thread.
        seq: u64,
        /// When the server read the frame that first brought it.
        at: Timestamp,
    },
    /// Answer to `open_files`: those that exist, in the order asked for.
    Files {
        /// Where they are.
        files: Vec<FileLink>,
    },
    /// Answer to `request_human` in service hours.
    Queued {
        /// When the promise ends (rule 1).
        due_at: Timestamp,
    },
    /// Answer to `request_human` out of hours: leave a message instead.
    OutOfHours {
        /// When a human is there again.
        opens_at: Timestamp,
        /// Call-back times that still have room, soonest first.
        slots: Vec<Slot>,
    },
    /// Answer to `request_human` and `leave_message` of somebody who may not ask for humans for a while.
    Blocked {
        /// They may ask again from then on; null: nobody knows yet.
        until: Option<Timestamp>,
    },
    /// Answer to `leave_message`.
    MessageLeft {
        /// What the citizen quotes when asking about it, e.g. `SH20261124-0007`.
        receipt: String,
        /// The promised call-back.
        slot: Slot,
    },
    /// Answer to `call_back_slots`.
    CallBackSlots {
        /// Those that still have room, soonest first, without the one that is promised.
        slots: Vec<Slot>,
    },
    /// Answer to `move_call_back`.
    CallBackMoved {
        /// As before.
        receipt: String,
        /// What is promised now.
        slot: Slot,
    },
    /// Answer to `load_earlier`.
    Earlier {
        /// Oldest first.
        entries: Vec<ThreadEntry>,
        /// Is there still more before these?
        more: bool,
    },
    /// Answer to `search_knowledge`.
    Knowledge {
        /// Best first.
        hits: Vec<KnowledgeHit>,
    },
    /// Answer to `suggest`.
    Suggestions {
        /// Best first, at most 5.
        options: Vec<BotOption>,
    },
    /// Answer to `find_colleagues`.
    Colleagues {
        /// Free ones first, then by name; at most 50.
        colleagues: Vec<ColleagueView>,
    },
    /// Answer to `list_agents`.
    Agents {
        /// Those with a console first, then by name.
        agents: Vec<TeamAgentView>,
    },
    /// Answer to `list_notices`.
    Notices {
        /// Most urgent first, then newest.
        notices: Vec<NoticeView>,
    },
    /// Answer to `list_canned_answers`.
    CannedAnswers {
        /// By code.
        answers: Vec<CannedAnswerView>,
    },
    /// Answer to `block_visitor`.
    VisitorBlocked {
        /// At once; false: a supervisor has to grant it.
        in_force: bool,
    },
    /// Answer to `ask_window`, `book_window` and `enter_window_code`.
    OpenedWindow {
        /// The window.
        window: WindowId,
    },
    /// Answer to `make_window_code`. The code is told here and nowhere else.
    WindowCode {
        /// Six digits.
        code: String,
        /// It is good until then, once.
        until: Timestamp,
    },
    /// Answer to `take_seat`.
    Seated {
        /// One's id in the window.
        participant: ParticipantId,
        /// One has come back: id, ink and consents are those of before.
        resumed: bool,
        /// For the `RTCPeerConnection`.
        ice_servers: Vec<IceServer>,
        /// Which ways it may try.
        policy: IcePolicy,
    },
    /// Answer to `connect_window` and `restart_window_link`.
    WindowAnswer {
        /// The server's description.
        sdp: String,
    },
    /// Answer to `call` with `start` or `place`.
    CallOpened {
        /// The call.
        call: CallId,
    },
    /// Answer to `call` with `prepare`.
    CallReady {
        /// For the `RTCPeerConnection`.
        ice_servers: Vec<IceServer>,
        /// Which ways it may try.
        policy: IcePolicy,
    },
    /// Answer to `call` with `answer` or `connect`.
    CallSound {
        /// The server's description.
        sdp: String,
    },
    /// Answer to `close`, when the case was handed on out of scope.
    Closed {
        /// The hand-on receipt, if there is one.
        receipt: Option<String>,
    },
}
