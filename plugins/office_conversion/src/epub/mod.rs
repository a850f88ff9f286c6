//! Books (`epub`).

mod opf;
mod table;
mod xhtml;

use crate::package::{Package, resolve};
use crate::xml::{Flavour, Tree};
use morag_conversion::document::join_pages;
use morag_conversion::{Converted, Images, Options, failures, formats};
use morag_step::Failure;
use opf::Book;
use xhtml::Writer;

/// Bytes of markdown of all chapters together.
const MARKDOWN_BYTES_MAX: usize = 48 << 20;

/// Converts a book; each file of its spine, which is a chapter or a part of one, is a page. The table of contents among them is an empty
/// one.
///
/// # Errors
/// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT` for a book that only certain readers may open, `EMPTY_DOCUMENT`.
pub fn convert(bytes: &[u8], options: &Options, images: &Images<'_>) -> Result<Converted, Failure> {
    let package = Package::open(bytes, &formats::EPUB)?.with_images(images);
    let book = Book::read(&package)?;
    options.take_any(book.chapters.len())?;
    let (mut pages, mut total) = (Vec::with_capacity(book.chapters.len()), 0);
    for (chapter, number) in book.chapters.iter().zip(1u32..) {
        if chapter.contents || !options.takes(number) {
            pages.push(String::new());
            continue;
        }
        if chapter.encrypted {
            return Err(failures::encrypted("book"));
        }
        package.at_page(number);
        let page = read(&package, &chapter.part)?;
        total += page.len();
        if total > MARKDOWN_BYTES_MAX {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        pages.push(page);
    }
    let (markdown, pages) = join_pages(&pages);
    let warnings = package.warnings();
    if markdown.trim().is_empty() {
        return Err(match warnings.first() {
            Some(warning) => package.corrupt(warning),
            None => failures::empty("the book has no text"),
        });
    }
    Ok(Converted { properties: book.properties, pages, warnings, ..Converted::without_pages(&formats::EPUB, markdown) })
}

/// A chapter's markdown. One that cannot be read is a warning.
fn read(package: &Package<'_>, part: &str) -> Result<String, Failure> {
    let Some(source) = package.optional_text(part)? else {
        package.warn(format!("the chapter {part} is missing"));
        return Ok(String::new());
    };
    let tree = match Tree::parse(&source, Flavour::Xhtml) {
        Ok(tree) => tree,
        Err(reason) => {
            package.warn(format!("the chapter {part} is left out: {reason}"));
            return Ok(String::new());
        }
    };
    if let Some(damage) = &tree.damage {
        package.warn(format!("the chapter {part} is damaged ({damage}): what comes after the damage is lost"));
    }
    let root = tree.root();
    let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let figure = |address: &str, alt: Option<&str>| package.figure(&resolve(folder, &opf::decode(address)), alt);
    let mut writer = Writer::with_figures(&figure);
    writer.write(root.child("body").unwrap_or(root));
    writer.finish()
}
