//! The codec of a track, by its sample description (`stsd`).

use super::aac;
use super::mp4::Atom;
use super::track::{Codec, Pcm};
use crate::input::{Input, be16, be32, be64};
use morag_step::Failure;

/// Bytes of a description that are read; those of sound have some hundred.
const DESCRIPTION_BYTES_MAX: usize = 4096;

/// Reads the first description of a track: films have one.
pub(super) fn read(input: &Input, stbl: Atom) -> Result<Codec, Failure> {
    let missing = || Codec::Other("not said".into());
    let Some(stsd) = stbl.child(input, b"stsd")? else { return Ok(missing()) };
    let Some(entry) = stsd.after(8).children(input)?.first().copied() else { return Ok(missing()) };
    let fields = entry.bytes(input, DESCRIPTION_BYTES_MAX)?;
    // Versions 1 and 2 are of QuickTime, and have more fields before the atoms within.
    let version = be16(&fields, 8);
    let atoms = entry.after(match version {
        1 => 44,
        2 => 64,
        _ => 28,
    });
    let other = || Codec::Other(String::from_utf8_lossy(&entry.name).trim().to_owned());
    Ok(match &entry.name {
        b"mp4a" => mp4a(input, atoms)?.unwrap_or_else(other),
        b".mp3" | b"ms\0U" => Codec::Mpeg,
        b"Opus" => match atoms.child(input, b"dOps")? {
            Some(head) => opus(&head.bytes(input, DESCRIPTION_BYTES_MAX)?).unwrap_or_else(other),
            None => other(),
        },
        b"sowt" | b"twos" | b"raw " | b"lpcm" => pcm(&entry.name, version, &fields).map_or_else(other, Codec::Pcm),
        _ => other(),
    })
}

fn mp4a(input: &Input, atoms: Atom) -> Result<Option<Codec>, Failure> {
    let esds = match atoms.child(input, b"esds")? {
        Some(esds) => Some(esds),
        None => atoms.descendant(input, &[b"wave", b"esds"])?,
    };
    let Some(esds) = esds else { return Ok(None) };
    Ok(aac::descriptors(&esds.after(4).bytes(input, DESCRIPTION_BYTES_MAX)?).and_then(|(kind, config)| match kind {
        0x40 | 0x66..=0x68 => aac::facts(&config).map(|_| Codec::Aac(config)),
        0x69 | 0x6B => Some(Codec::Mpeg),
        _ => None,
    }))
}

/// The header of Opus as Ogg has it, whose numbers have their lowest byte first.
fn opus(fields: &[u8]) -> Option<Codec> {
    let (version, rest) = fields.split_first()?;
    let (&[channels, a, b, c, d, e, f, g, h], mapping) = rest.split_first_chunk::<9>()?;
    let head = [b"OpusHead\x01", &[channels, b, a, f, e, d, c, h, g][..], mapping].concat();
    (*version == 0 && channels > 0 && !mapping.is_empty()).then_some(Codec::Opus(head))
}

fn pcm(name: &[u8; 4], version: u16, fields: &[u8]) -> Option<Pcm> {
    let (rate, channels, bits) = (be32(fields, 24) >> 16, be16(fields, 16), be16(fields, 18));
    let plain = Pcm { rate, channels, bits, is_big_endian: name == b"twos", is_float: false };
    match (name, version) {
        (b"lpcm", 2) => {
            let (rate, flags) = (f64::from_bits(be64(fields, 32)), be32(fields, 52));
            let channels = u16::try_from(be32(fields, 40)).ok()?;
            let bits = u16::try_from(be32(fields, 48)).ok()?;
            // The cast saturates, and the check below takes no rate of nothing.
            Pcm { rate: rate as u32, channels, bits, is_big_endian: flags & 2 != 0, is_float: flags & 1 != 0 }.checked()
        }
        (b"lpcm", _) => None,
        (b"raw ", _) => Pcm { bits: 8, ..plain }.checked(),
        // Of 8 bits they have a sign, which those of wav files have not.
        _ => plain.checked().filter(|pcm| pcm.bits > 8),
    }
}
