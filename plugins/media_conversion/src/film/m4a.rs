//! AAC in an MPEG-4 file: what players and services for transcription take everywhere.

use super::aac::{self, Facts};
use super::track::Track;

/// An atom.
fn atom(name: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let len = content.iter().map(|part| part.len()).sum::<usize>() + 8;
    let mut out = Vec::with_capacity(len);
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(name);
    content.iter().for_each(|part| out.extend(*part));
    out
}

/// Units of a second in which the file counts, beside those of its track.
const MILLIS: u32 = 1000;

/// All of the file before its frames, which follow one after the other.
pub(super) fn head(config: &[u8], track: &Track) -> Vec<u8> {
    let kind = atom(b"ftyp", &[b"M4A \0\0\0\0M4A mp42isom"]);
    let bytes = track.bytes().saturating_add(16);
    // The place of the frames is in the index that stands before them; its length does not depend on it.
    let len = index(config, track, 0).len();
    let index = index(config, track, (kind.len() + len + 16) as u64);
    [&kind[..], &index, &1u32.to_be_bytes(), b"mdat", &bytes.to_be_bytes()].concat()
}

fn index(config: &[u8], track: &Track, frames_at: u64) -> Vec<u8> {
    let facts = aac::facts(config).unwrap_or(Facts { rate: 48_000, channels: 2, samples: 1024 });
    let count = u32::try_from(track.frames.len()).unwrap_or(u32::MAX);
    let samples = u64::from(count) * u64::from(facts.samples);
    let length = |rate: u32| {
        u32::try_from(samples * u64::from(rate) / u64::from(facts.rate.max(1))).unwrap_or(u32::MAX).to_be_bytes()
    };
    let one = 1u32.to_be_bytes();
    let matrix = [0x1_0000u32, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000].map(u32::to_be_bytes).concat();
    let movie = atom(
        b"mvhd",
        &[
            &[0; 12],
            &MILLIS.to_be_bytes(),
            &length(MILLIS),
            &[0, 1, 0, 0, 1, 0],
            &[0; 10],
            &matrix,
            &[0; 24],
            &[0, 0, 0, 2],
        ],
    );
    let header = atom(
        b"tkhd",
        &[&[0, 0, 0, 7], &[0; 8], &one, &[0; 4], &length(MILLIS), &[0; 12], &[1, 0, 0, 0], &matrix, &[0; 8]],
    );
    let media = atom(
        b"mdia",
        &[
            // Language: not said.
            &atom(b"mdhd", &[&[0; 12], &facts.rate.to_be_bytes(), &length(facts.rate), &[0x55, 0xC4, 0, 0]]),
            &atom(b"hdlr", &[&[0; 8], b"soun", &[0; 13]]),
            &atom(
                b"minf",
                &[
                    &atom(b"smhd", &[&[0; 8]]),
                    &atom(b"dinf", &[&atom(b"dref", &[&[0; 4], &one, &atom(b"url ", &[&[0, 0, 0, 1]])])]),
                    &table(config, facts, track, count, frames_at),
                ],
            ),
        ],
    );
    atom(b"moov", &[&movie, &atom(b"trak", &[&header, &media])])
}

fn table(config: &[u8], facts: Facts, track: &Track, count: u32, frames_at: u64) -> Vec<u8> {
    let one = 1u32.to_be_bytes();
    let rate = u16::try_from(facts.rate).unwrap_or(0).to_be_bytes();
    let descriptors = atom(b"esds", &[&[0; 4], &aac::written_descriptors(config)]);
    let description = atom(
        b"mp4a",
        &[&[0; 6], &[0, 1], &[0; 8], &facts.channels.to_be_bytes(), &[0, 16, 0, 0, 0, 0], &rate, &[0; 2], &descriptors],
    );
    let lengths: Vec<u8> = track.frames.iter().flat_map(|frame| frame.bytes.to_be_bytes()).collect();
    atom(
        b"stbl",
        &[
            &atom(b"stsd", &[&[0; 4], &one, &description]),
            &atom(b"stts", &[&[0; 4], &one, &count.to_be_bytes(), &facts.samples.to_be_bytes()]),
            // All frames are one chunk.
            &atom(b"stsc", &[&[0; 4], &one, &one, &count.to_be_bytes(), &one]),
            &atom(b"stsz", &[&[0; 8], &count.to_be_bytes(), &lengths]),
            &atom(b"co64", &[&[0; 4], &one, &frames_at.to_be_bytes()]),
        ],
    )
}
