//! Boxes of lines in a map of probabilities.

use crate::rectangle::{Point, Rectangle, smallest_around};

/// A pixel belongs to a line above this probability.
const PIXEL_MIN: f32 = 0.3;
/// A box is a line where its pixels have this probability in the mean.
const MEAN_MIN: f32 = 0.6;
/// A box is grown on each side by its area over its circumference, times this: what shrinking took in training.
const GROWTH: f32 = 1.5;
/// Pixels of the map that the lower side of a box has at least, before it is grown: less is noise.
const SIDE_MIN: f32 = 3.0;

/// Boxes that were found.
pub(crate) struct Boxes {
    /// In pixels of the map, text along their longer sides.
    pub(crate) boxes: Vec<Rectangle>,
    /// Whether there were more.
    pub(crate) is_cut: bool,
}

/// Finds at most `max` boxes in a map that is `width` wide.
pub(crate) fn boxes(map: &[f32], width: usize, max: usize) -> Boxes {
    let mut seen = vec![false; map.len()];
    let mut extents = Extents::default();
    let mut found = Boxes { boxes: Vec::new(), is_cut: false };
    for start in 0..map.len() {
        if seen[start] || map[start] <= PIXEL_MIN {
            continue;
        }
        extents.fill(map, width, &mut seen, start);
        let Some(rectangle) = line_in(map, width, &mut extents.points(width)) else { continue };
        if found.boxes.len() == max {
            found.is_cut = true;
            break;
        }
        found.boxes.push(rectangle);
    }
    found
}

/// The box around a component's points, if it is a line of text.
fn line_in(map: &[f32], width: usize, points: &mut Vec<Point>) -> Option<Rectangle> {
    let found = smallest_around(points)?;
    if found.width.min(found.height) < SIDE_MIN || mean_inside(map, width, &found) < MEAN_MIN {
        return None;
    }
    let grown = found.grown(found.width * found.height * GROWTH / (2.0 * (found.width + found.height)));
    Some(if grown.width < grown.height { grown.turned() } else { grown })
}

/// The mean of the map inside a rectangle.
fn mean_inside(map: &[f32], width: usize, rectangle: &Rectangle) -> f32 {
    // The sides run through the middles of pixels, which belong to it.
    let inside = rectangle.grown(0.01);
    let ys = inside.corners().map(|corner| corner.y);
    let first = ys.iter().copied().fold(f32::MAX, f32::min).max(0.0) as usize;
    let last = ys.iter().copied().fold(0.0, f32::max) as usize;
    let (mut sum, mut count) = (0.0f64, 0usize);
    for (y, row) in map.chunks_exact(width).enumerate().take(last + 1).skip(first) {
        let Some((from, to)) = inside.span_at(y as f32 + 0.5) else { continue };
        let from = (from - 0.5).ceil().max(0.0) as usize;
        let to = ((to + 0.5).floor().max(0.0) as usize).min(width);
        let Some(pixels) = row.get(from..to) else { continue };
        sum += pixels.iter().map(|value| f64::from(*value)).sum::<f64>();
        count += pixels.len();
    }
    if count == 0 { 0.0 } else { (sum / count as f64) as f32 }
}

/// The pixels of one component, as the first and last of each row. Kept between components for its memory.
#[derive(Default)]
struct Extents {
    stack: Vec<usize>,
    pixels: Vec<usize>,
}

impl Extents {
    /// Collects the pixels that hang together with `start`, over corners too, and marks them.
    fn fill(&mut self, map: &[f32], width: usize, seen: &mut [bool], start: usize) {
        self.pixels.clear();
        self.stack.push(start);
        seen[start] = true;
        let height = map.len() / width;
        while let Some(pixel) = self.stack.pop() {
            self.pixels.push(pixel);
            let (x, y) = (pixel % width, pixel / width);
            for row in y.saturating_sub(1)..(y + 2).min(height) {
                for near in row * width + x.saturating_sub(1)..row * width + (x + 2).min(width) {
                    if !seen[near] && map[near] > PIXEL_MIN {
                        seen[near] = true;
                        self.stack.push(near);
                    }
                }
            }
        }
    }

    /// The middles of the first and the last pixel of each row: the hull needs no others.
    fn points(&mut self, width: usize) -> Vec<Point> {
        self.pixels.sort_unstable();
        let middle = |pixel: &usize| ((pixel % width) as f32 + 0.5, (pixel / width) as f32 + 0.5);
        let rows = self.pixels.chunk_by(|a, b| a / width == b / width);
        rows.flat_map(|row| row.first().into_iter().chain(row.last()).map(middle)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map with a value inside a rectangle.
    fn map(width: usize, height: usize, drawn: &[(Rectangle, f32)]) -> Vec<f32> {
        let mut map = vec![0.0; width * height];
        for (rectangle, value) in drawn {
            for (y, row) in map.chunks_exact_mut(width).enumerate() {
                let Some((from, to)) = rectangle.span_at(y as f32 + 0.5) else { continue };
                for (x, pixel) in row.iter_mut().enumerate() {
                    if (from..=to).contains(&(x as f32 + 0.5)) {
                        *pixel = *value;
                    }
                }
            }
        }
        map
    }

    fn line(middle: Point, width: f32, height: f32, degrees: f32) -> Rectangle {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Rectangle { middle, width, height, along: (cos, sin) }
    }

    #[test]
    fn a_line_is_found_at_every_angle_and_grown() {
        for degrees in [0.0, 2.0, 30.0, 45.0, 88.0, 90.0, 135.0] {
            let drawn = line((100.0, 100.0), 120.0, 12.0, degrees);
            let found = boxes(&map(200, 200, &[(drawn, 0.9)]), 200, 10);
            let [found] = found.boxes.as_slice() else { panic!("{degrees}: {} boxes", found.boxes.len()) };
            let close = |a: f32, b: f32| (a - b).abs() < 3.0;
            // 120 by 12 is grown by 120 * 12 * 1.5 / 264 = 8.2 on each side.
            assert!(close(found.width, 136.4) && close(found.height, 28.4), "{degrees} {found:?}");
            assert!(close(found.middle.0, 100.0) && close(found.middle.1, 100.0), "{degrees} {found:?}");
            let same = found.along.0 * drawn.along.0 + found.along.1 * drawn.along.1;
            assert!(same.abs() > 0.99, "{degrees} {found:?}");
        }
    }

    #[test]
    fn what_is_faint_or_tiny_is_no_line() {
        let faint = (line((50.0, 20.0), 80.0, 10.0, 0.0), 0.5);
        let tiny = (line((50.0, 60.0), 80.0, 2.0, 0.0), 0.9);
        let good = (line((50.0, 80.0), 80.0, 10.0, 0.0), 0.7);
        assert_eq!(boxes(&map(100, 100, &[faint, tiny, good]), 100, 10).boxes.len(), 1);
        assert_eq!(boxes(&map(100, 100, &[]), 100, 10).boxes.len(), 0);
    }

    #[test]
    fn no_more_are_found_than_are_wanted() {
        let drawn: Vec<_> = (0..9).map(|row| (line((50.0, 6.0 + 11.0 * row as f32), 80.0, 6.0, 0.0), 0.9)).collect();
        let map = map(100, 100, &drawn);
        let (all, some) = (boxes(&map, 100, 9), boxes(&map, 100, 8));
        assert_eq!((all.boxes.len(), all.is_cut), (9, false));
        assert_eq!((some.boxes.len(), some.is_cut), (8, true));
    }
}
