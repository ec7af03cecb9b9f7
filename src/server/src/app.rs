//! The wiring, read top to bottom, and the rights of every command.

use std::{collections::HashMap, sync::Arc};

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    conversation::{self, CONTINUE_WITHIN, InvalidField, MAX_CLIENT_ID, MAX_COMMENT, MAX_LEFT_MESSAGE, MAX_TEXT},
    routing,
    time::MINUTE,
    words::{AgentStatus, CitizenKind, Role, Stage},
};
use bangban_protocol::{
    Answer, Command, ConversationContext, ConversationView, ErrorCode, EventBody, Identity, ItemView, MyConversation,
    Party, PastConversation, Snapshot, ThreadBody, ThreadEntry, Topic, WireError,
};
use bangban_store::{Author, Change, ConversationRow, EntryRow, Lane, Published, StaffRow, Store, Unit, Written};
use dashmap::DashMap;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    auth::{Auth, Citizen, Principal, Staff, hash_password},
    bot,
    catalogue::Catalogue,
    clock::Clock,
    config::Config,
    desk::{Actor, Desk, Order, Shared, World, entry, view_of},
    http::{ANY_ORIGIN, Door},
    hub::Hub,
};

/// A thread that missed more than this is sent anew from its end.
const RESUME_LIMIT: u32 = 500;

/// Length of one page of a thread.
const PAGE: u32 = 100;

/// The password of every demo account.
pub const DEMO_PASSWORD: &str = "bangban-demo";

/// Everything that sessions and handlers need.
pub struct App {
    /// Time.
    pub clock: Clock,
    /// Tokens.
    pub auth: Auth,
    /// Sockets.
    pub hub: Arc<Hub>,
    /// Rows.
    pub store: Store,
    /// Is this the demo?
    pub demo: bool,
    /// Frames that may wait for one socket.
    pub socket_queue: usize,
    /// Origins of the portals that may embed the widget; [`ANY_ORIGIN`] for all.
    pub portal_origins: Vec<String>,
    /// Log-in.
    pub door: Door,
    catalogue: Arc<Catalogue>,
    desk: Desk,
    shared: Arc<Shared>,
    names: HashMap<AgentId, String>,
    consoles: DashMap<AgentId, u32>,
}

#[derive(Deserialize)]
struct Stored {
    from: Party,
    body: ThreadBody,
}

fn thread_entry(row: EntryRow) -> Result<ThreadEntry, WireError> {
    let Stored { from, body } = serde_json::from_str(&row.body).map_err(|error| internal(&error))?;
    Ok(ThreadEntry { seq: row.seq, at: row.at, from, client_id: row.client_id, body })
}

fn internal(error: &impl std::fmt::Display) -> WireError {
    tracing::error!(%error, "a request failed");
    WireError::new(ErrorCode::Internal, "the server could not do it")
}

fn store_error(error: bangban_store::StoreError) -> WireError {
    if matches!(error, bangban_store::StoreError::Busy) {
        return WireError::new(ErrorCode::Busy, "the writer is at its limit");
    }
    internal(&error)
}

fn invalid(error: InvalidField) -> WireError {
    WireError::field(error.field, error.problem.to_string())
}

fn forbidden() -> WireError {
    WireError::new(ErrorCode::Forbidden, "your role or your part in the conversation does not allow it")
}

fn not_found() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such conversation")
}

impl App {
    /// Opens the store, seeds the demo staff, rebuilds the desk.
    ///
    /// # Errors
    /// One line that names the cause.
    pub async fn start(config: &Config, clock: Clock, demo: bool) -> anyhow::Result<Arc<Self>> {
        let catalogue = Arc::new(Catalogue::demo()?);
        let hub = Arc::new(Hub::new(clock.now().0.unsigned_abs()));
        let publisher = {
            let hub = Arc::clone(&hub);
            Box::new(move |batch: &[Published]| publish(&hub, batch))
        };
        let store = Store::open(&config.data.dir, config.limits.mailbox, publisher).await?;
        let auth = Auth::new(config)?;
        if demo {
            seed(&store, &catalogue).await?;
        }
        let shared = Arc::new(Shared::default());
        let world = World {
            clock: clock.clone(),
            catalogue: Arc::clone(&catalogue),
            calendar: Arc::new(config.calendar()?),
            store: store.clone(),
            hub: Arc::clone(&hub),
            shared: Arc::clone(&shared),
            settings: config.settings(),
            slots: (i64::from(config.service.slot_minutes) * MINUTE, config.service.slot_capacity.into()),
        };
        let names = store.staff().await?.into_iter().map(|member| (member.id, member.name)).collect();
        let desk = Desk::start(world, config.limits.mailbox).await?;
        let socket_queue = config.limits.socket_queue;
        let mut portal_origins = config.http.portal_origins.clone();
        if demo && portal_origins.is_empty() {
            portal_origins.push(ANY_ORIGIN.to_owned());
        }
        Ok(Arc::new(Self {
            clock,
            auth,
            hub,
            store,
            demo,
            socket_queue,
            portal_origins,
            door: Door::new(config.login_policy(), config.http.trust_forwarded),
            catalogue,
            desk,
            shared,
            names,
            consoles: DashMap::new(),
        }))
    }

    /// Log-ins of the demo staff of a role.
    #[must_use]
    pub fn demo_logins(&self, role: Role) -> Vec<&str> {
        self.catalogue.staff.iter().filter(|member| member.role == role).map(|member| member.login.as_str()).collect()
    }

    /// Answer to `hello`: who you are and, for a citizen, your conversations. Counts an agent's consoles.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn welcome(&self, who: &Principal, tick_seconds: u32) -> Result<Answer, WireError> {
        let now = self.clock.now();
        let (me, conversations) = match who {
            Principal::Citizen(citizen) => {
                let since = now - CONTINUE_WITHIN;
                let rows = self.store.conversations_of(citizen.id, since, 50).await.map_err(store_error)?;
                let mine = rows.into_iter().map(|row| self.mine(row)).collect();
                (Identity::Citizen { id: citizen.id, name: citizen.name.clone(), kind: citizen.kind }, mine)
            }
            Principal::Staff(staff) => {
                let me = Identity::Staff { id: staff.id, name: staff.name.clone(), role: staff.role };
                if staff.role == Role::Agent {
                    *self.consoles.entry(staff.id).or_insert(0) += 1;
                    self.desk.give(Actor::Staff(staff.clone()), now, Order::Connected).await?;
                }
                (me, Vec::new())
            }
        };
        Ok(Answer::Welcome { me, now, tick_seconds, conversations })
    }

    /// The socket of a welcomed principal has gone.
    pub async fn goodbye(&self, who: &Principal) {
        let Principal::Staff(staff) = who else { return };
        if staff.role != Role::Agent {
            return;
        }
        let left = self.consoles.get_mut(&staff.id).map_or(0, |mut count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0
            && let Err(error) = self.desk.give(Actor::Staff(staff.clone()), self.clock.now(), Order::Disconnected).await
        {
            tracing::error!(%error, agent = %staff.id, "the desk does not know that an agent has gone");
        }
    }

    fn mine(&self, row: ConversationRow) -> MyConversation {
        let item_name = row.item.as_deref().and_then(|code| self.catalogue.item(code)).map(|item| item.name.clone());
        MyConversation { id: row.id, item: row.item, item_name, stage: row.stage, opened_at: row.opened_at }
    }

    /// Carries out a command; what it changes is durable when this returns.
    ///
    /// # Errors
    /// A refusal.
    pub async fn execute(&self, who: &Principal, at: Timestamp, command: Command) -> Result<Answer, WireError> {
        let order = match command {
            Command::Send { conversation, client_id, text, entry } => {
                return self.send(who, at, conversation, client_id, &text, entry).await;
            }
            Command::ChooseEntry { conversation, client_id, entry } => {
                return self.choose(who, at, conversation, client_id, &entry).await;
            }
            Command::Note { conversation, client_id, text } => {
                return self.note(who, at, conversation, client_id, &text).await;
            }
            Command::Typing { conversation, typing } => return self.typing(who, conversation, typing),
            Command::Read { conversation, seq } => return self.read(who, conversation, seq).await,
            Command::LoadEarlier { conversation, before } => return self.earlier(who, conversation, before).await,
            Command::SaveDraft { conversation, text } => return self.draft(who, at, conversation, &text).await,
            Command::SearchKnowledge { query, item } => {
                let Principal::Staff(_) = who else { return Err(forbidden()) };
                let query = conversation::text("query", &query, 200).map_err(invalid)?;
                return Ok(Answer::Knowledge { hits: self.catalogue.search(query, item.as_deref(), 10) });
            }
            Command::Hello { .. } | Command::Subscribe { .. } | Command::Unsubscribe { .. } => {
                return Err(WireError::new(ErrorCode::BadRequest, "only once, at the begin"));
            }
            Command::OpenConversation { item, channel } => Order::Open { item, channel },
            Command::BotFeedback { conversation, seq, solved } => Order::Feedback { conversation, answer: seq, solved },
            Command::RequestHuman { conversation } => Order::RequestHuman(conversation),
            Command::CancelRequest { conversation } => Order::CancelRequest(conversation),
            Command::LeaveMessage { conversation, client_id, text, phone, slot } => Order::LeaveMessage {
                conversation,
                client_id: conversation::text("clientId", &client_id, MAX_CLIENT_ID).map_err(invalid)?.to_owned(),
                text: conversation::text("text", &text, MAX_LEFT_MESSAGE).map_err(invalid)?.to_owned(),
                phone: conversation::telephone("phone", &phone).map_err(invalid)?,
                slot,
            },
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
            Command::Close { conversation, outcome, hand_on } => Order::Close { conversation, outcome, hand_on },
        };
        self.desk.give(actor(who), at, order).await
    }

    /// The state of a topic for one who may read it. The session has joined the topic before, so nothing is missed.
    ///
    /// # Errors
    /// `forbidden` or `not_found`.
    pub async fn subscribe(&self, who: &Principal, topic: Topic, after: Option<u64>) -> Result<Answer, WireError> {
        let epoch = self.hub.epoch();
        let (seq, snapshot) = match (topic, who) {
            (Topic::Conversation(id), _) => {
                let (_, view) = self.readable(who, id).await?;
                let (entries, reset, more, seq) = self.thread(id, Lane::Public, after).await?;
                (seq, Snapshot::Conversation { view, entries, reset, more })
            }
            (Topic::Notes(id), Principal::Staff(staff)) => {
                let (row, _) = self.readable(who, id).await?;
                let (entries, reset, _, seq) = self.thread(id, Lane::Notes, after).await?;
                let draft = self.store.draft(staff.id, id).await.map_err(store_error)?;
                (seq, Snapshot::Notes { context: self.context(&row).await?, entries, reset, draft })
            }
            (Topic::Agent(id), Principal::Staff(staff)) if staff.id == id || staff.role == Role::Supervisor => {
                let known = self.shared.agents.get(&id).map(|known| known.value().clone());
                let (seq, view) = known.ok_or_else(|| WireError::new(ErrorCode::NotFound, "no such agent"))?;
                (seq, Snapshot::Agent { view })
            }
            (Topic::Board, Principal::Staff(staff)) if staff.role == Role::Supervisor => {
                let known = self.shared.board.lock().ok().and_then(|board| board.clone());
                let (seq, view) = known.ok_or_else(|| WireError::new(ErrorCode::Busy, "the board is not there yet"))?;
                (seq, Snapshot::Board { view })
            }
            (Topic::Notes(_) | Topic::Agent(_) | Topic::Board | Topic::Session, _) => return Err(forbidden()),
        };
        Ok(Answer::Subscribed { topic, epoch, seq, snapshot: Box::new(snapshot) })
    }

    async fn thread(
        &self,
        id: ConversationId,
        lane: Lane,
        after: Option<u64>,
    ) -> Result<(Vec<ThreadEntry>, bool, bool, u64), WireError> {
        if let Some(after) = after {
            let rows = self.store.entries_after(id, lane, after, RESUME_LIMIT + 1).await.map_err(store_error)?;
            if rows.len() <= RESUME_LIMIT as usize {
                let seq = rows.last().map_or(after, |row| row.seq);
                let entries = rows.into_iter().map(thread_entry).collect::<Result<_, _>>()?;
                return Ok((entries, false, false, seq));
            }
        }
        let rows = self.store.entries_before(id, lane, u64::MAX, PAGE).await.map_err(store_error)?;
        let seq = rows.last().map_or(0, |row| row.seq);
        let more = rows.first().is_some_and(|row| row.seq > 1);
        Ok((rows.into_iter().map(thread_entry).collect::<Result<_, _>>()?, true, more, seq))
    }

    /// The conversation, if `who` may read it: its citizen, the agent who serves it, a supervisor.
    async fn readable(
        &self,
        who: &Principal,
        id: ConversationId,
    ) -> Result<(ConversationRow, ConversationView), WireError> {
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        let live = self.shared.live.get(&id).map(|live| live.view.clone());
        let agent = live.as_ref().map_or(row.agent, |view| view.agent.as_ref().map(|agent| agent.id));
        match who {
            Principal::Citizen(citizen) if citizen.id == row.citizen => {}
            // Not telling strangers that it exists.
            Principal::Citizen(_) => return Err(not_found()),
            Principal::Staff(staff) if staff.role == Role::Supervisor || agent == Some(staff.id) => {}
            Principal::Staff(_) => return Err(forbidden()),
        }
        let view = match live {
            Some(view) => view,
            None => {
                let clock = self.store.last_clock(id).await.map_err(store_error)?.map(|row| routing::Clock {
                    asked_at: row.asked_at,
                    due_at: row.due_at,
                    answered_at: row.answered_at,
                    step: row.step,
                });
                let name = row.agent.and_then(|agent| self.names.get(&agent)).cloned();
                view_of(&row, clock.as_ref(), &self.catalogue, name)
            }
        };
        Ok((row, view))
    }

    async fn context(&self, row: &ConversationRow) -> Result<ConversationContext, WireError> {
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?.ok_or_else(not_found)?;
        let past = self.store.conversations_of(row.citizen, Timestamp(0), 11).await.map_err(store_error)?;
        let item = row.item.as_deref().and_then(|code| self.catalogue.item(code));
        let phone = row.call_back_phone.as_ref().or(citizen.phone.as_ref());
        Ok(ConversationContext {
            citizen_name: conversation::masked_name(&citizen.name, citizen.kind),
            citizen_kind: citizen.kind,
            phone: phone.map(|number| conversation::masked_telephone(number)),
            level: citizen.level,
            channel: row.channel,
            answers: item.map_or_else(Vec::new, |item| self.catalogue.search(&item.name, Some(&item.code), 9)),
            item: item.map(|item| ItemView {
                code: item.code.clone(),
                name: item.name.clone(),
                department: item.department.clone(),
                high_frequency: item.high_frequency,
                virtual_window: item.virtual_window,
            }),
            history: past
                .into_iter()
                .filter(|other| other.id != row.id)
                .take(10)
                .map(|other| PastConversation {
                    stage: other.stage,
                    outcome: other.outcome,
                    opened_at: other.opened_at,
                    stars: other.stars,
                    id: other.id,
                    item_name: self.mine(other).item_name,
                })
                .collect(),
        })
    }

    /// Who writes, if they may: the citizen of an open conversation, or the agent who serves it.
    fn writer(&self, who: &Principal, id: ConversationId) -> Result<(Author, Party, ConversationView), WireError> {
        let live = self.shared.live.get(&id).map(|live| live.value().clone()).ok_or_else(not_found)?;
        match who {
            Principal::Citizen(citizen) if citizen.id == live.citizen => {
                Ok((Author::Citizen, Party::Citizen, live.view))
            }
            Principal::Citizen(_) => Err(not_found()),
            Principal::Staff(staff) => {
                let serves = live.view.agent.as_ref().is_some_and(|agent| agent.id == staff.id)
                    && matches!(live.view.stage, Stage::Serving | Stage::WrapUp);
                let party = Party::Agent { id: staff.id, name: staff.name.clone() };
                if serves { Ok((Author::Agent(staff.id), party, live.view)) } else { Err(forbidden()) }
            }
        }
    }

    async fn send(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: String,
        text: &str,
        knowledge: Option<String>,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", &client_id, MAX_CLIENT_ID).map_err(invalid)?.to_owned();
        let text = conversation::text("text", text, MAX_TEXT).map_err(invalid)?;
        if let (Principal::Citizen(_), false) = (who, self.shared.live.contains_key(&id)) {
            self.desk.give(actor(who), at, Order::Reopen(id)).await?;
        }
        let (author, party, view) = self.writer(who, id)?;
        let body = ThreadBody::Text { text: text.to_owned(), entry: knowledge };
        let mut message = entry(id, Lane::Public, at, author, &party, &body);
        message.client_id = Some(client_id);
        message.answers = matches!(author, Author::Agent(_));
        let mut unit = Unit { entries: vec![message], ..Unit::default() };
        let mut wants_human = false;
        if author == Author::Citizen && view.stage == Stage::Bot {
            let reply = bot::reply(&self.catalogue, text, view.item.as_deref());
            wants_human = reply.requests_human;
            unit.entries.push(bot_entry(id, at, &reply.body));
        }
        let (answer, is_new) = self.append(at, id, unit).await?;
        if wants_human && is_new {
            // In the thread already; if nobody is there now, the page offers to leave a message.
            self.desk.give(actor(who), at, Order::RequestHuman(id)).await?;
        }
        Ok(answer)
    }

    async fn choose(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: String,
        chosen: &str,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", &client_id, MAX_CLIENT_ID).map_err(invalid)?.to_owned();
        let Principal::Citizen(_) = who else { return Err(forbidden()) };
        let (author, party, _) = self.writer(who, id)?;
        let unknown =
            || WireError { field: Some("entry".to_owned()), ..WireError::new(ErrorCode::NotFound, "no such entry") };
        let question = self.catalogue.index().entry(chosen).ok_or_else(unknown)?.question.clone();
        let answer = bot::answer(&self.catalogue, chosen).ok_or_else(unknown)?;
        let body = ThreadBody::Text { text: question, entry: None };
        let mut message = entry(id, Lane::Public, at, author, &party, &body);
        message.client_id = Some(client_id);
        let unit = Unit { entries: vec![message, bot_entry(id, at, &answer)], ..Unit::default() };
        Ok(self.append(at, id, unit).await?.0)
    }

    /// Commits; tells the desk if the clock was stopped. Says whether the first entry was new.
    async fn append(&self, at: Timestamp, id: ConversationId, unit: Unit) -> Result<(Answer, bool), WireError> {
        let written = self.store.commit(unit).await.map_err(store_error)?;
        match written.entries.first() {
            Some(Written::New { seq, answered }) => {
                if *answered && let Err(error) = self.desk.give(Actor::System, at, Order::Replied(id)).await {
                    tracing::warn!(%error, conversation = %id, "the desk learns of a reply at its next start");
                }
                Ok((Answer::Sent { seq: *seq, at }, true))
            }
            Some(Written::Duplicate { seq, at }) => Ok((Answer::Sent { seq: *seq, at: *at }, false)),
            Some(Written::Skipped) | None => Err(WireError::new(ErrorCode::InvalidStage, "not possible now")),
        }
    }

    async fn note(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: String,
        text: &str,
    ) -> Result<Answer, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        let client_id = conversation::text("clientId", &client_id, MAX_CLIENT_ID).map_err(invalid)?.to_owned();
        let text = conversation::text("text", text, MAX_TEXT).map_err(invalid)?;
        self.readable(who, id).await?;
        let from = Party::Agent { id: staff.id, name: staff.name.clone() };
        let body = ThreadBody::Note { text: text.to_owned() };
        let mut note = entry(id, Lane::Notes, at, Author::Agent(staff.id), &from, &body);
        note.client_id = Some(client_id);
        Ok(self.append(at, id, Unit { entries: vec![note], ..Unit::default() }).await?.0)
    }

    fn typing(&self, who: &Principal, id: ConversationId, typing: bool) -> Result<Answer, WireError> {
        let (_, from, _) = self.writer(who, id)?;
        self.hub.publish(Topic::Conversation(id), None, EventBody::Typing { from, typing });
        Ok(Answer::Done)
    }

    async fn read(&self, who: &Principal, id: ConversationId, seq: u64) -> Result<Answer, WireError> {
        let (author, by, _) = self.writer(who, id)?;
        let by_agent = matches!(author, Author::Agent(_));
        let changes = vec![Change::Read { conversation: id, by_agent, seq }];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        if let Some(mut live) = self.shared.live.get_mut(&id) {
            let position = if by_agent { &mut live.view.agent_read } else { &mut live.view.citizen_read };
            *position = (*position).max(seq);
        }
        self.hub.publish(Topic::Conversation(id), None, EventBody::Read { by, seq });
        Ok(Answer::Done)
    }

    async fn earlier(&self, who: &Principal, id: ConversationId, before: u64) -> Result<Answer, WireError> {
        self.readable(who, id).await?;
        let rows = self.store.entries_before(id, Lane::Public, before, PAGE).await.map_err(store_error)?;
        let more = rows.first().is_some_and(|row| row.seq > 1);
        Ok(Answer::Earlier { entries: rows.into_iter().map(thread_entry).collect::<Result<_, _>>()?, more })
    }

    async fn draft(&self, who: &Principal, at: Timestamp, id: ConversationId, text: &str) -> Result<Answer, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        self.writer(who, id)?;
        let text = conversation::at_most("text", text, MAX_TEXT).map_err(invalid)?.to_owned();
        let changes = vec![Change::Draft { agent: staff.id, conversation: id, text, at }];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        Ok(Answer::Done)
    }
}

fn actor(who: &Principal) -> Actor {
    match who {
        Principal::Citizen(citizen) => Actor::Citizen(Citizen::clone(citizen)),
        Principal::Staff(staff) => Actor::Staff(Staff::clone(staff)),
    }
}

fn bot_entry(id: ConversationId, at: Timestamp, body: &ThreadBody) -> bangban_store::NewEntry {
    let mut said = entry(id, Lane::Public, at, Author::Bot, &Party::Bot, body);
    said.only_in = Some(Stage::Bot);
    said.follows = true;
    said
}

/// Called by the writer, in commit order.
fn publish(hub: &Hub, batch: &[Published]) {
    for Published { seq, entry } in batch {
        let topic = match entry.lane {
            Lane::Public => Topic::Conversation(entry.conversation),
            Lane::Notes => Topic::Notes(entry.conversation),
        };
        if !hub.has_listeners(topic) {
            continue;
        }
        match serde_json::from_str(&entry.body) {
            Ok(Stored { from, body }) => {
                let entry = ThreadEntry { seq: *seq, at: entry.at, from, client_id: entry.client_id.clone(), body };
                hub.publish(topic, Some(*seq), EventBody::Entry { entry });
            }
            Err(error) => tracing::error!(%error, %topic, "an entry is not what we wrote"),
        }
    }
}

/// The demo accounts; a chosen status and a changed password survive.
async fn seed(store: &Store, catalogue: &Catalogue) -> anyhow::Result<()> {
    let known = store.staff().await?;
    if catalogue.staff.iter().all(|member| known.iter().any(|row| row.login == member.login)) {
        return Ok(());
    }
    let password_hash = tokio::task::spawn_blocking(|| hash_password(DEMO_PASSWORD)).await??;
    let rows = catalogue.staff.iter().map(|member| {
        Change::Staff(StaffRow {
            id: AgentId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, member.login.as_bytes()).as_u128()),
            login: member.login.clone(),
            name: member.name.clone(),
            role: member.role,
            password_hash: password_hash.clone(),
            capacity: member.capacity,
            status: AgentStatus::Online,
            teams: member.teams.clone(),
        })
    });
    store.commit(Unit { changes: rows.collect(), ..Unit::default() }).await?;
    Ok(())
}

/// A demo citizen: subject, name, kind, telephone.
#[must_use]
pub fn demo_citizen(code: &str) -> Option<(&'static str, CitizenKind, &'static str)> {
    match code {
        "demo-citizen-1" => Some(("张伟", CitizenKind::Person, "13800138001")),
        "demo-citizen-2" => Some(("李娜", CitizenKind::Person, "13800138002")),
        "demo-enterprise-1" => Some(("上海示例科技有限公司", CitizenKind::Enterprise, "02163210000")),
        _ => None,
    }
}
