//! What the router has to know to choose whom to ask: needs and priority of a request, abilities and duty of an agent.

use std::collections::BTreeMap;

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    org::is_first,
    routing::{Ability, Demand, Input, Plan, Profile},
    time::{DAY, Millis},
    words::{Channel, Language},
};
use bangban_store::StaffRow;

use super::{case::Case, owner::Owner};
use crate::auth::Citizen;

/// The roster is read so far back (who is off duty may still be asked for those who asked before) and ahead ...
const DUTY_BACK: Millis = 2 * DAY;
const DUTY_AHEAD: Millis = 8 * DAY;

/// ... and again after so long.
const DUTY_AGAIN: Millis = DAY;

/// The router knows 64 skills and languages.
const MOST_SKILLS: usize = 64;

/// What accounts of staff call the language; the standard language is everybody's.
const ENGLISH: [&str; 4] = ["en", "english", "英语", "英文"];

/// A skill that somebody may need. Which bit of an [`Ability`] it is, is its position in [`Skills`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Skill {
    English,
    Named(String),
}

impl Skill {
    fn is_of(&self, member: &StaffRow) -> bool {
        match self {
            Self::English => member.languages.iter().any(|one| ENGLISH.contains(&one.to_lowercase().as_str())),
            Self::Named(name) => member.skills.contains(name),
        }
    }
}

/// Skills that queues and citizens may need. Only ever more, so that a bit means the same as long as the desk lives.
#[derive(Debug)]
pub(super) struct Skills(Vec<Skill>);

impl Default for Skills {
    fn default() -> Self {
        Self(vec![Skill::English])
    }
}

impl Skills {
    fn learn(&mut self, name: &str) {
        let skill = Skill::Named(name.to_owned());
        if !self.0.contains(&skill) && self.0.len() < MOST_SKILLS {
            self.0.push(skill);
        }
    }

    /// Its bit; none for one too many, which is then needed of nobody.
    fn bit(&self, skill: &Skill) -> u64 {
        self.0.iter().position(|known| known == skill).map_or(0, |position| 1 << position)
    }

    fn of(&self, member: &StaffRow) -> u64 {
        let own = self.0.iter().filter(|skill| skill.is_of(member));
        own.map(|skill| self.bit(skill)).fold(0, |all, bit| all | bit)
    }
}

/// When agents are on duty, as the router has been told.
#[derive(Debug, Default)]
pub(super) struct Duties {
    known: BTreeMap<AgentId, Vec<(Timestamp, Timestamp)>>,
    /// To be read again then.
    again_at: Option<Timestamp>,
}

impl Duties {
    /// The end of the duty of `agent` that goes on at `now`, else of the last one that day.
    pub(super) fn end_of(&self, agent: AgentId, now: Timestamp) -> Option<Timestamp> {
        let begun = self.known.get(&agent)?.iter().filter(|(from, _)| *from <= now);
        begun.map(|(_, to)| *to).max().filter(|to| *to > now || now.since(*to) < DAY / 2)
    }

    /// Has the time that was read come near its end?
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        self.again_at.is_none_or(|at| at <= now)
    }
}

impl Owner {
    /// Takes in what queues need; is any of it new?
    pub(super) fn learn_skills(&mut self) -> bool {
        let before = self.skills.0.len();
        for (_, team) in self.world.catalogue.directory().teams() {
            if !team.skill.is_empty() {
                self.skills.learn(&team.skill);
            }
        }
        self.skills.0.len() > before
    }

    /// What the router may ask a member of staff.
    pub(super) fn profile(&self, member: &StaffRow, teams: &[TeamId]) -> Profile {
        let level = |team: &TeamId| {
            let code = self.world.catalogue.team_at(*team).map(|team| team.code.as_str());
            let own = member.teams.iter().find(|one| Some(one.team.as_str()) == code);
            (*team, own.map_or(Ability::USUAL_LEVEL, |own| own.level))
        };
        Profile { teams: teams.iter().map(level).collect(), skills: self.skills.of(member), capacity: member.capacity }
    }

    /// What the router has to hear of everybody's duty, as far as it is not what it was; all of it for a new router.
    pub(super) fn duties_known(&mut self, now: Timestamp, is_new_router: bool) -> Vec<Input> {
        let catalogue = &self.world.catalogue;
        let holidays = catalogue.calendar().holidays();
        let mut next = match catalogue.basis().follows_roster {
            true => catalogue.directory().duty_spans(now - DUTY_BACK, now + DUTY_AHEAD, holidays),
            false => BTreeMap::new(),
        };
        next.retain(|agent, _| self.teams_of.contains_key(agent));
        let before = if is_new_router { BTreeMap::new() } else { std::mem::take(&mut self.duties.known) };
        let told = next.iter().filter(|(agent, spans)| before.get(agent) != Some(spans));
        let told = told.map(|(agent, spans)| Input::DutyKnown { agent: *agent, spans: Some(spans.clone()) });
        let ended = before.keys().filter(|agent| self.teams_of.contains_key(agent) && !next.contains_key(agent));
        let inputs = told.chain(ended.map(|agent| Input::DutyKnown { agent: *agent, spans: None })).collect();
        self.duties = Duties { known: next, again_at: Some(now + DUTY_AGAIN) };
        inputs
    }

    /// What the router has to know of a request: whose priority it has stands in the row, because it does not change while
    /// the clock runs.
    pub(super) fn demand_of(&self, id: ConversationId) -> Demand {
        self.cases.get(id).map(|case| self.demand_for(case)).unwrap_or_default()
    }

    /// Finds out what holds for a request of this conversation; gives what the router has to hear of it first.
    pub(super) fn plan_of(&mut self, id: ConversationId) -> Option<Input> {
        let case = self.cases.get_mut(id)?;
        let (team, item, channel) = (&case.row.team, case.row.item.as_deref(), case.row.channel);
        let plan = self.world.catalogue.plan_for(team, item, channel);
        case.plan = plan;
        let plan = plan.filter(|plan| self.plans.insert(*plan))?;
        self.plan_known(plan)
    }

    /// One that is gone stays as it was for those who were promised something by it.
    fn plan_known(&self, plan: Plan) -> Option<Input> {
        let (policy, rings) = self.world.catalogue.plan(plan)?;
        Some(Input::PlanKnown { plan, policy, rings })
    }

    /// All that the router has heard of, as they are now.
    pub(super) fn plans_known(&self) -> Vec<Input> {
        self.plans.iter().filter_map(|plan| self.plan_known(*plan)).collect()
    }

    pub(super) fn demand_for(&self, case: &Case) -> Demand {
        Demand {
            head_start: case.row.head_start,
            needs: self.needs_of(&case.row.team, case.language),
            preferred: case.row.last_agent,
            // A telephone call takes the whole agent from the first moment.
            is_exclusive: case.row.channel == Channel::Call,
            plan: case.plan,
        }
    }

    /// The head start of what a citizen asks now.
    pub(super) fn head_start_of(&self, citizen: &Citizen, case: &Case) -> Millis {
        let item = case.row.item.as_deref().and_then(|code| self.world.catalogue.item(code));
        let is_first = is_first(citizen.kind, citizen.credit_code.is_some(), item);
        if is_first { self.world.catalogue.widening_of(&case.row.team).head_start } else { 0 }
    }

    /// What a queue and a language need, as far as there is anybody to meet it: a need that nobody could meet holds nobody
    /// up.
    fn needs_of(&self, team: &str, language: Option<Language>) -> Ability {
        let spoken = match language {
            Some(Language::English) => self.skills.bit(&Skill::English),
            Some(Language::Chinese) | None => 0,
        };
        let record = self.world.catalogue.directory().team(team);
        let skill = record.map(|team| team.skill.clone()).filter(|skill| !skill.is_empty());
        let named = skill.map_or(0, |name| self.skills.bit(&Skill::Named(name)));
        let level = record.and_then(|team| team.least_level).unwrap_or(0);
        let wishes = [(spoken | named, level), (spoken | named, 0), (spoken, 0), (named, 0)];
        let wishes = wishes.map(|(skills, level)| Ability { skills, level });
        if wishes[0] == Ability::default() {
            return Ability::default();
        }
        let rings = self.world.catalogue.rings_of(team);
        let own = self.world.catalogue.team(team);
        let asked: Vec<TeamId> = own.into_iter().chain(rings.into_iter().flat_map(|ring| ring.teams)).collect();
        let members = asked.iter().filter_map(|team| self.members.get(usize::from(team.0))).flatten();
        let known: Vec<Profile> =
            members.filter_map(|id| Some(self.profile(self.staff.get(id)?, self.teams_of.get(id)?))).collect();
        let can = |wish: &&Ability| {
            known.iter().any(|profile| {
                let levels = profile.teams.iter().filter(|(team, _)| asked.contains(team));
                let mut abilities = levels.map(|(_, level)| Ability { skills: profile.skills, level: *level });
                abilities.any(|ability| ability.covers(**wish))
            })
        };
        wishes.iter().find(can).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_means_the_same_however_many_skills_come() {
        let mut skills = Skills::default();
        skills.learn("手语");
        skills.learn("手语");
        assert_eq!(skills.0.len(), 2);
        let signs = skills.bit(&Skill::Named("手语".to_owned()));
        let mut member = StaffRow::new(AgentId::new(1), "a", "b");
        member.skills = vec!["手语".to_owned(), "书法".to_owned()];
        assert_eq!(skills.of(&member), signs, "what nobody needs has no bit");
        member.languages = vec!["English".to_owned()];
        assert_eq!(skills.of(&member), signs | skills.bit(&Skill::English));
        for n in 0..100 {
            skills.learn(&format!("skill {n}"));
        }
        assert_eq!(skills.bit(&Skill::Named("手语".to_owned())), signs);
        assert_eq!(skills.0.len(), MOST_SKILLS);
        assert_eq!(skills.bit(&Skill::Named("skill 99".to_owned())), 0, "one too many is needed of nobody");
    }
}
