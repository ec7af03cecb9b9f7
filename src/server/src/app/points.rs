//! Review points of items (审查要点): who may, whether they fit, and the unit that makes a change durable.

use bangban_domain::{
    knowledge::{MAX_POINTS, ReviewPoint},
    rights::Action,
};
use bangban_protocol::{ErrorCode, PointList, PointPut, PointView, WireError};
use bangban_store::{Audit, Author, Change, KnowledgeChange, PointRow, Unit};

use super::{App, Keeper, forbidden, store_error};
use crate::{auth::Staff, desk::new_id, privacy::json, staff::At};

/// Review points of an item that are read at one time: one more than it may have.
const READ: u32 = MAX_POINTS as u32 + 1;

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no review point that you may change")
}

impl App {
    /// An item's review points are kept by whoever keeps the knowledge base of its department.
    pub(super) fn may_edit_points(&self, staff: &Staff, item: &str) -> bool {
        let directory = self.directory();
        let owner = directory.item(item).map(|item| item.department.clone());
        owner.is_some_and(|unit| self.may(staff, Action::EditKnowledge, At { unit: Some(&unit), item: Some(item) }))
    }

    /// An item's review points, in their order; staff who keep or read the administration.
    pub(crate) async fn review_points(&self, staff: &Staff, item: &str) -> Result<PointList, WireError> {
        self.seen_units(staff)?;
        if self.directory().item(item).is_none() {
            return Err(WireError::field("item", "is no item"));
        }
        let rows = self.store.review_points(item, READ).await.map_err(store_error)?;
        let points = rows.into_iter().map(|row| self.point_view(row)).collect();
        Ok(PointList { points, may_edit: self.may_edit_points(staff, item) })
    }

    fn point_view(&self, row: PointRow) -> PointView {
        PointView {
            changed_by: self.accounts.name(row.changed_by).unwrap_or_default(),
            id: row.id,
            version: row.version,
            place: row.place,
            point: row.point,
            changed_at: row.changed_at,
        }
    }

    /// Makes a review point (without an id) or changes one.
    pub(crate) async fn put_point(
        &self,
        who: &Keeper<'_>,
        id: Option<String>,
        put: PointPut,
    ) -> Result<PointView, WireError> {
        let PointPut { version, place, point } = put;
        if let Some(id) = &id {
            let before = self.store.review_point(id).await.map_err(store_error)?.ok_or_else(none)?;
            if !self.may_edit_points(who.staff, &before.point.item) {
                return Err(none());
            }
        }
        point
            .check(&self.directory())
            .map_err(|error| WireError::field(format!("point.{}", error.field), error.problem))?;
        if !self.may_edit_points(who.staff, &point.item) {
            return Err(forbidden());
        }
        if id.is_some() != (version > 0) || version >= u64::from(u32::MAX) {
            return Err(WireError::field("version", "must be 0 for a new one, else the version that it was made from"));
        }
        let known = self.store.review_points(&point.item, READ).await.map_err(store_error)?;
        if id.is_none() && known.len() >= MAX_POINTS {
            return Err(WireError::field("point.item", format!("has {MAX_POINTS} review points already")));
        }
        let row = PointRow {
            id: id.unwrap_or_else(|| format!("rp-{:032x}", new_id())),
            version: version + 1,
            place,
            point,
            changed_at: self.clock.now(),
            changed_by: who.staff.id,
        };
        let line = self.point_line(who, "review_point.change", &row.id, &row.point);
        let changes = vec![Change::Knowledge(KnowledgeChange::Point(Box::new(row.clone()))), Change::Audit(line)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        Ok(self.point_view(row))
    }

    /// Takes a review point away.
    pub(crate) async fn drop_point(&self, who: &Keeper<'_>, id: &str, version: u64) -> Result<(), WireError> {
        let before = self.store.review_point(id).await.map_err(store_error)?.ok_or_else(none)?;
        if !self.may_edit_points(who.staff, &before.point.item) {
            return Err(none());
        }
        let line = self.point_line(who, "review_point.remove", id, &before.point);
        let gone = KnowledgeChange::DropPoint { id: id.to_owned(), version };
        let changes = vec![Change::Knowledge(gone), Change::Audit(line)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map(drop).map_err(store_error)
    }

    fn point_line(&self, who: &Keeper<'_>, action: &'static str, id: &str, point: &ReviewPoint) -> Audit {
        let directory = self.directory();
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: "review_point".to_owned(),
            subject: id.to_owned(),
            unit: directory.item(&point.item).map(|item| item.department.clone()),
            reason: None,
            address: Some(who.address.to_owned()),
            // Rules are published: there is nothing of a person in them.
            detail: json(point),
        }
    }
}
