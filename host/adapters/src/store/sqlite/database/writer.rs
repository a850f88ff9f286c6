//! The one writer of a database: a thread with group commit, which runs the jobs that arrive together in one transaction.
//!
//! A job is answered only after its transaction is committed. Each job runs in a savepoint: one that fails takes back its own
//! writes alone. Where the transaction as a whole fails (the disk is full), its jobs are run again, each in a transaction of its own,
//! so that a job that is too large fails alone.

use super::error::store_error;
use morag_core::ports::StoreError;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::{mpsc, oneshot};

/// Most waiting jobs; beyond them [`Writer::run`] waits. Enough for every connection that the server serves at once, and
/// little memory beside that of their requests.
const WAITING_MAX: usize = 1024;

/// Most jobs in one transaction. More would not make a job cheaper (they share one sync already) but make the first one wait.
const BATCH_MAX: usize = 256;

/// What the commit of a job survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Durability {
    /// A killed process.
    Normal,
    /// A loss of power too: the commit waits for the disk.
    Full,
}

/// Handle of the writer thread. Dropping it waits for the submitted jobs, then closes the database.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `committed` is called on it after every commit, before the answers are given. Waiters are woken there:
    /// the caller of the job may be gone by then.
    pub(crate) fn spawn(connection: Connection, committed: impl Fn() + Send + 'static) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || Thread { connection, synchronous: None, committed }.serve(receiver))
            .map_err(|error| StoreError::Unavailable(format!("cannot start the writer thread: {error}")))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Runs `work` in a transaction and answers once it is committed. An `Err` of `work` takes its writes back. `work` may
    /// be called more than once (after its earlier writes were taken back), must not begin or end transactions, and
    /// runs to its end even if the caller has stopped waiting.
    pub(crate) async fn run<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&Connection) -> Result<T, E> + Send + 'static,
    {
        let stopped = || E::from(StoreError::Unavailable("the writer thread has stopped".into()));
        let (sender, answer) = oneshot::channel();
        let job = Box::new(Pending { durability, work, answer: sender, result: None });
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // The thread catches panics of jobs; any other panic has been printed already.
            let _ = thread.join();
        }
    }
}

/// A job, without its types.
trait Job: Send {
    fn durability(&self) -> Durability;
    /// Does the work. `false`: its writes must be taken back.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Whether the last run returned an error.
    fn failed(&self) -> bool;
    /// Answers with the result of the last run, or with `failure`.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Pending<T, E, F> {
    durability: Durability,
    work: F,
    answer: oneshot::Sender<Result<T, E>>,
    result: Option<Result<T, E>>,
}

impl<T, E, F> Job for Pending<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: Fn(&Connection) -> Result<T, E> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)))
            .unwrap_or_else(|_| Err(StoreError::Unavailable("a write panicked: see the error output".into()).into()));
        let done = result.is_ok();
        self.result = Some(result);
        done
    }

    fn failed(&self) -> bool {
        matches!(self.result, Some(Err(_)))
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.result) {
            (None, Some(result)) => result,
            (Some(failure), _) => Err(failure.into()),
            (None, None) => Err(StoreError::Unavailable("the write was not run".into()).into()),
        };
        // The caller may have stopped waiting; the commit stays.
        let _ = self.answer.send(result);
    }
}

struct Thread<C> {
    connection: Connection,
    /// The connection's setting; none before the first batch.
    synchronous: Option<Durability>,
    committed: C,
}

impl<C: Fn()> Thread<C> {
    fn serve(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX {
                match jobs.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(_) => break,
                }
            }
            self.commit_batch(batch);
        }
    }

    fn commit_batch(&mut self, mut batch: Vec<Box<dyn Job>>) {
        match self.transaction(&mut batch) {
            Ok(()) => batch.into_iter().for_each(|job| job.answer(None)),
            Err(error) if batch.len() == 1 => {
                // A job's own error says more than that of the transaction after it.
                batch.into_iter().for_each(|job| match job.failed() {
                    true => job.answer(None),
                    false => job.answer(Some(error.clone())),
                });
            }
            Err(error) => {
                tracing::warn!(%error, jobs = batch.len(), "a transaction failed: its jobs are run one by one");
                for job in batch {
                    self.commit_batch(vec![job]);
                }
            }
        }
    }

    /// Runs the jobs in one transaction. After an `Err` none of their writes is committed.
    fn transaction(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let outcome = self.try_transaction(batch);
        if outcome.is_ok() {
            (self.committed)();
        } else if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll a failed transaction back");
        }
        outcome.map_err(store_error)
    }

    fn try_transaction(&mut self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let durability = batch.iter().map(|job| job.durability()).max().unwrap_or(Durability::Normal);
        if self.synchronous != Some(durability) {
            self.connection.pragma_update(
                None,
                "synchronous",
                match durability {
                    Durability::Normal => "NORMAL",
                    Durability::Full => "FULL",
                },
            )?;
            self.synchronous = Some(durability);
        }
        self.cached("BEGIN IMMEDIATE")?;
        for job in batch {
            self.cached("SAVEPOINT job")?;
            let done = job.run(&self.connection);
            if !done {
                // Fails where the error has ended the whole transaction: then none of its jobs is committed.
                self.cached("ROLLBACK TO job")?;
            }
            self.cached("RELEASE job")?;
        }
        self.cached("COMMIT")
    }

    fn cached(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn writer(committed: impl Fn() + Send + 'static) -> (tempfile::TempDir, Writer) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("t.db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(x TEXT UNIQUE)").unwrap();
        (folder, Writer::spawn(connection, committed).unwrap())
    }

    fn insert(text: &str) -> impl Fn(&Connection) -> Result<(), StoreError> + Send + use<> {
        let text = text.to_owned();
        move |connection| {
            connection.execute("INSERT INTO t VALUES (?1)", [&text]).map_err(store_error)?;
            match text.starts_with("bad") {
                true => Err(StoreError::Corrupt(text.clone())),
                false => Ok(()),
            }
        }
    }

    async fn rows(writer: &Writer) -> i64 {
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).map_err(store_error)
        };
        writer.run::<i64, StoreError, _>(Durability::Normal, count).await.unwrap()
    }

    #[tokio::test]
    async fn a_failing_job_takes_back_its_own_writes_alone() {
        let (_folder, writer) = writer(|| ());
        let jobs = (0..64).map(|n| {
            let name = if n % 3 == 0 { format!("bad{n}") } else { format!("good{n}") };
            writer.run(Durability::Normal, insert(&name))
        });
        let results = futures::future::join_all(jobs).await;
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 22);
        assert_eq!(rows(&writer).await, 42);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_lives_on() {
        let (_folder, writer) = writer(|| ());
        let panics = |_: &Connection| -> Result<(), StoreError> { panic!("on purpose") };
        assert!(matches!(writer.run(Durability::Full, panics).await, Err(StoreError::Unavailable(_))));
        writer.run(Durability::Full, insert("after")).await.unwrap();
        assert_eq!(rows(&writer).await, 1);
    }

    #[tokio::test]
    async fn a_job_that_ends_the_transaction_harms_no_other() {
        let (_folder, writer) = writer(|| ());
        // What SQLite itself does on some errors: the transaction is gone under the job.
        let rolls_back = |connection: &Connection| -> Result<(), StoreError> {
            connection.execute_batch("ROLLBACK").map_err(store_error)?;
            Err(StoreError::Unavailable("full".into()))
        };
        let (first, second, third) = futures::join!(
            writer.run(Durability::Normal, insert("one")),
            writer.run(Durability::Normal, rolls_back),
            writer.run(Durability::Normal, insert("two")),
        );
        assert_eq!((first, third), (Ok(()), Ok(())));
        assert!(second.is_err());
        assert_eq!(rows(&writer).await, 2);
    }

    #[tokio::test]
    async fn a_caller_that_went_away_is_still_served_and_the_hook_called() {
        let commits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&commits);
        let (_folder, writer) = writer(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let mut abandoned = Box::pin(writer.run(Durability::Normal, insert("one")));
        assert!(futures::poll!(&mut abandoned).is_pending());
        drop(abandoned);
        assert_eq!(rows(&writer).await, 1);
        assert!(commits.load(Ordering::SeqCst) >= 1);
    }

    #[tokio::test]
    async fn dropping_the_writer_waits_for_what_was_handed_over() {
        let (folder, writer) = writer(|| ());
        let mut job = Box::pin(writer.run(Durability::Normal, insert("one")));
        assert!(futures::poll!(&mut job).is_pending());
        drop(job);
        drop(writer);
        let connection = Connection::open(folder.path().join("t.db")).unwrap();
        assert_eq!(connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }
}
