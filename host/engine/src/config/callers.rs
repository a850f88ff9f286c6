//! API callers: the tables `[[callers]]` of `morag.toml`, and the keys of `MORAG_API_KEYS`.

use super::ApiKey;
use super::file_tables::CALLERS;
use super::file_values::Size;
use super::sources::Written;
use super::tables;
use morag_core::caller::{Quotas, Scope, Scopes};
use morag_core::ports::Flow;
use morag_core::task::TenantId;
use morag_input::{Problem, Whole, WholeOr, Word};
use serde::Deserialize;
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

/// Largest weight of a caller.
const WEIGHT_MAX: u64 = Flow::WEIGHT_MAX as u64;

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
pub(super) fn read(written: &Written<'_>, api_keys: &[ApiKey]) -> Vec<Arc<ConfiguredCaller>> {
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
    if written.tables(CALLERS).len() > CALLERS_MAX {
        written.note_key(&Problem::invalid(CALLERS, format!("give at most {CALLERS_MAX} callers")));
        return Vec::new();
    }
    for (place, given) in tables::read::<GivenCaller>(written, CALLERS) {
        let caller = ConfiguredCaller::from(given);
        if callers.iter().any(|other| other.name == caller.name) {
            place.refuse(&["name"], format!("there is another caller {:?}", caller.name));
        }
        if let Some(other) = callers.iter().find(|other| other.digest == caller.digest) {
            place.refuse(&["key_sha256"], format!("{} has the same key: each caller needs one of its own", other.name));
        }
        callers.push(caller);
    }
    callers.into_iter().map(Arc::new).collect()
}

/// Checks a caller's name; the error lists what is allowed.
pub fn check_caller_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(format!("give 1 to {NAME_LENGTH_MAX} letters, digits, dots, dashes and underscores")),
    }
}

/// A table `[[callers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCaller {
    name: GivenName,
    key_sha256: GivenDigest,
    /// `default` where it is absent.
    #[serde(default)]
    tenant: TenantId,
    scopes: GivenScopes,
    #[serde(default)]
    weight: WholeOr<1, WEIGHT_MAX, 1>,
    #[serde(default)]
    quotas: GivenQuotas,
    /// All of the tenant's where it is absent.
    collections: Option<GivenCollections>,
}

impl From<GivenCaller> for ConfiguredCaller {
    fn from(given: GivenCaller) -> Self {
        Self {
            name: given.name.0,
            digest: given.key_sha256.0,
            tenant: given.tenant,
            scopes: given.scopes.0,
            // Within bounds by its type.
            weight: u32::try_from(given.weight.0).unwrap_or(Flow::WEIGHT_MAX),
            quotas: given.quotas.into(),
            collections: given.collections.map(|collections| collections.0),
        }
    }
}

/// A caller's name.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenName(String);

impl TryFrom<String> for GivenName {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        check_caller_name(&name).map(|()| Self(name))
    }
}

/// SHA-256 of a caller's key, in hexadecimal digits.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenDigest([u8; 32]);

impl TryFrom<String> for GivenDigest {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let digest = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        digest.map(Self).ok_or(
            "give the SHA-256 of the key, 64 hexadecimal digits; never the key itself. \
             `morag key new NAME` prints a new key and its table",
        )
    }
}

/// Actions that a caller may take.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<Word<Scope>>")]
struct GivenScopes(Scopes);

impl TryFrom<Vec<Word<Scope>>> for GivenScopes {
    type Error = String;
    fn try_from(words: Vec<Word<Scope>>) -> Result<Self, String> {
        match words.is_empty() {
            true => Err(format!("give one at least of {}", Scope::ALL.map(Scope::as_str).join(", "))),
            false => Ok(Self(words.into_iter().map(|word| word.0).collect())),
        }
    }
}

/// Collections that a caller may write to.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
struct GivenCollections(BTreeSet<String>);

impl TryFrom<Vec<String>> for GivenCollections {
    type Error = String;
    fn try_from(names: Vec<String>) -> Result<Self, String> {
        match (1..=COLLECTIONS_MAX).contains(&names.len()) {
            true => Ok(Self(names.into_iter().collect())),
            false => {
                Err(format!("give 1 to {COLLECTIONS_MAX} names of collections, or leave it out: then all may be used"))
            }
        }
    }
}

/// A caller's quotas; none where one is absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenQuotas {
    waiting_tasks: Option<Whole<0, COUNT_MAX>>,
    tasks_per_day: Option<Whole<0, COUNT_MAX>>,
    stored_bytes: Option<Size<0, BYTES_MAX>>,
    endpoints: Option<Whole<0, COUNT_MAX>>,
    streams: Option<Whole<0, COUNT_MAX>>,
}

impl From<GivenQuotas> for Quotas {
    fn from(given: GivenQuotas) -> Self {
        Self {
            waiting_tasks: given.waiting_tasks.map(|count| count.0),
            tasks_per_day: given.tasks_per_day.map(|count| count.0),
            stored_bytes: given.stored_bytes.map(|bytes| bytes.0),
            endpoints: given.endpoints.map(|count| count.0),
            streams: given.streams.map(|count| count.0),
        }
    }
}
