//! Being asked to stop.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `shutdown` at the first SIGTERM or Ctrl-C, and ends the process at the second.
pub(super) fn listen(shutdown: CancellationToken, drain: Duration) {
    tokio::spawn(async move {
        match asked_to_stop().await {
            Ok(()) => {
                let seconds = drain.as_secs_f64();
                tracing::info!("stopping: what runs has up to {seconds} s; a second signal ends at once");
            }
            Err(error) => tracing::error!(%error, "no signal can be waited for: stopping"),
        }
        shutdown.cancel();
        if asked_to_stop().await.is_ok() {
            // Nothing is lost: what was not handed back comes due when its lease runs out, or at the next start of an
            // embedded store.
            std::process::exit(1);
        }
    });
}

/// Takes SIGHUP, which would end the process, and does nothing.
pub(super) fn ignore_hangup() {
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => drop(tokio::spawn(async move { while hangup.recv().await.is_some() {} })),
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be taken: it will end this process"),
    }
}

async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}
