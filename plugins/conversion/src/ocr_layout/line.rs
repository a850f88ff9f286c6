//! A line of a picture.

/// A line in the upright picture: the box around it, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) left: f32,
    pub(super) right: f32,
    /// Half way between its upper and its lower edge.
    pub(super) middle: f32,
    /// Distance of its edges, which of a line that is askew is less than the height of the box around it.
    pub(super) height: f32,
}

impl Line {
    pub(super) fn top(&self) -> f32 {
        self.middle - self.height / 2.0
    }

    pub(super) fn bottom(&self) -> f32 {
        self.middle + self.height / 2.0
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }
}

/// The middle one of some numbers; 0 for none.
pub(super) fn median(mut numbers: Vec<f32>) -> f32 {
    numbers.sort_by(f32::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
