//! What every statement on the tables promises, and upgrades of them.

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

/// The sources of a layer, but the tables themselves.
fn sources(layer: &str) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite").join(layer);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has_statements = |path: &std::path::PathBuf| path.is_file() && !path.ends_with("schema.rs");
    files.filter(has_statements).map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// String literals that are statements; none of them has a quote inside.
fn statements_of(layer: &str) -> Vec<String> {
    let sources = sources(layer);
    let code = sources.iter().map(|source| source.split("#[cfg(test)]").next().unwrap_or_default());
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
    assert!(counts.contains(&(StatusWord::Pending, 1)) && counts.contains(&(StatusWord::InProgress, 2)), "{counts:?}");
}
