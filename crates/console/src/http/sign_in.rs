//! Signing in with an API key, and out.

use super::cookie;
use super::stop::Stop;
use super::visit::{self, Form, Posted, Visit};
use super::{page, see};
use crate::Console;
use crate::clients::api::{Call, Method, OnBehalf};
use crate::session::{self, Who};
use crate::view;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use platform::limits::{Period, Window};
use platform_http::edge::{Final, request_id};
use secrecy::SecretString;

const SIGN_IN: &str = "/console/sign-in";
/// Longer than any API key.
const LONGEST_KEY: usize = 200;

/// The form, or where to go for those who have been through it.
pub async fn form(console: web::Data<Console>, request: HttpRequest) -> Result<HttpResponse, Stop> {
    let query = Form::parse(request.query_string().as_bytes());
    let next = local(query.text("next"));
    if let Some(token) = cookie::of(&request)
        && session::find(&console, token).await?.is_some()
    {
        return Ok(see(&next));
    }
    let note = query.text("ended").map(|_| "The session has ended. Sign in again to go on.");
    Ok(page(view::sign_in::form(&next, note, None)))
}

/// Turns an API key into a session.
///
/// No token of a session can be asked for here, where there is none yet. The cookie is `SameSite`, and a request that
/// says it comes from another site is not taken: nobody is signed in under somebody else's key.
pub async fn sign_in(
    console: web::Data<Console>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Stop> {
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(Stop::Forged);
    }
    let visitor = visit::visitor(&request);
    let window = Window {
        key: format!("{{{visitor}}}:console:sign-in"),
        period: Period::Minute,
        limit: console.settings.sign_ins_per_minute,
    };
    let verdict = console.limiter.charge(&[window], 1).await;
    let form = visit::read(&request, &mut payload.into_inner()).await?;
    let next = local(form.text("next"));
    if !verdict.allowed {
        let wait = verdict.windows.first().map_or(60, |window| window.reset_seconds);
        let refused = format!("Too many attempts from this address. Try again in {wait} s.");
        let mut response = again(StatusCode::TOO_MANY_REQUESTS, &next, &refused);
        response.headers_mut().insert(RETRY_AFTER, wait.into());
        return Ok(response);
    }
    let key = form.text("key").filter(|key| key.len() <= LONGEST_KEY && key.starts_with("ins_"));
    let Some(key) = key.map(SecretString::from) else {
        let refused = "This is not a key of the platform: those begin with ins_.";
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &next, refused));
    };
    let id = request_id(&request);
    let whose = OnBehalf { key: &key, visitor, request_id: &id };
    let call = Call { method: Method::GET, path: &["whoami"], query: &[], body: None, once: None };
    let who: Who = match console.api.call(&whose, call).await {
        Ok(who) => serde_json::from_value(who).map_err(|error| {
            tracing::error!(%error, "the API does not say who a key is");
            Stop::Broken
        })?,
        Err(refusal) if matches!(refusal.status, 401 | 403) => {
            let refused = "The key is unknown, revoked or expired, or its client is suspended.";
            return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &next, refused));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let token = session::begin(&console, &key, who).await?;
    Ok(cookie::set(see(&next), &token))
}

/// The form once more. The status tells scripts, and the edge leaves the page alone.
fn again(status: StatusCode, next: &str, refused: &str) -> HttpResponse {
    let page = view::sign_in::form(next, None, Some(refused));
    let mut response =
        HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.into_string());
    response.extensions_mut().insert(Final);
    response
}

/// Ends this session.
pub async fn sign_out(posted: Posted) -> Result<HttpResponse, Stop> {
    session::end(&posted.visit.console, &posted.visit.session).await?;
    Ok(cookie::forget(see(SIGN_IN)))
}

/// Ends every session of this key.
pub async fn sign_out_everywhere(posted: Posted) -> Result<HttpResponse, Stop> {
    session::end_everywhere(&posted.visit.console, &posted.visit.session).await?;
    Ok(cookie::forget(see(SIGN_IN)))
}

/// Who is signed in, and until when.
pub async fn session(visit: Visit) -> Result<HttpResponse, Stop> {
    Ok(page(view::sign_in::session(&visit.frame("session"), &visit.session, visit.console.settings.idle)))
}

/// A page of the console, whatever was asked for.
fn local(next: Option<&str>) -> String {
    let is_ours = |next: &&str| {
        (*next == "/console" || next.starts_with("/console/") || next.starts_with("/console?"))
            && !next.contains(['\\', '\r', '\n'])
    };
    next.filter(is_ours).unwrap_or("/console").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_pages_of_the_console_alone() {
        for next in ["/console", "/console/events?type=lead.created", "/console?x=1"] {
            assert_eq!(local(Some(next)), next);
        }
        for next in ["//evil.example", "https://evil.example", "/consoles", "/console/\r\nx: y", ""] {
            assert_eq!(local(Some(next)), "/console", "{next:?}");
        }
    }
}
