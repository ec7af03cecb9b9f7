//! `slow-readers`: citizens who stop reading while their agents write. The server must let go of them, must not grow
//! without bound, must not delay the others; and when they come back they must have missed nothing.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::ConversationId;
use bangban_protocol::{Answer, Command, EventBody, Snapshot, close_code};
use clap::Args;
use serde::Serialize;
use tokio::{
    task::spawn_local,
    time::{Instant, timeout},
};

use crate::{
    Common,
    book::{Book, gaps},
    check_open_files,
    client::{Client, gone},
    figures::Latencies,
    office::{self, Agent, Citizen, Office},
    process::Process,
    socket::Gone,
    talker::number,
};

/// Of the slow citizens' sockets, in bytes: so that what they do not read waits at the server.
const RECEIVE_BUFFER: u32 = 4096;

/// A slow citizen who reads again must find the end of the connection within this time.
const END: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Slow {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Citizens who stop reading.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Citizens beside them who go on reading.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    others: u32,
    /// Agents; the server must have been started with so many `--load-agents`.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages that each citizen is sent. More than the server's queue for a socket and the kernel's buffers hold.
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
    /// Length of a message's text in bytes.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..=4000))]
    bytes: u16,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    connections: u32,
    messages: u32,
    /// Slow connections that the server closed with the code that means: resume.
    closed_with_resume: u32,
    /// That ended without a code.
    closed_without_code: u32,
    /// That the server kept, or closed with another code.
    not_closed: u32,
    /// Delivery to the others while nobody was slow, and while the slow did not read.
    others_before_p99_ms: Option<f64>,
    others_during_p99_ms: Option<f64>,
    acknowledged: u32,
    lost: u32,
    duplicated: u32,
    out_of_order: u32,
    rss_before_kib: u64,
    /// The most during the run.
    peak_rss_kib: u64,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.out_of_order == 0
    }
}

/// What agents say in each conversation. The time that a message is "intended" at is when it was handed to the socket.
type Books = Rc<HashMap<ConversationId, RefCell<Book>>>;

/// How many messages tell how quick delivery is while nobody is slow.
const BEFORE: u32 = 50;

impl Slow {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        check_open_files(self.connections + self.others + self.agents)?;
        let server = Process::find(self.common.pid, self.common.url.port())?;
        let citizens = self.connections + self.others;
        let Office { mut citizens, agents } =
            office::open(self.common.url, citizens, self.agents, Some(RECEIVE_BUFFER)).await?;
        eprintln!("{} conversations stand", citizens.len());
        let books: Books = Rc::new(citizens.iter().map(|one| (one.conversation, RefCell::default())).collect());
        let start = Instant::now();
        let latencies = Rc::new([RefCell::<Latencies>::default(), RefCell::default()]);
        let is_during = Rc::new(Cell::new(false));
        let mut others = HashSet::new();
        for mut citizen in citizens.split_off(self.connections as usize) {
            others.insert(citizen.conversation);
            let (books, latencies, is_during) = (Rc::clone(&books), Rc::clone(&latencies), Rc::clone(&is_during));
            spawn_local(async move {
                while let Ok(event) = citizen.client.event().await {
                    if let Some(intended) = hear(&books, citizen.conversation, &event) {
                        let place = usize::from(is_during.get());
                        latencies[place].borrow_mut().add(start.elapsed().saturating_sub(intended));
                    }
                }
            });
        }
        let agents = speak(agents, &books, start, BEFORE, self.bytes, Some(&others)).await?;
        // From here nobody turns the sockets of the slow.
        let mut slow = Vec::new();
        for mut citizen in citizens {
            let (seq, _) = citizen.client.join(citizen.conversation, None).await?;
            slow.push((citizen, seq));
        }
        let rss_before_kib = server.rss_kib();
        is_during.set(true);
        speak(agents, &books, start, self.messages, self.bytes, None).await?;
        let peak_rss_kib = server.peak_rss_kib();

        let mut report = Report {
            command: "slow-readers",
            connections: self.connections,
            messages: self.messages,
            closed_with_resume: 0,
            closed_without_code: 0,
            not_closed: 0,
            others_before_p99_ms: latencies[0].borrow_mut().percentile_ms(0.99),
            others_during_p99_ms: latencies[1].borrow_mut().percentile_ms(0.99),
            acknowledged: 0,
            lost: 0,
            duplicated: 0,
            out_of_order: 0,
            rss_before_kib,
            peak_rss_kib,
        };
        for (citizen, seq) in slow {
            self.come_back(citizen, seq, &books, &mut report).await?;
        }
        Ok(report)
    }

    /// A slow citizen reads again, to the end of the connection, and resumes.
    async fn come_back(
        &self,
        mut citizen: Citizen,
        seq: u64,
        books: &Books,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut reader = Reader { id: citizen.conversation, seq, out_of_order: 0, books };
        let end = async {
            loop {
                match citizen.client.event().await {
                    Ok(event) => reader.see(&event),
                    Err(error) => return gone(&error),
                }
            }
        };
        match timeout(END, end).await {
            Ok(Some(Gone::Closed(close_code::TOO_SLOW))) => report.closed_with_resume += 1,
            Ok(Some(Gone::Broken)) => report.closed_without_code += 1,
            Ok(_) | Err(_) => report.not_closed += 1,
        }
        let (mut client, _) = Client::connect(self.common.url, citizen.source, None, &citizen.token).await?;
        let (_, snapshot) = client.join(reader.id, Some(reader.seq)).await?;
        let Snapshot::Conversation { entries, reset, .. } = snapshot else { anyhow::bail!("not a thread") };
        let thread = client.whole_thread(reader.id).await?;
        // Too much was missed to be sent at once: the client reads the thread instead.
        let missed =
            if reset { thread.iter().filter(|entry| entry.seq > reader.seq).cloned().collect() } else { entries };
        for entry in missed {
            reader.see(&EventBody::Entry { entry });
        }
        let verdict = books[&reader.id].borrow().verdict(&thread, |id| number('a', id));
        report.acknowledged += verdict.acknowledged;
        report.lost += verdict.lost;
        report.duplicated += verdict.duplicated;
        report.out_of_order += reader.out_of_order + verdict.out_of_order + gaps(&thread);
        Ok(())
    }
}

/// A slow citizen's view of the thread.
struct Reader<'a> {
    id: ConversationId,
    /// Last position seen.
    seq: u64,
    out_of_order: u32,
    books: &'a Books,
}

impl Reader<'_> {
    fn see(&mut self, event: &EventBody) {
        if let EventBody::Entry { entry } = event {
            self.out_of_order += u32::from(entry.seq != self.seq + 1);
            self.seq = self.seq.max(entry.seq);
        }
        hear(self.books, self.id, event);
    }
}

/// Books an event; gives the time at which the message was sent, if it is one that had not been seen.
fn hear(books: &Books, id: ConversationId, event: &EventBody) -> Option<Duration> {
    let EventBody::Entry { entry } = event else { return None };
    let number = number('a', entry.client_id.as_deref()?)?;
    books.get(&id)?.borrow_mut().delivered(number)
}

/// Every agent says `messages` in each of its conversations that is in `only`, one after the other.
async fn speak(
    agents: Vec<Agent>,
    books: &Books,
    start: Instant,
    messages: u32,
    bytes: u16,
    only: Option<&HashSet<ConversationId>>,
) -> anyhow::Result<Vec<Agent>> {
    let mut speaking = Vec::new();
    for mut agent in agents {
        let books = Rc::clone(books);
        let wanted = |id: &ConversationId| only.is_none_or(|only| only.contains(id));
        let to: Vec<ConversationId> = agent.conversations.iter().copied().filter(wanted).collect();
        speaking.push(spawn_local(async move {
            for (_, id) in (0..messages).flat_map(|n| to.iter().map(move |id| (n, *id))) {
                let number = books[&id].borrow_mut().send(start.elapsed());
                let client_id = format!("a-{number}");
                let send = Command::Send { conversation: id, client_id, text: "x".repeat(bytes.into()), entry: None };
                let Answer::Sent { seq, .. } = agent.client.ask(send).await? else { anyhow::bail!("not sent") };
                books[&id].borrow_mut().acknowledged(number, seq);
                agent.client.forget_events();
            }
            anyhow::Ok(agent)
        }));
    }
    let mut agents = Vec::new();
    for one in speaking {
        agents.push(one.await?.context("an agent who speaks")?);
    }
    Ok(agents)
}
