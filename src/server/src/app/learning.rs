//! What conversations teach the knowledge base (docs/bot.md, "Learning"): labels of closed threads, clusters of questions without
//! a good answer and what editors make of them, and the regression set that a publication must not lower.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Weak,
};

use bangban_domain::{
    ConversationId, TaskId, Timestamp,
    knowledge::{Content, MAX_QUESTION, MAX_SIMILAR, strip},
    learning::{LabelKind, Said, labels},
    rights::Action,
    task,
    time::{DAY, MINUTE, Millis},
    words::Outcome,
};
use bangban_protocol::{
    ClusterOrder, ClusterPage, ClusterUse, ErrorCode, LabelRef, LikelyEntry, Lowered, Party, QuestionCluster,
    RegressionImported, RegressionLine, RegressionNew, RegressionPage, RegressionView, ShownRight, ThreadEntry,
    WireError,
};
use bangban_store::{
    Audit, Author, Change, LabelQuery, LabelRow, Lane, LearningChange, RegressionRow, TaskChange, Unit,
};
use tokio::task::spawn_blocking;

use super::{App, Keeper, forbidden, internal, not_found, store_error, thread_entry};
use crate::{
    auth::Staff,
    catalogue::Catalogue,
    desk::new_id,
    learning::{clusters, count, lowered, result, said, wordings},
    privacy::json,
};

/// Threads are read so often without anybody asking.
const PAUSE: Millis = 10 * MINUTE;

/// Threads that were closed so long before the last one that was read are looked at once more: their closing may have been
/// committed after it.
const AGAIN: Millis = 10 * MINUTE;

/// Threads of one turn.
const TURN: u32 = 100;

/// Turns before somebody who waits is answered; the rest is read in the background.
const TURNS: u32 = 10;

/// Entries of a thread that are read at one time.
const ENTRIES: u32 = 500;

/// Questions that are looked at for clusters, and since when.
const LOOKED_AT: u32 = 2_000;
const SPAN: Millis = 90 * DAY;

/// Clusters, wordings of one, entries beside it, and what the regression set may grow by, on one page.
const CLUSTERS: usize = 200;
const WORDINGS: usize = 20;
const LIKELY: usize = 3;
const GROWTH: usize = 50;

/// Labels of one order, and questions of one.
const MOST_LABELS: usize = 1_000;
const MOST_QUESTIONS: usize = 20;

/// Longest id of an entry.
const MAX_ID: usize = 64;

/// Most citizens of a cluster who are told when there is an answer.
const ASKERS: usize = 200;

/// Largest regression set: each publication asks all of it.
pub(super) const LARGEST_SET: u32 = 500;

/// Kinds that say that an entry was right for a question.
const RIGHT: [LabelKind; 3] = [LabelKind::Solved, LabelKind::Chosen, LabelKind::Sent];

/// What became of a cluster.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// The task that was opened, or joined.
    pub(crate) task: Option<TaskId>,
    /// The entry whose draft has the wordings.
    pub(crate) entry: Option<String>,
}

/// Reads threads that were closed, from time to time.
pub(super) async fn keep_learning(app: Weak<App>) {
    loop {
        let Some(strong) = app.upgrade() else { return };
        if let Err(error) = strong.learn_within(u32::MAX).await {
            tracing::warn!(%error, "threads cannot be learnt from now, later again");
        }
        let (clock, stopping) = (strong.clock.clone(), strong.stopping.clone());
        drop(strong);
        let next = clock.now() + PAUSE;
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(next) => {}
        }
    }
}

impl App {
    /// Makes labels of threads that were closed since the last time. May be repeated: a label is there once.
    pub(super) async fn learn(&self) -> Result<(), WireError> {
        self.learn_within(TURNS).await
    }

    async fn learn_within(&self, turns: u32) -> Result<(), WireError> {
        let until = self.store.learnt_until().await.map_err(store_error)?;
        let mut after = (until - AGAIN, String::new());
        for _ in 0..turns {
            let closed = self.store.closed_after((after.0, &after.1), TURN).await.map_err(store_error)?;
            let Some((last, at)) = closed.last().copied() else { return Ok(()) };
            let mut found = Vec::new();
            for (conversation, _) in &closed {
                match self.labels_of(*conversation).await {
                    Ok(labels) => found.extend(labels),
                    // Nothing can be made of this one thread; the others go on.
                    Err(error) if error.code == ErrorCode::Internal => {
                        tracing::warn!(%error, %conversation, "a thread cannot be learnt from");
                    }
                    Err(error) => return Err(error),
                }
            }
            if at > until || !found.is_empty() {
                self.put_learnt(vec![Change::Learning(LearningChange::Learnt { labels: found, until: at })]).await?;
            }
            after = (at, last.to_string());
            if closed.len() < TURN as usize {
                break;
            }
        }
        Ok(())
    }

    async fn put_learnt(&self, changes: Vec<Change>) -> Result<(), WireError> {
        self.store.commit(Unit { changes, ..Unit::default() }).await.map(drop).map_err(store_error)
    }

    /// The labels of a thread, without personal data. What was out of scope teaches nothing.
    async fn labels_of(&self, id: ConversationId) -> Result<Vec<LabelRow>, WireError> {
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        if row.outcome == Some(Outcome::OutOfScope) {
            return Ok(Vec::new());
        }
        let mut thread = Vec::new();
        loop {
            let after = thread.last().map_or(0, |last: &ThreadEntry| last.seq);
            let rows = self.store.entries_after(id, Lane::Public, after, ENTRIES).await.map_err(store_error)?;
            let is_last = rows.len() < ENTRIES as usize;
            for row in rows {
                thread.push(thread_entry(row)?);
            }
            if is_last {
                break;
            }
        }
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?;
        let names: BTreeSet<&str> = citizen
            .iter()
            .map(|citizen| citizen.name.as_str())
            .chain(thread.iter().filter_map(|entry| match &entry.from {
                Party::Agent { name, .. } => Some(name.as_str()),
                Party::Citizen | Party::Bot | Party::System => None,
            }))
            .filter(|name| !name.is_empty())
            .collect();
        let names: Vec<&str> = names.into_iter().collect();
        let unit = Self::owner_of(&self.directory(), row.item.as_deref());
        let at: BTreeMap<u64, Timestamp> = thread.iter().map(|entry| (entry.seq, entry.at)).collect();
        let clean = |text: &str| {
            let text: String =
                strip(text, &names).chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            text.chars().take(MAX_QUESTION).collect::<String>()
        };
        let rejected = self.rejected_in(id, &thread).await?;
        let found = labels(thread.iter().filter_map(|entry| {
            let said = match said(entry)? {
                Said::Proposed if rejected.contains(&entry.seq) => Said::Unknown,
                other => other,
            };
            Some((entry.seq, said))
        }));
        let label = |one: bangban_domain::learning::Label| {
            let question = clean(&one.question);
            (!task::normalised(&question).is_empty()).then(|| LabelRow {
                conversation: id,
                seq: one.seq,
                kind: one.kind,
                question,
                item: row.item.clone(),
                unit: unit.clone(),
                entry: one.entry,
                revision: one.revision,
                at: at.get(&one.seq).copied().unwrap_or(Timestamp(0)),
                taken_at: None,
            })
        };
        Ok(found.into_iter().filter_map(label).collect())
    }

    // --- clusters -----------------------------------------------------------------------------------------------

    async fn open_labels(&self, staff: &Staff, kinds: &[LabelKind]) -> Result<(Vec<LabelRow>, Timestamp), WireError> {
        let units = self.seen_units(staff)?;
        self.learn().await?;
        let since = self.clock.now() - SPAN;
        let query = LabelQuery { units, since, kinds: kinds.to_vec(), is_open: true };
        Ok((self.store.labels(&query, LOOKED_AT).await.map_err(store_error)?, since))
    }

    /// Questions of one's units that had no good answer and of which nobody has made anything, joined by meaning.
    pub(crate) async fn question_clusters(&self, staff: &Staff) -> Result<ClusterPage, WireError> {
        let (labels, since) = self.open_labels(staff, &[LabelKind::NotFound, LabelKind::Unsolved]).await?;
        let is_partial = labels.len() >= LOOKED_AT as usize;
        let catalogue = self.catalogue();
        let made = spawn_blocking(move || {
            let words = &catalogue.knowledge().settings().words;
            let found = clusters(words, &labels).into_iter().take(CLUSTERS);
            found.map(|members| cluster(&catalogue, &labels, &members)).collect()
        });
        let clusters = made.await.map_err(|error| internal(&error))?;
        Ok(ClusterPage { clusters, since, is_partial })
    }

    /// Makes something of a cluster: a gap task, similar questions of an entry, or nothing.
    pub(crate) async fn use_cluster(&self, who: &Keeper<'_>, order: ClusterOrder) -> Result<Used, WireError> {
        let ClusterOrder { labels, what } = order;
        let rows = self.labels_to_use(who.staff, &labels).await?;
        let first = rows.first().ok_or_else(|| WireError::field("labels", "must name at least one"))?;
        let now = self.clock.now();
        let taken = Change::Learning(LearningChange::Taken {
            labels: rows.iter().map(|row| (row.conversation, row.seq)).collect(),
            at: now,
        });
        let mut used = Used::default();
        let (mut changes, name) = match what {
            ClusterUse::Nothing => (Vec::new(), "nothing"),
            ClusterUse::Gap { question } => {
                let text = super::tasks::question("use.question", &question)?;
                let by = (now, Author::Agent(who.staff.id));
                let task = self.gap_of(first.unit.clone(), first.item.clone(), text, by).await?;
                used.task = Some(task.id);
                let conversations: BTreeSet<ConversationId> = rows.iter().map(|row| row.conversation).collect();
                let ask = |asker| Change::Task(TaskChange::Ask { row: Box::new(task.clone()), asker: Some(asker) });
                (conversations.into_iter().take(ASKERS).map(ask).collect(), "gap")
            }
            ClusterUse::Similar { entry, questions } => {
                self.add_wordings(who, &entry, &questions).await?;
                used.entry = Some(entry);
                (Vec::new(), "similar")
            }
        };
        let detail = serde_json::json!({ "use": name, "labels": rows.len(), "task": used.task, "entry": used.entry });
        changes.push(taken);
        let line = self.learning_line(who, "knowledge.cluster", "label", name.to_owned(), Some(&first.unit), &detail);
        changes.push(Change::Audit(line));
        self.put_learnt(changes).await?;
        if used.task.is_some() {
            self.told_of_publishing();
        }
        Ok(used)
    }

    /// Labels of which the editor may make something; somebody else's, and what is none, is refused.
    async fn labels_to_use(&self, staff: &Staff, named: &[LabelRef]) -> Result<Vec<LabelRow>, WireError> {
        self.require_somewhere(staff, Action::EditKnowledge)?;
        if named.len() > MOST_LABELS {
            return Err(WireError::field("labels", format!("must be at most {MOST_LABELS}")));
        }
        let mut rows = Vec::with_capacity(named.len());
        for (n, one) in named.iter().enumerate() {
            let row = self.store.label(one.conversation, one.seq).await.map_err(store_error)?;
            let may = |row: &LabelRow| {
                let items: Vec<String> = row.item.iter().cloned().collect();
                self.may_keep(staff, Action::EditKnowledge, &row.unit, &items)
            };
            rows.push(row.filter(may).ok_or_else(|| WireError {
                field: Some(format!("labels[{n}]")),
                ..WireError::new(ErrorCode::NotFound, "no such question that you may use")
            })?);
        }
        Ok(rows)
    }

    /// Other wordings as similar questions, in the open draft of an entry or the next one.
    async fn add_wordings(&self, who: &Keeper<'_>, id: &str, questions: &[String]) -> Result<(), WireError> {
        if !(1..=MOST_QUESTIONS).contains(&questions.len()) {
            return Err(WireError::field("use.questions", format!("must be 1 to {MOST_QUESTIONS}")));
        }
        check_id("use.entry", id)?;
        let view = self.knowledge_entry(who.staff, id).await.map_err(|error| match error.code {
            ErrorCode::NotFound => WireError::field("use.entry", "no entry that you may see"),
            _ => error,
        })?;
        let entry = self.store.knowledge_entry(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        let mut content = self.shown(&entry.head).await?;
        let known: BTreeSet<String> =
            std::iter::once(&content.question).chain(&content.similar).map(|one| task::normalised(one)).collect();
        let others = questions.iter().map(|one| one.trim()).filter(|one| !known.contains(&task::normalised(one)));
        content.similar.extend(others.map(str::to_owned));
        if content.similar.len() > MAX_SIMILAR {
            return Err(WireError::field("use.questions", format!("make more than {MAX_SIMILAR} with those it has")));
        }
        let draft = bangban_protocol::EntryDraft { version: view.line.version, content, task: None };
        let saved = self.save_draft(who, id, draft).await.map_err(|error| match error.field.as_deref() {
            Some(field) if field.starts_with("content.similar") => {
                WireError { field: Some("use.questions".to_owned()), ..error }
            }
            _ => error,
        });
        saved.map(drop)
    }

    fn learning_line(
        &self,
        who: &Keeper<'_>,
        action: &'static str,
        kind: &str,
        subject: String,
        unit: Option<&str>,
        detail: &serde_json::Value,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: kind.to_owned(),
            subject,
            unit: unit.map(str::to_owned),
            reason: None,
            address: Some(who.address.to_owned()),
            detail: json(detail),
        }
    }

    // --- regression ---------------------------------------------------------------------------------------------

    /// The regression set as 小申 answers it now, and what it may grow by.
    pub(crate) async fn regression_page(&self, staff: &Staff) -> Result<RegressionPage, WireError> {
        let (labels, _) = self.open_labels(staff, &RIGHT).await?;
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        let catalogue = self.catalogue();
        let made = spawn_blocking(move || {
            let shown_right = growth(&catalogue, &labels, &set);
            let kept = set.into_iter().map(|row| view(&catalogue, row)).collect();
            RegressionPage { kept, shown_right }
        });
        made.await.map_err(|error| internal(&error))
    }

    /// A question as it would be kept, and the unit of its entry, for whoever may edit that entry.
    async fn question_to_keep(
        &self,
        staff: &Staff,
        line: RegressionLine,
        is_learnt: bool,
    ) -> Result<(RegressionRow, String), WireError> {
        let RegressionLine { question, entry, item } = line;
        let question = super::tasks::question("question", &question)?;
        check_id("entry", &entry)?;
        let head = self.store.knowledge_entry(&entry).await.map_err(store_error)?;
        let head = head.filter(|one| self.may_keep(staff, Action::EditKnowledge, &one.head.unit, &one.items));
        let head = head.ok_or_else(|| WireError::field("entry", "no entry that you may edit"))?;
        if item.as_deref().is_some_and(|item| self.directory().item(item).is_none()) {
            return Err(WireError::field("item", "no such item"));
        }
        let id = format!("rq-{:032x}", new_id());
        let (made_at, made_by) = (self.clock.now(), staff.id);
        Ok((RegressionRow { id, question, entry, item, is_learnt, made_at, made_by }, head.head.unit))
    }

    /// Keeps a question with the entry that is right for it, for whoever may edit that entry.
    pub(crate) async fn keep_question(&self, who: &Keeper<'_>, new: RegressionNew) -> Result<(), WireError> {
        self.require_somewhere(who.staff, Action::EditKnowledge)?;
        let RegressionNew { question, entry, item, labels } = new;
        let line = RegressionLine { question, entry, item };
        let (row, unit) = self.question_to_keep(who.staff, line, !labels.is_empty()).await?;
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        if set.len() >= LARGEST_SET as usize {
            return Err(too_many("question"));
        }
        let rows = self.labels_to_use(who.staff, &labels).await?;
        let detail = serde_json::json!({ "entry": row.entry, "labels": rows.len() });
        let action = "knowledge.regression_keep";
        let line = self.learning_line(who, action, "regression", row.id.clone(), Some(&unit), &detail);
        let taken = rows.iter().map(|row| (row.conversation, row.seq)).collect();
        let at = row.made_at;
        self.put_learnt(vec![
            Change::Learning(LearningChange::Keep(Box::new(row))),
            Change::Learning(LearningChange::Taken { labels: taken, at }),
            Change::Audit(line),
        ])
        .await
    }

    /// Adds the questions of a file, a line of JSON each; all of them or none.
    pub(crate) async fn import_questions(
        &self,
        who: &Keeper<'_>,
        bytes: &[u8],
    ) -> Result<RegressionImported, WireError> {
        self.require_somewhere(who.staff, Action::EditKnowledge)?;
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::field("body", "is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        let mut known: BTreeSet<(String, String)> =
            set.iter().map(|row| (row.question.clone(), row.entry.clone())).collect();
        let wrong = |at: usize, why: &str| WireError::field("body", format!("line {at}: {why}"));
        let (mut rows, mut same) = (Vec::new(), 0);
        for (at, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let line: RegressionLine =
                serde_json::from_str(line).map_err(|_| wrong(at, "must be {\"q\", \"e\", \"item\"}"))?;
            let kept = self.question_to_keep(who.staff, line, false).await;
            let (row, _) =
                kept.map_err(|error| if error.field.is_some() { wrong(at, &error.detail) } else { error })?;
            if known.insert((row.question.clone(), row.entry.clone())) {
                rows.push(row);
            } else {
                same += 1;
            }
            if set.len() + rows.len() > LARGEST_SET as usize {
                return Err(too_many("body"));
            }
        }
        let added = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let detail = serde_json::json!({ "added": added });
        let line =
            self.learning_line(who, "knowledge.regression_import", "regression", "file".to_owned(), None, &detail);
        let keep = |row| Change::Learning(LearningChange::Keep(Box::new(row)));
        self.put_learnt(rows.into_iter().map(keep).chain([Change::Audit(line)]).collect()).await?;
        Ok(RegressionImported { added, same })
    }

    /// The set as a file, for whoever reads or keeps the knowledge base.
    pub(crate) async fn export_questions(&self, staff: &Staff) -> Result<Vec<RegressionLine>, WireError> {
        self.seen_units(staff)?;
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        let line =
            |RegressionRow { question, entry, item, .. }: RegressionRow| RegressionLine { question, entry, item };
        Ok(set.into_iter().rev().map(line).collect())
    }

    /// Takes a question out of the set, for whoever may edit its entry, or any entry if that is gone.
    pub(crate) async fn drop_question(&self, who: &Keeper<'_>, id: &str) -> Result<(), WireError> {
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        let row = set.into_iter().find(|row| row.id == id).ok_or_else(not_found)?;
        let entry = self.store.knowledge_entry(&row.entry).await.map_err(store_error)?;
        match &entry {
            Some(one) if self.may_keep(who.staff, Action::EditKnowledge, &one.head.unit, &one.items) => {}
            Some(_) => return Err(forbidden()),
            None => self.require_somewhere(who.staff, Action::EditKnowledge)?,
        }
        let unit = entry.as_ref().map(|entry| entry.head.unit.as_str());
        let detail = serde_json::json!({ "entry": row.entry });
        let line = self.learning_line(who, "knowledge.regression_drop", "regression", row.id.clone(), unit, &detail);
        self.put_learnt(vec![Change::Learning(LearningChange::Drop(row.id)), Change::Audit(line)]).await
    }

    /// The questions of the set that are answered rightly now and would not be if the entry said this; another one that it
    /// supersedes is gone then. What begins later is judged as if it held now.
    pub(crate) async fn lowered_by(&self, id: &str, unit: &str, content: &Content) -> Result<Vec<Lowered>, WireError> {
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        // Local detail stands beside the city's answer and is found by nothing of its own.
        if set.is_empty() || content.base.is_some() {
            return Ok(Vec::new());
        }
        let catalogue = self.catalogue();
        let (id, unit, content) = (id.to_owned(), unit.to_owned(), content.clone());
        let judged = spawn_blocking(move || {
            let before = catalogue.index();
            let put = crate::known::searched(&id, &unit, &content, catalogue.directory());
            let gone: Vec<String> = content.supersedes.iter().cloned().collect();
            let after = before.changed(vec![put], &gone);
            let worse = lowered(&set, before, &after);
            let question = |entry: &str| before.entry(entry).map(|one| one.question.clone()).unwrap_or_default();
            let told = worse.into_iter().map(|(row, result)| Lowered {
                id: row.id.clone(),
                question: row.question.clone(),
                entry: row.entry.clone(),
                entry_question: question(&row.entry),
                result,
            });
            told.collect()
        });
        judged.await.map_err(|error| internal(&error))
    }

    /// What publishing the revision that waits would lower, for whoever sees the entry.
    pub(crate) async fn lowered_by_waiting(&self, staff: &Staff, id: &str) -> Result<Vec<Lowered>, WireError> {
        let entry = self.seen_entry(staff, id).await?;
        let content = self.shown(&entry.head).await?;
        self.lowered_by(id, &entry.head.unit, &content).await
    }
}

fn too_many(field: &str) -> WireError {
    WireError::field(field, format!("the set has {LARGEST_SET} questions, as many as it may"))
}

fn check_id(field: &str, id: &str) -> Result<(), WireError> {
    let is_id = (1..=MAX_ID).contains(&id.len()) && !id.contains(char::is_control);
    if is_id { Ok(()) } else { Err(WireError::field(field, "is no id of an entry")) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1 becomes 0 to 100")]
fn percent(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u32
}

fn references(labels: &[LabelRow], members: &[usize]) -> Vec<LabelRef> {
    members.iter().map(|at| LabelRef { conversation: labels[*at].conversation, seq: labels[*at].seq }).collect()
}

fn cluster(catalogue: &Catalogue, labels: &[LabelRow], members: &[usize]) -> QuestionCluster {
    let of = || members.iter().map(|at| &labels[*at]);
    let mut words = wordings(of()).into_iter().map(|(question, _)| question.to_owned());
    let question = words.next().unwrap_or_default();
    let first = members.first().map(|at| &labels[*at]);
    let (item, unit) = first.map(|row| (row.item.clone(), row.unit.clone())).unwrap_or_default();
    let likely =
        catalogue.knowledge().like(&question, item.as_deref(), "", LIKELY).into_iter().map(|(likeness, known)| {
            LikelyEntry {
                entry: known.entry.clone(),
                question: known.content.question.clone(),
                likeness: percent(likeness),
            }
        });
    QuestionCluster {
        wordings: words.take(WORDINGS).collect(),
        item_name: catalogue.item_name(item.as_deref()),
        item,
        unit_name: catalogue.directory().unit(&unit).map_or_else(|| unit.clone(), |one| one.name.clone()),
        unit,
        not_found: count(of(), LabelKind::NotFound),
        unsolved: count(of(), LabelKind::Unsolved),
        last_at: of().map(|label| label.at).max().unwrap_or(Timestamp(0)),
        likely: likely.collect(),
        labels: references(labels, members),
        question,
    }
}

fn view(catalogue: &Catalogue, row: RegressionRow) -> RegressionView {
    let result = result(catalogue.index(), &row);
    let known = catalogue.index().entry(&row.entry);
    RegressionView {
        entry_question: known.map(|entry| entry.question.clone()).unwrap_or_default(),
        result,
        id: row.id,
        question: row.question,
        entry: row.entry,
        item: row.item,
        is_learnt: row.is_learnt,
        made_at: row.made_at,
    }
}

/// Questions with an entry that was right for them and that the set has not, those that were shown most often first.
fn growth(catalogue: &Catalogue, labels: &[LabelRow], set: &[RegressionRow]) -> Vec<ShownRight> {
    let kept: BTreeSet<(String, &str)> =
        set.iter().map(|row| (task::normalised(&row.question), row.entry.as_str())).collect();
    let mut found: BTreeMap<(String, &str), Vec<usize>> = BTreeMap::new();
    for (at, label) in labels.iter().enumerate() {
        let Some(entry) = label.entry.as_deref().filter(|entry| catalogue.index().entry(entry).is_some()) else {
            continue;
        };
        let key = (task::normalised(&label.question), entry);
        if !kept.contains(&key) {
            found.entry(key).or_default().push(at);
        }
    }
    let shown = |((_, entry), members): ((String, &str), Vec<usize>)| {
        let first = &labels[*members.first()?];
        Some(ShownRight {
            question: first.question.clone(),
            entry: entry.to_owned(),
            entry_question: catalogue.index().entry(entry)?.question.clone(),
            item: first.item.clone(),
            count: u32::try_from(members.len()).unwrap_or(u32::MAX),
            labels: references(labels, &members),
        })
    };
    let mut shown: Vec<ShownRight> = found.into_iter().filter_map(shown).collect();
    shown.sort_by_key(|one| std::cmp::Reverse(one.count));
    shown.truncate(GROWTH);
    shown
}
