//! Pages and figures as files, where they are asked for. One page is drawn at a time, and only one with a figure that has to be cut out of
//! it, where its own picture is not asked for.

use crate::draw::{Budget, Drawing, Figure, Pixels, Search, Undrawn};
use morag_conversion::Images;
use morag_conversion::images::{IMAGE_BYTES_MAX, LeftOut};

/// Adds the references to the markdown of pages: a page's own picture before its text, its figures after it, since the text does not say
/// where on the page it stands. `texts` are those of all pages of the document, `pages` the numbers of those that are converted.
///
/// What went wrong is given back, for the log: a document without its pictures is converted all the same.
pub fn add(source: &[u8], pages: &[u32], texts: &mut [String], images: &Images<'_>) -> Vec<String> {
    if !images.takes_pages() && !images.takes_figures() {
        return Vec::new();
    }
    let drawing = match Drawing::open(source, texts.len() as u32) {
        Ok(drawing) => drawing,
        Err(undrawn) => return vec![format!("no page or figure is a file: {undrawn}")],
    };
    let mut illustrator = Illustrator {
        drawing,
        images,
        budget: Budget::default(),
        search: Search::default(),
        undrawn: 0,
        first: None,
        uncut: 0,
    };
    for number in pages {
        if let Some(text) = texts.get_mut((*number as usize).saturating_sub(1)) {
            illustrator.page(*number, text);
        }
    }
    let mut warnings = Vec::new();
    if let Some((number, why)) = illustrator.first {
        let (count, total) = (illustrator.undrawn, pages.len());
        let said = "pages cannot be drawn, and their pictures are left out";
        warnings.push(format!("{count} of {total} {said}: page {number}: {why}"));
    }
    if illustrator.search.is_over() {
        warnings.push("its pages have so much on them that figures are not looked for on all of them".into());
    }
    if illustrator.uncut > 0 {
        let count = illustrator.uncut;
        warnings.push(format!(
            "{count} figures are left out: its pages and figures have so many pixels that it would take too long"
        ));
    }
    warnings
}

struct Illustrator<'i> {
    drawing: Drawing,
    images: &'i Images<'i>,
    budget: Budget,
    search: Search,
    /// How many pages could not be drawn.
    undrawn: usize,
    /// The first of them, and why.
    first: Option<(u32, Undrawn)>,
    /// Figures that were not cut out of a page that is drawn.
    uncut: usize,
}

impl Illustrator<'_> {
    fn page(&mut self, number: u32, text: &mut String) {
        self.images.at_page(number);
        let is_full = self.images.is_full();
        let figures =
            if self.images.takes_figures() { self.drawing.figures(number, &mut self.search) } else { Vec::new() };
        let is_needed = self.images.takes_pages() || figures.iter().any(|figure| figure.jpeg.is_none());
        let mut pixels = None;
        if is_needed && !is_full {
            pixels = match self.drawing.pixels(number, &mut self.budget) {
                Ok(pixels) => Some(pixels),
                Err(why) => {
                    self.undrawn += 1;
                    self.first.get_or_insert((number, why));
                    None
                }
            };
        }
        let mut parts = Vec::new();
        if self.images.takes_pages() && is_full {
            self.images.leave_out(LeftOut::TooMany);
        } else if self.images.takes_pages()
            && let Some(pixels) = &pixels
        {
            match pixels.png() {
                Ok(png) => parts.extend(self.images.page(number, &png)),
                Err(_) => self.images.leave_out(LeftOut::Damaged),
            }
        }
        parts.extend(Some(std::mem::take(text)).filter(|text| !text.trim().is_empty()));
        let (images, budget, uncut) = (self.images, &mut self.budget, &mut self.uncut);
        parts.extend(figures.iter().filter_map(|figure| reference(figure, pixels.as_ref(), images, budget, uncut)));
        let trimmed: Vec<&str> = parts.iter().map(|part| part.trim_matches('\n')).collect();
        *text = trimmed.join("\n\n");
    }
}

/// The reference to a figure: of its own bytes, or of those of its place on the drawn page.
fn reference(
    figure: &Figure<'_>,
    pixels: Option<&Pixels>,
    images: &Images<'_>,
    budget: &mut Budget,
    uncut: &mut usize,
) -> Option<String> {
    if let Some(jpeg) = &figure.jpeg {
        // By its name one that stands on every page is read once.
        return images.figure(figure.name().as_deref(), None, || {
            let bytes = jpeg.raw_data();
            if bytes.len() > IMAGE_BYTES_MAX { Err(LeftOut::TooLarge) } else { Ok(bytes.into_owned()) }
        });
    }
    // It might be a file already, but no page is drawn to see that.
    if images.is_full() {
        images.leave_out(LeftOut::TooMany);
        return None;
    }
    // Of a page that cannot be drawn it is said already.
    let pixels = pixels?;
    if budget.take_pixels(pixels.count(figure.area)).is_err() {
        *uncut += 1;
        return None;
    }
    images.figure(None, None, || pixels.part(figure.area).map_err(|_| LeftOut::Damaged)?.ok_or(LeftOut::Other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::images::Include;
    use morag_conversion::testdata::{pdf_of, stream};
    use morag_step::mock::MockTask;

    #[test]
    fn figures_are_cut_out_as_long_as_the_budget_of_pixels_lasts() {
        let picture = b"60 0 0 40 10 20 cm BI /W 2 /H 1 /CS /G /BPC 8 /F /AHx ID 00C8> EI";
        let page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 144 72]/Resources<<>>/Contents 4 0 R>>".to_vec();
        let pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec();
        let objects = [b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), pages, page, stream("", picture)];
        let drawing = Drawing::open(&pdf_of(&objects, ""), 1).unwrap();
        let (mut budget, mut uncut) = (Budget::default(), 0);
        let pixels = drawing.pixels(1, &mut budget).unwrap();
        let [figure] = &drawing.figures(1, &mut Search::default())[..] else { panic!("one figure") };
        assert_eq!(pixels.count(figure.area), 125 * 84);
        let task = MockTask::new("a.pdf", "");
        let images = Images::of(&task, Include { figures: true, pages: false });
        budget.take_pixels(1_000_000_000 - 300 * 150 - 125 * 84).unwrap();
        let mut cut = || reference(figure, Some(&pixels), &images, &mut budget, &mut uncut);
        assert_eq!(cut().as_deref(), Some("![Image 1](image-1.png)"));
        assert_eq!((cut(), uncut), (None, 1));
    }
}
