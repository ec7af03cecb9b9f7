//! Next responses that begin and are kept. Nearly every message of a lively conversation is one, so that all of a batch are
//! written with two statements. One that was kept before anything followed from it is one new row, and nothing else.

use std::{collections::HashMap, sync::Arc};

use bangban_domain::{AgentId, ConversationId, Timestamp, history::Event as What, ledger::Promised};
use sqlx::{Any, Transaction};

use crate::{
    StoreError,
    batch::Line,
    ledger::terms_text,
    sql::{Statements, chunks},
};

/// A promise by its conversation and number.
type Key = (ConversationId, u32);

/// By whom it was kept, and when.
type Reply = (Timestamp, AgentId);

struct New {
    key: Key,
    thread: i64,
    promised: Arc<Promised>,
    asked_at: Timestamp,
    reply: Option<Reply>,
    /// Id of the line that tells of all of it.
    kept: Option<String>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Owed {
    new: Vec<New>,
    /// Where in `new`.
    places: HashMap<Key, usize>,
    /// Of rows that were there before.
    replies: Vec<(Key, Reply)>,
}

impl Owed {
    /// Keeps what is to be written; `false`: the line tells of something else, before which all has to be written.
    pub(super) fn take(&mut self, id: &str, line: &Line<'_>) -> Result<bool, StoreError> {
        let Some(conversation) = line.event.conversation else { return Ok(false) };
        let (no, asked_at, reply, kept) = match &line.event.what {
            What::ReplyKept { no, asked_at, at, by, .. } => (*no, *asked_at, Some((*at, *by)), Some(id.to_owned())),
            What::ReplyOwed { no, asked_at, .. } => (*no, *asked_at, None, None),
            What::Replied { no, at, by } => {
                let key = (conversation, *no);
                match self.places.get(&key).and_then(|place| self.new.get_mut(*place)) {
                    Some(new) => new.reply = Some((*at, *by)),
                    None => self.replies.push((key, (*at, *by))),
                }
                return Ok(true);
            }
            _ => return Ok(false),
        };
        let missing =
            || StoreError::Corrupt { table: "promise", what: format!("{conversation}/{no} promises nothing") };
        let (thread, promised) = line.promised.clone().ok_or_else(missing)?;
        let key = (conversation, no);
        self.places.insert(key, self.new.len());
        self.new.push(New { key, thread, promised, asked_at, reply, kept });
        Ok(true)
    }

    /// Writes it, and begins anew.
    pub(super) async fn write(
        &mut self,
        tx: &mut Transaction<'_, Any>,
        statements: &mut Statements,
    ) -> Result<(), StoreError> {
        self.places.clear();
        let mut new = std::mem::take(&mut self.new);
        // Neighbours in the index become neighbours in time.
        new.sort_unstable_by_key(|one| (one.thread, one.key.1));
        for rows in chunks(&new) {
            let mut query = statements.insert(
                "promise (thread, no, conversation, team, item, channel, asked_at, due_at, terms, answered_at, \
                 answered_by, kept)",
                rows.len(),
                12,
            );
            for New { key: (conversation, no), thread, promised, asked_at, reply, kept } in rows {
                let Promised { team, item, channel, terms } = &**promised;
                query = query
                    .bind(*thread)
                    .bind(i64::from(*no))
                    .bind(conversation.to_string())
                    .bind(team.clone())
                    .bind(item.clone())
                    .bind(channel.as_str())
                    .bind(asked_at.0)
                    .bind(terms.due_at().0)
                    .bind(terms_text(terms)?)
                    .bind(reply.map(|(at, _)| at.0))
                    .bind(reply.map(|(_, by)| by.to_string()))
                    .bind(kept.clone());
            }
            query.execute(&mut **tx).await?;
        }
        for rows in chunks(&std::mem::take(&mut self.replies)) {
            let mut query = statements.over_rows(
                "WITH w (conversation, no, answered_at, answered_by) AS (VALUES ",
                rows.len(),
                4,
                ") UPDATE promise SET answered_at = w.answered_at, answered_by = w.answered_by FROM w \
                 JOIN conversation c ON c.id = w.conversation WHERE promise.thread = c.no AND promise.no = w.no",
            );
            for ((conversation, no), (at, by)) in rows {
                query = query.bind(conversation.to_string()).bind(i64::from(*no)).bind(at.0).bind(by.to_string());
            }
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }
}
