//! What a client used, and how it stands.

use super::read_clients::find_client;
use crate::clients::internal::CallError;
use crate::clients::subscriptions::subscriptions_of;
use crate::domain::access::Reach;
use crate::domain::client::Client;
use crate::domain::credential::Credential;
use crate::domain::limits;
use crate::domain::usage_report::{Asked, Stretch, UsageReport};
use crate::state::State;
use crate::store::{clients, usage};
use contracts::identity::Principal;
use contracts::ids::ClientId;
use contracts::internal::Subscriptions;
use platform::Violation;
use platform::limits::WindowState;
use platform_pg::StoreError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReadUsageError {
    #[error("there is no such client")]
    NoSuchClient,
    /// What is wrong with the stretch of time that was asked for.
    #[error("the stretch of time cannot be reported")]
    Stretch(Vec<Violation>),
    #[error(transparent)]
    Subscriptions(#[from] CallError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A client at a glance.
#[derive(Debug)]
pub struct Dashboard {
    pub client: Client,
    pub keys: Vec<Credential>,
    pub usage: UsageReport,
    pub subscriptions: Subscriptions,
    /// The window of the client's tier that is closest to its limit.
    pub standing: Option<WindowState>,
}

/// What a client used in a stretch of time, if it exists for the caller.
pub async fn read_usage(
    state: &State,
    caller: &Principal,
    id: ClientId,
    asked: Asked,
) -> Result<UsageReport, ReadUsageError> {
    let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
    let found = clients::find(&mut connection, Reach::of(caller), id).await?;
    let client = found.ok_or(ReadUsageError::NoSuchClient)?;
    drop(connection);
    report(state, &client, asked).await
}

/// A client at a glance, with its usage of the last 30 days, if it exists for the caller.
pub async fn read_dashboard(
    state: &State,
    caller: &Principal,
    id: ClientId,
) -> Result<Dashboard, ReadUsageError> {
    let found = find_client(state, caller, id).await?;
    let (client, keys) = found.ok_or(ReadUsageError::NoSuchClient)?;
    let windows = limits::of_client(client.organization_id, client.id, client.tier);
    let (usage, subscriptions, verdict) = tokio::join!(
        report(state, &client, Asked::default()),
        subscriptions_of(&state.upstreams, &state.identities, client.organization_id, client.id),
        state.limiter.charge(&windows, 0),
    );
    let (usage, subscriptions) = (usage?, subscriptions?);
    Ok(Dashboard { client, keys, usage, subscriptions, standing: verdict.tightest() })
}

async fn report(state: &State, client: &Client, asked: Asked) -> Result<UsageReport, ReadUsageError> {
    let stretch =
        Stretch::new(asked, state.clock.now(), state.usage_hourly_days).map_err(ReadUsageError::Stretch)?;
    let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
    let figures = usage::read(&mut connection, client.organization_id, client.id, &stretch).await?;
    Ok(UsageReport::new(&stretch, figures))
}
