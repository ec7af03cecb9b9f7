//! One way to look at rows (words, characters, sounds) as an inverted index with BM25.

use rustc_hash::FxHashMap;

use crate::{best::Best, lists::Lists};

/// Term-frequency saturation.
const K1: f32 = 1.2;
/// Length normalisation: with less of it long questions win too often (measured).
const B: f32 = 0.75;
/// A posting is a row and, in its low bits, how often the row has the term.
const COUNT_BITS: u32 = 5;
/// Rare terms are looked up first, and no more than so many postings of one query: common terms of a big index say little.
const MOST_POSTINGS: usize = 30_000;
/// Rows whose scores are added up at a time: so few that the scores stay in the processor's nearest memory, whatever the size of
/// the index. A power of two.
const BLOCK: usize = 4_096;

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

/// Scores of a block's rows while a query is answered; all 0 between blocks.
pub(crate) struct Scratch([f32; BLOCK]);

impl Default for Scratch {
    fn default() -> Self {
        Self([0.0; BLOCK])
    }
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

    /// What rows have of the terms, which come rarest first, with how much that says; no more of it than is worth reading.
    fn lists(&self, terms: &[Asked]) -> Vec<(&[u32], f32)> {
        let mut lists = Vec::with_capacity(terms.len());
        let mut visited = 0;
        for asked in terms {
            let Some(id) = self.id(asked.term) else { continue };
            let postings = self.postings_of(id);
            if visited > 0 && visited + postings.len() > MOST_POSTINGS {
                break;
            }
            visited += postings.len();
            lists.push((postings, asked.idf));
        }
        lists
    }

    /// The best allowed rows for the terms, which come rarest first. Of equal ones the first.
    #[expect(clippy::cast_precision_loss, reason = "counts and lengths, at most 2^16")]
    pub(crate) fn best(
        &self,
        terms: &[Asked],
        average: f32,
        limit: usize,
        scratch: &mut Scratch,
        allows: impl Fn(usize) -> bool,
    ) -> Vec<(u32, f32)> {
        let scores = &mut scratch.0;
        let saturated = |count: f32, length: f32| count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average));
        // Nearly every row has a term but once, and is short: then a division a posting is spared.
        let once: [f32; 128] = std::array::from_fn(|length| saturated(1.0, length as f32));
        let mut lists = self.lists(terms);
        let mut best = Best::of(limit);
        for (first, lengths) in (0..).step_by(BLOCK).zip(self.lengths.chunks(BLOCK)) {
            // No posting of the block's rows is as great.
            let end = u32::try_from((first + lengths.len()) << COUNT_BITS).unwrap_or(u32::MAX);
            let mut is_touched = false;
            for (postings, idf) in &mut lists {
                let mut read = 0;
                for posting in postings.iter().take_while(|posting| **posting < end) {
                    let row = (posting >> COUNT_BITS) as usize % BLOCK;
                    let count = posting & ((1 << COUNT_BITS) - 1);
                    let length = usize::from(lengths[row]);
                    scores[row] += *idf
                        * match once.get(length) {
                            Some(saturated) if count == 1 => *saturated,
                            _ => saturated(count as f32, length as f32),
                        };
                    read += 1;
                }
                is_touched |= read > 0;
                *postings = &postings[read..];
            }
            if is_touched {
                best.gather(first, scores, &allows);
                scores.fill(0.0);
            }
        }
        best.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of common and rare terms; some have a term more than once, some are long.
    fn rows() -> Vec<Vec<u64>> {
        let of = |row: u64| {
            let size = if row.is_multiple_of(97) { 200 } else { 3 + row % 9 };
            (0..size).map(|at| (row * 31 + at * at * 7) % (2 + (row + at) % 60)).collect()
        };
        (0..10_000).map(of).collect()
    }

    #[test]
    fn a_block_at_a_time_the_best_rows_are_those_of_a_sum_over_all() {
        let rows = rows();
        let mut collected = Collected::default();
        for row in &rows {
            collected.push(row);
        }
        let (channel, _) = collected.finish();
        let of = |term: u64| {
            let found = channel.found(term);
            Asked { term, found: u32::try_from(found).unwrap(), idf: inverse_frequency(rows.len(), found) }
        };
        let mut terms: Vec<Asked> = [3, 58, 41, 17, 59, 999].map(of).to_vec();
        terms.sort_by_key(|one| (one.found, one.term));
        let read: usize = terms.iter().map(|one| one.found as usize).sum();
        assert!(read < MOST_POSTINGS && read > 2_000, "{read}");
        let average = 8.0;
        let mut scratch = Scratch::default();
        for (limit, allows) in [(40, 1), (40, 7), (3, 2)] {
            let allows = |row: usize| row.is_multiple_of(allows);
            let score = |row: &Vec<u64>| {
                terms.iter().fold(0.0_f32, |sum, asked| {
                    let count = row.iter().filter(|term| **term == asked.term).count().min(31) as f32;
                    sum + asked.idf * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * row.len() as f32 / average))
                })
            };
            let mut all: Vec<f32> = (0..).zip(&rows).filter(|(at, _)| allows(*at)).map(|(_, row)| score(row)).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            let best = channel.best(&terms, average, limit, &mut scratch, allows);
            assert_eq!(best.len(), limit);
            for ((row, found), right) in best.iter().zip(&all) {
                assert!((found - right).abs() < 1e-4 && (score(&rows[*row as usize]) - right).abs() < 1e-4, "{row}");
                assert!(allows(*row as usize));
            }
            assert!(best.is_sorted_by(|a, b| a.1 > b.1 || a.1 == b.1 && a.0 < b.0), "of equal ones the first");
        }
        assert_eq!(scratch.0, [0.0; BLOCK], "nothing is left of a query");
    }

    #[test]
    fn common_terms_beyond_what_is_worth_reading_are_left_out_but_never_the_rarest() {
        let mut collected = Collected::default();
        for row in 0..MOST_POSTINGS + 10 {
            collected.push(if row < 20 { &[1, 2] } else { &[2] });
        }
        let (channel, _) = collected.finish();
        let of = |term: u64| Asked { term, found: 0, idf: 1.0 };
        let read = |terms: &[u64]| -> Vec<usize> {
            let terms: Vec<Asked> = terms.iter().copied().map(of).collect();
            channel.lists(&terms).iter().map(|(postings, _)| postings.len()).collect()
        };
        assert_eq!(read(&[1, 2]), [20]);
        assert_eq!(read(&[2]), [MOST_POSTINGS + 10]);
        assert_eq!(read(&[7, 1]), [20]);
    }
}
