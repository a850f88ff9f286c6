//! Checks the Kubernetes manifests beyond their schemas: references resolve, and containers are confined.
use serde_json::Value;

use super::findings::Findings;
use super::serve::Server;

/// Lists the applied manifests.
const KUSTOMIZATION: &str = "kubernetes/kustomization.yaml";
/// Template that is filled in and applied by hand.
const SECRETS: &str = "kubernetes/secret.example.yaml";

/// Required settings of every container.
const CONFINED: [(&str, Value); 2] = [
    ("/securityContext/readOnlyRootFilesystem", Value::Bool(true)),
    ("/securityContext/allowPrivilegeEscalation", Value::Bool(false)),
];

/// Documents with their paths.
struct Manifests<'a>(Vec<(&'a str, &'a Value)>);

impl<'a> Manifests<'a> {
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().copied().filter(move |(_, document)| document["kind"] == kind)
    }

    fn find(&self, kind: &str, name: &Value) -> Option<&'a Value> {
        self.of_kind(kind).map(|(_, document)| document).find(|document| document["metadata"]["name"] == *name)
    }
}

/// Checks all documents; `paths` are the paths of `files`, in the same order.
pub fn check(server: &Server, openapi: &Value, paths: &[&str], files: &[Vec<Value>], findings: &mut Findings) {
    let documents = paths.iter().zip(files).flat_map(|(path, file)| file.iter().map(|document| (*path, document)));
    let manifests = Manifests(documents.collect());
    applied(&manifests, paths, findings);
    for (place, document) in manifests.of_kind("Deployment") {
        deployment(server, &manifests, place, document, findings);
    }
    for kind in ["HorizontalPodAutoscaler", "ScaledObject"] {
        for (place, document) in manifests.of_kind(kind) {
            let target = manifests.find("Deployment", &document["spec"]["scaleTargetRef"]["name"]);
            let scaled = target.is_some_and(|target| target["spec"].get("replicas").is_none());
            findings.expect(
                scaled,
                place,
                format_args!("a {kind} must scale an existing Deployment that sets no replicas"),
            );
        }
    }
    let mut triggers = 0;
    for (place, document) in manifests.of_kind("ScaledObject") {
        for trigger in document["spec"]["triggers"].as_array().into_iter().flatten() {
            triggers += 1;
            scaler(&manifests, openapi, place, trigger, findings);
        }
    }
    findings.expect(triggers > 0, "kubernetes", "nothing scales the workers");
}

/// Every manifest except the secrets must be listed.
fn applied(manifests: &Manifests<'_>, paths: &[&str], findings: &mut Findings) {
    let listed = manifests.of_kind("Kustomization").flat_map(|(_, document)| document["resources"].as_array());
    let mut listed: Vec<_> =
        listed.flatten().map(|name| format!("kubernetes/{}", name.as_str().unwrap_or_default())).collect();
    listed.sort();
    let others: Vec<_> = paths.iter().copied().filter(|path| ![KUSTOMIZATION, SECRETS].contains(path)).collect();
    findings.expect(listed == others, KUSTOMIZATION, format_args!("its resources must be {others:?}"));
    for (place, document) in &manifests.0 {
        findings.expect(document["metadata"].get("namespace").is_none(), place, "it has a namespace of its own");
    }
    for (place, secret) in manifests.of_kind("Secret") {
        let mut values = secret["stringData"].as_object().into_iter().flat_map(|data| data.values());
        findings.expect(values.all(|value| value == ""), place, "an example secret must contain no usable values");
    }
}

fn deployment(server: &Server, manifests: &Manifests<'_>, place: &str, document: &Value, findings: &mut Findings) {
    let (spec, template) = (&document["spec"], &document["spec"]["template"]);
    let pod = &template["spec"];
    findings.expect(
        template["metadata"]["labels"] == spec["selector"]["matchLabels"],
        place,
        "its selector differs from its labels",
    );
    let pod_confined = pod["securityContext"]["runAsNonRoot"] == true
        && pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        && pod["automountServiceAccountToken"] == false
        && pod["enableServiceLinks"] == false;
    findings.expect(
        pod_confined,
        place,
        "its pod must have runAsNonRoot, seccomp RuntimeDefault, no token, no service links",
    );
    findings.expect(pod["topologySpreadConstraints"].is_array(), place, "its pods are not spread over nodes");
    for container in pod["containers"].as_array().into_iter().flatten() {
        let confined = CONFINED.iter().all(|(path, value)| container.pointer(path) == Some(value))
            && container["securityContext"]["capabilities"]["drop"][0] == "ALL";
        findings.expect(confined, place, "read-only root, no privilege escalation and drop: [ALL] are needed");
        for (probe, path) in
            [("livenessProbe", "/health"), ("startupProbe", "/health"), ("readinessProbe", "/health/ready")]
        {
            findings.expect(
                container[probe]["httpGet"]["path"] == path,
                place,
                format_args!("the {probe} must request {path}"),
            );
        }
        let sized = container.pointer("/resources/requests/cpu").and(container.pointer("/resources/limits/memory"));
        findings.expect(sized.is_some(), place, "resources: requests of CPU and a limit of memory are needed");
        let mut drain = None;
        for source in container["envFrom"].as_array().into_iter().flatten() {
            let map = source.get("configMapRef").and_then(|of| manifests.find("ConfigMap", &of["name"]));
            let found = map.or_else(|| source.get("secretRef").and_then(|of| manifests.find("Secret", &of["name"])));
            findings.expect(found.is_some(), place, format_args!("{source} does not exist"));
            drain = drain.or(map.and_then(|map| map["data"]["MORAG_DRAIN_TIMEOUT"].as_str()));
        }
        let args: Vec<_> = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // The preStop hook uses up a part of the grace period.
        let before = container.pointer("/lifecycle/preStop/sleep/seconds").and_then(Value::as_u64).unwrap_or(0);
        let stop = pod["terminationGracePeriodSeconds"].as_u64().map(|grace| grace.saturating_sub(before));
        server.check(place, &args, drain, stop, findings);
    }
}

/// The URL that KEDA polls must be one of our API, and its key must exist.
fn scaler(manifests: &Manifests<'_>, openapi: &Value, place: &str, trigger: &Value, findings: &mut Findings) {
    let metadata = &trigger["metadata"];
    let url = metadata["url"].as_str().unwrap_or_default();
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
    let (name, port) = (host.split('.').next().unwrap_or_default(), host.rsplit(':').next().unwrap_or_default());
    let service = manifests.find("Service", &name.into());
    let port_known = service
        .and_then(|service| service["spec"]["ports"][0]["port"].as_u64())
        .is_some_and(|known| port.parse() == Ok(known));
    findings.expect(port_known, place, format_args!("{url:?} is not a service of these manifests"));
    let location = metadata["valueLocation"].as_str().unwrap_or_default();
    let field = field(openapi, &format!("/{path}"), location);
    findings.expect(
        field.is_some_and(|field| field["type"] == "integer"),
        place,
        format_args!("the response of GET /{path} has no number {location:?}"),
    );
    let authentication = manifests.find("TriggerAuthentication", &trigger["authenticationRef"]["name"]);
    let secret = authentication.map(|found| &found["spec"]["secretTargetRef"][0]).filter(|target| {
        let secret = manifests.find("Secret", &target["name"]);
        let key = target["key"].as_str().unwrap_or_default();
        target["parameter"] == "token" && secret.is_some_and(|secret| secret["stringData"].get(key).is_some())
    });
    findings.expect(metadata["authMode"] == "bearer" && secret.is_some(), place, "KEDA has no key for the API");
}

/// Schema of a field of a GET response.
fn field<'a>(openapi: &'a Value, path: &str, location: &str) -> Option<&'a Value> {
    let schema = &openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    location.split('.').try_fold(schema, |schema, key| {
        let object = match schema["$ref"].as_str() {
            Some(reference) => openapi.pointer(reference.strip_prefix('#')?)?,
            None => schema,
        };
        object["properties"].get(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PATHS: [&str; 4] = ["kubernetes/all.yaml", KUSTOMIZATION, "kubernetes/scaler.yaml", SECRETS];

    fn good() -> Vec<Vec<Value>> {
        let probe = |path| json!({ "httpGet": { "path": path } });
        let labels = json!({ "component": "worker" });
        let container = json!({
            "args": ["serve", "--role", "worker"],
            "envFrom": [{ "configMapRef": { "name": "morag" } }, { "secretRef": { "name": "morag" } }],
            "startupProbe": probe("/health"), "livenessProbe": probe("/health"), "readinessProbe": probe("/health/ready"),
            "resources": { "requests": { "cpu": "1" }, "limits": { "memory": "1Gi" } },
            "securityContext": {
                "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
            },
        });
        let pod = json!({
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "automountServiceAccountToken": false, "enableServiceLinks": false, "topologySpreadConstraints": [],
            "terminationGracePeriodSeconds": 80, "containers": [container],
        });
        let named =
            |kind: &str, name: &str, spec: Value| json!({ "kind": kind, "metadata": { "name": name }, "spec": spec });
        let template = json!({ "metadata": { "labels": labels }, "spec": pod });
        let mut config = named("ConfigMap", "morag", Value::Null);
        config["data"] = json!({ "MORAG_DRAIN_TIMEOUT": "60" });
        let mut secret = named("Secret", "morag", Value::Null);
        secret["stringData"] = json!({ "key": "" });
        let trigger = json!({
            "metadata": { "url": "http://morag-api.morag.svc:8000/queues", "valueLocation": "tasks.due", "authMode": "bearer" },
            "authenticationRef": { "name": "scaler" },
        });
        let scaled = json!({ "scaleTargetRef": { "name": "worker" }, "triggers": [trigger] });
        let target = json!({ "parameter": "token", "name": "morag", "key": "key" });
        vec![
            vec![
                named("Deployment", "worker", json!({ "selector": { "matchLabels": labels }, "template": template })),
                named("Service", "morag-api", json!({ "ports": [{ "port": 8000 }] })),
                config,
            ],
            vec![json!({ "kind": "Kustomization", "resources": ["all.yaml", "scaler.yaml"] })],
            vec![
                named("ScaledObject", "worker", scaled),
                named("TriggerAuthentication", "scaler", json!({ "secretTargetRef": [target] })),
            ],
            vec![secret],
        ]
    }

    fn findings(file: usize, document: usize, path: &str, value: Value) -> Vec<String> {
        let openapi = json!({
            "paths": { "/queues": { "get": { "responses": { "200": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Queues" },
            } } } } } } },
            "components": { "schemas": {
                "Queues": { "properties": { "tasks": { "$ref": "#/components/schemas/Queue" } } },
                "Queue": { "properties": { "due": { "type": "integer" }, "name": { "type": "string" } } },
            } },
        });
        let mut files = good();
        if let Some(place) = files[file][document].pointer_mut(path) {
            *place = value;
        }
        let mut findings = Findings::default();
        check(&super::super::serve::sample(), &openapi, &PATHS, &files, &mut findings);
        findings.0
    }

    #[test]
    fn good_manifests_have_no_findings() {
        assert_eq!(findings(0, 0, "/nothing", Value::Null), Vec::<String>::new());
    }

    #[test]
    fn a_deployment_that_is_less_confined_or_has_no_time_is_found() {
        let container = "/spec/template/spec/containers/0";
        for (path, value) in [
            ("/spec/template/spec/securityContext/runAsNonRoot".to_owned(), json!(false)),
            ("/spec/template/spec/enableServiceLinks".to_owned(), json!(true)),
            ("/spec/template/spec/terminationGracePeriodSeconds".to_owned(), json!(79)),
            ("/spec/template/metadata/labels/component".to_owned(), json!("api")),
            (format!("{container}/securityContext/readOnlyRootFilesystem"), json!(false)),
            (format!("{container}/securityContext/capabilities/drop"), json!([])),
            (format!("{container}/readinessProbe/httpGet/path"), json!("/health")),
            (format!("{container}/resources/limits"), json!({})),
            (format!("{container}/envFrom/1/secretRef/name"), json!("another")),
            (format!("{container}/args/2"), json!("boss")),
        ] {
            assert_eq!(findings(0, 0, &path, value).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_scaler_that_asks_for_what_is_not_there_is_found() {
        let trigger = "/spec/triggers/0";
        for (path, value) in [
            ("/spec/scaleTargetRef/name".to_owned(), json!("another")),
            (format!("{trigger}/metadata/url"), json!("http://morag-api.morag.svc:8001/queues")),
            (format!("{trigger}/metadata/valueLocation"), json!("tasks.waiting")),
            (format!("{trigger}/metadata/valueLocation"), json!("tasks.name")),
            (format!("{trigger}/metadata/authMode"), json!("basic")),
            (format!("{trigger}/authenticationRef/name"), json!("another")),
        ] {
            assert_eq!(findings(2, 0, &path, value).len(), 1, "{path}");
        }
    }

    #[test]
    fn what_is_not_applied_and_secrets_with_values_are_found() {
        assert_eq!(findings(1, 0, "/resources", json!(["all.yaml"])).len(), 1);
        assert_eq!(findings(3, 0, "/stringData/key", json!("test-api-key")).len(), 1);
    }
}
