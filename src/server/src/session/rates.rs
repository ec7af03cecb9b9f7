//! How often one person may ask, over all their connections; and how often "is typing" is passed on.

use std::sync::{Mutex, PoisonError};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp,
    time::{Millis, SECOND},
};
use bangban_protocol::{ErrorCode, WireError};

use super::facts::Facts;
use crate::{
    auth::Principal,
    http::Class,
    throttle::{Buckets, Rate},
};

/// A bucket of each kind for each person, so that whoever has written too much can still ask for a human, and a large
/// upload does not stop a conversation.
pub struct Rates {
    citizens: Mutex<Buckets<(CitizenId, Kind)>>,
    /// Smaller ones, of those who have not logged in.
    visitors: Mutex<Buckets<(CitizenId, Kind)>>,
    /// Seconds for one message of a visitor. Their buckets are filled by one a second too, of a time that goes slower by this
    /// factor.
    visitor_seconds: i64,
    staff: Mutex<Buckets<(AgentId, Kind)>>,
    /// What comes many times a second while somebody shows something, by the number of the person's id.
    ink: Mutex<Buckets<u128>>,
    pages: Mutex<Buckets<u128>>,
}

/// As the rules have it (`bangban_domain::window`): refused here, a flood does not even wait for them.
const INK: Rate = Rate { burst: 120, per_second: 60 };
/// Pieces of a page and places in it: a browser puts together what changes within 50 ms.
const PAGES: Rate = Rate { burst: 60, per_second: 20 };

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Commands that write.
    Message,
    /// Other commands, of which ten times as many are allowed; the same holds for the rest.
    Command,
    /// Questions that are looked up while somebody types: they leave the rest alone.
    Suggestion,
    /// Requests over HTTP.
    Api,
    /// Requests of uploads: what an upload may be is its own matter.
    Files,
}

impl Rates {
    /// All may ask.
    #[must_use]
    pub fn new(citizens: Rate, (visitor_burst, visitor_seconds): (u32, u32), staff: Rate) -> Self {
        Self {
            citizens: Mutex::new(Buckets::new(citizens)),
            visitors: Mutex::new(Buckets::new(Rate { burst: visitor_burst, per_second: 1 })),
            visitor_seconds: visitor_seconds.max(1).into(),
            staff: Mutex::new(Buckets::new(staff)),
            ink: Mutex::new(Buckets::new(INK)),
            pages: Mutex::new(Buckets::new(PAGES)),
        }
    }

    /// Counts a command.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn take(&self, who: &Principal, at: Timestamp, command: &Facts) -> Result<(), WireError> {
        let kind = match (command.writes, command.name) {
            (true, _) => Kind::Message,
            (false, "suggest") => Kind::Suggestion,
            (false, _) => Kind::Command,
        };
        let refused = || WireError::new(ErrorCode::RateLimited, "too many requests, wait a second");
        let fast = match command.name {
            "point" | "draw" | "undo_ink" | "clear_ink" => Some(&self.ink),
            "send_frames" | "see_form" | "highlight" => Some(&self.pages),
            _ => None,
        };
        if let Some(buckets) = fast {
            let who = match who {
                Principal::Citizen(citizen) => citizen.id.raw(),
                Principal::Staff(staff) => staff.id.raw(),
            };
            let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
            return if buckets.take(at, who, false) { Ok(()) } else { Err(refused()) };
        }
        self.count(who, at, kind).map_err(|_| refused())
    }

    /// Counts a request over HTTP.
    ///
    /// # Errors
    /// The time after which it would be let in.
    pub fn take_request(&self, who: &Principal, at: Timestamp, class: Class) -> Result<(), Millis> {
        let kind = if class == Class::Files { Kind::Files } else { Kind::Api };
        self.count(who, at, kind)
    }

    fn count(&self, who: &Principal, at: Timestamp, kind: Kind) -> Result<(), Millis> {
        let is_light = kind != Kind::Message;
        // A bucket is whole after every call, so a panic elsewhere has not harmed it.
        match who {
            Principal::Citizen(citizen) if citizen.anonymous => {
                let slow = Timestamp(at.0.div_euclid(self.visitor_seconds));
                let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = visitors.take_or_wait(slow, (citizen.id, kind), is_light);
                taken.map_err(|wait| wait * self.visitor_seconds)
            }
            Principal::Citizen(citizen) => {
                let mut buckets = self.citizens.lock().unwrap_or_else(PoisonError::into_inner);
                buckets.take_or_wait(at, (citizen.id, kind), is_light)
            }
            Principal::Staff(staff) => {
                let mut buckets = self.staff.lock().unwrap_or_else(PoisonError::into_inner);
                buckets.take_or_wait(at, (staff.id, kind), is_light)
            }
        }
    }
}

/// "Is typing" is passed on at most once in this span; the receiver forgets it after twice that.
const TYPING_PAUSE: Millis = 3 * SECOND;

/// What one connection has last passed on.
#[derive(Debug, Default)]
pub(super) struct Typing {
    started: Option<(ConversationId, Timestamp)>,
    is_shown: bool,
}

impl Typing {
    /// Is this to be passed on? A stop is, if a start was.
    pub(super) fn pass(&mut self, now: Timestamp, conversation: ConversationId, typing: bool) -> bool {
        let known = self.started.filter(|(other, _)| *other == conversation);
        if !typing {
            return known.is_some() && std::mem::take(&mut self.is_shown);
        }
        if self.started.is_some_and(|(_, at)| now.since(at) < TYPING_PAUSE) {
            return false;
        }
        self.started = Some((conversation, now));
        self.is_shown = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::words::CitizenKind;

    use super::*;

    const A: ConversationId = ConversationId::new(1);
    const B: ConversationId = ConversationId::new(2);

    #[test]
    fn a_visitor_has_a_smaller_burst_and_one_message_in_three_seconds() {
        let rate = |burst| Rate { burst, per_second: 1 };
        let rates = Rates::new(rate(20), (8, 3), rate(100));
        let who = |anonymous| {
            Principal::Citizen(crate::auth::Citizen {
                id: CitizenId::new(1),
                name: String::new(),
                kind: CitizenKind::Person,
                level: String::new(),
                phone: None,
                credit_code: None,
                language: None,
                anonymous,
                continuation: None,
                expires_at: Timestamp(i64::MAX),
            })
        };
        let begin = 1_800_000_000_000;
        let passed =
            |anonymous, later: i64| rates.count(&who(anonymous), Timestamp(begin + later), Kind::Message).is_ok();
        assert_eq!((0..30).filter(|_| passed(true, 0)).count(), 8);
        assert_eq!((0..30).filter(|_| passed(false, 0)).count(), 20, "the same number, logged in");
        for (later, expected) in [(2_999, false), (3_000, true), (3_000, false), (6_000, true)] {
            assert_eq!(passed(true, later), expected, "{later} ms later");
        }
        assert!(passed(false, 1_000));
    }

    #[test]
    fn typing_is_passed_on_once_in_three_seconds_and_its_end_once() {
        let mut gate = Typing::default();
        for (at, conversation, typing, expected) in [
            (0, A, false, false),
            (0, A, true, true),
            (0, A, true, false),
            (2_999, A, true, false),
            (2_999, B, true, false),
            (3_000, A, true, true),
            (3_500, B, false, false),
            (3_500, A, false, true),
            (3_600, A, false, false),
            (3_700, A, true, false),
            (3_800, A, false, false),
            (6_000, B, true, true),
        ] {
            assert_eq!(gate.pass(Timestamp(at), conversation, typing), expected, "{at} {conversation} {typing}");
        }
    }
}
