//! What the REST interface says of the figures of calls. What each figure is, `bangban_domain::call::figures` says.

use std::collections::BTreeMap;

use bangban_domain::{
    CallId, Timestamp,
    call::{
        CallPart, Cause, DeclineReason, RequestEnd,
        figures::{Connect, Rate, Service},
        sound::{Heard, LegSound},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::FigureNumber;

/// A numerator over its denominator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct CallRate {
    /// Numerator.
    pub hits: u64,
    /// Denominator.
    pub of: u64,
}

impl From<Rate> for CallRate {
    fn from(rate: Rate) -> Self {
        Self { hits: rate.hits, of: rate.of }
    }
}

/// How many requests were answered in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct CallRound {
    /// 1: the first attempt.
    pub round: u32,
    /// How many.
    pub count: u64,
}

/// What became of requests for a professional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ConnectNumbers {
    /// Connect rate: answered by a professional in any attempt / requested.
    pub all: CallRate,
    /// The same without callers who hung up within 10 s.
    pub without_short: CallRate,
    /// First-attempt rate.
    pub first: CallRate,
    /// Hunting depth.
    pub rounds: Vec<CallRound>,
}

impl From<&Connect> for ConnectNumbers {
    fn from(connect: &Connect) -> Self {
        Self {
            all: connect.all.into(),
            without_short: connect.without_short.into(),
            first: connect.first.into(),
            rounds: connect.rounds.iter().map(|(round, count)| CallRound { round: *round, count: *count }).collect(),
        }
    }
}

/// How the hotline answers its callers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ServiceNumbers {
    /// Answered by a person within 15 s / offered (GB/T 33358).
    pub within: CallRate,
    /// Hung up before anybody spoke with them / decided.
    pub abandoned: CallRate,
    /// Of those, within 10 s.
    pub short_abandons: u64,
    /// Time to the answer.
    pub wait: FigureNumber,
}

impl From<&Service> for ServiceNumbers {
    fn from(service: &Service) -> Self {
        Self {
            within: service.within.into(),
            abandoned: service.abandoned.into(),
            short_abandons: service.short_abandons,
            wait: (&service.wait).into(),
        }
    }
}

/// One line of connect rates that are shown apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct ConnectLine {
    /// Code of the unit or item, or the hour (0 to 23); empty: no item.
    pub key: String,
    /// What people call it, in Chinese; empty: the key says it.
    pub name: String,
    /// Its numbers.
    pub connect: ConnectNumbers,
}

/// How often a telephone or a professional answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallPartyLine {
    /// Id of the member of staff, or what stands for the telephone in a query; never its digits.
    pub key: String,
    /// Display name, or whose telephone it is; of one that is in no directory its masked digits.
    pub name: String,
    /// Is it a member of staff?
    pub is_person: bool,
    /// Answered / attempts that were up to them.
    pub answered: CallRate,
}

/// How a leg sounded, or several together: what came from it, and what it said of what it heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallSound {
    /// Packets that did not come / that were sent.
    pub loss: CallRate,
    /// Loss of the worst 5 s, per mille.
    pub worst_loss: u64,
    /// Times of 5 s in which it disturbed (more than 8 % lost) / that were measured.
    pub poor: CallRate,
    /// Packets that came when their time was over.
    pub late: u64,
    /// Frames of 20 ms that were made up, pauses of speech not announced as such included.
    pub concealed: u64,
    /// Ticks of the mixer that began 5 ms late or more.
    pub late_ticks: u64,
    /// Mean interarrival jitter in ms; null: not measured.
    pub jitter_ms: Option<u64>,
    /// The largest.
    pub worst_jitter_ms: Option<u64>,
    /// Mean time there and back in ms; null: nobody has said.
    pub round_trip_ms: Option<u64>,
    /// Mean of what the other side said was lost of what it was sent, per mille; null: it has said nothing.
    pub heard_loss: Option<u64>,
}

impl From<&LegSound> for CallSound {
    fn from(sound: &LegSound) -> Self {
        let ms = |micros: u64| (micros + 500) / 1_000;
        Self {
            loss: sound.loss().into(),
            worst_loss: sound.worst_loss,
            poor: CallRate { hits: sound.poor, of: sound.samples },
            late: sound.late,
            concealed: sound.concealed,
            late_ticks: sound.late_ticks,
            jitter_ms: sound.jitter.mean().map(ms),
            worst_jitter_ms: (sound.jitter.count > 0).then(|| ms(sound.jitter.worst)),
            round_trip_ms: sound.round_trip.mean().map(ms),
            heard_loss: sound.peer_loss.mean(),
        }
    }
}

/// How the legs of one part sounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct CallSoundLine {
    /// Whose legs.
    pub part: CallPart,
    /// Legs that were disturbed for 5 s at least / that were measured.
    pub disturbed: CallRate,
    /// All of them together.
    pub sound: CallSound,
}

impl From<(&CallPart, &Heard)> for CallSoundLine {
    fn from((part, heard): (&CallPart, &Heard)) -> Self {
        Self { part: *part, disturbed: heard.disturbed.into(), sound: (&heard.sound).into() }
    }
}

/// Figures of calls of a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallFiguresView {
    /// When it was counted.
    pub as_of: Timestamp,
    /// Begin.
    pub from: Timestamp,
    /// End; belongs to it no more.
    pub to: Timestamp,
    /// Begin of the time before, of the same length.
    pub before_from: Timestamp,
    /// The connect rate that is promised, in percent (rule 6).
    pub promised: u64,
    /// All requests that were decided in the time.
    pub total: ConnectNumbers,
    /// In the time before.
    pub before: ConnectNumbers,
    /// Shown apart.
    pub lines: Vec<ConnectLine>,
    /// By telephone and professional, those who answer least often first; at most 500.
    pub parties: Vec<CallPartyLine>,
    /// What became of the attempts.
    #[cfg_attr(test, ts(type = "Partial<Record<Cause, number>>"))]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub causes: BTreeMap<Cause, u64>,
    /// Why they were declined, of those that said so: telephones do not.
    #[cfg_attr(test, ts(type = "Partial<Record<DeclineReason, number>>"))]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub declines: BTreeMap<DeclineReason, u64>,
    /// Time from the ring to the answer.
    pub ring: FigureNumber,
    /// Some of it is the demo's: made up (`serve --demo`).
    pub has_demo: bool,
    /// Calls that began in the time; by team, not by department, and null beside an item or hour.
    pub service: Option<ServiceNumbers>,
    /// What operators spent on these calls.
    pub handling: Option<FigureNumber>,
    /// How the legs of these calls sounded, by part; null beside an item or hour.
    pub sound: Option<Vec<CallSoundLine>>,
}

/// An attempt to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CountedAttempt {
    /// Number of the leg in the call.
    pub leg: u16,
    /// As in [`CallPartyLine`].
    pub key: String,
    /// As in [`CallPartyLine`].
    pub name: String,
    /// In which round.
    pub round: u32,
    /// We began to ring.
    pub rung_at: Timestamp,
    /// It rang.
    pub ringing_at: Option<Timestamp>,
    /// It was decided.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub cause: Option<Cause>,
    /// Declined: why, if they said so.
    pub declined: Option<DeclineReason>,
    /// How the leg sounded that it became; null: it became none, or nothing of it was measured.
    pub sound: Option<CallSound>,
}

/// A request for a professional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CountedRequest {
    /// Of which call.
    #[schema(value_type = String)]
    pub call: CallId,
    /// 1, 2, ... in the call.
    pub number: u32,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was decided.
    pub ended_at: Timestamp,
    /// Code of the item.
    pub item: Option<String>,
    /// Its name.
    pub item_name: Option<String>,
    /// Code of the unit.
    pub department: String,
    /// Its name.
    pub department_name: String,
    /// Who asked; null: the direct line.
    pub by_name: Option<String>,
    /// How many could have been rung.
    pub candidates: u32,
    /// How it was decided.
    pub result: RequestEnd,
    /// Is it in the numerator?
    pub is_hit: bool,
    /// In which round it was answered.
    pub answered_round: Option<u32>,
    /// Whom it rang, in order.
    pub attempts: Vec<CountedAttempt>,
}

/// A leg that is over and was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CountedLeg {
    /// Of which call.
    #[schema(value_type = String)]
    pub call: CallId,
    /// Its number in the call.
    pub leg: u16,
    /// When the call began.
    pub began_at: Timestamp,
    /// As what they took part.
    pub part: CallPart,
    /// As in [`CallPartyLine`]; empty: the caller.
    pub key: String,
    /// As in [`CallPartyLine`]; empty: the caller, who is not named.
    pub name: String,
    /// Code of the department for which they were asked to come; null: they came without a request.
    pub department: Option<String>,
    /// Its name.
    pub department_name: Option<String>,
    /// They were in the call from then
    pub joined_at: Timestamp,
    /// to then.
    pub ended_at: Option<Timestamp>,
    /// How it sounded.
    pub sound: CallSound,
}

/// A page of the legs behind the table of sounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallLegRows {
    /// How many there are on all pages.
    pub count: u64,
    /// In the order that was asked for.
    pub rows: Vec<CountedLeg>,
    /// `after` of the next page; null: there is none.
    pub next: Option<String>,
    /// Some of them are the demo's: made up (`serve --demo`).
    pub has_demo: bool,
}

/// A page of the requests behind a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CallRequestRows {
    /// How many there are on all pages: the number itself.
    pub count: u64,
    /// In the order in which they were decided.
    pub rows: Vec<CountedRequest>,
    /// `after` of the next page; null: there is none.
    pub next: Option<String>,
    /// Some of them are the demo's: made up (`serve --demo`).
    pub has_demo: bool,
}
