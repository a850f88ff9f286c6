//! Pages and figures as files, where the option `include_images` asks for them.

use super::scans::{Sheet, document, document_with, image, scan, sheet, text};
use crate::run;
use morag_conversion::testdata::stream;
use morag_step::Level;
use morag_step::mock::{MockOcr, MockTask};
use serde_json::{Value, json};

/// The task after a document was converted with this option.
fn converted(bytes: Vec<u8>, option: &str) -> MockTask {
    converted_with(bytes, &[("include_images", json!(option))])
}

fn converted_with(bytes: Vec<u8>, options: &[(&str, Value)]) -> MockTask {
    let task = MockTask::new("a.pdf", bytes);
    let task = options.iter().fold(task, |task, (name, value)| task.with_option(name, value.clone()));
    run(&task, &MockOcr::reading(["Read"])).unwrap();
    task
}

fn listed(task: &MockTask) -> Value {
    task.json::<Value>("document.json")["images"].clone()
}

fn warnings(task: &MockTask) -> Vec<String> {
    let lines = task.lines.borrow();
    lines.iter().filter(|(level, _)| *level == Level::Warn).map(|(_, line)| line.clone()).collect()
}

/// Width, height and pixels of a PNG in gray.
fn gray(task: &MockTask, name: &str) -> (u32, u32, Vec<u8>) {
    let bytes = task.file(name).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    assert_eq!(reader.info().color_type, png::ColorType::Grayscale);
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    (frame.width, frame.height, pixels)
}

/// A JPEG as far as it is looked at; its picture cannot be decoded.
const JPG: &[u8] = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x04\0\x04\x01\x01\x11\0\xff\xd9";

fn jpeg() -> Vec<u8> {
    stream("/Subtype/Image/Width 4/Height 4/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/DCTDecode", JPG)
}

/// A page of text with a picture of 60 by 40 points in the corner.
fn illustrated(words: &str) -> Sheet {
    let own = text(words);
    Sheet { content: format!("q 60 0 0 40 100 10 cm /Im Do Q {}", own.content), ..own }
}

const WORDS: &str = "A page with a few words of text.";

#[test]
fn pages_are_drawn_in_150_dots_an_inch_and_stand_before_their_text() {
    let task = converted(document(&[text(WORDS), text(""), illustrated("The last of them.")]), "pages");
    let markdown = task.text("markdown.md");
    let expected = format!(
        "![Page 1](page-1.png)\n\n{WORDS}\n\n![Page 2](page-2.png)\n\n![Page 3](page-3.png)\n\nThe last of them.\n"
    );
    assert_eq!(markdown, expected);
    let (width, height, pixels) = gray(&task, "page-1.png");
    assert_eq!((width, height), (375, 187));
    assert!(pixels[0] == 255 && pixels.iter().any(|pixel| *pixel < 60), "white paper with black letters");
    let page = json!({ "file": "page-2.png", "page": 2, "width": 375, "height": 187 });
    assert_eq!((listed(&task)[1].clone(), listed(&task).as_array().unwrap().len()), (page, 3));
    let document: Value = task.json("document.json");
    let start = document["pages"][1]["start"].as_u64().unwrap() as usize;
    assert!(markdown[start..].starts_with("![Page 2]"), "it is part of its page");
}

#[test]
fn pages_have_their_number_in_the_document() {
    let options = [("include_images", json!("pages")), ("page_range", json!([2, 3])), ("max_pages", json!(1))];
    let task = converted_with(document(&[text("one"), text("two"), text("three")]), &options);
    assert_eq!(task.text("markdown.md"), "![Page 2](page-2.png)\n\ntwo\n");
    assert!(task.file("page-1.png").is_none() && task.file("page-3.png").is_none());
}

#[test]
fn a_jpeg_is_kept_as_it_is_and_the_same_on_two_pages_is_one_file() {
    let bytes = document_with(&[illustrated("One word."), illustrated("Two words.")], jpeg(), &[]);
    let task = converted(bytes, "figures");
    assert_eq!(
        task.text("markdown.md"),
        "One word.\n\n![Image 1](image-1.jpg)\n\nTwo words.\n\n![Image 1](image-1.jpg)\n"
    );
    assert_eq!(task.file("image-1.jpg").unwrap(), JPG);
    assert_eq!(listed(&task), json!([{ "file": "image-1.jpg", "page": 1, "width": 4, "height": 4 }]));
    assert_eq!(warnings(&task), Vec::<String>::new(), "nothing was drawn for it");
}

#[test]
fn other_pictures_are_cut_out_of_the_drawn_page() {
    let task = converted(document(&[illustrated(WORDS)]), "all");
    let expected = format!("![Page 1](page-1.png)\n\n{WORDS}\n\n![Image 1](image-1.png)\n");
    assert_eq!(task.text("markdown.md"), expected);
    let (width, height, pixels) = gray(&task, "image-1.png");
    assert!((124..=126).contains(&width) && (82..=84).contains(&height), "{width} {height}");
    let row = &pixels[10 * width as usize..][..width as usize];
    assert!(row[5] < 5 && (195..=205).contains(&row[width as usize - 5]), "two gray columns");
    assert_eq!(listed(&task)[1]["page"], 1);
}

#[test]
fn pictures_within_the_content_are_figures_too() {
    let content = text(WORDS).content + " q 60 0 0 40 100 10 cm BI /W 2 /H 1 /CS /G /BPC 8 /F /AHx ID 00C8> EI Q";
    let task = converted(document(&[sheet(content)]), "figures");
    assert_eq!(task.text("markdown.md"), format!("{WORDS}\n\n![Image 1](image-1.png)\n"));
}

#[test]
fn a_scan_is_no_figure_and_what_is_not_asked_for_changes_nothing() {
    let bytes = document(&[scan(), illustrated(WORDS)]);
    let plain = MockTask::new("a.pdf", bytes.clone());
    run(&plain, &MockOcr::reading(["Read"])).unwrap();
    assert_eq!(plain.text("markdown.md"), format!("Read\n\n{WORDS}\n"));
    let none = converted(bytes.clone(), "none");
    for name in ["markdown.md", "document.json"] {
        assert_eq!(none.text(name), plain.text(name));
    }
    assert!(listed(&none).is_null() && none.file("image-1.png").is_none() && none.file("page-1.png").is_none());
    let figures = converted(bytes, "figures");
    assert_eq!(figures.text("markdown.md"), format!("Read\n\n{WORDS}\n\n![Image 1](image-1.png)\n"));
}

#[test]
fn a_page_that_is_too_heavy_is_left_out_with_a_warning() {
    let huge = stream("/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceGray", &[0; 9]);
    let task = converted(document_with(&[text("One word."), illustrated(WORDS)], huge, &[]), "all");
    assert_eq!(task.text("markdown.md"), format!("![Page 1](page-1.png)\n\nOne word.\n\n{WORDS}\n"));
    let expected =
        "1 of 2 pages cannot be drawn, and their pictures are left out: page 2: a picture on it has more than";
    assert!(warnings(&task)[0].starts_with(expected), "{:?}", warnings(&task));
}

#[test]
fn a_document_of_many_pages_and_figures_has_two_hundred_of_them() {
    let mut pages: Vec<Sheet> = (0..209).map(|number| text(&format!("Page number {number} of many."))).collect();
    // One that is too heavy, and is not drawn.
    pages.push(illustrated("The last page of many."));
    let huge = stream("/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceGray", &[0; 9]);
    let task = converted(document_with(&pages, huge, &[]), "pages");
    assert!(task.file("page-200.png").is_some() && task.file("page-201.png").is_none());
    let warnings = warnings(&task);
    assert!(warnings.len() == 1 && warnings[0].starts_with("10 pictures are left out: "), "{warnings:?}");
    assert!(task.text("markdown.md").ends_with("The last page of many.\n"));
    // Each in a place of its own: the same bytes, so one file.
    let many: String =
        (0..32).map(|number| format!("q 20 0 0 20 {} {} cm /Im Do Q ", number % 8 * 22, number / 8 * 22)).collect();
    let page = || Sheet { content: format!("{many} {}", text(WORDS).content), ..text("") };
    let task = converted(document_with(&(0..10).map(|_| page()).collect::<Vec<_>>(), jpeg(), &[]), "figures");
    let markdown = task.text("markdown.md");
    assert_eq!(listed(&task).as_array().unwrap().len(), 1);
    assert!(markdown.starts_with(WORDS) && markdown.matches("](image-1.jpg)").count() == 320, "{markdown}");
}

#[test]
fn a_jpeg_that_is_a_file_has_its_references_where_there_is_no_room_for_another() {
    let mut pages: Vec<Sheet> = (0..201).map(|number| text(&format!("Page number {number} of many."))).collect();
    pages[0] = illustrated("The first of many.");
    pages.push(illustrated("The last of many."));
    // With one that is cut out of its page.
    pages[201].content += " q 60 0 0 40 20 60 cm BI /W 2 /H 1 /CS /G /BPC 8 /F /AHx ID 00C8> EI Q";
    let task = converted(document_with(&pages, jpeg(), &[]), "all");
    let markdown = task.text("markdown.md");
    assert!(task.file("page-199.png").is_some() && task.file("page-200.png").is_none());
    assert!(
        markdown.ends_with("The last of many.\n\n![Image 1](image-1.jpg)\n"),
        "{}",
        &markdown[markdown.len() - 200..]
    );
    assert_eq!(markdown.matches("](image-1.jpg)").count(), 2);
    let warnings = warnings(&task);
    assert!(warnings.len() == 1 && warnings[0].starts_with("4 pictures are left out: "), "{warnings:?}");
}

#[test]
fn damaged_pictures_do_not_lose_the_text() {
    for image in [
        stream("/Subtype/Image/Width 4/Height 4/ColorSpace/DeviceRGB/Filter/DCTDecode", &JPG[..6]),
        b"null".to_vec(),
        image(),
    ] {
        let task = converted(document_with(&[illustrated(WORDS)], image, &[]), "all");
        assert!(task.text("markdown.md").starts_with(&format!("![Page 1](page-1.png)\n\n{WORDS}\n")));
    }
}
