//! A step that does nothing: for benches.

use morag_step::{Data, Descriptor, Failure, Step};

/// The step.
pub struct Noop;

impl Step for Noop {
    fn describe() -> Descriptor {
        Descriptor::new("noop", "1.0.0", "Does nothing")
    }
    fn run() -> Result<Data, Failure> {
        Ok(Data::new())
    }
}

morag_step::export_step!(Noop);
