//! An answer that 小申 is not sure enough of to give, and that a person checks first (docs/bot.md, "Checked by a person").
//!
//! What is proposed stands in the thread, at the hand-over, and nowhere else; that it was put aside stands in the private lane. The
//! person sends it as a message of their own, so nothing is said here that nobody has read.

use std::{collections::BTreeSet, sync::Arc};

use bangban_domain::{
    ConversationId, Timestamp,
    conversation::{self, MAX_CLIENT_ID},
    words::AgentStatus,
};
use bangban_protocol::{
    Answer, BotOption, ErrorCode, HandOverReason, Party, ProposedAnswer, ThreadBody, ThreadEntry, WireError,
};
use bangban_store::{Lane, Unit};

use super::{App, dialogue::LOOKED_BACK, forbidden, invalid, messages::Writer, store_error, thread_entry};
use crate::{auth::Principal, catalogue::Catalogue, desk::entry};

/// What is proposed at a hand-over.
fn proposed(body: &ThreadBody) -> Option<&BotOption> {
    match body {
        ThreadBody::BotHandOver { reason: HandOverReason::Approval, proposed, .. } => proposed.as_ref(),
        _ => None,
    }
}

/// The proposal that nobody has answered yet, and its position: an agent's message, another word of 小申 and the end of the request or
/// of the conversation end it.
pub(super) fn standing(thread: &[ThreadEntry]) -> Option<(u64, &BotOption)> {
    let mut stands = None;
    for one in thread {
        match (&one.from, &one.body) {
            (Party::Bot, ThreadBody::BotHandOver { .. }) => {
                stands = proposed(&one.body).map(|option| (one.seq, option));
            }
            (Party::Bot, ThreadBody::BotAnswer { .. } | ThreadBody::BotClarify { .. })
            | (
                Party::Agent { .. },
                ThreadBody::Text { .. } | ThreadBody::Image { .. } | ThreadBody::File { .. } | ThreadBody::Voice { .. },
            )
            | (_, ThreadBody::RequestCancelled | ThreadBody::Closed { .. }) => stands = None,
            _ => {}
        }
    }
    stands
}

impl App {
    /// Is somebody of the team there to check an answer: connected, on duty by the roster, and not on a break?
    pub(super) fn has_checker(&self, catalogue: &Catalogue, team: &str) -> bool {
        // Nobody checks anything: then it need not be known.
        catalogue.knowledge().settings().model.thresholds.approve.is_some()
            && self.shared.agents.iter().any(|one| {
                let view = &one.value().1;
                view.on_duty
                    && view.status == AgentStatus::Online
                    && view.teams.iter().any(|own| own.code == team)
                    && self.shared.colleagues.contains_key(&view.me.id)
            })
    }

    async fn notes(&self, id: ConversationId) -> Result<Vec<ThreadEntry>, WireError> {
        let rows = self.store.entries_before(id, Lane::Notes, u64::MAX, LOOKED_BACK).await.map_err(store_error)?;
        rows.into_iter().map(thread_entry).collect()
    }

    /// Positions of the hand-overs of a thread whose proposal a person has put aside.
    pub(super) async fn rejected_in(
        &self,
        id: ConversationId,
        thread: &[ThreadEntry],
    ) -> Result<BTreeSet<u64>, WireError> {
        if !thread.iter().any(|one| proposed(&one.body).is_some()) {
            return Ok(BTreeSet::new());
        }
        let position = |note: ThreadEntry| match note.body {
            ThreadBody::ProposedRejected { on, .. } => Some(on),
            _ => None,
        };
        Ok(self.notes(id).await?.into_iter().filter_map(position).collect())
    }

    /// What a person finds ready who takes the conversation over, as it is in force now.
    pub(super) async fn proposed_in(
        &self,
        id: ConversationId,
        thread: &[ThreadEntry],
    ) -> Result<Option<ProposedAnswer>, WireError> {
        let Some((on, option)) = standing(thread) else { return Ok(None) };
        if self.rejected_in(id, thread).await?.contains(&on) {
            return Ok(None);
        }
        let catalogue = self.catalogue();
        let hit = catalogue.knowledge().hit(&option.entry, &option.question, catalogue.directory());
        Ok(hit.map(|hit| ProposedAnswer { on, probability: option.probability.unwrap_or_default(), hit }))
    }

    /// What 小申 proposed does not fit: a line of the private lane, and nothing is sent.
    pub(super) async fn reject_proposed(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        on: u64,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Principal::Staff(_) = who else { return Err(forbidden()) };
        let Writer { author, party, .. } = self.writer(who, id)?;
        let is_same = |one: &ThreadEntry| one.client_id.as_deref() == Some(client_id) && one.from == party;
        if let Some(taken) = self.notes(id).await?.into_iter().find(is_same) {
            return Ok(Answer::Sent { seq: taken.seq, at: taken.at });
        }
        let thread = self.end_of_thread(id).await?;
        let stands = standing(&thread).filter(|(stands, _)| *stands == on);
        let is_rejected = self.rejected_in(id, &thread).await?.contains(&on);
        let Some((_, option)) = stands.filter(|_| !is_rejected) else {
            let outdated = WireError::new(ErrorCode::Outdated, "nothing is proposed there any more");
            return Err(WireError { field: Some("on".to_owned()), ..outdated });
        };
        let body = ThreadBody::ProposedRejected { on, question: option.question.clone() };
        let mut note = entry(id, Lane::Notes, at, author, &party, &body);
        note.client_id = Some(client_id.to_owned());
        let (answer, _) = self.append(at, Unit { entries: vec![note], ..Unit::default() })?.await?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::AgentId;

    use super::*;

    fn thread(said: Vec<(Party, ThreadBody)>) -> Vec<ThreadEntry> {
        let one =
            |(seq, (from, body))| ThreadEntry { seq, at: Timestamp(0), from, client_id: None, body, masked: false };
        (1..).zip(said).map(one).collect()
    }

    fn hand_over(entry: Option<&str>) -> (Party, ThreadBody) {
        let option =
            |entry: &str| BotOption { entry: entry.to_owned(), question: String::new(), probability: Some(0.7) };
        let reason = if entry.is_some() { HandOverReason::Approval } else { HandOverReason::NotFound };
        let proposed = entry.map(option);
        (Party::Bot, ThreadBody::BotHandOver { reason, opens_at: None, decided: None, proposed })
    }

    fn text(from: Party) -> (Party, ThreadBody) {
        (from, ThreadBody::Text { text: String::new(), entry: None, revision: None, files: Vec::new() })
    }

    #[test]
    fn a_proposal_stands_until_somebody_answers_or_the_matter_is_another_one() {
        let agent = || Party::Agent { id: AgentId::new(1), name: String::new() };
        let requested = || (Party::System, ThreadBody::HumanRequested { due_at: Timestamp(0) });
        let joined = || {
            let (name, team_name) = (String::new(), String::new());
            (Party::System, ThreadBody::AgentJoined { agent: AgentId::new(1), name, team_name })
        };
        let on = |said| standing(&thread(said)).map(|(seq, option)| (seq, option.entry.clone()));
        let stands = Some((1, "a".to_owned()));
        assert_eq!(on(vec![hand_over(Some("a")), requested(), text(Party::Citizen), joined()]), stands);
        assert_eq!(on(vec![hand_over(Some("a")), requested(), joined(), text(agent())]), None);
        assert_eq!(on(vec![hand_over(Some("a")), requested(), (Party::System, ThreadBody::RequestCancelled)]), None);
        assert_eq!(on(vec![hand_over(Some("a")), hand_over(None)]), None);
        assert_eq!(on(vec![hand_over(Some("a")), hand_over(Some("b"))]), Some((2, "b".to_owned())));
        assert_eq!(on(vec![requested(), joined(), text(agent())]), None);
    }
}
