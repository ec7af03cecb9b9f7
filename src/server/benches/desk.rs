//! What an order costs at the desk: 500 agents with a console each, 2 000 open conversations, real SQLite.
//!
//! Prints processor time (the machine may be shared) of the whole process per order, the store's part included, and the
//! bytes that consoles are sent. A round is four orders: a conversation is closed, its agent takes the next one, and
//! somebody new opens one and asks for a human; the numbers of the desk stay the same.

use std::{fs, sync::Arc};

use bangban_bus::{Bus, CANARY, Ending, Net, Settings};
use bangban_domain::{
    AgentId, CitizenId, ConversationId, StaffSessionId, Timestamp,
    rights::Grant,
    words::{Channel, CitizenKind, Outcome, Role},
};
use bangban_protocol::{Answer, Topic};
use bangban_server::{
    auth::{Citizen, Staff},
    catalogue::Basis,
    clock::Clock,
    config::{Config, HoursKey},
    desk::{Actor, Desk, Notices, Order, Shared, World},
    hub::{Hub, Member, Socket},
    organisation::{Organisation, seed_demo},
    staff::Rights,
};
use bangban_store::{Change, Database, Membership, StaffRow, Store, Unit};

const AGENTS: u128 = 500;
const CAPACITY: u32 = 3;
const OPEN: u128 = 2_000;
const ROUNDS: usize = 100;

/// Processor time of this process in milliseconds (ticks of 10 ms).
fn cpu_ms() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("a Linux machine");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number") * 10).sum()
}

struct Bench {
    desk: Desk,
    shared: Arc<Shared>,
    notices: Arc<Notices>,
    hub: Arc<Hub>,
    clock: Clock,
    next_citizen: u128,
    consoles: Vec<Arc<Socket>>,
    store: Store,
    _bus_ending: Ending,
}

impl Bench {
    async fn start(dir: &std::path::Path) -> Self {
        let config = Config::load(None).expect("the defaults");
        let clock = Clock::system();
        let (bus, _, bus_ending) = Bus::memory(Settings { node: 1, canary: CANARY }, &Net::default());
        let rights = Arc::new(Rights::default());
        let hub = Arc::new(Hub::new(1, bus, Arc::clone(&rights)));
        let store = Store::open(&Database { dir: dir.to_owned(), ..Database::default() }, 4096, Box::new(|_| {}))
            .await
            .expect("a store");
        seed_demo(&store, clock.now()).await.expect("the demo organisation");
        let mut always = config.clone();
        always.service.hours = HoursKey::Always;
        let mut basis = Basis::new(&always).expect("a calendar");
        basis.settings.offer = 3_600_000;
        let organisation = Organisation::load(store.clone(), basis, Arc::clone(&rights.directory), clock.now()).await;
        let organisation = Arc::new(organisation.expect("an organisation"));
        let catalogue = organisation.current();
        let codes: Vec<String> = catalogue.teams().map(|team| team.code.clone()).collect();
        let team = |n: u128| codes[usize::try_from(n).unwrap_or(0) % codes.len()].clone();
        let staff = (1..=AGENTS).map(|n| {
            Change::Staff(StaffRow {
                capacity: CAPACITY,
                teams: [team(n), team(n + 1)].map(Membership::new).into(),
                ..StaffRow::new(AgentId::new(n), format!("agent{n:04}"), format!("坐席{n:04}")).with_role(Role::Agent)
            })
        });
        store.commit(Unit { changes: staff.collect(), ..Unit::default() }).await.expect("staff");
        let (shared, notices) = (Arc::new(Shared::default()), Arc::new(Notices::default()));
        let world = World {
            clock: clock.clone(),
            catalogue,
            organisation,
            store: store.clone(),
            hub: Arc::clone(&hub),
            shared: Arc::clone(&shared),
            notices: Arc::clone(&notices),
            rights,
        };
        let desk = Desk::start(world, 4096).await.expect("a desk");
        let bench = Self {
            desk,
            shared,
            notices,
            hub,
            clock,
            next_citizen: 0,
            consoles: Vec::new(),
            store,
            _bus_ending: bus_ending,
        };
        for n in 1..=AGENTS {
            bench.notices.present(AgentId::new(n), true);
        }
        bench
    }

    fn listen(&mut self) {
        for n in 1..=AGENTS {
            let agent = AgentId::new(n);
            let console = self.hub.open(Member::Agent(agent), 1_000);
            self.hub.join(&console, Topic::Agent(agent));
            self.consoles.push(console);
        }
    }

    async fn give(&self, who: Actor, order: Order) -> Answer {
        self.desk.give(who, self.clock.now(), order).await.expect("a possible order")
    }

    async fn ask(&mut self) {
        self.next_citizen += 1;
        let who = Actor::Citizen(Citizen {
            id: CitizenId::new(self.next_citizen),
            name: "张伟".to_owned(),
            kind: CitizenKind::Person,
            level: "L3".to_owned(),
            phone: None,
            credit_code: None,
            language: None,
            anonymous: false,
            continuation: None,
            expires_at: Timestamp(i64::MAX),
        });
        let items = ["residence-permit", "social-query", "medical-claim", "fund-rent", "invoice", "dog-license"];
        let item = items[usize::try_from(self.next_citizen).unwrap_or(0) % items.len()];
        let opened = self
            .give(
                who.clone(),
                Order::Open { item: Some(item.to_owned()), district: None, channel: Channel::Pc, visit: None },
            )
            .await;
        let Answer::Opened { conversation } = opened else { return };
        self.give(who, Order::RequestHuman(conversation)).await;
    }

    async fn accept_all(&self) {
        loop {
            let offers: Vec<_> = (1..=AGENTS)
                .filter_map(|n| {
                    let known = self.shared.agents.get(&AgentId::new(n))?;
                    Some((n, known.1.offer.as_ref()?.id))
                })
                .collect();
            if offers.is_empty() {
                return;
            }
            for (n, offer) in offers {
                self.give(agent(n), Order::Accept(offer)).await;
            }
        }
    }

    fn served_by(&self, n: u128) -> Option<ConversationId> {
        self.shared.agents.get(&AgentId::new(n))?.1.conversations.first().map(|one| one.id)
    }

    fn sent(&self) -> (usize, usize) {
        let mut sent = (0, 0);
        for console in &self.consoles {
            for frame in console.take().0 {
                sent = (sent.0 + 1, sent.1 + frame.len());
            }
        }
        sent
    }
}

fn agent(n: u128) -> Actor {
    Actor::Staff(Staff {
        id: AgentId::new(n),
        name: format!("坐席{n:04}"),
        grants: vec![Grant { role: Role::Agent, unit: None, items: Vec::new() }],
        session: StaffSessionId::new(0),
        expires_at: Timestamp(i64::MAX),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // In memory where there is such a folder: what is measured is work, not the disk.
    let shm = std::path::Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.expect("a folder");
    let mut bench = Bench::start(dir.path()).await;
    for _ in 0..OPEN {
        bench.ask().await;
    }
    bench.accept_all().await;
    bench.listen();
    let serving: usize = bench.shared.agents.iter().map(|agent| agent.1.conversations.len()).sum();
    println!("{AGENTS} agents, {} open conversations, {serving} of them served", bench.shared.live.len());

    let (cpu, mut sent) = (cpu_ms(), (0, 0));
    let began = bench.clock.now();
    for round in 0..ROUNDS {
        let n = u128::try_from(round).unwrap_or(0) * 7 % AGENTS + 1;
        let Some(conversation) = bench.served_by(n) else { continue };
        bench
            .give(
                agent(n),
                Order::Close { conversation, outcome: Outcome::Solved, hand_on: None, gap: None, write_back: None },
            )
            .await;
        bench.accept_all().await;
        bench.ask().await;
        let more = bench.sent();
        sent = (sent.0 + more.0, sent.1 + more.1);
    }
    let orders = u64::try_from(ROUNDS * 4).unwrap_or(1);
    let wall = u64::try_from(bench.clock.now().since(began)).unwrap_or(0);
    println!("processor time {} µs per order", (cpu_ms() - cpu) * 1_000 / orders);
    println!("elapsed        {} µs per order, one after another", wall * 1_000 / orders);
    println!("to consoles    {} frames, {} bytes per order", sent.0 as u64 / orders, sent.1 as u64 / orders);
    bench.store.close().await;
}
