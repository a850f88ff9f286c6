//! Progress of long operations: a spinner on a terminal, lines elsewhere. Written to stderr, because stdout is for results.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Interval of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Shortest operation whose duration is printed.
const REPORTED_MIN: Duration = Duration::from_secs(2);

/// Runs `work` while showing `what` as progress.
pub fn during<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let busy = Busy::start(what);
    let result = work();
    busy.end(result.is_ok());
    result
}

/// The progress of a running operation.
pub struct Busy {
    bar: ProgressBar,
    what: String,
    started: Instant,
}

impl Busy {
    /// Shows `what` until [`end`](Self::end).
    pub fn start(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        if bar.is_hidden() {
            eprintln!("{what} …");
        }
        Self { bar, what: what.to_owned(), started: Instant::now() }
    }

    /// Ends the progress; prints the duration of a long operation that succeeded.
    pub fn end(self, succeeded: bool) {
        let took = self.started.elapsed();
        self.bar.finish_and_clear();
        if succeeded && took >= REPORTED_MIN {
            eprintln!("{}: {:.0} s", self.what, took.as_secs_f64());
        }
    }
}
