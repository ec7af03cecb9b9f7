//! Who is to be called back (rule 6: within 24 h), as rows of the rules and as tasks that people work with (docs/tasks.md). Row
//! and task are written, and settled, in one unit.

use bangban_domain::{
    AgentId, CallId, ConversationId, TaskId, Timestamp,
    call::Cause,
    org::CITY,
    task::{TaskEvent, TaskKind, TaskState, reminders_of},
    time::Millis,
};
use bangban_protocol::{OwedCallView, PersonView, ThreadBody};
use bangban_store::{
    Author, CallBackRow, CallChange, Change, OwedCallBack, OwedTask, StoreError, TaskChange, TaskEventRow, TaskRow,
};
use metrics::counter;
use serde_json::json;

use super::owner::{Batch, Owner, Room};
use crate::{catalogue::Catalogue, desk::new_id};

/// Call-backs that one is shown.
const MOST_OWED: usize = 100;

/// Somebody who is to be called back.
#[derive(Debug, Clone)]
pub(super) struct Owed {
    pub(super) row: CallBackRow,
    pub(super) conversation: Option<ConversationId>,
    /// Code of the team whose call it was.
    team: String,
    /// As staff see them.
    caller: String,
    task: OwedTask,
}

impl Owed {
    fn key(&self) -> (CallId, Option<u32>) {
        (self.row.call, self.row.request)
    }

    /// Code of the item.
    pub(super) fn item(&self) -> Option<&str> {
        self.row.about.as_ref().and_then(|about| about.item.as_deref())
    }
}

/// What a task says that is to be done: no name and no number is in it.
fn question(catalogue: &Catalogue, row: &CallBackRow, item: Option<&str>) -> String {
    let item = catalogue.item_name(item);
    let unit = |code: &str| catalogue.directory().unit(code).map_or_else(|| code.to_owned(), |unit| unit.name.clone());
    let why = match &row.about {
        Some(about) => format!("{}无人接听", unit(&about.department)),
        None if row.due_at <= row.owed_at => "通话因系统中断".to_owned(),
        None => "无人工接听".to_owned(),
    };
    match item {
        Some(item) => format!("回拨来电人：{item}（{why}）"),
        None => format!("回拨来电人（{why}）"),
    }
}

/// The task of a call-back. It is due `within` from the moment from which it is owed, also when it is to be done at once.
fn task_of(
    catalogue: &Catalogue,
    row: &CallBackRow,
    (unit, item): (Option<String>, Option<&str>),
    within: Millis,
) -> TaskRow {
    let unit = unit.unwrap_or_else(|| CITY.to_owned());
    let due_at = row.owed_at + within;
    let steps = reminders_of(TaskKind::CallBack, row.owed_at, due_at, &catalogue.calendar_of_unit(&unit));
    TaskRow {
        id: TaskId::new(new_id()),
        version: 1,
        kind: TaskKind::CallBack,
        state: TaskState::Open,
        unit,
        item: row.about.as_ref().and_then(|about| about.item.clone()),
        question: question(catalogue, row, item),
        same: row.same(),
        opened_at: row.owed_at,
        opened_by: Author::System,
        due_at,
        is_provisional: false,
        first_due_at: due_at,
        told: None,
        remind_at: steps.first().map(|step| step.at),
        assignee: None,
        policy: None,
        entry: None,
        revision: None,
        settled_at: None,
        reason: None,
        askers: 0,
    }
}

impl Owner {
    /// From the rows. What was owed before call-backs were tasks becomes one.
    pub(super) async fn read_owed(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let known = std::mem::take(&mut self.owed);
        for OwedCallBack { row, conversation, task } in self.world.store.owed_call_backs().await? {
            let before = known.iter().find(|one| one.key() == (row.call, row.request));
            let (team, caller) = match (before, conversation) {
                (Some(before), _) => (before.team.clone(), before.caller.clone()),
                (None, Some(conversation)) => self.caller_of(conversation).await?,
                (None, None) => (String::new(), String::new()),
            };
            let task = match task {
                Some(task) => task,
                None => self.open_task(&row, conversation, &team, None, batch),
            };
            self.owed.push(Owed { row, conversation, team, caller, task });
        }
        batch.is_everybody = true;
        Ok(())
    }

    /// Team of a conversation, and whose it is, as staff see them.
    async fn caller_of(&self, conversation: ConversationId) -> Result<(String, String), StoreError> {
        let Some(row) = self.world.store.conversation(conversation).await? else { return Ok(Default::default()) };
        Ok((row.team, self.shown_caller(Some(row.citizen), None).await?))
    }

    fn open_task(
        &self,
        row: &CallBackRow,
        conversation: Option<ConversationId>,
        team: &str,
        item: Option<&str>,
        batch: &mut Batch,
    ) -> OwedTask {
        let catalogue = self.world.organisation.current();
        let item = row.about.as_ref().and_then(|about| about.item.as_deref()).or(item);
        let unit = self.world.rights.unit_of_team(team);
        let task = task_of(&catalogue, row, (unit, item), self.settings.call_back_within);
        let id = task.id;
        batch.unit.changes.push(Change::Task(TaskChange::Ask { row: Box::new(task), asker: conversation }));
        OwedTask { id, version: 1, assignee: None, tried: 0 }
    }

    /// Somebody is to be called back from now on.
    pub(super) fn owe(&mut self, row: CallBackRow, batch: &mut Batch) {
        let none = (None, String::new(), String::new(), None);
        let known =
            |room: &Room| (room.row.conversation, room.team.clone(), room.caller_name.clone(), room.row.item.clone());
        let (conversation, team, caller, item) = self.rooms.get(&row.call).map_or(none, known);
        batch.call(CallChange::Owed(row.clone()));
        if let Some(conversation) = conversation.filter(|_| row.due_at > row.owed_at) {
            // Of one that a server has broken off its end says so.
            let body = ThreadBody::CallBackOwed { call: row.call, due_at: row.due_at };
            self.say(conversation, row.owed_at, &body, batch);
        }
        let task = self.open_task(&row, conversation, &team, item.as_deref(), batch);
        self.owed.push(Owed { row, conversation, team, caller, task });
        self.owed.sort_by_key(|one| (one.row.due_at, one.key()));
        batch.is_everybody = true;
        counter!("bangban_call_backs_owed_total").increment(1);
    }

    /// One of them is done.
    pub(super) fn settle(&mut self, call: CallId, request: Option<u32>, at: Timestamp, batch: &mut Batch) {
        let by = self.leader(call);
        batch.call(CallChange::Settled { call, request, at, by });
        self.owed.retain(|one| one.key() != (call, request));
        batch.is_everybody = true;
    }

    /// The citizen of a conversation was reached: all that is owed to them is done.
    pub(super) fn settle_all(&mut self, call: CallId, conversation: ConversationId, at: Timestamp, batch: &mut Batch) {
        let by = self.leader(call);
        batch.call(CallChange::SettledAll { conversation, at, by });
        self.owed.retain(|one| one.conversation != Some(conversation));
        batch.is_everybody = true;
    }

    /// A professional was reached about a matter: what another call of the same conversation owes of it is done too.
    pub(super) fn settle_matter(&mut self, call: CallId, number: u32, at: Timestamp, batch: &mut Batch) {
        let Some(room) = self.rooms.get(&call) else { return };
        let (Some(conversation), Some(request)) = (room.row.conversation, room.requests.get(&number)) else { return };
        let is_same = |one: &&Owed| {
            one.conversation == Some(conversation)
                && one.row.call != call
                && one.row.about.as_ref() == Some(&request.about)
        };
        let done: Vec<_> = self.owed.iter().filter(is_same).map(Owed::key).collect();
        for (call, request) in done {
            self.settle(call, request, at, batch);
        }
    }

    /// Who leads a call, for the history of what it settles.
    fn leader(&self, call: CallId) -> Author {
        let room = self.rooms.get(&call);
        let agent = room.and_then(|room| room.row.operator.or_else(|| room.operators.last().copied()));
        agent.map_or(Author::System, Author::Agent)
    }

    /// A call-back that did not reach its citizen is in the history of the tasks that it was for.
    pub(super) fn note_tried(&mut self, call: CallId, at: Timestamp, batch: &mut Batch) {
        let Some(room) = self.rooms.get(&call) else { return };
        let to_citizen = room.attempts.values().filter(|one| one.party.is_none());
        let Some(cause) = to_citizen.filter_map(|one| one.cause).next_back() else { return };
        let Some(conversation) = room.row.conversation.filter(|_| cause != Cause::Answered) else { return };
        let actor = self.leader(call);
        for one in self.owed.iter_mut().filter(|one| one.conversation == Some(conversation)) {
            let detail = crate::privacy::json(&json!({ "after": cause }));
            let event = TaskEventRow { at, actor, what: TaskEvent::Tried, detail };
            batch.unit.changes.push(Change::Task(TaskChange::Note { task: one.task.id, event }));
            one.task.tried += 1;
            batch.is_everybody = true;
        }
    }

    /// What a member of staff may see of them.
    pub(super) fn owed_views(&self, agent: AgentId) -> Vec<OwedCallView> {
        let catalogue = self.world.organisation.current();
        let name_of = |code: &str| catalogue.directory().unit(code).map(|unit| unit.name.clone());
        let owed = self.owed.iter().filter_map(|one| {
            let is_mine = one.row.agent == Some(agent) || one.task.assignee == Some(agent);
            let live = one.conversation.as_ref().and_then(|id| self.world.shared.live.get(id));
            let team = live.as_ref().map_or(one.team.as_str(), |live| live.view.team.as_str());
            let is_shown = is_mine || self.may_call_back(agent, team, one.item());
            let department = one.row.about.as_ref().map(|about| about.department.clone());
            is_shown.then(|| OwedCallView {
                call: one.row.call,
                conversation: one.conversation,
                item_name: catalogue.item_name(one.item()),
                item: one.item().map(str::to_owned),
                department_name: department.as_deref().and_then(name_of),
                department,
                caller: one.caller.clone(),
                since: one.row.owed_at,
                due_at: one.row.due_at,
                is_mine,
                task: one.task.id,
                version: one.task.version,
                assignee: one.task.assignee.map(|id| PersonView { id, name: self.name_of(id) }),
                tried: one.task.tried,
            })
        });
        owed.take(MOST_OWED).collect()
    }
}
