//! Serving a router: connections, their limits, and their end.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// Connections at once: each holds a few tens of KiB, so that this many cost tens of MiB.
const CONNECTIONS_MAX: usize = 1024;

/// Longest time a client may take to send a request's head, and a kept connection may stay idle.
const HEADER_READ_MAX: Duration = Duration::from_secs(30);

/// Longest time a client may take none of an answer's bytes: one that does not read holds a connection for good.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

/// Pause after an error of `accept`, such as too many open files: the cause must have time to pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` resolves, then lets requests under way end, for `drain` at most.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> anyhow::Result<()> {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_READ_MAX);
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            // Never closed.
            let permit = connections.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("accepting a connection failed: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small answers must not wait for more to come; where it fails they are only slower.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_STALL_MAX));
        let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} seconds", drain.as_secs_f64());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request_body::guard;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::middleware::map_request;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::{Notify, oneshot};

    async fn start(router: Router) -> (TcpStream, oneshot::Sender<()>, tokio::task::JoinHandle<anyhow::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap() };
        let served = tokio::spawn(serve(listener, router, shutdown, Duration::from_secs(60)));
        (TcpStream::connect(address).await.unwrap(), stop, served)
    }

    /// A client that writes its whole body before it reads, as most do, sees an answer that came before the body's end.
    #[tokio::test]
    async fn an_early_answer_reaches_a_client_that_still_sends() {
        let early = post(async |_: Request| StatusCode::PAYLOAD_TOO_LARGE);
        let router = Router::new().route("/", early).layer(map_request(async |request: Request| guard(request)));
        let (mut client, _stop, _served) = start(router).await;
        // More than the sockets' buffers hold.
        let body = vec![b'x'; 32 << 20];
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&body).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn a_request_under_way_ends_before_the_server_does() {
        let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (entered, go_on) = (entered.clone(), go_on.clone());
            get(async move || {
                entered.notify_one();
                go_on.notified().await;
                "done"
            })
        };
        let (mut client, stop, served) = start(Router::new().route("/", handler)).await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        entered.notified().await;
        stop.send(()).unwrap();
        go_on.notify_one();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"), "{answer}");
        served.await.unwrap().unwrap();
    }
}
