//! Two nodes on one database: what the one writes, the other one's sockets get once and in order, whatever happens to the
//! bus between them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bangban_bus::{Ending, Settings, testing::RedisServer};
use bangban_domain::{
    CitizenId, Timestamp,
    words::{Channel, CitizenKind, Stage},
};
use bangban_protocol::{ConversationView, Party, PersonView, ThreadBody};
use bangban_store::{Author, Change, CitizenRow, ConversationRow, Database, Published, Unit};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    app::publish,
    desk::{Notices, entry},
    hub::{Member, Socket},
};

/// Quick, so that the tests are.
const CANARY: Duration = Duration::from_millis(200);

const PATIENCE: Duration = Duration::from_secs(30);

/// Conversations of the test: with these numbers.
const CONVERSATIONS: u128 = 8;

struct Node {
    hub: Arc<Hub>,
    bus: Bus,
    agents: Arc<Mutex<BTreeMap<AgentId, bool>>>,
    /// How often it was told to read the accounts.
    read: Arc<AtomicU64>,
    _ending: Ending,
}

/// A node on the bus that reads `store`.
fn node((bus, inbox, ending): (Bus, Inbox, Ending), hub: Arc<Hub>, store: &Store) -> Node {
    let agents = Arc::new(Mutex::new(BTreeMap::new()));
    let told = Arc::clone(&agents);
    let read = Arc::new(AtomicU64::new(0));
    let relay = Relay {
        hub: Arc::clone(&hub),
        bus: bus.clone(),
        store: store.clone(),
        agents: Box::new(move |agent, is_there| {
            told.lock().unwrap().insert(agent, is_there);
        }),
        accounts: {
            let read = Arc::clone(&read);
            Box::new(move || {
                read.fetch_add(1, Ordering::Relaxed);
            })
        },
    };
    tokio::spawn(relay.run(inbox));
    Node { hub, bus, agents, read, _ending: ending }
}

/// The one that writes, and the one whose sockets are watched.
struct Pair {
    redis: RedisServer,
    store: Store,
    writer: Node,
    reader: Node,
    sent: u64,
    _dir: TempDir,
}

impl Pair {
    async fn open() -> Self {
        let redis = RedisServer::start();
        let join = |node| Bus::redis(Settings { node, canary: CANARY }, &redis.address()).unwrap();
        let (first, second) = (join(1), join(2));
        let hub = Arc::new(Hub::new(1, first.0.clone(), Arc::default()));
        let dir = tempfile::tempdir().unwrap();
        let database = Database { dir: dir.path().to_owned(), ..Database::default() };
        let publisher = {
            let (hub, notices) = (Arc::clone(&hub), Notices::default());
            Box::new(move |batch: &[Published]| publish(&hub, &notices, batch))
        };
        let store = Store::open(&database, 1024, publisher).await.unwrap();
        let citizen = CitizenRow {
            id: CitizenId::new(1),
            name: "张伟".to_owned(),
            kind: CitizenKind::Person,
            level: "L3".to_owned(),
            phone: None,
            credit_code: None,
            language: None,
            anonymous: false,
            seen_at: Timestamp(0),
        };
        let mut changes = vec![Change::Citizen(citizen)];
        changes.extend((1..=CONVERSATIONS).map(|n| Change::NewConversation(row(n, None))));
        store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
        let reader = Arc::new(Hub::new(2, second.0.clone(), Arc::default()));
        let (writer, reader) = (node(first, hub, &store), node(second, reader, &store));
        let pair = Self { redis, store, writer, reader, sent: 0, _dir: dir };
        pair.until("both are live", |pair| pair.writer.bus.is_live() && pair.reader.bus.is_live()).await;
        pair
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < end, "in vain: {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The first conversation is this agent's now.
    async fn serves(&self, agent: u128) {
        let changes = vec![Change::Conversation(row(1, Some(agent)))];
        self.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    }

    /// So many entries of each conversation, in units of one.
    async fn write(&mut self, count: u64) {
        for _ in 0..count {
            self.sent += 1;
            let commits = (1..=CONVERSATIONS).map(|n| {
                let (party, body) = (Party::Citizen, ThreadBody::Finished);
                let entry = entry(ConversationId::new(n), Lane::Public, Timestamp(9), Author::Citizen, &party, &body);
                self.store.enqueue(Unit { entries: vec![entry], ..Unit::default() }).unwrap()
            });
            for commit in commits.collect::<Vec<_>>() {
                commit.await.unwrap();
            }
        }
    }
}

fn row(n: u128, agent: Option<u128>) -> ConversationRow {
    ConversationRow {
        id: ConversationId::new(n),
        citizen: CitizenId::new(1),
        item: None,
        team: "general".to_owned(),
        channel: Channel::Pc,
        hall: None,
        ticket: None,
        stage: if agent.is_some() { Stage::Serving } else { Stage::Bot },
        agent: agent.map(AgentId::new),
        outcome: None,
        stars: None,
        comment: None,
        opened_at: Timestamp(1),
        closed_at: None,
        clock_no: 0,
        slot: None,
        call_back_phone: None,
        citizen_read: 0,
        agent_read: 0,
        head_start: 0,
        at_head: false,
        last_agent: None,
    }
}

fn topic(n: u128) -> Topic {
    Topic::Conversation(ConversationId::new(n))
}

/// Who listens, and the numbers that came.
struct Ear {
    socket: Arc<Socket>,
    heard: Vec<u64>,
}

impl Ear {
    fn new(hub: &Hub, member: Member, n: u128) -> Self {
        let socket = hub.open(member, 100_000);
        assert!(hub.join(&socket, topic(n)));
        hub.has_up_to(topic(n), 0);
        Self { socket, heard: Vec::new() }
    }

    fn listen(&mut self) {
        let (frames, ended) = self.socket.take();
        assert_eq!(ended, None);
        let numbers = frames.iter().filter_map(|text| serde_json::from_str::<Head>(text).unwrap().seq);
        self.heard.extend(numbers);
    }

    async fn up_to(&mut self, last: u64) {
        let end = Instant::now() + PATIENCE;
        while self.heard.last() != Some(&last) {
            assert!(Instant::now() < end, "in vain for {last}: {:?}", self.heard.last());
            sleep(Duration::from_millis(5)).await;
            self.listen();
        }
    }
}

#[tokio::test]
async fn whatever_happens_to_the_bus_everybody_gets_everything_once_and_in_order() {
    let mut pair = Pair::open().await;
    let mut ears: Vec<Ear> = (1..=CONVERSATIONS).map(|n| Ear::new(&pair.reader.hub, Member::Citizen, n)).collect();
    let mut local = Ear::new(&pair.writer.hub, Member::Citizen, 1);
    for round in 0..6 {
        pair.write(20).await;
        match round % 3 {
            0 => pair.redis.kill_9(),
            1 => pair.redis.freeze(),
            _ => {}
        }
        // While it is away, the store is looked at: slower, but all comes.
        pair.write(20).await;
        for ear in &mut ears {
            ear.up_to(pair.sent).await;
        }
        pair.redis.go_on();
        pair.write(20).await;
        pair.until("live again", |pair| pair.writer.bus.is_live() && pair.reader.bus.is_live()).await;
    }
    pair.write(1).await;
    let all: Vec<u64> = (1..=pair.sent).collect();
    for ear in ears.iter_mut().chain([&mut local]) {
        ear.up_to(pair.sent).await;
        assert_eq!(ear.heard, all);
    }
}

#[tokio::test]
async fn who_serves_no_more_hears_no_more_on_any_node_even_if_that_was_missed() {
    let mut pair = Pair::open().await;
    pair.serves(3).await;
    let agent = |n| Member::Agent(AgentId::new(n));
    let mut before = Ear::new(&pair.reader.hub, agent(3), 1);
    pair.write(1).await;
    before.up_to(1).await;
    let view = ConversationView {
        id: ConversationId::new(1),
        version: 1,
        stage: Stage::Serving,
        item: None,
        item_name: None,
        team: "general".to_owned(),
        team_name: String::new(),
        opened_at: Timestamp(1),
        clock: None,
        position: None,
        agent: Some(PersonView { id: AgentId::new(4), name: "王芳".to_owned() }),
        outcome: None,
        stars: None,
        slot: None,
        helpers: Vec::new(),
        citizen_read: 0,
        agent_read: 0,
        citizen_online: false,
        window: None,
        call: None,
    };
    pair.serves(4).await;
    let mut after = Ear::new(&pair.reader.hub, agent(4), 1);
    pair.writer.hub.publish(topic(1), None, EventBody::Conversation { view });
    pair.write(1).await;
    after.up_to(2).await;
    before.listen();
    assert_eq!(before.heard, [1]);

    // The next change falls into a time in which the bus carries nothing: the row tells.
    pair.redis.freeze();
    pair.serves(5).await;
    pair.until("the right has ended", |pair| pair.reader.hub.staff_at(ConversationId::new(1)).is_empty()).await;
}

#[tokio::test]
async fn consoles_and_pages_are_known_on_every_node() {
    let pair = Pair::open().await;
    let agent = AgentId::new(7);
    let told = |node: &Node, is_there| node.agents.lock().unwrap().get(&agent) == Some(&is_there);
    pair.reader.bus.set_present(&agent.to_string(), true);
    pair.until("the writer knows the console", |pair| told(&pair.writer, true)).await;
    let staff = Ear::new(&pair.writer.hub, Member::Agent(agent), 1);
    let page = Ear::new(&pair.reader.hub, Member::Citizen, 1);
    let id = ConversationId::new(1);
    pair.until("the page is known", |pair| pair.writer.hub.citizen_online(id)).await;
    pair.until("the agent is told", |_| staff.socket.take().0.iter().any(|text| text.contains(r#""online":true"#)))
        .await;
    pair.reader.hub.close(&page.socket);
    pair.reader.bus.set_present(&agent.to_string(), false);
    pair.until("both have gone", |pair| told(&pair.writer, false) && !pair.writer.hub.citizen_online(id)).await;
}

#[tokio::test]
async fn a_change_of_an_account_is_heard_on_the_other_nodes() {
    let pair = Pair::open().await;
    let before = pair.reader.read.load(Ordering::Relaxed);
    pair.writer.hub.tell_of_account(AgentId::new(7));
    pair.until("the accounts are read", |pair| pair.reader.read.load(Ordering::Relaxed) > before).await;
}
