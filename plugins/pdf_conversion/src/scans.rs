//! Reads the pages whose own text is missing, damaged or doubtful.

use crate::choice::{Choice, choose};
use crate::draw::{Drawing, Drawn, Undrawn};
use crate::need::Need;
use crate::steps::Steps;
use crate::text::{Page, Text};
use morag_conversion::ocr::PageReader;
use morag_step::{CapabilityError, Failure, Ocr, OcrModel};

/// Hidden layers in a row that must be confirmed for the others to be believed: one program has made them all, in one go, and each reading
/// takes seconds.
const CONFIRMED_MIN: u32 = 5;

/// Why no more pages are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// There is no model: the host's text.
    NoModel(String),
    /// The budget of the run is used up: the host's text.
    Budget(String),
}

/// What came of the reading, beside the text.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why it ended before the last page.
    pub stop: Option<Stop>,
    /// The first page that cannot be drawn.
    pub undrawn: Option<Undrawn>,
    /// The first page whose reading failed, and the host's text.
    pub failed: Option<(u32, String)>,
    /// Where lines were left out: the model, which does not read their script.
    pub unknown: Option<OcrModel>,
}

/// Reads the pages of a document that are to be read. Those without text of their own come first: they need it most, should the budget
/// end. The document is parsed for it only where a model is there to read it.
///
/// # Errors
/// What the host answers where reading may succeed later.
pub fn read(bytes: &[u8], text: &mut Text, ocr: &dyn Ocr, steps: &mut Steps) -> Result<Outcome, Failure> {
    let mut pages: Vec<&mut Page> = text.pages.iter_mut().filter(|page| page.need.is_some()).collect();
    pages.sort_by_key(|page| page.need == Some(Need::Layer));
    if pages.is_empty() {
        return Ok(Outcome::default());
    }
    let mut outcome = Outcome::default();
    let reader = match PageReader::new(ocr) {
        Ok(reader) => reader,
        Err(CapabilityError::Limit(why)) => return Ok(Outcome { stop: Some(Stop::Budget(why)), ..outcome }),
        Err(error) => return Ok(Outcome { stop: Some(Stop::NoModel(error.to_string())), ..outcome }),
    };
    let drawing = match Drawing::open(bytes, text.total) {
        Ok(drawing) => drawing,
        Err(undrawn) => {
            text.warnings.push(format!("no page can be drawn, to be read: {undrawn}"));
            return Ok(Outcome { undrawn: Some(undrawn), ..outcome });
        }
    };
    let mut scans = Scans { drawing, reader, confirmed: 0 };
    for page in pages {
        match scans.read(page) {
            Ok(()) => {}
            Err(Unread::Undrawn(undrawn)) => {
                scans.reader.warnings.push(format!("page {} cannot be drawn, to be read: {undrawn}", page.number));
                outcome.undrawn.get_or_insert(undrawn);
            }
            Err(Unread::Host(CapabilityError::Limit(why))) => {
                outcome.stop = Some(Stop::Budget(why));
                break;
            }
            Err(Unread::Host(CapabilityError::Invalid(why))) => {
                scans.reader.warnings.push(format!("page {} was not read: {why}", page.number));
                outcome.failed.get_or_insert((page.number, why));
            }
            Err(Unread::Host(away)) => return Err(away.into()),
        }
        steps.one_done();
    }
    let PageReader { model, unknown_lines, warnings, .. } = scans.reader;
    text.warnings.extend(warnings);
    outcome.unknown = (unknown_lines > 0).then_some(model);
    Ok(outcome)
}

/// Why a page was not read.
enum Unread {
    Undrawn(Undrawn),
    Host(CapabilityError),
}

struct Scans<'a> {
    drawing: Drawing,
    reader: PageReader<'a>,
    /// Hidden layers that were confirmed, one after the other.
    confirmed: u32,
}

impl Scans<'_> {
    /// Reads a page, and chooses between its text and what was read.
    fn read(&mut self, page: &mut Page) -> Result<(), Unread> {
        let Some(need) = page.need else { return Ok(()) };
        if need == Need::Layer && self.confirmed == CONFIRMED_MIN {
            page.need = None;
            return Ok(());
        }
        let Drawn { picture, is_part_missing } = self.drawing.page(page.number).map_err(Unread::Undrawn)?;
        if is_part_missing {
            self.reader.warnings.push(format!("a picture of page {} cannot be decoded, and is not read", page.number));
        }
        if picture.is_none() && need == Need::Damaged {
            return Err(Unread::Undrawn(Undrawn::Damaged("none of its letters can be drawn".into())));
        }
        // A page of one colour says nothing.
        if let Some(picture) = picture {
            let reading = self.reader.read(picture, page.number).map_err(Unread::Host)?;
            match choose(need, &page.text, &reading) {
                Choice::Confirmed => self.confirmed += 1,
                Choice::Kept => {}
                Choice::Replaced => {
                    page.text = reading.markdown;
                    self.confirmed = 0;
                }
            }
        }
        page.need = None;
        Ok(())
    }
}
