//! Entries of a conversation's thread: durable, numbered without gaps per lane, never changed afterwards.

use bangban_domain::{
    AgentId, CallId, FileId, Timestamp, WindowId,
    action::{ActionAsk, ActionKind, ActionOption, ActionStepKind, Walk},
    alert::FlagReason,
    call::{CallEnd, CallOrigin},
    guide::Checklist,
    knowledge::AnswerFile,
    window::{EndedBecause, Origin},
    words::{HandOnChannel, Outcome},
};
use serde::{Deserialize, Serialize};

use crate::{ActionOffer, ActionOutcome, GuideOffer, GuideOption, GuideWalk, KnowledgeHit, Slot};

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadEntry {
    /// Position in its lane, from 1, gapless.
    pub seq: u64,
    /// When the server read the frame that caused it.
    pub at: Timestamp,
    /// Who.
    pub from: Party,
    /// The sender's own id of the message, by which its outbox recognises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub client_id: Option<String>,
    /// What.
    pub body: ThreadBody,
    /// Something of it is masked for this reader; `POST /api/staff/reveal` shows it (docs/privacy.md).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub masked: bool,
}

/// Author of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Party {
    /// The citizen.
    Citizen,
    /// 小申.
    Bot,
    /// A member of staff.
    Agent {
        /// Who.
        id: AgentId,
        /// Display name as it was then.
        name: String,
    },
    /// The server: something happened.
    System,
}

/// An official answer in other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Rephrased {
    /// What was said, without markup.
    pub text: String,
    /// The model that wrote it, as the configuration calls it.
    pub by: String,
}

/// What a district adds to the city's answer (rule 11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct DistrictDetail {
    /// Knowledge entry.
    pub entry: String,
    /// Which revision of it.
    pub revision: u32,
    /// Name of the district.
    pub district: String,
    /// In Markdown without HTML.
    pub text: String,
    /// Who is responsible for it.
    pub source: String,
    /// Its pictures and documents, with their sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<AnswerFile>>"))]
    pub files: Vec<AnswerFile>,
}

/// Content of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ThreadBody {
    /// A message.
    Text {
        /// Plain text.
        text: String,
        /// The knowledge entry whose answer it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        entry: Option<String>,
        /// Which revision of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        revision: Option<u32>,
        /// Its pictures and documents, with their sizes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(test, ts(optional, as = "Option<Vec<AnswerFile>>"))]
        files: Vec<AnswerFile>,
    },
    /// A picture.
    Image {
        /// Where to see it: `open_files`.
        file: FileId,
        /// As the sender called it.
        name: String,
        /// Bytes.
        size: u64,
        /// Pixels, as it is seen (turned upright).
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// A document.
    File {
        /// Where to download it: `open_files`.
        file: FileId,
        /// As the sender called it; its ending is true.
        name: String,
        /// Bytes.
        size: u64,
    },
    /// A voice message.
    Voice {
        /// Where to hear it: `open_files`.
        file: FileId,
        /// Bytes.
        size: u64,
        /// Length, as its recorder measured it.
        duration_ms: u32,
    },
    /// 小申 says hello; suggestions are frequent questions of the item.
    BotGreeting {
        /// The item's name, if the page has one.
        item_name: Option<String>,
        /// To choose from with `choose_entry`.
        suggestions: Vec<BotOption>,
        /// What makes them frequent; absent: they are near the item's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        basis: Option<SuggestionBasis>,
        /// Code of the district that the page is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        district: Option<String>,
        /// The item has a guided dialogue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        guide: Option<GuideOffer>,
        /// What can be done about the item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        actions: Option<ActionOffer>,
    },
    /// 小申 answers with an official answer.
    BotAnswer {
        /// Knowledge entry.
        entry: String,
        /// Its standard question.
        question: String,
        /// The official answer, in Markdown without HTML.
        text: String,
        /// It was said in other words, which a check found to say the same; absent: it was said as it stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        rephrased: Option<Rephrased>,
        /// Who is responsible for it, e.g. `上海市公安局`.
        source: String,
        /// What is read aloud in its place, if the entry has that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        spoken: Option<String>,
        /// Which revision of the entry; absent in what was said before entries had some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        revision: Option<u32>,
        /// Since when it holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        since: Option<Timestamp>,
        /// An agent wrote it, and nobody has reviewed it yet.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
        unreviewed: bool,
        /// Its pictures and documents, with their sizes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(test, ts(optional, as = "Option<Vec<AnswerFile>>"))]
        files: Vec<AnswerFile>,
        /// What the citizen's district adds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        detail: Option<DistrictDetail>,
        /// Names of the districts where alone it holds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
        only_in: Vec<String>,
        /// The item has a guided dialogue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        guide: Option<GuideOffer>,
        /// How 小申 came to it; absent in what was said before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        decided: Option<Decided>,
        /// What can be done about the item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        actions: Option<ActionOffer>,
    },
    /// 小申 is not sure which of these is meant.
    BotClarify {
        /// To choose from with `choose_entry`, or to refuse with `refuse_options`.
        options: Vec<BotOption>,
        /// The item that they are about has a guided dialogue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        guide: Option<GuideOffer>,
        /// How 小申 came to it; absent in what was said before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        decided: Option<Decided>,
    },
    /// The citizen meant none of the questions that 小申 offered.
    OptionsRefused {
        /// Position of the `bot_clarify`.
        on: u64,
    },
    /// 小申 says one of its fixed phrases; the interface owns the wording.
    BotSays {
        /// Which.
        phrase: BotPhrase,
    },
    /// 小申 cannot or must not answer and points at a human.
    BotHandOver {
        /// Why; the interface owns the wording.
        reason: HandOverReason,
        /// With `blocked`: when they may ask again. With `wants_person` out of hours: when people answer again. The page leads to `request_human`, whose answer
        /// has the call-back times, and `leave_message`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        opens_at: Option<Timestamp>,
        /// How 小申 came to it; absent in what was said before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        decided: Option<Decided>,
        /// With `approval`: the published question whose answer a person checks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        proposed: Option<BotOption>,
    },
    /// The citizen, or the agent for them, begins a guided dialogue.
    GuideStarted {
        /// Code of the item.
        item: String,
        /// Its name.
        item_name: String,
    },
    /// The citizen took a step in a guided dialogue.
    GuideStepped {
        /// Position of the entry that it answers: where the walk stood.
        on: u64,
        /// What they did.
        step: GuideStepKind,
        /// What was asked then, or a word for the list that they chose from; empty: nothing was.
        question: String,
        /// What they chose; empty: nothing.
        label: String,
    },
    /// 小申 asks the next question of a guided dialogue.
    GuideAsked {
        /// How far it is, and by which revision.
        walk: GuideWalk,
        /// Code of the question.
        question: String,
        /// The question.
        text: String,
        /// How to find out; may be empty.
        help: String,
        /// To choose from with `guide_step`.
        choices: Vec<GuideOption>,
        /// Which step it is, from 1.
        step: u32,
        /// So many there can be.
        most: u32,
    },
    /// Something was skipped, and these situations remain: to choose from with `guide_step`.
    GuideSeveral {
        /// How far it is.
        walk: GuideWalk,
        /// In the guide's order.
        situations: Vec<GuideOption>,
    },
    /// A guided dialogue ended in a situation.
    GuideChecklist {
        /// How far it came.
        walk: GuideWalk,
        /// What is to be known of the situation, as it was then.
        checklist: Checklist,
    },
    /// The citizen wishes for something that 小申 can do: to begin with `start_action`.
    ActionsOffered {
        /// One for each item that may be meant.
        offers: Vec<ActionOffer>,
    },
    /// The citizen begins an action.
    ActionStarted {
        /// What.
        kind: ActionKind,
        /// Name of the item; empty: whatever the appointment or case is about.
        item_name: String,
    },
    /// The citizen took a step in an action.
    ActionStepped {
        /// Position of the entry that it answers.
        on: u64,
        /// What they did.
        step: ActionStepKind,
        /// What they chose; empty: nothing.
        label: String,
    },
    /// 小申 asks what is still needed for an action.
    ActionAsked {
        /// How far it is.
        walk: Walk,
        /// What is asked.
        ask: ActionAsk,
        /// To choose from with `action_step`.
        options: Vec<ActionOption>,
        /// What was chosen before is not free any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
        gone: bool,
    },
    /// All is chosen. Nothing is done before `action_step` confirms it.
    ActionConfirm {
        /// What would be done.
        walk: Walk,
    },
    /// What became of an action. After `unknown` another one follows when it is known.
    ActionEnded {
        /// How far it came.
        walk: Walk,
        /// What became of it.
        outcome: ActionOutcome,
    },
    /// What the citizen asked once and nobody knew has an answer now: the next entry.
    AnswerFound {
        /// The question, as it was taken down.
        question: String,
    },
    /// The citizen judged an answer of 小申.
    BotFeedback {
        /// Position of the answer.
        answer: u64,
        /// The verdict.
        solved: bool,
    },
    /// The citizen asked for a human; the clock of rule 1 runs.
    HumanRequested {
        /// When the promise ends.
        due_at: Timestamp,
    },
    /// The citizen went back to 小申.
    RequestCancelled,
    /// A human accepted.
    AgentJoined {
        /// Who.
        agent: AgentId,
        /// Display name.
        name: String,
        /// Team name.
        team_name: String,
    },
    /// The agent lost the connection for good or went; the conversation is first in the queue again.
    AgentLeft {
        /// Display name.
        name: String,
    },
    /// A colleague took over.
    Transferred {
        /// Display name of the one before.
        from_name: String,
        /// Who serves now.
        agent: AgentId,
        /// Display name.
        name: String,
        /// Team name.
        team_name: String,
    },
    /// A supervisor came into the thread beside the agent who serves.
    SupervisorJoined {
        /// Who.
        agent: AgentId,
        /// Display name.
        name: String,
    },
    /// They have gone again.
    SupervisorLeft {
        /// Display name.
        name: String,
    },
    /// A message was left out of hours.
    MessageLeft {
        /// What to quote.
        receipt: String,
        /// The promised call-back.
        slot: Slot,
    },
    /// The citizen chose another time.
    CallBackMoved {
        /// What to quote, as before.
        receipt: String,
        /// What is promised now.
        slot: Slot,
    },
    /// The promised call-back is near.
    CallBackSoon {
        /// When.
        slot: Slot,
    },
    /// The promised call-back time has come: the conversation is in the queue.
    CallBackDue {
        /// When the promise ends.
        due_at: Timestamp,
    },
    /// The citizen is done; the agent still writes the outcome.
    Finished,
    /// Closed.
    Closed {
        /// How.
        outcome: Outcome,
        /// Out of scope: where it was handed on to.
        hand_on: Option<HandOnChannel>,
        /// Out of scope: what to quote there.
        receipt: Option<String>,
    },
    /// The citizen wrote again within 7 days.
    Reopened,
    /// The citizen rated.
    Rated {
        /// 1..=5.
        stars: u8,
    },
    /// The author asks for a virtual window.
    WindowAsked {
        /// Which.
        window: WindowId,
        /// From where.
        origin: Origin,
    },
    /// The author has booked one.
    WindowBooked {
        /// Which.
        window: WindowId,
        /// For when.
        at: Timestamp,
    },
    /// A virtual window is over.
    WindowEnded {
        /// Which.
        window: WindowId,
        /// Why.
        because: EndedBecause,
        /// How long citizen and clerk saw each other; 0: they did not.
        live_seconds: u32,
    },
    /// A call has begun in this conversation.
    CallBegan {
        /// Which.
        call: CallId,
        /// Where from.
        origin: CallOrigin,
    },
    /// The author speaks with the caller: the first response.
    CallAnswered {
        /// In which call.
        call: CallId,
    },
    /// A call is over.
    CallEnded {
        /// Which.
        call: CallId,
        /// Why.
        because: CallEnd,
        /// How long staff spoke with the caller; 0: nobody did.
        talk_seconds: u32,
    },
    /// Nobody could be reached for the caller: they are called back.
    CallBackOwed {
        /// After which call.
        call: CallId,
        /// By then (rule 6).
        due_at: Timestamp,
    },
    /// Private lane: a note by the author.
    Note {
        /// Plain text.
        text: String,
    },
    /// Private lane: the answer that 小申 proposed does not fit; nothing of it was sent.
    ProposedRejected {
        /// Position of the `bot_hand_over` in the other lane.
        on: u64,
        /// Its entry's question.
        question: String,
    },
    /// Private lane: the author asks for a supervisor's help, or somebody says that it is needed no more.
    Flag {
        /// Is help needed?
        raised: bool,
        /// Why; of a raised one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        reason: Option<FlagReason>,
        /// What the author wrote; may be empty.
        text: String,
    },
    /// Private lane: a transfer was asked for, refused or ended.
    TransferNote {
        /// Display name of the target.
        to_name: String,
        /// `requested`, `declined`, `missed`, `cancelled`.
        what: String,
        /// What the asker wrote.
        text: String,
    },
}

/// What a citizen does in a guided dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum GuideStepKind {
    /// Answers.
    Answer,
    /// Does not know.
    Skip,
    /// Takes the last answer back.
    Back,
    /// Begins anew, and takes nothing as known.
    Restart,
}

/// A question that one may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct BotOption {
    /// Knowledge entry.
    pub entry: String,
    /// Its standard question.
    pub question: String,
    /// How likely it is the one that is meant, 0..1; of those that 小申 asks back with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub probability: Option<f64>,
}

/// How 小申 came to what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// Version of the weights.
    pub model: String,
    /// Version of the thresholds; 0: those that came with the weights.
    pub thresholds: u64,
    /// Of the entry that came first, 0..1; 0: none came.
    pub probability: f64,
    /// The entry that was answered before was taken along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub context: Option<String>,
}

/// What 小申 says in fixed words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum BotPhrase {
    /// None of the questions was meant: please ask in other words.
    AskAgain,
    /// Not at all.
    Thanked,
    /// Good-bye.
    Farewell,
    /// Who 小申 is and what it can do.
    Introduction,
    /// To whoever is rude: it goes on helping.
    Polite,
}

/// What makes suggested questions frequent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum SuggestionBasis {
    /// Asked most in the last 7 days.
    Asked,
    /// Example counts of the demo.
    Demo,
}

/// What is told to a person who takes a conversation over from 小申.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct HandOverPacket {
    /// Why 小申 stepped aside; null: the citizen asked for a person by themselves.
    pub reason: Option<HandOverReason>,
    /// What the citizen asked last, in their words, masked.
    pub question: Option<String>,
    /// What 小申 answered with.
    pub tried: Vec<BotOption>,
    /// What it gave to choose from.
    pub shown: Vec<ShownOption>,
    /// Clarifications in vain.
    pub failed: u32,
    /// What 小申 proposes to answer, as long as nobody has answered or put it aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub proposed: Option<ProposedAnswer>,
    /// How far a guided dialogue came.
    pub guide: Option<GuideWalk>,
}

/// An official answer that a person checks before the citizen gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ProposedAnswer {
    /// Position of the `bot_hand_over` that says so.
    pub on: u64,
    /// How likely it was the one that is meant, 0..1.
    pub probability: f64,
    /// The entry as it is in force now: to send with `send`, or to put aside with `reject_proposed`.
    pub hit: KnowledgeHit,
}

/// A question that was given to choose from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ShownOption {
    /// Knowledge entry.
    pub entry: String,
    /// Its standard question.
    pub question: String,
    /// How likely it was; null: it was not kept.
    pub probability: Option<f64>,
    /// The citizen took it.
    pub chosen: bool,
}

/// Why 小申 points at a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum HandOverReason {
    /// The citizen asked for a person (the request is made at once).
    WantsPerson,
    /// Danger to life or property: 110, 119, 120 are shown first (and the request is made at once).
    Emergency,
    /// A complaint or legal matter: its own channels are shown beside the human (the request is made at once).
    Complaint,
    /// Nothing found.
    NotFound,
    /// Asked back twice in vain (the request is made at once).
    NotUnderstood,
    /// A likely answer was found, and a person checks it first (the request is made at once).
    Approval,
    /// A file was sent, which only a person can look at.
    CannotSee,
    /// The citizen asked for a person and may not for a while; `opensAt` says until when.
    Blocked,
}
