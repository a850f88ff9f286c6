//! What a line says: it is cut out and straightened, the second network rates every character at every place, and the best ones are
//! its text.

mod decode;
mod input;

pub(crate) use decode::{Alphabet, Spoken};
pub(crate) use input::{HEIGHT, Squeeze, cut_out, width_of};
