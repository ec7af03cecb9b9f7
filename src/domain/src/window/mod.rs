//! Virtual windows (远程虚拟窗口; DOMAIN rules 2 and 3, "Law"): a citizen and a clerk look at the same screen, see and
//! hear each other, as at a counter. The conversation that it was opened from goes on untouched.
//!
//! ```text
//!   Booked ──5 min before──► Asked ──the agent's yes and the citizen's consent──► Consented ──both sides there──► Live
//!      │                       │ 60 s (with a code 10 min, booked 15 min late)         │ 60 s                      │
//!      └──────────┬────────────┴──────────────────────┬───────────────────────────────┘                           │
//!                 ▼                                    ▼              hung up, consent withdrawn, closed, 60 s alone │
//!            Ended(cancelled, declined, not answered, nobody came)  ◄───────────────────────────────────────────────┘
//! ```
//!
//! Invariants: nobody sits, and nothing flows, before the citizen has agreed to the present text and the agent has said
//! yes; a screen or a page is seen only while the citizen's own consent to that holds; who comes back within 20 s is the
//! same participant; one person on a seat, one seat for a person, everybody is told who sits; one screen at a time; no
//! voice while the same people speak by telephone; what binds or identifies the citizen nobody but they can do.
//!
//! Deliberately absent: media, sockets, values of fields, names. [`Windows`] says what may be forwarded to whom
//! ([`Effect::MediaChanged`]: to everybody who sits); the media crate does it. For recording there will be one more
//! [`Purpose`] and one more effect; for filling in together one more [`Deed`]: their matches are exhaustive.

mod browse;
mod codes;
mod ink;
mod io;
mod room;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};

use crate::{ConversationId, ParticipantId, Timestamp, WindowId};

pub use browse::{FieldRef, FormContext, MAX_NAME, MAX_PROPOSALS};
use codes::Codes;
pub use ink::{InkChange, MAX_POINTS, MAX_POINTS_AT_ONCE, MAX_STROKES, Point, Standing, Stroke};
pub use io::{Code, Connection, Consent, ConsentText, Effect, Input, Kept, Person, Refusal, Settings, Source, State};
use room::{Around, Link, Room};
pub use vocabulary::{
    CodeEndedBecause, Deed, EndedBecause, FieldKind, Medium, Origin, ProposalEndedBecause, Purpose, Seat,
    UnseatedBecause,
};

/// All windows of a node. See the module's documentation.
#[derive(Debug)]
pub struct Windows {
    settings: Settings,
    now: Timestamp,
    texts: BTreeMap<Purpose, ConsentText>,
    is_draining: bool,
    rooms: BTreeMap<WindowId, Room>,
    by_conversation: BTreeMap<ConversationId, WindowId>,
    codes: Codes,
    deadlines: BTreeSet<(Timestamp, WindowId)>,
    /// What stands in `deadlines`.
    armed: BTreeMap<WindowId, Timestamp>,
    running: usize,
    #[cfg(test)]
    pub(crate) fault: Option<Fault>,
}

/// Deliberate mistakes, by which the tests show that they would notice them.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Somebody who comes back is somebody else.
    NewParticipant,
    /// The end of an old connection unseats who came back with a new one.
    StaleConnection,
    /// A screen goes on without its consent.
    ForgottenConsent,
    /// A code is good twice.
    CodeTwice,
    /// A window that nobody is in stands for ever.
    ForgottenDeadline,
    /// The limit of windows is not looked at.
    NoLimit,
}

/// Somebody on a seat, as others may know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seated {
    /// Which seat.
    pub seat: Seat,
    /// Their id in the window.
    pub participant: ParticipantId,
    /// Who they are.
    pub who: Person,
    /// Their connection; `None`: gone, the seat is kept.
    pub connection: Option<Connection>,
    /// What they let the others see and hear.
    pub media: Vec<Medium>,
}

impl Windows {
    /// No windows.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            now: Timestamp(i64::MIN),
            texts: BTreeMap::new(),
            is_draining: false,
            rooms: BTreeMap::new(),
            by_conversation: BTreeMap::new(),
            codes: Codes::default(),
            deadlines: BTreeSet::new(),
            armed: BTreeMap::new(),
            running: 0,
            #[cfg(test)]
            fault: None,
        }
    }

    /// Lets the time pass up to `now`, then takes the input. Effects are appended to `out` in order.
    ///
    /// # Errors
    /// A [`Refusal`] if the input is impossible now; it has then changed nothing (the passing of time has).
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.now = self.now.max(now);
        self.pass_time(out);
        let result = self.take(input, out);
        // What was restored, or was asked long ago, may be due already.
        self.pass_time(out);
        #[cfg(debug_assertions)]
        self.check_invariants();
        result
    }

    /// When [`Windows::handle`] has to be called at the latest; `None`: never without an input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn pass_time(&mut self, out: &mut Vec<Effect>) {
        while let Some((at, window)) = self.deadlines.first().copied().filter(|(at, _)| *at <= self.now) {
            // Each at its own instant, so that waking late changes nothing of what follows from it.
            self.within(at, window, out, |room, around| {
                room.pass_time(around);
                Ok(())
            })
            .ok();
        }
    }

    fn take(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match input {
            Input::Tick => Ok(()),
            Input::TextPublished { purpose, text } => {
                self.texts.insert(purpose, text);
                Ok(())
            }
            Input::Draining => {
                self.is_draining = true;
                Ok(())
            }
            Input::Asked { window, conversation, origin, by, citizen, agent } => {
                self.begin(window, conversation, out, |around| {
                    Room::asked(window, (conversation, origin), by, (citizen, agent), around)
                })
            }
            Input::Booked { window, conversation, by, citizen, agent, at } => {
                self.begin(window, conversation, out, |around| {
                    Room::booked(window, conversation, by, (citizen, agent), at, around)
                })
            }
            Input::Restored { window, kept } => {
                self.check_new(window, kept.conversation)?;
                let mut around = self.around(self.now, out);
                let room = Room::restored(window, kept, &mut around);
                self.put(window, room);
                Ok(())
            }
            Input::CodeEntered { code, source, citizen } => {
                let window = self.codes.enter(self.now, code, source, &self.settings)?;
                self.within(self.now, window, out, |room, around| {
                    room.enter_code(citizen, around);
                    Ok(())
                })
            }
            Input::HandedOver { conversation, agent } => self.of_conversation(conversation, out, |room, around| {
                room.hand_over(agent, around);
            }),
            Input::ConversationClosed { conversation } => self.of_conversation(conversation, out, |room, around| {
                room.end(EndedBecause::ConversationClosed, around);
            }),
            Input::CallChanged { conversation, is_in_call } => {
                self.of_conversation(conversation, out, |room, around| room.change_call(is_in_call, around.out))
            }
            Input::Consented { purpose, ref text, .. } if self.texts.get(&purpose) != Some(text) => {
                Err(Refusal::OutdatedText)
            }
            Input::CodeMade { window, by, code } => self.make_code(window, by, code, out),
            Input::Answered { window, .. }
            | Input::Cancelled { window, .. }
            | Input::Consented { window, .. }
            | Input::ConsentWithdrawn { window, .. }
            | Input::Invited { window, .. }
            | Input::Joined { window, .. }
            | Input::ConnectionLost { window, .. }
            | Input::Left { window, .. }
            | Input::Removed { window, .. }
            | Input::Ended { window, .. }
            | Input::Published { window, .. }
            | Input::Pointed { window, .. }
            | Input::Drawn { window, .. }
            | Input::Undone { window, .. }
            | Input::Cleared { window, .. }
            | Input::Frozen { window, .. }
            | Input::SnapshotTaken { window, .. }
            | Input::BrowseChanged { window, .. }
            | Input::FormSeen { window, .. }
            | Input::Highlighted { window, .. }
            | Input::Proposed { window, .. }
            | Input::ProposalAnswered { window, .. }
            | Input::Bound { window, .. } => {
                self.within(self.now, window, out, |room, around| room.take(input, around))
            }
        }
    }

    fn make_code(&mut self, window: WindowId, by: Person, code: Code, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.codes.open(code, window)?;
        let made =
            self.within(self.now, window, out, |room, around| room.take(Input::CodeMade { window, by, code }, around));
        if made.is_err() {
            self.codes.close(code);
        }
        made
    }

    fn check_new(&self, window: WindowId, conversation: ConversationId) -> Result<(), Refusal> {
        if self.rooms.contains_key(&window) {
            return Err(Refusal::KnownAlready(window));
        }
        self.by_conversation.get(&conversation).map_or(Ok(()), |other| Err(Refusal::HasOne(*other)))
    }

    fn begin(
        &mut self,
        window: WindowId,
        conversation: ConversationId,
        out: &mut Vec<Effect>,
        make: impl FnOnce(&mut Around<'_>) -> Result<Room, Refusal>,
    ) -> Result<(), Refusal> {
        self.check_new(window, conversation)?;
        if self.is_draining {
            return Err(Refusal::Draining);
        }
        let room = make(&mut self.around(self.now, out))?;
        self.put(window, room);
        Ok(())
    }

    fn put(&mut self, window: WindowId, room: Room) {
        self.by_conversation.insert(room.conversation, window);
        self.running += usize::from(room.is_running());
        self.rooms.insert(window, room);
        self.arm(window);
    }

    fn around<'a>(&'a self, now: Timestamp, out: &'a mut Vec<Effect>) -> Around<'a> {
        let has_room = self.settings.most_live.is_none_or(|most| self.running < most);
        #[cfg(test)]
        let has_room = has_room || self.fault == Some(Fault::NoLimit);
        Around {
            now,
            settings: &self.settings,
            out,
            has_room,
            #[cfg(test)]
            fault: self.fault,
        }
    }

    fn of_conversation(
        &mut self,
        conversation: ConversationId,
        out: &mut Vec<Effect>,
        then: impl FnOnce(&mut Room, &mut Around<'_>),
    ) -> Result<(), Refusal> {
        // A conversation without a window is the usual case.
        let Some(window) = self.by_conversation.get(&conversation).copied() else { return Ok(()) };
        self.within(self.now, window, out, |room, around| {
            then(room, around);
            Ok(())
        })
    }

    /// One step of one room, and what follows from it for the others.
    fn within(
        &mut self,
        now: Timestamp,
        window: WindowId,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Room, &mut Around<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some(mut room) = self.rooms.remove(&window) else { return Err(Refusal::NotOpen(window)) };
        self.running -= usize::from(room.is_running());
        let mut around = self.around(now, out);
        let result = step(&mut room, &mut around);
        room.settle(&mut around);
        if let Some(code) = room.closed_code.take() {
            #[cfg(test)]
            let is_forgotten = self.fault == Some(Fault::CodeTwice);
            #[cfg(not(test))]
            let is_forgotten = false;
            if !is_forgotten {
                self.codes.close(code);
            }
        }
        if room.is_ended {
            self.by_conversation.remove(&room.conversation);
            self.disarm(window);
        } else {
            self.running += usize::from(room.is_running());
            self.rooms.insert(window, room);
            self.arm(window);
        }
        result
    }

    fn arm(&mut self, window: WindowId) {
        let next = self.rooms.get(&window).and_then(|room| room.next_deadline(&self.settings));
        self.disarm(window);
        #[cfg(test)]
        if self.fault == Some(Fault::ForgottenDeadline) && self.rooms[&window].is_running() {
            return;
        }
        if let Some(at) = next {
            self.deadlines.insert((at, window));
            self.armed.insert(window, at);
        }
    }

    fn disarm(&mut self, window: WindowId) {
        if let Some(at) = self.armed.remove(&window) {
            self.deadlines.remove(&(at, window));
        }
    }

    // --- what others may know ---------------------------------------------------------------------------------

    /// Where a window stands; `None`: it has ended, or never was.
    #[must_use]
    pub fn state(&self, window: WindowId) -> Option<State> {
        self.rooms.get(&window).map(Room::state)
    }

    /// The window of a conversation.
    #[must_use]
    pub fn of(&self, conversation: ConversationId) -> Option<WindowId> {
        self.by_conversation.get(&conversation).copied()
    }

    /// What its row has to say.
    #[must_use]
    pub fn kept(&self, window: WindowId) -> Option<Kept> {
        self.rooms.get(&window).map(Room::kept)
    }

    /// Who sits there.
    pub fn seated(&self, window: WindowId) -> impl Iterator<Item = Seated> + '_ {
        let seats = self.rooms.get(&window).into_iter().flat_map(|room| &room.seats);
        seats.map(|(seat, one)| Seated {
            seat: *seat,
            participant: one.id,
            who: one.who,
            connection: match one.link {
                Link::Here(connection) => Some(connection),
                Link::Gone { .. } => None,
            },
            media: one.media.iter().copied().collect(),
        })
    }

    /// Number of the present picture, and whether it is held.
    #[must_use]
    pub fn picture(&self, window: WindowId) -> Option<(u32, bool)> {
        self.rooms.get(&window).map(Room::picture)
    }

    /// What stands on it, for somebody who comes or comes back.
    pub fn strokes(&self, window: WindowId) -> impl Iterator<Item = &Standing> + '_ {
        self.rooms.get(&window).into_iter().flat_map(Room::strokes)
    }

    /// Where in the form the citizen is, while the page is seen.
    #[must_use]
    pub fn form(&self, window: WindowId) -> Option<&FormContext> {
        self.rooms.get(&window).and_then(Room::browse)
    }

    /// Windows that are agreed upon or live.
    #[must_use]
    pub const fn running(&self) -> usize {
        self.running
    }

    #[cfg(debug_assertions)]
    fn check_invariants(&self) {
        let running = self.rooms.values().filter(|room| room.is_running()).count();
        assert_eq!(running, self.running, "windows that run are counted");
        assert_eq!(self.rooms.len(), self.by_conversation.len(), "one window for a conversation");
        let open = self.rooms.iter().filter_map(|(id, room)| Some((room.open_code()?, *id)));
        assert_eq!(open.collect::<BTreeMap<_, _>>(), self.codes.good().collect(), "codes lead to their windows");
        assert!(self.next_deadline().is_none_or(|at| at > self.now), "the next deadline lies ahead");
        for (id, room) in &self.rooms {
            assert!(self.by_conversation.get(&room.conversation) == Some(id), "{id}: of no conversation");
            room.check_invariants();
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
