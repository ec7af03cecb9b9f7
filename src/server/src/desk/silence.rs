//! When somebody wrote last in the conversations that are served. Messages do not pass through the desk: the store's
//! publisher notes them here, and only the end of an idle time is news to the desk.

use bangban_domain::{ConversationId, Timestamp};
use dashmap::DashMap;

#[derive(Debug, Clone, Copy)]
struct Spoken {
    at: Timestamp,
    /// The router counts it as idle: the next message has to be told.
    is_idle: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Silence {
    served: DashMap<ConversationId, Spoken>,
}

impl Silence {
    /// It is served from now on; `at`: when somebody wrote last.
    pub(super) fn begin(&self, id: ConversationId, at: Timestamp) {
        self.served.insert(id, Spoken { at, is_idle: false });
    }

    /// It is served no more.
    pub(super) fn end(&self, id: ConversationId) {
        self.served.remove(&id);
    }

    /// Nothing is served.
    pub(super) fn clear(&self) {
        self.served.clear();
    }

    /// Somebody wrote. Does that end an idle time?
    pub(super) fn spoke(&self, id: ConversationId, at: Timestamp) -> bool {
        self.served.get_mut(&id).is_some_and(|mut spoken| {
            spoken.at = spoken.at.max(at);
            std::mem::replace(&mut spoken.is_idle, false)
        })
    }

    /// When somebody wrote last, if it is served. If that was at `idle_since` or before, the next message is news.
    pub(super) fn last(&self, id: ConversationId, idle_since: Timestamp) -> Option<Timestamp> {
        let mut spoken = self.served.get_mut(&id)?;
        spoken.is_idle = spoken.at <= idle_since;
        Some(spoken.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_message_after_an_idle_time_is_news_and_none_is_missed() {
        let silence = Silence::default();
        let id = ConversationId::new(1);
        assert!(!silence.spoke(id, Timestamp(5)), "not served");
        silence.begin(id, Timestamp(10));
        assert!(!silence.spoke(id, Timestamp(20)));
        assert_eq!(silence.last(id, Timestamp(19)), Some(Timestamp(20)));
        assert!(!silence.spoke(id, Timestamp(30)), "it was not idle");
        assert_eq!(silence.last(id, Timestamp(30)), Some(Timestamp(30)));
        assert!(silence.spoke(id, Timestamp(40)));
        assert!(!silence.spoke(id, Timestamp(50)), "once");
        silence.end(id);
        assert_eq!(silence.last(id, Timestamp(99)), None);
    }
}
