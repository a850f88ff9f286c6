//! What the sheets of a workbook share: their list, its texts, its formats.

use super::number::{Epoch, Kind};
use crate::package::{Package, Relations};
use morag_step::Failure;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::HashMap;

/// Texts of a workbook. Excel itself has no more cells than this with a text in a sheet.
const TEXTS_MAX: usize = 4_000_000;

/// A sheet of the list.
#[derive(Debug)]
pub struct SheetName {
    /// Its name.
    pub name: String,
    /// Its part.
    pub part: String,
}

/// A workbook without its cells.
#[derive(Debug, Default)]
pub struct Workbook {
    /// The sheets in order.
    pub sheets: Vec<SheetName>,
    /// Texts to which cells refer.
    pub texts: Vec<Box<str>>,
    /// What each style makes of a number.
    pub styles: Vec<Kind>,
    /// The day from which it counts.
    pub epoch: Epoch,
}

impl Workbook {
    /// Reads it.
    ///
    /// # Errors
    /// `CORRUPT_DOCUMENT` where there is no workbook, `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`.
    pub fn read(package: &Package<'_>, main: &str) -> Result<Self, Failure> {
        let source = package.text(main)?.ok_or_else(|| package.corrupt(format_args!("its part {main} is missing")))?;
        let tree = package.tree(main, &source)?;
        let relations = Relations::of(package, main)?;
        let year_1904 = tree.root().child("workbookPr").is_some_and(|own| own.is("date1904", "1") || own.is("date1904", "true"));
        let mut workbook = Self { epoch: if year_1904 { Epoch::Year1904 } else { Epoch::Year1900 }, ..Self::default() };
        for (sheet, number) in tree.root().at(&["sheets"]).into_iter().flat_map(|sheets| sheets.all("sheet")).zip(1..) {
            let name = sheet.attribute("name").unwrap_or_else(|| format!("Sheet {number}"));
            match sheet.prefixed("id").and_then(|id| relations.part(&id).map(str::to_owned)) {
                Some(part) => workbook.sheets.push(SheetName { name, part }),
                None => package.warn(format!("sheet {number} has no part and is left out")),
            }
        }
        if let Some(name) = relations.of_kind("sharedStrings")
            && let Some(text) = package.optional_text(name)?
        {
            workbook.texts = texts(package, name, &text);
        }
        if let Some(name) = relations.of_kind("styles")
            && let Some(text) = package.optional_text(name)?
        {
            workbook.styles = styles(package.tree(name, &text)?.root());
        }
        Ok(workbook)
    }
}

fn styles(root: crate::xml::Element<'_, '_>) -> Vec<Kind> {
    let codes: HashMap<u32, Kind> = root
        .at(&["numFmts"])
        .into_iter()
        .flat_map(|formats| formats.all("numFmt"))
        .filter_map(|format| Some((format.number("numFmtId")?, Kind::of_code(&format.attribute("formatCode")?))))
        .collect();
    let kind = |style: crate::xml::Element<'_, '_>| {
        let id = style.number("numFmtId").unwrap_or(0);
        codes.get(&id).copied().unwrap_or_else(|| Kind::built_in(id))
    };
    root.at(&["cellXfs"]).into_iter().flat_map(|styles| styles.all("xf")).map(kind).collect()
}

/// The shared texts, without how their characters are pronounced.
fn texts(package: &Package<'_>, name: &str, source: &str) -> Vec<Box<str>> {
    let mut texts = Vec::new();
    let mut reader = Reader::from_str(source);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let (mut text, mut in_text, mut pronounced) = (String::new(), false, false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => match start.local_name().as_ref() {
                "si" => text.clear(),
                "rPh" => pronounced = true,
                "t" => in_text = !pronounced,
                _ => {}
            },
            Ok(Event::End(end)) => match end.local_name().as_ref() {
                "si" if texts.len() < TEXTS_MAX => texts.push(text.as_str().into()),
                "rPh" => pronounced = false,
                "t" => in_text = false,
                _ => {}
            },
            Ok(Event::Empty(empty)) if empty.local_name().as_ref() == "si" && texts.len() < TEXTS_MAX => texts.push("".into()),
            Ok(Event::Eof) => return texts,
            Ok(event) if in_text => super::sheet::push_text(&mut text, &event),
            Ok(_) => {}
            Err(error) => {
                package.warn(format!("{name} is damaged ({error}): what comes after the damage is lost"));
                return texts;
            }
        }
    }
}
