//! Keeping a visitor from asking for humans, from the conversation in which they gave cause.

use std::sync::Arc;

use bangban_domain::{
    ConversationId, Timestamp,
    conversation::{self, masked_name},
    org::{BlockedVisitor, Body, CITY, Directory, Kind},
    rights::Action,
};
use bangban_protocol::{Answer, WireError};

use super::{App, administration::Edit, forbidden, invalid, store_error};
use crate::{
    auth::{Principal, Staff},
    desk::new_id,
    staff::At,
};

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

impl App {
    /// Blocks the conversation's citizen as far up as the rights of `who` reach; without them it is proposed.
    pub(super) async fn block_visitor(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<Answer, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        let reason = conversation::text("reason", reason, MAX_REASON).map_err(invalid)?;
        if until.is_some_and(|until| until <= at) {
            return Err(WireError::field("until", "must be in the future"));
        }
        let (row, _) = self.readable(who, id).await?;
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?.ok_or_else(super::not_found)?;
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        if directory.block(row.citizen, &row.team, at).is_some_and(|block| outlasts(block.until, until)) {
            return Ok(Answer::VisitorBlocked { in_force: true });
        }
        let (unit, may) = self.reach_of(staff, directory, &row.team);
        let body = BlockedVisitor {
            citizen: row.citizen,
            reason: reason.to_owned(),
            until,
            unit: unit.filter(|unit| unit != CITY),
            name: masked_name(&citizen.name, citizen.kind),
            conversation: Some(id),
            is_proposed: !may,
        };
        let before = directory.records(Kind::BlockedVisitor, None).find(|record| is_about(&record.body, &body));
        // A wish does not weaken what holds.
        if !may && before.is_some_and(|record| matches!(&record.body, Body::BlockedVisitor(one) if one.holds(at))) {
            return Ok(Answer::VisitorBlocked { in_force: true });
        }
        let (key, version) =
            before.map_or_else(|| (format!("block-{:x}", new_id()), 0), |record| (record.id.clone(), record.version));
        let edit = Edit {
            kind: Kind::BlockedVisitor,
            id: key,
            version,
            body: Some(Body::BlockedVisitor(body)),
            reason: None,
            address: None,
        };
        if may {
            self.edit(staff, edit).await?
        } else {
            self.propose(staff, edit).await?
        };
        Ok(Answer::VisitorBlocked { in_force: may })
    }

    /// The highest unit above a team in which they may block, and whether there is one; else the team's own.
    fn reach_of(&self, staff: &Staff, directory: &Directory, team: &str) -> (Option<String>, bool) {
        let own = directory.team(team).map(|team| team.unit.clone());
        let above = own.as_deref().map_or(&[][..], |unit| directory.above(unit));
        let may = |unit: &&String| self.may(staff, Action::BlockVisitors, At::unit(Some(unit.as_str())));
        match above.iter().rev().find(may) {
            Some(unit) => (Some(unit.clone()), true),
            None => (own, false),
        }
    }
}

/// Does what holds already last at least as long?
fn outlasts(there: Option<Timestamp>, wanted: Option<Timestamp>) -> bool {
    match (there, wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(there), Some(wanted)) => there >= wanted,
    }
}

fn is_about(body: &Body, wanted: &BlockedVisitor) -> bool {
    matches!(body, Body::BlockedVisitor(one) if one.citizen == wanted.citizen && one.unit == wanted.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_block_does_not_replace_a_longer_one() {
        for (there, wanted, expected) in [
            (None, None, true),
            (None, Some(5), true),
            (Some(5), None, false),
            (Some(5), Some(5), true),
            (Some(5), Some(6), false),
        ] {
            assert_eq!(outlasts(there.map(Timestamp), wanted.map(Timestamp)), expected, "{there:?} {wanted:?}");
        }
    }
}
