//! Rule 4: in every service hour each high-frequency item resolves to a staffed team.

use std::collections::HashMap;

use super::{Directory, Item};
use crate::{
    AgentId, Timestamp,
    calendar::{Calendar, without},
};

/// An item that nobody would answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Code of the item.
    pub item: String,
    /// Code of its team.
    pub team: String,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// How the high-frequency items are covered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many there are.
    pub items: u32,
    /// How many have no hole.
    pub covered: u32,
    /// By item in the order of the catalogue, then by time.
    pub holes: Vec<Hole>,
}

/// The high-frequency items of those that are `wanted`, from `from` to `to`, by the roster. `hours` gives a team's calendar, `is_member` whether somebody
/// who stands in the roster still works in the team. Two parts of the service hours that touch are two holes.
#[must_use]
pub fn coverage<'a>(
    directory: &Directory,
    wanted: impl Fn(&str, &Item) -> bool,
    hours: impl Fn(&str) -> &'a Calendar,
    is_member: impl Fn(AgentId, &str) -> bool,
    from: Timestamp,
    to: Timestamp,
) -> Coverage {
    let mut of_teams: HashMap<&str, Vec<(Timestamp, Timestamp)>> = HashMap::new();
    let mut found = Coverage::default();
    for (code, _) in directory.items().filter(|(code, item)| item.high_frequency && wanted(code, item)) {
        let team = directory.team_of(Some(code));
        let holes = of_teams.entry(team).or_insert_with(|| {
            let calendar = hours(team);
            let duties = directory.duties(team, from, to, calendar.holidays());
            let duties = duties.iter().filter(|duty| is_member(duty.agent, team)).map(|duty| (duty.from, duty.to));
            without(&calendar.open_between(from, to), duties)
        });
        found.items += 1;
        found.covered += u32::from(holes.is_empty());
        found.holes.extend(holes.iter().map(|(from, to)| Hole {
            item: code.to_owned(),
            team: team.to_owned(),
            from: *from,
            to: *to,
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlapping_duties_leave_open() {
        let spans = |list: &[(i64, i64)]| list.iter().map(|(a, b)| (Timestamp(*a), Timestamp(*b))).collect::<Vec<_>>();
        for (open, taken, left) in [
            (&[(0, 10)][..], &[][..], &[(0, 10)][..]),
            (&[(0, 10)], &[(0, 10)], &[]),
            (&[(0, 10)], &[(-5, 3), (2, 4), (6, 20)], &[(4, 6)]),
            (&[(0, 10)], &[(0, 9), (3, 4)], &[(9, 10)]),
            (&[(0, 10), (20, 30)], &[(5, 25)], &[(0, 5), (25, 30)]),
            (&[(0, 10)], &[(10, 12), (-3, 0)], &[(0, 10)]),
        ] {
            let mut taken = spans(taken);
            taken.sort_unstable();
            assert_eq!(without(&spans(open), taken.into_iter()), spans(left), "{open:?}");
        }
    }
}
