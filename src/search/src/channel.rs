//! One way to look at rows (words, characters, sounds) as an inverted index with BM25.

use rustc_hash::FxHashMap;

/// Term-frequency saturation.
const K1: f32 = 1.2;
/// Length normalisation: with less of it long questions win too often (measured).
const B: f32 = 0.75;
/// A posting is a row and, in its low bits, how often the row has the term.
const COUNT_BITS: u32 = 5;
/// Rare terms are looked up first, and no more than so many postings of one query: common terms of a big index say little.
const MOST_POSTINGS: usize = 30_000;

/// See the module. Never changes.
#[derive(Default)]
pub(crate) struct Channel {
    ids: FxHashMap<u64, u32>,
    starts: Vec<u32>,
    postings: Vec<u32>,
    lengths: Vec<u16>,
    total: u64,
}

/// A term of the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) term: u64,
    /// In so many rows.
    pub(crate) found: u32,
    pub(crate) idf: f32,
}

/// Scores of rows while a query is answered; kept, so that no query has to clear it.
#[derive(Default)]
pub(crate) struct Scratch {
    scores: Vec<f32>,
    touched: Vec<u32>,
}

/// How much it says that a row has a term which `found` of `rows` rows have.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows, far below 2^24")]
pub(crate) fn inverse_frequency(rows: usize, found: usize) -> f32 {
    let (rows, found) = (rows as f32, found as f32);
    (1.0 + (rows - found + 0.5).max(0.0) / (found + 0.5)).ln()
}

impl Channel {
    /// Of the terms of each row; beside it each row's terms by number, in order.
    pub(crate) fn build<'a>(rows: impl Iterator<Item = &'a [u64]>) -> (Self, Vec<Box<[u32]>>) {
        let mut this = Self::default();
        let mut counted: Vec<Box<[(u32, u32)]>> = Vec::new();
        let mut sizes: Vec<u32> = Vec::new();
        for terms in rows {
            let mut ids: Vec<u32> = Vec::with_capacity(terms.len());
            for term in terms {
                let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
                ids.push(*this.ids.entry(*term).or_insert_with(|| {
                    sizes.push(0);
                    next
                }));
            }
            ids.sort_unstable();
            let runs = ids.chunk_by(|a, b| a == b);
            let counts: Box<[(u32, u32)]> =
                runs.map(|run| (run[0], u32::try_from(run.len()).unwrap_or(1).min((1 << COUNT_BITS) - 1))).collect();
            for (id, _) in &counts {
                sizes[*id as usize] += 1;
            }
            this.lengths.push(u16::try_from(terms.len()).unwrap_or(u16::MAX));
            this.total += terms.len() as u64;
            counted.push(counts);
        }
        let mut next = 0;
        this.starts = sizes
            .iter()
            .map(|size| {
                let start = next;
                next += size;
                start
            })
            .collect();
        this.starts.push(next);
        this.postings = vec![0; next as usize];
        let mut ends = this.starts.clone();
        for (row, counts) in counted.iter().enumerate() {
            for (id, count) in counts {
                let end = &mut ends[*id as usize];
                this.postings[*end as usize] = (u32::try_from(row).unwrap_or(0) << COUNT_BITS) | count;
                *end += 1;
            }
        }
        (this, counted.into_iter().map(|counts| counts.iter().map(|(id, _)| *id).collect()).collect())
    }

    /// Rows.
    pub(crate) fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// Terms of all rows.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The number of a term.
    pub(crate) fn id(&self, term: u64) -> Option<u32> {
        self.ids.get(&term).copied()
    }

    /// Number of rows with the term of this number.
    pub(crate) fn found_by_id(&self, id: u32) -> usize {
        self.postings_of(id).len()
    }

    /// Number of rows with a term.
    pub(crate) fn found(&self, term: u64) -> usize {
        self.id(term).map_or(0, |id| self.found_by_id(id))
    }

    fn postings_of(&self, id: u32) -> &[u32] {
        match self.starts.get(id as usize..id as usize + 2) {
            Some([from, to]) => self.postings.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The best allowed rows for the terms, which come rarest first.
    #[expect(clippy::cast_precision_loss, reason = "counts and lengths, at most 2^16")]
    pub(crate) fn best(
        &self,
        terms: &[Asked],
        average: f32,
        limit: usize,
        scratch: &mut Scratch,
        allows: impl Fn(usize) -> bool,
    ) -> Vec<(u32, f32)> {
        scratch.scores.resize(scratch.scores.len().max(self.rows()), 0.0);
        let mut visited = 0;
        for asked in terms {
            let Some(id) = self.id(asked.term) else { continue };
            let postings = self.postings_of(id);
            if visited > 0 && visited + postings.len() > MOST_POSTINGS {
                break;
            }
            visited += postings.len();
            for posting in postings {
                let row = posting >> COUNT_BITS;
                let count = (posting & ((1 << COUNT_BITS) - 1)) as f32;
                let length = f32::from(self.lengths[row as usize]);
                let score = &mut scratch.scores[row as usize];
                if *score == 0.0 {
                    scratch.touched.push(row);
                }
                *score += asked.idf * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average));
            }
        }
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(limit * 2);
        let mut floor = 0.0;
        for row in scratch.touched.drain(..) {
            let score = std::mem::take(&mut scratch.scores[row as usize]);
            if score > floor && allows(row as usize) {
                best.push((row, score));
                if best.len() == limit * 2 {
                    shorten(&mut best, limit);
                    floor = best.iter().fold(f32::MAX, |least, (_, score)| least.min(*score));
                }
            }
        }
        shorten(&mut best, limit);
        best.sort_by(by_score);
        best
    }
}

fn by_score(a: &(u32, f32), b: &(u32, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

fn shorten(best: &mut Vec<(u32, f32)>, limit: usize) {
    if best.len() > limit && limit > 0 {
        best.select_nth_unstable_by(limit - 1, by_score);
    }
    best.truncate(limit);
}
