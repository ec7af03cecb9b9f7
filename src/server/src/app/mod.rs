//! The wiring, read top to bottom; coming and going. Commands and their rights are in the modules below.

mod actions;
mod administration;
mod alerts;
mod answer_files;
mod approval;
mod blocks;
mod bot_keeping;
mod call_alert;
mod call_figures;
mod call_legs;
mod calls;
mod citizens;
mod commands;
mod departments;
mod dialogue;
mod figures;
mod files;
mod find;
mod guide_walk;
mod guides;
mod items;
mod knowledge;
mod knowledge_file;
mod learning;
mod ledger;
mod messages;
mod notices;
mod other_words;
mod outbox;
mod points;
mod points_file;
mod quality;
mod reads;
mod refit;
mod reveal;
mod rights;
mod staff;
mod staff_admin;
mod staffing;
mod tasks;
mod why;

use std::{
    borrow::Cow,
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::http::HeaderValue;
use bangban_bus::{Bus, CANARY, Ending, Net, Settings};
use bangban_domain::{
    AgentId, Timestamp,
    conversation::{CONTINUE_WITHIN, InvalidField},
    words::{CitizenKind, Role},
};
use bangban_protocol::{Answer, ErrorCode, Identity, MyConversation, Party, ThreadBody, ThreadEntry, Topic, WireError};
use bangban_store::{
    Author, Change, ConversationRow, EntryRow, Lane, Membership, Owed, Published, StaffRow, Store, Unit,
};
use dashmap::{DashMap, Entry};
use serde::Deserialize;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    auth::{Auth, Citizen, Principal, Staff, hash_password, secret},
    calls::{self as call_owner, Callers, Calls},
    catalogue::Basis,
    clock::Clock,
    config::Config,
    connectors::{self, actions::Offices, rephrase::Rephraser, speech::Recogniser},
    desk::{Actor, Desk, Notices, Shared, World, new_id},
    files::Files,
    http::{ANY_ORIGIN, AddressLimits, Door, Gate, Proxies, hsts},
    hub::{Hub, Relay, Socket},
    load::{self, LoadAgents},
    organisation::{self, DemoStaff, Organisation},
    outbox::Outside,
    privacy::{Retention, people::People},
    session::{Rates, command_span},
    staff::{Accounts, Rights, oidc::Oidc},
    staffing::Searches,
    telemetry::Metrics,
    windows::{self, Windows},
    word_check::WordCheck,
};
pub(crate) use administration::Edit;
pub(crate) use answer_files::NewAnswerFile;
pub(crate) use call_figures::CallFilter;
pub(crate) use call_legs::{FiledLeg, LegFilter, LegList, LegPlace};
pub use citizens::{CitizenRules, Held};
pub use commands::{Begun, First, Pending};
pub use figures::{Filter, Sight, place_of};
pub use files::owner;
pub(crate) use find::{Search, searched};
pub(crate) use items::{Table, Upload};
pub(crate) use knowledge::{Keeper, WantedEntries};
pub(crate) use knowledge_file::{COLUMNS as ENTRY_COLUMNS, EntryFormat, EntryUpload, FileEntry};
pub use outbox::WantedMessages;
pub(crate) use points_file::{FilePoint, POINT_COLUMNS};
pub(crate) use quality::{Inspector, WantedInspections};
pub use reveal::{Reveals, reason};
pub use staff::{NoRenewal, SignInRules, SignedIn};
pub(crate) use staffing::Days;
pub use tasks::Fulfilled;
pub(crate) use tasks::{WantedTasks, Worker};

/// How long a log-in waits until the desk has heard of it.
const DESK_PATIENCE: Duration = Duration::from_secs(2);

/// The password of every demo account.
pub const DEMO_PASSWORD: &str = "bangban-demo";

/// Everything that sessions and handlers need.
pub struct App {
    /// Time.
    pub clock: Clock,
    /// Tokens.
    pub auth: Auth,
    /// Staff as they are now.
    pub accounts: Arc<Accounts>,
    /// What they may do.
    pub rights: Arc<Rights>,
    /// Sockets.
    pub hub: Arc<Hub>,
    /// Rows.
    pub store: Store,
    /// Uploads and stored files.
    pub files: Arc<Files>,
    /// Is this the demo?
    pub demo: bool,
    /// Frames that may wait for one socket.
    pub socket_queue: usize,
    /// Origins of the portals that may embed the widget; [`ANY_ORIGIN`] for all.
    pub portal_origins: Vec<String>,
    /// Whom to believe who a client is.
    pub proxies: Proxies,
    /// How often an address may ask.
    pub address_limits: AddressLimits,
    /// The promise to come by TLS only.
    pub hsts: Option<HeaderValue>,
    /// What staff must not write.
    pub words: Arc<WordCheck>,
    /// Log-in.
    pub door: Door,
    /// The organisation's own log-in, if there is one.
    pub oidc: Option<Oidc>,
    /// How log-ins of staff last.
    pub sign_in: SignInRules,
    /// How often somebody may ask.
    pub rates: Rates,
    /// How often somebody may reveal.
    pub reveals: Reveals,
    /// Searches for the fewest agents.
    pub searches: Searches,
    /// Deletes what is over its time.
    pub retention: Arc<Retention>,
    /// Finds, hands out and erases what there is about one person.
    pub people: Arc<People>,
    /// Visitors and second devices.
    pub citizens: CitizenRules,
    /// What stands before their REST routes.
    pub gate: Gate,
    /// The ways to people and systems outside.
    pub outside: Outside,
    /// What carries actions out, if there is something.
    pub(crate) offices: Option<Offices>,
    /// What recognises speech, if there is something.
    pub(crate) recogniser: Option<Recogniser>,
    /// What says answers in other words, if there is something.
    pub(crate) rephraser: Option<Rephraser>,
    /// Rung when an action may be due for a look earlier than was known.
    pub(crate) other_actions: Arc<Notify>,
    /// Rung when a reminder may be due earlier than was known.
    pub(crate) other_deadlines: Notify,
    /// Without a touch for so long, a kiosk asks; and waits so long for an answer.
    pub kiosk: (u32, u32),
    /// Counters.
    pub metrics: Metrics,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
    /// The sessions that run.
    pub sessions: TaskTracker,
    organisation: Arc<Organisation>,
    /// Rung when other notices may be in force.
    other_notices: Arc<Notify>,
    pub(crate) desk: Desk,
    /// Virtual windows.
    pub(crate) windows: Windows,
    /// Three-way calls.
    pub(crate) calls: Calls,
    /// What the desk and the windows share.
    pub(crate) shared: Arc<Shared>,
    notices: Arc<Notices>,
    /// Consoles of each agent on this node.
    consoles: DashMap<AgentId, u32>,
    /// Agents with a console on any node, and since when.
    reachable: DashMap<AgentId, Timestamp>,
    bus: Bus,
    bus_ending: Mutex<Option<Ending>>,
    /// Held while an account is changed.
    changing_accounts: tokio::sync::Mutex<()>,
}

#[derive(Deserialize)]
struct Stored {
    from: Party,
    body: ThreadBody,
}

pub(crate) fn thread_entry(row: EntryRow) -> Result<ThreadEntry, WireError> {
    let Stored { from, body } = serde_json::from_str(&row.body).map_err(|error| internal(&error))?;
    Ok(ThreadEntry { seq: row.seq, at: row.at, from, client_id: row.client_id, body, masked: false })
}

fn internal(error: &impl std::fmt::Display) -> WireError {
    command_span().in_scope(|| tracing::error!(%error, "a request failed"));
    WireError::new(ErrorCode::Internal, "the server could not do it")
}

/// What a client is told of it.
pub(crate) fn store_error(error: bangban_store::StoreError) -> WireError {
    if let bangban_store::StoreError::Nul { field } = error {
        return WireError::field(field, error.to_string());
    }
    if let bangban_store::StoreError::FileGone(_) = error {
        return WireError { field: Some("file".to_owned()), ..WireError::new(ErrorCode::NotFound, error.to_string()) };
    }
    match error {
        bangban_store::StoreError::Outdated { .. }
        | bangban_store::StoreError::StaffOutdated(_)
        | bangban_store::StoreError::QualityOutdated
        | bangban_store::StoreError::TaskOutdated
        | bangban_store::StoreError::OutboxOutdated
        | bangban_store::StoreError::ActionOutdated(_)
        | bangban_store::StoreError::KnowledgeOutdated(_) => {
            return WireError::new(ErrorCode::Outdated, error.to_string());
        }
        bangban_store::StoreError::LoginTaken => return WireError::field("body.login", error.to_string()),
        _ => {}
    }
    if error.is_retryable() {
        return WireError::new(ErrorCode::Busy, error.to_string());
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
    pub async fn start(config: &Config, clock: Clock, demo: bool, load: LoadAgents) -> anyhow::Result<Arc<Self>> {
        let on_bus = Settings { node: new_id(), canary: CANARY };
        let (bus, inbox, bus_ending) = match config.redis() {
            Some(redis) => Bus::redis(on_bus, &redis)?,
            None => Bus::memory(on_bus, &Net::default()),
        };
        let accounts = Arc::new(Accounts::default());
        let directory = Arc::new(ArcSwap::default());
        let rights = Arc::new(Rights { accounts: Arc::clone(&accounts), directory: Arc::clone(&directory) });
        let hub = Arc::new(Hub::new(clock.now().0.unsigned_abs(), bus.clone(), Arc::clone(&rights)));
        if !config.service.show_monitors {
            hub.hide_monitors();
        }
        let notices = Arc::new(Notices::default());
        let publisher = {
            let (hub, notices) = (Arc::clone(&hub), Arc::clone(&notices));
            Box::new(move |batch: &[Published]| publish(&hub, &notices, batch))
        };
        let store = Store::open(&config.database(), config.limits.mailbox, publisher).await?;
        let auth = Auth::new(config, Arc::clone(&accounts))?;
        anyhow::ensure!(
            !demo || auth.refresh_pause().is_none(),
            "--demo signs for citizens itself: it cannot be used with auth.portal_keys"
        );
        auth.refresh(clock.now()).await.context("auth.portal_keys")?;
        let (stopping, sessions) = (CancellationToken::new(), TaskTracker::new());
        let files = Files::start(config, clock.clone(), store.clone(), stopping.clone(), sessions.clone())?;
        if demo {
            organisation::seed_demo(&store, clock.now()).await?;
        }
        organisation::found(&store, clock.now()).await?;
        if demo {
            let directory = organisation::read(&store).await?;
            organisation::seed_demo_knowledge(&store, &directory, clock.now()).await?;
            organisation::seed_demo_guides(&store, &directory, clock.now()).await?;
        }
        let basis = Basis::new(config)?;
        let organisation = Arc::new(Organisation::load(store.clone(), basis, directory, clock.now()).await?);
        if demo {
            organisation.suggest_examples(organisation::demo_frequent()?).await;
        }
        if demo {
            let catalogue = organisation.current();
            seed(&store, [organisation::demo_staff()?, load.staff(catalogue.teams())].concat()).await?;
            organisation::seed_demo_roster(&store, clock.now()).await?;
            organisation.refresh().await?;
        }
        accounts.reload(&store, clock.now()).await?;
        let shared = Arc::new(Shared::default());
        let world = World {
            clock: clock.clone(),
            catalogue: organisation.current(),
            organisation: Arc::clone(&organisation),
            store: store.clone(),
            hub: Arc::clone(&hub),
            shared: Arc::clone(&shared),
            notices: Arc::clone(&notices),
            rights: Arc::clone(&rights),
        };
        let offices = connectors::actions::offices(config, demo, &clock, &stopping).await?;
        let recogniser = connectors::speech::recogniser(config, demo, &clock, &stopping).await?;
        let rephraser = connectors::rephrase::of_config(config, &clock)?;
        let desk = Desk::start(world, config.limits.mailbox).await?;
        let world = windows::World {
            clock: clock.clone(),
            store: store.clone(),
            hub: Arc::clone(&hub),
            shared: Arc::clone(&shared),
            notices: Arc::clone(&notices),
            rights: Arc::clone(&rights),
            organisation: Arc::clone(&organisation),
            files: Arc::clone(&files),
            stopping: stopping.clone(),
        };
        let windows = Windows::start(config, world).await?;
        let world = call_owner::World {
            clock: clock.clone(),
            store: store.clone(),
            hub: Arc::clone(&hub),
            shared: Arc::clone(&shared),
            notices: Arc::clone(&notices),
            desk: desk.clone(),
            rights: Arc::clone(&rights),
            organisation: Arc::clone(&organisation),
            callers: Callers::new(&secret(&config.auth.citizen_secret, &config.data.dir, "citizen.secret")?),
            ice: windows.ways(),
            stopping: stopping.clone(),
        };
        let calls = Calls::start(config, world).await?;
        let socket_queue = config.limits.socket_queue;
        let mut portal_origins = config.http.portal_origins.clone();
        if demo && portal_origins.is_empty() {
            portal_origins.push(ANY_ORIGIN.to_owned());
        }
        let keys = config.privacy.clone();
        let retention = Retention::new(store.clone(), Arc::clone(&files), clock.clone(), keys, stopping.clone());
        let app = Arc::new(Self {
            reveals: Reveals::new(config.privacy.reveal_burst, config.privacy.reveal_seconds),
            searches: Searches::default(),
            retention: Arc::new(retention),
            people: Arc::new(People::new(store.clone(), Arc::clone(&files), clock.clone())),
            clock,
            auth,
            accounts,
            rights,
            hub,
            store,
            files,
            demo,
            socket_queue,
            portal_origins,
            proxies: config.proxies(),
            address_limits: AddressLimits::new(|class| config.address_rate(class), config.limits.open_sockets),
            hsts: hsts(config.http.hsts_seconds),
            words: word_check(&config.service.word_list)?,
            door: Door::new(config.login_policy()),
            oidc: Oidc::new(&config.oidc),
            sign_in: SignInRules::new(&config.auth),
            metrics: Metrics::new(),
            rates: Rates::new(config.citizen_rate(), config.visitor_rate(), config.staff_rate()),
            citizens: CitizenRules {
                anonymous: config.citizen.anonymous || demo,
                anonymous_days: config.citizen.anonymous_days,
                continue_seconds: config.citizen.continue_seconds,
            },
            gate: Gate::new(config),
            outside: Outside::new(&config.notify, demo),
            offices,
            recogniser,
            rephraser,
            other_actions: Arc::default(),
            other_deadlines: Notify::new(),
            kiosk: (config.kiosk.idle_seconds, config.kiosk.answer_seconds),
            stopping,
            sessions,
            organisation,
            other_notices: Arc::default(),
            desk,
            windows,
            calls,
            shared,
            notices,
            consoles: DashMap::new(),
            reachable: DashMap::new(),
            bus,
            bus_ending: Mutex::new(Some(bus_ending)),
            changing_accounts: tokio::sync::Mutex::new(()),
        });
        // So that the first greeting offers what can be done; nobody waits longer than for one answer.
        if let Some(pause) = app.renew_actions().await {
            tokio::spawn(actions::keep_actions_fresh(Arc::downgrade(&app), pause));
            tokio::spawn(actions::keep_looking(Arc::downgrade(&app)));
        }
        let (hub, bus, store) = (Arc::clone(&app.hub), app.bus.clone(), app.store.clone());
        let weak = Arc::downgrade(&app);
        let agents = Box::new(move |agent, is_there| {
            if let Some(app) = weak.upgrade() {
                app.agent_came_or_went(agent, is_there);
            }
        });
        for account in app.accounts.all() {
            if account.locked_until > app.clock.now() {
                app.door.lock(&account.login, account.locked_until);
            }
        }
        tokio::spawn(keep_keys_fresh(Arc::downgrade(&app)));
        tokio::spawn(forget_old_sessions(Arc::downgrade(&app)));
        let (searching, stopping) = (Arc::downgrade(&app), app.stopping.clone());
        tokio::spawn(async move {
            stopping.cancelled().await;
            if let Some(app) = searching.upgrade() {
                app.searches.end();
            }
        });
        let retention = Arc::clone(&app.retention);
        tokio::spawn(async move { retention.daily().await });
        tokio::spawn(quality::draw_every_week(Arc::downgrade(&app)));
        tokio::spawn(tasks::keep_reminding(Arc::downgrade(&app)));
        tokio::spawn(call_alert::watch_connect_rate(Arc::downgrade(&app)));
        tokio::spawn(learning::keep_learning(Arc::downgrade(&app)));
        tokio::spawn(refit::refit_every_night(Arc::downgrade(&app), config.privacy.retention_hour));
        tokio::spawn(crate::outbox::deliver(Arc::downgrade(&app)));
        tokio::spawn(citizens::watch_holders(Arc::downgrade(&app)));
        tokio::spawn(staff::watch_accounts(Arc::downgrade(&app)));
        let notices = Arc::clone(&app.notices);
        let other_notices = Arc::clone(&app.other_notices);
        tokio::spawn(organisation::watch(Arc::downgrade(&app.organisation), move |changed| {
            notices.changed();
            if self::notices::concerns(changed) {
                other_notices.notify_one();
            }
        }));
        let told = Arc::clone(&app.notices);
        let changed = move || {
            told.changed();
        };
        tokio::spawn(organisation::watch_knowledge(Arc::downgrade(&app.organisation), app.clock.clone(), changed));
        tokio::spawn(self::notices::tell_of_notices(Arc::downgrade(&app), Arc::clone(&app.other_notices)));
        let weak = Arc::downgrade(&app);
        let accounts = Box::new(move || {
            if let Some(app) = weak.upgrade() {
                tokio::spawn(async move { app.read_accounts().await });
            }
        });
        tokio::spawn(Relay { hub, bus, store, agents, accounts }.run(inbox));
        Ok(app)
    }

    /// Does what other nodes publish arrive here, and the other way round? True for a single node.
    #[must_use]
    pub fn hears_others(&self) -> bool {
        !self.bus.is_shared() || self.bus.is_live()
    }

    /// Says good-bye to telephones and to the other nodes.
    pub async fn leave_bus(&self) {
        self.calls.stop().await;
        let ending = self.bus_ending.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ending) = ending {
            ending.end().await;
        }
    }

    /// Log-ins of the demo staff of a role, without those of the load program; of many the first ones and the last.
    #[must_use]
    pub fn demo_logins(&self, role: Role) -> String {
        let staff = organisation::demo_staff().unwrap_or_default();
        let logins: Vec<&str> =
            staff.iter().filter(|member| member.role == role).map(|member| member.login.as_str()).collect();
        match &logins[..] {
            [first, second, third, .., last] if logins.len() > 6 => {
                format!("{first}, {second}, {third} … {last} ({})", logins.len())
            }
            few => few.join(", "),
        }
    }

    /// Orders that wait for the desk, units that wait for the writer.
    #[must_use]
    pub fn backlog(&self) -> (usize, usize) {
        (self.desk.waiting(), self.store.waiting())
    }

    /// No new sockets; the sessions finish what they have accepted, close their sockets and end.
    pub fn stop(&self) {
        self.stopping.cancel();
        self.sessions.close();
        self.hub.end_all();
    }

    /// Answer to `hello`: who you are and, for a citizen, your conversations. Counts an agent's consoles; if it succeeds,
    /// [`App::goodbye`] must follow.
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
                let me = Identity::Citizen {
                    id: citizen.id,
                    name: citizen.name.clone(),
                    kind: citizen.kind,
                    anonymous: citizen.anonymous,
                    continuation: citizen.continuation,
                    language: citizen.language,
                };
                (me, mine)
            }
            Principal::Staff(staff) => {
                let me = staff.identity();
                if staff.has_desk() {
                    let number = self.one_console_more(staff.id);
                    // So that the desk's topic shows at once what follows from being there. A desk that cannot write
                    // hears of it later.
                    timeout(DESK_PATIENCE, self.notices.heard(number)).await.ok();
                }
                (me, Vec::new())
            }
        };
        Ok(Answer::Welcome { me, now, tick_seconds, conversations })
    }

    /// Told under the entry's lock, so that the last word on an agent is the true one.
    fn one_console_more(&self, agent: AgentId) -> u64 {
        let mut count = self.consoles.entry(agent).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.bus.set_present(&agent.to_string(), true);
        }
        self.there(agent, true);
        self.notices.present(agent, true)
    }

    /// The socket of a welcomed principal has gone. An agent whose last console went is missing from now on (rule 2).
    pub fn goodbye(&self, who: &Principal) {
        let Principal::Staff(staff) = who else { return };
        let Entry::Occupied(mut consoles) = self.consoles.entry(staff.id) else { return };
        *consoles.get_mut() = consoles.get().saturating_sub(1);
        if *consoles.get() == 0 {
            // A server that stops does not judge who is missing; the next one learns it from who comes back.
            if !self.stopping.is_cancelled() {
                self.bus.set_present(&staff.id.to_string(), false);
                // With others, the bus knows whether they have a console of the agent.
                if !self.bus.is_shared() {
                    self.there(staff.id, false);
                    self.notices.present(staff.id, false);
                }
            }
            consoles.remove();
        }
    }

    /// A socket has gone: whoever sat in a window on it has some seconds to come back. What a server that stops ends is
    /// not their doing; the next one gives them their time.
    pub(crate) fn left(&self, socket: &Socket) {
        if !self.stopping.is_cancelled() {
            self.shared.windows.lost(socket.number());
            self.shared.calls.lost(socket.number());
        }
    }

    /// The agent's first console was opened, or the last one closed, on whatever node.
    fn agent_came_or_went(&self, agent: AgentId, is_there: bool) {
        // Under the entry's lock; what happens here counts more than what was heard.
        let here = self.consoles.entry(agent);
        if is_there || matches!(here, Entry::Vacant(_)) && !self.stopping.is_cancelled() {
            self.there(agent, is_there);
            self.notices.present(agent, is_there);
        }
    }

    fn mine(&self, row: ConversationRow) -> MyConversation {
        let item_name = self.catalogue().item_name(row.item.as_deref());
        MyConversation { id: row.id, item: row.item, item_name, stage: row.stage, opened_at: row.opened_at }
    }
}

/// The list of `service.word_list`, kept fresh as long as we run.
fn word_check(path: &str) -> anyhow::Result<Arc<WordCheck>> {
    if path.is_empty() {
        return Ok(Arc::default());
    }
    let (check, watched) = WordCheck::open(Path::new(path))?;
    let check = Arc::new(check);
    tokio::spawn(Arc::clone(&check).keep_fresh(watched));
    Ok(check)
}

/// Once a day, and not at a moment at which everything else begins.
async fn forget_old_sessions(app: Weak<App>) {
    loop {
        sleep(Duration::from_secs(24 * 60 * 60)).await;
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.forget_sessions().await {
            tracing::warn!(%error, "old sessions cannot be forgotten yet");
        }
    }
}

/// Keys may change while we run.
async fn keep_keys_fresh(app: Weak<App>) {
    while let Some(pause) = app.upgrade().and_then(|app| app.auth.refresh_pause()) {
        sleep(pause).await;
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.auth.refresh(app.clock.now()).await {
            tracing::warn!(%error, "the portal's keys cannot be read; those that are known stay");
        }
    }
}

fn actor(who: &Principal) -> Actor {
    match who {
        Principal::Citizen(citizen) => Actor::Citizen(Citizen::clone(citizen)),
        Principal::Staff(staff) => Actor::Staff(Staff::clone(staff)),
    }
}

/// Called by the writer, in commit order.
pub(crate) fn publish(hub: &Hub, notices: &Notices, batch: &[Published]) {
    for Published { seq, entry, answered, owed } in batch {
        match (owed, &entry.owes) {
            (Some(Owed { no, is_open: true, .. }), Some(promised)) => {
                notices.owed(entry.conversation, *no, entry.at, &promised.terms);
            }
            (Some(Owed { no, .. }), _) => notices.kept(entry.conversation, *no),
            (None, _) => {}
        }
        if *answered {
            notices.replied(entry.conversation, entry.at);
        }
        if entry.lane == Lane::Public && matches!(entry.author, Author::Citizen | Author::Agent(_)) {
            notices.spoke(entry.conversation, entry.at);
        }
        let topic = match entry.lane {
            Lane::Public => Topic::Conversation(entry.conversation),
            Lane::Notes => Topic::Notes(entry.conversation),
        };
        hub.publish_entry(topic, *seq, entry);
    }
}

/// The demo accounts that are not there yet; a chosen status and a changed password survive.
async fn seed(store: &Store, mut staff: Vec<DemoStaff>) -> anyhow::Result<()> {
    let known = store.staff().await?;
    let is_known =
        |member: &DemoStaff| known.iter().any(|row| row.login == member.login && row.capacity == member.capacity);
    staff.retain(|member| !is_known(member));
    if staff.is_empty() {
        return Ok(());
    }
    let password_hash = tokio::task::spawn_blocking(|| hash_password(DEMO_PASSWORD)).await??;
    let rows = staff.into_iter().map(|member| {
        let id = AgentId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, member.login.as_bytes()).as_u128());
        Change::Staff(StaffRow {
            password_hash: password_hash.clone(),
            capacity: member.capacity,
            teams: member.teams.into_iter().map(Membership::new).collect(),
            ..StaffRow::new(id, member.login, member.name).with_role(member.role)
        })
    });
    store.commit(Unit { changes: rows.collect(), ..Unit::default() }).await?;
    Ok(())
}

/// A person or enterprise of the demo's portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoCitizen {
    /// Full name.
    pub name: Cow<'static, str>,
    /// Person or enterprise.
    pub kind: CitizenKind,
    /// Telephone.
    pub phone: &'static str,
    /// Unified social credit code of the enterprise.
    pub credit_code: Option<&'static str>,
}

/// The demo citizen of this code.
#[must_use]
pub fn demo_citizen(code: &str) -> Option<DemoCitizen> {
    let person = |name, phone| DemoCitizen { name, kind: CitizenKind::Person, phone, credit_code: None };
    match code {
        "demo-citizen-1" => Some(person("张伟".into(), "13800138001")),
        "demo-citizen-2" => Some(person("李娜".into(), "13800138002")),
        "demo-enterprise-1" => Some(DemoCitizen {
            kind: CitizenKind::Enterprise,
            // No authority has given it out: there is no place 310199.
            credit_code: Some("91310199MADEM0000Q"),
            ..person("上海示例科技有限公司".into(), "02163210000")
        }),
        _ => load::citizen_name(code).map(|name| person(name.into(), "13800138000")),
    }
}
