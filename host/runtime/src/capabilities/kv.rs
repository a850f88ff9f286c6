//! Capability `kv`: `morag:step/kv`. Keys belong to the plugin: its name, which no two components share, is the first part of
//! each key in the store.

use super::capability::{CallContext, CapabilityHost};
use crate::bindings::morag::step::kv::{Host, add_to_linker};
use crate::budget::Allowance;
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::{Budget, Capability};
use morag_core::ports::{CapabilityError, KeyValueQuota, KeyValues, SetError, StoreError};
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker};

/// Bytes of a key. The WIT says so.
const KEY_BYTES_MAX: usize = 255;

/// Bytes of a value. The WIT says so.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Keys that are listed at once. The WIT says so.
const KEYS_MAX: usize = 256;

/// The host's side.
pub(super) struct Kv;

struct KvState {
    values: PluginValues,
    calls: Allowance,
}

impl State for KvState {}

/// The values of one plugin.
#[derive(Clone)]
struct PluginValues {
    store: Arc<dyn KeyValues>,
    plugin: String,
    quota: KeyValueQuota,
}

impl CapabilityHost for Kv {
    fn capability(&self) -> Capability {
        Capability::Kv
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        let budgets = &call.grant.budgets;
        let quota = KeyValueQuota { keys_max: budgets.get(Budget::KvKeys), bytes_max: budgets.get(Budget::KvBytes) };
        let (store, plugin) = (call.services.key_values.clone(), call.descriptor.name.clone());
        let values = PluginValues { store, plugin, quota };
        Box::new(KvState { values, calls: call.allowance(Budget::KvCalls) })
    }
}

impl Guest {
    /// The plugin's values, for one call, which the budget must have.
    fn values(&mut self) -> Result<PluginValues, CallError> {
        let state = self.state::<KvState>()?;
        state.calls.take(1)?;
        Ok(state.values.clone())
    }
}

impl Host for Guest {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, CallError> {
        traced(self.calls.begin("kv.get"), async {
            let PluginValues { store, plugin, .. } = self.values()?;
            check_key(&key)?;
            let value = store.get(&plugin, &key).await.map_err(|error| unavailable(&error))?;
            let bytes = value.as_ref().map_or(0, |value| value.len() as u64);
            self.meter.count_in(bytes).map_err(CallError::limit)?;
            Ok(value)
        })
        .await
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), CallError> {
        traced(self.calls.begin("kv.set"), async {
            let PluginValues { store, plugin, quota } = self.values()?;
            check_key(&key)?;
            if value.len() > VALUE_BYTES_MAX {
                return Err(CallError::limit(format!("a value has at most {VALUE_BYTES_MAX} bytes")));
            }
            store.set(&plugin, &key, value, quota).await.map_err(|error| match error {
                SetError::Full => CallError::limit(format!(
                    "the plugin's store is full: its budgets are kv_keys of {} keys and kv_bytes of {} bytes",
                    quota.keys_max, quota.bytes_max
                )),
                SetError::Store(error) => unavailable(&error),
            })
        })
        .await
    }

    async fn delete(&mut self, key: String) -> Result<(), CallError> {
        traced(self.calls.begin("kv.delete"), async {
            let PluginValues { store, plugin, .. } = self.values()?;
            check_key(&key)?;
            store.delete(&plugin, &key).await.map_err(|error| unavailable(&error))
        })
        .await
    }

    async fn keys(&mut self, prefix: String, after: Option<String>) -> Result<Vec<String>, CallError> {
        traced(self.calls.begin("kv.keys"), async {
            let PluginValues { store, plugin, .. } = self.values()?;
            if prefix.len() > KEY_BYTES_MAX || after.as_ref().is_some_and(|after| after.len() > KEY_BYTES_MAX) {
                return Err(CallError::invalid(format!("prefix and after have at most {KEY_BYTES_MAX} bytes")));
            }
            let keys = store.keys(&plugin, &prefix, after.as_deref(), KEYS_MAX).await;
            let keys = keys.map_err(|error| unavailable(&error))?;
            self.meter.count_in(keys.iter().map(|key| key.len() as u64).sum()).map_err(CallError::limit)?;
            Ok(keys)
        })
        .await
    }
}

fn check_key(key: &str) -> Result<(), CallError> {
    match (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(CallError::invalid(format!("a key has 1 to {KEY_BYTES_MAX} bytes without control characters"))),
    }
}

fn unavailable(error: &StoreError) -> CallError {
    tracing::warn!(%error, "the store of a plugin failed");
    CapabilityError::Unavailable("the host's store failed".into()).into()
}
