//! Pages of a PDF that are drawn because they have no text, and their pictures as files. An input is what a page draws: the file around it is
//! made here, with a form, a picture, a font and a pattern that it can use. After a byte 0, an input has objects from 10 on, one a line: the
//! first is a field of the form, the second the first bookmark. In an object, `@` stands for the number of the next one; a line that begins with
//! a byte below 10 stands for as many hundreds of objects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_conversion::Images;
use morag_conversion::images::Include;
use morag_fuzz::keeps_its_promise;
use morag_step::mock::{MockOcr, MockTask};

/// Objects that an input has: more bookmarks in a row than the parser can follow.
const OBJECTS_MAX: usize = 5000;

fuzz_target!(|input: &[u8]| {
    let ocr = MockOcr::reading(["words"]);
    let task = MockTask::new("a.pdf", "");
    let images = Images::of(&task, Include { figures: true, pages: true });
    let (content, objects) = input.split_at(input.iter().position(|byte| *byte == 0).unwrap_or(input.len()));
    let pdf = page(content, objects.get(1..).unwrap_or_default());
    keeps_its_promise(
        |source| pdf_conversion::convert_with_images(source, &ocr, &images, &mut |_, _| ()),
        &pdf,
        "a.pdf",
    );
    let (listed, _) = images.finish().expect("the task takes every file");
    for image in listed.unwrap_or_default() {
        assert!(task.file(&image.file).is_some_and(|bytes| !bytes.is_empty()), "{} is listed", image.file);
    }
});

/// The objects of an input.
fn objects(lines: &[u8]) -> Vec<Vec<u8>> {
    let mut objects = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let (times, text) = match line {
            [times @ 1..10, text @ ..] => (usize::from(*times) * 100, text),
            text => (1, text),
        };
        for _ in 0..times.min(OBJECTS_MAX - objects.len()) {
            let next = (objects.len() + 11).to_string();
            let bytes = |byte: &u8| if *byte == b'@' { next.clone().into_bytes() } else { vec![*byte] };
            objects.push(text.iter().flat_map(bytes).collect());
        }
    }
    objects
}

/// A PDF of one page with this content, and more objects.
fn page(content: &[u8], more: &[u8]) -> Vec<u8> {
    let plain = |text: &str| text.as_bytes().to_vec();
    let stream = |dict: &str, content: &[u8]| {
        [format!("<<{dict}/Length {}>>stream\n", content.len()).as_bytes(), content, b"\nendstream"].concat()
    };
    let mut all = vec![
        plain("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[10 0 R]>>/Outlines 9 0 R>>"),
        plain("<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 200 200]>>"),
        plain(
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</F 5 0 R/I 6 0 R>>/Pattern<</P 7 0 R/S 8 0 R>>\
             /Font<</T<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        ),
        stream("", content),
        stream(
            "/Type/XObject/Subtype/Form/BBox[0 0 50 50]/Resources<</XObject<</F 5 0 R/I 6 0 R>>>>",
            b"0 0 9 9 re f /I Do",
        ),
        stream(
            "/Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray",
            b"\x00\x40\x80\xff",
        ),
        stream(
            "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 4 4]/XStep 4/YStep 4/Resources<<>>",
            b"0 0 2 2 re f",
        ),
        plain(
            "<</Type/Pattern/PatternType 2/Shading<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 1 1]\
             /Function<</FunctionType 2/Domain[0 1]/N 1>>>>>>",
        ),
        plain("<</Type/Outlines/First 11 0 R>>"),
    ];
    all.extend(objects(more));
    let (mut pdf, mut places) = (plain("%PDF-1.7\n"), Vec::new());
    for (index, object) in all.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n", index + 1).bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let start = pdf.len();
    pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", all.len() + 1).bytes());
    places.iter().for_each(|place| pdf.extend(format!("{place:010} 00000 n \n").bytes()));
    pdf.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF", all.len() + 1).bytes());
    pdf
}
