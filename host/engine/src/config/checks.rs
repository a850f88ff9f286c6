//! Checks of values whose types other crates have: adapters, and the log.

use super::sources::Written;

/// A check of one setting's value, where it is set. It needs no connection.
#[derive(Debug, Clone, Copy)]
pub struct ValueCheck {
    /// The setting.
    pub key: &'static str,
    /// What is wrong with the value, if anything, and what to do: the text after the setting's name. Of a secret it shows nothing.
    pub fault: fn(&str) -> Option<String>,
}

impl ValueCheck {
    /// Notes what is wrong.
    pub(super) fn apply(&self, written: &Written<'_>) {
        if let Some(text) = written.value(self.key).and_then(|value| (self.fault)(&value)) {
            written.note(self.key, &text);
        }
    }
}
