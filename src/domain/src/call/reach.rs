//! Whom a call about an item, a department or a telephone is put through to (rule 6): the professionals on duty by the roster,
//! nearest first, then telephones in order.
//!
//! *People.* Duty is that of the teams' shifts. In this order: the line of work in the caller's district (not of a delegated
//! item, whose answers stay with the city: rule 11), the item's own team, the department's own teams, the other teams of the
//! line in the city's department. Within one of these whoever has been free for longest comes first. The general team is of
//! no line: it is who asks, not who is asked.
//!
//! *Telephones.* First those that name the item, then the item's own, then those of the units for all their items; each time
//! those of the caller's district before those of the city, then by rank.

use std::collections::{BTreeSet, HashMap};

use super::{
    io::{About, MAX_CANDIDATES, Number, Party, Plan},
    vocabulary::Order,
};
use crate::{
    AgentId, Timestamp,
    calendar::Holidays,
    org::{self, Directory, Duty, Item, TransferNumber},
};

/// Who is on duty at one moment, by the code of the team.
#[derive(Debug, Clone, Default)]
pub struct Roster<'a> {
    teams: HashMap<&'a str, Vec<Duty>>,
}

impl<'a> Roster<'a> {
    /// Looks at every shift once.
    #[must_use]
    pub fn at(directory: &'a Directory, holidays: &Holidays, now: Timestamp) -> Self {
        let mut teams: HashMap<&str, Vec<Duty>> = HashMap::new();
        for (_, shift) in directory.shifts() {
            let duties = shift.duties(now, now + 1, holidays);
            // Both ends are as the shift says: it begins on the millisecond, and its end belongs to it no more.
            let is_now = |duty: &Duty| duty.from <= now && now < duty.to;
            for duty in duties.filter(is_now) {
                teams.entry(&shift.team).or_default().push(duty);
            }
        }
        Self { teams }
    }

    fn of(&self, team: &str) -> &[Duty] {
        self.teams.get(team).map_or(&[], Vec::as_slice)
    }
}

/// What somebody is to be put through to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Code of an item.
    Item(&'a str),
    /// Code of a unit.
    Department(&'a str),
    /// Code of a [`TransferNumber`].
    Telephone(&'a str),
}

/// Can somebody who stands in the roster be rung?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// They work in the team no more, or not for this item.
    Left,
    /// They should be there, and are not.
    Away,
    /// Their page or telephone is there; nobody has been put through to them since then.
    Free {
        /// Longest first.
        since: Timestamp,
    },
}

/// Somebody on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDuty<'a> {
    /// Who.
    pub agent: AgentId,
    /// Code of the team in whose roster they stand.
    pub team: &'a str,
    /// End of the duty.
    pub until: Timestamp,
    /// Are they there to be rung?
    pub is_there: bool,
}

/// A telephone that would be rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telephone<'a> {
    /// What is dialled.
    pub number: Number,
    /// Whose it is.
    pub label: &'a str,
    /// Code of its record; `None`: it stands in the item.
    pub record: Option<&'a str>,
    /// Is it rung without an operator (三方直转)?
    pub is_direct: bool,
}

/// Who could answer, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach<'a> {
    /// By what the request is counted.
    pub about: About,
    /// Has the item a direct line?
    pub has_direct_line: bool,
    /// People on duty, also those who are not there.
    pub on_duty: Vec<OnDuty<'a>>,
    /// Telephones.
    pub telephones: Vec<Telephone<'a>>,
}

impl Reach<'_> {
    fn plan_of(&self, is_direct: bool) -> Plan {
        let people = self.on_duty.iter().filter(|one| one.is_there).map(|one| Party::Agent(one.agent));
        let telephones = self.telephones.iter().filter(|one| !is_direct || one.is_direct);
        let telephones = telephones.map(|one| Party::Number(one.number.clone()));
        let candidates = people.chain(telephones).take(MAX_CANDIDATES).collect();
        Plan { about: self.about.clone(), candidates, order: Order::InOrder }
    }

    /// The plan of a request that an operator makes; without candidates nobody is reached.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.plan_of(false)
    }

    /// The plan of a call that is put through without an operator; `None`: the item has no direct line, or nobody would
    /// answer it.
    #[must_use]
    pub fn direct(&self) -> Option<Plan> {
        let plan = self.plan_of(true);
        (self.has_direct_line && !plan.candidates.is_empty()).then_some(plan)
    }
}

/// What it is about, looked up.
struct Wanted<'a> {
    unit: &'a str,
    item: Option<(&'a str, &'a Item)>,
    line: Option<&'a str>,
    district: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// `None`: there is nothing with this code, or it is one telephone.
    fn of(directory: &'a Directory, target: Target<'a>, district: Option<&'a str>) -> Option<Self> {
        let (unit, item) = match target {
            Target::Item(code) => {
                let item = directory.item(code)?;
                (item.department.as_str(), Some((code, item)))
            }
            Target::Department(code) => {
                directory.unit(code)?;
                (code, None)
            }
            Target::Telephone(_) => return None,
        };
        let district = directory.district_of(unit).or(district);
        Some(Self { unit, item, line: directory.line(unit), district })
    }

    /// The teams whose people are asked, by how near they are.
    fn teams(&self, directory: &'a Directory) -> Vec<(usize, &'a str)> {
        let nearness = |code: &str, unit: &str| {
            let line = directory.line(unit)?;
            let district = directory.district_of(unit);
            let is_here = district.is_none() || self.district.is_none() || district == self.district;
            let is_items = self.item.is_some_and(|(item, _)| directory.team_of(Some(item)) == code);
            let is_of_line = self.line == Some(line);
            let is_delegated = self.item.is_some_and(|(_, item)| item.delegated);
            match district {
                Some(_) if is_of_line && district == self.district && !is_delegated => Some(0),
                _ if is_items && is_here => Some(1),
                None if directory.above(unit).iter().any(|above| above == self.unit) => Some(2),
                None if is_of_line => Some(3),
                _ => None,
            }
        };
        let teams = directory.teams();
        teams.filter_map(|(code, team)| Some((nearness(code, &team.unit)?, code))).collect()
    }

    /// How near a telephone is; `None`: it is not rung.
    fn nearness(&self, directory: &Directory, number: &TransferNumber) -> Option<(u8, bool, bool, u32)> {
        if number.is_off || !number.takes(directory, self.district) {
            return None;
        }
        let is_of_city = directory.district_of(&number.unit).is_none();
        let names_item = self.item.is_some_and(|(code, _)| number.items.iter().any(|item| item == code));
        if names_item {
            return Some((0, is_of_city, false, number.rank));
        }
        let is_above = directory.above(self.unit).contains(&number.unit);
        let is_of_line = self.line.is_some() && directory.line(&number.unit) == self.line;
        let is_items = if is_of_city { is_above && is_of_line } else { is_of_line };
        (number.items.is_empty() && is_items).then_some((2, is_of_city, number.unit != self.unit, number.rank))
    }

    fn telephones(&self, directory: &'a Directory) -> Vec<Telephone<'a>> {
        let shared = directory.transfer_numbers().filter_map(|(code, number)| {
            let telephone = telephone(&number.number, &number.label, Some(code), number.direct_line)?;
            Some((self.nearness(directory, number)?, telephone))
        });
        let own = self.item.into_iter().flat_map(|(_, item)| {
            let of = |one: &'a org::Number| telephone(&one.number, &one.label, None, item.direct_line);
            item.numbers.iter().filter_map(of)
        });
        let mut found: Vec<_> = shared.chain(own.map(|one| ((1, false, false, 0), one))).collect();
        found.sort_by_key(|(nearness, _)| *nearness);
        // The same telephone twice is rung once, and directly if either says so.
        let mut once: Vec<Telephone<'_>> = Vec::with_capacity(found.len());
        for (_, one) in found {
            match once.iter_mut().find(|known| known.number == one.number) {
                Some(known) => known.is_direct |= one.is_direct,
                None => once.push(one),
            }
        }
        once
    }
}

fn telephone<'a>(number: &str, label: &'a str, record: Option<&'a str>, is_direct: bool) -> Option<Telephone<'a>> {
    Some(Telephone { number: Number::parse(number)?, label, record, is_direct })
}

/// Codes of the teams whose people are asked, nearest first.
#[must_use]
pub fn teams<'a>(directory: &'a Directory, target: Target<'a>, district: Option<&'a str>) -> Vec<&'a str> {
    let Some(wanted) = Wanted::of(directory, target, district) else { return Vec::new() };
    let mut teams = wanted.teams(directory);
    teams.sort_by_key(|(nearness, _)| *nearness);
    teams.into_iter().map(|(_, code)| code).collect()
}

/// Whom a call is put through to, from a district if that is known; `None`: there is no such item, unit or number. `presence`
/// says whether somebody of a team can be rung.
#[must_use]
pub fn reach<'a>(
    directory: &'a Directory,
    roster: &Roster<'_>,
    presence: impl Fn(AgentId, &str) -> Presence,
    target: Target<'a>,
    district: Option<&'a str>,
) -> Option<Reach<'a>> {
    if let Target::Telephone(code) = target {
        let number = directory.transfer_number(code)?;
        let about = About { item: None, department: number.unit.clone() };
        let telephones = telephone(&number.number, &number.label, Some(code), number.direct_line);
        let telephones = telephones.into_iter().collect();
        return Some(Reach { about, has_direct_line: false, on_duty: Vec::new(), telephones });
    }
    let wanted = Wanted::of(directory, target, district)?;
    let mut found = Vec::new();
    for (nearness, team) in wanted.teams(directory) {
        for duty in roster.of(team) {
            // Who is away is shown after those who could be rung.
            let (is_away, since) = match presence(duty.agent, team) {
                Presence::Left => continue,
                Presence::Away => (true, Timestamp(0)),
                Presence::Free { since } => (false, since),
            };
            let one = OnDuty { agent: duty.agent, team, until: duty.to, is_there: !is_away };
            found.push(((is_away, nearness, since, duty.agent), one));
        }
    }
    found.sort_by_key(|(key, _)| *key);
    let mut seen = BTreeSet::new();
    found.retain(|(_, one)| seen.insert(one.agent));
    let about = About { item: wanted.item.map(|(code, _)| code.to_owned()), department: wanted.unit.to_owned() };
    Some(Reach {
        about,
        has_direct_line: wanted.item.is_some_and(|(_, item)| item.direct_line),
        on_duty: found.into_iter().map(|(_, one)| one).collect(),
        telephones: wanted.telephones(directory),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        calendar,
        org::{Body, CITY, Kind, Record},
        time::MINUTE,
    };

    /// 医保 in the city (its own team and an office below it), in 徐汇 and in 黄浦; the general team.
    fn directory(numbers: &[(&str, Value)]) -> Directory {
        let unit = |id: &str, kind: &str, parent: Option<&str>, district: Option<&str>, line: Option<&str>| {
            let body = json!({ "name": id, "kind": kind, "parent": parent, "district": district, "line": line });
            (Kind::Unit, id.to_owned(), body)
        };
        let team = |id: &str, unit: &str| (Kind::Team, id.to_owned(), json!({ "name": id, "unit": unit }));
        let item = |id: &str, department: &str, team: &str, more: Value| {
            let mut body = json!({ "name": id, "department": department, "audience": "both", "team": team });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            (Kind::Item, id.to_owned(), body)
        };
        let shift = |agent: u128, team: &str| {
            let body = json!({ "agent": AgentId::new(agent), "team": team, "weekdays": [1, 2, 3, 4, 5],
                "from": "09:00", "to": "17:00", "validFrom": "2026-11-01" });
            (Kind::Shift, format!("s{agent}-{team}"), body)
        };
        let own = json!({ "numbers": [{ "label": "窗口一", "number": "021-00000100" }], "directLine": true });
        let mut records = vec![
            unit(CITY, "city", None, None, None),
            unit("ybj", "department", Some(CITY), None, None),
            unit("ybj-office", "office", Some("ybj"), None, None),
            unit("xuhui", "district", Some(CITY), Some("xuhui"), None),
            unit("huangpu", "district", Some(CITY), Some("huangpu"), None),
            unit("xuhui-yb", "department", Some("xuhui"), Some("xuhui"), Some("ybj")),
            unit("huangpu-yb", "department", Some("huangpu"), Some("huangpu"), Some("ybj")),
            team("general", CITY),
            team("ybj-team", "ybj"),
            team("office-team", "ybj-office"),
            team("xuhui-team", "xuhui-yb"),
            team("huangpu-team", "huangpu-yb"),
            item("card", "ybj", "office-team", own),
            item("refund", "ybj", "ybj-team", json!({ "delegated": true })),
            item("other", "ybj", "general", json!({})),
            shift(1, "general"),
            shift(2, "ybj-team"),
            shift(3, "office-team"),
            shift(4, "xuhui-team"),
            shift(5, "huangpu-team"),
            shift(6, "xuhui-team"),
            shift(3, "xuhui-team"),
        ];
        records.extend(numbers.iter().map(|(id, body)| (Kind::TransferNumber, (*id).to_owned(), body.clone())));
        let directory = Directory::new(records.into_iter().zip(0..).map(|((kind, id, body), no)| Record {
            id,
            no,
            version: 1,
            changed_at: Timestamp(0),
            body: Body::read(kind, body).unwrap(),
        }));
        assert_eq!(directory.problems().collect::<Vec<_>>(), []);
        directory
    }

    fn tuesday(hour: i64, minute: i64) -> Timestamp {
        calendar::midnight("2026-11-24".parse().unwrap()) + (hour * 60 + minute) * MINUTE
    }

    fn people(directory: &Directory, target: Target<'_>, district: Option<&str>, at: Timestamp) -> Vec<u128> {
        let roster = Roster::at(directory, &Holidays::default(), at);
        let free = |_: AgentId, _: &str| Presence::Free { since: Timestamp(0) };
        let found = reach(directory, &roster, free, target, district).unwrap();
        found.on_duty.iter().map(|one| (1..=6).find(|n| AgentId::new(*n) == one.agent).unwrap()).collect()
    }

    #[test]
    fn the_nearest_are_asked_first_and_never_those_of_another_district() {
        let directory = directory(&[]);
        let two = tuesday(14, 0);
        for (target, district, expected) in [
            (Target::Item("card"), Some("xuhui"), &[3, 4, 6, 2][..]),
            (Target::Item("card"), Some("huangpu"), &[5, 3, 2]),
            (Target::Item("card"), None, &[3, 2]),
            // A delegated item stays with the city's department.
            (Target::Item("refund"), Some("xuhui"), &[2, 3]),
            // The general team is who asks.
            (Target::Item("other"), None, &[2, 3]),
            (Target::Department("ybj"), None, &[2, 3]),
            (Target::Department("ybj-office"), None, &[3, 2]),
            (Target::Department("huangpu-yb"), None, &[5, 2, 3]),
            // One's own district, whatever the caller's is.
            (Target::Department("huangpu-yb"), Some("xuhui"), &[5, 2, 3]),
        ] {
            assert_eq!(people(&directory, target, district, two), expected, "{target:?} {district:?}");
        }
    }

    #[test]
    fn duty_begins_and_ends_to_the_millisecond() {
        let directory = directory(&[]);
        let count = |at: Timestamp| people(&directory, Target::Department("ybj"), None, at).len();
        let (nine, five) = (tuesday(9, 0), tuesday(17, 0));
        assert_eq!([count(nine - 1), count(nine), count(five - 1), count(five)], [0, 2, 2, 0]);
    }

    #[test]
    fn who_is_free_for_longest_comes_first_and_who_is_away_is_not_rung() {
        let directory = directory(&[]);
        let roster = Roster::at(&directory, &Holidays::default(), tuesday(14, 0));
        let presence = |agent: AgentId, _: &str| match agent {
            one if one == AgentId::new(3) => Presence::Away,
            one if one == AgentId::new(2) => Presence::Left,
            one if one == AgentId::new(4) => Presence::Free { since: Timestamp(2) },
            _ => Presence::Free { since: Timestamp(1) },
        };
        let found = reach(&directory, &roster, presence, Target::Item("card"), Some("xuhui")).unwrap();
        let shown: Vec<_> = found.on_duty.iter().map(|one| (one.agent, one.is_there)).collect();
        let agent = AgentId::new;
        assert_eq!(shown, [(agent(6), true), (agent(4), true), (agent(3), false)], "who left is not even shown");
        let plan = found.plan();
        let own = Number::parse("02100000100").unwrap();
        assert_eq!(plan.candidates, [Party::Agent(agent(6)), Party::Agent(agent(4)), Party::Number(own)]);
        assert_eq!(plan.about, About { item: Some("card".to_owned()), department: "ybj".to_owned() });
    }

    fn number(unit: &str, digits: &str, more: Value) -> Value {
        let mut body = json!({ "label": digits, "number": digits, "unit": unit });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn shared() -> Vec<(&'static str, Value)> {
        vec![
            ("all", number("ybj", "021-00000001", json!({}))),
            ("office", number("ybj-office", "021-00000002", json!({ "rank": 200 }))),
            ("late", number("ybj", "021-00000003", json!({ "items": ["card"], "rank": 2 }))),
            (
                "first",
                number("ybj", "021-00000004", json!({ "items": ["card", "refund"], "rank": 1, "directLine": true })),
            ),
            ("off", number("ybj", "021-00000005", json!({ "items": ["card"], "isOff": true }))),
            ("south", number("ybj", "021-00000006", json!({ "items": ["card"], "districts": ["xuhui"], "rank": 3 }))),
            ("there", number("xuhui-yb", "021-00000007", json!({}))),
            // The same telephone as the item's own: rung once.
            ("again", number("ybj", "02100000100", json!({ "items": ["card"], "rank": 999 }))),
        ]
    }

    fn rung(directory: &Directory, target: Target<'_>, district: Option<&str>) -> Vec<String> {
        let found = reach(directory, &Roster::default(), |_, _| Presence::Left, target, district).unwrap();
        found.telephones.iter().map(|one| one.record.unwrap_or("own").to_owned()).collect()
    }

    #[test]
    fn telephones_are_rung_from_the_particular_to_the_general() {
        let directory = directory(&shared());
        for (target, district, expected) in [
            (Target::Item("card"), None, &["first", "late", "again", "all"][..]),
            (Target::Item("card"), Some("xuhui"), &["first", "late", "south", "again", "there", "all"]),
            (Target::Item("card"), Some("huangpu"), &["first", "late", "again", "all"]),
            (Target::Item("other"), None, &["all"]),
            (Target::Department("ybj-office"), None, &["office", "all"]),
            (Target::Department("xuhui-yb"), None, &["there"]),
            (Target::Telephone("off"), None, &["off"]),
        ] {
            assert_eq!(rung(&directory, target, district), expected, "{target:?} {district:?}");
        }
    }

    #[test]
    fn a_direct_line_rings_only_what_says_so() {
        let directory = directory(&shared());
        let direct = |item| {
            let found = reach(&directory, &Roster::default(), |_, _| Presence::Left, Target::Item(item), None)?;
            Some(found.direct()?.candidates)
        };
        let parties = ["02100000004", "02100000100"].map(|digits| Party::Number(Number::parse(digits).unwrap()));
        // "again" is rung before the item's own entry of the same telephone, which is a direct line.
        assert_eq!(direct("card"), Some(parties.to_vec()));
        assert_eq!(direct("refund"), None, "the item has no direct line");
    }

    #[test]
    fn what_is_not_there_has_no_plan() {
        let directory = directory(&[]);
        for target in [Target::Item("x"), Target::Department("x"), Target::Telephone("x")] {
            assert_eq!(reach(&directory, &Roster::default(), |_, _| Presence::Left, target, None), None);
        }
    }
}
