//! What commands print: tables for people, JSON for programs.
//!
//! Texts that come from others (payloads, errors, names) pass through [`shown`] before they reach a terminal.
//! A command's answer goes to standard output; progress and warnings go to standard error.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;

/// `--json`, for every command that answers with data.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Format {
    /// Answer with one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl Format {
    /// The answer of a command, in the form that was asked for, with its last line feed.
    pub fn answer(self, document: &Value, people: impl FnOnce() -> String) -> String {
        let mut text = if self.json { format!("{document:#}") } else { people() };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

/// Rows in columns as wide as they need to be. Numbers are put to the right, everything else to the left.
#[derive(Debug)]
pub struct Table<const N: usize> {
    head: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub const fn new(head: [&'static str; N]) -> Self {
        Self { head, rows: Vec::new() }
    }

    /// Adds a row; its cells may be any text.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| shown(&cell)));
    }

    /// The table, or a sentence when it has no rows.
    pub fn text(&self, otherwise: &str) -> String {
        if self.rows.is_empty() {
            return format!("{otherwise}\n");
        }
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.head[column].chars().count()]).max().unwrap_or_default()
        });
        let right: [bool; N] =
            std::array::from_fn(|column| self.rows.iter().all(|row| numeric(&row[column])));
        let mut text = String::new();
        let head = self.head.map(str::to_owned);
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                let gap = if column == 0 { "" } else { "  " };
                // Writing to a String cannot fail.
                if right[column] {
                    write!(line, "{gap}{cell:>width$}")
                } else {
                    write!(line, "{gap}{cell:<width$}")
                }
                .unwrap_or_default();
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn numeric(cell: &str) -> bool {
    cell == "-"
        || (!cell.is_empty()
            && cell.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ',' | '.' | '%')))
}

/// A text as a terminal may show it, in one line: what would move its cursor is replaced.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that reorder or hide what stands around them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// At most so many characters of a text.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// How long ago a moment is, in its two largest units: `3d 4h`, `12m 5s`.
pub fn age(now: DateTime<Utc>, at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| span(now - at))
}

/// A length of time in its two largest units.
pub fn span(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let units =
        [("d", seconds / 86_400), ("h", seconds / 3600 % 24), ("m", seconds / 60 % 60), ("s", seconds % 60)];
    let first = units.iter().position(|(_, number)| *number > 0).unwrap_or(units.len() - 1);
    let parts = units[first..].iter().take(2).enumerate();
    let parts = parts.filter(|(place, (_, number))| *place == 0 || *number > 0);
    parts.map(|(_, (unit, number))| format!("{number}{unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() {
        let mut table = Table::new(["QUEUE", "DEPTH", "WHY"]);
        table.row(["a".to_owned(), "1200".to_owned(), "no".to_owned()]);
        table.row(["longer.name".to_owned(), "7".to_owned(), "-".to_owned()]);
        let text = table.text("nothing");
        assert_eq!(text, "QUEUE        DEPTH  WHY\na             1200  no\nlonger.name      7  -\n");
        assert_eq!(Table::new(["A"]).text("nothing"), "nothing\n");
    }

    #[test]
    fn a_text_of_somebody_else_cannot_move_the_cursor() {
        assert_eq!(shown("a\u{1b}[2Jb\nc\u{202e}"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
        assert_eq!(shown("naïve ünïcode"), "naïve ünïcode");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (725, "12m 5s"), (86_401, "1d"), (273_600, "3d 4h")]
        {
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
    }

    #[test]
    fn an_answer_is_a_document_or_a_text_and_ends_its_line() {
        let document = json!({"a": 1});
        assert_eq!(Format { json: true }.answer(&document, String::new), "{\n  \"a\": 1\n}\n");
        assert_eq!(Format { json: false }.answer(&document, || "one".to_owned()), "one\n");
    }
}
