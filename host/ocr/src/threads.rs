//! Threads that read pictures, apart from those of requests and guests.

use crate::priority::be_nice;
use crate::reader::ReadError;
use morag_core::ports::{CapabilityError, Picture, Reading};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Pictures that wait for a thread, at most: one for each run of a step, of which there are as many as `worker_concurrency` may be. So none
/// of a server's own runs is refused; pictures that are given up keep their place until a thread finds them.
const WAITING_MAX: usize = 1024;

/// What reads a picture on one of the threads.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Reads a picture, and ends early once it is cancelled.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read(&self, picture: Picture, cancelled: &dyn Fn() -> bool) -> Result<Reading, ReadError>;
}

/// A picture that waits, and where its reading is awaited.
struct Job {
    picture: Picture,
    answer: oneshot::Sender<Result<Reading, ReadError>>,
}

/// The threads. They end when this is dropped, at the latest after the line that they read.
pub(crate) struct Threads(SyncSender<Job>);

impl Threads {
    /// Starts so many.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub(crate) fn start(count: NonZero<usize>, engine: Arc<dyn Engine>) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count.get() {
            let (waiting, engine) = (waiting.clone(), engine.clone());
            std::thread::Builder::new().name("pictures".to_owned()).spawn(move || work(&waiting, engine.as_ref()))?;
        }
        Ok(Self(jobs))
    }

    /// Reads a picture. If the future is dropped, a picture that waits is not read, and one that is being read is given up.
    ///
    /// # Errors
    /// `Unavailable` where too many wait, `NotUsable` where there is nothing that reads; `Invalid` where the reading of this picture failed, as it would
    /// again.
    pub(crate) async fn read(&self, picture: Picture) -> Result<Reading, CapabilityError> {
        let (answer, answered) = oneshot::channel();
        let unavailable = |text: &str| CapabilityError::Unavailable(text.to_owned());
        match self.0.try_send(Job { picture, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(CapabilityError::Unavailable(format!(
                    "{WAITING_MAX} pictures wait to be read already; try again later, or with more `ocr_threads`"
                )));
            }
            Err(TrySendError::Disconnected(_)) => return Err(unavailable("no thread reads pictures any more")),
        }
        match answered.await {
            Ok(Ok(reading)) => Ok(reading),
            Ok(Err(ReadError::Unavailable(text))) => Err(CapabilityError::Unavailable(text)),
            Ok(Err(ReadError::NotUsable { code, text })) => Err(CapabilityError::NotUsable { code, text }),
            Ok(Err(error)) => {
                tracing::error!(%error, "a picture could not be read");
                Err(CapabilityError::Invalid("the picture could not be read; the server's log says why".to_owned()))
            }
            Err(_) => Err(unavailable("the threads that read pictures have ended")),
        }
    }
}

/// Reads pictures until there is no one to ask for them.
fn work(waiting: &Mutex<Receiver<Job>>, engine: &dyn Engine) {
    be_nice();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { picture, answer }) = next else { return };
        if answer.is_closed() {
            continue;
        }
        let cancelled = || answer.is_closed();
        // A panic of a library must cost one picture, not the thread.
        let read = catch_unwind(AssertUnwindSafe(|| engine.read(picture, &cancelled)));
        let read = read.unwrap_or_else(|_| Err(ReadError::Model("it panicked".to_owned())));
        // An error: no one waits for it any more.
        let _ = answer.send(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::ports::PixelFormat;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Reads until it is cancelled if the first pixel is 1; panics if it is 2.
    #[derive(Default)]
    struct Slow {
        begun: AtomicUsize,
        cancelled: AtomicUsize,
    }

    impl Engine for Slow {
        fn read(&self, picture: Picture, cancelled: &dyn Fn() -> bool) -> Result<Reading, ReadError> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            match picture.pixels()[0] {
                1 => {
                    while !cancelled() {
                        std::thread::yield_now();
                    }
                    self.cancelled.fetch_add(1, Ordering::SeqCst);
                    Err(ReadError::Cancelled)
                }
                2 => panic!("as a library may"),
                _ => Ok(Reading { turned: 90, ..Reading::default() }),
            }
        }
    }

    fn picture(first: u8) -> Picture {
        Picture::new(16, 16, PixelFormat::Gray8, vec![first; 256]).unwrap()
    }

    fn slow() -> (Arc<Slow>, Threads) {
        let engine = Arc::new(Slow::default());
        (engine.clone(), Threads::start(NonZero::<usize>::MIN, engine).unwrap())
    }

    #[tokio::test]
    async fn a_dropped_read_ends_and_the_next_one_begins() {
        let (engine, threads) = slow();
        tokio::select! {
            biased;
            read = threads.read(picture(1)) => panic!("{read:?}"),
            () = async { while engine.begun.load(Ordering::SeqCst) == 0 { tokio::task::yield_now().await } } => {}
        }
        assert_eq!(threads.read(picture(0)).await.unwrap().turned, 90);
        assert_eq!((engine.begun.load(Ordering::SeqCst), engine.cancelled.load(Ordering::SeqCst)), (2, 1));
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let (engine, threads) = slow();
        let mut reads: Vec<_> = (0..WAITING_MAX + 2).map(|_| Box::pin(threads.read(picture(1)))).collect();
        assert!(futures::poll!(reads[0].as_mut()).is_pending());
        while engine.begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for read in &mut reads[1..=WAITING_MAX] {
            assert!(futures::poll!(read.as_mut()).is_pending());
        }
        let refused = reads.pop().unwrap().await.unwrap_err();
        assert!(refused.to_string().contains("1024 pictures wait"), "{refused}");
        // Those that wait are not read once they are dropped.
        drop(reads);
        while threads.read(picture(0)).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(engine.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_panic_costs_one_picture() {
        let (_, threads) = slow();
        let failed = threads.read(picture(2)).await.unwrap_err();
        // Not `Unavailable`: the run would be repeated, and meet the same picture.
        let is_told = |text: &str| text.contains("the server's log says why");
        assert!(matches!(&failed, CapabilityError::Invalid(text) if is_told(text)), "{failed}");
        assert!(threads.read(picture(0)).await.is_ok());
    }
}
