//! Watches the connect rate of three-way calls (rule 6): under 90 % of the requests that were decided in the last 60 min it is
//! an alert of the city. And call-backs: one that is overdue is an alert of the unit that owes it (rule 12). Counted from the
//! rows, so that calls of all nodes count, and a restart forgets none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
};

use bangban_domain::{
    CallId, Timestamp,
    call::figures::{AlertSettings, Rate, Rolling},
    time::{MINUTE, Millis, SECOND},
};
use bangban_protocol::WireError;
use bangban_store::RequestPlace;

use super::{App, store_error};

/// So often it is looked.
const LOOK: Millis = 10 * SECOND;

/// What was decided may be committed so much later: these rows are read again.
const LATE: Millis = 2 * MINUTE;

/// Rows that are read at one time.
const PAGE: u32 = 2_000;

/// What was seen so far.
pub(crate) struct ConnectWatch {
    settings: AlertSettings,
    rolling: Rolling,
    /// Requests of the last hour that were counted.
    seen: BTreeSet<(Timestamp, CallId, u32)>,
    looked_at: Option<Timestamp>,
    is_alert: bool,
    /// What the desk was told last; `None`: nothing yet.
    told: Option<bool>,
}

impl ConnectWatch {
    pub(crate) fn new(settings: AlertSettings) -> Self {
        let rolling = Rolling::new(settings);
        Self { settings, rolling, seen: BTreeSet::new(), looked_at: None, is_alert: false, told: None }
    }
}

/// So many of a thousand.
fn permille(rate: Rate) -> i64 {
    i64::try_from(rate.hits * 1_000 / rate.of.max(1)).unwrap_or_default()
}

impl App {
    /// Reads what was decided since the last look; tells the desk when an alert begins or is over.
    ///
    /// # Errors
    /// Whatever the store says; the next look reads the same again.
    pub(crate) async fn look_at_connect_rate(&self, watch: &mut ConnectWatch) -> Result<(), WireError> {
        let now = self.clock.now();
        let begin = now - watch.settings.within;
        let from = watch.looked_at.map_or(begin, |at| (at - LATE).max(begin));
        let archive = self.store.archive();
        let mut found = Vec::new();
        let mut after = RequestPlace::before(from);
        loop {
            let rows = archive.decided_requests(&after, now + 1, PAGE).await.map_err(store_error)?;
            let is_last = rows.len() < PAGE as usize;
            let last = rows.last().and_then(RequestPlace::of);
            found.extend(rows);
            match last {
                Some(place) if !is_last => after = place,
                _ => break,
            }
        }
        for row in found {
            let Some(ended_at) = row.ended_at else { continue };
            if watch.seen.insert((ended_at, row.call, row.number))
                && let Some(is_alert) = watch.rolling.add(&row)
            {
                watch.is_alert = is_alert;
            }
        }
        if let Some(is_alert) = watch.rolling.pass_time(now) {
            watch.is_alert = is_alert;
        }
        watch.looked_at = Some(now);
        watch.seen.retain(|(at, ..)| *at >= begin - LATE);
        // The first look also ends what was open before a restart and is not true any more.
        if watch.told != Some(watch.is_alert) {
            self.notices.connect_rate(watch.is_alert.then(|| permille(watch.rolling.rate())));
            watch.told = Some(watch.is_alert);
        }
        Ok(())
    }
}

impl App {
    /// Tells the desk which units owe call-backs that are overdue, if that is not what it was told last.
    ///
    /// # Errors
    /// Whatever the store says; the next look reads the same again.
    pub(crate) async fn look_at_call_backs(&self, told: &mut Option<BTreeMap<String, i64>>) -> Result<(), WireError> {
        let overdue = self.store.overdue_call_backs(self.clock.now()).await.map_err(store_error)?;
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let owed: BTreeMap<_, _> = overdue.into_iter().map(|(unit, of_it)| (unit, count(of_it))).collect();
        // The first look also ends what was open before a restart and is not true any more.
        if told.as_ref() != Some(&owed) {
            self.notices.overdue_call_backs(owed.clone());
            *told = Some(owed);
        }
        Ok(())
    }
}

/// Looks again and again, as long as the server runs.
pub(super) async fn watch_connect_rate(app: Weak<App>) {
    let mut watch = ConnectWatch::new(AlertSettings::default());
    let mut call_backs = None;
    loop {
        let Some(one) = app.upgrade() else { return };
        if let Err(error) = one.look_at_connect_rate(&mut watch).await {
            tracing::warn!(?error, "the connect rate cannot be counted; the next look does");
        }
        if let Err(error) = one.look_at_call_backs(&mut call_backs).await {
            tracing::warn!(?error, "overdue call-backs cannot be counted; the next look does");
        }
        let (clock, next) = (one.clock.clone(), one.clock.now() + LOOK);
        drop::<Arc<App>>(one);
        clock.sleep_until(next).await;
    }
}
