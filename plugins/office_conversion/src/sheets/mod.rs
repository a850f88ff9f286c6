//! Workbooks of Excel (`xlsx` and `xlsm`), read cell by cell: a sheet never is a tree, and never as large as it claims.

mod grid;
pub mod number;
mod sheet;
mod text_event;
mod workbook;

pub use grid::Grid;

use crate::package::{Package, Relations, core};
use crate::slides::shapes::Slide;
use crate::write::{Blocks, escape};
use morag_conversion::document::join_pages;
use morag_conversion::{Converted, Images, Options, failures, formats};
use morag_step::Failure;
use workbook::Workbook;

/// Sheets: a part each, so as many as a zip may have entries. The list of them is what could name one part many times.
const SHEETS_MAX: usize = 20_000;
/// Bytes of markdown of all sheets together.
const MARKDOWN_BYTES_MAX: usize = 48 << 20;

/// Converts a workbook; each sheet is a page.
///
/// # Errors
/// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`, `EMPTY_DOCUMENT`.
pub fn convert(bytes: &[u8], main: &str, options: &Options, images: &Images<'_>) -> Result<Converted, Failure> {
    let package = Package::open(bytes, &formats::XLSX)?.with_images(images);
    let workbook = Workbook::read(&package, main)?;
    if workbook.sheets.len() > SHEETS_MAX {
        let sheets = workbook.sheets.len();
        return Err(failures::too_large(format!("it has {sheets} sheets, and at most {SHEETS_MAX} are converted")));
    }
    options.take_any(workbook.sheets.len())?;
    let (mut pages, mut written, mut total) = (Vec::new(), false, 0);
    for (sheet, number) in workbook.sheets.iter().zip(1u32..) {
        if !options.takes(number) {
            pages.push(String::new());
            continue;
        }
        let mut blocks = Blocks::new();
        package.at_page(number);
        match write_sheet(&package, &workbook, &sheet.part, &mut blocks) {
            Ok(()) => {}
            Err(failure) if failure.code == "CORRUPT_DOCUMENT" => {
                package.warn(format!("sheet {number} is left out: {}", failure.message));
            }
            Err(failure) => return Err(failure),
        }
        written |= !blocks.is_empty();
        let page = titled(&sheet.name, blocks)?;
        total += page.len();
        if total > MARKDOWN_BYTES_MAX {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        pages.push(page);
    }
    let properties = core(&package)?;
    let warnings = package.warnings();
    if !written {
        return Err(match warnings.first() {
            Some(warning) => package.corrupt(warning),
            None => failures::empty("its sheets have no cells with text"),
        });
    }
    let (markdown, pages) = join_pages(&pages);
    Ok(Converted { properties, pages, warnings, ..Converted::without_pages(&formats::XLSX, markdown) })
}

/// A sheet's text below its name.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`.
pub fn titled(name: &str, blocks: Blocks) -> Result<String, Failure> {
    let body = blocks.finish()?;
    let mut page = Blocks::new();
    page.heading(2, &escape(name));
    page.paragraph(body.trim_end());
    page.finish()
}

fn write_sheet(package: &Package<'_>, workbook: &Workbook, part: &str, blocks: &mut Blocks) -> Result<(), Failure> {
    let source = package.text(part)?.ok_or_else(|| package.corrupt(format_args!("its part {part} is missing")))?;
    let grid = sheet::read(package, part, &source, workbook);
    drop(source);
    if grid.cut {
        package.warn(format!("{part} has more cells than are converted: the rest is left out"));
    }
    grid.write(blocks);
    let relations = Relations::of(package, part)?;
    if let Some(name) = relations.of_kind("drawing")
        && let Some(text) = package.optional_text(name)?
    {
        let tree = package.tree(name, &text)?;
        let own = Relations::of(package, name)?;
        let mut drawing = Slide::new(package, &own);
        for anchor in tree.root().elements() {
            drawing.read(anchor)?;
        }
        blocks.paragraph(drawing.blocks.finish()?.trim_end());
    }
    if let Some(name) = relations.of_kind("comments")
        && let Some(text) = package.optional_text(name)?
    {
        let tree = package.tree(name, &text)?;
        let comments = tree.root().within("comment");
        if !comments.is_empty() {
            blocks.heading(3, "Comments");
        }
        for comment in comments {
            let said: String = comment.within("t").into_iter().map(|t| t.text()).collect();
            let place = comment.attribute("ref").unwrap_or_default();
            blocks.item(0, "-", &format!("{}: {}", escape(&place), escape(&said)));
        }
    }
    Ok(())
}
