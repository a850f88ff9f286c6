//! The body of a document, block by block.

use super::numbering::Marker;
use super::reader::Reader;
use super::runs;
use super::styles;
use super::table;
use crate::slides::chart;
use crate::write::{Inline, escape};
use crate::xml::Element;

impl Reader<'_, '_> {
    /// Writes the blocks that an element holds.
    pub fn blocks(&mut self, element: Element<'_, '_>) {
        for child in element.elements() {
            match child.name() {
                "p" => self.paragraph(child),
                "tbl" => table::write(self, child),
                "sdt" => child.all("sdtContent").for_each(|content| self.blocks(content)),
                "AlternateContent" => {
                    child.child("Choice").or(child.child("Fallback")).into_iter().for_each(|choice| self.blocks(choice))
                }
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
            (Some(level), Some((Marker::Label(label), _))) => {
                self.out.heading(level, &format!("{} {text}", escape(&label)))
            }
            (None, Some((Marker::Bullet, depth))) => self.out.item(depth, "-", text),
            (None, Some((Marker::Number(number), depth))) => self.out.item(depth, &format!("{number}."), text),
            (None, Some((Marker::Label(label), depth))) => {
                self.out.item(depth, "-", &format!("{} {text}", escape(&label)))
            }
            // A paragraph of the list above it, without a mark of its own.
            (None, None) => self.out.paragraph(text),
        }
    }

    fn chart(&mut self, element: Element<'_, '_>) {
        let Some(name) = element.prefixed("id").and_then(|id| self.relations.part(&id).map(str::to_owned)) else {
            return;
        };
        let Ok(Some(source)) = self.package.optional_text(&name) else { return };
        if let Ok(tree) = self.package.tree(&name, &source) {
            chart::write(&mut self.out, tree.root());
        }
    }
}
