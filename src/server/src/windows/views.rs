//! What is told of windows, to whom: each listener has a view of their own.

use std::sync::Arc;

use bangban_domain::{
    AgentId, Timestamp, WindowId,
    window::{EndedBecause, Kept, Person, Seat, State},
};
use bangban_protocol::{
    Answer, ConsentView, EventBody, PersonView, ProposalView, SeatView, Snapshot, Topic, WindowBrief, WindowState,
    WindowView, WireError,
};

use super::{
    effects::asked_by,
    forbidden, not_found,
    obey::person,
    owner::{Batch, Owner, Viewer},
};
use crate::{
    auth::Principal,
    hub::{MAX_TOPICS, Socket},
};

/// As whom somebody looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Citizen,
    Clerk,
    Supervisor,
}

/// Is the citizen's page shown on the screen of whoever sits there? A supervisor's shows none of it, so none is sent.
pub(super) const fn sees_page(seat: Seat) -> bool {
    matches!(seat, Seat::Agent | Seat::SecondClerk)
}

impl Owner {
    /// Joins, for one who may look on, and answers the state.
    pub(super) fn look(
        &mut self,
        who: &Principal,
        socket: &Arc<Socket>,
        window: WindowId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let kept = self.core.kept(window).ok_or_else(not_found)?;
        let who = person(who);
        if !self.may_look(who, &kept) {
            // Not telling strangers that it exists.
            return Err(if matches!(who, Person::Citizen(_)) { not_found() } else { forbidden() });
        }
        let topic = Topic::Window(window);
        if !self.world.hub.join(socket, topic) {
            let detail = format!("a connection listens to at most {MAX_TOPICS} topics");
            return Err(WireError::field("topic", detail));
        }
        if self.core.form(window).is_some() && self.sees_page(window, who) {
            batch.frames_wanted.insert(window);
        }
        let strokes = self.core.strokes(window).map(Into::into).collect();
        let viewer = Viewer { socket: Arc::clone(socket), who };
        if let Some(room) = self.rooms.get_mut(&window) {
            room.viewers.insert(socket.number(), viewer);
        }
        let view = self.view(window, &kept, who, None).ok_or_else(not_found)?;
        let snapshot = Snapshot::Window { view: Box::new(view), strokes };
        Ok(Answer::Subscribed { topic, epoch: self.world.hub.epoch(), seq: 0, snapshot: Box::new(snapshot) })
    }

    /// May they listen to it, and so sit there when they are asked?
    pub(super) fn may_look(&self, who: Person, kept: &Kept) -> bool {
        self.role(who, kept).is_some()
    }

    fn role(&self, who: Person, kept: &Kept) -> Option<Role> {
        match who {
            Person::Citizen(citizen) => (kept.citizen == Some(citizen)).then_some(Role::Citizen),
            Person::Staff(staff) if staff == kept.agent || kept.invited == Some(staff) => {
                let is_open = self.world.rights.accounts.get(staff).is_some_and(|account| account.is_active);
                is_open.then_some(Role::Clerk)
            }
            Person::Staff(_) => self.supervises(who, kept.conversation).then_some(Role::Supervisor),
        }
    }

    /// The page goes to clerks who sit there.
    fn sees_page(&self, window: WindowId, who: Person) -> bool {
        self.is_on_seat(window, who).is_some_and(sees_page)
    }

    /// What is said at the fields of the page is for the citizen and the clerks.
    fn is_beside_page(&self, window: WindowId, who: Person) -> bool {
        let role = self.core.kept(window).and_then(|kept| self.role(who, &kept));
        matches!(role, Some(Role::Citizen | Role::Clerk))
    }

    // --- telling ------------------------------------------------------------------------------------------------

    /// What is durable now, to all whom it concerns.
    pub(super) fn tell(&mut self, batch: Batch, now: Timestamp) {
        for (page, topic, body) in batch.told {
            self.world.hub.tell_one(&page, topic, body);
        }
        for (window, body) in batch.events {
            match (body, self.core.kept(window)) {
                (Some(body), _) => self.tell_event(window, body),
                (None, Some(kept)) => self.tell_view(window, &kept, None, now),
                (None, None) => {}
            }
        }
        for window in &batch.dirty {
            if let Some(kept) = self.core.kept(*window) {
                self.tell_view(*window, &kept, None, now);
            }
        }
        for window in batch.frames_wanted {
            self.want_frames(window);
        }
        for window in &batch.dirty {
            self.tell_conversation(*window);
            self.keep_invitation(*window);
        }
        for (window, who) in batch.invited {
            self.tell_invited(window, who);
        }
        for (window, because) in batch.ended {
            let last = self.rooms.get(&window).and_then(|room| room.last.clone());
            if let Some(kept) = last {
                self.tell_view(window, &kept, Some(because), now);
            }
            if let Some(room) = self.rooms.remove(&window) {
                for viewer in room.viewers.values() {
                    self.world.hub.leave(&viewer.socket, Topic::Window(window));
                }
                self.world.shared.windows.briefs.remove(&room.conversation);
                self.world.shared.windows.invitations.remove(&window);
                self.world.notices.window(room.conversation);
            }
        }
    }

    /// Written once for all; what is of the page goes to some only.
    fn tell_event(&mut self, window: WindowId, body: EventBody) {
        let topic = Topic::Window(window);
        self.forget_gone(window);
        let Some(room) = self.rooms.get(&window) else { return };
        let listeners = room.viewers.values();
        let is_for: fn(&Self, WindowId, Person) -> bool = match body {
            EventBody::Frames { .. } => Self::sees_page,
            EventBody::Highlighted { .. } | EventBody::ProposalEnded { .. } => Self::is_beside_page,
            _ => |_, _, _| true,
        };
        let some = listeners.filter(|viewer| is_for(self, window, viewer.who)).map(|viewer| &viewer.socket);
        self.world.hub.tell_some(some, topic, body);
    }

    /// Those whose page has gone, or who do not listen any more.
    fn forget_gone(&mut self, window: WindowId) {
        if let Some(room) = self.rooms.get_mut(&window) {
            room.viewers.retain(|_, viewer| viewer.socket.listens_to(Topic::Window(window)));
        }
    }

    fn tell_view(&mut self, window: WindowId, kept: &Kept, ended: Option<EndedBecause>, now: Timestamp) {
        self.forget_gone(window);
        let Some(room) = self.rooms.get_mut(&window) else { return };
        // Rises across a restart too.
        room.version = (room.version + 1).max(now.0.unsigned_abs());
        let viewers: Vec<(Arc<Socket>, Person)> =
            room.viewers.values().map(|viewer| (Arc::clone(&viewer.socket), viewer.who)).collect();
        for (socket, who) in viewers {
            match self.view(window, kept, who, ended) {
                Some(view) => {
                    let body = EventBody::Window { view: Box::new(view) };
                    self.world.hub.tell_one(&socket, Topic::Window(window), body);
                }
                // Looking on ends with the right to.
                None => {
                    self.world.hub.leave(&socket, Topic::Window(window));
                    if let Some(room) = self.rooms.get_mut(&window) {
                        room.viewers.remove(&socket.number());
                    }
                }
            }
        }
    }

    /// The citizen's page has to send all of itself once more.
    fn want_frames(&self, window: WindowId) {
        let citizen = self.core.seated(window).find(|one| one.seat == Seat::Citizen);
        let page =
            citizen.and_then(|one| self.media.pages.get(&(window, one.participant)).map(|page| Arc::clone(&page)));
        if let Some(page) = page.filter(|_| self.core.form(window).is_some()) {
            self.world.hub.tell_one(&page, Topic::Window(window), EventBody::FramesWanted {});
        }
    }

    /// The conversation's view has a line on its window.
    fn tell_conversation(&self, window: WindowId) {
        let (Some(brief), Some(room)) = (self.brief(window), self.rooms.get(&window)) else { return };
        let news = &self.world.shared.windows;
        if news.brief(room.conversation).as_ref() == Some(&brief) {
            return;
        }
        let is_new = news.briefs.insert(room.conversation, brief).is_none();
        self.world.notices.window(room.conversation);
        if is_new {
            // It may have changed hands before it was known that somebody has to hear of it.
            news.changed(room.conversation);
        }
    }

    /// Whoever is asked in hears it when they come, too: see [`super::News::invitations`].
    pub(super) fn keep_invitation(&self, window: WindowId) {
        let invitations = &self.world.shared.windows.invitations;
        match self.core.kept(window).and_then(|kept| Some((kept.invited?, kept.agent))) {
            Some((who, agent)) => drop(invitations.insert(window, (who, agent))),
            None => drop(invitations.remove(&window)),
        }
    }

    fn tell_invited(&self, window: WindowId, who: AgentId) {
        // Nobody but the agent asks anybody in.
        let Some(agent) = self.core.kept(window).map(|kept| kept.agent) else { return };
        let by = PersonView { id: agent, name: self.name_of(agent) };
        self.world.hub.publish(Topic::Agent(who), None, EventBody::WindowInvited { window, by });
    }

    pub(super) fn brief(&self, window: WindowId) -> Option<WindowBrief> {
        let kept = self.core.kept(window)?;
        let (state, at) = match kept.state {
            State::Booked { at } => (WindowState::Booked, Some(at)),
            State::Asked { .. } => (WindowState::Asked, None),
            State::Consented { .. } => (WindowState::Consented, None),
            State::Live { .. } => (WindowState::Live, None),
        };
        Some(WindowBrief { window, state, asked_by: asked_by(&kept), origin: kept.origin, at })
    }

    /// As this person may know it; `None`: not at all.
    fn view(&self, window: WindowId, kept: &Kept, who: Person, ended: Option<EndedBecause>) -> Option<WindowView> {
        let role = self.role(who, kept)?;
        let room = self.rooms.get(&window)?;
        let person = |id| PersonView { id, name: self.name_of(id) };
        let (state, until, at, live_since) = match kept.state {
            State::Booked { at } => (WindowState::Booked, None, Some(at), None),
            State::Asked { until } => (WindowState::Asked, Some(until), None, None),
            State::Consented { until } => (WindowState::Consented, Some(until), None, None),
            State::Live { since } => (WindowState::Live, None, None, Some(since)),
        };
        let state = if ended.is_some() { WindowState::Ended } else { state };
        let seats = self.core.seated(window).map(|one| SeatView {
            participant: one.participant,
            seat: one.seat,
            name: match one.who {
                Person::Staff(id) => self.name_of(id),
                Person::Citizen(_) if role == Role::Citizen => String::new(),
                Person::Citizen(_) => room.citizen_name.clone(),
            },
            is_me: one.who == who,
            is_away: one.connection.is_none(),
            quality: room.lights.get(&one.participant).copied(),
            media: one.media,
        });
        let (picture, is_frozen) = self.core.picture(window).unwrap_or_default();
        let form = self.core.form(window);
        let item = form.filter(|_| role == Role::Clerk).and_then(|form| form.item.as_deref());
        let form_item = self.world.organisation.current().item_name(item);
        let proposals = room.proposals.iter().map(|(number, proposed)| ProposalView {
            proposal: *number,
            field: proposed.field.clone(),
            value: proposed.value.clone(),
            note: proposed.note.clone(),
            until: proposed.until,
        });
        Some(WindowView {
            window,
            conversation: kept.conversation,
            version: room.version,
            state,
            until,
            at,
            live_since,
            ended_because: ended,
            origin: kept.origin,
            asked_by: asked_by(kept),
            agent_agrees: kept.agent_agrees,
            consents: kept
                .consents
                .iter()
                .map(|consent| ConsentView { purpose: consent.purpose, version: consent.text.version, at: consent.at })
                .collect(),
            texts: self.texts.views().to_vec(),
            agent: person(kept.agent),
            invited: kept.invited.map(person),
            seats: seats.collect(),
            in_call: kept.is_in_call,
            picture,
            is_frozen,
            is_browsing: form.is_some(),
            form: form.filter(|_| role == Role::Clerk).map(Into::into),
            form_item,
            proposals: if role == Role::Supervisor { Vec::new() } else { proposals.collect() },
        })
    }
}
