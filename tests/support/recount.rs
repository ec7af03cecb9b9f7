//! The board counted again, by SQL over the rows and by nothing else: not by the router, not by the definitions in our own
//! code. What no row tells (which consoles are connected) the test says.

use std::collections::{BTreeMap, HashMap};

use bangban_domain::{AgentId, Timestamp, words::AgentStatus};
use bangban_protocol::{BoardLine, BoardView, EventBody, Identity, Snapshot, Topic};
use sqlx::{AnyConnection, Connection as _, Row as _, any::install_default_drivers};

use crate::{Client, PATIENCE, TestServer};

/// A reader of the rows.
pub struct Recount {
    rows: AnyConnection,
    /// Agents whose console is connected or has not been gone long enough to be lost.
    consoles: Vec<AgentId>,
}

/// Who waits: a clock that nobody has stopped.
const WAITING: &str = "SELECT c.team, COUNT(*) AS n, MIN(l.asked_at) AS oldest \
     FROM ledger l JOIN conversation c ON c.id = l.conversation AND c.clock_no = l.no \
     WHERE l.answered_at IS NULL AND l.left_at IS NULL AND c.stage IN ('waiting', 'offered', 'serving', 'wrap_up') \
     GROUP BY c.team";

/// Requests of today in Shanghai (UTC+8): each is a hit, a miss, left within its minute, or not decided yet. Out of scope and
/// abuse are in no rate.
const RATES: &str = "SELECT team, \
     CAST(SUM(CASE WHEN verdict = 'hit' AND recent = 1 THEN 1 ELSE 0 END) AS BIGINT) AS hour_hits, \
     CAST(SUM(CASE WHEN verdict IN ('hit', 'miss') AND recent = 1 THEN 1 ELSE 0 END) AS BIGINT) AS hour_decided, \
     CAST(SUM(CASE WHEN verdict = 'hit' THEN 1 ELSE 0 END) AS BIGINT) AS today_hits, \
     CAST(SUM(CASE WHEN verdict IN ('hit', 'miss') THEN 1 ELSE 0 END) AS BIGINT) AS today_decided, \
     CAST(SUM(CASE WHEN verdict = 'short' THEN 1 ELSE 0 END) AS BIGINT) AS today_short \
     FROM (SELECT team, CASE WHEN asked_at > $1 - 3600000 THEN 1 ELSE 0 END AS recent, \
           CASE WHEN answered_at <= due_at THEN 'hit' WHEN answered_at > due_at THEN 'miss' \
                WHEN left_at < due_at THEN 'short' WHEN left_at >= due_at THEN 'miss' \
                WHEN due_at < $1 THEN 'miss' ELSE 'open' END AS verdict \
           FROM ledger WHERE (asked_at + 28800000) / 86400000 = ($1 + 28800000) / 86400000 \
           AND (outcome IS NULL OR outcome NOT IN ('out_of_scope', 'abuse'))) judged \
     GROUP BY team";

const SERVING: &str =
    "SELECT team, COUNT(*) AS n FROM conversation WHERE stage IN ('serving', 'wrap_up') GROUP BY team";

const CALL_BACKS: &str = "SELECT team, COUNT(*) AS n FROM conversation WHERE stage = 'call_back' GROUP BY team";

/// Agents with their load, a row for each team.
const AGENTS: &str = "SELECT a.id, a.status, a.capacity, t.team, \
     (SELECT COUNT(*) FROM conversation c WHERE c.agent = a.id AND c.stage IN ('serving', 'wrap_up')) AS load \
     FROM agent a JOIN agent_team t ON t.agent = a.id \
     WHERE EXISTS (SELECT 1 FROM agent_grant g WHERE g.agent = a.id AND g.role = 'agent')";

/// Numbers by team; `None`: all together.
type Lines = BTreeMap<Option<String>, BoardLine>;

impl Recount {
    /// Opens the server's database beside it, to read.
    pub async fn of(server: &TestServer) -> Self {
        install_default_drivers();
        Self { rows: AnyConnection::connect(&server.database.url()).await.unwrap(), consoles: Vec::new() }
    }

    /// An agent's console is there from now on.
    pub fn sees(&mut self, agent: &Client) {
        let Identity::Staff { id, .. } = agent.me else { panic!("not an agent") };
        self.consoles.push(id);
    }

    /// Waits until the board shows what the rows say, every number of the total and of each team.
    ///
    /// # Panics
    /// If it never does; shows both.
    pub async fn agrees_with(&mut self, board: &mut Client, step: &str) -> BoardView {
        let (_, Snapshot::Board { mut view }) = board.subscribe(Topic::Board, None).await else { panic!("no board") };
        let limit = tokio::time::Instant::now() + PATIENCE;
        loop {
            let counted = self.count(view.as_of).await;
            let shown = lines_of(&view);
            if shown == only(&counted, &shown) {
                return view;
            }
            let newer = board.event("a board", |event| match &event.body {
                EventBody::Board { view } => Some(view.clone()),
                _ => None,
            });
            match tokio::time::timeout_at(limit, newer).await {
                Ok(newer) => view = newer,
                Err(_) => panic!("{step}: the board shows {shown:#?}\nthe rows say {counted:#?}"),
            }
        }
    }

    async fn count(&mut self, as_of: Timestamp) -> Lines {
        let mut teams: HashMap<String, BoardLine> = HashMap::new();
        let mut total = BoardLine::default();
        for row in sqlx::query(WAITING).fetch_all(&mut self.rows).await.unwrap() {
            let (n, oldest) = (number(&row, "n"), Some(Timestamp(row.get("oldest"))));
            let line = teams.entry(row.get("team")).or_default();
            (line.waiting, line.oldest_asked_at) = (n, oldest);
            total.waiting += n;
            total.oldest_asked_at = total.oldest_asked_at.into_iter().chain(oldest).min();
        }
        for row in sqlx::query(RATES).bind(as_of.0).fetch_all(&mut self.rows).await.unwrap() {
            for line in [teams.entry(row.get("team")).or_default(), &mut total] {
                line.hour_hits += number(&row, "hour_hits");
                line.hour_decided += number(&row, "hour_decided");
                line.today_hits += number(&row, "today_hits");
                line.today_decided += number(&row, "today_decided");
                line.today_short_abandons += number(&row, "today_short");
            }
        }
        for row in sqlx::query(SERVING).fetch_all(&mut self.rows).await.unwrap() {
            teams.entry(row.get("team")).or_default().serving = number(&row, "n");
            total.serving += number(&row, "n");
        }
        for row in sqlx::query(CALL_BACKS).fetch_all(&mut self.rows).await.unwrap() {
            teams.entry(row.get("team")).or_default().call_backs = number(&row, "n");
            total.call_backs += number(&row, "n");
        }
        let mut counted = Vec::new();
        for row in sqlx::query(AGENTS).fetch_all(&mut self.rows).await.unwrap() {
            let id: AgentId = row.get::<String, _>("id").parse().unwrap();
            let status = AgentStatus::parse(row.get("status")).unwrap();
            if !self.consoles.contains(&id) || status == AgentStatus::Offline {
                continue;
            }
            let is_new = !counted.contains(&id);
            counted.push(id);
            let mut lines = vec![teams.entry(row.get("team")).or_default()];
            // Of two teams: in each of them, and once in the total.
            if is_new {
                lines.push(&mut total);
            }
            for line in lines {
                line.staffed += 1;
                match status {
                    AgentStatus::Break => line.on_break += 1,
                    _ if number(&row, "load") < number(&row, "capacity") => line.free += 1,
                    _ => line.busy += 1,
                }
            }
        }
        let teams = teams.into_iter().map(|(team, line)| (Some(team), line));
        [(None, total)].into_iter().chain(teams).collect()
    }
}

fn number(row: &sqlx::any::AnyRow, column: &str) -> u32 {
    u32::try_from(row.get::<i64, _>(column)).unwrap()
}

fn lines_of(view: &BoardView) -> Lines {
    let teams = view.teams.iter().map(|team| (Some(team.team.code.clone()), team.line.clone()));
    [(None, view.total.clone())].into_iter().chain(teams).collect()
}

/// The lines that the board has; a team without rows has zeros. A team with rows that the board does not have makes the
/// two differ.
fn only(counted: &Lines, shown: &Lines) -> Lines {
    let zeros = shown.keys().map(|team| (team.clone(), BoardLine::default()));
    zeros.chain(counted.clone()).collect()
}
