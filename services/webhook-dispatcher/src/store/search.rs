//! Looking events up by what they are like, in a time that does not grow with how many others there are.
//!
//! Put together, because each filter has an index of its own that only a statement without the others uses.

use crate::domain::event::EventSelection;
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Events that are looked through for one page where no index leads to those that are meant.
const LOOKED_THROUGH: i64 = 10_000;

/// Which events, in which order.
#[derive(Clone, Copy, Debug)]
pub struct Search<'s> {
    pub organization: Option<OrganizationId>,
    pub selection: &'s EventSelection,
    /// Those behind this one alone.
    pub after: Option<EventId>,
    pub newest_first: bool,
}

impl Search<'_> {
    /// `from …` with rows of `columns`, which have the key, the type and the source, under the name `events`, at least the first `most` of those that are meant. To
    /// be put in order by whoever asks.
    pub fn push_from(&self, query: &mut QueryBuilder<Postgres>, columns: &'static str, most: i64) {
        let EventSelection { kind, origin, subject, .. } = self.selection;
        query.push(" from (");
        match self.organization {
            Some(organization) if subject.is_none() && (kind.is_some() || origin.is_some()) => {
                push_names(query, organization, kind.as_deref());
                // The next ones from a place in the index, in its order: so many are read for each pair and no more,
                // also of a rare one. What is behind its end is left out afterwards.
                let (first, before) = self.range();
                query.push("select those.* from names cross join lateral (select ").push(columns);
                query.push(" from events where organization_id = ").push_bind(organization.as_uuid());
                query.push(" and (kind, origin, event_id) ");
                if self.newest_first {
                    query.push("< (names.kind, names.origin, ").push_bind(before);
                    query.push(") order by kind desc, origin desc, event_id desc limit ").push_bind(most);
                    query.push(") as those where event_id >= ").push_bind(first);
                } else {
                    query.push(">= (names.kind, names.origin, ").push_bind(first);
                    query.push(") order by kind, origin, event_id limit ").push_bind(most);
                    query.push(") as those where event_id < ").push_bind(before);
                }
                query.push(" and those.kind = names.kind and those.origin = names.origin");
                if let Some(origin) = origin {
                    push_origin(query.push(" and "), "names.origin", origin);
                }
            }
            organization => {
                query.push("select ").push(columns).push(" from events where true");
                if let Some(organization) = organization {
                    query.push(" and organization_id = ").push_bind(organization.as_uuid());
                }
                if let Some(subject) = subject {
                    query.push(" and subject = ").push_bind(subject.clone());
                }
                if let Some(kind) = kind {
                    query.push(" and kind = ").push_bind(kind.clone());
                }
                if let Some(origin) = origin {
                    push_origin(query.push(" and "), "origin", origin);
                }
                self.push_range(query);
                self.push_order(query);
                query.push(" limit ").push_bind(most);
            }
        }
        query.push(") as events");
    }

    pub fn push_order(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(if self.newest_first { " order by event_id desc" } else { " order by event_id" });
    }

    fn push_range(&self, query: &mut QueryBuilder<Postgres>) {
        let (first, before) = self.range();
        query.push(" and event_id >= ").push_bind(first);
        query.push(" and event_id < ").push_bind(before);
    }

    /// From the one on, up to before the other.
    fn range(&self) -> (Uuid, Uuid) {
        let EventSelection { first, before, .. } = self.selection;
        let (mut first, mut before) = (first.unwrap_or_default(), before.unwrap_or(Uuid::max()));
        if let Some(after) = self.after.map(EventId::as_uuid) {
            if self.newest_first {
                before = before.min(after);
            } else {
                first = first.max(Uuid::from_u128(after.as_u128().saturating_add(1)));
            }
        }
        (first, before)
    }

    /// The last event that is looked through for one page, if that is not all of them: of every organisation's
    /// events no index leads to those of a type or a source.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn horizon(&self, connection: &mut PgConnection) -> Result<Option<Uuid>, StoreError> {
        let EventSelection { kind, origin, subject, .. } = self.selection;
        if self.organization.is_some() || subject.is_some() || (kind.is_none() && origin.is_none()) {
            return Ok(None);
        }
        let mut query = QueryBuilder::new("select event_id from events where true");
        self.push_range(&mut query);
        self.push_order(&mut query);
        query.push(" offset ").push_bind(LOOKED_THROUGH).push(" limit 1");
        Ok(query.build_query_scalar().fetch_optional(connection).await?)
    }
}

/// `with recursive names (kind, origin) as (…)`: the types and sources of an organisation's events, or the sources of
/// those of one type. They are few: each is found by looking for the next one in the index.
fn push_names(query: &mut QueryBuilder<Postgres>, organization: OrganizationId, kind: Option<&str>) {
    let one = |query: &mut QueryBuilder<Postgres>, from: &'static str| {
        query.push("select next.* from ").push(from);
        query
            .push("(select kind, origin from events where organization_id = ")
            .push_bind(organization.as_uuid());
        query.push(" and (kind, origin) ");
    };
    let only = |query: &mut QueryBuilder<Postgres>| {
        query.push(" order by kind, origin limit 1) as next");
        if let Some(kind) = kind {
            query.push(" where next.kind = ").push_bind(kind.to_owned());
        }
    };
    query.push("with recursive names (kind, origin) as ((");
    one(query, "");
    query.push(">= (").push_bind(kind.unwrap_or_default().to_owned()).push(", '')");
    only(query);
    query.push(") union all ");
    one(query, "names cross join lateral ");
    query.push("> (names.kind, names.origin)");
    only(query);
    query.push(") ");
}

/// `ingest` is every application.
fn push_origin(query: &mut QueryBuilder<Postgres>, column: &'static str, origin: &str) {
    query.push("(").push(column).push(" = ").push_bind(origin.to_owned());
    if origin == "ingest" {
        query.push(" or ").push(column).push(" like 'ingest:%'");
    }
    query.push(")");
}
