//! `morag:step/kv`. Keys are the plugin's: its name, which no two components share, is the first part of each.

use super::wit_error;
use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::kv::Host;
use crate::guest::Guest;
use morag_core::ports::{CapabilityError, KeyValueQuota, KeyValues, SetError, StoreError};
use std::sync::Arc;

/// Bytes of a key; the WIT says so.
const KEY_BYTES_MAX: usize = 255;

/// Bytes of a value; the WIT says so.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Keys that are listed at once; the WIT says so.
const KEYS_MAX: usize = 256;

/// The store, and the name of the plugin whose keys are meant.
type Scoped = (Arc<dyn KeyValues>, String);

impl Guest {
    /// Takes a call of the run's budget.
    fn kv(&mut self) -> wasmtime::Result<Result<Scoped, Error>> {
        let scope = self.scope()?;
        let taken = scope.budget.kv().map_err(wit_error);
        Ok(taken.map(|()| (scope.services.key_values.clone(), scope.descriptor.name.clone())))
    }
}

impl Host for Guest {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let (store, plugin) = match self.kv()? {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = check_key(&key) {
            return Ok(Err(wit_error(error)));
        }
        let value = match store.get(&plugin, &key).await {
            Ok(value) => value,
            Err(error) => return Ok(Err(wit_error(unavailable(&error)))),
        };
        match self.meter.count_in(value.as_ref().map_or(0, |value| value.len() as u64)) {
            Ok(()) => Ok(Ok(value)),
            Err(text) => Ok(Err(Error::Limit(text))),
        }
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        let (store, plugin) = match self.kv()? {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        let granted = &self.scope()?.budget.granted;
        let quota = KeyValueQuota { keys_max: granted.kv_keys_max, bytes_max: granted.kv_bytes_max };
        let checked = check_key(&key).and_then(|()| match value.len() <= VALUE_BYTES_MAX {
            true => Ok(()),
            false => Err(CapabilityError::Limit(format!("a value has at most {VALUE_BYTES_MAX} bytes"))),
        });
        if let Err(error) = checked {
            return Ok(Err(wit_error(error)));
        }
        let set = store.set(&plugin, &key, value, quota).await.map_err(|error| match error {
            SetError::Full => CapabilityError::Limit(format!(
                "the plugin's store is full: its budgets are kv_keys of {} keys and kv_bytes of {} bytes",
                quota.keys_max, quota.bytes_max
            )),
            SetError::Store(error) => unavailable(&error),
        });
        Ok(set.map_err(wit_error))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), Error>> {
        let (store, plugin) = match self.kv()? {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        let deleted = match check_key(&key) {
            Ok(()) => store.delete(&plugin, &key).await.map_err(|error| unavailable(&error)),
            Err(error) => Err(error),
        };
        Ok(deleted.map_err(wit_error))
    }

    async fn keys(&mut self, prefix: String, after: Option<String>) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let (store, plugin) = match self.kv()? {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        if prefix.len() > KEY_BYTES_MAX || after.as_ref().is_some_and(|after| after.len() > KEY_BYTES_MAX) {
            let error = CapabilityError::Invalid(format!("prefix and after have at most {KEY_BYTES_MAX} bytes"));
            return Ok(Err(wit_error(error)));
        }
        let keys = match store.keys(&plugin, &prefix, after.as_deref(), KEYS_MAX).await {
            Ok(keys) => keys,
            Err(error) => return Ok(Err(wit_error(unavailable(&error)))),
        };
        match self.meter.count_in(keys.iter().map(|key| key.len() as u64).sum()) {
            Ok(()) => Ok(Ok(keys)),
            Err(text) => Ok(Err(Error::Limit(text))),
        }
    }
}

fn check_key(key: &str) -> Result<(), CapabilityError> {
    match (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control) {
        true => Ok(()),
        false => {
            let text = format!("a key has 1 to {KEY_BYTES_MAX} bytes without control characters");
            Err(CapabilityError::Invalid(text))
        }
    }
}

fn unavailable(error: &StoreError) -> CapabilityError {
    tracing::warn!(%error, "the store of a plugin failed");
    CapabilityError::Unavailable("the host's store failed".into())
}
