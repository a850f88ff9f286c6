//! The step components of this process, with their grants, limits and sources; and reloading them.

mod budgets;
mod services;

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use crate::query::NoQuery;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use budgets::BudgetsBody;
use morag_core::Timestamp;
use morag_core::pipeline::StepDefinition;
use morag_core::plugin::{AcceptedFormat, Capability, HttpRule, Input, Limits, Output, members};
use morag_engine::plugins::{LoadedPlugin, NoReload, PluginSet, RefusedPlugin, UnusablePipeline};
use serde::Serialize;
use services::ServicesBody;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// The step components of a process.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginList {
    /// Whether this process runs steps. If not, it has no components, and does not know those of other processes.
    pub runs_steps: bool,
    /// Explanation for a process that runs no steps.
    pub message: Option<String>,
    /// The components that new tasks run on, by name. Null if the process runs no steps.
    pub plugins: Option<Vec<PluginBody>>,
    /// Refused components of which no version is loaded. Null if the process runs no steps.
    pub refused: Option<Vec<RefusedBody>>,
    /// Pipelines that cannot run on these components. Null if the process runs no steps.
    pub unusable_pipelines: Option<Vec<UnusablePipelineBody>>,
    /// Whether pictures can be read and speech transcribed. Null if the process runs no steps.
    pub services: Option<ServicesBody>,
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
    /// Its version.
    pub version: String,
    /// Summary by its author.
    pub summary: String,
    /// `loaded`.
    pub state: String,
    /// Its file, or its registry and digest.
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
    /// A newer version that was refused, so that this one is still used; null if there is none.
    pub refused: Option<RefusedBody>,
    /// Its capabilities.
    pub capabilities: CapabilitiesBody,
    /// Formats that it converts; null if it is not a converter.
    pub formats: Option<Vec<FormatBody>>,
    /// Hosts that `http` may reach.
    pub http: Vec<HttpRuleBody>,
    /// Names of the secrets that it may read.
    pub secrets: Vec<String>,
    /// Limits of one run.
    pub limits: LimitsBody,
    /// Budgets for services of the host.
    pub budgets: BudgetsBody,
    /// Artifacts that it reads.
    pub inputs: Vec<InputBody>,
    /// Artifacts that it writes.
    pub outputs: Vec<OutputBody>,
    /// JSON Schema of its configuration.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub config_schema: serde_json::Value,
    /// Pipelines that have a step of it.
    pub pipelines: Vec<String>,
}

/// A format that a converter takes.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormatBody {
    /// Short name, as failures list it.
    pub name: String,
    /// Its media types.
    pub media_types: Vec<String>,
    /// Extensions of its files.
    pub extensions: Vec<String>,
}

/// Capabilities of a component.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapabilitiesBody {
    /// Those that it requests.
    pub wanted: Vec<String>,
    /// Those that the operator grants.
    pub granted: Vec<String>,
    /// Those that it imports, so that it can use them.
    pub used: Vec<String>,
}

/// A component that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedBody {
    /// Its name, from its table in `morag.toml` or its file.
    pub name: String,
    /// `refused`.
    pub state: String,
    /// Its file, or its registry and digest.
    pub source: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A host that `http` may reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct HttpRuleBody {
    /// Host name or address; `*.example.com` for all subdomains.
    pub host: String,
    /// Port; null: 443 with TLS, 80 without.
    pub port: Option<u16>,
    /// Methods.
    pub methods: Vec<String>,
}

/// Limits of one run.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsBody {
    /// Linear memory, bytes.
    pub memory_bytes: u64,
    /// Wall time of a run.
    pub wall_time_ms: u64,
    /// CPU time of the guest.
    pub cpu_time_ms: u64,
    /// Bytes of all artifacts together.
    pub output_bytes: u64,
    /// Number of artifacts.
    pub artifacts: u64,
    /// Bytes read from the host.
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
    /// Its name; or a pattern with one `*`, such as `page-*.png`, of the names of any number of files.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Key of the step's data under which its URL is published; null if it is not.
    pub data_key: Option<String>,
}

/// The result of a reload.
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
/// Each with its source, the capabilities that it requests, is granted and uses, and its limits. A process without the role `worker` runs
/// no steps and has no components.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "plugins", operation_id = "list_plugins",
    responses(
        (status = 200, description = "The components", body = PluginList),
        (status = 401, description = "No key", body = ErrorBody),
    )
)]
pub async fn list(State(app): State<Arc<Api>>, _: NoQuery) -> Json<PluginList> {
    let Some(set) = app.plugins.set() else {
        let roles = app.config.roles;
        let message = format!(
            "This process has the role {roles}: it runs no steps and has no components. Those of a worker are in the worker's \
             configuration and log"
        );
        let nothing = PluginList {
            runs_steps: false,
            message: Some(message),
            plugins: None,
            refused: None,
            unusable_pipelines: None,
            services: None,
        };
        return Json(nothing);
    };
    let services = match &app.services {
        Some(check) => Some(ServicesBody::from(check.states().await)),
        None => None,
    };
    Json(PluginList { services, ..body(&app, &set) })
}

/// Reload changed components
///
/// Waits until the changed components are loaded or refused: some seconds for one that must be compiled. Components that were refused
/// before are tried again. Running tasks end on the components that they began on; an interrupted one may continue on the new ones.
#[utoipa::path(
    post, path = "/api/v1/plugins/reload", tag = "plugins", operation_id = "reload_plugins",
    responses(
        (status = 200, description = "The loaded and the refused components", body = ReloadBody),
        (status = 401, description = "No key", body = ErrorBody),
        (status = 409, description = "The process runs no steps", body = ErrorBody),
        (status = 429, description = "Too many reloads are waiting", body = ErrorBody),
        (status = 503, description = "The server is stopping", body = ErrorBody),
    )
)]
pub async fn reload(State(app): State<Arc<Api>>, _: NoQuery) -> Result<Json<ReloadBody>, ApiError> {
    let reloaded = app.plugins.reload().await.map_err(|error| match error {
        NoReload::NoWorker => {
            let text = "This process runs no steps: send SIGHUP to a worker, or use one that also has the role api";
            ApiError::conflict("no_worker", text)
        }
        NoReload::Busy => {
            let text = "Too many reloads are waiting: try again later";
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
    // By slot: a component of the folder may have another name than its file.
    let newer = |slot: &str| set.refused.iter().find(|refused| refused.name == slot);
    let is_loaded = |slot: &str| set.plugins.iter().any(|plugin| plugin.slot == slot);
    let plugin = |loaded: &LoadedPlugin| plugin(loaded, newer(&loaded.slot), pipelines(app, set, loaded));
    PluginList {
        runs_steps: true,
        message: None,
        plugins: Some(set.plugins.iter().map(plugin).collect()),
        refused: Some(set.refused.iter().filter(|one| !is_loaded(&one.name)).map(refused).collect()),
        unusable_pipelines: Some(set.unusable.iter().map(unusable).collect()),
        services: None,
    }
}

/// Pipelines that have a step of the component.
fn pipelines(app: &Api, set: &PluginSet, loaded: &LoadedPlugin) -> Vec<String> {
    let all = app.pipelines.all().map(|configured| &configured.pipeline);
    let found =
        |name: &str| set.plugins.iter().find(|one| one.descriptor.name == name).map(|one| one.descriptor.clone());
    let converters = set.steps.converters();
    let uses = |step: &StepDefinition| {
        let members = members(step.components(), &found, &converters).unwrap_or_default();
        members.iter().any(|member| member.name == loaded.descriptor.name)
    };
    let using = all.filter(|pipeline| pipeline.steps().iter().any(&uses));
    using.map(|pipeline| pipeline.name().to_owned()).collect()
}

fn format(format: &AcceptedFormat) -> FormatBody {
    let AcceptedFormat { name, media_types, extensions } = format.clone();
    FormatBody { name, media_types, extensions }
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
        formats: descriptor.formats.as_ref().map(|formats| formats.iter().map(format).collect()),
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
