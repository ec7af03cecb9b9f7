//! Calls, as far as more than their owner has to do with a command.

use std::sync::Arc;

use bangban_domain::{
    CallId, ConversationId, Timestamp,
    call::Disposition,
    window::Origin,
    words::{Channel, Outcome},
};
use bangban_protocol::{Answer, CallAct, Command, ErrorCode, WireError};

use super::{App, actor, forbidden};
use crate::{auth::Principal, desk::Order, hub::Socket};

impl App {
    /// Does something with a call.
    pub(super) async fn call(
        &self,
        who: Arc<Principal>,
        socket: Arc<Socket>,
        at: Timestamp,
        act: CallAct,
    ) -> Result<Answer, WireError> {
        match act {
            CallAct::Start { conversation } => self.start_call(who, socket, at, conversation).await,
            CallAct::OpenWindow { call } => self.open_call_window(who, socket, call).await,
            CallAct::WrapUp { call, disposition, note, work_order } => {
                let conversation = self.conversation_of_call(call).await?;
                let act = CallAct::WrapUp { call, disposition, note, work_order };
                let answer = self.calls.give(Arc::clone(&who), socket, act).await?;
                self.close_called(&who, at, conversation, disposition).await;
                Ok(answer)
            }
            act => self.calls.give(who, socket, act).await,
        }
    }

    /// First the citizen is queued like everybody who asks for a human, then they speak.
    async fn start_call(
        &self,
        who: Arc<Principal>,
        socket: Arc<Socket>,
        at: Timestamp,
        conversation: ConversationId,
    ) -> Result<Answer, WireError> {
        let Principal::Citizen(_) = *who else { return Err(forbidden()) };
        if !self.calls.is_there() {
            return Err(WireError::new(ErrorCode::NotFound, "there are no calls here (calls.enabled)"));
        }
        match self.desk.give(actor(&who), at, Order::RequestHuman(conversation)).await? {
            Answer::Queued { .. } => self.calls.give(who, socket, CallAct::Start { conversation }).await,
            told => Ok(told),
        }
    }

    /// Whoever serves the call's conversation asks for a window with a code, which they read out.
    async fn open_call_window(
        &self,
        who: Arc<Principal>,
        socket: Arc<Socket>,
        call: CallId,
    ) -> Result<Answer, WireError> {
        let conversation = self.conversation_of_call(call).await?;
        let conversation = conversation.ok_or_else(|| WireError::new(ErrorCode::NotFound, "no such call"))?;
        // Whether their part in the call allows it.
        self.calls.give(Arc::clone(&who), Arc::clone(&socket), CallAct::OpenWindow { call }).await?;
        let ask = Command::AskWindow { conversation, origin: Origin::Code };
        match self.windows.give(Arc::clone(&who), Arc::clone(&socket), ask).await? {
            Answer::OpenedWindow { window } => self.windows.give(who, socket, Command::MakeWindowCode { window }).await,
            other => Ok(other),
        }
    }

    async fn conversation_of_call(&self, call: CallId) -> Result<Option<ConversationId>, WireError> {
        self.store.conversation_of_call(call).await.map_err(super::store_error)
    }

    /// What the call was decides how a conversation ends that it has opened. Whoever does not serve it, or has closed it,
    /// changes nothing.
    async fn close_called(
        &self,
        who: &Principal,
        at: Timestamp,
        conversation: Option<ConversationId>,
        disposition: Disposition,
    ) {
        let Some(conversation) = conversation else { return };
        let is_hotline = self.shared.live.get(&conversation).is_some_and(|live| live.channel == Channel::Call);
        // Where it is handed on to is said with `close`.
        let Some(outcome) = outcome_of(disposition).filter(|_| is_hotline) else { return };
        let order = Order::Close { conversation, outcome, hand_on: None, gap: None, write_back: None };
        if let Err(error) = self.desk.give(actor(who), at, order).await {
            tracing::debug!(%conversation, code = ?error.code, "a wrapped-up call leaves its conversation open");
        }
    }
}

/// How a conversation ends whose call was this; `None`: `close` has to say more.
const fn outcome_of(disposition: Disposition) -> Option<Outcome> {
    match disposition {
        Disposition::Solved | Disposition::PutThrough => Some(Outcome::Solved),
        Disposition::WorkOrder => Some(Outcome::Unsolved),
        Disposition::CallBack => Some(Outcome::LeftMessage),
        Disposition::OutOfScope => None,
        Disposition::NoMatter => Some(Outcome::Abandoned),
        Disposition::Abuse => Some(Outcome::Abuse),
    }
}
