//! Which pictures of a document are kept, and under which names.

use super::kind::Kind;
use crate::document::{Image, property};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Pictures of a document. The host takes 256 files of a run, temporary ones too: this leaves room for the markdown and whatever else a
/// converter writes.
pub const IMAGES_MAX: usize = 200;

/// Bytes of one picture: it is in memory as a whole, beside the document, in a step of 512 MiB. A photograph of 50 megapixels has some
/// 25 MiB.
pub const IMAGE_BYTES_MAX: usize = 32 << 20;

/// Bytes of all pictures together. A run writes 200 MiB (`output_bytes_max`), of which the longest markdown takes 64 and `document.json` up
/// to 4.
pub const IMAGES_BYTES_MAX: u64 = 128 << 20;

/// Pixels of a picture's shorter side up to which it is a line, or keeps a place free: pages are full of those.
const LINE_PIXELS_MAX: u32 = 2;

/// Why a picture is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// It is of a kind that is not kept, or not within the document: nothing is said of it.
    Other,
    /// There are more than [`IMAGES_MAX`], or they have more than [`IMAGES_BYTES_MAX`] bytes.
    TooMany,
    /// It has more than [`IMAGE_BYTES_MAX`] bytes.
    TooLarge,
    /// It cannot be read.
    Damaged,
}

/// A picture that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its file.
    pub file: String,
    /// Its number among the figures; of a page, that of the page.
    pub number: u32,
    /// Whether the file is still to be written: the same picture may stand in a document many times.
    pub is_new: bool,
}

/// The pictures of a document.
#[derive(Debug, Default)]
pub struct Album {
    images: Vec<Image>,
    /// Numbers of figures by the digest of their bytes.
    figures: HashMap<[u8; 32], u32>,
    bytes: u64,
    /// Whether a picture was left out for the bytes of all.
    is_over: bool,
    left_out: HashMap<LeftOut, u32>,
}

impl Album {
    /// Takes a figure, that is a picture that the document holds. It is numbered in the order in which it is taken.
    ///
    /// # Errors
    /// Why it is left out.
    pub fn figure(&mut self, bytes: &[u8], alt: Option<&str>, page: Option<u32>) -> Result<Kept, LeftOut> {
        let kind = Kind::of(bytes).ok_or(LeftOut::Other)?;
        let size = kind.size(bytes);
        if size.is_some_and(|(width, height)| width.min(height) <= LINE_PIXELS_MAX) {
            return Err(LeftOut::Other);
        }
        let digest = Sha256::digest(bytes).into();
        let name = |number: u32| format!("image-{number}.{}", kind.format().name);
        if let Some(number) = self.figures.get(&digest).copied() {
            return Ok(Kept { file: name(number), number, is_new: false });
        }
        let number = self.figures.len() as u32 + 1;
        let (width, height) = size.unzip();
        let alt = alt.and_then(property);
        self.add(Image { file: name(number), page, alt, width, height }, bytes.len())?;
        self.figures.insert(digest, number);
        Ok(Kept { file: name(number), number, is_new: true })
    }

    /// Takes the picture of a page, as PNG.
    ///
    /// # Errors
    /// Why it is left out.
    pub fn page(&mut self, number: u32, png: &[u8]) -> Result<Kept, LeftOut> {
        let file = format!("page-{number}.png");
        let (width, height) = Kind::Png.size(png).unzip();
        self.add(Image { file: file.clone(), page: Some(number), alt: None, width, height }, png.len())?;
        Ok(Kept { file, number, is_new: true })
    }

    fn add(&mut self, image: Image, bytes: usize) -> Result<(), LeftOut> {
        if bytes > IMAGE_BYTES_MAX {
            return Err(LeftOut::TooLarge);
        }
        self.is_over |= self.bytes + bytes as u64 > IMAGES_BYTES_MAX;
        if self.is_full() {
            return Err(LeftOut::TooMany);
        }
        self.bytes += bytes as u64;
        self.images.push(image);
        Ok(())
    }

    /// Takes back the last picture, whose file could not be written.
    pub fn withdraw(&mut self) {
        if let Some(image) = self.images.pop() {
            let last = self.figures.len() as u32;
            if image.file.starts_with("image-") {
                self.figures.retain(|_, number| *number != last);
            }
        }
    }

    /// Whether no other picture is taken: there are as many as may be, or one was left out for the bytes of all. A smaller one might have
    /// room still, but what a page's picture has is known only once the page is drawn, which takes a second.
    pub fn is_full(&self) -> bool {
        self.images.len() >= IMAGES_MAX || self.is_over
    }

    /// Counts a picture that is no file, for [`Album::warnings`].
    pub fn leave_out(&mut self, why: LeftOut) {
        *self.left_out.entry(why).or_default() += 1;
    }

    /// The pictures that are kept.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// What is said of the others, for the log.
    pub fn warnings(&self) -> Vec<String> {
        let said = [
            (
                LeftOut::TooMany,
                format!("of a document at most {IMAGES_MAX} are kept, with {} MiB together", IMAGES_BYTES_MAX >> 20),
            ),
            (LeftOut::TooLarge, format!("one has at most {} MiB", IMAGE_BYTES_MAX >> 20)),
            (LeftOut::Damaged, "they are damaged".into()),
        ];
        let said = said.into_iter().filter_map(|(why, reason)| {
            let count = self.left_out.get(&why)?;
            Some(format!("{count} {} left out: {reason}", if *count == 1 { "picture is" } else { "pictures are" }))
        });
        said.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(bytes: &[u8]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n", bytes].concat()
    }

    #[test]
    fn figures_are_numbered_in_their_order_and_the_same_bytes_are_one_file() {
        let mut album = Album::default();
        let mut file = |bytes: &[u8], page| {
            album.figure(bytes, Some(" A\nlogo "), Some(page)).map(|kept| (kept.file, kept.is_new))
        };
        assert_eq!(file(&png(b"a"), 1), Ok(("image-1.png".into(), true)));
        assert_eq!(file(b"\xff\xd8\xff\xe0", 2), Ok(("image-2.jpg".into(), true)));
        assert_eq!(file(&png(b"a"), 3), Ok(("image-1.png".into(), false)));
        assert_eq!(file(b"<svg/>", 3), Err(LeftOut::Other));
        assert_eq!(file(b"GIF89a\x00\x02\x02\x00", 3), Err(LeftOut::Other), "a line");
        assert_eq!(file(b"GIF89a", 4), Ok(("image-3.gif".into(), true)));
        let listed: Vec<_> = album.images().iter().map(|image| (image.file.as_str(), image.page)).collect();
        assert_eq!(listed, [("image-1.png", Some(1)), ("image-2.jpg", Some(2)), ("image-3.gif", Some(4))]);
        assert_eq!(album.images()[0].alt.as_deref(), Some("A logo"));
    }

    #[test]
    fn ten_thousand_pictures_are_two_hundred_files_and_a_warning() {
        let mut album = Album::default();
        for number in 0..10_000u32 {
            if let Err(why) = album.figure(&png(&number.to_le_bytes()), None, None) {
                album.leave_out(why);
            }
        }
        assert_eq!((album.images().len(), album.is_full()), (IMAGES_MAX, true));
        let expected = "9800 pictures are left out: of a document at most 200 are kept, with 128 MiB together";
        assert_eq!(album.warnings(), [expected]);
        assert!(
            !album.figure(&png(&0u32.to_le_bytes()), None, None).unwrap().is_new,
            "one that is kept has its place still"
        );
    }

    #[test]
    fn pages_and_figures_are_counted_together() {
        let mut album = Album::default();
        for number in 1..=150 {
            assert_eq!(album.page(number, &png(b"")).unwrap().file, format!("page-{number}.png"));
        }
        let kept = (0..100u32).filter(|number| album.figure(&png(&number.to_le_bytes()), None, None).is_ok()).count();
        assert_eq!(kept, 50);
        assert_eq!(album.page(151, &png(b"")), Err(LeftOut::TooMany));
    }

    #[test]
    fn bytes_of_one_picture_and_of_all_are_limited() {
        let mut album = Album::default();
        let large = |first: u8| [png(&[first]), vec![0; IMAGE_BYTES_MAX - 9]].concat();
        assert_eq!(album.figure(&[large(0), vec![0]].concat(), None, None), Err(LeftOut::TooLarge));
        for first in 0..4 {
            assert!(album.figure(&large(first), None, None).is_ok(), "{first}");
        }
        assert!(!album.is_full());
        assert_eq!(album.figure(&png(b""), None, None), Err(LeftOut::TooMany));
        assert!(album.is_full(), "nothing more has to be drawn");
        assert!(!album.figure(&large(0), None, None).unwrap().is_new);
        album.leave_out(LeftOut::TooLarge);
        album.leave_out(LeftOut::Damaged);
        let warnings = album.warnings();
        assert_eq!(
            warnings,
            ["1 picture is left out: one has at most 32 MiB", "1 picture is left out: they are damaged"]
        );
    }

    #[test]
    fn a_picture_that_is_taken_back_is_not_listed_and_its_number_is_free() {
        let mut album = Album::default();
        album.figure(&png(b"a"), None, None).unwrap();
        album.figure(&png(b"b"), None, None).unwrap();
        album.withdraw();
        assert_eq!(album.images().len(), 1);
        assert_eq!(album.figure(&png(b"c"), None, None).unwrap().file, "image-2.png");
        assert!(album.figure(&png(b"b"), None, None).unwrap().is_new);
    }
}
