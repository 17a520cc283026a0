//! The platform surface: organisations, their clients and credentials, webhooks and what became of events.

pub mod audit;
pub mod automations;
pub mod clients;
pub mod common;
pub mod credentials;
pub mod crm;
pub mod dead_letters;
pub mod deliveries;
pub mod events;
pub mod figures;
pub mod ingest;
pub mod keys;
pub mod lex;
pub mod oauth;
pub mod organizations;
pub mod subscriptions;
pub mod usage;
pub mod webhooks;
pub mod words;

use super::operation::{Dialect, Document, Header, Refusal, When, json};
use super::schema::{count, date_time};
use super::usual::{CHALLENGE, IETF_LIMITS, MAY_RETRY_AFTER, REQUEST_ID, RETRY_AFTER, bearer_scheme};
use common::RateLimitError;
use contracts::Surface;

const ABOUT: &str = "\
The control plane of Leadwire: organisations, API clients and their credentials for every surface, usage, webhook \
subscriptions, and an account of every event and delivery.

Requests carry `Authorization: Bearer ins_…`. A key sees its own organisation; whatever belongs to another one is 404, \
as if it did not exist. With the scope `platform:admin` it sees all. Write scopes include the read scope of the same \
noun, and `platform:admin` includes all of them.

Times are RFC 3339 in UTC. Words such as statuses and tiers are accepted in any case and answered in upper case. \
Unknown fields of bodies and unknown parameters are ignored, and so is an empty parameter. A body is JSON of at most \
256 KiB, uncompressed.

Lists have pages: `page` from 1, `limit` from 1 to 100. Every answer has an `X-Request-Id`; name it when you ask for help.";

/// The surface's document.
pub fn document() -> Document {
    let document = Document::new(Surface::Platform, "Leadwire platform API", ABOUT, dialect())
        .tag("Organisations", "Tenants. Everything that is stored belongs to one.")
        .tag("API clients", "Programs of an organisation, which own credentials and webhooks.")
        .tag("API keys", "Keys of three surfaces: platform, crm, ingest.")
        .tag("Service credentials", "Shared secrets with which partners sign their tokens (HS256).")
        .tag(
            "OAuth credentials",
            "Client ids and secrets that are exchanged for access tokens of the lex surface.",
        )
        .tag("OAuth", "The exchange itself (RFC 6749, RFC 8414).")
        .tag("Usage", "What clients use, and what they may use.")
        .tag("Webhooks", "Subscriptions of a client to the events of its organisation, and an organisation's of all families.")
        .tag("Events", "What became of the events of an organisation.")
        .tag("CRM", "Records of the crm surface, to be read.")
        .tag(
            "Automations",
            "Automations of the crm surface, written as files by administrators, and their runs.",
        )
        .tag("Ingest", "The workers that applications send events about, and how much of the plan is used.")
        .tag("LEX", "Messages that the organisation sent and was sent, and its conformance runs.")
        .tag("Operation", "Events and deliveries of all organisations. For administrators.")
        .tag(
            "Dead letters",
            "Messages that services could not process, of all organisations. For administrators.",
        )
        .tag("Audit log", "Who changed what. For administrators.");
    let groups = [
        organizations::operations(),
        clients::operations(),
        keys::operations(),
        credentials::operations(),
        oauth::operations(),
        usage::operations(),
        webhooks::operations(),
        subscriptions::operations(),
        events::operations(),
        deliveries::operations(),
        figures::operations(),
        crm::operations(),
        automations::operations(),
        ingest::operations(),
        lex::operations(),
        dead_letters::operations(),
        audit::operations(),
    ];
    groups.into_iter().flatten().fold(document, Document::and)
}

fn dialect() -> Dialect {
    let [policy, policies] = IETF_LIMITS;
    Dialect {
        scheme: (
            "bearerAuth",
            bearer_scheme("ins_*", "An API key of the platform surface: `ins_<12 hex>_<secret>`."),
        ),
        error: json::<common::Internal>(),
        headers: vec![
            REQUEST_ID,
            Header::maybe(
                "X-RateLimit-Limit",
                count,
                "Requests that the window closest to its limit allows.",
            ),
            Header::maybe("X-RateLimit-Remaining", count, "Requests that are left in that window."),
            Header::maybe("X-RateLimit-Reset", date_time, "When that window ends, in UTC."),
            policy,
            policies,
        ],
        refusals: refusals(),
    }
}

fn refusals() -> Vec<Refusal> {
    use When::{Always, Authenticated, WithBody};
    let refusal = Refusal::new;
    vec![
        refusal(400, "Invalid", Always, "`VALIDATION_ERROR`: what is wrong is named in `details.fields`.")
            .of(json::<common::Invalid>()),
        refusal(401, "Unauthorized", Authenticated, "`UNAUTHORIZED`: no credential, or none that works.")
            .with(CHALLENGE)
            .of(json::<common::Unauthorized>()),
        refusal(
            403,
            "Forbidden",
            Authenticated,
            "`FORBIDDEN`: the key lacks the scope, or its client is suspended.",
        )
        .of(json::<common::Forbidden>()),
        refusal(413, "PayloadTooLarge", WithBody, "`PAYLOAD_TOO_LARGE`: the body has more than 256 KiB.")
            .of(json::<common::PayloadTooLarge>()),
        refusal(
            415,
            "UnsupportedMediaType",
            WithBody,
            "`UNSUPPORTED_MEDIA_TYPE`: the body is not JSON, or compressed.",
        )
        .of(json::<common::UnsupportedMediaType>()),
        refusal(429, "RateLimited", Always, "`RATE_LIMIT_EXCEEDED`: a window is used up.")
            .with(RETRY_AFTER)
            .of(json::<RateLimitError>()),
        refusal(500, "Internal", Always, "`INTERNAL_SERVER_ERROR`: a defect of ours.")
            .of(json::<common::Internal>()),
        refusal(502, "BadGateway", Always, "`UNAVAILABLE`: the service behind broke off its answer.")
            .of(json::<common::Unavailable>()),
        refusal(
            503,
            "Unavailable",
            Always,
            "`UNAVAILABLE`: something is down, and nothing was done. Try again.",
        )
        .with(MAY_RETRY_AFTER)
        .of(json::<common::Unavailable>()),
        refusal(504, "GatewayTimeout", Always, "`UNAVAILABLE`: the service behind did not answer in time.")
            .of(json::<common::Unavailable>()),
    ]
}
