//! How the lines lie on the page: which way they run, and in which order they come.

use crate::rectangle::{Point, Rectangle};

/// A box is a line along its longer side where that is so many times the other. Below it (a single character, a page number) it
/// follows the others.
const ELONGATED: f32 = 1.5;
/// Boxes around lines of one print differ in height up to so many times, by what stands in them and by chance.
const ALIKE: f32 = 1.35;

/// The lines of a page, with the direction in which they run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// Unit vector: where most lines run, tilted as they are.
    direction: Point,
    /// The height of most lines.
    usual_height: f32,
    /// From top to bottom, and from left to right where they stand beside each other.
    pub(crate) lines: Vec<Rectangle>,
}

impl Page {
    /// Lays boxes out along the direction of most of their length: to the right, or down the picture.
    pub(crate) fn of(boxes: Vec<Rectangle>) -> Self {
        let is_level = |line: &Rectangle| line.along.0.abs() >= line.along.1.abs();
        let length = |level: bool| -> f32 {
            let elongated = boxes.iter().filter(|line| line.width >= ELONGATED * line.height);
            elongated.filter(|line| is_level(line) == level).map(|line| line.width).sum()
        };
        let direction = if length(true) >= length(false) { (1.0, 0.0) } else { (0.0, 1.0) };
        Self::along(direction, boxes)
    }

    /// The page with the direction turned by a half.
    pub(crate) fn reversed(self) -> Self {
        let opposite = (-self.direction.0, -self.direction.1);
        Self::along(opposite, self.lines)
    }

    /// Degrees by which the picture must be turned clockwise to be upright.
    pub(crate) fn turned(&self) -> u32 {
        let (x, y) = self.direction;
        match (x.abs() >= y.abs(), x >= 0.0, y >= 0.0) {
            (true, true, _) => 0,
            (true, false, _) => 180,
            (false, _, true) => 270,
            (false, _, false) => 90,
        }
    }

    /// Whether a line runs across the others, as a label at the side does.
    pub(crate) fn crosses(&self, line: &Rectangle) -> bool {
        dot(line.along, self.direction).abs() < 0.5f32.sqrt()
    }

    /// The height of the print of a line: that of most lines, if the box is nearly as high.
    pub(crate) fn print_height(&self, line: &Rectangle) -> f32 {
        let is_usual = (self.usual_height / ALIKE..=self.usual_height * ALIKE).contains(&line.height);
        if is_usual { self.usual_height } else { line.height }
    }

    fn along(direction: Point, boxes: Vec<Rectangle>) -> Self {
        let lines: Vec<_> = boxes.into_iter().map(|line| facing(line, direction)).collect();
        let direction = tilted(direction, &lines);
        Self { direction, usual_height: usual_height(&lines), lines: ordered(lines, direction) }
    }
}

fn dot(a: Point, b: Point) -> f32 {
    a.0 * b.0 + a.1 * b.1
}

/// A quarter turn clockwise.
fn quarter(direction: Point) -> Point {
    (-direction.1, direction.0)
}

/// The box as a line in the direction; one across it runs up, as labels at the side do.
fn facing(line: Rectangle, direction: Point) -> Rectangle {
    let is_across = |line: &Rectangle| dot(line.along, direction).abs() < dot(line.along, quarter(direction)).abs();
    let line = if is_across(&line) && line.width < ELONGATED * line.height { line.turned() } else { line };
    let wanted =
        if is_across(&line) { dot(line.along, quarter(direction)) < 0.0 } else { dot(line.along, direction) > 0.0 };
    if wanted { line } else { line.reversed() }
}

/// The mean direction of the lines, weighted by their length.
fn tilted(direction: Point, lines: &[Rectangle]) -> Point {
    let elongated = lines.iter().filter(|line| line.width >= ELONGATED * line.height);
    let alike = elongated.filter(|line| dot(line.along, direction) > 0.5f32.sqrt());
    let sum =
        alike.fold((0.0, 0.0), |sum, line| (sum.0 + line.width * line.along.0, sum.1 + line.width * line.along.1));
    let length = f32::hypot(sum.0, sum.1);
    if length > 0.0 { (sum.0 / length, sum.1 / length) } else { direction }
}

/// The height in the middle of all, weighted by length.
fn usual_height(lines: &[Rectangle]) -> f32 {
    let mut by_height: Vec<_> = lines.iter().collect();
    by_height.sort_by(|a, b| a.height.total_cmp(&b.height));
    let mut left = by_height.iter().map(|line| line.width).sum::<f32>() / 2.0;
    let middle = by_height.into_iter().find(|line| {
        left -= line.width;
        left <= 0.0
    });
    middle.map_or(0.0, |line| line.height)
}

/// Row by row; lines are of a row where the middle of one is not beyond half the height of its first.
fn ordered(mut lines: Vec<Rectangle>, direction: Point) -> Vec<Rectangle> {
    let down = |line: &Rectangle| dot(line.middle, quarter(direction));
    let right = |line: &Rectangle| dot(line.middle, direction);
    lines.sort_by(|a, b| down(a).total_cmp(&down(b)));
    let mut first = 0;
    while first < lines.len() {
        let begins = lines[first];
        let is_of_row = |line: &Rectangle| down(line) - down(&begins) <= 0.5 * begins.height.min(line.height);
        let row = lines[first..].iter().take_while(|line| is_of_row(line)).count().max(1);
        lines[first..first + row].sort_by(|a, b| right(a).total_cmp(&right(b)));
        first += row;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_one_print_have_one_height() {
        // A short heading, notes in small print, and text whose boxes are not all as high.
        let of = |index: u8, width, height| line((200.0, 40.0 * f32::from(index)), width, height, 0.0);
        let lines = [
            of(1, 200.0, 50.0),
            of(2, 300.0, 21.0),
            of(3, 350.0, 26.0),
            of(4, 340.0, 31.0),
            of(5, 360.0, 26.0),
            of(6, 300.0, 14.0),
        ];
        let page = Page::of(lines.to_vec());
        assert_eq!(lines.map(|line| page.print_height(&line)), [50.0, 26.0, 26.0, 26.0, 26.0, 14.0]);
    }

    #[test]
    fn long_lines_tell_the_usual_height() {
        let list = (1..9u8).map(|index| line((20.0, 30.0 * f32::from(index)), 30.0, 12.0, 0.0));
        let text = [300.0, 330.0].map(|y| line((200.0, y), 400.0, 25.0, 0.0));
        assert_eq!(usual_height(&list.chain(text).collect::<Vec<_>>()), 25.0);
        assert_eq!(usual_height(&[]), 0.0);
    }

    fn line(middle: Point, width: f32, height: f32, degrees: f32) -> Rectangle {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Rectangle { middle, width, height, along: (cos, sin) }
    }

    fn middles(page: &Page) -> Vec<Point> {
        page.lines.iter().map(|line| line.middle).collect()
    }

    /// Two lines of text, the second in two parts.
    fn lines(degrees: f32) -> Vec<Rectangle> {
        [(70.0, 30.0, 50.0), (40.0, 10.0, 90.0), (20.0, 31.0, 50.0)]
            .map(|(x, y, width)| {
                let (sin, cos) = degrees.to_radians().sin_cos();
                line((x * cos - y * sin, x * sin + y * cos), width, 12.0, degrees)
            })
            .to_vec()
    }

    #[test]
    fn lines_come_row_by_row_however_the_page_lies() {
        for (degrees, turned) in [(0.0, 0), (4.0, 0), (-4.0, 0), (90.0, 270), (86.0, 270)] {
            let boxes = lines(degrees);
            let page = Page::of(boxes.clone());
            assert_eq!(page.turned(), turned, "{degrees}");
            assert_eq!(middles(&page), [boxes[1].middle, boxes[2].middle, boxes[0].middle], "{degrees}");
            let back = page.clone().reversed();
            assert_eq!(back.turned(), (turned + 180) % 360, "{degrees}");
            assert_eq!(middles(&back), [boxes[0].middle, boxes[2].middle, boxes[1].middle], "{degrees}");
            assert_eq!(back.reversed(), page, "{degrees}");
        }
    }

    #[test]
    fn a_tilted_row_is_one_row() {
        // Its ends are 52 pixels apart in height, which is more than a line.
        let row: Vec<_> = (0..6).map(|part| line((100.0 * part as f32, 10.5 * part as f32), 80.0, 12.0, 6.0)).collect();
        let page = Page::of(row.iter().rev().copied().collect());
        assert_eq!(page.lines, row);
    }

    #[test]
    fn single_characters_follow_the_others() {
        let mut boxes = lines(0.0);
        boxes.push(line((40.0, 60.0), 14.0, 12.0, 90.0));
        let page = Page::of(boxes);
        let last = page.lines[3];
        assert!(!page.crosses(&last) && (last.width, last.height) == (12.0, 14.0), "{last:?}");
    }

    #[test]
    fn a_label_at_the_side_runs_up() {
        let mut boxes = lines(0.0);
        boxes.push(line((-20.0, 20.0), 40.0, 12.0, 90.0));
        let page = Page::of(boxes);
        let label = page.lines.iter().find(|line| page.crosses(line)).unwrap();
        assert!(label.along.1 < -0.99, "{label:?}");
    }

    #[test]
    fn a_page_without_lines_is_upright() {
        let page = Page::of(Vec::new());
        assert_eq!((page.turned(), page.lines.len()), (0, 0));
    }
}
