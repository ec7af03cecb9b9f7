//! The within-minute rate of today, kept up to date with every change, for the board.
//!
//! First human response ≤ 60 s / human asked for in service hours. People who left before 60 s without an answer are
//! excluded and published as short abandons; those who left later count as misses. A request whose minute still runs is not
//! decided and is in neither number. A request whose conversation is closed as out of scope or abuse is taken out again
//! ("in no rate"). That this is what [`super::define`] says, a property below holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ConversationId, TeamId, Timestamp,
    calendar::Calendar,
    time::{DAY, HOUR, Millis},
    words::{Channel, Outcome},
};

/// One request for a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Whose.
    pub conversation: ConversationId,
    /// 1, 2, ... within the conversation.
    pub no: u32,
    /// Whose queue.
    pub team: TeamId,
    /// Where from: measured together, reported apart (rule 3).
    pub channel: Channel,
    /// Begin of the minute.
    pub asked_at: Timestamp,
    /// Its end.
    pub due_at: Timestamp,
    /// First human response.
    pub answered_at: Option<Timestamp>,
    /// Left without one.
    pub left_at: Option<Timestamp>,
}

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The minute still runs.
    Undecided,
    /// Answered in time; 60.000 s is in time.
    Hit,
    /// Answered late, left late, or not answered yet and overdue.
    Miss,
    /// Left within the minute: outside the rate.
    ShortAbandon,
}

impl Request {
    /// What it counts as at `now`.
    #[must_use]
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        match (self.answered_at, self.left_at) {
            (Some(at), _) if at <= self.due_at => Verdict::Hit,
            (Some(_), _) => Verdict::Miss,
            (None, Some(at)) if at < self.due_at => Verdict::ShortAbandon,
            (None, Some(_)) => Verdict::Miss,
            (None, None) if now > self.due_at => Verdict::Miss,
            (None, None) => Verdict::Undecided,
        }
    }
}

/// Numbers of the within-minute rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Requests of the last hour: answered in time.
    pub hour_hits: u32,
    /// ... of those decided.
    pub hour_decided: u32,
    /// Requests of today: answered in time.
    pub today_hits: u32,
    /// ... of those decided.
    pub today_decided: u32,
    /// Left within the minute today.
    pub today_short_abandons: u32,
}

impl Rates {
    fn add(&mut self, verdict: Verdict, in_last_hour: bool) {
        let hour = u32::from(in_last_hour);
        match verdict {
            Verdict::Undecided => {}
            Verdict::Hit => {
                self.today_hits += 1;
                self.today_decided += 1;
                self.hour_hits += hour;
                self.hour_decided += hour;
            }
            Verdict::Miss => {
                self.today_decided += 1;
                self.hour_decided += hour;
            }
            Verdict::ShortAbandon => self.today_short_abandons += 1,
        }
    }

    /// Takes back what was added.
    fn take_back(&mut self, verdict: Verdict, in_last_hour: bool) {
        let hour = u32::from(in_last_hour);
        match verdict {
            Verdict::Undecided => {}
            Verdict::Hit => {
                self.today_hits -= 1;
                self.today_decided -= 1;
                self.hour_hits -= hour;
                self.hour_decided -= hour;
            }
            Verdict::Miss => {
                self.today_decided -= 1;
                self.hour_decided -= hour;
            }
            Verdict::ShortAbandon => self.today_short_abandons -= 1,
        }
    }

    fn add_all(&mut self, other: &Self) {
        self.hour_hits += other.hour_hits;
        self.hour_decided += other.hour_decided;
        self.today_hits += other.today_hits;
        self.today_decided += other.today_decided;
        self.today_short_abandons += other.today_short_abandons;
    }
}

/// The rates at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllRates {
    /// Of all requests.
    pub total: Rates,
    /// Of each team that has any.
    pub teams: BTreeMap<TeamId, Rates>,
    /// Of each channel that has any.
    pub channels: BTreeMap<Channel, Rates>,
}

/// The length of "the last hour".
const RECENT: Millis = HOUR;

/// By the definition, from rows: what [`Today`] must equal.
#[must_use]
pub fn recount<'a>(requests: impl IntoIterator<Item = &'a Request>, now: Timestamp) -> AllRates {
    let today = Calendar::day_start(now);
    let mut rates = AllRates::default();
    for request in requests {
        if request.asked_at >= today && request.asked_at <= now {
            rates.add(request, now);
        }
    }
    rates
}

impl AllRates {
    fn add(&mut self, request: &Request, now: Timestamp) {
        let (verdict, in_last_hour) = (request.verdict(now), request.asked_at > now - RECENT);
        self.total.add(verdict, in_last_hour);
        self.teams.entry(request.team).or_default().add(verdict, in_last_hour);
        self.channels.entry(request.channel).or_default().add(verdict, in_last_hour);
    }
}

/// A request by its conversation and its number there.
type Id = (ConversationId, u32);

/// Today's requests, kept so that every change costs O(log n) and the board's numbers what there are teams and channels:
/// neither what the day costs nor what the last hour costs.
#[derive(Debug, Default)]
pub struct Today {
    day: Option<Timestamp>,
    /// What is counted now.
    sums: BTreeMap<(TeamId, Channel), Rates>,
    /// Those that can still change: undecided, of the last hour, or of a conversation that may turn out to be out of scope.
    kept: BTreeMap<Id, Kept>,
    /// Requests of the last hour, by when they were asked.
    hour: BTreeSet<(Timestamp, Id)>,
    /// Undecided ones, by when their minute is over.
    undecided: BTreeSet<(Timestamp, Id)>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    request: Request,
    /// What it counts as in the sums.
    verdict: Verdict,
    in_last_hour: bool,
    /// Its conversation was closed after it: what closes the conversation the next time is not about it.
    is_over: bool,
}

impl Today {
    /// Takes a request, or what has become of it (same conversation and number).
    pub fn record(&mut self, request: Request, now: Timestamp) {
        self.settle(now);
        if self.day.is_none_or(|day| request.asked_at < day) {
            return;
        }
        let id = (request.conversation, request.no);
        let kept = match self.take(id) {
            // It stays with the queue in which it was made, wherever it is transferred: so do the rows.
            Some(known) => Kept { request: Request { team: known.request.team, ..request }, ..known },
            None => Kept { request, verdict: Verdict::Undecided, in_last_hour: false, is_over: false },
        };
        self.put(id, kept, now);
    }

    /// The conversation was closed: with an outcome that is in no rate, its requests since the last closing are taken out.
    pub fn close(&mut self, conversation: ConversationId, outcome: Outcome) {
        let open: Vec<Id> = self.of(conversation).filter(|(_, kept)| !kept.is_over).map(|(id, _)| *id).collect();
        for id in open {
            if !outcome.is_in_rates() {
                self.take(id);
            } else if let Some(kept) = self.kept.get_mut(&id) {
                kept.is_over = true;
                self.forget(id);
            }
        }
    }

    /// A reply that was read at `at` is durable, although its citizen was taken to have left: what counts is the reply.
    /// `false`: no such request is among those that can still change.
    pub fn answer(&mut self, conversation: ConversationId, at: Timestamp, now: Timestamp) -> bool {
        self.settle(now);
        let is_meant = |(_, kept): &(&Id, &Kept)| kept.request.asked_at <= at && kept.request.answered_at.is_none();
        let Some(id) = self.of(conversation).rev().find(is_meant).map(|(id, _)| *id) else { return false };
        if let Some(kept) = self.take(id) {
            let request = Request { answered_at: Some(at), left_at: None, ..kept.request };
            self.put(id, Kept { request, ..kept }, now);
        }
        true
    }

    fn of(&self, conversation: ConversationId) -> impl DoubleEndedIterator<Item = (&Id, &Kept)> {
        self.kept.range((conversation, 0)..=(conversation, u32::MAX))
    }

    /// The numbers at `now` of the teams for which `of` holds.
    #[must_use]
    pub fn rates(&mut self, now: Timestamp, of: impl Fn(TeamId) -> bool) -> AllRates {
        self.settle(now);
        let mut all = AllRates::default();
        for ((team, channel), rates) in self.sums.iter().filter(|((team, _), _)| of(*team)) {
            all.total.add_all(rates);
            all.teams.entry(*team).or_default().add_all(rates);
            all.channels.entry(*channel).or_default().add_all(rates);
        }
        all
    }

    /// When the numbers at `now` change next although nothing happens: a minute is over, a request leaves the last
    /// hour, the day ends. `None`: there are none.
    #[must_use]
    pub fn changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, Id)>, from| {
            set.range((from, (ConversationId::new(0), 0))..).next().map(|(at, _)| *at)
        };
        let over = first(&self.undecided, now).map(|due| due + 1);
        let leaves = first(&self.hour, now - RECENT + 1).map(|asked| asked + RECENT);
        let is_empty = self.kept.is_empty() && self.sums.is_empty();
        let midnight = (!is_empty).then(|| Calendar::day_start(now) + DAY);
        [over, leaves, midnight].into_iter().flatten().min()
    }

    /// Forgets yesterday; counts what a minute or an hour that is over has decided.
    fn settle(&mut self, now: Timestamp) {
        let day = Calendar::day_start(now);
        if self.day != Some(day) {
            *self = Self { day: Some(day), ..Self::default() };
        }
        let over = self.undecided.iter().take_while(|(due, _)| *due < now);
        let left = self.hour.iter().take_while(|(asked, _)| *asked <= now - RECENT);
        let changed: Vec<Id> = over.chain(left).map(|(_, id)| *id).collect();
        for id in changed {
            if let Some(kept) = self.take(id) {
                self.put(id, kept, now);
            }
        }
    }

    /// Takes it out of everything that is counted.
    fn take(&mut self, id: Id) -> Option<Kept> {
        let kept = self.kept.remove(&id)?;
        let Request { team, channel, asked_at, due_at, .. } = kept.request;
        if let Some(rates) = self.sums.get_mut(&(team, channel)) {
            rates.take_back(kept.verdict, kept.in_last_hour);
        }
        self.hour.remove(&(asked_at, id));
        self.undecided.remove(&(due_at, id));
        Some(kept)
    }

    /// Counts it as what it is at `now`.
    fn put(&mut self, id: Id, kept: Kept, now: Timestamp) {
        let Request { team, channel, asked_at, due_at, .. } = kept.request;
        let (verdict, in_last_hour) = (kept.request.verdict(now), asked_at > now - RECENT);
        self.sums.entry((team, channel)).or_default().add(verdict, in_last_hour);
        if in_last_hour {
            self.hour.insert((asked_at, id));
        }
        if verdict == Verdict::Undecided {
            self.undecided.insert((due_at, id));
        }
        self.kept.insert(id, Kept { verdict, in_last_hour, ..kept });
        self.forget(id);
    }

    /// Of what can change no more only the sums are needed. An open one can still be answered: a late reply stays a miss, but
    /// it may turn out to have been in time.
    fn forget(&mut self, id: Id) {
        let can_change = |kept: &Kept| {
            let is_final = kept.request.answered_at.is_some() || kept.request.left_at.is_some();
            kept.in_last_hour || !kept.is_over || !is_final
        };
        if self.kept.get(&id).is_some_and(|kept| !can_change(kept)) {
            self.kept.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::figures::{
        define::Figure,
        rows::{By, Field, Row, Table, Word},
        tally,
    };

    /// 2026-11-24 12:00 in Shanghai.
    const NOON: i64 = 1_795_492_800_000;

    fn request(n: u128, asked: i64) -> Request {
        Request {
            conversation: ConversationId::new(n),
            no: 1,
            team: TeamId(u16::try_from(n % 2).unwrap()),
            channel: if n.is_multiple_of(3) { Channel::Kiosk } else { Channel::Pc },
            asked_at: Timestamp(asked),
            due_at: Timestamp(asked + 60_000),
            answered_at: None,
            left_at: None,
        }
    }

    #[test]
    fn sixty_seconds_is_a_hit_and_one_millisecond_more_a_miss() {
        let asked = request(1, NOON);
        let at = |ms| Timestamp(NOON + ms);
        let answered = |ms| Request { answered_at: Some(at(ms)), ..asked };
        let left = |ms| Request { left_at: Some(at(ms)), ..asked };
        for (request, now, verdict) in [
            (asked, 60_000, Verdict::Undecided),
            (asked, 60_001, Verdict::Miss),
            (answered(60_000), 70_000, Verdict::Hit),
            (answered(60_001), 70_000, Verdict::Miss),
            (left(59_999), 70_000, Verdict::ShortAbandon),
            (left(60_000), 70_000, Verdict::Miss),
        ] {
            assert_eq!(request.verdict(at(now)), verdict, "{request:?} at {now}");
        }
    }

    #[test]
    fn a_transferred_request_counts_for_the_team_that_was_asked() {
        let mut today = Today::default();
        let asked = request(1, NOON);
        today.record(asked, Timestamp(NOON));
        let answered = Request { team: TeamId(0), answered_at: Some(Timestamp(NOON + 9_000)), ..asked };
        today.record(answered, Timestamp(NOON + 9_000));
        let all = today.rates(Timestamp(NOON + 9_000), |_| true);
        let hits = |team| all.teams.get(&TeamId(team)).map_or(0, |rates| rates.today_hits);
        assert_eq!((hits(0), hits(1)), (0, 1));
    }

    #[test]
    fn the_constant_is_noon() {
        assert_eq!(Timestamp(NOON).since(Calendar::day_start(Timestamp(NOON))), 12 * HOUR);
    }

    #[test]
    fn the_numbers_change_by_themselves_when_a_minute_an_hour_or_the_day_is_over() {
        let mut today = Today::default();
        assert_eq!(today.changes_at(Timestamp(NOON)), None);
        today.record(request(1, NOON), Timestamp(NOON));
        let at = |now| today.changes_at(Timestamp(NOON + now)).map(|at| at.0 - NOON);
        assert_eq!(at(0), Some(60_001));
        assert_eq!(at(60_001), Some(HOUR));
        assert_eq!(at(HOUR), Some(12 * HOUR));
    }

    #[test]
    fn a_reply_that_was_on_its_way_when_the_conversation_closed_counts() {
        let mut today = Today::default();
        let left = Request { left_at: Some(Timestamp(NOON + 10_000)), ..request(1, NOON) };
        today.record(left, Timestamp(NOON + 10_000));
        let now = Timestamp(NOON + 10_500);
        assert!(!today.answer(ConversationId::new(2), Timestamp(NOON + 9_000), now), "another one");
        assert!(!today.answer(ConversationId::new(1), Timestamp(NOON - 1), now), "before it was asked");
        assert!(today.answer(ConversationId::new(1), Timestamp(NOON + 9_000), now));
        let rates = today.rates(now, |_| true).total;
        assert_eq!((rates.today_hits, rates.today_short_abandons), (1, 0));
    }

    proptest! {
        /// Until the instant that is said, the numbers stay; so a board that sleeps until then is never wrong.
        #[test]
        fn nothing_changes_before_the_instant_that_is_said(
            asked in prop::collection::vec((0_i64..3 * HOUR, 0_i64..120_000, 0_u8..3), 0..40),
            start in -12 * HOUR..12 * HOUR,
            looks in prop::collection::vec(0.0_f64..1.0, 1..20),
        ) {
            let mut rows: Vec<Request> = (0..).zip(&asked).map(|(n, (ago, after, what))| {
                let row = request(n, NOON + start - ago);
                let at = Some(row.asked_at + *after).filter(|at| at.0 <= NOON + start);
                match what {
                    1 => Request { answered_at: at, ..row },
                    2 => Request { left_at: at, ..row },
                    _ => row,
                }
            }).collect();
            rows.sort_by_key(|row| row.asked_at);
            let now = Timestamp(NOON + start);
            let mut today = Today::default();
            for row in &rows {
                today.record(*row, now);
            }
            let before = recount(&rows, now).total;
            let until = today.changes_at(now).unwrap_or(now + 3 * DAY);
            prop_assert!(until > now);
            for look in looks {
                // Anywhere between, both ends included.
                let at = now + ((until.since(now) - 1) as f64 * look) as i64;
                prop_assert_eq!(recount(&rows, at).total, before, "at {:?}", at);
            }
            prop_assert_eq!(recount(&rows, until + -1).total, before);
        }

        /// Whatever happens in whatever order, the running sums equal a recount of the rows, and both what `define` says.
        #[test]
        fn the_running_sums_equal_a_recount(
            steps in prop::collection::vec((0_i64..240_000, 0_u8..6, 0_usize..20), 1..300),
            start in -12 * HOUR..12 * HOUR,
        ) {
            let mut now = NOON + start;
            // Beside each request the outcome with which its conversation was closed after it.
            let mut rows: Vec<(Request, Option<Outcome>)> = Vec::new();
            let mut today = Today::default();
            for (pause, what, which) in steps {
                now += pause;
                // Nothing becomes of a request whose conversation is closed.
                let is_open = |(request, closed): &(Request, Option<Outcome>)| {
                    request.answered_at.is_none() && request.left_at.is_none() && closed.is_none()
                };
                let open: Vec<usize> = (0..rows.len()).filter(|i| is_open(&rows[*i])).collect();
                let chosen = open.get(which % open.len().max(1)).copied();
                match (what, chosen) {
                    (1, Some(i)) => rows[i].0.answered_at = Some(Timestamp(now)),
                    (2, Some(i)) => rows[i].0.left_at = Some(Timestamp(now)),
                    // Some conversations have two requests.
                    _ => {
                        let no = u32::try_from(rows.len()).unwrap();
                        rows.push((Request { no, ..request(rows.len() as u128 / 2, now) }, None));
                    }
                }
                let changed = match (what, chosen) {
                    (1 | 2, Some(i)) => i,
                    _ => rows.len() - 1,
                };
                today.record(rows[changed].0, Timestamp(now));
                if what == 5 {
                    let closed = rows[(which * 7) % rows.len()].0.conversation;
                    let outcome = if which % 2 == 0 { Outcome::OutOfScope } else { Outcome::Solved };
                    today.close(closed, outcome);
                    for (row, closed_with) in &mut rows {
                        if row.conversation == closed {
                            closed_with.get_or_insert(outcome);
                        }
                    }
                }
                let counted = || rows.iter().filter(|row| row.1.is_none_or(Outcome::is_in_rates)).map(|row| &row.0);
                for only in [TeamId(0), TeamId(1)] {
                    let of_one = today.rates(Timestamp(now), |team| team == only);
                    let rows_of_one = counted().filter(|row| row.team == only);
                    prop_assert_eq!(
                        without_zeros(of_one),
                        without_zeros(recount(rows_of_one, Timestamp(now))),
                        "only {:?}", only
                    );
                }
                let all = today.rates(Timestamp(now), |_| true);
                prop_assert_eq!(without_zeros(all), without_zeros(recount(counted(), Timestamp(now))));
            }
            let total = today.rates(Timestamp(now), |_| true).total;
            let shown = [total.today_decided, total.today_hits, total.today_short_abandons];
            prop_assert_eq!(shown.map(u64::from), defined(&rows, Timestamp(now)));
        }
    }

    fn without_zeros(mut rates: AllRates) -> AllRates {
        rates.teams.retain(|_, rates| *rates != Rates::default());
        rates.channels.retain(|_, rates| *rates != Rates::default());
        rates
    }

    /// Decided, hits and short abandons of today, by the published definitions.
    fn defined(rows: &[(Request, Option<Outcome>)], now: Timestamp) -> [u64; 3] {
        let row = |(no, (request, outcome)): (usize, &(Request, Option<Outcome>))| Row {
            table: Table::Requests,
            key: format!("{}/{no}", request.conversation),
            conversation: request.conversation,
            team: request.team.0.to_string(),
            item: None,
            channel: request.channel,
            agent: None,
            numbers: [
                (Field::AskedAt, Some(request.asked_at)),
                (Field::DueAt, Some(request.due_at)),
                (Field::AnsweredAt, request.answered_at),
                (Field::LeftAt, request.left_at),
            ]
            .into_iter()
            .filter_map(|(field, at)| Some((field, at?.0)))
            .collect(),
            words: outcome.map(|outcome| (Word::Outcome, outcome.to_string())).into_iter().collect(),
        };
        let rows: Vec<Row> = rows.iter().enumerate().map(row).collect();
        let today = (Calendar::day_start(now), now + 1);
        let counted = tally::count(&rows, today, By::Nothing, now);
        let of = |figure| counted.get("").and_then(|line| line.get(&figure)).cloned().unwrap_or_default();
        let (rate, short) = (of(Figure::WithinMinute), of(Figure::ShortAbandons));
        [rate.of, rate.hits, short.of]
    }
}
