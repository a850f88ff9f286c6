//! Documents that were sent along.

use super::people::{ENTRIES_MAX, HEADER_BYTES};
use super::protected::{self, Role};
use super::storage::{File, LINE_BYTES_MAX, Storage};
use super::{ids, nested};
use crate::assembly::{Assembly, clean_name};
use crate::failures::{encrypted_message, refused};
use crate::mail::{ATTACHMENTS_MAX, Attachment, Mail, Transfer};
use crate::mime;
use morag_conversion::document::property;
use morag_conversion::{Format, formats};
use morag_step::{Failure, Refused};
use std::borrow::Cow;

/// Flags of what is not in the list of attachments, since the page shows it (`ATT_INVISIBLE_IN_HTML`, `ATT_MHTML_REF`). Outlook has one
/// in what it sends and the other in what it gets.
const OF_PAGE: i32 = 1 | 4;

/// Adds them to a message.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT` where the message itself is in one that only its receiver can read.
pub fn read(
    file: &File<'_>,
    message: &Storage<'_, '_>,
    mail: &mut Mail<'_>,
    assembly: &mut Assembly<'_>,
) -> Result<(), Failure> {
    let entries = file.entries("/", ENTRIES_MAX);
    let is_attachment = |name: &str| name.starts_with("__attach_version1.0_#");
    let storages: Vec<_> = entries.iter().filter(|entry| entry.is_storage && is_attachment(&entry.name)).collect();
    if storages.len() > ATTACHMENTS_MAX {
        let more = storages.len() - ATTACHMENTS_MAX;
        assembly
            .warnings
            .push(format!("{more} further attachments are left out: at most {ATTACHMENTS_MAX} are converted"));
    }
    let class = message.text(ids::MESSAGE_CLASS, LINE_BYTES_MAX).unwrap_or_default();
    for entry in storages.iter().take(ATTACHMENTS_MAX) {
        let storage = Storage::open(file, format!("/{}", entry.name), HEADER_BYTES);
        let attachment = match one(file, &storage, &mut assembly.warnings) {
            Ok(attachment) => attachment,
            Err((reason, name)) => {
                assembly.refuse(reason, &clean_name(&name, "attachment"));
                continue;
            }
        };
        match protected::role(&class, &attachment.media_type, &attachment.name, &attachment.bytes) {
            Role::Attachment if is_of_page(&storage, &attachment) => {}
            Role::Attachment => mail.attachments.push(attachment),
            Role::Signature => {}
            Role::Message => unwrap(&attachment.bytes, mail, assembly),
            // Beside it is a text that says so, which is not the message's.
            Role::Protected(how) if attachment.name.eq_ignore_ascii_case("message.rpmsg") => {
                return Err(encrypted_message(how));
            }
            Role::Protected(how) => mail.encrypted = Some(how),
        }
    }
    Ok(())
}

/// An attachment with its bytes; why there are none, and its name.
fn one(
    file: &File<'_>,
    storage: &Storage<'_, '_>,
    warnings: &mut Vec<String>,
) -> Result<Attachment<'static>, (Refused, String)> {
    let name = ids::ATTACHMENT_NAMES.into_iter().find_map(|id| storage.text(id, LINE_BYTES_MAX)).unwrap_or_default();
    let media_type = storage.text(ids::ATTACHMENT_MEDIA_TYPE, LINE_BYTES_MAX).unwrap_or_default();
    let media_type = formats::essence(&media_type).to_ascii_lowercase();
    let within = storage.path_of(ids::ATTACHMENT_DATA, 0x000d);
    let attachment = |name: String, media_type: String, bytes: Vec<u8>| Attachment {
        name,
        media_type,
        bytes: Cow::Owned(bytes),
        transfer: Transfer::Plain,
    };
    if !file.has_storage(&within) {
        let Some(bytes) = storage.bytes(ids::ATTACHMENT_DATA, usize::MAX) else {
            let why = "only a link to it was sent, or its bytes are missing; no link is followed";
            return Err((refused("UNSUPPORTED_FORMAT", why), name));
        };
        return Ok(attachment(name, media_type, bytes));
    }
    let bytes = nested::copy(file, &within, warnings).map_err(|reason| (reason, name.clone()))?;
    if !file.has(&format!("{within}/{}", super::storage::PROPERTIES)) {
        return Ok(attachment(name, media_type, bytes));
    }
    // A message: its subject is its name. Its path is within the attachment's.
    let own = Storage::open(file, within, 0);
    let subject = own.text(ids::SUBJECT, LINE_BYTES_MAX).as_deref().and_then(property);
    let name = subject.map(|subject| subject.replace(['/', '\\'], "-")).unwrap_or(name);
    Ok(attachment(name, formats::MSG.media_type().into(), bytes))
}

/// Whether it is a picture of the page, as mail has them beside it, or nothing that Outlook shows.
fn is_of_page(storage: &Storage<'_, '_>, attachment: &Attachment<'_>) -> bool {
    let is_picture = |format: &Format| format.kind == formats::Kind::Image;
    let by_name = || formats::by_extension(&formats::extension(&attachment.name)).is_some_and(is_picture);
    let is_picture = attachment.media_type.starts_with("image/") || attachment.media_type.is_empty() && by_name();
    let is_of_page = storage.is(ids::ATTACHMENT_HIDDEN)
        || storage.number(ids::ATTACHMENT_FLAGS).is_some_and(|flags| flags & OF_PAGE != 0);
    is_picture && is_of_page
}

/// Takes text and attachments of a message that was sent with its signature; the text that Outlook has of it is the same.
fn unwrap(bytes: &[u8], mail: &mut Mail<'_>, assembly: &mut Assembly<'_>) {
    let found = mime::read(bytes);
    assembly.warnings.extend(found.warnings);
    mail.encrypted = mail.encrypted.or(found.mail.encrypted);
    if mail.bodies.iter().all(|body| body.is_empty()) {
        mail.bodies = found.mail.bodies;
    }
    mail.attachments.extend(
        found
            .mail
            .attachments
            .into_iter()
            .map(|attachment| Attachment { bytes: Cow::Owned(attachment.bytes.into_owned()), ..attachment }),
    );
}
