//! Conversations that supervisors look for in their units. Words are compared with what the reader may see: whoever
//! searches for a telephone number that is masked for them does not learn in which thread it stands.

use bangban_domain::{ConversationId, conversation, org::Directory, rights::Action};
use bangban_protocol::{
    ActionOutcome, ErrorCode, FoundConversation, FoundConversations, FoundWords, ThreadBody, ThreadEntry, Transcript,
    WireError,
};
use bangban_store::{ConversationRow, Lane, Wanted};

use super::{App, not_found, store_error, thread_entry};
use crate::{
    auth::{Principal, Staff},
    masking::seen_by,
};

/// Conversations of one page.
const PAGE: usize = 20;

/// So many are read at once ...
const READ: u32 = 50;

/// ... and so many for one page at most: of a word that is masked everywhere, no page shows anything.
const LOOKED_AT: usize = 500;

/// Entries of one conversation that are looked at for a word.
const ENTRIES: u32 = 20;

/// Letters around the word.
const AROUND: usize = 30;

/// What is looked for beside the store's own conditions.
pub(crate) struct Search {
    /// As the store takes it; `before` and `teams` are set here.
    pub(crate) wanted: Wanted,
    /// Code of the team; empty: all that one may read.
    pub(crate) team: String,
    /// Those that come after this one.
    pub(crate) before: Option<ConversationId>,
}

impl App {
    /// One page of the conversations that one may read, the newest first.
    ///
    /// # Errors
    /// `forbidden`, `not_found` for `before`, and whatever the store says.
    pub(crate) async fn find(&self, staff: &Staff, search: Search) -> Result<FoundConversations, WireError> {
        self.require_somewhere(staff, Action::ReadConversations)?;
        let Search { mut wanted, team, before } = search;
        if let Some(id) = before {
            let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
            wanted.before = Some((row.opened_at, row.id));
        }
        wanted.teams = self.teams_read_by(staff, &team);
        let mut found = Vec::new();
        let mut looked_at = 0;
        loop {
            let rows = self.store.find_conversations(&wanted, READ).await.map_err(store_error)?;
            let is_last = rows.len() < READ as usize;
            for row in rows {
                looked_at += 1;
                wanted.before = Some((row.opened_at, row.id));
                if let Some(one) = self.found(staff, row, wanted.word.as_deref()).await? {
                    found.push(one);
                }
                if found.len() == PAGE || looked_at == LOOKED_AT {
                    return Ok(FoundConversations { next: wanted.before.map(|(_, id)| id), conversations: found });
                }
            }
            if is_last {
                return Ok(FoundConversations { conversations: found, next: None });
            }
        }
    }

    /// The teams whose conversations are looked for: those that there are may have another right by item, so each row is
    /// judged again. `None`: all.
    fn teams_read_by(&self, staff: &Staff, team: &str) -> Option<Vec<String>> {
        if !team.is_empty() {
            return Some(vec![team.to_owned()]);
        }
        let scopes = self.scopes(staff, Action::ReadConversations);
        if scopes.contains(&None) {
            return None;
        }
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let is_below = |directory: &Directory, unit: &str| {
            directory.above(unit).iter().any(|above| scopes.contains(&Some(above.clone())))
        };
        let teams = directory.teams().filter(|(_, team)| is_below(directory, &team.unit));
        Some(teams.map(|(code, _)| code.to_owned()).collect())
    }

    /// The conversation, if it may be read and has the word for the reader.
    async fn found(
        &self,
        staff: &Staff,
        row: ConversationRow,
        word: Option<&str>,
    ) -> Result<Option<FoundConversation>, WireError> {
        let live = self.shared.live.get(&row.id).map(|live| live.view.team.clone());
        let team = live.unwrap_or_else(|| row.team.clone());
        if !self.rights.reads_team(staff.id, &team, row.item.as_deref()) {
            return Ok(None);
        }
        let words = match word {
            Some(word) => match self.words_in(staff, row.id, word).await? {
                Some(words) => Some(words),
                None => return Ok(None),
            },
            None => None,
        };
        let catalogue = self.catalogue();
        let team_name = catalogue.team(&team).and_then(|id| catalogue.team_at(id)).map(|view| view.name.clone());
        Ok(Some(FoundConversation {
            id: row.id,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            stage: row.stage,
            outcome: row.outcome,
            channel: row.channel,
            team_name: team_name.unwrap_or(team),
            item_name: catalogue.item_name(row.item.as_deref()),
            agent_name: row.agent.and_then(|agent| self.accounts.name(agent)),
            stars: row.stars,
            words,
        }))
    }

    async fn words_in(&self, staff: &Staff, id: ConversationId, word: &str) -> Result<Option<FoundWords>, WireError> {
        let who = Principal::Staff(staff.clone());
        for row in self.store.entries_with(id, word, ENTRIES).await.map_err(store_error)? {
            let seen = seen_by(&who, thread_entry(row)?);
            if let Some(text) = texts(&seen.body).into_iter().find_map(|text| around(text, word)) {
                return Ok(Some(FoundWords { seq: seen.seq, text }));
            }
        }
        Ok(None)
    }

    /// A thread as staff may read it, with its notes; the look is in the audit log.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, and whatever the store says.
    pub(crate) async fn transcript(
        &self,
        staff: &Staff,
        id: ConversationId,
        before: u64,
    ) -> Result<Transcript, WireError> {
        let who = Principal::Staff(staff.clone());
        let (row, view) = self.readable(&who, id).await?;
        self.tell_look(staff, &row, &view, "conversation.read", serde_json::json!({})).await?;
        let read = async |lane, before| {
            let rows = self.store.entries_before(id, lane, before, 100).await.map_err(store_error)?;
            let entries = rows.into_iter().map(|row| Ok(seen_by(&who, thread_entry(row)?)));
            entries.collect::<Result<Vec<ThreadEntry>, WireError>>()
        };
        let entries = read(Lane::Public, before).await?;
        let more = entries.first().is_some_and(|entry| entry.seq > 1);
        let conversation = self.found(staff, row, None).await?;
        Ok(Transcript {
            // Whoever serves it may read it too, and finds it in the console.
            conversation: conversation.ok_or_else(|| WireError::new(ErrorCode::Forbidden, "not one of your units"))?,
            entries,
            more,
            notes: read(Lane::Notes, u64::MAX).await?,
        })
    }
}

/// What is said in an entry, as far as it is words.
fn texts(body: &ThreadBody) -> Vec<&str> {
    match body {
        ThreadBody::Text { text, .. } => vec![text],
        ThreadBody::Image { name, .. } | ThreadBody::File { name, .. } => vec![name],
        ThreadBody::BotAnswer { question, text, rephrased, .. } => [question, text]
            .into_iter()
            .chain(rephrased.as_ref().map(|words| &words.text))
            .map(String::as_str)
            .collect(),
        ThreadBody::BotClarify { options, .. } => options.iter().map(|option| option.question.as_str()).collect(),
        ThreadBody::GuideStarted { item_name, .. } => vec![item_name],
        ThreadBody::GuideStepped { question, label, .. } => vec![question, label],
        ThreadBody::GuideAsked { text, .. } => vec![text],
        ThreadBody::ActionStarted { item_name, .. } => vec![item_name],
        ThreadBody::ActionStepped { label, .. } => vec![label],
        ThreadBody::ActionEnded { walk, outcome } => match outcome {
            ActionOutcome::Done { appointment } => {
                vec![&appointment.number, &appointment.item_name, &appointment.hall_name]
            }
            ActionOutcome::Progress { case } => vec![&case.number, &case.item_name, &case.step],
            _ => vec![&walk.item_name],
        },
        ThreadBody::GuideChecklist { checklist, .. } => {
            let lines = checklist.conditions.iter().chain(&checklist.materials);
            lines.map(|line| line.name.as_str()).chain([checklist.name.as_str()]).collect()
        }
        _ => Vec::new(),
    }
}

/// The first place of the word, whatever its case, with what stands around it; on one line.
fn around(text: &str, word: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let lower = |letters: &[char]| letters.iter().flat_map(|letter| letter.to_lowercase()).collect::<String>();
    let wanted = word.to_lowercase();
    let length = word.chars().count();
    let at = letters.windows(length.max(1)).position(|part| lower(part) == wanted)?;
    let (begin, end) = (at.saturating_sub(AROUND), (at + length + AROUND).min(letters.len()));
    let mut shown = String::new();
    if begin > 0 {
        shown.push('…');
    }
    shown.extend(letters[begin..end].iter().map(|letter| if letter.is_whitespace() { ' ' } else { *letter }));
    if end < letters.len() {
        shown.push('…');
    }
    Some(shown)
}

/// A word to look for.
///
/// # Errors
/// Names `q`.
pub(crate) fn searched(text: &str) -> Result<Option<String>, WireError> {
    match text.trim() {
        "" => Ok(None),
        word => conversation::text("q", word, MAX_WORD).map(|word| Some(word.to_owned())).map_err(super::invalid),
    }
}

/// Longest word that is looked for, in characters.
const MAX_WORD: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_shown_with_what_stands_around_it() {
        let long = format!("{}居住证{}", "前".repeat(40), "后".repeat(40));
        for (text, word, expected) in [
            ("办居住证要什么材料", "居住证", Some("办居住证要什么材料".to_owned())),
            ("First line\nSecond LINE", "second line", Some("First line Second LINE".to_owned())),
            (&long, "居住证", Some(format!("…{}居住证{}…", "前".repeat(30), "后".repeat(30)))),
            ("电话 138****0001", "13800138001", None),
            ("", "x", None),
        ] {
            assert_eq!(around(text, word), expected, "{text} {word}");
        }
    }
}
