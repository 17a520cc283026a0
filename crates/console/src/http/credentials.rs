//! Service and OAuth credentials of a client: to make, rotate and revoke.

use super::events::address;
use super::stop::Stop;
use super::visit::{Form, Posted, Visit};
use super::webhooks::is_about_the_form;
use super::{page, page_again, see};
use crate::clients::api::{Call, Method};
use crate::session::once;
use crate::view::credentials::{self as view, Family};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

const HERE: &str = "clients";

fn family(name: &str) -> Result<&'static Family, Stop> {
    view::FAMILIES.iter().find(|family| family.name == name).ok_or_else(Stop::missing)
}

/// An empty form.
pub async fn form(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let family = family(&path.1)?;
    let client = visit.get(&["api-clients", &path.0], &[]).await?;
    Ok(page(view::form(&visit.frame(HERE), family, &client, &[], &once()?, None)))
}

/// Makes a credential, and shows its secret.
pub async fn create(posted: Posted, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (client, family) = (path.0.as_str(), family(&path.1)?);
    let path = ["api-clients", client, family.name];
    let body = credential(form);
    let call =
        Call { method: Method::POST, path: &path, query: &[], body: Some(&body), once: form.text("once") };
    match visit.call(call).await {
        Ok(made) => Ok(page(view::made(&visit.frame(HERE), family, client, &made))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            let shown = visit.get(&["api-clients", client], &[]).await?;
            let frame = visit.frame(HERE);
            Ok(page_again(view::form(&frame, family, &shown, &form.0, &once()?, Some(&refusal))))
        }
        Err(stop) => Err(stop),
    }
}

/// What a form says of a new credential.
fn credential(form: &Form) -> Value {
    let mut credential = json!({"name": form.text("name"), "scopes": form.words("scopes")});
    if let Some(expires_at) = form.utc("expiresAt") {
        credential["expiresAt"] = json!(expires_at);
    }
    if let Some(limit) = form.number("rateLimitOverride") {
        credential["rateLimitOverride"] = limit;
    }
    credential
}

/// Rotates or revokes one.
pub async fn act(
    posted: Posted,
    path: web::Path<(String, String, String, String)>,
) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (client, name, credential, action) = path.into_inner();
    let family = family(&name)?;
    let one = ["api-clients", &client, family.name, &credential];
    match action.as_str() {
        "rotate" => {
            let body = json!({"overlapSeconds": form.number("overlap")});
            let path = ["api-clients", &client, family.name, &credential, "rotate"];
            let rotated = visit.post(&path, Some(&body)).await?;
            Ok(page(view::rotated(&visit.frame(HERE), family, &client, &rotated)))
        }
        "revoke" => {
            let call = Call { method: Method::DELETE, path: &one, query: &[], body: None, once: None };
            visit.call(call).await?;
            Ok(see(&address(&[HERE, &client])))
        }
        _ => Err(Stop::missing()),
    }
}
