//! The header `Idempotency-Key`.

use actix_web::HttpRequest;
use platform::{Fault, Violation};

const NAME: &str = "Idempotency-Key";
/// In characters.
const LONGEST: usize = 200;

/// The key of a request for one operation, if it has one. An operation does not answer for another.
///
/// # Errors
/// When it is empty, too long, not plain ASCII, or there twice.
pub fn read(request: &HttpRequest, operation: &str) -> Result<Option<String>, Fault> {
    let mut values = request.headers().get_all(NAME);
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |message| Err(Fault::validation(vec![Violation::new(NAME, message)]));
    if values.next().is_some() {
        return refused("must be there once");
    }
    match value.to_str().map(str::trim) {
        Ok("") => refused("must not be empty"),
        Ok(key) if key.len() > LONGEST => refused("must be at most 200 characters"),
        Ok(key) => Ok(Some(format!("{operation}:{key}"))),
        Err(_not_ascii) => refused("must be plain ASCII"),
    }
}
