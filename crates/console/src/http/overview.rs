//! The first page: how deliveries stand.

use super::page;
use super::stop::Stop;
use super::visit::Visit;
use crate::view::{self, overview::Figures};
use actix_web::HttpResponse;
use chrono::{SecondsFormat, TimeDelta};
use futures_util::try_join;

/// How far the charts reach back.
pub const DAY: TimeDelta = TimeDelta::hours(24);

pub async fn get(visit: Visit) -> Result<HttpResponse, Stop> {
    let since = (visit.now() - DAY).to_rfc3339_opts(SecondsFormat::Secs, true);
    let (own, organizations) = (visit.own(), visit.organizations().await?);
    let stats = async |status: &str, by: &str, since: Option<&str>| {
        let mut query = vec![("status", status), ("by", by)];
        query.extend(since.map(|since| ("since", since)));
        let path = visit.below(&own, &["deliveries", "stats"]);
        visit.get_if_allowed(&path, &query).await
    };
    let (pending, dead, dead_by_hour, delivered_by_hour) = try_join!(
        stats("pending", "type", None),
        stats("dead_letter", "reason", None),
        stats("dead_letter", "hour", Some(&since)),
        stats("delivered", "hour", Some(&since)),
    )?;
    let figures = Figures { pending, dead, dead_by_hour, delivered_by_hour };
    let asked = visit.query.text("organization").unwrap_or_default();
    Ok(page(view::overview::page(&visit.frame("overview"), &figures, &organizations, asked)))
}
