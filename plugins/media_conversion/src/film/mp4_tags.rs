//! Tags of MPEG-4 and QuickTime files.

use super::mp4::Atom;
use crate::input::{Input, be16};
use crate::sound::Tags;
use morag_conversion::encoding::decode;
use morag_step::Failure;

/// Bytes of a tag that are read: pictures are none.
const TAG_BYTES_MAX: usize = 16 << 10;

/// Tags that are looked at; files have a few dozen.
const TAGS_MAX: usize = 1000;

/// Reads the tags of `udta`: a list of atoms as iTunes writes it, or texts as QuickTime does.
pub(super) fn read(input: &Input, moov: Atom) -> Result<Tags, Failure> {
    let mut tags = Tags::default();
    let Some(udta) = moov.child(input, b"udta")? else { return Ok(tags) };
    if let Some(meta) = udta.child(input, b"meta")? {
        // Version and flags come first, but not in files of QuickTime.
        let list = match meta.after(4).child(input, b"ilst")? {
            Some(list) => Some(list),
            None => meta.child(input, b"ilst")?,
        };
        for item in list.map_or(Ok(Vec::new()), |list| list.children(input))?.into_iter().take(TAGS_MAX) {
            // Kind of the value and its language come first.
            if let Some(name) = name(&item.name)
                && let Some(data) = item.child(input, b"data")?
            {
                tags.set(name, &String::from_utf8_lossy(&data.after(8).bytes(input, TAG_BYTES_MAX)?));
            }
        }
    }
    for item in udta.children(input)?.into_iter().take(TAGS_MAX) {
        if let Some(name) = name(&item.name) {
            let bytes = item.bytes(input, TAG_BYTES_MAX)?;
            let len = usize::from(be16(&bytes, 0));
            let text = bytes.get(4..).unwrap_or_default();
            tags.set(name, &decode(&text[..len.min(text.len())], None).0);
        }
    }
    Ok(tags)
}

fn name(atom: &[u8; 4]) -> Option<&'static str> {
    Some(match atom {
        b"\xA9nam" => "title",
        b"\xA9ART" => "artist",
        b"\xA9alb" => "album",
        b"\xA9day" => "date",
        b"\xA9cmt" | b"desc" => "comment",
        b"\xA9too" | b"\xA9swr" => "encoder",
        _ => return None,
    })
}
