//! Every rule with its numbers, and the calendar against days that were looked up by hand.

use jiff::civil::Weekday;
use proptest::prelude::*;

use super::*;
use crate::time::HOUR;

const PERIODS: [&str; 2] = ["09:00-11:30", "13:30-17:00"];

fn holidays() -> Holidays {
    let text = include_str!("../../../../config/calendar/holidays_cn.json");
    serde_json::from_str::<CalendarFile>(text).unwrap().try_into().unwrap()
}

fn calendar() -> Calendar {
    Calendar::new(holidays(), Hours::WorkingDays, &PERIODS).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Local Shanghai time.
fn at(text: &str) -> Timestamp {
    let (date, time) = text.split_once(' ').unwrap();
    midnight(day(date)) + clock_time(time).unwrap()
}

#[test]
fn local_midnight_is_sixteen_hundred_utc_of_the_day_before() {
    let instant: jiff::Timestamp = "2026-11-23T16:00:00Z".parse().unwrap();
    assert_eq!(midnight(day("2026-11-24")), Timestamp(instant.as_millisecond()));
    assert_eq!(Calendar::day_start(at("2026-11-24 23:59")), at("2026-11-24 00:00"));
    assert_eq!(Calendar::day_number(at("2026-11-24 00:00")), "20261124");
}

#[test]
fn both_published_years_have_248_working_days() {
    for year in [2025, 2026] {
        let days = Date::constant(year, 1, 1).series(jiff::Span::new().days(1)).take_while(|date| date.year() == year);
        assert_eq!(days.filter(|date| holidays().is_working_day(*date)).count(), 248, "{year}");
        assert!(!holidays().is_provisional(year));
    }
    assert!(holidays().is_provisional(2027));
}

#[test]
fn every_make_up_day_is_worked_and_every_holiday_is_free() {
    let holidays = holidays();
    let (mut worked, mut free) = (0, 0);
    for (_, days) in holidays.years() {
        for NamedDay { date, .. } in &days.worked {
            assert!(matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday), "{date} needs no make-up");
            assert!(holidays.is_working_day(*date), "{date}");
            worked += 1;
        }
        for NamedDay { date, .. } in &days.off {
            assert!(!holidays.is_working_day(*date), "{date}");
            free += 1;
        }
    }
    assert!(worked > 0 && free > 0);
    for (text, worked) in [
        ("2025-01-26", true),  // Sunday before Spring Festival
        ("2025-01-28", false), // New Year's Eve
        ("2025-02-08", true),  // Saturday after it
        ("2025-10-01", false), // National Day
        ("2025-10-11", true),  // Saturday after it
        ("2026-01-01", false),
        ("2026-02-17", false), // Spring Festival
        ("2026-11-24", true),  // an ordinary Tuesday
        ("2026-11-28", false), // an ordinary Saturday
    ] {
        assert_eq!(holidays.is_working_day(day(text)), worked, "{text}");
    }
}

#[test]
fn humans_answer_in_the_periods_of_working_days_and_not_at_lunch() {
    let calendar = calendar();
    for (text, open, change) in [
        ("2026-11-24 08:59", false, "2026-11-24 09:00"),
        ("2026-11-24 09:00", true, "2026-11-24 11:30"),
        ("2026-11-24 11:29", true, "2026-11-24 11:30"),
        ("2026-11-24 11:30", false, "2026-11-24 13:30"),
        ("2026-11-24 13:30", true, "2026-11-24 17:00"),
        ("2026-11-24 17:00", false, "2026-11-25 09:00"),
        ("2026-11-27 18:00", false, "2026-11-30 09:00"), // Friday evening
        ("2025-01-27 17:00", false, "2025-02-05 09:00"), // eight free days
    ] {
        assert_eq!(calendar.in_service(at(text)), open, "{text}");
        assert_eq!(calendar.next_change(at(text)), Some(at(change)), "{text}");
        let opens = if open { at(text) } else { at(change) };
        assert_eq!(calendar.next_open(at(text)), Some(opens), "{text}");
    }
}

#[test]
fn always_and_never_do_not_change() {
    for (hours, open) in [(Hours::Always, true), (Hours::Never, false)] {
        let calendar = Calendar::new(holidays(), hours, &PERIODS).unwrap();
        let now = at("2026-11-28 03:00");
        assert_eq!((calendar.in_service(now), calendar.next_change(now)), (open, None));
        assert_eq!(calendar.next_open(now).is_some(), open);
    }
}

#[test]
fn working_days_count_from_the_day_after_the_event() {
    let calendar = calendar();
    for (event, days, due, provisional) in [
        ("2026-11-24 10:00", 0, "2026-11-24 17:00", false),
        ("2026-11-24 10:00", 1, "2026-11-25 17:00", false),
        ("2026-11-24 23:30", 5, "2026-12-01 17:00", false), // a weekend between
        ("2026-11-28 10:00", 0, "2026-11-30 17:00", false), // Saturday
        ("2026-11-28 10:00", 1, "2026-11-30 17:00", false),
        ("2025-01-24 16:00", 2, "2025-01-27 17:00", false), // the Sunday is worked
        ("2025-01-27 16:00", 1, "2025-02-05 17:00", false), // Spring Festival
        ("2026-12-30 10:00", 5, "2027-01-06 17:00", true),  // 1 January 2027 counts as a weekday: not published
    ] {
        let expected = Due { at: at(due), is_provisional: provisional };
        assert_eq!(calendar.add_working_days(at(event), days), expected, "{event} + {days}");
    }
}

#[test]
fn a_policy_is_due_on_the_working_day_before_it_takes_effect() {
    let calendar = calendar();
    for (effective, due) in [
        ("2026-12-01 00:00", "2026-11-30 17:00"),
        ("2026-11-30 00:00", "2026-11-27 17:00"),
        ("2025-02-05 00:00", "2025-01-27 17:00"),
    ] {
        assert_eq!(calendar.working_day_before(at(effective)).at, at(due), "{effective}");
    }
}

#[test]
fn slots_lie_in_service_hours_and_begin_after_now() {
    let calendar = calendar();
    let slots: Vec<_> = calendar.slots(at("2026-11-24 16:10"), 30 * MINUTE).take(3).collect();
    let expected = ["2026-11-24 16:30", "2026-11-25 09:00", "2026-11-25 09:30"].map(at);
    assert_eq!(slots, expected.map(|begin| (begin, begin + HOUR / 2)));
    let morning =
        calendar.slots(at("2026-11-24 00:00"), 30 * MINUTE).take_while(|slot| slot.0 < at("2026-11-25 00:00"));
    assert_eq!(morning.count(), 5 + 7, "2.5 h and 3.5 h");
}

#[test]
fn bad_files_and_periods_are_named() {
    for (json, message) in [
        (r#"{"years":{"x":{"days_off":[],"work_days":[]}}}"#, "years.x: not a year"),
        (
            r#"{"years":{"2026":{"days_off":[{"date":"2025-01-01"}],"work_days":[]}}}"#,
            "years.2026.days_off: 2025-01-01 is not in 2026",
        ),
        (
            r#"{"years":{"2026":{"days_off":[{"date":"2026-01-03"}],"work_days":[{"date":"2026-01-03"}]}}}"#,
            "years.2026: 2026-01-03 is in days_off and in work_days",
        ),
    ] {
        let file: CalendarFile = serde_json::from_str(json).unwrap();
        assert_eq!(Holidays::try_from(file).unwrap_err().to_string(), message);
    }
    for periods in [vec!["9-11"], vec!["11:00-09:00"], vec!["09:00-12:00", "11:00-13:00"], vec!["09:00-24:30"]] {
        let refused = Calendar::new(holidays(), Hours::WorkingDays, &periods).unwrap_err();
        assert_eq!(refused, CalendarError::Period((*periods.last().unwrap()).to_owned()));
    }
}

#[test]
fn a_date_of_its_own_hours_has_only_those_and_an_empty_one_is_closed() {
    let hall = ["09:00-12:00".to_owned()];
    let dates = [(day("2026-11-28"), &hall[..]), (day("2026-11-25"), &[])];
    for hours in [Hours::WorkingDays, Hours::Always] {
        let calendar = Calendar::new(holidays(), hours, &PERIODS).unwrap().with_dates(dates);
        for (text, open) in [
            ("2026-11-28 09:00", true), // a Saturday
            ("2026-11-28 12:00", false),
            ("2026-11-25 10:00", false), // a Wednesday
            ("2026-11-26 10:00", true),
        ] {
            assert_eq!(calendar.in_service(at(text)), open, "{text} {hours:?}");
        }
    }
    let calendar = calendar().with_dates(dates);
    assert_eq!(calendar.next_change(at("2026-11-24 17:00")), Some(at("2026-11-26 09:00")));
    assert_eq!(calendar.next_open(at("2026-11-27 18:00")), Some(at("2026-11-28 09:00")));
    let slots = |date: &str| calendar.slots(at(date), HOUR).take_while(|slot| slot.1 < at(date) + DAY).count();
    assert_eq!((slots("2026-11-25 00:00"), slots("2026-11-28 00:00")), (0, 3));
    // Deadlines count the official calendar's days, and end with the day's own hours.
    assert_eq!(calendar.add_working_days(at("2026-11-24 10:00"), 1).at, at("2026-11-25 17:00"), "closed, still day 1");
    let short = calendar.with_dates([(day("2026-11-30"), &hall[..])]);
    assert_eq!(short.add_working_days(at("2026-11-27 10:00"), 1).at, at("2026-11-30 12:00"));
}

#[test]
fn a_closure_interrupts_whatever_holds_until_it_is_over() {
    let closures = [
        (at("2026-11-24 10:00"), at("2026-11-24 11:00")),
        (at("2026-11-24 10:30"), at("2026-11-24 14:00")),
        (at("2026-11-24 16:00"), at("2026-11-24 16:00")),
    ];
    let calendar = calendar().closed_in(closures);
    for (text, open, change) in [
        ("2026-11-24 09:59", true, "2026-11-24 10:00"),
        ("2026-11-24 10:00", false, "2026-11-24 14:00"),
        ("2026-11-24 13:59", false, "2026-11-24 14:00"),
        ("2026-11-24 14:00", true, "2026-11-24 17:00"),
    ] {
        assert_eq!((calendar.in_service(at(text)), calendar.next_change(at(text))), (open, Some(at(change))), "{text}");
    }
    let lifted_by_hand = calendar.closed_in([(at("2026-11-24 15:00"), NO_END)]);
    assert_eq!(lifted_by_hand.next_open(at("2026-11-24 18:00")), None);
    let promised = lifted_by_hand.slots(at("2026-11-24 15:00"), HOUR).next();
    assert_eq!(promised, Some((at("2026-11-25 09:00"), at("2026-11-25 10:00"))), "not today, but soon");
    let always = Calendar::new(holidays(), Hours::Always, &PERIODS).unwrap().closed_in(closures);
    let open = [("2026-11-24 00:00", "2026-11-24 10:00"), ("2026-11-24 14:00", "2026-11-26 00:00")];
    let open = open.map(|(from, to)| (at(from), at(to)));
    assert_eq!(always.open_between(at("2026-11-24 00:00"), at("2026-11-26 00:00")), open);
}

#[test]
fn another_list_of_a_year_replaces_the_one_that_was_there() {
    let provisional = calendar();
    let event = at("2026-12-31 10:00");
    assert_eq!(provisional.add_working_days(event, 1), Due { at: at("2027-01-01 17:00"), is_provisional: true });
    let named = |date| NamedDay { date: day(date), name: "元旦".to_owned() };
    let days = YearDays { off: vec![named("2027-01-01")], worked: vec![named("2027-01-03")] };
    let published = provisional.with_holidays(provisional.holidays().clone().with_year(2027, days));
    // The Sunday is worked for the Friday.
    assert_eq!(published.add_working_days(event, 1), Due { at: at("2027-01-03 17:00"), is_provisional: false });
    assert_eq!(published.holidays().kind(day("2027-01-01")), DayKind::Holiday("元旦"));
    assert_eq!(published.holidays().kind(day("2027-01-03")), DayKind::MakeUp("元旦"));
    assert_eq!(published.holidays().kind(day("2026-10-01")), DayKind::Holiday("国庆节"));
}

proptest! {
    /// However periods, dates and closures lie: asked minute by minute, service is what the spans say, and changes where
    /// they say.
    #[test]
    fn the_spans_are_what_service_is_minute_by_minute(
        always in any::<bool>(),
        dates in prop::collection::vec((0_i64..6, 0_i64..24, 0_i64..24), 0..4),
        closures in prop::collection::vec((0_i64..6 * 1440, 1_i64..1440), 0..4),
    ) {
        let hours = if always { Hours::Always } else { Hours::WorkingDays };
        let first = at("2026-11-26 00:00");
        let own: Vec<(Date, Vec<String>)> = dates.iter().map(|(n, from, to)| {
            let periods = if from < to { vec![format!("{from:02}:00-{to:02}:00")] } else { Vec::new() };
            (day("2026-11-26").checked_add(jiff::Span::new().days(*n)).unwrap(), periods)
        }).collect();
        let closed = closures.iter().map(|(from, long)| (first + from * MINUTE, first + (from + long) * MINUTE));
        let calendar = Calendar::new(holidays(), hours, &PERIODS).unwrap()
            .with_dates(own.iter().map(|(date, periods)| (*date, &periods[..])))
            .closed_in(closed.clone());
        let end = first + 6 * DAY;
        let spans = calendar.open_between(first, end);
        prop_assert!(spans.windows(2).all(|two| two[0].1 < two[1].0), "apart from each other: {spans:?}");
        let mut at = first;
        let mut change = calendar.next_change(first);
        let mut was_open = calendar.in_service(first);
        while at < end {
            let is_open = calendar.in_service(at);
            prop_assert_eq!(is_open, spans.iter().any(|(from, to)| (*from..*to).contains(&at)), "{:?}", at);
            prop_assert!(!is_open || closed.clone().all(|(from, to)| !(from..to).contains(&at)));
            if is_open != was_open {
                prop_assert_eq!(change, Some(at));
                change = calendar.next_change(at);
                was_open = is_open;
            }
            at = at + MINUTE;
        }
    }
}
