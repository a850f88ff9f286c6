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
    let mut illustrator =
        Illustrator { drawing, images, budget: Budget::default(), search: Search::default(), undrawn: 0, first: None };
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
        parts.extend(
            figures.iter().filter_map(|figure| self.images.figure(None, None, || bytes_of(figure, pixels.as_ref()))),
        );
        let trimmed: Vec<&str> = parts.iter().map(|part| part.trim_matches('\n')).collect();
        *text = trimmed.join("\n\n");
    }
}

/// The bytes of a figure: its own, or those of its place on the drawn page.
fn bytes_of(figure: &Figure<'_>, pixels: Option<&Pixels>) -> Result<Vec<u8>, LeftOut> {
    if let Some(jpeg) = &figure.jpeg {
        let bytes = jpeg.raw_data();
        return if bytes.len() > IMAGE_BYTES_MAX { Err(LeftOut::TooLarge) } else { Ok(bytes.into_owned()) };
    }
    // Of a page that cannot be drawn it is said already.
    let Some(pixels) = pixels else { return Err(LeftOut::Other) };
    pixels.part(figure.area).map_err(|_| LeftOut::Damaged)?.ok_or(LeftOut::Other)
}
