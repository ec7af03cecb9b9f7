//! Actions (docs/actions.md): what threads carry of them.

use bangban_domain::action::{ActionFailure, ActionKind, Appointment, CaseProgress};
use serde::{Deserialize, Serialize};

/// What can be done: `start_action` begins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ActionOffer {
    /// Code of the item; null: whatever the appointment or case is about.
    pub item: Option<String>,
    /// Its name.
    pub item_name: Option<String>,
    /// What.
    pub kinds: Vec<ActionKind>,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ActionOutcome {
    /// The appointment as it is now; of a cancelled one as it was.
    Done {
        /// The appointment.
        appointment: Appointment,
    },
    /// How far the case is.
    Progress {
        /// The case.
        case: CaseProgress,
    },
    /// Where the application begins.
    Link {
        /// `https://....gov.cn`; holds nothing personal.
        url: String,
    },
    /// The citizen did not want it: nothing was done.
    Left,
    /// The office has not said what became of it; it is looked up, and not done again.
    Unknown,
    /// Nothing was done, or nobody can say.
    Failed {
        /// Why; the interface owns the wording.
        reason: ActionFailure,
    },
}
