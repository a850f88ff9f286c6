//! Gray pixels, as they are read.

/// Longest side of a picture that the host reads.
pub const SIDE_MAX: u32 = 16_384;

/// Shortest side of it.
pub const SIDE_MIN: u32 = 16;

/// Most pixels of it.
pub const PIXELS_MAX: u64 = 16 << 20;

/// A gray picture: 0 is black, 255 white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gray {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Row by row, `width * height` of them.
    pub pixels: Vec<u8>,
}

/// How samples are laid out: one byte each, or two in the order of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// Brightness.
    Gray,
    /// Brightness and opacity.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, opacity.
    Rgba,
    /// Ink, not light.
    Cmyk,
}

impl Samples {
    /// How many a pixel has.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    /// Brightness of a pixel on white paper.
    fn brightness(self, pixel: &[u8]) -> u8 {
        match (self, pixel) {
            (Self::Gray, [gray]) => *gray,
            (Self::GrayAlpha, [gray, alpha]) => on_white(*gray, *alpha),
            (Self::Rgb, [r, g, b]) => luma(*r, *g, *b),
            (Self::Rgba, [r, g, b, alpha]) => on_white(luma(*r, *g, *b), *alpha),
            (Self::Cmyk, [c, m, y, k]) => {
                let light = |ink: u8| 255 - ink.saturating_add(*k);
                luma(light(*c), light(*m), light(*y))
            }
            _ => 255,
        }
    }
}

/// Weights of ITU-R BT.601, of 256.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8
}

fn on_white(light: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    ((u32::from(light) * alpha + 255 * (255 - alpha)) / 255) as u8
}

impl Gray {
    /// Of samples that are not one byte a pixel of gray. What is missing is white.
    pub fn of_samples(width: u32, height: u32, bytes: &[u8], samples: Samples, is_wide: bool) -> Self {
        let count = samples.count();
        let mut pixels: Vec<u8> = if is_wide {
            let mut pixel = [0; 4];
            let brightness = |wide: &[u8]| {
                let high = |two: &[u8]| two.try_into().map_or(0, |two| (u16::from_ne_bytes(two) >> 8) as u8);
                pixel.iter_mut().zip(wide.chunks_exact(2)).for_each(|(to, two)| *to = high(two));
                samples.brightness(&pixel[..count])
            };
            bytes.chunks_exact(count * 2).map(brightness).collect()
        } else {
            bytes.chunks_exact(count).map(|pixel| samples.brightness(pixel)).collect()
        };
        pixels.resize(width as usize * height as usize, 255);
        Self { width, height, pixels }
    }

    /// As large as the host reads: what is larger is scaled down, what is smaller gets white at its right and below.
    pub fn fitted(self) -> Self {
        let (width, height) = fitted_size(self.width, self.height);
        let scaled = if (width, height) == (self.width, self.height) { self } else { self.scaled(width, height) };
        scaled.padded()
    }

    /// Each pixel is the mean of those that it stands for.
    fn scaled(self, width: u32, height: u32) -> Self {
        let range = |at: u32, to: u32, from: u32| {
            let edge = |at: u32| (u64::from(at) * u64::from(from) / u64::from(to.max(1))) as usize;
            edge(at)..edge(at + 1).max(edge(at) + 1).min(from as usize)
        };
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let rows = range(y, height, self.height);
            for x in 0..width {
                let columns = range(x, width, self.width);
                let (mut sum, mut count) = (0u64, 0u64);
                for row in rows.clone() {
                    let start = row * self.width as usize;
                    let of_row = self.pixels.get(start + columns.start..start + columns.end).unwrap_or_default();
                    sum += of_row.iter().map(|pixel| u64::from(*pixel)).sum::<u64>();
                    count += of_row.len() as u64;
                }
                pixels.push((sum / count.max(1)) as u8);
            }
        }
        Self { width, height, pixels }
    }

    fn padded(self) -> Self {
        let (width, height) = (self.width.max(SIDE_MIN), self.height.max(SIDE_MIN));
        if (width, height) == (self.width, self.height) {
            return self;
        }
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for row in self.pixels.chunks_exact(self.width.max(1) as usize) {
            pixels.extend_from_slice(row);
            pixels.resize(pixels.len() + (width - self.width) as usize, 255);
        }
        pixels.resize(width as usize * height as usize, 255);
        Self { width, height, pixels }
    }
}

/// Sides of the same shape that the host reads.
fn fitted_size(width: u32, height: u32) -> (u32, u32) {
    let (wide, high) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let by_side = f64::from(SIDE_MAX) / wide.max(high);
    // An area is scaled by the square of what a side is: 8,192 x 8,192 pixels are four times `PIXELS_MAX`, and each side is halved. White that
    // is added up to `SIDE_MIN` cannot go beyond it, since 16 x 16,384 pixels are a quarter of a mebi.
    let by_area = (PIXELS_MAX as f64 / (wide * high)).sqrt();
    let factor = by_side.min(by_area).min(1.0);
    if factor >= 1.0 {
        return (width, height);
    }
    let scaled = |side: f64| ((side * factor) as u32).clamp(1, SIDE_MAX);
    (scaled(wide), scaled(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_transparent_is_white() {
        let gray = |bytes: &[u8], samples| Gray::of_samples(1, 1, bytes, samples, false).pixels[0];
        assert_eq!((gray(&[0, 0, 0, 0], Samples::Rgba), gray(&[0, 0, 0, 255], Samples::Rgba)), (255, 0));
        assert_eq!((gray(&[0, 128], Samples::GrayAlpha), gray(&[255, 255, 255], Samples::Rgb)), (127, 255));
        assert_eq!((gray(&[0, 0, 0, 0], Samples::Cmyk), gray(&[0, 0, 0, 255], Samples::Cmyk)), (255, 0));
        let wide = [0xFFFFu16, 0xFFFF, 0xFFFF].map(u16::to_ne_bytes).concat();
        assert_eq!(Gray::of_samples(1, 1, &wide, Samples::Rgb, true).pixels, [255]);
    }

    #[test]
    fn a_large_picture_is_the_mean_of_its_pixels() {
        let checked = Gray { width: 4, height: 2, pixels: vec![0, 100, 50, 50, 100, 200, 50, 50] };
        assert_eq!(checked.scaled(2, 1).pixels, [100, 50]);
    }

    proptest! {
        #[test]
        fn every_picture_fits(width in 1u32..70_000, height in 1u32..70_000) {
            let (wide, high) = fitted_size(width, height);
            let (wide, high) = (wide.max(SIDE_MIN), high.max(SIDE_MIN));
            prop_assert!(wide <= SIDE_MAX && high <= SIDE_MAX && u64::from(wide) * u64::from(high) <= PIXELS_MAX);
        }

        #[test]
        fn small_pictures_get_white_around(width in 1u32..40, height in 1u32..40) {
            let gray = Gray { width, height, pixels: vec![7; (width * height) as usize] };
            let fitted = gray.fitted();
            prop_assert_eq!(fitted.pixels.len() as u32, fitted.width * fitted.height);
            prop_assert_eq!(fitted.pixels.iter().filter(|pixel| **pixel == 7).count() as u32, width * height);
        }
    }
}
