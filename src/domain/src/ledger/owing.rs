//! What a thread owes to its citizen.
//!
//! ```text
//!            a citizen's entry, after the first response          a human's reply that was read at or after it began
//!   nothing ────────────────────────────────────────────▶ owed ─────────────────────────────────────────────▶ nothing
//!                                                            └── wrap-up, closed, back with the bot ─────────▶ nothing
//! ```
//!
//! Entries come in the order of the commits, which may differ from the order of reading by what crosses on the way. What was
//! read before the last reply has been answered by it, however late it is committed; and a reply answers what stands above it
//! in the thread, but never a promise that began after it was read.

use crate::Timestamp;

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owing {
    /// Number of the last promise within the conversation; 0: there was none.
    pub last: u32,
    /// It is open since then: the first unanswered message was read.
    pub since: Option<Timestamp>,
    /// When the last human reply was read.
    pub replied_at: Option<Timestamp>,
}

impl Owing {
    /// The citizen wrote; the entry was read at `at`. Gives the number of the promise that begins with it.
    pub fn wrote(&mut self, at: Timestamp) -> Option<u32> {
        if self.since.is_some() || self.replied_at.is_some_and(|replied| at < replied) {
            return None;
        }
        self.last += 1;
        self.since = Some(at);
        Some(self.last)
    }

    /// A human replied; the entry was read at `at`. Gives the number of the promise that it keeps, in time or not.
    pub fn replied(&mut self, at: Timestamp) -> Option<u32> {
        self.replied_at = self.replied_at.max(Some(at));
        self.since.take_if(|since| *since <= at).map(|_| self.last)
    }

    /// Nothing is owed any more: the citizen is done, or it is closed. Gives the number of the promise that ends with it.
    pub fn over(&mut self) -> Option<u32> {
        self.since.take().map(|_| self.last)
    }
}
