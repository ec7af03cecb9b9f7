//! What the published figures are counted from (docs/figures.md).
//!
//! [`note`] writes the rows of a figure with the events that they come from, in their transaction. [`count`] counts them in SQL
//! made of the conditions that `domain::figures::define` holds. [`list`] reads the rows behind a number, page by page.
//! [`status`] is an agent's log. [`repair`] makes rows anew from the event log.

mod count;
mod list;
pub(crate) mod note;
mod owed;
pub(crate) mod repair;
mod status;

use bangban_domain::{
    AgentId, Timestamp,
    figures::{By, Kind},
    words::Channel,
};

pub use list::RowQuery;
pub use repair::RowsOf;

/// Which rows somebody may see: those of these teams, of these items only if it says so. `None`: all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Team codes.
    pub teams: Option<Vec<String>>,
    /// Item codes.
    pub items: Option<Vec<String>>,
}

/// Which rows are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// At or after.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// In one of these; none: nothing.
    pub scopes: Vec<Scope>,
    /// Of these teams only.
    pub teams: Option<Vec<String>>,
    /// Of this item only; empty: of none.
    pub item: Option<String>,
    /// From this channel only.
    pub channel: Option<Channel>,
    /// Of this agent only.
    pub agent: Option<AgentId>,
    /// In this hour of the day only, 0 to 23 in Shanghai.
    pub hour: Option<u8>,
}

impl Selection {
    /// Of everybody.
    #[must_use]
    pub fn all(from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            scopes: vec![Scope::default()],
            teams: None,
            item: None,
            channel: None,
            agent: None,
            hour: None,
        }
    }
}

/// SQL that grows, with the values of its parameters. Texts are ours; whatever comes from outside is a parameter.
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

pub(super) enum Value {
    Number(i64),
    Text(String),
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text += text;
        self
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.values.push(Value::Number(number));
        self.place()
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.values.push(Value::Text(text.to_owned()));
        self.place()
    }

    fn place(&mut self) -> &mut Self {
        // PostgreSQL would have to guess the type of a parameter that stands alone.
        let number = self.values.len();
        self.text += &match self.values.last() {
            Some(Value::Number(_)) => format!("CAST(${number} AS BIGINT)"),
            _ => format!("CAST(${number} AS TEXT)"),
        };
        self
    }

    fn one_of(&mut self, column: &str, texts: &[String]) {
        if texts.is_empty() {
            self.push("1 = 0");
            return;
        }
        self.push(column).push(" IN (");
        for (place, text) in texts.iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.text(text);
        }
        self.push(")");
    }

    pub(super) fn query(self) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(self.text));
        for value in self.values {
            query = match value {
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
            };
        }
        query
    }

    /// `FROM` and `WHERE` of the rows of a kind.
    pub(super) fn rows_of(&mut self, kind: Kind, selection: &Selection, now: Timestamp) -> &mut Self {
        let (table, at) = (kind.table(), kind.at().as_str());
        self.push(" FROM ").push(table.name()).push(" WHERE ");
        self.push(at).push(" >= ").number(selection.from.0);
        self.push(" AND ").push(at).push(" < ").number(selection.to.0.min(now.0.saturating_add(1)));
        if !selection.scopes.contains(&Scope::default()) {
            self.push(" AND (1 = 0");
            for scope in &selection.scopes {
                self.push(" OR (1 = 1");
                for (column, texts) in [("team", &scope.teams), ("item", &scope.items)] {
                    if let Some(texts) = texts {
                        self.push(" AND ");
                        self.one_of(column, texts);
                    }
                }
                self.push(")");
            }
            self.push(")");
        }
        if let Some(teams) = &selection.teams {
            self.push(" AND ");
            self.one_of("team", teams);
        }
        if let Some(item) = &selection.item {
            self.push(" AND COALESCE(item, '') = ").text(item);
        }
        if let Some(channel) = selection.channel {
            self.push(" AND channel = ").text(channel.as_str());
        }
        if let Some(hour) = selection.hour {
            self.push(&format!(" AND ({at} + 28800000) % 86400000 / 3600000 = ")).number(hour.into());
        }
        if let Some(agent) = selection.agent {
            self.push(" AND ").push(table.agent()).push(" = ").text(&agent.to_string());
        }
        self
    }
}

/// SQL for the key of a row: what [`By::key`] says.
pub(super) fn key_of(by: By, kind: Kind) -> String {
    let at = kind.at().as_str();
    match by {
        By::Nothing => "''".to_owned(),
        By::Hour => format!("CAST(({at} + 28800000) % 86400000 / 3600000 AS TEXT)"),
        By::Day => format!("CAST(({at} + 28800000) / 86400000 AS TEXT)"),
        By::Team => "team".to_owned(),
        By::Item => "COALESCE(item, '')".to_owned(),
        By::Channel => "channel".to_owned(),
        By::Agent => format!("COALESCE({}, '')", kind.table().agent()),
    }
}
