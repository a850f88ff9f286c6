//! Making a revision the document's content.

use super::schema::state;
use super::stage::{collection, delete_rows, make};
use crate::store::knowledge::refusal::{self, REMEMBERED_MAX};
use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::{Revision, StoreError};
use rusqlite::{Connection, Row, params};

/// Publishes a revision. Runs in one transaction, so an error leaves the old document whole.
pub(super) fn publish(connection: &Connection, revision: &Revision) -> Result<(), StoreError> {
    let collection = collection(connection, &revision.collection)?;
    let document = revision.document.as_str();
    let select = "SELECT number, collection, document, state FROM revisions WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?));
    let found: Option<(i64, i64, String, i64)> = first(connection, select, [revision.id.as_bytes()], read)?;
    let number = match found {
        Some((_, of, named, _)) if of != collection || named != document => {
            return Err(refusal::published_elsewhere());
        }
        Some((_, _, _, now)) if now != state::STAGED => return Ok(()),
        Some((number, ..)) => number,
        None => make(connection, revision, collection, state::STAGED)?,
    };
    let old = "SELECT number FROM revisions WHERE collection = ?1 AND document = ?2 AND state = 1";
    if let Some(old) = first(connection, old, params![collection, document], |row| row.get(0))? {
        add_to_totals(connection, collection, old, -1)?;
        remove_entities(connection, collection, old)?;
        delete_rows(connection, old)?;
        let forget = "UPDATE revisions SET state = 2, points = 0, nodes = 0, edges = 0, facts = 0 WHERE number = ?1";
        execute(connection, forget, [old])?;
    }
    let set = "UPDATE revisions SET state = ?2 WHERE number = ?1";
    execute(connection, set, params![number, state::PUBLISHED])?;
    add_to_totals(connection, collection, number, 1)?;
    add_entities(connection, collection, number)?;
    let trim = "DELETE FROM revisions WHERE number IN (SELECT number FROM revisions
        WHERE collection = ?1 AND document = ?2 AND state = ?3 ORDER BY number DESC LIMIT -1 OFFSET ?4)";
    execute(connection, trim, params![collection, document, state::REPLACED, REMEMBERED_MAX]).map(drop)
}

/// Adds a revision's counts to its collection's, or takes them away. Nodes are counted by entity.
fn add_to_totals(connection: &Connection, collection: i64, revision: i64, sign: i64) -> Result<(), StoreError> {
    let add = "UPDATE collections SET points = points + ?3 * (SELECT points FROM revisions WHERE number = ?2),
        edges = edges + ?3 * (SELECT edges FROM revisions WHERE number = ?2),
        facts = facts + ?3 * (SELECT facts FROM revisions WHERE number = ?2) WHERE number = ?1";
    execute(connection, add, params![collection, revision, sign]).map(drop)
}

fn add_entities(connection: &Connection, collection: i64, revision: i64) -> Result<(), StoreError> {
    let share = "UPDATE entities SET documents = documents + 1
        WHERE collection = ?1 AND key IN (SELECT key FROM nodes WHERE revision = ?2)";
    execute(connection, share, params![collection, revision])?;
    let add = "INSERT INTO entities(collection, key, documents) SELECT ?1, key, 1 FROM nodes WHERE revision = ?2
        ON CONFLICT DO NOTHING";
    let added = execute(connection, add, params![collection, revision])?;
    count_nodes(connection, collection, added, 1)
}

fn remove_entities(connection: &Connection, collection: i64, revision: i64) -> Result<(), StoreError> {
    let gone = "DELETE FROM entities WHERE collection = ?1 AND documents = 1
        AND key IN (SELECT key FROM nodes WHERE revision = ?2)";
    let removed = execute(connection, gone, params![collection, revision])?;
    // Those still there have other documents: a key deleted just now is not found.
    let left = "UPDATE entities SET documents = documents - 1
        WHERE collection = ?1 AND key IN (SELECT key FROM nodes WHERE revision = ?2)";
    execute(connection, left, params![collection, revision])?;
    count_nodes(connection, collection, removed, -1)
}

fn count_nodes(connection: &Connection, collection: i64, nodes: usize, sign: i64) -> Result<(), StoreError> {
    let nodes = sign * i64::try_from(nodes).unwrap_or(i64::MAX);
    execute(connection, "UPDATE collections SET nodes = nodes + ?2 WHERE number = ?1", [collection, nodes]).map(drop)
}
