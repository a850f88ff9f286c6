//! `kv` and `secrets` of the real host.

use crate::bindings::morag::step::{kv, secrets};
use crate::{CapabilityError, KeyValues, Secrets};

/// The capability `kv`.
#[derive(Debug, Clone, Copy)]
pub struct KeyValuesHandle;

/// The capability `secrets`.
#[derive(Debug, Clone, Copy)]
pub struct SecretsHandle;

impl KeyValues for KeyValuesHandle {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        Ok(kv::get(key)?)
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), CapabilityError> {
        Ok(kv::set(key, value)?)
    }
    fn delete(&self, key: &str) -> Result<(), CapabilityError> {
        Ok(kv::delete(key)?)
    }
    fn keys(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, CapabilityError> {
        Ok(kv::keys(prefix, after)?)
    }
}

impl Secrets for SecretsHandle {
    fn get(&self, name: &str) -> Result<String, CapabilityError> {
        Ok(secrets::get(name)?)
    }
}
