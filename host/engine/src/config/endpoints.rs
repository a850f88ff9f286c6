//! Named webhook endpoints of `morag.toml`: the tables `[[webhook_endpoints]]`.

use super::file_tables::WEBHOOK_ENDPOINTS;
use super::sources::{ConfigError, Written};
use crate::endpoints::ConfiguredEndpoint;
use crate::endpoints::draft::Draft;
use crate::endpoints::given::GivenEndpoint;
use morag_core::task::TenantId;
use morag_core::webhook::{
    AddressPolicy, Credentials, Disabled, DisabledReason, EndpointId, NamedEndpoint, RetrySettings,
};
use morag_core::{Secret, Timestamp};
use morag_input::{FieldObject, Problem};
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
        let refuse = |problem: Problem| {
            ConfigError::of_key(&format!("{WEBHOOK_ENDPOINTS}[{place}].{}", problem.name()), problem)
        };
        let endpoint = endpoint(written, table, policy, retry).map_err(refuse)?;
        let id = &endpoint.endpoint.id;
        if endpoints.iter().any(|other| other.endpoint.id == *id) {
            let text = format!("there is another endpoint {:?}", id.as_str());
            return Err(ConfigError::of_key(&format!("{WEBHOOK_ENDPOINTS}[{place}].id"), text));
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
    let no_json = |_| Problem::invalid("*", "a value cannot be represented in JSON");
    let mut object: FieldObject =
        serde_json::to_string(table).and_then(|text| serde_json::from_str(&text)).map_err(no_json)?;
    // Beside the settings of every endpoint.
    let own = ["tenant", "secret_env", "auth_token_env"];
    let own = own.into_iter().filter_map(|name| Some((name.to_owned(), object.values.remove(name)?))).collect();
    let own: Own = read_as(FieldObject { values: own, left_out: 0 })?;
    for (name, variable) in [("secret", own.secret_env), ("auth_token", own.auth_token_env)] {
        if let Some(variable) = variable {
            object.values.insert(name.to_owned(), of_environment(written, &object, name, &variable)?.into());
        }
    }
    let given: GivenEndpoint = read_as(object)?;
    if given.version.is_some() {
        return Err(Problem::invalid("version", "version is for changes over HTTP: leave it out"));
    }
    let id = given.id.as_ref().ok_or_else(|| Problem::missing("id"))?;
    let id = EndpointId::of_tenant(&own.tenant.unwrap_or_default(), id.0.as_str());
    let draft = Draft::new(given, policy)?;
    let settings = draft.settings(retry)?;
    let secret: Secret = draft.secret.clone().ok_or_else(|| {
        Problem::invalid("secret", "secret or secret_env is required: `openssl rand -hex 32` makes one")
    })?;
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

/// What a table has beside the settings of every endpoint.
#[derive(Debug, Deserialize)]
struct Own {
    tenant: Option<TenantId>,
    secret_env: Option<String>,
    auth_token_env: Option<String>,
}

/// Reads values; the first problem is what the operator is told.
fn read_as<T: DeserializeOwned>(object: FieldObject) -> Result<T, Problem> {
    let cannot = || Problem::invalid("*", "it cannot be read");
    morag_input::read(&object).map_err(|problems| problems.into_iter().next().unwrap_or_else(cannot))
}

/// The value of the environment variable that `NAME_env` names.
fn of_environment(written: &Written<'_>, object: &FieldObject, name: &str, variable: &str) -> Result<String, Problem> {
    let key = format!("{name}_env");
    if object.values.contains_key(name) {
        return Err(Problem::invalid(&key, format!("{key} is given beside {name}: leave one of them out")));
    }
    // The name is not shown: it may be the secret itself, written here by mistake.
    let unset = || Problem::invalid(&key, format!("give {key} the name of an environment variable that is set"));
    written.environment(variable).map(|value| value.trim().to_owned()).ok_or_else(unset)
}
