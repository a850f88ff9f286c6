//! The form of a PDF is counted before the parser reads it: that follows fields into each other without a limit, and a field that is its
//! own child would end a good document. A form that is no tree of a usual size is left out, and the text is kept.

use morag_conversion::{failures, formats};
use morag_step::Failure;
use std::borrow::Cow;
use unpdf::parser::raw::xref::find_startxref;
use unpdf::parser::raw::{PdfDict, PdfObject, RawDocument};

/// Fields within each other. Forms of XFA nest some ten; the parser takes some of a step's stack for each.
const DEPTH_MAX: usize = 64;
/// Fields, as often as they are reached. The longest tax forms have a few thousand.
const FIELDS_MAX: usize = 20_000;
/// Bytes of the names, each with those of the fields around it, and of the values, as often as they are reached: the parser holds them
/// twice. 20,000 fields of 400 bytes have as many.
const BYTES_MAX: usize = 8 << 20;

/// The number of an object that stands for the catalog: the largest that a PDF may have (ISO 32000, annex on limits), so that no other
/// has it.
const CATALOG: u32 = 8_388_607;

/// The file, or one with another catalog where its form is too much for the parser, and what to warn of then.
///
/// # Errors
/// `CORRUPT_DOCUMENT` where the form cannot be left out.
pub fn checked(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, Option<String>), Failure> {
    // What cannot be parsed is said by who parses it next.
    let Some((document, why)) = RawDocument::load(bytes).ok().and_then(|document| {
        let why = refusal(&document)?;
        Some((document, why))
    }) else {
        return Ok((bytes.into(), None));
    };
    let without = without_form(bytes, &document);
    drop(document);
    match RawDocument::load(&without).map(|document| refusal(&document)) {
        Ok(None) => Ok((without.into(), Some(format!("its form is left out: {why}")))),
        _ => Err(failures::corrupt(&formats::PDF, format_args!("of its form, {why}"))),
    }
}

/// Why the form is not read.
fn refusal(document: &RawDocument) -> Option<String> {
    let form = get(document, document.catalog().ok()?, b"AcroForm")?.as_dict()?;
    let fields = get(document, form, b"Fields")?.as_array()?;
    let (mut reached, mut bytes) = (0usize, 0usize);
    // Fields that are still to be looked at, with their depth and the bytes of the names around them.
    let mut open: Vec<_> = fields.iter().map(|field| (field, 1usize, 0usize)).take(FIELDS_MAX + 1).collect();
    while let Some((field, depth, outer)) = open.pop() {
        reached += 1;
        if depth > DEPTH_MAX {
            return Some(format!("its fields are more than {DEPTH_MAX} levels within each other"));
        }
        if reached + open.len() > FIELDS_MAX {
            return Some(format!("it has more than {FIELDS_MAX} fields, as often as they stand in it"));
        }
        let Some(field) = field.as_reference().and_then(|id| document.get_dict(id).ok()) else { continue };
        let name = outer.saturating_add(get(document, field, b"T").map_or(0, text_bytes)).saturating_add(1);
        let value = |key| get(document, field, key).map_or(0, text_bytes);
        bytes = bytes.saturating_add(name).saturating_add(value(b"V")).saturating_add(value(b"DV"));
        if bytes > BYTES_MAX {
            return Some(format!("its names and values have more than {BYTES_MAX} bytes"));
        }
        if let Some(kids) = get(document, field, b"Kids").and_then(PdfObject::as_array) {
            open.extend(kids.iter().map(|kid| (kid, depth + 1, name)).take(FIELDS_MAX + 1));
        }
    }
    None
}

/// An entry of a dictionary, through references as far as the parser follows them.
fn get<'a>(document: &'a RawDocument, dict: &'a PdfDict, key: &[u8]) -> Option<&'a PdfObject> {
    dict.get(key).map(|object| document.resolve(document.resolve(object)))
}

/// Bytes of a string, or of those in an array.
fn text_bytes(object: &PdfObject) -> usize {
    let len = |object: &PdfObject| object.as_str_bytes().map_or(0, <[u8]>::len);
    object.as_array().map_or_else(|| len(object), |list| list.iter().map(|text| len(text) + 2).sum())
}

/// The file with an update at its end, whose catalog has the pages and the bookmarks and no form.
fn without_form(bytes: &[u8], document: &RawDocument) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.push(b'\n');
    let catalog = out.len();
    out.extend(format!("{CATALOG} 0 obj\n<</Type/Catalog").bytes());
    if let Ok(dict) = document.catalog() {
        push_entries(&mut out, dict, &[b"Pages", b"Outlines", b"Names", b"Dests"]);
    }
    out.extend(b">>\nendobj\n");
    let xref = out.len();
    // Where the table before is not found, the parser searches the file for its objects, as it did: a place beyond the end has it do so.
    let before = find_startxref(bytes).unwrap_or(usize::MAX >> 1);
    out.extend(format!("xref\n{CATALOG} 1\n{catalog:010} 00000 n \ntrailer\n<</Size {}", CATALOG + 1).bytes());
    out.extend(format!("/Root {CATALOG} 0 R/Prev {before}").bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata::{pdf_of, source, stream};
    use morag_conversion::{Converted, Images};
    use morag_step::mock::MockOcr;

    /// A document of one page with text, whose form has field 6; objects from 6 on are `fields`.
    fn with_form(fields: Vec<String>) -> Vec<u8> {
        let mut objects = vec![
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"
                .to_vec(),
            stream("", b"BT /F1 12 Tf 10 10 Td (hello world) Tj ET"),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        ];
        objects.extend(fields.into_iter().map(String::into_bytes));
        pdf_of(&objects, "")
    }

    fn convert(bytes: &[u8]) -> Converted {
        crate::pdf::convert(&source(bytes, "a.pdf"), &MockOcr::reading([]), &Images::none(), &mut |_, _| {}).unwrap()
    }

    fn field(number: usize, kids: &[usize]) -> String {
        let kids: String = kids.iter().map(|kid| format!("{kid} 0 R ")).collect();
        if kids.is_empty() { "<</T(a)/FT/Tx/V(filled in)>>".into() } else { format!("<</T(b{number})/Kids[{kids}]>>") }
    }

    /// Fields of which each has the next one so often.
    fn chain(levels: usize, times: usize) -> Vec<String> {
        (0..levels).map(|at| field(at, &vec![at + 7; if at + 1 < levels { times } else { 0 }])).collect()
    }

    #[track_caller]
    fn assert_left_out(bytes: &[u8], part: &str) {
        let converted = convert(bytes);
        assert_eq!(converted.markdown, "hello world\n");
        let [warning] = &converted.warnings[..] else { panic!("{:?}", converted.warnings) };
        assert!(warning.contains("its form is left out") && warning.contains(part), "{warning}");
    }

    #[test]
    fn a_form_that_is_a_tree_is_told() {
        let converted = convert(&with_form(chain(DEPTH_MAX, 1)));
        assert_eq!(converted.markdown, "hello world\n\n- a: filled in\n");
        assert!(converted.warnings.is_empty(), "{:?}", converted.warnings);
    }

    #[test]
    fn fields_within_themselves_are_left_out() {
        assert_left_out(&with_form(vec![field(0, &[6])]), "64 levels");
        assert_left_out(&with_form(vec![field(0, &[6, 6])]), "64 levels");
    }

    #[test]
    fn long_chains_of_fields_are_left_out() {
        assert_left_out(&with_form(chain(DEPTH_MAX + 1, 1)), "64 levels");
        assert_left_out(&with_form(chain(50_000, 1)), "64 levels");
    }

    #[test]
    fn fields_that_stand_in_each_other_often_are_left_out() {
        assert_left_out(&with_form(chain(40, 2)), "20000 fields");
        assert_left_out(&with_form(vec![field(0, &vec![7; FIELDS_MAX]), field(1, &[])]), "20000 fields");
    }

    #[test]
    fn names_and_values_are_counted_as_often_as_they_are_held() {
        let kids = field(0, &vec![7; 1000]);
        assert_left_out(
            &with_form(vec![kids.clone(), format!("<</T({})/FT/Tx>>", "a".repeat(10_000))]),
            "8388608 bytes",
        );
        let value = [kids.clone(), "<</T(a)/FT/Tx/V 8 0 R>>".into(), format!("({})", "a".repeat(10_000))];
        assert_left_out(&with_form(value.to_vec()), "8388608 bytes");
        let outer = kids.replace("/T(b0)", &format!("/T({})", "a".repeat(10_000)));
        assert_left_out(&with_form(vec![outer, field(1, &[])]), "8388608 bytes");
    }

    #[test]
    fn the_form_of_a_damaged_file_is_left_out_too() {
        let bytes = with_form(vec![field(0, &[6])]);
        let text = String::from_utf8(bytes).unwrap();
        let (before, _) = text.rsplit_once("startxref").unwrap();
        assert_left_out(format!("{before}startxref\n7\n%%EOF").as_bytes(), "64 levels");
        assert_left_out(format!("{before}%%EOF").as_bytes(), "64 levels");
    }

    #[test]
    fn a_catalog_in_a_compressed_table_is_replaced() {
        // Object 1 stands in a stream of objects; the table is a stream too.
        let whole = String::from_utf8(with_form(vec![field(0, &[6])])).unwrap();
        let (catalog, from) = (whole.find("<</Type/Catalog").unwrap(), whole.find("2 0 obj").unwrap());
        let catalog = whole[catalog..from].trim_end().trim_end_matches("endobj").trim_end();
        let mut out = format!("%PDF-1.5\n{}", &whole[from..whole.find("xref\n").unwrap()]).into_bytes();
        let place = |out: &[u8], number: usize| {
            let name = format!("\n{number} 0 obj");
            out.windows(name.len()).position(|window| window == name.as_bytes()).unwrap() + 1
        };
        let objects = stream("/Type/ObjStm/N 1/First 4", format!("1 0 {catalog}").as_bytes());
        out.extend([b"7 0 obj\n", &objects[..], b"\nendobj\n"].concat());
        let xref = out.len();
        let mut rows: Vec<[u8; 4]> = vec![[0, 0, 0, 0], [2, 0, 7, 0]];
        rows.extend((2..=7).map(|number| {
            let [high, low] = u16::try_from(place(&out, number)).unwrap().to_be_bytes();
            [1, high, low, 0]
        }));
        let table = stream("/Type/XRef/Size 8/W[1 2 1]/Root 1 0 R", &rows.concat());
        out.extend([b"8 0 obj\n", &table[..], b"\nendobj\n"].concat());
        out.extend(format!("startxref\n{xref}\n%%EOF\n").bytes());
        assert!(RawDocument::load(&out).unwrap().catalog().unwrap().contains_key(&b"AcroForm"[..]));
        assert_left_out(&out, "64 levels");
    }
}
