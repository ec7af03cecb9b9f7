//! What nodes tell each other: messages for their sockets, and who is present where.
//!
//! The contract, the same for every transport (`tests/contract.rs`):
//! - messages of one node arrive in the order in which they were published, each at most once;
//! - nothing waits for a slow or broken link: what finds no room is dropped;
//! - whoever may have missed something is told ([`News::missed`]) when the next canary comes at the latest, and then reads
//!   the truth from the database: the bus carries hints, never the truth;
//! - a canary crosses the whole path every [`CANARY`] and comes back: after two that did not, a link that looks open but
//!   carries nothing is known to be dead ([`Bus::is_live`]) and opened anew;
//! - a key is present as long as one node says so; what a node said ends with its farewell, or three canaries after its
//!   last sign of life.
//!
//! All of that is decided by a state machine without I/O or clock (`core`); a transport only carries bytes and says when
//! the link opens and breaks.

mod core;
mod frame;
mod inbox;
mod link;
mod memory;
mod redis;
mod runner;
#[cfg(feature = "testing")]
pub mod testing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{inbox::Shelf, runner::Wishes};
pub use crate::{
    inbox::{Inbox, News},
    memory::Net,
    redis::{BusError, Redis},
};

/// Messages that wait for the link; more are dropped, and the others are told.
const OUTBOX: usize = 8192;

/// The pause between canaries in service.
pub const CANARY: Duration = Duration::from_secs(5);

/// Identifies one life of one node; never used twice.
pub type NodeId = u128;

/// Who is on the bus.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// This life of this node.
    pub node: NodeId,
    /// The pause between canaries, the same on all nodes: [`CANARY`].
    pub canary: Duration,
}

/// One node's end of the bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    outbox: mpsc::Sender<Bytes>,
    /// `None`: not within this process.
    net: Option<Net>,
    shared: Arc<Shared>,
}

/// What the handle and the runner share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) dropped: AtomicU64,
    pub(crate) is_live: AtomicBool,
    pub(crate) wishes: Wishes,
    pub(crate) shelf: Arc<Shelf>,
}

/// Ends the node's part on the bus.
pub struct Ending {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Bus {
    /// In the memory of this process. Nodes that share a [`Net`] hear each other.
    #[must_use]
    pub fn memory(settings: Settings, net: &Net) -> (Self, Inbox, Ending) {
        Self::start(settings, Some(net), |ends| net.join(ends))
    }

    /// Over Redis 6 or later, on a pub/sub channel that is the same for all nodes. Does not wait for Redis: the link opens when it can, and is opened again whenever it breaks.
    ///
    /// # Errors
    /// [`BusError`] if the address is none.
    pub fn redis(settings: Settings, address: &Redis) -> Result<(Self, Inbox, Ending), BusError> {
        let way = address.way()?;
        Ok(Self::start(settings, None, |ends| way.run(ends)))
    }

    fn start(
        settings: Settings,
        net: Option<&Net>,
        transport: impl FnOnce(link::TransportEnds) -> link::Running,
    ) -> (Self, Inbox, Ending) {
        let (outbox, published) = mpsc::channel(OUTBOX);
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let (ours, theirs) = link::pair();
        let running = transport(theirs);
        let task = tokio::spawn(runner::run(settings, published, Arc::clone(&shared), ours, running, stopped));
        let inbox = Inbox::new(Arc::clone(&shared.shelf));
        (Self { outbox, net: net.cloned(), shared }, inbox, Ending { stop, task })
    }

    /// Can there be others to publish to? If not, nothing has to be written for them.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.net.as_ref().is_none_or(Net::is_shared)
    }

    /// To all other nodes; never waits.
    pub fn publish(&self, message: Bytes) {
        if self.outbox.try_send(message).is_err() {
            metrics::counter!("bangban_bus_dropped_total").increment(1);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// This node has the key now, or has it no more. Never lost; the last word counts.
    pub fn set_present(&self, key: &str, is_present: bool) {
        self.shared.wishes.set(key, is_present);
    }

    /// Does the link carry, as far as the last canary tells? If not, what others publish does not arrive.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.shared.is_live.load(Ordering::Relaxed)
    }

    /// Messages that found no room since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Ending {
    /// Says good-bye, so that the others do not wait until this node is silent for long enough.
    pub async fn end(self) {
        // The runner may have ended with its last handle.
        self.stop.send(()).ok();
        self.task.await.ok();
    }
}
