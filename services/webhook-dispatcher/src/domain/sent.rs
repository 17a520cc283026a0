//! The headers of a delivery's requests. They are not stored: but for what is secret they follow from the delivery,
//! its event, its subscription as it is now, and the time of the request.

use super::delivery::DeliveryKey;
use super::event::Event;
use super::operation::Attempt;
use super::subscription::{Family, Subscription};
use lex::render::Rendered;
use signing::standard;

/// What receivers see of us.
pub const USER_AGENT: &str = concat!("Leadwire/", env!("CARGO_PKG_VERSION"));

/// A header. `None` as its value: not kept, and not to be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: &'static str,
    pub value: Option<String>,
}

/// Those of one request, in their order. `signer` is whose secret it was signed with.
pub fn headers(
    signer: &Subscription,
    event: &Event,
    rendered: &Rendered,
    key: DeliveryKey,
    attempt: &Attempt,
) -> Vec<Header> {
    let known = |name, value: &str| Header { name, value: Some(value.to_owned()) };
    let secret = |name| Header { name, value: None };
    let mut headers = vec![
        known(standard::ID_HEADER, &key.webhook_id()),
        known(standard::TIMESTAMP_HEADER, &attempt.started_at.timestamp().to_string()),
        secret(standard::SIGNATURE_HEADER),
    ];
    if signer.secret_known {
        headers.push(secret(match signer.family {
            Family::Partner => signing::Family::Partner.header(),
            Family::Platform => signing::Family::Platform.header(),
            Family::Lex => signing::Family::Lex.header(),
        }));
    }
    headers.push(known("content-type", rendered.content_type));
    headers.extend(rendered.headers.iter().map(|(name, value)| known(name, value)));
    // Its trace is the event's, its span was the request's own.
    headers.extend(event.traceparent.as_ref().map(|_| secret("traceparent")));
    headers.push(known("user-agent", USER_AGENT));
    headers
}
