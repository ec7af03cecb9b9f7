//! What supervisors see of the whole, counted in one pass over conversations, agents and the requests of the last hour.

use std::collections::HashSet;

use bangban_domain::{
    TeamId, Timestamp,
    figures::Rates,
    routing::{AgentRead, Place, Routed},
    words::{AgentStatus, SlaStep},
};
use bangban_protocol::{AtRisk, BoardLine, BoardTeam, BoardView, EventBody, Topic};

use super::{case::clock_view, owner::Owner};

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
        self.show_board(Topic::Board, now);
        for unit in self.scopes.clone() {
            self.show_board(Topic::BoardOf(unit), now);
        }
    }

    /// One board; a unit's is kept up to date from now on, as long as somebody looks at it.
    pub(super) fn show_board(&mut self, topic: Topic, now: Timestamp) {
        if let Topic::BoardOf(unit) = topic {
            self.scopes.insert(unit);
        }
        let view = self.board(topic, now);
        let seq = self.world.shared.boards.get(&topic).map_or(0, |known| known.0) + 1;
        self.world.shared.boards.insert(topic, (seq, view.clone()));
        self.world.hub.publish(topic, Some(seq), EventBody::Board { view });
    }

    /// The teams that a board is about.
    fn teams_on(&self, topic: Topic) -> Vec<bool> {
        let is_on = |code: &str| match topic {
            Topic::BoardOf(unit) => self.world.rights.is_team_below(code, unit.as_str()),
            _ => true,
        };
        self.world.catalogue.teams().iter().map(|team| is_on(&team.code)).collect()
    }

    fn board(&mut self, topic: Topic, now: Timestamp) -> BoardView {
        let on = self.teams_on(topic);
        let (total, lines) = self.lines(&on, now);
        let teams: Vec<BoardTeam> = self
            .world
            .catalogue
            .teams()
            .iter()
            .cloned()
            .zip(lines)
            .zip(&on)
            .filter(|(_, is_on)| **is_on)
            .map(|((team, line), _)| BoardTeam { team, line })
            .collect();
        let staffed: HashSet<&str> =
            teams.iter().filter(|team| team.line.staffed > 0).map(|team| team.team.code.as_str()).collect();
        let known: HashSet<&str> = teams.iter().map(|team| team.team.code.as_str()).collect();
        let frequent = self.world.catalogue.items().filter(|item| item.high_frequency);
        let frequent = frequent.filter(|item| known.contains(item.team.as_str()));
        let (covered, items) = frequent.fold((0, 0), |(covered, items), item| {
            (covered + u32::from(staffed.contains(item.team.as_str())), items + 1)
        });
        BoardView {
            as_of: now,
            in_service: self.world.calendar.in_service(now),
            service_changes_at: self.world.calendar.next_change(now).unwrap_or(now),
            total,
            at_risk: self.at_risk(&on),
            items_covered: covered,
            items_total: items,
            teams,
        }
    }

    /// Those that are on the board together, and each team by its position.
    fn lines(&mut self, on: &[bool], now: Timestamp) -> (BoardLine, Vec<BoardLine>) {
        let is_on = |team: TeamId| on.get(usize::from(team.0)).copied().unwrap_or_default();
        let (rates, by_team) = self.today.rates(now, is_on);
        let is_all = on.iter().all(|is_on| *is_on);
        let mut total = with_rates(rates);
        let mut lines: Vec<BoardLine> = (0..self.world.catalogue.teams().len())
            .filter_map(|n| u16::try_from(n).ok())
            .map(|n| {
                let team = TeamId(n);
                let mut line = with_rates(by_team.get(&team).copied().unwrap_or_default());
                line.call_backs = u32::try_from(self.router.call_backs(team)).unwrap_or(u32::MAX);
                line
            })
            .collect();
        total.call_backs = lines.iter().zip(on).filter(|(_, is_on)| **is_on).map(|(line, _)| line.call_backs).sum();
        for (_, routed) in self.router.conversations().filter(|(_, routed)| is_on(routed.team)) {
            count_conversation(&mut total, &routed);
            if let Some(line) = lines.get_mut(usize::from(routed.team.0)) {
                count_conversation(line, &routed);
            }
        }
        for (id, read) in self.router.agents() {
            // Known but never connected, or gone for a minute, is not staff.
            if read.is_lost || read.status == AgentStatus::Offline {
                continue;
            }
            let teams = self.teams_of.get(&id).map_or(&[][..], Vec::as_slice);
            if is_all || teams.iter().any(|team| is_on(*team)) {
                count_agent(&mut total, &read);
            }
            for team in teams {
                if let Some(line) = lines.get_mut(usize::from(team.0)) {
                    count_agent(line, &read);
                }
            }
        }
        (total, lines)
    }

    fn at_risk(&self, on: &[bool]) -> Vec<AtRisk> {
        let mut risky: Vec<_> = self
            .router
            .conversations()
            .filter(|(_, one)| on.get(usize::from(one.team.0)).copied().unwrap_or_default())
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
