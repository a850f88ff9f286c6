//! What the suites run against.

use async_trait::async_trait;
use morag_adapters::store::sqlite::{Options, SqliteStore};
use morag_core::Timestamp;
use morag_core::ports::{Clock, Deliveries, DueQueue, Tasks};
use morag_tests::clock::FakeClock;
use std::sync::Arc;
use std::time::Duration;

/// The ports that one store implements together.
pub trait Store: Tasks + DueQueue + Deliveries {}
impl<T: Tasks + DueQueue + Deliveries> Store for T {}

/// A store under test, empty at first, and the clock it goes by.
#[async_trait]
pub trait Backend: Send + Sync + Sized {
    /// An empty store that holds at most so many pending tasks.
    async fn with_queue_max(queue_max: u64) -> Self;
    /// An empty store.
    async fn fresh() -> Self {
        Self::with_queue_max(100_000).await
    }
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
    /// Its clock.
    fn clock(&self) -> &FakeClock;
    /// Closes the store and opens it again, as a new process would. Whoever holds the old one holds nothing.
    async fn reopen(&mut self);

    /// The time now.
    fn now(&self) -> Timestamp {
        self.clock().now()
    }
    /// Moves the clock on.
    fn advance(&self, by: Duration) {
        self.clock().advance(by);
    }
}

/// The embedded store in a temporary folder.
pub struct Sqlite {
    folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    options: Options,
    store: Option<Arc<SqliteStore>>,
}

impl Sqlite {
    /// A store with options.
    pub fn with(options: Options) -> Self {
        let clock = Arc::new(FakeClock::at(Timestamp::from_millis(1_769_853_600_000)));
        let mut this = Self { folder: tempfile::tempdir().unwrap(), clock, options, store: None };
        this.open();
        this
    }

    fn open(&mut self) {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.store = Some(SqliteStore::open_with(&self.path(), clock, self.options.clone()).unwrap());
    }

    /// The database's file.
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("tasks.db")
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn with_queue_max(queue_max: u64) -> Self {
        Self::with(Options { queue_max, ..Options::default() })
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.as_ref().unwrap()) as Arc<dyn Store>
    }

    fn clock(&self) -> &FakeClock {
        &self.clock
    }

    async fn reopen(&mut self) {
        let store = self.store.take().unwrap();
        assert_eq!(Arc::strong_count(&store), 1, "a test that reopens the store must hold no other handle of it");
        drop(store);
        self.open();
    }
}

/// Makes each promise of a suite, an `async fn(impl Backend)`, a test of every backend.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite {
            use crate::backends::{Backend, Sqlite};
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(Sqlite::fresh().await).await;
                }
            )+
        }
    };
}
pub(crate) use promises;
