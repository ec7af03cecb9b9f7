//! What has come and waits for the node. Bounded: messages beyond the limit are dropped and told as missed; of presence
//! only the last word counts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::Notify;

/// Messages that may wait for the node.
const LIMIT: usize = 8192;

/// What has come since the last time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Messages of other nodes; those of one node in its order.
    pub messages: Vec<Bytes>,
    /// Before, between or after these messages others may be missing: read the database.
    pub missed: bool,
    /// Keys that the first node has now, or that the last node has no more.
    pub presence: BTreeMap<String, bool>,
    /// The link began to carry, or ceased to.
    pub live: Option<bool>,
}

/// What waits.
#[derive(Default)]
pub(crate) struct Shelf {
    news: Mutex<News>,
    has_ended: AtomicBool,
    wake: Notify,
}

impl Shelf {
    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news());
        self.wake.notify_one();
    }

    pub(crate) fn deliver(&self, message: Bytes) {
        self.put(|news| {
            if news.messages.len() < LIMIT {
                news.messages.push(message);
            } else {
                news.missed = true;
            }
        });
    }

    pub(crate) fn missed(&self) {
        self.put(|news| news.missed = true);
    }

    pub(crate) fn presence(&self, key: String, is_present: bool) {
        self.put(|news| {
            news.presence.insert(key, is_present);
        });
    }

    /// Nothing comes any more.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    pub(crate) fn live(&self, is_live: bool) {
        self.put(|news| news.live = Some(is_live));
    }
}

/// The node's receiving end.
pub struct Inbox {
    shelf: Arc<Shelf>,
}

impl Inbox {
    pub(crate) const fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf }
    }

    /// All that has come, as soon as there is any; `None` when the node has left the bus. May be dropped and called again;
    /// nothing gets lost.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            {
                let mut news = self.shelf.news();
                if *news != News::default() {
                    return Some(std::mem::take(&mut *news));
                }
            }
            if self.shelf.has_ended.load(Ordering::SeqCst) {
                return None;
            }
            self.shelf.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_than_there_is_room_for_is_told_as_missed_and_the_last_word_on_a_key_counts() {
        let shelf = Arc::new(Shelf::default());
        let mut inbox = Inbox::new(Arc::clone(&shelf));
        for _ in 0..LIMIT {
            shelf.deliver(Bytes::from_static(b"x"));
        }
        shelf.presence("a".to_owned(), true);
        shelf.presence("a".to_owned(), false);
        let news = inbox.next().await.unwrap();
        assert_eq!((news.messages.len(), news.missed), (LIMIT, false));
        assert_eq!(news.presence, BTreeMap::from([("a".to_owned(), false)]));
        for _ in 0..=LIMIT {
            shelf.deliver(Bytes::from_static(b"y"));
        }
        shelf.live(false);
        shelf.end();
        let news = inbox.next().await.unwrap();
        assert_eq!((news.messages.len(), news.missed, news.live), (LIMIT, true, Some(false)));
        assert_eq!(inbox.next().await, None);
    }
}
