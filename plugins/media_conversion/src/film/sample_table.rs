//! Where the frames of a track are: `stsz` has their lengths, `stco` the places of chunks, `stsc` how many frames a chunk has.

use super::mp4::Atom;
use super::track::{Codec, FRAMES_MAX, Frame, Track};
use crate::input::{Input, be32, be64};
use morag_step::Failure;

/// Bytes of a table: of places of eight bytes for each frame.
const TABLE_BYTES_MAX: usize = FRAMES_MAX * 8;

/// Reads the frames of a track. A table that ends early, or that leads out of the file, ends the track.
pub(super) fn track(input: &Input, stbl: Atom, codec: Codec) -> Result<Track, Failure> {
    let mut track = Track::new(codec);
    if matches!(track.codec, Codec::Other(_)) {
        return Ok(track);
    }
    let table = |name: &[u8; 4]| match stbl.child(input, name)? {
        Some(atom) => atom.bytes(input, TABLE_BYTES_MAX).map(Some),
        None => Ok::<_, Failure>(None),
    };
    let lengths = Lengths::new(table(b"stsz")?.unwrap_or_default(), &track.codec);
    let runs = table(b"stsc")?.unwrap_or_default();
    let (places, width) = match table(b"stco")? {
        Some(places) => (places, 4),
        None => (table(b"co64")?.unwrap_or_default(), 8),
    };
    let claimed = be32(&places, 4) as usize;
    let there = places.len().saturating_sub(8) / width;
    track.is_cut = claimed > there;
    let (mut sample, mut run, mut total) = (0usize, 0usize, 0u64);
    for chunk in 0..claimed.min(there) {
        let place = places.get(8 + chunk * width..).unwrap_or_default();
        let mut offset = if width == 4 { u64::from(be32(place, 0)) } else { be64(place, 0) };
        // Runs say the first chunk, from 1, that has so many frames.
        while be32(&runs, 8 + (run + 1) * 12) as usize == chunk + 1 && (run + 1) < be32(&runs, 4) as usize {
            run += 1;
        }
        let frames = be32(&runs, 8 + run * 12 + 4) as usize;
        for (bytes, count) in lengths.of_chunk(sample, frames) {
            if !track.push(input, Frame { offset, bytes, at_ms: 0 }, &mut total) {
                return Ok(track);
            }
            offset = offset.saturating_add(u64::from(bytes));
            sample = sample.saturating_add(count);
        }
    }
    track.is_cut |= sample < lengths.count;
    Ok(track)
}

/// Lengths of frames.
struct Lengths {
    /// Of samples of sound, which are not frames: bytes of each.
    of_moment: Option<u64>,
    /// Of all frames, where it is the same; otherwise 0.
    same: u32,
    count: usize,
    table: Vec<u8>,
}

impl Lengths {
    fn new(table: Vec<u8>, codec: &Codec) -> Self {
        let of_moment = match codec {
            Codec::Pcm(pcm) => Some(pcm.bytes()),
            _ => None,
        };
        Self { of_moment, same: be32(&table, 4), count: be32(&table, 8) as usize, table }
    }

    /// Lengths of the frames of a chunk, each with the number of samples that it is.
    fn of_chunk(&self, first: usize, count: usize) -> impl Iterator<Item = (u32, usize)> {
        let count = count.min(self.count.saturating_sub(first));
        // A chunk of samples is one frame. Its samples' length is not always said truly.
        let whole = self.of_moment.map(|bytes| {
            let bytes = u32::try_from(bytes.saturating_mul(count as u64)).unwrap_or(u32::MAX);
            (bytes, count)
        });
        let frames = if whole.is_some() { 0 } else { count };
        let one = move |index: usize| match self.same {
            0 => (first.checked_add(index)?.checked_mul(4)?.checked_add(12))
                .filter(|at| at.saturating_add(4) <= self.table.len())
                .map(|at| (be32(&self.table, at), 1)),
            same => Some((same, 1)),
        };
        whole.into_iter().chain((0..frames).map_while(one))
    }
}
