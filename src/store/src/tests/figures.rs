//! Figures: the rows that are written with the events equal what the log tells; SQL counts them as the definitions do, and as
//! statements written by hand over log and ledger do; the pages behind a number are the number. On both databases, for random
//! days.

use std::{collections::BTreeMap, sync::Arc};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, OfferId, Timestamp,
    figures::{
        By, Figure, Kind, Part, Row, Shape, Tallies,
        define::DEFINITIONS,
        retell::Retold,
        tally,
        timeline::{Change as Status, State, Timeline},
    },
    history::Event as What,
    ledger::{Promise, Promised, Terms},
    words::{AgentStatus, BotTurn, Channel, OfferEnd, Outcome, QueuedBecause, ReceiptState, SlaStep, Stage},
};
use proptest::prelude::*;

use super::{conversation, message, open};
use crate::{
    Author, Change, ConversationRow, Event, LedgerRow, NewEntry, ReceiptRow, RowQuery, RowsOf, Scope, Selection,
    StaffRow, Store, Unit, testing::TestDatabase,
};

/// 2026-11-24 09:00 in Shanghai.
const START: i64 = 1_795_482_000_000;

const ITEMS: [Option<&str>; 3] = [Some("residence-permit"), Some("dog-license"), None];
const TEAMS: [&str; 2] = ["residence", "general"];
const CHANNELS: [Channel; 3] = [Channel::Pc, Channel::Mobile, Channel::Kiosk];
const PAUSES: [i64; 9] = [1, 700, 9_000, 30_000, 61_000, 600_000, 1_860_000, 18_000_000, 90_000_000];

/// What happens next: numbers that choose.
type Step = (u8, usize, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0_u8..20, 0_usize..PAUSES.len(), 0_usize..64, 0_usize..60), 60..220)
}

/// A conversation, as far as the test has to know to write a log that could be.
struct Case {
    id: ConversationId,
    stage: Stage,
    team: usize,
    clock_no: u32,
    clock_open: bool,
    offer: Option<(OfferId, u128)>,
    agent: Option<u128>,
    receipt: Option<String>,
    is_rated: bool,
    item: Option<&'static str>,
    channel: Channel,
    /// The citizen waits for the next answer.
    is_asked: bool,
    /// Next responses so far.
    asked: u32,
}

/// Random days, committed as the desk would.
struct Days {
    now: i64,
    cases: Vec<Case>,
    offers: u128,
    receipts: u32,
    closed: BTreeMap<ConversationId, i64>,
}

fn log(case: &Case, at: i64, what: What) -> Event {
    Event { conversation: Some(case.id), at: Timestamp(at), actor: Author::System, what }
}

impl Days {
    /// The unit of a step; empty if it is not possible.
    fn step(&mut self, (what, pause, which, more): Step) -> Unit {
        self.now += PAUSES[pause];
        let now = self.now;
        let mut unit = Unit::default();
        if what < 3 || self.cases.is_empty() {
            let n = self.cases.len() as u128 + 1;
            let row = ConversationRow {
                citizen: CitizenId::new(1 + (which % 3) as u128),
                item: ITEMS[more % 3].map(str::to_owned),
                channel: CHANNELS[which % 3],
                team: TEAMS[more % 2].to_owned(),
                opened_at: Timestamp(now),
                ..conversation(n)
            };
            let (citizen, item, team, channel) = (row.citizen, row.item.clone(), row.team.clone(), row.channel);
            let case = Case {
                id: row.id,
                stage: Stage::Bot,
                team: more % 2,
                clock_no: 0,
                clock_open: false,
                offer: None,
                agent: None,
                receipt: None,
                is_rated: false,
                item: ITEMS[more % 3],
                channel: CHANNELS[which % 3],
                is_asked: false,
                asked: 0,
            };
            unit.changes.push(Change::NewConversation(row));
            unit.events.push(log(&case, now, What::Opened { citizen, item, team, channel, hall: None, ticket: None }));
            self.cases.push(case);
            return unit;
        }
        let place = which % self.cases.len();
        match what {
            3..6 => self.bot(place, more, &mut unit),
            6..9 => self.ask(place, more, &mut unit),
            9..13 => self.offer(place, more, &mut unit),
            13..15 => self.reply(place, more, &mut unit),
            15..18 => self.close(place, more, &mut unit),
            _ => self.after(place, more, &mut unit),
        }
        unit
    }

    fn bot(&mut self, place: usize, more: usize, unit: &mut Unit) {
        let now = self.now;
        let case = &mut self.cases[place];
        if case.stage != Stage::Bot {
            return;
        }
        if more % 5 == 4 {
            unit.events.push(log(case, now, What::BotJudged { answer: 1, solved: true }));
            self.shut(place, Outcome::SolvedByBot, unit);
            return;
        }
        let turn = BotTurn::ALL[more % 3];
        let n = case.id;
        unit.entries.push(NewEntry {
            conversation: n,
            at: Timestamp(now),
            client_id: None,
            turn: Some(turn),
            about: None,
            ..message(1, Author::Bot, "")
        });
    }

    fn clock(&mut self, place: usize, because: QueuedBecause, unit: &mut Unit) {
        let now = self.now;
        let case = &mut self.cases[place];
        case.clock_no += 1;
        case.clock_open = true;
        case.stage = Stage::Waiting;
        case.agent = None;
        let team = TEAMS[case.team].to_owned();
        unit.changes.push(Change::Clock(LedgerRow {
            conversation: case.id,
            no: case.clock_no,
            promise: Promise::FirstResponse,
            policy: None,
            team: team.clone(),
            asked_at: Timestamp(now),
            due_at: Timestamp(now + 60_000),
            step: SlaStep::Running,
            breached_at: None,
            answered_at: None,
            left_at: None,
        }));
        let (asked_at, due_at) = (Timestamp(now), Timestamp(now + 60_000));
        let what = What::Queued { because, no: case.clock_no, team, asked_at, due_at, taken_from: None };
        unit.events.push(log(case, now, what));
    }

    fn ask(&mut self, place: usize, more: usize, unit: &mut Unit) {
        let now = self.now;
        match self.cases[place].stage {
            Stage::Bot if more % 4 == 3 => {
                self.receipts += 1;
                let receipt = format!("SH-{}", self.receipts);
                let case = &mut self.cases[place];
                case.stage = Stage::CallBack;
                case.receipt = Some(receipt.clone());
                unit.changes.push(Change::Receipt(ReceiptRow {
                    receipt: receipt.clone(),
                    conversation: case.id,
                    hand_on: None,
                    made_at: Timestamp(now),
                    state: ReceiptState::Open,
                    settled_at: None,
                    reminded_at: None,
                }));
                let (starts_at, ends_at) = (Timestamp(now + 3_600_000), Timestamp(now + 7_200_000));
                unit.events.push(log(case, now, What::MessageLeft { receipt, starts_at, ends_at }));
            }
            Stage::Bot => self.clock(place, QueuedBecause::Asked, unit),
            Stage::CallBack if more % 4 == 1 => {
                let case = &self.cases[place];
                let (starts_at, ends_at) = (Timestamp(now + 5_400_000), Timestamp(now + 7_200_000));
                if let Some(receipt) = case.receipt.clone() {
                    unit.events.push(log(case, now, What::CallBackMoved { receipt, starts_at, ends_at }));
                }
            }
            Stage::CallBack if more.is_multiple_of(2) => self.clock(place, QueuedBecause::CallBackDue, unit),
            Stage::CallBack => {
                let case = &mut self.cases[place];
                case.stage = Stage::Bot;
                unit.events.push(log(case, now, What::RequestCancelled {}));
                if let Some(receipt) = case.receipt.take() {
                    let state = ReceiptState::Cancelled;
                    unit.events.push(log(case, now, What::ReceiptSettled { receipt, state }));
                }
            }
            // Taken from an agent who is gone.
            Stage::Serving if more.is_multiple_of(3) => {
                let case = &mut self.cases[place];
                let taken_from = case.agent.take().map(AgentId::new);
                case.stage = Stage::Waiting;
                let what = What::Queued {
                    because: QueuedBecause::AgentLost,
                    no: case.clock_no,
                    team: TEAMS[case.team].to_owned(),
                    asked_at: Timestamp(now),
                    due_at: Timestamp(now),
                    taken_from,
                };
                unit.events.push(log(case, now, what));
            }
            _ => {}
        }
    }

    fn offer(&mut self, place: usize, more: usize, unit: &mut Unit) {
        let now = self.now;
        let case = &mut self.cases[place];
        match (case.stage, case.offer) {
            (Stage::Waiting | Stage::Serving, None) => {
                self.offers += 1;
                let (offer, agent) = (OfferId::new(self.offers), 1 + (more % 3) as u128);
                case.offer = Some((offer, agent));
                let what = What::Offered {
                    offer,
                    agent: AgentId::new(agent),
                    expires_at: Timestamp(now + 15_000),
                    transfer_by: case.agent.map(AgentId::new),
                };
                unit.events.push(log(case, now, what));
            }
            (_, Some((offer, agent))) if more.is_multiple_of(3) => {
                case.offer = None;
                let reason = [OfferEnd::Missed, OfferEnd::Declined, OfferEnd::AgentUnavailable][more / 3 % 3];
                unit.events.push(log(case, now, What::OfferEnded { offer, agent: AgentId::new(agent), reason }));
            }
            (_, Some((offer, agent))) => {
                let transfer_by = case.agent.map(AgentId::new);
                case.offer = None;
                case.agent = Some(agent);
                case.stage = Stage::Serving;
                case.team = more % 2;
                let what = What::Assigned {
                    offer,
                    agent: AgentId::new(agent),
                    team: TEAMS[case.team].to_owned(),
                    transfer_by,
                };
                unit.events.push(log(case, now, what));
            }
            _ => {}
        }
    }

    fn reply(&mut self, place: usize, more: usize, unit: &mut Unit) {
        let now = self.now;
        let case = &mut self.cases[place];
        if case.is_asked && more.is_multiple_of(3) {
            unit.events.push(log(case, now, What::ReplyStepped { no: case.asked, step: 1, at: Timestamp(now) }));
            return;
        }
        if let (Stage::Serving, Some(agent)) = (case.stage, case.agent) {
            if !case.clock_open && !std::mem::replace(&mut case.is_asked, true) {
                let served = vec![(Timestamp(now), Timestamp(now + 180_000))];
                let terms = Terms { span: 180_000, policy: None, served, steps: Vec::new() };
                let (team, item) = (TEAMS[case.team].to_owned(), case.item.map(str::to_owned));
                let promised = Promised { team, item, channel: case.channel, terms };
                case.asked += 1;
                // The writer has to know that a human serves.
                let row =
                    ConversationRow { id: case.id, stage: Stage::Serving, clock_no: case.clock_no, ..conversation(1) };
                unit.changes.push(Change::Conversation(row));
                unit.entries.push(NewEntry {
                    conversation: case.id,
                    at: Timestamp(now),
                    client_id: None,
                    owes: Some(Arc::new(promised)),
                    ..message(1, Author::Citizen, "")
                });
                return;
            }
            case.is_asked = false;
            case.clock_open = false;
            unit.entries.push(NewEntry {
                conversation: case.id,
                at: Timestamp(now),
                client_id: None,
                ..message(1, Author::Agent(AgentId::new(agent)), "")
            });
        }
    }

    fn shut(&mut self, place: usize, outcome: Outcome, unit: &mut Unit) {
        let now = self.now;
        let case = &mut self.cases[place];
        if let Some((offer, agent)) = case.offer.take() {
            let reason = OfferEnd::ConversationGone;
            unit.events.push(log(case, now, What::OfferEnded { offer, agent: AgentId::new(agent), reason }));
        }
        if std::mem::take(&mut case.clock_open) {
            unit.changes.push(Change::Left { conversation: case.id, no: case.clock_no, at: Timestamp(now) });
            unit.events.push(log(case, now, What::Left { no: case.clock_no, at: Timestamp(now) }));
        }
        if let Some(receipt) = case.receipt.take() {
            unit.events.push(log(case, now, What::ReceiptSettled { receipt, state: ReceiptState::Done }));
        }
        case.stage = Stage::Closed;
        (case.is_rated, case.is_asked) = (false, false);
        unit.events.push(log(case, now, What::Closed { outcome, hand_on: None, receipt: None }));
        self.closed.insert(case.id, now);
    }

    fn close(&mut self, place: usize, more: usize, unit: &mut Unit) {
        match self.cases[place].stage {
            Stage::Serving => {
                let all = [Outcome::Solved, Outcome::Solved, Outcome::Unsolved, Outcome::OutOfScope, Outcome::Abuse];
                self.shut(place, all[more % 5], unit);
            }
            Stage::Waiting if more.is_multiple_of(2) => self.shut(place, Outcome::Abandoned, unit),
            Stage::Waiting if self.cases[place].clock_open && self.cases[place].offer.is_none() => {
                // Back to the bot.
                let now = self.now;
                let case = &mut self.cases[place];
                case.clock_open = false;
                case.stage = Stage::Bot;
                unit.changes.push(Change::Left { conversation: case.id, no: case.clock_no, at: Timestamp(now) });
                unit.events.push(log(case, now, What::Left { no: case.clock_no, at: Timestamp(now) }));
                unit.events.push(log(case, now, What::RequestCancelled {}));
            }
            _ => {}
        }
    }

    fn after(&mut self, place: usize, more: usize, unit: &mut Unit) {
        let now = self.now;
        let case = &mut self.cases[place];
        if case.stage != Stage::Closed {
            return;
        }
        if more % 7 == 3 && case.clock_no > 0 {
            let said = [Some(Timestamp(now)), None, None][more % 3];
            let what = What::Corrected {
                promise: Promise::FirstResponse,
                no: case.clock_no,
                answered_at: said,
                excused: more % 3 == 1,
            };
            unit.events.push(log(case, now, what));
            return;
        }
        if more.is_multiple_of(2) && !case.is_rated {
            case.is_rated = true;
            let stars = 1 + u8::try_from(more % 5).unwrap();
            unit.events.push(log(case, now, What::Rated { stars }));
        } else {
            case.stage = Stage::Bot;
            case.agent = None;
            unit.events.push(log(case, now, What::Reopened {}));
        }
    }
}

async fn retold(store: &Store) -> Vec<Row> {
    let archive = store.archive();
    let citizens = archive.citizens_between((Timestamp(0), Timestamp(i64::MAX)), None, 100).await.unwrap();
    let mut told = Retold::default();
    for event in archive.events_of_citizens(&citizens).await.unwrap() {
        told.tell(event.conversation.unwrap(), event.at, &event.what);
    }
    told.rows()
}

async fn stored(store: &Store) -> Vec<Row> {
    let archive = store.archive();
    let citizens = archive.citizens_between((Timestamp(0), Timestamp(i64::MAX)), None, 100).await.unwrap();
    archive.rows_of_citizens(&citizens).await.unwrap()
}

fn lines(rows: &[Row]) -> Vec<String> {
    rows.iter().map(Row::line).collect()
}

/// The figures of these rows; what the selection excludes is taken out by a rule of the test's own.
fn counted(rows: &[Row], selection: &Selection, by: By, now: Timestamp) -> Tallies {
    let is_in = |row: &&Row| {
        let of =
            |list: &Option<Vec<String>>, text: &str| list.as_ref().is_none_or(|all| all.iter().any(|one| one == text));
        let item = row.item.as_deref().unwrap_or_default();
        selection.scopes.iter().any(|scope| {
            of(&scope.teams, &row.team) && (scope.items.is_none() || row.item.is_some() && of(&scope.items, item))
        }) && of(&selection.teams, &row.team)
            && selection.item.as_ref().is_none_or(|wanted| wanted == item)
            && selection.channel.is_none_or(|wanted| wanted == row.channel)
            && selection.agent.is_none_or(|wanted| row.agent == Some(wanted))
    };
    let Some(hour) = selection.hour else {
        return tally::count(rows.iter().filter(is_in), (selection.from, selection.to), by, now);
    };
    // An hour of each day is that hour of the days one by one.
    let mut all = Tallies::new();
    let (midnight, day) = (START - 9 * 3_600_000, 86_400_000);
    for begin in (0..400).map(|n| midnight + n * day + i64::from(hour) * 3_600_000) {
        let (from, to) = (begin.max(selection.from.0), (begin + 3_600_000).min(selection.to.0));
        for (key, line) in tally::count(rows.iter().filter(is_in), (Timestamp(from), Timestamp(to)), by, now) {
            let known = all.entry(key).or_default();
            for (figure, tally) in line {
                known.entry(figure).or_default().add(&tally);
            }
        }
    }
    all
}

fn selections(end: i64, which: usize) -> Vec<Selection> {
    let all = Selection::all(Timestamp(START - 1), Timestamp(end + 1));
    let one = |text: &str| Some(vec![text.to_owned()]);
    vec![
        all.clone(),
        Selection {
            from: Timestamp(START + (end - START) / 3),
            to: Timestamp(START + (end - START) / 2),
            ..all.clone()
        },
        Selection { scopes: vec![Scope { teams: one("general"), items: None }], ..all.clone() },
        Selection {
            scopes: vec![
                Scope { teams: one("general"), items: one("dog-license") },
                Scope { teams: one("residence"), items: None },
            ],
            agent: Some(AgentId::new(1 + (which % 3) as u128)),
            ..all.clone()
        },
        Selection { scopes: Vec::new(), ..all.clone() },
        Selection { hour: Some(u8::try_from(9 + which % 3).unwrap()), ..all.clone() },
        Selection {
            teams: one("residence"),
            item: Some(ITEMS[which % 3].unwrap_or_default().to_owned()),
            channel: Some(CHANNELS[which % 3]),
            ..all
        },
    ]
}

/// Of a request: was its conversation closed after it as out of scope or abuse?
const REQUESTS: &str = "FROM (SELECT l.*, COALESCE((SELECT e.detail FROM event e WHERE e.conversation = l.conversation \
    AND e.kind = 'closed' AND e.at >= l.asked_at ORDER BY e.id LIMIT 1), '') AS closing FROM ledger l \
    WHERE l.asked_at >= $from AND l.asked_at < $to) r \
    WHERE r.closing NOT LIKE '%\"out_of_scope\"%' AND r.closing NOT LIKE '%\"abuse\"%'";
/// Of a question after the first response: its answer, or the end before one, and the closing after it, by the log.
///
/// What was answered before anything followed from it has one line, in which the instant of asking comes first.
const REPLIES: &str = "FROM (SELECT o.asked_at, o.asked_at + 180000 AS due_at, CASE WHEN o.kind = 'reply_kept' THEN o.at ELSE \
    (SELECT MIN(e.at) FROM event e WHERE e.conversation = o.conversation AND e.kind = 'replied' AND e.id > o.id \
     AND NOT EXISTS (SELECT 1 FROM event b WHERE b.conversation = o.conversation AND b.kind = 'reply_owed' \
                     AND b.id > o.id AND b.id < e.id)) END AS answered_at, \
    (SELECT MIN(e.at) FROM event e WHERE e.conversation = o.conversation AND e.kind = 'reply_released' AND e.id > o.id \
     AND NOT EXISTS (SELECT 1 FROM event b WHERE b.conversation = o.conversation AND b.kind = 'reply_owed' \
                     AND b.id > o.id AND b.id < e.id) AND o.kind = 'reply_owed') AS left_at, \
    COALESCE((SELECT e.detail FROM event e WHERE e.conversation = o.conversation AND e.kind = 'closed' AND e.id > o.id \
              ORDER BY e.id LIMIT 1), '') AS closing \
    FROM (SELECT a.* FROM (SELECT e.*, CASE WHEN e.kind = 'reply_kept' THEN CAST(SUBSTR(e.detail, 12, 13) AS BIGINT) \
     ELSE e.at END AS asked_at FROM event e WHERE e.kind IN ('reply_owed', 'reply_kept')) a \
     WHERE a.asked_at >= $from AND a.asked_at < $to) o) r \
    WHERE r.closing NOT LIKE '%\"out_of_scope\"%' AND r.closing NOT LIKE '%\"abuse\"%'";
/// Of a closing: did an agent accept since the conversation was opened or taken up again, and when was it taken up after?
const CLOSINGS: &str = "FROM (SELECT c.*, \
    (SELECT MIN(a.at) FROM event a WHERE a.conversation = c.conversation AND a.kind = 'assigned' AND a.id < c.id \
     AND NOT EXISTS (SELECT 1 FROM event b WHERE b.conversation = c.conversation AND b.kind = 'reopened' \
                     AND b.id > a.id AND b.id < c.id)) AS served, \
    (SELECT MIN(b.at) FROM event b WHERE b.conversation = c.conversation AND b.kind = 'reopened' AND b.id > c.id) AS again \
    FROM event c WHERE c.kind = 'closed' AND c.at >= $from AND c.at < $to) x \
    WHERE x.served IS NOT NULL AND x.detail NOT LIKE '%\"out_of_scope\"%' AND x.detail NOT LIKE '%\"abuse\"%'";
/// Of a rating: how its conversation was closed before it.
const RATINGS: &str = "FROM (SELECT r.at, CAST(SUBSTR(r.detail, 10, 1) AS BIGINT) AS stars, (SELECT c.detail FROM event c \
    WHERE c.conversation = r.conversation AND c.kind = 'closed' AND c.id < r.id ORDER BY c.id DESC LIMIT 1) AS closing \
    FROM event r WHERE r.kind = 'rated' AND r.at >= $from AND r.at < $to) x \
    WHERE x.closing NOT LIKE '%\"out_of_scope\"%' AND x.closing NOT LIKE '%\"abuse\"%'";

/// Of an offer: when it was accepted, how it ended else, and when the first one of its request was made: after the last time
/// that the citizen asked, or a call-back came due. Details name their parts in the order of the alphabet: an offer's id
/// stands after agent and instant, or after the agent.
const OFFERS: &str = "FROM (SELECT o.*, \
    (SELECT MIN(a.at) FROM event a WHERE a.conversation = o.conversation AND a.kind = 'assigned' \
     AND SUBSTR(a.detail, 57, 35) = SUBSTR(o.detail, 83, 35)) AS taken, \
    COALESCE((SELECT MIN(e.detail) FROM event e WHERE e.conversation = o.conversation AND e.kind = 'offer_ended' \
     AND SUBSTR(e.detail, 57, 35) = SUBSTR(o.detail, 83, 35)), '') AS ending, \
    (SELECT MIN(f.at) FROM event f WHERE f.conversation = o.conversation AND f.kind = 'offered' AND f.id <= o.id \
     AND f.detail NOT LIKE '%\"transferBy\":\"%' \
     AND NOT EXISTS (SELECT 1 FROM event q WHERE q.conversation = o.conversation AND q.kind = 'queued' AND q.id > f.id \
      AND q.id < o.id AND (q.detail LIKE '%\"asked\"%' OR q.detail LIKE '%\"call_back_due\"%'))) AS first_at \
    FROM event o WHERE o.kind = 'offered' AND o.at >= $from AND o.at < $to) x";

const TAKEN_FROM_QUEUE: &str = "x.taken IS NOT NULL AND x.detail NOT LIKE '%\"transferBy\":\"%'";

/// Of a left message: its slot (13 digits each, at the begin and the end of the details; as it was moved last), whether it was taken back, and the
/// first answer of a human while it was open. Instants are compared as texts, which for as many digits is the same:
/// PostgreSQL casts what other events say, too.
const CALL_BACKS: &str = "SELECT COUNT(*) FROM (SELECT m.*, \
    SUBSTR(m.detail, LENGTH(m.detail) - 13, 13) AS starts, \
    SUBSTR(m.detail, 11, 13) AS ends, \
    (SELECT COUNT(*) FROM event s WHERE s.conversation = m.conversation AND s.kind = 'receipt_settled' \
     AND s.detail LIKE '%\"cancelled\"%' \
     AND SUBSTR(s.detail, 13, LENGTH(m.detail) - 61) = SUBSTR(m.detail, 36, LENGTH(m.detail) - 61)) AS cancelled, \
    (SELECT MIN(a.at) FROM event a WHERE a.conversation = m.conversation AND a.kind = 'answered' AND a.id > m.id \
     AND NOT EXISTS (SELECT 1 FROM event s WHERE s.conversation = m.conversation AND s.kind = 'receipt_settled' \
      AND s.id < a.id \
      AND SUBSTR(s.detail, 13, LENGTH(m.detail) - 61) = SUBSTR(m.detail, 36, LENGTH(m.detail) - 61))) AS answered \
    FROM (SELECT l.id, l.conversation, COALESCE((SELECT v.detail FROM event v WHERE v.conversation = l.conversation \
      AND v.kind = 'call_back_moved' \
      AND SUBSTR(v.detail, 36, LENGTH(v.detail) - 61) = SUBSTR(l.detail, 36, LENGTH(l.detail) - 61) \
      ORDER BY v.id DESC LIMIT 1), l.detail) AS detail \
     FROM event l WHERE l.kind = 'message_left') m) x WHERE x.starts >= '$from' AND x.starts < '$to' AND x.starts <= '$now'";

/// Questions at most half an hour apart, with no request for a human and no "solved" between them: the first one, the last
/// one, and what came after.
const VISITS: &str = "WITH question AS (SELECT * FROM event WHERE kind = 'bot_replied'), \
    human AS (SELECT * FROM event WHERE kind = 'message_left' OR (kind = 'queued' AND detail LIKE '%\"asked\"%')), \
    happy AS (SELECT * FROM event WHERE kind = 'bot_judged' AND detail LIKE '%\"solved\":true%'), \
    first AS (SELECT q.* FROM question q WHERE NOT EXISTS (SELECT 1 FROM question p \
     WHERE p.conversation = q.conversation AND p.id < q.id AND q.at - p.at <= 1800000 \
     AND NOT EXISTS (SELECT 1 FROM human h WHERE h.conversation = q.conversation AND h.id > p.id AND h.id < q.id) \
     AND NOT EXISTS (SELECT 1 FROM happy h WHERE h.conversation = q.conversation AND h.id > p.id AND h.id < q.id))), \
    bounded AS (SELECT f.*, (SELECT MIN(n.id) FROM first n WHERE n.conversation = f.conversation AND n.id > f.id) AS next \
     FROM first f), \
    whole AS (SELECT b.*, (SELECT MAX(q.id) FROM question q WHERE q.conversation = b.conversation AND q.id >= b.id \
     AND (b.next IS NULL OR q.id < b.next)) AS last_id FROM bounded b), \
    timed AS (SELECT w.*, (SELECT q.at FROM question q WHERE q.id = w.last_id) AS last_at, \
     (SELECT q.detail FROM question q WHERE q.id = w.last_id) AS turn FROM whole w \
     WHERE w.at >= $from AND w.at < $to), \
    judged AS (SELECT t.*, CASE WHEN EXISTS (SELECT 1 FROM happy h WHERE h.conversation = t.conversation AND h.id > t.id \
      AND (t.next IS NULL OR h.id < t.next)) THEN 1 ELSE 0 END AS solved, \
     CASE WHEN EXISTS (SELECT 1 FROM human h WHERE h.conversation = t.conversation AND h.id > t.last_id \
      AND h.at - t.last_at <= 1800000 AND (t.next IS NULL OR h.id < t.next) \
      AND NOT EXISTS (SELECT 1 FROM happy y WHERE y.conversation = t.conversation AND y.id > t.last_id AND y.id < h.id)) \
      THEN 1 ELSE 0 END AS human, \
     CASE WHEN EXISTS (SELECT 1 FROM (SELECT * FROM question UNION ALL SELECT * FROM human) r \
      JOIN conversation other ON other.id = r.conversation JOIN conversation mine ON mine.id = t.conversation \
      WHERE other.citizen = mine.citizen AND COALESCE(other.item, '') = COALESCE(mine.item, '') AND r.at > t.at \
      AND NOT (r.kind = 'bot_replied' AND r.conversation = t.conversation AND (t.next IS NULL OR r.id < t.next)) \
      AND r.at - (SELECT MAX(q.at) FROM question q WHERE q.conversation = t.conversation AND q.id >= t.id \
       AND q.id <= t.last_id AND q.at <= r.at) <= 86400000) THEN 1 ELSE 0 END AS returned FROM timed t) \
    SELECT COUNT(*) FROM judged x";

macro_rules! sql {
    ($($part:expr),+) => {
        Box::leak([$($part),+].concat().into_boxed_str()) as &'static str
    };
}

/// Every figure again, from log and ledger, by statements that share nothing with the definitions. `$now`, `$from` and `$to`
/// are put in as numbers.
fn by_hand(figure: Figure) -> [&'static str; 2] {
    let offers = |condition: &str| sql!("SELECT COUNT(*) ", OFFERS, " WHERE ", condition);
    let events = |condition: &str| sql!("SELECT COUNT(*) FROM event WHERE at >= $from AND at < $to AND ", condition);
    let none = "SELECT 0";
    let requests = |condition: &str| sql!("SELECT COUNT(*) ", REQUESTS, " AND r.excused_at IS NULL AND ", condition);
    let replies = |condition: &str| sql!("SELECT COUNT(*) ", REPLIES, " AND ", condition);
    let closings = |condition: &str| sql!("SELECT COUNT(*) ", CLOSINGS, " AND ", condition);
    let kept = "(x.again IS NOT NULL OR x.at + 86400000 < $now)";
    match figure {
        Figure::Requests => [sql!("SELECT COUNT(*) ", REQUESTS), none],
        Figure::WithinMinute => [
            requests("(r.answered_at IS NOT NULL OR r.left_at >= r.due_at OR (r.left_at IS NULL AND r.due_at < $now))"),
            requests("r.answered_at <= r.due_at"),
        ],
        Figure::NextResponse => [
            replies("(r.answered_at IS NOT NULL OR r.left_at >= r.due_at OR (r.left_at IS NULL AND r.due_at < $now))"),
            replies("r.answered_at <= r.due_at"),
        ],
        Figure::ShortAbandons => [requests("r.answered_at IS NULL AND r.left_at < r.due_at"), none],
        Figure::AnsweredLate => [requests("r.answered_at > r.due_at"), none],
        Figure::LeftLate => [requests("r.answered_at IS NULL AND r.left_at >= r.due_at"), none],
        Figure::Wait => [requests("r.answered_at IS NOT NULL"), none],
        Figure::Accepted => [
            offers("x.taken IS NOT NULL OR x.ending LIKE '%\"missed\"%' OR x.ending LIKE '%\"declined\"%'"),
            offers("x.taken IS NOT NULL"),
        ],
        Figure::Missed => [offers("x.ending LIKE '%\"missed\"%'"), none],
        Figure::Declined => [offers("x.ending LIKE '%\"declined\"%'"), none],
        Figure::AcceptTime => [offers(TAKEN_FROM_QUEUE), none],
        Figure::Conversations => [events("kind IN ('opened', 'reopened')"), none],
        Figure::HumanResolution => [closings("1 = 1"), closings("x.detail LIKE '%\"solved\"%'")],
        Figure::Confirmed => [
            closings("1 = 1"),
            closings(
                "x.detail LIKE '%\"solved\"%' AND (SELECT CAST(SUBSTR(r.detail, 10, 1) AS BIGINT) FROM event r \
                 WHERE r.conversation = x.conversation AND r.kind = 'rated' AND r.id > x.id \
                 AND NOT EXISTS (SELECT 1 FROM event b WHERE b.conversation = x.conversation AND b.kind = 'reopened' \
                                 AND b.id > x.id AND b.id < r.id) ORDER BY r.id DESC LIMIT 1) BETWEEN 3 AND 5",
            ),
        ],
        Figure::Handling => [closings("1 = 1"), none],
        Figure::Abandoned => {
            let since = |kinds: &str| {
                [
                    "EXISTS (SELECT 1 FROM event q WHERE q.conversation = c.conversation AND q.id < c.id AND q.kind IN (",
                    kinds,
                    ") AND NOT EXISTS (SELECT 1 FROM event b WHERE b.conversation = c.conversation \
                     AND b.kind = 'reopened' AND b.id > q.id AND b.id < c.id))",
                ]
                .concat()
            };
            let (asked, served) = (since("'queued', 'message_left'"), since("'assigned'"));
            let closed = "SELECT COUNT(*) FROM event c WHERE c.kind = 'closed' AND c.at >= $from AND c.at < $to \
                          AND c.detail LIKE '%\"abandoned\"%' AND ";
            [sql!(closed, asked.as_str(), " AND NOT ", served.as_str()), none]
        }
        Figure::BotResolution => [
            sql!(
                VISITS,
                " WHERE x.solved = 1 OR x.human = 1 OR x.returned = 1 OR x.turn NOT LIKE '%\"answered\"%' OR x.last_at + 86400000 < $now"
            ),
            sql!(
                VISITS,
                " WHERE x.human = 0 AND (x.solved = 1 OR (x.turn LIKE '%\"answered\"%' AND x.returned = 0 AND x.last_at + 86400000 < $now))"
            ),
        ],
        Figure::CallBacksKept => [
            sql!(CALL_BACKS, " AND (x.answered IS NOT NULL OR (x.cancelled = 0 AND x.ends < '$now'))"),
            sql!(CALL_BACKS, " AND CAST(x.answered AS TEXT) <= x.ends"),
        ],
        Figure::NotReopened => [
            closings(kept),
            sql!(
                "SELECT COUNT(*) ",
                CLOSINGS,
                " AND ",
                kept,
                " AND x.detail LIKE '%\"solved\"%' \
                AND (x.again IS NULL OR x.again > x.at + 86400000)"
            ),
        ],
        Figure::Reopened => [closings("1 = 1"), closings("x.again IS NOT NULL")],
        Figure::OutOfScope => [events("kind = 'closed' AND detail LIKE '%\"out_of_scope\"%'"), none],
        Figure::Abuse => [events("kind = 'closed' AND detail LIKE '%\"abuse\"%'"), none],
        Figure::Messages => [events("kind = 'message_left'"), none],
        Figure::Rating => [sql!("SELECT COUNT(*) ", RATINGS), none],
        Figure::BadRatings => {
            [sql!("SELECT COUNT(*) ", RATINGS), sql!("SELECT COUNT(*) ", RATINGS, " AND x.stars <= 2")]
        }
    }
}

/// Of a span every single one, in milliseconds; of a mean every number.
fn spans_by_hand(figure: Figure) -> Option<&'static str> {
    Some(match figure {
        Figure::Wait => sql!(
            "SELECT r.answered_at - r.asked_at ",
            REQUESTS,
            " AND r.excused_at IS NULL AND r.answered_at IS NOT NULL"
        ),
        Figure::AcceptTime => sql!("SELECT x.taken - x.first_at ", OFFERS, " WHERE ", TAKEN_FROM_QUEUE),
        Figure::Handling => sql!("SELECT x.at - x.served ", CLOSINGS),
        Figure::Rating => sql!("SELECT x.stars ", RATINGS),
        _ => return None,
    })
}

/// Nearest rank over the sorted spans themselves, in whole seconds begun.
fn percentile_by_hand(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|span| (span + 999) / 1_000)
}

async fn check(db: &TestDatabase, store: &Store, now: i64, which: usize) {
    let rows = stored(store).await;
    assert_eq!(lines(&rows), lines(&retold(store).await), "the rows are what the log tells");
    let archive = store.archive();
    let at = Timestamp(now);
    for selection in selections(now, which) {
        for by in By::ALL {
            let in_sql = archive.figures(Kind::ALL, &selection, *by, at).await.unwrap();
            assert_eq!(in_sql, counted(&rows, &selection, *by, at), "{selection:?} by {by}");
        }
        let total =
            archive.figures(Kind::ALL, &selection, By::Nothing, at).await.unwrap().remove("").unwrap_or_default();
        for definition in DEFINITIONS {
            let tally = total.get(&definition.figure).cloned().unwrap_or_default();
            for (part, number) in [(Part::Of, tally.of), (Part::Hits, tally.hits), (Part::Rest, tally.of - tally.hits)]
            {
                if !matches!(definition.shape, Shape::Rate { .. }) && part != Part::Of {
                    continue;
                }
                let mut query = RowQuery { definition, part, selection: &selection, after: None, limit: 7 };
                let mut seen: Vec<Row> = Vec::new();
                loop {
                    let page = archive.figure_rows(&query, at).await.unwrap();
                    let Some(last) = page.last() else { break };
                    query.after = Some((Timestamp(last.number(definition.kind.at()).unwrap()), last.key.clone()));
                    seen.extend(page);
                }
                assert_eq!(seen.len() as u64, number, "{} {part}: the rows are the number", definition.figure);
                let keys: std::collections::BTreeSet<_> = seen.iter().map(|row| &row.key).collect();
                assert_eq!(keys.len(), seen.len(), "no row twice");
            }
        }
    }
    let (from, to) = (START + (now - START) / 4, now);
    let selection = Selection::all(Timestamp(from), Timestamp(to));
    let total = archive.figures(Kind::ALL, &selection, By::Nothing, at).await.unwrap().remove("").unwrap_or_default();
    let filled = |sql: &str| {
        let numbers = [("$now", now), ("$from", from), ("$to", to)].into_iter();
        numbers.fold(sql.to_owned(), |sql, (name, number)| sql.replace(name, &number.to_string()))
    };
    for figure in Figure::ALL {
        let mut found = [0; 2];
        for (found, sql) in found.iter_mut().zip(by_hand(*figure)) {
            *found = u64::try_from(db.number(&filled(sql)).await).unwrap();
        }
        let tally = total.get(figure).cloned().unwrap_or_default();
        assert_eq!([tally.of, tally.hits], found, "{figure}, recounted by hand");
        let Some(sql) = spans_by_hand(*figure) else { continue };
        let mut spans = db.numbers(&filled(sql)).await;
        spans.sort_unstable();
        assert_eq!(tally.sum, spans.iter().sum::<i64>(), "{figure}: the sum, and with it the mean");
        if !matches!(figure.definition().shape, Shape::Span { .. }) {
            continue;
        }
        assert_eq!(tally.longest, spans.last().copied(), "{figure}: the longest");
        for percent in [50, 90, 99] {
            let by_hand = percentile_by_hand(&spans, usize::try_from(percent).unwrap());
            assert_eq!(tally.percentile(percent), by_hand, "{figure}: percentile {percent}");
        }
    }
}

/// `together`: so many units are handed over before any is waited for, and share a transaction.
async fn live(db: &TestDatabase, steps: Vec<Step>, together: usize) {
    let (store, _) = open(db).await;
    for n in 1..=3 {
        let row = crate::CitizenRow { id: CitizenId::new(n), ..super::citizens::citizen(n) };
        store.commit(Unit { changes: vec![Change::Citizen(row)], ..Unit::default() }).await.unwrap();
    }
    let mut days = Days { now: START, cases: Vec::new(), offers: 0, receipts: 0, closed: BTreeMap::new() };
    let which = steps.len();
    let mut waiting = Vec::new();
    for step in steps {
        let unit = days.step(step);
        if unit == Unit::default() {
            continue;
        }
        waiting.push(store.enqueue(unit).unwrap());
        if waiting.len() >= together {
            for done in waiting.drain(..) {
                done.await.unwrap();
            }
        }
    }
    for done in waiting {
        done.await.unwrap();
    }
    check(db, &store, days.now, which).await;

    // Rows that were lost or changed are found, and come back from the log.
    let before = lines(&stored(&store).await);
    for sql in [
        "DELETE FROM figure_episode WHERE no = 1",
        "UPDATE figure_offer SET result = 'missed', served_until = NULL",
        "UPDATE ledger SET outcome = 'abuse', channel = 'pc'",
        "UPDATE figure_visit SET returned_at = 1",
        "DELETE FROM figure_message",
    ] {
        db.execute(sql).await;
    }
    let conversations: Vec<ConversationId> = days.cases.iter().map(|case| case.id).collect();
    let rows = retold(&store).await;
    let repair = Change::Figures(RowsOf { conversations, rows });
    store.commit(Unit { changes: vec![repair], ..Unit::default() }).await.unwrap();
    assert_eq!(lines(&stored(&store).await), before);
    store.close().await;
}

fn run(database: impl AsyncFn() -> TestDatabase, steps: Vec<Step>, together: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = database().await;
        live(&db, steps, together).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_counts_as_the_definitions_say(steps in steps(), together in 1_usize..9) {
        run(async || TestDatabase::sqlite(), steps, together);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 30, ..ProptestConfig::default() })]

    #[test]
    fn postgresql_counts_as_the_definitions_say(steps in steps(), together in 1_usize..9) {
        run(async || TestDatabase::postgres().await, steps, together);
    }
}

/// By hand, so that the property above cannot be empty: one of each, and every figure has something to say.
async fn a_day_with_one_of_each(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let row = super::citizens::citizen(1);
    store.commit(Unit { changes: vec![Change::Citizen(row)], ..Unit::default() }).await.unwrap();
    let mut days = Days { now: START, cases: Vec::new(), offers: 0, receipts: 0, closed: BTreeMap::new() };
    // Kind of step, pause, which, more: see `Days::step`.
    let steps = [
        (0, 1, 0, 0),
        (3, 2, 0, 0),
        (6, 2, 0, 0),
        (9, 2, 0, 0),
        (9, 2, 0, 0),
        (9, 2, 0, 1),
        (9, 2, 0, 1),
        (13, 2, 0, 0),
        (13, 2, 0, 0),
        (13, 3, 0, 0),
        (13, 2, 0, 0),
        (13, 5, 0, 0),
        (13, 2, 0, 0),
        (15, 5, 0, 0),
        (18, 2, 0, 3),
        (18, 2, 0, 0),
        (18, 3, 0, 1),
        (3, 2, 0, 4),
        (0, 1, 0, 1),
        (6, 1, 1, 0),
        (9, 1, 1, 0),
        (9, 1, 1, 3),
        (15, 1, 1, 0),
        (0, 1, 0, 2),
        (6, 1, 2, 3),
        (6, 5, 2, 0),
        (9, 1, 2, 1),
        (9, 1, 2, 1),
        (13, 4, 2, 0),
        (15, 5, 2, 3),
        (0, 1, 0, 4),
        (6, 1, 3, 0),
        (9, 1, 3, 1),
        (9, 1, 3, 1),
        (15, 1, 3, 4),
    ];
    for step in steps {
        store.commit(days.step(step)).await.unwrap();
    }
    let now = days.now + 2 * 86_400_000;
    check(&db, &store, now, 1).await;
    let all = Selection::all(Timestamp(START), Timestamp(now));
    let total =
        store.archive().figures(Kind::ALL, &all, By::Nothing, Timestamp(now)).await.unwrap().remove("").unwrap();
    for figure in [
        Figure::Requests,
        Figure::Confirmed,
        Figure::WithinMinute,
        Figure::ShortAbandons,
        Figure::Wait,
        Figure::Accepted,
        Figure::Missed,
        Figure::Declined,
        Figure::AcceptTime,
        Figure::Conversations,
        Figure::HumanResolution,
        Figure::NotReopened,
        Figure::Reopened,
        Figure::Handling,
        Figure::Abandoned,
        Figure::OutOfScope,
        Figure::Abuse,
        Figure::BotResolution,
        Figure::Messages,
        Figure::CallBacksKept,
        Figure::Rating,
        Figure::BadRatings,
    ] {
        assert!(total.get(&figure).is_some_and(|tally| tally.of > 0), "{figure} counts nothing: {total:#?}");
    }
}

async fn an_agents_day_is_read_with_what_was_said_before_it(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let agent = AgentId::new(7);
    let changes = vec![Change::Staff(StaffRow::new(agent, "a7", "坐席"))];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let status = |at: i64, status: AgentStatus, until: Option<i64>| Event {
        conversation: None,
        at: Timestamp(at),
        actor: Author::Agent(agent),
        what: What::StatusChanged { agent, status, until: until.map(Timestamp) },
    };
    let console = |at: i64, connected: bool| Event {
        conversation: None,
        at: Timestamp(at),
        actor: Author::Agent(agent),
        what: What::PresenceChanged { agent, connected },
    };
    let events = [
        console(10, true),
        status(20, AgentStatus::Online, None),
        // Before the day, and over in it.
        status(90, AgentStatus::Break, Some(110)),
        status(150, AgentStatus::Break, None),
        console(160, false),
        status(180, AgentStatus::Offline, None),
        status(300, AgentStatus::Online, None),
    ];
    for (at, event) in events.iter().enumerate() {
        store.commit(Unit { events: vec![event.clone()], ..Unit::default() }).await.unwrap();
        // Consoles say nothing of it; a short break ends at its end, or at the start that comes before.
        let since = async |now| store.status_since(Timestamp(now)).await.unwrap();
        let expected = match at {
            0 => None,
            1 => Some((20, 20)),
            2 => Some((100, 110)),
            3 | 4 => Some((150, 150)),
            5 => Some((180, 180)),
            _ => Some((300, 300)),
        };
        let of_agent = |at: i64| vec![(agent, Timestamp(at))];
        let (early, late) = expected.map_or((vec![], vec![]), |(early, late)| (of_agent(early), of_agent(late)));
        assert_eq!((since(100).await, since(1_000).await), (early, late), "after event {at}");
    }
    let archive = store.archive();
    let (from, to) = (Timestamp(100), Timestamp(200));
    let told = archive.status_lines(agent, from, to).await.unwrap();
    assert_eq!(told.last().map(|line| line.change), Some(Status::Offline));
    let timeline = Timeline::new(&told, &archive.services(agent, from, to).await.unwrap(), from, to);
    let sums = State::ALL.iter().map(|state| timeline.sum(*state)).collect::<Vec<_>>();
    assert_eq!(sums, [40, 10 + 30, 0, 20], "online, break, away, offline");
    assert_eq!(archive.status_lines(AgentId::new(8), from, to).await.unwrap(), []);
    // Written anew from the log they are the same.
    let lines = archive.agent_events("", 100).await.unwrap();
    db.execute("DELETE FROM figure_status WHERE at > 100").await;
    store.commit(Unit { changes: vec![Change::AgentLog(lines)], ..Unit::default() }).await.unwrap();
    assert_eq!(archive.status_lines(agent, from, to).await.unwrap(), told);
}

mod sqlite {
    use crate::testing::TestDatabase;

    #[tokio::test]
    async fn a_day_with_one_of_each() {
        super::a_day_with_one_of_each(TestDatabase::sqlite()).await;
    }

    #[tokio::test]
    async fn an_agents_day_is_read_with_what_was_said_before_it() {
        super::an_agents_day_is_read_with_what_was_said_before_it(TestDatabase::sqlite()).await;
    }
}

mod postgres {
    use crate::testing::TestDatabase;

    #[tokio::test]
    async fn a_day_with_one_of_each() {
        super::a_day_with_one_of_each(TestDatabase::postgres().await).await;
    }

    #[tokio::test]
    async fn an_agents_day_is_read_with_what_was_said_before_it() {
        super::an_agents_day_is_read_with_what_was_said_before_it(TestDatabase::postgres().await).await;
    }
}
