//! What staff see of a thread (docs/privacy.md): personal data in what a citizen or a colleague wrote is masked before it
//! leaves the server. One's own words are shown as one typed them; what the bot says is published and shown as it is.

use std::borrow::Cow;

use bangban_domain::{AgentId, action::CaseProgress, privacy::mask};
use bangban_protocol::{ActionOutcome, Party, ThreadBody, ThreadEntry};

use crate::auth::Principal;

/// As everybody but the author and the citizen sees it; `None`: as it is.
#[must_use]
pub fn masked_body(from: &Party, body: &ThreadBody) -> Option<ThreadBody> {
    let hidden = |text: &str| match mask(text) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    };
    if matches!(from, Party::Bot) {
        // What an office notes at a case is the citizen's own matter; all else is published.
        let ThreadBody::ActionEnded { walk, outcome: ActionOutcome::Progress { case } } = body else { return None };
        let case = CaseProgress { note: hidden(&case.note)?, ..case.clone() };
        return Some(ThreadBody::ActionEnded { walk: walk.clone(), outcome: ActionOutcome::Progress { case } });
    }
    Some(match body {
        ThreadBody::Text { text, entry, revision, files } => {
            ThreadBody::Text { text: hidden(text)?, entry: entry.clone(), revision: *revision, files: files.clone() }
        }
        ThreadBody::Note { text } => ThreadBody::Note { text: hidden(text)? },
        ThreadBody::TransferNote { to_name, what, text } => {
            ThreadBody::TransferNote { to_name: to_name.clone(), what: what.clone(), text: hidden(text)? }
        }
        ThreadBody::Flag { raised, reason, text } => {
            ThreadBody::Flag { raised: *raised, reason: *reason, text: hidden(text)? }
        }
        ThreadBody::Image { file, name, size, width, height } => {
            ThreadBody::Image { file: *file, name: hidden(name)?, size: *size, width: *width, height: *height }
        }
        ThreadBody::File { file, name, size } => ThreadBody::File { file: *file, name: hidden(name)?, size: *size },
        // Nobody's words.
        ThreadBody::Voice { .. }
        | ThreadBody::BotGreeting { .. }
        | ThreadBody::BotAnswer { .. }
        | ThreadBody::BotClarify { .. }
        | ThreadBody::BotHandOver { .. }
        | ThreadBody::OptionsRefused { .. }
        | ThreadBody::BotSays { .. }
        | ThreadBody::GuideStarted { .. }
        | ThreadBody::GuideStepped { .. }
        | ThreadBody::GuideAsked { .. }
        | ThreadBody::GuideSeveral { .. }
        | ThreadBody::GuideChecklist { .. }
        | ThreadBody::ActionsOffered { .. }
        | ThreadBody::ActionStarted { .. }
        | ThreadBody::ActionStepped { .. }
        | ThreadBody::ActionAsked { .. }
        | ThreadBody::ActionConfirm { .. }
        | ThreadBody::ActionEnded { .. }
        | ThreadBody::AnswerFound { .. }
        | ThreadBody::BotFeedback { .. }
        | ThreadBody::HumanRequested { .. }
        | ThreadBody::RequestCancelled
        | ThreadBody::AgentJoined { .. }
        | ThreadBody::AgentLeft { .. }
        | ThreadBody::Transferred { .. }
        | ThreadBody::SupervisorJoined { .. }
        | ThreadBody::SupervisorLeft { .. }
        | ThreadBody::MessageLeft { .. }
        | ThreadBody::CallBackMoved { .. }
        | ThreadBody::CallBackSoon { .. }
        | ThreadBody::CallBackDue { .. }
        | ThreadBody::Finished
        | ThreadBody::Closed { .. }
        | ThreadBody::Reopened
        | ThreadBody::WindowAsked { .. }
        | ThreadBody::WindowBooked { .. }
        | ThreadBody::WindowEnded { .. }
        | ThreadBody::CallBegan { .. }
        | ThreadBody::CallAnswered { .. }
        | ThreadBody::CallEnded { .. }
        | ThreadBody::ProposedRejected { .. }
        | ThreadBody::CallBackOwed { .. }
        | ThreadBody::Rated { .. } => return None,
    })
}

/// The entry for one reader.
#[must_use]
pub fn seen_by(who: &Principal, entry: ThreadEntry) -> ThreadEntry {
    match who {
        Principal::Citizen(_) => entry,
        Principal::Staff(staff) if author(&entry.from) == Some(staff.id) => entry,
        Principal::Staff(_) => masked(entry),
    }
}

/// The entry for staff other than its author.
#[must_use]
pub fn masked(entry: ThreadEntry) -> ThreadEntry {
    match masked_body(&entry.from, &entry.body) {
        Some(body) => ThreadEntry { body, masked: true, ..entry },
        None => entry,
    }
}

/// The member of staff who wrote it.
#[must_use]
pub const fn author(from: &Party) -> Option<AgentId> {
    match from {
        Party::Agent { id, .. } => Some(*id),
        Party::Citizen | Party::Bot | Party::System => None,
    }
}
