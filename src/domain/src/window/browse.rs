//! Co-browse: the page that the citizen fills in is seen by the clerks, who point at fields and propose values. What
//! stands in the fields, and the values that are proposed, go past here: only places in the form are known.

use std::collections::BTreeMap;

use super::{
    io::{Effect, Refusal, Settings},
    vocabulary::{FieldKind, ProposalEndedBecause},
};
use crate::{ParticipantId, Timestamp, WindowId};

/// Longest name of a field, step, item or error, in characters.
pub const MAX_NAME: usize = 128;
/// Proposals that stand at once.
pub const MAX_PROPOSALS: usize = 10;

/// A field, by the name that the page gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRef(pub String);

/// Where in a form the citizen is, as the page's own tags say; nothing that a person wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormContext {
    /// Code of the item.
    pub item: Option<String>,
    /// Which step.
    pub step: String,
    /// In which field they are.
    pub field: Option<FieldRef>,
    /// Code of what the form complains of.
    pub error: Option<String>,
}

impl FieldRef {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if (1..=MAX_NAME).contains(&self.0.chars().count()) { Ok(()) } else { Err(Refusal::TooLarge) }
    }
}

impl FormContext {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let texts = [self.item.as_deref(), Some(self.step.as_str()), self.error.as_deref()];
        if texts.into_iter().flatten().any(|text| text.chars().count() > MAX_NAME) {
            return Err(Refusal::TooLarge);
        }
        self.field.as_ref().map_or(Ok(()), FieldRef::check)
    }

    /// The item and the step tell pages apart; the field and the error are places on one.
    fn is_same_page(&self, other: &Self) -> bool {
        self.item == other.item && self.step == other.step
    }
}

#[derive(Debug)]
struct Proposal {
    until: Timestamp,
}

/// While the page is seen.
#[derive(Debug, Default)]
pub(super) struct Browse {
    context: FormContext,
    proposals: BTreeMap<u32, Proposal>,
}

impl Browse {
    pub(super) const fn context(&self) -> &FormContext {
        &self.context
    }

    /// Is it another page? What was proposed for the old one is void.
    pub(super) fn see(&mut self, window: WindowId, context: &FormContext, out: &mut Vec<Effect>) -> bool {
        let is_new = !self.context.is_same_page(context);
        self.context = context.clone();
        if is_new {
            self.drop_proposals(window, out);
        }
        is_new
    }

    pub(super) fn drop_proposals(&mut self, window: WindowId, out: &mut Vec<Effect>) {
        for proposal in std::mem::take(&mut self.proposals).into_keys() {
            out.push(Effect::ProposalEnded { window, proposal, because: ProposalEndedBecause::PageChanged });
        }
    }

    /// `number` was never used in this window.
    pub(super) fn propose(
        &mut self,
        now: Timestamp,
        (window, by, number): (WindowId, ParticipantId, u32),
        (field, kind): (&FieldRef, FieldKind),
        settings: &Settings,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if !kind.takes_proposals() {
            return Err(Refusal::OnlyCitizen(kind));
        }
        field.check()?;
        if self.proposals.len() == MAX_PROPOSALS {
            return Err(Refusal::TooMany);
        }
        self.proposals.insert(number, Proposal { until: now + settings.proposal });
        out.push(Effect::Proposed { window, by, proposal: number, field: field.clone() });
        Ok(())
    }

    pub(super) fn answer(
        &mut self,
        window: WindowId,
        proposal: u32,
        accepts: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.proposals.remove(&proposal).ok_or(Refusal::ProposalGone(proposal))?;
        let because = if accepts { ProposalEndedBecause::Accepted } else { ProposalEndedBecause::Declined };
        out.push(Effect::ProposalEnded { window, proposal, because });
        Ok(())
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.proposals.values().map(|proposal| proposal.until).min()
    }

    pub(super) fn pass_time(&mut self, now: Timestamp, window: WindowId, out: &mut Vec<Effect>) {
        self.proposals.retain(|number, proposal| {
            let stands = proposal.until > now;
            if !stands {
                let because = ProposalEndedBecause::Expired;
                out.push(Effect::ProposalEnded { window, proposal: *number, because });
            }
            stands
        });
    }
}
