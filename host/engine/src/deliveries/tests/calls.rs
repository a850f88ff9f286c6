//! How often a delivery asks the store.

use super::stage::{Stage, until_nothing_is_due};
use async_trait::async_trait;
use morag_core::ports::*;
use morag_core::task::TaskId;
use morag_core::webhook::EndpointId;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The deliveries of a store, counting reads and records.
pub(super) struct Counting {
    inner: Arc<dyn Deliveries>,
    reads: AtomicUsize,
    records: AtomicUsize,
}

impl Counting {
    pub(super) fn new(inner: Arc<dyn Deliveries>) -> Self {
        Self { inner, reads: AtomicUsize::new(0), records: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Deliveries for Counting {
    async fn pending(&self, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.pending(held, events_max).await
    }

    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        self.records.fetch_add(1, Ordering::Relaxed);
        self.inner.advance_all(held, moves).await
    }

    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError> {
        self.inner.credentials(task).await
    }

    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.inner.deliveries(task).await
    }

    async fn endpoint_deliveries(&self, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
        self.inner.endpoint_deliveries(filter).await
    }

    async fn resend(&self, new: &NewResend) -> Result<u32, ResendError> {
        self.inner.resend(new).await
    }

    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError> {
        self.inner.unpark(endpoint).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_once_and_an_attempt_recorded_once() {
    let stage = Stage::new(&[]).await;
    // Sixteen events are a page, and the record of the last of all ends the claim.
    for (events, reads, records) in [(1, 1, 1), (16, 1, 16), (40, 3, 40)] {
        stage.calls.reads.store(0, Ordering::Relaxed);
        stage.calls.records.store(0, Ordering::Relaxed);
        let shutdown = tokio_util::sync::CancellationToken::new();
        stage.task("good.example", events).await;
        let dispatcher = tokio::spawn(super::super::dispatcher::dispatch(stage.app.clone(), shutdown.clone()));
        until_nothing_is_due(&stage).await;
        shutdown.cancel();
        dispatcher.await.unwrap();
        let counted = [&stage.calls.reads, &stage.calls.records].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counted, [reads, records], "{events} events");
    }
}
