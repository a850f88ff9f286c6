//! The picture as the networks get it: one byte a pixel.
//!
//! The networks take colours, but letters differ from their paper in brightness: gray has a third of the memory, and no clean page was
//! read differently.

use morag_core::ports::{Picture, PixelFormat};

/// A gray picture; 0 is black.
pub(crate) struct Gray {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Row by row, `width * height` of them.
    pub(crate) pixels: Vec<u8>,
}

impl Gray {
    pub(crate) fn of(picture: Picture) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let pixels = match picture.format() {
            PixelFormat::Gray8 => picture.into_pixels(),
            PixelFormat::Rgb8 => picture.pixels().chunks_exact(3).map(luma).collect(),
        };
        Self { width, height, pixels }
    }

    /// A row of pixels.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }
}

/// Brightness by the weights of ITU-R BT.601, in 256ths.
fn luma(pixel: &[u8]) -> u8 {
    let weighted: u32 = pixel.iter().zip([77, 150, 29]).map(|(value, weight)| u32::from(*value) * weight).sum();
    (weighted >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_brightness() {
        let colours = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]];
        let pixels = colours.iter().cycle().take(256).flatten().copied().collect();
        let gray = Gray::of(Picture::new(16, 16, PixelFormat::Rgb8, pixels).unwrap());
        assert_eq!(gray.row(0)[..5], [0, 255, 76, 149, 28]);
        assert_eq!((gray.width, gray.height, gray.pixels.len()), (16, 16, 256));
    }
}
