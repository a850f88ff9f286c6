//! Slides of PowerPoint (`pptx` and its kin).

pub mod chart;
pub mod shapes;
mod table;
mod text;

use crate::package::{Package, Relations, core};
use crate::write::Blocks;
use crate::xml::Element;
use morag_conversion::document::join_pages;
use morag_conversion::{Converted, Images, Options, failures, formats};
use morag_step::Failure;
use shapes::Slide;
use std::collections::HashSet;

/// Slides: a part each, so as many as a zip may have entries. The list of them is what could name one part many times.
const SLIDES_MAX: usize = 20_000;

/// Converts slides; each is a page.
///
/// # Errors
/// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`, `EMPTY_DOCUMENT`.
pub fn convert(bytes: &[u8], main: &str, options: &Options, images: &Images<'_>) -> Result<Converted, Failure> {
    let package = Package::open(bytes, &formats::PPTX)?.with_images(images);
    let names = slide_names(&package, main)?;
    options.take_any(names.len())?;
    let mut pages = Vec::with_capacity(names.len());
    let (mut written, mut bytes_total) = (false, 0);
    for (name, number) in names.iter().zip(1u32..) {
        if !options.takes(number) {
            pages.push(String::new());
            continue;
        }
        package.at_page(number);
        let (page, has_text) = match slide(&package, name, number) {
            Ok(page) => page,
            Err(failure) if failure.code == "CORRUPT_DOCUMENT" => {
                package.warn(format!("slide {number} is left out: {}", failure.message));
                (String::new(), false)
            }
            Err(failure) => return Err(failure),
        };
        written |= has_text;
        bytes_total += page.len();
        if bytes_total > 48 << 20 {
            return Err(failures::too_large("the text of its slides has more than 48 MiB"));
        }
        pages.push(page);
    }
    if !written {
        let warnings = package.warnings();
        return Err(match warnings.first() {
            Some(warning) => package.corrupt(warning),
            None => failures::empty("the slides have no text"),
        });
    }
    let (markdown, pages) = join_pages(&pages);
    let properties = core(&package)?;
    let warnings = package.warnings();
    Ok(Converted { properties, pages, warnings, ..Converted::without_pages(&formats::PPTX, markdown) })
}

/// The slides' parts in the order in which they are shown.
fn slide_names(package: &Package<'_>, main: &str) -> Result<Vec<String>, Failure> {
    let text = package.text(main)?.ok_or_else(|| package.corrupt(format_args!("its part {main} is missing")))?;
    let tree = package.tree(main, &text)?;
    let relations = Relations::of(package, main)?;
    let listed: Vec<Element<'_, '_>> = tree.root().within("sldId");
    if listed.len() > SLIDES_MAX {
        return Err(failures::too_large(format!(
            "it has {} slides, and at most {SLIDES_MAX} are converted",
            listed.len()
        )));
    }
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for element in listed {
        let name = element.prefixed("id").and_then(|id| relations.part(&id).map(str::to_owned));
        match name {
            Some(name) if seen.insert(name.clone()) => names.push(name),
            Some(_) => {}
            None => package.warn("a slide of the list has no part and is left out"),
        }
    }
    Ok(names)
}

/// A slide's markdown, and whether there is more in it than its number.
fn slide(package: &Package<'_>, name: &str, number: u32) -> Result<(String, bool), Failure> {
    let text = package.text(name)?.ok_or_else(|| package.corrupt(format_args!("its part {name} is missing")))?;
    let tree = package.tree(name, &text)?;
    let relations = Relations::of(package, name)?;
    let mut slide = Slide::new(package, &relations);
    if let Some(shapes) = tree.root().at(&["cSld", "spTree"]) {
        slide.read(shapes)?;
    }
    let Slide { title, blocks: body, .. } = slide;
    let body = body.finish()?;
    let mut blocks = Blocks::new();
    let has_title = !title.trim().is_empty();
    let notes = notes(package, &relations)?;
    let comments = comments(package, &relations)?;
    let has_text = has_title || !body.trim().is_empty() || !notes.trim().is_empty() || !comments.is_empty();
    match (has_title, has_text) {
        (true, _) => blocks.heading(2, &title),
        // So that what is on it does not seem to belong to the slide before.
        (false, true) => blocks.heading(2, &format!("Slide {number}")),
        (false, false) => {}
    }
    blocks.paragraph(body.trim_end());
    if !notes.trim().is_empty() {
        blocks.heading(3, "Notes");
        blocks.paragraph(notes.trim_end());
    }
    if !comments.is_empty() {
        blocks.heading(3, "Comments");
        comments.iter().for_each(|comment| blocks.item(0, "-", comment));
    }
    Ok((blocks.finish()?, has_text))
}

/// What the speaker notes say.
fn notes(package: &Package<'_>, relations: &Relations) -> Result<String, Failure> {
    let Some(name) = relations.of_kind("notesSlide") else { return Ok(String::new()) };
    let Some(text) = package.optional_text(name)? else { return Ok(String::new()) };
    let tree = package.tree(name, &text)?;
    let relations = Relations::of(package, name)?;
    let mut notes = Slide::of_notes(package, &relations);
    if let Some(shapes) = tree.root().at(&["cSld", "spTree"]) {
        notes.read(shapes)?;
    }
    notes.blocks.finish()
}

/// What readers remarked.
fn comments(package: &Package<'_>, relations: &Relations) -> Result<Vec<String>, Failure> {
    let Some(name) = relations.of_kind("comments").or(relations.of_kind("comment")) else { return Ok(Vec::new()) };
    let Some(text) = package.optional_text(name)? else { return Ok(Vec::new()) };
    let tree = package.tree(name, &text)?;
    let said = |element: Element<'_, '_>| crate::write::escape(&element.text()).replace('\n', " ");
    let mut found: Vec<String> = tree.root().within("text").into_iter().map(said).collect();
    found.extend(tree.root().within("txBody").into_iter().map(|body| {
        let lines: Vec<String> = body.within("t").into_iter().map(said).collect();
        lines.join(" ")
    }));
    found.retain(|comment| !comment.trim().is_empty());
    Ok(found)
}
