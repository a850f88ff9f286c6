//! What it would take to draw a page, counted without drawing it.
//!
//! A form that draws another one ten times, which draws another one ten times, is a few lines in a file and never ends. Here each form is
//! counted once, and multiplied by how often it is drawn.

use super::Undrawn;
use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction as Op;
use hayro::hayro_syntax::object::{Dict, Name, Object, ObjectIdentifier, Rect, Stream};
use hayro::hayro_syntax::page::{Page, Resources};
use std::collections::HashMap;

/// Operations of a page with all that it draws. Detailed maps have a million, which takes seconds.
const OPERATIONS_MAX: u64 = 2_000_000;

/// Bytes of a decoded picture. A step has 512 MiB; beside it are the source, twice, and the picture in other colours and sizes. A page of A4
/// in 600 dots an inch has 35 million pixels of three colours.
const PICTURE_BYTES_MAX: u64 = 112 << 20;

/// Bytes of all pictures of a page, as often as they are drawn: what is decoded takes time too.
const PICTURES_BYTES_MAX: u64 = 1 << 30;

/// Forms within each other. Writers of PDF nest a few; each level takes some of a step's stack of 512 KiB.
const DEPTH_MAX: usize = 16;

/// What drawing takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    operations: u64,
    picture_bytes: u64,
    largest_picture_bytes: u64,
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

/// Refuses a page that would take too much.
///
/// # Errors
/// [`Undrawn::TooLarge`].
pub fn check(page: &Page) -> Result<(), Undrawn> {
    let mut scales = Scales::default();
    let weight = scales.content(page.typed_operations(), page.resources());
    let refused = |why: String| Err(Undrawn::TooLarge(why));
    match weight {
        _ if scales.is_too_deep => refused(format!("its forms are more than {DEPTH_MAX} within each other")),
        Weight { operations: OPERATIONS_MAX.., .. } => {
            refused(format!("drawing it takes more than {OPERATIONS_MAX} operations"))
        }
        Weight { largest_picture_bytes: PICTURE_BYTES_MAX.., .. } => {
            refused(format!("a picture on it has more than {PICTURE_BYTES_MAX} bytes"))
        }
        Weight { picture_bytes: PICTURES_BYTES_MAX.., .. } => {
            refused(format!("the pictures on it have more than {PICTURES_BYTES_MAX} bytes"))
        }
        _ => Ok(()),
    }
}

/// What the current colours and font cost whatever is drawn with them: patterns, and letters that are drawings themselves.
#[derive(Debug, Clone, Copy, Default)]
struct Current {
    fill: Weight,
    stroke: Weight,
    letter: Weight,
}

#[derive(Default)]
struct Scales {
    known: HashMap<ObjectIdentifier, Weight>,
    /// What is being counted, outermost first: a form that draws itself is not drawn again.
    path: Vec<ObjectIdentifier>,
    is_too_deep: bool,
}

impl Scales {
    fn content(&mut self, mut operations: TypedIter<'_>, resources: &Resources<'_>) -> Weight {
        let mut weight = Weight::default();
        let (mut current, mut saved) = (Current::default(), Vec::new());
        while let Some(operation) = operations.next() {
            weight.operations = weight.operations.saturating_add(1);
            // More is not counted: it is too much already.
            if weight.operations >= OPERATIONS_MAX || self.is_too_deep {
                break;
            }
            match operation {
                Op::SaveState(_) => saved.push(current),
                Op::RestoreState(_) => current = saved.pop().unwrap_or_default(),
                Op::XObject(name) => weight.add(self.x_object(name.0, resources)),
                Op::InlineImage(image) => weight.add(picture(image.0.dict())),
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

    /// A stream of content, which is counted once.
    fn stream(&mut self, stream: &Stream<'_>, resources: Option<&Resources<'_>>) -> Weight {
        let id = stream.obj_id();
        if let Some(weight) = self.known.get(&id) {
            return *weight;
        }
        if self.path.contains(&id) {
            return Weight::default();
        }
        if self.path.len() == DEPTH_MAX {
            self.is_too_deep = true;
            return Weight::default();
        }
        let own = stream.dict().get::<Dict<'_>>(b"Resources").map(Resources::new);
        let none = Resources::new(Dict::empty());
        let resources = own.as_ref().or(resources).unwrap_or(&none);
        self.path.push(id);
        let weight = match stream.decoded_data() {
            Ok(content) => self.content(TypedIter::new(&content), resources),
            Err(_) => Weight::default(),
        };
        self.path.pop();
        self.known.insert(id, weight);
        weight
    }

    fn x_object(&mut self, name: &Name<'_>, resources: &Resources<'_>) -> Weight {
        let Some(stream) = resources.get_x_object(name) else { return Weight::default() };
        let kind = stream.dict().get::<Name<'_>>(b"Subtype");
        match kind.as_deref() {
            Some(b"Form") => self.stream(&stream, Some(resources)),
            _ => {
                let mut weight = picture(stream.dict());
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
        group.map(|group| self.stream(&group, Some(resources))).unwrap_or_default()
    }

    /// A pattern's cell, as often as it may lie over itself: only one is drawn of cells that lie beside each other.
    fn pattern(&mut self, name: Option<&Name<'_>>, resources: &Resources<'_>) -> Weight {
        let Some(Object::Stream(cell)) = name.and_then(|name| resources.get_pattern(name)) else {
            return Weight::default();
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
        self.stream(&cell, Some(resources)).times(copies)
    }

    /// The heaviest letter of a font whose letters are drawings.
    fn letter(&mut self, name: &Name<'_>, resources: &Resources<'_>) -> Weight {
        let font =
            resources.get_font(name).filter(|font| font.get::<Name<'_>>(b"Subtype").as_deref() == Some(b"Type3"));
        let Some(font) = font else { return Weight::default() };
        let own = font.get::<Dict<'_>>(b"Resources").map(Resources::new);
        let Some(letters) = font.get::<Dict<'_>>(b"CharProcs") else { return Weight::default() };
        let mut heaviest = Weight::default();
        for name in letters.keys() {
            let Some(letter) = letters.get::<Stream<'_>>(&name) else { continue };
            let weight = self.stream(&letter, own.as_ref().or(Some(resources)));
            heaviest.operations = heaviest.operations.max(weight.operations);
            heaviest.picture_bytes = heaviest.picture_bytes.max(weight.picture_bytes);
            heaviest.largest_picture_bytes = heaviest.largest_picture_bytes.max(weight.largest_picture_bytes);
        }
        heaviest
    }
}

impl Current {
    /// Of so many letters.
    fn shown(&self, letters: usize) -> Weight {
        let mut weight = self.letter;
        weight.add(self.fill);
        weight.times(letters as u64)
    }
}

/// A picture as it is decoded: a byte for each colour of a pixel.
fn picture(dict: &Dict<'_>) -> Weight {
    let number = |names: [&[u8]; 2]| u64::from(names.into_iter().find_map(|name| dict.get::<u32>(name)).unwrap_or(0));
    let pixels = number([b"Width", b"W"]).saturating_mul(number([b"Height", b"H"]));
    let space = dict.get::<Name<'_>>(b"ColorSpace").or_else(|| dict.get::<Name<'_>>(b"CS"));
    let is_gray = matches!(space.as_deref(), Some(b"DeviceGray" | b"CalGray" | b"G"));
    let is_of_bits = number([b"BitsPerComponent", b"BPC"]) == 1;
    let is_mask = [&b"ImageMask"[..], b"IM"].into_iter().any(|name| dict.get::<bool>(name) == Some(true));
    let bytes = pixels.saturating_mul(if is_gray || is_of_bits || is_mask { 1 } else { 3 });
    Weight { operations: 0, picture_bytes: bytes, largest_picture_bytes: bytes }
}
