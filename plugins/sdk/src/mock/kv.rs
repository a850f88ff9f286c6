//! A plugin's own store and secrets in memory.

use crate::{CapabilityError, KeyValues, Secrets};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Largest value, bytes.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Longest key, bytes.
const KEY_BYTES_MAX: usize = 255;
/// Most keys per call.
const KEYS_MAX: usize = 256;

/// A store in memory, with the host's rules for keys and values but without a budget.
#[derive(Debug, Default)]
pub struct MockKeyValues {
    /// The stored values.
    pub values: RefCell<BTreeMap<String, Vec<u8>>>,
    /// When set, every call fails with it.
    pub failing: Option<CapabilityError>,
}

impl MockKeyValues {
    /// Stores a value, as an earlier task would have.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        self.values.borrow_mut().insert(key.into(), value.into());
        self
    }

    fn check(&self, key: &str) -> Result<(), CapabilityError> {
        if let Some(error) = &self.failing {
            return Err(error.clone());
        }
        if !(1..=KEY_BYTES_MAX).contains(&key.len()) || key.chars().any(char::is_control) {
            return Err(CapabilityError::Invalid("keys have 1 to 255 bytes without control characters".into()));
        }
        Ok(())
    }
}

impl KeyValues for MockKeyValues {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        self.check(key)?;
        Ok(self.values.borrow().get(key).cloned())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), CapabilityError> {
        self.check(key)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(CapabilityError::Limit("a value has at most 64 KiB".into()));
        }
        self.values.borrow_mut().insert(key.into(), value.into());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), CapabilityError> {
        self.check(key)?;
        self.values.borrow_mut().remove(key);
        Ok(())
    }

    fn keys(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, CapabilityError> {
        if let Some(error) = &self.failing {
            return Err(error.clone());
        }
        let values = self.values.borrow();
        let keys = values.keys().filter(|key| key.starts_with(prefix));
        let keys = keys.filter(|key| after.is_none_or(|after| key.as_str() > after));
        Ok(keys.take(KEYS_MAX).cloned().collect())
    }
}

/// Secrets by name.
#[derive(Default)]
pub struct MockSecrets {
    values: BTreeMap<String, String>,
}

impl MockSecrets {
    /// Grants a secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }
}

impl Secrets for MockSecrets {
    fn get(&self, name: &str) -> Result<String, CapabilityError> {
        let value = self.values.get(name).cloned();
        value.ok_or_else(|| CapabilityError::Invalid(format!("the secret {name:?} is not granted")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_pages_in_the_order_of_their_bytes() {
        let store = MockKeyValues::default().with("z", "");
        let names: Vec<_> = (0..300).map(|n| format!("a/{n:03}")).collect();
        names.iter().for_each(|name| store.set(name, b"").unwrap());
        assert_eq!(store.keys("a/", None).unwrap(), names[..256]);
        assert_eq!(store.keys("a/", Some("a/255")).unwrap(), names[256..]);
        let store: &dyn KeyValues = &store;
        assert_eq!(store.all_keys("a/").unwrap(), names);
        assert_eq!(store.all_keys("").unwrap().len(), 301);
    }

    #[test]
    fn what_the_host_would_refuse_is_refused() {
        let store = MockKeyValues::default();
        for key in ["", "a\nb", &"x".repeat(256)] {
            assert!(matches!(store.set(key, b""), Err(CapabilityError::Invalid(_))), "{key:?}");
        }
        assert!(matches!(store.set("a", &[0; VALUE_BYTES_MAX + 1]), Err(CapabilityError::Limit(_))));
        store.delete("never there").unwrap();
    }
}
