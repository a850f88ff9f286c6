//! Status, lists and history of tasks.

use super::ApiError;
use super::caller::Caller;
use super::error::ErrorBody;
use super::query::{Limit, NoQuery, Query};
use super::task::{PathTask, load, own};
use super::view::{HistoryItem, RecentItem, StatusBody, TaskItem, history_item, recent_item, status_body, task_item};
use super::wait::{Until, mark, wait};
use crate::Api;
use axum::Json;
use axum::extract::{Extension, State};
use morag_core::ports::{ListFilter, Queue, QueueCounts, TaskLog};
use morag_core::task::StatusWord;
use morag_engine::config::Role;
use morag_input::{Cursor, TaskState, WholeOr, Word, Words};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Seconds to wait: proxies end idle requests after 60.
type WaitSeconds = WholeOr<0, 60, 0>;

/// Hours that recent events are of: one day, at most a week, for which events are kept by default.
type Hours = WholeOr<1, 168, 24>;

/// How to read a status.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatusQuery {
    /// Seconds to wait for the next change.
    #[param(inline)]
    #[serde(default)]
    wait: WaitSeconds,
}

/// Which tasks to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only tasks of these states, comma separated.
    #[param(inline, style = Form, explode = false, value_type = Option<Vec<TaskState>>)]
    status: Option<Vec<TaskState>>,
    /// Tasks of a page.
    #[param(inline)]
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The order of a history.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HistoryOrder {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

impl Words for HistoryOrder {
    const NAME: &'static str = "HistoryOrder";
    const ALL: &'static [Self] = &[Self::Desc, Self::Asc];
}

type OrderOfHistory = Word<HistoryOrder>;

/// How to show a history.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// `desc` (default): newest first; `asc`: oldest first.
    #[param(inline)]
    order: Option<OrderOfHistory>,
}

/// Which recent events to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecentQuery {
    /// How far back.
    #[param(inline)]
    #[serde(default)]
    hours: Hours,
    /// Events of a page.
    #[param(inline)]
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// Tasks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskList {
    /// The tasks of this page.
    pub active_tasks: Vec<TaskItem>,
    /// Their number.
    pub count: usize,
    /// Number of all tasks in these states.
    pub total_count: u64,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// Lengths of the queues.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueStats {
    /// Tasks that run now.
    pub active_tasks: u64,
    /// Tasks that are due later.
    pub scheduled_tasks: u64,
    /// Tasks that wait for a worker.
    pub reserved_tasks: u64,
    /// Tasks that this process runs at once; 0 for a process without the role `worker`.
    pub workers: usize,
    /// Each queue: `tasks` and `deliveries`.
    pub queues: Queues,
}

/// Each queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct Queues {
    /// Tasks to run.
    pub tasks: QueueBody,
    /// Webhooks to deliver; null if several tenants share the server, because their deliveries share a queue.
    pub deliveries: Option<QueueBody>,
}

/// Lengths of a queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueBody {
    /// Waiting for a worker.
    pub due: u64,
    /// Being worked on.
    pub leased: u64,
    /// Due later.
    pub later: u64,
}

impl From<QueueCounts> for QueueBody {
    fn from(QueueCounts { due, leased, later, .. }: QueueCounts) -> Self {
        Self { due, leased, later }
    }
}

/// The history of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Its events.
    pub history: Vec<HistoryItem>,
    /// Their number.
    pub event_count: usize,
}

/// Recent events.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecentEvents {
    /// Events, newest first.
    pub events: Vec<RecentItem>,
    /// Their number.
    pub count: usize,
    /// The period, hours.
    pub hours: u64,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// Status of a task
#[utoipa::path(
    get, path = "/api/v1/status/{task_id}", tag = "status", operation_id = "get_status",
    params(
        PathTask,
        StatusQuery,
    ),
    responses(
        (status = 200, description = "The status of the task", body = StatusBody),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 429, description = "The caller has as many waiting requests as it may; `Retry-After` says when to try again", body = ErrorBody),
    )
)]
pub async fn status(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathTask(task): PathTask,
    Query(query): Query<StatusQuery>,
) -> Result<Json<StatusBody>, ApiError> {
    let at_most = Duration::from_secs(query.wait.0);
    if !at_most.is_zero() {
        // The task is loaded after the wait: a request that waits holds nothing of it in memory.
        let id = own(&app, &task).await?;
        let first = mark(&app, id).await?;
        if !first.status.is_ended() {
            let _permit = app.fair.waits.take(&caller)?;
            wait(&app, id, first, at_most, Until::Changed).await?;
        }
    }
    let log = load(&app, &task).await?;
    let now = app.clock.now();
    let mut body = status_body(&log, now);
    if let Some(message) = app.waits.message(&log, now) {
        body.message = message;
    }
    Ok(Json(body))
}

/// Whether a task has ended.
pub fn is_ended(log: &TaskLog) -> bool {
    log.events.last().is_some_and(|event| event.kind.ends_task())
}

/// Tasks, newest first
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status", operation_id = "list_tasks",
    params(ListQuery),
    responses((status = 200, description = "A page of tasks", body = TaskList))
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Result<Json<TaskList>, ApiError> {
    let statuses: Vec<_> = query.status.unwrap_or_default().into_iter().map(|word| word.0).collect();
    let limit = query.limit.0 as usize;
    let cursor = query.cursor.map(|cursor| cursor.0);
    let tenant = caller.tenant().clone();
    let counts = app.tasks.counts_of(&tenant).await?;
    let wanted = |word: &StatusWord| statuses.is_empty() || statuses.contains(word);
    let total_count = counts.iter().filter(|(word, _)| wanted(word)).map(|(_, count)| count).sum();
    let page = app.tasks.list(&ListFilter { statuses, limit, cursor, tenant }).await?;
    let active_tasks: Vec<_> = page.items.into_iter().map(task_item).collect();
    Ok(Json(TaskList { count: active_tasks.len(), active_tasks, total_count, next_cursor: page.next_cursor }))
}

/// Queue lengths
///
/// If several tenants share the server, the numbers are those of the caller's own tenant.
#[utoipa::path(
    get, path = "/api/v1/status/stats/queues", tag = "status", operation_id = "get_queue_stats",
    responses((status = 200, description = "The queues now", body = QueueStats))
)]
pub async fn queues(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    _: NoQuery,
) -> Result<Json<QueueStats>, ApiError> {
    let (tasks, deliveries) = match app.config.has_tenants() {
        false => {
            let deliveries = app.queue.queue_counts(Queue::Deliveries).await?;
            (app.queue.queue_counts(Queue::Tasks).await?, Some(deliveries.into()))
        }
        true => (own_queue(&app, &caller).await?, None),
    };
    Ok(Json(QueueStats {
        active_tasks: tasks.leased,
        scheduled_tasks: tasks.later,
        reserved_tasks: tasks.due,
        workers: if app.config.roles.has(Role::Worker) { app.config.worker_concurrency } else { 0 },
        queues: Queues { tasks: tasks.into(), deliveries },
    }))
}

/// The tenant's part of the queue of tasks, from their states: a task that waits for a step's retry counts as running.
async fn own_queue(app: &Api, caller: &Caller) -> Result<QueueCounts, ApiError> {
    let counts = app.tasks.counts_of(caller.tenant()).await?;
    let of = |word| counts.iter().find(|(status, _)| *status == word).map_or(0, |(_, count)| *count);
    Ok(QueueCounts { due: of(StatusWord::Pending), leased: of(StatusWord::InProgress), ..QueueCounts::default() })
}

/// History of a task
#[utoipa::path(
    get, path = "/api/v1/status/{task_id}/history", tag = "status", operation_id = "get_history",
    params(
        PathTask,
        HistoryQuery,
    ),
    responses(
        (status = 200, description = "Its events", body = History),
        (status = 404, description = "No such task", body = ErrorBody),
    )
)]
pub async fn history(
    State(app): State<Arc<Api>>,
    PathTask(task): PathTask,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<History>, ApiError> {
    let log = load(&app, &task).await?;
    let id = log.record.id;
    let mut history: Vec<_> = log.events.into_iter().map(history_item).collect();
    match query.order.map(|order| order.0).unwrap_or_default() {
        HistoryOrder::Desc => history.reverse(),
        HistoryOrder::Asc => {}
    }
    Ok(Json(History { task_id: id.to_string(), event_count: history.len(), history }))
}

/// Recent events of all tasks
#[utoipa::path(
    get, path = "/api/v1/status/events/recent", tag = "status", operation_id = "list_recent_events",
    params(RecentQuery),
    responses((status = 200, description = "Events, newest first", body = RecentEvents))
)]
pub async fn recent(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Query(RecentQuery { hours: WholeOr(hours), limit, cursor }): Query<RecentQuery>,
) -> Result<Json<RecentEvents>, ApiError> {
    let limit = limit.0 as usize;
    let since = app.clock.now().minus(Duration::from_secs(hours * 3600));
    let page = app.tasks.recent(caller.tenant(), since, limit, cursor.as_ref().map(|cursor| cursor.0.as_str())).await?;
    let events: Vec<_> = page.items.into_iter().map(recent_item).collect();
    Ok(Json(RecentEvents { count: events.len(), events, hours, next_cursor: page.next_cursor }))
}
