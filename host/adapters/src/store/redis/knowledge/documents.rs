//! The published documents of a collection.

use super::super::store::strange;
use super::keys::Part;
use super::store::RedisKnowledge;
use morag_core::ports::{KnowledgeCounts, StoreError};
use morag_core::task::DocumentId;
use std::collections::HashMap;
use uuid::Uuid;

/// Documents in one answer, about.
const DOCUMENTS_AT_ONCE: usize = 1000;

/// Times that a document is read anew because it was replaced meanwhile.
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
                let dimensions = usize::try_from(dimensions).map_err(|_| strange(&stored))?;
                Ok(Self { revision, points, nodes, edges, facts, dimensions })
            }
            _ => Err(strange(&stored)),
        }
    }

    pub(super) fn counts(&self) -> KnowledgeCounts {
        KnowledgeCounts { points: self.points, nodes: self.nodes, edges: self.edges, facts: self.facts }
    }
}

impl RedisKnowledge {
    /// The documents of a part of a collection.
    pub(super) async fn documents(&self, part: Part, collection: &str) -> Result<Vec<(DocumentId, Entry)>, StoreError> {
        // A document may be given twice.
        let mut documents = HashMap::new();
        let mut place = "0".to_owned();
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(self.keys.documents(part, collection)).arg(&place).arg("COUNT").arg(DOCUMENTS_AT_ONCE);
            let (next, some): (String, Vec<(String, String)>) = self.redis.query(&scan).await?;
            documents.extend(some);
            if next == "0" {
                break;
            }
            place = next;
        }
        let read = |(document, stored): (String, String)| {
            Ok((DocumentId::try_from(document).map_err(|error| strange(&error))?, Entry::parse(&stored)?))
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

    /// Reads a document's content by `read`, which says `None` where some of it is not there: then it has been replaced,
    /// and what has taken its place is read from the start. `None`: the document is empty now.
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
                    return Err(StoreError::Corrupt(format!("content of the document {document} is gone")));
                }
                Some(now) => entry = now,
            }
        }
        Err(StoreError::Unavailable(format!("the document {document} is replaced all the time: it cannot be read")))
    }
}
