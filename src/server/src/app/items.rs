//! The catalogue of items as a whole: import and export (also of departments' telephones), coverage.

use bangban_domain::{
    AgentId,
    org::{self, Item, Kind},
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
        import::{plan, plan_numbers},
        numbers,
        sheet::{self, Format},
    },
};

/// A file that somebody sends.
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

/// Tables that are kept in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// The catalogue.
    Items,
    /// Telephones of departments.
    TransferNumbers,
}

impl Table {
    const fn action(self) -> Action {
        match self {
            Self::Items => Kind::Item.action(),
            Self::TransferNumbers => Kind::TransferNumber.action(),
        }
    }
}

/// What a file says.
enum Rows {
    Items(Vec<sheet::Row>),
    TransferNumbers(Vec<numbers::NumberRow>),
}

impl Rows {
    fn read(table: Table, format: Format, bytes: &[u8]) -> Result<Self, sheet::SheetError> {
        match table {
            Table::Items => sheet::read(format, bytes).map(Self::Items),
            Table::TransferNumbers => numbers::read(format, bytes).map(Self::TransferNumbers),
        }
    }
}

impl App {
    /// Imports a table. What stands in the way is in the answer, by row.
    ///
    /// # Errors
    /// `forbidden`; `bad_request` for a file that is no such table; whatever the store says.
    pub(crate) async fn import(&self, staff: &Staff, table: Table, upload: Upload) -> Result<ImportReport, WireError> {
        if !self.may_somewhere(staff, table.action()) {
            return Err(forbidden());
        }
        let Upload { format, bytes, dry_run, skip_bad, address } = upload;
        let rows = spawn_blocking(move || Rows::read(table, format, &bytes)).await.map_err(|error| internal(&error))?;
        let rows = rows.map_err(|error| WireError::field("file", error.to_string()))?;
        let turn = self.organisation.change().await;
        let directory = self.directory();
        // Asked once per unit or item that somebody is bound to, not once per row.
        let may = self.rights_over(staff, table.action());
        let may_unit = self.rights_in(staff, table.action());
        let planned = spawn_blocking(move || match rows {
            Rows::Items(rows) => plan(&directory, &rows, may),
            Rows::TransferNumbers(rows) => plan_numbers(&directory, &rows, may_unit),
        });
        let plan = planned.await.map_err(|error| internal(&error))?;
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

    /// What somebody may read of a table, of a unit and all below it, as a file.
    ///
    /// # Errors
    /// `forbidden`; what cannot be written.
    pub(crate) async fn export(
        &self,
        staff: &Staff,
        table: Table,
        format: Format,
        unit: Option<String>,
    ) -> Result<Vec<u8>, WireError> {
        let reads = [table.action(), Action::ReadAdministration];
        if !reads.iter().any(|action| self.may_somewhere(staff, *action)) {
            return Err(forbidden());
        }
        let over = reads.map(|action| self.rights_over(staff, action));
        let within = reads.map(|action| self.rights_in(staff, action));
        let directory = self.directory();
        let written = spawn_blocking(move || {
            let is_below = |own: &String| unit.as_ref().is_none_or(|unit| directory.above(own).contains(unit));
            match table {
                Table::Items => {
                    let is_read = |code: &str, item: &Item| over.iter().any(|may| may(&item.department, code));
                    let wanted = directory.items();
                    sheet::write(format, wanted.filter(|(code, one)| is_below(&one.department) && is_read(code, one)))
                }
                Table::TransferNumbers => {
                    let is_read = |own: &str| within.iter().any(|may| may(own));
                    let wanted = directory.transfer_numbers();
                    numbers::write(format, wanted.filter(|(_, one)| is_below(&one.unit) && is_read(&one.unit)))
                }
            }
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
