//! Named webhook endpoints of `morag.toml`: the tables `[[webhook_endpoints]]`.

use super::file_tables::WEBHOOK_ENDPOINTS;
use super::sources::{ConfigError, Written};
use crate::endpoints::ConfiguredEndpoint;
use crate::endpoints::draft::{self, Draft, Problem};
use morag_core::task::{InvalidTenantId, TenantId};
use morag_core::webhook::{
    AddressPolicy, Credentials, Disabled, DisabledReason, EndpointId, NamedEndpoint, RetrySettings,
};
use morag_core::{JsonObject, Secret, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Creation time of an endpoint of the file: unknown, and not used.
const NO_TIME: Timestamp = Timestamp::from_millis(0);

/// Reads the tables. `retry`: retries of an endpoint that sets none.
pub(super) fn read(
    written: &Written<'_>,
    policy: &AddressPolicy,
    retry: RetrySettings,
) -> Result<Vec<ConfiguredEndpoint>, ConfigError> {
    let mut endpoints: Vec<ConfiguredEndpoint> = Vec::new();
    for (place, table) in written.tables(WEBHOOK_ENDPOINTS).iter().enumerate() {
        // The error describes the problem and does not show the value, which may be a secret.
        let refuse =
            |problem: Problem| ConfigError(format!("{WEBHOOK_ENDPOINTS}[{place}].{}: {}", problem.name, problem.msg));
        let endpoint = endpoint(written, table, policy, retry).map_err(refuse)?;
        let id = &endpoint.endpoint.id;
        if endpoints.iter().any(|other| other.endpoint.id == *id) {
            return Err(ConfigError(format!(
                "{WEBHOOK_ENDPOINTS}[{place}].id: there is another endpoint {:?}",
                id.as_str()
            )));
        }
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

fn endpoint(
    written: &Written<'_>,
    table: &toml::Table,
    policy: &AddressPolicy,
    retry: RetrySettings,
) -> Result<ConfiguredEndpoint, Problem> {
    let no_json = |_| Problem::new("*", "a value cannot be represented in JSON");
    let mut object: JsonObject = match serde_json::to_value(table).map_err(no_json)? {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    let id = object.remove("id").ok_or_else(|| Problem::new("id", "id is required"))?;
    let id = draft::endpoint_id(id.as_str().unwrap_or_default()).map_err(|msg| Problem::new("id", msg))?;
    let tenant = match object.remove("tenant") {
        None => TenantId::default(),
        Some(value) => value
            .as_str()
            .unwrap_or_default()
            .parse()
            .map_err(|error: InvalidTenantId| Problem::new("tenant", error.to_string()))?,
    };
    let id = EndpointId::of_tenant(&tenant, id.as_str());
    for name in ["secret", "auth_token"] {
        if let Some(value) = of_environment(written, &mut object, name)? {
            object.insert(name.to_owned(), Value::String(value));
        }
    }
    let draft = Draft::read(&object, policy)
        .map_err(|problems| problems.into_iter().next().unwrap_or_else(|| Problem::new("*", "it cannot be read")))?;
    let settings = draft.settings(retry)?;
    let secret: Secret = draft
        .secret
        .clone()
        .ok_or_else(|| Problem::new("secret", "secret or secret_env is required: `openssl rand -hex 32` makes one"))?;
    let mut credentials = Credentials::default();
    credentials.rotate(secret, Duration::ZERO, NO_TIME);
    draft.apply_credentials(&mut credentials)?;
    let disabled = Disabled { reason: DisabledReason::Manual, at: NO_TIME, to_tell: BTreeMap::new() };
    let endpoint = NamedEndpoint {
        id,
        settings,
        sealed: String::new(),
        disabled: draft.disabled.unwrap_or_default().then_some(disabled),
        failing_since: None,
        created_at: NO_TIME,
        updated_at: NO_TIME,
        version: 0,
        created_by: None,
    };
    Ok(ConfiguredEndpoint { endpoint, credentials })
}

/// The value of the environment variable that `NAME_env` names.
fn of_environment(written: &Written<'_>, object: &mut JsonObject, name: &str) -> Result<Option<String>, Problem> {
    let key = format!("{name}_env");
    let Some(variable) = object.remove(&key) else { return Ok(None) };
    let refuse = |msg: String| Problem::new(&key, msg);
    let variable =
        variable.as_str().ok_or_else(|| refuse(format!("{key} must be the name of an environment variable")))?;
    if object.contains_key(name) {
        return Err(refuse(format!("{key} is given beside {name}: leave one of them out")));
    }
    let value = written.environment(variable);
    // The name is not shown: it may be the secret itself, written here by mistake.
    let unset = || refuse(format!("give {key} the name of an environment variable that is set"));
    value.map(|value| Some(value.trim().to_owned())).ok_or_else(unset)
}
