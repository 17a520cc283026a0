//! Subscriptions as their owners see them, with how their deliveries go.

use crate::domain::lex::LexTerms;
use crate::domain::retry::RetryConfig;
use crate::domain::subscription::{Family, Owner, Part, Selection, ShownSubscription, SubscriptionState};
use contracts::ids::{ClientId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;

/// The subscriptions of a selection, in the order of their creation.
///
/// # Errors
/// When the database is unavailable.
pub async fn show(
    connection: &mut PgConnection,
    selection: Selection<'_>,
    part: Part,
) -> Result<Vec<ShownSubscription>, StoreError> {
    let rows = sqlx::query!(
        r#"select id, client_id, family, url, events, description, secret_hint, previous_secret_until, state,
             retry_policy as "retry: Json<RetryConfig>", rate_limit, metadata, created_at, updated_at,
             last_success_at as "last_success_at?", last_failure_at as "last_failure_at?",
             coalesce(consecutive_failures, 0) as "consecutive_failures!",
             coalesce(ended, 0) + (
                 select count(*) from deliveries where subscription_id = subscriptions.id and state = 0
             ) as "deliveries!",
             coalesce(delivered, 0) as "delivered!", lex as "lex: Json<LexTerms>"
         from subscriptions left join subscription_health on subscription_id = id
         where organization_id = $1 and ($2::text is null or family = $2)
           and ($3::uuid is null or client_id = $3) and ($4::uuid is null or id = $4)
           and ($5::text is null or subscriptions.state = $5) and subscriptions.state <> 'deleted'
           and not notices
           and ($9::text is null or position(lower($9) in lower(substring(url from '^[^?#]*'))) > 0)
           and ($10::timestamptz is null or case when $6 then (created_at, id) < ($10, $11::uuid)
               else (created_at, id) > ($10, $11::uuid) end)
         order by
             case when $6 then created_at end desc, case when $6 then id end desc,
             case when not $6 then created_at end, case when not $6 then id end
         offset $7 limit $8"#,
        selection.organization.as_uuid(),
        selection.family.map(Family::name),
        selection.client.map(ClientId::as_uuid),
        selection.id.map(SubscriptionId::as_uuid),
        selection.state.map(SubscriptionState::name),
        part.newest_first,
        part.offset,
        part.limit,
        selection.url,
        part.behind.map(|(created_at, _)| created_at),
        part.behind.map(|(_, id)| id.as_uuid())
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ShownSubscription {
            id: SubscriptionId::new(row.id),
            client: ClientId::new(row.client_id),
            // The table's check constraints admit the words of the domain alone.
            family: Family::of_name(&row.family).unwrap_or(Family::Partner),
            url: row.url,
            events: row.events,
            description: row.description,
            secret_hint: row.secret_hint,
            previous_secret_until: row.previous_secret_until,
            state: SubscriptionState::of_name(&row.state).unwrap_or(SubscriptionState::Disabled),
            retry: row.retry.map(|Json(retry)| retry),
            rate_limit: row.rate_limit,
            metadata: row.metadata,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            consecutive_failures: row.consecutive_failures,
            deliveries: row.deliveries,
            delivered: row.delivered,
            lex: row.lex.map(|Json(terms)| terms),
        })
        .collect())
}

/// The one subscription that an owner names.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    owner: &Owner,
    id: SubscriptionId,
) -> Result<Option<ShownSubscription>, StoreError> {
    Ok(show(connection, Selection::one(owner, id), Part::OLDEST_FIRST).await?.pop())
}

/// How many subscriptions a selection has.
///
/// # Errors
/// When the database is unavailable.
pub async fn count(connection: &mut PgConnection, selection: Selection<'_>) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from subscriptions
         where organization_id = $1 and ($2::text is null or family = $2)
           and ($3::uuid is null or client_id = $3) and ($4::uuid is null or id = $4)
           and ($5::text is null or state = $5) and state <> 'deleted' and not notices
           and ($6::text is null or position(lower($6) in lower(substring(url from '^[^?#]*'))) > 0)"#,
        selection.organization.as_uuid(),
        selection.family.map(Family::name),
        selection.client.map(ClientId::as_uuid),
        selection.id.map(SubscriptionId::as_uuid),
        selection.state.map(SubscriptionState::name),
        selection.url,
    )
    .fetch_one(connection)
    .await?;
    Ok(count)
}
