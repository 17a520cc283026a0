//! The five operations that every resource has, from request to response.

use super::list_query;
use super::resources::Served;
use crate::domain::fields;
use crate::domain::page_mark::List;
use crate::domain::precondition::{Precondition, entity_tag};
use crate::error::not_found;
use crate::state::State;
use crate::usecases;
use crate::usecases::update::Change;
use crate::usecases::write::{Answer, Once};
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::crm::{NotAnObjectId, ObjectId, Record, Resource};
use platform::document::canonical;
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};

/// What a list's query is read from: every pair as it was sent.
pub type Query = web::Query<Vec<(String, String)>>;

const KEY: &str = "Idempotency-Key";
const LONGEST_KEY: usize = 255;

/// `GET` of the list: 200 with a page.
pub async fn list<T: Served>(
    caller: Caller<T::Read>,
    state: web::Data<State>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let organization = caller.principal.organization.id;
    let wanted = list_query::read::<T>(&query, organization).map_err(Fault::validation)?;
    let page = usecases::list::list::<T>(&state, organization, &wanted).await?;
    let data: Vec<_> = page.items.iter().map(|item| &item.record).collect();
    let mut meta = json!({
        "page": page.number, "limit": page.limit, "total": page.total, "total_pages": page.total_pages(),
    });
    if list_query::walks(&wanted) {
        let list = List { organization, table: T::NAME, sort: wanted.sort, filter: &wanted.filter };
        meta["next_cursor"] = page.next.as_ref().map(|mark| list.cursor(mark)).into();
    }
    Ok(HttpResponse::Ok().json(json!({"data": data, "meta": meta})))
}

/// `GET`: 200 with the resource.
pub async fn get<T: Served>(
    caller: Caller<T::Read>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let found = usecases::find::find::<T>(&state, caller.principal.organization.id, id_of(&request)?)
        .await?
        .ok_or_else(not_found)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((ETAG, entity_tag(found.version)));
    Ok(response.content_type("application/json").body(render(&found.record).map_err(Fault::internal)?))
}

/// `POST`: 201 with the resource; the same bytes and `Idempotent-Replayed: true` when the request was made before.
pub async fn create<T: Served + Default>(
    caller: Caller<T::Create>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let once = once(&request, Some(&document))?;
    let mut fields = T::default();
    let violations = fields::edit(&document, T::FIELDS, &mut fields);
    if !violations.is_empty() {
        return Err(Fault::validation(violations).into());
    }
    respond(usecases::create::create(&state, &caller.principal, once.as_ref(), fields, render).await?)
}

/// `PATCH`: 200 with the resource as it is then; the same bytes and `Idempotent-Replayed: true` when the request was
/// made before.
pub async fn update<T: Served>(
    caller: Caller<T::Update>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (id, once, precondition) =
        (id_of(&request)?, once(&request, Some(&document))?, precondition(&request));
    let change = Change { id, once: once.as_ref(), precondition: &precondition };
    let edit = |fields: &mut T| fields::edit(&document, T::FIELDS, fields);
    respond(usecases::update::update(&state, &caller.principal, change, edit, render).await?)
}

/// `DELETE`: 204.
pub async fn delete<T: Served>(
    caller: Caller<T::Delete>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let (id, precondition) = (id_of(&request)?, precondition(&request));
    usecases::delete::delete::<T>(&state, &caller.principal, id, &precondition).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The id in the path. What is no id is as little there as somebody else's.
pub fn id_of(request: &HttpRequest) -> Result<ObjectId, Fault> {
    let text = request.match_info().get("id").unwrap_or_default();
    text.parse().map_err(|error: NotAnObjectId| not_found().because(error))
}

/// What makes a repetition of this request be recognised, when the caller wants that.
pub fn once(request: &HttpRequest, document: Option<&Value>) -> Result<Option<Once>, Fault> {
    let Some(header) = request.headers().get(KEY) else { return Ok(None) };
    let broken = |message: &'static str| Fault::validation(vec![Violation::new(KEY, message)]);
    let key = header.to_str().map_err(|error| broken("must be visible ASCII").because(error))?;
    if key.trim().is_empty() {
        return Err(broken("can't be blank"));
    }
    if key.len() > LONGEST_KEY {
        return Err(broken("is too long (maximum is 255 characters)"));
    }
    let body = document.map(canonical).unwrap_or_default();
    let text = format!("{} {}\n{body}", request.method(), request.uri());
    Ok(Some(Once { key: key.to_owned(), fingerprint: platform::secrets::digest(text.as_bytes()) }))
}

/// What `If-Match` demands.
pub fn precondition(request: &HttpRequest) -> Precondition {
    // A header that is no text is a tag that matches nothing.
    Precondition::parse(request.headers().get(IF_MATCH).map(|value| value.to_str().unwrap_or_default()))
}

/// `{"data": …}`.
pub fn render<T: Resource>(record: &Record<T>) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&json!({"data": record}))
}

/// The response to a change.
pub fn respond(answer: Answer) -> Result<HttpResponse, HttpFault> {
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).map_err(Fault::internal)?);
    response.content_type("application/json");
    match answer.version {
        Some(version) => response.insert_header((ETAG, entity_tag(version))),
        None => response.insert_header(("Idempotent-Replayed", "true")),
    };
    Ok(response.body(answer.body))
}
