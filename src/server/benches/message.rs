//! The whole way of a message in one process and on one thread: WebSocket, session, rights, writer (SQLite), answer,
//! delivery to both sides. 64 conversations of 8 agents; a round is one message from each of the 128 sides.
//!
//! `make bench-instructions` counts instructions: with `ROUNDS=n` so many rounds are done and nothing is printed. Else the
//! processor time of a message is printed, in which the clients of this process (small ones) and the kernel's part count.

#![expect(clippy::unwrap_used, reason = "a measurement: it may fail")]

use std::{net::SocketAddr, sync::Arc};

use bangban_domain::{
    ConversationId, Timestamp,
    words::{Channel, CitizenKind, SignIn},
};
use bangban_protocol::{AgentView, Answer, Command, EventBody, Frame, Request, Snapshot, Topic, VERSION};
use bangban_server::{
    app::App,
    clock::Clock,
    config::{Config, HoursKey},
    http,
    load::LoadAgents,
    staff::Caller,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

const AGENTS: u32 = 8;
const CAPACITY: u32 = 8;
const TEXT: &str = "您好，我想办理居住证，请问需要带哪些材料？我住在徐汇区，房东说可以配合提供租赁合同备案。";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Client {
    socket: WebSocketStream<TcpStream>,
    next: u32,
    conversations: Vec<ConversationId>,
    views: Vec<AgentView>,
}

impl Client {
    async fn connect(address: SocketAddr, token: String) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        // The library clears its whole buffer before it reads.
        let small = WebSocketConfig::default().read_buffer_size(2048);
        let address = format!("ws://{address}/ws");
        let (socket, _) = client_async_with_config(address, stream, Some(small)).await.unwrap();
        let mut client = Self { socket, next: 0, conversations: Vec::new(), views: Vec::new() };
        client.ask(Command::Hello { token, protocol: VERSION }).await;
        client
    }

    async fn send(&mut self, body: Command) {
        self.next += 1;
        let request = serde_json::to_string(&Request { reference: self.next, body }).unwrap();
        self.socket.feed(Message::text(request)).await.unwrap();
    }

    async fn ask(&mut self, body: Command) -> Answer {
        self.send(body).await;
        self.socket.flush().await.unwrap();
        loop {
            match self.frame().await {
                Frame::Reply { reference, ok } if reference == self.next => return ok,
                Frame::Event { body: EventBody::Agent { view }, .. } => self.views.push(view),
                Frame::Reply { .. } | Frame::Event { .. } => {}
                Frame::Failure { error, .. } => panic!("{error}"),
            }
        }
    }

    async fn frame(&mut self) -> Frame {
        loop {
            if let Message::Text(text) = self.socket.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// A citizen who waits for a person.
    async fn come(&mut self) {
        let open =
            Command::OpenConversation { item: None, district: None, channel: Channel::Pc, hall: None, ticket: None };
        let Answer::Opened { conversation } = self.ask(open).await else { panic!("not opened") };
        self.join(conversation).await;
        self.ask(Command::RequestHuman { conversation }).await;
    }

    async fn join(&mut self, conversation: ConversationId) {
        self.ask(Command::Subscribe { topic: Topic::Conversation(conversation), after: None }).await;
        self.conversations.push(conversation);
    }

    /// An agent takes who is offered, until all places are taken.
    async fn accept_all(&mut self, mut view: AgentView) {
        while self.conversations.len() < CAPACITY as usize {
            if let Some(offer) = view.offer.take().filter(|offer| !self.conversations.contains(&offer.conversation)) {
                self.ask(Command::AcceptOffer { offer: offer.id }).await;
                self.join(offer.conversation).await;
            }
            view = match self.views.pop() {
                Some(view) => view,
                None => loop {
                    if let Frame::Event { body: EventBody::Agent { view }, .. } = self.frame().await {
                        break view;
                    }
                },
            };
            self.views.clear();
        }
    }

    /// One message to each conversation.
    async fn say(&mut self, round: u32) {
        for n in 0..self.conversations.len() {
            let conversation = self.conversations[n];
            let client_id = format!("5d1c4c7e-{round}");
            self.send(Command::Send { conversation, client_id, text: TEXT.to_owned(), entry: None }).await;
        }
        self.socket.flush().await.unwrap();
    }

    /// The answers, and both sides' messages.
    async fn hear(&mut self) {
        let mut missing = self.conversations.len() * 3;
        while missing > 0 {
            let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
            missing -=
                usize::from(text.contains(r#""ok":{"type":"sent""#) || text.contains(r#""body":{"type":"entry""#));
        }
    }
}

async fn start(dir: &std::path::Path) -> (Arc<App>, SocketAddr) {
    let mut config = Config::load(None).unwrap();
    config.data.dir = dir.to_owned();
    config.service.hours = HoursKey::Always;
    (config.limits.citizen_burst, config.limits.staff_burst) = (u32::MAX, u32::MAX);
    let load = LoadAgents { load_agents: AGENTS, load_capacity: CAPACITY, load_teams: None };
    let app = App::start(&config, Clock::system(), true, load).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(http::serve(listener, None, http::router(Arc::clone(&app)), app.stopping.clone()));
    (app, address)
}

async fn office(app: &App, address: SocketAddr) -> Vec<Client> {
    let mut clients = Vec::new();
    for n in 0..AGENTS * CAPACITY {
        let subject = format!("bench-{n}");
        let token =
            app.auth.portal_token(&subject, "张伟", CitizenKind::Person, None, None, Timestamp(i64::MAX / 2)).unwrap();
        let mut citizen = Client::connect(address, token).await;
        citizen.come().await;
        clients.push(citizen);
    }
    for member in app.store.staff().await.unwrap() {
        if !member.login.starts_with("load-agent-") {
            continue;
        }
        let caller = Caller { device: String::new(), address: String::new() };
        let token = app.begin_session(&member, SignIn::Password, &caller).await.unwrap().reply.token;
        let mut agent = Client::connect(address, token).await;
        let desk = agent.ask(Command::Subscribe { topic: Topic::Agent(member.id), after: None }).await;
        let Answer::Subscribed { snapshot, .. } = desk else { panic!("no desk") };
        let Snapshot::Agent { view } = *snapshot else { panic!("no desk") };
        agent.accept_all(view).await;
        clients.push(agent);
    }
    for client in &mut clients {
        // What came before the answer is out of the way.
        client.ask(Command::Unsubscribe { topic: Topic::Board }).await;
    }
    clients
}

/// Processor time of this process in seconds (ticks of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn main() {
    let rounds = std::env::var("ROUNDS").ok().map(|rounds| rounds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (app, address) = start(dir.path()).await;
        let mut clients = office(&app, address).await;
        let begin = cpu_seconds();
        for round in 0..rounds.unwrap_or(1_000) {
            for client in &mut clients {
                client.say(round).await;
            }
            for client in &mut clients {
                client.hear().await;
            }
        }
        if rounds.is_none() {
            let messages = f64::from(1_000 * 2 * AGENTS * CAPACITY);
            println!("{:.1} µs a message", (cpu_seconds() - begin) * 1e6 / messages);
        }
        app.store.close().await;
    });
}
