//! Tables of the knowledge store.

use crate::store::sqlite::database::schema::Schema;

/// The knowledge store, version 1.
pub(in super::super) const KNOWLEDGE: Schema =
    Schema { what: "a knowledge store of MoRAG", application_id: 0x4d6f_524b, create: CREATE, upgrades: &[] };

/// States of a revision (`revisions.state`).
pub(super) mod state {
    /// Being written; seen by nobody.
    pub(in super::super) const STAGED: i64 = 0;
    /// The document's content.
    pub(in super::super) const PUBLISHED: i64 = 1;
    /// Was the document's content. It has no rows any more.
    pub(in super::super) const REPLACED: i64 = 2;
}

const CREATE: &str = "
-- The counts are of what is published. `model` and `dimensions` are set while points are there, published or staged.
CREATE TABLE collections(
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    model TEXT,
    dimensions INTEGER,
    points INTEGER NOT NULL DEFAULT 0,
    nodes INTEGER NOT NULL DEFAULT 0,
    edges INTEGER NOT NULL DEFAULT 0,
    facts INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One run's writes for one document. `state`: 0 staged, 1 published, 2 replaced. The counts are of its rows.
CREATE TABLE revisions(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    task BLOB NOT NULL,
    collection INTEGER NOT NULL,
    document TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    points INTEGER NOT NULL DEFAULT 0,
    nodes INTEGER NOT NULL DEFAULT 0,
    edges INTEGER NOT NULL DEFAULT 0,
    facts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX published_revision ON revisions(collection, document) WHERE state = 1;
CREATE INDEX revisions_of_document ON revisions(collection, document, state, number);
CREATE INDEX staged_revisions ON revisions(number) WHERE state = 0;
CREATE INDEX revisions_with_points ON revisions(collection, state) WHERE points > 0;

-- The vector, 32-bit floats in little-endian order, lies before the text: a search reads no further.
CREATE TABLE points(
    number INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    length REAL NOT NULL,
    vector BLOB NOT NULL,
    text TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX points_of_revision ON points(revision, id);

CREATE TABLE nodes(
    number INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    mentions INTEGER NOT NULL,
    properties TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX nodes_of_revision ON nodes(revision, key);

-- The nodes of a collection: documents that mention the same key share one.
CREATE TABLE entities(
    collection INTEGER NOT NULL,
    key TEXT NOT NULL,
    documents INTEGER NOT NULL,
    PRIMARY KEY(collection, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE edges(
    number INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    properties TEXT NOT NULL
) STRICT;
CREATE INDEX edges_of_revision ON edges(revision, source);

CREATE TABLE facts(
    number INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    subject TEXT NOT NULL,
    predicate TEXT NOT NULL,
    object TEXT NOT NULL,
    properties TEXT NOT NULL
) STRICT;
CREATE INDEX facts_of_revision ON facts(revision);
";
