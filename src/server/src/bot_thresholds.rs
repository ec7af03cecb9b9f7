//! `bangban bot thresholds`: from which probability on 小申 answers and asks back, from the command line, while no server runs on the
//! database. Each change is a version of its own and a line of the audit log.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow, ensure};
use bangban_domain::Timestamp;
use bangban_search::Model;
use bangban_store::{Audit, Author, BotChange, Change, Json, Store, ThresholdRow, Unit};
use clap::Subcommand;
use serde_json::value::to_raw_value;

use crate::{bot_settings::check_thresholds, clock::Clock, config::Config};

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum ThresholdsCommand {
    /// Prints what holds, and every version before it.
    Show,
    /// Sets new ones.
    Set {
        /// At or above this probability the best entry may be answered.
        #[arg(long)]
        answer: f64,
        /// At or above this probability the citizen is asked back; below it a person takes over.
        #[arg(long)]
        clarify: f64,
        /// Between the two: at or above this probability a person checks the answer before it is given; left out: nobody does.
        #[arg(long)]
        approve: Option<f64>,
        /// From which data.
        #[arg(long)]
        basis: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Goes back to an earlier version; that makes a new one.
    Rollback {
        /// Which; 0: what came with the weights.
        to: u64,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Carries the command out; gives what is to be printed.
///
/// # Errors
/// One line that says why not.
pub async fn run(config: &Config, command: ThresholdsCommand) -> anyhow::Result<String> {
    let store = Store::open(&config.database(), 16, Box::new(|_| {})).await.context(
        "while a server runs, thresholds are set on its administration pages or by POST /api/bot/thresholds",
    )?;
    let done = carry_out(&store, Clock::system().now(), command).await;
    store.close().await;
    done
}

async fn carry_out(store: &Store, now: Timestamp, command: ThresholdsCommand) -> anyhow::Result<String> {
    let rows = store.thresholds().await?;
    let shipped = &Model::built_in().thresholds;
    let last = rows.first().map_or(0, |row| row.version);
    // What is set by hand is for the calibrator that holds.
    let calibrator = rows.first().and_then(|row| row.calibrator.clone());
    let next = |(answer, clarify, approve), basis, reason, copy_of| ThresholdRow {
        version: last + 1,
        answer,
        clarify,
        approve,
        basis,
        reason,
        copy_of,
        calibrator: None,
        figures: None,
        changed_by: Author::System,
        changed_at: now,
    };
    let (action, row) = match command {
        ThresholdsCommand::Show => return Ok(listed(&rows)),
        ThresholdsCommand::Set { answer, clarify, approve, basis, reason } => {
            check_thresholds(answer, clarify, approve).map_err(|(field, why)| anyhow!("--{field}: {why}"))?;
            ensure!(!basis.trim().is_empty(), "--basis: must not be empty");
            ("bot.thresholds", ThresholdRow { calibrator, ..next((answer, clarify, approve), basis, reason, None) })
        }
        ThresholdsCommand::Rollback { to: 0, reason } => {
            let levels = (shipped.answer, shipped.clarify, shipped.approve);
            ("bot.thresholds_back", next(levels, shipped.version.clone(), reason, Some(0)))
        }
        ThresholdsCommand::Rollback { to, reason } => {
            let old = store.threshold(to).await?.ok_or_else(|| anyhow!("there is no version {to}"))?;
            let row = next((old.answer, old.clarify, old.approve), old.basis, reason, Some(to));
            ("bot.thresholds_back", ThresholdRow { calibrator: old.calibrator, figures: old.figures, ..row })
        }
    };
    ensure!(!row.reason.trim().is_empty(), "--reason: must not be empty");
    let detail = serde_json::json!({
        "version": row.version, "answer": row.answer, "clarify": row.clarify, "approve": row.approve, "copyOf": row.copy_of,
    });
    let line = Audit {
        at: now,
        actor: Author::System,
        action,
        kind: "bot".to_owned(),
        subject: format!("thresholds/{}", row.version),
        unit: None,
        reason: Some(row.reason.clone()),
        address: None,
        detail: Json(to_raw_value(&detail)?),
    };
    let changes = vec![Change::Bot(BotChange::Thresholds(row)), Change::Audit(line)];
    store.commit(Unit { changes, ..Unit::default() }).await?;
    Ok(listed(&store.thresholds().await?))
}

/// A line a version, the one that holds first.
fn listed(rows: &[ThresholdRow]) -> String {
    let shipped = &Model::built_in().thresholds;
    let mut text = String::new();
    for row in rows {
        let back = row.copy_of.map(|to| format!(", back to {to}")).unwrap_or_default();
        let at = jiff::Timestamp::from_millisecond(row.changed_at.0).unwrap_or_default();
        let by = row.changed_by.text();
        let approve = row.approve.map(|level| format!("  approve {level}")).unwrap_or_default();
        let ThresholdRow { version, answer, clarify, basis, reason, .. } = row;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{version}  answer {answer}  clarify {clarify}{approve}{back}  {at} {by}  {basis}: {reason}"
        );
    }
    let (answer, clarify, version) = (shipped.answer, shipped.clarify, &shipped.version);
    let _ = writeln!(text, "0  answer {answer}  clarify {clarify}  {version}");
    text
}

#[cfg(test)]
mod tests {
    use bangban_store::Database;

    use super::*;

    #[tokio::test]
    async fn thresholds_are_set_shown_and_rolled_back_with_a_line_of_the_audit_log_each() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database { dir: dir.path().to_owned(), ..Database::default() };
        let store = Store::open(&database, 16, Box::new(|_| {})).await.unwrap();
        let run = async |command| carry_out(&store, Timestamp(5), command).await;
        let checked = |answer, clarify, approve, reason: &str| ThresholdsCommand::Set {
            answer,
            clarify,
            approve,
            basis: "一周标注".to_owned(),
            reason: reason.to_owned(),
        };
        let set = |answer, clarify, reason: &str| checked(answer, clarify, None, reason);
        let shown = run(checked(0.9, 0.3, Some(0.6), "更谨慎")).await.unwrap();
        assert!(shown.starts_with("1  answer 0.9  clarify 0.3  approve 0.6  "), "{shown}");
        assert!(shown.lines().last().unwrap().starts_with("0  answer "), "{shown}");
        for (command, why) in [
            (set(0.2, 0.3, "x"), "--answer"),
            (set(0.9, -0.3, "x"), "--clarify"),
            (checked(0.9, 0.3, Some(0.95), "x"), "--approve"),
            (set(0.9, 0.3, " "), "--reason"),
            (ThresholdsCommand::Rollback { to: 7, reason: "x".to_owned() }, "there is no version 7"),
        ] {
            let refused = run(command).await.unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
        run(set(0.7, 0.2, "试试")).await.unwrap();
        run(ThresholdsCommand::Rollback { to: 1, reason: "不好".to_owned() }).await.unwrap();
        let shown = run(ThresholdsCommand::Rollback { to: 0, reason: "重来".to_owned() }).await.unwrap();
        let begins: Vec<&str> = shown.lines().map(|line| line.split("  ").next().unwrap()).collect();
        assert_eq!(begins, ["4", "3", "2", "1", "0"]);
        let rows = store.thresholds().await.unwrap();
        let numbers: Vec<_> = rows.iter().map(|row| (row.answer, row.approve, row.copy_of)).collect();
        assert_eq!(numbers[1..], [(0.9, Some(0.6), Some(1)), (0.7, None, None), (0.9, Some(0.6), None)]);
        assert_eq!((rows[0].approve, rows[0].copy_of), (None, Some(0)), "the program's: nobody checks");
        assert_eq!(run(ThresholdsCommand::Show).await.unwrap(), shown);
        let lines = store.audit_before(u64::MAX, 100).await.unwrap();
        assert_eq!(lines.len(), 4);
        store.close().await;
    }
}
