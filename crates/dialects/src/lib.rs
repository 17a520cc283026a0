//! The five public error envelopes, one file each, and the rules of their surfaces that several services
//! share.
//!
//! Every dialect matches every [`FaultCode`](contracts::FaultCode) by name: a new code does not compile
//! until each surface has decided what to say.

pub mod crm;
pub mod ingest;
pub mod lex;
pub mod partner;
pub mod platform_api;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use contracts::Surface;
use platform::{Fault, Violation};
use platform_http::{Dialect, Rendered};
use serde_json::{Value, json};

/// The dialect of a surface.
pub fn of(surface: Surface) -> &'static dyn Dialect {
    match surface {
        Surface::Partner => &partner::Partner,
        Surface::Ingest => &ingest::Ingest,
        Surface::Lex => &lex::Lex,
        Surface::Crm => &crm::Crm,
        Surface::Platform => &platform_api::Platform,
    }
}

/// The dialect that answers for a path.
pub fn of_path(path: &str) -> &'static dyn Dialect {
    of(Surface::of_path(path))
}

/// A response with the headers that every dialect sends: `Retry-After` in whole seconds (RFC 9110
/// §10.2.3) and the challenge of a 401 (§11.6.1).
fn respond(status: StatusCode, fault: &Fault, body: &Value) -> Rendered {
    let mut headers = Vec::new();
    if let Some(seconds) = retry_seconds(fault) {
        headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    }
    Rendered { status, headers, body: body.to_string() }
}

/// The wait that a fault asks for, rounded up: a client that waits so long is not too early.
fn retry_seconds(fault: &Fault) -> Option<u64> {
    let wait = fault.retry_after?;
    Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
}

fn fields(violations: &[Violation]) -> Value {
    violations.iter().map(|violation| json!({"path": violation.path, "message": violation.message})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::FaultCode;
    use std::fmt::Write as _;
    use std::time::Duration;

    fn sample(code: FaultCode) -> Fault {
        let mut fault = Fault::new(code, "what happened");
        match code {
            FaultCode::Validation => {
                fault.violations = vec![
                    Violation::new("customer.first_name", "is required"),
                    Violation::new("offer.term_months", "must be between 1 and 120"),
                ];
            }
            FaultCode::RateLimited | FaultCode::Unavailable => {
                fault.retry_after = Some(Duration::from_millis(1500));
            }
            FaultCode::Forbidden => fault.required_scope = Some("read-products".to_owned()),
            _ => {}
        }
        fault
    }

    #[test]
    fn every_fault_in_every_dialect() {
        let mut golden = String::new();
        for surface in Surface::ALL {
            writeln!(golden, "# {}", surface.name()).unwrap();
            for code in FaultCode::ALL {
                let rendered = of(surface).render(&sample(code), "req-1");
                write!(golden, "{code:?}: {} {}", rendered.status.as_u16(), rendered.body).unwrap();
                for (name, value) in &rendered.headers {
                    write!(golden, " [{name}: {}]", value.to_str().unwrap()).unwrap();
                }
                golden.push('\n');
            }
        }
        insta::assert_snapshot!(golden);
    }
}
