//! Accounts for the load program, under `serve --demo` only: citizens without number, and agents who are made on demand.

use bangban_domain::words::Role;
use bangban_protocol::TeamView;

use crate::organisation::DemoStaff;

/// Begin of their staff numbers.
pub const LOGIN: &str = "load-agent-";

/// How many agents the load program may log in as: `load-agent-1` and so on, with the demo password.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct LoadAgents {
    /// Makes so many agents for the load program; needs --demo.
    #[arg(long, value_name = "M", default_value_t = 0, requires = "demo")]
    pub load_agents: u32,
    /// How many conversations each of them serves at once.
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub load_capacity: u32,
    /// In how many teams each of them is, spread evenly; without: in every team.
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..))]
    pub load_teams: Option<u32>,
}

impl LoadAgents {
    /// Their accounts.
    #[must_use]
    pub fn staff<'a>(self, teams: impl Iterator<Item = &'a TeamView>) -> Vec<DemoStaff> {
        let codes: Vec<String> = teams.map(|team| team.code.clone()).collect();
        let member = |n: u32| DemoStaff {
            login: format!("{LOGIN}{n}"),
            name: format!("测试坐席{n}"),
            role: Role::Agent,
            capacity: self.load_capacity,
            teams: match self.load_teams {
                Some(count) => {
                    codes.iter().cycle().skip(n as usize % codes.len().max(1)).take(count as usize).cloned().collect()
                }
                None => codes.clone(),
            },
        };
        (1..=self.load_agents).map(member).collect()
    }
}

/// The name of the citizen `load-citizen-N`.
#[must_use]
pub fn citizen_name(code: &str) -> Option<String> {
    let n: u32 = code.strip_prefix("load-citizen-")?.parse().ok()?;
    Some(format!("测试市民{n}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citizens_have_a_number_and_agents_are_in_every_team() {
        assert_eq!(citizen_name("load-citizen-12"), Some("测试市民12".to_owned()));
        assert_eq!((citizen_name("load-citizen-x"), citizen_name("demo-citizen-1")), (None, None));
        let teams = ["a", "b"].map(|code| TeamView { code: code.to_owned(), name: String::new() });
        let all = LoadAgents { load_agents: 2, load_capacity: 7, load_teams: None };
        let staff = all.staff(teams.iter());
        assert_eq!((staff.len(), staff[1].login.as_str(), staff[1].capacity), (2, "load-agent-2", 7));
        assert_eq!(staff[0].teams, ["a", "b"]);
        let spread = LoadAgents { load_teams: Some(1), ..all }.staff(teams.iter());
        assert_eq!((&*spread[0].teams, &*spread[1].teams), (&["b".to_owned()][..], &["a".to_owned()][..]));
    }
}
