//! Effects of the rules become rows, entries of threads, lines of the audit log, orders for the media threads, and what is
//! told.

use bangban_domain::{
    ConversationId, Timestamp, WindowId,
    window::{Effect, EndedBecause, InkChange, Kept, Origin, Person, Seat, State, UnseatedBecause},
};
use bangban_protocol::{self as wire, EventBody, Party, ThreadBody, Topic};
use bangban_store::{Audit, Author, Change, Lane, WindowChange};
use metrics::counter;
use serde_json::json;

use super::{
    media::MediaOrder,
    owner::{Batch, Owner},
};
use crate::desk::entry;

impl Owner {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>, batch: &mut Batch) {
        for effect in effects {
            self.carry_out_one(effect, batch);
        }
        // For the view of those that end with the next input.
        let dirty: Vec<WindowId> = batch.dirty.iter().copied().collect();
        for window in dirty {
            if let (Some(kept), Some(room)) = (self.core.kept(window), self.rooms.get_mut(&window)) {
                room.last = Some(kept);
            }
        }
    }

    fn carry_out_one(&mut self, effect: Effect, batch: &mut Batch) {
        match effect {
            Effect::Changed { window, state } => {
                self.begun(window, state, batch);
                batch.dirty.insert(window);
            }
            Effect::Ended { window, because, at } => self.ended(window, because, at, batch),
            Effect::ConsentGiven { window, consent } => {
                batch.unit.changes.push(Change::Window(WindowChange::ConsentGiven { window, consent }));
                batch.dirty.insert(window);
            }
            Effect::ConsentEnded { window, purpose, at } => {
                batch.unit.changes.push(Change::Window(WindowChange::ConsentEnded { window, purpose, at }));
                batch.dirty.insert(window);
            }
            Effect::CodeOpened { window, .. } => {
                self.note(window, "window.code", batch);
                batch.dirty.insert(window);
            }
            Effect::Seated { window, participant, seat, connection, is_resumed, .. } => {
                let page = self.sitting.get_mut(&connection.0).map(|(page, windows)| {
                    windows.insert(window);
                    std::sync::Arc::clone(page)
                });
                batch.pages.push(((window, participant), page));
                if seat == Seat::Supervisor && !is_resumed {
                    self.note(window, "window.watch", batch);
                }
                if seat != Seat::Citizen && self.core.form(window).is_some() {
                    batch.frames_wanted.insert(window);
                }
                batch.dirty.insert(window);
            }
            Effect::ConnectionReplaced { window, connection } => {
                if let Some(page) = self.stands_up(connection.0, window) {
                    batch.told.push((page, Topic::Session, EventBody::WindowReplaced { window }));
                }
            }
            Effect::Suspended { window, participant, .. } => {
                batch.pages.push(((window, participant), None));
                batch.dirty.insert(window);
            }
            Effect::Unseated { window, participant, because } => {
                let page = self.media.pages.get(&(window, participant)).map(|page| page.number());
                if let Some(number) = page {
                    self.stands_up(number, window);
                }
                batch.pages.push(((window, participant), None));
                batch.media.push(MediaOrder::Leave { window, participant });
                if because == UnseatedBecause::Removed {
                    self.note(window, "window.remove", batch);
                }
                if let Some(room) = self.rooms.get_mut(&window) {
                    room.lights.remove(&participant);
                }
                batch.dirty.insert(window);
            }
            Effect::MediaChanged { window, participant, medium, is_on } => {
                batch.media.push(MediaOrder::Publish { window, participant, medium, is_on });
                batch.dirty.insert(window);
            }
            Effect::InkChanged { window, picture, by, change } => {
                let body = match change {
                    InkChange::Pointed(at) => EventBody::Pointed { by, picture, at: at.into() },
                    InkChange::Drawn { number, stroke } => {
                        let change = wire::InkChange::Drawn { number, stroke: (&stroke).into() };
                        EventBody::Inked { by, picture, change }
                    }
                    InkChange::Undone { number } => {
                        EventBody::Inked { by, picture, change: wire::InkChange::Undone { number } }
                    }
                    InkChange::Cleared => EventBody::Inked { by, picture, change: wire::InkChange::Cleared },
                };
                batch.events.push((window, Some(body)));
            }
            Effect::ProposalEnded { window, proposal, because } => {
                if let Some(room) = self.rooms.get_mut(&window) {
                    room.proposals.remove(&proposal);
                }
                batch.events.push((window, Some(EventBody::ProposalEnded { proposal, because })));
                batch.dirty.insert(window);
            }
            Effect::InvitationChanged { window, who } => {
                if let (Some(who), Some(by)) = (who, batch.actor) {
                    self.tell_invited(window, who, by);
                }
                batch.dirty.insert(window);
            }
            Effect::PictureChanged { window, .. } => {
                batch.events.push((window, None));
                batch.dirty.insert(window);
            }
            Effect::AgentAgreed { window, .. }
            | Effect::CodeEnded { window, .. }
            | Effect::CitizenKnown { window, .. }
            | Effect::AgentChanged { window, .. }
            | Effect::BrowseChanged { window, .. }
            | Effect::FormChanged { window, .. }
            | Effect::SnapshotKept { window, .. } => {
                batch.dirty.insert(window);
            }
            // What is to be shown besides is beside the command: see `obey.rs`. And the page goes on by itself.
            Effect::Highlighted { .. } | Effect::Proposed { .. } | Effect::BindingAllowed { .. } => {}
        }
    }

    /// The first row of a window, and its entry in the thread.
    fn begun(&mut self, window: WindowId, state: State, batch: &mut Batch) {
        let Some(kept) = self.core.kept(window) else { return };
        let Some(room) = self.rooms.get_mut(&window).filter(|room| room.is_new()) else { return };
        let (conversation, at, origin) = (room.conversation, room.opened_at, kept.origin);
        let stands = room.stands(window, kept);
        batch.unit.changes.push(Change::Window(stands));
        let body = match state {
            State::Booked { at } => ThreadBody::WindowBooked { window, at },
            State::Asked { .. } | State::Consented { .. } | State::Live { .. } => {
                ThreadBody::WindowAsked { window, origin }
            }
        };
        self.say(conversation, at, &body, batch);
    }

    fn ended(&mut self, window: WindowId, because: EndedBecause, at: Timestamp, batch: &mut Batch) {
        batch.media.push(MediaOrder::Close { window });
        batch.ended.push((window, because));
        let Some(room) = self.rooms.get(&window) else { return };
        let live_since = room.last.as_ref().and_then(|kept| match kept.state {
            State::Live { since } => Some(since),
            State::Booked { .. } | State::Asked { .. } | State::Consented { .. } => None,
        });
        let live = live_since.map_or(0, |since| at.since(since).max(0) / 1_000);
        let live_seconds = u32::try_from(live).unwrap_or(u32::MAX);
        let (conversation, quality) = (room.conversation, room.record.written());
        batch.unit.changes.push(Change::Window(WindowChange::Ended { window, because, at, quality }));
        if matches!(batch.actor, Some(Person::Staff(_))) {
            self.note(window, "window.end", batch);
        }
        self.say(conversation, at, &ThreadBody::WindowEnded { window, because, live_seconds }, batch);
        counter!("bangban_windows_ended_total", "because" => because.as_str()).increment(1);
    }

    /// An entry of whoever causes it.
    pub(super) fn say(&self, conversation: ConversationId, at: Timestamp, body: &ThreadBody, batch: &mut Batch) {
        let from = self.party(batch.actor);
        batch.unit.entries.push(entry(conversation, Lane::Public, at, batch.author(), &from, body));
    }

    pub(super) fn party(&self, who: Option<Person>) -> Party {
        match who {
            Some(Person::Citizen(_)) => Party::Citizen,
            Some(Person::Staff(id)) => Party::Agent { id, name: self.name_of(id) },
            None => Party::System,
        }
    }

    /// A line of the audit log on what a member of staff did.
    fn note(&self, window: WindowId, action: &'static str, batch: &mut Batch) {
        let (Author::Agent(actor), Some(room)) = (batch.author(), self.rooms.get(&window)) else { return };
        let team = self.world.shared.live.get(&room.conversation).map(|live| live.view.team.clone());
        batch.unit.changes.push(Change::Audit(Audit {
            at: self.world.clock.now(),
            actor: Author::Agent(actor),
            action,
            kind: "conversation".to_owned(),
            subject: room.conversation.to_string(),
            unit: team.and_then(|team| self.world.rights.unit_of_team(&team)),
            reason: None,
            address: None,
            detail: crate::privacy::json(&json!({ "window": window })),
        }));
    }

    /// The page on a socket does not sit in this window any more.
    fn stands_up(&mut self, number: u64, window: WindowId) -> Option<std::sync::Arc<crate::hub::Socket>> {
        let (page, windows) = self.sitting.get_mut(&number)?;
        let page = std::sync::Arc::clone(page);
        windows.remove(&window);
        if windows.is_empty() {
            self.sitting.remove(&number);
            self.world.shared.windows.sitting.remove(&number);
        }
        Some(page)
    }
}

/// Who asked for it.
pub(super) fn asked_by(kept: &Kept) -> wire::WindowSide {
    match kept.asked_by {
        Person::Citizen(_) => wire::WindowSide::Citizen,
        Person::Staff(_) => wire::WindowSide::Agent,
    }
}

/// From where a conversation's window is opened, by what is said and where the conversation is from.
pub(super) fn origin_of(said: Origin, channel: bangban_domain::words::Channel) -> Option<Origin> {
    use bangban_domain::words::Channel;
    let place = match channel {
        Channel::Kiosk => Origin::Kiosk,
        Channel::Counter | Channel::Hall => Origin::Hall,
        Channel::Pc | Channel::Mobile | Channel::Call => Origin::Conversation,
    };
    match said {
        Origin::Code => Some(Origin::Code),
        // A page need not know where it stands.
        Origin::Conversation => Some(place),
        Origin::Hall | Origin::Kiosk if said == place => Some(place),
        Origin::Hall | Origin::Kiosk | Origin::Booking => None,
    }
}
