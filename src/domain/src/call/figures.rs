//! The published figures of calls (DOMAIN "Definitions of the published figures"), counted from rows and from nothing else, so
//! that a second ring of a telephone is never a second request. Each function says its numerator and its denominator.
//!
//! What has not been decided yet is in no figure: a request that is still rung, a call that has waited for less than its
//! 15 s.

use std::collections::{BTreeMap, VecDeque};

use super::{
    io::{LegId, Party},
    rows::{AttemptRow, CallRow, LegRow, RequestRow, WrapUpRow},
    vocabulary::{CallEnd, CallOrigin, CallPart, Cause, DeclineReason, RequestEnd},
};
use crate::{
    CallId, Timestamp,
    figures::{
        rows::SHANGHAI,
        tally::{Tally, seconds_begun},
    },
    time::{DAY, HOUR, MINUTE, Millis, SECOND},
    words::words,
};

/// Who hangs up within this time is left out of the figure beside the connect rate (DOMAIN).
pub const SHORT: Millis = 10 * SECOND;

/// Calls are to be answered within this time (GB/T 33358).
pub const SERVICE: Millis = 15 * SECOND;

/// The connect rate that is promised, in percent (rule 6).
pub const PROMISED: u64 = 90;

/// A numerator over its denominator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// Numerator.
    pub hits: u64,
    /// Denominator.
    pub of: u64,
}

impl Rate {
    /// One more.
    pub const fn add(&mut self, is_hit: bool) {
        self.of += 1;
        self.hits += is_hit as u64;
    }

    /// Less than so many percent? Of nothing: no.
    #[must_use]
    pub const fn is_below(self, percent: u64) -> bool {
        self.hits * 100 < self.of * percent
    }
}

words! {
    /// By what connect rates are shown apart.
    ConnectBy {
        /// Not at all.
        Nothing = "nothing",
        /// Code of the unit that owns the item.
        Department = "department",
        /// Code of the item; empty: none.
        Item = "item",
        /// Hour of the day, 0 to 23, in Shanghai.
        Hour = "hour",
    }
}

impl ConnectBy {
    fn key(self, request: &RequestRow) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Department => request.about.department.clone(),
            Self::Item => request.about.item.clone().unwrap_or_default(),
            Self::Hour => ((request.asked_at.0 + SHANGHAI).rem_euclid(DAY) / HOUR).to_string(),
        }
    }
}

/// What became of requests for a professional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connect {
    /// Connect rate: answered by a professional in any attempt / requested.
    pub all: Rate,
    /// The same without callers who hung up within 10 s.
    pub without_short: Rate,
    /// First-attempt rate: answered in the first round / requested.
    pub first: Rate,
    /// Hunting depth: how many were answered in which round.
    pub rounds: BTreeMap<u32, u64>,
}

impl Connect {
    /// One more request. A fourth party is no three-way request, and an undecided one is not counted.
    pub fn add(&mut self, request: &RequestRow) {
        let (Some(ended_at), Some(result), CallPart::Professional) = (request.ended_at, request.result, request.part)
        else {
            return;
        };
        let is_reached = result == RequestEnd::Reached;
        self.all.add(is_reached);
        if result != RequestEnd::CallerGone || ended_at.since(request.asked_at) > SHORT {
            self.without_short.add(is_reached);
        }
        self.first.add(is_reached && request.answered_round == Some(1));
        if let Some(round) = request.answered_round {
            *self.rounds.entry(round).or_default() += 1;
        }
    }
}

/// Connect rates of these requests; a key of which nothing was decided is missing.
#[must_use]
pub fn connect<'a>(requests: impl IntoIterator<Item = &'a RequestRow>, by: ConnectBy) -> BTreeMap<String, Connect> {
    let mut found = BTreeMap::<String, Connect>::new();
    requests.into_iter().for_each(|request| add_request(&mut found, request, by));
    found
}

/// One more request, for who reads them page by page.
pub fn add_request(found: &mut BTreeMap<String, Connect>, request: &RequestRow, by: ConnectBy) {
    let mut one = Connect::default();
    one.add(request);
    if one.all.of > 0 {
        found.entry(by.key(request)).or_default().add(request);
    }
}

/// Is it in the numerator of the connect rate? `None`: it is in no connect rate.
#[must_use]
pub fn is_reached(request: &RequestRow) -> Option<bool> {
    let mut one = Connect::default();
    one.add(request);
    (one.all.of > 0).then_some(one.all.hits > 0)
}

/// How often each telephone and each professional answers: attempts that were answered / attempts that were up to them.
/// Those that we stopped, or that the caller did not wait for, are not.
#[must_use]
pub fn by_party<'a>(attempts: impl IntoIterator<Item = &'a AttemptRow>) -> BTreeMap<Party, Rate> {
    let mut found = BTreeMap::<Party, Rate>::new();
    attempts.into_iter().for_each(|attempt| add_attempt(&mut found, attempt));
    found
}

/// One more attempt, for who reads them page by page.
pub fn add_attempt(found: &mut BTreeMap<Party, Rate>, attempt: &AttemptRow) {
    if let (Some(party), Some(cause), Some(_)) = (&attempt.party, attempt.cause, attempt.request)
        && cause.is_verdict()
    {
        found.entry(party.clone()).or_default().add(cause == Cause::Answered);
    }
}

/// What became of the attempts of requests.
#[must_use]
pub fn causes<'a>(attempts: impl IntoIterator<Item = &'a AttemptRow>) -> BTreeMap<Cause, u64> {
    let mut found = BTreeMap::new();
    let of_requests = attempts.into_iter().filter(|attempt| attempt.request.is_some());
    for cause in of_requests.filter_map(|attempt| attempt.cause) {
        *found.entry(cause).or_default() += 1;
    }
    found
}

/// Why attempts of requests were declined, of those that said so.
#[must_use]
pub fn declines<'a>(attempts: impl IntoIterator<Item = &'a AttemptRow>) -> BTreeMap<DeclineReason, u64> {
    let mut found = BTreeMap::new();
    let of_requests = attempts.into_iter().filter(|attempt| attempt.request.is_some());
    for why in of_requests.filter(|one| one.cause == Some(Cause::Declined)).filter_map(|one| one.declined) {
        *found.entry(why).or_default() += 1;
    }
    found
}

fn add_span(tally: &mut Tally, span: Millis) {
    tally.of += 1;
    tally.sum += span;
    tally.longest = tally.longest.max(Some(span));
    *tally.seconds.entry(seconds_begun(span)).or_default() += 1;
}

/// Ring time: from the first ring to the answer, of attempts of requests that were answered.
#[must_use]
pub fn ring_time<'a>(attempts: impl IntoIterator<Item = &'a AttemptRow>) -> Tally {
    let mut tally = Tally::default();
    attempts.into_iter().for_each(|attempt| add_ring(&mut tally, attempt));
    tally
}

/// One more attempt, for who reads them page by page.
pub fn add_ring(tally: &mut Tally, attempt: &AttemptRow) {
    if let (Some(ended_at), Some(Cause::Answered), Some(_)) = (attempt.ended_at, attempt.cause, attempt.request) {
        add_span(tally, ended_at.since(attempt.rung_at));
    }
}

/// How the hotline answers its callers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Service level (GB/T 33358): answered by a person within 15 s / offered.
    pub within: Rate,
    /// Abandon rate: hung up before anybody spoke with them / offered.
    pub abandoned: Rate,
    /// Of those, within 10 s.
    pub short_abandons: u64,
    /// Time to the answer, of calls that were answered.
    pub wait: Tally,
}

impl Service {
    /// One more call, as it is at `now`. Calls that we placed ourselves were not offered to anybody.
    pub fn add(&mut self, call: &CallRow, now: Timestamp) {
        match call.origin {
            CallOrigin::Hotline | CallOrigin::Browser => {}
            CallOrigin::CallMe | CallOrigin::CallBack => return,
        }
        let waited = call.answered_at.map(|at| at.since(call.began_at));
        let is_decided = waited.is_some() || call.ended_at.is_some();
        if is_decided || now.since(call.began_at) > SERVICE {
            self.within.add(waited.is_some_and(|span| span <= SERVICE));
        }
        if let Some(span) = waited {
            add_span(&mut self.wait, span);
        }
        if is_decided {
            let is_abandoned = call.because == Some(CallEnd::Abandoned);
            self.abandoned.add(is_abandoned);
            let is_short = call.ended_at.is_some_and(|at| at.since(call.began_at) <= SHORT);
            self.short_abandons += u64::from(is_abandoned && is_short);
        }
    }
}

/// The hotline's service at `now`.
#[must_use]
pub fn service<'a>(calls: impl IntoIterator<Item = &'a CallRow>, now: Timestamp) -> Service {
    let mut service = Service::default();
    calls.into_iter().for_each(|call| service.add(call, now));
    service
}

/// Handling time: what operators spent on a call, talking and wrapping up, of calls of which nothing of it goes on.
#[must_use]
pub fn handling<'a>(
    legs: impl IntoIterator<Item = &'a LegRow>,
    wrap_ups: impl IntoIterator<Item = &'a WrapUpRow>,
) -> Tally {
    // `None`: something goes on.
    let mut spans = BTreeMap::<CallId, Option<Millis>>::new();
    let legs = legs.into_iter().filter(|leg| leg.part == CallPart::Operator);
    let talked = legs.map(|leg| (leg.leg.call, leg.joined_at, leg.ended_at));
    let wrapped = wrap_ups.into_iter().map(|row| (row.call, row.began_at, row.ended_at));
    for (call, from, to) in talked.chain(wrapped) {
        let sum = spans.entry(call).or_insert(Some(0));
        *sum = sum.zip(to).map(|(sum, to)| sum + to.since(from));
    }
    let mut tally = Tally::default();
    spans.into_values().flatten().for_each(|span| add_span(&mut tally, span));
    tally
}

/// Attempts by leg, for the rows behind a number.
#[must_use]
pub fn attempts_of<'a>(
    attempts: impl IntoIterator<Item = &'a AttemptRow>,
    request: &RequestRow,
) -> BTreeMap<LegId, &'a AttemptRow> {
    let is_of = |attempt: &&AttemptRow| attempt.leg.call == request.call && attempt.request == Some(request.number);
    attempts.into_iter().filter(is_of).map(|attempt| (attempt.leg, attempt)).collect()
}

/// Numbers of the alert; ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSettings {
    /// Of requests decided within this time: 60 min.
    pub within: Millis,
    /// Fewer requests say nothing: 20.
    pub least: u64,
    /// Below this it begins, in percent: 90 (rule 6).
    pub below: u64,
    /// From this on it is over, in percent: 92, so that it does not flicker.
    pub over_at: u64,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { within: 60 * MINUTE, least: 20, below: PROMISED, over_at: PROMISED + 2 }
    }
}

/// The connect rate of the last hour, and whether it is an alert.
#[derive(Debug, Clone)]
pub struct Rolling {
    settings: AlertSettings,
    decided: VecDeque<(Timestamp, bool)>,
    rate: Rate,
    is_alert: bool,
}

impl Rolling {
    /// Nothing decided yet.
    #[must_use]
    pub const fn new(settings: AlertSettings) -> Self {
        Self { settings, decided: VecDeque::new(), rate: Rate { hits: 0, of: 0 }, is_alert: false }
    }

    /// One more request, if it is a decided three-way one; they come in the order in which they were decided. What the alert
    /// is from now on, if that has changed.
    pub fn add(&mut self, request: &RequestRow) -> Option<bool> {
        let (Some(at), Some(result), CallPart::Professional) = (request.ended_at, request.result, request.part) else {
            return None;
        };
        let is_reached = result == RequestEnd::Reached;
        self.forget(at);
        self.decided.push_back((at, is_reached));
        self.rate.add(is_reached);
        self.judge()
    }

    /// Lets the time pass. What the alert is from now on, if that has changed.
    pub fn pass_time(&mut self, now: Timestamp) -> Option<bool> {
        self.forget(now);
        self.judge()
    }

    /// When [`Rolling::pass_time`] could change something.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.decided.front().map(|(at, _)| *at + self.settings.within)
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((_, is_reached)) = self.decided.front().filter(|(at, _)| *at + self.settings.within <= now) {
            self.rate.of -= 1;
            self.rate.hits -= u64::from(*is_reached);
            self.decided.pop_front();
        }
    }

    fn judge(&mut self) -> Option<bool> {
        let limit = if self.is_alert { self.settings.over_at } else { self.settings.below };
        let is_alert = self.rate.of >= self.settings.least && self.rate.is_below(limit);
        (is_alert != self.is_alert).then(|| {
            self.is_alert = is_alert;
            is_alert
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AgentId, TeamId,
        call::{About, Disposition, LegEnd, Number, Order, WrapUpEnd},
    };

    /// 2026-11-24 (a Tuesday), 14:00 in Shanghai.
    const TWO: i64 = 1_795_500_000_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp(TWO + ms)
    }

    fn call(n: u128) -> CallId {
        CallId::new(n)
    }

    fn request(n: u128, asked: i64, ended: i64, result: RequestEnd, round: Option<u32>) -> RequestRow {
        RequestRow {
            call: call(n),
            number: 1,
            part: CallPart::Professional,
            by: None,
            about: About { item: Some("permit".to_owned()), department: "hrss".to_owned() },
            order: Order::InOrder,
            candidates: 3,
            asked_at: at(asked),
            answered_by: round.map(|_| LegId { call: call(n), no: 3 }),
            answered_round: round,
            ended_at: Some(at(ended)),
            result: Some(result),
        }
    }

    fn rate(hits: u64, of: u64) -> Rate {
        Rate { hits, of }
    }

    /// Counted by hand: eight requests, of which five were reached, three of these at once.
    fn table() -> Vec<RequestRow> {
        use RequestEnd::{CallerGone, Cancelled, NobodyReached, Reached};
        let mut rows = vec![
            request(1, 0, 3_000, Reached, Some(1)),
            request(2, 0, 4_000, Reached, Some(1)),
            request(3, 0, 25_000, Reached, Some(2)),
            request(4, 0, 60_000, NobodyReached, None),
            // Just within 10 s, and just not.
            request(5, 0, 10_000, CallerGone, None),
            request(6, 0, 10_001, CallerGone, None),
            request(7, 3_600_000, 3_605_000, Reached, Some(1)),
            request(8, 3_600_000, 3_605_000, Cancelled, None),
            request(9, 3_599_999, 3_640_000, Reached, Some(3)),
        ];
        rows[6].about = About { item: None, department: "tax".to_owned() };
        // A fourth party, and one that is still rung: in no figure.
        rows.push(RequestRow { part: CallPart::Guest, ..request(10, 0, 1, Reached, Some(1)) });
        rows.push(RequestRow { ended_at: None, result: None, ..request(11, 0, 1, Reached, None) });
        rows
    }

    #[test]
    fn the_connect_rate_is_counted_by_hand() {
        let all = connect(&table(), ConnectBy::Nothing);
        let counted = &all[""];
        assert_eq!((counted.all, counted.without_short, counted.first), (rate(5, 9), rate(5, 8), rate(3, 9)));
        assert_eq!(counted.rounds, BTreeMap::from([(1, 3), (2, 1), (3, 1)]));
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn it_is_shown_apart_by_department_item_and_hour() {
        let keys = |by| {
            let found = connect(&table(), by).into_iter().map(|(key, one)| (key, (one.all.hits, one.all.of)));
            found.collect::<Vec<_>>()
        };
        let key = |text: &str, hits, of| (text.to_owned(), (hits, of));
        assert_eq!(keys(ConnectBy::Department), [key("hrss", 4, 8), key("tax", 1, 1)]);
        assert_eq!(keys(ConnectBy::Item), [key("", 1, 1), key("permit", 4, 8)]);
        assert_eq!(keys(ConnectBy::Hour), [key("14", 4, 7), key("15", 1, 2)]);
    }

    fn attempt(no: u16, party: &str, ring: i64, cause: Option<Cause>, request: Option<u32>) -> AttemptRow {
        AttemptRow {
            leg: LegId { call: call(1), no },
            part: CallPart::Professional,
            party: Some(Party::Number(Number::parse(party).unwrap())),
            request,
            round: 1,
            rung_at: at(0),
            ringing_at: None,
            ended_at: cause.map(|_| at(ring)),
            cause,
            declined: None,
        }
    }

    #[test]
    fn declines_are_told_by_reason_of_those_that_gave_one() {
        use DeclineReason::{Busy, NotMine};
        let declined = |no, why, request| AttemptRow {
            declined: why,
            ..attempt(no, "02112345", 3_000, Some(Cause::Declined), request)
        };
        let attempts = [
            declined(2, Some(NotMine), Some(1)),
            declined(3, Some(NotMine), Some(2)),
            declined(4, Some(Busy), Some(2)),
            // A telephone says none; an operator's own ring is no attempt of a request.
            declined(5, None, Some(2)),
            declined(6, Some(Busy), None),
        ];
        assert_eq!(declines(&attempts), BTreeMap::from([(Busy, 1), (NotMine, 2)]));
        assert_eq!(causes(&attempts)[&Cause::Declined], 4);
    }

    #[test]
    fn numbers_are_judged_by_what_was_up_to_them() {
        let attempts = [
            attempt(2, "02112345", 6_000, Some(Cause::Answered), Some(1)),
            attempt(3, "02112345", 20_000, Some(Cause::NoAnswer), Some(1)),
            attempt(4, "02112345", 20_000, Some(Cause::Busy), Some(2)),
            attempt(5, "02112345", 7_000, Some(Cause::Elsewhere), Some(2)),
            attempt(6, "02112345", 7_000, Some(Cause::CallerGone), Some(2)),
            attempt(7, "02154321", 9_500, Some(Cause::Answered), Some(2)),
            attempt(8, "02154321", 0, None, Some(3)),
            // An operator's own ring is no attempt of a request.
            attempt(9, "02154321", 1_000, Some(Cause::Answered), None),
        ];
        let found: Vec<Rate> = by_party(&attempts).into_values().collect();
        assert_eq!(found, [rate(1, 3), rate(1, 1)]);
        let counts = causes(&attempts);
        assert_eq!((counts.values().sum::<u64>(), counts[&Cause::Answered]), (6, 2));
        let ring = ring_time(&attempts);
        assert_eq!((ring.of, ring.sum, ring.longest), (2, 15_500, Some(9_500)));
        assert_eq!((ring.percentile(50), ring.percentile(90)), (Some(6), Some(10)));
        let first = request(1, 0, 1, RequestEnd::Reached, Some(1));
        assert_eq!(attempts_of(&attempts, &first).len(), 2);
    }

    fn offered(n: u128, answered: Option<i64>, ended: Option<i64>, because: Option<CallEnd>) -> CallRow {
        CallRow {
            call: call(n),
            origin: CallOrigin::Hotline,
            conversation: None,
            team: TeamId(1),
            item: None,
            is_first: false,
            began_at: at(0),
            answered_at: answered.map(at),
            operator: None,
            stars: None,
            ended_at: ended.map(at),
            because,
        }
    }

    #[test]
    fn the_service_level_is_15_seconds_to_the_millisecond() {
        let gone = Some(CallEnd::Abandoned);
        let mut calls = vec![
            offered(1, Some(15_000), Some(60_000), Some(CallEnd::Completed)),
            offered(2, Some(15_001), None, None),
            offered(3, None, Some(10_000), gone),
            offered(4, None, Some(10_001), gone),
            offered(5, None, None, None),
        ];
        calls.push(CallRow { origin: CallOrigin::CallMe, ..offered(6, Some(1), None, None) });
        let before = service(&calls, at(15_000));
        assert_eq!((before.within, before.abandoned, before.short_abandons), (rate(1, 4), rate(2, 4), 1));
        let after = service(&calls, at(15_001));
        assert_eq!(
            (after.within, after.abandoned),
            (rate(1, 5), rate(2, 4)),
            "whoever waits on was not answered in time"
        );
        assert_eq!((after.wait.of, after.wait.longest), (2, Some(15_001)));
    }

    #[test]
    fn handling_is_all_that_operators_spent_on_a_call() {
        let leg = |n: u128, no, part, from: i64, to: Option<i64>| LegRow {
            leg: LegId { call: call(n), no },
            part,
            party: None,
            joined_at: at(from),
            ended_at: to.map(at),
            because: to.map(|_| LegEnd::Released),
        };
        let wrap_up = |n: u128, from: i64, to: Option<i64>| WrapUpRow {
            call: call(n),
            agent: AgentId::new(1),
            began_at: at(from),
            until: at(from + 60_000),
            ended_at: to.map(at),
            end: to.map(|_| WrapUpEnd::Done),
            disposition: to.map(|_| Disposition::Solved),
        };
        let legs = [
            leg(1, 1, CallPart::Caller, 0, Some(90_000)),
            leg(1, 2, CallPart::Operator, 5_000, Some(30_000)),
            leg(1, 3, CallPart::Professional, 20_000, Some(90_000)),
            // Came back.
            leg(1, 4, CallPart::Operator, 80_000, Some(90_000)),
            leg(2, 2, CallPart::Operator, 0, Some(10_000)),
            leg(3, 2, CallPart::Operator, 0, None),
        ];
        let wrap_ups = [wrap_up(1, 90_000, Some(105_000)), wrap_up(2, 10_000, None)];
        let tally = handling(&legs, &wrap_ups);
        assert_eq!((tally.of, tally.sum), (1, 25_000 + 10_000 + 15_000), "what goes on is not counted yet");
    }

    #[test]
    fn under_90_percent_of_the_last_hour_is_an_alert_until_92() {
        let mut rolling = Rolling::new(AlertSettings::default());
        let mut n = 0;
        let mut add = |rolling: &mut Rolling, ms, is_reached| {
            n += 1;
            let result = if is_reached { RequestEnd::Reached } else { RequestEnd::NobodyReached };
            rolling.add(&request(n, ms, ms, result, None))
        };
        for minute in 0..18 {
            assert_eq!(add(&mut rolling, minute * MINUTE, true), None);
        }
        // 18 of 20 are 90 %: no alert; 18 of 21 are.
        assert_eq!([add(&mut rolling, 18 * MINUTE, false), add(&mut rolling, 18 * MINUTE, false)], [None, None]);
        assert_eq!(add(&mut rolling, 19 * MINUTE, false), Some(true));
        // 34 of 37 are 91.9 %, 35 of 38 are 92.1 %.
        for _ in 0..16 {
            assert_eq!(add(&mut rolling, 20 * MINUTE, true), None);
        }
        assert_eq!(rolling.rate(), rate(34, 37));
        assert_eq!(add(&mut rolling, 20 * MINUTE, true), Some(false));
        // The first one is forgotten an hour after it, to the millisecond.
        assert_eq!(rolling.next_deadline(), Some(at(60 * MINUTE)));
        rolling.pass_time(at(60 * MINUTE - 1));
        assert_eq!(rolling.rate(), rate(35, 38));
        rolling.pass_time(at(60 * MINUTE));
        assert_eq!(rolling.rate(), rate(34, 37));
    }

    #[test]
    fn few_requests_are_no_alert_and_one_ends_when_they_become_few() {
        let mut rolling = Rolling::new(AlertSettings::default());
        for n in 0..19 {
            assert_eq!(rolling.add(&request(n, 0, 0, RequestEnd::NobodyReached, None)), None);
        }
        assert_eq!(rolling.add(&request(20, 1, 1, RequestEnd::NobodyReached, None)), Some(true));
        let guest = RequestRow { part: CallPart::Guest, ..request(21, 2, 2, RequestEnd::NobodyReached, None) };
        assert_eq!((rolling.add(&guest), rolling.rate().of), (None, 20), "a fourth party is no three-way request");
        assert_eq!(rolling.pass_time(at(60 * MINUTE)), Some(false));
    }
}
