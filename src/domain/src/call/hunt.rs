//! A request for a professional: candidates are rung until one answers or none is left.

use super::{
    io::{Effect, Party, Plan},
    leg::{Errand, Place, Voice},
    rows::{AttemptRow, RequestRow, Row},
    talk::{Around, Talk},
    vocabulary::{CallPart, Cause, Goal, Order, Prompt, RequestEnd},
};
use crate::Timestamp;

#[derive(Debug)]
pub(super) struct Hunt {
    pub(super) row: RequestRow,
    pub(super) goal: Goal,
    candidates: Vec<Party>,
    /// The next one.
    next: usize,
    round: u32,
    /// When the present round began.
    round_at: Option<Timestamp>,
    /// The leg that was rung last.
    newest: Option<u16>,
    /// The next one is rung beside the newest then.
    pub(super) beside_at: Option<Timestamp>,
}

impl Hunt {
    pub(super) fn new(row: RequestRow, plan: Plan, goal: Goal) -> Self {
        Self {
            row,
            goal,
            candidates: plan.candidates,
            next: 0,
            round: 0,
            round_at: None,
            newest: None,
            beside_at: None,
        }
    }
}

impl Talk {
    /// Rings whoever is to be rung now; ends the request when nobody is left.
    pub(super) fn go_on_hunting(&mut self, around: &mut Around<'_>) {
        while let Some(hunt) = &self.hunt {
            let ringing = self.ringing.iter().filter(|(_, one)| one.errand == Errand::Candidate);
            let (at_once, newest_rings) =
                (ringing.clone().count(), ringing.clone().any(|(no, _)| hunt.newest == Some(*no)));
            let is_left = hunt.next < hunt.candidates.len();
            let is_due = hunt.beside_at.is_some_and(|at| at <= around.now);
            match hunt.row.order {
                Order::AtOnce if is_left && at_once < around.settings.most_at_once => self.ring_next(around),
                Order::InOrder if is_left && (!newest_rings || is_due) => self.ring_next(around),
                Order::AtOnce | Order::InOrder if at_once == 0 => self.reach_nobody(around),
                Order::AtOnce | Order::InOrder => return,
            }
        }
    }

    fn ring_next(&mut self, around: &mut Around<'_>) {
        let no = self.next_no();
        let leg = self.leg_id(no);
        let Some(hunt) = &mut self.hunt else { return };
        let party = hunt.candidates[hunt.next].clone();
        hunt.next += 1;
        let is_same_round = hunt.row.order == Order::AtOnce && hunt.round_at == Some(around.now);
        hunt.round += u32::from(!is_same_round);
        hunt.round_at = Some(around.now);
        hunt.newest = Some(no);
        let is_last = hunt.next == hunt.candidates.len();
        hunt.beside_at = match hunt.row.order {
            Order::InOrder if !is_last => around.settings.parallel_after.map(|span| around.now + span),
            Order::InOrder | Order::AtOnce => None,
        };
        let attempt = AttemptRow {
            leg,
            part: hunt.row.part,
            party: Some(party),
            request: Some(hunt.row.number),
            round: hunt.round,
            rung_at: around.now,
            ringing_at: None,
            ended_at: None,
            cause: None,
            declined: None,
        };
        let agent = attempt.party.as_ref().and_then(Party::agent);
        if agent.is_some_and(|agent| self.has_agent(agent) || around.is_busy(agent, self.row.call)) {
            self.decide(attempt, Cause::Busy, around);
        } else {
            self.ring(attempt, Errand::Candidate, around);
        }
    }

    fn reach_nobody(&mut self, around: &mut Around<'_>) {
        let Some(mut hunt) = self.hunt.take() else { return };
        hunt.row.ended_at = Some(around.now);
        hunt.row.result = Some(RequestEnd::NobodyReached);
        let (number, about) = (hunt.row.number, hunt.row.about.clone());
        around.out.push(Effect::Save(Row::Request(hunt.row)));
        self.owe(Some(number), Some(about), around);
        if self.operator().is_none() {
            self.play_to_caller(Prompt::NobodyReached, around.out);
        }
        match hunt.goal {
            Goal::Direct => self.end_direct(true),
            Goal::PutThrough => self.ring_back(around),
            Goal::Consult | Goal::Join => {}
        }
    }

    /// One of the candidates is there.
    pub(super) fn reach(&mut self, no: u16, round: u32, around: &mut Around<'_>) {
        let Some(mut hunt) = self.hunt.take() else { return };
        self.stop_candidates(Cause::Elsewhere, around);
        let leg = self.leg_id(no);
        hunt.row.ended_at = Some(around.now);
        hunt.row.result = Some(RequestEnd::Reached);
        hunt.row.answered_by = Some(leg);
        hunt.row.answered_round = Some(round);
        self.settle_owed(&hunt.row.about, around.out);
        around.out.push(Effect::Save(Row::Request(hunt.row)));
        let operator = self.operator().and_then(|no| Some((no, self.legs.get(&no)?.place)));
        let place = match (hunt.goal, operator) {
            (Goal::Consult, Some((operator, _))) => {
                self.put(operator, Place::Aside);
                // Before it is looked who is with the caller.
                self.put(no, Place::Aside);
                self.hold_caller_if_alone();
                Place::Aside
            }
            (Goal::Join, Some((_, Place::Aside))) => Place::Aside,
            (Goal::Consult | Goal::Join | Goal::PutThrough | Goal::Direct, _) => Place::Bridge,
        };
        self.put(no, place);
        match hunt.goal {
            Goal::PutThrough | Goal::Direct => self.left_at = Some(around.now),
            Goal::Consult | Goal::Join => {}
        }
        self.tone(no, Prompt::JoinTone, around.out);
    }

    /// Nobody is looked for any more.
    pub(super) fn stop_hunting(&mut self, cause: Cause, result: RequestEnd, around: &mut Around<'_>) {
        let Some(mut hunt) = self.hunt.take() else { return };
        self.stop_candidates(cause, around);
        hunt.row.ended_at = Some(around.now);
        hunt.row.result = Some(result);
        around.out.push(Effect::Save(Row::Request(hunt.row)));
    }

    fn stop_candidates(&mut self, cause: Cause, around: &mut Around<'_>) {
        let is_candidate = |(no, one): (&u16, &super::leg::Ringing)| (one.errand == Errand::Candidate).then_some(*no);
        let candidates: Vec<u16> = self.ringing.iter().filter_map(is_candidate).collect();
        for no in candidates {
            self.cancel(no, cause, around);
        }
    }

    /// The operator who only listened to a direct line is an ordinary one from now on.
    pub(super) fn end_direct(&mut self, speaks: bool) {
        if self.direct.take().is_some()
            && speaks
            && let Some(operator) = self.operator().and_then(|no| self.legs.get_mut(&no))
        {
            operator.voice = Voice::Open;
        }
    }

    /// A professional, or a fourth party beside one?
    pub(super) fn part_of_next(&self) -> CallPart {
        let has_one = self.legs.values().any(|leg| leg.part() == CallPart::Professional);
        if has_one { CallPart::Guest } else { CallPart::Professional }
    }
}
