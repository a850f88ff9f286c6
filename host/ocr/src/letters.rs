//! How large the letters of a picture are, so that the detection network gets it no larger than it needs.
//!
//! Ink is what is darker than its surroundings; what hangs together is mostly a letter. The size of the smaller letters decides.

use crate::gray::Gray;
use crate::ink::Region;

/// Side of the squares whose mean brightness tells ink from paper: a few letters, so that uneven light does not matter.
const BLOCK: usize = 32;
/// Ink is so many levels darker than the mean of its square: twice the noise of a poor photograph.
const DARKER: i32 = 20;
/// Pixels that are looked at, at most; larger pictures are looked at in steps.
const PIXELS_MAX: usize = 4_000_000;
/// Runs of ink in all rows, at most: a page in small print has 300,000. Beyond it the picture is noise or a photograph, and says nothing.
const RUNS_MAX: usize = 1_000_000;
/// A letter's longer side has at least so many pixels: less is noise.
const SIDE_MIN: usize = 4;
/// So many letters are needed for a judgement.
const LETTERS_MIN: usize = 20;
/// The share of letters that may be smaller than what counts as their size: dots and commas.
const SMALLER_SHARE: usize = 4;

/// The size of the smaller letters, in pixels: about the height of an `x`. `None` where there are too few letters to tell.
pub(crate) fn size(gray: &Gray, region: Region) -> Option<f32> {
    let step = (1..).find(|step| region.width * region.height / (step * step) <= PIXELS_MAX)?;
    let mut shapes = Shapes::default();
    let mut row = Vec::new();
    for band in (0..region.height).step_by(BLOCK) {
        let rows = band..(band + BLOCK).min(region.height);
        let limits = limits(gray, region, rows.clone());
        for y in rows.filter(|y| y % step == 0) {
            let pixels = &gray.row(region.y + y)[region.x..region.x + region.width];
            let limited = pixels.chunks(BLOCK).zip(&limits);
            row.clear();
            row.extend(limited.flat_map(|(pixels, limit)| pixels.iter().map(move |pixel| i32::from(*pixel) < *limit)));
            shapes.add_row(row.iter().step_by(step).copied());
            if shapes.count > RUNS_MAX {
                return None;
            }
        }
    }
    let mut sizes = shapes.sizes();
    sizes.retain(|size| *size * step >= SIDE_MIN);
    if sizes.len() < LETTERS_MIN {
        return None;
    }
    let index = sizes.len() / SMALLER_SHARE;
    let (_, size, _) = sizes.select_nth_unstable(index);
    Some((*size * step) as f32)
}

/// Below which brightness a pixel is ink, for each square of a band of rows.
fn limits(gray: &Gray, region: Region, rows: std::ops::Range<usize>) -> Vec<i32> {
    let mut sums = vec![(0i32, 0i32); region.width.div_ceil(BLOCK)];
    for y in rows {
        let pixels = &gray.row(region.y + y)[region.x..region.x + region.width];
        for ((sum, count), pixels) in sums.iter_mut().zip(pixels.chunks(BLOCK)) {
            *sum += pixels.iter().map(|pixel| i32::from(*pixel)).sum::<i32>();
            *count += pixels.len() as i32;
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count.max(1) - DARKER).collect()
}

/// Shapes of ink, row by row. Runs of one row that touch runs of the row above, over corners too, are of its shape.
#[derive(Default)]
struct Shapes {
    /// For each shape, the one that it was found to be part of, or itself.
    parents: Vec<usize>,
    /// For each shape: first and last column and row.
    bounds: Vec<Bounds>,
    /// Runs of the last row: first column, the column after the last, shape.
    above: Vec<(usize, usize, usize)>,
    rows: usize,
    count: usize,
}

#[derive(Clone, Copy)]
struct Bounds {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Shapes {
    fn add_row(&mut self, pixels: impl Iterator<Item = bool>) {
        let mut runs: Vec<(usize, usize, usize)> = Vec::new();
        let mut begun = None;
        // A pixel of paper after the last one ends the last run.
        for (x, is_ink) in pixels.chain([false]).enumerate() {
            match (begun, is_ink) {
                (None, true) => begun = Some(x),
                (Some(first), false) => {
                    runs.push((first, x, self.parents.len()));
                    let bounds = Bounds { left: first, right: x, top: self.rows, bottom: self.rows + 1 };
                    self.parents.push(self.parents.len());
                    self.bounds.push(bounds);
                    begun = None;
                }
                _ => {}
            }
        }
        self.count += runs.len();
        let above = std::mem::take(&mut self.above);
        let mut from = 0;
        for (first, end, shape) in &runs {
            // A run above that ends before this one begins touches none of the later ones either.
            from += above[from..].iter().take_while(|(_, above_end, _)| above_end < first).count();
            for (_, _, other) in above[from..].iter().take_while(|(above_first, ..)| above_first <= end) {
                self.join(*other, *shape);
            }
        }
        self.above = runs;
        self.rows += 1;
    }

    fn root(&mut self, mut shape: usize) -> usize {
        while self.parents[shape] != shape {
            // Halving the way each time keeps ways short.
            self.parents[shape] = self.parents[self.parents[shape]];
            shape = self.parents[shape];
        }
        shape
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return;
        }
        let (kept, gone) = (one.min(other), one.max(other));
        self.parents[gone] = kept;
        let (a, b) = (self.bounds[kept], self.bounds[gone]);
        self.bounds[kept] = Bounds {
            left: a.left.min(b.left),
            right: a.right.max(b.right),
            top: a.top.min(b.top),
            bottom: a.bottom.max(b.bottom),
        };
    }

    /// The longer side of each shape.
    fn sizes(&self) -> Vec<usize> {
        let roots = self.parents.iter().enumerate().filter(|(shape, parent)| shape == *parent);
        roots.map(|(shape, _)| self.bounds[shape]).map(|of| (of.right - of.left).max(of.bottom - of.top)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(gray: &Gray) -> Region {
        Region { x: 0, y: 0, width: gray.width, height: gray.height }
    }

    /// Paper with rings of so many pixels, as letters are.
    fn rings(width: usize, height: usize, size: usize) -> Gray {
        let mut gray = Gray { width, height, pixels: vec![200; width * height] };
        let pitch = size * 2;
        for y in 0..height / pitch * pitch {
            for x in 0..width / pitch * pitch {
                let (inner_x, inner_y) = (x % pitch, y % pitch);
                let is_edge = |inner: usize| inner == 0 || inner == size - 1;
                if inner_x < size && inner_y < size && (is_edge(inner_x) || is_edge(inner_y)) {
                    gray.pixels[y * width + x] = 60;
                }
            }
        }
        gray
    }

    #[test]
    fn the_size_of_letters_is_found() {
        for pixels in [5, 9, 14] {
            let gray = rings(400, 300, pixels);
            assert_eq!(size(&gray, whole(&gray)), Some(pixels as f32));
        }
    }

    #[test]
    fn large_pictures_are_looked_at_in_steps() {
        let gray = rings(3000, 3000, 20);
        let found = size(&gray, whole(&gray)).unwrap();
        assert!((18.0..=22.0).contains(&found), "{found}");
    }

    #[test]
    fn few_or_tiny_shapes_tell_nothing() {
        let few = rings(60, 60, 14);
        assert_eq!(size(&few, whole(&few)), None);
        let tiny = rings(400, 400, 3);
        assert_eq!(size(&tiny, whole(&tiny)), None);
        let empty = Gray { width: 100, height: 100, pixels: vec![255; 10_000] };
        assert_eq!(size(&empty, whole(&empty)), None);
    }

    #[test]
    fn more_runs_than_a_page_has_end_early() {
        // Upright strokes, apart from each other and as high as letters.
        let strokes = |side: usize| {
            let is_ink = |index: usize| (index % side).is_multiple_of(2) && index / side % 6 < 5;
            let pixels = (0..side * side).map(|index| if is_ink(index) { 0 } else { 255 });
            Gray { width: side, height: side, pixels: pixels.collect() }
        };
        let (few, many) = (strokes(200), strokes(2000));
        assert_eq!(size(&few, whole(&few)), Some(5.0));
        assert_eq!(size(&many, whole(&many)), None);
    }

    #[test]
    fn arms_that_meet_below_are_one_shape() {
        let mut shapes = Shapes::default();
        for row in ["#.#.#", "#.#.#", "#####", ".....", "#...."] {
            shapes.add_row(row.chars().map(|pixel| pixel == '#'));
        }
        assert_eq!(shapes.sizes(), [5, 1]);
    }
}
