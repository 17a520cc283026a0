//! API clients and their keys.

use super::events::address;
use super::overview::DAY;
use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::{Form, Posted, Visit};
use super::webhooks::is_about_the_form;
use super::{page, page_again, see};
use crate::clients::api::{Call, Method, Refusal};
use crate::session::once;
use crate::view::clients as view;
use crate::view::credentials::FAMILIES;
use crate::view::text;
use actix_web::{HttpResponse, web};
use chrono::SecondsFormat;
use futures_util::try_join;
use serde_json::{Value, json};

const HERE: &str = "clients";

/// The clients that the key sees.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let mut query = visit.query.pairs(&["search", "status", "sortBy", "sortOrder"]);
    if visit.query.text("export").is_some() {
        let (path, onward) = (vec!["api-clients"], Onward::Page);
        return export(&visit, Listing { name: "clients", head: HEAD, path, query, onward, row }).await;
    }
    query.extend(visit.query.pairs(&["page"]));
    query.push(("limit", "50"));
    let found = visit.get(&["api-clients"], &query).await?;
    Ok(page(view::list(&visit.frame(HERE), &visit.query.0, &found)))
}

const HEAD: &[&str] = &["id", "name", "status", "tier", "contact", "organization_id", "made_at"];

fn row(client: &Value) -> Vec<String> {
    let facts =
        ["/id", "/name", "/status", "/rateLimitTier", "/contactEmail", "/organizationId", "/createdAt"];
    facts.iter().map(|fact| text(client, fact).to_owned()).collect()
}

/// An empty form.
pub async fn form(visit: Visit) -> Result<HttpResponse, Stop> {
    let organizations = visit.organizations().await?;
    Ok(page(view::form(&visit.frame(HERE), &organizations, &[], &once()?, None)))
}

/// Makes a client.
pub async fn create(posted: Posted) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let mut body = json!({
        "name": form.text("name"),
        "contactEmail": form.text("contactEmail"),
        "redirectUris": form.words("redirectUris"),
        "description": form.text("description"),
        "rateLimitTier": form.text("rateLimitTier"),
    });
    if let Some(organization) = form.text("organizationId") {
        body["organizationId"] = json!(organization);
    }
    match post(visit, &["api-clients"], &body, form).await {
        Ok(made) => Ok(see(&address(&[HERE, text(&made, "/id")]))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            let organizations = visit.organizations().await?;
            let frame = visit.frame(HERE);
            Ok(page_again(view::form(&frame, &organizations, &form.0, &once()?, Some(&refusal))))
        }
        Err(stop) => Err(stop),
    }
}

/// One client with its keys and what it used.
pub async fn get(visit: Visit, client: web::Path<String>) -> Result<HttpResponse, Stop> {
    Ok(page(whole(&visit, &client, &[], None).await?))
}

async fn whole(
    visit: &Visit,
    client: &str,
    draft: &[(String, String)],
    refusal: Option<&Refusal>,
) -> Result<maud::Markup, Stop> {
    let shown = visit.get(&["api-clients", client], &[]).await?;
    let since = (visit.now() - DAY).to_rfc3339_opts(SecondsFormat::Secs, true);
    let path = ["api-clients", client, "usage"];
    let (of_day, newest) = ([("groupBy", "hour"), ("dateFrom", since.as_str())], [("limit", "100")]);
    let credentials = FAMILIES.each_ref().map(|family| ["api-clients", client, family.name]);
    let (usage, service, oauth) = try_join!(
        visit.get_if_allowed(&path, &of_day),
        visit.get(&credentials[0], &newest),
        visit.get(&credentials[1], &newest),
    )?;
    let frame = visit.frame(HERE);
    Ok(view::one(&frame, &shown, [&service, &oauth], usage.as_ref(), draft, &once()?, refusal))
}

/// Suspends a client or lets it work again.
pub async fn set_status(posted: Posted, client: web::Path<String>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let body = json!({"status": form.text("status")});
    let path = ["api-clients", client.as_str()];
    visit.call(Call { method: Method::PUT, path: &path, query: &[], body: Some(&body), once: None }).await?;
    Ok(see(&address(&[HERE, &client])))
}

/// Changes how much a client may ask.
pub async fn set_tier(posted: Posted, client: web::Path<String>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let body = json!({"rateLimitTier": form.text("rateLimitTier")});
    let path = ["api-clients", client.as_str()];
    visit.call(Call { method: Method::PUT, path: &path, query: &[], body: Some(&body), once: None }).await?;
    Ok(see(&address(&[HERE, &client])))
}

/// Makes a key, and shows it.
pub async fn create_key(posted: Posted, client: web::Path<String>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    match post(visit, &["api-keys"], &key(&client, form), form).await {
        Ok(made) => Ok(page(view::made(&visit.frame(HERE), &client, &made))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            Ok(page_again(whole(visit, &client, &form.0, Some(&refusal)).await?))
        }
        Err(stop) => Err(stop),
    }
}

/// What a form says of a new key.
fn key(client: &str, form: &Form) -> Value {
    let surface = form.text("surface").unwrap_or("platform");
    let mut key = json!({"clientId": client, "name": form.text("name"), "surface": surface});
    let scopes = form.words("scopes");
    if !scopes.is_empty() {
        key["scopes"] = json!(scopes);
    }
    if let Some(expires_at) = form.utc("expiresAt") {
        key["expiresAt"] = json!(expires_at);
    }
    if surface == "ingest" {
        let slug = form.text("appSlug");
        key["app"] = json!({"slug": slug, "name": form.text("appName").or(slug)});
    }
    if let Some(limit) = form.number("rateLimitOverride") {
        key["rateLimitOverride"] = limit;
    }
    let origins = form.words("allowedOrigins");
    if surface == "crm" && !origins.is_empty() {
        key["allowedOrigins"] = json!(origins);
    }
    key
}

/// Ends a key.
pub async fn revoke_key(posted: Posted, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let (client, key) = (path.0.as_str(), path.1.as_str());
    let path = ["api-clients", client, "api-keys", key];
    let call = Call { method: Method::DELETE, path: &path, query: &[], body: None, once: None };
    posted.visit.call(call).await?;
    Ok(see(&address(&[HERE, client])))
}

/// Makes something; a form that is sent twice makes it once.
async fn post(visit: &Visit, path: &[&str], body: &Value, form: &Form) -> Result<Value, Stop> {
    let once = form.text("once");
    visit.call(Call { method: Method::POST, path, query: &[], body: Some(body), once }).await
}
