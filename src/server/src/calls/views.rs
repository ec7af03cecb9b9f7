//! What each reader may know of calls, and telling it.

use std::{collections::BTreeSet, sync::Arc};

use bangban_domain::{
    AgentId, CallId, Timestamp,
    call::{CallDeed, CallPart, Party, Present, Standing},
    rights::Action,
};
use bangban_protocol::{
    Answer, CallAttemptView, CallBrief, CallLegView, CallPlace, CallRequestView, CallState, CallView, CallsView,
    EventBody, LiveCallView, PersonView, RingView, Snapshot, Topic, WireError, WrapUpView,
};

use super::{
    forbidden,
    news::Said,
    not_found,
    owner::{Batch, LISTS_EVERY, Owner, Person, Room, Viewer},
};
use crate::{
    auth::Principal,
    hub::{MAX_TOPICS, Socket},
};

/// Calls that a supervisor is shown.
const MOST_LIVE: usize = 500;
/// Callers who wait that an operator is shown, those who are served next first; how many there are, their desk says.
const MOST_WAITING: usize = 100;

impl Owner {
    // --- looking on -------------------------------------------------------------------------------------------

    pub(super) fn look_at_mine(&mut self, who: &Principal, socket: &Arc<Socket>) -> Result<Answer, WireError> {
        self.join(socket, Topic::Calls)?;
        let person = Person::of(who);
        let mut view = self.calls_view(person);
        view.version = self.world.clock.now().0.unsigned_abs();
        let viewer = self.viewer(socket, person);
        viewer.mine = Some(view.clone());
        Ok(self.subscribed(Topic::Calls, Snapshot::Calls { view: Box::new(view) }))
    }

    pub(super) fn look(&mut self, who: &Principal, socket: &Arc<Socket>, call: CallId) -> Result<Answer, WireError> {
        let person = Person::of(who);
        let room = self.rooms.get(&call).filter(|room| room.ended.is_none()).ok_or_else(not_found)?;
        let view = self.view(call, room, person);
        // Not telling strangers that it exists.
        let hidden = || if matches!(person, Person::Citizen(_)) { not_found() } else { forbidden() };
        let view = view.ok_or_else(hidden)?;
        self.join(socket, Topic::Call(call))?;
        self.viewer(socket, person).calls.insert(call);
        Ok(self.subscribed(Topic::Call(call), Snapshot::Call { view: Box::new(view) }))
    }

    fn join(&self, socket: &Arc<Socket>, topic: Topic) -> Result<(), WireError> {
        if self.world.hub.join(socket, topic) {
            return Ok(());
        }
        Err(WireError::field("topic", format!("a connection listens to at most {MAX_TOPICS} topics")))
    }

    fn subscribed(&self, topic: Topic, snapshot: Snapshot) -> Answer {
        Answer::Subscribed { topic, epoch: self.world.hub.epoch(), seq: 0, snapshot: Box::new(snapshot) }
    }

    fn viewer(&mut self, socket: &Arc<Socket>, who: Person) -> &mut Viewer {
        self.world.shared.calls.sitting.insert(socket.number());
        let new = || Viewer { socket: Arc::clone(socket), who, mine: None, calls: BTreeSet::new() };
        self.viewers.entry(socket.number()).or_insert_with(new)
    }

    // --- telling ----------------------------------------------------------------------------------------------

    /// What is durable now, to all whom it concerns.
    pub(super) fn tell(&mut self, batch: Batch, now: Timestamp) {
        for (page, body) in batch.told {
            self.world.hub.tell_one(&page, Topic::Session, body);
        }
        for (call, body) in batch.events {
            let topic = Topic::Call(call);
            let listeners = self.viewers.values().filter(|one| one.calls.contains(&call));
            let listeners = listeners.filter(|one| one.socket.listens_to(topic)).map(|one| &one.socket);
            self.world.hub.tell_some(listeners, topic, body);
        }
        for call in &batch.dirty {
            self.tell_call(*call, now);
        }
        for (conversation, is_in_call) in batch.in_call {
            self.world.shared.windows.in_call(conversation, is_in_call);
        }
        if !batch.dirty.is_empty() || !batch.people.is_empty() || batch.is_everybody {
            self.tell_talking();
        }
        if !batch.dirty.is_empty() || batch.is_everybody {
            self.lists_at.get_or_insert((self.lists_told_at + LISTS_EVERY).max(now));
        }
        let are_lists_due = self.lists_at.is_some_and(|at| at <= now);
        if are_lists_due {
            (self.lists_at, self.lists_told_at) = (None, now);
        }
        if are_lists_due || !batch.dirty.is_empty() || !batch.people.is_empty() {
            self.tell_mine(&batch.dirty, &batch.people, are_lists_due, now);
        }
        // What has ended was told for the last time.
        let ended: Vec<CallId> =
            self.rooms.iter().filter(|(_, room)| room.ended.is_some()).map(|(call, _)| *call).collect();
        for call in ended {
            for viewer in self.viewers.values_mut() {
                if viewer.calls.remove(&call) {
                    self.world.hub.leave(&viewer.socket, Topic::Call(call));
                }
            }
            let room = self.rooms.remove(&call);
            if let Some(conversation) = room.and_then(|room| room.row.conversation) {
                self.world.shared.calls.said.remove(&conversation);
            }
        }
        for conversation in batch.desk {
            if let Some(call) = self.core.of(conversation)
                && let Some(said) = self.said(call)
            {
                self.world.shared.calls.said.insert(conversation, said);
            }
            self.world.notices.call(conversation);
        }
        for (conversation, agent) in batch.unsaid {
            self.world.notices.call_unsaid(conversation, agent);
        }
        for (conversation, stars) in batch.rated {
            self.world.notices.call_rated(conversation, stars);
        }
    }

    /// Who speaks, in whatever part, or wraps up: the desk offers them nobody.
    fn tell_talking(&self) {
        let standing = self.rooms.values().filter(|room| room.ended.is_none()).flat_map(|room| room.legs.values());
        let standing = standing.filter(|leg| leg.ended_at.is_none());
        let speaking = standing.filter_map(|leg| leg.party.as_ref().and_then(Party::agent));
        let talking: BTreeSet<AgentId> = speaking.chain(self.core.wrap_ups().map(|row| row.agent)).collect();
        let shared = &self.world.shared.calls;
        for agent in shared.talking().into_iter().filter(|agent| !talking.contains(agent)) {
            shared.talking.remove(&agent);
            self.world.notices.in_call(agent);
        }
        for agent in talking {
            if shared.talking.insert(agent) {
                self.world.notices.in_call(agent);
            }
        }
    }

    fn tell_call(&mut self, call: CallId, now: Timestamp) {
        let Some(room) = self.rooms.get_mut(&call) else { return };
        // Rises across a restart too.
        room.version = (room.version + 1).max(now.0.unsigned_abs());
        let topic = Topic::Call(call);
        let Some(room) = self.rooms.get(&call) else { return };
        let mut gone = Vec::new();
        for (number, viewer) in self.viewers.iter().filter(|(_, viewer)| viewer.calls.contains(&call)) {
            match self.view(call, room, viewer.who).filter(|_| viewer.socket.listens_to(topic)) {
                Some(view) => {
                    self.world.hub.tell_one(&viewer.socket, topic, EventBody::Call { view: Box::new(view) });
                }
                // Looking on ends with the right to.
                None => gone.push(*number),
            }
        }
        for number in gone {
            if let Some(viewer) = self.viewers.get_mut(&number) {
                viewer.calls.remove(&call);
                self.world.hub.leave(&viewer.socket, topic);
            }
        }
        // The desk hears of a conversation's call whenever what it has to know is another thing.
        let conversation = self.rooms.get(&call).and_then(|room| room.row.conversation);
        if let (Some(conversation), Some(said)) = (conversation, self.said(call))
            && self.world.shared.calls.said(conversation).as_ref() != Some(&said)
        {
            let is_new = self.world.shared.calls.said.insert(conversation, said).is_none();
            self.world.notices.call(conversation);
            if is_new {
                // It may have changed hands before it was known that somebody has to hear of it.
                self.world.shared.calls.changed(conversation);
            }
        }
    }

    /// To each who listens, if it is not what they know: at once whom a change concerns, the others with the lists.
    fn tell_mine(&mut self, dirty: &BTreeSet<CallId>, people: &BTreeSet<AgentId>, are_lists_due: bool, now: Timestamp) {
        let mut told = Vec::new();
        for (number, viewer) in &self.viewers {
            let Some(before) = &viewer.mine else { continue };
            if !viewer.socket.listens_to(Topic::Calls) {
                continue;
            }
            let knows = |call: &CallId| {
                before.mine.contains(call)
                    || before.left.contains(call)
                    || before.rings.iter().any(|ring| ring.call == *call)
                    || self.rooms.get(call).is_some_and(|room| room.concerns(viewer.who))
            };
            let is_concerned =
                viewer.who.staff().is_some_and(|agent| people.contains(&agent)) || dirty.iter().any(knows);
            if !is_concerned && !are_lists_due {
                continue;
            }
            let mut view = self.own_view(viewer.who);
            if are_lists_due {
                self.add_lists(viewer.who, &mut view);
            } else {
                (view.waiting, view.live, view.owed) =
                    (before.waiting.clone(), before.live.clone(), before.owed.clone());
            }
            view.version = before.version;
            if view != *before {
                view.version = (before.version + 1).max(now.0.unsigned_abs());
                self.world.hub.tell_one(
                    &viewer.socket,
                    Topic::Calls,
                    EventBody::Calls { view: Box::new(view.clone()) },
                );
                told.push((*number, view));
            }
        }
        for (number, view) in told {
            if let Some(viewer) = self.viewers.get_mut(&number) {
                viewer.mine = Some(view);
            }
        }
    }

    /// What the desk has to know.
    fn said(&self, call: CallId) -> Option<Said> {
        let room = self.rooms.get(&call).filter(|room| room.ended.is_none())?;
        let leads = |part: CallPart| part == CallPart::Operator;
        let here = room.legs.values().find(|leg| leads(leg.part) && leg.ended_at.is_none());
        let rung = room.attempts.values().find(|one| leads(one.part) && one.ended_at.is_none());
        let agent_of = |party: &Option<Party>| party.as_ref().and_then(Party::agent);
        let led_by = here.and_then(|leg| agent_of(&leg.party));
        Some(Said {
            brief: self.brief(call, room),
            is_asking: room.is_asking,
            missed_by: room.missed_by,
            operator: if here.is_some() { led_by } else { rung.and_then(|one| agent_of(&one.party)) },
            led_by,
            was_led: !room.operators.is_empty(),
        })
    }

    // --- views ------------------------------------------------------------------------------------------------

    fn brief(&self, call: CallId, room: &Room) -> CallBrief {
        CallBrief { call, state: self.state(call, room), origin: room.row.origin, since: room.row.began_at }
    }

    fn state(&self, call: CallId, room: &Room) -> CallState {
        if room.ended.is_some() {
            return CallState::Ended;
        }
        if self.core.kept(call).is_some_and(|kept| kept.is_closing.is_some()) {
            return CallState::Closing;
        }
        let here = |part: CallPart| room.legs.values().any(|leg| leg.part == part && leg.ended_at.is_none());
        let has_staff = here(CallPart::Operator) || here(CallPart::Professional) || here(CallPart::Guest);
        match (here(CallPart::Caller), has_staff) {
            (false, _) => CallState::Placing,
            (true, false) => CallState::Waiting,
            (true, true) => CallState::Talking,
        }
    }

    fn watches(&self, who: AgentId, room: &Room) -> bool {
        self.may(who, room, Action::ReadConversations)
    }

    fn person(&self, agent: AgentId) -> PersonView {
        PersonView { id: agent, name: self.name_of(agent) }
    }

    fn item_name(&self, room: &Room) -> Option<String> {
        self.world.organisation.current().item_name(room.row.item.as_deref())
    }

    /// Whoever would answer it may know that it waits.
    fn waits_for(&self, agent: AgentId, call: CallId, room: &Room) -> bool {
        self.state(call, room) == CallState::Waiting && self.may_call_back(agent, &room.team, room.row.item.as_deref())
    }

    fn calls_view(&self, who: Person) -> CallsView {
        let mut view = self.own_view(who);
        self.add_lists(who, &mut view);
        view
    }

    /// What concerns one person alone.
    fn own_view(&self, who: Person) -> CallsView {
        let mut view = CallsView::default();
        for (call, room) in self.rooms.iter().filter(|(_, room)| room.ended.is_none()) {
            view.rings.extend(self.ring_view(*call, room, who));
            if room.leg_of(who).is_some() {
                view.mine.push(*call);
            } else if who.staff().is_some_and(|agent| room.operators.contains(&agent)) {
                view.left.push(*call);
            }
        }
        let Some(agent) = who.staff() else { return view };
        let wrap_ups = self.core.wrap_ups().filter(|row| row.agent == agent);
        view.wrap_ups =
            wrap_ups.map(|row| WrapUpView { call: row.call, since: row.began_at, until: row.until }).collect();
        view.has_telephone = self.telephone_of(agent).is_some();
        view
    }

    /// The lists beside it: who waits, what one watches, who is to be called back.
    fn add_lists(&self, who: Person, view: &mut CallsView) {
        let Some(agent) = who.staff() else { return };
        let standing = || self.rooms.iter().filter(|(_, room)| room.ended.is_none());
        let live = standing().filter(|(_, room)| self.watches(agent, room)).take(MOST_LIVE);
        view.live = live.map(|(call, room)| self.live_view(*call, room)).collect();
        let mut waiting: Vec<_> = standing().filter(|(call, room)| self.waits_for(agent, **call, room)).collect();
        waiting.sort_by_key(|(call, room)| (!room.row.is_first, room.row.began_at, **call));
        waiting.truncate(MOST_WAITING);
        view.waiting = waiting.into_iter().map(|(call, room)| self.live_view(*call, room)).collect();
        view.owed = self.owed_views(agent);
    }

    fn ring_view(&self, call: CallId, room: &Room, who: Person) -> Option<RingView> {
        let ring = room.ring_of(who)?;
        let request = ring.request.and_then(|number| room.requests.get(&number));
        let on_telephone = who.staff().and_then(|agent| self.telephone_of(agent)).is_some();
        Some(RingView {
            call,
            leg: ring.leg.no,
            part: ring.part,
            by: match who {
                // Who has them rung.
                Person::Citizen(_) => room.operators.first().copied(),
                Person::Staff(_) => request.and_then(|request| request.by),
            }
            .map(|agent| self.person(agent)),
            caller: if matches!(who, Person::Citizen(_)) { String::new() } else { room.caller_name.clone() },
            item: room.row.item.clone(),
            item_name: self.item_name(room),
            conversation: room.row.conversation,
            is_first: room.row.is_first,
            on_telephone,
            since: ring.rung_at,
            until: ring.rung_at + self.settings.ring,
        })
    }

    fn live_view(&self, call: CallId, room: &Room) -> LiveCallView {
        let mut legs: Vec<_> = room.legs.values().filter(|leg| leg.ended_at.is_none()).collect();
        legs.sort_by_key(|leg| (leg.part != CallPart::Operator, leg.leg.no));
        let people = legs.into_iter().filter_map(|leg| leg.party.as_ref().and_then(Party::agent));
        LiveCallView {
            call,
            state: self.state(call, room),
            origin: room.row.origin,
            team: room.team.clone(),
            item: room.row.item.clone(),
            item_name: self.item_name(room),
            is_first: room.row.is_first,
            caller: room.caller_name.clone(),
            since: room.row.began_at,
            answered_at: room.row.answered_at,
            people: people.map(|agent| self.person(agent)).collect(),
            is_requesting: room.requests.values().any(|request| request.ended_at.is_none()),
        }
    }

    /// As what somebody may do something, the strongest first; see `Talk::check` of the rules.
    fn standings(&self, room: &Room, who: AgentId) -> Vec<Standing> {
        let leg = room.leg_of(Person::Staff(who)).and_then(|leg| room.legs.get(&leg.no));
        if let Some(leg) = leg {
            return vec![match leg.part {
                CallPart::Operator => Standing::Operator,
                CallPart::Professional => Standing::Professional,
                CallPart::Guest => Standing::Guest,
                CallPart::Supervisor | CallPart::Caller => Standing::Supervisor,
            }];
        }
        let former = room.operators.contains(&who).then_some(Standing::FormerOperator);
        let watching = self.may(who, room, Action::Intervene).then_some(Standing::Supervisor);
        former.into_iter().chain(watching).collect()
    }

    /// As this person may know it; `None`: not at all.
    fn view(&self, call: CallId, room: &Room, who: Person) -> Option<CallView> {
        let is_citizen = matches!(who, Person::Citizen(_));
        if !room.concerns(who) && !who.staff().is_some_and(|agent| self.watches(agent, room)) {
            return None;
        }
        let standings = who.staff().map(|agent| self.standings(room, agent)).unwrap_or_default();
        let may = CallDeed::ALL.iter().copied().filter(|deed| standings.iter().any(|one| one.allows(*deed)));
        let legs = self.core.present(call).map(|one| self.leg_view(room, &one, is_citizen));
        let attempts = |request: Option<u32>| {
            let of_it = room.attempts.values().filter(move |one| one.request == request);
            of_it.map(|one| self.attempt_view(one)).collect::<Vec<_>>()
        };
        let catalogue = self.world.organisation.current();
        let name_of_unit = |code: &str| catalogue.directory().unit(code).map(|unit| unit.name.clone());
        let requests = room.requests.values().map(|one| CallRequestView {
            number: one.number,
            part: one.part,
            item: one.about.item.clone(),
            department: one.about.department.clone(),
            department_name: name_of_unit(&one.about.department).unwrap_or_default(),
            at_once: one.order == bangban_domain::call::Order::AtOnce,
            candidates: one.candidates,
            asked_at: one.asked_at,
            ended_at: one.ended_at,
            result: one.result,
            attempts: attempts(Some(one.number)),
        });
        let row = &room.row;
        Some(CallView {
            call,
            version: room.version,
            state: self.state(call, room),
            origin: row.origin,
            conversation: row.conversation,
            team: room.team.clone(),
            item: row.item.clone(),
            item_name: self.item_name(room),
            is_first: row.is_first,
            caller: if is_citizen { String::new() } else { room.caller_name.clone() },
            ticket: room.ticket.clone().filter(|_| !is_citizen),
            began_at: row.began_at,
            answered_at: row.answered_at,
            ended_at: room.ended.map(|(_, at)| at),
            ended_because: room.ended.map(|(because, _)| because),
            // The caller does not see who waits aside.
            legs: legs
                .filter(|leg| !is_citizen || leg.part == CallPart::Caller || leg.place == CallPlace::Bridge)
                .collect(),
            rung: if is_citizen {
                Vec::new()
            } else {
                attempts(None).into_iter().filter(|one| one.cause.is_none()).collect()
            },
            requests: if is_citizen { Vec::new() } else { requests.collect() },
            standing: standings.first().copied(),
            mine: room.leg_of(who).map(|leg| leg.no),
            may: may.collect(),
        })
    }

    fn leg_view(&self, room: &Room, one: &Present, is_citizen: bool) -> CallLegView {
        let agent = one.party.as_ref().and_then(Party::agent);
        let row = room.legs.get(&one.leg.no);
        CallLegView {
            leg: one.leg.no,
            part: one.part,
            name: match &one.party {
                None if is_citizen => String::new(),
                None => room.caller_name.clone(),
                Some(party) => self.name_of_party(party, is_citizen),
            },
            agent,
            place: one.place.into(),
            is_away: one.is_away,
            is_muted: one.is_muted,
            whispers_to: one.whispers_to.map(|leg| leg.no),
            since: row.map_or(room.row.began_at, |row| row.joined_at),
            quality: room.lights.get(&one.leg.no).map(|light| (*light).into()),
        }
    }

    fn name_of_party(&self, party: &Party, is_citizen: bool) -> String {
        match party {
            Party::Agent(agent) => self.name_of(*agent),
            Party::Number(_) if is_citizen => String::new(),
            Party::Number(number) => number.as_str().to_owned(),
        }
    }

    fn attempt_view(&self, one: &bangban_domain::call::AttemptRow) -> CallAttemptView {
        CallAttemptView {
            leg: one.leg.no,
            part: one.part,
            who: one.party.as_ref().map(|party| self.name_of_party(party, false)).unwrap_or_default(),
            agent: one.party.as_ref().and_then(Party::agent),
            round: one.round,
            since: one.rung_at,
            until: one.ended_at.is_none().then(|| one.rung_at + self.settings.ring),
            is_ringing: one.ringing_at.is_some(),
            cause: one.cause,
            declined: one.declined,
        }
    }
}
