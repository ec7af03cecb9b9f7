//! What one agent sees: their own desk at once, their surroundings a moment later.

use std::collections::HashMap;

use bangban_domain::{
    AgentId, ConversationId, TeamId,
    privacy::mask,
    routing::{AgentRead, Place, Target},
    words::Stage,
};
use bangban_protocol::{
    AgentView, CallBackView, ColleagueView, DeskConversation, EventBody, FlagView, OfferView, PersonView, TeamView,
    Topic,
};

use super::{case::clock_view, owner::Owner};

/// So many colleagues fit into a view. If more are connected, it has those of the agent's own teams, free ones first;
/// `find_colleagues` finds the others.
pub(super) const COLLEAGUES: usize = 20;

/// What agents of the same teams see of the others.
struct Surroundings {
    /// One more than [`COLLEAGUES`], because nobody is their own.
    colleagues: Vec<ColleagueView>,
    /// See [`AgentView::waiting`].
    waiting: u32,
    /// See [`AgentView::call_backs`].
    call_backs: Vec<CallBackView>,
}

/// Of the teams of those who are shown together.
#[derive(Default)]
pub(super) struct Around(HashMap<Vec<TeamId>, Surroundings>);

impl Around {
    fn of(&mut self, owner: &Owner, teams: &[TeamId]) -> &Surroundings {
        if !self.0.contains_key(teams) {
            self.0.insert(teams.to_vec(), owner.surroundings(teams));
        }
        &self.0[teams]
    }
}

impl Owner {
    /// Notes what colleagues see of an agent, and who has to be told.
    pub(super) fn note_colleague(&mut self, id: AgentId) {
        let colleagues = &self.world.shared.colleagues;
        let before = colleagues.get(&id).map(|known| known.value().clone());
        let after = self.colleague(id);
        if before == after {
            return;
        }
        let few = colleagues.len() <= COLLEAGUES + 1;
        match after {
            Some(view) => drop(colleagues.insert(id, view)),
            None => drop(colleagues.remove(&id)),
        }
        if few || colleagues.len() <= COLLEAGUES + 1 {
            self.flushes.colleague_of_all();
        } else if let Some(teams) = self.teams_of.get(&id) {
            self.flushes.colleague(teams);
        }
    }

    fn colleague(&self, id: AgentId) -> Option<ColleagueView> {
        let member = self.staff.get(&id)?;
        let read = self.router.agent(id).filter(|read| read.is_connected)?;
        Some(ColleagueView {
            id,
            name: member.name.clone(),
            status: read.status,
            is_free: read.is_free,
            team_names: self.team_views(id).into_iter().map(|team| team.name).collect(),
        })
    }

    /// `around` is shared by all agents that are shown together.
    pub(super) fn show_agent(&self, id: AgentId, around: &mut Around) {
        let Some(view) = self.agent_view(id, around) else { return };
        #[cfg(test)]
        super::BUILT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let known = self.world.shared.agents.get(&id).map(|known| (known.0, known.1 == view));
        // Counted by each agent on its own: a gap tells a console that it has missed something.
        let seq = match known {
            Some((_, true)) => return,
            Some((seq, false)) => seq + 1,
            None => 1,
        };
        self.world.shared.agents.insert(id, (seq, view.clone()));
        self.world.hub.publish(Topic::Agent(id), Some(seq), EventBody::Agent { view });
    }

    /// Only what the others do: most of what a busy team's agents are told, and a small part of what they see.
    pub(super) fn show_surroundings(&self, id: AgentId, around: &mut Around) {
        let Some(teams) = self.teams_of.get(&id) else { return };
        let now = around.of(self, teams);
        let mut known = self.world.shared.agents.get_mut(&id);
        let Some((seq, view)) = known.as_deref_mut() else { return };
        #[cfg(test)]
        super::BUILT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let is_same = view.colleagues.iter().eq(self.colleagues_of(id, now));
        let colleagues = (!is_same).then(|| self.colleagues_of(id, now).cloned().collect::<Vec<_>>());
        let call_backs = (view.call_backs != now.call_backs).then(|| now.call_backs.clone());
        if view.waiting == now.waiting && colleagues.is_none() && call_backs.is_none() {
            return;
        }
        *seq += 1;
        view.waiting = now.waiting;
        if let Some(colleagues) = &colleagues {
            view.colleagues.clone_from(colleagues);
        }
        if let Some(call_backs) = &call_backs {
            view.call_backs.clone_from(call_backs);
        }
        let seq = *seq;
        drop(known);
        let body = EventBody::AgentSurroundings { waiting: now.waiting, colleagues, call_backs };
        self.world.hub.publish(Topic::Agent(id), Some(seq), body);
    }

    fn team_views(&self, id: AgentId) -> Vec<TeamView> {
        let teams = self.teams_of.get(&id).map_or(&[][..], Vec::as_slice);
        teams.iter().filter_map(|team| self.world.catalogue.team_at(*team)).cloned().collect()
    }

    fn surroundings(&self, teams: &[TeamId]) -> Surroundings {
        let waiting = teams.iter().map(|team| self.router.waiting(*team)).sum::<usize>();
        Surroundings {
            colleagues: self.connected(teams),
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            call_backs: self.near_call_backs(teams),
        }
    }

    fn connected(&self, teams: &[TeamId]) -> Vec<ColleagueView> {
        let colleagues = &self.world.shared.colleagues;
        let mut list: Vec<ColleagueView> = if colleagues.len() <= COLLEAGUES + 1 {
            colleagues.iter().map(|colleague| colleague.value().clone()).collect()
        } else {
            let members = || teams.iter().filter_map(|team| self.members.get(usize::from(team.0)));
            let mut ids: Vec<(bool, AgentId)> = if members().map(Vec::len).sum::<usize>() <= colleagues.len() {
                members().flatten().filter_map(|id| Some((!colleagues.get(id)?.is_free, *id))).collect()
            } else {
                // Large teams that overlap: everybody once.
                let is_own = |id: &AgentId| {
                    self.teams_of.get(id).is_some_and(|theirs| theirs.iter().any(|one| teams.contains(one)))
                };
                let own = colleagues.iter().filter(|colleague| is_own(colleague.key()));
                own.map(|colleague| (!colleague.is_free, *colleague.key())).collect()
            };
            ids.sort_unstable();
            ids.dedup();
            ids.truncate(COLLEAGUES + 1);
            ids.iter().filter_map(|(_, id)| colleagues.get(id).map(|one| one.value().clone())).collect()
        };
        list.sort_by_key(|colleague| colleague.id);
        list
    }

    /// Those whom one agent sees, at most [`COLLEAGUES`].
    fn colleagues_of<'a>(&'a self, id: AgentId, around: &'a Surroundings) -> impl Iterator<Item = &'a ColleagueView> {
        let others = around.colleagues.iter().filter(move |colleague| colleague.id != id);
        others.filter(move |colleague| self.world.rights.sees_colleague(id, colleague.id)).take(COLLEAGUES)
    }

    fn agent_view(&self, id: AgentId, around: &mut Around) -> Option<AgentView> {
        let member = self.staff.get(&id)?;
        let read = self.router.agent(id)?;
        let teams = self.teams_of.get(&id)?;
        let around = around.of(self, teams);
        let mut conversations: Vec<DeskConversation> =
            self.router.serving(id).filter_map(|conversation| self.desk_conversation(conversation)).collect();
        conversations.sort_by_key(|one| (one.clock.answered_at.is_some(), one.clock.due_at, one.id));
        let duty_ends_at = self.duties.end_of(id, self.world.clock.now());
        Some(AgentView {
            duty_ends_at,
            remind_at: duty_ends_at.map(|at| at - self.world.catalogue.basis().remind),
            me: PersonView { id, name: member.name.clone() },
            status: read.status,
            status_since: self.since.get(&id).copied(),
            break_until: read.break_until,
            on_duty: read.is_on_duty,
            capacity: read.capacity,
            teams: self.team_views(id),
            all_teams: self.world.catalogue.teams().cloned().collect(),
            colleagues: self.colleagues_of(id, around).cloned().collect(),
            offer: self.offer_view(&read),
            last_offer_end: self.last_ends.get(&id).cloned(),
            told: self.told.get(&id).cloned(),
            conversations,
            waiting: around.waiting,
            call_backs: around.call_backs.clone(),
        })
    }

    fn desk_conversation(&self, id: ConversationId) -> Option<DeskConversation> {
        let case = self.cases.get(id)?;
        let routed = self.router.conversation(id)?;
        let pending = matches!(routed.place, Place::Serving { transfer: Some(_), .. });
        Some(DeskConversation {
            id,
            citizen_name: case.citizen_name.clone(),
            citizen_kind: case.citizen_kind,
            item_name: self.item_name(case.row.item.as_deref()),
            stage: if pending { Stage::Offered } else { case.row.stage },
            clock: clock_view(&routed.clock),
            transfer_to: case.transfer.as_ref().map(|(to, _)| to.clone()),
            owed: self.world.notices.owed.view(id),
            flag: self.flag_of(id).map(|row| FlagView {
                raised_at: row.raised_at,
                seen_by: row.acknowledged.as_ref().and_then(|one| self.name_of(one.by)),
            }),
        })
    }

    pub(super) fn item_name(&self, item: Option<&str>) -> Option<String> {
        self.world.catalogue.item_name(item)
    }

    fn offer_view(&self, read: &AgentRead) -> Option<OfferView> {
        let offer = read.offer?;
        let case = self.cases.get(offer.conversation)?;
        let routed = self.router.conversation(offer.conversation)?;
        let team = match routed.place {
            Place::Serving { transfer: Some(Target::Team(team)), .. } => team,
            Place::Waiting | Place::Offered { .. } | Place::Serving { .. } => routed.team,
        };
        let from = offer.transfer_by.and_then(|id| self.name_of(id));
        Some(OfferView {
            id: offer.id,
            conversation: offer.conversation,
            citizen_name: case.citizen_name.clone(),
            citizen_kind: case.citizen_kind,
            item_name: self.item_name(case.row.item.as_deref()),
            team_name: self.world.catalogue.team_at(team).map(|team| team.name.clone()).unwrap_or_default(),
            channel: case.row.channel,
            last_text: case.last_text.clone(),
            clock: clock_view(&routed.clock),
            offered_at: self.offered_at.get(&offer.id).copied().unwrap_or(routed.clock.asked_at),
            expires_at: offer.expires_at,
            transfer_note: from.as_ref().and(case.transfer.as_ref()).map(|(_, note)| mask(note).into_owned()),
            transfer_from: from,
        })
    }
}
