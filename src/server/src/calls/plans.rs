//! Whom a request rings: what somebody names becomes a plan of the rules.

use bangban_domain::{
    AgentId, CallId,
    call::{About, Number, Order, Party, Plan, reach::Presence},
    rights::Action,
};
use bangban_protocol::{CallWho, DirectoryTarget, WireError};

use super::owner::{Owner, Person, Room};
use crate::{
    departments::{self, Staffing},
    staff::At,
};

impl Staffing for Owner {
    fn name(&self, agent: AgentId) -> Option<String> {
        self.world.rights.accounts.name(agent)
    }

    fn presence(&self, agent: AgentId, team: &str, item: Option<&str>) -> Presence {
        let rights = &self.world.rights;
        let unit = rights.unit_of_team(team);
        let serves = rights.accounts.get(agent).is_some_and(|account| rights.serves_team(&account, team))
            // Professionals are reached for their own items only.
            && rights.allows(agent, Action::Serve, At { unit: unit.as_deref(), item });
        if !serves {
            return Presence::Left;
        }
        if self.telephone_of(agent).is_none() && !self.has_page(Person::Staff(agent)) {
            return Presence::Away;
        }
        Presence::Free { since: self.rested.get(&agent).copied().unwrap_or(self.started_at) }
    }
}

impl Owner {
    /// Whom to ring, in order: who is on duty and connected, then numbers.
    pub(super) fn plan(&self, by: AgentId, room: &Room, who: &CallWho, at_once: bool) -> Result<Plan, WireError> {
        let order = if at_once { Order::AtOnce } else { Order::InOrder };
        let item = room.row.item.clone();
        let plan = match who {
            CallWho::Agent { agent } => {
                if !self.world.rights.sees_colleague(by, *agent) {
                    return Err(WireError::field("agent", "no such colleague"));
                }
                let account = self.world.rights.accounts.get(*agent);
                let unit = account.as_ref().and_then(|account| {
                    let of_team = || account.teams.first().and_then(|one| self.world.rights.unit_of_team(&one.team));
                    account.unit.clone().or_else(of_team)
                });
                let department = unit.unwrap_or_else(|| room.team.clone());
                Plan { about: About { item, department }, candidates: vec![Party::Agent(*agent)], order }
            }
            CallWho::Number { number, department } => {
                if !self.world.rights.knows_unit(department) {
                    return Err(WireError::field("department", "no such unit"));
                }
                let number = Number::parse(number).ok_or_else(|| WireError::field("number", "5 to 20 digits"))?;
                let about = About { item, department: department.clone() };
                Plan { about, candidates: vec![Party::Number(number)], order }
            }
            CallWho::Item { item, district } => {
                let target = DirectoryTarget::Item(item.clone());
                Plan { order, ..self.found(&target, district.as_deref(), "item")? }
            }
            CallWho::Department { department, district } => {
                let target = DirectoryTarget::Department(department.clone());
                let found = self.found(&target, district.as_deref(), "department")?;
                Plan { order, about: About { item: found.about.item.or(item), ..found.about }, ..found }
            }
            CallWho::Telephone { telephone } => {
                let target = DirectoryTarget::Telephone(telephone.clone());
                let found = self.found(&target, None, "telephone")?;
                Plan { order, about: About { item: found.about.item.or(item), ..found.about }, ..found }
            }
        };
        Ok(plan)
    }

    fn found(&self, target: &DirectoryTarget, district: Option<&str>, field: &str) -> Result<Plan, WireError> {
        let now = self.world.clock.now();
        let catalogue = self.world.organisation.current();
        departments::plan(&catalogue, self, target, district, now)
            .ok_or_else(|| WireError::field(field, "there is no such thing"))
    }

    /// 三方直转: whom an item's direct line leads to, if it has one.
    pub(super) fn direct_plan(&self, item: &str) -> Option<Plan> {
        departments::direct(&self.world.organisation.current(), self, item, None, self.world.clock.now())
    }

    /// A number that a telephone asks to be transferred to.
    pub(super) fn plan_of_number(&self, call: CallId, number: Number) -> Option<Plan> {
        let room = self.rooms.get(&call)?;
        let department = self.world.rights.unit_of_team(&room.team).unwrap_or_else(|| room.team.clone());
        let about = About { item: room.row.item.clone(), department };
        Some(Plan { about, candidates: vec![Party::Number(number)], order: Order::InOrder })
    }
}
