//! Who may do what, where. A member of staff has grants: a role in a unit, perhaps for some items only. A grant holds in
//! its unit and in all units below it; one role's right in one unit is never joined with another role's in another.

use serde::{Deserialize, Serialize};

use crate::words::{Role, words};

words! {
    /// What a role may allow.
    Action {
        /// Be offered conversations of one's teams, and answer them.
        Serve = "serve",
        /// Read conversations that one does not serve.
        ReadConversations = "read_conversations",
        /// See personal data unmasked, with a reason, of conversations that one may read.
        Reveal = "reveal",
        /// The board and the agents' states.
        Watch = "watch",
        /// Act on what one watches: alerts, conversations and agents of others.
        Intervene = "intervene",
        /// Units, teams, the calendar of service hours.
        ManageUnits = "manage_units",
        /// Accounts, roles and sessions of staff.
        ManageStaff = "manage_staff",
        /// Duty rosters and shifts.
        ManageRoster = "manage_roster",
        /// 事项.
        ManageItems = "manage_items",
        /// SLA policies.
        ManagePolicies = "manage_policies",
        /// Correct what the ledger has measured.
        CorrectLedger = "correct_ledger",
        /// Notices in the widget, prepared answers.
        ManageNotices = "manage_notices",
        /// Blocked visitors.
        BlockVisitors = "block_visitors",
        /// Retention times and legal holds.
        ManageRetention = "manage_retention",
        /// Hand out or erase everything about one person.
        HandlePersonalData = "handle_personal_data",
        /// The audit log.
        ReadAudit = "read_audit",
        /// Inspect conversations of others, decide appeals, score cards and plans of samples.
        Inspect = "inspect",
        /// Tasks with deadlines and the policy register, without changing them.
        ReadTasks = "read_tasks",
        /// Take on, put back, drop and reassign tasks; register policies.
        WorkTasks = "work_tasks",
        /// What is told to people: the outbox and its templates.
        ManageMessages = "manage_messages",
        /// Write entries of the knowledge base and review points.
        EditKnowledge = "edit_knowledge",
        /// Publish and retire entries that somebody else has written.
        ReviewKnowledge = "review_knowledge",
        /// What is administered, without changing it.
        ReadAdministration = "read_administration",
    }
}

impl Role {
    /// Does the role allow it, in the units of its grant?
    #[must_use]
    pub const fn allows(self, action: Action) -> bool {
        use Action::{
            BlockVisitors, CorrectLedger, EditKnowledge, HandlePersonalData, Inspect, Intervene, ManageItems,
            ManageMessages, ManageNotices, ManagePolicies, ManageRetention, ManageRoster, ManageStaff, ManageUnits,
            ReadAdministration, ReadAudit, ReadConversations, ReadTasks, Reveal, ReviewKnowledge, Serve, Watch,
            WorkTasks,
        };
        match self {
            Self::Agent | Self::Professional | Self::Operator => matches!(action, Serve | Reveal),
            Self::Supervisor => matches!(
                action,
                ReadConversations
                    | Reveal
                    | Watch
                    | Intervene
                    | CorrectLedger
                    | ManageRoster
                    | ManageNotices
                    | BlockVisitors
                    | Inspect
                    | ReviewKnowledge
                    | ReadTasks
                    | ReadAdministration
            ),
            Self::Editor => matches!(
                action,
                ManageItems | EditKnowledge | ReviewKnowledge | ReadTasks | WorkTasks | ReadAdministration
            ),
            Self::Leader => matches!(action, Watch | ReadTasks),
            Self::Auditor => matches!(action, Watch | ReadTasks | ReadAudit | ReadAdministration),
            Self::Admin => matches!(
                action,
                Watch
                    | CorrectLedger
                    | ManageUnits
                    | ManageStaff
                    | ManageRoster
                    | ManageItems
                    | ManagePolicies
                    | ManageNotices
                    | BlockVisitors
                    | ManageRetention
                    | ManageMessages
                    | ReadTasks
                    | HandlePersonalData
                    | ReadAudit
                    | ReadAdministration
            ),
        }
    }
}

/// A role in a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which.
    pub role: Role,
    /// Code of the unit, below which it holds too; `None`: the whole city.
    pub unit: Option<String>,
    /// Codes of the items that it is about; empty: all.
    pub items: Vec<String>,
}

/// Where something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The unit and all above it, in any order; empty: the city itself.
    pub units: &'a [String],
    /// The item, if it is about one.
    pub item: Option<&'a str>,
}

impl Grant {
    /// Does the grant allow it there?
    #[must_use]
    pub fn allows(&self, action: Action, place: Place<'_>) -> bool {
        let is_there = self.unit.as_ref().is_none_or(|unit| place.units.contains(unit));
        let is_about = self.items.is_empty() || place.item.is_some_and(|item| self.items.iter().any(|one| one == item));
        self.role.allows(action) && is_there && is_about
    }
}

/// Does one of the grants allow it there?
#[must_use]
pub fn may(grants: &[Grant], action: Action, place: Place<'_>) -> bool {
    grants.iter().any(|grant| grant.allows(action, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: Role, unit: Option<&str>, items: &[&str]) -> Grant {
        Grant { role, unit: unit.map(str::to_owned), items: items.iter().map(|item| (*item).to_owned()).collect() }
    }

    #[test]
    fn a_grant_holds_in_its_unit_and_below_and_nowhere_else() {
        let (xuhui, office) = ("xuhui".to_owned(), "xuhui-medical".to_owned());
        let below = Place { units: &[office, xuhui.clone()], item: None };
        let there = Place { units: &[xuhui], item: None };
        let city = Place { units: &[], item: None };
        for (unit, place, expected) in [
            (Some("xuhui"), below, true),
            (Some("xuhui"), there, true),
            (Some("xuhui"), city, false),
            (Some("huangpu"), below, false),
            (Some("xuhui-medical"), there, false),
            (None, below, true),
            (None, city, true),
        ] {
            assert_eq!(grant(Role::Supervisor, unit, &[]).allows(Action::Watch, place), expected, "{unit:?} {place:?}");
        }
    }

    #[test]
    fn a_grant_for_some_items_says_nothing_of_others_or_of_none() {
        let editor = grant(Role::Editor, None, &["residence-permit"]);
        for (item, expected) in [(Some("residence-permit"), true), (Some("passport"), false), (None, false)] {
            assert_eq!(editor.allows(Action::ManageItems, Place { units: &[], item }), expected, "{item:?}");
        }
    }

    #[test]
    fn grants_are_not_joined() {
        let huangpu = ["huangpu".to_owned()];
        let grants = [grant(Role::Agent, Some("huangpu"), &[]), grant(Role::Supervisor, Some("xuhui"), &[])];
        let place = Place { units: &huangpu, item: None };
        assert!(may(&grants, Action::Serve, place));
        assert!(!may(&grants, Action::Watch, place));
    }

    #[test]
    fn whoever_watches_the_watchers_changes_nothing() {
        let changes = [
            Action::Serve,
            Action::Intervene,
            Action::ManageUnits,
            Action::ManageStaff,
            Action::ManageRoster,
            Action::ManageItems,
            Action::ManagePolicies,
            Action::ManageNotices,
            Action::BlockVisitors,
            Action::ManageRetention,
            Action::Inspect,
            Action::WorkTasks,
            Action::ManageMessages,
            Action::EditKnowledge,
            Action::ReviewKnowledge,
        ];
        assert!(changes.iter().all(|action| !Role::Auditor.allows(*action)));
        assert!(!Role::Admin.allows(Action::ReadConversations), "who administers has no business in threads");
    }
}
