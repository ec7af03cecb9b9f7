//! The published figures: what each one is, said once, and how it is counted from rows.
//!
//! * [`rows`]: what is counted. A row says what became of one thing (a request for a human, an offer, a conversation from its
//!   opening to its closing, a left message, a visit to 小申).
//! * [`define`]: every figure with its words, its numerator and its denominator. Both are conditions on rows, kept as data:
//!   this crate evaluates them on a row, the store writes the same ones into SQL, so that there is no second definition.
//! * [`tally`]: counts rows.
//! * [`retell`]: makes the rows of conversations from their event logs.
//! * [`timeline`]: an agent's day.
//! * [`live`]: the within-minute rate of today, kept as it changes, for the board.
//!
//! Deliberately absent: the on-time rate (DOMAIN), and connect rate and answers within 15 s: [`crate::call::figures`] counts
//! those from the rows of calls. Each is a [`define::Definition`] more once the store has its rows.

pub mod define;
pub mod live;
pub mod retell;
pub mod rows;
pub mod tally;
pub mod timeline;

pub use define::{Definition, Figure, Is, Shape};
pub use live::{AllRates, Rates, Request, Today, Verdict, recount};
pub use rows::{By, Field, Kind, Row, Table, Word};
pub use tally::{Part, Tallies, Tally};
