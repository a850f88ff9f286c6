//! Exact search, and counts.

use super::super::connection::store_error;
use super::super::query::{first, from_json};
use super::batch::vector_length;
use morag_core::ports::{Hit, KnowledgeCounts, StoreError};
use morag_core::task::DocumentId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Most hits a search gives.
const HITS_MAX: usize = 1000;

/// A point that may be among the best.
#[derive(PartialEq)]
struct Candidate {
    score: f32,
    number: i64,
}

impl Eq for Candidate {}

/// The worse is the greater, so that a heap gives the worst away; among equals the younger is worse.
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The published points nearest to a vector. A collection nobody has written to has none.
pub(super) fn search(
    connection: &Connection,
    collection: &str,
    vector: &[f32],
    limit: usize,
) -> Result<Vec<Hit>, StoreError> {
    let length = vector_length(vector);
    if !length.is_finite() {
        return Err(StoreError::Unavailable("the vector to search for has a number that is not finite".into()));
    }
    let select = "SELECT number, dimensions FROM collections WHERE name = ?1 AND points > 0";
    let found = first(connection, select, [collection], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some((number, dimensions)): Option<(i64, u32)> = found else { return Ok(Vec::new()) };
    if dimensions as usize != vector.len() {
        let given = vector.len();
        let text = format!("the vector to search for has {given} numbers, those of the collection have {dimensions}");
        return Err(StoreError::Unavailable(text));
    }
    let best = best(connection, number, vector, length, limit.min(HITS_MAX))?;
    best.into_iter().map(|candidate| hit(connection, &candidate)).collect()
}

/// Reads every vector once, and holds the best `limit`.
fn best(
    connection: &Connection,
    collection: i64,
    vector: &[f32],
    length: f64,
    limit: usize,
) -> Result<Vec<Candidate>, StoreError> {
    let select =
        "SELECT p.number, p.length, p.vector FROM revisions AS r CROSS JOIN points AS p ON p.revision = r.number
        WHERE r.collection = ?1 AND r.state = 1 AND r.points > 0";
    let mut statement = connection.prepare_cached(select).map_err(store_error)?;
    let mut rows = statement.query([collection]).map_err(store_error)?;
    let mut best = BinaryHeap::with_capacity(limit + 1);
    while let Some(row) = rows.next().map_err(store_error)? {
        let candidate = candidate(row, vector, length)?;
        best.push(candidate);
        if best.len() > limit {
            best.pop();
        }
    }
    Ok(best.into_sorted_vec())
}

fn candidate(row: &Row<'_>, vector: &[f32], length: f64) -> Result<Candidate, StoreError> {
    let number = row.get(0).map_err(store_error)?;
    let lengths = length * row.get::<_, f64>(1).map_err(store_error)?;
    let ValueRef::Blob(bytes) = row.get_ref(2).map_err(store_error)? else {
        return Err(StoreError::Corrupt(format!("the vector of point {number} is no blob")));
    };
    if bytes.len() != 4 * vector.len() {
        return Err(StoreError::Corrupt(format!("the vector of point {number} has {} bytes", bytes.len())));
    }
    let score = if lengths > 0.0 { (dot(vector, bytes) / lengths).clamp(-1.0, 1.0) as f32 } else { 0.0 };
    Ok(Candidate { score, number })
}

/// Product of a vector and a stored one. Sums in lanes, so that the compiler may use the machine's wide registers.
fn dot(vector: &[f32], stored: &[u8]) -> f64 {
    const LANES: usize = 16;
    let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    let (stored, _) = stored.as_chunks::<4>();
    let (left, left_rest) = vector.as_chunks::<LANES>();
    let (right, right_rest) = stored.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * number(&right[lane]);
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(a, b)| f64::from(*a) * f64::from(number(b))).sum();
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + rest
}

fn hit(connection: &Connection, candidate: &Candidate) -> Result<Hit, StoreError> {
    let select =
        "SELECT r.document, p.id, p.text, p.payload FROM points AS p JOIN revisions AS r ON r.number = p.revision
        WHERE p.number = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?));
    let Some((document, id, text, payload)) = first(connection, select, [candidate.number], read)? else {
        return Err(StoreError::Corrupt(format!("point {} is gone", candidate.number)));
    };
    let document = DocumentId::try_from(document)
        .map_err(|error| StoreError::Corrupt(format!("point {}: {error}", candidate.number)))?;
    Ok(Hit { document, id, text, payload: from_json(&payload)?, score: candidate.score })
}

/// What is published in a collection, or of one document in it.
pub(super) fn counts(
    connection: &Connection,
    collection: &str,
    document: Option<&DocumentId>,
) -> Result<KnowledgeCounts, StoreError> {
    let read = |row: &Row<'_>| {
        let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
        Ok(KnowledgeCounts { points: count(0)?, nodes: count(1)?, edges: count(2)?, facts: count(3)? })
    };
    let found = match document {
        None => {
            let select = "SELECT points, nodes, edges, facts FROM collections WHERE name = ?1";
            first(connection, select, [collection], read)?
        }
        Some(document) => {
            let select = "SELECT r.points, r.nodes, r.edges, r.facts FROM collections AS c
                JOIN revisions AS r ON r.collection = c.number AND r.document = ?2 AND r.state = 1 WHERE c.name = ?1";
            first(connection, select, params![collection, document.as_str()], read)?
        }
    };
    Ok(found.unwrap_or_default())
}
