//! The desk's part of calls (docs/calls.md): whoever calls is queued and offered like everybody else who asks for a human,
//! and what has become of their call decides what becomes of a conversation that it has opened.

use std::collections::BTreeSet;

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    conversation::may_pass,
    history::Event,
    routing::Input,
    time::HOUR,
    words::{AgentStatus, Channel, Outcome, Stage},
};
use bangban_protocol::ThreadBody;

use super::{batch::Batch, case::clock_of, notices::Pending, owner::Owner};

impl Owner {
    /// The queue that somebody's request goes to.
    pub(super) fn team_for(&self, item: Option<&str>, channel: Channel) -> String {
        let catalogue = &self.world.catalogue;
        let hotline = || Some(catalogue.basis().call_team.clone()).filter(|team| catalogue.team(team).is_some());
        let of_line = (channel == Channel::Call && item.is_none()).then(hotline).flatten();
        of_line.unwrap_or_else(|| catalogue.team_of(item).to_owned())
    }

    /// Closed conversations whose call goes on, or is rated, are brought back.
    pub(super) async fn load_called(&mut self, pending: &Pending) {
        let asks = |id: &ConversationId| self.world.shared.calls.said(*id).is_some_and(|said| said.is_asking);
        let wanted = pending.calls.iter().copied().filter(asks).chain(pending.rated.keys().copied());
        let missing: BTreeSet<ConversationId> = wanted.filter(|id| !self.cases.contains(*id)).collect();
        for id in missing {
            let read = async {
                let Some(row) = self.world.store.conversation(id).await? else { return Ok(None) };
                Ok::<_, bangban_store::StoreError>(Some((row, self.world.store.last_clock(id).await?)))
            };
            match read.await {
                Ok(Some((row, clock))) => {
                    if let Err(error) = self.admit(row, clock.as_ref().map(clock_of)).await {
                        tracing::error!(%error, conversation = %id, "the conversation of a call cannot be read");
                    }
                    self.passes(id);
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, conversation = %id, "the conversation of a call cannot be read"),
            }
        }
    }

    /// Does the call of the conversation take the whole of who serves it?
    pub(super) fn takes_call(&self, id: ConversationId) -> bool {
        let Some(row) = self.cases.get(id).map(|case| &case.row) else { return false };
        let said = self.world.shared.calls.said(id);
        let is_with_them = said.is_some_and(|said| said.operator.is_some() && said.operator == row.agent);
        row.channel == Channel::Call || is_with_them
    }

    /// Whoever speaks in a call is offered nobody, whatever their part in it.
    pub(super) fn follow_call(&mut self, agent: AgentId, now: Timestamp, batch: &mut Batch) {
        let is_in_call = self.world.shared.calls.is_talking(agent);
        // A refusal: they serve no queue.
        if self.decide(Input::InCallChanged { agent, is_in_call }, now, batch).is_ok() {
            batch.agents.insert(agent);
        }
    }

    /// A conversation's call is not what it was, or is over.
    pub(super) fn call_changed(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        let said = self.world.shared.calls.said(id);
        let Some(row) = self.cases.get(id).map(|case| &case.row) else { return };
        let (stage, agent, is_hotline) = (row.stage, row.agent, row.channel == Channel::Call);
        let led_by = said.as_ref().and_then(|said| said.led_by).filter(|led_by| is_hotline && Some(*led_by) != agent);
        let is_open = matches!(stage, Stage::Waiting | Stage::Offered | Stage::Serving | Stage::WrapUp);
        if let Some(led_by) = led_by.filter(|_| is_open) {
            self.hand_over_call(id, led_by, now, batch);
        }
        match said {
            Some(said) if said.is_asking => match (stage, agent) {
                (Stage::Serving, Some(agent)) if said.missed_by == Some(agent) => {
                    self.decide(Input::GivenBack { conversation: id, agent }, now, batch).ok();
                }
                (Stage::Bot | Stage::Closed | Stage::WrapUp | Stage::CallBack, _) => self.ask_again(id, now, batch),
                // Whoever serves it is rung; whoever is offered it may be soon.
                (Stage::Waiting | Stage::Offered | Stage::Serving, _) => {}
            },
            // Who led it has gone, and the others speak on.
            Some(said) if is_hotline && said.was_led && said.operator.is_none() => self.end_serving(id, now, batch),
            Some(_) => {}
            None if is_hotline => match stage {
                // Gone while whoever had accepted it was being rung: there is nothing to say about it.
                Stage::Serving if self.is_unanswered(id) => self.close_unheard(id, now, batch),
                Stage::Serving => self.end_serving(id, now, batch),
                Stage::Waiting | Stage::Offered => {
                    self.give_up(now, now, id, batch).ok();
                    self.shut(id, now, Outcome::Abandoned, None, None, batch);
                }
                Stage::Bot | Stage::CallBack => self.shut(id, now, Outcome::Abandoned, None, None, batch),
                Stage::WrapUp | Stage::Closed => {}
            },
            None => {}
        }
        self.weigh_anew(id, now, batch);
        batch.views.insert(id);
    }

    /// Somebody else leads the hotline's call than who serves its conversation: a supervisor who has taken over, or an operator
    /// who has come back to it. The conversation, its clock and what is owed for it are theirs from now on, without waiting.
    fn hand_over_call(&mut self, id: ConversationId, to: AgentId, now: Timestamp, batch: &mut Batch) {
        if self.router.agent(to).is_some_and(|read| read.status == AgentStatus::Offline) {
            // Whoever leads a call is at work.
            self.decide(Input::StatusChosen { agent: to, status: AgentStatus::Online }, now, batch).ok();
        }
        let forced = Input::AssignmentForced { conversation: id, agent: to, beyond: true };
        if let Err(error) = self.decide(forced, now, batch) {
            // Their console has gone: the next change of the call tries again.
            tracing::info!(conversation = %id, agent = %to, error = %error.detail, "a call's conversation stays where it is");
        }
    }

    /// Nobody leads the call any more whose conversation was done with: a new request, before all others.
    fn ask_again(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        let Some(case) = self.cases.get_mut(id) else { return };
        if !self.world.catalogue.calendar_of(&case.row.team).in_service(now) {
            // Nobody comes at this hour: the caller is told so by a voice.
            self.world.shared.calls.closed(id);
            return;
        }
        if case.row.stage == Stage::WrapUp {
            // Whoever wraps it up is done with it: another one comes.
            self.shut(id, now, Outcome::Unsolved, None, None, batch);
            self.decide(Input::Closed { conversation: id }, now, batch).ok();
        }
        let Some(case) = self.cases.get_mut(id) else { return };
        if case.row.stage == Stage::Closed {
            case.row.stage = Stage::Bot;
            case.row.agent = None;
            case.row.outcome = None;
            case.row.closed_at = None;
            case.row.slot = None;
            batch.say(id, now, ThreadBody::Reopened);
            batch.log(id, now, Event::Reopened {});
        }
        let Some(case) = self.cases.get_mut(id) else { return };
        // The caller is on the line.
        case.row.head_start = HOUR;
        let team = self.cases.get(id).map(|case| self.team_of(&case.row));
        if let Some(plan) = self.plan_of(id) {
            self.decide(plan, now, batch).ok();
        }
        let demand = self.demand_of(id);
        if let Some(team) = team {
            self.decide(Input::HumanRequested { conversation: id, team, at: now, demand }, now, batch).ok();
        }
        batch.touch(id);
    }

    /// The operator speaks with the caller no more: they say what it was.
    fn end_serving(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        let Some(case) = self.cases.get_mut(id).filter(|case| case.row.stage == Stage::Serving) else { return };
        case.row.stage = Stage::WrapUp;
        let agent = case.row.agent;
        self.decide(Input::CitizenFinished { conversation: id }, now, batch).ok();
        batch.over.push(id);
        self.promise_over(id, now, batch);
        batch.log(id, now, Event::Finished {});
        batch.agents.extend(agent);
        batch.touch(id);
    }

    /// Has nobody spoken with the caller yet?
    fn is_unanswered(&self, id: ConversationId) -> bool {
        self.cases.get(id).and_then(|case| case.clock.as_ref()).is_some_and(|clock| clock.answered_at.is_none())
    }

    fn close_unheard(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        let agent = self.cases.get(id).and_then(|case| case.row.agent);
        self.decide(Input::Closed { conversation: id }, now, batch).ok();
        self.shut(id, now, Outcome::Abandoned, None, None, batch);
        batch.agents.extend(agent);
    }

    /// The caller has pressed how it was: the rating of the conversation, as if it were given in writing.
    pub(super) fn rated_by_keys(&mut self, id: ConversationId, stars: u8, now: Timestamp, batch: &mut Batch) {
        let Some(case) = self.cases.get_mut(id) else { return };
        // Of whoever served it; a request that goes on is rated when it is over.
        if case.row.agent.is_none() || !matches!(case.row.stage, Stage::WrapUp | Stage::Closed) {
            return;
        }
        case.row.stars = Some(stars);
        batch.say(id, now, ThreadBody::Rated { stars });
        batch.log(id, now, Event::Rated { stars });
        batch.touch(id);
        self.passes(id);
    }

    /// The operator has not said in time what the call was: it is closed, and not as solved.
    pub(super) fn close_unsaid(&mut self, id: ConversationId, agent: AgentId, now: Timestamp, batch: &mut Batch) {
        let Some(row) = self.cases.get(id).map(|case| &case.row) else { return };
        let is_theirs = row.channel == Channel::Call && row.agent == Some(agent) && row.stage == Stage::WrapUp;
        if !is_theirs || !may_pass(row.stage, Stage::Closed) {
            return;
        }
        self.decide(Input::Closed { conversation: id }, now, batch).ok();
        self.shut(id, now, Outcome::Unsolved, None, None, batch);
        batch.agents.insert(agent);
    }
}
