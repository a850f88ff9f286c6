//! Checks the compose file beyond its schema: containers are confined, have time to stop, and Redis is durable.
use serde_json::Value;

use super::findings::Findings;
use super::serve::Server;

const PLACE: &str = "compose.yaml";

/// Required arguments of Redis.
const DURABLE: [[&str; 2]; 3] =
    [["--appendonly", "yes"], ["--appendfsync", "always"], ["--maxmemory-policy", "noeviction"]];

/// Checks every service.
pub fn check(server: &Server, documents: &[Value], findings: &mut Findings) {
    let services = documents.first().and_then(|document| document["services"].as_object());
    let Some(services) = services else { return findings.add(PLACE, "it has no services") };
    for name in ["api", "worker", "dispatcher", "redis"] {
        findings.expect(services.contains_key(name), PLACE, format_args!("there is no service {name}"));
    }
    for (name, service) in services {
        let place = format!("{PLACE}, {name}");
        let words = texts(&service["command"]);
        let confined = service["read_only"] == true
            && texts(&service["cap_drop"]) == ["ALL"]
            && texts(&service["security_opt"]).contains(&"no-new-privileges:true");
        findings.expect(confined, &place, "read_only, cap_drop: [ALL] and no-new-privileges:true are needed");
        findings.expect(service["healthcheck"]["test"].is_array(), &place, "it has no health check");
        if name == "redis" {
            findings.expect(service.get("ports").is_none(), &place, "its port must not be published");
            let durable = DURABLE.iter().all(|pair| words.windows(2).any(|two| two == pair));
            findings.expect(durable, &place, format_args!("it must be started with {}", DURABLE.concat().join(" ")));
            continue;
        }
        findings.expect(
            texts(&service["healthcheck"]["test"]).last().is_some_and(|url| url.ends_with("/health/ready")),
            &place,
            "its health check must request /health/ready",
        );
        let role = words.windows(2).find(|two| two[0] == "--role").map(|two| two[1]);
        findings.expect(role == Some(name), &place, "the service must be named after its role");
        let ports = texts(&service["ports"]);
        findings.expect(
            ports.iter().all(|port| port.starts_with("127.0.0.1:")),
            &place,
            "ports must be published on 127.0.0.1 only",
        );
        let drain = service["environment"]["MORAG_DRAIN_TIMEOUT"].as_str();
        let stop = service["stop_grace_period"].as_str().and_then(|text| text.strip_suffix('s')?.parse().ok());
        server.check(&place, &words, drain, stop, findings);
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        let service = |command: &[&str]| {
            json!({
                "command": command, "read_only": true, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
                "healthcheck": { "test": ["CMD", "wget", "http://127.0.0.1:8000/health/ready"] },
                "stop_grace_period": "90s", "environment": { "MORAG_DRAIN_TIMEOUT": "60" },
            })
        };
        let role = |name| service(&["serve", "--role", name]);
        let redis = service(&[&["redis-server"], DURABLE.concat().as_slice()].concat());
        json!({ "services": { "api": role("api"), "worker": role("worker"), "dispatcher": role("dispatcher"), "redis": redis } })
    }

    fn findings(change: impl FnOnce(&mut Value)) -> usize {
        let mut document = good();
        change(&mut document["services"]);
        let mut findings = Findings::default();
        check(&super::super::serve::sample(), &[document], &mut findings);
        findings.0.len()
    }

    #[test]
    fn each_thing_that_is_missing_is_found() {
        assert_eq!(findings(|_| {}), 0);
        assert_eq!(findings(|services| services["api"]["read_only"] = json!(false)), 1);
        assert_eq!(findings(|services| services["api"]["cap_drop"] = json!([])), 1);
        assert_eq!(findings(|services| services["api"]["ports"] = json!(["8000:8000"])), 1);
        assert_eq!(findings(|services| services["worker"]["stop_grace_period"] = json!("60s")), 1);
        assert_eq!(findings(|services| services["worker"]["healthcheck"]["test"] = json!(["CMD", "/health"])), 1);
        assert_eq!(findings(|services| services["worker"]["command"][2] = json!("api")), 1);
        assert_eq!(findings(|services| services["redis"]["ports"] = json!(["127.0.0.1:1:1"])), 1);
        assert_eq!(findings(|services| services["redis"]["command"][4] = json!("everysec")), 1);
    }
}
