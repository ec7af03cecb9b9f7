//! What citizens are told beside their conversations: what was before, receipts, the way to a second device, and the
//! replies of the REST routes that they use.

use bangban_domain::{
    ContinuationId, ConversationId, Timestamp,
    words::{HandOnChannel, Outcome, ReceiptState, Stage},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Slot;

/// One line of 我的咨询: a conversation of one's own, however old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct MyPast {
    /// The conversation; `subscribe` shows its thread.
    pub id: ConversationId,
    /// Item code.
    pub item: Option<String>,
    /// Item name.
    pub item_name: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// When closed: how.
    pub outcome: Option<Outcome>,
    /// The rating.
    pub stars: Option<u8>,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Writing continues it (true, also while it is open), or a new one on the same item has to be opened.
    pub may_continue: bool,
    /// In order of making.
    pub receipts: Vec<MyReceipt>,
}

/// A receipt of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct MyReceipt {
    /// What to quote.
    pub receipt: String,
    /// What has become of it.
    pub state: ReceiptState,
    /// Handed on: where to. `None`: a message that was left.
    pub hand_on: Option<HandOnChannel>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// How far the way to a second device has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ContinuationView {
    /// Which.
    pub id: ContinuationId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The code can be used before.
    pub expires_at: Timestamp,
    /// When it was used.
    pub redeemed_at: Option<Timestamp>,
    /// When it was taken back, before or after its use.
    pub revoked_at: Option<Timestamp>,
}

/// Success of `POST /api/citizen/anonymous`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct VisitorReply {
    /// For `hello`; whoever has it is this visitor, so it stays on the device.
    pub token: String,
    /// When it ends; the same route gives a new one for it before that.
    pub expires_at: Timestamp,
}

/// Body of `POST /api/citizen/continue`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Redeem {
    /// The long code of the picture, or the short one.
    #[schema(min_length = 1, max_length = 64)]
    pub code: String,
}

/// Success of `POST /api/citizen/continue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Redeemed {
    /// For `hello`: the same citizen.
    pub token: String,
    /// When it ends; not later than that of the first device.
    pub expires_at: Timestamp,
    /// What to show.
    pub conversation: ConversationId,
}

/// Body of `POST /api/citizen/receipt`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ReceiptQuestion {
    /// The number.
    #[schema(min_length = 1, max_length = 32)]
    pub receipt: String,
    /// The last four digits of the telephone that was left; not needed with the citizen's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    #[schema(pattern = "^[0-9]{4}$")]
    pub phone_end: Option<String>,
}

/// Body of `POST /api/citizen/receipt/move`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ReceiptMove {
    /// The number.
    #[schema(min_length = 1, max_length = 32)]
    pub receipt: String,
    /// The last four digits of the telephone that was left; not needed with the citizen's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    #[schema(pattern = "^[0-9]{4}$")]
    pub phone_end: Option<String>,
    /// Begin of one of the receipt's `slots`.
    pub slot: Timestamp,
}

/// Success of `POST /api/citizen/receipt`, `.../move` and `.../cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// The number.
    pub receipt: String,
    /// What has become of it.
    pub state: ReceiptState,
    /// Handed on: where to. `None`: a message that was left.
    pub hand_on: Option<HandOnChannel>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Since when it is no longer open.
    pub settled_at: Option<Timestamp>,
    /// Item name.
    pub item_name: Option<String>,
    /// The promised call-back.
    pub slot: Option<Slot>,
    /// It is near: since when the citizen and the team have been reminded of it.
    pub reminded_at: Option<Timestamp>,
    /// Times to which it may be moved, soonest first; empty: its time has come, or nothing was promised.
    pub slots: Vec<Slot>,
    /// It may be taken back: nobody serves yet.
    pub may_cancel: bool,
    /// What staff have written since, oldest first, at most 10; empty while it is open.
    pub answers: Vec<ReceiptAnswer>,
}

/// What staff have written to a left message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ReceiptAnswer {
    /// When.
    pub at: Timestamp,
    /// Plain text.
    pub text: String,
}
