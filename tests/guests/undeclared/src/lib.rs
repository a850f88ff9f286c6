//! A step that uses the graph without asking for it.

use morag_step::{Data, Descriptor, Failure, Graph as _, Step, host};

/// The step.
pub struct Undeclared;

impl Step for Undeclared {
    fn describe() -> Descriptor {
        Descriptor::new("undeclared", "1.0.0", "Writes a graph it does not ask for")
    }
    fn run() -> Result<Data, Failure> {
        host::GraphHandle.put_nodes(Vec::new())?;
        Ok(Data::new())
    }
}

morag_step::export_step!(Undeclared);
