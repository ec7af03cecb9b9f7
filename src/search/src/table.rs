//! The embedding table: one vector a word, made by `scripts/bot` (provenance in `scripts/bot/README.md`), and sums of them.
//!
//! File, gzip: `u32` length of the dictionary, the dictionary as jieba reads it ("word frequency", a word a line, in the order
//! of the vectors), an `f32` scale a word, [`DIM`] signed bytes a word. Little-endian. The dimensions are in order of
//! importance, so that the first [`HEAD`] of them find what is worth a closer look.

use std::io::{self, Cursor, Read};

use flate2::read::GzDecoder;
use jieba_rs::Jieba;
use rustc_hash::FxHashMap;

/// Dimensions of a vector.
pub(crate) const DIM: usize = 256;
/// Dimensions that the first pass over all rows reads.
pub(crate) const HEAD: usize = 64;
/// The others.
const TAIL: usize = DIM - HEAD;
/// Rows of the first pass at a time.
const BLOCK: usize = 1_024;
/// What a character adds beside the word that it is in.
const CHARACTER: f32 = 0.3;
/// So many neighbours by their first dimensions are compared in all.
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

    /// How alike two words are, 0..1.
    #[inline(always)]
    pub(crate) fn likeness(&self, a: u16, b: u16) -> f32 {
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
    /// The first [`HEAD`] dimensions.
    head: [i8; HEAD],
    tail: [i8; TAIL],
    scale: f32,
}

impl Direction {
    #[expect(clippy::cast_possible_truncation, reason = "within -127..=127 by the division")]
    fn of(sum: &[f32; DIM]) -> Self {
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        let most = sum.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let mut this = Self { head: [0; HEAD], tail: [0; TAIL], scale: 0.0 };
        if length > 0.0 && most > 0.0 {
            for (byte, part) in this.head.iter_mut().chain(&mut this.tail).zip(sum) {
                *byte = (part / most * 127.0).round() as i8;
            }
            this.scale = most / 127.0 / length;
        }
        this
    }
}

impl Direction {
    /// The cosine between two texts.
    pub(crate) fn cosine(&self, other: &Self) -> f32 {
        exact(dot(&self.head, &other.head) + dot(&self.tail, &other.tail)) * self.scale * other.scale
    }
}

/// The directions of all rows of a segment.
#[derive(Default)]
pub(crate) struct Directions {
    /// The first [`HEAD`] dimensions of each; by themselves, so that the first pass reads little memory.
    heads: Vec<[i8; HEAD]>,
    tails: Vec<[i8; TAIL]>,
    scales: Vec<f32>,
}

impl Directions {
    /// One more row.
    pub(crate) fn push(&mut self, row: &Direction) {
        self.heads.push(row.head);
        self.tails.push(row.tail);
        self.scales.push(row.scale);
    }

    /// Gives back what was reserved for rows that did not come.
    pub(crate) fn shrink(&mut self) {
        self.heads.shrink_to_fit();
        self.tails.shrink_to_fit();
        self.scales.shrink_to_fit();
    }

    /// The cosine between a row and a query.
    pub(crate) fn cosine(&self, row: usize, query: &Direction) -> f32 {
        let (Some(head), Some(tail)) = (self.heads.get(row), self.tails.get(row)) else { return 0.0 };
        let sum = dot(head, &query.head) + dot(tail, &query.tail);
        exact(sum) * query.scale * self.scales.get(row).copied().unwrap_or(0.0)
    }

    /// The rows nearest to the query that are allowed, nearest first.
    pub(crate) fn nearest(&self, query: &Direction, limit: usize, allows: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
        if query.scale <= 0.0 {
            return Vec::new();
        }
        let arch = pulp::Arch::new();
        let mut rough = [0.0; BLOCK];
        let wanted = NEAR.max(limit);
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(wanted * 2);
        let mut floor = 0.0;
        let shorten = |best: &mut Vec<(usize, f32)>| {
            if best.len() > wanted {
                best.select_nth_unstable_by(wanted - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                best.truncate(wanted);
            }
        };
        let blocks = self.heads.chunks(BLOCK).zip(self.scales.chunks(BLOCK));
        for (first, (heads, scales)) in (0..).step_by(BLOCK).zip(blocks) {
            arch.dispatch(Scan { head: &query.head, heads, scales, rough: &mut rough });
            for (row, value) in (first..).zip(&rough[..heads.len()]) {
                // What is not allowed is seldom: it is asked last.
                if *value > floor && allows(row) {
                    best.push((row, *value));
                    if best.len() == wanted * 2 {
                        shorten(&mut best);
                        floor = best.iter().fold(f32::MAX, |least, (_, value)| least.min(*value));
                    }
                }
            }
        }
        shorten(&mut best);
        let mut near: Vec<(usize, f32)> = best.into_iter().map(|(row, _)| (row, self.cosine(row, query))).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(limit);
        near
    }
}

/// The first pass over some rows: a number for each that grows with its cosine.
struct Scan<'a> {
    head: &'a [i8; HEAD],
    heads: &'a [[i8; HEAD]],
    scales: &'a [f32],
    rough: &'a mut [f32; BLOCK],
}

impl pulp::NullaryFnOnce for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((row, scale), rough) in self.heads.iter().zip(self.scales).zip(self.rough) {
            *rough = exact(dot(row, self.head)) * scale;
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
