//! Tables of the task store.
//!
//! Every query goes by an index: none reads more rows as history grows.

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
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;
    use morag_core::ports::{Commit, DueQueue, Flow, Guard, ListFilter, NewTask, Next, Queue, Tasks};
    use morag_core::task::{RecordSummary, StatusWord, TaskId};
    use morag_core::webhook::{SampleInput, sample};
    use rusqlite::{Connection, StatementStatus, params};
    use std::sync::Arc;
    use std::time::Duration;

    /// Statements that read the whole queue, on purpose: once a start.
    const ONCE_A_START: [&str; 2] =
        ["UPDATE due SET due_at = due_at + ?1", "UPDATE due SET due_at = ?1, leased = 0 WHERE leased = 1"];

    /// The end of the log: the plan says that it scans the table, from its end, and the limit is one row.
    const LAST_EVENT: &str = "ORDER BY events.number DESC LIMIT 1";

    fn sources(layer: &str) -> Vec<(String, String)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite").join(layer);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: std::path::PathBuf| (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
        files.map(read).filter(|(path, _)| !path.ends_with("schema.rs")).collect()
    }

    /// String literals that are statements; none of them has a quote inside.
    fn statements_of(layer: &str) -> Vec<String> {
        let sources = sources(layer);
        let code = sources.iter().map(|(_, source)| source.split("#[cfg(test)]").next().unwrap_or_default());
        let literals = code.flat_map(|code| code.split('"'));
        let is_statement =
            |text: &&str| ["SELECT ", "UPDATE ", "DELETE ", "INSERT "].iter().any(|verb| text.starts_with(verb));
        literals.filter(is_statement).map(str::to_owned).collect()
    }

    fn statements() -> Vec<String> {
        statements_of("tables")
    }

    fn plan(connection: &Connection, sql: &str, bound: i64) -> Vec<String> {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for parameter in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(parameter, bound).unwrap();
        }
        let steps = explain.raw_query().mapped(|step| step.get("detail")).collect::<Result<_, _>>();
        steps.unwrap()
    }

    /// Tables that history does not make longer.
    const BOUNDED: [&str; 3] = ["SCAN status_counts", "SCAN endpoints", "SCAN flows"];

    /// Whether a plan reads more as history grows.
    fn grows(plan: &[String]) -> bool {
        let scans = plan.iter().any(|step| step.starts_with("SCAN") && !BOUNDED.contains(&step.as_str()));
        // The whole of a queue. By the indexes of time and rank it is what waits, of which there is a limit.
        let whole = plan.iter().any(|step| step.contains("PRIMARY KEY (queue=?)"));
        // What waits is walked in the order that is asked for, and only as far as is asked for: a sort reads all of it.
        let sorts = plan.iter().any(|step| step.contains("USE TEMP B-TREE"));
        // All that is due is read for each row of another table.
        let multiplies = plan.iter().any(|step| step.starts_with("CORRELATED"))
            && plan.iter().any(|step| step.contains("due_by_time") && !step.contains("task=?"));
        scans
            || whole
            || multiplies
            || (sorts && plan.iter().any(|step| step.contains("due_by_time") || step.contains("due_by_rank")))
    }

    #[test]
    fn no_statement_reads_more_as_history_grows() {
        let connection = new_database();
        let is_bounded =
            |sql: &&String| !sql.ends_with(LAST_EVENT) && !ONCE_A_START.iter().any(|start| sql.starts_with(start));
        for sql in statements().iter().filter(is_bounded) {
            // Partial indexes are chosen by what is bound: either queue's number.
            for bound in [0, 1] {
                let plan = plan(&connection, sql, bound);
                assert!(!grows(&plan), "{plan:?}: {sql}");
            }
        }
        let found = statements().len();
        assert!(found > 90, "only {found} statements were found");
    }

    #[test]
    fn statements_are_in_the_layer_of_the_tables() {
        for layer in ["ports", "database"] {
            let elsewhere =
                statements_of(layer).into_iter().filter(|sql| sql != "SELECT 1" && !sql.contains("sqlite_schema"));
            assert_eq!(elsewhere.collect::<Vec<_>>(), [""; 0], "{layer}");
        }
    }

    #[test]
    fn a_claim_reads_no_more_as_the_queue_grows() {
        let sql = statements().into_iter().find(|sql| sql.contains("ORDER BY rank")).unwrap();
        let [few, many] = [100, 10_000].map(|waiting| {
            let connection = new_database();
            let insert = "INSERT INTO due(queue, key, task, due_at, rank) VALUES (0, ?1, ?1, ?2, ?1)";
            for task in 0..waiting {
                // The first eight are leased.
                connection.execute(insert, [task, if task < 8 { 2_000 } else { 1_000 }]).unwrap();
            }
            let mut claim = connection.prepare(&sql).unwrap();
            let keys: Vec<String> =
                claim.query_map([1_500, 4], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(keys, ["8", "9", "10", "11"]);
            claim.get_status(StatementStatus::VmStep)
        });
        assert_eq!(few, many, "steps of SQLite's machine");
    }

    #[tokio::test]
    async fn a_task_without_a_summary_is_listed_by_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        let (id, now) = (TaskId::random(), morag_core::Timestamp::from_millis(7));
        let input = SampleInput { event_type: "task_started", step: None, task: id, now };
        let (record, _) = sample(input).unwrap();
        let accepted = RecordSummary::of(&record);
        let store = SqliteStore::open(&path, Arc::new(crate::SystemClock)).unwrap();
        let flow = Flow::of("someone");
        store
            .accept(NewTask {
                record,
                idempotency: None,
                claims_document: false,
                flow,
                credentials: None,
                limits: Default::default(),
            })
            .await
            .unwrap();
        let by_hand = Connection::open(&path).unwrap();
        // As every task of version 5 is after the upgrade.
        assert_eq!(by_hand.execute("UPDATE tasks SET summary = NULL", []).unwrap(), 1);
        let page = store.list(&ListFilter { limit: 10, ..ListFilter::default() }).await.unwrap();
        assert_eq!(page.items.iter().map(|item| (item.task, &item.accepted)).collect::<Vec<_>>(), [(id, &accepted)]);
        assert_eq!(store.outline(id).await.unwrap().unwrap().accepted, accepted);
    }

    #[tokio::test]
    async fn a_store_of_version_1_is_brought_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        let ids = [1, 2, 3].map(|n| TaskId::from(uuid::Uuid::from_u128(n)));
        let old = Connection::open(&path).unwrap();
        old.execute_batch(CREATE).unwrap();
        old.pragma_update(None, "application_id", TASKS.application_id).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        for (id, status) in ids.iter().zip(["in_progress", "pending", "pending"]) {
            let task = "INSERT INTO tasks(id, record, status, progress_percent, live_percent, last_sequence)
                        VALUES (?1, '', ?2, 0, 0, 0)";
            old.execute(task, params![id.as_bytes(), status]).unwrap();
            let (number, leased) = (old.last_insert_rowid(), status == "in_progress");
            // The later accepted is due earlier: it must not go first for that.
            let due = "INSERT INTO due(queue, key, task, due_at, leased, fence) VALUES (0, ?1, ?2, ?3, ?4, ?4)";
            old.execute(due, params![id.to_string(), number, 10 - number, leased]).unwrap();
        }
        old.execute("INSERT INTO due(queue, key, task) VALUES (1, 'cursor', 1)", []).unwrap();
        old.execute("INSERT INTO status_counts(status, tasks) VALUES ('in_progress', 1), ('pending', 2)", []).unwrap();
        drop(old);

        // Once as it was, once as it is by then.
        for round in 1..=2 {
            let store = SqliteStore::open(&path, Arc::new(crate::SystemClock)).unwrap();
            let claim = store.claim(Queue::Tasks, 10, Duration::ZERO).await.unwrap();
            let keys: Vec<_> = claim.leases.iter().map(|lease| lease.key.clone()).collect();
            assert_eq!(keys, ids.map(|id| id.to_string()), "round {round}");
        }
        let store = SqliteStore::open(&path, Arc::new(crate::SystemClock)).unwrap();
        let (status, next) = (StatusWord::InProgress, Next::Keep);
        let begin = Commit { task: ids[1], guard: Guard::Sequence(0), events: vec![], live_percent: 0.0, status, next };
        assert_eq!(store.commit(begin).await, Ok(()));
        let counts = store.counts().await.unwrap();
        assert!(
            counts.contains(&(StatusWord::Pending, 1)) && counts.contains(&(StatusWord::InProgress, 2)),
            "{counts:?}"
        );
    }
}
