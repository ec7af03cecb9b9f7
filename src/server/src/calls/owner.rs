//! The one owner of the calls: makes them from their rows, and takes turn after turn.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bangban_domain::{
    AgentId, CallId, CitizenId, ConversationId, Timestamp,
    call::{
        AttemptRow, CallEnd, CallPart, CallRow, Calls, Input, LegId, LegRow, Number, Party, RequestRow, Settings,
        sound::{Light, Sounds},
    },
    citizen::shown_name,
    time::{Millis, SECOND},
    words::Stage,
};
use bangban_media::audio::AudioEvent;
use bangban_protocol::{Answer, CallsView, EventBody, MediaLink, Topic, WireError};
use bangban_store::{Author, CallChange, Change, StoreError, Unit};
use bangban_telephony::Event;
use metrics::counter;
use tokio::sync::{mpsc, oneshot};

use super::{
    Envelope, World,
    backs::Owed,
    busy, hotline,
    hotline::masked,
    internal,
    lines::{Errand, Heard, Lines},
    news::Pending,
    refused,
};
use crate::{auth::Principal, config, hub::Socket};

/// At most this many wishes are decided together.
const BATCH: usize = 64;
/// Events of the lines that are taken in one turn.
const EVENTS: usize = 256;
/// A core that could not be rebuilt is tried again after this time, and at every wish.
const TRY_AGAIN: Millis = SECOND;
/// Telephones that were busy are asked again after this time.
const LINES_AGAIN: Millis = 20;
/// Lists of calls are told so often at most: with many calls and many operators they are most of what is told.
pub(super) const LISTS_EVERY: Millis = 250;

/// Who somebody is in a call, beside the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Person {
    Citizen(CitizenId),
    Staff(AgentId),
}

impl Person {
    pub(super) const fn of(who: &Principal) -> Self {
        match who {
            Principal::Citizen(citizen) => Self::Citizen(citizen.id),
            Principal::Staff(staff) => Self::Staff(staff.id),
        }
    }

    pub(super) const fn staff(self) -> Option<AgentId> {
        match self {
            Self::Staff(id) => Some(id),
            Self::Citizen(_) => None,
        }
    }
}

/// Where the caller of a call is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// On a page.
    Page,
    /// At a telephone that called us, or is to be called.
    Telephone(Option<Number>),
}

/// A call beside its rules.
pub(super) struct Room {
    pub(super) row: CallRow,
    /// Code of its team.
    pub(super) team: String,
    pub(super) citizen: Option<CitizenId>,
    /// Who calls, as staff see it.
    pub(super) caller_name: String,
    pub(super) caller: Caller,
    pub(super) ticket: Option<String>,
    pub(super) requests: BTreeMap<u32, RequestRow>,
    pub(super) attempts: BTreeMap<u16, AttemptRow>,
    pub(super) legs: BTreeMap<u16, LegRow>,
    /// All who have led it.
    pub(super) operators: BTreeSet<AgentId>,
    pub(super) is_asking: bool,
    pub(super) missed_by: Option<AgentId>,
    pub(super) lights: BTreeMap<u16, Light>,
    /// What of [`bangban_domain::call::Kept`] the row has.
    saved: (bool, Option<CallEnd>),
    /// The first response was told.
    pub(super) is_answered: bool,
    pub(super) ended: Option<(CallEnd, Timestamp)>,
    pub(super) version: u64,
}

impl Room {
    pub(super) fn new(row: CallRow, team: String, caller: Caller) -> Self {
        Self {
            row,
            team,
            citizen: None,
            caller_name: String::new(),
            caller,
            ticket: None,
            requests: BTreeMap::new(),
            attempts: BTreeMap::new(),
            legs: BTreeMap::new(),
            operators: BTreeSet::new(),
            is_asking: false,
            missed_by: None,
            lights: BTreeMap::new(),
            saved: (false, None),
            is_answered: false,
            ended: None,
            version: 0,
        }
    }

    /// The leg of somebody that stands.
    pub(super) fn leg_of(&self, who: Person) -> Option<LegId> {
        let is_theirs = |row: &&LegRow| match who {
            Person::Staff(agent) => row.party.as_ref().and_then(Party::agent) == Some(agent),
            Person::Citizen(citizen) => row.part == CallPart::Caller && self.citizen == Some(citizen),
        };
        self.legs.values().filter(|row| row.ended_at.is_none()).find(is_theirs).map(|row| row.leg)
    }

    /// The leg by which somebody is being rung.
    pub(super) fn ring_of(&self, who: Person) -> Option<&AttemptRow> {
        let is_theirs = |row: &&AttemptRow| match (who, &row.party) {
            (Person::Staff(agent), Some(party)) => party.agent() == Some(agent),
            (Person::Citizen(citizen), None) => self.citizen == Some(citizen) && self.caller == Caller::Page,
            _ => false,
        };
        self.attempts.values().filter(|row| row.ended_at.is_none()).find(is_theirs)
    }

    /// Has somebody to do with it, beside supervisors?
    pub(super) fn concerns(&self, who: Person) -> bool {
        let led = who.staff().is_some_and(|agent| self.operators.contains(&agent));
        let calls = matches!(who, Person::Citizen(citizen) if self.citizen == Some(citizen));
        led || calls || self.leg_of(who).is_some() || self.ring_of(who).is_some() || self.was_there_to_the_end(who)
    }

    /// Whoever spoke in it when it ended is told how.
    fn was_there_to_the_end(&self, who: Person) -> bool {
        let is_theirs = |row: &LegRow| row.party.as_ref().and_then(Party::agent) == who.staff();
        self.ended.is_some_and(|(_, at)| {
            who.staff().is_some() && self.legs.values().any(|row| row.ended_at >= Some(at) && is_theirs(row))
        })
    }
}

/// Somebody who listens.
pub(super) struct Viewer {
    pub(super) socket: Arc<Socket>,
    pub(super) who: Person,
    /// ... to what concerns them, as it was told last.
    pub(super) mine: Option<CallsView>,
    /// ... to these.
    pub(super) calls: BTreeSet<CallId>,
}

/// What one turn has decided so far.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) unit: Unit,
    /// Who causes what is being decided; `None`: time, or somebody's telephone.
    pub(super) actor: Option<Person>,
    pub(super) errands: Vec<Errand>,
    /// Calls whose view changes.
    pub(super) dirty: BTreeSet<CallId>,
    /// Members of staff whose own view changes beside that: wrap-ups, telephones.
    pub(super) people: BTreeSet<AgentId>,
    /// Everybody's may: call-backs.
    pub(super) is_everybody: bool,
    /// What callers have pressed.
    pub(super) rated: Vec<(ConversationId, u8)>,
    /// What listeners of a call are told besides.
    pub(super) events: Vec<(CallId, EventBody)>,
    /// What one page is told.
    pub(super) told: Vec<(Arc<Socket>, EventBody)>,
    /// Whether citizen and staff of a conversation speak.
    pub(super) in_call: Vec<(ConversationId, bool)>,
    /// Conversations of which the desk has to look at the call.
    pub(super) desk: BTreeSet<ConversationId>,
    /// Conversations whose call was wrapped up by nobody.
    pub(super) unsaid: Vec<(ConversationId, AgentId)>,
    /// Calls that must be looked at because the router was asked.
    pub(super) asked: BTreeSet<CallId>,
}

impl Batch {
    pub(super) fn author(&self) -> Author {
        match self.actor {
            Some(Person::Citizen(_)) => Author::Citizen,
            Some(Person::Staff(id)) => Author::Agent(id),
            None => Author::System,
        }
    }

    pub(super) fn call(&mut self, change: CallChange) {
        self.unit.changes.push(Change::Call(change));
    }
}

pub(super) struct Owner {
    pub(super) world: World,
    pub(super) lines: Lines,
    pub(super) settings: Settings,
    pub(super) keys: config::Calls,
    pub(super) core: Calls,
    pub(super) rooms: BTreeMap<CallId, Room>,
    pub(super) viewers: HashMap<u64, Viewer>,
    /// On which page the sound of a leg is.
    pub(super) pages: BTreeMap<LegId, Arc<Socket>>,
    /// How the legs sound that are measured; some outlive their calls by a moment.
    pub(super) sounds: Sounds,
    /// Who is to be called back, the first due one first.
    pub(super) owed: Vec<Owed>,
    /// Conversations of calls that are being wrapped up, by whom: several may, one after another's take-over.
    pub(super) wrapping: BTreeMap<(CallId, AgentId), ConversationId>,
    /// When somebody was in a call last: who has rested longest is rung first.
    pub(super) rested: HashMap<AgentId, Timestamp>,
    pub(super) started_at: Timestamp,
    /// Inputs that follow from what was done after the last turn.
    follow_ups: Vec<Input>,
    /// Its own, for the hotline's calls; weak, so that the owner ends with those who hold one.
    mailbox: mpsc::WeakSender<Envelope>,
    lines_at: Option<Timestamp>,
    /// When lists of calls are told next, if they have changed.
    pub(super) lists_at: Option<Timestamp>,
    /// When they were told last.
    pub(super) lists_told_at: Timestamp,
    /// Is what is in memory durable? If not, nothing is decided until it is rebuilt.
    is_sound: bool,
    try_again_at: Timestamp,
    is_draining: bool,
}

type Reply = (oneshot::Sender<Result<Answer, WireError>>, Result<Answer, WireError>);

impl Owner {
    pub(super) fn new(
        world: World,
        lines: Lines,
        settings: Settings,
        keys: config::Calls,
        mailbox: mpsc::WeakSender<Envelope>,
    ) -> Self {
        let world_now = world.clock.now();
        Self {
            world,
            lines,
            core: Calls::new(settings.clone()),
            settings,
            keys,
            rooms: BTreeMap::new(),
            viewers: HashMap::new(),
            pages: BTreeMap::new(),
            sounds: Sounds::default(),
            owed: Vec::new(),
            wrapping: BTreeMap::new(),
            rested: HashMap::new(),
            started_at: world_now,
            follow_ups: Vec::new(),
            mailbox,
            lines_at: None,
            lists_at: None,
            lists_told_at: Timestamp(0),
            is_sound: false,
            try_again_at: Timestamp(0),
            is_draining: false,
        }
    }

    // --- rebuilding -------------------------------------------------------------------------------------------

    /// The core from the rows: every call that had not ended ends, because its sound has. Wrap-ups go on.
    pub(super) async fn rebuild(&mut self) -> Result<(), StoreError> {
        self.is_sound = false;
        let now = self.world.clock.now();
        let before: BTreeSet<ConversationId> = self.world.shared.calls.conversations().into_iter().collect();
        self.lines.end_all();
        self.core = Calls::new(self.settings.clone());
        self.follow_ups.clear();
        let mut batch = Batch { is_everybody: true, desk: before, ..Batch::default() };
        for (leg, page) in std::mem::take(&mut self.pages) {
            batch.told.push((page, EventBody::CallLink { call: leg.call, link: MediaLink::Over }));
        }
        // What was begun and never became durable is gone too.
        for room in self.rooms.values_mut() {
            room.ended = Some((CallEnd::NodeLost, now));
        }
        batch.dirty.extend(self.rooms.keys());
        self.read_owed(&mut batch).await?;
        if self.is_draining {
            self.decide(Input::Draining, now, &mut batch).ok();
        }
        for kept in self.world.store.open_calls().await? {
            let row = kept.kept.call.clone();
            let (call, conversation) = (row.call, row.conversation);
            let mut room = Room::new(row, kept.team, Caller::Page);
            (room.ticket, room.is_asking) = (kept.ticket, kept.kept.is_asked);
            self.know_caller(&mut room, None).await?;
            self.rooms.insert(call, room);
            batch.desk.extend(conversation);
            let restored = self.decide(Input::Restored(kept.kept), now, &mut batch);
            restored.map_err(|error| StoreError::Corrupt { table: "phone_call", what: error.detail })?;
        }
        for row in self.world.store.open_wrap_ups().await? {
            if let Some(conversation) = self.world.store.conversation_of_call(row.call).await? {
                self.wrapping.insert((row.call, row.agent), conversation);
            }
            self.decide(Input::WrapUpRestored(row), now, &mut batch).ok();
        }
        self.decide(Input::Tick, now, &mut batch).ok();
        self.world.store.commit_in_turn(std::mem::take(&mut batch.unit)).await?;
        self.is_sound = true;
        self.publish(batch, now);
        Ok(())
    }

    /// Who calls, as staff see them; by their conversation, or by a number alone.
    pub(super) async fn know_caller(&self, room: &mut Room, number: Option<&Number>) -> Result<(), StoreError> {
        if let Some(conversation) = room.row.conversation {
            let live = self.world.shared.live.get(&conversation).map(|live| live.citizen);
            room.citizen = match live {
                Some(citizen) => Some(citizen),
                None => self.world.store.conversation(conversation).await?.map(|row| row.citizen),
            };
        }
        room.caller_name = self.shown_caller(room.citizen, number).await?;
        Ok(())
    }

    /// A caller as staff see them.
    pub(super) async fn shown_caller(
        &self,
        citizen: Option<CitizenId>,
        number: Option<&Number>,
    ) -> Result<String, StoreError> {
        let row = match citizen {
            Some(citizen) => self.world.store.citizen(citizen).await?,
            None => None,
        };
        let phone = number.map(|number| number.as_str().to_owned());
        Ok(match row {
            Some(row) if row.anonymous => {
                phone.or(row.phone).map_or_else(|| shown_name(&row.name, row.kind, true), |number| masked(&number))
            }
            Some(row) => shown_name(&row.name, row.kind, false),
            None => phone.map(|number| masked(&number)).unwrap_or_default(),
        })
    }

    // --- turns ------------------------------------------------------------------------------------------------

    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Envelope>, mut heard: Heard) {
        let (mut waiting, mut audio, mut telephones) = (Vec::with_capacity(BATCH), Vec::new(), Vec::new());
        let stopping = self.world.stopping.clone();
        loop {
            let (clock, shared) = (self.world.clock.clone(), Arc::clone(&self.world.shared));
            let next = self.next_turn();
            let alarm = async move {
                match next {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = mailbox.recv_many(&mut waiting, BATCH) => if taken == 0 { return },
                taken = heard.audio.recv_many(&mut audio, EVENTS) => if taken == 0 { return },
                taken = heard.telephones.recv_many(&mut telephones, EVENTS), if !heard.telephones.is_closed() || !heard.telephones.is_empty() => {
                    if taken == 0 { continue }
                }
                () = shared.calls.come() => {}
                () = stopping.cancelled(), if !self.is_draining => self.is_draining = true,
                () = alarm => {}
            }
            let events = (std::mem::take(&mut audio), std::mem::take(&mut telephones));
            self.turn(std::mem::take(&mut waiting), events).await;
            // Whoever cannot be rung is known now.
            while self.is_sound && !self.follow_ups.is_empty() {
                self.turn(Vec::new(), (Vec::new(), Vec::new())).await;
            }
        }
    }

    fn next_turn(&self) -> Option<Timestamp> {
        if !self.is_sound {
            return Some(self.try_again_at);
        }
        self.core.next_deadline().into_iter().chain(self.lines_at).chain(self.lists_at).min()
    }

    /// What has come meanwhile, the passing of time, then the wishes; answered when what they changed is durable.
    pub(super) async fn turn(&mut self, envelopes: Vec<Envelope>, events: (Vec<AudioEvent>, Vec<Event>)) {
        let now = self.world.clock.now();
        if !self.is_sound && !self.mend(now).await {
            refuse(envelopes);
            return;
        }
        self.lines_at = (!self.lines.pay()).then_some(now + LINES_AGAIN);
        let mut batch = Batch::default();
        let pending = self.world.shared.calls.take();
        // First: what is in memory is what is durable now.
        if pending.are_backs_changed
            && let Err(error) = self.read_owed(&mut batch).await
        {
            tracing::error!(%error, "who is to be called back cannot be read");
            self.world.shared.calls.backs_changed();
        }
        if self.is_draining {
            self.decide(Input::Draining, now, &mut batch).ok();
        }
        for input in std::mem::take(&mut self.follow_ups) {
            self.decide(input, now, &mut batch).ok();
        }
        let (audio, telephones) = events;
        for event in telephones {
            self.telephone_says(event, now, &mut batch);
        }
        for event in audio {
            self.mixer_says(event, now, &mut batch);
        }
        // A refusal is impossible: nothing is asked for.
        self.decide(Input::Tick, now, &mut batch).ok();
        self.take_news(pending, now, &mut batch);
        let mut answers: Vec<Reply> = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            match envelope {
                Envelope::Wish { who, socket, wish, reply } => {
                    let answer = self.obey(&who, &socket, wish, now, &mut batch).await;
                    batch.actor = None;
                    answers.push((reply, answer));
                }
                Envelope::Hotline(arrival) => self.arrive(arrival, now, &mut batch).await,
            }
        }
        self.look_for_operators(now, &mut batch);
        self.finish_unit(&mut batch);
        let unit = std::mem::take(&mut batch.unit);
        let is_empty = unit == Unit::default();
        let committed = if is_empty { Ok(()) } else { self.world.store.commit_in_turn(unit).await.map(drop) };
        match committed {
            Ok(()) => self.publish(batch, now),
            Err(error) => {
                let refusal = internal(&error);
                for (_, answer) in &mut answers {
                    *answer = Err(refusal.clone());
                }
                // What was decided is not durable: forget it.
                self.mend(now).await;
            }
        }
        for (reply, answer) in answers {
            // Whoever asked may have gone; what was decided stands.
            drop(reply.send(answer));
        }
    }

    async fn mend(&mut self, now: Timestamp) -> bool {
        self.try_again_at = now + TRY_AGAIN;
        match self.rebuild().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the calls could not be rebuilt; nothing is decided until they are");
                false
            }
        }
    }

    fn take_news(&mut self, pending: Pending, now: Timestamp, batch: &mut Batch) {
        let Pending { lost, changed, closed, .. } = pending;
        for number in lost {
            self.viewers.remove(&number);
            self.world.shared.calls.sitting.remove(&number);
            let legs: Vec<LegId> =
                self.pages.iter().filter(|(_, page)| page.number() == number).map(|(leg, _)| *leg).collect();
            for leg in legs {
                self.pages.remove(&leg);
                self.decide(Input::ConnectionLost(leg), now, batch).ok();
                batch.dirty.insert(leg.call);
            }
        }
        for conversation in closed {
            if let Some(call) = self.core.of(conversation) {
                self.decide(Input::OperatorsClosed { call }, now, batch).ok();
            }
        }
        batch.asked.extend(changed.into_iter().filter_map(|conversation| self.core.of(conversation)));
    }

    /// Whoever serves the conversation of a call for which an operator is looked for is rung.
    fn look_for_operators(&mut self, now: Timestamp, batch: &mut Batch) {
        // Ringing somebody may ask anew, once: whoever could not be is not asked again.
        while let Some(call) = batch.asked.pop_first() {
            let Some(room) = self.rooms.get(&call).filter(|room| room.is_asking) else { continue };
            let Some(conversation) = room.row.conversation else { continue };
            let (serving, missed_by) = (self.serving(conversation), room.missed_by);
            if serving.is_none()
                && let Some(room) = self.rooms.get_mut(&call)
            {
                // They have given it back: should it come to them again, they are rung again.
                room.missed_by = None;
            }
            let Some(agent) = serving.filter(|agent| Some(*agent) != missed_by) else { continue };
            if self.decide(Input::OperatorFound { call, agent }, now, batch).is_err()
                && let Some(room) = self.rooms.get_mut(&call)
            {
                // They speak elsewhere: somebody else is to have it.
                room.missed_by = Some(agent);
                batch.desk.insert(conversation);
            } else if let Some(room) = self.rooms.get_mut(&call) {
                room.is_asking = false;
                batch.dirty.insert(call);
                batch.desk.insert(conversation);
            }
        }
    }

    /// One input, and what follows from it.
    pub(super) fn decide(&mut self, input: Input, now: Timestamp, batch: &mut Batch) -> Result<(), WireError> {
        let mut out = Vec::new();
        let result = self.core.handle(now, input, &mut out);
        // Time has passed even if the input was refused.
        self.carry_out(out, now, batch);
        result.map_err(|refusal| refused(&refusal))
    }

    /// Is a call asked for, or over but for a prompt? What the rows need to say it.
    fn finish_unit(&mut self, batch: &mut Batch) {
        for call in &batch.dirty {
            let (Some(kept), Some(room)) = (self.core.kept(*call), self.rooms.get_mut(call)) else { continue };
            let state = (kept.is_asked, kept.is_closing);
            if room.saved != state {
                room.saved = state;
                let change = CallChange::State { call: *call, is_asked: state.0, closing: state.1 };
                batch.unit.changes.push(Change::Call(change));
            }
        }
    }

    /// What is durable now sounds, rings and is told.
    fn publish(&mut self, mut batch: Batch, now: Timestamp) {
        for errand in std::mem::take(&mut batch.errands) {
            if let Some(leg) = self.lines.carry_out(errand) {
                self.follow_ups.push(Input::Failed(leg, bangban_domain::call::Failure::Unreachable));
            }
        }
        self.lines_at = (!self.lines.pay()).then_some(now + LINES_AGAIN);
        self.tell(batch, now);
    }

    pub(super) fn follow(&mut self, input: Input) {
        self.follow_ups.push(input);
    }

    // --- the hotline ------------------------------------------------------------------------------------------

    pub(super) fn invited(&mut self, invitation: hotline::Invitation, batch: &mut Batch) {
        // Before a conversation is made of it, which would be queued for nothing.
        if self.is_draining || self.core.is_full() {
            let because = bangban_telephony::Refusal::Full { retry_after: self.keys.retry_after_seconds };
            counter!("bangban_calls_refused_total").increment(1);
            batch.errands.push(Errand::Refuse(invitation.invite, because));
            return;
        }
        if let Some(mailbox) = self.mailbox.upgrade() {
            hotline::receive(&self.world, invitation, mailbox, self.keys.retry_after_seconds);
        }
    }

    // --- small things -----------------------------------------------------------------------------------------

    /// Who serves a conversation now.
    pub(super) fn serving(&self, conversation: ConversationId) -> Option<AgentId> {
        let live = self.world.shared.live.get(&conversation)?;
        live.view.agent.as_ref().map(|agent| agent.id).filter(|_| live.view.stage == Stage::Serving)
    }

    pub(super) fn name_of(&self, agent: AgentId) -> String {
        self.world.rights.accounts.name(agent).unwrap_or_default()
    }

    /// Pages that listen to what concerns somebody: they can be rung there.
    pub(super) fn has_page(&self, who: Person) -> bool {
        self.viewers
            .values()
            .any(|viewer| viewer.who == who && viewer.mine.is_some() && viewer.socket.listens_to(Topic::Calls))
    }
}

fn refuse(envelopes: Vec<Envelope>) {
    for envelope in envelopes {
        if let Envelope::Wish { reply, .. } = envelope {
            let answer: Result<Answer, WireError> = Err(busy());
            drop(reply.send(answer));
        }
        // A call of the hotline is refused by the telephony when nobody has decided in time.
    }
}
