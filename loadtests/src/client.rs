//! A participant: typed requests through the protocol crate. The hot path of `chat` writes its own texts instead.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use bangban_domain::ConversationId;
use bangban_protocol::{Answer, Command, EventBody, Frame, Request, Snapshot, ThreadEntry, Topic, VERSION, WireError};
use tokio::time::{Instant, timeout};

use crate::{
    socket::{Gone, Socket},
    source::Source,
};

/// How long an answer or an expected event may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A welcomed connection.
pub(crate) struct Client {
    /// The connection, for those who need it raw.
    pub(crate) socket: Socket,
    next: u32,
    events: VecDeque<Frame>,
}

impl Client {
    /// Connects and says hello; gives the answer `welcome` too.
    pub(crate) async fn connect(
        to: SocketAddr,
        source: Source,
        receive_buffer: Option<u32>,
        token: &str,
    ) -> anyhow::Result<(Self, Answer)> {
        let socket = Socket::connect(to, source, receive_buffer).await?;
        let mut client = Self { socket, next: 0, events: VecDeque::new() };
        let welcome = client.ask(Command::Hello { token: token.to_owned(), protocol: VERSION }).await?;
        Ok((client, welcome))
    }

    /// Sends a request and waits for its answer; events that come before it are kept.
    pub(crate) async fn ask(&mut self, body: Command) -> anyhow::Result<Answer> {
        self.next += 1;
        let request = serde_json::to_vec(&Request { reference: self.next, body })?;
        self.socket.queue(&request);
        timeout(PATIENCE, self.answer(self.next)).await.context("no answer in time")?
    }

    async fn answer(&mut self, wanted: u32) -> anyhow::Result<Answer> {
        loop {
            match self.frame().await? {
                Frame::Reply { reference, ok } if reference == wanted => return Ok(ok),
                Frame::Failure { reference, error } if reference == wanted => return Err(error.into()),
                event @ Frame::Event { .. } => self.events.push_back(event),
                Frame::Reply { .. } | Frame::Failure { .. } => {}
            }
        }
    }

    async fn frame(&mut self) -> anyhow::Result<Frame> {
        loop {
            if let Some(place) = self.socket.next()? {
                let text = self.socket.text(place);
                return serde_json::from_slice(text)
                    .with_context(|| format!("not a frame of the protocol: {}", String::from_utf8_lossy(text)));
            }
            self.socket.turn(None).await;
        }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> anyhow::Result<EventBody> {
        loop {
            let frame = match self.events.pop_front() {
                Some(event) => event,
                None => self.frame().await?,
            };
            if let Frame::Event { body, .. } = frame {
                return Ok(body);
            }
        }
    }

    /// Drops the events that came beside answers.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// The first event from now on for which `wanted` gives something.
    pub(crate) async fn wait<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&EventBody) -> Option<T>,
    ) -> anyhow::Result<T> {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(found) = wanted(&self.event().await?) {
                    return anyhow::Ok(found);
                }
            }
        });
        found.await.with_context(|| format!("waited too long for: {what}"))?
    }

    /// Joins a conversation: the position and what is in its thread after `after`.
    pub(crate) async fn join(&mut self, id: ConversationId, after: Option<u64>) -> anyhow::Result<(u64, Snapshot)> {
        match self.ask(Command::Subscribe { topic: Topic::Conversation(id), after }).await? {
            Answer::Subscribed { seq, snapshot, .. } => Ok((seq, *snapshot)),
            other => anyhow::bail!("subscribe was answered {other:?}"),
        }
    }

    /// Everything in a thread, oldest first.
    pub(crate) async fn whole_thread(&mut self, id: ConversationId) -> anyhow::Result<Vec<ThreadEntry>> {
        let (_, snapshot) = self.join(id, None).await?;
        let Snapshot::Conversation { entries, mut more, .. } = snapshot else { anyhow::bail!("not a thread") };
        // Pages, newest first.
        let mut pages = vec![entries];
        while more {
            let before = pages.last().and_then(|page| page.first()).map_or(0, |entry| entry.seq);
            match self.ask(Command::LoadEarlier { conversation: id, before }).await? {
                Answer::Earlier { entries, more: still } => {
                    anyhow::ensure!(!(entries.is_empty() && still), "an empty page before position {before}");
                    pages.push(entries);
                    more = still;
                }
                other => anyhow::bail!("load_earlier was answered {other:?}"),
            }
        }
        Ok(pages.into_iter().rev().flatten().collect())
    }

    /// Does nothing but answer pings, until the connection ends or the instant comes.
    pub(crate) async fn idle(&mut self, until: Option<Instant>) -> Result<(), Gone> {
        self.events.clear();
        loop {
            while self.socket.next()?.is_some() {}
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(());
            }
            self.socket.turn(until).await;
        }
    }
}

/// Has the server no room just now?
pub(crate) fn is_busy(error: &anyhow::Error) -> bool {
    error.downcast_ref::<WireError>().is_some_and(|error| error.retryable)
}

/// What ended a connection, if that is what the error is about.
pub(crate) fn gone(error: &anyhow::Error) -> Option<Gone> {
    error.downcast_ref::<Gone>().copied()
}
