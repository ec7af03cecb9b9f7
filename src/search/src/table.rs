//! The embedding table: one vector a word, made by `scripts/bot` (provenance in `scripts/bot/README.md`), and sums of them.
//!
//! File, gzip: `u32` length of the dictionary, the dictionary as jieba reads it ("word frequency", a word a line, in the order
//! of the vectors), an `f32` scale a word, [`DIM`] signed bytes a word. Little-endian. The dimensions are in order of
//! importance, so that the first [`HEAD`] of them find what is worth a closer look.

use std::io::{self, Cursor, Read};

use flate2::read::GzDecoder;
use jieba_rs::Jieba;
use rustc_hash::FxHashMap;

use crate::best::Best;

/// Dimensions of a vector.
pub(crate) const DIM: usize = 256;
/// Dimensions that the pass over all rows reads.
const HEAD: usize = 64;
/// Rows of the pass at a time.
const LANES: usize = 256;
/// What a character adds beside the word that it is in.
const CHARACTER: f32 = 0.3;
/// So many neighbours by their first dimensions are compared in all dimensions.
const NEAR: usize = 64;

/// Words, and what they mean as vectors.
pub(crate) struct Table {
    ids: FxHashMap<Box<str>, u16>,
    scales: Vec<f32>,
    /// 1 / length of each vector of bytes.
    inverse: Vec<f32>,
    vectors: Vec<[i8; DIM]>,
    /// Characters of each word of several.
    characters: Vec<Box<[u16]>>,
}

impl Table {
    /// The table, and a segmentation by its words.
    pub(crate) fn read(packed: &[u8]) -> io::Result<(Self, Jieba)> {
        let mut file = GzDecoder::new(packed);
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let mut dictionary = vec![0; usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?];
        file.read_exact(&mut dictionary)?;
        let jieba = Jieba::with_dict(&mut Cursor::new(&dictionary)).map_err(io::Error::other)?;
        let dictionary = std::str::from_utf8(&dictionary).map_err(io::Error::other)?;
        let words: Vec<&str> = dictionary.lines().filter_map(|line| line.split(' ').next()).collect();
        let mut ids = FxHashMap::default();
        for (id, word) in words.iter().enumerate() {
            ids.insert((*word).into(), u16::try_from(id).map_err(io::Error::other)?);
        }
        let mut scales = vec![0; words.len() * 4];
        file.read_exact(&mut scales)?;
        let scales =
            scales.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        let mut bytes = vec![0; words.len() * DIM];
        file.read_exact(&mut bytes)?;
        let bytes: Vec<i8> = bytes.into_iter().map(u8::cast_signed).collect();
        let vectors = bytes.as_chunks::<DIM>().0.to_vec();
        let inverse = vectors.iter().map(|one| 1.0 / exact(dot(one, one)).sqrt().max(1.0)).collect();
        let of = |word: &&str| -> Box<[u16]> {
            let mut letters = [0; 4];
            let is_long = word.chars().nth(1).is_some();
            word.chars().filter(|_| is_long).filter_map(|c| ids.get(&*c.encode_utf8(&mut letters)).copied()).collect()
        };
        let characters = words.iter().map(of).collect();
        Ok((Self { ids, scales, inverse, vectors, characters }, jieba))
    }

    /// The words of a text by number; what is no word by its characters.
    pub(crate) fn tokens<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<u16> {
        let mut tokens = Vec::new();
        let mut letters = [0; 4];
        for word in words {
            match self.ids.get(word) {
                Some(id) => tokens.push(*id),
                None => {
                    tokens.extend(word.chars().filter_map(|c| self.ids.get(&*c.encode_utf8(&mut letters)).copied()));
                }
            }
        }
        tokens
    }

    #[inline(always)]
    fn vector(&self, id: u16) -> &[i8; DIM] {
        self.vectors.get(usize::from(id)).unwrap_or(&[0; DIM])
    }

    /// How alike each of some words is to another one, 0..1, at the end of `likenesses`.
    pub(crate) fn likenesses(&self, words: &[u16], other: u16, likenesses: &mut Vec<f32>) {
        let before = likenesses.len();
        likenesses.resize(before + words.len(), 0.0);
        // Told apart once for all words, not once a word, whether the processor can take many bytes at a time.
        pulp::Arch::new().dispatch(|| {
            for (likeness, word) in likenesses[before..].iter_mut().zip(words) {
                *likeness = self.likeness(*word, other);
            }
        });
    }

    #[inline(always)]
    fn likeness(&self, a: u16, b: u16) -> f32 {
        if a == b {
            return 1.0;
        }
        let of = |id: u16| self.inverse.get(usize::from(id)).copied().unwrap_or(0.0);
        (exact(dot(self.vector(a), self.vector(b))) * of(a) * of(b)).max(0.0)
    }

    /// How much a word counts: rare ones more. The vectors carry it as their length.
    pub(crate) fn weight(&self, id: u16) -> f32 {
        let of = |values: &[f32]| values.get(usize::from(id)).copied().unwrap_or(0.0);
        let inverse = of(&self.inverse);
        if inverse > 0.0 { of(&self.scales) / inverse } else { 0.0 }
    }

    /// The meaning of a text as a direction: its words' sum.
    pub(crate) fn direction(&self, tokens: &[u16]) -> Direction {
        let mut sum = [0.0; DIM];
        for token in tokens {
            self.add(*token, 1.0, &mut sum);
            for character in self.characters.get(usize::from(*token)).into_iter().flatten() {
                self.add(*character, CHARACTER, &mut sum);
            }
        }
        Direction::of(&sum)
    }

    fn add(&self, id: u16, weight: f32, sum: &mut [f32; DIM]) {
        let weight = weight * self.scales.get(usize::from(id)).copied().unwrap_or(0.0);
        for (sum, part) in sum.iter_mut().zip(self.vector(id)) {
            *sum += weight * f32::from(*part);
        }
    }
}

/// A vector of length 1, as bytes and what one byte is worth.
#[derive(Clone)]
pub(crate) struct Direction {
    bytes: [i8; DIM],
    scale: f32,
}

impl Direction {
    #[expect(clippy::cast_possible_truncation, reason = "within -127..=127 by the division")]
    fn of(sum: &[f32; DIM]) -> Self {
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        let most = sum.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let mut this = Self { bytes: [0; DIM], scale: 0.0 };
        if length > 0.0 && most > 0.0 {
            for (byte, part) in this.bytes.iter_mut().zip(sum) {
                *byte = (part / most * 127.0).round() as i8;
            }
            this.scale = most / 127.0 / length;
        }
        this
    }

    /// The cosine between two texts.
    pub(crate) fn cosine(&self, other: &Self) -> f32 {
        exact(dot(&self.bytes, &other.bytes)) * self.scale * other.scale
    }
}

/// The directions of all rows of a segment.
#[derive(Default)]
pub(crate) struct Directions {
    rows: Vec<Direction>,
    /// Their first dimensions once more, by themselves, so that the pass over all rows reads little memory.
    heads: Vec<Heads>,
}

/// The first dimensions of some rows, side by side: a number of the query is multiplied with those of many rows at once. In the last
/// one there is room for rows that did not come.
struct Heads {
    dimensions: [[i8; LANES]; HEAD],
    scales: [f32; LANES],
}

impl Directions {
    /// One more row.
    pub(crate) fn push(&mut self, row: &Direction) {
        let lane = self.rows.len() % LANES;
        if lane == 0 {
            self.heads.push(Heads { dimensions: [[0; LANES]; HEAD], scales: [0.0; LANES] });
        }
        if let Some(heads) = self.heads.last_mut() {
            for (dimension, byte) in heads.dimensions.iter_mut().zip(row.bytes) {
                dimension[lane] = byte;
            }
            heads.scales[lane] = row.scale;
        }
        self.rows.push(row.clone());
    }

    /// Gives back what was reserved for rows that did not come.
    pub(crate) fn shrink(&mut self) {
        self.rows.shrink_to_fit();
        self.heads.shrink_to_fit();
    }

    /// The cosine between a row and a query.
    pub(crate) fn cosine(&self, row: usize, query: &Direction) -> f32 {
        self.rows.get(row).map_or(0.0, |row| row.cosine(query))
    }

    /// The rows nearest to the query that are allowed, nearest first.
    pub(crate) fn nearest(&self, query: &Direction, limit: usize, allows: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
        if query.scale <= 0.0 {
            return Vec::new();
        }
        let arch = pulp::Arch::new();
        let mut rough = [0.0; LANES];
        let mut best = Best::of(NEAR.max(limit));
        for (first, heads) in (0..).step_by(LANES).zip(&self.heads) {
            arch.dispatch(Pass { query, heads, rough: &mut rough });
            best.gather(first, &rough, &allows);
        }
        let near = best.finish().into_iter().map(|(row, _)| row as usize);
        let mut near: Vec<(usize, f32)> = near.map(|row| (row, self.cosine(row, query))).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(limit);
        near
    }
}

/// The first pass over some rows: a number for each that grows with its cosine, by the first dimensions alone.
struct Pass<'a> {
    query: &'a Direction,
    heads: &'a Heads,
    rough: &'a mut [f32; LANES],
}

impl pulp::NullaryFnOnce for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut sums = [0; LANES];
        // The loop over rows is the inner one and a long one, or the compiler would make wide instructions of the one over dimensions,
        // whose bytes are not side by side. Four dimensions at a time, so that sums are fetched less often.
        let fours = self.heads.dimensions.as_chunks::<4>().0.iter().zip(self.query.bytes.as_chunks().0);
        for ([a, b, c, d], asked) in fours {
            let [p, q, r, s] = asked.map(i32::from);
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum +=
                    i32::from(a[lane]) * p + i32::from(b[lane]) * q + i32::from(c[lane]) * r + i32::from(d[lane]) * s;
            }
        }
        for ((rough, sum), scale) in self.rough.iter_mut().zip(sums).zip(&self.heads.scales) {
            *rough = exact(sum) * scale;
        }
    }
}

/// A loop of known length over bytes that the compiler turns into wide instructions.
#[inline(always)]
fn dot<const N: usize>(a: &[i8; N], b: &[i8; N]) -> i32 {
    let mut sum = 0;
    for at in 0..N {
        sum += i32::from(a[at]) * i32::from(b[at]);
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "at most 256 * 127 * 127, below 2^24")]
const fn exact(sum: i32) -> f32 {
    sum as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::Lexicon;

    #[test]
    fn the_nearest_are_those_of_a_look_at_all_rows() {
        let table = &Lexicon::built_in().table;
        // Texts of three words each, which the query shares some of.
        let number = |n: usize| u16::try_from(n % 20_000).unwrap();
        let direction = |n: usize| table.direction(&[number(n * 7 % 300), number(n * n), number(n * 131 + 5)]);
        let mut all = Directions::default();
        for row in 0..5_000 {
            all.push(&direction(row));
        }
        for (asked, every) in [(0, 1), (1_234, 1), (7_777, 3), (40, 500)] {
            let query = direction(asked);
            let allows = |row: usize| row.is_multiple_of(every);
            let by_nearness = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
            let rough = |row: usize| {
                let bytes = query.bytes.iter().zip(&all.rows[row].bytes).take(HEAD);
                exact(bytes.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()) * all.rows[row].scale
            };
            let allowed = (0..5_000).filter(|row| allows(*row));
            let mut right: Vec<(usize, f32)> =
                allowed.map(|row| (row, rough(row))).filter(|(_, rough)| *rough > 0.0).collect();
            right.sort_by(by_nearness);
            right.truncate(NEAR);
            let mut right: Vec<_> = right.into_iter().map(|(row, _)| (row, all.cosine(row, &query))).collect();
            right.sort_by(by_nearness);
            right.truncate(20);
            assert!(right.len() > 4, "{}", right.len());
            assert_eq!(all.nearest(&query, 20, allows), right, "{asked}");
            if asked < 5_000 && allows(asked) {
                assert!((right[0].1 - 1.0).abs() < 0.02, "itself first: {}", right[0].1);
            }
        }
    }
}
