//! The step components of this process: what each is, may do and does; and looking at once whether one changed.

mod budgets;

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use budgets::BudgetsBody;
use morag_core::Timestamp;
use morag_core::plugin::{Capability, HttpRule, Input, Limits, Output};
use morag_engine::plugins::{LoadedPlugin, NoReload, PluginSet, RefusedPlugin, UnusablePipeline};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// The step components of a process.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginList {
    /// Whether this process runs steps. Where it does not, it has no components, and knows nothing of those of others.
    pub runs_steps: bool,
    /// What that means, where it does not.
    pub message: Option<String>,
    /// The components that new tasks run on, by name. Null where the process runs no steps.
    pub plugins: Option<Vec<PluginBody>>,
    /// Those that were refused, and of which nothing is loaded. Null where the process runs no steps.
    pub refused: Option<Vec<RefusedBody>>,
    /// Pipelines that cannot run on these components. Null where the process runs no steps.
    pub unusable_pipelines: Option<Vec<UnusablePipelineBody>>,
}

/// A pipeline that cannot run: its tasks fail at the step whose component is missing.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnusablePipelineBody {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A loaded component.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginBody {
    /// Its name.
    pub name: String,
    /// Its version, as it says.
    pub version: String,
    /// One line of its author's.
    pub summary: String,
    /// `loaded`.
    pub state: String,
    /// Where it comes from: a file, or a registry and a digest.
    pub source: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Id of the minisign key that signed it; null where no signature was asked for.
    pub signed_by: Option<String>,
    /// Since when new tasks run on it.
    #[schema(value_type = String, format = DateTime)]
    pub loaded_at: Timestamp,
    /// A newer one that was refused, so that this one stays; null where there is none.
    pub refused: Option<RefusedBody>,
    /// What it may use of the host's.
    pub capabilities: CapabilitiesBody,
    /// Where `http` may lead.
    pub http: Vec<HttpRuleBody>,
    /// Names of the secrets that it may read.
    pub secrets: Vec<String>,
    /// How much one run may take.
    pub limits: LimitsBody,
    /// How much of the host's services it may use.
    pub budgets: BudgetsBody,
    /// Artifacts that it reads.
    pub inputs: Vec<InputBody>,
    /// Artifacts that it writes.
    pub outputs: Vec<OutputBody>,
    /// JSON Schema of its configuration.
    #[schema(value_type = Object)]
    pub config_schema: serde_json::Value,
    /// Pipelines that have a step of it.
    pub pipelines: Vec<String>,
}

/// What a component may use.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapabilitiesBody {
    /// What it says it wants.
    pub wanted: Vec<String>,
    /// What the operator allows it.
    pub granted: Vec<String>,
    /// What it imports, so that it can use it.
    pub used: Vec<String>,
}

/// A component that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedBody {
    /// Its name, by its table or its file.
    pub name: String,
    /// `refused`.
    pub state: String,
    /// Where it is.
    pub source: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A place that `http` may lead to.
#[derive(Debug, Serialize, ToSchema)]
pub struct HttpRuleBody {
    /// Host name or address; `*.example.com` for all names below one.
    pub host: String,
    /// Port; null: 443 with TLS, 80 without.
    pub port: Option<u16>,
    /// Methods.
    pub methods: Vec<String>,
}

/// How much one run may take.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsBody {
    /// Linear memory.
    pub memory_bytes: u64,
    /// From the call to its end.
    pub wall_time_ms: u64,
    /// Of that, what the guest itself executes.
    pub cpu_time_ms: u64,
    /// All artifacts together.
    pub output_bytes: u64,
    /// Number of artifacts.
    pub artifacts: u64,
    /// Everything read from the host.
    pub host_bytes: u64,
    /// Calls to the host.
    pub host_calls: u64,
    /// Requests to other hosts.
    pub http_requests: u64,
    /// Lines of log that are kept.
    pub log_lines: u64,
    /// Bytes of log that are kept.
    pub log_bytes: u64,
}

/// An artifact that is read.
#[derive(Debug, Serialize, ToSchema)]
pub struct InputBody {
    /// Its name.
    pub name: String,
    /// Whether an earlier step must write it.
    pub required: bool,
}

/// An artifact that is written.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputBody {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Key of the step's data under which its URL is published; null: it is not.
    pub data_key: Option<String>,
}

/// What a look at the components came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReloadBody {
    /// Names of components that are new or were replaced.
    pub loaded: Vec<String>,
    /// Names of components that are gone.
    pub removed: Vec<String>,
    /// Every component that is refused now.
    pub refused: Vec<RefusedBody>,
}

/// The step components of this process
///
/// What each is, where it comes from, what it wants, may do and uses. A process without the role `worker` runs no steps and says
/// so.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "plugins", operation_id = "list_plugins",
    responses(
        (status = 200, description = "The components", body = PluginList),
        (status = 401, description = "No key", body = ErrorBody),
    )
)]
pub async fn list(State(app): State<Arc<Api>>) -> Json<PluginList> {
    let Some(set) = app.plugins.set() else {
        let roles = app.config.roles;
        let message = format!(
            "This process has the role {roles}: it runs no steps and has no components. Those of a worker are in its own \
             configuration and log"
        );
        let nothing = PluginList {
            runs_steps: false,
            message: Some(message),
            plugins: None,
            refused: None,
            unusable_pipelines: None,
        };
        return Json(nothing);
    };
    Json(body(&app, &set))
}

/// Look at once whether a component changed
///
/// Waits until what changed is taken or refused: some seconds for a component that must be compiled. What was refused before is
/// tried again. Tasks that run end on the components that they began on; one that is interrupted may go on on the new ones.
#[utoipa::path(
    post, path = "/api/v1/plugins/reload", tag = "plugins", operation_id = "reload_plugins",
    responses(
        (status = 200, description = "What was taken and what was refused", body = ReloadBody),
        (status = 401, description = "No key", body = ErrorBody),
        (status = 409, description = "The process runs no steps", body = ErrorBody),
        (status = 429, description = "Too many have asked and wait", body = ErrorBody),
        (status = 503, description = "The server stops", body = ErrorBody),
    )
)]
pub async fn reload(State(app): State<Arc<Api>>) -> Result<Json<ReloadBody>, ApiError> {
    let reloaded = app.plugins.reload().await.map_err(|error| match error {
        NoReload::NoWorker => {
            let text = "This process runs no steps: send SIGHUP to a worker, or ask one that has the role api too";
            ApiError::conflict("no_worker", text)
        }
        NoReload::Busy => {
            let text = "Reloads are under way already: try again later";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "reload_under_way", text).retry_after()
        }
        NoReload::Stopping => {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The server is stopping").retry_after()
        }
    })?;
    let refused = reloaded.refused.iter().map(refused).collect();
    Ok(Json(ReloadBody { loaded: reloaded.loaded, removed: reloaded.removed, refused }))
}

fn body(app: &Api, set: &PluginSet) -> PluginList {
    // By place: a component of the folder may have another name than its file.
    let newer = |slot: &str| set.refused.iter().find(|refused| refused.name == slot);
    let is_loaded = |slot: &str| set.plugins.iter().any(|plugin| plugin.slot == slot);
    let plugin = |loaded: &LoadedPlugin| plugin(loaded, newer(&loaded.slot), pipelines(app, loaded));
    PluginList {
        runs_steps: true,
        message: None,
        plugins: Some(set.plugins.iter().map(plugin).collect()),
        refused: Some(set.refused.iter().filter(|one| !is_loaded(&one.name)).map(refused).collect()),
        unusable_pipelines: Some(set.unusable.iter().map(unusable).collect()),
    }
}

/// Pipelines that have a step of the component.
fn pipelines(app: &Api, loaded: &LoadedPlugin) -> Vec<String> {
    let all = app.pipelines.all().map(|configured| &configured.pipeline);
    let uses = |name: &str| name == loaded.descriptor.name;
    let using = all.filter(|pipeline| pipeline.steps().iter().any(|step| uses(&step.component)));
    using.map(|pipeline| pipeline.name().to_owned()).collect()
}

fn plugin(loaded: &LoadedPlugin, newer: Option<&RefusedPlugin>, pipelines: Vec<String>) -> PluginBody {
    let (descriptor, grant) = (&loaded.descriptor, &loaded.grant);
    PluginBody {
        name: descriptor.name.clone(),
        version: descriptor.version.clone(),
        summary: descriptor.summary.clone(),
        state: "loaded".into(),
        source: loaded.source.clone(),
        digest: loaded.digest.clone(),
        size: loaded.size,
        signed_by: loaded.signed_by.clone(),
        loaded_at: loaded.since,
        refused: newer.map(refused),
        capabilities: CapabilitiesBody {
            wanted: names(&descriptor.capabilities),
            granted: names(&grant.capabilities),
            used: names(&loaded.used),
        },
        http: grant.http.iter().map(http_rule).collect(),
        secrets: grant.secrets.keys().cloned().collect(),
        limits: limits(&grant.limits),
        budgets: BudgetsBody(grant.budgets.clone()),
        inputs: descriptor.inputs.iter().map(input).collect(),
        outputs: descriptor.outputs.iter().map(output).collect(),
        config_schema: descriptor.config_schema.clone(),
        pipelines,
    }
}

fn names<'a>(capabilities: impl IntoIterator<Item = &'a Capability>) -> Vec<String> {
    capabilities.into_iter().map(|capability| capability.as_str().to_owned()).collect()
}

fn unusable(pipeline: &UnusablePipeline) -> UnusablePipelineBody {
    UnusablePipelineBody { name: pipeline.name.clone(), reason: pipeline.reason.clone() }
}

fn refused(refused: &RefusedPlugin) -> RefusedBody {
    let RefusedPlugin { name, source, reason, at } = refused.clone();
    RefusedBody { name, state: "refused".into(), source, reason, at }
}

fn http_rule(rule: &HttpRule) -> HttpRuleBody {
    let methods = match rule.methods.is_empty() {
        true => vec!["GET".to_owned(), "HEAD".to_owned()],
        false => rule.methods.clone(),
    };
    HttpRuleBody { host: rule.host.clone(), port: rule.port, methods }
}

fn limits(limits: &Limits) -> LimitsBody {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    LimitsBody {
        memory_bytes: limits.memory_bytes_max,
        wall_time_ms: ms(limits.wall_time_max),
        cpu_time_ms: ms(limits.cpu_time_max),
        output_bytes: limits.output_bytes_max,
        artifacts: limits.artifacts_max as u64,
        host_bytes: limits.host_bytes_max,
        host_calls: limits.host_calls_max,
        http_requests: limits.http_requests_max,
        log_lines: limits.log_lines_max as u64,
        log_bytes: limits.log_bytes_max as u64,
    }
}

fn input(input: &Input) -> InputBody {
    InputBody { name: input.name.to_string(), required: input.required }
}

fn output(output: &Output) -> OutputBody {
    let Output { name, media_type, data_key } = output.clone();
    OutputBody { name: name.to_string(), media_type, data_key }
}
