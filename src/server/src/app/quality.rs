//! Quality inspection: draws, inspections with their steps, results. What the steps are and who may take them is said in
//! `bangban_domain::quality`; here it is asked and made durable, each step with its line of the audit log.
//!
//! What people write is masked before it is stored, as their reasons are: a comment quotes easily what the thread hides.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Weak,
};

use bangban_domain::{
    AgentId, InspectionId, Timestamp,
    calendar::{date_of, midnight},
    conversation,
    org::{Kind, SamplePlan, ScoreCard},
    privacy::mask,
    quality::{self, APPEAL_WORKING_DAYS, InspectionState, week_of},
    rights::Action,
    time::{DAY, HOUR},
};
use bangban_protocol::{
    Drawn, ErrorCode, InspectionAnswer, InspectionAppeal, InspectionDecision, InspectionLine, InspectionPage,
    InspectionPut, InspectionThread, InspectionView, QualityGroup, QualityLine, QualityResults, ThreadEntry, WireError,
};
use bangban_store::{Audit, Author, Change, InspectionQuery, InspectionRow, Lane, QualityChange, ScoreCount, Unit};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{App, forbidden, internal, invalid, store_error, thread_entry};
use crate::{
    auth::{Principal, Staff},
    desk::new_id,
    masking::seen_by,
    privacy::json,
    staff::At,
};

/// Inspections of one page.
const PAGE: u32 = 50;

/// Entries of a thread that are read at one time.
const ENTRIES: u32 = 200;

/// Longest comment to one question, and to the whole.
const MAX_COMMENT: usize = 1_000;
const MAX_SUMMARY: usize = 2_000;

/// A reason of an appeal or a decision.
const LEAST_REASON: usize = 4;
const MAX_REASON: usize = 1_000;

/// Longest time of one question about results: three years.
const MOST_DAYS: i32 = 1_100;

/// What is said to one question, as a row keeps it: apart from the points, because it is deleted with the thread.
#[derive(Serialize, Deserialize)]
struct Remark {
    comment: String,
    seq: Option<u64>,
}

/// Who takes a step, and from where.
pub(crate) struct Inspector<'a> {
    pub(crate) staff: &'a Staff,
    pub(crate) address: &'a str,
}

/// What is looked for in the list of inspections.
#[derive(Default)]
pub(crate) struct WantedInspections {
    pub(crate) state: Option<InspectionState>,
    pub(crate) team: Option<String>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) before: Option<InspectionId>,
}

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no inspection that you may see")
}

fn outdated() -> WireError {
    WireError::new(ErrorCode::Outdated, "somebody else has changed it meanwhile")
}

fn wrong_state(detail: &'static str) -> WireError {
    WireError::new(ErrorCode::InvalidStage, detail)
}

/// Why somebody appeals or decides so.
fn why(text: &str) -> Result<String, WireError> {
    let text = conversation::text("reason", text, MAX_REASON).map_err(invalid)?;
    if text.chars().count() < LEAST_REASON {
        return Err(WireError::field("reason", format!("must have at least {LEAST_REASON} characters")));
    }
    Ok(mask(text).into_owned())
}

/// The points as a row keeps them.
fn points(answers: &[InspectionAnswer]) -> Vec<Option<u32>> {
    answers.iter().map(|answer| answer.points).collect()
}

/// Checks an inspection that may be incomplete, and masks its words.
fn checked(card: &ScoreCard, put: InspectionPut) -> Result<(Vec<InspectionAnswer>, String), WireError> {
    if put.answers.len() != card.questions.len() {
        return Err(WireError::field("answers", format!("must be {}, one for each question", card.questions.len())));
    }
    let mut answers = Vec::with_capacity(put.answers.len());
    for (n, (answer, question)) in put.answers.into_iter().zip(&card.questions).enumerate() {
        if answer.points.is_some_and(|points| points > question.points) {
            return Err(WireError::field(format!("answers[{n}].points"), format!("must be 0 to {}", question.points)));
        }
        if answer.comment.chars().count() > MAX_COMMENT {
            let problem = format!("must have at most {MAX_COMMENT} characters");
            return Err(WireError::field(format!("answers[{n}].comment"), problem));
        }
        if answer.comment.contains('\0') {
            return Err(WireError::field(format!("answers[{n}].comment"), "must not contain the character U+0000"));
        }
        if answer.seq.is_some_and(|seq| seq == 0 || i64::try_from(seq).is_err()) {
            return Err(WireError::field(format!("answers[{n}].seq"), "is no position of a message"));
        }
        answers.push(InspectionAnswer { comment: mask(answer.comment.trim()).into_owned(), ..answer });
    }
    let summary = conversation::at_most("summary", put.summary.trim(), MAX_SUMMARY).map_err(invalid)?;
    Ok((answers, mask(summary).into_owned()))
}

/// The score of a complete inspection.
fn score(card: &ScoreCard, answers: &[InspectionAnswer]) -> Result<u32, WireError> {
    let missing = |n: usize| WireError::field(format!("answers[{n}].points"), "is missing");
    let points: Vec<u32> =
        answers.iter().enumerate().map(|(n, one)| one.points.ok_or_else(|| missing(n))).collect::<Result<_, _>>()?;
    quality::score(card, &points).map_err(|error| WireError::field(error.field, error.problem))
}

/// Sums of one agent, team or unit.
#[derive(Default)]
struct Sum {
    count: u64,
    points: u64,
    random: (u64, u64),
    spread: [u64; 5],
}

impl Sum {
    fn add(&mut self, one: &ScoreCount) {
        let points = u64::from(one.score) * one.count;
        self.count += one.count;
        self.points += points;
        if one.is_random {
            self.random = (self.random.0 + one.count, self.random.1 + points);
        }
        let place = match one.score {
            0 => 0,
            1..quality::PASS => 1,
            quality::PASS..80 => 2,
            80..90 => 3,
            _ => 4,
        };
        self.spread[place] += one.count;
    }

    fn line(self, key: String, name: String) -> QualityLine {
        let mean = |count: u64, points: u64| (count > 0).then(|| points as f64 / count as f64);
        QualityLine {
            key,
            name,
            count: self.count,
            mean: mean(self.count, self.points).unwrap_or_default(),
            random_count: self.random.0,
            random_mean: mean(self.random.0, self.random.1),
            spread: self.spread,
        }
    }
}

impl App {
    fn may_inspect_team(&self, staff: &Staff, team: &str) -> bool {
        let unit = self.rights.unit_of_team(team);
        self.may(staff, Action::Inspect, At::unit(unit.as_deref()))
    }

    /// The teams whose work one inspects; `None`: all, also those that are not there any more.
    fn inspected_teams(&self, staff: &Staff) -> Result<Option<Vec<String>>, WireError> {
        self.require_somewhere(staff, Action::Inspect)?;
        if self.may(staff, Action::Inspect, At::CITY) {
            return Ok(None);
        }
        let directory = self.directory();
        let is_mine = |unit: &str| self.may(staff, Action::Inspect, At::unit(Some(unit)));
        let teams = directory.teams().filter(|(_, team)| is_mine(&team.unit));
        Ok(Some(teams.map(|(code, _)| code.to_owned()).collect()))
    }

    fn team_name(&self, code: &str) -> String {
        self.directory().team(code).map_or_else(|| code.to_owned(), |team| team.name.clone())
    }

    /// An inspection that one may see: of others as an inspector, of oneself when it is submitted.
    async fn seen_inspection(&self, staff: &Staff, id: InspectionId) -> Result<InspectionRow, WireError> {
        let row = self.store.inspection(id).await.map_err(store_error)?.ok_or_else(none)?;
        let is_mine = row.agent == staff.id;
        let is_seen = if is_mine { row.submitted_at.is_some() } else { self.may_inspect_team(staff, &row.team) };
        if is_seen { Ok(row) } else { Err(none()) }
    }

    async fn card_of(&self, row: &InspectionRow) -> Result<ScoreCard, WireError> {
        let body = self.store.record_body(Kind::ScoreCard, &row.card, row.card_version).await.map_err(store_error)?;
        let body = body.ok_or_else(|| internal(&format!("score card {} {} is missing", row.card, row.card_version)))?;
        serde_json::from_str(&body).map_err(|error| internal(&error))
    }

    fn may_begin(&self, staff: &Staff, row: &InspectionRow) -> bool {
        row.state == InspectionState::Open && row.agent != staff.id && self.may_inspect_team(staff, &row.team)
    }

    fn may_decide(&self, staff: &Staff, row: &InspectionRow) -> bool {
        row.state == InspectionState::Appealed
            && row.agent != staff.id
            && row.inspector != Some(staff.id)
            && self.may_inspect_team(staff, &row.team)
    }

    fn may_appeal(&self, staff: &Staff, row: &InspectionRow) -> bool {
        row.state == InspectionState::Submitted
            && row.agent == staff.id
            && row.appeal_until.is_some_and(|until| self.clock.now() <= until)
    }

    fn inspection_line(&self, row: &InspectionRow) -> InspectionLine {
        let name = |agent| self.accounts.name(agent);
        InspectionLine {
            id: row.id,
            version: row.version,
            state: row.state,
            reason: row.reason,
            plan_name: self
                .directory()
                .sample_plan(&row.plan)
                .map_or_else(|| row.plan.clone(), |plan| plan.name.clone()),
            week: row.week.clone(),
            conversation: row.conversation,
            team_name: self.team_name(&row.team),
            agent: row.agent,
            agent_name: name(row.agent).unwrap_or_default(),
            inspector_name: row.inspector.and_then(name),
            closed_at: row.closed_at,
            drawn_at: row.drawn_at,
            submitted_at: row.submitted_at,
            score: row.score,
            decided_score: row.decided_score,
        }
    }

    async fn inspection_view(&self, staff: &Staff, row: InspectionRow) -> Result<InspectionView, WireError> {
        let card = self.card_of(&row).await?;
        let read = |error: serde_json::Error| internal(&error);
        let points: Vec<Option<u32>> = row
            .points
            .as_ref()
            .map(|json| serde_json::from_str(json.as_str()))
            .transpose()
            .map_err(read)?
            .unwrap_or_default();
        let remarks: Vec<Remark> = row
            .remarks
            .as_ref()
            .map(|json| serde_json::from_str(json.as_str()))
            .transpose()
            .map_err(read)?
            .unwrap_or_default();
        let mut remarks = remarks.into_iter();
        let answers = (0..card.questions.len()).map(|n| {
            let remark = remarks.next().unwrap_or(Remark { comment: String::new(), seq: None });
            let points = points.get(n).copied().flatten();
            InspectionAnswer { points, comment: remark.comment, seq: remark.seq }
        });
        Ok(InspectionView {
            line: self.inspection_line(&row),
            answers: answers.collect(),
            card,
            may_inspect: self.may_begin(staff, &row),
            may_appeal: self.may_appeal(staff, &row),
            may_decide: self.may_decide(staff, &row),
            decider_name: row.decider.and_then(|decider| self.accounts.name(decider)),
            decided_points: row
                .decided_points
                .as_ref()
                .map(|json| serde_json::from_str(json.as_str()))
                .transpose()
                .map_err(read)?,
            summary: row.summary.unwrap_or_default(),
            appeal_until: row.appeal_until,
            appeal: row.appeal,
            appealed_at: row.appealed_at,
            decision: row.decision,
            decided_at: row.decided_at,
        })
    }

    // --- reading ------------------------------------------------------------------------------------------------

    async fn inspection_page(&self, query: InspectionQuery) -> Result<InspectionPage, WireError> {
        let mut rows = self.store.inspections(&query, PAGE + 1).await.map_err(store_error)?;
        let has_more = rows.len() > PAGE as usize;
        rows.truncate(PAGE as usize);
        let next = rows.last().filter(|_| has_more).map(|row| row.id);
        Ok(InspectionPage { inspections: rows.iter().map(|row| self.inspection_line(row)).collect(), next })
    }

    async fn before(&self, id: Option<InspectionId>) -> Result<Option<(Timestamp, InspectionId)>, WireError> {
        let Some(id) = id else { return Ok(None) };
        let row = self.store.inspection(id).await.map_err(store_error)?;
        let row = row.ok_or_else(|| WireError { field: Some("before".to_owned()), ..none() })?;
        Ok(Some((row.drawn_at, row.id)))
    }

    /// What one may inspect or has to decide, the newest drawn first.
    pub(crate) async fn inspections(
        &self,
        staff: &Staff,
        wanted: WantedInspections,
    ) -> Result<InspectionPage, WireError> {
        let teams = match (self.inspected_teams(staff)?, wanted.team) {
            (None, Some(team)) => Some(vec![team]),
            (Some(teams), Some(team)) => Some(teams.into_iter().filter(|one| *one == team).collect()),
            (teams, None) => teams,
        };
        let before = self.before(wanted.before).await?;
        let (state, agent) = (wanted.state, wanted.agent);
        self.inspection_page(InspectionQuery {
            teams,
            agent,
            not_agent: Some(staff.id),
            state,
            before,
            ..InspectionQuery::default()
        })
        .await
    }

    /// One's own results, the newest drawn first.
    pub(crate) async fn my_inspections(
        &self,
        staff: &Staff,
        before: Option<InspectionId>,
    ) -> Result<InspectionPage, WireError> {
        let before = self.before(before).await?;
        self.inspection_page(InspectionQuery {
            agent: Some(staff.id),
            is_submitted: true,
            before,
            ..InspectionQuery::default()
        })
        .await
    }

    /// One inspection as a whole.
    pub(crate) async fn inspection(&self, staff: &Staff, id: InspectionId) -> Result<InspectionView, WireError> {
        let row = self.seen_inspection(staff, id).await?;
        self.inspection_view(staff, row).await
    }

    /// The thread of an inspected conversation, masked; whoever is not its agent leaves a line.
    pub(crate) async fn inspection_thread(
        &self,
        who: &Inspector<'_>,
        id: InspectionId,
        before: u64,
    ) -> Result<InspectionThread, WireError> {
        let row = self.seen_inspection(who.staff, id).await?;
        if row.agent != who.staff.id {
            self.tell_quality(who, "quality.read", &row, None, serde_json::json!({ "conversation": row.conversation }))
                .await?;
        }
        let reader = Principal::Staff(who.staff.clone());
        let entries =
            self.store.entries_before(row.conversation, Lane::Public, before, ENTRIES).await.map_err(store_error)?;
        let entries = entries
            .into_iter()
            .map(|entry| Ok(seen_by(&reader, thread_entry(entry)?)))
            .collect::<Result<Vec<ThreadEntry>, WireError>>()?;
        Ok(InspectionThread { more: entries.first().is_some_and(|entry| entry.seq > 1), entries })
    }

    // --- steps --------------------------------------------------------------------------------------------------

    fn quality_line(
        &self,
        who: &Inspector<'_>,
        action: &'static str,
        row: &InspectionRow,
        reason: Option<String>,
        detail: serde_json::Value,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: "inspection".to_owned(),
            subject: row.id.to_string(),
            unit: self.rights.unit_of_team(&row.team),
            reason,
            address: Some(who.address.to_owned()),
            detail: json(&detail),
        }
    }

    async fn tell_quality(
        &self,
        who: &Inspector<'_>,
        action: &'static str,
        row: &InspectionRow,
        reason: Option<String>,
        detail: serde_json::Value,
    ) -> Result<(), WireError> {
        let line = self.quality_line(who, action, row, reason, detail);
        let unit = Unit { changes: vec![Change::Audit(line)], ..Unit::default() };
        self.store.commit(unit).await.map(drop).map_err(store_error)
    }

    /// Writes the next version of a row, with its line.
    async fn take_step(
        &self,
        staff: &Staff,
        mut row: InspectionRow,
        audit: Option<Audit>,
    ) -> Result<InspectionView, WireError> {
        row.version += 1;
        let mut changes = vec![Change::Quality(QualityChange::Step(Box::new(row.clone())))];
        changes.extend(audit.map(Change::Audit));
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.inspection_view(staff, row).await
    }

    /// Keeps an inspection that is not finished, or finishes it: then the agent sees it.
    pub(crate) async fn inspect(
        &self,
        who: &Inspector<'_>,
        id: InspectionId,
        put: InspectionPut,
        is_final: bool,
    ) -> Result<InspectionView, WireError> {
        let mut row = self.seen_inspection(who.staff, id).await?;
        if row.agent == who.staff.id {
            return Err(forbidden());
        }
        if row.state != InspectionState::Open {
            return Err(wrong_state("it is inspected already"));
        }
        if row.version != put.version {
            return Err(outdated());
        }
        let card = self.card_of(&row).await?;
        let (answers, summary) = checked(&card, put)?;
        let remarks: Vec<Remark> =
            answers.iter().map(|one| Remark { comment: one.comment.clone(), seq: one.seq }).collect();
        row.inspector = Some(who.staff.id);
        row.points = Some(json(&points(&answers)));
        row.remarks = Some(json(&remarks));
        row.summary = Some(summary);
        let mut audit = None;
        if is_final {
            let score = score(&card, &answers)?;
            let now = self.clock.now();
            row.state = InspectionState::Submitted;
            row.score = Some(score);
            row.submitted_at = Some(now);
            let catalogue = self.catalogue();
            row.appeal_until = Some(catalogue.calendar_of(&row.team).add_working_days(now, APPEAL_WORKING_DAYS).at);
            let detail = serde_json::json!({ "agent": row.agent, "score": score });
            audit = Some(self.quality_line(who, "quality.submit", &row, None, detail));
        }
        self.take_step(who.staff, row, audit).await
    }

    /// The agent does not agree.
    pub(crate) async fn appeal(
        &self,
        who: &Inspector<'_>,
        id: InspectionId,
        appeal: InspectionAppeal,
    ) -> Result<InspectionView, WireError> {
        let mut row = self.seen_inspection(who.staff, id).await?;
        if row.agent != who.staff.id {
            return Err(forbidden());
        }
        if row.state != InspectionState::Submitted {
            return Err(wrong_state("an appeal is possible once"));
        }
        if row.version != appeal.version {
            return Err(outdated());
        }
        if !self.may_appeal(who.staff, &row) {
            return Err(wrong_state("the time to appeal is over"));
        }
        row.state = InspectionState::Appealed;
        row.appeal = Some(why(&appeal.reason)?);
        row.appealed_at = Some(self.clock.now());
        let audit = self.quality_line(who, "quality.appeal", &row, None, serde_json::json!({ "score": row.score }));
        self.take_step(who.staff, row, Some(audit)).await
    }

    /// A second person judges the appeal; the first value stays beside the new one.
    pub(crate) async fn decide(
        &self,
        who: &Inspector<'_>,
        id: InspectionId,
        decision: InspectionDecision,
    ) -> Result<InspectionView, WireError> {
        let mut row = self.seen_inspection(who.staff, id).await?;
        if row.state != InspectionState::Appealed {
            return Err(wrong_state("nobody has appealed, or it is decided already"));
        }
        if !self.may_decide(who.staff, &row) {
            return Err(forbidden());
        }
        if row.version != decision.version {
            return Err(outdated());
        }
        let card = self.card_of(&row).await?;
        let score =
            quality::score(&card, &decision.points).map_err(|error| WireError::field(error.field, error.problem))?;
        row.state = InspectionState::Decided;
        row.decider = Some(who.staff.id);
        row.decided_points = Some(json(&decision.points));
        row.decision = Some(why(&decision.reason)?);
        row.decided_score = Some(score);
        row.decided_at = Some(self.clock.now());
        let detail = serde_json::json!({ "agent": row.agent, "before": row.score, "after": score });
        let audit = self.quality_line(who, "quality.decide", &row, None, detail);
        self.take_step(who.staff, row, Some(audit)).await
    }

    // --- drawing ------------------------------------------------------------------------------------------------

    /// Draws once more of a week, because somebody wants to.
    pub(crate) async fn draw_by_hand(&self, who: &Inspector<'_>, code: &str, day: Date) -> Result<Drawn, WireError> {
        let no_plan = || WireError::new(ErrorCode::NotFound, "no plan that you may draw by");
        let directory = self.directory();
        let plan = directory.sample_plan(code).ok_or_else(no_plan)?;
        if !self.may(who.staff, Action::Inspect, At::unit(plan.unit.as_deref())) {
            return Err(no_plan());
        }
        let week = week_of(day);
        if midnight(week) > self.clock.now() {
            return Err(WireError::field("day", "the week has not begun"));
        }
        let (no, _) = self.store.draws(code, &week.to_string()).await.map_err(store_error)?;
        let (actor, address) = (Author::Agent(who.staff.id), Some(who.address.to_owned()));
        self.draw(code, plan, week, no, actor, address).await
    }

    async fn draw(
        &self,
        code: &str,
        plan: &SamplePlan,
        week: Date,
        no: u32,
        actor: Author,
        address: Option<String>,
    ) -> Result<Drawn, WireError> {
        let directory = self.directory();
        let card = directory.record(Kind::ScoreCard, &plan.card);
        let card = card.ok_or_else(|| WireError::new(ErrorCode::NotFound, "the plan's score card is not there"))?;
        let from = midnight(week);
        let mut found = self.store.inspectable(code, from, from + 7 * DAY).await.map_err(store_error)?;
        found.retain(|(one, _)| {
            directory.reaches(plan.unit.as_deref(), &one.team)
                && (plan.teams.is_empty() || plan.teams.contains(&one.team))
        });
        let (candidates, closed): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let drawn = quality::draw(plan, week, no, &candidates);
        let by_id: HashMap<_, _> =
            candidates.iter().zip(closed).map(|(one, at)| (one.conversation, (one, at))).collect();
        let (at, week) = (self.clock.now(), week.to_string());
        let row = |(conversation, reason)| {
            let (candidate, closed_at) = by_id.get(&conversation)?;
            Some(InspectionRow {
                id: InspectionId::new(new_id()),
                plan: code.to_owned(),
                week: week.clone(),
                reason,
                conversation,
                team: candidate.team.clone(),
                agent: candidate.agent,
                closed_at: *closed_at,
                drawn_at: at,
                card: plan.card.clone(),
                card_version: card.version,
                version: 1,
                state: InspectionState::Open,
                inspector: None,
                points: None,
                remarks: None,
                summary: None,
                score: None,
                submitted_at: None,
                appeal_until: None,
                appeal: None,
                appealed_at: None,
                decider: None,
                decided_points: None,
                decision: None,
                decided_score: None,
                decided_at: None,
            })
        };
        let inspections: Vec<InspectionRow> = drawn.into_iter().filter_map(row).collect();
        let drawn = inspections.len() as u64;
        let detail = serde_json::json!({ "week": week, "no": no, "of": candidates.len(), "drawn": drawn });
        let audit = Audit {
            at,
            actor,
            action: "quality.draw",
            kind: Kind::SamplePlan.as_str().to_owned(),
            subject: code.to_owned(),
            unit: plan.unit.clone(),
            reason: None,
            address,
            detail: json(&detail),
        };
        let change = QualityChange::Draw { plan: code.to_owned(), week: week.clone(), no, at, actor, inspections };
        let changes = vec![Change::Quality(change), Change::Audit(audit)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        Ok(Drawn { week, drawn })
    }

    /// Draws of the last whole week by every plan that has not done so yet.
    ///
    /// # Errors
    /// The first one; the others are tried nevertheless.
    pub async fn draw_due(&self) -> Result<(), WireError> {
        let this_week = week_of(date_of(self.clock.now()));
        let last = week_of(date_of(midnight(this_week) - DAY));
        let directory = self.directory();
        let mut result = Ok(());
        for (code, plan) in directory.sample_plans().filter(|(_, plan)| plan.weekly) {
            let (_, is_done) = self.store.draws(code, &last.to_string()).await.map_err(store_error)?;
            if is_done {
                continue;
            }
            let drawn = self.draw(code, plan, last, 0, Author::System, None).await;
            result = result.and(drawn.map(drop));
        }
        result
    }

    // --- results ------------------------------------------------------------------------------------------------

    /// Results of what was submitted on these days, apart.
    pub(crate) async fn quality_results(
        &self,
        staff: &Staff,
        from: Date,
        to: Date,
        by: QualityGroup,
    ) -> Result<QualityResults, WireError> {
        let teams = self.inspected_teams(staff)?;
        let (from, to) = span(from, to)?;
        let counts = self.store.score_counts(teams.as_deref(), from, to).await.map_err(store_error)?;
        let directory = self.directory();
        let mut total = Sum::default();
        let mut apart: BTreeMap<String, (String, Sum)> = BTreeMap::new();
        for one in &counts {
            total.add(one);
            let (key, name) = match by {
                QualityGroup::Agent => (one.agent.to_string(), self.accounts.name(one.agent).unwrap_or_default()),
                QualityGroup::Team => (one.team.clone(), self.team_name(&one.team)),
                QualityGroup::Unit => {
                    let code = directory.team(&one.team).map(|team| team.unit.clone()).unwrap_or_default();
                    let name = directory.unit(&code).map(|unit| unit.name.clone()).unwrap_or_default();
                    (code, name)
                }
            };
            apart.entry(key).or_insert_with(|| (name, Sum::default())).1.add(one);
        }
        let mut lines: Vec<QualityLine> = apart.into_iter().map(|(key, (name, sum))| sum.line(key, name)).collect();
        lines.sort_by(|a, b| a.mean.total_cmp(&b.mean).then_with(|| a.key.cmp(&b.key)));
        Ok(QualityResults { total: total.line(String::new(), String::new()), lines })
    }

    /// Which inspections an export has; that it was asked for is in the audit log.
    pub(crate) async fn exported_inspections(
        &self,
        who: &Inspector<'_>,
        from: Date,
        to: Date,
    ) -> Result<InspectionQuery, WireError> {
        let teams = self.inspected_teams(who.staff)?;
        let (begin, end) = span(from, to)?;
        let line = Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action: "quality.export",
            kind: "inspection".to_owned(),
            subject: "results".to_owned(),
            unit: None,
            reason: None,
            address: Some(who.address.to_owned()),
            detail: json(&serde_json::json!({ "from": from.to_string(), "to": to.to_string() })),
        };
        self.store.commit(Unit { changes: vec![Change::Audit(line)], ..Unit::default() }).await.map_err(store_error)?;
        let (from, to) = (Some(begin), Some(end));
        Ok(InspectionQuery { teams, is_submitted: true, from, to, ..InspectionQuery::default() })
    }

    /// The next rows of an export, with the names that people know.
    pub(crate) async fn exported_page(
        &self,
        query: &mut InspectionQuery,
        limit: u32,
    ) -> Result<Vec<(InspectionLine, Option<String>)>, WireError> {
        let rows = self.store.inspections(query, limit).await.map_err(store_error)?;
        if let Some(last) = rows.last() {
            query.before = Some((last.drawn_at, last.id));
        }
        let decider = |row: &InspectionRow| row.decider.and_then(|decider| self.accounts.name(decider));
        Ok(rows.iter().map(|row| (self.inspection_line(row), decider(row))).collect())
    }
}

/// Days as instants.
fn span(from: Date, to: Date) -> Result<(Timestamp, Timestamp), WireError> {
    let wrong = || WireError::field("to", format!("must be at most {MOST_DAYS} days from `from`, not before it"));
    let days = to.since(from).map_err(|_| wrong())?.get_days();
    if !(0..MOST_DAYS).contains(&days) || !(2_000..2_200).contains(&from.year()) {
        return Err(wrong());
    }
    Ok((midnight(from), midnight(to) + DAY))
}

/// Every hour it is seen to that the last week is drawn of: whatever went wrong, the next hour mends it.
pub(super) async fn draw_every_week(app: Weak<App>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.draw_due().await {
            tracing::warn!(?error, "conversations cannot be drawn for inspection yet");
        }
        let (clock, stopping) = (app.clock.clone(), app.stopping.clone());
        drop(app);
        let next = Timestamp((clock.now().0.div_euclid(HOUR) + 1) * HOUR);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(next) => {}
        }
    }
}
