//! What is built in for `serve --demo`: Shanghai with its districts and the departments of the demo items, teams, items,
//! staff, answers and prepared texts. Only an organisation that nobody has begun to fill is filled with it.

use std::{collections::HashMap, sync::Arc};

use bangban_domain::{
    AgentId, Timestamp,
    guide::Guide,
    knowledge::{Content, Head, Origin, RevisionState, Span},
    org::{Audience, Body, Directory, Kind, Record},
    words::Role,
};
use bangban_search::Entry;
use bangban_store::{
    Change, GuideChange, GuideRevision, GuideRow, KnowledgeChange, KnowledgeEntry, KnowledgeRevision, Store, Unit,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::make;
use crate::known::Knowledge;

/// A member of the demo staff.
#[derive(Debug, Clone, Deserialize)]
pub struct DemoStaff {
    /// Staff number.
    pub login: String,
    /// Display name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Conversations at once.
    pub capacity: u32,
    /// Team codes.
    pub teams: Vec<String>,
}

#[derive(Deserialize)]
struct StaffFile {
    teams: Vec<Map<String, Value>>,
    staff: Vec<DemoStaff>,
}

fn staff_file() -> anyhow::Result<StaffFile> {
    Ok(serde_json::from_str(include_str!("../../../../config/demo/staff.json"))?)
}

/// The demo accounts.
///
/// # Errors
/// If the file cannot be read.
pub fn demo_staff() -> anyhow::Result<Vec<DemoStaff>> {
    Ok(staff_file()?.staff)
}

/// The demo answers as they stand in the file.
fn entries() -> anyhow::Result<Vec<Entry>> {
    Ok(serde_json::from_str(include_str!("../../../../config/demo/entries.json"))?)
}

/// The demo answers as published entries of the items' departments.
fn published(directory: &Directory, now: Timestamp) -> anyhow::Result<Vec<(KnowledgeEntry, KnowledgeRevision)>> {
    let one = |entry: Entry| {
        let item =
            directory.item(&entry.item).ok_or_else(|| anyhow::anyhow!("{}: no item {}", entry.id, entry.item))?;
        let audience = Audience::parse(&entry.audience).unwrap_or(Audience::Both);
        let content = Content {
            question: entry.question,
            similar: entry.similar,
            answer: entry.answer,
            spoken: String::new(),
            items: vec![entry.item],
            situations: Vec::new(),
            districts: Vec::new(),
            audience,
            source: entry.source,
            clause: String::new(),
            valid_from: None,
            valid_to: None,
            supersedes: None,
            base: None,
            files: Vec::new(),
        };
        content.check().map_err(|error| anyhow::anyhow!("{}: {error}", entry.id))?;
        let mut head = Head::new(entry.id.clone(), item.department.clone());
        (head.open, head.live) = (None, Some(Span { no: 1, from: now, to: None }));
        let revision = KnowledgeRevision {
            entry: entry.id,
            no: 1,
            state: RevisionState::Published,
            content,
            authors: Vec::new(),
            reviewer: None,
            reason: None,
            task: None,
            made_at: now,
            saved_at: now,
            submitted_at: None,
            decided_at: Some(now),
        };
        let (question, items) = (revision.content.question.clone(), revision.content.items.clone());
        let origin = Origin::Demo;
        let entry = KnowledgeEntry { head, origin, question, items, sources: 0, created_at: now, changed_at: now };
        Ok((entry, revision))
    };
    entries()?.into_iter().map(one).collect()
}

/// What the demo knows, for who has no store.
///
/// # Errors
/// If the file cannot be read.
pub fn knowledge(directory: &Directory) -> anyhow::Result<Knowledge> {
    let now = Timestamp(0);
    let entries = published(directory, now)?.into_iter();
    let kept = entries.map(|(entry, revision)| (entry.head.id.clone(), Arc::new((entry, vec![revision]))));
    Ok(Knowledge::at(&kept.collect(), directory, now))
}

/// The demo's answers, if there never was an entry.
///
/// # Errors
/// Whatever the store says.
pub async fn seed_knowledge(store: &Store, directory: &Directory, now: Timestamp) -> anyhow::Result<()> {
    if store.knowledge_changed(0).await?.0 > 0 {
        return Ok(());
    }
    let steps = published(directory, now)?.into_iter().map(|(entry, revision)| {
        let shown = Box::new(revision.content.clone());
        Change::Knowledge(KnowledgeChange::Step { entry: Box::new(entry), revision: Some(Box::new(revision)), shown })
    });
    store.commit(Unit { changes: steps.collect(), ..Unit::default() }).await?;
    Ok(())
}

/// A guided dialogue as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoGuide {
    item: String,
    content: Guide,
}

/// The demo's guided dialogues as published ones, if there never was one.
///
/// # Errors
/// Names the item and what in its guide is wrong; whatever the store says.
pub async fn seed_guides(store: &Store, directory: &Directory, now: Timestamp) -> anyhow::Result<()> {
    if store.guides_in_force(Some(0)).await?.is_some() {
        return Ok(());
    }
    let file: Vec<DemoGuide> = serde_json::from_str(include_str!("../../../../config/demo/guides.json"))?;
    let change = |DemoGuide { item, content }: DemoGuide| {
        let known = directory.item(&item).ok_or_else(|| anyhow::anyhow!("no item {item}"))?;
        content
            .check()
            .and_then(|()| content.check_item(known, directory))
            .map_err(|error| anyhow::anyhow!("{item}: {error}"))?;
        let mut head = Head::new(item.clone(), String::new());
        (head.open, head.live) = (None, Some(Span { no: 1, from: now, to: None }));
        let revision = GuideRevision {
            item,
            no: 1,
            state: RevisionState::Published,
            content,
            authors: Vec::new(),
            reviewer: None,
            reason: None,
            made_at: now,
            saved_at: now,
            submitted_at: None,
            decided_at: Some(now),
        };
        let guide = GuideRow { head, origin: Origin::Demo, created_at: now, changed_at: now };
        Ok(Change::Guide(GuideChange { guide: Box::new(guide), revision: Some(Box::new(revision)) }))
    };
    let changes = file.into_iter().map(change).collect::<anyhow::Result<Vec<_>>>()?;
    store.commit(Unit { changes, ..Unit::default() }).await?;
    Ok(())
}

/// Entries that the demo suggests on pages without an item, as long as nothing was counted: made up.
///
/// # Errors
/// If the file cannot be read.
pub fn frequent() -> anyhow::Result<Vec<String>> {
    Ok(serde_json::from_str(include_str!("../../../../config/demo/frequent.json"))?)
}

/// Records with their codes.
type Coded = Vec<(String, Body)>;

/// Records as they stand in the files: the body with its `code`.
fn coded(kind: Kind, list: Vec<Map<String, Value>>) -> anyhow::Result<Coded> {
    let one = |mut fields: Map<String, Value>| {
        let code = fields.remove("code").and_then(|code| code.as_str().map(str::to_owned));
        let code = code.ok_or_else(|| anyhow::anyhow!("a {kind} without code"))?;
        let body = Body::read(kind, Value::Object(fields));
        Ok((code.clone(), body.map_err(|error| anyhow::anyhow!("{kind} {code}: {error}"))?))
    };
    list.into_iter().map(one).collect()
}

/// The demo's records, kind by kind, those that others refer to first.
fn records() -> anyhow::Result<[(Kind, Coded); 7]> {
    let units = serde_json::from_str(include_str!("../../../../config/demo/units.json"))?;
    let items = serde_json::from_str(include_str!("../../../../config/demo/items.json"))?;
    let numbers = serde_json::from_str(include_str!("../../../../config/demo/numbers.json"))?;
    let canned = serde_json::from_str(include_str!("../../../../config/demo/canned.json"))?;
    let cards = serde_json::from_str(include_str!("../../../../config/demo/score_cards.json"))?;
    let plans = serde_json::from_str(include_str!("../../../../config/demo/sample_plans.json"))?;
    Ok([
        (Kind::Unit, coded(Kind::Unit, units)?),
        (Kind::Team, coded(Kind::Team, staff_file()?.teams)?),
        (Kind::Item, coded(Kind::Item, items)?),
        (Kind::TransferNumber, coded(Kind::TransferNumber, numbers)?),
        (Kind::CannedAnswer, coded(Kind::CannedAnswer, canned)?),
        (Kind::ScoreCard, coded(Kind::ScoreCard, cards)?),
        (Kind::SamplePlan, coded(Kind::SamplePlan, plans)?),
    ])
}

/// The demo's records as a directory, for who has no store.
///
/// # Errors
/// If a file cannot be read.
pub fn directory() -> anyhow::Result<Directory> {
    let all = records()?.into_iter().flat_map(|(_, records)| records.into_iter().zip(0..));
    let record = |((id, body), no)| Record { id, no, version: 1, changed_at: Timestamp(0), body };
    Ok(Directory::new(all.map(record)))
}

/// The demo's roster, once its staff is there, if nobody has begun one.
///
/// # Errors
/// Whatever the store says.
pub async fn seed_roster(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    if !store.records(Kind::Shift).await?.is_empty() {
        return Ok(());
    }
    let staff: HashMap<String, AgentId> =
        store.staff().await?.into_iter().map(|member| (member.login, member.id)).collect();
    let shifts: Vec<Map<String, Value>> = serde_json::from_str(include_str!("../../../../config/demo/shifts.json"))?;
    let with_agent = |mut shift: Map<String, Value>| {
        let agent = staff.get(shift.remove("login")?.as_str()?)?;
        shift.insert("agent".to_owned(), agent.to_string().into());
        Some(shift)
    };
    let shifts = coded(Kind::Shift, shifts.into_iter().filter_map(with_agent).collect())?;
    make(store, shifts, now, "organisation.demo").await
}

/// Fills an empty organisation; kinds of which there is something stay as they are.
///
/// # Errors
/// Whatever the store says.
pub async fn seed(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    for (kind, records) in records()? {
        if store.records(kind).await?.is_empty() {
            make(store, records, now, "organisation.demo").await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bangban_domain::org::{CITY, GENERAL, UnitKind};

    use super::*;

    #[test]
    fn the_demo_organisation_is_consistent() {
        let directory = directory().unwrap();
        assert_eq!(directory.problems().collect::<Vec<_>>(), []);
        for (id, body) in records().unwrap().into_iter().flat_map(|(_, records)| records) {
            assert_eq!(body.check(), Ok(()), "{id}");
        }
        assert_eq!(directory.units().filter(|(_, unit)| unit.kind == UnitKind::District).count(), 16);
        assert_eq!(directory.items().count(), 520, "DOMAIN rule 4");
        assert_eq!(directory.units().next().map(|(code, _)| code), Some(CITY));
        assert!(directory.transfer_numbers().all(|(_, number)| number.label.starts_with("演示号码（虚构）")));
        assert_eq!(directory.team_of(None), GENERAL);
        assert_eq!(directory.team_of(Some("residence-permit")), "residence");
        for (code, unit) in directory.units().filter(|(code, _)| *code != CITY) {
            assert_eq!(directory.above(code).last().map(String::as_str), Some(CITY), "{code} {unit:?}");
        }
    }

    #[test]
    fn every_demo_team_is_staffed_twice_and_every_answer_has_its_item() {
        let (directory, staff) = (directory().unwrap(), demo_staff().unwrap());
        for (code, _) in directory.teams() {
            assert!(staff.iter().filter(|member| member.teams.iter().any(|team| team == code)).count() >= 2, "{code}");
        }
        for member in &staff {
            for team in &member.teams {
                assert!(directory.team(team).is_some(), "{}: {team}", member.login);
            }
        }
        for (code, _) in directory.teams() {
            let own =
                directory.canned_answers_of(&[code.to_owned()]).into_iter().filter(|(_, one)| !one.teams.is_empty());
            assert!(own.count() >= 4, "{code} has prepared texts of its own");
        }
        let all = entries().unwrap();
        for frequent in frequent().unwrap() {
            assert!(all.iter().any(|entry| entry.id == frequent), "{frequent}");
        }
        for entry in all {
            assert!(directory.item(&entry.item).is_some(), "{}: {}", entry.id, entry.item);
        }
    }
}
