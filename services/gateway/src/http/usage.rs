//! `/api/v1/api-clients/{id}/usage` and `…/dashboard`, and what is counted for them.

use super::api_clients;
use super::pages::{Query, id};
use super::permissions::{DashboardRead, UsageRead};
use crate::domain::usage::{Consumer, Meter};
use crate::domain::usage_report::{Asked, Grouping, UsageReport};
use crate::state::State;
use crate::usecases::count_usage;
use crate::usecases::read_usage::{read_dashboard, read_usage};
use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, Utc};
use contracts::routes::Route;
use platform::clock::Clock;
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Whose request it is, once that is known: what its answer is counted under.
#[derive(Clone, Copy, Debug)]
pub struct CountedAs {
    pub consumer: Consumer,
    pub route: &'static Route,
}

/// Counts every answer to a request that the guard has found the owner of.
pub fn counting(meter: Arc<Meter>, clock: Clock) -> platform_http::server::Observe {
    Arc::new(move |request: &HttpRequest, status: StatusCode, latency: Duration| {
        if let Some(CountedAs { consumer, route }) = request.extensions().get::<CountedAs>().copied() {
            count_usage::count(&meter, &clock, consumer, route, status.as_u16(), latency);
        }
    })
}

/// What a client used.
pub async fn usage(
    caller: Caller<UsageRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    let mut query = Query::parse(request.query_string());
    let asked = Asked {
        from: query.parsed("dateFrom", TIME, |text| moment(text, 0)),
        to: query.parsed("dateTo", TIME, |text| moment(text, 1)),
        grouping: query.word("groupBy", Grouping::WORDS, Grouping::parse),
    };
    query.finish()?;
    let report = read_usage(&state, &caller.principal, client_id, asked).await?;
    Ok(HttpResponse::Ok().json(write(&report)))
}

/// A client at a glance.
pub async fn dashboard(
    caller: Caller<DashboardRead>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let found = read_dashboard(&state, &caller.principal, id(&path, "client")?).await?;
    let mut client = api_clients::write(&found.client, &found.keys, state.clock.now());
    client["webhookSubscriptions"] = json!(found.subscriptions.data);
    Ok(HttpResponse::Ok().json(json!({
        "client": client,
        "usageStats": write(&found.usage),
        "activeWebhooks": found.subscriptions.active,
        "totalWebhooks": found.subscriptions.total,
        "rateLimitStatus": {
            "tier": found.client.tier,
            "remaining": found.standing.map(|window| window.remaining),
            "limit": found.standing.map(|window| window.limit),
            "resetAt": found.standing.and_then(|window| unix(window.reset_at)).map(seconds),
        },
    })))
}

pub const TIME: &str = "must be a date or a date and time of RFC 3339 (with + written as %2B)";

/// A date and time, or a date: its first moment, or that of the day so many days after it.
pub fn moment(text: &str, days_after: u64) -> Option<DateTime<Utc>> {
    // Ten characters: no years beyond 9999, with which arithmetic would have to be careful.
    if text.len() == 10 {
        let date = text.parse::<NaiveDate>().ok()?;
        return Some(date.checked_add_days(Days::new(days_after))?.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn unix(seconds: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn write(report: &UsageReport) -> Value {
    let time = |time: DateTime<Utc>| match report.grouping {
        Grouping::Hour => seconds(time),
        Grouping::Day => time.date_naive().to_string(),
    };
    json!({
        "totalRequests": report.total.requests,
        "successfulRequests": report.successful,
        "failedRequests": report.total.requests - report.successful,
        "averageResponseTime": report.total.average_millis(),
        "requestsByEndpoint": report.by_template.iter().map(|(template, sum)| json!({
            "endpoint": template, "count": sum.requests, "avgResponseTime": sum.average_millis(),
        })).collect::<Vec<_>>(),
        "requestsByTime": report.by_time.iter().map(|(bucket, count)| json!({
            "time": time(*bucket), "count": count,
        })).collect::<Vec<_>>(),
        "topErrorCodes": report.top_errors.iter().map(|(status, count)| json!({
            "statusCode": status, "count": count,
        })).collect::<Vec<_>>(),
    })
}
