//! What a component may do: what it asks for and what the operator allows, both.

use super::{Capability, Descriptor};
use std::collections::BTreeSet;
use std::time::Duration;

/// What the operator allows a component. Nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Capabilities the component may use.
    pub capabilities: BTreeSet<Capability>,
    /// How much it may take.
    pub limits: Limits,
}

/// How much one run of a step may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, bytes.
    pub memory_bytes_max: u64,
    /// From the call to its end.
    pub wall_time_max: Duration,
    /// All artifacts together, bytes.
    pub output_bytes_max: u64,
    /// Number of artifacts.
    pub artifacts_max: usize,
    /// Everything read from the host, bytes.
    pub host_bytes_max: u64,
    /// Lines of log that are kept.
    pub log_lines_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The largest PDF of the corpus (2,415 pages) needs less; a decompression bomb stops here.
            memory_bytes_max: 512 << 20,
            // 2,415 pages take about half a minute on a slow core; ten times that.
            wall_time_max: Duration::from_secs(300),
            // Twice the default upload limit: markdown is rarely longer than its source.
            output_bytes_max: 200 << 20,
            artifacts_max: 16,
            // A step may read its source several times over.
            host_bytes_max: 2 << 30,
            log_lines_max: 1000,
        }
    }
}

/// The component wants what it was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it wants the capability {}, which is not granted to it: this version grants capabilities to the standard step `ingestion` alone", .0.as_str())]
pub struct NotGranted(pub Capability);

impl Grant {
    /// Every capability, with the default limits: for the six standard steps.
    pub fn of(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        Self { capabilities: capabilities.into_iter().collect(), limits: Limits::default() }
    }

    /// What the component gets: the capabilities it asks for, if every one is allowed.
    pub fn decide(&self, descriptor: &Descriptor) -> Result<BTreeSet<Capability>, NotGranted> {
        let wanted: BTreeSet<_> = descriptor.capabilities.iter().copied().collect();
        match wanted.difference(&self.capabilities).next() {
            Some(missing) => Err(NotGranted(*missing)),
            None => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(capabilities: &[Capability]) -> Descriptor {
        Descriptor {
            name: "s".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: vec![],
            outputs: vec![],
            capabilities: capabilities.to_vec(),
            config_schema: serde_json::json!({}),
        }
    }

    #[test]
    fn a_component_gets_what_it_asks_for_and_is_allowed() {
        let grant = Grant::of([Capability::Embeddings, Capability::Vectors]);
        assert_eq!(grant.decide(&descriptor(&[])), Ok(BTreeSet::new()));
        let wanted = [Capability::Embeddings];
        assert_eq!(grant.decide(&descriptor(&wanted)), Ok(wanted.into_iter().collect()));
        assert_eq!(grant.decide(&descriptor(&[Capability::Graph])), Err(NotGranted(Capability::Graph)));
    }

    #[test]
    fn nothing_is_granted_by_default() {
        for capability in Capability::ALL {
            assert_eq!(Grant::default().decide(&descriptor(&[capability])), Err(NotGranted(capability)));
        }
    }
}
