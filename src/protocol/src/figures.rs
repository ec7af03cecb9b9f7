//! What the REST interface says of figures. What each figure is, `bangban_domain::figures::define` says.

use std::collections::BTreeMap;

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    figures::{Definition, Figure, Shape, Tally},
    time::{Millis, SECOND},
    words::Channel,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct BothLanguages {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<[&str; 2]> for BothLanguages {
    fn from([zh, en]: [&str; 2]) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

/// What a figure makes of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum FigureShape {
    /// A part of a whole.
    Rate,
    /// How many.
    Count,
    /// How long.
    Span,
    /// A mean.
    Mean,
}

/// What a figure is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureDefinition {
    /// Which.
    pub figure: Figure,
    /// How it is counted.
    pub shape: FigureShape,
    /// Its name.
    pub name: BothLanguages,
    /// Of a rate its numerator; of the others what is counted or measured.
    pub numerator: BothLanguages,
    /// Of a rate and a mean its denominator; of the others empty.
    pub denominator: BothLanguages,
    /// Where the definition comes from.
    pub source: BothLanguages,
}

impl From<&Definition> for FigureDefinition {
    fn from(definition: &Definition) -> Self {
        Self {
            figure: definition.figure,
            shape: match definition.shape {
                Shape::Rate { .. } => FigureShape::Rate,
                Shape::Count { .. } => FigureShape::Count,
                Shape::Span { .. } => FigureShape::Span,
                Shape::Mean { .. } => FigureShape::Mean,
            },
            name: definition.name.into(),
            numerator: definition.numerator.into(),
            denominator: definition.denominator.into(),
            source: definition.source.into(),
        }
    }
}

/// By what figures are shown apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum FigureGroup {
    /// Not at all.
    #[default]
    Nothing,
    /// Hour of the day.
    Hour,
    /// Day.
    Day,
    /// Month.
    Month,
    /// Units right below the one that is looked at.
    Unit,
    /// Team.
    Team,
    /// Item.
    Item,
    /// Channel.
    Channel,
    /// Agent.
    Agent,
}

/// A figure's number. A rate is `hits / of`, a mean `sum / of`; of nothing there is neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureNumber {
    /// Rows that it is about: the denominator, or the number itself.
    pub of: u64,
    /// Of a rate: the numerator.
    pub hits: u64,
    /// Of a span: milliseconds; of a mean: the sum.
    pub sum: i64,
    /// Of a span: the longest, in milliseconds.
    pub longest: Option<Millis>,
    /// Of a span: half of them took at most so long, in milliseconds (whole seconds begun).
    pub p50: Option<Millis>,
    /// ... nine of ten.
    pub p90: Option<Millis>,
    /// ... 99 of a hundred.
    pub p99: Option<Millis>,
}

impl From<&Tally> for FigureNumber {
    fn from(tally: &Tally) -> Self {
        let percentile = |percent| tally.percentile(percent).map(|seconds| seconds * SECOND);
        Self {
            of: tally.of,
            hits: tally.hits,
            sum: tally.sum,
            longest: tally.longest,
            p50: percentile(50),
            p90: percentile(90),
            p99: percentile(99),
        }
    }
}

/// Numbers by figure; what nothing was counted for is missing.
pub type FigureNumbers = BTreeMap<Figure, FigureNumber>;

/// One line of figures that are shown apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureLine {
    /// Code, id, date (`2026-11-24`), month (`2026-11`) or hour (0 to 23); empty: none.
    pub key: String,
    /// What people call it, in Chinese; empty: the key says it.
    pub name: String,
    /// Its numbers.
    #[cfg_attr(test, ts(type = "Partial<Record<Figure, FigureNumber>>"))]
    #[schema(value_type = BTreeMap<String, FigureNumber>)]
    pub numbers: FigureNumbers,
}

/// Figures of a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FiguresView {
    /// When it was counted.
    pub as_of: Timestamp,
    /// Begin.
    pub from: Timestamp,
    /// End; belongs to it no more.
    pub to: Timestamp,
    /// Begin of the time before, of the same length, which ends where this one begins.
    pub before_from: Timestamp,
    /// All together.
    #[cfg_attr(test, ts(type = "Partial<Record<Figure, FigureNumber>>"))]
    #[schema(value_type = BTreeMap<String, FigureNumber>)]
    pub total: FigureNumbers,
    /// All together, in the time before.
    #[cfg_attr(test, ts(type = "Partial<Record<Figure, FigureNumber>>"))]
    #[schema(value_type = BTreeMap<String, FigureNumber>)]
    pub before: FigureNumbers,
    /// Shown apart.
    pub lines: Vec<FigureLine>,
    /// Only one's own work is counted.
    pub own: bool,
}

/// A unit that one may look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureUnit {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Code of the unit above, if one may look at that too.
    pub parent: Option<String>,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureChoice {
    /// Code or id.
    pub key: String,
    /// Name.
    pub name: String,
    /// Code of the unit that it belongs to.
    pub unit: Option<String>,
}

/// What one may look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureScope {
    /// Server time.
    pub now: Timestamp,
    /// The whole city.
    pub city: bool,
    /// Only one's own work.
    pub own: bool,
    /// Units, in the order of the administration.
    pub units: Vec<FigureUnit>,
    /// Teams.
    pub teams: Vec<FigureChoice>,
    /// Items.
    pub items: Vec<FigureChoice>,
    /// Agents of these teams.
    pub agents: Vec<FigureChoice>,
    /// The definitions of all figures, in the order in which they are shown.
    pub definitions: Vec<FigureDefinition>,
}

/// One row behind a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FigureRow {
    /// The instant by which it is counted.
    pub at: Timestamp,
    /// Unique among the rows of the figure.
    pub key: String,
    /// Whose.
    pub conversation: ConversationId,
    /// Team code.
    pub team: String,
    /// Its name.
    pub team_name: String,
    /// Item code.
    pub item: Option<String>,
    /// Its name.
    pub item_name: Option<String>,
    /// Where from.
    pub channel: Channel,
    /// Whom it counts for.
    pub agent: Option<AgentId>,
    /// Their name.
    pub agent_name: Option<String>,
    /// Is it in the numerator?
    pub hit: bool,
    /// Of a span: how long, in milliseconds.
    pub span: Option<Millis>,
    /// Instants and numbers by name.
    pub numbers: BTreeMap<String, i64>,
    /// Words by name.
    pub words: BTreeMap<String, String>,
}

/// A page of the rows behind a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FigureRows {
    /// How many there are on all pages: the number itself.
    pub count: u64,
    /// In the order of the instant by which they are counted.
    pub rows: Vec<FigureRow>,
    /// `after` of the next page; null: there is none.
    pub next: Option<String>,
}

/// One line of a conversation's log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// What, as the log names it.
    pub kind: String,
    /// citizen, bot, system or agent.
    pub by: String,
    /// Name of the agent who did it, or whom it is about.
    pub agent_name: Option<String>,
    /// Ids, codes, instants and numbers; never a text that somebody wrote.
    #[schema(value_type = Object)]
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub detail: serde_json::Value,
}

/// What happened to a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// Which.
    pub conversation: ConversationId,
    /// Name of its team.
    pub team_name: String,
    /// Name of its item.
    pub item_name: Option<String>,
    /// Where from.
    pub channel: Channel,
    /// In order.
    pub lines: Vec<HistoryLine>,
}

/// A stretch of an agent's day in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct AgentStretch {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// online, break, away (online without a console) or offline.
    pub state: String,
}

/// A conversation that an agent served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct AgentService {
    /// Which.
    pub conversation: ConversationId,
    /// Begin, on that day.
    pub from: Timestamp,
    /// End, on that day.
    pub to: Timestamp,
}

/// An agent's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct AgentDay {
    /// Who.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// From the begin of the day to its end, or to now.
    pub stretches: Vec<AgentStretch>,
    /// Whom they served.
    pub services: Vec<AgentService>,
    /// Milliseconds in each state.
    pub sums: BTreeMap<String, Millis>,
    /// Milliseconds in which they served somebody.
    pub serving: Millis,
}

/// The days of some agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct AgentDays {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// By name.
    pub agents: Vec<AgentDay>,
    /// There are more: ask for one team.
    pub more: bool,
}

/// The within-minute rate on the board at this moment, for whoever counts it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveFigures {
    /// When.
    pub as_of: Timestamp,
    /// By team code; empty: all together.
    pub teams: BTreeMap<String, LiveLine>,
}

/// Today's requests for a human on the board.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveLine {
    /// Answered in time.
    pub hits: u64,
    /// Decided.
    pub decided: u64,
    /// Left within the minute.
    pub short_abandons: u64,
}
