//! Matroska and WebM (RFC 9559): a stream of clusters, each with blocks of the tracks.
//!
//! Clusters, and groups of blocks, are stepped into and not over, so one whose length is not said, or is a lie, is read all the same, and
//! nothing recurses. Every step goes on by at least a header, so the walk ends.

use super::ebml::{child, element, elements, float, text, unsigned};
use super::mkv_block::{self, HEAD_BYTES};
use super::track::{Codec, Frame, Pcm, Track};
use super::{Film, aac};
use crate::input::Input;
use crate::sound::Tags;
use morag_conversion::{Format, failures};
use morag_step::Failure;

/// Elements that are looked at: those of the blocks of a film of a day.
const ELEMENTS_MAX: u64 = 20_000_000;

/// Bytes of the descriptions of tracks, and of tags, that are read. Fonts and pictures are not among them.
const DESCRIPTION_BYTES_MAX: usize = 4 << 20;

/// Nanoseconds of a unit of time, where it is not said.
const UNIT_NANOS: u64 = 1_000_000;

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TRACKS: u32 = 0x1654_AE6B;
const TAGS: u32 = 0x1254_C367;
const CLUSTER: u32 = 0x1F43_B675;
const CLUSTER_TIME: u32 = 0xE7;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;
const SIMPLE_BLOCK: u32 = 0xA3;

/// What is known so far.
struct Walk {
    tags: Tags,
    unit_nanos: u64,
    /// The number of the sound track, and its frames.
    sound: Option<(u64, Track)>,
    cluster_time: u64,
    frame_bytes: u64,
}

/// Reads a film.
///
/// # Errors
/// `CORRUPT_DOCUMENT` where it has no tracks at all; what the host answers when the file cannot be read.
pub(super) fn read(input: &Input, format: &'static Format) -> Result<Film, Failure> {
    let mut walk = Walk { tags: Tags::default(), unit_nanos: UNIT_NANOS, sound: None, cluster_time: 0, frame_bytes: 0 };
    let (mut offset, mut has_tracks) = (0u64, false);
    for _ in 0..ELEMENTS_MAX {
        let Some(element) = element(input, offset)? else { break };
        let end = element.end.unwrap_or(input.size()).min(input.size());
        let content = |max: usize| {
            let len = usize::try_from(end.saturating_sub(element.start)).unwrap_or(usize::MAX);
            input.bytes(element.start, len.min(max))
        };
        offset = end;
        match element.id {
            SEGMENT | CLUSTER | BLOCK_GROUP => offset = element.start,
            INFO => walk.info(&content(DESCRIPTION_BYTES_MAX)?),
            TRACKS => {
                has_tracks = true;
                walk.tracks(&content(DESCRIPTION_BYTES_MAX)?);
            }
            TAGS => walk.read_tags(&content(DESCRIPTION_BYTES_MAX)?),
            CLUSTER_TIME => walk.cluster_time = unsigned(&content(8)?),
            SIMPLE_BLOCK | BLOCK => {
                if !walk.block(input, element.start, end)? {
                    break;
                }
            }
            _ => {}
        }
        if element.end.is_some_and(|end| end > input.size()) && offset >= input.size() {
            walk.cut();
        }
    }
    if !has_tracks {
        return Err(failures::corrupt(format, "it has no description of its tracks"));
    }
    Ok(Film { tags: walk.tags, track: walk.sound.map(|(_, track)| track) })
}

impl Walk {
    fn info(&mut self, bytes: &[u8]) {
        self.unit_nanos = child(bytes, 0x2A_D7B1).map_or(UNIT_NANOS, unsigned).max(1);
        let duration = child(bytes, 0x4489).map_or(0.0, float) * self.unit_nanos as f64 / 1e6;
        // The cast saturates, and makes nothing of what is no number.
        self.tags.duration_ms = Some(duration as u64).filter(|millis| *millis > 0);
        self.tags.set("title", &child(bytes, 0x7BA9).map(text).unwrap_or_default());
        self.tags.set("encoder", &child(bytes, 0x5741).map(text).unwrap_or_default());
    }

    fn read_tags(&mut self, bytes: &[u8]) {
        for (_, tag) in elements(bytes).filter(|(id, _)| *id == 0x7373) {
            for (_, simple) in elements(tag).filter(|(id, _)| *id == 0x67C8) {
                if let (Some(name), Some(value)) = (child(simple, 0x45A3), child(simple, 0x4487)) {
                    self.tags.set(&text(name), &text(value));
                }
            }
        }
    }

    fn tracks(&mut self, bytes: &[u8]) {
        const SOUND: u64 = 2;
        for (_, entry) in elements(bytes).filter(|(id, _)| *id == 0xAE) {
            if child(entry, 0x83).map(unsigned) != Some(SOUND) {
                continue;
            }
            let (number, codec) = (child(entry, 0xD7).map_or(0, unsigned), codec(entry));
            let is_known = !matches!(codec, Codec::Other(_));
            let kept = self.sound.as_ref().map(|(_, track)| !matches!(track.codec, Codec::Other(_)));
            if kept.is_none_or(|kept| !kept && is_known) {
                self.sound = Some((number, Track::new(codec)));
            }
        }
    }

    /// Adds the frames of a block, if it is of the sound. Says whether to go on.
    fn block(&mut self, input: &Input, start: u64, end: u64) -> Result<bool, Failure> {
        let Some((number, track)) = &mut self.sound else { return Ok(true) };
        if matches!(track.codec, Codec::Other(_)) {
            return Ok(false);
        }
        let len = end.saturating_sub(start);
        let head = input.bytes(start, usize::try_from(len).unwrap_or(usize::MAX).min(16))?;
        if mkv_block::track(&head) != Some(*number) {
            return Ok(true);
        }
        let head = input.bytes(start, usize::try_from(len).unwrap_or(usize::MAX).min(HEAD_BYTES))?;
        let Some(block) = mkv_block::read(&head, len) else {
            track.is_cut = true;
            return Ok(true);
        };
        let time = self.cluster_time.saturating_add_signed(i64::from(block.time));
        let millis = u128::from(time) * u128::from(self.unit_nanos) / 1_000_000;
        let at_ms = u32::try_from(millis).unwrap_or(u32::MAX);
        let mut offset = start.saturating_add(block.head_bytes);
        for len in block.frames {
            let Ok(bytes) = u32::try_from(len) else { return Ok(false) };
            if !track.push(input, Frame { offset, bytes, at_ms }, &mut self.frame_bytes) {
                return Ok(false);
            }
            offset = offset.saturating_add(len);
        }
        Ok(true)
    }

    fn cut(&mut self) {
        if let Some((_, track)) = &mut self.sound {
            track.is_cut = true;
        }
    }
}

/// The codec of a track.
fn codec(entry: &[u8]) -> Codec {
    let name = child(entry, 0x86).map(text).unwrap_or_default();
    let other = |name: String| Codec::Other(name);
    // Frames that are packed, or encrypted.
    if child(entry, 0x6D80).is_some() {
        return other(format!("{name} in packed frames"));
    }
    let head = child(entry, 0x63A2).unwrap_or_default().to_vec();
    let sound = child(entry, 0xE1).unwrap_or_default();
    let pcm = |is_big_endian, is_float| {
        let number =
            |id, otherwise| child(sound, id).map_or(otherwise, |bytes| u16::try_from(unsigned(bytes)).unwrap_or(0));
        let rate = child(sound, 0xB5).map_or(8000.0, float) as u32;
        Pcm { rate, channels: number(0x9F, 1), bits: number(0x6264, 0), is_big_endian, is_float }.checked()
    };
    let found = match name.as_str() {
        "A_OPUS" => head.starts_with(b"OpusHead").then_some(Codec::Opus(head)),
        "A_VORBIS" => vorbis_headers(&head).map(Codec::Vorbis),
        "A_AAC" => aac::facts(&head).map(|_| Codec::Aac(head)),
        "A_MPEG/L3" | "A_MPEG/L2" => Some(Codec::Mpeg),
        "A_FLAC" => head.starts_with(b"fLaC").then_some(Codec::Flac(head)),
        "A_PCM/INT/LIT" => pcm(false, false).map(Codec::Pcm),
        "A_PCM/INT/BIG" => pcm(true, false).map(Codec::Pcm),
        "A_PCM/FLOAT/IEEE" => pcm(false, true).map(Codec::Pcm),
        _ => None,
    };
    found.unwrap_or_else(|| other(name))
}

/// Three headers, after their number less one and the lengths of the first two.
fn vorbis_headers(bytes: &[u8]) -> Option<[Vec<u8>; 3]> {
    let mut rest = bytes.strip_prefix(&[2])?;
    let mut lengths = [0usize; 2];
    for length in &mut lengths {
        loop {
            let (byte, after) = rest.split_first()?;
            rest = after;
            *length += usize::from(*byte);
            if *byte < 255 {
                break;
            }
        }
    }
    let (first, rest) = rest.split_at_checked(lengths[0])?;
    let (second, third) = rest.split_at_checked(lengths[1])?;
    (first.starts_with(b"\x01vorbis")).then(|| [first.to_vec(), second.to_vec(), third.to_vec()])
}
