//! A server with a window, and the people of it.

use bangban_domain::{
    ConversationId, ParticipantId, WindowId,
    window::{Origin, Purpose, Seat},
};
use bangban_protocol::{Answer, Command, Identity, Snapshot, Topic};
use bangban_tests::{Client, Engine, TestServer};

use crate::page::{Page, until_connected};

const MEDIA: [(&str, &str); 2] =
    [("BANGBAN__MEDIA__LISTEN", "127.0.0.1:0"), ("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0")];

/// A citizen who is served, and the agent who serves them.
pub(crate) struct Scene {
    pub(crate) conversation: ConversationId,
    pub(crate) citizen: Client,
    pub(crate) agent: Client,
}

/// With a media port and metrics.
pub(crate) async fn server() -> TestServer {
    TestServer::with(Engine::Sqlite, &MEDIA).await
}

impl Scene {
    /// The only agent without a window of their own has to be this one.
    pub(crate) async fn served(server: &TestServer, citizen: &str, agent: &str) -> Self {
        let mut citizen = server.citizen(citizen).await;
        let mut agent = server.staff(agent).await;
        let conversation = citizen.open().await;
        citizen.request_human(conversation).await;
        agent.accept().await;
        Self { conversation, citizen, agent }
    }

    /// The first of a server.
    pub(crate) async fn open(server: &TestServer) -> Self {
        Self::served(server, "demo-citizen-1", "agent1001").await
    }

    /// The agent asks, and the citizen has not answered yet.
    pub(crate) async fn ask(&mut self) -> WindowId {
        let ask = Command::AskWindow { conversation: self.conversation, origin: Origin::Conversation };
        match self.agent.ok(ask).await {
            Answer::OpenedWindow { window } => window,
            other => panic!("{other:?}"),
        }
    }

    /// The citizen agrees to these.
    pub(crate) async fn agree(&mut self, window: WindowId, purposes: &[Purpose]) {
        let (_, Snapshot::Window { view, .. }) = self.citizen.subscribe(Topic::Window(window), None).await else {
            panic!("a window")
        };
        for purpose in purposes {
            let text = view.texts.iter().find(|text| text.purpose == *purpose).unwrap();
            let (text, version) = (text.id.clone(), text.version);
            self.citizen.ok(Command::Consent { window, purpose: *purpose, text, version }).await;
        }
    }

    /// Both sit down in a window that was agreed to, and are connected.
    pub(crate) async fn sit(self, window: WindowId) -> [Page; 2] {
        let mut citizen = Page::sit(self.citizen, window, Seat::Citizen).await;
        let mut agent = Page::sit(self.agent, window, Seat::Agent).await;
        until_connected(&mut [&mut citizen, &mut agent]).await;
        [citizen, agent]
    }

    /// The same on ways on which packets can be lost; also gives the server's answer to the citizen.
    pub(crate) async fn sit_by_links(self, window: WindowId) -> ([Page; 2], String) {
        let mut citizen = Page::sit_down(self.citizen, window, Seat::Citizen).await;
        let answer = citizen.connect_by_link().await;
        let mut agent = Page::sit_down(self.agent, window, Seat::Agent).await;
        agent.connect_by_link().await;
        until_connected(&mut [&mut citizen, &mut agent]).await;
        ([citizen, agent], answer)
    }

    /// A live window, both sides connected, on a server of its own.
    pub(crate) async fn live() -> Live {
        let server = server().await;
        let mut scene = Self::open(&server).await;
        let window = scene.ask().await;
        scene.agree(window, &[Purpose::Window, Purpose::Screen]).await;
        let [citizen, agent] = scene.sit(window).await;
        Live { server, window, citizen, agent }
    }
}

/// See [`Scene::live`].
pub(crate) struct Live {
    pub(crate) server: TestServer,
    pub(crate) window: WindowId,
    pub(crate) citizen: Page,
    pub(crate) agent: Page,
}

impl Live {
    /// A colleague whom the agent asks in, connected.
    pub(crate) async fn second_clerk(&mut self) -> Page {
        let colleague = self.server.staff("agent1002").await;
        let Identity::Staff { id, .. } = colleague.me else { panic!("a colleague") };
        self.agent.client.ok(Command::InviteToWindow { window: self.window, agent: id }).await;
        let mut page = Page::sit(colleague, self.window, Seat::SecondClerk).await;
        until_connected(&mut [&mut page, &mut self.citizen, &mut self.agent]).await;
        page
    }

    pub(crate) fn ids(&self) -> [ParticipantId; 2] {
        [self.citizen.participant, self.agent.participant]
    }
}

/// What the server has counted: `bangban_media_total{what="..."}`, and its sizes `bangban_media{what="..."}`.
pub(crate) async fn counted(server: &TestServer, what: &str) -> u64 {
    let metrics = server.metrics().await;
    let wanted = format!("{{what=\"{what}\"}} ");
    let line = metrics.lines().find(|line| line.starts_with("bangban_media") && line.contains(&wanted));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {what}: {metrics}"))
}
