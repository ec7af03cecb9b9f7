//! The way to a thread that waits for its socket: commands in a queue of bounded length, and a bell that wakes it.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use rustix::event::{EventfdFlags, eventfd};

use crate::Refused;

pub(crate) struct Mailbox<C> {
    sender: SyncSender<C>,
    bell: Arc<OwnedFd>,
    is_stopping: Arc<AtomicBool>,
}

impl<C> Clone for Mailbox<C> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), bell: Arc::clone(&self.bell), is_stopping: Arc::clone(&self.is_stopping) }
    }
}

impl<C> Mailbox<C> {
    /// With room for so many commands; the receiver is the thread's.
    pub(crate) fn new(room: usize) -> io::Result<(Self, Receiver<C>)> {
        let (sender, receiver) = sync_channel(room);
        let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        Ok((Self { sender, bell, is_stopping: Arc::new(AtomicBool::new(false)) }, receiver))
    }

    pub(crate) fn put(&self, command: C) -> Result<(), Refused> {
        self.sender.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Refused::Busy,
            TrySendError::Disconnected(_) => Refused::Stopped,
        })?;
        self.ring();
        Ok(())
    }

    pub(crate) fn ring(&self) {
        // It rings already, if it cannot be rung.
        rustix::io::write(&*self.bell, &1u64.to_ne_bytes()).ok();
    }

    /// By the thread, before it looks what there is.
    pub(crate) fn quiet(&self) {
        let mut rings = [0; 8];
        rustix::io::read(&*self.bell, &mut rings).ok();
    }

    /// What the thread waits for.
    pub(crate) const fn bell(&self) -> &Arc<OwnedFd> {
        &self.bell
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.ring();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}
