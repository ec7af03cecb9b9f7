//! What is one word, and which words say the same: Shanghainese, everyday speech, short names of services, misspellings.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use jieba_rs::Jieba;
use rustc_hash::FxHashMap;

use crate::table::Table;

/// The list that is built in; its first lines say what it is.
const BUILT_IN: &str = include_str!("../data/words.tsv");

static MODEL: LazyLock<(Arc<Table>, Jieba)> = LazyLock::new(|| {
    let read = Table::read(include_bytes!("../weights/table.bin.gz"));
    #[expect(clippy::expect_used, reason = "part of the program, and read by its tests")]
    let (table, jieba) = read.expect("weights/table.bin.gz is whole");
    (Arc::new(table), jieba)
});

static LEXICON: LazyLock<Arc<Lexicon>> = LazyLock::new(|| Arc::new(Lexicon::new(&shipped())));

/// What is built in, as pairs.
pub(crate) fn shipped() -> Vec<(String, String)> {
    parse(BUILT_IN).unwrap_or_default()
}

/// The segmentation, the words that are read as others, and the embedding table.
pub(crate) struct Lexicon {
    jieba: Jieba,
    replaced: FxHashMap<String, String>,
    pub(crate) table: Arc<Table>,
}

/// Pairs of a word and what is read instead.
///
/// # Errors
/// The number of a line that is neither a pair nor a comment.
pub fn parse(list: &str) -> Result<Vec<(String, String)>, usize> {
    let lines = list.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    let pair = |(at, line): (usize, &str)| {
        let (word, other) = line.split_once('\t').ok_or(at + 1)?;
        let (word, other) = (word.trim(), other.trim());
        if word.is_empty() || other.is_empty() { Err(at + 1) } else { Ok((word.to_owned(), other.to_owned())) }
    };
    lines.map(pair).collect()
}

impl Lexicon {
    /// What is built in. The first use reads the weights.
    pub(crate) fn built_in() -> Arc<Self> {
        Arc::clone(&LEXICON)
    }

    pub(crate) fn new(pairs: &[(String, String)]) -> Self {
        let (table, jieba) = &*MODEL;
        let mut jieba = jieba.clone();
        let mut replaced = FxHashMap::default();
        for (word, other) in pairs {
            let (word, other) = (crate::text::normalise(word), crate::text::normalise(other));
            if !word.is_empty() {
                jieba.add_word(&word, None, None);
                // "-" has no letter, so nothing is left of it.
                replaced.insert(word, other);
            }
        }
        Self { jieba, replaced, table: Arc::clone(table) }
    }

    /// Is it the list that comes with the program, as it is?
    pub(crate) fn is_built_in(&self) -> bool {
        std::ptr::eq(self, Arc::as_ptr(&LEXICON))
    }

    /// The words that another list reads differently.
    pub(crate) fn differs_from<'a>(&'a self, other: &'a Self) -> std::collections::BTreeSet<&'a str> {
        crate::words::differing(&self.replaced, &other.replaced)
    }

    /// Normalised text with words replaced by those that say the same.
    pub(crate) fn canonical(&self, text: &str) -> String {
        let read = |word: &str| {
            self.replaced.get(word).map_or(Cow::Owned(word.to_owned()), |other| Cow::Borrowed(other.as_str()))
        };
        let canonical: String = self.jieba.cut(text, false).iter().map(|token| read(token.word)).collect();
        if canonical.is_empty() { text.to_owned() } else { canonical }
    }

    /// The words of canonical text.
    pub(crate) fn words<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.jieba.cut(text, false).into_iter().map(|token| token.word).collect()
    }

    /// The words of canonical text, and the shorter words within them.
    pub(crate) fn search_words<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.jieba.cut_for_search(text, false).into_iter().map(|token| token.word).collect()
    }
}
