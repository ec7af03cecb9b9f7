//! Everything that decides, and nothing that touches the world.
//!
//! Deliberately absent: sockets, files, SQL, clocks, randomness, locks, threads. Time comes in as [`Timestamp`], ids
//! come in with the input or from a constructor argument, and what should happen goes out as plain comparable data.
//! `clippy.toml` enforces the absence of clocks.

pub mod action;
pub mod alert;
pub mod calendar;
pub mod call;
pub mod call_back;
pub mod citizen;
pub mod conversation;
pub mod dialogue;
pub mod figures;
pub mod file;
pub mod guide;
pub mod history;
pub mod id;
pub mod knowledge;
pub mod learning;
pub mod ledger;
pub mod org;
pub mod privacy;
pub mod quality;
pub mod rephrase;
pub mod rights;
pub mod routing;
pub mod sound;
pub mod task;
pub mod time;
pub mod window;
pub mod word_list;
pub mod words;

pub use id::{
    ActionId, AgentId, AlertId, CallId, CitizenId, ContinuationId, ConversationId, FileId, InspectionId, NoticeId,
    OfferId, ParseIdError, ParticipantId, PolicyId, StaffSessionId, TaskId, TeamId, WindowId,
};
pub use time::Timestamp;
