//! A call that comes in: from the INVITE to the answer, CANCEL at any moment.

use std::sync::Arc;

use bangban_domain::call::{LegId, Number};
use rsipstack::{
    dialog::{
        dialog::{DialogState, DialogStateReceiver, TerminatedReason},
        invite_dialog::InviteDialog,
    },
    sip::{Header, StatusCode},
    transaction::transaction::Transaction,
};

use crate::{
    Event, InviteId, Refusal,
    headers::{kind, of_answer},
    incoming::reply,
    registrar::Flow,
    sdp::{Ours, Remote},
    shared::{Counts, LegOrder, Orders, Place, Shared},
    talk::{Answered, Sound, Talk, connect, cseq},
    timers::Agreed,
};

/// What an INVITE says, once it is known to be one that we can take.
pub(crate) struct Invitation {
    pub(crate) called: Number,
    pub(crate) caller: Option<Number>,
    pub(crate) ticket: Option<String>,
    pub(crate) trunk: String,
    pub(crate) source: Flow,
    /// `None`: we offer, they answer in their ACK.
    pub(crate) offer: Option<Remote>,
    pub(crate) agreed: Agreed,
    pub(crate) is_timer_supported: bool,
    pub(crate) allows_update: bool,
    /// They take only reliable provisional answers (RFC 3262): they get none.
    pub(crate) wants_reliable: bool,
}

/// Begins its task.
pub(crate) fn begin(shared: &Arc<Shared>, mut tx: Transaction, invitation: Invitation) {
    let (states, states_of) = shared.layer.new_dialog_state_channel();
    let contact = shared.contact(invitation.source.transport);
    let dialog = match shared.layer.get_or_create_server_invite(
        &tx,
        states,
        shared.credential(&invitation.trunk),
        Some(contact),
    ) {
        Ok(dialog) => dialog,
        Err(error) => {
            Counts::one(&shared.counts.refused);
            tracing::info!(error = kind(&error), "call refused");
            return reply(shared, tx, StatusCode::BadRequest, Vec::new());
        }
    };
    Counts::one(&shared.counts.invited);
    let mut handled = dialog.clone();
    shared.tasks.spawn(async move {
        if let Err(error) = handled.handle(&mut tx).await {
            tracing::debug!(error = kind(&error), "an INVITE ended with an error");
        }
    });
    let (invite, orders, place) = shared.open_invite();
    let call = Inbound { shared: Arc::clone(shared), dialog, states: states_of, orders, place, invitation };
    shared.tasks.spawn(call.run(invite));
}

struct Inbound {
    shared: Arc<Shared>,
    dialog: InviteDialog,
    states: DialogStateReceiver,
    orders: Orders,
    place: Place,
    invitation: Invitation,
}

/// What was decided.
enum Decision {
    Take(LegId),
    Refuse(Refusal),
    /// The server did not say anything in time.
    Nothing,
}

impl Inbound {
    async fn run(mut self, invite: InviteId) {
        let invitation = &self.invitation;
        self.shared
            .tell(Event::Invited {
                invite,
                called: invitation.called.clone(),
                caller: invitation.caller.clone(),
                ticket: invitation.ticket.clone(),
                trunk: invitation.trunk.clone(),
            })
            .await;
        let (decision, has_gone) = self.decision(invite).await;
        match decision {
            Decision::Take(leg) => {
                self.place.is_leg(leg);
                if has_gone {
                    self.forget();
                    self.shared.tell(Event::HungUp(leg)).await;
                } else {
                    self.ring(leg).await;
                }
            }
            Decision::Refuse(because) => self.reject(match because {
                Refusal::Busy => StatusCode::BusyHere,
                Refusal::Full { retry_after } => {
                    self.shared.outgoing.come_back_after(&self.dialog.id().call_id, retry_after);
                    StatusCode::ServiceUnavailable
                }
                Refusal::Forbidden => StatusCode::Forbidden,
                Refusal::NoSuchNumber => StatusCode::NotFound,
            }),
            Decision::Nothing => self.reject(StatusCode::ServiceUnavailable),
        }
    }

    /// What the server decides; whether the caller has given up in the meantime.
    async fn decision(&mut self, invite: InviteId) -> (Decision, bool) {
        let mut has_gone = false;
        let too_late = tokio::time::sleep(self.shared.config.timing.decision);
        tokio::pin!(too_late);
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(LegOrder::Take(leg)) => return (Decision::Take(leg), has_gone),
                    Some(LegOrder::Refuse(because)) => return (Decision::Refuse(because), has_gone),
                    Some(LegOrder::Accept | LegOrder::End { .. }) => {}
                    None => return (Decision::Nothing, has_gone),
                },
                state = self.states.recv(), if !has_gone => {
                    has_gone = matches!(state, None | Some(DialogState::Terminated(..)));
                }
                () = &mut too_late => {
                    self.shared.close_invite(invite);
                    return match self.orders.try_recv() {
                        Ok(LegOrder::Take(leg)) => (Decision::Take(leg), has_gone),
                        Ok(LegOrder::Refuse(because)) => (Decision::Refuse(because), has_gone),
                        _ => (Decision::Nothing, has_gone),
                    };
                }
            }
        }
    }

    /// It is ours: it rings until it is to be answered.
    async fn ring(mut self, leg: LegId) {
        let Ok(address) = self.shared.mixer.open_rtp(leg) else {
            tracing::warn!(%leg, "no port for a call");
            self.reject(StatusCode::ServiceUnavailable);
            return self.shared.tell(Event::HungUp(leg)).await;
        };
        if !self.invitation.wants_reliable
            && let Err(error) = self.dialog.ringing(None, None)
        {
            tracing::debug!(%leg, error = kind(&error), "ringing was not sent");
        }
        let mut ends_unanswered = None;
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(LegOrder::Accept) => break,
                    Some(LegOrder::End { .. }) | None => {
                        ends_unanswered = Some(None);
                        break;
                    }
                    Some(LegOrder::Take(_) | LegOrder::Refuse(_)) => {}
                },
                state = self.states.recv() => match state {
                    Some(DialogState::Terminated(_, why)) => {
                        ends_unanswered = Some(Some(why));
                        break;
                    }
                    None => {
                        ends_unanswered = Some(Some(TerminatedReason::Timeout));
                        break;
                    }
                    Some(_) => {}
                },
            }
        }
        match ends_unanswered {
            None => {
                let session = self.shared.number();
                self.answer(leg, Ours { address, session, version: 1 }).await;
            }
            Some(None) => self.reject(StatusCode::TemporarilyUnavailable),
            Some(Some(_)) => {
                self.forget();
                self.shared.tell(Event::HungUp(leg)).await;
            }
        }
    }

    async fn answer(self, leg: LegId, ours: Ours) {
        let text = self.invitation.offer.as_ref().map_or_else(|| ours.offer(), |remote| ours.answer(remote));
        let sound =
            Sound { ours, said: text.clone(), signalled_from: self.invitation.source.peer.ip(), is_held: false };
        if let Some(remote) = &self.invitation.offer
            && let Err(why) = connect(&self.shared, leg, &sound, remote)
        {
            tracing::info!(%leg, %why, "offer refused");
            self.reject(StatusCode::NotAcceptableHere);
            return self.shared.tell(Event::HungUp(leg)).await;
        }
        let headers: Vec<Header> = of_answer(&self.invitation.agreed, self.invitation.is_timer_supported);
        if let Err(error) = self.dialog.accept(Some(headers), Some(text.into_bytes())) {
            tracing::info!(%leg, error = kind(&error), "answer was not sent");
            self.forget();
            return self.shared.tell(Event::HungUp(leg)).await;
        }
        Counts::one(&self.shared.counts.answered);
        let answer_in = match &self.invitation.offer {
            Some(_) => None,
            None => cseq(&self.dialog.initial_request()),
        };
        let is_held = self.invitation.offer.as_ref().is_some_and(Remote::holds);
        let talk = Talk::new(Answered {
            shared: Arc::clone(&self.shared),
            leg,
            dialog: self.dialog,
            states: self.states,
            orders: self.orders,
            sound,
            agreed: self.invitation.agreed,
            allows_update: self.invitation.allows_update,
            answer_in,
        });
        talk.run(is_held).await;
        drop(self.place);
    }

    fn reject(&self, status: StatusCode) {
        if let Err(error) = self.dialog.reject(Some(status), None) {
            tracing::debug!(error = kind(&error), "a refusal was not sent");
        }
        self.forget();
    }

    fn forget(&self) {
        self.shared.layer.remove_dialog(&self.dialog.id());
    }
}
