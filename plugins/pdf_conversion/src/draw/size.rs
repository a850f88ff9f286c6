//! How large a page is drawn.

use morag_conversion::ocr::{PIXELS_MAX, SIDE_MAX};

/// Dots an inch of a page that is read: letters of 7 points are 20 pixels high, which the model reads; more costs time and reads no better.
pub const DOTS_TO_READ: f64 = 200.0;

/// Dots an inch of a page that is looked at: as on a screen that shows it larger than on paper. A page of A4 has 2 million pixels.
pub const DOTS_TO_SEE: f64 = 150.0;

/// Points of an inch.
const POINTS: f64 = 72.0;

/// Pixels of a page of these sides in points, with so many dots an inch or fewer, so that it is no larger than the host reads. None for a page of which then nothing is left,
/// because it is far longer than wide, and for sides that are none.
pub fn pixels(width: f32, height: f32, dots: f64) -> Option<(u32, u32)> {
    if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
        return None;
    }
    let (width, height) = (f64::from(width) * dots / POINTS, f64::from(height) * dots / POINTS);
    let by_side = f64::from(SIDE_MAX) / width.max(height);
    let by_area = (PIXELS_MAX as f64 / (width * height)).sqrt();
    let factor = by_side.min(by_area).min(1.0);
    let cut = |side: f64| (side * factor) as u32;
    Some((cut(width), cut(height))).filter(|(width, height)| *width > 0 && *height > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_usual_page_has_200_dots_an_inch_and_a_large_one_fewer() {
        assert_eq!(pixels(612.0, 792.0, DOTS_TO_READ), Some((1700, 2200)));
        assert_eq!(pixels(612.0, 792.0, DOTS_TO_SEE), Some((1275, 1650)));
        assert_eq!(pixels(14_400.0, 14_400.0, DOTS_TO_READ), Some((4096, 4096)), "200 inches");
        assert_eq!(pixels(100.0, 1_000_000.0, DOTS_TO_READ), Some((1, 16_384)));
    }

    #[test]
    fn sides_that_are_none_are_not_drawn() {
        for sides in [(0.0, 10.0), (-5.0, 10.0), (f32::NAN, 10.0), (f32::INFINITY, 10.0), (1.0, 1_000_000.0)] {
            assert_eq!(pixels(sides.0, sides.1, DOTS_TO_READ), None, "{sides:?}");
        }
    }

    proptest! {
        #[test]
        fn every_page_is_within_what_is_read(width in 0.001f32..1e7, height in 0.001f32..1e7) {
            if let Some((width, height)) = pixels(width, height, DOTS_TO_READ) {
                prop_assert!((1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height));
                prop_assert!(u64::from(width) * u64::from(height) <= PIXELS_MAX);
            }
        }
    }
}
