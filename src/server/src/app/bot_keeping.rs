//! What 小申 decides by, as it is kept (docs/bot.md): thresholds in versions that are never changed, and the list of words. A change
//! holds on this node when it is answered, on others within seconds; each is a line of the audit log.

use std::collections::{BTreeMap, BTreeSet};

use bangban_domain::{
    Timestamp,
    calendar::{Calendar, date_of},
    rights::Action,
    time::{DAY, Millis},
};
use bangban_protocol::{
    RudeDay, RudeMessages, ThresholdBack, ThresholdList, ThresholdPut, ThresholdView, WireError, WordList, WordPut,
    WordView, WordsImported,
};
use bangban_search::{Model, Words, parse_words};
use bangban_store::{Audit, Author, BotChange, Change, ThresholdRow, Unit, WordRow};

use super::{App, Keeper, invalid, store_error};
use crate::{
    auth::Staff,
    bot_settings::{MAX_WORDS, check_thresholds, check_word},
    privacy::json,
    staff::At,
};

/// Words on one page.
const PAGE: usize = 200;

/// Longest word of the list, and what is read instead.
const MAX_WORD: usize = 20;

/// Longest account of the data that thresholds were made from.
const MAX_BASIS: usize = 200;

/// Days whose rude messages are shown.
const RUDE_DAYS: i64 = 30;

/// So long they are counted, and answers by entry, of which the last 7 days are looked at.
const RUDE_KEPT: Millis = 366 * DAY;
const ASKED_KEPT: Millis = 8 * DAY;

/// Longest reason.
const MAX_REASON: usize = 500;

/// Those that came with the weights.
fn shipped() -> ThresholdView {
    let model = Model::built_in();
    ThresholdView {
        version: 0,
        answer: model.thresholds.answer,
        clarify: model.thresholds.clarify,
        approve: model.thresholds.approve,
        basis: model.thresholds.version.clone(),
        reason: String::new(),
        copy_of: None,
        changed_by: String::new(),
        changed_at: None,
        figures: None,
    }
}

fn text<'a>(field: &'static str, text: &'a str, most: usize) -> Result<&'a str, WireError> {
    bangban_domain::conversation::text(field, text.trim(), most).map_err(invalid)
}

impl App {
    fn name_of(&self, who: Author) -> String {
        match who {
            Author::Agent(id) => self.accounts.name(id).unwrap_or_default(),
            Author::System | Author::Bot | Author::Citizen => "system".to_owned(),
        }
    }

    pub(super) fn bot_line(
        &self,
        who: &Keeper<'_>,
        action: &'static str,
        subject: String,
        detail: &serde_json::Value,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: "bot".to_owned(),
            subject,
            unit: None,
            reason: None,
            address: Some(who.address.to_owned()),
            detail: json(detail),
        }
    }

    /// A change with its line of the audit log; it holds here when this returns.
    pub(super) async fn keep_bot(&self, change: BotChange, line: Audit) -> Result<(), WireError> {
        let changes = vec![Change::Bot(change), Change::Audit(line)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        if let Err(error) = self.organisation.renew_bot().await {
            // It is durable, and taken over at the next look.
            tracing::warn!(%error, "thresholds and words cannot be read yet");
        }
        Ok(())
    }

    /// The thresholds that hold and their history; staff who keep or read the knowledge base.
    pub(crate) async fn threshold_list(&self, staff: &Staff) -> Result<ThresholdList, WireError> {
        self.seen_units(staff)?;
        let rows = self.store.thresholds().await.map_err(store_error)?;
        let view = |row: ThresholdRow| ThresholdView {
            version: row.version,
            answer: row.answer,
            clarify: row.clarify,
            approve: row.approve,
            basis: row.basis,
            reason: row.reason,
            copy_of: row.copy_of,
            changed_by: self.name_of(row.changed_by),
            changed_at: Some(row.changed_at),
            figures: row.figures.as_deref().and_then(|figures| serde_json::from_str(figures).ok()),
        };
        Ok(ThresholdList {
            versions: rows.into_iter().map(view).chain([shipped()]).collect(),
            model: Model::built_in().thresholds.version.clone(),
            may_change: self.may(staff, Action::ReviewKnowledge, At::CITY),
        })
    }

    /// How often 小申 was only insulted, day by day; staff who keep or read the knowledge base.
    pub(crate) async fn rude_messages(&self, staff: &Staff) -> Result<RudeMessages, WireError> {
        self.seen_units(staff)?;
        let since = Calendar::day_start(self.clock.now()) - (RUDE_DAYS - 1) * DAY;
        let rows = self.store.rude_since(since).await.map_err(store_error)?;
        let count = |messages: u64| u32::try_from(messages).unwrap_or(u32::MAX);
        let total = count(rows.iter().map(|(_, messages)| messages).sum());
        // Any instant of the day that the number stands for.
        let day = |number: i64| date_of(Timestamp(number * DAY)).to_string();
        let days = rows.into_iter().map(|(number, messages)| RudeDay { day: day(number), messages: count(messages) });
        Ok(RudeMessages { days: days.collect(), total })
    }

    /// Counts that nobody looks at any more are deleted.
    pub(super) async fn forget_counts(&self) -> Result<(), WireError> {
        let now = self.clock.now();
        let old = [BotChange::ForgetAsked(now - ASKED_KEPT), BotChange::ForgetRude(now - RUDE_KEPT)];
        let unit = Unit { changes: old.map(Change::Bot).to_vec(), ..Unit::default() };
        self.store.commit(unit).await.map(drop).map_err(store_error)
    }

    async fn next_thresholds(
        &self,
        who: &Keeper<'_>,
        action: &'static str,
        row: ThresholdRow,
    ) -> Result<ThresholdList, WireError> {
        let detail = serde_json::json!({
            "version": row.version, "answer": row.answer, "clarify": row.clarify, "approve": row.approve, "copyOf": row.copy_of,
        });
        let line = Audit {
            reason: Some(row.reason.clone()),
            ..self.bot_line(who, action, format!("thresholds/{}", row.version), &detail)
        };
        self.keep_bot(BotChange::Thresholds(row), line).await?;
        self.threshold_list(who.staff).await
    }

    /// New thresholds.
    pub(crate) async fn put_thresholds(&self, who: &Keeper<'_>, put: ThresholdPut) -> Result<ThresholdList, WireError> {
        self.require(who.staff, Action::ReviewKnowledge, At::CITY)?;
        check_thresholds(put.answer, put.clarify, put.approve).map_err(|(field, why)| WireError::field(field, why))?;
        // They are for the calibrator that holds.
        let before = self.store.threshold(put.version).await.map_err(store_error)?;
        let row = ThresholdRow {
            version: put.version.saturating_add(1),
            answer: put.answer,
            clarify: put.clarify,
            approve: put.approve,
            basis: text("basis", &put.basis, MAX_BASIS)?.to_owned(),
            reason: text("reason", &put.reason, MAX_REASON)?.to_owned(),
            copy_of: None,
            calibrator: before.and_then(|row| row.calibrator),
            figures: None,
            changed_by: Author::Agent(who.staff.id),
            changed_at: self.clock.now(),
        };
        self.next_thresholds(who, "bot.thresholds", row).await
    }

    /// Back to what held before.
    pub(crate) async fn roll_back_thresholds(
        &self,
        who: &Keeper<'_>,
        back: ThresholdBack,
    ) -> Result<ThresholdList, WireError> {
        self.require(who.staff, Action::ReviewKnowledge, At::CITY)?;
        let reason = text("reason", &back.reason, MAX_REASON)?.to_owned();
        let old = match back.to {
            0 => None,
            no => Some(
                self.store
                    .threshold(no)
                    .await
                    .map_err(store_error)?
                    .ok_or_else(|| WireError::field("to", "is no version"))?,
            ),
        };
        let of_weights = shipped();
        let row = ThresholdRow {
            version: back.version.saturating_add(1),
            answer: old.as_ref().map_or(of_weights.answer, |row| row.answer),
            clarify: old.as_ref().map_or(of_weights.clarify, |row| row.clarify),
            approve: old.as_ref().map_or(of_weights.approve, |row| row.approve),
            basis: old.as_ref().map_or(of_weights.basis, |row| row.basis.clone()),
            calibrator: old.as_ref().and_then(|row| row.calibrator.clone()),
            figures: old.and_then(|row| row.figures),
            reason,
            copy_of: Some(back.to),
            changed_by: Author::Agent(who.staff.id),
            changed_at: self.clock.now(),
        };
        self.next_thresholds(who, "bot.thresholds_back", row).await
    }

    /// The list of words, those first that differ from the program's; of those that have `query` in them.
    pub(crate) async fn word_list(&self, staff: &Staff, query: &str) -> Result<WordList, WireError> {
        self.seen_units(staff)?;
        if query.chars().count() > MAX_WORD {
            return Err(WireError::field("q", format!("must have at most {MAX_WORD} characters")));
        }
        let query = query.trim();
        let shipped: BTreeMap<String, String> = Words::shipped().into_iter().collect();
        let own = self.store.words().await.map_err(store_error)?;
        let known: BTreeSet<&str> = own.iter().map(|row| row.word.as_str()).collect();
        let as_shipped = shipped.iter().filter(|(word, _)| !known.contains(word.as_str()));
        let total = own.len() + as_shipped.clone().count();
        let changed = own.iter().map(|row| WordView {
            word: row.word.clone(),
            reads_as: row.reads_as.clone(),
            shipped: shipped.get(&row.word).cloned(),
            changed_by: self.name_of(row.changed_by),
            changed_at: Some(row.changed_at),
        });
        let others = as_shipped.map(|(word, reads_as)| WordView {
            word: word.clone(),
            reads_as: Some(reads_as.clone()),
            shipped: Some(reads_as.clone()),
            changed_by: String::new(),
            changed_at: None,
        });
        let has = |view: &WordView| {
            let texts = [Some(&view.word), view.reads_as.as_ref(), view.shipped.as_ref()];
            texts.into_iter().flatten().any(|text| text.contains(query))
        };
        let found: Vec<WordView> = changed.chain(others).filter(has).collect();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(WordList {
            found: count(found.len()),
            total: count(total),
            words: found.into_iter().take(PAGE).collect(),
            may_change: self.may(staff, Action::EditKnowledge, At::CITY),
        })
    }

    /// Rows for pairs that are not as they are to be; one that says what the program's list says is none of its own.
    fn word_rows(&self, who: &Keeper<'_>, pairs: Vec<(String, String)>) -> (Vec<WordRow>, Vec<String>) {
        let shipped: BTreeMap<String, String> = Words::shipped().into_iter().collect();
        let row = |(word, reads_as): (String, String)| WordRow {
            word,
            reads_as: Some(reads_as),
            changed_by: Author::Agent(who.staff.id),
            changed_at: self.clock.now(),
        };
        let is_shipped = |(word, reads_as): &(String, String)| shipped.get(word) == Some(reads_as);
        let (as_shipped, own): (Vec<_>, Vec<_>) = pairs.into_iter().partition(is_shipped);
        (own.into_iter().map(row).collect(), as_shipped.into_iter().map(|(word, _)| word).collect())
    }

    /// Adds a word, or reads it otherwise.
    pub(crate) async fn put_word(&self, who: &Keeper<'_>, put: WordPut) -> Result<WordList, WireError> {
        self.require(who.staff, Action::EditKnowledge, At::CITY)?;
        let word = text("word", &put.word, MAX_WORD)?.to_owned();
        let reads_as = text("readsAs", &put.reads_as, MAX_WORD)?.to_owned();
        check_word(&word, &reads_as).map_err(|(field, why)| WireError::field(field, why))?;
        let own = self.store.words().await.map_err(store_error)?;
        if own.len() >= MAX_WORDS && !own.iter().any(|row| row.word == word) {
            return Err(WireError::field("word", format!("the list has {MAX_WORDS} words of its own already")));
        }
        let detail = serde_json::json!({ "word": word, "readsAs": reads_as });
        let line = self.bot_line(who, "bot.word", "words".to_owned(), &detail);
        let (rows, as_shipped) = self.word_rows(who, vec![(word.clone(), reads_as)]);
        let change = if rows.is_empty() { BotChange::DropWords(as_shipped) } else { BotChange::Words(rows) };
        self.keep_bot(change, line).await?;
        self.word_list(who.staff, &word).await
    }

    /// Takes a word out: one of the program's list is read as it stands from then on.
    pub(crate) async fn drop_word(&self, who: &Keeper<'_>, word: &str) -> Result<(), WireError> {
        self.require(who.staff, Action::EditKnowledge, At::CITY)?;
        let is_shipped = Words::shipped().iter().any(|(one, _)| one == word);
        let own = self.store.words().await.map_err(store_error)?;
        let none = || WireError::new(bangban_protocol::ErrorCode::NotFound, "the list does not have this word");
        let known = own.iter().find(|row| row.word == word);
        if known.is_none_or(|row| row.reads_as.is_none()) && !(is_shipped && known.is_none()) {
            return Err(none());
        }
        let line = self.bot_line(who, "bot.word_removed", "words".to_owned(), &serde_json::json!({ "word": word }));
        let change = if is_shipped {
            BotChange::Words(vec![WordRow {
                word: word.to_owned(),
                reads_as: None,
                changed_by: Author::Agent(who.staff.id),
                changed_at: self.clock.now(),
            }])
        } else {
            BotChange::DropWords(vec![word.to_owned()])
        };
        self.keep_bot(change, line).await
    }

    /// Adds the pairs of a file: a word, a tab and what is read instead, a pair a line.
    pub(crate) async fn import_words(&self, who: &Keeper<'_>, bytes: &[u8]) -> Result<WordsImported, WireError> {
        self.require(who.staff, Action::EditKnowledge, At::CITY)?;
        let list = std::str::from_utf8(bytes).map_err(|_| WireError::field("body", "is not UTF-8"))?;
        let list = list.strip_prefix('\u{feff}').unwrap_or(list);
        let line = |at: usize, why: &str| WireError::field("body", format!("line {at}: {why}"));
        let pairs =
            parse_words(list).map_err(|at| line(at, "is no word and what is read instead, with a tab between"))?;
        for (at, (word, reads_as)) in (1..).zip(&pairs) {
            let fits = |text: &str| text.chars().count() <= MAX_WORD;
            if !fits(word) || !fits(reads_as) {
                return Err(WireError::field("body", format!("pair {at}: longer than {MAX_WORD} characters")));
            }
            check_word(word, reads_as).map_err(|(_, why)| WireError::field("body", format!("pair {at}: {why}")))?;
        }
        let own = self.store.words().await.map_err(store_error)?;
        let all: BTreeMap<String, String> = crate::bot_settings::list(&own).into_iter().collect();
        // Of two lines about one word the later one counts.
        let wanted: BTreeMap<String, String> = pairs.into_iter().collect();
        let (same, changed): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(word, reads)| all.get(word) == Some(reads));
        let new = changed.iter().filter(|(word, _)| !own.iter().any(|row| row.word == *word)).count();
        if own.len() + new > MAX_WORDS {
            return Err(WireError::field("body", format!("more than {MAX_WORDS} words of its own")));
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let done = WordsImported { changed: count(changed.len()), same: count(same.len()) };
        let (rows, as_shipped) = self.word_rows(who, changed);
        let detail = serde_json::json!({ "changed": done.changed });
        let line = self.bot_line(who, "bot.words_imported", "words".to_owned(), &detail);
        let mut changes = vec![Change::Audit(line)];
        changes.extend((!rows.is_empty()).then_some(Change::Bot(BotChange::Words(rows))));
        changes.extend((!as_shipped.is_empty()).then_some(Change::Bot(BotChange::DropWords(as_shipped))));
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        if let Err(error) = self.organisation.renew_bot().await {
            tracing::warn!(%error, "words cannot be read yet");
        }
        Ok(done)
    }
}
