//! Why a page is not shown or an action not done, as a page.

use super::cookie;
use crate::clients::api::Refusal;
use crate::session::SessionError;
use crate::view;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use platform::secrets::SecretError;
use platform_http::HttpFault;
use platform_http::edge::{Final, chain};
use std::fmt;

/// The end of a request.
#[derive(Debug)]
pub enum Stop {
    /// Nobody is signed in; where to go afterwards. `true`: the session that was there has ended.
    SignIn { next: String, ended: bool },
    /// The API says no.
    Refused(Refusal),
    /// The form is not one of this session.
    Forged,
    /// What was sent is no form.
    Malformed(String),
    /// Ours to answer for.
    Broken,
}

impl Stop {
    /// What is said of everything that does not exist, or not for this key.
    pub fn missing() -> Self {
        let message = "there is nothing at this address, or not for this key".to_owned();
        Self::Refused(Refusal { status: 404, message, fields: Vec::new(), retry_after: None })
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SessionError> for Stop {
    fn from(error: SessionError) -> Self {
        tracing::error!(error = chain(&error), "no session");
        let message = "sessions are not available at the moment".to_owned();
        match error {
            SessionError::Store(_) => {
                Self::Refused(Refusal { status: 503, message, fields: Vec::new(), retry_after: Some(5) })
            }
            SessionError::Secret(_) | SessionError::Unwritable(_) => Self::Broken,
        }
    }
}

impl From<SecretError> for Stop {
    fn from(error: SecretError) -> Self {
        tracing::error!(error = chain(&error), "no random bytes");
        Self::Broken
    }
}

impl From<HttpFault> for Stop {
    fn from(fault: HttpFault) -> Self {
        Self::Malformed(fault.0.message.to_string())
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIn { .. } => f.write_str("nobody is signed in"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Forged => f.write_str("the form is not one of this session"),
            Self::Malformed(message) => f.write_str(message),
            Self::Broken => f.write_str("something broke on our side"),
        }
    }
}

impl ResponseError for Stop {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn { .. } => StatusCode::SEE_OTHER,
            Self::Refused(refusal) => {
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Forged => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Self::SignIn { next, ended } = self {
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("next", next)
                .extend_pairs(ended.then_some(("ended", "1")))
                .finish();
            let response = response.insert_header(("location", format!("/console/sign-in?{query}"))).finish();
            return if *ended { cookie::forget(response) } else { response };
        }
        let (refused, fields): (Option<&Refusal>, &[_]) = match self {
            Self::Refused(refusal) => (Some(refusal), &refusal.fields),
            _ => (None, &[]),
        };
        if let Some(seconds) = refused.and_then(|refusal| refusal.retry_after) {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        let page = view::layout::stop(self.status_code().as_u16(), &self.to_string(), fields);
        let mut response = response.content_type("text/html; charset=utf-8").body(page.into_string());
        // The edge would put the JSON of an API in its place.
        response.extensions_mut().insert(Final);
        response
    }
}
