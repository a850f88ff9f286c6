//! Counts of what a collection holds.

use super::super::scripts;
use super::documents::Entry;
use super::keys::Part;
use super::search::AT_ONCE;
use super::store::RedisKnowledge;
use futures::stream::{self, StreamExt as _};
use morag_core::ports::{KnowledgeCounts, StoreError};
use morag_core::task::DocumentId;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// Approximate number of nodes in one answer: their keys have at most 255 bytes each.
const NODES_AT_ONCE: usize = 1000;

impl RedisKnowledge {
    /// What a document holds.
    pub(super) async fn counts_of_document(
        &self,
        collection: &str,
        document: &DocumentId,
    ) -> Result<KnowledgeCounts, StoreError> {
        Ok(self.document(collection, document).await?.map(|entry| entry.counts()).unwrap_or_default())
    }

    /// What a collection holds. A node takes 8 bytes of memory, the hash of its key: that two of a million nodes have the same has a
    /// probability of 1 in 37 million.
    pub(super) async fn counts_of_collection(&self, collection: &str) -> Result<KnowledgeCounts, StoreError> {
        let hasher = RandomState::new();
        let parts = Part::all().map(|part| self.counts_of_part(part, collection, &hasher));
        let mut parts = stream::iter(parts).buffer_unordered(AT_ONCE);
        let (mut sum, mut nodes) = (KnowledgeCounts::default(), HashSet::new());
        while let Some(part) = parts.next().await {
            let (counts, of_part) = part?;
            add(&mut sum, counts);
            nodes.extend(of_part);
        }
        Ok(KnowledgeCounts { nodes: nodes.len() as u64, ..sum })
    }

    async fn counts_of_part(
        &self,
        part: Part,
        collection: &str,
        hasher: &RandomState,
    ) -> Result<(KnowledgeCounts, HashSet<u64>), StoreError> {
        let (mut sum, mut nodes) = (KnowledgeCounts::default(), HashSet::new());
        for (document, entry) in self.documents(part, collection).await? {
            let read = |entry| self.nodes_of(part, entry, hasher);
            let Some((counts, keys)) = self.read_whole(collection, &document, entry, read).await? else { continue };
            add(&mut sum, counts);
            nodes.extend(keys);
        }
        Ok((sum, nodes))
    }

    /// A document's counts, and the hashes of its nodes' keys. `None`: it was replaced meanwhile.
    async fn nodes_of(
        &self,
        part: Part,
        entry: Entry,
        hasher: &RandomState,
    ) -> Result<Option<(KnowledgeCounts, HashSet<u64>)>, StoreError> {
        let mut hashes = HashSet::new();
        if entry.nodes == 0 {
            return Ok(Some((entry.counts(), hashes)));
        }
        let nodes = self.keys.content(part, entry.revision).nodes;
        let mut position = "0".to_owned();
        loop {
            let call = scripts::KnowledgeNodeKeys { nodes: nodes.clone(), position, count: NODES_AT_ONCE };
            let (next, keys): (String, Vec<String>) = self.redis.call(call).await?;
            hashes.extend(keys.iter().map(|key| hasher.hash_one(key)));
            if next == "0" {
                break;
            }
            position = next;
        }
        // All nodes are removed together, so where all are there now, they were all there before.
        let now: u64 = self.redis.query(redis::cmd("HLEN").arg(&nodes)).await?;
        Ok((now == entry.nodes).then(|| (entry.counts(), hashes)))
    }
}

/// Adds all counts except that of the nodes, which documents share.
fn add(sum: &mut KnowledgeCounts, more: KnowledgeCounts) {
    sum.points = sum.points.saturating_add(more.points);
    sum.edges = sum.edges.saturating_add(more.edges);
    sum.facts = sum.facts.saturating_add(more.facts);
}
