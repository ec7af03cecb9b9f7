//! The voice thread: the browsers' UDP port, and the way between it and the mixing threads.
//!
//! Browsers have a port of their own beside that of the windows (`crate::Sfu`): there, a burst of pictures takes some
//! milliseconds in which no voice would be handed on, and the two can be on different processors.

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender},
};

use bangban_domain::call::LegId;
use tokio::sync::oneshot;

use super::{
    Refused,
    counters::Cells,
    mixing::{Downwards, Out},
    voice::{Upwards, Voice},
};
use crate::{
    clock,
    counters::{Cells as NetCells, count},
    mailbox::Mailbox,
    net::Net,
};

/// Batches of datagrams before anything else is looked at again.
const BATCHES: usize = 8;
/// Sleeps no longer than this; what has to happen earlier wakes it.
const NAP: std::time::Duration = std::time::Duration::from_secs(1);

/// What is to be done.
pub(crate) enum Command {
    Open { leg: LegId, offer: String, reply: oneshot::Sender<Result<String, Refused>> },
    Close(LegId),
}

pub(crate) struct Browsers {
    pub(crate) voice: Voice,
    pub(crate) net: Net,
    pub(crate) cells: Arc<Cells>,
    pub(crate) net_cells: NetCells,
    pub(crate) receiver: Receiver<Command>,
    pub(crate) mailbox: Mailbox<Command>,
    pub(crate) downwards: Receiver<Downwards>,
    /// By mixing thread.
    pub(crate) upwards: Vec<SyncSender<Upwards>>,
    pub(crate) out: SyncSender<Out>,
}

impl Browsers {
    pub(crate) fn run(mut self) {
        while !self.mailbox.is_stopping() {
            self.mailbox.quiet();
            self.take_commands();
            self.take_datagrams();
            let now = clock::now();
            while let Ok(Downwards { leg, codes }) = self.downwards.try_recv() {
                self.voice.say(now, leg, &codes);
            }
            self.voice.pass_time(now);
            self.net.send(&mut self.voice.outgoing, &self.net_cells);
            self.hand_on();
            let is_told = self.tell();
            let until = self.voice.next_deadline().saturating_duration_since(clock::now());
            // Whoever takes the events does not ring.
            let nap = if is_told { NAP } else { std::time::Duration::from_millis(5) };
            self.net.wait(self.mailbox.bell(), until.min(nap));
        }
    }

    fn take_commands(&mut self) {
        while let Ok(command) = self.receiver.try_recv() {
            match command {
                Command::Open { leg, offer, reply } => {
                    let answer = self.voice.open(clock::now(), leg, &offer).map_err(Refused::Sdp);
                    // Whoever has asked and gone does not need the answer.
                    reply.send(answer).ok();
                }
                Command::Close(leg) => self.voice.close(leg),
            }
        }
    }

    fn take_datagrams(&mut self) {
        for _ in 0..BATCHES {
            let (voice, now) = (&mut self.voice, clock::now());
            let taken = self.net.receive(&self.net_cells, |source, bytes| voice.receive(now, source, bytes));
            if taken == 0 {
                return;
            }
            self.hand_on();
        }
    }

    /// What browsers have said goes to the threads of their calls.
    fn hand_on(&mut self) {
        for upwards in self.voice.upwards.drain(..) {
            let (Upwards::Packet(leg, _) | Upwards::Heard(leg, ..)) = &upwards;
            let thread = super::mixer::thread_of(leg.call, self.upwards.len());
            if self.upwards[thread].try_send(upwards).is_err() {
                count(&self.cells.overrun);
            }
        }
    }

    /// Have all events been taken?
    fn tell(&mut self) -> bool {
        while let Some(event) = self.voice.events.front() {
            if self.out.try_send(Out::Event(*event)).is_err() {
                return false;
            }
            self.voice.events.pop_front();
        }
        true
    }
}
