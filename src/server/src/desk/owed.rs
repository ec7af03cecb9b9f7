//! Next responses: their steps as they are reached. Messages do not pass through the desk: the store's writer begins and ends
//! promises with the messages themselves, its publisher notes them here, and the desk wakes at the next step. What the rows
//! say is the fact; of a promise only the steps that were reached are written by the desk.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bangban_domain::{
    ConversationId, Timestamp,
    alert::{AlertKind, Subject},
    history::Event,
    ledger::{Book, Running, StepAction, Terms},
    org::Kind,
};
use bangban_protocol::OwedView;
use bangban_store::{Author, StoreError};

use super::{batch::Batch, owner::Owner};
use crate::catalogue::Catalogue;

/// The open promises, shared with the publisher.
#[derive(Debug, Default)]
pub(super) struct OpenPromises(Mutex<Book>);

impl OpenPromises {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message has begun one. Is its first step the next of all, so that the desk has to wake earlier?
    pub(super) fn begin(&self, id: ConversationId, no: u32, asked_at: Timestamp, terms: Terms) -> bool {
        let mut book = self.book();
        let before = book.next_due();
        book.begin(id, Running { no, asked_at, terms, reached: 0 });
        book.next_due() != before
    }

    /// It is over. Was a step of it reached, so that somebody sees it?
    pub(super) fn end(&self, id: ConversationId, no: u32) -> bool {
        self.book().end(id, no)
    }

    /// The conversation is over.
    pub(super) fn forget(&self, id: ConversationId) {
        self.book().forget(id);
    }

    /// What an agent's desk shows of it, from the first step on that the agent is to hear of.
    pub(super) fn view(&self, id: ConversationId) -> Option<OwedView> {
        let book = self.book();
        let running = book.of(id).filter(|running| running.is_noted())?;
        let step = u32::try_from(running.reached).unwrap_or(u32::MAX);
        Some(OwedView { no: running.no, asked_at: running.asked_at, due_at: running.terms.due_at(), step })
    }
}

impl Owner {
    /// Reads the open promises again; what has ended meanwhile stays ended.
    pub(super) async fn read_promises(&mut self) -> Result<(), StoreError> {
        self.world.notices.owed.book().clear();
        for (id, running) in self.world.store.open_promises().await? {
            self.world.notices.owed.book().begin(id, running);
        }
        Ok(())
    }

    /// Writes the steps that are reached, and lets those see them who have to.
    pub(super) fn step_promises(&mut self, now: Timestamp, batch: &mut Batch) {
        let due = self.world.notices.owed.book().take_due(now);
        for reached in due {
            let id = reached.conversation;
            let Some(case) = self.cases.get(id) else { continue };
            if reached.actions.contains(&StepAction::Notify) {
                batch.agents.extend(case.row.agent);
            }
            let what = Event::ReplyStepped { no: reached.no, step: reached.step, at: reached.at };
            batch.log_as(Author::System, id, now, what);
            if reached.actions.contains(&StepAction::Alert) {
                self.raise_alert(AlertKind::NextResponse, Subject::Conversation(id), reached.no.into(), now, batch);
            }
        }
    }

    /// A promise of which a step was told is over: it was answered, or is not owed any more.
    pub(super) fn promise_over(&mut self, id: ConversationId, now: Timestamp, batch: &mut Batch) {
        batch.agents.extend(self.cases.get(id).and_then(|case| case.row.agent));
        self.clear_alert(AlertKind::NextResponse, &Subject::Conversation(id), now, batch);
    }

    /// Rule 12: a year's holidays were published, and open promises that were counted over them are counted again. No other
    /// change reaches into a promise that runs.
    pub(super) fn move_promises(&mut self, before: &Catalogue, now: Timestamp, batch: &mut Batch) {
        if before.directory().shares(self.world.catalogue.directory(), Kind::CalendarYear) {
            return;
        }
        let mut book = self.world.notices.owed.book();
        let open: Vec<(ConversationId, Running)> = book.all().map(|(id, running)| (id, running.clone())).collect();
        for (id, running) in open {
            let Some(case) = self.cases.get(id) else { continue };
            let team = &case.row.team;
            // Only what the list of days changes: not hours and closures that have come since.
            let holidays = self.world.catalogue.calendar().holidays().clone();
            let calendar = before.calendar_of(team).with_holidays(holidays);
            let as_before = running.terms.again(before.calendar_of(team), running.asked_at);
            let Some(terms) = running.terms.again(&calendar, running.asked_at) else { continue };
            if as_before.as_ref() == Some(&terms) {
                continue;
            }
            let what =
                Event::ReplyMoved { no: running.no, before: running.terms.due_at(), terms: Box::new(terms.clone()) };
            batch.log_as(Author::System, id, now, what);
            batch.agents.extend(case.row.agent);
            book.change(id, terms);
        }
    }
}
