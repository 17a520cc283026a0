//! Small schemas that many documents need, for `#[schema(schema_with = …)]`, parameters and headers.

use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, SchemaFormat, Type};

/// Any text.
pub fn text() -> Object {
    Object::with_type(Type::String)
}

/// Text of at most so many characters.
pub fn text_up_to(longest: usize) -> Object {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(longest)).build()
}

/// Text of a regular expression (ECMA-262).
pub fn matching(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

/// One of these words.
pub fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// Text of a format that JSON Schema or OpenAPI names.
pub fn of_format(format: &str) -> Object {
    let format = SchemaFormat::Custom(format.to_owned());
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build()
}

pub fn uuid() -> Object {
    of_format("uuid")
}

/// RFC 3339 §5.6.
pub fn date_time() -> Object {
    of_format("date-time")
}

pub fn uri() -> Object {
    of_format("uri")
}

pub fn email() -> Object {
    of_format("email")
}

/// Any integer.
pub fn integer() -> Object {
    Object::with_type(Type::Integer)
}

/// An integer from 0.
pub fn count() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build()
}

/// An integer of this range.
pub fn between(least: i64, most: i64) -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most)).build()
}

/// The same with what counts when nothing is said.
pub fn between_or(least: i64, most: i64, default: i64) -> Object {
    let mut object = between(least, most);
    object.default = Some(default.into());
    object
}

pub fn boolean() -> Object {
    Object::with_type(Type::Boolean)
}

/// `true` and nothing else.
pub fn yes() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build()
}

/// `false` and nothing else.
pub fn no() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])).build()
}

/// An object with whatever members.
pub fn any_object() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}
