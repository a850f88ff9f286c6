//! `X-MoRAG-Sequence` of deliveries: numbered within the task, or within the document, on from its earlier tasks.

use crate::Api;
use morag_core::ports::{Chain, Link, StoreError};
use morag_core::task::{DocumentId, TaskId};
use morag_core::webhook::{EndpointId, OrderScope};
use morag_engine::endpoints::EndpointSnapshot;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Looks up the numbers of deliveries; reads each chain once.
#[derive(Debug, Default)]
pub struct Sequences {
    chains: HashMap<(EndpointId, DocumentId), Vec<Link>>,
}

impl Sequences {
    /// The number of a task's delivery for its endpoint; none if it is not decided yet or no longer stored.
    pub async fn of(
        &mut self,
        app: &Api,
        known: &EndpointSnapshot,
        (task, document): (TaskId, &DocumentId),
        endpoint: &EndpointId,
        delivery: u64,
    ) -> Result<Option<u64>, StoreError> {
        let order = known.get(endpoint).map_or(OrderScope::Task, |opened| opened.endpoint.settings.order);
        if order == OrderScope::Task {
            return Ok(Some(delivery));
        }
        let key = (endpoint.clone(), document.clone());
        let links = match self.chains.entry(key) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(place) => {
                let (endpoint, document) = place.key().clone();
                place.insert(app.chains.links(&Chain { endpoint, document }).await?)
            }
        };
        Ok(base(links, task, delivery).map(|base| base + delivery))
    }
}

/// Number of deliveries before the task's first, in the run of the task that made the delivery: a task that ran again has
/// several links.
fn base(links: &[Link], task: TaskId, delivery: u64) -> Option<u64> {
    let of_task = |link: &&Link| link.task == task && link.delivered.is_none_or(|last| delivery <= last);
    links.iter().find(of_task)?.base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_ran_again_goes_on_where_others_came_between() {
        let (a, b) = (TaskId::random(), TaskId::random());
        let link = |task, base, delivered| Link { task, base, delivered };
        let links = [link(a, Some(0), Some(4)), link(b, Some(4), Some(6)), link(a, Some(6), None), link(b, None, None)];
        assert_eq!(base(&links, a, 4), Some(0));
        assert_eq!(base(&links, a, 5), Some(6));
        assert_eq!(base(&links, b, 6), Some(4));
        assert_eq!(base(&links, b, 7), None);
        assert_eq!(base(&links, TaskId::random(), 1), None);
    }
}
