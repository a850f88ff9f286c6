//! Sheets.

use super::reader::Reader;
use super::styles::Styles;
use crate::package::Package;
use crate::sheets::number::general;
use crate::sheets::{Grid, titled};
use crate::write::Blocks;
use crate::xml::Element;
use morag_conversion::{Options, failures};
use morag_step::Failure;

/// Repetitions of a cell or a row with text in it: what repeats more often fills a column to its end.
const REPEATS_MAX: u32 = 1000;
/// Bytes of markdown of all sheets together.
const MARKDOWN_BYTES_MAX: usize = 48 << 20;

/// The markdown of each sheet; empty for those that are not wanted.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT` where none is wanted.
pub fn pages(
    package: &Package<'_>,
    styles: &Styles,
    sheets: Element<'_, '_>,
    options: &Options,
) -> Result<Vec<String>, Failure> {
    options.take_any(sheets.all("table").count())?;
    let (mut pages, mut total) = (Vec::new(), 0);
    let mut written = false;
    for (sheet, number) in sheets.all("table").zip(1u32..) {
        if !options.takes(number) {
            pages.push(String::new());
            continue;
        }
        package.at_page(number);
        let mut blocks = Blocks::new();
        let grid = grid(sheet);
        if grid.cut {
            package.warn(format!("sheet {number} has more cells than are converted: the rest is left out"));
        }
        grid.write(&mut blocks);
        let mut reader = Reader::new(package, styles);
        // Frames lie over the cells, at whose places they are anchored.
        sheet.within("frame").into_iter().for_each(|frame| reader.shape(frame));
        let shapes = sheet.child("shapes").into_iter().flat_map(Element::elements);
        shapes.filter(|shape| shape.name() != "frame").for_each(|shape| reader.shape(shape));
        blocks.paragraph(reader.out.finish()?.trim_end());
        comments(sheet, &mut blocks);
        written |= !blocks.is_empty();
        let page = titled(&sheet.attribute("name").unwrap_or_else(|| format!("Sheet {number}")), blocks)?;
        total += page.len();
        if total > MARKDOWN_BYTES_MAX {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        pages.push(page);
    }
    if !written {
        // Names of sheets alone are no text.
        return Ok(Vec::new());
    }
    Ok(pages)
}

fn grid(sheet: Element<'_, '_>) -> Grid {
    let mut grid = Grid::default();
    let mut row = 0u32;
    let mut rows = Vec::new();
    super::text::rows(sheet, &mut rows);
    for element in rows {
        let repeated = element.number::<u32>("number-rows-repeated").unwrap_or(1).max(1);
        let mut column = 0u32;
        for cell in element.elements().filter(|cell| matches!(cell.name(), "table-cell" | "covered-table-cell")) {
            let wide = cell.number::<u32>("number-columns-repeated").unwrap_or(1).max(1);
            if cell.name() == "table-cell" {
                let text = text(cell);
                if !text.trim().is_empty() {
                    for down in 0..repeated.min(REPEATS_MAX) {
                        (0..wide.min(REPEATS_MAX))
                            .for_each(|right| grid.add(row.saturating_add(down), column.saturating_add(right), &text));
                        if grid.cut {
                            return grid;
                        }
                    }
                }
            }
            column = column.saturating_add(wide);
        }
        row = row.saturating_add(repeated);
    }
    grid
}

/// What a cell shows: dates, times and numbers by their values, since the text is in the language of the program that saved it.
fn text(cell: Element<'_, '_>) -> String {
    let shown = || {
        let lines: Vec<String> = cell.all("p").map(paragraph).collect();
        lines.join("\n")
    };
    match cell.attribute("value-type").as_deref() {
        Some("float" | "currency") => cell.number("value").map_or_else(shown, general),
        Some("percentage") => cell.number::<f64>("value").map_or_else(shown, |value| general(value * 100.0) + "%"),
        Some("date") => cell.attribute("date-value").map_or_else(shown, |date| {
            let date = date.replacen('T', " ", 1);
            date.strip_suffix(" 00:00:00").map_or(date.clone(), str::to_owned)
        }),
        Some("time") => cell.attribute("time-value").and_then(|time| duration(&time)).unwrap_or_else(shown),
        Some("boolean") => cell.attribute("boolean-value").map_or_else(shown, |value| value.to_uppercase()),
        _ => shown(),
    }
}

/// `PT12H30M00S` as `12:30:00`.
fn duration(text: &str) -> Option<String> {
    let rest = text.strip_prefix("PT")?;
    let (hours, rest) = rest.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?.split(['.', ',']).next()?;
    let number = |text: &str| text.parse::<u32>().ok();
    Some(format!("{:02}:{:02}:{:02}", number(hours)?, number(minutes)?, number(seconds)?))
}

fn paragraph(element: Element<'_, '_>) -> String {
    let mut out = String::new();
    push(&mut out, element);
    out
}

fn push(out: &mut String, element: Element<'_, '_>) {
    use crate::xml::Item;
    for item in element.items() {
        match item {
            Item::Text(text) => out.push_str(text),
            Item::Char(c) => out.push(c),
            Item::Element(child) if matches!(child.name(), "s" | "tab" | "line-break") => out.push(' '),
            Item::Element(child) if child.name() == "annotation" => {}
            Item::Element(child) => push(out, child),
        }
    }
}

fn comments(sheet: Element<'_, '_>, blocks: &mut Blocks) {
    let comments = sheet.within("annotation");
    if !comments.is_empty() {
        blocks.heading(3, "Comments");
    }
    for comment in comments {
        let said: Vec<String> = comment.all("p").map(paragraph).collect();
        blocks.item(0, "-", &crate::write::escape(&said.join(" ")));
    }
}
