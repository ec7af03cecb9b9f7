//! What logs, metrics and limits have to know of a command; none of it is a person's.

use bangban_domain::ConversationId;
use bangban_protocol::{Command, Topic};

use crate::calls;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// Its `type`.
    pub(super) name: &'static str,
    /// What it is about, if that is a conversation.
    pub(super) conversation: Option<ConversationId>,
    /// Does it put something into a thread?
    pub(super) writes: bool,
}

pub(super) const fn facts(command: &Command) -> Facts {
    let (name, conversation, writes) = match command {
        Command::Hello { .. } => ("hello", None, false),
        Command::Renew { .. } => ("renew", None, false),
        Command::Subscribe { topic, .. } => ("subscribe", conversation_of(topic), false),
        Command::Unsubscribe { topic } => ("unsubscribe", conversation_of(topic), false),
        Command::Send { conversation, .. } => ("send", Some(*conversation), true),
        Command::SendFile { conversation, .. } => ("send_file", Some(*conversation), true),
        Command::OpenFiles { conversation, .. } => ("open_files", Some(*conversation), false),
        Command::Typing { conversation, .. } => ("typing", Some(*conversation), false),
        Command::Read { conversation, .. } => ("read", Some(*conversation), false),
        Command::LoadEarlier { conversation, .. } => ("load_earlier", Some(*conversation), false),
        Command::OpenConversation { .. } => ("open_conversation", None, true),
        Command::PastConversations { .. } => ("past_conversations", None, false),
        Command::ContinueElsewhere { conversation } => ("continue_elsewhere", Some(*conversation), true),
        Command::RevokeContinuation { .. } => ("revoke_continuation", None, false),
        Command::ClaimVisitor { .. } => ("claim_visitor", None, true),
        Command::ChooseEntry { conversation, .. } => ("choose_entry", Some(*conversation), true),
        Command::RefuseOptions { conversation, .. } => ("refuse_options", Some(*conversation), true),
        Command::Suggest { conversation, .. } => ("suggest", Some(*conversation), false),
        Command::StartGuide { conversation, .. } => ("start_guide", Some(*conversation), true),
        Command::GuideStep { conversation, .. } => ("guide_step", Some(*conversation), true),
        Command::StartAction { conversation, .. } => ("start_action", Some(*conversation), true),
        Command::ActionStep { conversation, .. } => ("action_step", Some(*conversation), true),
        Command::BotFeedback { conversation, .. } => ("bot_feedback", Some(*conversation), false),
        Command::RequestHuman { conversation } => ("request_human", Some(*conversation), false),
        Command::CancelRequest { conversation } => ("cancel_request", Some(*conversation), false),
        Command::LeaveMessage { conversation, .. } => ("leave_message", Some(*conversation), true),
        Command::CallBackSlots { conversation } => ("call_back_slots", Some(*conversation), false),
        Command::MoveCallBack { conversation, .. } => ("move_call_back", Some(*conversation), false),
        Command::Finish { conversation } => ("finish", Some(*conversation), false),
        Command::Rate { conversation, .. } => ("rate", Some(*conversation), false),
        Command::SetStatus { .. } => ("set_status", None, false),
        Command::AcceptOffer { .. } => ("accept_offer", None, false),
        Command::DeclineOffer { .. } => ("decline_offer", None, false),
        Command::Note { conversation, .. } => ("note", Some(*conversation), true),
        Command::RejectProposed { conversation, .. } => ("reject_proposed", Some(*conversation), true),
        Command::SaveDraft { conversation, .. } => ("save_draft", Some(*conversation), false),
        Command::SearchKnowledge { .. } => ("search_knowledge", None, false),
        Command::ListNotices { .. } => ("list_notices", None, false),
        Command::ListCannedAnswers {} => ("list_canned_answers", None, false),
        Command::BlockVisitor { conversation, .. } => ("block_visitor", Some(*conversation), false),
        Command::FindColleagues { .. } => ("find_colleagues", None, false),
        Command::Transfer { conversation, .. } => ("transfer", Some(*conversation), false),
        Command::CancelTransfer { conversation } => ("cancel_transfer", Some(*conversation), false),
        Command::Close { conversation, .. } => ("close", Some(*conversation), false),
        Command::RaiseFlag { conversation, .. } => ("raise_flag", Some(*conversation), true),
        Command::LowerFlag { conversation } => ("lower_flag", Some(*conversation), true),
        Command::JoinConversation { conversation } => ("join_conversation", Some(*conversation), true),
        Command::LeaveConversation { conversation } => ("leave_conversation", Some(*conversation), true),
        Command::TakeOver { conversation } => ("take_over", Some(*conversation), true),
        Command::Assign { conversation, .. } => ("assign", Some(*conversation), true),
        Command::SetAgentStatus { .. } => ("set_agent_status", None, false),
        Command::ListAgents { .. } => ("list_agents", None, false),
        Command::AcknowledgeAlert { .. } => ("acknowledge_alert", None, false),
        Command::ReopenAlert { .. } => ("reopen_alert", None, false),
        Command::AskWindow { conversation, .. } => ("ask_window", Some(*conversation), true),
        Command::BookWindow { conversation, .. } => ("book_window", Some(*conversation), true),
        Command::AnswerWindow { .. } => ("answer_window", None, false),
        Command::CancelWindow { .. } => ("cancel_window", None, false),
        Command::Consent { .. } => ("consent", None, false),
        Command::WithdrawConsent { .. } => ("withdraw_consent", None, false),
        Command::MakeWindowCode { .. } => ("make_window_code", None, false),
        Command::EnterWindowCode { .. } => ("enter_window_code", None, false),
        Command::InviteToWindow { .. } => ("invite_to_window", None, false),
        Command::CheckWindow { .. } => ("check_window", None, false),
        Command::TakeSeat { .. } => ("take_seat", None, false),
        Command::ConnectWindow { .. } => ("connect_window", None, false),
        Command::RestartWindowLink { .. } => ("restart_window_link", None, false),
        Command::AnswerWindowOffer { .. } => ("answer_window_offer", None, false),
        Command::Publish { .. } => ("publish", None, false),
        Command::LeaveWindow { .. } => ("leave_window", None, false),
        Command::EndWindow { .. } => ("end_window", None, false),
        Command::RemoveFromWindow { .. } => ("remove_from_window", None, false),
        Command::Point { .. } => ("point", None, false),
        Command::Draw { .. } => ("draw", None, false),
        Command::UndoInk { .. } => ("undo_ink", None, false),
        Command::ClearInk { .. } => ("clear_ink", None, false),
        Command::FreezeWindow { .. } => ("freeze_window", None, false),
        Command::KeepSnapshot { .. } => ("keep_snapshot", None, true),
        Command::Browse { .. } => ("browse", None, false),
        Command::SendFrames { .. } => ("send_frames", None, false),
        Command::SeeForm { .. } => ("see_form", None, false),
        Command::Highlight { .. } => ("highlight", None, false),
        Command::Propose { .. } => ("propose", None, false),
        Command::AnswerProposal { .. } => ("answer_proposal", None, false),
        Command::Bind { .. } => ("bind", None, false),
        Command::Call { act } => ("call", calls::conversation_of(act), false),
    };
    Facts { name, conversation, writes }
}

const fn conversation_of(topic: &Topic) -> Option<ConversationId> {
    match topic {
        Topic::Conversation(id) | Topic::Notes(id) => Some(*id),
        Topic::Agent(_)
        | Topic::Board
        | Topic::BoardOf(_)
        | Topic::Alerts
        | Topic::AlertsOf(_)
        | Topic::Continuation(_)
        | Topic::Window(_)
        | Topic::Calls
        | Topic::Call(_)
        | Topic::Notices
        | Topic::Session => None,
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::{
        ContinuationId, FileId, Timestamp, WindowId,
        action::{ActionKind, ActionStepKind},
        window::Origin,
    };
    use bangban_protocol::Point;

    use super::*;

    #[test]
    fn a_command_is_called_as_on_the_wire() {
        let id = ConversationId::new(1);
        for command in [
            Command::Send { conversation: id, client_id: String::new(), text: String::new(), entry: None },
            Command::SendFile { conversation: id, client_id: String::new(), file: FileId::new(1) },
            Command::OpenFiles { conversation: id, files: Vec::new() },
            Command::LoadEarlier { conversation: id, before: 1 },
            Command::CallBackSlots { conversation: id },
            Command::MoveCallBack { conversation: id, slot: Timestamp(1) },
            Command::Unsubscribe { topic: Topic::Notes(id) },
            Command::SearchKnowledge { query: String::new(), item: None },
            Command::FindColleagues { query: String::new(), team: None },
            Command::StartAction { conversation: id, client_id: String::new(), kind: ActionKind::Book, item: None },
            Command::ActionStep {
                conversation: id,
                client_id: String::new(),
                on: 1,
                step: ActionStepKind::Back,
                choice: None,
            },
            Command::PastConversations { before: None },
            Command::ContinueElsewhere { conversation: id },
            Command::RevokeContinuation { continuation: ContinuationId::new(1) },
            Command::ClaimVisitor { visitor: String::new() },
            Command::AskWindow { conversation: id, origin: Origin::Code },
            Command::RestartWindowLink { window: WindowId::new(1), sdp: String::new(), lines: Vec::new() },
            Command::Point { window: WindowId::new(1), at: Point { x: 1, y: 1 } },
            Command::SendFrames { window: WindowId::new(1), page: 1, frames: String::new() },
        ] {
            let wire = serde_json::to_value(&command).unwrap();
            assert_eq!(wire["type"], facts(&command).name);
        }
        assert_eq!(facts(&Command::Unsubscribe { topic: Topic::Notes(id) }).conversation, Some(id));
    }
}
