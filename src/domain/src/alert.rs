//! Alerts: what a supervisor has to know now, once per cause. A clock's step or a flag raises one by its event; the state of
//! a team raises one when it begins and clears it when it ends ([`state_of`]). Who has to see it follows from its unit.

use std::{cmp::Reverse, fmt};

use crate::{
    AgentId, AlertId, ConversationId, Timestamp,
    time::{MINUTE, Millis},
    words::words,
};

words! {
    /// What an alert is about, the most urgent first.
    AlertKind {
        /// Nobody answered within the promise (rule 1).
        FirstResponseBreached = "first_response_breached",
        /// A promised call-back was not answered within its minute (rule 2).
        CallBackMissed = "call_back_missed",
        /// Callers whom nobody could be reached for were not called back within 24 h (rules 6 and 12).
        CallBackOverdue = "call_back_overdue",
        /// An agent asks for help.
        Flag = "flag",
        /// In service hours nobody is there for a team's high-frequency items (rule 4).
        Coverage = "coverage",
        /// Fewer professionals are reached by three-way calls than is promised (rule 6).
        ConnectRate = "connect_rate",
        /// 45 s have passed without an answer (rule 1).
        FirstResponse = "first_response",
        /// The citizen waits for the next answer for too long.
        NextResponse = "next_response",
        /// An agent who served people has lost the connection (rule 2).
        AgentLost = "agent_lost",
        /// Whoever stands first in a team's queue has waited for long.
        LongestWait = "longest_wait",
        /// Many wait in a team's queue.
        QueueFull = "queue_full",
    }
}

words! {
    /// Why an agent raises a flag.
    FlagReason {
        /// The matter is beyond them.
        Difficult = "difficult",
        /// The citizen is upset or threatens.
        Upset = "upset",
        /// An official answer is missing or seems to be wrong.
        Answer = "answer",
        /// The system does not do what it should.
        System = "system",
        /// Something else.
        Other = "other",
    }
}

words! {
    /// What a supervisor does to the work of others.
    Intervention {
        /// Reads a conversation while it goes on.
        Monitored = "monitored",
        /// Writes to the agent alone.
        Whispered = "whispered",
        /// Comes into the thread, named.
        Joined = "joined",
        /// Goes out of it again.
        Left = "left",
        /// Puts a conversation on an agent's desk.
        Assigned = "assigned",
        /// Serves the conversation themselves from now on.
        TookOver = "took_over",
        /// Sets an agent's status.
        StatusSet = "status_set",
    }
}

/// What has an alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One conversation.
    Conversation(ConversationId),
    /// One agent.
    Agent(AgentId),
    /// A team, by its code.
    Team(String),
    /// A unit, by its code.
    Unit(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => id.fmt(f),
            Self::Agent(id) => id.fmt(f),
            Self::Team(code) => write!(f, "team/{code}"),
            Self::Unit(code) => write!(f, "unit/{code}"),
        }
    }
}

/// Place of an open alert on the rail: what nobody has acknowledged (`false`) first, of these the most urgent, of these the
/// newest.
pub type Rank = (bool, AlertKind, Reverse<Timestamp>, AlertId);

/// From when on the state of a team is an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// So many wait in one queue. It is over when at most half as many do: an alert does not flicker.
    pub queue: usize,
    /// Whoever stands first has waited for so long.
    pub wait: Millis,
    /// Nobody has been there for so long: who reloads a page, or comes back after a restart, is not missing.
    pub coverage: Millis,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { queue: 30, wait: 3 * MINUTE, coverage: MINUTE }
    }
}

/// A team at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TeamState {
    /// People in its queue.
    pub waiting: usize,
    /// When the one who stands first asked.
    pub first_asked_at: Option<Timestamp>,
    /// High-frequency items that it answers for.
    pub items: u32,
    /// In its service hours, and nobody is there: since when.
    pub unstaffed_since: Option<Timestamp>,
}

/// What the state of a team says about one kind of alert: is there one, and how big is the matter?
#[must_use]
pub fn state_of(team: &TeamState, kind: AlertKind, is_open: bool, limits: &Thresholds, now: Timestamp) -> Option<i64> {
    match kind {
        AlertKind::QueueFull => {
            let least = if is_open { limits.queue / 2 + 1 } else { limits.queue };
            (team.waiting >= least.max(1)).then(|| i64::try_from(team.waiting).unwrap_or(i64::MAX))
        }
        AlertKind::LongestWait => {
            team.first_asked_at.map(|asked| now.since(asked)).filter(|waited| *waited >= limits.wait)
        }
        AlertKind::Coverage => team
            .unstaffed_since
            .filter(|since| team.items > 0 && now.since(*since) >= limits.coverage)
            .map(|_| i64::from(team.items)),
        AlertKind::FirstResponseBreached
        | AlertKind::CallBackMissed
        | AlertKind::CallBackOverdue
        | AlertKind::Flag
        | AlertKind::ConnectRate
        | AlertKind::FirstResponse
        | AlertKind::NextResponse
        | AlertKind::AgentLost => None,
    }
}

/// The kinds that follow from the state of a team.
pub const OF_TEAMS: [AlertKind; 3] = [AlertKind::Coverage, AlertKind::LongestWait, AlertKind::QueueFull];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(team: TeamState, kind: AlertKind, is_open: bool, now: i64) -> Option<i64> {
        state_of(&team, kind, is_open, &Thresholds::default(), Timestamp(now))
    }

    #[test]
    fn a_full_queue_is_told_at_its_limit_and_over_at_half() {
        for (waiting, is_open, expected) in
            [(29, false, None), (30, false, Some(30)), (29, true, Some(29)), (16, true, Some(16)), (15, true, None)]
        {
            let team = TeamState { waiting, ..TeamState::default() };
            assert_eq!(said(team, AlertKind::QueueFull, is_open, 0), expected, "{waiting} {is_open}");
        }
    }

    #[test]
    fn the_first_of_a_queue_may_wait_three_minutes() {
        let team = TeamState { first_asked_at: Some(Timestamp(1_000)), ..TeamState::default() };
        assert_eq!(said(team, AlertKind::LongestWait, false, 180_999), None);
        assert_eq!(said(team, AlertKind::LongestWait, false, 181_000), Some(180_000));
    }

    #[test]
    fn a_hole_in_coverage_needs_items_and_a_minute_without_anybody() {
        let team = TeamState { items: 2, unstaffed_since: Some(Timestamp(0)), ..TeamState::default() };
        assert_eq!(said(team, AlertKind::Coverage, false, 59_999), None);
        assert_eq!(said(team, AlertKind::Coverage, false, 60_000), Some(2));
        assert_eq!(said(TeamState { items: 0, ..team }, AlertKind::Coverage, false, 60_000), None);
        assert_eq!(said(TeamState { unstaffed_since: None, ..team }, AlertKind::Coverage, true, 60_000), None);
    }

    #[test]
    fn what_nobody_has_seen_stands_before_what_is_urgent_and_that_before_what_is_new() {
        let rank = |is_acknowledged, kind, at: i64| -> Rank {
            (is_acknowledged, kind, Reverse(Timestamp(at)), AlertId::new(at.unsigned_abs().into()))
        };
        let mut rail = [
            rank(false, AlertKind::QueueFull, 9),
            rank(true, AlertKind::FirstResponseBreached, 8),
            rank(false, AlertKind::Flag, 1),
            rank(false, AlertKind::Flag, 2),
            rank(false, AlertKind::FirstResponseBreached, 0),
        ];
        rail.sort();
        assert_eq!(rail.map(|one| one.2.0.0), [0, 2, 1, 9, 8]);
    }
}
