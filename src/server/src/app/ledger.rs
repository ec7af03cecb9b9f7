//! The ledger of one conversation: who may see it, what it says, and who corrects it (docs/sla.md).

use std::sync::Arc;

use bangban_domain::{
    ConversationId, Timestamp, history,
    ledger::{PolicyRef, Promised, Terms},
    rights::Action,
    words::Stage,
};
use bangban_protocol::{
    Correct, CorrectionVerdict, LedgerCorrection, LedgerLine, LedgerPolicy, LedgerSlot, LedgerSpan, LedgerState,
    LedgerView, WireError,
};
use bangban_store::{Audit, Author, CorrectionRow, PromiseRow, SlotRow, Verdict};

use super::{App, forbidden, not_found, reason, store_error};
use crate::{
    auth::Staff,
    desk::{Actor, Correction, Order},
    privacy::json,
    staff::At,
};

impl App {
    /// What would be promised to a citizen who writes now, if a human serves them. The writer knows whether it is owed.
    pub(super) fn owes(&self, id: ConversationId, at: Timestamp) -> Option<Arc<Promised>> {
        let live = self.shared.live.get(&id)?;
        if !matches!(live.view.stage, Stage::Waiting | Stage::Offered | Stage::Serving) {
            return None;
        }
        let catalogue = self.catalogue();
        let (team, item, channel) = (live.view.team.clone(), live.view.item.clone(), live.channel);
        let rule = catalogue.next_response(&team, item.as_deref(), channel);
        let terms = Terms::begin(catalogue.calendar_of(&team), at, &rule)?;
        Some(Arc::new(Promised { team, item, channel, terms }))
    }

    /// All that was promised in a conversation, for whoever served it or watches its unit.
    ///
    /// # Errors
    /// `not_found`, also for one that may not be seen.
    pub async fn ledger(&self, staff: &Staff, id: ConversationId) -> Result<LedgerView, WireError> {
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        let unit = self.rights.unit_of_team(&row.team);
        let at = At { unit: unit.as_deref(), item: row.item.as_deref() };
        let is_theirs = self.sight(staff).is_ok() && row.agent == Some(staff.id);
        if !is_theirs && !self.may(staff, Action::Watch, at) && !self.has_served(staff, id).await? {
            return Err(not_found());
        }
        let ledger = self.store.promises_of(id).await.map_err(store_error)?;
        let now = self.clock.now();
        let catalogue = self.catalogue();
        Ok(LedgerView {
            conversation: id,
            as_of: now,
            team_name: catalogue.directory().team(&row.team).map(|team| team.name.clone()).unwrap_or_default(),
            item_name: catalogue.item_name(row.item.as_deref()),
            channel: row.channel,
            can_correct: self.may(staff, Action::CorrectLedger, at),
            rows: ledger.rows.iter().map(|row| self.ledger_line(row, &ledger.corrections, now)).collect(),
            slots: ledger.slots.iter().map(|slot| slot_view(slot, now)).collect(),
        })
    }

    async fn has_served(&self, staff: &Staff, id: ConversationId) -> Result<bool, WireError> {
        let events = self.store.events_of(id).await.map_err(store_error)?;
        let is_mine = |event: &bangban_store::Event| matches!(&event.what, history::Event::Assigned { agent, .. } if *agent == staff.id);
        Ok(self.may_serve(staff) && events.iter().any(is_mine))
    }

    fn may_serve(&self, staff: &Staff) -> bool {
        !self.scopes(staff, Action::Serve).is_empty()
    }

    fn ledger_line(&self, row: &PromiseRow, corrections: &[CorrectionRow], now: Timestamp) -> LedgerLine {
        let own = corrections.iter().filter(|one| one.promise == row.promise && one.no == row.no);
        let counted = match &row.terms {
            Some(terms) => terms.served.iter().map(|(from, to)| LedgerSpan { from: *from, to: *to }).collect(),
            None => vec![LedgerSpan { from: row.asked_at, to: row.due_at }],
        };
        LedgerLine {
            promise: row.promise,
            no: row.no,
            state: state(row, now),
            policy: row.policy.as_ref().map(|policy| self.ledger_policy(policy)),
            asked_at: row.asked_at,
            span: row.terms.as_ref().map_or_else(|| row.due_at.since(row.asked_at), |terms| terms.span),
            counted,
            due_at: row.due_at,
            due_before: row.due_before,
            steps: row.terms.as_ref().map(|terms| terms.steps.clone()).unwrap_or_default(),
            reached: row.reached,
            stepped: row.stepped.iter().flatten().copied().collect(),
            answered_at: row.answered_at,
            answered_by: row.answered_by.and_then(|agent| self.accounts.name(agent)),
            left_at: row.left_at,
            corrected: row.corrected_at.is_some(),
            measured_at: row.measured_at,
            corrections: own.map(|one| self.correction_view(one)).collect(),
        }
    }

    fn ledger_policy(&self, policy: &PolicyRef) -> LedgerPolicy {
        let catalogue = self.catalogue();
        let known = catalogue.directory().sla_policy(&policy.id);
        let PolicyRef { id, version } = policy.clone();
        LedgerPolicy { id, version, name: known.map(|policy| policy.name.clone()) }
    }

    fn correction_view(&self, row: &CorrectionRow) -> LedgerCorrection {
        let by = if let Author::Agent(id) = row.by { self.accounts.name(id) } else { None };
        LedgerCorrection {
            at: row.at,
            by_name: by.unwrap_or_default(),
            verdict: match row.verdict {
                Verdict::Answered(_) => CorrectionVerdict::Answered,
                Verdict::Excused => CorrectionVerdict::Excused,
                Verdict::Withdrawn => CorrectionVerdict::Withdrawn,
            },
            answered_at: row.verdict.answered_at(),
            reason: row.reason.clone(),
        }
    }

    /// Corrects a row of the ledger, with a line of the audit log.
    ///
    /// # Errors
    /// `not_found` for what may not be seen, `forbidden`, `invalid_stage` for what still runs; names the field that is wrong.
    pub async fn correct(&self, staff: &Staff, id: ConversationId, wanted: &Correct) -> Result<LedgerView, WireError> {
        let before = self.ledger(staff, id).await?;
        if !before.can_correct {
            return Err(forbidden());
        }
        let verdict = match (wanted.verdict, wanted.answered_at) {
            (CorrectionVerdict::Answered, Some(at)) => Verdict::Answered(at),
            (CorrectionVerdict::Excused, None) => Verdict::Excused,
            (CorrectionVerdict::Withdrawn, None) => Verdict::Withdrawn,
            (CorrectionVerdict::Answered, None) | (_, Some(_)) => {
                return Err(WireError::field("answeredAt", "needed with answered, and only there"));
            }
        };
        let why = reason(&wanted.reason)?;
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        let now = self.clock.now();
        let line = before.rows.iter().find(|line| line.promise == wanted.promise && line.no == wanted.no);
        let audit = Audit {
            at: now,
            actor: Author::Agent(staff.id),
            action: "ledger.correct",
            kind: "conversation".to_owned(),
            subject: id.to_string(),
            unit: self.rights.unit_of_team(&row.team),
            reason: Some(why.clone()),
            address: None,
            detail: json(&serde_json::json!({
                "promise": wanted.promise,
                "no": wanted.no,
                "verdict": verdict.as_str(),
                "before": line.and_then(|line| line.answered_at),
                "after": verdict.answered_at(),
            })),
        };
        let wanted = Correction {
            conversation: id,
            promise: wanted.promise,
            no: wanted.no,
            verdict,
            reason: why,
            audit: Box::new(audit),
        };
        self.desk.give(Actor::Staff(staff.clone()), now, Order::Correct(wanted)).await?;
        self.ledger(staff, id).await
    }
}

/// As the figures count it (`domain::figures::define`), and what the figures leave out.
fn state(row: &PromiseRow, now: Timestamp) -> LedgerState {
    match (row.answered_at, row.left_at) {
        _ if row.is_excused => LedgerState::Excused,
        (Some(at), _) if at <= row.due_at => LedgerState::Hit,
        (Some(_), _) => LedgerState::Miss,
        (None, Some(at)) if at < row.due_at => LedgerState::Released,
        (None, Some(_)) => LedgerState::Miss,
        (None, None) if now > row.due_at => LedgerState::Overdue,
        (None, None) => LedgerState::Running,
    }
}

fn slot_view(slot: &SlotRow, now: Timestamp) -> LedgerSlot {
    let kept = match (slot.answered_at, slot.settled_at) {
        (Some(at), _) => Some(at <= slot.ends_at),
        (None, None) if now > slot.ends_at => Some(false),
        (None, _) => None,
    };
    LedgerSlot {
        receipt: slot.receipt.clone(),
        from: slot.starts_at,
        to: slot.ends_at,
        answered_at: slot.answered_at,
        kept,
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::ledger::Promise;

    use super::*;

    #[test]
    fn a_row_comes_to_what_the_figures_count() {
        let row = |answered: Option<i64>, left: Option<i64>| PromiseRow {
            promise: Promise::NextResponse,
            no: 1,
            asked_at: Timestamp(0),
            due_at: Timestamp(100),
            due_before: None,
            policy: None,
            terms: None,
            reached: 0,
            stepped: [None; 3],
            answered_at: answered.map(Timestamp),
            answered_by: None,
            left_at: left.map(Timestamp),
            measured_at: None,
            corrected_at: None,
            is_excused: false,
        };
        for (answered, left, now, expected) in [
            (None, None, 100, LedgerState::Running),
            (None, None, 101, LedgerState::Overdue),
            (Some(100), None, 500, LedgerState::Hit),
            (Some(101), None, 500, LedgerState::Miss),
            (None, Some(99), 500, LedgerState::Released),
            (None, Some(100), 500, LedgerState::Miss),
            (Some(100), Some(200), 500, LedgerState::Hit),
        ] {
            assert_eq!(state(&row(answered, left), Timestamp(now)), expected, "{answered:?} {left:?} at {now}");
        }
        let excused = PromiseRow { is_excused: true, ..row(Some(101), None) };
        assert_eq!(state(&excused, Timestamp(500)), LedgerState::Excused);
    }

    #[test]
    fn a_call_back_is_kept_until_the_end_of_its_slot() {
        let slot = |answered: Option<i64>, settled: Option<i64>, now| {
            let row = SlotRow {
                receipt: "SH1".to_owned(),
                starts_at: Timestamp(0),
                ends_at: Timestamp(100),
                answered_at: answered.map(Timestamp),
                settled_at: settled.map(Timestamp),
            };
            slot_view(&row, Timestamp(now)).kept
        };
        assert_eq!(slot(Some(100), None, 500), Some(true));
        assert_eq!(slot(Some(101), None, 500), Some(false));
        assert_eq!(slot(None, None, 100), None, "the slot is not over");
        assert_eq!(slot(None, None, 101), Some(false));
        assert_eq!(slot(None, Some(50), 101), None, "the citizen took it back");
    }
}
