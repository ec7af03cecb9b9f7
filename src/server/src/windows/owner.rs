//! The one owner of the windows: rebuilds them from their rows, and takes turn after turn.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, ParticipantId, Timestamp, WindowId,
    citizen::shown_name,
    time::{Millis, SECOND},
    window::{Connection, EndedBecause, Input, Kept, Person, Seat, Settings, Windows},
};
use bangban_protocol::{Answer, EventBody, MediaLink, QualityLight, Topic, WireError};
use bangban_store::{Author, Change, StoreError, Unit, WindowChange};
use tokio::sync::mpsc;

use super::{
    Envelope, World, busy, internal,
    media::{Measured, Measurements, Media, MediaOrder},
    news::Pending,
    quality::{Record, light},
    refused,
    relay::Allowance,
    texts::Texts,
};
use crate::hub::Socket;

/// At most this many wishes are decided together.
const BATCH: usize = 64;
/// Measurements that are taken in one turn.
const MEASUREMENTS: usize = 256;
/// A core that could not be rebuilt is tried again after this time, and at every wish.
const TRY_AGAIN: Millis = SECOND;
/// Media threads that were busy are asked again after this time.
const MEDIA_AGAIN: Millis = 50;

/// Somebody in a window.
pub(super) type Place = (WindowId, ParticipantId);

/// A window beside its rules.
pub(super) struct Room {
    pub(super) conversation: ConversationId,
    pub(super) opened_at: Timestamp,
    /// As the row has it; `None`: there is none yet.
    saved: Option<Kept>,
    /// As it was before it ended.
    pub(super) last: Option<Kept>,
    pub(super) version: u64,
    /// Who is helped, as staff see their name.
    pub(super) citizen_name: String,
    /// Who listens: the number of their socket.
    pub(super) viewers: BTreeMap<u64, Viewer>,
    /// What stands beside a proposal: it goes past the rules, and is never kept.
    pub(super) proposals: BTreeMap<u32, Proposed>,
    pub(super) lights: BTreeMap<ParticipantId, QualityLight>,
    pub(super) record: Record,
    pub(super) page: Allowance,
}

/// Somebody who listens.
pub(super) struct Viewer {
    pub(super) socket: Arc<Socket>,
    pub(super) who: Person,
}

/// A value that a clerk proposes.
#[derive(Clone)]
pub(super) struct Proposed {
    pub(super) field: String,
    pub(super) value: String,
    pub(super) note: Option<String>,
    pub(super) until: Timestamp,
}

/// What one turn has decided so far.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) unit: Unit,
    /// Who causes what is being decided; `None`: time, or the server.
    pub(super) actor: Option<Person>,
    pub(super) media: Vec<MediaOrder>,
    /// What is told, in order; `None`: the view, because what follows belongs to another picture.
    pub(super) events: Vec<(WindowId, Option<EventBody>)>,
    /// What one page is told.
    pub(super) told: Vec<(Arc<Socket>, Topic, EventBody)>,
    /// Windows whose view changes.
    pub(super) dirty: BTreeSet<WindowId>,
    /// Windows that are over.
    pub(super) ended: Vec<(WindowId, EndedBecause)>,
    /// Windows of which the whole page is wanted.
    pub(super) frames_wanted: BTreeSet<WindowId>,
    /// Who sits where from now on, and who does not any more.
    pub(super) pages: Vec<(Place, Option<Arc<Socket>>)>,
}

pub(super) struct Owner {
    pub(super) world: World,
    pub(super) media: Arc<Media>,
    pub(super) texts: Texts,
    settings: Settings,
    pub(super) core: Windows,
    pub(super) rooms: BTreeMap<WindowId, Room>,
    /// Pages on which somebody sits, with the windows that they sit in.
    pub(super) sitting: HashMap<u64, (Arc<Socket>, BTreeSet<WindowId>)>,
    /// Orders that found the media threads busy.
    owed: VecDeque<MediaOrder>,
    owed_at: Timestamp,
    /// Is what is in memory durable? If not, nothing is decided until it is rebuilt.
    is_sound: bool,
    try_again_at: Timestamp,
    is_draining: bool,
}

impl Owner {
    pub(super) fn new(world: World, media: Arc<Media>, texts: Texts, settings: Settings) -> Self {
        Self {
            world,
            media,
            texts,
            core: Windows::new(settings.clone()),
            settings,
            rooms: BTreeMap::new(),
            sitting: HashMap::new(),
            owed: VecDeque::new(),
            owed_at: Timestamp(0),
            is_sound: false,
            try_again_at: Timestamp(0),
            is_draining: false,
        }
    }

    // --- rebuilding -------------------------------------------------------------------------------------------

    /// The core from the rows. Nobody is connected to it: pages take their seats again.
    pub(super) async fn rebuild(&mut self) -> Result<(), StoreError> {
        self.is_sound = false;
        let now = self.world.clock.now();
        let before: Vec<WindowId> = self.rooms.keys().copied().collect();
        self.core = Windows::new(self.settings.clone());
        let mut batch = Batch::default();
        let texts: Vec<Input> = self.texts.published().collect();
        for input in texts.into_iter().chain(self.is_draining.then_some(Input::Draining)) {
            // Neither is ever refused.
            self.decide(input, now, &mut batch).ok();
        }
        for (window, opened_at, kept) in self.world.store.open_windows().await? {
            let mut room = self.room(kept.conversation, kept.citizen, opened_at, now).await?;
            if let Some(old) = self.rooms.remove(&window) {
                room.version = old.version;
                room.viewers = old.viewers;
                room.record = old.record;
            }
            room.saved = Some(kept.clone());
            self.rooms.insert(window, room);
            let restored = self.decide(Input::Restored { window, kept }, now, &mut batch);
            restored.map_err(|error| StoreError::Corrupt { table: "virtual_window", what: error.detail })?;
            batch.dirty.insert(window);
        }
        // What was begun and never became durable.
        self.rooms
            .retain(|window, _| self.core.state(*window).is_some() || batch.ended.iter().any(|(id, _)| id == window));
        self.world.shared.windows.briefs.retain(|_, brief| self.rooms.contains_key(&brief.window));
        for (conversation, window) in self.rooms.iter().map(|(window, room)| (room.conversation, *window)) {
            if let Some(brief) = self.brief(window) {
                self.world.shared.windows.briefs.insert(conversation, brief);
                self.world.notices.window(conversation);
            }
        }
        self.compare_all(now, &mut batch);
        self.finish_unit(&mut batch);
        self.world.store.commit_in_turn(std::mem::take(&mut batch.unit)).await?;
        self.is_sound = true;
        self.unseat_pages();
        self.owed = before.into_iter().map(|window| MediaOrder::Close { window }).collect();
        self.publish(batch, now).await;
        Ok(())
    }

    /// Pages that sat somewhere have to connect anew.
    fn unseat_pages(&mut self) {
        for page in &self.media.pages {
            let (window, _) = *page.key();
            let body = EventBody::WindowLink { window, link: MediaLink::Over };
            self.world.hub.tell_one(page.value(), Topic::Session, body);
        }
        self.media.pages.clear();
        self.sitting.clear();
        self.world.shared.windows.sitting.clear();
    }

    /// What is beside the rules of a window that begins.
    pub(super) async fn room(
        &self,
        conversation: ConversationId,
        citizen: Option<CitizenId>,
        opened_at: Timestamp,
        now: Timestamp,
    ) -> Result<Room, StoreError> {
        Ok(Room {
            conversation,
            opened_at,
            saved: None,
            last: None,
            version: 0,
            citizen_name: self.citizen_name(citizen).await?,
            viewers: BTreeMap::new(),
            proposals: BTreeMap::new(),
            lights: BTreeMap::new(),
            record: Record::default(),
            page: Allowance::new(now),
        })
    }

    pub(super) async fn citizen_name(&self, citizen: Option<CitizenId>) -> Result<String, StoreError> {
        let Some(citizen) = citizen else { return Ok(String::new()) };
        let row = self.world.store.citizen(citizen).await?;
        Ok(row.map(|row| shown_name(&row.name, row.kind, row.anonymous)).unwrap_or_default())
    }

    // --- turns ------------------------------------------------------------------------------------------------

    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Envelope>, measured: Measurements) {
        let (sender, mut measurements) = mpsc::channel(MEASUREMENTS);
        let passing = measured.pass_on(Arc::clone(&self.media), Arc::clone(&self.world.hub), sender);
        tokio::spawn(passing);
        let mut waiting = Vec::with_capacity(BATCH);
        let mut measures = Vec::new();
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
                () = shared.windows.come() => {}
                _ = measurements.recv_many(&mut measures, MEASUREMENTS) => {}
                () = stopping.cancelled(), if !self.is_draining => self.is_draining = true,
                () = alarm => {}
            }
            self.turn(std::mem::take(&mut waiting), std::mem::take(&mut measures)).await;
        }
    }

    fn next_turn(&self) -> Option<Timestamp> {
        if !self.is_sound {
            return Some(self.try_again_at);
        }
        let owed = (!self.owed.is_empty()).then_some(self.owed_at);
        self.core.next_deadline().into_iter().chain(owed).min()
    }

    async fn turn(&mut self, envelopes: Vec<Envelope>, measures: Vec<Measured>) {
        let now = self.world.clock.now();
        if !self.is_sound && !self.mend(now).await {
            refuse(envelopes, &busy());
            return;
        }
        let mut batch = Batch::default();
        if self.is_draining {
            self.decide(Input::Draining, now, &mut batch).ok();
        }
        // A refusal is impossible: nothing is asked for.
        self.decide(Input::Tick, now, &mut batch).ok();
        self.take_news(now, &mut batch);
        for measure in measures {
            self.measured(&measure, &mut batch);
        }
        let mut answers = Vec::with_capacity(envelopes.len());
        for Envelope { who, socket, wish, reply } in envelopes {
            let answer = self.obey(&who, &socket, wish, now, &mut batch).await;
            batch.actor = None;
            answers.push((reply, answer));
        }
        self.finish_unit(&mut batch);
        let unit = std::mem::take(&mut batch.unit);
        let is_empty = unit == Unit::default();
        let committed = if is_empty { Ok(()) } else { self.world.store.commit_in_turn(unit).await.map(drop) };
        match committed {
            Ok(()) => self.publish(batch, now).await,
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
                tracing::error!(%error, "the windows could not be rebuilt; nothing is decided until they are");
                false
            }
        }
    }

    fn take_news(&mut self, now: Timestamp, batch: &mut Batch) {
        let Pending { lost, changed, in_call } = self.world.shared.windows.take();
        for number in lost {
            let Some((_, windows)) = self.sitting.remove(&number) else { continue };
            self.world.shared.windows.sitting.remove(&number);
            for window in windows {
                let connection = Connection(number);
                self.decide(Input::ConnectionLost { window, connection }, now, batch).ok();
            }
        }
        for conversation in changed {
            self.compare(conversation, now, batch);
        }
        for (conversation, is_in_call) in in_call {
            // A refusal: it has no window.
            self.decide(Input::CallChanged { conversation, is_in_call }, now, batch).ok();
        }
    }

    fn compare_all(&mut self, now: Timestamp, batch: &mut Batch) {
        let conversations: Vec<_> = self.rooms.values().map(|room| room.conversation).collect();
        for conversation in conversations {
            self.compare(conversation, now, batch);
        }
    }

    /// Is the conversation of a window still open, and whose is it?
    pub(super) fn compare(&mut self, conversation: ConversationId, now: Timestamp, batch: &mut Batch) {
        let Some(kept) = self.core.of(conversation).and_then(|window| self.core.kept(window)) else { return };
        let agent = self.world.shared.live.get(&conversation).map(|live| live.view.agent.as_ref().map(|one| one.id));
        let input = match agent {
            None => Input::ConversationClosed { conversation },
            Some(Some(agent)) if agent != kept.agent => Input::HandedOver { conversation, agent },
            // Nobody serves it at this moment: somebody will.
            Some(_) => return,
        };
        self.decide(input, now, batch).ok();
    }

    fn measured(&mut self, measure: &Measured, batch: &mut Batch) {
        let Measured { window, participant, quality } = measure;
        let seat = self.core.seated(*window).find(|one| one.participant == *participant).map(|one| one.seat);
        let (Some(seat), Some(room)) = (seat, self.rooms.get_mut(window)) else { return };
        room.record.add(seat, quality);
        let light = light(quality);
        if room.lights.insert(*participant, light) != Some(light) {
            batch.dirty.insert(*window);
        }
    }

    /// One input, and what follows from it.
    pub(super) fn decide(&mut self, input: Input, now: Timestamp, batch: &mut Batch) -> Result<(), WireError> {
        let mut out = Vec::new();
        let result = self.core.handle(now, input, &mut out);
        // Time has passed even if the input was refused.
        self.carry_out(out, batch);
        result.map_err(|refusal| refused(&refusal))
    }

    /// Rows of the windows that are not as their rows say.
    fn finish_unit(&mut self, batch: &mut Batch) {
        for window in &batch.dirty {
            let (Some(kept), Some(room)) = (self.core.kept(*window), self.rooms.get_mut(window)) else { continue };
            if room.saved.as_ref() != Some(&kept) {
                batch.unit.changes.push(Change::Window(room.stands(*window, kept)));
            }
        }
    }

    async fn publish(&mut self, mut batch: Batch, now: Timestamp) {
        for (key, page) in std::mem::take(&mut batch.pages) {
            match page {
                Some(page) => drop(self.media.pages.insert(key, page)),
                None => drop(self.media.pages.remove(&key)),
            }
        }
        self.owed.extend(batch.media.drain(..));
        self.pay_media(now).await;
        self.tell(batch, now);
    }

    /// Media orders in their order; those that find the threads busy are given again.
    async fn pay_media(&mut self, now: Timestamp) {
        while let Some(order) = self.owed.front().copied() {
            match self.media.carry_out(order).await {
                Err(bangban_media::Refused::Busy) => {
                    self.owed_at = now + MEDIA_AGAIN;
                    return;
                }
                Ok(()) => {}
                Err(error) => tracing::error!(%error, ?order, "the media threads do not work"),
            }
            self.owed.pop_front();
        }
    }

    // --- small things -----------------------------------------------------------------------------------------

    pub(super) fn name_of(&self, agent: AgentId) -> String {
        self.world.rights.accounts.name(agent).unwrap_or_default()
    }

    /// May they watch the conversations of this place?
    pub(super) fn supervises(&self, who: Person, conversation: ConversationId) -> bool {
        let Person::Staff(staff) = who else { return false };
        let place = self.world.shared.live.get(&conversation);
        let place = place.map(|live| (live.view.team.clone(), live.view.item.clone()));
        place.is_some_and(|(team, item)| self.world.rights.reads_team(staff, &team, item.as_deref()))
    }

    pub(super) const fn proposal_stands(&self) -> Millis {
        self.settings.proposal
    }

    pub(super) fn is_on_seat(&self, window: WindowId, who: Person) -> Option<Seat> {
        self.core.seated(window).find(|one| one.who == who).map(|one| one.seat)
    }
}

impl Room {
    /// The row, as it is from now on.
    pub(super) fn stands(&mut self, window: WindowId, kept: Kept) -> WindowChange {
        self.saved = Some(kept.clone());
        WindowChange::Stands { window, opened_at: self.opened_at, kept: Box::new(kept) }
    }

    pub(super) const fn is_new(&self) -> bool {
        self.saved.is_none()
    }
}

impl Batch {
    pub(super) fn author(&self) -> Author {
        match self.actor {
            Some(Person::Citizen(_)) => Author::Citizen,
            Some(Person::Staff(id)) => Author::Agent(id),
            None => Author::System,
        }
    }
}

fn refuse(envelopes: Vec<Envelope>, refusal: &WireError) {
    for Envelope { reply, .. } in envelopes {
        let answer: Result<Answer, WireError> = Err(refusal.clone());
        drop(reply.send(answer));
    }
}
