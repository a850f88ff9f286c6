//! The store itself.

use super::super::client::Redis;
use super::keys::Keys;
use super::running::Running;
use crate::store::knowledge::batch;
use crate::store::knowledge::refusal::StageError;
use async_trait::async_trait;
use morag_core::ports::{CapabilityError, Hit, Knowledge, KnowledgeCounts, Revision, StagedBatch, StoreError};
use morag_core::task::DocumentId;
use std::sync::Arc;

/// Vectors and graph in Redis, for any number of processes.
pub struct RedisKnowledge {
    pub(super) redis: Arc<Redis>,
    pub(super) keys: Keys,
    pub(super) running: Running,
}

impl RedisKnowledge {
    /// The store in a Redis that is connected. Every key begins with the prefix; tasks may have the same.
    pub fn open(redis: Arc<Redis>, key_prefix: String) -> Arc<Self> {
        Arc::new(Self { redis, keys: Keys::new(key_prefix), running: Running::default() })
    }
}

#[async_trait]
impl Knowledge for RedisKnowledge {
    async fn stage(&self, revision: &Revision, batch: StagedBatch) -> Result<u32, CapabilityError> {
        let rows = batch::check(revision, batch)?;
        self.stage_rows(revision, &rows).await.map_err(StageError::told)
    }

    async fn publish(&self, revision: &Revision) -> Result<(), StoreError> {
        self.publish_revision(revision).await
    }

    async fn discard(&self, revision: &Revision) -> Result<(), StoreError> {
        self.discard_revision(revision).await
    }

    /// Removes nothing: what is staged may belong to another process that is running. What a killed process has staged expires a day after
    /// its last call.
    async fn discard_unpublished(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Counts of a document take one command. Counts of a collection read each of its 256 parts and the keys of all its nodes, because
    /// nodes that documents share are counted once.
    async fn counts(&self, collection: &str, document: Option<&DocumentId>) -> Result<KnowledgeCounts, StoreError> {
        match document {
            Some(document) => self.counts_of_document(collection, document).await,
            None => self.counts_of_collection(collection).await,
        }
    }

    async fn search(&self, collection: &str, vector: &[f32], limit: usize) -> Result<Vec<Hit>, StoreError> {
        self.nearest(collection, vector, limit).await
    }
}
