//! Pairs of a citizen and an agent, made the way real ones are: token, conversation, a question to the bot, a human asked
//! for, an offer accepted.

use std::{cell::Cell, net::SocketAddr, rc::Rc, sync::Arc};

use anyhow::Context as _;
use bangban_domain::{ConversationId, OfferId, words::Channel};
use bangban_protocol::{
    AgentView, Answer, Command, ErrorCode, EventBody, Identity, Snapshot, ThreadBody, Topic, WireError,
};
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_local,
};

use crate::{client::Client, http::Http, source::Source};

/// Citizens who come at the same time.
const AT_ONCE: usize = 32;

/// What citizens ask; the demo knowledge answers it.
const ITEM: &str = "residence-permit";
const QUESTION: &str = "居住证怎么办理，需要什么材料？";

/// A citizen who is being served.
pub(crate) struct Citizen {
    pub(crate) client: Client,
    pub(crate) conversation: ConversationId,
    pub(crate) token: String,
    pub(crate) source: Source,
}

/// An agent and whom they serve.
pub(crate) struct Agent {
    pub(crate) client: Client,
    pub(crate) conversations: Vec<ConversationId>,
}

/// Everybody.
pub(crate) struct Office {
    pub(crate) citizens: Vec<Citizen>,
    pub(crate) agents: Vec<Agent>,
}

/// Numbers of citizens that no earlier run has used on the same data: theirs may still have open conversations.
#[expect(clippy::disallowed_methods, reason = "only a number that differs from run to run")]
pub(crate) fn first_citizen() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() % 40_000).unwrap_or_default() * 100_000
}

/// Brings `citizens` to `agents`. `receive_buffer`: of the citizens' sockets.
pub(crate) async fn open(
    url: SocketAddr,
    citizens: u32,
    agents: u32,
    receive_buffer: Option<u32>,
) -> anyhow::Result<Office> {
    let mut http = Http::connect(url).await?;
    let mut room = 0;
    let mut consoles = Vec::new();
    for n in 1..=agents {
        let login = http.agent(n).await?;
        let Identity::Staff { id, .. } = login.me else { anyhow::bail!("load-agent-{n} is no member of staff") };
        let (mut client, _) = Client::connect(url, Source::agent(n), None, &login.token).await?;
        let topic = Command::Subscribe { topic: Topic::Agent(id), after: None };
        let Answer::Subscribed { snapshot, .. } = client.ask(topic).await? else { anyhow::bail!("no desk") };
        let Snapshot::Agent { view } = *snapshot else { anyhow::bail!("no desk") };
        let taken = u32::try_from(view.conversations.len()).unwrap_or(u32::MAX);
        room += view.capacity.saturating_sub(taken);
        consoles.push((client, view));
    }
    anyhow::ensure!(
        room >= citizens,
        "{citizens} citizens, but the agents have room for {room}: more --agents, or serve with a higher --load-capacity"
    );

    let (done, is_done) = watch::channel(false);
    let served = Rc::new(Cell::new(0));
    let desks: Vec<_> = consoles
        .into_iter()
        .map(|(client, view)| {
            let desk = Desk { client, conversations: Vec::new(), last_offer: None, served: Rc::clone(&served) };
            spawn_local(desk.accept(view, is_done.clone()))
        })
        .collect();

    let first = first_citizen();
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let arrived = Rc::new(Cell::new(0));
    let done = Rc::new(done);
    let mut coming = Vec::new();
    for n in 0..citizens {
        let permit = Arc::clone(&at_once).acquire_owned().await?;
        let token = http.citizen(first + n).await?;
        let (arrived, done) = (Rc::clone(&arrived), Rc::clone(&done));
        coming.push(spawn_local(async move {
            let came = come(url, Source(n), receive_buffer, token).await;
            drop(permit);
            arrived.set(arrived.get() + 1);
            // The last one, or one who cannot come, ends the waiting of all.
            if arrived.get() == citizens || came.is_err() {
                done.send_replace(true);
            }
            let mut citizen = came?;
            let mut is_done = done.subscribe();
            tokio::select! {
                biased;
                _ = is_done.wait_for(|done| *done) => Ok(citizen),
                ended = citizen.client.idle(None) => Err(ended.err().context("idle")?).context("a citizen who waits"),
            }
        }));
    }
    let mut office = Office { citizens: Vec::new(), agents: Vec::new() };
    for one in coming {
        office.citizens.push(one.await??);
    }
    // An agent may still be joining the last conversation; the desk ends after that.
    for desk in desks {
        office.agents.push(desk.await??);
    }
    anyhow::ensure!(served.get() == citizens, "{} of {citizens} citizens were accepted", served.get());
    Ok(office)
}

async fn come(url: SocketAddr, source: Source, receive_buffer: Option<u32>, token: String) -> anyhow::Result<Citizen> {
    let (mut client, _) = Client::connect(url, source, receive_buffer, &token).await?;
    let open = Command::OpenConversation {
        item: Some(ITEM.to_owned()),
        district: None,
        channel: Channel::Pc,
        hall: None,
        ticket: None,
    };
    let Answer::Opened { conversation } = client.ask(open).await? else { anyhow::bail!("not opened") };
    client.join(conversation, None).await?;
    let question =
        Command::Send { conversation, client_id: "question".to_owned(), text: QUESTION.to_owned(), entry: None };
    client.ask(question).await?;
    client
        .wait("the bot's answer", |event| match event {
            EventBody::Entry { entry } if matches!(entry.body, ThreadBody::BotAnswer { .. }) => Some(()),
            _ => None,
        })
        .await?;
    match client.ask(Command::RequestHuman { conversation }).await? {
        Answer::Queued { .. } => {}
        Answer::OutOfHours { .. } => {
            anyhow::bail!("out of hours: start the server with BANGBAN__SERVICE__HOURS=always")
        }
        other => anyhow::bail!("request_human was answered {other:?}"),
    }
    client
        .wait("an agent", |event| match event {
            EventBody::Entry { entry } if matches!(entry.body, ThreadBody::AgentJoined { .. }) => Some(()),
            _ => None,
        })
        .await?;
    Ok(Citizen { client, conversation, token, source })
}

struct Desk {
    client: Client,
    conversations: Vec<ConversationId>,
    last_offer: Option<OfferId>,
    served: Rc<Cell<u32>>,
}

impl Desk {
    /// Accepts every offer until it is said that all are served.
    async fn accept(mut self, mut view: AgentView, mut is_done: watch::Receiver<bool>) -> anyhow::Result<Agent> {
        loop {
            if let Some(offer) = view.offer.take().filter(|offer| self.last_offer != Some(offer.id)) {
                self.last_offer = Some(offer.id);
                match self.client.ask(Command::AcceptOffer { offer: offer.id }).await {
                    Ok(_) => {
                        self.client.join(offer.conversation, None).await?;
                        self.conversations.push(offer.conversation);
                        self.served.set(self.served.get() + 1);
                    }
                    Err(error) if is_offer_gone(&error) => {}
                    Err(error) => return Err(error.context("accepting an offer")),
                }
            }
            tokio::select! {
                biased;
                event = self.client.event() => if let EventBody::Agent { view: newer } = event.context("a desk")? {
                    view = newer;
                },
                _ = is_done.wait_for(|done| *done) => {
                    return Ok(Agent { client: self.client, conversations: self.conversations });
                }
            }
        }
    }
}

pub(crate) fn is_offer_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<WireError>().is_some_and(|error| error.code == ErrorCode::OfferGone)
}
