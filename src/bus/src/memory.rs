//! The transport within one process: for a single node, and for tests of many.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::link::{LinkEvent, Running, TransportEnds};

/// What nodes of one process share. Cheap to clone.
#[derive(Clone, Default)]
pub struct Net {
    state: Arc<Mutex<State>>,
    /// How many members there are.
    count: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    next: u64,
    members: BTreeMap<u64, mpsc::Sender<LinkEvent>>,
    weather: Weather,
}

/// How the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Weather {
    #[default]
    Fair,
    Cut,
    Mute,
}

impl Net {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 1
    }

    /// Breaks all links until [`Net::mend`].
    pub fn cut(&self) {
        self.change(Weather::Cut, || LinkEvent::Broken);
    }

    /// The links stay open and carry nothing until [`Net::mend`], like a peer that hangs.
    pub fn mute(&self) {
        self.state().weather = Weather::Mute;
    }

    /// Opens all links anew.
    pub fn mend(&self) {
        self.change(Weather::Fair, || LinkEvent::Opened);
    }

    fn change(&self, weather: Weather, event: impl Fn() -> LinkEvent) {
        let mut state = self.state();
        state.weather = weather;
        for member in state.members.values() {
            // With a full queue it hears of a canary that does not come back.
            member.try_send(event()).ok();
        }
    }

    fn carry(&self, frame: &Bytes) {
        let state = self.state();
        if state.weather == Weather::Fair {
            for member in state.members.values() {
                // No room: dropped, and the next number tells.
                member.try_send(LinkEvent::Came(frame.clone())).ok();
            }
        }
    }

    /// The node that holds `ends` is on the net until its frames end.
    pub(crate) fn join(&self, ends: TransportEnds) -> Running {
        let net = self.clone();
        let TransportEnds { events, mut frames, reopen } = ends;
        let number = {
            let mut state = self.state();
            state.next += 1;
            let number = state.next;
            if state.weather == Weather::Fair {
                events.try_send(LinkEvent::Opened).ok();
            }
            state.members.insert(number, events.clone());
            net.count.store(state.members.len(), Ordering::Relaxed);
            number
        };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    frame = frames.recv() => match frame {
                        Some(frame) => net.carry(&frame),
                        None => break,
                    },
                    () = reopen.notified() => {
                        let is_fair = net.state().weather == Weather::Fair;
                        let event = if is_fair { LinkEvent::Opened } else { LinkEvent::Broken };
                        if events.send(event).await.is_err() {
                            break;
                        }
                    }
                }
            }
            let mut state = net.state();
            state.members.remove(&number);
            net.count.store(state.members.len(), Ordering::Relaxed);
        })
    }
}
