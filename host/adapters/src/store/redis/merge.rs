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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_result_is_that_of_sorting_everything(
            mut lists in prop::collection::vec(prop::collection::vec(0u32..500, 0..40), 0..9),
            limit in 1usize..120,
        ) {
            for list in &mut lists {
                list.sort_unstable_by(|one, other| other.cmp(one));
            }
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
    }
}
