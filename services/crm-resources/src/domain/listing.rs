//! What part of a list is wanted, in which order.

use super::page_mark::Mark;
use chrono::{DateTime, Utc};

/// What a list can be sorted by. Ties are broken by the id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    CreatedAt,
    UpdatedAt,
    Name,
}

impl Key {
    pub const ALL: [Self; 3] = [Self::CreatedAt, Self::UpdatedAt, Self::Name];

    /// The name in the query and of the column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Name => "name",
        }
    }
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: Key,
    pub descending: bool,
}

impl Sort {
    /// Newest first.
    pub const DEFAULT: Self = Self { key: Key::CreatedAt, descending: true };

    /// Reads `name` or `-created_at`.
    pub fn parse(text: &str) -> Option<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let key = Key::ALL.into_iter().find(|key| key.name() == name)?;
        Some(Self { key, descending })
    }

    /// The reverse of [`Self::parse`].
    pub fn name(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.key.name())
    }
}

/// Which resources are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<Status>,
    /// Part of a text field, in any case.
    pub search: Option<String>,
    pub updated_since: Option<DateTime<Utc>>,
}

/// A wanted status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Of resources that are active or not.
    Active(bool),
    /// Of resources that have a word for it.
    Word(String),
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A page by its number, from 1.
    Page(i64),
    /// The first page of a walk by cursor.
    First,
    /// Behind a place in the list.
    After(Mark),
}

/// A page that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub start: Start,
    /// 1 to 100.
    pub limit: i64,
    pub sort: Sort,
    pub filter: Filter,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub number: i64,
    pub limit: i64,
    /// Of the whole list; on a walk by cursor as it was at its beginning.
    pub total: i64,
    /// Of a walk by cursor: where the next page begins, `None` at the end.
    pub next: Option<Mark>,
}

impl<T> Page<T> {
    pub fn total_pages(&self) -> i64 {
        self.total / self.limit + i64::from(self.total % self.limit > 0)
    }
}
