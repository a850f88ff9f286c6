//! Where the pictures of a page stand, found without drawing it.
//!
//! Charts and drawings that are made of lines are not pictures to the file, and are not found.

use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction as Op;
use hayro::hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro::hayro_syntax::page::{Page, Resources};
use hayro::kurbo::{Affine, Rect};

/// Operations of a page that are looked at, as often as its forms are drawn: as many as are drawn of one.
const OPERATIONS_MAX: u64 = 500_000;

/// Bytes of forms that are unpacked for a page, as often as they are drawn.
const CONTENT_BYTES_MAX: u64 = 64 << 20;

/// Operations of all pages, less than a minute of looking. The longest manuals, of 20,000 pages, have half of that.
const ALL_OPERATIONS_MAX: u64 = 200_000_000;

/// Bytes of forms of all pages, as long.
const ALL_CONTENT_BYTES_MAX: u64 = 4 << 30;

/// Forms within each other, as in what is drawn.
const DEPTH_MAX: usize = 16;

/// Pictures of a page that are looked at: a picture that was cut into strips has hundreds.
const PICTURES_MAX: usize = 10_000;

/// Least side of a figure in points, 32 pixels of a drawn page: what is smaller is a line, a bullet or an icon.
const SIDE_MIN: f64 = 32.0 * 72.0 / 150.0;

/// Share of the page from which a picture is its ground, or the page itself as it was scanned.
const COVERAGE_MAX: f64 = 0.85;

/// Points that the edges of two strips of one picture may be apart.
const GAP_MAX: f64 = 1.0;

/// Share of a picture that may be hidden by the edges of its frame for its bytes to be what is seen.
const HIDDEN_MAX: f64 = 0.02;

/// A picture on a page.
pub struct Figure<'a> {
    /// Where it is seen, in points from the upper left corner of the page as it is shown.
    pub area: Rect,
    /// Its bytes, where they are a JPEG that is seen on the page as other programs show it.
    pub jpeg: Option<Stream<'a>>,
}

impl Figure<'_> {
    /// The name of its bytes within the document: that of their object.
    pub fn name(&self) -> Option<String> {
        let id = self.jpeg.as_ref()?.dict().obj_id()?;
        Some(format!("{} {}", id.obj_number, id.gen_number))
    }
}

/// What was looked at of a document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Search {
    operations: u64,
    content_bytes: u64,
}

impl Search {
    /// Whether no other page is looked at: it would take too long.
    pub fn is_over(&self) -> bool {
        self.operations > ALL_OPERATIONS_MAX || self.content_bytes > ALL_CONTENT_BYTES_MAX
    }
}

/// The figures of a page, from the top; none once the search is over.
pub fn find<'a>(page: &Page<'a>, search: &mut Search) -> Vec<Figure<'a>> {
    if search.is_over() {
        return Vec::new();
    }
    let (width, height) = page.render_dimensions();
    let bounds = Rect::new(0.0, 0.0, width.into(), height.into());
    let mut finder = Finder { found: Vec::new(), operations: 0, content_bytes: 0 };
    let state = State { matrix: Affine::new(page.initial_transform(true).as_coeffs()), clip: bounds };
    finder.content(page.typed_operations(), page.resources(), state, 0);
    search.operations += finder.operations;
    search.content_bytes += finder.content_bytes;
    let mut figures = joined(finder.found);
    let is_figure = |area: Rect| {
        area.width() >= SIDE_MIN && area.height() >= SIDE_MIN && area.area() < COVERAGE_MAX * bounds.area()
    };
    figures.retain(|figure| is_figure(figure.area));
    figures.sort_by(|one, other| one.area.y0.total_cmp(&other.area.y0).then(one.area.x0.total_cmp(&other.area.x0)));
    figures
}

/// Puts strips of a picture that was cut together, and pictures that lie over each other.
fn joined(mut pictures: Vec<Figure<'_>>) -> Vec<Figure<'_>> {
    let rounded = |area: Rect| [area.x0, area.x1, area.y0].map(|edge| edge.round() as i64);
    pictures.sort_by_key(|picture| rounded(picture.area));
    let near = |one: f64, other: f64| (one - other).abs() <= GAP_MAX;
    let mut joined: Vec<Figure<'_>> = Vec::new();
    for picture in pictures {
        match joined.last_mut() {
            Some(last)
                if near(last.area.x0, picture.area.x0)
                    && near(last.area.x1, picture.area.x1)
                    && picture.area.y0 <= last.area.y1 + GAP_MAX =>
            {
                *last = Figure { area: last.area.union(picture.area), jpeg: None };
            }
            _ => joined.push(picture),
        }
    }
    joined
}

#[derive(Clone, Copy)]
struct State {
    matrix: Affine,
    clip: Rect,
}

struct Finder<'a> {
    found: Vec<Figure<'a>>,
    operations: u64,
    content_bytes: u64,
}

impl<'a> Finder<'a> {
    fn content(&mut self, mut operations: TypedIter<'_>, resources: &Resources<'a>, mut state: State, depth: usize) {
        let mut saved = Vec::new();
        // The rectangle of the path, and whether it is to clip.
        let (mut path, mut clips) = (None, false);
        while let Some(operation) = operations.next() {
            self.operations += 1;
            if self.operations > OPERATIONS_MAX || self.found.len() >= PICTURES_MAX {
                return;
            }
            match operation {
                Op::SaveState(_) => saved.push(state),
                Op::RestoreState(_) => state = saved.pop().unwrap_or(state),
                Op::Transform(t) => state.matrix *= affine([&t.0, &t.1, &t.2, &t.3, &t.4, &t.5]),
                Op::RectPath(rect) => {
                    let [x, y, width, height] = [&rect.0, &rect.1, &rect.2, &rect.3].map(Number::as_f64);
                    let own = state.matrix.transform_rect_bbox(Rect::from_origin_size((x, y), (width, height)).abs());
                    path = Some(path.map_or(own, |path: Rect| path.union(own)));
                }
                Op::ClipNonZero(_) | Op::ClipEvenOdd(_) => clips = true,
                // A frame of another form clips too, but where is not computed.
                Op::MoveTo(_) => path = Some(state.clip),
                Op::EndPath(_)
                | Op::FillPathNonZero(_)
                | Op::FillPathNonZeroCompatibility(_)
                | Op::FillPathEvenOdd(_)
                | Op::StrokePath(_)
                | Op::CloseAndStrokePath(_)
                | Op::FillAndStrokeNonZero(_)
                | Op::FillAndStrokeEvenOdd(_)
                | Op::CloseFillAndStrokeNonZero(_)
                | Op::CloseFillAndStrokeEvenOdd(_) => {
                    if let Some(path) = path.take().filter(|_| clips) {
                        state.clip = state.clip.intersect(path);
                    }
                    clips = false;
                }
                Op::InlineImage(_) => self.picture(None, state),
                Op::XObject(name) => {
                    let Some(object) = resources.get_x_object(name.0) else { continue };
                    match object.dict().get::<Name<'_>>(b"Subtype").as_deref() {
                        Some(b"Form") => self.form(&object, resources, state, depth),
                        Some(b"Image") => self.picture(Some(object), state),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn form(&mut self, form: &Stream<'a>, resources: &Resources<'a>, state: State, depth: usize) {
        if depth == DEPTH_MAX || self.content_bytes > CONTENT_BYTES_MAX {
            return;
        }
        let own = form.dict().get::<Dict<'a>>(b"Resources").map(Resources::new);
        let matrix = form.dict().get::<Array<'_>>(b"Matrix").and_then(|matrix| {
            let numbers: Vec<Number> = matrix.iter::<Number>().take(6).collect();
            let [a, b, c, d, e, f] = numbers.as_slice() else { return None };
            Some(affine([a, b, c, d, e, f]))
        });
        let state = State { matrix: state.matrix * matrix.unwrap_or(Affine::IDENTITY), ..state };
        let Ok(content) = form.decoded_data() else { return };
        self.content_bytes += content.len() as u64;
        self.content(TypedIter::new(&content), own.as_ref().unwrap_or(resources), state, depth + 1);
    }

    /// A picture is drawn in the unit square.
    fn picture(&mut self, image: Option<Stream<'a>>, State { matrix, clip }: State) {
        let whole = matrix.transform_rect_bbox(Rect::new(0.0, 0.0, 1.0, 1.0));
        let area = whole.intersect(clip);
        if !area.is_finite() || area.width() <= 0.0 || area.height() <= 0.0 {
            return;
        }
        let [a, b, c, d, ..] = matrix.as_coeffs();
        let is_upright = a > 0.0 && d < 0.0 && b.abs() < 0.01 * a && c.abs() < 0.01 * -d;
        let is_whole = area.area() >= (1.0 - HIDDEN_MAX) * whole.area();
        let jpeg = image.filter(|image| is_upright && is_whole && is_plain_jpeg(image));
        self.found.push(Figure { area, jpeg });
    }
}

fn affine(numbers: [&Number; 6]) -> Affine {
    Affine::new(numbers.map(Number::as_f64))
}

/// Whether a picture is a JPEG in gray or in red, green and blue without anything that changes it on the page: a mask, other colours.
fn is_plain_jpeg(image: &Stream<'_>) -> bool {
    let dict = image.dict();
    let is_changed = ["SMask", "Mask", "Decode", "ImageMask"].iter().any(|key| dict.contains_key(key.as_bytes()));
    // Of an array the first name; what is packed once more has another first.
    let name = |key: &[u8]| match dict.get::<Object<'_>>(key) {
        Some(Object::Name(name)) => Some(name),
        Some(Object::Array(names)) => names.iter::<Name<'_>>().next(),
        _ => None,
    };
    if is_changed || name(b"Filter").as_deref() != Some(b"DCTDecode") {
        return false;
    }
    let space = name(b"ColorSpace");
    let is_usual =
        matches!(space.as_deref(), Some(b"DeviceGray" | b"DeviceRGB" | b"CalGray" | b"CalRGB" | b"ICCBased"));
    is_usual && matches!(morag_conversion::images::jpeg_channels(&image.raw_data()), Some(1 | 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hayro::hayro_syntax::Pdf;
    use morag_conversion::testdata::{pdf_of, stream};

    /// A page of 200 by 100 points, whose pictures and forms are these objects.
    fn page_with(content: &str, more: &str, objects: &[Vec<u8>]) -> Vec<u8> {
        let names = "/XObject<</I 5 0 R/F 6 0 R>>";
        let page =
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]{more}/Resources<<{names}>>/Contents 4 0 R>>");
        let mut all = vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            page.into_bytes(),
            stream("", content.as_bytes()),
        ];
        all.extend_from_slice(objects);
        pdf_of(&all, "")
    }

    /// The figures of such a page: their areas, and whether their bytes are kept.
    fn found(content: &str, more: &str, objects: &[Vec<u8>]) -> Vec<([i64; 4], bool)> {
        let pdf = Pdf::new(page_with(content, more, objects)).unwrap();
        let figures = find(&pdf.pages()[0], &mut Search::default());
        let sides = |area: Rect| [area.x0, area.y0, area.x1, area.y1].map(|side| side.round() as i64);
        figures.iter().map(|figure| (sides(figure.area), figure.jpeg.is_some())).collect()
    }

    fn jpeg(more: &str) -> Vec<u8> {
        let dictionary = format!("/Subtype/Image/Width 4/Height 4/BitsPerComponent 8/Filter/DCTDecode{more}");
        stream(&dictionary, b"\xff\xd8\xff\xc0\0\x0b\x08\0\x04\0\x04\x01\x01\x11\0\xff\xd9")
    }

    const GRAY: &str = "/ColorSpace/DeviceGray";

    fn form(content: &str) -> Vec<u8> {
        stream("/Subtype/Form/BBox[0 0 200 100]/Matrix[1 0 0 1 100 0]", content.as_bytes())
    }

    #[test]
    fn pictures_are_found_where_they_are_shown() {
        let one = "q 50 0 0 40 10 20 cm /I Do Q";
        assert_eq!(found(one, "", &[jpeg(GRAY)]), [([10, 40, 60, 80], true)], "from the upper left");
        assert_eq!(found(one, "/Rotate 90", &[jpeg(GRAY)]), [([20, 10, 60, 60], false)], "it is seen turned");
        assert_eq!(found("-50 0 0 40 60 20 cm /I Do", "", &[jpeg(GRAY)]), [([10, 40, 60, 80], false)], "mirrored");
        let in_form = [jpeg(GRAY), form(one)];
        assert_eq!(found("/F Do", "", &in_form), [([110, 40, 160, 80], true)]);
        let both = format!("q 1 0 0 1 100 -20 cm {one} Q {one}");
        assert_eq!(
            found(&both, "", &[jpeg(GRAY)]).iter().map(|(area, _)| area[0]).collect::<Vec<_>>(),
            [10, 110],
            "from the top"
        );
    }

    #[test]
    fn lines_bullets_and_grounds_are_no_figures() {
        for content in
            ["15 0 0 40 10 20 cm /I Do", "150 0 0 2 10 20 cm /I Do", "200 0 0 90 0 0 cm /I Do", "0 0 0 0 0 0 cm /I Do"]
        {
            assert_eq!(found(content, "", &[jpeg(GRAY)]), [], "{content}");
        }
        assert_eq!(found("50 0 0 40 300 20 cm /I Do", "", &[jpeg(GRAY)]), [], "outside the page");
    }

    #[test]
    fn a_frame_cuts_a_picture() {
        let content = "20 30 30 20 re W n 50 0 0 40 10 20 cm /I Do";
        assert_eq!(found(content, "", &[jpeg(GRAY)]), [([20, 50, 50, 70], false)]);
        let content = "9 19 52 42 re W n 50 0 0 40 10 20 cm /I Do";
        assert_eq!(found(content, "", &[jpeg(GRAY)]), [([10, 40, 60, 80], true)]);
        let content = "q 20 30 30 20 re W n Q 20 30 30 20 re f 50 0 0 40 10 20 cm /I Do";
        assert_eq!(found(content, "", &[jpeg(GRAY)]), [([10, 40, 60, 80], true)], "a rectangle that does not clip");
    }

    #[test]
    fn strips_of_a_picture_are_one_figure() {
        let strip = |y: u32| format!("q 50 0 0 10 10 {y} cm /I Do Q ");
        let content: String = [50, 20, 30, 40].map(strip).concat();
        assert_eq!(found(&content, "", &[jpeg(GRAY)]), [([10, 40, 60, 80], false)]);
    }

    #[test]
    fn only_a_jpeg_that_is_shown_as_it_is_keeps_its_bytes() {
        let of = |more: &str| found("50 0 0 40 10 20 cm /I Do", "", &[jpeg(more), b"[/ICCBased 5 0 R]".to_vec()]);
        let kept = |more: &str| of(more)[0].1;
        assert!(kept("/ColorSpace/DeviceRGB") && kept("/ColorSpace 6 0 R"));
        for changed in [
            "/ColorSpace/DeviceCMYK",
            "/ColorSpace[/Indexed/DeviceRGB 1<000000ffffff>]",
            "/ColorSpace/DeviceGray/Decode[1 0]",
            "/ColorSpace/DeviceGray/SMask 5 0 R",
            "",
        ] {
            assert!(!kept(changed), "{changed}");
        }
        let ink = stream(
            "/Subtype/Image/Width 4/Height 4/Filter/DCTDecode/ColorSpace/DeviceRGB",
            b"\xff\xd8\xff\xc0\0\x14\x08\0\x04\0\x04\x04\xff\xd9",
        );
        assert!(!found("50 0 0 40 10 20 cm /I Do", "", &[ink])[0].1, "four channels, whatever the page says");
    }

    #[test]
    fn pages_are_looked_at_until_all_together_have_taken_too_much() {
        let objects = [
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Resources<</XObject<</I 5 0 R/F 6 0 R>>>>/Contents 4 0 R>>".to_vec(),
            stream("", b"/F Do 50 0 0 40 10 20 cm /I Do"),
            jpeg(GRAY),
            form("q Q"),
        ];
        let pdf = Pdf::new(pdf_of(&objects, "")).unwrap();
        let mut search = Search::default();
        assert_eq!(find(&pdf.pages()[0], &mut search).len(), 1);
        assert_eq!((search.operations, search.content_bytes), (5, 3));
        for over in [
            Search { operations: ALL_OPERATIONS_MAX + 1, ..search },
            Search { content_bytes: ALL_CONTENT_BYTES_MAX + 1, ..search },
        ] {
            assert!(over.is_over() && find(&pdf.pages()[0], &mut over.clone()).is_empty());
        }
    }

    /// Operations of a page that are looked at.
    fn looked_at(content: &str, objects: &[Vec<u8>]) -> u64 {
        let pdf = Pdf::new(page_with(content, "", objects)).unwrap();
        let mut search = Search::default();
        find(&pdf.pages()[0], &mut search);
        search.operations
    }

    #[test]
    fn pages_without_end_are_read_to_a_limit() {
        /// A picture, and 20 forms, each of which draws the next one so often, then the picture.
        fn forms(times: usize) -> Vec<Vec<u8>> {
            let form = |at: usize| {
                let names = format!("/Subtype/Form/Resources<</XObject<</F {} 0 R/I 5 0 R>>>>", at + 7);
                stream(&names, format!("{} 50 0 0 40 10 20 cm /I Do", "/F Do ".repeat(times)).as_bytes())
            };
            [jpeg(GRAY)].into_iter().chain((0..20).map(form)).collect()
        }
        assert_eq!(looked_at("/F Do", &forms(1)), 1 + 16 * 3, "forms are followed 16 levels deep");
        // 65,535 forms of 16 levels have four operations each, of which the last is a picture.
        let operations = looked_at("/F Do", &forms(2));
        assert!((40_000..50_000).contains(&operations), "ended by the pictures: {operations}");
        assert_eq!(looked_at(&"q Q ".repeat(300_000), &[]), OPERATIONS_MAX + 1);
        let many = "q 50 0 0 40 10 20 cm /I Do Q ".repeat(100_000);
        assert_eq!(found(&many, "", &[jpeg(GRAY)]).len(), 1, "they lie over each other");
    }
}
