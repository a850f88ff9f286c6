//! Registries of step components in `morag.toml`: the tables `[[plugin_registries]]`.

use super::file_tables::PLUGIN_REGISTRIES;
use super::sources::Written;
use super::tables;
use morag_core::plugin::{RegistryAccess, RegistryLogin, is_registry};
use serde::Deserialize;

/// Reads the tables.
pub(super) fn read(written: &Written<'_>) -> Vec<RegistryAccess> {
    let mut registries: Vec<RegistryAccess> = Vec::new();
    for (place, given) in tables::read::<GivenRegistry>(written, PLUGIN_REGISTRIES) {
        let login = match (given.username, given.password_env, given.token_env) {
            (None, None, None) => None,
            (Some(username), Some(variable), None) => {
                let password = place.variable(&["password_env"], &variable);
                password.map(|password| RegistryLogin::Password { username, password })
            }
            (None, None, Some(variable)) => place.variable(&["token_env"], &variable).map(RegistryLogin::Token),
            _ => {
                place.refuse(&["username"], "give `username` and `password_env`, or `token_env` alone");
                None
            }
        };
        let (registry, insecure) = (given.host.0, given.insecure);
        if registries.iter().any(|other| other.registry == registry) {
            place.refuse(&["host"], "there is another table of this registry");
        }
        registries.push(RegistryAccess { registry, login, insecure });
    }
    registries
}

/// A table `[[plugin_registries]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRegistry {
    host: GivenHost,
    /// Whether it is spoken to without TLS.
    #[serde(default)]
    insecure: bool,
    username: Option<String>,
    /// Environment variable that holds the password.
    password_env: Option<String>,
    /// Environment variable that holds a token.
    token_env: Option<String>,
}

/// A host, with its port if needed.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenHost(String);

impl TryFrom<String> for GivenHost {
    type Error = &'static str;
    fn try_from(host: String) -> Result<Self, &'static str> {
        if is_registry(&host) { Ok(Self(host)) } else { Err("give a host, with its port if needed") }
    }
}
