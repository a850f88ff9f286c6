//! Permissions of a component: what it requests and the operator allows.

use super::capability::{Budgets, Capability};
use super::descriptor::Descriptor;
use crate::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Capabilities that standard components have without a table.
const STANDARD: [(&str, &[Capability]); 4] = [
    ("ingestion", &[Capability::Embeddings, Capability::Vectors, Capability::Graph]),
    ("archive_conversion", &[Capability::Conversion]),
    ("media_conversion", &[Capability::Transcription, Capability::Ocr]),
    ("pdf_conversion", &[Capability::Ocr]),
];

/// Permissions that the operator gives a component. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Capabilities the component may use.
    pub capabilities: BTreeSet<Capability>,
    /// Limits of a run.
    pub limits: Limits,
    /// How much of the host's services it may use.
    pub budgets: Budgets,
    /// Destinations of `http`; empty: none.
    pub http: Vec<HttpRule>,
    /// Values of the secrets it may read, by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// Limits of one run of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, bytes.
    pub memory_bytes_max: u64,
    /// Wall-clock time of the call.
    pub wall_time_max: Duration,
    /// Time in which the guest itself executes, without waiting.
    pub cpu_time_max: Duration,
    /// Total size of all artifacts, and of the temporary files as long as they are there, bytes; artifacts of a pattern of names take two
    /// thirds at most.
    pub output_bytes_max: u64,
    /// Number of artifacts and temporary files; artifacts of a pattern of names leave room for the others.
    pub artifacts_max: usize,
    /// Total bytes read from the host, exchanged with other hosts and written to temporary files.
    pub host_bytes_max: u64,
    /// Calls from the guest to the host.
    pub host_calls_max: u64,
    /// HTTP requests to other hosts.
    pub http_requests_max: u64,
    /// Lines of log that are kept.
    pub log_lines_max: usize,
    /// Bytes of log that are kept.
    pub log_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The largest PDF of the corpus (2,415 pages) needs less; a decompression bomb stops here.
            memory_bytes_max: 512 << 20,
            // 2,415 pages take about half a minute on a slow core; ten times that.
            wall_time_max: Duration::from_secs(300),
            // As much as the wall-clock time, since a step that only computes never waits.
            cpu_time_max: Duration::from_secs(300),
            // Twice the default upload limit: markdown is rarely longer than its source.
            output_bytes_max: 200 << 20,
            // A picture of each page of a document of 250 pages, beside what is written of every document. The event that lists them
            // has 40 KiB, a sixth of what a step's data may add to it, and publishing them takes seconds in a bucket.
            artifacts_max: 256,
            // A step may read its source several times over.
            host_bytes_max: 2 << 30,
            // A step that reads 2 GiB in pieces of 4 KiB makes half a million calls.
            host_calls_max: 1_000_000,
            http_requests_max: 100,
            log_lines_max: 1000,
            // A thousand lines of maximum length would be 4 MiB, stored with every task.
            log_bytes_max: 256 << 10,
        }
    }
}

/// A host that `http` may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRule {
    /// Host name or literal address, lower case, compared as a whole; `*.example.com` matches every name below it.
    pub host: String,
    /// Port; `None`: 443 with TLS, 80 without.
    pub port: Option<u16>,
    /// Methods, upper case; empty: GET and HEAD.
    pub methods: Vec<String>,
}

impl HttpRule {
    /// Whether the rule allows a request with `method` to `host` (lower case) and `port`. `tls`: over https.
    pub fn allows(&self, method: &str, host: &str, port: u16, tls: bool) -> bool {
        let named = match self.host.strip_prefix("*.") {
            Some(below) => host.strip_suffix(below).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => host == self.host,
        };
        let port_fits = port == self.port.unwrap_or(if tls { 443 } else { 80 });
        let method_fits = match self.methods.is_empty() {
            true => matches!(method, "GET" | "HEAD"),
            false => self.methods.iter().any(|allowed| allowed == method),
        };
        named && port_fits && method_fits
    }
}

/// The component requests a capability that was not granted. The text contains the line that would grant it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{plugin} wants the capability {name}, which is not granted to it: if it may have it, write `capabilities = [{all}]` \
     in the table [[plugins]] with `name = {plugin:?}` in morag.toml; else leave the component out",
    name = .missing.as_str(), all = quoted(.capabilities)
)]
pub struct NotGranted {
    /// The component's name.
    pub plugin: String,
    /// The capability that is missing.
    pub missing: Capability,
    /// Capabilities that the grant would have to list.
    pub capabilities: BTreeSet<Capability>,
}

fn quoted(capabilities: &BTreeSet<Capability>) -> String {
    let names: Vec<_> = capabilities.iter().map(|capability| format!("{:?}", capability.as_str())).collect();
    names.join(", ")
}

impl Limits {
    /// The wall-clock time of a run where the operator gives none. With a capability that takes long the step mostly waits: a thousand
    /// pictures, the default of their budget, take two hours, and so may the documents of an archive.
    pub fn wall_time_default(capabilities: &BTreeSet<Capability>) -> Duration {
        match capabilities.iter().any(|capability| capability.takes_long()) {
            true => Duration::from_secs(2 * 60 * 60),
            false => Self::default().wall_time_max,
        }
    }
}

impl Limits {
    /// The processor time of a run where the operator gives none. That of documents inside a document is counted as the outer one's: an
    /// archive may hold some documents that use up theirs, or a thousand that take a second.
    pub fn cpu_time_default(capabilities: &BTreeSet<Capability>) -> Duration {
        match capabilities.contains(&Capability::Conversion) {
            true => Duration::from_secs(20 * 60),
            false => Self::default().cpu_time_max,
        }
    }
}

impl Grant {
    /// These capabilities with the default limits, as for the standard steps.
    pub fn of(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let capabilities = capabilities.into_iter().collect();
        let limits = Limits {
            wall_time_max: Limits::wall_time_default(&capabilities),
            cpu_time_max: Limits::cpu_time_default(&capabilities),
            ..Limits::default()
        };
        Self { capabilities, limits, ..Self::default() }
    }

    /// What a component of the plugins folder has that the operator says nothing about: the standard ones what they need.
    pub fn standard(name: &str) -> Self {
        let found = STANDARD.iter().find(|(standard, _)| *standard == name);
        found.map_or_else(Self::default, |(_, capabilities)| Self::of(capabilities.iter().copied()))
    }

    /// The requested capabilities, if all of them are allowed.
    pub fn decide(&self, descriptor: &Descriptor) -> Result<BTreeSet<Capability>, NotGranted> {
        let wanted: BTreeSet<_> = descriptor.capabilities.iter().copied().collect();
        match wanted.difference(&self.capabilities).next() {
            Some(missing) => Err(NotGranted {
                plugin: descriptor.name.clone(),
                missing: *missing,
                capabilities: wanted.union(&self.capabilities).copied().collect(),
            }),
            None => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonObject;
    use crate::task::{Artifact, EventKind, Resources};

    fn descriptor(capabilities: &[Capability]) -> Descriptor {
        Descriptor {
            name: "s".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: vec![],
            outputs: vec![],
            capabilities: capabilities.to_vec(),
            config_schema: serde_json::json!({}),
            formats: None,
        }
    }

    #[test]
    fn a_component_gets_what_it_asks_for_and_is_allowed() {
        let grant = Grant::of([Capability::Embeddings, Capability::Vectors]);
        assert_eq!(grant.decide(&descriptor(&[])), Ok(BTreeSet::new()));
        let wanted = [Capability::Embeddings];
        assert_eq!(grant.decide(&descriptor(&wanted)), Ok(wanted.into_iter().collect()));
        let refused = grant.decide(&descriptor(&[Capability::Graph])).unwrap_err();
        assert_eq!(refused.missing, Capability::Graph);
        let line = refused.to_string();
        assert!(line.contains(r#"`capabilities = ["embeddings", "vectors", "graph"]`"#), "{line}");
        assert!(line.contains(r#"`name = "s"`"#), "{line}");
    }

    /// Bytes of an event with as many artifacts as a step may write by default.
    fn event_bytes(name: impl Fn(usize) -> String, media_type: &str) -> usize {
        let artifact = |number| Artifact {
            name: name(number).parse().unwrap(),
            media_type: media_type.into(),
            size: 1 << 20,
            sha256: "ab".repeat(32),
            listed: true,
        };
        let kind = EventKind::StepCompleted {
            step: "s".into(),
            stage: "s".into(),
            data: JsonObject::new(),
            artifacts: (0..Limits::default().artifacts_max).map(artifact).collect(),
            resources: Resources::default(),
        };
        serde_json::to_string(&kind).unwrap().len()
    }

    #[test]
    fn the_event_of_all_artifacts_is_smaller_than_a_steps_data() {
        let usual = event_bytes(|number| format!("page-{number:04}.png"), "image/png");
        assert!((30 << 10..40 << 10).contains(&usual), "{usual}");
        let longest = event_bytes(|number| format!("{number:064}"), &format!("image/{}", "x".repeat(122)));
        assert!((80 << 10..96 << 10).contains(&longest), "{longest}");
    }

    #[test]
    fn nothing_is_granted_by_default() {
        for capability in Capability::ALL {
            assert_eq!(Grant::default().decide(&descriptor(&[capability])).unwrap_err().missing, capability);
        }
    }

    #[test]
    fn a_rule_allows_its_host_port_and_methods_alone() {
        let rule = |host: &str, port, methods: &[&str]| HttpRule {
            host: host.into(),
            port,
            methods: methods.iter().map(|method| (*method).into()).collect(),
        };
        let plain = rule("api.example.com", None, &[]);
        assert!(
            plain.allows("GET", "api.example.com", 443, true) && plain.allows("HEAD", "api.example.com", 80, false)
        );
        assert!(!plain.allows("POST", "api.example.com", 443, true));
        assert!(!plain.allows("GET", "api.example.com", 80, true), "https to the port of http");
        assert!(!plain.allows("GET", "evil-api.example.com", 443, true));
        assert!(!plain.allows("GET", "api.example.com.evil.net", 443, true));
        let below = rule("*.example.com", Some(8443), &["POST"]);
        assert!(
            below.allows("POST", "a.b.example.com", 8443, true) && below.allows("POST", "a.example.com", 8443, false)
        );
        assert!(
            !below.allows("POST", "example.com", 8443, true) && !below.allows("POST", "badexample.com", 8443, true)
        );
        assert!(!below.allows("GET", "a.example.com", 8443, true) && !below.allows("POST", "a.example.com", 443, true));
        assert!(!below.allows("POST", ".example.com", 8443, true));
    }
}
