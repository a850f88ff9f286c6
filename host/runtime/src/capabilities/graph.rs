//! `morag:step/graph`.

use super::{check_items, properties, wit_error};
use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::graph::{Edge, Fact, Host, Node};
use crate::guest::Guest;
use morag_core::ports::{self, CapabilityError, StagedBatch};

impl Guest {
    /// Checks and converts the items of a call, and stages them.
    async fn stage<T, U>(
        &mut self,
        items: Vec<T>,
        convert: fn(T) -> Result<U, CapabilityError>,
        batch: fn(Vec<U>) -> StagedBatch,
    ) -> wasmtime::Result<Result<u32, Error>> {
        let scope = self.scope()?;
        let (knowledge, revision) = (scope.services.knowledge.clone(), scope.revision.clone());
        let converted = check_items(&items).and_then(|()| items.into_iter().map(convert).collect::<Result<_, _>>());
        let staged = match converted {
            Ok(items) => knowledge.stage(&revision, batch(items)).await,
            Err(error) => Err(error),
        };
        Ok(staged.map_err(wit_error))
    }
}

impl Host for Guest {
    async fn put_nodes(&mut self, nodes: Vec<Node>) -> wasmtime::Result<Result<u32, Error>> {
        self.stage(nodes, node, StagedBatch::Nodes).await
    }
    async fn put_edges(&mut self, edges: Vec<Edge>) -> wasmtime::Result<Result<u32, Error>> {
        self.stage(edges, edge, StagedBatch::Edges).await
    }
    async fn put_facts(&mut self, facts: Vec<Fact>) -> wasmtime::Result<Result<u32, Error>> {
        self.stage(facts, fact, StagedBatch::Facts).await
    }
}

fn node(node: Node) -> Result<ports::Node, CapabilityError> {
    let properties = properties(&node.properties)?;
    Ok(ports::Node { key: node.key, name: node.name, kind: node.kind, mentions: node.mentions, properties })
}

fn edge(edge: Edge) -> Result<ports::Edge, CapabilityError> {
    let properties = properties(&edge.properties)?;
    Ok(ports::Edge { source: edge.source, target: edge.target, kind: edge.kind, properties })
}

fn fact(fact: Fact) -> Result<ports::Fact, CapabilityError> {
    let properties = properties(&fact.properties)?;
    Ok(ports::Fact { subject: fact.subject, predicate: fact.predicate, object: fact.object, properties })
}
