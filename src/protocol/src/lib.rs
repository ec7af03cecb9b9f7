//! The one definition of what travels on the WebSocket. `web-agent/src/generated/protocol.ts` is made from it
//! (`make gen`) and checked for drift; docs/protocol.md explains the conversation around it.
//!
//! Shapes: request `{ref, body}`, reply `{ref, ok}` or `{ref, error}`, event `{topic, epoch, seq?, body}`.
//! All text is UTF-8 JSON; all instants are milliseconds since 1970 UTC; all ids are prefixed texts.

mod action;
mod admin;
mod alert;
mod bot;
mod call;
mod call_figures;
mod citizen;
mod command;
mod duty;
mod error;
mod event;
mod figures;
mod file;
mod frame;
mod guide;
mod knowledge;
mod learning;
mod ledger;
mod privacy;
mod quality;
mod roster;
mod staff;
mod staffing;
mod task;
mod thread;
mod topic;
mod view;
mod window;

pub use action::{ActionOffer, ActionOutcome};
pub use admin::*;
pub use alert::{AcknowledgedView, AlertView, AlertsView, PastAlerts};
pub use bot::*;
pub use call::*;
pub use call_figures::*;
pub use citizen::{
    ContinuationView, MyPast, MyReceipt, ReceiptAnswer, ReceiptMove, ReceiptQuestion, ReceiptView, Redeem, Redeemed,
    VisitorReply,
};
pub use command::{Command, Login, LoginReply, TransferTarget};
pub use duty::*;
pub use error::{ErrorCode, WireError, close_code};
pub use event::{EventBody, Snapshot};
pub use figures::*;
pub use file::{FileLimits, FileLink, FileView};
pub use frame::{Answer, Frame, Request};
pub use guide::{
    GuideDraft, GuideGiven, GuideKnown, GuideLine, GuideList, GuideOffer, GuideOption, GuideRevisionView,
    GuideStepOrder, GuideTried, GuideTry, GuideView, GuideWalk,
};
pub use knowledge::{
    EntryChanges, EntryCount, EntryCounts, EntryDraft, EntryLine, EntryNew, EntryPage, EntryRelative, EntrySource,
    EntryStep, EntryStepOrder, EntryView, PointList, PointPut, PointView, RevisionView, WriteBackDraft,
    WrittenBackPage, WrittenBackView,
};
pub use learning::*;
pub use ledger::*;
pub use privacy::{MaskedField, Reveal, Revealed};
pub use quality::*;
pub use roster::{RightView, RightsView, RosterDay, RosterDuty, RosterView, Span};
pub use staff::*;
pub use staffing::*;
pub use task::*;
pub use thread::{
    BotOption, BotPhrase, Decided, DistrictDetail, GuideStepKind, HandOverPacket, HandOverReason, Party,
    ProposedAnswer, Rephrased, ShownOption, SuggestionBasis, ThreadBody, ThreadEntry,
};
pub use topic::{ParseTopicError, Topic, UnitCode};
pub use view::*;
pub use window::*;

/// Version of this protocol; a client says it in `hello`.
pub const VERSION: u32 = 1;

/// Longest frame that a client may send, in bytes.
pub const MAX_FRAME: usize = 64 * 1024;

/// Longest piece of a page in `send_frames`, in bytes.
pub const MAX_PAGE_PIECE: usize = 256 * 1024;

/// Longest frame that carries one: as JSON in JSON, every quotation mark of it takes two bytes.
pub const MAX_PAGE_FRAME: usize = 2 * MAX_PAGE_PIECE + 4 * 1024;
