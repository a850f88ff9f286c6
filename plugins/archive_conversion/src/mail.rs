//! A message, whatever file it was in: its heading, its text, its attachments.

use crate::assembly::{Assembly, clean_name};
use crate::failures::{encrypted_message, refused};
use mail_parser::decoders::html::html_to_text;
use morag_conversion::document::{Properties, property};
use morag_conversion::escape::{inline, paragraphs, push_heading};
use morag_conversion::{Converted, Format, dates, failures, formats, markdown};
use morag_step::Failure;
use std::borrow::Cow;

/// Receivers that are named; of more, their number is.
const RECEIVERS_MAX: usize = 100;
/// Attachments that are converted: more than any mail has.
pub const ATTACHMENTS_MAX: usize = 1_000;
/// Characters that a page must show beyond five times those of the plain text, for that to be a stub such as "see the HTML version".
const STUB_CHARS: usize = 200;
/// Bytes of a page whose text is counted, or taken where it cannot be converted.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// A message.
#[derive(Debug, Default)]
pub struct Mail<'a> {
    /// Subject; several lines are one.
    pub subject: Option<String>,
    /// Rows of its heading: name and value, in order.
    pub fields: Vec<(&'static str, String)>,
    /// Author, as properties have it.
    pub author: Option<String>,
    /// Date as ISO 8601.
    pub date: Option<String>,
    /// Its texts, in order; usually one.
    pub bodies: Vec<Body>,
    /// Documents that were sent along.
    pub attachments: Vec<Attachment<'a>>,
    /// How a part of it is encrypted, where one is.
    pub encrypted: Option<&'static str>,
}

/// A text of a message, in one form or several.
#[derive(Debug, Default)]
pub struct Body {
    /// As plain text.
    pub plain: Option<String>,
    /// As a page.
    pub html: Option<String>,
    /// As Rich Text, which is taken where there is nothing else.
    pub rtf: Option<Vec<u8>>,
}

impl Body {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        [&self.plain, &self.html].into_iter().flatten().all(|text| text.trim().is_empty()) && self.rtf.is_none()
    }
}

/// A document that was sent along.
#[derive(Debug)]
pub struct Attachment<'a> {
    /// Its name; empty where it has none.
    pub name: String,
    /// Media type, without parameters, in lower case.
    pub media_type: String,
    /// Its bytes, as they were sent.
    pub bytes: Cow<'a, [u8]>,
    /// How they were sent.
    pub transfer: Transfer,
}

/// Encoding of a part's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transfer {
    /// As they are.
    #[default]
    Plain,
    /// Base64.
    Base64,
    /// Quoted-printable.
    QuotedPrintable,
}

impl Transfer {
    /// The bytes that were meant. What is not in the encoding it claims is taken as it is.
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        let decoded = match self {
            Self::Plain => None,
            Self::Base64 => mail_parser::decoders::base64::base64_decode(bytes),
            Self::QuotedPrintable => mail_parser::decoders::quoted_printable::quoted_printable_decode(bytes),
        };
        decoded.map_or(Cow::Borrowed(bytes), Cow::Owned)
    }
}

/// Writes names of people: at most some, and how many more there are.
pub fn receivers(names: impl Iterator<Item = String>) -> Option<String> {
    let mut names = names;
    let mut listed: Vec<String> = names.by_ref().take(RECEIVERS_MAX).collect();
    let more = names.count();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    (!listed.is_empty()).then(|| listed.join(", "))
}

/// A name and an address as one text.
pub fn person(name: Option<&str>, address: Option<&str>) -> Option<String> {
    let (name, address) = (name.and_then(property), address.and_then(property));
    match (name, address) {
        (Some(name), Some(address)) if name != address => Some(format!("{name} <{address}>")),
        (name, address) => address.or(name),
    }
}

/// Writes a message with its attachments.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT` where nothing of it can be read, `EMPTY_DOCUMENT`; what a retry may cure.
pub fn convert(mail: Mail, format: &'static Format, mut assembly: Assembly) -> Result<Converted, Failure> {
    if let Some(how) = mail.encrypted {
        let failure = encrypted_message(how);
        if mail.attachments.is_empty() && mail.bodies.iter().all(Body::is_empty) {
            return Err(failure);
        }
        assembly.refuse(refused(&failure.code, failure.message), "encrypted part");
    }
    if let Some(subject) = &mail.subject {
        push_heading(&mut assembly.markdown, 1, subject);
    }
    push_fields(&mut assembly.markdown, &mail.fields);
    let base = usize::from(mail.subject.is_some());
    let total = mail.attachments.len().min(ATTACHMENTS_MAX);
    for body in mail.bodies {
        push_body(body, base, &mut assembly)?;
    }
    for (index, attachment) in mail.attachments.iter().take(ATTACHMENTS_MAX).enumerate() {
        let name = name_of(attachment, index + 1);
        assembly.progress(index, total, &name);
        let bytes = attachment.transfer.decode(&attachment.bytes);
        let outcome = assembly.convert_bytes(&bytes, &attachment.media_type, &name)?;
        assembly.push(outcome, base + 1, &name, &name);
    }
    if mail.attachments.len() > total {
        let more = mail.attachments.len() - total;
        assembly
            .warnings
            .push(format!("{more} further attachments are left out: at most {ATTACHMENTS_MAX} are converted"));
    }
    if assembly.markdown.trim().is_empty() {
        return Err(failures::empty("the message has no subject, no text and no attachment that could be converted"));
    }
    let properties = Properties {
        title: mail.subject.as_deref().and_then(property),
        author: mail.author.as_deref().and_then(property),
        creation_date: mail.date.as_deref().and_then(dates::iso),
        ..Properties::default()
    };
    Ok(Converted { properties, ..assembly.finish(format) })
}

/// A table of two columns, whose first row markdown wants to be its header.
fn push_fields(out: &mut String, fields: &[(&'static str, String)]) {
    for (index, (name, value)) in fields.iter().enumerate() {
        out.push_str(&format!("| {name} | "));
        markdown::push_cell(out, &inline(value));
        out.push_str(if index == 0 { " |\n| --- | --- |\n" } else { " |\n" });
    }
    if !fields.is_empty() {
        out.push('\n');
    }
}

fn push_body(body: Body, base: usize, assembly: &mut Assembly) -> Result<(), Failure> {
    let plain = body.plain.map(|text| markdown::normalise(&text)).filter(|text| !text.trim().is_empty());
    let html = body.html.filter(|html| !html.trim().is_empty());
    let text = match (plain, html) {
        (Some(plain), Some(html)) if is_stub(&plain, &html) => push_page(&html, Some(plain), base, assembly)?,
        (None, Some(html)) => push_page(&html, None, base, assembly)?,
        (None, None) => match body.rtf {
            Some(rtf) => push_rich_text(&rtf, base, assembly)?,
            None => String::new(),
        },
        (Some(plain), _) => paragraphs(&plain),
    };
    let text = text.trim_matches('\n').trim_end();
    if !text.is_empty() {
        assembly.markdown.push_str(text);
        assembly.markdown.push_str("\n\n");
    }
    Ok(())
}

/// The markdown of a page; of its text where it cannot be converted, or the plain text that came with it.
fn push_page(html: &str, plain: Option<String>, base: usize, assembly: &mut Assembly) -> Result<String, Failure> {
    match assembly.convert_bytes(html.as_bytes(), formats::HTML.media_type(), "message.html")? {
        Ok(document) => Ok(crate::demote::demote(&document.markdown, base).markdown),
        Err(refused) => {
            let (code, message) = (refused.code, refused.message);
            assembly.warnings.push(format!("the text of the message is taken without its markup: {code}: {message}"));
            Ok(paragraphs(&plain.unwrap_or_else(|| markdown::normalise(&html_to_text(start(html))))))
        }
    }
}

/// The markdown of Rich Text; nothing where it cannot be converted, since most of it is not text.
fn push_rich_text(rtf: &[u8], base: usize, assembly: &mut Assembly) -> Result<String, Failure> {
    match assembly.convert_bytes(rtf, formats::RTF.media_type(), "message.rtf")? {
        Ok(document) => Ok(crate::demote::demote(&document.markdown, base).markdown),
        Err(reason) => {
            assembly.refuse(reason, "message.rtf");
            Ok(String::new())
        }
    }
}

fn is_stub(plain: &str, html: &str) -> bool {
    let count = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    count(&html_to_text(start(html))) > 5 * count(plain) + STUB_CHARS
}

fn start(html: &str) -> &str {
    &html[..html.floor_char_boundary(PAGE_BYTES_MAX)]
}

/// The name of an attachment; made of its format where it has none.
fn name_of(attachment: &Attachment, number: usize) -> String {
    let known = formats::by_media_type(&attachment.media_type);
    let extension = match attachment.media_type.as_str() {
        // Reports of mail servers are lines of text.
        "message/delivery-status" | "message/disposition-notification" | "text/rfc822-headers" => "txt",
        _ => known.map_or("bin", |format| format.name),
    };
    let name = clean_name(&attachment.name, "");
    // The last part only: a name is not a path.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    match name {
        "" => format!("attachment {number}.{extension}"),
        name => match known {
            // A subject, which is a sentence, and may end as a name of something else.
            Some(mail) if [&formats::EML, &formats::MSG].contains(&mail) && formats::extension(name) != mail.name => {
                format!("{name}.{}", mail.name)
            }
            _ => name.to_owned(),
        },
    }
}
