//! The origins that CRM keys list, for preflights, which carry no key.

use platform_pg::StoreError;
use sqlx::PgConnection;

/// Every origin that a working key of an active client lists, of all organisations: whose request is about
/// to follow is not known yet.
pub async fn listed(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select distinct origin as "origin!"
           from credentials
           join api_clients using (organization_id)
           cross join unnest(credentials.allowed_origins) as origin
           where credentials.client_id = api_clients.id
             and credentials.kind = 'crm_key' and credentials.allowed_origins is not null
             and credentials.revoked_at is null
             and (credentials.expires_at is null or credentials.expires_at > now())
             and api_clients.status = 'ACTIVE'"#
    )
    .fetch_all(connection)
    .await?)
}
