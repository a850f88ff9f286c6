//! A drawn page in colours, and parts of it as PNG.

use hayro::kurbo::Rect;
use hayro::vello_cpu::Pixmap;
use std::io::Write;

/// A drawn page.
pub struct Pixels {
    pixmap: Pixmap,
    /// Pixels of a point of the page, from left to right and from top to bottom.
    scale: (f64, f64),
}

/// Columns and rows: the first, and how many.
type Part = [(usize, usize); 2];

impl Pixels {
    /// Of pixels without transparency.
    pub(super) fn new(pixmap: Pixmap, scale: (f64, f64)) -> Self {
        Self { pixmap, scale }
    }

    /// The whole page as PNG.
    ///
    /// # Errors
    /// None that a page has: those of the writer of PNG.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        self.encode([(0, self.pixmap.width().into()), (0, self.pixmap.height().into())])
    }

    /// How many pixels a part of the page has.
    pub fn count(&self, area: Rect) -> u64 {
        self.columns_and_rows(area).iter().map(|(_, count)| *count as u64).product()
    }

    /// A part of the page, in points from its upper left corner, as PNG; none where it is of one colour, so that there is nothing to see.
    ///
    /// # Errors
    /// Those of [`Pixels::png`].
    pub fn part(&self, area: Rect) -> Result<Option<Vec<u8>>, String> {
        let part = self.columns_and_rows(area);
        let mut pixels = self.rows(part).flat_map(|row| row.as_chunks::<4>().0);
        let first = pixels.next();
        if pixels.all(|pixel| Some(pixel) == first) {
            return Ok(None);
        }
        self.encode(part).map(Some)
    }

    fn columns_and_rows(&self, area: Rect) -> Part {
        let side = |first: f64, last: f64, scale: f64, whole: u16| {
            let first = ((first * scale).round().max(0.0) as usize).min(whole.into());
            let last = ((last * scale).round().max(0.0) as usize).min(whole.into());
            (first, last.saturating_sub(first))
        };
        let columns = side(area.x0, area.x1, self.scale.0, self.pixmap.width());
        let rows = side(area.y0, area.y1, self.scale.1, self.pixmap.height());
        [columns, rows]
    }

    fn rows(&self, [columns, rows]: Part) -> impl Iterator<Item = &[u8]> {
        let width = usize::from(self.pixmap.width()) * 4;
        let bytes = self.pixmap.data_as_u8_slice();
        let row = move |row: usize| &bytes[row * width + columns.0 * 4..][..columns.1 * 4];
        (rows.0..rows.0 + rows.1).map(row)
    }

    fn encode(&self, part: Part) -> Result<Vec<u8>, String> {
        let is_gray = self.rows(part).flat_map(|row| row.as_chunks::<4>().0).all(|[r, g, b, _]| r == g && g == b);
        let mut out = Vec::new();
        let (width, height) = (part[0].1 as u32, part[1].1 as u32);
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(if is_gray { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_depth(png::BitDepth::Eight);
        let write = || -> Result<(), Box<dyn std::error::Error>> {
            let mut writer = encoder.write_header()?;
            let mut stream = writer.stream_writer()?;
            let mut line = Vec::with_capacity(part[0].1 * 3);
            for row in self.rows(part) {
                line.clear();
                for [r, g, b, _] in row.as_chunks::<4>().0 {
                    line.extend_from_slice(&[*r, *g, *b][..if is_gray { 1 } else { 3 }]);
                }
                stream.write_all(&line)?;
            }
            stream.finish()?;
            writer.finish()?;
            Ok(())
        };
        write().map_err(|error| error.to_string())?;
        Ok(out)
    }
}
