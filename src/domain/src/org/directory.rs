//! All records at one moment, and how they refer to each other. Most of a directory is shared with the one before, so that
//! a new one costs as much as what has changed.
//!
//! A reference that leads nowhere (a row that was changed by hand) breaks nothing: a unit without a way up stands below the
//! city, an item without its team is served by [`GENERAL`]; [`Directory::problems`] says so.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    BlockedVisitor, Body, CalendarYear, CannedAnswer, Duty, Invalid, Item, Kind, LegalHold, Notice, Record, Retention,
    SamplePlan, ScoreCard, ServiceHours, Shared, Shift, SlaPolicy, SpecialHours, Team, TransferNumber, Unit, UnitKind,
    opening,
};
use crate::{
    AgentId, TeamId, Timestamp,
    calendar::{self, Calendar, Holidays},
};

/// Code of the city, the unit above all others.
pub const CITY: &str = "sh";

/// Code of the team that serves whoever asks without an item. Made with the city, and never removed.
pub const GENERAL: &str = "general";

/// A reference that leads nowhere, or another contradiction between records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {id}: {what}")]
pub struct Problem {
    /// Kind of the record.
    pub kind: Kind,
    /// Its code.
    pub id: String,
    /// The field, and what is wrong with it.
    pub what: Invalid,
}

/// Records of one kind.
#[derive(Debug, Clone, Default)]
struct Shelf {
    by_no: BTreeMap<u64, Shared>,
    no_of: HashMap<String, u64>,
}

impl Shelf {
    fn get(&self, id: &str) -> Option<&Shared> {
        self.by_no.get(self.no_of.get(id)?)
    }

    fn put(&mut self, record: Record) {
        self.no_of.insert(record.id.clone(), record.no);
        self.by_no.insert(record.no, Arc::new(record));
    }

    fn take(&mut self, id: &str) {
        if let Some(no) = self.no_of.remove(id) {
            self.by_no.remove(&no);
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    shelves: BTreeMap<Kind, Arc<Shelf>>,
    /// Each unit, itself first, and all above it.
    above: Arc<HashMap<String, Vec<String>>>,
}

/// What a field of a record points at.
struct Reference<'a> {
    field: String,
    kind: Kind,
    id: &'a str,
}

fn references(body: &Body) -> Vec<Reference<'_>> {
    let one = |field: &str, kind, id| Reference { field: field.to_owned(), kind, id };
    let many = |field: &'static str, kind, ids: &'_ [String]| -> Vec<(String, Kind, usize)> {
        (0..ids.len()).map(|n| (format!("{field}[{n}]"), kind, n)).collect()
    };
    let list = |field: &'static str, kind, ids| {
        let ids: &[String] = ids;
        many(field, kind, ids).into_iter().map(move |(field, kind, n)| Reference { field, kind, id: &ids[n] })
    };
    match body {
        Body::Unit(unit) => {
            let parent = unit.parent.iter().map(|id| one("parent", Kind::Unit, id));
            let district = unit.district.iter().map(|id| one("district", Kind::Unit, id));
            parent.chain(district).chain(unit.line.iter().map(|id| one("line", Kind::Unit, id))).collect()
        }
        Body::Team(team) => vec![one("unit", Kind::Unit, &team.unit)],
        Body::Shift(shift) => vec![one("team", Kind::Team, &shift.team)],
        Body::Item(item) => {
            let mut all = vec![one("department", Kind::Unit, &item.department), one("team", Kind::Team, &item.team)];
            all.extend(list("districts", Kind::Unit, &item.districts));
            all
        }
        Body::SlaPolicy(policy) => {
            let team = policy.team.iter().map(|id| one("team", Kind::Team, id));
            team.chain(policy.item.iter().map(|id| one("item", Kind::Item, id))).collect()
        }
        Body::Notice(notice) => list("items", Kind::Item, &notice.items)
            .chain(list("teams", Kind::Team, &notice.teams))
            .chain(notice.unit.iter().map(|id| one("unit", Kind::Unit, id)))
            .collect(),
        Body::CannedAnswer(answer) => list("teams", Kind::Team, &answer.teams)
            .chain(answer.unit.iter().map(|id| one("unit", Kind::Unit, id)))
            .collect(),
        Body::BlockedVisitor(visitor) => visitor.unit.iter().map(|id| one("unit", Kind::Unit, id)).collect(),
        Body::SpecialHours(special) => list("teams", Kind::Team, &special.teams)
            .chain(special.unit.iter().map(|id| one("unit", Kind::Unit, id)))
            .collect(),
        Body::ScoreCard(card) => card.unit.iter().map(|id| one("unit", Kind::Unit, id)).collect(),
        Body::SamplePlan(plan) => list("teams", Kind::Team, &plan.teams)
            .chain(plan.unit.iter().map(|id| one("unit", Kind::Unit, id)))
            .chain([one("card", Kind::ScoreCard, &plan.card)])
            .collect(),
        Body::TransferNumber(number) => list("districts", Kind::Unit, &number.districts)
            .chain(list("items", Kind::Item, &number.items))
            .chain([one("unit", Kind::Unit, &number.unit)])
            .collect(),
        Body::Retention(_) | Body::LegalHold(_) | Body::CalendarYear(_) => Vec::new(),
    }
}

macro_rules! shelves {
    ($($kind:ident, $one:ident, $all:ident, $doc:literal;)+) => {
        $(
            #[doc = concat!("One of the ", $doc, ".")]
            #[must_use]
            pub fn $one(&self, id: &str) -> Option<&$kind> {
                match &self.record(Kind::$kind, id)?.body {
                    Body::$kind(body) => Some(body),
                    _ => None,
                }
            }

            #[doc = concat!("All ", $doc, " with their codes, in the order in which they were made.")]
            pub fn $all(&self) -> impl Iterator<Item = (&str, &$kind)> {
                self.records(Kind::$kind, None).filter_map(|record| match &record.body {
                    Body::$kind(body) => Some((record.id.as_str(), body)),
                    _ => None,
                })
            }
        )+
    };
}

impl Directory {
    /// Of all records, in any order.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let mut shelves: BTreeMap<Kind, Shelf> = BTreeMap::new();
        for record in records {
            shelves.entry(record.body.kind()).or_default().put(record);
        }
        let shelves = shelves.into_iter().map(|(kind, shelf)| (kind, Arc::new(shelf))).collect();
        let mut directory = Self { shelves, above: Arc::default() };
        directory.climb();
        directory
    }

    /// The directory after changes of records of one kind: what each code is now, `None`: removed.
    #[must_use]
    pub fn with(&self, kind: Kind, changed: impl IntoIterator<Item = (String, Option<Record>)>) -> Self {
        let mut next = self.clone();
        let shelf = Arc::make_mut(next.shelves.entry(kind).or_default());
        for (id, record) in changed {
            shelf.take(&id);
            if let Some(record) = record {
                shelf.put(record);
            }
        }
        if kind == Kind::Unit {
            next.climb();
        }
        next
    }

    /// The directory with exactly these records of one kind.
    #[must_use]
    pub fn with_all(&self, kind: Kind, records: impl IntoIterator<Item = Record>) -> Self {
        let mut next = self.clone();
        let mut shelf = Shelf::default();
        for record in records {
            shelf.put(record);
        }
        next.shelves.insert(kind, Arc::new(shelf));
        if kind == Kind::Unit {
            next.climb();
        }
        next
    }

    /// The way up from every unit.
    fn climb(&mut self) {
        let way = |id: &str| {
            let mut way = vec![id.to_owned()];
            let mut at = self.unit(id);
            while let Some(parent) = at.and_then(|unit| unit.parent.as_ref()).filter(|parent| !way.contains(parent)) {
                way.push(parent.clone());
                at = self.unit(parent);
            }
            if way.last().is_some_and(|last| last != CITY) {
                way.push(CITY.to_owned());
            }
            way
        };
        self.above = Arc::new(self.units().map(|(id, _)| (id.to_owned(), way(id))).collect());
    }

    // --- reading ----------------------------------------------------------------------------------------------

    /// A record.
    #[must_use]
    pub fn record(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.shelves.get(&kind)?.get(id).map(AsRef::as_ref)
    }

    /// Records of a kind after the number `after`, in the order in which they were made.
    pub fn records(&self, kind: Kind, after: Option<u64>) -> impl Iterator<Item = &Record> {
        use std::ops::Bound::{Excluded, Unbounded};
        let begin = after.map_or(Unbounded, Excluded);
        let shelf = self.shelves.get(&kind).into_iter();
        shelf.flat_map(move |shelf| shelf.by_no.range((begin, Unbounded)).map(|(_, record)| record.as_ref()))
    }

    /// The record of a kind with this number.
    #[must_use]
    pub fn record_at(&self, kind: Kind, no: u64) -> Option<&Record> {
        self.shelves.get(&kind)?.by_no.get(&no).map(AsRef::as_ref)
    }

    /// How many records of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.shelves.get(&kind).map_or(0, |shelf| shelf.by_no.len())
    }

    shelves! {
        Unit, unit, units, "units";
        Team, team, teams, "teams";
        Shift, shift, shifts, "duties of the roster";
        Item, item, items, "items";
        SlaPolicy, sla_policy, sla_policies, "policies";
        Notice, notice, notices, "notices";
        CannedAnswer, canned_answer, canned_answers, "prepared texts";
        BlockedVisitor, blocked_visitor, blocked_visitors, "blocked visitors";
        Retention, retention, retentions, "retention times";
        LegalHold, legal_hold, legal_holds, "legal holds";
        CalendarYear, calendar_year, calendar_years, "years of the calendar";
        SpecialHours, special_hour, special_hours, "hours of single dates";
        ScoreCard, score_card, score_cards, "score cards";
        SamplePlan, sample_plan, sample_plans, "plans of samples";
        TransferNumber, transfer_number, transfer_numbers, "telephones of departments";
    }

    /// The unit itself and all above it, the city last; empty for one that is not there.
    #[must_use]
    pub fn above(&self, unit: &str) -> &[String] {
        self.above.get(unit).map_or(&[], Vec::as_slice)
    }

    /// The unit that a record belongs to; `None`: the city. A unit belongs to the one above it.
    #[must_use]
    pub fn owner<'a>(&'a self, body: &'a Body) -> Option<&'a str> {
        let of_team = |team: &str| self.team(team).map(|team| team.unit.as_str());
        match body {
            Body::Unit(unit) => unit.parent.as_deref(),
            Body::Team(team) => Some(&team.unit),
            Body::Shift(shift) => of_team(&shift.team),
            Body::Item(item) => Some(&item.department),
            Body::SlaPolicy(policy) => match &policy.item {
                Some(item) => of_team(self.team_of(Some(item))),
                None => of_team(policy.team.as_deref()?),
            },
            Body::Notice(notice) => notice.unit.as_deref(),
            Body::CannedAnswer(answer) => answer.unit.as_deref(),
            Body::BlockedVisitor(visitor) => visitor.unit.as_deref(),
            Body::SpecialHours(special) => special.unit.as_deref(),
            Body::ScoreCard(card) => card.unit.as_deref(),
            Body::SamplePlan(plan) => plan.unit.as_deref(),
            Body::TransferNumber(number) => Some(&number.unit),
            Body::Retention(_) | Body::LegalHold(_) | Body::CalendarYear(_) => None,
        }
    }

    /// The unit in which, or above which, a right is needed to change a record: whoever rules in a unit rules the unit itself
    /// too; a new one is put there by those who rule above it.
    #[must_use]
    pub fn seat<'a>(&'a self, id: &'a str, body: &'a Body) -> Option<&'a str> {
        if body.kind() == Kind::Unit && self.unit(id).is_some() { Some(id) } else { self.owner(body) }
    }

    /// When a team answers: its own hours, else those of the nearest unit above that has some; `None`: as configured.
    #[must_use]
    pub fn hours(&self, team: &str) -> Option<&ServiceHours> {
        let team = self.team(team)?;
        let above = || self.above(&team.unit).iter().find_map(|unit| self.unit(unit)?.hours.as_ref());
        team.hours.as_ref().or_else(above)
    }

    /// The calendar of a team (of the city without one), made of the configured one: the published years, the hours that hold
    /// for it, those of single dates, and the closures.
    #[must_use]
    pub fn calendar(&self, team: Option<&str>, configured: &Calendar) -> Calendar {
        let hours = match team {
            Some(team) => self.hours(team),
            None => self.unit(CITY).and_then(|unit| unit.hours.as_ref()),
        };
        let calendar = hours.map_or_else(|| configured.clone(), |hours| configured.with_hours(hours));
        let is_for = |unit: Option<&str>, teams: &[String]| match team {
            Some(team) => self.reaches(unit, team) && (teams.is_empty() || teams.iter().any(|one| one == team)),
            None => unit.is_none_or(|unit| unit == CITY) && teams.is_empty(),
        };
        // From the city down, so that what is said nearer to the team holds.
        let depth = |one: &SpecialHours| match (&one.unit, one.teams.is_empty()) {
            (_, false) => usize::MAX,
            (unit, true) => unit.as_deref().map_or(0, |unit| self.above(unit).len()),
        };
        let specials = self.special_hours().map(|(_, one)| one);
        let mut dates: Vec<_> = specials.filter(|one| is_for(one.unit.as_deref(), &one.teams)).collect();
        dates.sort_by_key(|one| depth(one));
        let dates = dates.into_iter().flat_map(|one| one.dates().map(|date| (date, one.periods.as_slice())));
        let closing = self.notices().map(|(_, notice)| notice).filter(|notice| notice.closes);
        let closures = closing
            .filter(|notice| is_for(notice.unit.as_deref(), &notice.teams))
            .map(|notice| (notice.from, notice.to.unwrap_or(calendar::NO_END)));
        calendar.with_dates(dates).closed_in(closures)
    }

    /// The calendar by which a unit's deadlines are counted: its hours, else those of the nearest unit above, and the hours of
    /// single dates that hold for all its teams. No closure moves a deadline.
    #[must_use]
    pub fn unit_calendar(&self, unit: &str, configured: &Calendar) -> Calendar {
        let above = self.above(unit);
        let hours = above.iter().find_map(|unit| self.unit(unit)?.hours.as_ref());
        let calendar = hours.map_or_else(|| configured.clone(), |hours| configured.with_hours(hours));
        let depth = |one: &SpecialHours| one.unit.as_deref().map_or(0, |unit| self.above(unit).len());
        let is_for =
            |one: &&SpecialHours| one.teams.is_empty() && one.unit.as_ref().is_none_or(|unit| above.contains(unit));
        let mut dates: Vec<_> = self.special_hours().map(|(_, one)| one).filter(is_for).collect();
        dates.sort_by_key(|one| depth(one));
        calendar.with_dates(dates.into_iter().flat_map(|one| one.dates().map(|date| (date, one.periods.as_slice()))))
    }

    /// The list of days: that of the configuration, with the years that are administered.
    #[must_use]
    pub fn holidays(&self, configured: &Holidays) -> Holidays {
        let year = |(id, year): (&str, &CalendarYear)| Some((opening::year_of(id)?, year.days()));
        self.calendar_years().filter_map(year).fold(configured.clone(), |all, (year, days)| all.with_year(year, days))
    }

    /// The number of a team.
    #[must_use]
    pub fn team_id(&self, code: &str) -> Option<TeamId> {
        u16::try_from(self.record(Kind::Team, code)?.no).ok().map(TeamId)
    }

    /// The team with a number, and its code.
    #[must_use]
    pub fn team_at(&self, id: TeamId) -> Option<(&str, &Team)> {
        let record = self.shelves.get(&Kind::Team)?.by_no.get(&u64::from(id.0))?;
        match &record.body {
            Body::Team(team) => Some((&record.id, team)),
            _ => None,
        }
    }

    /// One more than the largest number of a team.
    #[must_use]
    pub fn team_slots(&self) -> u16 {
        let last = self.shelves.get(&Kind::Team).and_then(|shelf| shelf.by_no.keys().next_back());
        last.map_or(0, |no| u16::try_from(*no + 1).unwrap_or(u16::MAX))
    }

    /// Code of the team that serves an item, and of the one for whoever asks without.
    #[must_use]
    pub fn team_of(&self, item: Option<&str>) -> &str {
        let team = item.and_then(|code| self.item(code)).map(|item| item.team.as_str());
        team.filter(|team| self.team(team).is_some()).unwrap_or(GENERAL)
    }

    /// Duties in a team's roster that touch the span, in order.
    #[must_use]
    pub fn duties(&self, team: &str, from: Timestamp, to: Timestamp, holidays: &Holidays) -> Vec<Duty> {
        let shifts = self.shifts().filter(|(_, shift)| shift.team == team);
        let mut duties: Vec<Duty> = shifts.flat_map(|(_, shift)| shift.duties(from, to, holidays)).collect();
        duties.sort_unstable();
        duties
    }

    /// When everybody who stands in the roster is on duty: begins and ends that touch the span, in order, without overlap,
    /// whatever the team.
    #[must_use]
    pub fn duty_spans(
        &self,
        from: Timestamp,
        to: Timestamp,
        holidays: &Holidays,
    ) -> BTreeMap<AgentId, Vec<(Timestamp, Timestamp)>> {
        let mut spans: BTreeMap<AgentId, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        for (_, shift) in self.shifts() {
            let own = spans.entry(shift.agent).or_default();
            own.extend(shift.duties(from, to, holidays).map(|duty| (duty.from, duty.to)));
        }
        for own in spans.values_mut() {
            own.sort_unstable();
            own.dedup_by(|next, before| {
                let touches = next.0 <= before.1;
                if touches {
                    before.1 = before.1.max(next.1);
                }
                touches
            });
        }
        spans
    }

    /// Is everything of one kind the same in both? Only what was never changed is known to be.
    #[must_use]
    pub fn shares(&self, other: &Self, kind: Kind) -> bool {
        match (self.shelves.get(&kind), other.shelves.get(&kind)) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    // --- judging ----------------------------------------------------------------------------------------------

    /// Does a record fit among the others?
    ///
    /// # Errors
    /// [`Invalid`] names the first field that does not.
    pub fn check(&self, id: &str, body: &Body) -> Result<(), Invalid> {
        for Reference { field, kind, id } in references(body) {
            if self.record(kind, id).is_none() {
                return Err(Invalid::new(field, format!("there is no {kind} {id:?}")));
            }
        }
        match body {
            Body::Unit(unit) => self.check_unit(id, unit),
            Body::Item(item) => {
                let is_district = |code: &str| self.unit(code).is_some_and(|unit| unit.kind == UnitKind::District);
                match item.districts.iter().position(|code| !is_district(code)) {
                    Some(n) => Err(Invalid::new(format!("districts[{n}]"), "is not a district")),
                    None if item.delegated && self.is_of_district(&item.department) => {
                        Err(Invalid::new("department", "of a delegated item is one of the city"))
                    }
                    None if item.direct_line && item.numbers.is_empty() && !self.has_numbers(id) => {
                        Err(Invalid::new("numbers", "must name one, because the item has a direct line"))
                    }
                    None => Ok(()),
                }
            }
            Body::SamplePlan(plan) => {
                match plan.teams.iter().position(|team| !self.reaches(plan.unit.as_deref(), team)) {
                    Some(n) => Err(Invalid::new(format!("teams[{n}]"), "is no team of the unit")),
                    None => Ok(()),
                }
            }
            Body::CalendarYear(year) => opening::year_of(id).map_or(Ok(()), |of| year.check_year(of)),
            Body::TransferNumber(number) => self.check_transfer_number(id, number),
            Body::SlaPolicy(policy) => self.check_policy(id, policy),
            Body::BlockedVisitor(visitor) => {
                let is_same = |one: &BlockedVisitor| one.citizen == visitor.citizen && one.unit == visitor.unit;
                match self.blocked_visitors().find(|(other, one)| *other != id && is_same(one)) {
                    Some((other, _)) => Err(Invalid::new("citizen", format!("is blocked by {other:?} already"))),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Is the unit one of a district, or the district itself?
    #[must_use]
    pub fn is_of_district(&self, unit: &str) -> bool {
        self.above(unit).iter().any(|code| self.unit(code).is_some_and(|one| one.kind == UnitKind::District))
    }

    fn check_unit(&self, id: &str, unit: &Unit) -> Result<(), Invalid> {
        if (unit.kind == UnitKind::City) != (id == CITY) {
            return Err(Invalid::new("kind", format!("the city is the unit {CITY:?}, and only that one")));
        }
        let way = unit.parent.as_deref().map_or(&[][..], |parent| self.above(parent));
        if way.iter().any(|above| above == id) {
            return Err(Invalid::new("parent", "is below the unit itself"));
        }
        let above_kind = unit.parent.as_deref().and_then(|parent| self.unit(parent)).map(|parent| parent.kind);
        if unit.kind == UnitKind::District && above_kind != Some(UnitKind::City) {
            return Err(Invalid::new("parent", "a district is below the city"));
        }
        if let Some(line) = &unit.line {
            let is_citys = self.unit(line).is_some_and(|one| one.parent.as_deref() == Some(CITY));
            if !is_citys || self.unit(line).is_some_and(|one| one.kind != UnitKind::Department) {
                return Err(Invalid::new("line", "is not a department of the city"));
            }
        }
        if let Some(district) = &unit.district {
            let is_district = district == id && unit.kind == UnitKind::District
                || self.unit(district).is_some_and(|unit| unit.kind == UnitKind::District);
            if !is_district || district != id && !way.contains(district) {
                return Err(Invalid::new("district", "is not a district that the unit is below"));
            }
        }
        Ok(())
    }

    /// Every contradiction between the records.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        Kind::ALL.iter().flat_map(|kind| self.records(*kind, None)).filter_map(|record| {
            let what = self.check(&record.id, &record.body).err()?;
            Some(Problem { kind: record.body.kind(), id: record.id.clone(), what })
        })
    }

    /// Records that refer to one.
    pub fn referrers<'a>(&'a self, kind: Kind, id: &'a str) -> impl Iterator<Item = &'a Record> {
        let others = Kind::ALL.iter().flat_map(|kind| self.records(*kind, None));
        others.filter(move |record| {
            let is_itself = record.body.kind() == kind && record.id == id;
            !is_itself && references(&record.body).iter().any(|one| one.kind == kind && one.id == id)
        })
    }
}
