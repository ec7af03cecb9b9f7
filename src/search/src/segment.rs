//! Rows of entries, analysed and indexed. Never changes.

use rustc_hash::FxHashMap;

use crate::{
    Entry,
    channel::{Channel, Collected, inverse_frequency},
    lexicon::Lexicon,
    lists::Lists,
    subject,
    table::{Direction, Directions},
    text,
};

/// Only so much of a text is compared letter by letter.
pub(crate) const COMPARED: usize = 40;
/// So many entries are read at once.
const AT_ONCE: usize = 1_024;

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
    pub(crate) direction: Direction,
}

impl Analysis {
    /// Of normalised text.
    pub(crate) fn of(text: String, lexicon: &Lexicon) -> Self {
        let canonical = lexicon.canonical(&text);
        let units = text::units(&canonical);
        #[expect(clippy::cast_possible_truncation, reason = "a hash: its low half is one too")]
        let numbers = units.iter().take(COMPARED).map(|unit| text::term(&[unit]) as u32).collect();
        let tokens = lexicon.table.tokens(lexicon.words(&canonical));
        Self {
            direction: lexicon.table.direction(&tokens),
            words: lexicon.search_words(&canonical).into_iter().map(|word| text::term(&[word])).collect(),
            grams: text::gram_terms(&units),
            sounds: text::sound_terms(&units),
            tokens,
            units: numbers,
            size: units.len(),
            digits: text::digits(&canonical),
            is_negated: text::is_negated(&canonical),
            actions: subject::actions_in(&text),
            text,
        }
    }
}

/// One question or similar question as it is compared. What differs in length is in the segment's lists.
pub(crate) struct Row {
    pub(crate) entry: u32,
    /// Of the whole text: equal ones are the same question.
    pub(crate) exact: u64,
    pub(crate) gram_weight: f32,
    pub(crate) sound_weight: f32,
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
    /// Of each row its terms by number in the channel, in order.
    pub(crate) row_grams: Lists<u32>,
    pub(crate) row_sounds: Lists<u32>,
    /// Of each row its words by number in the embedding table.
    pub(crate) row_tokens: Lists<u16>,
    /// Of each row its units by number, at most [`COMPARED`].
    pub(crate) row_units: Lists<u32>,
}

impl Segment {
    /// Of entries. `beside`: a bigger segment that is searched together with this one, so that rarity means the same in both.
    /// `tell` is told the normalised text of every row.
    pub(crate) fn build(
        entries: Vec<Entry>,
        lexicon: &Lexicon,
        beside: Option<&Self>,
        mut tell: impl FnMut(&Entry, &str),
    ) -> Self {
        let mut this = Self::default();
        let [mut words, mut grams, mut sounds] = [(); 3].map(|()| Collected::default());
        for (position, entry, one) in read_all(&entries, lexicon) {
            tell(entry, &one.text);
            words.push(&one.words);
            grams.push(&one.grams);
            sounds.push(&one.sounds);
            this.directions.push(&one.direction);
            this.row_tokens.push(&one.tokens);
            this.row_units.push(&one.units);
            this.rows.push(Row {
                entry: position,
                exact: text::term(&[&one.text]),
                gram_weight: 0.0,
                sound_weight: 0.0,
                size: u16::try_from(one.size).unwrap_or(u16::MAX),
                digits: one.digits,
                is_negated: one.is_negated,
                actions: one.actions,
            });
        }
        (this.words, _) = words.finish();
        (this.grams, this.row_grams) = grams.finish();
        (this.sounds, this.row_sounds) = sounds.finish();
        let size = this.rows.len() + beside.map_or(0, |other| other.rows.len());
        let gram_idf = rarity(&this.grams, beside.map(|other| &other.grams), size);
        let sound_idf = rarity(&this.sounds, beside.map(|other| &other.sounds), size);
        let weight = |ids: &[u32], idf: &[f32]| ids.iter().map(|id| idf[*id as usize]).sum();
        for (number, row) in this.rows.iter_mut().enumerate() {
            row.gram_weight = weight(this.row_grams.of(number), &gram_idf);
            row.sound_weight = weight(this.row_sounds.of(number), &sound_idf);
        }
        for lists in [&mut this.row_grams, &mut this.row_sounds, &mut this.row_units] {
            lists.shrink();
        }
        this.row_tokens.shrink();
        this.directions.shrink();
        this.rows.shrink_to_fit();
        this.by_id = (0..).zip(&entries).map(|(position, entry)| (entry.id.clone(), position)).collect();
        Self { entries, ..this }
    }
}

/// How much each term of a channel says, by number.
fn rarity(own: &Channel, other: Option<&Channel>, rows: usize) -> Vec<f32> {
    let terms = own.terms().into_iter();
    let found = |term: u64| own.found(term) + other.map_or(0, |other| other.found(term));
    terms.map(|term| inverse_frequency(rows, found(term))).collect()
}

/// Every row of the entries in order, read by all cores: a part at a time, so that little is kept.
fn read_all<'a>(entries: &'a [Entry], lexicon: &'a Lexicon) -> impl Iterator<Item = (u32, &'a Entry, Analysis)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (0..).step_by(AT_ONCE).zip(entries.chunks(AT_ONCE)).flat_map(move |(first, part)| {
        if part.len() < AT_ONCE {
            return read(first, part, lexicon);
        }
        std::thread::scope(|scope| {
            let size = part.len().div_ceil(cores);
            let shares = (first..).step_by(size).zip(part.chunks(size));
            let workers: Vec<_> = shares.map(|(at, share)| scope.spawn(move || read(at, share, lexicon))).collect();
            let done = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
            done.flat_map(|rows| rows.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    })
}

/// The rows of entries of which the first has this position.
fn read<'a>(first: usize, entries: &'a [Entry], lexicon: &Lexicon) -> Vec<(u32, &'a Entry, Analysis)> {
    let positions = (first..).map(|position| u32::try_from(position).unwrap_or(u32::MAX));
    let of = |(position, entry): (u32, &'a Entry)| {
        let questions = std::iter::once(&entry.question).chain(&entry.similar);
        questions.map(move |question| (position, entry, Analysis::of(text::normalise(question), lexicon)))
    };
    positions.zip(entries).flat_map(of).collect()
}
