//! Corrections of the ledger: what counts is what a supervisor says with a reason, and what was measured stays beside it.

use bangban_domain::{
    ConversationId, Timestamp, calendar::Calendar, figures::Today, history::Event, ledger::Promise, words::Outcome,
};
use bangban_protocol::{Answer, ErrorCode, WireError};
use bangban_store::{Author, Change, CorrectionRow, PromiseRow, StoreError, Verdict};

use super::{Actor, batch::Batch, owner::Owner};

/// What is to be corrected; who asks has the right to it.
#[derive(Debug, Clone)]
pub struct Correction {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Of what.
    pub promise: Promise,
    /// Which one.
    pub no: u32,
    /// What counts from now on.
    pub verdict: Verdict,
    /// Why; checked.
    pub reason: String,
    /// The line of the audit log that goes with it.
    pub audit: Box<bangban_store::Audit>,
}

impl Owner {
    /// `row` is the one that is meant, as it stands.
    pub(super) fn correct(
        &mut self,
        who: &Actor,
        (now, at): (Timestamp, Timestamp),
        wanted: Correction,
        row: Option<PromiseRow>,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Correction { conversation, promise, no, verdict, reason, audit } = wanted;
        let Actor::Staff(staff) = who else {
            return Err(WireError::new(ErrorCode::Forbidden, "only staff correct the ledger"));
        };
        let row = row.ok_or_else(|| WireError {
            field: Some("no".to_owned()),
            ..WireError::new(ErrorCode::NotFound, "no such row of the ledger")
        })?;
        if row.is_running() {
            return Err(WireError::new(ErrorCode::InvalidStage, "it still runs: there is nothing to correct yet"));
        }
        match verdict {
            Verdict::Answered(answered) if answered < row.asked_at || answered > at => {
                return Err(WireError::field("answeredAt", "must be after the question and not in the future"));
            }
            Verdict::Withdrawn if row.corrected_at.is_none() => {
                return Err(WireError::field("verdict", "nothing was corrected that could be taken back"));
            }
            Verdict::Answered(_) | Verdict::Excused | Verdict::Withdrawn => {}
        }
        let (answered_at, excused) = (verdict.answered_at(), verdict == Verdict::Excused);
        batch.log(conversation, at, Event::Corrected { promise, no, answered_at, excused });
        let by = Author::Agent(staff.id);
        batch.unit.changes.push(Change::Correction(CorrectionRow {
            conversation,
            promise,
            no,
            at,
            by,
            verdict,
            reason,
        }));
        batch.unit.changes.push(Change::Audit(*audit));
        // The board counts requests of today: it reads them again once this is durable.
        batch.recount = row.asked_at >= Calendar::day_start(now) && promise != Promise::NextResponse;
        Ok(Answer::Done)
    }

    /// Today's requests from the rows.
    pub(super) async fn read_today(&mut self, now: Timestamp) -> Result<(), StoreError> {
        use bangban_domain::figures::Word;
        let mut today = Today::default();
        for row in self.world.store.requests_since(Calendar::day_start(now)).await? {
            let team = self.world.catalogue.team_or_general(&row.team);
            let Some(request) = super::owner::request(&row, team) else { continue };
            today.record(request, now);
            if let Some(outcome) = row.word(Word::Outcome).and_then(Outcome::parse) {
                today.close(row.conversation, outcome);
            }
        }
        self.today = today;
        self.flushes.board.mark();
        Ok(())
    }
}
