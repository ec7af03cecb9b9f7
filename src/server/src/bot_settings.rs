//! What 小申 decides by beside the entries: thresholds and the list of words, as the store has them. It never changes;
//! [`crate::organisation::Organisation`] makes the next one.

use std::{collections::BTreeMap, sync::Arc};

use bangban_search::{Logistic, Model, Thresholds, Weights, Words};
use bangban_store::{ThresholdRow, WordRow};

/// So many words a deployment may have beside the program's, or read otherwise.
pub const MAX_WORDS: usize = 5_000;

/// Thresholds that can be used; else the field and why not.
///
/// # Errors
/// See above.
pub fn check_thresholds(answer: f64, clarify: f64, approve: Option<f64>) -> Result<(), (&'static str, &'static str)> {
    if !(0.0..=1.0).contains(&clarify) {
        return Err(("clarify", "must be between 0 and 1"));
    }
    if !(0.0..=1.0).contains(&answer) {
        return Err(("answer", "must be between 0 and 1"));
    }
    if answer < clarify {
        return Err(("answer", "must not be below clarify: what is asked back is less sure than what is answered"));
    }
    if approve.is_some_and(|level| !(clarify..=answer).contains(&level)) {
        return Err(("approve", "must be from clarify to answer: what a person checks would else be asked back"));
    }
    Ok(())
}

/// A pair that can be used; else the field and why not.
///
/// # Errors
/// See above.
pub fn check_word(word: &str, reads_as: &str) -> Result<(), (&'static str, &'static str)> {
    let has_letter = |text: &str| text.chars().any(char::is_alphanumeric);
    if !has_letter(word) {
        return Err(("word", "has no letter"));
    }
    if !has_letter(reads_as) && reads_as != "-" {
        return Err(("readsAs", "has no letter; - says that the word says nothing"));
    }
    if word.contains(char::is_control) || reads_as.contains(char::is_control) {
        return Err(("word", "has a tab or the end of a line"));
    }
    if word == reads_as {
        return Err(("readsAs", "is the word itself"));
    }
    Ok(())
}

/// See the module.
#[derive(Clone)]
pub struct BotSettings {
    /// Weights, and the thresholds that hold.
    pub model: Arc<Model>,
    /// Which version of the thresholds; 0: those that came with the weights.
    pub version: u64,
    /// Words that are read as others.
    pub words: Words,
    /// What differs from the program's list.
    own: Arc<[WordRow]>,
}

impl Default for BotSettings {
    fn default() -> Self {
        Self { model: Model::built_in(), version: 0, words: Words::default(), own: Arc::default() }
    }
}

impl BotSettings {
    /// The next state. A list of words takes a while to make ready: it is only made when it is another one.
    #[must_use]
    pub fn next(&self, holds: Option<&ThresholdRow>, own: Vec<WordRow>) -> Self {
        let words = if own[..] == self.own[..] { self.words.clone() } else { Words::of(&list(&own)) };
        Self { model: model(holds), version: holds.map_or(0, |row| row.version), words, own: own.into() }
    }
}

/// The weights with these thresholds, and the calibrator that they were fitted with.
fn model(holds: Option<&ThresholdRow>) -> Arc<Model> {
    let built_in = Model::built_in();
    let Some(row) = holds else { return built_in };
    let version = built_in.thresholds.version.clone();
    let calibrator = calibrator(row).unwrap_or_else(|| built_in.weights.calibrator.clone());
    Arc::new(Model {
        weights: Weights { calibrator, ..built_in.weights.clone() },
        thresholds: Thresholds { version, answer: row.answer, clarify: row.clarify, approve: row.approve },
    })
}

/// One that reads as many inputs as this program gives it: an older or newer program may have had others.
fn calibrator(row: &ThresholdRow) -> Option<Logistic> {
    let kept: Logistic = serde_json::from_str(row.calibrator.as_deref()?).ok()?;
    let inputs = Model::built_in().weights.calibrator.weights.len();
    let is_usable = kept.weights.len() == inputs && kept.weights.iter().chain([&kept.bias]).all(|one| one.is_finite());
    if !is_usable {
        tracing::warn!(
            version = row.version,
            "the calibrator of these thresholds is another program's: the shipped one is used"
        );
    }
    is_usable.then_some(kept)
}

/// The program's list with what differs.
#[must_use]
pub fn list(own: &[WordRow]) -> Vec<(String, String)> {
    let mut all: BTreeMap<String, String> = Words::shipped().into_iter().collect();
    for WordRow { word, reads_as, .. } in own {
        match reads_as {
            Some(reads_as) => drop(all.insert(word.clone(), reads_as.clone())),
            None => drop(all.remove(word)),
        }
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use bangban_domain::Timestamp;
    use bangban_store::Author;

    use super::*;

    fn row(word: &str, reads_as: Option<&str>) -> WordRow {
        WordRow {
            word: word.to_owned(),
            reads_as: reads_as.map(str::to_owned),
            changed_by: Author::System,
            changed_at: Timestamp(0),
        }
    }

    #[test]
    fn the_list_is_the_programs_with_what_was_added_replaced_and_taken_out() {
        let shipped = list(&[]);
        let own = [row("侬", None), row("伲", Some("我")), row("球球卡", Some("居住证"))];
        let changed = list(&own);
        let of = |word: &str| changed.iter().find(|(one, _)| one == word).map(|(_, reads)| reads.as_str());
        assert_eq!((of("侬"), of("伲"), of("球球卡")), (None, Some("我"), Some("居住证")));
        assert_eq!(changed.len(), shipped.len());
    }

    #[test]
    fn thresholds_and_words_that_cannot_be_used_name_their_field() {
        for (answer, clarify, approve, field) in [
            (0.8, 0.25, None, None),
            (0.5, 0.5, None, None),
            (1.0, 0.0, None, None),
            (0.2, 0.25, None, Some("answer")),
            (1.01, 0.25, None, Some("answer")),
            (0.8, -0.01, None, Some("clarify")),
            (f64::NAN, 0.2, None, Some("answer")),
            (0.8, f64::NAN, None, Some("clarify")),
            (0.8, 0.25, Some(0.25), None),
            (0.8, 0.25, Some(0.8), None),
            (0.8, 0.25, Some(0.249), Some("approve")),
            (0.8, 0.25, Some(0.801), Some("approve")),
            (0.8, 0.25, Some(f64::NAN), Some("approve")),
        ] {
            let refused = check_thresholds(answer, clarify, approve).err().map(|(field, _)| field);
            assert_eq!(refused, field, "{answer} {clarify} {approve:?}");
        }
        for (word, reads_as, field) in [
            ("交金", "社保", None),
            ("请问", "-", None),
            ("--", "社保", Some("word")),
            ("交金", "--", Some("readsAs")),
            ("交金", "交金", Some("readsAs")),
            ("交\t金", "社保", Some("word")),
        ] {
            assert_eq!(check_word(word, reads_as).err().map(|(field, _)| field), field, "{word} {reads_as}");
        }
    }

    #[test]
    fn thresholds_of_the_store_hold_before_those_of_the_weights() {
        let shipped = BotSettings::default();
        let row = ThresholdRow {
            version: 3,
            answer: 0.97,
            clarify: 0.4,
            approve: Some(0.6),
            basis: String::new(),
            reason: String::new(),
            copy_of: None,
            calibrator: None,
            figures: None,
            changed_by: Author::System,
            changed_at: Timestamp(0),
        };
        let set = shipped.next(Some(&row), Vec::new());
        let Thresholds { answer, clarify, approve, .. } = set.model.thresholds;
        assert_eq!((set.version, answer, clarify, approve), (3, 0.97, 0.4, Some(0.6)));
        // The calibrator that they were fitted with goes with them; one that reads other inputs is left aside.
        let shipped_one = &shipped.model.weights.calibrator;
        let other = Logistic { bias: shipped_one.bias + 1.0, weights: shipped_one.weights.clone() };
        let with = |one: &Logistic| ThresholdRow { calibrator: serde_json::to_string(one).ok(), ..row.clone() };
        assert_eq!(shipped.next(Some(&with(&other)), Vec::new()).model.weights.calibrator, other);
        let foreign = Logistic { bias: 1.0, weights: vec![1.0] };
        assert_eq!(shipped.next(Some(&with(&foreign)), Vec::new()).model.weights.calibrator, *shipped_one);
        let back = set.next(None, Vec::new());
        assert_eq!((back.version, &back.model.thresholds), (0, &shipped.model.thresholds));
    }
}
