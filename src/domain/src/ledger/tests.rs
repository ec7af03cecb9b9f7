use jiff::civil::Date;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    ConversationId, Timestamp,
    calendar::{Calendar, CalendarFile, Holidays, Hours, NamedDay, YearDays, midnight},
    time::{DAY, HOUR, MINUTE, Millis, SECOND},
};

const ID: ConversationId = ConversationId::new(7);

fn holidays() -> Holidays {
    let text = include_str!("../../../../config/calendar/holidays_cn.json");
    serde_json::from_str::<CalendarFile>(text).unwrap().try_into().unwrap()
}

fn calendar(hours: Hours) -> Calendar {
    Calendar::new(holidays(), hours, &["09:00-11:30", "13:30-17:00"]).unwrap()
}

/// Of a Friday before a working Monday.
fn at(hour: i64, minute: i64, second: i64) -> Timestamp {
    midnight(Date::constant(2026, 11, 27)) + hour * HOUR + minute * MINUTE + second * SECOND
}

fn terms(asked_at: Timestamp) -> Terms {
    Terms::begin(&calendar(Hours::WorkingDays), asked_at, &Rule::default()).unwrap()
}

fn running(no: u32, asked_at: Timestamp) -> Running {
    Running { no, asked_at, terms: terms(asked_at), reached: 0 }
}

#[test]
fn outside_of_service_hours_the_time_stands_still() {
    let monday = 3 * DAY;
    for (asked, served, due) in [
        (at(10, 0, 0), vec![(at(10, 0, 0), at(10, 3, 0))], at(10, 3, 0)),
        // To the end of the morning and not a millisecond into lunch.
        (at(11, 27, 0), vec![(at(11, 27, 0), at(11, 30, 0))], at(11, 30, 0)),
        (at(11, 29, 0), vec![(at(11, 29, 0), at(11, 30, 0)), (at(13, 30, 0), at(13, 32, 0))], at(13, 32, 0)),
        (at(11, 30, 0), vec![(at(13, 30, 0), at(13, 33, 0))], at(13, 33, 0)),
        (at(12, 0, 0), vec![(at(13, 30, 0), at(13, 33, 0))], at(13, 33, 0)),
        // Over the week-end.
        (
            at(16, 59, 30),
            vec![(at(16, 59, 30), at(17, 0, 0)), (at(9, 0, 0) + monday, at(9, 2, 30) + monday)],
            at(9, 2, 30) + monday,
        ),
    ] {
        let terms = terms(asked);
        assert_eq!((&terms.served, terms.due_at()), (&served, due), "asked at {asked:?}");
    }
}

#[test]
fn steps_count_service_time_too_and_may_lie_after_the_promise() {
    let rule = Rule {
        span: 3 * MINUTE,
        steps: vec![(MINUTE, vec![StepAction::Notify]), (6 * MINUTE, vec![StepAction::Alert])],
        policy: Some(PolicyRef { id: "sla-1".to_owned(), version: 4 }),
    };
    let terms = Terms::begin(&calendar(Hours::WorkingDays), at(11, 28, 0), &rule).unwrap();
    assert_eq!(terms.due_at(), at(13, 31, 0));
    assert_eq!(terms.steps.iter().map(|step| step.at).collect::<Vec<_>>(), [at(11, 29, 0), at(13, 34, 0)]);
    assert_eq!(terms.policy, rule.policy, "the row says by which state of which policy");
    assert_eq!(terms.served.last(), Some(&(at(13, 30, 0), at(13, 31, 0))), "only the promise is counted");
    assert_eq!(Terms::begin(&calendar(Hours::Never), at(10, 0, 0), &rule), None, "who never answers promises nothing");
    let always = Terms::begin(&calendar(Hours::Always), at(3, 0, 0), &rule).unwrap();
    assert_eq!(always.served, [(at(3, 0, 0), at(3, 3, 0))]);
}

#[test]
fn a_published_year_moves_what_is_due_in_it_and_keeps_what_was_promised() {
    let asked = midnight(Date::constant(2030, 12, 31)) + 16 * HOUR + 59 * MINUTE;
    let usual = calendar(Hours::WorkingDays);
    let before = Terms::begin(&usual, asked, &Rule::default()).unwrap();
    assert_eq!(before.due_at(), midnight(Date::constant(2031, 1, 1)) + 9 * HOUR + 2 * MINUTE);
    let new_year = NamedDay { date: Date::constant(2031, 1, 1), name: "元旦".to_owned() };
    let year = YearDays { off: vec![new_year], worked: Vec::new() };
    let published = usual.with_holidays(holidays().with_year(2031, year));
    let after = before.again(&published, asked).unwrap();
    assert_eq!(after.due_at(), midnight(Date::constant(2031, 1, 2)) + 9 * HOUR + 2 * MINUTE);
    assert_eq!((after.span, &after.policy, after.steps.len()), (before.span, &before.policy, before.steps.len()));
}

#[test]
fn the_first_unanswered_message_begins_it_and_a_reply_read_after_it_ends_it() {
    let mut owing = Owing::default();
    assert_eq!(owing.replied(Timestamp(50)), None, "the first response");
    assert_eq!(owing.wrote(Timestamp(100)), Some(1));
    assert_eq!(owing.wrote(Timestamp(200)), None, "it never restarts");
    assert_eq!(owing.replied(Timestamp(99)), None, "read before it was asked");
    assert_eq!(owing.replied(Timestamp(100)), Some(1), "in the same millisecond, and below it in the thread");
    assert_eq!(owing.replied(Timestamp(101)), None, "nothing is owed");
    assert_eq!(owing.wrote(Timestamp(100)), None, "read before the last reply, committed after it");
    assert_eq!(owing.wrote(Timestamp(101)), Some(2), "in the same millisecond, and below it in the thread");
    assert_eq!(owing.over(), Some(2));
    assert_eq!(owing.over(), None);
    assert_eq!(owing.wrote(Timestamp(300)), Some(3));
}

#[test]
fn a_step_is_reached_at_its_instant_and_not_a_millisecond_before() {
    let asked = at(10, 0, 0);
    let mut book = Book::default();
    book.begin(ID, running(1, asked));
    assert_eq!(book.next_due(), Some(asked + 90 * SECOND));
    assert_eq!(book.take_due(asked + 89_999), []);
    let half = Reached { conversation: ID, no: 1, step: 1, at: asked + 90_000, actions: vec![StepAction::Notify] };
    assert!(!book.of(ID).unwrap().is_noted());
    assert_eq!(book.take_due(asked + 90_000), [half]);
    assert!(book.of(ID).unwrap().is_noted());
    assert_eq!(book.take_due(asked + 179_999), []);
    let end = vec![StepAction::Notify, StepAction::Alert];
    let end = Reached { conversation: ID, no: 1, step: 2, at: asked + 180_000, actions: end };
    assert_eq!(book.take_due(asked + 999_999), [end], "by the rule, however late it is noticed");
    assert_eq!(book.next_due(), None);
    assert!(book.end(ID, 1), "a step was reached");
}

#[test]
fn what_is_over_does_not_come_back_from_rows_that_were_read_earlier() {
    let mut book = Book::default();
    book.begin(ID, running(1, at(10, 0, 0)));
    assert!(!book.end(ID, 1));
    book.clear();
    book.begin(ID, running(1, at(10, 0, 0)));
    assert_eq!(book.next_due(), None);
    book.begin(ID, running(2, at(10, 1, 0)));
    assert_eq!(book.of(ID).map(|open| open.no), Some(2));
    assert!(!book.end(ID, 1), "the earlier one");
    assert!(book.of(ID).is_some());
    book.forget(ID);
    assert_eq!(book.all().count(), 0);
}

/// What a thread may hear.
#[derive(Debug, Clone, Copy)]
enum Said {
    Citizen,
    Human,
    Over,
    Restart,
}

proptest! {
    /// The law of service time: as much as was promised, all of it in service, none before it was asked, nothing left out
    /// between; and who asks later is never due earlier.
    #[test]
    fn service_time_is_whole_and_monotone(
        offset in 0..14 * DAY, later in 0..DAY, span in 1..12 * HOUR, after in vec(1..20 * HOUR, 0..4),
    ) {
        let calendar = calendar(Hours::WorkingDays);
        let asked_at = at(0, 0, 0) + offset;
        let mut after = after;
        after.sort_unstable();
        let rule = Rule { span, steps: after.iter().map(|after| (*after, vec![StepAction::Notify])).collect(), policy: None };
        let terms = Terms::begin(&calendar, asked_at, &rule).unwrap();
        prop_assert_eq!(terms.served.iter().map(|(from, to)| to.since(*from)).sum::<Millis>(), span);
        prop_assert_eq!(&terms.served, &calendar.open_between(asked_at, terms.due_at()));
        for step in &terms.steps {
            let counted: Millis = calendar.open_between(asked_at, step.at).iter().map(|(from, to)| to.since(*from)).sum();
            prop_assert_eq!(counted, step.after);
        }
        prop_assert!(terms.steps.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let next = Terms::begin(&calendar, asked_at + later, &rule).unwrap();
        prop_assert!(next.due_at() >= terms.due_at());
    }

    /// Each step once, never early, in the order of the numbers, whatever crosses and however often everything is read again
    /// from the rows.
    #[test]
    fn steps_come_once_and_never_early(said in vec((0..4_u8, 0..120 * SECOND), 1..60)) {
        let mut now = at(10, 0, 0);
        let (mut owing, mut book) = (Owing::default(), Book::default());
        // The row of the open promise.
        let mut row: Option<Running> = None;
        let mut seen = std::collections::BTreeSet::new();
        for (what, pause) in said {
            now = now + pause;
            for reached in book.take_due(now) {
                let open = row.as_mut().expect("a promise is open");
                prop_assert_eq!(open.no, reached.no);
                prop_assert!(reached.at <= now && reached.at > open.asked_at);
                prop_assert_eq!(reached.at, open.terms.steps[reached.step as usize - 1].at);
                prop_assert!(seen.insert((reached.no, reached.step)), "once");
                open.reached += 1;
            }
            let due = row.iter().flat_map(|open| open.terms.steps[open.reached..].first()).map(|step| step.at).next();
            prop_assert_eq!(book.next_due(), due, "nothing is forgotten");
            match [Said::Citizen, Said::Human, Said::Over, Said::Restart][usize::from(what)] {
                Said::Citizen => {
                    if let Some(no) = owing.wrote(now) {
                        row = Some(running(no, now));
                        book.begin(ID, running(no, now));
                    }
                }
                Said::Human => {
                    if let Some(no) = owing.replied(now) {
                        row = None;
                        book.end(ID, no);
                    }
                }
                Said::Over => {
                    if let Some(no) = owing.over() {
                        row = None;
                        book.end(ID, no);
                    }
                }
                Said::Restart => {
                    book.clear();
                    if let Some(row) = row.clone() {
                        book.begin(ID, row);
                    }
                }
            }
        }
    }
}
