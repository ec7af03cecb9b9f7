//! Whom a request rings: what somebody names becomes a plan of the rules.

use bangban_domain::{
    AgentId, CallId,
    call::{About, Number, Order, Party, Plan},
};
use bangban_protocol::{CallWho, WireError};

use super::owner::{Owner, Person, Room};

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
            CallWho::Item { item, .. } => {
                let found = self.item_plan(item).ok_or_else(|| WireError::field("item", "no such item"))?;
                Plan { order, ..found }
            }
            CallWho::Department { department, .. } => {
                if !self.world.rights.knows_unit(department) {
                    return Err(WireError::field("department", "no such unit"));
                }
                let about = About { item, department: department.clone() };
                Plan { about, candidates: Vec::new(), order }
            }
            CallWho::Telephone { .. } => return Err(WireError::field("telephone", "no such telephone")),
        };
        Ok(plan)
    }

    /// Members of the item's team who can be rung, then its numbers.
    fn item_plan(&self, code: &str) -> Option<Plan> {
        let catalogue = self.world.organisation.current();
        let item = catalogue.item(code)?;
        let members = self.world.rights.accounts.all().into_iter().filter(|account| {
            self.world.rights.serves_team(account, &item.team)
                && (self.lines.has_telephone(&account.login) || self.has_page(Person::Staff(account.id)))
        });
        let mut people: Vec<AgentId> = members.map(|account| account.id).collect();
        people.sort_unstable();
        let numbers = item.numbers.iter().filter_map(|one| Number::parse(&one.number).map(Party::Number));
        let candidates = people.into_iter().map(Party::Agent).chain(numbers).collect();
        let about = About { item: Some(code.to_owned()), department: item.department.clone() };
        Some(Plan { about, candidates, order: Order::InOrder })
    }

    /// 三方直转: whom an item's direct line leads to, if it has one.
    pub(super) fn direct_plan(&self, code: &str) -> Option<Plan> {
        let has_line = self.world.organisation.current().item(code)?.direct_line;
        has_line.then(|| self.item_plan(code)).flatten()
    }

    /// A number that a telephone asks to be transferred to.
    pub(super) fn plan_of_number(&self, call: CallId, number: Number) -> Option<Plan> {
        let room = self.rooms.get(&call)?;
        let department = self.world.rights.unit_of_team(&room.team).unwrap_or_else(|| room.team.clone());
        let about = About { item: room.row.item.clone(), department };
        Some(Plan { about, candidates: vec![Party::Number(number)], order: Order::InOrder })
    }
}
