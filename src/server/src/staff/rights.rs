//! Rights as they are now: the accounts' grants over the tree of units. Asked by `App::may` for what somebody wants, and
//! by the hub for what somebody still hears.

use std::{collections::BTreeSet, sync::Arc};

use arc_swap::ArcSwap;
use bangban_domain::{
    AgentId,
    org::Directory,
    rights::{self, Action, Place},
};

use bangban_store::StaffRow;

use super::Accounts;

/// Where something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At<'a> {
    /// Code of the unit that the thing belongs to; `None`: the city itself.
    pub unit: Option<&'a str>,
    /// Code of the item that it is about, if it is about one.
    pub item: Option<&'a str>,
}

impl<'a> At<'a> {
    /// The city as a whole.
    pub const CITY: At<'static> = At { unit: None, item: None };

    /// In a unit, about no item.
    #[must_use]
    pub const fn unit(unit: Option<&'a str>) -> Self {
        Self { unit, item: None }
    }
}

/// See the module.
#[derive(Default)]
pub struct Rights {
    /// Who has which grants.
    pub accounts: Arc<Accounts>,
    /// Units and teams as they are now; [`crate::organisation::Organisation`] keeps it so.
    pub directory: Arc<ArcSwap<Directory>>,
}

impl Rights {
    /// May the account do it there, at this moment?
    #[must_use]
    pub fn allows(&self, who: AgentId, action: Action, at: At<'_>) -> bool {
        let Some(account) = self.accounts.get(who).filter(|account| account.is_active) else { return false };
        let units = self.units_above(at.unit);
        rights::may(&account.grants, action, Place { units: &units, item: at.item })
    }

    /// The units in which, and below which, the account may do it; `None` among them: the whole city.
    #[must_use]
    pub fn scopes(&self, who: AgentId, action: Action) -> BTreeSet<Option<String>> {
        let Some(account) = self.accounts.get(who).filter(|account| account.is_active) else {
            return BTreeSet::new();
        };
        let allowing = account.grants.iter().filter(|grant| grant.role.allows(action));
        allowing.map(|grant| grant.unit.clone()).collect()
    }

    /// May the account read conversations of this team and item that it does not serve?
    #[must_use]
    pub fn reads_team(&self, who: AgentId, team: &str, item: Option<&str>) -> bool {
        let unit = self.unit_of_team(team);
        self.allows(who, Action::ReadConversations, At { unit: unit.as_deref(), item })
    }

    /// Is the account offered conversations of this team? If it is a member, and has the right to serve in the team's unit.
    #[must_use]
    pub fn serves_team(&self, account: &StaffRow, team: &str) -> bool {
        let units = self.units_above(self.unit_of_team(team).as_deref());
        let is_there = |unit: &Option<String>| unit.as_ref().is_none_or(|unit| units.contains(unit));
        account.is_active
            && account.teams.iter().any(|one| one.team == team)
            && account.grants.iter().any(|grant| grant.role.allows(Action::Serve) && is_there(&grant.unit))
    }

    /// Does the account see another one as a colleague, to whom it may hand a conversation on? If they share a team, or the
    /// other belongs to a unit that it serves. To a team a conversation may be handed on anywhere: it has to reach whoever
    /// is responsible, and a team's name is no secret.
    #[must_use]
    pub fn sees_colleague(&self, who: AgentId, other: AgentId) -> bool {
        let (Some(account), Some(colleague)) = (self.accounts.get(who), self.accounts.get(other)) else { return false };
        let shared = account.teams.iter().any(|mine| colleague.teams.iter().any(|one| one.team == mine.team));
        shared || self.allows(who, Action::Serve, At::unit(colleague.unit.as_deref()))
    }

    /// Does the account see in a list that there was a conversation of this team? If it may read it, or serves in the
    /// team's unit.
    #[must_use]
    pub fn sees_team(&self, who: AgentId, team: &str) -> bool {
        let unit = self.unit_of_team(team);
        let at = At::unit(unit.as_deref());
        self.allows(who, Action::ReadConversations, at) || self.allows(who, Action::Serve, at)
    }

    /// May the account see another one's desk? For that it has to watch all that may lie on it: the other's own unit and
    /// those of their teams.
    #[must_use]
    pub fn watches_agent(&self, who: AgentId, other: AgentId) -> bool {
        self.reaches_agent(who, Action::Watch, other)
    }

    /// May the account do it in every unit in which the other one works?
    #[must_use]
    pub fn reaches_agent(&self, who: AgentId, action: Action, other: AgentId) -> bool {
        let Some(account) = self.accounts.get(other) else { return false };
        let may = |unit: Option<&str>| self.allows(who, action, At::unit(unit));
        may(account.unit.as_deref()) && account.teams.iter().all(|one| may(self.unit_of_team(&one.team).as_deref()))
    }

    /// The unit that a team belongs to.
    #[must_use]
    pub fn unit_of_team(&self, team: &str) -> Option<String> {
        self.directory.load().team(team).map(|team| team.unit.clone())
    }

    /// Does a team belong to the unit or one below it?
    #[must_use]
    pub fn is_team_below(&self, team: &str, unit: &str) -> bool {
        self.units_above(self.unit_of_team(team).as_deref()).iter().any(|one| one == unit)
    }

    /// Is there such a unit?
    #[must_use]
    pub fn knows_unit(&self, code: &str) -> bool {
        self.directory.load().unit(code).is_some()
    }

    /// The unit and all above it.
    #[must_use]
    pub fn units_above(&self, unit: Option<&str>) -> Vec<String> {
        unit.map_or_else(Vec::new, |unit| self.directory.load().above(unit).to_vec())
    }
}
