//! `/api/v1/api-clients/{id}/usage`, `…/dashboard`, `/api/v1/rate-limits`.

use super::clients::ApiClient;
use super::common::Common;
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{date_time, of_format};
use utoipa::ToSchema;
use utoipa::openapi::schema::{OneOfBuilder, Schema};

const TAG: &str = "Usage";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("GET", "/api/v1/api-clients/{id}/usage", TAG, "getUsage")
            .summary("Show what a client used")
            .about(
                "Every answer to a request whose credential was recognised counts, on every surface, refusals included; \
                 figures lag by half a second. Left out, the stretch is the 30 days until `dateTo`, until now. At most 31 \
                 days by hour, 400 by day. Figures by the hour are kept for 35 days.",
            )
            .scope("usage:read")
            .of_client()
            .query("dateFrom", moment(), "From then on, its whole hour; a date is its first moment.")
            .query("dateTo", moment(), "Until then, exclusive; a date means the whole day.")
            .query("groupBy", words::in_any_case(&["HOUR", "DAY"]), "`day` when nothing is said.")
            .answers(200, "The figures.", [json::<Usage>()]),
        operation("GET", "/api/v1/api-clients/{id}/dashboard", TAG, "getDashboard")
            .summary("Show a client at a glance")
            .about("With the usage of the last 30 days by day. Needs `clients:read` and `usage:read`.")
            .scope("clients:read")
            .scope("usage:read")
            .of_client()
            .answers(200, "The client, its usage, its webhooks, its limits.", [json::<Dashboard>()]),
        operation("GET", "/api/v1/rate-limits", TAG, "listRateLimits")
            .summary("Show what the tiers allow")
            .answers(200, "The tiers.", [json::<RateLimits>()]),
    ]
}

/// A date and time, or a date.
pub fn moment() -> Schema {
    Schema::OneOf(OneOfBuilder::new().item(date_time()).item(of_format("date")).build())
}

/// What a client used.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Usage {
    #[schema(minimum = 0)]
    pub total_requests: i64,
    /// Answered with a status below 400.
    #[schema(minimum = 0)]
    pub successful_requests: i64,
    #[schema(minimum = 0)]
    pub failed_requests: i64,
    /// Whole milliseconds.
    #[schema(minimum = 0)]
    pub average_response_time: i64,
    /// The busiest first.
    pub requests_by_endpoint: Vec<EndpointUsage>,
    /// Without gaps.
    pub requests_by_time: Vec<TimeUsage>,
    /// At most ten, the most frequent first.
    pub top_error_codes: Vec<ErrorUsage>,
}

/// Requests to one path, with all its methods.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct EndpointUsage {
    /// The path's template.
    #[schema(example = "/api/v1/leads")]
    pub endpoint: String,
    #[schema(minimum = 0)]
    pub count: i64,
    /// Whole milliseconds.
    #[schema(minimum = 0)]
    pub avg_response_time: i64,
}

/// Requests of an hour or a day.
#[derive(ToSchema)]
pub struct TimeUsage {
    /// `2024-01-15`, by hour `2024-01-15T10:00:00Z`.
    pub time: String,
    #[schema(minimum = 0)]
    pub count: i64,
}

/// Requests that were answered with one status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ErrorUsage {
    #[schema(minimum = 400, maximum = 599)]
    pub status_code: i64,
    #[schema(minimum = 0)]
    pub count: i64,
}

/// A client at a glance.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Dashboard {
    pub client: ApiClient,
    pub usage_stats: Usage,
    /// Of all families.
    #[schema(minimum = 0)]
    pub active_webhooks: i64,
    #[schema(minimum = 0)]
    pub total_webhooks: i64,
    pub rate_limit_status: RateLimitStatus,
}

/// The window of the client's tier that is closest to its limit. A key's own limit has no part in it. `null` where the
/// count cannot be read at the moment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RateLimitStatus {
    #[schema(schema_with = words::tier)]
    pub tier: String,
    #[schema(required = true, minimum = 0)]
    pub remaining: Option<i64>,
    #[schema(required = true, minimum = 0)]
    pub limit: Option<i64>,
    #[schema(required = true, format = "date-time")]
    pub reset_at: Option<String>,
}

/// What the tiers allow.
#[derive(ToSchema)]
pub struct RateLimits {
    pub data: Tiers,
}

/// The tiers.
#[derive(ToSchema)]
pub struct Tiers {
    pub basic: TierFigures,
    pub standard: TierFigures,
    pub premium: TierFigures,
    pub enterprise: TierFigures,
}

/// Requests of a client on the platform surface; all three hold at once.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TierFigures {
    #[schema(minimum = 1, example = 120)]
    pub requests_per_minute: i64,
    #[schema(minimum = 1, example = 5000)]
    pub requests_per_hour: i64,
    #[schema(minimum = 1, example = 50_000)]
    pub requests_per_day: i64,
}
