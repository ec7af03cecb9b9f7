//! How tasks come to be: questions without an answer, entries that are said to be wrong, policies.

use std::collections::BTreeSet;

use bangban_domain::{
    ConversationId, PolicyId, Timestamp,
    calendar::midnight,
    conversation,
    rights::Action,
    task::{self, TaskKind},
    words::Outcome,
};
use bangban_protocol::{CorrectionOrder, PolicyOrder, PolicyView, ThreadBody, WireError};
use bangban_store::{Audit, Author, Change, Lane, PolicyRow, TaskChange, TaskRow};
use jiff::civil::Date;

use super::{LEAST_REASON, MAX_DOCUMENT, MAX_TITLE, MOST_QUESTIONS, Worker, question};
use crate::{
    app::{App, forbidden, invalid, not_found, store_error, thread_entry},
    auth::Principal,
    desk::new_id,
    known::Known,
    privacy::json,
};

impl App {
    /// The gap task that a question becomes when its conversation is closed without an answer: the key of an owed one that
    /// asks the same about the same item, word for word or nearly so.
    pub(in crate::app) async fn gap(
        &self,
        who: &Principal,
        at: Timestamp,
        conversation: ConversationId,
        outcome: Outcome,
        text: &str,
    ) -> Result<TaskRow, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        if !matches!(outcome, Outcome::Unsolved | Outcome::LeftMessage) {
            return Err(WireError::field("noAnswer", "belongs to unsolved or left_message"));
        }
        let text = question("noAnswer", text)?;
        let row = self.store.conversation(conversation).await.map_err(store_error)?.ok_or_else(not_found)?;
        let unit = Self::owner_of(&self.directory(), row.item.as_deref());
        self.gap_of(unit, row.item, text, (at, Author::Agent(staff.id))).await
    }

    /// The gap task that a question becomes: an owed one that asks the same about the same item, word for word or nearly so, else
    /// a new one.
    pub(in crate::app) async fn gap_of(
        &self,
        unit: String,
        item: Option<String>,
        text: String,
        by: (Timestamp, Author),
    ) -> Result<TaskRow, WireError> {
        let mut task = self.new_task(TaskKind::Gap, unit, item, text, by, None);
        let owed = self.store.owed_questions(task.item.as_deref()).await.map_err(store_error)?;
        let asked = owed.iter().map(|other| (other.same.as_str(), other.question.as_str()));
        if let Some(same) = task::same_question(&task.question, asked) {
            same.clone_into(&mut task.same);
        }
        if let Some(known) = owed.iter().find(|other| other.kind == TaskKind::Gap && other.same == task.same) {
            task.id = known.id;
        }
        Ok(task)
    }

    /// An entry is said to be wrong: a task of the unit that owns it.
    pub(crate) async fn report_wrong(&self, who: &Worker<'_>, order: CorrectionOrder) -> Result<(), WireError> {
        let may = |action| self.require_somewhere(who.staff, action).is_ok();
        if !may(Action::Serve) && !may(Action::ReadTasks) {
            return Err(forbidden());
        }
        let text = question("text", &order.text)?;
        if text.chars().count() < LEAST_REASON {
            return Err(WireError::field("text", format!("must have at least {LEAST_REASON} characters")));
        }
        let catalogue = self.catalogue();
        let known = catalogue.knowledge().get(&order.entry);
        let known = known.ok_or_else(|| WireError::field("entry", "no entry that is in force"))?;
        let row = self.correction(known, text, (self.clock.now(), Author::Agent(who.staff.id)));
        let audit = self.task_audit(who, "task.correction", &row, None, serde_json::json!({ "entry": row.entry }));
        let changes = vec![Change::Task(TaskChange::Ask { row: Box::new(row), asker: None }), Change::Audit(audit)];
        self.commit_tasks(changes).await
    }

    /// The task that a revision is to be corrected: what is wrong with one revision is one task, however many say so.
    fn correction(&self, known: &Known, text: String, by: (Timestamp, Author)) -> TaskRow {
        let catalogue = self.catalogue();
        let item = known.content.items.first().filter(|item| catalogue.item(item).is_some()).cloned();
        let row = self.new_task(TaskKind::Correction, known.unit.clone(), item, text, by, None);
        TaskRow {
            same: format!("{}/{}", known.entry, known.revision),
            entry: Some(known.entry.clone()),
            revision: Some(known.revision.into()),
            ..row
        }
    }

    /// What a citizen's 👎 about an answer of 小申 says of the entry: `None` if they speak of something else.
    pub(in crate::app) async fn doubt(
        &self,
        who: &Principal,
        at: Timestamp,
        conversation: ConversationId,
        answer: u64,
    ) -> Result<Option<TaskChange>, WireError> {
        let Principal::Citizen(citizen) = who else { return Ok(None) };
        let before = answer.saturating_sub(1);
        let said = self.store.entries_after(conversation, Lane::Public, before, 1).await.map_err(store_error)?;
        let Some(said) = said.into_iter().find(|said| said.seq == answer) else { return Ok(None) };
        let ThreadBody::BotAnswer { entry, revision: Some(revision), .. } = thread_entry(said)?.body else {
            return Ok(None);
        };
        let catalogue = self.catalogue();
        // Another revision holds by now: what was wrong may be mended.
        let Some(known) = catalogue.knowledge().get(&entry).filter(|known| known.revision == revision) else {
            return Ok(None);
        };
        let row = self.correction(known, known.content.question.clone(), (at, Author::Citizen));
        Ok(Some(TaskChange::Doubt { row: Box::new(row), citizen: citizen.id, conversation }))
    }

    /// A new policy with what it needs answered (rule 8).
    pub(crate) async fn register_policy(&self, who: &Worker<'_>, order: PolicyOrder) -> Result<PolicyView, WireError> {
        if !self.rights.knows_unit(&order.unit) {
            return Err(WireError::field("unit", "no such unit"));
        }
        if !self.may_work_task(who.staff, (TaskKind::Policy, &order.unit), None) {
            return Err(forbidden());
        }
        let title = conversation::text("title", &order.title, MAX_TITLE).map_err(invalid)?.to_owned();
        let document =
            conversation::at_most("document", order.document.trim(), MAX_DOCUMENT).map_err(invalid)?.to_owned();
        let day: Date = order.effective_on.parse().map_err(|_| WireError::field("effectiveOn", "must be a date"))?;
        if !(2_000..2_200).contains(&day.year()) {
            return Err(WireError::field("effectiveOn", "must be a date from 2000 to 2199"));
        }
        if order.questions.is_empty() || order.questions.len() > MOST_QUESTIONS {
            return Err(WireError::field("questions", format!("must be 1 to {MOST_QUESTIONS}")));
        }
        let now = self.clock.now();
        let policy = PolicyRow {
            id: PolicyId::new(new_id()),
            unit: order.unit,
            title,
            document,
            effective_at: midnight(day),
            registered_at: now,
            registered_by: who.staff.id,
        };
        let directory = self.directory();
        let mut changes = vec![Change::Task(TaskChange::Policy(policy.clone()))];
        let mut seen = BTreeSet::new();
        for (n, one) in order.questions.into_iter().enumerate() {
            let named = |error: WireError| WireError { field: Some(format!("questions[{n}].question")), ..error };
            let text = question("question", &one.question).map_err(named)?;
            if one.item.as_deref().is_some_and(|item| directory.item(item).is_none()) {
                return Err(WireError::field(format!("questions[{n}].item"), "no such item"));
            }
            if !seen.insert((task::normalised(&text), one.item.clone())) {
                return Err(WireError::field(format!("questions[{n}].question"), "is asked twice"));
            }
            let by = (now, Author::Agent(who.staff.id));
            let row = self.new_task(TaskKind::Policy, policy.unit.clone(), one.item, text, by, Some(&policy));
            changes.push(Change::Task(TaskChange::Ask { row: Box::new(row), asker: None }));
        }
        changes.push(Change::Audit(Audit {
            at: now,
            actor: Author::Agent(who.staff.id),
            action: "policy.register",
            kind: "policy".to_owned(),
            subject: policy.id.to_string(),
            unit: Some(policy.unit.clone()),
            reason: None,
            address: Some(who.address.to_owned()),
            detail: json(
                &serde_json::json!({ "title": policy.title, "effectiveOn": day.to_string(), "questions": seen.len() }),
            ),
        }));
        self.commit_tasks(changes).await?;
        self.policy_view(who.staff, policy).await
    }
}
