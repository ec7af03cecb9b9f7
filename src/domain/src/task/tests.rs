use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};

use super::*;
use crate::{
    AgentId,
    calendar::{CalendarFile, Holidays, Hours, date_of, midnight},
    rights::Grant,
    time::{DAY, HOUR, MINUTE, SECOND},
    words::{Language, Role},
};

const DAYS: &str = include_str!("../../../../config/calendar/holidays_cn.json");

fn calendar() -> Calendar {
    let days = serde_json::from_str::<CalendarFile>(DAYS).unwrap();
    Calendar::new(Holidays::try_from(days).unwrap(), Hours::WorkingDays, &["09:00-11:30", "13:30-17:00"]).unwrap()
}

/// Shanghai's time.
fn at(text: &str) -> Timestamp {
    let (date, time) = text.split_once(' ').unwrap();
    midnight(date.parse().unwrap()) + crate::calendar::clock_time(time).unwrap()
}

#[test]
fn each_kind_is_due_as_its_rule_says() {
    for (kind, opened, effective, expected) in [
        (TaskKind::Gap, "2026-11-23 09:00", None, "2026-11-30 17:00"),
        // Before and after the holidays of October, with a make-up Saturday on the 10th.
        (TaskKind::Gap, "2026-09-28 16:59", None, "2026-10-10 17:00"),
        (TaskKind::Gap, "2026-11-28 23:59", None, "2026-12-04 17:00"),
        (TaskKind::Correction, "2026-11-26 10:00", None, "2026-11-30 17:00"),
        (TaskKind::Policy, "2026-11-20 10:00", Some("2026-12-01 00:00"), "2026-11-30 17:00"),
        (TaskKind::Policy, "2026-11-20 10:00", Some("2026-11-30 00:00"), "2026-11-27 17:00"),
        // Its deadline has passed, or it is in force already: due now.
        (TaskKind::Policy, "2026-11-27 17:00", Some("2026-11-30 00:00"), "2026-11-27 17:00"),
        (TaskKind::Policy, "2026-11-28 10:00", Some("2026-11-30 00:00"), "2026-11-28 10:00"),
        (TaskKind::Policy, "2026-11-28 10:00", Some("2026-11-01 00:00"), "2026-11-28 10:00"),
    ] {
        let found = due(kind, at(opened), effective.map(at), &calendar());
        assert_eq!((found.at, found.is_provisional), (at(expected), false), "{kind} {opened} {effective:?}");
    }
    assert!(due(TaskKind::Gap, at("2026-12-28 10:00"), None, &calendar()).is_provisional, "2027 is not published");
}

/// Days of the two years counted one by one, by nothing of the calendar but the published list.
#[test]
fn on_every_day_of_two_years_deadlines_are_those_of_a_second_counter() {
    let json: serde_json::Value = serde_json::from_str(DAYS).unwrap();
    let listed = |list: &str| -> Vec<String> {
        let years = json["years"].as_object().unwrap().values();
        let dates = years.flat_map(|year| year[list].as_array().unwrap().clone());
        dates.map(|day| day.get("date").unwrap_or(&day).as_str().unwrap().to_owned()).collect()
    };
    let (off, worked) = (listed("days_off"), listed("work_days"));
    let works = |date: Date| {
        let name = date.to_string();
        worked.contains(&name) || (date.weekday().to_monday_zero_offset() < 5 && !off.contains(&name))
    };
    let forward =
        |from: Date, days: usize| from.series(1.day()).skip(1).filter(|date| works(*date)).nth(days - 1).unwrap();
    let back = |from: Date| from.series((-1).day()).skip(1).find(|date| works(*date)).unwrap();
    let closing = |date: Date| midnight(date) + 17 * HOUR;
    let calendar = calendar();
    let last = Date::constant(2026, 12, 31);
    let mut counted = 0;
    for date in Date::constant(2025, 1, 1).series(1.day()).take_while(|date| *date <= last) {
        for minute in [0, 9 * 60, 17 * 60, 24 * 60 - 1] {
            let opened = midnight(date) + minute * MINUTE;
            // The very last days reach into a year that is not published: there weekdays count in both.
            assert_eq!(due(TaskKind::Gap, opened, None, &calendar).at, closing(forward(date, 5)), "{date}");
            assert_eq!(due(TaskKind::Correction, opened, None, &calendar).at, closing(forward(date, 2)), "{date}");
        }
        if date > Date::constant(2025, 1, 2) {
            let long_before = midnight(date) - 60 * DAY;
            let found = due(TaskKind::Policy, long_before, Some(midnight(date)), &calendar);
            assert_eq!(found.at, closing(back(date)), "policy in force on {date}");
        }
        counted += 1;
    }
    assert_eq!(counted, 730);
}

fn steps(opened: &str, due: &str) -> Vec<(ReminderStep, Timestamp)> {
    reminders(at(opened), at(due), &calendar()).into_iter().map(|one| (one.step, one.at)).collect()
}

#[test]
fn reminders_are_at_half_time_one_working_day_before_and_just_after() {
    use ReminderStep::{Eve, Half, Overdue};
    let after = |text: &str| at(text) + 1;
    assert_eq!(
        steps("2026-11-23 09:00", "2026-11-30 17:00"),
        [(Half, at("2026-11-27 09:00")), (Eve, at("2026-11-27 17:00")), (Overdue, after("2026-11-30 17:00"))],
        "the middle is on Friday at 01:00: told when service begins"
    );
    assert_eq!(
        steps("2026-09-28 10:00", "2026-10-10 17:00"),
        [(Eve, at("2026-10-09 17:00")), (Overdue, after("2026-10-10 17:00"))].into_iter().fold(
            vec![(Half, at("2026-10-08 09:00"))],
            |mut all, one| {
                all.push(one);
                all
            }
        ),
        "the middle is in the holidays"
    );
    assert_eq!(
        steps("2026-11-27 17:30", "2026-11-30 17:00"),
        [(Half, at("2026-11-30 09:00")), (Overdue, after("2026-11-30 17:00"))]
    );
    assert_eq!(steps("2026-11-28 10:00", "2026-11-28 10:00"), [(Overdue, after("2026-11-28 10:00"))], "due at once");
}

#[test]
fn a_call_back_is_due_after_24_hours_with_a_reminder_in_the_service_hours_of_its_second_half() {
    use ReminderStep::{Half, Overdue};
    let steps = |opened: &str| {
        let opened = at(opened);
        let due = due(TaskKind::CallBack, opened, None, &calendar());
        assert_eq!((due.at, due.is_provisional), (opened + 24 * HOUR, false));
        let steps = reminders_of(TaskKind::CallBack, opened, due.at, &calendar());
        steps.into_iter().map(|one| (one.step, one.at)).collect::<Vec<_>>()
    };
    let overdue = |due: &str| (Overdue, at(due) + 1);
    for (opened, half, due) in [
        // The middle is at night, at lunch, within the hours; on Saturday nobody works before it is due.
        ("2026-11-23 10:00", "2026-11-24 09:00", "2026-11-24 10:00"),
        ("2026-11-24 00:00", "2026-11-24 13:30", "2026-11-25 00:00"),
        ("2026-11-23 22:30", "2026-11-24 10:30", "2026-11-24 22:30"),
        ("2026-11-27 16:00", "2026-11-28 04:00", "2026-11-28 16:00"),
    ] {
        assert_eq!(steps(opened), [(Half, at(half)), overdue(due)], "{opened}");
    }
    let now = at("2026-11-23 10:00");
    let at_once = reminders_of(TaskKind::CallBack, now, now, &calendar());
    assert_eq!(at_once, [Reminder { step: Overdue, at: now + 1 }]);
}

#[test]
fn a_call_back_is_owed_by_agents_and_operators_and_by_no_editor() {
    let staff = [
        (1, grants(Role::Editor, Some("tax"), &[])),
        (2, grants(Role::Agent, Some("tax"), &[])),
        (3, grants(Role::Operator, Some("tax"), &[])),
        (4, grants(Role::Leader, Some("tax"), &[])),
        (5, grants(Role::Supervisor, None, &[])),
    ];
    let members: Vec<Member<'_>> = staff.iter().map(|(id, grants)| Member { id: AgentId::new(*id), grants }).collect();
    let told = |step, assignee: Option<u128>| {
        let units = ["tax".to_owned(), "sh".to_owned()];
        let found = addressees((TaskKind::CallBack, step), &units, None, assignee.map(AgentId::new), &members);
        found.into_iter().map(|(id, _)| id.raw()).collect::<Vec<_>>()
    };
    assert_eq!(told(ReminderStep::Half, None), [2, 3]);
    assert_eq!(told(ReminderStep::Half, Some(3)), [3], "who has taken it on");
    assert_eq!(told(ReminderStep::Overdue, None), [2, 3, 4, 5]);
}

#[test]
fn a_step_is_told_from_its_instant_on_and_of_several_missed_ones_the_last() {
    use ReminderStep::{Eve, Half, Overdue};
    let all = reminders(at("2026-11-23 09:00"), at("2026-11-30 17:00"), &calendar());
    let next = |step: ReminderStep| all.iter().find(|one| one.step == step).copied();
    for (told, now, expected) in [
        (None, at("2026-11-27 08:59"), (None, next(Half))),
        (None, at("2026-11-27 09:00"), (Some(Half), next(Eve))),
        (Some(Half), at("2026-11-27 16:59"), (None, next(Eve))),
        (Some(Half), at("2026-11-27 17:00"), (Some(Eve), next(Overdue))),
        (Some(Eve), at("2026-11-30 17:00"), (None, next(Overdue))),
        (Some(Eve), at("2026-11-30 17:00") + 1, (Some(Overdue), None)),
        (Some(Overdue), at("2026-12-30 17:00"), (None, None)),
        (None, at("2026-11-29 12:00"), (Some(Eve), next(Overdue))),
        (None, at("2026-12-29 12:00"), (Some(Overdue), None)),
    ] {
        assert_eq!(step_at(&all, told, now), expected, "{told:?} {now:?}");
    }
}

fn grants(role: Role, unit: Option<&str>, items: &[&str]) -> Vec<Grant> {
    vec![Grant { role, unit: unit.map(str::to_owned), items: items.iter().map(|item| (*item).to_owned()).collect() }]
}

#[test]
fn owner_head_and_supervisor_are_those_of_the_nearest_unit_that_has_some() {
    use Addressed::{Head, Owner, Supervisor};
    let staff = [
        (1, grants(Role::Editor, Some("police"), &[])),
        (2, grants(Role::Editor, Some("police"), &["passport"])),
        (3, grants(Role::Editor, None, &[])),
        (4, grants(Role::Leader, Some("sh"), &[])),
        (5, grants(Role::Supervisor, None, &[])),
        (6, grants(Role::Supervisor, Some("xuhui"), &[])),
        (7, [grants(Role::Editor, Some("tax"), &[]), grants(Role::Leader, Some("tax"), &[])].concat()),
    ];
    let members: Vec<Member<'_>> = staff.iter().map(|(id, grants)| Member { id: AgentId::new(*id), grants }).collect();
    let told = |step, unit: &str, item: Option<&str>, assignee: Option<u128>| {
        let units = [unit.to_owned(), "sh".to_owned()];
        let found = addressees((TaskKind::Gap, step), &units, item, assignee.map(AgentId::new), &members);
        found.into_iter().map(|(id, part)| (id.raw(), part)).collect::<Vec<_>>()
    };
    assert_eq!(told(ReminderStep::Half, "police", None, None), [(1, Owner)]);
    assert_eq!(told(ReminderStep::Half, "police", Some("passport"), None), [(1, Owner), (2, Owner)]);
    assert_eq!(told(ReminderStep::Half, "police", None, Some(9)), [(1, Owner)], "who has left owns nothing");
    assert_eq!(told(ReminderStep::Half, "police", None, Some(2)), [(2, Owner)]);
    assert_eq!(told(ReminderStep::Eve, "police", None, None), [(1, Owner), (4, Head)]);
    assert_eq!(told(ReminderStep::Overdue, "police", None, None), [(1, Owner), (4, Head), (5, Supervisor)]);
    assert_eq!(told(ReminderStep::Overdue, "xuhui", None, None), [(3, Owner), (4, Head), (6, Supervisor)]);
    assert_eq!(told(ReminderStep::Eve, "tax", None, None), [(7, Owner)], "one person in two parts is told once");
}

#[test]
fn a_part_that_nobody_has_is_taken_by_the_next_one() {
    let leader = grants(Role::Leader, None, &[]);
    let supervisor = grants(Role::Supervisor, None, &[]);
    let members =
        [Member { id: AgentId::new(1), grants: &leader }, Member { id: AgentId::new(2), grants: &supervisor }];
    let told =
        |staff: &[Member<'_>]| addressees((TaskKind::Gap, ReminderStep::Half), &["sh".to_owned()], None, None, staff);
    assert_eq!(told(&members), [(AgentId::new(1), Addressed::Head)]);
    assert_eq!(told(&members[1..]), [(AgentId::new(2), Addressed::Supervisor)]);
    assert_eq!(told(&[]), []);
}

#[test]
fn states_pass_by_hand_as_drawn_and_done_only_of_a_call_back() {
    use TaskState::{Dropped, Open, Working};
    let may = [(Open, Working), (Working, Open), (Open, Dropped), (Working, Dropped)];
    for from in TaskState::ALL.iter().copied() {
        for to in TaskState::ALL.iter().copied() {
            let by_hand = may.contains(&(from, to));
            for kind in [TaskKind::Gap, TaskKind::Policy, TaskKind::Correction] {
                assert_eq!(from.may_pass(kind, to), by_hand, "{kind}: {from} to {to}");
            }
            let is_done = to == TaskState::Done && from.is_owed();
            assert_eq!(from.may_pass(TaskKind::CallBack, to), by_hand || is_done, "call back: {from} to {to}");
        }
    }
}

#[test]
fn the_due_time_itself_is_in_time_and_a_dropped_task_counts_nowhere() {
    let due = Timestamp(1_000);
    for (state, done_at, now, expected) in [
        (TaskState::Open, None, 1_000, None),
        (TaskState::Working, None, 1_001, Some(false)),
        (TaskState::Done, Some(1_000), 9_999, Some(true)),
        (TaskState::Done, Some(1_001), 9_999, Some(false)),
        (TaskState::Dropped, Some(500), 9_999, None),
    ] {
        assert_eq!(in_time(state, due, done_at.map(Timestamp), Timestamp(now)), expected, "{state} {done_at:?} {now}");
    }
}

#[test]
fn a_template_has_only_the_placeholders_of_its_message_and_the_first_of_them() {
    for message in MessageKind::ALL.iter().copied() {
        for language in [Language::Chinese, Language::English] {
            assert_eq!(check_template(message, message.usual(language)), Ok(()), "{message} {language}");
        }
    }
    let check = |text: &str| check_template(MessageKind::TaskEve, text).map_err(|error| error.to_string());
    assert_eq!(check("{question} {due}"), Ok(()));
    assert_eq!(check("   "), Err("must not be empty".to_owned()));
    assert_eq!(check("{due}"), Err("{question} is missing".to_owned()));
    let unknown = "{phone} is no placeholder of this message; it has {question}, {due}, {unit}";
    assert_eq!(check("{question}{phone}"), Err(unknown.to_owned()));
    for broken in ["{question", "question}", "{question {due}}", "{question}}"] {
        assert_eq!(check(broken), Err("a placeholder is written {name}".to_owned()), "{broken}");
    }
    assert_eq!(check(&format!("{{question}}{}", "长".repeat(291))), Err("must have at most 300 characters".to_owned()));
}

#[test]
fn what_is_filled_in_is_not_read_as_a_template() {
    let values = BTreeMap::from([("question".to_owned(), "{unit}".to_owned()), ("due".to_owned(), "今天".to_owned())]);
    assert_eq!(fill("“{question}” {due}{unit}", &values), "“{unit}” 今天");
}

#[test]
fn quiet_hours_over_midnight_hold_back_until_the_morning() {
    let until = |text: &str| quiet_until(at(text), 21 * HOUR, 8 * HOUR);
    for (ready, expected) in [
        ("2026-11-28 20:59", "2026-11-28 20:59"),
        ("2026-11-28 21:00", "2026-11-29 08:00"),
        ("2026-11-28 23:59", "2026-11-29 08:00"),
        ("2026-11-28 00:00", "2026-11-28 08:00"),
        ("2026-11-28 07:59", "2026-11-28 08:00"),
        ("2026-11-28 08:00", "2026-11-28 08:00"),
    ] {
        assert_eq!(until(ready), at(expected), "{ready}");
    }
    let noon = |text: &str| quiet_until(at(text), 12 * HOUR, 14 * HOUR);
    assert_eq!(noon("2026-11-28 12:30"), at("2026-11-28 14:00"));
    assert_eq!(noon("2026-11-28 14:00"), at("2026-11-28 14:00"));
    assert_eq!(quiet_until(at("2026-11-28 12:30"), 0, 0), at("2026-11-28 12:30"), "none");
    assert_eq!(date_of(until("2026-12-31 22:00")), Date::constant(2027, 1, 1));
}

#[test]
fn attempts_come_slower_and_end_a_day_after_the_first() {
    let first = Timestamp(0);
    let (mut now, mut tried) = (first, Vec::new());
    for attempts in 1.. {
        let Some(next) = retry_at(attempts, first, now) else { break };
        tried.push(next.since(now) / SECOND);
        now = next;
    }
    assert_eq!(tried, [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 21_600, 21_600, 4_645]);
    assert_eq!(now, first + GIVE_UP);
}

#[test]
fn a_receiver_that_fails_is_left_alone_and_tried_with_one_message() {
    let mut circuit = Circuit::default();
    for n in 0..CIRCUIT_FAILURES {
        assert_eq!(circuit.admit(Timestamp(n.into())), Ok(()));
        circuit.failed(Timestamp(n.into()));
    }
    let until = Timestamp(4) + CIRCUIT_PAUSE;
    assert_eq!(circuit.admit(until - 1), Err(until));
    assert!(circuit.is_open(until - 1));
    assert_eq!(circuit.admit(until), Ok(()));
    assert_eq!(circuit.admit(until), Err(until + CIRCUIT_PAUSE), "one trial at a time");
    circuit.succeeded();
    assert_eq!(circuit.admit(until), Ok(()));
    circuit.failed(until);
    assert_eq!(circuit.admit(until), Ok(()), "counts from the beginning again");
}
