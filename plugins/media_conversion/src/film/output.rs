//! Writes a sound track to a file of its own, in pieces: never more than a megabyte of it is in memory.

use super::track::{Codec, Frame, Pcm, Track};
use super::{m4a, ogg};
use crate::codes;
use crate::input::Input;
use morag_step::{ArtifactFile, Blob, Failure, Task};
use std::io::Write;

/// Bytes that are copied at once.
const PIECE_BYTES: u64 = 1 << 20;

/// Writes the track as a temporary file, whose name says its kind: services go by it.
///
/// # Errors
/// `CORRUPT_DOCUMENT` for frames that are none of their codec; what the host answers when a file cannot be read or written.
pub(super) fn write(task: &dyn Task, input: &Input, track: &Track) -> Result<Box<dyn Blob>, Failure> {
    let (name, media_type) = match &track.codec {
        Codec::Aac(_) => ("sound.m4a", "audio/mp4"),
        Codec::Opus(_) | Codec::Vorbis(_) => ("sound.ogg", "audio/ogg"),
        Codec::Flac(_) => ("sound.flac", "audio/flac"),
        Codec::Pcm(_) => ("sound.wav", "audio/wav"),
        Codec::Mpeg | Codec::Other(_) => ("sound.mp3", "audio/mpeg"),
    };
    task.report_progress(0.05, "the sound is taken out of the film");
    let mut out = ArtifactFile::new(task.create_temporary_file(name, media_type)?);
    match &track.codec {
        Codec::Aac(config) => {
            out.write_all(&m4a::head(config, track))?;
            copy(input, &track.frames, &mut out, &|_| {})?;
        }
        Codec::Opus(head) => ogg::write_opus(input, head, &track.frames, &mut out)?,
        Codec::Vorbis(headers) => ogg::write_vorbis(input, headers, &track.frames, &mut out)?,
        Codec::Flac(head) => {
            out.write_all(head)?;
            copy(input, &track.frames, &mut out, &|_| {})?;
        }
        Codec::Pcm(pcm) => {
            out.write_all(&wav_head(*pcm, track.bytes()))?;
            let width = usize::from(pcm.bits / 8).max(1);
            let turned = |bytes: &mut [u8]| bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            let as_is = |_: &mut [u8]| {};
            copy(input, &track.frames, &mut out, if pcm.is_big_endian { &turned } else { &as_is })?;
        }
        Codec::Mpeg | Codec::Other(_) => copy(input, &track.frames, &mut out, &|_| {})?,
    }
    out.finish()?;
    task.temporary_file(name).ok_or_else(codes::no_temporary_file)
}

/// Copies frames; those that follow each other in the film at once.
fn copy(input: &Input, frames: &[Frame], out: &mut dyn Write, change: &dyn Fn(&mut [u8])) -> Result<(), Failure> {
    let mut rest = frames;
    while let Some(first) = rest.first() {
        let mut end = first.offset + u64::from(first.bytes);
        let count = 1 + rest[1..]
            .iter()
            .take_while(|frame| {
                let follows = frame.offset == end && end - first.offset < PIECE_BYTES;
                end += if follows { u64::from(frame.bytes) } else { 0 };
                follows
            })
            .count();
        rest = &rest[count..];
        // A frame may be longer than a piece: a chunk of samples is one. Pieces are of whole samples of any width.
        const WHOLE: u64 = PIECE_BYTES - PIECE_BYTES % (3 * 8);
        let mut at = first.offset;
        while at < end {
            let len = (end - at).min(WHOLE);
            let mut bytes = input.exact(at, usize::try_from(len).unwrap_or(0))?;
            change(&mut bytes);
            out.write_all(&bytes)?;
            at += len;
        }
    }
    Ok(())
}

/// The beginning of a wav file with so many bytes of samples.
fn wav_head(pcm: Pcm, bytes: u64) -> Vec<u8> {
    let len = u32::try_from(bytes).unwrap_or(u32::MAX);
    let of_moment = pcm.bytes();
    let kind: u16 = if pcm.is_float { 3 } else { 1 };
    let rate = u32::try_from(of_moment * u64::from(pcm.rate)).unwrap_or(u32::MAX);
    [
        b"RIFF",
        &len.saturating_add(36).to_le_bytes()[..],
        b"WAVEfmt ",
        &16u32.to_le_bytes(),
        &kind.to_le_bytes(),
        &pcm.channels.to_le_bytes(),
        &pcm.rate.to_le_bytes(),
        &rate.to_le_bytes(),
        &(of_moment as u16).to_le_bytes(),
        &pcm.bits.to_le_bytes(),
        b"data",
        &len.to_le_bytes(),
    ]
    .concat()
}
