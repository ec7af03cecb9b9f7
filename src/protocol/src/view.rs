//! States that interfaces show.

use bangban_domain::{
    AgentId, CitizenId, ContinuationId, ConversationId, OfferId, Timestamp,
    alert::Intervention,
    knowledge::AnswerFile,
    org::NoticeLevel,
    rights::Grant,
    words::{AgentStatus, Channel, CitizenKind, Language, OfferEnd, Outcome, Role, SlaStep, Stage},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CallBrief, HandOverPacket, WindowBrief};

/// Who the token says you are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Identity {
    /// A citizen or enterprise.
    Citizen {
        /// Their id.
        id: CitizenId,
        /// Name from the portal.
        name: String,
        /// Person or enterprise.
        kind: CitizenKind,
        /// Nobody has said who they are: `POST /api/citizen/anonymous`.
        anonymous: bool,
        /// By which they were let in a second time, if so: `POST /api/citizen/continue`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        continuation: Option<ContinuationId>,
        /// The language that the portal knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        language: Option<Language>,
    },
    /// A member of staff.
    Staff {
        /// Their id.
        id: AgentId,
        /// Display name.
        name: String,
        /// Their main part: the role of the first grant.
        role: Option<Role>,
        /// What they may do, and where.
        grants: Vec<Grant>,
    },
}

/// One line of a citizen's own list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct MyConversation {
    /// The conversation.
    pub id: ConversationId,
    /// Item code.
    pub item: Option<String>,
    /// Item name.
    pub item_name: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// When it began.
    pub opened_at: Timestamp,
}

/// State of a conversation beside its thread; citizen and agent see the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ConversationView {
    /// The conversation.
    pub id: ConversationId,
    /// Rises with every change; an older view never replaces a newer one. Starts anew with the topic's epoch.
    pub version: u64,
    /// Where it stands.
    pub stage: Stage,
    /// Item code.
    pub item: Option<String>,
    /// Item name.
    pub item_name: Option<String>,
    /// Code of the team that it is with or would go to.
    pub team: String,
    /// Its name.
    pub team_name: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// The running or last clock of rule 1.
    pub clock: Option<ClockView>,
    /// While waiting: 1 = next. Follows within a second.
    pub position: Option<u32>,
    /// Who serves.
    pub agent: Option<PersonView>,
    /// When closed: how.
    pub outcome: Option<Outcome>,
    /// The citizen's rating.
    pub stars: Option<u8>,
    /// A promised call-back.
    pub slot: Option<Slot>,
    /// Supervisors who have come into the thread beside who serves.
    pub helpers: Vec<PersonView>,
    /// Read position of the citizen.
    pub citizen_read: u64,
    /// Read position of the agents.
    pub agent_read: u64,
    /// Is the citizen connected?
    pub citizen_online: bool,
    /// Its virtual window, if it has one that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub window: Option<WindowBrief>,
    /// Its call, if it has one that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub call: Option<CallBrief>,
}

/// The clock of rule 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ClockView {
    /// The citizen asked for a human.
    pub asked_at: Timestamp,
    /// The promise ends.
    pub due_at: Timestamp,
    /// The first human response, if there was one.
    pub answered_at: Option<Timestamp>,
    /// The last step reached.
    pub step: SlaStep,
}

/// Staff as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct PersonView {
    /// Who.
    pub id: AgentId,
    /// Display name.
    pub name: String,
}

/// A call-back time (rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
}

/// One agent's desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Who.
    pub me: PersonView,
    /// What they chose, or what a missed offer made of it.
    pub status: AgentStatus,
    /// Since when; null: they have never chosen one.
    pub status_since: Option<Timestamp>,
    /// A short break after a missed offer ends by itself at this time.
    pub break_until: Option<Timestamp>,
    /// Is it their time by the roster? If not, they are offered only those who asked before it ended. Whoever stands in no
    /// roster is on duty when they say so.
    pub on_duty: bool,
    /// End of the duty that goes on, or of the last one while they still serve; `None`: they stand in no roster today.
    pub duty_ends_at: Option<Timestamp>,
    /// From then on they are reminded to hand over what they serve.
    pub remind_at: Option<Timestamp>,
    /// How many conversations they serve at once.
    pub capacity: u32,
    /// Their teams.
    pub teams: Vec<TeamView>,
    /// All teams, for transfers.
    pub all_teams: Vec<TeamView>,
    /// Colleagues who are connected, for transfers: at most 20. If there are more, those of one's own teams, free ones
    /// first; `find_colleagues` finds the others. Follows within 100 ms, as does `waiting`.
    pub colleagues: Vec<ColleagueView>,
    /// At most one offer at a time.
    pub offer: Option<OfferView>,
    /// Why the last offer ended without them, so that the console can say it.
    pub last_offer_end: Option<OfferEnded>,
    /// What a supervisor did to their work last, so that the console can say it.
    pub told: Option<ToldView>,
    /// What they serve, the one with the least time left first.
    pub conversations: Vec<DeskConversation>,
    /// People waiting in their teams.
    pub waiting: u32,
    /// Promised call-backs of their teams that are near, soonest first, at most 20. Follows as `waiting`.
    pub call_backs: Vec<CallBackView>,
}

/// A promised call-back of which its team was reminded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallBackView {
    /// The conversation.
    pub conversation: ConversationId,
    /// Masked name.
    pub citizen_name: String,
    /// Item name.
    pub item_name: Option<String>,
    /// Team name.
    pub team_name: String,
    /// When.
    pub slot: Slot,
}

/// An agent as who watches the team sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TeamAgentView {
    /// Who.
    pub id: AgentId,
    /// Display name.
    pub name: String,
    /// Have they a console?
    pub is_connected: bool,
    /// Their status.
    pub status: AgentStatus,
    /// Since when; null: they have never chosen one.
    pub status_since: Option<Timestamp>,
    /// Is it their time by the roster?
    pub on_duty: bool,
    /// How many conversations they serve at once.
    pub capacity: u32,
    /// Are they looking at an offer?
    pub is_offered: bool,
    /// What they serve of teams that one watches.
    pub conversations: Vec<DeskConversation>,
}

/// What a supervisor did to an agent's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ToldView {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Intervention,
    /// Name of the supervisor.
    pub by: String,
    /// To whom a conversation went: their own name if to them.
    pub to: Option<String>,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// Masked name of its citizen.
    pub citizen_name: Option<String>,
    /// The status that was set.
    pub status: Option<AgentStatus>,
    /// Why; may be empty.
    pub reason: String,
}

/// An offer that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct OfferEnded {
    /// Which.
    pub offer: OfferId,
    /// Why.
    pub reason: OfferEnd,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct TeamView {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
}

/// A colleague to whom one may transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ColleagueView {
    /// Who.
    pub id: AgentId,
    /// Display name.
    pub name: String,
    /// Their status.
    pub status: AgentStatus,
    /// Could take one more now.
    pub is_free: bool,
    /// Names of their teams.
    pub team_names: Vec<String>,
}

/// What an agent is asked to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// The offer.
    pub id: OfferId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Who asks: surname and 先生/女士 are unknown, so the masked name (`张*`).
    pub citizen_name: String,
    /// Person or enterprise.
    pub citizen_kind: CitizenKind,
    /// Item name.
    pub item_name: Option<String>,
    /// Team name.
    pub team_name: String,
    /// Where from.
    pub channel: Channel,
    /// The last thing the citizen wrote, at most 80 characters.
    pub last_text: Option<String>,
    /// The clock.
    pub clock: ClockView,
    /// When this offer began.
    pub offered_at: Timestamp,
    /// When it is missed.
    pub expires_at: Timestamp,
    /// A transfer: who hands it on.
    pub transfer_from: Option<String>,
    /// A transfer: what they wrote.
    pub transfer_note: Option<String>,
}

/// One line of an agent's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DeskConversation {
    /// The conversation.
    pub id: ConversationId,
    /// Masked name.
    pub citizen_name: String,
    /// Person or enterprise.
    pub citizen_kind: CitizenKind,
    /// Item name.
    pub item_name: Option<String>,
    /// Where it stands: `serving`, `wrap_up`, or `offered` while a transfer of it is pending.
    pub stage: Stage,
    /// The clock.
    pub clock: ClockView,
    /// A pending transfer: to whom.
    pub transfer_to: Option<String>,
    /// The citizen waits for the next answer, and a step of that promise was reached.
    pub owed: Option<OwedView>,
    /// Help was asked for.
    pub flag: Option<FlagView>,
}

/// An answer that is owed after the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct OwedView {
    /// Which of the conversation's promises.
    pub no: u32,
    /// The first unanswered message.
    pub asked_at: Timestamp,
    /// When the answer is due.
    pub due_at: Timestamp,
    /// How many steps were reached.
    pub step: u32,
}

/// A flag as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FlagView {
    /// Since when.
    pub raised_at: Timestamp,
    /// Name of the supervisor who has taken note of it.
    pub seen_by: Option<String>,
}

/// What staff see beside a thread. Masked by default (DOMAIN "Law").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ConversationContext {
    /// Masked name.
    pub citizen_name: String,
    /// Person or enterprise.
    pub citizen_kind: CitizenKind,
    /// Masked telephone, if the portal or the left message gave one.
    pub phone: Option<String>,
    /// Nobody has said who they are; `citizen_name` is then no name.
    pub anonymous: bool,
    /// Real-name level from the portal, e.g. `L3`.
    pub level: String,
    /// Masked unified social credit code of an enterprise.
    pub credit_code: Option<String>,
    /// The language that the portal knows.
    pub language: Option<Language>,
    /// Where from.
    pub channel: Channel,
    /// In a service hall: code of the hall.
    pub hall: Option<String>,
    /// Number of the queue ticket there.
    pub ticket: Option<String>,
    /// The item.
    pub item: Option<ItemView>,
    /// Earlier and other conversations of the same citizen, newest first, at most 10.
    pub history: Vec<PastConversation>,
    /// Questions of the item that agents answer by a key, at most 9.
    pub answers: Vec<KnowledgeHit>,
    /// What 小申 tells whoever takes over; absent: nothing was asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub packet: Option<HandOverPacket>,
}

/// A service item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ItemView {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Owner.
    pub department: String,
    /// One of the 520?
    pub high_frequency: bool,
    /// Offers a virtual window?
    pub virtual_window: bool,
}

/// A conversation of before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct PastConversation {
    /// The conversation.
    pub id: ConversationId,
    /// Item name.
    pub item_name: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// When it began.
    pub opened_at: Timestamp,
    /// The rating.
    pub stars: Option<u8>,
}

/// A knowledge entry as an agent finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeHit {
    /// Entry id.
    pub entry: String,
    /// Which revision of it.
    pub revision: u32,
    /// Standard question.
    pub question: String,
    /// Its answer as a message: without Markdown.
    pub answer: String,
    /// Who is responsible.
    pub source: String,
    /// Item name.
    pub item_name: Option<String>,
    /// May one rely on it?
    pub mark: EntryMark,
    /// Where the question has what was looked for: begins and ends in UTF-16 units.
    pub matched: Vec<[u32; 2]>,
    /// Pictures and documents that go with the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<AnswerFile>>"))]
    pub files: Vec<AnswerFile>,
}

/// What a knowledge entry is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum EntryMark {
    /// Reviewed and in force.
    Official,
    /// 待审: a colleague wrote it, nobody has reviewed it yet.
    Waiting,
}

/// The supervisors' board. Definitions of the figures: DOMAIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct BoardView {
    /// Instant that all numbers below are of.
    pub as_of: Timestamp,
    /// Are we in service hours?
    pub in_service: bool,
    /// When service hours end or begin next.
    pub service_changes_at: Timestamp,
    /// All teams together.
    pub total: BoardLine,
    /// Each team, in catalogue order.
    pub teams: Vec<BoardTeam>,
    /// The units right below the board's own that have teams, themselves or further below.
    pub units: Vec<BoardUnit>,
    /// The board's own unit, and before it those above it, the city first. Names only: what is counted is the own unit's.
    pub path: Vec<BoardPlace>,
    /// Each channel that has any numbers: measured together, reported apart (rule 3).
    pub channels: Vec<BoardChannel>,
    /// Who has waited 30 s or more without a human response, oldest first, at most 50.
    pub at_risk: Vec<AtRisk>,
    /// High-frequency items that resolve to a staffed team (rule 4) ...
    pub items_covered: u32,
    /// ... of all high-frequency items in the catalogue.
    pub items_total: u32,
    /// How many of them the roster staffs in every service hour of the coming 7 days.
    pub items_rostered: u32,
}

/// Numbers of one team or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct BoardLine {
    /// People without a human response yet whose clock runs: waiting, offered, or accepted but not yet answered.
    pub waiting: u32,
    /// When the one who has waited longest asked.
    pub oldest_asked_at: Option<Timestamp>,
    /// Within-minute rate of the requests made in the last hour: answered in time ...
    pub hour_hits: u32,
    /// ... of those decided.
    pub hour_decided: u32,
    /// The same for requests made today (Asia/Shanghai).
    pub today_hits: u32,
    /// ... of those decided.
    pub today_decided: u32,
    /// Left before 60 s without an answer today: outside the rate, published beside it.
    pub today_short_abandons: u32,
    /// Agents connected or suspect, not offline. An agent of two teams counts in both, once in the total.
    pub staffed: u32,
    /// ... of these: online and below capacity.
    pub free: u32,
    /// ... of these: online and full.
    pub busy: u32,
    /// ... of these: on a break.
    pub on_break: u32,
    /// Conversations being served.
    pub serving: u32,
    /// Promised call-backs still to come.
    pub call_backs: u32,
}

/// One team's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct BoardTeam {
    /// Which.
    pub team: TeamView,
    /// Its numbers.
    pub line: BoardLine,
}

/// A unit that has a board of its own: `board:CODE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct BoardPlace {
    /// Code of the unit.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// One unit's line: the sum over its teams and those of all units below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct BoardUnit {
    /// Which.
    pub unit: BoardPlace,
    /// Its numbers. An agent of several of its teams counts once, as in the total.
    pub line: BoardLine,
    /// Codes of the teams.
    pub teams: Vec<String>,
}

/// One channel's numbers; those of all channels add up to the total's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct BoardChannel {
    /// Which.
    pub channel: Channel,
    /// As in [`BoardLine`].
    pub waiting: u32,
    /// As in [`BoardLine`].
    pub serving: u32,
    /// As in [`BoardLine`].
    pub hour_hits: u32,
    /// As in [`BoardLine`].
    pub hour_decided: u32,
    /// As in [`BoardLine`].
    pub today_hits: u32,
    /// As in [`BoardLine`].
    pub today_decided: u32,
    /// As in [`BoardLine`].
    pub today_short_abandons: u32,
}

/// Somebody whose minute is running out or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct AtRisk {
    /// The conversation.
    pub conversation: ConversationId,
    /// Masked name.
    pub citizen_name: String,
    /// Item name.
    pub item_name: Option<String>,
    /// Team name.
    pub team_name: String,
    /// The clock.
    pub clock: ClockView,
    /// Where it stands.
    pub stage: Stage,
    /// Who is looking at the offer or has accepted without answering yet.
    pub agent_name: Option<String>,
}

/// A notice in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct NoticeView {
    /// Which.
    pub id: String,
    /// Rises with every change: one that was put away comes back when its words are others.
    pub version: u64,
    /// The words.
    pub text: String,
    /// In English; empty: as `text`.
    pub text_en: String,
    /// How urgent.
    pub level: NoticeLevel,
    /// In force since.
    pub from: Timestamp,
    /// No more from then on; null: until it is taken away.
    pub to: Option<Timestamp>,
}

/// A prepared text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct CannedAnswerView {
    /// What is typed after `/`.
    pub code: String,
    /// What it is about.
    pub title: String,
    /// The words; `{me}` stands for the agent's name.
    pub text: String,
}
