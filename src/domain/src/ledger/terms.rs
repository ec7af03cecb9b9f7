//! From a policy to instants. Service time is counted: while nobody is in service, the time stands still (DOMAIN rule 2).

use serde::{Deserialize, Serialize};

use super::StepAction;
use crate::{
    Timestamp,
    calendar::Calendar,
    time::{MINUTE, Millis},
    words::Channel,
};

/// A policy as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyRef {
    /// Code of its record.
    pub id: String,
    /// Which state of the record.
    pub version: u64,
}

/// What is promised, in service time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// How long.
    pub span: Millis,
    /// After how long what follows; ascending.
    pub steps: Vec<(Millis, Vec<StepAction>)>,
    /// Whose rule; `None`: the configuration's.
    pub policy: Option<PolicyRef>,
}

impl Default for Rule {
    fn default() -> Self {
        Self::usual(3 * MINUTE, None)
    }
}

impl Rule {
    /// Where no steps are set: the agent hears of it at half the time and at its end, supervisors at its end.
    #[must_use]
    pub fn usual(span: Millis, policy: Option<PolicyRef>) -> Self {
        let steps = vec![(span / 2, vec![StepAction::Notify]), (span, vec![StepAction::Notify, StepAction::Alert])];
        Self { span, steps, policy }
    }

    /// With these steps, ascending. A promise that is kept before its first step has no row of its own until then, so its end
    /// is a step too where none comes before: what is overdue is always in the figures.
    #[must_use]
    pub fn with_steps(span: Millis, mut steps: Vec<(Millis, Vec<StepAction>)>, policy: Option<PolicyRef>) -> Self {
        if steps.first().is_none_or(|(after, _)| *after > span) {
            steps.insert(0, (span, Vec::new()));
        }
        Self { span, steps, policy }
    }
}

/// A step of one promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "LedgerStep", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = LedgerStep))]
pub struct Step {
    /// After so much service time, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub after: Millis,
    /// That is then.
    pub at: Timestamp,
    /// What follows.
    pub actions: Vec<StepAction>,
}

/// What a promise means for one message: all that is needed to keep it and to explain it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How much service time.
    pub span: Millis,
    /// Whose rule; `None`: the configuration's.
    pub policy: Option<PolicyRef>,
    /// The service time that is counted, in order: `span` in all. Its end is when the answer is due.
    pub served: Vec<(Timestamp, Timestamp)>,
    /// Ascending.
    pub steps: Vec<Step>,
}

/// What is promised to whoever writes now, if it turns out that an answer is owed: terms, and where it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// Code of the team whose rule it is.
    pub team: String,
    /// Item code.
    pub item: Option<String>,
    /// Where from.
    pub channel: Channel,
    /// What is promised.
    pub terms: Terms,
}

/// When so much of the service time is over.
fn instant(served: &[(Timestamp, Timestamp)], mut after: Millis) -> Option<Timestamp> {
    for (from, to) in served {
        let length = to.since(*from);
        if after <= length {
            return Some(*from + after);
        }
        after -= length;
    }
    None
}

impl Terms {
    /// Of what was asked at this instant. `None`: humans never answer, so nothing is promised.
    #[must_use]
    pub fn begin(calendar: &Calendar, asked_at: Timestamp, rule: &Rule) -> Option<Self> {
        let steps = rule.steps.iter().map(|(after, actions)| (*after, actions.clone()));
        Self::made(calendar, asked_at, rule.span, rule.policy.clone(), steps.collect())
    }

    /// The same promise by another calendar (rule 12: a year's holidays have been published).
    #[must_use]
    pub fn again(&self, calendar: &Calendar, asked_at: Timestamp) -> Option<Self> {
        let steps = self.steps.iter().map(|step| (step.after, step.actions.clone()));
        Self::made(calendar, asked_at, self.span, self.policy.clone(), steps.collect())
    }

    fn made(
        calendar: &Calendar,
        asked_at: Timestamp,
        span: Millis,
        policy: Option<PolicyRef>,
        steps: Vec<(Millis, Vec<StepAction>)>,
    ) -> Option<Self> {
        let longest = steps.iter().map(|(after, _)| *after).chain([span]).max()?;
        let open = calendar.service_time(asked_at, longest)?;
        let steps = steps.into_iter().map(|(after, actions)| {
            let at = instant(&open, after)?;
            Some(Step { after, at, actions })
        });
        let steps = steps.collect::<Option<Vec<_>>>()?;
        let due_at = instant(&open, span)?;
        let counted = open.iter().filter(|(from, _)| *from < due_at);
        let served = counted.map(|(from, to)| (*from, due_at.min(*to))).collect();
        Some(Self { span, policy, served, steps })
    }

    /// When the answer is due.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        // There is always one: a promise of no time is refused where policies are checked.
        self.served.last().map_or(Timestamp(i64::MAX), |(_, to)| *to)
    }
}
