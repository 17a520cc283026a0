//! Tables as files.

use super::stop::Stop;
use super::visit::Visit;
use crate::view::{number, rows, text};
use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

/// Rows that a file has at most: each hundred of them costs a request of the visitor's own limit.
const MOST: usize = 10_000;
/// How long a file waits for the visitor's limit.
const PATIENCE: u64 = 60;
/// Rows of a page.
const LIMIT: &str = "100";

/// A list of the API, as a file.
pub struct Listing<'a> {
    pub name: &'a str,
    pub head: &'static [&'static str],
    /// Below `/api/v1/`.
    pub path: Vec<&'a str>,
    /// Without where a page begins and how long it is.
    pub query: Vec<(&'a str, &'a str)>,
    pub onward: Onward,
    pub row: fn(&Value) -> Vec<String>,
}

/// A list that is walked by `nextCursor`, as a file.
pub fn listing<'a>(
    name: &'a str,
    head: &'static [&'static str],
    path: Vec<&'a str>,
    query: Vec<(&'a str, &'a str)>,
    row: fn(&Value) -> Vec<String>,
) -> Listing<'a> {
    Listing { name, head, path, query, onward: Onward::Cursor("/nextCursor"), row }
}

/// How a list goes on.
#[derive(Clone, Copy, Debug)]
pub enum Onward {
    /// With what the pointer names, as `cursor`.
    Cursor(&'static str),
    /// With the next number, as `page`.
    Page,
}

/// The rest of a file that is being written.
struct Rest {
    visit: Visit,
    path: Vec<String>,
    query: Vec<(String, String)>,
    onward: Onward,
    row: fn(&Value) -> Vec<String>,
    page: Value,
    written: usize,
}

/// 200 with a whole list as CSV, page after page as it is read. What is wrong with the list is said in its place.
pub async fn export(visit: &Visit, listing: Listing<'_>) -> Result<HttpResponse, Stop> {
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut rest = Rest {
        visit: visit.clone(),
        path: listing.path.iter().map(|&segment| segment.to_owned()).collect(),
        query: owned(&listing.query),
        onward: listing.onward,
        row: listing.row,
        page: Value::Null,
        written: 0,
    };
    rest.page = rest.ask(None).await?;
    let head = line(listing.head.iter().map(|&cell| cell.to_owned()));
    let body = stream::unfold((Some(rest), Some(head)), async |(rest, head)| {
        if let Some(head) = head {
            return Some((Ok::<_, Infallible>(Bytes::from(head)), (rest, None)));
        }
        let (lines, rest) = rest?.write().await;
        Some((Ok(Bytes::from(lines)), (rest, None)))
    });
    Ok(file(listing.name).streaming(Box::pin(body)))
}

impl Rest {
    async fn ask(&self, next: Option<&str>) -> Result<Value, Stop> {
        let mut query: Vec<_> =
            self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        query.push(("limit", LIMIT));
        let name = match self.onward {
            Onward::Cursor(_) => "cursor",
            Onward::Page => "page",
        };
        query.extend(next.map(|next| (name, next)));
        let path: Vec<_> = self.path.iter().map(String::as_str).collect();
        self.visit.get(&path, &query).await
    }

    fn next(&self) -> Option<String> {
        match self.onward {
            Onward::Cursor(pointer) => {
                let cursor = text(&self.page, pointer);
                (!cursor.is_empty()).then(|| cursor.to_owned())
            }
            Onward::Page => {
                let page = number(&self.page, "/pagination/page");
                (page < number(&self.page, "/pagination/totalPages")).then(|| (page + 1).to_string())
            }
        }
    }

    /// The lines of a page, and what is left.
    async fn write(mut self) -> (String, Option<Self>) {
        let mut lines: String =
            rows(&self.page).iter().map(|row| line((self.row)(row).into_iter())).collect();
        self.written += rows(&self.page).len();
        let Some(next) = self.next() else { return (lines, None) };
        if self.written >= MOST {
            lines.push_str(&remark(&format!("There is more: this file has {} rows at most.", self.written)));
            return (lines, None);
        }
        let page = match self.ask(Some(&next)).await {
            Err(Stop::Refused(refusal)) if refusal.retry_after.is_some_and(|wait| wait <= PATIENCE) => {
                let wait = Duration::from_secs(refusal.retry_after.unwrap_or(1));
                self.visit.console.shutdown.sleep(wait).await;
                self.ask(Some(&next)).await
            }
            answer => answer,
        };
        match page {
            Ok(page) => {
                self.page = page;
                (lines, Some(self))
            }
            Err(stop) => {
                lines.push_str(&remark(&format!("There is more, which could not be read: {stop}.")));
                (lines, None)
            }
        }
    }
}

/// A line that is no row, so that nobody takes a part for the whole.
fn remark(said: &str) -> String {
    line(std::iter::once(said.to_owned()))
}

/// 200 with rows as CSV (RFC 4180).
pub fn csv(name: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> HttpResponse {
    let mut text = line(head.iter().map(|&cell| cell.to_owned()));
    for row in rows {
        text.push_str(&line(row.into_iter()));
    }
    file(name).body(text)
}

fn file(name: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", format!("attachment; filename=\"leadwire-{name}.csv\"")));
    response
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(|text| cell(&text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_more_than_one_cell() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(["+1", "-1", "@x", "\tx"].map(cell), ["\"'+1\"", "\"'-1\"", "\"'@x\"", "\"'\tx\""]);
        assert_eq!(cell("a,b\r\nc"), "\"a,b\r\nc\"");
    }
}
