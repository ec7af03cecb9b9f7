//! What the writer knows of a conversation: the last numbers of its thread, its stage, its clock. Kept in memory, because
//! nobody else changes them; forgotten after anything went wrong, and then read again.

use std::collections::HashMap;

use bangban_domain::{ConversationId, words::Stage};

use crate::{Change, Lane};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) stage: Stage,
    /// Last number of each lane.
    pub(crate) last: [u64; 2],
    /// Last clock; 0: none.
    pub(crate) clock_no: i64,
    /// Does it still wait for a human's response?
    pub(crate) clock_open: bool,
}

/// The heads that a batch works with.
pub(crate) type Heads = HashMap<ConversationId, Head>;

impl Head {
    /// Gives out the next number.
    pub(crate) const fn next(&mut self, lane: Lane) -> u64 {
        let last = &mut self.last[lane.index()];
        *last += 1;
        *last
    }
}

/// What a change means for the heads.
pub(crate) fn note_change(heads: &mut Heads, change: &Change) {
    match change {
        Change::NewConversation(row) => {
            heads.insert(row.id, Head { stage: row.stage, last: [0, 0], clock_no: 0, clock_open: false });
        }
        Change::Conversation(row) => {
            if let Some(head) = heads.get_mut(&row.id) {
                head.stage = row.stage;
            }
        }
        Change::Clock(row) => {
            if let Some(head) = heads.get_mut(&row.conversation) {
                head.clock_no = i64::from(row.no);
                head.clock_open = true;
            }
        }
        Change::Left { conversation, .. } => {
            if let Some(head) = heads.get_mut(conversation) {
                head.clock_open = false;
            }
        }
        Change::Citizen(_)
        | Change::Staff(_)
        | Change::Step { .. }
        | Change::StrikeBreach { .. }
        | Change::Read { .. }
        | Change::Draft { .. }
        | Change::Status { .. }
        | Change::Receipt(_)
        | Change::ReceiptSettled { .. } => {}
    }
}

/// Heads between batches, bounded: two generations, of which the older one is dropped when the younger one is full, so
/// that what was used lately stays.
pub(crate) struct Cache {
    young: Heads,
    old: Heads,
    generation: usize,
}

impl Cache {
    /// At most twice `generation` heads, of about 100 bytes.
    pub(crate) fn new(generation: usize) -> Self {
        Self { young: Heads::new(), old: Heads::new(), generation }
    }

    /// Moves a head out: while a batch changes it, nobody else may have it.
    pub(crate) fn take(&mut self, id: ConversationId) -> Option<Head> {
        let old = self.old.remove(&id);
        self.young.remove(&id).or(old)
    }

    /// Puts committed heads back.
    pub(crate) fn put(&mut self, heads: Heads) {
        for (id, head) in heads {
            if self.young.len() >= self.generation {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(id, head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { stage: Stage::Bot, last: [3, 0], clock_no: 0, clock_open: false };

    #[test]
    fn the_cache_keeps_what_was_used_lately_and_stays_bounded() {
        let mut cache = Cache::new(10);
        let id = |n: u128| ConversationId::new(n);
        for n in 0..1_000 {
            cache.put(Heads::from([(id(n), HEAD)]));
            let kept = cache.take(id(0));
            assert_eq!(kept, Some(HEAD), "{n}: used in every round");
            cache.put(Heads::from([(id(0), HEAD)]));
            assert!(cache.young.len() + cache.old.len() <= 20, "{n}");
        }
        assert_eq!(cache.take(id(500)), None, "not used for long");
        assert_eq!(cache.take(id(999)), Some(HEAD));
        assert_eq!(cache.take(id(999)), None, "a batch has it");
    }
}
