//! `hotline`: calls by SIP through the whole server. `sipp` calls; members of staff take what the queue offers, with a telephone
//! on the desk each, ask for a department and end the call. First a burst of callers who hang up soon, then three-way calls.
//! At the end the server's own figures, by which everything is counted, must be what `sipp` has counted, and no leg, port or dialog
//! may be left.

use std::{
    cell::Cell,
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::{
    CallId, OfferId,
    call::{Disposition, Goal, RequestEnd},
};
use bangban_phones::{Extension, Sipp, Tally};
use bangban_protocol::{
    AgentView, Answer, CallAct, CallState, CallView, CallWho, CallsView, Command, ErrorCode, EventBody, Identity,
    Snapshot, Topic, WireError,
};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::watch,
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::{Common, client::Client, http::Http, office::is_offer_gone, process::Process, source::Source};

/// Whose telephones are rung.
const DEPARTMENT: &str = "sports";
/// One that answers, and one that is busy: the scenario goes by the last digit.
const ANSWERS: &str = "02160009001";
const BUSY: &str = "02160009007";
/// After the last call: what SIP confirms once more (32 s at the default T1), and ports that rest.
const AFTERMATH: Duration = Duration::from_secs(45);
/// Wrap-ups and ratings of the last calls.
const LAST_CALLS: Duration = Duration::from_secs(60);
/// What of calls is looked for at the end.
const STANDING: [&str; 5] = ["legs", "conferences", "ports_in_use", "telephone_calls", "telephone_dialogs"];
/// Callers of the three-way calls in a second.
const STEADY: u32 = 10;

#[derive(Debug, Args)]
pub(crate) struct Hotline {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Where the server speaks SIP (`telephony.listen`).
    #[arg(long)]
    sip: SocketAddr,
    /// The address of its one trunk, where the departments' telephones are: a port of this machine that is free.
    #[arg(long)]
    trunk: SocketAddr,
    /// The passwords of the telephones, as the server reads them (`telephony.phones_file`).
    #[arg(long)]
    phones: PathBuf,
    /// Where the server's metrics are (`http.metrics_listen`).
    #[arg(long, value_parser = crate::address)]
    metrics: SocketAddr,
    /// Callers who hang up 0.3 s after they were answered.
    #[arg(long, default_value_t = 3_200)]
    calls: u32,
    /// ... of whom so many come in a second.
    #[arg(long, default_value_t = 400)]
    rate: u32,
    /// Three-way calls after that; every fourth department is busy.
    #[arg(long, default_value_t = 100)]
    conferences: u32,
    /// Operators; as many `--load-agents` are needed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    operators: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    /// By sipp's count.
    calls: u64,
    failed: u64,
    /// Calls of the burst in a second, from the first to the end of the last.
    calls_per_second: f64,
    /// Everything that the server did for one call of the burst, in milliseconds of processor time.
    server_cpu_ms_per_call: f64,
    server_cpu_percent: f64,
    /// Three-way calls.
    conferences: u64,
    conference_failed: u64,
    /// Departments that answered and that were busy, by sipp's count, ...
    departments_answered: u64,
    departments_busy: u64,
    /// ... and by the server's figures: the connect rate.
    connect_hits: u64,
    connect_of: u64,
    /// Calls that the server's figures have, and attempts for departments by their cause.
    counted_calls: u64,
    causes: BTreeMap<String, u64>,
    /// Telephones on desks: calls that they answered, and answers that nobody acknowledged.
    operators_answered: u64,
    unacknowledged: u64,
    server_peak_rss_kib: u64,
    /// What is left of it (legs, conferences, ports, calls, dialogs).
    left: BTreeMap<String, u64>,
    /// What does not agree, in words.
    wrong: Vec<String>,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// What the operators have seen.
#[derive(Default)]
struct Seen {
    reached: Cell<u64>,
    not_reached: Cell<u64>,
    asked: Cell<u64>,
    /// Numbers that were chosen to be asked for: operators may ask at the same moment.
    chosen: Cell<u64>,
}

/// What the server counts for the days around now.
#[derive(Debug, Default, Clone)]
struct Counted {
    hits: u64,
    of: u64,
    calls: u64,
    causes: BTreeMap<String, u64>,
}

impl Counted {
    async fn read(http: &mut Http, token: &str) -> anyhow::Result<Self> {
        let scope: Value = http.get("/api/figures/scope", token).await?;
        let now = scope["now"].as_i64().context("no time in the scope")?;
        let days = format!("from={}&to={}", day(now - 86_400_000)?, day(now + 86_400_000)?);
        let view: Value = http.get(&format!("/api/figures/calls?{days}"), token).await?;
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let causes = view["causes"].as_object().into_iter().flatten();
        Ok(Self {
            hits: number(&view["total"]["all"]["hits"]),
            of: number(&view["total"]["all"]["of"]),
            calls: number(&view["service"]["abandoned"]["of"]),
            causes: causes.map(|(cause, count)| (cause.clone(), number(count))).collect(),
        })
    }
}

/// A day in Shanghai, as in a query.
fn day(ms: i64) -> anyhow::Result<String> {
    let at = jiff::Timestamp::from_millisecond(ms)?;
    Ok(jiff::tz::Offset::constant(8).to_datetime(at).date().to_string())
}

/// What is there of calls now.
async fn standing(metrics: SocketAddr, of: &[&str]) -> anyhow::Result<BTreeMap<String, u64>> {
    let page = Http::connect(metrics).await.context("--metrics")?.metrics().await?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    let count = |what: &str| page.get(&format!("bangban_calls{{what=\"{what}\"}}")).map_or(0, |n| *n as u64);
    Ok(of.iter().map(|what| ((*what).to_owned(), count(what))).filter(|(_, n)| *n > 0).collect())
}

impl Hotline {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        let url = self.common.url;
        let server = Process::find(self.common.pid, url.port())?;
        let mut http = Http::connect(url).await?;
        let leader = http.staff("leader1").await?.token;
        let before = Counted::read(&mut http, &leader).await?;
        let departments = Sipp::at("department", self.trunk.port(), None, &["-mp", "30000"]).context("sipp")?;
        let departments = departments.listens().await;
        let passwords: BTreeMap<String, String> =
            serde_json::from_str(&std::fs::read_to_string(&self.phones).context("--phones")?).context("--phones")?;

        let seen = Rc::new(Seen::default());
        let (phase, is_over) = watch::channel(Phase::Burst);
        let mut extensions = Vec::new();
        let mut operators = Vec::new();
        for n in 1..=self.operators {
            let login = http.agent(n).await?;
            let user = format!("load-agent-{n}");
            let password = passwords.get(&user).with_context(|| format!("--phones has no password of {user}"))?;
            // Each from an address of its own: the server counts what one address sends.
            let [_, _, high, low] = (n + 256).to_be_bytes();
            let from = IpAddr::V4(Ipv4Addr::new(127, 99, high, low));
            extensions.push(Extension::register(self.sip, from, &user, password).await.context(user)?);
            let (client, _) = Client::connect(url, Source::agent(n), None, &login.token).await?;
            let Identity::Staff { id, .. } = login.me else { anyhow::bail!("load-agent-{n} is no member of staff") };
            let operator = Operator::open(client, Topic::Agent(id), Rc::clone(&seen), is_over.clone()).await?;
            operators.push(spawn_local(operator.serve()));
        }

        let (cpu, began) = (server.cpu(), Instant::now());
        let (burst, errors) = self.callers("caller", self.calls, self.rate, 25_000).await?;
        let (took, used) = (began.elapsed().as_secs_f64(), cpu.until(server.cpu()));
        self.are_over(&["legs", "telephone_calls"]).await?;
        phase.send_replace(Phase::Conferences);
        let (patient, more_errors) = self.callers("patient", self.conferences, STEADY, 35_000).await?;
        phase.send_replace(Phase::Over);
        let mut wrong: Vec<String> = errors.into_iter().chain(more_errors).collect();
        for operator in operators {
            if let Err(error) = operator.await? {
                wrong.push(format!("an operator: {error:#}"));
            }
        }

        let left = self.are_over(&STANDING).await?;
        let departments = departments.end().await.map_err(anyhow::Error::msg)?;
        // The connection of before has been idle for too long.
        let after = Counted::read(&mut Http::connect(url).await?, &leader).await?;
        let causes: BTreeMap<String, u64> = after
            .causes
            .iter()
            .map(|(cause, n)| (cause.clone(), n - before.causes.get(cause).unwrap_or(&0)))
            .filter(|(_, n)| *n > 0)
            .collect();
        let mut agree = |what: &str, one: u64, other: u64| {
            if one != other {
                wrong.push(format!("{what}: {one} and {other}"));
            }
        };
        let (hits, of, calls) = (after.hits - before.hits, after.of - before.of, after.calls - before.calls);
        agree("calls of the burst that went well and those that were asked for", burst.successful, self.calls.into());
        agree(
            "three-way calls that went well and those that were asked for",
            patient.successful,
            self.conferences.into(),
        );
        agree("calls counted and calls made", calls, burst.successful + patient.successful);
        agree("departments reached, by the server and by sipp", hits, departments.first);
        agree("requests counted and departments rung", of, departments.first + departments.second);
        agree("requests counted and asked for", of, seen.asked.get());
        agree("departments reached, by the server and by its operators", hits, seen.reached.get());
        agree("departments not reached", of - hits, seen.not_reached.get());
        agree("attempts with a cause and requests", causes.values().sum(), of);
        agree("busy", causes.get("busy").copied().unwrap_or(0), departments.second);
        agree("left of calls", left.values().sum(), 0);
        let unacknowledged = extensions.iter().map(Extension::unacknowledged).sum();
        agree("answers that nobody acknowledged", unacknowledged, 0);
        Ok(Report {
            command: "hotline",
            calls: burst.successful,
            failed: burst.failed,
            calls_per_second: burst.successful as f64 / took,
            server_cpu_ms_per_call: used.server * 1e3 / f64::from(self.calls.max(1)),
            server_cpu_percent: used.server / took * 1e2,
            conferences: patient.successful,
            conference_failed: patient.failed,
            departments_answered: departments.first,
            departments_busy: departments.second,
            connect_hits: hits,
            connect_of: of,
            counted_calls: calls,
            causes,
            operators_answered: extensions.iter().map(Extension::answered).sum(),
            unacknowledged,
            server_peak_rss_kib: server.peak_rss_kib(),
            left,
            wrong,
        })
    }

    /// So many callers; what sipp says of them at the end.
    async fn callers(
        &self,
        scenario: &str,
        calls: u32,
        rate: u32,
        sound: u16,
    ) -> anyhow::Result<(Tally, Option<String>)> {
        if calls == 0 {
            return Ok((Tally::default(), None));
        }
        let (calls, rate, sound) = (calls.to_string(), rate.to_string(), sound.to_string());
        let more = ["-m", &calls, "-r", &rate, "-l", "10000", "-mp", &sound];
        let sipp = Sipp::started(scenario, Some(self.sip), &more).context("sipp is not there (package sip-tester)")?;
        // Whatever it says at its end is counted, and what went wrong told.
        sipp.counted().await.map_err(anyhow::Error::msg)
    }

    /// Waits until nothing of this is there any more; what is left of it when it has been long enough.
    async fn are_over(&self, of: &[&str]) -> anyhow::Result<BTreeMap<String, u64>> {
        let until = Instant::now() + AFTERMATH;
        loop {
            let left = standing(self.metrics, of).await?;
            if left.is_empty() || Instant::now() > until {
                return Ok(left);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Whoever is there when an operator comes has gone soon.
    Burst,
    /// A department is asked for in each call.
    Conferences,
    /// Nobody calls any more.
    Over,
}

/// A member of staff at the operator's page, with a telephone on the desk.
struct Operator {
    client: Client,
    desk: AgentView,
    calls: CallsView,
    last_offer: Option<OfferId>,
    /// The call that they are in, and what they have done in it.
    call: Option<(CallId, Step)>,
    view: Option<CallView>,
    /// Wrap-ups that were said.
    said: Option<CallId>,
    seen: Rc<Seen>,
    phase: watch::Receiver<Phase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Came,
    Asked,
    Ended,
}

impl Operator {
    async fn open(
        mut client: Client,
        topic: Topic,
        seen: Rc<Seen>,
        phase: watch::Receiver<Phase>,
    ) -> anyhow::Result<Self> {
        let Snapshot::Calls { view } = subscribe(&mut client, Topic::Calls).await? else {
            anyhow::bail!("no calls here")
        };
        let calls = *view;
        let Snapshot::Agent { view: desk } = subscribe(&mut client, topic).await? else { anyhow::bail!("no desk") };
        Ok(Self { client, desk, calls, last_offer: None, call: None, view: None, said: None, seen, phase })
    }

    /// Takes whom the queue offers until nobody calls any more and everything is wrapped up.
    async fn serve(mut self) -> anyhow::Result<()> {
        let mut last: Option<Instant> = None;
        loop {
            self.act().await?;
            let phase = *self.phase.borrow_and_update();
            let is_done = phase == Phase::Over
                && self.calls.mine.is_empty()
                && self.calls.rings.is_empty()
                && self.calls.wrap_ups.is_empty()
                && self.desk.offer.is_none();
            if is_done {
                return Ok(());
            }
            if phase == Phase::Over {
                let since = *last.get_or_insert_with(Instant::now);
                anyhow::ensure!(since.elapsed() < LAST_CALLS, "still in calls: {:?}", self.calls);
            }
            tokio::select! {
                biased;
                event = self.client.event() => match event.context("a desk")? {
                    EventBody::Agent { view } => self.desk = view,
                    EventBody::Calls { view } => self.calls = *view,
                    EventBody::Call { view } => self.view = Some(*view),
                    _ => {}
                },
                _ = self.phase.changed() => {}
                // So that the end of the last calls is waited for, and not for ever.
                () = sleep(Duration::from_secs(1)), if phase == Phase::Over => {}
            }
        }
    }

    async fn act(&mut self) -> anyhow::Result<()> {
        if let Some(offer) = self.desk.offer.clone().filter(|offer| self.last_offer != Some(offer.id)) {
            self.last_offer = Some(offer.id);
            match self.client.ask(Command::AcceptOffer { offer: offer.id }).await {
                Ok(_) => {}
                Err(error) if is_offer_gone(&error) => {}
                Err(error) => return Err(error.context("accepting an offer")),
            }
        }
        if let Some(call) = self.calls.mine.first().copied()
            && self.call.is_none_or(|(known, _)| known != call)
        {
            self.call = Some((call, Step::Came));
            self.view = None;
            // They may have hung up meanwhile.
            if let Ok(Snapshot::Call { view }) = subscribe(&mut self.client, Topic::Call(call)).await {
                self.view = Some(*view);
            }
        }
        self.lead().await?;
        if let Some(wrap_up) = self.calls.wrap_ups.first().filter(|one| self.said != Some(one.call)) {
            let call = wrap_up.call;
            self.said = Some(call);
            let disposition = if self.is_reached(call) { Disposition::PutThrough } else { Disposition::NoMatter };
            let act = CallAct::WrapUp { call, disposition, note: String::new(), work_order: None };
            self.client.ask(Command::Call { act }).await.context("wrapping up")?;
        }
        Ok(())
    }

    fn is_reached(&self, call: CallId) -> bool {
        let view = self.view.as_ref().filter(|view| view.call == call);
        view.is_some_and(|view| view.requests.iter().any(|one| one.result == Some(RequestEnd::Reached)))
    }

    /// The next step in a three-way call.
    async fn lead(&mut self) -> anyhow::Result<()> {
        let Some((call, step)) = self.call else { return Ok(()) };
        let Some(view) = self.view.as_ref().filter(|view| view.call == call) else { return Ok(()) };
        if view.state != CallState::Talking || view.mine.is_none() || *self.phase.borrow() == Phase::Burst {
            return Ok(());
        }
        let result = view.requests.first().and_then(|request| request.result);
        let (act, next) = match (step, result) {
            (Step::Came, None) => {
                self.seen.chosen.update(|chosen| chosen + 1);
                let number = if self.seen.chosen.get().is_multiple_of(4) { BUSY } else { ANSWERS };
                let who = CallWho::Number { number: number.to_owned(), department: DEPARTMENT.to_owned() };
                (CallAct::Request { call, who, goal: Goal::Join, at_once: false }, Step::Asked)
            }
            (Step::Asked, Some(result)) => {
                let count = if result == RequestEnd::Reached { &self.seen.reached } else { &self.seen.not_reached };
                count.set(count.get() + 1);
                (CallAct::End { call }, Step::Ended)
            }
            (Step::Came | Step::Asked | Step::Ended, _) => return Ok(()),
        };
        self.call = Some((call, next));
        match self.client.ask(Command::Call { act }).await {
            Ok(_) if next == Step::Asked => self.seen.asked.set(self.seen.asked.get() + 1),
            Ok(_) => {}
            // The call ended before it was said: a caller of the burst.
            Err(error) if is_too_late(&error) => self.call = Some((call, Step::Ended)),
            Err(error) => return Err(error.context(format!("{next:?}"))),
        }
        Ok(())
    }
}

fn is_too_late(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<WireError>().map(|error| error.code);
    matches!(code, Some(ErrorCode::NotFound | ErrorCode::InvalidStage | ErrorCode::Forbidden))
}

async fn subscribe(client: &mut Client, topic: Topic) -> anyhow::Result<Snapshot> {
    match client.ask(Command::Subscribe { topic, after: None }).await? {
        Answer::Subscribed { snapshot, .. } => Ok(*snapshot),
        other => anyhow::bail!("subscribe was answered {other:?}"),
    }
}
