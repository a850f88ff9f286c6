//! What drawing the pages of a document may take together.
//!
//! Counted and not measured: the same document always has the same pages drawn.

use super::undrawn::Undrawn;
use super::weight::Weight;

/// Operations of all pages: as many as forty of the heaviest pages have, which take minutes. 200 pages of dense text have some 2 million.
const OPERATIONS_MAX: u64 = 20_000_000;

/// Bytes of decoded pictures of all pages, of which a step decodes some 100 MB a second. 200 scans in 300 dots an inch in colour have 5 GiB.
const PICTURE_BYTES_MAX: u64 = 12 << 30;

/// Pixels of all pages: their own, those of masks and patterns that are put into them, and those of figures that are cut out. Masks, which
/// take longest, are drawn with some ten million a second: 100 seconds of the 300 that a step has. 200 pages of A3 have 870 million.
const PIXELS_MAX: u64 = 1_000_000_000;

/// What was drawn so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    used: Weight,
    pixels: u64,
}

impl Budget {
    /// Counts what a page draws, before it is drawn.
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

    /// Counts pixels, before they are drawn or cut out.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn take_pixels(&mut self, pixels: u64) -> Result<(), Undrawn> {
        let pixels = self.pixels.saturating_add(pixels);
        if pixels > PIXELS_MAX {
            let why = format!("the pages before it and it have more than {PIXELS_MAX} pixels, with masks and patterns");
            return Err(Undrawn::TooLarge(why));
        }
        self.pixels = pixels;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Drawing, testdata};
    use super::*;
    use morag_conversion::testdata::stream;

    #[test]
    fn pages_are_counted_together_and_light_ones_are_drawn_after_a_heavy_one() {
        let page = |operations, picture_bytes| Weight { operations, picture_bytes, ..Weight::default() };
        let mut budget = Budget::default();
        assert_eq!((0..100).take_while(|_| budget.take(page(499_999, 0)).is_ok()).count(), 40);
        assert!(budget.take(page(1, 0)).is_ok());
        let mut budget = Budget::default();
        assert_eq!((0..100).take_while(|_| budget.take(page(1, 1 << 30)).is_ok()).count(), 12);
        assert!(budget.take(page(u64::MAX, u64::MAX)).is_err());
        let mut budget = Budget::default();
        assert_eq!((0..100).take_while(|_| budget.take_pixels(199_999_999).is_ok()).count(), 5);
        assert!(
            budget.take_pixels(5).is_ok() && budget.take_pixels(1).is_err() && budget.take_pixels(u64::MAX).is_err()
        );
    }

    #[test]
    fn a_page_has_its_pixels_and_those_of_its_masks() {
        let mask = stream("/Subtype/Form/BBox[0 0 72 36]/Group<</S/Transparency/CS/DeviceGray>>", b"1 g 0 0 9 9 re f");
        let states = "/ExtGState<</G<</SMask<</S/Luminosity/G 4 0 R>>>>/H<</SMask<</S/Luminosity/G 5 0 R>>>>>>";
        let bytes = testdata::page("0 0 72 36", "/G gs 0 0 9 9 re f /H gs 0 0 9 9 re f", states, &[mask.clone(), mask]);
        let drawing = Drawing::open(&bytes, 1).unwrap();
        let mut budget = Budget::default();
        assert!(drawing.pixels(1, &mut budget).is_ok());
        assert_eq!(budget.pixels, 3 * 150 * 75);
        budget.pixels = PIXELS_MAX - 3 * 150 * 75;
        assert!(drawing.pixels(1, &mut budget).is_ok(), "as many as may be");
        let Err(Undrawn::TooLarge(why)) = drawing.pixels(1, &mut budget) else { panic!("one page too many") };
        assert!(why.contains("1000000000 pixels"), "{why}");
    }
}
