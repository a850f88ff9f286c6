//! Readers of a database: a few read-only connections, used on blocking threads.

use super::open::open_reader;
use super::query::execute;
use morag_core::ports::StoreError;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Most reads at the same time: a read is short and mostly in memory, so more would only wait for the same cores.
const CONNECTIONS_MAX: usize = 4;

/// A bounded pool of read-only connections. A connection is opened when it is first needed.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// A pool for a database that the writer has opened.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// Runs `work` in one read transaction: all that it selects is of the same moment.
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let closed = |_| StoreError::Unavailable("the store is closed".into());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(closed)?;
        let (idle, path) = (Arc::clone(&self.idle), self.path.clone());
        let read = move || {
            // Returned when the work is done, not when the caller has stopped waiting.
            let _permit = permit;
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match pooled {
                Some(connection) => connection,
                None => open_reader(&path)?,
            };
            execute(&connection, "BEGIN", [])?;
            // Where the work panics, the connection is dropped, with its transaction.
            let result = work(&connection);
            execute(&connection, "COMMIT", [])?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        };
        let failed = |error| StoreError::Unavailable(format!("a read failed: {error}"));
        tokio::task::spawn_blocking(read).await.map_err(failed)?
    }
}
