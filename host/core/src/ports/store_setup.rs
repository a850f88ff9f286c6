//! Configuration checks of the store.

/// A store setting that may lose acknowledged data, or makes the store unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortcoming {
    /// Name in the store's own documentation: `maxmemory-policy`.
    pub setting: &'static str,
    /// Problem, consequence and remedy. Public: contains no addresses and no secrets.
    pub message: String,
    /// Whether the operator accepts the possible loss.
    pub is_accepted: bool,
}

/// Last known configuration problems of the store.
pub trait StoreSetup: Send + Sync {
    /// Problems as of the last check. Does no I/O; the adapter documents how old they may be.
    fn shortcomings(&self) -> Vec<Shortcoming>;
}
