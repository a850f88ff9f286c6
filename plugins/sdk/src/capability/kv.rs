//! `kv` and `secrets`: a plugin's own data.

use super::CapabilityError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A small store of the plugin's own, kept between tasks. Capability `kv`.
///
/// A write is visible at once, also to concurrent tasks, and persists if the step fails; the last write of a key wins.
///
/// ```
/// use morag_step::mock::MockKeyValues;
/// use morag_step::{CapabilityError, KeyValues};
///
/// fn seen_before(store: &dyn KeyValues, sha256: &str) -> Result<bool, CapabilityError> {
///     let key = format!("seen/{sha256}");
///     let seen = store.get(&key)?.is_some();
///     store.set(&key, b"1")?;
///     Ok(seen)
/// }
///
/// let store = MockKeyValues::default();
/// assert!(!seen_before(&store, "abc").unwrap());
/// assert!(seen_before(&store, "abc").unwrap());
/// ```
pub trait KeyValues {
    /// The value of a key, if it exists. Keys have 1 to 255 bytes of UTF-8 without control characters.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CapabilityError>;
    /// Sets a value of at most 64 KiB.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), CapabilityError>;
    /// Removes a key. Succeeds if the key does not exist.
    fn delete(&self, key: &str) -> Result<(), CapabilityError>;
    /// Keys with the prefix `prefix` after `after`, in byte order; at most 256.
    fn keys(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, CapabilityError>;
}

impl dyn KeyValues + '_ {
    /// Reads a value that was set by [`set_json`](Self::set_json).
    ///
    /// ```
    /// use morag_step::{KeyValues, mock::MockKeyValues};
    ///
    /// let store = MockKeyValues::default();
    /// let store: &dyn KeyValues = &store;
    /// store.set_json("totals", &[1, 2]).unwrap();
    /// assert_eq!(store.get_json::<Vec<u32>>("totals").unwrap(), Some(vec![1, 2]));
    /// assert!(store.get_json::<String>("totals").is_err());
    /// ```
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CapabilityError> {
        let Some(value) = self.get(key)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&value);
        parsed.map(Some).map_err(|error| CapabilityError::Invalid(format!("the value of {key:?} in kv: {error}")))
    }

    /// Sets a value as JSON.
    pub fn set_json<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), CapabilityError> {
        let text = serde_json::to_vec(value);
        let text = text.map_err(|error| CapabilityError::Invalid(format!("a value for {key:?} in kv: {error}")))?;
        self.set(key, &text)
    }

    /// The value of a key as text; invalid UTF-8 is replaced.
    ///
    /// ```
    /// use morag_step::{KeyValues, mock::MockKeyValues};
    ///
    /// let store = MockKeyValues::default();
    /// let store: &dyn KeyValues = &store;
    /// store.set_text("name", "Anna").unwrap();
    /// assert_eq!(store.get_text("name").unwrap().as_deref(), Some("Anna"));
    /// assert_eq!(store.get_text("none").unwrap(), None);
    /// ```
    pub fn get_text(&self, key: &str) -> Result<Option<String>, CapabilityError> {
        Ok(self.get(key)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    /// Sets a value as text.
    pub fn set_text(&self, key: &str, text: &str) -> Result<(), CapabilityError> {
        self.set(key, text.as_bytes())
    }

    /// Every key with the prefix `prefix`, in byte order. Holds all of them in memory; the operator's budget of keys limits their number.
    pub fn all_keys(&self, prefix: &str) -> Result<Vec<String>, CapabilityError> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let page = self.keys(prefix, all.last().map(String::as_str))?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

/// Secrets that the operator gives to this plugin, by name. Capability `secrets`.
///
/// ```
/// use morag_step::mock::MockSecrets;
/// use morag_step::{CapabilityError, Secrets};
///
/// let secrets = MockSecrets::default().with("API_TOKEN", "t0ken");
/// assert_eq!(secrets.get("API_TOKEN").unwrap(), "t0ken");
/// assert!(matches!(secrets.get("OTHER"), Err(CapabilityError::Invalid(_))));
/// ```
pub trait Secrets {
    /// The value of a secret; `Invalid` for a name that was not granted. Keep it out of the log, of `data` and of messages.
    fn get(&self, name: &str) -> Result<String, CapabilityError>;
}
