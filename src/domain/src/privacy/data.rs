//! Kinds of data by how much of a person is in them, and how long each is kept (docs/privacy.md).

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
            Self::Threads | Self::People | Self::Sessions => Class::Personal,
            Self::Files | Self::Audit => Class::Sensitive,
        }
    }

    /// Nobody may set less, in days: a conversation may be continued for seven days, and logs have their law.
    #[must_use]
    pub const fn least_days(self) -> u32 {
        match self {
            Self::Threads | Self::Files | Self::People | Self::Receipts => 8,
            Self::Sessions | Self::Audit => LOGS,
        }
    }

    /// What is older than this may go.
    #[must_use]
    pub fn expires_before(self, now: Timestamp, days: u32) -> Timestamp {
        now - Millis::from(days.max(self.least_days())) * DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_record_can_shorten_what_the_law_asks_for() {
        let now = Timestamp(1_000 * DAY);
        assert_eq!(Data::Audit.expires_before(now, 30), now - 183 * DAY);
        assert_eq!(Data::Audit.expires_before(now, 365), now - 365 * DAY);
        assert_eq!(Data::Threads.expires_before(now, 0), now - 8 * DAY, "a closed conversation may be continued");
    }
}
