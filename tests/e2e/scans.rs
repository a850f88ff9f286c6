//! Pictures and scans through the whole pipeline, read by the real model: pages that the tests draw, whose text is known.

use image::ImageFormat;
use morag_tests::drawn_page::{ENGLISH, GERMAN, JAPANESE, Page, RUSSIAN, Typeface, errors};
use morag_tests::server::{Server, models_dir};
use reqwest::Method;
use serde_json::Value;
use std::io::Cursor;

/// Thousandths of the characters that may be wrong: one in a hundred, as on the engine's own tests.
const WRONG_MAX: usize = 10;

async fn server() -> Server {
    Server::start_with(&[("MORAG_MODELS_DIR", models_dir().to_str().expect("UTF-8"))]).await
}

/// Submits a document to be converted, and returns its status at the end.
async fn submitted(server: &Server, name: &str, bytes: Vec<u8>, fields: &[(&str, &str)]) -> (String, Value) {
    let task = server.submit(name, bytes, &[&[("pipeline", "convert")], fields].concat()).await;
    let status = server.wait_for_end(&task).await;
    (task, status)
}

/// Converts a document, and returns its markdown.
async fn converted(server: &Server, name: &str, bytes: Vec<u8>, fields: &[(&str, &str)]) -> String {
    let (task, status) = submitted(server, name, bytes, fields).await;
    assert_eq!(status["status"], "completed", "{name}: {status}");
    let markdown = server.request(Method::GET, &format!("/api/files/temp/{task}/markdown.md")).send().await;
    markdown.expect("an answer").error_for_status().expect("a file").text().await.expect("text")
}

fn assert_says(drawn: &[&str], said: &str, name: &str) {
    let wrong = errors(drawn, said);
    assert!(wrong <= WRONG_MAX, "{name}: {wrong} of 1000 characters are wrong: {said}");
}

fn png(page: &Page) -> Vec<u8> {
    let (width, height) = page.sides();
    let picture = image::GrayImage::from_raw(width, height, page.pixels.clone()).expect("as many pixels as it has");
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

fn tiff(pages: &[&Page]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut file = tiff::encoder::TiffEncoder::new(&mut bytes).expect("a file in memory");
    for page in pages {
        let (width, height) = page.sides();
        file.write_image::<tiff::encoder::colortype::Gray8>(width, height, &page.pixels).expect("a page");
    }
    bytes.into_inner()
}

/// A page of a PDF.
enum Sheet<'a> {
    /// A picture of a page at so many dots an inch.
    Scan(&'a Page, usize),
    /// A line of text.
    Text(&'a str),
}

fn pdf(sheets: &[Sheet<'_>]) -> Vec<u8> {
    let kids: String = (0..sheets.len()).map(|index| format!("{} 0 R ", 4 + 3 * index)).collect();
    let mut objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{kids}]/Count {}>>", sheets.len()).into_bytes(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
    ];
    let stream = |entries: &str, content: &[u8]| {
        [format!("<<{entries}/Length {}>>stream\n", content.len()).as_bytes(), content, b"\nendstream"].concat()
    };
    for (index, sheet) in sheets.iter().enumerate() {
        let (content, picture) = (5 + 3 * index, 6 + 3 * index);
        let (width, height, drawing, image) = match sheet {
            Sheet::Scan(page, dpi) => {
                let (width, height) = (page.width * 72 / dpi, page.height * 72 / dpi);
                let entries = format!(
                    "/Type/XObject/Subtype/Image/Width {}/Height {}/ColorSpace/DeviceGray/BitsPerComponent 8",
                    page.width, page.height
                );
                let drawing = format!("q {width} 0 0 {height} 0 0 cm /Im Do Q");
                (width, height, drawing, stream(&entries, &page.pixels))
            }
            Sheet::Text(text) => (612, 792, format!("BT /F 12 Tf 72 700 Td ({text}) Tj ET"), b"null".to_vec()),
        };
        let resources = format!("<</Font<</F 3 0 R>>/XObject<</Im {picture} 0 R>>>>");
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Resources{resources}/Contents {content} 0 R>>"
        );
        objects.extend([page.into_bytes(), stream("", drawing.as_bytes()), image]);
    }
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend([format!("{} 0 obj\n", index + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    places.iter().for_each(|place| file.extend(format!("{place:010} 00000 n \n").bytes()));
    let size = objects.len() + 1;
    file.extend(format!("trailer<</Root 1 0 R/Size {size}>>\nstartxref\n{table}\n%%EOF\n").bytes());
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_read() {
    let server = server().await;
    let english = Page::of(&ENGLISH, Typeface::DejaVu, 150);
    let markdown = converted(&server, "notice.png", png(&english), &[]).await;
    assert_says(&ENGLISH, &markdown, "notice.png");

    let japanese = Page::of(&JAPANESE, Typeface::IpaGothic, 150);
    let two = tiff(&[&english.quarter_turned(), &japanese]);
    let markdown = converted(&server, "fax.tiff", two.clone(), &[]).await;
    assert_says(&[ENGLISH, JAPANESE].concat(), &markdown, "both pages of fax.tiff");
    let markdown = converted(&server, "fax.tiff", two, &[("page_range", "2,2")]).await;
    assert_says(&JAPANESE, &markdown, "the second page alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_are_read_page_by_page_and_text_stays_as_it_is() {
    let server = server().await;
    let german = Page::of(&GERMAN, Typeface::DejaVu, 150);
    let english = Page::of(&ENGLISH, Typeface::DejaVu, 300);
    let japanese = Page::of(&JAPANESE, Typeface::IpaGothic, 150).quarter_turned();
    let tilted = Page::of(&GERMAN, Typeface::DejaVu, 200).tilted(2.0);
    let noisy = Page::of(&ENGLISH, Typeface::DejaVu, 200).noisy();
    let file = pdf(&[
        Sheet::Scan(&german, 150),
        Sheet::Text("This page has text of its own."),
        Sheet::Scan(&english, 300),
        Sheet::Scan(&japanese, 150),
        Sheet::Scan(&tilted, 200),
        Sheet::Scan(&noisy, 200),
    ]);
    let text = "This page has text of its own.";
    let markdown = converted(&server, "scan.pdf", file.clone(), &[]).await;
    assert!(markdown.contains(text), "{markdown}");
    let all = [&GERMAN[..], &[text], &ENGLISH, &JAPANESE, &GERMAN, &ENGLISH].concat();
    assert_says(&all, &markdown, "all pages of scan.pdf");
    for (page, drawn, name) in [
        ("1,1", &GERMAN, "German at 150 dpi"),
        ("3,3", &ENGLISH, "English at 300 dpi"),
        ("4,4", &JAPANESE, "Japanese, turned by 90 degrees"),
        ("5,5", &GERMAN, "German, tilted by 2 degrees"),
        ("6,6", &ENGLISH, "English with noise"),
    ] {
        let markdown = converted(&server, "scan.pdf", file.clone(), &[("page_range", page)]).await;
        assert_says(drawn, &markdown, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_the_model_does_not_know_is_said() {
    let server = server().await;
    let russian = png(&Page::of(&RUSSIAN, Typeface::DejaVu, 150));
    let (_, status) = submitted(&server, "prava.png", russian, &[]).await;
    assert_eq!(status["error_details"]["error_code"], "UNSUPPORTED_SCRIPT", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_command_that_adds_one_is_said() {
    let server = Server::start().await;
    let page = Page::of(&ENGLISH[..1], Typeface::DejaVu, 150);
    for (name, bytes) in [("notice.png", png(&page)), ("scan.pdf", pdf(&[Sheet::Scan(&page, 150)]))] {
        let (_, status) = submitted(&server, name, bytes, &[]).await;
        assert_eq!(status["error_details"]["error_code"], "OCR_NOT_CONFIGURED", "{status}");
        let error = status["error"].as_str().expect("a text");
        assert!(error.contains("morag models add pp-ocrv6-small"), "{status}");
    }
}

/// A model whose files are not what they were: the operator has to repair it, and waiting does not help.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_model_fails_at_once_with_the_command_that_repairs_it() {
    let models = tempfile::tempdir().expect("a folder");
    let folder = models.path().join("pp-ocrv6-small");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"] {
        std::fs::write(folder.join(name), "damaged").expect("a file");
    }
    let server = Server::start_with(&[("MORAG_MODELS_DIR", models.path().to_str().expect("UTF-8"))]).await;
    let page = Page::of(&ENGLISH[..1], Typeface::DejaVu, 150);
    for (name, bytes) in [("notice.png", png(&page)), ("scan.pdf", pdf(&[Sheet::Scan(&page, 150)]))] {
        let (_, status) = submitted(&server, name, bytes, &[]).await;
        assert_eq!(status["error_details"]["error_code"], "OCR_MISCONFIGURED", "{status}");
        let error = status["error"].as_str().expect("a text");
        assert!(error.contains("is damaged") && error.contains("`morag models add pp-ocrv6-small` again"), "{status}");
        assert!(!error.contains(models.path().to_str().expect("UTF-8")), "no path is shown: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tesseract_reads_scripts_that_the_model_does_not_know() {
    // The program is found in `PATH`; other servers of tests have none.
    let path = std::env::var("PATH").expect("a path");
    let settings = [("MORAG_OCR", "tesseract"), ("MORAG_OCR_LANGUAGES", "rus"), ("PATH", path.as_str())];
    let server = Server::start_with(&settings).await;
    let russian = Page::of(&RUSSIAN, Typeface::DejaVu, 150);
    let markdown = converted(&server, "prava.png", png(&russian), &[]).await;
    assert_says(&RUSSIAN, &markdown, "prava.png");
}
