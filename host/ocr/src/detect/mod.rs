//! Where lines of text are: the detection network makes a map of probabilities, and the boxes are found in it.
//!
//! The method is that of "Real-time Scene Text Detection with Differentiable Binarization" (Liao et al., 2019): the map shows lines that
//! are shrunk, so that neighbours do not touch, and each box is grown again.

mod boxes;
mod input;

pub(crate) use boxes::boxes;
pub(crate) use input::scaled;
