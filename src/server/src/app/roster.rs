//! Who belongs where, for whoever looks at rosters and rights.

use std::collections::HashSet;

use bangban_domain::{AgentId, rights::Grant};
use bangban_protocol::WireError;

use super::{App, store_error};
use crate::auth::Staff;

impl App {
    /// Those who may stand in a team's roster.
    pub(crate) async fn members_of(&self, team: &str) -> Result<HashSet<AgentId>, WireError> {
        let staff = self.store.staff().await.map_err(store_error)?;
        let members = staff.into_iter().filter(|member| member.teams.iter().any(|one| one == team));
        Ok(members.map(|member| member.id).collect())
    }

    /// What somebody may do, as the account stands now.
    pub(crate) fn grants_of(&self, staff: &Staff) -> Vec<Grant> {
        vec![Grant { role: staff.role, unit: None, items: Vec::new() }]
    }
}
