//! The desk follows what is administered while it works: new teams and policies, agents' teams and capacity, accounts that
//! come and go. Nothing of what it decides is interrupted by that, but by the end of a team.

use std::{collections::BTreeMap, sync::Arc};

use bangban_domain::{AgentId, ConversationId, TeamId, Timestamp, routing::Input, words::Role};
use bangban_store::{StaffRow, StoreError};

use super::{batch::Batch, owner::Owner};

/// Is it somebody whom the router knows?
fn serves(member: &StaffRow) -> bool {
    member.role == Role::Agent
}

impl Owner {
    /// Everything that the router has to know of teams.
    pub(super) fn teams_known(&self) -> Vec<Input> {
        let catalogue = &self.world.catalogue;
        let known =
            |code: &str| Some(Input::TeamKnown { team: catalogue.team(code)?, policy: catalogue.policy_of(code) });
        catalogue.teams().filter_map(|team| known(&team.code)).collect()
    }

    /// Takes over the accounts; gives what the router has to know of those who serve.
    pub(super) fn know_members(&mut self, rows: Vec<StaffRow>) -> Vec<Input> {
        self.staff = rows.into_iter().map(|member| (member.id, member)).collect();
        self.teams_of.clear();
        self.members = vec![Vec::new(); usize::from(self.world.catalogue.directory().team_slots())];
        let mut inputs = Vec::new();
        for member in self.staff.values().filter(|member| serves(member)) {
            let teams = member.teams.iter().filter_map(|code| self.world.catalogue.team(code));
            let teams: Vec<TeamId> = teams.collect();
            for team in &teams {
                self.members[usize::from(team.0)].push(member.id);
            }
            self.teams_of.insert(member.id, teams.clone());
            let (agent, capacity, status) = (member.id, member.capacity, member.status);
            inputs.push(Input::AgentKnown { agent, teams, capacity, status });
        }
        inputs
    }

    /// Takes over the newest state of what is administered.
    ///
    /// # Errors
    /// Whatever the store says; then nothing has changed.
    pub(super) async fn adopt(&mut self, now: Timestamp, batch: &mut Batch) -> Result<(), StoreError> {
        let next = self.world.organisation.current();
        let rows = self.world.store.staff().await?;
        if self.world.catalogue.teams().any(|team| next.team(&team.code).is_none()) {
            // Its queue is the general team's from now on, as after a start.
            return self.rebuild().await;
        }
        let before = std::mem::replace(&mut self.world.catalogue, next);
        for input in self.teams_known() {
            self.decide_surely(input, now, batch);
        }
        let stays = |id: &AgentId| rows.iter().any(|member| member.id == *id && serves(member));
        let gone: Vec<AgentId> = self.teams_of.keys().copied().filter(|id| !stays(id)).collect();
        for agent in gone {
            // While their names are still known: citizens are told who has left.
            self.decide_surely(Input::AgentGone { agent }, now, batch);
            self.present.remove(&agent);
            self.world.shared.agents.remove(&agent);
            self.world.shared.colleagues.remove(&agent);
        }
        let known: BTreeMap<AgentId, (Vec<TeamId>, u32)> = self
            .staff
            .values()
            .filter_map(|member| Some((member.id, (self.teams_of.get(&member.id)?.clone(), member.capacity))))
            .collect();
        for input in self.know_members(rows) {
            let Input::AgentKnown { agent, teams, capacity, .. } = &input else { continue };
            let (agent, is_new) = (*agent, !known.contains_key(agent));
            if known.get(&agent) != Some(&(teams.clone(), *capacity)) {
                self.decide_surely(input, now, batch);
            }
            if is_new && self.present.contains(&agent) {
                self.decide_surely(Input::AgentConnected { agent }, now, batch);
            }
        }
        let after = Arc::clone(&self.world.catalogue);
        let is_renamed = |id: &ConversationId| {
            self.cases.get(*id).is_some_and(|case| {
                let item = case.row.item.as_deref();
                let team = after.team_or_general(&case.row.team);
                before.item_name(item) != after.item_name(item) || before.team_at(team) != after.team_at(team)
            })
        };
        batch.views.extend(self.cases.ids().filter(is_renamed));
        self.rostered = None;
        batch.agents.extend(self.teams_of.keys());
        self.flushes.everything(after.directory().team_slots());
        Ok(())
    }

    /// What cannot be refused: teams and agents are known before anything is asked of them.
    fn decide_surely(&mut self, input: Input, now: Timestamp, batch: &mut Batch) {
        if let Err(error) = self.decide(input, now, batch) {
            tracing::error!(%error, "the router refused what is administered");
        }
    }
}
