//! Whether a batch may be stored, and what of it is stored. Pure.

use super::nearest::vector_length;
use morag_core::JsonObject;
use morag_core::ports::{CapabilityError, Edge, Fact, Node, Point, Revision, StagedBatch};

/// Items of a call (`wit/capabilities.wit`).
const ITEMS_MAX: usize = 256;

/// Bytes of an id, key, type or model name (`wit/capabilities.wit`).
const KEY_BYTES_MAX: usize = 255;

/// Bytes of a payload or of properties, as JSON text (`wit/capabilities.wit`).
const JSON_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a point's text: what one call of `embed` takes.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a name, or of a part of a fact: a long sentence.
const NAME_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a collection's name.
const COLLECTION_BYTES_MAX: usize = 255;

/// Longest vector: twice that of the largest models in use.
const DIMENSIONS_MAX: usize = 8192;

/// A batch that may be stored.
#[derive(Debug)]
pub(in crate::store) enum Rows {
    Points { model: String, dimensions: usize, rows: Vec<PointRow> },
    Nodes(Vec<(Node, String)>),
    Edges(Vec<(Edge, String)>),
    Facts(Vec<(Fact, String)>),
}

/// A point as it is stored.
#[derive(Debug)]
pub(in crate::store) struct PointRow {
    pub(in crate::store) id: String,
    pub(in crate::store) text: String,
    pub(in crate::store) payload: String,
    pub(in crate::store) vector: Vec<u8>,
    pub(in crate::store) length: f64,
}

/// Refuses a batch that could not be stored or found again.
pub(in crate::store) fn check(revision: &Revision, batch: StagedBatch) -> Result<Rows, CapabilityError> {
    text("the collection's name", &revision.collection, COLLECTION_BYTES_MAX)?;
    match batch {
        StagedBatch::Points { model, points } => {
            count(points.len())?;
            text("the model's name", &model, KEY_BYTES_MAX)?;
            let dimensions = points.first().map_or(0, |point| point.vector.len());
            let rows = points.into_iter().map(|point| point_row(point, dimensions)).collect::<Result<_, _>>()?;
            Ok(Rows::Points { model, dimensions, rows })
        }
        StagedBatch::Nodes(nodes) => {
            count(nodes.len())?;
            let row = |node: Node| {
                text("a node's key", &node.key, KEY_BYTES_MAX)?;
                length("a node's name", &node.name, NAME_BYTES_MAX)?;
                length("a node's kind", &node.kind, KEY_BYTES_MAX)?;
                let properties = json("a node's properties", &node.properties)?;
                Ok((node, properties))
            };
            Ok(Rows::Nodes(nodes.into_iter().map(row).collect::<Result<_, _>>()?))
        }
        StagedBatch::Edges(edges) => {
            count(edges.len())?;
            let row = |edge: Edge| {
                length("an edge's kind", &edge.kind, KEY_BYTES_MAX)?;
                let properties = json("an edge's properties", &edge.properties)?;
                Ok((edge, properties))
            };
            Ok(Rows::Edges(edges.into_iter().map(row).collect::<Result<_, _>>()?))
        }
        StagedBatch::Facts(facts) => {
            count(facts.len())?;
            let row = |fact: Fact| {
                for part in [&fact.subject, &fact.predicate, &fact.object] {
                    length("a part of a fact", part, NAME_BYTES_MAX)?;
                }
                let properties = json("a fact's properties", &fact.properties)?;
                Ok((fact, properties))
            };
            Ok(Rows::Facts(facts.into_iter().map(row).collect::<Result<_, _>>()?))
        }
    }
}

fn point_row(point: Point, dimensions: usize) -> Result<PointRow, CapabilityError> {
    text("a point's id", &point.id, KEY_BYTES_MAX)?;
    length("a point's text", &point.text, TEXT_BYTES_MAX)?;
    let id = &point.id;
    let found = point.vector.len();
    if !(1..=DIMENSIONS_MAX).contains(&found) {
        return invalid(format!("the vector of point {id:?} has {found} numbers: 1 to {DIMENSIONS_MAX} are taken"));
    }
    if found != dimensions {
        return invalid(format!(
            "the vector of point {id:?} has {found} numbers, others of the call have {dimensions}"
        ));
    }
    let length = vector_length(&point.vector);
    if !length.is_finite() {
        return invalid(format!("the vector of point {id:?} has a number that is not finite"));
    }
    let payload = json("a point's payload", &point.payload)?;
    let vector = point.vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(PointRow { id: point.id, text: point.text, payload, vector, length })
}

fn count(found: usize) -> Result<(), CapabilityError> {
    match found <= ITEMS_MAX {
        true => Ok(()),
        false => Err(CapabilityError::Limit(format!("{found} items in a call: at most {ITEMS_MAX} are taken"))),
    }
}

fn text(what: &str, text: &str, bytes_max: usize) -> Result<(), CapabilityError> {
    match text.is_empty() {
        true => invalid(format!("{what} is empty")),
        false => length(what, text, bytes_max),
    }
}

fn length(what: &str, text: &str, bytes_max: usize) -> Result<(), CapabilityError> {
    match text.len() <= bytes_max {
        true => Ok(()),
        false => invalid(format!("{what} has {} bytes: at most {bytes_max} are taken", text.len())),
    }
}

fn json(what: &str, object: &JsonObject) -> Result<String, CapabilityError> {
    let text = serde_json::to_string(object).or_else(|error| invalid(format!("{what} cannot be stored: {error}")))?;
    length(what, &text, JSON_BYTES_MAX)?;
    Ok(text)
}

fn invalid<T>(text: String) -> Result<T, CapabilityError> {
    Err(CapabilityError::Invalid(text))
}
