//! Named webhook endpoints of `morag.toml`: the tables `[[webhook_endpoints]]`.

use super::error::unknown_key;
use super::file_tables::WEBHOOK_ENDPOINTS;
use super::sources::Written;
use super::tables::{self, Place};
use crate::endpoints::ConfiguredEndpoint;
use crate::endpoints::draft::Draft;
use crate::endpoints::given::GivenEndpoint;
use morag_core::Timestamp;
use morag_core::task::TenantId;
use morag_core::webhook::{
    AddressPolicy, Credentials, Disabled, DisabledReason, EndpointId, NamedEndpoint, RetrySettings,
};
use morag_input::{Fault, FieldObject, Problem};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Creation time of an endpoint of the file: unknown, and not used.
const NO_TIME: Timestamp = Timestamp::from_millis(0);

/// The keys of [`Own`].
const OWN: [&str; 3] = ["tenant", "secret_env", "auth_token_env"];

/// The setting of endpoints that the file does not have: it is for changes over HTTP.
const NOT_OF_FILE: &str = "version";

/// Reads the tables. `retry`: retries of an endpoint that sets none.
pub(super) fn read(written: &Written<'_>, policy: &AddressPolicy, retry: RetrySettings) -> Vec<ConfiguredEndpoint> {
    let mut endpoints: Vec<ConfiguredEndpoint> = Vec::new();
    for (place, fields) in tables::fields(written, WEBHOOK_ENDPOINTS) {
        let Some(endpoint) = endpoint(&place, fields, policy, retry) else { continue };
        let id = &endpoint.endpoint.id;
        if endpoints.iter().any(|other| other.endpoint.id == *id) {
            place.refuse(&["id"], format!("there is another endpoint {:?}", id.as_str()));
        }
        endpoints.push(endpoint);
    }
    endpoints
}

/// The endpoint of a table; none where something is wrong with it, which is noted.
fn endpoint(
    place: &Place<'_>,
    mut fields: FieldObject,
    policy: &AddressPolicy,
    retry: RetrySettings,
) -> Option<ConfiguredEndpoint> {
    let own = OWN.into_iter().filter_map(|name| Some((name.to_owned(), fields.values.remove(name)?))).collect();
    let own = place.read::<Own>(&FieldObject { values: own, left_out: 0 });
    let is_complete = own.as_ref().is_some_and(|own| fill_in(place, &mut fields, own));
    let own = own.unwrap_or_default();
    let note = |problem| place.note(of_file(problem, &own));
    let given: Result<GivenEndpoint, _> = morag_input::read_table(&fields);
    let given = given.map_err(|problems| problems.into_iter().for_each(note)).ok();
    let given = given.filter(|_| is_complete)?;
    if given.version.is_some() {
        place.refuse(&[NOT_OF_FILE], "it is for changes over HTTP: leave it out");
    }
    let id = given.id.as_ref().map(|id| EndpointId::of_tenant(&own.tenant.clone().unwrap_or_default(), id.0.as_str()));
    if id.is_none() {
        note(Problem::missing("id"));
    }
    let draft = Draft::new(given, policy).map_err(note).ok()?;
    if draft.secret.is_none() {
        place.refuse(&["secret"], "give secret or secret_env: `openssl rand -hex 32` makes one");
    }
    let settings = draft.settings(retry).map_err(note).ok();
    let mut credentials = Credentials::default();
    let applied = draft.apply_credentials(&mut credentials).map_err(note).ok();
    let (id, settings, secret, ()) = (id?, settings?, draft.secret.clone()?, applied?);
    credentials.rotate(secret, Duration::ZERO, NO_TIME);
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
    Some(ConfiguredEndpoint { endpoint, credentials })
}

/// What a table has beside the settings of every endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    tenant: Option<TenantId>,
    /// Environment variable that holds the secret.
    secret_env: Option<String>,
    /// Environment variable that holds the token.
    auth_token_env: Option<String>,
}

impl Own {
    /// Each setting that may be in a variable: its name, the key that names the variable, and that variable.
    fn variables(&self) -> [(&'static str, &'static str, Option<&str>); 2] {
        [
            ("secret", "secret_env", self.secret_env.as_deref()),
            ("auth_token", "auth_token_env", self.auth_token_env.as_deref()),
        ]
    }
}

/// Takes settings from the variables that hold them. `false`: one cannot be, which is noted.
fn fill_in(place: &Place<'_>, fields: &mut FieldObject, own: &Own) -> bool {
    let mut is_complete = true;
    for (name, key, variable) in own.variables() {
        let Some(variable) = variable else { continue };
        if fields.values.contains_key(name) {
            place.refuse(&[key], format!("it is given beside {name}: leave one of them out"));
            is_complete = false;
        } else if let Some(value) = place.variable(&[key], variable) {
            fields.values.insert(name.to_owned(), value.expose().to_owned().into());
        } else {
            is_complete = false;
        }
    }
    is_complete
}

/// The problem in terms of the file: its keys, and not those of the HTTP interface.
fn of_file(mut problem: Problem, own: &Own) -> Problem {
    let [name] = problem.path.as_mut_slice() else { return problem };
    if let Some((_, key, _)) = own.variables().into_iter().find(|(of, _, given)| of == name && given.is_some()) {
        *name = key.to_owned();
    }
    if let Fault::Unknown { known } = problem.fault {
        let known = known.iter().copied().filter(|key| *key != NOT_OF_FILE).chain(OWN);
        problem.fault = Fault::Invalid(unknown_key(name, known));
    }
    problem
}
