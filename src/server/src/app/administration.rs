//! Changes of what is administered: who may, whether it fits, and the unit that makes it durable.

use std::sync::Arc;

use bangban_domain::{
    org::{Body, CITY, Directory, GENERAL, Invalid, Kind},
    rights::Action,
    words::Stage,
};
use bangban_protocol::{ErrorCode, WireError};
use bangban_store::{Audit, Author, Change, Json, RecordChange, StaffRow, Unit};
use serde_json::value::to_raw_value;
use tokio::sync::MutexGuard;

use super::{App, forbidden, internal, store_error};
use crate::{auth::Staff, catalogue::Catalogue, organisation::json, staff::At};

/// How many of those that refer to a record are named.
const NAMED: usize = 3;

/// A change of one record.
pub(crate) struct Edit {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// The version that it was made from; 0: there is none yet.
    pub(crate) version: u64,
    /// Checked by itself; `None`: remove it.
    pub(crate) body: Option<Body>,
    /// Why, in the actor's words.
    pub(crate) reason: Option<String>,
    /// Network address of the request, if it came over REST.
    pub(crate) address: Option<String>,
}

fn not_found() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such record")
}

fn in_use(detail: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::InUse, detail)
}

fn misfit(error: Invalid) -> WireError {
    WireError::field(format!("body.{}", error.field), error.problem)
}

/// Does a team belong to other units than before? Then others may look at what it does.
fn has_moved(before: &Directory, after: &Directory) -> bool {
    before.teams().any(|(id, team)| after.team(id).is_none_or(|now| after.above(&now.unit) != before.above(&team.unit)))
}

impl App {
    /// Units, teams, items and everything else that is administered, as they are now, with what follows from them.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.organisation.current()
    }

    /// Units, teams, items and everything else that is administered, as they are now. Cheap.
    #[must_use]
    pub fn directory(&self) -> Directory {
        self.organisation.current().directory().clone()
    }

    /// The right to something over units and items, for who asks many times.
    pub(crate) fn rights_over(&self, staff: &Staff, action: Action) -> impl Fn(&str, &str) -> bool + Send + use<> {
        let (rights, who) = (Arc::clone(&self.rights), staff.id);
        move |unit, item| rights.allows(who, action, At { unit: Some(unit), item: Some(item) })
    }

    /// As [`App::rights_over`], of what belongs to a unit and to no item.
    pub(crate) fn rights_in(&self, staff: &Staff, action: Action) -> impl Fn(&str) -> bool + Send + use<> {
        let (rights, who) = (Arc::clone(&self.rights), staff.id);
        move |unit| rights.allows(who, action, At::unit(Some(unit)))
    }

    /// In at least one unit?
    pub(crate) fn may_somewhere(&self, staff: &Staff, action: Action) -> bool {
        !self.scopes(staff, action).is_empty()
    }

    /// Changes a record; returns what is administered after it.
    ///
    /// # Errors
    /// `forbidden`, `outdated`, `in_use`, `not_found`, `bad_request` with the field, and whatever the store says.
    pub(crate) async fn edit(&self, staff: &Staff, edit: Edit) -> Result<Directory, WireError> {
        let turn = self.organisation.change().await;
        let directory = self.directory();
        if !self.may_edit(staff, &directory, &edit) {
            return Err(forbidden());
        }
        self.write(turn, directory, staff, edit).await
    }

    /// As [`App::edit`], for what somebody only proposes: the caller has seen to it that nothing is in force by it.
    pub(crate) async fn propose(&self, staff: &Staff, edit: Edit) -> Result<Directory, WireError> {
        let turn = self.organisation.change().await;
        let directory = self.directory();
        self.write(turn, directory, staff, edit).await
    }

    async fn write(
        &self,
        turn: MutexGuard<'_, ()>,
        directory: Directory,
        staff: &Staff,
        edit: Edit,
    ) -> Result<Directory, WireError> {
        let before = directory.record(edit.kind, &edit.id);
        if before.map_or(0, |record| record.version) != edit.version {
            let detail = "somebody else has changed it meanwhile";
            return Err(if before.is_none() { not_found() } else { WireError::new(ErrorCode::Outdated, detail) });
        }
        let before = before.map(|record| &record.body);
        match &edit.body {
            Some(body) if before == Some(body) => return Ok(directory),
            Some(body) => directory.check(&edit.id, body).map_err(misfit)?,
            None => self.check_unused(&directory, edit.kind, &edit.id).await?,
        }
        let owner = edit.body.as_ref().or(before).and_then(|body| directory.owner(body)).map(str::to_owned);
        let detail = serde_json::json!({ "before": before, "after": &edit.body });
        let (at, actor) = (self.clock.now(), Author::Agent(staff.id));
        let change = RecordChange {
            kind: edit.kind,
            id: edit.id.clone(),
            from: edit.version,
            unit: owner.clone(),
            body: edit.body.as_ref().map(json).transpose().map_err(|error| internal(&error))?,
            at,
            actor,
        };
        let audit = Audit {
            at,
            actor,
            action: if edit.body.is_some() { "record.change" } else { "record.remove" },
            kind: edit.kind.as_str().to_owned(),
            subject: edit.id,
            unit: owner,
            reason: edit.reason,
            address: edit.address,
            detail: Json(to_raw_value(&detail).map_err(|error| internal(&error))?),
        };
        let changes = vec![Change::Records(vec![change]), Change::Audit(audit)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.reread().await?;
        drop(turn);
        Ok(self.directory())
    }

    /// Where it is and where it goes. Units are put under others only by those who rule there.
    fn may_edit(&self, staff: &Staff, directory: &Directory, edit: &Edit) -> bool {
        let before = directory.record(edit.kind, &edit.id).map(|record| &record.body);
        let item = (edit.kind == Kind::Item).then_some(edit.id.as_str());
        let seats = before.into_iter().chain(edit.body.as_ref()).map(|body| directory.seat(&edit.id, body));
        let moved_to = match (before, &edit.body) {
            (Some(Body::Unit(old)), Some(Body::Unit(new))) if old.parent != new.parent => new.parent.as_deref(),
            _ => None,
        };
        seats.chain(moved_to.map(Some)).all(|unit| self.may(staff, edit.kind.action(), At { unit, item }))
    }

    async fn check_unused(&self, directory: &Directory, kind: Kind, id: &str) -> Result<(), WireError> {
        if matches!((kind, id), (Kind::Unit, CITY) | (Kind::Team, GENERAL)) {
            return Err(in_use("the server cannot do without it"));
        }
        let named: Vec<String> = directory
            .referrers(kind, id)
            .take(NAMED)
            .map(|record| format!("{} {}", record.body.kind(), record.id))
            .collect();
        if !named.is_empty() {
            return Err(in_use(format!("it is referred to by {}", named.join(", "))));
        }
        if kind == Kind::Unit {
            let is_of = |member: &StaffRow| {
                member.unit.as_deref() == Some(id)
                    || member.grants.iter().any(|grant| grant.unit.as_deref() == Some(id))
            };
            if let Some(member) = self.accounts.all().iter().find(|member| is_of(member)) {
                return Err(in_use(format!("it is the unit of staff {}", member.login)));
            }
        }
        if kind == Kind::Team {
            let mut members = self.accounts.all();
            members.retain(|member| member.teams.iter().any(|one| one.team == id));
            let logins: Vec<String> =
                members.iter().take(NAMED).map(|member| format!("staff {}", member.login)).collect();
            if !logins.is_empty() {
                return Err(in_use(format!("it has members: {}", logins.join(", "))));
            }
            let open = self.store.open_conversations().await.map_err(store_error)?;
            let open = open.iter().filter(|row| row.team == id && row.stage != Stage::Closed).count();
            if open > 0 {
                return Err(in_use(format!("{open} conversations of the team are open")));
            }
        }
        Ok(())
    }

    /// What was changed is in force from now on.
    pub(crate) async fn reread(&self) -> Result<(), WireError> {
        let before = self.directory();
        let changed = self.organisation.refresh().await.map_err(store_error)?;
        if !changed.is_empty() {
            self.notices.changed();
            if has_moved(&before, &self.directory()) {
                self.hub.end_watchers();
            }
        }
        if super::notices::concerns(&changed) {
            self.other_notices.notify_one();
        }
        Ok(())
    }
}
