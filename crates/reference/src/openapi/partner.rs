//! The document of the partner surface: leads of partner systems, their webhooks, health, keys.

pub mod leads;
pub mod subscriptions;

use super::operation::{Dialect, Document, Header, json, operation};
use super::schema;
use super::usual::{self, REQUEST_ID};
use contracts::Surface;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

const ABOUT: &str = "Partner systems submit leads, look where they are, and subscribe to what happens to them.\n\n\
    Every request but the open ones carries a token of its own in `Authorization: Bearer …`: a JWT signed with \
    HS256 and the secret of a service credential, with `iss`, `sub`, `aud`, `exp`, `iat`, `jti`, `scopes` and `kid`. \
    A `jti` is taken once: a repetition needs a new token and the same `correlation_id`. The limit is 60 requests a \
    minute for each credential. Bodies are JSON of at most 256 KiB.";

/// The limit that the request was counted against.
pub const LIMITS: [Header; 3] = [
    Header::maybe("RateLimit-Limit", schema::integer, "Requests per minute that the credential may make."),
    Header::maybe("RateLimit-Remaining", schema::integer, "Requests that are left of them."),
    Header::maybe("RateLimit-Reset", schema::integer, "Whole seconds until all of them are there again."),
];

/// What every refusal says.
#[derive(ToSchema)]
pub struct ErrorEnvelope {
    #[schema(schema_with = schema::no)]
    pub ok: bool,
    pub error: Refused,
}

/// What was wrong.
#[derive(ToSchema)]
pub struct Refused {
    /// In a word, for programs.
    pub code: ErrorCode,
    /// In a sentence, for people.
    pub message: String,
    #[schema(nullable = false)]
    pub details: Option<Details>,
}

/// What else there is to know of it.
#[derive(ToSchema)]
pub struct Details {
    /// Every field that is wrong.
    #[schema(nullable = false)]
    pub fields: Option<Vec<WrongField>>,
}

/// A field that breaks a rule.
#[derive(ToSchema)]
pub struct WrongField {
    /// Where it is: `customer.address.state`.
    pub path: String,
    /// The rule: `must be at most 100 characters`.
    pub message: String,
}

/// Why a request was refused. 404 and 405 are `NOT_FOUND`; 400, 413, 415 and 422 `VALIDATION_FAILED`, unless a
/// correlation id was used before with another body; 5xx are `INTERNAL`.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    Unauthorized,
    Forbidden,
    NotFound,
    ValidationFailed,
    Conflict,
    IdempotencyMismatch,
    JtiReplay,
    RateLimited,
    JwtAlgNotSupported,
    JwtInvalid,
    JwtExpired,
    Internal,
}

/// The public keys that access tokens of OAuth clients are signed with (RFC 7517 §5). An HS256 secret is never among
/// them.
#[derive(ToSchema)]
pub struct Jwks {
    #[schema(schema_with = keys)]
    pub keys: Vec<()>,
}

fn keys() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::Array::new(schema::any_object())
}

/// All is well.
#[derive(ToSchema)]
pub struct HealthzOk {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    /// The version that runs.
    pub build: String,
    pub checks: Checks,
}

/// What was looked at, each with a limit of a second.
#[derive(ToSchema)]
pub struct Checks {
    /// PostgreSQL answers.
    pub db: bool,
    /// Redis answers.
    pub redis: bool,
    /// The tables of this month and the next are there.
    pub partitions_provisioned: bool,
}

/// Something is not well.
#[derive(ToSchema)]
pub struct HealthzFail {
    #[schema(schema_with = schema::no)]
    pub ok: bool,
    /// Which checks failed.
    pub failed_checks: Vec<String>,
}

fn slug() -> Object {
    schema::matching("^[a-z][a-z0-9_]+$")
}

/// A path's partner.
const SLUG: &str = "The partner's slug. Another partner's is 403, whether it exists or not.";

/// The whole document.
pub fn document() -> Document {
    let [limit, remaining, reset] = LIMITS;
    let dialect = Dialect {
        scheme: (
            "serviceJwt",
            usual::bearer_scheme("JWT", "HS256, made for one request, at most 15 minutes long."),
        ),
        error: json::<ErrorEnvelope>(),
        headers: vec![REQUEST_ID, limit, remaining, reset],
        refusals: usual::refusals(),
    };
    let document = Document::new(Surface::Partner, "Leadwire partner leads", ABOUT, dialect)
        .tag("leads", "Leads that partners submit.")
        .tag("webhooks", "Subscriptions to what happens to them.")
        .tag("service", "Open to everybody, limited per address.");
    subscriptions::add(leads::add(document)).and(jwks()).and(healthz())
}

fn jwks() -> super::operation::Operation {
    operation("GET", "/.well-known/jwks.json", "service", "jwks")
        .summary("Public keys")
        .about("A key stays for as long as a token that it signed may live, also after another has taken its place.")
        .answers(200, "The keys.", [super::operation::body::<Jwks>("application/jwk-set+json")])
        .with(Header::maybe("Cache-Control", schema::text, "For how long the keys may be kept."))
}

fn healthz() -> super::operation::Operation {
    operation("GET", "/api/v1/healthz", "service", "healthz")
        .summary("Whether leads can be taken")
        .answers(200, "All is well.", [json::<HealthzOk>()])
        .answers(503, "Something is not well, or nothing could be asked.", [json::<HealthzFail>()])
}
