//! The ports of [`TestStore`] whose calls go to the store unchanged.

use crate::TestStore;
use crate::store::block_on;
use async_trait::async_trait;
use morag_core::Timestamp;
use morag_core::ports::*;
use morag_core::task::TaskId;
use morag_core::webhook::{EndpointId, NamedEndpoint};
use std::time::Duration;

/// Implements a port by calling the store. The functions in `also` are included unchanged.
macro_rules! forward {
    ($port:ident { $($call:ident($($name:ident: $type:ty),*) -> $answer:ty;)+ } $(also { $($also:tt)* })?) => {
        #[async_trait]
        impl $port for TestStore {
            $(async fn $call(&self, $($name: $type),*) -> $answer {
                block_on(self.store.$call($($name),*))
            })+
            $($($also)*)?
        }
    };
}

forward! {
    DueQueue {
        claim(queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError>;
        claim_deliveries(max: usize, lease: Duration, limits: &LaneLimits) -> Result<Claim, StoreError>;
        renew(held: &Lease, lease: Duration) -> Result<bool, StoreError>;
        release(held: &Lease, due: Timestamp) -> Result<bool, StoreError>;
        hasten(queue: Queue, key: &str) -> Result<bool, StoreError>;
        queue_counts(queue: Queue) -> Result<QueueCounts, StoreError>;
    }
    also {
        async fn wait(&self, queue: Queue, at_most: Duration) {
            self.store.wait(queue, at_most).await;
        }
        fn changes(&self, queue: Queue) -> u64 {
            self.store.changes(queue)
        }
        async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration) {
            self.store.wait_for_change(queue, seen, at_most).await;
        }
    }
}

forward! {
    Deliveries {
        pending(held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError>;
        advance_all(held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError>;
        credentials(task: TaskId) -> Result<KeptCredentials, StoreError>;
        deliveries(task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError>;
        endpoint_deliveries(filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError>;
        resend(new: &NewResend) -> Result<u32, ResendError>;
        unpark(endpoint: &EndpointId) -> Result<u64, StoreError>;
    }
}

forward! {
    Chains {
        turn(chain: &Chain, task: TaskId, delivered: u64) -> Result<Turn, StoreError>;
        finish(chain: &Chain, task: TaskId, delivered: Option<u64>) -> Result<Option<TaskId>, StoreError>;
        links(chain: &Chain) -> Result<Vec<Link>, StoreError>;
    }
}

forward! {
    Endpoints {
        endpoints(known: Option<u64>) -> Result<Option<EndpointSet>, StoreError>;
        put_endpoint(endpoint: &NamedEndpoint) -> Result<(), PutEndpointError>;
        create_endpoint(endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError>;
        remove_endpoint(endpoint: &EndpointId) -> Result<bool, StoreError>;
        seal_proof() -> Result<Option<String>, StoreError>;
        put_seal_proof(before: Option<&str>, proof: &str) -> Result<String, StoreError>;
    }
}

forward! {
    Feed {
        tail() -> Result<FeedPosition, StoreError>;
        since(position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError>;
    }
    also {
        fn watch(&self) -> Box<dyn FeedWatch> {
            self.store.watch()
        }
    }
}

forward! {
    KeyValues {
        get(plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
        set(plugin: &str, key: &str, value: Vec<u8>, quota: KeyValueQuota) -> Result<(), SetError>;
        delete(plugin: &str, key: &str) -> Result<(), StoreError>;
        keys(plugin: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError>;
    }
}
