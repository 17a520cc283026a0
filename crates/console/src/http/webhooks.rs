//! Webhooks of a client: to list, make, change, pause, test, rotate, recover and delete.

use super::events::address;
use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::{Form, Posted, Visit};
use super::{page, page_again, see, subscriptions};
use crate::clients::api::{Call, Method, Refusal};
use crate::view::webhooks::{self as view, Draft};
use crate::view::{number, rows, text};
use actix_web::{HttpResponse, web};
use futures_util::try_join;
use serde_json::{Value, json};

/// The client and the webhook of an address.
type Path = web::Path<(String, String)>;

/// The webhooks of one client: the asked one, or the key's own.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let own = visit.session.who.client.id.to_string();
    let client = visit.query.text("client").unwrap_or(&own);
    let clients = visit.clients(client).await?;
    let mut query = visit.query.pairs(&["status", "sortBy", "sortOrder"]);
    if visit.query.text("export").is_some() {
        let (path, onward) = (vec!["api-clients", client, "webhooks"], Onward::Page);
        return export(&visit, Listing { name: "webhooks", head: HEAD, path, query, onward, row }).await;
    }
    query.extend(visit.query.pairs(&["page"]));
    query.push(("limit", "50"));
    let found = visit.get(&["api-clients", client, "webhooks"], &query).await?;
    Ok(page(view::list(&visit.frame("webhooks"), client, &clients, &visit.query.0, &found)))
}

const HEAD: &[&str] = &["id", "url", "status", "events", "deliveries", "made_at"];

fn row(webhook: &Value) -> Vec<String> {
    vec![
        text(webhook, "/id").to_owned(),
        text(webhook, "/url").to_owned(),
        text(webhook, "/status").to_owned(),
        view::events_of(webhook),
        number(webhook, "/_count/deliveries").to_string(),
        text(webhook, "/createdAt").to_owned(),
    ]
}

/// An empty form.
pub async fn form(visit: Visit) -> Result<HttpResponse, Stop> {
    let own = visit.session.who.client.id.to_string();
    let client = visit.query.text("client").unwrap_or(&own);
    if client != own {
        visit.get(&["api-clients", client], &[]).await?;
    }
    let (clients, types) = (visit.clients(client).await?, types(&visit).await?);
    Ok(page(view::form(&visit.frame("webhooks"), client, &clients, &types, &Draft::new(), None)))
}

/// Makes a webhook, and shows its secret.
pub async fn create(posted: Posted) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let own = visit.session.who.client.id.to_string();
    let client = form.text("client").unwrap_or(&own);
    match visit.post(&["api-clients", client, "webhooks"], Some(&body(form))).await {
        Ok(webhook) => Ok(page(view::made(&visit.frame("webhooks"), &webhook))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            let (clients, types) = (visit.clients(client).await?, types(visit).await?);
            let draft = Draft::of_form(&form.0);
            let frame = visit.frame("webhooks");
            Ok(page_again(view::form(&frame, client, &clients, &types, &draft, Some(&refusal))))
        }
        Err(stop) => Err(stop),
    }
}

/// One webhook with its deliveries, newest event first.
pub async fn get(visit: Visit, path: Path) -> Result<HttpResponse, Stop> {
    let (client, webhook) = (&path.0, &path.1);
    let own = visit.own();
    let here = ["api-clients", client, "webhooks", webhook];
    if visit.query.text("export").is_some() {
        visit.get(&here, &[]).await?;
        return subscriptions::file(&visit, visit.below(&own, &["deliveries"]), webhook).await;
    }
    let below = ["api-clients", client, "webhooks", webhook, "deliveries"];
    let (summary, of_it) =
        (visit.below(&own, &["deliveries", "summary"]), [("subscription", webhook.as_str())]);
    let listed = visit.below(&own, &["deliveries"]);
    let (shown, newest, deliveries, summary) = try_join!(
        visit.get(&here, &[]),
        visit.get(&below, &[("limit", "1")]),
        subscriptions::deliveries(&visit, &listed, webhook),
        visit.get_if_allowed(&summary, &of_it),
    )?;
    let seen = view::Seen { deliveries: &deliveries, newest: &newest, summary: summary.as_ref() };
    Ok(page(view::one(&visit.frame("webhooks"), &visit.query.0, &shown, &seen)))
}

/// The form with what there is.
pub async fn edit(visit: Visit, path: Path) -> Result<HttpResponse, Stop> {
    let known = visit.get(&["api-clients", &path.0, "webhooks", &path.1], &[]).await?;
    let types = types(&visit).await?;
    let draft = Draft::of_webhook(&known);
    Ok(page(view::edit(&visit.frame("webhooks"), (&path.0, &path.1), &types, &draft, None)))
}

/// Changes a webhook.
pub async fn change(posted: Posted, path: Path) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let mut body = body(form);
    // What was emptied is to go.
    if body.get("rateLimit").is_none() {
        body["rateLimit"] = Value::Null;
    }
    match put(visit, &path, &body).await {
        Ok(_) => Ok(see(&address(&["webhooks", &path.0, &path.1]))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            let (draft, types) = (Draft::of_form(&form.0), types(visit).await?);
            let frame = visit.frame("webhooks");
            Ok(page_again(view::edit(&frame, (&path.0, &path.1), &types, &draft, Some(&refusal))))
        }
        Err(stop) => Err(stop),
    }
}

/// What is done to a webhook by a button.
pub async fn act(posted: Posted, path: web::Path<(String, String, String)>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (client, webhook, action) = path.into_inner();
    let below = |rest| ["api-clients", &client, "webhooks", &webhook, rest];
    let path = Path::from((client.clone(), webhook.clone()));
    let back = address(&["webhooks", &client, &webhook]);
    match action.as_str() {
        "test" => {
            let delivery = visit.post(&below("test"), None).await?;
            return Ok(see(&address(&["deliveries", text(&delivery, "/id")])));
        }
        "pause" => put(visit, &path, &json!({"status": "PAUSED"})).await?,
        "resume" => put(visit, &path, &json!({"status": "ACTIVE"})).await?,
        "rotate" => {
            let body = json!({"overlapSeconds": form.number("overlap")});
            let rotated = visit.post(&below("rotate-secret"), Some(&body)).await?;
            return Ok(page(view::rotated(&visit.frame("webhooks"), &rotated)));
        }
        "recover" => visit.post(&below("recover"), Some(&form.stretch())).await?,
        "delete" => {
            let path = ["api-clients", &client, "webhooks", &webhook];
            let call = Call { method: Method::DELETE, path: &path, query: &[], body: None, once: None };
            visit.call(call).await?;
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("client", &client).finish();
            return Ok(see(&format!("/console/webhooks?{query}")));
        }
        _ => return Err(Stop::missing()),
    };
    Ok(see(&back))
}

async fn put(visit: &Visit, path: &(String, String), body: &Value) -> Result<Value, Stop> {
    let path = ["api-clients", &path.0, "webhooks", &path.1];
    visit.call(Call { method: Method::PUT, path: &path, query: &[], body: Some(body), once: None }).await
}

async fn types(visit: &Visit) -> Result<Vec<String>, Stop> {
    let found = visit.get(&["webhook-events"], &[]).await?;
    Ok(rows(&found).iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// What the form asks for, as the API takes it.
fn body(form: &Form) -> Value {
    let mut body = json!({"url": form.text("url"), "events": form.words("events")});
    let retries = ["maxRetries", "retryDelay", "backoffMultiplier", "timeout"];
    let retries: serde_json::Map<_, _> =
        retries.iter().filter_map(|&name| Some((name.to_owned(), form.number(name)?))).collect();
    if !retries.is_empty() {
        body["retryConfig"] = retries.into();
    }
    if let Some(limit) = form.number("rateLimit") {
        body["rateLimit"] = limit;
    }
    body
}

/// Whether what is wrong can be put right in the form.
pub fn is_about_the_form(refusal: &Refusal) -> bool {
    matches!(refusal.status, 400 | 403 | 409 | 422)
}
