//! The store itself.

use super::stage::{discard, discard_some, stage};
use super::{publish, schema, search};
use crate::store::knowledge::batch;
use crate::store::knowledge::refusal::StageError;
use crate::store::sqlite::database::open::open_writer;
use crate::store::sqlite::database::readers::Readers;
use crate::store::sqlite::database::writer::{Durability, Writer};
use async_trait::async_trait;
use morag_core::ports::{CapabilityError, Hit, Knowledge, KnowledgeCounts, Revision, StagedBatch, StoreError};
use morag_core::task::DocumentId;
use std::path::Path;

/// Revisions forgotten in one transaction at start-up: some may have many rows.
const DISCARD_AT_ONCE: u32 = 16;

/// Vectors and graph in one SQLite database. Dropping it waits for what was handed over, then closes the database.
pub struct SqliteKnowledge {
    writer: Writer,
    readers: Readers,
}

impl SqliteKnowledge {
    /// Opens the store in a file, made (for its owner alone) where there is none. `bytes_max`, if given, is the largest
    /// size it may grow to, bytes.
    ///
    /// # Errors
    /// `Corrupt` for a file that is no knowledge store of this version; `Unavailable` where it cannot be opened.
    pub fn open(path: &Path, bytes_max: Option<u64>) -> Result<Self, StoreError> {
        let connection = open_writer(path, &schema::KNOWLEDGE, bytes_max)?;
        let writer = Writer::spawn(connection, || ())?;
        Ok(Self { writer, readers: Readers::new(path.to_owned()) })
    }
}

#[async_trait]
impl Knowledge for SqliteKnowledge {
    async fn stage(&self, revision: &Revision, batch: StagedBatch) -> Result<u32, CapabilityError> {
        let rows = batch::check(revision, batch)?;
        let revision = revision.clone();
        let staged = self.writer.run(Durability::Normal, move |connection| stage(connection, &revision, &rows)).await;
        staged.map_err(StageError::told)
    }

    async fn publish(&self, revision: &Revision) -> Result<(), StoreError> {
        let revision = revision.clone();
        self.writer.run(Durability::Full, move |connection| publish::publish(connection, &revision)).await
    }

    async fn discard(&self, revision: &Revision) -> Result<(), StoreError> {
        let id = revision.id;
        self.writer.run(Durability::Normal, move |connection| discard(connection, id)).await
    }

    async fn discard_unpublished(&self) -> Result<u64, StoreError> {
        let mut discarded = 0;
        loop {
            let some = |connection: &rusqlite::Connection| discard_some(connection, DISCARD_AT_ONCE);
            match self.writer.run::<u64, StoreError, _>(Durability::Normal, some).await? {
                0 => return Ok(discarded),
                more => discarded += more,
            }
        }
    }

    async fn counts(&self, collection: &str, document: Option<&DocumentId>) -> Result<KnowledgeCounts, StoreError> {
        let (collection, document) = (collection.to_owned(), document.cloned());
        self.readers.read(move |connection| search::counts(connection, &collection, document.as_ref())).await
    }

    async fn search(&self, collection: &str, vector: &[f32], limit: usize) -> Result<Vec<Hit>, StoreError> {
        let (collection, vector) = (collection.to_owned(), vector.to_vec());
        self.readers.read(move |connection| search::search(connection, &collection, &vector, limit)).await
    }
}
