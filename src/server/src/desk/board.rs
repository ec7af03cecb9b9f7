//! What supervisors see of the whole, counted in one pass over conversations, agents and the requests of the last hour.

use std::collections::{BTreeMap, HashSet};

use bangban_domain::{
    Timestamp,
    figures::{AllRates, Rates},
    routing::{AgentRead, Place, Routed},
    words::{AgentStatus, Channel, SlaStep},
};
use bangban_protocol::{AtRisk, BoardChannel, BoardLine, BoardTeam, BoardView, EventBody, Topic};

use super::{case::clock_view, owner::Owner};

/// The board shows so many whose minute is running out.
const AT_RISK: usize = 50;

impl Owner {
    pub(super) fn show_board(&mut self, now: Timestamp) {
        let view = self.board(now);
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
        let rates = self.today.all_rates(now);
        let channels = self.channels(&rates.channels);
        let (total, lines) = self.lines(&rates);
        let teams: Vec<BoardTeam> = self
            .world
            .catalogue
            .teams()
            .iter()
            .cloned()
            .zip(lines)
            .map(|(team, line)| BoardTeam { team, line })
            .collect();
        let staffed: HashSet<&str> =
            teams.iter().filter(|team| team.line.staffed > 0).map(|team| team.team.code.as_str()).collect();
        let frequent = self.world.catalogue.items().filter(|item| item.high_frequency);
        let (covered, items) = frequent.fold((0, 0), |(covered, items), item| {
            (covered + u32::from(staffed.contains(item.team.as_str())), items + 1)
        });
        BoardView {
            as_of: now,
            in_service: self.world.calendar.in_service(now),
            service_changes_at: self.world.calendar.next_change(now).unwrap_or(now),
            total,
            at_risk: self.at_risk(),
            items_covered: covered,
            items_total: items,
            teams,
            channels,
        }
    }

    /// All together, and each team by its position.
    fn lines(&self, rates: &AllRates) -> (BoardLine, Vec<BoardLine>) {
        let mut total = with_rates(rates.total);
        let mut lines: Vec<BoardLine> = (0..self.world.catalogue.teams().len())
            .filter_map(|n| u16::try_from(n).ok())
            .map(|n| {
                let team = bangban_domain::TeamId(n);
                let mut line = with_rates(rates.teams.get(&team).copied().unwrap_or_default());
                line.call_backs = u32::try_from(self.router.call_backs(team)).unwrap_or(u32::MAX);
                line
            })
            .collect();
        total.call_backs = lines.iter().map(|line| line.call_backs).sum();
        for (_, routed) in self.router.conversations() {
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
            count_agent(&mut total, &read);
            for team in self.teams_of.get(&id).into_iter().flatten() {
                if let Some(line) = lines.get_mut(usize::from(team.0)) {
                    count_agent(line, &read);
                }
            }
        }
        (total, lines)
    }

    /// Each channel that has any numbers.
    fn channels(&self, rates: &BTreeMap<Channel, Rates>) -> Vec<BoardChannel> {
        let mut lines: BTreeMap<Channel, BoardLine> =
            rates.iter().map(|(channel, rates)| (*channel, with_rates(*rates))).collect();
        for (id, routed) in self.router.conversations() {
            if let Some(case) = self.cases.get(id) {
                count_conversation(lines.entry(case.row.channel).or_default(), &routed);
            }
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
