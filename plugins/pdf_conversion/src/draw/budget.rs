//! What drawing the pages of a document may take together.
//!
//! Counted and not measured: the same document always has the same pages drawn.

use super::undrawn::Undrawn;
use super::weight::Weight;

/// Operations of all pages: as many as forty of the heaviest pages have, which take minutes. 200 pages of dense text have some 2 million.
const OPERATIONS_MAX: u64 = 20_000_000;

/// Bytes of decoded pictures of all pages, of which a step decodes some 100 MB a second. 200 scans in 300 dots an inch in colour have 5 GiB.
const PICTURE_BYTES_MAX: u64 = 12 << 30;

/// What was drawn so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    used: Weight,
}

impl Budget {
    /// Counts a page before it is drawn.
    ///
    /// # Errors
    /// [`Undrawn::TooLarge`] where it would be more than all pages may take; a lighter one may still be drawn.
    pub fn take(&mut self, page: Weight) -> Result<(), Undrawn> {
        let operations = self.used.operations.saturating_add(page.operations);
        let picture_bytes = self.used.picture_bytes.saturating_add(page.picture_bytes);
        if operations > OPERATIONS_MAX || picture_bytes > PICTURE_BYTES_MAX {
            let why = format!(
                "drawing the pages before it and it takes more than {OPERATIONS_MAX} operations, or pictures of more than {} GiB",
                PICTURE_BYTES_MAX >> 30
            );
            return Err(Undrawn::TooLarge(why));
        }
        (self.used.operations, self.used.picture_bytes) = (operations, picture_bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_together_and_light_ones_are_drawn_after_a_heavy_one() {
        let page = |operations, picture_bytes| Weight { operations, picture_bytes, ..Weight::default() };
        let mut budget = Budget::default();
        assert_eq!((0..100).take_while(|_| budget.take(page(499_999, 0)).is_ok()).count(), 40);
        assert!(budget.take(page(1, 0)).is_ok());
        let mut budget = Budget::default();
        assert_eq!((0..100).take_while(|_| budget.take(page(1, 1 << 30)).is_ok()).count(), 12);
        assert!(budget.take(page(u64::MAX, u64::MAX)).is_err());
    }
}
