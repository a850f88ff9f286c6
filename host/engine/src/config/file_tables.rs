//! Names of the arrays of tables in `morag.toml`.

/// Callers and their keys.
pub(super) const CALLERS: &str = "callers";
/// Named webhook endpoints.
pub(super) const WEBHOOK_ENDPOINTS: &str = "webhook_endpoints";
/// Pipelines.
pub(super) const PIPELINES: &str = "pipelines";
/// Components with their grants and limits.
pub(super) const PLUGINS: &str = "plugins";
/// Registries that components come from.
pub(super) const PLUGIN_REGISTRIES: &str = "plugin_registries";

/// All of them.
pub(super) const ALL: [&str; 5] = [CALLERS, WEBHOOK_ENDPOINTS, PIPELINES, PLUGINS, PLUGIN_REGISTRIES];
