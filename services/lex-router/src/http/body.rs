//! Reading messages from requests: JSON and XML by content type.

use crate::usecases::submit::Incoming;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use chrono::{DateTime, Utc};
use contracts::FaultCode;
use lex::Message;
use lex::header::MessageType;
use lex::message::Unreadable;
use platform::Fault;
use platform_http::AnyBytes;
use platform_http::edge::header;
use serde::Deserialize;
use serde_json::value::RawValue;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Xml,
}

/// A message, or what is wrong with the bytes.
///
/// # Errors
/// When the body is neither JSON nor XML.
pub fn message(
    request: &HttpRequest,
    body: &AnyBytes,
    only: Option<MessageType>,
    since: DateTime<Utc>,
) -> Result<Result<Incoming, Unreadable>, Fault> {
    let form = form(body)?;
    let key = header(request.headers(), &IDEMPOTENCY_KEY).map(str::to_owned);
    let read = match form {
        Form::Json => incoming(&body.bytes, since),
        Form::Xml => Message::from_xml(&body.bytes).map(|message| {
            let document = String::from_utf8(message.to_json()).unwrap_or_default();
            Incoming { message, document, only: None, idempotency_key: None, since }
        }),
    };
    Ok(read.map(|incoming| Incoming { only, idempotency_key: key, ..incoming }))
}

fn form(body: &AnyBytes) -> Result<Form, Fault> {
    match body.media_type.as_deref() {
        None | Some("application/json") => Ok(Form::Json),
        Some("application/xml" | "text/xml") => Ok(Form::Xml),
        Some(_) => {
            let message = "the body must be application/json, application/xml or text/xml";
            Err(Fault::new(FaultCode::UnsupportedMediaType, message))
        }
    }
}

fn incoming(bytes: &[u8], since: DateTime<Utc>) -> Result<Incoming, Unreadable> {
    let message = Message::from_json(bytes)?;
    let document = std::str::from_utf8(bytes).unwrap_or_default().to_owned();
    Ok(Incoming { message, document, only: None, idempotency_key: None, since })
}

#[derive(Deserialize)]
struct BatchBody<'d> {
    #[serde(borrow)]
    messages: Option<&'d RawValue>,
}

/// The messages of a batch, in order, each read or refused by itself.
///
/// # Errors
/// When the body is no batch.
pub fn batch(bytes: &[u8], since: DateTime<Utc>) -> Result<Vec<Result<Incoming, Unreadable>>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_not_utf8: std::str::Utf8Error| {
        Fault::new(FaultCode::MalformedBody, "the body is not UTF-8")
    })?;
    let body: BatchBody<'_> = serde_json::from_str(text).map_err(|error| {
        // serde_json's own text quotes the body.
        let place = (error.line(), error.column());
        let what = if error.is_data() { "an object with a list \"messages\"" } else { "valid JSON" };
        Fault::new(
            FaultCode::MalformedBody,
            format!("the body is not {what} (line {}, column {})", place.0, place.1),
        )
    })?;
    let list = body.messages.map(RawValue::get).filter(|list| list.starts_with('['));
    let list =
        list.ok_or_else(|| Fault::new(FaultCode::BadRequest, "\"messages\" must be a list of messages"))?;
    let messages: Vec<&RawValue> = serde_json::from_str(list)
        .map_err(|error| Fault::new(FaultCode::MalformedBody, "\"messages\" is not a list").because(error))?;
    Ok(messages.into_iter().map(|message| incoming(message.get().as_bytes(), since)).collect())
}
