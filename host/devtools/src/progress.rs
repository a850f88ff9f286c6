//! Saying what takes time: a spinner on a terminal, a line elsewhere. All of it on stderr: stdout is for results.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// From when on the time is worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// Does something that takes a while, and says so.
pub fn during<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let busy = Busy::start(what);
    let result = work();
    busy.end(result.is_ok());
    result
}

/// Something that takes a while.
pub struct Busy {
    bar: ProgressBar,
    what: String,
    started: Instant,
}

impl Busy {
    /// Says what is going on.
    pub fn start(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TURN);
        if bar.is_hidden() {
            eprintln!("{what} …");
        }
        Self { bar, what: what.to_owned(), started: Instant::now() }
    }

    /// Says that it is over.
    pub fn end(self, well: bool) {
        let took = self.started.elapsed();
        self.bar.finish_and_clear();
        if well && took >= WORTH_TELLING {
            eprintln!("{}: {:.0} s", self.what, took.as_secs_f64());
        }
    }
}
