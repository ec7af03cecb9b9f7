//! Next responses that begin and are kept. Nearly every message of a lively conversation is one, so that all of a batch are
//! written with two statements, in which those that begin and are kept in the same batch are one row.

use std::collections::HashMap;

use bangban_domain::{AgentId, ConversationId, Timestamp, history::Event as What};
use sqlx::{Any, Transaction};

use crate::{
    Event, StoreError,
    ledger::terms_text,
    sql::{Statements, chunks},
};

/// A promise by its conversation and number.
type Key = (ConversationId, u32);

/// By whom it was kept, and when.
type Reply = (Timestamp, AgentId);

struct Begun {
    key: Key,
    asked_at: Timestamp,
    due_at: Timestamp,
    /// JSON.
    terms: String,
    kept: Option<Reply>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Owed {
    begun: Vec<Begun>,
    /// Where in `begun`.
    places: HashMap<Key, usize>,
    /// Begun in an earlier batch.
    kept: Vec<(Key, Reply)>,
}

impl Owed {
    /// Keeps what is to be written; `false`: the event tells of something else, before which all has to be written.
    pub(super) fn take(&mut self, event: &Event) -> Result<bool, StoreError> {
        let Some(conversation) = event.conversation else { return Ok(false) };
        match &event.what {
            What::ReplyOwed { no, asked_at, terms } => {
                let (key, due_at) = ((conversation, *no), terms.due_at());
                self.places.insert(key, self.begun.len());
                self.begun.push(Begun { key, asked_at: *asked_at, due_at, terms: terms_text(terms)?, kept: None });
            }
            What::Replied { no, at, by } => {
                let key = (conversation, *no);
                match self.places.get(&key).and_then(|place| self.begun.get_mut(*place)) {
                    Some(begun) => begun.kept = Some((*at, *by)),
                    None => self.kept.push((key, (*at, *by))),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Writes it, and begins anew.
    pub(super) async fn write(
        &mut self,
        tx: &mut Transaction<'_, Any>,
        statements: &mut Statements,
    ) -> Result<(), StoreError> {
        self.places.clear();
        for rows in chunks(&std::mem::take(&mut self.begun)) {
            let mut query = statements.over_rows(
                "WITH w (conversation, no, asked_at, due_at, terms, answered_at, answered_by) AS (VALUES ",
                rows.len(),
                7,
                ") INSERT INTO promise (conversation, no, team, item, channel, asked_at, due_at, terms, answered_at, \
                 answered_by) SELECT w.conversation, w.no, e.team, e.item, e.channel, w.asked_at, w.due_at, w.terms, \
                 w.answered_at, w.answered_by FROM w JOIN figure_episode e ON e.conversation = w.conversation \
                 AND e.no = (SELECT MAX(f.no) FROM figure_episode f WHERE f.conversation = w.conversation)",
            );
            for Begun { key: (conversation, no), asked_at, due_at, terms, kept } in rows {
                query = query
                    .bind(conversation.to_string())
                    .bind(i64::from(*no))
                    .bind(asked_at.0)
                    .bind(due_at.0)
                    .bind(terms.clone())
                    .bind(kept.map(|(at, _)| at.0))
                    .bind(kept.map(|(_, by)| by.to_string()));
            }
            query.execute(&mut **tx).await?;
        }
        for rows in chunks(&std::mem::take(&mut self.kept)) {
            let mut query = statements.over_rows(
                "WITH w (conversation, no, answered_at, answered_by) AS (VALUES ",
                rows.len(),
                4,
                ") UPDATE promise SET answered_at = w.answered_at, answered_by = w.answered_by FROM w \
                 WHERE promise.conversation = w.conversation AND promise.no = w.no",
            );
            for ((conversation, no), (at, by)) in rows {
                query = query.bind(conversation.to_string()).bind(i64::from(*no)).bind(at.0).bind(by.to_string());
            }
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }
}
