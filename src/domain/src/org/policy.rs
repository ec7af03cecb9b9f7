//! SLA policies: what is promised by when, and what follows meanwhile. Which one holds is decided by
//! [`Directory::policy_for`]; that none reaches into a running clock, by who keeps the clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Body, Directory, Invalid, Kind, MAX_NAME, Record, code, line, set};
use crate::{
    ledger::{PolicyRef, Promise, Rule, StepAction},
    time::{Millis, SECOND},
    words::Channel,
};

/// Steps of the first response (rule 1), how long an agent may think about an offer, who else is asked when, and when the next
/// response is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlaPolicy {
    /// Name.
    pub name: String,
    /// Code of the team that it holds for; `None`: all that have none of their own.
    #[serde(default)]
    pub team: Option<String>,
    /// Code of the item that it holds for, whatever its team; not beside `team`.
    #[serde(default)]
    pub item: Option<String>,
    /// Holds for what comes by this channel only.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The agent is warned.
    pub warn_seconds: u32,
    /// Supervisors are alerted.
    pub alert_seconds: u32,
    /// The promise itself.
    pub breach_seconds: u32,
    /// An offer stands so long.
    pub offer_seconds: u32,
    /// What follows is as the configuration says where it is `None`. After so long the same line of work in neighbouring
    /// districts is asked too ...
    #[serde(default)]
    pub neighbours_seconds: Option<u32>,
    /// ... the city's team ...
    #[serde(default)]
    pub city_seconds: Option<u32>,
    /// ... and the general team.
    #[serde(default)]
    pub general_seconds: Option<u32>,
    /// After so long several agents are asked at once ...
    #[serde(default)]
    pub parallel_seconds: Option<u32>,
    /// ... so many.
    #[serde(default)]
    pub parallel_offers: Option<u32>,
    /// For so long only who speaks the language and has skill and level.
    #[serde(default)]
    pub needs_seconds: Option<u32>,
    /// First priority (rule 5) stands in line as if it had asked so much earlier; 0: no priority.
    #[serde(default)]
    pub head_start_seconds: Option<u32>,
    /// Whoever writes in a conversation that a human serves has an answer within so much service time.
    #[serde(default)]
    pub next_response_seconds: Option<u32>,
    /// What else follows when. None for the next response: the agent hears of it at half the time and at its end,
    /// supervisors at its end.
    #[serde(default)]
    pub steps: Vec<PolicyStep>,
}

/// What follows when a part of a promise is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyStep {
    /// Of the first response (and of a call-back in its slot), or of the next one.
    pub promise: Promise,
    /// After so much of it, 1 to 1000 ...
    #[serde(default)]
    pub percent: Option<u32>,
    /// ... or after so many seconds.
    #[serde(default)]
    pub seconds: Option<u32>,
    /// What follows: the first response may be offered to more agents, the next one told to the agent and to supervisors.
    pub actions: Vec<StepAction>,
}

impl PolicyStep {
    /// More than ten times the time is no step of a promise any more.
    const MOST_PERCENT: u32 = 1_000;

    fn check(&self, field: &str) -> Result<(), Invalid> {
        let may = match self.promise {
            Promise::FirstResponse => [StepAction::Widen, StepAction::OfferToAll],
            Promise::NextResponse => [StepAction::Notify, StepAction::Alert],
            Promise::CallBack => {
                let problem = "must be first_response or next_response: a call-back has the steps of a first response";
                return Err(Invalid::new(format!("{field}.promise"), problem));
            }
        };
        match (self.percent, self.seconds) {
            (Some(percent), None) if !(1..=Self::MOST_PERCENT).contains(&percent) => {
                return Err(Invalid::new(format!("{field}.percent"), format!("must be 1 to {}", Self::MOST_PERCENT)));
            }
            (None, Some(seconds)) if !(1..=SlaPolicy::LONGEST).contains(&seconds) => {
                return Err(Invalid::new(format!("{field}.seconds"), format!("must be 1 to {}", SlaPolicy::LONGEST)));
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Invalid::new(format!("{field}.percent"), "must have either percent or seconds"));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        set(&format!("{field}.actions"), &self.actions)?;
        if self.actions.is_empty() {
            return Err(Invalid::new(format!("{field}.actions"), "must not be empty"));
        }
        match self.actions.iter().position(|action| !may.contains(action)) {
            Some(n) => {
                let problem = format!("must be one of {} and {}", may[0], may[1]);
                Err(Invalid::new(format!("{field}.actions[{n}]"), problem))
            }
            None => Ok(()),
        }
    }

    /// After so long, of a promise of this length.
    #[must_use]
    pub fn after(&self, promised: Millis) -> Millis {
        match (self.percent, self.seconds) {
            (Some(percent), _) => promised * i64::from(percent) / 100,
            (None, seconds) => i64::from(seconds.unwrap_or(0)) * SECOND,
        }
    }
}

impl SlaPolicy {
    /// An hour: who needs longer promises no first response.
    const LONGEST: u32 = 3_600;

    /// More steps than these nobody keeps apart.
    const MOST_STEPS: usize = 10;

    /// More than so many who look at one request are too many who do not look at others.
    const MOST_OFFERS: u32 = 20;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("name", &self.name, 1, MAX_NAME)?;
        if let Some(team) = &self.team {
            code("team", team)?;
        }
        if let Some(item) = &self.item {
            code("item", item)?;
            if self.team.is_some() {
                return Err(Invalid::new("team", "must not stand beside an item, which has its own team"));
            }
        }
        let steps = [
            ("warnSeconds", self.warn_seconds, 0, "0"),
            ("alertSeconds", self.alert_seconds, self.warn_seconds, "warnSeconds"),
            ("breachSeconds", self.breach_seconds, self.alert_seconds, "alertSeconds"),
            ("offerSeconds", self.offer_seconds, 0, "0"),
        ];
        for (field, value, after, name) in steps {
            if value <= after {
                return Err(Invalid::new(field, format!("must be more than {name}")));
            }
            if value > Self::LONGEST {
                return Err(Invalid::new(field, format!("must be at most {}", Self::LONGEST)));
            }
        }
        let spans = [
            ("neighboursSeconds", self.neighbours_seconds),
            ("citySeconds", self.city_seconds),
            ("generalSeconds", self.general_seconds),
            ("parallelSeconds", self.parallel_seconds),
            ("needsSeconds", self.needs_seconds),
            ("headStartSeconds", self.head_start_seconds),
        ];
        if let Some((field, _)) = spans.iter().find(|(_, span)| span.is_some_and(|span| span > Self::LONGEST)) {
            return Err(Invalid::new(*field, format!("must be at most {}", Self::LONGEST)));
        }
        if self.next_response_seconds.is_some_and(|seconds| !(10..=Self::LONGEST).contains(&seconds)) {
            return Err(Invalid::new("nextResponseSeconds", format!("must be 10 to {}", Self::LONGEST)));
        }
        if self.steps.len() > Self::MOST_STEPS {
            return Err(Invalid::new("steps", format!("must have at most {} parts", Self::MOST_STEPS)));
        }
        for (n, step) in self.steps.iter().enumerate() {
            step.check(&format!("steps[{n}]"))?;
        }
        if self.parallel_offers.is_some_and(|offers| !(1..=Self::MOST_OFFERS).contains(&offers)) {
            return Err(Invalid::new("parallelOffers", format!("must be 1 to {}", Self::MOST_OFFERS)));
        }
        Ok(())
    }

    /// How much it is about one thing: item and channel before item, before team and channel, before team, before channel.
    const fn rank(&self) -> u8 {
        let by_channel = self.channel.is_some() as u8;
        match (&self.item, &self.team) {
            (Some(_), _) => 4 + by_channel,
            (None, Some(_)) => 2 + by_channel,
            (None, None) => by_channel,
        }
    }

    fn holds_for(&self, team: &str, item: Option<&str>, channel: Channel) -> bool {
        self.team.as_deref().is_none_or(|own| own == team)
            && self.item.as_deref().is_none_or(|own| Some(own) == item)
            && self.channel.is_none_or(|own| own == channel)
    }

    /// What is promised to whoever writes in a conversation that a human serves.
    #[must_use]
    pub fn next_response(&self, usual: Millis, policy: PolicyRef) -> Rule {
        let span = self.next_response_seconds.map_or(usual, |seconds| i64::from(seconds) * SECOND);
        let mut steps: BTreeMap<Millis, Vec<StepAction>> = BTreeMap::new();
        for step in self.steps.iter().filter(|step| step.promise == Promise::NextResponse) {
            let actions = steps.entry(step.after(span)).or_default();
            actions.extend(&step.actions);
            actions.sort_unstable();
            actions.dedup();
        }
        if steps.is_empty() {
            return Rule::usual(span, Some(policy));
        }
        Rule::with_steps(span, steps.into_iter().collect(), Some(policy))
    }

    /// When the next ring of teams is asked by force, after how long each.
    #[must_use]
    pub fn widens(&self) -> Vec<Millis> {
        self.first_response(StepAction::Widen)
    }

    /// After how long everybody who could take a request is asked at once.
    #[must_use]
    pub fn all_after(&self) -> Option<Millis> {
        self.first_response(StepAction::OfferToAll).first().copied()
    }

    fn first_response(&self, action: StepAction) -> Vec<Millis> {
        let promised = i64::from(self.breach_seconds) * SECOND;
        let steps = self.steps.iter().filter(|step| step.promise == Promise::FirstResponse);
        let mut after: Vec<Millis> =
            steps.filter(|step| step.actions.contains(&action)).map(|step| step.after(promised)).collect();
        after.sort_unstable();
        after
    }
}

impl Directory {
    /// The policy of a team as such: its own, else the one for all; `None`: as configured.
    #[must_use]
    pub fn policy(&self, team: &str) -> Option<&SlaPolicy> {
        match &self.policy_record(team)?.body {
            Body::SlaPolicy(policy) => Some(policy),
            _ => None,
        }
    }

    /// Its record.
    #[must_use]
    pub fn policy_record(&self, team: &str) -> Option<&Record> {
        let whole = self.sla_policies().filter(|(_, one)| one.item.is_none() && one.channel.is_none());
        let holding = whole.filter(|(_, one)| one.team.as_deref().is_none_or(|own| own == team));
        self.record(Kind::SlaPolicy, holding.max_by_key(|(_, one)| one.rank())?.0)
    }

    /// The record of the policy for a request: the most particular one wins; `None`: as configured.
    #[must_use]
    pub fn policy_for(&self, team: &str, item: Option<&str>, channel: Channel) -> Option<(&Record, &SlaPolicy)> {
        let holding = self.sla_policies().filter(|(_, one)| one.holds_for(team, item, channel));
        let (id, policy) = holding.max_by_key(|(_, one)| one.rank())?;
        Some((self.record(Kind::SlaPolicy, id)?, policy))
    }

    pub(super) fn check_policy(&self, id: &str, policy: &SlaPolicy) -> Result<(), Invalid> {
        let is_same =
            |one: &SlaPolicy| (&one.team, &one.item, one.channel) == (&policy.team, &policy.item, policy.channel);
        match self.sla_policies().find(|(other, one)| *other != id && is_same(one)) {
            Some((other, _)) => Err(Invalid::new("team", format!("has the policy {other:?} already"))),
            None => Ok(()),
        }
    }
}
