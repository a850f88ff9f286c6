//! OpenDocument: texts, sheets and slides (`odt`, `ods`, `odp` and their templates).

mod lists;
mod reader;
mod sheet;
mod slides;
mod styles;
mod text;

use crate::package::{Package, merge_core};
use morag_conversion::document::{Properties, join_pages};
use morag_conversion::{Converted, Format, Images, Options, dates, failures};
use morag_step::Failure;
use reader::Reader;
use styles::Styles;

/// Converts an OpenDocument file. Sheets and slides are pages; a text has none.
///
/// # Errors
/// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`, `EMPTY_DOCUMENT`.
pub fn convert(
    bytes: &[u8],
    format: &'static Format,
    options: &Options,
    images: &Images<'_>,
) -> Result<Converted, Failure> {
    let package = Package::open(bytes, format)?.with_images(images);
    refuse_encrypted(&package)?;
    let source = package.text("content.xml")?.ok_or_else(|| package.corrupt("its part content.xml is missing"))?;
    let tree = package.tree("content.xml", &source)?;
    let mut styles = Styles::default();
    if let Some(text) = package.optional_text("styles.xml")? {
        styles.read(package.tree("styles.xml", &text)?.root());
    }
    styles.read(tree.root());
    let properties = properties(&package)?;
    let body = tree.root().child("body");
    let inner = |name: &str| body.and_then(|body| body.child(name));
    let (markdown, pages) = if let Some(sheets) = inner("spreadsheet") {
        join_pages(&sheet::pages(&package, &styles, sheets, options)?)
    } else if let Some(presentation) = inner("presentation").or(inner("drawing")) {
        join_pages(&slides::pages(&package, &styles, presentation, options)?)
    } else {
        let mut reader = Reader::new(&package, &styles);
        if let Some(text) = inner("text") {
            reader.blocks(text);
        }
        reader.write_notes();
        (reader.out.finish()?, Vec::new())
    };
    let warnings = package.warnings();
    if markdown.trim().is_empty() {
        return Err(match &tree.damage {
            Some(damage) => package.corrupt(damage),
            None => failures::empty("the document has no text"),
        });
    }
    Ok(Converted { properties, pages, warnings, ..Converted::without_pages(format, markdown) })
}

/// The manifest says which parts are encrypted; all that hold text are, or none.
fn refuse_encrypted(package: &Package<'_>) -> Result<(), Failure> {
    let Some(text) = package.optional_text("META-INF/manifest.xml")? else { return Ok(()) };
    let tree = package.tree("META-INF/manifest.xml", &text)?;
    let encrypted = tree.root().all("file-entry").any(|entry| entry.child("encryption-data").is_some());
    if encrypted { Err(failures::encrypted("OpenDocument file")) } else { Ok(()) }
}

fn properties(package: &Package<'_>) -> Result<Properties, Failure> {
    let mut properties = Properties::default();
    let Some(text) = package.optional_text("meta.xml")? else { return Ok(properties) };
    let tree = package.tree("meta.xml", &text)?;
    if let Some(meta) = tree.root().child("meta") {
        merge_core(&mut properties, meta);
        properties.modification_date = meta.child("date").and_then(|date| dates::iso(&date.text()));
    }
    Ok(properties)
}
