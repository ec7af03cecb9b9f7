//! The desk follows what is administered while it works: new teams and policies, agents' teams and capacity, accounts that
//! come and go. Nothing of what it decides is interrupted by that, but by the end of a team.

use std::sync::Arc;

use bangban_domain::{AgentId, ConversationId, TeamId, Timestamp, org::Kind, routing::Input};
use bangban_store::{StaffRow, StoreError};

use super::{batch::Batch, owner::Owner};
use crate::auth::has_desk;

/// Is it somebody on whose desk conversations may lie? Supervisors are in no team and are offered none, but may take over.
fn is_agent(member: &StaffRow) -> bool {
    member.is_active && has_desk(&member.grants)
}

impl Owner {
    /// Everything that the router has to know of teams.
    pub(super) fn teams_known(&self) -> Vec<Input> {
        let catalogue = &self.world.catalogue;
        let known = |code: &str| {
            let (team, policy, rings) = (catalogue.team(code)?, catalogue.policy_of(code), catalogue.rings_of(code));
            Some(Input::TeamKnown { team, policy, rings })
        };
        catalogue.teams().filter_map(|team| known(&team.code)).collect()
    }

    /// Takes over the accounts; gives what the router has to know of those who serve.
    pub(super) fn know_members(&mut self, rows: Vec<StaffRow>) -> Vec<Input> {
        self.staff = rows.into_iter().map(|member| (member.id, member)).collect();
        self.teams_of.clear();
        self.members = vec![Vec::new(); usize::from(self.world.catalogue.directory().team_slots())];
        let mut inputs = Vec::new();
        for member in self.staff.values().filter(|member| is_agent(member)) {
            let teams = self.teams_served_by(member);
            for team in &teams {
                self.members[usize::from(team.0)].push(member.id);
            }
            let (agent, profile, status) = (member.id, self.profile(member, &teams), member.status);
            self.teams_of.insert(agent, teams);
            inputs.push(Input::AgentKnown { agent, profile, status });
        }
        inputs
    }

    fn teams_served_by(&self, member: &StaffRow) -> Vec<TeamId> {
        let served = member.teams.iter().filter(|one| self.world.rights.serves_team(member, &one.team));
        served.filter_map(|one| self.world.catalogue.team(&one.team)).collect()
    }

    /// The account of one member of staff has changed. Whoever answers citizens no longer gives back at once what they
    /// serve, as at the end of a shift.
    pub(super) fn know_member(&mut self, id: AgentId, now: Timestamp, batch: &mut Batch) {
        let Some(row) = self.world.rights.accounts.get(id) else { return };
        let row = StaffRow::clone(&row);
        let was_agent = self.teams_of.contains_key(&id);
        for members in &mut self.members {
            members.retain(|member| *member != id);
        }
        let before = self.teams_of.remove(&id).unwrap_or_default();
        let input = if is_agent(&row) {
            let teams = self.teams_served_by(&row);
            for team in &teams {
                self.members[usize::from(team.0)].push(id);
            }
            let profile = self.profile(&row, &teams);
            self.teams_of.insert(id, teams);
            Input::AgentKnown { agent: id, profile, status: row.status }
        } else {
            self.present.remove(&id);
            Input::AgentLeft { agent: id }
        };
        self.staff.insert(id, row);
        // A refusal: they were no agent before either.
        self.decide(input, now, batch).ok();
        if !was_agent {
            self.follow_roster(now, batch);
            self.follow_call(id, now, batch);
        }
        if !was_agent && self.present.contains(&id) {
            self.decide(Input::AgentConnected { agent: id }, now, batch).ok();
        }
        batch.agents.insert(id);
        batch.queues.extend(before);
        batch.queues.extend(self.teams_of.get(&id).into_iter().flatten());
        if !self.teams_of.contains_key(&id) {
            self.world.shared.agents.remove(&id);
        }
        self.rostered = None;
    }

    /// Tells the router whose duty is not what it was.
    pub(super) fn follow_roster(&mut self, now: Timestamp, batch: &mut Batch) {
        for input in self.duties_known(now, false) {
            if let Input::DutyKnown { agent, .. } = input {
                batch.agents.insert(agent);
            }
            if let Err(error) = self.decide(input, now, batch) {
                tracing::error!(%error, "the router refused a duty");
            }
        }
    }

    /// Takes over the newest state of what is administered.
    ///
    /// # Errors
    /// Whatever the store says; then nothing has changed.
    pub(super) async fn adopt(&mut self, now: Timestamp, batch: &mut Batch) -> Result<(), StoreError> {
        let next = self.world.organisation.current();
        if self.world.catalogue.teams().any(|team| next.team(&team.code).is_none()) {
            // Its queue is the general team's from now on, as after a start.
            return self.rebuild().await;
        }
        let before = std::mem::replace(&mut self.world.catalogue, next);
        for input in self.teams_known().into_iter().chain(self.plans_known()) {
            if let Err(error) = self.decide(input, now, batch) {
                tracing::error!(%error, "the router refused a team");
            }
        }
        self.members.resize(usize::from(self.world.catalogue.directory().team_slots()), Vec::new());
        // A team that has come, or gone to another unit, may be served by others.
        let needs_more = self.learn_skills();
        let moved = |member: &StaffRow| {
            let teams = self.teams_of.get(&member.id)?;
            (is_agent(member) && (needs_more || *teams != self.teams_served_by(member))).then_some(member.id)
        };
        let moved: Vec<AgentId> = self.staff.values().filter_map(moved).collect();
        for agent in moved {
            self.know_member(agent, now, batch);
        }
        let after = Arc::clone(&self.world.catalogue);
        if !before.directory().shares(after.directory(), Kind::Shift) {
            self.follow_roster(now, batch);
        }
        self.move_promises(&before, now, batch);
        let is_renamed = |id: &ConversationId| {
            self.cases.get(*id).is_some_and(|case| {
                let item = case.row.item.as_deref();
                let team = after.team_or_general(&case.row.team);
                before.item_name(item) != after.item_name(item) || before.team_at(team) != after.team_at(team)
            })
        };
        batch.views.extend(self.cases.ids().filter(is_renamed));
        batch.agents.extend(self.teams_of.keys());
        self.rostered = None;
        self.flushes.everything(after.directory().team_slots());
        Ok(())
    }
}
