//! What others may know of the router's state, and the check of its invariants.

use super::{Case, Clock, Link, PLACE, Router, Target, Timer, Where};
#[cfg(debug_assertions)]
use super::{SECOND_LOOK, Weight};
use crate::{AgentId, ConversationId, OfferId, TeamId, Timestamp, words::AgentStatus};

/// Where a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the queue.
    Waiting,
    /// One agent is looking at it, or several: the one who was asked first.
    Offered {
        /// The offer.
        offer: OfferId,
        /// Who.
        agent: AgentId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// On somebody's desk.
    Serving {
        /// Whose.
        agent: AgentId,
        /// A pending transfer.
        transfer: Option<Target>,
    },
}

/// A conversation as the router sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routed {
    /// Whose queue.
    pub team: TeamId,
    /// Its clock.
    pub clock: Clock,
    /// Where it is.
    pub place: Place,
    /// It goes, or went, before all others: it was taken from an agent, or missed by one.
    pub at_head: bool,
    /// Rings that may be asked beside its own team.
    pub rings: u8,
}

/// An open offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferRead {
    /// Which.
    pub id: OfferId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Until when.
    pub expires_at: Timestamp,
    /// Who hands it on.
    pub transfer_by: Option<AgentId>,
}

/// An agent as the router sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentRead {
    /// Chosen status; `Break` during a short break.
    pub status: AgentStatus,
    /// End of a short break.
    pub break_until: Option<Timestamp>,
    /// Conversations at once.
    pub capacity: u32,
    /// Places that are taken now: an idle conversation takes half a one (rounded up), a window or a call all.
    pub load: u32,
    /// Conversations now, whatever they weigh.
    pub serving: u32,
    /// Is it their time, by the roster? Those who stand in none choose it themselves.
    pub is_on_duty: bool,
    /// Has a console.
    pub is_connected: bool,
    /// Was gone for 60 s, or never came.
    pub is_lost: bool,
    /// Could take an offer now.
    pub is_free: bool,
    /// Open offer.
    pub offer: Option<OfferRead>,
}

impl Router {
    /// One conversation, if it waits or is served.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<Routed> {
        self.read(self.cases.get(&id)?)
    }

    fn read(&self, case: &Case) -> Option<Routed> {
        let place = match case.place {
            Where::Waiting => match case.offers.first() {
                None => Place::Waiting,
                Some(offer) => {
                    let made = self.offers.get(offer)?;
                    Place::Offered { offer: *offer, agent: made.agent, expires_at: made.expires_at }
                }
            },
            Where::Serving { agent, transfer } => Place::Serving { agent, transfer },
        };
        let rings = u8::try_from(case.reached).unwrap_or(u8::MAX);
        Some(Routed { team: case.team, clock: case.clock, place, at_head: case.rank == 0, rings })
    }

    /// Who is being asked for a conversation, in the order in which they were.
    pub fn asked(&self, id: ConversationId) -> impl Iterator<Item = AgentId> + '_ {
        let offers = self.cases.get(&id).into_iter().flat_map(|case| &case.offers);
        offers.filter_map(|offer| self.offers.get(offer).map(|offer| offer.agent))
    }

    /// One agent.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<AgentRead> {
        let agent = self.agents.get(&id)?;
        let offer = agent.offer.and_then(|id| {
            self.offers.get(&id).map(|offer| OfferRead {
                id,
                conversation: offer.conversation,
                expires_at: offer.expires_at,
                transfer_by: offer.transfer_by,
            })
        });
        Some(AgentRead {
            status: if agent.break_until.is_some() { AgentStatus::Break } else { agent.status },
            break_until: agent.break_until,
            capacity: agent.profile.capacity,
            load: if agent.exclusive > 0 || agent.is_in_call {
                agent.load.div_ceil(PLACE).max(agent.profile.capacity)
            } else {
                agent.load.div_ceil(PLACE)
            },
            serving: u32::try_from(agent.serving.len()).unwrap_or(u32::MAX),
            is_on_duty: agent.off_since.is_none(),
            is_connected: agent.link == Link::Connected,
            is_lost: agent.link == Link::Lost,
            is_free: self.has_room(agent) && agent.off_since.is_none(),
            offer,
        })
    }

    /// Everybody known, in no order.
    pub fn agents(&self) -> impl Iterator<Item = (AgentId, AgentRead)> + '_ {
        self.agents.keys().filter_map(|id| self.agent(*id).map(|read| (*id, read)))
    }

    /// What an agent serves.
    pub fn serving(&self, id: AgentId) -> impl Iterator<Item = ConversationId> + '_ {
        self.agents.get(&id).into_iter().flat_map(|agent| agent.serving.iter().copied())
    }

    /// A team's queue in order, those who are being offered included.
    pub fn queue(&self, team: TeamId) -> impl Iterator<Item = ConversationId> + '_ {
        self.teams.get(usize::from(team.0)).into_iter().flat_map(|team| team.line.iter().map(|key| key.2))
    }

    /// How many stand in a team's queue, those who are being offered included.
    #[must_use]
    pub fn waiting(&self, team: TeamId) -> usize {
        self.teams.get(usize::from(team.0)).map_or(0, |team| team.line.len())
    }

    /// Place of a conversation in its queue, 1 = next. Costs O(1) for the last one and what stands before it for others.
    #[must_use]
    pub fn position(&self, id: ConversationId) -> Option<usize> {
        let (team, key) = self.line_key(id)?;
        let line = &self.teams.get(usize::from(team.0))?.line;
        if line.last() == Some(&key) {
            return Some(line.len());
        }
        line.contains(&key).then(|| line.range(..key).count() + 1)
    }

    /// The team in whose queue a conversation stands.
    #[must_use]
    pub fn queued_with(&self, id: ConversationId) -> Option<TeamId> {
        let (team, key) = self.line_key(id)?;
        self.teams.get(usize::from(team.0))?.line.contains(&key).then_some(team)
    }

    /// Everybody known to the router, in no order.
    pub fn conversations(&self) -> impl Iterator<Item = (ConversationId, Routed)> + '_ {
        self.cases.iter().filter_map(|(id, case)| self.read(case).map(|routed| (*id, routed)))
    }

    /// Promised call-backs of a team that are still to come.
    #[must_use]
    pub fn call_backs(&self, team: TeamId) -> usize {
        self.teams.get(usize::from(team.0)).map_or(0, |team| team.call_backs)
    }

    /// Promised call-backs of a team that begin at exactly this instant.
    #[must_use]
    pub fn call_backs_at(&self, team: TeamId, at: Timestamp) -> usize {
        let (first, last) = (ConversationId::new(0), ConversationId::new(u128::MAX));
        let of_team = |timer: &Timer| match timer {
            Timer::CallBack(id) => self.call_backs.get(id).is_some_and(|promise| promise.team == team),
            _ => false,
        };
        let due = self.timers.range((at, Timer::CallBack(first))..=(at, Timer::CallBack(last)));
        due.filter(|(_, timer)| of_team(timer)).count()
    }

    /// Panics if the state contradicts itself. Large states are left out: the tests' states are small.
    #[cfg(debug_assertions)]
    pub(super) fn check_invariants(&self) {
        if self.cases.len() + self.agents.len() > 200 {
            return;
        }
        for (id, case) in &self.cases {
            let key = case.key(*id);
            let is_in_line = self.teams[usize::from(case.team.0)].line.contains(&key);
            match case.place {
                Where::Waiting => assert!(is_in_line, "{id} not in its queue"),
                Where::Serving { agent, .. } => {
                    assert!(self.agents.get(&agent).is_some_and(|agent| agent.serving.contains(id)), "{id} on no desk");
                    assert!(!is_in_line, "{id} served and in the queue");
                }
            }
            if let Where::Serving { transfer: Some(Target::Agent(colleague)), .. } = case.place {
                let wanted = &self.agents[&colleague].wanted;
                let asked = case.offers.len() + wanted.iter().filter(|one| *one == id).count();
                assert_eq!(asked, 1, "{id} is handed to {colleague} once");
            }
            self.check_stand(*id, case);
            for offer in &case.offers {
                assert_eq!(self.offers.get(offer).map(|offer| offer.conversation), Some(*id), "{id} offer");
            }
        }
        for (id, agent) in &self.agents {
            assert_eq!(agent.free_as.is_some(), self.has_room(agent), "{id}: free set");
            assert!(
                agent.wanted.is_empty() || agent.offer.is_some() || !agent.can_be_asked(),
                "{id} is asked for none"
            );
            for conversation in &agent.serving {
                let place = self.cases.get(conversation).map(|case| case.place);
                assert!(
                    matches!(place, Some(Where::Serving { agent, .. }) if agent == *id),
                    "{conversation} on two desks"
                );
            }
            let weights = || agent.serving.iter().filter_map(|id| self.cases.get(id)).map(|case| case.weight);
            assert_eq!(agent.load, weights().map(Weight::halves).sum::<u32>(), "{id}: load");
            let exclusive = weights().filter(|weight| *weight == Weight::Exclusive).count();
            assert_eq!(usize::try_from(agent.exclusive), Ok(exclusive), "{id}: exclusive");
        }
        for (id, offer) in &self.offers {
            assert_eq!(self.agents.get(&offer.agent).and_then(|agent| agent.offer), Some(*id), "{id}: both sides");
            assert!(self.cases.get(&offer.conversation).is_some_and(|case| case.offers.contains(id)), "{id}: no case");
        }
        assert!(self.timers.first().is_none_or(|(at, _)| *at > self.now), "a deadline was left behind");
    }

    /// It stands open in exactly the queues of those who may be asked, if somebody should be.
    #[cfg(debug_assertions)]
    fn check_stand(&self, id: ConversationId, case: &Case) {
        let has_look = !case.offers.is_empty();
        let (rank, at, _) = case.key(id);
        let key = (if has_look { rank + SECOND_LOOK } else { rank }, at, id);
        let need = self.need_of(case);
        for (n, team) in (0..).map(TeamId).zip(&self.teams) {
            let is_open = team.open.iter().any(|(group, open)| *group == need && open.contains(&key));
            let anywhere = team.open.iter().flat_map(|(_, open)| open).filter(|key| key.2 == id).count();
            assert_eq!(usize::from(is_open), anywhere, "{id} stands in {n:?} as it was before");
            let should = self.is_sought(case) && Self::teams_asked(case).any(|asked| asked == n);
            assert_eq!(is_open, should, "{id} open in {n:?}");
        }
    }
}
