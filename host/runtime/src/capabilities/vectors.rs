//! Capability `vectors`: `morag:step/vectors`.

use super::capability::{CallContext, CapabilityHost};
use super::items::{convert, properties};
use super::staging::Staging;
use crate::bindings::morag::step::vectors::{Host, Point, add_to_linker};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::Capability;
use morag_core::ports::{self, CapabilityError, StagedBatch};
use wasmtime::component::{HasSelf, Linker};

/// The host's side.
pub(super) struct Vectors;

struct VectorsState(Staging);

impl State for VectorsState {}

impl CapabilityHost for Vectors {
    fn capability(&self) -> Capability {
        Capability::Vectors
    }

    fn is_staging(&self) -> bool {
        true
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(VectorsState(Staging::of(call)))
    }
}

impl Host for Guest {
    async fn put(&mut self, model: String, points: Vec<Point>) -> Result<u32, CallError> {
        traced(self.calls.begin("vectors.put"), async {
            let staging = self.state::<VectorsState>()?.0.clone();
            let points = convert(points, point)?;
            Ok(staging.stage(StagedBatch::Points { model, points }).await?)
        })
        .await
    }
}

fn point(point: Point) -> Result<ports::Point, CapabilityError> {
    let payload = properties(&point.payload)?;
    Ok(ports::Point { id: point.id, text: point.text, vector: point.vector, payload })
}
