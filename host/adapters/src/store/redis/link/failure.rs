//! What an error of a call means.

use morag_core::ports::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a call has no answer.
pub(super) enum Failure {
    Redis(RedisError),
    Store(StoreError),
}

impl Failure {
    /// As the store's callers get it. `redis`: its address, without credentials.
    pub(super) fn of(self, redis: &str) -> StoreError {
        match self {
            // Then a script has changed nothing.
            Self::Redis(error) if is_full(&error) => StoreError::Full(format!("{redis}: {error}")),
            Self::Redis(error) => StoreError::Unavailable(format!("{redis}: {error}")),
            Self::Store(error) => error,
        }
    }
}

/// The error of a call that was sent before and not answered: it may have been executed then, so its outcome is unknown.
pub(crate) fn outcome_unknown(error: StoreError) -> StoreError {
    match error {
        StoreError::Full(text) => StoreError::Unavailable(format!("{text}; it was sent before, and not answered")),
        error => error,
    }
}

/// Whether it is Redis's code for a command that needs memory beyond `maxmemory`.
pub(super) fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM")
}

/// Whether the same call may succeed a moment later.
pub(super) fn is_transient(error: &RedisError) -> bool {
    let server = matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
        )
    );
    server
        || error.is_io_error()
        || error.is_connection_dropped()
        || error.kind() == ErrorKind::ClusterConnectionNotFound
}
