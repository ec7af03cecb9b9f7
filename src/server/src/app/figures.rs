//! Figures: who may count what, and the numbers with the names that people know (docs/figures.md).
//!
//! Whoever watches a unit counts what its teams and those below did, of the items of their grant only if it names some. An
//! agent counts their own work, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    figures::{
        By, Definition, Figure, Kind, Row, Shape, Tallies,
        define::DEFINITIONS,
        rows::{date_of_key, day_of},
        timeline::{State, Timeline},
    },
    history,
    org::{CITY, Directory},
    rights::Action,
    time::{DAY, Millis},
    words::Channel,
};
use bangban_protocol::{
    AgentDay, AgentDays, AgentService, AgentStretch, FigureChoice, FigureGroup, FigureLine, FigureNumbers, FigureRow,
    FigureRows, FigureScope, FigureUnit, FiguresView, HistoryLine, HistoryView, LiveFigures, LiveLine, Topic,
    WireError,
};
use bangban_store::{Audit, Author, Change, RowQuery, Scope, Selection, Unit};
use jiff::civil::Date;

use super::{App, forbidden, not_found, store_error};
use crate::{auth::Staff, privacy::json, staff::At};

/// Days of one question: three years.
const MOST_DAYS: i64 = 1_100;

/// Agents' days that are answered together.
const MOST_AGENTS: usize = 200;

/// What somebody may count.
#[derive(Debug, Clone)]
pub struct Sight {
    scopes: Vec<Scope>,
    /// Only their own work.
    own: Option<AgentId>,
}

/// What somebody wants to count.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Code of a unit: it and those below.
    pub unit: Option<String>,
    /// Code of a team.
    pub team: Option<String>,
    /// Code of an item; empty: of none.
    pub item: Option<String>,
    /// Channel.
    pub channel: Option<Channel>,
    /// Agent.
    pub agent: Option<AgentId>,
    /// Hour of the day.
    pub hour: Option<u8>,
}

fn teams_below(directory: &Directory, unit: &str) -> Vec<String> {
    let is_below = |code: &str| directory.above(code).iter().any(|above| above == unit);
    directory.teams().filter(|(_, team)| is_below(&team.unit)).map(|(code, _)| code.to_owned()).collect()
}

impl App {
    /// What a member of staff may count.
    ///
    /// # Errors
    /// `forbidden` for whoever neither watches nor serves.
    pub fn sight(&self, staff: &Staff) -> Result<Sight, WireError> {
        let account = self.accounts.get(staff.id).filter(|account| account.is_active).ok_or_else(forbidden)?;
        let catalogue = self.catalogue();
        let watching = account.grants.iter().filter(|grant| grant.role.allows(Action::Watch));
        let scopes: Vec<Scope> = watching
            .map(|grant| Scope {
                teams: grant
                    .unit
                    .as_deref()
                    .filter(|unit| *unit != CITY)
                    .map(|unit| teams_below(catalogue.directory(), unit)),
                items: Some(grant.items.clone()).filter(|items| !items.is_empty()),
            })
            .collect();
        if !scopes.is_empty() {
            return Ok(Sight { scopes, own: None });
        }
        if account.grants.iter().any(|grant| grant.role.allows(Action::Serve)) {
            return Ok(Sight { scopes: vec![Scope::default()], own: Some(staff.id) });
        }
        Err(forbidden())
    }

    /// Which rows a question is about.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn selection(&self, sight: &Sight, filter: &Filter) -> Result<Selection, WireError> {
        let days = i64::from(filter.to.since(filter.from).map_err(|_| wrong_days())?.get_days());
        if !(0..MOST_DAYS).contains(&days) || !(2_000..2_200).contains(&filter.from.year()) {
            return Err(wrong_days());
        }
        for (field, text) in [("unit", &filter.unit), ("team", &filter.team), ("item", &filter.item)] {
            if text.as_ref().is_some_and(|text| text.len() > 100 || text.contains('\0')) {
                return Err(WireError::field(field, "must have at most 100 characters"));
            }
        }
        if filter.hour.is_some_and(|hour| hour > 23) {
            return Err(WireError::field("hour", "must be 0 to 23"));
        }
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let teams = match (&filter.unit, &filter.team) {
            (Some(unit), _) if directory.unit(unit).is_none() => {
                return Err(WireError { field: Some("unit".to_owned()), ..not_found() });
            }
            (Some(unit), Some(team)) => {
                Some(teams_below(directory, unit).into_iter().filter(|code| code == team).collect())
            }
            // Also of teams that are not there any more.
            (Some(unit), None) if unit == CITY => None,
            (Some(unit), None) => Some(teams_below(directory, unit)),
            (None, Some(team)) => Some(vec![team.clone()]),
            (None, None) => None,
        };
        if sight.own.is_some() && filter.agent.is_some() && filter.agent != sight.own {
            return Err(WireError { field: Some("agent".to_owned()), ..forbidden() });
        }
        let from = day_of(filter.from);
        Ok(Selection {
            from,
            to: from + (days + 1) * DAY,
            scopes: sight.scopes.clone(),
            teams,
            item: filter.item.clone(),
            channel: filter.channel,
            agent: sight.own.or(filter.agent),
            hour: filter.hour,
        })
    }

    /// The figures of a time, of the time before, and apart.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub async fn figures(&self, sight: &Sight, filter: &Filter, by: FigureGroup) -> Result<FiguresView, WireError> {
        let selection = self.selection(sight, filter)?;
        let before = Selection {
            from: selection.from - selection.to.since(selection.from),
            to: selection.from,
            ..selection.clone()
        };
        let now = self.clock.now();
        let archive = self.store.archive();
        let (apart, past) = futures_util::future::try_join(
            archive.figures(Kind::ALL, &selection, by_of(by), now),
            archive.figures(Kind::ALL, &before, By::Nothing, now),
        )
        .await
        .map_err(store_error)?;
        let total = folded(&apart, |_| String::new());
        let lines = match by {
            FigureGroup::Nothing => Tallies::new(),
            FigureGroup::Month => folded(&apart, |day| {
                date_of_key(day).map_or_else(String::new, |date| date.strftime("%Y-%m").to_string())
            }),
            FigureGroup::Day => {
                folded(&apart, |day| date_of_key(day).map_or_else(String::new, |date| date.to_string()))
            }
            FigureGroup::Unit => {
                let root = filter.unit.as_deref().unwrap_or(CITY);
                folded(&apart, |team| self.unit_right_below(root, team))
            }
            _ => apart,
        };
        let mut lines: Vec<FigureLine> = lines
            .iter()
            .map(|(key, line)| FigureLine { key: key.clone(), name: self.name_of_key(by, key), numbers: numbers(line) })
            .collect();
        // Hours are numbers; dates and months sort as they are.
        lines.sort_by_key(|line| (line.key.parse::<u32>().ok().filter(|_| by == FigureGroup::Hour), line.key.clone()));
        Ok(FiguresView {
            as_of: now,
            from: selection.from,
            to: selection.to,
            before_from: before.from,
            total: numbers(total.get("").unwrap_or(&BTreeMap::new())),
            before: numbers(past.get("").unwrap_or(&BTreeMap::new())),
            lines,
            own: sight.own.is_some(),
        })
    }

    /// The unit right below `root` to which a team belongs; `root` itself for its own teams.
    fn unit_right_below(&self, root: &str, team: &str) -> String {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let Some(team) = directory.team(team) else { return String::new() };
        let above = directory.above(&team.unit);
        let place = above.iter().position(|unit| unit == root);
        place.map_or_else(String::new, |place| above[place.saturating_sub(1)].clone())
    }

    fn name_of_key(&self, by: FigureGroup, key: &str) -> String {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let name = match by {
            FigureGroup::Unit => directory.unit(key).map(|unit| unit.name.clone()),
            FigureGroup::Team => directory.team(key).map(|team| team.name.clone()),
            FigureGroup::Item => directory.item(key).map(|item| item.name.clone()),
            FigureGroup::Agent => key.parse().ok().and_then(|id| self.accounts.name(id)),
            FigureGroup::Nothing | FigureGroup::Hour | FigureGroup::Day | FigureGroup::Month | FigureGroup::Channel => {
                None
            }
        };
        name.unwrap_or_default()
    }

    /// What one may look at, and what the figures are.
    #[must_use]
    pub fn figure_scope(&self, sight: &Sight) -> FigureScope {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let sees_all_teams = sight.scopes.iter().any(|scope| scope.teams.is_none());
        let sees_team = |code: &str| {
            sees_all_teams || sight.scopes.iter().any(|one| one.teams.iter().flatten().any(|team| team == code))
        };
        let sees_item = |code: &str| {
            sight.scopes.iter().any(|one| one.items.as_ref().is_none_or(|items| items.iter().any(|item| item == code)))
        };
        let own = sight.own.is_some();
        let teams: Vec<FigureChoice> = directory
            .teams()
            .filter(|(code, _)| !own && sees_team(code))
            .map(|(code, team)| choice(code, &team.name, Some(&team.unit)))
            .collect();
        // Units with a team that one sees, and all between.
        let seen: BTreeSet<&str> = teams.iter().filter_map(|team| team.unit.as_deref()).collect();
        let is_seen = |code: &str| {
            sees_all_teams || seen.iter().any(|unit| directory.above(unit).iter().any(|above| above == code))
        };
        let watched: Vec<&str> = directory
            .units()
            .filter(|(code, _)| !own && is_seen(code) && (sees_all_teams || self.has_all_teams(sight, directory, code)))
            .map(|(code, _)| code)
            .collect();
        let units = watched
            .iter()
            .filter_map(|code| directory.unit(code).map(|unit| (*code, unit)))
            .map(|(code, unit)| FigureUnit {
                code: code.to_owned(),
                name: unit.name.clone(),
                parent: unit.parent.clone().filter(|parent| watched.contains(&parent.as_str())),
            })
            .collect();
        let items = directory
            .items()
            .filter(|(code, _)| !own && sees_item(code) && sees_team(directory.team_of(Some(code))))
            .map(|(code, item)| choice(code, &item.name, Some(&item.department)))
            .collect();
        let mut agents: Vec<FigureChoice> = self
            .accounts
            .all()
            .iter()
            .filter(|account| !own && account.teams.iter().any(|one| sees_team(&one.team)))
            .map(|account| choice(&account.id.to_string(), &account.name, account.unit.as_deref()))
            .collect();
        agents.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
        FigureScope {
            now: self.clock.now(),
            city: !own && sees_all_teams,
            own,
            units,
            teams,
            items,
            agents,
            definitions: DEFINITIONS.iter().map(Into::into).collect(),
        }
    }

    /// Is all that a unit's teams do within what may be counted? Else its name over a number would say too much.
    fn has_all_teams(&self, sight: &Sight, directory: &Directory, unit: &str) -> bool {
        let mut teams = teams_below(directory, unit).into_iter();
        teams.all(|code| sight.scopes.iter().any(|one| one.teams.iter().flatten().any(|team| *team == code)))
    }

    /// A page of the rows behind a number.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn figure_rows(&self, query: &RowQuery<'_>, now: Timestamp) -> Result<Vec<Row>, WireError> {
        self.store.archive().figure_rows(query, now).await.map_err(store_error)
    }

    /// As [`App::figure_rows`], with names, and how many there are on all pages.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn figure_page(&self, query: &RowQuery<'_>) -> Result<FigureRows, WireError> {
        let now = self.clock.now();
        let archive = self.store.archive();
        let definition = query.definition;
        let counted =
            archive.figures(&[definition.kind], query.selection, By::Nothing, now).await.map_err(store_error)?;
        let tally = counted.get("").and_then(|line| line.get(&definition.figure)).cloned().unwrap_or_default();
        let is_rate = matches!(definition.shape, Shape::Rate { .. });
        let count = match query.part {
            bangban_domain::figures::Part::Hits if is_rate => tally.hits,
            bangban_domain::figures::Part::Rest if is_rate => tally.of - tally.hits,
            _ => tally.of,
        };
        let rows = self.figure_rows(query, now).await?;
        let is_last = rows.len() < query.limit as usize;
        let next = rows.last().filter(|_| !is_last).map(|row| place_of(definition, row));
        let rows = rows.iter().map(|row| self.row_view(definition, row, now)).collect();
        Ok(FigureRows { count, rows, next })
    }

    /// A row with the names that people know.
    #[must_use]
    pub fn row_view(&self, definition: &Definition, row: &Row, now: Timestamp) -> FigureRow {
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let (hit, span) = match &definition.shape {
            Shape::Rate { hits, .. } => (hits.holds(row, now), None),
            Shape::Span { from, to, .. } => (true, row.number(*to).zip(row.number(*from)).map(|(to, from)| to - from)),
            Shape::Count { .. } | Shape::Mean { .. } => (true, None),
        };
        FigureRow {
            at: Timestamp(row.number(definition.kind.at()).unwrap_or_default()),
            key: row.key.clone(),
            conversation: row.conversation,
            team: row.team.clone(),
            team_name: directory.team(&row.team).map(|team| team.name.clone()).unwrap_or_default(),
            item: row.item.clone(),
            item_name: row.item.as_deref().and_then(|code| directory.item(code)).map(|item| item.name.clone()),
            channel: row.channel,
            agent: row.agent,
            agent_name: row.agent.and_then(|agent| self.accounts.name(agent)),
            hit,
            span,
            numbers: row.numbers.iter().map(|(field, number)| (field.to_string(), *number)).collect(),
            words: row.words.iter().map(|(word, text)| (word.to_string(), text.clone())).collect(),
        }
    }

    /// What happened to a conversation, for one who counts it: its log without what is personal. Whoever looks at one that
    /// they did not serve leaves a line.
    ///
    /// # Errors
    /// `not_found`, also for one that may not be seen.
    pub async fn history(&self, staff: &Staff, id: ConversationId) -> Result<HistoryView, WireError> {
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        let events = self.store.events_of(id).await.map_err(store_error)?;
        let unit = self.rights.unit_of_team(&row.team);
        let at = At { unit: unit.as_deref(), item: row.item.as_deref() };
        let served = |event: &bangban_store::Event| matches!(&event.what, history::Event::Assigned { agent, .. } if *agent == staff.id);
        let has_served = events.iter().any(served) && self.sight(staff)?.own == Some(staff.id);
        if !has_served && !self.may(staff, Action::Watch, at) {
            return Err(not_found());
        }
        if !has_served {
            let line = Audit {
                at: self.clock.now(),
                actor: Author::Agent(staff.id),
                action: "figures.history",
                kind: "conversation".to_owned(),
                subject: id.to_string(),
                unit: unit.clone(),
                reason: None,
                address: None,
                detail: json(&serde_json::json!({})),
            };
            let unit = Unit { changes: vec![Change::Audit(line)], ..Unit::default() };
            self.store.commit(unit).await.map_err(store_error)?;
        }
        let catalogue = self.catalogue();
        Ok(HistoryView {
            conversation: id,
            team_name: catalogue.directory().team(&row.team).map(|team| team.name.clone()).unwrap_or_default(),
            item_name: catalogue.item_name(row.item.as_deref()),
            channel: row.channel,
            lines: events.iter().map(|event| self.history_line(event)).collect(),
        })
    }

    fn history_line(&self, event: &bangban_store::Event) -> HistoryLine {
        let mut detail = serde_json::to_value(&event.what).unwrap_or_default();
        let mut detail = detail.get_mut("detail").map(serde_json::Value::take).unwrap_or_default();
        if let Some(fields) = detail.as_object_mut() {
            // Whose it is, is no figure.
            for personal in ["citizen", "visitor", "continuation", "ticket"] {
                fields.remove(personal);
            }
        }
        let named = ["by", "agent"].iter().find_map(|name| detail.get(name)?.as_str()?.parse::<AgentId>().ok());
        let actor = if let Author::Agent(id) = event.actor { Some(id) } else { None };
        HistoryLine {
            at: event.at,
            kind: event.what.kind().to_owned(),
            by: if actor.is_some() { "agent".to_owned() } else { event.actor.text().into_owned() },
            agent_name: named.or(actor).and_then(|id| self.accounts.name(id)),
            detail,
        }
    }

    /// What agents were and whom they served on a day.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub async fn agent_days(&self, sight: &Sight, filter: &Filter) -> Result<AgentDays, WireError> {
        let selection = self.selection(sight, filter)?;
        let now = self.clock.now();
        // Of what lies ahead nothing is known.
        let (from, to) = (selection.from, selection.to.min(now).max(selection.from));
        let sees = |team: &str| {
            let is_in = |list: &Option<Vec<String>>| list.as_ref().is_none_or(|all| all.iter().any(|one| one == team));
            is_in(&selection.teams) && selection.scopes.iter().any(|scope| is_in(&scope.teams))
        };
        let mut accounts: Vec<_> = self
            .accounts
            .all()
            .into_iter()
            .filter(|account| selection.agent.is_none_or(|agent| agent == account.id))
            .filter(|account| sight.own == Some(account.id) || account.teams.iter().any(|one| sees(&one.team)))
            .collect();
        accounts.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        let more = accounts.len() > MOST_AGENTS;
        let archive = self.store.archive();
        let mut agents = Vec::with_capacity(accounts.len().min(MOST_AGENTS));
        for account in accounts.iter().take(MOST_AGENTS) {
            let lines = archive.status_lines(account.id, from, to).await.map_err(store_error)?;
            let services = archive.services(account.id, from, to).await.map_err(store_error)?;
            agents.push(agent_day(account.id, account.name.clone(), &Timeline::new(&lines, &services, from, to), to));
        }
        Ok(AgentDays { from, to, agents, more })
    }

    /// Today's requests as the city's board shows them at this moment.
    ///
    /// # Errors
    /// `forbidden` for whoever does not watch the whole city.
    pub fn live_figures(&self, staff: &Staff) -> Result<LiveFigures, WireError> {
        self.require(staff, Action::Watch, At::CITY)?;
        let board = self.shared.boards.get(&Topic::Board).ok_or_else(not_found)?;
        let view = &board.1;
        let line = |line: &bangban_protocol::BoardLine| LiveLine {
            hits: line.today_hits.into(),
            decided: line.today_decided.into(),
            short_abandons: line.today_short_abandons.into(),
        };
        let mut teams: BTreeMap<String, LiveLine> =
            view.teams.iter().map(|team| (team.team.code.clone(), line(&team.line))).collect();
        teams.insert(String::new(), line(&view.total));
        Ok(LiveFigures { as_of: view.as_of, teams })
    }
}

fn wrong_days() -> WireError {
    WireError::field("to", "must not be before from, and at most 1100 days after it")
}

fn choice(key: &str, name: &str, unit: Option<&str>) -> FigureChoice {
    FigureChoice { key: key.to_owned(), name: name.to_owned(), unit: unit.map(str::to_owned) }
}

/// By what is counted, to be shown by this.
const fn by_of(group: FigureGroup) -> By {
    match group {
        FigureGroup::Nothing => By::Nothing,
        FigureGroup::Hour => By::Hour,
        FigureGroup::Day | FigureGroup::Month => By::Day,
        FigureGroup::Unit | FigureGroup::Team => By::Team,
        FigureGroup::Item => By::Item,
        FigureGroup::Channel => By::Channel,
        FigureGroup::Agent => By::Agent,
    }
}

/// Sums of tallies are tallies.
fn folded(apart: &Tallies, key: impl Fn(&str) -> String) -> Tallies {
    let mut folded = Tallies::new();
    for (apart, line) in apart {
        let into = folded.entry(key(apart)).or_default();
        for (figure, tally) in line {
            into.entry(*figure).or_default().add(tally);
        }
    }
    folded
}

fn numbers(line: &BTreeMap<Figure, bangban_domain::figures::Tally>) -> FigureNumbers {
    line.iter().map(|(figure, tally)| (*figure, tally.into())).collect()
}

/// Where a row stands among the others: what `after` says.
#[must_use]
pub fn place_of(definition: &Definition, row: &Row) -> String {
    format!("{}.{}", row.number(definition.kind.at()).unwrap_or_default(), row.key)
}

fn agent_day(agent: AgentId, name: String, timeline: &Timeline, to: Timestamp) -> AgentDay {
    let stretch = |one: &bangban_domain::figures::timeline::Stretch| AgentStretch {
        from: one.from,
        to: one.to,
        state: one.state.to_string(),
    };
    let service = |one: &bangban_domain::figures::timeline::Service| AgentService {
        conversation: one.conversation,
        from: one.from,
        to: one.to.unwrap_or(to),
    };
    let sums: BTreeMap<String, Millis> =
        State::ALL.iter().map(|state| (state.to_string(), timeline.sum(*state))).collect();
    AgentDay {
        agent,
        name,
        stretches: timeline.stretches.iter().map(stretch).collect(),
        services: timeline.services.iter().map(service).collect(),
        sums,
        serving: timeline.serving,
    }
}
