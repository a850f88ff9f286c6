//! Exact search: every published vector of the collection is read, in pieces, and only the best are kept in memory.

use super::super::values::{from_json, unexpected_reply};
use super::documents::Entry;
use super::keys::Part;
use super::store::RedisKnowledge;
use crate::store::knowledge::nearest::{Best, Candidate, Query};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::{Hit, StoreError};
use morag_core::task::DocumentId;
use uuid::Uuid;

/// Parts of a collection read in parallel: with [`PIECE_BYTES`] a search takes 16 MiB of memory, and it is enough to hide the round
/// trip to Redis.
pub(super) const AT_ONCE: usize = 16;

/// Approximate bytes of vectors in one answer: a millisecond or two of Redis's time.
const PIECE_BYTES: usize = 1024 * 1024;

/// Vectors in one answer, however short they are.
const PIECE_VECTORS_MAX: usize = 1024;

/// Bytes of a vector's length, before it.
const LENGTH_BYTES: usize = 8;

/// Times that a search begins again because a document of its hits was replaced meanwhile.
const SEARCHES_MAX: usize = 3;

/// Where a point is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PointLocation {
    document: DocumentId,
    number: u64,
    revision: Uuid,
}

impl RedisKnowledge {
    /// Implements [`morag_core::ports::Knowledge::search`].
    pub(super) async fn nearest(&self, collection: &str, vector: &[f32], limit: usize) -> Result<Vec<Hit>, StoreError> {
        let query = Query::new(vector)?;
        let mut searches = 1;
        loop {
            let best = self.best(collection, &query, limit).await?;
            let hits = best.into_iter().map(|candidate| self.hit(collection, candidate));
            let hits: Vec<Option<Hit>> = stream::iter(hits).buffered(AT_ONCE).try_collect().await?;
            // Missing points are left out only where documents are replaced faster than they are searched.
            if searches == SEARCHES_MAX || hits.iter().all(Option::is_some) {
                return Ok(hits.into_iter().flatten().collect());
            }
            searches += 1;
        }
    }

    async fn best(
        &self,
        collection: &str,
        query: &Query<'_>,
        limit: usize,
    ) -> Result<Vec<Candidate<PointLocation>>, StoreError> {
        let mut best = Best::new(limit);
        let parts = Part::all().map(|part| self.best_of_part(part, collection, query, limit));
        let mut parts = stream::iter(parts).buffer_unordered(AT_ONCE);
        while let Some(of_part) = parts.next().await {
            of_part?.into_iter().for_each(|candidate| best.offer(candidate));
        }
        Ok(best.into_sorted())
    }

    async fn best_of_part(
        &self,
        part: Part,
        collection: &str,
        query: &Query<'_>,
        limit: usize,
    ) -> Result<Vec<Candidate<PointLocation>>, StoreError> {
        let mut best = Best::new(limit);
        for (document, entry) in self.documents(part, collection).await? {
            let read = |entry| self.best_of_document(part, &document, entry, query, limit);
            let found = self.read_whole(collection, &document, entry, read).await?;
            found.into_iter().flatten().for_each(|candidate| best.offer(candidate));
        }
        Ok(best.into_sorted())
    }

    /// The best of a document. `None`: it was replaced meanwhile.
    async fn best_of_document(
        &self,
        part: Part,
        document: &DocumentId,
        entry: Entry,
        query: &Query<'_>,
        limit: usize,
    ) -> Result<Option<Vec<Candidate<PointLocation>>>, StoreError> {
        let mut best = Best::new(limit);
        if entry.points == 0 {
            return Ok(Some(Vec::new()));
        }
        query.check_dimensions(entry.dimensions)?;
        let key = self.keys.content(part, entry.revision).vectors;
        let piece = (PIECE_BYTES / (LENGTH_BYTES + 4 * entry.dimensions)).clamp(1, PIECE_VECTORS_MAX) as u64;
        let mut from = 0;
        while from < entry.points {
            let to = entry.points.min(from + piece);
            let mut get = redis::cmd("HMGET");
            get.arg(&key);
            (from..to).for_each(|number| _ = get.arg(number));
            let stored: Vec<Option<Vec<u8>>> = self.redis.query(&get).await?;
            for (number, stored) in (from..to).zip(stored) {
                let Some(stored) = stored else { return Ok(None) };
                let broken = || StoreError::Corrupt(format!("the vector of point {number} of {document} is broken"));
                let (length, vector) = stored.split_first_chunk::<LENGTH_BYTES>().ok_or_else(broken)?;
                let score = query.score(vector, f64::from_le_bytes(*length)).ok_or_else(broken)?;
                let place = PointLocation { document: document.clone(), number, revision: entry.revision };
                best.offer(Candidate { score, place });
            }
            from = to;
        }
        Ok(Some(best.into_sorted()))
    }

    /// A found point. `None`: it is not published any more.
    async fn hit(&self, collection: &str, found: Candidate<PointLocation>) -> Result<Option<Hit>, StoreError> {
        let Candidate { score, place: PointLocation { document, number, revision } } = found;
        let points = self.keys.content(Part::of(collection, &document), revision).points;
        let stored: Option<String> = self.redis.query(redis::cmd("HGET").arg(points).arg(number)).await?;
        let Some(stored) = stored else { return Ok(None) };
        let (id, text, payload): (String, String, String) = from_json(&stored)?;
        let payload = serde_json::from_str(&payload).map_err(|error| unexpected_reply(&error))?;
        Ok(Some(Hit { document, id, text, payload, score }))
    }
}
