//! A call of the hotline, from the INVITE to its conversation: who calls becomes a citizen whom nobody has named, known by
//! their number and by nothing else, and the desk opens a conversation of channel `call` for them.

use aws_lc_rs::hmac;
use bangban_domain::{
    CitizenId, ConversationId, Timestamp,
    call::Number,
    citizen::VISITOR_NAME,
    time::HOUR,
    words::{Channel, CitizenKind},
};
use bangban_protocol::{Answer, WireError};
use bangban_telephony::{InviteId, Refusal};
use tokio::sync::mpsc;

use super::{Envelope, World};
use crate::{
    auth::Citizen,
    desk::{Actor, Desk, Order, new_id},
};

/// Makes a citizen of a telephone number: the same for the same number, and nobody finds the number from the id without
/// the key.
#[derive(Clone)]
pub struct Callers(hmac::Key);

impl Callers {
    /// With the server's secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"bangban:callers");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// Whoever calls with this number; without one, somebody new.
    #[must_use]
    pub fn citizen(&self, number: Option<&Number>, kind: CitizenKind, now: Timestamp) -> Citizen {
        let id = number.map_or_else(new_id, |number| {
            let tag = hmac::sign(&self.0, number.as_str().trim_start_matches('+').as_bytes());
            tag.as_ref().iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte))
        });
        Citizen {
            id: CitizenId::new(id),
            name: VISITOR_NAME.to_owned(),
            kind,
            level: String::new(),
            phone: number.map(|number| number.as_str().to_owned()),
            credit_code: None,
            language: None,
            anonymous: true,
            continuation: None,
            expires_at: now + HOUR,
        }
    }
}

/// A number with its middle hidden, as staff see it.
pub(super) fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let (head, tail) = if digits.len() >= 11 { (3, 4) } else { (0, digits.len().min(4).min(digits.len() / 2)) };
    let mut shown = String::new();
    for (at, digit) in digits.iter().enumerate() {
        let is_shown = at < head || at >= digits.len() - tail;
        shown.push(if is_shown { *digit } else { '*' });
    }
    shown
}

/// What the desk made of it.
pub(super) struct Arrival {
    pub(super) invite: InviteId,
    pub(super) citizen: Citizen,
    pub(super) ticket: Option<String>,
    /// The line for enterprises was called.
    pub(super) is_first: bool,
    /// The conversation, and whether somebody serves at this hour; else why not.
    pub(super) opened: Result<(ConversationId, bool), Refusal>,
}

/// What was said of a call that rings.
pub(super) struct Invitation {
    pub(super) invite: InviteId,
    pub(super) caller: Option<Number>,
    pub(super) ticket: Option<String>,
    pub(super) is_first: bool,
}

/// Asks the desk, and puts what it made of it into the calls' own mailbox.
pub(super) fn receive(world: &World, invitation: Invitation, to: mpsc::Sender<Envelope>, retry_after: u32) {
    let now = world.clock.now();
    let Invitation { invite, caller, ticket, is_first } = invitation;
    // First priority is the enterprises' (rule 5), and the queue goes by who asks.
    let kind = if is_first { CitizenKind::Enterprise } else { CitizenKind::Person };
    let (desk, citizen) = (world.desk.clone(), world.callers.citizen(caller.as_ref(), kind, now));
    tokio::spawn(async move {
        let opened = open(&desk, &citizen, now).await;
        let opened = opened.map_err(|error| {
            tracing::warn!(code = ?error.code, detail = %error.detail, "a call of the hotline has no conversation");
            Refusal::Full { retry_after }
        });
        let arrival = Arrival { invite, citizen, ticket, is_first, opened };
        // The owner outlives every sender but when the server stops.
        drop(to.send(Envelope::Hotline(arrival)).await);
    });
}

async fn open(desk: &Desk, citizen: &Citizen, at: Timestamp) -> Result<(ConversationId, bool), WireError> {
    let actor = Actor::Citizen(citizen.clone());
    let order = Order::Open { item: None, district: None, channel: Channel::Call, visit: None };
    let Answer::Opened { conversation } = desk.give(actor.clone(), at, order).await? else {
        return Err(super::busy());
    };
    match desk.give(actor, at, Order::RequestHuman(conversation)).await? {
        Answer::Queued { .. } => Ok((conversation, true)),
        // Out of hours, or kept from asking for a while: they are told so by a voice.
        _ => Ok((conversation, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_the_same_citizen_and_another_key_another_one() {
        let (ours, other) = (Callers::new("a secret"), Callers::new("another secret"));
        let number = Number::parse("138 0013 8000");
        let id =
            |callers: &Callers, number: Option<&Number>| callers.citizen(number, CitizenKind::Person, Timestamp(0)).id;
        assert_eq!(id(&ours, number.as_ref()), id(&ours, Number::parse("+13800138000").as_ref()));
        assert_ne!(id(&ours, number.as_ref()), id(&other, number.as_ref()));
        assert_ne!(id(&ours, None), id(&ours, None), "who hides their number is somebody new");
    }

    #[test]
    fn the_middle_of_a_number_is_hidden() {
        for (number, shown) in
            [("13800138000", "138****8000"), ("+86-138-0013-8000", "861******8000"), ("54321", "***21"), ("", "")]
        {
            assert_eq!(masked(number), shown, "{number}");
        }
    }
}
