//! Walks, wishes, and the law that nothing is done twice.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::time::{DAY, HOUR, MINUTE};

/// 2026-11-30 (a Monday) 08:00 in Shanghai.
const NOW: Timestamp = Timestamp(1_795_996_800_000);

fn opening(hall: &str, district: &str, day: i64, hour: i64, left: u32) -> Opening {
    let starts_at = NOW + day * DAY + hour * HOUR;
    Opening {
        code: format!("{hall}.{day}.{hour}"),
        hall: hall.to_owned(),
        hall_name: format!("{hall}大厅"),
        address: "一号".to_owned(),
        district: district.to_owned(),
        starts_at,
        ends_at: starts_at + HOUR,
        left,
    }
}

fn appointment(code: &str, item: &str, day: i64) -> Appointment {
    let starts_at = NOW + day * DAY + 2 * HOUR;
    Appointment {
        code: code.to_owned(),
        number: format!("N{code}"),
        item: item.to_owned(),
        item_name: item.to_owned(),
        hall: "a".to_owned(),
        hall_name: "a大厅".to_owned(),
        address: String::new(),
        starts_at,
        ends_at: starts_at + HOUR,
    }
}

fn openings() -> Found {
    let all = vec![
        opening("b", "xuhui", 1, 1, 2),
        opening("a", "huangpu", 2, 2, 1),
        opening("a", "huangpu", 1, 2, 1),
        opening("a", "huangpu", 1, 1, 0),
        opening("a", "huangpu", -1, 1, 3),
        opening("a", "huangpu", 1, 3, 1),
    ];
    Found { openings: Some(all), ..Found::default() }
}

fn codes(options: &[ActionOption]) -> Vec<&str> {
    options.iter().map(|one| one.code.as_str()).collect()
}

#[test]
fn hall_then_day_then_time_and_only_what_is_free_and_ahead() {
    let mut walk = Walk::begin(ActionKind::Book, "passport", "护照", "");
    assert_eq!(walk.next(&Found::default(), NOW), Next::Need(Need::Openings("passport".to_owned())));
    let found = openings();
    let Next::Ask(ActionAsk::Hall, halls) = walk.next(&found, NOW) else { panic!() };
    assert_eq!(codes(&halls), ["b", "a"]);
    assert_eq!(walk.choose(ActionAsk::Hall, "c", &found, NOW), Err(Refusal::NoOption));
    walk.choose(ActionAsk::Hall, "a", &found, NOW).unwrap();
    let Next::Ask(ActionAsk::Date, days) = walk.next(&found, NOW) else { panic!() };
    assert_eq!(codes(&days), ["2026-12-01", "2026-12-02"]);
    assert_eq!(days[0].left, Some(2));
    walk.choose(ActionAsk::Date, "2026-12-01", &found, NOW).unwrap();
    let Next::Ask(ActionAsk::Time, times) = walk.next(&found, NOW) else { panic!() };
    assert_eq!(codes(&times), ["a.1.2", "a.1.3"]);
    assert_eq!(times[0].label, "10:00-11:00");
    assert!(!walk.is_complete());
    walk.choose(ActionAsk::Time, "a.1.3", &found, NOW).unwrap();
    assert_eq!(walk.next(&Found::default(), NOW), Next::Confirm, "nothing more has to be asked of the office");
    assert!(walk.is_complete());
    // Back to the times, to the days, to the halls, and no further.
    walk.back().unwrap();
    assert!(walk.opening.is_none() && matches!(walk.next(&found, NOW), Next::Ask(ActionAsk::Time, _)));
    walk.back().unwrap();
    walk.back().unwrap();
    assert_eq!(walk.back(), Err(Refusal::AtBegin));
    assert_eq!(walk, Walk::begin(ActionKind::Book, "passport", "护照", ""));
}

#[test]
fn the_citizens_district_comes_first_and_a_full_one_leaves_the_others() {
    let mut walk = Walk::begin(ActionKind::Book, "passport", "护照", "huangpu");
    assert!(matches!(walk.next(&openings(), NOW), Next::Ask(ActionAsk::Date, _)), "its only hall is taken");
    assert!(walk.given[0].known && walk.given[0].code == "a");
    assert_eq!(walk.back(), Err(Refusal::AtBegin), "what was not asked cannot be taken back");
    let mut elsewhere = Walk::begin(ActionKind::Book, "passport", "护照", "chongming");
    assert!(matches!(elsewhere.next(&openings(), NOW), Next::Ask(ActionAsk::Hall, _)));
    let none = Found { openings: Some(Vec::new()), ..Found::default() };
    let mut walk = Walk::begin(ActionKind::Book, "passport", "护照", "");
    assert_eq!(walk.next(&none, NOW), Next::Fail(ActionFailure::NoOpenings));
}

#[test]
fn a_change_keeps_the_hall_and_never_offers_the_time_that_is_there() {
    let mut walk = Walk::begin(ActionKind::Change, "", "", "");
    assert_eq!(walk.next(&Found::default(), NOW), Next::Need(Need::Appointments));
    let mut found = Found { appointments: Some(vec![appointment("1", "passport", 1)]), ..Found::default() };
    assert_eq!(walk.next(&found, NOW), Next::Need(Need::Openings("passport".to_owned())));
    found.openings = openings().openings;
    let Next::Ask(ActionAsk::Date, _) = walk.next(&found, NOW) else { panic!() };
    walk.choose(ActionAsk::Date, "2026-12-01", &found, NOW).unwrap();
    let Next::Ask(ActionAsk::Time, times) = walk.next(&found, NOW) else { panic!() };
    assert_eq!(codes(&times), ["a.1.3"]);
    let gone = Found { appointments: Some(vec![appointment("1", "passport", -1)]), ..Found::default() };
    let mut walk = Walk::begin(ActionKind::Cancel, "", "", "");
    assert_eq!(walk.next(&gone, NOW), Next::Fail(ActionFailure::NoAppointments), "what is over is none");
}

#[test]
fn of_several_appointments_those_about_the_item_are_asked_first() {
    let all = vec![appointment("1", "passport", 1), appointment("2", "id-card", 2), appointment("3", "id-card", 3)];
    let found = Found { appointments: Some(all), ..Found::default() };
    let mut walk = Walk::begin(ActionKind::Cancel, "id-card", "身份证", "");
    let Next::Ask(ActionAsk::Appointment, options) = walk.next(&found, NOW) else { panic!() };
    assert_eq!(codes(&options), ["2", "3"]);
    let mut one = Walk::begin(ActionKind::Cancel, "passport", "护照", "");
    assert_eq!(one.next(&found, NOW), Next::Confirm);
    assert_eq!(one.appointment.unwrap().number, "N1");
    let mut any = Walk::begin(ActionKind::Cancel, "marriage", "婚姻", "");
    let Next::Ask(ActionAsk::Appointment, options) = any.next(&found, NOW) else { panic!() };
    assert_eq!(options.len(), 3);
}

#[test]
fn progress_is_told_without_a_confirmation() {
    let case = CaseProgress {
        number: "SH1".to_owned(),
        item: "passport".to_owned(),
        item_name: "护照".to_owned(),
        accepted_at: NOW,
        step: "审查".to_owned(),
        due_at: None,
        note: String::new(),
    };
    let found = Found { cases: Some(vec![case.clone()]), ..Found::default() };
    let mut walk = Walk::begin(ActionKind::Progress, "", "", "");
    assert_eq!(walk.next(&Found::default(), NOW), Next::Need(Need::Cases));
    assert_eq!(walk.next(&found, NOW), Next::Progress(case));
    assert!(!walk.is_complete(), "there is nothing to carry out");
    let mut walk = Walk::begin(ActionKind::Progress, "", "", "");
    let none = Found { cases: Some(Vec::new()), ..Found::default() };
    assert_eq!(walk.next(&none, NOW), Next::Fail(ActionFailure::NoCases));
}

#[test]
fn what_comes_from_outside_is_looked_at_and_the_field_is_named() {
    assert_eq!(opening("a", "huangpu", 1, 1, 1).check(), Ok(()));
    let wrong = |change: fn(&mut Opening)| {
        let mut one = opening("a", "huangpu", 1, 1, 1);
        change(&mut one);
        one.check().unwrap_err().0
    };
    assert_eq!(wrong(|one| one.code = "a b".to_owned()), "code");
    assert_eq!(wrong(|one| one.code = "x".repeat(65)), "code");
    assert_eq!(wrong(|one| one.hall_name = "<b>大厅</b>".to_owned()), "hallName");
    assert_eq!(wrong(|one| one.hall_name = " ".to_owned()), "hallName");
    assert_eq!(wrong(|one| one.address = "一\n二".to_owned()), "address");
    assert_eq!(wrong(|one| one.ends_at = one.starts_at), "endsAt");
    let mut one = appointment("1", "passport", 1);
    one.number = String::new();
    assert_eq!(one.check(), Err(BadField("number")));
}

#[test]
fn wishes_are_told_from_questions() {
    for (text, kind) in [
        ("我要预约", Some(ActionKind::Book)),
        ("帮我预约一下护照", Some(ActionKind::Book)),
        ("可以帮我预约居住证吗？", Some(ActionKind::Book)),
        ("帮我取消预约", Some(ActionKind::Cancel)),
        ("预约取消掉", Some(ActionKind::Cancel)),
        ("我想把预约改到下周", Some(ActionKind::Change)),
        ("我要改约", Some(ActionKind::Change)),
        ("办到哪一步了", Some(ActionKind::Progress)),
        ("帮我查进度", Some(ActionKind::Progress)),
        ("去申请", Some(ActionKind::Apply)),
        ("Please book an appointment", Some(ActionKind::Book)),
        ("护照怎么预约", None),
        ("办护照需要预约吗", None),
        ("可以取消预约吗", None),
        ("怎么查进度", None),
        ("不用预约了", None),
        ("别取消预约", None),
        ("没有预约能办吗", None),
        ("预约要带什么材料", None),
        ("居住证怎么办", None),
        ("", None),
    ] {
        assert_eq!(wanted(text), kind, "{text}");
    }
}

#[test]
fn never_heard_of_is_sent_again_for_ten_minutes_and_final_from_then_on() {
    let at = |age| after(ActionState::Acting, 0, NOW, NOW + age, Learned::NeverHeard);
    assert_eq!(at(SEND_WITHIN - 1), Then::Send);
    assert!(matches!(at(SEND_WITHIN), Then::LookUp { .. }), "its clock may be slow");
    assert!(matches!(at(SEND_WITHIN + 2 * MINUTE - 1), Then::LookUp { .. }));
    assert_eq!(at(SEND_WITHIN + 2 * MINUTE), Then::Failed(ActionFailure::NotDone));
    let silent = |state, looks, age| after(state, looks, NOW, NOW + age, Learned::NoReply);
    assert_eq!(silent(ActionState::Acting, 0, 0), Then::LookUp { at: NOW + 2_000, tells: true });
    assert_eq!(silent(ActionState::Unknown, 99, 0), Then::LookUp { at: NOW + 15 * MINUTE, tells: false });
    assert_eq!(silent(ActionState::Unknown, 99, UNCLEAR_AFTER), Then::Failed(ActionFailure::Unclear));
}

/// An office that keeps the contract, at the end of a line that loses things.
#[derive(Default)]
struct Office {
    done: u32,
    /// On their way: they arrive later, or never.
    late: Vec<Timestamp>,
}

impl Office {
    /// Carries the key out at most once, and not after its time.
    fn arrives(&mut self, sent_at: Timestamp, now: Timestamp) {
        // Its clock is a minute slow.
        if self.done == 0 && sent_at.since(NOW) < SEND_WITHIN && now.since(NOW) < SEND_WITHIN + MINUTE {
            self.done = 1;
        }
    }

    fn answer(&self) -> Learned {
        if self.done == 0 { Learned::NeverHeard } else { Learned::Done(appointment("1", "passport", 1)) }
    }
}

proptest! {
    /// Whatever is lost, late or killed: done once if the citizen is told so, and not at all if they are told so.
    #[test]
    fn what_is_told_is_what_was_done(faults in vec(0_u8..6, 1..60), pauses in vec(1_i64..120_000, 60)) {
        let mut office = Office::default();
        let (mut now, mut state, mut looks, mut end) = (NOW, ActionState::Acting, 0_u32, None);
        let mut sends = true;
        for (fault, pause) in faults.iter().zip(&pauses) {
            let learned = if std::mem::take(&mut sends) {
                match fault {
                    0 => Learned::NoReply,
                    1 => { office.late.push(now); Learned::NoReply }
                    2 => { office.arrives(now, now); Learned::NoReply }
                    _ => { office.arrives(now, now); office.answer() }
                }
            } else {
                looks += 1;
                match fault {
                    0 => Learned::NoReply,
                    1 => Learned::Running,
                    _ => office.answer(),
                }
            };
            match after(state, looks, NOW, now, learned) {
                Then::Done(_) => { end = Some(true); break }
                Then::Failed(why) => { prop_assert_eq!(why, ActionFailure::NotDone); end = Some(false); break }
                Then::Send => { prop_assert!(now.since(NOW) < SEND_WITHIN); sends = true }
                Then::LookUp { at, tells } => {
                    prop_assert!(at > now);
                    prop_assert_eq!(tells, state == ActionState::Acting);
                    state = ActionState::Unknown;
                }
            }
            now = now + *pause;
            for sent_at in std::mem::take(&mut office.late) {
                office.arrives(sent_at, now);
            }
        }
        // Whatever is still under way arrives after the end.
        for sent_at in std::mem::take(&mut office.late) {
            office.arrives(sent_at, now);
        }
        prop_assert!(office.done <= 1);
        match end {
            Some(true) => prop_assert_eq!(office.done, 1),
            Some(false) => prop_assert_eq!(office.done, 0),
            None => {}
        }
    }

    /// Whatever is chosen and taken back, a walk is only confirmed when it is complete, and what was chosen was on offer.
    #[test]
    fn a_walk_confirms_only_what_is_complete(kind in 0_usize..3, picks in vec(0_usize..8, 0..30)) {
        let kind = [ActionKind::Book, ActionKind::Change, ActionKind::Cancel][kind];
        let found = Found {
            appointments: Some(vec![appointment("1", "passport", 1), appointment("2", "passport", 2)]),
            ..openings()
        };
        let mut walk = Walk::begin(kind, "passport", "护照", "");
        for pick in picks {
            match walk.next(&found, NOW) {
                Next::Ask(ask, options) => {
                    prop_assert!(!walk.is_complete() && !options.is_empty());
                    let before = walk.clone();
                    match options.get(pick) {
                        Some(option) => {
                            walk.choose(ask, &option.code, &found, NOW).unwrap();
                            let mut again = walk.clone();
                            again.back().unwrap();
                            prop_assert_eq!(again.given, before.given);
                        }
                        None => { let _ = walk.back(); }
                    }
                }
                Next::Confirm => {
                    prop_assert!(walk.is_complete());
                    walk.back().unwrap();
                    prop_assert!(!walk.is_complete());
                }
                Next::Need(_) | Next::Progress(_) => prop_assert!(false, "everything is known"),
                // The appointment's own hall has nothing else on that day.
                Next::Fail(why) => { prop_assert_eq!(why, ActionFailure::NoOpenings); let _ = walk.back(); }
            }
        }
    }
}
