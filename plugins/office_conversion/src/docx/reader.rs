//! What is kept while a document is read.

use super::numbering::Numbering;
use super::styles::Styles;
use crate::package::{Package, Relations};
use crate::write::Blocks;
use std::collections::HashMap;

/// A document while it is read.
pub struct Reader<'r, 'a> {
    /// Its zip.
    pub package: &'r Package<'a>,
    /// The relations of the part that is read.
    pub relations: &'r Relations,
    pub(super) styles: &'r Styles,
    pub(super) numbering: Numbering,
    /// What is written.
    pub out: Blocks,
    /// Notes and comments in the order in which the text refers to them: kind, id and number.
    pub referred: Vec<(Note, String, usize)>,
    numbers: HashMap<(Note, String), usize>,
    /// Within a cell of a table nothing is a heading.
    pub in_cell: bool,
}

/// What the text refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Note {
    /// A note at the end of the page.
    Foot,
    /// A note at the end of the document.
    End,
    /// A reader's remark.
    Comment,
}

impl Note {
    /// What its labels begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Foot => "",
            Self::End => "e",
            Self::Comment => "c",
        }
    }
}

impl<'r, 'a> Reader<'r, 'a> {
    /// Begins.
    pub fn new(package: &'r Package<'a>, relations: &'r Relations, styles: &'r Styles, numbering: Numbering) -> Self {
        Self {
            package,
            relations,
            styles,
            numbering,
            out: Blocks::new(),
            referred: Vec::new(),
            numbers: HashMap::new(),
            in_cell: false,
        }
    }

    /// Reads a note of the document: its links are those of its own part, and what it refers to itself is left out.
    pub fn within<'n>(&'n self, relations: &'n Relations) -> Reader<'n, 'a> {
        let mut inner = Reader::new(self.package, relations, self.styles, Numbering::default());
        inner.in_cell = true;
        inner
    }

    /// The label of a reference to a note; further ones have the same.
    pub fn label(&mut self, kind: Note, id: String) -> String {
        let next = self.referred.iter().rev().find(|note| note.0 == kind).map_or(1, |note| note.2 + 1);
        let number = *self.numbers.entry((kind, id.clone())).or_insert(next);
        if number == next {
            self.referred.push((kind, id, number));
        }
        format!("{}{number}", kind.prefix())
    }
}
