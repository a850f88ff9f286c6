//! The deliveries of a named endpoint, page by page.

use crate::store::sqlite::tables::deliveries::{self, DeliveryOrder};
use morag_core::ports::{DeliveryFilter, DeliveryState, EndpointDelivery, Page, StoreError};
use rusqlite::Connection;
use std::cmp::Reverse;

/// Deliveries in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

/// The item that a page ended with.
fn item_of(cursor: &str) -> Option<DeliveryOrder> {
    let mut numbers = cursor.split('.').map(|number| number.parse::<i64>().ok());
    let mut next = || numbers.next().flatten();
    Some((next()?, next()?, next()?, next()?))
}

/// The page behind [`morag_core::ports::Deliveries::endpoint_deliveries`]. An unknown cursor gives an empty page.
pub(crate) fn page(connection: &Connection, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
    let limit = filter.limit.clamp(1, PAGE_MAX);
    let before = match filter.cursor.as_deref().map(item_of) {
        None => (i64::MAX, i64::MAX, i64::MAX, i64::MAX),
        Some(Some(item)) => item,
        Some(None) => return Ok(Page { items: Vec::new(), next_cursor: None }),
    };
    // One range of the index for each state, merged: their union sorted by the database would read all of them.
    let mut rows = Vec::new();
    for state in DeliveryState::ALL.into_iter().filter(|state| filter.state.is_none_or(|wanted| wanted == *state)) {
        // One more than the page holds: whether there is a next page.
        rows.extend(deliveries::of_endpoint(connection, filter, state, before, limit + 1)?);
    }
    rows.sort_unstable_by_key(|(order, ..)| Reverse(*order));
    let next_cursor = (rows.len() > limit).then(|| {
        let (at, task, delivery, resend) = rows[limit - 1].0;
        format!("{at}.{task}.{delivery}.{resend}")
    });
    rows.truncate(limit);
    let items = rows.into_iter().map(|(_, task, row)| Ok(EndpointDelivery { task, record: row.record()? }));
    Ok(Page { items: items.collect::<Result<_, StoreError>>()?, next_cursor })
}
