//! The steps of all open promises, in the order of time.
//!
//! What is told of a promise comes from two sides that may overtake each other: the store's publisher, in the order of the
//! commits, and the rows that are read at a start. So the book remembers the last promise of each conversation that has ended,
//! and nothing that is over comes back.

use std::collections::{BTreeSet, HashMap};

use super::{Step, StepAction, Terms};
use crate::{ConversationId, Timestamp};

/// An open promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Number within the conversation.
    pub no: u32,
    /// Since when.
    pub asked_at: Timestamp,
    /// What was promised.
    pub terms: Terms,
    /// Steps that were reached.
    pub reached: usize,
}

impl Running {
    fn next(&self) -> Option<&Step> {
        self.terms.steps.get(self.reached)
    }

    /// The agent has to see it.
    #[must_use]
    pub fn is_noted(&self) -> bool {
        self.terms.steps.iter().take(self.reached).any(|step| step.actions.contains(&StepAction::Notify))
    }
}

/// A step that is reached, once each and never early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Whose.
    pub conversation: ConversationId,
    /// Number of the promise.
    pub no: u32,
    /// Which step, from 1.
    pub step: u32,
    /// The instant of the step by the rule, not the instant of noticing.
    pub at: Timestamp,
    /// What follows.
    pub actions: Vec<StepAction>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    open: HashMap<ConversationId, Running>,
    /// The last promise of a conversation that is known to be over.
    ended: HashMap<ConversationId, u32>,
    timers: BTreeSet<(Timestamp, ConversationId)>,
}

impl Book {
    /// A promise is open. Of one that is over, or that is known, nothing changes.
    pub fn begin(&mut self, conversation: ConversationId, running: Running) {
        let is_over = self.ended.get(&conversation).is_some_and(|ended| *ended >= running.no);
        let is_known = self.open.get(&conversation).is_some_and(|open| open.no >= running.no);
        if is_over || is_known {
            return;
        }
        self.disarm(conversation);
        self.open.insert(conversation, running);
        self.arm(conversation);
    }

    /// It is over: answered, or not owed any more. Was a step of it reached?
    pub fn end(&mut self, conversation: ConversationId, no: u32) -> bool {
        let ended = self.ended.entry(conversation).or_insert(no);
        *ended = no.max(*ended);
        if self.open.get(&conversation).is_none_or(|open| open.no > no) {
            return false;
        }
        self.disarm(conversation);
        self.open.remove(&conversation).is_some_and(|open| open.reached > 0)
    }

    /// The conversation is over: nothing of it is remembered.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.disarm(conversation);
        self.open.remove(&conversation);
        self.ended.remove(&conversation);
    }

    /// All open ones are to be read again from the rows; what has ended stays known.
    pub fn clear(&mut self) {
        self.open.clear();
        self.timers.clear();
    }

    /// The open promise of a conversation.
    #[must_use]
    pub fn of(&self, conversation: ConversationId) -> Option<&Running> {
        self.open.get(&conversation)
    }

    /// All open ones.
    pub fn all(&self) -> impl Iterator<Item = (ConversationId, &Running)> {
        self.open.iter().map(|(id, running)| (*id, running))
    }

    /// The promise has other terms; steps that were reached stay reached.
    pub fn change(&mut self, conversation: ConversationId, terms: Terms) {
        self.disarm(conversation);
        if let Some(running) = self.open.get_mut(&conversation) {
            running.terms = terms;
        }
        self.arm(conversation);
    }

    /// When the next step is reached.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The steps that are reached at `now`, in the order of their instants.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Reached> {
        let mut reached = Vec::new();
        while let Some((at, conversation)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.disarm(conversation);
            if let Some(running) = self.open.get_mut(&conversation) {
                let actions = running.next().map(|step| step.actions.clone()).unwrap_or_default();
                running.reached += 1;
                let step = u32::try_from(running.reached).unwrap_or(u32::MAX);
                reached.push(Reached { conversation, no: running.no, step, at, actions });
            }
            self.arm(conversation);
        }
        reached
    }

    fn arm(&mut self, conversation: ConversationId) {
        if let Some(step) = self.open.get(&conversation).and_then(Running::next) {
            self.timers.insert((step.at, conversation));
        }
    }

    fn disarm(&mut self, conversation: ConversationId) {
        if let Some(step) = self.open.get(&conversation).and_then(Running::next) {
            self.timers.remove(&(step.at, conversation));
        }
    }
}
