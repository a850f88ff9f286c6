//! The form of a PDF is counted before the parser reads it: that follows fields into each other without a limit, and a field that is its
//! own child would end a good document. A form that is no tree of a usual size is left out, and the text is kept.

use unpdf::parser::raw::{PdfDict, PdfObject, RawDocument};

/// Fields within each other. Forms of XFA nest some ten; the parser takes some of a step's stack for each.
const DEPTH_MAX: usize = 64;
/// Fields, as often as they are reached. The longest tax forms have a few thousand.
const FIELDS_MAX: usize = 20_000;
/// Bytes of the names, each with those of the fields around it, and of the values, as often as they are reached: the parser holds them
/// twice. 20,000 fields of 400 bytes have as many.
const BYTES_MAX: usize = 8 << 20;

/// Why the form is not read.
pub fn refusal(document: &RawDocument) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::testdata::{convert, with_catalog};

    /// A document of one page with text, whose form has field 6; objects from 6 on are `fields`.
    fn with_form(fields: Vec<String>) -> Vec<u8> {
        with_catalog("/AcroForm<</Fields[6 0 R]>>", fields)
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
}
