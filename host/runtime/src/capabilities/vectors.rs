//! `morag:step/vectors`.

use super::{check_items, properties, wit_error};
use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::vectors::{Host, Point};
use crate::guest::Guest;
use morag_core::ports::{self, CapabilityError, StagedBatch};

impl Host for Guest {
    async fn put(&mut self, model: String, points: Vec<Point>) -> wasmtime::Result<Result<u32, Error>> {
        let scope = self.scope()?;
        let (knowledge, revision) = (scope.services.knowledge.clone(), scope.revision.clone());
        let batch = check_items(&points).and_then(|()| points.into_iter().map(point).collect::<Result<_, _>>());
        let staged = match batch {
            Ok(points) => knowledge.stage(&revision, StagedBatch::Points { model, points }).await,
            Err(error) => Err(error),
        };
        Ok(staged.map_err(wit_error))
    }
}

fn point(point: Point) -> Result<ports::Point, CapabilityError> {
    let payload = properties(&point.payload)?;
    Ok(ports::Point { id: point.id, text: point.text, vector: point.vector, payload })
}
