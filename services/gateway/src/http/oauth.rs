//! `POST /oauth/token` and `GET /.well-known/oauth-authorization-server`. The token endpoint speaks RFC 6749
//! §5.2; what the guard refuses, and failures of ours, speak the platform's dialect.

use crate::domain::oauth::{OauthError, TokenRequest};
use crate::domain::scopes::LEX;
use crate::state::State;
use crate::usecases::issue_token::{IssueTokenError, IssuedToken, issue_token};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use platform::Fault;
use platform_http::edge::{Final, header};
use platform_http::{Anyone, Edge, HttpFault};
use serde_json::json;

/// A form of four short parameters is not longer, in bytes.
const MAX_FORM: usize = 16 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// `POST /oauth/token`.
pub async fn token(
    _: Anyone,
    state: web::Data<State>,
    edge: web::Data<Edge>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpFault> {
    match exchanged(&state, &edge, &request, payload).await {
        Ok(issued) => Ok(unstored(&mut HttpResponse::Ok()).json(json!({
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "scope": issued.scopes.join(" "),
        }))),
        Err(IssueTokenError::Refused(error)) => Ok(refused(&error)),
        Err(IssueTokenError::Sign(error)) => Err(Fault::internal(error).into()),
        Err(IssueTokenError::Store(error)) => Err(Fault::from(error).into()),
    }
}

async fn exchanged(
    state: &State,
    edge: &Edge,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<IssuedToken, IssueTokenError> {
    let headers = request.headers();
    check_media_type(headers)?;
    let authorization = authorization(headers)?;
    let form = tokio::time::timeout(edge.body_timeout, body(payload)).await;
    let form = form.unwrap_or(Err(OauthError::InvalidRequest("the body did not arrive in time")))?;
    let request = TokenRequest::read(request.query_string(), authorization, &form)?;
    issue_token(state, &request).await
}

fn check_media_type(headers: &HeaderMap) -> Result<(), OauthError> {
    let kind = header(headers, &CONTENT_TYPE).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
        return Err(OauthError::InvalidRequest("the body must be application/x-www-form-urlencoded"));
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(OauthError::InvalidRequest("the body must not be compressed"));
    }
    Ok(())
}

fn authorization(headers: &HeaderMap) -> Result<Option<&str>, OauthError> {
    let mut values = headers.get_all(AUTHORIZATION);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().ok();
            text.map(Some).ok_or(OauthError::InvalidClient("the Authorization header is not text"))
        }
        (Some(_), Some(_)) => Err(OauthError::InvalidRequest("there are several Authorization headers")),
    }
}

async fn body(mut payload: web::Payload) -> Result<BytesMut, OauthError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let Ok(chunk) = chunk else { return Err(OauthError::InvalidRequest("the body broke off")) };
        if body.len() + chunk.len() > MAX_FORM {
            return Err(OauthError::InvalidRequest("the body is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// RFC 6749 §5.2. A 401 has its challenge whether the client tried `Basic` or not (RFC 9110 §15.5.2).
fn refused(error: &OauthError) -> HttpResponse {
    let status = match error {
        OauthError::InvalidClient(_) => StatusCode::UNAUTHORIZED,
        OauthError::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
        OauthError::InvalidRequest(_)
        | OauthError::UnauthorizedClient
        | OauthError::UnsupportedGrantType
        | OauthError::InvalidScope(_) => StatusCode::BAD_REQUEST,
    };
    let mut builder = HttpResponse::build(status);
    if status == StatusCode::UNAUTHORIZED {
        builder.insert_header((WWW_AUTHENTICATE, r#"Basic realm="leadwire", charset="UTF-8""#));
    }
    if let OauthError::TooManyAttempts(seconds) = error {
        builder.insert_header((RETRY_AFTER, *seconds));
    }
    let mut response =
        unstored(&mut builder).json(json!({"error": error.code(), "error_description": error.to_string()}));
    response.extensions_mut().insert(Final);
    response
}

/// RFC 6749 §5.1.
fn unstored(builder: &mut actix_web::HttpResponseBuilder) -> &mut actix_web::HttpResponseBuilder {
    builder.insert_header(("Cache-Control", "no-store")).insert_header(("Pragma", "no-cache"))
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414 §3.2).
pub async fn metadata(_: Anyone, state: web::Data<State>) -> HttpResponse {
    let oauth = &state.trust.oauth;
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(json!({
        "issuer": oauth.issuer,
        "token_endpoint": oauth.token_endpoint(),
        "jwks_uri": format!("{}/.well-known/jwks.json", oauth.issuer),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": LEX,
        "response_types_supported": [],
    }))
}
