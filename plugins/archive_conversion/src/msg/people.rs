//! Who sent a message, and who got it.

use super::ids;
use super::storage::{File, LINE_BYTES_MAX, Storage};
use crate::mail::{person, receivers};

/// Receivers that are read; of those that are not, the message has a list of names.
const RECEIVERS_MAX: usize = 2_000;
/// What the root holds, for the receivers to be found: a hundred streams, and what a file of attachments has.
pub const ENTRIES_MAX: usize = 100_000;
/// What stands before the properties of a receiver or an attachment (MS-OXMSG 2.4.2).
pub const HEADER_BYTES: usize = 8;

/// Rows of the heading, in order; those without a value too, which the header that servers wrote may have.
pub fn fields(file: &File<'_>, message: &Storage<'_, '_>, date: Option<&str>) -> Vec<(&'static str, Option<String>)> {
    let mut kinds: [Vec<String>; 3] = Default::default();
    let entries = file.entries("/", ENTRIES_MAX);
    let storages = entries.iter().filter(|entry| entry.is_storage && entry.name.starts_with("__recip_version1.0_#"));
    for entry in storages.take(RECEIVERS_MAX) {
        let receiver = Storage::open(file, format!("/{}", entry.name), HEADER_BYTES);
        let kind = match receiver.number(ids::RECEIVER_KIND) {
            // Receivers to whom it is sent again have a bit of their own.
            Some(kind) => (kind & 0xf).clamp(1, 3).cast_unsigned() as usize - 1,
            None => 0,
        };
        kinds[kind].extend(one(&receiver, ids::RECEIVER));
    }
    let [to, cc, bcc] = kinds;
    let listed =
        |people: Vec<String>, names: u16| receivers(people.into_iter()).or_else(|| message.text(names, LINE_BYTES_MAX));
    let from = one(message, ids::REPRESENTED).or_else(|| one(message, ids::SENDER));
    vec![
        ("From", from),
        ("To", listed(to, ids::DISPLAY_TO)),
        ("Cc", listed(cc, ids::DISPLAY_CC)),
        ("Bcc", listed(bcc, ids::DISPLAY_BCC)),
        ("Date", date.map(str::to_owned)),
    ]
}

/// Who wrote it, by name.
pub fn author(message: &Storage<'_, '_>) -> Option<String> {
    [ids::REPRESENTED, ids::SENDER]
        .into_iter()
        .find_map(|ids| message.text(ids[0], LINE_BYTES_MAX).or_else(|| one(message, ids)))
}

fn one(storage: &Storage<'_, '_>, [name, internet, other]: [u16; 3]) -> Option<String> {
    // Within a company addresses are paths, which say nothing to others.
    let address = [internet, other].into_iter().find_map(|id| {
        let address = storage.text(id, LINE_BYTES_MAX);
        address.filter(|address| address.contains('@') && !address.starts_with('/'))
    });
    let name = storage.text(name, LINE_BYTES_MAX);
    // Outlook shows an address without a name in quotation marks.
    let name = name.as_deref().map(|name| name.trim_matches('\''));
    person(name, address.as_deref())
}
