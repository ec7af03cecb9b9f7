//! Entries of the knowledge base: lists, steps, relatives, and what agents write back. What the steps are and what an entry may
//! say is said in `bangban_domain::knowledge`; here it is asked and made durable, each step with its line of the audit log,
//! which has ids and numbers and nothing that was written.

use std::{collections::BTreeMap, sync::Arc};

use bangban_domain::{
    AgentId, ConversationId, NoticeId, TaskId, Timestamp, conversation,
    knowledge::{
        Content, EntryState, Head, Kinship, MAX_QUESTION, OpenState, Origin, Refusal, RevisionState, Step, changes,
        kinship, other_wordings, strip,
    },
    org::{Audience, CITY, Directory, Invalid},
    privacy::mask,
    rights::Action,
    task::{MessageChannel, MessageKind, OutboxState, WriteBackOutcome},
};
use bangban_protocol::{
    EntryChanges, EntryCount, EntryCounts, EntryDraft, EntryLine, EntryNew, EntryPage, EntryRelative, EntrySource,
    EntryStep, EntryStepOrder, EntryView, ErrorCode, RevisionView, WireError, WriteBackDraft, WrittenBackPage,
    WrittenBackView,
};
use bangban_store::{
    Audit, Author, Change, KnowledgeChange, KnowledgeEntry, KnowledgeQuery, KnowledgeRevision, OutboxRow, Unit,
    WriteBack,
};

use super::{App, Fulfilled, forbidden, invalid, not_found, store_error};
use crate::{
    auth::{Principal, Staff},
    catalogue::Catalogue,
    desk::new_id,
    privacy::json,
    staff::At,
};

/// Entries of one page.
const PAGE: u32 = 50;

/// Sources that are shown beside an entry.
const SOURCES: u32 = 50;

/// Entries that are looked at as relatives, and shown.
const LOOKED_AT: usize = 20;
const SHOWN: usize = 5;

/// A reason of a rejection or retirement.
const LEAST_REASON: usize = 4;
const MAX_REASON: usize = 500;

/// Who keeps the knowledge base, and from where.
pub(crate) struct Keeper<'a> {
    pub(crate) staff: &'a Staff,
    pub(crate) address: &'a str,
}

/// What is looked for in the list.
#[derive(Default)]
pub(crate) struct WantedEntries {
    pub(crate) state: Option<EntryState>,
    pub(crate) open: Option<OpenState>,
    pub(crate) unit: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) origin: Option<Origin>,
    pub(crate) words: String,
    pub(crate) before: Option<String>,
}

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no entry that you may see")
}

pub(super) fn outdated() -> WireError {
    WireError::new(ErrorCode::Outdated, "somebody else has changed it meanwhile")
}

fn unfit(error: Invalid) -> WireError {
    let field = if error.field == "unit" { error.field } else { format!("content.{}", error.field) };
    WireError::field(field, error.problem)
}

pub(super) fn refused(refusal: Refusal) -> WireError {
    match refusal {
        Refusal::WrongState => WireError::new(ErrorCode::InvalidStage, "the entry stands elsewhere"),
        Refusal::OwnWork => {
            let detail = "whoever has written in a revision does not review it";
            WireError { field: Some("step".to_owned()), ..WireError::new(ErrorCode::Forbidden, detail) }
        }
        Refusal::AlreadyOver => WireError::field("content.validTo", "is over before the answer begins"),
    }
}

/// Why something is sent back or retired.
pub(super) fn why(reason: Option<&str>) -> Result<String, WireError> {
    let text = conversation::text("reason", reason.unwrap_or_default(), MAX_REASON).map_err(invalid)?;
    if text.chars().count() < LEAST_REASON {
        return Err(WireError::field("reason", format!("must have at least {LEAST_REASON} characters")));
    }
    Ok(mask(text).into_owned())
}

fn task(task: Option<String>) -> Result<Option<String>, WireError> {
    match task {
        Some(task) if task.is_empty() || task.len() > 64 || task.contains(char::is_control) => {
            Err(WireError::field("task", "is no task"))
        }
        task => Ok(task),
    }
}

/// Entries that are like one, those first that cannot stand beside it.
pub(crate) fn relatives(catalogue: &Catalogue, id: &str, content: &Content) -> Vec<EntryRelative> {
    let (knowledge, directory) = (catalogue.knowledge(), catalogue.directory());
    let item = content.items.first().map(String::as_str);
    let questions = std::iter::once(&content.question).chain(&content.similar).take(LOOKED_AT);
    let questions = questions.filter(|question| question.chars().count() <= MAX_QUESTION);
    let mut likest: BTreeMap<&str, f64> = BTreeMap::new();
    for question in questions {
        for (likeness, known) in knowledge.like(question, item, id, LOOKED_AT) {
            let best = likest.entry(&known.entry).or_default();
            *best = best.max(likeness);
        }
    }
    let mut found: Vec<(Kinship, f64, &crate::known::Known)> = likest
        .into_iter()
        .filter(|(other, _)| content.base.as_deref() != Some(*other))
        .filter_map(|(other, likeness)| {
            let known = knowledge.get(other)?;
            Some((kinship(content, &known.content, likeness)?, likeness, known))
        })
        .collect();
    let rank = |kinship: Kinship| match kinship {
        Kinship::Contradiction => 0,
        Kinship::Duplicate => 1,
        Kinship::Near => 2,
    };
    found.sort_by(|a, b| rank(a.0).cmp(&rank(b.0)).then(b.1.total_cmp(&a.1)));
    let shown = found.into_iter().take(SHOWN).map(|(kinship, likeness, known)| EntryRelative {
        entry: known.entry.clone(),
        kinship,
        likeness: percent(likeness),
        question: known.content.question.clone(),
        answer: known.content.answer.clone(),
        unit_name: unit_name(directory, &known.unit),
        reviewed: known.is_reviewed,
    });
    shown.collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1 becomes 0 to 100")]
fn percent(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u32
}

fn unit_name(directory: &Directory, code: &str) -> String {
    directory.unit(code).map_or_else(|| code.to_owned(), |unit| unit.name.clone())
}

impl App {
    /// May they do it to an entry of this unit about these items?
    pub(super) fn may_keep(&self, staff: &Staff, action: Action, unit: &str, items: &[String]) -> bool {
        let unit = Some(unit);
        if items.is_empty() {
            return self.may(staff, action, At { unit, item: None });
        }
        items.iter().all(|item| self.may(staff, action, At { unit, item: Some(item) }))
    }

    /// Drafts are seen by those who keep the knowledge base of the unit, or read its administration.
    pub(super) fn sees_entries_of(&self, staff: &Staff, unit: &str) -> bool {
        [Action::EditKnowledge, Action::ReviewKnowledge, Action::ReadAdministration]
            .into_iter()
            .any(|action| self.may(staff, action, At::unit(Some(unit))) || self.keeps_some_items(staff, action, unit))
    }

    /// A grant for some items says nothing of a unit as a whole, but its entries have to be found.
    fn keeps_some_items(&self, staff: &Staff, action: Action, unit: &str) -> bool {
        let scopes = self.scopes(staff, action);
        let above = self.rights.units_above(Some(unit));
        scopes.iter().any(|scope| scope.as_ref().is_none_or(|scope| above.contains(scope)))
    }

    /// The units whose entries one sees; `None`: all.
    pub(crate) fn seen_units(&self, staff: &Staff) -> Result<Option<Vec<String>>, WireError> {
        if self.sees_entries_of(staff, CITY) {
            return Ok(None);
        }
        let directory = self.directory();
        let units: Vec<String> = directory
            .units()
            .map(|(code, _)| code.to_owned())
            .filter(|code| self.sees_entries_of(staff, code))
            .collect();
        if units.is_empty() { Err(forbidden()) } else { Ok(Some(units)) }
    }

    pub(super) async fn seen_entry(&self, staff: &Staff, id: &str) -> Result<KnowledgeEntry, WireError> {
        let entry = self.store.knowledge_entry(id).await.map_err(store_error)?;
        entry.filter(|entry| self.sees_entries_of(staff, &entry.head.unit)).ok_or_else(none)
    }

    fn entry_line(&self, directory: &Directory, entry: &KnowledgeEntry, now: Timestamp) -> EntryLine {
        let head = &entry.head;
        let name = |item: &String| directory.item(item).map_or_else(|| item.clone(), |item| item.name.clone());
        EntryLine {
            id: head.id.clone(),
            version: head.version,
            state: head.state(now),
            open: head.open.map(|(_, state)| state),
            origin: entry.origin,
            question: entry.question.clone(),
            item_names: entry.items.iter().map(name).collect(),
            unit: head.unit.clone(),
            unit_name: unit_name(directory, &head.unit),
            sources: entry.sources,
            in_force: head.in_force(now).map(|span| span.no),
            from: head.live.map(|span| span.from),
            to: head.live.and_then(|span| span.to),
            changed_at: entry.changed_at,
        }
    }

    fn revision_view(&self, row: KnowledgeRevision) -> RevisionView {
        let name = |agent| self.accounts.name(agent).unwrap_or_default();
        RevisionView {
            no: row.no,
            state: row.state,
            content: row.content,
            authors: row.authors.into_iter().map(name).collect(),
            reviewer_name: row.reviewer.map(name),
            reason: row.reason,
            task: row.task,
            made_at: row.made_at,
            saved_at: row.saved_at,
            submitted_at: row.submitted_at,
            decided_at: row.decided_at,
        }
    }

    // --- reading ------------------------------------------------------------------------------------------------

    /// Entries of one's units, the last changed first.
    pub(crate) async fn knowledge_entries(&self, staff: &Staff, wanted: WantedEntries) -> Result<EntryPage, WireError> {
        let (now, directory) = (self.clock.now(), self.directory());
        let units = match (self.seen_units(staff)?, wanted.unit) {
            (seen, Some(unit)) => {
                let below = directory.units().map(|(code, _)| code.to_owned());
                let is_wanted = |code: &String| directory.above(code).contains(&unit);
                let is_seen = |code: &String| seen.as_ref().is_none_or(|seen| seen.contains(code));
                Some(below.filter(|code| is_wanted(code) && is_seen(code)).collect())
            }
            (seen, None) => seen,
        };
        let before = match wanted.before {
            None => None,
            Some(id) => {
                let entry = self.store.knowledge_entry(&id).await.map_err(store_error)?;
                let gone = || WireError { field: Some("before".to_owned()), ..none() };
                Some((entry.ok_or_else(gone)?.changed_at, id))
            }
        };
        let query = KnowledgeQuery {
            units,
            state: wanted.state.map(|state| (state, now)),
            open: wanted.open,
            item: wanted.item,
            origin: wanted.origin,
            words: wanted.words.split_whitespace().map(str::to_lowercase).collect(),
            before,
        };
        let mut entries = self.store.knowledge(&query, PAGE + 1).await.map_err(store_error)?;
        let has_more = entries.len() > PAGE as usize;
        entries.truncate(PAGE as usize);
        let next = entries.last().filter(|_| has_more).map(|entry| entry.head.id.clone());
        Ok(EntryPage { entries: entries.iter().map(|entry| self.entry_line(&directory, entry, now)).collect(), next })
    }

    /// How many entries of each of one's units stand where.
    pub(crate) async fn knowledge_counts(&self, staff: &Staff) -> Result<Vec<EntryCounts>, WireError> {
        let units = self.seen_units(staff)?;
        let counts = self.store.knowledge_counts(units.as_deref(), self.clock.now()).await.map_err(store_error)?;
        let directory = self.directory();
        let mut by_unit: BTreeMap<String, EntryCounts> = BTreeMap::new();
        for one in counts {
            let of = by_unit.entry(one.unit.clone()).or_insert_with(|| EntryCounts {
                unit_name: unit_name(&directory, &one.unit),
                unit: one.unit,
                states: EntryState::ALL.iter().map(|state| EntryCount { state: *state, count: 0 }).collect(),
                in_review: 0,
            });
            of.in_review += one.in_review;
            if let Some(state) = of.states.iter_mut().find(|count| count.state == one.state) {
                state.count += one.entries;
            }
        }
        Ok(by_unit.into_values().collect())
    }

    /// One entry as a whole.
    pub(crate) async fn knowledge_entry(&self, staff: &Staff, id: &str) -> Result<EntryView, WireError> {
        let entry = self.seen_entry(staff, id).await?;
        self.entry_view(staff, entry).await
    }

    async fn entry_view(&self, staff: &Staff, entry: KnowledgeEntry) -> Result<EntryView, WireError> {
        let id = &entry.head.id;
        let revisions = self.store.knowledge_revisions(id).await.map_err(store_error)?;
        let sources = self.store.knowledge_sources(id, SOURCES).await.map_err(store_error)?;
        let open = entry.head.open.and_then(|(no, _)| revisions.iter().find(|one| one.no == no));
        let own_work = open.is_some_and(|open| open.authors.contains(&staff.id));
        let catalogue = self.catalogue();
        let relatives = open.map(|open| relatives(&catalogue, id, &open.content)).unwrap_or_default();
        let looked_at = open.or_else(|| revisions.first());
        let learnt = self.store.learnt_wordings(id, SOURCES).await.map_err(store_error)?;
        let asked = sources.iter().map(|source| source.question.as_str()).chain(learnt.iter().map(String::as_str));
        let suggested = looked_at.map(|one| other_wordings(&one.content, asked)).unwrap_or_default();
        let source = |row: bangban_store::SourceRow| EntrySource {
            conversation: row.conversation,
            agent: row.agent,
            agent_name: self.accounts.name(row.agent).unwrap_or_default(),
            at: row.at,
            question: row.question,
        };
        Ok(EntryView {
            line: self.entry_line(catalogue.directory(), &entry, self.clock.now()),
            relatives,
            suggested,
            own_work,
            may_edit: self.may_keep(staff, Action::EditKnowledge, &entry.head.unit, &entry.items),
            may_review: self.may_keep(staff, Action::ReviewKnowledge, &entry.head.unit, &entry.items),
            revisions: revisions.into_iter().map(|row| self.revision_view(row)).collect(),
            sources: sources.into_iter().map(source).collect(),
        })
    }

    /// What became of what one wrote back, the newest first.
    pub(crate) async fn written_back(
        &self,
        staff: &Staff,
        before: Option<ConversationId>,
    ) -> Result<WrittenBackPage, WireError> {
        let before = match before {
            None => None,
            Some(id) => {
                let mine = self.store.written_back_of(staff.id, id).await.map_err(store_error)?;
                Some((mine.ok_or_else(|| WireError { field: Some("before".to_owned()), ..none() })?, id))
            }
        };
        let mut rows = self.store.written_back(staff.id, before, PAGE + 1).await.map_err(store_error)?;
        let has_more = rows.len() > PAGE as usize;
        rows.truncate(PAGE as usize);
        let next = rows.last().filter(|_| has_more).map(|row| row.source.conversation);
        let now = self.clock.now();
        let view = |row: bangban_store::WrittenBack| WrittenBackView {
            conversation: row.source.conversation,
            at: row.source.at,
            asked: row.source.question,
            state: row.entry.head.state(now),
            sources: row.entry.sources,
            question: row.entry.question,
            entry: row.entry.head.id,
            reason: row.reason,
        };
        Ok(WrittenBackPage { answers: rows.into_iter().map(view).collect(), next })
    }

    /// Entries that a text would be like, for whoever writes it.
    pub(crate) fn knowledge_relatives(
        &self,
        staff: &Staff,
        id: &str,
        content: &Content,
    ) -> Result<Vec<EntryRelative>, WireError> {
        self.require_somewhere(staff, Action::EditKnowledge)?;
        // Asked while somebody writes: what cannot be saved yet is nothing wrong here.
        Ok(relatives(&self.catalogue(), id, content))
    }

    /// What a revision changes against an older one; without one everything that it says.
    pub(crate) async fn entry_changes(
        &self,
        staff: &Staff,
        id: &str,
        to: u32,
        from: Option<u32>,
    ) -> Result<EntryChanges, WireError> {
        self.seen_entry(staff, id).await?;
        let read = async |no: u32, field: &str| {
            let revision = self.store.knowledge_revision(id, no).await.map_err(store_error)?;
            revision.ok_or_else(|| WireError { field: Some(field.to_owned()), ..none() })
        };
        let after = read(to, "to").await?;
        let before = match from {
            Some(from) => Some(read(from, "from").await?),
            None => None,
        };
        Ok(EntryChanges { changes: changes(before.as_ref().map(|one| &one.content), &after.content) })
    }

    // --- steps --------------------------------------------------------------------------------------------------

    fn keeper_line(
        &self,
        who: &Keeper<'_>,
        action: &'static str,
        head: &Head,
        no: Option<u32>,
        reason: Option<String>,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: "entry".to_owned(),
            subject: head.id.clone(),
            unit: Some(head.unit.clone()),
            reason,
            address: Some(who.address.to_owned()),
            detail: json(&serde_json::json!({ "version": head.version, "revision": no })),
        }
    }

    /// What can be judged by the entries and files that are there; the files are put beside the answer.
    async fn check_content(&self, staff: &Staff, id: &str, unit: &str, content: &mut Content) -> Result<(), WireError> {
        content.check().map_err(unfit)?;
        content.check_owner(unit, &self.directory()).map_err(unfit)?;
        for (field, other) in [("content.supersedes", &content.supersedes), ("content.base", &content.base)] {
            let Some(other) = other else { continue };
            let known = self.store.knowledge_entry(other).await.map_err(store_error)?;
            if other == id || known.is_none() {
                return Err(WireError::field(field, "is no other entry"));
            }
        }
        self.fill_files(staff, content).await?.map_err(|problem| WireError::field("content.answer", problem))
    }

    /// A new entry with its first draft.
    pub(crate) async fn make_entry(&self, who: &Keeper<'_>, put: EntryNew) -> Result<EntryView, WireError> {
        self.require_somewhere(who.staff, Action::EditKnowledge)?;
        let EntryNew { unit, mut content, task: wanted } = put;
        if !self.may_keep(who.staff, Action::EditKnowledge, &unit, &content.items) {
            return Err(if self.directory().unit(&unit).is_none() {
                WireError::field("unit", "is no unit")
            } else {
                forbidden()
            });
        }
        let id = new_entry_id();
        self.check_content(who.staff, &id, &unit, &mut content).await?;
        let now = self.clock.now();
        let entry = KnowledgeEntry {
            head: Head::new(id.clone(), unit),
            origin: Origin::Editor,
            question: content.question.clone(),
            items: content.items.clone(),
            sources: 0,
            created_at: now,
            changed_at: now,
        };
        let revision = first_draft(&id, content, who.staff.id, task(wanted)?, now);
        let line = self.keeper_line(who, "knowledge.make", &entry.head, Some(1), None);
        self.put_entry(entry, Some(revision), Vec::new(), line).await?;
        self.knowledge_entry(who.staff, &id).await
    }

    /// Writes in the open draft, or begins the next revision.
    pub(crate) async fn save_draft(&self, who: &Keeper<'_>, id: &str, put: EntryDraft) -> Result<EntryView, WireError> {
        let entry = self.seen_entry(who.staff, id).await?;
        let EntryDraft { version, content, task: wanted } = put;
        self.write_draft(who, entry, version, content, task(wanted)?, "knowledge.save").await?;
        self.knowledge_entry(who.staff, id).await
    }

    async fn write_draft(
        &self,
        who: &Keeper<'_>,
        entry: KnowledgeEntry,
        version: u64,
        mut content: Content,
        task: Option<String>,
        action: &'static str,
    ) -> Result<(), WireError> {
        let unit = entry.head.unit.clone();
        let may = |items: &[String]| self.may_keep(who.staff, Action::EditKnowledge, &unit, items);
        if !may(&entry.items) || !may(&content.items) {
            return Err(forbidden());
        }
        if entry.head.version != version {
            return Err(outdated());
        }
        self.check_content(who.staff, &entry.head.id, &unit, &mut content).await?;
        let now = self.clock.now();
        let (head, after) = entry.head.step(Step::Save, who.staff.id, &[], now).map_err(refused)?;
        let (no, _) = after.ok_or_else(outdated)?;
        let before = self.store.knowledge_revision(&head.id, no).await.map_err(store_error)?;
        let mut revision =
            before.unwrap_or_else(|| first_draft(&head.id, content.clone(), who.staff.id, task.clone(), now));
        revision.no = no;
        (revision.content, revision.saved_at) = (content, now);
        revision.task = task.or(revision.task);
        if !revision.authors.contains(&who.staff.id) {
            revision.authors.push(who.staff.id);
        }
        let line = self.keeper_line(who, action, &head, Some(no), None);
        let entry = KnowledgeEntry { head, changed_at: now, ..entry };
        self.put_entry(entry, Some(revision), Vec::new(), line).await
    }

    /// Takes a step.
    pub(crate) async fn entry_step(
        &self,
        who: &Keeper<'_>,
        id: &str,
        order: EntryStepOrder,
    ) -> Result<EntryView, WireError> {
        let entry = self.seen_entry(who.staff, id).await?;
        if entry.head.version != order.version {
            return Err(outdated());
        }
        if order.step == EntryStep::Restore {
            let no = order.revision.ok_or_else(|| WireError::field("revision", "is missing"))?;
            let old = self.store.knowledge_revision(id, no).await.map_err(store_error)?;
            let old = old.ok_or_else(|| WireError::field("revision", "is no revision of it"))?;
            self.write_draft(who, entry, order.version, old.content, None, "knowledge.restore").await?;
            return self.knowledge_entry(who.staff, id).await;
        }
        let action = match order.step {
            EntryStep::Submit | EntryStep::TakeBack | EntryStep::Discard | EntryStep::Restore => Action::EditKnowledge,
            EntryStep::Reject | EntryStep::Publish | EntryStep::Retire => Action::ReviewKnowledge,
        };
        if !self.may_keep(who.staff, action, &entry.head.unit, &entry.items) {
            return Err(forbidden());
        }
        let now = self.clock.now();
        let open = match entry.head.open {
            Some((no, _)) => self.store.knowledge_revision(id, no).await.map_err(store_error)?,
            None => None,
        };
        let authors = open.as_ref().map(|open| open.authors.clone()).unwrap_or_default();
        let valid = open.as_ref().map(|open| (open.content.valid_from, open.content.valid_to)).unwrap_or_default();
        let (step, name) = match order.step {
            EntryStep::Submit => (Step::Submit, "knowledge.submit"),
            EntryStep::TakeBack => (Step::TakeBack, "knowledge.take_back"),
            EntryStep::Reject => (Step::Reject, "knowledge.reject"),
            EntryStep::Publish => (Step::Publish { from: valid.0, to: valid.1 }, "knowledge.publish"),
            EntryStep::Discard => (Step::Discard, "knowledge.discard"),
            EntryStep::Retire | EntryStep::Restore => (Step::Retire(now), "knowledge.retire"),
        };
        let reason = match order.step {
            EntryStep::Reject | EntryStep::Retire => Some(why(order.reason.as_deref())?),
            _ => None,
        };
        let (head, after) = entry.head.step(step, who.staff.id, &authors, now).map_err(refused)?;
        let revision = after.and_then(|(_, state)| {
            let mut revision = open?;
            revision.state = state;
            match order.step {
                EntryStep::Submit => revision.submitted_at = Some(now),
                EntryStep::Reject | EntryStep::Publish => {
                    (revision.reviewer, revision.decided_at) = (Some(who.staff.id), Some(now));
                    revision.reason.clone_from(&reason);
                }
                EntryStep::TakeBack | EntryStep::Discard | EntryStep::Retire | EntryStep::Restore => {}
            }
            Some(revision)
        });
        let mut more = Vec::new();
        if let (EntryStep::Publish, Some(revision)) = (order.step, &revision) {
            // It may have waited so long that its items or units are others now.
            let mut content = revision.content.clone();
            self.check_content(who.staff, id, &head.unit, &mut content).await?;
            more.extend(self.lowering(who, &head, revision, order.reason.as_deref()).await?);
            if let Some(other) = &revision.content.supersedes {
                let from = head.live.map_or(now, |live| live.from);
                more.extend(self.superseded(who, other, from).await?);
            }
            // Whoever asked is told in the same transaction: of the task that it was written for, and of the open ones that
            // ask the same.
            let named = revision.task.as_deref().and_then(|task| task.parse::<TaskId>().ok());
            let mut tasks = self.tasks_that_ask(&revision.content).await?;
            tasks.extend(named);
            for task in tasks {
                let done = Fulfilled {
                    task,
                    entry: id,
                    revision: revision.no.into(),
                    source: &revision.content.source,
                    by: Author::Agent(who.staff.id),
                    from: head.live.map_or(now, |live| live.from),
                    override_reason: order.reason.as_deref(),
                };
                more.extend(self.fulfil(done).await?);
            }
        }
        if let (Some(outcome), Some(revision)) = (written_back(&entry, order.step), &revision) {
            more.push(self.outcome(&entry, revision, outcome, reason.as_deref(), head.live.map(|live| live.from)));
        }
        let line = self.keeper_line(who, name, &head, after.map(|(no, _)| no), reason);
        let entry = KnowledgeEntry { head, changed_at: now, ..entry };
        self.put_entry(entry, revision, more, line).await?;
        self.told_of_publishing();
        self.knowledge_entry(who.staff, id).await
    }

    /// A publication that answers questions of the regression set worse needs a reason, which is a line of the audit log.
    async fn lowering(
        &self,
        who: &Keeper<'_>,
        head: &Head,
        revision: &KnowledgeRevision,
        reason: Option<&str>,
    ) -> Result<Option<Change>, WireError> {
        let lowered = self.lowered_by(&head.id, &head.unit, &revision.content).await?;
        if lowered.is_empty() {
            return Ok(None);
        }
        let count = lowered.len();
        let needs = || {
            let detail =
                format!("{count} questions of the regression set would be answered worse: say why it is published");
            WireError::field("reason", detail)
        };
        let reason = why(Some(reason.ok_or_else(needs)?))?;
        let ids: Vec<String> = lowered.into_iter().map(|one| one.id).collect();
        let line = self.keeper_line(who, "knowledge.lowered", head, Some(revision.no), Some(reason));
        let detail = serde_json::json!({ "version": head.version, "revision": revision.no, "questions": ids });
        Ok(Some(Change::Audit(Audit { detail: json(&detail), ..line })))
    }

    /// What became of a candidate is told to those who wrote it back, and once it is the official answer also to those whom they
    /// answered: it may say more than they were told.
    fn outcome(
        &self,
        entry: &KnowledgeEntry,
        revision: &KnowledgeRevision,
        outcome: WriteBackOutcome,
        reason: Option<&str>,
        from: Option<Timestamp>,
    ) -> Change {
        let (id, now) = (&entry.head.id, self.clock.now());
        let message = |message, channel, cause: String, detail: &serde_json::Value| OutboxRow {
            channel,
            detail: json(detail),
            ..OutboxRow::waiting(NoticeId::new(new_id()), message, cause, now)
        };
        let detail = serde_json::json!({ "question": revision.content.question, "outcome": outcome,
            "reason": reason.unwrap_or_default(), "entry": id, "revision": revision.no });
        let cause = format!("{id}/{}/{outcome}", entry.head.version);
        let agents = message(MessageKind::WriteBack, MessageChannel::Inbox, cause, &detail);
        // It is there with the commit.
        let agents = OutboxRow { state: OutboxState::Sent, settled_at: Some(now), ..agents };
        let citizens = from.map(|from| {
            let detail = serde_json::json!({ "question": "", "source": revision.content.source, "entry": id,
                "revision": revision.no });
            let tell = message(MessageKind::AnswerFound, MessageChannel::Thread, format!("{id}/answer"), &detail);
            Box::new(OutboxRow { due_at: from.max(now), ..tell })
        });
        Change::Knowledge(KnowledgeChange::Tell { entry: id.clone(), citizens, agents: Box::new(agents) })
    }

    /// The entry that another one replaces holds until that one begins.
    async fn superseded(&self, who: &Keeper<'_>, id: &str, from: Timestamp) -> Result<Vec<Change>, WireError> {
        let Some(entry) = self.store.knowledge_entry(id).await.map_err(store_error)? else { return Ok(Vec::new()) };
        if !self.may_keep(who.staff, Action::ReviewKnowledge, &entry.head.unit, &entry.items) {
            return Err(WireError::field("content.supersedes", "belongs to another unit"));
        }
        let now = self.clock.now();
        // Not in force any more: there is nothing to end.
        let Ok((head, _)) = entry.head.step(Step::Retire(from), who.staff.id, &[], now) else { return Ok(Vec::new()) };
        let line = self.keeper_line(who, "knowledge.superseded", &head, None, None);
        let shown = self.shown(&head).await?;
        let entry = KnowledgeEntry { head, changed_at: now, ..entry };
        let change = KnowledgeChange::Step { entry: Box::new(entry), revision: None, shown: Box::new(shown) };
        Ok(vec![Change::Knowledge(change), Change::Audit(line)])
    }

    /// What people look at first: the open revision, else the published one, else the last one.
    pub(super) async fn shown(&self, head: &Head) -> Result<Content, WireError> {
        let no = head.open.map(|(no, _)| no).or(head.live.map(|live| live.no)).unwrap_or(head.last);
        let revision = self.store.knowledge_revision(&head.id, no).await.map_err(store_error)?;
        Ok(revision.ok_or_else(none)?.content)
    }

    async fn put_entry(
        &self,
        entry: KnowledgeEntry,
        revision: Option<KnowledgeRevision>,
        more: Vec<Change>,
        line: Audit,
    ) -> Result<(), WireError> {
        let is_open = |revision: &KnowledgeRevision| entry.head.open.is_some_and(|(no, _)| no == revision.no);
        let shown = match &revision {
            Some(revision) if is_open(revision) || revision.state == RevisionState::Published => {
                revision.content.clone()
            }
            _ => self.shown(&entry.head).await?,
        };
        let revision = revision.map(Box::new);
        let step = KnowledgeChange::Step { entry: Box::new(entry), revision, shown: Box::new(shown) };
        let mut changes = vec![Change::Knowledge(step), Change::Audit(line)];
        changes.extend(more);
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.organisation.knowledge_changed();
        Ok(())
    }

    // --- write-back ---------------------------------------------------------------------------------------------

    /// The answer that solved a conversation as a candidate of its item's department: without personal data, and without
    /// the names of who talked.
    pub(super) async fn candidate(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        draft: &WriteBackDraft,
    ) -> Result<WriteBack, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        let (row, _) = self.readable(who, id).await?;
        if row.agent != Some(staff.id) {
            return Err(forbidden());
        }
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?.ok_or_else(not_found)?;
        let names: Vec<&str> =
            [citizen.name.as_str(), staff.name.as_str()].into_iter().filter(|name| !name.is_empty()).collect();
        let clean = |text: &str| strip(text.trim(), &names);
        let directory = self.directory();
        let item = row.item.as_deref().and_then(|code| Some((code, directory.item(code)?)));
        let of_team = || directory.team(&row.team).map(|team| team.unit.clone());
        let unit = item.map(|(_, item)| item.department.clone()).or_else(of_team).unwrap_or_else(|| CITY.to_owned());
        let content = Content {
            question: clean(&draft.question).split_whitespace().collect::<Vec<_>>().join(" "),
            similar: Vec::new(),
            answer: clean(&draft.answer),
            spoken: String::new(),
            items: item.map(|(code, _)| code.to_owned()).into_iter().collect(),
            situations: Vec::new(),
            districts: Vec::new(),
            audience: item.map_or(Audience::Both, |(_, item)| item.audience),
            source: unit_name(&directory, &unit),
            clause: String::new(),
            valid_from: None,
            valid_to: None,
            supersedes: None,
            base: None,
            files: Vec::new(),
        };
        let named = |error: Invalid| WireError::field(format!("writeBack.{}", error.field), error.problem);
        content.check().map_err(named)?;
        self.words.check("writeBack.answer", &content.answer)?;
        Ok(WriteBack { id: new_entry_id(), unit, content, conversation: id, agent: staff.id, at })
    }
}

/// What a step makes of what an agent wrote back and nobody has published yet.
fn written_back(entry: &KnowledgeEntry, step: EntryStep) -> Option<WriteBackOutcome> {
    if entry.origin != Origin::WriteBack || entry.head.live.is_some() {
        return None;
    }
    match step {
        EntryStep::Publish => Some(WriteBackOutcome::Published),
        EntryStep::Reject => Some(WriteBackOutcome::SentBack),
        EntryStep::Discard => Some(WriteBackOutcome::GivenUp),
        EntryStep::Submit | EntryStep::TakeBack | EntryStep::Retire | EntryStep::Restore => None,
    }
}

/// A draft that somebody begins.
fn first_draft(
    entry: &str,
    content: Content,
    author: AgentId,
    task: Option<String>,
    now: Timestamp,
) -> KnowledgeRevision {
    KnowledgeRevision {
        entry: entry.to_owned(),
        no: 1,
        state: RevisionState::Draft,
        content,
        authors: vec![author],
        reviewer: None,
        reason: None,
        task,
        made_at: now,
        saved_at: now,
        submitted_at: None,
        decided_at: None,
    }
}

pub(super) fn new_entry_id() -> String {
    format!("kb-{:032x}", new_id())
}
