//! Tables `workers`, `worker_identities` and `accounts`: whom events are about, and how they are found.

use crate::domain::actor::{Actor, Identity, NamedWorker};
use crate::domain::roster::{Changes, Roster, Worker};
use crate::domain::timeline::{ListedWorker, WorkerSelection};
use chrono::{DateTime, Utc};
use contracts::ids::{OrganizationId, WorkerId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Enters the workers that actors may mean into a roster.
///
/// # Errors
/// When the database is unavailable.
pub async fn enter_known<'a>(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    integration: &str,
    actors: impl IntoIterator<Item = &'a Actor>,
    roster: &mut Roster,
) -> Result<(), StoreError> {
    let (mut identities, mut ids) = (HashSet::new(), HashSet::new());
    for actor in actors {
        identities.extend(actor.identities(integration));
        if let NamedWorker::Id(id) = actor.worker {
            ids.insert(id.as_uuid());
        }
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let (namespaces, values): (Vec<String>, Vec<String>) =
        identities.into_iter().map(|identity| (identity.namespace, identity.value)).unzip();
    let rows = sqlx::query!(
        r#"select workers.worker_id as "worker_id!", identities.namespace as "namespace?",
               identities.value as "value?", display_name, external_id, email
           from unnest($2::text[], $3::text[]) as wanted (namespace, value)
           join worker_identities as identities on identities.organization_id = $1
               and identities.namespace = wanted.namespace and identities.value = wanted.value
           join workers on workers.organization_id = $1 and workers.worker_id = identities.worker_id
           union all
           select workers.worker_id, null, null, display_name, external_id, email
           from workers where organization_id = $1 and worker_id = any($4)"#,
        organization_id.as_uuid(),
        &namespaces,
        &values,
        &ids
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let worker =
            Worker { display_name: row.display_name, external_id: row.external_id, email: row.email };
        let name = row.namespace.zip(row.value).map(|(namespace, value)| Identity { namespace, value });
        roster.enter(WorkerId::new(row.worker_id), worker, name);
    }
    Ok(())
}

/// Locks the workers of an organisation against other changes until the transaction ends. Answers how many there
/// are.
///
/// # Errors
/// When the database is unavailable.
pub async fn lock(connection: &mut PgConnection, organization_id: OrganizationId) -> Result<i64, StoreError> {
    let workers = sqlx::query_scalar!(
        "insert into accounts (organization_id) values ($1)
         on conflict (organization_id) do update set workers = accounts.workers
         returning workers",
        organization_id.as_uuid()
    );
    Ok(workers.fetch_one(connection).await?)
}

/// Writes the changes of a roster. The caller holds the lock.
///
/// # Errors
/// When the database is unavailable.
pub async fn apply(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    integration: &str,
    changes: &Changes,
    roster: &Roster,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let told: Vec<WorkerId> = changes.created.iter().chain(&changes.completed).copied().collect();
    let known = |of: fn(&Worker) -> &Option<String>| -> Vec<Option<String>> {
        told.iter().map(|&id| roster.worker(id).and_then(|worker| of(worker).clone())).collect()
    };
    let ids: Vec<Uuid> = told.iter().map(|id| id.as_uuid()).collect();
    let (display_names, external_ids, emails) = (
        known(|worker| &worker.display_name),
        known(|worker| &worker.external_id),
        known(|worker| &worker.email),
    );
    let namespaces: Vec<&str> =
        changes.linked.iter().map(|(identity, _)| identity.namespace.as_str()).collect();
    let values: Vec<&str> = changes.linked.iter().map(|(identity, _)| identity.value.as_str()).collect();
    let linked: Vec<Uuid> = changes.linked.iter().map(|(_, worker)| worker.as_uuid()).collect();
    sqlx::query(
        "with told as (
             insert into workers (organization_id, integration, created_at, worker_id, display_name, external_id, email)
             select $1, $2, $3, * from unnest($4::uuid[], $5::text[], $6::text[], $7::text[])
             on conflict (organization_id, worker_id) do update set display_name = excluded.display_name,
                 external_id = excluded.external_id, email = excluded.email
         ), linked as (
             insert into worker_identities (organization_id, namespace, value, worker_id)
             select $1, * from unnest($8::text[], $9::text[], $10::uuid[])
         )
         update accounts set workers = workers + $11 where organization_id = $1",
    )
    .bind(organization_id.as_uuid())
    .bind(integration)
    .bind(now)
    .bind(ids)
    .bind(display_names)
    .bind(external_ids)
    .bind(emails)
    .bind(namespaces)
    .bind(values)
    .bind(linked)
    .bind(i64::try_from(changes.created.len()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

/// Workers of an organisation, newest first. A search looks at all of them, and at what applications call them.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    selection: &WorkerSelection,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<ListedWorker>, StoreError> {
    let rows = sqlx::query_as!(
        ListedWorker,
        r#"select worker_id, integration, display_name, external_id, email, created_at from workers
           where organization_id = $1 and worker_id < $2
             and ($3::text is null or integration = 'custom:' || $3)
             and ($4::text is null or strpos(lower(display_name), lower($4)) > 0 or worker_id in (
                 select worker_id from worker_identities
                 where organization_id = $1 and strpos(lower(value), lower($4)) > 0))
           order by worker_id desc limit $5"#,
        organization_id.as_uuid(),
        after.unwrap_or(Uuid::max()),
        selection.app,
        selection.search,
        i64::try_from(limit).unwrap_or(i64::MAX)
    );
    Ok(rows.fetch_all(connection).await?)
}

/// A worker of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<Option<ListedWorker>, StoreError> {
    let row = sqlx::query_as!(
        ListedWorker,
        "select worker_id, integration, display_name, external_id, email, created_at from workers
         where organization_id = $1 and worker_id = $2",
        organization_id.as_uuid(),
        worker.as_uuid()
    );
    Ok(row.fetch_optional(connection).await?)
}

/// What a worker is called, by whom. In order.
///
/// # Errors
/// When the database is unavailable.
pub async fn identities(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<Vec<Identity>, StoreError> {
    let rows = sqlx::query_as!(
        Identity,
        "select namespace, value from worker_identities where organization_id = $1 and worker_id = $2
         order by namespace, value",
        organization_id.as_uuid(),
        worker.as_uuid()
    );
    Ok(rows.fetch_all(connection).await?)
}

/// How many workers an organisation has.
///
/// # Errors
/// When the database is unavailable.
pub async fn count(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<i64, StoreError> {
    let workers = sqlx::query_scalar!(
        "select workers from accounts where organization_id = $1",
        organization_id.as_uuid()
    );
    Ok(workers.fetch_optional(connection).await?.unwrap_or(0))
}

/// Whether an organisation has a worker.
///
/// # Errors
/// When the database is unavailable.
pub async fn exists(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<bool, StoreError> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from workers where organization_id = $1 and worker_id = $2) as "exists!""#,
        organization_id.as_uuid(),
        worker.as_uuid()
    );
    Ok(exists.fetch_one(connection).await?)
}
