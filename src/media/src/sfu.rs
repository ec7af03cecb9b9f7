//! The shell: one thread for each [`Shard`], with its socket and its mailbox.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc::Receiver},
    thread::JoinHandle,
    time::Duration,
};

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use tokio::sync::{
    mpsc,
    mpsc::error::TrySendError::{Closed, Full},
    oneshot,
};

use crate::{
    Counters, Event, Lines, Refused, clock,
    counters::{Cells, count},
    directory::Directory,
    mailbox::Mailbox,
    net::Net,
    shard::{Shard, Taken},
};

/// Commands and handed-over datagrams that may wait for one media thread.
const MAILBOX: usize = 4_096;
/// Batches that are read before the mailbox is looked at again.
const BATCHES: usize = 8;
/// Events that nobody has taken yet; beyond that no commands are taken, and callers hear that it is busy.
const BACKLOG: usize = 1_024;
/// A thread sleeps no longer than this; what has to happen earlier wakes it.
const NAP: Duration = Duration::from_secs(1);

/// Where and how wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The UDP port, and which of the machine's addresses. Port 0: any that is free.
    pub bind: SocketAddr,
    /// What browsers are told to send to, when that is another address than `bind` (a router in between). Port 0: the
    /// same as that of `bind`.
    pub public: Option<SocketAddr>,
    /// Media threads; one of them carries about a hundred windows (docs/windows.md).
    pub threads: usize,
}

/// Why it could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No socket.
    #[error("cannot open the media port {address}")]
    Socket {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Browsers cannot be told to send to it.
    #[error("browsers cannot send to {0}: a public address is needed")]
    NoAddress(SocketAddr),
    /// No thread.
    #[error("cannot start a media thread")]
    Thread(#[source] io::Error),
}

type Reply<T> = oneshot::Sender<Result<T, Refused>>;
type Who = (WindowId, ParticipantId);

enum Command {
    Join { who: Who, offer: String, lines: Lines, reply: Reply<String> },
    Offer { who: Who, offer: String, lines: Lines, reply: Reply<String> },
    Answer { who: Who, number: u32, answer: String, reply: Reply<()> },
    Publish { who: Who, medium: Medium, is_on: bool, reply: Reply<()> },
    Leave { who: Who, reply: Reply<()> },
    Close { window: WindowId, reply: Reply<()> },
    Datagram { source: SocketAddr, bytes: Vec<u8> },
}

/// Forwards what is published in windows. Stops, and closes all connections, when it is dropped.
pub struct Sfu {
    mailboxes: Vec<Mailbox<Command>>,
    threads: Vec<JoinHandle<()>>,
    cells: Vec<Arc<Cells>>,
    address: SocketAddr,
}

impl std::fmt::Debug for Sfu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sfu").field("address", &self.address).field("threads", &self.threads.len()).finish()
    }
}

impl Sfu {
    /// Opens the port and starts the threads. `events` is what the server has to tell browsers; while it is full, commands
    /// are refused as busy and events of quality are lost.
    ///
    /// # Errors
    /// [`StartError`] says what is missing.
    pub fn start(config: &Config, events: &mpsc::Sender<Event>) -> Result<Self, StartError> {
        str0m::crypto::from_feature_flags().install_process_default();
        let threads = config.threads.max(1);
        let open = |address| {
            Net::bind(address, threads > 1)
                .and_then(|net| Ok((net.address()?, net)))
                .map_err(|source| StartError::Socket { address, source })
        };
        let (bound, first) = open(config.bind)?;
        let mut nets = vec![first];
        for _ in 1..threads {
            nets.push(open(bound)?.1);
        }
        let mut address = config.public.unwrap_or(bound);
        if address.port() == 0 {
            address.set_port(bound.port());
        }
        if address.ip().is_unspecified() {
            return Err(StartError::NoAddress(address));
        }
        let directory = Arc::new(Directory::default());
        let mut mailboxes = Vec::new();
        let mut receivers = Vec::new();
        for _ in 0..threads {
            let (mailbox, receiver) = Mailbox::new(MAILBOX).map_err(StartError::Thread)?;
            mailboxes.push(mailbox);
            receivers.push(receiver);
        }
        let mut sfu = Self { mailboxes: mailboxes.clone(), threads: Vec::new(), cells: Vec::new(), address };
        for (number, (net, receiver)) in nets.into_iter().zip(receivers).enumerate() {
            let cells = Arc::new(Cells::default());
            sfu.cells.push(Arc::clone(&cells));
            let shard = Shard::new(number, address, Arc::clone(&directory), Arc::clone(&cells), clock::now());
            let thread = MediaThread {
                shard,
                net,
                cells,
                receiver,
                mailbox: mailboxes[number].clone(),
                others: mailboxes.clone(),
                events: events.clone(),
            };
            let name = format!("media-{number}");
            let handle = std::thread::Builder::new().name(name).spawn(move || thread.run());
            sfu.threads.push(handle.map_err(StartError::Thread)?);
        }
        Ok(sfu)
    }

    /// What browsers are told to send to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A browser comes with its first offer, or comes back with a new connection. `lines`: what it publishes on which
    /// of the offer's media lines. The answer is to be told to it.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn join(
        &self,
        window: WindowId,
        participant: ParticipantId,
        offer: String,
        lines: Lines,
    ) -> Result<String, Refused> {
        let who = (window, participant);
        self.ask(window, |reply| Command::Join { who, offer, lines, reply }).await
    }

    /// A browser offers again, on the connection that it has: after a change of network, or with other lines.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn offer(
        &self,
        window: WindowId,
        participant: ParticipantId,
        offer: String,
        lines: Lines,
    ) -> Result<String, Refused> {
        let who = (window, participant);
        self.ask(window, |reply| Command::Offer { who, offer, lines, reply }).await
    }

    /// A browser's answer to [`Event::Offer`].
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn answer(
        &self,
        window: WindowId,
        participant: ParticipantId,
        number: u32,
        answer: String,
    ) -> Result<(), Refused> {
        let who = (window, participant);
        self.ask(window, |reply| Command::Answer { who, number, answer, reply }).await
    }

    /// What of somebody goes to all others of the window from now on, whether they are connected yet or not.
    ///
    /// # Errors
    /// [`Refused::Busy`] or [`Refused::Stopped`].
    pub async fn publish(
        &self,
        window: WindowId,
        participant: ParticipantId,
        medium: Medium,
        is_on: bool,
    ) -> Result<(), Refused> {
        let who = (window, participant);
        self.ask(window, |reply| Command::Publish { who, medium, is_on, reply }).await
    }

    /// Somebody does not sit in the window any more.
    ///
    /// # Errors
    /// [`Refused::Busy`] or [`Refused::Stopped`].
    pub async fn leave(&self, window: WindowId, participant: ParticipantId) -> Result<(), Refused> {
        let who = (window, participant);
        self.ask(window, |reply| Command::Leave { who, reply }).await
    }

    /// A window is over.
    ///
    /// # Errors
    /// [`Refused::Busy`] or [`Refused::Stopped`].
    pub async fn close(&self, window: WindowId) -> Result<(), Refused> {
        self.ask(window, |reply| Command::Close { window, reply }).await
    }

    /// What was counted so far, all threads together.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        self.cells.iter().for_each(|cells| counters.add(cells));
        counters
    }

    /// A window is always on the same thread.
    async fn ask<T>(&self, window: WindowId, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        let threads = u128::try_from(self.mailboxes.len()).unwrap_or(1);
        let number = usize::try_from(window.raw() % threads).unwrap_or(0);
        self.mailboxes[number].put(command(reply))?;
        answer.await.map_err(|_| Refused::Stopped)?
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            mailbox.stop();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media thread has panicked");
            }
        }
    }
}

struct MediaThread {
    shard: Shard,
    net: Net,
    cells: Arc<Cells>,
    receiver: Receiver<Command>,
    mailbox: Mailbox<Command>,
    others: Vec<Mailbox<Command>>,
    events: mpsc::Sender<Event>,
}

impl MediaThread {
    fn run(mut self) {
        while !self.mailbox.is_stopping() {
            self.take_commands();
            self.take_datagrams();
            self.shard.pass_time(clock::now());
            self.net.send(&mut self.shard.outgoing, &self.cells);
            let is_told = self.tell();
            let until = self.shard.next_deadline().saturating_duration_since(clock::now());
            // Whoever reads the events does not ring.
            let nap = if is_told { NAP } else { Duration::from_millis(5) };
            self.net.wait(self.mailbox.bell(), until.min(nap));
        }
    }

    fn take_commands(&mut self) {
        self.mailbox.quiet();
        while self.shard.events.len() < BACKLOG {
            let Ok(command) = self.receiver.try_recv() else { return };
            self.carry_out(command);
        }
    }

    fn carry_out(&mut self, command: Command) {
        let (shard, now) = (&mut self.shard, clock::now());
        // Whoever has asked and gone does not need the answer.
        match command {
            Command::Join { who, offer, lines, reply } => {
                let answer = shard.join(now, who, &offer, &lines);
                reply.send(counted(&self.cells, answer)).ok();
            }
            Command::Offer { who, offer, lines, reply } => {
                let answer = shard.offer(now, who, &offer, &lines);
                reply.send(counted(&self.cells, answer)).ok();
            }
            Command::Answer { who, number, answer, reply } => {
                let taken = shard.answer(now, who, number, &answer);
                reply.send(counted(&self.cells, taken)).ok();
            }
            Command::Publish { who, medium, is_on, reply } => {
                shard.publish(now, who, medium, is_on);
                reply.send(Ok(())).ok();
            }
            Command::Leave { who, reply } => {
                shard.leave(now, who);
                reply.send(Ok(())).ok();
            }
            Command::Close { window, reply } => {
                shard.close(window);
                reply.send(Ok(())).ok();
            }
            Command::Datagram { source, bytes } => {
                // It was handed over once; whoever it belonged to has gone meanwhile, if it is not here.
                shard.receive(now, source, &bytes);
            }
        }
    }

    fn take_datagrams(&mut self) {
        for _ in 0..BATCHES {
            let (shard, others) = (&mut self.shard, &self.others);
            let now = clock::now();
            let taken = self.net.receive(&self.cells, |source, bytes| {
                if let Taken::Belongs(other) = shard.receive(now, source, bytes) {
                    // A full mailbox is a loss like any other on the way.
                    others[other].put(Command::Datagram { source, bytes: bytes.to_vec() }).ok();
                }
            });
            if taken == 0 {
                return;
            }
            self.shard.flush(now);
            self.net.send(&mut self.shard.outgoing, &self.cells);
        }
    }

    /// Have all events been taken?
    fn tell(&mut self) -> bool {
        let mut waiting = Vec::new();
        for event in self.shard.events.drain(..) {
            // One that waits keeps its place before all that come after it.
            let full = if waiting.is_empty() { self.events.try_send(event).err() } else { Some(Full(event)) };
            match full {
                None => {}
                Some(Full(Event::Quality { .. })) => count(&self.cells.untold),
                Some(Full(event)) => waiting.push(event),
                // Nobody will ever hear it: the server is about to drop us.
                Some(Closed(_)) => {}
            }
        }
        self.shard.events = waiting;
        self.shard.events.is_empty()
    }
}

fn counted<T>(cells: &Cells, result: Result<T, Refused>) -> Result<T, Refused> {
    if result.is_err() {
        count(&cells.refused);
    }
    result
}
