//! Writing the rows of a revision.

use super::schema::state;
use crate::store::knowledge::batch::{PointRow, Rows};
use crate::store::knowledge::refusal::{self, ROWS_MAX, StageError};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::ports::{Edge, Fact, Node, Revision, StoreError};
use rusqlite::{Connection, params};

/// A revision that is staged.
pub(super) struct Staged {
    pub(super) number: i64,
    pub(super) collection: i64,
}

/// Writes the rows. Says how many items there were.
pub(super) fn stage(connection: &Connection, revision: &Revision, rows: &Rows) -> Result<u32, StageError> {
    let staged = find_or_make(connection, revision)?;
    let (kind, items, added) = match rows {
        Rows::Points { model, dimensions, rows } => {
            if !rows.is_empty() {
                check_model(connection, revision, &staged, model, *dimensions)?;
            }
            ("points", rows.len(), points(connection, &staged, rows)?)
        }
        Rows::Nodes(rows) => ("nodes", rows.len(), nodes(connection, &staged, rows)?),
        Rows::Edges(rows) => ("edges", rows.len(), edges(connection, &staged, rows)?),
        Rows::Facts(rows) => ("facts", rows.len(), facts(connection, &staged, rows)?),
    };
    let sql = format!("UPDATE revisions SET {kind} = {kind} + ?2 WHERE number = ?1 RETURNING {kind}");
    let count = |row: &rusqlite::Row<'_>| row.get(0);
    let total: i64 = first(connection, &sql, params![staged.number, added], count)?.unwrap_or_default();
    if total > ROWS_MAX {
        return Err(refusal::too_many(total, kind).into());
    }
    Ok(u32::try_from(items).unwrap_or(u32::MAX))
}

/// Number of a collection, made where there is none of the name.
pub(super) fn collection(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    execute(connection, "INSERT INTO collections(name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    let number = first(connection, "SELECT number FROM collections WHERE name = ?1", [name], |row| row.get(0))?;
    number.ok_or_else(|| StoreError::Unavailable("a collection was made and is not there".into()))
}

fn find_or_make(connection: &Connection, revision: &Revision) -> Result<Staged, StageError> {
    let collection = collection(connection, &revision.collection)?;
    let select = "SELECT number, collection, document, state FROM revisions WHERE id = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?));
    let found: Option<(i64, i64, String, i64)> = first(connection, select, [revision.id.as_bytes()], read)?;
    let Some((number, of, document, now)) = found else {
        return Ok(Staged { number: make(connection, revision, collection, state::STAGED)?, collection });
    };
    if of != collection || document != revision.document.as_str() {
        return Err(refusal::other_document().into());
    }
    match now == state::STAGED {
        true => Ok(Staged { number, collection }),
        false => Err(refusal::published().into()),
    }
}

/// Makes a revision; its number.
pub(super) fn make(
    connection: &Connection,
    revision: &Revision,
    collection: i64,
    state: i64,
) -> Result<i64, StoreError> {
    let insert = "INSERT INTO revisions(id, task, collection, document, state) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (id, task, document) = (revision.id.as_bytes(), revision.task.as_bytes(), revision.document.as_str());
    execute(connection, insert, params![id, task, collection, document, state])?;
    Ok(connection.last_insert_rowid())
}

/// Refuses another model than the collection's. A collection without points takes any.
fn check_model(
    connection: &Connection,
    revision: &Revision,
    staged: &Staged,
    model: &str,
    dimensions: usize,
) -> Result<(), StageError> {
    let select = "SELECT model, dimensions FROM collections WHERE number = ?1 AND model IS NOT NULL AND EXISTS
        (SELECT 1 FROM revisions WHERE collection = ?1 AND points > 0)";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
    let name = &revision.collection;
    match first(connection, select, [staged.collection], read)? {
        Some((of, _)) if of != model => Err(refusal::another_model(name, &of, model).into()),
        Some((_, of)) if i64::try_from(dimensions) != Ok(of) => {
            Err(refusal::another_length(name, of, dimensions).into())
        }
        Some(_) => Ok(()),
        None => {
            let update = "UPDATE collections SET model = ?2, dimensions = ?3 WHERE number = ?1";
            execute(
                connection,
                update,
                params![staged.collection, model, i64::try_from(dimensions).unwrap_or(i64::MAX)],
            )?;
            Ok(())
        }
    }
}

fn points(connection: &Connection, staged: &Staged, rows: &[PointRow]) -> Result<i64, StageError> {
    let insert = "INSERT INTO points(revision, id, length, vector, text, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT(revision, id) DO NOTHING";
    for PointRow { id, text, payload, vector, length } in rows {
        if execute(connection, insert, params![staged.number, id, length, vector, text, payload])? == 0 {
            return Err(refusal::staged_already(id).into());
        }
    }
    Ok(count(rows))
}

fn nodes(connection: &Connection, staged: &Staged, rows: &[(Node, String)]) -> Result<i64, StageError> {
    let update =
        "UPDATE nodes SET name = ?3, kind = ?4, mentions = ?5, properties = ?6 WHERE revision = ?1 AND key = ?2";
    let insert = "INSERT INTO nodes(revision, key, name, kind, mentions, properties) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut added = 0;
    for (Node { key, name, kind, mentions, .. }, properties) in rows {
        let values = params![staged.number, key, name, kind, mentions, properties];
        if execute(connection, update, values)? == 0 {
            execute(connection, insert, values)?;
            added += 1;
        }
    }
    Ok(added)
}

fn edges(connection: &Connection, staged: &Staged, rows: &[(Edge, String)]) -> Result<i64, StageError> {
    let insert = "INSERT INTO edges(revision, source, target, kind, properties) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (Edge { source, target, kind, .. }, properties) in rows {
        for end in [source, target] {
            let select = "SELECT 1 FROM nodes WHERE revision = ?1 AND key = ?2";
            if first(connection, select, params![staged.number, end], |_| Ok(()))?.is_none() {
                return Err(refusal::missing_end(end).into());
            }
        }
        execute(connection, insert, params![staged.number, source, target, kind, properties])?;
    }
    Ok(count(rows))
}

fn facts(connection: &Connection, staged: &Staged, rows: &[(Fact, String)]) -> Result<i64, StageError> {
    let insert = "INSERT INTO facts(revision, subject, predicate, object, properties) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (Fact { subject, predicate, object, .. }, properties) in rows {
        execute(connection, insert, params![staged.number, subject, predicate, object, properties])?;
    }
    Ok(count(rows))
}

/// Deletes the rows of a revision, and not the revision.
pub(super) fn delete_rows(connection: &Connection, revision: i64) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM points WHERE revision = ?1",
        "DELETE FROM nodes WHERE revision = ?1",
        "DELETE FROM edges WHERE revision = ?1",
        "DELETE FROM facts WHERE revision = ?1",
    ] {
        execute(connection, sql, [revision])?;
    }
    Ok(())
}

/// Deletes a staged revision with its rows.
pub(super) fn discard(connection: &Connection, id: uuid::Uuid) -> Result<(), StoreError> {
    let select = "SELECT number FROM revisions WHERE id = ?1 AND state = ?2";
    match first(connection, select, params![id.as_bytes(), state::STAGED], |row| row.get(0))? {
        Some(number) => delete(connection, number),
        None => Ok(()),
    }
}

/// Deletes up to `limit` staged revisions with their rows. Says how many there were.
pub(super) fn discard_some(connection: &Connection, limit: u32) -> Result<u64, StoreError> {
    let select = "SELECT number FROM revisions WHERE state = 0 LIMIT ?1";
    let numbers: Vec<i64> = all(connection, select, [limit], |row| row.get(0))?;
    numbers.iter().try_for_each(|number| delete(connection, *number))?;
    Ok(numbers.len() as u64)
}

fn delete(connection: &Connection, revision: i64) -> Result<(), StoreError> {
    delete_rows(connection, revision)?;
    execute(connection, "DELETE FROM revisions WHERE number = ?1", [revision]).map(drop)
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
