//! The steps of an entry: what each needs, and what becomes of the entry. Who may by their rights is asked by the server;
//! that a second person reviews is asked here.

use super::{Head, OpenState, RevisionState, Span};
use crate::{AgentId, Timestamp};

/// A step that somebody takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Writes in the open draft, or begins one.
    Save,
    /// The draft waits for a second person from now on.
    Submit,
    /// Its authors want to write on.
    TakeBack,
    /// The second person does not agree.
    Reject,
    /// The second person agrees; holds in this time.
    Publish {
        /// Begin; `None` or over: now.
        from: Option<Timestamp>,
        /// End.
        to: Option<Timestamp>,
    },
    /// The draft is given up.
    Discard,
    /// Nothing of the entry holds from then on.
    Retire(Timestamp),
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The entry stands elsewhere.
    WrongState,
    /// Whoever has written in a revision does not review it.
    OwnWork,
    /// It would be over before it begins.
    AlreadyOver,
}

impl Head {
    /// The entry after a step, and what the open revision is then. `authors` have written in the open revision.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn step(
        &self,
        step: Step,
        who: AgentId,
        authors: &[AgentId],
        now: Timestamp,
    ) -> Result<(Self, Option<(u32, RevisionState)>), Refusal> {
        use OpenState::{Draft, InReview};
        let mut next = Self { version: self.version + 1, ..self.clone() };
        let revision = match (step, self.open) {
            (Step::Save, Some((no, Draft))) => Some((no, RevisionState::Draft)),
            (Step::Save, None) => {
                next.last += 1;
                next.open = Some((next.last, Draft));
                Some((next.last, RevisionState::Draft))
            }
            (Step::Submit, Some((no, Draft))) => {
                next.open = Some((no, InReview));
                Some((no, RevisionState::InReview))
            }
            (Step::TakeBack, Some((no, InReview))) => {
                next.open = Some((no, Draft));
                Some((no, RevisionState::Draft))
            }
            (Step::Reject | Step::Publish { .. }, Some((_, InReview))) if authors.contains(&who) => {
                return Err(Refusal::OwnWork);
            }
            (Step::Reject, Some((no, InReview))) => {
                next.open = Some((no, Draft));
                Some((no, RevisionState::Draft))
            }
            (Step::Publish { from, to }, Some((no, InReview))) => {
                let from = from.map_or(now, |from| from.max(now));
                if to.is_some_and(|to| to <= from) {
                    return Err(Refusal::AlreadyOver);
                }
                // What holds now holds until this one begins. A retired entry is in force again.
                next.before = self.in_force(now).filter(|_| from > now);
                next.live = Some(Span { no, from, to });
                next.open = None;
                next.retired_at = None;
                Some((no, RevisionState::Published))
            }
            (Step::Discard, Some((no, Draft))) => {
                next.open = None;
                Some((no, RevisionState::Discarded))
            }
            (Step::Retire(at), _) if self.live.is_some() && !self.is_retired(now) => {
                next.retired_at = Some(at.max(now));
                None
            }
            (
                Step::Save
                | Step::Submit
                | Step::TakeBack
                | Step::Reject
                | Step::Publish { .. }
                | Step::Discard
                | Step::Retire(_),
                _,
            ) => return Err(Refusal::WrongState),
        };
        Ok((next, revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::EntryState;

    const AUTHOR: AgentId = AgentId::new(1);
    const OTHER: AgentId = AgentId::new(2);
    const NOW: Timestamp = Timestamp(1_000);
    const PUBLISH: Step = Step::Publish { from: None, to: None };

    fn after(head: &Head, step: Step, who: AgentId) -> Head {
        head.step(step, who, &[AUTHOR], NOW).unwrap().0
    }

    fn new() -> Head {
        Head::new("kb-1".to_owned(), "police".to_owned())
    }

    fn published() -> Head {
        after(&after(&new(), Step::Submit, AUTHOR), PUBLISH, OTHER)
    }

    #[test]
    fn a_draft_is_submitted_and_published_by_somebody_else() {
        let (submitted, revision) = new().step(Step::Submit, AUTHOR, &[AUTHOR], NOW).unwrap();
        assert_eq!((revision, submitted.version), (Some((1, RevisionState::InReview)), 2));
        assert_eq!(submitted.step(PUBLISH, AUTHOR, &[AUTHOR], NOW), Err(Refusal::OwnWork));
        assert_eq!(submitted.step(Step::Reject, AUTHOR, &[OTHER, AUTHOR], NOW), Err(Refusal::OwnWork));
        let (done, revision) = submitted.step(PUBLISH, OTHER, &[AUTHOR], NOW).unwrap();
        assert_eq!((revision, done.state(NOW)), (Some((1, RevisionState::Published)), EntryState::Published));
        assert_eq!(done.live, Some(Span { no: 1, from: NOW, to: None }));
    }

    #[test]
    fn what_is_sent_back_or_taken_back_is_written_on_in_the_same_revision() {
        let submitted = after(&new(), Step::Submit, AUTHOR);
        for step in [Step::Reject, Step::TakeBack] {
            let (back, revision) = submitted.step(step, OTHER, &[AUTHOR], NOW).unwrap();
            assert_eq!((back.open, revision), (Some((1, OpenState::Draft)), Some((1, RevisionState::Draft))));
            assert_eq!(after(&back, Step::Save, AUTHOR).last, 1);
        }
        assert_eq!(submitted.step(Step::Save, AUTHOR, &[AUTHOR], NOW), Err(Refusal::WrongState), "is under review");
    }

    #[test]
    fn the_next_revision_leaves_the_published_one_in_force_until_it_begins() {
        let second = after(&after(&published(), Step::Save, AUTHOR), Step::Submit, AUTHOR);
        assert_eq!((second.last, second.in_force(NOW).map(|span| span.no)), (2, Some(1)));
        let later = Step::Publish { from: Some(Timestamp(2_000)), to: Some(Timestamp(3_000)) };
        let scheduled = after(&second, later, OTHER);
        let no = |at| scheduled.in_force(Timestamp(at)).map(|span| span.no);
        assert_eq!([no(1_999), no(2_000), no(3_000)], [Some(1), Some(2), None]);
        let at_once = after(&second, PUBLISH, OTHER);
        assert_eq!((at_once.in_force(NOW).map(|span| span.no), at_once.before), (Some(2), None));
    }

    #[test]
    fn what_begins_in_the_past_begins_now_and_what_would_be_over_is_refused() {
        let submitted = after(&new(), Step::Submit, AUTHOR);
        let early = Step::Publish { from: Some(Timestamp(5)), to: None };
        assert_eq!(after(&submitted, early, OTHER).live.unwrap().from, NOW);
        let over = Step::Publish { from: None, to: Some(NOW) };
        assert_eq!(submitted.step(over, OTHER, &[AUTHOR], NOW), Err(Refusal::AlreadyOver));
    }

    #[test]
    fn retired_entries_come_back_only_by_a_new_review() {
        let gone = after(&published(), Step::Retire(NOW), OTHER);
        assert_eq!(gone.state(NOW), EntryState::Retired);
        assert_eq!(gone.step(Step::Retire(NOW), OTHER, &[], NOW), Err(Refusal::WrongState));
        let back = after(&after(&after(&gone, Step::Save, AUTHOR), Step::Submit, AUTHOR), PUBLISH, OTHER);
        assert_eq!(back.state(NOW), EntryState::Published);
        assert_eq!(new().step(Step::Retire(NOW), OTHER, &[], NOW), Err(Refusal::WrongState), "was never in force");
    }

    #[test]
    fn a_draft_can_be_given_up_and_what_was_published_stays() {
        let draft = after(&published(), Step::Save, AUTHOR);
        let (gone, revision) = draft.step(Step::Discard, AUTHOR, &[AUTHOR], NOW).unwrap();
        assert_eq!((gone.open, revision), (None, Some((2, RevisionState::Discarded))));
        assert_eq!(gone.in_force(NOW).map(|span| span.no), Some(1));
    }
}
