//! Listing resources: by page number, or by cursor at the same cost wherever the page lies.

use crate::domain::change::Versioned;
use crate::domain::listing::{Page, Sort, Start, Wanted};
use crate::domain::page_mark::{Mark, Value};
use crate::state::State;
use crate::store::Table;
use crate::store::reading::{self, Seek};
use contracts::ids::OrganizationId;
use platform_pg::{StoreError, begin_reading};

/// A page of the organisation's resources.
pub async fn list<T: Table>(
    state: &State,
    organization: OrganizationId,
    wanted: &Wanted,
) -> Result<Page<Versioned<T>>, StoreError> {
    let Wanted { start, limit, sort, filter } = wanted;
    let limit = *limit;
    let mut transaction = begin_reading(&state.database).await?;
    let (number, total, seek) = match start {
        Start::After(mark) => (mark.page, mark.total, Seek::After(mark)),
        Start::First => {
            (1, reading::count::<T>(&mut transaction, organization, filter).await?, Seek::Offset(0))
        }
        Start::Page(number) => {
            let total = reading::count::<T>(&mut transaction, organization, filter).await?;
            (*number, total, Seek::Offset((number - 1).saturating_mul(limit)))
        }
    };
    let walking = !matches!(start, Start::Page(_));
    if let (Seek::Offset(offset), false) = (seek, walking)
        && offset >= total
    {
        return Ok(Page { items: Vec::new(), number, limit, total, next: None });
    }
    // One more than wanted tells whether there is a next page.
    let mut items =
        reading::page::<T>(&mut transaction, organization, filter, *sort, seek, limit + 1).await?;
    let kept = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > kept;
    items.truncate(kept);
    let next = items.last().filter(|_| walking && more).map(|last| mark(last, *sort, number + 1, total));
    Ok(Page { items, number, limit, total, next })
}

fn mark<T: Table>(last: &Versioned<T>, sort: Sort, page: i64, total: i64) -> Mark {
    let value = Value::of(&last.record, sort.key);
    Mark { value, id: last.record.id, page, total }
}
