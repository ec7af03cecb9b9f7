//! What 小申 decides by (thresholds, the list of words) and how often it answered with what (docs/bot.md).

use bangban_domain::{Timestamp, calendar::OFFSET, time::DAY};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Author, Store, StoreError,
    read::{instant, unsigned, word},
    record::count,
};

/// What the count of changes is called by which others see that thresholds or words have changed.
const COUNTED_AS: &str = "bot";

/// Versions of thresholds that are read at one time, the newest first.
const VERSIONS: i64 = 100;

/// A version of the thresholds: never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdRow {
    /// 1, 2, ...; 0 are those that came with the weights.
    pub version: u64,
    /// At or above this the best entry may be answered.
    pub answer: f64,
    /// At or above this the citizen is asked back.
    pub clarify: f64,
    /// At or above this a person checks the answer before it is given; `None`: nobody does.
    pub approve: Option<f64>,
    /// From which data.
    pub basis: String,
    /// Why.
    pub reason: String,
    /// The version that it goes back to.
    pub copy_of: Option<u64>,
    /// What makes a probability of the ranker's log odds, as JSON; `None`: as the weights have it.
    pub calibrator: Option<String>,
    /// How well both did before and after, as JSON; `None`: nobody has measured it.
    pub figures: Option<String>,
    /// Who.
    pub changed_by: Author,
    /// When.
    pub changed_at: Timestamp,
}

/// Where the list of words differs from the one that comes with the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordRow {
    /// As it was written.
    pub word: String,
    /// What is read instead; `None`: a word of the program's list that is read as it stands.
    pub reads_as: Option<String>,
    /// Who.
    pub changed_by: Author,
    /// When.
    pub changed_at: Timestamp,
}

/// A change of what 小申 decides by.
#[derive(Debug, Clone, PartialEq)]
pub enum BotChange {
    /// The next version. Refused with [`StoreError::KnowledgeOutdated`] unless it follows the one that holds.
    Thresholds(ThresholdRow),
    /// Inserts or replaces.
    Words(Vec<WordRow>),
    /// These words are as the program's list has them, or not at all.
    DropWords(Vec<String>),
    /// Answers before this instant are not counted any more.
    ForgetAsked(Timestamp),
    /// Rude messages before this instant are not counted any more.
    ForgetRude(Timestamp),
}

impl BotChange {
    /// What people have written.
    pub(crate) fn texts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Thresholds(row) => vec![("basis", row.basis.as_str()), ("reason", row.reason.as_str())],
            Self::Words(rows) => rows
                .iter()
                .flat_map(|row| [("word", row.word.as_str()), ("readsAs", row.reads_as.as_deref().unwrap_or_default())])
                .collect(),
            Self::DropWords(words) => words.iter().map(|word| ("word", word.as_str())).collect(),
            Self::ForgetAsked(_) | Self::ForgetRude(_) => Vec::new(),
        }
    }
}

fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &BotChange) -> Result<(), StoreError> {
    match change {
        BotChange::Thresholds(row) => {
            let sql = "INSERT INTO bot_threshold (version, answer, clarify, basis, reason, copy_of, changed_by, changed_at, \
                       calibrator, figures, approve) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 \
                       WHERE COALESCE((SELECT MAX(version) FROM bot_threshold), 0) = $1 - 1 ON CONFLICT DO NOTHING";
            let query = sqlx::query(sql)
                .bind(number(row.version))
                .bind(row.answer)
                .bind(row.clarify)
                .bind(row.basis.clone())
                .bind(row.reason.clone())
                .bind(row.copy_of.map(number))
                .bind(row.changed_by.text().into_owned())
                .bind(row.changed_at.0)
                .bind(row.calibrator.clone())
                .bind(row.figures.clone());
            // sqlx 0.9.0 tells PostgreSQL of an absent f64 that it is an f32, and of an absent f32 that it is an f64.
            let query = match row.approve {
                Some(approve) => query.bind(approve),
                None => query.bind(None::<f32>),
            };
            let done = query.execute(&mut **tx).await?;
            if done.rows_affected() == 0 {
                return Err(StoreError::KnowledgeOutdated("the thresholds".to_owned()));
            }
        }
        BotChange::Words(rows) => {
            for row in rows {
                sqlx::query(
                    "INSERT INTO bot_word (word, reads_as, changed_by, changed_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (word) DO UPDATE SET reads_as = excluded.reads_as, changed_by = excluded.changed_by, \
                     changed_at = excluded.changed_at",
                )
                .bind(row.word.clone())
                .bind(row.reads_as.clone())
                .bind(row.changed_by.text().into_owned())
                .bind(row.changed_at.0)
                .execute(&mut **tx)
                .await?;
            }
        }
        BotChange::DropWords(words) => {
            for word in words {
                sqlx::query("DELETE FROM bot_word WHERE word = $1").bind(word.clone()).execute(&mut **tx).await?;
            }
        }
        BotChange::ForgetAsked(before) => {
            sqlx::query("DELETE FROM bot_asked WHERE at < $1").bind(before.0).execute(&mut **tx).await?;
            return Ok(());
        }
        BotChange::ForgetRude(before) => {
            sqlx::query("DELETE FROM bot_rude WHERE at < $1").bind(before.0).execute(&mut **tx).await?;
            return Ok(());
        }
    }
    count(tx, COUNTED_AS).await.map(drop)
}

/// Counts an answer of 小申.
pub(crate) async fn asked(tx: &mut Transaction<'_, Any>, at: Timestamp, entry: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO bot_asked (at, entry) VALUES ($1, $2)";
    sqlx::query(sql).bind(at.0).bind(entry.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

/// Counts a message that was only rude.
pub(crate) async fn was_rude(tx: &mut Transaction<'_, Any>, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO bot_rude (at) VALUES ($1)").bind(at.0).execute(&mut **tx).await?;
    Ok(())
}

fn threshold(row: &AnyRow) -> Result<ThresholdRow, StoreError> {
    Ok(ThresholdRow {
        version: unsigned(row, "version")?,
        answer: row.try_get("answer")?,
        clarify: row.try_get("clarify")?,
        approve: row.try_get("approve")?,
        basis: row.try_get("basis")?,
        reason: row.try_get("reason")?,
        copy_of: row.try_get::<Option<i64>, _>("copy_of")?.and_then(|version| u64::try_from(version).ok()),
        calibrator: row.try_get("calibrator")?,
        figures: row.try_get("figures")?,
        changed_by: word("bot_threshold", row, "changed_by", Author::parse)?,
        changed_at: instant(row, "changed_at")?,
    })
}

fn word_row(row: &AnyRow) -> Result<WordRow, StoreError> {
    Ok(WordRow {
        word: row.try_get("word")?,
        reads_as: row.try_get("reads_as")?,
        changed_by: word("bot_word", row, "changed_by", Author::parse)?,
        changed_at: instant(row, "changed_at")?,
    })
}

impl Store {
    /// Versions of the thresholds, the newest first, at most 100.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn thresholds(&self) -> Result<Vec<ThresholdRow>, StoreError> {
        let sql = "SELECT version, answer, clarify, approve, basis, reason, copy_of, changed_by, changed_at, calibrator, \
                   figures FROM bot_threshold ORDER BY version DESC LIMIT $1";
        sqlx::query(sql).bind(VERSIONS).fetch_all(&self.readers).await?.iter().map(threshold).collect()
    }

    /// A version.
    pub async fn threshold(&self, version: u64) -> Result<Option<ThresholdRow>, StoreError> {
        let sql = "SELECT version, answer, clarify, approve, basis, reason, copy_of, changed_by, changed_at, calibrator, \
                   figures FROM bot_threshold WHERE version = $1";
        let row = sqlx::query(sql).bind(number(version)).fetch_optional(&self.readers).await?;
        row.as_ref().map(threshold).transpose()
    }

    /// Where the list of words differs from the program's, by word.
    pub async fn words(&self) -> Result<Vec<WordRow>, StoreError> {
        let sql = "SELECT word, reads_as, changed_by, changed_at FROM bot_word ORDER BY word";
        sqlx::query(sql).fetch_all(&self.readers).await?.iter().map(word_row).collect()
    }

    /// The thresholds that hold and the words, with the count of changes that they are the state of; `None`: nothing has
    /// changed since that count.
    pub async fn bot_settings(
        &self,
        since: Option<u64>,
    ) -> Result<Option<(u64, Option<ThresholdRow>, Vec<WordRow>)>, StoreError> {
        // The count is read first: what comes between is read once more.
        let row = sqlx::query("SELECT count FROM change_count WHERE what = $1")
            .bind(COUNTED_AS)
            .fetch_optional(&self.readers)
            .await?;
        let count = row.map_or(Ok(0), |row| unsigned(&row, "count"))?;
        if since == Some(count) {
            return Ok(None);
        }
        let holds = self.thresholds().await?.into_iter().next();
        Ok(Some((count, holds, self.words().await?)))
    }

    /// How many messages were only rude, by day of Shanghai since 1970-01-01, the newest first; days without one are left out.
    pub async fn rude_since(&self, since: Timestamp) -> Result<Vec<(i64, u64)>, StoreError> {
        let sql =
            "SELECT (at + $1) / $2 AS day, COUNT(*) AS times FROM bot_rude WHERE at >= $3 GROUP BY 1 ORDER BY 1 DESC";
        let offset = i64::from(OFFSET.seconds()) * 1_000;
        let rows = sqlx::query(sql).bind(offset).bind(DAY).bind(since.0).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("day")?, unsigned(row, "times")?))).collect()
    }

    /// How often 小申 answered with each entry since an instant, most often first, at most `limit`.
    pub async fn asked_since(&self, since: Timestamp, limit: u32) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT entry, COUNT(*) AS times FROM bot_asked WHERE at >= $1 GROUP BY entry \
                   ORDER BY COUNT(*) DESC, entry LIMIT $2";
        let rows = sqlx::query(sql).bind(since.0).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("entry")?, unsigned(row, "times")?))).collect()
    }
}
