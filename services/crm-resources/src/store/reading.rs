//! Reading and deleting, the same for every resource: one of an id, a page, how many there are.

use super::{StatusColumn, Table};
use crate::domain::change::Versioned;
use crate::domain::listing::{Filter, Sort, Status};
use crate::domain::page_mark::{Mark, Value};
use chrono::{DateTime, Utc};
use contracts::crm::{ObjectId, Record};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};

const COMMON: &str = "version, created_at, updated_at";

#[derive(FromRow)]
struct StoredRow<F> {
    #[sqlx(try_from = "String")]
    id: ObjectId,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[sqlx(flatten)]
    fields: F,
}

impl<F> StoredRow<F> {
    fn into_versioned<T>(self) -> Versioned<T>
    where
        F: Into<T>,
    {
        let Self { id, version, created_at, updated_at, fields } = self;
        Versioned { record: Record { id, fields: fields.into(), created_at, updated_at }, version }
    }
}

/// Whether a row that is read will be written in the same transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    Reading,
    Update,
}

/// One resource of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn find<T: Table>(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: ObjectId,
    purpose: For,
) -> Result<Option<Versioned<T>>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("select id, ");
    query.push(COMMON).push(", ").push(T::COLUMNS).push(" from ").push(T::NAME);
    query.push(" where organization_id = ").push_bind(organization.as_uuid());
    query.push(" and id = ").push_bind(id.to_string());
    if purpose == For::Update {
        query.push(" for update");
    }
    let row: Option<StoredRow<T::Row>> = query.build_query_as().fetch_optional(connection).await?;
    Ok(row.map(StoredRow::into_versioned))
}

/// Deletes a resource that the transaction has locked.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete<T: Table>(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: ObjectId,
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("delete from ");
    query.push(T::NAME).push(" where organization_id = ").push_bind(organization.as_uuid());
    query.push(" and id = ").push_bind(id.to_string());
    query.build().execute(connection).await?;
    Ok(())
}

/// How many resources of an organisation pass a filter.
///
/// # Errors
/// When the database is unavailable.
pub async fn count<T: Table>(
    connection: &mut PgConnection,
    organization: OrganizationId,
    filter: &Filter,
) -> Result<i64, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("select count(*) from ");
    query.push(T::NAME);
    narrow::<T>(&mut query, organization, filter);
    Ok(query.build_query_scalar().fetch_one(connection).await?)
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub enum Seek<'a> {
    /// So many rows are passed over.
    Offset(i64),
    After(&'a Mark),
}

/// A part of an organisation's list.
///
/// # Errors
/// When the database is unavailable.
pub async fn page<T: Table>(
    connection: &mut PgConnection,
    organization: OrganizationId,
    filter: &Filter,
    sort: Sort,
    seek: Seek<'_>,
    limit: i64,
) -> Result<Vec<Versioned<T>>, StoreError> {
    let mut query = page_query::<T>("", organization, filter, sort, seek, limit);
    let rows: Vec<StoredRow<T::Row>> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(StoredRow::into_versioned).collect())
}

/// The ids of the page come from an index alone; only their rows are fetched. Rows that are passed over cost little
/// that way, and those before a mark nothing.
fn page_query<T: Table>(
    prefix: &str,
    organization: OrganizationId,
    filter: &Filter,
    sort: Sort,
    seek: Seek<'_>,
    limit: i64,
) -> QueryBuilder<Postgres> {
    let key = sort.key.name();
    let (direction, comparison) = if sort.descending { ("desc", "<") } else { ("asc", ">") };
    let order = format!(" order by {key} {direction}, id {direction}");
    let mut query = QueryBuilder::<Postgres>::new(prefix);
    query.push("select id, ").push(COMMON).push(", ").push(T::COLUMNS).push(" from ").push(T::NAME);
    query.push(" join (select id from ").push(T::NAME);
    narrow::<T>(&mut query, organization, filter);
    let mut offset = 0;
    match seek {
        Seek::Offset(rows) => offset = rows,
        Seek::After(mark) => {
            query.push(format!(" and ({key}, id) {comparison} ("));
            match &mark.value {
                Value::Time(time) => query.push_bind(*time),
                Value::Text(text) => query.push_bind(text.clone()),
            };
            query.push(", ").push_bind(mark.id.to_string()).push(")");
        }
    }
    query.push(&order).push(" limit ").push_bind(limit).push(" offset ").push_bind(offset);
    query.push(") as page using (id) where organization_id = ").push_bind(organization.as_uuid());
    query.push(&order);
    query
}

fn narrow<T: Table>(query: &mut QueryBuilder<Postgres>, organization: OrganizationId, filter: &Filter) {
    query.push(" where organization_id = ").push_bind(organization.as_uuid());
    match (&filter.status, T::STATUS) {
        (Some(Status::Active(active)), StatusColumn::Flag(column)) => {
            query.push(format!(" and {column} = ")).push_bind(*active);
        }
        (Some(Status::Word(word)), StatusColumn::Word(column)) => {
            query.push(format!(" and {column} = ")).push_bind(word.clone());
        }
        _ => {}
    }
    if let Some(since) = filter.updated_since {
        query.push(" and updated_at >= ").push_bind(since);
    }
    if let Some(search) = &filter.search {
        let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = format!("%{escaped}%");
        for (index, column) in T::SEARCHED.iter().enumerate() {
            query.push(if index == 0 { " and (" } else { " or " });
            query.push(format!("{column} ilike ")).push_bind(pattern.clone());
        }
        query.push(")");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::listing::Key;
    use contracts::crm::Product;
    use testkit::{TestDatabase, callers};

    /// The plan, as text, of a page of products.
    async fn plan(connection: &mut PgConnection, sort: Sort, seek: Seek<'_>) -> String {
        let acme = callers::organization_id("acme");
        let mut query =
            page_query::<Product>("explain (costs off) ", acme, &Filter::default(), sort, seek, 25);
        let lines: Vec<String> = query.build_query_scalar().fetch_all(connection).await.unwrap();
        lines.join("\n")
    }

    #[tokio::test]
    async fn a_page_by_cursor_reads_its_ids_from_an_index_alone_in_every_order() {
        let database = TestDatabase::create(crate::SERVICE).await;
        let pool = database.pool();
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query(
            "insert into products select $1, lpad(to_hex(number), 24, '0'), 1, 'product ' || number % 100, null,
                 null, null, 'simple', true, '{}', null, 'mxn', 0, false, 'self', false, 0, now(), now()
             from generate_series(1, 20000) as number",
        )
        .bind(callers::organization_id("acme").as_uuid())
        .execute(&mut *connection)
        .await
        .unwrap();
        sqlx::query("vacuum analyze products").execute(&mut *connection).await.unwrap();
        for key in Key::ALL {
            for descending in [false, true] {
                let value = match key {
                    Key::Name => Value::Text("product 50".to_owned()),
                    Key::CreatedAt | Key::UpdatedAt => Value::Time(DateTime::UNIX_EPOCH),
                };
                let mark = Mark { value, id: ObjectId::new(0, [0; 8]), page: 2, total: 20_000 };
                for seek in [Seek::After(&mark), Seek::Offset(10_000)] {
                    let plan = plan(&mut connection, Sort { key, descending }, seek).await;
                    assert!(plan.contains("Index Only Scan"), "{key:?} {descending} {seek:?}\n{plan}");
                    assert!(!plan.contains("Seq Scan"), "{key:?} {descending} {seek:?}\n{plan}");
                }
            }
        }
    }
}
