//! Pictures.

use super::{converts_or_says_why, hearing};
use crate::picture::tests::exif;
use crate::run;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use morag_step::mock::{MockOcr, MockTask, assert_fails};
use morag_step::{CapabilityError, Data, Failure, Level, Ocr, OcrModel, Picture, Reading, TextLine};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Cursor;
use tiff::encoder::{TiffEncoder, colortype};

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A white picture whose upper left quarter is black.
fn quarter(width: u32, height: u32) -> DynamicImage {
    let pixel = |x, y| if x < width / 2 && y < height / 2 { Rgb([0, 0, 0]) } else { Rgb([255, 255, 255]) };
    RgbImage::from_fn(width, height, pixel).into()
}

fn tiff(pages: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    for page in 0..pages {
        encoder.write_image::<colortype::Gray8>(20, 20, &[page as u8; 400]).unwrap();
    }
    bytes.into_inner()
}

fn read(task: &MockTask, ocr: &dyn Ocr) -> Result<Data, Failure> {
    run(task, &hearing(&[]), ocr)
}

fn a_line(text: &str, density: f32) -> TextLine {
    TextLine { text: text.into(), confidence: 0.9, density, ..TextLine::default() }
}

fn reading(lines: &[(&str, f32)]) -> MockOcr {
    let lines = lines.iter().map(|(text, density)| a_line(text, *density)).collect();
    MockOcr::answering(Ok(Reading { lines, turned: 0, truncated: false }))
}

#[test]
fn every_picture_is_decoded_to_gray_and_read() {
    for (format, name) in [
        (ImageFormat::Png, "png"),
        (ImageFormat::Jpeg, "jpg"),
        (ImageFormat::Gif, "gif"),
        (ImageFormat::Bmp, "bmp"),
        (ImageFormat::WebP, "webp"),
    ] {
        let task = MockTask::new("picture", written(&quarter(40, 20), format));
        let ocr = MockOcr::reading(["Hello", "World"]);
        let data = read(&task, &ocr).unwrap();
        assert_eq!(task.text("markdown.md"), "Hello World\n", "{name}");
        assert_eq!(data["conversion_metadata"]["original_format"], name);
        assert_eq!(data["conversion_metadata"]["page_count"], Value::Null);
        let seen = &ocr.seen()[0];
        assert_eq!((seen.width, seen.height), (40, 20), "{name}");
        assert!(seen.pixels[0] < 20 && seen.pixels[39] > 235 && seen.pixels[799] > 235, "{name}");
    }
}

#[test]
fn a_picture_is_turned_as_its_camera_says_and_dated() {
    let jpeg = written(&quarter(40, 20), ImageFormat::Jpeg);
    let exif = [&b"Exif\0\0"[..], &exif()].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let jpeg = [&jpeg[..2], &[0xFF, 0xE1], &length, &exif, &jpeg[2..]].concat();
    let (task, ocr) = (MockTask::new("a.jpg", jpeg), MockOcr::reading(["Hello"]));
    read(&task, &ocr).unwrap();
    let seen = &ocr.seen()[0];
    assert_eq!((seen.width, seen.height), (20, 40));
    assert!(seen.pixels[0] > 235 && seen.pixels[19] < 20, "the black quarter is at the upper right");
    let document: Value = task.json("document.json");
    assert_eq!(document["properties"]["creation_date"], "2024-01-10");
    assert_eq!(document["properties"]["author"], "Jane");
}

#[test]
fn what_is_transparent_is_white() {
    let image = RgbaImage::from_pixel(20, 20, Rgba([0, 0, 0, 0]));
    let ocr = MockOcr::reading(["Hello"]);
    read(&MockTask::new("a.png", written(&image.into(), ImageFormat::Png)), &ocr).unwrap();
    assert!(ocr.seen()[0].pixels.iter().all(|pixel| *pixel == 255));
}

#[test]
fn a_picture_larger_than_is_read_is_scaled_down_and_a_tiny_one_padded() {
    for (sides, read_sides) in [((20_000, 40), (16_384, 32)), ((3, 2), (16, 16))] {
        let ocr = MockOcr::reading(["Hello"]);
        read(&MockTask::new("a.png", written(&quarter(sides.0, sides.1), ImageFormat::Png)), &ocr).unwrap();
        assert_eq!((ocr.seen()[0].width, ocr.seen()[0].height), read_sides);
    }
}

#[test]
fn a_picture_that_claims_too_many_pixels_is_refused_before_it_is_decoded() {
    let mut png = written(&quarter(16, 16), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let crc = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&crc);
    let failure = assert_fails(read(&MockTask::new("a.png", png), &MockOcr::reading(["x"])), "DOCUMENT_TOO_LARGE");
    assert!(failure.message.contains("60000 x 60000"), "{failure}");
    let mut bmp = written(&quarter(16, 16), ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0x60, 0xEA, 0, 0, 0x60, 0xEA, 0, 0]);
    assert_fails(read(&MockTask::new("a.bmp", bmp.as_slice()), &MockOcr::reading(["x"])), "DOCUMENT_TOO_LARGE");
    // Beyond what the decoder takes; the height is below zero, as that of a picture whose first row is at the top.
    bmp[18..26].copy_from_slice(&[0x70, 0x11, 1, 0, 0x90, 0xEE, 0xFE, 0xFF]);
    let failure = assert_fails(read(&MockTask::new("a.bmp", bmp), &MockOcr::reading(["x"])), "DOCUMENT_TOO_LARGE");
    assert!(failure.message.contains("70000 x 70000"), "{failure}");
}

/// Zlib data, all but its checksum, of 258 zeros for each repetition.
fn packed_zeros(repetitions: usize) -> Vec<u8> {
    // The last block, of fixed codes: a zero, then lengths of 258 at a distance of 1.
    let codes = std::iter::once((0b011, 3))
        .chain([(0b0000_1100, 8)])
        .chain(std::iter::repeat_n((0b1010_0011, 13), repetitions));
    let (mut bytes, mut held, mut bits) = (vec![0x78, 0x01], 0u32, 0);
    for (code, len) in codes {
        held |= code << bits;
        bits += len;
        while bits >= 8 {
            bytes.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    bytes.extend([held as u8, 0]);
    bytes
}

#[test]
fn a_profile_without_end_is_not_unpacked() {
    let png = written(&quarter(40, 20), ImageFormat::Png);
    let with = |kind: &[u8; 4], data: &[u8]| {
        let chunk = [&kind[..], data].concat();
        let length = (data.len() as u32).to_be_bytes();
        [&png[..33], &length, &chunk, &crc(&chunk).to_be_bytes(), &png[33..]].concat()
    };
    let profile = [&b"a\0\0"[..], &packed_zeros(1_000_000)].concat();
    let (task, ocr) = (MockTask::new("a.png", with(b"iCCP", &profile)), MockOcr::reading(["Hello"]));
    read(&task, &ocr).unwrap();
    assert_eq!((ocr.seen()[0].width, ocr.seen()[0].height), (40, 20));
    // Texts are not unpacked, and have the same bound, which shows.
    read(&MockTask::new("a.png", with(b"zTXt", &profile)), &ocr).unwrap();
    let text = [&b"a\0"[..], &vec![b'x'; 33 << 20]].concat();
    assert_fails(read(&MockTask::new("a.png", with(b"tEXt", &text)), &ocr), "DOCUMENT_TOO_LARGE");
}

/// Of a chunk of PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[test]
fn the_pages_of_a_tiff_are_pages() {
    let (task, ocr) = (MockTask::new("a.tif", tiff(3)), MockOcr::reading(["Hello"]));
    let data = read(&task, &ocr).unwrap();
    assert_eq!(task.text("markdown.md"), "Hello\n\nHello\n\nHello\n");
    assert_eq!(data["conversion_metadata"]["page_count"], 3);
    assert_eq!(ocr.seen().iter().map(|seen| seen.pixels[0]).collect::<Vec<_>>(), [0, 1, 2]);
    task.assert_progress_rises();
    let (task, ocr) = (MockTask::new("a.tif", tiff(9)), MockOcr::reading(["Hello"]));
    let task = task.with_option("page_range", json!([2, 9])).with_option("max_pages", 2);
    read(&task, &ocr).unwrap();
    assert_eq!(ocr.seen().iter().map(|seen| seen.pixels[0]).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_tiff_of_one_bit_a_pixel_is_unpacked() {
    // 20 pixels a row take three bytes; 0 is white here.
    let entry = |tag: u16, kind: u16, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let entries = [(256, 20), (257, 16), (258, 1), (259, 1), (262, 0), (273, 122), (277, 1), (278, 16), (279, 48)];
    let entries: Vec<u8> = entries.into_iter().flat_map(|(tag, value)| entry(tag, 4, value)).collect();
    let head = [b"II*\0", &8u32.to_le_bytes()[..], &9u16.to_le_bytes(), &entries, &[0; 4]].concat();
    let bytes = [&head[..], &[0x80, 0, 0x10].repeat(16)].concat();
    let (task, ocr) = (MockTask::new("a.tif", bytes), MockOcr::reading(["Hello"]));
    read(&task, &ocr).unwrap();
    let seen = &ocr.seen()[0];
    assert_eq!((seen.width, seen.height), (20, 16));
    let row = &seen.pixels[20..40];
    assert_eq!((row[0], row[1], row[18], row[19]), (0, 255, 255, 0));
}

/// A page of nothing but its directory: 8 bits a pixel and one strip without data, or one bit.
fn directories(pages: &[(u32, u32, u32, bool)]) -> Vec<u8> {
    const ENTRIES: u32 = 10;
    let bytes_each = 2 + ENTRIES * 12 + 4;
    let mut bytes = [&b"II*\0"[..], &8u32.to_le_bytes()].concat();
    let data_at = 8 + bytes_each * pages.len() as u32;
    for (index, (width, height, bits, is_preview)) in pages.iter().enumerate() {
        bytes.extend((ENTRIES as u16).to_le_bytes());
        let row = (width * bits).div_ceil(8);
        for (tag, value) in [
            (254, u32::from(*is_preview)),
            (256, *width),
            (257, *height),
            (258, *bits),
            (259, 1),
            (262, 1),
            (273, data_at),
            (277, 1),
            (278, *height),
            (279, row * height),
        ] {
            bytes.extend(
                [&(tag as u16).to_le_bytes()[..], &4u16.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()]
                    .concat(),
            );
        }
        let next = if index + 1 < pages.len() { 8 + bytes_each * (index as u32 + 1) } else { 0 };
        bytes.extend(next.to_le_bytes());
    }
    bytes.extend([0xFF; 400]);
    bytes
}

#[test]
fn a_page_of_a_tiff_that_is_too_large_does_not_lose_the_others() {
    // 148 MiB at eight pixels a byte.
    let large = (65_535, 19_000, 1, false);
    let task = MockTask::new("a.tif", directories(&[large, (20, 20, 8, false)]));
    let ocr = MockOcr::reading(["Hello"]);
    read(&task, &ocr).unwrap();
    assert_eq!((task.text("markdown.md").as_str(), ocr.seen().len()), ("Hello\n", 1));
    task.assert_logged(
        Level::Warn,
        "page 1 is missing: The document is too large: its picture has 65535 x 19000 pixels",
    );
    assert_fails(read(&MockTask::new("a.tif", directories(&[large])), &ocr), "DOCUMENT_TOO_LARGE");
}

#[test]
fn what_a_tiff_has_beyond_the_directories_that_are_looked_at_is_said() {
    let ocr = MockOcr::reading(["Hello"]);
    let mut pages = vec![(20, 20, 8, true); 2_000];
    let failure = assert_fails(read(&MockTask::new("a.tif", directories(&pages)), &ocr), "EMPTY_DOCUMENT");
    assert!(failure.message.contains("previews") && !failure.message.contains("options"), "{failure}");
    pages[0].3 = false;
    pages.push((20, 20, 8, false));
    let task = MockTask::new("a.tif", directories(&pages));
    read(&task, &ocr).unwrap();
    task.assert_logged(Level::Warn, "more than 2000 pictures");
}

#[test]
fn a_damaged_page_does_not_lose_the_others() {
    let mut bytes = tiff(2);
    // The first page's compression, which stands in its directory, is one that there is not.
    let at = bytes.windows(4).position(|four| four == [3, 1, 3, 0]).unwrap();
    bytes[at + 8] = 77;
    let (task, ocr) = (MockTask::new("a.tif", bytes), MockOcr::reading(["Hello"]));
    read(&task, &ocr).unwrap();
    assert_eq!((task.text("markdown.md").as_str(), ocr.seen().len()), ("Hello\n", 1));
    task.assert_logged(Level::Warn, "page 1 is missing");
}

/// Reads `Hello`, but answers the page whose pixels are `page` by an error.
struct Failing {
    page: u8,
    error: CapabilityError,
}

impl Ocr for Failing {
    fn model(&self) -> Result<OcrModel, CapabilityError> {
        MockOcr::reading([]).model()
    }

    fn read(&self, picture: &Picture) -> Result<Reading, CapabilityError> {
        if picture.pixels[0] == self.page { Err(self.error.clone()) } else { MockOcr::reading(["Hello"]).read(picture) }
    }
}

#[test]
fn a_budget_that_ends_keeps_the_pages_of_a_tiff_that_were_read() {
    let used_up = |page| Failing { page, error: CapabilityError::Limit("the budget ocr_pictures is used up".into()) };
    let task = MockTask::new("a.tif", tiff(4));
    read(&task, &used_up(2)).unwrap();
    assert_eq!(task.text("markdown.md"), "Hello\n\nHello\n");
    task.assert_logged(Level::Warn, "the pages from page 3 on were not read: the budget ocr_pictures");
    assert_fails(read(&MockTask::new("a.tif", tiff(4)), &used_up(0)), "OCR_LIMIT");
}

#[test]
fn a_page_of_a_tiff_that_the_host_refuses_does_not_lose_the_others() {
    let refusing = Failing { page: 1, error: CapabilityError::Invalid("no such picture".into()) };
    let task = MockTask::new("a.tif", tiff(3));
    read(&task, &refusing).unwrap();
    assert_eq!(task.text("markdown.md"), "Hello\n\nHello\n");
    task.assert_logged(Level::Warn, "page 2 is missing: ");
    let only = MockTask::new("a.tif", tiff(3)).with_option("page_range", json!([2, 2]));
    assert!(assert_fails(read(&only, &refusing), "OCR_FAILED").message.contains("no such picture"));
}

#[test]
fn options_that_take_no_page_of_a_tiff_are_said() {
    let task = MockTask::new("a.tif", tiff(3)).with_option("page_range", json!([5, 9]));
    let failure = assert_fails(read(&task, &MockOcr::reading(["Hello"])), "EMPTY_DOCUMENT");
    assert!(failure.message.contains("3 pages"), "{failure}");
}

#[test]
fn a_tiff_without_an_end_has_one_here() {
    let ocr = MockOcr::reading(["Hello"]);
    let task = MockTask::new("a.tif", tiff(510));
    let data = read(&task, &ocr).unwrap();
    assert_eq!(data["conversion_metadata"]["page_count"], 500);
    task.assert_logged(Level::Warn, "more than 500 pages");
    // The last directory leads to the first.
    let mut circle = tiff(2);
    let offset = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let next_at = |bytes: &[u8], at: usize| at + 2 + usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]])) * 12;
    let first = offset(&circle, 4);
    let second = offset(&circle, next_at(&circle, first));
    let end = next_at(&circle, second);
    circle[end..end + 4].copy_from_slice(&(first as u32).to_le_bytes());
    let task = MockTask::new("a.tif", circle);
    let data = read(&task, &ocr).unwrap();
    assert_eq!(data["conversion_metadata"]["page_count"], 1);
    task.assert_logged(Level::Warn, "after page 1");
}

#[test]
fn what_was_not_read_has_a_code_that_says_why() {
    let task = || MockTask::new("a.png", written(&quarter(20, 20), ImageFormat::Png));
    let absent = MockOcr::answering(Err(CapabilityError::Unavailable("no model is set up".into())));
    let failure = assert_fails(read(&task(), &absent), "OCR_NOT_CONFIGURED");
    assert!(failure.message.contains("no model is set up") && !failure.retryable, "{failure}");
    let limit = MockOcr::answering(Err(CapabilityError::Limit("the budget ocr_pixels is used up".into())));
    assert!(assert_fails(read(&task(), &limit), "OCR_LIMIT").message.contains("ocr_pixels"));
    assert_fails(read(&task(), &reading(&[])), "NO_TEXT");
    let failure = assert_fails(read(&task(), &reading(&[("xx", 0.2), ("yy", 0.3)])), "UNSUPPORTED_SCRIPT");
    assert!(failure.message.contains("`ocr = \"tesseract\"`") && failure.message.contains("Latn"), "{failure}");
    let some = task();
    read(&some, &reading(&[("Hello", 2.0), ("yy", 0.3)])).unwrap();
    assert_eq!(some.text("markdown.md"), "Hello\n");
    some.assert_logged(Level::Warn, "at least 1 line of page 1 left out");
}

#[test]
fn a_picture_that_was_cut_off_is_corrupt() {
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Gif] {
        let bytes = written(&quarter(40, 40), format);
        let task = MockTask::new("a", &bytes[..bytes.len() / 2]);
        assert_fails(read(&task, &MockOcr::reading(["x"])), "CORRUPT_DOCUMENT");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damaged_pictures(
        which in 0usize..6,
        at in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::WebP];
        let mut source = match formats.get(which) {
            Some(format) => written(&quarter(33, 17), *format),
            None => tiff(2),
        };
        // Headers are where damage does most: half of it goes there.
        let reach = if at.index(2) == 0 { source.len() } else { source.len().min(120) };
        let start = at.index(reach - bytes.len());
        source[start..start + bytes.len()].copy_from_slice(&bytes);
        converts_or_says_why(&source, "a.png")?;
        converts_or_says_why(&source[..cut.index(source.len())], "a")?;
    }
}
