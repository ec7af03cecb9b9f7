//! What may be read, by whom: topics with their snapshots, and older parts of threads.

use std::sync::Arc;

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp,
    alert::Intervention,
    citizen::{masked_credit_code, shown_name},
    conversation,
    rights::Action,
    routing,
    words::Stage,
};
use bangban_protocol::{
    AgentView, Answer, ColleagueView, ConversationContext, ConversationView, ErrorCode, EventBody, ItemView,
    PastConversation, PersonView, Snapshot, TeamAgentView, ThreadEntry, Topic, WireError,
};
use bangban_store::{ConversationRow, EntryRow, FileOwner, Lane, Unit};

use tokio::time::timeout;

use super::{
    App, DESK_PATIENCE, citizens::continuation_view, files::owner, forbidden, messages::intervened, not_found,
    store_error, thread_entry,
};
use crate::{
    auth::{Principal, Staff},
    desk::view_of,
    hub::{MAX_TOPICS, Socket},
    masking::seen_by,
    staff::At,
};

/// A thread that missed more than this is sent anew from its end.
const RESUME_LIMIT: u32 = 500;

/// Length of one page of a thread.
const PAGE: u32 = 100;

/// A search for colleagues finds at most so many.
const COLLEAGUES_FOUND: usize = 50;

impl App {
    /// Joins a topic, for one who may read it, and answers its state.
    ///
    /// # Errors
    /// `forbidden` or `not_found`; then the socket does not listen.
    pub(super) async fn subscribe(
        &self,
        who: &Principal,
        socket: &Arc<Socket>,
        topic: Topic,
        after: Option<u64>,
    ) -> Result<Answer, WireError> {
        // Nobody listens before they may.
        self.permit(who, topic).await?;
        if let (Topic::Conversation(id), Principal::Staff(staff), None) = (topic, who, after) {
            let (row, view) = self.readable(who, id).await?;
            self.tell_look(staff, &row, &view, "conversation.read", serde_json::json!({})).await?;
            let is_human = matches!(view.stage, Stage::Waiting | Stage::Offered | Stage::Serving | Stage::WrapUp);
            if is_human && view.agent.is_none_or(|agent| agent.id != staff.id) {
                let event = intervened(id, self.clock.now(), staff.id, Intervention::Monitored);
                let unit = Unit { events: vec![event], ..Unit::default() };
                self.store.commit(unit).await.map_err(store_error)?;
            }
        }
        // First listen, then look: what happens between comes as an event that the snapshot may contain too.
        if !self.hub.join(socket, topic) {
            let detail = format!("a connection listens to at most {MAX_TOPICS} topics");
            return Err(WireError::field("topic", detail));
        }
        let looked = self.look(who, topic, after).await;
        if looked.is_err() {
            // The right ended in between.
            self.hub.leave(socket, topic);
        }
        let (seq, snapshot) = looked?;
        self.hub.has_up_to(topic, seq);
        if let (Topic::Agent(id), Principal::Staff(staff)) = (topic, who)
            && staff.id == id
        {
            self.tell_invitations(id, socket);
        }
        Ok(Answer::Subscribed { topic, epoch: self.hub.epoch(), seq, snapshot: Box::new(snapshot) })
    }

    /// Windows into which colleagues have asked them meanwhile.
    fn tell_invitations(&self, who: AgentId, socket: &Socket) {
        for (window, agent) in self.shared.windows.invitations(who) {
            let by = PersonView { id: agent, name: self.accounts.name(agent).unwrap_or_default() };
            self.hub.tell_one(socket, Topic::Agent(who), EventBody::WindowInvited { window, by });
        }
    }

    async fn permit(&self, who: &Principal, topic: Topic) -> Result<(), WireError> {
        let id = match (topic, who) {
            (Topic::Conversation(id), _) | (Topic::Notes(id), Principal::Staff(_)) => id,
            (Topic::Agent(id), Principal::Staff(staff)) if staff.id == id => return Ok(()),
            (Topic::Agent(id), Principal::Staff(staff)) if self.rights.watches_agent(staff.id, id) => return Ok(()),
            (Topic::Board | Topic::Alerts, Principal::Staff(staff)) => {
                return self.require(staff, Action::Watch, At::CITY);
            }
            (Topic::BoardOf(unit) | Topic::AlertsOf(unit), Principal::Staff(staff)) => {
                return self.require(staff, Action::Watch, At::unit(Some(unit.as_str())));
            }
            (Topic::Notices, _) => return Ok(()),
            (
                Topic::Notes(_)
                | Topic::Agent(_)
                | Topic::Board
                | Topic::BoardOf(_)
                | Topic::Alerts
                | Topic::AlertsOf(_)
                | Topic::Window(_)
                | Topic::Calls
                | Topic::Call(_)
                | Topic::Session,
                _,
            ) => return Err(forbidden()),
            (Topic::Continuation(id), _) => return self.own_continuation(who, id).await.map(drop),
        };
        self.check_reading(owner(who), id).await
    }

    /// May they read the conversation at this moment? Of a live one without asking the store.
    pub(super) async fn check_reading(&self, who: FileOwner, id: ConversationId) -> Result<(), WireError> {
        let live = self.shared.live.get(&id).map(|live| (live.citizen, live.view.clone()));
        if let Some((citizen, view)) = live {
            let agent = view.agent.map(|agent| agent.id);
            return self.may_read(who, citizen, agent, &view.team, view.item.as_deref());
        }
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        self.may_read(who, row.citizen, row.agent, &row.team, row.item.as_deref())
    }

    /// The state of a topic, and the position that it stands at.
    async fn look(&self, who: &Principal, topic: Topic, after: Option<u64>) -> Result<(u64, Snapshot), WireError> {
        Ok(match (topic, who) {
            (Topic::Conversation(id), _) => {
                let (_, view) = self.readable(who, id).await?;
                let (entries, reset, more, seq) = self.thread(who, id, Lane::Public, after).await?;
                (seq, Snapshot::Conversation { view, entries, reset, more })
            }
            (Topic::Notes(id), Principal::Staff(staff)) => {
                let (row, _) = self.readable(who, id).await?;
                let (entries, reset, _, seq) = self.thread(who, id, Lane::Notes, after).await?;
                let draft = self.store.draft(staff.id, id).await.map_err(store_error)?;
                let context = self.context(staff.id, &row).await?;
                (seq, Snapshot::Notes { context, entries, reset, draft, monitors: self.hub.monitors(id) })
            }
            (Topic::Agent(id), _) => {
                let known = self.shared.agents.get(&id).map(|known| known.value().clone());
                let (seq, view) = known.ok_or_else(|| WireError::new(ErrorCode::NotFound, "no such agent"))?;
                (seq, Snapshot::Agent { view })
            }
            (Topic::Board | Topic::BoardOf(_), _) => {
                if let Topic::BoardOf(unit) = topic {
                    let number = self.notices.board(unit);
                    timeout(DESK_PATIENCE, self.notices.heard(number)).await.ok();
                }
                let known = self.shared.boards.get(&topic).map(|board| board.value().clone());
                let (seq, view) = known.ok_or_else(|| WireError::new(ErrorCode::Busy, "the board is not there yet"))?;
                (seq, Snapshot::Board { view })
            }
            (Topic::Alerts | Topic::AlertsOf(_), _) => {
                if let Topic::AlertsOf(unit) = topic {
                    let number = self.notices.alerts(unit);
                    timeout(DESK_PATIENCE, self.notices.heard(number)).await.ok();
                }
                let known = self.shared.alerts.get(&topic).map(|alerts| alerts.value().clone());
                let (seq, view) =
                    known.ok_or_else(|| WireError::new(ErrorCode::Busy, "the alerts are not there yet"))?;
                (seq, Snapshot::Alerts { view })
            }
            (Topic::Notices, _) => (0, Snapshot::Notices {}),
            (Topic::Continuation(id), _) => {
                let row = self.own_continuation(who, id).await?;
                (0, Snapshot::Continuation { view: continuation_view(&row) })
            }
            // Windows and calls answer by themselves.
            (Topic::Notes(_) | Topic::Window(_) | Topic::Calls | Topic::Call(_) | Topic::Session, _) => {
                return Err(forbidden());
            }
        })
    }

    pub(super) async fn earlier(&self, who: &Principal, id: ConversationId, before: u64) -> Result<Answer, WireError> {
        self.readable(who, id).await?;
        let rows = self.store.entries_before(id, Lane::Public, before, PAGE).await.map_err(store_error)?;
        let more = rows.first().is_some_and(|row| row.seq > 1);
        Ok(Answer::Earlier { entries: entries_for(who, rows)?, more })
    }

    async fn thread(
        &self,
        who: &Principal,
        id: ConversationId,
        lane: Lane,
        after: Option<u64>,
    ) -> Result<(Vec<ThreadEntry>, bool, bool, u64), WireError> {
        if let Some(after) = after {
            let rows = self.store.entries_after(id, lane, after, RESUME_LIMIT + 1).await.map_err(store_error)?;
            if rows.len() <= RESUME_LIMIT as usize {
                let seq = rows.last().map_or(after, |row| row.seq);
                return Ok((entries_for(who, rows)?, false, false, seq));
            }
        }
        let rows = self.store.entries_before(id, lane, u64::MAX, PAGE).await.map_err(store_error)?;
        let seq = rows.last().map_or(0, |row| row.seq);
        let more = rows.first().is_some_and(|row| row.seq > 1);
        Ok((entries_for(who, rows)?, true, more, seq))
    }

    /// A conversation's citizen, the agent who serves it, and supervisors of its team's unit may read it.
    fn may_read(
        &self,
        who: FileOwner,
        citizen: CitizenId,
        agent: Option<AgentId>,
        team: &str,
        item: Option<&str>,
    ) -> Result<(), WireError> {
        match who {
            FileOwner::Citizen(id) if id == citizen => Ok(()),
            // Not telling strangers that it exists.
            FileOwner::Citizen(_) => Err(not_found()),
            FileOwner::Staff(id) if agent == Some(id) && self.accounts.is_open(id) => Ok(()),
            FileOwner::Staff(id) if self.rights.reads_team(id, team, item) => Ok(()),
            FileOwner::Staff(_) => Err(forbidden()),
        }
    }

    /// The conversation, if `who` may read it.
    pub(super) async fn readable(
        &self,
        who: &Principal,
        id: ConversationId,
    ) -> Result<(ConversationRow, ConversationView), WireError> {
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        let live = self.shared.live.get(&id).map(|live| live.view.clone());
        let (agent, team) = match &live {
            Some(view) => (view.agent.as_ref().map(|agent| agent.id), &view.team),
            None => (row.agent, &row.team),
        };
        self.may_read(owner(who), row.citizen, agent, team, row.item.as_deref())?;
        let mut view = match live {
            Some(view) => view,
            None => {
                let clock = self.store.last_clock(id).await.map_err(store_error)?.map(|row| routing::Clock {
                    asked_at: row.asked_at,
                    due_at: row.due_at,
                    answered_at: row.answered_at,
                    left_at: row.left_at,
                    step: row.step,
                });
                let name = row.agent.and_then(|agent| self.accounts.name(agent));
                view_of(&row, clock.as_ref(), &self.catalogue(), name)
            }
        };
        view.citizen_online = self.hub.citizen_online(id);
        Ok((row, view))
    }

    /// Agents with a console, other than oneself.
    pub(super) fn find_colleagues(&self, me: AgentId, query: &str, team: Option<&str>) -> Result<Answer, WireError> {
        let team = match team {
            Some(code) => {
                let catalogue = self.catalogue();
                let known = catalogue.team(code).and_then(|id| catalogue.team_at(id));
                Some(known.ok_or_else(|| WireError::field("team", "no such team"))?.name.clone())
            }
            None => None,
        };
        let mut colleagues: Vec<ColleagueView> = self
            .shared
            .colleagues
            .iter()
            .filter(|one| one.id != me && one.name.contains(query) && self.rights.sees_colleague(me, one.id))
            .filter(|one| team.as_ref().is_none_or(|team| one.team_names.contains(team)))
            .map(|one| one.value().clone())
            .collect();
        colleagues.sort_by(|a, b| (!a.is_free, &a.name, a.id).cmp(&(!b.is_free, &b.name, b.id)));
        colleagues.truncate(COLLEAGUES_FOUND);
        Ok(Answer::Colleagues { colleagues })
    }

    /// The agents of a team that one watches, as far as the desk has seen them since its start.
    pub(super) fn list_agents(&self, staff: &Staff, team: &str) -> Result<Answer, WireError> {
        let unit = self.rights.unit_of_team(team);
        if unit.is_none() {
            self.require_somewhere(staff, Action::Watch)?;
            return Err(WireError::field("team", "no such team"));
        }
        self.require(staff, Action::Watch, At::unit(unit.as_deref()))?;
        let is_of_team = |view: &AgentView| view.teams.iter().any(|one| one.code == team);
        let mut agents: Vec<TeamAgentView> = self
            .shared
            .agents
            .iter()
            .filter(|one| is_of_team(&one.value().1))
            .map(|one| {
                let view = &one.value().1;
                TeamAgentView {
                    id: view.me.id,
                    name: view.me.name.clone(),
                    is_connected: self.shared.colleagues.contains_key(&view.me.id),
                    status: view.status,
                    status_since: view.status_since,
                    on_duty: view.on_duty,
                    capacity: view.capacity,
                    is_offered: view.offer.is_some(),
                    conversations: view
                        .conversations
                        .iter()
                        .filter(|one| self.is_watched(staff, one.id))
                        .cloned()
                        .collect(),
                }
            })
            .collect();
        agents.sort_by(|a, b| (!a.is_connected, &a.name, a.id).cmp(&(!b.is_connected, &b.name, b.id)));
        Ok(Answer::Agents { agents })
    }

    /// Is it of a team that they watch? An agent may serve in units of others too.
    fn is_watched(&self, staff: &Staff, id: ConversationId) -> bool {
        let Some(team) = self.shared.live.get(&id).map(|live| live.view.team.clone()) else { return false };
        self.may(staff, Action::Watch, At::unit(self.rights.unit_of_team(&team).as_deref()))
    }

    async fn context(&self, who: AgentId, row: &ConversationRow) -> Result<ConversationContext, WireError> {
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?.ok_or_else(not_found)?;
        let past = self.store.conversations_of(row.citizen, Timestamp(0), 11).await.map_err(store_error)?;
        let catalogue = self.catalogue();
        let item = row.item.as_deref().and_then(|code| Some((code, catalogue.item(code)?)));
        let department = |code: &str| catalogue.directory().unit(code).map(|unit| unit.name.clone());
        let phone = row.call_back_phone.as_ref().or(citizen.phone.as_ref());
        Ok(ConversationContext {
            citizen_name: shown_name(&citizen.name, citizen.kind, citizen.anonymous),
            citizen_kind: citizen.kind,
            phone: phone.map(|number| conversation::masked_telephone(number)),
            anonymous: citizen.anonymous,
            level: citizen.level,
            credit_code: citizen.credit_code.as_deref().map(masked_credit_code),
            language: citizen.language,
            channel: row.channel,
            hall: row.hall.clone(),
            ticket: row.ticket.clone(),
            packet: self.packet(row.id).await?,
            answers: item.map_or_else(Vec::new, |(code, item)| catalogue.search(&item.name, Some(code), 9)),
            item: item.map(|(code, item)| ItemView {
                code: code.to_owned(),
                name: item.name.clone(),
                department: department(&item.department).unwrap_or_default(),
                high_frequency: item.high_frequency,
                virtual_window: item.virtual_window,
            }),
            history: past
                .into_iter()
                .filter(|other| other.id != row.id)
                .filter(|other| other.agent == Some(who) || self.rights.sees_team(who, &other.team))
                .take(10)
                .map(|other| PastConversation {
                    stage: other.stage,
                    outcome: other.outcome,
                    opened_at: other.opened_at,
                    stars: other.stars,
                    id: other.id,
                    item_name: self.mine(other).item_name,
                })
                .collect(),
        })
    }
}

/// Entries as this reader sees them.
fn entries_for(who: &Principal, rows: Vec<EntryRow>) -> Result<Vec<ThreadEntry>, WireError> {
    rows.into_iter().map(|row| Ok(seen_by(who, thread_entry(row)?))).collect()
}
