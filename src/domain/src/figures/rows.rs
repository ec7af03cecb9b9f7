//! What is counted. The store has one table for each [`Table`]; a [`Kind`] is a table read by one of its instants, by which
//! a row belongs to a day. Rows hold ids, codes and instants; nothing personal.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::civil::Date;

use crate::{
    AgentId, ConversationId, Timestamp,
    calendar::midnight,
    time::{DAY, HOUR, MINUTE, Millis},
    words::{Channel, words},
};

/// Questions to 小申 that follow each other within this time are one visit (ours: the definition says "left", and a
/// conversation with 小申 may stand open for days).
pub const VISIT_GAP: Millis = 30 * MINUTE;

/// Who comes back on the same item within this time was not helped (DOMAIN).
pub const RETURN_WITHIN: Millis = DAY;

words! {
    /// An instant or number of a row; the text form is its column.
    Field {
        /// A human was asked for.
        AskedAt = "asked_at",
        /// End of the minute.
        DueAt = "due_at",
        /// First human response.
        AnsweredAt = "answered_at",
        /// Left before one; of a next response: not owed any more.
        LeftAt = "left_at",
        /// What was measured, if the answer's instant was corrected.
        MeasuredAt = "measured_at",
        /// Corrected.
        CorrectedAt = "corrected_at",
        /// By a correction in no figure.
        ExcusedAt = "excused_at",
        /// Number of the last request of the conversation.
        ClockNo = "clock_no",
        /// Number of the request that an offer was made for.
        Request = "request",
        /// The agent was asked.
        OfferedAt = "offered_at",
        /// The first agent was asked for the same request.
        FirstAt = "first_at",
        /// The offer was accepted or ended.
        EndedAt = "ended_at",
        /// The agent who accepted served until then.
        ServedUntil = "served_until",
        /// 1: a colleague hands it on.
        IsTransfer = "is_transfer",
        /// Opened, or taken up again within 7 days; of a visit: the first question.
        BeganAt = "began_at",
        /// A human was first asked for, or a message left.
        HumanAt = "human_at",
        /// First accepted by an agent.
        ServedAt = "served_at",
        /// Closed.
        ClosedAt = "closed_at",
        /// The citizen wrote again.
        ReopenedAt = "reopened_at",
        /// Rating, 1 to 5.
        Stars = "stars",
        /// Rated.
        RatedAt = "rated_at",
        /// The message was left.
        MadeAt = "made_at",
        /// Begin of the promised slot.
        SlotStartsAt = "slot_starts_at",
        /// End of the promised slot.
        SlotEndsAt = "slot_ends_at",
        /// The promise was kept or taken back.
        SettledAt = "settled_at",
        /// The last question of the visit.
        LastAt = "last_at",
        /// How many questions.
        Questions = "questions",
        /// The citizen said "solved".
        SolvedAt = "solved_at",
        /// The citizen came back on the same item.
        ReturnedAt = "returned_at",
    }
}

words! {
    /// A word of a row; the text form is its column.
    Word {
        /// How the conversation was closed.
        Outcome = "outcome",
        /// What became of an offer: `accepted`, or why it ended.
        Result = "result",
        /// What became of a left message.
        State = "state",
        /// What 小申 said last.
        LastTurn = "last_turn",
    }
}

/// Where rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Requests for a human: the ledger.
    Requests,
    /// Offers to agents.
    Offers,
    /// Conversations, each part from an opening to a closing.
    Episodes,
    /// Messages left out of hours.
    Messages,
    /// Visits to 小申.
    Visits,
    /// Next responses.
    Replies,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Requests, Self::Offers, Self::Episodes, Self::Messages, Self::Visits, Self::Replies];

    /// Its name in SQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "ledger",
            Self::Offers => "figure_offer",
            Self::Episodes => "figure_episode",
            Self::Messages => "figure_message",
            Self::Visits => "figure_visit",
            Self::Replies => "promise",
        }
    }

    /// SQL for what tells its rows apart: [`Row::key`].
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Requests | Self::Episodes | Self::Visits | Self::Replies => "conversation || '/' || CAST(no AS TEXT)",
            Self::Offers => "offer",
            Self::Messages => "receipt",
        }
    }

    /// SQL for the agent whom a row counts for.
    #[must_use]
    pub const fn agent(self) -> &'static str {
        match self {
            Self::Requests | Self::Replies => "answered_by",
            Self::Offers | Self::Episodes | Self::Messages => "agent",
            Self::Visits => "NULL",
        }
    }

    /// Its instants and numbers.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Requests | Self::Replies => &[
                Field::AskedAt,
                Field::DueAt,
                Field::AnsweredAt,
                Field::LeftAt,
                Field::MeasuredAt,
                Field::CorrectedAt,
                Field::ExcusedAt,
            ],
            Self::Offers => &[
                Field::Request,
                Field::OfferedAt,
                Field::FirstAt,
                Field::IsTransfer,
                Field::EndedAt,
                Field::ServedUntil,
            ],
            Self::Episodes => &[
                Field::ClockNo,
                Field::BeganAt,
                Field::HumanAt,
                Field::ServedAt,
                Field::ClosedAt,
                Field::ReopenedAt,
                Field::Stars,
                Field::RatedAt,
            ],
            Self::Messages => {
                &[Field::MadeAt, Field::SlotStartsAt, Field::SlotEndsAt, Field::AnsweredAt, Field::SettledAt]
            }
            Self::Visits => {
                &[Field::BeganAt, Field::LastAt, Field::Questions, Field::HumanAt, Field::SolvedAt, Field::ReturnedAt]
            }
        }
    }

    /// Its words.
    #[must_use]
    pub const fn words(self) -> &'static [Word] {
        match self {
            Self::Requests | Self::Episodes | Self::Replies => &[Word::Outcome],
            Self::Offers => &[Word::Result],
            Self::Messages => &[Word::State],
            Self::Visits => &[Word::LastTurn],
        }
    }
}

words! {
    /// What a figure counts.
    Kind {
        /// Requests for a human, by when they were made.
        Request = "request",
        /// Offers, by when they were made.
        Offer = "offer",
        /// Conversations, by when they were opened or taken up again.
        Opening = "opening",
        /// Conversations, by when they were closed.
        Closing = "closing",
        /// Conversations, by when they were rated.
        Rating = "rating",
        /// Visits to 小申, by the first question.
        Visit = "visit",
        /// Left messages, by when they were left.
        Message = "message",
        /// Left messages, by the begin of their slot.
        CallBack = "call_back",
        /// Next responses, by when they were asked for.
        Reply = "reply",
    }
}

impl Kind {
    /// Where its rows are kept.
    #[must_use]
    pub const fn table(self) -> Table {
        match self {
            Self::Request => Table::Requests,
            Self::Offer => Table::Offers,
            Self::Opening | Self::Closing | Self::Rating => Table::Episodes,
            Self::Visit => Table::Visits,
            Self::Message | Self::CallBack => Table::Messages,
            Self::Reply => Table::Replies,
        }
    }

    /// The instant by which a row belongs to a day. A row without it does not exist for this kind.
    #[must_use]
    pub const fn at(self) -> Field {
        match self {
            Self::Request | Self::Reply => Field::AskedAt,
            Self::Offer => Field::OfferedAt,
            Self::Opening | Self::Visit => Field::BeganAt,
            Self::Closing => Field::ClosedAt,
            Self::Rating => Field::RatedAt,
            Self::Message => Field::MadeAt,
            Self::CallBack => Field::SlotStartsAt,
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it is kept.
    pub table: Table,
    /// Unique in its table: `conversation/no`, an offer's id, a receipt.
    pub key: String,
    /// Whose.
    pub conversation: ConversationId,
    /// Team code.
    pub team: String,
    /// Item code.
    pub item: Option<String>,
    /// Where from.
    pub channel: Channel,
    /// Whom it counts for.
    pub agent: Option<AgentId>,
    /// What is known of its instants and numbers.
    pub numbers: BTreeMap<Field, i64>,
    /// What is known of its words.
    pub words: BTreeMap<Word, String>,
}

impl Row {
    /// One of its instants or numbers.
    #[must_use]
    pub fn number(&self, field: Field) -> Option<i64> {
        self.numbers.get(&field).copied()
    }

    /// One of its words.
    #[must_use]
    pub fn word(&self, word: Word) -> Option<&str> {
        self.words.get(&word).map(String::as_str)
    }

    pub(crate) fn set(&mut self, field: Field, number: impl Into<Option<i64>>) {
        match number.into() {
            Some(number) => self.numbers.insert(field, number),
            None => self.numbers.remove(&field),
        };
    }

    pub(crate) fn set_once(&mut self, field: Field, number: i64) {
        self.numbers.entry(field).or_insert(number);
    }

    /// The row in one line, for whoever compares two of them.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!(
            "{} {} team={} item={} channel={} agent={}",
            self.table.name(),
            self.key,
            self.team,
            self.item.as_deref().unwrap_or("-"),
            self.channel,
            self.agent.map_or_else(|| "-".to_owned(), |agent| agent.to_string()),
        );
        // Writing into a text cannot fail.
        for (field, number) in &self.numbers {
            let _ = write!(line, " {field}={number}");
        }
        for (word, text) in &self.words {
            let _ = write!(line, " {word}={text}");
        }
        line
    }
}

words! {
    /// By what figures are shown apart.
    By {
        /// Not at all.
        Nothing = "nothing",
        /// Hour of the day, 0 to 23, in Shanghai.
        Hour = "hour",
        /// Day, in Shanghai: days since 1970-01-01.
        Day = "day",
        /// Team code.
        Team = "team",
        /// Item code; empty: none.
        Item = "item",
        /// Channel.
        Channel = "channel",
        /// Agent's id; empty: none.
        Agent = "agent",
    }
}

/// Shanghai is 8 hours before UTC, without summer time since 1992.
pub const SHANGHAI: Millis = 8 * HOUR;

/// Midnight in Shanghai at the begin of a date.
#[must_use]
pub fn day_of(date: Date) -> Timestamp {
    midnight(date)
}

/// The date of what [`By::Day`] says.
#[must_use]
pub fn date_of_key(key: &str) -> Option<Date> {
    let days: i64 = key.parse().ok()?;
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

impl By {
    /// The key of a row that belongs to `at`.
    #[must_use]
    pub fn key(self, row: &Row, at: Timestamp) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Hour => ((at.0 + SHANGHAI) % DAY / HOUR).to_string(),
            Self::Day => ((at.0 + SHANGHAI) / DAY).to_string(),
            Self::Team => row.team.clone(),
            Self::Item => row.item.clone().unwrap_or_default(),
            Self::Channel => row.channel.to_string(),
            Self::Agent => row.agent.map(|agent| agent.to_string()).unwrap_or_default(),
        }
    }
}
