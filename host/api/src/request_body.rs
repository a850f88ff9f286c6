//! Guards a request's body: it must not stall, and an unread rest is drained for a short time.
//!
//! Without draining, an early answer (401, 413) closes the connection while the client still sends, and the client sees a broken
//! connection instead of the answer.

use axum::BoxError;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::header;
use futures::{Stream, StreamExt as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Longest pause between two pieces of a body: a client that sends nothing for this long is taken for gone.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Longest time that an unread body is drained after an early answer: enough for the client to read the answer.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Guards a request's body.
pub fn guard(request: Request) -> Request {
    // A client that waits for `100 Continue` has not sent its body: there is nothing to drain.
    let drain = !request.headers().contains_key(header::EXPECT);
    request.map(|body| if body.is_end_stream() { body } else { guard_body(body, drain, IDLE_MAX) })
}

fn guard_body(body: Body, drain: bool, idle_max: Duration) -> Body {
    let idle = Box::pin(tokio::time::sleep(idle_max));
    Body::from_stream(Guarded { unread: Some(body.into_data_stream()), drain, idle, idle_max })
}

struct Guarded {
    unread: Option<BodyDataStream>,
    drain: bool,
    idle: Pin<Box<Sleep>>,
    idle_max: Duration,
}

impl Stream for Guarded {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(unread) = &mut self.unread else { return Poll::Ready(None) };
        match unread.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                let end = Instant::now() + self.idle_max;
                self.idle.as_mut().reset(end);
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(end) => {
                self.unread = None;
                Poll::Ready(end.map(|result| result.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(self.idle.as_mut().poll(context));
                self.unread = None;
                Poll::Ready(Some(Err("the body stalled".into())))
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let unread = self.unread.take().filter(|_| self.drain);
        if let (Some(mut unread), Ok(runtime)) = (unread, tokio::runtime::Handle::try_current()) {
            let drain = async move { while let Some(Ok(_)) = unread.next().await {} };
            runtime.spawn(tokio::time::timeout(DRAIN_MAX, drain));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    #[tokio::test]
    async fn a_body_passes_unchanged() {
        let body = Body::from_stream(stream::iter(["ab", "c"].map(Ok::<_, BoxError>)));
        assert_eq!(axum::body::to_bytes(guard_body(body, true, IDLE_MAX), 10).await.unwrap(), "abc");
    }

    #[tokio::test]
    async fn a_stalled_body_ends_with_an_error() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, BoxError>>());
        let error = axum::body::to_bytes(guard_body(body, true, Duration::from_millis(1)), 10).await.unwrap_err();
        assert!(error.to_string().contains("stalled"), "{error}");
    }

    #[tokio::test]
    async fn an_unread_body_is_drained() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let mut sender = Some(sender);
        let pieces = stream::iter(0..3).map(move |piece| {
            if piece == 2 {
                drop(sender.take());
            }
            Ok::<_, BoxError>("x")
        });
        drop(guard_body(Body::from_stream(pieces), true, IDLE_MAX));
        assert!(receiver.await.is_err(), "the last piece was read");
    }
}
