//! The embedding table: one vector a word, made by `scripts/bot` (provenance in `scripts/bot/README.md`), and sums of them.
//!
//! File, gzip: `u32` length of the dictionary, the dictionary as jieba reads it ("word frequency", a word a line, in the order
//! of the vectors), an `f32` scale a word, [`DIM`] signed bytes a word. Little-endian. The dimensions are in order of
//! importance, so that the first of them ([`HEAD`] and [`MIDDLE`]) find what is worth a closer look.

use std::io::{self, Cursor, Read};

use flate2::read::GzDecoder;
use jieba_rs::Jieba;
use rustc_hash::FxHashMap;

use crate::best::Best;

/// Dimensions of a vector.
pub(crate) const DIM: usize = 256;
/// Dimensions that the pass over all rows reads. Together with the length of what is in the middle they say how near a row can be
/// at most; where that is not enough to be among the nearest, no more of the row is read.
const HEAD: usize = 32;
/// With [`HEAD`] the dimensions by which rows are found.
const MIDDLE: usize = 32;
/// The others.
const TAIL: usize = DIM - HEAD - MIDDLE;
/// The length of a row's middle is kept in so many parts of 1, rounded up.
const REACH: f32 = 250.0;
/// Rows of the pass at a time.
const BLOCK: usize = 1_024;
/// What a character adds beside the word that it is in.
const CHARACTER: f32 = 0.3;
/// So many neighbours by head and middle are compared in all dimensions.
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
    head: [i8; HEAD],
    middle: [i8; MIDDLE],
    tail: [i8; TAIL],
    scale: f32,
}

impl Direction {
    #[expect(clippy::cast_possible_truncation, reason = "within -127..=127 by the division")]
    fn of(sum: &[f32; DIM]) -> Self {
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        let most = sum.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let mut this = Self { head: [0; HEAD], middle: [0; MIDDLE], tail: [0; TAIL], scale: 0.0 };
        if length > 0.0 && most > 0.0 {
            for (byte, part) in this.head.iter_mut().chain(&mut this.middle).chain(&mut this.tail).zip(sum) {
                *byte = (part / most * 127.0).round() as i8;
            }
            this.scale = most / 127.0 / length;
        }
        this
    }

    /// The cosine between two texts.
    pub(crate) fn cosine(&self, other: &Self) -> f32 {
        let sum = dot(&self.head, &other.head) + dot(&self.middle, &other.middle) + dot(&self.tail, &other.tail);
        exact(sum) * self.scale * other.scale
    }

    /// The length of the middle, in bytes.
    fn reach(&self) -> f32 {
        exact(dot(&self.middle, &self.middle)).sqrt()
    }
}

/// The directions of all rows of a segment, by parts, so that a pass over all rows reads little memory.
#[derive(Default)]
pub(crate) struct Directions {
    heads: Vec<[i8; HEAD]>,
    middles: Vec<[i8; MIDDLE]>,
    tails: Vec<[i8; TAIL]>,
    scales: Vec<f32>,
    /// Lengths of the middles in parts of [`REACH`].
    reaches: Vec<u8>,
}

impl Directions {
    /// One more row.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length of at most 1, and a bit")]
    pub(crate) fn push(&mut self, row: &Direction) {
        self.heads.push(row.head);
        self.middles.push(row.middle);
        self.tails.push(row.tail);
        self.scales.push(row.scale);
        // What the last digits of a float may lack is added before it is rounded up.
        self.reaches.push((row.reach() * row.scale * REACH + 0.01).ceil() as u8);
    }

    /// Gives back what was reserved for rows that did not come.
    pub(crate) fn shrink(&mut self) {
        self.heads.shrink_to_fit();
        self.middles.shrink_to_fit();
        self.tails.shrink_to_fit();
        self.scales.shrink_to_fit();
        self.reaches.shrink_to_fit();
    }

    /// Head and middle of a row by the query's: with the row's scale a number that grows with the cosine.
    fn rough(&self, row: usize, query: &Direction) -> i32 {
        let (Some(head), Some(middle)) = (self.heads.get(row), self.middles.get(row)) else { return 0 };
        dot(head, &query.head) + dot(middle, &query.middle)
    }

    fn scale(&self, row: usize) -> f32 {
        self.scales.get(row).copied().unwrap_or(0.0)
    }

    /// The cosine between a row and a query.
    pub(crate) fn cosine(&self, row: usize, query: &Direction) -> f32 {
        let Some(tail) = self.tails.get(row) else { return 0.0 };
        exact(self.rough(row, query) + dot(tail, &query.tail)) * query.scale * self.scale(row)
    }

    /// The rows nearest to the query that are allowed, nearest first.
    pub(crate) fn nearest(&self, query: &Direction, limit: usize, allows: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
        if query.scale <= 0.0 {
            return Vec::new();
        }
        let arch = pulp::Arch::new();
        let reach = query.reach() / REACH;
        let mut bounds = [0.0; BLOCK];
        let mut best = Best::new(NEAR.max(limit));
        let blocks = self.heads.chunks(BLOCK).zip(self.scales.chunks(BLOCK)).zip(self.reaches.chunks(BLOCK));
        for (first, ((heads, scales), reaches)) in (0..).step_by(BLOCK).zip(blocks) {
            bounds[heads.len()..].fill(0.0);
            arch.dispatch(Scan { head: &query.head, reach, heads, scales, reaches, bounds: &mut bounds });
            best.gather(first, &bounds, |row, _| exact(self.rough(row, query)) * self.scale(row), &allows);
        }
        let near = best.finish().into_iter().map(|(row, _)| row as usize);
        let mut near: Vec<(usize, f32)> = near.map(|row| (row, self.cosine(row, query))).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(limit);
        near
    }
}

/// The pass over all rows, some at a time: what head and middle of each come to at most. Two middles come to no more than the product
/// of their lengths.
struct Scan<'a> {
    head: &'a [i8; HEAD],
    /// The query's, a part of [`REACH`].
    reach: f32,
    heads: &'a [[i8; HEAD]],
    scales: &'a [f32],
    reaches: &'a [u8],
    bounds: &'a mut [f32; BLOCK],
}

impl pulp::NullaryFnOnce for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let rows = self.heads.iter().zip(self.scales).zip(self.reaches);
        for (((row, scale), reach), bound) in rows.zip(self.bounds) {
            *bound = exact(dot(row, self.head)) * scale + f32::from(*reach) * self.reach;
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
            let mut right: Vec<(usize, f32)> = (0..5_000)
                .filter(|row| allows(*row))
                .map(|row| (row, exact(all.rough(row, &query)) * all.scale(row)))
                .filter(|(_, rough)| *rough > 0.0)
                .collect();
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
