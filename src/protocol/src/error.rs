//! Refusals. The code is for programs and for the interface, which owns the wording; `detail` is for developers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Closed list of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A field is missing, malformed or out of bounds; `field` names it.
    BadRequest,
    /// The frame or text is longer than allowed.
    TooLarge,
    /// No or unknown token, or wrong log-in.
    Unauthenticated,
    /// The token's time is over: get a new one.
    TokenExpired,
    /// Your role or your part in the conversation does not allow it.
    Forbidden,
    /// No such conversation, agent, team or entry (or not yours to know).
    NotFound,
    /// The service item does not exist.
    UnknownItem,
    /// Somebody else was faster: read it again.
    Outdated,
    /// Not possible in this stage of the conversation.
    InvalidStage,
    /// The offer was answered, withdrawn or missed before.
    OfferGone,
    /// The agent is full or on a break: with a reason it is possible.
    AgentFull,
    /// No room: the slot is full.
    SlotFull,
    /// The slot has begun or is over.
    SlotPast,
    /// Too many requests; try again later.
    RateLimited,
    /// The server is at its limit; try again.
    Busy,
    /// Not a file of a kind that is taken here, or not what its name says; `field` names which.
    UnsupportedFile,
    /// The virus scanner found something; the file was deleted.
    Infected,
    /// One person's uploads of this hour are used up.
    QuotaUsed,
    /// Others still refer to it; `detail` names them.
    InUse,
    /// A reply of staff holds a word that the office does not allow; `detail` is the word as it is listed.
    ListedWord,
    /// The client speaks another protocol version: reload the page.
    UnsupportedProtocol,
    /// Our fault; logged.
    Internal,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[error("{code:?}: {detail}")]
pub struct WireError {
    /// Which.
    pub code: ErrorCode,
    /// The field that is wrong, in the client's spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub field: Option<String>,
    /// English sentence for developers; never shown to citizens, never holds personal data.
    pub detail: String,
    /// May the same request succeed a moment later?
    pub retryable: bool,
}

impl WireError {
    /// A refusal that does not concern one field.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let retryable = matches!(code, ErrorCode::Busy | ErrorCode::RateLimited | ErrorCode::Internal);
        Self { code, field: None, detail: detail.into(), retryable }
    }

    /// A field that cannot be taken as it is.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::BadRequest, detail) }
    }
}

/// WebSocket close codes: 4000-4499 reconnect, 4500-4999 stop.
pub mod close_code {
    /// The server stops or restarts: reconnect, to any node.
    pub const GOING_AWAY: u16 = 4000;
    /// You read too slowly; nothing is lost: reconnect and resume.
    pub const TOO_SLOW: u16 = 4001;
    /// The server did not hear from you (no pong): reconnect.
    pub const SILENT: u16 = 4002;
    /// Your rights have changed: reconnect, and what you may not hear any more is refused.
    pub const RIGHTS_CHANGED: u16 = 4003;
    /// No valid `hello` in time.
    pub const UNAUTHENTICATED: u16 = 4500;
    /// The token's time is over.
    pub const TOKEN_EXPIRED: u16 = 4501;
    /// Frames that are not of this protocol.
    pub const PROTOCOL: u16 = 4502;
    /// The session has ended: logged out, revoked, or the account was closed. Log in again.
    pub const SESSION_ENDED: u16 = 4503;
}
