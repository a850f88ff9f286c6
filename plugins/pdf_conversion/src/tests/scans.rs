//! Pages that are read as pictures.

use crate::run;
use morag_conversion::testdata::{pdf_of, stream};
use morag_step::mock::{MockOcr, MockTask, assert_fails};
use morag_step::{CapabilityError, Failure, Level, Ocr, OcrModel, Picture, Reading, TextLine};
use serde_json::{Value, json};
use std::cell::Cell;

/// A page: its content, what that names, and what else is said of the page.
#[derive(Clone)]
pub(super) struct Sheet {
    pub content: String,
    pub resources: &'static str,
    pub attributes: &'static str,
}

const PICTURE: &str = "q 180 0 0 90 0 0 cm /Im Do Q\n";

/// Small, so that it takes no time to be drawn.
const SMALL: &str = "/MediaBox[0 0 180 90]";

pub(super) fn sheet(content: impl Into<String>) -> Sheet {
    let resources = "/Font<</F1 3 0 R>>/XObject<</Im 4 0 R>>";
    Sheet { content: content.into(), resources, attributes: SMALL }
}

pub(super) fn text(text: &str) -> Sheet {
    sheet(format!("BT /F1 4 Tf 5 50 Td ({text}) Tj ET"))
}

pub(super) fn scan() -> Sheet {
    sheet(PICTURE)
}

/// A scan with a hidden layer.
fn layer(text: &str) -> Sheet {
    sheet(format!("{PICTURE}BT 3 Tr /F1 4 Tf 5 50 Td ({text}) Tj ET"))
}

/// A picture of two gray columns.
pub(super) fn image() -> Vec<u8> {
    let dictionary = "/Type/XObject/Subtype/Image/Width 2/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8";
    stream(dictionary, &[0, 200, 0, 200])
}

/// A document of these pages. Its object 3 is the font, 4 the picture, and 5 on are `more`.
pub(super) fn document_with(sheets: &[Sheet], image: Vec<u8>, more: &[Vec<u8>]) -> Vec<u8> {
    let first = 5 + more.len();
    let kids: String = (0..sheets.len()).map(|index| format!("{} 0 R ", first + 2 * index)).collect();
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{kids}]/Count {}>>", sheets.len()).into_bytes(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
        image,
    ];
    objects.extend_from_slice(more);
    for (index, Sheet { content, resources, attributes }) in sheets.iter().enumerate() {
        let contents = first + 2 * index + 1;
        let page = format!("<</Type/Page/Parent 2 0 R/Resources<<{resources}>>{attributes}/Contents {contents} 0 R>>");
        objects.push(page.into_bytes());
        objects.push(stream("", content.as_bytes()));
    }
    pdf_of(&objects, "")
}

pub(super) fn document(sheets: &[Sheet]) -> Vec<u8> {
    document_with(sheets, image(), &[])
}

/// A scan with a hidden layer, and a page of text.
pub(super) fn small_scan() -> Vec<u8> {
    document(&[layer("A hidden layer, of more than twenty letters"), text("A page with text.")])
}

/// Answers each picture by another model, the last all that follow.
struct InTurn(Vec<MockOcr>, Cell<usize>);

impl InTurn {
    fn new(models: Vec<MockOcr>) -> Self {
        Self(models, Cell::new(0))
    }

    fn reading(texts: &[&str]) -> Self {
        Self::new(texts.iter().map(|text| MockOcr::reading([*text])).collect())
    }
}

impl Ocr for InTurn {
    fn model(&self) -> Result<OcrModel, CapabilityError> {
        self.0[0].model()
    }

    fn read(&self, picture: &Picture) -> Result<Reading, CapabilityError> {
        let index = self.1.replace(self.1.get() + 1);
        self.0[index.min(self.0.len() - 1)].read(picture)
    }
}

fn no_model() -> MockOcr {
    MockOcr::answering(Err(CapabilityError::Unavailable("the mock has no model".into())))
}

fn no_budget() -> MockOcr {
    MockOcr::answering(Err(CapabilityError::Limit("the budget ocr_pictures is used up".into())))
}

fn converted(bytes: Vec<u8>, ocr: &dyn Ocr) -> MockTask {
    let task = MockTask::new("a.pdf", bytes);
    run(&task, ocr).unwrap();
    task
}

fn refused(bytes: Vec<u8>, ocr: &dyn Ocr, code: &str) -> Failure {
    assert_fails(run(&MockTask::new("a.pdf", bytes), ocr), code)
}

const PROSE: &str = "The quarterly report shows that revenue increased while costs decreased everywhere";

#[test]
fn a_scan_is_drawn_in_200_dots_an_inch_and_read() {
    let page = Sheet { attributes: "/MediaBox[0 0 612 792]", ..sheet("q 612 0 0 792 0 0 cm /Im Do Q") };
    let ocr = MockOcr::reading(["Hello", "World"]);
    let task = converted(document(&[page]), &ocr);
    assert_eq!(task.text("markdown.md"), "Hello World\n");
    let seen = &ocr.seen()[0];
    assert_eq!((seen.width, seen.height), (1700, 2200));
    assert_eq!((seen.pixels[0], seen.pixels[1699]), (0, 200));
    task.assert_progress_rises();
    assert_eq!(task.json::<Value>("document.json")["page_count"], 1);
}

#[test]
fn a_page_on_its_side_is_drawn_upright() {
    let turned = Sheet { attributes: "/MediaBox[0 0 180 90]/Rotate 90", ..scan() };
    let ocr = MockOcr::reading(["Hello"]);
    converted(document(&[turned]), &ocr);
    let seen = &ocr.seen()[0];
    assert_eq!((seen.width, seen.height), (250, 500));
    assert_eq!((seen.pixels[0], seen.pixels[125_000 - 1]), (0, 200), "the left column is above");
}

#[test]
fn only_the_scans_of_a_mixed_document_are_read() {
    let ocr = MockOcr::reading(["From a picture"]);
    let task = converted(document(&[text("The first page."), scan(), sheet(""), text("The last page.")]), &ocr);
    assert_eq!(task.text("markdown.md"), "The first page.\n\nFrom a picture\n\nThe last page.\n");
    assert_eq!(ocr.seen().len(), 1);
    let document: Value = task.json("document.json");
    assert_eq!(document["pages"][1], json!({ "number": 2, "start": 17, "end": 33 }));
    let progress = task.progress.borrow();
    let messages: Vec<_> = progress.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(messages, ["page 1 of 4", "page 2 of 4", "page 3 of 4", "page 4 of 4"]);
}

#[test]
fn a_scan_with_a_stamp_is_read_whole() {
    let stamped = sheet(format!("{PICTURE}BT /F1 9 Tf 20 20 Td (COPY 17) Tj ET"));
    let task = converted(document(&[stamped]), &MockOcr::reading(["The letter", "COPY 17"]));
    assert_eq!(task.text("markdown.md"), "The letter COPY 17\n");
}

/// A page whose letters have no meaning, since their font says of none which it is, and a page of text.
fn damaged(content: &str) -> Vec<u8> {
    let font = b"<</Type/Font/Subtype/Type0/BaseFont/Lost/Encoding/Identity-H/DescendantFonts[6 0 R]>>".to_vec();
    let descendant = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/Lost/CIDToGIDMap/Identity/DW 500\
        /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor 7 0 R>>";
    let descriptor =
        b"<</Type/FontDescriptor/FontName/Lost/Flags 4/FontBBox[0 0 500 700]/ItalicAngle 0/Ascent 700/Descent 0\
        /CapHeight 700/StemV 80>>";
    let letters: String = (0x21..0x61).map(|code| format!("{code:04X}")).collect();
    let content = format!("{content}BT /F2 4 Tf 5 50 Td <{letters}> Tj ET");
    let page = Sheet { resources: "/Font<</F1 3 0 R/F2 5 0 R>>", ..sheet(content) };
    document_with(&[page, text("A page with text.")], image(), &[font, descendant.to_vec(), descriptor.to_vec()])
}

#[test]
fn damaged_text_is_read() {
    let ocr = MockOcr::reading([PROSE]);
    let task = converted(damaged("5 30 90 20 re f "), &ocr);
    assert_eq!(task.text("markdown.md"), format!("{PROSE}\n\nA page with text.\n"));
    assert_eq!(ocr.seen().len(), 1);
    let task = converted(damaged("5 30 90 20 re f "), &no_model());
    assert_eq!(task.text("markdown.md"), "A page with text.\n");
    task.assert_logged(Level::Warn, "1 of 2 pages have text without readable letters");
}

#[test]
fn a_page_is_not_read_for_a_bullet() {
    let bytes = damaged(
        "BT /F1 4 Tf 5 30 Td (It has three lines that are good,) Tj 0 -5 Td (of which this is one,) Tj 0 -5 Td (and the last.) Tj ET ",
    );
    let ocr = MockOcr::reading([PROSE]);
    let task = converted(bytes, &ocr);
    assert!(ocr.seen().is_empty());
    task.assert_logged(Level::Warn, "1 of 2 pages have a little text without readable letters");
}

#[test]
fn damaged_text_that_cannot_be_drawn_either_is_said_to_be_missing() {
    let task = converted(damaged("1 g "), &MockOcr::reading([PROSE]));
    assert_eq!(task.text("markdown.md"), "A page with text.\n");
    task.assert_logged(Level::Warn, "1 of 2 pages have text without readable letters");
}

#[test]
fn a_hidden_layer_that_is_right_stays() {
    let ocr = InTurn::reading(&["The quarterly rep0rt shows that revenue increased while c0sts decreased everywhere"]);
    let task = converted(document(&[layer(PROSE)]), &ocr);
    assert_eq!(task.text("markdown.md"), format!("{PROSE}\n"));
}

#[test]
fn a_hidden_layer_that_is_wrong_is_replaced() {
    let wrong = "Tne quartcrly rcport sh0ws tnat rcvenuc increased whilc c0sts decrcased evcrywhcre";
    let task = converted(document(&[layer(wrong)]), &InTurn::reading(&[PROSE]));
    assert_eq!(task.text("markdown.md"), format!("{PROSE}\n"));
}

#[test]
fn layers_are_believed_after_five_that_are_right() {
    let task = converted(document(&vec![layer(PROSE); 8]), &MockOcr::reading([PROSE]));
    assert_eq!(task.json::<Value>("document.json")["page_count"], 8);
    let ocr = MockOcr::reading([PROSE]);
    let task_of_eight = converted(document(&vec![layer(PROSE); 8]), &ocr);
    assert_eq!(ocr.seen().len(), 5);
    task_of_eight.assert_progress_rises();
    let other = "Another text that has hardly anything in common with what the scanner laid over";
    let ocr = InTurn::reading(&[PROSE, PROSE, other, PROSE]);
    converted(document(&vec![layer(PROSE); 12]), &ocr);
    assert_eq!(ocr.1.get(), 8, "they are counted anew after a wrong one");
}

#[test]
fn without_a_model_a_mixed_document_says_what_is_missing() {
    let sheets = [text("The first page."), scan(), scan(), layer(PROSE)];
    let task = converted(document(&sheets), &no_model());
    assert_eq!(task.text("markdown.md"), format!("The first page.\n\n{PROSE}\n"));
    task.assert_logged(Level::Warn, "2 of 4 pages are pictures and were not read: the mock has no model");
    task.assert_logged(Level::Warn, "1 of 4 pages have a hidden text layer, which was not checked: the mock has no");
    let pages = &task.json::<Value>("document.json")["pages"];
    assert_eq!(pages.as_array().unwrap().len(), 4);
}

#[test]
fn without_a_model_a_document_of_scans_has_no_text() {
    let failure = refused(document(&[scan(), scan()]), &no_model(), "OCR_NOT_CONFIGURED");
    assert!(!failure.retryable);
    for part in ["2 pages have", "the mock has no model", "run OCR on it first"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    let stamped = sheet(format!("{PICTURE}BT /F1 9 Tf 20 20 Td (COPY 17) Tj ET"));
    refused(document(&[stamped]), &no_model(), "OCR_NOT_CONFIGURED");
}

#[test]
fn a_form_that_is_a_scan_has_the_text_of_its_fields() {
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 180 90]/Resources<</XObject<</Im 5 0 R>>>>/Contents 4 0 R/Annots[6 0 R]>>"
            .to_vec(),
        stream("", PICTURE.as_bytes()),
        image(),
        b"<</Type/Annot/Subtype/Widget/Rect[9 9 90 20]/P 3 0 R/FT/Tx/T(Name)/V(Jane Smith)>>".to_vec(),
    ];
    let task = converted(pdf_of(&objects, ""), &no_model());
    assert_eq!(task.text("markdown.md"), "- Name: Jane Smith\n");
    task.assert_logged(Level::Warn, "1 of 1 pages are pictures and were not read: the mock has no model");
}

#[test]
fn a_budget_that_ends_keeps_what_was_read() {
    let ocr = InTurn::new(vec![MockOcr::reading(["The first scan"]), no_budget()]);
    let task = converted(document(&[scan(), scan(), scan()]), &ocr);
    assert_eq!(task.text("markdown.md"), "The first scan\n");
    task.assert_logged(Level::Warn, "2 of 3 pages are pictures and were not read: the budget ocr_pictures");
    assert_eq!(ocr.1.get(), 2, "no page is drawn after the budget has ended");
    let failure = refused(document(&[sheet(""), scan()]), &no_budget(), "OCR_LIMIT");
    assert!(failure.message.contains("from page 2 on") && failure.message.contains("ocr_pictures"), "{failure}");
}

#[test]
fn a_page_whose_reading_fails_costs_that_page_alone() {
    let failing = || MockOcr::answering(Err(CapabilityError::Invalid("the picture could not be read".into())));
    let ocr = InTurn::new(vec![failing(), MockOcr::reading(["The second scan"])]);
    let task = converted(document(&[scan(), scan()]), &ocr);
    assert_eq!(task.text("markdown.md"), "The second scan\n");
    task.assert_logged(Level::Warn, "page 1 was not read: the picture could not be read");
    let failure = refused(document(&[sheet(""), scan()]), &failing(), "OCR_FAILED");
    assert!(failure.message.contains("page 2") && !failure.retryable, "{failure}");
}

#[test]
fn pages_without_text_are_read_before_layers_are_checked() {
    let ocr = InTurn::new(vec![MockOcr::reading(["The scan"]), no_budget()]);
    let task = converted(document(&[layer(PROSE), scan()]), &ocr);
    assert_eq!(task.text("markdown.md"), format!("{PROSE}\n\nThe scan\n"));
}

#[test]
fn a_model_that_is_away_is_asked_again_later() {
    let away = MockOcr::answering(Err(CapabilityError::Unavailable("no memory now".into())));
    let ocr = InTurn::new(vec![MockOcr::reading(["x"]), away]);
    assert!(refused(document(&[scan(), scan()]), &ocr, "SERVICE_UNAVAILABLE").retryable);
}

#[test]
fn a_script_that_is_not_read_is_said() {
    let line = TextLine { text: "xx".into(), density: 0.2, ..TextLine::default() };
    let ocr = MockOcr::answering(Ok(Reading { lines: vec![line], turned: 0, truncated: false }));
    let failure = refused(document(&[scan()]), &ocr, "UNSUPPORTED_SCRIPT");
    assert!(failure.message.contains("pdf") && failure.message.contains("Latn"), "{failure}");
    refused(document(&[scan()]), &MockOcr::reading([]), "NO_TEXT");
}

#[test]
fn a_page_that_cannot_be_drawn_does_not_lose_the_others() {
    let image = stream(
        "/Type/XObject/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
        b"x",
    );
    let ocr = MockOcr::reading(["never"]);
    let task = converted(document_with(&[scan(), text("The second page.")], image.clone(), &[]), &ocr);
    assert_eq!(task.text("markdown.md"), "The second page.\n");
    assert!(ocr.seen().is_empty());
    task.assert_logged(Level::Warn, "page 1 cannot be drawn, to be read: its picture cannot be decoded");
    let failure = refused(document_with(&[scan()], image, &[]), &ocr, "CORRUPT_DOCUMENT");
    assert!(failure.message.contains("cannot be decoded"), "{failure}");
}

#[test]
fn a_page_of_too_many_dashes_does_not_lose_the_others() {
    let dashed = sheet("q 612 0 0 792 0 0 cm /Im Do Q [0.0001 0.0001] 0 d 0 0 m 600 700 l S");
    let task = converted(document(&[dashed, text("The second page.")]), &MockOcr::reading(["never"]));
    assert_eq!(task.text("markdown.md"), "The second page.\n");
    task.assert_logged(Level::Warn, "page 1 cannot be drawn, to be read: drawing it takes more than 268435456 bytes");
}

#[test]
fn a_page_of_200_inches_is_drawn_with_fewer_dots() {
    // Not as high as it is wide, so that the test takes no seconds.
    let large = Sheet { attributes: "/MediaBox[0 0 14400 36]", ..sheet("q 14400 0 0 36 0 0 cm /Im Do Q") };
    let ocr = MockOcr::reading(["A plan"]);
    converted(document(&[large]), &ocr);
    assert_eq!((ocr.seen()[0].width, ocr.seen()[0].height), (16_384, 40));
}

/// Forms of which each draws the next ten times; the last of the levels has an operation.
fn bomb(first: usize, levels: usize) -> Vec<Vec<u8>> {
    let form = |level: usize| {
        let next = first + level + 1;
        let dictionary = format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N {next} 0 R>>>>");
        stream(
            &dictionary,
            if level + 1 == levels {
                b"0 0 1 1 re f"
            } else {
                b"/N Do /N Do /N Do /N Do /N Do /N Do /N Do /N Do /N Do /N Do"
            },
        )
    };
    (0..levels).map(form).collect()
}

#[test]
fn forms_without_end_are_not_drawn() {
    // Within the cell of a pattern: there the parser of the text does not look for text, and would not end either.
    let mut more = vec![stream(
        "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<</XObject<</N 6 0 R>>>>",
        b"/N Do",
    )];
    more.extend(bomb(6, 12));
    let resources = "/XObject<</Im 4 0 R>>/Pattern<</P 5 0 R>>";
    let bombed = Sheet { resources, ..sheet(format!("{PICTURE}/Pattern cs /P scn 0 0 170 80 re f")) };
    let ocr = MockOcr::reading(["The scan"]);
    let task = converted(document_with(&[bombed, scan()], image(), &more), &ocr);
    assert_eq!(task.text("markdown.md"), "The scan\n");
    task.assert_logged(Level::Warn, "page 1 cannot be drawn, to be read: drawing it takes more than 500000 operations");
}

#[test]
fn a_picture_that_claims_too_many_pixels_is_not_decoded() {
    let image = stream(
        "/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceGray/BitsPerComponent 8",
        &[0; 16],
    );
    let failure = refused(document_with(&[scan()], image, &[]), &MockOcr::reading(["x"]), "DOCUMENT_TOO_LARGE");
    assert!(failure.message.contains("a picture on it"), "{failure}");
}

#[test]
fn only_the_pages_that_are_asked_for_are_converted_and_read() {
    let sheets = [text("one"), scan(), text("three"), scan(), text("five")];
    let ocr = MockOcr::reading(["of a scan"]);
    let task =
        MockTask::new("a.pdf", document(&sheets)).with_option("page_range", json!([3, 9])).with_option("max_pages", 2);
    let data = run(&task, &ocr).unwrap();
    assert_eq!(task.text("markdown.md"), "three\n\nof a scan\n");
    assert_eq!((ocr.seen().len(), &data["conversion_metadata"]["page_count"]), (1, &json!(5)));
    let pages = &task.json::<Value>("document.json")["pages"];
    assert_eq!(
        (&pages[1], &pages[2]),
        (&json!({ "number": 2, "start": 0, "end": 0 }), &json!({ "number": 3, "start": 0, "end": 7 }))
    );
    task.assert_progress_rises();
    assert_eq!(task.progress.borrow().last().unwrap(), &(1.0, "page 2 of 2".to_owned()));
}

#[test]
fn a_range_without_pages_is_said() {
    for range in [json!([6, 9]), json!([3, 2])] {
        let task = MockTask::new("a.pdf", document(&[text("one"), text("two")])).with_option("page_range", range);
        let failure = assert_fails(run(&task, &MockOcr::reading([])), "EMPTY_DOCUMENT");
        assert!(failure.message.contains("2 pages") && failure.message.contains("page_range"), "{failure}");
    }
}
