//! Where anything is in a picture, and how large its letters are: what the detection network need not look at, and how closely.

use crate::gray::Gray;

/// A part of the picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// Side of the squares that are looked at for ink.
const BLOCK: usize = 16;
/// Levels of gray between the darkest and the lightest pixel of a square with ink. Faint print has 60, the noise of empty paper less.
const CONTRAST_MIN: u8 = 24;

/// The smallest region with everything that differs from its surroundings, and a margin; `None` for an empty page.
pub(crate) fn region(gray: &Gray) -> Option<Region> {
    let (columns, rows) = (gray.width.div_ceil(BLOCK), gray.height.div_ceil(BLOCK));
    let (mut first, mut last) = ((usize::MAX, usize::MAX), (0, 0));
    let mut squares = vec![(u8::MAX, u8::MIN); columns];
    for row in 0..rows {
        squares.fill((u8::MAX, u8::MIN));
        for y in row * BLOCK..((row + 1) * BLOCK).min(gray.height) {
            for (square, pixels) in squares.iter_mut().zip(gray.row(y).chunks(BLOCK)) {
                let range = |(low, high): (u8, u8), pixel: &u8| (low.min(*pixel), high.max(*pixel));
                *square = pixels.iter().fold(*square, range);
            }
        }
        for (column, (low, high)) in squares.iter().enumerate() {
            if high.saturating_sub(*low) >= CONTRAST_MIN {
                first = (first.0.min(column), first.1.min(row));
                last = (last.0.max(column), last.1.max(row));
            }
        }
    }
    (first.0 != usize::MAX).then(|| {
        // A square more on each side: the network wants to see where a line ends.
        let from = |square: usize| square.saturating_sub(1) * BLOCK;
        let (x, y) = (from(first.0), from(first.1));
        let to = |square: usize, side: usize| ((square + 2) * BLOCK).min(side);
        Region { x, y, width: to(last.0, gray.width) - x, height: to(last.1, gray.height) - y }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(dots: &[(usize, usize)]) -> Gray {
        let mut gray = Gray { width: 200, height: 100, pixels: vec![230; 20_000] };
        dots.iter().for_each(|(x, y)| gray.pixels[y * 200 + x] = 100);
        gray
    }

    #[test]
    fn the_region_has_all_ink_and_a_margin() {
        assert_eq!(region(&page(&[(40, 40)])), Some(Region { x: 16, y: 16, width: 48, height: 48 }));
        assert_eq!(region(&page(&[(0, 0), (199, 99)])), Some(Region { x: 0, y: 0, width: 200, height: 100 }));
        assert_eq!(region(&page(&[(199, 99)])), Some(Region { x: 176, y: 80, width: 24, height: 20 }));
    }

    #[test]
    fn an_empty_page_has_none() {
        assert_eq!(region(&page(&[])), None);
        let mut noisy = page(&[]);
        noisy.pixels.iter_mut().step_by(3).for_each(|pixel| *pixel -= CONTRAST_MIN - 1);
        assert_eq!(region(&noisy), None);
    }
}
