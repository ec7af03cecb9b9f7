//! The desk: the one owner of the router. Orders wait in a bounded mailbox; all that wait are decided together, their
//! effects become one unit of the store, and only when it is durable are they answered and published. If the unit fails,
//! every order of it is refused and the core is rebuilt from the rows, the same way as at start.

mod board;
pub(crate) mod case;
mod orders;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bangban_domain::{
    AgentId, ConversationId, OfferId, TeamId, Timestamp,
    calendar::Calendar,
    figures::{Request, Today},
    routing::{Clock as SlaClock, Effect, Input, Router, Settings},
    words::{AgentStatus, Channel, CitizenKind, HandOnChannel, OfferEnd, Outcome, Role, SlaStep, Stage},
};
use bangban_protocol::{
    AgentView, Answer, BoardView, ConversationView, ErrorCode, EventBody, OfferEnded, Party, ThreadBody, Topic,
    TransferTarget, WireError,
};
use bangban_store::{Author, Change, ConversationRow, Event, Json, Lane, NewEntry, StaffRow, Store, StoreError, Unit};
use dashmap::DashMap;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    auth::{Citizen, Staff},
    catalogue::Catalogue,
    clock::Clock,
    hub::Hub,
};
use case::Case;
pub(crate) use case::view_of;

/// At most this many orders are decided together.
const BATCH: usize = 64;

/// Pause between two attempts to read the rows while the database is away.
const REBUILD_PAUSE: i64 = 500;

/// The board is sent at most this often.
const BOARD_PAUSE: i64 = 200;

/// Who gives an order.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A citizen.
    Citizen(Citizen),
    /// A member of staff.
    Staff(Staff),
    /// The server itself.
    System,
}

/// What the desk can be asked to do.
#[derive(Debug, Clone)]
pub enum Order {
    /// See `Command::OpenConversation`.
    Open {
        /// Item code, known to the catalogue.
        item: Option<String>,
        /// Where from.
        channel: Channel,
    },
    /// The citizen writes to a closed conversation within 7 days.
    Reopen(ConversationId),
    /// See `Command::RequestHuman`.
    RequestHuman(ConversationId),
    /// See `Command::CancelRequest`.
    CancelRequest(ConversationId),
    /// See `Command::LeaveMessage`.
    LeaveMessage {
        /// Which.
        conversation: ConversationId,
        /// Made by the client.
        client_id: String,
        /// Checked.
        text: String,
        /// Checked.
        phone: String,
        /// Begin.
        slot: Timestamp,
    },
    /// See `Command::BotFeedback`.
    Feedback {
        /// Which.
        conversation: ConversationId,
        /// Position of the answer.
        answer: u64,
        /// The verdict.
        solved: bool,
    },
    /// See `Command::Finish`.
    Finish(ConversationId),
    /// See `Command::Rate`.
    Rate {
        /// Which.
        conversation: ConversationId,
        /// 1..=5.
        stars: u8,
        /// Checked.
        comment: String,
    },
    /// See `Command::SetStatus`.
    Status(AgentStatus),
    /// The agent's first console has come.
    Connected,
    /// The agent's last console has gone.
    Disconnected,
    /// See `Command::AcceptOffer`.
    Accept(OfferId),
    /// See `Command::DeclineOffer`.
    Decline(OfferId),
    /// See `Command::Transfer`.
    Transfer {
        /// Which.
        conversation: ConversationId,
        /// To whom.
        to: TransferTarget,
        /// Checked.
        note: String,
    },
    /// See `Command::CancelTransfer`.
    CancelTransfer(ConversationId),
    /// See `Command::Close`.
    Close {
        /// Which.
        conversation: ConversationId,
        /// How.
        outcome: Outcome,
        /// Out of scope: where to.
        hand_on: Option<HandOnChannel>,
    },
    /// A message of the serving agent is durable.
    Replied(ConversationId),
}

struct Envelope {
    who: Actor,
    at: Timestamp,
    order: Order,
    reply: oneshot::Sender<Result<Answer, WireError>>,
}

/// What sessions may know of a conversation without asking the desk.
#[derive(Debug, Clone)]
pub struct Live {
    /// Whose.
    pub citizen: bangban_domain::CitizenId,
    /// The state that both sides see.
    pub view: ConversationView,
}

/// State that the desk publishes and sessions read.
#[derive(Default)]
pub struct Shared {
    /// Conversations that are not closed.
    pub live: DashMap<ConversationId, Live>,
    /// Desks of agents, with the position of their topic.
    pub agents: DashMap<AgentId, (u64, AgentView)>,
    /// The board, with the position of its topic.
    pub board: std::sync::Mutex<Option<(u64, BoardView)>>,
}

/// The way to the desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    mailbox: mpsc::Sender<Envelope>,
}

/// What the desk needs of the world.
pub struct World {
    /// Time.
    pub clock: Clock,
    /// Items, teams, answers.
    pub catalogue: Arc<Catalogue>,
    /// Service hours.
    pub calendar: Arc<Calendar>,
    /// Rows.
    pub store: Store,
    /// Sockets.
    pub hub: Arc<Hub>,
    /// What sessions read.
    pub shared: Arc<Shared>,
    /// Numbers of the rules.
    pub settings: Settings,
    /// Length of a call-back slot in milliseconds, and how many people it takes.
    pub slots: (i64, u32),
}

impl Desk {
    /// Rebuilds the core from the rows and starts.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn start(world: World, mailbox: usize) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(mailbox);
        let mut owner = Owner::new(world);
        owner.rebuild().await?;
        tokio::spawn(owner.run(receiver));
        Ok(Self { mailbox: sender })
    }

    /// Orders that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mailbox.max_capacity() - self.mailbox.capacity()
    }

    /// Gives an order and waits until it is durable.
    ///
    /// # Errors
    /// A refusal; `busy` if the mailbox is full.
    pub async fn give(&self, who: Actor, at: Timestamp, order: Order) -> Result<Answer, WireError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.try_send(Envelope { who, at, order, reply }).map_err(|_| busy())?;
        answer.await.unwrap_or_else(|_| Err(busy()))
    }
}

fn busy() -> WireError {
    WireError::new(ErrorCode::Busy, "the desk is at its limit")
}

/// What one batch has decided so far.
#[derive(Default)]
struct Batch {
    unit: Unit,
    /// Conversations whose row changes.
    rows: BTreeSet<ConversationId>,
    /// Conversations whose view changes.
    views: BTreeSet<ConversationId>,
    /// Steps of clocks, for the metrics.
    steps: Vec<SlaStep>,
    /// Did anything change that agents or the board see?
    desks: bool,
}

struct Owner {
    world: World,
    router: Router,
    cases: HashMap<ConversationId, Case>,
    staff: BTreeMap<AgentId, StaffRow>,
    last_ends: HashMap<AgentId, OfferEnded>,
    offered_at: HashMap<OfferId, Timestamp>,
    today: Today,
    receipts: (Timestamp, u32),
    agent_seq: u64,
    board_seq: u64,
    board_at: Option<Timestamp>,
    board_dirty: bool,
    /// When the board changes although nothing happens: an hour, a day or service hours are over.
    board_changes_at: Option<Timestamp>,
    /// The core is not what the rows say, because they could not be read: nothing may be decided.
    is_stale: bool,
}

impl Owner {
    fn new(world: World) -> Self {
        let router = Router::new(0, world.settings.clone(), 0);
        Self {
            world,
            router,
            cases: HashMap::new(),
            staff: BTreeMap::new(),
            last_ends: HashMap::new(),
            offered_at: HashMap::new(),
            today: Today::default(),
            receipts: (Timestamp(0), 0),
            agent_seq: 0,
            board_seq: 0,
            board_at: None,
            board_dirty: true,
            board_changes_at: None,
            is_stale: false,
        }
    }

    /// The core from the rows; what was connected before has to connect again.
    async fn rebuild(&mut self) -> Result<(), StoreError> {
        let now = self.world.clock.now();
        let store = self.world.store.clone();
        let teams = u16::try_from(self.world.catalogue.teams().len()).unwrap_or(u16::MAX);
        // Offers of an earlier life must never be mistaken for ours: the instant of the start is their epoch.
        self.router = Router::new(now.0.unsigned_abs(), self.world.settings.clone(), teams);
        self.staff = store.staff().await?.into_iter().map(|member| (member.id, member)).collect();
        let mut clocks: HashMap<_, _> =
            store.open_clocks().await?.into_iter().map(|row| (row.conversation, row)).collect();
        let mut out = Vec::new();
        for member in self.staff.values().filter(|member| member.role == Role::Agent) {
            let teams = member.teams.iter().filter_map(|code| self.world.catalogue.team(code)).collect();
            let known = Input::AgentKnown { agent: member.id, teams, capacity: member.capacity, status: member.status };
            self.router.handle(now, known, &mut out).map_err(corrupt)?;
        }
        self.cases.clear();
        self.world.shared.live.clear();
        for row in store.open_conversations().await? {
            let clock = clocks.remove(&row.id);
            self.admit(row, clock).await?;
        }
        let ids: Vec<ConversationId> = self.cases.keys().copied().collect();
        for id in ids {
            let Some(case) = self.cases.get(&id) else { continue };
            let team = self.team_of(&case.row);
            let input = match (case.row.stage, case.row.slot, case.clock) {
                (Stage::Bot | Stage::Closed, ..) => None,
                (Stage::CallBack, slot, _) => {
                    slot.map(|(at, _)| Input::CallBackPromised { conversation: id, team, at })
                }
                (Stage::Waiting | Stage::Offered | Stage::Serving | Stage::WrapUp, _, clock) => {
                    clock.map(|clock| Input::Restored { conversation: id, team, clock, agent: case.row.agent })
                }
            };
            if let Some(input) = input {
                self.router.handle(now, input, &mut out).map_err(corrupt)?;
            }
        }
        self.today = Today::default();
        for row in store.ledger_since(Calendar::day_start(now)).await? {
            let team = self.world.catalogue.team(&row.team).unwrap_or(TeamId(0));
            let request = Request {
                conversation: row.conversation,
                team,
                asked_at: row.asked_at,
                due_at: row.due_at,
                answered_at: row.answered_at,
                left_at: row.left_at,
            };
            self.today.record(request, now);
        }
        let day = Calendar::day_start(now);
        self.receipts = (day, store.receipts_since(day).await?);

        // Effects of restoring (void offers, steps that fell into the pause) are carried out like any others.
        let mut batch = Batch::default();
        self.carry_out(&out, now, &mut batch);
        let unit = self.finish_unit(&mut batch);
        self.world.store.commit(unit).await?;
        batch.views.extend(self.cases.keys().copied());
        self.publish(&batch, now);
        Ok(())
    }

    async fn admit(&mut self, row: ConversationRow, clock: Option<bangban_store::LedgerRow>) -> Result<(), StoreError> {
        let citizen = self.world.store.citizen(row.citizen).await?;
        let last = self.world.store.last_of_citizen(row.id).await?;
        let last_text = last.and_then(|entry| case::text_of(&entry.body));
        let (name, kind) = citizen.map_or((String::new(), CitizenKind::Person), |citizen| (citizen.name, citizen.kind));
        let clock = clock.map(|row| SlaClock {
            asked_at: row.asked_at,
            due_at: row.due_at,
            answered_at: row.answered_at,
            step: row.step,
        });
        self.cases.insert(row.id, Case::new(row, &name, kind, clock, last_text));
        Ok(())
    }

    fn team_of(&self, row: &ConversationRow) -> TeamId {
        self.world.catalogue.team(&row.team).unwrap_or(TeamId(0))
    }

    async fn run(mut self, mut mailbox: mpsc::Receiver<Envelope>) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let board_due = if self.board_dirty {
                Some(self.board_at.map_or(Timestamp(0), |at| at + BOARD_PAUSE))
            } else {
                self.board_changes_at
            };
            let retry_at = self.is_stale.then(|| self.world.clock.now() + REBUILD_PAUSE);
            let deadline = retry_at.or([self.router.next_deadline(), board_due].into_iter().flatten().min());
            let clock = self.world.clock.clone();
            let alarm = async {
                match deadline {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = mailbox.recv_many(&mut waiting, BATCH) => if taken == 0 { return },
                () = alarm => {}
            }
            self.turn(std::mem::take(&mut waiting)).await;
        }
    }

    async fn turn(&mut self, envelopes: Vec<Envelope>) {
        if self.is_stale {
            self.is_stale = self.rebuild().await.is_err();
        }
        if self.is_stale {
            for Envelope { reply, .. } in envelopes {
                // Whoever asked may have gone.
                drop(reply.send(Err(busy())));
            }
            return;
        }
        let now = self.world.clock.now();
        let mut batch = Batch::default();
        let mut answers = Vec::with_capacity(envelopes.len());
        self.decide(Input::Tick, now, &mut batch).ok();
        for Envelope { who, at, order, reply } in envelopes {
            let answer = match self.load_for(&order).await {
                Ok(()) => self.order(&who, at, now, order, &mut batch),
                Err(error) => Err(internal(&error)),
            };
            answers.push((reply, answer));
        }
        let unit = self.finish_unit(&mut batch);
        let is_empty = unit == Unit::default();
        let committed = if is_empty { Ok(()) } else { self.world.store.commit(unit).await.map(|_| ()) };
        match committed {
            Ok(()) => self.publish(&batch, now),
            Err(error) => {
                let refusal = internal(&error);
                for (_, answer) in &mut answers {
                    *answer = Err(refusal.clone());
                }
                // What was decided is not durable: forget it.
                if let Err(error) = self.rebuild().await {
                    tracing::error!(%error, "the desk decides nothing until it can be rebuilt");
                    self.is_stale = true;
                }
            }
        }
        for (reply, answer) in answers {
            // Whoever asked may have gone; what was decided stands.
            drop(reply.send(answer));
        }
        self.flush_board(now);
        self.cases.retain(|_, case| case.row.stage != Stage::Closed);
    }

    /// Closed conversations are not kept in memory: rating and reopening bring them back.
    async fn load_for(&mut self, order: &Order) -> Result<(), StoreError> {
        let id = match order {
            Order::Reopen(id) | Order::RequestHuman(id) | Order::Finish(id) | Order::Rate { conversation: id, .. } => {
                *id
            }
            _ => return Ok(()),
        };
        if !self.cases.contains_key(&id)
            && let Some(row) = self.world.store.conversation(id).await?
        {
            let clock = self.world.store.last_clock(id).await?;
            self.admit(row, clock).await?;
        }
        // Messages do not pass through the desk: what the offer will show is read when it is needed.
        if matches!(order, Order::RequestHuman(_)) {
            let last = self.world.store.last_of_citizen(id).await?;
            if let Some(case) = self.cases.get_mut(&id) {
                case.last_text = last.and_then(|entry| case::text_of(&entry.body));
            }
        }
        Ok(())
    }

    fn decide(&mut self, input: Input, now: Timestamp, batch: &mut Batch) -> Result<(), WireError> {
        let mut out = Vec::new();
        let result = self.router.handle(now, input, &mut out);
        // Time has passed even if the input was refused.
        self.carry_out(&out, now, batch);
        result.map_err(|refusal| orders::refused(&refusal))
    }

    /// Turns effects into rows, entries and log lines.
    fn carry_out(&mut self, effects: &[Effect], now: Timestamp, batch: &mut Batch) {
        for effect in effects {
            batch.desks = true;
            match *effect {
                Effect::Queued { conversation, team, clock, taken_from } => {
                    let team_code = self.world.catalogue.team_at(team).map(|team| team.code.clone());
                    let name = taken_from.and_then(|id| self.staff.get(&id)).map(|member| member.name.clone());
                    let Some(case) = self.cases.get_mut(&conversation) else { continue };
                    let is_new = case.clock.is_none_or(|known| known.asked_at != clock.asked_at);
                    let was_call_back = case.row.stage == Stage::CallBack;
                    case.row.stage = Stage::Waiting;
                    case.row.agent = None;
                    case.row.team = team_code.unwrap_or_default();
                    case.clock = Some(clock);
                    if is_new {
                        case.row.clock_no += 1;
                        batch.unit.changes.push(Change::Clock(case.ledger(&clock)));
                        let due_at = clock.due_at;
                        let body = if was_call_back {
                            ThreadBody::CallBackDue { due_at }
                        } else {
                            ThreadBody::HumanRequested { due_at }
                        };
                        batch.say(conversation, clock.asked_at, body);
                        self.record(conversation, now, |_| {});
                    }
                    if let Some(name) = name {
                        batch.say(conversation, now, ThreadBody::AgentLeft { name });
                    }
                    batch.log(conversation, now, "system", "queued");
                }
                Effect::Offered { offer, conversation, agent, transfer_by, .. } => {
                    self.offered_at.insert(offer, now);
                    if transfer_by.is_none()
                        && let Some(case) = self.cases.get_mut(&conversation)
                    {
                        case.row.stage = Stage::Offered;
                    }
                    batch.log(conversation, now, &agent.to_string(), "offered");
                }
                Effect::OfferEnded { offer, conversation, agent, reason } => {
                    self.offered_at.remove(&offer);
                    self.last_ends.insert(agent, OfferEnded { offer, reason });
                    if let Some(case) = self.cases.get_mut(&conversation)
                        && case.row.stage == Stage::Offered
                    {
                        case.row.stage = Stage::Waiting;
                    }
                    batch.log(conversation, now, &agent.to_string(), reason.as_str());
                }
                Effect::Assigned { offer, conversation, agent, team, transfer_by } => {
                    self.offered_at.remove(&offer);
                    self.assigned(conversation, agent, team, transfer_by, now, batch);
                }
                Effect::TransferEnded { conversation, by, reason } => {
                    let what = match reason {
                        OfferEnd::Declined => "declined",
                        OfferEnd::Missed => "missed",
                        OfferEnd::TransferCancelled | OfferEnd::ConversationGone => "cancelled",
                        OfferEnd::AgentUnavailable => "unavailable",
                    };
                    let to_name = self.cases.get_mut(&conversation).and_then(|case| case.transfer.take());
                    let to_name = to_name.map(|(to, _)| to).unwrap_or_default();
                    let body = ThreadBody::TransferNote { to_name, what: what.to_owned(), text: String::new() };
                    batch.note(conversation, now, body);
                    batch.log(conversation, now, &by.to_string(), "transfer_ended");
                }
                Effect::Stepped { conversation, step, at } => {
                    let Some(case) = self.cases.get_mut(&conversation) else { continue };
                    if let Some(clock) = &mut case.clock {
                        clock.step = step;
                    }
                    let no = case.row.clock_no;
                    batch.unit.changes.push(Change::Step { conversation, no, step, at });
                    batch.steps.push(step);
                    batch.log(conversation, now, "system", step.as_str());
                    if step == SlaStep::Breached {
                        tracing::warn!(%conversation, "nobody answered within the minute");
                    }
                }
                Effect::Answered { conversation, at, strikes_breach } => {
                    let Some(case) = self.cases.get_mut(&conversation) else { continue };
                    if let Some(clock) = &mut case.clock {
                        clock.answered_at = Some(at);
                        if strikes_breach {
                            clock.step = SlaStep::Alerted;
                            batch.unit.changes.push(Change::StrikeBreach { conversation, no: case.row.clock_no });
                        }
                    }
                    self.record(conversation, now, |request| request.answered_at = Some(at));
                    batch.log(conversation, now, "system", "answered");
                }
                Effect::Left { conversation } => {
                    let Some(case) = self.cases.get(&conversation) else { continue };
                    batch.unit.changes.push(Change::Left { conversation, no: case.row.clock_no, at: now });
                    self.record(conversation, now, |request| request.left_at = Some(now));
                    batch.log(conversation, now, "citizen", "left");
                }
                Effect::StatusChanged { agent, status, until } => {
                    // A short break is not a choice: after a restart the chosen status holds.
                    if until.is_none() {
                        batch.unit.changes.push(Change::Status { agent, status, at: now });
                    }
                }
                Effect::AgentMissing { agent, lost } => {
                    tracing::info!(%agent, lost, "an agent is gone");
                }
            }
            if let Effect::Queued { conversation, .. }
            | Effect::Offered { conversation, .. }
            | Effect::OfferEnded { conversation, .. }
            | Effect::Assigned { conversation, .. }
            | Effect::TransferEnded { conversation, .. }
            | Effect::Stepped { conversation, .. }
            | Effect::Answered { conversation, .. }
            | Effect::Left { conversation } = effect
            {
                batch.touch(*conversation);
            }
        }
    }

    fn assigned(
        &mut self,
        conversation: ConversationId,
        agent: AgentId,
        team: TeamId,
        transfer_by: Option<AgentId>,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let name_of = |id: AgentId| self.staff.get(&id).map(|member| member.name.clone()).unwrap_or_default();
        let name = name_of(agent);
        let team = self.world.catalogue.team_at(team).cloned();
        let (code, team_name) = team.map(|team| (team.code, team.name)).unwrap_or_default();
        let from_name = transfer_by.map(name_of);
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        if case.row.stage != Stage::WrapUp {
            case.row.stage = Stage::Serving;
        }
        case.row.agent = Some(agent);
        case.row.team = code;
        case.transfer = None;
        let body = match from_name {
            Some(from_name) => ThreadBody::Transferred { from_name, agent, name, team_name },
            None => ThreadBody::AgentJoined { agent, name, team_name },
        };
        batch.say(conversation, now, body);
        batch.log(conversation, now, &agent.to_string(), "assigned");
    }

    /// Tells the figures what has become of a conversation's current clock.
    fn record(&mut self, conversation: ConversationId, now: Timestamp, change: impl Fn(&mut Request)) {
        let Some(case) = self.cases.get(&conversation) else { return };
        let Some(clock) = case.clock else { return };
        let mut request = Request {
            conversation,
            team: self.world.catalogue.team(&case.row.team).unwrap_or(TeamId(0)),
            asked_at: clock.asked_at,
            due_at: clock.due_at,
            answered_at: clock.answered_at,
            left_at: None,
        };
        change(&mut request);
        self.today.record(request, now);
    }

    fn finish_unit(&self, batch: &mut Batch) -> Unit {
        let rows = std::mem::take(&mut batch.rows);
        let rows = rows.iter().filter_map(|id| self.cases.get(id)).map(|case| Change::Conversation(case.row.clone()));
        let mut unit = std::mem::take(&mut batch.unit);
        unit.changes.extend(rows);
        unit
    }

    /// Lets everybody see what is durable now.
    fn publish(&mut self, batch: &Batch, now: Timestamp) {
        for step in &batch.steps {
            metrics::counter!("bangban_sla_steps_total", "step" => step.as_str()).increment(1);
        }
        let mut views = batch.views.clone();
        if batch.desks {
            // Whoever waits may have moved up.
            views.extend(self.cases.iter().filter(|(_, case)| case.position.is_some()).map(|(id, _)| *id));
        }
        let positions = self.positions();
        for id in views {
            let Some(case) = self.cases.get_mut(&id) else { continue };
            let position = positions.get(&id).copied();
            if position == case.position && !batch.views.contains(&id) {
                continue;
            }
            case.position = position;
            // Rises across reopening and restart too.
            case.version = (case.version + 1).max(now.0.unsigned_abs());
            let view = self.view(id);
            self.show(id, view);
        }
        if batch.desks || !batch.views.is_empty() {
            self.publish_desks(now);
            self.board_dirty = true;
        }
    }

    fn positions(&self) -> HashMap<ConversationId, u32> {
        let teams = (0..self.world.catalogue.teams().len()).filter_map(|n| u16::try_from(n).ok()).map(TeamId);
        teams.flat_map(|team| (1..).zip(self.router.queue(team))).map(|(place, id)| (id, place)).collect()
    }

    fn show(&self, id: ConversationId, view: Option<ConversationView>) {
        let (Some(mut view), Some(case)) = (view, self.cases.get(&id)) else { return };
        if view.stage == Stage::Closed {
            self.world.shared.live.remove(&id);
        } else {
            let mut live = self
                .world
                .shared
                .live
                .entry(id)
                .or_insert_with(|| Live { citizen: case.row.citizen, view: view.clone() });
            // What sessions keep up to date themselves.
            view.citizen_read = view.citizen_read.max(live.view.citizen_read);
            view.agent_read = view.agent_read.max(live.view.agent_read);
            view.citizen_online = self.world.hub.citizen_online(id);
            live.view = view.clone();
        }
        let agent = view.agent.as_ref().map(|agent| agent.id);
        self.world.hub.publish(Topic::Conversation(id), None, EventBody::Conversation { view });
        // Whoever served before hears this last.
        self.world.hub.only_agent(id, agent);
    }
}

impl Batch {
    /// The conversation's row and view change.
    fn touch(&mut self, conversation: ConversationId) {
        self.rows.insert(conversation);
        self.views.insert(conversation);
    }

    /// An entry of the server in the shared lane.
    fn say(&mut self, conversation: ConversationId, at: Timestamp, body: ThreadBody) {
        self.unit.entries.push(entry(conversation, Lane::Public, at, Author::System, &Party::System, &body));
    }

    /// An entry of the server in the private lane.
    fn note(&mut self, conversation: ConversationId, at: Timestamp, body: ThreadBody) {
        self.unit.entries.push(entry(conversation, Lane::Notes, at, Author::System, &Party::System, &body));
    }

    /// A line of the event log.
    fn log(&mut self, conversation: ConversationId, at: Timestamp, actor: &str, kind: &'static str) {
        self.unit.events.push(Event {
            id: event_id(),
            conversation: Some(conversation),
            at,
            actor: actor.to_owned(),
            kind,
            detail: "{}".to_owned(),
        });
    }
}

/// Sorts by time, unique across nodes.
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
fn new_id() -> u128 {
    Uuid::now_v7().as_u128()
}

fn event_id() -> String {
    format!("ev_{:032x}", new_id())
}

/// An entry as it is stored.
#[must_use]
pub fn entry(
    conversation: ConversationId,
    lane: Lane,
    at: Timestamp,
    author: Author,
    from: &Party,
    body: &ThreadBody,
) -> NewEntry {
    NewEntry {
        conversation,
        lane,
        at,
        author,
        client_id: None,
        from: json(from),
        body: json(body),
        only_in: None,
        follows: false,
        answers: false,
    }
}

fn json(value: &impl Serialize) -> Json {
    Json(to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an entry cannot be written as JSON");
        RawValue::NULL.to_owned()
    }))
}

fn internal(error: &StoreError) -> WireError {
    if error.is_retryable() {
        return WireError::new(ErrorCode::Busy, error.to_string());
    }
    tracing::error!(%error, "the store refused");
    WireError::new(ErrorCode::Internal, "the server could not store it")
}

fn corrupt(refusal: bangban_domain::routing::Refusal) -> StoreError {
    StoreError::Corrupt { table: "conversation", what: refusal.to_string() }
}
