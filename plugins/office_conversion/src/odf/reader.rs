//! What is kept while a text is read.

use super::lists::Lists;
use super::styles::Styles;
use crate::package::Package;
use crate::write::Blocks;
use crate::xml::{Element, Tree};

/// A text while it is read.
pub struct Reader<'r, 'a> {
    pub(super) package: &'r Package<'a>,
    pub(super) styles: &'r Styles,
    pub(super) out: Blocks,
    pub(super) lists: Lists,
    /// Notes and remarks of the text, as they are written at its end: label and text.
    pub(super) notes: Vec<(String, String)>,
    /// Notes so far of each kind: at the foot, at the end, remarks.
    pub(super) counts: [usize; 3],
    /// Within a cell nothing is a heading.
    pub(super) in_cell: bool,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(super) fn new(package: &'r Package<'a>, styles: &'r Styles) -> Self {
        let (out, lists) = (Blocks::new(), Lists::default());
        Self { package, styles, out, lists, notes: Vec::new(), counts: [0; 3], in_cell: false }
    }

    pub(super) fn write_notes(&mut self) {
        for (label, text) in std::mem::take(&mut self.notes) {
            self.out.note(&label, &text);
        }
    }

    /// What `read` writes, apart.
    pub(super) fn apart(&mut self, read: impl FnOnce(&mut Self)) -> String {
        let before = std::mem::take(&mut self.out);
        let in_cell = std::mem::replace(&mut self.in_cell, true);
        read(self);
        self.in_cell = in_cell;
        std::mem::replace(&mut self.out, before).into_text()
    }

    /// The tree of an embedded object, an equation or a chart.
    pub(super) fn object<T>(&self, link: &str, read: impl FnOnce(Element<'_, '_>) -> T) -> Option<T> {
        let name = format!("{}/content.xml", link.trim_start_matches("./").trim_end_matches('/'));
        let source = self.package.optional_text(&name).ok()??;
        let tree: Tree<'_> = self.package.tree(&name, &source).ok()?;
        Some(read(tree.root()))
    }
}
