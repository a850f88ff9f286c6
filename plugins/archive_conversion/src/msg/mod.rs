//! Messages of Outlook (MS-OXMSG): properties of a message in a compound file, with those of its receivers and attachments.

mod attachments;
pub mod html_in_rtf;
mod ids;
pub mod lzfu;
mod nested;
mod people;
mod protected;
mod storage;
#[cfg(test)]
mod testdata;
#[cfg(test)]
mod tests;

use crate::assembly::Assembly;
use crate::mail::{self, Body, Mail};
use crate::mime;
use morag_conversion::ole::Ole;
use morag_conversion::{Converted, document, failures, formats};
use morag_step::Failure;
use storage::{File, LINE_BYTES_MAX, Storage};

/// What stands before the properties of a message that is a file (MS-OXMSG 2.4.1).
const HEADER_BYTES: usize = 32;

/// Whether a compound file is a message.
pub fn is_message(ole: &Ole<'_>) -> bool {
    ole.has(&format!("/{}", storage::PROPERTIES))
}

/// Converts a message, to what `eml` makes of one.
///
/// # Errors
/// `CORRUPT_DOCUMENT` for what cannot be opened, `ENCRYPTED_DOCUMENT`, `EMPTY_DOCUMENT`, what a retry may cure.
pub fn convert(bytes: &[u8], mut assembly: Assembly) -> Result<Converted, Failure> {
    let file = File::open(bytes).map_err(|reason| failures::corrupt(&formats::MSG, reason))?;
    let message = Storage::open(&file, String::new(), HEADER_BYTES);
    let internet_page = message.number(ids::INTERNET_CODEPAGE);
    file.set_page(message.number(ids::MESSAGE_CODEPAGE).or(internet_page));
    let mut mail = heading(&file, &message);
    mail.bodies.extend(body(&message, internet_page, &mut mail.encrypted, &mut assembly.warnings));
    attachments::read(&file, &message, &mut mail, &mut assembly)?;
    mail::convert(mail, &formats::MSG, assembly)
}

/// The heading: as the servers had it, and where they had nothing, as Outlook has it.
fn heading(file: &File<'_>, message: &Storage<'_, '_>) -> Mail<'static> {
    let header = message.text(ids::TRANSPORT_HEADERS, mime::HEADER_BYTES_MAX).unwrap_or_default();
    // Exchange has a line before the fields.
    let header = header.strip_prefix("Microsoft Mail Internet Headers Version 2.0").unwrap_or(&header).trim_start();
    let sent = mime::heading(header.as_bytes(), &mut false);
    let date = [ids::SUBMIT_TIME, ids::DELIVERY_TIME].into_iter().find_map(|id| message.time(id));
    let own = people::fields(file, message, date.as_deref());
    let fields = own.into_iter().filter_map(|(name, value)| {
        let sent = sent.fields.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value.clone());
        Some((name, sent.or(value)?))
    });
    Mail {
        subject: subject(message).or(sent.subject),
        fields: fields.collect(),
        author: sent.author.or_else(|| people::author(message)),
        date: sent.date.or(date),
        ..Mail::default()
    }
}

fn subject(message: &Storage<'_, '_>) -> Option<String> {
    let text = message.text(ids::SUBJECT, LINE_BYTES_MAX)?;
    // A mark and the length of `Re: `, where old programs have written it.
    let text = text.strip_prefix('\u{1}').map_or(text.as_str(), |rest| rest.get(1..).unwrap_or(rest));
    document::property(text)
}

/// The text in the forms there are: plain, a page, also one within Rich Text, and Rich Text if it is the only one.
fn body(
    message: &Storage<'_, '_>,
    internet_page: Option<i32>,
    encrypted: &mut Option<&'static str>,
    warnings: &mut Vec<String>,
) -> Option<Body> {
    const MAX: usize = mime::BODY_BYTES_MAX;
    let is_text = |text: &String| !text.trim().is_empty();
    let plain = message.text(ids::BODY, MAX).filter(is_text);
    if plain.as_deref().is_some_and(mime::is_pgp) {
        *encrypted = Some(mime::PGP);
        return None;
    }
    let html = message.bytes(ids::HTML, MAX).map(|bytes| storage::decode(&bytes, internet_page));
    let html = html.or_else(|| message.text(ids::HTML, MAX)).filter(is_text);
    let packed = if html.is_none() { message.bytes(ids::RTF_COMPRESSED, MAX) } else { None };
    let rtf = packed.filter(|packed| !packed.is_empty()).and_then(|packed| lzfu::unpack(&packed, MAX));
    if rtf.as_ref().is_some_and(|rtf| !rtf.is_whole) && plain.is_none() {
        warnings.push(format!("the text of the message is damaged, or cut after {MAX} bytes"));
    }
    let rtf = rtf.map(|rtf| rtf.bytes);
    let html = html.or_else(|| rtf.as_deref().and_then(html_in_rtf::page).filter(is_text));
    Some(Body { rtf: rtf.filter(|_| plain.is_none() && html.is_none()), plain, html })
}
