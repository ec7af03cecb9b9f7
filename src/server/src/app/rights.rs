//! May this member of staff do that, there? The one place that asks; what the roles allow stands in
//! `bangban_domain::rights`.

use std::collections::BTreeSet;

use bangban_domain::rights::Action;
use bangban_protocol::WireError;

use super::{App, forbidden};
use crate::{auth::Staff, staff::At};

impl App {
    /// By the rights that the account has at this moment.
    #[must_use]
    pub fn may(&self, staff: &Staff, action: Action, at: At<'_>) -> bool {
        self.rights.allows(staff.id, action, at)
    }

    /// As [`App::may`].
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require(&self, staff: &Staff, action: Action, at: At<'_>) -> Result<(), WireError> {
        if self.may(staff, action, at) { Ok(()) } else { Err(forbidden()) }
    }

    /// In at least one unit, for at least one item? For lists, whose rows are asked for one by one.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require_somewhere(&self, staff: &Staff, action: Action) -> Result<(), WireError> {
        if self.scopes(staff, action).is_empty() { Err(forbidden()) } else { Ok(()) }
    }

    /// The units in which, and below which, the account may do it; `None` among them: the whole city.
    #[must_use]
    pub fn scopes(&self, staff: &Staff, action: Action) -> BTreeSet<Option<String>> {
        self.rights.scopes(staff.id, action)
    }
}
