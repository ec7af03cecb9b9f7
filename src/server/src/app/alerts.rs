//! Alerts that were: who acted on them, and when.

use bangban_domain::{AlertId, rights::Action};
use bangban_protocol::{ErrorCode, PastAlerts, WireError};
use bangban_store::AlertFilter;

use super::{App, forbidden, store_error};
use crate::{auth::Staff, desk::alert_view, staff::At};

/// Alerts of one page.
const PAGE: u32 = 50;

impl App {
    /// One page of the alerts of the units that one watches; `unit` empty: all of them.
    ///
    /// # Errors
    /// `forbidden`, `not_found` for `before`, and whatever the store says.
    pub(crate) async fn past_alerts(
        &self,
        staff: &Staff,
        mut filter: AlertFilter,
        unit: &str,
        before: Option<AlertId>,
    ) -> Result<PastAlerts, WireError> {
        let scopes = self.scopes(staff, Action::Watch);
        if scopes.is_empty() {
            return Err(forbidden());
        }
        let catalogue = self.catalogue();
        let directory = catalogue.directory();
        filter.units = if !unit.is_empty() {
            self.require(staff, Action::Watch, At::unit(Some(unit)))?;
            let is_below = |code: &str| directory.above(code).iter().any(|above| above == unit);
            Some(directory.units().map(|(code, _)| code.to_owned()).filter(|code| is_below(code)).collect())
        } else if scopes.contains(&None) {
            None
        } else {
            let is_seen = |code: &str| directory.above(code).iter().any(|above| scopes.contains(&Some(above.clone())));
            Some(directory.units().map(|(code, _)| code.to_owned()).filter(|code| is_seen(code)).collect())
        };
        if let Some(id) = before {
            let gone = || WireError {
                field: Some("before".to_owned()),
                ..WireError::new(ErrorCode::NotFound, "no such alert")
            };
            let row = self.store.alert(id).await.map_err(store_error)?.ok_or_else(gone)?;
            filter.before = Some((row.raised_at, row.id));
        }
        let rows = self.store.alerts(&filter, PAGE).await.map_err(store_error)?;
        let next = rows.last().filter(|_| rows.len() == PAGE as usize).map(|row| row.id);
        // A grant that holds for some items only says nothing of the others.
        let may = |unit: Option<&str>, item: Option<&str>| self.may(staff, Action::Watch, At { unit, item });
        let seen = rows.iter().filter(|row| may(row.unit.as_deref(), row.item.as_deref()));
        let name = |agent| self.accounts.name(agent).unwrap_or_default();
        let alerts = seen.map(|row| alert_view(row, &catalogue, None, name)).collect();
        Ok(PastAlerts { alerts, next })
    }
}
