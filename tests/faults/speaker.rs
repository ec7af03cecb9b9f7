//! A client that goes on whatever happens: it connects again, resumes, sends what waits for an answer once more, and says
//! something new. An agent accepts every offer and speaks in all conversations that they serve.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bangban_domain::{
    AgentId, ConversationId,
    words::{AgentStatus, Stage},
};
use bangban_protocol::{AgentView, Answer, Command, EventBody, Snapshot, Topic, WireError};
use bangban_tests::{Client, Gone, send};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::outbox::{Fate, Outbox};

/// Messages that wait for their answers at the same time.
const WINDOW: usize = 4;

/// Between two new messages.
const PACE: Duration = Duration::from_millis(25);

/// A client that waits for an answer and hears nothing for so long gives the connection up.
const SILENCE: Duration = Duration::from_millis(1_500);

/// A client that waits for nothing does so after this: the server says something at least every 15 s.
const QUIET: Duration = Duration::from_secs(20);

/// From a broken connection to the next attempt: at first, at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(320));

/// Between two frames that a slow reader reads.
const SLOW: Duration = Duration::from_millis(40);

/// What the run wants of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Speak and listen.
    Awake,
    /// Neither read nor write, and keep the connection: a laptop whose lid is closed.
    Asleep,
    /// Read one frame at a time, slowly.
    Slow,
    /// Say nothing new, and end when everything is answered.
    Finish,
}

/// Who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// With their conversation.
    Citizen(ConversationId),
    /// With their desk.
    Agent(AgentId),
}

/// What is known of a thread.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The last position.
    last: u64,
    /// Where the snapshot ended. What is not after it may come once more as an event: the server listens first and looks
    /// then.
    snapshot: u64,
}

/// A client.
pub(crate) struct Speaker {
    pub(crate) outbox: Outbox,
    role: Role,
    address: SocketAddr,
    token: String,
    mode: watch::Receiver<Mode>,
    /// Promises so far, for whoever waits for progress.
    promises: Arc<AtomicU64>,
    /// Conversations to speak in, with what is known of each.
    known: HashMap<ConversationId, Known>,
    /// Entries that came twice over one connection.
    pub(crate) delivered_twice: u32,
    /// Entries that came without the one before.
    pub(crate) delivered_with_gap: u32,
    /// Connections that were welcomed.
    pub(crate) connections: u32,
}

impl Speaker {
    pub(crate) fn new(
        name: String,
        role: Role,
        (address, token): (SocketAddr, String),
        mode: watch::Receiver<Mode>,
        promises: Arc<AtomicU64>,
    ) -> Self {
        let known = match role {
            Role::Citizen(id) => HashMap::from([(id, Known::default())]),
            Role::Agent(_) => HashMap::new(),
        };
        Self {
            outbox: Outbox::new(name),
            role,
            address,
            token,
            mode,
            promises,
            known,
            delivered_twice: 0,
            delivered_with_gap: 0,
            connections: 0,
        }
    }

    fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Until the mode is [`Mode::Finish`] and everything is answered.
    pub(crate) async fn speak(mut self) -> Self {
        let mut pause = BACK_OFF.0;
        loop {
            let connecting = Client::try_connect(self.address, &self.token);
            if let Ok(Ok(mut client)) = timeout(SILENCE * 2, connecting).await {
                self.connections += 1;
                pause = BACK_OFF.0;
                if self.session(&mut client).await.is_ok() {
                    return self;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACK_OFF.1);
        }
    }

    /// One connection; `Ok` when there is nothing left to do.
    async fn session(&mut self, client: &mut Client) -> Result<(), Gone> {
        if let Role::Agent(id) = self.role {
            match ask(client, Command::Subscribe { topic: Topic::Agent(id), after: None }).await? {
                Ok(Answer::Subscribed { snapshot, .. }) => {
                    let Snapshot::Agent { view } = *snapshot else { return Err(Gone(None)) };
                    self.look_at(client, &view).await?;
                }
                _ => return Err(Gone(None)),
            }
        }
        let mine: Vec<ConversationId> = self.known.keys().copied().collect();
        for id in mine {
            self.resume(client, id).await?;
        }

        let mut under_way: HashMap<u32, usize> = HashMap::new();
        let (mut cursor, mut heard_at, mut next_at) = (0, Instant::now(), Instant::now());
        loop {
            match self.mode() {
                Mode::Asleep => {
                    while self.mode() == Mode::Asleep {
                        self.mode.changed().await.map_err(|_| Gone(None))?;
                    }
                    heard_at = Instant::now();
                }
                Mode::Slow => sleep(SLOW).await,
                Mode::Finish if under_way.is_empty() && self.outbox.waiting_from(0).is_none() => return Ok(()),
                Mode::Awake | Mode::Finish => {}
            }
            while under_way.len() < WINDOW {
                let Some(number) = self.next(&mut cursor, &mut next_at) else { break };
                let said = &mut self.outbox.said[number];
                said.attempts += 1;
                let message = send(said.conversation, &said.client_id, &format!("第 {number} 句"));
                let reference = timeout(SILENCE, client.post(message)).await.map_err(|_| Gone(None))??;
                under_way.insert(reference, number);
                cursor = number + 1;
            }
            match timeout(PACE, client.turn()).await {
                Ok(turned) => {
                    turned?;
                    heard_at = Instant::now();
                }
                Err(_) if heard_at.elapsed() > if under_way.is_empty() { QUIET } else { SILENCE } => {
                    return Err(Gone(None));
                }
                Err(_) => {}
            }
            while let Some((reference, answer)) = client.answered() {
                if let Some(number) = under_way.remove(&reference) {
                    self.settle(number, answer);
                }
            }
            while let Some(event) = client.heard() {
                match (event.body, event.topic, event.seq) {
                    (EventBody::Entry { .. }, Topic::Conversation(id), Some(seq)) => self.see(id, seq),
                    (EventBody::Agent { view }, ..) => self.look_at(client, &view).await?,
                    _ => {}
                }
            }
        }
    }

    /// The message to send next: one that waits, else a new one if it is time for it.
    fn next(&mut self, cursor: &mut usize, next_at: &mut Instant) -> Option<usize> {
        if let Some(number) = self.outbox.waiting_from(*cursor) {
            return Some(number);
        }
        if self.mode() == Mode::Finish || Instant::now() < *next_at || self.known.is_empty() {
            return None;
        }
        *next_at = Instant::now() + PACE;
        let places = self.known.len();
        let mut ids: Vec<_> = self.known.keys().copied().collect();
        ids.sort_unstable();
        Some(self.outbox.add(ids[self.outbox.said.len() % places]))
    }

    fn settle(&mut self, number: usize, answer: Result<Answer, WireError>) {
        self.outbox.said[number].fate = match answer {
            Ok(Answer::Sent { seq, .. }) => {
                self.promises.fetch_add(1, Ordering::Relaxed);
                Fate::Promised(seq)
            }
            // Said with a new id if at all, because those behind it may have been taken already.
            _ => Fate::Refused,
        };
    }

    fn see(&mut self, id: ConversationId, seq: u64) {
        let Some(known) = self.known.get_mut(&id) else { return };
        self.delivered_twice += u32::from(seq <= known.last && seq > known.snapshot);
        self.delivered_with_gap += u32::from(seq > known.last + 1);
        known.last = seq.max(known.last);
    }

    /// An agent's desk: takes the offer, goes to conversations that are new, leaves those that are no longer theirs.
    async fn look_at(&mut self, client: &mut Client, view: &AgentView) -> Result<(), Gone> {
        if view.status == AgentStatus::Offline {
            drop(ask(client, Command::SetStatus { status: AgentStatus::Online }).await?);
        }
        if let Some(offer) = &view.offer {
            // It may be gone.
            drop(ask(client, Command::AcceptOffer { offer: offer.id }).await?);
        }
        let serving = view.conversations.iter().filter(|one| one.stage == Stage::Serving);
        let mine: Vec<ConversationId> = serving.map(|one| one.id).collect();
        self.known.retain(|id, _| mine.contains(id));
        for id in mine {
            if let Entry::Vacant(new) = self.known.entry(id) {
                new.insert(Known::default());
                self.resume(client, id).await?;
            }
        }
        Ok(())
    }

    /// Subscribes and catches up.
    async fn resume(&mut self, client: &mut Client, id: ConversationId) -> Result<(), Gone> {
        let Some(last) = self.known.get(&id).map(|known| known.last) else { return Ok(()) };
        let after = (last > 0).then_some(last);
        let answer = ask(client, Command::Subscribe { topic: Topic::Conversation(id), after }).await?;
        let Ok(Answer::Subscribed { snapshot, .. }) = answer else {
            // Of a conversation that went to somebody else meanwhile, or while the rows cannot be read.
            return match self.role {
                Role::Citizen(_) => Err(Gone(None)),
                Role::Agent(_) => {
                    self.known.remove(&id);
                    Ok(())
                }
            };
        };
        let Snapshot::Conversation { entries, reset, .. } = *snapshot else { return Err(Gone(None)) };
        let first = entries.first().map_or(last + 1, |entry| entry.seq);
        if reset {
            self.known.insert(id, Known { last: first - 1, snapshot: 0 });
        }
        for entry in &entries {
            self.see(id, entry.seq);
        }
        if let Some(known) = self.known.get_mut(&id) {
            known.snapshot = known.last;
        }
        Ok(())
    }
}

/// A request with a limit of its own, because anything may break.
async fn ask(client: &mut Client, body: Command) -> Result<Result<Answer, WireError>, Gone> {
    let answer = async {
        let reference = client.post(body).await?;
        client.answer(reference).await
    };
    timeout(SILENCE * 2, answer).await.map_err(|_| Gone(None))?
}
