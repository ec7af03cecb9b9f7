//! Which revision of an entry holds at an instant.

use super::{EntryState, OpenState};
use crate::Timestamp;

/// A published revision and when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its number.
    pub no: u32,
    /// Begin.
    pub from: Timestamp,
    /// End; `None`: until something else is said.
    pub to: Option<Timestamp>,
}

impl Span {
    /// Not over at this instant?
    const fn is_not_over(&self, at: Timestamp) -> bool {
        match self.to {
            Some(to) => at.0 < to.0,
            None => true,
        }
    }
}

/// An entry beside what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Id.
    pub id: String,
    /// Code of the unit that owns the official answer.
    pub unit: String,
    /// 1, 2, ...; a step names the one that it was made from.
    pub version: u64,
    /// Revisions so far.
    pub last: u32,
    /// The revision somebody works on.
    pub open: Option<(u32, OpenState)>,
    /// The newest published revision.
    pub live: Option<Span>,
    /// The one that holds until that one begins.
    pub before: Option<Span>,
    /// From then on nothing of it holds; may lie ahead.
    pub retired_at: Option<Timestamp>,
}

impl Head {
    /// A new entry, whose first revision is a draft.
    #[must_use]
    pub fn new(id: String, unit: String) -> Self {
        let open = Some((1, OpenState::Draft));
        Self { id, unit, version: 1, last: 1, open, live: None, before: None, retired_at: None }
    }

    /// Is it taken out of force at this instant?
    #[must_use]
    pub fn is_retired(&self, at: Timestamp) -> bool {
        self.retired_at.is_some_and(|since| since <= at)
    }

    /// The revision that holds. Where the newest one is over nothing holds: an older answer is not the official one any more.
    #[must_use]
    pub fn in_force(&self, at: Timestamp) -> Option<Span> {
        let live = self.live.filter(|_| !self.is_retired(at))?;
        let holds = if live.from <= at { Some(live) } else { self.before.filter(|before| before.from <= at) };
        holds.filter(|span| span.is_not_over(at))
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self, at: Timestamp) -> EntryState {
        if self.is_retired(at) {
            return EntryState::Retired;
        }
        match (self.in_force(at), self.live, self.open) {
            (Some(_), ..) => EntryState::Published,
            (None, Some(live), _) if at < live.from => EntryState::Scheduled,
            (None, Some(_), _) => EntryState::Expired,
            (None, None, Some((_, OpenState::InReview))) => EntryState::InReview,
            // All that was written was given up.
            (None, None, None) => EntryState::Retired,
            (None, None, Some((_, OpenState::Draft))) => EntryState::Draft,
        }
    }

    /// When another revision holds, or none, if nobody does anything.
    #[must_use]
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let spans = [self.live, self.before].into_iter().flatten();
        let edges = spans.flat_map(|span| [Some(span.from), span.to]).chain([self.retired_at]).flatten();
        edges.filter(|at| *at > after).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(live: Option<(i64, Option<i64>)>, before: Option<(i64, Option<i64>)>) -> Head {
        let span = |no, (from, to): (i64, Option<i64>)| Span { no, from: Timestamp(from), to: to.map(Timestamp) };
        let open = None;
        let (live, before) = (live.map(|one| span(2, one)), before.map(|one| span(1, one)));
        Head { live, before, open, last: 2, ..Head::new("kb-1".to_owned(), "sh".to_owned()) }
    }

    #[test]
    fn a_revision_holds_from_its_begin_up_to_its_end_to_the_millisecond() {
        let one = head(Some((100, Some(200))), None);
        for (at, state, no) in [
            (99, EntryState::Scheduled, None),
            (100, EntryState::Published, Some(2)),
            (199, EntryState::Published, Some(2)),
            (200, EntryState::Expired, None),
        ] {
            let at = Timestamp(at);
            assert_eq!((one.state(at), one.in_force(at).map(|span| span.no)), (state, no), "{at:?}");
        }
        assert_eq!(one.next_change(Timestamp(0)), Some(Timestamp(100)));
        assert_eq!(one.next_change(Timestamp(100)), Some(Timestamp(200)));
        assert_eq!(one.next_change(Timestamp(200)), None);
    }

    #[test]
    fn until_the_newest_begins_the_one_before_holds_and_after_its_end_nothing_does() {
        let two = head(Some((100, Some(200))), Some((10, None)));
        let no = |at| two.in_force(Timestamp(at)).map(|span| span.no);
        assert_eq!([no(9), no(10), no(99), no(100), no(200)], [None, Some(1), Some(1), Some(2), None]);
        let ended = head(Some((100, None)), Some((10, Some(50))));
        assert_eq!(ended.state(Timestamp(60)), EntryState::Scheduled, "between the two nothing holds");
    }

    #[test]
    fn what_is_retired_holds_no_more_from_that_instant_on() {
        let mut one = head(Some((100, None)), None);
        one.retired_at = Some(Timestamp(150));
        assert_eq!(one.state(Timestamp(149)), EntryState::Published);
        assert_eq!(one.state(Timestamp(150)), EntryState::Retired);
        assert_eq!(one.next_change(Timestamp(100)), Some(Timestamp(150)));
    }

    #[test]
    fn without_a_published_revision_the_open_one_says_it() {
        let mut one = Head::new("kb-1".to_owned(), "sh".to_owned());
        assert_eq!(one.state(Timestamp(0)), EntryState::Draft);
        one.open = Some((1, OpenState::InReview));
        assert_eq!(one.state(Timestamp(0)), EntryState::InReview);
        one.open = None;
        assert_eq!(one.state(Timestamp(0)), EntryState::Retired);
    }
}
