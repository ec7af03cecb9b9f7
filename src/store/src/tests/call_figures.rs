//! Rows of calls page by page, on both databases: nothing twice, nothing left out, and the figures of the pages are those that
//! statements written by hand count.

use bangban_domain::{
    AgentId, CallId, TeamId, Timestamp,
    call::{
        About, AttemptRow, CallEnd, CallOrigin, CallPart, CallRow, Cause, LegEnd, LegId, LegRow, Number, Order, Party,
        RequestEnd, RequestRow, Row, WrapUpRow,
        figures::{ConnectBy, by_party, connect, handling, service},
        sound::{HeardLeg, LegSound, Sample},
    },
};
use sqlx::Row as _;

use super::open;
use crate::{CallChange, CallPlace, Change, RequestPlace, Store, Unit, testing::TestDatabase};

on_both! {
    pages_of_requests_leave_nothing_out_and_say_nothing_twice,
    the_figures_of_calls_are_those_that_sql_counts,
    how_legs_sounded_stays_with_their_rows,
}

const HOUR: i64 = 3_600_000;

fn request(call: u128, number: u32, ended: Option<i64>, result: Option<RequestEnd>, round: Option<u32>) -> RequestRow {
    RequestRow {
        call: CallId::new(call),
        number,
        part: if number == 9 { CallPart::Guest } else { CallPart::Professional },
        by: Some(AgentId::new(1)),
        about: About {
            item: (!call.is_multiple_of(3)).then(|| "permit".to_owned()),
            department: if call.is_multiple_of(2) { "hrss" } else { "tax" }.to_owned(),
        },
        order: Order::InOrder,
        candidates: 2,
        asked_at: Timestamp(ended.unwrap_or(HOUR) - 8_000),
        answered_by: round.map(|_| LegId { call: CallId::new(call), no: 3 }),
        answered_round: round,
        ended_at: ended.map(Timestamp),
        result,
    }
}

fn attempt(call: u128, leg: u16, request: Option<u32>, party: Party, at: i64, cause: Option<Cause>) -> AttemptRow {
    AttemptRow {
        leg: LegId { call: CallId::new(call), no: leg },
        part: CallPart::Professional,
        party: Some(party),
        request,
        round: u32::from(leg),
        rung_at: Timestamp(at),
        ringing_at: Some(Timestamp(at + 500)),
        ended_at: cause.map(|_| Timestamp(at + 4_000)),
        cause,
        declined: None,
    }
}

async fn write(store: &Store, rows: Vec<Row>) {
    let change = |row: Row| Change::Call(CallChange::Row { row: Box::new(row), team: Some("general".to_owned()) });
    store.commit(Unit { changes: rows.into_iter().map(change).collect(), ..Unit::default() }).await.unwrap();
}

fn desk() -> Party {
    Party::Number(Number::parse("021-00000100").unwrap())
}

/// 40 requests, of which three were decided at the same instant; an open one, one before and one at the end of the time.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for call in 1..=40_u128 {
        let at = HOUR + i64::try_from(call / 3).unwrap() * 1_000;
        let (result, round) = match call % 4 {
            0 => (RequestEnd::NobodyReached, None),
            1 => (RequestEnd::CallerGone, None),
            _ => (RequestEnd::Reached, Some(u32::from(call % 4 == 3) + 1)),
        };
        rows.push(Row::Request(request(call, 1, Some(at), Some(result), round)));
        let cause = if round.is_some() { Cause::Answered } else { Cause::NoAnswer };
        rows.push(Row::Attempt(attempt(
            call,
            2,
            Some(1),
            Party::Agent(AgentId::new(call % 5)),
            at - 8_000,
            Some(Cause::Busy),
        )));
        rows.push(Row::Attempt(attempt(call, 3, Some(1), desk(), at - 4_000, Some(cause))));
        // An operator's own ring is of no request.
        rows.push(Row::Attempt(attempt(
            call,
            1,
            None,
            Party::Agent(AgentId::new(9)),
            at - 9_000,
            Some(Cause::Answered),
        )));
    }
    rows.push(Row::Request(request(50, 1, None, None, None)));
    rows.push(Row::Request(request(51, 1, Some(HOUR - 1), Some(RequestEnd::Reached), Some(1))));
    rows.push(Row::Request(request(52, 1, Some(2 * HOUR), Some(RequestEnd::Reached), Some(1))));
    // A fourth party.
    rows.push(Row::Request(request(4, 9, Some(HOUR + 500), Some(RequestEnd::Reached), Some(1))));
    rows
}

async fn pages_of_requests_leave_nothing_out_and_say_nothing_twice(db: TestDatabase) {
    let (store, _) = open(&db).await;
    write(&store, rows()).await;
    let archive = store.archive();
    let whole =
        archive.decided_requests(&RequestPlace::before(Timestamp(HOUR)), Timestamp(2 * HOUR), 1_000).await.unwrap();
    assert_eq!(whole.len(), 41, "not what is open, before or at the end");
    assert!(whole.is_sorted_by_key(RequestPlace::of));
    for limit in [1, 2, 7] {
        let (mut paged, mut attempts) = (Vec::new(), Vec::new());
        let mut after = RequestPlace::before(Timestamp(HOUR));
        loop {
            let page = archive.decided_requests(&after, Timestamp(2 * HOUR), limit).await.unwrap();
            let Some(until) = page.last().and_then(RequestPlace::of) else { break };
            attempts.extend(archive.attempts_of_requests(&after, &until).await.unwrap());
            paged.extend(page);
            after = until;
        }
        assert_eq!(paged, whole, "{limit}");
        assert_eq!(attempts.len(), 80, "two of each request, none of an operator's ring");
    }
    store.close().await;
}

async fn the_figures_of_calls_are_those_that_sql_counts(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let mut all = rows();
    for call in 1..=6_u128 {
        let began = HOUR + i64::try_from(call).unwrap() * 60_000;
        let waited = [14_999, 15_000, 15_001, 40_000, 3_000, 9_000][usize::try_from(call).unwrap() - 1];
        let is_abandoned = call > 4;
        all.push(Row::Call(CallRow {
            call: CallId::new(call),
            origin: if call == 4 { CallOrigin::CallMe } else { CallOrigin::Hotline },
            conversation: None,
            team: TeamId(0),
            item: None,
            is_first: false,
            began_at: Timestamp(began),
            answered_at: (!is_abandoned).then_some(Timestamp(began + waited)),
            operator: None,
            stars: None,
            ended_at: Some(Timestamp(began + waited + 60_000 * i64::from(!is_abandoned))),
            because: Some(if is_abandoned { CallEnd::Abandoned } else { CallEnd::Completed }),
        }));
        all.push(Row::Leg(LegRow {
            leg: LegId { call: CallId::new(call), no: 2 },
            part: if call == 3 { CallPart::Professional } else { CallPart::Operator },
            party: None,
            joined_at: Timestamp(began + waited),
            ended_at: Some(Timestamp(began + waited + 30_000)),
            because: Some(LegEnd::Released),
        }));
        all.push(Row::WrapUp(WrapUpRow {
            call: CallId::new(call),
            agent: AgentId::new(1),
            began_at: Timestamp(began + 90_000),
            until: Timestamp(began + 150_000),
            ended_at: Some(Timestamp(began + 100_000)),
            end: Some(bangban_domain::call::WrapUpEnd::Done),
            disposition: Some(bangban_domain::call::Disposition::Solved),
        }));
    }
    write(&store, all).await;
    let archive = store.archive();
    let one = |sql: &'static str| {
        let store = &store;
        async move {
            let row = sqlx::query(sql).bind(HOUR).bind(2 * HOUR).fetch_one(&store.readers).await.unwrap();
            u64::try_from(row.try_get::<i64, _>("n").unwrap()).unwrap()
        }
    };
    let (first, to) = (RequestPlace::before(Timestamp(HOUR)), Timestamp(2 * HOUR));
    let requests = archive.decided_requests(&first, to, 1_000).await.unwrap();
    let last = RequestPlace::of(requests.last().unwrap()).unwrap();
    let attempts = archive.attempts_of_requests(&first, &last).await.unwrap();
    let total = &connect(&requests, ConnectBy::Nothing)[""];
    let decided =
        "SELECT COUNT(*) AS n FROM call_request WHERE part = 'professional' AND ended_at >= $1 AND ended_at < $2";
    assert_eq!(total.all.of, one(decided).await);
    let reached = "SELECT COUNT(*) AS n FROM call_request WHERE part = 'professional' AND result = 'reached' \
                   AND ended_at >= $1 AND ended_at < $2";
    assert_eq!(total.all.hits, one(reached).await);
    assert_eq!((total.all.hits, total.all.of), (20, 40));
    let short = "SELECT COUNT(*) AS n FROM call_request WHERE part = 'professional' AND result = 'caller_gone' \
                 AND ended_at - asked_at <= 10000 AND ended_at >= $1 AND ended_at < $2";
    assert_eq!(total.all.of - total.without_short.of, one(short).await);
    let at_once = "SELECT COUNT(*) AS n FROM call_request WHERE part = 'professional' AND answered_round = 1 \
                   AND ended_at >= $1 AND ended_at < $2";
    assert_eq!(total.first.hits, one(at_once).await);
    let apart = connect(&requests, ConnectBy::Department);
    let hrss = "SELECT COUNT(*) AS n FROM call_request WHERE part = 'professional' AND department = 'hrss' \
                AND ended_at >= $1 AND ended_at < $2";
    assert_eq!(apart["hrss"].all.of, one(hrss).await);
    let of_desk = "SELECT COUNT(*) AS n FROM call_attempt a JOIN call_request r ON r.call_id = a.call_id \
                   AND r.number = a.request WHERE a.telephone = '02100000100' AND a.cause = 'answered' \
                   AND r.ended_at >= $1 AND r.ended_at < $2";
    assert_eq!(by_party(&attempts)[&desk()].hits, one(of_desk).await);

    let calls = archive.calls_begun(&CallPlace::before(Timestamp(HOUR)), to, 1_000).await.unwrap();
    assert!(calls.iter().all(|(_, team)| team == "general"));
    let served = service(calls.iter().map(|(row, _)| row), Timestamp(3 * HOUR));
    let within = "SELECT COUNT(*) AS n FROM phone_call WHERE origin IN ('hotline', 'browser') \
                  AND answered_at - began_at <= 15000 AND began_at >= $1 AND began_at < $2";
    assert_eq!(served.within.hits, one(within).await);
    assert_eq!((served.within.of, served.abandoned.hits, served.short_abandons), (5, 2, 2));
    let last = CallPlace::of(&calls.last().unwrap().0);
    let (legs, wrap_ups) = archive.operators_times(&CallPlace::before(Timestamp(HOUR)), &last).await.unwrap();
    let spent = handling(&legs, &wrap_ups);
    let talked = "SELECT CAST(SUM(l.ended_at - l.joined_at) AS BIGINT) AS n FROM call_leg l JOIN phone_call c \
                  ON c.id = l.call_id WHERE l.part = 'operator' AND c.began_at >= $1 AND c.began_at < $2";
    let wrapped = "SELECT CAST(SUM(w.ended_at - w.began_at) AS BIGINT) AS n FROM call_wrap_up w JOIN phone_call c \
                   ON c.id = w.call_id WHERE c.began_at >= $1 AND c.began_at < $2";
    assert_eq!(u64::try_from(spent.sum).unwrap(), one(talked).await + one(wrapped).await);
    assert_eq!(spent.of, 6);
    // In pages of one, the same.
    let mut after = CallPlace::before(Timestamp(HOUR));
    let mut paged = 0;
    while let Some(until) = archive.calls_begun(&after, to, 1).await.unwrap().last().map(|(row, _)| CallPlace::of(row))
    {
        let (legs, wrap_ups) = archive.operators_times(&after, &until).await.unwrap();
        paged += handling(&legs, &wrap_ups).sum;
        after = until;
    }
    assert_eq!(paged, spent.sum);
    store.close().await;
}

async fn how_legs_sounded_stays_with_their_rows(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let mut all = rows();
    let leg_row = |call: u128, no: u16, part| LegRow {
        leg: LegId { call: CallId::new(call), no },
        part,
        party: None,
        joined_at: Timestamp(HOUR),
        ended_at: None,
        because: None,
    };
    for call in 1..=5_u128 {
        all.push(Row::Call(CallRow {
            call: CallId::new(call),
            origin: CallOrigin::Hotline,
            conversation: None,
            team: TeamId(0),
            item: None,
            is_first: false,
            began_at: Timestamp(HOUR + i64::try_from(call).unwrap()),
            answered_at: None,
            operator: None,
            stars: None,
            ended_at: None,
            because: None,
        }));
        all.push(Row::Leg(leg_row(call, 1, CallPart::Caller)));
        all.push(Row::Leg(leg_row(call, 3, CallPart::Professional)));
    }
    write(&store, all).await;
    let sound = |lost| {
        let mut sound = LegSound::default();
        sound.add(&Sample { received: 250 - lost, lost, late_ticks: 1, ..Sample::default() });
        sound
    };
    let hear = async |call: u128, no: u16, sound| {
        let change = CallChange::Heard { leg: LegId { call: CallId::new(call), no }, sound };
        store.commit(Unit { changes: vec![Change::Call(change)], ..Unit::default() }).await.unwrap();
    };
    for call in 1..=4 {
        hear(call, 1, sound(1)).await;
    }
    // 2 and 3 were answered by leg 3; 1 and 4 were not.
    hear(2, 3, sound(5)).await;
    hear(2, 3, sound(50)).await;
    hear(3, 3, sound(25)).await;
    hear(5, 9, sound(9)).await;
    // The row is written again when the leg ends: what it says of its sound stays.
    write(
        &store,
        vec![Row::Leg(LegRow { ended_at: Some(Timestamp(2 * HOUR)), ..leg_row(2, 3, CallPart::Professional) })],
    )
    .await;

    let archive = store.archive();
    let heard =
        |call: u128, no, part, lost| HeardLeg { leg: LegId { call: CallId::new(call), no }, part, sound: sound(lost) };
    let (caller, professional) = (CallPart::Caller, CallPart::Professional);
    let wanted = vec![
        heard(1, 1, caller, 1),
        heard(2, 1, caller, 1),
        heard(2, 3, professional, 50),
        heard(3, 1, caller, 1),
        heard(3, 3, professional, 25),
        heard(4, 1, caller, 1),
    ];
    let (mut after, mut paged) = (CallPlace::before(Timestamp(HOUR)), Vec::new());
    loop {
        let page = archive.calls_begun(&after, Timestamp(2 * HOUR), 2).await.unwrap();
        let Some(until) = page.last().map(|(row, _)| CallPlace::of(row)) else { break };
        paged.extend(archive.sound_of_calls(&after, &until).await.unwrap());
        after = until;
    }
    assert_eq!(paged, wanted);
    let whole = CallPlace { at: Timestamp(2 * HOUR), call: String::new() };
    let legs = archive.legs_of_calls(&CallPlace::before(Timestamp(HOUR)), &whole).await.unwrap();
    assert_eq!(legs.len(), 10, "also those that were not measured");
    let measured = legs.iter().filter_map(|one| {
        let (leg, part) = (one.row.leg, one.row.part);
        one.sound.map(|sound| HeardLeg { leg, part, sound })
    });
    assert_eq!(measured.collect::<Vec<_>>(), wanted);
    let asked_to_come = legs.iter().filter_map(|one| Some((one.row.leg.call.raw(), one.department.as_deref()?)));
    // In call 4 a fourth party.
    assert_eq!(asked_to_come.collect::<Vec<_>>(), [(2, "hrss"), (3, "tax"), (4, "hrss")]);
    let (mut after, mut paged) = (RequestPlace::before(Timestamp(HOUR)), Vec::new());
    loop {
        let page = archive.decided_requests(&after, Timestamp(2 * HOUR), 3).await.unwrap();
        let Some(until) = page.last().and_then(RequestPlace::of) else { break };
        paged.extend(archive.sound_of_requests(&after, &until).await.unwrap());
        after = until;
    }
    assert_eq!(paged, [wanted[2], wanted[4]]);
    let text = "SELECT COUNT(*) AS n FROM call_leg WHERE quality LIKE '%\"lost\":50,%' AND ended_at IS NOT NULL";
    let row = sqlx::query(text).fetch_one(&store.readers).await.unwrap();
    assert_eq!(row.try_get::<i64, _>("n").unwrap(), 1);
    store.close().await;
}
