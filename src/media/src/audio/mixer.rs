//! The handle, and the start and end of the threads behind it.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use bangban_domain::{
    CallId,
    call::{Ear, LegId, Prompt},
};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::{
    AudioEvent, Counters, MixerConfig, Refused, RtpRemote, StartError,
    browsers::{self, Browsers},
    counters::Cells,
    leg::{Patience, Seed},
    mixing::{Command, Inbox, Mixing, Out},
    ports::Ports,
    prompt::Prompts,
    voice::Voice,
};
use crate::{clock, counters::count, mailbox::Mailbox, net::Net};

/// Legs of all calls together.
pub const MAX_OPEN: usize = 8_192;
/// What mixing and voice threads have to tell and nobody has taken; beyond that it waits with its leg.
const ROOM: usize = 8_192;
/// Packets of browsers for one mixing thread, and frames of all mixing threads for browsers.
const FRAMES: usize = 8_192;
/// Browsers that may want to connect at the same moment.
const OFFERS: usize = 1_024;
/// How often the herald looks whether there is room again.
const AGAIN: Duration = Duration::from_millis(5);

/// What a leg was opened as.
#[derive(Debug, Clone, Copy)]
enum Opened {
    Phone(SocketAddr),
    Browser,
}

struct Inner {
    config: MixerConfig,
    legs: Mutex<HashMap<LegId, Opened>>,
    ports: Arc<Ports>,
    inboxes: Vec<Inbox>,
    voice: Mailbox<browsers::Command>,
    cells: Vec<Arc<Cells>>,
    /// Counted by the handle itself.
    own: Cells,
    browser_address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
    herald: Option<JoinHandle<()>>,
    is_stopping: Arc<AtomicBool>,
}

/// Mixes the sound of calls. A handle: clones are the same mixer, which stops when the last is dropped. No call waits for
/// anything but a lock that is never held for long.
#[derive(Clone)]
pub struct Mixer {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Mixer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mixer").field("threads", &self.inner.inboxes.len()).finish_non_exhaustive()
    }
}

/// A call is always on the same thread.
pub(crate) fn thread_of(call: CallId, threads: usize) -> usize {
    let threads = u128::try_from(threads.max(1)).unwrap_or(1);
    usize::try_from(call.raw() % threads).unwrap_or(0)
}

fn seed() -> Seed {
    let mut bytes = [0; 10];
    // Without the system's randomness nothing else of the server would run either; the streams are then like each other.
    aws_lc_rs::rand::fill(&mut bytes).ok();
    let [a, b, c, d, e, f, g, h, i, j] = bytes;
    Seed {
        ssrc: u32::from_be_bytes([a, b, c, d]),
        timestamp: u32::from_be_bytes([e, f, g, h]),
        number: u16::from_be_bytes([i, j]),
    }
}

impl Mixer {
    /// Opens the browsers' port and starts the threads. Events that nobody takes wait with their legs; those of a leg that is
    /// over are lost when nobody has taken anything for long.
    ///
    /// # Errors
    /// [`StartError`] says what is missing.
    pub fn start(config: MixerConfig, events: mpsc::Sender<AudioEvent>) -> Result<Self, StartError> {
        str0m::crypto::from_feature_flags().install_process_default();
        if config.public.is_unspecified() {
            return Err(StartError::NoAddress(config.public));
        }
        let range = &config.rtp_ports;
        let ports = Ports::new(config.bind, range).ok_or(StartError::NoPorts(*range.start(), *range.end()))?;
        let prompts = config.prompts.as_deref().map_or_else(|| Ok(Prompts::built_in()), Prompts::load)?;
        let address = SocketAddr::new(config.bind, config.browser_port);
        let socket = |source| StartError::Socket { address, source };
        let net = Net::bind(address, false).map_err(socket)?;
        let bound = net.address().map_err(socket)?;
        let port = if config.browser_public_port == 0 { bound.port() } else { config.browser_public_port };
        let browser_address = SocketAddr::new(config.public, port);

        let (out, taken) = sync_channel(ROOM);
        let (downwards, frames) = sync_channel(FRAMES);
        let (mailbox, offers) = Mailbox::new(OFFERS).map_err(StartError::Thread)?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut inner = Inner {
            legs: Mutex::new(HashMap::new()),
            ports,
            inboxes: Vec::new(),
            voice: mailbox.clone(),
            cells: Vec::new(),
            own: Cells::default(),
            browser_address,
            threads: Vec::new(),
            herald: None,
            is_stopping: Arc::clone(&is_stopping),
            config,
        };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let patience = Patience { talking: micros(inner.config.rtp_timeout), held: micros(inner.config.held_timeout) };
        let mut upwards = Vec::new();
        for number in 0..inner.config.threads.max(1) {
            let (sender, packets) = sync_channel(FRAMES);
            upwards.push(sender);
            let (inbox, cells) = (Inbox::default(), Arc::new(Cells::default()));
            inner.inboxes.push(inbox.clone());
            inner.cells.push(Arc::clone(&cells));
            let mixing = Mixing {
                inbox,
                cells,
                prompts: prompts.clone(),
                patience,
                is_realtime_wanted: inner.config.is_realtime_wanted,
                out: out.clone(),
                upwards: packets,
                downwards: downwards.clone(),
                voice: mailbox.clone(),
                calls: BTreeMap::new(),
                commands: Vec::new(),
                misses: 0,
            };
            inner.spawn(format!("mixer-{number}"), move || mixing.run(number))?;
        }
        let cells = Arc::new(Cells::default());
        inner.cells.push(Arc::clone(&cells));
        let voice = Voice::new(browser_address, inner.config.link_timeout, Arc::clone(&cells), clock::now());
        let browsers = Browsers {
            voice,
            net,
            cells,
            net_cells: crate::counters::Cells::default(),
            receiver: offers,
            mailbox,
            downwards: frames,
            upwards,
            out,
        };
        inner.spawn("voice".to_owned(), move || browsers.run())?;
        let herald = move || herald(&taken, &events, &is_stopping);
        let herald = std::thread::Builder::new().name("herald".to_owned()).spawn(herald);
        inner.herald = Some(herald.map_err(StartError::Thread)?);
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What browsers are told to send to.
    #[must_use]
    pub fn browser_address(&self) -> SocketAddr {
        self.inner.browser_address
    }

    /// A pair of ports for a telephone's leg; what it is to be told to send to. Opened already: the same again.
    ///
    /// # Errors
    /// [`Refused::NoPort`], [`Refused::Full`], [`Refused::OtherKind`], [`Refused::Busy`] or [`Refused::Stopped`].
    pub fn open_rtp(&self, leg: LegId) -> Result<SocketAddr, Refused> {
        let mut legs = self.inner.legs();
        match legs.get(&leg) {
            Some(Opened::Phone(address)) => return Ok(*address),
            Some(Opened::Browser) => return Err(Refused::OtherKind),
            None if legs.len() == MAX_OPEN => return Err(Refused::Full { what: "legs", most: MAX_OPEN }),
            None => {}
        }
        let pair = self.inner.ports.open().ok_or(Refused::NoPort)?;
        let address = SocketAddr::new(self.inner.config.public, pair.port);
        self.inner.put(leg.call, Command::OpenPhone(leg, pair, seed()))?;
        legs.insert(leg, Opened::Phone(address));
        Ok(address)
    }

    /// What was agreed with the telephone: sound goes from now on. Again with every new agreement (re-INVITE).
    ///
    /// # Errors
    /// [`Refused::UnknownLeg`], [`Refused::OtherKind`], [`Refused::BadRemote`], [`Refused::Busy`] or [`Refused::Stopped`].
    pub fn connect_rtp(&self, leg: LegId, remote: RtpRemote) -> Result<(), Refused> {
        check(&remote, self.inner.config.bind.is_ipv4())?;
        match self.inner.legs().get(&leg) {
            Some(Opened::Phone(_)) => {}
            Some(Opened::Browser) => return Err(Refused::OtherKind),
            None => return Err(Refused::UnknownLeg),
        }
        self.inner.put(leg.call, Command::Connect(leg, remote))
    }

    /// A browser's leg: its offer (one audio line, sending and receiving, PCMA among its codecs); the answer is to be told
    /// to it. Open already: the new connection takes the place of the old one. A leg that was opened is there until
    /// [`Mixer::close`], also when nobody waits for the answer any more.
    ///
    /// # Errors
    /// [`Refused::Sdp`], [`Refused::Full`], [`Refused::OtherKind`], [`Refused::Busy`] or [`Refused::Stopped`].
    pub async fn open_browser(&self, leg: LegId, offer_sdp: &str) -> Result<String, Refused> {
        let is_new = {
            let mut legs = self.inner.legs();
            let is_full = legs.len() == MAX_OPEN;
            match legs.entry(leg) {
                Entry::Occupied(known) if matches!(known.get(), Opened::Phone(_)) => return Err(Refused::OtherKind),
                Entry::Occupied(_) => false,
                Entry::Vacant(_) if is_full => return Err(Refused::Full { what: "legs", most: MAX_OPEN }),
                Entry::Vacant(free) => {
                    self.inner.put(leg.call, Command::OpenBrowser(leg, seed()))?;
                    free.insert(Opened::Browser);
                    true
                }
            }
        };
        let (reply, answer) = oneshot::channel();
        let offer = offer_sdp.to_owned();
        let put = self.inner.voice.put(browsers::Command::Open { leg, offer, reply });
        let answer = match put {
            Ok(()) => answer.await.unwrap_or(Err(Refused::Stopped)),
            Err(crate::Refused::Busy) => Err(Refused::Busy),
            Err(_) => Err(Refused::Stopped),
        };
        if answer.is_err() && is_new {
            self.close(leg);
        }
        answer
    }

    /// The leg is over; its ports are free again after 2 s. Unknown: nothing.
    pub fn close(&self, leg: LegId) {
        let Some(opened) = self.inner.legs().remove(&leg) else { return };
        self.inner.tell(leg.call, Command::Close(leg));
        if matches!(opened, Opened::Browser) && self.inner.voice.put(browsers::Command::Close(leg)).is_err() {
            // It is forgotten there when its browser has gone.
            count(&self.inner.own.refused_commands);
        }
    }

    /// Who hears whom, whole, from the next tick on. Legs that are not open yet are remembered; those that are not named
    /// hear nothing and are not heard. Empty: the call is over.
    pub fn set_mix(&self, call: CallId, ears: Vec<Ear>) {
        self.inner.tell(call, Command::SetMix(call, ears));
    }

    /// Plays something once, over whatever else they hear: tones at once, what is spoken after what is being said. It
    /// waits until there is somebody to hear it.
    pub fn play(&self, leg: LegId, prompt: Prompt) {
        self.inner.tell(leg.call, Command::Play(leg, prompt));
    }

    /// Presses keys towards a telephone, one after the other, 32 at most at a time. What is no key is left out.
    pub fn dial(&self, leg: LegId, digits: &str) {
        self.inner.tell(leg.call, Command::Dial(leg, digits.to_owned()));
    }

    /// What is there now and was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        self.inner.cells.iter().for_each(|cells| counters.add(cells));
        counters.add(&self.inner.own);
        counters.ports_in_use = u64::try_from(self.inner.ports.in_use()).unwrap_or(u64::MAX);
        counters
    }

    /// Do all mixing threads run in real time?
    #[must_use]
    pub fn is_realtime(&self) -> bool {
        let counters = self.counters();
        counters.mixing_threads > 0 && counters.realtime_threads == counters.mixing_threads
    }
}

impl Inner {
    fn legs(&self) -> MutexGuard<'_, HashMap<LegId, Opened>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, call: CallId, command: Command) -> Result<(), Refused> {
        let put = self.inboxes[thread_of(call, self.inboxes.len())].put(command);
        put.map_err(|refused| match refused {
            crate::Refused::Busy => Refused::Busy,
            _ => Refused::Stopped,
        })
    }

    /// As [`Inner::put`], for what cannot be answered. It only fails when a mixing thread has hung for long.
    fn tell(&self, call: CallId, command: Command) {
        if self.put(call, command).is_err() {
            count(&self.own.refused_commands);
            tracing::error!(%call, "a mixing thread takes no commands");
        }
    }

    fn spawn(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        let thread = std::thread::Builder::new().name(name).spawn(run).map_err(StartError::Thread)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inboxes.iter().for_each(Inbox::stop);
        self.voice.stop();
        self.is_stopping.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..).chain(self.herald.take()) {
            if thread.join().is_err() {
                tracing::error!("a thread for sound has panicked");
            }
        }
    }
}

/// Hands events on to who may be slow, and drops what mixing threads may not: sockets.
fn herald(taken: &Receiver<Out>, events: &mpsc::Sender<AudioEvent>, is_stopping: &AtomicBool) {
    for out in taken {
        let mut event = match out {
            Out::Event(event) => event,
            Out::Gone(gone) => {
                drop(gone);
                continue;
            }
        };
        while let Err(TrySendError::Full(same)) = events.try_send(event) {
            if is_stopping.load(Ordering::Relaxed) {
                break;
            }
            event = same;
            std::thread::park_timeout(AGAIN);
        }
    }
}

/// Can it be sent to at all?
fn check(remote: &RtpRemote, is_ipv4: bool) -> Result<(), Refused> {
    let bad = |field| Err(Refused::BadRemote { field });
    let cannot = |address: &SocketAddr| address.is_ipv4() != is_ipv4 || address.ip().is_multicast();
    if cannot(&remote.address) {
        return bad("address");
    }
    if remote.rtcp.as_ref().is_some_and(cannot) {
        return bad("rtcp");
    }
    // RFC 3551, section 3: the dynamic ones.
    if remote.dtmf.is_some_and(|payload_type| !(96..=127).contains(&payload_type)) {
        return bad("dtmf");
    }
    Ok(())
}
