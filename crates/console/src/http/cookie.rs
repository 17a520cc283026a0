//! The one cookie: what a browser holds of its session.

use actix_web::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse};

/// Browsers take a cookie of this name only over TLS, or from this machine, and from no other host than ours.
const NAME: &str = "__Host-leadwire-console";

/// What a request brings. Of several the first counts: the browser sends what fits the path best first.
pub fn of(request: &HttpRequest) -> Option<&str> {
    let values = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut cookies =
        values.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find_map(|(name, value)| (name == NAME).then_some(value))
}

/// Gives it to the browser, until that is closed: no script reads it, and no other site has it sent.
pub fn set(response: HttpResponse, token: &str) -> HttpResponse {
    with(response, &format!("{NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"))
}

/// Makes the browser forget it.
pub fn forget(response: HttpResponse) -> HttpResponse {
    with(response, &format!("{NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"))
}

fn with(mut response: HttpResponse, cookie: &str) -> HttpResponse {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}
