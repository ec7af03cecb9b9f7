//! Maps by id. Ids are made by the server (UUID version 7, or counted): nobody outside can choose them so that they
//! collide, and a decision looks up dozens of them.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by id.
pub(super) type ById<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Multiplies once (the golden ratio, Knuth vol. 3, 6.4) and folds the upper half down.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct IdHasher(u64);

impl IdHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u128(&mut self, id: u128) {
        let bytes = id.to_le_bytes();
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        self.mix(half(0) ^ half(8).rotate_left(32));
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, BuildHasherDefault};

    use super::*;
    use crate::{ConversationId, OfferId};

    #[test]
    fn counted_ids_and_those_of_one_millisecond_fall_into_different_buckets() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let buckets = |ids: Vec<u128>| {
            let bucket = |id: u128| hasher.hash_one(ConversationId::new(id)) % 4_096;
            ids.into_iter().map(bucket).collect::<std::collections::HashSet<_>>().len()
        };
        let time = 0x0193_5a3c_7d21_7000_u128 << 64;
        let scattered = |n: u128| n.wrapping_mul(0xd6e8_feb8_6659_fd93) & 0x3fff_ffff_ffff_ffff;
        // 2 048 ids in 4 096 buckets: at random about 1 612 different ones.
        assert!(buckets((0..2_048).collect()) > 1_500);
        assert!(buckets((0..2_048).map(|n| time | scattered(n)).collect()) > 1_500);
        assert!(buckets((0..2_048).map(|n| (n << 64) | 7).collect()) > 1_500);
        assert_ne!(hasher.hash_one(OfferId::new(1)), hasher.hash_one(OfferId::new(1 << 64)));
    }
}
