//! Staff: their accounts as this process knows them, what they may do, and how they show who they are.

mod accounts;
mod challenge;
pub mod change;
pub mod oidc;
pub mod password;
mod rights;
mod seal;
mod totp;

pub use accounts::{Accounts, Standing};
pub use challenge::{Caller, Shown};
pub use rights::{At, Rights};
pub use seal::{Seal, fingerprint, random_token};
pub use totp::{Totp, step_at};
