//! What a conversation asks of those who could serve it, what an agent brings, and how much one conversation weighs.

use std::sync::Arc;

use crate::{
    AgentId, TeamId,
    time::{MINUTE, Millis},
};

/// Skills and languages, one bit each: which bit is which only the caller knows. An agent *has* them, and in each team a
/// level; a conversation *needs* some, and a least level of the team that it is asked of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ability {
    /// One bit per skill or language.
    pub skills: u64,
    /// 1 (learns it) ..= 5 (teaches it); needed: at least; 0: any.
    pub level: u8,
}

impl Ability {
    /// Level of whoever has no other.
    pub const USUAL_LEVEL: u8 = 3;

    /// Is that enough for what is needed?
    #[must_use]
    pub const fn covers(self, needed: Self) -> bool {
        self.skills & needed.skills == needed.skills && self.level >= needed.level
    }
}

/// What is known of a request beside its team and its instant. It does not change while the clock runs, and after a restart
/// it has to be given again as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Stands in line as if it had asked so much earlier (rule 5). It is all that priority is, so nobody waits for ever:
    /// whoever asks at `t` is overtaken only by those who ask before `t + head_start`.
    pub head_start: Millis,
    /// Needed skills, language and level; after [`super::Policy::needs_for`] anybody is better than nobody.
    pub needs: Ability,
    /// Who served the same matter last: asked first if they are free.
    pub preferred: Option<AgentId>,
    /// Takes a whole agent from the begin: a window or a call.
    pub is_exclusive: bool,
    /// What holds for it instead of its team's policy and rings, if the router knows the plan.
    pub plan: Option<Plan>,
}

/// A policy of a team for some requests only (an item's, a channel's): which one it is only the caller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan {
    /// Number of the policy.
    pub policy: u64,
    /// Whose rings it widens.
    pub team: TeamId,
}

/// Who else may be asked for a team's queue, and from when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// So long after the request; never shorter than the ring before.
    pub after: Millis,
    /// Teams; those of the inner rings stay.
    pub teams: Vec<TeamId>,
}

/// The rings of a queue in order, without its own team, which is asked from the begin.
pub(super) fn rings_of(team: TeamId, mut rings: Vec<Ring>) -> Arc<[Ring]> {
    let mut known = vec![team];
    let mut after = 0;
    for ring in &mut rings {
        after = ring.after.max(after);
        ring.after = after;
        ring.teams.retain(|team| {
            let is_new = !known.contains(team);
            known.push(*team);
            is_new
        });
    }
    rings.retain(|ring| !ring.teams.is_empty());
    rings.into()
}

/// What an agent may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Teams they may serve, with their level in each.
    pub teams: Vec<(TeamId, u8)>,
    /// See [`Ability::skills`].
    pub skills: u64,
    /// Conversations at once, 1 or more.
    pub capacity: u32,
}

impl Profile {
    /// Of somebody with the usual level and no particular skill.
    #[must_use]
    pub fn plain(teams: impl IntoIterator<Item = TeamId>, capacity: u32) -> Self {
        let teams = teams.into_iter().map(|team| (team, Ability::USUAL_LEVEL)).collect();
        Self { teams, skills: 0, capacity }
    }
}

/// How much of an agent one conversation takes. Counted in halves, because an idle one takes half a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// One place.
    Text,
    /// Nobody has written for [`super::Settings::idle_after`]: half a place. Never while a first response is owed, and
    /// never what only waits for its outcome.
    Idle,
    /// A window or a call: all places.
    Exclusive,
}

impl Weight {
    /// In halves of a place; an exclusive one is counted apart.
    pub(super) const fn halves(self) -> u32 {
        match self {
            Self::Text | Self::Exclusive => PLACE,
            Self::Idle => PLACE / 2,
        }
    }
}

/// One place, in halves.
pub(super) const PLACE: u32 = 2;

/// Default of [`super::Settings::idle_after`].
pub(super) const IDLE_AFTER: Millis = 3 * MINUTE;
