//! Leads, customers and products of an organisation: lists, and one of them.

use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::Visit;
use super::{page, see};
use crate::view::crm::{self as view, Kind, Whose};
use actix_web::{HttpResponse, web};

/// What the menu leads to.
pub async fn index(visit: Visit) -> Result<HttpResponse, Stop> {
    Ok(see(&whose(&visit).to("/leads")))
}

/// A page of the records of a kind.
pub async fn list(visit: Visit, kind: web::Path<String>) -> Result<HttpResponse, Stop> {
    let (kind, whose, own) = (Kind::named(&kind).ok_or_else(Stop::missing)?, whose(&visit), visit.own());
    let organizations = visit.organizations().await?;
    if whose.is_unknown() {
        return Ok(page(view::list(&visit.frame("crm"), kind, &whose, &visit.query.0, &organizations, None)));
    }
    let mut query = visit.query.pairs(&["status", "search", "sort"]);
    let since = visit.query.utc("since");
    query.extend(since.as_deref().map(|since| ("updated_since", since)));
    let path = visit.below(&own, &["crm", kind.name()]);
    if visit.query.text("export").is_some() {
        // An empty cursor begins the walk.
        query.push(("cursor", ""));
        let (head, row) = (kind.fields(), kind.line());
        let onward = Onward::Cursor("/pagination/nextCursor");
        return export(&visit, Listing { name: kind.name(), head, path, query, onward, row }).await;
    }
    query.push(("cursor", visit.query.text("cursor").unwrap_or_default()));
    query.push(("limit", "50"));
    let found = visit.get(&path, &query).await?;
    let frame = visit.frame("crm");
    Ok(page(view::list(&frame, kind, &whose, &visit.query.0, &organizations, Some(&found))))
}

/// One record.
pub async fn get(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let kind = Kind::named(&path.0).ok_or_else(Stop::missing)?;
    let (whose, own) = (known(&visit)?, visit.own());
    let record = visit.get(&visit.below(&own, &["crm", kind.name(), &path.1]), &[]).await?;
    Ok(page(view::record(&visit.frame("crm"), kind, &whose, &record)))
}

/// Whose things are looked at.
pub fn whose(visit: &Visit) -> Whose {
    let asked = visit.query.text("organization").filter(|_| visit.session.who.admin);
    Whose { organization: asked.map(str::to_owned), admin: visit.session.who.admin }
}

/// The same where it must be said.
pub fn known(visit: &Visit) -> Result<Whose, Stop> {
    let whose = whose(visit);
    if whose.is_unknown() { Err(Stop::missing()) } else { Ok(whose) }
}
