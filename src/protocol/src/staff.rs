//! Accounts of staff over REST: log-in in steps, one's own account, administration.

use bangban_domain::{
    AgentId, StaffSessionId, Timestamp,
    rights::Grant,
    words::{Role, SignIn},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::LoginReply;

/// What a log-in still needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum LoginNeed {
    /// A code of the second factor, or a recovery code: `POST /api/staff/login/code`.
    Totp,
    /// A password of one's own instead of the one-time password: `POST /api/staff/login/password`.
    Password,
    /// A second factor has to be set up: `POST /api/staff/login/enrol`, then `.../login/enrol/confirm`.
    Enrol,
}

/// Answer 202 of a step of a log-in that was right and was not the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LoginChallenge {
    /// For the next step; good for five minutes, in this browser.
    pub challenge: String,
    /// The next step.
    pub needs: LoginNeed,
}

/// Body of `POST /api/staff/login/code`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LoginCode {
    /// From the step before.
    #[schema(max_length = 2000)]
    pub challenge: String,
    /// Six digits, or a recovery code.
    #[schema(max_length = 20)]
    pub code: String,
}

/// Body of `POST /api/staff/login/password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LoginPassword {
    /// From the step before.
    #[schema(max_length = 2000)]
    pub challenge: String,
    /// The new one: 12 characters or more.
    #[schema(min_length = 12, max_length = 200)]
    pub password: String,
}

/// Body of `POST /api/staff/login/enrol`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LoginEnrol {
    /// From the step before.
    #[schema(max_length = 2000)]
    pub challenge: String,
}

/// A second factor that is not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct TotpOffer {
    /// Comes back with the first code; good for ten minutes.
    pub pending: String,
    /// To be typed into an authenticator, in base32.
    pub secret: String,
    /// To be scanned: `otpauth://...`
    pub uri: String,
}

/// Body of `POST /api/staff/login/enrol/confirm`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LoginEnrolConfirm {
    /// From the log-in.
    #[schema(max_length = 2000)]
    pub challenge: String,
    /// From the offer.
    #[schema(max_length = 2000)]
    pub pending: String,
    /// The authenticator's first code.
    #[schema(max_length = 20)]
    pub code: String,
}

/// A log-in during which a second factor was set up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Enrolled {
    /// Recovery codes, each good once; shown here and nowhere else.
    pub recovery: Vec<String>,
    /// Logged in.
    pub login: LoginReply,
}

/// Body of `POST /api/staff/account/totp`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct PasswordProof {
    /// One's own, once more.
    #[schema(min_length = 1, max_length = 200)]
    pub password: String,
}

/// Body of `POST /api/staff/account/totp/confirm`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct TotpConfirm {
    /// From the offer.
    #[schema(max_length = 2000)]
    pub pending: String,
    /// The authenticator's first code.
    #[schema(max_length = 20)]
    pub code: String,
}

/// Recovery codes, each good once; shown here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RecoveryCodes {
    /// Ten of them.
    pub recovery: Vec<String>,
}

/// Body of `POST /api/staff/account/password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct PasswordChange {
    /// The present one.
    #[schema(min_length = 1, max_length = 200)]
    pub old: String,
    /// 12 characters or more.
    #[schema(min_length = 12, max_length = 200)]
    pub new: String,
}

/// One's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Staff number.
    pub login: String,
    /// Display name.
    pub name: String,
    /// Code of one's unit; null: the city.
    pub unit: Option<String>,
    /// What one may do.
    pub grants: Vec<Grant>,
    /// Is there a second factor?
    pub has_totp: bool,
    /// Does one's role need one?
    pub needs_totp: bool,
    /// Recovery codes that are left.
    pub recovery_left: u32,
    /// Is there a password? Not if one logs in by the organisation's own log-in only.
    pub has_password: bool,
}

/// A session of a member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Which.
    pub id: StaffSessionId,
    /// How it began.
    pub way: SignIn,
    /// Begin.
    pub began_at: Timestamp,
    /// Last renewal.
    pub seen_at: Timestamp,
    /// It ends then, whatever happens.
    pub ends_at: Timestamp,
    /// What the browser calls itself.
    pub device: String,
    /// Network address of the last renewal.
    pub address: String,
    /// Is it the one that asks?
    pub current: bool,
}

/// The open sessions of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct SessionList {
    /// Last begun first.
    pub sessions: Vec<SessionView>,
}

/// Membership in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct TeamLevel {
    /// Team code.
    pub team: String,
    /// 1 (learns it) .. 5 (teaches it).
    #[schema(minimum = 1, maximum = 5)]
    pub level: u8,
}

/// What administrators write of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaffBody {
    /// Staff number.
    pub login: String,
    /// Display name.
    pub name: String,
    /// Code of the unit; null: the city.
    pub unit: Option<String>,
    /// What they may do; the first one is their main part.
    pub grants: Vec<Grant>,
    /// Teams.
    pub teams: Vec<TeamLevel>,
    /// What else they can do.
    pub skills: Vec<String>,
    /// What they speak beside the standard language.
    pub languages: Vec<String>,
    /// Conversations at once.
    #[schema(minimum = 1, maximum = 20)]
    pub capacity: u32,
    /// May they log in?
    pub is_active: bool,
}

/// Body of `PUT /api/admin/staff/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct StaffPut {
    /// The version that the change was made from.
    pub version: u64,
    /// The account after the change.
    pub body: StaffBody,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// Body of `POST /api/admin/staff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct StaffNew {
    /// The new account.
    pub body: StaffBody,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// An account as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct StaffView {
    /// Id.
    pub id: AgentId,
    /// 1, 2, ...
    pub version: u64,
    /// Staff number.
    pub login: String,
    /// Display name.
    pub name: String,
    /// Code of the unit; null: the city.
    pub unit: Option<String>,
    /// What they may do; the first one is their main part.
    pub grants: Vec<Grant>,
    /// Teams.
    pub teams: Vec<TeamLevel>,
    /// What else they can do.
    pub skills: Vec<String>,
    /// What they speak beside the standard language.
    pub languages: Vec<String>,
    /// Conversations at once.
    pub capacity: u32,
    /// May they log in?
    pub is_active: bool,
    /// Is there a second factor?
    pub has_totp: bool,
    /// Is there a password?
    pub has_password: bool,
    /// The one-time password was not used yet.
    pub must_change_password: bool,
    /// Log-ins are refused until then, after too many wrong attempts.
    pub locked_until: Option<Timestamp>,
    /// Open sessions.
    pub sessions: u32,
    /// Last renewal of any of them.
    pub seen_at: Option<Timestamp>,
}

/// Some accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct StaffList {
    /// By staff number.
    pub staff: Vec<StaffView>,
    /// Staff number to go on after; null: no more.
    pub next: Option<String>,
    /// All that fit the question.
    pub total: u32,
}

/// A password for one log-in; shown here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct OneTimePassword {
    /// To be told to the person; has to be changed at the first log-in.
    pub password: String,
}

/// A new account with its first password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct StaffMade {
    /// The account.
    pub staff: StaffView,
    /// For the first log-in; shown here and nowhere else.
    pub password: String,
}

/// What the log-in page has to know beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LoginOptions {
    /// Name of the organisation's own log-in; null: there is none.
    pub oidc: Option<String>,
    /// Roles that need a second factor.
    pub totp: Vec<Role>,
}
