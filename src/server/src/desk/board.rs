//! What supervisors see of the whole, counted in one pass over conversations, agents and the requests of the last hour.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bangban_domain::{
    AgentId, TeamId, Timestamp,
    figures::Rates,
    org::coverage,
    routing::{AgentRead, Place, Routed},
    time::{DAY, MINUTE, Millis},
    words::{AgentStatus, SlaStep},
};
use bangban_protocol::{AtRisk, BoardLine, BoardTeam, BoardView, EventBody, TeamView, Topic};

use super::{case::clock_view, owner::Owner};

/// The roster is looked at so far ahead, and again after this pause or when it changes.
pub(crate) const ROSTER_AHEAD: Millis = 7 * DAY;
const ROSTER_PAUSE: Millis = 10 * MINUTE;

/// The board shows so many whose minute is running out.
const AT_RISK: usize = 50;

impl Owner {
    pub(super) fn show_board(&mut self, now: Timestamp) {
        let view = self.board(now);
        for (which, items) in
            [("all", view.items_total), ("staffed_now", view.items_covered), ("rostered", view.items_rostered)]
        {
            metrics::gauge!("bangban_frequent_items", "which" => which).set(f64::from(items));
        }
        let seq = {
            let board = self.world.shared.board.lock();
            let mut board = board.unwrap_or_else(std::sync::PoisonError::into_inner);
            let seq = board.as_ref().map_or(0, |(seq, _)| *seq) + 1;
            *board = Some((seq, view.clone()));
            seq
        };
        self.world.hub.publish(Topic::Board, Some(seq), EventBody::Board { view });
    }

    fn board(&mut self, now: Timestamp) -> BoardView {
        let (total, mut lines) = self.lines(now);
        let catalogue = Arc::clone(&self.world.catalogue);
        let with_line = |team: &TeamView| {
            let line = catalogue.team(&team.code).and_then(|id| lines.remove(&id)).unwrap_or_default();
            BoardTeam { team: team.clone(), line }
        };
        let teams: Vec<BoardTeam> = catalogue.teams().map(with_line).collect();
        let staffed: HashSet<&str> =
            teams.iter().filter(|team| team.line.staffed > 0).map(|team| team.team.code.as_str()).collect();
        let frequent = catalogue.directory().items().filter(|(_, item)| item.high_frequency);
        let (covered, items) = frequent.fold((0, 0), |(covered, items), (code, _)| {
            (covered + u32::from(staffed.contains(catalogue.team_of(Some(code)))), items + 1)
        });
        let calendar = catalogue.calendar();
        BoardView {
            as_of: now,
            in_service: calendar.in_service(now),
            service_changes_at: calendar.next_change(now).unwrap_or(now),
            total,
            at_risk: self.at_risk(),
            items_covered: covered,
            items_rostered: self.rostered(now),
            items_total: items,
            teams,
        }
    }

    /// How many high-frequency items have no hole in the roster of the coming days.
    fn rostered(&mut self, now: Timestamp) -> u32 {
        let is_fresh = |(at, _): &(Timestamp, u32)| (0..ROSTER_PAUSE).contains(&now.since(*at));
        if let Some((_, known)) = self.rostered.filter(is_fresh) {
            return known;
        }
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
        self.rostered = Some((now, found.covered));
        found.covered
    }

    /// All together, and each team.
    fn lines(&mut self, now: Timestamp) -> (BoardLine, HashMap<TeamId, BoardLine>) {
        let (rates, by_team) = self.today.all_rates(now);
        let mut total = with_rates(rates);
        let mut lines: HashMap<TeamId, BoardLine> = (0..self.world.catalogue.directory().team_slots())
            .map(TeamId)
            .map(|team| {
                let mut line = with_rates(by_team.get(&team).copied().unwrap_or_default());
                line.call_backs = u32::try_from(self.router.call_backs(team)).unwrap_or(u32::MAX);
                (team, line)
            })
            .collect();
        total.call_backs = lines.values().map(|line| line.call_backs).sum();
        for (_, routed) in self.router.conversations() {
            count_conversation(&mut total, &routed);
            if let Some(line) = lines.get_mut(&routed.team) {
                count_conversation(line, &routed);
            }
        }
        for (id, read) in self.router.agents() {
            // Known but never connected, or gone for a minute, is not staff.
            if read.is_lost || read.status == AgentStatus::Offline {
                continue;
            }
            count_agent(&mut total, &read);
            for team in self.teams_of.get(&id).into_iter().flatten() {
                if let Some(line) = lines.get_mut(team) {
                    count_agent(line, &read);
                }
            }
        }
        (total, lines)
    }

    fn at_risk(&self) -> Vec<AtRisk> {
        let mut risky: Vec<_> = self
            .router
            .conversations()
            .filter(|(_, one)| one.clock.is_running() && one.clock.step != SlaStep::Running)
            .collect();
        risky.sort_unstable_by_key(|(id, one)| (one.clock.asked_at, *id));
        risky.truncate(AT_RISK);
        let view = |(id, routed): (_, Routed)| {
            let case = self.cases.get(id)?;
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

fn count_conversation(line: &mut BoardLine, routed: &Routed) {
    if routed.clock.is_running() {
        line.waiting += 1;
        let asked_at = routed.clock.asked_at;
        line.oldest_asked_at = Some(line.oldest_asked_at.map_or(asked_at, |oldest| oldest.min(asked_at)));
    }
    line.serving += u32::from(matches!(routed.place, Place::Serving { .. }));
}

fn count_agent(line: &mut BoardLine, read: &AgentRead) {
    line.staffed += 1;
    match read.status {
        AgentStatus::Break => line.on_break += 1,
        AgentStatus::Online | AgentStatus::Offline if read.load < read.capacity => line.free += 1,
        AgentStatus::Online | AgentStatus::Offline => line.busy += 1,
    }
}
