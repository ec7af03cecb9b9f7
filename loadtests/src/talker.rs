//! The hot path of `chat`: one connection that says its part of several conversations at the intended times and books
//! what it hears. It writes its own texts and reads only the fields it needs.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt::Write as _,
    rc::Rc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::ConversationId;
use bangban_protocol::WireError;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{book::Book, client::Client, figures::Latencies};

/// How often one looks whether the other side has everything, after the last message.
const LOOK: Duration = Duration::from_millis(20);

/// A request's `ref` is the lane's number, from 1, in the upper 8 bits and the message's number in the lower 24.
const NUMBER_BITS: u32 = 24;

/// Most conversations of one connection, by the same rule.
pub(crate) const LANES: usize = 254;

/// When messages are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// At fixed times after the start, whatever the server does (open loop).
    Every {
        /// The first.
        first: Duration,
        /// Between two.
        every: Duration,
    },
    /// As soon as fewer than this many are unanswered (closed loop).
    InFlight(u32),
}

impl Pace {
    /// So many messages a second over `streams` directions, of which this is number `stream` from 1.
    pub(crate) fn even(rate: f64, stream: u32, streams: u32) -> Self {
        Self::Every {
            first: Duration::from_secs_f64(f64::from(stream) / rate),
            every: Duration::from_secs_f64(f64::from(streams) / rate),
        }
    }
}

/// Both directions of a conversation as one side sees them.
pub(crate) struct Lane {
    pub(crate) conversation: ConversationId,
    pub(crate) own: Rc<RefCell<Book>>,
    pub(crate) theirs: Rc<RefCell<Book>>,
    pub(crate) pace: Pace,
    /// Own messages of earlier runs.
    pub(crate) before: u32,
    /// The last position that this side knows.
    pub(crate) seq: u64,
    /// Positions that did not follow the one before.
    pub(crate) gaps: u32,
}

impl Lane {
    /// `seq`: the last position that this side knows.
    pub(crate) fn new(
        conversation: ConversationId,
        (own, theirs): (Rc<RefCell<Book>>, Rc<RefCell<Book>>),
        pace: Pace,
        seq: u64,
    ) -> Self {
        Self { conversation, own, theirs, pace, before: 0, seq, gaps: 0 }
    }

    /// Another run over the same connection.
    pub(crate) fn again(&mut self, pace: Pace) {
        self.before = self.own.borrow().count();
        self.pace = pace;
    }
}

/// What all talkers of a run share.
pub(crate) struct Run {
    pub(crate) start: Instant,
    /// No message is intended at this time after the start or later.
    pub(crate) length: Duration,
    /// When to stop waiting for answers.
    pub(crate) patience: Duration,
    pub(crate) text: String,
    pub(crate) acknowledged: RefCell<Latencies>,
    pub(crate) delivered: RefCell<Latencies>,
    /// Talkers who have not yet said and heard everything.
    pub(crate) busy: Cell<usize>,
}

/// One connection.
pub(crate) struct Talker {
    pub(crate) client: Client,
    pub(crate) lanes: Vec<Lane>,
    /// Letter before the number in client ids: `c` of citizens, `a` of agents.
    pub(crate) letter: char,
}

/// The number in a client id with this letter.
pub(crate) fn number(letter: char, client_id: &str) -> Option<u32> {
    client_id.strip_prefix(letter)?.strip_prefix('-')?.parse().ok()
}

#[derive(Deserialize)]
struct Heard<'a> {
    #[serde(rename = "ref")]
    reference: Option<u32>,
    #[serde(borrow)]
    ok: Option<Promise<'a>>,
    error: Option<WireError>,
    #[serde(borrow)]
    topic: Option<&'a str>,
    seq: Option<u64>,
    #[serde(borrow)]
    body: Option<Body<'a>>,
}

#[derive(Deserialize)]
struct Promise<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    seq: Option<u64>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    entry: Option<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    client_id: Option<&'a str>,
}

impl Talker {
    /// Talks until everybody has said and heard everything, or patience ends.
    pub(crate) async fn talk(&mut self, run: &Run) -> anyhow::Result<()> {
        let places = self.lanes.iter().enumerate();
        let topics = places.map(|(place, lane)| (format!("conversation:{}", lane.conversation), place)).collect();
        let mut request = String::new();
        let mut is_busy = true;
        loop {
            let next = self.say(run, &mut request);
            let since = run.start.elapsed();
            if is_busy && since >= run.length && self.is_done() {
                is_busy = false;
                run.busy.set(run.busy.get() - 1);
            }
            let until = match next {
                Some(next) => next,
                None if since < run.length => run.length,
                // Whoever is done goes on answering pings.
                None if run.busy.get() > 0 && since < run.patience => since + LOOK,
                None => return Ok(()),
            };
            self.client.socket.turn(Some(run.start + until)).await;
            self.hear(run, &topics)?;
        }
    }

    fn is_done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.own.borrow().is_settled() && lane.theirs.borrow().is_settled())
    }

    /// Sends what is due; gives the time of the next message, if its time is known.
    fn say(&mut self, run: &Run, request: &mut String) -> Option<Duration> {
        let mut next = None;
        for (place, lane) in self.lanes.iter().enumerate() {
            let mut own = lane.own.borrow_mut();
            loop {
                let now = run.start.elapsed();
                let intended = match lane.pace {
                    Pace::Every { first, every } => first + every * (own.count() - lane.before),
                    Pace::InFlight(most) if own.waiting() >= most => break,
                    Pace::InFlight(_) => now,
                };
                if intended >= run.length {
                    break;
                }
                if intended > now {
                    next = Some(next.map_or(intended, |other| intended.min(other)));
                    break;
                }
                let number = own.send(intended);
                let reference = (u32::try_from(place + 1).unwrap_or(u32::MAX) << NUMBER_BITS) | number;
                request.clear();
                // Writing to a string does not fail.
                let _ = write!(
                    request,
                    r#"{{"ref":{reference},"body":{{"type":"send","conversation":"{}","clientId":"{}-{number}","text":"{}"}}}}"#,
                    lane.conversation, self.letter, run.text
                );
                self.client.socket.queue(request.as_bytes());
            }
        }
        next
    }

    fn hear(&mut self, run: &Run, topics: &HashMap<String, usize>) -> anyhow::Result<()> {
        while let Some(place) = self.client.socket.next().context("a talking connection")? {
            let now = run.start.elapsed();
            let text = self.client.socket.text(place);
            let heard: Heard<'_> = serde_json::from_slice(text)
                .with_context(|| format!("not a frame of the protocol: {}", String::from_utf8_lossy(text)))?;
            match (heard.reference, heard.topic.and_then(|topic| topics.get(topic))) {
                (Some(reference), _) => {
                    let number = reference & ((1 << NUMBER_BITS) - 1);
                    let place = ((reference >> NUMBER_BITS) as usize).checked_sub(1);
                    let Some(lane) = place.and_then(|place| self.lanes.get(place)) else { continue };
                    let mut own = lane.own.borrow_mut();
                    match heard.ok {
                        Some(Promise { kind: "sent", seq: Some(seq) }) => {
                            if let Some(intended) = own.acknowledged(number, seq) {
                                run.acknowledged.borrow_mut().add(now.saturating_sub(intended));
                            }
                        }
                        _ if heard.error.is_some_and(|error| error.retryable) => own.refused(number),
                        _ => anyhow::bail!("a message was refused: {}", String::from_utf8_lossy(text)),
                    }
                }
                (None, Some(lane)) => {
                    let (Some(seq), Some(lane)) = (heard.seq, self.lanes.get_mut(*lane)) else { continue };
                    lane.gaps += u32::from(seq != lane.seq + 1);
                    lane.seq = lane.seq.max(seq);
                    let id = heard.body.and_then(|body| body.entry).and_then(|entry| entry.client_id);
                    let theirs = if self.letter == 'c' { 'a' } else { 'c' };
                    if let Some(number) = id.and_then(|id| self::number(theirs, id))
                        && let Some(intended) = lane.theirs.borrow_mut().delivered(number)
                    {
                        run.delivered.borrow_mut().add(now.saturating_sub(intended));
                    }
                }
                (None, None) => {}
            }
        }
        Ok(())
    }
}
