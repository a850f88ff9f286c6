//! The catalog of a PDF: a file whose form or bookmarks are too much for the parser gets another one before it is parsed.

use crate::bookmarks::{self, Bookmarks};
use crate::form;
use morag_conversion::{failures, formats};
use morag_step::Failure;
use std::borrow::Cow;
use unpdf::parser::raw::xref::find_startxref;
use unpdf::parser::raw::{PdfDict, PdfObject, RawDocument};

/// The number of an object that stands for the catalog: the largest that a PDF may have (ISO 32000, annex on limits), so that no other
/// has it.
const CATALOG: u32 = 8_388_607;

/// The file, or one with another catalog where its form or its bookmarks are too much for the parser, and what to warn of then.
///
/// # Errors
/// `CORRUPT_DOCUMENT` where they cannot be left out.
pub fn checked(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, Vec<String>), Failure> {
    // What cannot be parsed is said by who parses it next.
    let Ok(document) = RawDocument::load(bytes) else { return Ok((bytes.into(), Vec::new())) };
    let (form, bookmarks) = (form::refusal(&document), bookmarks::check(&document));
    if form.is_none() && bookmarks == Bookmarks::Whole {
        return Ok((bytes.into(), Vec::new()));
    }
    let without = without(bytes, &document, form.is_some(), &bookmarks);
    drop(document);
    let document = RawDocument::load(&without).ok();
    if let Some(why) = document.as_ref().map_or_else(|| form.clone(), form::refusal) {
        return Err(failures::corrupt(&formats::PDF, format_args!("of its form, {why}")));
    }
    if document.as_ref().map(bookmarks::check) != Some(Bookmarks::Whole) {
        return Err(failures::corrupt(&formats::PDF, "it has more bookmarks than can be followed"));
    }
    let form = form.map(|why| format!("its form is left out: {why}"));
    Ok((without.into(), form.into_iter().chain(bookmarks.warning()).collect()))
}

/// The file with an update at its end, whose catalog has the pages, the form and the bookmarks as far as they are read.
fn without(bytes: &[u8], document: &RawDocument, is_form_left_out: bool, bookmarks: &Bookmarks) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.push(b'\n');
    let mut entries: Vec<&[u8]> = vec![b"Pages", b"Names", b"Dests"];
    entries.extend(Some(&b"AcroForm"[..]).filter(|_| !is_form_left_out));
    entries.extend(Some(&b"Outlines"[..]).filter(|_| !matches!(bookmarks, Bookmarks::TooMany(_))));
    // Where each object of the update begins.
    let mut table = format!("{CATALOG} 1\n{:010} 00000 n \n", out.len());
    out.extend(format!("{CATALOG} 0 obj\n<</Type/Catalog").bytes());
    if let Ok(dict) = document.catalog() {
        push_entries(&mut out, dict, &entries);
    }
    out.extend(b">>\nendobj\n");
    if let Bookmarks::Until(ends) = bookmarks {
        for (number, generation) in ends {
            // Without a title it is no heading, and nothing follows it.
            table += &format!("{number} 1\n{:010} {generation:05} n \n", out.len());
            out.extend(format!("{number} {generation} obj\n<<>>\nendobj\n").bytes());
        }
    }
    let xref = out.len();
    // Where the table before is not found, the parser searches the file for its objects, as it did: a place beyond the end has it do so.
    let before = find_startxref(bytes).unwrap_or(usize::MAX >> 1);
    out.extend(format!("xref\n{table}trailer\n<</Size {}/Root {CATALOG} 0 R/Prev {before}", CATALOG + 1).bytes());
    push_entries(&mut out, document.trailer(), &[b"Info", b"Encrypt", b"ID"]);
    out.extend(format!(">>\nstartxref\n{xref}\n%%EOF\n").bytes());
    out
}

fn push_entries(out: &mut Vec<u8>, dict: &PdfDict, keys: &[&[u8]]) {
    for key in keys {
        if let Some(object) = dict.get(*key) {
            push_name(out, key);
            out.push(b' ');
            push_object(out, object);
        }
    }
}

fn push_object(out: &mut Vec<u8>, object: &PdfObject) {
    match object {
        // A stream stands in no other object.
        PdfObject::Null | PdfObject::Stream(_) => out.extend(b"null"),
        PdfObject::Bool(value) => out.extend(value.to_string().bytes()),
        PdfObject::Integer(value) => out.extend(value.to_string().bytes()),
        PdfObject::Real(value) => out.extend(value.to_string().bytes()),
        PdfObject::Name(name) => push_name(out, name),
        PdfObject::Str(text) => {
            out.push(b'<');
            text.iter().for_each(|byte| out.extend(format!("{byte:02x}").bytes()));
            out.push(b'>');
        }
        PdfObject::Array(list) => {
            out.push(b'[');
            for object in list {
                push_object(out, object);
                out.push(b' ');
            }
            out.push(b']');
        }
        PdfObject::Dict(dict) => {
            out.extend(b"<<");
            for (key, object) in dict {
                push_name(out, key);
                out.push(b' ');
                push_object(out, object);
            }
            out.extend(b">>");
        }
        PdfObject::Reference(number, generation) => out.extend(format!("{number} {generation} R").bytes()),
    }
}

fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for byte in name {
        if byte.is_ascii_alphanumeric() {
            out.push(*byte);
        } else {
            out.extend(format!("#{byte:02x}").bytes());
        }
    }
}

/// Documents for the tests of what hangs on the catalog.
#[cfg(test)]
pub mod testdata {
    use morag_conversion::testdata::{pdf_of, source, stream};
    use morag_conversion::{Converted, Images};
    use morag_step::mock::MockOcr;

    /// A document of one page that reads `hello world`, whose catalog has these entries; objects from 6 on are `more`.
    pub fn with_catalog(entries: &str, more: impl IntoIterator<Item = String>) -> Vec<u8> {
        let mut objects = vec![
            format!("<</Type/Catalog/Pages 2 0 R{entries}>>").into_bytes(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"
                .to_vec(),
            stream("", b"BT /F1 12 Tf 10 10 Td (hello world) Tj ET"),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        ];
        objects.extend(more.into_iter().map(String::into_bytes));
        pdf_of(&objects, "")
    }

    /// What it becomes.
    pub fn convert(bytes: &[u8]) -> Converted {
        crate::pdf::convert(&source(bytes, "a.pdf"), &MockOcr::reading([]), &Images::none(), &mut |_, _| {}).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testdata::{convert, with_catalog};
    use super::*;
    use morag_conversion::testdata::stream;

    /// A field that is its own child as object 6, and as many bookmarks in one list, the first of which is the page's text.
    fn odd(bookmarks: usize) -> Vec<u8> {
        let rest = (1..bookmarks).map(|at| match at + 1 {
            next if next == bookmarks => "<</Title(last)>>".to_owned(),
            next => format!("<</Title(a)/Next {} 0 R>>", next + 8),
        });
        let head =
            ["<</T(b)/Kids[6 0 R]>>", "<</First 8 0 R>>", "<</Title(hello world)/Next 9 0 R>>"].map(str::to_owned);
        with_catalog("/AcroForm<</Fields[6 0 R]>>/Outlines 7 0 R", head.into_iter().chain(rest))
    }

    #[track_caller]
    fn assert_left_out(bytes: &[u8], parts: &[&str]) {
        let converted = convert(bytes);
        assert_eq!(converted.markdown, "# hello world\n");
        assert_eq!(converted.warnings.len(), parts.len(), "{:?}", converted.warnings);
        for (warning, part) in converted.warnings.iter().zip(parts) {
            assert!(warning.contains(part), "{warning}");
        }
    }

    #[test]
    fn a_form_is_left_out_beside_bookmarks_that_are_read() {
        assert_left_out(&odd(3), &["its form is left out"]);
        assert_left_out(&odd(4000), &["its form is left out", "of its bookmarks"]);
    }

    #[test]
    fn a_form_is_read_beside_bookmarks_that_are_cut() {
        let bytes = String::from_utf8(odd(4000)).unwrap();
        let bytes = bytes.replace("<</T(b)/Kids[6 0 R]>>", "<</T(b)/FT/Tx/V(c)>> ");
        let converted = convert(bytes.as_bytes());
        assert_eq!(converted.markdown, "# hello world\n\n- b: c\n");
        assert_eq!(converted.warnings.len(), 1, "{:?}", converted.warnings);
    }

    #[test]
    fn of_a_damaged_file_they_are_left_out_too() {
        for count in [3, 4000] {
            let text = String::from_utf8(odd(count)).unwrap();
            let (before, _) = text.rsplit_once("startxref").unwrap();
            let parts = &["its form is left out", "of its bookmarks"][..if count == 3 { 1 } else { 2 }];
            assert_left_out(format!("{before}startxref\n7\n%%EOF").as_bytes(), parts);
            assert_left_out(format!("{before}%%EOF").as_bytes(), parts);
        }
    }

    #[test]
    fn objects_of_a_compressed_table_are_replaced() {
        // The catalog and the bookmark after the last that is read stand in a stream of objects; the table is a stream too.
        let whole = String::from_utf8(odd(1503)).unwrap();
        let end = 8 + 1500;
        let object = |number: usize| {
            let start = whole.find(&format!("\n{number} 0 obj\n")).unwrap() + 1;
            let stop = start + whole[start..].find("endobj").unwrap() + "endobj".len();
            (start..stop, whole[start..stop].trim_end_matches("endobj").split_once("obj").unwrap().1.trim().to_owned())
        };
        let ((catalog_at, catalog), (bookmark_at, bookmark)) = (object(1), object(end));
        let mut out = whole[..whole.find("\nxref\n").unwrap() + 1].to_owned().into_bytes();
        for at in [catalog_at, bookmark_at] {
            out[at].fill(b' ');
        }
        let head = format!("1 0 {end} {} ", catalog.len() + 1);
        let objects =
            stream(&format!("/Type/ObjStm/N 2/First {}", head.len()), format!("{head}{catalog} {bookmark}").as_bytes());
        let last = 8 + 1503;
        out.extend([format!("{last} 0 obj\n").as_bytes(), &objects[..], b"\nendobj\n"].concat());
        let xref = out.len();
        let mut rows: Vec<[u8; 6]> = vec![[0; 6]];
        let in_objects = |index: u8| [2, 0, 0, (last >> 8) as u8, last as u8, index];
        for number in 1..=last {
            rows.push(match number {
                1 => in_objects(0),
                _ if number == end => in_objects(1),
                _ => {
                    let name = format!("\n{number} 0 obj");
                    let at = out.windows(name.len()).position(|window| window == name.as_bytes()).unwrap() + 1;
                    let [a, b, c, d] = u32::try_from(at).unwrap().to_be_bytes();
                    [1, a, b, c, d, 0]
                }
            });
        }
        let table = stream(&format!("/Type/XRef/Size {}/W[1 4 1]/Root 1 0 R", last + 1), &rows.concat());
        out.extend([format!("{} 0 obj\n", last + 1).as_bytes(), &table[..], b"\nendobj\n"].concat());
        out.extend(format!("startxref\n{xref}\n%%EOF\n").bytes());
        assert!(RawDocument::load(&out).unwrap().catalog().unwrap().contains_key(&b"AcroForm"[..]));
        assert_left_out(&out, &["its form is left out", "of its bookmarks"]);
    }
}
