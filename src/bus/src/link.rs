//! Between the runner, which knows the rules, and a transport, which knows the way.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

/// Frames that wait for the way; more are dropped (their numbers tell).
const FRAMES: usize = 256;

/// What came and waits for the runner; then the transport stops reading.
const EVENTS: usize = 1024;

/// A transport at work; it ends when no more frames can come.
pub(crate) type Running = JoinHandle<()>;

/// What a transport tells.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// From now on all that is sent by others arrives, or [`LinkEvent::Broken`] follows.
    Opened,
    /// It carries no more, or could not be opened.
    Broken,
    /// Came over the link.
    Came(Bytes),
}

pub(crate) struct NodeEnds {
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    pub(crate) frames: mpsc::Sender<Bytes>,
    pub(crate) reopen: Arc<Notify>,
}

pub(crate) struct TransportEnds {
    pub(crate) events: mpsc::Sender<LinkEvent>,
    pub(crate) frames: mpsc::Receiver<Bytes>,
    /// The link is to be closed and opened anew.
    pub(crate) reopen: Arc<Notify>,
}

pub(crate) fn pair() -> (NodeEnds, TransportEnds) {
    let (event_sender, events) = mpsc::channel(EVENTS);
    let (frame_sender, frames) = mpsc::channel(FRAMES);
    let reopen = Arc::new(Notify::new());
    let ours = NodeEnds { events, frames: frame_sender, reopen: Arc::clone(&reopen) };
    (ours, TransportEnds { events: event_sender, frames, reopen })
}
