//! What the recognition network gets: one line, upright and of one height.

use crate::gray::Gray;
use crate::rectangle::Rectangle;

/// Rows of the input.
pub(crate) const HEIGHT: usize = 48;
/// Columns of the input: the network makes one place of 8 of them.
const MULTIPLE: usize = 8;
/// Columns of a line at least.
const WIDTH_MIN: usize = 48;
/// Columns of a line at most; one that is longer is squeezed. Bounds time and memory of one run of the network, which cannot be ended:
/// half a second, 60 MB.
const WIDTH_MAX: usize = 3_200;
/// Pixels of the picture that are averaged for one of the input, in each direction, at most: 200 rows become 48.
const SAMPLES_MAX: usize = 4;

/// How much narrower than it is a line is read: columns of the input for each pixel of a line that is as high as the input.
///
/// The network makes one place of eight columns and tells at most one character at each, so fewer columns take less time until
/// characters get lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Squeeze(f32);

impl Squeeze {
    /// For lines of which nothing is known: small Latin print has 1.5 places a character then.
    pub(crate) const UNKNOWN: Self = Self(0.8);
    /// Wide letters would have room at less, but strokes get lost.
    const MIN: f32 = 0.5;
    /// As wide as it is, and half as much again, for condensed print.
    const MAX: f32 = 1.5;
    /// Places a character where nothing was lost on clean pages; at 1.3 some was.
    const PLACES: f32 = 1.5;
    const PLACES_MIN: f32 = 1.35;

    /// For lines in which so many characters, spaces too, stand on the length of a line's height.
    pub(crate) fn of(density: f32) -> Self {
        Self((density * Self::PLACES * MULTIPLE as f32 / HEIGHT as f32).clamp(Self::MIN, Self::MAX))
    }

    /// How to read a line again that said so many characters for its height: `None` where it had enough places.
    pub(crate) fn widened(self, density: f32) -> Option<Self> {
        let enough = density * Self::PLACES_MIN * MULTIPLE as f32 / HEIGHT as f32;
        // Characters that were lost are not in the density: once more than it says.
        (self.0 < enough.min(Self::MAX)).then(|| Self::of(density * 1.1))
    }
}

/// Columns of the input for a line of so many pixels, in print of such a height.
pub(crate) fn width_of(length: f32, height: f32, squeeze: Squeeze) -> usize {
    let columns = HEIGHT as f32 * squeeze.0 * length / height.max(1.0);
    (columns as usize).clamp(WIDTH_MIN, WIDTH_MAX).next_multiple_of(MULTIPLE)
}

/// Cuts a line out of the picture: one plane of `HEIGHT` rows and `width` columns, from -1 for black to 1 for white.
pub(crate) fn cut_out(gray: &Gray, line: &Rectangle, width: usize) -> Vec<f32> {
    let across = line.across();
    // One pixel of the input, in pixels of the picture.
    let (step_along, step_across) = (line.width / width as f32, line.height / HEIGHT as f32);
    let samples = |step: f32| (step.round() as usize).clamp(1, SAMPLES_MAX);
    let (columns, rows) = (samples(step_along), samples(step_across));
    let weight = 1.0 / ((columns * rows) as f32 * 127.5);
    let mut plane = Vec::with_capacity(HEIGHT * width);
    for y in 0..HEIGHT {
        for x in 0..width {
            let mut sum = 0.0;
            for row in 0..rows {
                let b = (y as f32 + (row as f32 + 0.5) / rows as f32) * step_across - line.height / 2.0;
                for column in 0..columns {
                    let a = (x as f32 + (column as f32 + 0.5) / columns as f32) * step_along - line.width / 2.0;
                    let place = (
                        line.middle.0 + a * line.along.0 + b * across.0,
                        line.middle.1 + a * line.along.1 + b * across.1,
                    );
                    sum += at(gray, place);
                }
            }
            plane.push(sum * weight - 1.0);
        }
    }
    plane
}

/// The brightness between pixels; outside, that of the nearest pixel.
fn at(gray: &Gray, place: (f32, f32)) -> f32 {
    let x = (place.0 - 0.5).clamp(0.0, (gray.width - 1) as f32);
    let y = (place.1 - 0.5).clamp(0.0, (gray.height - 1) as f32);
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(gray.width - 1), (top + 1).min(gray.height - 1));
    let (part_x, part_y) = (x - left as f32, y - top as f32);
    let mix = |row: &[u8]| f32::from(row[left]) * (1.0 - part_x) + f32::from(row[right]) * part_x;
    mix(gray.row(top)) * (1.0 - part_y) + mix(gray.row(bottom)) * part_y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// White, with a black left half.
    fn half() -> Gray {
        Gray {
            width: 200,
            height: 100,
            pixels: (0..20_000).map(|index| if index % 200 < 100 { 0 } else { 255 }).collect(),
        }
    }

    fn line(along: (f32, f32)) -> Rectangle {
        Rectangle { middle: (100.0, 50.0), width: 60.0, height: 24.0, along }
    }

    #[test]
    fn a_line_is_read_in_its_direction() {
        let ends = |along| {
            let plane = cut_out(&half(), &line(along), 80);
            assert_eq!(plane.len(), HEIGHT * 80);
            (plane[40 * 80 + 5], plane[40 * 80 + 75])
        };
        assert_eq!(ends((1.0, 0.0)), (-1.0, 1.0));
        assert_eq!(ends((-1.0, 0.0)), (1.0, -1.0));
        // Down the picture: what is above in the line is on the right, so its lower rows are black.
        assert_eq!(ends((0.0, 1.0)), (-1.0, -1.0));
        assert_eq!(ends((0.0, -1.0)), (1.0, 1.0));
    }

    #[test]
    fn a_line_at_the_edge_goes_on_with_its_last_pixels() {
        let beyond = Rectangle { middle: (199.0, 99.0), ..line((1.0, 0.0)) };
        assert!(cut_out(&half(), &beyond, 80).iter().all(|value| *value == 1.0));
    }

    #[test]
    fn high_lines_are_averaged() {
        // Columns of black and white in turn, each two wide: the middle of a column's four is white.
        let stripes = Gray {
            width: 400,
            height: 200,
            pixels: (0..80_000).map(|index| ((index + 1) / 2 % 2) as u8 * 255).collect(),
        };
        let high = Rectangle { middle: (200.0, 100.0), width: 384.0, height: 192.0, along: (1.0, 0.0) };
        let plane = cut_out(&stripes, &high, 96);
        assert!(plane.iter().all(|value| value.abs() < 0.01), "{:?}", &plane[..8]);
    }

    #[test]
    fn widths_are_bounded() {
        let width = |length, height| width_of(length, height, Squeeze::UNKNOWN);
        assert_eq!((width(100.0, 10.0), width(1.0, 10.0), width(1e6, 10.0), width(100.0, 0.0)), (384, 48, 3200, 3200));
    }

    #[test]
    fn dense_print_gets_more_columns() {
        // 2.6 characters a height: the 16 places of 48 * 0.65 * 4.1 columns are 1.5 for each.
        assert_eq!(Squeeze::of(2.6), Squeeze(0.65));
        assert_eq!((Squeeze::of(0.5), Squeeze::of(9.0)), (Squeeze(0.5), Squeeze(1.5)));
        assert_eq!(Squeeze(0.65).widened(2.6), None);
        let widened = Squeeze(0.65).widened(3.3).unwrap();
        assert!((widened.0 - 0.9075).abs() < 1e-6, "{widened:?}");
        assert_eq!(Squeeze::of(9.0).widened(9.0), None);
    }
}
