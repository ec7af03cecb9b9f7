//! The best of many rows, of which nearly none is among them.

/// Scores that are compared with the least of the best at once.
const STRIDE: usize = 16;

/// The best rows so far, and up to as many again that may be among them. Of equal ones the first are kept, if rows come in order.
pub(crate) struct Best {
    rows: Vec<(u32, f32)>,
    limit: usize,
    /// What is no better is none of them.
    floor: f32,
}

impl Best {
    /// Of this many. Only what is above 0 counts.
    pub(crate) fn of(limit: usize) -> Self {
        Self { rows: Vec::with_capacity(limit * 2), limit, floor: 0.0 }
    }

    /// Takes the best of the rows from `first` on, by their scores. What is not allowed is seldom: it is asked last.
    pub(crate) fn gather<const N: usize>(&mut self, first: usize, scores: &[f32; N], allows: impl Fn(usize) -> bool) {
        const { assert!(N.is_multiple_of(STRIDE), "whole strides") };
        for (from, some) in (first..).step_by(STRIDE).zip(scores.as_chunks::<STRIDE>().0) {
            // Looking at all of them without a branch is a few wide instructions.
            let floor = self.floor;
            if !some.iter().fold(false, |any, score| any | (*score > floor)) {
                continue;
            }
            for (row, score) in (from..).zip(some) {
                if *score > self.floor && allows(row) {
                    self.take(row, *score);
                }
            }
        }
    }

    fn take(&mut self, row: usize, score: f32) {
        self.rows.push((u32::try_from(row).unwrap_or(u32::MAX), score));
        if self.rows.len() == self.limit * 2 {
            self.shorten();
            self.floor = self.rows.iter().fold(f32::MAX, |least, (_, score)| least.min(*score));
        }
    }

    fn shorten(&mut self) {
        if self.rows.len() > self.limit && self.limit > 0 {
            self.rows.select_nth_unstable_by(self.limit - 1, by_score);
        }
        self.rows.truncate(self.limit);
    }

    /// Best first; of equal ones the first row.
    pub(crate) fn finish(mut self) -> Vec<(u32, f32)> {
        self.shorten();
        self.rows.sort_by(by_score);
        self.rows
    }
}

fn by_score(a: &(u32, f32), b: &(u32, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_those_of_a_whole_sort() {
        // Many equal scores.
        let scores: [f32; 4_096] = std::array::from_fn(|row| [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, -1.5][row * row % 7]);
        let allows = |row: usize| !row.is_multiple_of(5);
        let mut sorted: Vec<(u32, f32)> =
            (0..4_096).zip(scores).filter(|(row, score)| allows(*row as usize) && *score > 0.0).collect();
        sorted.sort_by(by_score);
        for limit in [1, 7, 40, 64, 5_000] {
            let mut best = Best::of(limit);
            best.gather(0, &scores, allows);
            assert_eq!(best.finish(), sorted[..limit.min(sorted.len())], "{limit}");
        }
        assert!(Best::of(0).finish().is_empty());
    }
}
