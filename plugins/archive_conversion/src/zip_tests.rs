//! Archives.

use crate::convert;
use crate::tests::{convert_as, converters, parts, source};
use morag_conversion::testdata::{sample_docx, zip_of};
use morag_step::mock::MockTask;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[test]
fn documents_stand_below_their_folders_in_the_order_of_their_names() {
    let zip = zip_of(&[
        ("z.txt", b"last"),
        ("reports/2024/b.md", b"# B\n\ntext"),
        ("reports/a.txt", b"first"),
        ("reports/2024/a.txt", b"second"),
        ("__MACOSX/reports/._a.txt", b"junk"),
        ("reports/.DS_Store", b"junk"),
        ("reports/x.bin", b"?"),
    ]);
    let converted = convert_as(&zip, "a.zip").unwrap();
    assert_eq!(
        converted.markdown,
        "# reports\n\n## 2024\n\n### a.txt\n\nsecond\n\n### b.md\n\n#### B\n\ntext\n\n## a.txt\n\nfirst\n\n# z.txt\n\nlast\n"
    );
    let expected = [
        ("reports/2024/a.txt", "second\n"),
        ("reports/2024/b.md", "#### B\n\ntext\n"),
        ("reports/a.txt", "first\n"),
        ("reports/x.bin", "UNSUPPORTED_FORMAT"),
        ("z.txt", "last\n"),
    ];
    assert_eq!(parts(&converted), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert!(converted.warnings[0].contains("reports/x.bin"), "{:?}", converted.warnings);
}

#[test]
fn archives_within_archives_say_where_their_documents_are() {
    let inner = zip_of(&[("in/x.md", b"# X"), ("y.bin", b"?")]);
    let converted = convert_as(&zip_of(&[("a.txt", b"a"), ("b.zip", &inner)]), "a.zip").unwrap();
    assert_eq!(converted.markdown, "# a.txt\n\na\n\n# b.zip\n\n## in\n\n### x.md\n\n#### X\n");
    let own = parts(&converted);
    assert_eq!(own[1].1, "## in\n\n### x.md\n\n#### X\n");
    assert_eq!(
        own[2..],
        [("b.zip/in/x.md".into(), "#### X\n".into()), ("b.zip/y.bin".to_owned(), "UNSUPPORTED_FORMAT".to_owned())]
    );
}

#[test]
fn paths_out_of_the_archive_and_deep_ones_are_names() {
    let deep = "a/b/c/d/e/f/g.txt";
    let converted =
        convert_as(&zip_of(&[("../../etc/passwd.txt", b"x"), (deep, b"y"), ("C:\\d\\e.txt", b"z")]), "a.zip").unwrap();
    assert!(
        converted.markdown.starts_with("# ..\n\n## ..\n\n### etc\n\n#### passwd.txt\n\nx\n"),
        "{}",
        converted.markdown
    );
    assert!(converted.markdown.contains("#### d/e/f\n\n##### g.txt\n\ny\n"), "{}", converted.markdown);
    assert_eq!(converted.parts[1].name, "C:/d/e.txt");
}

#[test]
fn names_without_utf_8_are_of_code_page_437() {
    // The name is written as ASCII, and its bytes replaced: both places have it.
    let mut zip = zip_of(&[("Gr__e.txt", b"x")]);
    for at in memchr::memmem::find_iter(&zip.clone(), b"Gr__e").collect::<Vec<_>>() {
        zip[at + 2] = 0x81;
        zip[at + 3] = 0xe1;
    }
    assert_eq!(convert_as(&zip, "a.zip").unwrap().parts[0].name, "Grüße.txt");
}

/// The bit of encrypted entries, set before the entry and in the list.
fn encrypt(zip: &mut [u8], name: &[u8]) {
    for at in memchr::memmem::find_iter(zip, name).collect::<Vec<_>>() {
        let own = at >= 30 && zip[at - 30..].starts_with(b"PK\x03\x04");
        zip[if own { at - 24 } else { at - 38 }] |= 1;
    }
}

#[test]
fn encrypted_entries_have_their_code() {
    let mut zip = zip_of(&[("open.txt", b"x"), ("secret.txt", b"y")]);
    encrypt(&mut zip, b"secret.txt");
    let converted = convert_as(&zip, "a.zip").unwrap();
    assert_eq!(converted.parts[1].error_code.as_deref(), Some("ENCRYPTED_DOCUMENT"));
    let mut zip = zip_of(&[("secret.txt", b"y")]);
    encrypt(&mut zip, b"secret.txt");
    let failure = convert_as(&zip, "a.zip").unwrap_err();
    assert_eq!(failure.code, "ENCRYPTED_DOCUMENT");
    assert!(failure.message.contains("secret.txt"), "{}", failure.message);
}

#[test]
fn entries_that_are_packed_in_another_way_have_their_code() {
    // BZIP2, LZMA, Zstandard, XZ, PPMd, AES, and one that there is not.
    for method in [12, 14, 93, 95, 98, 99, 77] {
        let mut zip = zip_of(&[("open.txt", b"x"), ("other.txt", b"y")]);
        for at in memchr::memmem::find_iter(&zip, b"other.txt").collect::<Vec<_>>() {
            let own = at >= 30 && zip[at - 30..].starts_with(b"PK\x03\x04");
            zip[if own { at - 22 } else { at - 36 }] = method;
        }
        let converted = convert_as(&zip, "a.zip").unwrap();
        assert_eq!(converted.parts[1].error_code.as_deref(), Some("UNSUPPORTED_COMPRESSION"), "{method}");
        assert_eq!(converted.markdown, "# open.txt\n\nx\n");
    }
}

#[test]
fn an_archive_without_a_document_that_can_be_converted_says_so() {
    for entries in [&[("a.bin", &b"x"[..])][..], &[("a.bin", b"x"), ("b.bin", b"y")]] {
        let failure = convert_as(&zip_of(entries), "a.zip").unwrap_err();
        assert_eq!(failure.code, "NO_CONVERTIBLE_DOCUMENT");
        assert_eq!(failure.details["parts"][0]["name"], "a.bin");
    }
    assert_eq!(convert_as(&zip_of(&[]), "a.zip").unwrap_err().code, "EMPTY_DOCUMENT");
    assert_eq!(convert_as(&zip_of(&[("__MACOSX/a", b"x")]), "a.zip").unwrap_err().code, "EMPTY_DOCUMENT");
}

#[test]
fn office_documents_are_for_others_also_within_an_archive() {
    assert_eq!(convert_as(&sample_docx(), "a.zip").unwrap_err().code, "UNSUPPORTED_FORMAT");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("a.docx", stored).unwrap();
    writer.write_all(&sample_docx()).unwrap();
    writer.start_file("a.txt", stored).unwrap();
    writer.write_all(b"text").unwrap();
    let zip = writer.finish().unwrap().into_inner();
    assert_eq!(convert_as(&zip, "a.zip").unwrap().parts.len(), 2);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let zip = zip_of(&[("bomb.txt", &vec![b'a'; 40 << 20]), ("good.txt", b"fine")]);
    let converted = convert_as(&zip, "a.zip").unwrap();
    assert_eq!(converted.parts[0].error_code.as_deref(), Some("DOCUMENT_TOO_LARGE"));
    assert_eq!(converted.markdown, "# good.txt\n\nfine\n");
}

#[test]
fn of_too_many_documents_the_first_are_converted_and_the_rest_is_said() {
    let names: Vec<String> = (0..1_005).map(|number| format!("{number:05}.txt")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"a"[..])).collect();
    let converters = converters();
    let converted = convert(&MockTask::new("a.zip", ""), &converters, &source(&zip_of(&entries), "a.zip")).unwrap();
    assert_eq!((converted.parts.len(), converters.asked().len()), (1_000, 1_000));
    assert!(converted.warnings[0].starts_with("5 further documents"), "{:?}", converted.warnings);
}

#[test]
fn a_list_of_entries_without_end_is_refused() {
    let bytes = [b"PK\x03\x04".to_vec(), b"PK\x01\x02".repeat(100_001)].concat();
    assert_eq!(convert_as(&bytes, "a.zip").unwrap_err().code, "DOCUMENT_TOO_LARGE");
}

#[test]
fn a_damaged_entry_does_not_lose_the_others() {
    let mut zip = zip_of(&[("a.txt", b"some text that is packed, packed, packed"), ("b.txt", b"whole")]);
    let at = memchr::memmem::find(&zip, b"a.txt").unwrap() + 6;
    zip[at..at + 8].fill(0xff);
    let converted = convert_as(&zip, "a.zip").unwrap();
    assert_eq!(
        parts(&converted),
        [("a.txt".into(), "CORRUPT_DOCUMENT".into()), ("b.txt".to_owned(), "whole\n".to_owned())]
    );
}
