//! The pipelines that a request can choose.

use super::ApiError;
use super::error::ErrorBody;
use super::query::NoQuery;
use crate::Api;
use axum::Json;
use axum::extract::State;
use morag_core::JsonObject;
use morag_core::pipeline::{OnFailure, Pipeline, StepDefinition};
use morag_engine::pipelines::{Configured, Pipelines};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Routes that take `ingest` where the request names no pipeline.
const OF_INGEST: [&str; 5] = [
    "POST /api/v1/ingest/file",
    "POST /api/v1/ingest/url",
    "POST /api/v1/ingest/batch",
    "POST /api/convert/process-ingest",
    "POST /api/v1/process mode=ingest",
];
const OF_PROCESS: &str = "POST /api/v1/process mode=process";
const OF_CONVERT: &str = "POST /api/v1/process mode=convert";

/// Every pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PipelineList {
    /// The three default pipelines of routes, then the operator's others.
    pub pipelines: Vec<PipelineBody>,
}

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PipelineBody {
    /// Its name, for the field `pipeline` of requests.
    pub name: String,
    /// Routes whose default it is.
    pub default_of: Vec<String>,
    /// Whether it stores the document: then a document id can be ingested once.
    pub stores: bool,
    /// Its steps, in order.
    pub steps: Vec<PipelineStep>,
}

/// A step of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PipelineStep {
    /// Name of the step, as events have it.
    pub name: String,
    /// Plugin that runs it.
    pub plugin: String,
    /// Plugins that are asked, in order, where the ones before do not take the document.
    pub alternatives: Vec<String>,
    /// Stage that it belongs to.
    pub stage: String,
    /// Its share of the progress bar, relative to the others.
    pub weight: u32,
    /// Overall progress when it begins, percent.
    pub progress_start: f64,
    /// Overall progress when it ends, percent.
    pub progress_end: f64,
    /// Documents that it runs for; null: all.
    pub when: Option<PipelineCondition>,
    /// What happens to the task when it fails.
    pub on_failure: PipelineOnFailure,
    /// Whether it is skipped if its plugin is not loaded, and the task continues if it fails.
    pub optional: bool,
    /// Artifacts of earlier steps, each with the artifact of this step that later steps read instead.
    pub replaces: BTreeMap<String, String>,
    /// Keys of its configuration. The values may be private.
    pub config_keys: Vec<String>,
}

/// Conditions for a step to run; all must hold.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PipelineCondition {
    /// Its media type is one of these, with `*` for anything; none: any.
    pub media_type: Vec<String>,
    /// The task's metadata has these values.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub metadata: JsonObject,
}

/// What happens to a task when a step fails.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PipelineOnFailure {
    /// `fail`, `skip` or `retry`.
    pub action: String,
    /// Number of retries.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<u32>,
    /// Time before each retry, seconds.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<f64>,
}

/// Every pipeline, with its steps
///
/// A request chooses one by its name (`pipeline`). `ingest`, `process` and `convert` are always there; the operator's `morag.toml` can replace
/// them and add others.
#[utoipa::path(
    get, path = "/api/v1/pipelines", tag = "ingest", operation_id = "list_pipelines",
    responses(
        (status = 200, description = "Every pipeline", body = PipelineList),
        (status = 401, description = "No key, or a wrong one", body = ErrorBody),
    )
)]
pub async fn list(State(app): State<Arc<Api>>, _: NoQuery) -> Result<Json<PipelineList>, ApiError> {
    let body = |configured: &Configured| body(&app.pipelines, &configured.pipeline);
    Ok(Json(PipelineList { pipelines: app.pipelines.all().map(body).collect() }))
}

fn body(pipelines: &Pipelines, pipeline: &Pipeline) -> PipelineBody {
    let default_of: &[&str] = match pipeline.name() {
        name if name == pipelines.ingest().name() => &OF_INGEST,
        name if name == pipelines.process().name() => &[OF_PROCESS],
        name if name == pipelines.convert().name() => &[OF_CONVERT],
        _ => &[],
    };
    let step = |(index, step): (usize, &StepDefinition)| {
        let range = pipeline.range(index);
        self::step(step, range.start, range.end)
    };
    PipelineBody {
        name: pipeline.name().to_owned(),
        default_of: default_of.iter().map(|route| (*route).to_owned()).collect(),
        stores: pipelines.stores(pipeline),
        steps: pipeline.steps().iter().enumerate().map(step).collect(),
    }
}

fn step(step: &StepDefinition, progress_start: f64, progress_end: f64) -> PipelineStep {
    let condition = || PipelineCondition {
        media_type: step.when.media_types().iter().map(|glob| glob.as_str().to_owned()).collect(),
        metadata: step.when.metadata().clone(),
    };
    let action = |action: &str| PipelineOnFailure { action: action.to_owned(), retry: None, delay_seconds: None };
    PipelineStep {
        name: step.name.clone(),
        plugin: step.component.clone(),
        alternatives: step.alternatives.clone(),
        stage: step.stage.clone(),
        weight: step.weight,
        progress_start,
        progress_end,
        when: (!step.when.is_always()).then(condition),
        on_failure: match step.on_failure {
            OnFailure::Fail => action("fail"),
            OnFailure::Skip => action("skip"),
            OnFailure::Retry(retries) => PipelineOnFailure {
                retry: Some(retries.times()),
                delay_seconds: Some(retries.delay().as_secs_f64()),
                ..action("retry")
            },
        },
        optional: step.optional,
        replaces: step.replaces.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect(),
        config_keys: step.config.keys().cloned().collect(),
    }
}
