//! Rectangles that need not be upright: the boxes around lines.

use morag_core::ports::Corner;

/// A point, to the right and down.
pub(crate) type Point = (f32, f32);

/// A rectangle by its middle, its sides and its direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rectangle {
    pub(crate) middle: Point,
    /// Along the direction.
    pub(crate) width: f32,
    /// Across it.
    pub(crate) height: f32,
    /// Unit vector in which the text runs.
    pub(crate) along: Point,
}

impl Rectangle {
    /// The direction across: a quarter turn clockwise from `along`, so down for text that runs to the right.
    pub(crate) fn across(&self) -> Point {
        (-self.along.1, self.along.0)
    }

    /// The same rectangle with text that runs the other way.
    pub(crate) fn reversed(self) -> Self {
        Self { along: (-self.along.0, -self.along.1), ..self }
    }

    /// The same rectangle with text that runs along its other side, a quarter turn clockwise.
    pub(crate) fn turned(self) -> Self {
        Self { width: self.height, height: self.width, along: self.across(), ..self }
    }

    /// Grown by so much on each side.
    pub(crate) fn grown(self, by: f32) -> Self {
        Self { width: self.width + 2.0 * by, height: self.height + 2.0 * by, ..self }
    }

    /// Scaled by one factor for each axis, and moved. The factors are nearly alike, so it stays a rectangle.
    pub(crate) fn placed(self, scale: Point, offset: Point) -> Self {
        let scaled = |vector: Point| (vector.0 * scale.0, vector.1 * scale.1);
        let (along, across) = (scaled(self.along), scaled(self.across()));
        let length = along.0.hypot(along.1);
        let middle = scaled(self.middle);
        Self {
            middle: (middle.0 + offset.0, middle.1 + offset.1),
            width: self.width * length,
            height: self.height * across.0.hypot(across.1),
            along: (along.0 / length, along.1 / length),
        }
    }

    /// Upper left, upper right, lower right and lower left, as the text is read.
    pub(crate) fn corners(&self) -> [Corner; 4] {
        let across = self.across();
        [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)].map(|(a, b)| {
            let (a, b) = (a * self.width, b * self.height);
            Corner {
                x: self.middle.0 + a * self.along.0 + b * across.0,
                y: self.middle.1 + a * self.along.1 + b * across.1,
            }
        })
    }

    /// The places of a row `y` that lie inside, as first and last x; `None` where the row misses it.
    pub(crate) fn span_at(&self, y: f32) -> Option<Point> {
        let dy = y - self.middle.1;
        let across = self.across();
        let one = within(self.along.0, dy * self.along.1, self.width / 2.0)?;
        let other = within(across.0, dy * across.1, self.height / 2.0)?;
        let (first, last) = (one.0.max(other.0), one.1.min(other.1));
        (first <= last).then_some((self.middle.0 + first, self.middle.0 + last))
    }
}

/// The range of `x` for which `|x * factor + shift| <= half`.
fn within(factor: f32, shift: f32, half: f32) -> Option<Point> {
    /// Below it a side counts as level: its range would be far longer than any picture.
    const LEVEL: f32 = 1e-6;
    if factor.abs() < LEVEL {
        return (shift.abs() <= half).then_some((f32::MIN, f32::MAX));
    }
    let (a, b) = ((-half - shift) / factor, (half - shift) / factor);
    Some((a.min(b), a.max(b)))
}

/// The smallest rectangle around points, with any of its sides as `along`. `None` for fewer than three points, or points in a line.
pub(crate) fn smallest_around(points: &mut Vec<Point>) -> Option<Rectangle> {
    let hull = hull(points);
    if hull.len() < 3 {
        return None;
    }
    // One of its sides lies on a side of the hull. The products of hull and sides are few: a hull on whole pixels is short.
    let sides = hull.iter().zip(hull.iter().cycle().skip(1));
    sides.filter_map(|(from, to)| on_side(&hull, *from, *to)).min_by(|a, b| area(a).total_cmp(&area(b)))
}

fn area(rectangle: &Rectangle) -> f32 {
    rectangle.width * rectangle.height
}

/// The smallest rectangle around the hull with one side in the direction between two points.
fn on_side(hull: &[Point], from: Point, to: Point) -> Option<Rectangle> {
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    if length == 0.0 {
        return None;
    }
    let along = ((to.0 - from.0) / length, (to.1 - from.1) / length);
    let (mut a, mut b) = ((f32::MAX, f32::MIN), (f32::MAX, f32::MIN));
    for point in hull {
        let (x, y) = (point.0 * along.0 + point.1 * along.1, point.1 * along.0 - point.0 * along.1);
        a = (a.0.min(x), a.1.max(x));
        b = (b.0.min(y), b.1.max(y));
    }
    let (x, y) = ((a.0 + a.1) / 2.0, (b.0 + b.1) / 2.0);
    let middle = (x * along.0 - y * along.1, x * along.1 + y * along.0);
    Some(Rectangle { middle, width: a.1 - a.0, height: b.1 - b.0, along })
}

/// The convex hull, by Andrew's monotone chain.
fn hull(points: &mut Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    let mut hull = chain(points.iter());
    hull.extend(chain(points.iter().rev()));
    hull
}

/// One half of the hull, without its last point, with which the other half begins.
fn chain<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut chain: Vec<Point> = Vec::new();
    for point in points {
        while let [.., a, b] = chain.as_slice()
            && (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0) <= 0.0
        {
            chain.pop();
        }
        chain.push(*point);
    }
    chain.pop();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upright(width: f32, height: f32) -> Rectangle {
        Rectangle { middle: (10.0, 20.0), width, height, along: (1.0, 0.0) }
    }

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn the_smallest_rectangle_is_found_at_every_angle() {
        for degrees in 0..180 {
            let (sin, cos) = (degrees as f32).to_radians().sin_cos();
            let turned = Rectangle { along: (cos, sin), ..upright(8.0, 3.0) };
            let mut points = turned.corners().map(|corner| (corner.x, corner.y)).to_vec();
            points.push(turned.middle);
            let found = smallest_around(&mut points).unwrap();
            assert!(near(found.width * found.height, 24.0), "{degrees} {found:?}");
            assert!(near(found.middle.0, 10.0) && near(found.middle.1, 20.0), "{degrees} {found:?}");
            assert!(near(found.width.max(found.height), 8.0), "{degrees} {found:?}");
        }
    }

    #[test]
    fn points_in_a_line_have_no_rectangle() {
        assert_eq!(smallest_around(&mut vec![(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(smallest_around(&mut vec![(0.0, 0.0), (0.0, 0.0)]), None);
        assert_eq!(smallest_around(&mut Vec::new()), None);
    }

    #[test]
    fn corners_are_those_of_the_text_as_it_is_read() {
        let corners = |rectangle: Rectangle| rectangle.corners().map(|corner| (corner.x, corner.y));
        let flat = upright(8.0, 2.0);
        assert_eq!(corners(flat), [(6.0, 19.0), (14.0, 19.0), (14.0, 21.0), (6.0, 21.0)]);
        assert_eq!(corners(flat.reversed()), [(14.0, 21.0), (6.0, 21.0), (6.0, 19.0), (14.0, 19.0)]);
        // Down the page: its upper left corner is on the right.
        assert_eq!(corners(upright(2.0, 8.0).turned()), [(11.0, 16.0), (11.0, 24.0), (9.0, 24.0), (9.0, 16.0)]);
    }

    #[test]
    fn a_row_crosses_it_where_it_is() {
        assert_eq!(upright(8.0, 2.0).span_at(20.5), Some((6.0, 14.0)));
        assert_eq!(upright(8.0, 2.0).span_at(21.5), None);
        let diamond = Rectangle { along: (0.5f32.sqrt(), 0.5f32.sqrt()), ..upright(2.0, 2.0) };
        let (first, last) = diamond.span_at(20.0).unwrap();
        assert!(near(first, 10.0 - 2f32.sqrt()) && near(last, 10.0 + 2f32.sqrt()), "{first} {last}");
        assert_eq!(diamond.span_at(21.5), None);
    }

    #[test]
    fn it_is_placed_in_the_picture() {
        let placed = upright(8.0, 2.0).placed((2.0, 3.0), (100.0, 200.0));
        assert_eq!(placed, Rectangle { middle: (120.0, 260.0), width: 16.0, height: 6.0, along: (1.0, 0.0) });
        let down = upright(8.0, 2.0).turned().placed((2.0, 3.0), (0.0, 0.0));
        assert_eq!((down.width, down.height, down.along), (6.0, 16.0, (0.0, 1.0)));
    }
}
