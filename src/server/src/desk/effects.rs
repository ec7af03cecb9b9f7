//! Effects of the router become rows, entries of threads and lines of the event log.

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    alert::{AlertKind, Subject},
    figures::Request,
    history::Event,
    ledger::Promise,
    routing::{Clock, Effect, Place},
    words::{AgentStatus, OfferEnd, QueuedBecause, SlaStep, Stage},
};
use bangban_protocol::{OfferEnded, ThreadBody};
use bangban_store::{Author, Change, HelperChange};

use super::{batch::Batch, owner::Owner};

impl Owner {
    pub(super) fn carry_out(&mut self, effects: &[Effect], now: Timestamp, batch: &mut Batch) {
        for effect in effects {
            match *effect {
                Effect::Queued { conversation, team, clock, because, taken_from } => {
                    self.queued(conversation, team, clock, because, taken_from, now, batch);
                }
                Effect::Offered { offer, conversation, agent, expires_at, transfer_by } => {
                    self.offered_at.insert(offer, now);
                    batch.agents.insert(agent);
                    if transfer_by.is_none()
                        && let Some(case) = self.cases.get_mut(conversation)
                    {
                        case.row.stage = Stage::Offered;
                    }
                    let what = Event::Offered { offer, agent, expires_at, transfer_by };
                    batch.log_as(Author::System, conversation, now, what);
                    batch.touch(conversation);
                }
                Effect::OfferEnded { offer, conversation, agent, reason, others } => {
                    self.offered_at.remove(&offer);
                    self.last_ends.insert(agent, OfferEnded { offer, reason });
                    batch.agents.insert(agent);
                    if let Some(case) = self.cases.get_mut(conversation)
                        && case.row.stage == Stage::Offered
                        && others == 0
                    {
                        case.row.stage = Stage::Waiting;
                    }
                    let by = if reason == OfferEnd::Missed { Author::System } else { batch.actor };
                    batch.log_as(by, conversation, now, Event::OfferEnded { offer, agent, reason });
                    batch.touch(conversation);
                }
                Effect::Assigned { offer, conversation, agent, team, transfer_by } => {
                    self.offered_at.remove(&offer);
                    let what = Event::Assigned { offer, agent, team: self.team_code(team), transfer_by };
                    batch.log(conversation, now, what);
                    self.assigned(conversation, agent, team, transfer_by, now, batch);
                }
                Effect::Widened { conversation, ring } => {
                    batch.log_as(Author::System, conversation, now, Event::Widened { ring });
                }
                Effect::AskIfSilent { conversation } => self.questions.push(conversation),
                Effect::TransferEnded { conversation, by, reason } => {
                    self.transfer_ended(conversation, by, reason, now, batch);
                }
                Effect::Stepped { conversation, step, at } => self.stepped(conversation, step, at, now, batch),
                Effect::Answered { conversation, at, strikes_breach } => {
                    self.answered(conversation, at, strikes_breach, now, batch);
                }
                Effect::Left { conversation } => self.left(conversation, now, batch),
                Effect::StatusChanged { agent, status, until } => {
                    batch.agents.insert(agent);
                    self.since.insert(agent, now);
                    // A short break is not a choice: after a restart the chosen status holds.
                    if until.is_none() {
                        batch.unit.changes.push(Change::Status { agent, status, at: now });
                    }
                    if status == AgentStatus::Offline {
                        self.clear_alert(AlertKind::AgentLost, &Subject::Agent(agent), now, batch);
                    }
                    let by = if until.is_some() { Author::System } else { batch.actor };
                    batch.log_as(by, None, now, Event::StatusChanged { agent, status, until });
                }
                Effect::DutyChanged { agent, .. } => {
                    batch.agents.insert(agent);
                }
                Effect::AgentMissing { agent, lost } => {
                    batch.agents.insert(agent);
                    batch.log_as(Author::System, None, now, Event::AgentMissing { agent, lost });
                    tracing::info!(%agent, lost, "an agent is gone");
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one effect")]
    fn queued(
        &mut self,
        conversation: ConversationId,
        team: TeamId,
        clock: Clock,
        because: QueuedBecause,
        taken_from: Option<AgentId>,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let team_code = self.team_code(team);
        let taken_from_name = taken_from.and_then(|id| self.name_of(id));
        batch.agents.extend(taken_from);
        batch.queues.insert(team);
        self.world.notices.silence.end(conversation);
        self.call_back_over(conversation, batch);
        let Some(case) = self.cases.get_mut(conversation) else { return };
        case.row.stage = Stage::Waiting;
        case.row.agent = None;
        case.row.team.clone_from(&team_code);
        case.clock = Some(clock);
        let entry = match because {
            QueuedBecause::Asked => Some(ThreadBody::HumanRequested { due_at: clock.due_at }),
            QueuedBecause::CallBackDue => Some(ThreadBody::CallBackDue { due_at: clock.due_at }),
            QueuedBecause::AgentSuspect
            | QueuedBecause::AgentLost
            | QueuedBecause::AgentOffline
            | QueuedBecause::AgentNotThere
            | QueuedBecause::Restarted => None,
        };
        if let Some(body) = entry {
            // A request and a call-back that is due begin a clock; nothing else does.
            case.row.clock_no += 1;
            if because == QueuedBecause::Asked {
                case.row.slot = None;
            }
            let promise = match because {
                QueuedBecause::CallBackDue => Promise::CallBack,
                _ => Promise::FirstResponse,
            };
            let policy = self.world.catalogue.policy_ref(&team_code, case.plan);
            batch.unit.changes.push(Change::Clock(case.ledger(&clock, promise, policy)));
            batch.say(conversation, clock.asked_at, body);
            self.record(conversation, now, |_| {});
        }
        self.dismiss_helpers(conversation, batch);
        if let Some(name) = taken_from_name {
            batch.say(conversation, now, ThreadBody::AgentLeft { name });
        }
        if let (Some(agent), QueuedBecause::AgentSuspect | QueuedBecause::AgentLost) = (taken_from, because) {
            self.raise_alert(AlertKind::AgentLost, Subject::Agent(agent), now.0, now, batch);
        }
        let Some(no) = self.cases.get(conversation).map(|case| case.row.clock_no) else { return };
        let by = match because {
            QueuedBecause::Asked | QueuedBecause::AgentOffline => batch.actor,
            QueuedBecause::CallBackDue
            | QueuedBecause::AgentSuspect
            | QueuedBecause::AgentLost
            | QueuedBecause::AgentNotThere
            | QueuedBecause::Restarted => Author::System,
        };
        let (asked_at, due_at) = (clock.asked_at, clock.due_at);
        let what = Event::Queued { because, no, team: team_code, asked_at, due_at, taken_from };
        batch.log_as(by, conversation, now, what);
        batch.touch(conversation);
    }

    fn assigned(
        &mut self,
        conversation: ConversationId,
        agent: AgentId,
        team: TeamId,
        transfer_by: Option<AgentId>,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let name = self.name_of(agent).unwrap_or_default();
        let from_name = transfer_by.map(|id| self.name_of(id).unwrap_or_default());
        let (code, team_name) = match self.world.catalogue.team_at(team) {
            Some(team) => (team.code.clone(), team.name.clone()),
            None => Default::default(),
        };
        self.world.notices.silence.begin(conversation, now);
        batch.agents.insert(agent);
        batch.agents.extend(transfer_by);
        batch.queues.insert(team);
        let Some(case) = self.cases.get_mut(conversation) else { return };
        if case.row.stage != Stage::WrapUp {
            case.row.stage = Stage::Serving;
        }
        if case.helpers.remove(&agent) {
            let gone = HelperChange { conversation, agent, joined: false };
            batch.unit.changes.push(Change::Helper(gone));
        }
        case.row.agent = Some(agent);
        case.row.last_agent = Some(agent);
        case.row.team = code;
        case.transfer = None;
        let body = match from_name {
            Some(from_name) => ThreadBody::Transferred { from_name, agent, name, team_name },
            None => ThreadBody::AgentJoined { agent, name, team_name },
        };
        batch.say(conversation, now, body);
        batch.touch(conversation);
    }

    fn transfer_ended(
        &mut self,
        conversation: ConversationId,
        by: AgentId,
        reason: OfferEnd,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let what = match reason {
            OfferEnd::Declined => "declined",
            OfferEnd::Missed => "missed",
            OfferEnd::TransferCancelled | OfferEnd::ConversationGone => "cancelled",
            OfferEnd::AgentUnavailable | OfferEnd::Taken => "unavailable",
        };
        let to_name = self.cases.get_mut(conversation).and_then(|case| case.transfer.take());
        let to_name = to_name.map(|(to, _)| to).unwrap_or_default();
        let body = ThreadBody::TransferNote { to_name, what: what.to_owned(), text: String::new() };
        batch.note(conversation, now, body);
        batch.log(conversation, now, Event::TransferEnded { by, reason });
        batch.agents.insert(by);
        batch.touch(conversation);
    }

    fn stepped(
        &mut self,
        conversation: ConversationId,
        step: SlaStep,
        at: Timestamp,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        batch.agents.extend(self.holders(conversation));
        let Some(case) = self.cases.get_mut(conversation) else { return };
        if let Some(clock) = &mut case.clock {
            clock.step = step;
        }
        let (no, was_promised) = (case.row.clock_no, case.receipt.is_some());
        batch.unit.changes.push(Change::Step { conversation, no, step, at });
        batch.steps.push(step);
        batch.log_as(Author::System, conversation, now, Event::Stepped { no, step, at });
        batch.touch(conversation);
        let about = Subject::Conversation(conversation);
        match step {
            SlaStep::Running | SlaStep::Warned => {}
            SlaStep::Alerted => self.raise_alert(AlertKind::FirstResponse, about, no.into(), now, batch),
            SlaStep::Breached => {
                tracing::warn!(%conversation, "nobody answered within the minute");
                self.clear_alert(AlertKind::FirstResponse, &about, now, batch);
                let kind = if was_promised { AlertKind::CallBackMissed } else { AlertKind::FirstResponseBreached };
                self.raise_alert(kind, about, no.into(), now, batch);
            }
        }
    }

    /// The ledger and the log have it already: the writer stopped the clock in the reply's own transaction.
    fn answered(
        &mut self,
        conversation: ConversationId,
        at: Timestamp,
        strikes_breach: bool,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        batch.agents.extend(self.holders(conversation));
        let Some(case) = self.cases.get_mut(conversation) else { return };
        let no = case.row.clock_no;
        if let Some(clock) = &mut case.clock {
            clock.answered_at = Some(at);
            clock.left_at = None;
            if strikes_breach {
                clock.step = SlaStep::Alerted;
                batch.unit.changes.push(Change::StrikeBreach { conversation, no });
                batch.log_as(Author::System, conversation, now, Event::BreachStruck { no });
            }
        }
        self.record(conversation, now, |request| request.answered_at = Some(at));
        self.clear_clock_alerts(conversation, now, batch);
        batch.touch(conversation);
    }

    fn left(&mut self, conversation: ConversationId, now: Timestamp, batch: &mut Batch) {
        batch.agents.extend(self.holders(conversation));
        let Some(case) = self.cases.get_mut(conversation) else { return };
        if let Some(clock) = &mut case.clock {
            clock.left_at = Some(now);
        }
        let no = case.row.clock_no;
        batch.unit.changes.push(Change::Left { conversation, no, at: now });
        batch.log(conversation, now, Event::Left { no, at: now });
        self.record(conversation, now, |request| request.left_at = Some(now));
        self.clear_clock_alerts(conversation, now, batch);
        let team = self.cases.get(conversation).map(|case| self.team_of(&case.row));
        batch.queues.extend(team);
        batch.touch(conversation);
    }

    /// Who looks at it or serves it.
    fn holders(&self, conversation: ConversationId) -> Vec<AgentId> {
        match self.router.conversation(conversation).map(|routed| routed.place) {
            Some(Place::Serving { agent, .. }) => vec![agent],
            Some(Place::Waiting | Place::Offered { .. }) => self.router.asked(conversation).collect(),
            None => Vec::new(),
        }
    }

    /// Tells the figures what has become of a conversation's current clock.
    fn record(&mut self, conversation: ConversationId, now: Timestamp, change: impl Fn(&mut Request)) {
        let Some(case) = self.cases.get(conversation) else { return };
        let Some(clock) = case.clock else { return };
        let mut request = Request {
            conversation,
            no: case.row.clock_no,
            team: self.team_of(&case.row),
            channel: case.row.channel,
            asked_at: clock.asked_at,
            due_at: clock.due_at,
            answered_at: clock.answered_at,
            left_at: None,
        };
        change(&mut request);
        self.today.record(request, now);
    }
}
