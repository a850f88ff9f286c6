//! Messages.

use crate::convert;
use crate::tests::{convert_as, converters, parts, source};
use morag_conversion::Converted;
use morag_step::Failure;
use morag_step::mock::MockTask;

fn message(text: &str) -> Result<Converted, Failure> {
    convert_as(text.replace('\n', "\r\n").as_bytes(), "a.eml")
}

#[test]
fn the_heading_is_a_table_and_the_properties() {
    let converted = message(
        "From: =?utf-8?Q?J=C3=B6rg?= Smith <joe@example.com>\nTo: Ann <ann@example.com>, bob@example.com\nCc: \"C | D\" <c@example.com>\n\
         Subject: =?iso-8859-1?B?R3L832U=?= and\n more\nDate: Mon, 1 Jan 2024 00:30:00 +0200\n\nHello *you*\n\n> quoted\n\n-- \nJ.\n",
    )
    .unwrap();
    assert_eq!(
        converted.markdown,
        "# Grüße and more\n\n| From | Jörg Smith \\<joe@example.com> |\n| --- | --- |\n\
         | To | Ann \\<ann@example.com>, bob@example.com |\n| Cc | C \\| D \\<c@example.com> |\n| Date | 2023-12-31T22:30:00Z |\n\n\
         Hello \\*you\\*\n\n> quoted\n\n--\nJ.\n"
    );
    let properties = converted.properties;
    assert_eq!(properties.title.as_deref(), Some("Grüße and more"));
    assert_eq!(properties.author.as_deref(), Some("Jörg Smith"));
    assert_eq!(properties.creation_date.as_deref(), Some("2023-12-31T22:30:00Z"));
}

fn alternative(plain: &str, html: &str) -> String {
    format!(
        "Subject: s\nContent-Type: multipart/alternative; boundary=\"b\"\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b\n\
         Content-Type: text/html\n\n{html}\n--b\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--b--\n"
    )
}

#[test]
fn the_plain_text_is_taken_unless_it_is_a_stub() {
    assert_eq!(message(&alternative("Plain words", "<h1>Page<p>words")).unwrap().markdown, "# s\n\nPlain words\n");
    let page = format!("<h1>Page\n<p>{}", "many words ".repeat(60));
    let converted = message(&alternative("Use another program", &page)).unwrap();
    assert!(converted.markdown.starts_with("# s\n\n## Page\r\nmany words"), "{}", converted.markdown);
    assert!(converted.parts.is_empty());
}

#[test]
fn attachments_are_parts_with_their_names_decoded() {
    let converted = message(
        "Subject: s\nContent-Type: multipart/mixed; boundary=o\n\npreamble\n--o\n\nThe text\n--o\nContent-Type: application/octet-stream; name=\"=?utf-8?B?w6QudHh0?=\"\n\
         Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nIyBBdHRhY2hlZA0KDQptb3Jl\n--o\nContent-Type: text/plain\n\
         Content-Disposition: attachment; filename*=utf-8''%e2%82%ac%20b.txt\nContent-Transfer-Encoding: quoted-printable\n\nx=3Dy\n--o\n\
         Content-Type: application/x-thing\n\n?\n--o\nContent-Type: image/png\nContent-Disposition: inline\n\nPNG\n--o--\nepilogue",
    )
    .unwrap();
    assert_eq!(converted.markdown, "# s\n\nThe text\n\n## ä.txt\n\n### Attached\r\n\r\nmore\n\n## € b.txt\n\nx=y\n");
    let expected =
        [("ä.txt", "### Attached\r\n\r\nmore\n"), ("€ b.txt", "x=y\n"), ("attachment 3.bin", "UNSUPPORTED_FORMAT")];
    assert_eq!(parts(&converted), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn pictures_of_a_page_are_no_parts_unless_attached() {
    let converted = message(
        "Subject: s\nContent-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html\n\n<p>page\n--r\nContent-Type: image/png\n\
         Content-ID: <1>\n\nPNG\n--r\nContent-Type: image/png; name=b.png\nContent-Disposition: attachment\n\nPNG\n--r--\n",
    )
    .unwrap();
    assert_eq!(parts(&converted), [("b.png".to_owned(), "UNSUPPORTED_FORMAT".to_owned())]);
    assert_eq!(converted.markdown, "# s\n\npage\n");
}

#[test]
fn a_message_within_a_message_is_a_part() {
    let converted = message(
        "Subject: outer\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nsee below\n--o\nContent-Type: message/rfc822\n\n\
         From: a@b\nSubject: in/ner\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\ndeep text\n--i\nContent-Disposition: attachment; filename=c.txt\n\ncc\n--i--\n--o--\n",
    )
    .unwrap();
    assert_eq!(
        converted.markdown,
        "# outer\n\nsee below\n\n## in-ner.eml\n\n### in/ner\n\n| From | a@b |\n| --- | --- |\n\ndeep text\n\n#### c.txt\n\ncc\n"
    );
    assert_eq!(parts(&converted)[1], ("in-ner.eml/c.txt".to_owned(), "cc\n".to_owned()));
}

#[test]
fn encrypted_messages_are_refused() {
    for text in [
        "Subject: s\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b--\n",
        "Subject: s\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIIB\n",
        "Subject: s\n\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n",
    ] {
        let failure = message(text).unwrap_err();
        assert_eq!(failure.code, "ENCRYPTED_DOCUMENT");
        assert!(failure.message.contains("without this protection"), "{}", failure.message);
    }
}

#[test]
fn an_encrypted_part_beside_text_is_a_part_with_its_code() {
    let converted = message(
        "Subject: s\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--\n--o\n\nfooter of a list\n--o--\n",
    )
    .unwrap();
    assert_eq!(converted.parts[0].error_code.as_deref(), Some("ENCRYPTED_DOCUMENT"));
    assert_eq!(converted.markdown, "# s\n\nfooter of a list\n");
}

#[test]
fn signed_messages_are_read_without_their_signature() {
    let converted = message(
        "Subject: s\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n\nsigned text\n--b\nContent-Type: application/pgp-signature; name=s.asc\n\nSIG\n--b--\n",
    )
    .unwrap();
    assert_eq!((converted.markdown.as_str(), converted.parts.len()), ("# s\n\nsigned text\n", 0));
}

#[test]
fn old_character_sets_are_read() {
    let mut bytes =
        b"Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\nContent-Type: text/plain; charset=iso-8859-2\n\n".to_vec();
    bytes.extend([0xae, b'l', b'u', 0xbb]);
    assert_eq!(convert_as(&bytes, "a.eml").unwrap().markdown, "# 日本\n\nŽluť\n");
}

#[test]
fn parts_within_parts_without_end_are_read_to_a_depth() {
    let mut text = String::from("Subject: s\nMIME-Version: 1.0\n");
    for depth in 0..10_000 {
        text.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n\ntext {depth}\n--b{depth}\n"
        ));
    }
    let converted = message(&text).unwrap();
    assert!(
        converted.markdown.contains("text 23\n") && !converted.markdown.contains("text 24"),
        "{}",
        converted.markdown
    );
    assert!(converted.warnings.iter().any(|warning| warning.contains("left out")), "{:?}", converted.warnings);
}

#[test]
fn messages_within_messages_without_end_are_passed_on_one_by_one() {
    let text = format!("Subject: s\n{}", "Content-Type: message/rfc822\n\n".repeat(10_000));
    let converters = converters_of_none();
    let converted = convert(&MockTask::new("a.eml", ""), &converters, &source(text.as_bytes(), "a.eml")).unwrap();
    assert_eq!((converted.parts.len(), converters.asked().len()), (1, 1));
}

fn converters_of_none() -> morag_step::mock::MockConversion {
    morag_step::mock::MockConversion::by(|_, _| {
        Err(morag_step::Refused { code: "UNSUPPORTED_FORMAT".into(), message: String::new() })
    })
}

#[test]
fn parts_without_number_are_left_out() {
    let text = format!("Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(20_000));
    let converted = message(&text).unwrap();
    assert_eq!(converted.warnings.len(), 1, "{:?}", converted.warnings);
}

#[test]
fn what_is_no_message_and_what_is_empty() {
    assert_eq!(message("no field here").unwrap_err().code, "CORRUPT_DOCUMENT");
    assert_eq!(message("MIME-Version: 1.0\n\n \n").unwrap_err().code, "EMPTY_DOCUMENT");
    // A mailbox's line before the message.
    assert_eq!(message("From joe Mon Jan 1\nSubject: s\n\ntext").unwrap().markdown, "# s\n\ntext\n");
    let task = MockTask::new("a.eml", "");
    assert!(
        convert(&task, &converters(), &source(b"Subject: s\nContent-Type: multipart/mixed\n\ntext", "a.eml")).is_ok()
    );
}
