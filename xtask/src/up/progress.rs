//! A task's progress on the terminal: a bar, or a line a step where the output is no terminal.
use std::cell::RefCell;

use indicatif::{ProgressBar, ProgressStyle};

use crate::api::Status;

/// Shows how far a task is.
pub struct Progress {
    bar: ProgressBar,
    last_step: RefCell<Option<String>>,
}

impl Progress {
    /// At zero.
    pub fn new() -> Self {
        let bar = ProgressBar::new(100);
        // A wrong template would only cost its looks.
        if let Ok(style) = ProgressStyle::with_template("[{bar:40}] {pos:>3} % {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, last_step: RefCell::new(None) }
    }

    /// Shows a status.
    pub fn show(&self, status: &Status) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        self.bar.set_position(status.percent.clamp(0.0, 100.0) as u64);
        let step = status.step.clone().unwrap_or_else(|| status.word.clone());
        self.bar.set_message(step.clone());
        if self.bar.is_hidden() && self.last_step.borrow().as_ref() != Some(&step) {
            println!("{:>3.0} % {step}", status.percent);
            self.last_step.replace(Some(step));
        }
    }

    /// Shows the last status and leaves it on the screen.
    pub fn end(&self, status: &Status) {
        self.bar.abandon_with_message(status.word.clone());
    }
}
