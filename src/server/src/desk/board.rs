//! What agents and supervisors see of the whole.

use std::collections::HashSet;

use bangban_domain::{
    AgentId, TeamId, Timestamp,
    routing::{AgentRead, Place, Target},
    words::{AgentStatus, Role, SlaStep, Stage},
};
use bangban_protocol::{
    AgentView, AtRisk, BoardLine, BoardTeam, BoardView, ColleagueView, DeskConversation, EventBody, OfferView,
    PersonView, TeamView, Topic,
};

use super::{Owner, case::clock_view};

impl Owner {
    pub(super) fn publish_desks(&mut self, _now: Timestamp) {
        self.agent_seq += 1;
        let agents: Vec<AgentId> =
            self.staff.values().filter(|member| member.role == Role::Agent).map(|member| member.id).collect();
        let colleagues: Vec<ColleagueView> = agents.iter().filter_map(|id| self.colleague(*id)).collect();
        for id in agents {
            let Some(view) = self.agent_view(id, &colleagues) else { continue };
            let changed = self.world.shared.agents.get(&id).is_none_or(|known| known.1 != view);
            if changed {
                self.world.shared.agents.insert(id, (self.agent_seq, view.clone()));
                self.world.hub.publish(Topic::Agent(id), Some(self.agent_seq), EventBody::Agent { view });
            }
        }
    }

    fn team_views(&self, codes: &[String]) -> Vec<TeamView> {
        self.world.catalogue.teams().iter().filter(|team| codes.contains(&team.code)).cloned().collect()
    }

    fn colleague(&self, id: AgentId) -> Option<ColleagueView> {
        let member = self.staff.get(&id)?;
        let read = self.router.agent(id).filter(|read| read.is_connected)?;
        Some(ColleagueView {
            id,
            name: member.name.clone(),
            status: read.status,
            is_free: read.is_free,
            team_names: self.team_views(&member.teams).into_iter().map(|team| team.name).collect(),
        })
    }

    fn agent_view(&self, id: AgentId, colleagues: &[ColleagueView]) -> Option<AgentView> {
        let member = self.staff.get(&id)?;
        let read = self.router.agent(id)?;
        let teams = self.team_views(&member.teams);
        let team_ids = teams.iter().filter_map(|team| self.world.catalogue.team(&team.code));
        let waiting = team_ids.map(|team| self.router.queue(team).count()).sum::<usize>();
        let mut conversations: Vec<DeskConversation> =
            self.router.serving(id).filter_map(|conversation| self.desk_conversation(conversation)).collect();
        conversations.sort_by_key(|one| (one.clock.answered_at.is_some(), one.clock.due_at, one.id));
        Some(AgentView {
            me: PersonView { id, name: member.name.clone() },
            status: read.status,
            break_until: read.break_until,
            capacity: read.capacity,
            teams,
            all_teams: self.world.catalogue.teams().to_vec(),
            colleagues: colleagues.iter().filter(|colleague| colleague.id != id).cloned().collect(),
            offer: self.offer_view(&read),
            last_offer_end: self.last_ends.get(&id).cloned(),
            conversations,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        })
    }

    fn desk_conversation(&self, id: bangban_domain::ConversationId) -> Option<DeskConversation> {
        let case = self.cases.get(&id)?;
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
        })
    }

    fn item_name(&self, item: Option<&str>) -> Option<String> {
        item.and_then(|code| self.world.catalogue.item(code)).map(|item| item.name.clone())
    }

    fn offer_view(&self, read: &AgentRead) -> Option<OfferView> {
        let offer = read.offer?;
        let case = self.cases.get(&offer.conversation)?;
        let routed = self.router.conversation(offer.conversation)?;
        let team = match routed.place {
            Place::Serving { transfer: Some(Target::Team(team)), .. } => team,
            Place::Waiting | Place::Offered { .. } | Place::Serving { .. } => routed.team,
        };
        let from = offer.transfer_by.and_then(|id| self.staff.get(&id)).map(|member| member.name.clone());
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
            transfer_note: from.as_ref().and(case.transfer.as_ref()).map(|(_, note)| note.clone()),
            transfer_from: from,
        })
    }

    pub(super) fn flush_board(&mut self, now: Timestamp) {
        self.board_dirty |= self.board_changes_at.is_some_and(|at| at <= now);
        let is_due = self.board_at.is_none_or(|at| now.since(at) >= super::BOARD_PAUSE);
        if !self.board_dirty || !is_due {
            return;
        }
        self.board_dirty = false;
        self.board_at = Some(now);
        self.board_seq += 1;
        let view = self.board(now);
        let service = self.world.calendar.next_change(now);
        self.board_changes_at = [self.today.changes_at(now), service].into_iter().flatten().min();
        if let Ok(mut board) = self.world.shared.board.lock() {
            *board = Some((self.board_seq, view.clone()));
        }
        self.world.hub.publish(Topic::Board, Some(self.board_seq), EventBody::Board { view });
    }

    fn board(&mut self, now: Timestamp) -> BoardView {
        let teams = self.world.catalogue.teams().to_vec();
        let lines: Vec<BoardTeam> = teams
            .into_iter()
            .filter_map(|team| {
                let id = self.world.catalogue.team(&team.code)?;
                Some(BoardTeam { line: self.line(Some(id), now), team })
            })
            .collect();
        let staffed: HashSet<&str> =
            lines.iter().filter(|team| team.line.staffed > 0).map(|team| team.team.code.as_str()).collect();
        let frequent = self.world.catalogue.items().filter(|item| item.high_frequency);
        let (covered, total) = frequent.fold((0, 0), |(covered, total), item| {
            (covered + u32::from(staffed.contains(item.team.as_str())), total + 1)
        });
        BoardView {
            as_of: now,
            in_service: self.world.calendar.in_service(now),
            service_changes_at: self.world.calendar.next_change(now).unwrap_or(now),
            total: self.line(None, now),
            at_risk: self.at_risk(),
            items_covered: covered,
            items_total: total,
            teams: lines,
        }
    }

    fn line(&mut self, team: Option<TeamId>, now: Timestamp) -> BoardLine {
        let rates = self.today.rates(team, now);
        let mut line = BoardLine {
            hour_hits: rates.hour_hits,
            hour_decided: rates.hour_decided,
            today_hits: rates.today_hits,
            today_decided: rates.today_decided,
            today_short_abandons: rates.today_short_abandons,
            ..BoardLine::default()
        };
        for (_, routed) in self.router.conversations().filter(|(_, one)| team.is_none_or(|team| team == one.team)) {
            if routed.clock.answered_at.is_none() {
                line.waiting += 1;
                let oldest = line.oldest_asked_at.map_or(routed.clock.asked_at, |at| at.min(routed.clock.asked_at));
                line.oldest_asked_at = Some(oldest);
            }
            line.serving += u32::from(matches!(routed.place, Place::Serving { .. }));
        }
        for (id, read) in self.router.agents() {
            let serves = team.is_none_or(|team| {
                let teams = self.staff.get(&id).map(|member| &member.teams);
                teams.is_some_and(|codes| codes.iter().any(|code| self.world.catalogue.team(code) == Some(team)))
            });
            // Known but never connected, or gone for a minute, is not staff.
            if !serves || read.is_lost || read.status == AgentStatus::Offline {
                continue;
            }
            line.staffed += 1;
            match read.status {
                AgentStatus::Break => line.on_break += 1,
                AgentStatus::Online | AgentStatus::Offline if read.load < read.capacity => line.free += 1,
                AgentStatus::Online | AgentStatus::Offline => line.busy += 1,
            }
        }
        let all = (0..self.world.catalogue.teams().len()).filter_map(|n| u16::try_from(n).ok()).map(TeamId);
        let call_backs: usize =
            all.filter(|id| team.is_none_or(|team| team == *id)).map(|id| self.router.call_backs(id)).sum();
        line.call_backs = u32::try_from(call_backs).unwrap_or(u32::MAX);
        line
    }

    fn at_risk(&self) -> Vec<AtRisk> {
        let mut risky: Vec<AtRisk> = self
            .router
            .conversations()
            .filter(|(_, one)| one.clock.answered_at.is_none() && one.clock.step != SlaStep::Running)
            .filter_map(|(id, routed)| {
                let case = self.cases.get(&id)?;
                let agent = match routed.place {
                    Place::Waiting => None,
                    Place::Offered { agent, .. } | Place::Serving { agent, .. } => Some(agent),
                };
                Some(AtRisk {
                    conversation: id,
                    citizen_name: case.citizen_name.clone(),
                    item_name: self.item_name(case.row.item.as_deref()),
                    team_name: self
                        .world
                        .catalogue
                        .team_at(routed.team)
                        .map(|team| team.name.clone())
                        .unwrap_or_default(),
                    clock: clock_view(&routed.clock),
                    stage: case.row.stage,
                    agent_name: agent.and_then(|id| self.staff.get(&id)).map(|member| member.name.clone()),
                })
            })
            .collect();
        risky.sort_by_key(|one| (one.clock.asked_at, one.conversation));
        risky.truncate(50);
        risky
    }
}
