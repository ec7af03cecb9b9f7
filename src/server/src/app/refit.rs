//! Calibrator and thresholds by labels, every night and when somebody asks for it; what may be taken is said in `crate::refit`.

use std::sync::Weak;

use bangban_domain::{
    Timestamp,
    calendar::Calendar,
    learning::LabelKind,
    rights::Action,
    time::{DAY, HOUR, Millis},
};
use bangban_protocol::{ErrorCode, Refitted, WireError};
use bangban_store::{Audit, Author, BotChange, LabelQuery, ThresholdRow};
use tokio::task::spawn_blocking;

use super::{App, Keeper, internal, learning::LARGEST_SET, store_error};
use crate::{
    privacy::json,
    refit::{LEAST, Refit, refit},
    staff::At,
};

/// Labels that are looked at, and since when.
const LABELS: u32 = 5_000;
const SPAN: Millis = 180 * DAY;

/// What the versions that it makes say of themselves; the interface has the figures.
const BASIS: &str = "labels";

/// The next time that it is this hour.
fn next_hour(now: Timestamp, hour: u8) -> Timestamp {
    let today = Calendar::day_start(now) + i64::from(hour) * HOUR;
    if today > now { today } else { today + DAY }
}

/// Every night at the quiet hour. Of several nodes that fit at the same time one stores what it found, the others are refused.
pub(super) async fn refit_every_night(app: Weak<App>, hour: u8) {
    while let Some(strong) = app.upgrade() {
        let (clock, stopping) = (strong.clock.clone(), strong.stopping.clone());
        drop(strong);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(next_hour(clock.now(), hour)) => {}
        }
        let Some(strong) = app.upgrade() else { return };
        if let Err(error) = strong.forget_counts().await {
            tracing::warn!(%error, "old counts of 小申 cannot be deleted, the next night again");
        }
        match strong.refit_now(Author::System, None).await {
            Ok(done) => tracing::info!(outcome = ?done.outcome, questions = done.questions, "refitted by labels"),
            Err(error) if error.code == ErrorCode::Outdated => tracing::info!("another node has refitted by labels"),
            Err(error) => tracing::warn!(%error, "cannot be refitted by labels, the next night again"),
        }
    }
}

impl App {
    /// As every night, now.
    pub(crate) async fn refit_thresholds(&self, who: &Keeper<'_>) -> Result<Refitted, WireError> {
        self.require(who.staff, Action::ReviewKnowledge, At::CITY)?;
        self.refit_now(Author::Agent(who.staff.id), Some(who.address.to_owned())).await
    }

    async fn refit_now(&self, by: Author, address: Option<String>) -> Result<Refitted, WireError> {
        self.learn().await?;
        let now = self.clock.now();
        let query = LabelQuery { units: None, since: now - SPAN, kinds: LabelKind::ALL.to_vec(), is_open: false };
        let labels = self.store.labels(&query, LABELS).await.map_err(store_error)?;
        let set = self.store.regression_set(None, LARGEST_SET).await.map_err(store_error)?;
        let catalogue = self.catalogue();
        let version = catalogue.knowledge().settings().version;
        let fitted = spawn_blocking(move || refit(catalogue.index(), &labels, &set));
        let Refit { outcome, questions, lowered, figures, model } = fitted.await.map_err(|error| internal(&error))?;
        if let (Some(model), Some(figures)) = (model, figures) {
            let text = |error: serde_json::Error| internal(&error);
            let row = ThresholdRow {
                version: version + 1,
                answer: model.thresholds.answer,
                clarify: model.thresholds.clarify,
                approve: model.thresholds.approve,
                basis: BASIS.to_owned(),
                reason: String::new(),
                copy_of: None,
                calibrator: Some(serde_json::to_string(&model.weights.calibrator).map_err(text)?),
                figures: Some(serde_json::to_string(&figures).map_err(text)?),
                changed_by: by,
                changed_at: now,
            };
            let detail = serde_json::json!({ "version": row.version, "answer": row.answer, "clarify": row.clarify, "approve": row.approve,
                "eceBefore": figures.before.ece, "eceAfter": figures.after.ece });
            let line = Audit {
                at: now,
                actor: by,
                action: "bot.refit",
                kind: "bot".to_owned(),
                subject: format!("thresholds/{}", row.version),
                unit: None,
                reason: None,
                address,
                detail: json(&detail),
            };
            self.keep_bot(BotChange::Thresholds(row), line).await?;
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Refitted { outcome, questions: count(questions), needed: count(LEAST), lowered: count(lowered), figures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_hour_is_tonights_or_tomorrows() {
        let midnight = Calendar::day_start(Timestamp(1_790_000_000_000));
        assert_eq!(next_hour(midnight, 3), midnight + 3 * HOUR);
        assert_eq!(next_hour(midnight + 3 * HOUR, 3), midnight + DAY + 3 * HOUR);
        assert_eq!(next_hour(midnight + 23 * HOUR, 0), midnight + DAY);
    }
}
