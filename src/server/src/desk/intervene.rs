//! What supervisors do to the work of others: each is an event of the conversation's history and a line of the audit log,
//! written with what it changes. The agent is told; the citizen is told where a human joins.

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    alert::Intervention,
    history::Event,
    rights::Action,
    routing::Input,
    words::{AgentStatus, Stage},
};
use bangban_protocol::{Answer, ErrorCode, ThreadBody, ToldView, WireError};
use bangban_store::{Audit, Author, Change, HelperChange, Json};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Actor,
    batch::Batch,
    orders::{forbidden, unknown, wrong_stage},
    owner::Owner,
};

/// What was done, for the audit log.
struct Act {
    by: AgentId,
    action: &'static str,
    /// Kind of what it was done to.
    kind: &'static str,
    subject: String,
    unit: Option<String>,
    reason: String,
    detail: serde_json::Value,
}

impl Owner {
    /// The supervisor, and the unit of the conversation on which they may act.
    fn supervisor(&self, who: &Actor, id: ConversationId) -> Result<(AgentId, Option<String>), WireError> {
        let Actor::Staff(staff) = who else { return Err(forbidden()) };
        let case = self.cases.get(id).ok_or_else(unknown)?;
        if !self.may_intervene(staff.id, case) {
            return Err(forbidden());
        }
        Ok((staff.id, self.world.rights.unit_of_team(&case.row.team)))
    }

    /// Comes into the thread of one that somebody else serves, or goes out of it.
    pub(super) fn join(
        &mut self,
        who: &Actor,
        (at, now): (Timestamp, Timestamp),
        id: ConversationId,
        joined: bool,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let (by, unit) = self.supervisor(who, id)?;
        let name = self.name_of(by).unwrap_or_default();
        let case = self.cases.get_mut(id).ok_or_else(unknown)?;
        if joined && !matches!(case.row.stage, Stage::Serving | Stage::WrapUp) {
            return Err(wrong_stage(case.row.stage));
        }
        // Who serves is in it already.
        if case.row.agent == Some(by) || case.helpers.contains(&by) == joined {
            return Ok(Answer::Done);
        }
        if joined {
            case.helpers.insert(by)
        } else {
            case.helpers.remove(&by)
        };
        batch.unit.changes.push(Change::Helper(HelperChange { conversation: id, agent: by, joined }));
        let (body, what, action) = if joined {
            (ThreadBody::SupervisorJoined { agent: by, name }, Intervention::Joined, "conversation.join")
        } else {
            (ThreadBody::SupervisorLeft { name }, Intervention::Left, "conversation.leave")
        };
        batch.say(id, at, body);
        batch.log(id, at, Event::Intervened { by, what });
        let (kind, subject) = ("conversation", id.to_string());
        let (reason, detail) = (String::new(), serde_json::Value::Null);
        tell(Act { by, action, kind, subject, unit, reason, detail }, now, batch);
        batch.touch(id);
        Ok(Answer::Done)
    }

    /// Nobody helps with what nobody serves.
    pub(super) fn dismiss_helpers(&mut self, id: ConversationId, batch: &mut Batch) {
        let Some(case) = self.cases.get_mut(id) else { return };
        for agent in std::mem::take(&mut case.helpers) {
            batch.unit.changes.push(Change::Helper(HelperChange { conversation: id, agent, joined: false }));
        }
    }

    /// Serves it themselves from now on.
    pub(super) fn take_over(
        &mut self,
        who: &Actor,
        now: Timestamp,
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let (by, unit) = self.supervisor(who, id)?;
        let is_off = |owner: &Self| owner.router.agent(by).is_some_and(|read| read.status == AgentStatus::Offline);
        if is_off(self) {
            // Whoever takes over is at work.
            self.decide(Input::StatusChosen { agent: by, status: AgentStatus::Online }, now, batch)?;
        }
        let act = Act {
            by,
            action: "conversation.take_over",
            kind: "conversation",
            subject: id.to_string(),
            unit,
            reason: String::new(),
            detail: serde_json::Value::Null,
        };
        self.put_on_desk(id, by, true, (Intervention::TookOver, act), now, batch)
    }

    /// Puts it on an agent's desk.
    pub(super) fn assign(
        &mut self,
        who: &Actor,
        now: Timestamp,
        (id, agent, reason): (ConversationId, AgentId, String),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let (by, unit) = self.supervisor(who, id)?;
        self.check_reach(by, agent)?;
        let act = Act {
            by,
            action: "conversation.assign",
            kind: "conversation",
            subject: id.to_string(),
            unit,
            reason: reason.clone(),
            detail: serde_json::json!({ "agent": agent }),
        };
        self.put_on_desk(id, agent, !reason.is_empty(), (Intervention::Assigned, act), now, batch)
    }

    /// Is the agent one of theirs?
    fn check_reach(&self, by: AgentId, agent: AgentId) -> Result<(), WireError> {
        if self.world.rights.reaches_agent(by, Action::Intervene, agent) {
            return Ok(());
        }
        // Not telling that there is such an account.
        let error = WireError::new(ErrorCode::NotFound, "no such agent in your units");
        Err(WireError { field: Some("agent".to_owned()), ..error })
    }

    fn put_on_desk(
        &mut self,
        id: ConversationId,
        agent: AgentId,
        beyond: bool,
        (what, act): (Intervention, Act),
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let former = self.cases.get(id).and_then(|case| case.row.agent);
        if former == Some(agent) {
            return Ok(Answer::Done);
        }
        self.decide(Input::AssignmentForced { conversation: id, agent, beyond }, now, batch)?;
        let by = act.by;
        let told = ToldView {
            at: now,
            what,
            by: self.name_of(by).unwrap_or_default(),
            to: self.name_of(agent),
            conversation: Some(id),
            citizen_name: self.cases.get(id).map(|case| case.citizen_name.clone()),
            status: None,
            reason: act.reason.clone(),
        };
        for one in former.into_iter().chain([agent]).filter(|one| *one != by) {
            self.told.insert(one, told.clone());
            batch.agents.insert(one);
        }
        batch.log(id, now, Event::Intervened { by, what });
        tell(act, now, batch);
        Ok(Answer::Done)
    }

    /// Sets an agent's status.
    pub(super) fn set_status(
        &mut self,
        who: &Actor,
        now: Timestamp,
        (agent, status, reason): (AgentId, AgentStatus, String),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Actor::Staff(staff) = who else { return Err(forbidden()) };
        let by = staff.id;
        if self.world.rights.scopes(by, Action::Intervene).is_empty() {
            return Err(forbidden());
        }
        self.check_reach(by, agent)?;
        self.decide(Input::StatusChosen { agent, status }, now, batch)?;
        let told = ToldView {
            at: now,
            what: Intervention::StatusSet,
            by: self.name_of(by).unwrap_or_default(),
            to: None,
            conversation: None,
            citizen_name: None,
            status: Some(status),
            reason: reason.clone(),
        };
        self.told.insert(agent, told);
        batch.agents.insert(agent);
        let unit = self.staff.get(&agent).and_then(|member| member.unit.clone());
        let (action, kind, subject) = ("agent.status", "agent", agent.to_string());
        tell(
            Act { by, action, kind, subject, unit, reason, detail: serde_json::json!({ "status": status }) },
            now,
            batch,
        );
        Ok(Answer::Done)
    }
}

/// Into the audit log.
fn tell(act: Act, now: Timestamp, batch: &mut Batch) {
    let Act { by, action, kind, subject, unit, reason, detail } = act;
    batch.unit.changes.push(Change::Audit(Audit {
        at: now,
        actor: Author::Agent(by),
        action,
        kind: kind.to_owned(),
        subject,
        unit,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
        address: None,
        detail: Json(to_raw_value(&detail).unwrap_or_else(|_| RawValue::NULL.to_owned())),
    }));
}
