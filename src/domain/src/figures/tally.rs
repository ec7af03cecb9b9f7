//! Counts rows. The store counts the same in SQL; a property over random days holds the two together.

use std::collections::BTreeMap;

use super::{
    define::{DEFINITIONS, Definition, Figure, Shape},
    rows::{By, Row},
};
use crate::{
    Timestamp,
    time::{Millis, SECOND},
    words::words,
};

words! {
    /// Which of the rows behind a figure.
    Part {
        /// All that it is about.
        Of = "of",
        /// Those in the numerator.
        Hits = "hits",
        /// The others.
        Rest = "rest",
    }
}

/// What was counted for one figure. Sums of tallies are tallies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that it is about: of a rate and a mean the denominator.
    pub of: u64,
    /// Of a rate: the numerator.
    pub hits: u64,
    /// Of a span: milliseconds; of a mean: the sum.
    pub sum: i64,
    /// Of a span: the longest, in milliseconds.
    pub longest: Option<Millis>,
    /// Of a span: how many took so many seconds begun.
    pub seconds: BTreeMap<i64, u64>,
}

/// Seconds begun of a span.
#[must_use]
pub const fn seconds_begun(span: Millis) -> i64 {
    (span + SECOND - 1) / SECOND
}

impl Tally {
    /// One more row.
    pub fn add_row(&mut self, definition: &Definition, row: &Row, now: Timestamp) {
        if !definition.shape.of().holds(row, now) {
            return;
        }
        self.of += 1;
        match &definition.shape {
            Shape::Rate { hits, .. } => self.hits += u64::from(hits.holds(row, now)),
            Shape::Count { .. } => {}
            Shape::Span { from, to, .. } => {
                let span = row.number(*to).unwrap_or_default() - row.number(*from).unwrap_or_default();
                self.sum += span;
                self.longest = self.longest.max(Some(span));
                *self.seconds.entry(seconds_begun(span)).or_default() += 1;
            }
            Shape::Mean { field, .. } => self.sum += row.number(*field).unwrap_or_default(),
        }
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.of += other.of;
        self.hits += other.hits;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
        for (seconds, count) in &other.seconds {
            *self.seconds.entry(*seconds).or_default() += count;
        }
    }

    /// Nearest rank: so many seconds begun at most took the given share of the spans.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<i64> {
        let all: u64 = self.seconds.values().sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.seconds
            .iter()
            .find(|(_, count)| {
                seen += **count;
                seen >= rank
            })
            .map(|(seconds, _)| *seconds)
    }
}

/// What was counted, by key and figure; what nothing was counted for is missing.
pub type Tallies = BTreeMap<String, BTreeMap<Figure, Tally>>;

/// All figures of these rows in `from..to`, by `by`.
#[must_use]
pub fn count<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    (from, to): (Timestamp, Timestamp),
    by: By,
    now: Timestamp,
) -> Tallies {
    let mut tallies = Tallies::new();
    for row in rows {
        for definition in DEFINITIONS.iter().filter(|definition| definition.kind.table() == row.table) {
            let Some(at) = row.number(definition.kind.at()).map(Timestamp) else { continue };
            // What lies ahead (a slot that has not begun) is counted when it is there.
            if at >= from && at < to && at <= now && definition.shape.of().holds(row, now) {
                let line = tallies.entry(by.key(row, at)).or_default();
                line.entry(definition.figure).or_default().add_row(definition, row, now);
            }
        }
    }
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConversationId,
        figures::rows::{Field, Table, Word},
        words::Channel,
    };

    const NOON: i64 = 1_795_492_800_000;

    fn row(table: Table, numbers: &[(Field, i64)], words: &[(Word, &str)]) -> Row {
        Row {
            table,
            key: "x".to_owned(),
            conversation: ConversationId::new(1),
            team: "t".to_owned(),
            item: None,
            channel: Channel::Pc,
            agent: None,
            numbers: numbers
                .iter()
                .map(|(field, ms)| {
                    (*field, if *field == Field::Stars || *field == Field::IsTransfer { *ms } else { NOON + ms })
                })
                .collect(),
            words: words.iter().map(|(word, text)| (*word, (*text).to_owned())).collect(),
        }
    }

    /// Denominator and numerator of a figure over one row.
    fn counted(figure: Figure, row: &Row, now: i64) -> (u64, u64) {
        let all = count([row], (Timestamp(0), Timestamp(i64::MAX)), By::Nothing, Timestamp(NOON + now));
        let tally = all.get("").and_then(|line| line.get(&figure)).cloned().unwrap_or_default();
        (tally.of, tally.hits)
    }

    #[test]
    fn the_minute_is_in_time_at_60_000_ms_and_out_of_scope_is_in_no_rate() {
        use Field::{AnsweredAt, AskedAt, DueAt, LeftAt};
        let request = |more: &[(Field, i64)], outcome: Option<&'static str>| {
            let numbers = [&[(AskedAt, 0), (DueAt, 60_000)][..], more].concat();
            row(Table::Requests, &numbers, &outcome.map(|text| (Word::Outcome, text)).into_iter().collect::<Vec<_>>())
        };
        for (more, outcome, now, within, short, late, left) in [
            (&[][..], None, 60_000, (0, 0), 0, 0, 0),
            (&[], None, 60_001, (1, 0), 0, 0, 0),
            (&[(AnsweredAt, 60_000)], None, 70_000, (1, 1), 0, 0, 0),
            (&[(AnsweredAt, 60_001)], None, 70_000, (1, 0), 0, 1, 0),
            (&[(LeftAt, 59_999)], None, 70_000, (0, 0), 1, 0, 0),
            (&[(LeftAt, 60_000)], None, 70_000, (1, 0), 0, 0, 1),
            (&[(AnsweredAt, 9_000)], Some("solved"), 70_000, (1, 1), 0, 0, 0),
            (&[(AnsweredAt, 9_000)], Some("out_of_scope"), 70_000, (0, 0), 0, 0, 0),
            (&[(LeftAt, 9_000)], Some("abuse"), 70_000, (0, 0), 0, 0, 0),
        ] {
            let row = request(more, outcome);
            let what = format!("{more:?} {outcome:?} at {now}");
            assert_eq!(counted(Figure::WithinMinute, &row, now), within, "{what}");
            assert_eq!(counted(Figure::ShortAbandons, &row, now).0, short, "{what}");
            assert_eq!(counted(Figure::AnsweredLate, &row, now).0, late, "{what}");
            assert_eq!(counted(Figure::LeftLate, &row, now).0, left, "{what}");
        }
    }

    #[test]
    fn solved_counts_if_a_human_was_reached_and_stays_solved_for_24_hours() {
        use Field::{BeganAt, ClosedAt, ReopenedAt, ServedAt, Stars};
        const DAY: i64 = 86_400_000;
        let closing = |more: &[(Field, i64)], outcome: &'static str| {
            row(Table::Episodes, &[&[(BeganAt, 0), (ClosedAt, 1_000)][..], more].concat(), &[(Word::Outcome, outcome)])
        };
        let served = &[(ServedAt, 500)][..];
        for (more, outcome, now, resolved, kept) in [
            (served, "solved", 2_000, (1, 1), (0, 0)),
            (served, "solved", DAY + 1_000, (1, 1), (0, 0)),
            (served, "solved", DAY + 1_001, (1, 1), (1, 1)),
            (&[(ServedAt, 500), (ReopenedAt, DAY + 1_000)], "solved", DAY + 5_000, (1, 1), (1, 0)),
            (&[(ServedAt, 500), (ReopenedAt, DAY + 1_001)], "solved", DAY + 5_000, (1, 1), (1, 1)),
            (served, "unsolved", DAY + 1_001, (1, 0), (1, 0)),
            (served, "out_of_scope", DAY + 1_001, (0, 0), (0, 0)),
            (&[], "solved_by_bot", DAY + 1_001, (0, 0), (0, 0)),
        ] {
            let row = closing(more, outcome);
            assert_eq!(counted(Figure::HumanResolution, &row, now), resolved, "{more:?} {outcome} at {now}");
            assert_eq!(counted(Figure::NotReopened, &row, now), kept, "{more:?} {outcome} at {now}");
        }
        for (stars, confirmed) in [(2, 0), (3, 1), (5, 1)] {
            let row = closing(&[(ServedAt, 500), (Stars, stars)], "solved");
            assert_eq!(counted(Figure::Confirmed, &row, 2_000), (1, confirmed), "{stars}");
        }
    }

    #[test]
    fn the_bot_has_solved_what_nobody_came_back_for_within_24_hours() {
        use Field::{BeganAt, HumanAt, LastAt, ReturnedAt, SolvedAt};
        const DAY: i64 = 86_400_000;
        for (more, turn, now, expected) in [
            (&[][..], "answered", DAY, (0, 0)),
            (&[], "answered", DAY + 1, (1, 1)),
            (&[], "not_found", 1, (1, 0)),
            (&[], "clarified", DAY + 1, (1, 0)),
            (&[], "proposed", 1, (1, 0)),
            (&[(ReturnedAt, 5)], "answered", DAY + 1, (1, 0)),
            (&[(SolvedAt, 5)], "answered", 6, (1, 1)),
            (&[(SolvedAt, 5), (ReturnedAt, 9)], "clarified", 10, (1, 1)),
            (&[(HumanAt, 5), (SolvedAt, 9)], "answered", 10, (1, 0)),
        ] {
            let numbers = [&[(BeganAt, 0), (LastAt, 0)][..], more].concat();
            let row = row(Table::Visits, &numbers, &[(Word::LastTurn, turn)]);
            assert_eq!(counted(Figure::BotResolution, &row, now), expected, "{more:?} {turn} at {now}");
        }
    }

    #[test]
    fn a_call_back_is_kept_at_the_last_millisecond_of_its_slot_and_counts_from_its_begin() {
        use Field::{AnsweredAt, MadeAt, SlotEndsAt, SlotStartsAt};
        for (more, state, now, expected) in [
            (&[][..], "open", 2_000, (0, 0)),
            (&[], "open", 2_001, (1, 0)),
            (&[], "cancelled", 2_001, (0, 0)),
            (&[(AnsweredAt, 2_000)], "done", 2_000, (1, 1)),
            (&[(AnsweredAt, 2_001)], "done", 2_001, (1, 0)),
            // Answered before: the slot is ahead.
            (&[(AnsweredAt, 500)], "done", 900, (0, 0)),
            (&[(AnsweredAt, 500)], "done", 1_000, (1, 1)),
        ] {
            let numbers = [&[(MadeAt, 0), (SlotStartsAt, 1_000), (SlotEndsAt, 2_000)][..], more].concat();
            let row = row(Table::Messages, &numbers, &[(Word::State, state)]);
            assert_eq!(counted(Figure::CallBacksKept, &row, now), expected, "{more:?} {state} at {now}");
        }
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let spans = |ms: &[i64]| {
            let mut tally = Tally::default();
            for ms in ms {
                *tally.seconds.entry(seconds_begun(*ms)).or_default() += 1;
            }
            [50, 90, 99].map(|percent| tally.percentile(percent))
        };
        assert_eq!(spans(&[]), [None; 3]);
        assert_eq!(spans(&[1_000]), [Some(1); 3]);
        assert_eq!(spans(&[1_001, 3_000, 2_000, 4_000]), [Some(2), Some(4), Some(4)]);
        let hundred: Vec<i64> = (1..=100).map(|n| n * 1_000).collect();
        assert_eq!(spans(&hundred), [Some(50), Some(90), Some(99)]);
        assert_eq!([0, 1, 1_000, 1_001].map(seconds_begun), [0, 1, 1, 2]);
    }
}
