//! `import`: a table with a hundred thousand items and a few bad rows goes in, as an administrator does it, while citizens
//! write. Measured: how long each step takes, and how long their messages wait behind it.

use std::{cell::Cell, fmt::Write as _, rc::Rc, time::Duration};

use bangban_domain::ConversationId;
use bangban_protocol::{Command, ImportReport};
use clap::Args;
use serde::Serialize;
use tokio::{
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, sleep_until},
};

use crate::{Common, client::Client, figures::Latencies, http::Http, office, process::Process};

/// Citizens who write, a message every [`BEAT`] each: one every 20 ms. Whoever has to wait longer than a beat is late with
/// the next one, and that counts.
const CITIZENS: u32 = 50;
const BEAT: Duration = Duration::from_secs(1);

/// How long they write before the import.
const PEACE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Rows of the table.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// How many of them are bad.
    #[arg(long, default_value_t = 3)]
    bad: u32,
    /// Agents who serve the citizens that write; the server must have as many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    rows: u32,
    bytes: usize,
    /// Looks at every row and writes nothing.
    dry_run_seconds: f64,
    /// The same table to be imported: refused because of the bad rows.
    refused_seconds: f64,
    /// Its good rows.
    import_seconds: f64,
    /// Once more: all is there.
    again_seconds: f64,
    /// Rows that were named as bad, by number.
    bad: Vec<u32>,
    imported: u32,
    /// Messages of all citizens, 50 a second: time from the intended sending to the acknowledgement.
    messages_before: u32,
    ack_p50_ms_before: Option<f64>,
    ack_max_ms_before: Option<f64>,
    messages_during: u32,
    ack_p50_ms_during: Option<f64>,
    ack_p99_ms_during: Option<f64>,
    ack_max_ms_during: Option<f64>,
    server_cpu_seconds: f64,
    others_cpu_seconds: f64,
    rss_before_kib: u64,
    rss_most_kib: u64,
    /// Was everything as it should be: the bad rows named, nothing written beside them, everything else written?
    clean: bool,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.clean
    }
}

/// The table, and the numbers of its bad rows as a spreadsheet shows them.
fn table(rows: u32, bad: u32, round: u32) -> (String, Vec<u32>) {
    let mut text = "code,name,aliases,department,audience,team\n".to_owned();
    let mut wrong = Vec::new();
    for n in 0..rows {
        // Spread over the table.
        let is_bad = bad > 0 && n % (rows / bad).max(1) == rows / bad / 2 && wrong.len() < bad as usize;
        let team = if is_bad { "nobody" } else { "residence" };
        if is_bad {
            wrong.push(n + 2);
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "load-{round}-{n},第 {n} 号批量事项办理,批量{n}|事项{n},police,both,{team}");
    }
    (text, wrong)
}

/// A citizen who says something at every beat until told to stop.
async fn write(
    mut client: Client,
    conversation: ConversationId,
    first: Instant,
    name: &'static str,
    is_over: Rc<Cell<bool>>,
) -> Written {
    let mut waits = Vec::new();
    let mut next = first;
    while !is_over.get() {
        sleep_until(next).await;
        let client_id = format!("{name}{}", waits.len());
        client
            .ask(Command::Send {
                conversation, client_id, text: "请问还要带什么材料？".to_owned(), entry: None
            })
            .await?;
        client.forget_events();
        waits.push(next.elapsed());
        next += BEAT;
    }
    Ok((client, waits))
}

/// A citizen who has written, and what each message had to wait.
type Written = anyhow::Result<(Client, Vec<Duration>)>;

/// All citizens, one after the other within a beat.
struct Crowd {
    is_over: Rc<Cell<bool>>,
    writing: Vec<JoinHandle<Written>>,
    conversations: Vec<ConversationId>,
}

impl Crowd {
    fn start(clients: Vec<(Client, ConversationId)>, name: &'static str) -> Self {
        let is_over = Rc::new(Cell::new(false));
        let conversations = clients.iter().map(|(_, conversation)| *conversation).collect();
        let (now, pause) = (Instant::now(), BEAT / CITIZENS);
        let one = |(n, (client, conversation)): (u32, (Client, ConversationId))| {
            spawn_local(write(client, conversation, now + pause * n, name, Rc::clone(&is_over)))
        };
        let writing = (0..).zip(clients).map(one).collect();
        Self { is_over, writing, conversations }
    }

    async fn stop(self) -> anyhow::Result<(Vec<(Client, ConversationId)>, Latencies, u32)> {
        self.is_over.set(true);
        let (mut clients, mut latencies, mut said) = (Vec::new(), Latencies::default(), 0);
        for (writing, conversation) in self.writing.into_iter().zip(self.conversations) {
            let (client, waits) = writing.await??;
            for wait in waits {
                latencies.add(wait);
                said += 1;
            }
            clients.push((client, conversation));
        }
        Ok((clients, latencies, said))
    }
}

impl Import {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        let server = Process::find(self.common.pid, self.common.url.port())?;
        let mut office = office::open(self.common.url, CITIZENS, self.agents, None).await?;
        // Somebody has to read what is said.
        for mut agent in office.agents.drain(..) {
            spawn_local(async move { agent.client.idle(None).await });
        }
        let clients: Vec<_> = office.citizens.into_iter().map(|one| (one.client, one.conversation)).collect();
        let mut http = Http::connect(self.common.url).await?;
        let admin = http.staff("admin1").await?;
        let (table, wrong) = table(self.rows, self.bad, office::first_citizen());

        let crowd = Crowd::start(clients, "before");
        sleep(PEACE).await;
        let (clients, mut before, messages_before) = crowd.stop().await?;

        let (rss_before_kib, begin) = (server.rss_kib(), server.cpu());
        let crowd = Crowd::start(clients, "during");
        let mut import = async |options: &str| -> anyhow::Result<(f64, ImportReport)> {
            let began = Instant::now();
            let path = format!("/api/admin/items/import?format=csv&{options}");
            let report = http.upload(&path, &admin.token, table.as_bytes()).await?;
            Ok((began.elapsed().as_secs_f64(), report))
        };
        let (dry_run_seconds, looked) = import("dryRun=true").await?;
        let (refused_seconds, refused) = import("").await?;
        let (import_seconds, written) = import("skipBad=true").await?;
        let (again_seconds, again) = import("skipBad=true").await?;
        let (_, mut during, messages_during) = crowd.stop().await?;
        let used = begin.until(server.cpu());

        let good = self.rows - self.bad;
        let bad: Vec<u32> = looked.bad.iter().map(|one| one.row).collect();
        let is_refused = !looked.imported && !refused.imported || self.bad == 0;
        let clean = bad == wrong
            && is_refused
            && (looked.rows, refused.new, written.new, written.imported) == (self.rows, good, good, true)
            && (again.unchanged, again.new) == (good, 0);
        Ok(Report {
            command: "import",
            rows: self.rows,
            bytes: table.len(),
            dry_run_seconds,
            refused_seconds,
            import_seconds,
            again_seconds,
            bad,
            imported: written.new,
            messages_before,
            ack_p50_ms_before: before.percentile_ms(0.5),
            ack_max_ms_before: before.percentile_ms(1.0),
            messages_during,
            ack_p50_ms_during: during.percentile_ms(0.5),
            ack_p99_ms_during: during.percentile_ms(0.99),
            ack_max_ms_during: during.percentile_ms(1.0),
            server_cpu_seconds: used.server,
            others_cpu_seconds: used.others,
            rss_before_kib,
            rss_most_kib: server.peak_rss_kib(),
            clean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_as_many_bad_rows_as_are_asked_for() {
        for (rows, bad) in [(100_000, 3), (10, 3), (5, 0), (4, 4)] {
            let (text, wrong) = table(rows, bad, 7);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!((lines.len() - 1, wrong.len()), (rows as usize, bad as usize));
            let found: Vec<u32> =
                (1..).zip(&lines).filter(|(_, line)| line.ends_with(",nobody")).map(|(n, _)| n).collect();
            assert_eq!(found, wrong);
        }
    }
}
