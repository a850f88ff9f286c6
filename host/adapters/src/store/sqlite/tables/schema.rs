//! The tables of the task store.
//!
//! Every statement uses an index, so that none reads more rows as history grows.

use crate::store::sqlite::database::schema::Schema;

/// The task store, version 6.
pub(crate) const TASKS: Schema = Schema {
    what: "a task store of MoRAG",
    application_id: 0x4d6f_5254,
    create: CREATE,
    upgrades: &[FAIR_QUEUE, CLOCKS, ENDPOINTS, KEY_VALUES, TENANTS],
};

/// Version 1.
const CREATE: &str = "
-- `number` is the order of acceptance and is never used twice: other tables, pages and claims refer to it.
CREATE TABLE tasks(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    record TEXT NOT NULL,
    -- Set where the task claims its document's id.
    document TEXT,
    status TEXT NOT NULL,
    -- Highest progress of an event; the running step's report is apart from it.
    progress_percent REAL NOT NULL,
    live_percent REAL NOT NULL,
    -- Name of the step whose report that is; none between steps.
    running_step TEXT,
    last_sequence INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX tasks_by_status ON tasks(status, number);
CREATE INDEX tasks_by_end ON tasks(ended_at) WHERE ended_at IS NOT NULL;

-- Kept by hand beside `tasks`: counting would grow with history.
CREATE TABLE status_counts(status TEXT PRIMARY KEY, tasks INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE events(
    number INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    UNIQUE(task, sequence)
) STRICT;
CREATE INDEX events_by_time ON events(at, number);

-- A key's place in a due-queue. The row stays while the key waits for nothing (no `due_at`): its fence must never be
-- used twice. A leased key is due when its lease runs out.
CREATE TABLE due(
    queue INTEGER NOT NULL,
    key TEXT NOT NULL,
    task INTEGER NOT NULL,
    due_at INTEGER,
    leased INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(queue, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX due_by_time ON due(queue, due_at, task, leased) WHERE due_at IS NOT NULL;
CREATE INDEX due_by_task ON due(task, queue);

CREATE TABLE cursors(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    next_event INTEGER NOT NULL DEFAULT 1,
    next_delivery INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(task, endpoint)
) STRICT, WITHOUT ROWID;

-- A delivery is here from its first attempt on.
CREATE TABLE deliveries(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    event INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY(task, endpoint, delivery)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts(
    number INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    attempt TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_delivery ON attempts(task, endpoint, delivery);

-- Who claims a document's id: tasks that have not ended, and the one that completed last. They outlive the task's history,
-- because the document does.
CREATE TABLE claims(
    document TEXT NOT NULL,
    number INTEGER NOT NULL,
    task BLOB NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(document, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency(
    key TEXT PRIMARY KEY,
    request_digest TEXT NOT NULL,
    response TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency(created_at);
";

/// Version 2: flows take turns (`fair`). What was accepted before has rank 0, where the virtual time begins: it is still
/// claimed in the order of acceptance, and before what comes after it. Its flow is not known, so it has no row.
const FAIR_QUEUE: &str = "
ALTER TABLE tasks ADD COLUMN flow TEXT NOT NULL DEFAULT '';

-- A task's rank; none for a cursor, which goes by its time.
ALTER TABLE due ADD COLUMN rank REAL;
UPDATE due SET rank = 0 WHERE queue = 0;
CREATE INDEX due_by_rank ON due(queue, rank, task, due_at) WHERE rank IS NOT NULL AND due_at IS NOT NULL;

-- The flows: how many of its tasks are pending, the rank of its next one, the rank that follows the last that has begun, and
-- how far its ranks are apart.
CREATE TABLE flows(
    id TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    next REAL NOT NULL,
    finish REAL NOT NULL,
    apart REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the highest rank of a task that has begun.
CREATE TABLE fair_queue(id INTEGER PRIMARY KEY CHECK (id = 0), virtual_time REAL NOT NULL) STRICT;
INSERT INTO fair_queue(id, virtual_time) VALUES (0, 0);
";

/// Version 3: due times are by a clock that is not set (`clocks`).
const CLOCKS: &str = "
-- One row, once a process has had the file for itself: what its two clocks said then or later, while keys were claimed.
CREATE TABLE clocks(id INTEGER PRIMARY KEY CHECK (id = 0), now INTEGER NOT NULL, steady INTEGER NOT NULL) STRICT;
";

/// Version 4: named endpoints, lanes, deliveries made again (`endpoints`, `lanes`, `resends`, `chains`). A cursor's `endpoint` is its
/// name from here on, which for earlier ones is the same. A key is a task's id, a slash, and the name.
const ENDPOINTS: &str = "
ALTER TABLE due ADD COLUMN lane TEXT;
-- 1: waits for its endpoint to be enabled; it has no `due_at` then.
ALTER TABLE due ADD COLUMN parked INTEGER NOT NULL DEFAULT 0;
UPDATE due SET lane = substr(key, 38) WHERE queue = 1;
CREATE INDEX due_by_lane ON due(lane, due_at, task) WHERE lane IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX due_parked ON due(lane) WHERE parked = 1;

-- Of a delivery that is made again: the one event it is of, and where to instead of to the endpoint's URL.
ALTER TABLE cursors ADD COLUMN last_event INTEGER;
ALTER TABLE cursors ADD COLUMN url TEXT;

ALTER TABLE deliveries RENAME TO deliveries_3;
CREATE TABLE deliveries(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    resend INTEGER NOT NULL DEFAULT 0,
    event INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    url TEXT,
    PRIMARY KEY(task, endpoint, delivery, resend)
) STRICT, WITHOUT ROWID;
INSERT INTO deliveries(task, endpoint, delivery, event, state, at)
    SELECT deliveries_3.task, endpoint, delivery, deliveries_3.event, state, events.at
    FROM deliveries_3 JOIN events ON events.task = deliveries_3.task AND events.sequence = deliveries_3.event;
DROP TABLE deliveries_3;
CREATE INDEX deliveries_by_endpoint ON deliveries(endpoint, state, at, task, delivery, resend) WHERE endpoint <> 'task';
ALTER TABLE attempts ADD COLUMN resend INTEGER NOT NULL DEFAULT 0;

CREATE TABLE endpoints(id TEXT PRIMARY KEY, version INTEGER NOT NULL, endpoint TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE endpoint_revision(id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL) STRICT;
INSERT INTO endpoint_revision(id, revision) VALUES (0, 1);

-- Tasks whose deliveries to an endpoint go one after the other. `number` is their order.
CREATE TABLE chains(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,
    document TEXT NOT NULL,
    task BLOB NOT NULL,
    -- Deliveries of the tasks before it, once its turn has come.
    base INTEGER,
    -- Deliveries of its own, once it has finished.
    delivered INTEGER,
    -- Those it had made when it was last asked about, and when that was.
    seen INTEGER NOT NULL DEFAULT 0,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX chains_by_place ON chains(endpoint, document, number);
CREATE INDEX chains_unfinished ON chains(endpoint, document, number) WHERE delivered IS NULL;
CREATE INDEX chains_by_task ON chains(task);
CREATE INDEX chains_by_age ON chains(at);
";

/// Version 5: what plugins keep (`key_values`).
const KEY_VALUES: &str = "
-- Keys are bytes, so that they are in the order of their bytes.
CREATE TABLE key_values(
    number INTEGER PRIMARY KEY,
    plugin TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    UNIQUE(plugin, key)
) STRICT;

-- Kept by hand beside them: counting would grow with what is held.
CREATE TABLE key_value_totals(plugin TEXT PRIMARY KEY, keys INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Version 6: tenants and quotas (`quotas`), and what is kept beside a task's record, which never changes: its summary, which lists
/// show (`pages`), and what its own endpoint is sent with (`credentials`). What was stored before is the default tenant's, and its
/// files count for nothing; its summaries are read out of the records, and its credentials stay in them.
const TENANTS: &str = "
-- None with tasks that were accepted before.
ALTER TABLE tasks ADD COLUMN summary TEXT;

-- None where there are none; empty once they have gone with the last delivery.
ALTER TABLE tasks ADD COLUMN credentials TEXT;

-- What opens with the key alone that endpoints' credentials are sealed with.
ALTER TABLE endpoint_revision ADD COLUMN seal_proof TEXT;

ALTER TABLE tasks ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';
-- Of the files that the task has, as its events say. -1 once they are deleted: it does not run again.
ALTER TABLE tasks ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
DROP INDEX tasks_by_status;
CREATE INDEX tasks_by_tenant ON tasks(tenant, status, number);
ALTER TABLE events ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';
DROP INDEX events_by_time;
CREATE INDEX events_by_tenant ON events(tenant, at, number);

ALTER TABLE status_counts RENAME TO status_counts_5;
CREATE TABLE status_counts(
    status TEXT NOT NULL,
    tenant TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY(status, tenant)
) STRICT, WITHOUT ROWID;
INSERT INTO status_counts(status, tenant, tasks) SELECT status, 'default', tasks FROM status_counts_5;
DROP TABLE status_counts_5;

-- Tasks of a flow with a limit a day that were accepted on the day (of UTC, from 1970) of its last one.
CREATE TABLE task_days(flow TEXT PRIMARY KEY, day INTEGER NOT NULL, tasks INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Sum of the tasks' `stored_bytes`, kept by hand beside them.
CREATE TABLE stored_bytes(tenant TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// A database in memory with the tables of this version.
#[cfg(test)]
pub(super) fn new_database() -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().expect("a database in memory");
    for step in std::iter::once(&TASKS.create).chain(TASKS.upgrades) {
        connection.execute_batch(step).expect("the tables");
    }
    connection
}

#[cfg(test)]
mod tests;
