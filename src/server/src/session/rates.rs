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
    throttle::{Buckets, Rate},
};

/// Two buckets for each person, smaller ones for visitors who have not logged in: one for commands that write, one for the others, of which ten times as many are allowed.
/// So whoever has written too much can still ask for a human.
pub struct Rates {
    citizens: Mutex<Buckets<(CitizenId, IsLight)>>,
    visitors: Mutex<Buckets<(CitizenId, IsLight)>>,
    /// Seconds for one message of a visitor. Their buckets are filled by one a second too, of a time that goes slower by this
    /// factor.
    visitor_seconds: i64,
    staff: Mutex<Buckets<(AgentId, IsLight)>>,
}

type IsLight = bool;

impl Rates {
    /// All may ask.
    #[must_use]
    pub fn new(citizens: Rate, (visitor_burst, visitor_seconds): (u32, u32), staff: Rate) -> Self {
        Self {
            citizens: Mutex::new(Buckets::new(citizens)),
            visitors: Mutex::new(Buckets::new(Rate { burst: visitor_burst, per_second: 1 })),
            visitor_seconds: visitor_seconds.max(1).into(),
            staff: Mutex::new(Buckets::new(staff)),
        }
    }

    /// Counts a command.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn take(&self, who: &Principal, at: Timestamp, command: &Facts) -> Result<(), WireError> {
        self.count(who, at, !command.writes)
    }

    /// Counts a request over HTTP, like a command that writes nothing: what an upload may be is its own matter.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take_request(&self, who: &Principal, at: Timestamp) -> Result<(), WireError> {
        self.count(who, at, true)
    }

    fn count(&self, who: &Principal, at: Timestamp, is_light: bool) -> Result<(), WireError> {
        // A bucket is whole after every call, so a panic elsewhere has not harmed it.
        let may = match who {
            Principal::Citizen(citizen) if citizen.anonymous => {
                let slow = Timestamp(at.0.div_euclid(self.visitor_seconds));
                let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
                visitors.take(slow, (citizen.id, is_light), is_light)
            }
            Principal::Citizen(citizen) => {
                self.citizens.lock().unwrap_or_else(PoisonError::into_inner).take(at, (citizen.id, is_light), is_light)
            }
            Principal::Staff(staff) => {
                self.staff.lock().unwrap_or_else(PoisonError::into_inner).take(at, (staff.id, is_light), is_light)
            }
        };
        if may { Ok(()) } else { Err(WireError::new(ErrorCode::RateLimited, "too many requests, wait a second")) }
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
        let passed = |anonymous, later: i64| rates.count(&who(anonymous), Timestamp(begin + later), false).is_ok();
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
