//! The model that reads pictures, on pages whose text is known. `cargo xtask test` gets its files.

use morag_core::ports::{Picture, PixelFormat, Reading};
use morag_ocr::{MODELS, ReadError, Reader};
use morag_tests::drawn_page::{ENGLISH, GERMAN, JAPANESE, Page, RUSSIAN, Typeface, errors};
use morag_tests::server::models_dir;
use std::cell::Cell;
use std::sync::LazyLock;

/// Loaded once: it takes a second.
static READER: LazyLock<Reader> =
    LazyLock::new(|| Reader::load(&MODELS[0], &models_dir().join(MODELS[0].name)).expect("the model"));

fn picture(page: &Page) -> Picture {
    let (width, height) = page.sides();
    Picture::new(width, height, PixelFormat::Gray8, page.pixels.clone()).expect("as it is described")
}

fn read(page: &Page) -> Reading {
    READER.read(picture(page), &|| false).expect("a reading")
}

/// Errors in thousandths of the characters.
fn wrong(expected: &[&str], reading: &Reading) -> usize {
    let said: Vec<_> = reading.lines.iter().map(|line| line.text.as_str()).collect();
    errors(expected, &said.concat())
}

fn assert_reads(expected: &[&str], page: &Page, thousandths: usize) -> Reading {
    let reading = read(page);
    let errors = wrong(expected, &reading);
    let said: Vec<_> = reading.lines.iter().map(|line| line.text.as_str()).collect();
    assert!(errors <= thousandths, "{errors} of 1000 characters are wrong: {said:#?}");
    assert!(!reading.truncated);
    reading
}

#[test]
fn clean_pages_are_read_with_at_most_one_error_in_a_hundred() {
    for dpi in [150, 300] {
        for (text, typeface) in
            [(ENGLISH, Typeface::DejaVu), (GERMAN, Typeface::DejaVu), (JAPANESE, Typeface::IpaGothic)]
        {
            let reading = assert_reads(&text, &Page::of(&text, typeface, dpi), 10);
            assert_eq!((reading.turned, reading.lines.len()), (0, text.len()), "{dpi}");
            assert!(reading.lines.iter().all(|line| line.density > 0.5 && line.confidence > 0.8), "{reading:#?}");
        }
    }
}

#[test]
fn colours_are_read_as_gray() {
    let page = Page::of(&ENGLISH[..2], Typeface::DejaVu, 150);
    // Dark blue ink on yellow paper.
    let pixels = page.pixels.iter().flat_map(|ink| [*ink, *ink, 128]).collect();
    let (width, height) = (page.width as u32, page.height as u32);
    let reading = READER.read(Picture::new(width, height, PixelFormat::Rgb8, pixels).unwrap(), &|| false).unwrap();
    assert!(wrong(&ENGLISH[..2], &reading) <= 10, "{reading:#?}");
}

#[test]
fn turned_pages_are_read_and_told() {
    let mut page = Page::of(&ENGLISH, Typeface::DejaVu, 150);
    for turned in [270, 180, 90] {
        page = page.quarter_turned();
        let reading = assert_reads(&ENGLISH, &page, 10);
        assert_eq!(reading.turned, turned);
        // The first line begins in the corner that is the upper left one of the upright page.
        let first = reading.lines[0].corners[0];
        let is_left = first.x < page.width as f32 / 2.0;
        let is_above = first.y < page.height as f32 / 2.0;
        assert_eq!((is_left, is_above), [(false, true), (false, false), (true, false)][(270 - turned as usize) / 90]);
    }
}

#[test]
fn tilted_and_noisy_pages_are_read() {
    let page = Page::of(&GERMAN, Typeface::DejaVu, 200);
    for degrees in [2.0, -2.0] {
        let reading = assert_reads(&GERMAN, &page.tilted(degrees), 10);
        let [left, right, ..] = reading.lines[2].corners;
        let slope = ((right.y - left.y) / (right.x - left.x)).atan().to_degrees();
        assert!((slope - degrees).abs() < 0.5, "{slope}");
    }
    assert_reads(&GERMAN, &page.noisy(), 20);
}

#[test]
fn a_script_that_the_model_does_not_know_is_noticed_by_its_density() {
    let reading = read(&Page::of(&RUSSIAN, Typeface::DejaVu, 150));
    assert!(reading.lines.iter().all(|line| line.density < 0.5), "{reading:#?}");
}

#[test]
fn an_empty_page_says_nothing() {
    let white = Page { width: 1240, height: 1754, pixels: vec![255; 1240 * 1754] };
    assert_eq!(read(&white), Reading::default());
    let specks = Page {
        pixels: white.pixels.iter().enumerate().map(|(at, _)| if at % 9973 == 0 { 0 } else { 255 }).collect(),
        ..white
    };
    assert_eq!(read(&specks).lines, []);
}

#[test]
fn a_cancelled_reading_ends_before_the_next_run_of_a_network() {
    let page = Page::of(&ENGLISH, Typeface::DejaVu, 150);
    for allowed in [0, 1, 4] {
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > allowed
        };
        assert_eq!(READER.read(picture(&page), &cancelled), Err(ReadError::Cancelled));
        assert_eq!(asked.get(), allowed + 1);
    }
}
