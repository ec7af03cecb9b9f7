//! What is owed to whom by when, beside the minute of rule 1: the *next response* while a conversation goes on. One row of the
//! ledger for each thing that is owed; a row never restarts, and what a policy said when it began holds for it.
//!
//! * [`Rule`] and [`Terms`]: what a policy promises, and what follows from it for one message: due, steps, the service time
//!   that is counted.
//! * [`Owing`]: what a thread owes. The store's writer keeps one for each thread and asks it at every entry, in the order of
//!   the commits, so that no reply and no promise is ever in memory only.
//! * [`Book`]: which steps of the open promises come when. It can be made again from the rows.
//!
//! The first response and the call-back promise keep their clock in [`crate::routing`]: who waits in a queue is its matter.
//!
//! Deliberately absent: clocks, texts, names.

mod book;
mod owing;
mod terms;
#[cfg(test)]
mod tests;

pub use book::{Book, Reached, Running};
pub use owing::Owing;
pub use terms::{PolicyRef, Promised, Rule, Step, Terms};

use crate::words::words;

words! {
    /// What is promised.
    Promise {
        /// A human's first response (rule 1).
        FirstResponse = "first_response",
        /// A call-back in its slot (rule 2); its minute begins with the slot.
        CallBack = "call_back",
        /// An answer to whoever writes in a conversation that a human serves.
        NextResponse = "next_response",
    }
}

words! {
    /// What follows when a step of a promise is reached.
    StepAction {
        /// The agent's console shows and sounds it.
        Notify = "notify",
        /// The next ring of teams is asked now.
        Widen = "widen",
        /// The supervisors' alert rail.
        Alert = "alert",
        /// Everybody who could take it is asked at once.
        OfferToAll = "offer_to_all",
    }
}
