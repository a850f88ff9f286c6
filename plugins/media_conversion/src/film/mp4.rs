//! MPEG-4 and QuickTime (ISO 14496-12): atoms of which one, `moov`, says where the frames of each track are.
//!
//! An atom says its length, and lies in hostile files: it ends with what it is in. The walk is along fixed paths, without recursion, and each
//! atom takes at least its header, so it ends.

use super::atom::Atom;
use super::found::Film;
use super::{mp4_codec, mp4_tags, sample_table};
use crate::input::{Input, be32, be64, millis};
use crate::sound::Tags;
use morag_conversion::{Format, failures};
use morag_step::Failure;

/// Tracks that are looked at; films have fewer than ten.
const TRACKS_MAX: usize = 64;

/// Reads a film.
///
/// # Errors
/// `CORRUPT_DOCUMENT` where it has no `moov`; what the host answers when the file cannot be read.
pub(super) fn read(input: &Input, format: &'static Format) -> Result<Film, Failure> {
    let Some(moov) = Atom::file(input).child(input, b"moov")? else {
        let why = "it has no index (the atom moov), so the recording was not ended or the file was cut off";
        return Err(failures::corrupt(format, why));
    };
    let mut film = Film { tags: tags(input, moov)?, track: None };
    let tracks = moov.children(input)?.into_iter().filter(|atom| &atom.name == b"trak").take(TRACKS_MAX);
    for track in tracks {
        let Some(mdia) = track.child(input, b"mdia")? else { continue };
        let Some(kind) = mdia.child(input, b"hdlr")? else { continue };
        if kind.bytes(input, 12)?.get(8..) != Some(b"soun") {
            continue;
        }
        let Some(stbl) = mdia.descendant(input, &[b"minf", b"stbl"])? else { continue };
        let codec = mp4_codec::read(input, stbl)?;
        film.offer(sample_table::track(input, stbl, codec)?);
    }
    Ok(film)
}

/// Tags and length of a file, whether it is of film or of sound; nothing where it has no index.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub(crate) fn tags_of_file(input: &Input) -> Result<Tags, Failure> {
    match Atom::file(input).child(input, b"moov")? {
        Some(moov) => tags(input, moov),
        None => Ok(Tags::default()),
    }
}

fn tags(input: &Input, moov: Atom) -> Result<Tags, Failure> {
    let mut tags = mp4_tags::read(input, moov)?;
    if let Some(header) = moov.child(input, b"mvhd")? {
        let header = header.bytes(input, 32)?;
        let (rate, length) = match header.first() {
            Some(1) => (be32(&header, 20), be64(&header, 24)),
            _ => (be32(&header, 12), u64::from(be32(&header, 16))),
        };
        // The highest number says that it is not known.
        let is_known = length > 0 && length != u64::from(u32::MAX) && length != u64::MAX;
        tags.duration_ms = millis(length, u64::from(rate)).filter(|_| is_known);
    }
    Ok(tags)
}
