//! The model that reads pictures, on pages whose text is known. `cargo xtask test` gets its files.

mod draw;

use draw::{Page, Typeface};
use morag_core::ports::{Picture, PixelFormat, Reading};
use morag_ocr::{MODELS, ReadError, Reader};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::LazyLock;

const ENGLISH: [&str; 6] = [
    "The committee met on 24 March 2023 and agreed to raise the annual fee by 12.5 %;",
    "the additional cost is estimated at $1,234,567.89 (gross). Proposals for changes are",
    "to be submitted in writing to the managing director no later than 30 June.",
    "Questions and complaints: Registry, 17a Mill Lane, telephone 0221 47 11-0, or by",
    "e-mail to registry@council.example. Opening hours: Monday to Thursday 8:30-16:00.",
    "Sphinx of black quartz, judge my vow. Pack my box with five dozen liquor jugs.",
];
const GERMAN: [&str; 6] = [
    "Über die Größe und Güte der Straßenbahnhaltestellen in Köln wurde ausführlich",
    "berichtet. Der Ausschuss für Öffentlichkeitsarbeit hat die Vergütung gemäß § 7",
    "Abs. 2 Satz 1 der Gebührenordnung um 12,5 % erhöht; die Mehrkosten betragen",
    "voraussichtlich 1.234.567,89 € (brutto). Änderungsanträge sind schriftlich bis",
    "spätestens 30. Juni beim Geschäftsführer einzureichen. Für Wäschetrockner in den",
    "städtischen Schwimmbädern gelten künftig höhere Anforderungen an die Sicherheit.",
];
const JAPANESE: [&str; 6] = [
    "本システムは、企業や官公庁で利用される文書を自動的に処理し、検索可能な形式に",
    "変換するためのサーバーである。入力された文書は、まず安全な実行環境の中で解析され、",
    "文字情報と画像情報に分離される。画像に含まれる文字は、光学文字認識によって",
    "テキストデータに変換される。処理が完了すると、メールで通知が届きます。",
    "エラーが表示された場合は、管理者にお問い合わせください。春はあけぼの。",
    "東京都千代田区に所在する本社では、四月一日から新しい運用を開始した。",
];
const RUSSIAN: [&str; 3] = [
    "Все люди рождаются свободными и равными в своем достоинстве и правах. Они",
    "наделены разумом и совестью и должны поступать в отношении друг друга в духе",
    "братства. Каждый человек должен обладать всеми правами и свободами.",
];

/// Loaded once: it takes a second.
static READER: LazyLock<Reader> = LazyLock::new(|| {
    let models = std::env::var_os("MORAG_TEST_MODELS_DIR").expect("MORAG_TEST_MODELS_DIR: run `cargo xtask test`");
    Reader::load(&MODELS[0], &PathBuf::from(models).join(MODELS[0].name)).expect("the model")
});

fn picture(page: &Page) -> Picture {
    let side = |length: usize| u32::try_from(length).unwrap();
    Picture::new(side(page.width), side(page.height), PixelFormat::Gray8, page.pixels.clone()).unwrap()
}

fn read(page: &Page) -> Reading {
    READER.read(picture(page), &|| false).unwrap()
}

/// Errors in characters that are not spaces, in thousandths of them.
fn errors(expected: &[&str], reading: &Reading) -> usize {
    let letters = |text: String| text.chars().filter(|character| !character.is_whitespace()).collect::<Vec<_>>();
    let expected = letters(expected.concat());
    let said = letters(reading.lines.iter().map(|line| line.text.as_str()).collect());
    distance(&expected, &said) * 1000 / expected.len()
}

/// Levenshtein's distance.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

fn assert_reads(expected: &[&str], page: &Page, thousandths: usize) -> Reading {
    let reading = read(page);
    let errors = errors(expected, &reading);
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
    assert!(errors(&ENGLISH[..2], &reading) <= 10, "{reading:#?}");
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
