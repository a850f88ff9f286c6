//! Messages of Outlook.

use super::lzfu;
use super::testdata::{Message, Properties, Within};
use crate::tests::{convert_as, converters_of, parts};
use morag_conversion::Converted;
use morag_step::Failure;
use proptest::prelude::*;

fn convert(message: &Message) -> Result<Converted, Failure> {
    convert_as(&message.file(), "a.msg")
}

fn markdown(message: &Message) -> String {
    convert(message).unwrap().markdown
}

/// A moment as Windows counts it: 2024-01-17T21:20:00Z.
fn at(id: u16) -> impl FnOnce(Properties) -> Properties {
    move |own| own.fixed(id, 0x0040, &133_500_000_000_000_000u64.to_le_bytes())
}

#[test]
fn the_heading_is_of_its_properties() {
    let message = Message::of("\u{1}\u{5}Re: Grüße", "Hello *you*\r\n\r\n> quoted")
        .with(|own| own.text(0x0042, "Jörg").text(0x0065, "/O=A/CN=J").text(0x5d02, "j@example.com"))
        .with(at(0x0039))
        .to(1, "Ann", "ann@example.com")
        .to(2, "'c@example.com'", "c@example.com")
        .to(1, "Bob | B", "")
        .to(3, "", "d@example.com");
    let converted = convert(&message).unwrap();
    assert_eq!(
        converted.markdown,
        "# Re: Grüße\n\n| From | Jörg \\<j@example.com> |\n| --- | --- |\n| To | Ann \\<ann@example.com>, Bob \\| B |\n\
         | Cc | c@example.com |\n| Bcc | d@example.com |\n| Date | 2024-01-17T21:20:00Z |\n\nHello \\*you\\*\n\n> quoted\n"
    );
    let properties = converted.properties;
    assert_eq!(properties.title.as_deref(), Some("Re: Grüße"));
    assert_eq!(properties.author.as_deref(), Some("Jörg"));
    assert_eq!(properties.creation_date.as_deref(), Some("2024-01-17T21:20:00Z"));
    assert_eq!(converted.format.name, "msg");
}

#[test]
fn what_servers_wrote_comes_before_what_outlook_has() {
    let header = "Microsoft Mail Internet Headers Version 2.0\r\nReceived: x\r\nFrom: =?utf-8?Q?J=C3=B6rg?= <j@example.com>\r\n\
                  To: ann@example.com\r\nDate: Mon, 1 Jan 2024 00:30:00 +0200\r\n";
    let message = Message::of("s", "t")
        .with(|own| own.text(0x007d, header).text(0x0c1a, "Other").text(0x0e03, "Cee; Dee"))
        .with(at(0x0e06));
    assert_eq!(
        markdown(&message),
        "# s\n\n| From | Jörg \\<j@example.com> |\n| --- | --- |\n| To | ann@example.com |\n| Cc | Cee; Dee |\n\
         | Date | 2023-12-31T22:30:00Z |\n\nt\n"
    );
}

#[test]
fn texts_in_code_pages_are_read() {
    let old = |id: u16, bytes: &'static [u8]| move |own: Properties| own.bytes(id, 0x001e, bytes);
    let message = Message::default().with(|own| own.number(0x3ffd, 932).number(0x3fde, 28_592));
    let message = message.with(old(0x0037, b"\x93\xfa\x96\x7b")).with(old(0x1000, b"\x93\xfa\x96\x7b\x8c\xea"));
    assert_eq!(markdown(&message), "# 日本\n\n日本語\n");
    let page = Message::default().with(|own| own.number(0x3fde, 28_592).text(0x0037, "s"));
    let page = page.with(|own| own.bytes(0x1013, 0x0102, b"<p>\xaelu\xbb"));
    assert_eq!(markdown(&page), "# s\n\nŽluť\n");
}

#[test]
fn of_the_texts_the_plain_one_is_taken_unless_it_is_a_stub() {
    let both = |page: &str| Message::of("s", "Plain words").with(|own| own.bytes(0x1013, 0x0102, page.as_bytes()));
    assert_eq!(markdown(&both("<h1>Page")), "# s\n\nPlain words\n");
    let long = markdown(&both(&format!("<h1>Page\n<p>{}", "many words ".repeat(60))));
    assert!(long.starts_with("# s\n\n## Page\nmany words"), "{long}");
    let text = Message::of("s", " ").with(|own| own.text(0x1013, "<p>as a text"));
    assert_eq!(markdown(&text), "# s\n\nas a text\n");
}

#[test]
fn rich_text_is_taken_where_there_is_nothing_else() {
    let rich = |text: &str, rtf: &[u8]| {
        let packed = lzfu::pack(rtf);
        Message::of("s", text).with(|own| own.bytes(0x1009, 0x0102, &packed))
    };
    let converted = convert(&rich("", b"{\\rtf1 rich}")).unwrap();
    assert_eq!((converted.markdown.as_str(), converted.parts.len()), ("# s\n\n{\\rtf1 rich}\n", 0));
    assert_eq!(markdown(&rich("plain", b"{\\rtf1 rich}")), "# s\n\nplain\n");
    let page = b"{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <h1>}Page}";
    assert_eq!(markdown(&rich("", page)), "# s\n\n## Page\n");
    // The converter of Rich Text is away for good.
    let converters = converters_of(&["html"]);
    let (task, file) = (morag_step::mock::MockTask::new("a.msg", ""), rich("", b"{\\rtf1 rich}").file());
    let converted = crate::convert(&task, &converters, &crate::tests::source(&file, "a.msg")).unwrap();
    assert_eq!(parts(&converted), [("message.rtf".into(), "UNSUPPORTED_FORMAT".to_owned())]);
}

#[test]
fn damaged_rich_text_is_kept_as_far_as_it_goes_and_said() {
    let packed = lzfu::pack(b"{\\rtf1 some rich text}");
    let cut = |len: usize| Message::of("s", "").with(|own| own.bytes(0x1009, 0x0102, &packed[..len]));
    let converted = convert(&cut(35)).unwrap();
    assert!(converted.markdown.starts_with("# s\n\n{\\rtf1 some"), "{}", converted.markdown);
    assert!(converted.warnings[0].contains("damaged"), "{:?}", converted.warnings);
    assert_eq!(markdown(&cut(10)), "# s\n");
}

#[test]
fn attachments_are_parts() {
    let message = Message::of("s", "The text")
        .attached("ä.txt", "text/plain", b"# Attached\n\nmore")
        .attached("x.bin", "Application/X-Thing; a=b", b"?")
        .attached("", "text/plain", b"without a name");
    let converted = convert(&message).unwrap();
    let expected = [
        ("ä.txt", "### Attached\n\nmore\n"),
        ("x.bin", "UNSUPPORTED_FORMAT"),
        ("attachment 3.txt", "without a name\n"),
    ];
    assert_eq!(parts(&converted), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert!(converted.markdown.starts_with("# s\n\nThe text\n\n## ä.txt\n\n### Attached\n"), "{}", converted.markdown);
}

#[test]
fn pictures_of_a_page_are_no_parts_unless_attached() {
    let named = |name: &str, media_type: &str| {
        Properties::default().text(0x3707, name).text(0x370e, media_type).bytes(0x3701, 0x0102, b"x")
    };
    let attachments = [
        named("sent.png", "image/png").number(0x3714, 4),
        named("got.png", "image/png").number(0x3714, 1),
        named("hidden.png", "").fixed(0x7ffe, 0x000b, &[1, 0]),
        named("own.png", "image/png").number(0x3714, 2),
        named("flagged.txt", "text/plain").number(0x3714, 4),
    ];
    let mut message = Message::of("s", "t");
    message.attachments = attachments.map(|own| (own, Within::Nothing)).into();
    let names: Vec<String> = parts(&convert(&message).unwrap()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["own.png", "flagged.txt"]);
}

#[test]
fn a_message_within_a_message_is_a_part() {
    let inner = Message::of("in/ner v.2", "deep text").with(at(0x0039)).to(1, "Ann", "a@b");
    let inner = inner.attached("c.txt", "", b"cc");
    let converted = convert(&Message::of("outer", "see below").with_message(inner)).unwrap();
    assert_eq!(
        converted.markdown,
        "# outer\n\nsee below\n\n## in-ner v.2.msg\n\n### in/ner v.2\n\n| To | Ann \\<a@b> |\n| --- | --- |\n| Date | 2024-01-17T21:20:00Z |\n\ndeep text\n\n#### c.txt\n\ncc\n"
    );
    assert_eq!(parts(&converted)[1], ("in-ner v.2.msg/c.txt".to_owned(), "cc\n".to_owned()));
}

#[test]
fn messages_within_messages_without_end_are_passed_on_to_a_depth() {
    let mut message = Message::of("innermost", "deep");
    for depth in 0..40 {
        message = Message::of(&format!("s{depth}"), "t").with_message(message);
    }
    let converted = convert(&message).unwrap();
    // The attached one and four in it: what is deeper than the host would go is not copied.
    assert_eq!(converted.parts.len(), 5, "{:?}", converted.parts);
    assert_eq!(converted.warnings.len(), 1, "{:?}", converted.warnings);
    assert!(converted.warnings[0].contains("more than 8 storages deep"), "{:?}", converted.warnings);
}

#[test]
fn documents_of_office_within_rich_text_are_parts() {
    let mut message = Message::of("s", "t");
    let own = Properties::default().number(0x3705, 6).text(0x3707, "sheet.xls");
    message.attachments.push((own, Within::Object(vec![("Workbook", b"records".to_vec())])));
    let converters = morag_step::mock::MockConversion::by(|name, bytes| {
        let ole = morag_conversion::ole::Ole::open(bytes).unwrap();
        assert_eq!((name, ole.stream("/Workbook").as_deref()), ("sheet.xls", Some(&b"records"[..])));
        Err(morag_step::Refused { code: "CORRUPT_DOCUMENT".into(), message: String::new() })
    });
    let (task, file) = (morag_step::mock::MockTask::new("a.msg", ""), message.file());
    let converted = crate::convert(&task, &converters, &crate::tests::source(&file, "a.msg")).unwrap();
    assert_eq!(parts(&converted), [("sheet.xls".into(), "CORRUPT_DOCUMENT".to_owned())]);
}

#[test]
fn links_are_not_followed() {
    let mut message = Message::of("s", "t");
    let own = Properties::default().number(0x3705, 2).text(0x3707, "far.txt").text(0x370d, "\\\\server\\far.txt");
    message.attachments.push((own, Within::Nothing));
    let converted = convert(&message).unwrap();
    assert_eq!(parts(&converted), [("far.txt".into(), "UNSUPPORTED_FORMAT".to_owned())]);
    assert!(converted.warnings[0].contains("link"), "{:?}", converted.warnings);
}

/// The beginning of a message of S/MIME, of a kind.
fn smime(kind: u8) -> Vec<u8> {
    [&b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"[..], &[kind], b"\xa0\x80"].concat()
}

#[test]
fn messages_for_their_receiver_alone_are_refused() {
    let class = |class: &str| Message::default().with(|own| own.text(0x001a, class).text(0x0037, "s"));
    let note = || class("IPM.Note");
    for (message, how) in [
        (class("IPM.Note.SMIME").attached("smime.p7m", "application/pkcs7-mime", &smime(3)), "encrypted with S/MIME"),
        (class("IPM.Note.SMIME").attached("smime.p7m", "", &smime(3)), "encrypted with S/MIME"),
        (
            class("IPM.Note.SMIME").attached("smime.p7m", "application/pkcs7-mime", &smime(2)),
            "enclosed in its signature",
        ),
        (note().attached("a", "application/pgp-encrypted", b"Version: 1"), "encrypted with PGP"),
        (Message::of("s", "-----BEGIN PGP MESSAGE-----\n\nhQEM"), "encrypted with PGP"),
        (
            Message::of("s", "This is protected.").attached(
                "message.rpmsg",
                "application/x-microsoft-rpmsg-message",
                b"v",
            ),
            "rights management",
        ),
    ] {
        let failure = convert(&message).unwrap_err();
        assert_eq!(failure.code, "ENCRYPTED_DOCUMENT", "{how}");
        assert!(failure.message.contains(how), "{}", failure.message);
    }
    // A document that somebody signed, and a text beside one for others.
    let signed = convert(&Message::of("s", "t").attached("a.p7m", "application/pkcs7-mime", &smime(2))).unwrap();
    assert_eq!(parts(&signed), [("a.p7m".into(), "UNSUPPORTED_FORMAT".to_owned())]);
    let beside = convert(&Message::of("s", "t").attached("a.p7m", "application/pkcs7-mime", &smime(3))).unwrap();
    assert_eq!(parts(&beside), [("encrypted part".into(), "ENCRYPTED_DOCUMENT".to_owned())]);
}

#[test]
fn a_message_with_its_signature_is_read() {
    let sent = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nsigned text\r\n\
                --m\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nattached\r\n--m--\r\n--b\r\n\
                Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nSIG\r\n--b--\r\n";
    let message = Message::default().with(|own| own.text(0x001a, "IPM.Note.SMIME.MultipartSigned").text(0x0037, "s"));
    let message = message.attached("smime.p7m", "multipart/signed", sent.as_bytes());
    assert_eq!(markdown(&message), "# s\n\nsigned text\n\n## a.txt\n\nattached\n");
    // Outlook has the text as well: it is not said twice.
    let message = message.with(|own| own.text(0x1000, "signed text"));
    assert_eq!(markdown(&message), "# s\n\nsigned text\n\n## a.txt\n\nattached\n");
}

#[test]
fn content_tells_a_message_from_documents_of_office() {
    let file = Message::of("s", "t").file();
    for name in ["a.msg", "a.doc", "a"] {
        assert_eq!(convert_as(&file, name).unwrap().format.name, "msg", "{name}");
    }
    let office = |stream: &str| {
        let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap();
        file.create_stream(stream).unwrap();
        file.flush().unwrap();
        file.into_inner().into_inner()
    };
    let code = |bytes: &[u8], name: &str| {
        let failure = convert_as(bytes, name).unwrap_err();
        (failure.code, failure.details.get("attempted_format").and_then(|format| format.as_str()).map(str::to_owned))
    };
    let unsupported = |format: &str| ("UNSUPPORTED_FORMAT".to_owned(), Some(format.to_owned()));
    assert_eq!(code(&office("/WordDocument"), "a.msg"), unsupported("doc"));
    assert_eq!(code(&office("/Workbook"), "a.xls"), unsupported("xls"));
    assert_eq!(code(&office("/x"), "a"), unsupported("ole"));
    let corrupt = ("CORRUPT_DOCUMENT".to_owned(), None);
    assert_eq!(code(&office("/x"), "a.msg"), corrupt);
    assert_eq!(code(&file[..600], "a.msg"), corrupt);
    assert_eq!(code(&file[..600], "a.ppt"), unsupported("ppt"));
    assert_eq!(code(b"text", "a.msg"), corrupt);
    assert_eq!(code(&Message::default().file(), "a.msg").0, "EMPTY_DOCUMENT");
}

#[test]
fn of_thousands_of_attachments_the_first_are_converted_and_the_rest_is_said() {
    let mut message = Message::of("s", "t");
    for number in 0..1_005 {
        message = message.attached(&format!("{number:05}.txt"), "", b"a");
    }
    let converted = convert(&message).unwrap();
    assert_eq!(converted.parts.len(), 1_000);
    assert_eq!(converted.parts[999].name, "00999.txt");
    assert_eq!(converted.warnings.len(), 1, "{:?}", converted.warnings);
    assert!(converted.warnings[0].starts_with("5 further attachments"), "{:?}", converted.warnings);
}

#[test]
fn attachments_that_share_their_bytes_are_read_as_far_as_the_file_is_long() {
    // Each entry of the directory says that its stream is the first one's.
    let bytes = vec![b'a'; 200_000];
    let mut message = Message::of("s", "t");
    for number in 0..40 {
        message = message.attached(&format!("{number}.txt"), "", if number == 0 { &bytes } else { b"b" });
    }
    let mut file = message.file();
    let name: Vec<u8> = "__substg1.0_37010102".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let entries: Vec<usize> = memchr::memmem::find_iter(&file, &name).collect();
    assert_eq!(entries.len(), 40);
    let long = |entry: &&usize| file[**entry + 120..][..4] == 200_000u32.to_le_bytes();
    let place: Vec<u8> = file[*entries.iter().find(long).unwrap() + 116..][..12].to_vec();
    entries.iter().for_each(|entry| file[*entry + 116..][..12].copy_from_slice(&place));
    let converted = convert_as(&file, "a.msg").unwrap();
    assert!(converted.markdown.len() < file.len() * 3, "{} of {}", converted.markdown.len(), file.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damaged_messages(places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), cut in 0usize..3000) {
        let page = lzfu::pack(b"{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <h1>}Page}");
        let message = Message::of("s", "").with(|own| own.bytes(0x1009, 0x0102, &page).text(0x007d, "From: a <b@c>"));
        let message = message.to(1, "Ann", "a@b").attached("a.txt", "", b"a").with_message(Message::of("inner", "t"));
        let mut bytes = message.file();
        for (place, byte) in places {
            // The heads of the file and of its directory are where damage is felt.
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(1500)));
        crate::tests::converts_or_says_why(&bytes, "a.msg")?;
    }
}
