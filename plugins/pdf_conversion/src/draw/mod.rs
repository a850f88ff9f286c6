//! Draws pages, as a reader of PDF shows them, for the host's model to read and for people to see.
//!
//! `hayro` draws and has no limits of its own: [`size`] says how large a page is drawn, [`weight`] refuses one that would take
//! too many operations, and [`rehearsal`] one that would hold too much.
//! Annotations are not drawn: what was filled into a form is told by the form itself.

mod budget;
mod figures;
mod pixels;
mod rehearsal;
mod size;
mod undrawn;
mod weight;

pub use budget::Budget;
pub use figures::{Figure, Search};
pub use pixels::Pixels;
pub use undrawn::Undrawn;

use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning, RenderContent};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::page::Page;
use hayro::vello_cpu::Pixmap;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use morag_conversion::ocr::{Gray, Samples};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A page as it is shown.
#[derive(Debug)]
pub struct Drawn {
    /// Its pixels; none where all are alike, so that there is nothing to read.
    pub picture: Option<Gray>,
    /// Whether a picture on it cannot be decoded, and is missing.
    pub is_part_missing: bool,
}

/// A document whose pages are drawn.
pub struct Drawing {
    pdf: Pdf,
}

impl Drawing {
    /// Of a document in which so many pages were found.
    ///
    /// # Errors
    /// [`Undrawn::Damaged`] where it cannot be parsed, or has another number of pages here: their numbers would not match.
    pub fn open(bytes: &[u8], pages: u32) -> Result<Self, Undrawn> {
        let pdf = Pdf::new(bytes.to_vec())
            .map_err(|error| Undrawn::Damaged(format!("it cannot be parsed to be drawn: {error:?}")))?;
        let found = pdf.pages().len();
        if found != pages as usize {
            return Err(Undrawn::Damaged(format!("{found} pages are found to be drawn, where it has {pages}")));
        }
        Ok(Self { pdf })
    }

    /// Draws a page, counted from 1.
    ///
    /// # Errors
    /// [`Undrawn`].
    pub fn page(&self, number: u32) -> Result<Drawn, Undrawn> {
        let page = self.find(number)?;
        let sides = sides(page, size::DOTS_TO_READ)?;
        weight::check(page)?;
        rehearsal::check(page, sides)?;
        let (pixmap, is_part_missing, _) = draw(page, sides);
        let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
        let picture = Gray::of_samples(width, height, pixmap.data_as_u8_slice(), Samples::Rgba, false);
        let is_blank = picture.pixels.windows(2).all(|pair| pair[0] == pair[1]);
        if is_blank && is_part_missing {
            return Err(Undrawn::Damaged("its picture cannot be decoded".into()));
        }
        Ok(Drawn { picture: (!is_blank).then_some(picture), is_part_missing })
    }

    /// Draws a page, counted from 1, to be looked at.
    ///
    /// # Errors
    /// [`Undrawn`]; also where the pages before have used up the budget.
    pub fn pixels(&self, number: u32, budget: &mut Budget) -> Result<Pixels, Undrawn> {
        let page = self.find(number)?;
        let sides = sides(page, size::DOTS_TO_SEE)?;
        // Before it is rehearsed, which takes time too.
        budget.take(weight::check(page)?)?;
        let inner = rehearsal::check(page, sides)?;
        budget.take_pixels(inner.saturating_add(u64::from(sides.0) * u64::from(sides.1)))?;
        let (pixmap, _, scale) = draw(page, sides);
        Ok(Pixels::new(pixmap, scale))
    }

    /// The figures of a page, counted from 1, from the top.
    pub fn figures(&self, number: u32, search: &mut Search) -> Vec<Figure<'_>> {
        self.find(number).map(|page| figures::find(page, search)).unwrap_or_default()
    }

    fn find(&self, number: u32) -> Result<&Page<'_>, Undrawn> {
        let index = (number as usize).saturating_sub(1);
        self.pdf.pages().get(index).ok_or_else(|| Undrawn::Damaged("there is no such page".into()))
    }
}

/// Columns and rows of a page.
fn sides(page: &Page<'_>, dots: f64) -> Result<(u32, u32), Undrawn> {
    let (width, height) = page.render_dimensions();
    size::pixels(width, height, dots)
        .ok_or_else(|| Undrawn::TooLarge(format!("it is {width} points wide and {height} high")))
}

/// The pixels of a page of so many columns and rows, whether a picture is missing, and how many pixels a point has.
fn draw(page: &Page<'_>, (columns, rows): (u32, u32)) -> (Pixmap, bool, (f64, f64)) {
    let (width, height) = page.render_dimensions();
    let is_failed = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&is_failed);
    let settings = InterpreterSettings {
        warning_sink: Arc::new(move |warning| {
            if matches!(warning, InterpreterWarning::ImageDecodeFailure) {
                noted.store(true, Ordering::Relaxed);
            }
        }),
        render_content: RenderContent::PAGE,
        ..InterpreterSettings::default()
    };
    // Letters of a coarse scan are smooth, as when it is looked at.
    let rendering = RenderSettings { force_image_interpolation: true, ..RenderSettings::default() };
    // The sides are cut to whole pixels: with half of one more they are those that are wanted.
    let scale = |pixels: u32, side: f32| (pixels as f32 + 0.5) / side;
    let (x_scale, y_scale) = (scale(columns, width), scale(rows, height));
    let pixels = PixmapSettings { x_scale, y_scale, bg_color: WHITE };
    // A cache a page: it is never emptied, and pages of a scan share nothing.
    let pixmap = hayro::render(page, &RenderCache::new(), &settings, &rendering, &pixels);
    (pixmap, is_failed.load(Ordering::Relaxed), (x_scale.into(), y_scale.into()))
}

/// Pages for the tests of what counts them.
#[cfg(test)]
mod testdata {
    use morag_conversion::testdata::{pdf_of, stream};

    /// A PDF of one page with this box and content; its object 4 and those that follow are `objects`.
    pub fn page(media_box: &str, content: &str, resources: &str, objects: &[Vec<u8>]) -> Vec<u8> {
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[{media_box}]/Resources<<{resources}>>/Contents {} 0 R>>",
            objects.len() + 4
        );
        let mut all = vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            page.into_bytes(),
        ];
        all.extend_from_slice(objects);
        all.push(stream("", content.as_bytes()));
        pdf_of(&all, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata::pdf;

    #[test]
    fn a_document_of_another_number_of_pages_is_not_drawn() {
        let bytes = pdf(&[vec![(12, "One page.")]], &[]);
        let drawing = Drawing::open(&bytes, 1).unwrap();
        assert!(matches!(drawing.page(2), Err(Undrawn::Damaged(_))));
        let Err(Undrawn::Damaged(why)) = Drawing::open(&bytes, 2) else { panic!("its numbers would not match") };
        assert!(why.contains("1 pages are found"), "{why}");
        assert!(matches!(Drawing::open(b"%PDF-1.4", 1), Err(Undrawn::Damaged(_))));
    }
}
