//! What a picture is by its first bytes, and how large it says it is. Nothing is decoded.

use morag_formats::{self as formats, Format};

/// Bytes from the start of a picture that tell its kind.
pub const HEAD_BYTES: usize = 12;

/// A kind of pictures that are kept. Neither SVG, which can hold scripts, nor metafiles (EMF, WMF), which browsers do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PNG.
    Png,
    /// JPEG.
    Jpg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// TIFF.
    Tiff,
    /// BMP of Windows.
    Bmp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Png, Self::Jpg, Self::Gif, Self::Webp, Self::Tiff, Self::Bmp];

    /// Of a picture's bytes, of which the first [`HEAD_BYTES`] are enough; its name does not matter.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            // Two letters alone begin texts too: four bytes that are always zero follow the size.
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Its format in the table of all formats.
    pub fn format(self) -> &'static Format {
        match self {
            Self::Png => &formats::PNG,
            Self::Jpg => &formats::JPG,
            Self::Gif => &formats::GIF,
            Self::Webp => &formats::WEBP,
            Self::Tiff => &formats::TIFF,
            Self::Bmp => &formats::BMP,
        }
    }

    /// Width and height in pixels as the picture says them; none where it does not at a place that is looked at (of a TIFF, never).
    pub fn size(self, bytes: &[u8]) -> Option<(u32, u32)> {
        let size = match self {
            Self::Png => (big(bytes, 16)?, big(bytes, 20)?),
            Self::Gif => (u32::from(little(bytes, 6)?), u32::from(little(bytes, 8)?)),
            Self::Bmp => (long(bytes, 18)?, long(bytes, 22)?),
            Self::Jpg => {
                let [height, width, _] = jpeg(bytes)?;
                (width, height)
            }
            Self::Webp => webp(bytes)?,
            Self::Tiff => return None,
        };
        (size.0 > 0 && size.1 > 0).then_some(size)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn big(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

fn little(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// A side of a BMP: rows from the top have a negative height.
fn long(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|side| i32::from_le_bytes(side).unsigned_abs())
}

/// Channels of colour of a JPEG: 1 of gray, 3 of colours, 4 of ink. None where it does not say.
pub fn jpeg_channels(bytes: &[u8]) -> Option<u8> {
    let [_, _, channels] = jpeg(bytes)?;
    u8::try_from(channels).ok()
}

/// Height, width and channels by the first frame header (SOF). Comments and profiles stand before it.
fn jpeg(bytes: &[u8]) -> Option<[u32; 3]> {
    // A profile of colours has some hundred segments at most.
    const SEGMENTS_MAX: usize = 1000;
    let mut at = 2;
    for _ in 0..SEGMENTS_MAX {
        let [mark, kind] = array(bytes, at)?;
        if mark != 0xff {
            return None;
        }
        match kind {
            // Filling before a mark.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let [above, below, left, right, channels] = array(bytes, at + 5)?;
                let side = |bytes| u16::from_be_bytes(bytes).into();
                return Some([side([above, below]), side([left, right]), channels.into()]);
            }
            _ => at += 2 + usize::from(u16::from_be_bytes(array(bytes, at + 2)?)),
        }
    }
    None
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let three = |at: usize| array::<3>(bytes, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
    match &array::<4>(bytes, 12)? {
        b"VP8X" => Some((three(24)? + 1, three(27)? + 1)),
        b"VP8 " => Some((u32::from(little(bytes, 26)?) & 0x3fff, u32::from(little(bytes, 28)?) & 0x3fff)),
        b"VP8L" => {
            let bits = array(bytes, 21).map(u32::from_le_bytes)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_bytes_tell_and_scripts_and_metafiles_are_none() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Some(Kind::Png)),
            (b"\xff\xd8\xff\xe0", Some(Kind::Jpg)),
            (b"GIF89a", Some(Kind::Gif)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Kind::Webp)),
            (b"II*\0\x08\0\0\0", Some(Kind::Tiff)),
            (b"MM\0*\0\0\0\x08", Some(Kind::Tiff)),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0", Some(Kind::Bmp)),
            (b"BMW makes cars", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
            (b"<?xml version='1.0'?><svg>", None),
            (b"\x01\0\0\0\x6c\0\0\0\0\0\0\0", None),
            (b"\xd7\xcd\xc6\x9a\0\0\0\0\0\0\0\0", None),
            (b"<!DOCTYPE html><script>", None),
            (b"", None),
        ] {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn sizes_are_those_that_the_picture_says() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &60_000u32.to_be_bytes()[..], &60_000u32.to_be_bytes()].concat();
        assert_eq!(Kind::Png.size(&png), Some((60_000, 60_000)));
        assert_eq!(Kind::Png.size(&png[..20]), None, "cut off");
        let jpg = b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xfe\0\x03c\xff\xc2\0\x11\x08\0\x20\0\x30\x03";
        assert_eq!((Kind::Jpg.size(jpg), jpeg_channels(jpg)), (Some((48, 32)), Some(3)));
        assert_eq!(Kind::Gif.size(b"GIF89a\x05\0\x06\0"), Some((5, 6)));
        let bmp = [&b"BM\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..], &7i32.to_le_bytes(), &(-8i32).to_le_bytes()].concat();
        assert_eq!(Kind::Bmp.size(&bmp), Some((7, 8)));
        let webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x09\0\0\x13\0\0";
        assert_eq!(Kind::Webp.size(webp), Some((10, 20)));
        assert_eq!(Kind::Png.size(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0"), None, "no side");
    }

    proptest! {
        #[test]
        fn any_bytes_have_some_size_or_none(
            head in prop::sample::select(vec![&b"\xff\xd8\xff\xe0"[..], b"RIFF\0\0\0\0WEBPVP8L", b"GIF89a", b"BM\0\0\0\0\0\0\0\0"]),
            rest in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let bytes = [head, &rest].concat();
            if let Some(kind) = Kind::of(&bytes) {
                let size = kind.size(&bytes);
                prop_assert!(size.is_none_or(|(width, height)| width > 0 && height > 0));
            }
        }
    }
}
