//! When a message is tried again, and when a receiver is left alone for a while.

use crate::{
    Timestamp,
    time::{DAY, HOUR, MINUTE, Millis, SECOND},
    words::words,
};

words! {
    /// The way that a message goes.
    MessageChannel {
        /// Into the thread of the conversation in which it was asked.
        Thread = "thread",
        /// Into the list that a member of staff has on our own pages.
        Inbox = "inbox",
        /// 短信, over HTTP.
        Sms = "sms",
        /// By SMTP, to a unit's mailbox.
        Email = "email",
        /// 站内信 of the portal, over HTTP.
        Portal = "portal",
        /// To another system (Standard Webhooks).
        Webhook = "webhook",
    }
}

words! {
    /// What has become of a message.
    OutboxState {
        /// Not sent yet.
        Waiting = "waiting",
        /// The receiver has taken it.
        Sent = "sent",
        /// Given up; somebody may send it again.
        Dead = "dead",
        /// Not wanted any more: opted out, or nobody is there to be told.
        Dropped = "dropped",
    }
}

impl MessageChannel {
    /// May it disturb somebody? Then it is held back in quiet hours.
    #[must_use]
    pub const fn disturbs(self) -> bool {
        match self {
            Self::Sms | Self::Portal | Self::Email => true,
            Self::Thread | Self::Inbox | Self::Webhook => false,
        }
    }

    /// May a citizen say that they do not want it? The thread is the conversation itself.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        match self {
            Self::Sms | Self::Portal => true,
            Self::Thread | Self::Inbox | Self::Email | Self::Webhook => false,
        }
    }
}

/// A message that could not be delivered for so long is given up.
pub const GIVE_UP: Millis = DAY;

/// Pauses after the first, second, ... attempt; after the last one it stays so.
const PAUSES: [Millis; 8] = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR];

/// When the next attempt is made after `attempts` that have failed; `None`: it is given up. The last attempt is made when
/// the time is over, not before.
#[must_use]
pub fn retry_at(attempts: u32, first_tried_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let end = first_tried_at + GIVE_UP;
    if now >= end {
        return None;
    }
    let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    Some((now + PAUSES[place]).min(end))
}

/// So many failures one after the other open the circuit ...
pub const CIRCUIT_FAILURES: u32 = 5;

/// ... for so long; then one message is tried.
pub const CIRCUIT_PAUSE: Millis = MINUTE;

/// One receiver's state: who does not answer is left alone, so that what is meant for others is not late because of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circuit {
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Circuit {
    /// May a message be tried now? Else it is known when.
    ///
    /// # Errors
    /// The instant from which one may be tried.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        match self.open_until {
            Some(until) if now < until => Err(until),
            // Half open: this one is the trial, the others wait for what becomes of it.
            Some(_) => {
                self.open_until = Some(now + CIRCUIT_PAUSE);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// It was taken.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
        self.open_until = None;
    }

    /// It was not.
    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= CIRCUIT_FAILURES {
            self.open_until = Some(now + CIRCUIT_PAUSE);
        }
    }

    /// Is it left alone at this moment?
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }
}
