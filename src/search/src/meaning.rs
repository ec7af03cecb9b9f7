//! How well the words of a question say those of a row, and the other way round, by the embedding table.

use rustc_hash::FxHashMap;

use crate::table::Table;

/// Only so many words of a row are compared.
const COMPARED: usize = 64;

/// A question's words, and how alike they are to each word of rows that was met: a question's rows share most of their words.
pub(crate) struct Meaning<'a> {
    table: &'a Table,
    question: &'a [u16],
    /// Of each word met its place in `met`.
    places: FxHashMap<u16, usize>,
    /// The likeness of each of the question's words, for one word met after the other.
    met: Vec<f32>,
    /// Of each of the question's words the likeness to the nearest of a row; kept, so that it is reserved once.
    nearest: Vec<f32>,
}

impl<'a> Meaning<'a> {
    pub(crate) fn new(question: &'a [u16], table: &'a Table) -> Self {
        let nearest = vec![0.0; question.len()];
        Self { table, question, places: FxHashMap::default(), met: Vec::new(), nearest }
    }

    /// What share of the question's words the row says, and what share of the row's the question, each as well as the nearest word
    /// of the other text says it. Rare words count more.
    pub(crate) fn shares(&mut self, row: &[u16]) -> [f32; 2] {
        let row = &row[..row.len().min(COMPARED)];
        self.nearest.fill(0.0);
        let mut said = 0.0;
        for word in row {
            let place = self.place(*word);
            let likeness = &self.met[place..place + self.question.len()];
            let mut most = 0.0_f32;
            for (nearest, likeness) in self.nearest.iter_mut().zip(likeness) {
                *nearest = nearest.max(*likeness);
                most = most.max(*likeness);
            }
            said += most * self.table.weight(*word);
        }
        let weight = |of: &[u16]| of.iter().map(|word| self.table.weight(*word)).sum::<f32>().max(1e-3);
        let asked: f32 =
            self.question.iter().zip(&self.nearest).map(|(word, best)| self.table.weight(*word) * best).sum();
        [asked / weight(self.question), said / weight(row)]
    }

    fn place(&mut self, word: u16) -> usize {
        let Self { table, question, places, met, .. } = self;
        *places.entry(word).or_insert_with(|| {
            let place = met.len();
            table.likenesses(question, word, met);
            place
        })
    }
}
