//! The task that feeds the core and carries out its effects.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Settings, Shared,
    core::{Core, Effect, Input, Millis},
    frame::Frame,
    link::{LinkEvent, NodeEnds, Running},
};

/// So many messages go in one frame.
const BATCH: usize = 256;

/// The farewell may take so long.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the node wants to be present with; bounded by its keys, and the last word counts.
#[derive(Default)]
pub(crate) struct Wishes {
    keys: Mutex<BTreeMap<String, bool>>,
    wake: Notify,
}

impl Wishes {
    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, key: &str, is_present: bool) {
        self.keys().insert(key.to_owned(), is_present);
        self.wake.notify_one();
    }
}

struct Runner {
    core: Core,
    began: Instant,
    shared: Arc<Shared>,
    ends: NodeEnds,
    /// How many dropped messages the others have been told of.
    told: u64,
    out: Vec<Effect>,
}

/// Runs until the node ends.
pub(crate) async fn run(
    settings: Settings,
    mut published: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
    ends: NodeEnds,
    running: Running,
    mut stopped: oneshot::Receiver<()>,
) {
    let pause = Millis::try_from(settings.canary.as_millis()).unwrap_or(Millis::MAX);
    let core = Core::new(settings.node, pause);
    let mut runner =
        Runner { core, began: Instant::now(), shared: Arc::clone(&shared), ends, told: 0, out: Vec::new() };
    let mut messages = Vec::with_capacity(BATCH);
    loop {
        let deadline = runner.deadline();
        tokio::select! {
            // Also when whoever could say so is gone.
            _ = &mut stopped => break,
            count = published.recv_many(&mut messages, BATCH) => {
                if count == 0 {
                    break;
                }
                runner.publish(messages.drain(..));
            }
            event = runner.ends.events.recv() => match event {
                Some(event) => runner.hear(event),
                None => break,
            },
            () = shared.wishes.wake.notified() => {
                let keys = std::mem::take(&mut *shared.wishes.keys());
                for (key, is_present) in keys {
                    runner.take(Input::Present(key, is_present));
                }
            }
            () = wait(deadline) => runner.take(Input::Tick),
        }
    }
    runner.take(Input::End);
    shared.is_live.store(false, Ordering::Relaxed);
    shared.shelf.end();
    // What was said before is still sent.
    drop(runner);
    if timeout(FAREWELL, running).await.is_err() {
        tracing::warn!("the bus could not say good-bye");
    }
}

async fn wait(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl Runner {
    fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    fn deadline(&self) -> Option<Instant> {
        let after = self.core.next_deadline()?;
        Some(self.began + Duration::from_millis(u64::try_from(after).unwrap_or(0)))
    }

    fn publish(&mut self, messages: impl Iterator<Item = Bytes>) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        let messages = messages.map(Vec::from).collect();
        self.take(Input::Publish { messages, dropped: dropped > self.told });
        self.told = dropped;
    }

    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened => self.take(Input::Opened),
            LinkEvent::Broken => self.take(Input::Broken),
            LinkEvent::Came(bytes) => match Frame::decode(&bytes) {
                Some(frame) => self.take(Input::Heard(frame)),
                None => tracing::warn!("something on the bus is no frame of this version"),
            },
        }
    }

    fn take(&mut self, input: Input) {
        self.core.handle(self.now(), input, &mut self.out);
        let shelf = &self.shared.shelf;
        for effect in self.out.drain(..) {
            match effect {
                // No room: its number tells the others.
                Effect::Send(frame) => drop(self.ends.frames.try_send(frame.encode())),
                Effect::Reopen => self.ends.reopen.notify_one(),
                Effect::Live(is_live) => {
                    self.shared.is_live.store(is_live, Ordering::Relaxed);
                    shelf.live(is_live);
                }
                Effect::Deliver(message) => shelf.deliver(message),
                Effect::Missed => shelf.missed(),
                Effect::Presence(key, is_present) => shelf.presence(key, is_present),
            }
        }
    }
}
