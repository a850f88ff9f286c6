//! API callers: the tables `[[callers]]` of `morag.toml`, and the keys of `MORAG_API_KEYS`.

use super::ApiKey;
use super::file_tables::CALLERS;
use super::sources::{ConfigError, Written};
use super::table_reader::TableReader;
use morag_core::caller::{Quota, Quotas, Scope, Scopes};
use morag_core::ports::Flow;
use morag_core::task::TenantId;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Callers of one server. The key of a request is compared with each of them, so that the response time does not reveal the caller.
const CALLERS_MAX: usize = 1000;

/// Longest name of a caller: it is in every line of the audit log.
const NAME_LENGTH_MAX: usize = 64;

/// Largest number of collections in a caller's list.
const COLLECTIONS_MAX: usize = 1000;

/// Largest quota that is a count.
const COUNT_MAX: u64 = 1_000_000_000_000;

/// Largest quota in bytes: more than disks have today.
const BYTES_MAX: u64 = 1 << 50;

/// A holder of an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredCaller {
    /// Name in the audit log: that of the table, or the index in `MORAG_API_KEYS`.
    pub name: String,
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// The tenant whose tasks, documents and endpoints it sees.
    pub tenant: TenantId,
    /// Actions that it may take there.
    pub scopes: Scopes,
    /// Share of the workers in relation to other callers, 1 to [`Flow::WEIGHT_MAX`].
    pub weight: u32,
    /// Its quotas.
    pub quotas: Quotas,
    /// Collections that it may write to; none: all of its tenant.
    pub collections: Option<BTreeSet<String>>,
}

/// SHA-256 of a key.
pub fn digest_of(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Every caller: those of the tables, and each key of `api_keys` as an admin of the default tenant.
pub(super) fn read(written: &Written<'_>, api_keys: &[ApiKey]) -> Result<Vec<Arc<ConfiguredCaller>>, ConfigError> {
    let of_key = |(place, key): (usize, &ApiKey)| ConfiguredCaller {
        // A table's name cannot have brackets, so there is no collision.
        name: format!("MORAG_API_KEYS[{place}]"),
        digest: digest_of(key.secret.expose().as_bytes()),
        tenant: TenantId::default(),
        scopes: [Scope::Admin].into_iter().collect(),
        weight: key.weight,
        quotas: Quotas::default(),
        collections: None,
    };
    let mut callers: Vec<_> = api_keys.iter().enumerate().map(of_key).collect();
    let tables = written.tables(CALLERS);
    if tables.len() > CALLERS_MAX {
        return Err(ConfigError::new(format!("{CALLERS}: at most {CALLERS_MAX} callers")));
    }
    for (place, table) in tables.iter().enumerate() {
        let mut reader = TableReader::new(format!("{CALLERS}[{place}]"), table);
        let caller = caller(&mut reader)?;
        reader.nothing_else()?;
        if callers.iter().any(|other| other.name == caller.name) {
            return Err(reader.refuse("name", format!("there is another caller {:?}", caller.name)));
        }
        if let Some(other) = callers.iter().find(|other| other.digest == caller.digest) {
            let text = format!("{} has the same key: each caller needs one of its own", other.name);
            return Err(reader.refuse("key_sha256", text));
        }
        callers.push(caller);
    }
    Ok(callers.into_iter().map(Arc::new).collect())
}

/// Checks a caller's name; the error lists what is allowed.
pub fn check_caller_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(format!("give 1 to {NAME_LENGTH_MAX} letters, digits, dots, dashes and underscores")),
    }
}

fn caller(reader: &mut TableReader<'_>) -> Result<ConfiguredCaller, ConfigError> {
    let name = reader.text("name")?.unwrap_or_default();
    check_caller_name(&name).map_err(|allowed| reader.refuse("name", allowed))?;
    let digest = reader.text("key_sha256")?.and_then(|text| <[u8; 32]>::try_from(hex::decode(text).ok()?).ok());
    let digest = digest.ok_or_else(|| {
        let text = "give the SHA-256 of the key, 64 hexadecimal digits; never the key itself. \
                    `morag key new NAME` prints a new key and its table";
        reader.refuse("key_sha256", text)
    })?;
    let tenant = match reader.text("tenant")? {
        None => TenantId::default(),
        Some(text) => text.parse().map_err(|error| reader.refuse("tenant", error))?,
    };
    let scopes = scopes(reader)?;
    let weight = reader.number("weight", 1..=u64::from(Flow::WEIGHT_MAX))?.unwrap_or(1);
    let quotas = quotas(reader)?;
    let collections = collections(reader)?;
    Ok(ConfiguredCaller {
        name,
        digest,
        tenant,
        scopes,
        weight: u32::try_from(weight).unwrap_or(Flow::WEIGHT_MAX),
        quotas,
        collections,
    })
}

fn scopes(reader: &mut TableReader<'_>) -> Result<Scopes, ConfigError> {
    let all = Scope::ALL.map(Scope::as_str).join(", ");
    let listed = reader.texts("scopes")?.filter(|listed| !listed.is_empty());
    let listed = listed.ok_or_else(|| reader.refuse("scopes", format!("give a list of {all}, of one at least")))?;
    let one = |(place, word): (usize, &String)| {
        word.parse::<Scope>().map_err(|()| reader.refuse(&format!("scopes[{place}]"), format!("give one of {all}")))
    };
    listed.iter().enumerate().map(one).collect()
}

fn quotas(reader: &mut TableReader<'_>) -> Result<Quotas, ConfigError> {
    let mut quotas = Quotas::default();
    let Some(mut reader) = reader.table("quotas")? else { return Ok(quotas) };
    quotas.waiting_tasks = reader.number(Quota::WaitingTasks.as_str(), 0..=COUNT_MAX)?;
    quotas.tasks_per_day = reader.number(Quota::TasksPerDay.as_str(), 0..=COUNT_MAX)?;
    quotas.endpoints = reader.number(Quota::Endpoints.as_str(), 0..=COUNT_MAX)?;
    quotas.streams = reader.number(Quota::Streams.as_str(), 0..=COUNT_MAX)?;
    let key = Quota::StoredBytes.as_str();
    if reader.table.contains_key(key) {
        let mut bytes = 0;
        reader.bytes(key, 0..=BYTES_MAX, &mut bytes)?;
        quotas.stored_bytes = Some(bytes);
    } else {
        let _ = reader.take(key);
    }
    reader.nothing_else()?;
    Ok(quotas)
}

fn collections(reader: &mut TableReader<'_>) -> Result<Option<BTreeSet<String>>, ConfigError> {
    let Some(listed) = reader.texts("collections")? else { return Ok(None) };
    if listed.is_empty() || listed.len() > COLLECTIONS_MAX {
        let text = format!("give 1 to {COLLECTIONS_MAX} names of collections, or leave it out: then all may be used");
        return Err(reader.refuse("collections", text));
    }
    Ok(Some(listed.into_iter().collect()))
}
