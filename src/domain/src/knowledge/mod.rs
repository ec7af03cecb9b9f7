//! The knowledge base (知识库): entries with their revisions, and the review points of items (DOMAIN rules 8 to 12 and 18).
//!
//! An entry is a question with its official answer. It has revisions 1, 2, ...; of these at most one is open:
//!
//! ```text
//!            submit              publish
//!   draft ----------> in review ---------> published: holds from its begin to its end (scheduled, in force, expired)
//!     ^  <----------     |
//!     |     reject,      |
//!     |    take back     |
//!     +-- discard: gone  +
//! ```
//!
//! Four eyes: nobody who has written in a revision reviews it. Which revision holds at an instant is [`Head::in_force`], a
//! function of the instant: nothing has to happen for an answer to begin or to end. Restoring an old revision makes a new
//! draft of it; nothing published is ever changed.

mod answer;
mod content;
mod diff;
mod doubt;
mod file;
mod force;
mod near;
mod point;
mod steps;
mod strip;

pub use answer::{answer_key, other_wordings, plain};
pub(crate) use content::official_link;
pub use content::{Content, MAX_ANSWER, MAX_QUESTION, MAX_SIMILAR};
pub use diff::{EntryField, FieldChange, Piece, PieceKind, changes};
pub use doubt::{DOUBT_SPAN, DOUBTS, is_doubted};
pub use file::{AnswerFile, FileReference, FileUse, MAX_FILES, UNUSED_FILE_KEPT, file_references};
pub use force::{Head, Span};
pub use near::{Kinship, Scope, kinship, overlaps};
pub use point::{MAX_POINTS, PointSubject, ReviewPoint};
pub use steps::{Refusal, Step};
pub use strip::strip;

use crate::words::words;

words! {
    /// Where an entry stands at an instant.
    EntryState {
        /// Somebody writes.
        Draft = "draft",
        /// It waits for a second person.
        InReview = "in_review",
        /// Published; begins later.
        Scheduled = "scheduled",
        /// In force.
        Published = "published",
        /// Its end is over.
        Expired = "expired",
        /// Taken out of force.
        Retired = "retired",
    }
}

words! {
    /// What is open of an entry.
    OpenState {
        /// Somebody writes.
        Draft = "draft",
        /// It waits for a second person.
        InReview = "in_review",
    }
}

words! {
    /// What has become of a revision.
    RevisionState {
        /// Somebody writes.
        Draft = "draft",
        /// It waits for a second person.
        InReview = "in_review",
        /// Reviewed; holds from its begin to its end.
        Published = "published",
        /// Given up before it was published.
        Discarded = "discarded",
    }
}

words! {
    /// Where an entry comes from.
    Origin {
        /// Written by an editor.
        Editor = "editor",
        /// The answer of an agent in a conversation (rule 10).
        WriteBack = "write_back",
        /// Read from a file.
        Import = "import",
        /// Built in for the demo.
        Demo = "demo",
    }
}
