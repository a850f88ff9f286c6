//! API keys and their weights.

use super::Roles;
use super::file_tables::CALLERS;
use super::roles::Role;
use super::sources::Written;
use super::values::list;
use morag_core::Secret;
use morag_core::ports::Flow;
use std::net::IpAddr;

/// Default key on loopback, as used in the guides.
const KEY_OF_LOOPBACK: &str = "test-api-key";

/// A key of an API caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key.
    pub secret: Secret,
    /// Relative share of the workers, 1 to [`Flow::WEIGHT_MAX`].
    pub weight: u32,
}

/// Reads the keys. With the role `api` the list is empty only where `[[callers]]` have keys; other roles check no keys.
pub(super) fn read(written: &Written<'_>, host: IpAddr, roles: Roles, warnings: &mut Vec<String>) -> Vec<ApiKey> {
    let mut keys: Vec<_> = list(&written.value("api_keys").unwrap_or_default()).map(Secret::new).collect();
    if keys.is_empty() && roles.has(Role::Api) && written.tables(CALLERS).is_empty() {
        if !host.is_loopback() {
            let text = format!(
                "is {host}, which others can reach, and MORAG_API_KEYS has no key: \
                 set MORAG_API_KEYS to one or more keys, give [[callers]] in morag.toml, or set API_HOST to 127.0.0.1"
            );
            written.note("api_host", &text);
        }
        warnings.push(format!(
            "MORAG_API_KEYS is not set: the key {KEY_OF_LOOPBACK:?} works for every user of this machine"
        ));
        keys.push(Secret::new(KEY_OF_LOOPBACK));
    }
    let weights = weights(written, keys.len());
    keys.into_iter().zip(weights).map(|(secret, weight)| ApiKey { secret, weight }).collect()
}

/// Whether one of the keys is the publicly known default, on an address that only this machine reaches. Warns where it is used on another
/// address.
pub(super) fn is_default(host: IpAddr, keys: &[ApiKey], warnings: &mut Vec<String>) -> bool {
    let is_known = keys.iter().any(|key| key.secret.expose() == KEY_OF_LOOPBACK);
    if is_known && !host.is_loopback() {
        warnings.push(format!(
            "API_HOST is {host}, which others can reach, and MORAG_API_KEYS has {KEY_OF_LOOPBACK:?}, which is publicly known: \
             give another key (openssl rand -hex 32)"
        ));
    }
    is_known && host.is_loopback()
}

fn weights(written: &Written<'_>, keys: usize) -> Vec<u32> {
    let (key, equal) = ("api_key_weights", vec![1; keys]);
    let Some(text) = written.value(key) else { return equal };
    let weight = |part: &str| part.parse().ok().filter(|weight| (1..=Flow::WEIGHT_MAX).contains(weight));
    let weights: Option<Vec<u32>> = list(&text).map(weight).collect();
    match weights {
        // A process without keys, such as a worker, may share the settings of the others: its weights are ignored.
        Some(weights) if weights.len() == keys || keys == 0 => return weights,
        Some(_) => written.refuse(key, &format!("as many weights as MORAG_API_KEYS has keys, which is {keys}")),
        None => written.refuse(key, &format!("whole numbers, 1 to {}, separated by commas", Flow::WEIGHT_MAX)),
    }
    equal
}
