//! Finding a department by what an operator types (rule 7), and whom it is put through to. All of it is looked up in one state
//! of the catalogue; who is there to be rung, the caller says.

use bangban_domain::{
    AgentId, Timestamp,
    call::{
        self,
        reach::{self, Presence, Reach, Roster},
    },
    org::{Directory, UnitKind},
};
use bangban_protocol::{DirectoryEntry, DirectoryNumber, DirectoryPerson, DirectoryTarget};
use bangban_search::Phonebook;

use crate::catalogue::Catalogue;

/// Most entries that one search gives.
pub const MOST: usize = 10;

/// So many are looked at, so that those of the caller's district can come first.
const LOOKED_AT: usize = 40;

/// What the names of most units begin with, and nobody types.
const CITY_NAMES: [&str; 2] = ["上海市", "国家税务总局上海市"];

/// Units but the city and districts, items and telephones.
pub(crate) fn phonebook(directory: &Directory) -> Phonebook<DirectoryTarget> {
    let mut book = Phonebook::default();
    let is_asked = |kind: UnitKind| !matches!(kind, UnitKind::City | UnitKind::District);
    for (code, unit) in directory.units().filter(|(_, unit)| is_asked(unit.kind)) {
        let short = CITY_NAMES.iter().filter_map(|begin| unit.name.strip_prefix(begin));
        book.add(
            DirectoryTarget::Department(code.to_owned()),
            [unit.name.as_str()].into_iter().chain(short).chain([code]),
            [],
        );
    }
    for (code, item) in directory.items() {
        let others = item.aliases.iter().map(String::as_str);
        let names = [item.name.as_str()].into_iter().chain(others).chain([item.name_en.as_str(), code]);
        let digits = item.numbers.iter().map(|one| one.number.as_str());
        book.add(DirectoryTarget::Item(code.to_owned()), names.filter(|name| !name.is_empty()), digits);
    }
    for (code, number) in directory.transfer_numbers().filter(|(_, number)| !number.is_off) {
        let names = [number.label.as_str(), code];
        book.add(DirectoryTarget::Telephone(code.to_owned()), names, [number.number.as_str()]);
    }
    book
}

/// Who of the staff is called how, and whether they can be rung.
pub trait Staffing {
    /// A display name.
    fn name(&self, agent: AgentId) -> Option<String>;

    /// Can somebody of a team be rung, for an item if it is about one?
    fn presence(&self, agent: AgentId, team: &str, item: Option<&str>) -> Presence;
}

/// Whom a call is put through to; `None`: there is nothing with this code.
fn reach<'a>(
    catalogue: &'a Catalogue,
    roster: &Roster<'_>,
    staffing: &impl Staffing,
    target: &'a DirectoryTarget,
    district: Option<&'a str>,
) -> Option<Reach<'a>> {
    let item = match target {
        DirectoryTarget::Item(code) => Some(code.as_str()),
        DirectoryTarget::Department(_) | DirectoryTarget::Telephone(_) => None,
    };
    let presence = |agent: AgentId, team: &str| staffing.presence(agent, team, item);
    reach::reach(catalogue.directory(), roster, presence, target.target(), district)
}

/// The plan of a request for a professional; `None`: there is nothing with this code.
#[must_use]
pub fn plan(
    catalogue: &Catalogue,
    staffing: &impl Staffing,
    target: &DirectoryTarget,
    district: Option<&str>,
    now: Timestamp,
) -> Option<call::Plan> {
    let roster = Roster::at(catalogue.directory(), catalogue.calendar().holidays(), now);
    Some(reach(catalogue, &roster, staffing, target, district)?.plan())
}

/// The plan of a call about an item that is put through without an operator (三方直转); `None`: the item has no direct line, or
/// nobody would answer it.
#[must_use]
pub fn direct(
    catalogue: &Catalogue,
    staffing: &impl Staffing,
    item: &str,
    district: Option<&str>,
    now: Timestamp,
) -> Option<call::Plan> {
    let roster = Roster::at(catalogue.directory(), catalogue.calendar().holidays(), now);
    reach(catalogue, &roster, staffing, &DirectoryTarget::Item(item.to_owned()), district)?.direct()
}

/// What fits best to what somebody typed, those of other districts than `district` last.
#[must_use]
pub fn find(
    catalogue: &Catalogue,
    staffing: &impl Staffing,
    text: &str,
    district: Option<&str>,
    now: Timestamp,
) -> Vec<DirectoryEntry> {
    let directory = catalogue.directory();
    let mut found = catalogue.phonebook().find(text, LOOKED_AT);
    let is_elsewhere = |target: &DirectoryTarget| {
        let unit = match target {
            DirectoryTarget::Department(code) => Some(code.as_str()),
            DirectoryTarget::Telephone(code) => directory.transfer_number(code).map(|number| number.unit.as_str()),
            DirectoryTarget::Item(_) => None,
        };
        let own = unit.and_then(|unit| directory.district_of(unit));
        district.is_some() && own.is_some() && own != district
    };
    found.sort_by_key(|target| is_elsewhere(target));
    found.truncate(MOST);
    let roster = Roster::at(directory, catalogue.calendar().holidays(), now);
    found.into_iter().filter_map(|target| entry(catalogue, &roster, staffing, target, district)).collect()
}

pub(crate) fn numbers(found: &Reach<'_>) -> Vec<DirectoryNumber> {
    let number = |one: &reach::Telephone<'_>| DirectoryNumber {
        record: one.record.map(str::to_owned),
        label: one.label.to_owned(),
        number: one.number.as_str().to_owned(),
        is_direct: one.is_direct,
    };
    found.telephones.iter().map(number).collect()
}

fn entry(
    catalogue: &Catalogue,
    roster: &Roster<'_>,
    staffing: &impl Staffing,
    target: &DirectoryTarget,
    district: Option<&str>,
) -> Option<DirectoryEntry> {
    let directory = catalogue.directory();
    let found = reach(catalogue, roster, staffing, target, district)?;
    let name = match target {
        DirectoryTarget::Item(code) => directory.item(code)?.name.clone(),
        DirectoryTarget::Department(code) => directory.unit(code)?.name.clone(),
        DirectoryTarget::Telephone(code) => directory.transfer_number(code)?.label.clone(),
    };
    let unit = directory.unit(&found.about.department);
    let unit_name = unit.map_or_else(String::new, |unit| unit.name.clone());
    let own_district = directory.district_of(&found.about.department);
    let person = |one: &reach::OnDuty<'_>| DirectoryPerson {
        agent: one.agent,
        name: staffing.name(one.agent).unwrap_or_default(),
        team_name: directory.team(one.team).map_or_else(String::new, |team| team.name.clone()),
        until: one.until,
        is_there: one.is_there,
    };
    Some(DirectoryEntry {
        target: target.clone(),
        name,
        unit_name,
        district_name: own_district.and_then(|code| directory.unit(code)).map(|unit| unit.name.clone()),
        direct_line: found.has_direct_line,
        on_duty: found.on_duty.iter().map(person).collect(),
        numbers: numbers(&found),
        unit: found.about.department,
    })
}
