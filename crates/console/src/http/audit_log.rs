//! Who did what.

use super::page;
use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::Visit;
use crate::view::audit_log as view;
use crate::view::text;
use actix_web::HttpResponse;
use serde_json::Value;

/// A page of the audit log, newest first. For administrators.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let query = &visit.query;
    let (from, to) = (query.utc("from"), query.utc("to"));
    let mut asked = query.pairs(&["actor", "action"]);
    asked.extend(query.text("organization").map(|id| ("organizationId", id)));
    asked.extend(from.as_deref().map(|from| ("dateFrom", from)));
    asked.extend(to.as_deref().map(|to| ("dateTo", to)));
    if query.text("export").is_some() {
        let (path, onward) = (vec!["audit-log"], Onward::Page);
        return export(&visit, Listing { name: "audit-log", head: HEAD, path, query: asked, onward, row })
            .await;
    }
    asked.extend(query.pairs(&["page"]));
    asked.push(("limit", "50"));
    let found = visit.get(&["audit-log"], &asked).await?;
    let organizations = visit.organizations().await?;
    Ok(page(view::page(&visit.frame("audit-log"), &query.0, &organizations, &found)))
}

const HEAD: &[&str] = &[
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

fn row(entry: &Value) -> Vec<String> {
    let facts = ["/occurredAt", "/actor", "/action", "/target", "/origin", "/requestId", "/organizationId"];
    let mut row: Vec<_> = facts.iter().map(|fact| text(entry, fact).to_owned()).collect();
    row.extend(["before", "after"].map(|state| entry[state].to_string()));
    row
}
