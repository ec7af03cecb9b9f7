//! One way to look at rows (words, characters, sounds) as an inverted index with BM25.

use rustc_hash::FxHashMap;

use crate::lists::Lists;

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

/// Collects rows, one after the other, until they become a [`Channel`].
#[derive(Default)]
pub(crate) struct Collected {
    channel: Channel,
    /// In so many rows is each term.
    sizes: Vec<u32>,
    /// Of each row its terms by number, in order.
    rows: Lists<u32>,
    /// How often; parallel to `rows`.
    counts: Vec<u8>,
    ids: Vec<u32>,
}

impl Collected {
    /// One more row.
    pub(crate) fn push(&mut self, terms: &[u64]) {
        let Self { channel, sizes, rows, counts, ids } = self;
        ids.clear();
        for term in terms {
            let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
            ids.push(*channel.ids.entry(*term).or_insert_with(|| {
                sizes.push(0);
                next
            }));
        }
        ids.sort_unstable();
        for run in ids.chunk_by(|a, b| a == b) {
            sizes[run[0] as usize] += 1;
            counts.push(u8::try_from(run.len()).unwrap_or(u8::MAX).min((1 << COUNT_BITS) - 1));
        }
        ids.dedup();
        rows.push(ids);
        channel.lengths.push(u16::try_from(terms.len()).unwrap_or(u16::MAX));
        channel.total += terms.len() as u64;
    }

    /// The channel; beside it each row's terms by number, in order.
    pub(crate) fn finish(self) -> (Channel, Lists<u32>) {
        let Self { mut channel, sizes, rows, counts, .. } = self;
        let mut next = 0;
        channel.starts = Vec::with_capacity(sizes.len() + 1);
        for size in sizes {
            channel.starts.push(next);
            next += size;
        }
        channel.starts.push(next);
        channel.postings = vec![0; next as usize];
        channel.ids.shrink_to_fit();
        channel.lengths.shrink_to_fit();
        let mut ends = channel.starts.clone();
        let mut counts = counts.iter();
        for row in 0..channel.rows() {
            let number = u32::try_from(row).unwrap_or(0) << COUNT_BITS;
            for (id, count) in rows.of(row).iter().zip(&mut counts) {
                let end = &mut ends[*id as usize];
                channel.postings[*end as usize] = number | u32::from(*count);
                *end += 1;
            }
        }
        (channel, rows)
    }
}

impl Channel {
    /// Terms in the order of their numbers.
    pub(crate) fn terms(&self) -> Vec<u64> {
        let mut terms = vec![0; self.ids.len()];
        for (term, id) in &self.ids {
            terms[*id as usize] = *term;
        }
        terms
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
        let saturated = |count: f32, length: f32| count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average));
        // Nearly every row has a term but once, and is short: then a division a posting is spared.
        let once: [f32; 128] = std::array::from_fn(|length| saturated(1.0, length as f32));
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
                let count = posting & ((1 << COUNT_BITS) - 1);
                let length = usize::from(self.lengths[row as usize]);
                let score = &mut scratch.scores[row as usize];
                if *score == 0.0 {
                    scratch.touched.push(row);
                }
                *score += asked.idf
                    * match once.get(length) {
                        Some(saturated) if count == 1 => *saturated,
                        _ => saturated(count as f32, length as f32),
                    };
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
