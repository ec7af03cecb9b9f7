//! A mixing thread: its calls and their telephones' sockets. Every 20 ms it takes commands, reads what came, mixes and
//! sends. Nothing in it waits: commands are taken when their lock is free, what there is to tell goes into a queue with
//! room or waits with its leg, and what is over is taken apart by another thread.

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Condvar, Mutex, PoisonError, TryLockError,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, SyncSender},
    },
    time::Duration,
};

use bangban_domain::{
    CallId,
    call::{Ear, LegId, Prompt},
};

use super::{
    AudioEvent, FRAME, RtpRemote,
    conference::Conference,
    counters::Cells,
    leg::{MAX_PACKET, Outgoing, Patience, Seed},
    pace::{Look, Pace, is_turn},
    ports::Pair,
    prompt::Prompts,
    realtime::{self, Given},
    rtp::{MAX_PAYLOAD, Packet},
    voice::{Said, Upwards},
};
use crate::{
    Refused,
    counters::{add, count},
    mailbox::Mailbox,
};

const TICK_MICROS: u64 = 20_000;
/// A tick that begins so late is late: a quarter of it.
const LATE: u64 = 5_000;
/// Ticks that are so late are left out: nobody wants to hear what was said meanwhile all at once.
const TOO_LATE: u64 = 200_000;
/// Commands that may wait. Nobody gives so many within 20 ms, unless the thread hangs.
const MOST_COMMANDS: usize = 65_536;
/// Ticks in a row that pass before a lock is waited for; whoever holds it only adds a command.
const PATIENT: u32 = 5;
/// Reports are looked for every half second.
const REPORTS_EVERY: u64 = 25;
/// Longer than anything that telephones send.
const DATAGRAM: usize = 1_500;
/// Packets of browsers in one tick.
const MOST_UPWARDS: usize = 8_192;

/// What is to be done.
pub(crate) enum Command {
    OpenPhone(LegId, Pair, Seed),
    OpenBrowser(LegId, Seed),
    Connect(LegId, RtpRemote),
    Close(LegId),
    SetMix(CallId, Vec<Ear>),
    Play(LegId, Prompt),
    Dial(LegId, String),
}

/// A frame for a browser, for the voice thread.
pub(crate) struct Downwards {
    pub(crate) leg: LegId,
    pub(crate) codes: [u8; FRAME],
}

/// What a leg's datagrams come and go by.
pub(crate) enum Line {
    Phone { pair: Pair, pace: Pace },
    Browser,
}

/// What leaves a thread that may not wait.
pub(crate) enum Out {
    Event(AudioEvent),
    /// Only to be dropped: that closes sockets.
    Gone(Box<dyn Send>),
}

#[derive(Default)]
struct Waiting {
    commands: Vec<Command>,
    is_stopping: bool,
}

/// The way to a mixing thread.
#[derive(Clone, Default)]
pub(crate) struct Inbox {
    waiting: Arc<(Mutex<Waiting>, Condvar)>,
}

impl Inbox {
    pub(crate) fn put(&self, command: Command) -> Result<(), Refused> {
        let (lock, bell) = &*self.waiting;
        let mut waiting = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_stopping {
            return Err(Refused::Stopped);
        }
        if waiting.commands.len() == MOST_COMMANDS {
            return Err(Refused::Busy);
        }
        waiting.commands.push(command);
        drop(waiting);
        bell.notify_one();
        Ok(())
    }

    pub(crate) fn stop(&self) {
        let (lock, bell) = &*self.waiting;
        lock.lock().unwrap_or_else(PoisonError::into_inner).is_stopping = true;
        bell.notify_one();
    }
}

pub(crate) struct Mixing {
    pub(crate) inbox: Inbox,
    pub(crate) cells: Arc<Cells>,
    pub(crate) prompts: Prompts,
    pub(crate) patience: Patience,
    pub(crate) is_realtime_wanted: bool,
    pub(crate) out: SyncSender<Out>,
    pub(crate) upwards: Receiver<Upwards>,
    pub(crate) downwards: SyncSender<Downwards>,
    /// Wakes the voice thread.
    pub(crate) voice: Mailbox<super::browsers::Command>,
    pub(crate) calls: BTreeMap<CallId, Conference<Line>>,
    /// Emptied every tick; its room is kept.
    pub(crate) commands: Vec<Command>,
    pub(crate) misses: u32,
}

impl Mixing {
    pub(crate) fn run(mut self, number: usize) {
        let given = if self.is_realtime_wanted { realtime::ask() } else { Given::Nothing };
        match given {
            Given::RealTime => {
                self.cells.realtime_threads.store(1, Relaxed);
                tracing::info!(number, "a mixing thread runs in real time");
            }
            Given::Nice | Given::Nothing => tracing::warn!(
                number,
                ?given,
                "a mixing thread has no real time: sound may stutter under load (docs/calls.md, Sound)"
            ),
        }
        self.cells.mixing_threads.store(1, Relaxed);
        let mut next = realtime::micros();
        let mut tick = 0;
        loop {
            if self.calls.is_empty() {
                if self.wait_for_work() {
                    break;
                }
                next = realtime::micros();
            }
            next += TICK_MICROS;
            realtime::sleep_until(next);
            let begin = realtime::micros();
            let late = begin - next;
            if late >= LATE {
                count(&self.cells.late_ticks);
            }
            if late >= TOO_LATE {
                add(&self.cells.skipped_ticks, late / TICK_MICROS);
                next += late / TICK_MICROS * TICK_MICROS;
            }
            if self.take_commands(begin) {
                break;
            }
            tick += 1;
            self.take_voices(begin);
            self.serve(begin, tick, late >= LATE);
            let busy = (realtime::micros() - begin) * 1_000;
            count(&self.cells.ticks);
            add(&self.cells.busy_nanos, busy);
            self.cells.longest_tick_nanos.fetch_max(busy, Relaxed);
        }
        self.cells.mixing_threads.store(0, Relaxed);
        self.cells.realtime_threads.store(0, Relaxed);
    }

    /// Without calls there is nothing to be on time for. Is it over?
    fn wait_for_work(&mut self) -> bool {
        let (lock, bell) = &*self.inbox.waiting;
        let waiting = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |waiting: &mut Waiting| waiting.commands.is_empty() && !waiting.is_stopping;
        bell.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner).is_stopping
    }

    /// Is it over?
    fn take_commands(&mut self, micros: u64) -> bool {
        let inbox = Arc::clone(&self.inbox.waiting);
        let (lock, _) = &*inbox;
        let waiting = match lock.try_lock() {
            Ok(waiting) => Some(waiting),
            Err(TryLockError::Poisoned(waiting)) => Some(waiting.into_inner()),
            Err(TryLockError::WouldBlock) if self.misses < PATIENT => None,
            Err(TryLockError::WouldBlock) => Some(lock.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        let Some(mut waiting) = waiting else {
            self.misses += 1;
            return false;
        };
        self.misses = 0;
        std::mem::swap(&mut waiting.commands, &mut self.commands);
        let is_stopping = waiting.is_stopping;
        drop(waiting);
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            self.carry_out(micros, command);
        }
        self.commands = commands;
        is_stopping
    }

    fn call(&mut self, call: CallId) -> &mut Conference<Line> {
        let prompts = &self.prompts;
        self.calls.entry(call).or_insert_with(|| Conference::new(call, prompts.clone()))
    }

    fn carry_out(&mut self, micros: u64, command: Command) {
        let patience = self.patience;
        match command {
            Command::OpenPhone(leg, pair, seed) => {
                let line = Line::Phone { pair, pace: Pace::default() };
                let refused = self.call(leg.call).open_phone(micros, leg.no, line, seed, patience);
                self.dismiss(refused);
                self.tell_sizes();
            }
            Command::OpenBrowser(leg, seed) => {
                let refused = self.call(leg.call).open_browser(micros, leg.no, Line::Browser, seed, patience);
                self.dismiss(refused);
                self.tell_sizes();
            }
            Command::Close(leg) => {
                let Some(conference) = self.calls.get_mut(&leg.call) else { return };
                let (out, cells) = (&self.out, &self.cells);
                let line = conference.close(
                    micros,
                    leg.no,
                    |line, outgoing| {
                        send(line, outgoing, cells);
                    },
                    |event| {
                        let is_taken = tell(out, event);
                        if !is_taken {
                            count(&cells.untold);
                        }
                        is_taken
                    },
                );
                self.dismiss(line);
                self.end_if_over(leg.call);
            }
            Command::SetMix(call, ears) => {
                if ears.is_empty() && !self.calls.contains_key(&call) {
                    return;
                }
                let old = self.call(call).set_mix(ears);
                self.dismiss(Some(old));
                self.end_if_over(call);
            }
            Command::Connect(leg, remote) => {
                if let Some(conference) = self.calls.get_mut(&leg.call) {
                    conference.connect(micros, leg.no, remote);
                }
            }
            Command::Play(leg, prompt) => {
                if let Some(conference) = self.calls.get_mut(&leg.call) {
                    conference.play(leg.no, prompt);
                }
            }
            Command::Dial(leg, keys) => {
                if let Some(conference) = self.calls.get_mut(&leg.call) {
                    conference.dial(leg.no, &keys);
                }
            }
        }
    }

    fn end_if_over(&mut self, call: CallId) {
        if self.calls.get(&call).is_some_and(Conference::is_over) {
            let conference = self.calls.remove(&call);
            self.dismiss(conference);
        }
        self.tell_sizes();
    }

    /// Taken apart elsewhere; here, when there is no room.
    fn dismiss(&self, gone: Option<impl Send + 'static>) {
        if let Some(gone) = gone {
            self.out.try_send(Out::Gone(Box::new(gone))).ok();
        }
    }

    fn tell_sizes(&self) {
        let legs: usize = self.calls.values().map(Conference::legs).sum();
        self.cells.legs.store(u64::try_from(legs).unwrap_or(0), Relaxed);
        self.cells.conferences.store(u64::try_from(self.calls.len()).unwrap_or(0), Relaxed);
    }

    fn take_voices(&mut self, micros: u64) {
        for _ in 0..MOST_UPWARDS {
            match self.upwards.try_recv() {
                Ok(Upwards::Packet(leg, said)) => {
                    let Some(conference) = self.calls.get_mut(&leg.call) else { continue };
                    let payload = &said.payload[..said.payload.len().min(MAX_PAYLOAD)];
                    let Said { is_marked, payload_type, number, timestamp, ssrc, .. } = said;
                    let packet = Packet { is_marked, payload_type, number, timestamp, ssrc, payload };
                    conference.receive_voice(micros, leg.no, &packet);
                }
                Ok(Upwards::Heard(leg, round_trip, loss)) => {
                    if let Some(conference) = self.calls.get_mut(&leg.call) {
                        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                        conference.set_heard(leg.no, round_trip.map(micros), loss);
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Call after call, each wholly: what came is read, a frame is mixed and sent, and what there is to know is told. So a
    /// call's memory is fetched once in a tick, and what comes while others are served is not heard a tick later.
    fn serve(&mut self, micros: u64, tick: u64, is_late: bool) {
        let (cells, out, downwards) = (&self.cells, &self.out, &self.downwards);
        let mut has_voices = false;
        for (call, conference) in &mut self.calls {
            if is_late {
                conference.tick_was_late();
            }
            for (leg, line) in conference.lines() {
                let Line::Phone { pair, pace } = line else { continue };
                // After a pause of ours everything waits.
                pace.look(is_late || is_turn(tick, pair.port), || {
                    receive(&pair.rtp, cells, |from, bytes| leg.receive(micros, from, bytes))
                });
                if (tick + u64::from(pair.port) / 2).is_multiple_of(REPORTS_EVERY) {
                    Pace::default().look(true, || {
                        receive(&pair.rtcp, cells, |from, bytes| leg.receive_report(micros, from, bytes))
                    });
                }
            }
            conference.tick(micros, |no, line, outgoing| match outgoing {
                Outgoing::Voice(codes) => {
                    has_voices = true;
                    if downwards.try_send(Downwards { leg: LegId { call: *call, no }, codes: *codes }).is_err() {
                        count(&cells.overrun);
                    }
                }
                Outgoing::Rtp(..) | Outgoing::Rtcp(..) => send(line, outgoing, cells),
            });
            conference.tell(|event| tell(out, event));
        }
        if has_voices {
            self.voice.ring();
        }
    }
}

/// The next datagram of a socket, if there is one.
fn receive(socket: &UdpSocket, cells: &Cells, take: impl FnOnce(SocketAddr, &[u8]) -> bool) -> Look {
    let mut bytes = [0; DATAGRAM];
    match socket.recv_from(&mut bytes) {
        Ok((length, from)) if take(from, &bytes[..length]) => {
            count(&cells.received);
            if length >= MAX_PACKET { Look::Frame } else { Look::Other }
        }
        Ok(_) => {
            count(&cells.stray);
            Look::Other
        }
        // What the network says of what was sent before (ICMP) comes this way once, and is no end.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Look::Other,
        Err(_) => Look::Nothing,
    }
}

fn send(line: &mut Line, outgoing: Outgoing<'_>, cells: &Cells) {
    let Line::Phone { pair, .. } = line else { return };
    match outgoing {
        Outgoing::Rtp(to, bytes) => {
            let is_sent = pair.rtp.send_to(bytes, to).is_ok();
            count(if is_sent { &cells.sent } else { &cells.unsent });
        }
        // One that is lost is followed by another.
        Outgoing::Rtcp(to, bytes) => {
            pair.rtcp.send_to(bytes, to).ok();
        }
        Outgoing::Voice(_) => {}
    }
}

/// `false`: there is no room, and it has to wait.
fn tell(out: &SyncSender<Out>, event: AudioEvent) -> bool {
    out.try_send(Out::Event(event)).is_ok()
}
