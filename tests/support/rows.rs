//! Threads and their event logs, read by SQL and compared by nothing else than the promises that clients were given.

use bangban_domain::{ConversationId, Timestamp, WindowId, history};
use sqlx::{AnyConnection, Connection as _, Row as _, any::install_default_drivers};

/// One entry of a thread, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Position.
    pub seq: u64,
    /// The sender's own id of the message; `None`: nobody sent it (the bot, the server).
    pub client_id: Option<String>,
}

/// A reader of the rows.
pub struct Rows(AnyConnection);

impl Rows {
    /// Opens a database beside the server.
    pub async fn of(url: &str) -> Self {
        install_default_drivers();
        Self(AnyConnection::connect(url).await.unwrap())
    }

    /// What citizen and agent share, in order of position.
    pub async fn thread(&mut self, id: ConversationId) -> Vec<Kept> {
        let sql = "SELECT e.seq, e.client_id FROM entry e JOIN conversation c ON c.no = e.conversation \
                   WHERE c.id = $1 AND e.lane = 0 ORDER BY e.seq";
        let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut self.0).await.unwrap();
        let kept = |row: &sqlx::any::AnyRow| Kept {
            seq: u64::try_from(row.get::<i64, _>("seq")).unwrap(),
            client_id: row.get("client_id"),
        };
        rows.iter().map(kept).collect()
    }

    /// How well a window that is over went, as its row has it.
    pub async fn window_quality(&mut self, id: WindowId) -> serde_json::Value {
        let sql = "SELECT quality FROM virtual_window WHERE id = $1";
        let row = sqlx::query(sql).bind(id.to_string()).fetch_one(&mut self.0).await.unwrap();
        serde_json::from_str(row.get("quality")).unwrap()
    }

    /// Replays the event log of a conversation and compares what follows from it with the rows: stage, agent, every clock,
    /// and that a promise is a minute from the request, whatever happened in between.
    ///
    /// # Errors
    /// What does not agree.
    pub async fn check_log(&mut self, id: ConversationId) -> Result<(), String> {
        let sql = "SELECT at, kind, detail FROM event WHERE conversation = $1 ORDER BY id";
        let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut self.0).await.unwrap();
        let event = |row: &sqlx::any::AnyRow| {
            let detail: serde_json::Value = serde_json::from_str(row.get("detail")).map_err(|e| e.to_string())?;
            let json = serde_json::json!({ "kind": row.get::<String, _>("kind"), "detail": detail });
            let event: history::Event = serde_json::from_value(json).map_err(|e| e.to_string())?;
            Ok((Timestamp(row.get("at")), event))
        };
        let events: Vec<_> = rows.iter().map(event).collect::<Result<_, String>>()?;
        let told = history::History::replay(events.iter().map(|(at, event)| (*at, event)))
            .map_err(|error| format!("{id}: {error}"))?;

        let sql = "SELECT stage, agent FROM conversation WHERE id = $1";
        let row = sqlx::query(sql).bind(id.to_string()).fetch_one(&mut self.0).await.unwrap();
        let written = (row.get::<String, _>("stage"), row.get::<Option<String>, _>("agent"));
        let replayed = (told.stage.as_str().to_owned(), told.agent.map(|agent| agent.to_string()));
        same(id, "stage and agent", &written, &replayed)?;

        let sql = "SELECT asked_at, due_at, answered_at, left_at FROM ledger WHERE conversation = $1 ORDER BY no";
        let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut self.0).await.unwrap();
        let clock = |row: &sqlx::any::AnyRow| {
            let instant = |name| row.get::<Option<i64>, _>(name);
            (instant("asked_at"), instant("due_at"), instant("answered_at"), instant("left_at"))
        };
        let written: Vec<_> = rows.iter().map(clock).collect();
        let instants = |c: &history::PastClock| {
            (Some(c.asked_at.0), Some(c.due_at.0), c.answered_at.map(|at| at.0), c.left_at.map(|at| at.0))
        };
        let replayed: Vec<_> = told.clocks.iter().map(instants).collect();
        same(id, "clocks", &written, &replayed)?;
        match told.clocks.iter().find(|clock| clock.due_at.since(clock.asked_at) != 60_000) {
            Some(clock) => Err(format!("{id}: a promise of another length than a minute: {clock:?}")),
            None => Ok(()),
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(id: ConversationId, what: &str, rows: &T, log: &T) -> Result<(), String> {
    if rows == log { Ok(()) } else { Err(format!("{id}: {what}: the rows say {rows:?}, the log says {log:?}")) }
}
