//! Taking a task one step on.

use super::accept::count;
use super::query::{execute, first, to_json};
use super::store::{Context, Options};
use super::tasks::{status_word, tenant};
use super::{claims, due_queue, fair, quotas};
use morag_core::Timestamp;
use morag_core::ports::{Commit, CommitError, Flow, Guard, Lease, Next, Queue, RunAgainError, StoreError, TaskLimits};
use morag_core::task::{DocumentKey, Event, EventKind, StatusWord, TenantId};
use rusqlite::{Connection, params};

/// What a commit needs to know of its task.
struct Current {
    number: i64,
    document: Option<String>,
    running_step: Option<String>,
    status: StatusWord,
    /// Runs again, and has not begun.
    waits_again: bool,
    flow: String,
    tenant: TenantId,
    last_sequence: u64,
    live_percent: f64,
}

fn current(connection: &Connection, commit: &Commit) -> Result<Option<Current>, StoreError> {
    let sql = "SELECT number, document, status, last_sequence, running_step, live_percent, flow, tenant,
                      (SELECT parked FROM due WHERE queue = 0 AND key = ?2)
               FROM tasks WHERE id = ?1";
    first(connection, sql, params![commit.task.as_bytes(), commit.task.to_string()], |row| {
        Ok(Current {
            number: row.get(0)?,
            document: row.get(1)?,
            status: status_word(row, 2)?,
            last_sequence: row.get::<_, i64>(3)?.unsigned_abs(),
            running_step: row.get(4)?,
            live_percent: row.get(5)?,
            flow: row.get(6)?,
            tenant: tenant(row, 7)?,
            waits_again: row.get::<_, Option<bool>>(8)?.unwrap_or(false),
        })
    })
}

/// The job behind [`morag_core::ports::Tasks::commit`]. An `Err` is followed by a rollback.
pub(super) fn commit(connection: &Connection, context: &Context, commit: &Commit) -> Result<(), CommitError> {
    let current = current(connection, commit)?.ok_or(CommitError::Unknown)?;
    let key = commit.task.to_string();
    let allowed = match commit.guard {
        Guard::Lease(fence) => due_queue::is_held(connection, &Lease { queue: Queue::Tasks, key: key.clone(), fence })?,
        Guard::Sequence(sequence) => {
            let falls = commit.status.is_ended() && commit.live_percent < current.live_percent;
            sequence == current.last_sequence && !falls
        }
    };
    let follows = commit.events.iter().zip(current.last_sequence + 1..).all(|(event, next)| event.sequence == next);
    if !allowed || !follows {
        return Err(CommitError::Stale);
    }

    if current.status.is_ended() && !commit.status.is_ended() {
        if quotas::has_no_files(connection, current.number)? {
            return Err(CommitError::FilesGone);
        }
        claim_again(connection, &current, commit)?;
    }
    update_task(connection, commit, &current, context.now())?;
    let begins = current.status == StatusWord::Pending && commit.status != StatusWord::Pending;
    if begins || current.waits_again {
        // A task that was cancelled while it waited has had nothing: it moves nobody on.
        let begun = commit.status != StatusWord::Cancelled;
        let rank = if begun { due_queue::rank(connection, &key)? } else { None };
        fair::leave(connection, &current.flow, rank)?;
    }
    if current.waits_again {
        due_queue::begin_again(connection, &key)?;
    }
    append(connection, commit, &current)?;
    if !commit.events.is_empty() {
        context.wakes.feed.mark();
    }
    match commit.next {
        Next::Keep => {}
        Next::At(due) => {
            due_queue::settle(connection, Queue::Tasks, &key, Some(context.due(due)))?;
            context.wakes.mark(Queue::Tasks);
        }
        Next::Done => due_queue::settle(connection, Queue::Tasks, &key, None)?,
    }
    if !commit.events.is_empty() && due_queue::rouse(connection, current.number, context.steady())? {
        context.wakes.mark(Queue::Deliveries);
    }
    if let Some(document) = current.document.filter(|_| commit.status.is_ended() && !current.status.is_ended()) {
        claims::settle(connection, &document, current.number, commit.status)?;
    }
    Ok(())
}

/// The job behind [`morag_core::ports::Tasks::run_again`]. An `Err` is followed by a rollback.
pub(super) fn run_again(
    connection: &Connection,
    context: &Context,
    again: &Commit,
    (flow, limits): (&Flow, TaskLimits),
    options: &Options,
) -> Result<(), RunAgainError> {
    commit(connection, context, again)?;
    quotas::admit(connection, context.now(), options, flow, limits)?;
    let rank = fair::enter(connection, flow)?;
    due_queue::enter_again(connection, &again.task.to_string(), rank)?;
    let sql = "UPDATE tasks SET flow = ?2 WHERE id = ?1";
    execute(connection, sql, params![again.task.as_bytes(), flow.id])?;
    Ok(())
}

/// Claims the document of a task that runs again.
fn claim_again(connection: &Connection, current: &Current, commit: &Commit) -> Result<(), CommitError> {
    let Some(document) = &current.document else { return Ok(()) };
    let document = DocumentKey::stored(document.clone());
    let sql = "SELECT json_extract(record, '$.replace_existing') FROM tasks WHERE number = ?1";
    let replaces = first(connection, sql, [current.number], |row| row.get(0))?.unwrap_or(false);
    match claims::holder(connection, &document)?.filter(|_| !replaces) {
        Some(holder) => Err(CommitError::DuplicateDocument(holder)),
        None => Ok(claims::claim(connection, &document, current.number, commit.task)?),
    }
}

/// The step that runs after the events.
fn running_step<'a>(current: &'a Current, events: &'a [Event]) -> Option<&'a str> {
    events.iter().fold(current.running_step.as_deref(), |running, event| match &event.kind {
        EventKind::StepStarted { step, .. } => Some(step),
        EventKind::TaskStarted { .. }
        | EventKind::StepCompleted { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepFailed { .. } => None,
        _ => running,
    })
}

fn update_task(connection: &Connection, commit: &Commit, current: &Current, now: Timestamp) -> Result<(), StoreError> {
    let reached = commit.events.iter().map(|event| event.progress_percent).fold(0.0, f64::max);
    let sql = "UPDATE tasks SET status = ?2, live_percent = ?3, progress_percent = max(progress_percent, ?4),
                   last_sequence = last_sequence + ?5, ended_at = iif(?6, coalesce(ended_at, ?7), NULL), running_step = ?8
               WHERE number = ?1";
    let added = i64::try_from(commit.events.len()).unwrap_or(i64::MAX);
    let status = commit.status;
    let params = params![
        current.number,
        status.as_str(),
        commit.live_percent,
        reached,
        added,
        status.is_ended(),
        now.as_millis(),
        running_step(current, &commit.events)
    ];
    execute(connection, sql, params)?;
    if status != current.status {
        count(connection, &current.tenant, current.status, -1)?;
        count(connection, &current.tenant, status, 1)?;
    }
    Ok(())
}

fn append(connection: &Connection, commit: &Commit, current: &Current) -> Result<(), StoreError> {
    let mut written = 0_u64;
    for (event, sequence) in commit.events.iter().zip(current.last_sequence + 1..) {
        written = written.saturating_add(event.kind.written_bytes());
        let sql = "INSERT INTO events(task, sequence, at, event, tenant) VALUES (?1, ?2, ?3, ?4, ?5)";
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        let (at, tenant) = (event.timestamp.as_millis(), current.tenant.as_str());
        execute(connection, sql, params![current.number, sequence, at, to_json(event)?, tenant])?;
    }
    quotas::add_bytes(connection, current.number, &current.tenant, written)
}
