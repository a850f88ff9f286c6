//! Workbooks of Excel 5 to 2003 (`xls`): records of the stream `Workbook`.

mod records;
mod sheet;
mod texts;
mod workbook;

use crate::sheets::titled;
use crate::write::{Blocks, escape};
use morag_conversion::document::join_pages;
use morag_conversion::ole::Ole;
use morag_conversion::{Options, Page, failures, formats};
use morag_step::Failure;
use workbook::Workbook;

/// Bytes of markdown of all sheets together.
const MARKDOWN_BYTES_MAX: usize = 48 << 20;
/// Warnings of a workbook: after so many the rest says nothing new.
const WARNINGS_MAX: usize = 50;
/// Markdown, pages and warnings.
type Text = (String, Vec<Page>, Vec<String>);

/// Converts a workbook; each sheet is a page. The last of the three are warnings: a line for each sheet that is cut.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(ole: &Ole<'_>, name: &str, options: &Options) -> Result<Text, Failure> {
    let stream = ole.stream(name).unwrap_or_default();
    let workbook =
        Workbook::read(&stream).ok_or_else(|| failures::corrupt(&formats::XLS, "it has no list of sheets"))?;
    if workbook.encrypted {
        return Err(failures::encrypted("workbook"));
    }
    options.take_any(workbook.sheets.len())?;
    let (mut pages, mut total, mut written, mut read) = (Vec::new(), 0usize, false, 0usize);
    let mut warnings = Vec::new();
    for (sheet, number) in workbook.sheets.iter().zip(1u32..) {
        if !options.takes(number) {
            pages.push(String::new());
            continue;
        }
        let found = sheet::read(&stream, sheet.at, &workbook);
        read = read.saturating_add(found.bytes);
        if read > stream.len().saturating_mul(2) {
            return Err(failures::corrupt(&formats::XLS, "its sheets are in each other"));
        }
        if found.grid.cut && warnings.len() < WARNINGS_MAX {
            warnings.push(format!("sheet {number} has more cells than are converted: the rest is left out"));
        }
        let mut blocks = Blocks::new();
        found.grid.write(&mut blocks);
        found.texts.iter().for_each(|text| blocks.paragraph(&escape(text)));
        written |= !blocks.is_empty();
        let page = titled(&sheet.name, blocks)?;
        total += page.len();
        if total > MARKDOWN_BYTES_MAX {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        pages.push(page);
    }
    if !written {
        return Ok((String::new(), Vec::new(), warnings));
    }
    let (markdown, pages) = join_pages(&pages);
    Ok((markdown, pages, warnings))
}
