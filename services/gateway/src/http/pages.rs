//! Pages of lists, and the path parameters of single things.

use crate::domain::client::Paging;
use actix_web::HttpRequest;
use contracts::FaultCode;
use platform::{Fault, Violation};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::str::FromStr;

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;

/// The query of a request, as it was sent. Unknown parameters are ignored.
#[derive(Debug)]
pub struct Query {
    given: HashMap<String, String>,
    violations: Vec<Violation>,
}

impl Query {
    /// Reads a query string; the last of several values counts.
    pub fn parse(query: &str) -> Self {
        let given = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { given, violations: Vec::new() }
    }

    /// A text; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<String> {
        self.given.get(name).filter(|text| !text.is_empty() && !text.contains('\0')).cloned()
    }

    /// One word of a closed list.
    pub fn word<T>(&mut self, name: &str, words: &[&str], parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let word = parse(&text);
        if word.is_none() {
            self.violations.push(Violation::new(name, format!("must be one of {}", words.join(", "))));
        }
        word
    }

    /// Something with a rule, which is said when it is broken.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        rule: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.violations.push(Violation::new(name, rule));
        }
        parsed
    }

    /// `page` and `limit`.
    pub fn paging(&mut self) -> Paging {
        Paging {
            page: self.number("page", 1, i64::from(i32::MAX)),
            limit: self.number("limit", DEFAULT_LIMIT, MAX_LIMIT),
        }
    }

    fn number(&mut self, name: &str, default: i64, max: i64) -> i64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if (1..=max).contains(&number) => number,
            _ => {
                self.violations.push(Violation::new(name, format!("must be an integer between 1 and {max}")));
                default
            }
        }
    }

    /// # Errors
    /// Every parameter that was malformed.
    pub fn finish(self) -> Result<(), Fault> {
        if self.violations.is_empty() { Ok(()) } else { Err(Fault::validation(self.violations)) }
    }
}

/// `page` and `limit` of a list that takes nothing else.
///
/// # Errors
/// When one of them is malformed.
pub fn paging_of(request: &HttpRequest) -> Result<Paging, Fault> {
    let mut query = Query::parse(request.query_string());
    let paging = query.paging();
    query.finish().map(|()| paging)
}

/// A page as the platform surface shows it.
pub fn page(rows: &[Value], total: i64, paging: Paging) -> Value {
    let total_pages = (total + paging.limit - 1) / paging.limit;
    json!({
        "data": rows,
        "pagination": {"page": paging.page, "limit": paging.limit, "total": total, "totalPages": total_pages},
    })
}

/// A page of what a client has, newest first, out of all of it: a client has not many credentials.
pub fn newest<T>(all: &[T], paging: Paging, write: impl Fn(&T) -> Value) -> Value {
    let (skipped, limit) =
        (usize::try_from(paging.offset()).unwrap_or(usize::MAX), usize::try_from(paging.limit).unwrap_or(0));
    let rows: Vec<_> = all.iter().rev().skip(skipped).take(limit).map(write).collect();
    page(&rows, i64::try_from(all.len()).unwrap_or(i64::MAX), paging)
}

/// The id in a path. A malformed one names nothing that exists.
pub fn id<T: FromStr>(text: &str, what: &str) -> Result<T, Fault> {
    text.parse().ok().ok_or_else(|| missing(what))
}

/// What is said of everything that does not exist, or not for this caller.
pub fn missing(what: &str) -> Fault {
    Fault::new(FaultCode::NotFound, format!("there is no such {what}"))
}
