//! Reads what a Redis server reports about its configuration.

/// Reported configuration of one server. `None`: not reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Address of the server, for messages.
    pub node: String,
    /// `redis_version`. Valkey reports the Redis version that it is compatible with.
    pub redis_version: Option<String>,
    /// `valkey_version`, reported by Valkey only.
    pub valkey_version: Option<String>,
    /// `maxmemory-policy`.
    pub maxmemory_policy: Option<String>,
    /// `appendonly`.
    pub appendonly: Option<bool>,
    /// `appendfsync`.
    pub appendfsync: Option<String>,
    /// Number of connected replicas.
    pub replicas: Option<u32>,
}

impl NodeFacts {
    /// Parses the response of `INFO` and the pairs of `CONFIG GET`; both may be empty if the server forbids them. `INFO` takes
    /// precedence: services that forbid `CONFIG` sometimes answer it with values of their own.
    pub fn read<'a>(
        node: impl Into<String>,
        info: &'a str,
        config: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut facts = Self { node: node.into(), ..Self::default() };
        for (name, value) in config {
            match name {
                "maxmemory-policy" => facts.maxmemory_policy = Some(value.to_owned()),
                "appendonly" => facts.appendonly = switch(value, "yes", "no"),
                "appendfsync" => facts.appendfsync = Some(value.to_owned()),
                _ => {}
            }
        }
        for (name, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match name {
                "redis_version" => facts.redis_version = Some(value.to_owned()),
                "valkey_version" => facts.valkey_version = Some(value.to_owned()),
                "maxmemory_policy" => facts.maxmemory_policy = Some(value.to_owned()),
                "aof_enabled" => facts.appendonly = switch(value, "1", "0").or(facts.appendonly),
                "connected_slaves" => facts.replicas = value.parse().ok(),
                _ => {}
            }
        }
        facts
    }
}

fn switch(value: &str, on: &str, off: &str) -> Option<bool> {
    match value {
        value if value == on => Some(true),
        value if value == off => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_says_most_and_config_the_rest() {
        let info = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n\
                    # Persistence\r\naof_enabled:1\r\n# Replication\r\nrole:master\r\nconnected_slaves:2\r\n";
        let facts = NodeFacts::read("a:1", info, [("appendfsync", "always"), ("appenddirname", "x")]);
        let expected = NodeFacts {
            node: "a:1".into(),
            redis_version: Some("7.0.15".into()),
            maxmemory_policy: Some("noeviction".into()),
            appendonly: Some(true),
            appendfsync: Some("always".into()),
            replicas: Some(2),
            ..NodeFacts::default()
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn config_says_what_info_does_not_and_info_wins() {
        let config = [("maxmemory-policy", "allkeys-lru"), ("appendonly", "no")];
        let facts = NodeFacts::read("a", "", config);
        assert_eq!((facts.maxmemory_policy.as_deref(), facts.appendonly), (Some("allkeys-lru"), Some(false)));
        let facts = NodeFacts::read("a", "maxmemory_policy:noeviction\naof_enabled:1\n", config);
        assert_eq!((facts.maxmemory_policy.as_deref(), facts.appendonly), (Some("noeviction"), Some(true)));
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let facts = NodeFacts::read("a", "aof_enabled:maybe\nconnected_slaves:-1\n:\nno colon\nredis_version", []);
        assert_eq!(facts, NodeFacts { node: "a".into(), ..NodeFacts::default() });
    }
}
