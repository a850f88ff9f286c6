//! Which pages are to be read as pictures, and why: decided by what their text is like.

use unpdf::model::Page;

/// Why a page is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It is a picture with hardly a letter.
    Scan,
    /// Its text, or much of it, has no meaning: fonts without a map to Unicode, characters that stand for nothing.
    Damaged,
    /// It is a picture under the invisible text of an earlier OCR, which may be right or wrong.
    Layer,
}

/// Letters and digits below which a page that is covered by a picture counts as a scan: a stamp or a file name.
const SCAN_LETTERS_MAX: usize = 20;
/// Share of a page that a scan's picture covers.
const SCAN_COVERAGE_MIN: f32 = 0.5;
/// Share of a page that a picture covers from which a page without any letter is read for its sake; a logo covers a few hundredths.
const PICTURE_COVERAGE_MIN: f32 = 0.05;
/// Fills from which a page without any letter may be text that is drawn as outlines; a frame and its ground are a few.
const OUTLINES_MIN: u32 = 10;
/// Least `lost / (lost + chars)` of a damaged page, where `lost` is the number of pieces of text whose font cannot be read, and `chars` the
/// number of characters that were read. A lost piece counts as one character, since its length is not known. A page of 1,600 characters is
/// damaged with 178 lost pieces (0.1001), and not with 100 (0.06), such as bullets and icons in a font of their own.
const LOST_MIN: f64 = 0.1;
/// Least `lost / runs` of a damaged page, where `runs` is the number of operations that show text. It finds lost lines, each of which is
/// only one character for [`LOST_MIN`]: a page of 60 operations and 1,600 characters is damaged with 30 lost pieces, and not with 29.
const LOST_PIECES_MIN: f64 = 0.5;
/// Share of meaningless characters. Damaged fonts make most of them so; signs of a company's own are a few in a hundred.
const MEANINGLESS_MIN: f64 = 0.1;
/// How many there must be for that share to say something.
const MEANINGLESS_CHARS_MIN: usize = 10;
/// Share of unseen characters in a layer; over it a stamp or a page number may have been printed.
const UNSEEN_MIN: f64 = 0.5;

/// What is known of a page's text.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Letters and digits.
    pub letters: usize,
    /// Characters but white space.
    pub chars: usize,
    /// Those that stand for nothing.
    pub meaningless: usize,
    /// Pieces of text that were shown.
    pub runs: u32,
    /// Those whose font cannot be read.
    pub lost_runs: usize,
    /// Whether the parser has dropped an unseen layer, which was no words.
    pub is_layer_dropped: bool,
    /// Characters that are unseen.
    pub unseen: u32,
    /// Characters that are seen.
    pub seen: u32,
    /// Share of the page that pictures cover.
    pub coverage: f32,
    /// Shapes that are filled.
    pub fills: u32,
}

impl Facts {
    /// Of a page, but for its text.
    pub fn of(page: &Page) -> Self {
        Self {
            meaningless: page.undecoded_text_codes as usize,
            runs: page.text_op_count,
            lost_runs: page.suppressed_text_runs,
            is_layer_dropped: page.ocr_text_suppressed,
            unseen: page.invisible_text_chars,
            seen: page.painted_text_chars,
            coverage: page.image_coverage,
            fills: page.fill_op_count,
            ..Self::default()
        }
    }

    /// The same with the page's text, as it was written.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        for c in text.chars().filter(|c| !c.is_whitespace()) {
            let is_private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFD}');
            self.chars += 1;
            self.letters += usize::from(c.is_alphanumeric());
            self.meaningless += usize::from(is_private || c == '\u{FFFD}' || c.is_control());
        }
        self
    }

    /// Why the page is to be read; none where its text is good, and where it is empty.
    pub fn need(&self) -> Option<Need> {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let is_covered = self.coverage >= SCAN_COVERAGE_MIN;
        let is_drawn = self.coverage >= PICTURE_COVERAGE_MIN || self.fills >= OUTLINES_MIN;
        let (lost, runs) = (self.lost_runs as f64, f64::from(self.runs));
        // One operation shows several pieces where it has spaces between them, and each is counted when it is lost. `lost` above `runs` shows
        // that pieces are parts of lines: then `lost / runs` is no share. 178 lost pieces of 60 operations may be three lines or sixty.
        let is_lost =
            share(lost, lost + self.chars as f64) >= LOST_MIN || (lost <= runs && share(lost, runs) >= LOST_PIECES_MIN);
        let is_meaningless = self.meaningless >= MEANINGLESS_CHARS_MIN
            && share(self.meaningless as f64, self.chars.max(self.meaningless) as f64) >= MEANINGLESS_MIN;
        let is_unseen = share(f64::from(self.unseen), f64::from(self.unseen) + f64::from(self.seen)) >= UNSEEN_MIN;
        if is_covered && self.letters <= SCAN_LETTERS_MAX {
            Some(Need::Scan)
        } else if self.is_layer_dropped || is_lost || is_meaningless {
            Some(Need::Damaged)
        } else if self.letters == 0 && is_drawn {
            Some(Need::Scan)
        } else {
            (is_covered && is_unseen).then_some(Need::Layer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of good text.
    fn good() -> Facts {
        Facts { letters: 1500, chars: 1600, runs: 60, seen: 1600, ..Facts::default() }
    }

    #[test]
    fn good_text_and_empty_pages_are_left_alone() {
        assert_eq!(good().need(), None);
        assert_eq!(Facts::default().need(), None);
        assert_eq!(Facts { coverage: 1.0, ..good() }.need(), None, "a picture as the ground of a page");
        assert_eq!(Facts { coverage: 0.03, fills: 4, ..Facts::default() }.need(), None, "a logo and a frame");
    }

    #[test]
    fn a_picture_with_hardly_a_letter_is_a_scan() {
        let stamped = Facts { letters: 20, chars: 20, runs: 1, seen: 20, coverage: 0.5, ..Facts::default() };
        assert_eq!(stamped.need(), Some(Need::Scan));
        assert_eq!(Facts { letters: 21, ..stamped.clone() }.need(), None);
        assert_eq!(Facts { coverage: 0.4, ..stamped }.need(), None);
        assert_eq!(Facts { coverage: 0.1, ..Facts::default() }.need(), Some(Need::Scan), "no text but a picture");
        assert_eq!(Facts { fills: 300, ..Facts::default() }.need(), Some(Need::Scan), "text drawn as outlines");
    }

    #[test]
    fn text_without_meaning_is_damaged_and_a_few_signs_are_not() {
        assert_eq!(Facts { lost_runs: 178, ..good() }.need(), Some(Need::Damaged), "parts of lines");
        assert_eq!(Facts { lost_runs: 100, ..good() }.need(), None, "bullets");
        assert_eq!(Facts { lost_runs: 30, ..good() }.need(), Some(Need::Damaged), "half of the lines");
        assert_eq!(Facts { lost_runs: 29, ..good() }.need(), None, "icons");
        assert_eq!(Facts { meaningless: 160, ..good() }.need(), Some(Need::Damaged));
        assert_eq!(Facts { meaningless: 150, ..good() }.need(), None);
        let few = Facts { letters: 20, chars: 25, meaningless: 5, runs: 2, seen: 25, ..Facts::default() };
        assert_eq!(few.need(), None, "bullets of a short page");
        assert_eq!(Facts { runs: 9, lost_runs: 9, ..Facts::default() }.need(), Some(Need::Damaged));
        assert_eq!(Facts { is_layer_dropped: true, ..Facts::default() }.need(), Some(Need::Damaged));
    }

    #[test]
    fn unseen_text_over_a_picture_is_a_layer() {
        let layer = Facts { coverage: 0.9, unseen: 1580, seen: 20, ..good() };
        assert_eq!(layer.need(), Some(Need::Layer));
        assert_eq!(Facts { coverage: 0.2, ..layer.clone() }.need(), None, "unseen text without a scan");
        assert_eq!(Facts { unseen: 20, seen: 1580, ..layer }.need(), None, "a few unseen words");
    }

    #[test]
    fn what_stands_for_nothing_is_counted() {
        let page = Page { undecoded_text_codes: 3, ..Page::a4(1) };
        let facts = Facts::of(&page).with_text("ab 1\u{E001}\u{F8FF}\u{FFFD}\u{81}\u{1}\n\u{10FFFD}");
        assert_eq!((facts.letters, facts.chars, facts.meaningless), (3, 9, 9));
    }
}
