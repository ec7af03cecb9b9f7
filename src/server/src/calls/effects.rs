//! Effects of the rules become rows, entries of threads, lines of the audit log, errands for the lines, and what is told; and
//! what the lines say becomes inputs.

use bangban_domain::{
    AgentId, CallId, ConversationId, Timestamp,
    call::{
        CallEnd, CallOrigin, CallPart, Effect, Input, LegId, Number, Party, RequestEnd, Row, WrapUpEnd,
        sound::{LegSound, Sample},
    },
};
use bangban_media::audio::{AudioEvent, Quality};
use bangban_protocol::{EventBody, MediaLink, Party as Speaker, ThreadBody};
use bangban_store::{Audit, Author, CallBackRow, CallChange, Change, Lane};
use bangban_telephony::Event;
use metrics::counter;
use serde_json::json;

use super::{
    hotline,
    lines::Errand,
    owner::{Batch, Caller, Owner, Person, Room},
};
use crate::desk::{entry, new_id};

impl Owner {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>, now: Timestamp, batch: &mut Batch) {
        for effect in effects {
            self.carry_out_one(effect, now, batch);
        }
    }

    fn carry_out_one(&mut self, effect: Effect, now: Timestamp, batch: &mut Batch) {
        match effect {
            Effect::Save(row) => self.save(row, now, batch),
            Effect::Accept(leg) => batch.errands.push(Errand::Accept(leg)),
            Effect::Ring { leg, part, party } => self.ring(leg, part, party, batch),
            Effect::Cancel { leg, because } => {
                batch.errands.push(Errand::Cancel(leg, because));
                self.gone(leg, batch);
            }
            Effect::HangUp(leg) => {
                batch.errands.push(Errand::HangUp(leg));
                self.gone(leg, batch);
            }
            Effect::MixChanged { call, ears } => {
                batch.errands.push(Errand::Mix(call, ears));
                batch.dirty.insert(call);
                self.note_response(call, now, batch);
            }
            Effect::Play { leg, prompt } => batch.errands.push(Errand::Play(leg, prompt)),
            Effect::Dial { leg, digits } => batch.errands.push(Errand::Dial(leg, digits)),
            Effect::AskOperator { call, is_again, missed_by, .. } => {
                let serving = self.rooms.get(&call).and_then(|room| self.serving(room.row.conversation?));
                if let Some(room) = self.rooms.get_mut(&call) {
                    room.is_asking = true;
                    // Who led it last could not be rung either, or nobody would be asked for.
                    let led = serving.filter(|agent| is_again && room.operators.contains(agent));
                    room.missed_by = missed_by.or(led);
                    batch.desk.extend(room.row.conversation);
                }
                batch.asked.insert(call);
                batch.dirty.insert(call);
            }
            Effect::StopAsking(call) => {
                if let Some(room) = self.rooms.get_mut(&call) {
                    (room.is_asking, room.missed_by) = (false, None);
                    batch.desk.extend(room.row.conversation);
                }
                batch.dirty.insert(call);
            }
            Effect::CallBackOwed { call, request, about, due_at } => {
                let row = CallBackRow { call, request, about, agent: None, owed_at: now, due_at, settled_at: None };
                self.owe(row, batch);
            }
            Effect::CallBackSettled { call, request } => self.settle(call, Some(request), now, batch),
            Effect::CallBackNow { call, agent } => {
                let row = CallBackRow {
                    call,
                    request: None,
                    about: None,
                    agent,
                    owed_at: now,
                    due_at: now,
                    settled_at: None,
                };
                self.owe(row, batch);
            }
            // Every call has a conversation, and so a thread.
            Effect::ThreadWanted { .. } => {}
            // The window is asked for beside the command: `App::call`.
            Effect::WindowWanted { call, .. } => batch.dirty.extend([call]),
            Effect::InCallChanged { conversation, is_in_call } => {
                batch.in_call.push((conversation, is_in_call));
            }
            Effect::Rated { call, stars } => {
                counter!("bangban_calls_rated_total", "stars" => stars.to_string()).increment(1);
                batch.dirty.insert(call);
                let conversation = self.rooms.get(&call).and_then(|room| room.row.conversation);
                batch.rated.extend(conversation.map(|conversation| (conversation, stars)));
            }
            Effect::Ended { call, because, at } => self.ended(call, because, at, batch),
        }
    }

    /// A row, and what is beside it here.
    fn save(&mut self, row: Row, now: Timestamp, batch: &mut Batch) {
        let (mut team, mut ended) = (None, None);
        match &row {
            Row::Call(one) => {
                batch.dirty.insert(one.call);
                if let Some(room) = self.rooms.get_mut(&one.call) {
                    room.row = one.clone();
                    team = Some(room.team.clone());
                }
            }
            Row::Request(one) => {
                batch.dirty.insert(one.call);
                if let Some(room) = self.rooms.get_mut(&one.call) {
                    room.requests.insert(one.number, one.clone());
                }
                if one.result == Some(RequestEnd::Reached) {
                    self.settle_matter(one.call, one.number, now, batch);
                }
                if let Some(result) = one.result {
                    counter!("bangban_call_requests_total", "result" => result.as_str()).increment(1);
                }
            }
            Row::Attempt(one) => {
                batch.dirty.insert(one.leg.call);
                if let Some(room) = self.rooms.get_mut(&one.leg.call) {
                    room.attempts.insert(one.leg.no, one.clone());
                }
                if let Some(cause) = one.cause {
                    counter!("bangban_call_attempts_total", "cause" => cause.as_str()).increment(1);
                }
            }
            Row::Leg(one) => {
                batch.dirty.insert(one.leg.call);
                if let Some(room) = self.rooms.get_mut(&one.leg.call) {
                    let agent = one.party.as_ref().and_then(Party::agent);
                    self.rested.extend(agent.map(|agent| (agent, now)));
                    if one.part == CallPart::Operator {
                        room.operators.extend(agent);
                    }
                    // A call-back has reached its citizen: what was owed to them is done.
                    let before = room.legs.insert(one.leg.no, one.clone());
                    let is_new = before.is_none();
                    let is_over = one.ended_at.is_some() && before.is_none_or(|row| row.ended_at.is_none());
                    ended = is_over.then_some(one.leg);
                    let is_back = matches!(room.row.origin, CallOrigin::CallMe | CallOrigin::CallBack);
                    if is_new
                        && is_back
                        && one.part == CallPart::Caller
                        && let Some(conversation) = room.row.conversation
                    {
                        self.settle_all(one.leg.call, conversation, now, batch);
                    }
                }
            }
            Row::WrapUp(one) => {
                batch.people.insert(one.agent);
                let of_room = self.rooms.get(&one.call).and_then(|room| room.row.conversation);
                if let Some(conversation) = of_room {
                    // The call may be over long before it is wrapped up.
                    self.wrapping.insert((one.call, one.agent), conversation);
                }
                let conversation = of_room.or_else(|| self.wrapping.get(&(one.call, one.agent)).copied());
                if one.end == Some(WrapUpEnd::TimedOut) {
                    batch.unsaid.extend(conversation.map(|conversation| (conversation, one.agent)));
                }
                if one.ended_at.is_some() {
                    self.wrapping.remove(&(one.call, one.agent));
                }
                batch.desk.extend(conversation);
            }
        }
        batch.call(CallChange::Row { row: Box::new(row), team });
        if let Some(leg) = ended {
            let sound = self.sounds.end(now, leg);
            heard(leg, sound, batch);
        }
    }

    fn ring(&mut self, leg: LegId, part: CallPart, party: Option<Party>, batch: &mut Batch) {
        let Some(room) = self.rooms.get(&leg.call) else { return };
        batch.dirty.insert(leg.call);
        let (ticket, shown) = (room.ticket.clone(), self.keys.shown_number());
        let errand = match party {
            Some(Party::Agent(agent)) => {
                let user = self.telephone_of(agent);
                match user {
                    Some(user) => Some(Errand::RingPhone { leg, user, caller: shown, ticket }),
                    // The page hears of it with what concerns it.
                    None if self.has_page(Person::Staff(agent)) => return,
                    None => None,
                }
            }
            Some(Party::Number(number)) => Some(Errand::RingNumber { leg, number, caller: shown, ticket }),
            None => match (&room.caller, room.citizen) {
                (Caller::Telephone(Some(number)), _) => {
                    Some(Errand::RingNumber { leg, number: number.clone(), caller: shown, ticket })
                }
                (Caller::Page, Some(citizen)) if self.has_page(Person::Citizen(citizen)) => return,
                (Caller::Page | Caller::Telephone(None), _) => None,
            },
        };
        match errand {
            Some(errand) => batch.errands.push(errand),
            None => {
                tracing::debug!(%leg, %part, "there is no way to ring");
                self.follow(Input::Failed(leg, bangban_domain::call::Failure::Unreachable));
            }
        }
    }

    /// The user name of a telephone on the desk that can be rung.
    pub(super) fn telephone_of(&self, agent: AgentId) -> Option<String> {
        let account = self.world.rights.accounts.get(agent)?;
        self.lines.has_telephone(&account.login).then(|| account.login.clone())
    }

    /// A leg is not there any more.
    fn gone(&mut self, leg: LegId, batch: &mut Batch) {
        if let Some(page) = self.pages.remove(&leg) {
            batch.told.push((page, EventBody::CallLink { call: leg.call, link: MediaLink::Over }));
        }
        if let Some(room) = self.rooms.get_mut(&leg.call) {
            room.lights.remove(&leg.no);
        }
        batch.dirty.insert(leg.call);
    }

    /// Somebody speaks with the caller for the first time: that is the first response (DOMAIN "first response"), and the
    /// thread says so.
    fn note_response(&mut self, call: CallId, now: Timestamp, batch: &mut Batch) {
        let Some(room) = self.rooms.get_mut(&call) else { return };
        let (Some(at), Some(conversation), false) = (room.row.answered_at, room.row.conversation, room.is_answered)
        else {
            return;
        };
        room.is_answered = true;
        let mut staff = room.legs.values().filter(|leg| leg.ended_at.is_none() && leg.part != CallPart::Supervisor);
        let agent = staff.find_map(|leg| leg.party.as_ref().and_then(Party::agent));
        let (author, from) = match agent {
            Some(id) => (Author::Agent(id), Speaker::Agent { id, name: self.name_of(id) }),
            None => (Author::System, Speaker::System),
        };
        let mut said =
            entry(conversation, Lane::Public, at.min(now), author, &from, &ThreadBody::CallAnswered { call });
        said.answers = true;
        batch.unit.entries.push(said);
    }

    fn ended(&mut self, call: CallId, because: CallEnd, at: Timestamp, batch: &mut Batch) {
        counter!("bangban_calls_ended_total", "because" => because.as_str()).increment(1);
        batch.errands.push(Errand::Mix(call, Vec::new()));
        batch.dirty.insert(call);
        if because == CallEnd::NotReached {
            self.note_tried(call, at, batch);
        }
        let Some(room) = self.rooms.get_mut(&call) else { return };
        (room.ended, room.is_asking) = (Some((because, at)), false);
        let talked = room.row.answered_at.map_or(0, |since| at.since(since).max(0) / 1_000);
        let talk_seconds = u32::try_from(talked).unwrap_or(u32::MAX);
        let caller_leg = room.legs.values().find(|leg| leg.part == CallPart::Caller && leg.ended_at.is_none());
        let caller_leg = caller_leg.map(|leg| leg.leg);
        let conversation = room.row.conversation;
        // Who hung up is not told to hang up; their sound is closed all the same.
        batch.errands.extend(caller_leg.map(Errand::Close));
        if let Some(conversation) = conversation {
            batch.desk.insert(conversation);
            self.say(conversation, at, &ThreadBody::CallEnded { call, because, talk_seconds }, batch);
        }
        if because == CallEnd::EndedBySupervisor {
            self.note(call, "call.end", batch);
        }
    }

    /// An entry of whoever causes it.
    pub(super) fn say(&self, conversation: ConversationId, at: Timestamp, body: &ThreadBody, batch: &mut Batch) {
        let from = match batch.actor {
            Some(Person::Citizen(_)) => Speaker::Citizen,
            Some(Person::Staff(id)) => Speaker::Agent { id, name: self.name_of(id) },
            None => Speaker::System,
        };
        batch.unit.entries.push(entry(conversation, Lane::Public, at, batch.author(), &from, body));
    }

    /// A line of the audit log on what a member of staff did.
    pub(super) fn note(&self, call: CallId, action: &'static str, batch: &mut Batch) {
        let (Author::Agent(actor), Some(room)) = (batch.author(), self.rooms.get(&call)) else { return };
        batch.unit.changes.push(Change::Audit(Audit {
            at: self.world.clock.now(),
            actor: Author::Agent(actor),
            action,
            kind: "call".to_owned(),
            subject: call.to_string(),
            unit: self.world.rights.unit_of_team(&room.team),
            reason: None,
            address: None,
            detail: crate::privacy::json(&json!({ "conversation": room.row.conversation })),
        }));
    }

    // --- what the lines say -----------------------------------------------------------------------------------

    pub(super) fn mixer_says(&mut self, event: AudioEvent, now: Timestamp, batch: &mut Batch) {
        let input = match event {
            AudioEvent::Heard(leg) => {
                batch.events.push((leg.call, EventBody::CallHeard { leg: leg.no, speaking: true }));
                Input::Heard(leg)
            }
            AudioEvent::Silent(leg) => {
                batch.events.push((leg.call, EventBody::CallHeard { leg: leg.no, speaking: false }));
                return;
            }
            AudioEvent::Digit(leg, digit) => Input::Digit(leg, digit),
            AudioEvent::MediaLost(leg) => Input::MediaLost(leg),
            AudioEvent::PromptEnded(leg) => Input::PromptEnded(leg),
            AudioEvent::LinkUp(leg) => {
                self.tell_link(leg, MediaLink::Up, batch);
                Input::Reattached(leg)
            }
            AudioEvent::LinkLost(leg) => {
                self.tell_link(leg, MediaLink::Interrupted, batch);
                Input::ConnectionLost(leg)
            }
            AudioEvent::Quality { leg, quality, is_last } => {
                self.measured(leg, &quality, is_last, batch);
                return;
            }
        };
        if matches!(input, Input::Reattached(_) | Input::ConnectionLost(_)) {
            batch.dirty.extend(leg_of(&input).map(|leg| leg.call));
        }
        self.decide(input, now, batch).ok();
    }

    fn tell_link(&self, leg: LegId, link: MediaLink, batch: &mut Batch) {
        if let Some(page) = self.pages.get(&leg) {
            batch.told.push((std::sync::Arc::clone(page), EventBody::CallLink { call: leg.call, link }));
        }
    }

    fn measured(&mut self, leg: LegId, quality: &Quality, is_last: bool, batch: &mut Batch) {
        let sample = sample(quality);
        let row = self.rooms.get(&leg.call).and_then(|room| room.legs.get(&leg.no));
        let (has_row, stands) = (row.is_some(), row.is_some_and(|row| row.ended_at.is_none()));
        let sound = self.sounds.add(leg, &sample, is_last, has_row);
        heard(leg, sound, batch);
        let room = self.rooms.get_mut(&leg.call).filter(|_| stands && !is_last);
        if let Some(room) = room {
            let light = sample.light();
            if room.lights.insert(leg.no, light) != Some(light) {
                batch.dirty.insert(leg.call);
            }
        }
    }

    pub(super) fn telephone_says(&mut self, event: Event, now: Timestamp, batch: &mut Batch) {
        let input = match event {
            Event::Invited { invite, called, caller, ticket, .. } => {
                let is_first = self.keys.is_enterprise(&called);
                self.invited(hotline::Invitation { invite, caller, ticket, is_first }, batch);
                return;
            }
            Event::Ringing(leg) => Input::Ringing(leg),
            Event::Answered(leg) => Input::Answered(leg),
            Event::Failed(leg, failure) => {
                batch.errands.push(Errand::Close(leg));
                Input::Failed(leg, failure)
            }
            Event::HungUp(leg) => {
                batch.errands.push(Errand::Close(leg));
                Input::HungUp(leg)
            }
            Event::MediaLost(leg) => Input::MediaLost(leg),
            Event::PeerHeld(leg, is_held) => Input::PeerHeld(leg, is_held),
            Event::Digit(leg, digit) => Input::Digit(leg, digit),
            Event::Referred { leg, to } => {
                let Some(plan) = Number::parse(to.as_str()).and_then(|number| self.plan_of_number(leg.call, number))
                else {
                    return;
                };
                Input::Referred { leg, plan }
            }
            Event::Registered(user) => return self.telephone_registered(user, true, now, batch),
            Event::Unregistered(user) => return self.telephone_registered(user, false, now, batch),
            Event::Trunk { name, is_up } => {
                tracing::info!(trunk = name, is_up, "a trunk");
                metrics::gauge!("bangban_trunk_up", "trunk" => name).set(if is_up { 1.0 } else { 0.0 });
                return;
            }
        };
        self.decide(input, now, batch).ok();
    }

    fn telephone_registered(&mut self, user: String, is_there: bool, now: Timestamp, batch: &mut Batch) {
        let agent = self.world.rights.accounts.by_login(&user).map(|account| account.id);
        self.lines.registered(user, is_there);
        batch.people.extend(agent);
        if let (Some(agent), false) = (agent, is_there) {
            self.decide(Input::RegistrationGone(agent), now, batch).ok();
        }
    }

    /// A call of the hotline has its conversation.
    pub(super) async fn arrive(&mut self, arrival: hotline::Arrival, now: Timestamp, batch: &mut Batch) {
        let hotline::Arrival { invite, citizen, ticket, is_first, opened } = arrival;
        let (conversation, is_open) = match opened {
            Ok(opened) => opened,
            Err(because) => return batch.errands.push(Errand::Refuse(invite, because)),
        };
        let call = CallId::new(new_id());
        let live =
            self.world.shared.live.get(&conversation).map(|live| (live.view.team.clone(), live.view.item.clone()));
        let (team, item) = live.unwrap_or_default();
        let catalogue = self.world.organisation.current();
        let team_id = catalogue.team_or_general(&team);
        let number = citizen.phone.as_deref().and_then(Number::parse);
        let direct = item.as_deref().filter(|_| is_first).and_then(|item| self.direct_plan(item));
        let input = Input::Arrived {
            call,
            origin: CallOrigin::Hotline,
            conversation: Some(conversation),
            team: team_id,
            item: item.clone(),
            is_first,
            direct,
        };
        let row = super::obey::begun(call, CallOrigin::Hotline, conversation, (team_id, item), now);
        let mut room = Room::new(row, team, Caller::Telephone(number.clone()));
        room.ticket.clone_from(&ticket);
        if let Err(error) = self.know_caller(&mut room, number.as_ref()).await {
            tracing::error!(%error, "who calls cannot be read");
        }
        self.rooms.insert(call, room);
        if let Err(error) = self.decide(input, now, batch) {
            self.rooms.remove(&call);
            batch.dirty.remove(&call);
            // Its conversation has no call and waits for nobody: the desk closes it.
            batch.desk.insert(conversation);
            tracing::info!(%call, code = ?error.code, "a call of the hotline is refused");
            counter!("bangban_calls_refused_total").increment(1);
            let because = bangban_telephony::Refusal::Full { retry_after: self.keys.retry_after_seconds };
            batch.errands.push(Errand::Refuse(invite, because));
            return;
        }
        // Before everything that follows from it.
        let taken = batch.errands.iter().position(|errand| matches!(errand, Errand::Accept(leg) if leg.call == call));
        batch.errands.insert(taken.unwrap_or(batch.errands.len()), Errand::Take(invite, LegId { call, no: 1 }));
        batch.unit.changes.extend(ticket.map(|ticket| Change::Call(CallChange::Ticket { call, ticket })));
        self.say(conversation, now, &ThreadBody::CallBegan { call, origin: CallOrigin::Hotline }, batch);
        if !is_open {
            self.decide(Input::OperatorsClosed { call }, now, batch).ok();
        }
    }
}

/// As the rules count it.
const fn sample(quality: &Quality) -> Sample {
    let Quality { received, lost, late, concealed, late_ticks, jitter, round_trip, peer_loss } = *quality;
    Sample { received, lost, late, concealed, late_ticks, jitter, round_trip, peer_loss }
}

/// What a leg's row is to say of its sound.
fn heard(leg: LegId, sound: Option<LegSound>, batch: &mut Batch) {
    if let Some(sound) = sound {
        batch.call(CallChange::Heard { leg, sound });
    }
}

const fn leg_of(input: &Input) -> Option<LegId> {
    match input {
        Input::Reattached(leg) | Input::ConnectionLost(leg) => Some(*leg),
        _ => None,
    }
}
