//! What is the same on every surface: headers, and what the gateway may say to any request.

use super::operation::{Header, Refusal, When};
use super::schema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// Every answer has it.
pub const REQUEST_ID: Header = Header::always(
    "X-Request-Id",
    schema::text,
    "Names the request in logs and in questions to support. One that the client sends is kept when it is 1 to 64 \
     letters, digits, `-` and `_`; otherwise a new one is made.",
);

/// The limits as the IETF's draft writes them, alike on all surfaces (draft-ietf-httpapi-ratelimit-headers-10).
pub const IETF_LIMITS: [Header; 2] = [
    Header::maybe("RateLimit", schema::text, "The tightest window: `\"key-minute\";r=<left>;t=<seconds>`."),
    Header::maybe(
        "RateLimit-Policy",
        schema::text,
        "Every window: `\"key-minute\";q=<requests>;w=<seconds>`, ….",
    ),
];

/// Beside 429.
pub const RETRY_AFTER: Header =
    Header::always("Retry-After", seconds, "Whole seconds after which another try makes sense.");

/// Beside 503, when it is known.
pub const MAY_RETRY_AFTER: Header =
    Header::maybe("Retry-After", seconds, "Whole seconds after which another try makes sense.");

/// Beside 401.
pub const CHALLENGE: Header =
    Header::always("WWW-Authenticate", bearer, "What kind of credential is wanted (RFC 9110 §11.6.1).");

/// Of an operation that keeps its first answer.
pub const REPLAYED: Header = Header::maybe(
    "Idempotent-Replayed",
    truth,
    "`true` when this is the kept answer to an earlier request; absent otherwise.",
);

fn seconds() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build()
}

fn bearer() -> Object {
    schema::text()
}

fn truth() -> Object {
    schema::one_of(["true"])
}

/// A credential in `Authorization: Bearer …`.
pub fn bearer_scheme(format: &str, about: &str) -> SecurityScheme {
    let http =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format).description(Some(about));
    SecurityScheme::Http(http.build())
}

/// What the gateway and the edge of every service may answer to any request, in the surface's dialect.
pub fn refusals() -> Vec<Refusal> {
    use When::{Always, Authenticated, WithBody};
    vec![
        Refusal::new(
            400,
            "BadRequest",
            Always,
            "The path is not in normal form, a header is broken, or the body broke off.",
        ),
        Refusal::new(401, "Unauthorized", Authenticated, "There is no credential, or it is not accepted.")
            .with(CHALLENGE),
        Refusal::new(403, "Forbidden", Authenticated, "The credential is valid and does not allow this."),
        Refusal::new(413, "PayloadTooLarge", WithBody, "The body is larger than the surface allows."),
        Refusal::new(
            415,
            "UnsupportedMediaType",
            WithBody,
            "The body has another media type than those listed, or is compressed.",
        ),
        Refusal::new(429, "RateLimited", Always, "A rate limit is used up; nothing was done.")
            .with(RETRY_AFTER),
        Refusal::new(500, "Internal", Always, "Our defect; the request id leads to it."),
        Refusal::new(
            502,
            "BadGateway",
            Always,
            "The service behind the gateway cannot be reached. Try again.",
        ),
        Refusal::new(
            503,
            "Unavailable",
            Always,
            "Something that is needed is down, and nothing was accepted. Try again.",
        )
        .with(MAY_RETRY_AFTER),
        Refusal::new(
            504,
            "GatewayTimeout",
            Always,
            "The service did not answer in time. Repeat it, idempotently.",
        ),
    ]
}
