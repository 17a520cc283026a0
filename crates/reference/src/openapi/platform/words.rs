//! The closed lists of words of the platform surface. In requests they may be written in any case.

use crate::openapi::schema::{any_object, one_of};
use serde_json::Value;
use utoipa::openapi::schema::{Object, SchemaType, Type};

const CLIENT_STATUSES: [&str; 2] = ["ACTIVE", "SUSPENDED"];
const TIERS: [&str; 4] = ["BASIC", "STANDARD", "PREMIUM", "ENTERPRISE"];
const WEBHOOK_STATUSES: [&str; 3] = ["ACTIVE", "PAUSED", "DISABLED"];
const DELIVERY_STATUSES: [&str; 5] = ["PENDING", "DELIVERED", "DEAD_LETTER", "SKIPPED_DISABLED", "CANCELLED"];
const RECOVERABLE: [&str; 2] = ["DEAD_LETTER", "SKIPPED_DISABLED"];

pub fn client_status() -> Object {
    one_of(CLIENT_STATUSES)
}

pub fn client_status_in_any_case() -> Object {
    in_any_case(&CLIENT_STATUSES)
}

pub fn tier() -> Object {
    one_of(TIERS)
}

pub fn tier_in_any_case() -> Object {
    in_any_case(&TIERS)
}

pub fn webhook_status() -> Object {
    one_of(WEBHOOK_STATUSES)
}

pub fn webhook_status_in_any_case() -> Object {
    in_any_case(&WEBHOOK_STATUSES)
}

pub fn delivery_status() -> Object {
    one_of(DELIVERY_STATUSES)
}

pub fn delivery_status_in_any_case() -> Object {
    in_any_case(&DELIVERY_STATUSES)
}

pub fn recoverable() -> Object {
    one_of(RECOVERABLE)
}

pub fn recoverable_in_any_case() -> Object {
    in_any_case(&RECOVERABLE)
}

pub fn sort_order() -> Object {
    in_any_case(&["ASC", "DESC"])
}

/// As a description can have it: upper and lower case.
pub fn in_any_case(words: &[&str]) -> Object {
    let lower = words.iter().map(|word| word.to_ascii_lowercase());
    let both: Vec<_> = words.iter().map(|&word| word.to_owned()).chain(lower).collect();
    one_of(both.iter().map(String::as_str))
}

/// With a description, which a field of such a schema would lose.
pub fn about(mut schema: Object, text: &str) -> Object {
    schema.description = Some(text.to_owned());
    schema
}

/// The same, or `null`.
pub fn or_null(mut words: Object) -> Object {
    words.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    words.enum_values = words.enum_values.map(|words| words.into_iter().chain([Value::Null]).collect());
    words
}

/// Whatever the caller wants to find again: at most 16 KiB as JSON.
pub fn metadata() -> Object {
    let mut metadata = any_object();
    metadata.schema_type = SchemaType::from_iter([Type::Object, Type::Null]);
    metadata.description =
        Some("Whatever the caller wants to find again: at most 16 KiB as JSON.".to_owned());
    metadata
}
