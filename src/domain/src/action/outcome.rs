//! What follows from what was learned of an action that was confirmed. It is never done twice: its key goes with every
//! request, an office carries a key out at most once, and none that is older than [`SEND_WITHIN`].

use super::{ActionFailure, ActionState, Appointment};
use crate::{
    Timestamp,
    time::{DAY, MINUTE, Millis, SECOND},
};

/// So long after the confirmation an office may still begin with it.
pub const SEND_WITHIN: Millis = 10 * MINUTE;

/// So much longer nobody believes that it will not, because clocks differ. Then "never heard of it" is final.
const CLOCKS: Millis = 2 * MINUTE;

/// After so long nobody looks any more.
pub const UNCLEAR_AFTER: Millis = DAY;

/// Pauses before it is looked up again; the last one repeats.
const PAUSES: [Millis; 6] = [2 * SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE];

/// What an office said of it, or did not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learned {
    /// It is done; the appointment as it is now, or was.
    Done(Appointment),
    /// It is not done and will not be.
    Failed(ActionFailure),
    /// It is under way.
    Running,
    /// The office has never heard of the key.
    NeverHeard,
    /// No answer, or none that keeps the contract: it may have been done.
    NoReply,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Over.
    Done(Appointment),
    /// Over.
    Failed(ActionFailure),
    /// Once more, under the same key.
    Send,
    /// Later.
    LookUp {
        /// When.
        at: Timestamp,
        /// The citizen is told that nobody knows yet.
        tells: bool,
    },
}

/// `looks`: how often it was looked up so far.
#[must_use]
pub fn after(state: ActionState, looks: u32, confirmed_at: Timestamp, now: Timestamp, learned: Learned) -> Then {
    let age = now.since(confirmed_at);
    match learned {
        Learned::Done(appointment) => Then::Done(appointment),
        Learned::Failed(why) => Then::Failed(why),
        Learned::NeverHeard if age < SEND_WITHIN => Then::Send,
        Learned::NeverHeard if age >= SEND_WITHIN + CLOCKS => Then::Failed(ActionFailure::NotDone),
        Learned::Running | Learned::NoReply if age >= UNCLEAR_AFTER => Then::Failed(ActionFailure::Unclear),
        Learned::Running | Learned::NoReply | Learned::NeverHeard => {
            let place = usize::try_from(looks).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
            Then::LookUp { at: now + PAUSES[place], tells: state == ActionState::Acting }
        }
    }
}
