//! Writing a file in a task of its own. A request may be dropped at any time, and a write to the disk cannot be interrupted: the
//! file of a form whose client is gone could appear after everything else of it was deleted.

use bytes::Bytes;
use morag_core::ports::{BlobError, BlobWriter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces between the request and the writer. A piece is what the HTTP server reads at once, some 100 KiB at most.
const PIECES_MAX: usize = 4;

enum Message {
    Piece(Bytes),
    Finish,
}

/// A file that is being written. Dropping it discards the file.
pub struct Writing {
    messages: mpsc::Sender<Message>,
    task: Option<JoinHandle<Result<(), BlobError>>>,
}

impl Writing {
    /// Begins a file.
    pub fn start(mut writer: Box<dyn BlobWriter>) -> Self {
        let (messages, mut received) = mpsc::channel(PIECES_MAX);
        let task = tokio::spawn(async move {
            while let Some(message) = received.recv().await {
                match message {
                    Message::Piece(bytes) => writer.write(bytes).await?,
                    Message::Finish => return writer.finish().await,
                }
            }
            writer.abort().await;
            Ok(())
        });
        Self { messages, task: Some(task) }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// Those of the storage, for these or earlier bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        match self.messages.send(Message::Piece(bytes)).await {
            Ok(()) => Ok(()),
            // It takes no more, so it has failed.
            Err(_) => self.ended().await,
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn finish(&mut self) -> Result<(), BlobError> {
        // If the writer has failed, nothing receives this; its error is returned below.
        let _ = self.messages.send(Message::Finish).await;
        self.ended().await
    }

    /// Discards the file unless it is complete. The returned task ends when nothing is written any more.
    pub fn abandon(self) -> Option<JoinHandle<Result<(), BlobError>>> {
        self.task
    }

    async fn ended(&mut self) -> Result<(), BlobError> {
        let Some(task) = &mut self.task else { return Err(stopped("it has ended")) };
        let ended = task.await.unwrap_or_else(|error| Err(stopped(error)));
        self.task = None;
        ended
    }
}

fn stopped(error: impl std::fmt::Display) -> BlobError {
    BlobError::Unavailable(format!("the file is no longer written: {error}"))
}
