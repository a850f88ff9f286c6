//! Exact search, and counts.

use crate::store::knowledge::nearest::{Best, Candidate, Query};
use crate::store::sqlite::database::columns::from_json;
use crate::store::sqlite::database::error::store_error;
use crate::store::sqlite::database::query::first;
use morag_core::ports::{Hit, KnowledgeCounts, StoreError};
use morag_core::task::DocumentId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

/// The published points nearest to a vector. A collection nobody has written to has none.
pub(super) fn search(
    connection: &Connection,
    collection: &str,
    vector: &[f32],
    limit: usize,
) -> Result<Vec<Hit>, StoreError> {
    let query = Query::new(vector)?;
    let select = "SELECT number, dimensions FROM collections WHERE name = ?1 AND points > 0";
    let found = first(connection, select, [collection], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some((number, dimensions)): Option<(i64, u32)> = found else { return Ok(Vec::new()) };
    query.check_dimensions(dimensions as usize)?;
    let best = best(connection, number, &query, limit)?;
    best.into_iter().map(|candidate| hit(connection, &candidate)).collect()
}

/// Reads every vector once, and holds the best `limit`.
fn best(
    connection: &Connection,
    collection: i64,
    query: &Query<'_>,
    limit: usize,
) -> Result<Vec<Candidate<i64>>, StoreError> {
    let select =
        "SELECT p.number, p.length, p.vector FROM revisions AS r CROSS JOIN points AS p ON p.revision = r.number
        WHERE r.collection = ?1 AND r.state = 1 AND r.points > 0";
    let mut statement = connection.prepare_cached(select).map_err(store_error)?;
    let mut rows = statement.query([collection]).map_err(store_error)?;
    let mut best = Best::new(limit);
    while let Some(row) = rows.next().map_err(store_error)? {
        best.offer(candidate(row, query)?);
    }
    Ok(best.into_sorted())
}

fn candidate(row: &Row<'_>, query: &Query<'_>) -> Result<Candidate<i64>, StoreError> {
    let (place, length) = (row.get(0).map_err(store_error)?, row.get(1).map_err(store_error)?);
    let ValueRef::Blob(bytes) = row.get_ref(2).map_err(store_error)? else {
        return Err(StoreError::Corrupt(format!("the vector of point {place} is no blob")));
    };
    let score = query
        .score(bytes, length)
        .ok_or_else(|| StoreError::Corrupt(format!("the vector of point {place} has {} bytes", bytes.len())))?;
    Ok(Candidate { score, place })
}

fn hit(connection: &Connection, candidate: &Candidate<i64>) -> Result<Hit, StoreError> {
    let select =
        "SELECT r.document, p.id, p.text, p.payload FROM points AS p JOIN revisions AS r ON r.number = p.revision
        WHERE p.number = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?));
    let Some((document, id, text, payload)) = first(connection, select, [candidate.place], read)? else {
        return Err(StoreError::Corrupt(format!("point {} is gone", candidate.place)));
    };
    let document = DocumentId::try_from(document)
        .map_err(|error| StoreError::Corrupt(format!("point {}: {error}", candidate.place)))?;
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
