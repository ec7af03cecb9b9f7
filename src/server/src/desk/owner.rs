//! The one owner of the router: rebuilds it from the rows, and takes turn after turn.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, OfferId, TeamId, Timestamp,
    alert::{AlertKind, Subject},
    calendar::Calendar,
    call_back::Reminders,
    citizen::shown_name,
    figures::{self, Field, Request, Today},
    history,
    routing::{Input, Place, Plan, Refusal, Router},
    time::SECOND,
    words::{CitizenKind, Stage},
};
use bangban_protocol::{
    Answer, ConversationView, EventBody, OfferEnded, ToldView, Topic, UnitCode, WindowState, WireError,
};
use bangban_store::{Author, CitizenRow, ConversationRow, EntryRow, PromiseRow, StaffRow, Store, StoreError, Unit};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{
    Actor, Envelope, Live, Order, World,
    alerts::Alerts,
    asking::{Duties, Skills},
    batch::Batch,
    busy,
    case::{self, Case, Cases, clock_of},
    flush::Flushes,
    internal,
    notices::Pending,
    orders,
    views::Around,
};

/// Conversations that are read at the same time at a start: thousands may be open.
const READ_AHEAD: usize = 16;

/// At most this many orders are decided together.
const BATCH: usize = 64;

/// A core that could not be rebuilt is tried again after this time, and at every order.
const TRY_AGAIN: i64 = SECOND;

pub(super) struct Owner {
    pub(super) world: World,
    pub(super) router: Router,
    pub(super) cases: Cases,
    pub(super) staff: BTreeMap<AgentId, StaffRow>,
    pub(super) teams_of: HashMap<AgentId, Vec<TeamId>>,
    /// Agents of each team.
    pub(super) members: Vec<Vec<AgentId>>,
    pub(super) skills: Skills,
    pub(super) duties: Duties,
    /// Policies of items and channels that the router has heard of.
    pub(super) plans: BTreeSet<Plan>,
    /// Served conversations of which the router asks whether anybody has written.
    pub(super) questions: Vec<ConversationId>,
    pub(super) last_ends: HashMap<AgentId, OfferEnded>,
    /// Since when each agent has the status that they have.
    pub(super) since: HashMap<AgentId, Timestamp>,
    /// What supervisors did last to each agent's work.
    pub(super) told: HashMap<AgentId, ToldView>,
    pub(super) offered_at: HashMap<OfferId, Timestamp>,
    pub(super) today: Today,
    /// Receipts of the day that begins then.
    pub(super) receipts: (Timestamp, u32),
    pub(super) flushes: Flushes,
    /// When the roster was looked at, and how many items of each team it covers.
    pub(super) rostered: Option<(Timestamp, HashMap<TeamId, u32>)>,
    /// Units whose board somebody looks at.
    pub(super) scopes: BTreeSet<UnitCode>,
    pub(super) alerts: Alerts,
    /// Promised call-backs, and who was reminded of them.
    pub(super) reminders: Reminders,
    /// Who has a console; outlives a rebuilding, because sockets do.
    pub(super) present: BTreeSet<AgentId>,
    /// Is what is in memory durable? If not, nothing is decided until it is rebuilt.
    is_sound: bool,
    try_again_at: Timestamp,
    /// How often the core was made from the rows.
    rebuilds: u32,
    /// For the order that is carried out next, [`Order::Claim`]: the visitor's conversations, closed ones too; `None` if they
    /// are another's already.
    pub(super) claiming: Option<Vec<ConversationId>>,
    /// For the order that is carried out next, [`Order::Correct`]: the row that it is about.
    pub(super) correcting: Option<PromiseRow>,
    /// Conversations of this turn that may turn out to be closed at its end.
    passing: Vec<ConversationId>,
}

impl Owner {
    pub(super) fn new(world: World) -> Self {
        let router = Router::new(0, world.catalogue.basis().settings.clone(), 0);
        Self {
            world,
            router,
            cases: Cases::default(),
            staff: BTreeMap::new(),
            teams_of: HashMap::new(),
            members: Vec::new(),
            skills: Skills::default(),
            duties: Duties::default(),
            plans: BTreeSet::new(),
            questions: Vec::new(),
            last_ends: HashMap::new(),
            since: HashMap::new(),
            told: HashMap::new(),
            offered_at: HashMap::new(),
            today: Today::default(),
            receipts: (Timestamp(0), 0),
            flushes: Flushes::default(),
            rostered: None,
            scopes: BTreeSet::new(),
            alerts: Alerts::default(),
            reminders: Reminders::default(),
            present: BTreeSet::new(),
            is_sound: false,
            try_again_at: Timestamp(0),
            rebuilds: 0,
            claiming: None,
            correcting: None,
            passing: Vec::new(),
        }
    }

    // --- rebuilding -------------------------------------------------------------------------------------------

    /// The core from the rows. What sessions read stays as it is until the new state is durable.
    pub(super) async fn rebuild(&mut self) -> Result<(), StoreError> {
        self.is_sound = false;
        let now = self.world.clock.now();
        let store = self.world.store.clone();
        // Offers of an earlier life must never be mistaken for ours, whatever the clock says.
        self.rebuilds += 1;
        let epoch = u64::from(store.epoch()) << 32 | u64::from(self.rebuilds);
        self.world.catalogue = self.world.organisation.current();
        self.rostered = None;
        let teams = self.world.catalogue.directory().team_slots();
        self.router = Router::new(epoch, self.world.catalogue.basis().settings.clone(), teams);
        self.last_ends.clear();
        self.offered_at.clear();
        self.questions.clear();
        self.plans.clear();
        self.world.notices.silence.clear();
        self.learn_skills();
        let mut out = Vec::new();
        let members = self.know_members(store.staff().await?);
        let duties = self.duties_known(now, true);
        for input in self.teams_known().into_iter().chain(members).chain(duties) {
            self.router.handle(now, input, &mut out).map_err(|refusal| corrupt(&refusal))?;
        }
        self.know_conversations(now, &mut out).await?;
        self.alerts.read(store.open_alerts().await?);
        for (conversation, agent) in store.helpers().await? {
            if let Some(case) = self.cases.get_mut(conversation) {
                case.helpers.insert(agent);
            }
        }
        for agent in self.world.shared.calls.talking() {
            // A refusal: they serve no queue.
            self.router.handle(now, Input::InCallChanged { agent, is_in_call: true }, &mut out).ok();
        }
        // Last, so that nobody is offered more than what they serve leaves room for.
        for agent in self.present.iter().copied().filter(|agent| self.teams_of.contains_key(agent)) {
            let connected = self.router.handle(now, Input::AgentConnected { agent }, &mut out);
            connected.map_err(|refusal| corrupt(&refusal))?;
        }
        self.since = store.status_since(now).await?.into_iter().collect();
        self.read_today(now).await?;
        self.read_promises().await?;
        let day = Calendar::day_start(now);
        self.receipts = (day, store.receipts_since(day).await?);

        // Effects of restoring (void offers, steps that fell into the pause) are carried out like any others.
        let mut batch = Batch::new();
        self.carry_out(&out, now, &mut batch);
        self.answer_questions(now, &mut batch);
        self.settle_alerts(now, &mut batch);
        let unit = self.finish_unit(&mut batch);
        self.world.store.commit_in_turn(unit).await?;
        self.is_sound = true;
        batch.views.extend(self.cases.ids());
        batch.agents.extend(self.teams_of.keys());
        self.world.shared.live.retain(|id, _| self.cases.contains(*id));
        self.publish(&batch, now);
        self.flushes.everything(teams);
        self.flush(now);
        // What the router knew of them is gone with it.
        for id in self.world.shared.windows.conversations() {
            self.world.notices.window(id);
        }
        for id in self.world.shared.calls.conversations() {
            self.world.notices.call(id);
        }
        Ok(())
    }

    async fn know_conversations(
        &mut self,
        now: Timestamp,
        out: &mut Vec<bangban_domain::routing::Effect>,
    ) -> Result<(), StoreError> {
        let store = self.world.store.clone();
        let mut clocks: HashMap<_, _> =
            store.open_clocks().await?.into_iter().map(|row| (row.conversation, row)).collect();
        let mut receipts: HashMap<_, _> =
            store.open_receipts().await?.into_iter().map(|row| (row.conversation, row)).collect();
        self.cases = Cases::default();
        self.reminders = Reminders::default();
        let open = store.open_conversations().await?;
        let mut open = stream::iter(open).map(|row| with_people(&store, row)).buffered(READ_AHEAD);
        while let Some(read) = open.next().await {
            let (row, citizen, last, spoken_at) = read?;
            let (id, team, stage, slot) = (row.id, self.team_of(&row), row.stage, row.slot);
            let (agent, at_head) = (row.agent, row.at_head);
            let clock = clocks.remove(&id).as_ref().map(clock_of);
            self.remember(row, clock, citizen, last);
            if let Some(plan) = self.plan_of(id) {
                self.router.handle(now, plan, out).map_err(|refusal| corrupt(&refusal))?;
            }
            let demand = self.demand_of(id);
            let input = match (stage, slot, clock) {
                (Stage::Bot | Stage::Closed, ..) => None,
                (Stage::CallBack, slot, _) => {
                    slot.map(|(at, _)| Input::CallBackPromised { conversation: id, team, at, demand })
                }
                (Stage::Waiting | Stage::Offered | Stage::Serving | Stage::WrapUp, _, clock) => {
                    clock.map(|clock| Input::Restored { conversation: id, team, clock, agent, demand, at_head })
                }
            };
            if let Some(receipt) = receipts.remove(&id) {
                let is_reminded = receipt.reminded_at.is_some();
                if let Some(case) = self.cases.get_mut(id) {
                    case.receipt = Some(receipt.receipt);
                }
                self.expect_call_back(id, is_reminded);
            }
            if let Some(input) = input {
                self.router.handle(now, input, out).map_err(|refusal| corrupt(&refusal))?;
            }
            if matches!(stage, Stage::Serving | Stage::WrapUp) {
                self.world.notices.silence.begin(id, spoken_at.unwrap_or(now));
                // What was idle before is so again.
                self.questions.push(id);
            }
        }
        Ok(())
    }

    pub(super) async fn admit(
        &mut self,
        row: ConversationRow,
        clock: Option<bangban_domain::routing::Clock>,
    ) -> Result<(), StoreError> {
        let (row, citizen, last, _) = with_people(&self.world.store, row).await?;
        self.remember(row, clock, citizen, last);
        Ok(())
    }

    fn remember(
        &mut self,
        row: ConversationRow,
        clock: Option<bangban_domain::routing::Clock>,
        citizen: Option<CitizenRow>,
        last: Option<EntryRow>,
    ) {
        let language = citizen.as_ref().and_then(|citizen| citizen.language);
        let person = citizen.map_or((String::new(), CitizenKind::Person), |citizen| {
            (shown_name(&citizen.name, citizen.kind, citizen.anonymous), citizen.kind)
        });
        let mut case = Case::new(row, person);
        case.clock = clock;
        case.language = language;
        case.last_text = last.and_then(|entry| case::text_of(&entry.body));
        self.cases.insert(case);
    }

    // --- turns ------------------------------------------------------------------------------------------------

    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Envelope>) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let deadline = if self.is_sound {
                let promise = self.world.notices.owed.book().next_due();
                let reminder = self.reminders.next_due();
                let all = [self.router.next_deadline(), self.flushes.next_due(), Some(self.alerts.watch_at())];
                all.into_iter().chain([promise, reminder]).flatten().min()
            } else {
                Some(self.try_again_at)
            };
            let clock = self.world.clock.clone();
            let notices = std::sync::Arc::clone(&self.world.notices);
            let alarm = async {
                match deadline {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = mailbox.recv_many(&mut waiting, BATCH) => if taken == 0 { return },
                () = notices.come() => {}
                () = alarm => {}
            }
            self.turn(std::mem::take(&mut waiting)).await;
        }
    }

    /// Notices, the passing of time, then the orders; answered when what they changed is durable.
    pub(super) async fn turn(&mut self, envelopes: Vec<Envelope>) {
        let now = self.world.clock.now();
        if !self.is_sound && !self.mend(now).await {
            refuse(envelopes, &busy());
            return;
        }
        let mut batch = Batch::new();
        let pending = self.world.notices.take();
        if pending.changed
            && let Err(error) = self.adopt(now, &mut batch).await
        {
            tracing::error!(%error, "what is administered could not be read");
            if !self.mend(now).await {
                // Who is there is told once; what was replied stands in the rows.
                for (agent, is_there) in pending.present {
                    if is_there {
                        self.present.insert(agent)
                    } else {
                        self.present.remove(&agent)
                    };
                }
                refuse(envelopes, &busy());
                return;
            }
        }
        if self.duties.is_stale(now) {
            self.follow_roster(now, &mut batch);
        }
        self.load_called(&pending).await;
        let noticed = self.take_notices(pending, now, &mut batch);
        // A refusal is impossible: nothing is asked for.
        self.decide(Input::Tick, now, &mut batch).ok();
        self.step_promises(now, &mut batch);
        self.remind(now, &mut batch);
        if self.alerts.watch_at() <= now {
            self.watch_teams(now, &mut batch);
        }
        let mut answers = Vec::with_capacity(envelopes.len());
        for Envelope { who, at, order, reply } in envelopes {
            let answer = match self.load_for(&order).await {
                Ok(()) => {
                    batch.actor = author(&who);
                    self.order(&who, at, now, order, &mut batch)
                }
                Err(error) => Err(internal(&error)),
            };
            answers.push((reply, answer));
        }
        let unit = self.finish_unit(&mut batch);
        let is_empty = unit == Unit::default();
        let committed = if is_empty { Ok(()) } else { self.world.store.commit_in_turn(unit).await.map(|_| ()) };
        match committed {
            Ok(()) => {
                self.publish(&batch, now);
                if batch.recount
                    && let Err(error) = self.read_today(now).await
                {
                    tracing::error!(%error, "today's requests could not be read again");
                    self.mend(now).await;
                }
            }
            Err(error) => {
                let refusal = internal(&error);
                for (_, answer) in &mut answers {
                    *answer = Err(refusal.clone());
                }
                // What was decided is not durable: forget it.
                self.mend(now).await;
            }
        }
        for (reply, answer) in answers {
            // Whoever asked may have gone; what was decided stands.
            drop(reply.send(answer));
        }
        for id in std::mem::take(&mut self.passing) {
            self.cases.drop_closed(id);
        }
        if self.is_sound {
            self.flush(now);
            self.world.notices.done(noticed);
        }
    }

    async fn mend(&mut self, now: Timestamp) -> bool {
        self.try_again_at = now + TRY_AGAIN;
        match self.rebuild().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the desk could not be rebuilt; it decides nothing until it is");
                false
            }
        }
    }

    /// Gives the number of the last one.
    fn take_notices(&mut self, pending: Pending, now: Timestamp, batch: &mut Batch) -> u64 {
        for (conversation, at) in pending.replied {
            // At the time of the reply, so that no step is reported that it came before.
            let told = self.decide(Input::HumanReplied { conversation, at }, at.min(now), batch);
            if told.is_err() && self.today.answer(conversation, at, now) {
                // Closed while the reply was on its way: the row says answered, and so do the figures.
                self.flushes.board.mark();
            }
        }
        for (conversation, at) in pending.spoken {
            // A refusal: it is served no more.
            self.decide(Input::Spoken { conversation, at }, now, batch).ok();
        }
        for conversation in pending.kept {
            self.promise_over(conversation, now, batch);
        }
        for id in pending.windows {
            self.window_changed(id, now, batch);
        }
        if let Some(permille) = pending.connect_rate {
            self.connect_rate_changed(permille, now, batch);
        }
        if let Some(owed) = pending.overdue_call_backs {
            self.overdue_call_backs_changed(&owed, now, batch);
        }
        for agent in pending.in_call {
            self.follow_call(agent, now, batch);
        }
        for id in pending.calls {
            self.call_changed(id, now, batch);
        }
        // Before a wrap-up that is over closes it.
        for (id, stars) in pending.rated {
            self.rated_by_keys(id, stars, now, batch);
        }
        for (id, agent) in pending.unsaid {
            self.close_unsaid(id, agent, now, batch);
        }
        for unit in pending.boards {
            self.show_board(Topic::BoardOf(unit), now);
        }
        for unit in pending.alerts {
            self.show_alerts_on(Topic::AlertsOf(unit));
        }
        for agent in pending.accounts {
            self.know_member(agent, now, batch);
        }
        for (agent, present) in pending.present {
            let changed = if present { self.present.insert(agent) } else { self.present.remove(&agent) };
            if !changed {
                continue;
            }
            let input = if present { Input::AgentConnected { agent } } else { Input::AgentDisconnected { agent } };
            if self.decide(input, now, batch).is_ok() {
                let what = history::Event::PresenceChanged { agent, connected: present };
                batch.log_as(Author::Agent(agent), None, now, what);
                batch.agents.insert(agent);
                if present {
                    self.clear_alert(AlertKind::AgentLost, &Subject::Agent(agent), now, batch);
                }
            }
        }
        pending.count
    }

    /// Everybody sees where the window stands.
    fn window_changed(&mut self, conversation: ConversationId, now: Timestamp, batch: &mut Batch) {
        self.weigh_anew(conversation, now, batch);
        batch.views.insert(conversation);
    }

    /// A live window takes the whole agent, and so does a call.
    pub(super) fn weigh_anew(&mut self, conversation: ConversationId, now: Timestamp, batch: &mut Batch) {
        let brief = self.world.shared.windows.brief(conversation);
        let is_live = brief.is_some_and(|brief| brief.state == WindowState::Live);
        let is_exclusive = is_live || self.takes_call(conversation);
        // A refusal: it is served no more.
        self.decide(Input::ExclusiveChanged { conversation, is_exclusive }, now, batch).ok();
    }

    /// Closed conversations are not kept in memory: rating and reopening bring them back.
    async fn load_for(&mut self, order: &Order) -> Result<(), StoreError> {
        if let Order::Claim { visitor } = order {
            self.claiming = if self.world.store.claimed_among(&[*visitor]).await?.is_empty() {
                Some(self.world.store.conversation_ids_of(*visitor).await?)
            } else {
                None
            };
            return Ok(());
        }
        if let Order::Correct(wanted) = order {
            let rows = self.world.store.promises_of(wanted.conversation).await?.rows;
            self.correcting = rows.into_iter().find(|row| row.promise == wanted.promise && row.no == wanted.no);
            return Ok(());
        }
        let (Order::Reopen(id) | Order::RequestHuman(id) | Order::Finish(id) | Order::Rate { conversation: id, .. }) =
            order
        else {
            return Ok(());
        };
        let id = *id;
        if !self.cases.contains(id)
            && let Some(row) = self.world.store.conversation(id).await?
        {
            let clock = self.world.store.last_clock(id).await?.as_ref().map(clock_of);
            self.admit(row, clock).await?;
            self.passing.push(id);
        }
        // Messages do not pass through the desk: what the offer will show is read when it is needed.
        if matches!(order, Order::RequestHuman(_)) {
            let last = self.world.store.last_of_citizen(id).await?;
            if let Some(case) = self.cases.get_mut(id) {
                case.last_text = last.and_then(|entry| case::text_of(&entry.body));
            }
        }
        Ok(())
    }

    pub(super) fn decide(&mut self, input: Input, now: Timestamp, batch: &mut Batch) -> Result<(), WireError> {
        let mut out = Vec::new();
        let result = self.router.handle(now, input, &mut out);
        // Time has passed even if the input was refused.
        self.carry_out(&out, now, batch);
        self.answer_questions(now, batch);
        result.map_err(|refusal| orders::refused(&refusal))
    }

    /// Tells the router when somebody wrote last. What only waits for its outcome is not idle, however silent.
    fn answer_questions(&mut self, now: Timestamp, batch: &mut Batch) {
        let idle_since = now - self.world.catalogue.basis().settings.idle_after;
        while let Some(conversation) = self.questions.pop() {
            let is_talk = self.cases.get(conversation).is_some_and(|case| case.row.stage == Stage::Serving);
            let spoken = self.world.notices.silence.last(conversation, idle_since).filter(|_| is_talk);
            let Some(at) = spoken else { continue };
            let mut out = Vec::new();
            // A refusal: it is served no more.
            self.router.handle(now, Input::Spoken { conversation, at }, &mut out).ok();
            self.carry_out(&out, now, batch);
        }
    }

    fn finish_unit(&self, batch: &mut Batch) -> Unit {
        let rows = std::mem::take(&mut batch.rows);
        let rows = rows.iter().filter_map(|id| self.cases.get(*id));
        let rows = rows.map(|case| {
            let routed = self.router.conversation(case.row.id);
            let at_head = routed.is_some_and(|one| one.at_head && !matches!(one.place, Place::Serving { .. }));
            bangban_store::Change::Conversation(ConversationRow { at_head, ..case.row.clone() })
        });
        let mut unit = std::mem::take(&mut batch.unit);
        unit.changes.extend(rows);
        unit
    }

    // --- publishing -------------------------------------------------------------------------------------------

    /// Lets those concerned see at once what is durable now; what others see of it follows by [`Owner::flush`].
    fn publish(&mut self, batch: &Batch, now: Timestamp) {
        for step in &batch.steps {
            metrics::counter!("bangban_sla_steps_total", "step" => step.as_str()).increment(1);
        }
        for id in &batch.over {
            self.world.notices.owed.forget(*id);
        }
        for id in &batch.views {
            self.show_conversation(*id, now);
        }
        for agent in &batch.agents {
            self.note_colleague(*agent);
        }
        let mut around = Around::default();
        for agent in &batch.agents {
            self.show_agent(*agent, &mut around);
        }
        self.flushes.note(batch);
    }

    fn show_conversation(&mut self, id: ConversationId, now: Timestamp) {
        let team = self.router.queued_with(id);
        let shown = self.cases.get(id).and_then(|case| case.position).filter(|(with, _)| Some(*with) == team);
        // To count its place anew costs what stands before it. Where it has one, a change of it follows with those of its
        // queue.
        let count = |team| Some((team, u32::try_from(self.router.position(id)?).unwrap_or(u32::MAX)));
        let position = shown.or_else(|| team.and_then(count));
        self.show_conversation_at(id, position, now);
    }

    /// To both sides, with its place in the queue.
    pub(super) fn show_conversation_at(&mut self, id: ConversationId, position: Option<(TeamId, u32)>, now: Timestamp) {
        let Some(case) = self.cases.get_mut(id) else { return };
        case.position = position;
        // Rises across reopening and restart too.
        case.version = (case.version + 1).max(now.0.unsigned_abs());
        let view = self.view(id);
        self.show(id, view);
    }

    fn show(&self, id: ConversationId, view: Option<ConversationView>) {
        let (Some(mut view), Some(case)) = (view, self.cases.get(id)) else { return };
        if view.stage == Stage::Closed {
            self.world.shared.live.remove(&id);
        } else {
            view.window = self.world.shared.windows.brief(id);
            view.call = self.world.shared.calls.said(id).map(|said| said.brief);
            let mut live = self.world.shared.live.entry(id).or_insert_with(|| Live {
                citizen: case.row.citizen,
                channel: case.row.channel,
                view: view.clone(),
            });
            // What sessions keep up to date themselves.
            view.citizen_read = view.citizen_read.max(live.view.citizen_read);
            view.agent_read = view.agent_read.max(live.view.agent_read);
            view.citizen_online = self.world.hub.citizen_online(id);
            live.citizen = case.row.citizen;
            live.view = view.clone();
        }
        let (agent, team, item) = (view.agent.as_ref().map(|agent| agent.id), view.team.clone(), view.item.clone());
        self.world.hub.publish(Topic::Conversation(id), None, EventBody::Conversation { view });
        // Whoever served before, and whoever watches a team that it was with, hears this last.
        self.world.hub.only_readers(id, agent, &team, item.as_deref());
        self.world.shared.windows.changed(id);
        self.world.shared.calls.changed(id);
    }

    // --- small things -----------------------------------------------------------------------------------------

    /// The conversation may be closed at the end of this turn.
    pub(super) fn passes(&mut self, id: ConversationId) {
        self.passing.push(id);
    }

    pub(super) fn team_of(&self, row: &ConversationRow) -> TeamId {
        self.world.catalogue.team_or_general(&row.team)
    }

    pub(super) fn team_code(&self, team: TeamId) -> String {
        self.world.catalogue.team_at(team).map(|team| team.code.clone()).unwrap_or_default()
    }

    pub(super) fn name_of(&self, id: AgentId) -> Option<String> {
        self.staff.get(&id).map(|member| member.name.clone())
    }

    pub(super) fn own(&mut self, citizen: CitizenId, id: ConversationId) -> Option<&mut Case> {
        self.cases.get_mut(id).filter(|case| case.row.citizen == citizen)
    }
}

/// Whose it is, what they said last, and when somebody said anything last.
async fn with_people(
    store: &Store,
    row: ConversationRow,
) -> Result<(ConversationRow, Option<CitizenRow>, Option<EntryRow>, Option<Timestamp>), StoreError> {
    let (citizen, last, spoken_at) =
        tokio::try_join!(store.citizen(row.citizen), store.last_of_citizen(row.id), store.spoken_at(row.id))?;
    Ok((row, citizen, last, spoken_at))
}

fn author(who: &Actor) -> Author {
    match who {
        Actor::Citizen(_) | Actor::Holder(_) => Author::Citizen,
        Actor::Staff(staff) => Author::Agent(staff.id),
        Actor::System => Author::System,
    }
}

fn refuse(envelopes: Vec<Envelope>, refusal: &WireError) {
    for Envelope { reply, .. } in envelopes {
        let answer: Result<Answer, WireError> = Err(refusal.clone());
        drop(reply.send(answer));
    }
}

/// A request of today, for the board; what a correction took out of the figures is none.
pub(super) fn request(row: &figures::Row, team: TeamId) -> Option<Request> {
    if row.number(Field::ExcusedAt).is_some() {
        return None;
    }
    let at = |field| row.number(field).map(Timestamp);
    Some(Request {
        conversation: row.conversation,
        no: row.key.rsplit('/').next()?.parse().ok()?,
        team,
        channel: row.channel,
        asked_at: at(Field::AskedAt)?,
        due_at: at(Field::DueAt)?,
        answered_at: at(Field::AnsweredAt),
        left_at: at(Field::LeftAt),
    })
}

fn corrupt(refusal: &Refusal) -> StoreError {
    StoreError::Corrupt { table: "conversation", what: refusal.to_string() }
}
