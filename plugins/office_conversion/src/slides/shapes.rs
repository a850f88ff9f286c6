//! The shapes of a slide, in the order in which they are drawn.

use super::text::{self, Bullets};
use super::{chart, table};
use crate::package::{Package, Relations};
use crate::write::Blocks;
use crate::xml::Element;
use morag_step::Failure;

/// A slide while it is read.
pub struct Slide<'s, 'a> {
    package: &'s Package<'a>,
    relations: &'s Relations,
    notes: bool,
    /// Its title.
    pub title: String,
    /// What is on it beside.
    pub blocks: Blocks,
}

impl<'s, 'a> Slide<'s, 'a> {
    /// A slide.
    pub fn new(package: &'s Package<'a>, relations: &'s Relations) -> Self {
        Self { package, relations, notes: false, title: String::new(), blocks: Blocks::new() }
    }

    /// The page of a slide's notes: it repeats the slide, of which only the notes are read.
    pub fn of_notes(package: &'s Package<'a>, relations: &'s Relations) -> Self {
        Self { notes: true, ..Self::new(package, relations) }
    }

    /// Reads a group of shapes.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT` of a part that a shape refers to.
    pub fn read(&mut self, group: Element<'_, '_>) -> Result<(), Failure> {
        for shape in group.elements() {
            match shape.name() {
                "sp" => self.shape(shape),
                "grpSp" => self.read(shape)?,
                "graphicFrame" => self.frame(shape)?,
                "pic" if !self.notes => self.picture(shape),
                "AlternateContent" => {
                    if let Some(choice) = shape.child("Choice").or(shape.child("Fallback")) {
                        self.read(choice)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn shape(&mut self, shape: Element<'_, '_>) {
        let Some(body) = shape.child("txBody") else { return };
        let place = shape.at(&["nvSpPr", "nvPr", "ph"]);
        let kind = place.map(|place| place.attribute("type").unwrap_or_default());
        match kind.as_deref() {
            // The same on every slide.
            Some("dt" | "ftr" | "sldNum" | "hdr" | "sldImg") => {}
            _ if self.notes && kind.as_deref() != Some("body") => {}
            Some("title" | "ctrTitle") if self.title.is_empty() => self.title = text::lines(body, self.relations),
            Some("" | "body" | "obj") if !self.notes => {
                text::write(&mut self.blocks, body, self.relations, Bullets::Usual)
            }
            _ => text::write(&mut self.blocks, body, self.relations, Bullets::Unusual),
        }
    }

    fn picture(&mut self, shape: Element<'_, '_>) {
        let id = shape.at(&["blipFill", "blip"]).and_then(|blip| blip.attribute("embed"));
        let alt = shape.at(&["nvPicPr", "cNvPr"]).and_then(described);
        let part = id.as_deref().and_then(|id| self.relations.part(id));
        if let Some(reference) = part.and_then(|part| self.package.figure(part, alt.as_deref())) {
            self.blocks.paragraph(&reference);
        }
    }

    fn frame(&mut self, frame: Element<'_, '_>) -> Result<(), Failure> {
        let Some(data) = frame.at(&["graphic", "graphicData"]) else { return Ok(()) };
        for item in data.elements() {
            match item.name() {
                "tbl" => self.blocks.table(&table::rows(item, self.relations)),
                "chart" => self.part(item.prefixed("id"), chart::write)?,
                // The drawing of a diagram: its texts are in a part of their own.
                "relIds" => self.part(item.prefixed("dm"), |blocks, root| {
                    let empty = Relations::default();
                    for point in root.within("pt") {
                        if let Some(said) = point.child("t").map(|body| text::lines(body, &empty)) {
                            blocks.item(0, "-", &said);
                        }
                    }
                })?,
                _ => {}
            }
        }
        Ok(())
    }

    fn part(&mut self, id: Option<String>, write: impl FnOnce(&mut Blocks, Element<'_, '_>)) -> Result<(), Failure> {
        let Some(name) = id.and_then(|id| self.relations.part(&id).map(str::to_owned)) else { return Ok(()) };
        let Some(source) = self.package.optional_text(&name)? else { return Ok(()) };
        write(&mut self.blocks, self.package.tree(&name, &source)?.root());
        Ok(())
    }
}

/// What the properties of a drawn object say instead of it; its name is only the program's count of objects.
pub fn described(properties: Element<'_, '_>) -> Option<String> {
    ["descr", "title"].into_iter().filter_map(|name| properties.attribute(name)).find(|text| !text.trim().is_empty())
}
