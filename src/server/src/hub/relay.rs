//! From other nodes to the sockets of this one. The bus carries hints; where one is missing, the entries are read from the
//! store. While the bus carries nothing, the store is looked at every second: slower, and nothing is lost.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::extract::ws::Utf8Bytes;
use bangban_bus::{Bus, Inbox, News};
use bangban_domain::{AgentId, ContinuationId, ConversationId};
use bangban_protocol::{EventBody, Frame, Topic};
use bangban_store::{Lane, Store, StoreError};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::sleep;

use super::{Hub, Passed, Said};
use crate::app::thread_entry;

/// How often the store is looked at while the bus carries nothing, and tried again when it failed.
const LOOK: Duration = Duration::from_secs(1);

/// Entries read at once.
const PAGE: u32 = 500;

/// Heads asked for at once.
const HEADS: usize = 500;

/// Told of agents: the first console was opened, or the last one closed, on whatever node.
pub(crate) type AgentCameOrWent = Box<dyn Fn(AgentId, bool) + Send + Sync>;

/// Told that accounts or sessions of staff have changed elsewhere, or may have.
pub(crate) type AccountsChanged = Box<dyn Fn() + Send + Sync>;

/// See the module.
pub(crate) struct Relay {
    pub(crate) hub: Arc<Hub>,
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    pub(crate) agents: AgentCameOrWent,
    pub(crate) accounts: AccountsChanged,
}

/// Another node has changed an account or a session.
#[derive(Deserialize)]
struct Changed {
    #[serde(rename = "account")]
    _account: AgentId,
}

/// What has to be known of a frame to pass it on.
#[derive(Deserialize)]
struct Head {
    topic: Topic,
    #[serde(default)]
    seq: Option<u64>,
}

impl Relay {
    /// Runs until the node leaves the bus.
    pub(crate) async fn run(self, mut inbox: Inbox) {
        loop {
            let is_blind = self.bus.is_shared() && !self.bus.is_live();
            tokio::select! {
                news = inbox.next() => match news {
                    Some(news) => self.hear(news).await,
                    None => return,
                },
                topics = self.hub.those_behind() => self.catch_up(topics).await,
                () = sleep(LOOK), if is_blind => {
                    self.hub.all_are_behind();
                    (self.accounts)();
                }
            }
        }
    }

    async fn hear(&self, news: News) {
        if let Some(is_live) = news.live {
            metrics::gauge!("bangban_bus_live").set(f64::from(u8::from(is_live)));
        }
        for message in news.messages {
            self.pass_on(message).await;
        }
        for (key, is_there) in news.presence {
            if let Ok(agent) = key.parse() {
                (self.agents)(agent, is_there);
            } else if let Ok(conversation) = key.parse() {
                self.hub.citizen_came_or_went(conversation, is_there);
            }
        }
        if news.missed {
            metrics::counter!("bangban_bus_missed_total").increment(1);
            self.hub.all_are_behind();
            (self.accounts)();
        }
    }

    async fn pass_on(&self, message: Bytes) {
        let Ok(text) = Utf8Bytes::try_from(message) else {
            tracing::warn!("an event of another node is no text");
            return;
        };
        match serde_json::from_str(&text) {
            Ok(Head { topic, seq }) => {
                let passed = match self.said(topic, seq, &text) {
                    Some(said) => self.hub.pass_on(topic, seq, &said),
                    None => Passed::Hole,
                };
                if passed == Passed::Hole {
                    // It is durable, so it is read with those before it.
                    self.catch_up(BTreeSet::from([topic])).await;
                }
                match (topic, seq) {
                    (Topic::Conversation(id), None) => self.end_rights(id, &text),
                    (Topic::Continuation(id), _) => self.end_second_device(id, &text),
                    _ => {}
                }
            }
            Err(_) if serde_json::from_str::<Changed>(&text).is_ok() => (self.accounts)(),
            Err(error) => tracing::warn!(%error, "an event of another node cannot be read"),
        }
    }

    /// As it is to be heard here: what travels between nodes is not masked. It is read only where staff listen; `None`: it
    /// cannot be, and so must not be passed on to them.
    fn said(&self, topic: Topic, seq: Option<u64>, text: &Utf8Bytes) -> Option<Said> {
        if seq.is_none() || thread_of(topic).is_none() || !self.hub.has_staff(topic) {
            return Some(text.clone().into());
        }
        match serde_json::from_str(text) {
            Ok(Frame::Event { epoch, body: EventBody::Entry { entry }, .. }) => Said::entry(topic, epoch, entry),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whoever served before hears this last.
    fn end_rights(&self, id: ConversationId, text: &str) {
        if let Ok(Frame::Event { body: EventBody::Conversation { view }, .. }) = serde_json::from_str(text) {
            self.hub.only_readers(id, view.agent.map(|agent| agent.id), &view.team, view.item.as_deref());
        }
    }

    /// Its right was taken back. Should this word be lost: the store is looked at every half minute.
    fn end_second_device(&self, id: ContinuationId, text: &str) {
        if let Ok(Frame::Event { body: EventBody::Continuation { view }, .. }) = serde_json::from_str(text)
            && view.revoked_at.is_some()
        {
            self.hub.end_held(|holder| holder.second_device == Some(id));
        }
    }

    /// Reads what is missing. What could not be read is tried again.
    async fn catch_up(&self, topics: BTreeSet<Topic>) {
        let topics: Vec<Topic> = topics.into_iter().collect();
        for topics in topics.chunks(HEADS) {
            if let Err(error) = self.catch_up_with_some(topics).await {
                tracing::warn!(%error, "what another node wrote cannot be read yet");
                topics.iter().for_each(|topic| self.hub.is_behind(*topic));
                sleep(LOOK).await;
            }
        }
    }

    /// Most of them miss nothing: one question for all.
    async fn catch_up_with_some(&self, topics: &[Topic]) -> Result<(), StoreError> {
        let ids: Vec<ConversationId> = topics.iter().filter_map(|topic| Some(thread_of(*topic)?.0)).collect();
        let last = self.store.last_numbers(&ids).await?;
        for topic in topics {
            let Some((id, lane)) = thread_of(*topic) else { continue };
            self.check_rights(id).await?;
            let last = last.get(&id).map_or(0, |numbers| numbers[lane.index()]);
            if self.hub.position(*topic).is_some_and(|position| position < last) {
                self.catch_up_with(*topic, id, lane).await?;
            }
        }
        Ok(())
    }

    /// That an agent's part has ended may be among what was missed.
    async fn check_rights(&self, id: ConversationId) -> Result<(), StoreError> {
        // Whoever comes while the row is being read is not judged by it.
        let before = self.hub.staff_at(id);
        if !before.is_empty()
            && let Some(row) = self.store.conversation(id).await?
        {
            self.hub.only_readers_of(&before, id, row.agent, &row.team, row.item.as_deref());
        }
        Ok(())
    }

    async fn catch_up_with(&self, topic: Topic, id: ConversationId, lane: Lane) -> Result<(), StoreError> {
        while let Some(position) = self.hub.position(topic) {
            let rows = self.store.entries_after(id, lane, position, PAGE).await?;
            let is_last = rows.len() < PAGE as usize;
            metrics::counter!("bangban_bus_repaired_total").increment(rows.len() as u64);
            for row in rows {
                let seq = row.seq;
                let Ok(entry) = thread_entry(row) else { return Ok(()) };
                if let Some(said) = Said::entry(topic, self.hub.epoch(), entry) {
                    self.hub.pass_on(topic, Some(seq), &said);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }
}

/// `None`: its next view says all.
const fn thread_of(topic: Topic) -> Option<(ConversationId, Lane)> {
    match topic {
        Topic::Conversation(id) => Some((id, Lane::Public)),
        Topic::Notes(id) => Some((id, Lane::Notes)),
        Topic::Agent(_)
        | Topic::Board
        | Topic::BoardOf(_)
        | Topic::Alerts
        | Topic::AlertsOf(_)
        | Topic::Continuation(_)
        | Topic::Window(_)
        | Topic::Calls
        | Topic::Call(_)
        | Topic::Notices
        | Topic::Session => None,
    }
}

#[cfg(test)]
mod tests;
