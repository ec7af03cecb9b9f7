//! What goes straight to the writer: messages and what belongs to them. The writer gets it before these functions return;
//! the futures that they return wait until it is durable.

use std::sync::Arc;

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    alert::Intervention,
    conversation::{self, MAX_CLIENT_ID, MAX_TEXT},
    history,
    words::Stage,
};
use bangban_protocol::{Answer, BotPhrase, ErrorCode, EventBody, Party, ThreadBody, Topic, WireError};
use bangban_store::{Author, Change, Event, Lane, NewEntry, Unit, Written};
use tokio::time::Instant;

use super::{
    App, actor, commands::Pending, dialogue::Heard, forbidden, invalid, not_found, other_words::worded, store_error,
};
use crate::{
    auth::Principal,
    bot,
    desk::{Order, entry},
};

/// One who may write.
pub(super) struct Writer {
    pub(super) author: Author,
    pub(super) party: Party,
    /// The bot is asked; about this item, if about one.
    pub(super) asked: Option<Option<String>>,
}

impl App {
    /// Who writes, if they may: the citizen of an open conversation, the agent who serves it, or a supervisor who has come
    /// in.
    pub(super) fn writer(&self, who: &Principal, id: ConversationId) -> Result<Writer, WireError> {
        let live = self.shared.live.get(&id).ok_or_else(not_found)?;
        let (author, party) = match who {
            Principal::Citizen(citizen) if citizen.id == live.citizen => (Author::Citizen, Party::Citizen),
            Principal::Citizen(_) => return Err(not_found()),
            Principal::Staff(staff) => {
                let mut inside = live.view.agent.iter().chain(&live.view.helpers);
                let serves = inside.any(|agent| agent.id == staff.id)
                    && matches!(live.view.stage, Stage::Serving | Stage::WrapUp);
                if !serves {
                    return Err(forbidden());
                }
                (Author::Agent(staff.id), Party::Agent { id: staff.id, name: staff.name.clone() })
            }
        };
        let asked = (author == Author::Citizen && live.view.stage == Stage::Bot).then(|| live.view.item.clone());
        Ok(Writer { author, party, asked })
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one command, and what was said before")]
    pub(super) fn send(
        self: &Arc<Self>,
        who: &Arc<Principal>,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        text: &str,
        knowledge: Option<String>,
        heard: &Heard,
    ) -> Result<Pending, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let text = conversation::text("text", text, MAX_TEXT).map_err(invalid)?;
        let Writer { author, party, asked } = self.writer(who, id)?;
        if author != Author::Citizen {
            self.words.check("text", text)?;
        }
        // Kept with the message: which answer was official when it was said.
        let (mut revision, mut files) = (None, Vec::new());
        if let Some(code) = &knowledge {
            if author == Author::Citizen {
                return Err(WireError::field("entry", "only agents quote entries"));
            }
            let catalogue = self.catalogue();
            let known = catalogue.knowledge().get(code).ok_or_else(unknown_entry)?;
            (revision, files) = (Some(known.revision), known.files());
        }
        let body = ThreadBody::Text { text: text.to_owned(), entry: knowledge, revision, files };
        let mut message = entry(id, Lane::Public, at, author, &party, &body);
        message.client_id = Some(client_id.to_owned());
        message.answers = matches!(author, Author::Agent(_));
        message.owes = if author == Author::Citizen { self.owes(id, at) } else { None };
        let mut unit = Unit { entries: vec![message], ..Unit::default() };
        let mut wants_human = false;
        if let Some(item) = asked {
            let reply = self.bot_reply(who, at, id, item.as_deref(), text, heard, |asking| asking.reply());
            wants_human = reply.requests_human;
            unit.entries.push(bot_entry(id, at, &worded(reply.body, heard.worded.as_ref())));
        }
        let appended = self.append(at, unit)?;
        let (app, who) = (Arc::clone(self), Arc::clone(who));
        Ok(Box::pin(async move {
            let (answer, is_new) = appended.await?;
            if wants_human && is_new {
                // In the thread already; if nobody is there now, the bot's entry says when, and the page offers to leave
                // a message.
                app.desk.give(actor(&who), at, Order::RequestHuman(id)).await?;
            }
            Ok(answer)
        }))
    }

    pub(super) fn choose(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        chosen: &str,
        heard: &Heard,
    ) -> Result<Pending, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Principal::Citizen(_) = who else { return Err(forbidden()) };
        let Writer { author, party, .. } = self.writer(who, id)?;
        let catalogue = self.catalogue();
        let question = catalogue.index().entry(chosen).ok_or_else(unknown_entry)?.question.clone();
        let team = self.shared.live.get(&id).map(|live| live.view.team.clone()).unwrap_or_default();
        let district = bot::district_of(&catalogue, &question, heard.district.as_deref(), &team);
        let answer = bot::answer(&catalogue, chosen, district).ok_or_else(unknown_entry)?;
        let body = ThreadBody::Text { text: question, entry: None, revision: None, files: Vec::new() };
        let mut message = entry(id, Lane::Public, at, author, &party, &body);
        message.client_id = Some(client_id.to_owned());
        let unit = Unit { entries: vec![message, bot_entry(id, at, &answer)], ..Unit::default() };
        let appended = self.append(at, unit)?;
        Ok(Box::pin(async move { Ok(appended.await?.0) }))
    }

    pub(super) async fn note(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        text: &str,
    ) -> Result<Answer, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let text = conversation::text("text", text, MAX_TEXT).map_err(invalid)?;
        let (row, view) = self.readable(who, id).await?;
        let from = Party::Agent { id: staff.id, name: staff.name.clone() };
        let body = ThreadBody::Note { text: text.to_owned() };
        let mut note = entry(id, Lane::Notes, at, Author::Agent(staff.id), &from, &body);
        note.client_id = Some(client_id.to_owned());
        let mut unit = Unit { entries: vec![note], ..Unit::default() };
        let is_open = matches!(view.stage, Stage::Serving | Stage::WrapUp);
        if is_open && view.agent.is_some_and(|agent| agent.id != staff.id) {
            // Said to the agent while they serve.
            let line = self.look_line(staff, &row, "conversation.whisper", &serde_json::json!({}));
            unit.changes.push(Change::Audit(line));
            unit.events.push(intervened(id, at, staff.id, Intervention::Whispered));
        }
        Ok(self.append(at, unit)?.await?.0)
    }

    /// Hands over; the future says whether the first entry was new. The publisher tells the desk of a clock that stopped.
    pub(super) fn append(
        self: &Arc<Self>,
        at: Timestamp,
        unit: Unit,
    ) -> Result<impl Future<Output = Result<(Answer, bool), WireError>> + Send + use<>, WireError> {
        let began = Instant::now();
        let committed = self.store.enqueue(unit).map_err(store_error)?;
        let app = Arc::clone(self);
        Ok(async move {
            let written = committed.await.map_err(store_error)?;
            app.metrics.commit.record(began.elapsed());
            match written.entries.first() {
                Some(Written::New { seq, .. }) => Ok((Answer::Sent { seq: *seq, at }, true)),
                Some(Written::Duplicate { seq, at }) => Ok((Answer::Sent { seq: *seq, at: *at }, false)),
                Some(Written::Skipped) | None => Err(WireError::new(ErrorCode::InvalidStage, "not possible now")),
            }
        })
    }

    pub(super) fn typing(&self, who: &Principal, id: ConversationId, typing: bool) -> Result<(), WireError> {
        let from = self.writer(who, id)?.party;
        self.hub.publish(Topic::Conversation(id), None, EventBody::Typing { from, typing });
        Ok(())
    }

    pub(super) fn read(self: &Arc<Self>, who: &Principal, id: ConversationId, seq: u64) -> Result<Pending, WireError> {
        let Writer { author, party: by, .. } = self.writer(who, id)?;
        if let Author::Agent(me) = author
            && self.shared.live.get(&id).is_none_or(|live| live.view.agent.as_ref().is_none_or(|one| one.id != me))
        {
            // Only who serves has read it.
            return Ok(Box::pin(async { Ok(Answer::Done) }));
        }
        let by_agent = matches!(author, Author::Agent(_));
        let changes = vec![Change::Read { conversation: id, by_agent, seq }];
        let committed = self.store.enqueue(Unit { changes, ..Unit::default() }).map_err(store_error)?;
        let app = Arc::clone(self);
        Ok(Box::pin(async move {
            committed.await.map_err(store_error)?;
            if let Some(mut live) = app.shared.live.get_mut(&id) {
                let position = if by_agent { &mut live.view.agent_read } else { &mut live.view.citizen_read };
                *position = (*position).max(seq);
            }
            app.hub.publish(Topic::Conversation(id), None, EventBody::Read { by, seq });
            Ok(Answer::Done)
        }))
    }

    pub(super) fn draft(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        text: &str,
    ) -> Result<Pending, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        self.writer(who, id)?;
        let text = conversation::at_most("text", text, MAX_TEXT).map_err(invalid)?.to_owned();
        let changes = vec![Change::Draft { agent: staff.id, conversation: id, text, at }];
        let committed = self.store.enqueue(Unit { changes, ..Unit::default() }).map_err(store_error)?;
        Ok(Box::pin(async move {
            committed.await.map_err(store_error)?;
            Ok(Answer::Done)
        }))
    }
}

/// For the log of a conversation.
pub(super) fn intervened(id: ConversationId, at: Timestamp, by: AgentId, what: Intervention) -> Event {
    let what = history::Event::Intervened { by, what };
    Event { conversation: Some(id), at, actor: Author::Agent(by), what }
}

fn unknown_entry() -> WireError {
    WireError { field: Some("entry".to_owned()), ..WireError::new(ErrorCode::NotFound, "no such entry") }
}

pub(super) fn bot_entry(id: ConversationId, at: Timestamp, body: &ThreadBody) -> NewEntry {
    let mut said = entry(id, Lane::Public, at, Author::Bot, &Party::Bot, body);
    said.only_in = Some(Stage::Bot);
    said.follows = true;
    said.turn = bot::turn(body);
    said.rude = matches!(body, ThreadBody::BotSays { phrase: BotPhrase::Polite });
    if let ThreadBody::BotAnswer { entry, .. } = body {
        said.about = Some(entry.clone());
    }
    said
}
