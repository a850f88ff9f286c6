//! What drawing a page holds in memory, counted by going through it without drawing.
//!
//! [`weight`](super::weight) bounds the operations, so that going through them ends; here each is counted with the place that it has on
//! the page: a line across it costs more than a letter, and a dashed one as much as its dashes.

use super::undrawn::Undrawn;
use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::pattern::{Pattern, TilingPattern};
use hayro::hayro_interpret::util::x_y_advances;
use hayro::hayro_interpret::{
    BlendMode, CacheKey, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, Paint, RenderContent, SoftMask, StrokeProps, interpret_page,
};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, BezPath, PathEl, Point, Rect};
use std::collections::HashSet;

/// Bytes that are held until the page is done. A step has 512 MiB; beside them are the source, twice, and the page's pixels. A map of
/// 400,000 short lines has some 100 MB.
const HELD_BYTES_MAX: u64 = 256 << 20;

/// Pixels that are drawn to be put into the page: of masks and of patterns. A second has some ten million: a page takes 20 of them, and
/// one in 200 dots an inch may have fifty masks.
const PIXELS_MAX: u64 = 200_000_000;

/// Pixels of a side of the squares that a path is cut into.
const SQUARE: f64 = 4.0;
/// Bytes of such a square, of the line that crosses it, and of how much of each of its pixels is covered.
const SQUARE_BYTES: u64 = 24;
/// Bytes of a row of squares between two edges.
const ROW_BYTES: u64 = 32;
/// Bytes that each drawing operation holds, beside those of its area.
const DRAWN_BYTES: u64 = 300;
/// Bytes of a segment of a line that has a width: its outline.
const SEGMENT_BYTES: u64 = 300;
/// Bytes of a dash: its outline, and the squares that it crosses.
const DASH_BYTES: u64 = 120;
/// Bytes of a pixel of a pattern.
const PIXEL_BYTES: u64 = 4;

/// Refuses a page that would hold too much when it is drawn in so many pixels. How many pixels are drawn to be put into it.
///
/// # Errors
/// [`Undrawn::TooLarge`].
pub fn check(page: &Page<'_>, (columns, rows): (u32, u32)) -> Result<u64, Undrawn> {
    let (width, height) = page.render_dimensions();
    let scale = |pixels: u32, side: f32| f64::from(pixels) / f64::from(side);
    let transform = Affine::scale_non_uniform(scale(columns, width), scale(rows, height))
        * Affine::new(page.initial_transform(true).as_coeffs());
    let target = Rect::new(0.0, 0.0, columns.into(), rows.into());
    let settings = InterpreterSettings { render_content: RenderContent::PAGE, ..InterpreterSettings::default() };
    let cache = InterpreterCache::new();
    let mut context = Context::new(transform, target, &cache, page.xref(), settings);
    let mut rehearsal = Rehearsal { target, held: 0, pixels: 0, masks: HashSet::new() };
    interpret_page(page, &mut context, &mut rehearsal);
    if rehearsal.held > HELD_BYTES_MAX {
        return Err(Undrawn::TooLarge(format!("drawing it takes more than {HELD_BYTES_MAX} bytes")));
    }
    if rehearsal.pixels > PIXELS_MAX {
        return Err(Undrawn::TooLarge(format!("its masks and patterns have more than {PIXELS_MAX} pixels")));
    }
    Ok(rehearsal.pixels)
}

/// What was counted so far, of a page or of what is drawn on its own to be put into it.
struct Rehearsal {
    /// What is drawn on.
    target: Rect,
    held: u64,
    pixels: u64,
    /// Masks that are drawn already: each is drawn once.
    masks: HashSet<u128>,
}

impl Rehearsal {
    fn is_over(&self) -> bool {
        self.held > HELD_BYTES_MAX || self.pixels > PIXELS_MAX
    }

    fn hold(&mut self, bytes: u64) {
        self.held = self.held.saturating_add(bytes);
    }

    fn draw_pixels(&mut self, pixels: u64, bytes_each: u64) {
        self.pixels = self.pixels.saturating_add(pixels);
        self.hold(pixels.saturating_mul(bytes_each));
    }

    /// Goes through what is drawn on its own so often.
    fn within(&mut self, target: Rect, times: u64, draw: impl FnOnce(&mut Self)) {
        let mut inner = Self { target, held: 0, pixels: 0, masks: HashSet::new() };
        draw(&mut inner);
        self.hold(inner.held.saturating_mul(times));
        self.pixels = self.pixels.saturating_add(inner.pixels.saturating_mul(times));
    }

    /// An area of the target that is filled.
    fn fill(&mut self, area: Rect) {
        let area = area.intersect(self.target);
        let rows = (area.height().max(0.0) / SQUARE).ceil() as u64;
        self.hold(rows.saturating_mul(ROW_BYTES).saturating_add(DRAWN_BYTES));
    }

    fn mask<'a>(&mut self, mask: Option<&SoftMask<'a>>) {
        let Some(mask) = mask.filter(|mask| self.masks.insert(mask.cache_key())) else { return };
        self.draw_pixels(pixels(self.target), 1);
        if !self.is_over() {
            self.within(self.target, 1, |inner| mask.interpret(inner));
        }
    }

    /// What a colour costs where it is drawn over an area.
    fn paint<'a>(&mut self, paint: &Paint<'a>, area: Rect, is_stroke: bool) {
        let Paint::Pattern(pattern) = paint else { return };
        let area = area.intersect(self.target);
        if area.is_zero_area() {
            return;
        }
        match &**pattern {
            Pattern::Shading(_) => self.draw_pixels(pixels(area), PIXEL_BYTES),
            Pattern::Tiling(cell) => self.tiles(cell, area, is_stroke),
        }
    }

    /// A pattern's cell is drawn once where it is repeated, else as often as it is seen.
    fn tiles<'a>(&mut self, cell: &TilingPattern<'a>, area: Rect, is_stroke: bool) {
        let area = cell.matrix.inverse().transform_rect_bbox(area);
        let (x, y) = x_y_advances(&cell.matrix);
        let axis = |scale: f64, cell: (f64, f64), step: f32, area: (f64, f64)| {
            let step = f64::from(step.abs());
            let seen = (area.1 - area.0).max(0.0);
            let side = (seen.min(step) * scale).ceil().clamp(1.0, f64::from(u16::MAX));
            let copies = if seen >= step { (cell.1 - cell.0) / step } else { (seen + cell.1 - cell.0) / step };
            (side, copies.max(0.0).ceil() as u64 + 1)
        };
        let bounds = cell.bbox;
        let (columns, across) = axis(x.length(), (bounds.x0, bounds.x1), cell.x_step, (area.x0, area.x1));
        let (rows, down) = axis(y.length(), (bounds.y0, bounds.y1), cell.y_step, (area.y0, area.y1));
        let target = Rect::new(0.0, 0.0, columns, rows);
        self.draw_pixels(pixels(target), PIXEL_BYTES);
        if !self.is_over() {
            let transform =
                Affine::scale_non_uniform(x.length(), y.length()) * Affine::translate((-bounds.x0, -bounds.y0));
            self.within(target, across.saturating_mul(down), |inner| {
                cell.interpret(inner, transform, is_stroke);
            });
        }
    }

    fn stroke(&mut self, path: &BezPath, transform: Affine, stroke: &StrokeProps) {
        let factor = transform.determinant().abs().sqrt();
        let width = (f64::from(stroke.line_width) * factor).clamp(1.0, longest(self.target));
        let (squares, segments, length) = self.squares(path, transform);
        // Two sides, and at each end or corner something as long as the line is wide.
        let corners = (segments as f64 * 3.0 * width / SQUARE) as u64;
        self.hold(squares.saturating_mul(2).saturating_add(corners).saturating_mul(SQUARE_BYTES));
        self.hold(segments.saturating_mul(SEGMENT_BYTES));
        if !stroke.dash_array.is_empty() {
            let pattern: f64 = stroke.dash_array.iter().map(|dash| f64::from(*dash)).sum();
            // No end is found to a pattern that goes back.
            let goes_on = pattern > 0.0 && stroke.dash_array.iter().all(|dash| *dash >= 0.0);
            let dashes = if goes_on { length / pattern * stroke.dash_array.len() as f64 } else { f64::INFINITY };
            self.hold((dashes as u64).saturating_mul(DASH_BYTES));
        }
    }

    /// Squares that a path crosses, its segments, and its length before it is transformed, or a little more of each.
    fn squares(&self, path: &BezPath, transform: Affine) -> (u64, u64, f64) {
        let target = self.target;
        let seen = |point: Point| {
            let point = transform * point;
            Point::new(point.x.clamp(target.x0, target.x1), point.y.clamp(target.y0, target.y1))
        };
        let (mut squares, mut segments, mut length) = (0u64, 0u64, 0.0);
        let (mut start, mut last) = (Point::ZERO, Point::ZERO);
        let mut line = |last: &mut Point, to: Point| {
            let (a, b) = (seen(*last), seen(to));
            // What is no number is outside.
            squares += (((b.x - a.x).abs() + (b.y - a.y).abs()) / SQUARE) as u64 + 1;
            segments += 1;
            length += last.distance(to);
            *last = to;
        };
        for element in path.elements() {
            match *element {
                PathEl::MoveTo(to) => (start, last) = (to, to),
                PathEl::LineTo(to) => line(&mut last, to),
                PathEl::QuadTo(by, to) => [by, to].into_iter().for_each(|to| line(&mut last, to)),
                PathEl::CurveTo(by, and, to) => [by, and, to].into_iter().for_each(|to| line(&mut last, to)),
                PathEl::ClosePath => line(&mut last, start),
            }
        }
        (squares, segments, length)
    }
}

fn pixels(area: Rect) -> u64 {
    (area.width().max(0.0).ceil() * area.height().max(0.0).ceil()) as u64
}

fn longest(area: Rect) -> f64 {
    (area.width() + area.height()).max(1.0)
}

impl<'a> Device<'a> for Rehearsal {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if self.is_over() {
            return;
        }
        self.mask(props.soft_mask.as_ref());
        let area = props.transform.transform_rect_bbox(path.control_box());
        if matches!(draw_mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            let (squares, ..) = self.squares(path, props.transform);
            self.hold(squares.saturating_mul(SQUARE_BYTES));
            self.fill(area);
            self.paint(&props.paint, area, false);
        }
        if let DrawMode::Stroke(stroke) | DrawMode::FillAndStroke(_, stroke) = draw_mode {
            self.stroke(path, props.transform, stroke);
            let wide = f64::from(stroke.line_width) * props.transform.determinant().abs().sqrt();
            let area = area.inflate(wide, wide);
            self.fill(area);
            self.paint(&props.paint, area, true);
        }
    }

    fn push_clip_path(&mut self, clip_path: &ClipPath) {
        if self.is_over() {
            return;
        }
        let (squares, ..) = self.squares(&clip_path.path, Affine::IDENTITY);
        self.hold(squares.saturating_mul(SQUARE_BYTES));
    }

    fn push_transparency_group(&mut self, _: f32, mask: Option<SoftMask<'a>>, _: BlendMode) {
        if self.is_over() {
            return;
        }
        self.mask(mask.as_ref());
        self.hold(DRAWN_BYTES);
    }

    fn draw_glyph_run(&mut self, glyphs: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if self.is_over() || matches!(draw_mode, DrawMode::Invisible) {
            return;
        }
        self.mask(props.soft_mask.as_ref());
        self.hold((glyphs.glyphs().len() as u64).saturating_mul(DRAWN_BYTES));
        // Filled letters are small. Those that have dashes or a pattern are drawn as paths.
        let is_plain = matches!((&props.paint, draw_mode), (Paint::Color(_), DrawMode::Fill(_)));
        for glyph in glyphs.glyphs() {
            if let (false, Glyph::Outline(outline)) = (is_plain, &**glyph) {
                self.draw_path(&(glyph.transform() * outline.outline()), props.clone(), draw_mode);
            }
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, props: ImageDrawProps<'a>) {
        if self.is_over() {
            return;
        }
        self.mask(props.soft_mask.as_ref());
        self.fill(self.target);
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;
    use hayro::hayro_syntax::Pdf;
    use morag_conversion::testdata::stream;

    /// A page of letter size with this content; its object 4 and those that follow are `objects`.
    fn page(content: &str, resources: &str, objects: &[Vec<u8>]) -> Vec<u8> {
        testdata::page("0 0 612 792", content, resources, objects)
    }

    /// What is said of it, drawn in 200 dots an inch.
    fn refusal(content: &str, resources: &str, objects: &[Vec<u8>]) -> Option<String> {
        let pdf = Pdf::new(page(content, resources, objects)).unwrap();
        check(&pdf.pages()[0], (1700, 2200)).err().map(|undrawn| undrawn.to_string())
    }

    #[track_caller]
    fn assert_refused(refusal: Option<String>, part: &str) {
        assert!(refusal.as_ref().is_some_and(|why| why.contains(part)), "{refusal:?}");
    }

    /// Lines from place to place, each so long.
    fn lines(count: usize, length: usize) -> String {
        let place = |at: usize| (at * 7919 % 600, at * 104_729 % 700, if at.is_multiple_of(2) { 0 } else { length });
        (0..count).map(place).map(|(x, y, length)| format!("{x} {y} m {} {y} l ", x + length)).collect()
    }

    /// Lines across the page.
    fn scribble(count: usize) -> String {
        let place = |at: usize| (at * 7919 % 600, at * 104_729 % 780);
        let lines: String = (0..count).map(place).map(|(x, y)| format!("{x} {y} l ")).collect();
        format!("0 0 m {lines}")
    }

    #[test]
    fn dashes_are_counted() {
        let line = |pattern: &str| refusal(&format!("{pattern} 0 d 0 0 m 600 700 l S"), "", &[]);
        assert_eq!(line("[3 1]"), None);
        assert_eq!(line("[0.1 0.1]"), None);
        assert_refused(line("[0.0001 0.0001]"), "268435456 bytes");
        assert_refused(line("[-1 0.5]"), "268435456 bytes");
        let state = "/ExtGState<</G<</D[[0.0001 0.0001] 0]>>>>";
        assert_refused(refusal("/G gs 0 0 m 600 700 l S", state, &[]), "268435456 bytes");
        let many = format!("[0.01 0.01] 0 d {}", "0 0 m 600 700 l S ".repeat(100));
        assert_refused(refusal(&many, "", &[]), "268435456 bytes");
    }

    #[test]
    fn letters_have_dashes_too() {
        let shown = |pattern: &str| format!("BT /F 20 Tf 1 Tr {pattern} 0 d 50 50 Td (Hello, hello) Tj ET");
        let fonts = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
        assert_eq!(refusal(&shown("[3 1]"), fonts, &[]), None);
        assert_refused(refusal(&shown("[0.0001 0.0001]"), fonts, &[]), "268435456 bytes");
    }

    #[test]
    fn paths_are_counted_by_the_squares_that_they_cross() {
        assert_eq!(refusal(&format!("{} S", lines(200_000, 2)), "", &[]), None, "a map");
        assert_eq!(refusal(&format!("{} f", scribble(10_000)), "", &[]), None);
        assert_refused(refusal(&format!("{} f", scribble(400_000)), "", &[]), "268435456 bytes");
        assert_refused(refusal(&format!("50 w 1 j 1 J {} S", scribble(100_000)), "", &[]), "268435456 bytes");
        // What is far outside of the page is not drawn.
        let outside = "-90000 90000 m 90000 90000 l -90000 90001 l f ".repeat(1000);
        assert_eq!(refusal(&outside, "", &[]), None);
        assert_refused(refusal(&"0 0 600 700 re f ".repeat(200_000), "", &[]), "268435456 bytes");
    }

    fn mask() -> Vec<u8> {
        stream(
            "/Subtype/Form/BBox[0 0 612 792]/Group<</S/Transparency/CS/DeviceGray>>/Resources<<>>",
            b"1 g 0 0 300 300 re f",
        )
    }

    #[test]
    fn soft_masks_are_counted_once_each() {
        let masked = |count: usize| {
            let names: String =
                (0..count).map(|at| format!("/G{at}<</SMask<</S/Luminosity/G {} 0 R>>>>", at + 4)).collect();
            let content: String = (0..count).map(|at| format!("/G{at} gs 0 0 600 700 re f ")).collect();
            refusal(&content, &format!("/ExtGState<<{names}>>"), &vec![mask(); count])
        };
        assert_eq!(masked(40), None);
        assert_refused(masked(60), "200000000 pixels");
        let one = "/ExtGState<</G<</SMask<</S/Luminosity/G 4 0 R>>>>>>";
        assert_eq!(refusal(&"/G gs 0 0 9 9 re f ".repeat(1000), one, &[mask()]), None);
    }

    #[test]
    fn patterns_have_pixels_of_their_own() {
        let cell = |side: u32| {
            let dictionary = format!(
                "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 {side} {side}]/XStep {side}/YStep {side}/Resources<<>>"
            );
            stream(&dictionary, b"0 0 4 4 re f")
        };
        let filled = |side, times: usize| {
            let content = format!("/Pattern cs /P scn {}", "0 0 612 792 re f ".repeat(times));
            refusal(&content, "/Pattern<</P 4 0 R>>", &[cell(side)])
        };
        assert_eq!(filled(9, 60), None, "hatches");
        assert_eq!(filled(900_000, 10), None);
        assert_refused(filled(900_000, 60), "268435456 bytes");
        let names = "/Pattern<</P 4 0 R>>/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
        assert_eq!(refusal("BT /F 9 Tf /Pattern cs /P scn (Hello) Tj ET", names, &[cell(900)]), None);
        let placed: String = (0..900).map(|_| "BT /F 400 Tf 9 9 Td (W) Tj ET ").collect();
        assert_refused(refusal(&format!("/Pattern cs /P scn {placed}"), names, &[cell(900_000)]), "268435456 bytes");
    }
}
