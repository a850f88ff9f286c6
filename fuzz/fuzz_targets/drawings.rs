//! Pages of a PDF that are drawn because they have no text. An input is what a page draws: the file around it is made here, with a form, a
//! picture, a font and a pattern that it can use.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_fuzz::keeps_its_promise;
use morag_step::mock::MockOcr;

fuzz_target!(|content: &[u8]| {
    let ocr = MockOcr::reading(["words"]);
    let pdf = page(content);
    keeps_its_promise(|source| pdf_conversion::convert(source, &ocr, &mut |_, _| ()), &pdf, "a.pdf");
});

/// A PDF of one page with this content.
fn page(content: &[u8]) -> Vec<u8> {
    let plain = |text: &str| text.as_bytes().to_vec();
    let stream = |dict: &str, content: &[u8]| {
        [format!("<<{dict}/Length {}>>stream\n", content.len()).as_bytes(), content, b"\nendstream"].concat()
    };
    let objects = [
        plain("<</Type/Catalog/Pages 2 0 R>>"),
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
        stream("/Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray", b"\x00\x40\x80\xff"),
        stream(
            "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 4 4]/XStep 4/YStep 4/Resources<<>>",
            b"0 0 2 2 re f",
        ),
        plain(
            "<</Type/Pattern/PatternType 2/Shading<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 1 1]\
             /Function<</FunctionType 2/Domain[0 1]/N 1>>>>>>",
        ),
    ];
    let (mut pdf, mut places) = (plain("%PDF-1.7\n"), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n", index + 1).bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let start = pdf.len();
    pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    places.iter().for_each(|place| pdf.extend(format!("{place:010} 00000 n \n").bytes()));
    pdf.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF", objects.len() + 1).bytes());
    pdf
}
