//! What a document says about itself.

use morag_conversion::dates;
use morag_conversion::document::{Properties, keywords, property};

/// Takes the text of a group of the document's information.
pub fn take(properties: &mut Properties, name: &str, text: &str) {
    match name {
        "title" => properties.title = property(text),
        "author" => properties.author = property(text),
        "subject" => properties.subject = property(text),
        "doccomm" => properties.subject = properties.subject.take().or_else(|| property(text)),
        "keywords" => properties.keywords = keywords(text),
        "creatim" => properties.creation_date = dates::iso(text),
        "revtim" => properties.modification_date = dates::iso(text),
        _ => {}
    }
}

/// A date while its words come one by one. Its time has no zone, so it is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Date {
    year: i32,
    month: i32,
    day: i32,
}

impl Date {
    /// Takes a word.
    pub fn word(&mut self, word: &str, number: i32) {
        match word {
            "yr" => self.year = number,
            "mo" => self.month = number,
            "dy" => self.day = number,
            _ => {}
        }
    }

    /// The date as text, which may be none.
    pub fn text(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
