//! A run: clients speak, faults come one after the other, and at the end everything is read back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bangban_domain::ConversationId;
use bangban_protocol::Identity;
use bangban_tests::{Engine, FaultProxy, TestServer, Way};
use serde::Serialize;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    flushes,
    kinds::{Deck, Kind},
    speaker::{Mode, Role, Speaker},
    verdict::{self, Verdict},
    world::{World, false_clock, link},
};

/// After a fault every citizen must be promised something new within so long.
const RECOVERY: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Kinds of faults.
    pub(crate) only: Vec<Kind>,
    pub(crate) faults: u32,
    pub(crate) seed: u64,
    pub(crate) on: Engine,
    /// Citizens; with as many agents.
    pub(crate) pairs: u32,
    /// Connections that come back at once in the fault [`Kind::Crowd`].
    pub(crate) crowd: usize,
}

/// The result: one line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) database: &'static str,
    pub(crate) seed: u64,
    pub(crate) faults: u32,
    pub(crate) kinds: BTreeMap<String, u32>,
    pub(crate) seconds: f64,
    /// From the end of a fault until every citizen was promised something again: the longest.
    pub(crate) slowest_recovery_seconds: f64,
    pub(crate) slowest_recovery_after: String,
    pub(crate) crowd: usize,
    pub(crate) crowd_resumed_seconds: Option<f64>,
    pub(crate) connections: u32,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    /// Entries that a client was sent twice over one connection, or without the one before.
    pub(crate) delivered_twice: u32,
    pub(crate) delivered_with_gap: u32,
    #[serde(flatten)]
    pub(crate) flushes: flushes::Flushes,
}

impl Summary {
    /// Was every promise kept?
    pub(crate) fn is_clean(&self) -> bool {
        let found = &self.verdict;
        let harm = [found.lost, found.duplicated, found.out_of_order, found.refused_but_kept, found.gaps];
        harm == [0; 5]
            && [self.delivered_twice, self.delivered_with_gap] == [0; 2]
            && found.log.is_empty()
            && found.differs_by_protocol == 0
            && self.flushes.are_enough()
    }
}

/// A client, its link and its strings.
struct Handle {
    link: FaultProxy,
    mode: watch::Sender<Mode>,
    promises: Arc<AtomicU64>,
    speaking: JoinHandle<Speaker>,
}

impl Handle {
    async fn new(server: &TestServer, name: String, role: Role, token: String) -> Self {
        let link = link(server).await;
        let (mode, listens) = watch::channel(Mode::Awake);
        let promises = Arc::new(AtomicU64::new(0));
        let speaker = Speaker::new(name, role, (link.address, token), listens, Arc::clone(&promises));
        Self { link, mode, promises, speaking: tokio::spawn(speaker.speak()) }
    }

    fn promised(&self) -> u64 {
        self.promises.load(Ordering::Relaxed)
    }

    async fn finish(self) -> Speaker {
        self.mode.send_replace(Mode::Finish);
        timeout(RECOVERY, self.speaking).await.expect("everything is answered").unwrap()
    }
}

struct Run {
    plan: Plan,
    world: World,
    deck: Deck,
    citizens: Vec<(Handle, ConversationId, String)>,
    agents: Vec<Handle>,
    tabs: Vec<Speaker>,
    crowd_resumed: Option<Duration>,
}

/// Carries a plan out.
///
/// # Panics
/// If the server does not recover.
pub(crate) async fn run(plan: Plan) -> Summary {
    let began = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(plan.on, dir.path().join("clock")).await;
    let deck = Deck::new(plan.seed, plan.on, false_clock().is_some(), &plan.only);
    let mut run = Run {
        plan: plan.clone(),
        world,
        deck,
        citizens: Vec::new(),
        agents: Vec::new(),
        tabs: Vec::new(),
        crowd_resumed: None,
    };
    run.gather().await;
    let mut kinds = BTreeMap::<String, u32>::new();
    let mut slowest = (Duration::ZERO, String::new());
    for number in 1..=plan.faults {
        let kind = run.deck.next();
        run.inject(kind).await;
        let recovery = run.recovered(number, kind).await;
        if recovery > slowest.0 {
            slowest = (recovery, format!("{kind:?} (fault {number})"));
        }
        *kinds.entry(format!("{kind:?}")).or_default() += 1;
        if number % 25 == 0 {
            eprintln!(
                "{number} faults, {:.0} s, slowest recovery {:.1} s",
                began.elapsed().as_secs_f64(),
                slowest.0.as_secs_f64()
            );
        }
    }
    let flushes = flushes::count(&mut run.world, plan.on).await;
    let Run { world, citizens, agents, tabs, crowd_resumed, .. } = run;
    let mut speakers = tabs;
    let mut conversations = Vec::new();
    for (citizen, id, token) in citizens {
        conversations.push((id, token));
        speakers.push(citizen.finish().await);
    }
    for agent in agents {
        speakers.push(agent.finish().await);
    }
    let verdict = verdict::read_back(&world.server, &conversations, &speakers).await;
    Summary {
        database: match plan.on {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        },
        seed: plan.seed,
        faults: plan.faults,
        kinds,
        seconds: began.elapsed().as_secs_f64(),
        slowest_recovery_seconds: slowest.0.as_secs_f64(),
        slowest_recovery_after: slowest.1,
        crowd: plan.crowd,
        crowd_resumed_seconds: crowd_resumed.map(|span| span.as_secs_f64()),
        connections: speakers.iter().map(|speaker| speaker.connections).sum(),
        verdict,
        delivered_twice: speakers.iter().map(|speaker| speaker.delivered_twice).sum(),
        delivered_with_gap: speakers.iter().map(|speaker| speaker.delivered_with_gap).sum(),
        flushes,
    }
}

impl Run {
    /// Brings citizens and agents in; every citizen has asked for a human.
    async fn gather(&mut self) {
        let server = &self.world.server;
        for n in 0..self.plan.pairs {
            let token = server.citizen_token(&format!("load-citizen-{n}")).await;
            let mut client = bangban_tests::Client::connect(server.address, &token).await;
            let id = client.open().await;
            client.request_human(id).await;
            let handle = Handle::new(server, format!("c{n}"), Role::Citizen(id), token.clone()).await;
            self.citizens.push((handle, id, token));
        }
        for n in 1..=self.plan.pairs {
            let login = server.log_in(&format!("load-agent-{n}"), "bangban-demo").await.unwrap();
            let Identity::Staff { id, .. } = login.me else { panic!("load-agent-{n} is no agent") };
            self.agents.push(Handle::new(server, format!("a{n}"), Role::Agent(id), login.token).await);
        }
        self.recovered(0, Kind::SecondTab).await;
        // Agents speak as well: the first offers are accepted.
        let first = async {
            while self.agents.iter().all(|agent| agent.promised() == 0) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(RECOVERY, first).await.expect("an agent who serves");
    }

    /// Waits until every citizen was promised something new; says how long it took.
    async fn recovered(&self, number: u32, kind: Kind) -> Duration {
        let began = Instant::now();
        for (citizen, ..) in &self.citizens {
            let before = citizen.promised();
            while citizen.promised() == before {
                assert!(
                    began.elapsed() < RECOVERY,
                    "fault {number} of seed {}, {kind:?}: a citizen gets no answer any more\n{}",
                    self.plan.seed,
                    self.world.log()
                );
                sleep(Duration::from_millis(5)).await;
            }
        }
        began.elapsed()
    }

    /// Anybody.
    fn pick(&mut self) -> usize {
        self.deck.below(self.citizens.len() + self.agents.len())
    }

    fn handle(&self, place: usize) -> &Handle {
        match self.citizens.get(place) {
            Some((citizen, ..)) => citizen,
            None => &self.agents[place - self.citizens.len()],
        }
    }

    /// A client is in this mode for a while.
    async fn put(&mut self, mode: Mode, span: Duration) {
        let place = self.pick();
        self.handle(place).mode.send_replace(mode);
        sleep(span).await;
        self.handle(place).mode.send_replace(Mode::Awake);
    }

    async fn inject(&mut self, kind: Kind) {
        match kind {
            Kind::ServerKilled => {
                self.world.server.kill_9().await;
                self.world.server.restart().await;
            }
            Kind::ServerRestarted => {
                self.world.server.stop().await;
                self.world.server.restart().await;
            }
            Kind::ServerAsleep => {
                let span = self.deck.millis(100..1_200);
                self.world.server.signal("STOP");
                sleep(span).await;
                self.world.server.signal("CONT");
            }
            Kind::DiskFull => {
                let span = self.deck.millis(100..700);
                self.world.limit_files(Some(4_096));
                sleep(span).await;
                self.world.limit_files(None);
            }
            Kind::ClockStepped => self.world.set_clock(self.deck.seconds(-600..600)),
            Kind::ClockSteppedOverRestart => {
                self.world.server.kill_9().await;
                self.world.set_clock(self.deck.seconds(-600..600));
                self.world.server.restart().await;
            }
            Kind::Cut => {
                let place = self.pick();
                self.handle(place).link.cut();
            }
            Kind::CutInFrame => {
                let (place, way) = (self.pick(), self.deck.way());
                let bytes = self.deck.below(1_500) as u64;
                self.handle(place).link.cut_after(way, bytes);
            }
            Kind::Stalled => {
                let (place, way, span) = (self.pick(), self.deck.way(), self.deck.millis(100..2_500));
                self.handle(place).link.stall(way);
                sleep(span).await;
                self.handle(place).link.pass();
            }
            Kind::HalfOpen => {
                let place = self.pick();
                let link = &self.handle(place).link;
                link.stall(Way::ToServer);
                link.stall(Way::ToClient);
                // The client has had enough, and the old connection stays as it is.
                sleep(Duration::from_millis(1_800)).await;
                link.strand();
            }
            Kind::Delayed => {
                let (place, late, span) = (self.pick(), self.deck.millis(20..250), self.deck.millis(200..800));
                self.handle(place).link.delay(late);
                sleep(span).await;
                self.handle(place).link.pass();
            }
            Kind::SlowReader => {
                let span = self.deck.millis(300..1_500);
                self.put(Mode::Slow, span).await;
            }
            Kind::ClientAsleep => {
                let span = self.deck.millis(200..2_000);
                self.put(Mode::Asleep, span).await;
            }
            Kind::SecondTab => {
                let place = self.deck.below(self.citizens.len());
                let (_, id, token) = &self.citizens[place];
                let name = format!("t{}", self.tabs.len());
                let tab = Handle::new(&self.world.server, name, Role::Citizen(*id), token.clone()).await;
                let said = async {
                    while tab.promised() < 5 {
                        sleep(Duration::from_millis(10)).await;
                    }
                };
                timeout(RECOVERY, said).await.expect("the second tab is served too");
                self.tabs.push(tab.finish().await);
            }
            Kind::DatabaseKilled => {
                let away = self.deck.millis(0..500);
                self.world.kill_database(away).await;
            }
            Kind::DatabaseStopped => {
                let away = self.deck.millis(200..1_500);
                self.world.stop_database(away).await;
            }
            Kind::DatabaseRestarted => self.world.stop_database(Duration::ZERO).await,
            Kind::RedisKilled => {
                let away = self.deck.millis(0..700);
                self.world.redis.kill_9();
                sleep(away).await;
                self.world.redis.go_on();
            }
            Kind::RedisAsleep => {
                let span = self.deck.millis(200..2_000);
                self.world.redis.freeze();
                sleep(span).await;
                self.world.redis.go_on();
            }
            Kind::Crowd => self.crowd_resumed = Some(self.world.crowd(self.plan.crowd).await),
        }
    }
}
