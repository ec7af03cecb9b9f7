//! The audit log: pages, export, verification. Whoever may read it in a unit sees the lines of that unit and below.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bangban_domain::{Timestamp, rights::Action};
use bangban_store::{Audit, AuditFilter, AuditRow, Author, Chain, Change, Unit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    bearer::Bearer,
    client::Client,
    input::{Params, RowNo},
    refused::Refused,
};
use crate::{app::App, auth::Staff, privacy::json, staff::At};

/// Lines on one page.
const PAGE: usize = 50;
const MOST: u32 = 200;

/// Lines of one export.
const EXPORTED: usize = 100_000;

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Lines before this number.
    #[param(value_type = Option<u64>)]
    before: Option<RowNo>,
    /// At most so many; if nothing is said, 50 on a page, and 100000 in an export.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `system` or the id of a member of staff.
    #[serde(default)]
    actor: String,
    /// Begin of the action, e.g. `data.`.
    #[serde(default)]
    action: String,
    /// Kind of what it was done to.
    #[serde(default)]
    kind: String,
    /// Its id.
    #[serde(default)]
    subject: String,
    /// At or after, in milliseconds since 1970.
    from: Option<i64>,
    /// Before, in milliseconds since 1970.
    to: Option<i64>,
    /// `csv` or `jsonl`; of an export.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// With a line of names.
    Csv,
}

impl Wanted {
    /// How many lines; so many if nothing is said.
    fn limit(&self, unsaid: usize) -> Result<usize, Refused> {
        match self.limit {
            None => Ok(unsaid),
            Some(limit) if (1..=MOST).contains(&limit) => Ok(limit as usize),
            Some(_) => Err(Refused::field("limit", "must be 1 to 200")),
        }
    }

    /// Only lines before this one.
    fn first(&self) -> u64 {
        self.before.map_or(u64::MAX, |before| before.0)
    }

    fn filter(&self) -> Result<AuditFilter, Refused> {
        for (field, text) in
            [("actor", &self.actor), ("action", &self.action), ("kind", &self.kind), ("subject", &self.subject)]
        {
            if text.len() > 100 || text.contains('\0') {
                return Err(Refused::field(field, "must have at most 100 characters"));
            }
        }
        Ok(AuditFilter {
            actor: self.actor.clone(),
            action: self.action.clone(),
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            from: self.from.map(Timestamp),
            to: self.to.map(Timestamp),
        })
    }
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineView {
    /// 1, 2, ... without a gap.
    no: u64,
    /// When.
    at: Timestamp,
    /// Id of the member of staff; null: the server.
    actor: Option<String>,
    /// Their name; null: the server, or not known any more.
    actor_name: Option<String>,
    /// What was done.
    action: String,
    /// Kind of what it was done to.
    kind: String,
    /// Its id.
    subject: String,
    /// Code of the unit that it belongs to; null: the city's.
    unit: Option<String>,
    /// Why.
    reason: Option<String>,
    /// Network address.
    address: Option<String>,
    /// What else there is to say; of a change {before, after}. Null: nothing.
    #[schema(value_type = Option<Object>)]
    detail: serde_json::Value,
    /// SHA-256 over the hash before and what stands here.
    hash: String,
}

/// Lines of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct Lines {
    /// The last one first.
    lines: Vec<LineView>,
    /// `before` of the next page; null: there is none.
    next: Option<u64>,
}

/// What verifying has found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verified {
    /// Does every line fit the one before?
    whole: bool,
    /// How many lines there are.
    lines: Option<u64>,
    /// Hash of the last one.
    last: Option<String>,
    /// Number of the first line that does not fit.
    broken_at: Option<u64>,
}

impl App {
    fn audit_line(&self, row: AuditRow) -> LineView {
        let AuditRow { no, at, actor, action, kind, subject, unit, reason, address, detail, hash } = row;
        let (actor, actor_name) = match actor {
            Author::Agent(id) => (Some(id.to_string()), self.accounts.name(id)),
            Author::System | Author::Bot | Author::Citizen => (None, None),
        };
        let detail = serde_json::from_str(&detail).unwrap_or(serde_json::Value::Null);
        LineView { no, at, actor, actor_name, action, kind, subject, unit, reason, address, detail, hash }
    }

    /// Lines that this member of staff may read, and where the next ones begin.
    async fn audit_page(
        &self,
        staff: &Staff,
        filter: &AuditFilter,
        mut before: u64,
        limit: usize,
    ) -> Result<(Vec<AuditRow>, Option<u64>), Refused> {
        let archive = self.store.archive();
        let mut lines = Vec::new();
        loop {
            let rows = archive.audit(filter, before, MOST).await.map_err(|error| Refused::internal(&error))?;
            let is_last = rows.len() < MOST as usize;
            for row in rows {
                if lines.len() == limit {
                    return Ok((lines, Some(before)));
                }
                before = row.no;
                if self.may(staff, Action::ReadAudit, At::unit(row.unit.as_deref())) {
                    lines.push(row);
                }
            }
            if is_last {
                return Ok((lines, None));
            }
        }
    }
}

/// Lines of the audit log
#[utoipa::path(
    get, path = "/api/admin/audit", tag = "privacy", security(("staff" = [])), params(Wanted),
    responses((status = 200, body = Lines)),
)]
pub(super) async fn lines(
    State(app): State<Arc<App>>,
    Bearer(who): Bearer,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Lines>, Refused> {
    let staff = app.require_anywhere(&who, Action::ReadAudit)?;
    let limit = wanted.limit(PAGE)?;
    let (rows, next) = app.audit_page(staff, &wanted.filter()?, wanted.first(), limit).await?;
    Ok(Json(Lines { lines: rows.into_iter().map(|row| app.audit_line(row)).collect(), next }))
}

/// The lines as a file; that it was asked for is a line itself
#[utoipa::path(
    get, path = "/api/admin/audit/export", tag = "privacy", security(("staff" = [])), params(Wanted),
    responses((status = 200, description = "The last lines first, at most 100000", content(
        (String = "application/jsonl"), (String = "text/csv"),
    ))),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Bearer(who): Bearer,
    Params(wanted): Params<Wanted>,
) -> Result<Response, Refused> {
    let staff = app.require_anywhere(&who, Action::ReadAudit)?;
    let filter = wanted.filter()?;
    let (rows, _) = app.audit_page(staff, &filter, wanted.first(), wanted.limit(EXPORTED)?).await?;
    let detail = serde_json::json!({
        "lines": rows.len(), "actor": filter.actor, "action": filter.action, "kind": filter.kind,
        "subject": filter.subject, "from": filter.from, "to": filter.to,
    });
    let line = Audit {
        at: app.clock.now(),
        actor: Author::Agent(staff.id),
        action: "audit.export",
        kind: "audit".to_owned(),
        subject: "lines".to_owned(),
        unit: None,
        reason: None,
        address: Some(client.address.to_string()),
        detail: json(&detail),
    };
    let unit = Unit { changes: vec![Change::Audit(line)], ..Unit::default() };
    app.store.commit(unit).await.map_err(crate::app::store_error)?;
    let lines = rows.into_iter().map(|row| app.audit_line(row));
    let (mime, name, text) = match wanted.format {
        Format::Jsonl => ("application/jsonl", "audit.jsonl", jsonl(lines)?),
        Format::Csv => ("text/csv; charset=utf-8", "audit.csv", csv(lines)),
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn jsonl(lines: impl Iterator<Item = LineView>) -> Result<String, Refused> {
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(&line).map_err(|error| Refused::internal(&error))?;
        text.push('\n');
    }
    Ok(text)
}

/// With the mark by which spreadsheets know UTF-8.
fn csv(lines: impl Iterator<Item = LineView>) -> String {
    let mut text = "\u{FEFF}no,at,actor,actorName,action,kind,subject,unit,reason,address,detail,hash\r\n".to_owned();
    for line in lines {
        let fields = [
            line.no.to_string(),
            line.at.0.to_string(),
            line.actor.unwrap_or_default(),
            line.actor_name.unwrap_or_default(),
            line.action,
            line.kind,
            line.subject,
            line.unit.unwrap_or_default(),
            line.reason.unwrap_or_default(),
            line.address.unwrap_or_default(),
            line.detail.to_string(),
            line.hash,
        ];
        text += &fields.map(|field| quoted(&field)).join(",");
        text += "\r\n";
    }
    text
}

/// One field. What a spreadsheet would take for a formula gets an apostrophe in front.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

/// Reads the whole log and says whether every line fits the one before
#[utoipa::path(
    get, path = "/api/admin/audit/verify", tag = "privacy", security(("staff" = [])),
    responses((status = 200, body = Verified)),
)]
pub(super) async fn verify(State(app): State<Arc<App>>, Bearer(who): Bearer) -> Result<Json<Verified>, Refused> {
    app.require_city(&who, &[Action::ReadAudit])?;
    let chain = app.store.verify_audit().await.map_err(|error| Refused::internal(&error))?;
    Ok(Json(match chain {
        Chain::Whole { lines, last } => Verified { whole: true, lines: Some(lines), last: Some(last), broken_at: None },
        Chain::Broken { no } => Verified { whole: false, lines: None, last: None, broken_at: Some(no) },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_csv_is_neither_two_fields_nor_a_formula() {
        for (field, expected) in [
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(field), expected);
        }
    }
}
