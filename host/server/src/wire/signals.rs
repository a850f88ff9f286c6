//! Signals: SIGTERM and Ctrl-C stop the server, SIGHUP does not.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `shutdown` on the first SIGTERM or Ctrl-C, and exits the process on the second. `drain` is only logged.
pub(super) fn listen(shutdown: CancellationToken, drain: Duration) {
    tokio::spawn(async move {
        match stop_signal().await {
            Ok(()) => {
                tracing::info!(drain_seconds = drain.as_secs_f64(), "shutting down; a second signal exits immediately");
            }
            Err(error) => tracing::error!(%error, "cannot wait for signals, shutting down"),
        }
        shutdown.cancel();
        if stop_signal().await.is_ok() {
            // Nothing is lost: unfinished tasks become due again when their lease expires or, with the embedded store, at the
            // next start.
            std::process::exit(1);
        }
    });
}

/// Ignores SIGHUP, which would end the process by default.
pub(super) fn ignore_hangup() {
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => drop(tokio::spawn(async move { while hangup.recv().await.is_some() {} })),
        Err(error) => tracing::warn!(%error, "cannot handle SIGHUP: it will end this process"),
    }
}

async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}
