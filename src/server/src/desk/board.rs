//! What supervisors see of the whole. All boards, the city's and those of units, are put together from one pass over the
//! conversations; the rates are kept up to date by [`bangban_domain::figures::Today`].

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    figures::{AllRates, Rates},
    org::coverage,
    routing::{AgentRead, Place, Routed},
    time::{DAY, MINUTE, Millis},
    words::{AgentStatus, Channel, SlaStep},
};
use bangban_protocol::{AtRisk, BoardChannel, BoardLine, BoardTeam, BoardView, EventBody, TeamView, Topic};

use super::{case::clock_view, owner::Owner};

/// The roster is looked at so far ahead, and again after this pause or when it changes.
pub(crate) const ROSTER_AHEAD: Millis = 7 * DAY;
const ROSTER_PAUSE: Millis = 10 * MINUTE;

/// The board shows so many whose minute is running out.
const AT_RISK: usize = 50;

impl Owner {
    /// The city's board, and those of the units that somebody looks at: each counted and written once, for all who look.
    pub(super) fn show_boards(&mut self, now: Timestamp) {
        self.scopes.retain(|unit| {
            let topic = Topic::BoardOf(*unit);
            let is_seen = self.world.hub.is_listened_to(topic);
            if !is_seen {
                self.world.shared.boards.remove(&topic);
            }
            is_seen
        });
        let counted = self.count();
        self.tell_board(Topic::Board, &counted, now);
        for unit in self.scopes.clone() {
            self.tell_board(Topic::BoardOf(unit), &counted, now);
        }
    }

    /// One board; a unit's is kept up to date from now on, as long as somebody looks at it.
    pub(super) fn show_board(&mut self, topic: Topic, now: Timestamp) {
        if let Topic::BoardOf(unit) = topic {
            self.scopes.insert(unit);
        }
        let counted = self.count();
        self.tell_board(topic, &counted, now);
    }

    fn tell_board(&mut self, topic: Topic, counted: &Counted, now: Timestamp) {
        let view = self.board(topic, counted, now);
        if topic == Topic::Board {
            for (which, items) in
                [("all", view.items_total), ("staffed_now", view.items_covered), ("rostered", view.items_rostered)]
            {
                metrics::gauge!("bangban_frequent_items", "which" => which).set(f64::from(items));
            }
        }
        let seq = self.world.shared.boards.get(&topic).map_or(0, |known| known.0) + 1;
        self.world.shared.boards.insert(topic, (seq, view.clone()));
        self.world.hub.publish(topic, Some(seq), EventBody::Board { view });
    }

    /// The teams that a board is about.
    fn teams_on(&self, topic: Topic) -> HashSet<TeamId> {
        let catalogue = &self.world.catalogue;
        let is_on = |team: &&TeamView| match topic {
            Topic::BoardOf(unit) => self.world.rights.is_team_below(&team.code, unit.as_str()),
            _ => true,
        };
        catalogue.teams().filter(is_on).filter_map(|team| catalogue.team(&team.code)).collect()
    }

    fn board(&mut self, topic: Topic, counted: &Counted, now: Timestamp) -> BoardView {
        let on = self.teams_on(topic);
        let rates = self.today.rates(now, |team| on.contains(&team));
        let channels = channels(counted, &on, &rates.channels);
        let (total, mut lines) = self.lines(counted, &on, &rates);
        let catalogue = Arc::clone(&self.world.catalogue);
        let mut teams = Vec::new();
        let mut staffed = HashSet::new();
        for team in catalogue.teams() {
            let Some((id, line)) = catalogue.team(&team.code).and_then(|id| Some((id, lines.remove(&id)?))) else {
                continue;
            };
            if line.staffed > 0 {
                staffed.insert(id);
            }
            teams.push(BoardTeam { team: team.clone(), line });
        }
        let served_by = catalogue.frequent_items().iter().map(|(_, team)| team);
        let (covered, items) = served_by
            .filter(|team| on.contains(*team))
            .fold((0, 0), |(covered, items), team| (covered + u32::from(staffed.contains(team)), items + 1));
        let items_rostered = self.rostered(&on, now);
        let calendar = catalogue.calendar();
        BoardView {
            as_of: now,
            in_service: calendar.in_service(now),
            service_changes_at: calendar.next_change(now).unwrap_or(now),
            total,
            at_risk: self.at_risk(counted, &on),
            items_covered: covered,
            items_total: items,
            items_rostered,
            units: self.units_on(topic, &teams),
            path: self.path_of(topic),
            teams,
            channels,
        }
    }

    /// How many high-frequency items of these teams have no hole in the roster of the coming days.
    fn rostered(&mut self, on: &HashSet<TeamId>, now: Timestamp) -> u32 {
        let is_fresh = |(at, _): &&(Timestamp, HashMap<TeamId, u32>)| (0..ROSTER_PAUSE).contains(&now.since(*at));
        if self.rostered.as_ref().filter(is_fresh).is_none() {
            self.rostered = Some((now, self.rostered_of_teams(now)));
        }
        let known = self.rostered.iter().flat_map(|(_, of_teams)| of_teams);
        known.filter(|(team, _)| on.contains(team)).map(|(_, items)| items).sum()
    }

    fn rostered_of_teams(&self, now: Timestamp) -> HashMap<TeamId, u32> {
        let catalogue = &self.world.catalogue;
        let is_member = |agent: AgentId, code: &str| {
            let team = catalogue.team(code);
            team.is_some_and(|team| self.teams_of.get(&agent).is_some_and(|teams| teams.contains(&team)))
        };
        let hours = |team: &str| catalogue.calendar_of(team);
        let found = coverage(catalogue.directory(), |_, _| true, hours, is_member, now, now + ROSTER_AHEAD);
        if found.covered < found.items {
            tracing::warn!(items = found.items, covered = found.covered, "the roster leaves items without anybody");
        }
        let open: HashSet<&str> = found.holes.iter().map(|hole| hole.item.as_str()).collect();
        let mut of_teams = HashMap::new();
        for (_, team) in catalogue.frequent_items().iter().filter(|(code, _)| !open.contains(code.as_str())) {
            *of_teams.entry(*team).or_insert(0) += 1;
        }
        of_teams
    }

    /// One pass over the conversations.
    fn count(&self) -> Counted {
        let mut counted = Counted::default();
        for (id, routed) in self.router.conversations() {
            let Some(case) = self.cases.get(id) else { continue };
            count_conversation(counted.places.entry((routed.team, case.row.channel)).or_default(), &routed);
            if routed.clock.is_running() && routed.clock.step != SlaStep::Running {
                counted.at_risk.push((routed.clock.asked_at, id, routed.team));
            }
        }
        counted
    }

    /// Those that are on the board together, and each of them.
    fn lines(
        &self,
        counted: &Counted,
        on: &HashSet<TeamId>,
        rates: &AllRates,
    ) -> (BoardLine, HashMap<TeamId, BoardLine>) {
        let is_all = on.len() == self.world.catalogue.teams().count();
        let mut total = with_rates(rates.total);
        let with_call_backs = |team: &TeamId| {
            let mut line = with_rates(rates.teams.get(team).copied().unwrap_or_default());
            line.call_backs = u32::try_from(self.router.call_backs(*team)).unwrap_or(u32::MAX);
            (*team, line)
        };
        let mut lines: HashMap<TeamId, BoardLine> = on.iter().map(with_call_backs).collect();
        total.call_backs = lines.values().map(|line| line.call_backs).sum();
        for ((team, _), places) in &counted.places {
            if let Some(line) = lines.get_mut(team) {
                add(&mut total, places);
                add(line, places);
            }
        }
        for (id, read) in self.router.agents() {
            // Known but never connected, or gone for a minute, is not staff.
            if read.is_lost || read.status == AgentStatus::Offline {
                continue;
            }
            let teams = self.teams_of.get(&id).map_or(&[][..], Vec::as_slice);
            // Whoever is in no team answers nobody but by taking over.
            if teams.is_empty() {
                continue;
            }
            if is_all || teams.iter().any(|team| on.contains(team)) {
                count_agent(&mut total, &read);
            }
            for team in teams {
                if let Some(line) = lines.get_mut(team) {
                    count_agent(line, &read);
                }
            }
        }
        (total, lines)
    }

    fn at_risk(&self, counted: &Counted, on: &HashSet<TeamId>) -> Vec<AtRisk> {
        let is_on = |(_, _, team): &&(_, _, TeamId)| on.contains(team);
        let mut risky: Vec<_> =
            counted.at_risk.iter().filter(is_on).map(|(asked_at, id, _)| (*asked_at, *id)).collect();
        // There may be many: only the first ones are sorted.
        if risky.len() > AT_RISK {
            risky.select_nth_unstable(AT_RISK);
            risky.truncate(AT_RISK);
        }
        risky.sort_unstable();
        let view = |(_, id): (Timestamp, ConversationId)| {
            let (case, routed) = (self.cases.get(id)?, self.router.conversation(id)?);
            let agent = match routed.place {
                Place::Waiting => None,
                Place::Offered { agent, .. } | Place::Serving { agent, .. } => Some(agent),
            };
            let team = self.world.catalogue.team_at(routed.team);
            Some(AtRisk {
                conversation: id,
                citizen_name: case.citizen_name.clone(),
                item_name: self.item_name(case.row.item.as_deref()),
                team_name: team.map(|team| team.name.clone()).unwrap_or_default(),
                clock: clock_view(&routed.clock),
                stage: case.row.stage,
                agent_name: agent.and_then(|id| self.name_of(id)),
            })
        };
        risky.into_iter().filter_map(view).collect()
    }
}

/// Each channel that has any numbers.
fn channels(counted: &Counted, on: &HashSet<TeamId>, rates: &BTreeMap<Channel, Rates>) -> Vec<BoardChannel> {
    let mut lines: BTreeMap<Channel, BoardLine> =
        rates.iter().map(|(channel, rates)| (*channel, with_rates(*rates))).collect();
    for ((_, channel), places) in counted.places.iter().filter(|((team, _), _)| on.contains(team)) {
        add(lines.entry(*channel).or_default(), places);
    }
    let view = |(channel, line): (Channel, BoardLine)| BoardChannel {
        channel,
        waiting: line.waiting,
        serving: line.serving,
        hour_hits: line.hour_hits,
        hour_decided: line.hour_decided,
        today_hits: line.today_hits,
        today_decided: line.today_decided,
        today_short_abandons: line.today_short_abandons,
    };
    lines.into_iter().map(view).collect()
}

fn with_rates(rates: Rates) -> BoardLine {
    BoardLine {
        hour_hits: rates.hour_hits,
        hour_decided: rates.hour_decided,
        today_hits: rates.today_hits,
        today_decided: rates.today_decided,
        today_short_abandons: rates.today_short_abandons,
        ..BoardLine::default()
    }
}

/// What one pass over the conversations has found.
#[derive(Default)]
struct Counted {
    places: HashMap<(TeamId, Channel), Places>,
    /// Those whose minute is running out: since when, which, whose.
    at_risk: Vec<(Timestamp, ConversationId, TeamId)>,
}

/// Of a team and a channel.
#[derive(Default)]
struct Places {
    waiting: u32,
    serving: u32,
    oldest_asked_at: Option<Timestamp>,
}

fn count_conversation(places: &mut Places, routed: &Routed) {
    if routed.clock.is_running() {
        places.waiting += 1;
        places.oldest_asked_at = oldest(places.oldest_asked_at, Some(routed.clock.asked_at));
    }
    places.serving += u32::from(matches!(routed.place, Place::Serving { .. }));
}

fn add(line: &mut BoardLine, places: &Places) {
    line.waiting += places.waiting;
    line.serving += places.serving;
    line.oldest_asked_at = oldest(line.oldest_asked_at, places.oldest_asked_at);
}

fn oldest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

pub(super) fn count_agent(line: &mut BoardLine, read: &AgentRead) {
    line.staffed += 1;
    match read.status {
        AgentStatus::Break => line.on_break += 1,
        AgentStatus::Online | AgentStatus::Offline if read.load < read.capacity => line.free += 1,
        AgentStatus::Online | AgentStatus::Offline => line.busy += 1,
    }
}
