//! Items, teams and official answers, checked when they are read. The demo catalogue is built in.

use std::collections::HashMap;

use bangban_domain::TeamId;
use bangban_protocol::{BotOption, KnowledgeHit, TeamView};
use bangban_search::{Entry, Index};
use serde::Deserialize;

use crate::organisation::DemoStaff;

/// One service item.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// What citizens call it.
    pub aliases: Vec<String>,
    /// Owner.
    pub department: String,
    /// Whose queue.
    pub team: String,
    /// One of the 520?
    pub high_frequency: bool,
    /// Offers a virtual window?
    pub virtual_window: bool,
}

#[derive(Deserialize)]
struct StaffFile {
    teams: Vec<TeamView>,
    staff: Vec<DemoStaff>,
}

/// What the desk and the bot look things up in.
pub struct Catalogue {
    items: HashMap<String, Item>,
    teams: Vec<TeamView>,
    team_ids: HashMap<String, TeamId>,
    index: Index,
    /// Demo accounts.
    pub staff: Vec<DemoStaff>,
}

/// Whoever asks without an item goes here.
const GENERAL: &str = "general";

impl Catalogue {
    /// The demo catalogue.
    ///
    /// # Errors
    /// Names the file and what in it is wrong.
    pub fn demo() -> anyhow::Result<Self> {
        let items: Vec<Item> = serde_json::from_str(include_str!("../../../config/demo/items.json"))?;
        let entries: Vec<Entry> = serde_json::from_str(include_str!("../../../config/demo/entries.json"))?;
        let StaffFile { teams, staff } = serde_json::from_str(include_str!("../../../config/demo/staff.json"))?;
        let known = |code: &str| teams.iter().any(|team| team.code == code);
        anyhow::ensure!(known(GENERAL), "staff.json: teams: {GENERAL} is missing");
        for item in &items {
            anyhow::ensure!(known(&item.team), "items.json: {}: unknown team {}", item.code, item.team);
        }
        for member in &staff {
            for team in &member.teams {
                anyhow::ensure!(known(team), "staff.json: {}: unknown team {team}", member.login);
            }
        }
        for entry in &entries {
            let item = items.iter().any(|item| item.code == entry.item);
            anyhow::ensure!(item, "entries.json: {}: unknown item {}", entry.id, entry.item);
        }
        let called = |item: &Item| {
            let names = std::iter::once(&item.name).chain(&item.aliases);
            names.map(|name| (item.code.clone(), name.clone())).collect::<Vec<_>>()
        };
        let names: Vec<(String, String)> = items.iter().flat_map(called).collect();
        let index = Index::with_names(entries, &names);
        let items = items.into_iter().map(|item| (item.code.clone(), item)).collect();
        let ids = teams.iter().zip(0..).map(|(team, n)| (team.code.clone(), TeamId(n))).collect();
        Ok(Self { items, teams, team_ids: ids, index, staff })
    }

    /// An item.
    #[must_use]
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.get(code)
    }

    /// All items.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// All teams; a [`TeamId`] is the position here.
    #[must_use]
    pub fn teams(&self) -> &[TeamView] {
        &self.teams
    }

    /// A team's position.
    #[must_use]
    pub fn team(&self, code: &str) -> Option<TeamId> {
        self.team_ids.get(code).copied()
    }

    /// The team at a position.
    #[must_use]
    pub fn team_at(&self, id: TeamId) -> Option<&TeamView> {
        self.teams.get(usize::from(id.0))
    }

    /// The code of the team that serves an item.
    #[must_use]
    pub fn team_of(&self, item: Option<&str>) -> &str {
        item.and_then(|code| self.items.get(code)).map_or(GENERAL, |item| &item.team)
    }

    /// The bot's index.
    #[must_use]
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// Questions that the bot suggests at the begin.
    #[must_use]
    pub fn suggestions(&self, item: Option<&Item>) -> Vec<BotOption> {
        let Some(item) = item else { return Vec::new() };
        let hits = self.index.search(&item.name, Some(&item.code), 4);
        hits.iter()
            .filter_map(|hit| hit.entry_in(&self.index))
            .filter(|entry| entry.item == item.code)
            .map(|entry| BotOption { entry: entry.id.clone(), question: entry.question.clone() })
            .collect()
    }

    /// What an agent finds.
    #[must_use]
    pub fn search(&self, query: &str, item: Option<&str>, limit: usize) -> Vec<KnowledgeHit> {
        let hits = self.index.search(query, item, limit);
        hits.iter().filter_map(|hit| hit.entry_in(&self.index)).map(|entry| self.hit(entry)).collect()
    }

    fn hit(&self, entry: &Entry) -> KnowledgeHit {
        KnowledgeHit {
            entry: entry.id.clone(),
            question: entry.question.clone(),
            answer: entry.answer.clone(),
            source: entry.source.clone(),
            item_name: self.item(&entry.item).map(|item| item.name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_catalogue_is_consistent_and_every_team_is_staffed_twice() {
        let catalogue = Catalogue::demo().unwrap();
        assert!(catalogue.items().count() >= 40);
        assert!(catalogue.index().len() >= 80);
        for team in catalogue.teams() {
            let staff = catalogue.staff.iter().filter(|member| member.teams.contains(&team.code)).count();
            assert!(staff >= 2, "{} has {staff}", team.code);
        }
        assert_eq!(catalogue.team_of(Some("residence-permit")), "residence");
        assert_eq!(catalogue.team_of(None), "general");
    }
}
