//! Tables of the task store.
//!
//! Every query goes by an index: none reads more rows as history grows.

use super::connection::Schema;

/// The task store, version 1.
pub(super) const TASKS: Schema =
    Schema { what: "a task store of MoRAG", application_id: 0x4d6f_5254, version: 1, create: CREATE };

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

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// The sources that hold statements on these tables.
    const SOURCES: [&str; 7] = [
        include_str!("accept.rs"),
        include_str!("claims.rs"),
        include_str!("commit.rs"),
        include_str!("deliveries.rs"),
        include_str!("due_queue.rs"),
        include_str!("expire.rs"),
        include_str!("pages.rs"),
    ];

    /// String literals that are statements; none of them has a quote inside.
    fn statements(source: &str) -> impl Iterator<Item = &str> {
        source
            .split('"')
            .filter(|text| ["SELECT ", "UPDATE ", "DELETE ", "INSERT "].iter().any(|verb| text.starts_with(verb)))
    }

    /// Whether a line of a plan reads more as history grows.
    fn grows(step: &str) -> bool {
        let scan = step.starts_with("SCAN") && step != "SCAN status_counts";
        // The whole of a queue. By the time index it is what waits, of which there is a limit.
        scan || (step.contains("PRIMARY KEY (queue=?)"))
    }

    #[test]
    fn no_statement_reads_more_as_history_grows() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(CREATE).unwrap();
        let mut seen = 0;
        for sql in SOURCES.into_iter().flat_map(statements) {
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            for parameter in 1..=explain.parameter_count() {
                explain.raw_bind_parameter(parameter, 1).unwrap();
            }
            let mut plan = explain.raw_query();
            while let Some(step) = plan.next().unwrap() {
                let step: String = step.get("detail").unwrap();
                assert!(!grows(&step), "{step}: {sql}");
            }
            seen += 1;
        }
        assert!(seen > 35, "only {seen} statements were found");
    }
}
