//! Kinds of data by how much of a person is in them, and how long each is kept (docs/privacy.md).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Timestamp,
    time::{DAY, Millis},
    words::words,
};

words! {
    /// The three storage classes.
    Class {
        /// Nothing of a person in it: numbers, times, codes.
        Ordinary = "ordinary",
        /// Tells something of a person: what was said, how to reach them.
        Personal = "personal",
        /// May hold documents of identity, or tells who looked at what is masked: every look is logged.
        Sensitive = "sensitive",
    }
}

words! {
    /// What has a retention time; the id of its record of kind `retention`.
    Data {
        /// Threads, notes and drafts, words of ratings, call-back telephones; of conversations that are closed.
        Threads = "threads",
        /// Files, pictures and voice messages.
        Files = "files",
        /// Names and telephones of those who asked.
        People = "people",
        /// Receipts that are settled.
        Receipts = "receipts",
        /// What was told: reminders, notices, messages to people and systems.
        Messages = "messages",
        /// Ended sessions of staff.
        Sessions = "sessions",
        /// Lines of the audit log.
        Audit = "audit",
    }
}

/// Logs are kept at least six months (网络安全法 article 21).
const LOGS: u32 = 183;

impl Data {
    /// Which class it is stored and shown in.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Receipts => Class::Ordinary,
            Self::Threads | Self::People | Self::Messages | Self::Sessions => Class::Personal,
            Self::Files | Self::Audit => Class::Sensitive,
        }
    }

    /// Nobody may set less, in days: a conversation may be continued for seven days, and logs have their law.
    #[must_use]
    pub const fn least_days(self) -> u32 {
        match self {
            Self::Threads | Self::Files | Self::People | Self::Receipts | Self::Messages => 8,
            Self::Sessions | Self::Audit => LOGS,
        }
    }
}

/// How long each kind of data is kept at this moment, and what must stay whatever its age.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    days: BTreeMap<Data, u32>,
    /// Ids of citizens and conversations under legal hold.
    held: BTreeSet<String>,
}

impl Rules {
    /// Of the times that are set and of the holds as they stand at `now`: subjects, and until when.
    #[must_use]
    pub fn new(
        days: impl IntoIterator<Item = (Data, u32)>,
        holds: impl IntoIterator<Item = (String, Option<Timestamp>)>,
        now: Timestamp,
    ) -> Self {
        let holds = holds.into_iter().filter(|(_, until)| until.is_none_or(|until| until > now));
        Self { days: days.into_iter().collect(), held: holds.map(|(subject, _)| subject).collect() }
    }

    /// Days that a kind is kept; without a time it is kept for ever.
    #[must_use]
    pub fn days(&self, data: Data) -> Option<u32> {
        self.days.get(&data).map(|days| (*days).max(data.least_days()))
    }

    /// What is older may go.
    #[must_use]
    pub fn expires_before(&self, data: Data, now: Timestamp) -> Option<Timestamp> {
        self.days(data).map(|days| now - Millis::from(days) * DAY)
    }

    /// Must something of this citizen and conversation stay?
    #[must_use]
    pub fn is_held(&self, citizen: Option<&str>, conversation: Option<&str>) -> bool {
        [citizen, conversation].into_iter().flatten().any(|id| self.held.contains(id))
    }

    /// What must stay.
    pub fn held(&self) -> impl Iterator<Item = &str> {
        self.held.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_record_can_shorten_what_the_law_asks_for() {
        let now = Timestamp(1_000 * DAY);
        let before = |data, days| Rules::new([(data, days)], [], now).expires_before(data, now);
        assert_eq!(before(Data::Audit, 30), Some(now - 183 * DAY));
        assert_eq!(before(Data::Audit, 365), Some(now - 365 * DAY));
        assert_eq!(before(Data::Threads, 0), Some(now - 8 * DAY), "a closed conversation may be continued");
        assert_eq!(Rules::default().expires_before(Data::Files, now), None, "without a time nothing goes");
    }

    #[test]
    fn a_hold_is_of_a_citizen_or_a_conversation_and_may_end() {
        let now = Timestamp(1_000);
        let hold = |id: &str, until: Option<i64>| (id.to_owned(), until.map(Timestamp));
        let rules = Rules::new([], [hold("ct_1", None), hold("cv_1", Some(1_001)), hold("cv_2", Some(1_000))], now);
        for (citizen, conversation, held) in [
            (Some("ct_1"), Some("cv_9"), true),
            (Some("ct_9"), Some("cv_1"), true),
            (None, Some("cv_2"), false),
            (Some("ct_9"), None, false),
            (None, None, false),
        ] {
            assert_eq!(rules.is_held(citizen, conversation), held, "{citizen:?} {conversation:?}");
        }
        assert_eq!(rules.held().collect::<Vec<_>>(), ["ct_1", "cv_1"]);
    }
}
