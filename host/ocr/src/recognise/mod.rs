//! What a line says: it is cut out and straightened, the recognition network rates every character at every place, and the best ones are
//! its text.

mod decode;
mod input;

pub(crate) use decode::{CharacterSet, Decoded};
pub(crate) use input::{HEIGHT, Squeeze, cut_out, width_of};
