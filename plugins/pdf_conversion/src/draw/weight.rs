//! What it would take to draw a page, counted without drawing it.
//!
//! A form that draws another one ten times, which draws another one ten times, is a few lines in a file and never ends. Here each form is
//! counted once for each state that it is drawn in, and multiplied by how often it is drawn.

use super::undrawn::Undrawn;
use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction as Op;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Rect, Stream};
use hayro::hayro_syntax::page::{Page, Resources};
use std::collections::HashMap;

/// Operations of a page with all that it draws: a fill is held in memory until the page is done, with some 500 bytes. A page whose text is
/// drawn as outlines has a hundred thousand.
const OPERATIONS_MAX: u64 = 500_000;

/// Bytes of a decoded picture. A step has 512 MiB; beside it are the source, twice, and the picture in other colours and sizes. A page of A4
/// in 600 dots an inch has 35 million pixels of three colours.
const PICTURE_BYTES_MAX: u64 = 112 << 20;

/// Bytes of all pictures of a page, as often as they are drawn: what is decoded takes time too.
const PICTURES_BYTES_MAX: u64 = 1 << 30;

/// Forms within each other. Writers of PDF nest a few; each level takes some of a step's stack of 512 KiB.
const DEPTH_MAX: usize = 16;

/// Bytes of content that are looked at to count a page. A form that is drawn in many states is counted in each of them. 500,000 operations
/// have some 20 MiB.
const CONTENT_BYTES_MAX: usize = 256 << 20;

/// Operations for each byte of a mesh of triangles: one has five bytes or more, and is held as long as a fill.
const TRIANGLES_PER_BYTE: u64 = 1;

/// Operations for each byte of a mesh of patches: one has some twenty bytes, and is drawn as 722 triangles, held until the mesh is drawn.
const PATCHES_PER_BYTE: u64 = 16;

/// What drawing takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Weight {
    /// Operations, with those of all that is drawn by them.
    pub operations: u64,
    /// Bytes of decoded pictures.
    pub picture_bytes: u64,
    /// Of those, of the largest.
    pub largest_picture_bytes: u64,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.operations = self.operations.saturating_add(other.operations);
        self.picture_bytes = self.picture_bytes.saturating_add(other.picture_bytes);
        self.largest_picture_bytes = self.largest_picture_bytes.max(other.largest_picture_bytes);
    }

    fn times(self, count: u64) -> Self {
        Self {
            operations: self.operations.saturating_mul(count),
            picture_bytes: self.picture_bytes.saturating_mul(count),
            ..self
        }
    }
}

/// What a page takes; refuses one that would take too much.
///
/// # Errors
/// [`Undrawn::TooLarge`].
pub fn check(page: &Page) -> Result<Weight, Undrawn> {
    let mut scales = Scales::default();
    let weight = scales.content(page.typed_operations(), page.resources(), Current::default());
    let refused = |why: String| Err(Undrawn::TooLarge(why));
    match weight {
        _ if scales.is_too_deep => refused(format!("its forms are more than {DEPTH_MAX} within each other")),
        _ if scales.content_bytes > CONTENT_BYTES_MAX => {
            refused(format!("its forms have more than {CONTENT_BYTES_MAX} bytes, as often as their state changes"))
        }
        Weight { operations: OPERATIONS_MAX.., .. } => {
            refused(format!("drawing it takes more than {OPERATIONS_MAX} operations"))
        }
        Weight { largest_picture_bytes: PICTURE_BYTES_MAX.., .. } => {
            refused(format!("a picture on it has more than {PICTURE_BYTES_MAX} bytes"))
        }
        Weight { picture_bytes: PICTURES_BYTES_MAX.., .. } => {
            refused(format!("the pictures on it have more than {PICTURES_BYTES_MAX} bytes"))
        }
        _ => Ok(weight),
    }
}

/// What the current colours and font cost whatever is drawn with them: patterns, and letters that are drawings themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Current {
    fill: Weight,
    stroke: Weight,
    letter: Weight,
    mode: Mode,
}

/// How text is drawn, by the number of the operation `Tr` modulo 4; whether it clips costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Mode {
    #[default]
    Fill,
    Stroke,
    FillAndStroke,
    Unseen,
}

/// Content, with the place of each dictionary that its names are looked up in, and the state that it begins in: a form without its own uses
/// those of what draws it, and always begins in that state.
type Known = (ObjectIdentifier, [usize; 5], Current);

#[derive(Default)]
struct Scales {
    streams: HashMap<Known, Weight>,
    /// By the place of their dictionary.
    fonts: HashMap<usize, Weight>,
    depth: usize,
    is_too_deep: bool,
    content_bytes: usize,
}

impl Scales {
    fn content(&mut self, mut operations: TypedIter<'_>, resources: &Resources<'_>, mut current: Current) -> Weight {
        let mut weight = Weight::default();
        let mut saved = Vec::new();
        while let Some(operation) = operations.next() {
            weight.operations = weight.operations.saturating_add(1);
            // More is not counted: it is too much already.
            if weight.operations >= OPERATIONS_MAX || self.is_too_deep || self.content_bytes > CONTENT_BYTES_MAX {
                break;
            }
            match operation {
                Op::SaveState(_) => saved.push(current),
                // Where nothing was saved, nothing is restored.
                Op::RestoreState(_) => current = saved.pop().unwrap_or(current),
                Op::XObject(name) => weight.add(self.x_object(name.0, resources, current)),
                Op::InlineImage(image) => weight.add(painted(image.0.dict(), current)),
                Op::Shading(name) => {
                    weight.add(resources.get_shading(name.0).map(|shading| mesh(&shading)).unwrap_or_default());
                }
                Op::SetGraphicsState(name) => weight.add(self.mask(name.0, resources)),
                Op::NonStrokeColorNamed(color) => current.fill = self.pattern(color.1, resources),
                Op::StrokeColorNamed(color) => current.stroke = self.pattern(color.1, resources),
                Op::NonStrokeColorDeviceGray(_)
                | Op::NonStrokeColorDeviceRgb(_)
                | Op::NonStrokeColorCmyk(_)
                | Op::ColorSpaceNonStroke(_) => current.fill = Weight::default(),
                Op::StrokeColorDeviceGray(_)
                | Op::StrokeColorDeviceRgb(_)
                | Op::StrokeColorCmyk(_)
                | Op::ColorSpaceStroke(_) => current.stroke = Weight::default(),
                Op::TextRenderingMode(mode) => current.mode = Mode::of(mode.0.as_i64()),
                Op::TextFont(font) => current.letter = self.letter(font.0, resources),
                Op::FillPathNonZero(_) | Op::FillPathNonZeroCompatibility(_) | Op::FillPathEvenOdd(_) => {
                    weight.add(current.fill);
                }
                Op::StrokePath(_) | Op::CloseAndStrokePath(_) => weight.add(current.stroke),
                Op::FillAndStrokeNonZero(_)
                | Op::FillAndStrokeEvenOdd(_)
                | Op::CloseFillAndStrokeNonZero(_)
                | Op::CloseFillAndStrokeEvenOdd(_) => {
                    weight.add(current.fill);
                    weight.add(current.stroke);
                }
                Op::ShowText(text) => weight.add(current.shown(text.0.len())),
                Op::NextLineAndShowText(text) => weight.add(current.shown(text.0.len())),
                Op::ShowTextWithParameters(text) => weight.add(current.shown(text.2.len())),
                Op::ShowTexts(texts) => {
                    let text = |object: Object<'_>| if let Object::String(text) = object { text.len() } else { 0 };
                    weight.add(current.shown(texts.0.iter::<Object<'_>>().map(text).sum()));
                }
                _ => {}
            }
        }
        weight
    }

    /// A stream of content, which is counted once for each state that it begins in.
    fn stream(&mut self, stream: &Stream<'_>, resources: &Resources<'_>, current: Current) -> Weight {
        let own = stream.dict().get::<Dict<'_>>(b"Resources").map(Resources::new);
        let resources = own.as_ref().unwrap_or(resources);
        let Resources { x_objects, patterns, ext_g_states, fonts, shadings, .. } = resources;
        let places = [x_objects, patterns, ext_g_states, fonts, shadings].map(place);
        let known = (stream.obj_id(), places, current);
        if let Some(weight) = self.streams.get(&known) {
            return *weight;
        }
        if self.depth == DEPTH_MAX {
            self.is_too_deep = true;
            return Weight::default();
        }
        self.depth += 1;
        let weight = match stream.decoded_data() {
            Ok(content) => {
                self.content_bytes = self.content_bytes.saturating_add(content.len());
                self.content(TypedIter::new(&content), resources, current)
            }
            Err(_) => Weight::default(),
        };
        self.depth -= 1;
        self.streams.insert(known, weight);
        weight
    }

    fn x_object(&mut self, name: &Name<'_>, resources: &Resources<'_>, current: Current) -> Weight {
        let Some(stream) = resources.get_x_object(name) else { return Weight::default() };
        let kind = stream.dict().get::<Name<'_>>(b"Subtype");
        match kind.as_deref() {
            Some(b"Form") => self.stream(&stream, resources, current),
            _ => {
                let mut weight = painted(stream.dict(), current);
                for mask in [&b"SMask"[..], b"Mask"] {
                    let mask = stream.dict().get::<Stream<'_>>(mask);
                    weight.add(mask.map(|mask| picture(mask.dict())).unwrap_or_default());
                }
                weight
            }
        }
    }

    fn mask(&mut self, name: &Name<'_>, resources: &Resources<'_>) -> Weight {
        let mask = resources.get_ext_g_state(name).and_then(|state| state.get::<Dict<'_>>(b"SMask"));
        let group = mask.and_then(|mask| mask.get::<Stream<'_>>(b"G"));
        group.map(|group| self.stream(&group, resources, Current::default())).unwrap_or_default()
    }

    /// A pattern's cell, as often as it may lie over itself: only one is drawn of cells that lie beside each other. Of a pattern that is a
    /// shading, its mesh.
    fn pattern(&mut self, name: Option<&Name<'_>>, resources: &Resources<'_>) -> Weight {
        let cell = match name.and_then(|name| resources.get_pattern(name)) {
            Some(Object::Stream(cell)) => cell,
            Some(Object::Dict(pattern)) => {
                return pattern.get::<Object<'_>>(b"Shading").map(|shading| mesh(&shading)).unwrap_or_default();
            }
            _ => return Weight::default(),
        };
        let dict = cell.dict();
        let bounds = dict.get::<Rect>(b"BBox").unwrap_or(Rect { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 });
        let copies = |side: f64, step: &[u8]| {
            let step = dict.get::<f32>(step).map_or(1.0, |step| f64::from(step.abs()));
            // A number beyond the largest is that one.
            (side.abs() / step).ceil() as u64
        };
        let (x, y) = (copies(bounds.x1 - bounds.x0, b"XStep"), copies(bounds.y1 - bounds.y0, b"YStep"));
        let copies = x.saturating_add(1).saturating_mul(y.saturating_add(1));
        self.stream(&cell, resources, Current::default()).times(copies)
    }

    /// The heaviest letter of a font whose letters are drawings.
    fn letter(&mut self, name: &Name<'_>, resources: &Resources<'_>) -> Weight {
        let font =
            resources.get_font(name).filter(|font| font.get::<Name<'_>>(b"Subtype").as_deref() == Some(b"Type3"));
        let Some(font) = font else { return Weight::default() };
        if let Some(weight) = self.fonts.get(&place(&font)) {
            return *weight;
        }
        let own = font.get::<Dict<'_>>(b"Resources").map(Resources::new);
        let Some(letters) = font.get::<Dict<'_>>(b"CharProcs") else { return Weight::default() };
        let mut heaviest = Weight::default();
        for name in letters.keys() {
            let Some(letter) = letters.get::<Stream<'_>>(&name) else { continue };
            let weight = self.stream(&letter, own.as_ref().unwrap_or(resources), Current::default());
            heaviest.operations = heaviest.operations.max(weight.operations);
            heaviest.picture_bytes = heaviest.picture_bytes.max(weight.picture_bytes);
            heaviest.largest_picture_bytes = heaviest.largest_picture_bytes.max(weight.largest_picture_bytes);
        }
        self.fonts.insert(place(&font), heaviest);
        heaviest
    }
}

impl Mode {
    fn of(number: i64) -> Self {
        match number {
            1 | 5 => Self::Stroke,
            2 | 6 => Self::FillAndStroke,
            3 | 7 => Self::Unseen,
            _ => Self::Fill,
        }
    }
}

impl Current {
    /// Of so many letters.
    fn shown(&self, letters: usize) -> Weight {
        let mut paint = Weight::default();
        if matches!(self.mode, Mode::Fill | Mode::FillAndStroke) {
            paint.add(self.fill);
        }
        if matches!(self.mode, Mode::Stroke | Mode::FillAndStroke) {
            paint.add(self.stroke);
        }
        // A letter that is a drawing may have each of its operations in that colour.
        let mut weight = paint.times(self.letter.operations.max(1));
        weight.add(self.letter);
        weight.times(letters as u64)
    }
}

/// A shading: one without a mesh is drawn point by point.
fn mesh(shading: &Object<'_>) -> Weight {
    let Object::Stream(stream) = shading else { return Weight::default() };
    let kind = stream.dict().get::<u32>(b"ShadingType").unwrap_or(0);
    let per_byte = if matches!(kind, 6 | 7) { PATCHES_PER_BYTE } else { TRIANGLES_PER_BYTE };
    let bytes = stream.decoded_data().map_or(0, |data| data.len() as u64);
    Weight { operations: bytes.saturating_mul(per_byte), ..Weight::default() }
}

/// A picture as it is drawn: a mask is painted in the current colour.
fn painted(dict: &Dict<'_>, current: Current) -> Weight {
    let mut weight = picture(dict);
    if is_mask(dict) {
        weight.add(current.fill);
    }
    weight
}

fn is_mask(dict: &Dict<'_>) -> bool {
    [&b"ImageMask"[..], b"IM"].into_iter().any(|name| dict.get::<bool>(name) == Some(true))
}

/// Where a dictionary stands.
fn place(dict: &Dict<'_>) -> usize {
    dict.data().as_ptr().addr()
}

/// A picture as it is decoded: a byte for each colour of a pixel, or two. One of more than three colours, or of 16 bits, is held beside
/// what it becomes in the colours of a screen.
fn picture(dict: &Dict<'_>) -> Weight {
    let number = |names: [&[u8]; 2]| u64::from(names.into_iter().find_map(|name| dict.get::<u32>(name)).unwrap_or(0));
    let pixels = number([b"Width", b"W"]).saturating_mul(number([b"Height", b"H"]));
    let bits = number([b"BitsPerComponent", b"BPC"]);
    let colors = match colors(dict) {
        _ if is_mask(dict) => 1,
        Some(colors) => colors,
        None if bits == 1 => 1,
        None => 3,
    };
    let of_pixel = if colors > 3 || bits > 8 { colors.saturating_mul(bits.div_ceil(8).max(1)) + 4 } else { colors };
    let bytes = pixels.saturating_mul(of_pixel).max(row_bytes(dict));
    Weight { operations: 0, picture_bytes: bytes, largest_picture_bytes: bytes }
}

/// Colours of a picture, where its dictionary says them.
fn colors(dict: &Dict<'_>) -> Option<u64> {
    let named = |name: &[u8]| match name {
        b"DeviceGray" | b"CalGray" | b"G" | b"Separation" => Some(1),
        b"DeviceRGB" | b"CalRGB" | b"RGB" | b"Lab" => Some(3),
        b"DeviceCMYK" | b"CMYK" => Some(4),
        _ => None,
    };
    let key = [&b"ColorSpace"[..], b"CS"].into_iter().find(|key| dict.contains_key(*key))?;
    if let Some(name) = dict.get::<Name<'_>>(key) {
        return named(&name);
    }
    let space = dict.get::<Array<'_>>(key)?;
    let mut parts = space.iter::<Object<'_>>();
    let Some(Object::Name(name)) = parts.next() else { return None };
    match (&*name, parts.next()) {
        (b"DeviceN", Some(Object::Array(names))) => Some(names.iter::<Object<'_>>().count() as u64),
        (b"ICCBased", Some(Object::Stream(profile))) => profile.dict().get::<u32>(b"N").map(u64::from),
        (name, _) => named(name),
    }
}

/// Bytes of a row that a filter foretells the next one from: it is held whatever the picture has.
fn row_bytes(dict: &Dict<'_>) -> u64 {
    let row = |parameters: &Dict<'_>| {
        let number = |name: &[u8], usual: u32| u64::from(parameters.get::<u32>(name).unwrap_or(usual));
        let bits = number(b"Colors", 1).saturating_mul(number(b"BitsPerComponent", 8));
        if number(b"Predictor", 1) == 1 { 0 } else { number(b"Columns", 1).saturating_mul(bits).div_ceil(8) }
    };
    let Some(key) = [&b"DecodeParms"[..], b"DP"].into_iter().find(|key| dict.contains_key(*key)) else { return 0 };
    match dict.get::<Object<'_>>(key) {
        Some(Object::Dict(parameters)) => row(&parameters),
        Some(Object::Array(list)) => list.iter::<Dict<'_>>().map(|parameters| row(&parameters)).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;
    use hayro::hayro_syntax::Pdf;
    use morag_conversion::testdata::stream;

    /// What is said of a page with this content; its object 4 and those that follow are `objects`.
    fn refusal(content: &str, resources: &str, objects: &[Vec<u8>]) -> Option<String> {
        let pdf = Pdf::new(testdata::page("0 0 9 9", content, resources, objects)).unwrap();
        check(&pdf.pages()[0]).err().map(|undrawn| undrawn.to_string())
    }

    /// A form that draws object `next`, if there is one, so many times.
    fn form(next: Option<usize>, times: usize) -> Vec<u8> {
        let names = next.map_or(String::new(), |next| format!("/XObject<</N {next} 0 R>>"));
        let content = if next.is_some() { "/N Do ".repeat(times) } else { "0 0 1 1 re f".into() };
        stream(&format!("/Subtype/Form/BBox[0 0 9 9]/Resources<<{names}>>"), content.as_bytes())
    }

    const FORM: &str = "/XObject<</N 4 0 R>>";

    #[track_caller]
    fn assert_refused(refusal: Option<String>, part: &str) {
        assert!(refusal.as_ref().is_some_and(|why| why.contains(part)), "{refusal:?}");
    }

    #[test]
    fn forms_are_counted_as_often_as_they_are_drawn() {
        let forms = |levels: usize| -> Vec<_> {
            (0..levels).map(|level| form((level + 1 < levels).then_some(level + 5), 10)).collect()
        };
        assert_eq!(refusal("/N Do", FORM, &forms(5)), None, "ten thousand");
        assert_refused(refusal("/N Do", FORM, &forms(7)), "500000 operations");
        assert_refused(refusal("/N Do", FORM, &forms(12)), "500000 operations");
    }

    #[test]
    fn deep_forms_are_refused_and_those_that_draw_each_other_end() {
        // The parser does not find the name of what is being drawn.
        assert_eq!(refusal("/N Do", FORM, &[form(Some(5), 10), form(Some(4), 10)]), None);
        let nested = |levels: usize| -> Vec<_> {
            (0..levels).map(|level| form((level + 1 < levels).then_some(level + 5), 1)).collect()
        };
        assert_eq!(refusal("/N Do", FORM, &nested(16)), None);
        assert_refused(refusal("/N Do", FORM, &nested(17)), "more than 16 within each other");
    }

    #[test]
    fn a_form_without_names_of_its_own_is_counted_with_those_of_what_draws_it() {
        let nameless = stream("/Subtype/Form/BBox[0 0 9 9]", "/M Do ".repeat(1000).as_bytes());
        let outer = stream("/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N 4 0 R/M 6 0 R>>>>", b"/N Do");
        let heavy = stream("/Subtype/Form/BBox[0 0 9 9]", "0 0 1 1 re f ".repeat(1000).as_bytes());
        // On the page itself its name stands for nothing; within the other form for much.
        let resources = "/XObject<</N 4 0 R/O 5 0 R>>";
        assert_eq!(refusal("/N Do", resources, &[nameless.clone(), outer.clone(), heavy.clone()]), None);
        assert_refused(refusal("/N Do /O Do", resources, &[nameless, outer, heavy]), "500000 operations");
    }

    #[test]
    fn patterns_and_drawn_letters_cost_what_uses_them() {
        let cell = |step: &str| {
            let dictionary = format!(
                "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep {step}/YStep {step}/Resources<<>>"
            );
            stream(&dictionary, "0 0 1 1 re f ".repeat(50).as_bytes())
        };
        let filled = |times: usize| format!("/Pattern cs /P scn {}", "0 0 9 9 re f ".repeat(times));
        let pattern = "/Pattern<</P 4 0 R>>";
        assert_eq!(refusal(&filled(100), pattern, &[cell("9")]), None);
        assert_refused(refusal(&filled(2000), pattern, &[cell("9")]), "500000 operations");
        assert_refused(refusal(&filled(1), pattern, &[cell("0.01")]), "500000 operations");
        assert_refused(refusal(&filled(1), pattern, &[cell("0")]), "500000 operations");
        let restored = format!("q /Pattern cs /P scn Q {}", "0 0 9 9 re f ".repeat(2000));
        assert_eq!(refusal(&restored, pattern, &[cell("9")]), None, "the pattern is not used");
        let font = b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 5 0 R>>/Resources<<>>>>";
        let letter = stream("", "0 0 1 1 re f ".repeat(1000).as_bytes());
        let shown =
            |letters: usize| format!("BT /F 9 Tf ({}) Tj [({})] TJ ET", "a".repeat(letters), "a".repeat(letters));
        let objects = [font.to_vec(), letter];
        assert_eq!(refusal(&shown(100), "/Font<</F 4 0 R>>", &objects), None);
        assert_refused(refusal(&shown(200), "/Font<</F 4 0 R>>", &objects), "500000 operations");
    }

    /// A pattern that costs 800 operations: its cell has 200, and is counted four times.
    fn hatched() -> Vec<u8> {
        let dictionary = "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<<>>";
        stream(dictionary, "0 0 1 1 re f ".repeat(100).as_bytes())
    }

    #[test]
    fn a_state_that_was_not_saved_is_not_restored() {
        let filled = format!("/Pattern cs /P scn Q {}", "0 0 9 9 re f ".repeat(1000));
        assert_refused(refusal(&filled, "/Pattern<</P 4 0 R>>", &[hatched()]), "500000 operations");
    }

    #[test]
    fn a_form_is_drawn_in_the_colours_of_what_draws_it() {
        let form = stream("/Subtype/Form/BBox[0 0 9 9]/Resources<<>>", "0 0 1 1 re f ".repeat(1000).as_bytes());
        let (resources, objects) = ("/Pattern<</P 4 0 R>>/XObject<</N 5 0 R>>", [hatched(), form]);
        assert_eq!(refusal("/N Do q /Pattern cs /P scn Q /N Do", resources, &objects), None);
        assert_refused(refusal("/N Do /Pattern cs /P scn /N Do", resources, &objects), "500000 operations");
    }

    #[test]
    fn forms_are_counted_in_so_many_states() {
        // Each of a thousand states costs the bytes of the form again.
        let form = stream("/Subtype/Form/BBox[0 0 9 9]/Resources<<>>", " ".repeat(1 << 20).as_bytes());
        let cell = |operations: usize| {
            let dictionary = "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<<>>";
            stream(dictionary, "f ".repeat(operations).as_bytes())
        };
        let objects: Vec<_> = std::iter::once(form).chain((0..300).map(cell)).collect();
        let names: String = (0..300).map(|number| format!("/P{number} {} 0 R", number + 5)).collect();
        let content: String = (0..300).map(|number| format!("/P{number} scn /N Do ")).collect();
        let resources = format!("{FORM}/Pattern<<{names}>>");
        assert_refused(
            refusal(&format!("/Pattern cs {content}"), &resources, &objects),
            "as often as their state changes",
        );
    }

    #[test]
    fn text_is_drawn_in_the_colours_of_its_mode() {
        let shown = |mode: u32| format!("/Pattern CS /P SCN BT {mode} Tr ({}) Tj ET", "a".repeat(1000));
        let refusal = |mode| refusal(&shown(mode), "/Pattern<</P 4 0 R>>", &[hatched()]);
        for mode in [1, 2, 5, 6] {
            assert_refused(refusal(mode), "500000 operations");
        }
        for mode in [0, 3, 4, 7] {
            assert_eq!(refusal(mode), None, "{mode}");
        }
    }

    #[test]
    fn masks_are_drawn_in_the_current_colour() {
        let mask = stream("/Subtype/Image/Width 9/Height 9/ImageMask true/BitsPerComponent 1", b"x");
        let (resources, objects) = ("/Pattern<</P 4 0 R>>/XObject<</N 5 0 R>>", [hatched(), mask]);
        let drawn = "/N Do ".repeat(1000);
        assert_eq!(refusal(&drawn, resources, &objects), None);
        assert_refused(refusal(&format!("/Pattern cs /P scn {drawn}"), resources, &objects), "500000 operations");
        let inline = "BI /W 1 /H 1 /IM true /BPC 1 ID x EI ".repeat(1000);
        assert_refused(refusal(&format!("/Pattern cs /P scn {inline}"), resources, &objects), "500000 operations");
    }

    #[test]
    fn meshes_are_counted_by_their_bytes() {
        let mesh = |kind: u32| {
            let dictionary = format!(
                "/ShadingType {kind}/ColorSpace/DeviceGray/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8"
            );
            stream(&dictionary, &[0; 100_000])
        };
        let resources = "/Shading<</S 4 0 R>>/Pattern<</P 5 0 R>>";
        let pattern = b"<</PatternType 2/Shading 4 0 R>>".to_vec();
        assert_eq!(refusal("/S sh", resources, &[mesh(4), pattern.clone()]), None);
        assert_refused(refusal("/S sh", resources, &[mesh(6), pattern.clone()]), "500000 operations");
        assert_refused(refusal(&"/S sh ".repeat(6), resources, &[mesh(4), pattern.clone()]), "500000 operations");
        assert_refused(refusal("/Pattern cs /P scn 0 0 9 9 re f", resources, &[mesh(7), pattern]), "500000 operations");
    }

    #[test]
    fn soft_masks_are_counted() {
        let mut objects = vec![b"<</SMask<</S/Luminosity/G 5 0 R>>>>".to_vec()];
        objects.extend((0..12).map(|level| form((level < 11).then_some(level + 6), 10)));
        assert_refused(refusal("/G gs", "/ExtGState<</G 4 0 R>>", &objects), "500000 operations");
    }

    #[test]
    fn pictures_have_the_bytes_that_they_claim() {
        let image = |sides: &str, more: &str| stream(&format!("/Subtype/Image{sides}{more}"), b"x");
        let gray = "/ColorSpace/DeviceGray/BitsPerComponent 8";
        let a3_in_600_dots = "/Width 7016/Height 9921";
        assert_eq!(refusal("/N Do", FORM, &[image(a3_in_600_dots, gray)]), None);
        assert_eq!(refusal("/N Do", FORM, &[image(a3_in_600_dots, "/BitsPerComponent 1/ImageMask true")]), None);
        let rgb = "/ColorSpace/DeviceRGB/BitsPerComponent 8";
        assert_refused(refusal("/N Do", FORM, &[image(a3_in_600_dots, rgb)]), "a picture on it has more");
        assert_eq!(refusal("/N Do", FORM, &[image("/Width 4960/Height 7016", rgb)]), None, "A4 in 600 dots");
        assert_refused(refusal("/N Do", FORM, &[image("/Width 4294967295/Height 4294967295", gray)]), "a picture");
        assert_refused(refusal(&"/N Do ".repeat(20), FORM, &[image(a3_in_600_dots, gray)]), "the pictures on it");
        let cmyk = |bits: u32| format!("/ColorSpace/DeviceCMYK/BitsPerComponent {bits}");
        assert_eq!(refusal("/N Do", FORM, &[image("/Width 3500/Height 4000", &cmyk(8))]), None);
        assert_refused(refusal("/N Do", FORM, &[image("/Width 3500/Height 4000", &cmyk(16))]), "a picture on it");
        let inks = format!("/ColorSpace[/DeviceN[{}]/DeviceGray]/BitsPerComponent 8", "/A".repeat(32));
        assert_refused(refusal("/N Do", FORM, &[image("/Width 2000/Height 2000", &inks)]), "a picture on it");
        let row = |parameters: &str| {
            image("/Width 9/Height 9", &format!("{gray}/Filter/FlateDecode/DecodeParms{parameters}"))
        };
        let long = "<</Predictor 15/Columns 2147483647>>";
        assert_eq!(refusal("/N Do", FORM, &[row("<</Predictor 15/Columns 9>>")]), None);
        assert_refused(refusal("/N Do", FORM, &[row(long)]), "a picture on it");
        assert_refused(refusal("/N Do", FORM, &[row(&format!("[{long}]"))]), "a picture on it");
        let masked = image("/Width 9/Height 9", "/SMask 5 0 R");
        assert_refused(refusal("/N Do", FORM, &[masked, image("/Width 60000/Height 60000", gray)]), "a picture on it");
    }
}
