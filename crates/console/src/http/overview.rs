//! The first page: how deliveries stand, and the services.

use super::live::{Shown, stream};
use super::page;
use super::stop::Stop;
use super::visit::Visit;
use crate::view::{self, overview::Figures};
use actix_web::HttpResponse;
use chrono::TimeDelta;
use futures_util::try_join;
use std::time::Duration;

/// How far the charts reach back.
pub const DAY: TimeDelta = TimeDelta::hours(24);
const EVERY: Duration = Duration::from_secs(5);

pub async fn get(visit: Visit) -> Result<HttpResponse, Stop> {
    let figures = figures(&visit).await?;
    let organizations = visit.organizations().await?;
    let asked = visit.query.text("organization").unwrap_or_default();
    Ok(page(view::overview::page(&visit.frame("overview"), &figures, &organizations, asked)))
}

/// The figures of the page, again and again.
pub async fn live(visit: Visit) -> Result<HttpResponse, Stop> {
    stream(visit, EVERY, async |visit| {
        let content = view::overview::content(&visit.frame("overview"), &figures(visit).await?);
        Ok(Shown { content, goes_on: true })
    })
    .await
}

async fn figures(visit: &Visit) -> Result<Figures, Stop> {
    let own = visit.own();
    let stats = async |query: &[(&str, &str)]| {
        visit.get_if_allowed(&visit.below(&own, &["deliveries", "stats"]), query).await
    };
    let summary = visit.below(&own, &["deliveries", "summary"]);
    let (summary, dead, services) = try_join!(
        visit.get_if_allowed(&summary, &[]),
        stats(&[("status", "dead_letter"), ("by", "reason")]),
        async {
            if visit.session.who.admin {
                visit.get_if_allowed(&["admin", "services"], &[]).await
            } else {
                Ok(None)
            }
        },
    )?;
    Ok(Figures { summary, dead, services })
}
