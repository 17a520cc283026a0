//! `/api/v1/organizations/{id}/crm`: an organisation's records on the platform surface, to be read. Each is as the crm
//! surface shows it, so that names are those that its API and the expressions of automations have.

use super::crud::Query;
use super::list_query;
use crate::domain::page_mark::List;
use crate::state::State;
use crate::store::Table;
use crate::usecases;
use actix_web::{HttpResponse, web};
use contracts::crm::{NotAnObjectId, ObjectId};
use dialects::platform_api::LeadsRead;
use dialects::platform_api::query::{missing, organization};
use platform::Fault;
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};

/// 200 with a page.
pub async fn list<T: Table>(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let wanted = list_query::read::<T>(&given(&query), organization).map_err(Fault::validation)?;
    let page = usecases::list::list::<T>(&state, organization, &wanted).await?;
    let data: Vec<_> = page.items.iter().map(|item| &item.record).collect();
    let mut pagination = pagination(page.number, page.limit, page.total);
    if list_query::walks(&wanted) {
        let list = List { organization, table: T::NAME, sort: wanted.sort, filter: &wanted.filter };
        pagination["nextCursor"] = page.next.as_ref().map(|mark| list.cursor(mark)).into();
    }
    Ok(HttpResponse::Ok().json(json!({"data": data, "pagination": pagination})))
}

/// 200 with one record.
pub async fn get<T: Table>(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let absent = || missing("record");
    let id: ObjectId = path.1.parse().map_err(|error: NotAnObjectId| absent().because(error))?;
    let found = usecases::find::find::<T>(&state, organization, id).await?.ok_or_else(absent)?;
    Ok(HttpResponse::Ok().json(&found.record))
}

/// What a query says: on this surface a parameter without a value is one that was left out. Only a walk begins with one.
pub fn given(query: &Query) -> Vec<(String, String)> {
    query.iter().filter(|(name, value)| name == "cursor" || !value.is_empty()).cloned().collect()
}

/// Where a page stands in its list.
pub fn pagination(page: i64, limit: i64, total: i64) -> Value {
    let pages = total / limit + i64::from(total % limit > 0);
    json!({"page": page, "limit": limit, "total": total, "totalPages": pages})
}
