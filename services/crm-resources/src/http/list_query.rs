//! The query of a list: `page`, `limit`, `sort`, `status`, `search`, `updated_since`, `cursor`. Anything else is
//! ignored; of a parameter that is sent twice the last one counts.

use crate::domain::listing::{Filter, Sort, Start, Status, Wanted};
use crate::domain::page_mark::List;
use crate::domain::run::RunState;
use crate::store::{StatusColumn, Table};
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform::Violation;
use platform::document::Violations;

const DEFAULT_LIMIT: i64 = 25;
const MAX_LIMIT: i64 = 100;
const LONGEST_SEARCH: usize = 100;
const LONGEST_STATUS: usize = 100;

/// Whether a list is walked by cursor.
pub fn walks(wanted: &Wanted) -> bool {
    !matches!(wanted.start, Start::Page(_))
}

/// Reads the query of a list.
///
/// # Errors
/// Every parameter that cannot be followed.
pub fn read<T: Table>(
    query: &[(String, String)],
    organization: OrganizationId,
) -> Result<Wanted, Vec<Violation>> {
    let sent = |name| query.iter().rev().find(|(sent, _)| sent == name).map(|(_, value)| value.as_str());
    let violations = Violations::new();
    let whole = |name, default, range: (i64, i64)| match sent(name).map(clamped) {
        None => default,
        Some(Some(number)) => number.clamp(range.0, range.1),
        Some(None) => {
            violations.add(name, "must be an integer");
            default
        }
    };
    let page = whole("page", 1, (1, i64::MAX / MAX_LIMIT));
    let limit = whole("limit", DEFAULT_LIMIT, (1, MAX_LIMIT));
    let sort = sent("sort").map_or(Sort::DEFAULT, |text| {
        Sort::parse(text).unwrap_or_else(|| {
            violations.add("sort", "must be created_at, updated_at or name, descending with a - in front");
            Sort::DEFAULT
        })
    });
    let filter = Filter {
        status: sent("status")
            .filter(|text| !text.is_empty())
            .and_then(|text| status::<T>(text, &violations)),
        search: sent("search").filter(|text| !text.is_empty()).and_then(|text| search(text, &violations)),
        updated_since: sent("updated_since").and_then(|text| time(text, &violations)),
    };
    let list = List { organization, table: T::NAME, sort, filter: &filter };
    let start = match sent("cursor") {
        None => Start::Page(page),
        Some("") => Start::First,
        Some(cursor) => list.mark(cursor).map_or_else(
            || {
                violations.add("cursor", "is not a next_cursor of this list with this order and filter");
                Start::First
            },
            Start::After,
        ),
    };
    violations.finish(Some(())).map(|()| Wanted { start, limit, sort, filter })
}

/// Reads which runs of an automation are wanted: `state`.
///
/// # Errors
/// When there is no such state.
pub fn run_state(query: &[(String, String)]) -> Result<Option<RunState>, Vec<Violation>> {
    let sent = query.iter().rev().find(|(name, _)| name == "state").map(|(_, value)| value.as_str());
    let Some(word) = sent.filter(|word| !word.is_empty()) else { return Ok(None) };
    let found = RunState::ALL.into_iter().find(|state| state.as_str() == word);
    let wrong = || vec![Violation::new("state", "must be pending, completed or dead_letter")];
    found.map(Some).ok_or_else(wrong)
}

/// An integer of any size, brought into range.
fn clamped(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

fn status<T: Table>(text: &str, violations: &Violations) -> Option<Status> {
    match (T::STATUS, text) {
        (StatusColumn::Flag(_), "active") => Some(Status::Active(true)),
        (StatusColumn::Flag(_), "inactive") => Some(Status::Active(false)),
        (StatusColumn::Flag(_), _) => {
            violations.add("status", "must be active or inactive");
            None
        }
        (StatusColumn::Word(_), word) => {
            storable("status", word, LONGEST_STATUS, violations).map(Status::Word)
        }
    }
}

fn search(text: &str, violations: &Violations) -> Option<String> {
    storable("search", text, LONGEST_SEARCH, violations)
}

fn storable(name: &str, text: &str, longest: usize, violations: &Violations) -> Option<String> {
    if text.contains('\0') {
        violations.add(name, "must not contain NUL characters");
    } else if text.chars().count() > longest {
        violations.add(name, format!("is too long (maximum is {longest} characters)"));
    } else {
        return Some(text.to_owned());
    }
    None
}

fn time(text: &str, violations: &Violations) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    if time.is_none() {
        violations.add("updated_since", "must be a date and time of RFC 3339");
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::crm::{Lead, Product};
    use uuid::Uuid;

    fn query(text: &str) -> Vec<(String, String)> {
        text.split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn wanted(text: &str) -> Result<Wanted, Vec<Violation>> {
        read::<Product>(&query(text), OrganizationId::new(Uuid::nil()))
    }

    #[test]
    fn integers_are_clamped_and_anything_else_is_refused() {
        for (text, page, limit) in [
            ("", 1, 25),
            ("page=0&limit=0", 1, 1),
            ("page=-7&limit=101", 1, 100),
            ("page=2&page=3&limit=%2B5", 3, 25),
            ("page=99999999999999999999999&limit=99999999999999999999999", i64::MAX / 100, 100),
        ] {
            if let Ok(wanted) = wanted(text) {
                assert_eq!((wanted.start, wanted.limit), (Start::Page(page), limit), "{text}");
            } else {
                assert!(text.contains('%'), "{text}");
            }
        }
        for text in ["page=", "page=x", "page=1.5", "limit=1e2", "limit=--1", "page=%20"] {
            assert_eq!(wanted(text).unwrap_err()[0].message, "must be an integer", "{text}");
        }
    }

    #[test]
    fn every_parameter_that_cannot_be_followed_is_named() {
        let wrong = "page=x&limit=y&sort=price&status=odd&search=a\0&updated_since=yesterday&cursor=abc";
        let paths: Vec<_> = wanted(wrong).unwrap_err().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["page", "limit", "sort", "status", "search", "updated_since", "cursor"]);
    }

    #[test]
    fn leads_have_words_for_their_status_and_products_are_active_or_not() {
        assert_eq!(wanted("status=inactive").unwrap().filter.status, Some(Status::Active(false)));
        let leads = read::<Lead>(&query("status=qualified"), OrganizationId::new(Uuid::nil())).unwrap();
        assert_eq!(leads.filter.status, Some(Status::Word("qualified".to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn no_query_makes_reading_panic(name in "page|limit|sort|status|search|updated_since|cursor", value in ".*") {
            drop(read::<Lead>(&[(name, value)], OrganizationId::new(Uuid::nil())));
        }
    }
}
