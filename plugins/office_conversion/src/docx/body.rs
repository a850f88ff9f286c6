//! The body of a document, block by block.

use super::numbering::{Marker, Numbering};
use super::runs;
use super::styles::{self, Styles};
use super::table;
use crate::package::{Package, Relations};
use crate::slides::chart;
use crate::write::{Blocks, Inline, escape};
use crate::xml::Element;
use std::collections::HashMap;

/// A document while it is read.
pub struct Reader<'r, 'a> {
    /// Its zip.
    pub package: &'r Package<'a>,
    /// The relations of the part that is read.
    pub relations: &'r Relations,
    styles: &'r Styles,
    numbering: Numbering,
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
        Self { package, relations, styles, numbering, out: Blocks::new(), referred: Vec::new(), numbers: HashMap::new(), in_cell: false }
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

    /// Writes the blocks that an element holds.
    pub fn blocks(&mut self, element: Element<'_, '_>) {
        for child in element.elements() {
            match child.name() {
                "p" => self.paragraph(child),
                "tbl" => table::write(self, child),
                "sdt" => child.all("sdtContent").for_each(|content| self.blocks(content)),
                "AlternateContent" => child.child("Choice").or(child.child("Fallback")).into_iter().for_each(|choice| self.blocks(choice)),
                "customXml" | "ins" | "moveTo" | "smartTag" => self.blocks(child),
                "oMathPara" | "oMath" => {
                    let mut text = Inline::new();
                    let mut boxes = Vec::new();
                    runs::push(self, &mut text, child, &mut boxes);
                    self.out.paragraph(&text.finish());
                }
                _ => {}
            }
        }
    }

    fn paragraph(&mut self, element: Element<'_, '_>) {
        let mut text = Inline::new();
        let mut boxes = Vec::new();
        runs::push_all(self, &mut text, element, &mut boxes);
        if !text.is_blank() {
            self.write(element.child("pPr"), &text.finish());
        }
        for inner in boxes {
            match inner.name() {
                "txbxContent" => self.blocks(inner),
                _ => self.chart(inner),
            }
        }
    }

    fn write(&mut self, properties: Option<Element<'_, '_>>, text: &str) {
        let style = properties.and_then(|own| own.child("pStyle")?.attribute("val")).unwrap_or_default();
        let level = properties.and_then(styles::outline).or_else(|| self.styles.level(&style));
        let list = properties.and_then(styles::list).or_else(|| self.styles.list(&style));
        let marker = list.as_ref().and_then(|(id, depth)| Some((self.numbering.next(id, *depth)?, *depth)));
        match (level.filter(|_| !self.in_cell), marker) {
            (Some(level), None | Some((Marker::Bullet, _))) => self.out.heading(level, text),
            (Some(level), Some((Marker::Number(number), _))) => self.out.heading(level, &format!("{number}. {text}")),
            (Some(level), Some((Marker::Label(label), _))) => self.out.heading(level, &format!("{} {text}", escape(&label))),
            (None, Some((Marker::Bullet, depth))) => self.out.item(depth, "-", text),
            (None, Some((Marker::Number(number), depth))) => self.out.item(depth, &format!("{number}."), text),
            (None, Some((Marker::Label(label), depth))) => self.out.item(depth, "-", &format!("{} {text}", escape(&label))),
            // A paragraph of the list above it, without a mark of its own.
            (None, None) => self.out.paragraph(text),
        }
    }

    fn chart(&mut self, element: Element<'_, '_>) {
        let Some(name) = element.prefixed("id").and_then(|id| self.relations.part(&id).map(str::to_owned)) else { return };
        let Ok(Some(source)) = self.package.optional_text(&name) else { return };
        if let Ok(tree) = self.package.tree(&name, &source) {
            chart::write(&mut self.out, tree.root());
        }
    }
}
