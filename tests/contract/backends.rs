//! The stores that the suites run against.

pub mod redis;

use async_trait::async_trait;
use morag_adapters::store::sqlite::{Options, SqliteStore};
use morag_core::Timestamp;
use morag_core::ports::{Chains, Clock, Deliveries, DueQueue, Endpoints, Feed, KeyValues, Tasks};
use morag_core::task::TaskId;
use morag_testkit::{FakeClock, MemoryBlobs, NOW, TestStore};
use std::sync::Arc;
use std::time::Duration;

/// The ports that one store implements together.
pub trait Store: Tasks + DueQueue + Deliveries + Feed + Endpoints + Chains + KeyValues {}
impl<T: Tasks + DueQueue + Deliveries + Feed + Endpoints + Chains + KeyValues> Store for T {}

/// Settings of every store.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum number of pending tasks.
    pub queue_max: u64,
    /// Whether a flow may take at most half of what the others leave free of it.
    pub queue_shared: bool,
    /// How long an idempotency key is remembered.
    pub idempotency_kept: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue_max: 100_000, queue_shared: false, idempotency_kept: Duration::from_secs(7 * 24 * 60 * 60) }
    }
}

/// A store under test, empty at first, with its clock.
#[async_trait]
pub trait Backend: Send + Sync + Sized {
    /// Whether due keys are claimed in one order by all processes. Otherwise their order may differ.
    const EXACT_ORDER: bool;
    /// Whether idempotency keys age by [`Self::clock`]. Otherwise they age by a clock of the store's own, which the suite
    /// cannot move.
    const KEYS_AGE_BY_CLOCK: bool;

    /// Opens an empty store.
    async fn with(limits: Limits) -> Self;
    /// An empty store with default limits.
    async fn fresh() -> Self {
        Self::with(Limits::default()).await
    }
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
    /// Its clock.
    fn clock(&self) -> &FakeClock;
    /// Closes the store and opens it again, as a new process would. No handle of the old one may be left.
    async fn reopen(&mut self);

    /// The time now.
    fn now(&self) -> Timestamp {
        self.clock().now()
    }
    /// Advances the clock.
    fn advance(&self, by: Duration) {
        self.clock().advance(by);
    }
}

/// A part of what is stored of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What was accepted.
    Record,
    /// The event of this sequence.
    Event(u64),
}

/// A store whose data a test can damage.
pub trait Damaging: Backend {
    /// Puts something that cannot be read in a part's place.
    fn damage(&self, task: TaskId, part: Part);
}

/// Damages a part in a database's file, beside the process that has it open.
fn damage_file(path: &std::path::Path, task: TaskId, part: Part) {
    let database = rusqlite::Connection::open(path).unwrap();
    // No UTF-8, and so no JSON.
    let damaged = match part {
        Part::Record => {
            let sql = "UPDATE tasks SET record = CAST(X'7BFF' AS TEXT) WHERE id = ?1";
            database.execute(sql, [task.as_bytes()])
        }
        Part::Event(sequence) => {
            let sql = "UPDATE events SET event = CAST(X'7BFF' AS TEXT)
                       WHERE task = (SELECT number FROM tasks WHERE id = ?1) AND sequence = ?2";
            database.execute(sql, rusqlite::params![task.as_bytes(), i64::try_from(sequence).unwrap()])
        }
    };
    assert_eq!(damaged, Ok(1), "{task}: {part:?}");
}

impl Damaging for Sqlite {
    fn damage(&self, task: TaskId, part: Part) {
        damage_file(&self.path(), task, part);
    }
}

impl Damaging for TestKit {
    fn damage(&self, task: TaskId, part: Part) {
        damage_file(&self.store.as_ref().unwrap().path(), task, part);
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
    /// A store with options that no other backend has.
    pub fn with_options(options: Options) -> Self {
        let clock = Arc::new(FakeClock::at(NOW));
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
    const EXACT_ORDER: bool = true;
    const KEYS_AGE_BY_CLOCK: bool = true;

    async fn with(Limits { queue_max, queue_shared, idempotency_kept }: Limits) -> Self {
        Self::with_options(Options { queue_max, queue_shared, idempotency_kept, ..Options::default() })
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

/// The store of the test kit, used by unit tests of the engine and the HTTP interface.
pub struct TestKit {
    clock: Arc<FakeClock>,
    store: Option<Arc<TestStore>>,
}

#[async_trait]
impl Backend for TestKit {
    const EXACT_ORDER: bool = Sqlite::EXACT_ORDER;
    const KEYS_AGE_BY_CLOCK: bool = Sqlite::KEYS_AGE_BY_CLOCK;

    async fn with(Limits { queue_max, queue_shared, idempotency_kept }: Limits) -> Self {
        let clock = Arc::new(FakeClock::at(NOW));
        let options = Options { queue_max, queue_shared, idempotency_kept, ..Options::default() };
        let store = TestStore::new(clock.clone(), Arc::<MemoryBlobs>::default(), options);
        Self { clock, store: Some(Arc::new(store)) }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.as_ref().unwrap()) as Arc<dyn Store>
    }

    fn clock(&self) -> &FakeClock {
        &self.clock
    }

    async fn reopen(&mut self) {
        let store = Arc::into_inner(self.store.take().unwrap());
        self.store = Some(Arc::new(store.expect("a test that reopens the store holds no other handle of it").reopen()));
    }
}

/// Turns each promise of a suite, an `async fn(impl Backend)`, into a test of every backend, with a module for each. A promise that needs
/// other limits gives them, as the module below the suite sees them: `a_promise with Limits { .. }`.
macro_rules! promises {
    ($($promises:tt)+) => {
        mod sqlite {
            $crate::backends::promises_of!($crate::backends::Sqlite, $($promises)+);
        }
        mod testkit {
            $crate::backends::promises_of!($crate::backends::TestKit, $($promises)+);
        }
        mod redis {
            use $crate::backends::redis::{InRedis, Single};
            $crate::backends::promises_of!(InRedis<Single>, $($promises)+);
        }
        mod cluster {
            use $crate::backends::redis::{Cluster, InRedis};
            $crate::backends::promises_of!(InRedis<Cluster>, $($promises)+);
        }
    };
}
pub(crate) use promises;

/// The tests of one backend.
macro_rules! promises_of {
    ($backend:ty, $($promise:ident $(with $limits:expr)?),+ $(,)?) => {
        use $crate::backends::{Backend, Limits};
        $(
            #[tokio::test]
            async fn $promise() {
                let limits = [$($limits,)? Limits::default()].into_iter().next().unwrap();
                super::$promise(<$backend as Backend>::with(limits).await).await;
            }
        )+
    };
}
pub(crate) use promises_of;
