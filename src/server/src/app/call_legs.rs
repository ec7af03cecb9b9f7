//! The legs of the calls of a time: for a file, and as a list in which who sounded worst stands first (docs/figures.md "Calls").

use std::{cmp::Reverse, collections::BTreeMap, fmt, str::FromStr};

use bangban_domain::{
    CallId, Timestamp,
    call::{
        CallPart, LegId, LegRow,
        sound::{Badness, LegOrder, LegSound},
    },
};
use bangban_protocol::{CallLegRows, CountedLeg, WireError};
use bangban_store::CallPlace;

use super::{
    App,
    call_figures::{CallSelection, PAGE, PartyNames, key_of},
    store_error,
};
use crate::organisation::is_demo_call;

/// A leg of a call, for a file.
pub(crate) struct FiledLeg {
    pub(crate) row: LegRow,
    /// When its call began.
    pub(crate) began_at: Timestamp,
    /// Who it was; empty: the caller, who is not told.
    pub(crate) name: String,
    /// Code of the department for which they were asked to come, and what it is called.
    pub(crate) department: Option<(String, String)>,
    /// How it sounded; `None`: nothing was measured.
    pub(crate) sound: Option<LegSound>,
}

/// A place in a list of legs; as text, what `next` says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LegPlace {
    /// The same for all where the latest stands first.
    badness: Reverse<Badness>,
    began_at: Reverse<Timestamp>,
    leg: LegId,
}

impl LegPlace {
    fn of(order: LegOrder, leg: &FiledLeg, sound: &LegSound) -> Self {
        let badness = match order {
            LegOrder::Worst => sound.badness(),
            LegOrder::Latest => Badness::default(),
        };
        Self { badness: Reverse(badness), began_at: Reverse(leg.began_at), leg: leg.row.leg }
    }
}

impl fmt::Display for LegPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Badness { poor, worst_loss, loss, peer_loss } = self.badness.0;
        let (at, LegId { call, no }) = (self.began_at.0.0, self.leg);
        write!(f, "{poor}.{worst_loss}.{loss}.{peer_loss}.{at}.{call}.{no}")
    }
}

/// It is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoPlace;

impl FromStr for LegPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let parts: Vec<&str> = text.split('.').collect();
        let &[poor, worst_loss, loss, peer_loss, at, call, no] = parts.as_slice() else { return Err(NoPlace) };
        let number = |text: &str| text.parse::<u64>().map_err(|_| NoPlace);
        let badness = Badness {
            poor: number(poor)?,
            worst_loss: number(worst_loss)?,
            loss: number(loss)?,
            peer_loss: number(peer_loss)?,
        };
        let call: CallId = call.parse().map_err(|_| NoPlace)?;
        Ok(Self {
            badness: Reverse(badness),
            began_at: Reverse(Timestamp(at.parse().map_err(|_| NoPlace)?)),
            leg: LegId { call, no: no.parse().map_err(|_| NoPlace)? },
        })
    }
}

/// Which legs somebody wants to see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LegFilter {
    /// Only these.
    pub(crate) part: Option<CallPart>,
    /// Only those that were disturbed for 5 s at least.
    pub(crate) is_poor: bool,
}

impl LegFilter {
    /// Is the leg wanted, of the selection's party if it names one?
    pub(crate) fn is_meant(self, selection: &CallSelection, leg: &FiledLeg) -> bool {
        let is_theirs = |key: &String| leg.row.party.as_ref().is_some_and(|party| key_of(party) == *key);
        self.part.is_none_or(|part| part == leg.row.part)
            && (!self.is_poor || leg.sound.is_some_and(|sound| sound.poor > 0))
            && selection.filter.party.as_ref().is_none_or(is_theirs)
    }
}

/// A page of a list of legs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LegList {
    pub(crate) filter: LegFilter,
    pub(crate) order: LegOrder,
    /// After this one.
    pub(crate) after: Option<LegPlace>,
    /// At most so many.
    pub(crate) limit: usize,
}

impl App {
    /// The legs of the next calls that began in the time, and where the next page begins.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(crate) async fn call_legs(
        &self,
        selection: &CallSelection,
        after: &CallPlace,
    ) -> Result<(Vec<FiledLeg>, Option<CallPlace>), WireError> {
        let archive = self.store.archive();
        let rows = archive.calls_begun(after, selection.to, PAGE).await.map_err(store_error)?;
        let Some(until) = rows.last().map(|(row, _)| CallPlace::of(row)) else { return Ok((Vec::new(), None)) };
        let is_last = rows.len() < PAGE as usize;
        let meant = rows.iter().filter(|(row, team)| selection.is_calls(team, row.item.as_deref()));
        let began: BTreeMap<CallId, Timestamp> = meant.map(|(row, _)| (row.call, row.began_at)).collect();
        let legs = archive.legs_of_calls(after, &until).await.map_err(store_error)?;
        let names = PartyNames::of(self);
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        let named = |code: String| {
            let name = directory.unit(&code).map(|unit| unit.name.clone()).unwrap_or_default();
            (code, name)
        };
        let mut legs: Vec<FiledLeg> = legs
            .into_iter()
            .filter_map(|one| {
                let began_at = *began.get(&one.row.leg.call)?;
                let name = one.row.party.as_ref().map(|party| names.name(party)).unwrap_or_default();
                let department = one.department.map(named);
                Some(FiledLeg { row: one.row, began_at, name, department, sound: one.sound })
            })
            .collect();
        legs.sort_by_key(|leg| (leg.began_at, leg.row.leg));
        Ok((legs, (!is_last).then_some(until)))
    }

    /// A page of the measured legs that are wanted, and how many there are on all pages. All are read, and as many are kept as are
    /// shown.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(crate) async fn call_leg_rows(
        &self,
        selection: &CallSelection,
        wanted: &LegList,
    ) -> Result<CallLegRows, WireError> {
        let mut count = 0;
        let mut kept: BTreeMap<LegPlace, (FiledLeg, LegSound)> = BTreeMap::new();
        let mut next = Some(CallPlace::before(selection.from));
        while let Some(place) = next.take() {
            let (legs, following) = self.call_legs(selection, &place).await?;
            for leg in legs {
                let Some(sound) = leg.sound.filter(|sound| sound.samples > 0) else { continue };
                if !wanted.filter.is_meant(selection, &leg) {
                    continue;
                }
                count += 1;
                let at = LegPlace::of(wanted.order, &leg, &sound);
                if wanted.after.is_none_or(|after| at > after) {
                    kept.insert(at, (leg, sound));
                    // One more than are shown says that there is another page.
                    if kept.len() > wanted.limit + 1 {
                        kept.pop_last();
                    }
                }
            }
            next = following;
        }
        let has_more = kept.len() > wanted.limit;
        if has_more {
            kept.pop_last();
        }
        let next = kept.last_key_value().filter(|_| has_more).map(|(place, _)| place.to_string());
        let has_demo = kept.values().any(|(leg, _)| is_demo_call(leg.row.leg.call));
        let rows = kept.into_values().map(|(leg, sound)| shown(leg, &sound)).collect();
        Ok(CallLegRows { count, rows, next, has_demo })
    }
}

fn shown(leg: FiledLeg, sound: &LegSound) -> CountedLeg {
    let (department, department_name) = leg.department.unzip();
    CountedLeg {
        call: leg.row.leg.call,
        leg: leg.row.leg.no,
        began_at: leg.began_at,
        part: leg.row.part,
        key: leg.row.party.as_ref().map(key_of).unwrap_or_default(),
        name: leg.name,
        department,
        department_name,
        joined_at: leg.row.joined_at,
        ended_at: leg.row.ended_at,
        sound: sound.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(poor: u64, began_at: i64, no: u16) -> LegPlace {
        let badness = Badness { poor, worst_loss: 180, loss: 100, peer_loss: 12 };
        let leg = LegId { call: CallId::new(7), no };
        LegPlace { badness: Reverse(badness), began_at: Reverse(Timestamp(began_at)), leg }
    }

    #[test]
    fn the_worst_stands_first_then_the_latest_and_a_place_is_found_again() {
        let in_order = [place(2, 1_000, 3), place(1, 2_000, 1), place(1, 2_000, 2), place(1, 1_000, 1)];
        assert!(in_order.is_sorted_by(|one, next| one < next));
        for one in in_order {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        assert_eq!(in_order[0].to_string(), format!("2.180.100.12.1000.{}.3", CallId::new(7)));
    }

    #[test]
    fn what_is_no_place_is_none() {
        let right = place(1, 1_000, 1).to_string();
        let longer = format!("{right}.1");
        let other = right.replace("cl_", "cv_");
        for text in ["", "x", "1.2.3", "1.180.100.12.1000.cl_7.1", &right[1..], &longer, &other] {
            assert_eq!(text.parse::<LegPlace>(), Err(NoPlace), "{text}");
        }
    }
}
