//! The published documents of a collection.

use super::super::values::unexpected_reply;
use super::keys::Part;
use super::store::RedisKnowledge;
use morag_core::ports::{KnowledgeCounts, StoreError};
use morag_core::task::DocumentId;
use std::collections::HashMap;
use uuid::Uuid;

/// Approximate number of documents in one answer.
const DOCUMENTS_AT_ONCE: usize = 1000;

/// Times that a document is read again because it was replaced meanwhile.
const READS_MAX: usize = 16;

/// What a document holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) revision: Uuid,
    pub(super) points: u64,
    pub(super) nodes: u64,
    pub(super) edges: u64,
    pub(super) facts: u64,
    /// Numbers of a vector; 0 without points.
    pub(super) dimensions: usize,
}

impl Entry {
    /// Reads what `lua/knowledge_publish.lua` stores.
    pub(super) fn parse(stored: &str) -> Result<Self, StoreError> {
        let mut words = stored.split(' ');
        let revision = words.next().and_then(|word| word.parse().ok());
        let numbers: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
        match (revision, numbers.as_deref()) {
            (Some(revision), Some(&[points, nodes, edges, facts, dimensions])) => {
                let dimensions = usize::try_from(dimensions).map_err(|_| unexpected_reply(&stored))?;
                Ok(Self { revision, points, nodes, edges, facts, dimensions })
            }
            _ => Err(unexpected_reply(&stored)),
        }
    }

    pub(super) fn counts(&self) -> KnowledgeCounts {
        KnowledgeCounts { points: self.points, nodes: self.nodes, edges: self.edges, facts: self.facts }
    }
}

impl RedisKnowledge {
    /// The documents of a part of a collection.
    pub(super) async fn documents(&self, part: Part, collection: &str) -> Result<Vec<(DocumentId, Entry)>, StoreError> {
        // A scan may return a document twice.
        let mut documents = HashMap::new();
        let mut position = "0".to_owned();
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(self.keys.documents(part, collection)).arg(&position).arg("COUNT").arg(DOCUMENTS_AT_ONCE);
            let (next, some): (String, Vec<(String, String)>) = self.redis.query(&scan).await?;
            documents.extend(some);
            if next == "0" {
                break;
            }
            position = next;
        }
        let read = |(document, stored): (String, String)| {
            Ok((DocumentId::try_from(document).map_err(|error| unexpected_reply(&error))?, Entry::parse(&stored)?))
        };
        documents.into_iter().map(read).collect()
    }

    /// What a document holds now.
    pub(super) async fn document(&self, collection: &str, document: &DocumentId) -> Result<Option<Entry>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.documents(Part::of(collection, document), collection)).arg(document.as_str());
        let stored: Option<String> = self.redis.query(&get).await?;
        stored.as_deref().map(Entry::parse).transpose()
    }

    /// Reads a document's content by `read`, which returns `None` where some of it is missing: then it has been replaced, and the new
    /// content is read from the start. `None`: the document is empty now.
    pub(super) async fn read_whole<T, F: Future<Output = Result<Option<T>, StoreError>>>(
        &self,
        collection: &str,
        document: &DocumentId,
        mut entry: Entry,
        read: impl Fn(Entry) -> F,
    ) -> Result<Option<T>, StoreError> {
        for _ in 0..READS_MAX {
            if let Some(content) = read(entry.clone()).await? {
                return Ok(Some(content));
            }
            match self.document(collection, document).await? {
                None => return Ok(None),
                Some(now) if now == entry => {
                    return Err(StoreError::Corrupt(format!("content of the document {document} is missing")));
                }
                Some(now) => entry = now,
            }
        }
        Err(StoreError::Unavailable(format!("the document {document} is replaced too often to be read")))
    }
}
