//! Departments that calls are put through to: who is there for them, and the roster of the people whom they have.

use std::collections::{BTreeMap, HashSet};

use bangban_domain::{
    AgentId, Timestamp, calendar,
    call::{
        reach::{self, Presence, Reach, Roster},
        roster::{self, holes},
    },
    org::{Body, Directory, Kind, Shift, UnitKind},
    rights::Action,
    time::DAY,
};
use bangban_protocol::{
    DirectoryDistrict, DirectoryTarget, DirectoryView, DutyCopied, DutyCopy, DutyHole, DutyHoles, DutyLine, DutyTeam,
    DutyWeek, ErrorCode, RosterDay, Span, WireError,
};
use bangban_store::{Audit, Author, Change, Json, RecordChange, Unit};
use jiff::{ToSpan as _, civil::Date};
use serde_json::value::to_raw_value;

use super::{App, forbidden, internal, store_error};
use crate::{
    auth::Staff,
    departments::{self, Staffing},
    organisation::json,
    staff::At,
};

/// Whoever faces citizens, or sees to the roster, may look for departments.
const LOOKS: [Action; 4] = [Action::Serve, Action::Reveal, Action::ManageRoster, Action::ReadAdministration];

/// Whoever may look at rosters.
const SEES: [Action; 2] = [Action::ReadAdministration, Action::ManageRoster];

/// Longest text that is looked for, in characters.
pub(crate) const MAX_QUERY: usize = 100;

/// Holes that are told.
const MOST_HOLES: usize = 500;

/// Duties that are copied at once.
const MOST_COPIED: usize = 2_000;

impl Staffing for App {
    fn name(&self, agent: AgentId) -> Option<String> {
        self.accounts.name(agent)
    }

    fn presence(&self, agent: AgentId, team: &str, item: Option<&str>) -> Presence {
        let unit = self.rights.unit_of_team(team);
        let serves = self.accounts.get(agent).is_some_and(|account| self.rights.serves_team(&account, team))
            // Professionals are reached for their own items only.
            && self.rights.allows(agent, Action::Serve, At { unit: unit.as_deref(), item });
        if !serves {
            return Presence::Left;
        }
        self.reachable.get(&agent).map_or(Presence::Away, |since| Presence::Free { since: *since })
    }
}

fn no_such(field: &str) -> WireError {
    WireError { field: Some(field.to_owned()), ..WireError::new(ErrorCode::NotFound, "there is no such thing") }
}

const fn span((from, to): (Timestamp, Timestamp)) -> Span {
    Span { from, to }
}

/// The first day of a week in a query.
fn week_from(date: Date) -> Result<Date, WireError> {
    if (2_000..2_200).contains(&date.year()) {
        return Ok(date);
    }
    Err(WireError::field("from", "must be a day of the years 2000 to 2199"))
}

impl App {
    /// Somebody's first console was opened, or their last one closed.
    pub(super) fn there(&self, agent: AgentId, is_there: bool) {
        if is_there {
            self.reachable.entry(agent).or_insert_with(|| self.clock.now());
        } else {
            self.reachable.remove(&agent);
        }
    }

    fn known_district(directory: &Directory, district: Option<&str>) -> Result<(), WireError> {
        let is_district = |code: &str| directory.unit(code).is_some_and(|unit| unit.kind == UnitKind::District);
        if district.is_none_or(is_district) {
            return Ok(());
        }
        Err(WireError::field("district", "is no district"))
    }

    /// Departments, items and telephones by what an operator types.
    ///
    /// # Errors
    /// `forbidden`; `bad_request` with the field.
    pub fn find_department(
        &self,
        staff: &Staff,
        text: &str,
        district: Option<&str>,
    ) -> Result<DirectoryView, WireError> {
        self.require_any(staff, &LOOKS)?;
        if text.chars().count() > MAX_QUERY {
            return Err(WireError::field("q", format!("must have at most {MAX_QUERY} characters")));
        }
        let (catalogue, as_of) = (self.catalogue(), self.clock.now());
        Self::known_district(catalogue.directory(), district)?;
        let units = catalogue.directory().units().filter(|(_, unit)| unit.kind == UnitKind::District);
        let districts =
            units.map(|(code, unit)| DirectoryDistrict { code: code.to_owned(), name: unit.name.clone() }).collect();
        Ok(DirectoryView { entries: departments::find(&catalogue, self, text, district, as_of), districts, as_of })
    }

    /// One of these, somewhere.
    fn require_any(&self, staff: &Staff, actions: &[Action]) -> Result<(), WireError> {
        if actions.iter().any(|action| self.may_somewhere(staff, *action)) { Ok(()) } else { Err(forbidden()) }
    }

    fn may_see_roster(&self, staff: &Staff, unit: &str) -> bool {
        SEES.iter().any(|action| self.may(staff, *action, At::unit(Some(unit))))
    }

    /// In which service hours of seven days nobody of a line of work is on duty, of the units that one may see.
    ///
    /// # Errors
    /// `forbidden`; `bad_request` with the field.
    pub(crate) fn duty_holes(&self, staff: &Staff, from: Date) -> Result<DutyHoles, WireError> {
        let from = week_from(from)?;
        self.require_any(staff, &SEES)?;
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let is_member = |agent: AgentId, team: &str| {
            self.accounts.get(agent).is_some_and(|member| self.rights.serves_team(&member, team))
        };
        let mut found = holes(directory, |team| catalogue.calendar_of(team), is_member, from);
        // A hole is seen by whoever sees one of the teams that could fill it.
        let mut seen: BTreeMap<(Option<&str>, &str), bool> = BTreeMap::new();
        for (_, team) in directory.teams() {
            if let Some(line) = directory.line(&team.unit) {
                let is_seen = seen.entry((directory.district_of(&team.unit), line)).or_default();
                *is_seen = *is_seen || self.may_see_roster(staff, &team.unit);
            }
        }
        found.retain(|hole| seen.get(&(hole.district.as_deref(), hole.line.as_str())).copied().unwrap_or_default());
        let name = |code: &str| directory.unit(code).map(|unit| unit.name.clone());
        let view = |hole: roster::Hole| DutyHole {
            district_name: hole.district.as_deref().and_then(name),
            line_name: name(&hole.line).unwrap_or_default(),
            district: hole.district,
            line: hole.line,
            from: hole.from,
            to: hole.to,
            has_numbers: hole.has_numbers,
        };
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        Ok(DutyHoles { holes: found.into_iter().take(MOST_HOLES).map(view).collect(), total })
    }

    /// Seven days of who answers the calls of an item or a department in a district.
    ///
    /// # Errors
    /// `not_found` for what is not there or may not be seen; `bad_request` with the field.
    pub(crate) fn duty_week(
        &self,
        staff: &Staff,
        target: &DirectoryTarget,
        district: Option<&str>,
        from: Date,
    ) -> Result<DutyWeek, WireError> {
        self.require_any(staff, &SEES)?;
        let first = week_from(from)?;
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        Self::known_district(directory, district)?;
        let field = match target {
            DirectoryTarget::Item(_) => "item",
            DirectoryTarget::Department(_) | DirectoryTarget::Telephone(_) => "unit",
        };
        let nobody = |_: AgentId, _: &str| Presence::Left;
        let Some(found) = reach::reach(directory, &Roster::default(), nobody, target.target(), district) else {
            return Err(no_such(field));
        };
        let codes = reach::teams(directory, target.target(), district);
        let teams: Vec<DutyTeam> = codes
            .iter()
            .filter_map(|code| Some((*code, directory.team(code)?)))
            .filter(|(_, team)| self.may_see_roster(staff, &team.unit))
            .map(|(code, team)| DutyTeam {
                code: code.to_owned(),
                name: team.name.clone(),
                unit: team.unit.clone(),
                may_change: self.may(staff, Action::ManageRoster, At::unit(Some(&team.unit))),
            })
            .collect();
        let sees_unit = self.may_see_roster(staff, &found.about.department);
        if teams.is_empty() && !sees_unit {
            return Err(no_such(field));
        }
        Ok(self.week_of(&teams, &found, first))
    }

    fn week_of(&self, teams: &[DutyTeam], found: &Reach<'_>, first: Date) -> DutyWeek {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let from = calendar::midnight(first);
        let to = from + 7 * DAY;
        let mut hours: BTreeMap<Date, Vec<(Timestamp, Timestamp)>> =
            (0..7_i32).map(|n| (first.saturating_add(n.days()), Vec::new())).collect();
        let mut lines = Vec::new();
        for team in teams {
            let calendar = catalogue.calendar_of(&team.code);
            for (date, open) in &mut hours {
                let midnight = calendar::midnight(*date);
                open.extend(calendar.open_between(midnight, midnight + DAY));
            }
            for (code, shift) in directory.shifts().filter(|(_, shift)| shift.team == team.code) {
                let account = self.accounts.get(shift.agent);
                let is_member = account.as_ref().is_some_and(|one| self.rights.serves_team(one, &team.code));
                lines.extend(shift.duties(from, to, calendar.holidays()).map(|duty| DutyLine {
                    shift: code.to_owned(),
                    agent: duty.agent,
                    name: account.as_ref().map_or_else(String::new, |one| one.name.clone()),
                    team: team.code.clone(),
                    is_single: is_single(shift),
                    is_member,
                    from: duty.from,
                    to: duty.to,
                }));
            }
        }
        lines.sort_by(|a, b| (a.from, a.to, &a.name, &a.shift).cmp(&(b.from, b.to, &b.name, &b.shift)));
        let hours: BTreeMap<Date, Vec<_>> =
            hours.into_iter().map(|(date, open)| (date, roster::merged(open))).collect();
        let all = hours.values().flatten().copied().collect();
        let duties = lines.iter().filter(|one| one.is_member).map(|one| (one.from, one.to)).collect();
        let holidays = catalogue.calendar().holidays();
        let day = |(date, open): (Date, Vec<_>)| RosterDay {
            date: date.to_string(),
            is_working_day: holidays.is_working_day(date),
            hours: open.into_iter().map(span).collect(),
        };
        DutyWeek {
            teams: teams.to_vec(),
            holes: roster::uncovered(all, duties).into_iter().map(span).collect(),
            days: hours.into_iter().map(day).collect(),
            duties: lines,
            numbers: departments::numbers(found),
        }
    }

    /// Copies the duties of single days of one week into another, whole or not at all. What repeats is there anyway.
    ///
    /// # Errors
    /// `forbidden` without the right in one of the teams; `bad_request` with the field; whatever the store says.
    pub(crate) async fn copy_duties(
        &self,
        staff: &Staff,
        order: &DutyCopy,
        address: &str,
    ) -> Result<DutyCopied, WireError> {
        if !self.may_somewhere(staff, Action::ManageRoster) {
            return Err(forbidden());
        }
        let day = |field: &'static str, text: &str| {
            let date = text.parse::<Date>().ok().filter(|date| (2_000..2_200).contains(&date.year()));
            date.ok_or_else(|| WireError::field(field, "must be a day, e.g. 2026-11-23"))
        };
        let (from, to) = (day("body.from", &order.from)?, day("body.to", &order.to)?);
        if !(1..=50).contains(&order.teams.len()) {
            return Err(WireError::field("body.teams", "must name 1 to 50 teams"));
        }
        let days = from.until(to).map_or(0, |span| span.get_days());
        if days == 0 || days % 7 != 0 {
            return Err(WireError::field("body.to", "must be whole weeks away from the first day"));
        }
        let turn = self.organisation.change().await;
        let directory = self.directory();
        for (n, code) in order.teams.iter().enumerate() {
            let team = directory.team(code);
            let team = team.ok_or_else(|| no_such(&format!("body.teams[{n}]")))?;
            self.require(staff, Action::ManageRoster, At::unit(Some(&team.unit)))?;
        }
        let (shifts, skipped) = copies(&directory, &order.teams, from, days);
        if shifts.len() > MOST_COPIED {
            return Err(WireError::field("body.teams", format!("have more than {MOST_COPIED} duties")));
        }
        let codes: Vec<String> = shifts.iter().map(|(code, _)| code.clone()).collect();
        if shifts.is_empty() {
            return Ok(DutyCopied { shifts: codes, skipped });
        }
        let (at, actor) = (self.clock.now(), Author::Agent(staff.id));
        let record = |(id, shift): (String, Shift)| {
            let unit = directory.team(&shift.team).map(|team| team.unit.clone());
            let body = Some(json(&Body::Shift(shift)).map_err(|error| internal(&error))?);
            Ok(RecordChange { kind: Kind::Shift, id, from: 0, unit, body, at, actor })
        };
        let records = shifts.into_iter().map(record).collect::<Result<Vec<_>, WireError>>()?;
        let detail = serde_json::json!({
            "teams": order.teams, "from": order.from, "to": order.to, "shifts": codes,
        });
        let audit = Audit {
            at,
            actor,
            action: "duty.copy",
            kind: Kind::Shift.as_str().to_owned(),
            subject: order.to.clone(),
            unit: None,
            reason: None,
            address: Some(address.to_owned()),
            detail: Json(to_raw_value(&detail).map_err(|error| internal(&error))?),
        };
        let changes = vec![Change::Records(records), Change::Audit(audit)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.reread().await?;
        drop(turn);
        Ok(DutyCopied { shifts: codes, skipped })
    }
}

fn is_single(shift: &Shift) -> bool {
    shift.valid_to == Some(shift.valid_from)
}

/// The shifts of single days of the seven from `from` on, so many days later, with their codes; and how many stand there
/// already.
fn copies(directory: &Directory, teams: &[String], from: Date, days: i32) -> (Vec<(String, Shift)>, u32) {
    let key = |shift: &Shift, date: Date| (shift.agent, shift.team.clone(), date, shift.from.clone(), shift.to.clone());
    let mut there: HashSet<_> = directory
        .shifts()
        .filter(|(_, shift)| is_single(shift))
        .map(|(_, shift)| key(shift, shift.valid_from))
        .collect();
    let (mut shifts, mut skipped) = (Vec::new(), 0);
    let last = from.saturating_add(6.days());
    let is_meant =
        |shift: &Shift| is_single(shift) && teams.contains(&shift.team) && (from..=last).contains(&shift.valid_from);
    for (code, shift) in directory.shifts().filter(|(_, shift)| is_meant(shift)) {
        let date = shift.valid_from.saturating_add(days.days());
        if !there.insert(key(shift, date)) {
            skipped += 1;
            continue;
        }
        // Without the day of the one that it was copied from itself.
        let stem = code.split('.').take_while(|part| part.parse::<Date>().is_err()).collect::<Vec<_>>().join(".");
        let stem: String = stem.chars().take(48).collect();
        let mut id = format!("{stem}.{date}");
        let mut n = 2;
        while directory.shift(&id).is_some() || shifts.iter().any(|(known, _)| *known == id) {
            id = format!("{stem}.{date}.{n}");
            n += 1;
        }
        shifts.push((id, Shift { valid_from: date, valid_to: Some(date), ..shift.clone() }));
    }
    (shifts, skipped)
}
