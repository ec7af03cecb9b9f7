//! Figures of calls: who may count what, and the numbers with the names that people know (docs/figures.md).
//!
//! Whoever watches a unit counts the requests for its professionals and those of the units below, of the items of their grant
//! only if it names some. Answering (15 s) and handling are the operators': they are told by team.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_lc_rs::digest;
use bangban_domain::{
    Timestamp,
    call::{
        AttemptRow, CallPart, Cause, DeclineReason, LegId, Number, Party, RequestRow,
        figures::{
            Connect, ConnectBy, PROMISED, Rate, Service, add_attempt, add_request, add_ring, attempts_of, causes,
            declines, handling, is_reached,
        },
        sound::{Heard, LegSound, add_heard},
    },
    figures::{Part, rows::SHANGHAI, tally::Tally},
    org::{CITY, Directory},
    rights::Action,
    time::{DAY, HOUR},
};
use bangban_protocol::{
    CallFiguresView, CallPartyLine, CallRequestRows, ConnectLine, ConnectNumbers, CountedAttempt, CountedRequest,
    WireError,
};
use bangban_store::{CallPlace, RequestPlace, Selection};
use jiff::civil::Date;

use super::{App, Filter, forbidden, store_error};
use crate::{
    auth::Staff,
    organisation::{self, is_demo_call},
};

/// Rows that are read at one time.
pub(super) const PAGE: u32 = 5_000;

/// Telephones and professionals that are told.
const MOST_PARTIES: usize = 500;

/// Longest key of a party.
const MAX_KEY: usize = 64;

/// What somebody wants to know of calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallFilter {
    /// First day.
    pub(crate) from: Date,
    /// Last day.
    pub(crate) to: Date,
    /// Code of a unit: it and those below.
    pub(crate) unit: Option<String>,
    /// Code of an item; empty: of none.
    pub(crate) item: Option<String>,
    /// Hour of the day in which it was asked.
    pub(crate) hour: Option<u8>,
    /// Only requests in which this party was rung.
    pub(crate) party: Option<String>,
}

/// Which requests somebody asks about, and may see.
pub(crate) struct CallSelection {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(super) filter: CallFilter,
    /// Grants that watch: unit, and items if it names some.
    scopes: Vec<(Option<String>, Vec<String>)>,
    /// Of the operators' side.
    teams: Selection,
}

impl CallSelection {
    fn is_meant(&self, directory: &Directory, request: &RequestRow) -> bool {
        let item = request.about.item.as_deref();
        let is_below =
            |unit: &str| unit == CITY || directory.above(&request.about.department).iter().any(|above| above == unit);
        let is_seen = |(unit, items): &(Option<String>, Vec<String>)| {
            unit.as_deref().is_none_or(is_below)
                && (items.is_empty() || item.is_some_and(|item| items.iter().any(|one| one == item)))
        };
        let hour = (request.asked_at.0 + SHANGHAI).rem_euclid(DAY) / HOUR;
        self.scopes.iter().any(is_seen)
            && self.filter.unit.as_deref().is_none_or(is_below)
            && self.filter.item.as_deref().is_none_or(|wanted| wanted == item.unwrap_or_default())
            && self.filter.hour.is_none_or(|wanted| i64::from(wanted) == hour)
    }

    /// Is the call of a team's queue meant?
    pub(super) fn is_calls(&self, team: &str, item: Option<&str>) -> bool {
        let is_of =
            |teams: &Option<Vec<String>>| teams.as_ref().is_none_or(|teams| teams.iter().any(|one| one == team));
        let has_item = |items: &Option<Vec<String>>| {
            items.as_ref().is_none_or(|items| item.is_some_and(|item| items.iter().any(|one| one == item)))
        };
        is_of(&self.teams.teams) && self.teams.scopes.iter().any(|scope| is_of(&scope.teams) && has_item(&scope.items))
    }

    /// Requests are told apart by what calls are not: then the operators' side is not told.
    const fn is_of_requests_only(&self) -> bool {
        self.filter.item.is_some() || self.filter.hour.is_some() || self.filter.party.is_some()
    }
}

/// What stands for a party where people see it: the id of a member of staff, of a telephone something that tells nobody its
/// digits (they would be in the logs of whatever stands before the server).
pub(super) fn key_of(party: &Party) -> String {
    match party {
        Party::Agent(agent) => agent.to_string(),
        Party::Number(number) => {
            let digest = digest::digest(&digest::SHA256, number.as_str().as_bytes());
            let hex = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}"));
            format!("nm_{}", hex.collect::<String>())
        }
    }
}

/// The first three and the last two digits.
fn masked(number: &Number) -> String {
    let digits: Vec<char> = number.as_str().chars().collect();
    let hidden = |n: usize| n >= 3 && n + 2 < digits.len();
    digits.iter().enumerate().map(|(n, digit)| if hidden(n) { '*' } else { *digit }).collect()
}

/// What telephones are called.
pub(crate) struct PartyNames<'a> {
    app: &'a App,
    labels: HashMap<String, String>,
}

impl<'a> PartyNames<'a> {
    pub(crate) fn of(app: &'a App) -> Self {
        let catalogue = app.catalogue();
        let directory = catalogue.directory();
        let own = directory.items().flat_map(|(_, item)| {
            item.numbers.iter().map(|one| (one.number.as_str(), format!("{} · {}", item.name, one.label)))
        });
        let shared = directory.transfer_numbers().map(|(_, one)| (one.number.as_str(), one.label.clone()));
        // A record's own label holds.
        let labels = own
            .chain(shared)
            .filter_map(|(number, label)| Number::parse(number).map(|number| (number.as_str().to_owned(), label)));
        Self { app, labels: labels.collect() }
    }

    pub(super) fn name(&self, party: &Party) -> String {
        match party {
            Party::Agent(agent) => self.app.accounts.name(*agent).unwrap_or_default(),
            Party::Number(number) => self.labels.get(number.as_str()).cloned().unwrap_or_else(|| masked(number)),
        }
    }
}

/// What a page of requests rang.
struct Page {
    requests: Vec<RequestRow>,
    attempts: Vec<AttemptRow>,
    /// Its last request; `None`: it is empty.
    until: Option<RequestPlace>,
    /// Of the next page; `None`: there is none.
    after: Option<RequestPlace>,
}

/// The operators' side of the calls of a time, and how all of their legs sounded.
#[derive(Default)]
struct Operators {
    service: Service,
    spent: Tally,
    sound: BTreeMap<CallPart, Heard>,
    /// Some of it is the demo's.
    has_demo: bool,
}

/// Counted of the requests of a time.
#[derive(Default)]
struct Counted {
    total: BTreeMap<String, Connect>,
    lines: BTreeMap<String, Connect>,
    parties: BTreeMap<Party, Rate>,
    causes: BTreeMap<Cause, u64>,
    declines: BTreeMap<DeclineReason, u64>,
    /// Some of it is the demo's.
    has_demo: bool,
    ring: Tally,
}

impl Counted {
    fn total(&self) -> ConnectNumbers {
        self.total.get("").map(ConnectNumbers::from).unwrap_or_default()
    }
}

impl App {
    /// Which requests a question is about.
    ///
    /// # Errors
    /// `forbidden` for whoever watches nothing; names the field that is wrong.
    pub(crate) fn call_selection(&self, staff: &Staff, filter: CallFilter) -> Result<CallSelection, WireError> {
        let account = self.accounts.get(staff.id).filter(|account| account.is_active).ok_or_else(forbidden)?;
        let watching = account.grants.iter().filter(|grant| grant.role.allows(Action::Watch));
        let scopes: Vec<_> = watching.map(|grant| (grant.unit.clone(), grant.items.clone())).collect();
        if scopes.is_empty() {
            return Err(forbidden());
        }
        if filter.party.as_ref().is_some_and(|key| key.len() > MAX_KEY) {
            return Err(WireError::field("party", format!("must have at most {MAX_KEY} characters")));
        }
        let days = Filter {
            from: filter.from,
            to: filter.to,
            unit: filter.unit.clone(),
            item: filter.item.clone(),
            hour: filter.hour,
            ..Filter::default()
        };
        let teams = self.selection(&self.sight(staff)?, &days)?;
        Ok(CallSelection { from: teams.from, to: teams.to, filter, scopes, teams })
    }

    /// The next requests of a selection with their attempts: as many as one page of rows has of them.
    async fn call_page(&self, selection: &CallSelection, after: RequestPlace) -> Result<Page, WireError> {
        let archive = self.store.archive();
        let rows = archive.decided_requests(&after, selection.to, PAGE).await.map_err(store_error)?;
        let Some(until) = rows.last().and_then(RequestPlace::of) else {
            return Ok(Page { requests: Vec::new(), attempts: Vec::new(), until: None, after: None });
        };
        let is_last = rows.len() < PAGE as usize;
        let mut attempts = archive.attempts_of_requests(&after, &until).await.map_err(store_error)?;
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let mut requests = rows;
        // A fourth party is no three-way request.
        requests.retain(|row| is_reached(row).is_some() && selection.is_meant(directory, row));
        if let Some(wanted) = &selection.filter.party {
            let is_theirs = |one: &AttemptRow| {
                one.cause.is_some_and(|cause| cause.is_verdict())
                    && one.party.as_ref().is_some_and(|party| key_of(party) == *wanted)
            };
            let theirs: BTreeSet<_> =
                attempts.iter().filter(|one| is_theirs(one)).map(|one| (one.leg.call, one.request)).collect();
            requests.retain(|row| theirs.contains(&(row.call, Some(row.number))));
        }
        let meant: BTreeSet<_> = requests.iter().map(|row| (row.call, Some(row.number))).collect();
        attempts.retain(|one| meant.contains(&(one.leg.call, one.request)));
        Ok(Page { requests, attempts, after: (!is_last).then(|| until.clone()), until: Some(until) })
    }

    async fn counted(&self, selection: &CallSelection, by: ConnectBy) -> Result<Counted, WireError> {
        let mut counted = Counted::default();
        let mut after = Some(RequestPlace::before(selection.from));
        while let Some(place) = after {
            let page = self.call_page(selection, place).await?;
            counted.has_demo |= page.requests.iter().any(|request| is_demo_call(request.call));
            for request in &page.requests {
                add_request(&mut counted.total, request, ConnectBy::Nothing);
                if by != ConnectBy::Nothing {
                    add_request(&mut counted.lines, request, by);
                }
            }
            for attempt in &page.attempts {
                add_attempt(&mut counted.parties, attempt);
                add_ring(&mut counted.ring, attempt);
            }
            for (why, count) in declines(&page.attempts) {
                *counted.declines.entry(why).or_default() += count;
            }
            for (cause, count) in causes(&page.attempts) {
                *counted.causes.entry(cause).or_default() += count;
            }
            after = page.after;
        }
        Ok(counted)
    }

    /// The operators' side: how calls were answered, how long they took, and how they sounded.
    async fn answered(&self, selection: &CallSelection, now: Timestamp) -> Result<Operators, WireError> {
        let mut found = Operators::default();
        let archive = self.store.archive();
        let mut after = CallPlace::before(selection.from);
        loop {
            let rows = archive.calls_begun(&after, selection.to, PAGE).await.map_err(store_error)?;
            let Some(until) = rows.last().map(|(row, _)| CallPlace::of(row)) else { break };
            let is_last = rows.len() < PAGE as usize;
            let meant = rows.iter().filter(|(row, team)| selection.is_calls(team, row.item.as_deref()));
            let mut calls = BTreeSet::new();
            for (row, _) in meant {
                found.service.add(row, now);
                found.has_demo |= is_demo_call(row.call);
                calls.insert(row.call);
            }
            let (legs, wrap_ups) = archive.operators_times(&after, &until).await.map_err(store_error)?;
            let legs = legs.iter().filter(|leg| calls.contains(&leg.leg.call));
            found.spent.add(&handling(legs, wrap_ups.iter().filter(|one| calls.contains(&one.call))));
            let heard = archive.sound_of_calls(&after, &until).await.map_err(store_error)?;
            heard.iter().filter(|leg| calls.contains(&leg.leg.call)).for_each(|leg| add_heard(&mut found.sound, leg));
            if is_last {
                break;
            }
            after = until;
        }
        Ok(found)
    }

    /// The demo's calls of the last days, if there never was a call.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn seed_demo_calls(&self) -> anyhow::Result<()> {
        let catalogue = self.catalogue();
        let holidays = catalogue.calendar().holidays();
        organisation::seed_demo_calls(&self.store, catalogue.directory(), holidays, self.clock.now()).await
    }

    /// The figures of calls of a time, of as many days before, and apart.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(crate) async fn call_figures(
        &self,
        selection: &CallSelection,
        by: ConnectBy,
    ) -> Result<CallFiguresView, WireError> {
        let now = self.clock.now();
        let counted = self.counted(selection, by).await?;
        let before_from = selection.from - selection.to.since(selection.from);
        let past = CallSelection {
            from: before_from,
            to: selection.from,
            filter: selection.filter.clone(),
            scopes: selection.scopes.clone(),
            teams: selection.teams.clone(),
        };
        let before = self.counted(&past, ConnectBy::Nothing).await?;
        let operators = match selection.is_of_requests_only() {
            true => None,
            false => Some(self.answered(selection, now).await?),
        };
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let name = |key: &str| match by {
            ConnectBy::Department => directory.unit(key).map(|unit| unit.name.clone()),
            ConnectBy::Item => directory.item(key).map(|item| item.name.clone()),
            ConnectBy::Nothing | ConnectBy::Hour => None,
        };
        let line = |(key, connect): (&String, &Connect)| ConnectLine {
            name: name(key).unwrap_or_default(),
            key: key.clone(),
            connect: connect.into(),
        };
        let mut lines: Vec<ConnectLine> = counted.lines.iter().map(line).collect();
        if by == ConnectBy::Hour {
            lines.sort_by_key(|line| line.key.parse::<u8>().unwrap_or(u8::MAX));
        }
        let names = PartyNames::of(self);
        let party = |(party, rate): (&Party, &Rate)| CallPartyLine {
            key: key_of(party),
            name: names.name(party),
            is_person: party.agent().is_some(),
            answered: (*rate).into(),
        };
        let mut parties: Vec<CallPartyLine> = counted.parties.iter().map(party).collect();
        // Whoever answers least often first; of those, who was asked most.
        parties.sort_by(|a, b| {
            let share = |one: &CallPartyLine, other: &CallPartyLine| one.answered.hits * other.answered.of;
            share(a, b).cmp(&share(b, a)).then(b.answered.of.cmp(&a.answered.of)).then(a.key.cmp(&b.key))
        });
        parties.truncate(MOST_PARTIES);
        Ok(CallFiguresView {
            as_of: now,
            from: selection.from,
            to: selection.to,
            before_from,
            promised: PROMISED,
            total: counted.total(),
            before: before.total(),
            lines,
            parties,
            causes: counted.causes,
            declines: counted.declines,
            ring: (&counted.ring).into(),
            has_demo: counted.has_demo || before.has_demo || operators.as_ref().is_some_and(|one| one.has_demo),
            service: operators.as_ref().map(|found| (&found.service).into()),
            handling: operators.as_ref().map(|found| (&found.spent).into()),
            sound: operators.map(|found| found.sound.iter().map(Into::into).collect()),
        })
    }

    /// The next requests behind a number from a place on, at least `least` of them unless there are no more, and where the
    /// next page begins.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(crate) async fn call_requests(
        &self,
        selection: &CallSelection,
        part: Part,
        after: RequestPlace,
        least: usize,
    ) -> Result<(Vec<CountedRequest>, Option<RequestPlace>), WireError> {
        let names = PartyNames::of(self);
        let mut found = Vec::new();
        let mut next = Some(after);
        while let Some(place) = next.take() {
            let page = self.call_page(selection, place.clone()).await?;
            let sounds = self.sound_of(&place, page.until.as_ref()).await?;
            let is_meant = |request: &&RequestRow| match part {
                Part::Of => true,
                Part::Hits => self.is_hit(selection, request, &page.attempts),
                Part::Rest => !self.is_hit(selection, request, &page.attempts),
            };
            for request in page.requests.iter().filter(is_meant) {
                let is_hit = self.is_hit(selection, request, &page.attempts);
                found.extend(self.request_view(&names, request, &page.attempts, &sounds, is_hit));
            }
            if found.len() > least {
                // Goes on within this page.
                found.truncate(least);
                let last: Option<&CountedRequest> = found.last();
                let place =
                    last.map(|row| RequestPlace { at: row.ended_at, call: row.call.to_string(), number: row.number });
                return Ok((found, place));
            }
            next = page.after;
        }
        Ok((found, None))
    }

    /// How the legs sounded that answered the requests of a page.
    async fn sound_of(
        &self,
        after: &RequestPlace,
        until: Option<&RequestPlace>,
    ) -> Result<HashMap<LegId, LegSound>, WireError> {
        let Some(until) = until else { return Ok(HashMap::new()) };
        let heard = self.store.archive().sound_of_requests(after, until).await.map_err(store_error)?;
        Ok(heard.into_iter().map(|one| (one.leg, one.sound)).collect())
    }

    /// Was the request answered; beside a party: by that party?
    fn is_hit(&self, selection: &CallSelection, request: &RequestRow, attempts: &[AttemptRow]) -> bool {
        match &selection.filter.party {
            None => is_reached(request) == Some(true),
            Some(wanted) => attempts.iter().any(|one| {
                one.leg.call == request.call
                    && one.request == Some(request.number)
                    && one.cause == Some(Cause::Answered)
                    && one.party.as_ref().is_some_and(|party| key_of(party) == *wanted)
            }),
        }
    }

    /// A page of the requests behind a number, and how many there are on all pages.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(crate) async fn call_rows(
        &self,
        selection: &CallSelection,
        part: Part,
        after: Option<RequestPlace>,
        limit: usize,
    ) -> Result<CallRequestRows, WireError> {
        let count = self.call_count(selection, part).await?;
        let after = after.unwrap_or_else(|| RequestPlace::before(selection.from));
        let (rows, next) = self.call_requests(selection, part, after, limit).await?;
        let next = next.map(|place| format!("{}.{}.{}", place.at.0, place.call, place.number));
        let has_demo = rows.iter().any(|row| is_demo_call(row.call));
        Ok(CallRequestRows { count, rows, next, has_demo })
    }

    /// How many requests are behind a number.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(crate) async fn call_count(&self, selection: &CallSelection, part: Part) -> Result<u64, WireError> {
        let mut rate = Rate::default();
        let mut next = Some(RequestPlace::before(selection.from));
        while let Some(place) = next.take() {
            let page = self.call_page(selection, place).await?;
            page.requests.iter().for_each(|request| rate.add(self.is_hit(selection, request, &page.attempts)));
            next = page.after;
        }
        Ok(match part {
            Part::Of => rate.of,
            Part::Hits => rate.hits,
            Part::Rest => rate.of - rate.hits,
        })
    }

    fn request_view(
        &self,
        names: &PartyNames<'_>,
        request: &RequestRow,
        attempts: &[AttemptRow],
        sounds: &HashMap<LegId, LegSound>,
        is_hit: bool,
    ) -> Option<CountedRequest> {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let attempt = |one: &AttemptRow| CountedAttempt {
            leg: one.leg.no,
            key: one.party.as_ref().map(key_of).unwrap_or_default(),
            name: one.party.as_ref().map(|party| names.name(party)).unwrap_or_default(),
            round: one.round,
            rung_at: one.rung_at,
            ringing_at: one.ringing_at,
            ended_at: one.ended_at,
            cause: one.cause,
            declined: one.declined,
            sound: sounds.get(&one.leg).map(Into::into),
        };
        Some(CountedRequest {
            call: request.call,
            number: request.number,
            asked_at: request.asked_at,
            ended_at: request.ended_at?,
            item_name: request
                .about
                .item
                .as_deref()
                .and_then(|code| directory.item(code))
                .map(|item| item.name.clone()),
            item: request.about.item.clone(),
            department_name: directory
                .unit(&request.about.department)
                .map_or_else(String::new, |unit| unit.name.clone()),
            department: request.about.department.clone(),
            by_name: request.by.and_then(|agent| self.accounts.name(agent)),
            candidates: request.candidates,
            result: request.result?,
            is_hit,
            answered_round: request.answered_round,
            attempts: attempts_of(attempts, request).into_values().map(attempt).collect(),
        })
    }
}
