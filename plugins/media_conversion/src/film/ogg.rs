//! Opus and Vorbis in Ogg (RFC 3533, RFC 7845).

use super::track::Frame;
use crate::input::{Input, le32};
use morag_step::Failure;
use std::io::Write;

/// Lengths that a page's header has room for.
const SEGMENTS_MAX: usize = 255;

/// Samples after which a page ends: a second of Opus.
const PAGE_SAMPLES: u64 = 48_000;

/// The number of the stream: there is one.
const STREAM: u32 = 1;

/// Writes Opus.
pub(super) fn write_opus(input: &Input, head: &[u8], frames: &[Frame], out: &mut dyn Write) -> Result<(), Failure> {
    let mut pages = Pages::new(out);
    pages.packet(head, 0)?;
    pages.end(false)?;
    // The name of a program, of no letters, and no comments.
    pages.packet(b"OpusTags\0\0\0\0\0\0\0\0", 0)?;
    pages.end(false)?;
    let mut samples = 0;
    each(input, frames, &mut pages, |_, packet| {
        samples += opus_samples(packet);
        samples
    })
}

/// Writes Vorbis. Its times are those of the film, for those of its own are known only to who decodes it.
pub(super) fn write_vorbis(
    input: &Input,
    headers: &[Vec<u8>; 3],
    frames: &[Frame],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let [head, comments, books] = headers;
    let mut pages = Pages::new(out);
    pages.packet(head, 0)?;
    pages.end(false)?;
    pages.packet(comments, 0)?;
    pages.packet(books, 0)?;
    pages.end(false)?;
    let rate = u64::from(le32(head, 12));
    each(input, frames, &mut pages, |frame, _| u64::from(frame.at_ms) * rate / 1000)
}

fn each(
    input: &Input,
    frames: &[Frame],
    pages: &mut Pages,
    mut time: impl FnMut(&Frame, &[u8]) -> u64,
) -> Result<(), Failure> {
    for (index, frame) in frames.iter().enumerate() {
        let packet = input.exact(frame.offset, frame.bytes as usize)?;
        let time = time(frame, &packet);
        pages.packet(&packet, time)?;
        let is_last = index + 1 == frames.len();
        if is_last || time.saturating_sub(pages.page_began) >= PAGE_SAMPLES {
            pages.end(is_last)?;
        }
    }
    Ok(())
}

/// Samples of 48 kHz in a packet of Opus, by its first bytes (RFC 6716).
fn opus_samples(packet: &[u8]) -> u64 {
    let Some(first) = packet.first() else { return 0 };
    let kind = usize::from(first >> 3);
    let of_frame = match kind {
        0..12 => [480, 960, 1920, 2880][kind % 4],
        12..16 => [480, 960][kind % 2],
        _ => [120, 240, 480, 960][kind % 4],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1).map_or(0, |count| count & 0x3F)),
    };
    of_frame * frames
}

/// Pages that are written one after the other.
struct Pages<'a> {
    out: &'a mut dyn Write,
    lacing: Vec<u8>,
    body: Vec<u8>,
    number: u32,
    /// The time of the last packet that ends in the page; none where none does.
    time: Option<u64>,
    /// The time at which the page began.
    page_began: u64,
    is_continued: bool,
}

impl<'a> Pages<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        let (lacing, body) = (Vec::new(), Vec::new());
        Self { out, lacing, body, number: 0, time: None, page_began: 0, is_continued: false }
    }

    /// Adds a packet that ends at a time. Pages that are full are written.
    fn packet(&mut self, packet: &[u8], time: u64) -> Result<(), Failure> {
        let mut rest = packet;
        loop {
            if self.lacing.len() == SEGMENTS_MAX {
                let is_within = rest.len() < packet.len();
                self.write(false)?;
                self.is_continued = is_within;
            }
            let (segment, after) = rest.split_at(rest.len().min(255));
            self.lacing.push(segment.len() as u8);
            self.body.extend_from_slice(segment);
            rest = after;
            // A packet whose length is a multiple of 255 ends with an empty segment.
            if segment.len() < 255 {
                self.time = Some(time);
                return Ok(());
            }
        }
    }

    /// Writes the page, if there is something on it.
    fn end(&mut self, is_last: bool) -> Result<(), Failure> {
        if self.lacing.is_empty() { Ok(()) } else { self.write(is_last) }
    }

    fn write(&mut self, is_last: bool) -> Result<(), Failure> {
        let flags = u8::from(self.is_continued) | u8::from(self.number == 0) << 1 | u8::from(is_last) << 2;
        let mut page = [
            b"OggS\0",
            &[flags][..],
            &self.time.unwrap_or(u64::MAX).to_le_bytes(),
            &STREAM.to_le_bytes(),
            &self.number.to_le_bytes(),
            &[0; 4],
            &[self.lacing.len() as u8],
            &self.lacing,
            &self.body,
        ]
        .concat();
        let checksum = checksum(&page).to_le_bytes();
        page[22..26].copy_from_slice(&checksum);
        self.out.write_all(&page)?;
        self.page_began = self.time.unwrap_or(self.page_began);
        self.number = self.number.wrapping_add(1);
        self.lacing.clear();
        self.body.clear();
        (self.time, self.is_continued) = (None, false);
        Ok(())
    }
}

/// CRC-32 of Ogg: not reflected, begins with 0.
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let mut crc = (at as u32) << 24;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    bytes.iter().fold(0, |crc: u32, byte| crc << 8 ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_any_length_are_whole_in_pages_with_checksums() {
        for len in [0usize, 1, 254, 255, 256, 510, 65_024, 65_025, 65_026, 200_000] {
            let mut bytes = Vec::new();
            let mut pages = Pages::new(&mut bytes);
            let packet: Vec<u8> = (0..len).map(|at| (at % 253) as u8).collect();
            pages.packet(b"first", 1).unwrap();
            pages.packet(&packet, 2).unwrap();
            pages.end(true).unwrap();
            let (mut rest, mut packets, mut open) = (&bytes[..], Vec::new(), Vec::new());
            while !rest.is_empty() {
                let count = usize::from(rest[26]);
                let (lacing, body) = rest[27..].split_at(count);
                let len: usize = lacing.iter().map(|len| usize::from(*len)).sum();
                let mut page = rest[..27 + count + len].to_vec();
                page[22..26].fill(0);
                assert_eq!(checksum(&page), le32(rest, 22));
                assert_eq!(rest[5] & 1 == 1, !open.is_empty(), "continued");
                let mut at = 0;
                for len in lacing {
                    open.extend_from_slice(&body[at..at + usize::from(*len)]);
                    at += usize::from(*len);
                    if *len < 255 {
                        packets.push(std::mem::take(&mut open));
                    }
                }
                rest = &body[len..];
            }
            assert_eq!(packets, [b"first".to_vec(), packet], "{len}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_ogg() {
        assert_eq!(checksum(b"123456789"), 0x89A1_897F);
    }

    #[test]
    fn packets_of_opus_say_their_length() {
        // 20 ms, two of 2.5 ms, and three of 60 ms.
        assert_eq!((opus_samples(&[0xFC]), opus_samples(&[0x81]), opus_samples(&[0x1B, 3])), (960, 240, 8640));
    }
}
