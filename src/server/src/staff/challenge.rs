//! A log-in in steps. Between two of them the browser holds a sealed note of what was shown so far. It is good for five
//! minutes, from the same browser at the same address, as long as the account stands as it stood, and gives nothing but
//! the next step.

use bangban_domain::{
    AgentId, Timestamp,
    time::{MINUTE, Millis},
    words::{Role, SignIn},
};
use bangban_protocol::LoginNeed;
use bangban_store::StaffRow;
use serde::{Deserialize, Serialize};

use super::{Seal, seal::fingerprint};

/// How long a step may take.
const SPAN: Millis = 5 * MINUTE;

const PURPOSE: &str = "log-in";

/// Who is logging in, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What the browser calls itself.
    pub device: String,
    /// Network address.
    pub address: String,
}

/// What was shown so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// By whom.
    pub agent: AgentId,
    /// How.
    pub way: SignIn,
    until: Timestamp,
    /// Of the caller.
    caller: String,
    /// Of what must not change between the steps.
    account: String,
}

impl Shown {
    /// The password was right.
    #[must_use]
    pub fn password(account: &StaffRow, caller: &Caller, now: Timestamp) -> Self {
        Self {
            agent: account.id,
            way: SignIn::Password,
            until: now + SPAN,
            caller: of_caller(caller),
            account: of_account(account),
        }
    }

    /// ... and a second factor was.
    #[must_use]
    pub fn with_factor(mut self, way: SignIn, account: &StaffRow) -> Self {
        self.way = way;
        self.account = of_account(account);
        self
    }

    /// What is still to be shown; `None`: nothing. The second factor comes first, so that a one-time password alone
    /// changes nothing.
    #[must_use]
    pub fn need(&self, account: &StaffRow, needs_factor: &[Role]) -> Option<LoginNeed> {
        let has_factor = account.totp.is_some();
        if has_factor && self.way == SignIn::Password {
            Some(LoginNeed::Totp)
        } else if account.must_change {
            Some(LoginNeed::Password)
        } else if !has_factor && account.grants.iter().any(|grant| needs_factor.contains(&grant.role)) {
            Some(LoginNeed::Enrol)
        } else {
            None
        }
    }

    /// For the browser.
    ///
    /// # Errors
    /// See [`Seal::close`].
    pub fn close(&self, seal: &Seal) -> anyhow::Result<String> {
        seal.close(PURPOSE, self)
    }

    /// From the browser; of the account only the id is known then.
    #[must_use]
    pub fn open(text: &str, seal: &Seal, caller: &Caller, now: Timestamp) -> Option<Self> {
        let shown: Self = seal.open(PURPOSE, text)?;
        (shown.until > now && shown.caller == of_caller(caller)).then_some(shown)
    }

    /// Does the account stand as it stood?
    #[must_use]
    pub fn fits(&self, account: &StaffRow) -> bool {
        account.id == self.agent && account.is_active && of_account(account) == self.account
    }
}

fn of_caller(caller: &Caller) -> String {
    fingerprint(&format!("{}\n{}", caller.address, caller.device))
}

/// A new password, a new second factor or a code that was used make an older note worthless.
fn of_account(account: &StaffRow) -> String {
    let factor = account.totp.as_deref().unwrap_or_default();
    fingerprint(&format!("{}\n{factor}\n{}\n{}", account.password_hash, account.totp_step, account.must_change))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn account() -> StaffRow {
        StaffRow { password_hash: "hash".to_owned(), ..StaffRow::new(AgentId::new(1), "agent1001", "李敏") }
            .with_role(Role::Agent)
    }

    #[test]
    fn steps_come_in_their_order() {
        let caller = Caller { device: "Firefox".to_owned(), address: "192.0.2.1".to_owned() };
        let shown = Shown::password(&account(), &caller, NOW);
        let factor = shown.clone().with_factor(SignIn::Totp, &account());
        let with =
            |totp: Option<&str>, must_change| StaffRow { totp: totp.map(str::to_owned), must_change, ..account() };
        for (shown, account, roles, expected) in [
            (&shown, with(None, false), &[][..], None),
            (&shown, with(None, true), &[], Some(LoginNeed::Password)),
            (&shown, with(Some("x"), true), &[], Some(LoginNeed::Totp)),
            (&factor, with(Some("x"), true), &[], Some(LoginNeed::Password)),
            (&factor, with(Some("x"), false), &[Role::Agent], None),
            (&shown, with(None, false), &[Role::Agent], Some(LoginNeed::Enrol)),
            (&shown, with(None, false), &[Role::Admin], None),
        ] {
            assert_eq!(shown.need(&account, roles), expected, "{:?} {account:?}", shown.way);
        }
    }

    #[test]
    fn a_note_is_good_for_its_browser_its_time_and_its_account_only() {
        let seal = Seal::new("secret").unwrap();
        let caller = Caller { device: "Firefox".to_owned(), address: "192.0.2.1".to_owned() };
        let shown = Shown::password(&account(), &caller, NOW);
        let text = shown.close(&seal).unwrap();
        let open = |caller: &Caller, now| Shown::open(&text, &seal, caller, now);
        assert_eq!(open(&caller, NOW + SPAN - 1), Some(shown.clone()));
        assert_eq!(open(&caller, NOW + SPAN), None);
        assert_eq!(open(&Caller { address: "192.0.2.2".to_owned(), ..caller.clone() }, NOW), None);
        assert_eq!(open(&Caller { device: "curl".to_owned(), ..caller }, NOW), None);
        assert!(shown.fits(&account()));
        for changed in [
            StaffRow { password_hash: "new".to_owned(), ..account() },
            StaffRow { totp: Some("x".to_owned()), ..account() },
            StaffRow { totp_step: 1, ..account() },
            StaffRow { is_active: false, ..account() },
            StaffRow { id: AgentId::new(2), ..account() },
        ] {
            assert!(!shown.fits(&changed), "{changed:?}");
        }
    }
}
