//! Messages, as they are sent.

use super::super::schema;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, Ref, Type};

/// A message of the standard. Members that it does not know are kept and passed on. The schemas of `payload` tell what
/// the standard asks for; a deviation that no rule of the reference forbids is accepted.
#[derive(ToSchema)]
#[schema(example = lead)]
pub struct AnyLexMessage {
    pub lex: LexEnvelope,
}

/// A message whose type is `LEAD`.
#[derive(ToSchema)]
#[schema(example = lead)]
pub struct LexLeadRequest {
    pub lex: LexLeadEnvelope,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LexEnvelope {
    pub header: MessageHeader,
    pub payload: LexPayload,
    /// Who may have the data, and what for.
    #[schema(schema_with = governance, required = false)]
    pub data_governance: Value,
    #[schema(schema_with = extensions, required = false)]
    pub extensions: Vec<Value>,
    /// Kept and passed on; the exchange does not look at it.
    #[schema(schema_with = signature, required = false)]
    pub signature: Value,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LexLeadEnvelope {
    pub header: MessageHeader,
    pub payload: LexLeadPayload,
    /// Who may have the data, and what for.
    #[schema(schema_with = governance, required = false)]
    pub data_governance: Value,
    #[schema(schema_with = extensions, required = false)]
    pub extensions: Vec<Value>,
    /// Kept and passed on; the exchange does not look at it.
    #[schema(schema_with = signature, required = false)]
    pub signature: Value,
}

/// The one member that the message's type asks for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LexPayload {
    /// Of a `LEAD`.
    #[schema(schema_with = of_lead, required = false)]
    pub lead: Value,
    /// Of an `ASSET`.
    #[schema(schema_with = of_asset, required = false)]
    pub asset: Value,
    /// Of an `ACKNOWLEDGMENT`.
    #[schema(schema_with = of_acknowledgment, required = false)]
    pub acknowledgment: Value,
    /// Of a `SUBSCRIPTION`.
    #[schema(schema_with = of_subscription, required = false)]
    pub subscription: Value,
    /// Of a `LEAD_CLOSURE`.
    #[schema(schema_with = of_closure, required = false)]
    pub lead_closure: Value,
}

#[derive(ToSchema)]
pub struct LexLeadPayload {
    #[schema(schema_with = of_lead)]
    pub lead: Value,
}

/// Who sends what to whom. Whatever is wrong with it is named at once, and then nothing else is looked at.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MessageHeader {
    /// The sender's name of the message, without control characters. The same name again is answered as it was the
    /// first time, whatever is sent under it, for ever.
    #[schema(min_length = 1, max_length = 255, example = "MSG-2026-000001")]
    pub message_id: String,
    #[schema(schema_with = message_type)]
    pub message_type: String,
    /// The version of the standard; every 1.x is spoken.
    #[schema(pattern = r"^1(\.[0-9]+)+$", example = "1.0")]
    pub version: String,
    /// When the message was written; at most 60 seconds ahead of the exchange's clock.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// One of the names of the caller's organization; another is 403.
    #[schema(min_length = 3, max_length = 50, example = "DEALER-001")]
    pub sender_id: String,
    /// The LEX id or an alias of the receiver, `LEX-PLATFORM` for all who take part in the lead, `BROADCAST` for
    /// everybody. A message to somebody unknown waits, with the warning `RECEIVER_NOT_REGISTERED`, until its time is
    /// over.
    #[schema(min_length = 3, max_length = 50, example = "OEM-001")]
    pub receiver_id: String,
    #[schema(schema_with = encryption, required = false)]
    pub encryption_method: String,
    /// The message that this one answers or belongs to.
    #[schema(max_length = 255, nullable = false)]
    pub correlation_id: Option<String>,
    #[schema(nullable = false)]
    pub ttl: Option<TimeToLive>,
}

/// How long the message is worth delivering. Without it, deliveries are tried for an hour (leads, closures), five
/// minutes (acknowledgments) or a day (assets, subscriptions).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TimeToLive {
    /// Seconds after `timestamp`.
    #[schema(minimum = 1, default = 3600, required = false)]
    pub max_age_seconds: i64,
    /// Wins over an age. A message whose end has passed is refused with `MESSAGE_TTL_EXPIRED`.
    #[schema(format = DateTime, nullable = false)]
    pub expires_at: Option<String>,
    /// What happens to a message that nobody got: set aside and its sender told, dropped, or handed back to its sender.
    #[schema(schema_with = on_expiry, required = false)]
    pub on_expiry: String,
}

/// A message as XML: the same members as elements below the root `lex`; of a list each item is an element.
#[derive(ToSchema)]
#[schema(value_type = String, example = "<lex><header><messageId>MSG-2026-000001</messageId>…</header><payload>…</payload></lex>")]
pub struct LexMessageXml(pub String);

/// Messages that are taken in order, each by itself.
#[derive(ToSchema)]
pub struct BatchRequest {
    #[schema(min_items = 1, max_items = 100)]
    pub messages: Vec<AnyLexMessage>,
}

/// How a lead ended, in short.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LeadClosureRequest {
    #[schema(schema_with = closure_status)]
    pub closure_status: String,
    #[schema(format = DateTime)]
    pub closure_date: String,
    #[schema(example = "bought elsewhere")]
    pub closure_reason: Option<String>,
    /// In units of `currency`.
    #[schema(minimum = 0)]
    pub deal_amount: Option<f64>,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    pub currency: Option<String>,
    #[schema(format = Date)]
    pub actual_delivery_date: Option<String>,
}

fn message_type() -> Object {
    schema::one_of(lex::header::MessageType::NAMES)
}

fn closure_status() -> Object {
    schema::one_of(lex::closure::ClosureStatus::NAMES)
}

fn on_expiry() -> Object {
    schema::one_of(lex::ttl::OnExpiry::NAMES)
}

fn encryption() -> Object {
    let words = ["NONE", "TLS1.2", "TLS1.3", "END_TO_END"];
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .default(Some("TLS1.3".into()))
        .description(Some("How the sender says that it was protected; kept and passed on."))
        .build()
}

fn standard(name: &str) -> Ref {
    Ref::from_schema_name(super::standard::name_of(name))
}

fn of_lead() -> Ref {
    standard("lead")
}

fn of_asset() -> Ref {
    standard("asset")
}

fn of_acknowledgment() -> Ref {
    standard("acknowledgment")
}

fn of_subscription() -> Ref {
    standard("messageSubscription")
}

fn of_closure() -> Ref {
    standard("leadClosure")
}

fn governance() -> Ref {
    standard("dataGovernance")
}

fn signature() -> Ref {
    standard("messageSignature")
}

fn extensions() -> Array {
    Array::new(standard("extension"))
}

/// A message that every organization can send under its own name.
pub fn lead() -> Value {
    json!({"lex": {
        "header": {
            "messageId": "MSG-2026-000001", "messageType": "LEAD", "version": "1.0",
            "timestamp": "2026-11-01T09:30:00Z", "senderId": "DEALER-001", "receiverId": "LEX-PLATFORM",
        },
        "payload": {"lead": {
            "leadId": "LEAD-2026-000001", "status": "SHOPPING", "source": "RETAILER_WEBSITE",
            "customer": {
                "firstName": "Ada", "lastName": "King", "emailAddress": "ada@example.com",
                "phoneNumber": "+15125550143",
            },
            "desiredProduct": {"productType": "VEHICLE_NEW", "make": "Acme", "model": "Roadster", "year": 2026},
            "metadata": {"createdDate": "2026-11-01T09:29:00Z", "countryCode": "US"},
        }},
    }})
}
