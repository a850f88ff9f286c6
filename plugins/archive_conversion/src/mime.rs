//! The parts of a message (RFC 2045 to 2049), walked under limits: messages nest as deep as their senders like.

use crate::mail::{Attachment, Body, Mail, Transfer, person, receivers};
use mail_parser::{Address, HeaderName, MessageParser, MimeHeaders};
use morag_conversion::encoding;
use std::borrow::Cow;

/// Bytes of a header that are read: those of real mail stay under 100 KiB, with all their signatures and stations.
pub const HEADER_BYTES_MAX: usize = 512 << 10;
/// Parts within parts: mail programs nest four or five.
const DEPTH_MAX: usize = 24;
/// Parts of a message in all.
const PARTS_MAX: usize = 10_000;
/// Bytes of a text: the rest is cut.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// How parts are encrypted, as it is said to people.
pub const PGP: &str = "encrypted with PGP";
/// Likewise.
pub const SMIME: &str = "encrypted with S/MIME";

/// What is found in a message.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// The message.
    pub mail: Mail<'a>,
    /// Whether it has fields that messages have.
    pub is_mail: bool,
    /// What was left out.
    pub warnings: Vec<String>,
    parts: usize,
}

/// What a header says of its part.
#[derive(Debug)]
struct Header {
    media_type: String,
    boundary: Option<String>,
    charset: Option<String>,
    smime_type: String,
    name: Option<String>,
    /// `attachment`, `inline` or nothing.
    disposition: String,
    transfer: Transfer,
}

/// What is around a part.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    /// It belongs to a page, as its pictures do.
    related: bool,
    /// It is one of several forms of the same.
    alternative: bool,
    depth: usize,
}

/// Reads a message.
pub fn read(bytes: &[u8]) -> Found<'_> {
    let mut found = Found::default();
    let (header, body) = split_header(bytes);
    found.mail = heading(header, &mut found.is_mail);
    let header = part_header(header);
    walk(&header, body, Around::default(), &mut found);
    found
}

/// The header and what comes after its blank line.
fn split_header(bytes: &[u8]) -> (&[u8], &[u8]) {
    if let Some(rest) = bytes.strip_prefix(b"\n").or_else(|| bytes.strip_prefix(b"\r\n")) {
        return (&[], rest);
    }
    let mut at = 0;
    while let Some(line) = memchr::memchr(b'\n', &bytes[at..]) {
        at += line + 1;
        for end in [&b"\n"[..], b"\r\n"] {
            if bytes[at..].starts_with(end) {
                return (&bytes[..at], &bytes[at + end.len()..]);
            }
        }
    }
    (bytes, &[])
}

/// A header for the parser: under its limit, and ended.
fn ended(header: &[u8]) -> Vec<u8> {
    let mut header = header[..header.len().min(HEADER_BYTES_MAX)].to_vec();
    header.extend_from_slice(b"\r\n\r\n");
    header
}

fn part_header(header: &[u8]) -> Header {
    let header = ended(header);
    let parsed = MessageParser::default().parse_headers(&header).filter(|message| !message.parts.is_empty());
    let part = parsed.as_ref().map(|message| message.root_part());
    let content = part.and_then(|part| part.content_type());
    let attribute = |name: &str| content.and_then(|content| content.attribute(name)).map(str::to_owned);
    let media_type = content.map(|content| match content.subtype() {
        Some(subtype) => format!("{}/{subtype}", content.ctype()).to_ascii_lowercase(),
        None => content.ctype().to_ascii_lowercase(),
    });
    let disposition = part.and_then(|part| part.content_disposition()).map(|d| d.ctype().to_ascii_lowercase());
    let transfer = match part
        .and_then(|part| part.content_transfer_encoding())
        .map(|text| text.trim().to_ascii_lowercase())
        .as_deref()
    {
        Some("base64") => Transfer::Base64,
        Some("quoted-printable") => Transfer::QuotedPrintable,
        _ => Transfer::Plain,
    };
    Header {
        media_type: media_type.unwrap_or_else(|| "text/plain".into()),
        boundary: attribute("boundary").filter(|boundary| !boundary.is_empty()),
        charset: attribute("charset"),
        smime_type: attribute("smime-type").unwrap_or_default().to_ascii_lowercase(),
        name: part.and_then(|part| part.attachment_name()).map(str::to_owned),
        disposition: disposition.unwrap_or_default(),
        transfer,
    }
}

/// The fields of a message for its heading.
pub fn heading(header: &[u8], is_mail: &mut bool) -> Mail<'static> {
    let header = ended(header);
    let Some(message) = MessageParser::default().parse_headers(&header).filter(|message| !message.parts.is_empty())
    else {
        return Mail::default();
    };
    *is_mail = message.headers().iter().any(|header| {
        matches!(
            header.name,
            HeaderName::From
                | HeaderName::To
                | HeaderName::Subject
                | HeaderName::Date
                | HeaderName::Received
                | HeaderName::MessageId
                | HeaderName::MimeVersion
                | HeaderName::ReturnPath
                | HeaderName::ContentType
        )
    });
    let people = |address: Option<&Address>| {
        let named = address.into_iter().flat_map(|address| address.iter());
        receivers(named.filter_map(|one| person(one.name.as_deref(), one.address.as_deref())))
    };
    let from = people(message.from()).or_else(|| people(message.sender()));
    let date = message.date().map(|date| date.to_rfc3339());
    let shown = date.as_deref().and_then(morag_conversion::dates::iso);
    let rows = [
        ("From", from.clone()),
        ("To", people(message.to())),
        ("Cc", people(message.cc())),
        ("Bcc", people(message.bcc())),
        ("Date", shown),
    ];
    let author = message.from().and_then(|address| {
        let one = address.first()?;
        one.name.as_deref().or(one.address.as_deref()).map(str::to_owned)
    });
    Mail {
        subject: message.subject().and_then(morag_conversion::document::property),
        fields: rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        author,
        date,
        ..Mail::default()
    }
}

fn walk<'a>(header: &Header, body: &'a [u8], around: Around, found: &mut Found<'a>) {
    found.parts += 1;
    if let Some(kind) = header.media_type.strip_prefix("multipart/") {
        let inside = header.boundary.as_deref().map(|boundary| split(body, boundary.as_bytes())).unwrap_or_default();
        match kind {
            "encrypted" => found.mail.encrypted = Some(PGP),
            _ if inside.is_empty() => push_text(header, body, found),
            _ if around.depth >= DEPTH_MAX => {
                found.warnings.push(format!("parts more than {DEPTH_MAX} deep within each other are left out"));
            }
            "alternative" => walk_alternatives(&inside, around, found),
            // The second part is the signature.
            "signed" => walk_all(&inside[..1], around, found),
            _ => walk_all(&inside, Around { related: around.related || kind == "related", ..around }, found),
        }
        return;
    }
    if matches!(header.media_type.as_str(), "application/pkcs7-mime" | "application/x-pkcs7-mime")
        && header.smime_type.contains("enveloped")
    {
        found.mail.encrypted = Some(SMIME);
        return;
    }
    let attached = header.disposition == "attachment";
    let text = matches!(header.media_type.as_str(), "text/plain" | "text/html" | "text");
    if text && !attached && (header.name.is_none() || around.alternative) {
        return push_text(header, body, found);
    }
    // Pictures of a page, and further forms of the same text: calendars, marked-up text.
    let of_page = around.related || header.disposition == "inline" && header.media_type.starts_with("image/");
    let signature = matches!(
        header.media_type.as_str(),
        "application/pgp-signature" | "application/pkcs7-signature" | "application/x-pkcs7-signature"
    );
    if !attached && (of_page || around.alternative) || signature {
        return;
    }
    let (name, media_type) =
        (header.name.clone().unwrap_or_else(|| subject_of(header, body)), header.media_type.clone());
    found.mail.attachments.push(Attachment { name, media_type, bytes: Cow::Borrowed(body), transfer: header.transfer });
}

fn walk_all<'a>(parts: &[&'a [u8]], around: Around, found: &mut Found<'a>) {
    for (index, part) in parts.iter().enumerate() {
        if found.parts >= PARTS_MAX {
            found.warnings.push(format!(
                "{} parts of the message are left out: at most {PARTS_MAX} are read",
                parts.len() - index
            ));
            return;
        }
        let (header, body) = split_header(part);
        // What a page consists of comes after the page.
        let related = around.related && index > 0;
        walk(&part_header(header), body, Around { related, depth: around.depth + 1, ..around }, found);
    }
}

/// Several forms of the same text become one body.
fn walk_alternatives<'a>(parts: &[&'a [u8]], around: Around, found: &mut Found<'a>) {
    let before = found.mail.bodies.len();
    walk_all(parts, Around { alternative: true, ..around }, found);
    let mut whole = Body::default();
    for body in found.mail.bodies.drain(before..) {
        for (to, from) in [(&mut whole.plain, body.plain), (&mut whole.html, body.html)] {
            if let Some(from) = from {
                let text = to.get_or_insert_default();
                text.push_str(if text.is_empty() { "" } else { "\n\n" });
                text.push_str(&from);
            }
        }
    }
    found.mail.bodies.push(whole);
}

fn push_text(header: &Header, body: &[u8], found: &mut Found) {
    let bytes = header.transfer.decode(body);
    let cut = &bytes[..bytes.len().min(BODY_BYTES_MAX)];
    if cut.len() < bytes.len() {
        found.warnings.push(format!("a text of the message is cut after {BODY_BYTES_MAX} bytes"));
    }
    let (text, _) = encoding::decode(cut, header.charset.as_deref());
    if header.media_type == "text/html" {
        found.mail.bodies.push(Body { html: Some(text), ..Body::default() });
    } else if is_pgp(&text) {
        found.mail.encrypted = Some(PGP);
    } else {
        found.mail.bodies.push(Body { plain: Some(text), ..Body::default() });
    }
}

/// Whether a text is an encrypted one.
pub fn is_pgp(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----")
}

/// The name of a message within a message: its subject.
fn subject_of(header: &Header, body: &[u8]) -> String {
    if header.media_type != "message/rfc822" && header.media_type != "message/global" {
        return String::new();
    }
    let bytes = header.transfer.decode(&body[..body.len().min(HEADER_BYTES_MAX)]).into_owned();
    let mail = heading(split_header(&bytes).0, &mut false);
    mail.subject.map(|subject| format!("{}.eml", subject.replace(['/', '\\'], "-"))).unwrap_or_default()
}

/// The parts between the lines of a boundary; the last one may lack its end.
fn split<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() {
        let end = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |line| at + line + 1);
        let mark =
            body[at..end].strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)).map(<[u8]>::trim_ascii_end);
        if let Some(rest @ (b"" | b"--")) = mark {
            parts.extend(start.map(|start| without_line_end(&body[start..at])));
            // The walk reads no more parts than that.
            if rest == b"--" || parts.len() > PARTS_MAX {
                return parts;
            }
            start = Some(end);
        }
        at = end;
    }
    parts.extend(start.map(|start| &body[start..]));
    parts
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}
