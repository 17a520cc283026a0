//! What the handlers of changes have in common: where a request comes from, what it is known by when it is
//! repeated, and one transaction for the whole of it, committed before the answer leaves.

use super::guard::Passage;
use crate::state::State;
use crate::usecases::change::{Change, Origin};
use crate::usecases::once::{self, Answer, Once};
use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use contracts::identity::Principal;
use platform::document::canonical;
use platform::secrets::digest;
use platform::{Fault, Violation};
use platform_http::HttpFault;
use platform_http::edge::request_id;
use serde_json::Value;
use std::future::{Ready, ready};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const MAX_KEY: usize = 255;

/// What a change needs to know of its request beside the body.
#[derive(Clone, Debug)]
pub struct Asked {
    origin: Origin,
    method: Method,
    path: String,
    /// Of a `POST`.
    key: Option<String>,
}

impl Asked {
    /// For what needs no key, because it is safe to repeat.
    pub fn origin(self) -> Origin {
        self.origin
    }
}

impl FromRequest for Asked {
    type Error = HttpFault;
    type Future = Ready<Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request).map_err(HttpFault))
    }
}

fn read(request: &HttpRequest) -> Result<Asked, Fault> {
    let address = request.extensions().get::<Passage>().map(|passage| passage.address);
    let address = address.ok_or_else(|| Fault::internal("the request did not pass the guard"))?;
    let method = request.method().clone();
    // The other methods are idempotent by themselves.
    let key = if method == Method::POST { key(request.headers())? } else { None };
    let origin = Origin { address, request_id: request_id(request) };
    Ok(Asked { origin, method, path: request.path().to_owned(), key })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(first) = values.next() else { return Ok(None) };
    let visible = |key: &&str| key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let key = first.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len())).filter(visible);
    match key.filter(|_| values.next().is_none()) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Fault::validation(vec![Violation::new(
            IDEMPOTENCY_KEY,
            format!("must be one text of 1 to {MAX_KEY} visible ASCII characters"),
        )])),
    }
}

/// An answer with a JSON body.
pub fn answer(status: StatusCode, body: &Value) -> Answer {
    Answer { status: status.as_u16(), body: body.to_string().into_bytes(), replayed: false }
}

/// Does the work in one transaction, for what is not known by a key; its answer is made after the commit.
///
/// # Errors
/// What the work fails with, in which case nothing has happened; or when it cannot be committed.
pub async fn change<T>(
    state: &State,
    caller: &Principal,
    asked: Asked,
    work: impl AsyncFnOnce(&mut Change<'_>) -> Result<T, Fault>,
) -> Result<T, HttpFault> {
    let mut change = Change::begin(state, caller, asked.origin).await?;
    let made = work(&mut change).await?;
    change.commit().await?;
    Ok(made)
}

/// Does the work in one transaction; a repeated request gets the first one's answer.
///
/// # Errors
/// What the work fails with, in which case nothing has happened; or when it cannot be committed.
pub async fn make(
    state: &State,
    caller: &Principal,
    asked: Asked,
    document: Option<&Value>,
    work: impl AsyncFnOnce(&mut Change<'_>) -> Result<Answer, Fault>,
) -> Result<HttpResponse, HttpFault> {
    let Asked { origin, method, path, key } = asked;
    let once = key.map(|key| {
        let document = document.map(canonical).unwrap_or_default();
        Once { key, fingerprint: digest(format!("{method} {path}\n{document}").as_bytes()) }
    });
    let made = once::make(state, caller, origin, once, work).await?;
    let status = StatusCode::from_u16(made.status).map_err(Fault::internal)?;
    let mut response = HttpResponse::build(status);
    if made.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    // Some answers hold a secret; none is worth keeping.
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(response.content_type("application/json").body(made.body))
}
