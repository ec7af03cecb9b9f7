//! What a board shows of the units below its own: sums over their teams, so that one goes from the city to a unit, from there
//! to the units below it and to its teams. Counted from the lines of the board's own teams, so that nobody is told of more
//! than their board is about.

use std::collections::BTreeMap;

use bangban_domain::{org::CITY, words::AgentStatus};
use bangban_protocol::{BoardLine, BoardPlace, BoardTeam, BoardUnit, Topic};

use super::{board::count_agent, owner::Owner};

/// The unit that a board is about.
fn scope_of(topic: &Topic) -> &str {
    match topic {
        Topic::BoardOf(unit) => unit.as_str(),
        _ => CITY,
    }
}

impl Owner {
    /// The unit of a board and those above it, the city first.
    pub(super) fn path_of(&self, topic: Topic) -> Vec<BoardPlace> {
        let above = self.world.catalogue.directory().above(scope_of(&topic));
        above.iter().rev().filter_map(|code| self.place(code)).collect()
    }

    fn place(&self, code: &str) -> Option<BoardPlace> {
        let unit = self.world.catalogue.directory().unit(code)?;
        Some(BoardPlace { code: code.to_owned(), name: unit.name.clone() })
    }

    /// The units right below a board's own, each with the sum over its teams, in the order of the first of them.
    pub(super) fn units_on(&self, topic: Topic, teams: &[BoardTeam]) -> Vec<BoardUnit> {
        let directory = self.world.catalogue.directory();
        let unit_of = |team: &str| directory.below(scope_of(&topic), &directory.team(team)?.unit);
        let mut units: Vec<BoardUnit> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for BoardTeam { team, line } in teams {
            let Some(code) = unit_of(&team.code) else { continue };
            let place = *places.entry(code).or_insert_with(|| {
                let unit =
                    self.place(code).unwrap_or_else(|| BoardPlace { code: code.to_owned(), name: code.to_owned() });
                units.push(BoardUnit { unit, line: BoardLine::default(), teams: Vec::new() });
                units.len() - 1
            });
            add(&mut units[place].line, line);
            units[place].teams.push(team.code.clone());
        }
        // Whoever belongs to several teams of a unit was counted with each of them.
        for (id, served) in self.teams_of.iter().filter(|(_, served)| served.len() > 1) {
            let Some(read) = self.router.agent(*id) else { continue };
            if read.is_lost || read.status == AgentStatus::Offline {
                continue;
            }
            let mut times: BTreeMap<usize, u32> = BTreeMap::new();
            let codes = served.iter().filter_map(|team| self.world.catalogue.team_at(*team));
            for place in codes.filter_map(|team| places.get(unit_of(&team.code)?)) {
                *times.entry(*place).or_default() += 1;
            }
            for (place, times) in times {
                let mut once = BoardLine::default();
                count_agent(&mut once, &read);
                take_away(&mut units[place].line, &once, times - 1);
            }
        }
        units
    }
}

fn add(sum: &mut BoardLine, line: &BoardLine) {
    sum.waiting += line.waiting;
    sum.oldest_asked_at = [sum.oldest_asked_at, line.oldest_asked_at].into_iter().flatten().min();
    sum.hour_hits += line.hour_hits;
    sum.hour_decided += line.hour_decided;
    sum.today_hits += line.today_hits;
    sum.today_decided += line.today_decided;
    sum.today_short_abandons += line.today_short_abandons;
    sum.staffed += line.staffed;
    sum.free += line.free;
    sum.busy += line.busy;
    sum.on_break += line.on_break;
    sum.serving += line.serving;
    sum.call_backs += line.call_backs;
}

/// Of an agent who was counted more than once.
fn take_away(sum: &mut BoardLine, once: &BoardLine, times: u32) {
    sum.staffed -= once.staffed * times;
    sum.free -= once.free * times;
    sum.busy -= once.busy * times;
    sum.on_break -= once.on_break * times;
}
