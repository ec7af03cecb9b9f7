//! What is administered: units, teams, items, policies. Plain data with its checks.

use crate::words::words;

words! {
    /// Kind of an administered record.
    Kind {
        /// City, district, department or office.
        Unit = "unit",
        /// 技能组 with its queue.
        Team = "team",
        /// Duty of one member of staff in the roster.
        Shift = "shift",
        /// 事项.
        Item = "item",
        /// Steps of the first response (rule 1) and what they cause.
        SlaPolicy = "sla_policy",
        /// What citizens are told in the widget before they ask.
        Notice = "notice",
        /// A prepared text for agents.
        CannedAnswer = "canned_answer",
        /// A visitor who may not ask for humans for a while.
        BlockedVisitor = "blocked_visitor",
        /// How long a class of data is kept.
        Retention = "retention",
        /// What must not be deleted, whatever its age.
        LegalHold = "legal_hold",
    }
}
