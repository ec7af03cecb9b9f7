//! Rows of entries, analysed and indexed. Never changes.

use rustc_hash::FxHashMap;

use crate::{
    Entry,
    channel::{Channel, inverse_frequency},
    lexicon::Lexicon,
    subject,
    table::{Direction, Directions},
    text,
};

/// Only so much of a text is compared letter by letter.
pub(crate) const COMPARED: usize = 40;

/// One text as it is compared.
pub(crate) struct Analysis {
    pub(crate) text: String,
    pub(crate) words: Vec<u64>,
    pub(crate) grams: Vec<u64>,
    pub(crate) sounds: Vec<u64>,
    /// Words by number in the embedding table, and each's number in the channel of words.
    pub(crate) tokens: Vec<u16>,
    /// Units by number, at most [`COMPARED`].
    pub(crate) units: Vec<u32>,
    pub(crate) size: usize,
    pub(crate) digits: u64,
    pub(crate) is_negated: bool,
    pub(crate) actions: u8,
}

impl Analysis {
    /// Of normalised text.
    pub(crate) fn of(text: String, lexicon: &Lexicon) -> Self {
        let canonical = lexicon.canonical(&text);
        let units = text::units(&canonical);
        #[expect(clippy::cast_possible_truncation, reason = "a hash: its low half is one too")]
        let numbers = units.iter().take(COMPARED).map(|unit| text::term(&[unit]) as u32).collect();
        Self {
            words: lexicon.search_words(&canonical).into_iter().map(|word| text::term(&[word])).collect(),
            grams: text::gram_terms(&units),
            sounds: text::sound_terms(&units),
            tokens: lexicon.table.tokens(lexicon.words(&canonical)),
            units: numbers,
            size: units.len(),
            digits: text::digits(&canonical),
            is_negated: text::is_negated(&canonical),
            actions: subject::actions_in(&text),
            text,
        }
    }
}

/// One question or similar question as it is compared.
pub(crate) struct Row {
    pub(crate) entry: u32,
    /// Of the whole text: equal ones are the same question.
    pub(crate) exact: u64,
    /// Terms by number, in order.
    pub(crate) grams: Box<[u32]>,
    pub(crate) sounds: Box<[u32]>,
    pub(crate) gram_weight: f32,
    pub(crate) sound_weight: f32,
    pub(crate) tokens: Box<[u16]>,
    pub(crate) units: Box<[u32]>,
    pub(crate) size: u16,
    pub(crate) digits: u64,
    pub(crate) is_negated: bool,
    pub(crate) actions: u8,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Segment {
    pub(crate) entries: Vec<Entry>,
    pub(crate) by_id: FxHashMap<String, u32>,
    pub(crate) rows: Vec<Row>,
    pub(crate) words: Channel,
    pub(crate) grams: Channel,
    pub(crate) sounds: Channel,
    pub(crate) directions: Directions,
}

impl Segment {
    /// Of entries. `beside`: a bigger segment that is searched together with this one, so that rarity means the same in both.
    pub(crate) fn build(entries: Vec<Entry>, lexicon: &Lexicon, beside: Option<&Self>) -> Self {
        let mut analysed = Vec::new();
        for (position, entry) in (0..).zip(&entries) {
            for question in std::iter::once(&entry.question).chain(&entry.similar) {
                let analysis = Analysis::of(text::normalise(question), lexicon);
                analysed.push((position, analysis));
            }
        }
        let (words, _) = Channel::build(analysed.iter().map(|(_, one)| one.words.as_slice()));
        let (grams, gram_ids) = Channel::build(analysed.iter().map(|(_, one)| one.grams.as_slice()));
        let (sounds, sound_ids) = Channel::build(analysed.iter().map(|(_, one)| one.sounds.as_slice()));
        let directions = Directions::of(analysed.iter().map(|(_, one)| lexicon.table.direction(&one.tokens)));
        let size = analysed.len() + beside.map_or(0, |other| other.rows.len());
        let weight = |terms: &[u64], own: &Channel, other: Option<&Channel>| {
            let mut distinct = terms.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            let found = |term: u64| own.found(term) + other.map_or(0, |other| other.found(term));
            distinct.into_iter().map(|term| inverse_frequency(size, found(term))).sum()
        };
        let numbers = gram_ids.into_iter().zip(sound_ids);
        let rows = analysed.into_iter().zip(numbers).map(|((entry, one), (of_grams, of_sounds))| Row {
            entry,
            exact: text::term(&[&one.text]),
            gram_weight: weight(&one.grams, &grams, beside.map(|other| &other.grams)),
            sound_weight: weight(&one.sounds, &sounds, beside.map(|other| &other.sounds)),
            grams: of_grams,
            sounds: of_sounds,
            tokens: one.tokens.into(),
            units: one.units.into(),
            size: u16::try_from(one.size).unwrap_or(u16::MAX),
            digits: one.digits,
            is_negated: one.is_negated,
            actions: one.actions,
        });
        let rows = rows.collect();
        let by_id = (0..).zip(&entries).map(|(position, entry)| (entry.id.clone(), position)).collect();
        Self { by_id, rows, words, grams, sounds, directions, entries }
    }

    pub(crate) fn cosine(&self, row: usize, query: &Direction) -> f32 {
        self.directions.cosine(row, query)
    }
}
