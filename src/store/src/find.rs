//! Conversations that somebody looks for: by when, whose, how they ended, and by words in their threads.

use bangban_domain::{AgentId, ConversationId, Timestamp, words::Outcome};
use sqlx::AssertSqlSafe;

use crate::{
    ConversationRow, EntryRow, Store, StoreError,
    read::{conversation, entry, select_conversation},
    sql::one_of_teams,
};

/// What is looked for; what is not said is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Opened at or after ...
    pub from: Timestamp,
    /// ... and before.
    pub to: Timestamp,
    /// Those that come after this one, the newest first.
    pub before: Option<(Timestamp, ConversationId)>,
    /// Codes of the teams whose they are; `None`: any.
    pub teams: Option<Vec<String>>,
    /// Code of the item.
    pub item: Option<String>,
    /// Who served it last.
    pub agent: Option<AgentId>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Rated with so many stars at most.
    pub stars_at_most: Option<u8>,
    /// A word of what was said in the shared thread, whatever its case.
    pub word: Option<String>,
}

/// The word as it stands in the JSON of an entry, in a pattern of `LIKE` whose escape is `\`.
fn pattern(word: &str) -> String {
    // A string does not fail to be written.
    let json = serde_json::to_string(&word.to_lowercase()).unwrap_or_default();
    let inner = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default();
    let mut pattern = String::with_capacity(inner.len() + 2);
    pattern.push('%');
    for letter in inner.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

impl Store {
    /// Conversations, the newest first. What `word` is found in may be a name of a field, or something that is masked for who
    /// looks: the caller reads the entries ([`Store::entries_with`]).
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn find_conversations(&self, wanted: &Wanted, limit: u32) -> Result<Vec<ConversationRow>, StoreError> {
        let mut sql = select_conversation!(
            "WHERE opened_at >= $1 AND opened_at < $2 AND (opened_at < $3 OR (opened_at = $3 AND id < $4)) \
             AND ($5 = '' OR item = $5) AND ($6 = '' OR agent = $6) AND ($7 = '' OR outcome = $7) \
             AND ($8 = 0 OR (stars IS NOT NULL AND stars <= $8)) \
             AND ($9 = '' OR EXISTS (SELECT 1 FROM entry WHERE entry.conversation = conversation.no AND lane = 0 \
             AND LOWER(body) LIKE $9 ESCAPE '\\'))"
        )
        .to_owned();
        let teams = one_of_teams(&mut sql, 11, wanted.teams.as_deref());
        sql += " ORDER BY opened_at DESC, id DESC LIMIT $10";
        let (before, id) = wanted.before.map_or((wanted.to, String::new()), |(at, id)| (at, id.to_string()));
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(wanted.from.0)
            .bind(wanted.to.0)
            .bind(before.0)
            .bind(id)
            .bind(wanted.item.clone().unwrap_or_default())
            .bind(wanted.agent.map(|agent| agent.to_string()).unwrap_or_default())
            .bind(wanted.outcome.map_or_else(String::new, |outcome| outcome.as_str().to_owned()))
            .bind(wanted.stars_at_most.map_or(0, i64::from))
            .bind(wanted.word.as_deref().map(pattern).unwrap_or_default())
            .bind(i64::from(limit));
        for team in teams {
            query = query.bind(team);
        }
        query.fetch_all(&self.readers).await?.iter().map(conversation).collect()
    }

    /// Entries of the shared thread in whose JSON the word stands, the first ones.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn entries_with(&self, id: ConversationId, word: &str, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at, client_id, body FROM entry \
             WHERE conversation = (SELECT no FROM conversation WHERE id = $1) AND lane = 0 \
             AND LOWER(body) LIKE $2 ESCAPE '\\' ORDER BY seq LIMIT $3",
        )
        .bind(id.to_string())
        .bind(pattern(word))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_looked_for_as_it_was_written() {
        for (word, expected) in [
            ("居住证", "%居住证%"),
            ("50%_off", "%50\\%\\_off%"),
            ("He said \"Hi\"", "%he said \\\\\"hi\\\\\"%"),
            ("a\\b", "%a\\\\\\\\b%"),
        ] {
            assert_eq!(pattern(word), expected, "{word}");
        }
    }
}
