//! Who did what.

use super::stop::Stop;
use super::visit::Visit;
use super::{page, table};
use crate::view::audit_log as view;
use crate::view::{rows, text};
use actix_web::HttpResponse;
use serde_json::Value;

/// A page of the audit log, newest first. For administrators.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let query = &visit.query;
    let (from, to) = (query.utc("from"), query.utc("to"));
    let mut asked = query.pairs(&["actor", "action", "page"]);
    asked.extend(query.text("organization").map(|id| ("organizationId", id)));
    asked.extend(from.as_deref().map(|from| ("dateFrom", from)));
    asked.extend(to.as_deref().map(|to| ("dateTo", to)));
    asked.push(("limit", "50"));
    let found = visit.get(&["audit-log"], &asked).await?;
    if query.text("export").is_some() {
        let row = |entry: &Value| {
            let facts =
                ["/occurredAt", "/actor", "/action", "/target", "/origin", "/requestId", "/organizationId"];
            let mut row: Vec<_> = facts.iter().map(|fact| text(entry, fact).to_owned()).collect();
            row.extend(["before", "after"].map(|state| entry[state].to_string()));
            row
        };
        let head = [
            "occurred_at",
            "actor",
            "action",
            "target",
            "origin",
            "request_id",
            "organization_id",
            "before",
            "after",
        ];
        return Ok(table::csv("audit-log", &head, rows(&found).iter().map(row)));
    }
    let organizations = visit.organizations().await?;
    Ok(page(view::page(&visit.frame("audit-log"), &query.0, &organizations, &found)))
}
