//! Commands: what each needs, and in which order those of one connection are carried out.
//!
//! Messages overlap: one is handed to the writer, and the next may begin while it is not durable yet; the writer keeps
//! the order. Everything else runs alone, after what came before it is done, so that a client may send `accept_offer` and
//! its first reply, or a message and `close`, without waiting for an answer in between.

use std::{pin::Pin, sync::Arc};

use bangban_domain::{
    Timestamp, WindowId,
    citizen::HallVisit,
    conversation::{self, MAX_CLIENT_ID, MAX_COMMENT, MAX_LEFT_MESSAGE, MAX_TEXT},
    words::{Channel, Outcome, Stage},
};
use bangban_protocol::{Answer, Command, ErrorCode, Topic, WireError};

use super::{App, actor, dialogue::Heard, forbidden, invalid};
use crate::{
    auth::Principal,
    desk::Order,
    hub::Socket,
    windows::{self, window_command},
};

/// The rest of a command.
pub type Pending = Pin<Box<dyn Future<Output = Result<Answer, WireError>> + Send>>;

/// What has to be read before the writer can be given a command; then its answer.
pub type First = Pin<Box<dyn Future<Output = Result<Pending, WireError>> + Send>>;

/// How far a command is after it was begun.
pub enum Begun {
    /// Done.
    Done(Result<Answer, WireError>),
    /// The writer has it, in its turn; the next command may begin.
    HandedOver(Pending),
    /// Something has to be read first: nothing may begin before the writer has it, and it waits for none before it.
    Reading(First),
    /// Has not begun: it is to be polled when all before it are done, and nothing may begin before it is done.
    Alone(Pending),
}

impl App {
    /// Begins a command of a connection, without waiting for anything. What it changes is durable when its answer is
    /// there, and it is carried out to the end even if nobody waits for the answer any more.
    pub fn begin(
        self: &Arc<Self>,
        who: &Arc<Principal>,
        socket: &Arc<Socket>,
        at: Timestamp,
        command: Command,
    ) -> Begun {
        self.try_begin(who, socket, at, command).unwrap_or_else(|refusal| Begun::Done(Err(refusal)))
    }

    fn try_begin(
        self: &Arc<Self>,
        who: &Arc<Principal>,
        socket: &Arc<Socket>,
        at: Timestamp,
        command: Command,
    ) -> Result<Begun, WireError> {
        let app = Arc::clone(self);
        let who = Arc::clone(who);
        match command {
            Command::Send { conversation, client_id, text, entry } => {
                let stage = self.shared.live.get(&conversation).map(|live| live.view.stage);
                match (&*who, stage) {
                    (Principal::Citizen(_), None) => {
                        Ok(Begun::Alone(Box::pin(async move {
                            // Closed: writing to it opens it again.
                            app.desk.give(actor(&who), at, Order::Reopen(conversation)).await?;
                            let mut heard = app.heard(conversation).await?;
                            heard.worded = app.in_other_words(&who, at, conversation, &text, &heard).await;
                            app.send(&who, at, conversation, &client_id, &text, entry, &heard)?.await
                        })))
                    }
                    // 小申 answers by what was said before.
                    (Principal::Citizen(_), Some(Stage::Bot)) => Ok(Begun::Reading(Box::pin(async move {
                        let mut heard = app.heard(conversation).await?;
                        heard.worded = app.in_other_words(&who, at, conversation, &text, &heard).await;
                        app.send(&who, at, conversation, &client_id, &text, entry, &heard)
                    }))),
                    _ => {
                        let heard = Heard::default();
                        self.send(&who, at, conversation, &client_id, &text, entry, &heard).map(Begun::HandedOver)
                    }
                }
            }
            Command::RefuseOptions { conversation, client_id, on } => {
                Ok(Begun::Alone(Box::pin(
                    async move { app.refuse_options(&who, at, conversation, &client_id, on).await },
                )))
            }
            Command::Suggest { conversation, text } => Ok(Begun::Done(self.suggest(&who, conversation, &text))),
            Command::SendFile { conversation, client_id, file } => {
                Ok(Begun::Alone(Box::pin(async move { app.send_file(&who, at, conversation, &client_id, file).await })))
            }
            Command::OpenFiles { conversation, files } => {
                Ok(Begun::Alone(Box::pin(async move { app.open_files(&who, conversation, &files).await })))
            }
            Command::ChooseEntry { conversation, client_id, entry } => Ok(Begun::Reading(Box::pin(async move {
                let heard = app.heard(conversation).await?;
                app.choose(&who, at, conversation, &client_id, &entry, &heard)
            }))),
            Command::StartGuide { conversation, client_id, item } => {
                Ok(Begun::Alone(Box::pin(
                    async move { app.start_guide(&who, at, conversation, &client_id, &item).await },
                )))
            }
            Command::GuideStep { conversation, client_id, on, step, choice } => {
                Ok(Begun::Alone(Box::pin(async move {
                    app.guide_step(&who, at, conversation, &client_id, on, step, choice.as_deref()).await
                })))
            }
            Command::StartAction { conversation, client_id, kind, item } => Ok(Begun::Alone(Box::pin(async move {
                app.start_action(&who, at, conversation, &client_id, kind, item.as_deref()).await
            }))),
            Command::ActionStep { conversation, client_id, on, step, choice } => {
                Ok(Begun::Alone(Box::pin(async move {
                    app.action_step(&who, at, conversation, &client_id, on, step, choice.as_deref()).await
                })))
            }
            Command::Read { conversation, seq } => self.read(&who, conversation, seq).map(Begun::HandedOver),
            Command::SaveDraft { conversation, text } => {
                self.draft(&who, at, conversation, &text).map(Begun::HandedOver)
            }
            Command::Typing { conversation, typing } => {
                self.typing(&who, conversation, typing)?;
                Ok(Begun::Done(Ok(Answer::Done)))
            }
            Command::SearchKnowledge { query, item } => {
                let Principal::Staff(_) = *who else { return Err(forbidden()) };
                let query = conversation::text("query", &query, 200).map_err(invalid)?;
                let hits = self.catalogue().search(query, item.as_deref(), 10);
                Ok(Begun::Done(Ok(Answer::Knowledge { hits })))
            }
            Command::ListNotices { item } => Ok(Begun::Done(Ok(self.list_notices(&who, item.as_deref())))),
            Command::ListCannedAnswers {} => Ok(Begun::Done(self.list_canned_answers(&who))),
            Command::BlockVisitor { conversation, reason, until } => {
                Ok(Begun::Alone(Box::pin(
                    async move { app.block_visitor(&who, at, conversation, &reason, until).await },
                )))
            }
            Command::ListAgents { team } => {
                let Principal::Staff(staff) = &*who else { return Err(forbidden()) };
                Ok(Begun::Done(self.list_agents(staff, &team)))
            }
            Command::FindColleagues { query, team } => {
                let Principal::Staff(staff) = &*who else { return Err(forbidden()) };
                let query = conversation::at_most("query", query.trim(), 200).map_err(invalid)?;
                Ok(Begun::Done(self.find_colleagues(staff.id, query, team.as_deref())))
            }
            Command::Unsubscribe { topic } => {
                self.hub.leave(socket, topic);
                Ok(Begun::Done(Ok(Answer::Done)))
            }
            Command::Subscribe { topic: Topic::Window(window), .. } => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.windows.look(who, socket, window).await })))
            }
            Command::Subscribe { topic: Topic::Calls, .. } => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.calls.look_at_mine(who, socket).await })))
            }
            Command::Subscribe { topic: Topic::Call(call), .. } => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.calls.look(who, socket, call).await })))
            }
            Command::Subscribe { topic, after } => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.subscribe(&who, &socket, topic, after).await })))
            }
            Command::Note { conversation, client_id, text } => {
                Ok(Begun::Alone(Box::pin(async move { app.note(&who, at, conversation, &client_id, &text).await })))
            }
            Command::RejectProposed { conversation, client_id, on } => {
                Ok(Begun::Alone(Box::pin(
                    async move { app.reject_proposed(&who, at, conversation, &client_id, on).await },
                )))
            }
            Command::LoadEarlier { conversation, before } => {
                Ok(Begun::Alone(Box::pin(async move { app.earlier(&who, conversation, before).await })))
            }
            Command::PastConversations { before } => {
                Ok(Begun::Alone(Box::pin(async move { app.past(&who, before).await })))
            }
            Command::ContinueElsewhere { conversation } => {
                Ok(Begun::Alone(Box::pin(async move { app.continue_elsewhere(&who, at, conversation).await })))
            }
            Command::RevokeContinuation { continuation } => {
                Ok(Begun::Alone(Box::pin(async move { app.revoke_continuation(&who, at, continuation).await })))
            }
            Command::ClaimVisitor { visitor } => {
                Ok(Begun::Alone(Box::pin(async move { app.claim_visitor(&who, at, &visitor).await })))
            }
            Command::Close { conversation, outcome, hand_on, no_answer: Some(question), write_back: None } => {
                Ok(Begun::Alone(Box::pin(async move {
                    let gap = app.gap(&who, at, conversation, outcome, &question).await?;
                    let order =
                        Order::Close { conversation, outcome, hand_on, gap: Some(Box::new(gap)), write_back: None };
                    app.desk.give(actor(&who), at, order).await
                })))
            }
            Command::Close { conversation, outcome, hand_on, write_back: Some(draft), no_answer: None } => {
                if outcome != Outcome::Solved {
                    return Err(WireError::field("writeBack", "only what solved it is written back"));
                }
                Ok(Begun::Alone(Box::pin(async move {
                    let candidate = app.candidate(&who, at, conversation, &draft).await?;
                    let write_back = Some(Box::new(candidate));
                    let order = Order::Close { conversation, outcome, hand_on, gap: None, write_back };
                    let answer = app.desk.give(actor(&who), at, order).await?;
                    app.organisation.knowledge_changed();
                    Ok(answer)
                })))
            }
            Command::BotFeedback { conversation, seq, solved } => Ok(Begun::Alone(Box::pin(async move {
                let doubt = if solved { None } else { app.doubt(&who, at, conversation, seq).await? };
                let doubt = doubt.map(Box::new);
                let order = Order::Feedback { conversation, answer: seq, solved, doubt };
                app.desk.give(actor(&who), at, order).await
            }))),
            Command::SendFrames { window, page, frames } => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.send_frames(who, socket, (window, page), frames).await })))
            }
            Command::Call { act } => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.call(who, socket, at, act).await })))
            }
            command @ window_command!() => {
                let socket = Arc::clone(socket);
                Ok(Begun::Alone(Box::pin(async move { app.windows.give(who, socket, command).await })))
            }
            Command::Hello { .. } | Command::Renew { .. } => {
                Err(WireError::new(ErrorCode::BadRequest, "the connection itself answers this"))
            }
            other => {
                let order = order(other)?;
                Ok(Begun::Alone(Box::pin(async move { app.desk.give(actor(&who), at, order).await })))
            }
        }
    }
}

impl App {
    /// A piece of the page that a citizen lets clerks see.
    async fn send_frames(
        &self,
        who: Arc<Principal>,
        socket: Arc<Socket>,
        (window, page): (WindowId, u32),
        frames: String,
    ) -> Result<Answer, WireError> {
        // A large piece takes milliseconds, which others of this thread do not wait.
        let checked =
            tokio::task::spawn_blocking(move || windows::is_clean(&frames).map(|is_clean| (frames, is_clean)));
        let failed = |_| WireError::new(ErrorCode::Internal, "the piece could not be checked");
        let (frames, is_clean) = checked.await.map_err(failed)??;
        if !is_clean {
            metrics::counter!("bangban_window_frames_total", "result" => "personal").increment(1);
            return Err(WireError::field("frames", "a number of somebody stands in it"));
        }
        self.windows.pass_on(who, socket, window, page, frames).await
    }
}

/// What the desk is asked to do, its fields checked.
fn order(command: Command) -> Result<Order, WireError> {
    Ok(match command {
        Command::OpenConversation { channel: Channel::Call, .. } => {
            return Err(WireError::field("channel", "only the hotline opens these"));
        }
        Command::OpenConversation { item, district, channel, hall, ticket } => {
            let visit = HallVisit::of(channel, hall.as_deref(), ticket.as_deref()).map_err(invalid)?;
            Order::Open { item, district, channel, visit }
        }
        Command::RequestHuman { conversation } => Order::RequestHuman(conversation),
        Command::CancelRequest { conversation } => Order::CancelRequest(conversation),
        Command::LeaveMessage { conversation, client_id, text, phone, slot } => Order::LeaveMessage {
            conversation,
            client_id: conversation::text("clientId", &client_id, MAX_CLIENT_ID).map_err(invalid)?.to_owned(),
            text: conversation::text("text", &text, MAX_LEFT_MESSAGE).map_err(invalid)?.to_owned(),
            phone: conversation::telephone("phone", &phone).map_err(invalid)?,
            slot,
        },
        Command::CallBackSlots { conversation } => Order::CallBackSlots(conversation),
        Command::MoveCallBack { conversation, slot } => Order::MoveCallBack { conversation, receipt: None, slot },
        Command::Finish { conversation } => Order::Finish(conversation),
        Command::Rate { conversation, stars, comment } => Order::Rate {
            conversation,
            stars: conversation::stars("stars", stars).map_err(invalid)?,
            comment: conversation::at_most("comment", comment.trim(), MAX_COMMENT).map_err(invalid)?.to_owned(),
        },
        Command::SetStatus { status } => Order::Status(status),
        Command::AcceptOffer { offer } => Order::Accept(offer),
        Command::DeclineOffer { offer } => Order::Decline(offer),
        Command::Transfer { conversation, to, note } => Order::Transfer {
            conversation,
            to,
            note: conversation::at_most("note", note.trim(), MAX_TEXT).map_err(invalid)?.to_owned(),
        },
        Command::CancelTransfer { conversation } => Order::CancelTransfer(conversation),
        // What has to be made first is not here: see `App::try_begin`.
        Command::Close { conversation, outcome, hand_on, no_answer: None, write_back: None } => {
            Order::Close { conversation, outcome, hand_on, gap: None, write_back: None }
        }
        Command::RaiseFlag { conversation, reason, text } => Order::RaiseFlag {
            conversation,
            reason,
            text: conversation::at_most("text", text.trim(), MAX_COMMENT).map_err(invalid)?.to_owned(),
        },
        Command::LowerFlag { conversation } => Order::LowerFlag(conversation),
        Command::JoinConversation { conversation } => Order::Join { conversation, joined: true },
        Command::LeaveConversation { conversation } => Order::Join { conversation, joined: false },
        Command::TakeOver { conversation } => Order::TakeOver(conversation),
        Command::Assign { conversation, agent, reason } => Order::Assign {
            conversation,
            agent,
            reason: conversation::at_most("reason", reason.trim(), MAX_COMMENT).map_err(invalid)?.to_owned(),
        },
        Command::SetAgentStatus { agent, status, reason } => Order::StatusOf {
            agent,
            status,
            reason: conversation::text("reason", reason.trim(), MAX_COMMENT).map_err(invalid)?.to_owned(),
        },
        Command::AcknowledgeAlert { alert, note } => Order::Acknowledge {
            alert,
            note: Some(conversation::at_most("note", note.trim(), MAX_COMMENT).map_err(invalid)?.to_owned()),
        },
        Command::ReopenAlert { alert } => Order::Acknowledge { alert, note: None },
        Command::Hello { .. }
        | Command::Renew { .. }
        | Command::BotFeedback { .. }
        | Command::Close { .. }
        | Command::Subscribe { .. }
        | Command::Unsubscribe { .. }
        | Command::Send { .. }
        | Command::SendFile { .. }
        | Command::OpenFiles { .. }
        | Command::Typing { .. }
        | Command::Read { .. }
        | Command::LoadEarlier { .. }
        | Command::ChooseEntry { .. }
        | Command::RefuseOptions { .. }
        | Command::Suggest { .. }
        | Command::StartGuide { .. }
        | Command::GuideStep { .. }
        | Command::StartAction { .. }
        | Command::ActionStep { .. }
        | Command::Note { .. }
        | Command::RejectProposed { .. }
        | Command::SaveDraft { .. }
        | Command::SearchKnowledge { .. }
        | Command::ListNotices { .. }
        | Command::ListCannedAnswers {}
        | Command::BlockVisitor { .. }
        | Command::FindColleagues { .. }
        | Command::ListAgents { .. }
        | Command::PastConversations { .. }
        | Command::ContinueElsewhere { .. }
        | Command::RevokeContinuation { .. }
        | Command::ClaimVisitor { .. }
        | Command::SendFrames { .. }
        | Command::Call { .. }
        | window_command!() => {
            return Err(WireError::new(ErrorCode::BadRequest, "not a command for the desk"));
        }
    })
}
