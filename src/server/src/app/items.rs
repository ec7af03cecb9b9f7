//! The catalogue of items as a whole: import, export, coverage.

use bangban_domain::{
    AgentId,
    org::{self, Item},
    rights::Action,
};
use bangban_protocol::{CoverageHole, CoverageView, ImportReport, Topic, WireError};
use bangban_store::Author;
use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::{App, forbidden, internal, store_error};
use crate::{
    auth::Staff,
    desk::ROSTER_AHEAD,
    organisation::{
        import::plan,
        sheet::{self, Format},
    },
};

/// A file of items that somebody sends.
pub(crate) struct Upload {
    pub(crate) format: Format,
    pub(crate) bytes: Bytes,
    /// Only look.
    pub(crate) dry_run: bool,
    /// Import the good rows although there are bad ones.
    pub(crate) skip_bad: bool,
    /// Network address of the request.
    pub(crate) address: String,
}

impl App {
    /// Imports items. What stands in the way is in the answer, by row.
    ///
    /// # Errors
    /// `forbidden`; `bad_request` for a file that is no table of items; whatever the store says.
    pub(crate) async fn import_items(&self, staff: &Staff, upload: Upload) -> Result<ImportReport, WireError> {
        if !self.may_somewhere(staff, Action::ManageItems) {
            return Err(forbidden());
        }
        let Upload { format, bytes, dry_run, skip_bad, address } = upload;
        let rows = spawn_blocking(move || sheet::read(format, &bytes)).await.map_err(|error| internal(&error))?;
        let rows = rows.map_err(|error| WireError::field("file", error.to_string()))?;
        let turn = self.organisation.change().await;
        let directory = self.directory();
        // Asked once per unit or item that somebody is bound to, not once per row.
        let may = self.rights_over(staff, Action::ManageItems);
        let plan = spawn_blocking(move || plan(&directory, &rows, may)).await.map_err(|error| internal(&error))?;
        if dry_run || !plan.may_go_on(skip_bad) {
            return Ok(plan.report);
        }
        let (actor, now) = (Author::Agent(staff.id), self.clock.now());
        let report = plan.carry_out(&self.store, actor, Some(address), None, now).await;
        // What parts were written is in force, even if a later one failed.
        self.reread().await?;
        drop(turn);
        report.map_err(store_error)
    }

    /// Items that somebody may read, of a unit and all below it, as a file.
    ///
    /// # Errors
    /// `forbidden`; what cannot be written.
    pub(crate) async fn export_items(
        &self,
        staff: &Staff,
        format: Format,
        unit: Option<String>,
    ) -> Result<Vec<u8>, WireError> {
        let may_change = self.rights_over(staff, Action::ManageItems);
        let may_read = self.rights_over(staff, Action::ReadAdministration);
        if ![Action::ManageItems, Action::ReadAdministration].iter().any(|action| self.may_somewhere(staff, *action)) {
            return Err(forbidden());
        }
        let directory = self.directory();
        let written = spawn_blocking(move || {
            let is_below =
                |item: &Item| unit.as_ref().is_none_or(|unit| directory.above(&item.department).contains(unit));
            let wanted = directory.items().filter(|(code, item)| {
                is_below(item) && (may_read(&item.department, code) || may_change(&item.department, code))
            });
            sheet::write(format, wanted)
        });
        written.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))
    }

    /// Which high-frequency items nobody would answer in the coming days, by the roster.
    ///
    /// # Errors
    /// `forbidden`; whatever the store says.
    pub(crate) fn coverage(&self, staff: &Staff) -> Result<CoverageView, WireError> {
        let may_watch = self.rights_over(staff, Action::Watch);
        let may_read = self.rights_over(staff, Action::ReadAdministration);
        if ![Action::Watch, Action::ReadAdministration].iter().any(|action| self.may_somewhere(staff, *action)) {
            return Err(forbidden());
        }
        let (catalogue, now) = (self.catalogue(), self.clock.now());
        let is_member = |agent: AgentId, team: &str| {
            self.accounts.get(agent).is_some_and(|member| self.rights.serves_team(&member, team))
        };
        let directory = catalogue.directory();
        let wanted = |code: &str, item: &Item| may_watch(&item.department, code) || may_read(&item.department, code);
        let until = now + ROSTER_AHEAD;
        let found = org::coverage(directory, wanted, |team| catalogue.calendar_of(team), is_member, now, until);
        // The board counts all of the city.
        let board = self.shared.boards.get(&Topic::Board);
        let staffed_now = board.filter(|known| known.1.items_total == found.items).map(|known| known.1.items_covered);
        let name = |text: Option<&String>| text.cloned().unwrap_or_default();
        let holes = found.holes.into_iter().map(|hole| CoverageHole {
            item_name: name(directory.item(&hole.item).map(|item| &item.name)),
            team_name: name(directory.team(&hole.team).map(|team| &team.name)),
            item: hole.item,
            team: hole.team,
            from: hole.from,
            to: hole.to,
        });
        Ok(CoverageView {
            items: found.items,
            covered: found.covered,
            staffed_now,
            holes: holes.collect(),
            as_of: now,
            until,
        })
    }
}
