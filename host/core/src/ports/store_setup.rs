//! Whether the store is set up to keep what it has acknowledged.

/// A setting of the store that is not as it must be, so that it may lose what it has acknowledged, or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortcoming {
    /// Its name, as the store's own documentation has it: `maxmemory-policy`.
    pub setting: &'static str,
    /// What is wrong, what it means and what to do. For anybody: it has no address and no secret.
    pub message: String,
    /// Whether the operator has said that the loss is accepted.
    pub is_accepted: bool,
}

/// What is known of how the store is set up.
pub trait StoreSetup: Send + Sync {
    /// What is not as it must be, as it was last seen. Does no I/O; how old it may be is the adapter's to say.
    fn shortcomings(&self) -> Vec<Shortcoming>;
}
