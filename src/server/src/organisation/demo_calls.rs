//! Calls of the last days for `serve --demo`, so that the figures of calls show something: made up, and told by the rules of
//! calls themselves, which are given what people and telephones might have done. Whatever shows them says that they are the
//! demo's ([`is_demo_call`]).

use std::collections::BTreeMap;

use bangban_domain::{
    AgentId, CallId, TeamId, Timestamp,
    calendar::{Calendar, Holidays, date_of},
    call::{
        About, CallOrigin, Calls, Command, DeclineReason, Disposition, Effect, Failure, Goal, Input, LegId, Number,
        Order, Party, Plan, Row, Settings,
    },
    org::{Directory, GENERAL},
    time::{DAY, HOUR, MINUTE, Millis, SECOND},
};
use bangban_store::{CallChange, CallPlace, Change, StaffRow, Store, Unit};

/// So many days before today.
const DAYS: i64 = 14;

/// The last hour stays empty: the alert of the connect rate is about what really happened.
const QUIET: Millis = HOUR + 10 * MINUTE;

/// Spans in which the demo's callers call: the official hours.
const SPANS: [(Millis, Millis); 2] = [(9 * HOUR, 11 * HOUR + 30 * MINUTE), (13 * HOUR + 30 * MINUTE, 17 * HOUR)];

/// Calls of a working day, and of another one.
const CALLS: [i64; 2] = [42, 10];

/// The queue of the hotline in the demo.
const TEAM: &str = "hotline";

/// Is it one of these? Their ids are small numbers; others begin with their time (UUID version 7).
#[must_use]
pub const fn is_demo_call(call: CallId) -> bool {
    call.raw() >> 64 == 0
}

/// Numbers that look like chance, the same ones for each call whenever it is told (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True for so many of a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Milliseconds between two numbers of seconds.
    fn span(&mut self, from: i64, to: i64) -> Millis {
        let width = u64::try_from((to - from) * SECOND).unwrap_or_default();
        from * SECOND + i64::try_from(self.below(width)).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(of.len() as u64)).ok()?;
        of.get(at)
    }
}

/// Who and what takes part in the demo's calls.
struct Stage {
    operators: Vec<AgentId>,
    /// Item, its department, and whom a request about it rings.
    matters: Vec<(About, Vec<Party>)>,
}

impl Stage {
    fn of(directory: &Directory, staff: &[StaffRow]) -> Self {
        let in_team = |team: &str| {
            let is_in = |member: &&StaffRow| member.teams.iter().any(|one| one.team == team);
            staff.iter().filter(is_in).map(|member| member.id).collect::<Vec<_>>()
        };
        let matters = directory.items().filter(|(_, item)| item.high_frequency).filter_map(|(code, item)| {
            let about = About { item: Some(code.to_owned()), department: item.department.clone() };
            let own = item.numbers.iter().map(|one| one.number.as_str());
            let shared = directory.transfer_numbers().map(|(_, one)| one).filter(|one| {
                one.items.iter().any(|item| item == code) || one.items.is_empty() && one.unit == item.department
            });
            let numbers = own.chain(shared.map(|one| one.number.as_str())).filter_map(Number::parse);
            let people = in_team(directory.team_of(Some(code))).into_iter().take(2).map(Party::Agent);
            let parties: Vec<Party> = people.chain(numbers.map(Party::Number)).take(4).collect();
            (parties.len() > 1).then_some((about, parties))
        });
        Self { operators: in_team(TEAM), matters: matters.take(60).collect() }
    }
}

/// One call while it is told.
struct Told {
    core: Calls,
    call: CallId,
    at: Timestamp,
    /// The last version of each row, by kind and number.
    rows: BTreeMap<(u8, u32, i64), Row>,
}

impl Told {
    fn new(call: CallId, at: Timestamp) -> Self {
        Self { core: Calls::new(Settings::default()), call, at, rows: BTreeMap::new() }
    }

    const fn leg(&self, no: u16) -> LegId {
        LegId { call: self.call, no }
    }

    /// Lets something happen after a while; who is rung because of it. What the rules refuse has not happened.
    fn after(&mut self, span: Millis, input: Input) -> Option<(LegId, Option<Party>)> {
        self.at = self.at + span;
        let mut effects = Vec::new();
        self.core.handle(self.at, input, &mut effects).ok();
        let mut rung = None;
        for effect in effects {
            match effect {
                Effect::Save(row) => {
                    let key = match &row {
                        Row::Call(_) => (0, 0, 0),
                        Row::Request(one) => (1, one.number, 0),
                        Row::Attempt(one) => (2, u32::from(one.leg.no), 0),
                        Row::Leg(one) => (3, u32::from(one.leg.no), 0),
                        Row::WrapUp(one) => (4, 0, one.began_at.0),
                    };
                    self.rows.insert(key, row);
                }
                Effect::Ring { leg, party, .. } => rung = Some((leg, party)),
                _ => {}
            }
        }
        rung
    }

    fn commanded(&mut self, span: Millis, by: AgentId, command: Command) -> Option<(LegId, Option<Party>)> {
        self.after(span, Input::Commanded { call: self.call, by, supervises: false, command })
    }

    /// Until nothing is left to happen.
    fn end(&mut self) {
        while let Some(next) = self.core.next_deadline() {
            self.after(next.since(self.at).max(0), Input::Tick);
        }
    }
}

/// What became of somebody who is rung; whether they came, and who is rung next.
fn ring(
    told: &mut Told,
    dice: &mut Dice,
    (leg, party): (LegId, Option<Party>),
) -> (bool, Option<(LegId, Option<Party>)>) {
    let is_person = matches!(party, Some(Party::Agent(_)));
    told.after(dice.span(0, 1), Input::Ringing(leg));
    match dice.below(100) {
        0..84 => {
            told.after(dice.span(2, 14), Input::Answered(leg));
            (true, None)
        }
        84..88 => (false, told.after(dice.span(0, 1), Input::Failed(leg, Failure::Busy))),
        88..96 if is_person => {
            let reasons = [DeclineReason::Busy, DeclineReason::NotMine, DeclineReason::NotMine, DeclineReason::Other];
            let why = dice.pick(&reasons).copied().unwrap_or(DeclineReason::Other);
            (false, told.after(dice.span(2, 8), Input::Declined(leg, why)))
        }
        _ => {
            let left = told.core.next_deadline().map_or(0, |at| at.since(told.at).max(0));
            (false, told.after(left, Input::Tick))
        }
    }
}

/// The rows of one call.
fn tell(call: CallId, began_at: Timestamp, stage: &Stage) -> Option<Vec<Row>> {
    let seed = u64::try_from(call.raw()).unwrap_or_default();
    let mut dice = Dice(seed);
    let mut told = Told::new(call, began_at);
    // Calls follow each other; who answered the last one is not free yet.
    let operator = *stage.operators.get(usize::try_from(seed).unwrap_or_default() % stage.operators.len().max(1))?;
    let (about, parties) = dice.pick(&stage.matters)?.clone();
    let caller = told.leg(1);
    let arrived = Input::Arrived {
        call,
        origin: if dice.chance(15) { CallOrigin::Browser } else { CallOrigin::Hotline },
        conversation: None,
        team: TeamId(0),
        item: about.item.clone(),
        is_first: dice.chance(20),
        direct: None,
    };
    told.after(0, arrived);
    if dice.chance(3) {
        told.after(dice.span(4, 40), Input::HungUp(caller));
        told.end();
        return Some(told.rows.into_values().collect());
    }
    let (desk, _) = told.after(dice.span(1, 12), Input::OperatorFound { call, agent: operator })?;
    told.after(dice.span(0, 1), Input::Ringing(desk));
    let slow = if dice.chance(8) { 12 } else { 0 };
    told.after(slow * SECOND + dice.span(1, 4), Input::Answered(desk));
    let mut disposition = Disposition::Solved;
    if dice.chance(66) {
        let plan = Plan { about, candidates: parties, order: Order::InOrder };
        let request = Command::Request { plan, goal: if dice.chance(70) { Goal::Consult } else { Goal::Join } };
        let mut rung = told.commanded(dice.span(20, 90), operator, request);
        let mut has_come = false;
        while let Some(one) = rung.take() {
            if dice.chance(2) {
                // The caller does not wait any longer.
                break;
            }
            (has_come, rung) = ring(&mut told, &mut dice, one);
        }
        disposition = if has_come { Disposition::PutThrough } else { Disposition::CallBack };
        if has_come {
            told.commanded(dice.span(8, 50), operator, Command::Merge);
            if dice.chance(45) {
                told.commanded(dice.span(10, 60), operator, Command::Leave);
                told.after(dice.span(8, 45), Input::WrappedUp { call, by: operator, disposition });
            }
        }
    }
    told.after(dice.span(30, 240), Input::HungUp(caller));
    told.after(dice.span(8, 50), Input::WrappedUp { call, by: operator, disposition });
    told.end();
    Some(told.rows.into_values().collect())
}

/// The demo's calls of each day up to `now`, the oldest day first.
fn calls(directory: &Directory, staff: &[StaffRow], holidays: &Holidays, now: Timestamp) -> Vec<Vec<Row>> {
    let stage = Stage::of(directory, staff);
    let today = Calendar::day_start(now);
    let longest: Millis = SPANS.iter().map(|(from, to)| to - from).sum();
    (-DAYS..=0)
        .map(|back| {
            let start = today + back * DAY;
            let count = CALLS[usize::from(!holidays.is_working_day(date_of(start)))];
            let one = |n: i64| {
                // Evenly over the spans.
                let mut at = longest * n / count;
                let mut begin = start;
                for (from, to) in SPANS {
                    begin = start + from + at;
                    if at < to - from {
                        break;
                    }
                    at -= to - from;
                }
                let number = u128::try_from(start.0 / DAY * 1_000 + n).unwrap_or_default();
                tell(CallId::new(number), begin, &stage).filter(|rows| rows.iter().all(|row| is_over(row, now - QUIET)))
            };
            (0..count).filter_map(one).flatten().collect()
        })
        .collect()
}

/// Was it over before this instant?
fn is_over(row: &Row, before: Timestamp) -> bool {
    let ended_at = match row {
        Row::Call(row) => row.ended_at,
        Row::Request(row) => row.ended_at,
        Row::Attempt(row) => row.ended_at,
        Row::Leg(row) => row.ended_at,
        Row::WrapUp(row) => row.ended_at,
    };
    ended_at.is_some_and(|at| at < before)
}

/// Puts the demo's calls of the last days where there never was a call.
///
/// # Errors
/// Whatever the store says.
pub async fn seed_calls(
    store: &Store,
    directory: &Directory,
    holidays: &Holidays,
    now: Timestamp,
) -> anyhow::Result<()> {
    let first = CallPlace::before(Timestamp(0));
    if !store.archive().calls_begun(&first, Timestamp(i64::MAX), 1).await?.is_empty() {
        return Ok(());
    }
    let staff = store.staff().await?;
    let team = if directory.team(TEAM).is_some() { TEAM } else { GENERAL };
    for rows in calls(directory, &staff, holidays, now) {
        let change = |row: Row| {
            let team = matches!(row, Row::Call(_)).then(|| team.to_owned());
            Change::Call(CallChange::Row { row: Box::new(row), team })
        };
        let changes: Vec<Change> = rows.into_iter().map(change).collect();
        store.commit(Unit { changes, ..Unit::default() }).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bangban_domain::call::{
        Cause,
        figures::{ConnectBy, causes, connect, declines, service},
    };
    use bangban_store::Membership;

    use super::*;
    use crate::organisation::demo;

    /// 2026-11-24, a Tuesday, 16:00 in Shanghai.
    const NOW: Timestamp = Timestamp(1_795_507_200_000);

    fn days() -> Vec<Vec<Row>> {
        let people = demo::demo_staff().unwrap().into_iter().zip(1..);
        let staff: Vec<StaffRow> = people
            .map(|(member, n)| StaffRow {
                teams: member.teams.iter().map(Membership::new).collect(),
                ..StaffRow::new(AgentId::new(n), &member.login, &member.name).with_role(member.role)
            })
            .collect();
        calls(&demo::directory().unwrap(), &staff, &Holidays::default(), NOW)
    }

    #[test]
    fn the_demos_calls_are_over_by_the_rules_and_stay_away_from_the_last_hour() {
        let days = days();
        assert_eq!(days.len(), 15);
        assert_eq!(days, self::days(), "the same ones at every start of a day");
        let (mut called, mut requests, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
        for row in days.iter().flatten() {
            assert!(is_over(row, NOW - HOUR), "{row:?}");
            match row {
                Row::Call(row) => called.push(row.clone()),
                Row::Request(row) => requests.push(row.clone()),
                Row::Attempt(row) => {
                    assert!(row.cause.is_some());
                    attempts.push(row.clone());
                }
                Row::Leg(_) | Row::WrapUp(_) => {}
            }
        }
        assert!(called.iter().all(|row| is_demo_call(row.call)) && !is_demo_call(CallId::new(crate::desk::new_id())));
        // Working days have 42 calls, Saturdays and Sundays 10; today those of the morning and the first afternoon.
        let of = |day: &Vec<Row>| day.iter().filter(|row| matches!(row, Row::Call(_))).count();
        let counts: Vec<usize> = days.iter().map(of).collect();
        assert_eq!(counts[..14], [42, 42, 42, 42, 10, 10, 42, 42, 42, 42, 42, 10, 10, 42]);
        assert!((20..35).contains(&counts[14]), "{}", counts[14]);
        let rate = connect(&requests, ConnectBy::Nothing)[""].all;
        let percent = rate.hits * 100 / rate.of;
        assert!((90..=99).contains(&percent), "{rate:?}");
        assert!(causes(&attempts)[&Cause::NoAnswer] > 5 && declines(&attempts).len() == 3, "{:?}", declines(&attempts));
        let service = service(&called, NOW);
        assert!(service.abandoned.hits > 3 && service.within.hits * 100 / service.within.of > 80, "{service:?}");
    }
}
