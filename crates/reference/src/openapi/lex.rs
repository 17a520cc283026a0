//! The document of the lex surface: messages of the Lead Exchange Standard, subscriptions to them, conformance.

pub mod answers;
pub mod messages;
mod standard;
pub mod subscriptions;

use super::operation::{Body, Dialect, Document, Header, Operation, body, json, operation};
use super::schema::{between_or, count, one_of, text};
use super::usual::{self, IETF_LIMITS, REQUEST_ID};
use answers as said;
use contracts::Surface;
use messages::{AnyLexMessage, BatchRequest, LeadClosureRequest, LexLeadRequest, LexMessageXml};
use subscriptions as webhook;
use utoipa::ToSchema;
use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};

const ABOUT: &str = "Messages of the Lead Exchange Standard: checked, stored, acknowledged, and delivered to the \
    subscriptions of those who take part in them. A message's id is its sender's own and makes it repeatable: the same \
    id is answered as it was the first time, for ever. Messages are JSON or XML of at most 4 MiB, not compressed. 1,000 \
    messages a minute for an organization (10,000 for an enterprise); a batch counts as many as it has.";

/// A scope and what it is for.
const SCOPES: [(&str, &str); 7] = [
    ("lex:leads:read", "Read messages about leads."),
    ("lex:leads:write", "Send LEAD and ACKNOWLEDGMENT messages."),
    ("lex:assets:read", "Read ASSET messages."),
    ("lex:assets:write", "Send ASSET messages."),
    ("lex:closures:write", "Close leads."),
    ("lex:subscriptions:manage", "Make and change subscriptions."),
    ("lex:conformance", "Run the conformance suite."),
];
const BY_TYPE: &str = "The scope that the token needs is that of the message's type: `lex:leads:write` for LEAD and \
    ACKNOWLEDGMENT, `lex:assets:write`, `lex:closures:write`, `lex:subscriptions:manage`.";
const NO_MESSAGE: &str = "There is no message of this id, sent or received.";
const NO_SUBSCRIPTION: &str = "The organization has no subscription of this id.";

/// The whole document.
///
/// # Errors
/// When the standard's schemas are no JSON.
pub fn document() -> serde_json::Result<Document> {
    let document = Document::new(Surface::Lex, "Leadwire lead exchange (LEX)", ABOUT, dialect())
        .tag("messages", "What organizations tell each other.")
        .tag("subscriptions", "Where messages are delivered.")
        .tag("conformance", "Whether an organization's messages keep to the standard.")
        .tag("service", "Open to everybody, limited per address.")
        .schemas(standard::components()?);
    Ok(service(conformance(deliveries(subscribed(reading(sending(document)))))))
}

fn sending(document: Document) -> Document {
    document
        .and(
            single(operation("POST", "/v1/messages", "messages", "sendMessage"))
                .summary("Sends a message")
                .about(BY_TYPE)
                .takes(message::<AnyLexMessage>())
                .answers(200, "It is accepted, now or before.", [json::<said::MessageSubmitResponse>()]),
        )
        .and(
            operation("POST", "/v1/messages/batch", "messages", "sendMessages")
                .summary("Sends 1 to 100 messages")
                .about(
                    "They are taken in their order, each by itself: what refuses one leaves the others alone. A batch \
                     of more messages than the minute has left is a 429 as a whole.",
                )
                .takes([json::<BatchRequest>()])
                .answers(200, "What became of each.", [json::<said::BatchResponse>()])
                .refuses(400, "The body is no batch of 1 to 100 messages (`INVALID_BATCH_SIZE`, `BAD_REQUEST`)."),
        )
        .and(
            single(operation("POST", "/v1/leads", "messages", "sendLead"))
                .scope("lex:leads:write")
                .summary("Sends a LEAD message")
                .takes(message::<LexLeadRequest>())
                .answers(200, "It is accepted, now or before.", [json::<said::LeadSubmitResponse>()]),
        )
        .and(
            operation("POST", "/v1/leads/{leadId}/closure", "messages", "closeLead")
                .scope("lex:closures:write")
                .summary("Says how a lead ended")
                .about("By either side of the lead: the other one gets a LEAD_CLOSURE message.")
                .path("leadId", text(), "The lead's id, as its messages say it.")
                .takes([json::<LeadClosureRequest>()])
                .answers(200, "The message that says so.", [json::<said::MessageSubmitResponse>()])
                .answers(400, "The body breaks rules.", [json::<said::NotValid>()])
                .refuses(404, "The organization takes no part in a lead of this id."),
        )
        .and(
            single(operation("POST", "/v1/assets", "messages", "sendAsset"))
                .scope("lex:assets:write")
                .summary("Sends an ASSET message")
                .takes(message::<AnyLexMessage>())
                .answers(200, "It is accepted, now or before.", [json::<said::MessageSubmitResponse>()]),
        )
}

/// A message as JSON or as XML.
fn message<M: ToSchema>() -> [Body; 3] {
    [json::<M>(), body::<LexMessageXml>("application/xml"), body::<LexMessageXml>("text/xml")]
}

fn single(operation: Operation) -> Operation {
    operation
        .header("Idempotency-Key", text(), "The message's id; another is refused.")
        .answers(400, "The message is not valid; every issue is named.", [json::<said::NotValid>()])
        .refuses(403, "`senderId` is another organization's name, or the scope is missing.")
}

fn reading(document: Document) -> Document {
    let of_message = |path, id| {
        operation("GET", path, "messages", id)
            .about("`lex:assets:read` for ASSET messages, `lex:leads:read` for all others.")
            .path("messageId", text(), "The id that its sender gave it.")
            .refuses(404, NO_MESSAGE)
    };
    let acknowledgment = |path, id| {
        of_message(path, id)
            .summary("What became of a message")
            .answers(200, "What was said last.", [json::<said::AcknowledgmentRecord>()])
            .answers(
                202,
                "Nothing is known yet. This exchange acknowledges on acceptance and never says so.",
                [],
            )
    };
    document
        .and(
            operation("GET", "/v1/messages", "messages", "listDeadMessages")
                .summary("Lists one's own messages that nobody got")
                .about("`lex:assets:read` for ASSET messages, `lex:leads:read` for all others.")
                .required_query("status", one_of(["DLQ"]), "Only this list is kept.")
                .query("limit", between_or(1, 100, 50), "How many a page has.")
                .query("cursor", text(), "The `nextCursor` of the page before.")
                .answers(200, "A page.", [json::<said::DeadMessageList>()])
                .refuses(400, "A parameter breaks rules; `details` names each."),
        )
        .and(
            of_message("/v1/messages/{messageId}", "getMessage")
                .summary("Reads a message that was sent or received")
                .answers(200, "The message and where it stands.", [json::<said::MessageRecord>()]),
        )
        .and(acknowledgment("/v1/messages/{messageId}/acknowledgment", "getAcknowledgment"))
        .and(acknowledgment("/v1/messages/{messageId}/ack", "getAck"))
}

fn managed(method: &'static str, rest: &'static str, id: &str) -> Operation {
    operation(method, rest, "subscriptions", id).scope("lex:subscriptions:manage")
}

fn of_subscription(operation: Operation) -> Operation {
    operation.path("subscriptionId", text(), "The subscription's id.").refuses(404, NO_SUBSCRIPTION)
}

fn subscribed(document: Document) -> Document {
    document
        .and(
            managed("POST", "/v1/subscriptions", "createSubscription")
                .summary("Subscribes")
                .takes([json::<webhook::SubscriptionRequest>()])
                .answers(201, "It is in force.", [json::<webhook::SubscriptionRecord>()])
                .answers(400, "The body breaks rules; every field is named.", [json::<said::NotValid>()])
                .refuses(409, "The client has a hundred subscriptions.")
                .refuses(404, "The client was deleted in the meantime."),
        )
        .and(
            managed("GET", "/v1/subscriptions", "listSubscriptions")
                .summary("Lists the organization's subscriptions")
                .query(
                    "status",
                    one_of(["ACTIVE", "PAUSED"]),
                    "Those of this status; the active ones by default.",
                )
                .answers(200, "All of them, oldest first.", [json::<webhook::SubscriptionList>()])
                .refuses(400, "There is no such status."),
        )
        .and(
            of_subscription(managed("GET", "/v1/subscriptions/{subscriptionId}", "getSubscription"))
                .summary("Reads a subscription")
                .answers(200, "As it is now.", [json::<webhook::SubscriptionRecord>()]),
        )
        .and(
            of_subscription(managed("PATCH", "/v1/subscriptions/{subscriptionId}", "changeSubscription"))
                .summary("Changes a subscription")
                .takes([
                    json::<webhook::SubscriptionChange>(),
                    body::<webhook::SubscriptionChange>("application/merge-patch+json"),
                ])
                .answers(200, "As it is then.", [json::<webhook::SubscriptionRecord>()])
                .answers(400, "The body breaks rules; every field is named.", [json::<said::NotValid>()]),
        )
        .and(
            of_subscription(managed("DELETE", "/v1/subscriptions/{subscriptionId}", "deleteSubscription"))
                .summary("Ends a subscription")
                .answers(204, "It is gone, and what was pending is cancelled.", []),
        )
        .and(
            of_subscription(managed(
                "POST",
                "/v1/subscriptions/{subscriptionId}/rotate-secret",
                "rotateSecret",
            ))
            .summary("Renews the secret")
            .about("For a while deliveries carry both signatures.")
            .may_take([json::<webhook::RotateRequest>()])
            .answers(
                200,
                "The subscription, with its new secret this once.",
                [json::<webhook::RotatedSubscription>()],
            )
            .refuses(400, "The body breaks rules; `details` names every field."),
        )
}

fn deliveries(document: Document) -> Document {
    const NOT_ACTIVE: &str = "The subscription is not active.";
    document
        .and(
            of_subscription(managed("POST", "/v1/subscriptions/{subscriptionId}/test", "testSubscription"))
                .summary("Sends a test message to this subscription alone")
                .answers(202, "It is on its way.", [json::<webhook::Delivery>()])
                .refuses(409, NOT_ACTIVE),
        )
        .and(
            of_subscription(managed(
                "POST",
                "/v1/subscriptions/{subscriptionId}/recover",
                "recoverDeliveries",
            ))
            .summary("Makes deliveries again that had ended badly")
            .takes([json::<webhook::RecoverRequest>()])
            .answers(202, "It is begun.", [json::<webhook::Recovery>()])
            .refuses(400, "The body breaks rules; `details` names every field.")
            .refuses(409, "The subscription is disabled, or a recovery of it is under way."),
        )
        .and(
            of_subscription(managed(
                "GET",
                "/v1/subscriptions/{subscriptionId}/deliveries",
                "listDeliveries",
            ))
            .summary("Lists deliveries, newest message first")
            .query("limit", between_or(1, 100, 50), "How many a page has.")
            .query("cursor", text(), "The `nextCursor` of the page before.")
            .answers(200, "A page.", [json::<webhook::DeliveryList>()])
            .refuses(400, "A parameter breaks rules; `details` names each."),
        )
        .and(
            managed(
                "POST",
                "/v1/subscriptions/{subscriptionId}/deliveries/{deliveryId}/retry",
                "retryDelivery",
            )
            .summary("Makes a delivery again, now")
            .path("subscriptionId", text(), "The subscription's id.")
            .path("deliveryId", text(), "The delivery's id.")
            .answers(202, "It is due.", [json::<webhook::Delivery>()])
            .refuses(404, "The subscription has no delivery of this id.")
            .refuses(409, NOT_ACTIVE),
        )
}

fn conformance(document: Document) -> Document {
    document
        .and(
            operation("POST", "/v1/conformance/run", "conformance", "runConformance")
                .scope("lex:conformance")
                .summary("Runs the standard's cases")
                .about("Away from everything that is stored. A pass of a level comes with a certificate.")
                .takes([json::<said::ConformanceRequest>()])
                .answers(200, "What came of it.", [json::<said::ConformanceReport>()])
                .refuses(400, "The body breaks rules; `details` names every field.")
                .refuses(403, "`organizationId` is another organization's, or the scope is missing."),
        )
        .and(
            operation("GET", "/v1/conformance/report/{sessionId}", "conformance", "getConformanceReport")
                .scope("lex:conformance")
                .summary("Reads a report")
                .path("sessionId", text(), "As the run said.")
                .answers(200, "As it was answered.", [json::<said::ConformanceReport>()])
                .refuses(404, "The organization has no report of this id."),
        )
}

fn service(document: Document) -> Document {
    let names = ["LEAD", "ASSET", "ACKNOWLEDGMENT", "SUBSCRIPTION", "LEAD_CLOSURE", "MESSAGE_ENVELOPE"];
    document
        .and(
            operation("GET", "/v1/schema/{messageType}", "service", "getSchema")
                .summary("Reads the standard's schema of a type of message")
                .path(
                    "messageType",
                    one_of(names),
                    "The type; `MESSAGE_ENVELOPE` is what all have in common.",
                )
                .answers(200, "The schema.", [json::<said::JsonSchema>()])
                .refuses(404, "There is no such type."),
        )
        .and(
            operation("GET", "/v1/health", "service", "health")
                .summary("Whether the surface answers")
                .answers(200, "It does.", [json::<said::Health>()]),
        )
}

fn dialect() -> Dialect {
    let flow = ClientCredentials::new("/oauth/token", Scopes::from_iter(SCOPES));
    let limits = [
        Header::maybe("X-RateLimit-Limit", count, "Messages that the minute allows."),
        Header::maybe("X-RateLimit-Remaining", count, "Messages that are left of it."),
    ];
    Dialect {
        scheme: ("oauth2", SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]))),
        error: json::<said::ErrorResponse>(),
        headers: [REQUEST_ID].into_iter().chain(limits).chain(IETF_LIMITS).collect(),
        refusals: usual::refusals(),
    }
}
