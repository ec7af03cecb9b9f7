//! What the writer knows of a conversation: the last numbers of its thread, the client ids in it, its stage, its clock.
//! Kept in memory, because nobody else changes them; forgotten after anything went wrong, and then read again.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    history::Event,
    ledger::{Owing, Promised},
    words::Stage,
};

use crate::{Author, Change, Lane};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Name of the thread in `entry`.
    pub(crate) no: i64,
    pub(crate) stage: Stage,
    /// Last number of each lane.
    pub(crate) last: [u64; 2],
    /// Last clock; 0: none.
    pub(crate) clock_no: i64,
    /// Does it still wait for a human's response?
    pub(crate) clock_open: bool,
    /// Answers that are owed after the first one.
    pub(crate) owing: Owing,
    /// The open promise as long as nothing has followed from it: it stands with the entry that asks and nowhere else.
    pub(crate) untold: Option<Arc<Promised>>,
    /// Hashes of the client ids that were used lately.
    pub(crate) clients: Recent,
}

/// Client ids by their hashes: at least the last [`WINDOW`] of a thread. A message is sent again by one who has not heard
/// of it, soon after and before anything newer of theirs, so older ones need not be known; to know all of them made long
/// threads dearer with every message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

/// Entries of a lane, counted from its end, whose client ids are known. At the rates that people are held to (`limits`)
/// that is some minutes of the fastest typing.
pub(crate) const WINDOW: u64 = 1_024;

impl Recent {
    /// Was it not there?
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        if self.contains(hash) {
            return false;
        }
        if self.young.len() as u64 >= 2 * WINDOW {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash)
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.young.contains(&hash) || self.old.contains(&hash)
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// What [`Head::clients`] holds. Two ids may have the same: then the thread decides.
pub(crate) fn client_hash(author: Author, client_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    author.hash(&mut hasher);
    client_id.hash(&mut hasher);
    hasher.finish()
}

/// The heads that a batch works with.
pub(crate) type Heads = HashMap<ConversationId, Head>;

impl Head {
    /// Of a thread without entries.
    pub(crate) fn new(no: i64, stage: Stage) -> Self {
        Self {
            no,
            stage,
            last: [0, 0],
            clock_no: 0,
            clock_open: false,
            owing: Owing::default(),
            untold: None,
            clients: Recent::default(),
        }
    }

    /// Is whoever writes now owed an answer? Not before the first response, and not when all is done.
    fn is_owing(&self) -> bool {
        let is_with_humans = matches!(self.stage, Stage::Waiting | Stage::Offered | Stage::Serving);
        is_with_humans && self.clock_no > 0 && !self.clock_open
    }

    /// Is the promise of this number open?
    pub(crate) fn owes(&self, no: u32) -> bool {
        self.owing.since.is_some() && self.owing.last == no
    }

    /// The citizen wrote. Gives the number of the promise that begins with it.
    pub(crate) fn wrote(&mut self, at: Timestamp, promised: &Arc<Promised>) -> Option<u32> {
        if !self.is_owing() {
            return None;
        }
        let no = self.owing.wrote(at)?;
        self.untold = Some(Arc::clone(promised));
        Some(no)
    }

    /// A human replied. Gives the number of the promise that is kept with it, what the log says, and what was promised if no
    /// row has it yet.
    pub(crate) fn replied(&mut self, at: Timestamp, by: AgentId) -> Option<(u32, Event, Option<Arc<Promised>>)> {
        let asked_at = self.owing.since;
        let no = self.owing.replied(at)?;
        let untold = self.untold.take();
        let event = match (&untold, asked_at) {
            (Some(promised), Some(asked_at)) => {
                let due_at = promised.terms.due_at();
                Event::ReplyKept { no, team: promised.team.clone(), asked_at, due_at, at, by }
            }
            _ => Event::Replied { no, at, by },
        };
        Some((no, event, untold))
    }

    /// Something follows from the open promise. Gives its begin, unless the log has it.
    pub(crate) fn tell(&mut self) -> Option<(Event, Arc<Promised>)> {
        let (asked_at, promised) = (self.owing.since?, self.untold.take()?);
        let (team, terms) = (Some(promised.team.clone()), Box::new(promised.terms.clone()));
        Some((Event::ReplyOwed { no: self.owing.last, team, asked_at, terms }, promised))
    }

    /// Memory, in units of about 16 bytes.
    fn weight(&self) -> usize {
        10 + self.clients.len()
    }

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
        // Whoever numbers it makes the head.
        Change::NewConversation(_)
        | Change::Citizen(_)
        | Change::Staff(_)
        | Change::Account(_)
        | Change::Step { .. }
        | Change::StrikeBreach { .. }
        | Change::Read { .. }
        | Change::Correction(_)
        | Change::Records(_)
        | Change::Quality(_)
        | Change::Task(_)
        | Change::Outbox(_)
        | Change::Knowledge(_)
        | Change::Guide(_)
        | Change::Bot(_)
        | Change::Learning(_)
        | Change::Action(_)
        | Change::Window(_)
        | Change::Call(_)
        | Change::Audit(_)
        // Numbers go on where they were: the head has them, and so has the row.
        | Change::Privacy(_)
        | Change::Draft { .. }
        | Change::Status { .. }
        | Change::Receipt(_)
        | Change::ReceiptSettled { .. }
        | Change::ReceiptReminded { .. }
        | Change::File(_)
        | Change::Claim { .. }
        | Change::Alert(_)
        | Change::Helper(_)
        | Change::Figures(_)
        | Change::AgentLog(_)
        | Change::Continuation(_) => {}
    }
}

/// Heads between batches, bounded: two generations, of which the older one is dropped when the younger one is full, so
/// that what was used lately stays.
pub(crate) struct Cache {
    young: Heads,
    old: Heads,
    /// Weight of `young`, and what it may be.
    weight: usize,
    generation: usize,
}

impl Cache {
    /// Two generations of this weight: see [`Head::weight`].
    pub(crate) fn new(generation: usize) -> Self {
        Self { young: Heads::new(), old: Heads::new(), weight: 0, generation }
    }

    /// Moves a head out: while a batch changes it, nobody else may have it.
    pub(crate) fn take(&mut self, id: ConversationId) -> Option<Head> {
        let old = self.old.remove(&id);
        let young = self.young.remove(&id);
        self.weight -= young.as_ref().map_or(0, Head::weight);
        young.or(old)
    }

    /// Puts committed heads back.
    pub(crate) fn put(&mut self, heads: Heads) {
        for (id, head) in heads {
            if self.weight >= self.generation {
                self.old = std::mem::take(&mut self.young);
                self.weight = 0;
            }
            self.weight += head.weight();
            self.young.insert(id, head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head { last: [3, 0], ..Head::new(1, Stage::Bot) }
    }

    #[test]
    fn the_cache_keeps_what_was_used_lately_and_stays_bounded() {
        // Ten heads without client ids.
        let mut cache = Cache::new(80);
        let id = |n: u128| ConversationId::new(n);
        for n in 0..1_000 {
            cache.put(Heads::from([(id(n), head())]));
            let kept = cache.take(id(0));
            assert_eq!(kept, Some(head()), "{n}: used in every round");
            cache.put(Heads::from([(id(0), head())]));
            assert!(cache.young.len() + cache.old.len() <= 20, "{n}");
        }
        assert_eq!(cache.take(id(500)), None, "not used for long");
        assert_eq!(cache.take(id(999)), Some(head()));
        assert_eq!(cache.take(id(999)), None, "a batch has it");
    }

    #[test]
    fn client_ids_count_as_memory() {
        let mut cache = Cache::new(80);
        let mut long = head();
        for hash in 0..1_000 {
            long.clients.insert(hash);
        }
        for n in 0..10 {
            cache.put(Heads::from([(ConversationId::new(n), long.clone())]));
        }
        assert!(cache.young.len() + cache.old.len() <= 2);
        while let Some(id) = cache.young.keys().next().copied() {
            cache.take(id);
        }
        assert_eq!(cache.weight, 0);
    }

    #[test]
    fn the_last_ids_of_both_lanes_are_known_and_old_ones_take_no_room() {
        let mut clients = Recent::default();
        for hash in 0..100_000 {
            assert!(clients.insert(hash));
            // Both lanes share the set.
            let oldest = hash.saturating_sub(2 * WINDOW - 1);
            assert!(clients.contains(oldest) && clients.contains(hash) && !clients.insert(oldest), "{hash}");
            assert!(clients.len() as u64 <= 4 * WINDOW, "{hash}");
        }
        assert!(!clients.contains(0));
    }

    #[test]
    fn a_client_id_is_its_authors() {
        let hash = client_hash(Author::Citizen, "a");
        assert_eq!(hash, client_hash(Author::Citizen, "a"));
        assert_ne!(hash, client_hash(Author::Bot, "a"));
        assert_ne!(hash, client_hash(Author::Citizen, "b"));
    }
}
