//! Who is in a call, who is being rung, and who hears whom. What is heard follows from where everybody is and whom their
//! voice is for, and from nothing else.

use std::collections::BTreeMap;

use super::{
    io::{Ear, LegId, Party},
    rows::{AttemptRow, LegRow},
    vocabulary::{CallPart, Sound, Supervision},
};
use crate::Timestamp;

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// With the caller.
    Bridge,
    /// With the operator, where the caller does not hear them. The caller is never here.
    Aside,
    /// With nobody.
    Hold,
}

/// Whom somebody's voice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// All who are where they are.
    Open,
    /// Nobody.
    Muted,
    /// One colleague.
    To(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Here,
    /// The page has gone, perhaps only reloading; the leg is kept until then.
    Away {
        until: Timestamp,
    },
}

/// Somebody who is in the call.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    pub(super) row: LegRow,
    pub(super) link: Link,
    pub(super) place: Place,
    pub(super) voice: Voice,
    /// Their own telephone holds us: it would only play its music to the others.
    pub(super) is_held_by_peer: bool,
}

impl Leg {
    pub(super) const fn new(row: LegRow) -> Self {
        Self { row, link: Link::Here, place: Place::Bridge, voice: Voice::Open, is_held_by_peer: false }
    }

    pub(super) const fn part(&self) -> CallPart {
        self.row.part
    }

    const fn has_sound(&self) -> bool {
        matches!(self.link, Link::Here) && !self.is_held_by_peer
    }

    /// The third and the fourth party.
    pub(super) const fn is_third(&self) -> bool {
        matches!(self.row.part, CallPart::Professional | CallPart::Guest)
    }
}

/// What somebody is rung for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// The citizen of a call that was placed.
    Caller,
    /// To lead the call: found by the router, or rung back.
    Operator { is_asked: bool },
    /// To take part again, perhaps in place of the others.
    Return { takes_back: bool },
    /// A candidate of the request.
    Candidate,
    /// A supervisor.
    Supervisor(Supervision),
}

/// Somebody who is being rung.
#[derive(Debug, Clone)]
pub(super) struct Ringing {
    pub(super) attempt: AttemptRow,
    pub(super) errand: Errand,
    pub(super) until: Timestamp,
    /// Until then something has to be heard of the other side.
    pub(super) silent_until: Option<Timestamp>,
}

impl Ringing {
    pub(super) fn next_deadline(&self) -> Timestamp {
        self.silent_until.map_or(self.until, |silent| silent.min(self.until))
    }
}

pub(super) type Legs = BTreeMap<u16, Leg>;

/// What the mix depends on beside the legs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// What a caller who hears nobody hears.
    pub(super) caller: Sound,
    /// What an operator who hears nobody hears.
    pub(super) operator: Sound,
    #[cfg(test)]
    pub(super) fault: Option<super::Fault>,
}

/// Supervisors are where the operator is, so that they hear what the operator hears.
fn place(leg: &Leg, legs: &Legs) -> Place {
    if leg.part() != CallPart::Supervisor {
        return leg.place;
    }
    let operator = legs.values().find(|one| one.part() == CallPart::Operator);
    operator.map_or(Place::Bridge, |operator| operator.place)
}

fn hears(no: u16, listener: &Leg, speaker: &Leg, legs: &Legs) -> bool {
    let at = place(listener, legs);
    match speaker.voice {
        Voice::Open => at == place(speaker, legs) && at != Place::Hold,
        Voice::Muted => false,
        Voice::To(one) => one == no,
    }
}

/// Who hears whom.
pub(super) fn mix(legs: &Legs, scene: Scene) -> Vec<Ear> {
    let ear = |(no, listener): (&u16, &Leg)| {
        let others = legs.iter().filter(|(other, speaker)| *other != no && speaker.has_sound());
        let is_heard = |speaker: &Leg| hears(*no, listener, speaker, legs);
        #[cfg(test)]
        let is_heard = |speaker: &Leg| is_heard(speaker) || is_heard_wrongly(listener, speaker, scene.fault);
        let heard: Vec<LegId> = others.filter(|(_, one)| is_heard(one)).map(|(_, one)| one.row.leg).collect();
        let sound = match (heard.is_empty(), listener.part()) {
            (false, _) => Sound::Silence,
            (true, _) if listener.part() != CallPart::Supervisor && listener.place == Place::Hold => Sound::Music,
            // Somebody is there and merely says nothing, or may not.
            (true, _) if has_company(*no, listener, legs) => Sound::Silence,
            (true, CallPart::Caller) => scene.caller,
            (true, CallPart::Operator) => scene.operator,
            (true, CallPart::Professional | CallPart::Guest | CallPart::Supervisor) => Sound::Silence,
        };
        Ear { leg: listener.row.leg, hears: heard, sound }
    };
    legs.iter().filter(|(_, leg)| leg.has_sound()).map(ear).collect()
}

/// Is somebody of the conversation where they are, with sound? An operator who only listens to a direct line is not.
fn has_company(no: u16, listener: &Leg, legs: &Legs) -> bool {
    legs.iter().any(|(other, leg)| {
        let is_mute_operator = leg.part() == CallPart::Operator && leg.voice == Voice::Muted;
        let is_company = leg.part() != CallPart::Supervisor && !is_mute_operator && leg.has_sound();
        *other != no && is_company && leg.place == listener.place
    })
}

#[cfg(test)]
fn is_heard_wrongly(listener: &Leg, speaker: &Leg, fault: Option<super::Fault>) -> bool {
    let is_caller = listener.part() == CallPart::Caller;
    match fault {
        Some(super::Fault::LeakyConsult) => is_caller && speaker.place == Place::Aside,
        Some(super::Fault::LoudWhisper) => is_caller && matches!(speaker.voice, Voice::To(_)),
        Some(_) | None => false,
    }
}

/// The voice of a supervisor beside this operator.
pub(super) const fn voice_of(mode: Supervision, operator: Option<u16>) -> Voice {
    match (mode, operator) {
        (Supervision::Barge, _) => Voice::Open,
        (Supervision::Whisper, Some(operator)) => Voice::To(operator),
        (Supervision::Whisper, None) | (Supervision::Listen, _) => Voice::Muted,
    }
}

/// Somebody in a call, as others may know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Which leg.
    pub leg: LegId,
    /// As what.
    pub part: CallPart,
    /// Who; `None`: the caller.
    pub party: Option<Party>,
    /// Where.
    pub place: Place,
    /// The page is reloading.
    pub is_away: bool,
    /// Nobody hears them.
    pub is_muted: bool,
    /// Only this one hears them.
    pub whispers_to: Option<LegId>,
}

impl Present {
    pub(super) fn new(leg: &Leg, legs: &Legs) -> Self {
        let whispers_to = match leg.voice {
            Voice::To(no) => Some(LegId { call: leg.row.leg.call, no }),
            Voice::Open | Voice::Muted => None,
        };
        Self {
            leg: leg.row.leg,
            part: leg.part(),
            party: leg.row.party.clone(),
            place: place(leg, legs),
            is_away: leg.link != Link::Here,
            is_muted: leg.voice == Voice::Muted,
            whispers_to,
        }
    }
}
