//! Holes in the roster of professionals: "Tuesday 14:00: nobody for 医保 in 徐汇". Whoever of a line of work is on duty in a
//! district is asked for its calls, whatever their team; so a hole is told by line and district, not by team.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::{
    AgentId, Timestamp,
    calendar::{self, Calendar, without},
    org::Directory,
    time::DAY,
};

/// Service hours in which nobody could be put through to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hole {
    /// Code of the district; `None`: the city's own department.
    pub district: Option<String>,
    /// Code of the city's department whose line of work it is.
    pub line: String,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// There are numbers that could be rung nevertheless: of its items, or of its own.
    pub has_numbers: bool,
}

type Span = (Timestamp, Timestamp);

#[derive(Default)]
struct Line {
    open: Vec<Span>,
    duties: Vec<Span>,
    has_numbers: bool,
}

/// Begins and ends in order, without overlap; spans that only touch stay apart, so that noon and midnight end a hole.
#[must_use]
pub fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    spans.dedup_by(|next, before| {
        let overlaps = next.0 < before.1;
        if overlaps {
            before.1 = before.1.max(next.1);
        }
        overlaps
    });
    spans
}

/// What of the service hours is nobody's: both may overlap, in any order. Parts of the hours that only touch are holes apart.
#[must_use]
pub fn uncovered(open: Vec<Span>, duties: Vec<Span>) -> Vec<Span> {
    without(&merged(open), merged(duties).into_iter())
}

/// The holes of the seven days from `first` on, by district, line and time. `hours` gives a team's calendar, `is_member`
/// whether somebody who stands in the roster still works in the team. The general team is of no line.
#[must_use]
pub fn holes<'a>(
    directory: &Directory,
    hours: impl Fn(&str) -> &'a Calendar,
    is_member: impl Fn(AgentId, &str) -> bool,
    first: Date,
) -> Vec<Hole> {
    let from = calendar::midnight(first);
    let to = from + 7 * DAY;
    let mut lines: BTreeMap<(Option<&str>, &str), Line> = BTreeMap::new();
    // Those that are rung for a line in a district, whatever the item; the city's take the calls of all districts or of some.
    let shared: BTreeSet<(Option<&str>, &str)> = directory
        .transfer_numbers()
        .filter(|(_, number)| !number.is_off)
        .filter_map(|(_, number)| Some((number, directory.line(&number.unit)?)))
        .flat_map(|(number, line)| {
            let own = directory.district_of(&number.unit);
            let named = number.districts.iter().map(move |district| (Some(district.as_str()), line));
            let is_of_all = own.is_some() || number.districts.is_empty();
            named.chain(is_of_all.then_some((own, line)))
        })
        .collect();
    for (code, team) in directory.teams() {
        let Some(line) = directory.line(&team.unit) else { continue };
        let calendar = hours(code);
        let entry = lines.entry((directory.district_of(&team.unit), line)).or_default();
        entry.open.extend(calendar::days(from, to).flat_map(|date| {
            let midnight = calendar::midnight(date);
            calendar.open_between(midnight, midnight + DAY)
        }));
        let duties = directory.duties(code, from, to, calendar.holidays());
        entry.duties.extend(duties.iter().filter(|duty| is_member(duty.agent, code)).map(|duty| (duty.from, duty.to)));
        entry.has_numbers |=
            directory.items().any(|(item, body)| !body.numbers.is_empty() && directory.team_of(Some(item)) == code)
                || shared.contains(&(directory.district_of(&team.unit), line));
    }
    let of_line = |((district, line), found): ((Option<&str>, &str), Line)| {
        let left = uncovered(found.open, found.duties);
        let hole = move |(from, to)| Hole {
            district: district.map(str::to_owned),
            line: line.to_owned(),
            from,
            to,
            has_numbers: found.has_numbers,
        };
        left.into_iter().map(hole).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        calendar::{Holidays, Hours},
        org::{Body, CITY, Kind, Record},
        time::MINUTE,
    };

    const MEI: AgentId = AgentId::new(1);
    const JUN: AgentId = AgentId::new(2);
    const GONE: AgentId = AgentId::new(3);

    /// 医保 in 徐汇 (two teams), in 黄浦 and in the city; the general team.
    fn directory(shifts: &[(AgentId, &str, &[u8], &str, &str)]) -> Directory {
        let unit = |id: &str, kind: &str, parent: Option<&str>, district: Option<&str>, line: Option<&str>| {
            let body = json!({ "name": id, "kind": kind, "parent": parent, "district": district, "line": line });
            (Kind::Unit, id.to_owned(), body)
        };
        let team = |id: &str, unit: &str| (Kind::Team, id.to_owned(), json!({ "name": id, "unit": unit }));
        let item = |id: &str, team: &str, numbers: Value| {
            let body = json!({ "name": id, "department": "ybj", "audience": "both", "team": team, "numbers": numbers });
            (Kind::Item, id.to_owned(), body)
        };
        let mut records = vec![
            unit(CITY, "city", None, None, None),
            unit("ybj", "department", Some(CITY), None, None),
            unit("xuhui", "district", Some(CITY), Some("xuhui"), None),
            unit("huangpu", "district", Some(CITY), Some("huangpu"), None),
            unit("xuhui-yb", "department", Some("xuhui"), Some("xuhui"), Some("ybj")),
            unit("huangpu-yb", "department", Some("huangpu"), Some("huangpu"), Some("ybj")),
            team("general", CITY),
            team("ybj-team", "ybj"),
            team("xuhui-yb-1", "xuhui-yb"),
            team("xuhui-yb-2", "xuhui-yb"),
            team("huangpu-yb-1", "huangpu-yb"),
            item("card", "huangpu-yb-1", json!([{ "label": "desk", "number": "02112345" }])),
        ];
        for (n, (agent, team, weekdays, from, to)) in shifts.iter().enumerate() {
            let body = json!({ "agent": agent, "team": team, "weekdays": weekdays, "from": from, "to": to,
                               "validFrom": "2026-11-01" });
            records.push((Kind::Shift, format!("s{n}"), body));
        }
        Directory::new(records.into_iter().zip(0..).map(|((kind, id, body), no)| Record {
            id,
            no,
            version: 1,
            changed_at: Timestamp(0),
            body: Body::read(kind, body).unwrap(),
        }))
    }

    fn found(directory: &Directory) -> Vec<Hole> {
        let calendar = Calendar::new(Holidays::default(), Hours::WorkingDays, &["09:00-11:30", "13:30-17:00"]).unwrap();
        holes(directory, |_| &calendar, |agent, _| agent != GONE, "2026-11-23".parse().unwrap())
    }

    fn tuesday(hour: i64, minute: i64) -> Timestamp {
        calendar::midnight("2026-11-24".parse().unwrap()) + (hour * 60 + minute) * MINUTE
    }

    const WEEK: &[u8] = &[1, 2, 3, 4, 5];

    #[test]
    fn on_tuesday_at_two_nobody_is_there_for_the_line_in_the_district() {
        let directory = directory(&[
            (MEI, "ybj-team", WEEK, "09:00", "17:00"),
            (MEI, "huangpu-yb-1", WEEK, "09:00", "17:00"),
            (MEI, "xuhui-yb-1", &[1, 3, 4, 5], "09:00", "17:00"),
            // The other team of the line fills what it can.
            (JUN, "xuhui-yb-2", &[2], "09:00", "14:00"),
            (JUN, "xuhui-yb-2", &[2], "15:00", "17:00"),
            (GONE, "xuhui-yb-2", &[2], "14:00", "15:00"),
        ]);
        let hole = Hole {
            district: Some("xuhui".to_owned()),
            line: "ybj".to_owned(),
            from: tuesday(14, 0),
            to: tuesday(15, 0),
            has_numbers: false,
        };
        assert_eq!(found(&directory), [hole]);
    }

    #[test]
    fn a_line_without_anybody_is_open_in_every_period_and_its_numbers_are_told() {
        let all = found(&directory(&[]));
        let count = |district: Option<&str>| all.iter().filter(|hole| hole.district.as_deref() == district).count();
        assert_eq!(
            [count(None), count(Some("huangpu")), count(Some("xuhui"))],
            [10, 10, 10],
            "the general team is of no line"
        );
        assert!(all.iter().all(|hole| hole.has_numbers == (hole.district.as_deref() == Some("huangpu"))));
        assert!(all.is_sorted(), "by district, line and time");
        let on_tuesday = |hole: &&Hole| hole.from >= tuesday(0, 0) && hole.to <= tuesday(24, 0);
        assert_eq!(all.iter().filter(on_tuesday).count(), 6);
    }
}
