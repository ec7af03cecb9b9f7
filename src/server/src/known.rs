//! What 小申 and the agents know at one moment: the entries that are in force, as an index and beside it what an answer is made
//! of. It never changes; [`crate::organisation::Organisation`] makes the next one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bangban_domain::{
    Timestamp,
    knowledge::{AnswerFile, Content, Origin, plain},
    org::{Directory, UnitKind},
};
use bangban_protocol::{EntryMark, KnowledgeHit};
use bangban_search::{Entry, Filter, Index};
use bangban_store::{KnowledgeEntry, KnowledgeRevision};

use crate::bot_settings::BotSettings;

/// An entry with those of its revisions that hold, will hold, or are candidates.
pub type Kept = Arc<(KnowledgeEntry, Vec<KnowledgeRevision>)>;

/// Entries by id.
pub type Entries = BTreeMap<String, Kept>;

/// An entry's revision that one may answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which entry.
    pub entry: String,
    /// Which revision.
    pub revision: u32,
    /// Since when it holds; of a candidate, since when it waits.
    pub since: Timestamp,
    /// When it ends to hold, if that is known.
    pub until: Option<Timestamp>,
    /// Who owns the answer.
    pub unit: String,
    /// A second person has reviewed it.
    pub is_reviewed: bool,
    /// What it says.
    pub content: Content,
}

impl Known {
    /// Pictures and documents that go with the answer; of one that nobody has reviewed none, because only staff may see them.
    #[must_use]
    pub fn files(&self) -> Vec<AnswerFile> {
        if self.is_reviewed { self.content.files.clone() } else { Vec::new() }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Knowledge {
    /// What 小申 answers from.
    index: Index,
    /// What waits for its review: for agents only.
    candidates: Index,
    by_id: Arc<HashMap<String, Known>>,
    /// Local details by the city's entry: district and text.
    details: Arc<HashMap<String, Vec<(String, Known)>>>,
    /// What the indexes are read and judged by.
    settings: BotSettings,
    /// When something begins or ends to hold.
    next_change: Option<Timestamp>,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self::at(&Entries::new(), &Directory::default(), Timestamp(0))
    }
}

/// What holds of an entry at an instant; else what waits, if an agent wrote it back.
fn known((entry, revisions): &(KnowledgeEntry, Vec<KnowledgeRevision>), at: Timestamp) -> Option<Known> {
    let head = &entry.head;
    let span = head.in_force(at);
    let is_candidate = entry.origin == Origin::WriteBack && head.live.is_none() && !head.is_retired(at);
    let no = span.map(|span| span.no).or_else(|| head.open.filter(|_| is_candidate).map(|(no, _)| no))?;
    let revision = revisions.iter().find(|one| one.no == no)?;
    Some(Known {
        entry: head.id.clone(),
        revision: no,
        since: span.map_or(revision.saved_at, |span| span.from),
        until: span.and_then(|span| span.to),
        unit: head.unit.clone(),
        is_reviewed: span.is_some(),
        content: revision.content.clone(),
    })
}

impl Knowledge {
    /// Takes a while: not on the runtime's threads.
    #[must_use]
    pub fn at(entries: &Entries, directory: &Directory, at: Timestamp) -> Self {
        Self::made(None, &BotSettings::default(), entries, directory, at)
    }

    /// The same made anew from the begin: other items, or called otherwise.
    #[must_use]
    pub fn anew(&self, entries: &Entries, directory: &Directory, at: Timestamp) -> Self {
        Self::made(None, &self.settings, entries, directory, at)
    }

    /// What follows on this one when other entries hold and the items are the same: quicker where few have changed.
    #[must_use]
    pub fn then(&self, entries: &Entries, directory: &Directory, at: Timestamp) -> Self {
        Self::made(Some(self), &self.settings, entries, directory, at)
    }

    /// The same by other thresholds and words: only entries that have a word that is read otherwise are read anew.
    #[must_use]
    pub fn by(&self, settings: BotSettings) -> Self {
        let of = |index: &Index| index.reworded(&settings.words).with_model(Arc::clone(&settings.model));
        Self { index: of(&self.index), candidates: of(&self.candidates), settings, ..self.clone() }
    }

    /// What the indexes are read and judged by.
    #[must_use]
    pub const fn settings(&self) -> &BotSettings {
        &self.settings
    }

    fn made(
        before: Option<&Self>,
        settings: &BotSettings,
        entries: &Entries,
        directory: &Directory,
        at: Timestamp,
    ) -> Self {
        let named = directory.items().flat_map(|(code, item)| {
            let names = std::iter::once(&item.name).chain(&item.aliases);
            names.map(move |name| (code.to_owned(), name.clone()))
        });
        let names: Vec<(String, String)> = named.collect();
        let (mut by_id, mut details) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        let (mut bot, mut waiting) = (Vec::new(), Vec::new());
        for one in entries.values().filter_map(|kept| known(kept, at)) {
            if let (Some(base), Some(district)) = (&one.content.base, one.content.districts.first()) {
                if one.is_reviewed {
                    details.entry(base.clone()).or_default().push((district.clone(), one));
                }
                continue;
            }
            let at_once = directory.unit(&one.unit).is_some_and(|unit| unit.answers_at_once);
            let list = if one.is_reviewed || at_once { &mut bot } else { &mut waiting };
            list.push(found_by(&one, directory));
            by_id.insert(one.entry.clone(), one);
        }
        let index = |before: Option<&Index>, entries| match before {
            Some(before) => before.updated(entries, &names),
            None => Index::worded(entries, &names, &settings.words).with_model(Arc::clone(&settings.model)),
        };
        Self {
            index: index(before.map(|before| &before.index), bot),
            candidates: index(before.map(|before| &before.candidates), waiting),
            by_id: Arc::new(by_id),
            details: Arc::new(details),
            settings: settings.clone(),
            next_change: entries.values().filter_map(|kept| kept.0.head.next_change(at)).min(),
        }
    }

    /// What 小申 answers from.
    #[must_use]
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// When another [`Knowledge::at`] differs from this one, if nobody changes anything.
    #[must_use]
    pub const fn next_change(&self) -> Option<Timestamp> {
        self.next_change
    }

    /// An entry that agents may use; 小申 only those of [`Knowledge::index`].
    #[must_use]
    pub fn get(&self, entry: &str) -> Option<&Known> {
        self.by_id.get(entry)
    }

    /// What districts add to an entry, by the codes of the districts.
    pub fn details(&self, entry: &str) -> impl Iterator<Item = (&str, &Known)> {
        self.details.get(entry).into_iter().flatten().map(|(district, known)| (district.as_str(), known))
    }

    /// What an agent finds: what is in force first where both are as near, then what waits for its review.
    #[must_use]
    pub fn search(&self, query: &str, item: Option<&str>, limit: usize, directory: &Directory) -> Vec<KnowledgeHit> {
        let found = |index: &Index| -> Vec<(f64, String)> {
            let hits = index.search(query, item, limit);
            hits.iter().filter_map(|hit| Some((hit.confidence, hit.entry_in(index)?.id.clone()))).collect()
        };
        let mut all = found(&self.index);
        all.extend(found(&self.candidates));
        // Stable: of equal ones what is in force stands first.
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(limit);
        all.iter().filter_map(|(_, id)| self.get(id)).map(|one| hit(one, query, directory)).collect()
    }

    /// An entry as an agent finds it; `query`: what it was looked for with.
    #[must_use]
    pub fn hit(&self, entry: &str, query: &str, directory: &Directory) -> Option<KnowledgeHit> {
        self.get(entry).map(|one| hit(one, query, directory))
    }

    /// Other entries whose question is like this one, in force and waiting, with how much: for whoever saves the entry `own`.
    #[must_use]
    pub fn like(&self, question: &str, item: Option<&str>, own: &str, limit: usize) -> Vec<(f64, &Known)> {
        let filter = Filter { without: Some(own), ..Filter::default() };
        let of = |index: &Index| -> Vec<(f64, String)> {
            let hits = index.search_within(question, item, &filter, limit);
            hits.iter().filter_map(|hit| Some((hit.confidence, hit.entry_in(index)?.id.clone()))).collect()
        };
        let all = of(&self.index).into_iter().chain(of(&self.candidates));
        all.filter_map(|(likeness, id)| Some((likeness, self.get(&id)?))).collect()
    }
}

/// A known entry as the index takes it.
fn found_by(one: &Known, directory: &Directory) -> Entry {
    Entry {
        from: one.is_reviewed.then_some(one.since.0),
        until: one.until.map(|until| until.0),
        ..searched(&one.entry, &one.unit, &one.content, directory)
    }
}

/// What an entry says as the index takes it, without begin and end.
#[must_use]
pub fn searched(id: &str, unit: &str, content: &Content, directory: &Directory) -> Entry {
    Entry {
        id: id.to_owned(),
        question: content.question.clone(),
        similar: content.similar.clone(),
        answer: content.answer.clone(),
        item: content.items.first().cloned().unwrap_or_default(),
        department: directory.unit(unit).map(|unit| unit.name.clone()).unwrap_or_default(),
        audience: content.audience.as_str().to_owned(),
        source: content.source.clone(),
        // A city's answer holds everywhere; what a district adds to it stands beside it and is no entry of its own.
        districts: content.districts.clone(),
        from: None,
        until: None,
    }
}

/// Source and clause as people read them.
#[must_use]
pub fn source_of(content: &Content) -> String {
    if content.clause.is_empty() { content.source.clone() } else { format!("{} {}", content.source, content.clause) }
}

/// The district that a text names: 徐汇区 or 徐汇. The longest name counts.
#[must_use]
pub fn district_in<'a>(text: &str, directory: &'a Directory) -> Option<&'a str> {
    let districts = directory.units().filter(|(_, unit)| unit.kind == UnitKind::District);
    let named = districts.filter_map(|(code, unit)| {
        let short = unit.name.strip_suffix('区').or_else(|| unit.name.strip_suffix("新区")).unwrap_or(&unit.name);
        let short = short.strip_suffix('新').unwrap_or(short);
        (short.chars().count() >= 2 && text.contains(short)).then_some((short.len(), code))
    });
    named.max().map(|(_, code)| code)
}

fn hit(one: &Known, query: &str, directory: &Directory) -> KnowledgeHit {
    let item = one.content.items.first().and_then(|item| directory.item(item));
    KnowledgeHit {
        entry: one.entry.clone(),
        revision: one.revision,
        question: one.content.question.clone(),
        // Messages are plain text.
        answer: plain(&one.content.answer),
        source: source_of(&one.content),
        item_name: item.map(|item| item.name.clone()),
        mark: if one.is_reviewed { EntryMark::Official } else { EntryMark::Waiting },
        matched: bangban_search::matched(query, &one.content.question),
        files: one.files(),
    }
}

#[cfg(test)]
pub mod testing {
    //! Entries that are in force.

    use bangban_domain::knowledge::{Head, RevisionState, Span};

    use super::*;

    /// In force since the begin of time.
    pub fn published(id: &str, content: Content) -> Kept {
        let mut head = Head::new(id.to_owned(), "city".to_owned());
        (head.open, head.live) = (None, Some(Span { no: 1, from: Timestamp(0), to: None }));
        let revision = KnowledgeRevision {
            entry: id.to_owned(),
            no: 1,
            state: RevisionState::Published,
            content,
            authors: Vec::new(),
            reviewer: None,
            reason: None,
            task: None,
            made_at: Timestamp(0),
            saved_at: Timestamp(0),
            submitted_at: None,
            decided_at: Some(Timestamp(0)),
        };
        let entry = KnowledgeEntry {
            head,
            origin: Origin::Editor,
            question: revision.content.question.clone(),
            items: revision.content.items.clone(),
            sources: 0,
            created_at: Timestamp(0),
            changed_at: Timestamp(0),
        };
        Arc::new((entry, vec![revision]))
    }
}
