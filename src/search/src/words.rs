//! The list of words that are read as others, as a deployment keeps it: the one that comes with the program, less what was taken
//! out, with what was added. Another list takes effect without a new snapshot: only entries that have one of the words that
//! differ are read anew.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Entry, Index, intent, lexicon::Lexicon, table::Direction, text};

/// A list that is ready to be used. Cheap to clone.
#[derive(Clone)]
pub struct Words(Arc<Lexicon>);

impl Default for Words {
    /// The list that comes with the program.
    fn default() -> Self {
        Self(Lexicon::built_in())
    }
}

impl Words {
    /// The pairs of the list that comes with the program: a word, and what is read instead.
    #[must_use]
    pub fn shipped() -> Vec<(String, String)> {
        crate::lexicon::shipped()
    }

    /// Exactly these pairs. Of two with the same word the later one counts.
    #[must_use]
    pub fn of(pairs: &[(String, String)]) -> Self {
        Self(Arc::new(Lexicon::new(pairs)))
    }

    /// Groups texts by meaning: for each the position of the first one whose direction in the embedding table is as near as `least`
    /// (a cosine), its own if there is none. Those before gather those after, so whoever is asked for most should stand first.
    #[must_use]
    pub fn alike(&self, texts: &[&str], least: f32) -> Vec<usize> {
        let lexicon = &self.0;
        let mut firsts: Vec<(usize, Direction)> = Vec::new();
        let mut group = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            let read = lexicon.canonical(&intent::without_greeting(&text::normalise(text)));
            let direction = lexicon.table.direction(&lexicon.table.tokens(lexicon.words(&read)));
            match firsts.iter().find(|(_, first)| first.cosine(&direction) >= least) {
                Some((first, _)) => group.push(*first),
                None => {
                    group.push(at);
                    firsts.push((at, direction));
                }
            }
        }
        group
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}

impl Index {
    /// Of entries, the names by which citizens call items, and a list of words.
    #[must_use]
    pub fn worded(entries: Vec<Entry>, names: &[(String, String)], words: &Words) -> Self {
        Self::assemble(entries, names, Some(Arc::clone(&words.0)))
    }

    /// The same by another list of words.
    #[must_use]
    pub fn reworded(&self, words: &Words) -> Self {
        let before = self.lexicon.clone().unwrap_or_else(Lexicon::built_in);
        let other = before.differs_from(&words.0);
        let next = Self { lexicon: Some(Arc::clone(&words.0)), ..self.clone() };
        if other.is_empty() {
            return next;
        }
        let is_concerned = |entry: &&Entry| {
            let mut rows = std::iter::once(&entry.question).chain(&entry.similar).map(|row| text::normalise(row));
            rows.any(|row| other.iter().any(|word| row.contains(*word)))
        };
        let concerned: Vec<Entry> = self.entries().filter(is_concerned).cloned().collect();
        if concerned.is_empty() {
            return next;
        }
        next.changed(concerned, &[])
    }
}

/// The words that two lists read differently.
pub(crate) fn differing<'a>(
    one: &'a rustc_hash::FxHashMap<String, String>,
    two: &'a rustc_hash::FxHashMap<String, String>,
) -> BTreeSet<&'a str> {
    let other = |(word, reads): &(&String, &String), list: &rustc_hash::FxHashMap<String, String>| {
        list.get(*word).is_none_or(|known| known != *reads)
    };
    let only_one = one.iter().filter(|pair| other(pair, two));
    let only_two = two.iter().filter(|pair| other(pair, one));
    only_one.chain(only_two).map(|(word, _)| word.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, question: &str, similar: &[&str]) -> Entry {
        Entry {
            id: id.to_owned(),
            question: question.to_owned(),
            similar: similar.iter().map(|one| (*one).to_owned()).collect(),
            item: id.to_owned(),
            audience: "both".to_owned(),
            ..Entry::default()
        }
    }

    fn entries() -> Vec<Entry> {
        vec![
            entry("permit", "居住证怎么办理", &["怎么申领居住证", "办居住证去哪里"]),
            entry("pension", "养老金怎么领取", &["养老金去哪里领", "退休后养老金"]),
            entry("dog", "养犬登记怎么办理", &["养犬登记证怎么办", "毛球证在哪里办"]),
        ]
    }

    fn first(index: &Index, query: &str) -> Option<(String, f64)> {
        let hits = index.search(query, None, 1);
        hits.first().and_then(|hit| Some((hit.entry_in(index)?.id.clone(), hit.confidence)))
    }

    #[test]
    fn texts_that_mean_the_same_are_a_group_and_others_stand_alone() {
        let texts = ["居住证丢了怎么办", "护照办理要多少钱", "请问居住证丢失了怎么办？", "居住证掉了咋办", "", "!"];
        assert_eq!(Words::default().alike(&texts, 0.8), [0, 1, 0, 0, 4, 5]);
        assert_eq!(Words::default().alike(&texts[..3], 1.1), [0, 1, 2]);
    }

    #[test]
    fn another_list_is_read_in_questions_and_in_entries_without_a_new_snapshot() {
        let before = Index::build(entries());
        let sure = |index: &Index, query: &str, entry: &str| {
            first(index, query).filter(|(id, _)| id == entry).map_or(0.0, |(_, confidence)| confidence)
        };
        let mut pairs = Words::shipped();
        pairs.push(("毛球".to_owned(), "养犬登记".to_owned()));
        let after = before.reworded(&Words::of(&pairs));
        assert!(sure(&after, "毛球怎么登记", "dog") > sure(&before, "毛球怎么登记", "dog"), "in the question");
        // The same as an index that was made by this list from the begin.
        let whole = Index::worded(entries(), &[], &Words::of(&pairs));
        for query in ["毛球怎么登记", "居住证怎么办理", "养老金去哪领"] {
            let (one, two) = (first(&after, query), first(&whole, query));
            assert_eq!(one.map(|(id, _)| id), two.map(|(id, _)| id), "{query}");
        }
        assert_eq!(after.len(), before.len());
        // And back.
        let back = after.reworded(&Words::default());
        assert_eq!(first(&back, "毛球怎么登记").map(|(id, _)| id), first(&before, "毛球怎么登记").map(|(id, _)| id));
    }

    #[test]
    fn a_word_that_is_taken_out_is_read_as_it_stands() {
        let shipped = Words::shipped();
        assert!(shipped.len() > 500, "{} pairs", shipped.len());
        let without: Vec<_> = shipped.iter().filter(|(word, _)| word != "侬").cloned().collect();
        assert_eq!(without.len() + 1, shipped.len());
        let (all, less) = (Words::default(), Words::of(&without));
        assert_eq!(all.0.differs_from(&less.0).into_iter().collect::<Vec<_>>(), ["侬"]);
        assert_eq!(
            (all.0.canonical("侬居住证"), less.0.canonical("侬居住证")),
            ("你居住证".to_owned(), "侬居住证".to_owned())
        );
    }

    fn sure_of(index: &Index) -> f64 {
        first(index, "球球卡怎么办理").map_or(0.0, |(_, confidence)| confidence)
    }

    #[test]
    fn entries_that_come_later_are_read_by_the_same_list() {
        let mut pairs = Words::shipped();
        pairs.push(("球球卡".to_owned(), "居住证".to_owned()));
        let words = Words::of(&pairs);
        for index in [Index::build(Vec::new()).reworded(&words), Index::worded(Vec::new(), &[], &words)] {
            let grown = index.updated(entries(), &[]);
            assert_eq!(first(&grown, "球球卡怎么办理").map(|(entry, _)| entry).as_deref(), Some("permit"));
            assert!(sure_of(&grown) > 0.5 && sure_of(&grown) > sure_of(&Index::build(entries())));
        }
    }
}
