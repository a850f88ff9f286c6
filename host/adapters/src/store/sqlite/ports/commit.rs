//! Taking a task one step on: what [`plan_commit`] decides, written.

use super::admission;
use super::context::Context;
use super::store::Options;
use crate::store::sqlite::tables::{claims, due, events, records, status_counts, stored_bytes, tasks};
use morag_core::ports::{Commit, CommitError, Flow, Guard, Lease, Next, Queue, RunAgainError, StoreError, TaskLimits};
use morag_core::store_policy::{DocumentPlan, Left, TaskFacts, WaitingCursors, plan_commit};
use morag_core::task::TaskId;
use rusqlite::Connection;

/// The job behind [`morag_core::ports::Tasks::commit`]. An `Err` is followed by a rollback.
pub(crate) fn commit(connection: &Connection, context: &Context, commit: &Commit) -> Result<(), CommitError> {
    let row = tasks::for_commit(connection, commit.task)?.ok_or(CommitError::Unknown)?;
    let (number, key) = (row.number, commit.task.to_string());
    let lease_is_held = match commit.guard {
        Guard::Lease(fence) => due::is_held(connection, &Lease { queue: Queue::Tasks, key: key.clone(), fence })?,
        Guard::Sequence(_) => false,
    };
    let facts = TaskFacts { lease_is_held, ..row.facts };
    let plan = plan_commit(&facts, commit)?;

    if let Some(document) = &row.document {
        match plan.document {
            DocumentPlan::Unchanged => {}
            DocumentPlan::Keep => claims::keep(connection, document, number)?,
            DocumentPlan::GiveUp => claims::delete(connection, document, number)?,
            DocumentPlan::ClaimAgain => claim_again(connection, document, number, commit.task)?,
        }
    }
    tasks::update(connection, number, commit, &plan, context.now())?;
    if commit.status != facts.status {
        status_counts::add(connection, &row.tenant, facts.status, -1)?;
        status_counts::add(connection, &row.tenant, commit.status, 1)?;
    }
    if let Some(left) = plan.leaves_queue {
        let begun = match left {
            Left::Begun => due::rank(connection, &key)?,
            Left::Cancelled => None,
        };
        admission::leave(connection, &row.flow, begun)?;
    }
    if facts.waits_again {
        due::begin_again(connection, &key)?;
    }
    events::append(connection, number, &row.tenant, &commit.events)?;
    stored_bytes::add(connection, number, &row.tenant, plan.written_bytes)?;
    place(connection, context, &key, commit.next)?;
    match plan.cursors {
        WaitingCursors::Wait => {}
        WaitingCursors::Wake => {
            context.wakes.feed.mark();
            if due::wake_cursors(connection, number, context.steady())? {
                context.wakes.mark(Queue::Deliveries);
            }
        }
    }
    Ok(())
}

/// Gives the task its place in the queue.
fn place(connection: &Connection, context: &Context, key: &str, next: Next) -> Result<(), StoreError> {
    match next {
        Next::Keep => {}
        Next::At(due_at) => {
            due::settle(connection, Queue::Tasks, key, Some(context.due(due_at)))?;
            context.wakes.mark(Queue::Tasks);
        }
        Next::Done => due::settle(connection, Queue::Tasks, key, None)?,
    }
    Ok(())
}

/// Claims the document of a task that runs again, as an acceptance does.
fn claim_again(connection: &Connection, document: &str, number: i64, task: TaskId) -> Result<(), CommitError> {
    let replaces = records::replaces_existing(connection, number)?;
    match claims::holder(connection, document)?.filter(|_| !replaces) {
        Some(holder) => Err(CommitError::DuplicateDocument(holder)),
        None => Ok(claims::insert(connection, document, number, task)?),
    }
}

/// The job behind [`morag_core::ports::Tasks::run_again`]. An `Err` is followed by a rollback.
pub(crate) fn run_again(
    connection: &Connection,
    context: &Context,
    again: &Commit,
    (flow, limits): (&Flow, TaskLimits),
    options: &Options,
) -> Result<(), RunAgainError> {
    commit(connection, context, again)?;
    let rank = admission::enter(connection, context.now(), options, flow, limits)?;
    due::enter_again(connection, &again.task.to_string(), rank)?;
    tasks::set_flow(connection, again.task, &flow.id)?;
    Ok(())
}
