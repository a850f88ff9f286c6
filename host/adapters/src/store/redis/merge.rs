//! One list from many: the newest items of all buckets, with as few reads as possible.

use morag_core::ports::StoreError;
use std::collections::BinaryHeap;

/// Items asked of a source beyond its even share, so that few sources are asked twice.
const SPARE: usize = 3;

/// Items read from a source, the greatest first, and whether it has more.
struct Open<T> {
    source: usize,
    items: std::vec::IntoIter<T>,
    read: usize,
    more: bool,
}

/// The greatest `limit` items of `sources` sources, in falling order. `read(source, offset, count)` gives items of a source in
/// falling order; it is called again only where all items of a source are used.
pub(super) async fn greatest<T, F, R>(sources: usize, limit: usize, read: R) -> Result<Vec<T>, StoreError>
where
    T: Ord + Clone,
    F: Future<Output = Result<Vec<T>, StoreError>>,
    R: Fn(usize, usize, usize) -> F,
{
    use futures::stream::{self, StreamExt as _};
    let share = limit.div_ceil(sources.max(1)) + SPARE;
    let read = &read;
    let mut pages = stream::iter((0..sources).map(|source| async move { (source, read(source, 0, share).await) }))
        .buffer_unordered(super::keys::AT_ONCE);
    let mut open = Vec::with_capacity(sources);
    let mut heap = BinaryHeap::new();
    while let Some((source, page)) = pages.next().await {
        let page = page?;
        let (more, read) = (page.len() == share, page.len());
        let mut items = page.into_iter();
        if let Some(first) = items.next() {
            heap.push((first, open.len()));
        }
        open.push(Open { source, items, read, more });
    }
    drop(pages);
    let mut merged = Vec::with_capacity(limit.min(1024));
    while let Some((item, index)) = heap.pop() {
        merged.push(item);
        if merged.len() == limit {
            break;
        }
        let from = &mut open[index];
        if from.items.len() == 0 && from.more {
            let page = read(from.source, from.read, share).await?;
            (from.more, from.read) = (page.len() == share, from.read + page.len());
            from.items = page.into_iter();
        }
        if let Some(next) = from.items.next() {
            heap.push((next, index));
        }
    }
    Ok(merged)
}

/// The greatest items below `before`, in falling order: `limit` of them, and one more where there are more. `read` may give items
/// that are not below it, those of its own time; all could be of that time, so more are asked for until there are enough below it, or
/// all are read.
pub(super) async fn greatest_below<T, F, R>(
    sources: usize,
    limit: usize,
    before: Option<&T>,
    read: R,
) -> Result<Vec<T>, StoreError>
where
    T: Ord + Clone,
    F: Future<Output = Result<Vec<T>, StoreError>>,
    R: Fn(usize, usize, usize) -> F,
{
    let enough = limit + 1;
    // `before` itself, the last item of the page before, is read again.
    let mut asked = enough + usize::from(before.is_some());
    loop {
        let mut found = greatest(sources, asked, &read).await?;
        let all = found.len() < asked;
        found.retain(|item| before.is_none_or(|before| item < before));
        if all || found.len() >= enough {
            found.truncate(enough);
            return Ok(found);
        }
        asked *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lists of items, each in falling order. Many items have the same first number.
    fn lists() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
        let lists = prop::collection::vec(prop::collection::vec((0u32..20, 0u32..50), 0..40), 0..9);
        lists.prop_map(|mut lists| {
            lists.iter_mut().for_each(|list| list.sort_unstable_by(|one, other| other.cmp(one)));
            lists
        })
    }

    /// What [`greatest_below`] finds, where items are read by their first numbers, and how often the first source is read.
    fn found(lists: &[Vec<(u32, u32)>], limit: usize, before: Option<(u32, u32)>) -> (Vec<(u32, u32)>, usize) {
        let reads = std::cell::Cell::new(0);
        let read = |source: usize, offset: usize, count: usize| {
            reads.set(reads.get() + usize::from(source == 0));
            let from = lists[source].iter().filter(move |(at, _)| before.is_none_or(|before| *at <= before.0));
            let page = from.skip(offset).take(count).copied().collect::<Vec<_>>();
            async move { Ok(page) }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(greatest_below(lists.len(), limit, before.as_ref(), read)).unwrap();
        (found, reads.get())
    }

    proptest! {
        #[test]
        fn the_result_is_that_of_sorting_everything(
            lists in lists(),
            limit in 1usize..120,
        ) {
            let lists = &lists;
            let read = |source: usize, offset: usize, count: usize| async move {
                Ok(lists[source].iter().skip(offset).take(count).copied().collect::<Vec<_>>())
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let merged = runtime.block_on(greatest(lists.len(), limit, read)).unwrap();
            let mut all: Vec<_> = lists.concat();
            all.sort_unstable_by(|one, other| other.cmp(one));
            all.truncate(limit);
            prop_assert_eq!(merged, all);
        }

        #[test]
        fn what_follows_a_cursor_is_found_however_many_items_are_of_its_time(
            lists in lists(),
            limit in 1usize..40,
            before in prop::option::of((0u32..20, 0u32..50)),
        ) {
            let mut all: Vec<_> = lists.concat();
            all.retain(|item| before.is_none_or(|before| *item < before));
            all.sort_unstable_by(|one, other| other.cmp(one));
            all.truncate(limit + 1);
            prop_assert_eq!(found(&lists, limit, before).0, all);
        }
    }

    #[test]
    fn a_page_that_is_full_is_read_once() {
        let list: Vec<_> = (0..100).map(|item| (100 - item, 0)).collect();
        assert_eq!(found(&[list], 3, Some((50, 0))), (vec![(49, 0), (48, 0), (47, 0), (46, 0)], 1));
    }
}
