//! Pictures that are parts of a document. It converts without them, so nothing of them is a failure.

use super::Package;
use morag_conversion::images::{HEAD_BYTES, IMAGE_BYTES_MAX, Images, Kind, LeftOut};
use std::io::Read;

/// Bytes of all pictures that are read, in the time of two large documents of text. More than the pictures that are kept have: others may be
/// the same, or too large.
const PICTURES_BYTES_MAX: usize = 256 << 20;

impl<'a> Package<'a> {
    /// With what its pictures become; without, none is read.
    #[must_use]
    pub fn with_images(self, images: &'a Images<'a>) -> Self {
        Self { images: Some(images), ..self }
    }

    /// What follows is on this page, from 1.
    pub fn at_page(&self, number: u32) {
        if let Some(images) = self.images {
            images.at_page(number);
        }
    }

    /// The reference to the picture in a part, as markdown within a line; none where it is no file.
    pub fn figure(&self, part: &str, alt: Option<&str>) -> Option<String> {
        self.images?.figure(Some(&part.to_ascii_lowercase()), alt, || self.picture(part))
    }

    /// The bytes of a picture. The document converts without it, so nothing of it is a failure.
    fn picture(&self, name: &str) -> Result<Vec<u8>, LeftOut> {
        let index = self.index(name).ok_or(LeftOut::Other)?;
        let mut archive = self.archive.borrow_mut();
        let entry = archive.by_index(index).map_err(|_| LeftOut::Damaged)?;
        let room = PICTURES_BYTES_MAX.saturating_sub(self.picture_bytes.get());
        if room == 0 {
            return Err(LeftOut::TooMany);
        }
        // One byte more than is kept shows that it is too large.
        let mut entry = entry.take(room.min(IMAGE_BYTES_MAX + 1) as u64);
        let mut bytes = Vec::new();
        let mut read = |most: usize, bytes: &mut Vec<u8>| {
            let before = bytes.len();
            let done = entry.by_ref().take(most as u64).read_to_end(bytes);
            self.picture_bytes.set(self.picture_bytes.get() + bytes.len() - before);
            done.map_err(|_| LeftOut::Damaged)
        };
        read(HEAD_BYTES, &mut bytes)?;
        // A metafile may be large, and is not unpacked.
        Kind::of(&bytes).ok_or(LeftOut::Other)?;
        read(IMAGE_BYTES_MAX + 1, &mut bytes)?;
        if bytes.len() == room { Err(LeftOut::TooMany) } else { Ok(bytes) }
    }
}
