//! How many of the pages that are converted are done.

use morag_conversion::Progress;

/// Counts pages, and reports each.
pub struct Steps<'a> {
    done: u32,
    /// Pages that are converted.
    pub total: u32,
    progress: Progress<'a>,
}

impl<'a> Steps<'a> {
    /// Before the first page, when their number is not known.
    pub fn new(progress: Progress<'a>) -> Self {
        Self { done: 0, total: 0, progress }
    }

    /// Reports another page.
    pub fn one_done(&mut self) {
        self.done += 1;
        (self.progress)(self.done, self.total);
    }
}
