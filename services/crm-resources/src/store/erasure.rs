//! Where a person's data lies.

use contracts::crm::ObjectId;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::PgConnection;

/// How a person is recognised.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// In any case.
    pub email: Option<&'a str>,
    /// Compared by its digits.
    pub phone: Option<&'a str>,
}

impl Person<'_> {
    fn digits(&self) -> Option<String> {
        let digits: String = self.phone?.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    }
}

/// The customers that are this person.
///
/// # Errors
/// When the database is unavailable.
pub async fn customers(
    connection: &mut PgConnection,
    organization: OrganizationId,
    person: Person<'_>,
) -> Result<Vec<ObjectId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from customers where organization_id = $1
             and (lower(email) = lower($2) or regexp_replace(phone, '[^0-9]', '', 'g') = $3)
         order by id",
        organization.as_uuid(),
        person.email,
        person.digits()
    )
    .fetch_all(connection)
    .await?;
    Ok(parsed(ids))
}

/// The leads that are this person.
///
/// # Errors
/// When the database is unavailable.
pub async fn leads(
    connection: &mut PgConnection,
    organization: OrganizationId,
    person: Person<'_>,
) -> Result<Vec<ObjectId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from leads where organization_id = $1
             and (lower(email) = lower($2) or regexp_replace(phone, '[^0-9]', '', 'g') = $3)
         order by id",
        organization.as_uuid(),
        person.email,
        person.digits()
    )
    .fetch_all(connection)
    .await?;
    Ok(parsed(ids))
}

/// Forgets the answers that were kept for repetitions and speak of these resources. Who repeats such a request makes
/// it anew.
///
/// # Errors
/// When the database is unavailable.
pub async fn forget_answers(
    connection: &mut PgConnection,
    organization: OrganizationId,
    ids: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from idempotency where scope = $1 and exists (
             select from unnest($2::text[]) as id where position(convert_to(id, 'UTF8') in response) > 0)",
        organization.as_uuid(),
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the runs of automations that these resources set off: they carry the resource as it was. One that is on its
/// way ends here.
///
/// # Errors
/// When the database is unavailable.
pub async fn forget_runs(
    connection: &mut PgConnection,
    organization: OrganizationId,
    ids: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from automation_runs where organization_id = $1 and subject = any($2)",
        organization.as_uuid(),
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn parsed(ids: Vec<String>) -> Vec<ObjectId> {
    ids.into_iter().filter_map(|id| id.parse().ok()).collect()
}
