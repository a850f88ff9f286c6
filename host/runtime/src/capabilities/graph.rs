//! Capability `graph`: `morag:step/graph`.

use super::capability::{CallContext, CapabilityHost};
use super::items::{convert, properties};
use super::staging::Staging;
use crate::bindings::morag::step::graph::{Edge, Fact, Host, Node, add_to_linker};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::Capability;
use morag_core::ports::{self, CapabilityError, StagedBatch};
use wasmtime::component::{HasSelf, Linker};

/// The host's side.
pub(super) struct Graph;

struct GraphState(Staging);

impl State for GraphState {}

impl CapabilityHost for Graph {
    fn capability(&self) -> Capability {
        Capability::Graph
    }

    fn is_staging(&self) -> bool {
        true
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(GraphState(Staging::of(call)))
    }
}

impl Guest {
    fn graph(&mut self) -> wasmtime::Result<Staging> {
        Ok(self.state::<GraphState>()?.0.clone())
    }
}

impl Host for Guest {
    async fn put_nodes(&mut self, nodes: Vec<Node>) -> Result<u32, CallError> {
        traced(self.calls.begin("graph.put-nodes"), async {
            let staging = self.graph()?;
            Ok(staging.stage(StagedBatch::Nodes(convert(nodes, node)?)).await?)
        })
        .await
    }

    async fn put_edges(&mut self, edges: Vec<Edge>) -> Result<u32, CallError> {
        traced(self.calls.begin("graph.put-edges"), async {
            let staging = self.graph()?;
            Ok(staging.stage(StagedBatch::Edges(convert(edges, edge)?)).await?)
        })
        .await
    }

    async fn put_facts(&mut self, facts: Vec<Fact>) -> Result<u32, CallError> {
        traced(self.calls.begin("graph.put-facts"), async {
            let staging = self.graph()?;
            Ok(staging.stage(StagedBatch::Facts(convert(facts, fact)?)).await?)
        })
        .await
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
