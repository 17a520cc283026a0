//! The SQL of schema `crm_resources`, one file per resource, and what is the same for all of them. Row types stay in
//! here.

pub mod automations;
pub mod customers;
pub mod erasure;
pub mod leads;
pub mod organizations;
pub mod products;
pub mod reading;
pub mod runs;

use crate::domain::change::{Milestone, Versioned};
use contracts::crm::{ObjectId, Resource};
use contracts::crm_events::Updated;
use contracts::ids::OrganizationId;
use platform::Violation;
use platform_pg::StoreError;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};
use std::future::Future;

/// What the service must know of a resource; [`reading`] and the use cases do the rest.
pub trait Table: Resource {
    const NAME: &'static str;
    /// The columns of [`Self::Row`].
    const COLUMNS: &'static str;
    /// The columns that `search` looks into.
    const SEARCHED: &'static [&'static str];
    /// The column that `status` filters.
    const STATUS: StatusColumn;

    /// The resource's own fields as they are stored.
    type Row: for<'r> FromRow<'r, PgRow> + Into<Self> + Send + Unpin;

    /// Inserts a resource.
    fn insert(
        connection: &mut PgConnection,
        organization: OrganizationId,
        new: &Versioned<Self>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes what may change of a resource that the transaction has locked.
    fn save(
        connection: &mut PgConnection,
        organization: OrganizationId,
        changed: &Versioned<Self>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Checks the fields against other rows, and fills in what follows from those. `before` is `None` for a new
    /// resource.
    fn settle(
        _connection: &mut PgConnection,
        _organization: OrganizationId,
        _id: ObjectId,
        _fields: &mut Self,
        _before: Option<&Self>,
    ) -> impl Future<Output = Result<Vec<Violation>, StoreError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// What a change is told as beside `updated`.
    fn milestone(_change: &Updated<Self>) -> Option<Milestone> {
        None
    }
}

/// How a resource keeps its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusColumn {
    /// A boolean: active or not.
    Flag(&'static str),
    /// A word.
    Word(&'static str),
}
