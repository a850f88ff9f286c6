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

/// Connections at once: each holds a few tens of KiB, so that this many cost tens of MiB.
const CONNECTIONS_MAX: usize = 1024;

/// Longest time a client may take to send a request's head, and a kept connection may stay idle.
const HEADER_READ_MAX: Duration = Duration::from_secs(30);

/// Longest time that requests under way have to end once shutdown began.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// Pause after an error of `accept`, such as too many open files: the cause must have time to pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` resolves, then lets requests under way end, for 10 seconds at most.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
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
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} seconds", SHUTDOWN_MAX.as_secs());
    }
    Ok(())
}
