//! Ink: what is drawn on the picture that everybody sees. Coordinates are shares of the picture's own width and height, so
//! a stroke stands at the same place on every screen, whatever its size.

use std::collections::VecDeque;

use super::io::Refusal;
use crate::{
    ParticipantId, Timestamp,
    time::{Millis, SECOND},
};

/// Points that one frame may bring: what a pen gives in several seconds.
pub const MAX_POINTS_AT_ONCE: usize = 256;
/// Points of one stroke.
pub const MAX_POINTS: usize = 4_096;
/// Strokes that stand on one picture; the oldest makes room.
pub const MAX_STROKES: usize = 200;

/// A place of the picture: 0 is its left or upper edge, 65 535 its right or lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// From the left.
    pub x: u16,
    /// From above.
    pub y: u16,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stroke {
    /// A line; more of it may follow under the same number.
    Pen(Vec<Point>),
    /// A frame around something, from one corner to the other.
    Box(Point, Point),
}

/// What changes on the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InkChange {
    /// Somebody points; nothing stays.
    Pointed(Point),
    /// A stroke, or more of one.
    Drawn {
        /// Its number among its author's.
        number: u32,
        /// What is new.
        stroke: Stroke,
    },
    /// A stroke is gone.
    Undone {
        /// Its number among its author's.
        number: u32,
    },
    /// All are gone.
    Cleared,
}

/// A stroke as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub by: ParticipantId,
    /// Its number among theirs.
    pub number: u32,
    /// All of it.
    pub stroke: Stroke,
}

/// What stands on the present picture.
#[derive(Debug, Default)]
pub(super) struct Ink {
    strokes: VecDeque<Standing>,
}

impl Ink {
    pub(super) fn strokes(&self) -> impl Iterator<Item = &Standing> {
        self.strokes.iter()
    }

    pub(super) fn clear(&mut self) {
        self.strokes.clear();
    }

    /// `newest`: the number of the author's newest stroke so far, undone ones included; so that what was taken back does
    /// not come again with a late frame.
    pub(super) fn draw(&mut self, by: ParticipantId, newest: u32, number: u32, stroke: &Stroke) -> Result<(), Refusal> {
        if let Stroke::Pen(points) = stroke
            && !(1..=MAX_POINTS_AT_ONCE).contains(&points.len())
        {
            return Err(Refusal::TooLarge);
        }
        if number > newest {
            if self.strokes.len() == MAX_STROKES {
                self.strokes.pop_front();
            }
            self.strokes.push_back(Standing { by, number, stroke: stroke.clone() });
            return Ok(());
        }
        let same = self.strokes.iter_mut().rev().find(|one| one.by == by && one.number == number);
        let Some(same) = same.filter(|_| number == newest) else { return Err(Refusal::StaleStroke) };
        match (&mut same.stroke, stroke) {
            (Stroke::Pen(line), Stroke::Pen(more)) if line.len() + more.len() <= MAX_POINTS => {
                line.extend_from_slice(more);
                Ok(())
            }
            (Stroke::Pen(_), Stroke::Pen(_)) => Err(Refusal::TooLarge),
            // A frame that is still being drawn moves its corners.
            (Stroke::Box(..), Stroke::Box(..)) => {
                same.stroke = stroke.clone();
                Ok(())
            }
            (Stroke::Pen(_), Stroke::Box(..)) | (Stroke::Box(..), Stroke::Pen(_)) => Err(Refusal::StaleStroke),
        }
    }

    /// The number of the stroke that is gone.
    pub(super) fn undo(&mut self, by: ParticipantId) -> Option<u32> {
        let position = self.strokes.iter().rposition(|one| one.by == by)?;
        self.strokes.remove(position).map(|one| one.number)
    }
}

/// How often somebody may do something: so many a second, and so many at once after a rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// When what was done so far is paid for.
    paid_at: Timestamp,
}

/// What a [`Pace`] holds to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    per_second: Millis,
    at_once: Millis,
}

/// A pointer moves 30 times a second at most, a pen as often; twice that is a flood.
pub(super) const INK: Rate = Rate { per_second: 60, at_once: 120 };
/// Nobody changes fields, points at fields or makes proposals faster.
pub(super) const HINTS: Rate = Rate { per_second: 10, at_once: 20 };

/// Parts of a millisecond in which a pace counts, so that no rate is rounded.
const FINE: Millis = 60;

impl Pace {
    pub(super) const fn new() -> Self {
        Self { paid_at: Timestamp(i64::MIN / (2 * FINE)) }
    }

    /// One more, unless it comes too fast.
    pub(super) fn take(&mut self, now: Timestamp, rate: Rate) -> Result<(), Refusal> {
        let cost = SECOND * FINE / rate.per_second;
        let fine_now = Timestamp(now.0 * FINE);
        let paid_at = self.paid_at.max(fine_now) + cost;
        if paid_at.since(fine_now) > rate.at_once * cost {
            return Err(Refusal::TooFast);
        }
        self.paid_at = paid_at;
        Ok(())
    }
}
