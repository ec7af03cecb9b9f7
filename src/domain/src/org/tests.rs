//! What fits and what does not, by the name of the field; the tree; the roster; coverage.

use serde_json::{Value, json};

use super::*;
use crate::{
    AgentId, TeamId,
    calendar::{Calendar, CalendarFile, Holidays, Hours},
    ledger::{PolicyRef, Rule, StepAction},
    time::{DAY, HOUR, MINUTE, SECOND},
    words::Channel,
};

fn body(kind: Kind, value: Value) -> Body {
    Body::read(kind, value).unwrap()
}

fn unit(kind: &str, parent: Option<&str>) -> Value {
    json!({ "name": "某单位", "kind": kind, "parent": parent })
}

fn team(unit: &str) -> Value {
    json!({ "name": "某组", "unit": unit })
}

fn item(department: &str, team: &str) -> Value {
    json!({ "name": "居住证办理", "aliases": ["居住证"], "department": department, "audience": "person", "team": team,
        "highFrequency": true })
}

fn shift(team: &str, agent: u128) -> Value {
    json!({ "agent": AgentId::new(agent).to_string(), "team": team, "weekdays": [1, 2, 3, 4, 5], "from": "09:00",
        "to": "17:00", "validFrom": "2026-01-01" })
}

/// Each value with the fields that differ.
fn with(mut value: Value, changes: Value) -> Value {
    for (key, change) in changes.as_object().unwrap() {
        value[key] = change.clone();
    }
    value
}

fn directory(records: &[(Kind, &str, Value)]) -> Directory {
    let mut next = std::collections::BTreeMap::<Kind, u64>::new();
    Directory::new(records.iter().map(|(kind, id, value)| {
        let no = next.entry(*kind).or_default();
        *no += 1;
        let body = body(*kind, value.clone());
        Record { id: (*id).to_owned(), no: *no - 1, version: 1, changed_at: Timestamp(0), body }
    }))
}

/// City, two districts, a department of the city and one of a district, with a team each.
fn shanghai() -> Vec<(Kind, &'static str, Value)> {
    vec![
        (Kind::Unit, CITY, json!({ "name": "上海市", "kind": "city" })),
        (Kind::Unit, "xuhui", with(unit("district", Some(CITY)), json!({ "district": "xuhui" }))),
        (Kind::Unit, "huangpu", with(unit("district", Some(CITY)), json!({ "district": "huangpu" }))),
        (Kind::Unit, "police", unit("department", Some(CITY))),
        (Kind::Unit, "xuhui-police", with(unit("department", Some("xuhui")), json!({ "district": "xuhui" }))),
        (Kind::Team, GENERAL, team(CITY)),
        (Kind::Team, "residence", team("police")),
        (Kind::Team, "xuhui-residence", team("xuhui-police")),
        (Kind::Item, "residence-permit", item("police", "residence")),
    ]
}

fn card() -> Value {
    json!({ "name": "政务帮办", "questions": [{ "section": "首次响应", "text": "一分钟内响应", "points": 100 }] })
}

fn number(unit: &str) -> Value {
    json!({ "label": "窗口一", "number": "021-0000 0100", "unit": unit })
}

#[test]
fn a_telephone_stands_once_in_its_unit_and_a_direct_line_has_one() {
    let mut records = shanghai();
    records.push((Kind::TransferNumber, "first", number("police")));
    let known = directory(&records);
    for (id, changes, field) in [
        ("first", json!({}), None),
        ("other", json!({ "number": "02100000100" }), Some("number")),
        ("other", json!({ "unit": "xuhui-police" }), None),
        ("other", json!({ "number": "021-00000101", "districts": ["police"] }), Some("districts[0]")),
        ("other", json!({ "unit": "xuhui-police", "districts": ["xuhui"] }), Some("districts")),
        ("other", json!({ "number": "021-00000101", "items": ["nothing"] }), Some("items[0]")),
        ("other", json!({ "unit": "nowhere" }), Some("unit")),
    ] {
        let found = known.check(id, &body(Kind::TransferNumber, with(number("police"), changes.clone())));
        assert_eq!(found.err().map(|error| error.field), field.map(str::to_owned), "{changes}");
    }
    let direct = body(Kind::Item, with(item("police", "residence"), json!({ "directLine": true })));
    assert_eq!(known.check("residence-permit", &direct).unwrap_err().field, "numbers");
    let names_it = with(number("police"), json!({ "items": ["residence-permit"] }));
    records.push((Kind::TransferNumber, "second", names_it));
    assert_eq!(directory(&records).check("residence-permit", &direct), Ok(()));
    assert_eq!(directory(&records).owner(&body(Kind::TransferNumber, number("police"))), Some("police"));
}

fn plan() -> Value {
    json!({ "name": "周抽检", "card": "card", "per": "agent", "count": 2, "seed": 1 })
}

#[test]
fn a_plan_draws_only_of_its_units_teams_by_a_card_that_there_is() {
    let mut records = shanghai();
    records.push((Kind::ScoreCard, "card", card()));
    let directory = directory(&records);
    for (changes, field) in [
        (json!({}), None),
        (json!({ "card": "other" }), Some("card")),
        (json!({ "unit": "police", "teams": ["residence"] }), None),
        (json!({ "unit": "police", "teams": [GENERAL] }), Some("teams[0]")),
        (json!({ "unit": "nowhere" }), Some("unit")),
    ] {
        let found = directory.check("p", &body(Kind::SamplePlan, with(plan(), changes.clone())));
        assert_eq!(found.err().map(|error| error.field), field.map(str::to_owned), "{changes}");
    }
}

#[test]
fn every_field_that_cannot_be_taken_is_named() {
    let policy =
        json!({ "name": "一分钟", "warnSeconds": 30, "alertSeconds": 45, "breachSeconds": 60, "offerSeconds": 15 });
    let step = |more| json!({ "steps": [with(json!({ "promise": "next_response", "actions": ["alert"] }), more)] });
    let notice = json!({ "text": "系统维护", "level": "warning", "from": 5 });
    let special = json!({ "first": "2026-12-31", "last": "2027-01-02", "periods": ["09:00-12:00"] });
    for (kind, good, change, field) in [
        (Kind::Unit, unit("district", Some(CITY)), json!({ "name": "" }), "name"),
        (Kind::Unit, unit("district", Some(CITY)), json!({ "name": "a\nb" }), "name"),
        (Kind::Unit, unit("district", Some(CITY)), json!({ "name": "x".repeat(101) }), "name"),
        (Kind::Unit, unit("district", Some(CITY)), json!({ "parent": null }), "parent"),
        (Kind::Unit, unit("district", Some(CITY)), json!({ "kind": "city" }), "parent"),
        (Kind::Unit, unit("district", Some(CITY)), json!({ "hours": {} }), "hours"),
        (
            Kind::Unit,
            unit("district", Some(CITY)),
            json!({ "hours": { "always": true, "periods": ["09:00-10:00"] } }),
            "hours",
        ),
        (
            Kind::Unit,
            unit("district", Some(CITY)),
            json!({ "hours": { "periods": ["09:00-11:30", "11:00-17:00"] } }),
            "hours.periods[1]",
        ),
        (Kind::Team, team(CITY), json!({ "unit": "Police" }), "unit"),
        (Kind::Team, team(CITY), json!({ "hours": { "periods": ["9:00-11:30"] } }), "hours.periods[0]"),
        (Kind::Team, team(CITY), json!({ "slotMinutes": 0 }), "slotMinutes"),
        (Kind::Team, team(CITY), json!({ "slotCapacity": 0 }), "slotCapacity"),
        (Kind::Shift, shift("residence", 1), json!({ "weekdays": [0] }), "weekdays"),
        (Kind::Shift, shift("residence", 1), json!({ "weekdays": [2, 1] }), "weekdays"),
        (Kind::Shift, shift("residence", 1), json!({ "weekdays": [] }), "weekdays"),
        (Kind::Shift, shift("residence", 1), json!({ "from": "24:00" }), "from"),
        (Kind::Shift, shift("residence", 1), json!({ "to": "17.00" }), "to"),
        (Kind::Shift, shift("residence", 1), json!({ "validTo": "2025-12-31" }), "validTo"),
        (Kind::Item, item("police", "residence"), json!({ "aliases": ["居住证", "居住证"] }), "aliases[1]"),
        (Kind::Item, item("police", "residence"), json!({ "aliases": [" 居住证"] }), "aliases[0]"),
        (
            Kind::Item,
            item("police", "residence"),
            json!({ "situations": [{ "code": "首次", "name": "首次" }] }),
            "situations[0].code",
        ),
        (
            Kind::Item,
            item("police", "residence"),
            json!({ "numbers": [{ "label": "窗口", "number": "12" }] }),
            "numbers[0].number",
        ),
        (Kind::SlaPolicy, policy.clone(), json!({ "warnSeconds": 0 }), "warnSeconds"),
        (Kind::SlaPolicy, policy.clone(), json!({ "alertSeconds": 30 }), "alertSeconds"),
        (Kind::SlaPolicy, policy.clone(), json!({ "breachSeconds": 3601 }), "breachSeconds"),
        (Kind::SlaPolicy, policy.clone(), json!({ "offerSeconds": 0 }), "offerSeconds"),
        (Kind::SlaPolicy, policy.clone(), json!({ "team": "a", "item": "b" }), "team"),
        (Kind::SlaPolicy, policy.clone(), json!({ "nextResponseSeconds": 9 }), "nextResponseSeconds"),
        (Kind::SlaPolicy, policy.clone(), step(json!({ "percent": 50, "seconds": 1 })), "steps[0].percent"),
        (Kind::SlaPolicy, policy.clone(), step(json!({})), "steps[0].percent"),
        (Kind::SlaPolicy, policy.clone(), step(json!({ "percent": 1_001 })), "steps[0].percent"),
        (Kind::SlaPolicy, policy.clone(), step(json!({ "seconds": 0 })), "steps[0].seconds"),
        (Kind::SlaPolicy, policy.clone(), step(json!({ "seconds": 1, "actions": [] })), "steps[0].actions"),
        (Kind::SlaPolicy, policy.clone(), step(json!({ "seconds": 1, "actions": ["widen"] })), "steps[0].actions[0]"),
        (Kind::SlaPolicy, policy, step(json!({ "seconds": 1, "promise": "call_back" })), "steps[0].promise"),
        (Kind::Notice, notice.clone(), json!({ "to": 5 }), "to"),
        (Kind::Notice, notice, json!({ "items": ["a", "b", "a"] }), "items[2]"),
        (
            Kind::Notice,
            json!({ "text": "停电", "level": "outage", "from": 5, "closes": true }),
            json!({ "items": ["a"] }),
            "closes",
        ),
        (Kind::SpecialHours, special.clone(), json!({ "last": "2026-12-30" }), "last"),
        (Kind::SpecialHours, special.clone(), json!({ "last": "2027-03-04" }), "last"),
        (Kind::SpecialHours, special.clone(), json!({ "periods": ["9-12"] }), "periods[0]"),
        (Kind::SpecialHours, special, json!({ "teams": ["a", "a"] }), "teams[1]"),
        (
            Kind::CalendarYear,
            json!({ "daysOff": [{ "date": "2027-01-01", "name": "元旦" }] }),
            json!({ "source": "x".repeat(201) }),
            "source",
        ),
        (Kind::CannedAnswer, json!({ "title": "问候", "text": "您好" }), json!({ "text": "" }), "text"),
        (Kind::Retention, json!({ "days": 180 }), json!({ "days": 0 }), "days"),
        (Kind::ScoreCard, card(), json!({ "questions": [] }), "questions"),
        (Kind::ScoreCard, card(), json!({ "questions": [{ "section": "a", "text": "b", "points": 99 }] }), "questions"),
        (
            Kind::ScoreCard,
            card(),
            json!({ "questions": [{ "section": "a", "text": "", "points": 100 }] }),
            "questions[0].text",
        ),
        (
            Kind::ScoreCard,
            card(),
            json!({ "questions": [{ "section": "a", "text": "b", "points": 0 }] }),
            "questions[0].points",
        ),
        (Kind::SamplePlan, plan(), json!({ "count": null }), "count"),
        (Kind::SamplePlan, plan(), json!({ "percent": 10 }), "percent"),
        (Kind::SamplePlan, plan(), json!({ "count": null, "percent": 101 }), "percent"),
        (Kind::SamplePlan, plan(), json!({ "count": 501 }), "count"),
        (Kind::SamplePlan, plan(), json!({ "teams": ["a", "a"] }), "teams[1]"),
        (Kind::TransferNumber, number("police"), json!({ "label": "" }), "label"),
        (Kind::TransferNumber, number("police"), json!({ "number": "1234" }), "number"),
        (Kind::TransferNumber, number("police"), json!({ "unit": "" }), "unit"),
        (Kind::TransferNumber, number("police"), json!({ "items": ["a", "a"] }), "items[1]"),
        (Kind::TransferNumber, number("police"), json!({ "districts": ["徐汇"] }), "districts[0]"),
        (Kind::TransferNumber, number("police"), json!({ "rank": 0 }), "rank"),
        (Kind::TransferNumber, number("police"), json!({ "rank": 1000 }), "rank"),
        (Kind::TransferNumber, number("police"), json!({ "note": "x".repeat(201) }), "note"),
        (
            Kind::LegalHold,
            json!({ "subject": "ct_00000000000000000000000000000001", "reason": "诉讼" }),
            json!({ "subject": "ag_00000000000000000000000000000001" }),
            "subject",
        ),
    ] {
        assert_eq!(body(kind, good.clone()).check(), Ok(()), "{good}");
        let bad = with(good, change);
        assert_eq!(body(kind, bad.clone()).check().unwrap_err().field, field, "{bad}");
    }
}

#[test]
fn what_is_not_known_is_refused_and_what_was_written_is_read_again() {
    assert!(Body::read(Kind::Team, with(team(CITY), json!({ "colour": "red" }))).is_err());
    assert!(Body::read(Kind::Team, json!({ "name": "某组" })).is_err());
    for (kind, _, value) in shanghai() {
        let body = body(kind, value);
        assert_eq!(Body::read(kind, serde_json::to_value(&body).unwrap()).unwrap(), body);
    }
}

#[test]
fn codes_are_plain_and_those_of_prepared_texts_are_what_people_type() {
    for (kind, id, is_good) in [
        (Kind::Item, "residence-permit", true),
        (Kind::Item, "", false),
        (Kind::Item, "Residence", false),
        (Kind::Item, "居住证", false),
        (Kind::Item, "../etc", false),
        (Kind::CalendarYear, "2027", true),
        (Kind::CalendarYear, "27", false),
        (Kind::CannedAnswer, "问候", true),
        (Kind::CannedAnswer, "hi there", false),
        (Kind::CannedAnswer, "a/b", false),
        (Kind::Retention, "threads", true),
        // Nothing has this time: a record of it would be kept and never read.
        (Kind::Retention, "drafts", false),
    ] {
        assert_eq!(check_id(kind, id).is_ok(), is_good, "{kind} {id}");
    }
}

#[test]
fn the_tree_gives_the_way_up_and_hours_come_down_it() {
    let mut records = shanghai();
    records[3].2 = with(records[3].2.clone(), json!({ "hours": { "periods": ["08:00-20:00"] } }));
    let directory = directory(&records);
    assert_eq!(directory.above("xuhui-police"), ["xuhui-police", "xuhui", CITY]);
    assert_eq!(directory.above(CITY), [CITY]);
    assert!(directory.above("nowhere").is_empty());
    let periods = |team| directory.hours(team).map(|hours| hours.periods.join(" "));
    assert_eq!(periods("residence").as_deref(), Some("08:00-20:00"));
    assert_eq!((periods("xuhui-residence"), periods(GENERAL)), (None, None));
    let xuhui = directory.record(Kind::Unit, "xuhui").unwrap();
    assert_eq!(directory.seat("xuhui", &xuhui.body), Some("xuhui"), "whoever rules there rules the unit itself");
    let new = body(Kind::Unit, unit("office", Some("huangpu")));
    assert_eq!(directory.seat("new", &new), Some("huangpu"));
    assert_eq!(directory.seat("residence-permit", &body(Kind::Item, item("police", "residence"))), Some("police"));
    assert_eq!(directory.seat("s1", &body(Kind::Shift, shift("xuhui-residence", 1))), Some("xuhui-police"));
}

#[test]
fn a_record_has_to_fit_among_the_others() {
    let directory = directory(&shanghai());
    let policy = json!({ "name": "慢", "warnSeconds": 1, "alertSeconds": 2, "breachSeconds": 3, "offerSeconds": 1 });
    for (kind, id, value, field) in [
        (Kind::Unit, "new", unit("office", Some("nowhere")), Some("parent")),
        (Kind::Unit, "xuhui", unit("district", Some("xuhui-police")), Some("parent")),
        (Kind::Unit, "new", unit("district", Some("police")), Some("parent")),
        (Kind::Unit, "new", json!({ "name": "又一个市", "kind": "city" }), Some("kind")),
        (Kind::Unit, CITY, unit("district", Some("xuhui")), Some("kind")),
        (Kind::Unit, "new", with(unit("office", Some("police")), json!({ "district": "xuhui" })), Some("district")),
        (Kind::Unit, "new", with(unit("office", Some("xuhui-police")), json!({ "district": "xuhui" })), None),
        (Kind::Team, "new", team("nowhere"), Some("unit")),
        (Kind::Item, "new", item("nowhere", "residence"), Some("department")),
        (Kind::Item, "new", with(item("xuhui-police", "residence"), json!({ "delegated": true })), Some("department")),
        (Kind::Item, "new", with(item("police", "residence"), json!({ "delegated": true })), None),
        (Kind::Item, "new", item("police", "nobody"), Some("team")),
        (
            Kind::Item,
            "new",
            with(item("police", "residence"), json!({ "districts": ["xuhui", "police"] })),
            Some("districts[1]"),
        ),
        (Kind::Item, "new", with(item("police", "residence"), json!({ "districts": ["xuhui", "huangpu"] })), None),
        (Kind::SlaPolicy, "new", with(policy.clone(), json!({ "team": "nobody" })), Some("team")),
        (Kind::SlaPolicy, "new", policy, None),
        (Kind::Notice, "new", json!({ "text": "a", "level": "info", "from": 0, "items": ["none"] }), Some("items[0]")),
    ] {
        let found = directory.check(id, &body(kind, value.clone())).map_err(|invalid| invalid.field);
        assert_eq!(found.err().as_deref(), field, "{id} {value}");
    }
}

#[test]
fn a_team_has_one_policy_and_the_one_for_all_if_it_has_none() {
    let policy = |team: Option<&str>, warn: u32| {
        json!({ "name": "政策", "team": team, "warnSeconds": warn, "alertSeconds": 45, "breachSeconds": 60,
            "offerSeconds": 15 })
    };
    let mut records = shanghai();
    assert!(directory(&records).policy("residence").is_none());
    records.push((Kind::SlaPolicy, "all", policy(None, 20)));
    records.push((Kind::SlaPolicy, "own", policy(Some("residence"), 10)));
    let directory = directory(&records);
    let warn = |team| directory.policy(team).map(|policy| policy.warn_seconds);
    assert_eq!((warn("residence"), warn(GENERAL)), (Some(10), Some(20)));
    let second = directory.check("second", &body(Kind::SlaPolicy, policy(Some("residence"), 10)));
    assert_eq!(second.unwrap_err().field, "team");
    assert_eq!(directory.check("own", &body(Kind::SlaPolicy, policy(Some("residence"), 11))), Ok(()));
}

#[test]
fn the_most_particular_policy_wins() {
    let policy = |scope: Value| {
        let numbers =
            json!({ "name": "政策", "warnSeconds": 30, "alertSeconds": 45, "breachSeconds": 60, "offerSeconds": 15 });
        with(numbers, scope)
    };
    let (item, team, channel) = ("residence-permit", "residence", "counter");
    // From the least to the most particular: each holds as long as no later one is there.
    let scopes = [
        ("all", json!({})),
        ("channel", json!({ "channel": channel })),
        ("team", json!({ "team": team })),
        ("team-channel", json!({ "team": team, "channel": channel })),
        ("item", json!({ "item": item })),
        ("item-channel", json!({ "item": item, "channel": channel })),
    ];
    let mut records = shanghai();
    for (id, scope) in scopes.clone() {
        records.push((Kind::SlaPolicy, id, policy(scope)));
        let directory = directory(&records);
        let found = directory.policy_for(team, Some(item), Channel::Counter).map(|(record, _)| record.id.as_str());
        assert_eq!(found, Some(id));
    }
    let directory = directory(&records);
    let held = |team, item, channel| directory.policy_for(team, item, channel).unwrap().0.id.as_str();
    assert_eq!(held(team, Some(item), Channel::Pc), "item");
    assert_eq!(held(team, Some("other"), Channel::Counter), "team-channel");
    assert_eq!(held(team, None, Channel::Pc), "team");
    assert_eq!(held(GENERAL, None, Channel::Counter), "channel");
    assert_eq!(held(GENERAL, None, Channel::Pc), "all");
    assert_eq!(directory.policy(team), directory.sla_policy("team"), "of the team as such");
    for (id, scope) in scopes {
        let twice = directory.check("second", &body(Kind::SlaPolicy, policy(scope.clone())));
        assert_eq!(twice.unwrap_err().field, "team", "{id} is there already");
        assert_eq!(directory.check(id, &body(Kind::SlaPolicy, policy(scope))), Ok(()));
    }
    assert_eq!(directory.referrers(Kind::Item, item).count(), 2, "an item that a policy names stays");
    let owner = |scope| directory.owner(&body(Kind::SlaPolicy, policy(scope))).map(str::to_owned);
    assert_eq!(owner(json!({ "item": item })).as_deref(), Some("police"), "changed by those who rule its team");
    assert_eq!(owner(json!({ "channel": channel })), None, "the city's");
}

#[test]
fn a_policy_says_what_follows_when() {
    let said = json!({ "name": "政策", "warnSeconds": 30, "alertSeconds": 45, "breachSeconds": 60, "offerSeconds": 15,
        "nextResponseSeconds": 120, "steps": [
            { "promise": "next_response", "seconds": 240, "actions": ["alert"] },
            { "promise": "next_response", "percent": 75, "actions": ["notify"] },
            { "promise": "next_response", "seconds": 90, "actions": ["alert", "notify"] },
            { "promise": "first_response", "percent": 50, "actions": ["widen"] },
            { "promise": "first_response", "seconds": 10, "actions": ["widen"] },
            { "promise": "first_response", "percent": 90, "actions": ["offer_to_all"] },
        ] });
    let Body::SlaPolicy(policy) = body(Kind::SlaPolicy, said) else { unreachable!() };
    policy.check().unwrap();
    let named = PolicyRef { id: "sla".to_owned(), version: 2 };
    let rule = policy.next_response(180 * SECOND, named.clone());
    let both = vec![StepAction::Notify, StepAction::Alert];
    let steps = vec![(90 * SECOND, both), (240 * SECOND, vec![StepAction::Alert])];
    assert_eq!(rule, Rule { span: 120 * SECOND, steps, policy: Some(named.clone()) });
    assert_eq!((policy.widens(), policy.all_after()), (vec![10 * SECOND, 30 * SECOND], Some(54 * SECOND)));
    let late = SlaPolicy {
        steps: policy.steps.iter().filter(|step| step.seconds == Some(240)).cloned().collect(),
        ..policy.clone()
    };
    let steps = vec![(120 * SECOND, Vec::new()), (240 * SECOND, vec![StepAction::Alert])];
    assert_eq!(late.next_response(180 * SECOND, named.clone()).steps, steps, "its end is a step of every promise");
    let silent = SlaPolicy { next_response_seconds: None, steps: Vec::new(), ..policy };
    assert_eq!(silent.next_response(180 * SECOND, named.clone()), Rule::usual(180 * SECOND, Some(named)));
}

#[test]
fn a_row_that_leads_nowhere_breaks_nothing_and_is_reported() {
    let mut records = shanghai();
    records.push((Kind::Unit, "lost", unit("office", Some("gone"))));
    records.push((Kind::Unit, "snake", unit("office", Some("tail"))));
    records.push((Kind::Unit, "tail", unit("office", Some("snake"))));
    records.push((Kind::Item, "orphan", item("lost", "nobody")));
    let directory = directory(&records);
    assert_eq!(directory.above("lost"), ["lost", "gone", CITY]);
    assert_eq!(directory.above("snake"), ["snake", "tail", CITY]);
    assert_eq!(directory.team_of(Some("orphan")), GENERAL);
    let problems: Vec<String> =
        directory.problems().map(|problem| format!("{} {}", problem.id, problem.what.field)).collect();
    assert_eq!(problems, ["lost parent", "snake parent", "tail parent", "orphan team"]);
}

#[test]
fn a_change_makes_a_new_state_and_leaves_the_old_one_as_it_was() {
    let before = directory(&shanghai());
    let moved = Record {
        id: "xuhui-police".to_owned(),
        no: 4,
        version: 2,
        changed_at: Timestamp(1),
        body: body(Kind::Unit, unit("department", Some("huangpu"))),
    };
    let after = before.with(Kind::Unit, [("xuhui-police".to_owned(), Some(moved))]);
    assert_eq!(after.above("xuhui-police"), ["xuhui-police", "huangpu", CITY]);
    assert_eq!(before.above("xuhui-police"), ["xuhui-police", "xuhui", CITY]);
    let gone = after.with(Kind::Team, [("residence".to_owned(), None)]);
    assert_eq!((gone.team_id("residence"), gone.team_slots()), (None, 3), "its number is not given away");
    assert_eq!(gone.team_id("xuhui-residence"), Some(TeamId(2)));
    assert_eq!(gone.team_at(TeamId(1)), None);
    let names = |kind, id| before.referrers(kind, id).map(|record| record.id.as_str()).collect::<Vec<_>>();
    assert_eq!(names(Kind::Unit, "police"), ["residence", "residence-permit"]);
    assert_eq!(names(Kind::Team, "residence"), ["residence-permit"]);
    assert!(names(Kind::Item, "residence-permit").is_empty());
    assert_eq!(before.records(Kind::Team, Some(0)).map(|record| record.no).collect::<Vec<_>>(), [1, 2]);
}

fn holidays() -> Holidays {
    let text = include_str!("../../../../config/calendar/holidays_cn.json");
    serde_json::from_str::<CalendarFile>(text).unwrap().try_into().unwrap()
}

fn calendar() -> Calendar {
    Calendar::new(holidays(), Hours::WorkingDays, &["09:00-11:30", "13:30-17:00"]).unwrap()
}

/// Local Shanghai time.
fn at(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = format!("{}:00+08:00", text.replace(' ', "T")).parse().unwrap();
    Timestamp(instant.as_millisecond())
}

#[test]
fn who_is_on_duty_follows_the_official_calendar() {
    let week = json!([1, 2, 3, 4, 5]);
    for (changes, day, is_on) in [
        (json!({ "weekdays": week }), "2026-11-24", true), // an ordinary Tuesday
        (json!({ "weekdays": [1, 3] }), "2026-11-24", false),
        (json!({ "weekdays": week }), "2026-11-28", false), // an ordinary Saturday
        (json!({ "weekdays": [6] }), "2026-11-28", true),
        (json!({ "weekdays": week }), "2026-10-01", false), // a Thursday, National Day
        (json!({ "weekdays": [4] }), "2026-10-01", false),
        (json!({ "weekdays": [7] }), "2026-10-01", true), // who works on Sundays works on holidays
        (json!({ "weekdays": week }), "2025-10-11", true), // a Saturday that is worked
        (json!({ "weekdays": [1, 2] }), "2025-10-11", false),
        (json!({ "weekdays": [6] }), "2025-10-11", true),
        (json!({ "weekdays": [], "validFrom": "2026-10-01", "validTo": "2026-10-01" }), "2026-10-01", true),
        (json!({ "weekdays": week, "validFrom": "2026-11-25" }), "2026-11-24", false),
        (json!({ "weekdays": week, "validFrom": "2026-11-24", "validTo": "2026-11-25" }), "2026-11-25", true),
        (json!({ "weekdays": week, "validFrom": "2026-11-23", "validTo": "2026-11-24" }), "2026-11-25", false),
    ] {
        let value = with(with(shift("residence", 1), json!({ "validFrom": "2025-01-01" })), changes);
        let Body::Shift(shift) = body(Kind::Shift, value.clone()) else { panic!("{value}") };
        assert_eq!(shift.check(), Ok(()), "{value}");
        assert_eq!(shift.is_on(day.parse().unwrap(), &holidays()), is_on, "{value} on {day}");
    }
}

#[test]
fn duties_begin_and_end_to_the_millisecond_and_may_last_over_midnight() {
    let mut records = shanghai();
    records.push((Kind::Shift, "day", shift("residence", 1)));
    records.push((Kind::Shift, "night", with(shift("residence", 2), json!({ "from": "22:00", "to": "06:00" }))));
    records.push((Kind::Shift, "other", shift(GENERAL, 3)));
    let directory = directory(&records);
    let holidays = holidays();
    let on_duty = |instant: Timestamp| {
        let duties = directory.duties("residence", instant, instant + 1, &holidays);
        duties.iter().map(|duty| duty.agent).collect::<Vec<_>>()
    };
    let (one, two) = (vec![AgentId::new(1)], vec![AgentId::new(2)]);
    for (instant, who) in [
        (at("2026-11-24 09:00") - 1, vec![]),
        (at("2026-11-24 09:00"), one.clone()),
        (at("2026-11-24 17:00") - 1, one),
        (at("2026-11-24 17:00"), vec![]),
        (at("2026-11-24 22:00"), two.clone()),
        (at("2026-11-25 06:00") - 1, two.clone()),
        (at("2026-11-25 06:00"), vec![]),
        (at("2026-11-28 05:59"), two), // Friday's night ends on Saturday
        (at("2026-11-28 22:00"), vec![]),
    ] {
        assert_eq!(on_duty(instant), who, "{instant:?}");
    }
}

fn covered(records: &[(Kind, &str, Value)], from: Timestamp, span: i64) -> Coverage {
    let (calendar, directory) = (calendar(), directory(records));
    coverage(&directory, |_, _| true, |_| &calendar, |agent, _| agent != AgentId::new(9), from, from + span)
}

#[test]
fn holes_are_the_service_hours_in_which_nobody_of_the_team_is_on_duty() {
    let tuesday = at("2026-11-24 00:00");
    let mut records = shanghai();
    records.push((Kind::Item, "other", with(item("police", GENERAL), json!({ "highFrequency": false }))));
    let hole = |from: &str, to: &str| Hole {
        item: "residence-permit".to_owned(),
        team: "residence".to_owned(),
        from: at(from),
        to: at(to),
    };
    let nobody = covered(&records, tuesday, DAY);
    assert_eq!((nobody.items, nobody.covered), (1, 0));
    assert_eq!(
        nobody.holes,
        [hole("2026-11-24 09:00", "2026-11-24 11:30"), hole("2026-11-24 13:30", "2026-11-24 17:00")]
    );
    let mut add = |id, changes| records.push((Kind::Shift, id, with(shift("residence", 1), changes)));
    add("a", json!({ "from": "08:00", "to": "10:30" }));
    add("b", json!({ "from": "10:30", "to": "16:00" }));
    // Left the service: does not count.
    add("c", json!({ "agent": AgentId::new(9).to_string() }));
    let partly = covered(&records, tuesday, DAY);
    assert_eq!(partly.holes, [hole("2026-11-24 16:00", "2026-11-24 17:00")]);
    // From the middle of the hole on.
    assert_eq!(covered(&records, tuesday + 16 * HOUR + 30 * MINUTE, HOUR).holes[0].from, at("2026-11-24 16:30"));
    records.push((Kind::Shift, "d", with(shift("residence", 2), json!({ "from": "15:59" }))));
    assert_eq!(covered(&records, tuesday, 7 * DAY), Coverage { items: 1, covered: 1, holes: Vec::new() });
}

#[test]
fn nobody_owes_duty_on_a_free_day_and_a_worked_saturday_has_to_be_covered() {
    let records = shanghai();
    assert_eq!(covered(&records, at("2026-10-01 00:00"), DAY).covered, 1, "a holiday has no service hours");
    assert_eq!(covered(&records, at("2025-10-11 00:00"), DAY).holes.len(), 2, "a make-up Saturday has");
    let mut on_mondays = records.clone();
    on_mondays.push((
        Kind::Shift,
        "a",
        with(shift("residence", 1), json!({ "weekdays": [1], "validFrom": "2025-01-01" })),
    ));
    assert_eq!(covered(&on_mondays, at("2025-10-11 00:00"), DAY).holes.len(), 2);
    let mut all_week = records;
    all_week.push((Kind::Shift, "a", with(shift("residence", 1), json!({ "validFrom": "2025-01-01" }))));
    assert_eq!(covered(&all_week, at("2025-10-11 00:00"), DAY).covered, 1);
}

#[test]
fn an_item_without_its_team_is_covered_by_the_general_one() {
    let mut records = shanghai();
    records[8].2 = item("police", "gone");
    assert_eq!(covered(&records, at("2026-11-24 00:00"), DAY).holes[0].team, GENERAL);
}

#[test]
fn a_teams_calendar_is_made_of_years_hours_dates_and_closures() {
    let mut records = shanghai();
    let special = |unit: Option<&str>, periods: &[&str]| json!({ "unit": unit, "first": "2027-01-04", "last": "2027-01-04", "periods": periods });
    let year = json!({ "daysOff": [{ "date": "2027-01-01" }], "workDays": [{ "date": "2027-01-03" }] });
    let closure =
        json!({ "text": "停电", "level": "outage", "from": at("2027-01-05 10:00").0, "unit": "xuhui", "closes": true });
    records.extend([
        (Kind::CalendarYear, "2027", year.clone()),
        (Kind::SpecialHours, "district", special(Some("xuhui"), &["10:00-11:00"])),
        (Kind::SpecialHours, "city", special(None, &[])),
        (Kind::Notice, "closure", closure),
        (Kind::Notice, "told-only", json!({ "text": "慢", "level": "warning", "from": 0 })),
    ]);
    let directory = directory(&records);
    let periods = ["09:00-11:30", "13:30-17:00"];
    let configured = Calendar::new(Holidays::default(), Hours::WorkingDays, &periods).unwrap();
    let configured = configured.with_holidays(directory.holidays(configured.holidays()));
    for (team, when, open) in [
        (None, "2027-01-01 10:00", false),
        (None, "2027-01-03 10:00", true), // the Sunday for it
        (None, "2027-01-04 10:00", false),
        (Some("residence"), "2027-01-04 10:00", false),
        // The nearer word holds.
        (Some("xuhui-residence"), "2027-01-04 10:00", true),
        (Some("xuhui-residence"), "2027-01-04 11:00", false),
        (Some("xuhui-residence"), "2027-01-05 09:59", true),
        (Some("xuhui-residence"), "2027-01-05 10:00", false),
        (Some("xuhui-residence"), "2027-02-05 10:00", false), // until it is lifted
        (Some("residence"), "2027-01-05 10:00", true),
        (None, "2027-01-05 10:00", true),
    ] {
        assert_eq!(directory.calendar(team, &configured).in_service(at(when)), open, "{team:?} {when}");
    }
    let fits = |id: &str| directory.check(id, &body(Kind::CalendarYear, year.clone())).map_err(|bad| bad.field);
    assert_eq!((fits("2027"), fits("2028")), (Ok(()), Err("daysOff".to_owned())));
    let unknown = body(Kind::SpecialHours, special(Some("nowhere"), &[]));
    assert_eq!(directory.check("new", &unknown).unwrap_err().field, "unit");
}
