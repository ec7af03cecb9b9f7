//! The rows of conversations, made from their event logs: what the store's rows, which it writes with each event, must equal.
//! `bangban figures recompute` compares the two, and a property drives the real store with random logs.

use std::collections::BTreeMap;

use super::rows::{Field, RETURN_WITHIN, Row, Table, VISIT_GAP, Word};
use crate::{
    AgentId, CitizenId, ConversationId, OfferId, Timestamp,
    history::Event,
    ledger::Promise,
    words::{Channel, QueuedBecause, ReceiptState},
};

/// What an offer's `result` says when an agent accepted it; else it is the reason for which the offer ended.
pub const ACCEPTED: &str = "accepted";

/// One conversation, as far as its log was told.
#[derive(Debug)]
struct Story {
    citizen: CitizenId,
    item: Option<String>,
    channel: Channel,
    /// Number of the last request.
    clock_no: u32,
    requests: Vec<Row>,
    episodes: Vec<Row>,
    offers: BTreeMap<OfferId, Row>,
    messages: Vec<Row>,
    visits: Vec<Row>,
    replies: Vec<Row>,
}

/// Conversations, as their logs tell them. Events come in the order of the log; those of one citizen's conversations have to
/// be told together, because coming back is seen across them.
#[derive(Debug, Default)]
pub struct Retold {
    stories: BTreeMap<ConversationId, Story>,
}

impl Retold {
    /// One more event. An event of a conversation whose opening was not told is passed over.
    pub fn tell(&mut self, id: ConversationId, at: Timestamp, event: &Event) {
        if let Event::Opened { citizen, item, team, channel, .. } = event {
            let mut story = Story {
                citizen: *citizen,
                item: item.clone(),
                channel: *channel,
                clock_no: 0,
                requests: Vec::new(),
                episodes: Vec::new(),
                offers: BTreeMap::new(),
                messages: Vec::new(),
                visits: Vec::new(),
                replies: Vec::new(),
            };
            story.begin(id, team.clone(), at);
            self.stories.insert(id, story);
            return;
        }
        let Some(story) = self.stories.get_mut(&id) else { return };
        story.tell(id, at, event);
        match event {
            Event::BotReplied { .. } => self.came_back(id, at, true),
            Event::Queued { because: QueuedBecause::Asked, .. } | Event::MessageLeft { .. } => {
                self.came_back(id, at, false);
            }
            _ => {}
        }
    }

    /// The citizen is here again: with a question, whose own visit is not meant, or for a human.
    fn came_back(&mut self, id: ConversationId, at: Timestamp, asks_bot: bool) {
        let Some((citizen, item)) = self.stories.get(&id).map(|story| (story.citizen, story.item.clone())) else {
            return;
        };
        for (other, story) in &mut self.stories {
            if story.citizen != citizen || story.item != item {
                continue;
            }
            let own = (asks_bot && *other == id).then(|| story.visits.len().saturating_sub(1));
            for (place, visit) in story.visits.iter_mut().enumerate() {
                let is_recent = visit.number(Field::LastAt).is_some_and(|last| last + RETURN_WITHIN >= at.0);
                if Some(place) != own && is_recent {
                    visit.set_once(Field::ReturnedAt, at.0);
                }
            }
        }
    }

    /// All rows, in the order of their tables and keys.
    #[must_use]
    pub fn rows(self) -> Vec<Row> {
        let of_one = |story: Story| {
            let lists = [story.requests, story.episodes, story.messages, story.visits, story.replies];
            lists.into_iter().flatten().chain(story.offers.into_values()).collect::<Vec<_>>()
        };
        let mut rows: Vec<Row> = self.stories.into_values().flat_map(of_one).collect();
        rows.sort_by(|a, b| (a.table, &a.key).cmp(&(b.table, &b.key)));
        rows
    }
}

/// Rows that count within a conversation, from 1.
fn of_number(rows: &mut [Row], no: u32) -> Option<&mut Row> {
    rows.get_mut(usize::try_from(no).ok()?.checked_sub(1)?)
}

/// The corrected value counts, the measured one is kept.
fn correct(row: &mut Row, at: Timestamp, answered_at: Option<Timestamp>, excused: bool) {
    if row.number(Field::CorrectedAt).is_none() {
        row.set(Field::MeasuredAt, row.number(Field::AnsweredAt));
    }
    let counts = answered_at.map(|at| at.0).or(row.number(Field::MeasuredAt));
    row.set(Field::AnsweredAt, counts);
    row.set(Field::ExcusedAt, excused.then_some(at.0));
    let is_corrected = excused || answered_at.is_some();
    row.set(Field::CorrectedAt, is_corrected.then_some(at.0));
    if !is_corrected {
        row.set(Field::MeasuredAt, None);
    }
}

impl Story {
    fn row(&self, table: Table, conversation: ConversationId, key: String, team: String) -> Row {
        Row {
            table,
            key,
            conversation,
            team,
            item: self.item.clone(),
            channel: self.channel,
            agent: None,
            numbers: BTreeMap::new(),
            words: BTreeMap::new(),
        }
    }

    fn team(&self) -> String {
        self.episodes.last().map(|episode| episode.team.clone()).unwrap_or_default()
    }

    fn begin(&mut self, id: ConversationId, team: String, at: Timestamp) {
        let mut episode = self.row(Table::Episodes, id, format!("{id}/{}", self.episodes.len() + 1), team);
        episode.set(Field::ClockNo, i64::from(self.clock_no));
        episode.set(Field::BeganAt, at.0);
        self.episodes.push(episode);
    }

    fn tell(&mut self, id: ConversationId, at: Timestamp, event: &Event) {
        match event {
            Event::Claimed { citizen, .. } => self.citizen = *citizen,
            Event::Reopened {} => {
                if let Some(episode) = self.episodes.last_mut() {
                    episode.set(Field::ReopenedAt, at.0);
                }
                self.begin(id, self.team(), at);
            }
            Event::Queued { because, no, team, asked_at, due_at, taken_from } => {
                if taken_from.is_some() {
                    self.end_service(None, at);
                }
                if *no > self.clock_no {
                    self.clock_no = *no;
                    let mut request = self.row(Table::Requests, id, format!("{id}/{no}"), team.clone());
                    request.set(Field::AskedAt, asked_at.0);
                    request.set(Field::DueAt, due_at.0);
                    self.requests.push(request);
                }
                if let Some(episode) = self.episodes.last_mut() {
                    episode.team.clone_from(team);
                    episode.agent = None;
                    episode.set(Field::ClockNo, i64::from(self.clock_no));
                    episode.set_once(Field::HumanAt, asked_at.0);
                }
                if *because == QueuedBecause::Asked {
                    self.ask_human(at);
                }
            }
            Event::Offered { offer, agent, transfer_by, .. } => {
                self.offered(id, at, *offer, *agent, transfer_by.is_some());
            }
            Event::OfferEnded { offer, reason, .. } => self.end_offer(*offer, reason.as_str(), at),
            Event::Assigned { offer, agent, team, .. } => {
                self.end_service(Some(*offer), at);
                self.end_offer(*offer, ACCEPTED, at);
                if let Some(episode) = self.episodes.last_mut() {
                    episode.team.clone_from(team);
                    episode.agent = Some(*agent);
                    episode.set_once(Field::ServedAt, at.0);
                }
            }
            Event::Answered { no, at, by } => self.answered(*no, *at, *by),
            Event::ReplyKept { no, team, asked_at, due_at, at, by } => {
                self.owed(id, *no, team.clone(), (*asked_at, *due_at));
                self.replied(*no, *at, *by);
            }
            Event::ReplyOwed { no, team, asked_at, terms } => {
                let team = team.clone().unwrap_or_else(|| self.team());
                self.owed(id, *no, team, (*asked_at, terms.due_at()));
            }
            Event::Replied { no, at, by } => self.replied(*no, *at, *by),
            Event::ReplyReleased { no, at } => {
                if let Some(reply) = of_number(&mut self.replies, *no) {
                    reply.set(Field::LeftAt, at.0);
                }
            }
            Event::ReplyMoved { no, terms, .. } => {
                if let Some(reply) = of_number(&mut self.replies, *no) {
                    reply.set(Field::DueAt, terms.due_at().0);
                }
            }
            Event::Corrected { promise, no, answered_at, excused } => {
                let rows = match promise {
                    Promise::FirstResponse | Promise::CallBack => &mut self.requests,
                    Promise::NextResponse => &mut self.replies,
                };
                if let Some(row) = of_number(rows, *no) {
                    correct(row, at, *answered_at, *excused);
                }
            }
            Event::Left { no, at } => {
                let request = of_number(&mut self.requests, *no);
                if let Some(request) = request.filter(|request| request.number(Field::AnsweredAt).is_none()) {
                    request.set(Field::LeftAt, at.0);
                }
            }
            Event::MessageLeft { receipt, starts_at, ends_at } => {
                let mut message = self.row(Table::Messages, id, receipt.clone(), self.team());
                message.set(Field::MadeAt, at.0);
                message.set(Field::SlotStartsAt, starts_at.0);
                message.set(Field::SlotEndsAt, ends_at.0);
                message.words.insert(Word::State, ReceiptState::Open.to_string());
                self.messages.push(message);
                if let Some(episode) = self.episodes.last_mut() {
                    episode.set_once(Field::HumanAt, at.0);
                }
                self.ask_human(at);
            }
            Event::CallBackMoved { receipt, starts_at, ends_at } => {
                if let Some(message) = self.messages.iter_mut().find(|message| message.key == *receipt) {
                    message.set(Field::SlotStartsAt, starts_at.0);
                    message.set(Field::SlotEndsAt, ends_at.0);
                }
            }
            Event::ReceiptSettled { receipt, state } => {
                if let Some(message) = self.messages.iter_mut().find(|message| message.key == *receipt) {
                    message.words.insert(Word::State, state.to_string());
                    message.set(Field::SettledAt, at.0);
                }
            }
            Event::Closed { outcome, .. } => {
                self.end_service(None, at);
                for row in self.requests.iter_mut().chain(&mut self.replies) {
                    row.words.entry(Word::Outcome).or_insert_with(|| outcome.to_string());
                }
                if let Some(episode) = self.episodes.last_mut() {
                    episode.set(Field::ClosedAt, at.0);
                    episode.words.insert(Word::Outcome, outcome.to_string());
                }
            }
            Event::Rated { stars } => {
                if let Some(episode) = self.episodes.last_mut() {
                    episode.set(Field::Stars, i64::from(*stars));
                    episode.set(Field::RatedAt, at.0);
                }
            }
            Event::BotReplied { turn } => self.visit(id, at, turn.as_str()),
            Event::BotJudged { solved: true, .. } => {
                if let Some(visit) = self.visits.last_mut() {
                    visit.set(Field::SolvedAt, at.0);
                }
            }
            _ => {}
        }
    }

    fn offered(&mut self, id: ConversationId, at: Timestamp, offer: OfferId, agent: AgentId, is_transfer: bool) {
        let request = i64::from(self.clock_no);
        let is_before =
            |row: &&Row| row.number(Field::Request) == Some(request) && row.number(Field::IsTransfer) == Some(0);
        let first = self.offers.values().filter(is_before).filter_map(|row| row.number(Field::OfferedAt)).min();
        let mut row = self.row(Table::Offers, id, offer.to_string(), self.team());
        row.agent = Some(agent);
        row.set(Field::Request, request);
        row.set(Field::OfferedAt, at.0);
        row.set(Field::FirstAt, first.filter(|_| !is_transfer).unwrap_or(at.0));
        row.set(Field::IsTransfer, i64::from(is_transfer));
        self.offers.insert(offer, row);
    }

    fn end_offer(&mut self, offer: OfferId, result: &str, at: Timestamp) {
        if let Some(row) = self.offers.get_mut(&offer) {
            row.set(Field::EndedAt, at.0);
            row.words.insert(Word::Result, result.to_owned());
        }
    }

    /// Whoever serves does so no longer, but the one who accepts just now.
    fn end_service(&mut self, but: Option<OfferId>, at: Timestamp) {
        for (offer, row) in &mut self.offers {
            if Some(*offer) != but && row.word(Word::Result) == Some(ACCEPTED) {
                row.set_once(Field::ServedUntil, at.0);
            }
        }
    }

    fn answered(&mut self, no: u32, at: Timestamp, by: AgentId) {
        if let Some(request) = of_number(&mut self.requests, no) {
            request.set(Field::AnsweredAt, at.0);
            request.agent = Some(by);
        }
        let open = ReceiptState::Open.as_str();
        let promised = self.messages.iter_mut().filter(|message| message.word(Word::State) == Some(open));
        for message in promised.filter(|message| message.number(Field::AnsweredAt).is_none()) {
            message.set(Field::AnsweredAt, at.0);
            message.agent = Some(by);
        }
    }

    fn owed(&mut self, id: ConversationId, no: u32, team: String, (asked_at, due_at): (Timestamp, Timestamp)) {
        let mut reply = self.row(Table::Replies, id, format!("{id}/{no}"), team);
        reply.set(Field::AskedAt, asked_at.0);
        reply.set(Field::DueAt, due_at.0);
        self.replies.push(reply);
    }

    fn replied(&mut self, no: u32, at: Timestamp, by: AgentId) {
        if let Some(reply) = of_number(&mut self.replies, no) {
            reply.set(Field::AnsweredAt, at.0);
            reply.agent = Some(by);
        }
    }

    /// The visit that still goes on at `at`.
    fn current_visit(&mut self, at: Timestamp) -> Option<&mut Row> {
        let goes_on = |visit: &&mut Row| {
            visit.number(Field::LastAt).is_some_and(|last| last + VISIT_GAP >= at.0)
                && visit.number(Field::HumanAt).is_none()
                && visit.number(Field::SolvedAt).is_none()
        };
        self.visits.last_mut().filter(goes_on)
    }

    fn ask_human(&mut self, at: Timestamp) {
        if let Some(visit) = self.current_visit(at) {
            visit.set(Field::HumanAt, at.0);
        }
    }

    fn visit(&mut self, id: ConversationId, at: Timestamp, turn: &str) {
        if let Some(visit) = self.current_visit(at) {
            visit.set(Field::LastAt, at.0);
            let questions = visit.number(Field::Questions).unwrap_or_default() + 1;
            visit.set(Field::Questions, questions);
            visit.words.insert(Word::LastTurn, turn.to_owned());
            return;
        }
        let mut visit = self.row(Table::Visits, id, format!("{id}/{}", self.visits.len() + 1), self.team());
        visit.set(Field::BeganAt, at.0);
        visit.set(Field::LastAt, at.0);
        visit.set(Field::Questions, 1);
        visit.words.insert(Word::LastTurn, turn.to_owned());
        self.visits.push(visit);
    }
}
