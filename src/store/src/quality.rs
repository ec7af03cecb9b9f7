//! Draws and inspections of conversations. A step names the version that it was made from; one that comes second is refused.

use bangban_domain::{
    AgentId, ConversationId, InspectionId, Timestamp,
    quality::{Candidate, DrawReason, InspectionState},
};
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction, any::AnyRow};

use crate::{
    Author, Json, Store, StoreError,
    read::{id, instant, optional_id, optional_instant, unsigned, word},
    sql::one_of_teams,
};

/// An inspection of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct InspectionRow {
    /// Made by the server.
    pub id: InspectionId,
    /// Code of the plan that it was drawn by.
    pub plan: String,
    /// Monday of the week.
    pub week: String,
    /// Why it was drawn.
    pub reason: DrawReason,
    /// What is inspected.
    pub conversation: ConversationId,
    /// Code of the team that closed it.
    pub team: String,
    /// Whose work it is.
    pub agent: AgentId,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// When it was drawn.
    pub drawn_at: Timestamp,
    /// Code of the score card.
    pub card: String,
    /// Its version then.
    pub card_version: u64,
    /// 1, 2, ...
    pub version: u64,
    /// Where it stands.
    pub state: InspectionState,
    /// Who inspects, or has inspected.
    pub inspector: Option<AgentId>,
    /// JSON: points of each question.
    pub points: Option<Json>,
    /// JSON: what is said to each question.
    pub remarks: Option<Json>,
    /// What is said to the whole.
    pub summary: Option<String>,
    /// 0 to 100.
    pub score: Option<u32>,
    /// Since when the agent sees it.
    pub submitted_at: Option<Timestamp>,
    /// The agent may appeal until then.
    pub appeal_until: Option<Timestamp>,
    /// Why the agent does not agree.
    pub appeal: Option<String>,
    /// When they said so.
    pub appealed_at: Option<Timestamp>,
    /// Who has judged the appeal.
    pub decider: Option<AgentId>,
    /// JSON: points of each question after that.
    pub decided_points: Option<Json>,
    /// Why.
    pub decision: Option<String>,
    /// 0 to 100, after the appeal.
    pub decided_score: Option<u32>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// A change of what is inspected.
#[derive(Debug, Clone, PartialEq)]
pub enum QualityChange {
    /// Refused with [`StoreError::QualityOutdated`] if this week of the plan was drawn under this number already, or one of
    /// the conversations was drawn meanwhile.
    Draw {
        /// Code of the plan.
        plan: String,
        /// Monday of the week.
        week: String,
        /// 0: the weekly one.
        no: u32,
        /// When.
        at: Timestamp,
        /// By whom.
        actor: Author,
        /// What was drawn.
        inspections: Vec<InspectionRow>,
    },
    /// A step of an inspection, to the version that the row says. Refused with [`StoreError::QualityOutdated`] unless it
    /// follows the one that is there.
    Step(Box<InspectionRow>),
}

/// Which inspections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InspectionQuery {
    /// Of these teams; `None`: any.
    pub teams: Option<Vec<String>>,
    /// Of this agent's work.
    pub agent: Option<AgentId>,
    /// Not of this agent's work.
    pub not_agent: Option<AgentId>,
    /// In this state.
    pub state: Option<InspectionState>,
    /// Submitted already.
    pub is_submitted: bool,
    /// Submitted at or after.
    pub from: Option<Timestamp>,
    /// Submitted before.
    pub to: Option<Timestamp>,
    /// Those that come after this one, the newest drawn first.
    pub before: Option<(Timestamp, InspectionId)>,
}

/// How often an agent of a team got a score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreCount {
    /// Code of the team.
    pub team: String,
    /// Whose work.
    pub agent: AgentId,
    /// Drawn at random?
    pub is_random: bool,
    /// The value that holds: after an appeal, if one was decided.
    pub score: u32,
    /// So often.
    pub count: u64,
}

macro_rules! columns {
    () => {
        "id, plan, week, reason, conversation, team, agent, closed_at, drawn_at, card, card_version, version, state, \
         inspector, points, remarks, summary, score, submitted_at, appeal_until, appeal, appealed_at, decider, \
         decided_points, decision, decided_score, decided_at"
    };
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn text(json: Option<&Json>) -> Option<String> {
    json.map(|json| json.as_str().to_owned())
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &QualityChange) -> Result<(), StoreError> {
    match change {
        QualityChange::Draw { plan, week, no, at, actor, inspections } => {
            let done = sqlx::query(
                "INSERT INTO quality_draw (plan, week, no, at, actor, drawn) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(plan.clone())
            .bind(week.clone())
            .bind(i64::from(*no))
            .bind(at.0)
            .bind(actor.text().into_owned())
            .bind(number(inspections.len() as u64))
            .execute(&mut **tx)
            .await?;
            if done.rows_affected() == 0 {
                return Err(StoreError::QualityOutdated);
            }
            for row in inspections {
                insert(tx, row).await?;
            }
            Ok(())
        }
        QualityChange::Step(row) => step(tx, row).await,
    }
}

async fn insert(tx: &mut Transaction<'_, Any>, row: &InspectionRow) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO inspection (id, plan, week, reason, conversation, team, agent, closed_at, drawn_at, card, \
         card_version, version, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT DO NOTHING",
    )
    .bind(row.id.to_string())
    .bind(row.plan.clone())
    .bind(row.week.clone())
    .bind(row.reason.as_str())
    .bind(row.conversation.to_string())
    .bind(row.team.clone())
    .bind(row.agent.to_string())
    .bind(row.closed_at.0)
    .bind(row.drawn_at.0)
    .bind(row.card.clone())
    .bind(number(row.card_version))
    .bind(number(row.version))
    .bind(row.state.as_str())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 { Err(StoreError::QualityOutdated) } else { Ok(()) }
}

async fn step(tx: &mut Transaction<'_, Any>, row: &InspectionRow) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE inspection SET version = $1, state = $2, inspector = $3, points = $4, remarks = $5, summary = $6, \
         score = $7, submitted_at = $8, appeal_until = $9, appeal = $10, appealed_at = $11, decider = $12, \
         decided_points = $13, decision = $14, decided_score = $15, decided_at = $16 WHERE id = $17 AND version = $1 - 1",
    )
    .bind(number(row.version))
    .bind(row.state.as_str())
    .bind(row.inspector.map(|agent| agent.to_string()))
    .bind(text(row.points.as_ref()))
    .bind(text(row.remarks.as_ref()))
    .bind(row.summary.clone())
    .bind(row.score.map(i64::from))
    .bind(row.submitted_at.map(|at| at.0))
    .bind(row.appeal_until.map(|at| at.0))
    .bind(row.appeal.clone())
    .bind(row.appealed_at.map(|at| at.0))
    .bind(row.decider.map(|agent| agent.to_string()))
    .bind(text(row.decided_points.as_ref()))
    .bind(row.decision.clone())
    .bind(row.decided_score.map(i64::from))
    .bind(row.decided_at.map(|at| at.0))
    .bind(row.id.to_string())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 { Err(StoreError::QualityOutdated) } else { Ok(()) }
}

/// What was written about a conversation goes with its thread; scores are figures and stay. What nobody has inspected yet
/// cannot be any more.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM inspection WHERE conversation = $1 AND state = 'open'";
    sqlx::query(sql).bind(conversation.to_owned()).execute(&mut **tx).await?;
    let sql = "UPDATE inspection SET version = version + 1, remarks = NULL, summary = NULL, appeal = NULL, \
               decision = NULL WHERE conversation = $1";
    sqlx::query(sql).bind(conversation.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

fn json(row: &AnyRow, column: &str) -> Result<Option<Json>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| {
        serde_json::value::RawValue::from_string(text)
            .map(Json)
            .map_err(|error| StoreError::Corrupt { table: "inspection", what: format!("{column}: {error}") })
    })
    .transpose()
}

fn points_of(row: &AnyRow, column: &str) -> Result<Option<u32>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|score| u32::try_from(score).ok()))
}

fn inspection(row: &AnyRow) -> Result<InspectionRow, StoreError> {
    const T: &str = "inspection";
    Ok(InspectionRow {
        id: id(T, row, "id")?,
        plan: row.try_get("plan")?,
        week: row.try_get("week")?,
        reason: word(T, row, "reason", DrawReason::parse)?,
        conversation: id(T, row, "conversation")?,
        team: row.try_get("team")?,
        agent: id(T, row, "agent")?,
        closed_at: instant(row, "closed_at")?,
        drawn_at: instant(row, "drawn_at")?,
        card: row.try_get("card")?,
        card_version: unsigned(row, "card_version")?,
        version: unsigned(row, "version")?,
        state: word(T, row, "state", InspectionState::parse)?,
        inspector: optional_id(T, row, "inspector")?,
        points: json(row, "points")?,
        remarks: json(row, "remarks")?,
        summary: row.try_get("summary")?,
        score: points_of(row, "score")?,
        submitted_at: optional_instant(row, "submitted_at")?,
        appeal_until: optional_instant(row, "appeal_until")?,
        appeal: row.try_get("appeal")?,
        appealed_at: optional_instant(row, "appealed_at")?,
        decider: optional_id(T, row, "decider")?,
        decided_points: json(row, "decided_points")?,
        decision: row.try_get("decision")?,
        decided_score: points_of(row, "decided_score")?,
        decided_at: optional_instant(row, "decided_at")?,
    })
}

impl Store {
    /// An inspection.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn inspection(&self, id: InspectionId) -> Result<Option<InspectionRow>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM inspection WHERE id = $1");
        let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(inspection).transpose()
    }

    /// Inspections, the newest drawn first.
    pub async fn inspections(&self, query: &InspectionQuery, limit: u32) -> Result<Vec<InspectionRow>, StoreError> {
        let mut sql = concat!(
            "SELECT ",
            columns!(),
            " FROM inspection WHERE (drawn_at < $1 OR (drawn_at = $1 AND id < $2)) AND ($3 = '' OR agent = $3) \
             AND ($4 = '' OR agent <> $4) AND ($5 = '' OR state = $5) AND ($6 = 0 OR submitted_at IS NOT NULL) \
             AND ($7 = 0 OR submitted_at >= $7) AND ($8 = 0 OR submitted_at < $8)"
        )
        .to_owned();
        let teams = one_of_teams(&mut sql, 10, query.teams.as_deref());
        sql += " ORDER BY drawn_at DESC, id DESC LIMIT $9";
        let (before, id) = query.before.map_or((i64::MAX, String::new()), |(at, id)| (at.0, id.to_string()));
        let mut found = sqlx::query(AssertSqlSafe(sql))
            .bind(before)
            .bind(id)
            .bind(query.agent.map(|agent| agent.to_string()).unwrap_or_default())
            .bind(query.not_agent.map(|agent| agent.to_string()).unwrap_or_default())
            .bind(query.state.map_or("", InspectionState::as_str))
            .bind(i64::from(query.is_submitted))
            .bind(query.from.map_or(0, |at| at.0))
            .bind(query.to.map_or(0, |at| at.0))
            .bind(i64::from(limit));
        for team in teams {
            found = found.bind(team);
        }
        found.fetch_all(&self.readers).await?.iter().map(inspection).collect()
    }

    /// How often each agent of each team got each score, of what was submitted in a time.
    pub async fn score_counts(
        &self,
        teams: Option<&[String]>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<ScoreCount>, StoreError> {
        let mut sql =
            "SELECT team, agent, CAST(CASE WHEN reason = 'random' THEN 1 ELSE 0 END AS BIGINT) AS is_random, \
                       COALESCE(decided_score, score) AS points, COUNT(*) AS count FROM inspection \
                       WHERE submitted_at >= $1 AND submitted_at < $2"
                .to_owned();
        let teams = one_of_teams(&mut sql, 3, teams);
        sql += " GROUP BY team, agent, CAST(CASE WHEN reason = 'random' THEN 1 ELSE 0 END AS BIGINT), \
                COALESCE(decided_score, score) ORDER BY team, agent, points";
        let mut found = sqlx::query(AssertSqlSafe(sql)).bind(from.0).bind(to.0);
        for team in teams {
            found = found.bind(team);
        }
        let rows = found.fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(ScoreCount {
                    team: row.try_get("team")?,
                    agent: id("inspection", row, "agent")?,
                    is_random: row.try_get::<i64, _>("is_random")? == 1,
                    score: unsigned(row, "points")?,
                    count: unsigned(row, "count")?,
                })
            })
            .collect()
    }

    /// The number after the last draw of a week by hand, and whether the weekly one is done.
    pub async fn draws(&self, plan: &str, week: &str) -> Result<(u32, bool), StoreError> {
        let sql = "SELECT no FROM quality_draw WHERE plan = $1 AND week = $2";
        let rows = sqlx::query(sql).bind(plan.to_owned()).bind(week.to_owned()).fetch_all(&self.readers).await?;
        let numbers = rows.iter().map(|row| unsigned::<u32>(row, "no")).collect::<Result<Vec<_>, _>>()?;
        Ok((numbers.iter().max().map_or(1, |no| no + 1), numbers.contains(&0)))
    }

    /// What a plan may draw of a week: conversations that an agent closed in it, or that were rated badly in it, that still
    /// have their threads, and that the plan has not drawn. With them, when they were closed.
    pub async fn inspectable(
        &self,
        plan: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Candidate, Timestamp)>, StoreError> {
        let rows = sqlx::query(
            "SELECT e.conversation, e.team, e.agent, e.closed_at, e.stars, \
             (SELECT COUNT(*) FROM ledger l WHERE l.conversation = e.conversation AND l.breached_at IS NOT NULL \
              AND l.asked_at >= e.began_at AND l.asked_at <= e.closed_at) AS breaches, \
             (SELECT COUNT(*) FROM figure_offer o WHERE o.conversation = e.conversation AND o.is_transfer = 1 \
              AND o.result = 'accepted' AND o.offered_at >= e.began_at AND o.offered_at <= e.closed_at) AS transfers \
             FROM figure_episode e JOIN conversation c ON c.id = e.conversation \
             WHERE ((e.closed_at >= $1 AND e.closed_at < $2) \
              OR (e.rated_at >= $1 AND e.rated_at < $2 AND e.closed_at < $1 AND e.stars <= 2)) \
             AND e.agent IS NOT NULL AND c.pruned_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM inspection i WHERE i.plan = $3 AND i.conversation = e.conversation) \
             ORDER BY e.conversation, e.no DESC",
        )
        .bind(from.0)
        .bind(to.0)
        .bind(plan.to_owned())
        .fetch_all(&self.readers)
        .await?;
        let mut found: Vec<(Candidate, Timestamp)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let conversation = id("figure_episode", row, "conversation")?;
            // Closed twice in the week: the last time counts.
            if found.last().is_some_and(|(last, _)| last.conversation == conversation) {
                continue;
            }
            let closed_at = instant(row, "closed_at")?;
            let candidate = Candidate {
                conversation,
                team: row.try_get("team")?,
                agent: id("figure_episode", row, "agent")?,
                stars: row.try_get::<Option<i64>, _>("stars")?.and_then(|stars| u8::try_from(stars).ok()),
                is_breach: row.try_get::<i64, _>("breaches")? > 0,
                transfers: unsigned(row, "transfers")?,
                is_of_week: closed_at >= from,
            };
            found.push((candidate, closed_at));
        }
        Ok(found)
    }

    /// JSON of a record as it was in a version; `None`: there was none, or it was removed by it.
    pub async fn record_body(
        &self,
        kind: bangban_domain::org::Kind,
        id: &str,
        version: u64,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT body FROM record_version WHERE kind = $1 AND id = $2 AND version = $3";
        let row = sqlx::query(sql)
            .bind(kind.as_str())
            .bind(id.to_owned())
            .bind(number(version))
            .fetch_optional(&self.readers)
            .await?;
        row.map_or(Ok(None), |row| Ok(row.try_get("body")?))
    }
}
