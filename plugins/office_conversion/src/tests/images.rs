//! Pictures of documents as files, where the option `include_images` asks for them.

use crate::testdata::{
    epub, odf, pptx, sample_epub, sample_ods, sample_odt, sample_pptx, sample_rtf, sample_xlsx, shape, with_parts,
};
use crate::{convert, run};
use morag_conversion::images::IMAGE_BYTES_MAX;
use morag_conversion::testdata::{docx, sample_docx, source};
use morag_step::mock::MockTask;
use morag_step::{Level, Task as _};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x08 and more";
const JPG: &[u8] = b"\xff\xd8\xff\xe0 and more";

/// The task after a document was converted with this option.
fn converted(bytes: &[u8], option: &str) -> MockTask {
    let task = MockTask::new("a", bytes).with_option("include_images", option);
    run(&task).unwrap();
    task
}

fn listed(task: &MockTask) -> serde_json::Value {
    let document: serde_json::Value = serde_json::from_str(&task.text("document.json")).unwrap();
    document["images"].clone()
}

fn warnings(task: &MockTask) -> Vec<String> {
    let lines = task.lines.borrow();
    lines.iter().filter(|(level, _)| *level == Level::Warn).map(|(_, line)| line.clone()).collect()
}

fn files(task: &MockTask) -> Vec<String> {
    (1..=300)
        .flat_map(|number| ["png", "jpg", "gif", "bmp"].map(|extension| format!("image-{number}.{extension}")))
        .filter(|name| task.file(name).is_some())
        .collect()
}

fn relations(list: &[(&str, &str)]) -> Vec<u8> {
    let one = |(id, target): &(&str, &str)| format!("<Relationship Id='{id}' Type='x/image' Target='{target}'/>");
    format!("<Relationships>{}</Relationships>", list.iter().map(one).collect::<String>()).into_bytes()
}

/// A Word document with pictures `p1` and `p2`, and others by name.
fn word(body: &str, more: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut related =
        vec![("p1", "media/one.dat"), ("p2", "media/two.dat"), ("svg", "media/a.png"), ("gone", "media/gone.png")];
    related.extend(more.iter().map(|(id, name, _)| (*id, *name)));
    let related = relations(&related);
    let names: Vec<String> = more.iter().map(|(_, name, _)| format!("word/{name}")).collect();
    let mut parts: Vec<(&str, &[u8])> = vec![
        ("word/_rels/document.xml.rels", &related),
        ("word/media/one.dat", PNG),
        ("word/media/two.dat", JPG),
        ("word/media/a.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    ];
    parts.extend(names.iter().zip(more).map(|(name, (_, _, bytes))| (name.as_str(), *bytes)));
    with_parts(&docx(body), &parts)
}

fn drawing(id: &str, alt: &str) -> String {
    format!(
        "<w:r><w:drawing><wp:inline><wp:docPr id='1' name='Picture 1' descr='{alt}'/><a:graphic><a:graphicData><pic:pic>\
         <pic:blipFill><a:blip r:embed='{id}'/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )
}

fn text(text: &str) -> String {
    format!("<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>")
}

#[test]
fn pictures_of_a_word_document_are_files_with_their_bytes_where_they_stand() {
    let old = "<w:r><w:pict><v:shape alt='An old one'><v:imagedata r:id='p1'/></v:shape></w:pict></w:r>";
    let body = format!(
        "<w:p>{}{}{}</w:p><w:p>{}</w:p><w:tbl><w:tr><w:tc><w:p>{}</w:p></w:tc><w:tc><w:p>{old}</w:p></w:tc></w:tr></w:tbl>",
        text("before "),
        drawing("p2", ""),
        text(" after"),
        drawing("p1", "A chart|of [sales](x)&#10;in *2024*"),
        text("x"),
    );
    let task = converted(&word(&body, &[]), "figures");
    assert_eq!(
        task.text("markdown.md"),
        "before ![Image 1](image-1.jpg) after\n\n![A chart|of \\[sales\\](x) in \\*2024\\*](image-2.png)\n\n\
         | x | ![An old one](image-2.png) |\n| --- | --- |\n"
    );
    assert_eq!((task.file("image-1.jpg").unwrap(), task.file("image-2.png").unwrap()), (JPG.to_vec(), PNG.to_vec()));
    assert_eq!(
        listed(&task),
        serde_json::json!([
            { "file": "image-1.jpg" },
            { "file": "image-2.png", "alt": "A chart|of [sales](x) in *2024*", "width": 16, "height": 8 }
        ])
    );
}

#[test]
fn scripts_metafiles_and_pictures_outside_stay_as_they_were() {
    let emf = [b"\x01\0\0\0\x6c\0\0\0 and more".as_slice(), &vec![0; IMAGE_BYTES_MAX]].concat();
    let body = format!(
        "<w:p>{}{}{}{}{}</w:p>",
        text("text"),
        drawing("svg", ""),
        drawing("gone", ""),
        drawing("e", ""),
        drawing("x", "")
    );
    let task = converted(&word(&body, &[("e", "media/e.emf", &emf)]), "all");
    assert_eq!((task.text("markdown.md").as_str(), files(&task)), ("text\n", vec![]));
    assert_eq!((listed(&task), warnings(&task)), (serde_json::json!([]), vec![]));
}

#[test]
fn nothing_changes_where_no_figures_are_asked_for() {
    let word = word(&format!("<w:p>{}{}</w:p>", text("text"), drawing("p1", "alt")), &[]);
    for bytes in
        [word, sample_docx(), sample_pptx(), sample_odt(), sample_ods(), sample_xlsx(), sample_epub(), sample_rtf()]
    {
        let plain = convert(&source(&bytes, "a")).unwrap();
        let none = converted(&bytes, "none");
        assert_eq!(none.text("markdown.md"), plain.markdown);
        assert_eq!(none.text("document.json"), plain.document_json().to_string());
        assert!(listed(&none).is_null() && files(&none).is_empty());
        assert_eq!(converted(&bytes, "pages").text("markdown.md"), plain.markdown, "pages are not drawn");
    }
}

#[test]
fn pictures_of_slides() {
    let picture = |id: &str| {
        format!(
            "<p:pic><p:nvPicPr><p:cNvPr id='4' name='Picture 3' title='A map'/></p:nvPicPr><p:blipFill><a:blip r:embed='{id}'/></p:blipFill></p:pic>"
        )
    };
    let slides = [shape("title", "One"), format!("{}<p:grpSp>{}</p:grpSp>", shape("", "Two"), picture("i"))];
    let rels = relations(&[("i", "../media/a.png")]);
    let bytes = with_parts(
        &pptx(&[&slides[0], &slides[1]]),
        &[("ppt/slides/_rels/slide2.xml.rels", &rels), ("ppt/media/a.png", PNG)],
    );
    let task = converted(&bytes, "figures");
    assert!(
        task.text("markdown.md").ends_with("## Slide 2\n\nTwo\n\n![A map](image-1.png)\n"),
        "{}",
        task.text("markdown.md")
    );
    assert_eq!(listed(&task)[0]["page"], 2);
    assert_eq!(task.file("image-1.png").unwrap(), PNG);
}

#[test]
fn pictures_of_a_workbook() {
    let anchor = "<xdr:wsDr><xdr:twoCellAnchor><xdr:pic><xdr:nvPicPr><xdr:cNvPr descr='Plan'/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed='i'/></xdr:blipFill></xdr:pic></xdr:twoCellAnchor></xdr:wsDr>";
    let drawing =
        b"<Relationships><Relationship Id='d' Type='x/drawing' Target='../drawings/drawing1.xml'/></Relationships>";
    let rels = relations(&[("i", "../media/a.jpeg")]);
    let bytes = with_parts(
        &sample_xlsx(),
        &[
            ("xl/worksheets/_rels/sheet3.xml.rels", drawing),
            ("xl/drawings/drawing1.xml", anchor.as_bytes()),
            ("xl/drawings/_rels/drawing1.xml.rels", &rels),
            ("xl/media/a.jpeg", JPG),
        ],
    );
    let task = converted(&bytes, "figures");
    assert!(
        task.text("markdown.md").ends_with("| a & b |\n| --- |\n\n![Plan](image-1.jpg)\n"),
        "{}",
        task.text("markdown.md")
    );
    assert_eq!((listed(&task)[0]["page"].clone(), task.file("image-1.jpg").unwrap()), (3.into(), JPG.to_vec()));
}

#[test]
fn pictures_of_open_document() {
    let frame = |inner: &str| format!("<draw:frame>{inner}</draw:frame>");
    let image = "<draw:image xlink:href='./Pictures/a.png'/>";
    let object = "<draw:object xlink:href='./Object 1'/><draw:image xlink:href='Pictures/b.jpg'/>";
    let described = format!(
        "<draw:image xlink:href='Pictures/a.svg'/>{image}<svg:title>Short</svg:title><svg:desc>A map</svg:desc>"
    );
    let parts: [(&str, &[u8]); 3] = [("Pictures/a.png", PNG), ("Pictures/b.jpg", JPG), ("Pictures/a.svg", b"<svg/>")];
    let body = format!(
        "<office:text><text:p>see {} here</text:p><text:p>{}</text:p><text:p>{}</text:p></office:text>",
        frame(&described),
        frame(object),
        frame("<draw:image xlink:href='http://a.example/x.png'/>"),
    );
    let task = converted(&with_parts(&odf("text", &body), &parts), "figures");
    assert_eq!(task.text("markdown.md"), "see ![A map](image-1.png) here\n\n$\\frac{a}{b}$\n");
    // What stands in for an object that is read is no figure.
    let body = format!("<office:text><text:p>x</text:p>{}</office:text>", frame(object));
    let task = converted(&with_parts(&odf("text", &body), &parts), "figures");
    assert!(files(&task).is_empty() && !task.text("markdown.md").contains("!["), "{}", task.text("markdown.md"));
    let body = format!(
        "<office:presentation><draw:page>x</draw:page><draw:page>{}</draw:page></office:presentation>",
        frame(image)
    );
    let task = converted(&with_parts(&odf("presentation", &body), &parts), "figures");
    assert_eq!(task.text("markdown.md"), "## Slide 2\n\n![Image 1](image-1.png)\n");
    assert_eq!(listed(&task)[0]["page"], 2);
    let body = format!(
        "<office:spreadsheet><table:table table:name='A'><table:shapes>{}</table:shapes></table:table></office:spreadsheet>",
        frame(image)
    );
    let task = converted(&with_parts(&odf("spreadsheet", &body), &parts), "figures");
    assert_eq!(task.text("markdown.md"), "## A\n\n![Image 1](image-1.png)\n");
}

#[test]
fn pictures_of_a_book() {
    let cover = "<html><body><svg><image xlink:href='../images/a%20b.jpg'/></svg></body></html>";
    let chapter = "<html><body><h1>One</h1><p>Text <img src='../images/one.png' alt='A &amp; B'/> more.</p>\
                   <table><tr><td>x</td><td><img src='../images/one.png'/></td></tr></table><blockquote><img src='../images/a%20b.jpg'/></blockquote>\
                   <img src='http://a.example/x.png'/><img/></body></html>";
    let parts: [(&str, &[u8]); 2] = [("OPS/images/one.png", PNG), ("OPS/images/a b.jpg", JPG)];
    let task = converted(&epub(&[cover, chapter], &parts), "figures");
    assert_eq!(
        task.text("markdown.md"),
        "![Image 1](image-1.jpg)\n\n# One\n\nText ![A & B](image-2.png) more.\n\n| x | ![Image 2](image-2.png) |\n| --- | --- |\n\n\
         > ![Image 1](image-1.jpg)\n"
    );
    assert_eq!((listed(&task)[0]["page"].clone(), listed(&task)[1]["page"].clone()), (2.into(), 3.into()));
    assert_eq!(task.file("image-1.jpg").unwrap(), JPG);
}

#[test]
fn pictures_of_rich_text() {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join("\r\n");
    let body = format!(
        "{{\\rtf1 one {{\\*\\shppict{{\\pict{{\\*\\picprop{{\\sp{{\\sn wzName}}{{\\sv abc}}}}}}\\pngblip\\picw10 {}}}}}\
         {{\\nonshppict{{\\pict\\wmetafile8 0100}}}} two\\par {{\\v {{\\pict\\jpegblip {}}}}}{{\\pict\\jpegblip {}}}{{\\pict\\bin4 abcd}}\\par}}",
        digits(PNG),
        digits(JPG),
        digits(JPG)
    );
    let task = converted(body.as_bytes(), "figures");
    assert_eq!(task.text("markdown.md"), "one ![Image 1](image-1.png) two\n\n![Image 2](image-2.jpg)\n");
    assert_eq!((task.file("image-1.png").unwrap(), task.file("image-2.jpg").unwrap()), (PNG.to_vec(), JPG.to_vec()));
}

#[test]
fn ten_thousand_pictures_are_two_hundred_files_and_a_warning() {
    let names: Vec<(String, String, Vec<u8>)> =
        (0..10_000u32).map(|n| (format!("i{n}"), format!("media/{n}.png"), [PNG, &n.to_le_bytes()].concat())).collect();
    let more: Vec<(&str, &str, &[u8])> =
        names.iter().map(|(id, name, bytes)| (id.as_str(), name.as_str(), bytes.as_slice())).collect();
    let body: String = names.iter().map(|(id, _, _)| format!("<w:p>{}</w:p>", drawing(id, ""))).collect();
    let task = converted(&word(&body, &more), "figures");
    assert_eq!(
        (files(&task).len(), task.text("markdown.md").lines().filter(|line| !line.is_empty()).count()),
        (200, 200)
    );
    assert!(warnings(&task)[0].starts_with("9800 pictures are left out: "), "{:?}", warnings(&task));
}

#[test]
fn one_picture_ten_thousand_times_is_one_file_that_is_read_once() {
    let large = [PNG, &vec![7; 4 << 20]].concat();
    let body = format!("<w:p>{}</w:p>", drawing("big", "")).repeat(10_000);
    let task = converted(&word(&body, &[("big", "media/big.png", &large)]), "figures");
    assert_eq!(task.text("markdown.md").matches("![Image 1](image-1.png)").count(), 10_000);
    assert_eq!(warnings(&task), Vec::<String>::new());
}

#[test]
fn pictures_that_are_too_large_or_damaged_do_not_lose_the_text() {
    let bomb = [PNG, &vec![0; IMAGE_BYTES_MAX]].concat();
    let cut = &PNG[..9];
    let huge = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &60_000u32.to_be_bytes()[..], &60_000u32.to_be_bytes()].concat();
    let body =
        format!("<w:p>{}{}{}{}</w:p>", text("text "), drawing("bomb", ""), drawing("cut", ""), drawing("huge", ""));
    let more: [(&str, &str, &[u8]); 3] =
        [("bomb", "bomb.png", &bomb), ("cut", "cut.png", cut), ("huge", "huge.png", &huge)];
    let mut bytes = word(&body, &more);
    let task = converted(&bytes, "figures");
    assert_eq!(task.text("markdown.md"), "text ![Image 1](image-1.png)![Image 2](image-2.png)\n");
    assert_eq!(task.file("image-1.png").unwrap(), cut, "nothing is decoded");
    assert_eq!(listed(&task)[1], serde_json::json!({ "file": "image-2.png", "width": 60_000, "height": 60_000 }));
    assert_eq!(warnings(&task), ["1 picture is left out: one has at most 32 MiB"]);
    // The bytes of a picture in the zip are not what its sum says.
    let at = bytes.windows(4).position(|window| window == b"huge").unwrap() + 20;
    bytes[at] ^= 0xff;
    let task = converted(&bytes, "figures");
    assert!(task.text("markdown.md").starts_with("text "));
    assert!(warnings(&task).contains(&"1 picture is left out: they are damaged".to_owned()), "{:?}", warnings(&task));
    assert!(task.info().size > 0);
}
