//! MPEG-4 and QuickTime (ISO 14496-12): atoms of which one, `moov`, says where the frames of each track are.
//!
//! An atom says its length, and lies in hostile files: it ends with what it is in. The walk is along fixed paths, without recursion, and each
//! atom takes at least its header, so it ends.

use super::{Film, mp4_codec, mp4_tags, sample_table};
use crate::input::{Input, be32, be64, millis};
use crate::sound::Tags;
use morag_conversion::{Format, failures};
use morag_step::Failure;

/// Atoms within one that are looked at; a fragmented film of hours has some ten thousand at its top.
const ATOMS_MAX: usize = 50_000;

/// Tracks that are looked at; films have fewer than ten.
const TRACKS_MAX: usize = 64;

/// An atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Atom {
    pub name: [u8; 4],
    /// Where its content begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

impl Atom {
    /// The whole file.
    pub(super) fn file(input: &Input) -> Self {
        Self { name: *b"file", start: 0, end: input.size() }
    }

    /// The same atom without the first bytes of its content.
    pub(super) fn after(self, bytes: u64) -> Self {
        Self { start: self.start.saturating_add(bytes).min(self.end), ..self }
    }

    pub(super) fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Its content, at most so many bytes of it.
    pub(super) fn bytes(&self, input: &Input, max: usize) -> Result<Vec<u8>, Failure> {
        input.bytes(self.start, usize::try_from(self.len()).unwrap_or(usize::MAX).min(max))
    }

    /// The atom at a place within this one, if there is one.
    fn at(&self, input: &Input, offset: u64) -> Result<Option<Self>, Failure> {
        if self.end.saturating_sub(offset) < 8 {
            return Ok(None);
        }
        let header = input.bytes(offset, 16)?;
        let Some(name) = header.get(4..8).and_then(|name| name.try_into().ok()) else { return Ok(None) };
        let (start, len) = match be32(&header, 0) {
            0 => (8, self.end - offset),
            1 => (16, be64(&header, 8)),
            len => (8, u64::from(len)),
        };
        let end = offset.saturating_add(len).min(self.end);
        Ok((len >= start).then_some(Self { name, start: offset.saturating_add(start).min(end), end }))
    }

    /// The atoms within, up to the first that makes no sense.
    pub(super) fn children(&self, input: &Input) -> Result<Vec<Self>, Failure> {
        let (mut children, mut offset) = (Vec::new(), self.start);
        while let Some(child) = self.at(input, offset)?.filter(|_| children.len() < ATOMS_MAX) {
            offset = child.end;
            children.push(child);
        }
        Ok(children)
    }

    /// The first atom of a name within.
    pub(super) fn child(&self, input: &Input, name: &[u8; 4]) -> Result<Option<Self>, Failure> {
        let mut offset = self.start;
        for _ in 0..ATOMS_MAX {
            let Some(child) = self.at(input, offset)? else { break };
            if &child.name == name {
                return Ok(Some(child));
            }
            offset = child.end;
        }
        Ok(None)
    }

    /// The atom at the end of a path of names.
    pub(super) fn descendant(&self, input: &Input, path: &[&[u8; 4]]) -> Result<Option<Self>, Failure> {
        let mut found = *self;
        for name in path {
            let Some(child) = found.child(input, name)? else { return Ok(None) };
            found = child;
        }
        Ok(Some(found))
    }
}

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
