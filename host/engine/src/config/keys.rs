//! The keys that callers may use, and what each weighs.

use super::Roles;
use super::file_tables::CALLERS;
use super::roles::Role;
use super::sources::{ConfigError, Written};
use super::values::list;
use morag_core::Secret;
use morag_core::ports::Flow;
use std::net::IpAddr;

/// Key that works on loopback when the operator set none: the guides' own.
const KEY_OF_LOOPBACK: &str = "test-api-key";

/// A key that callers may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key.
    pub secret: Secret,
    /// Share of the workers in relation to other keys, 1 to [`Flow::WEIGHT_MAX`].
    pub weight: u32,
}

/// Reads the keys. Never empty for a process with the role `api`, unless `[[callers]]` have keys; any other asks nobody for
/// a key.
pub(super) fn read(
    written: &Written<'_>,
    host: IpAddr,
    roles: Roles,
    warnings: &mut Vec<String>,
) -> Result<Vec<ApiKey>, ConfigError> {
    let mut keys: Vec<_> = list(&written.value("api_keys").unwrap_or_default()).map(Secret::new).collect();
    if keys.is_empty() && roles.has(Role::Api) && written.tables(CALLERS).is_empty() {
        if !host.is_loopback() {
            return Err(ConfigError(format!(
                "API_HOST is {host}, which others can reach, and MORAG_API_KEYS has no key: \
                 set MORAG_API_KEYS to one or more keys, give [[callers]] in morag.toml, or set API_HOST to 127.0.0.1"
            )));
        }
        warnings.push(format!(
            "MORAG_API_KEYS is not set: the key {KEY_OF_LOOPBACK:?} works for everybody on this machine"
        ));
        keys.push(Secret::new(KEY_OF_LOOPBACK));
    }
    let weights = weights(written, keys.len())?;
    Ok(keys.into_iter().zip(weights).map(|(secret, weight)| ApiKey { secret, weight }).collect())
}

/// Whether one of the keys is the one that everybody knows, on an address that only this machine reaches. On others it is warned
/// of.
pub(super) fn is_default(host: IpAddr, keys: &[ApiKey], warnings: &mut Vec<String>) -> bool {
    let is_known = keys.iter().any(|key| key.secret.expose() == KEY_OF_LOOPBACK);
    if is_known && !host.is_loopback() {
        warnings.push(format!(
            "API_HOST is {host}, which others can reach, and MORAG_API_KEYS has {KEY_OF_LOOPBACK:?}, which everybody knows: \
             give another key (openssl rand -hex 32)"
        ));
    }
    is_known && host.is_loopback()
}

fn weights(written: &Written<'_>, keys: usize) -> Result<Vec<u32>, ConfigError> {
    let key = "api_key_weights";
    let Some(text) = written.value(key) else { return Ok(vec![1; keys]) };
    let allowed = format!("whole numbers, 1 to {}, separated by commas", Flow::WEIGHT_MAX);
    let weight = |part: &str| part.parse().ok().filter(|weight| (1..=Flow::WEIGHT_MAX).contains(weight));
    let weights: Option<Vec<u32>> = list(&text).map(weight).collect();
    let weights = weights.ok_or_else(|| written.refused(key, &allowed))?;
    // Given to a process without keys, such as a worker that shares the settings of the others, they weigh nothing.
    if weights.len() != keys && keys > 0 {
        return Err(written.refused(key, &format!("as many weights as MORAG_API_KEYS has keys, which is {keys}")));
    }
    Ok(weights)
}
