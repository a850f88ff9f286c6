//! Slides.

use super::reader::Reader;
use super::styles::Styles;
use crate::package::Package;
use crate::write::{Blocks, escape};
use crate::xml::Element;
use morag_conversion::Options;
use morag_step::Failure;

/// The markdown of each slide; empty for those that are not wanted.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT` where none is wanted.
pub fn pages(
    package: &Package<'_>,
    styles: &Styles,
    presentation: Element<'_, '_>,
    options: &Options,
) -> Result<Vec<String>, Failure> {
    options.take_any(presentation.all("page").count())?;
    let mut pages = Vec::new();
    for (page, number) in presentation.all("page").zip(1u32..) {
        pages.push(if options.takes(number) { slide(package, styles, page, number)? } else { String::new() });
    }
    Ok(pages)
}

/// Whether a shape of this class is the same on every slide.
fn is_repeated(class: &str) -> bool {
    matches!(class, "date-time" | "footer" | "page-number" | "header" | "page")
}

fn slide(package: &Package<'_>, styles: &Styles, page: Element<'_, '_>, number: u32) -> Result<String, Failure> {
    package.at_page(number);
    let mut reader = Reader::new(package, styles);
    let mut title = String::new();
    let mut comments = Vec::new();
    for shape in page.elements() {
        let class = shape.attribute("class").unwrap_or_default();
        match shape.name() {
            "notes" => {}
            "annotation" => {
                let said: Vec<String> = shape.all("p").map(|line| escape(&line.text())).collect();
                comments.push(said.join(" "));
            }
            _ if is_repeated(&class) => {}
            "frame" if class == "title" && title.is_empty() => title = reader.apart(|reader| reader.shape(shape)),
            "frame" | "custom-shape" | "g" | "rect" | "ellipse" | "text-box" | "a" | "table" => reader.shape(shape),
            _ => {}
        }
    }
    let notes = page.child("notes").map(|notes| {
        reader.apart(|reader| {
            let own = |frame: &Element<'_, '_>| !is_repeated(&frame.attribute("class").unwrap_or_default());
            notes.all("frame").filter(own).for_each(|frame| reader.shape(frame));
        })
    });
    reader.write_notes();
    let body = reader.out.finish()?;
    let notes = notes.unwrap_or_default();
    let mut blocks = Blocks::new();
    if title.trim().is_empty() && !(body.trim().is_empty() && notes.trim().is_empty()) {
        blocks.heading(2, &format!("Slide {number}"));
    }
    blocks.heading(2, &title);
    blocks.paragraph(body.trim_end());
    if !notes.trim().is_empty() {
        blocks.heading(3, "Notes");
        blocks.paragraph(notes.trim_end());
    }
    comments.retain(|comment| !comment.trim().is_empty());
    if !comments.is_empty() {
        blocks.heading(3, "Comments");
        comments.iter().for_each(|comment| blocks.item(0, "-", comment));
    }
    blocks.finish()
}
