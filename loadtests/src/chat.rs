//! `chat`: citizens and agents talk; afterwards every thread is read back.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::words::Outcome;
use bangban_protocol::{Command, ThreadEntry};
use clap::Args;
use serde::Serialize;
use tokio::{sync::Semaphore, task::spawn_local, time::Instant};

use crate::{
    Common,
    book::{Book, Verdict, gaps},
    check_open_files,
    figures::Latencies,
    office::{self, Office},
    process::{CpuUsed, Process},
    talker::{LANES, Lane, Pace, Run, Talker, number},
};

/// From the last connection that is ready to the first message.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// How long answers may still come after the last message.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Threads that are read back at the same time.
const READERS: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct Chat {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Citizens; each talks with one agent.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    citizens: u32,
    /// Agents; the server must have been started with so many `--load-agents`.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages a second over all conversations, half from citizens and half from agents, at fixed times; or `max`: each
    /// conversation keeps --in-flight messages unanswered.
    #[arg(long, value_parser = rate)]
    rate: Rate,
    /// With `--rate max`: unanswered messages of a conversation, half of each side (the citizen's if it is 1).
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    duration: u64,
    /// Length of a message's text in bytes.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=4000))]
    bytes: u16,
}

/// `--rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rate {
    Max,
    PerSecond(f64),
}

/// A text of about so many bytes.
pub(crate) fn text(bytes: u16) -> String {
    "帮办".repeat(bytes.div_ceil(6).into())
}

fn rate(text: &str) -> Result<Rate, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Rate::Max),
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Rate::PerSecond(rate)),
        _ => Err("messages a second, or max".to_owned()),
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    citizens: u32,
    agents: u32,
    /// Messages a second that were intended; `null`: as many as the closed loop gave.
    rate: Option<f64>,
    /// From the first message to the last delivery or answer.
    seconds: f64,
    /// Promised by the server.
    acknowledged: u32,
    /// Seen by the other side.
    delivered: u32,
    /// Acknowledged, but not in the thread at its position, or never delivered.
    lost: u32,
    duplicated: u32,
    /// Delivered or kept in another order than sent, or at a position that does not follow the one before.
    out_of_order: u32,
    /// Refused as `busy`.
    refused: u32,
    unanswered: u32,
    delivered_per_second: f64,
    /// From the intended time.
    ack_p50_ms: Option<f64>,
    ack_p99_ms: Option<f64>,
    deliver_p50_ms: Option<f64>,
    deliver_p99_ms: Option<f64>,
    /// Server memory for each connection before the first message, its conversation and its clock included. (`idle` counts
    /// more of them, without.)
    bytes_per_idle_connection: f64,
    server_rss_kib: u64,
    server_peak_rss_kib: u64,
    server_cpu_seconds: f64,
    /// The server's CPU for one message: read, made durable, acknowledged, delivered to both sides.
    cpu_us_per_message: f64,
    /// This program's.
    load_cpu_us_per_message: f64,
    /// CPU that others on this machine used meanwhile, in percent of one core.
    others_cpu_percent: f64,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.out_of_order == 0
    }
}

impl Chat {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        check_open_files(self.citizens + self.agents)?;
        let server = Process::find(self.common.pid, self.common.url.port())?;
        let before_kib = server.rss_kib();
        let mut office = office::open(self.common.url, self.citizens, self.agents, None).await?;
        let streams = self.citizens * 2;
        let mut stream = 0;
        let talkers = talkers(&mut office, |of_citizen| {
            stream += 1;
            match self.rate {
                Rate::Max if of_citizen => Pace::InFlight(self.in_flight.div_ceil(2)),
                Rate::Max => Pace::InFlight(self.in_flight / 2),
                Rate::PerSecond(rate) => Pace::even(rate, stream, streams),
            }
        })
        .await?;
        eprintln!("{} conversations stand", self.citizens);

        let length = Duration::from_secs(self.duration);
        let run = Rc::new(Run {
            start: Instant::now() + PAUSE,
            length,
            patience: length + PATIENCE,
            text: text(self.bytes),
            acknowledged: RefCell::default(),
            delivered: RefCell::default(),
            busy: Cell::new(talkers.len()),
        });
        tokio::time::sleep_until(run.start).await;
        let idle_kib = server.rss_kib();
        let begin = server.cpu();
        let talkers = talk(talkers, &run).await?;
        let seconds = run.start.elapsed().as_secs_f64();
        let cpu = begin.until(server.cpu());
        let rss = [before_kib, idle_kib, server.rss_kib(), server.peak_rss_kib()];
        let verdict = verdict(talkers).await?;
        Ok(self.report(&run, verdict, (seconds, cpu, rss)))
    }

    fn report(&self, run: &Run, verdict: Verdict, (seconds, cpu, rss): (f64, CpuUsed, [u64; 4])) -> Report {
        let [before_kib, idle_kib, server_rss_kib, server_peak_rss_kib] = rss;
        let per_message = |seconds: f64| seconds * 1e6 / f64::from(verdict.delivered.max(1));
        let percentiles = |latencies: &RefCell<Latencies>| {
            let mut latencies = latencies.borrow_mut();
            (latencies.percentile_ms(0.5), latencies.percentile_ms(0.99))
        };
        let (ack_p50_ms, ack_p99_ms) = percentiles(&run.acknowledged);
        let (deliver_p50_ms, deliver_p99_ms) = percentiles(&run.delivered);
        Report {
            command: "chat",
            citizens: self.citizens,
            agents: self.agents,
            rate: match self.rate {
                Rate::Max => None,
                Rate::PerSecond(rate) => Some(rate),
            },
            seconds,
            acknowledged: verdict.acknowledged,
            delivered: verdict.delivered,
            lost: verdict.lost,
            duplicated: verdict.duplicated,
            out_of_order: verdict.out_of_order,
            refused: verdict.refused,
            unanswered: verdict.unanswered,
            delivered_per_second: f64::from(verdict.delivered) / seconds,
            ack_p50_ms,
            ack_p99_ms,
            deliver_p50_ms,
            deliver_p99_ms,
            bytes_per_idle_connection: (idle_kib as f64 - before_kib as f64) * 1024.0
                / f64::from(self.citizens + self.agents),
            server_rss_kib,
            server_peak_rss_kib,
            server_cpu_seconds: cpu.server,
            cpu_us_per_message: per_message(cpu.server),
            load_cpu_us_per_message: per_message(cpu.own),
            others_cpu_percent: cpu.others * 100.0 / seconds,
        }
    }
}

/// Everybody joins again, so that the positions are those of now, and gets lanes. `pace`: of a citizen's or an agent's.
pub(crate) async fn talkers(office: &mut Office, mut pace: impl FnMut(bool) -> Pace) -> anyhow::Result<Vec<Talker>> {
    let mut books = HashMap::new();
    let mut talkers = Vec::new();
    for mut citizen in office.citizens.drain(..) {
        let (seq, _) = citizen.client.join(citizen.conversation, None).await?;
        let (own, theirs) = (Rc::<RefCell<Book>>::default(), Rc::<RefCell<Book>>::default());
        books.insert(citizen.conversation, (Rc::clone(&theirs), Rc::clone(&own)));
        let lane = Lane::new(citizen.conversation, (own, theirs), pace(true), seq);
        talkers.push(Talker { client: citizen.client, lanes: vec![lane], letter: 'c' });
    }
    for mut agent in office.agents.drain(..) {
        anyhow::ensure!(agent.conversations.len() <= LANES, "an agent serves more than {LANES} at once");
        let mut lanes = Vec::new();
        for conversation in agent.conversations {
            let (seq, _) = agent.client.join(conversation, None).await?;
            let both = books.remove(&conversation).context("a conversation that is not ours")?;
            lanes.push(Lane::new(conversation, both, pace(false), seq));
        }
        talkers.push(Talker { client: agent.client, lanes, letter: 'a' });
    }
    Ok(talkers)
}

/// All talk at the same time, until everybody has said and heard everything.
pub(crate) async fn talk(talkers: Vec<Talker>, run: &Rc<Run>) -> anyhow::Result<Vec<Talker>> {
    let talking: Vec<_> = talkers
        .into_iter()
        .map(|mut talker| {
            let run = Rc::clone(run);
            spawn_local(async move {
                talker.talk(&run).await?;
                anyhow::Ok(talker)
            })
        })
        .collect();
    let mut talkers = Vec::new();
    for one in talking {
        talkers.push(one.await??);
    }
    Ok(talkers)
}

/// Closes the conversations and reads every thread back.
pub(crate) async fn verdict(talkers: Vec<Talker>) -> anyhow::Result<Verdict> {
    let at_once = Rc::new(Semaphore::new(READERS));
    let readings: Vec<_> = talkers
        .into_iter()
        .map(|talker| {
            let at_once = Rc::clone(&at_once);
            spawn_local(async move {
                if talker.letter == 'a' { close(talker).await } else { read_back(talker, &at_once).await }
            })
        })
        .collect();
    let mut sum = Verdict::default();
    for one in readings {
        sum.add(&one.await??);
    }
    Ok(sum)
}

async fn close(mut talker: Talker) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    for lane in talker.lanes {
        verdict.out_of_order += lane.gaps;
        let close = Command::Close {
            conversation: lane.conversation,
            outcome: Outcome::Solved,
            hand_on: None,
            no_answer: None,
            write_back: None,
        };
        talker.client.ask(close).await.context("closing")?;
    }
    Ok(verdict)
}

async fn read_back(mut talker: Talker, at_once: &Semaphore) -> anyhow::Result<Verdict> {
    let _permit = tokio::select! {
        permit = at_once.acquire() => permit?,
        ended = talker.client.idle(None) => return Err(ended.err().context("idle")?).context("before reading back"),
    };
    let mut verdict = Verdict::default();
    for lane in talker.lanes {
        let thread: Vec<ThreadEntry> = talker.client.whole_thread(lane.conversation).await?;
        verdict.out_of_order += lane.gaps + gaps(&thread);
        verdict.add(&lane.own.borrow().verdict(&thread, |id| number('c', id)));
        verdict.add(&lane.theirs.borrow().verdict(&thread, |id| number('a', id)));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_or_max() {
        assert_eq!((rate("max"), rate("0.5")), (Ok(Rate::Max), Ok(Rate::PerSecond(0.5))));
        assert!(["", "-1", "0", "inf", "many"].into_iter().all(|text| rate(text).is_err()));
    }
}
